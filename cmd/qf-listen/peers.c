/* Programs come and go: which queries must be resolved, resent or ended for it. */
#include "hub.h"

#include "qf/log.h"

#include <string.h>

/* When all who may have it have answered (or one said it has it), the machine decides. */
void hub_resolved(struct qf_query *q)
{
	bool all = true, started = false, ended = false;

	for (unsigned i = 0; i < q->n_places; i++) {
		const struct place *p = &q->places[i];

		if (!p->answered) {
			all = false;
			continue;
		}
		if (p->verdict == QF_VERDICT_ALIVE || (p->verdict == QF_VERDICT_ENDED && !p->from_journal)) {
			query_step(q, QF_RL_EV_ANY_ALIVE);
			return;
		}
		started |= p->verdict == QF_VERDICT_STARTED;
		ended |= p->verdict == QF_VERDICT_ENDED;
	}
	if (!all)
		return;
	query_step(q, started ? QF_RL_EV_OLD_STARTED : ended ? QF_RL_EV_OLD_ENDED : QF_RL_EV_ALL_NEVER);
}

static struct place *place_at(struct qf_query *q, const struct qf_peer *p)
{
	for (unsigned i = 0; i < q->n_places; i++)
		if (!strcmp(q->places[i].instance, p->instance))
			return &q->places[i];
	return NULL;
}

static void route_lost(struct qf_hub *h, struct qf_peer *p)
{
	struct qf_query *q;
	size_t at = 0;

	while ((q = qf_map_next(h->streams, &at, NULL))) {
		if (q->route != p)
			continue;
		q->route = NULL;
		if (q->rl.state == QF_RL_SENT)
			query_step(q, QF_RL_EV_ROUTE_LOST);
	}
}

/* Silent, perhaps stopped: what it has not passed on is placed elsewhere, after a RESOLVE. */
static void route_suspended(struct qf_hub *h, struct qf_peer *p)
{
	struct qf_query *q;
	size_t at = 0;

	while ((q = qf_map_next(h->streams, &at, NULL)))
		if (q->route == p && q->rl.state == QF_RL_SENT)
			query_step(q, QF_RL_EV_TIMEOUT);
}

static void dispatch_lost(struct qf_hub *h, struct qf_peer *p)
{
	struct qf_list *it, *tmp;
	struct qf_query *q;
	size_t at = 0;

	while ((q = qf_map_next(h->streams, &at, NULL))) {
		struct place *pl = place_at(q, p);
		bool held = q->holder == p;

		if (held)
			q->holder = NULL;
		if (!pl || q->rl.state == QF_RL_WAITING || q->rl.state == QF_RL_ENDED ||
		    (q->rl.state == QF_RL_PLACED && !held))
			continue;
		pl->answered = false;
		qf_timer_set(h->run->loop, &q->timer, h->run->conf->ring_timeout_ns);
		q->give_up_ns = qf_loop_now(h->run->loop) + h->run->conf->ring_timeout_ns;
		query_step(q, QF_RL_EV_HOLDER_LOST);
	}
	qf_list_each(it, tmp, &h->pins) {
		struct qf_pin *pin = qf_container_of(it, struct qf_pin, link);

		if (pin->placed && pin->epoch == p->epoch && !strcmp(pin->instance, p->instance))
			pin_lost(pin);
	}
}

static void dispatch_up(struct qf_hub *h, struct qf_peer *p)
{
	struct qf_query *q;
	size_t at = 0;

	p->user = NULL; /* row bytes read and not yet acknowledged */
	while ((q = qf_map_next(h->streams, &at, NULL))) {
		struct place *pl = place_at(q, p);

		if (pl && !pl->answered && q->rl.state == QF_RL_RESOLVING)
			send_resolve_to(q, pl, p);
	}
	qf_bus_retire(h->run->bus, p, 0); /* whatever else the epoch before left of ours is settled */
}

void hub_on_peer(void *ctx, struct qf_peer *p, enum qf_peer_change change)
{
	struct qf_hub *h = ctx;

	if (p->program == QF_DISPATCH && change == QF_PEER_UP)
		dispatch_up(h, p);
	else if (p->program == QF_DISPATCH && change == QF_PEER_LOST)
		dispatch_lost(h, p);
	else if (p->program == QF_ROUTE && change == QF_PEER_LOST)
		route_lost(h, p);
	else if (p->program == QF_ROUTE && change == QF_PEER_SUSPENDED)
		route_suspended(h, p);
	else if (p->program == QF_ADMIN && change == QF_PEER_UP)
		control_tell(h);
	if (change == QF_PEER_UP || change == QF_PEER_RESUMED)
		hub_try_waiting(h);
}
