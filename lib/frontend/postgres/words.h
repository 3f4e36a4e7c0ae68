/*
 * A cursor over the words of one short statement that is answered here (BEGIN, DISCARD, …).
 * Borrows the statement. Pure.
 */
#ifndef QF_FRONTEND_PG_WORDS_H
#define QF_FRONTEND_PG_WORDS_H

#include "qf/engine.h"
#include "qf/sql.h"

struct pg_words {
	struct qf_lexer lexer;
	struct qf_slice stmt;
	struct qf_token tok; /* the next one, never a comment */
};

struct pg_words pg_words(struct qf_slice stmt, enum qf_dialect d);
bool pg_words_is(const struct pg_words *w, const char *word); /* case-insensitive; operators too */
bool pg_words_take(struct pg_words *w, const char *word);     /* is, then over it */
bool pg_words_end(const struct pg_words *w);
void pg_words_next(struct pg_words *w);
/* "syntax error at or near …" at the next token, with its position. Returns false. */
bool pg_words_syntax_error(const struct pg_words *w, struct qf_sql_error *reterr);

/* Characters, not bytes. */
uint32_t pg_characters(struct qf_slice s);

#endif
