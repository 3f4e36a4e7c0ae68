#include <string.h>

#include "lex.h"

enum { HEAD_START, HEAD_CREATE, HEAD_OR, HEAD_REPLACE, HEAD_ROUTINE, HEAD_OTHER };

/* CREATE [OR REPLACE] FUNCTION | PROCEDURE: only their bodies may hold BEGIN ATOMIC … END. */
static uint8_t head_next(uint8_t head, struct qf_slice word)
{
	if (head == HEAD_START && qf_slice_caseeq_str(word, "create"))
		return HEAD_CREATE;
	if (head == HEAD_CREATE && qf_slice_caseeq_str(word, "or"))
		return HEAD_OR;
	if (head == HEAD_OR && qf_slice_caseeq_str(word, "replace"))
		return HEAD_REPLACE;
	if ((head == HEAD_CREATE || head == HEAD_REPLACE) &&
		(qf_slice_caseeq_str(word, "function") || qf_slice_caseeq_str(word, "procedure")))
		return HEAD_ROUTINE;
	return HEAD_OTHER;
}

static void routine_word(struct qf_split_state *st, struct qf_slice word)
{
	if (qf_slice_caseeq_str(word, "begin") || (st->blocks && qf_slice_caseeq_str(word, "case")))
		st->blocks++;
	else if (st->blocks && qf_slice_caseeq_str(word, "end"))
		st->blocks--;
}

/*
 * True when the token ends its statement. psql's rules [psqlscan.l]: a ';' in parentheses does not
 * (CREATE RULE … DO (a; b)), nor in BEGIN ATOMIC … END. No other dialect has either.
 */
static bool split_token(struct qf_split_state *st, enum qf_dialect d, enum qf_tok type, struct qf_slice text)
{
	if (type == QF_TOK_SEMICOLON && (!qf_lex_psql_rules(d) || (st->parens == 0 && st->blocks == 0)))
		return true;
	if (!qf_lex_psql_rules(d) || type == QF_TOK_COMMENT)
		return false;
	if (type == QF_TOK_OP && text.n == 1 && text.p[0] == '(')
		st->parens++;
	else if (type == QF_TOK_OP && text.n == 1 && text.p[0] == ')' && st->parens > 0)
		st->parens--;
	if (st->head == HEAD_ROUTINE) {
		if (type == QF_TOK_WORD && st->parens == 0)
			routine_word(st, text);
	} else if (st->head != HEAD_OTHER) {
		st->head = type == QF_TOK_WORD ? head_next(st->head, text) : HEAD_OTHER;
	}
	return false;
}

struct qf_splitter qf_splitter(struct qf_slice text, enum qf_dialect d)
{
	return (struct qf_splitter){ .lx = qf_lexer(text, d), .line = 1 };
}

/* The line of byte at; at only grows. */
static unsigned line_of(struct qf_splitter *sp, size_t at)
{
	const uint8_t *p = sp->lx.text.p, *nl;

	while (sp->counted < at) {
		nl = memchr(p + sp->counted, '\n', at - sp->counted);
		sp->line += nl != NULL;
		sp->counted = nl ? (size_t)(nl - p) + 1 : at;
	}
	return sp->line;
}

bool qf_split_next(struct qf_splitter *sp, struct qf_statement *ret)
{
	const uint8_t *base = sp->lx.text.p;
	struct qf_split_state state = { 0 };
	struct qf_statement st = { .empty = true };
	size_t start = 0, end = 0;
	bool any = false;

	for (;;) {
		struct qf_token t = qf_lex(&sp->lx);
		if (t.type == QF_TOK_END && !any)
			return false;
		if (t.type == QF_TOK_END)
			break;
		size_t at = (size_t)(t.text.p - base);
		if (!any)
			start = end = at;
		any = true;
		if (split_token(&state, sp->lx.dialect, t.type, t.text)) {
			st.terminated = true;
			break;
		}
		end = at + t.text.n;
		if (t.type == QF_TOK_COMMENT && st.empty)
			st.comment = qf_slice(base + start, end - start);
		if (t.type != QF_TOK_COMMENT && st.empty) {
			st.empty = false;
			st.line = line_of(sp, at);
		}
	}
	if (st.empty)
		st.line = line_of(sp, start);
	st.text = qf_slice(base + start, end - start);
	st.offset = start;
	*ret = st;
	return true;
}

struct qf_split_feed qf_split_feed(enum qf_dialect d)
{
	return (struct qf_split_feed){ .dialect = d };
}

bool qf_split_feed_ready(struct qf_split_feed *f, struct qf_slice text, size_t *ret_used)
{
	unsigned rules = qf_lex_rules(f->dialect);
	struct qf_lex_open *o = &f->open;

	for (;;) {
		if (o->body == QF_BODY_NONE) {
			f->at = qf_lex_space(text, f->at, rules);
			if (f->at >= text.n)
				return false;
			*o = (struct qf_lex_open){ .start = f->at };
			if (!qf_lex_open(text, rules, true, o))
				return false;
		}
		if (!qf_lex_finish(text, rules, true, o))
			return false;
		o->body = QF_BODY_NONE;
		f->at = o->at;
		if (split_token(&f->state, f->dialect, o->type, qf_slice(text.p + o->start, o->at - o->start))) {
			*ret_used = f->at;
			*f = qf_split_feed(f->dialect);
			return true;
		}
	}
}

bool qf_split_ready(struct qf_slice text, enum qf_dialect d, size_t *ret_used)
{
	struct qf_split_feed f = qf_split_feed(d);

	return qf_split_feed_ready(&f, text, ret_used);
}
