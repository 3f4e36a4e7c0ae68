/* SET, RESET and SHOW. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/sql.h"

#define N(v) (sizeof(v) / sizeof((v)[0]))

/* local name=value, name=default, all; the error's beginning after "!". */
static void write_setting(char *buf, size_t size, const char *text, enum qf_dialect d, struct qf_arena *a)
{
	struct qf_setting_stmt s = { .name = "untouched" };
	struct qf_err err = { 0 };
	int rc = qf_sql_setting(qf_slice_str(text), d, a, &s, &err);

	if (rc) {
		assert_int_equal(rc, QF_EMALFORMED);
		assert_int_equal(err.code, rc);
		assert_string_equal(s.name, "untouched");
		snprintf(buf, size, "!%s", err.text);
		return;
	}
	assert_true(!s.to_default || !s.value);
	snprintf(buf, size, "%s%s%s%s", s.local ? "local " : "", s.all ? "all" : s.name,
		s.to_default ? "=default" : s.value ? "=" : "", s.value ? s.value : "");
}

static void settings_are_read(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "set work_mem = '4MB'", "work_mem=4MB" },
		{ "SET Work_Mem TO 4", "work_mem=4" },
		{ "set session x = on", "x=on" },
		{ "set local x = -1", "local x=-1" },
		{ "set x = - 1.5", "x=-1.5" },
		{ "set x=+2", "x=2" },
		{ "set x = Foo", "x=foo" },
		{ "set x = \"Foo\"", "x=Foo" },
		{ "set x = 'it''s'", "x=it's" },
		{ "set x = E'a\\tb'", "x=a\tb" },
		{ "set x = $$a'b$$", "x=a'b" },
		{ "set x = ''", "x=" },
		{ "set x = '', 'a'", "x=, a" },
		{ "set x to default", "x=default" },
		{ "set local x = default", "local x=default" },
		{ "set \"Application_Name\" = 'x'", "application_name=x" },
		{ "set queryflux.dialect = 'trino'", "queryflux.dialect=trino" },
		{ "set \"QueryFlux\".Dialect to trino;", "queryflux.dialect=trino" },
		{ "set datestyle = ISO, MDY", "datestyle=iso, mdy" },
		{ "set search_path = \"$user\", public, \"A b\", Foo", "search_path=\"$user\", public, \"A b\", foo" },
		{ "set search_path to 'a, b', c", "search_path=\"a, b\", c" },
		{ "set search_path = 'a\"b'", "search_path=\"a\"\"b\"" },
		{ "set schema 'x'", "search_path=x" },
		{ "set schema = 'main'", "schema=main" },
		{ "/* a */ set -- b\n x /* c */ = /* d */ 1 -- e", "x=1" },
		{ "set names 'latin1'", "client_encoding=latin1" },
		{ "set names default", "client_encoding=default" },
		{ "set names", "client_encoding=default" },
		{ "set names = 'x'", "names=x" },
		{ "set role none", "role=none" },
		{ "set local role \"Bob\"", "local role=Bob" },
		{ "set session authorization default", "session_authorization=default" },
		{ "set session authorization 'bob'", "session_authorization=bob" },
		{ "set session = 1", "session=1" },
		{ "set local.x = 1", "local.x=1" },
		{ "set global threads = 4", "threads=4" },
		{ "set time zone 'Europe/Berlin'", "timezone=Europe/Berlin" },
		{ "set local time zone utc", "local timezone=utc" },
		{ "set session time zone local", "timezone=default" },
		{ "set time zone default", "timezone=default" },
		{ "set time zone 2", "timezone=<+02>-02" },
		{ "set time zone +2", "timezone=<+02>-02" },
		{ "set time zone -7", "timezone=<-07>+07" },
		{ "set time zone 5.5", "timezone=<+05:30>-05:30" },
		{ "set time zone -3.25", "timezone=<-03:15>+03:15" },
		{ "set time zone 0", "timezone=<+00>-00" },
		{ "set time zone 10.99", "timezone=<+10:59:24>-10:59:24" },
		{ "set time zone interval '+02:00' hour to minute", "timezone=<+02>-02" },
		{ "set time zone interval '-05:30' hour to minute", "timezone=<-05:30>+05:30" },
		{ "set time zone interval '3' hour", "timezone=<+03>-03" },
		{ "set timezone to 'UTC'", "timezone=UTC" },
		{ "set time = 1", "time=1" },
		{ "reset x", "x=default" },
		{ "reset a.b;", "a.b=default" },
		{ "RESET ALL", "all=default" },
		{ "reset time zone", "timezone=default" },
		{ "reset session authorization", "session_authorization=default" },
		{ "show x", "x" },
		{ "show \"Foo\".bar", "foo.bar" },
		{ "show all", "all" },
		{ "show time zone", "timezone" },
		{ "SHOW TRANSACTION ISOLATION LEVEL", "transaction_isolation" },
		{ "show session authorization", "session_authorization" },
		{ "show tables", "tables" },

		{ "", "!SET, RESET or SHOW is expected, but the statement ends" },
		{ "select 1", "!SET, RESET or SHOW is expected at \"select\"" },
		{ "set", "!the name of a setting is expected, but the statement ends" },
		{ "set x", "!= or TO is expected, but the statement ends" },
		{ "set x 1", "!= or TO is expected at \"1\"" },
		{ "set x =", "!a value is expected: a string, a name, a number, DEFAULT, but the statement ends" },
		{ "set x = (select 1)", "!a value is expected: a string, a name, a number, DEFAULT at \"(\"" },
		{ "set x = 1 + 1", "!more than one setting or value is not understood at \"+\"" },
		{ "set x = 1,", "!a value is expected: a string, a name, a number, DEFAULT, but the statement ends" },
		{ "set a = 1, b = 2", "!more than one setting or value is not understood at \"=\"" },
		{ "set x = -a", "!a number is expected at \"a\"" },
		{ "set x = 'a", "!a value is expected: a string, a name, a number, DEFAULT at \"'a\"" },
		{ "set x = E'\\000'", "!the value cannot be read at \"E'\\000'\"" },
		{ "set a. = 1", "!the name of a setting is expected at \"=\"" },
		{ "set 'x' = 1", "!the name of a setting is expected at \"'x'\"" },
		{ "set variable x = 1", "!= or TO is expected at \"x\"" },
		{ "set transaction read only", "!this SET changes no setting at \"read\"" },
		{ "set session characteristics as transaction read only", "!this SET changes no setting at \"as\"" },
		{ "set constraints all deferred", "!this SET changes no setting at \"all\"" },
		{ "set time zone",
			"!a value is expected: a string, a name, a number, DEFAULT, but the statement ends" },
		{ "set time zone 200", "!the offset in hours is expected at \"200\"" },
		{ "set time zone -", "!the offset in hours is expected, but the statement ends" },
		{ "set time zone interval '2'",
			"!a time zone interval must be HOUR or HOUR TO MINUTE, but the statement ends" },
		{ "set time zone interval 'x' hour", "!the offset must look like '+02:00', but the statement ends" },
		{ "set time zone interval '1:99' hour", "!the offset must look like '+02:00', but the statement ends" },
		{ "set time zone interval 2 hour", "!an offset is expected at \"2\"" },
		{ "reset", "!the name of a setting is expected, but the statement ends" },
		{ "reset x y", "!more than one setting or value is not understood at \"y\"" },
		{ "show x like 'a'", "!more than one setting or value is not understood at \"like\"" },
		{ "show transaction", "!ISOLATION LEVEL is expected, but the statement ends" },
		{ "set x = 1; set y = 2", "!more than one setting or value is not understood at \";\"" },
	};
	struct qf_arena *a = qf_arena_new(0);
	char buf[500];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		write_setting(buf, sizeof(buf), cases[i].text, QF_DIALECT_POSTGRES, a);
		if (strcmp(buf, cases[i].result) != 0)
			fail_msg("%s\n  is   %s\n  not  %s", cases[i].text, buf, cases[i].result);
	}
	qf_arena_free(a);
}

static void dialects_quote_in_their_way(void **state)
{
	static const struct {
		enum qf_dialect d;
		const char *text, *result;
	} cases[] = {
		{ QF_DIALECT_TRINO, "SET SESSION hive.x = true", "hive.x=true" },
		{ QF_DIALECT_TRINO, "set session x = 'a\\b'", "x=a\\b" },
		{ QF_DIALECT_MYSQL, "set `Sql_Mode` = \"a\\\"b\"", "sql_mode=a\"b" },
		{ QF_DIALECT_MYSQL, "set names utf8mb4", "client_encoding=utf8mb4" },
		{ QF_DIALECT_MYSQL, "SET autocommit=1", "autocommit=1" },
		{ QF_DIALECT_DUCKDB, "set threads=4", "threads=4" },
		{ QF_DIALECT_CLICKHOUSE, "set max_threads = 'a\\'b'", "max_threads=a'b" },
	};
	struct qf_arena *a = qf_arena_new(0);
	char buf[500];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		write_setting(buf, sizeof(buf), cases[i].text, cases[i].d, a);
		assert_string_equal(buf, cases[i].result);
	}
	qf_arena_free(a);
}

static void the_arena_bounds_a_value(void **state)
{
	struct qf_arena *a = qf_arena_new(4096);
	struct qf_setting_stmt s;
	struct qf_err err;
	struct qf_buf b;

	(void)state;
	qf_buf_init(&b);
	qf_buf_add_str(&b, "set search_path = a");
	for (int i = 0; i < 4000; i++)
		qf_buf_add_str(&b, ", b");
	assert_int_equal(qf_sql_setting(qf_buf_slice(&b), QF_DIALECT_POSTGRES, a, &s, &err), QF_ELIMIT);
	qf_buf_clear(&b);
	qf_buf_add_str(&b, "set ");
	for (int i = 0; i < 4000; i++)
		qf_buf_add_str(&b, "name.");
	assert_true(qf_sql_setting(qf_buf_slice(&b), QF_DIALECT_POSTGRES, a, &s, &err) < 0);
	qf_buf_fini(&b);
	qf_arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_read),
		cmocka_unit_test(dialects_quote_in_their_way),
		cmocka_unit_test(the_arena_bounds_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
