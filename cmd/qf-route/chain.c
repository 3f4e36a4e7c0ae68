/* The chain: routers in order, the first that matches decides, then the fallback. */
#include <stdlib.h>

#include "qf/clock.h"
#include "routers.h"

struct qf_chain {
	const struct qf_conf *conf;
	struct qf_router *routers;
	size_t n;
};

struct qf_chain *qf_chain_free(struct qf_chain *c)
{
	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		qf_router_clear(&c->routers[i]);
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
		ret->group = g;
		return;
	}
	ret->denied = true;
	ret->message = g == NULL
			       ? "no routing rule matches this statement, and the configuration has no routingFallback"
			       : "no routing rule matches this statement, and the group of routingFallback is disabled";
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

/* The fast way: nothing is formatted, no clock is read. */
static bool run(struct qf_chain *c, struct qf_match *m, struct qf_route_verdict *ret)
{
	for (size_t i = 0; i < c->n; i++) {
		qf_router_ask(&c->routers[i], m);
		if (m->outcome != QF_ROUTE_PASS) {
			decide(&c->routers[i], m, ret);
			return true;
		}
	}
	return false;
}

static void not_reached(const struct qf_router *r, const struct qf_route_verdict *by, struct qf_buf *why)
{
	qf_buf_printf(why, "not asked: router %zu (%s) decided", by->index, by->router);
	if (r->conf->type == QF_ROUTER_PYTHON)
		qf_buf_add_str(why, "; this type is known, not built yet");
}

/* The same chain with a line for each router; those behind the deciding one are named too. */
static bool run_explained(struct qf_chain *c, struct qf_match *m, struct qf_route_verdict *ret)
{
	struct qf_route_step *steps = qf_arena_alloc(m->arena, (c->n + 1) * sizeof(*steps));
	bool decided = false;
	struct qf_buf why;
	uint64_t begun;

	qf_buf_init(&why);
	m->why = &why;
	for (size_t i = 0; i < c->n; i++) {
		qf_buf_clear(&why);
		steps[i].router = qf_router_type_name(c->routers[i].conf->type);
		steps[i].index = i + 1;
		if (decided) {
			not_reached(&c->routers[i], ret, &why);
		} else {
			begun = qf_mono_ns();
			qf_router_ask(&c->routers[i], m);
			steps[i].ns = qf_mono_ns() - begun;
			steps[i].matched = decided = m->outcome != QF_ROUTE_PASS;
			if (decided)
				decide(&c->routers[i], m, ret);
		}
		steps[i].reason = qf_arena_strndup(m->arena, why.p, why.n);
	}
	qf_buf_fini(&why);
	ret->steps = steps;
	ret->n_steps = c->n;
	return decided;
}

void qf_chain_route(
	struct qf_chain *c, const struct qf_route_input *in, struct qf_route_verdict *ret, struct qf_arena *arena)
{
	struct qf_match m = { .in = in, .arena = arena };

	*ret = (struct qf_route_verdict){ 0 };
	if (!(in->want_reasons ? run_explained(c, &m, ret) : run(c, &m, ret)))
		fall_back(c, in, ret);
}
