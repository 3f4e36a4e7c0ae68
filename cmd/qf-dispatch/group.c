/* Groups: who is admitted, in which order, on which member. The slot is taken last, and in order of arrival. */
#include "dispatch.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALL_NS (30 * QF_SEC) /* a client that takes nothing for so long gives way to those who wait */
#define COLUMNS_CACHE (4u << 20) /* bytes, of one cluster */
#define ANNOUNCE_NS (5 * QF_MS) /* an answer within this needs no ACCEPTED */

struct group *group_find(struct dispatch *d, struct qf_slice name)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->groups) {
		struct group *g = qf_container_of(it, struct group, link);

		if (g->conf && qf_slice_eq_str(name, g->name))
			return g;
	}
	return NULL;
}

static bool has_room(const struct cluster *c)
{
	return !c->conf->max_running || c->running < c->conf->max_running;
}

struct target *group_target(const struct stream *s, const struct cluster *c)
{
	for (unsigned i = 0; i < s->n_targets; i++) {
		struct target *t = &s->targets[i];

		if (t->cluster ? t->cluster == c : t->dialect == c->ops->dialect)
			return t;
	}
	return NULL;
}

/* Members with a catalog get a translation each: their tables need not be the same. */
static void add_target(struct stream *s, struct cluster *c)
{
	bool own = c->ops->lookup && !qf_dialect_same(s->dialect, c->ops->dialect);

	s->targets[s->n_targets++] = (struct target){ .dialect = c->ops->dialect, .cluster = own ? c : NULL };
}

static bool eligible(const struct stream *s, const struct cluster *c)
{
	const struct target *t = c->engine ? group_target(s, c) : NULL;

	return t && t->state == TARGET_READY;
}

/* Whether a look at the queue is worth it. */
static bool any_room(const struct group *g)
{
	if (g->conf && g->running >= g->conf->max_running)
		return false;
	for (size_t i = 0; i < g->n_members; i++)
		if (has_room(g->members[i]))
			return true;
	return false;
}

/* The member that runs it now, or NULL when all eligible ones are full. */
static struct cluster *choose(struct stream *s)
{
	struct group *g = s->group;
	bool in_turn = !g->conf || g->conf->strategy == QF_STRATEGY_ROUND_ROBIN;

	for (size_t i = 0; i < g->n_members; i++) {
		size_t at = in_turn ? (g->next + i) % g->n_members : i;
		struct cluster *c = g->members[at];

		if (!eligible(s, c) || !has_room(c))
			continue;
		if (in_turn)
			g->next = at + 1;
		return c;
	}
	return NULL;
}

/* Called when rows were produced or taken: notes since when the client has been behind. */
void group_window_changed(struct stream *s)
{
	bool full = s->produced - s->credited >= s->granted - s->granted / 4;

	if (!full)
		s->full_ns = 0;
	else if (!s->full_ns)
		s->full_ns = qf_loop_now(s->d->run->loop);
}

static void on_stall(struct qf_timer *t)
{
	struct group *g = qf_container_of(t, struct group, stall);
	uint64_t now = qf_loop_now(g->d->run->loop);
	struct qf_list *it, *tmp;

	if (qf_list_empty(&g->queue))
		return;
	qf_list_each(it, tmp, &g->busy) {
		struct stream *s = qf_container_of(it, struct stream, busy);

		if (!s->full_ns || now - s->full_ns < STALL_NS || s->refusal.sqlstate[0])
			continue;
		qf_sql_error_set(&s->refusal, "57014", "canceling statement because its client took no row for %llu s while others wait",
				 (unsigned long long)(STALL_NS / QF_SEC));
		run_interrupt(s);
	}
	qf_timer_set(g->d->run->loop, &g->stall, QF_SEC);
}

/* The first in the queue that a member with room can run. */
static bool start_next(struct group *g)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &g->queue) {
		struct stream *s = qf_container_of(it, struct stream, link);
		struct cluster *c = choose(s);

		if (!c)
			continue;
		g->running++;
		c->running++;
		s->slot_idle_ns = s->waited ? qf_mono_ns() - g->freed_ns : 0;
		s->cluster = c;
		if (s->announced)
			say_accepted(s); /* again, with its cluster: it waits no longer */
		stream_step(s, QF_RD_EV_START, 0);
		return true;
	}
	return false;
}

static void serve(struct group *g)
{
	if (!qf_list_empty(&g->queue) && !qf_timer_armed(&g->stall))
		qf_timer_set(g->d->run->loop, &g->stall, QF_SEC);
	if (g->serving)
		return; /* one that fails to start gives its slot back from within: the loop below goes on */
	g->serving = true;
	while (any_room(g) && start_next(g))
		;
	g->serving = false;
}

void group_release(struct group *g, struct cluster *c)
{
	struct dispatch *d = g->d;
	struct qf_list *it, *tmp;

	g->running--;
	c->running--;
	g->freed_ns = qf_mono_ns();
	serve(g);
	/* The cluster's own limit may have held back another group. */
	qf_list_each(it, tmp, &d->groups) {
		struct group *other = qf_container_of(it, struct group, link);

		if (other != g && c->conf->max_running && !qf_list_empty(&other->queue))
			serve(other);
	}
}

void group_dequeue(struct stream *s)
{
	if (s->link.next == &s->link && !s->admitted_ns)
		return;
	qf_list_remove(&s->link);
	if (s->admitted_ns && s->group) {
		s->group->queued--;
		s->queue_ns = qf_loop_now(s->d->run->loop) - s->admitted_ns;
		s->admitted_ns = 0;
	}
}

/* By arrival: translation may end out of order, the queue is in order all the same. */
static void enqueue(struct stream *s)
{
	struct qf_list *at = s->group->queue.prev;

	while (at != &s->group->queue && qf_container_of(at, struct stream, link)->seq > s->seq)
		at = at->prev;
	qf_list_append(at->next, &s->link);
}

static bool find_targets(struct stream *s)
{
	struct group *g = s->group;
	const char *why = "it has no member that is enabled";

	s->targets = qf_arena_alloc(s->arena, (g->n_members + 1) * sizeof *s->targets);
	for (size_t i = 0; i < g->n_members; i++) {
		struct cluster *c = g->members[i];

		if (!c->engine) {
			why = c->why;
			continue;
		}
		if (!group_target(s, c))
			add_target(s, c);
	}
	if (s->n_targets == 0)
		stream_refuse(s, "57P03", "group \"%s\" cannot run anything: %s", g->name, why);
	return s->n_targets > 0;
}

static void run_pinned(struct stream *s)
{
	struct pin *p = qf_map_get_u64(s->listener->pins, s->pin_id);

	if (!p || p->stream || p->ending) {
		stream_refuse(s, "25P02", "the transaction of this statement is gone");
		return;
	}
	p->stream = s;
	s->pin = p;
	s->group = p->group;
	s->cluster = p->cluster;
	s->conn = p->conn;
	stream_step(s, QF_RD_EV_START, 0);
}

void group_ready(struct stream *s)
{
	const struct target *refused = NULL;
	bool any = false;

	for (unsigned i = 0; i < s->n_targets; i++) {
		if (s->targets[i].state == TARGET_READY)
			any = true;
		else
			refused = &s->targets[i];
	}
	if (!any) {
		qf_assert(refused);
		stream_step(s, QF_RD_EV_REFUSE, 0); /* s->refusal says why */
		return;
	}
	if (s->pin_id && !(s->pin_flags & QF_PIN_BEGINS)) {
		run_pinned(s);
		return;
	}
	s->waited = s->group->running >= s->group->conf->max_running;
	enqueue(s);
	serve(s->group);
}

static uint64_t wait_limit(const struct stream *s, uint64_t now)
{
	uint64_t wait = s->group->conf->capacity_wait_ns;

	if (s->deadline_ns && (!wait || s->deadline_ns - now < wait))
		wait = s->deadline_ns > now ? s->deadline_ns - now : 1;
	return wait;
}

static bool quarantined(struct stream *s)
{
	if (!journal_quarantined(s->d->journal, s->fingerprint, qf_real_us()))
		return false;
	stream_refuse(s, "55000", "this statement was running in two crashes of qf-dispatch: it is refused for 10 minutes");
	return true;
}

/* Reasons not to queue it at all. */
static bool refused_at_door(struct stream *s)
{
	struct group *g = s->group;
	unsigned free_slots = g->running < g->conf->max_running ? g->conf->max_running - g->running : 0;

	if (quarantined(s))
		return true;
	if (g->conf->max_queued && g->queued > g->conf->max_queued + free_slots) {
		stream_refuse(s, "53300", "the queue of group \"%s\" is full (maxQueuedQueries %u)", g->name,
			      g->conf->max_queued);
		return true;
	}
	return !find_targets(s);
}

static void ask_translations(struct stream *s)
{
	unsigned n = s->n_targets;

	qf_timer_set(s->d->run->loop, &s->announce, ANNOUNCE_NS);
	s->n_asked = n;
	for (unsigned i = 0; i < n; i++)
		translate_ask(s, &s->targets[i]); /* the last answer calls group_ready(), perhaps at once */
}

static void admit_pinned(struct stream *s)
{
	struct pin *p = qf_map_get_u64(s->listener->pins, s->pin_id);

	if (!p || p->stream || p->ending) {
		stream_refuse(s, "25P02", "the transaction of this statement is gone");
		return;
	}
	if (!(s->pin_flags & QF_PIN_ENDS) && quarantined(s))
		return;
	s->targets = qf_arena_alloc(s->arena, sizeof *s->targets);
	add_target(s, p->cluster);
	ask_translations(s);
}

void group_admit(struct stream *s)
{
	struct group *g = s->group;
	uint64_t now = qf_loop_now(s->d->run->loop);

	if (s->pin_id && !(s->pin_flags & QF_PIN_BEGINS)) {
		admit_pinned(s);
		return;
	}
	s->admitted_ns = now;
	g->queued++;
	if (refused_at_door(s))
		return;
	if (g->conf->query_timeout_ns && (!s->deadline_ns || s->deadline_ns > now + g->conf->query_timeout_ns))
		s->deadline_ns = now + g->conf->query_timeout_ns;
	if (wait_limit(s, now))
		qf_timer_set(s->d->run->loop, &s->timer, wait_limit(s, now));
	ask_translations(s);
}

/* ---- from the configuration ------------------------------------------------------------------------- */

static struct cluster *cluster_find(struct dispatch *d, const char *name)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->clusters) {
		struct cluster *c = qf_container_of(it, struct cluster, link);

		if (!strcmp(c->conf->name, name))
			return c;
	}
	return NULL;
}

/* The most jobs that the groups may run on this cluster at once. */
static unsigned most_jobs(const struct qf_conf *conf, const struct qf_conf_cluster *cc)
{
	unsigned n = 0;

	for (size_t i = 0; i < conf->n_groups; i++)
		for (size_t k = 0; k < conf->groups[i].n_members; k++)
			if (conf->groups[i].members[k] == cc)
				n += conf->groups[i].max_running;
	return cc->max_running && cc->max_running < n ? cc->max_running : n;
}

static void cluster_open(struct dispatch *d, struct cluster *c, unsigned jobs)
{
	struct qf_err err = { 0 };

	c->ops = qf_engine_find(c->conf->engine);
	if (!c->ops) {
		snprintf(c->why, sizeof c->why, "engine \"%s\" of cluster \"%s\" is known but not built yet",
			 qf_engine_kind_name(c->conf->engine), c->conf->name);
	} else if (c->ops->open(&c->engine, c->conf, d->run->loop, jobs, &err) < 0) {
		c->engine = NULL;
		snprintf(c->why, sizeof c->why, "%s", err.text);
	} else {
		return;
	}
	qf_error("cluster %s: %s", c->conf->name, c->why);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* An engine is opened once: what it was opened with cannot change under it. */
static bool same_engine(const struct qf_conf_cluster *a, const struct qf_conf_cluster *b)
{
	bool same = a->engine == b->engine && same_text(a->endpoint, b->endpoint) &&
		    same_text(a->database_path, b->database_path) && same_text(a->init_sql, b->init_sql) &&
		    same_text(a->memory_limit, b->memory_limit) && a->threads == b->threads &&
		    same_text(a->script, b->script) && a->n_allowed_directories == b->n_allowed_directories;

	for (size_t i = 0; same && i < a->n_allowed_directories; i++)
		same = same_text(a->allowed_directories[i], b->allowed_directories[i]);
	return same;
}

static int check_clusters(struct dispatch *d, const struct qf_conf *conf, struct qf_err *reterr)
{
	for (size_t i = 0; i < conf->n_clusters; i++) {
		const struct qf_conf_cluster *cc = &conf->clusters[i];
		struct cluster *c = cluster_find(d, cc->name);

		if (c && !same_engine(c->conf, cc))
			return qf_err_set(reterr, QF_EUNSUPPORTED,
					  "%s:%u: cluster \"%s\" changed: restart qf-dispatch for that, or give it a new name",
					  conf->path ? conf->path : "embedded default", cc->place.line, cc->name);
	}
	return 0;
}

static bool same_members(const struct group *g, const struct qf_conf_group *gc)
{
	size_t n = 0;

	for (size_t i = 0; i < gc->n_members; i++)
		if (gc->members[i]->enabled &&
		    (n == g->n_members || strcmp(g->members[n++]->conf->name, gc->members[i]->name) != 0))
			return false;
	return n == g->n_members;
}

static void group_set_members(struct group *g)
{
	free(g->members);
	g->members = qf_xcalloc(g->conf->n_members ? g->conf->n_members : 1, sizeof *g->members);
	g->n_members = 0;
	for (size_t i = 0; i < g->conf->n_members; i++)
		if (g->conf->members[i]->enabled)
			g->members[g->n_members++] = cluster_find(g->d, g->conf->members[i]->name);
}

static void apply_clusters(struct dispatch *d, const struct qf_conf *conf)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->clusters) { /* gone ones keep what they were opened with */
		struct cluster *c = qf_container_of(it, struct cluster, link);

		c->conf = qf_conf_cluster(c->model, c->conf->name);
	}
	for (size_t i = 0; i < conf->n_clusters; i++) {
		const struct qf_conf_cluster *cc = &conf->clusters[i];
		struct cluster *c = cluster_find(d, cc->name);

		if (!c && !cc->enabled)
			continue;
		if (!c) {
			c = qf_xcalloc(1, sizeof *c);
			c->conf = cc;
			c->model = qf_conf_ref(conf);
			c->columns = qf_lru_new(COLUMNS_CACHE);
			qf_list_append(&d->clusters, &c->link);
			cluster_open(d, c, most_jobs(conf, cc));
		}
		c->conf = cc;
	}
}

static bool is_ours(const struct dispatch *d, const struct qf_conf_group *gc)
{
	return gc->enabled && !strcmp(gc->instance, d->run->instance);
}

/* Those of one listener that wait for this group, in its queue or for a translation; not what is in a transaction. */
static void bounce_waiting(struct listener *l, const struct group *g)
{
	struct stream *s;
	size_t at = 0;

	while ((s = qf_map_next(l->streams, &at, NULL)))
		if (s->group == g && s->rd.state == QF_RD_QUEUED && (!s->pin_id || s->pin_flags & QF_PIN_BEGINS))
			stream_step(s, QF_RD_EV_BOUNCE, s->rd.attempt);
}

/* What waits was judged, and translated, for what the group was: BOUNCED tells the listener to ask again. */
static void bounce_group(struct group *g)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &g->d->listeners)
		bounce_waiting(qf_container_of(it, struct listener, link), g);
}

static const struct qf_conf_group *conf_of(const struct dispatch *d, const struct qf_conf *conf, const struct group *g)
{
	const struct qf_conf_group *gc = qf_conf_group(conf, g->name);

	return gc && is_ours(d, gc) ? gc : NULL;
}

int groups_apply(struct dispatch *d, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_list *it, *tmp;
	int rc = check_clusters(d, conf, reterr);

	if (rc < 0)
		return rc;
	apply_clusters(d, conf);
	qf_list_each(it, tmp, &d->groups) {
		struct group *g = qf_container_of(it, struct group, link);
		const struct qf_conf_group *gc = conf_of(d, conf, g);

		if (!gc || !same_members(g, gc))
			bounce_group(g);
		g->conf = gc; /* NULL: it keeps what it runs and takes nothing new, until it comes back */
	}
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct qf_conf_group *gc = &conf->groups[i];
		struct group *g = group_find(d, qf_slice_str(gc->name));

		if (!is_ours(d, gc))
			continue;
		if (!g) {
			g = qf_xcalloc(1, sizeof *g);
			g->d = d;
			g->name = qf_xstrdup(gc->name);
			qf_list_init(&g->queue);
			qf_list_init(&g->busy);
			g->stall.fn = on_stall;
			qf_list_append(&d->groups, &g->link);
		}
		g->conf = gc;
		group_set_members(g);
		serve(g);
	}
	return 0;
}

void groups_close(struct dispatch *d)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->groups) {
		struct group *g = qf_container_of(it, struct group, link);

		qf_list_remove(&g->link);
		qf_timer_stop(d->run->loop, &g->stall);
		free(g->members);
		free(g->name);
		free(g);
	}
	qf_list_each(it, tmp, &d->clusters) {
		struct cluster *c = qf_container_of(it, struct cluster, link);

		if (c->engine)
			c->ops->close(c->engine);
		qf_list_remove(&c->link);
		qf_conf_free(c->model);
		qf_lru_free(c->columns);
		free(c);
	}
}
