/* The statement machine of one Query message. See query.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/clock.h"
#include "query.h"
#include "../words.h"

enum {
	STATEMENTS_PER_TURN = 256,
	MAX_NOTICE_BYTES = 2 * PG_OUT_HIGH, /* notices are not flow-controlled: beyond this they are dropped */
};

static const char aborted[] = "current transaction is aborted, commands ignored until end of transaction block";

/* ---- what statements are answered with ---- */

/* The current statement is the last of its text. */
static bool is_last(const struct pg_run *run)
{
	return run->index == run->n_statements;
}

/* PostgreSQL ends the implicit transaction before it reports its last statement: the commit may fail. */
void pg_run_complete(struct pg_run *run, const char *tag)
{
	run->step = PG_STEP_NEXT;
	if (is_last(run) && run->s->txn.state == PG_TXN_IMPLICIT) {
		snprintf(run->tag, sizeof(run->tag), "%s", tag);
		pg_control_commit_implicit(run);
		return;
	}
	qf_pg_put_command_complete(&run->s->conn.out, tag);
}

static void reply_error(struct pg_run *run, const struct qf_sql_error *e)
{
	struct qf_sql_error placed = *e;

	if (placed.position > 0)
		placed.position += fe_characters(qf_slice(run->text, run->stmt.offset));
	pg_reply_error(&run->s->conn.out, "ERROR", &placed);
}

void pg_run_fail(struct pg_run *run, const struct qf_sql_error *e)
{
	struct pg_txn *txn = &run->s->txn;

	reply_error(run, e);
	run->step = PG_STEP_END;
	if (txn->state == PG_TXN_BLOCK)
		txn->state = PG_TXN_FAILED;
	if (pg_txn_lost(txn))
		pg_txn_drop_pin(txn);
	if (txn->state != PG_TXN_IMPLICIT)
		return;
	if (pg_txn_at_engine(txn))
		pg_run_query(run, PG_STEP_IMPLICIT_ROLLBACK, qf_slice_str("ROLLBACK"), NULL, txn->pin);
	else
		pg_control_end(run->s, false, false);
}

static void fail(struct pg_run *run, const char *sqlstate, const char *text)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, sqlstate, "%s", text);
	pg_run_fail(run, &e);
}

/* ---- the hub's callbacks ---- */

static void cancel_query(struct pg_run *run)
{
	if (run->ended || run->cancel_sent)
		return;
	run->cancel_sent = true;
	qf_query_cancel(run->query);
}

static void on_columns(struct qf_query *q, void *arg, enum qf_encoding enc, struct qf_slice ipc_schema)
{
	struct pg_run *run = arg;

	(void)q;
	(void)enc;
	if (run->step != PG_STEP_STATEMENT)
		return; /* a COMMIT has nothing to show */
	pg_result_columns(&run->result, ipc_schema);
	if (run->result.failed)
		cancel_query(run);
	pg_conn_kick(&run->s->conn);
}

static void on_rows(struct qf_query *q, void *arg, struct qf_slice ipc_batch)
{
	struct pg_run *run = arg;

	(void)q;
	if (run->step != PG_STEP_STATEMENT)
		return;
	pg_result_rows(&run->result, ipc_batch);
	if (run->result.failed)
		cancel_query(run);
	pg_conn_kick(&run->s->conn);
}

static void on_notice(struct qf_query *q, void *arg, const char *severity, const char *sqlstate, const char *text,
		      struct qf_slice fields)
{
	struct pg_run *run = arg;

	(void)q;
	(void)fields;
	if (run->s->conn.out.n < MAX_NOTICE_BYTES)
		pg_reply_notice(run->s, severity, sqlstate, text);
	pg_conn_kick(&run->s->conn);
}

static void on_end(struct qf_query *q, void *arg, const struct qf_query_end *end)
{
	struct pg_run *run = arg;

	(void)q;
	run->end = *end;
	run->ended = true;
	pg_conn_kick(&run->s->conn);
}

void pg_run_query(struct pg_run *run, enum pg_step step, struct qf_slice sql, const struct qf_facts *f,
		  struct qf_pin *pin)
{
	struct pg_session *s = run->s;
	const struct qf_session_facts *session = pg_session_facts(s);
	struct qf_facts own;

	if (!f) {
		qf_sql_facts(sql, session->dialect, &own);
		f = &own;
	}
	struct qf_query_request req = {
		.session = session,
		.sql = sql,
		.facts = f,
		.pin = pin,
		.transaction = pin && step == PG_STEP_STATEMENT,
		.ends_transaction = step != PG_STEP_STATEMENT,
		.deadline_ns = step == PG_STEP_STATEMENT ? pg_settings_ns(&s->settings, PG_STATEMENT_TIMEOUT) : 0,
		.arg = run,
		.on_columns = on_columns,
		.on_rows = on_rows,
		.on_notice = on_notice,
		.on_end = on_end,
	};

	run->step = step;
	run->ended = run->cancel_sent = false;
	run->started_ns = qf_loop_now(s->listener->loop);
	run->limit_ns = req.deadline_ns;
	pg_result_init(&run->result, &s->conn, pg_session_style(s));
	run->query = qf_query_start(s->listener->hub, &req);
}

/* ---- how a query of the hub ended ---- */

static void complete_statement(struct pg_run *run)
{
	char tag[64];

	if (run->facts.verb == QF_VERB_ROLLBACK_TO)
		run->s->txn.state = PG_TXN_BLOCK;
	qf_sql_tag(run->stmt.text, &run->facts, run->end.rows, tag, sizeof(tag));
	pg_run_complete(run, tag);
}

/* A cancelled statement says who cancelled it, in PostgreSQL's words. */
static void name_the_canceller(struct pg_run *run, struct qf_sql_error *e)
{
	if (strcmp(e->sqlstate, "57014") != 0)
		return;
	bool late = run->limit_ns > 0 && qf_loop_now(run->s->listener->loop) - run->started_ns >= run->limit_ns;

	if (run->cancelled)
		qf_sql_error_set(e, "57014", "canceling statement due to user request");
	else if (late)
		qf_sql_error_set(e, "57014", "canceling statement due to statement timeout");
}

static void finish_statement(struct pg_run *run)
{
	struct qf_sql_error *e = &run->end.error;

	if (run->end.ok) {
		complete_statement(run);
		return;
	}
	name_the_canceller(run, e);
	pg_run_fail(run, e);
}

static void finish_query(struct pg_run *run)
{
	if (run->result.failed) {
		run->end.ok = false;
		run->end.error = run->result.error;
	}
	pg_result_fini(&run->result);
	qf_query_free(run->query);
	run->query = NULL;
	if (run->step == PG_STEP_STATEMENT)
		finish_statement(run);
	else
		pg_control_finish(run);
}

/* True when the query is done with: an error is told at once, rows first when there is none. */
static bool query_finished(struct pg_run *run)
{
	bool told = pg_result_continue(&run->result);

	if (run->result.failed)
		cancel_query(run);
	return run->ended && (told || !run->end.ok);
}

/* ---- statements ---- */

static bool next_statement(struct pg_run *run)
{
	do
		if (!qf_split_next(&run->splitter, &run->stmt))
			return false;
	while (run->stmt.empty);
	if (run->index++ > 0)
		qf_sql_facts(run->stmt.text, pg_session_facts(run->s)->dialect, &run->facts);
	return true;
}

static bool is_savepoint(enum qf_verb v)
{
	return v == QF_VERB_SAVEPOINT || v == QF_VERB_RELEASE || v == QF_VERB_ROLLBACK_TO;
}

/* What PostgreSQL refuses in a read-only transaction, as far as a gateway can tell. */
static bool writes(const struct qf_facts *f)
{
	if (f->access == QF_ACCESS_UNKNOWN)
		return !f->returns_rows && !is_savepoint(f->verb);
	return f->access == QF_ACCESS_WRITE;
}

static void fail_read_only(struct pg_run *run)
{
	struct qf_sql_error e;
	char tag[64];

	/* The tag without its counts is what PostgreSQL calls the statement. */
	qf_sql_tag(run->stmt.text, &run->facts, 0, tag, sizeof(tag));
	tag[strcspn(tag, "0123456789")] = 0;
	for (size_t n = strlen(tag); n > 0 && tag[n - 1] == ' '; n--)
		tag[n - 1] = 0;
	qf_sql_error_set(&e, "25006", "cannot execute %s in a read-only transaction", tag);
	pg_run_fail(run, &e);
}

static void fail_savepoint(struct pg_run *run)
{
	struct qf_sql_error e;
	const char *what = run->facts.verb == QF_VERB_SAVEPOINT	? "SAVEPOINT" :
			   run->facts.verb == QF_VERB_RELEASE	? "RELEASE SAVEPOINT" :
								  "ROLLBACK TO SAVEPOINT";

	qf_sql_error_set(&e, "25P01", "%s can only be used in transaction blocks", what);
	pg_run_fail(run, &e);
}

/* The pin died while the session was idle: only now can the client be told. */
static void fail_lost(struct pg_run *run)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "25P02", "%s", aborted);
	snprintf(e.detail, sizeof(e.detail),
		"The connection that held the transaction was lost; nothing of it took effect.");
	pg_run_fail(run, &e);
}

static void engine_statement(struct pg_run *run)
{
	struct pg_txn *txn = &run->s->txn;
	struct qf_pin *pin = NULL;

	if (writes(&run->facts) && pg_settings_bool(&run->s->settings, PG_TRANSACTION_READ_ONLY)) {
		fail_read_only(run);
		return;
	}
	/* An implicit transaction of one statement at the engine needs no transaction there. */
	bool alone = txn->state == PG_TXN_IMPLICIT && is_last(run) && !txn->pin;

	if (txn->state != PG_TXN_IDLE && !alone)
		pin = pg_txn_pin(txn, run->s->listener->hub);
	pg_run_query(run, PG_STEP_STATEMENT, run->stmt.text, &run->facts, pin);
}

static void execute(struct pg_run *run)
{
	struct pg_txn *txn = &run->s->txn;
	enum qf_verb verb = run->facts.verb;

	if (run->cancelled) {
		fail(run, "57014", "canceling statement due to user request");
		return;
	}
	if (verb == QF_VERB_COMMIT || verb == QF_VERB_ROLLBACK) {
		pg_control(run);
		return;
	}
	if (pg_txn_lost(txn)) {
		fail_lost(run);
		return;
	}
	if (txn->state == PG_TXN_FAILED && verb != QF_VERB_ROLLBACK_TO) {
		fail(run, "25P02", aborted);
		return;
	}
	if (txn->state == PG_TXN_IDLE && run->n_statements > 1)
		pg_control_begin_implicit(run->s);
	/* START alone begins a transaction on some engines, unseen by us: here it is START TRANSACTION or an error. */
	if (verb == QF_VERB_BEGIN || verb == QF_VERB_SET_TRANSACTION || qf_slice_caseeq_str(run->facts.word, "start"))
		pg_control(run);
	else if (is_savepoint(verb) && !pg_txn_in_block(txn))
		fail_savepoint(run);
	else if (!pg_utility(run))
		engine_statement(run);
}

/* ---- life ---- */

static void run_free(struct pg_run *run)
{
	run->s->run = NULL;
	free(run->text);
	free(run);
}

static void end_run(struct pg_run *run)
{
	struct pg_session *s = run->s;

	/* The last statement has ended the implicit transaction, by its completion or by its error. */
	qf_assert(s->txn.state != PG_TXN_IMPLICIT);
	run_free(run);
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
		if (!query_finished(run))
			return;
		finish_query(run);
	}
	for (int i = 0; run->step == PG_STEP_NEXT; i++) {
		if (i == STATEMENTS_PER_TURN)
			pg_conn_kick(&run->s->conn);
		if (i == STATEMENTS_PER_TURN || !pg_conn_room(&run->s->conn))
			return;
		if (next_statement(run))
			execute(run);
		else
			run->step = PG_STEP_END;
	}
	if (run->step == PG_STEP_END)
		end_run(run);
}

void pg_run_start(struct pg_session *s, struct qf_slice text)
{
	struct pg_run *run = qf_xcalloc(1, sizeof(*run));
	struct qf_sql_error e;

	qf_timer_stop(s->listener->loop, &s->timer);
	run->s = s;
	run->text = qf_slice_dup(text);
	run->text_n = text.n;
	s->run = run;
	if (!pg_run_check(run, &e))
		pg_run_fail(run, &e);
	else if (run->n_statements == 0)
		qf_pg_put_empty_query(&s->conn.out);
	pg_run_turn(run);
}

/* A COMMIT or ROLLBACK that is on its way is not cancelled: nobody could say how it ended. */
void pg_run_cancel(struct pg_run *run)
{
	run->cancelled = true;
	if (run->query && run->step == PG_STEP_STATEMENT)
		cancel_query(run);
}

void pg_run_abandon(struct pg_run *run)
{
	if (run->query) {
		qf_query_abandon(run->query);
		pg_result_fini(&run->result);
	}
	run_free(run);
}
