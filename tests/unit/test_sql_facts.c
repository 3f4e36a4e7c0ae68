/* What a statement is and whether it may change anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/sql/functions.h"
#include "../../lib/sql/keywords.h"
#include "qf/clock.h"
#include "sql_statements.h"

#define N(v) (sizeof(v) / sizeof((v)[0]))

static struct qf_facts facts_of(const char *text, enum qf_dialect d)
{
	struct qf_facts f;

	qf_sql_facts(qf_slice_str(text), d, &f);
	return f;
}

static void statements_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(statements); i++) {
		struct qf_facts f = facts_of(statements[i].text, statements[i].d);
		char flags[4], *c = flags;
		if (f.returns_rows)
			*c++ = 'r';
		if (f.volatile_fn)
			*c++ = 'v';
		if (f.bad)
			*c++ = 'b';
		*c = 0;
		if (strcmp(qf_verb_name(f.verb), statements[i].verb) != 0 || "rw?"[f.access] != statements[i].access ||
			!qf_slice_eq_str(f.culprit, statements[i].culprit) || strcmp(flags, statements[i].flags) != 0)
			fail_msg("%s: %s\n  is %s %c \"%.*s\" %s", qf_dialect_name(statements[i].d), statements[i].text,
				qf_verb_name(f.verb), "rw?"[f.access], (int)f.culprit.n, (const char *)f.culprit.p,
				flags);
	}
}

static void the_first_keyword_is_kept_as_written(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "/* a */ SeLect 1", "SeLect" }, { "((select 1))", "select" }, { "With x as (select 1) table x",
			"With" },
		{ "explain analyze select 1", "explain" }, { "-- x", "" }, { "'a'", "" }, { "\"select\" 1", "" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct qf_facts f = facts_of(cases[i].text, QF_DIALECT_POSTGRES);
		if (!qf_slice_eq_str(f.word, cases[i].word))
			fail_msg("%s: \"%.*s\"", cases[i].text, (int)f.word.n, (const char *)f.word.p);
	}
}

static void depth_and_params_are_counted(void **state)
{
	static const struct {
		enum qf_dialect d;
		const char *text;
		unsigned depth, params;
	} cases[] = {
		{ QF_DIALECT_POSTGRES, "select 1", 0, 0 },
		{ QF_DIALECT_POSTGRES, "select ((1)), (2)", 2, 0 },
		{ QF_DIALECT_POSTGRES, "select array[[1]], (a)[1]", 2, 0 },
		{ QF_DIALECT_POSTGRES, "select case when a then case b when c then (d) end else e end, (f)", 3, 0 },
		{ QF_DIALECT_POSTGRES, "select a.case, b as case, (end)", 1, 0 },
		{ QF_DIALECT_POSTGRES, "select ))(", 1, 0 },
		{ QF_DIALECT_POSTGRES, "select '((', \"((\" -- ((", 0, 0 },
		{ QF_DIALECT_DUCKDB, "select {'a': [(1)]}", 3, 0 },
		{ QF_DIALECT_POSTGRES, "select $1, $2, $1, '$3', $$ $4 $$", 0, 3 },
		{ QF_DIALECT_POSTGRES, "select a ? 'b'", 0, 0 },
		{ QF_DIALECT_TRINO, "select ?, '?' from t where a = ? -- ?", 0, 2 },
		{ QF_DIALECT_CLICKHOUSE, "select {a:UInt8}, {b:Array(String)}", 0, 2 },
		{ QF_DIALECT_BIGQUERY, "select @a, @@b, ?", 0, 2 },
		{ QF_DIALECT_MYSQL, "select @a, ?", 0, 1 },
		{ QF_DIALECT_DUCKDB, "select $a, ?, ?1, $2", 0, 4 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct qf_facts f = facts_of(cases[i].text, cases[i].d);
		if (f.depth != cases[i].depth || f.params != cases[i].params)
			fail_msg("%s: depth %u, params %u", cases[i].text, f.depth, f.params);
	}
}

/* Each line is one form; within a line all are equal, between lines none. */
static void fingerprints_tell_forms_apart(void **state)
{
	static const char *const forms[][4] = {
		{ "select a from t where b = 1", "SELECT A FROM T WHERE B = 'x'", "select/* c */a from t where "
			"b=-2.5e3 -- d",
			"select a\nfrom t where b = $$x$$" },
		{ "select a from t where b = c", NULL },
		{ "select a from t where b = $1", NULL },
		{ "select a from t where b = $2", NULL },
		{ "select \"A\" from t where b = 1", NULL },
		{ "select \"a\" from t where b = 1", NULL },
		{ "select a from t where b in (1)", "select a from t where b in (1, 2, 3)", "select a from t "
			"where b in ('x',-4, +5)",
			NULL },
		{ "select a from t where b in (1, c)", "select a from t where b in (1, 2, c)", NULL },
		{ "select a from t where b in (c, 1)", NULL },
		{ "select a from t where b in ($1, $2)", NULL },
		{ "select a from t where b not in (1, 2)", "select a from t where b not in (3)", NULL },
		{ "select 1, 2", "select 3, -4", NULL },
		{ "select 1", "select -1", "select 'x'", NULL },
		{ "select a - 1", "select a - 2", NULL },
		{ "select a + 1", NULL },
		{ "select a, b", NULL },
		{ "select ab", NULL },
		{ "select f(1)", "select f(-1)", NULL },
		{ "select f(1, 2)", NULL },
		{ "", "-- x", "/* y */", NULL },
	};
	uint64_t seen[N(forms)];

	(void)state;
	for (size_t i = 0; i < N(forms); i++) {
		seen[i] = facts_of(forms[i][0], QF_DIALECT_POSTGRES).fingerprint;
		for (size_t k = 1; k < 4 && forms[i][k]; k++)
			if (facts_of(forms[i][k], QF_DIALECT_POSTGRES).fingerprint != seen[i])
				fail_msg("not equal: %s | %s", forms[i][0], forms[i][k]);
		for (size_t k = 0; k < i; k++)
			if (seen[k] == seen[i])
				fail_msg("equal: %s | %s", forms[i][0], forms[k][0]);
	}
}

/* Statements longer than one block of the hash. */
static void long_fingerprints(void **state)
{
	struct qf_buf b;
	uint64_t h[3];

	(void)state;
	qf_buf_init(&b);
	for (int i = 0; i < 3; i++) {
		qf_buf_clear(&b);
		qf_buf_add_str(&b, "select ");
		for (int k = 0; k < 2000; k++)
			qf_buf_printf(&b, "%s%d, ", i == 2 && k == 1500 ? "other" : "column", i);
		qf_buf_add_str(&b, "1");
		for (size_t k = 0; k < b.n && i < 2; k++)
			if (b.p[k] == '0' || b.p[k] == '1')
				b.p[k] = '7';
		struct qf_facts f;
		qf_sql_facts(qf_buf_slice(&b), QF_DIALECT_TRINO, &f);
		h[i] = f.fingerprint;
	}
	assert_true(h[0] == h[1]);
	assert_true(h[0] != h[2]);
	qf_buf_fini(&b);
}

static void names_are_sorted(const struct qf_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		assert_true(i == 0 || strcmp(names->v[i - 1], names->v[i]) < 0);
		assert_true(qf_names_have(names, names->v[i]));
		for (const char *c = names->v[i]; *c; c++)
			assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_');
	}
	assert_false(qf_names_have(names, ""));
	assert_false(qf_names_have(names, "zzz"));
}

static void tables_are_sorted(void **state)
{
	static const struct qf_names *const lists[] = {
		&qf_functions_common, &qf_functions_writers, &qf_functions_volatile, &qf_functions_other,
		&qf_functions_postgres, &qf_functions_duckdb, &qf_functions_trino, &qf_functions_mysql,
		&qf_functions_starrocks, &qf_functions_clickhouse, &qf_functions_spark,
	};
	unsigned flags;

	(void)state;
	for (size_t i = 0; i < N(lists); i++)
		names_are_sorted(lists[i]);
#define CHECK_KEYWORD(name, bits) assert_int_equal(qf_keyword_find(#name, &flags), KW_##name);
	QF_KEYWORDS(CHECK_KEYWORD)
#undef CHECK_KEYWORD
	assert_int_equal(qf_keyword_find("users", &flags), KW_NONE);
	assert_int_equal(flags, 0);
}

/* A function that changes something is in no list of those that change nothing. */
static void writers_are_never_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < qf_functions_writers.n; i++)
		for (int d = 0; d < QF_DIALECT_N; d++)
			if (qf_function_access((enum qf_dialect)d, qf_functions_writers.v[i]) != QF_ACCESS_WRITE)
				fail_msg("%s in %s", qf_functions_writers.v[i], qf_dialect_name((enum qf_dialect)d));
	for (int d = 0; d < QF_DIALECT_N; d++) {
		assert_int_equal(qf_function_access((enum qf_dialect)d, "my_function"), QF_ACCESS_UNKNOWN);
		assert_int_equal(qf_function_access((enum qf_dialect)d, "count"), QF_ACCESS_READ);
		assert_int_equal(qf_function_access((enum qf_dialect)d, ""), QF_ACCESS_UNKNOWN);
	}
}

/* Hostile shapes of 1 MiB: linear time, no recursion. */
static void large_text_is_linear(void **state)
{
	static const char *const units[] = { "(", "[{", "case ", "in(1,", "select f(", "'", "$a$", "/*", "+", "a.", "1e",
		";",
		"\xe2\x80", "{a:", "with x as (", "\"" };
	enum { SIZE = 1 << 20 };
	static const enum qf_dialect dialects[] = { QF_DIALECT_POSTGRES, QF_DIALECT_MYSQL, QF_DIALECT_CLICKHOUSE };
	static uint8_t p[SIZE];

	(void)state;
	for (size_t i = 0; i < N(units); i++) {
		size_t n = strlen(units[i]);
		struct qf_facts f;
		for (size_t k = 0; k < SIZE; k++)
			p[k] = (uint8_t)units[i][k % n];
		for (size_t d = 0; d < N(dialects); d++) {
			uint64_t start = qf_mono_ns();
			qf_sql_facts(qf_slice(p, SIZE), dialects[d], &f);
			if (qf_mono_ns() - start > 20 * QF_SEC)
				fail_msg("%s in %s takes too long", units[i], qf_dialect_name(dialects[d]));
		}
	}
}

static void nested_parentheses(void **state)
{
	enum { DEPTH = 100000 };
	static char text[2 * DEPTH + 16];
	struct qf_facts f;

	(void)state;
	memcpy(text, "select ", 7);
	memset(text + 7, '(', DEPTH);
	text[7 + DEPTH] = '1';
	memset(text + 8 + DEPTH, ')', DEPTH);
	f = facts_of(text, QF_DIALECT_POSTGRES);
	assert_int_equal(f.depth, DEPTH);
	assert_int_equal(f.verb, QF_VERB_SELECT);
	assert_int_equal(f.access, QF_ACCESS_READ);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_judged),
		cmocka_unit_test(the_first_keyword_is_kept_as_written),
		cmocka_unit_test(depth_and_params_are_counted),
		cmocka_unit_test(fingerprints_tell_forms_apart),
		cmocka_unit_test(long_fingerprints),
		cmocka_unit_test(tables_are_sorted),
		cmocka_unit_test(writers_are_never_reads),
		cmocka_unit_test(large_text_is_linear),
		cmocka_unit_test(nested_parentheses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
