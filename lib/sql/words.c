#include "words.h"

struct qf_words qf_words(struct qf_slice stmt, enum qf_dialect d)
{
	struct qf_words w = { .lx = qf_lexer(stmt, d) };

	qf_words_next(&w);
	return w;
}

void qf_words_next(struct qf_words *w)
{
	do
		w->t = qf_lex(&w->lx);
	while (w->t.type == QF_TOK_COMMENT);
}

bool qf_words_at(const struct qf_words *w, const char *word)
{
	return w->t.type == QF_TOK_WORD && qf_slice_caseeq_str(w->t.text, word);
}

bool qf_words_take(struct qf_words *w, const char *word)
{
	if (!qf_words_at(w, word))
		return false;
	qf_words_next(w);
	return true;
}

bool qf_words_take_op(struct qf_words *w, char op)
{
	if (w->t.type != QF_TOK_OP || w->t.text.n != 1 || w->t.text.p[0] != (uint8_t)op)
		return false;
	qf_words_next(w);
	return true;
}

bool qf_words_done(const struct qf_words *w)
{
	struct qf_words rest = *w;

	while (rest.t.type == QF_TOK_SEMICOLON)
		qf_words_next(&rest);
	return rest.t.type == QF_TOK_END;
}
