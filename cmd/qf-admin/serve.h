/*
 * Inside the qf-admin service: what it knows of the other programs, and who shows it. One loop thread.
 */
#ifndef QF_ADMIN_SERVE_H
#define QF_ADMIN_SERVE_H

#include "admin.h"
#include "counts.h"

#define EVENTS_KEPT 4096

struct web;

struct serve {
	struct qf_run *run;
	struct qf_buf events[EVENTS_KEPT]; /* a message each, of what is kept of them */
	uint64_t n; /* so far; the newest is at (n - 1) % EVENTS_KEPT */
	struct counts *counts;
	struct web *web; /* NULL: queryflux.adminApi.enabled is false */
};

/* The state that a program told last; a peer's user. */
struct told {
	struct qf_buf rows;
};

/* Walks the rows of a peer's state: start with told_rows(); false at the end. */
struct qf_reader told_rows(const struct qf_peer *p);

/* gauges.c: what is true now, for Prometheus */
void gauges_write(const struct serve *s, struct qf_buf *out);

/* ready.c: a line for each thing that is missing; true when there is none */
bool ready_write(const struct serve *s, struct qf_buf *out);

/* web.c: HTTP */
int web_open(struct web **ret, const struct serve *s, struct qf_err *reterr) qf_must_check;
struct web *web_close(struct web *w);

#endif
