/* The ends of lexemes, found so that the search can go on when more text has come. */
#include <string.h>

#include "lex.h"

static bool closed(struct qf_lex_open *o, size_t end)
{
	o->at = end;
	return true;
}

/* Not found: go on from here when there is more. */
static bool open_still(struct qf_lex_open *o, size_t at)
{
	o->at = at;
	return false;
}

static bool finish_line(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	for (size_t i = o->at; i < t.n; i++) {
		if (t.p[i] == '\n' || (t.p[i] == '\r' && rules & LX_CR_ENDS))
			return closed(o, i);
		if (t.p[i] != '\\' || !(rules & LX_LINE_CONT))
			continue;
		if (i + 1 == t.n && more)
			return open_still(o, i);
		if (i + 1 < t.n && t.p[i + 1] == '\n')
			i++;
	}
	return more ? open_still(o, t.n) : closed(o, t.n);
}

static bool finish_block(struct qf_slice t, unsigned rules, struct qf_lex_open *o)
{
	size_t i = o->at;

	while (i + 1 < t.n) {
		uint8_t c = t.p[i], next = t.p[i + 1];
		if (c == '*' && next == '/') {
			if (--o->nest == 0)
				return closed(o, i + 2);
			i += 2;
		} else if (c == '/' && next == '*' && rules & LX_NEST) {
			o->nest++;
			i += 2;
		} else {
			i++;
		}
	}
	return open_still(o, i);
}

static bool finish_quote(struct qf_slice t, bool more, struct qf_lex_open *o)
{
	size_t i = o->at;

	while (i < t.n) {
		if (t.p[i] == '\\' && o->escape) {
			if (i + 1 == t.n)
				break;
			i += 2;
		} else if (t.p[i] != o->quote) {
			i++;
		} else if (i + 1 < t.n && t.p[i + 1] == o->quote) {
			i += 2;
		} else if (i + 1 == t.n && more) {
			break;
		} else {
			return closed(o, i + 1);
		}
	}
	return open_still(o, i);
}

static bool finish_triple(struct qf_slice t, bool more, struct qf_lex_open *o)
{
	size_t i = o->at, quotes;

	while (i < t.n) {
		if (t.p[i] == '\\' && o->escape) {
			if (i + 1 == t.n)
				break;
			i += 2;
			continue;
		}
		for (quotes = 0; quotes < 3 && i + quotes < t.n && t.p[i + quotes] == o->quote; quotes++)
			;
		if (quotes == 3)
			return closed(o, i + 3);
		if (quotes && i + quotes == t.n && more)
			break;
		i += quotes ? quotes : 1;
	}
	return open_still(o, i);
}

static bool finish_dollar(struct qf_slice t, struct qf_lex_open *o)
{
	const uint8_t *tag = t.p + o->start;
	size_t i = o->at;

	while (i < t.n) {
		const uint8_t *dollar = memchr(t.p + i, '$', t.n - i);
		if (!dollar)
			return open_still(o, t.n);
		i = (size_t)(dollar - t.p);
		if (t.n - i < o->tag)
			return open_still(o, i);
		if (memcmp(dollar, tag, o->tag) == 0)
			return closed(o, i + o->tag);
		i++;
	}
	return open_still(o, i);
}

static bool finish_q(struct qf_slice t, struct qf_lex_open *o)
{
	size_t i = o->at;

	for (; i + 1 < t.n; i++)
		if (t.p[i] == o->quote && t.p[i + 1] == '\'')
			return closed(o, i + 2);
	return open_still(o, i);
}

/* Two bytes back: a wide blank may be cut in the middle. */
static bool finish_run(struct qf_slice t, bool more, size_t end, struct qf_lex_open *o)
{
	return end == t.n && more ? open_still(o, end - 2) : closed(o, end);
}

bool qf_lex_finish(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	switch ((enum qf_lex_body)o->body) {
	case QF_BODY_NONE:
		/* What touches the end may be longer, except a ';'. */
		return !more || o->at < t.n || o->type == QF_TOK_SEMICOLON;
	case QF_BODY_LINE:
		return finish_line(t, rules, more, o);
	case QF_BODY_BLOCK:
		return finish_block(t, rules, o);
	case QF_BODY_QUOTE:
		return finish_quote(t, more, o);
	case QF_BODY_TRIPLE:
		return finish_triple(t, more, o);
	case QF_BODY_DOLLAR:
		return finish_dollar(t, o);
	case QF_BODY_Q:
		return finish_q(t, o);
	case QF_BODY_WORD:
		return finish_run(t, more, qf_lex_word(t, o->at, rules), o);
	case QF_BODY_HEX:
		return finish_run(t, more, qf_lex_hex(t, o->at), o);
	}
	return true;
}

struct qf_lexer qf_lexer(struct qf_slice text, enum qf_dialect d)
{
	return (struct qf_lexer){ .text = text, .dialect = d };
}

struct qf_token qf_lex(struct qf_lexer *lx)
{
	unsigned rules = qf_lex_rules(lx->dialect);
	struct qf_lex_open o = { .start = qf_lex_space(lx->text, lx->at, rules) };
	struct qf_token t = { 0 };

	if (o.start >= lx->text.n) {
		lx->at = lx->text.n;
		return t;
	}
	(void)qf_lex_open(lx->text, rules, false, &o);
	t.type = o.type;
	if (!qf_lex_finish(lx->text, rules, false, &o)) {
		t.type = QF_TOK_BAD;
		o.at = lx->text.n;
	}
	t.text = qf_slice(lx->text.p + o.start, o.at - o.start);
	lx->at = o.at;
	return t;
}

size_t qf_lex_fold(struct qf_slice word, char *buf, size_t size)
{
	if (word.n >= size)
		return 0;
	for (size_t i = 0; i < word.n; i++)
		buf[i] = (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] + 32 : word.p[i]);
	buf[word.n] = 0;
	return word.n;
}
