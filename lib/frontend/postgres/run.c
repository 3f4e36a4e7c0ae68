/* What all runs share: how a statement ends, turns, cancel. See query.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "../words.h"

enum { STATEMENTS_PER_TURN = 256 };

bool pg_run_is_last(const struct pg_run *run)
{
	return run->kind == PG_RUN_QUERY ? run->index == run->n_statements : run->alone;
}

/* ---- how a statement ends ---- */

/*
 * PostgreSQL ends the implicit transaction of a Query before it reports its last statement: the commit may fail. In the
 * extended protocol Sync ends it.
 */
void pg_run_complete(struct pg_run *run, const char *tag)
{
	if (run->kind == PG_RUN_EXECUTE) {
		run->step = PG_STEP_END;
		pg_run_executed(run, tag);
		return;
	}
	run->step = PG_STEP_NEXT;
	if (pg_run_is_last(run) && run->s->txn.state == PG_TXN_IMPLICIT) {
		snprintf(run->tag, sizeof(run->tag), "%s", tag);
		pg_control_commit_implicit(run);
		return;
	}
	qf_pg_put_command_complete(&run->s->conn.out, tag);
}

uint32_t pg_run_characters_before(const struct pg_run *run)
{
	if (run->inner)
		return run->inner->shift;
	if (run->prepared)
		return run->prepared->shift;
	return run->text ? fe_characters(qf_slice(run->text, run->stmt.offset)) : 0;
}

static bool is_error(struct qf_slice fields)
{
	struct qf_pg_report r;

	return fields.n > 0 && qf_pg_read_report(fields, &r) == 0 && qf_slice_eq_str(r.severity, "ERROR");
}

static void reply_error(struct pg_run *run, const struct qf_sql_error *e, struct qf_slice fields)
{
	struct qf_sql_error placed = *e;

	if (is_error(fields)) {
		qf_pg_put_report(&run->s->conn.out, 'E', fields, pg_run_characters_before(run));
		return;
	}
	if (placed.position > 0)
		placed.position += pg_run_characters_before(run);
	pg_reply_error(&run->s->conn.out, "ERROR", &placed);
}

void pg_run_abort_transaction(struct pg_run *run)
{
	struct pg_txn *txn = &run->s->txn;

	if (txn->state == PG_TXN_BLOCK)
		txn->state = PG_TXN_FAILED;
	if (pg_txn_lost(txn))
		pg_txn_drop_pin(txn);
	if (txn->state != PG_TXN_IMPLICIT)
		return;
	if (pg_txn_at_engine(txn))
		pg_run_query(run, PG_STEP_IMPLICIT_ROLLBACK, qf_slice_str("ROLLBACK"), NULL);
	else
		pg_control_end(run->s, false, false);
}

void pg_run_fail_at(struct pg_run *run, enum qf_stage at, const struct qf_sql_error *e, struct qf_slice fields)
{
	if (run->kind == PG_RUN_EXECUTE || run->kind == PG_RUN_DESCRIBE)
		pg_extended_failed(run->s, run->kind == PG_RUN_DESCRIBE ? QF_STAGE_PARSE : at);
	reply_error(run, e, fields);
	if (run->kind == PG_RUN_EXECUTE)
		pg_portal_drop(run->s, run->portal);
	run->step = PG_STEP_END;
	pg_run_abort_transaction(run);
}

void pg_run_fail(struct pg_run *run, const struct qf_sql_error *e)
{
	pg_run_fail_at(run, QF_STAGE_EXECUTE, e, QF_SLICE_NONE);
}

/* ---- life ---- */

struct pg_run *pg_run_new(struct pg_session *s, enum pg_run_kind kind)
{
	struct pg_run *run = qf_xcalloc(1, sizeof(*run));

	run->s = s;
	run->kind = kind;
	s->run = run;
	return run;
}

static void drop_inner(struct pg_run *run)
{
	run->args = pg_portal_unref(run->s, run->args);
	run->inner = pg_statement_unref(run->s, run->inner);
}

static void run_free(struct pg_run *run)
{
	run->s->run = NULL;
	pg_listener_release(run->s->listener, run->reserved);
	drop_inner(run);
	pg_portal_unref(run->s, run->portal);
	pg_statement_unref(run->s, run->prepared);
	qf_buf_fini(&run->columns);
	qf_buf_fini(&run->form_inner);
	qf_arena_free(run->arena);
	pg_cursor_free(run->s, run->declared);
	pg_copy_fini(run);
	free(run->text);
	free(run);
}

static void end_run(struct pg_run *run)
{
	struct pg_session *s = run->s;
	bool ready = run->kind == PG_RUN_QUERY || run->kind == PG_RUN_SYNC;

	run_free(run);
	if (ready)
		pg_session_ready(s);
}

void pg_run_sent(struct pg_run *run)
{
	size_t bytes = run->query ? pg_result_sent(&run->result) : 0;

	if (bytes > 0 && !run->ended)
		qf_query_taken(run->query, bytes);
}

void pg_run_turn(struct pg_run *run)
{
	if (run->query) {
		pg_run_sent(run); /* a batch without rows has nothing to wait for */
		if (!pg_run_query_finished(run))
			return;
		pg_run_finish_query(run);
	}
	for (int i = 0; run->step == PG_STEP_NEXT; i++) {
		if (i == STATEMENTS_PER_TURN)
			pg_conn_kick(&run->s->conn);
		if (i == STATEMENTS_PER_TURN || !pg_conn_room(&run->s->conn))
			return;
		drop_inner(run);
		if (pg_run_next_statement(run))
			pg_run_statement(run);
		else
			run->step = PG_STEP_END;
	}
	/* An empty Query, or an error before anything ran, ends it as well. */
	if (run->step == PG_STEP_END && run->kind == PG_RUN_QUERY && run->s->txn.state == PG_TXN_IMPLICIT)
		pg_control_commit_implicit(run);
	if (run->step == PG_STEP_END)
		end_run(run);
}

/* A COMMIT or ROLLBACK that is on its way is not cancelled: nobody could say how it ended. */
void pg_run_cancel(struct pg_run *run)
{
	run->cancelled = true;
	if (run->query && (run->step == PG_STEP_STATEMENT || run->step == PG_STEP_DESCRIBE))
		pg_run_cancel_query(run);
}

void pg_run_abandon(struct pg_run *run)
{
	if (run->query) {
		qf_query_abandon(run->query);
		pg_result_fini(&run->result);
	}
	run_free(run);
}
