/*
 * What a DuckDB connection holds between statements: settings and transaction, and what a client may not do.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/sql.h"

int duck_session_run(struct qf_engine_conn *c, const char *sql, struct qf_sql_error *e, enum duck_error_kind *ret_kind)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_result res;
	int r = 0;

	if (api->query(c->db, sql, &res) != DuckDBSuccess) {
		*ret_kind = duck_error_read(api->result_error(&res), e);
		r = -EINVAL;
	}
	api->destroy_result(&res);
	return r;
}

/* ---- settings ---- */

struct setting {
	const char *name;   /* the contract's */
	const char *prefix; /* the statement before the quoted value */
	const char *dflt;
	size_t at; /* of what the connection has, in struct qf_engine_conn; NULL there is the default */
};

static const struct setting settings[] = {
	{ "timezone", "SET SESSION TimeZone = ", "UTC", offsetof(struct qf_engine_conn, timezone) },
	{ "search_path", "SET SESSION search_path = ", "", offsetof(struct qf_engine_conn, search_path) },
};

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

static const char *wanted(const struct setting *s, const struct qf_engine_job *job)
{
	for (size_t i = 0; i < job->n_settings; i++)
		if (strcmp(job->settings[i].name, s->name) == 0)
			return job->settings[i].value;
	return s->dflt;
}

static int apply(struct qf_engine_conn *c, const struct setting *s, const char *value, struct qf_sql_error *e)
{
	char **has = (char **)(void *)((char *)c + s->at);
	enum duck_error_kind kind;
	struct qf_buf sql;

	if (!c->settings_unknown && strcmp(*has ? *has : s->dflt, value) == 0)
		return 0;
	qf_buf_init(&sql);
	qf_buf_printf(&sql, "%s'", s->prefix);
	for (const char *p = value; *p; p++) {
		if (*p == '\'')
			qf_buf_u8(&sql, '\'');
		qf_buf_u8(&sql, (uint8_t)*p);
	}
	qf_buf_u8(&sql, '\'');
	int r = duck_session_run(c, qf_buf_cstr(&sql), e, &kind);

	qf_buf_fini(&sql);
	if (r == 0) {
		free(*has);
		*has = qf_xstrdup(value);
	}
	return r;
}

int duck_session_settings(struct qf_engine_conn *c, const struct qf_engine_job *job, struct qf_sql_error *e)
{
	for (size_t i = 0; i < job->n_settings; i++) {
		if (find_setting(job->settings[i].name))
			continue;
		qf_sql_error_set(e, "42704", "DuckDB has no session setting \"%s\"", job->settings[i].name);
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		int r = apply(c, &settings[i], wanted(&settings[i], job), e);

		if (r < 0)
			return r;
	}
	c->settings_unknown = false;
	return 0;
}

/* ---- what a client may run ---- */

static bool is_word(struct qf_token t, const char *word)
{
	return t.type == QF_TOK_WORD && qf_slice_caseeq_str(t.text, word);
}

static struct qf_token next_token(struct qf_lexer *lx)
{
	struct qf_token t;

	do
		t = qf_lex(lx);
	while (t.type == QF_TOK_COMMENT);
	return t;
}

static struct qf_token first_token(const char *sql)
{
	struct qf_lexer lx = qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);

	return next_token(&lx);
}

/* SET GLOBAL, RESET GLOBAL: would change what other sessions see. */
static bool is_global(const char *sql)
{
	struct qf_lexer lx = qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);

	next_token(&lx);
	return is_word(next_token(&lx), "global");
}

/*
 * Table functions that a SELECT can call and that neither the lock nor the file rules stop: logging into a file
 * that may not be opened makes every later statement of the whole database fail; profiling writes to stdout.
 */
static bool calls_forbidden(const char *sql)
{
	static const char *const names[] = { "enable_logging", "enable_profiling", "enable_profile" };
	struct qf_lexer lx;
	struct qf_token t;

	if (!strcasestr(sql, "enable_"))
		return false;
	lx = qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);
	while ((t = next_token(&lx)).type != QF_TOK_END) {
		struct qf_slice name = t.text;

		if (t.type == QF_TOK_QUOTED && name.n >= 2)
			name = qf_slice(name.p + 1, name.n - 2);
		else if (t.type != QF_TOK_WORD)
			continue;
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (qf_slice_caseeq_str(name, names[i]))
				return true;
	}
	return false;
}

static const char *forbidden(duckdb_statement_type type, const char *sql)
{
	switch (type) {
	case DUCKDB_STATEMENT_TYPE_PRAGMA:
		return "PRAGMA";
	case DUCKDB_STATEMENT_TYPE_ATTACH:
	case DUCKDB_STATEMENT_TYPE_DETACH:
		return "ATTACH and DETACH";
	case DUCKDB_STATEMENT_TYPE_LOAD:
	case DUCKDB_STATEMENT_TYPE_EXTENSION:
	case DUCKDB_STATEMENT_TYPE_UPDATE_EXTENSIONS:
		return "loading extensions";
	case DUCKDB_STATEMENT_TYPE_SET:
	case DUCKDB_STATEMENT_TYPE_VARIABLE_SET:
		return is_global(sql) ? "a global setting" : NULL;
	default:
		return calls_forbidden(sql) ? "logging and profiling" : NULL;
	}
}

int duck_session_allow(duckdb_statement_type type, const char *sql, struct qf_sql_error *e)
{
	const char *what = forbidden(type, sql);

	if (!what)
		return 0;
	qf_sql_error_set(e, "42501", "%s: not allowed here, because it would change the database for all sessions", what);
	memcpy(e->hint, "Use the cluster's initSql.", sizeof("Use the cluster's initSql."));
	return -EPERM;
}

/* ---- transactions ---- */

bool duck_session_is_commit(const char *sql)
{
	struct qf_token t = first_token(sql);

	return is_word(t, "commit") || is_word(t, "end");
}

static bool leaves_no_state(duckdb_statement_type type)
{
	switch (type) {
	case DUCKDB_STATEMENT_TYPE_SELECT:
	case DUCKDB_STATEMENT_TYPE_INSERT:
	case DUCKDB_STATEMENT_TYPE_UPDATE:
	case DUCKDB_STATEMENT_TYPE_DELETE:
	case DUCKDB_STATEMENT_TYPE_MERGE_INTO:
	case DUCKDB_STATEMENT_TYPE_EXPLAIN:
	case DUCKDB_STATEMENT_TYPE_COPY:
	case DUCKDB_STATEMENT_TYPE_TRANSACTION:
	case DUCKDB_STATEMENT_TYPE_ANALYZE:
		return true;
	default:
		return false;
	}
}

void duck_session_succeeded(struct qf_engine_conn *c, duckdb_statement_type type, const char *sql)
{
	if (!leaves_no_state(type))
		c->dirty = true;
	if (type == DUCKDB_STATEMENT_TYPE_SET || type == DUCKDB_STATEMENT_TYPE_VARIABLE_SET)
		c->settings_unknown = true;
	if (type != DUCKDB_STATEMENT_TYPE_TRANSACTION)
		return;
	struct qf_token t = first_token(sql);

	c->in_transaction = is_word(t, "begin") || is_word(t, "start");
	c->transaction_failed = false;
}

/*
 * Some errors abort DuckDB's transaction (a conversion, a constraint), some do not (a missing table), and a
 * COMMIT that fails has ended it. Nothing but a statement tells.
 */
void duck_session_failed(struct qf_engine_conn *c, const char *sql, enum duck_error_kind kind)
{
	struct qf_sql_error ignored;

	if (!c->in_transaction)
		return;
	int r = kind == DUCK_ERROR_ABORTED ? -EINVAL : duck_session_run(c, "SELECT 1", &ignored, &kind);

	c->transaction_failed = r < 0 && kind == DUCK_ERROR_ABORTED;
	if (duck_session_is_commit(sql) && !c->transaction_failed)
		c->in_transaction = false;
}

bool duck_session_database_dead(struct qf_engine *e)
{
	duckdb_connection c = NULL;
	duckdb_result res;

	if (e->api.connect(e->db, &c) != DuckDBSuccess)
		return true;
	bool dead = e->api.query(c, "SELECT 1", &res) != DuckDBSuccess;

	e->api.destroy_result(&res);
	e->api.disconnect(&c);
	return dead;
}
