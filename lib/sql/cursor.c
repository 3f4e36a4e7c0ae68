/* DECLARE, FETCH, MOVE, CLOSE: PostgreSQL's grammar [PG reference pages, gram.y of 15]. See qf/pgstmt.h. */
#include "pgwords.h"

#include <string.h>

/* ---- DECLARE ---- */

struct options {
	bool scroll, no_scroll, insensitive, asensitive;
};

static int check_options(struct pg_words *p, const struct options *o)
{
	if (o->scroll && o->no_scroll)
		return pg_words_fail(p, "42P11", QF_SLICE_NONE, "cannot specify both SCROLL and NO SCROLL");
	if (o->insensitive && o->asensitive)
		return pg_words_fail(p, "42P11", QF_SLICE_NONE, "cannot specify both ASENSITIVE and INSENSITIVE");
	return 0;
}

static bool take_option(struct pg_words *p, struct qf_cursor_stmt *ret, struct options *o)
{
	struct qf_words *w = &p->w;

	if (qf_words_take(w, "no")) {
		o->no_scroll = true;
		return qf_words_take(w, "scroll");
	}
	if (qf_words_take(w, "scroll"))
		o->scroll = true;
	else if (qf_words_take(w, "binary"))
		ret->binary = true;
	else if (qf_words_take(w, "insensitive"))
		o->insensitive = true;
	else if (qf_words_take(w, "asensitive"))
		o->asensitive = true;
	else
		return false;
	return true;
}

/* Does it change something in a WITH? */
static bool writes_in_with(struct qf_slice query, enum qf_dialect d)
{
	struct qf_words w = qf_words(query, d);
	bool opened = false;

	for (; w.t.type != QF_TOK_END; qf_words_next(&w)) {
		if (opened && (qf_words_at(&w, "insert") || qf_words_at(&w, "update") || qf_words_at(&w, "delete")))
			return true;
		opened = w.t.type == QF_TOK_OP && qf_slice_eq_str(w.t.text, "(");
	}
	return false;
}

static int parse_declare(struct pg_words *p, struct qf_cursor_stmt *ret)
{
	struct options o = { 0 };
	struct qf_facts f;

	ret->name = pg_words_name(p);
	if (!ret->name)
		return pg_words_syntax(p);
	while (!qf_words_at(&p->w, "cursor"))
		if (!take_option(p, ret, &o))
			return pg_words_syntax(p);
	qf_words_next(&p->w);
	bool with = qf_words_take(&p->w, "with"), without = !with && qf_words_take(&p->w, "without");

	if ((with || without) && !qf_words_take(&p->w, "hold"))
		return pg_words_syntax(p);
	ret->hold = with;
	ret->scroll = o.scroll;
	if (!qf_words_take(&p->w, "for"))
		return pg_words_syntax(p);
	ret->query = pg_words_rest(p);
	qf_sql_facts(ret->query, p->d, &f);
	if (f.verb != QF_VERB_SELECT)
		return pg_words_syntax(p);
	if (check_options(p, &o) < 0)
		return -EINVAL;
	if (qf_words_at(&p->w, "with") && writes_in_with(ret->query, p->d))
		return pg_words_fail(p, "0A000", QF_SLICE_NONE,
			"DECLARE CURSOR must not contain data-modifying statements in WITH");
	return 0;
}

/* ---- FETCH, MOVE ---- */

/* An integer of 32 bits with its sign: others are no count there. */
static bool take_count(struct pg_words *p, int64_t *ret)
{
	struct pg_words at = *p;
	bool minus = qf_words_take_op(&at.w, '-');
	int64_t n = 0;

	if (!minus)
		(void)qf_words_take_op(&at.w, '+');
	if (at.w.t.type != QF_TOK_NUMBER)
		return false;
	for (size_t i = 0; i < at.w.t.text.n; i++) {
		uint8_t c = at.w.t.text.p[i];

		if (c < '0' || c > '9' || n > INT32_MAX / 10)
			return false;
		n = n * 10 + (c - '0');
	}
	if (n > INT32_MAX)
		return false;
	*ret = minus ? -n : n;
	qf_words_next(&at.w);
	*p = at;
	return true;
}

static bool ends_with_name(const struct pg_words *p)
{
	struct qf_words w = p->w;

	if (w.t.type != QF_TOK_WORD || qf_words_at(&w, "all"))
		return false;
	qf_words_next(&w);
	return w.t.type == QF_TOK_END;
}

/* What stands before the name, if anything does. False: a syntax error. */
static bool take_way(struct pg_words *p, struct qf_cursor_stmt *ret)
{
	static const struct {
		const char *word;
		enum qf_fetch way;
		int64_t count;
		bool counted, must; /* a number may follow, or has to */
	} ways[] = {
		{ "next", QF_FETCH_FORWARD, 1, false, false },	{ "prior", QF_FETCH_BACKWARD, 1, false, false },
		{ "first", QF_FETCH_ABSOLUTE, 1, false, false }, { "last", QF_FETCH_ABSOLUTE, -1, false, false },
		{ "absolute", QF_FETCH_ABSOLUTE, 0, true, true }, { "relative", QF_FETCH_RELATIVE, 0, true, true },
		{ "forward", QF_FETCH_FORWARD, 1, true, false }, { "backward", QF_FETCH_BACKWARD, 1, true, false },
	};

	ret->way = QF_FETCH_FORWARD;
	ret->count = 1;
	if (ends_with_name(p)) /* a cursor may be called next */
		return true;
	ret->all = qf_words_take(&p->w, "all");
	if (ret->all || take_count(p, &ret->count))
		return true;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!qf_words_take(&p->w, ways[i].word))
			continue;
		ret->way = ways[i].way;
		ret->count = ways[i].count;
		if (ways[i].counted && !ways[i].must)
			ret->all = qf_words_take(&p->w, "all");
		return !ways[i].counted || ret->all || take_count(p, &ret->count) || !ways[i].must;
	}
	return true;
}

static int parse_fetch(struct pg_words *p, struct qf_cursor_stmt *ret)
{
	if (!take_way(p, ret))
		return pg_words_syntax(p);
	if (!qf_words_take(&p->w, "from"))
		(void)qf_words_take(&p->w, "in");
	ret->name = pg_words_name(p);
	return ret->name && p->w.t.type == QF_TOK_END ? 0 : pg_words_syntax(p);
}

static int parse_close(struct pg_words *p, struct qf_cursor_stmt *ret)
{
	if (!qf_words_take(&p->w, "all")) {
		ret->name = pg_words_name(p);
		if (!ret->name)
			return pg_words_syntax(p);
	}
	return p->w.t.type == QF_TOK_END ? 0 : pg_words_syntax(p);
}

int qf_cursor_parse(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_cursor_stmt *ret,
	struct qf_pgstmt_error *reterr)
{
	struct pg_words p = pg_words(stmt, d, a, reterr);
	struct qf_words verb = qf_words(stmt, d);

	*ret = (struct qf_cursor_stmt){ 0 };
	if (qf_words_at(&verb, "declare"))
		return parse_declare(&p, ret);
	if (qf_words_at(&verb, "close"))
		return parse_close(&p, ret);
	if (qf_words_at(&verb, "fetch") || qf_words_at(&verb, "move"))
		return parse_fetch(&p, ret);
	p.w = verb;
	return pg_words_syntax(&p);
}
