/* What a statement will take and give, before it runs: see plan.h. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "qf/sql.h"

/* DuckDB reserves the word: outside of quotes it is nothing else. */
static bool has_returning(const char *sql)
{
	struct qf_lexer lx = qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);
	struct qf_token t;

	while ((t = qf_lex(&lx)).type != QF_TOK_END)
		if (t.type == QF_TOK_WORD && qf_slice_caseeq_str(t.text, "returning"))
			return true;
	return false;
}

/* A statement without rows has one column for DuckDB, too. */
static bool is_placeholder(const struct duck_api *api, duckdb_prepared_statement prepared)
{
	if (api->prepared_statement_column_count(prepared) != 1)
		return false;
	const char *name = api->prepared_statement_column_name(prepared, 0);
	bool is = name && (strcmp(name, "Count") == 0 || strcmp(name, "Success") == 0);

	api->free((void *)(uintptr_t)name);
	return is;
}

static bool returns_rows(struct qf_engine_conn *c, duckdb_prepared_statement prepared)
{
	const struct duck_api *api = &c->engine->api;

	switch (api->prepared_statement_type(prepared)) {
	case DUCKDB_STATEMENT_TYPE_SELECT:
	case DUCKDB_STATEMENT_TYPE_EXPLAIN:
	case DUCKDB_STATEMENT_TYPE_CALL:
		return true;
	case DUCKDB_STATEMENT_TYPE_INSERT:
	case DUCKDB_STATEMENT_TYPE_UPDATE:
	case DUCKDB_STATEMENT_TYPE_DELETE:
	case DUCKDB_STATEMENT_TYPE_MERGE_INTO:
		return has_returning(c->job.sql);
	case DUCKDB_STATEMENT_TYPE_EXECUTE:
	case DUCKDB_STATEMENT_TYPE_COPY:
		return !is_placeholder(api, prepared);
	default:
		return false;
	}
}

static bool prepare_casts(struct qf_engine_conn *c, struct duck_plan *p, bool nulls,
	duckdb_prepared_statement *ret, struct qf_buf *why)
{
	struct qf_buf sql;

	qf_buf_init(&sql);
	duck_plan_put_sql(&sql, p, nulls);
	bool ok = duck_prepare(c, qf_buf_cstr(&sql), ret, why);

	qf_buf_fini(&sql);
	return ok;
}

/* With all columns known, where that is possible. Without parameters that is the text itself. */
static duckdb_prepared_statement prepare(struct qf_engine_conn *c, struct duck_plan *p)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_prepared_statement prepared = NULL, known = NULL;
	struct qf_buf why, ignored;

	qf_buf_init(&why);
	qf_buf_init(&ignored);
	bool ok = prepare_casts(c, p, false, &prepared, &why);

	duck_plan_note_casts(p, &c->job);
	if (ok && !duck_columns_known(api, prepared) && prepare_casts(c, p, true, &known, &ignored)) {
		api->destroy_prepare(&prepared);
		prepared = known;
	}
	if (!ok && why.n)
		duck_job_fail(c, qf_buf_cstr(&why));
	qf_buf_fini(&ignored);
	qf_buf_fini(&why);
	return prepared;
}

static int put_columns(struct qf_engine_conn *c, duckdb_prepared_statement prepared, struct ArrowBuffer *schema)
{
	struct qf_engine_end *end = &c->job.end;

	if (!returns_rows(c, prepared))
		return 0;
	if (!duck_columns_known(&c->engine->api, prepared)) {
		end->outcome = QF_OUT_ERROR;
		qf_sql_error_set(&end->error, "0A000", "the columns of the statement depend on its parameters' values");
		return -EINVAL;
	}
	if (duck_arrow_describe(&c->engine->api, c->db, prepared, &c->job.casts, c->job.sql, schema,
		    &end->error) == 0)
		return 0;
	end->outcome = QF_OUT_ERROR;
	return -EINVAL;
}

static void put_oids(struct duck_job *j, const struct duck_plan *p)
{
	j->n_oids = p->n_values;
	j->oids = qf_xcalloc(p->n_values + 1, sizeof(*j->oids));
	for (unsigned i = 0; i < p->n_values; i++)
		j->oids[i] = i < p->text.max ? p->params[i].oid : qf_bind_type(j->pub->bind, i);
}

/* Parameters that do not fit as text: DuckDB's error, whose place is in a text that was tried. */
static bool is_refused(struct qf_engine_conn *c, struct duck_plan *p)
{
	if (!p->why.n)
		return false;
	duck_job_fail(c, qf_buf_cstr(&p->why));
	c->job.end.error.position = 0;
	return true;
}

void duck_describe(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	const struct duck_api *api = &c->engine->api;
	duckdb_prepared_statement prepared = NULL;
	struct ArrowBuffer schema;
	struct duck_plan plan;

	if (duck_plan_make(&plan, c) < 0)
		return;
	ArrowBufferInit(&schema);
	if (!is_refused(c, &plan))
		prepared = prepare(c, &plan);
	if (prepared && duck_check_statement(c, prepared) && duck_check_catalog(c) &&
		put_columns(c, prepared, &schema) == 0) {
		put_oids(j, &plan);
		duck_job_described(c, &schema);
	}
	ArrowBufferReset(&schema);
	api->destroy_prepare(&prepared);
	duck_plan_fini(&plan, c);
}

/* Of a statement without parameters and rows that DuckDB does not know. */
void duck_describe_nothing(struct qf_engine_conn *c)
{
	struct ArrowBuffer none;

	ArrowBufferInit(&none);
	duck_job_described(c, &none);
}
