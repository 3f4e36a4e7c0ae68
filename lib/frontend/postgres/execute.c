/* Runs of the extended protocol: a portal, a description, the end at Sync. See query.h and extended.h. */
#include <string.h>

#include "query.h"
#include "sqlprepare.h"

static struct pg_run *new_run(struct pg_session *s, enum pg_run_kind kind, struct pg_statement *st)
{
	struct pg_run *run = pg_run_new(s, kind);

	run->prepared = pg_statement_ref(st);
	run->stmt = (struct qf_statement){ .text = qf_slice(st->text, st->n) };
	run->facts = st->facts;
	return run;
}

/* ---- Execute ---- */

static void execute_empty(struct pg_run *run)
{
	pg_extended_pay(run->s, QF_STAGE_EXECUTE);
	pg_extended_pay_describe(run->s, QF_SLICE_NONE);
	qf_pg_put_empty_query(&run->s->conn.out);
	run->step = PG_STEP_END;
}

/* An EXECUTE by SQL that goes on is what it executes. */
static void take_target(struct pg_run *run)
{
	struct pg_statement *st = pg_sql_target(run->s, run->prepared);

	if (!st)
		return;
	run->inner = pg_statement_ref(st);
	run->stmt = (struct qf_statement){ .text = qf_slice(st->text, st->n) };
	run->facts = st->facts;
}

void pg_run_execute(struct pg_session *s, struct pg_portal *p, uint32_t max_rows, bool alone)
{
	struct pg_run *run = new_run(s, PG_RUN_EXECUTE, p->statement);

	run->portal = pg_portal_ref(p);
	run->max_rows = max_rows;
	run->alone = alone;
	if (p->state == PG_PORTAL_SUSPENDED)
		take_target(run);
	if (p->statement->n == 0)
		execute_empty(run);
	else
		pg_run_statement(run);
	pg_run_turn(run);
}

void pg_run_executed(struct pg_run *run, const char *tag)
{
	struct pg_portal *p = run->portal;

	pg_extended_pay(run->s, QF_STAGE_EXECUTE);
	pg_extended_pay_describe(run->s, QF_SLICE_NONE);
	p->had_rows |= run->end.has_rows && !run->copied;
	if (run->end.suspended) {
		p->state = PG_PORTAL_SUSPENDED;
		qf_pg_put_mark(&run->s->conn.out, 's');
		return;
	}
	p->state = PG_PORTAL_DONE;
	qf_pg_put_command_complete(&run->s->conn.out, tag);
}

/* ---- descriptions ---- */

void pg_run_describe(struct pg_session *s, struct pg_statement *st)
{
	struct pg_run *run = new_run(s, PG_RUN_DESCRIBE, st);

	pg_run_query(run, PG_STEP_DESCRIBE, run->stmt.text, &run->facts);
}

void pg_run_described(struct pg_run *run)
{
	pg_statement_describe(run->s, run->inner ? run->inner : run->prepared, run->end.param_types,
		run->end.n_params, &run->columns);
}

/* ---- Sync ---- */

void pg_run_sync(struct pg_session *s)
{
	struct pg_run *run = pg_run_new(s, PG_RUN_SYNC);

	run->step = PG_STEP_END;
	if (s->txn.state == PG_TXN_IMPLICIT)
		pg_control_commit_implicit(run);
	pg_run_turn(run);
}

void pg_run_abort(struct pg_session *s)
{
	struct pg_run *run = pg_run_new(s, PG_RUN_ABORT);

	run->step = PG_STEP_END;
	pg_run_abort_transaction(run);
	pg_run_turn(run);
}
