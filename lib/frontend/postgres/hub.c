/* The part of a run that the hub does: a query is started, its callbacks, how it ended. See query.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "form.h"
#include "set.h"
#include "sqlprepare.h"
#include "utility.h"
#include "../words.h"

enum { MAX_NOTICE_BYTES = 2 * PG_OUT_HIGH }; /* notices are not flow-controlled: beyond this they are dropped */

/* ---- the hub's callbacks ---- */

void pg_run_cancel_query(struct pg_run *run)
{
	if (run->ended || run->cancel_sent)
		return;
	run->cancel_sent = true;
	qf_query_cancel(run->query);
}

static bool is_result(struct qf_slice description)
{
	return description.n > 0 && description.p[0] == 'T';
}

/* A statement returns what it returned before: its client may not ask again. */
static bool has_shape(struct pg_run *run, struct qf_slice description)
{
	struct pg_statement *st = run->inner ? run->inner : run->prepared;

	if (run->cursor)
		return true; /* FETCH returns what its cursor has */
	uint64_t shape = pg_columns_shape(description);
	struct qf_sql_error e;

	if (st->shape == 0)
		st->shape = shape;
	if (st->shape == shape)
		return true;
	qf_sql_error_set(&e, "0A000", "cached plan must not change result type");
	pg_result_fail(&run->result, QF_STAGE_BIND, &e);
	return false;
}

static void execute_columns(struct pg_run *run, struct qf_slice description)
{
	struct pg_session *s = run->s;

	if (is_result(description) && !has_shape(run, description))
		return;
	pg_extended_pay(s, QF_STAGE_EXECUTE);
	pg_extended_pay_describe(s, is_result(description) ? description : QF_SLICE_NONE);
	if (!is_result(description))
		qf_buf_add_slice(&s->conn.out, description);
}

static void on_columns(struct qf_query *q, void *arg, enum qf_encoding enc, struct qf_slice schema)
{
	struct pg_run *run = arg;
	struct qf_buf description;

	(void)q;
	if (run->step == PG_STEP_DESCRIBE && run->form)
		return; /* what its query has is not its own */
	if (run->step == PG_STEP_DESCRIBE) {
		qf_buf_clear(&run->columns);
		pg_result_columns(&run->result, enc, schema, &run->columns);
		return;
	}
	if (run->step != PG_STEP_STATEMENT)
		return; /* a COMMIT has nothing to show */
	if (pg_cursor_moves(run))
		return;
	if (run->declared) {
		pg_result_columns(&run->result, enc, schema, &run->declared->columns);
		if (run->result.failed)
			pg_run_cancel_query(run);
		return;
	}
	qf_buf_init(&description);
	pg_result_columns(&run->result, enc, schema, &description);
	if (!run->result.failed && run->kind == PG_RUN_EXECUTE)
		execute_columns(run, qf_buf_slice(&description));
	else
		qf_buf_add_slice(&run->s->conn.out, qf_buf_slice(&description));
	if (run->result.failed)
		pg_run_cancel_query(run);
	else if (!is_result(qf_buf_slice(&description)))
		pg_copy_begin(run, (char)description.p[0]);
	qf_buf_fini(&description);
	pg_conn_kick(&run->s->conn);
}

static void on_rows(struct qf_query *q, void *arg, struct qf_slice batch)
{
	struct pg_run *run = arg;

	if (pg_cursor_moves(run)) {
		qf_query_taken(q, batch.n);
		return;
	}
	if (run->step != PG_STEP_STATEMENT)
		return;
	pg_result_rows(&run->result, batch);
	if (run->result.failed)
		pg_run_cancel_query(run);
	pg_conn_kick(&run->s->conn);
}

static void on_notice(struct qf_query *q, void *arg, const char *severity, const char *sqlstate, const char *text,
		      struct qf_slice fields)
{
	struct pg_run *run = arg;
	struct pg_session *s = run->s;

	(void)q;
	if (s->conn.out.n >= MAX_NOTICE_BYTES)
		return;
	if (run->kind == PG_RUN_EXECUTE && run->step == PG_STEP_STATEMENT)
		pg_extended_pay_all(s);
	if (fields.n) /* the engine itself heeds client_min_messages */
		qf_pg_put_report(&s->conn.out, 'N', fields, 0);
	else
		pg_reply_notice(s, severity, sqlstate, text);
	pg_conn_kick(&s->conn);
}

static void on_async(struct qf_query *q, void *arg, struct qf_slice message)
{
	struct pg_run *run = arg;

	(void)q;
	pg_session_async(run->s, message);
}

static void on_input_taken(struct qf_query *q, void *arg, size_t bytes)
{
	(void)q;
	pg_copy_taken(arg, bytes);
}

static void on_end(struct qf_query *q, void *arg, const struct qf_query_end *end)
{
	struct pg_run *run = arg;

	(void)q;
	run->end = *end;
	run->ended = true;
	pg_conn_kick(&run->s->conn);
}

/* ---- what is asked of it ---- */

/* Does the statement belong to a transaction there? */
static bool needs_transaction(const struct pg_run *run, enum pg_step step)
{
	const struct pg_txn *t = &run->s->txn;

	if (step == PG_STEP_DESCRIBE || run->cursor)
		return pg_txn_at_engine(t);
	if (step != PG_STEP_STATEMENT || t->state == PG_TXN_IDLE)
		return false;
	return t->state != PG_TXN_IMPLICIT || pg_txn_at_engine(t) || !pg_run_is_last(run) || run->declared;
}

/* The numbers stay in the session until the run is over: nothing closes a portal while one runs. */
static void bind_closed(struct pg_session *s, struct qf_bind *b)
{
	b->closed = (const uint64_t *)(const void *)s->extended.closed.p;
	b->n_closed = (uint16_t)(s->extended.closed.n / sizeof(uint64_t));
}

static void bind_values(struct qf_bind *b, const struct pg_portal *p)
{
	b->values = p->values;
	b->n_values = p->n_values;
}

static void bind_portal(struct pg_run *run, struct qf_bind *b, bool in_transaction)
{
	struct pg_portal *p = run->portal;

	b->formats = p->formats;
	b->n_formats = p->n_formats;
	b->max_rows = run->max_rows;
	if (p->state == PG_PORTAL_SUSPENDED)
		b->kind = QF_RUN_FETCH;
	else if (run->max_rows && in_transaction && !p->number)
		p->number = ++run->s->extended.next_portal;
	b->portal = p->number;
}

/* The next rows of a cursor. */
static void bind_cursor(struct pg_run *run, struct qf_bind *b)
{
	static const uint16_t binary = 1;
	uint64_t rows = run->wanted > UINT32_MAX - run->skip ? 0 : run->skip + run->wanted;

	b->kind = QF_RUN_FETCH;
	b->portal = run->cursor->number;
	b->max_rows = run->skip > UINT32_MAX ? 0 : (uint32_t)rows;
	if (run->portal) {
		b->formats = run->portal->formats;
		b->n_formats = run->portal->n_formats;
	} else if (run->cursor->binary) {
		b->formats = &binary;
		b->n_formats = 1;
	}
}

static struct qf_bind make_bind(struct pg_run *run, enum pg_step step, bool in_transaction)
{
	const struct pg_statement *st = run->inner ? run->inner : run->prepared;
	struct qf_bind b = { .encodings = QF_ENC_BIT(QF_ENC_ARROW) | QF_ENC_BIT(QF_ENC_PG3) };

	if (pg_is_savepoint(run->facts.verb))
		b.flags |= QF_RUN_SAVEPOINT;
	bool ends = step != PG_STEP_STATEMENT && step != PG_STEP_DESCRIBE;

	if (!ends || run->s->extended.cursors)
		bind_closed(run->s, &b);
	if (ends)
		return b;
	if (run->cursor) {
		bind_cursor(run, &b);
		return b;
	}
	if (!st) {
		b.flags |= QF_RUN_SIMPLE;
		pg_form_bind(run, step, &b);
		return b;
	}
	if (*st->name)
		b.flags |= QF_RUN_NAMED;
	b.types = st->types;
	b.n_types = st->n_types;
	if (step == PG_STEP_DESCRIBE) {
		b.kind = QF_RUN_DESCRIBE;
		pg_form_bind(run, step, &b);
		return b;
	}
	if (run->args)
		bind_values(&b, run->args);
	else if (run->portal)
		bind_values(&b, run->portal);
	if (run->portal)
		bind_portal(run, &b, in_transaction);
	pg_form_bind(run, step, &b);
	return b;
}

void pg_run_query(struct pg_run *run, enum pg_step step, struct qf_slice sql, const struct qf_facts *f)
{
	struct pg_session *s = run->s;
	const struct qf_session_facts *session = pg_session_facts(s);
	bool in_transaction = needs_transaction(run, step);
	struct qf_buf begin = { 0 };
	struct qf_facts own;

	if (!f) {
		qf_sql_facts(sql, session->dialect, &own);
		f = &own;
	}
	pg_form_find(run, sql, f);
	if (run->copied)
		run->max_rows = 0; /* PostgreSQL's COPY gives all of its rows at once, as other utility statements do */
	struct qf_bind bind = make_bind(run, step, in_transaction);

	struct qf_query_request req = {
		.session = session,
		.sql = bind.kind == QF_RUN_FETCH ? QF_SLICE_NONE : sql,
		.facts = f,
		.bind = &bind,
		.pin = pg_session_pin(s),
		.transaction = in_transaction,
		.ends_transaction = step != PG_STEP_STATEMENT && step != PG_STEP_DESCRIBE,
		.judged = bind.kind == QF_RUN_FETCH,
		.deadline_ns = step == PG_STEP_STATEMENT ? pg_settings_ns(&s->settings, PG_STATEMENT_TIMEOUT) : 0,
		.arg = run,
		.on_columns = on_columns,
		.on_rows = on_rows,
		.on_notice = on_notice,
		.on_async = on_async,
		.on_input_taken = on_input_taken,
		.on_end = on_end,
	};

	if (req.transaction && !pg_txn_at_engine(&s->txn))
		pg_control_begin_text(s, &begin);
	bind.begin = qf_buf_slice(&begin);
	run->step = step;
	run->ended = run->cancel_sent = false;
	run->started_ns = qf_loop_now(s->listener->loop);
	run->limit_ns = req.deadline_ns;
	pg_result_init(&run->result, &s->conn, pg_session_style(s));
	run->result.style.formats = bind.formats;
	run->result.style.n_formats = bind.n_formats;
	run->result.copy = run->form == QF_FORM_COPY_OUT ? run->copied : NULL;
	run->result.skip = run->cursor ? run->skip : 0;
	run->query = qf_query_start(s->listener->hub, &req);
	qf_buf_clear(&s->extended.closed);
	qf_buf_fini(&begin);
}

/* ---- how a query of the hub ended ---- */

static void complete_statement(struct pg_run *run, bool copied_out)
{
	char tag[64];

	if (run->facts.verb == QF_VERB_ROLLBACK_TO)
		run->s->txn.state = PG_TXN_BLOCK;
	pg_control_savepoint(run);
	pg_set_accepted(run);
	if (run->declared) {
		pg_cursor_declared(run);
		return;
	}
	if (copied_out)
		qf_pg_put_mark(&run->s->conn.out, 'c'); /* CopyDone */
	if (run->cursor)
		run->end.rows = pg_cursor_fetched(run);
	if (!run->end.tag)
		qf_sql_tag(run->stmt.text, &run->facts, run->end.rows, tag, sizeof(tag));
	pg_run_complete(run, run->end.tag ? run->end.tag : tag);
}

/* A cancelled statement says who cancelled it, in PostgreSQL's words. True: those that the engine found are wrong. */
static bool name_the_canceller(struct pg_run *run, struct qf_sql_error *e)
{
	if (strcmp(e->sqlstate, "57014") != 0)
		return false;
	bool late = run->limit_ns > 0 && qf_loop_now(run->s->listener->loop) - run->started_ns >= run->limit_ns;

	if (run->cancelled)
		qf_sql_error_set(e, "57014", "canceling statement due to user request");
	else if (late)
		qf_sql_error_set(e, "57014", "canceling statement due to statement timeout");
	return run->cancelled || late;
}

/* The engine ran what stands in the statement: its places are there. */
static void place_inner(const struct pg_run *run, struct qf_sql_error *e)
{
	if (run->form && e->position && run->form_at == SIZE_MAX)
		e->position = 0;
	else if (run->form && e->position)
		e->position += fe_characters(qf_slice(run->stmt.text.p, run->form_at));
}

static void finish_statement(struct pg_run *run, bool copied_out)
{
	struct qf_sql_error *e = &run->end.error;
	struct qf_slice fields = run->end.fields;

	if (run->end.ok && run->step == PG_STEP_DESCRIBE && run->inner) {
		pg_sql_prepared(run);
	} else if (run->end.ok && run->step == PG_STEP_DESCRIBE) {
		run->step = PG_STEP_END;
	} else if (run->end.ok) {
		complete_statement(run, copied_out);
	} else {
		if (name_the_canceller(run, e))
			fields = QF_SLICE_NONE;
		if (fields.n == 0)
			place_inner(run, e);
		if (fields.n == 0 && run->end.group) /* by an engine or for it, not by a rule */
			pg_utility_refused(run, e);
		pg_cursor_failed(run);
		pg_run_fail_at(run, run->end.stage, e, fields);
	}
}

/* In a transaction the error takes it back. */
static bool took_effect(const struct pg_run *run)
{
	return run->end.ok && run->step == PG_STEP_STATEMENT && run->facts.access != QF_ACCESS_READ &&
	       !pg_txn_at_engine(&run->s->txn);
}

/* Its result cannot be told. What the engine says of a write that took effect, or may have, weighs more. */
static void fail_end(struct pg_run *run)
{
	struct qf_query_end *end = &run->end;
	const struct qf_sql_error *why = &run->result.error;

	if (!end->ok && strcmp(end->error.sqlstate, "08007") == 0)
		return;
	if (took_effect(run)) {
		end->stage = QF_STAGE_EXECUTE;
		qf_sql_error_set(&end->error, "08007", "the statement took effect, but its rows cannot be sent");
		snprintf(end->error.detail, sizeof(end->error.detail), "%.*s", (int)sizeof(end->error.detail) - 1,
			why->message);
	} else {
		end->stage = run->result.stage;
		end->error = *why;
	}
	end->ok = false;
	end->fields = QF_SLICE_NONE;
}

/* The query goes first: its pin may go with the end of the transaction. */
void pg_run_finish_query(struct pg_run *run)
{
	struct qf_buf fields = { 0 };
	char tag[64];

	if (run->result.failed)
		fail_end(run);
	if (run->end.tag) {
		snprintf(tag, sizeof(tag), "%s", run->end.tag);
		run->end.tag = tag;
	}
	if (run->end.ok && run->step == PG_STEP_DESCRIBE)
		pg_run_described(run);
	qf_buf_add_slice(&fields, run->end.fields);
	run->end.fields = qf_buf_slice(&fields);
	bool copied_out = run->copy.state == PG_COPY_OUT;

	if (copied_out && run->end.ok)
		pg_result_end_copy(&run->result);
	pg_result_fini(&run->result);
	pg_copy_fini(run);
	pg_session_note_engine(run->s, run->end.cluster);
	qf_query_free(run->query);
	run->query = NULL;
	pg_session_take_noted(run->s);
	if (run->step == PG_STEP_STATEMENT || run->step == PG_STEP_DESCRIBE)
		finish_statement(run, copied_out);
	else
		pg_control_finish(run);
	qf_buf_fini(&fields);
}

bool pg_run_query_finished(struct pg_run *run)
{
	bool told = pg_result_continue(&run->result);

	if (run->result.failed)
		pg_run_cancel_query(run);
	return run->ended && (told || !run->end.ok);
}
