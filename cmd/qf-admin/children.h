/*
 * The child processes of `qf-admin up`: started, named in front of their log lines, restarted, stopped in
 * the order of the ring. One loop thread; the caller reaps (SIGCHLD) and reports each pid here.
 */
#ifndef QF_ADMIN_CHILDREN_H
#define QF_ADMIN_CHILDREN_H

#include "ports.h"

#include "qf/loop.h"

#include <sys/types.h>

struct children;

/*
 * on_ready: all have said READY=1 (once). on_over: a child refuses its configuration (exit status 2), or,
 * after children_stop(), none is left. ports are borrowed.
 */
int children_start(struct children **ret, struct qf_loop *loop, const char *conf_path, const struct port *ports, int n_ports,
		   void (*on_ready)(void *arg), void (*on_over)(void *arg, int status), void *arg, struct qf_err *reterr);
void children_ended(struct children *c, pid_t pid, int wstatus);
void children_stop(struct children *c);
void children_kill(struct children *c);
bool children_has(const struct children *c, pid_t pid);
struct children *children_free(struct children *c);

#endif
