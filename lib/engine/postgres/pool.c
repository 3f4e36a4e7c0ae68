/*
 * The pool: connections are given out with the session that had them last in mind, else the one used last first, so
 * that those not needed grow old and are closed. Its size is that of all identities together: one that has none free
 * takes the place of another's that is idle, the longest unused first. Failed attempts back off, from 100 ms to 10 s;
 * while the cluster is down one connection of its account is tried each time without being asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define TICK_NS QF_SEC
#define PING_NS (30 * QF_SEC) /* a connection that was idle for so long is asked whether it lives */

static uint64_t now(const struct pge_pool *p)
{
	return qf_loop_now(p->engine->loop);
}

/* Not at once: it may be below one of its own calls. */
static void retire(struct qf_engine_conn *c)
{
	pge_pool_forget(c);
	c->closing = true;
	qf_task_add(c->pool->engine->loop, &c->ending);
}

static struct qf_engine_conn *connect_new(struct pge_pool *p, struct pge_identity *id, const struct qf_scram_keys *keys)
{
	struct qf_engine_conn *c = pge_conn_new(p, id);

	p->n++;
	c->counted = true;
	qf_list_append(&p->busy, &c->link);
	pge_connect_start(c, keys);
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

static bool same_user(const struct qf_engine_conn *c, const char *user)
{
	return c->user && user ? strcmp(c->user, user) == 0 : c->user == user;
}

/* The one that this session had, else one that this user had, else any of the identity. */
static struct qf_engine_conn *find_idle(struct pge_pool *p, const struct pge_identity *id, const struct qf_engine_who *who)
{
	struct qf_engine_conn *best = NULL, *users = NULL;
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->idle) {
		struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

		if (c->identity != id)
			continue;
		if (c->session == who->session && same_user(c, who->user))
			return c;
		if (!users && same_user(c, who->user))
			users = c;
		if (!best)
			best = c;
	}
	return users ? users : best;
}

/* Of a statement that was cancelled before it was sent, something is on its way: perhaps the server hangs. */
static bool is_stuck(const struct qf_engine_conn *c)
{
	enum pge_group g = c->n_groups > 0 ? c->groups[c->n_groups - 1] : PGE_GROUP_PING;

	return c->cancelling || g == PGE_GROUP_SETTINGS || g == PGE_GROUP_LOOK;
}

/* One that is nobody's, and will be ready before long. */
static struct qf_engine_conn *find_coming(struct pge_pool *p, const struct pge_identity *id, bool stuck_too)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->busy) {
		struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

		if (c->identity == id && !c->assigned && c->state != PGE_LOST && !c->closing && (stuck_too || !is_stuck(c)))
			return c;
	}
	return NULL;
}

/* Nobody has it, and its identity is another: its place is taken. */
static bool take_place(struct pge_pool *p, const struct pge_identity *id)
{
	struct qf_list *lists[] = { &p->idle, &p->busy };

	for (size_t i = 0; i < 2; i++) {
		for (struct qf_list *it = lists[i]->prev; it != lists[i]; it = it->prev) {
			struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

			if (c->identity == id || c->assigned || c->closing || !c->counted)
				continue;
			retire(c);
			return true;
		}
	}
	return false;
}

static bool has_place(struct pge_pool *p, const struct pge_identity *id)
{
	/* One more: it describes beside those that run. */
	return p->n <= p->engine->cfg->pool_size || take_place(p, id);
}

static int find_or_connect(struct pge_pool *p, struct pge_identity *id, const struct qf_engine_who *who, struct qf_engine_conn **ret)
{
	bool needs_keys = id != p->engine->service && p->engine->cfg->query_auth == QF_QUERY_AUTH_SCRAM_KEYS;
	struct qf_engine_conn *c;

	/* One made by keys is for those who have shown the same, not for all who bear the name. */
	if (needs_keys && !who->keyed)
		return -ENOKEY;
	c = find_idle(p, id, who);
	if (!c)
		c = find_coming(p, id, false);
	if (!c && needs_keys && !who->keys)
		return -ENOKEY;
	if (!c && has_place(p, id))
		c = connect_new(p, id, who->keys);
	if (!c)
		c = find_coming(p, id, true);
	*ret = c;
	return c ? 0 : -EAGAIN;
}

int pge_pool_get(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret, struct qf_sql_error *reterr)
{
	struct pge_identity *id = pge_identity_of(e, who->user, reterr);
	struct qf_engine_conn *c = NULL;
	int r = id ? find_or_connect(&e->pool, id, who, &c) : -EACCES;

	if (r == -EAGAIN)
		qf_sql_error_set(reterr, "53300", "all %u connections of cluster \"%s\" are in use", e->cfg->pool_size,
				 e->cfg->name);
	if (r < 0)
		return r;
	if (c->idle)
		set_idle(c, false);
	if (!same_user(c, who->user)) {
		free(c->user);
		c->user = who->user ? qf_xstrdup(who->user) : NULL;
	}
	c->assigned = true;
	c->origin_due = true;
	c->session = who->session;
	*ret = c;
	return 0;
}

bool pge_pool_in_use(const struct pge_identity *id)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &id->engine->pool.busy) {
		const struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

		if (c->identity == id && c->assigned)
			return true;
	}
	return false;
}

void pge_pool_retire_all(const struct pge_identity *id)
{
	struct qf_list *lists[] = { &id->engine->pool.idle, &id->engine->pool.busy }, *it, *tmp;

	for (size_t i = 0; i < 2; i++) {
		qf_list_each(it, tmp, lists[i]) {
			struct qf_engine_conn *c = qf_container_of(it, struct qf_engine_conn, link);

			if (c->identity == id && !c->closing)
				retire(c);
		}
	}
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
	bool spare = p->n > cfg->pool_min || c->identity != p->engine->service;

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
	pge_identities_tick(p->engine);
	struct pge_identity *id = p->engine->service;

	if (p->engine->has_service && pge_identity_backoff(id) == 0 && !any_connecting(p) && p->n < cfg->pool_size &&
		(try || id->down || p->n < cfg->pool_min))
		connect_new(p, id, NULL);
	uint64_t wait = pge_identity_backoff(id);

	qf_timer_set(p->engine->loop, &p->tick, wait > 0 && wait < TICK_NS ? wait : TICK_NS);
}

void pge_pool_look_in(struct qf_engine *e, uint64_t wait)
{
	if (!e->closing && wait < TICK_NS)
		qf_timer_set(e->loop, &e->pool.tick, wait);
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
