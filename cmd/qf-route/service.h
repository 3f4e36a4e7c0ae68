/*
 * qf-route as a service: QUERY in, ROUTED on to the dispatch that owns the group, or FAILED back. It keeps
 * nothing about a query: when it dies, listeners resolve and ask again. One loop thread.
 */
#ifndef QF_ROUTE_SERVICE_H
#define QF_ROUTE_SERVICE_H

#include "explain.h"

struct route {
	struct qf_explain_opts opts; /* first: the options' context is this structure */
	struct qf_run *run;
	struct qf_chain *chain;
	struct qf_arena *arena; /* of the message at hand */
	struct qf_buf out;
};

extern const struct qf_bus_handler route_handlers[];
int route_setup(void *ctx, struct qf_run *run, struct qf_err *reterr);
int route_apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr);
void route_teardown(void *ctx, struct qf_run *run);

#endif
