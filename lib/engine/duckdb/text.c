/* See text.h. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/sql.h"

/* 0: no number that a parameter can have. */
static unsigned number_of(struct qf_slice mark)
{
	unsigned v = 0;

	for (size_t i = 1; i < mark.n; i++) {
		if (mark.p[i] < '0' || mark.p[i] > '9' || v > DUCK_MAX_PARAMS)
			return 0;
		v = 10 * v + (mark.p[i] - '0');
	}
	return v <= DUCK_MAX_PARAMS ? v : 0;
}

static void add_mark(struct duck_text *t, size_t at, struct qf_slice mark, unsigned *questions)
{
	unsigned number = mark.n == 1 ? ++*questions : number_of(mark);

	if (t->n_marks % 16 == 0)
		t->marks = qf_xrealloc(t->marks, (t->n_marks + 16) * sizeof(*t->marks));
	t->marks[t->n_marks++] = (struct duck_mark){ .at = at, .n = mark.n, .number = number };
	if (number > t->max)
		t->max = number;
}

void duck_text_read(struct duck_text *ret, struct qf_slice sql)
{
	struct qf_lexer lx = qf_lexer(sql, QF_DIALECT_DUCKDB);
	unsigned questions = 0;
	struct qf_token t;

	*ret = (struct duck_text){ .sql = sql };
	if (!sql.n || (!memchr(sql.p, '$', sql.n) && !memchr(sql.p, '?', sql.n)))
		return;
	while ((t = qf_lex(&lx)).type != QF_TOK_END)
		if (t.type == QF_TOK_PARAM)
			add_mark(ret, (size_t)(t.text.p - sql.p), t.text, &questions);
}

void duck_text_fini(struct duck_text *t)
{
	free(t->marks);
	t->marks = NULL;
	t->n_marks = 0;
}

bool duck_text_is_one(const char *sql)
{
	struct qf_splitter sp = qf_splitter(qf_slice_str(sql), QF_DIALECT_DUCKDB);
	struct qf_statement st;
	unsigned n = 0;

	while (qf_split_next(&sp, &st))
		n += !st.empty;
	return n <= 1;
}

unsigned duck_text_missing(const struct duck_text *t)
{
	bool *seen = qf_xcalloc(t->max + 1, sizeof(*seen));
	unsigned missing = 0;

	for (size_t i = 0; i < t->n_marks; i++)
		seen[t->marks[i].number] = true;
	for (unsigned i = 1; i <= t->max && !missing; i++)
		if (!seen[i])
			missing = i;
	free(seen);
	return missing;
}

static const struct duck_type *cast_of(const struct duck_mark *m, const struct duck_type *const *casts)
{
	return m->number ? casts[m->number - 1] : NULL;
}

static void put_mark(struct qf_buf *sql, struct qf_slice mark, const struct duck_type *cast, bool nulls)
{
	struct qf_slice what = nulls ? qf_slice_str("NULL") : mark;

	if (!cast) {
		qf_buf_add_slice(sql, what);
		return;
	}
	qf_buf_add_str(sql, "CAST(");
	qf_buf_add_slice(sql, what);
	qf_buf_add_str(sql, " AS ");
	duck_type_put_sql(sql, cast);
	qf_buf_u8(sql, ')');
}

void duck_text_cast(struct qf_buf *sql, struct duck_text *t, const struct duck_type *const *casts, bool nulls)
{
	size_t at = 0;

	for (size_t i = 0; i < t->n_marks; i++) {
		struct duck_mark *m = &t->marks[i];

		qf_buf_add(sql, t->sql.p + at, m->at - at);
		size_t from = sql->n;

		put_mark(sql, qf_slice(t->sql.p + m->at, m->n), cast_of(m, casts), nulls);
		m->cast_n = sql->n - from;
		at = m->at + m->n;
	}
	qf_buf_add(sql, t->sql.p + at, t->sql.n - at);
}

void duck_casts_fini(struct duck_casts *c)
{
	free(c->of);
	free(c->marks);
	*c = (struct duck_casts){ 0 };
}

size_t duck_casts_origin(const struct duck_casts *c, size_t at)
{
	size_t added = 0;

	for (size_t i = 0; i < c->n_marks; i++) {
		const struct duck_mark *m = &c->marks[i];

		if (at < m->at + added)
			break;
		if (at < m->at + added + m->cast_n)
			return m->at;
		added += m->cast_n - m->n;
	}
	return at - added;
}

/* The bracket that closes what begins at p, or NULL. */
static char *closing(char *p)
{
	int open = 0;

	for (; *p; p++) {
		open += (*p == '(') - (*p == ')');
		if (open == 0 && *p == ')')
			return p;
	}
	return NULL;
}

void duck_text_uncast(char *name, const struct duck_casts *casts)
{
	char *from = name;

	while ((from = strstr(from, "CAST($"))) {
		char *as, *end = closing(from + 4);
		unsigned long number = strtoul(from + 6, &as, 10);
		size_t digits = (size_t)(as - from) - 6;

		if (number == 0 || number > casts->n || !casts->of[number - 1] || !end || strncmp(as, " AS ", 4) != 0) {
			from += 6;
			continue;
		}
		memmove(from, from + 5, digits + 1);
		memmove(from + digits + 1, end + 1, strlen(end + 1) + 1);
		from += digits + 1;
	}
}
