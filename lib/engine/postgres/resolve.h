/*
 * The part of connecting that may block: the password file, libpq's service and password files, names. Runs on a thread;
 * what it returns has begun to connect, and goes on in dial.c.
 */
#ifndef QF_ENGINE_POSTGRES_RESOLVE_H
#define QF_ENGINE_POSTGRES_RESOLVE_H

#include <libpq-fe.h>

#include "keys.h"
#include "qf/conf.h"

/* Copies of what a cluster says, so that a thread may outlive it. */
struct pge_target {
	char *endpoint, *username, *password, *password_file, *database;
	struct qf_scram_keys *keys; /* in place of a password: see keys.h */
};

/*
 * user: a client's, who logs in as itself; NULL: the cluster's account. map: what the cluster says of that user, or NULL;
 * keys: copied, or NULL. Nothing of the account goes into the target of a user.
 */
void pge_target_init(struct pge_target *t, const struct qf_conf_cluster *cfg, const char *user,
		     const struct qf_conf_engine_user *map, const struct qf_scram_keys *keys);
/* The cluster says as whom it logs in itself. */
bool pge_target_has_user(const struct qf_conf_cluster *cfg);
void pge_target_fini(struct pge_target *t);
/* On success PQconnectPoll() goes on, as if it had said PGRES_POLLING_WRITING. */
int pge_target_connect(const struct pge_target *t, PGconn **ret, struct qf_err *reterr) qf_must_check;

#endif
