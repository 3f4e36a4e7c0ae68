/* The HTTP server over real sockets: replies, refusals, order, long polls, clients that go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_server.h"

/* ---- replies ---- */

static void test_replies(void **state)
{
	static const struct {
		const char *name, *send, *end, *want;
		bool eof;
	} cases[] = {
		{ "plain", GET("/now"), "now\n", NOW, false },
		{ "1.0", "GET /now HTTP/1.0\r\n\r\n", NULL, NOW_CLOSE, true },
		{ "1.0 keep-alive", "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "now\n",
			OK TEXT "Content-Length: 4\r\nConnection: keep-alive\r\n\r\nnow\n", false },
		{ "close", "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", NULL, NOW_CLOSE, true },
		{ "the owner closes", GET("/close"), NULL, OK "Content-Length: 0\r\n" CLOSE "\r\n", true },
		{ "nothing is served behind a close",
			"GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/now"), NULL,
			NOW_CLOSE, true },
		{ "204", GET("/none"), "\r\n\r\n", STATUS("204 No Content") "\r\n", false },
		{ "304", GET("/same"), "\r\n\r\n", STATUS("304 Not Modified") "\r\n", false },
		{ "HEAD", "HEAD /big HTTP/1.1\r\nHost: h\r\n\r\n" GET("/none"), "204 No Content\r\n",
			OK PLAIN "Content-Length: 4194304\r\n\r\nHTTP/1.1 204 No Content\r\n",
			false },
		{ "HEAD of what would be compressed",
			"HEAD /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n" GET("/none"),
			"204 No Content\r\n",
			OK PLAIN "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
				 "HTTP/1.1 204 No Content\r\n",
			false },
		{ "too small to compress", POST("/echo", "Accept-Encoding: gzip\r\nContent-Length: 3\r\n") "abc",
			"\r\n\r\nabc", OK PLAIN "Content-Length: 3\r\n\r\nabc", false },
	};
	struct site s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c;

		site_open(&s, &usual);
		client_open(&c, &s);
		client_send(&c, cases[i].send);
		client_wait(&c, cases[i].end);
		char *got = client_take(&c);
		bool same = strncmp(got, cases[i].want, strlen(cases[i].want)) == 0;

		if (!same || c.eof != cases[i].eof || c.reset)
			fail_msg("%s: %s%s%s", cases[i].name, got, c.eof ? "EOF" : "", c.reset ? " RESET" : "");
		free(got);
		client_close(&c);
		site_close(&s);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *send, *want;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n",
			STATUS("400 Bad Request") TEXT "Content-Length: 8\r\n" CLOSE "\r\nno Host\n" },
		{ "HEAD / HTTP/1.1\r\n\r\n", STATUS("400 Bad Request") TEXT "Content-Length: 8\r\n" CLOSE "\r\n" },
		{ POST("/echo", "Content-Length: 99999999\r\n") "beginning", "HTTP/1.1 413 Content Too Large\r\n" },
		{ POST("/echo", "Expect: 100-continue\r\nContent-Length: 99999999\r\n"),
			"HTTP/1.1 413 Content Too Large\r\n" },
		{ POST("/echo", "Expect: cake\r\nContent-Length: 1\r\n"),
			"HTTP/1.1 417 Expectation Failed\r\n" },
		{ "FROB / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n" },
		{ "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n" },
		{ "GET /\r\n" GET("/now"), "HTTP/1.1 400 Bad Request\r\n" },
	};
	struct site s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c;

		site_open(&s, &usual);
		client_open(&c, &s);
		client_send(&c, cases[i].send);
		client_wait(&c, NULL);
		char *got = client_take(&c);

		if (strncmp(got, cases[i].want, strlen(cases[i].want)) != 0 || c.reset || strstr(got, "\nHTTP/1.1 "))
			fail_msg("%s: %s", cases[i].send, got);
		if (strstr(cases[i].want, "\r\n\r\n"))
			assert_string_equal(got, cases[i].want);
		free(got);
		site_wait(&s, "");
		client_close(&c);
		site_close(&s);
	}
}

/* A refusal is read, although its request is still being sent. */
static void test_refused_half_way(void **state)
{
	static char body[500000];
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	client_open(&c, &s);
	client_send(&c, POST("/echo", "Content-Length: 99999999\r\n"));
	memset(body, 'x', sizeof(body));
	assert_true(send(c.fd, body, sizeof(body), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
	client_wait(&c, "the body is larger than the limit\n");
	assert_true(send(c.fd, body, sizeof(body), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
	client_wait(&c, NULL);
	assert_false(c.reset);
	shutdown(c.fd, SHUT_WR);
	site_wait_connections(&s, 0);
	client_close(&c);
	site_close(&s);
}

static void test_headers(void **state)
{
	struct qf_http_header headers[] = {
		{ qf_slice_str("X-Plain"), qf_slice_str("a b") },
		{ qf_slice_str("X-Evil"), qf_slice("a\r\nSet-Cookie: b\0c", 18) },
	};
	struct qf_http_reply reply = { .status = 299, .headers = headers, .n_headers = 2 };
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	client_open(&c, &s);
	client_send(&c, "GET /later?q=%20 HTTP/1.1\r\nHost: h\r\nX-a: 1\r\nx-A: 2\r\n\r\n");
	site_wait(&s, "ask:/later ");
	struct qf_http_request *rq = s.waiting[--s.n_waiting];
	size_t n;

	assert_int_equal(qf_http_method(rq), QF_HTTP_GET);
	assert_true(qf_slice_eq_str(qf_http_query(rq), "q=%20"));
	assert_true(qf_slice_eq_str(qf_http_header(rq, "X-A"), "1"));
	assert_null(qf_http_header(rq, "X-B").p);
	assert_true(qf_slice_eq_str(qf_http_headers(rq, &n)[2].value, "2"));
	assert_int_equal(n, 3);
	assert_int_equal(strncmp(qf_http_client(rq), "127.0.0.1:", 10), 0);
	qf_http_reply(rq, &reply);
	client_wait(&c, "\r\n\r\n");
	assert_taken(&c, STATUS("299 ") "X-Plain: a b\r\nX-Evil: a  Set-Cookie: b c\r\n"
			 "Content-Length: 0\r\n\r\n");
	client_close(&c);
	site_close(&s);
}

/* ---- order ---- */

static void test_pipelining(void **state)
{
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	client_open(&c, &s);
	client_send(&c, GET("/later") GET("/now") POST("/echo", "Content-Length: 3\r\n") "ab");
	site_wait(&s, "ask:/later ");
	for (int i = 0; i < 20; i++)
		site_turn(&s, QF_MS);
	client_read(&c);
	assert_int_equal(c.in.n, 0);
	assert_string_equal(qf_buf_cstr(&s.log), "ask:/later ");
	qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
	client_send(&c, "c" GET("/close") GET("/now"));
	client_wait(&c, NULL);
	assert_taken(&c, LATER NOW OK PLAIN "Content-Length: 3\r\n\r\nabc" OK "Content-Length: 0\r\n" CLOSE "\r\n");
	assert_string_equal(qf_buf_cstr(&s.log), "ask:/later ask:/now ask:/echo sent:1 ask:/close ");
	client_close(&c);
	site_close(&s);
}

static void test_read_ahead_is_bounded(void **state)
{
	enum { REQUESTS = 6000 };
	struct site s;
	struct client c;
	struct qf_buf flood = { 0 };

	(void)state;
	for (int i = 0; i < REQUESTS; i++)
		qf_buf_add_str(&flood, i == 0 ? GET("/later") : i < REQUESTS - 1 ? GET("/none") : GET("/close"));
	site_open(&s, &usual);
	client_open(&c, &s);
	size_t sent = 0;
	uint64_t until = qf_mono_ns() + PATIENCE;

	while (!c.eof && qf_mono_ns() < until) {
		ssize_t n = send(c.fd, flood.p + sent, flood.n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		site_turn(&s, QF_MS);
		client_read(&c);
		qf_buf_clear(&s.log);
		if (qf_http_server_connections(s.server) == 0)
			continue;
		const struct http_conn *conn = qf_container_of(s.server->connections.next, struct http_conn, link);

		assert_true(conn->ahead.n <= 65536 && conn->out.n <= 65536);
		if (s.n_waiting > 0 && sent > 100000)
			qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
	}
	size_t answers = 0;

	for (const char *at = qf_buf_cstr(&c.in); (at = strstr(at, "HTTP/1.1 20")) != NULL; at++)
		answers++;
	assert_int_equal(answers, REQUESTS);
	client_close(&c);
	site_close(&s);
	qf_buf_fini(&flood);
}

/* ---- clients that go ---- */

static void test_gone_while_it_waits(void **state)
{
	static const struct {
		const char *name;
		void (*go)(struct client *c);
	} ways[] = { { "close", client_close }, { "reset", client_reset } };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct site s;
		struct client c;

		site_open(&s, &usual);
		client_open(&c, &s);
		client_send(&c, GET("/later"));
		site_wait(&s, "ask:/later ");
		ways[i].go(&c);
		site_wait(&s, "ask:/later gone:/later ");
		assert_int_equal(qf_http_server_connections(s.server), 0);
		site_close(&s);
	}
}

/* The FIN stands before a request that is looked at later. */
static void test_gone_with_pipelined_requests(void **state)
{
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	client_open(&c, &s);
	client_send(&c, GET("/big") GET("/later"));
	shutdown(c.fd, SHUT_WR);
	client_wait(&c, "Content-Length");
	site_turn(&s, 20 * QF_MS);
	while (s.n_waiting == 0) {
		site_turn(&s, QF_MS);
		client_read(&c);
	}
	client_close(&c);
	site_wait(&s, "ask:/big sent:1 ask:/later gone:/later ");
	site_close(&s);
}

static void test_half_closed(void **state)
{
	static const struct {
		const char *send, *want;
	} cases[] = {
		{ GET("/later"), "HTTP/1.1 100 Continue\r\n\r\n" LATER },
		{ "GET /later HTTP/1.0\r\n\r\n", LATER_CLOSE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct site s;
		struct client c;

		site_open(&s, &usual);
		client_open(&c, &s);
		client_send(&c, cases[i].send);
		shutdown(c.fd, SHUT_WR);
		site_wait(&s, "ask:/later ");
		for (int k = 0; k < 20; k++)
			site_turn(&s, QF_MS);
		assert_int_equal(s.n_waiting, 1);
		qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
		client_wait(&c, NULL);
		assert_taken(&c, cases[i].want);
		assert_string_equal(qf_buf_cstr(&s.log), "ask:/later ");
		site_wait_connections(&s, 0);
		client_close(&c);
		site_close(&s);
	}
}

static void test_gone_while_it_receives(void **state)
{
	struct site s;
	struct client c[2];

	(void)state;
	site_open(&s, &usual);
	for (int i = 0; i < 2; i++) {
		client_open(&c[i], &s);
		client_send(&c[i], "GET /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
		if (i == 1)
			shutdown(c[i].fd, SHUT_WR);
	}
	client_wait(&c[0], "HTTP/1.1 200 OK");
	client_reset(&c[0]);
	client_wait(&c[1], "HTTP/1.1 200 OK");
	client_reset(&c[1]);
	site_wait_connections(&s, 0);
	site_close(&s);
}

/* ---- 100-continue ---- */

static void test_continue(void **state)
{
	static const char head[] = POST("/echo", "Expect: 100-continue\r\nContent-Length: 3\r\n");
	static const char echo[] = OK PLAIN "Content-Length: 3\r\n\r\nabc";
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	client_open(&c, &s);
	client_send(&c, head);
	client_wait(&c, "\r\n\r\n");
	assert_taken(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(&c, "abc");
	client_wait(&c, "\r\n\r\nabc");
	assert_taken(&c, echo);
	char *whole = qf_xasprintf("%sabc", head);

	client_send(&c, whole); /* did not wait */
	client_wait(&c, "\r\n\r\nabc");
	assert_taken(&c, echo);
	free(whole);
	client_close(&c);
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refused_half_way),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_read_ahead_is_bounded),
		cmocka_unit_test(test_gone_while_it_waits),
		cmocka_unit_test(test_gone_with_pipelined_requests),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_gone_while_it_receives),
		cmocka_unit_test(test_continue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
