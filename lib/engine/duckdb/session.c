/*
 * What a DuckDB connection holds between statements: settings and transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/sql.h"
#include "shown.h"

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

/* ---- settings: these are DuckDB's; what else a session has set is for other engines ---- */

struct setting {
	const char *name;   /* the contract's */
	const char *prefix; /* the statement before the quoted value */
	const char *dflt;
	size_t at; /* of what the connection has, in struct qf_engine_conn; NULL there is the default */
	bool is_name; /* read as a list of qualified names: a name that is one goes in quotes */
};

static const struct setting settings[] = {
	{ "timezone", "SET SESSION TimeZone = ", "UTC", offsetof(struct qf_engine_conn, timezone), false },
	{ "schema", "SET SESSION search_path = ", "", offsetof(struct qf_engine_conn, search_path), true },
};

static const char *wanted(const struct setting *s, const struct qf_engine_job *job)
{
	for (size_t i = 0; i < job->n_settings; i++)
		if (strcmp(job->settings[i].name, s->name) == 0)
			return job->settings[i].value;
	return s->dflt;
}

static void put_value(struct qf_buf *sql, const struct setting *s, const char *value)
{
	bool quoted = s->is_name && *value;

	qf_buf_add_str(sql, quoted ? "'\"" : "'");
	for (const char *p = value; *p; p++) {
		if (*p == '\'' || (quoted && *p == '"'))
			qf_buf_u8(sql, (uint8_t)*p);
		qf_buf_u8(sql, (uint8_t)*p);
	}
	qf_buf_add_str(sql, quoted ? "\"'" : "'");
}

static int apply(struct qf_engine_conn *c, const struct setting *s, const char *value, struct qf_sql_error *e)
{
	char **has = (char **)(void *)((char *)c + s->at);
	enum duck_error_kind kind;
	struct qf_buf sql;

	if (!c->settings_unknown && strcmp(*has ? *has : s->dflt, value) == 0)
		return 0;
	qf_buf_init(&sql);
	qf_buf_add_str(&sql, s->prefix);
	put_value(&sql, s, value);
	int r = duck_session_run(c, qf_buf_cstr(&sql), e, &kind);

	qf_buf_fini(&sql);
	if (r == 0) {
		free(*has);
		*has = qf_xstrdup(value);
	}
	return r;
}

/*
 * Who the session is, for statements about the catalog: DuckDB has one user, and calls its database by the file's name.
 * It writes a variable into a statement when it binds it.
 */
static int tell(struct qf_engine_conn *c, const char *variable, char **has, const char *value, struct qf_sql_error *e)
{
	enum duck_error_kind kind;
	struct qf_buf sql;

	if (!value || (*has && strcmp(*has, value) == 0))
		return 0;
	qf_buf_init(&sql);
	qf_buf_printf(&sql, "SET VARIABLE %s = '", variable);
	for (const char *p = value; *p; p++) {
		if (*p == '\'')
			qf_buf_u8(&sql, '\'');
		qf_buf_u8(&sql, (uint8_t)*p);
	}
	qf_buf_u8(&sql, '\'');
	int r = duck_session_run(c, qf_buf_cstr(&sql), e, &kind);

	qf_buf_fini(&sql);
	if (r < 0)
		return r;
	free(*has);
	*has = qf_xstrdup(value);
	duck_cache_clear(c);
	return 0;
}

int duck_session_settings(struct qf_engine_conn *c, const struct qf_engine_job *job, struct qf_sql_error *e)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		int r = apply(c, &settings[i], wanted(&settings[i], job), e);

		if (r < 0)
			return r;
	}
	c->settings_unknown = false;
	if (!duck_shown_marked(job->sql))
		return 0;
	int r = tell(c, "qf_user", &c->user, job->user, e);

	return r < 0 ? r : tell(c, "qf_database", &c->database, job->database, e);
}

/* ---- transactions ---- */

static bool first_is(const char *sql, const char *word, const char *or_word)
{
	struct qf_lexer lx = qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);
	struct qf_token t = qf_lex(&lx);

	while (t.type == QF_TOK_COMMENT)
		t = qf_lex(&lx);
	return t.type == QF_TOK_WORD && (qf_slice_caseeq_str(t.text, word) || qf_slice_caseeq_str(t.text, or_word));
}

bool duck_session_is_commit(const char *sql)
{
	return first_is(sql, "commit", "end");
}

bool duck_session_ends_transaction(const char *sql)
{
	return duck_session_is_commit(sql) || first_is(sql, "rollback", "abort");
}

/* EXPLAIN is none of these: with ANALYZE it runs its statement. */
bool duck_session_reads_only(duckdb_statement_type type)
{
	return type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_TRANSACTION ||
	       type == DUCKDB_STATEMENT_TYPE_SET || type == DUCKDB_STATEMENT_TYPE_VARIABLE_SET;
}

bool duck_session_leaves_no_state(duckdb_statement_type type)
{
	switch (type) {
	case DUCKDB_STATEMENT_TYPE_SELECT:
	case DUCKDB_STATEMENT_TYPE_INSERT:
	case DUCKDB_STATEMENT_TYPE_UPDATE:
	case DUCKDB_STATEMENT_TYPE_DELETE:
	case DUCKDB_STATEMENT_TYPE_MERGE_INTO:
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
	if (!duck_session_leaves_no_state(type))
		c->dirty = true;
	if (type == DUCKDB_STATEMENT_TYPE_SET || type == DUCKDB_STATEMENT_TYPE_VARIABLE_SET) {
		c->settings_unknown = true;
		duck_cache_clear(c);
	}
	if (type != DUCKDB_STATEMENT_TYPE_TRANSACTION)
		return;
	c->in_transaction = first_is(sql, "begin", "start");
	duck_savepoints_clear(c);
	c->catalog = c->job.before.changing ? 0 : c->job.before.number;
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
