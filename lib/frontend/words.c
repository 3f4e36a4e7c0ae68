/* See words.h. */
#include "words.h"

void fe_words_next(struct fe_words *w)
{
	do
		w->tok = qf_lex(&w->lexer);
	while (w->tok.type == QF_TOK_COMMENT);
}

struct fe_words fe_words(struct qf_slice stmt, enum qf_dialect d)
{
	struct fe_words w = { .lexer = qf_lexer(stmt, d), .stmt = stmt };

	fe_words_next(&w);
	return w;
}

bool fe_words_is(const struct fe_words *w, const char *word)
{
	return (w->tok.type == QF_TOK_WORD || w->tok.type == QF_TOK_OP) && qf_slice_caseeq_str(w->tok.text, word);
}

bool fe_words_take(struct fe_words *w, const char *word)
{
	if (!fe_words_is(w, word))
		return false;
	fe_words_next(w);
	return true;
}

bool fe_words_end(const struct fe_words *w)
{
	return w->tok.type == QF_TOK_END;
}

uint32_t fe_characters(struct qf_slice s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

bool fe_words_syntax_error(const struct fe_words *w, struct qf_sql_error *reterr)
{
	struct qf_slice tok = w->tok.text;

	if (fe_words_end(w)) {
		qf_sql_error_set(reterr, "42601", "syntax error at end of input");
		reterr->position = fe_characters(w->stmt) + 1;
		return false;
	}
	qf_sql_error_set(reterr, "42601", "syntax error at or near \"%.*s\"", tok.n > 2000 ? 2000 : (int)tok.n,
		(const char *)tok.p);
	reterr->position = fe_characters(qf_slice(w->stmt.p, (size_t)(tok.p - w->stmt.p))) + 1;
	return false;
}
