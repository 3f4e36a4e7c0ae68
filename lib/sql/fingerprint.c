/*
 * The fingerprint: SipHash with a fixed key over the tokens in normal form. Words are folded, literals
 * become one mark each and an IN list of literals one mark, comments and white space are left out.
 */
#include <string.h>

#include "facts.h"
#include "qf/map.h"

enum { LIST_NONE, LIST_IN, LIST_OPEN, LIST_LITERAL, LIST_COMMA };

/* A full block is hashed and its hash starts the next one. */
static void flush(struct qf_fingerprint *fp)
{
	uint64_t h = qf_hash_fixed(qf_slice(fp->block, fp->n));

	for (fp->n = 0; fp->n < sizeof(h); fp->n++)
		fp->block[fp->n] = (uint8_t)(h >> (8 * fp->n));
}

static void put(struct qf_fingerprint *fp, uint8_t c)
{
	if (fp->n == sizeof(fp->block))
		flush(fp);
	fp->block[fp->n++] = c;
}

static void put_token(struct qf_fingerprint *fp, const struct qf_token *t)
{
	bool fold = t->type == QF_TOK_WORD;

	put(fp, (uint8_t)t->type);
	for (size_t i = 0; i < t->text.n; i++) {
		uint8_t c = t->text.p[i];
		put(fp, fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
	}
	put(fp, 0);
}

static bool is_literal(const struct qf_token *t)
{
	return t->type == QF_TOK_STRING || t->type == QF_TOK_NUMBER;
}

/* The + or - of a number, where an operand is expected: part of the literal. */
static bool is_sign(const struct qf_scan *s)
{
	const struct qf_token *before = &s->prev.tok;

	if (s->next.type != QF_TOK_NUMBER || !(qf_scan_is_op(&s->cur.tok, '-') || qf_scan_is_op(&s->cur.tok, '+')))
		return false;
	if (before->type == QF_TOK_OP)
		return !qf_scan_is_op(before, ')') && !qf_scan_is_op(before, ']') && !qf_scan_is_op(before, '}');
	return (s->prev.flags & (KW_PLAIN | KW_STARTS)) != 0;
}

/* True when the token is swallowed by the list of literals behind IN. */
static bool in_list(struct qf_scan *s)
{
	struct qf_fingerprint *fp = &s->fp;
	const struct qf_token *t = &s->cur.tok;
	unsigned was = fp->list;

	fp->list = LIST_NONE;
	if (was == LIST_NONE || was == LIST_IN) {
		if (s->cur.kw == KW_in)
			fp->list = LIST_IN;
		else if (was == LIST_IN && qf_scan_is_op(t, '('))
			fp->list = LIST_OPEN;
		return false;
	}
	if (is_literal(t)) {
		fp->list = LIST_LITERAL;
		return was == LIST_COMMA;
	}
	if (was == LIST_LITERAL && qf_scan_is_op(t, ',')) {
		fp->list = LIST_COMMA;
		return true;
	}
	if (was == LIST_COMMA)
		put_token(fp, &s->prev.tok);
	return false;
}

void qf_fingerprint_add(struct qf_scan *s)
{
	struct qf_fingerprint *fp = &s->fp;

	if (is_sign(s) || in_list(s))
		return;
	if (is_literal(&s->cur.tok))
		put(fp, QF_TOK_STRING);
	else
		put_token(fp, &s->cur.tok);
}

uint64_t qf_fingerprint_end(struct qf_fingerprint *fp)
{
	return qf_hash_fixed(qf_slice(fp->block, fp->n));
}
