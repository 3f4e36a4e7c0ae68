/*
 * One job, step by step, on threads of the pool.
 *
 * The first step prepares, executes and fetches; a step that has used up the window leaves the result open and
 * returns its thread, and the next one goes on fetching. Messages of a step are published together when they
 * are few, so that schema, rows and end of a small result reach the loop in one turn.
 *
 * Cancelling: DuckDB forgets an interrupt when it prepares a statement and when it starts one. So the flag of
 * ours is looked at after each of these, and duckdb_interrupt() is only called in DUCK_RUNNING: what it hits is
 * then this job and no later one.
 */
#include <stdlib.h>
#include <string.h>

#include "copyin.h"
#include "qf/clock.h"

#define LONG_NS QF_MS /* a statement older than this gets the crew's help */
#define CHUNK_ROWS 2048

/* ---- messages and state, shared with the loop ---- */

struct duck_msg *duck_job_hold(struct qf_engine_conn *c, enum duck_msg_kind kind)
{
	struct duck_msg *m = qf_xcalloc(1, sizeof(*m));

	m->conn = c;
	m->kind = kind;
	ArrowBufferInit(&m->bytes);
	qf_list_append(&c->job.held, &m->link);
	return m;
}

void duck_msg_free(struct duck_msg *m)
{
	qf_list_remove(&m->link);
	ArrowBufferReset(&m->bytes);
	free(m);
}

/* Called with the lock held; the caller posts the wake-up when it has released it. */
static void give_held(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->job.held) {
		qf_list_remove(it);
		qf_list_append(&c->engine->out, it);
	}
}

static void publish(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;
	bool any = !qf_list_empty(&c->job.held);

	pthread_mutex_lock(&e->lock);
	give_held(c);
	pthread_mutex_unlock(&e->lock);
	if (any)
		qf_wake_post(e->wake);
}

/* The last messages; the connection belongs to the loop from here on. Returns what is still to be posted. */
static struct qf_wake *publish_end(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;

	duck_job_hold(c, DUCK_MSG_END);
	pthread_mutex_lock(&e->lock);
	give_held(c);
	c->job.state = DUCK_ENDED;
	pthread_mutex_unlock(&e->lock);
	return e->wake;
}

bool duck_job_cancelled(struct qf_engine_conn *c)
{
	pthread_mutex_lock(&c->engine->lock);
	bool cancelled = c->job.cancelled;
	pthread_mutex_unlock(&c->engine->lock);
	return cancelled;
}

static void dismiss_crew(struct duck_job *j, struct qf_engine *e)
{
	if (j->crew_wanted)
		duck_crew_want(e->crew, false);
	j->crew_wanted = false;
}

void duck_job_call_crew(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;

	if (j->crew_wanted || j->spent_ns + qf_mono_ns() - j->step_ns < LONG_NS)
		return;
	j->crew_wanted = true;
	duck_crew_want(c->engine->crew, true);
}

/*
 * True when the window is used up: the job belongs to the loop then. Whether there is room is asked again under
 * the lock that makes it the loop's, so that a more() in between is not lost.
 */
static bool suspend(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	bool room = j->credit > 0 || j->cancelled;
	pthread_mutex_unlock(&e->lock);
	if (room)
		return false;
	dismiss_crew(j, e);
	j->spent_ns += qf_mono_ns() - j->step_ns;
	j->step_ns = qf_mono_ns();
	pthread_mutex_lock(&e->lock);
	give_held(c);
	room = j->credit > 0 || j->cancelled;
	if (!room)
		j->state = DUCK_SUSPENDED;
	pthread_mutex_unlock(&e->lock);
	qf_wake_post(e->wake);
	return !room;
}

void duck_job_described(struct qf_engine_conn *c, struct ArrowBuffer *schema)
{
	ArrowBufferMove(schema, &duck_job_hold(c, DUCK_MSG_DESCRIBED)->bytes);
}

/* ---- how it ends ---- */

void duck_job_cancel_end(struct duck_job *j)
{
	j->end.outcome = QF_OUT_CANCELLED;
	j->kind = DUCK_ERROR_INTERRUPT;
	qf_sql_error_set(&j->end.error, "57014", "the statement was cancelled");
}

void duck_job_fail(struct qf_engine_conn *c, const char *text)
{
	struct duck_job *j = &c->job;
	size_t at;

	j->end.outcome = QF_OUT_ERROR;
	j->kind = duck_error_read(text, &j->end.error);
	if (!j->rewritten && duck_error_at(text, &at))
		j->end.error.position = duck_error_place(j->sql, duck_casts_origin(&j->casts, at));
	if (j->kind == DUCK_ERROR_INTERRUPT && duck_job_cancelled(c))
		duck_job_cancel_end(j);
}

void duck_job_drop(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	duck_copy_end(c);
	qf_buf_fini(&c->job.input);
	duck_rows_close(c, &c->job.rows);
	ArrowBufferReset(&c->job.schema);
	qf_list_each(it, tmp, &c->job.held)
		duck_msg_free(qf_container_of(it, struct duck_msg, link));
	free(c->job.sql);
	c->job.sql = NULL;
	free(c->job.oids);
	c->job.oids = NULL;
	duck_casts_fini(&c->job.casts);
}

/* When the whole database fails under a write or a COMMIT, nobody knows whether that is in the file. */
static void note_death(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;
	struct duck_job *j = &c->job;

	if (j->kind != DUCK_ERROR_SUSPICIOUS || !duck_session_database_dead(e))
		return;
	pthread_mutex_lock(&e->lock);
	e->dead = true;
	pthread_mutex_unlock(&e->lock);
	j->end.conn_broken = true;
	if (j->pub->bind->kind == QF_RUN_ALL &&
		(!duck_session_reads_only(j->type) || duck_session_is_commit(j->sql))) {
		j->end.outcome = QF_OUT_UNKNOWN;
		memcpy(j->end.error.sqlstate, "08007", sizeof(j->end.error.sqlstate));
	}
}

/* The statement as far as it ran: a description and more rows change nothing. */
static const char *ran(const struct duck_job *j)
{
	return j->pub->bind->kind == QF_RUN_ALL ? j->sql : "";
}

static void note_session(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	bool failed = c->transaction_failed;

	if (j->end.outcome != QF_OUT_OK)
		duck_session_failed(c, ran(j), j->kind);
	else if (j->pub->bind->kind == QF_RUN_ALL)
		duck_session_succeeded(c, j->type, j->sql);
	/* DuckDB says OK to the COMMIT of an aborted transaction, and has rolled it back. */
	if (failed && j->end.outcome == QF_OUT_OK && duck_session_is_commit(ran(j)))
		duck_job_hold(c, DUCK_MSG_NOTICE)->text = "the transaction was aborted: COMMIT has rolled it back";
	if (j->end.outcome == QF_OUT_OK && !c->in_transaction)
		duck_portals_settle(c);
	j->end.in_transaction = c->in_transaction;
	j->end.transaction_failed = c->transaction_failed;
	j->end.held = duck_portals_any_held(c) ? QF_HELD_CURSOR : 0;
}

/*
 * DuckDB goes on with a statement that we gave up (pending, or with rows left), in its own transaction, until the next
 * query of the connection: that is now. That query first works off the tasks that are left, to their end unless they
 * are interrupted, and then forgets the interrupt; the one that cancelled the job may have been forgotten before.
 */
static void end_given_up(struct qf_engine_conn *c)
{
	enum duck_error_kind kind;
	struct qf_sql_error ignored;

	if (c->job.end.outcome == QF_OUT_OK)
		return;
	c->engine->api.interrupt(c->db);
	if (!c->in_transaction)
		(void)!duck_session_run(c, "SELECT 1", &ignored, &kind);
}

static struct qf_wake *finish(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;

	pthread_mutex_lock(&c->engine->lock);
	j->state = DUCK_ENDING;
	pthread_mutex_unlock(&c->engine->lock);
	dismiss_crew(j, c->engine);
	duck_copy_end(c);
	duck_rows_close(c, &j->rows);
	ArrowBufferReset(&j->schema);
	if (j->end.outcome != QF_OUT_OK && j->end.outcome != QF_OUT_NOT_SENT)
		duck_portals_failed(c);
	end_given_up(c);
	note_session(c);
	note_death(c);
	duck_catalog_end(c);
	duck_writes_end(c);
	free(j->sql);
	j->sql = NULL;
	duck_casts_fini(&j->casts);
	return publish_end(c);
}

/* ---- rows ---- */

/* How many more the client wants. */
static uint64_t wanted(const struct duck_job *j)
{
	const struct qf_bind *b = j->pub->bind;
	uint32_t max = b->max_rows;

	if (b->form == QF_FORM_CURSOR && b->kind == QF_RUN_ALL)
		return 0;
	return max ? max - j->end.rows : UINT64_MAX;
}

/* 1: rows came; 0: there are no more; negative: failed. */
static int give_rows(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	struct duck_msg *m = duck_job_hold(c, DUCK_MSG_BATCH);
	bool ok = duck_rows_next(c, &j->rows, wanted(j), &m->bytes, &m->rows);

	if (!ok || m->rows == 0) {
		duck_msg_free(m);
		return ok ? 0 : -EINVAL;
	}
	j->end.rows += m->rows;
	pthread_mutex_lock(&c->engine->lock);
	j->credit -= m->bytes.size_bytes;
	pthread_mutex_unlock(&c->engine->lock);
	return 1;
}

/* A first chunk that is not full is most likely the only one: the end goes with it. Others need not wait. */
static void publish_chunk(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	idx_t rows;

	if (!j->rows.chunk)
		return;
	rows = c->engine->api.data_chunk_get_size(j->rows.chunk);
	if (j->rows.row >= rows && (rows >= CHUNK_ROWS || j->end.rows > rows))
		publish(c);
}

/* False: suspended. */
static bool fetch(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;

	for (;;) {
		if (suspend(c))
			return false;
		if (duck_job_cancelled(c)) {
			duck_job_cancel_end(j);
			return true;
		}
		/* Whether more follow is not looked at, as PostgreSQL does not. */
		if (wanted(j) == 0) {
			(void)!duck_portal_keep(c);
			return true;
		}
		if (give_rows(c) <= 0)
			return true;
		publish_chunk(c);
	}
}

/* ---- input ---- */

/* What the client has sent; false: nothing, and the job belongs to the loop until something comes. */
static bool take_input(struct qf_engine_conn *c, struct qf_buf *ret)
{
	struct duck_job *j = &c->job;
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	bool any = j->input.n > 0 || j->cancelled;

	*ret = j->input;
	j->input = (struct qf_buf){ 0 };
	give_held(c);
	if (!any)
		j->state = DUCK_SUSPENDED;
	pthread_mutex_unlock(&e->lock);
	qf_wake_post(e->wake);
	return any;
}

/* False: suspended. */
static bool read_input(struct qf_engine_conn *c)
{
	struct qf_buf input;
	bool over = false;

	while (!over) {
		if (!take_input(c, &input))
			return false;
		if (duck_job_cancelled(c)) {
			duck_job_cancel_end(&c->job);
			over = true;
		} else {
			over = duck_copy_take(c, qf_buf_slice(&input));
			duck_job_hold(c, DUCK_MSG_TAKEN)->rows = input.n;
		}
		qf_buf_fini(&input);
	}
	return true;
}

static bool begin(struct qf_engine_conn *c)
{
	if (c->job.pub->bind->kind == QF_RUN_FETCH) {
		c->job.end.stage = QF_STAGE_EXECUTE;
		return duck_portal_take(c);
	}
	return duck_execute(c);
}

struct qf_wake *duck_job_step(struct duck_work *w)
{
	struct qf_engine_conn *c = qf_container_of(w, struct qf_engine_conn, job.work);
	struct duck_job *j = &c->job;

	pthread_mutex_lock(&c->engine->lock);
	j->state = DUCK_RUNNING;
	pthread_mutex_unlock(&c->engine->lock);
	j->step_ns = qf_mono_ns();
	if (j->copy)
		return read_input(c) ? finish(c) : NULL;
	if (!j->has_rows && !begin(c))
		return finish(c);
	if (j->copy)
		return read_input(c) ? finish(c) : NULL;
	if (!j->has_rows && !duck_rows_begin(c))
		return finish(c);
	return fetch(c) ? finish(c) : NULL;
}
