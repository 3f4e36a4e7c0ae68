/*
 * Configuration: one YAML file → one checked, immutable model. Keys are those of DESIGN §6 and
 * reference section 2 of the original; see queryflux.yaml(5).
 *
 * qf_conf_load() reads, expands ${VAR} and ${VAR:-default}, parses and checks the whole file and either
 * returns a model or one error that names file, line, column and the nearest valid key. Warnings (known
 * keys that are not built yet, inline secrets) are collected in the model. The model lives in one arena
 * and is never changed after the load: a reload builds a new one and swaps. Any thread may read it.
 */
#ifndef QF_CONF_H
#define QF_CONF_H

#include "qf/arena.h"
#include "qf/sql.h"

enum qf_frontend {
	QF_FE_TRINO,
	QF_FE_POSTGRES,
	QF_FE_MYSQL,
	QF_FE_FLIGHT,
	QF_FE_CLICKHOUSE,
	QF_FE_REST,
	QF_FE_N
};

/* Configuration name ("postgresWire") and short name ("postgres"); find takes either. */
const char *qf_frontend_name(enum qf_frontend fe);
const char *qf_frontend_short(enum qf_frontend fe);
int qf_frontend_find(const char *name, enum qf_frontend *ret) qf_must_check;
enum qf_dialect qf_frontend_dialect(enum qf_frontend fe);
bool qf_frontend_built(enum qf_frontend fe); /* false: a known name, but this build does not speak it */

struct qf_conf_place { /* where in the file something stands; 0 when it is a default */
	unsigned line, column;
};

struct qf_conf_kv {
	const char *key, *value; /* value NULL: any value (tags) */
};

enum qf_tls_mode {
	QF_TLS_OFF,
	QF_TLS_ALLOW,	/* the client decides */
	QF_TLS_REQUIRE, /* what is not encrypted is refused, but for Unix sockets */
};

struct qf_conf_tls { /* queryflux.tls: one certificate for all frontends */
	const char *cert_file, *key_file; /* PEM; NULL: no TLS. A name without / is looked for in $CREDENTIALS_DIRECTORY */
	const char *client_ca_file;	  /* PEM: who signs clients' certificates; NULL: they are not asked for */
	unsigned min_version;		  /* 0: TLS 1.2, 1: TLS 1.3 */
	struct qf_conf_place place;
};

struct qf_conf_frontend {
	bool enabled;  /* … and built: what this build does not speak is off, with a warning */
	bool port_set; /* written in the file: a busy one is an error */
	bool insecure;
	const char *address; /* default 127.0.0.1 */
	uint16_t port;
	uint32_t max_connections; /* 0 = the built-in 10000 */
	uint64_t abandon_ns;	  /* trinoHttp: abandonTimeoutSecs, default 300 s */
	enum qf_tls_mode tls;	  /* default: off without queryflux.tls, else allow */
	const char *const *trusted_proxies; /* CIDR: connections from there begin with a PROXY header, version 2 */
	size_t n_trusted_proxies;
	const char *socket_dir; /* postgresWire: of the Unix socket .s.PGSQL.PORT; NULL: none */
	struct qf_conf_place place;
};

enum qf_auth_method { /* of a host rule */
	QF_AUTH_SCRAM,	  /* SCRAM-SHA-256, and -PLUS under TLS */
	QF_AUTH_MD5,
	QF_AUTH_PASSWORD, /* in clear */
	QF_AUTH_CERT,	  /* a client certificate whose common name is the user */
	QF_AUTH_TRUST,
	QF_AUTH_REJECT,
	QF_AUTH_N
};

struct qf_conf_user { /* auth.staticUsers.users */
	const char *name;
	const char *password, *password_file; /* a password, or a verifier as PostgreSQL stores it: SCRAM-SHA-256$… or md5… */
	const char *token_file;		      /* a bearer token a line */
	const char *const *tokens;
	size_t n_tokens;
	const char *const *groups;
	size_t n_groups;
	const char *const *roles;
	size_t n_roles;
	struct qf_conf_place place;
};

enum qf_rule_tls { QF_RULE_TLS_ANY, QF_RULE_TLS_ONLY, QF_RULE_TLS_NEVER };

struct qf_conf_host_rule { /* the first that fits decides; an empty list fits everybody */
	const char *const *addresses; /* CIDR, or "local" for Unix sockets */
	size_t n_addresses;
	const char *const *users; /* or +GROUP */
	size_t n_users;
	const char *const *databases;
	size_t n_databases;
	const char *const *protocols; /* names of frontends */
	size_t n_protocols;
	enum qf_rule_tls tls;
	enum qf_auth_method method;
	struct qf_conf_place place;
};

enum qf_auth_provider { QF_AUTH_NONE, QF_AUTH_STATIC };

struct qf_conf_auth {
	enum qf_auth_provider provider;
	bool required;
	uint64_t login_timeout_ns;    /* loginTimeoutSecs, 30 s */
	uint32_t failures_per_minute; /* failedLoginsPerMinute of one address, 30; 0 = no limit */
	const struct qf_conf_user *users;
	size_t n_users;
	const struct qf_conf_host_rule *rules; /* none: SCRAM for everybody */
	size_t n_rules;
};

enum qf_engine_kind {
	QF_ENGINE_DUCKDB,
	QF_ENGINE_FAKE,
	QF_ENGINE_TRINO,
	QF_ENGINE_POSTGRES,
	QF_ENGINE_MYSQL,
	QF_ENGINE_STARROCKS,
	QF_ENGINE_CLICKHOUSE,
	QF_ENGINE_ATHENA,
	QF_ENGINE_ADBC,
	QF_ENGINE_DUCKDB_HTTP,
	QF_ENGINE_N
};

const char *qf_engine_kind_name(enum qf_engine_kind k); /* the configuration's: "duckDb", "trino", … */
enum qf_dialect qf_engine_kind_dialect(enum qf_engine_kind k);
bool qf_engine_kind_built(enum qf_engine_kind k); /* false: clusters load with a warning, dispatch refuses */

enum qf_pool_mode { QF_POOL_TRANSACTION, QF_POOL_SESSION, QF_POOL_STATEMENT };

enum qf_query_auth {
	QF_QUERY_AUTH_SERVICE,	   /* the cluster's own user */
	QF_QUERY_AUTH_IMPERSONATE, /* the cluster's own user logs in and becomes the client's (SET ROLE) */
	QF_QUERY_AUTH_USER_MAP,	   /* a user at the engine, with a password, for each client */
	QF_QUERY_AUTH_SCRAM_KEYS,  /* the client's own, by the SCRAM keys of its login */
};

struct qf_conf_engine_user {
	const char *name; /* the client's */
	const char *username, *password, *password_file; /* at the engine; username NULL: the same */
	struct qf_conf_place place;
};

struct qf_conf_cluster {
	const char *name;
	enum qf_engine_kind engine;
	bool enabled;
	uint32_t max_running; /* 0 = no limit of its own */
	const char *endpoint;
	/* duckDb */
	const char *database_path; /* NULL = in memory */
	const char *init_sql;
	const char *memory_limit; /* as DuckDB reads it; NULL = DuckDB's default */
	uint32_t threads;	  /* 0 = DuckDB's default */
	const char *const *allowed_directories;
	size_t n_allowed_directories;
	/* postgres */
	const char *username, *password, *database; /* NULL: as the endpoint says */
	const char *password_file;
	uint32_t pool_size, pool_min;
	uint64_t pool_idle_ns, pool_lifetime_ns; /* 0 = no limit */
	enum qf_pool_mode pool_mode;
	uint64_t connect_timeout_ns;
	enum qf_query_auth query_auth;		    /* as whom a statement runs */
	const struct qf_conf_engine_user *engine_users; /* queryAuth.users */
	size_t n_engine_users;
	uint32_t max_identities; /* scopedPoolMaxCount */
	/* fake */
	const char *script; /* see lib/engine/fake */
	struct qf_conf_place place;
};

enum qf_strategy { QF_STRATEGY_ROUND_ROBIN, QF_STRATEGY_FAILOVER };

struct qf_conf_group {
	const char *name;
	bool enabled;
	uint32_t max_running;	       /* total of the group */
	uint32_t max_queued;	       /* 0 = no limit */
	uint64_t capacity_wait_ns;     /* capacityWaitTimeoutSecs, default 300 s */
	uint64_t query_timeout_ns;     /* queryTimeoutSecs, 0 = none */
	enum qf_strategy strategy;
	const struct qf_conf_cluster **members;
	size_t n_members;
	const char *instance; /* dispatch instance that owns it; default "0" */
	bool restricted;      /* only these may use it */
	const char *const *allow_users;
	size_t n_allow_users;
	const char *const *allow_groups;
	size_t n_allow_groups;
	struct qf_conf_place place;
};

enum qf_router_type {
	QF_ROUTER_PROTOCOL,
	QF_ROUTER_HEADER,
	QF_ROUTER_USER_GROUP,
	QF_ROUTER_REGEX,
	QF_ROUTER_TAGS,
	QF_ROUTER_COMPOUND,
	QF_ROUTER_PYTHON,
	QF_ROUTER_N
};

const char *qf_router_type_name(enum qf_router_type t); /* "protocolBased", … */

enum qf_condition_type {
	QF_COND_PROTOCOL,
	QF_COND_HEADER,
	QF_COND_USER,
	QF_COND_CLIENT_TAG,
	QF_COND_REGEX,
};

struct qf_conf_condition {
	enum qf_condition_type type;
	enum qf_frontend protocol;
	const char *name;    /* header name, tag key */
	const char *value;   /* header value, user, tag value (NULL: any) */
	const char *tag;     /* client tag as written: key or key:value */
	const char *pattern; /* PCRE2 */
};

struct qf_conf_regex_rule {
	const char *pattern;
	bool deny;
	const char *message;			  /* deny: what the client is told */
	const struct qf_conf_group *group; /* route */
	struct qf_conf_place place;
};

struct qf_conf_tag_rule {
	const struct qf_conf_kv *tags; /* all must match */
	size_t n_tags;
	const struct qf_conf_group *group;
};

struct qf_conf_target { /* value → group, for header and userGroup */
	const char *value;
	const struct qf_conf_group *group;
};

struct qf_conf_router {
	enum qf_router_type type;
	const struct qf_conf_group *by_protocol[QF_FE_N]; /* protocolBased */
	const char *header_name;			  /* header */
	const struct qf_conf_target *targets;		  /* header, userGroup */
	size_t n_targets;
	const struct qf_conf_regex_rule *regexes; /* queryRegex */
	size_t n_regexes;
	const struct qf_conf_tag_rule *tags; /* tags */
	size_t n_tags;
	bool any;				     /* compound: combine any */
	const struct qf_conf_condition *conditions; /* compound */
	size_t n_conditions;
	const struct qf_conf_group *group; /* compound */
	const char *script;		   /* pythonScript: its text, wherever that stands */
	const char *script_file;	   /* as written; NULL: the text stands in the configuration */
	const char *script_name;	   /* for messages: the path that was read, or "routers[1].script" */
	struct qf_conf_place script_place; /* of the value that holds or names it */
	bool script_must_answer;	   /* onError: fail */
	uint64_t script_deadline_ns;	   /* deadlineMs, default 50 */
	struct qf_conf_place place;
};

enum qf_on_failure { QF_ON_FAILURE_ERROR, QF_ON_FAILURE_PASSTHROUGH };

struct qf_conf_warning {
	struct qf_conf_place place;
	const char *text;
};

struct qf_conf {
	struct qf_arena *arena;
	unsigned refs; /* holders beyond the first */
	const char *path;    /* NULL: the embedded default */
	uint64_t id;	     /* configuration id: hash of the expanded model */
	const char *state_dir; /* $QF_STATE_DIR or /var/lib/queryflux */

	const char *external_address;
	struct qf_conf_frontend frontends[QF_FE_N];
	struct qf_conf_frontend admin;
	struct qf_conf_tls tls;
	struct qf_conf_auth auth;
	bool error_on_unsupported; /* default true; false only where written */
	enum qf_on_failure on_failure;
	uint32_t translate_workers;	/* translation.workers, default 2 */
	uint64_t translate_deadline_ns; /* translation.deadlineMs, default 5 s */

	uint64_t max_statement_bytes;	   /* queryflux.maxStatementBytes, 16 MiB */
	uint64_t stream_budget_bytes;	   /* queryflux.streamBudgetBytes, 64 MiB */
	uint64_t client_stall_ns;	   /* queryflux.clientStallTimeoutSecs, 5 min */
	uint64_t idle_in_transaction_ns;   /* queryflux.idleInTransactionTimeoutSecs, 60 s */
	uint64_t ring_timeout_ns;	   /* queryflux.ringTimeoutSecs, 10 s */
	uint64_t shutdown_drain_ns;	   /* queryflux.shutdownDrainTimeoutSecs, 30 s */

	const struct qf_conf_cluster *clusters;
	size_t n_clusters;
	const struct qf_conf_group *groups;
	size_t n_groups;
	const struct qf_conf_router *routers;
	size_t n_routers;
	const struct qf_conf_group *fallback; /* NULL: no rule matched = refused */
	bool judges;			      /* a deny rule, a guard, a script or a restricted group exists: all goes to qf-route */
	bool reads_text; /* a rule looks at the statement: a verdict is for that text alone */

	const struct qf_conf_warning *warnings;
	size_t n_warnings;
};

/*
 * Where the configuration is: the -c option when given, else $QF_CONFIG, else /etc/queryflux/queryflux.yaml
 * when it exists, else NULL (the embedded default). Borrowed from the option or the environment.
 */
const char *qf_conf_path(const char *option);
/*
 * Loads `path`, or the embedded default when path is NULL. The error text is "FILE:LINE:COLUMN: what, and
 * what to do". The caller frees with qf_conf_free().
 */
int qf_conf_load(struct qf_conf **ret, const char *path, struct qf_err *reterr) qf_must_check;
/* The same from memory; name stands for the file in messages. */
int qf_conf_parse(struct qf_conf **ret, struct qf_slice yaml, const char *name, struct qf_err *reterr) qf_must_check;
/* One more holder of the model; each calls qf_conf_free() once. */
struct qf_conf *qf_conf_ref(const struct qf_conf *c);
struct qf_conf *qf_conf_free(struct qf_conf *c);

const struct qf_conf_user *qf_conf_user(const struct qf_conf *c, const char *name); /* NULL: none */
/* By the group's authorization, and the groups that the user is in. */
bool qf_conf_may_use(const struct qf_conf *c, const struct qf_conf_group *g, const char *user);
const struct qf_conf_group *qf_conf_group(const struct qf_conf *c, const char *name); /* NULL: none */
const struct qf_conf_cluster *qf_conf_cluster(const struct qf_conf *c, const char *name);

/* Every key with type, default, unit, reload rule and help, in page order: for man, completions, tests. */
struct qf_conf_key {
	const char *path; /* "clusters.*.databasePath" */
	const char *type, *dflt, *reload, *help;
	bool required;
	bool built;   /* false: known from the original, not built yet */
	bool refused; /* not built, and an error rather than a warning: it would protect something */
};
const struct qf_conf_key *qf_conf_keys(size_t *ret_n);

#endif
