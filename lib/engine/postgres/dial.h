/*
 * Connecting, all of it that may block or take long: files, names, TLS, authentication. Runs on a thread of the crew, and
 * ends by its deadline but for what libpq and the system do in one go: resolving a name, deriving a key from a password.
 */
#ifndef QF_ENGINE_POSTGRES_DIAL_H
#define QF_ENGINE_POSTGRES_DIAL_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "resolve.h"

struct pge_dial {
	struct pge_target target;
	uint64_t deadline_ns; /* of qf_mono_ns() */
	atomic_bool stop;     /* nobody waits any more */
	/* what came of it */
	PGconn *pg;	     /* this, with libpq */
	struct pge_own *own; /* … or this, by SCRAM keys; both NULL: it failed */
	char sqlstate[6]; /* … for this reason of the server's; empty: it was not reached, or said none */
	struct qf_err err;
};

void pge_dial_run(struct pge_dial *d);
void pge_dial_fini(struct pge_dial *d);
bool pge_dial_is_over(const struct pge_dial *d); /* its time is, or nobody waits */

#endif
