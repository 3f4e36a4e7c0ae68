/*
 * From the text of a statement to its open result, on the thread of the job's first step.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "copyin.h"
#include "plan.h"
#include "qf/str.h"

#define NAP_FIRST_NS 20000
#define NAP_LAST_NS 200000
#define YIELDS 16

/* Other threads run the last tasks. DuckDB itself would spin here. */
static void wait_for_tasks(unsigned *waits)
{
	struct timespec nap = { .tv_nsec = NAP_FIRST_NS };
	unsigned n = (*waits)++;

	if (n < YIELDS) {
		sched_yield();
		return;
	}
	for (; n > YIELDS && nap.tv_nsec < NAP_LAST_NS; n--)
		nap.tv_nsec += NAP_FIRST_NS;
	nanosleep(&nap, NULL);
}

static bool drive(struct qf_engine_conn *c, duckdb_pending_result pending)
{
	const struct duck_api *api = &c->engine->api;
	unsigned waits = 0;

	for (;;) {
		switch (api->pending_execute_task(pending)) {
		case DUCKDB_PENDING_RESULT_READY:
			return true;
		case DUCKDB_PENDING_ERROR:
			duck_job_fail(c, api->pending_error(pending));
			return false;
		case DUCKDB_PENDING_NO_TASKS_AVAILABLE:
			wait_for_tasks(&waits);
			break;
		case DUCKDB_PENDING_RESULT_NOT_READY:
			waits = 0;
			break;
		}
		duck_job_call_crew(c);
	}
}

static bool run_pending(struct qf_engine_conn *c, duckdb_pending_result pending)
{
	struct duck_job *j = &c->job;
	const struct duck_api *api = &c->engine->api;

	/* Creating the pending result was the last time that DuckDB forgot an interrupt. */
	if (duck_job_cancelled(c)) {
		duck_job_cancel_end(j);
		return false;
	}
	if (!drive(c, pending))
		return false;
	bool ok = api->execute_pending(pending, &j->rows.result) == DuckDBSuccess;

	j->rows.open = true;
	if (!ok)
		duck_job_fail(c, api->result_error(&j->rows.result));
	return ok;
}

/*
 * Asked once the statement is bound. DuckDB's threads may be at work on it by then, and what they did goes with the
 * statement's own transaction; one that lives longer would keep it, and is asked before, as its catalog is its own.
 */
bool duck_check_catalog(struct qf_engine_conn *c)
{
	struct qf_engine_end *end = &c->job.end;

	if (duck_catalog_holds(c))
		return true;
	end->outcome = QF_OUT_NOT_SENT;
	end->catalog_changed = true;
	qf_sql_error_set(&end->error, "40001", "a table of the statement was changed before it could start");
	return false;
}

bool duck_check_statement(struct qf_engine_conn *c, duckdb_prepared_statement prepared)
{
	struct duck_job *j = &c->job;

	j->type = c->engine->api.prepared_statement_type(prepared);
	if (duck_guard_type(j->type, j->sql, &j->end.error) == 0)
		return true;
	j->end.outcome = QF_OUT_ERROR;
	return false;
}

/* What changes something must not find out afterwards that its rows cannot be sent. */
static bool check_columns(struct qf_engine_conn *c, duckdb_prepared_statement prepared)
{
	struct duck_job *j = &c->job;
	const struct duck_api *api = &c->engine->api;

	if (!duck_columns_known(api, prepared) || duck_arrow_check(api, c->db, prepared, &j->end.error) == 0)
		return true;
	j->end.outcome = QF_OUT_ERROR;
	return false;
}

/* With its values a statement is planned anew, and may turn out to be wrong only then. */
static void fail_planning(struct qf_engine_conn *c, const char *why)
{
	struct qf_engine_end *end = &c->job.end;

	duck_job_fail(c, why);
	if (strncmp(end->error.sqlstate, "42", 2) == 0)
		end->stage = QF_STAGE_PARSE;
}

static bool run_prepared(struct qf_engine_conn *c, duckdb_prepared_statement prepared)
{
	struct duck_job *j = &c->job;
	struct qf_engine *e = c->engine;
	duckdb_pending_result pending = NULL;
	bool ok = false;

	if (!duck_check_statement(c, prepared))
		return false;
	if (!duck_session_reads_only(j->type)) {
		if (!check_columns(c, prepared))
			return false;
		e->written = true;
		c->savepoints.writes++;
	}
	if (!duck_session_reads_only(j->type) || duck_session_is_commit(j->sql))
		duck_writes_begin(c);
	j->end.stage = QF_STAGE_EXECUTE;
	duck_catalog_begin(c, j->type, j->sql);
	if (c->in_transaction && !duck_check_catalog(c))
		return false;
	if (e->api.pending_prepared_streaming(prepared, &pending) == DuckDBSuccess)
		ok = (c->in_transaction || duck_check_catalog(c)) && run_pending(c, pending);
	else
		fail_planning(c, e->api.pending_error(pending));
	e->api.destroy_pending(&pending);
	return ok;
}

static bool run_extracted(struct qf_engine_conn *c, duckdb_extracted_statements all, idx_t i)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_prepared_statement prepared = NULL;
	bool ok = false;

	if (api->prepare_extracted_statement(c->db, all, i, &prepared) == DuckDBSuccess)
		ok = run_prepared(c, prepared);
	else
		duck_job_fail(c, api->prepare_error(prepared));
	api->destroy_prepare(&prepared);
	return ok;
}

/* DuckDB makes several statements out of one PIVOT; several in the text are the caller's mistake. */
static bool run_all(struct qf_engine_conn *c, duckdb_extracted_statements all, idx_t n)
{
	struct duck_job *j = &c->job;

	if (n > 1 && !duck_text_is_one(j->sql)) {
		j->end.outcome = QF_OUT_ERROR;
		qf_sql_error_set(&j->end.error, "42601", "more than one statement at a time");
		return false;
	}
	j->rewritten = n > 1;
	for (idx_t i = 0; i < n; i++) {
		if (j->rows.open)
			c->engine->api.destroy_result(&j->rows.result);
		j->rows.open = false;
		if (!run_extracted(c, all, i))
			return false;
	}
	return n > 0;
}

/* INSERT and its like answer with one number; so does CREATE TABLE AS. */
static uint64_t count_of(struct qf_engine_conn *c)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_data_chunk chunk = api->fetch_chunk(c->job.rows.result);
	uint64_t count = 0;

	if (!chunk)
		return 0;
	duckdb_logical_type type = api->column_logical_type(&c->job.rows.result, 0);

	if (api->get_type_id(type) == DUCKDB_TYPE_BIGINT && api->data_chunk_get_size(chunk) == 1)
		count = (uint64_t)((const int64_t *)api->vector_get_data(api->data_chunk_get_vector(chunk, 0)))[0];
	api->destroy_logical_type(&type);
	api->destroy_data_chunk(&chunk);
	return count;
}

/* DuckDB takes any bytes in a quoted name, and would send them to the client. */
static int check_text(const struct duck_job *j, struct qf_sql_error *e)
{
	if (qf_utf8_valid(j->pub->sql) && strlen(j->sql) == j->pub->sql.n)
		return duck_guard_text(j->sql, e);
	qf_sql_error_set(e, "22021", "the statement is not valid UTF-8 without NUL");
	return -EINVAL;
}

static bool run_bound(struct qf_engine_conn *c)
{
	struct duck_bound b = { 0 };
	bool ok = duck_bind(&b, c) == 0 && run_prepared(c, b.prepared);

	duck_cache_put(c, b.sql ? b.sql : "", b.prepared, b.writes);
	free(b.sql);
	return ok;
}

static bool run_text(struct qf_engine_conn *c)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_extracted_statements all = NULL;
	idx_t n = api->extract_statements(c->db, c->job.sql, &all);
	const char *why = n == 0 ? api->extract_statements_error(all) : NULL;
	bool ok = false;

	if (why)
		duck_job_fail(c, why);
	else
		ok = run_all(c, all, n);
	api->destroy_extracted(&all);
	return ok;
}

/* A text that is likely to come again is prepared as one, too; a PIVOT may be several statements. */
static bool needs_binding(const struct duck_job *j)
{
	const struct qf_bind *b = j->pub->bind;

	return b->n_values > 0 || (b->flags & QF_RUN_NAMED && !strcasestr(j->sql, "pivot"));
}

/* Everything but the statement itself. */
static bool get_ready(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;

	if (duck_job_cancelled(c)) {
		duck_job_cancel_end(j);
		return false;
	}
	if (!duck_portals_make_way(c))
		return false;
	if (check_text(j, &j->end.error) < 0 ||
		(!c->transaction_failed && duck_session_settings(c, j->pub, &j->end.error) < 0)) {
		j->end.outcome = QF_OUT_ERROR;
		return false;
	}
	duck_catalog_before(c);
	return true;
}

static bool check_cursor(struct qf_engine_conn *c)
{
	struct qf_engine_end *end = &c->job.end;
	const struct qf_bind *b = c->job.pub->bind;

	if (b->form != QF_FORM_CURSOR || b->kind != QF_RUN_ALL)
		return true;
	if (b->flags & QF_RUN_SCROLL) {
		qf_sql_error_set(&end->error, "0A000", "a SCROLL cursor is not supported by DuckDB");
		snprintf(end->error.hint, sizeof(end->error.hint), "Declare it NO SCROLL and fetch forward, or run the query again.");
	} else if (!c->in_transaction && !(b->flags & QF_RUN_HOLD)) {
		qf_sql_error_set(&end->error, "25P01", "DECLARE CURSOR can only be used in transaction blocks");
	} else {
		return true;
	}
	end->outcome = QF_OUT_ERROR;
	end->stage = QF_STAGE_EXECUTE;
	return false;
}

bool duck_execute(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;

	if (!check_cursor(c) || !get_ready(c))
		return false;
	if (duck_savepoint_is(j->sql)) {
		if (j->pub->bind->kind == QF_RUN_DESCRIBE)
			duck_describe_nothing(c);
		else
			duck_savepoint_run(c);
		return false;
	}
	if (j->pub->bind->kind == QF_RUN_DESCRIBE) {
		duck_describe(c);
		return false;
	}
	if (j->pub->bind->form == QF_FORM_COPY_IN)
		return duck_copy_begin(c);
	if (!(needs_binding(j) ? run_bound(c) : run_text(c)))
		return false;
	if (c->engine->api.result_return_type(j->rows.result) == DUCKDB_RESULT_TYPE_QUERY_RESULT)
		return true;
	j->end.rows = count_of(c);
	return false;
}
