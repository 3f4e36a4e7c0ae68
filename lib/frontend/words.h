/*
 * A cursor over the words of one short statement that is answered here (BEGIN, DISCARD, …).
 * Borrows the statement. Pure.
 */
#ifndef QF_FRONTEND_WORDS_H
#define QF_FRONTEND_WORDS_H

#include "qf/engine.h"
#include "qf/sql.h"

struct fe_words {
	struct qf_lexer lexer;
	struct qf_slice stmt;
	struct qf_token tok; /* the next one, never a comment */
};

struct fe_words fe_words(struct qf_slice stmt, enum qf_dialect d);
bool fe_words_is(const struct fe_words *w, const char *word); /* case-insensitive; operators too */
bool fe_words_take(struct fe_words *w, const char *word);     /* is, then over it */
bool fe_words_end(const struct fe_words *w);
void fe_words_next(struct fe_words *w);
/* "syntax error at or near …" at the next token, with its position. Returns false. */
bool fe_words_syntax_error(const struct fe_words *w, struct qf_sql_error *reterr);

/* Characters, not bytes. */
uint32_t fe_characters(struct qf_slice s);

#endif
