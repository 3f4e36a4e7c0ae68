/* The section routers: one table of keys for each router type. */
#include <string.h>

#include "items.h"

#define TO_GROUP(k, fe, h) \
	{ .key = (k), .kind = QF_ITEM_GROUP, AT(qf_conf_router, by_protocol[fe]), .reload = LIVE, .help = (h) }
#define TARGET_GROUP(st) \
	{ .key = "targetGroup", .kind = QF_ITEM_GROUP, .flags = QF_ITEM_REQUIRED, AT(st, group), .reload = LIVE, \
	  .help = "the group that a match goes to" }

static const struct qf_item protocol_items[] = {
	TO_GROUP("trinoHttp", QF_FE_TRINO, "group for Trino clients"),
	TO_GROUP("postgresWire", QF_FE_POSTGRES, "group for PostgreSQL clients"),
	TO_GROUP("mysqlWire", QF_FE_MYSQL, "group for MySQL clients"),
	TO_GROUP("flightSql", QF_FE_FLIGHT, "group for Flight SQL clients"),
	TO_GROUP("clickhouseHttp", QF_FE_CLICKHOUSE, "group for ClickHouse clients"),
	TO_GROUP("restHttp", QF_FE_REST, "group for clients of plain HTTP"),
	UNBUILT("snowflakeHttp", QF_ITEM_GROUP, .help = "group for Snowflake clients"),
	UNBUILT("snowflakeSqlApi", QF_ITEM_GROUP, .help = "group for clients of the Snowflake SQL API"),
	UNBUILT("mcp", QF_ITEM_GROUP, .help = "group for agents"),
	END
};

static const struct qf_item header_items[] = {
	{ .key = "headerName", .kind = QF_ITEM_TEXT, .flags = QF_ITEM_REQUIRED, AT(qf_conf_router, header_name),
	  .reload = LIVE, .help = "the HTTP header, or for PostgreSQL the startup option, whatever its case" },
	{ .key = "headerValueToGroup", .kind = QF_ITEM_TARGETS, .flags = QF_ITEM_REQUIRED,
	  AT_LIST(qf_conf_router, targets, n_targets), .reload = LIVE,
	  .help = "group for each value; the whole value counts" },
	END
};

static const struct qf_item user_items[] = {
	{ .key = "userToGroup", .kind = QF_ITEM_TARGETS, .flags = QF_ITEM_REQUIRED,
	  AT_LIST(qf_conf_router, targets, n_targets), .reload = LIVE, .help = "group for each user" },
	END
};

static const char *const actions[] = { "route", "deny", NULL };
static const struct qf_item regex_rule_items[] = {
	{ .key = "regex", .kind = QF_ITEM_REGEX, .flags = QF_ITEM_REQUIRED, AT(qf_conf_regex_rule, pattern),
	  .reload = LIVE, .help = "matched anywhere in the statement as it was sent; (?i) ignores case" },
	{ .key = "action", .kind = QF_ITEM_ENUM, AT(qf_conf_regex_rule, deny), .names = actions, .dflt = "route",
	  .reload = LIVE, .help = "deny refuses the statement" },
	{ .key = "targetGroup", .kind = QF_ITEM_GROUP, AT(qf_conf_regex_rule, group), .reload = LIVE,
	  .help = "the group that a match goes to" },
	{ .key = "error", .kind = QF_ITEM_TEXT, AT(qf_conf_regex_rule, message), .reload = LIVE,
	  .help = "with action: deny, what the client is told" },
	END
};

static int regex_rule_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	struct qf_conf_regex_rule *r = base;
	const struct qf_node *target = qf_node_get(node, "targetGroup"), *error = qf_node_get(node, "error");

	if (r->deny && target != NULL)
		return qf_loader_fail(ld, target->key_place, "%s denies, so it goes to no group; take targetGroup away",
			qf_path_text(ld, path));
	if (!r->deny && target == NULL)
		return qf_loader_fail(ld, node->place,
			"%s has no \"targetGroup\": name the group that a match goes to, or write action: deny",
			qf_path_text(ld, path));
	if (!r->deny && error != NULL)
		return qf_loader_fail(ld, error->key_place,
			"%s has an error text but does not deny; write action: deny, or take the text away",
			qf_path_text(ld, path));
	if (r->deny && r->message == NULL)
		r->message = "this statement is not allowed here";
	return 0;
}

static const struct qf_section regex_rule_section = { .items = regex_rule_items,
	.size = sizeof(struct qf_conf_regex_rule), .place = offsetof(struct qf_conf_regex_rule, place),
	.name = QF_NOWHERE, .check = regex_rule_check };
static const struct qf_item regex_items[] = {
	{ .key = "rules", .kind = QF_ITEM_LIST, .flags = QF_ITEM_REQUIRED, AT_LIST(qf_conf_router, regexes, n_regexes),
	  .sub = &regex_rule_section, .help = "patterns in order; the first that matches decides" },
	END
};

static const struct qf_item tag_rule_items[] = {
	{ .key = "tags", .kind = QF_ITEM_TAGS, .flags = QF_ITEM_REQUIRED, AT_LIST(qf_conf_tag_rule, tags, n_tags),
	  .reload = LIVE, .help = "all must be there with these values; null takes any value" },
	TARGET_GROUP(qf_conf_tag_rule),
	END
};

static int tag_rule_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_tag_rule *r = base;

	if (r->n_tags == 0)
		return qf_loader_fail(ld, qf_node_get(node, "tags")->place,
			"%s.tags is empty and would match every query; name at least one tag", qf_path_text(ld, path));
	return 0;
}

static const struct qf_section tag_rule_section = { .items = tag_rule_items, .size = sizeof(struct qf_conf_tag_rule),
	.place = QF_NOWHERE, .name = QF_NOWHERE, .check = tag_rule_check };
static const struct qf_item tags_items[] = {
	{ .key = "rules", .kind = QF_ITEM_LIST, .flags = QF_ITEM_REQUIRED, AT_LIST(qf_conf_router, tags, n_tags),
	  .sub = &tag_rule_section, .help = "rules in order; the first that matches decides" },
	END
};

static const struct qf_item cond_protocol_items[] = {
	{ .key = "protocol", .kind = QF_ITEM_FRONTEND, .flags = QF_ITEM_REQUIRED, AT(qf_conf_condition, protocol),
	  .reload = LIVE, .help = "the protocol that the client speaks" },
	END
};
static const struct qf_item cond_header_items[] = {
	{ .key = "headerName", .kind = QF_ITEM_TEXT, .flags = QF_ITEM_REQUIRED, AT(qf_conf_condition, name),
	  .reload = LIVE, .help = "the HTTP header, or for PostgreSQL the startup option, whatever its case" },
	{ .key = "headerValue", .kind = QF_ITEM_TEXT, AT(qf_conf_condition, value), .reload = LIVE,
	  .help = "its whole value; without it any value matches" },
	END
};
static const struct qf_item cond_user_items[] = {
	{ .key = "username", .kind = QF_ITEM_TEXT, .flags = QF_ITEM_REQUIRED, AT(qf_conf_condition, value),
	  .reload = LIVE, .help = "the user" },
	END
};
static const struct qf_item cond_tag_items[] = {
	{ .key = "tag", .kind = QF_ITEM_TEXT, .flags = QF_ITEM_REQUIRED, AT(qf_conf_condition, tag), .reload = LIVE,
	  .help = "a tag's key, or key:value" },
	END
};
static const struct qf_item cond_regex_items[] = {
	{ .key = "regex", .kind = QF_ITEM_REGEX, .flags = QF_ITEM_REQUIRED, AT(qf_conf_condition, pattern),
	  .reload = LIVE, .help = "matched anywhere in the statement as it was sent; (?i) ignores case" },
	END
};
static const struct qf_variant condition_types[] = {
	{ "protocol", QF_COND_PROTOCOL, cond_protocol_items, NULL },
	{ "header", QF_COND_HEADER, cond_header_items, NULL },
	{ "user", QF_COND_USER, cond_user_items, NULL },
	{ "clientTag", QF_COND_CLIENT_TAG, cond_tag_items, NULL },
	{ "queryRegex", QF_COND_REGEX, cond_regex_items, NULL },
	{ NULL, 0, NULL, NULL },
};
static const struct qf_item no_items[] = { END };

/* Trino writes tags as "key" or "key:value". */
static int condition_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	struct qf_conf_condition *c = base;
	const char *colon;

	(void)path;
	(void)node;
	if (c->type != QF_COND_CLIENT_TAG)
		return 0;
	c->name = c->tag;
	colon = strchr(c->tag, ':');
	if (colon == NULL || colon == c->tag)
		return 0;
	c->value = colon + 1;
	c->name = qf_arena_strndup(ld->arena, c->tag, (size_t)(colon - c->tag));
	return 0;
}

static const struct qf_section condition_section = { .items = no_items, .size = sizeof(struct qf_conf_condition),
	.place = QF_NOWHERE, .name = QF_NOWHERE, .type = offsetof(struct qf_conf_condition, type),
	.variants = condition_types, .check = condition_check };

static const char *const combines[] = { "all", "any", NULL };
static const struct qf_item compound_items[] = {
	{ .key = "combine", .kind = QF_ITEM_ENUM, AT(qf_conf_router, any), .names = combines, .dflt = "all",
	  .reload = LIVE, .help = "whether all conditions must hold, or any" },
	{ .key = "conditions", .kind = QF_ITEM_LIST, .flags = QF_ITEM_REQUIRED,
	  AT_LIST(qf_conf_router, conditions, n_conditions), .sub = &condition_section,
	  .help = "what is asked of the query and its session" },
	TARGET_GROUP(qf_conf_router),
	END
};

static const char *const on_errors[] = { "next", "fail", NULL };
static const struct qf_item python_items[] = {
	{ .key = "script", .kind = QF_ITEM_TEXT, AT(qf_conf_router, script), .reload = LIVE,
	  .help = "Python that defines route(query, ctx)" },
	{ .key = "scriptFile", .kind = QF_ITEM_TEXT, AT(qf_conf_router, script_file), .reload = LIVE,
	  .help = "file with that Python, relative to the configuration; all programs read it" },
	{ .key = "onError", .kind = QF_ITEM_ENUM, AT(qf_conf_router, script_must_answer), .names = on_errors,
	  .dflt = "next", .reload = LIVE,
	  .help = "when the script gives no usable answer: ask the next router, or refuse the statement" },
	{ .key = "deadlineMs", .kind = QF_ITEM_UINT, AT(qf_conf_router, script_deadline_ns), .min = 1, .max = 1000,
	  .scale = QF_MS, .dflt = "50", .unit = "milliseconds", .reload = LIVE,
	  .help = "longest time for an answer; then the script is ended" },
	END
};

static const struct qf_variant router_types[] = {
	{ "protocolBased", QF_ROUTER_PROTOCOL, protocol_items, "by the client's protocol" },
	{ "header", QF_ROUTER_HEADER, header_items, "by a header" },
	{ "userGroup", QF_ROUTER_USER_GROUP, user_items, "by the user" },
	{ "queryRegex", QF_ROUTER_REGEX, regex_items, "by the statement's text; may deny" },
	{ "tags", QF_ROUTER_TAGS, tags_items, "by the query's tags" },
	{ "compound", QF_ROUTER_COMPOUND, compound_items, "by several conditions" },
	{ "pythonScript", QF_ROUTER_PYTHON, python_items, "by a script" },
	{ NULL, 0, NULL, NULL },
};

/* A list of rules that is there but empty decides nothing: most likely it was meant to. */
static int router_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	static const char *const lists[] = { "headerValueToGroup", "userToGroup", "rules", "conditions" };
	const struct qf_conf_router *r = base;
	const struct qf_node *n;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		n = qf_node_get(node, lists[i]);
		if (n != NULL && n->first == NULL)
			return qf_loader_fail(ld, n->place,
				"%s.%s is empty, so the router can never match; add an entry, or take the router away",
				qf_path_text(ld, path), lists[i]);
	}
	return r->type == QF_ROUTER_PYTHON ? qf_script_load(ld, path, node, base) : 0;
}

const struct qf_section qf_schema_router = { .items = no_items, .size = sizeof(struct qf_conf_router),
	.place = offsetof(struct qf_conf_router, place), .name = QF_NOWHERE,
	.type = offsetof(struct qf_conf_router, type), .variants = router_types, .check = router_check };
