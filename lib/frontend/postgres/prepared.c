/* See prepared.h. */
#include <stdlib.h>
#include <string.h>

#include "qf/map.h"
#include "session.h"
#include "../words.h"

enum {
	MAX_STATEMENTS = 10000,
	MAX_BYTES = 64 << 20, /* of statements and portals of one session */
	FIRST_NORMAL_OID = 16384, /* of what is made in a database */
};

/* ---- one statement ---- */

/* $1 … $n by the highest number; other placeholders count. */
static unsigned count_params(struct qf_slice text, enum qf_dialect d, const struct qf_facts *f)
{
	struct qf_lexer lx = qf_lexer(text, d);
	unsigned n = 0;
	bool numbered = true;

	if (f->params == 0)
		return 0;
	for (struct qf_token t = qf_lex(&lx); t.type != QF_TOK_END && t.type != QF_TOK_BAD; t = qf_lex(&lx)) {
		if (t.type != QF_TOK_PARAM)
			continue;
		unsigned v = 0;

		numbered &= t.text.n > 1 && t.text.p[0] == '$';
		for (size_t i = 1; numbered && i < t.text.n && v <= UINT16_MAX; i++)
			v = v * 10 + (t.text.p[i] - '0');
		n = v > n ? v : n;
	}
	return numbered ? n : f->params;
}

struct pg_statement *pg_statement_new(struct pg_session *s, struct qf_slice name, struct qf_slice text,
				      const struct qf_statement *stmt, struct qf_reader types, uint16_t n_types)
{
	struct pg_statement *st = qf_xcalloc(1, sizeof(*st));
	enum qf_dialect d = pg_session_facts(s)->dialect;
	unsigned n;

	st->refs = 1;
	st->name = qf_slice_dup(name);
	st->text = qf_slice_dup(stmt->text);
	st->n = stmt->text.n;
	st->shift = fe_characters(qf_slice(text.p, stmt->offset));
	qf_sql_facts(qf_slice(st->text, st->n), d, &st->facts);
	n = count_params(qf_slice(st->text, st->n), d, &st->facts);
	st->n_types = n_types;
	st->n_params = n > n_types ? (uint16_t)(n > UINT16_MAX ? UINT16_MAX : n) : n_types;
	if (st->n_params)
		st->types = qf_xcalloc(st->n_params, sizeof(*st->types));
	for (uint16_t i = 0; i < n_types; i++)
		st->types[i] = qf_read_u32(&types);
	st->charged = sizeof(*st) + st->n + name.n + 2 * sizeof(*st->types) * st->n_params;
	return st;
}

static void drop_columns(struct pg_session *s, struct pg_statement *st)
{
	qf_buf_fini(&st->columns);
	s->extended.bytes -= st->columns_charged;
	pg_listener_release(s->listener, st->columns_charged);
	st->columns_charged = 0;
}

static bool charge_columns(struct pg_session *s, struct pg_statement *st)
{
	size_t n = st->columns.n;

	if (n > MAX_BYTES - s->extended.bytes || !pg_listener_reserve(s->listener, n))
		return false;
	s->extended.bytes += n;
	st->columns_charged = n;
	return true;
}

void pg_prepared_forget_passing(struct pg_session *s)
{
	struct pg_statement *st = s->extended.passing;

	if (!st)
		return;
	st->described = false;
	drop_columns(s, st);
	s->extended.passing = pg_statement_unref(s, st);
}

struct pg_statement *pg_statement_ref(struct pg_statement *st)
{
	st->refs++;
	return st;
}

struct pg_statement *pg_statement_unref(struct pg_session *s, struct pg_statement *st)
{
	if (!st || --st->refs > 0)
		return NULL;
	drop_columns(s, st);
	free(st->param_types);
	free(st->types);
	free(st->text);
	free(st->name);
	free(st);
	return NULL;
}

bool pg_statement_described(struct pg_session *s, const struct pg_statement *st)
{
	pg_session_facts(s);
	return st->described && (st->local || st->told || st->generation == s->generation);
}

uint64_t pg_columns_shape(struct qf_slice description)
{
	struct qf_slice body = description.n > 5 ? qf_slice(description.p + 5, description.n - 5) : QF_SLICE_NONE;
	struct qf_pg_column c;
	uint64_t shape = 1;
	uint16_t n;
	struct qf_reader r = qf_pg_columns(body, &n);

	while (qf_pg_column_next(&r, body, &c))
		shape = (shape * 31 + c.oid) * 31 + qf_hash(c.name);
	return shape ? shape : 1;
}

void pg_statement_describe(struct pg_session *s, struct pg_statement *st, const uint32_t *param_types, size_t n,
			   struct qf_buf *columns)
{
	free(st->param_types);
	st->param_types = st->n_params ? qf_xcalloc(st->n_params, sizeof(*st->param_types)) : NULL;
	for (size_t i = 0; i < n && i < st->n_params; i++)
		st->param_types[i] = param_types[i];
	/* They stay what they are now, whatever becomes of the tables. Other oids mean something on one server only. */
	for (uint16_t i = 0; i < n && i < st->n_params; i++) {
		if (!st->types[i] && param_types[i] < FIRST_NORMAL_OID)
			st->types[i] = param_types[i];
		st->n_types = i >= st->n_types ? i + 1 : st->n_types;
	}
	pg_prepared_forget_passing(s);
	drop_columns(s, st);
	st->columns = *columns;
	qf_buf_init(columns);
	if (st->columns.n)
		qf_pg_set_formats(st->columns.p, st->columns.n, NULL, 0);
	/* What is described here is small. */
	if (!st->local && !charge_columns(s, st))
		s->extended.passing = pg_statement_ref(st);
	st->described = true;
	st->shape = pg_columns_shape(qf_buf_slice(&st->columns));
	st->generation = s->generation;
}

uint32_t pg_statement_type(const struct pg_statement *st, size_t i)
{
	if (i < st->n_types && st->types[i])
		return st->types[i];
	return st->described && i < st->n_params ? st->param_types[i] : 0;
}

/* ---- those of a session ---- */

struct pg_statement *pg_prepared_find(const struct pg_session *s, struct qf_slice name)
{
	if (name.n == 0)
		return s->extended.unnamed;
	return s->extended.statements ? qf_map_get(s->extended.statements, name) : NULL;
}

bool pg_prepared_put(struct pg_session *s, struct pg_statement *st, struct qf_sql_error *reterr)
{
	struct pg_extended *x = &s->extended;

	if (st->charged > MAX_BYTES - x->bytes ||
		(*st->name && x->statements && qf_map_count(x->statements) >= MAX_STATEMENTS) ||
		!pg_listener_reserve(s->listener, st->charged)) {
		qf_sql_error_set(reterr, "53200",
			"out of memory for prepared statements: the limit is %d, or %d MiB of a session",
			MAX_STATEMENTS, MAX_BYTES >> 20);
		pg_statement_unref(s, st);
		return false;
	}
	x->bytes += st->charged;
	if (!*st->name) {
		pg_prepared_drop_unnamed(s);
		x->unnamed = st;
		return true;
	}
	if (!x->statements)
		x->statements = qf_map_new();
	struct pg_statement *before = qf_map_put(x->statements, qf_slice_str(st->name), st);

	qf_assert(!before);
	return true;
}

/* The name is gone; what portals still need of it is counted with them. */
static void forget(struct pg_session *s, struct pg_statement *st)
{
	s->extended.bytes -= st->charged;
	pg_listener_release(s->listener, st->charged);
	pg_statement_unref(s, st);
}

void pg_prepared_drop(struct pg_session *s, struct pg_statement *st)
{
	if (pg_prepared_find(s, qf_slice_str(st->name)) != st)
		return;
	if (*st->name)
		qf_map_del(s->extended.statements, qf_slice_str(st->name));
	else
		s->extended.unnamed = NULL;
	forget(s, st);
}

void pg_prepared_drop_unnamed(struct pg_session *s)
{
	if (s->extended.unnamed)
		pg_prepared_drop(s, s->extended.unnamed);
}

void pg_prepared_drop_all(struct pg_session *s)
{
	struct pg_statement *st;
	size_t at = 0;

	pg_prepared_drop_unnamed(s);
	while (s->extended.statements && (st = qf_map_next(s->extended.statements, &at, NULL)))
		pg_prepared_drop(s, st);
	s->extended.statements = qf_map_free(s->extended.statements);
}

void pg_prepared_missing(struct qf_slice name, struct qf_sql_error *reterr)
{
	if (name.n)
		qf_sql_error_set(reterr, "26000", "prepared statement \"%.*s\" does not exist", (int)name.n,
			(const char *)name.p);
	else
		qf_sql_error_set(reterr, "26000", "unnamed prepared statement does not exist");
}
