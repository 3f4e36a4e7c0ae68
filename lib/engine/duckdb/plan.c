/* See plan.h. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/sql.h"

static int qf_printf(3, 4) refuse(struct qf_engine_conn *c, const char *sqlstate, const char *fmt, ...)
{
	struct qf_engine_end *end = &c->job.end;
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end->outcome = QF_OUT_ERROR;
	qf_sql_error_set(&end->error, sqlstate, "%s", text);
	return -EINVAL;
}

/* ---- preparing ---- */

bool duck_columns_known(const struct duck_api *api, duckdb_prepared_statement prepared)
{
	duckdb_logical_type first = api->prepared_statement_column_logical_type(prepared, 0);
	bool known = !first || api->get_type_id(first) != DUCKDB_TYPE_INVALID;

	if (first)
		api->destroy_logical_type(&first);
	return known;
}

static void add_error(struct qf_buf *why, const char *text)
{
	qf_buf_add_str(why, text && *text ? text : "DuckDB failed without a reason");
}

static void refuse_several(struct qf_engine_conn *c, const char *sql)
{
	if (duck_text_is_one(sql))
		refuse(c, "0A000",
			"a PIVOT whose columns are found in the data cannot be prepared: name them with IN");
	else
		refuse(c, "42601", "more than one statement at a time");
}

bool duck_prepare(struct qf_engine_conn *c, const char *sql, duckdb_prepared_statement *ret, struct qf_buf *why)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_extracted_statements all = NULL;
	duckdb_prepared_statement prepared = NULL;
	idx_t n = api->extract_statements(c->db, sql, &all);
	bool ok = false;

	if (n > 1)
		refuse_several(c, sql);
	else if (n == 0 && !api->extract_statements_error(all))
		refuse(c, "42601", "the statement is empty");
	else if (n == 0)
		add_error(why, api->extract_statements_error(all));
	else if (api->prepare_extracted_statement(c->db, all, 0, &prepared) == DuckDBSuccess)
		ok = true;
	else
		add_error(why, api->prepare_error(prepared));
	api->destroy_extracted(&all);
	if (ok)
		*ret = prepared;
	else
		api->destroy_prepare(&prepared);
	return ok;
}

void duck_plan_put_sql(struct qf_buf *sql, struct duck_plan *p, bool nulls)
{
	const struct duck_type **casts = qf_xcalloc(p->text.max + 1, sizeof(*casts));

	for (unsigned i = 0; i < p->text.max; i++)
		casts[i] = p->params[i].type ? NULL : &p->params[i].as;
	duck_text_cast(sql, &p->text, casts, nulls);
	free(casts);
}

void duck_plan_note_casts(const struct duck_plan *p, struct duck_job *j)
{
	size_t size = p->text.n_marks * sizeof(*p->text.marks);

	duck_casts_fini(&j->casts);
	j->casts.n = p->text.max;
	j->casts.of = qf_xcalloc(p->text.max + 1, sizeof(bool));
	for (unsigned i = 0; i < p->text.max; i++)
		j->casts.of[i] = !p->params[i].type;
	j->casts.n_marks = p->text.n_marks;
	j->casts.marks = size ? qf_xmalloc(size) : NULL;
	if (size)
		memcpy(j->casts.marks, p->text.marks, size);
}

/* ---- types ---- */

/* False: nothing is declared, and DuckDB does not know. */
static bool found(struct duck_param *p, const struct duck_api *api, duckdb_logical_type type)
{
	uint32_t oid = type ? duck_type_oid(api, type) : 0;
	struct duck_type as;

	if (!oid)
		return !p->open;
	if (!p->open && !duck_type_alike(oid, p->oid))
		return true;
	if (p->open)
		p->oid = oid;
	p->open = false;
	if (duck_type_of_logical(&as, api, type) && !duck_type_is_native(&as))
		p->as = as;
	else
		p->type = type;
	return true;
}

/* What is not declared is asked from DuckDB. */
static int ask(struct duck_plan *p, struct qf_engine_conn *c)
{
	const struct duck_api *api = &c->engine->api;
	struct qf_buf why;
	bool all = true;

	qf_buf_init(&why);
	p->bare = duck_cache_take(c, c->job.sql, &p->bare_writes);
	if (!p->bare && !duck_prepare(c, c->job.sql, &p->bare, &why) && why.n)
		duck_job_fail(c, qf_buf_cstr(&why));
	qf_buf_fini(&why);
	if (!p->bare)
		return -EINVAL;
	for (unsigned i = 0; i < p->text.max; i++) {
		duckdb_logical_type type = api->param_logical_type(p->bare, i + 1);

		all = found(&p->params[i], api, type) && all;
		if (type && p->params[i].type != type)
			api->destroy_logical_type(&type);
	}
	if (!all)
		duck_infer(p, c);
	return 0;
}

static int declare(struct duck_plan *p, struct qf_engine_conn *c, bool *ret_any_open)
{
	for (unsigned i = 0; i < p->text.max; i++) {
		uint32_t oid = qf_bind_type(c->job.pub->bind, i);
		bool open = duck_type_is_open(oid);

		p->params[i] = (struct duck_param){ .oid = open ? 0 : oid, .open = open };
		*ret_any_open |= open;
		if (!open && !duck_type_of_oid(&p->params[i].as, oid))
			return refuse(c, "0A000", "parameter $%u: type with OID %u is not supported", i + 1, oid);
	}
	return 0;
}

static unsigned count_values(const struct duck_text *t, const struct qf_bind *b)
{
	unsigned n = b->n_types;

	while (n > t->max && duck_type_is_open(qf_bind_type(b, n - 1)))
		n--;
	return n > t->max ? n : t->max;
}

static int check_numbers(const struct duck_text *t, struct qf_engine_conn *c)
{
	unsigned missing = duck_text_missing(t);

	for (size_t i = 0; i < t->n_marks; i++)
		if (t->marks[i].number == 0)
			return refuse(c, "42P02", "a parameter has a number here, from $1 to $%u", DUCK_MAX_PARAMS);
	if (missing)
		return refuse(c, "42P18", "could not determine data type of parameter $%u", missing);
	return 0;
}

int duck_plan_make(struct duck_plan *ret, struct qf_engine_conn *c)
{
	bool any_open = false;

	*ret = (struct duck_plan){ 0 };
	qf_buf_init(&ret->why);
	duck_text_read(&ret->text, qf_slice_str(c->job.sql));
	ret->params = qf_xcalloc(ret->text.max + 1, sizeof(*ret->params));
	ret->n_values = count_values(&ret->text, c->job.pub->bind);
	int r = check_numbers(&ret->text, c);

	if (r == 0)
		r = declare(ret, c, &any_open);
	if (r == 0 && any_open)
		r = ask(ret, c);
	if (r < 0)
		duck_plan_fini(ret, c);
	return r;
}

void duck_plan_fini(struct duck_plan *p, struct qf_engine_conn *c)
{
	const struct duck_api *api = &c->engine->api;

	for (unsigned i = 0; i < p->text.max; i++)
		if (p->params[i].type)
			api->destroy_logical_type(&p->params[i].type);
	free(p->params);
	p->params = NULL;
	if (p->bare)
		duck_cache_put(c, c->job.sql, p->bare, p->bare_writes);
	p->bare = NULL;
	duck_text_fini(&p->text);
	qf_buf_fini(&p->why);
}
