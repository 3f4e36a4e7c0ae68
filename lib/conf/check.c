/* What spans sections: addresses and ports, database files, what would refuse every query. */
#include <arpa/inet.h>
#include <string.h>

#include "schema.h"

static bool is_loopback(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_any(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

struct listener {
	const struct qf_conf_frontend *fe;
	const char *path;
};

/* A frontend that was not written and is not built is nobody's concern. */
static size_t list_listeners(struct qf_loader *ld, struct listener *ret)
{
	const struct qf_conf *c = ld->conf;
	size_t n = 0;

	for (int i = 0; i < QF_FE_N; i++) {
		if (!c->frontends[i].enabled ||
			(!qf_frontend_built((enum qf_frontend)i) && c->frontends[i].place.line == 0))
			continue;
		ret[n].fe = &c->frontends[i];
		ret[n++].path =
			qf_arena_printf(ld->arena, "queryflux.frontends.%s", qf_frontend_name((enum qf_frontend)i));
	}
	if (c->admin.enabled) {
		ret[n].fe = &c->admin;
		ret[n++].path = "queryflux.adminApi";
	}
	return n;
}

static int check_listeners(struct qf_loader *ld)
{
	struct listener all[QF_FE_N + 1];
	size_t n = list_listeners(ld, all);

	for (size_t i = 0; i < n; i++) {
		const struct qf_conf_frontend *fe = all[i].fe;

		bool checked = ld->conf->auth.provider != QF_AUTH_NONE && fe != &ld->conf->admin;

		if (!fe->insecure && !checked && !is_loopback(fe->address))
			return qf_loader_fail(ld, fe->place,
				"%s listens on %s, which is not loopback, and clients are not authenticated; write "
				"insecure: true to accept every client, or use 127.0.0.1",
				all[i].path, fe->address);
		if (checked && fe->tls != QF_TLS_REQUIRE && !is_loopback(fe->address))
			qf_loader_warn(ld, fe->place,
				"%s listens on %s, which is not loopback, and clients need not encrypt; write tls: require",
				all[i].path, fe->address);
		for (size_t j = 0; j < i; j++) {
			const struct qf_conf_frontend *other = all[j].fe;

			if (fe->port == other->port && (strcmp(fe->address, other->address) == 0 ||
							       is_any(fe->address) || is_any(other->address)))
				return qf_loader_fail(ld, fe->place.line != 0 ? fe->place : other->place,
					"%s and %s both listen on port %u; give one of them another port", all[j].path,
					all[i].path, fe->port);
		}
	}
	return 0;
}

/* What this build does not speak is off, said once when the file turned it on. */
static void turn_off_unbuilt(struct qf_loader *ld)
{
	struct qf_conf *c = ld->conf;
	bool any = false;

	for (int i = 0; i < QF_FE_N; i++) {
		struct qf_conf_frontend *fe = &c->frontends[i];

		if (fe->enabled && !qf_frontend_built((enum qf_frontend)i)) {
			if (fe->place.line != 0)
				qf_loader_warn(ld, fe->place,
					"queryflux.frontends.%s is known but not built yet: it does not listen",
					qf_frontend_name((enum qf_frontend)i));
			fe->enabled = false;
		}
		any |= fe->enabled;
	}
	if (!any)
		qf_loader_warn(ld, (struct qf_conf_place){ 1, 1 },
			"no frontend that is built is enabled, so no client can connect; enable "
			"queryflux.frontends.postgresWire");
}

/* One process must not open a DuckDB file twice: its locks are the process's and would not stop it. */
static int check_files(struct qf_loader *ld)
{
	const struct qf_conf *c = ld->conf;

	for (size_t i = 0; i < c->n_clusters; i++) {
		const struct qf_conf_cluster *a = &c->clusters[i];

		for (size_t j = 0; a->enabled && a->database_path != NULL && j < i; j++) {
			const struct qf_conf_cluster *b = &c->clusters[j];

			if (b->enabled && b->database_path != NULL && strcmp(a->database_path, b->database_path) == 0)
				return qf_loader_fail(ld, a->place,
					"clusters.%s opens the same database file as clusters.%s; make one cluster of "
					"them and use it in several groups",
					a->name, b->name);
		}
	}
	return 0;
}

static bool has_member(const struct qf_conf_group *g, const struct qf_conf_cluster *cl)
{
	for (size_t i = 0; i < g->n_members; i++)
		if (g->members[i] == cl)
			return true;
	return false;
}

/* A DuckDB file can be open in one process only, so its groups belong to one qf-dispatch instance. */
static int check_instances(struct qf_loader *ld)
{
	const struct qf_conf *c = ld->conf;
	const struct qf_conf_group *first;

	for (size_t i = 0; i < c->n_clusters; i++) {
		first = NULL;
		for (size_t g = 0; c->clusters[i].database_path != NULL && g < c->n_groups; g++) {
			if (!c->groups[g].enabled || !has_member(&c->groups[g], &c->clusters[i]))
				continue;
			if (first == NULL)
				first = &c->groups[g];
			else if (strcmp(first->instance, c->groups[g].instance) != 0)
				return qf_loader_fail(ld, c->groups[g].place,
					"clusterGroups.%s and clusterGroups.%s belong to different qf-dispatch "
					"instances but share the database file of clusters.%s, which one process "
					"opens; give them the same instance",
					first->name, c->groups[g].name, c->clusters[i].name);
		}
	}
	return 0;
}

static void warn_dead_ends(struct qf_loader *ld)
{
	const struct qf_conf *c = ld->conf;

	if (c->n_groups == 0)
		qf_loader_warn(ld, (struct qf_conf_place){ 1, 1 },
			"there is no group in clusterGroups, so every query is refused");
	else if (c->fallback == NULL && c->n_routers == 0)
		qf_loader_warn(ld, (struct qf_conf_place){ 1, 1 },
			"there are neither routers nor a routingFallback, so every query is refused");
	else if (c->fallback != NULL && !c->fallback->enabled)
		qf_loader_warn(ld, c->fallback->place,
			"routingFallback names clusterGroups.%s, which is disabled: queries that no rule matches are "
			"refused",
			c->fallback->name);
}

/* Who believes what a client says of itself. */
static int check_users(struct qf_loader *ld)
{
	const struct qf_conf *c = ld->conf;

	for (size_t i = 0; i < c->n_clusters && c->auth.provider == QF_AUTH_NONE; i++) {
		const struct qf_conf_cluster *cl = &c->clusters[i];

		if (cl->query_auth == QF_QUERY_AUTH_SCRAM_KEYS)
			return qf_loader_fail(ld, cl->place,
				"clusters.%s: queryAuth scramKeys needs clients that log in by SCRAM; write auth.provider: static",
				cl->name);
		if (cl->query_auth != QF_QUERY_AUTH_SERVICE)
			qf_loader_warn(ld, cl->place,
				"clusters.%s runs statements as the user that a client says it is, and auth.provider none believes "
				"every client",
				cl->name);
	}
	for (size_t i = 0; i < c->n_groups && c->auth.provider == QF_AUTH_NONE; i++)
		if (c->groups[i].restricted)
			qf_loader_warn(ld, c->groups[i].place,
				"clusterGroups.%s is for some users only, and auth.provider none believes every client",
				c->groups[i].name);
	return 0;
}

/* What the programs have to know of the routers without asking them. */
static void sum_up(struct qf_conf *c, const struct qf_conf_router *r)
{
	c->judges |= r->type == QF_ROUTER_PYTHON; /* it may refuse */
	for (size_t i = 0; i < r->n_regexes; i++)
		c->judges |= r->regexes[i].deny;
	c->reads_text |= r->type == QF_ROUTER_PYTHON || r->type == QF_ROUTER_REGEX;
	for (size_t i = 0; i < r->n_conditions; i++)
		c->reads_text |= r->conditions[i].type == QF_COND_REGEX;
}

int qf_conf_check(struct qf_loader *ld)
{
	struct qf_conf *c = ld->conf;
	int rc;

	for (size_t i = 0; i < c->n_routers; i++)
		sum_up(c, &c->routers[i]);
	for (size_t i = 0; i < c->n_groups; i++)
		c->judges |= c->groups[i].restricted; /* since a session took its pin, perhaps */
	rc = check_listeners(ld);
	if (rc == 0)
		rc = check_files(ld);
	if (rc == 0)
		rc = check_instances(ld);
	if (rc == 0)
		rc = check_users(ld);
	if (rc != 0)
		return rc;
	turn_off_unbuilt(ld);
	warn_dead_ends(ld);
	return 0;
}
