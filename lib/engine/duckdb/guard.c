/*
 * What a client may not run. DuckDB's own lock and file rules leave these open:
 *
 * - PRAGMA, ATTACH, ALTER DATABASE, LOAD, SET GLOBAL … change the database for every session, and EXPLAIN ANALYZE
 *   carries out what it explains;
 * - enable_logging() is a table function that a SELECT can call; pointed at a file that may not be opened it makes
 *   every later statement of the whole database fail, and closing the database then ends this process;
 *   enable_profiling() writes to stdout, enable_peg_parser() exchanges the parser;
 * - query('…') and json_execute_serialized_sql('…') run text made at run time, which could name these.
 *
 * And what a client of PostgreSQL may ask for, but DuckDB does not have.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "qf/sql.h"

static struct qf_token next_token(struct qf_lexer *lx)
{
	struct qf_token t = qf_lex(lx);

	while (t.type == QF_TOK_COMMENT)
		t = qf_lex(lx);
	return t;
}

static struct qf_lexer lexer(const char *sql)
{
	return qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);
}

static bool is_name(struct qf_token t, const char *name)
{
	if (t.type == QF_TOK_QUOTED && t.text.n >= 2)
		t.text = qf_slice(t.text.p + 1, t.text.n - 2);
	else if (t.type != QF_TOK_WORD)
		return false;
	return qf_slice_caseeq_str(t.text, name);
}

static bool is_op(struct qf_token t, const char *op)
{
	return t.type == QF_TOK_OP && qf_slice_eq_str(t.text, op);
}

/* One plain literal, whose text is seen by the search for forbidden names; no escapes, nothing put together. */
static bool is_one_literal(struct qf_lexer lx)
{
	struct qf_token t = next_token(&lx);

	return t.type == QF_TOK_STRING && (t.text.p[0] == '\'' || t.text.p[0] == '$') && is_op(next_token(&lx), ")");
}

/* WITH query(a, b) AS …: columns. A macro's body could pass its parameter so. */
static bool is_name_list(struct qf_lexer lx, const char *sql)
{
	struct qf_token t = next_token(&lx);

	while (t.type == QF_TOK_WORD || t.type == QF_TOK_QUOTED || is_op(t, ","))
		t = next_token(&lx);
	return is_op(t, ")") && !strcasestr(sql, "macro") && !strcasestr(sql, "function");
}

static bool runs_made_text(const char *sql)
{
	struct qf_lexer lx = lexer(sql);
	struct qf_token t;

	if (!strcasestr(sql, "query") && !strcasestr(sql, "json_execute"))
		return false;
	while ((t = next_token(&lx)).type != QF_TOK_END) {
		bool query = is_name(t, "query");
		struct qf_lexer ahead = lx;

		if (!query && !is_name(t, "json_execute_serialized_sql"))
			continue;
		if (!is_op(next_token(&ahead), "(") || (query && is_one_literal(ahead)) || is_name_list(ahead, sql))
			continue;
		return true;
	}
	return false;
}

/* In strings and comments too: a literal may be the text that query() runs. */
static bool names_forbidden(const char *sql)
{
	return strcasestr(sql, "enable_logging") || strcasestr(sql, "enable_profil") ||
	       strcasestr(sql, "able_peg_parser");
}

static bool is_global(const char *sql)
{
	struct qf_lexer lx = lexer(sql);

	next_token(&lx);
	return is_name(next_token(&lx), "global");
}

/* Runs statements from files. */
static bool is_import(const char *sql)
{
	struct qf_lexer lx = lexer(sql);

	return is_name(next_token(&lx), "import");
}

static bool is_alter_database(const char *sql)
{
	struct qf_lexer lx = lexer(sql);

	return is_name(next_token(&lx), "alter") && is_name(next_token(&lx), "database");
}

/* The token behind EXPLAIN, ANALYZE and a list of options such as (FORMAT json). */
static struct qf_token explained(struct qf_lexer *lx)
{
	struct qf_token t = next_token(lx);
	struct qf_lexer ahead = *lx;

	if (is_name(t, "analyze") || is_name(t, "verbose"))
		return explained(lx);
	if (!is_op(t, "("))
		return t;
	t = next_token(&ahead);
	if (!is_name(t, "format") && !is_name(t, "analyze"))
		return is_op(t, "(") ? t : (struct qf_token){ .type = QF_TOK_WORD, .text = qf_slice_str("select") };
	while (t.type != QF_TOK_END && !is_op(t, ")"))
		t = next_token(&ahead);
	*lx = ahead;
	return explained(lx);
}

/* What stands behind EXPLAIN has no type of its own here. */
static bool explains_command(const char *sql)
{
	static const char *const queries[] = { "select", "with",   "from",	 "values",   "table", "pivot",	"unpivot",
					       "insert", "update", "delete",	 "merge",    "copy",  "create", "drop",
					       "alter",	 "show",   "truncate", "describe", "summarize" };
	struct qf_lexer lx = lexer(sql);
	struct qf_token t;

	if (!is_name(next_token(&lx), "explain"))
		return false;
	t = explained(&lx);
	if (is_name(t, "update") && is_name(next_token(&lx), "extensions"))
		return true;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		if (is_name(t, queries[i]))
			return false;
	return t.type == QF_TOK_WORD || t.type == QF_TOK_QUOTED;
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
		if (explains_command(sql))
			return "EXPLAIN of a command";
		return is_alter_database(sql) ? "ALTER DATABASE" : NULL;
	}
}

static int refuse(struct qf_sql_error *e, const char *what)
{
	static const char hint[] = "Use the cluster's initSql.";

	qf_sql_error_set(
		e, "42501", "%s: not allowed here, because it would change the database for all sessions", what);
	memcpy(e->hint, hint, sizeof(hint));
	return -EPERM;
}

/* ---- what is not there ---- */

static int lack(struct qf_sql_error *e, const char *what, const char *hint)
{
	qf_sql_error_set(e, "0A000", "%s not supported", what);
	snprintf(e->hint, sizeof(e->hint), "%s", hint);
	return -ENOTSUP;
}

/* What a COPY reads from or writes to, when that is the client itself: the word, or no token. */
static struct qf_token copies_to_client(struct qf_lexer lx)
{
	struct qf_token t = next_token(&lx), before = t;
	int depth = 0;

	for (; t.type != QF_TOK_END; before = t, t = next_token(&lx)) {
		depth += is_op(t, "(") - is_op(t, ")");
		if (depth > 0 || t.type != QF_TOK_WORD || (!is_name(before, "from") && !is_name(before, "to")))
			continue;
		if (is_name(t, "stdin") || is_name(t, "stdout"))
			return t;
	}
	return t;
}

static int check_lacking(const char *sql, struct qf_sql_error *e)
{
	struct qf_lexer lx = lexer(sql);
	struct qf_token verb = next_token(&lx), end;

	if (verb.type != QF_TOK_WORD)
		return 0;
	if (is_name(verb, "listen") || is_name(verb, "unlisten") || is_name(verb, "notify"))
		return lack(e, "LISTEN and NOTIFY are", "Sessions cannot notify each other here; poll a table.");
	if (is_name(verb, "declare") || is_name(verb, "fetch") || is_name(verb, "move") || is_name(verb, "close"))
		return lack(e, "cursors of this protocol are", "Send the query itself: its rows are streamed as fast as the client reads them.");
	if (!is_name(verb, "copy"))
		return 0;
	end = copies_to_client(lx);
	if (is_name(end, "stdin"))
		return lack(e, "COPY FROM STDIN is", "Use INSERT.");
	if (is_name(end, "stdout"))
		return lack(e, "COPY TO STDOUT is", "Use SELECT; psql --csv prints the same format.");
	return 0;
}

int duck_guard_text(const char *sql, struct qf_sql_error *e)
{
	if (names_forbidden(sql))
		return refuse(e, "logging, profiling and parser functions");
	if (runs_made_text(sql))
		return refuse(e, "SQL text made at run time");
	return is_import(sql) ? refuse(e, "IMPORT DATABASE") : check_lacking(sql, e);
}

int duck_guard_type(duckdb_statement_type type, const char *sql, struct qf_sql_error *e)
{
	const char *what = forbidden(type, sql);

	return what ? refuse(e, what) : 0;
}
