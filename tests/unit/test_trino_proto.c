/* Trino's protocol without sockets: paths, links, header values, error codes, the JSON of pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/proto/trino.h"

#define SLUG "0123456789abcdef0123456789abcdef"

static struct qf_slice s_(const char *s)
{
	return qf_slice_str(s);
}

/* Compares and empties the buffer. */
static void is(struct qf_buf *b, const char *want, const char *name)
{
	if (strcmp(qf_buf_cstr(b), want) != 0)
		fail_msg("%s: got  %s\nwant %s", name, qf_buf_cstr(b), want);
	qf_buf_clear(b);
}

static void paths_are_ours_or_none(void **state)
{
	static const struct {
		const char *path;
		enum qf_trino_route route;
		uint64_t token;
	} cases[] = {
		{ "/v1/statement", QF_TRINO_ROUTE_STATEMENT, 0 },
		{ "/v1/info", QF_TRINO_ROUTE_INFO, 0 },
		{ "/ui/query.html", QF_TRINO_ROUTE_UI, 0 },
		{ "/v1/statement/qf/queued/20260102_030405_00001_abcde/" SLUG "/1", QF_TRINO_ROUTE_PAGE, 1 },
		{ "/v1/statement/qf/executing/a/" SLUG "/999999999999999999", QF_TRINO_ROUTE_PAGE, 999999999999999999 },
		{ "/v1/statement/qf/executing/a/" SLUG "/9999999999999999999", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/" SLUG "/", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/" SLUG "/1/", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/" SLUG "/-1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/" SLUG "/1x", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/" SLUG, QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/" SLUG "0/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a/0123456789abcdef0123456789abcde/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/A/" SLUG "/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing//" SLUG "/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/a%2fb/" SLUG "/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/executing/" SLUG "0123456789abcdef/" SLUG "/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/qf/other/a/" SLUG "/1", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statement/", QF_TRINO_ROUTE_NONE, 0 },
		{ "/v1/statementx", QF_TRINO_ROUTE_NONE, 0 },
		{ "", QF_TRINO_ROUTE_NONE, 0 },
		{ "/", QF_TRINO_ROUTE_NONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_trino_path p = qf_trino_path(s_(cases[i].path));

		if (p.route != cases[i].route || p.token != cases[i].token)
			fail_msg("%s: route %d token %llu", cases[i].path, p.route, (unsigned long long)p.token);
	}
}

static void links_begin_where_the_client_came_in(void **state)
{
	static const struct {
		const char *external, *proto, *forwarded, *port, *host, *want;
	} cases[] = {
		{ NULL, "", "", "", "db:8080", "http://db:8080" },
		{ "https://sql.example.org/qf//", "http", "evil", "1", "db:8080", "https://sql.example.org/qf" },
		{ NULL, "https", "sql.example.org", "", "db:8080", "https://sql.example.org" },
		{ NULL, "https, http", "a.example, b.example", "8443", "db:8080", "https://a.example:8443" },
		{ NULL, "https", "a.example", "443", "db", "https://a.example" },
		{ NULL, "https", "a.example:444", "8443", "db", "https://a.example:444" },
		{ NULL, "gopher", "a.example", "", "db", "http://a.example" },
		{ NULL, "https", "", "", "db:1", "https://db:1" },
		{ NULL, "", "a\"b", "", "db:8080", "http://db:8080" },
		{ NULL, "", "a/b", "", "db:8080", "http://db:8080" },
		{ NULL, "", "u@h", "", "db:8080", "http://db:8080" },
		{ NULL, "", "h:99999", "", "db:8080", "http://db:8080" },
		{ NULL, "", "h:", "", "db:8080", "http://db:8080" },
		{ NULL, "", ":80", "", "db:8080", "http://db:8080" },
		{ NULL, "", "[::1]:8080", "", "db:8080", "http://[::1]:8080" },
		{ NULL, "", "[::1]", "81", "db:8080", "http://[::1]:81" },
		{ NULL, "", "::1", "", "db:8080", "http://db:8080" },
		{ NULL, "", "[]:8080", "", "db:8080", "http://db:8080" },
		{ NULL, "", "", "", "bad host", "http://localhost:7" },
		{ NULL, "", "", "", "", "http://localhost:7" },
	};
	struct qf_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		qf_trino_base(&b, cases[i].external, s_(cases[i].proto), s_(cases[i].forwarded), s_(cases[i].port),
			s_(cases[i].host), "localhost:7");
		is(&b, cases[i].want, cases[i].forwarded);
	}
	qf_buf_fini(&b);
}

static void lists_are_split_at_commas(void **state)
{
	struct qf_slice rest = s_(" a ,, b=c\t,\t, d "), item;
	struct qf_buf b = { 0 };

	(void)state;
	while (qf_trino_list_next(&rest, &item)) {
		qf_buf_add_str(&b, "[");
		qf_buf_add_slice(&b, item);
		qf_buf_add_str(&b, "]");
	}
	is(&b, "[a][b=c][d]", "list");
	qf_buf_fini(&b);
}

static void properties_are_decoded(void **state)
{
	static const struct {
		const char *in, *name, *value; /* name NULL: malformed */
	} cases[] = {
		{ "a=b", "a", "b" },
		{ " a = b ", "a", "b" },
		{ "queryflux.dialect=duckdb", "queryflux.dialect", "duckdb" },
		{ "a=", "a", "" },
		{ "a=x%3Dy%2C+z%C3%A9", "a", "x=y, z\xc3\xa9" },
		{ "my+name=1", "my name", "1" },
		{ "a=b=c", "a", "b=c" },
		{ "a", NULL, NULL },
		{ "=b", NULL, NULL },
		{ "", NULL, NULL },
		{ "a=%4", NULL, NULL },
		{ "a=%", NULL, NULL },
		{ "a=%zz", NULL, NULL },
		{ "a=%00", NULL, NULL },
	};
	struct qf_buf name = { 0 }, value = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = qf_trino_property(s_(cases[i].in), &name, &value);

		if (ok != (cases[i].name != NULL))
			fail_msg("%s: %s", cases[i].in, ok ? "taken" : "refused");
		if (ok) {
			is(&name, cases[i].name, cases[i].in);
			is(&value, cases[i].value, cases[i].in);
		}
		qf_buf_clear(&name);
		qf_buf_clear(&value);
	}
	qf_buf_fini(&name);
	qf_buf_fini(&value);
}

static void what_is_encoded_comes_back(void **state)
{
	struct qf_buf there = { 0 }, back = { 0 };
	char all[256];

	(void)state;
	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = 0;
	qf_trino_encode(s_("it's 100% a, b=c\xc3\xa9*-._"), &there);
	is(&there, "it%27s+100%25+a%2C+b%3Dc%C3%A9*-._", "encoded");
	qf_trino_encode(s_(all), &there);
	assert_true(qf_trino_decode(qf_buf_slice(&there), &back));
	is(&back, all, "every byte");
	qf_buf_fini(&there);
	qf_buf_fini(&back);
}

static void tags_have_a_value_or_none(void **state)
{
	static const struct {
		const char *in, *key, *value;
	} cases[] = { { "team:ads", "team", "ads" }, { "team=ads", "team", "ads" }, { "nightly", "nightly", NULL },
		{ "a:b:c", "a", "b:c" }, { "a:", "a", "" }, { ":a", ":a", NULL }, { "a : b", "a", "b" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_slice key, value;

		qf_trino_tag(s_(cases[i].in), &key, &value);
		assert_true(qf_slice_eq_str(key, cases[i].key));
		assert_int_equal(value.p != NULL, cases[i].value != NULL);
		if (value.p)
			assert_true(qf_slice_eq_str(value, cases[i].value));
	}
}

static void basic_users_are_read(void **state)
{
	static const struct {
		const char *in, *user; /* NULL: malformed */
		const char *password;
	} cases[] = {
		{ "Basic YW5uOg==", "ann", "" },
		{ "basic YW5uOg", "ann", "" },
		{ "Basic YW5uOnNlY3JldA==", "ann", "secret" },
		{ "Basic YW5uOmE6Yg==", "ann", "a:b" },
		{ "Basic YW5u", NULL, "" },  /* no colon */
		{ "Basic OnNlY3JldA==", NULL, "" }, /* no user */
		{ "Basic !!!!", NULL, "" },
		{ "Basic ", NULL, "" },
		{ "Bearer abc", NULL, "" },
		{ "Basic AGE6", NULL, "" }, /* a NUL in the name */
		{ "Basic YW5uO", NULL, "" }, /* half a byte is left */
	};
	struct qf_buf user = { 0 }, password = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = qf_trino_basic(s_(cases[i].in), &user, &password);

		if (ok != (cases[i].user != NULL) || !qf_slice_eq_str(qf_buf_slice(&password), cases[i].password))
			fail_msg("%s: %s, %zu bytes of password", cases[i].in, ok ? "taken" : "refused", password.n);
		if (ok)
			is(&user, cases[i].user, cases[i].in);
		qf_buf_clear(&user);
		qf_buf_clear(&password);
	}
	qf_buf_fini(&user);
	qf_buf_fini(&password);
}

static void tokens_stand_behind_bearer(void **state)
{
	struct qf_slice token;

	(void)state;
	assert_true(qf_trino_bearer(s_("bEARER  abc.def "), &token));
	assert_true(qf_slice_eq_str(token, "abc.def"));
	assert_false(qf_trino_bearer(s_("Bearer "), &token));
	assert_false(qf_trino_bearer(s_("Bearer"), &token));
	assert_false(qf_trino_bearer(s_("Basic YW5uOg=="), &token));
}

static void zones_are_java_s(void **state)
{
	static const struct {
		const char *in, *want;
		int rc;
	} cases[] = {
		{ "Europe/Berlin", "Europe/Berlin", 0 },
		{ "Etc/UTC", "Etc/UTC", 0 },
		{ "Etc/GMT+8", "Etc/GMT+8", 0 },
		{ "Z", "UTC", 0 },
		{ "utc", "UTC", 0 },
		{ "+02:00", "Etc/GMT-2", 0 },
		{ "-05:00", "Etc/GMT+5", 0 },
		{ "UTC+1", "Etc/GMT-1", 0 },
		{ "GMT-11", "Etc/GMT+11", 0 },
		{ "+0000", "UTC", 0 },
		{ "+14:00", "Etc/GMT-14", 0 },
		{ "-12:00", "Etc/GMT+12", 0 },
		{ "-13:00", "", -EINVAL },
		{ "+15:00", "", -EINVAL },
		{ "+05:30", "", QF_EUNSUPPORTED },
		{ "+02:00:00", "Etc/GMT-2", 0 },
		{ "+02:00:01", "", -EINVAL },
		{ "+2:00", "", -EINVAL },
		{ "+", "", -EINVAL },
		{ "+02:", "", -EINVAL },
		{ "+::", "", -EINVAL },
		{ "+02:61", "", -EINVAL },
		{ "/etc/passwd", "", -EINVAL },
		{ "a b", "", -EINVAL },
		{ "x'; drop", "", -EINVAL },
		{ "", "", -EINVAL },
	};
	struct qf_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = qf_trino_time_zone(s_(cases[i].in), &b, NULL);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].in, rc);
		is(&b, cases[i].want, cases[i].in);
	}
	qf_buf_fini(&b);
}

static void durations_are_airlift_s(void **state)
{
	static const struct {
		const char *in;
		uint64_t ns; /* 0: refused */
	} cases[] = { { "5m", 300 * QF_SEC }, { "1.5h", 5400 * QF_SEC }, { "30 s", 30 * QF_SEC }, { "250ms", 250 * QF_MS },
		{ "100.00d", 100ull * 86400 * QF_SEC }, { "1000d", 1000ull * 86400 * QF_SEC }, { "1001d", 0 }, { "5", 0 },
		{ "m", 0 }, { "5 min", 0 }, { ".5s", 0 }, { "5.s", 0 }, { "1.2.3s", 0 }, { "-1s", 0 },
		{ "99999999999999999999999999999999999999s", 0 }, { "", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 0;
		bool ok = qf_trino_duration(s_(cases[i].in), &ns);

		if (ok != (cases[i].ns != 0) || ns != cases[i].ns)
			fail_msg("%s: %d %llu", cases[i].in, ok, (unsigned long long)ns);
	}
}

static void sqlstates_have_a_code(void **state)
{
	static const struct {
		const char *state, *name, *type;
		uint32_t number;
	} cases[] = {
		{ "42601", "SYNTAX_ERROR", "USER_ERROR", 1 },
		{ "42P01", "TABLE_NOT_FOUND", "USER_ERROR", 46 },
		{ "42703", "COLUMN_NOT_FOUND", "USER_ERROR", 47 },
		{ "42883", "FUNCTION_NOT_FOUND", "USER_ERROR", 6 },
		{ "22012", "DIVISION_BY_ZERO", "USER_ERROR", 8 },
		{ "22P02", "INVALID_CAST_ARGUMENT", "USER_ERROR", 9 },
		{ "22011", "INVALID_FUNCTION_ARGUMENT", "USER_ERROR", 7 },
		{ "23505", "CONSTRAINT_VIOLATION", "USER_ERROR", 16 },
		{ "42501", "PERMISSION_DENIED", "USER_ERROR", 4 },
		{ "0A000", "NOT_SUPPORTED", "USER_ERROR", 13 },
		{ "57014", "USER_CANCELED", "USER_ERROR", 3 },
		{ "P0001", "GENERIC_USER_ERROR", "USER_ERROR", 0 },
		{ "08007", "GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR", 65536 },
		{ "57P03", "NO_NODES_AVAILABLE", "INTERNAL_ERROR", 65541 },
		{ "57P01", "REMOTE_HOST_GONE", "INTERNAL_ERROR", 65558 },
		{ "XX000", "GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR", 65536 },
		{ "53300", "QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", 131074 },
		{ "53200", "EXCEEDED_LOCAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES", 131079 },
		{ "", "GENERIC_USER_ERROR", "USER_ERROR", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct qf_trino_code_info *c = qf_trino_code_info(qf_trino_code_of(cases[i].state));

		assert_string_equal(c->name, cases[i].name);
		assert_string_equal(c->type, cases[i].type);
		assert_int_equal(c->number, cases[i].number);
	}
	for (int c = 0; c < QF_TRINO_CODE_N; c++)
		assert_non_null(qf_trino_code_info((enum qf_trino_code)c)->name);
}

static void strings_are_json(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = { { "a", "\"a\"" }, { "", "\"\"" }, { "a\"b\\c", "\"a\\\"b\\\\c\"" }, { "\n\t\r\b\f", "\"\\n\\t\\r\\b\\f\"" },
		{ "\x01\x1f", "\"\\u0001\\u001f\"" }, { "\xc3\xa9", "\"\xc3\xa9\"" }, { "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
		{ "\xc3", "\"\xef\xbf\xbd\"" } };
	struct qf_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		qf_trino_put_string(&b, s_(cases[i].in));
		is(&b, cases[i].want, "string");
	}
	qf_buf_fini(&b);
}

#define STATS(state_, queued, scheduled, progress, running, nodes, total, run, done) \
	",\"stats\":{\"state\":\"" state_ "\",\"queued\":" queued ",\"scheduled\":" scheduled ",\"progressPercentage\":" progress \
	",\"runningPercentage\":" running ",\"nodes\":" nodes ",\"totalSplits\":" total ",\"queuedSplits\":0,\"runningSplits\":" run \
	",\"completedSplits\":" done ",\"cpuTimeMillis\":0,\"wallTimeMillis\":5,\"queuedTimeMillis\":2,\"elapsedTimeMillis\":7," \
	"\"processedRows\":2,\"processedBytes\":64,\"physicalInputBytes\":0,\"physicalWrittenBytes\":0," \
	"\"peakMemoryBytes\":0,\"spilledBytes\":0}"

static struct qf_trino_tail tail_of(const char *st)
{
	return (struct qf_trino_tail){ .links = { .base = "http://h:1", .id = "i", .slug = "s", .next = 3 },
		.stats = { .state = st, .elapsed_ms = 7, .queued_ms = 2, .rows = 2, .bytes = 64 } };
}

static void pages_have_what_clients_ask_for(void **state)
{
	struct qf_trino_error e = { .code = QF_TRINO_TABLE_NOT_FOUND, .sqlstate = "42P01", .message = "no \"t\"", .line = 1,
		.column = 8 };
	struct qf_trino_tail tail = tail_of("QUEUED");
	struct qf_buf b = { 0 }, warnings = { 0 };

	(void)state;
	tail.links.has_next = tail.links.queued = true;
	qf_trino_page_begin(&b, "i", QF_SLICE_NONE);
	qf_trino_page_end(&b, 0, &tail);
	is(&b, "{\"id\":\"i\",\"infoUri\":\"http://h:1/ui/query.html?i\",\"nextUri\":\"http://h:1/v1/statement/qf/queued/i/s/3\""
		STATS("QUEUED", "true", "false", "0.0", "0.0", "0", "0", "0", "0") ",\"warnings\":[]}", "queued");

	tail = tail_of("FINISHED");
	qf_trino_put_warning(&warnings, 7, "W", "one");
	qf_trino_put_warning(&warnings, 8, "W", "two");
	tail.warnings = qf_buf_slice(&warnings);
	tail.update_type = "INSERT";
	tail.has_update_count = true;
	tail.update_count = 18446744073709551615u;
	qf_trino_page_begin(&b, "i", s_("[1]"));
	qf_trino_page_row(&b, 0);
	qf_buf_add_str(&b, "[1]");
	qf_trino_page_row(&b, 1);
	qf_buf_add_str(&b, "[2]");
	qf_trino_page_end(&b, 2, &tail);
	is(&b, "{\"id\":\"i\",\"columns\":[1],\"data\":[[1],[2]],\"infoUri\":\"http://h:1/ui/query.html?i\""
		STATS("FINISHED", "false", "true", "100.0", "0.0", "1", "1", "0", "1")
		",\"warnings\":[{\"warningCode\":{\"code\":7,\"name\":\"W\"},\"message\":\"one\"},"
		"{\"warningCode\":{\"code\":8,\"name\":\"W\"},\"message\":\"two\"}],\"updateType\":\"INSERT\","
		"\"updateCount\":18446744073709551615}", "finished");

	tail = tail_of("FAILED");
	tail.error = &e;
	qf_trino_page_begin(&b, "i", QF_SLICE_NONE);
	qf_trino_page_end(&b, 0, &tail);
	is(&b, "{\"id\":\"i\",\"infoUri\":\"http://h:1/ui/query.html?i\""
		STATS("FAILED", "false", "true", "0.0", "0.0", "1", "1", "0", "0")
		",\"error\":{\"message\":\"line 1:8: no \\\"t\\\"\",\"sqlState\":\"42P01\",\"errorCode\":46,\"errorName\":\"TABLE_NOT_FOUND\","
		"\"errorType\":\"USER_ERROR\",\"errorLocation\":{\"lineNumber\":1,\"columnNumber\":8},\"failureInfo\":{\"type\":"
		"\"io.trino.spi.TrinoException\",\"message\":\"line 1:8: no \\\"t\\\"\",\"suppressed\":[],\"stack\":[],"
		"\"errorLocation\":{\"lineNumber\":1,\"columnNumber\":8}}},\"warnings\":[]}", "failed");
	qf_buf_fini(&b);
	qf_buf_fini(&warnings);
}

static void info_is_a_coordinator_s(void **state)
{
	static const struct {
		uint64_t ns;
		const char *uptime;
	} cases[] = { { 1500 * QF_MS, "1.50s" }, { 90 * QF_SEC, "1.50m" }, { 5400 * QF_SEC, "1.50h" },
		{ 36 * 3600 * QF_SEC, "1.50d" } };
	struct qf_buf b = { 0 };
	char want[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		qf_trino_put_info(&b, "0.1", cases[i].ns, false);
		snprintf(want, sizeof(want), "{\"nodeVersion\":{\"version\":\"0.1\"},\"environment\":\"queryflux\","
			"\"coordinator\":true,\"starting\":false,\"uptime\":\"%s\"}", cases[i].uptime);
		is(&b, want, "info");
	}
	qf_buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_ours_or_none),
		cmocka_unit_test(links_begin_where_the_client_came_in),
		cmocka_unit_test(lists_are_split_at_commas),
		cmocka_unit_test(properties_are_decoded),
		cmocka_unit_test(what_is_encoded_comes_back),
		cmocka_unit_test(tags_have_a_value_or_none),
		cmocka_unit_test(basic_users_are_read),
		cmocka_unit_test(tokens_stand_behind_bearer),
		cmocka_unit_test(zones_are_java_s),
		cmocka_unit_test(durations_are_airlift_s),
		cmocka_unit_test(sqlstates_have_a_code),
		cmocka_unit_test(strings_are_json),
		cmocka_unit_test(pages_have_what_clients_ask_for),
		cmocka_unit_test(info_is_a_coordinator_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
