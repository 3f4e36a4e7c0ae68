/* One compiled router and the question put to it. Private to chain.c, routers.c. */
#ifndef QF_ROUTE_ROUTERS_H
#define QF_ROUTE_ROUTERS_H

#include "chain.h"
#include "qf/regex.h"

struct qf_router {
	const struct qf_conf_router *conf;
	size_t index;		/* from 1 */
	struct qf_regex **regex; /* of each rule (queryRegex) or condition (compound; NULL where there is none) */
	size_t n_regex;
};

enum qf_route_outcome { QF_ROUTE_PASS, QF_ROUTE_TAKE, QF_ROUTE_DENY };

struct qf_match { /* one statement on its way through the chain */
	const struct qf_route_input *in;
	const struct qf_conf *conf;
	struct qf_arena *arena;
	bool utf8_known, utf8;
	struct qf_buf *why; /* NULL: nobody asks */
	enum qf_route_outcome outcome;
	const struct qf_conf_group *group;
	const char *message;
	size_t rule; /* from 1; 0: the router has no rules */
};

int qf_router_compile(struct qf_router *r, struct qf_err *reterr) qf_must_check;
void qf_router_clear(struct qf_router *r);
void qf_router_ask(struct qf_router *r, struct qf_match *m); /* any but a script */
/* What a script's answer means here. Fills outcome and text of run. */
void qf_router_take_answer(struct qf_router *r, struct qf_match *m, const struct qf_script_answer *a,
			   struct qf_script_run *run);

#endif
