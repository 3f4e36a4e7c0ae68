/*
 * The pool: connections are given out with the session that had them last in mind, else the one used last first, so
 * that those not needed grow old and are closed. Failed attempts back off, from 100 ms to 10 s; while the cluster is
 * down one connection is tried each time without being asked.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "qf/str.h"

#define TICK_NS QF_SEC
#define PING_NS (30 * QF_SEC) /* a connection that was idle for so long is asked whether it lives */
#define BACKOFF_MIN_NS (100 * QF_MS)
#define BACKOFF_MAX_NS (10 * QF_SEC)

static uint64_t now(const struct pge_pool *p)
{
	return qf_loop_now(p->engine->loop);
}

/* ---- back-off ---- */

uint64_t pge_pool_backoff(const struct pge_pool *p)
{
	uint64_t at = now(p);

	return p->down && p->retry_ns > at ? p->retry_ns - at : 0;
}

void pge_pool_connected(struct pge_pool *p)
{
	p->down = false;
	p->failures = 0;
}

/* Connections that were tried together fail together: that is one failure. */
void pge_pool_failed(struct pge_pool *p, const char *why)
{
	uint64_t wait = BACKOFF_MIN_NS;

	snprintf(p->why, sizeof(p->why), "%s", why);
	p->why[qf_utf8_cut(qf_slice_str(p->why))] = '\0';
	if (pge_pool_backoff(p) > 0)
		return;
	for (unsigned i = 0; i < p->failures && wait < BACKOFF_MAX_NS; i++)
		wait *= 2;
	p->failures++;
	p->down = true;
	p->retry_ns = now(p) + (wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS);
	if (!p->engine->closing && wait < TICK_NS)
		qf_timer_set(p->engine->loop, &p->tick, wait);
}

static struct qf_engine_conn *connect_new(struct pge_pool *p)
{
	struct qf_engine_conn *c = pge_conn_new(p);

	p->n++;
	c->counted = true;
	qf_list_append(&p->busy, &c->link);
	pge_connect_start(c);
	return c;
}

static bool any_connecting(const struct pge_pool *p)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->busy)
		if (qf_container_of(it, struct qf_engine_conn, link)->state == PGE_CONNECTING)
			return true;
	return false;
}

static bool any_open(const struct pge_pool *p)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->busy)
		if (qf_container_of(it, struct qf_engine_conn, link)->state == PGE_OPEN)
			return true;
	return !qf_list_empty(&p->idle);
}

void pge_pool_suspect(struct pge_pool *p)
{
	if (!p->engine->closing && !any_open(p))
		qf_timer_set(p->engine->loop, &p->tick, 0);
	p->suspect = true;
}

/* ---- get and put ---- */

static void set_idle(struct qf_engine_conn *c, bool idle)
{
	qf_list_remove(&c->link);
	c->idle = idle;
	qf_list_append(idle ? c->pool->idle.next : &c->pool->busy, &c->link);
}

static struct qf_engine_conn *find_idle(struct pge_pool *p, uint64_t session)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->idle) {
		struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

		if (c->session == session)
			return c;
	}
	return qf_list_empty(&p->idle) ? NULL : qf_container_of(p->idle.next, struct qf_engine_conn, link);
}

/* Of a statement that was cancelled before it was sent, something is on its way: perhaps the server hangs. */
static bool is_stuck(const struct qf_engine_conn *c)
{
	enum pge_group g = c->n_groups > 0 ? c->groups[c->n_groups - 1] : PGE_GROUP_PING;

	return c->cancelling || g == PGE_GROUP_SETTINGS || g == PGE_GROUP_LOOK;
}

/* One that is nobody's, and will be ready before long. */
static struct qf_engine_conn *find_coming(struct pge_pool *p, bool stuck_too)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->busy) {
		struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

		if (!c->assigned && c->state != PGE_LOST && !c->closing && (stuck_too || !is_stuck(c)))
			return c;
	}
	return NULL;
}

int pge_pool_get(struct qf_engine *e, uint64_t session, struct qf_engine_conn **ret, struct qf_sql_error *reterr)
{
	struct pge_pool *p = &e->pool;
	struct qf_engine_conn *c = find_idle(p, session);

	if (!c)
		c = find_coming(p, false);
	if (!c && p->n <= e->cfg->pool_size) /* one more: it describes beside those that run */
		c = connect_new(p);
	if (!c)
		c = find_coming(p, true);
	if (!c) {
		qf_sql_error_set(reterr, "53300", "all %u connections of cluster \"%s\" are in use", e->cfg->pool_size,
				 e->cfg->name);
		return -EAGAIN;
	}
	if (c->idle)
		set_idle(c, false);
	c->assigned = true;
	c->origin_due = true;
	c->session = session;
	*ret = c;
	return 0;
}

static bool too_old(const struct qf_engine_conn *c)
{
	uint64_t limit = c->pool->engine->cfg->pool_lifetime_ns;

	return limit > 0 && now(c->pool) - c->opened_ns >= limit;
}

void pge_pool_forget(struct qf_engine_conn *c)
{
	if (c->idle)
		set_idle(c, false);
	c->pool->n -= c->counted;
	c->counted = false;
}

/* Not at once: it may be below one of its own calls. */
static void retire(struct qf_engine_conn *c)
{
	pge_pool_forget(c);
	c->closing = true;
	qf_task_add(c->pool->engine->loop, &c->ending);
}

void pge_pool_put(struct qf_engine_conn *c)
{
	qf_assert(!c->run.job);
	c->assigned = false;
	c->on_async = NULL;
	c->on_lost = NULL;
	c->cleaning = true;
	c->held = 0;
	c->held_unsure = false;
	c->used_ns = now(c->pool);
	if (c->state == PGE_LOST)
		qf_task_add(c->pool->engine->loop, &c->ending);
	else
		pge_conn_advance(c);
}

void pge_pool_idle(struct qf_engine_conn *c)
{
	if (c->idle || c->closing)
		return;
	if (too_old(c) || c->pool->n > c->pool->engine->cfg->pool_size + 1)
		retire(c);
	else
		set_idle(c, true);
}

/* ---- in the course of time ---- */

static void look_at(struct qf_engine_conn *c, uint64_t at)
{
	struct pge_pool *p = c->pool;
	const struct qf_conf_cluster *cfg = p->engine->cfg;
	uint64_t unused = at - c->used_ns, unheard = at - (c->pinged_ns > c->used_ns ? c->pinged_ns : c->used_ns);
	bool spare = p->n > cfg->pool_min;

	if (too_old(c) || (spare && cfg->pool_idle_ns > 0 && unused >= cfg->pool_idle_ns)) {
		retire(c);
	} else if (unheard >= PING_NS || p->suspect) {
		set_idle(c, false);
		c->pinged_ns = at;
		pge_conn_ping(c);
	}
}

static void tick(struct qf_timer *t)
{
	struct pge_pool *p = qf_container_of(t, struct pge_pool, tick);
	const struct qf_conf_cluster *cfg = p->engine->cfg;
	struct qf_list *it, *tmp;
	bool try = p->suspect && !any_open(p);

	qf_list_each(it, tmp, &p->idle)
		look_at(qf_container_of(it, struct qf_engine_conn, link), now(p));
	p->suspect = false;
	if (pge_pool_backoff(p) == 0 && !any_connecting(p) && p->n < cfg->pool_size &&
		(try || p->down || p->n < cfg->pool_min))
		connect_new(p);
	uint64_t wait = pge_pool_backoff(p);

	qf_timer_set(p->engine->loop, &p->tick, wait > 0 && wait < TICK_NS ? wait : TICK_NS);
}

void pge_pool_init(struct pge_pool *p, struct qf_engine *e)
{
	p->engine = e;
	qf_list_init(&p->idle);
	qf_list_init(&p->busy);
	p->tick.fn = tick;
	qf_timer_set(e->loop, &p->tick, 0);
}

void pge_pool_fini(struct pge_pool *p)
{
	struct qf_list *it, *tmp;

	qf_timer_stop(p->engine->loop, &p->tick);
	qf_list_each(it, tmp, &p->idle)
		pge_conn_free(qf_container_of(it, struct qf_engine_conn, link));
	qf_list_each(it, tmp, &p->busy)
		pge_conn_free(qf_container_of(it, struct qf_engine_conn, link));
}
