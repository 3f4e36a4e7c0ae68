/* See words.h. */
#include "words.h"

void pg_words_next(struct pg_words *w)
{
	do
		w->tok = qf_lex(&w->lexer);
	while (w->tok.type == QF_TOK_COMMENT);
}

struct pg_words pg_words(struct qf_slice stmt, enum qf_dialect d)
{
	struct pg_words w = { .lexer = qf_lexer(stmt, d), .stmt = stmt };

	pg_words_next(&w);
	return w;
}

bool pg_words_is(const struct pg_words *w, const char *word)
{
	return (w->tok.type == QF_TOK_WORD || w->tok.type == QF_TOK_OP) && qf_slice_caseeq_str(w->tok.text, word);
}

bool pg_words_take(struct pg_words *w, const char *word)
{
	if (!pg_words_is(w, word))
		return false;
	pg_words_next(w);
	return true;
}

bool pg_words_end(const struct pg_words *w)
{
	return w->tok.type == QF_TOK_END;
}

uint32_t pg_characters(struct qf_slice s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

bool pg_words_syntax_error(const struct pg_words *w, struct qf_sql_error *reterr)
{
	struct qf_slice tok = w->tok.text;

	if (pg_words_end(w)) {
		qf_sql_error_set(reterr, "42601", "syntax error at end of input");
		reterr->position = pg_characters(w->stmt) + 1;
		return false;
	}
	qf_sql_error_set(reterr, "42601", "syntax error at or near \"%.*s\"", tok.n > 2000 ? 2000 : (int)tok.n,
		(const char *)tok.p);
	reterr->position = pg_characters(qf_slice(w->stmt.p, (size_t)(tok.p - w->stmt.p))) + 1;
	return false;
}
