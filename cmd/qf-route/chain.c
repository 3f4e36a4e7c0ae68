/* The chain: routers in order, the first that matches decides, then the fallback. */
#include <stdlib.h>

#include "qf/clock.h"
#include "routers.h"

struct qf_chain {
	const struct qf_conf *conf;
	struct qf_router *routers;
	size_t n;
	struct qf_buf why; /* of the router at hand */
};

struct qf_chain *qf_chain_free(struct qf_chain *c)
{
	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		qf_router_clear(&c->routers[i]);
	qf_buf_fini(&c->why);
	free(c->routers);
	free(c);
	return NULL;
}

struct qf_chain *qf_chain_new(const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_chain *c = qf_xcalloc(1, sizeof(*c));

	c->conf = conf;
	c->n = conf->n_routers;
	c->routers = qf_xcalloc(c->n + 1, sizeof(*c->routers));
	for (size_t i = 0; i < c->n; i++) {
		c->routers[i].conf = &conf->routers[i];
		c->routers[i].index = i + 1;
		if (qf_router_compile(&c->routers[i], reterr) != 0)
			return qf_chain_free(c);
	}
	return c;
}

/* The group of routingFallback, or the first in the file that the user may use. */
static const struct qf_conf_group *open_group(const struct qf_conf *conf, const char *user)
{
	const struct qf_conf_group *g = conf->fallback;

	if (qf_conf_may_use(conf, g, user))
		return g;
	for (size_t i = 0; i < conf->n_groups; i++)
		if (conf->groups[i].enabled && qf_conf_may_use(conf, &conf->groups[i], user))
			return &conf->groups[i];
	return g; /* refused with its name */
}

static void fall_back(const struct qf_chain *c, const struct qf_route_input *in, struct qf_route_verdict *ret)
{
	const struct qf_conf_group *g = c->conf->fallback;

	if (in->pinned != NULL) {
		ret->group = in->pinned;
		ret->router = "transaction";
		return;
	}
	ret->fallback = true;
	ret->router = "routingFallback";
	if (g != NULL && g->enabled) {
		ret->group = open_group(c->conf, in->user);
		return;
	}
	ret->denied = true;
	ret->message = g == NULL
			       ? "no routing rule matches this statement, and the configuration has no routingFallback"
			       : "no routing rule matches this statement, and the group of routingFallback is disabled";
}

/* What was decided holds for those who may use the group: its `authorization`. */
static void authorize(struct qf_route_walk *w)
{
	struct qf_route_verdict *v = w->verdict;
	const char *user = w->match->in->user;

	if (v->group == NULL || qf_conf_may_use(w->chain->conf, v->group, user))
		return;
	v->message = qf_arena_printf(w->arena, "user \"%s\" may not use the cluster group \"%s\"", user != NULL ? user : "",
				     v->group->name);
	v->group = NULL;
	v->denied = true;
	v->unauthorized = true;
}

static void decide(const struct qf_router *r, const struct qf_match *m, struct qf_route_verdict *ret)
{
	ret->router = qf_router_type_name(r->conf->type);
	ret->index = r->index;
	ret->rule = m->rule;
	ret->group = m->group;
	ret->denied = m->outcome == QF_ROUTE_DENY;
	ret->message = m->message;
}

static void not_reached(struct qf_route_walk *w)
{
	const struct qf_route_verdict *by = w->verdict;

	for (size_t i = w->at; i < w->chain->n; i++) {
		w->steps[i].router = qf_router_type_name(w->chain->routers[i].conf->type);
		w->steps[i].index = i + 1;
		w->steps[i].reason =
			qf_arena_printf(w->arena, "not asked: router %zu (%s) decided", by->index, by->router);
	}
}

/* One router has spoken: true when it decided. */
static bool conclude(struct qf_route_walk *w, uint64_t ns)
{
	struct qf_router *r = &w->chain->routers[w->at];
	struct qf_match *m = w->match;
	bool decided = m->outcome != QF_ROUTE_PASS;

	if (decided)
		decide(r, m, w->verdict);
	if (w->steps != NULL)
		w->steps[w->at] = (struct qf_route_step){
			.router = qf_router_type_name(r->conf->type),
			.index = r->index,
			.matched = decided,
			.reason = qf_arena_strndup(w->arena, m->why->p, m->why->n),
			.ns = ns,
			.script = r->conf->type == QF_ROUTER_PYTHON ? &w->scripts[w->verdict->n_scripts - 1] : NULL,
		};
	w->at++;
	return decided;
}

/* Without reasons nothing is formatted and no clock is read. */
static bool ask(struct qf_route_walk *w)
{
	uint64_t begun = w->steps != NULL ? qf_mono_ns() : 0;

	if (w->steps != NULL)
		qf_buf_clear(w->match->why);
	qf_router_ask(&w->chain->routers[w->at], w->match);
	return conclude(w, w->steps != NULL ? qf_mono_ns() - begun : 0);
}

static const struct qf_conf_router *walk(struct qf_route_walk *w, bool decided)
{
	struct qf_route_verdict *v = w->verdict;

	while (!decided && w->at < w->chain->n) {
		if (w->chain->routers[w->at].conf->type == QF_ROUTER_PYTHON)
			return w->chain->routers[w->at].conf;
		decided = ask(w);
	}
	if (!decided)
		fall_back(w->chain, w->match->in, v);
	authorize(w);
	if (w->steps != NULL) {
		not_reached(w);
		v->steps = w->steps;
		v->n_steps = w->chain->n;
	}
	v->scripts = w->scripts;
	return NULL;
}

const struct qf_conf_router *qf_chain_begin(struct qf_route_walk *w, struct qf_chain *c, const struct qf_route_input *in,
					    struct qf_route_verdict *ret, struct qf_arena *arena)
{
	*ret = (struct qf_route_verdict){ 0 };
	*w = (struct qf_route_walk){ .chain = c, .verdict = ret, .arena = arena };
	w->match = qf_arena_alloc(arena, sizeof(*w->match));
	w->match->in = in;
	w->match->arena = arena;
	w->match->conf = c->conf;
	if (in->want_reasons) {
		w->steps = qf_arena_alloc(arena, (c->n + 1) * sizeof(*w->steps));
		w->match->why = &c->why;
	}
	return walk(w, false);
}

const struct qf_conf_router *qf_chain_go_on(struct qf_route_walk *w, const struct qf_script_answer *answer)
{
	struct qf_script_run *run;

	if (w->scripts == NULL)
		w->scripts = qf_arena_alloc(w->arena, w->chain->n * sizeof(*w->scripts));
	run = &w->scripts[w->verdict->n_scripts++];
	run->index = w->at + 1;
	run->line = answer->line;
	run->ns = answer->ns;
	if (answer->printed.n > 0)
		run->printed = qf_arena_strndup(w->arena, answer->printed.p, answer->printed.n);
	if (w->steps != NULL)
		qf_buf_clear(w->match->why);
	qf_router_take_answer(&w->chain->routers[w->at], w->match, answer, run);
	w->verdict->broken = w->match->outcome == QF_ROUTE_DENY && qf_script_failed(run->outcome);
	return walk(w, conclude(w, answer->ns > 0 ? answer->ns : 1));
}
