/*
 * The Trino frontend on a fake hub: what reaches the hub of a request, how rows are held back, how queries end.
 * The client is in the same loop: one request at a time, each on a connection of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those: cmocka expects them */
#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pg_fake_hub.h"

#define ANN "X-Trino-User: ann\r\n"

static const char script[] = "match big | rows 20000 bytes 1000\n"
			     "match hang | hang\n"
			     "match broken | error 22012 division by zero\n"
			     "match noted | notice watch out | rows 1\n"
			     "match insert | affected 3\n"
			     "default | rows 2\n";

struct server {
	struct qf_hub hub;
	const struct qf_frontend_ops *ops;
	struct qf_listener *l;
	uint16_t port;
};

struct client {
	struct qf_loop *loop;
	struct qf_watch watch;
	struct qf_timer guard;
	struct qf_buf in;
	bool done;
};

static void on_guard(struct qf_timer *t)
{
	qf_loop_stop(qf_container_of(t, struct client, guard)->loop);
}

static void turn(struct client *c, uint64_t ns)
{
	c->guard.fn = on_guard;
	qf_timer_set(c->loop, &c->guard, ns);
	assert_int_equal(qf_loop_run(c->loop), 0);
	qf_timer_stop(c->loop, &c->guard);
}

static void server_open(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct qf_err err;

	hub_open(&s->hub, QF_ENGINE_FAKE, script);
	s->hub.conf.stream_budget_bytes = 64 << 20;
	s->hub.conf.frontends[QF_FE_TRINO].abandon_ns = 300 * QF_SEC;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	s->port = ntohs(at.sin_port);
	s->ops = qf_frontend_ops(QF_FE_TRINO);
	assert_non_null(s->ops);
	assert_int_equal(s->ops->open(&s->l, &s->hub, fd, &err), 0);
}

static void server_close(struct server *s)
{
	struct client nobody = { .loop = s->hub.loop };

	s->ops->close(s->l);
	for (int i = 0; i < 100 && (s->hub.queries_open || s->hub.pins_open); i++)
		turn(&nobody, QF_MS);
	assert_int_equal(s->hub.queries_open, 0);
	assert_int_equal(s->hub.pins_open, 0);
	assert_int_equal(s->hub.outstanding, 0);
	hub_close(&s->hub);
}

static void on_readable(struct qf_watch *w, uint32_t events)
{
	struct client *c = qf_container_of(w, struct client, watch);
	ssize_t n = recv(w->fd, qf_buf_reserve(&c->in, 65536), 65536, MSG_DONTWAIT);

	(void)events;
	if (n > 0) {
		c->in.n += (size_t)n;
		return;
	}
	c->done = true;
	qf_loop_stop(c->loop);
}

/* The whole answer, head and body, as text; the caller frees. */
static char *ask(struct server *s, const char *method, const char *path, const char *headers, const char *body)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(s->port) };
	struct client c = { .loop = s->hub.loop };
	struct qf_buf out = { 0 };
	char *text;

	c.watch = (struct qf_watch){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = EPOLLIN, .fn = on_readable };
	assert_int_equal(connect(c.watch.fd, (struct sockaddr *)&at, sizeof(at)), 0);
	qf_buf_printf(&out, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", method, path, headers,
		strlen(body), body);
	assert_int_equal(send(c.watch.fd, out.p, out.n, MSG_NOSIGNAL), (ssize_t)out.n);
	assert_int_equal(qf_watch_add(c.loop, &c.watch), 0);
	for (int i = 0; i < 1000 && !c.done; i++)
		turn(&c, 20 * QF_MS);
	assert_true(c.done);
	qf_watch_del(c.loop, &c.watch);
	close(c.watch.fd);
	text = qf_slice_dup(qf_buf_slice(&c.in));
	qf_buf_fini(&c.in);
	qf_buf_fini(&out);
	return text;
}

/* The path of the next page; false: there is none. */
static bool next_of(const char *answer, char path[200])
{
	const char *at = strstr(answer, "\"nextUri\":\"http://h");

	if (!at)
		return false;
	at += strlen("\"nextUri\":\"http://h");
	snprintf(path, 200, "%.*s", (int)strcspn(at, "\""), at);
	return true;
}

static void post(struct server *s, const char *headers, const char *sql, char path[200])
{
	char *answer = ask(s, "POST", "/v1/statement", headers, sql);

	assert_non_null(strstr(answer, "200 OK"));
	assert_true(next_of(answer, path));
	free(answer);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

/* The last answer of a statement; the caller frees. */
static char *run(struct server *s, const char *headers, const char *sql)
{
	char path[200], *answer;

	post(s, headers, sql, path);
	answer = ask(s, "GET", path, "", "");
	while (next_of(answer, path)) {
		free(answer);
		answer = ask(s, "GET", path, "", "");
	}
	return answer;
}

static void has(struct server *s, const char *headers, const char *sql, const char *want)
{
	char *answer = run(s, headers, sql);

	if (!strstr(answer, want))
		fail_msg("%s:\nwant %s\ngot  %.3000s", sql, want, answer);
	free(answer);
}

static void the_hub_hears_who_asks(void **state)
{
	struct server s;

	(void)state;
	server_open(&s);
	has(&s, ANN "X-Trino-Catalog: shop\r\nX-Trino-Schema: main\r\nX-Trino-Time-Zone: UTC+1\r\nX-Trino-Client-Tags: team:ads\r\n"
	    "X-QueryFlux-Dialect: duckdb\r\nX-Target: a\r\nx-target: b\r\n", "select 1", "\"state\":\"FINISHED\"");
	assert_string_equal(qf_buf_cstr(&s.hub.facts), "ann@shop schema=main zone=Etc/GMT-1 duckdb headers{Host=h}{Connection=close}"
		"{X-Trino-User=ann}{X-Trino-Catalog=shop}{X-Trino-Schema=main}{X-Trino-Time-Zone=UTC+1}"
		"{X-Trino-Client-Tags=team:ads}{X-QueryFlux-Dialect=duckdb}{X-Target=a,b}{Content-Length=8} tags{team=ads}");
	assert_string_equal(qf_buf_cstr(&s.hub.log), "-:select 1|");
	server_close(&s);
}

static void a_statement_is_said_in_full(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{ "select 1", "\"data\":[[1],[2]]" },
		{ "select broken", "\"errorName\":\"DIVISION_BY_ZERO\"" },
		{ "select noted", "\"warnings\":[{\"warningCode\":{\"code\":16777216,\"name\":\"NOTICE\"},\"message\":\"watch out\"}]" },
		{ "insert into t values (1)", "\"columns\":[{\"name\":\"rows\",\"type\":\"bigint\",\"typeSignature\":{\"rawType\":\"bigint\","
		  "\"arguments\":[]}}],\"data\":[[3]]" },
		{ "insert into t values (1)", "\"updateType\":\"INSERT\",\"updateCount\":3}" },
		{ "use a.\"B c\"", "X-Trino-Set-Schema: B c\r\n" },
		{ "set session query_tags = 'a:b, c'", "X-Trino-Set-Session: query_tags=a%3Ab%2C+c\r\n" },
		{ "set queryflux.dialect = 'duckdb'", "X-Trino-Set-Session: queryflux.dialect=duckdb\r\n" },
		{ "set time zone interval '-8' hour", "X-Trino-Set-Session: time_zone_id=-08\r\n" },
		{ "set path a.b, c", "X-Trino-Set-Path: a.b, c\r\n" },
		{ "prepare \"P q\" from select ?, 'x' -- y", "X-Trino-Added-Prepare: P+q=select+%3F%2C+%27x%27+--+y\r\n" },
		{ "use \"a\r\nX-Evil: 1\".b", "\"errorName\":\"NOT_SUPPORTED\"" },
		{ "use a.b c", "line 1:9: " },
		{ "prepare p select 1", "\"errorName\":\"SYNTAX_ERROR\"" },
	};
	struct server s;

	(void)state;
	server_open(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		has(&s, ANN, cases[i].sql, cases[i].want);
	assert_int_equal(s.ops->sessions(s.l), 0);
	server_close(&s);
}

static void rows_wait_until_they_are_asked_for(void **state)
{
	struct client idle;
	struct server s;
	char path[200], *answer;
	size_t rows = 0, pages = 0;

	(void)state;
	server_open(&s);
	post(&s, ANN, "select big", path);
	idle = (struct client){ .loop = s.hub.loop };
	do {
		answer = ask(&s, "GET", path, "", "");
		rows += count(answer, "],[") + (strstr(answer, "\"data\":[[") != NULL);
		assert_in_range(strlen(answer), 1, (1 << 20) + 5000);
		turn(&idle, 2 * QF_MS);
		pages++;
		bool more = next_of(answer, path);

		free(answer);
		if (!more)
			break;
	} while (true);
	assert_int_equal(rows, 20000);
	assert_in_range(pages, 20, 1000);
	assert_in_range(s.hub.most_outstanding, 1, HUB_WINDOW + HUB_BATCH);
	server_close(&s);
}

static void a_client_that_asks_no_more_is_let_go(void **state)
{
	struct client idle;
	struct server s;
	char path[200];

	(void)state;
	server_open(&s);
	s.hub.conf.client_stall_ns = 200 * QF_MS;
	post(&s, ANN, "select big", path);
	free(ask(&s, "GET", path, "", ""));
	idle = (struct client){ .loop = s.hub.loop };
	turn(&idle, 100 * QF_MS);
	assert_int_equal(s.ops->sessions(s.l), 1);
	assert_in_range(s.hub.outstanding, 1, HUB_WINDOW + HUB_BATCH);
	turn(&idle, 400 * QF_MS);
	assert_int_equal(s.ops->sessions(s.l), 0);
	assert_int_equal(s.hub.abandons, 1);
	server_close(&s);
}

static void rows_that_cannot_be_told_end_the_query(void **state)
{
	struct server s;

	(void)state;
	server_open(&s);
	s.hub.cut_batches = true;
	has(&s, ANN, "select big", "\"errorName\":\"GENERIC_INTERNAL_ERROR\"");
	assert_int_equal(s.hub.cancels, 1);
	s.hub.cut_batches = false;
	has(&s, ANN, "select 1", "\"data\":[[1],[2]]");
	server_close(&s);
}

static void a_cancelled_query_says_so(void **state)
{
	struct server s;
	char path[200], *answer;

	(void)state;
	server_open(&s);
	post(&s, ANN, "select hang", path);
	answer = ask(&s, "GET", path, "", "");
	assert_non_null(strstr(answer, "\"state\":\"RUNNING\""));
	assert_true(next_of(answer, path));
	free(answer);
	answer = ask(&s, "DELETE", path, "", "");
	assert_non_null(strstr(answer, " 204 "));
	free(answer);
	assert_int_equal(s.hub.cancels, 1);
	answer = ask(&s, "GET", path, "", "");
	assert_non_null(strstr(answer, "\"errorName\":\"USER_CANCELED\""));
	free(answer);
	server_close(&s);
}

/* The value of a header, for the next request. */
static void transaction_of(const char *answer, char to[100])
{
	const char *at = strstr(answer, "X-Trino-Started-Transaction-Id: ");

	assert_non_null(at);
	snprintf(to, 100, ANN "X-Trino-Transaction-Id: %.36s\r\n", at + strlen("X-Trino-Started-Transaction-Id: "));
}

static void a_transaction_is_one_pin(void **state)
{
	struct server s;
	char headers[100], *answer;

	(void)state;
	server_open(&s);
	answer = run(&s, ANN "X-Trino-Transaction-Id: NONE\r\n", "start transaction isolation level serializable, read write");
	transaction_of(answer, headers);
	free(answer);
	has(&s, headers, "insert into t values (1)", "\"updateCount\":3");
	has(&s, headers, "select 1", "\"data\":[[1],[2]]");
	has(&s, headers, "commit work", "X-Trino-Clear-Transaction-Id: true\r\n");
	has(&s, headers, "select 1", "\"errorName\":\"UNKNOWN_TRANSACTION\"");
	assert_string_equal(qf_buf_cstr(&s.hub.log), "1:BEGIN|1:insert into t values (1)|1:select 1|1:COMMIT|");
	server_close(&s);
}

static void a_transaction_that_is_lost_is_over(void **state)
{
	struct server s;
	char headers[100], *answer;

	(void)state;
	server_open(&s);
	for (int commit = 0; commit < 2; commit++) {
		answer = run(&s, ANN "X-Trino-Transaction-Id: NONE\r\n", "start transaction");
		transaction_of(answer, headers);
		free(answer);
		has(&s, headers, "insert into t values (1)", "\"updateCount\":3");
		hub_lose_pin(s.hub.last_pin);
		has(&s, headers, "select 1", "\"errorName\":\"TRANSACTION_ALREADY_ABORTED\"");
		if (commit)
			has(&s, headers, "commit", "\"errorName\":\"REMOTE_HOST_GONE\"");
		else
			has(&s, headers, "rollback", "\"updateType\":\"ROLLBACK\"");
	}
	server_close(&s);
}

static void drained(void *arg)
{
	*(bool *)arg = true;
}

static void a_drain_waits_for_those_that_still_ask(void **state)
{
	struct client idle;
	struct server s;
	char path[200], *answer;
	bool done = false;

	(void)state;
	server_open(&s);
	post(&s, ANN, "select 1", path);
	s.ops->drain(s.l, drained, &done);
	answer = ask(&s, "POST", "/v1/statement", ANN, "select 2");
	assert_non_null(strstr(answer, "\"errorName\":\"SERVER_SHUTTING_DOWN\""));
	free(answer);
	assert_false(done);
	answer = ask(&s, "GET", path, "", "");
	assert_non_null(strstr(answer, "\"data\":[[1],[2]]"));
	free(answer);
	idle = (struct client){ .loop = s.hub.loop };
	turn(&idle, 20 * QF_MS);
	assert_true(done);
	server_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hub_hears_who_asks),
		cmocka_unit_test(a_statement_is_said_in_full),
		cmocka_unit_test(rows_wait_until_they_are_asked_for),
		cmocka_unit_test(a_client_that_asks_no_more_is_let_go),
		cmocka_unit_test(rows_that_cannot_be_told_end_the_query),
		cmocka_unit_test(a_cancelled_query_says_so),
		cmocka_unit_test(a_transaction_is_one_pin),
		cmocka_unit_test(a_transaction_that_is_lost_is_over),
		cmocka_unit_test(a_drain_waits_for_those_that_still_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
