/* The sections clusters and clusterGroups. */
#include <string.h>

#include "items.h"

#define DUCKDB (1u << QF_ENGINE_DUCKDB)
#define FAKE (1u << QF_ENGINE_FAKE)
#define POSTGRES (1u << QF_ENGINE_POSTGRES)

static const char *const pool_modes[] = { "transaction", "session", "statement", NULL };

static const char *const query_auths[] = { "serviceAccount", "impersonate", "userMap", "scramKeys", NULL };

static const struct qf_item engine_user_items[] = {
	{ .key = "username", .kind = QF_ITEM_TEXT, AT(qf_conf_engine_user, username), .reload = LIVE,
	  .help = "user at the engine; without it the client's own name" },
	{ .key = "passwordFile", .kind = QF_ITEM_TEXT, AT(qf_conf_engine_user, password_file), .reload = LIVE,
	  .help = "as the cluster's passwordFile" },
	{ .key = "password", .kind = QF_ITEM_TEXT, AT(qf_conf_engine_user, password), .reload = LIVE,
	  .help = "password at the engine; for development" },
	END
};

static int engine_user_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_engine_user *u = base;

	if (u->password != NULL && u->password_file != NULL)
		return qf_loader_fail(ld, qf_node_get(node, "passwordFile")->key_place,
			"%s has a password and a passwordFile; keep the passwordFile", qf_path_text(ld, path));
	if (u->password != NULL)
		qf_loader_warn(ld, u->place,
			"%s has its password in the configuration, which all programs read; use passwordFile",
			qf_path_text(ld, path));
	return 0;
}

static const struct qf_section engine_user_section = { .items = engine_user_items,
	.size = sizeof(struct qf_conf_engine_user), .place = offsetof(struct qf_conf_engine_user, place),
	.name = offsetof(struct qf_conf_engine_user, name), .check = engine_user_check };

static const struct qf_item query_auth_items[] = {
	{ .key = "type", .kind = QF_ITEM_ENUM, .flags = QF_ITEM_REQUIRED, AT(qf_conf_cluster, query_auth), .names = query_auths,
	  .dflt = "serviceAccount", .reload = LIVE,
	  .help = "serviceAccount: the cluster's own user. impersonate: that user logs in and takes the client's role (SET "
	  "ROLE). userMap: a user of the engine for each client, by users. scramKeys: the client's own user, proved by "
	  "the SCRAM keys of its login here" },
	{ .key = "users", .kind = QF_ITEM_MAP, AT_LIST(qf_conf_cluster, engine_users, n_engine_users),
	  .sub = &engine_user_section, .help = "for userMap: the engine's user, by the client's name" },
	END
};

static const struct qf_section query_auth_section = { .items = query_auth_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

static const struct qf_item cluster_items[] = {
	{ .key = "engine", .kind = QF_ITEM_ENGINE, .flags = QF_ITEM_REQUIRED, AT(qf_conf_cluster, engine),
	  .reload = LIVE, .help = "which engine it is, for example duckDb or trino" },
	{ .key = "enabled", .kind = QF_ITEM_BOOL, AT(qf_conf_cluster, enabled), .dflt = "true", .reload = LIVE,
	  .help = "false: it gets no new queries" },
	{ .key = "maxRunningQueries", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, max_running), .min = 1, .max = 100000,
	  .unit = "queries", .reload = LIVE, .help = "its own limit, across all groups that it is a member of" },
	{ .key = "endpoint", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, endpoint), .reload = LIVE,
	  .engines = ~(DUCKDB | FAKE), .help = "URL or host:port of the engine; for postgres anything that libpq connects to: postgres://user@host:port/db?sslmode=verify-full, or service=NAME" },
	{ .key = "databasePath", .kind = QF_ITEM_TEXT, .flags = QF_ITEM_STATE_PATH, AT(qf_conf_cluster, database_path),
	  .reload = LIVE, .engines = DUCKDB, .help = "database file; without it the database is in memory and lost "
	  "with its qf-dispatch. ${QF_STATE_DIR} is always set" },
	{ .key = "initSql", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, init_sql), .reload = LIVE, .engines = DUCKDB,
	  .help = "statements that run each time the database is opened" },
	{ .key = "memoryLimit", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, memory_limit), .reload = LIVE,
	  .engines = DUCKDB, .help = "as DuckDB reads it: 4GB, 80%" },
	{ .key = "threads", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, threads), .min = 1, .max = 1024,
	  .unit = "threads", .reload = LIVE, .engines = DUCKDB,
	  .help = "threads of the database; without it as many as there are cores" },
	{ .key = "allowedDirectories", .kind = QF_ITEM_TEXTS,
	  AT_LIST(qf_conf_cluster, allowed_directories, n_allowed_directories), .reload = LIVE, .engines = DUCKDB,
	  .help = "directories that SQL may read and write files in; without it none" },
	{ .key = "script", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, script), .reload = LIVE, .engines = FAKE,
	  .help = "what the fake engine answers; for tests" },
	{ .key = "username", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, username), .reload = LIVE, .engines = POSTGRES,
	  .help = "user at the engine; counts before the endpoint's" },
	{ .key = "passwordFile", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, password_file), .reload = LIVE,
	  .engines = POSTGRES, .help = "file whose first line is the password, read for each connection by qf-dispatch "
	  "alone; a name without / is looked for in $CREDENTIALS_DIRECTORY" },
	{ .key = "password", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, password), .reload = LIVE, .engines = POSTGRES,
	  .help = "password at the engine; for development" },
	{ .key = "database", .kind = QF_ITEM_TEXT, AT(qf_conf_cluster, database), .reload = LIVE, .engines = POSTGRES,
	  .help = "database at the engine; counts before the endpoint's" },
	{ .key = "poolSize", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, pool_size), .min = 1, .max = 10000,
	  .dflt = "20", .unit = "connections", .reload = LIVE, .engines = POSTGRES,
	  .help = "most connections for statements, so most of them at once; two more look at tables and describe statements" },
	{ .key = "poolMinSize", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, pool_min), .max = 10000, .dflt = "0",
	  .unit = "connections", .reload = LIVE, .engines = POSTGRES,
	  .help = "connections that are kept open however long they are idle" },
	{ .key = "poolIdleTimeoutSecs", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, pool_idle_ns), .max = 604800,
	  .scale = QF_SEC, .dflt = "600", .unit = "seconds", .reload = LIVE, .engines = POSTGRES,
	  .help = "a connection that was idle for so long is closed; 0 = never" },
	{ .key = "poolMaxLifetimeSecs", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, pool_lifetime_ns), .max = 604800,
	  .scale = QF_SEC, .dflt = "3600", .unit = "seconds", .reload = LIVE, .engines = POSTGRES,
	  .help = "a connection that is so old is closed when it is idle; 0 = never" },
	{ .key = "poolMode", .kind = QF_ITEM_ENUM, AT(qf_conf_cluster, pool_mode), .names = pool_modes,
	  .dflt = "transaction", .reload = LIVE, .engines = POSTGRES,
	  .help = "how long a session keeps a connection: for a transaction (and longer where it holds a temporary table, "
	  "LISTEN, an advisory lock or a cursor WITH HOLD), for itself, or for each statement, without transactions" },
	{ .key = "connectTimeoutSecs", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, connect_timeout_ns), .min = 1,
	  .max = 3600, .scale = QF_SEC, .dflt = "5", .unit = "seconds", .reload = LIVE, .engines = POSTGRES,
	  .help = "longest time to connect, its name resolved and its password checked" },
	{ .key = "queryAuth", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &query_auth_section,
	  .help = "as whom a client's statements run at the engine" },
	{ .key = "scopedPoolMaxCount", .kind = QF_ITEM_UINT, AT(qf_conf_cluster, max_identities), .min = 1, .max = 100000,
	  .dflt = "500", .unit = "users", .reload = LIVE, .engines = POSTGRES,
	  .help = "users of the engine with connections of their own at once; the one that was idle for longest makes room" },
	UNBUILT_TEXT("region", NULL, "AWS region"),
	UNBUILT_TEXT("s3OutputLocation", NULL, "where Athena writes results"),
	UNBUILT_TEXT("workgroup", "primary", "Athena workgroup"),
	UNBUILT_TEXT("catalog", "AwsDataCatalog", "Athena catalog"),
	UNBUILT_UINT("maxWaitSecs", "600", "seconds", "longest wait for Athena"),
	UNBUILT("maxResultBufferBytes", QF_ITEM_UINT, .max = UINT64_MAX, .unit = "bytes",
		.help = "largest result that is held in memory; results are streamed here"),
	UNBUILT_TEXT("driver", NULL, "ADBC driver"),
	UNBUILT_TEXT("uri", NULL, "ADBC connection"),
	UNBUILT("dbKwargs", QF_ITEM_TAGS, .help = "further ADBC options"),
	UNBUILT_TEXT("flightSqlClusterDialect", NULL, "dialect of an engine behind Flight SQL"),
	UNBUILT_UINT("scopedPoolIdleTimeoutSecs", "900", "seconds", "idle time of a user's own connections"),
	UNBUILT_TEXT("healthCheckQuery", NULL, "statement that tells whether the engine is well"),
	UNBUILT_TEXT("reconcileQuery", NULL, "statement that lists what runs at the engine"),
	SECURITY("tls", QF_ITEM_ANY, "TLS to the engine"),
	SECURITY("auth", QF_ITEM_ANY, "how this service proves who it is to the engine"),
	UNBUILT_ANY("variants", "further clusters that differ in some settings"),
	END
};

/* As libpq reads it: postgres://user:password@host, ?password=… or password=… */
static bool has_password(const char *endpoint)
{
	const char *login = strstr(endpoint, "://"), *at = login != NULL ? strchr(login, '@') : NULL;
	const char *colon = login != NULL ? strchr(login + 3, ':') : NULL;

	return (at != NULL && colon != NULL && colon < at) || strstr(endpoint, "password=") != NULL;
}

static int postgres_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node,
	const struct qf_conf_cluster *cl)
{
	bool inline_password = cl->password != NULL || (cl->endpoint != NULL && has_password(cl->endpoint));
	const struct qf_node *min = qf_node_get(node, "poolMinSize");

	if (cl->endpoint == NULL)
		return qf_loader_fail(ld, node->place,
			"%s has no endpoint; write one, for example endpoint: \"postgres://user@host:5432/database\"",
			qf_path_text(ld, path));
	if (inline_password && cl->password_file != NULL)
		return qf_loader_fail(ld, qf_node_get(node, "passwordFile")->key_place,
			"%s has a password and a passwordFile; keep the passwordFile", qf_path_text(ld, path));
	if (min != NULL && cl->pool_min > cl->pool_size)
		return qf_loader_fail(ld, min->place, "%s.poolMinSize is more than its poolSize, %u",
			qf_path_text(ld, path), cl->pool_size);
	if (inline_password)
		qf_loader_warn(ld, cl->place,
			"%s has its password in the configuration, which all programs read; use passwordFile",
			qf_path_text(ld, path));
	return 0;
}

static int cluster_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	struct qf_conf_cluster *cl = base;
	const struct qf_node *engine = qf_node_get(node, "engine");

	for (const struct qf_item *it = cluster_items; it->key != NULL; it++) {
		const struct qf_node *n = qf_node_get(node, it->key);

		if (n != NULL && it->engines != 0 && !(it->engines & (1u << cl->engine)))
			qf_loader_warn(ld, n->key_place, "%s.%s is not used by the engine %s: it has no effect",
				qf_path_text(ld, path), it->key, qf_engine_kind_name(cl->engine));
	}
	if (cl->query_auth != QF_QUERY_AUTH_SERVICE && cl->engine != QF_ENGINE_POSTGRES)
		return qf_loader_fail(ld, qf_node_get(node, "queryAuth")->place,
			"%s.queryAuth: the engine %s knows no users: only serviceAccount is possible", qf_path_text(ld, path),
			qf_engine_kind_name(cl->engine));
	if ((cl->query_auth == QF_QUERY_AUTH_USER_MAP) != (cl->n_engine_users > 0))
		return qf_loader_fail(ld, qf_node_get(node, "queryAuth")->place,
			"%s.queryAuth: the type userMap and users go together", qf_path_text(ld, path));
	if (cl->database_path != NULL && (*cl->database_path == '\0' || strcmp(cl->database_path, ":memory:") == 0))
		cl->database_path = NULL;
	if (!qf_engine_kind_built(cl->engine) && cl->enabled)
		qf_loader_warn(ld, engine->place,
			"%s: the engine %s is known but not built yet: queries for it are refused",
			qf_path_text(ld, path), qf_engine_kind_name(cl->engine));
	return cl->engine == QF_ENGINE_POSTGRES ? postgres_check(ld, path, node, cl) : 0;
}

const struct qf_section qf_schema_cluster = { .items = cluster_items, .size = sizeof(struct qf_conf_cluster),
	.place = offsetof(struct qf_conf_cluster, place), .name = offsetof(struct qf_conf_cluster, name),
	.check = cluster_check };

static const char *const strategies[] = { "roundRobin", "failover", "leastLoaded", "engineAffinity", "weighted",
	"pythonScript", NULL };
static const struct qf_item strategy_items[] = {
	{ .key = "type", .kind = QF_ITEM_ENUM, .flags = QF_ITEM_REQUIRED, AT(qf_conf_group, strategy),
	  .names = strategies, .built_names = 2, .reload = LIVE,
	  .help = "roundRobin takes members in turn, failover the first that can" },
	UNBUILT("preference", QF_ITEM_TEXTS, .help = "engines, the best first, for engineAffinity"),
	UNBUILT_ANY("weights", "share of each member, for weighted"),
	UNBUILT_TEXT("script", NULL, "Python that picks a member"),
	UNBUILT_TEXT("scriptFile", NULL, "file with that Python"),
	END
};
static const struct qf_section strategy_section = { .items = strategy_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

static const struct qf_item group_cache_items[] = {
	UNBUILT_BOOL("enabled", "false", "keeps results of this group"),
	UNBUILT_UINT("ttlSecs", "300", "seconds", "how long a result is kept"),
	UNBUILT_UINT("maxEntrySizeMb", NULL, "MiB", "largest result that is kept"),
	END
};
static const struct qf_section group_cache_section = { .items = group_cache_items, .place = QF_NOWHERE,
	.name = QF_NOWHERE };

static const struct qf_item authorization_items[] = {
	{ .key = "allowUsers", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_group, allow_users, n_allow_users), .reload = LIVE,
	  .help = "users who may use the group" },
	{ .key = "allowGroups", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_group, allow_groups, n_allow_groups), .reload = LIVE,
	  .help = "groups of users (auth.staticUsers.users.*.groups) who may" },
	END
};

static int authorization_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	struct qf_conf_group *g = base;

	g->restricted = node != NULL;
	if (g->restricted && g->n_allow_users == 0 && g->n_allow_groups == 0)
		qf_loader_warn(ld, path->node->key_place, "%s allows nobody: the group's queries are refused",
			qf_path_text(ld, path));
	return 0;
}

static const struct qf_section authorization_section = { .items = authorization_items, .place = QF_NOWHERE,
	.name = QF_NOWHERE, .check = authorization_check };

static const struct qf_item group_items[] = {
	{ .key = "enabled", .kind = QF_ITEM_BOOL, AT(qf_conf_group, enabled), .dflt = "true", .reload = LIVE,
	  .help = "false: no rule routes to it" },
	{ .key = "members", .kind = QF_ITEM_MEMBERS, .flags = QF_ITEM_REQUIRED,
	  AT_LIST(qf_conf_group, members, n_members), .reload = LIVE,
	  .help = "the clusters that run its queries, in order" },
	{ .key = "maxRunningQueries", .kind = QF_ITEM_UINT, .flags = QF_ITEM_REQUIRED, AT(qf_conf_group, max_running),
	  .min = 1, .max = 100000, .unit = "queries", .reload = LIVE,
	  .help = "queries that run at once in the whole group; others wait in order" },
	{ .key = "maxQueuedQueries", .kind = QF_ITEM_UINT, AT(qf_conf_group, max_queued), .min = 1, .max = 1000000,
	  .unit = "queries", .reload = LIVE, .help = "longest queue; without it there is no limit" },
	{ .key = "capacityWaitTimeoutSecs", .kind = QF_ITEM_UINT, AT(qf_conf_group, capacity_wait_ns), .min = 1,
	  .max = 86400, .scale = QF_SEC, .dflt = "300", .unit = "seconds", .reload = LIVE,
	  .help = "longest wait in the queue" },
	{ .key = "queryTimeoutSecs", .kind = QF_ITEM_UINT, AT(qf_conf_group, query_timeout_ns), .max = 604800,
	  .scale = QF_SEC, .dflt = "0", .unit = "seconds", .reload = LIVE,
	  .help = "longest run of a query; 0 = no limit" },
	{ .key = "strategy", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &strategy_section,
	  .help = "how a member is picked; without it roundRobin" },
	{ .key = "instance", .kind = QF_ITEM_NAME, AT(qf_conf_group, instance), .dflt = "0", .reload = RESTART,
	  .help = "the qf-dispatch instance that owns it; one of its own keeps a crash of its engine from the others" },
	UNBUILT("defaultTags", QF_ITEM_TAGS, .help = "tags that every query of the group gets"),
	UNBUILT("cache", QF_ITEM_SECTION, .sub = &group_cache_section, .help = "keeps results"),
	{ .key = "authorization", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &authorization_section,
	  .help = "who may use the group; without it everybody" },
	SECURITY("guardrails", QF_ITEM_ANY, "checks of every statement for the group"),
	END
};

static int group_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_group *g = base;
	size_t usable = 0;

	if (g->n_members == 0)
		return qf_loader_fail(ld, qf_node_get(node, "members")->place,
			"%s has no members; name at least one cluster", qf_path_text(ld, path));
	for (size_t i = 0; i < g->n_members; i++)
		usable += g->members[i]->enabled;
	if (usable == 0 && g->enabled)
		qf_loader_warn(ld, g->place, "%s: all its members are disabled: its queries are refused",
			qf_path_text(ld, path));
	return 0;
}

const struct qf_section qf_schema_group = { .items = group_items, .size = sizeof(struct qf_conf_group),
	.place = offsetof(struct qf_conf_group, place), .name = offsetof(struct qf_conf_group, name),
	.check = group_check };
