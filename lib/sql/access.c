/*
 * What makes a statement something else than a certain read: words, operators, and calls of functions that
 * are not known to change nothing.
 */
#include <string.h>

#include "facts.h"
#include "functions.h"
#include "lex.h"

static bool mysql_family(enum qf_dialect d)
{
	return d == QF_DIALECT_MYSQL || d == QF_DIALECT_STARROCKS;
}

static bool prev_is(const struct qf_scan *s, enum qf_keyword kw)
{
	return s->prev.kw == kw;
}

static bool is_name(const struct qf_token *t)
{
	return t->type == QF_TOK_WORD || t->type == QF_TOK_QUOTED;
}

/*
 * A statement that changes data inside of another: WITH x AS (DELETE FROM t RETURNING *) …, or behind the queries of its
 * own WITH: (WITH y AS (SELECT 1) DELETE FROM t …). SELECT (1) delete FROM t, an alias, counts as one too.
 */
static bool nested_write(const struct qf_scan *s)
{
	enum qf_keyword kw = s->cur.kw;

	if (kw != KW_insert && kw != KW_update && kw != KW_delete && kw != KW_merge)
		return false;
	if (qf_scan_is_op(&s->prev.tok, '('))
		return is_name(&s->next);
	if (!qf_scan_is_op(&s->prev.tok, ')'))
		return false;
	if (kw == KW_update)
		return is_name(&s->next);
	return qf_slice_caseeq_str(s->next.text, kw == KW_delete ? "from" : "into");
}

/* SELECT … FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE; LOCK IN SHARE MODE. */
static bool locks_rows(const struct qf_scan *s)
{
	enum qf_keyword kw = s->cur.kw;

	if (kw == KW_lock)
		return mysql_family(s->d) && qf_slice_caseeq_str(s->next.text, "in");
	return prev_is(s, KW_for) && (kw == KW_update || kw == KW_share || kw == KW_no || kw == KW_key);
}

static bool takes_sequence(const struct qf_scan *s)
{
	if (s->cur.kw == KW_nextval)
		return qf_scan_is_op(&s->prev.tok, '.') && !qf_scan_is_op(&s->next, '(');
	return s->cur.kw == KW_for && prev_is(s, KW_value) && s->prev2.kw == KW_next;
}

/* UNPIVOT … INTO NAME x VALUE y names columns. */
static bool stores(const struct qf_scan *s)
{
	if (s->cur.kw != KW_into)
		return false;
	return s->d != QF_DIALECT_DUCKDB || !qf_slice_caseeq_str(s->next.text, "name");
}

/* SQL Server needs no ';' between statements: any verb may start the next one. */
static bool starts_another(const struct qf_scan *s)
{
	switch (s->cur.kw) {
	case KW_alter:
	case KW_begin:
	case KW_call:
	case KW_commit:
	case KW_create:
	case KW_delete:
	case KW_drop:
	case KW_exec:
	case KW_execute:
	case KW_grant:
	case KW_insert:
	case KW_merge:
	case KW_revoke:
	case KW_rollback:
	case KW_truncate:
	case KW_update:
	case KW_use:
		return s->d == QF_DIALECT_TSQL && s->index > 0 && !qf_scan_is_op(&s->prev.tok, '.');
	default:
		return false;
	}
}

/* Variables that only this session has: another connection would answer otherwise. */
static bool session_variable(const struct qf_scan *s)
{
	struct qf_slice t = s->cur.tok.text;

	if (t.n < 2)
		return false;
	if (mysql_family(s->d))
		return t.p[0] == '@' && t.p[1] != '@';
	return s->d == QF_DIALECT_SNOWFLAKE && t.p[0] == '$' && !(t.p[1] >= '0' && t.p[1] <= '9');
}

/* SELECT TRANSFORM (…) USING 'program'. */
static bool runs_program(const struct qf_scan *s)
{
	return s->cur.kw == KW_using && s->next.type == QF_TOK_STRING &&
	       (s->d == QF_DIALECT_SPARK || s->d == QF_DIALECT_HIVE || s->d == QF_DIALECT_DATABRICKS);
}

void qf_scan_word_access(struct qf_scan *s)
{
	struct qf_slice text = s->cur.tok.text;
	bool named = qf_scan_is_op(&s->prev.tok, '.') || prev_is(s, KW_as);

	if (s->cur.flags & KW_TIME && !named)
		s->f->volatile_fn = true;
	if (s->cur.kw == KW_tablesample || (s->cur.kw == KW_sample && prev_is(s, KW_using)))
		s->f->volatile_fn = true;
	if (stores(s) && s->f->verb == QF_VERB_SELECT && s->level == s->base)
		s->f->returns_rows = false;
	if (s->muted)
		return;
	if (nested_write(s) || locks_rows(s) || takes_sequence(s) || stores(s))
		qf_scan_mark(s, QF_ACCESS_WRITE, text);
	else if (session_variable(s) || runs_program(s) || starts_another(s))
		qf_scan_mark(s, QF_ACCESS_UNKNOWN, text);
}

/* Keywords that are no function only behind certain others. */
static bool plain_here(const struct qf_scan *s)
{
	bool behind_call = qf_scan_is_op(&s->prev.tok, ')');

	switch (s->cur.kw) {
	case KW_filter:
	case KW_repeatable:
		return behind_call;
	case KW_over:
		return behind_call || prev_is(s, KW_nulls);
	case KW_sets:
		return prev_is(s, KW_grouping);
	case KW_materialized:
		return prev_is(s, KW_as) || prev_is(s, KW_not);
	default:
		return (s->cur.flags & KW_PLAIN) != 0;
	}
}

/* FROM f(x) t(a, b), FROM users u(id, name): a list of column names, not a call. */
static bool names_columns(const struct qf_scan *s)
{
	const struct qf_token *before = &s->prev2.tok;

	if (!qf_scan_level_bit(s, s->in_from))
		return false;
	if (qf_scan_is_op(&s->prev.tok, ')') || prev_is(s, KW_ordinality))
		return true;
	if (!is_name(&s->prev.tok) || s->prev.flags & (KW_PLAIN | KW_STARTS))
		return false;
	return s->prev2.kw == KW_from || s->prev2.kw == KW_join || s->prev2.kw == KW_only ||
	       qf_scan_is_op(before, ',') || qf_scan_is_op(before, '.');
}

/* WITH t(a, b) AS …; in ClickHouse an expression stands there. */
static bool names_with(const struct qf_scan *s)
{
	if (s->d == QF_DIALECT_CLICKHOUSE || !qf_scan_level_bit(s, s->in_with))
		return false;
	return prev_is(s, KW_with) || prev_is(s, KW_recursive) || qf_scan_is_op(&s->prev.tok, ',');
}

static bool is_cast(const struct qf_token *t)
{
	return t->type == QF_TOK_OP && qf_slice_eq_str(t->text, "::");
}

static bool is_call(const struct qf_scan *s)
{
	if (s->f->verb == QF_VERB_COPY && (s->level == s->base || s->copy_to))
		return false;
	if (s->chain > 0)
		return true;
	if (plain_here(s) && s->cur.tok.type == QF_TOK_WORD)
		return false;
	return !prev_is(s, KW_as) && !is_cast(&s->prev.tok) && !names_columns(s) && !names_with(s);
}

/* A quoted name is the function of that very spelling; with a quote inside it is none that is known. */
static void quoted_name(struct qf_scan *s)
{
	struct qf_slice t = s->cur.tok.text;

	s->low[0] = 0;
	if (t.n < 3 || t.n - 2 >= sizeof(s->low))
		return;
	memcpy(s->low, t.p + 1, t.n - 2);
	s->low[t.n - 2] = 0;
}

static bool qualified_known(const struct qf_scan *s)
{
	char schema[SCAN_WORD];

	if (s->chain == 0)
		return true;
	/* DuckDB: f(x).g() calls g with f(x) before its arguments. */
	if (s->d == QF_DIALECT_DUCKDB && !is_name(&s->prev2.tok))
		return true;
	return s->chain == 1 && s->prev2.tok.type == QF_TOK_WORD &&
	       qf_lex_fold(s->prev2.tok.text, schema, sizeof(schema)) && qf_function_schema(s->d, schema);
}

void qf_scan_call_access(struct qf_scan *s)
{
	struct qf_slice name = s->cur.tok.text;

	if (!is_call(s))
		return;
	if (s->cur.tok.type == QF_TOK_QUOTED)
		quoted_name(s);
	if (qf_function_volatile(s->low))
		s->f->volatile_fn = true;
	if (s->muted)
		return;
	/* TABLESAMPLE SYSTEM (10); anything else there is a function of the user. */
	if (prev_is(s, KW_tablesample) && (strcmp(s->low, "system") == 0 || strcmp(s->low, "bernoulli") == 0))
		return;
	enum qf_access a = qualified_known(s) ? qf_function_access(s->d, s->low) : QF_ACCESS_UNKNOWN;
	if (a == QF_ACCESS_READ)
		return;
	if (s->chain > 0 && is_name(&s->prev2.tok))
		name = qf_slice(s->prev2.tok.text.p, (size_t)(name.p - s->prev2.tok.text.p) + name.n);
	qf_scan_mark(s, a, name);
}

void qf_scan_op_access(struct qf_scan *s)
{
	struct qf_slice t = s->cur.tok.text;
	uint8_t c = t.p[0];

	/* Executed comments, and bytes that mean nothing to us, may be anything. */
	if ((c == '/' && t.n > 3 && t.p[1] == '*') || c < ' ' || c == 0x7f || c == '$' || c == '\\')
		qf_scan_mark(s, QF_ACCESS_UNKNOWN, t);
	else if (mysql_family(s->d) && !s->muted && qf_slice_eq_str(t, ":="))
		qf_scan_mark(s, QF_ACCESS_UNKNOWN, t);
}
