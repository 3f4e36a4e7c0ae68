/* From nothing to an open connection: the thread begins, libpq goes on here, then the baseline is set. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "private.h"
#include "resolve.h"

struct pge_connecting {
	struct pge_work work;
	struct pge_target target;
	struct qf_engine_conn *conn; /* NULL: given up */
	PGconn *pg;
	struct qf_err err;
};

/* ---- the thread's part ---- */

static void connect_run(struct pge_work *w)
{
	struct pge_connecting *k = qf_container_of(w, struct pge_connecting, work);

	if (pge_target_connect(&k->target, &k->pg, &k->err) < 0)
		k->pg = NULL;
}

static void connect_drop(struct pge_work *w)
{
	struct pge_connecting *k = qf_container_of(w, struct pge_connecting, work);

	if (k->pg)
		PQfinish(k->pg);
	pge_target_fini(&k->target);
	free(k);
}

/* ---- the baseline ---- */

/* What is relied on, whatever the database or the account has for it. */
void pge_baseline(struct qf_buf *sql, int server_version)
{
	qf_buf_add_str(sql, "SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET standard_conforming_strings = on");
	/* The backend of a killed qf-dispatch ends soon. */
	if (server_version >= 140000)
		qf_buf_add_str(sql, "; SET client_connection_check_interval = '500ms'");
}

static void set_up(struct qf_engine_conn *c)
{
	struct qf_buf sql;

	qf_buf_init(&sql);
	pge_baseline(&sql, c->server_version);
	qf_pg_put_query(&c->out, qf_buf_slice(&sql));
	qf_buf_fini(&sql);
	pge_conn_sent(c, PGE_GROUP_SETUP);
	qf_timer_set(c->pool->engine->loop, &c->timer, c->pool->engine->cfg->connect_timeout_ns);
	pge_wire_flush(c);
}

/* ---- libpq's part ---- */

static void failed(struct qf_engine_conn *c, const char *why)
{
	char line[300];
	size_t n = strcspn(why, "\n");

	if (n >= sizeof(line))
		n = sizeof(line) - 1;
	memcpy(line, why, n);
	line[n] = '\0';
	pge_pool_failed(c->pool, line);
	pge_conn_lost(c, "%s", line);
}

static void timed_out(struct qf_timer *t)
{
	failed(qf_container_of(t, struct qf_engine_conn, timer), "connecting took longer than connectTimeoutSecs");
}

static void opened(struct qf_engine_conn *c)
{
	struct qf_loop *loop = c->pool->engine->loop;
	const char *strings = PQparameterStatus(c->pg, "standard_conforming_strings");

	c->server_version = PQserverVersion(c->pg);
	c->odd_strings = strings && strcmp(strings, "on") != 0;
	qf_timer_stop(loop, &c->timer);
	c->timer.fn = c->answer_late;
	pge_wire_open(c);
	set_up(c);
}

static void poll_ready(struct qf_watch *w, uint32_t events);

/* The socket may be another one after each call. */
static void poll_on(struct qf_engine_conn *c)
{
	struct qf_loop *loop = c->pool->engine->loop;

	qf_watch_del(loop, &c->watch);
	PostgresPollingStatusType st = PQconnectPoll(c->pg);

	if (st == PGRES_POLLING_OK) {
		opened(c);
		return;
	}
	if (st == PGRES_POLLING_FAILED) {
		failed(c, PQerrorMessage(c->pg));
		return;
	}
	c->watch = (struct qf_watch){ .fd = PQsocket(c->pg), .fn = poll_ready,
				      .events = st == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT };
	if (qf_watch_add(loop, &c->watch) < 0)
		failed(c, "the connection cannot be watched");
}

static void poll_ready(struct qf_watch *w, uint32_t events)
{
	(void)events;
	poll_on(qf_container_of(w, struct qf_engine_conn, watch));
}

static void connect_done(struct pge_work *w)
{
	struct pge_connecting *k = qf_container_of(w, struct pge_connecting, work);
	struct qf_engine_conn *c = k->conn;

	if (c) {
		c->connecting = NULL;
		if (k->pg) {
			c->pg = k->pg;
			k->pg = NULL;
			c->watch = (struct qf_watch){ .fd = PQsocket(c->pg), .fn = poll_ready, .events = EPOLLOUT };
			if (qf_watch_add(c->pool->engine->loop, &c->watch) < 0)
				failed(c, "the connection cannot be watched");
		} else {
			failed(c, k->err.text);
		}
	}
	connect_drop(w);
}

/* ---- start and stop ---- */

static void begin(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->pool->engine;
	struct pge_connecting *k = qf_xcalloc(1, sizeof(*k));

	k->work = (struct pge_work){ .run = connect_run, .done = connect_done, .drop = connect_drop };
	pge_target_init(&k->target, e->cfg);
	k->conn = c;
	c->connecting = k;
	c->timer.fn = timed_out;
	qf_timer_set(e->loop, &c->timer, e->cfg->connect_timeout_ns);
	if (pge_thread_add(e->resolver, &k->work) == 0)
		return;
	c->connecting = NULL;
	connect_drop(&k->work);
	failed(c, "no thread can be started for connecting");
}

static void held_off(struct qf_timer *t)
{
	begin(qf_container_of(t, struct qf_engine_conn, timer));
}

/* After failures the next attempt waits; a statement waits with it, when that is not for long. */
void pge_connect_start(struct qf_engine_conn *c)
{
	struct pge_pool *p = c->pool;
	uint64_t wait = pge_pool_backoff(p);

	c->answer_late = c->timer.fn;
	if (wait == 0) {
		begin(c);
	} else if (wait <= QF_SEC) {
		c->timer.fn = held_off;
		qf_timer_set(p->engine->loop, &c->timer, wait);
	} else {
		pge_conn_lost(c, "%s", p->why);
	}
}

void pge_connect_stop(struct qf_engine_conn *c)
{
	if (c->connecting)
		c->connecting->conn = NULL;
	c->connecting = NULL;
}
