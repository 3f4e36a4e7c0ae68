/* Tables and columns from a file: the JSON that comes of it, or the place of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/columns.h"

#define N(v) (sizeof(v) / sizeof((v)[0]))

static void files(void **state)
{
	static const struct {
		const char *text, *json, *error; /* one of the two */
	} cases[] = {
		{ "t: { a: INTEGER }", "{\"t\":{\"a\":\"INTEGER\"}}", NULL },
		{ "t:\n  a: INTEGER\n  b: DECIMAL(10,2)\ns.U:\n  \"x y\": BIGINT[]\n",
		  "{\"t\":{\"a\":\"INTEGER\",\"b\":\"DECIMAL(10,2)\"},\"s.u\":{\"x y\":\"BIGINT[]\"}}", NULL },
		{ "{\"c.s.t\": {\"a\\\"\\\\\": \"ROW(x INTEGER)\"}}", "{\"c.s.t\":{\"a\\\"\\\\\":\"ROW(x INTEGER)\"}}", NULL },
		{ "t: {}", NULL, "x:1:4: table \"t\" has no columns" },
		{ "", NULL, "x:1:1: there are no tables in it" },
		{ " \n ", NULL, "x:1:1: there are no tables in it" },
		{ "- t", NULL, "x:1:1: there are no tables in it" },
		{ "t: INTEGER", NULL, "x:1:4: table \"t\" has no columns" },
		{ "t:\n  a:\n", NULL, "needs a type" },
		{ "t:\n  a: [INTEGER]\n", NULL, "x:2:6: column \"a\" needs a type" },
		{ "t: { a: DECIMAL(10,2) }", NULL, "needs a type, in quotes if it has a comma" },
		{ "t: {a: b}\nT: {a: b}\n", NULL, "x:2:1: table \"T\" stands here twice" },
		{ "t: {a: b, a: c}", NULL, "the key \"a\" stands here twice" },
		{ "a.b.c.d: {a: b}", NULL, "x:1:1: \"a.b.c.d\" is no table" },
		{ ".a: {a: b}", NULL, "is no table" },
		{ "a.: {a: b}", NULL, "is no table" },
		{ "t: {a: b", NULL, "not valid YAML" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct qf_err err = { 0 };
		char *json = NULL;
		int rc = qf_columns_parse(&json, qf_slice_str(cases[i].text), "x", &err);

		if ((rc == 0) != (cases[i].json != NULL))
			fail_msg("case %zu: %d %s", i, rc, err.text);
		if (rc == 0)
			assert_string_equal(json, cases[i].json);
		else if (!strstr(err.text, cases[i].error))
			fail_msg("case %zu: %s", i, err.text);
		free(json);
	}
}

static void no_file(void **state)
{
	struct qf_err err = { 0 };
	char *json = NULL;

	(void)state;
	assert_int_equal(qf_columns_load(&json, "/nonexistent/columns.yaml", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/columns.yaml"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(files), cmocka_unit_test(no_file) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
