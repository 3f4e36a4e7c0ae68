/* See sqlprepare.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sqlprepare.h"
#include "../words.h"

enum { MAX_TYPES = 1000, MAX_OID = 4096, TYPE_NAME = 80 };

/* ---- words ---- */

static struct fe_words words_behind_verb(struct pg_run *run)
{
	struct fe_words w = fe_words(run->stmt.text, pg_session_facts(run->s)->dialect);

	fe_words_next(&w);
	return w;
}

static void fail_syntax(struct pg_run *run, const struct fe_words *w)
{
	struct qf_sql_error e;

	fe_words_syntax_error(w, &e);
	pg_run_fail(run, &e);
}

/* An identifier, as the server knows it; heap. */
static char *take_name(struct fe_words *w, enum qf_dialect d)
{
	struct qf_arena *a = qf_arena_new(0);
	char *name = NULL;

	if (w->tok.type == QF_TOK_WORD)
		name = qf_slice_dup(w->tok.text);
	for (char *p = name; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	if (w->tok.type == QF_TOK_QUOTED) {
		const char *plain = qf_sql_unquote(w->tok.text, d, a);

		name = plain ? qf_xstrdup(plain) : NULL;
	}
	if (name)
		fe_words_next(w);
	qf_arena_free(a);
	return name;
}

/* ---- types ---- */

uint32_t pg_type_find(struct qf_slice name)
{
	static const char *const aliases[][2] = { { "int", "integer" }, { "int4", "integer" }, { "int8", "bigint" },
		{ "int2", "smallint" }, { "float", "double precision" }, { "float8", "double precision" }, { "float4",
			"real" },
		{ "decimal", "numeric" }, { "bool", "boolean" }, { "varchar", "character varying" }, { "char",
			"character" },
		{ "bpchar", "character" }, { "timestamp", "timestamp without time zone" },
		{ "timestamptz", "timestamp with time zone" }, { "time", "time without time zone" },
		{ "timetz", "time with time zone" }, { "varbit", "bit varying" } };
	bool array = name.n > 2 && memcmp(name.p + name.n - 2, "[]", 2) == 0;
	struct qf_slice base = qf_slice(name.p, name.n - (array ? 2 : 0));
	char wanted[TYPE_NAME + 4];

	snprintf(wanted, sizeof(wanted), "%.*s", (int)(base.n < TYPE_NAME ? base.n : TYPE_NAME), (const char *)base.p);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcasecmp(wanted, aliases[i][0]) == 0)
			snprintf(wanted, sizeof(wanted), "%s", aliases[i][1]);
	strcat(wanted, array ? "[]" : "");
	for (uint32_t oid = 1; oid < MAX_OID; oid++) {
		const char *known = qf_pg_type_name(oid);

		if (known && strcasecmp(known, wanted) == 0)
			return oid;
	}
	return 0;
}

/* One type up to `,` or `)`: its words without modifiers. False: that is no type. */
static bool take_type(struct fe_words *w, uint32_t *ret)
{
	char name[TYPE_NAME + 4] = "";
	unsigned depth = 0;

	while (!fe_words_end(w) && (depth > 0 || !(fe_words_is(w, ",") || fe_words_is(w, ")")))) {
		bool word = depth == 0 && (w->tok.type == QF_TOK_WORD || fe_words_is(w, "[") || fe_words_is(w, "]"));
		size_t n = strlen(name);

		depth += fe_words_is(w, "(");
		if (word && !fe_words_is(w, "pg_catalog"))
			snprintf(name + n, sizeof(name) - n, "%s%.*s", n && w->tok.type == QF_TOK_WORD ? " " : "",
				(int)w->tok.text.n, (const char *)w->tok.text.p);
		depth -= fe_words_is(w, ")") && depth > 0;
		fe_words_next(w);
	}
	*ret = pg_type_find(qf_slice_str(name));
	return *name;
}

/* (type, …); appended as the u32 of a Parse. */
static bool take_types(struct fe_words *w, struct qf_buf *types)
{
	uint32_t oid;

	do {
		if (types->n >= MAX_TYPES * sizeof(oid) || !take_type(w, &oid))
			return false;
		qf_buf_u32(types, oid);
	} while (fe_words_take(w, ","));
	return fe_words_take(w, ")");
}

/* ---- PREPARE name [(types)] AS statement ---- */

static bool can_be_prepared(enum qf_verb v)
{
	return v == QF_VERB_SELECT || v == QF_VERB_INSERT || v == QF_VERB_UPDATE || v == QF_VERB_DELETE ||
		v == QF_VERB_MERGE;
}

static bool name_is_free(struct pg_run *run, const char *name)
{
	struct qf_sql_error e;

	if (!pg_prepared_find(run->s, qf_slice_str(name)))
		return true;
	qf_sql_error_set(&e, "42P05", "prepared statement \"%s\" already exists", name);
	pg_run_fail(run, &e);
	return false;
}

/* The engine is asked whether it is right; pg_sql_prepared() goes on. */
static void prepare(struct pg_run *run, const char *name, struct qf_slice text, const struct qf_buf *types)
{
	struct qf_statement stmt = { .text = text, .offset = (size_t)(text.p - run->stmt.text.p) };

	run->inner = pg_statement_new(run->s, qf_slice_str(name), run->stmt.text, &stmt, qf_reader(qf_buf_slice(types)),
		(uint16_t)(types->n / sizeof(uint32_t)));
	run->inner->shift += pg_run_characters_before(run);
	pg_run_query(run, PG_STEP_DESCRIBE, text, &run->inner->facts);
}

void pg_sql_prepare(struct pg_run *run)
{
	enum qf_dialect d = pg_session_facts(run->s)->dialect;
	struct fe_words w = words_behind_verb(run);
	struct qf_buf types = { 0 };
	char *name = take_name(&w, d);
	bool ok = name && (!fe_words_take(&w, "(") || take_types(&w, &types)) && fe_words_take(&w, "as") &&
		!fe_words_end(&w);
	struct qf_slice text = QF_SLICE_NONE;
	struct qf_facts f = { 0 };

	if (ok) {
		text = qf_slice(w.tok.text.p, (size_t)(run->stmt.text.p + run->stmt.text.n - w.tok.text.p));
		qf_sql_facts(text, d, &f);
	}
	if (!ok || !can_be_prepared(f.verb))
		fail_syntax(run, &w);
	else if (name_is_free(run, name))
		prepare(run, name, text, &types);
	qf_buf_fini(&types);
	free(name);
}

void pg_sql_prepared(struct pg_run *run)
{
	struct pg_statement *st = run->inner;
	struct qf_sql_error e;

	run->inner = NULL;
	if (pg_prepared_put(run->s, st, &e))
		pg_run_complete(run, "PREPARE");
	else
		pg_run_fail(run, &e);
}

/* ---- EXECUTE name [(literal, …)] ---- */

struct pg_statement *pg_sql_target(struct pg_session *s, const struct pg_statement *st)
{
	enum qf_dialect d = pg_session_facts(s)->dialect;

	if (st->facts.verb != QF_VERB_EXECUTE)
		return NULL;
	struct fe_words w = fe_words(qf_slice(st->text, st->n), d);

	fe_words_next(&w);
	char *name = take_name(&w, d);
	struct pg_statement *target = name ? pg_prepared_find(s, qf_slice_str(name)) : NULL;

	free(name);
	return target;
}

static bool no_literal(const struct fe_words *w, struct qf_sql_error *reterr)
{
	qf_sql_error_set(reterr, "0A000", "an argument of EXECUTE that is not a literal is not supported");
	snprintf(reterr->hint, sizeof(reterr->hint), "Write a number, a string, TRUE, FALSE or NULL.");
	reterr->position = fe_characters(qf_slice(w->stmt.p, (size_t)(w->tok.text.p - w->stmt.p))) + 1;
	return false;
}

/* A cast says nothing new when it is to the parameter's own type. */
static bool take_cast(struct fe_words *w, uint32_t type, struct qf_sql_error *reterr)
{
	uint32_t oid;

	if (!fe_words_take(w, "::"))
		return true;
	struct fe_words at = *w;

	return (take_type(w, &oid) && oid && oid == type) || no_literal(&at, reterr);
}

/* Appended as a value of Bind: its length, then its text. */
static void put_value(struct qf_buf *to, const char *sign, const char *text)
{
	if (!text) {
		qf_buf_u32(to, UINT32_MAX);
		return;
	}
	qf_buf_u32(to, (uint32_t)(strlen(sign) + strlen(text)));
	qf_buf_add_str(to, sign);
	qf_buf_add_str(to, text);
}

static bool take_string(struct fe_words *w, enum qf_dialect d, struct qf_arena *a, struct qf_buf *to,
	struct qf_sql_error *reterr)
{
	const char *text = qf_sql_unquote(w->tok.text, d, a);

	if (text) {
		put_value(to, "", text);
		return true;
	}
	qf_sql_error_set(reterr, "22025", "invalid escape in a string literal");
	reterr->position = fe_characters(qf_slice(w->stmt.p, (size_t)(w->tok.text.p - w->stmt.p))) + 1;
	return false;
}

static bool take_literal(struct fe_words *w, enum qf_dialect d, uint32_t type, struct qf_buf *to,
	struct qf_sql_error *reterr)
{
	struct qf_arena *a = qf_arena_new(0);
	bool minus = fe_words_take(w, "-");
	struct qf_token tok = w->tok;
	bool word = fe_words_is(w, "true") || fe_words_is(w, "false");
	bool ok = true;

	if (!minus)
		fe_words_take(w, "+");
	if (tok.type == QF_TOK_NUMBER || (word && !minus))
		put_value(to, minus ? "-" : "", qf_arena_strndup(a, tok.text.p, tok.text.n));
	else if (tok.type == QF_TOK_STRING && !minus && (tok.text.p[0] | 0x20) != 'b' && (tok.text.p[0] | 0x20) != 'x')
		ok = take_string(w, d, a, to, reterr);
	else if (fe_words_is(w, "null") && !minus)
		put_value(to, "", NULL);
	else
		ok = no_literal(w, reterr);
	qf_arena_free(a);
	if (!ok)
		return false;
	fe_words_next(w);
	if (!take_cast(w, type, reterr))
		return false;
	return fe_words_is(w, ",") || fe_words_is(w, ")") || no_literal(w, reterr);
}

static bool wrong_number(const struct pg_statement *st, size_t n, struct qf_sql_error *reterr)
{
	qf_sql_error_set(reterr, "42601", "wrong number of parameters for prepared statement \"%.200s\"", st->name);
	snprintf(reterr->detail, sizeof(reterr->detail), "Expected %u parameters but got %zu.", st->n_params, n);
	return false;
}

static bool take_args(struct fe_words *w, enum qf_dialect d, const struct pg_statement *st, struct qf_buf *values,
		      struct qf_sql_error *reterr)
{
	size_t n = 0;

	if (fe_words_take(w, "(")) {
		do
			if (!take_literal(w, d, pg_statement_type(st, n++), values, reterr))
				return false;
		while (n <= UINT16_MAX && fe_words_take(w, ","));
		if (!fe_words_take(w, ")"))
			return fe_words_syntax_error(w, reterr);
	}
	if (!fe_words_end(w))
		return fe_words_syntax_error(w, reterr);
	return n == st->n_params || wrong_number(st, n, reterr);
}

static void run_target(struct pg_run *run, struct pg_statement *st, struct qf_slice values)
{
	struct qf_pg_bind b = { .n_values = st->n_params, .values = qf_reader(values) };

	run->inner = pg_statement_ref(st);
	run->args = pg_portal_new(run->s, st, &b);
	run->stmt = (struct qf_statement){ .text = qf_slice(st->text, st->n) };
	run->facts = st->facts;
	pg_run_at_engine(run);
}

void pg_sql_execute(struct pg_run *run)
{
	enum qf_dialect d = pg_session_facts(run->s)->dialect;
	struct fe_words w = words_behind_verb(run);
	char *name = take_name(&w, d);
	struct pg_statement *st = name ? pg_prepared_find(run->s, qf_slice_str(name)) : NULL;
	struct qf_buf values = { 0 };
	struct qf_sql_error e;

	if (!name) {
		fail_syntax(run, &w);
	} else if (!st || !*name) {
		pg_prepared_missing(qf_slice_str(name), &e);
		pg_run_fail(run, &e);
	} else if (!take_args(&w, d, st, &values, &e)) {
		pg_run_fail(run, &e);
	} else if (st->local) {
		qf_sql_error_set(&e, "0A000",
			"EXECUTE of \"%.200s\" is not supported: it is answered by the session itself", name);
		snprintf(e.hint, sizeof(e.hint), "Send the statement itself.");
		pg_run_fail(run, &e);
	} else {
		run_target(run, st, qf_buf_slice(&values));
	}
	qf_buf_fini(&values);
	free(name);
}

/* ---- DEALLOCATE [PREPARE] name | ALL ---- */

void pg_sql_deallocate(struct pg_run *run)
{
	struct fe_words w = words_behind_verb(run);
	struct qf_sql_error e;

	fe_words_take(&w, "prepare");
	bool all = fe_words_is(&w, "all");
	char *name = take_name(&w, pg_session_facts(run->s)->dialect);
	struct pg_statement *st = name && *name ? pg_prepared_find(run->s, qf_slice_str(name)) : NULL;

	if (!name || !fe_words_end(&w)) {
		fail_syntax(run, &w);
	} else if (all) {
		pg_prepared_drop_all(run->s);
		pg_run_complete(run, "DEALLOCATE ALL");
	} else if (st) {
		pg_prepared_drop(run->s, st);
		pg_run_complete(run, "DEALLOCATE");
	} else {
		pg_prepared_missing(qf_slice_str(name), &e);
		pg_run_fail(run, &e);
	}
	free(name);
}
