/*
 * Asking the programs of the toolkit themselves, as a tool: over the bus, without the qf-admin service. Each
 * program that runs (its lock file says so) is met, asked once, and waited for, for a bounded time.
 */
#ifndef QF_ADMIN_GATHER_H
#define QF_ADMIN_GATHER_H

#include "qf/bus.h"

struct gather {
	uint32_t roles;	     /* QF_ROLE() bits of the programs to ask */
	const char *instance; /* NULL: each */
	const char *command; /* of CONTROL */
	const char *id;	     /* a query's public id; NULL: none */
	void (*on_answer)(void *arg, const struct qf_peer *from, const struct qf_msg *m);
	void *arg;
};

/* Exit status: 0 all have answered; 1 some have not, said on stderr; 4 there is none. */
int gather_run(const struct gather *g);

/*
 * Whether each program of those roles that runs (and has that name, unless it is NULL) is a peer; those that are not
 * are named in missing, which may be NULL.
 */
bool gather_met(const struct qf_bus *bus, uint32_t roles, const char *instance, struct qf_buf *missing);

#endif
