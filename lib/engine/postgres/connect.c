/* From nothing to an open connection: a thread connects, then the baseline is set here. */
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "private.h"

struct pge_connecting {
	struct pge_work work;
	struct qf_engine_conn *conn; /* NULL: given up */
	bool begun;		     /* it is the crew's */
	struct pge_dial dial;
};

/* ---- the thread's part ---- */

static void connect_run(struct pge_work *w)
{
	pge_dial_run(&qf_container_of(w, struct pge_connecting, work)->dial);
}

static void connect_drop(struct pge_work *w)
{
	struct pge_connecting *k = qf_container_of(w, struct pge_connecting, work);

	pge_dial_fini(&k->dial);
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

/* ---- the end of connecting ---- */

static void failed(struct qf_engine_conn *c, const char *sqlstate, const char *why)
{
	char line[300];
	size_t n = strcspn(why, "\n");

	if (n >= sizeof(line))
		n = sizeof(line) - 1;
	memcpy(line, why, n);
	line[n] = '\0';
	memcpy(c->refused, sqlstate, strlen(sqlstate) + 1);
	pge_identity_failed(c->identity, sqlstate, line);
	pge_conn_lost(c, "%s", line);
}

static void timed_out(struct qf_timer *t)
{
	failed(qf_container_of(t, struct qf_engine_conn, timer), "", "connecting took longer than connectTimeoutSecs");
}

static void opened(struct qf_engine_conn *c)
{
	struct qf_loop *loop = c->pool->engine->loop;
	const char *strings = c->pg ? PQparameterStatus(c->pg, "standard_conforming_strings") : NULL;

	c->server_version = c->pg ? PQserverVersion(c->pg) : c->own->server_version;
	c->odd_strings = c->pg ? strings && strcmp(strings, "on") != 0 : c->own->odd_strings;
	qf_timer_stop(loop, &c->timer);
	c->timer.fn = c->answer_late;
	pge_wire_open(c);
	set_up(c);
}

static void connect_done(struct pge_work *w)
{
	struct pge_connecting *k = qf_container_of(w, struct pge_connecting, work);
	struct qf_engine_conn *c = k->conn;

	if (c) {
		c->connecting = NULL;
		c->pg = k->dial.pg;
		c->own = k->dial.own;
		k->dial.pg = NULL;
		k->dial.own = NULL;
		if (c->pg || c->own)
			opened(c);
		else
			failed(c, k->dial.sqlstate, k->dial.err.text);
	}
	connect_drop(w);
}

/* ---- start and stop ---- */

static void prepare(struct qf_engine_conn *c, const struct qf_scram_keys *keys)
{
	const struct qf_conf_cluster *cfg = c->pool->engine->cfg;
	const char *user = c->identity->user;
	struct pge_connecting *k = qf_xcalloc(1, sizeof(*k));

	k->work = (struct pge_work){ .run = connect_run, .done = connect_done, .drop = connect_drop };
	pge_target_init(&k->dial.target, cfg, user, pge_engine_user(cfg, user), keys);
	k->conn = c;
	c->connecting = k;
}

static void begin(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->pool->engine;
	struct pge_connecting *k = c->connecting;

	k->begun = true;
	k->dial.deadline_ns = qf_mono_ns() + e->cfg->connect_timeout_ns;
	c->timer.fn = timed_out;
	qf_timer_set(e->loop, &c->timer, e->cfg->connect_timeout_ns);
	int r = pge_crew_add(e->dialers, &k->work);

	if (r == 0)
		return;
	c->connecting = NULL;
	connect_drop(&k->work);
	failed(c, "", r == QF_ELIMIT ? "earlier attempts to connect hang: a name is not resolved, or the server asks for an endless computation" :
		"no thread can be started for connecting");
}

static void held_off(struct qf_timer *t)
{
	begin(qf_container_of(t, struct qf_engine_conn, timer));
}

/* After failures the next attempt waits; a statement waits with it, when that is not for long. */
void pge_connect_start(struct qf_engine_conn *c, const struct qf_scram_keys *keys)
{
	struct pge_pool *p = c->pool;
	uint64_t wait = pge_identity_backoff(c->identity);

	c->answer_late = c->timer.fn;
	if (wait <= QF_SEC)
		prepare(c, keys);
	if (wait == 0) {
		begin(c);
	} else if (wait <= QF_SEC) {
		c->timer.fn = held_off;
		qf_timer_set(p->engine->loop, &c->timer, wait);
	} else {
		memcpy(c->refused, c->identity->sqlstate, sizeof(c->refused));
		pge_conn_lost(c, "%s", c->identity->why);
	}
}

void pge_connect_stop(struct qf_engine_conn *c)
{
	struct pge_connecting *k = c->connecting;

	c->connecting = NULL;
	if (!k)
		return;
	if (!k->begun) {
		connect_drop(&k->work);
		return;
	}
	k->conn = NULL;
	atomic_store_explicit(&k->dial.stop, true, memory_order_relaxed);
	pge_crew_leave(c->pool->engine->dialers, &k->work);
}
