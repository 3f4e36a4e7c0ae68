/* The section auth: who clients are. */
#include <string.h>

#include "items.h"
#include "qf/net.h"

bool qf_conf_is_network(const char *text)
{
	struct qf_net net;

	return qf_net_parse(&net, text);
}

/* ---- users ---- */

static const struct qf_item user_items[] = {
	{ .key = "password", .kind = QF_ITEM_TEXT, AT(qf_conf_user, password), .reload = LIVE,
	  .help = "password, better a verifier as PostgreSQL keeps it in pg_authid, which begins with SCRAM-SHA-256$ or md5" },
	{ .key = "passwordFile", .kind = QF_ITEM_TEXT, AT(qf_conf_user, password_file), .reload = LIVE,
	  .help = "file whose first line is that, read by qf-listen alone; a name without / is looked for in "
	  "$CREDENTIALS_DIRECTORY" },
	{ .key = "tokens", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_user, tokens, n_tokens), .reload = LIVE,
	  .help = "bearer tokens for HTTP; for development" },
	{ .key = "tokenFile", .kind = QF_ITEM_TEXT, AT(qf_conf_user, token_file), .reload = LIVE,
	  .help = "file with a bearer token a line, found as passwordFile" },
	{ .key = "groups", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_user, groups, n_groups), .reload = LIVE,
	  .help = "groups that the user is in, for host rules and clusterGroups.*.authorization" },
	{ .key = "roles", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_user, roles, n_roles), .reload = LIVE,
	  .help = "roles of the user; nothing asks for them yet" },
	END
};

static int user_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_user *u = base;
	const struct qf_node *tokens = qf_node_get(node, "tokens");

	if (u->password != NULL && u->password_file != NULL)
		return qf_loader_fail(ld, qf_node_get(node, "passwordFile")->key_place,
			"%s has a password and a passwordFile; keep the passwordFile", qf_path_text(ld, path));
	if (u->password != NULL && *u->password == '\0')
		return qf_loader_fail(ld, qf_node_get(node, "password")->place,
			"%s.password is empty; leave it out for a user who shows a certificate or a token",
			qf_path_text(ld, path));
	for (size_t i = 0; i < u->n_tokens; i++)
		if (strlen(u->tokens[i]) < 16)
			return qf_loader_fail(ld, tokens->place, "%s.tokens: a token has at least 16 characters",
				qf_path_text(ld, path));
	if ((u->password != NULL && strncmp(u->password, "SCRAM-SHA-256$", 14) != 0) || u->n_tokens > 0)
		qf_loader_warn(ld, u->place,
			"%s has a secret in the configuration, which all programs read; use a verifier, passwordFile or tokenFile",
			qf_path_text(ld, path));
	return 0;
}

static const struct qf_section user_section = { .items = user_items, .size = sizeof(struct qf_conf_user),
	.place = offsetof(struct qf_conf_user, place), .name = offsetof(struct qf_conf_user, name), .check = user_check };

static const struct qf_item static_items[] = {
	{ .key = "users", .kind = QF_ITEM_MAP, AT_LIST(qf_conf_auth, users, n_users), .sub = &user_section,
	  .help = "the users, by name" },
	END
};
static const struct qf_section static_section = { .items = static_items, .place = QF_NOWHERE, .name = QF_NOWHERE };

/* ---- host rules ---- */

static const char *const rule_tls[] = { "any", "only", "never", NULL };
static const char *const methods[] = { "scram-sha-256", "md5", "password", "cert", "trust", "reject", NULL };
static const struct qf_item rule_items[] = {
	{ .key = "addresses", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_host_rule, addresses, n_addresses), .reload = LIVE,
	  .help = "networks of clients (10.0.0.0/8), or local for Unix sockets; without it all" },
	{ .key = "users", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_host_rule, users, n_users), .reload = LIVE,
	  .help = "users, or +GROUP; without it all" },
	{ .key = "databases", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_host_rule, databases, n_databases), .reload = LIVE,
	  .help = "databases that the client asks for; without it all" },
	{ .key = "protocols", .kind = QF_ITEM_TEXTS, AT_LIST(qf_conf_host_rule, protocols, n_protocols), .reload = LIVE,
	  .help = "frontends, as under queryflux.frontends; without it all" },
	{ .key = "tls", .kind = QF_ITEM_ENUM, AT(qf_conf_host_rule, tls), .names = rule_tls, .dflt = "any", .reload = LIVE,
	  .help = "whether the rule is for encrypted connections only, for clear ones only, or any" },
	{ .key = "method", .kind = QF_ITEM_ENUM, .flags = QF_ITEM_REQUIRED, AT(qf_conf_host_rule, method), .names = methods,
	  .reload = LIVE, .help = "how the client proves who it is; over HTTP the first three are Basic or Bearer. password "
	  "sends it in clear, trust believes the client, reject refuses it" },
	END
};

static int rule_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_host_rule *r = base;
	enum qf_frontend fe;

	for (size_t i = 0; i < r->n_addresses; i++)
		if (strcmp(r->addresses[i], "local") != 0 && !qf_conf_is_network(r->addresses[i]))
			return qf_loader_fail(ld, qf_node_get(node, "addresses")->place,
				"%s.addresses: \"%.60s\" is no network; write one as 10.0.0.0/8, fd00::/8 or 192.0.2.7, or local",
				qf_path_text(ld, path), r->addresses[i]);
	for (size_t i = 0; i < r->n_protocols; i++)
		if (qf_frontend_find(r->protocols[i], &fe) != 0)
			return qf_loader_fail(ld, qf_node_get(node, "protocols")->place,
				"%s.protocols: \"%.60s\" is no frontend; there are trinoHttp and postgresWire",
				qf_path_text(ld, path), r->protocols[i]);
	if (r->method == QF_AUTH_CERT && ld->conf->tls.client_ca_file == NULL)
		return qf_loader_fail(ld, qf_node_get(node, "method")->place,
			"%s: the method cert needs queryflux.tls.clientCaFile", qf_path_text(ld, path));
	return 0;
}

static const struct qf_section rule_section = { .items = rule_items, .size = sizeof(struct qf_conf_host_rule),
	.place = offsetof(struct qf_conf_host_rule, place), .name = QF_NOWHERE, .check = rule_check };

/* ---- the section ---- */

static const char *const providers[] = { "none", "static", NULL };
static const struct qf_item auth_items[] = {
	{ .key = "provider", .kind = QF_ITEM_ENUM, AT(qf_conf_auth, provider), .names = providers, .dflt = "none",
	  .reload = LIVE, .help = "who checks clients: none believes them, static has users and rules here; the original's "
	  "oidc and ldap are not built yet" },
	{ .key = "required", .kind = QF_ITEM_BOOL, AT(qf_conf_auth, required), .dflt = "false", .reload = LIVE,
	  .help = "refuses a configuration that checks no client; with static every client is checked in any case" },
	{ .key = "loginTimeoutSecs", .kind = QF_ITEM_UINT, AT(qf_conf_auth, login_timeout_ns), .min = 1, .max = 600,
	  .scale = QF_SEC, .dflt = "30", .unit = "seconds", .reload = LIVE,
	  .help = "longest time from connecting to being logged in, TLS included" },
	{ .key = "failedLoginsPerMinute", .kind = QF_ITEM_UINT, AT(qf_conf_auth, failures_per_minute), .max = 1000000,
	  .dflt = "30", .unit = "logins", .reload = LIVE,
	  .help = "an address that failed so often within a minute is refused until the minute is over; 0 = no limit" },
	{ .key = "staticUsers", .kind = QF_ITEM_SECTION, .offset = 0, .sub = &static_section,
	  .help = "users of the provider static" },
	{ .key = "hostRules", .kind = QF_ITEM_LIST, AT_LIST(qf_conf_auth, rules, n_rules), .sub = &rule_section,
	  .help = "who may come from where and how it is checked; the first rule that fits decides, none refuses; without "
	  "rules every client is asked for its password by SCRAM" },
	SECURITY("operatorRoles", QF_ITEM_ANY, "roles that may cancel anyone's query"),
	SECURITY("operatorGroups", QF_ITEM_ANY, "groups that may cancel anyone's query"),
	SECURITY("oidc", QF_ITEM_ANY, "OpenID Connect"),
	SECURITY("ldap", QF_ITEM_ANY, "LDAP"),
	END
};

static int auth_check(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, void *base)
{
	const struct qf_conf_auth *a = base;
	const char *without = a->n_rules > 0 ? "hostRules" : "staticUsers";

	if (a->provider == QF_AUTH_NONE && a->required)
		return qf_loader_fail(ld, qf_node_get(node, "required")->place,
			"%s.required is true, but the provider none checks nobody; write provider: static", qf_path_text(ld, path));
	if (a->provider == QF_AUTH_NONE && (a->n_rules > 0 || a->n_users > 0))
		return qf_loader_fail(ld, qf_node_get(node, without)->key_place,
			"%s.%s has no effect with the provider none; write provider: static", qf_path_text(ld, path), without);
	if (a->provider == QF_AUTH_STATIC && a->n_users == 0 && a->n_rules == 0)
		return qf_loader_fail(ld, qf_node_get(node, "provider")->place,
			"%s has neither staticUsers.users nor hostRules, so nobody could log in", qf_path_text(ld, path));
	return 0;
}

const struct qf_section qf_schema_auth = { .items = auth_items, .size = sizeof(struct qf_conf_auth), .place = QF_NOWHERE,
	.name = QF_NOWHERE, .check = auth_check };
