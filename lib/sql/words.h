/*
 * A cursor over the tokens of one statement without its comments, for the small grammars of lib/sql.
 * Borrows the statement. Pure.
 */
#ifndef QF_SQL_WORDS_H
#define QF_SQL_WORDS_H

#include "qf/sql.h"

struct qf_words {
	struct qf_lexer lx;
	struct qf_token t; /* the token that stands next */
};

struct qf_words qf_words(struct qf_slice stmt, enum qf_dialect d);
void qf_words_next(struct qf_words *w);
/* The next token is this word, in any case. */
bool qf_words_at(const struct qf_words *w, const char *word);
/* The same, and steps over it. */
bool qf_words_take(struct qf_words *w, const char *word);
/* Steps over the operator of one character. */
bool qf_words_take_op(struct qf_words *w, char op);
/* Nothing left but a final ';'. */
bool qf_words_done(const struct qf_words *w);

#endif
