#include <string.h>

#include "facts.h"
#include "lex.h"

void qf_scan_mark(struct qf_scan *s, enum qf_access a, struct qf_slice culprit)
{
	struct qf_facts *f = s->f;

	if (a == QF_ACCESS_READ || f->access == QF_ACCESS_WRITE || f->access == a)
		return;
	f->access = a;
	f->culprit = culprit;
}

bool qf_scan_is_op(const struct qf_token *t, char c)
{
	return t->type == QF_TOK_OP && t->text.n == 1 && t->text.p[0] == (uint8_t)c;
}

bool qf_scan_level_bit(const struct qf_scan *s, uint64_t bits)
{
	return s->level < SCAN_LEVELS && bits >> s->level & 1;
}

void qf_scan_set_bit(const struct qf_scan *s, uint64_t *bits, bool on)
{
	uint64_t bit;

	if (s->level >= SCAN_LEVELS)
		return;
	bit = (uint64_t)1 << s->level;
	*bits = on ? *bits | bit : *bits & ~bit;
}

static struct qf_token lex_code(struct qf_lexer *lx)
{
	struct qf_token t;

	do
		t = qf_lex(lx);
	while (t.type == QF_TOK_COMMENT);
	return t;
}

static bool advance(struct qf_scan *s)
{
	bool dot = qf_scan_is_op(&s->cur.tok, '.');
	bool name = s->cur.tok.type == QF_TOK_WORD || s->cur.tok.type == QF_TOK_QUOTED;

	s->prev2 = s->prev;
	s->prev = s->cur;
	s->cur = (struct qf_lexeme){ .tok = s->next };
	s->low[0] = 0;
	if (s->next.type == QF_TOK_END)
		return false;
	s->next = lex_code(&s->lx);
	s->index++;
	/* a.b.f: two names with a dot behind them stand before f. */
	if (dot)
		s->chain++;
	else if (!name || !qf_scan_is_op(&s->cur.tok, '.'))
		s->chain = 0;
	if (s->cur.tok.type == QF_TOK_WORD && qf_lex_fold(s->cur.tok.text, s->low, sizeof(s->low)))
		s->cur.kw = qf_keyword_find(s->low, &s->cur.flags);
	return true;
}

static void note_depth(struct qf_scan *s)
{
	if (s->level + s->cases > s->f->depth)
		s->f->depth = s->level + s->cases;
}

static void scan_op(struct qf_scan *s)
{
	struct qf_slice t = s->cur.tok.text;

	if (t.n == 1 && strchr("([{", t.p[0])) {
		s->level++;
		qf_scan_set_bit(s, &s->in_from, false);
		qf_scan_set_bit(s, &s->in_with, false);
		note_depth(s);
	} else if (t.n == 1 && strchr(")]}", t.p[0]) && s->level > 0) {
		s->level--;
	}
	qf_scan_op_access(s);
}

/* Which clause the words at this level stand in. */
static void scan_clause(struct qf_scan *s)
{
	switch (s->cur.kw) {
	case KW_from:
	case KW_join:
		qf_scan_set_bit(s, &s->in_with, false);
		qf_scan_set_bit(s, &s->in_from, true);
		break;
	case KW_select:
	case KW_insert:
	case KW_update:
	case KW_delete:
	case KW_merge:
		qf_scan_set_bit(s, &s->in_with, false);
		qf_scan_set_bit(s, &s->in_from, false);
		break;
	case KW_values:
	case KW_table:
	case KW_pivot:
	case KW_unpivot:
		qf_scan_set_bit(s, &s->in_with, false);
		break;
	case KW_with:
		if (qf_scan_is_op(&s->prev.tok, '('))
			qf_scan_set_bit(s, &s->in_with, true);
		break;
	case KW_on:
	case KW_using:
	case KW_where:
	case KW_group:
	case KW_order:
	case KW_having:
	case KW_limit:
	case KW_offset:
	case KW_fetch:
	case KW_union:
	case KW_except:
	case KW_intersect:
	case KW_window:
	case KW_qualify:
	case KW_returning:
	case KW_operator:
		qf_scan_set_bit(s, &s->in_from, false);
		break;
	default:
		break;
	}
}

static void scan_word(struct qf_scan *s)
{
	bool named = qf_scan_is_op(&s->prev.tok, '.') || s->prev.kw == KW_as;

	if (s->cur.kw == KW_case && !named) {
		s->cases++;
		note_depth(s);
	} else if (s->cur.kw == KW_end && !named && s->cases > 0) {
		s->cases--;
	}
	qf_scan_word_access(s);
	if (!named)
		scan_clause(s);
}

static void scan_token(struct qf_scan *s)
{
	struct qf_token *t = &s->cur.tok;

	if (s->phase != SCAN_BODY)
		qf_scan_head(s);
	else
		qf_scan_body(s);
	if (t->type == QF_TOK_OP)
		scan_op(s);
	else if (t->type == QF_TOK_WORD)
		scan_word(s);
	else if (t->type == QF_TOK_PARAM)
		s->f->params++;
	if ((t->type == QF_TOK_WORD || t->type == QF_TOK_QUOTED) && qf_scan_is_op(&s->next, '('))
		qf_scan_call_access(s);
	if (t->type == QF_TOK_BAD)
		s->f->bad = true;
	if (t->type == QF_TOK_BAD || (t->type == QF_TOK_SEMICOLON && s->next.type != QF_TOK_END))
		qf_scan_mark(s, QF_ACCESS_UNKNOWN, t->text);
	qf_fingerprint_add(s);
}

void qf_sql_facts(struct qf_slice stmt, enum qf_dialect d, struct qf_facts *ret)
{
	struct qf_scan s = { .lx = qf_lexer(stmt, d), .d = d, .f = ret };
	struct qf_slice first;

	*ret = (struct qf_facts){ .verb = QF_VERB_EMPTY };
	s.next = lex_code(&s.lx);
	first = s.next.text;
	while (advance(&s))
		scan_token(&s);
	ret->fingerprint = qf_fingerprint_end(&s.fp);
	if (ret->word.n == 0 && first.n > 0) {
		ret->verb = QF_VERB_OTHER;
		qf_scan_mark(&s, QF_ACCESS_UNKNOWN, first);
	}
	/* A COPY that goes nowhere is not understood. */
	if (ret->verb == QF_VERB_COPY && !s.copy_to)
		qf_scan_mark(&s, QF_ACCESS_UNKNOWN, ret->word);
}
