/* The configuration: good files give the right model, warnings and id. Runs at the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/conf.h"

#define CLUSTER "clusters:\n  duck: { engine: duckDb }\n"
#define GROUP CLUSTER "clusterGroups:\n  gold: { members: [duck], maxRunningQueries: 2 }\n"

static struct qf_conf *load(const char *yaml)
{
	struct qf_conf *c = NULL;
	struct qf_err err;

	if (qf_conf_parse(&c, qf_slice_str(yaml), "q.yaml", &err) != 0)
		fail_msg("%s", err.text);
	return c;
}

static const struct {
	const char *name, *yaml;
	const char *warnings; /* "line:column text" lines that must be the only ones; each is a start */
} warned[] = {
	{ "clean", "queryflux: { frontends: { postgresWire: {} } }\n" GROUP "routingFallback: gold\n", "" },
	{ "switched off",
		"queryflux:\n  frontends: { postgresWire: {}, mcp: { enabled: false },"
		" mysqlWire: { enabled: false } }\n"
		GROUP "routingFallback: gold\nauth: { provider: none, required: false }\nauthorization: {}\n"
		"guardrails: []\naccessControl: { enabled: false }\ncatalogProvider: {}\n", "" },
	{ "both forms of memory",
		"queryflux: { frontends: { postgresWire: {} }, persistence: { inMemory: {} } }\n" GROUP
		"routingFallback: gold\n", "" },
	{ "type: inMemory", "queryflux: { frontends: { postgresWire: {} }, persistence: { type: inMemory } }\n" GROUP
		"routingFallback: gold\n", "" },
	{ "nothing listens, nothing routes", "queryflux: { frontends: { trinoHttp: { enabled: false } } }\n",
		"1:1 no frontend that is built is enabled\n1:1 there is no group in clusterGroups\n" },
	{ "no way out", "queryflux: { frontends: { postgresWire: {} } }\n" GROUP,
		"1:1 there are neither routers nor a routingFallback\n" },
	{ "frontends to come",
		"queryflux:\n  frontends:\n    postgresWire: {}\n    mysqlWire: {}\n    mcp: { port: 8811 }\n" GROUP
		"routingFallback: gold\n",
		"4:5 queryflux.frontends.mysqlWire is known but not built yet\n"
		"5:5 queryflux.frontends.mcp is known but not built yet\n" },
	{ "engines to come", "queryflux: { frontends: { postgresWire: {} } }\nclusters:\n"
		"  t: { engine: trino, endpoint: \"http://t\", threads: 2 }\nclusterGroups:\n"
		"  g: { members: [t], maxRunningQueries: 1 }\nroutingFallback: g\n",
		"3:16 clusters.t: the engine trino is known but not built yet: queries for it are refused\n"
		"3:45 clusters.t.threads is not used by the engine trino\n" },
	{ "strategies to come", "queryflux: { frontends: { postgresWire: {} } }\n" CLUSTER "clusterGroups:\n"
		"  g: { members: [duck], maxRunningQueries: 1, strategy: { type: weighted, weights: { duck: 1 } } }\n"
		"routingFallback: g\n",
		"5:65 clusterGroups.g.strategy.type: weighted is known but not built yet: roundRobin is used\n"
		"5:75 clusterGroups.g.strategy.weights is known but not built yet\n" },
	{ "stores to come",
		"queryflux: { frontends: { postgresWire: {} }, persistence: { type: postgres,"
		" url: \"postgres://x\" } }\n"
		GROUP "routingFallback: gold\n",
		"1:68 queryflux.persistence.type: postgres is known but not built yet: inMemory is used\n"
		"1:78 queryflux.persistence.url is known but not built yet\n" },
	{ "everyone is disabled",
		"queryflux: { frontends: { postgresWire: {} } }\nclusters:\n  a: { engine: duckDb, enabled: false }\n"
		"clusterGroups:\n  g: { members: [a], maxRunningQueries: 1 }\n"
		"  h: { enabled: false, members: [a], maxRunningQueries: 1 }\n"
		"routingFallback: h\n",
		"5:3 clusterGroups.g: all its members are disabled\n"
		"6:3 routingFallback names clusterGroups.h, which is disabled\n" },
};

static void known_but_not_built_is_a_warning(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(warned) / sizeof(warned[0]); i++) {
		struct qf_conf *c = load(warned[i].yaml);
		const char *want = warned[i].warnings;
		size_t n = 0;
		bool same = true;

		for (; *want != '\0' && same && n < c->n_warnings; n++) {
			char line[400];
			size_t len = strcspn(want, "\n");

			snprintf(line, sizeof(line), "%u:%u %s", c->warnings[n].place.line, c->warnings[n].place.column,
				c->warnings[n].text);
			same = strncmp(line, want, len) == 0;
			want += len + 1;
		}
		if (!same || *want != '\0' || n != c->n_warnings) {
			failed++;
			print_error("%s:\n", warned[i].name);
			for (n = 0; n < c->n_warnings; n++)
				print_error("  %u:%u %s\n", c->warnings[n].place.line, c->warnings[n].place.column,
					c->warnings[n].text);
		}
		qf_conf_free(c);
	}
	assert_int_equal(failed, 0);
}

static void the_example_of_the_design_loads_unchanged(void **state)
{
	struct qf_conf *c = NULL;
	struct qf_err err;

	(void)state;
	if (qf_conf_load(&c, "tests/fuzz/corpus/conf/example.yaml", &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(c->external_address, "http://localhost:8080");
	assert_int_equal(c->n_clusters, 2);
	assert_int_equal(qf_conf_cluster(c, "trino-1")->engine, QF_ENGINE_TRINO);
	assert_string_equal(qf_conf_cluster(c, "duckdb-1")->database_path, "/data/analytics.duckdb");
	assert_int_equal(qf_conf_group(c, "trino-default")->max_running, 100);
	assert_ptr_equal(qf_conf_group(c, "duckdb-local")->members[0], qf_conf_cluster(c, "duckdb-1"));
	assert_false(c->error_on_unsupported);
	assert_int_equal(c->n_routers, 3);
	assert_ptr_equal(c->routers[0].by_protocol[QF_FE_TRINO], qf_conf_group(c, "trino-default"));
	assert_string_equal(c->routers[1].header_name, "X-Target-Engine");
	assert_string_equal(c->routers[1].targets[0].value, "duckdb");
	assert_int_equal(c->routers[2].type, QF_ROUTER_PYTHON);
	assert_string_equal(c->fallback->name, "duckdb-local");
	assert_null(qf_conf_group(c, "none"));
	qf_conf_free(c);
}

static void the_shipped_file_loads_without_a_warning(void **state)
{
	struct qf_conf *c = NULL;
	struct qf_err err;

	(void)state;
	if (qf_conf_load(&c, "systemd/queryflux.yaml", &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < c->n_warnings; i++)
		print_error("%u:%u %s\n", c->warnings[i].place.line, c->warnings[i].place.column, c->warnings[i].text);
	assert_int_equal(c->n_warnings, 0);
	assert_true(c->frontends[QF_FE_POSTGRES].enabled);
	assert_string_equal(c->path, "systemd/queryflux.yaml");
	qf_conf_free(c);
}

static void the_embedded_default_runs_what_is_built(void **state)
{
	struct qf_conf *c = NULL;
	struct qf_err err;

	(void)state;
	setenv("QF_STATE_DIR", "/srv/state", 1);
	if (qf_conf_load(&c, NULL, &err) != 0)
		fail_msg("%s", err.text);
	assert_null(c->path);
	assert_int_equal(c->n_warnings, 0);
	for (int i = 0; i < QF_FE_N; i++)
		assert_int_equal(c->frontends[i].enabled, qf_frontend_built((enum qf_frontend)i));
	assert_string_equal(c->clusters[0].name, "duckdb");
	assert_string_equal(c->clusters[0].database_path, "/srv/state/queryflux.duckdb");
	assert_non_null(strstr(c->clusters[0].init_sql, "CREATE TABLE IF NOT EXISTS events AS"));
	assert_int_equal(c->groups[0].max_running, 8);
	assert_string_equal(c->fallback->name, "default");
	qf_conf_free(c);
}

static void the_state_directory_is_found(void **state)
{
	struct qf_conf *c = NULL;

	(void)state;
	unsetenv("QF_STATE_DIR");
	setenv("HOME", "/home/x", 1);
	unsetenv("XDG_STATE_HOME");
	c = load("queryflux: {}\n");
	assert_true(strcmp(c->state_dir, "/home/x/.local/state/queryflux") == 0 ||
		strcmp(c->state_dir, "/var/lib/queryflux") == 0);
	qf_conf_free(c);
	setenv("QF_STATE_DIR", "/srv/a", 1);
	c = load("queryflux: {}\n");
	assert_string_equal(c->state_dir, "/srv/a");
	qf_conf_free(c);
}

static void defaults_and_units_are_applied(void **state)
{
	struct qf_conf *c = load(GROUP);
	const struct qf_conf_group *g = qf_conf_group(c, "gold");

	(void)state;
	assert_int_equal(c->max_statement_bytes, 16 * 1024 * 1024);
	assert_int_equal(c->stream_budget_bytes, 64 * 1024 * 1024);
	assert_int_equal(c->client_stall_ns, 300 * QF_SEC);
	assert_int_equal(c->idle_in_transaction_ns, 60 * QF_SEC);
	assert_int_equal(c->ring_timeout_ns, 10 * QF_SEC);
	assert_int_equal(c->shutdown_drain_ns, 30 * QF_SEC);
	assert_true(c->error_on_unsupported);
	assert_int_equal(c->on_failure, QF_ON_FAILURE_ERROR);
	assert_int_equal(c->translate_workers, 2);
	assert_int_equal(c->translate_deadline_ns, 5 * QF_SEC);
	assert_int_equal(c->admin.port, 9000);
	assert_true(c->admin.enabled);
	assert_false(c->admin.port_set);
	assert_string_equal(c->frontends[QF_FE_POSTGRES].address, "127.0.0.1");
	assert_int_equal(c->frontends[QF_FE_POSTGRES].port, 5432);
	assert_false(c->frontends[QF_FE_POSTGRES].enabled);
	assert_true(g->enabled);
	assert_int_equal(g->max_queued, 0);
	assert_int_equal(g->capacity_wait_ns, 300 * QF_SEC);
	assert_int_equal(g->query_timeout_ns, 0);
	assert_int_equal(g->strategy, QF_STRATEGY_ROUND_ROBIN);
	assert_string_equal(g->instance, "0");
	assert_null(qf_conf_cluster(c, "duck")->database_path);
	assert_null(c->fallback);
	assert_false(c->judges);
	assert_false(c->reads_text);
	qf_conf_free(c);
}

static void every_value_reaches_the_model(void **state)
{
	struct qf_conf *c;
	const struct qf_conf_cluster *cl;
	const struct qf_conf_router *r;

	(void)state;
	setenv("QF_TEST_PORT", "6000", 1);
	setenv("QF_TEST_NUMBER", "007", 1);
	c = load("queryflux:\n"
		 "  frontends: { postgresWire: { port: \"${QF_TEST_PORT}\", address: localhost, maxConnections: 7 } }\n"
		 "  adminApi: { enabled: false, port: 1 }\n"
		 "  idleInTransactionTimeoutSecs: 5\n"
		 "clusters:\n"
		 "  d:\n"
		 "    engine: duckDb\n"
		 "    databasePath: ${QF_NOT_SET:-/tmp/a:-b}/$${x}/${QF_TEST_NUMBER}\n"
		 "    memoryLimit: 1GB\n"
		 "    threads: 3\n"
		 "    allowedDirectories: [/a, /b]\n"
		 "    maxRunningQueries: 9\n"
		 "  f: { engine: fake, script: x, enabled: false }\n"
		 "clusterGroups:\n"
		 "  g: { members: [f, d], maxRunningQueries: 4, maxQueuedQueries: 5, capacityWaitTimeoutSecs: 6,\n"
		 "       queryTimeoutSecs: 7, strategy: { type: failover }, instance: two, enabled: false }\n"
		 "routers:\n"
		 "- type: queryRegex\n"
		 "  rules:\n"
		 "  - { regex: a, targetGroup: g }\n"
		 "  - { regex: b, action: deny, error: never }\n"
		 "  - { regex: c, action: deny }\n"
		 "- type: tags\n"
		 "  rules: [{ tags: { z: null, a: \"1\" }, targetGroup: g }]\n"
		 "- type: compound\n"
		 "  combine: any\n"
		 "  conditions:\n"
		 "  - { type: protocol, protocol: trino }\n"
		 "  - { type: header, headerName: X, headerValue: y }\n"
		 "  - { type: user, username: u }\n"
		 "  - { type: clientTag, tag: \"team:eng\" }\n"
		 "  - { type: clientTag, tag: batch }\n"
		 "  - { type: queryRegex, regex: q }\n"
		 "  targetGroup: g\n"
		 "- { type: userGroup, userToGroup: { z: g, a: g } }\n"
		 "translation: { onFailure: passthrough, workers: 3, deadlineMs: 100 }\n");
	assert_int_equal(c->frontends[QF_FE_POSTGRES].port, 6000);
	assert_true(c->frontends[QF_FE_POSTGRES].port_set);
	assert_string_equal(c->frontends[QF_FE_POSTGRES].address, "127.0.0.1");
	assert_int_equal(c->frontends[QF_FE_POSTGRES].max_connections, 7);
	assert_int_equal(c->frontends[QF_FE_POSTGRES].place.line, 2);
	assert_false(c->admin.enabled);
	assert_int_equal(c->idle_in_transaction_ns, 5 * QF_SEC);
	cl = qf_conf_cluster(c, "d");
	assert_string_equal(cl->database_path, "/tmp/a:-b/${x}/007");
	assert_string_equal(cl->memory_limit, "1GB");
	assert_int_equal(cl->threads, 3);
	assert_int_equal(cl->n_allowed_directories, 2);
	assert_string_equal(cl->allowed_directories[1], "/b");
	assert_int_equal(cl->max_running, 9);
	assert_string_equal(qf_conf_cluster(c, "f")->script, "x");
	assert_false(qf_conf_cluster(c, "f")->enabled);
	assert_int_equal(c->groups[0].n_members, 2);
	assert_ptr_equal(c->groups[0].members[1], cl);
	assert_int_equal(c->groups[0].max_queued, 5);
	assert_int_equal(c->groups[0].capacity_wait_ns, 6 * QF_SEC);
	assert_int_equal(c->groups[0].query_timeout_ns, 7 * QF_SEC);
	assert_int_equal(c->groups[0].strategy, QF_STRATEGY_FAILOVER);
	assert_string_equal(c->groups[0].instance, "two");
	assert_false(c->groups[0].enabled);
	r = c->routers;
	assert_int_equal(r[0].n_regexes, 3);
	assert_false(r[0].regexes[0].deny);
	assert_ptr_equal(r[0].regexes[0].group, &c->groups[0]);
	assert_string_equal(r[0].regexes[1].message, "never");
	assert_string_equal(r[0].regexes[2].message, "this statement is not allowed here");
	assert_int_equal(r[0].regexes[2].place.line, 22);
	assert_true(c->judges);
	assert_true(c->reads_text);
	assert_int_equal(r[1].tags[0].n_tags, 2);
	assert_string_equal(r[1].tags[0].tags[0].key, "a");
	assert_string_equal(r[1].tags[0].tags[0].value, "1");
	assert_null(r[1].tags[0].tags[1].value);
	assert_true(r[2].any);
	assert_int_equal(r[2].n_conditions, 6);
	assert_int_equal(r[2].conditions[0].protocol, QF_FE_TRINO);
	assert_string_equal(r[2].conditions[1].value, "y");
	assert_string_equal(r[2].conditions[2].value, "u");
	assert_string_equal(r[2].conditions[3].name, "team");
	assert_string_equal(r[2].conditions[3].value, "eng");
	assert_null(r[2].conditions[4].value);
	assert_string_equal(r[2].conditions[5].pattern, "q");
	assert_string_equal(r[3].targets[0].value, "a");
	assert_int_equal(c->on_failure, QF_ON_FAILURE_PASSTHROUGH);
	assert_int_equal(c->translate_workers, 3);
	assert_int_equal(c->translate_deadline_ns, 100 * QF_MS);
	qf_conf_free(c);
}

static uint64_t id_of(const char *yaml)
{
	struct qf_conf *c = load(yaml);
	uint64_t id = c->id;

	qf_conf_free(c);
	return id;
}

#define ID_FRONT "queryflux: { maxStatementBytes: 4096, frontends: { postgresWire: { port: 5000 } } }\n"
#define ID_BACK \
	"clusters:\n  a: { engine: duckDb }\n  b: { engine: fake, threads: 2 }\n" \
	"clusterGroups:\n  g: { members: [a, b], maxRunningQueries: 2 }\n" \
	"  h: { members: [b], maxRunningQueries: 3 }\n" \
	"routers:\n- { type: header, headerName: X, headerValueToGroup: { v: g, w: h } }\n" \
	"- { type: tags, rules: [{ tags: { t: u, k: null }, targetGroup: g }] }\n"

static void the_id_is_of_the_model_not_of_the_text(void **state)
{
	const char *base = ID_FRONT ID_BACK;
	uint64_t id = id_of(base);

	(void)state;
	assert_int_equal(id_of("# a comment\n" ID_BACK "\n" ID_FRONT), id);
	assert_int_equal(id_of("queryflux: { \"frontends\": { postgresWire: { enabled: true, port: 5000 } },\n"
			       "  maxStatementBytes: 4096, adminApi: {} }\n"
			       "clusters:\n  b: { threads: 2, engine: \"fake\" }\n  a:\n    engine: duckDb\n"
			       "clusterGroups:\n  h: { maxRunningQueries: 3, members: [b] }\n"
			       "  g: { members: [a, b], maxRunningQueries: 2, capacityWaitTimeoutSecs: 300 }\n"
			       "routers:\n- { headerValueToGroup: { w: h, v: g }, type: header, headerName: X }\n"
			       "- { type: tags, rules: [{ targetGroup: g, tags: { k: null, t: u } }] }\n"),
		id);
}

/* One edit each: what changes what the toolkit does changes the id. */
static const char *const edits[][2] = {
	{ "4096", "4097" },
	{ "port: 5000", "port: 5001" },
	{ "port: 5000", "port: 5000, insecure: true" },
	{ "port: 5000", "port: 5000, address: 127.0.0.2" },
	{ "port: 5000", "enabled: false" },
	{ "{ maxStatementBytes", "{ externalAddress: \"http://x\", maxStatementBytes" },
	{ "{ maxStatementBytes", "{ ringTimeoutSecs: 11, maxStatementBytes" },
	{ "frontends: {", "frontends: { mysqlWire: {}," },
	{ "a: { engine: duckDb }", "a: { engine: fake }" },
	{ "engine: duckDb }", "engine: duckDb, databasePath: /x }" },
	{ "engine: duckDb }", "engine: duckDb, allowedDirectories: [/x] }" },
	{ "engine: duckDb }", "engine: duckDb, initSql: \"select 1\" }" },
	{ "engine: duckDb }", "engine: duckDb, enabled: false }" },
	{ "threads: 2", "threads: 3" },
	{ "[a, b]", "[b, a]" },
	{ "[a, b]", "[a]" },
	{ "maxRunningQueries: 3", "maxRunningQueries: 3, strategy: { type: failover }" },
	{ "maxRunningQueries: 3", "maxRunningQueries: 3, instance: one" },
	{ "headerName: X", "headerName: Y" },
	{ "w: h", "w: g" },
	{ "w: h", "x: h" },
	{ "t: u", "t: v" },
	{ "t: u", "t: null" },
	{ "type: header, headerName: X, headerValueToGroup", "type: userGroup, userToGroup" },
	{ "routers:", "routingFallback: g\nrouters:" },
	{ "routers:", "translation: { errorOnUnsupported: false }\nrouters:" },
	{ "routers:", "translation: { deadlineMs: 5001 }\nrouters:" },
	{ "routers:\n", "routers:\n- { type: protocolBased, trinoHttp: g }\n" },
	{ "routers:\n", "routers:\n- { type: queryRegex, rules: [{ regex: a, action: deny }] }\n" },
	{ "routers:\n", "routers:\n- { type: queryRegex, rules: [{ regex: a, action: deny, error: x }] }\n" },
	{ "routers:\n", "routers:\n- { type: queryRegex, rules: [{ regex: a, targetGroup: g }] }\n" },
	{ "routers:\n", "routers:\n- { type: compound, conditions: [{ type: user, username: a }], targetGroup: g }\n" },
	{ "routers:\n",
		"routers:\n- { type: compound, combine: any, conditions: [{ type: user, username: a }],"
		" targetGroup: g }\n" },
	{ "routers:\n", "routers:\n- { type: compound, conditions: [{ type: clientTag, tag: a }], targetGroup: g }\n" },
	{ "routers:\n", "routers:\n- { type: compound, conditions: [{ type: clientTag, tag: a:b }], targetGroup: g }\n" },
};

static void every_change_of_a_value_changes_the_id(void **state)
{
	enum { N = sizeof(edits) / sizeof(edits[0]) };
	const char *base = ID_FRONT ID_BACK;
	uint64_t ids[N + 1] = { id_of(base) };
	char text[2000];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		const char *at = strstr(base, edits[i][0]);

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - base), base, edits[i][1], at + strlen(edits[i][0]));
		ids[i + 1] = id_of(text);
		for (size_t j = 0; j <= i; j++)
			if (ids[i + 1] == ids[j])
				fail_msg("\"%s\" has the id of edit %zu", edits[i][1], j);
	}
}

static void the_id_leaves_out_where_the_state_is(void **state)
{
	const char *yaml = "clusters:\n  a: { engine: duckDb, databasePath: \"${QF_STATE_DIR}/x\" }\n";
	uint64_t id;

	(void)state;
	setenv("QF_STATE_DIR", "/srv/a", 1);
	id = id_of(yaml);
	setenv("QF_STATE_DIR", "/srv/b", 1);
	assert_int_equal(id_of(yaml), id);
}

static void nesting_and_size_are_limited(void **state)
{
	struct qf_conf *c = NULL;
	struct qf_err err;
	char deep[200] = "a: ";
	size_t big = 4 * 1024 * 1024 + 1;
	uint8_t *text = malloc(big);

	(void)state;
	memset(deep + 3, '[', 100);
	assert_int_equal(qf_conf_parse(&c, qf_slice_str(deep), "q", &err), QF_ECONFIG);
	assert_string_equal(err.text, "q:1:67: nested deeper than 64 levels");
	memset(text, '#', big);
	assert_int_equal(qf_conf_parse(&c, qf_slice(text, big), "q", &err), QF_ECONFIG);
	assert_string_equal(err.text, "q: larger than 4 MiB, which no configuration is");
	free(text);
}

static void files_that_cannot_be_read_are_named(void **state)
{
	struct qf_conf *c = NULL;
	struct qf_err err;

	(void)state;
	assert_int_equal(qf_conf_load(&c, "/nonexistent/q.yaml", &err), -ENOENT);
	assert_string_equal(err.text,
		"/nonexistent/q.yaml: No such file or directory; name another file with -c or $QF_CONFIG");
	assert_int_equal(qf_conf_load(&c, "/", &err), -EISDIR);
	assert_null(qf_conf_free(NULL));
	setenv("QF_CONFIG", "/e.yaml", 1);
	assert_string_equal(qf_conf_path("/o.yaml"), "/o.yaml");
	assert_string_equal(qf_conf_path(NULL), "/e.yaml");
	unsetenv("QF_CONFIG");
}

static void a_byte_order_mark_is_skipped(void **state)
{
	struct qf_conf *c = load("\xef\xbb\xbfqueryflux: {}\n");

	(void)state;
	qf_conf_free(c);
}

/* What the tables promise: each path once, each default readable, help in every row. */
static void keys_are_listed_once_with_help(void **state)
{
	size_t n = 0;
	const struct qf_conf_key *k = qf_conf_keys(&n);
	bool found = false;

	(void)state;
	assert_true(n > 150);
	for (size_t i = 0; i < n; i++) {
		if (k[i].help == NULL || *k[i].help == '\0' || *k[i].type == '\0')
			fail_msg("%s has no help or type", k[i].path);
		for (size_t j = 0; j < i; j++)
			if (strcmp(k[i].path, k[j].path) == 0)
				fail_msg("%s is there twice", k[i].path);
		if (strcmp(k[i].path, "clusters.*.databasePath") == 0) {
			found = true;
			assert_string_equal(k[i].type, "text");
			assert_true(k[i].built);
		}
		if (strcmp(k[i].path, "accessControl") == 0)
			assert_false(k[i].built);
	}
	assert_true(found);
}

static void names_are_found_in_both_forms(void **state)
{
	enum qf_frontend fe = QF_FE_TRINO;

	(void)state;
	for (int i = 0; i < QF_FE_N; i++) {
		assert_int_equal(qf_frontend_find(qf_frontend_name((enum qf_frontend)i), &fe), 0);
		assert_int_equal(fe, i);
		assert_int_equal(qf_frontend_find(qf_frontend_short((enum qf_frontend)i), &fe), 0);
		assert_int_equal(fe, i);
		assert_int_not_equal(qf_frontend_dialect(fe), QF_DIALECT_NONE);
	}
	assert_int_equal(qf_frontend_find("Postgres", &fe), QF_ECONFIG);
	for (int i = 0; i < QF_ENGINE_N; i++)
		assert_non_null(qf_engine_kind_name((enum qf_engine_kind)i));
	for (int i = 0; i < QF_ROUTER_N; i++)
		assert_non_null(qf_router_type_name((enum qf_router_type)i));
	assert_int_equal(qf_engine_kind_dialect(QF_ENGINE_DUCKDB), QF_DIALECT_DUCKDB);
	assert_false(qf_engine_kind_built(QF_ENGINE_TRINO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_but_not_built_is_a_warning),
		cmocka_unit_test(the_example_of_the_design_loads_unchanged),
		cmocka_unit_test(the_shipped_file_loads_without_a_warning),
		cmocka_unit_test(the_embedded_default_runs_what_is_built),
		cmocka_unit_test(the_state_directory_is_found),
		cmocka_unit_test(defaults_and_units_are_applied),
		cmocka_unit_test(every_value_reaches_the_model),
		cmocka_unit_test(the_id_is_of_the_model_not_of_the_text),
		cmocka_unit_test(every_change_of_a_value_changes_the_id),
		cmocka_unit_test(the_id_leaves_out_where_the_state_is),
		cmocka_unit_test(nesting_and_size_are_limited),
		cmocka_unit_test(files_that_cannot_be_read_are_named),
		cmocka_unit_test(a_byte_order_mark_is_skipped),
		cmocka_unit_test(keys_are_listed_once_with_help),
		cmocka_unit_test(names_are_found_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
