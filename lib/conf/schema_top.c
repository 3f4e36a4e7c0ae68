/* The top level, and the small sections. */
#include "items.h"

static const char *const on_failure[] = { "error", "passthrough", NULL };
static const struct qf_item translation_items[] = {
	{ .key = "errorOnUnsupported", .kind = QF_ITEM_BOOL, AT(qf_conf, error_on_unsupported), .dflt = "true",
	  .reload = LIVE,
	  .help = "false: what cannot be translated faithfully runs all the same, with a notice to the client" },
	{ .key = "onFailure", .kind = QF_ITEM_ENUM, AT(qf_conf, on_failure), .names = on_failure, .dflt = "error",
	  .reload = LIVE, .help = "when no translator is there: refuse the statement, or send it as it is" },
	{ .key = "workers", .kind = QF_ITEM_UINT, AT(qf_conf, translate_workers), .min = 1, .max = 64, .dflt = "2",
	  .unit = "processes", .reload = RESTART, .help = "translations at once" },
	{ .key = "deadlineMs", .kind = QF_ITEM_UINT, AT(qf_conf, translate_deadline_ns), .min = 10, .max = 600000,
	  .scale = QF_MS, .dflt = "5000", .unit = "milliseconds", .reload = LIVE, .help = "longest translation" },
	UNBUILT_TEXT("mode", NULL, "how strict translation is"),
	UNBUILT_ANY("pythonScripts", "scripts that change every translation"),
	UNBUILT_UINT("schemaResolutionTimeoutMs", "1500", "milliseconds", "longest look-up of a table's columns"),
	END
};
const struct qf_section qf_schema_translation = { .items = translation_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

static const struct qf_item catalog_items[] = {
	UNBUILT_ANY("type", "null, static, glue, hiveMetastore, icebergRest or fallback"),
	UNBUILT_ANY("tables", "the tables, for static"),
	UNBUILT_TEXT("region", NULL, "AWS region"),
	UNBUILT_ANY("auth", "how the catalog is asked"),
	UNBUILT_ANY("cache", "ttlSeconds, maxEntries"),
	UNBUILT_TEXT("uri", NULL, "the catalog"),
	UNBUILT_TEXT("warehouse", NULL, "warehouse of the catalog"),
	UNBUILT_TEXT("catalogName", NULL, "name of the catalog"),
	UNBUILT_ANY("primary", "the catalog that is asked first"),
	UNBUILT_ANY("secondary", "the catalog that is asked when the first fails"),
	END
};
const struct qf_section qf_schema_catalog = { .items = catalog_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

static const struct qf_item authorization_items[] = {
	SECURITY("provider", QF_ITEM_ANY, "who decides what a user may do: none (today's only one) or openfga"),
	SECURITY("openfga", QF_ITEM_ANY, "OpenFGA"),
	END
};
static const struct qf_section authorization_section = { .items = authorization_items, .place = QF_NOWHERE,
	.name = QF_NOWHERE };

/* In this order: groups name clusters, rules name groups. */
static const struct qf_item top_items[] = {
	{ .key = "queryflux", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &qf_schema_queryflux,
	  .help = "the service itself" },
	{ .key = "clusters", .kind = QF_ITEM_MAP, AT_LIST(qf_conf, clusters, n_clusters), .sub = &qf_schema_cluster,
	  .help = "the engines, by name" },
	{ .key = "clusterGroups", .kind = QF_ITEM_MAP, AT_LIST(qf_conf, groups, n_groups), .sub = &qf_schema_group,
	  .help = "what rules route to: clusters that share a limit and a queue, by name" },
	{ .key = "routers", .kind = QF_ITEM_LIST, AT_LIST(qf_conf, routers, n_routers), .sub = &qf_schema_router,
	  .help = "rules in order; the first that matches decides" },
	{ .key = "routingFallback", .kind = QF_ITEM_GROUP, AT(qf_conf, fallback), .reload = LIVE,
	  .help = "the group when no rule matches; without it such a query is refused" },
	{ .key = "translation", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &qf_schema_translation,
	  .help = "from the client's SQL dialect to the engine's" },
	UNBUILT("catalogProvider", QF_ITEM_SECTION, .sub = &qf_schema_catalog,
		.help = "columns of tables, for translation"),
	{ .key = "auth", .kind = QF_ITEM_SECTION, AT(qf_conf, auth), .sub = &qf_schema_auth, .help = "who clients are" },
	{ .key = "authorization", .kind = QF_ITEM_SECTION, .offset = QF_NOWHERE, .sub = &authorization_section,
	  .help = "what clients may do" },
	SECURITY("guardrails", QF_ITEM_ANY, "checks of every statement"),
	SECURITY("accessControl", QF_ITEM_ANY, "row filters and column masks"),
	END
};
const struct qf_section qf_schema_top = { .items = top_items, .place = QF_NOWHERE, .name = QF_NOWHERE };
