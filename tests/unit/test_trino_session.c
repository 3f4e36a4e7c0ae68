/* What a POST's headers say of the session, and what EXECUTE stands for in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trino_request.h"

static void show_pairs(struct qf_buf *b, const char *what, const struct qf_conf_kv *kv, size_t n)
{
	for (size_t i = 0; i < n; i++)
		qf_buf_printf(b, " %s{%s=%s}", what, kv[i].key, kv[i].value ? kv[i].value : "*");
}

static void show(struct qf_buf *b, const struct tr_session *s)
{
	const struct qf_session_facts *f = &s->facts;

	qf_buf_printf(b, "%s %s.%s %s %s", f->user, f->database ? f->database : "-", f->schema ? f->schema : "-",
		f->time_zone ? f->time_zone : "-", qf_dialect_name(f->dialect));
	show_pairs(b, "tag", f->tags, f->n_tags);
	show_pairs(b, "set", s->properties, s->n_properties);
	show_pairs(b, "prepared", s->prepared, s->n_prepared);
	if (s->transaction)
		qf_buf_printf(b, " txn=%s", s->transaction);
	qf_buf_printf(b, "%s%s", s->may_begin ? " may-begin" : "", s->style.parametric_datetime ? " parametric" : "");
	if (s->limit_ns)
		qf_buf_printf(b, " limit=%llus", (unsigned long long)(s->limit_ns / 1000000000));
}

/* Header lines → the session as text, or the status and the text of the refusal. */
static const struct {
	const char *headers, *want;
} sessions[] = {
	{ "X-Trino-User: ann", "ann -.- - trino" },
	{ "x-trino-user: ann\nX-TRINO-CATALOG: c\nx-trino-schema: s", "ann c.s - trino" },
	{ "X-Trino-User: ann\nX-Trino-Time-Zone: +02:00", "ann -.- Etc/GMT-2 trino" },
	{ "X-Trino-User: ann\nX-Trino-Time-Zone: UTC\nX-Trino-Session: time_zone_id=Europe%2FBerlin",
	  "ann -.- Europe/Berlin trino set{time_zone_id=Europe/Berlin}" },
	{ "X-Trino-User: ann\nX-QueryFlux-Dialect: DuckDB", "ann -.- - duckdb" },
	{ "X-Trino-User: ann\nX-QueryFlux-Dialect: mysql\nX-Trino-Session: queryflux.dialect=duckdb",
	  "ann -.- - duckdb set{queryflux.dialect=duckdb}" },
	{ "X-Trino-User: ann\nX-Trino-Session: a=1,b=2\nX-Trino-Session: c=%2C", "ann -.- - trino set{a=1} set{b=2} set{c=,}" },
	{ "X-Trino-User: ann\nX-Trino-Client-Tags: team:ads, nightly\nX-Trino-Session: query_tags=a%3Db%2Cc",
	  "ann -.- - trino tag{team=ads} tag{nightly=*} tag{a=b} tag{c=*} set{query_tags=a=b,c}" },
	{ "X-Trino-User: ann\nX-Trino-Prepared-Statement: p=select+%3F\nX-Trino-Transaction-Id: NONE",
	  "ann -.- - trino prepared{p=select ?} may-begin" },
	{ "X-Trino-User: ann\nX-Trino-Transaction-Id: abc", "ann -.- - trino txn=abc may-begin" },
	{ "X-Trino-User: ann\nX-Trino-Client-Capabilities: PATH,parametric_datetime", "ann -.- - trino parametric" },
	{ "X-Trino-User: ann\nX-Trino-Session: query_max_run_time=5m,query_max_execution_time=30s",
	  "ann -.- - trino set{query_max_run_time=5m} set{query_max_execution_time=30s} limit=30s" },
	{ "Authorization: Basic YW5uOg==", "ann -.- - trino" },
	{ "Authorization: Basic YW5uOg==\nX-Trino-User: bob", "bob -.- - trino" },
	{ "", "401 Basic authentication or X-Trino-User must be sent" },
	{ "X-Trino-User:", "401 Basic authentication or X-Trino-User must be sent" },
	{ "X-Trino-User: ann\nAuthorization: Basic YW5uOnNlY3JldA==", "401 Password not allowed for insecure authentication" },
	{ "Authorization: Bearer x", "401 Only Basic authentication without a password is understood" },
	{ "X-Trino-User: a\xff", "400 Invalid X-Trino-User header" },
	{ "X-Trino-User: ann\nX-Trino-Catalog: \xff", "400 Invalid X-Trino-Catalog header" },
	{ "X-Trino-User: ann\nX-Trino-Schema: s", "400 Schema is set but catalog is not" },
	{ "X-Trino-User: ann\nX-Trino-Session: a", "400 Invalid X-Trino-Session header" },
	{ "X-Trino-User: ann\nX-Trino-Session: a=%ff", "400 Invalid X-Trino-Session header" },
	{ "X-Trino-User: ann\nX-Trino-Session: queryflux.dialect=duk",
	  "400 Invalid X-Trino-Session header: queryflux.dialect: \"duk\" is not a dialect" },
	{ "X-Trino-User: ann\nX-Trino-Session: query_max_run_time=x",
	  "400 Invalid X-Trino-Session header: query_max_run_time: \"x\" is not a duration of at most 1000 days, for example 30s or 5m" },
	{ "X-Trino-User: ann\nX-Trino-Prepared-Statement: p=%0", "400 Invalid X-Trino-Prepared-Statement header" },
	{ "X-Trino-User: ann\nX-Trino-Time-Zone: a'b", "400 time zone \"a'b\" is not supported" },
	{ "X-Trino-User: ann\nX-QueryFlux-Dialect: duk", "400 X-QueryFlux-Dialect: \"duk\" is not a dialect" },
};

static void headers_are_the_session(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
		struct qf_http_request rq;
		struct qf_err err = { 0 };
		struct tr_session s;
		struct qf_buf b = { 0 };

		trino_request(&rq, qf_slice_str(sessions[i].headers));
		unsigned status = tr_session_init(&s, &rq, 1, NULL, &err);

		if (status) {
			qf_buf_printf(&b, "%u %s", status, err.text);
		} else {
			show(&b, &s);
			tr_session_fini(&s);
		}
		if (strcmp(qf_buf_cstr(&b), sessions[i].want) != 0)
			fail_msg("%s\ngot  %s\nwant %s", sessions[i].headers, qf_buf_cstr(&b), sessions[i].want);
		qf_buf_fini(&b);
	}
}

static void rules_see_headers_but_no_secrets(void **state)
{
	struct qf_http_request rq;
	struct tr_session s;
	struct qf_buf b = { 0 };

	(void)state;
	trino_request(&rq, qf_slice_str("X-Trino-User: ann\nX-Target-Engine: duck\nX-A: 1\nAuthorization: Basic YW5uOg==\nx-a: 2\n"
		"Cookie: c\nX-Trino-Extra-Credential: p=secret\nX-Trino-Prepared-Statement: p=x\nX-B: \xff"));
	assert_int_equal(tr_session_init(&s, &rq, 1, NULL, NULL), 0);
	show_pairs(&b, "", s.facts.headers, s.facts.n_headers);
	assert_string_equal(qf_buf_cstr(&b), " {X-Trino-User=ann} {X-Target-Engine=duck} {X-A=1,2}");
	qf_buf_fini(&b);
	tr_session_fini(&s);
}

/* EXECUTE statements in a session that has p = "select ?, '?' -- ?" and q = "select 1". */
static const struct {
	const char *sql, *want; /* a text, or the code and the beginning of the refusal */
} executes[] = {
	{ "EXECUTE IMMEDIATE 'SELECT 1'", "SELECT 1" },
	{ "execute immediate 'select ''a'' || ?' using 'it''s'", "select 'a' ||  'it''s' " },
	{ "execute p using 5", "select  5 , '?' -- ?" },
	{ "execute P using -5", "select  (-5) , '?' -- ?" },
	{ "execute \"p\" using DATE '2024-01-01'", "select  DATE '2024-01-01' , '?' -- ?" },
	{ "execute p using 5 -- and so on", "select  5 , '?' -- ?" },
	{ "execute p using DATE /* x */ '2024-01-01' /* y */", "select  DATE /* x */ '2024-01-01' , '?' -- ?" },
	{ "execute p using null", "select  null , '?' -- ?" },
	{ "execute p using TRUE", "select  TRUE , '?' -- ?" },
	{ "execute p using X'00ff'", "select  X'00ff' , '?' -- ?" },
	{ "execute p using 1.5e-3", "select  1.5e-3 , '?' -- ?" },
	{ "execute p using infinity()", "select  infinity() , '?' -- ?" },
	{ "execute p using -infinity()", "select  (-infinity()) , '?' -- ?" },
	{ "execute p using DOUBLE '0.1'", "select  DOUBLE '0.1' , '?' -- ?" },
	{ "execute p using INTERVAL '1' DAY", "select  INTERVAL '1' DAY , '?' -- ?" },
	{ "execute p using INTERVAL '1-2' YEAR TO MONTH", "select  INTERVAL '1-2' YEAR TO MONTH , '?' -- ?" },
	{ "execute p using ARRAY[1, 2, ARRAY[]]", "select  ARRAY[1, 2, ARRAY[]] , '?' -- ?" },
	{ "execute p using ROW(1, 'a')", "select  ROW(1, 'a') , '?' -- ?" },
	{ "execute p using MAP(ARRAY['a'], ARRAY[1])", "select  MAP(ARRAY['a'], ARRAY[1]) , '?' -- ?" },
	{ "execute p using CAST('1' AS decimal(10, 2))", "select  CAST('1' AS decimal(10, 2)) , '?' -- ?" },
	{ "execute p using (1)", "select  (1) , '?' -- ?" },
	{ "execute q", "select 1" },
	{ "execute p using", "1 syntax error" },
	{ "execute p using ,", "13 Parameter 1 is not a literal" },
	{ "execute p using 1,", "1 syntax error" },
	{ "execute p using 1 2", "1 syntax error" },
	{ "execute p using a", "13 Parameter 1 is not a literal" },
	{ "execute p using 1 + 1", "1 syntax error" },
	{ "execute p using (select 1)", "13 Parameter 1 is not a literal" },
	{ "execute p using now()", "13 Parameter 1 is not a literal" },
	{ "execute p using CAST((select 1) AS int)", "13 Parameter 1 is not a literal" },
	{ "execute p using CAST(1 AS int; drop)", "13 Parameter 1 is not a literal" },
	{ "execute p using ARRAY[a]", "13 Parameter 1 is not a literal" },
	{ "execute p", "80 Incorrect number of parameters: expected 1 but found 0" },
	{ "execute p using 1, 2", "80 Incorrect number of parameters: expected 1 but found 2" },
	{ "execute q using 1", "80 Incorrect number of parameters: expected 0 but found 1" },
	{ "execute r", "5 Prepared statement not found: r" },
	{ "execute z", "13 Prepared statement z was prepared on another server" },
	{ "execute", "1 syntax error at end of input" },
	{ "execute immediate", "1 syntax error at end of input" },
	{ "execute immediate x", "1 syntax error" },
	{ "execute 5", "1 syntax error" },
};

static void execute_is_what_it_stands_for(void **state)
{
	struct qf_http_request rq;
	struct tr_session s;

	(void)state;
	trino_request(&rq, qf_slice_str("X-Trino-User: ann\nX-Trino-Prepared-Statement: "
		"p=select+%3F%2C+%27%3F%27+--+%3F,q=select+1,z=%24zstd%3Aabc"));
	assert_int_equal(tr_session_init(&s, &rq, 1, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(executes) / sizeof(executes[0]); i++) {
		struct qf_slice sql = qf_slice_str(executes[i].sql);
		struct qf_buf out = { 0 };
		struct tr_refusal why;

		assert_true(tr_is_execute(sql, QF_DIALECT_TRINO));
		if (!tr_execute(&s, sql, &out, &why)) {
			qf_buf_clear(&out);
			qf_buf_printf(&out, "%u %s", qf_trino_code_info(why.code)->number, why.text);
			if (out.n > strlen(executes[i].want))
				out.n = strlen(executes[i].want);
		}
		if (strcmp(qf_buf_cstr(&out), executes[i].want) != 0)
			fail_msg("%s\ngot  %s\nwant %s", executes[i].sql, qf_buf_cstr(&out), executes[i].want);
		qf_buf_fini(&out);
	}
	tr_session_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_the_session),
		cmocka_unit_test(rules_see_headers_but_no_secrets),
		cmocka_unit_test(execute_is_what_it_stands_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
