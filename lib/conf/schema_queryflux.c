/* The section queryflux: listeners, limits, persistence, the admin API. */
#include <arpa/inet.h>
#include <string.h>

#include "items.h"

#define FRONTEND_ITEMS(port_, enabled_help) \
	{ .key = "enabled", .kind = QF_ITEM_BOOL, AT(qf_conf_frontend, enabled), .dflt = "true", .reload = RESTART, \
	  .help = enabled_help }, \
	{ .key = "port", .kind = QF_ITEM_UINT, AT(qf_conf_frontend, port), .min = 1, .max = 65535, .dflt = (port_), \
	  .reload = RESTART, .help = "TCP port; a busy one that is written here is an error, a busy default moves up " \
	  "by 10000 under qf-admin up" }, \
	{ .key = "address", .kind = QF_ITEM_TEXT, AT(qf_conf_frontend, address), .dflt = "127.0.0.1", \
	  .reload = RESTART, .help = "IP address to listen on, or localhost" }, \
	{ .key = "insecure", .kind = QF_ITEM_BOOL, AT(qf_conf_frontend, insecure), .dflt = "false", .reload = RESTART, \
	  .help = "allows an address other than loopback although clients are not authenticated" }

static const char *const tls_modes[] = { "off", "allow", "require", NULL };

#define CLIENT_ITEMS(port_) \
	FRONTEND_ITEMS(port_, "listens for clients of this protocol"), \
	{ .key = "tls", .kind = QF_ITEM_ENUM, AT(qf_conf_frontend, tls), .names = tls_modes, .reload = LIVE, \
	  .help = "whether clients may or must encrypt; without it off, and allow where queryflux.tls has a certificate. " \
	  "require refuses what is not encrypted, but for Unix sockets" }, \
	{ .key = "trustedProxies", .kind = QF_ITEM_TEXTS, \
	  AT_LIST(qf_conf_frontend, trusted_proxies, n_trusted_proxies), .reload = LIVE, \
	  .help = "networks (10.0.0.0/8) of load balancers: connections from there must begin with a PROXY header, version " \
	  "2, which names the client" }, \
	{ .key = "maxConnections", .kind = QF_ITEM_UINT, AT(qf_conf_frontend, max_connections), .max = 1000000, \
	  .dflt = "0", .unit = "connections", .reload = LIVE, \
	  .help = "clients at once; 0 is the built-in limit of 10000" }

static const struct qf_item trino_items[] = {
	CLIENT_ITEMS("8080"),
	{ .key = "abandonTimeoutSecs", .kind = QF_ITEM_UINT, AT(qf_conf_frontend, abandon_ns), .min = 1, .max = 86400,
	  .scale = QF_SEC, .dflt = "300", .unit = "seconds", .reload = LIVE,
	  .help = "a query whose client does not ask for its next page for so long is cancelled" },
	END
};
static const struct qf_item postgres_items[] = {
	CLIENT_ITEMS("5432"),
	{ .key = "socketDirectory", .kind = QF_ITEM_TEXT, AT(qf_conf_frontend, socket_dir), .reload = RESTART,
	  .help = "directory of a Unix socket .s.PGSQL.PORT beside the TCP port; without it there is none" },
	END
};
static const struct qf_item mysql_items[] = { CLIENT_ITEMS("3306"), END };
static const struct qf_item flight_items[] = { CLIENT_ITEMS("50051"), END };
static const struct qf_item clickhouse_items[] = { CLIENT_ITEMS("8123"), END };
static const struct qf_item rest_items[] = { CLIENT_ITEMS("8000"), END };
static const struct qf_item admin_items[] = {
	FRONTEND_ITEMS("9000", "listens for operators and monitoring"),
	UNBUILT_TEXT("username", "admin", "bootstrap user of the admin API; until it is built, keep the address on "
		"loopback"),
	UNBUILT_TEXT("password", "admin", "bootstrap password of the admin API; until it is built, keep the address on "
		"loopback"),
	UNBUILT("corsAllowedOrigins", QF_ITEM_TEXTS, .help = "origins that browsers may call the admin API from"),
	END
};

/* A frontend that the file does not name: on for Trino, as in the original; all that are built by default. */
static int frontend_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	struct qf_conf_frontend *fe = base;
	const struct qf_node *at = qf_node_get(node, "address");
	bool admin = strcmp(path->key, "adminApi") == 0;
	enum qf_frontend kind = QF_FE_TRINO;
	struct in6_addr scratch;

	qf_assert(fe != NULL && (admin || qf_frontend_find(path->key, &kind) == 0));
	fe->port_set = qf_node_get(node, "port") != NULL;
	if (qf_node_get(node, "tls") == NULL && !admin && ld->conf->tls.cert_file != NULL)
		fe->tls = QF_TLS_ALLOW;
	if (fe->tls != QF_TLS_OFF && ld->conf->tls.cert_file == NULL)
		return qf_loader_fail(ld, qf_node_get(node, "tls")->place,
			"%s.tls needs a certificate: write queryflux.tls with certFile and keyFile", qf_path_text(ld, path));
	for (size_t i = 0; i < fe->n_trusted_proxies; i++)
		if (!qf_conf_is_network(fe->trusted_proxies[i]))
			return qf_loader_fail(ld, qf_node_get(node, "trustedProxies")->place,
				"%s.trustedProxies: \"%.60s\" is no network; write one as 10.0.0.0/8, fd00::/8 or 192.0.2.7",
				qf_path_text(ld, path), fe->trusted_proxies[i]);
	if (fe->socket_dir != NULL && (fe->socket_dir[0] != '/' || strlen(fe->socket_dir) > 80))
		return qf_loader_fail(ld, qf_node_get(node, "socketDirectory")->place,
			"%s.socketDirectory must be an absolute path of at most 80 bytes", qf_path_text(ld, path));
	if (node == NULL && path->node == NULL && !admin)
		fe->enabled = ld->embedded ? qf_frontend_built(kind) : kind == QF_FE_TRINO;
	if (strcmp(fe->address, "localhost") == 0)
		fe->address = "127.0.0.1";
	if (inet_pton(AF_INET, fe->address, &scratch) != 1 && inet_pton(AF_INET6, fe->address, &scratch) != 1)
		return qf_loader_fail(ld, at->place, "%s.address must be an IP address or localhost, not \"%.60s\"",
			qf_path_text(ld, path), fe->address);
	return 0;
}

#define FRONTEND_SECTION(items_) \
	{ .items = (items_), .size = sizeof(struct qf_conf_frontend), \
	  .place = offsetof(struct qf_conf_frontend, place), .name = QF_NOWHERE, .check = frontend_check }

static const struct qf_section trino_section = FRONTEND_SECTION(trino_items);
static const struct qf_section postgres_section = FRONTEND_SECTION(postgres_items);
static const struct qf_section mysql_section = FRONTEND_SECTION(mysql_items);
static const struct qf_section flight_section = FRONTEND_SECTION(flight_items);
static const struct qf_section clickhouse_section = FRONTEND_SECTION(clickhouse_items);
static const struct qf_section rest_section = FRONTEND_SECTION(rest_items);
static const struct qf_section admin_section = FRONTEND_SECTION(admin_items);

static const struct qf_item snowflake_items[] = {
	UNBUILT_BOOL("enabled", "true", "listens for clients of this protocol"),
	UNBUILT_UINT("port", NULL, NULL, "TCP port"),
	UNBUILT_UINT("maxConnections", NULL, "connections", "clients at once"),
	UNBUILT_BOOL("sessionAffinityAcknowledged", "false", "the load balancer keeps a session on one process"),
	UNBUILT_UINT("sessionMaxAgeSecs", "86400", "seconds", "longest life of a session"),
	UNBUILT_UINT("sessionIdleTimeoutSecs", "14400", "seconds", "longest idle time of a session"),
	END
};
static const struct qf_item mcp_items[] = {
	UNBUILT_BOOL("enabled", "true", "listens for clients of this protocol"),
	UNBUILT_UINT("port", NULL, NULL, "TCP port"),
	UNBUILT_UINT("maxConnections", NULL, "connections", "clients at once"),
	END
};
static const struct qf_section snowflake_section = { .items = snowflake_items, .place = QF_NOWHERE,
	.name = QF_NOWHERE };
static const struct qf_section mcp_section = { .items = mcp_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

#define FRONTEND(k, fe, sec, h) \
	{ .key = (k), .kind = QF_ITEM_SECTION, AT(qf_conf, frontends[fe]), .sub = &(sec), .help = (h) }

static const struct qf_item frontends_items[] = {
	FRONTEND("trinoHttp", QF_FE_TRINO, trino_section, "clients of Trino's HTTP protocol"),
	FRONTEND("postgresWire", QF_FE_POSTGRES, postgres_section, "clients of PostgreSQL's wire protocol"),
	FRONTEND("mysqlWire", QF_FE_MYSQL, mysql_section, "clients of MySQL's wire protocol"),
	FRONTEND("flightSql", QF_FE_FLIGHT, flight_section, "clients of Arrow Flight SQL"),
	FRONTEND("clickhouseHttp", QF_FE_CLICKHOUSE, clickhouse_section, "clients of ClickHouse's HTTP protocol"),
	FRONTEND("restHttp", QF_FE_REST, rest_section, "clients of plain HTTP with JSON"),
	UNBUILT("snowflakeHttp", QF_ITEM_SECTION, .sub = &snowflake_section, .help = "clients of Snowflake's protocol"),
	UNBUILT("mcp", QF_ITEM_SECTION, .sub = &mcp_section, .help = "agents over the Model Context Protocol"),
	END
};
static const struct qf_section frontends_section = { .items = frontends_items, .place = QF_NOWHERE,
	.name = QF_NOWHERE };

static const char *const tls_versions[] = { "1.2", "1.3", NULL };
static const struct qf_item tls_items[] = {
	{ .key = "certFile", .kind = QF_ITEM_TEXT, AT(qf_conf_tls, cert_file), .reload = LIVE,
	  .help = "PEM file with the certificate and those between it and its authority; a name without / is looked for in "
	  "$CREDENTIALS_DIRECTORY; read again with each reload" },
	{ .key = "keyFile", .kind = QF_ITEM_TEXT, AT(qf_conf_tls, key_file), .reload = LIVE,
	  .help = "PEM file with its key, without a passphrase, read by qf-listen alone; found as certFile" },
	{ .key = "clientCaFile", .kind = QF_ITEM_TEXT, AT(qf_conf_tls, client_ca_file), .reload = LIVE,
	  .help = "PEM file with the authorities of clients' certificates; without it clients are asked for none" },
	{ .key = "minVersion", .kind = QF_ITEM_ENUM, AT(qf_conf_tls, min_version), .names = tls_versions, .dflt = "1.2",
	  .reload = LIVE, .help = "oldest version of TLS that is spoken" },
	END
};

static int tls_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_tls *tls = base;

	if (node != NULL && (tls->cert_file == NULL || tls->key_file == NULL))
		return qf_loader_fail(ld, path->node->key_place, "%s needs both certFile and keyFile",
			qf_path_text(ld, path));
	return 0;
}

static const struct qf_section tls_section = { .items = tls_items, .size = sizeof(struct qf_conf_tls),
	.place = offsetof(struct qf_conf_tls, place), .name = QF_NOWHERE, .check = tls_check };

static const char *const persistence_types[] = { "inMemory", "postgres", "redis", NULL };
static const struct qf_item persistence_items[] = {
	{ .key = "type", .kind = QF_ITEM_ENUM, .offset = QF_NOWHERE, .names = persistence_types, .built_names = 1,
	  .dflt = "inMemory", .reload = RESTART, .help = "where history and shared state are kept" },
	{ .key = "inMemory", .kind = QF_ITEM_ANY, .offset = QF_NOWHERE, .reload = RESTART,
	  .help = "another way to write type: inMemory" },
	UNBUILT_ANY("postgres", "keeps state in PostgreSQL: databaseUrl"),
	UNBUILT_ANY("redis", "keeps state in Redis"),
	UNBUILT_TEXT("url", NULL, "connection URL"),
	UNBUILT_TEXT("databaseUrl", NULL, "connection URL"),
	UNBUILT_TEXT("host", NULL, "server"),
	UNBUILT_UINT("port", "5432", NULL, "port of the server"),
	UNBUILT_TEXT("user", NULL, "user"),
	UNBUILT_TEXT("password", NULL, "password"),
	UNBUILT_TEXT("database", NULL, "database"),
	UNBUILT_UINT("poolSize", "10", "connections", "connections in all"),
	UNBUILT_UINT("queryPoolSize", "6", "connections", "connections for queries"),
	UNBUILT_UINT("coordinationPoolSize", "2", "connections", "connections for coordination"),
	UNBUILT_UINT("adminPoolSize", "2", "connections", "connections for the admin API"),
	UNBUILT_UINT("acquireTimeoutSecs", "30", "seconds", "longest wait for a connection"),
	UNBUILT_UINT("statementTimeoutSecs", "60", "seconds", "longest statement"),
	UNBUILT_BOOL("autoMigrate", "true", "brings the tables up to date at the start"),
	END
};
static const struct qf_section persistence_section = { .items = persistence_items, .place = QF_NOWHERE,
	.name = QF_NOWHERE };

static const struct qf_item metrics_items[] = {
	UNBUILT("tagsDenyList", QF_ITEM_TEXTS, .help = "tag keys that make no metric label"),
	END
};
static const struct qf_section metrics_section = { .items = metrics_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

static const char *const cache_compressions[] = { "lz4", "zstd", "none", NULL };
static const struct qf_item cache_items[] = {
	UNBUILT_TEXT("scheme", "fs", "kind of storage"),
	UNBUILT("options", QF_ITEM_TAGS, .help = "options of the storage"),
	UNBUILT("compression", QF_ITEM_ENUM, .names = cache_compressions, .help = "how results are packed"),
	UNBUILT_UINT("cleanupIntervalSecs", "300", "seconds", "time between removals of what expired"),
	END
};
static const struct qf_section cache_section = { .items = cache_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

#define SECONDS(k, m, lo, hi, d, h) \
	{ .key = (k), .kind = QF_ITEM_UINT, AT(qf_conf, m), .min = (lo), .max = (hi), .scale = QF_SEC, .dflt = (d), \
	  .unit = "seconds", .reload = LIVE, .help = (h) }

static const struct qf_item queryflux_items[] = {
	{ .key = "externalAddress", .kind = QF_ITEM_TEXT, AT(qf_conf, external_address), .reload = LIVE,
	  .help = "URL under which clients reach this service; written into the links that Trino clients follow" },
	{ .key = "tls", .kind = QF_ITEM_SECTION, AT(qf_conf, tls), .sub = &tls_section,
	  .help = "the certificate that clients of all frontends see" },
	{ .key = "frontends", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &frontends_section,
	  .help = "client protocols; those that are not named are off, except trinoHttp" },
	{ .key = "adminApi", .kind = QF_ITEM_SECTION, AT(qf_conf, admin), .sub = &admin_section,
	  .help = "health, metrics and the admin API" },
	{ .key = "persistence", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &persistence_section,
	  .help = "where history and shared state are kept" },
	{ .key = "maxStatementBytes", .kind = QF_ITEM_UINT, AT(qf_conf, max_statement_bytes), .min = 1024,
	  .max = 16 * 1024 * 1024, .dflt = "16777216", .unit = "bytes", .reload = LIVE,
	  .help = "longest statement; a longer one is refused (SQLSTATE 54000)" },
	{ .key = "streamBudgetBytes", .kind = QF_ITEM_UINT, AT(qf_conf, stream_budget_bytes), .min = 1024 * 1024,
	  .max = 64ull * 1024 * 1024 * 1024, .dflt = "67108864", .unit = "bytes", .reload = RESTART,
	  .help = "rows on their way to clients that one program holds in memory" },
	SECONDS("clientStallTimeoutSecs", client_stall_ns, 1, 86400, "300",
		"a client that takes no byte for so long is cancelled (30 s while its group has a queue)"),
	SECONDS("idleInTransactionTimeoutSecs", idle_in_transaction_ns, 1, 86400, "60",
		"a transaction that is idle for so long is rolled back, because it holds a slot"),
	SECONDS("ringTimeoutSecs", ring_timeout_ns, 1, 600, "10",
		"longest wait for a program that is silent or restarting"),
	SECONDS("shutdownDrainTimeoutSecs", shutdown_drain_ns, 0, 3600, "30",
		"longest wait for running queries when a program is stopped"),
	UNBUILT_UINT("configReloadIntervalSecs", "30", "seconds",
		"time between looks at the configuration store; 0 = never"),
	UNBUILT_UINT("queryHistoryRetentionDays", NULL, "days", "how long history is kept"),
	UNBUILT("metrics", QF_ITEM_SECTION, .sub = &metrics_section, .help = "what metrics show"),
	UNBUILT_BOOL("distributed", NULL, "shares limits with other machines"),
	UNBUILT_TEXT("otlpEndpoint", NULL, "where traces are sent"),
	UNBUILT("cacheBackend", QF_ITEM_SECTION, .sub = &cache_section, .help = "storage of the result cache"),
	END
};

static int queryflux_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf *c = base;
	const struct qf_node *at = qf_node_get(node, "externalAddress");

	if (c->external_address != NULL && strncmp(c->external_address, "http://", 7) != 0 &&
		strncmp(c->external_address, "https://", 8) != 0)
		return qf_loader_fail(ld, at->place,
			"%s.externalAddress must begin with http:// or https://, not \"%.60s\"", qf_path_text(ld, path),
			c->external_address);
	return 0;
}

const struct qf_section qf_schema_queryflux = { .items = queryflux_items, .place = QF_NOWHERE, .name = QF_NOWHERE,
	.check = queryflux_check };
