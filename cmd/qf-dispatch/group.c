/* Groups: who is admitted, in which order, on which member. The slot is taken last, and in order of arrival. */
#include "dispatch.h"

#include "qf/clock.h"

#define STALL_NS (30 * QF_SEC) /* a client that takes nothing for so long gives way to those who wait */
#define ANNOUNCE_NS (5 * QF_MS) /* an answer within this needs no ACCEPTED */

static bool has_room(const struct cluster *c)
{
	unsigned connections = c->engine && c->ops->capacity ? c->ops->capacity(c->engine) : 0;

	return (!c->conf->max_running || c->running < c->conf->max_running) && (!connections || c->running < connections);
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

	for (size_t i = 0; i < s->n_avoid; i++)
		if (s->avoid[i] == c)
			return false;
	return t && t->state == TARGET_READY;
}

static bool is_down(const struct cluster *c)
{
	return c->ops->why_down && c->ops->why_down(c->engine);
}

static bool only_described(const struct stream *s)
{
	return s->bind->kind == QF_RUN_DESCRIBE;
}

/*
 * What is only described must not wait for a slot that a transaction holds: its client may be the one that would end
 * that transaction. So each cluster describes one statement at a time beside those that run.
 */
static struct cluster *choose_beside(struct stream *s)
{
	struct group *g = s->group;
	struct cluster *down = NULL;

	for (size_t i = 0; i < g->n_members; i++) {
		struct cluster *c = g->members[i];

		if (c->describing || !eligible(s, c))
			continue;
		if (!is_down(c))
			return c;
		down = c;
	}
	return down;
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

static struct cluster *choose_among(struct stream *s, bool down)
{
	struct group *g = s->group;
	bool in_turn = !g->conf || g->conf->strategy == QF_STRATEGY_ROUND_ROBIN;

	for (size_t i = 0; i < g->n_members; i++) {
		size_t at = in_turn ? (g->next + i) % g->n_members : i;
		struct cluster *c = g->members[at];

		if (!eligible(s, c) || !has_room(c) || is_down(c) != down)
			continue;
		if (in_turn)
			g->next = at + 1;
		return c;
	}
	return NULL;
}

/* The member that runs it now, or NULL when all eligible ones are full. One that is down is better than none. */
static struct cluster *choose(struct stream *s)
{
	struct cluster *c = choose_among(s, false);

	return c ? c : choose_among(s, true);
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

void group_stall(struct qf_timer *t)
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

static void take_slot(struct stream *s, struct cluster *c)
{
	struct group *g = s->group;

	if (s->beside) {
		c->describing = true;
		return;
	}
	g->running++;
	c->running++;
	s->slot_idle_ns = s->waited ? qf_mono_ns() - g->freed_ns : 0;
}

/* The first in the queue that a member with room can run. */
static bool start_next(struct group *g, struct qf_list *queue)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, queue) {
		struct stream *s = qf_container_of(it, struct stream, link);
		struct cluster *c = any_room(g) ? choose(s) : NULL;

		s->beside = !c && only_described(s);
		if (s->beside)
			c = choose_beside(s);
		if (!c)
			continue;
		take_slot(s, c);
		s->cluster = c;
		if (s->announced)
			say_accepted(s); /* again, with its cluster: it waits no longer */
		stream_step(s, QF_RD_EV_START, 0);
		return true;
	}
	return false;
}

void group_serve(struct group *g)
{
	if (!qf_list_empty(&g->queue) && !qf_timer_armed(&g->stall))
		qf_timer_set(g->d->run->loop, &g->stall, QF_SEC);
	if (g->serving)
		return; /* one that fails to start gives its slot back from within: the loop below goes on */
	g->serving = true;
	while (start_next(g, &g->describes) || (any_room(g) && start_next(g, &g->queue)))
		;
	g->serving = false;
}

void group_leave(struct stream *s)
{
	struct cluster *c = s->cluster;
	struct qf_list *it, *tmp;

	if (!s->beside) {
		group_release(s->group, c);
		return;
	}
	s->beside = false;
	c->describing = false;
	qf_list_each(it, tmp, &s->d->groups) {
		struct group *g = qf_container_of(it, struct group, link);

		if (!qf_list_empty(&g->describes))
			group_serve(g);
	}
}

/* The cluster's own limit, or its connections, may have held back another group. */
static void serve_others(struct group *g, const struct cluster *c)
{
	struct qf_list *it, *tmp;
	bool limited = c->conf->max_running || (c->engine && c->ops->capacity);

	qf_list_each(it, tmp, &g->d->groups) {
		struct group *other = qf_container_of(it, struct group, link);

		if (other != g && limited && !(qf_list_empty(&other->queue) && qf_list_empty(&other->describes)))
			group_serve(other);
	}
}

void group_release(struct group *g, struct cluster *c)
{
	g->running--;
	c->running--;
	g->freed_ns = qf_mono_ns();
	group_serve(g);
	serve_others(g, c);
}

bool group_move(struct stream *s)
{
	struct cluster *from = s->cluster;

	if (s->n_avoid == MOVES_MAX)
		return false;
	s->avoid[s->n_avoid++] = from;
	struct cluster *c = s->beside ? choose_beside(s) : choose(s);

	if (!c)
		return false;
	s->cluster = c;
	if (s->beside) {
		from->describing = false;
		c->describing = true;
	} else {
		from->running--;
		c->running++;
	}
	group_serve(s->group);
	serve_others(s->group, from);
	return true;
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
	struct qf_list *queue = only_described(s) ? &s->group->describes : &s->group->queue;
	struct qf_list *at = queue->prev;

	while (at != queue && qf_container_of(at, struct stream, link)->seq > s->seq)
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

static void refuse_without_pin(struct stream *s)
{
	s->pin_gone = true;
	stream_refuse(s, "25P02", "the transaction of this statement is gone");
}

static void run_pinned(struct stream *s)
{
	struct pin *p = qf_map_get_u64(s->listener->pins, s->pin_id);

	if (!p || p->stream || p->ending) {
		refuse_without_pin(s);
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
	if (stream_in_pin(s)) {
		run_pinned(s);
		return;
	}
	s->waited = s->group->running >= s->group->conf->max_running && !only_described(s);
	enqueue(s);
	group_serve(s->group);
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
		refuse_without_pin(s);
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

	if (!s->bind) {
		s->bind = s->native = &qf_bind_plain;
		stream_refuse(s, "08P01", "the parameters of the statement are malformed");
		return;
	}
	if (stream_in_pin(s)) {
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
