/* Giving a statement its values: see plan.h. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "qf/arena.h"
#include "value.h"

/* ---- the zone that values are read in ---- */

const struct qf_tz *duck_zone(struct qf_engine_conn *c)
{
	const struct qf_engine_job *pub = c->job.pub;
	const char *name = "UTC";

	for (size_t i = 0; i < pub->n_settings; i++)
		if (strcmp(pub->settings[i].name, "timezone") == 0)
			name = pub->settings[i].value;
	if (c->zone && strcmp(c->zone_name, name) == 0)
		return c->zone;
	c->zone = qf_tz_free(c->zone);
	free(c->zone_name);
	c->zone_name = qf_xstrdup(name);
	/* DuckDB has taken the name before: one that is not known here would be read as UTC, wrongly. */
	if (qf_tz_open(&c->zone, name, NULL) < 0)
		c->zone = NULL;
	return c->zone;
}

/* ---- values ---- */

struct binding {
	struct qf_engine_conn *conn;
	struct duck_plan *plan;
	struct qf_arena *mem;
	duckdb_value *values; /* one a parameter; NULL where it has not been made */
};

static int fail(struct qf_engine_conn *c, const struct qf_sql_error *e)
{
	c->job.end.outcome = QF_OUT_ERROR;
	c->job.end.error = *e;
	return -EINVAL;
}

static int read_value(struct binding *b, unsigned i, struct qf_datum *ret)
{
	const struct qf_value *v = &b->conn->job.pub->bind->values[i];
	struct qf_sql_error e = { .sqlstate = "22P02" };
	struct qf_err err = { 0 };
	char sqlstate[6] = "22P02";

	if (!v->p) {
		*ret = (struct qf_datum){ .kind = QF_DATUM_NULL };
		return 0;
	}
	if (qf_pg_value_read(ret, b->plan->params[i].oid, v->binary, qf_slice(v->p, v->n), duck_zone(b->conn), b->mem,
		    sqlstate, &err) == 0)
		return 0;
	qf_sql_error_set(&e, sqlstate, "%s", err.text);
	return fail(b->conn, &e);
}

/* A cast gets the type of the value: as many digits, as many dimensions. */
static int make_value(struct binding *b, unsigned i)
{
	const struct duck_api *api = &b->conn->engine->api;
	struct duck_param *p = &b->plan->params[i];
	struct duck_type t = p->as;
	struct qf_sql_error e;
	struct qf_datum d;

	if (read_value(b, i, &d) < 0)
		return -EINVAL;
	b->values[i] = p->type ? duck_value_fit(api, &d, p->type) : NULL;
	if (b->values[i])
		return 0;
	if (p->type && !duck_type_of_oid(&t, p->oid))
		t = DUCK_TYPE(VARCHAR);
	if (duck_value_type(&t, &d, &t, &e) < 0)
		return fail(b->conn, &e);
	b->values[i] = duck_value_new(api, &d, &t);
	p->as = t;
	return 0;
}

static int make_values(struct binding *b)
{
	const struct qf_bind *bind = b->conn->job.pub->bind;
	struct qf_sql_error e;
	int r = 0;

	if (bind->n_values != b->plan->n_values) {
		qf_sql_error_set(&e, "08P01",
			"bind message supplies %u parameters, but prepared statement \"\" requires %u", bind->n_values,
			b->plan->n_values);
		return fail(b->conn, &e);
	}
	for (unsigned i = 0; i < b->plan->text.max && r == 0; i++)
		r = make_value(b, i);
	return r;
}

static int give_values(struct binding *b, duckdb_prepared_statement prepared)
{
	const struct duck_api *api = &b->conn->engine->api;

	for (unsigned i = 0; i < b->plan->text.max; i++) {
		if (api->bind_value(prepared, i + 1, b->values[i]) == DuckDBSuccess)
			continue;
		duck_job_fail(b->conn, api->prepare_error(prepared));
		return -EINVAL;
	}
	return 0;
}

/* ---- the statement ---- */

static bool has_casts(const struct duck_plan *p)
{
	for (unsigned i = 0; i < p->text.max; i++)
		if (!p->params[i].type)
			return true;
	return false;
}

/* As the client wrote it: its own errors are those that count, also where the grammar wants no cast. */
static int prepare_bare(struct binding *b, struct duck_bound *ret)
{
	struct qf_buf why;

	ret->sql = qf_xstrdup(b->conn->job.sql);
	ret->prepared = b->plan->bare;
	ret->writes = b->plan->bare_writes;
	b->plan->bare = NULL;
	if (!ret->prepared)
		ret->prepared = duck_cache_take(b->conn, ret->sql, &ret->writes);
	if (ret->prepared)
		return 0;
	qf_buf_init(&why);
	bool ok = duck_prepare(b->conn, ret->sql, &ret->prepared, &why);

	if (!ok && why.n)
		duck_job_fail(b->conn, qf_buf_cstr(&why));
	qf_buf_fini(&why);
	return ok ? 0 : -EINVAL;
}

static int prepare(struct binding *b, struct duck_bound *ret)
{
	struct duck_job *j = &b->conn->job;
	struct qf_buf sql, why;

	if (!has_casts(b->plan))
		return prepare_bare(b, ret);
	qf_buf_init(&sql);
	qf_buf_init(&why);
	duck_plan_put_sql(&sql, b->plan, false);
	ret->prepared = duck_cache_take(b->conn, qf_buf_cstr(&sql), &ret->writes);
	bool ok = ret->prepared || duck_prepare(b->conn, qf_buf_cstr(&sql), &ret->prepared, &why);

	if (ok) {
		duck_plan_note_casts(b->plan, j);
		ret->sql = qf_xstrdup(qf_buf_cstr(&sql));
	}
	qf_buf_fini(&sql);
	qf_buf_fini(&why);
	if (ok)
		return 0;
	return j->end.outcome == QF_OUT_OK ? prepare_bare(b, ret) : -EINVAL;
}

int duck_bind(struct duck_bound *ret, struct qf_engine_conn *c)
{
	struct duck_plan plan;
	struct binding b = { .conn = c, .plan = &plan };
	int r = duck_plan_make(&plan, c);

	if (r < 0)
		return r;
	b.mem = qf_arena_new(0);
	b.values = qf_xcalloc(plan.text.max + 1, sizeof(duckdb_value));
	c->job.end.stage = QF_STAGE_BIND;
	r = make_values(&b);
	if (r == 0) {
		c->job.end.stage = QF_STAGE_PARSE;
		r = prepare(&b, ret);
	}
	if (r == 0) {
		c->job.end.stage = QF_STAGE_BIND;
		r = give_values(&b, ret->prepared);
	}
	for (unsigned i = 0; i < plan.text.max; i++)
		if (b.values[i])
			c->engine->api.destroy_value(&b.values[i]);
	free(b.values);
	qf_arena_free(b.mem);
	duck_plan_fini(&plan, c);
	return r;
}
