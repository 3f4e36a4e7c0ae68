/* From the slot to the engine and back: connections, transactions, the job's callbacks. */
#include "dispatch.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALE_MAX 10 /* times that a statement is translated anew because its tables change all the time */

static void on_schema(struct qf_engine_job *job, struct qf_slice schema)
{
	struct stream *s = job->arg;

	if (s->phase == PHASE_STATEMENT)
		rows_schema(s, schema);
}

static void on_batch(struct qf_engine_job *job, struct qf_slice batch, uint64_t rows)
{
	struct stream *s = job->arg;

	(void)rows;
	if (s->phase == PHASE_STATEMENT)
		rows_batch(s, batch);
}

static void on_notice(struct qf_engine_job *job, const char *severity, const char *text, struct qf_slice fields)
{
	say_notice(job->arg, severity, "01000", text, fields);
}

static void on_async(struct qf_engine_job *job, struct qf_slice message)
{
	say_async(job->arg, message);
}

static void on_input_taken(struct qf_engine_job *job, size_t bytes)
{
	say_input_taken(job->arg, bytes);
}

static void on_described(struct qf_engine_job *job, const uint32_t *oids, size_t n_params, struct qf_slice columns)
{
	struct stream *s = job->arg;

	s->described = true;
	qf_buf_clear(&s->param_types);
	qf_buf_clear(&s->schema);
	for (size_t i = 0; i < n_params; i++)
		qf_buf_u32(&s->param_types, oids[i]);
	qf_buf_add_slice(&s->schema, columns);
}

static void release_slot(struct stream *s)
{
	struct qf_engine_conn *conn = s->conn;

	s->conn = NULL;
	if (conn)
		s->cluster->ops->conn_put(conn, false);
	group_leave(s);
}

static void pin_forget(struct pin *p)
{
	struct listener *l = p->listener;
	struct group *g = p->group;
	struct cluster *c = p->cluster;

	qf_timer_stop(g->d->run->loop, &p->idle);
	qf_map_del_u64(l->pins, p->id);
	c->ops->conn_put(p->conn, true);
	free(p);
	group_release(g, c);
	control_changed(g->d);
	listener_maybe_free(l);
	if (g->d->draining)
		dispatch_maybe_drained(g->d);
}

static void on_rollback_end(struct qf_engine_job *job, const struct qf_engine_end *end)
{
	(void)end;
	pin_forget(job->arg);
}

void pin_release(struct pin *p, bool rollback)
{
	struct qf_sql_error err;

	if (p->ending)
		return;
	p->ending = true;
	if (rollback) {
		p->rollback = (struct qf_engine_job){ .sql = qf_slice_str("ROLLBACK"), .bind = &qf_bind_plain,
			.window = STREAM_WINDOW_MIN, .batch_bytes = QF_BATCH_MAX, .arg = p, .on_end = on_rollback_end };
		if (p->cluster->ops->submit(p->conn, &p->rollback, &err) == 0)
			return;
	}
	pin_forget(p);
}

/* The listener ends idle transactions itself. This is for one that it gave up while we were silent. */
static void on_idle(struct qf_timer *t)
{
	struct pin *p = qf_container_of(t, struct pin, idle);

	if (p->stream || !p->in_transaction)
		return;
	say_pin(p, QF_SLICE_NONE, true);
	pin_release(p, true);
}

static void watch_idle(struct pin *p)
{
	const struct qf_conf *conf = p->group->d->run->conf;

	if (!p->in_transaction) { /* what a session keeps has no limit of its own */
		qf_timer_stop(p->group->d->run->loop, &p->idle);
		return;
	}
	p->idle.fn = on_idle;
	qf_timer_set(p->group->d->run->loop, &p->idle, conf->idle_in_transaction_ns + conf->client_stall_ns);
}

/* Between its statements. */
static void on_pin_async(void *arg, struct qf_slice message)
{
	say_pin(arg, message, false);
}

static void on_pin_lost(void *arg)
{
	struct pin *p = arg;

	if (p->stream || p->ending)
		return; /* its statement says so */
	say_pin(p, QF_SLICE_NONE, true);
	pin_release(p, false);
}

/* Is there still something to keep the connection for, after this statement? */
static bool keeps(const struct stream *s, const struct pin *p)
{
	if (s->end.conn_broken || s->pin_flags & QF_PIN_DROPS || !s->listener->peer || s->d->stopping)
		return false;
	return s->pin_flags & QF_PIN_ENDS ? p->held && !p->in_transaction : p->held || p->in_transaction;
}

/* What is left on the pin after its statement: nothing, its transaction, what the session keeps, or the connection is lost. */
static void settle_pin(struct stream *s)
{
	struct pin *p = s->pin;

	p->stream = NULL;
	if (s->end.outcome != QF_OUT_NOT_SENT) {
		p->in_transaction = s->end.in_transaction;
		p->failed = s->end.transaction_failed;
		p->held = s->end.held;
	}
	s->pin_gone = s->end.conn_broken;
	s->pin = NULL;
	s->conn = NULL;
	if (keeps(s, p))
		watch_idle(p);
	else
		pin_release(p, p->in_transaction && !s->end.conn_broken);
}

static void pin_start(struct stream *s)
{
	struct pin *p = qf_xcalloc(1, sizeof *p);

	p->listener = s->listener;
	p->id = s->pin_id;
	p->group = s->group;
	p->cluster = s->cluster;
	p->conn = s->conn;
	p->stream = s;
	s->pin = p;
	qf_map_put_u64(s->listener->pins, p->id, p);
	if (p->cluster->ops->watch)
		p->cluster->ops->watch(p->conn, on_pin_async, on_pin_lost, p);
}

/* The engine was done with it, but the client cannot have its rows. */
static void drop_result(struct stream *s)
{
	if (!s->refusal.sqlstate[0])
		qf_sql_error_set(&s->refusal, "57014", "canceling statement due to user request");
	s->end.outcome = QF_OUT_CANCELLED;
	s->end.error = s->refusal;
	if (s->access == QF_ACCESS_READ || s->in_transaction)
		return;
	s->end.outcome = QF_OUT_UNKNOWN;
	qf_sql_error_set(&s->end.error, "08007", "the statement had been done when it was interrupted: only its rows are lost");
}

static void finish(struct stream *s, const struct qf_engine_end *end)
{
	qf_timer_stop(s->d->run->loop, &s->timer);
	qf_list_remove(&s->busy);
	s->end = *end;
	s->end.has_rows = s->schema.n > 0;
	s->end.fields = QF_SLICE_NONE;
	const struct target *t = group_target(s, s->cluster);
	bool as_written = t && qf_slice_eq(s->job.sql, translate_text(s, t));

	if (end->outcome == QF_OUT_ERROR && as_written)
		qf_buf_add_slice(&s->fields, end->fields);
	if (!as_written)
		s->end.error.position = 0; /* the engine counts in the translated text */
	if (s->refusal.sqlstate[0] && end->outcome == QF_OUT_CANCELLED)
		s->end.error = s->refusal; /* we interrupted it, for this reason */
	else if (s->row_lost && end->outcome == QF_OUT_OK)
		drop_result(s);
	if (s->access != QF_ACCESS_READ && end->outcome == QF_OUT_OK)
		s->cluster->written = true;
	if (!s->pin && !s->beside && s->pin_id && s->end.held && !s->end.conn_broken)
		pin_start(s);
	if (s->pin)
		settle_pin(s);
	else
		release_slot(s);
	rows_end(s);
}

static void submit_statement(struct stream *s);

/*
 * A table changed between the translation and now: the statement is translated anew, in its slot. Whatever was known
 * of the tables is not believed; in a transaction, which may have tables of its own, nothing is asked of them either.
 */
static void translate_again(struct stream *s)
{
	struct target *t = group_target(s, s->cluster);

	s->stale++;
	s->without_columns = s->pin || s->stale == STALE_MAX; /* the last try builds on nothing that may change */
	s->phase = PHASE_TRANSLATE;
	*t = (struct target){ .dialect = t->dialect, .cluster = t->cluster };
	s->n_asked = 1;
	translate_ask(s, t);
}

/* The engine could not be reached, and nothing ties the statement to it: another member may run it. */
static bool may_move(const struct stream *s, const struct qf_engine_end *end)
{
	return end->outcome == QF_OUT_NOT_SENT && end->elsewhere && !s->interrupted && !stream_in_pin(s);
}

static void leave_connection(struct stream *s, struct cluster *from)
{
	struct pin *p = s->pin;

	from->ops->conn_put(s->conn, false);
	s->conn = NULL;
	s->phase = PHASE_NONE;
	s->pin = NULL;
	if (!p)
		return;
	qf_map_del_u64(s->listener->pins, p->id);
	free(p);
}

static void start_on_member(struct stream *s);

static void on_end(struct qf_engine_job *job, const struct qf_engine_end *end)
{
	struct stream *s = job->arg;
	struct cluster *from = s->cluster;
	struct qf_engine_end cancelled = { .outcome = QF_OUT_CANCELLED };

	if (may_move(s, end) && group_move(s)) {
		leave_connection(s, from);
		start_on_member(s);
	} else if (end->catalog_changed && !s->interrupted && s->stale < STALE_MAX) {
		translate_again(s);
	} else if (end->catalog_changed && s->interrupted) { /* nothing of it ran: not the client's 40001 to try again */
		qf_sql_error_set(&cancelled.error, "57014", "canceling statement due to user request");
		cancelled.in_transaction = end->in_transaction;
		cancelled.transaction_failed = end->transaction_failed;
		finish(s, &cancelled);
	} else if (s->phase != PHASE_BEGIN || end->outcome != QF_OUT_OK) {
		finish(s, end);
	} else if (s->interrupted) { /* too late for BEGIN */
		cancelled.in_transaction = s->pin->in_transaction = true;
		qf_sql_error_set(&cancelled.error, "57014", "canceling statement due to user request");
		finish(s, &cancelled);
	} else {
		s->pin->in_transaction = true;
		submit_statement(s);
	}
}

static void submit(struct stream *s, struct qf_slice sql)
{
	const struct target *t = s->phase == PHASE_STATEMENT ? group_target(s, s->cluster) : NULL;
	bool inner = t && s->bind->form && t->dialect != QF_DIALECT_POSTGRES;
	struct qf_sql_error err;

	s->job = (struct qf_engine_job){
		.sql = sql,
		.text = inner ? s->sql : QF_SLICE_NONE,
		.tables = t ? t->tables : NULL,
		.n_tables = t ? t->n_tables : 0,
		.catalog = t ? t->catalog : 0,
		.window = s->granted,
		.batch_bytes = QF_BATCH_MAX,
		.settings = s->settings,
		.n_settings = s->n_settings,
		.bind = s->phase != PHASE_STATEMENT ? &qf_bind_plain : inner ? s->bind : s->native,
		.session = s->listener->epoch + s->session,
		.user = s->user,
		.database = s->database,
		.query_id = s->query_id,
		.arg = s,
		.on_schema = on_schema,
		.on_batch = on_batch,
		.on_described = on_described,
		.on_notice = on_notice,
		.on_async = on_async,
		.on_input_taken = on_input_taken,
		.on_end = on_end,
	};
	if (s->cluster->ops->submit(s->conn, &s->job, &err) < 0) {
		struct qf_engine_end end = { .outcome = QF_OUT_NOT_SENT, .error = err };

		finish(s, &end);
	}
}

static void submit_statement(struct stream *s)
{
	const struct target *t = group_target(s, s->cluster);

	qf_assert(t && t->state == TARGET_READY);
	s->phase = PHASE_STATEMENT;
	submit(s, t->sql);
}

void run_translated(struct stream *s)
{
	struct qf_engine_end end = { .outcome = QF_OUT_NOT_SENT };

	if (group_target(s, s->cluster)->state == TARGET_READY) {
		submit_statement(s);
		return;
	}
	end.error = s->refusal;
	finish(s, &end);
}

static size_t window(const struct stream *s)
{
	uint64_t budget = s->d->run->conf->stream_budget_bytes / (s->d->open_streams ? s->d->open_streams : 1);
	size_t w = budget < STREAM_WINDOW ? (size_t)budget : STREAM_WINDOW;

	if (s->granted && s->granted < w)
		w = s->granted;
	return w < STREAM_WINDOW_MIN ? STREAM_WINDOW_MIN : w;
}

static void refuse_start(struct stream *s, const char *sqlstate, const char *text)
{
	struct qf_engine_end end = { .outcome = QF_OUT_NOT_SENT };

	qf_sql_error_set(&end.error, sqlstate, "%s", text);
	finish(s, &end);
}

/* The client's own words, where the engine understands them: they may ask for an isolation level. */
static struct qf_slice begin_text(const struct stream *s)
{
	bool as_written = s->bind->begin.n > 0 && qf_dialect_same(s->dialect, s->cluster->ops->dialect);

	return as_written ? s->bind->begin : qf_slice_str("BEGIN TRANSACTION");
}

static void begin_transaction(struct stream *s)
{
	struct pin *p = s->pin ? s->pin : qf_map_get_u64(s->listener->pins, s->pin_id);

	if (p && (p != s->pin || p->in_transaction)) {
		refuse_start(s, "25001", "this transaction has begun already");
		return;
	}
	if (!p)
		pin_start(s);
	s->phase = PHASE_BEGIN;
	s->in_transaction = true;
	submit(s, begin_text(s));
}

/* What the session kept is not wanted any more, and no transaction is open. */
static bool only_drops(const struct stream *s)
{
	return s->pin && s->pin_flags & QF_PIN_DROPS && !s->pin->in_transaction;
}

/* 0: s->conn is there. */
static int get_connection(struct stream *s, const struct qf_scram_keys *keys, struct qf_sql_error *reterr)
{
	const struct qf_engine_who who = { .session = s->listener->epoch + s->session, .user = s->user, .keyed = s->keyed, .keys = keys };

	return s->conn ? 0 : s->cluster->ops->conn_get(s->cluster->engine, &who, &s->conn, reterr);
}

static void start_with(struct stream *s, const struct qf_scram_keys *keys)
{
	struct qf_engine_end end = { .outcome = QF_OUT_NOT_SENT };
	int r = 0;

	s->phase = PHASE_NONE;
	if (only_drops(s)) {
		end.outcome = QF_OUT_OK;
		finish(s, &end);
	} else if ((r = get_connection(s, keys, &end.error)) == -ENOKEY && say_keys(s)) {
		s->phase = PHASE_KEYS;
	} else if (r == -ENOKEY) {
		refuse_start(s, "57P03", "the SCRAM keys of the user cannot be asked for");
	} else if (r < 0) {
		finish(s, &end);
	} else if (s->pin_flags & QF_PIN_BEGINS) {
		begin_transaction(s);
	} else {
		s->in_transaction = s->pin && s->pin->in_transaction;
		submit_statement(s);
	}
}

static void start_on_member(struct stream *s)
{
	start_with(s, NULL);
}

void run_keys(struct stream *s, const struct qf_scram_keys *keys)
{
	struct qf_engine_end end = { .outcome = QF_OUT_NOT_SENT };

	if (s->phase != PHASE_KEYS)
		return;
	if (keys) {
		start_with(s, keys);
		return;
	}
	qf_sql_error_set(&end.error, "28000", "cluster \"%s\" asks for the SCRAM keys of \"%s\", and there are none",
			 s->cluster->conf->name, s->user ? s->user : "");
	snprintf(end.error.hint, sizeof end.error.hint, "Log in by SCRAM-SHA-256, on the PostgreSQL protocol.");
	finish(s, &end);
}

void run_start(struct stream *s)
{
	s->started_ns = qf_loop_now(s->d->run->loop);
	s->granted = window(s);
	s->refusal.sqlstate[0] = 0; /* of a target that is not needed */
	qf_list_append(&s->group->busy, &s->busy);
	qf_timer_stop(s->d->run->loop, &s->timer);
	if (s->deadline_ns)
		qf_timer_set(s->d->run->loop, &s->timer,
			     s->deadline_ns > s->started_ns ? s->deadline_ns - s->started_ns : 1);
	if (s->slot < 0 && s->access != QF_ACCESS_READ)
		refuse_start(s, "53200",
			     "the journal is full: nobody could tell after a crash whether the statement ran");
	else
		start_on_member(s);
}

/* Nothing of it runs in the engine just then. */
static void interrupt_wait(struct stream *s)
{
	struct qf_engine_end end = { .outcome = QF_OUT_CANCELLED };

	translate_forget(s);
	qf_sql_error_set(&end.error, "57014", "canceling statement due to user request");
	finish(s, &end);
}

void run_interrupt(struct stream *s)
{
	s->interrupted = true;
	if (s->phase == PHASE_TRANSLATE || s->phase == PHASE_KEYS) {
		interrupt_wait(s);
		return;
	}
	if (s->ended_by_engine) { /* only its rows were still on the way */
		rows_drop(s);
		if (s->end.outcome == QF_OUT_OK)
			drop_result(s);
		stream_step(s, QF_RD_EV_FINISH, 0);
		return;
	}
	if (s->conn)
		s->cluster->ops->cancel(s->conn);
}
