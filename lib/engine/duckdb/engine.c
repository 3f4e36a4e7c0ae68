/* The adapter's table of functions, on the loop thread: see adapter.h. */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"
#include "private.h"
#include "qf/log.h"

/* ---- connections ---- */

static void conn_free(struct qf_engine_conn *c)
{
	duck_portals_drop(c);
	duck_savepoints_clear(c);
	duck_cache_clear(c);
	if (c->db)
		c->engine->api.disconnect(&c->db);
	free(c->timezone);
	free(c->search_path);
	free(c->user);
	free(c->database);
	qf_tz_free(c->zone);
	free(c->zone_name);
	free(c);
}

/* Rolling back what the client left open may take long: not on the loop. */
static struct qf_wake *close_on_thread(struct duck_work *w)
{
	struct qf_engine_conn *c = qf_container_of(w, struct qf_engine_conn, closing);
	struct qf_engine *e = c->engine;

	duck_portals_drop(c);
	duck_cache_clear(c);
	e->api.disconnect(&c->db);
	pthread_mutex_lock(&e->lock);
	qf_list_remove(&c->used);
	pthread_mutex_unlock(&e->lock);
	conn_free(c);
	return NULL;
}

static void conn_close(struct qf_engine_conn *c)
{
	c->closing.fn = close_on_thread;
	if (duck_pool_add(c->engine->pool, &c->closing) < 0)
		close_on_thread(&c->closing);
}

static void drop_idle(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &e->idle) {
		qf_list_remove(it);
		conn_free(qf_container_of(it, struct qf_engine_conn, link));
	}
	e->n_idle = 0;
}

/* A fatal error of DuckDB makes the database refuse everything until it is opened anew. */
static int reopen(struct qf_engine *e, bool in_use, struct qf_sql_error *reterr)
{
	struct qf_err err = { 0 };

	if (in_use) {
		qf_sql_error_set(reterr, "57P03", "the database is being reopened after a fatal error");
		return -EAGAIN;
	}
	drop_idle(e);
	duck_database_close(e);
	int r = duck_database_open(e, &err);

	if (r < 0) {
		qf_sql_error_set(reterr, "58030", "the database cannot be reopened after a fatal error: %s", err.text);
		return r;
	}
	pthread_mutex_lock(&e->lock);
	e->dead = false;
	e->catalog++;
	pthread_mutex_unlock(&e->lock);
	qf_debug("cluster=%s reopened after a fatal error", e->cfg->name);
	return 0;
}

static struct qf_engine_conn *take_idle(struct qf_engine *e)
{
	if (qf_list_empty(&e->idle))
		return NULL;
	struct qf_engine_conn *c = qf_container_of(e->idle.next, struct qf_engine_conn, link);

	qf_list_remove(&c->link);
	e->n_idle--;
	return c;
}

static int connect_new(struct qf_engine *e, struct qf_engine_conn **ret, struct qf_sql_error *reterr)
{
	struct qf_engine_conn *c = qf_xcalloc(1, sizeof(*c));

	c->engine = e;
	qf_list_init(&c->link);
	qf_list_init(&c->used);
	qf_list_init(&c->job.held);
	qf_list_init(&c->portals);
	duck_cache_init(&c->cache);
	ArrowBufferInit(&c->job.schema);
	c->job.work.fn = duck_job_step;
	if (e->api.connect(e->db, &c->db) != DuckDBSuccess) {
		free(c);
		qf_sql_error_set(reterr, "53300", "DuckDB accepts no further connection");
		return -EAGAIN;
	}
	*ret = c;
	return 0;
}

static int conn_get(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret,
	struct qf_sql_error *reterr)
{
	(void)who;
	pthread_mutex_lock(&e->lock);
	bool dead = e->dead;
	bool in_use = !qf_list_empty(&e->used) || e->looking;
	pthread_mutex_unlock(&e->lock);
	int r = dead ? reopen(e, in_use, reterr) : 0;

	if (r < 0)
		return r;
	struct qf_engine_conn *c = take_idle(e);

	if (!c)
		r = connect_new(e, &c, reterr);
	if (r < 0)
		return r;
	pthread_mutex_lock(&e->lock);
	qf_list_append(&e->used, &c->used);
	pthread_mutex_unlock(&e->lock);
	*ret = c;
	return 0;
}

static void conn_put(struct qf_engine_conn *c, bool reset)
{
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	qf_assert(c->job.state == DUCK_IDLE);
	bool keep = !reset && !c->dirty && !c->in_transaction && !c->settings_unknown && !e->dead &&
		    qf_list_empty(&c->portals) && e->n_idle < e->max_running;
	if (keep)
		qf_list_remove(&c->used);
	pthread_mutex_unlock(&e->lock);
	if (!keep) {
		conn_close(c);
		return;
	}
	qf_list_append(e->idle.next, &c->link); /* the warmest first */
	e->n_idle++;
}

/* ---- jobs ---- */

static int submit(struct qf_engine_conn *c, struct qf_engine_job *pub, struct qf_sql_error *reterr)
{
	struct duck_job *j = &c->job;

	qf_assert(j->state == DUCK_IDLE);
	j->pub = pub;
	pub->priv = c;
	pub->encoding = pub->bind->form == QF_FORM_COPY_IN ? QF_ENC_PG3 : QF_ENC_ARROW; /* of the CopyInResponse */
	j->sql = qf_slice_dup(pub->sql);
	j->credit = (int64_t)pub->window;
	j->cancelled = false;
	j->rows = (struct duck_rows){ 0 };
	j->has_rows = false;
	j->copy = NULL;
	qf_buf_fini(&j->input);
	j->hold = pub->bind->flags & QF_RUN_HOLD;
	j->settled = false;
	j->rewritten = false;
	j->n_oids = 0;
	j->spent_ns = 0;
	j->kind = DUCK_ERROR_OTHER;
	j->type = DUCKDB_STATEMENT_TYPE_INVALID;
	memset(&j->end, 0, sizeof(j->end));
	j->state = DUCK_QUEUED;
	if (duck_pool_add(c->engine->pool, &j->work) == 0)
		return 0;
	j->state = DUCK_IDLE;
	free(j->sql);
	j->sql = NULL;
	qf_sql_error_set(reterr, "53000", "no thread can be started for the statement");
	return -EAGAIN;
}

/* A suspended job goes on, to fetch more or to end. */
static void resume(struct qf_engine_conn *c)
{
	/* There was a thread for it before: one more is made or the queue takes it; without any it ends here. */
	if (duck_pool_add(c->engine->pool, &c->job.work) == 0)
		return;
	struct qf_wake *wake = duck_job_step(&c->job.work);

	if (wake)
		qf_wake_post(wake);
}

static void more(struct qf_engine_conn *c, size_t bytes)
{
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	c->job.credit += (int64_t)bytes;
	bool go_on = c->job.state == DUCK_SUSPENDED && c->job.credit > 0;
	if (go_on)
		c->job.state = DUCK_QUEUED;
	pthread_mutex_unlock(&e->lock);
	if (go_on)
		resume(c);
}

static void input(struct qf_engine_conn *c, struct qf_slice messages)
{
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	bool wanted = c->job.pub->bind->form == QF_FORM_COPY_IN && c->job.state != DUCK_IDLE && c->job.state != DUCK_ENDED;
	bool go_on = wanted && c->job.state == DUCK_SUSPENDED;

	if (wanted)
		qf_buf_add_slice(&c->job.input, messages);
	if (go_on)
		c->job.state = DUCK_QUEUED;
	pthread_mutex_unlock(&e->lock);
	if (go_on)
		resume(c);
}

static void cancel(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	enum duck_state state = c->job.state;
	c->job.cancelled = true;
	if (state == DUCK_RUNNING)
		e->api.interrupt(c->db);
	if (state == DUCK_SUSPENDED)
		c->job.state = DUCK_QUEUED;
	pthread_mutex_unlock(&e->lock);
	if (state == DUCK_SUSPENDED)
		resume(c);
}

static void deliver(struct duck_msg *m)
{
	struct qf_engine_conn *c = m->conn;
	struct qf_engine_job *pub = c->job.pub;
	struct qf_slice bytes = qf_slice(m->bytes.data, (size_t)m->bytes.size_bytes);

	switch (m->kind) {
	case DUCK_MSG_SCHEMA:
		pub->on_schema(pub, bytes);
		break;
	case DUCK_MSG_BATCH:
		pub->on_batch(pub, bytes, m->rows);
		break;
	case DUCK_MSG_TAKEN:
		if (pub->on_input_taken)
			pub->on_input_taken(pub, m->rows);
		break;
	case DUCK_MSG_DESCRIBED:
		pub->on_described(pub, c->job.oids, c->job.n_oids, bytes);
		free(c->job.oids);
		c->job.oids = NULL;
		break;
	case DUCK_MSG_NOTICE:
		if (pub->on_notice)
			pub->on_notice(pub, "WARNING", m->text, QF_SLICE_NONE);
		break;
	case DUCK_MSG_END:
		c->job.state = DUCK_IDLE;
		struct qf_engine_end end = c->job.end; /* the callback may submit the next job */
		pub->on_end(pub, &end);
		break;
	}
}

static void woken(void *arg)
{
	struct qf_engine *e = arg;
	struct qf_list *it, *tmp, now;

	qf_list_init(&now);
	pthread_mutex_lock(&e->lock);
	qf_list_each(it, tmp, &e->out) {
		qf_list_remove(it);
		qf_list_append(&now, it);
	}
	pthread_mutex_unlock(&e->lock);
	e->delivering = true;
	while (!qf_list_empty(&now)) {
		struct duck_msg *m = qf_container_of(now.next, struct duck_msg, link);

		qf_list_remove(&m->link);
		deliver(m);
		duck_msg_free(m);
	}
	duck_lookups_deliver(e, true);
	e->delivering = false;
}

/* ---- the cluster ---- */

static void cancel_all(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	pthread_mutex_lock(&e->lock);
	qf_list_each(it, tmp, &e->used) {
		struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, used);

		c->job.cancelled = true;
		if (c->job.state == DUCK_RUNNING)
			e->api.interrupt(c->db);
	}
	pthread_mutex_unlock(&e->lock);
}

/* No thread runs any more. */
static void drop_used(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &e->out)
		duck_msg_free(qf_container_of(it, struct duck_msg, link));
	qf_list_each(it, tmp, &e->used) {
		struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, used);

		qf_list_remove(it);
		duck_job_drop(c);
		conn_free(c);
	}
}

static void engine_close(struct qf_engine *e)
{
	if (!e)
		return;
	qf_assert(!e->delivering);
	e->closing = true;
	cancel_all(e);
	e->pool = duck_pool_free(e->pool);
	duck_lookups_deliver(e, false);
	drop_used(e);
	drop_idle(e);
	duck_database_close(e);
	e->wake = qf_wake_free(e->wake);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static int engine_open(struct qf_engine **ret, const struct qf_conf_cluster *cfg, struct qf_loop *loop,
	unsigned max_running, struct qf_err *reterr)
{
	struct qf_engine *e = qf_xcalloc(1, sizeof(*e));

	e->cfg = cfg;
	e->loop = loop;
	e->max_running = max_running;
	qf_list_init(&e->idle);
	qf_list_init(&e->out);
	qf_list_init(&e->used);
	qf_list_init(&e->looked);
	e->catalog = 1;
	pthread_mutex_init(&e->lock, NULL);
	int r = duck_api_load(&e->api, reterr);

	if (r == 0)
		r = duck_database_open(e, reterr);
	if (r == 0) {
		r = qf_wake_new(&e->wake, loop, woken, e);
		if (r < 0)
			qf_err_set(reterr, r, "wake-up: %s", qf_strerror(r));
	}
	if (r < 0) {
		engine_close(e);
		return r;
	}
	e->pool = duck_pool_new(max_running + 1); /* a look-up must not wait for statements that run for long */
	*ret = e;
	return 0;
}

static bool is_volatile(const struct qf_engine *e)
{
	return !e->cfg->database_path && e->written;
}

const struct qf_engine_ops qf_engine_duckdb = {
	.name = "duckDb",
	.dialect = QF_DIALECT_DUCKDB,
	.caps = QF_ENGINE_CAP_TRANSACTIONS | QF_ENGINE_CAP_EMBEDDED,
	.open = engine_open,
	.close = engine_close,
	.conn_get = conn_get,
	.conn_put = conn_put,
	.submit = submit,
	.more = more,
	.cancel = cancel,
	.input = input,
	.is_volatile = is_volatile,
	.catalog = duck_catalog,
	.lookup = duck_lookup,
};
