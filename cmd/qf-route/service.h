/*
 * qf-route as a service: QUERY in, ROUTED on to the dispatch that owns the group, or FAILED back. It keeps
 * nothing about a query but while a script is asked (pending.h): when it dies, listeners resolve and ask again.
 * One loop thread.
 */
#ifndef QF_ROUTE_SERVICE_H
#define QF_ROUTE_SERVICE_H

#include "explain.h"
#include "scripts.h"

struct route {
	struct qf_explain_opts opts; /* first: the options' context is this structure */
	struct qf_run *run;
	struct qf_chain *chain;
	struct qf_scripts *scripts; /* NULL: the configuration has none */
	/* A reload whose scripts are being tried: NULL when there is none. */
	struct qf_chain *fresh_chain;
	struct qf_scripts *fresh_scripts;
	bool keep_scripts; /* the fresh configuration has the same */
	struct qf_task known, begin;
	struct qf_list pending; /* suspended queries */
	struct pending *spare;
	struct qf_buf out;
};

extern const struct qf_bus_handler route_handlers[];
void route_on_peer(void *ctx, struct qf_peer *peer, enum qf_peer_change change);
int route_setup(void *ctx, struct qf_run *run, struct qf_err *reterr);
int route_apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr);
void route_teardown(void *ctx, struct qf_run *run);

#endif
