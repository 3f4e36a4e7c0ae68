/*
 * qf-admin: the operator's tool, and the service that collects events. Commands are a table in main.c.
 */
#ifndef QF_ADMIN_H
#define QF_ADMIN_H

#include "qf/svc.h"

struct admin { /* options of the tool mode */
	uint64_t port_offset;
	const char *exec;
	bool json;
	struct serve *serve;
};

/* up.c: all five programs in the foreground, restarted when they end */
int admin_up(void *ctx, struct qf_run *run, int argc, char **argv);
/* ask.c: status, events */
int admin_status(void *ctx, struct qf_run *run, int argc, char **argv);
int admin_events(void *ctx, struct qf_run *run, int argc, char **argv);
/* queries.c: what waits and runs now */
int admin_queries(void *ctx, struct qf_run *run, int argc, char **argv);
int admin_cancel(void *ctx, struct qf_run *run, int argc, char **argv);
/* check.c */
int admin_check_config(void *ctx, struct qf_run *run, int argc, char **argv);
/* scripts.c: by the qf-route beside us */
int admin_check_scripts(const struct qf_conf *conf, struct qf_err *reterr) qf_must_check;
/* reload.c: one program after the other */
int admin_reload(void *ctx, struct qf_run *run, int argc, char **argv);

/* serve.c: the service */
extern const struct qf_bus_handler admin_handlers[];
int serve_setup(void *ctx, struct qf_run *run, struct qf_err *reterr);
int serve_apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr);
void serve_on_peer(void *ctx, struct qf_peer *p, enum qf_peer_change change);
void serve_teardown(void *ctx, struct qf_run *run);

#endif
