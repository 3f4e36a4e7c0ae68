/*
 * As whom connections are at the engine: the account of the cluster, or a user of a client's. Each has a back-off of its
 * own, so that a wrong password of one holds off nobody else. Connections of all share the pool; how many users have any
 * at once is bounded, and the one whose last statement is the longest ago makes room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/str.h"

#define BACKOFF_MIN_NS (100 * QF_MS)
#define BACKOFF_MAX_NS (10 * QF_SEC)
#define FORGET_NS (60 * QF_SEC) /* without connections */

static struct pge_identity *identity_new(struct qf_engine *e, const char *user)
{
	struct pge_identity *id = qf_xcalloc(1, sizeof(*id));

	id->engine = e;
	id->user = user ? qf_xstrdup(user) : NULL;
	id->used_ns = qf_loop_now(e->loop);
	qf_list_append(&e->identities, &id->link);
	e->n_identities++;
	return id;
}

static void identity_free(struct pge_identity *id)
{
	if (!id->gone)
		id->engine->n_identities--;
	qf_list_remove(&id->link);
	free(id->user);
	free(id);
}

void pge_identity_unref(struct pge_identity *id)
{
	if (--id->conns == 0 && id->gone)
		identity_free(id);
}

/* Its connections are closed when nobody has them; who comes again begins anew. */
static void retire_identity(struct pge_identity *id)
{
	id->gone = true;
	id->engine->n_identities--;
	qf_list_remove(&id->link);
	if (id->conns == 0)
		identity_free(id);
	else
		pge_pool_retire_all(id);
}

void pge_identities_init(struct qf_engine *e)
{
	qf_list_init(&e->identities);
	e->service = identity_new(e, NULL);
}

void pge_identities_fini(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &e->identities)
		identity_free(qf_container_of(it, struct pge_identity, link));
}

void pge_identities_tick(struct qf_engine *e)
{
	uint64_t at = qf_loop_now(e->loop);
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &e->identities) {
		struct pge_identity *id = qf_container_of(it, struct pge_identity, link);

		if (id != e->service && id->conns == 0 && at - id->used_ns >= FORGET_NS)
			identity_free(id);
	}
}

/* ---- whose ---- */

const struct qf_conf_engine_user *pge_engine_user(const struct qf_conf_cluster *cfg, const char *user)
{
	for (size_t i = 0; i < cfg->n_engine_users; i++)
		if (user && strcmp(cfg->engine_users[i].name, user) == 0)
			return &cfg->engine_users[i];
	return NULL;
}

static bool make_room(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &e->identities) {
		struct pge_identity *id = qf_container_of(it, struct pge_identity, link);

		if (id == e->service || pge_pool_in_use(id))
			continue;
		retire_identity(id);
		return true;
	}
	return false;
}

/* The service's account is not counted. */
static struct pge_identity *find_or_add(struct qf_engine *e, const char *user, struct qf_sql_error *reterr)
{
	unsigned max = e->cfg->max_identities;
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &e->identities) {
		struct pge_identity *id = qf_container_of(it, struct pge_identity, link);

		if (id->user && strcmp(id->user, user) == 0)
			return id;
	}
	if (max > 0 && e->n_identities > max && !make_room(e)) {
		qf_sql_error_set(reterr, "53300", "%u users of cluster \"%s\" have connections of their own", max, e->cfg->name);
		snprintf(reterr->hint, sizeof(reterr->hint), "Try again later, or raise scopedPoolMaxCount.");
		return NULL;
	}
	return identity_new(e, user);
}

static bool refuse(const struct qf_engine *e, const char *user, struct qf_sql_error *reterr)
{
	enum qf_query_auth mode = e->cfg->query_auth;

	if (mode == QF_QUERY_AUTH_SERVICE)
		return false;
	if (!user || !*user) {
		qf_sql_error_set(reterr, "28000", "cluster \"%s\" runs statements as their users, and this client has named none",
				 e->cfg->name);
		return true;
	}
	if (mode == QF_QUERY_AUTH_IMPERSONATE && strcmp(user, "none") == 0) { /* SET ROLE none is the account itself */
		qf_sql_error_set(reterr, "22023", "role \"none\" does not exist");
		return true;
	}
	if (mode == QF_QUERY_AUTH_USER_MAP && !pge_engine_user(e->cfg, user)) {
		qf_sql_error_set(reterr, "28000", "cluster \"%s\" has no user for \"%s\"", e->cfg->name, user);
		snprintf(reterr->hint, sizeof(reterr->hint), "Add it to queryAuth.users of the cluster.");
		return true;
	}
	return false;
}

struct pge_identity *pge_identity_of(struct qf_engine *e, const char *user, struct qf_sql_error *reterr)
{
	struct pge_identity *id = e->service;

	if (refuse(e, user, reterr))
		return NULL;
	if (pge_is_personal(e))
		id = find_or_add(e, user, reterr);
	if (!id)
		return NULL;
	id->used_ns = qf_loop_now(e->loop);
	qf_list_remove(&id->link);
	qf_list_append(&e->identities, &id->link);
	return id;
}

/* ---- back-off ---- */

uint64_t pge_identity_backoff(const struct pge_identity *id)
{
	uint64_t at = qf_loop_now(id->engine->loop);

	return id->down && id->retry_ns > at ? id->retry_ns - at : 0;
}

void pge_identity_connected(struct pge_identity *id)
{
	id->down = false;
	id->failures = 0;
	id->sqlstate[0] = '\0';
	/* Where no account of the cluster's is asked, this is how it is known to live. */
	if (!id->engine->has_service && id != id->engine->service)
		pge_identity_connected(id->engine->service);
}

/* Connections that were tried together fail together: that is one failure. */
void pge_identity_failed(struct pge_identity *id, const char *sqlstate, const char *why)
{
	struct qf_engine *e = id->engine;
	uint64_t wait = BACKOFF_MIN_NS;

	snprintf(id->why, sizeof(id->why), "%s", why);
	id->why[qf_utf8_cut(qf_slice_str(id->why))] = '\0';
	snprintf(id->sqlstate, sizeof(id->sqlstate), "%s", sqlstate);
	if (!e->has_service && id != e->service && !*sqlstate)
		pge_identity_failed(e->service, sqlstate, why);
	if (pge_identity_backoff(id) > 0)
		return;
	for (unsigned i = 0; i < id->failures && wait < BACKOFF_MAX_NS; i++)
		wait *= 2;
	id->failures++;
	id->down = true;
	id->retry_ns = qf_loop_now(e->loop) + (wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS);
	if (id == e->service)
		pge_pool_look_in(e, wait);
}
