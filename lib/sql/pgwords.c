/* See pgwords.h. */
#include "pgwords.h"

#include <stdio.h>
#include <string.h>

#include "qf/str.h"

enum { SHOWN = 200, NAMES_MAX = 10000 };

struct pg_words pg_words(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_pgstmt_error *err)
{
	struct pg_words p = { .w = qf_words(stmt, d), .stmt = stmt, .d = d, .a = a, .err = err };

	qf_words_next(&p.w);
	return p;
}

bool pg_words_op(const struct pg_words *p, char op)
{
	return p->w.t.type == QF_TOK_OP && p->w.t.text.n == 1 && p->w.t.text.p[0] == (uint8_t)op;
}

static uint32_t place_of(const struct pg_words *p, struct qf_slice at)
{
	uint32_t n = 1;

	for (const uint8_t *c = p->stmt.p; c < at.p; c++)
		n += (*c & 0xc0) != 0x80;
	return n;
}

int pg_words_fail(struct pg_words *p, const char *sqlstate, struct qf_slice at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err->text, sizeof(p->err->text), fmt, ap);
	va_end(ap);
	snprintf(p->err->sqlstate, sizeof(p->err->sqlstate), "%s", sqlstate);
	p->err->position = at.p ? place_of(p, at) : 0;
	return -EINVAL;
}

int pg_words_syntax(struct pg_words *p)
{
	struct qf_slice t = p->w.t.text, end = qf_slice(p->stmt.p + p->stmt.n, 0);

	if (p->w.t.type == QF_TOK_END)
		return pg_words_fail(p, "42601", end, "syntax error at end of input");
	t.n = qf_utf8_cut(qf_slice(t.p, t.n > SHOWN ? SHOWN : t.n));
	return pg_words_fail(p, "42601", t, "syntax error at or near \"%.*s\"", (int)t.n, (const char *)t.p);
}

/* Words that PostgreSQL takes for no name [PG appendix C]: those that can stand where these statements have one. */
static bool is_reserved(struct qf_slice word)
{
	static const char *const reserved[] = { "all", "and", "any", "array", "as", "asc", "both", "case", "cast", "check",
		"column", "constraint", "create", "default", "desc", "distinct", "do", "else", "end", "except", "false",
		"fetch", "for", "foreign", "from", "grant", "group", "having", "in", "initially", "intersect", "into",
		"leading", "limit", "not", "null", "offset", "on", "only", "or", "order", "primary", "references",
		"returning", "select", "some", "table", "then", "to", "trailing", "true", "union", "unique", "user",
		"using", "when", "where", "window", "with" };

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (qf_slice_caseeq_str(word, reserved[i]))
			return true;
	return false;
}

const char *pg_words_name(struct pg_words *p)
{
	struct qf_token t = p->w.t;
	char *name = NULL;

	if (t.type == QF_TOK_WORD && !is_reserved(t.text))
		name = qf_arena_strndup(p->a, t.text.p, t.text.n);
	for (char *c = name; c && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	if (t.type == QF_TOK_QUOTED && t.text.n > 2)
		name = qf_sql_unquote(t.text, p->d, p->a);
	if (!name || !*name)
		return NULL;
	if (strlen(name) > PG_NAME_BYTES)
		name[qf_utf8_cut(qf_slice(name, PG_NAME_BYTES))] = 0;
	qf_words_next(&p->w);
	return name;
}

const char *pg_words_string(struct pg_words *p)
{
	const char *s = p->w.t.type == QF_TOK_STRING ? qf_sql_unquote(p->w.t.text, p->d, p->a) : NULL;

	if (s)
		qf_words_next(&p->w);
	return s;
}

bool pg_words_names(struct pg_words *p, struct qf_names *ret)
{
	struct pg_words count = *p;
	size_t n = 0;

	if (!pg_words_op(p, '('))
		return false;
	for (; count.w.t.type != QF_TOK_END && !pg_words_op(&count, ')') && n < NAMES_MAX; qf_words_next(&count.w))
		n++;
	ret->v = qf_arena_alloc(p->a, (n + 1) * sizeof(*ret->v));
	ret->n = 0;
	do {
		qf_words_next(&p->w); /* over ( or , */
		const char *name = ret->n < n ? pg_words_name(p) : NULL;

		if (!name)
			return false;
		ret->v[ret->n++] = name;
	} while (pg_words_op(p, ','));
	return qf_words_take_op(&p->w, ')');
}

struct qf_slice pg_words_rest(const struct pg_words *p)
{
	const uint8_t *from = p->w.t.text.p;

	if (p->w.t.type == QF_TOK_END)
		return QF_SLICE_NONE;
	return qf_slice(from, (size_t)(p->stmt.p + p->stmt.n - from));
}
