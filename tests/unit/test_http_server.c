/* The HTTP server over real sockets: order, long polls, clients that go or are slow, limits, drain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK(length) "HTTP/1.1 200 OK\r\nDate: *\r\nServer: test\r\n" length
#define NOW OK("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\nnow\n")
#define NOW_CLOSE OK("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnow\n")

static const struct qf_http_limits usual = { .max_body = 16 * 1024 * 1024 };

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
			OK("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\nnow\n"),
			false },
		{ "close", "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", NULL, NOW_CLOSE, true },
		{ "the owner closes", GET("/close"), NULL, OK("Content-Length: 0\r\nConnection: close\r\n\r\n"), true },
		{ "nothing is served behind a close", "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/now"), NULL,
			NOW_CLOSE, true },
		{ "204", GET("/none"), "\r\n\r\n", "HTTP/1.1 204 No Content\r\nDate: *\r\nServer: test\r\n\r\n", false },
		{ "304", GET("/same"), "\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nDate: *\r\nServer: test\r\n\r\n", false },
		{ "HEAD", "HEAD /big HTTP/1.1\r\nHost: h\r\n\r\n" GET("/none"), "204 No Content\r\n",
			OK("Content-Type: text/plain\r\nVary: Accept-Encoding\r\nContent-Length: 4194304\r\n\r\n"
			   "HTTP/1.1 204 No Content\r\n"),
			false },
		{ "HEAD of what would be compressed",
			"HEAD /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n" GET("/none"), "204 No Content\r\n",
			OK("Content-Type: text/plain\r\nVary: Accept-Encoding\r\nContent-Encoding: gzip\r\n"
			   "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 No Content\r\n"),
			false },
		{ "too small to compress", "POST /echo HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
			"\r\n\r\nabc", OK("Content-Type: text/plain\r\nVary: Accept-Encoding\r\nContent-Length: 3\r\n\r\nabc"),
			false },
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
			"HTTP/1.1 400 Bad Request\r\nDate: *\r\nServer: test\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Content-Length: 8\r\nConnection: close\r\n\r\nno Host\n" },
		{ "HEAD / HTTP/1.1\r\n\r\n",
			"HTTP/1.1 400 Bad Request\r\nDate: *\r\nServer: test\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Content-Length: 8\r\nConnection: close\r\n\r\n" },
		{ "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nbeginning", "HTTP/1.1 413 Content Too Large\r\n" },
		{ "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n",
			"HTTP/1.1 413 Content Too Large\r\n" },
		{ "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: cake\r\nContent-Length: 1\r\n\r\n",
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
		free(got);
		site_wait(&s, "");
		client_close(&c);
		site_close(&s);
	}
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
	assert_taken(&c, "HTTP/1.1 299 \r\nDate: *\r\nServer: test\r\nX-Plain: a b\r\nX-Evil: a  Set-Cookie: b c\r\n"
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
	client_send(&c, GET("/later") GET("/now") "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
	site_wait(&s, "ask:/later ");
	for (int i = 0; i < 20; i++)
		site_turn(&s, QF_MS);
	client_read(&c);
	assert_int_equal(c.in.n, 0);
	assert_string_equal(qf_buf_cstr(&s.log), "ask:/later ");
	qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
	client_send(&c, "c" GET("/close") GET("/now"));
	client_wait(&c, NULL);
	assert_taken(&c, OK("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nlater\n") NOW OK(
				 "Content-Type: text/plain\r\nVary: Accept-Encoding\r\nContent-Length: 3\r\n\r\nabc")
				 OK("Content-Length: 0\r\nConnection: close\r\n\r\n"));
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
		{ GET("/later"), "HTTP/1.1 100 Continue\r\n\r\n" OK(
					 "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nlater\n") },
		{ "GET /later HTTP/1.0\r\n\r\n",
			OK("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\nConnection: close\r\n\r\nlater\n") },
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

/* ---- time ---- */

static void test_slow_request(void **state)
{
	struct qf_http_limits limits = { .max_body = 100, .receive_ns = 60 * QF_MS };
	static const char *const heads[] = { "GET /now HTT", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct site s;
		struct client c;

		site_open(&s, &limits);
		client_open(&c, &s);
		client_send(&c, heads[i]);
		client_wait(&c, NULL);
		assert_non_null(strstr(qf_buf_cstr(&c.in), "HTTP/1.1 408 Request Timeout\r\n"));
		assert_string_equal(qf_buf_cstr(&s.log), "");
		client_close(&c);
		site_close(&s);
	}
}

static void test_idle(void **state)
{
	struct qf_http_limits limits = { .idle_ns = 60 * QF_MS };
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &limits);
	client_open(&c, &s);
	client_send(&c, GET("/now"));
	client_wait(&c, "now\n");
	client_send(&c, "\r\n"); /* is no request */
	client_wait(&c, NULL);
	assert_taken(&c, NOW);
	client_close(&c);
	/* a long poll is not idle */
	client_open(&c, &s);
	client_send(&c, GET("/later"));
	site_wait(&s, "ask:/now ask:/later ");
	site_turn(&s, 150 * QF_MS);
	assert_int_equal(s.n_waiting, 1);
	qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
	client_wait(&c, "later\n");
	client_close(&c);
	site_close(&s);
}

static void test_client_takes_nothing(void **state)
{
	struct qf_http_limits limits = { .send_ns = 100 * QF_MS };
	static const char *const heads[] = { "", "Accept-Encoding: gzip\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int small = 4096;
		struct site s;
		struct client c;

		site_open(&s, &limits);
		client_open(&c, &s);
		setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		qf_http_body_free(s.big);
		struct qf_buf b = { 0 };
		uint32_t x = 1;

		while (b.n < 32 * 1024 * 1024)
			qf_buf_u32(&b, x = x * 1664525 + 1013904223);
		s.big = qf_http_body_new(&b);
		char *head = qf_xasprintf("GET /big HTTP/1.1\r\nHost: h\r\n%s\r\n", heads[i]);

		client_send(&c, head);
		site_wait(&s, "ask:/big sent:0 ");
		assert_int_equal(qf_http_server_connections(s.server), 0);
		free(head);
		client_close(&c);
		site_close(&s);
	}
}

/* ---- 100-continue ---- */

static void test_continue(void **state)
{
	static const char head[] = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
	static const char echo[] = OK("Content-Type: text/plain\r\nVary: Accept-Encoding\r\nContent-Length: 3\r\n\r\nabc");
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

/* ---- limits and drain ---- */

static void test_connections(void **state)
{
	struct qf_http_limits limits = { .max_connections = 2 };
	struct site s;
	struct client c[4];

	(void)state;
	site_open(&s, &limits);
	for (int i = 0; i < 4; i++) {
		client_open(&c[i], &s);
		client_send(&c[i], GET("/now"));
	}
	client_wait(&c[0], "now\n");
	client_wait(&c[1], "now\n");
	site_turn(&s, 50 * QF_MS);
	client_read(&c[2]);
	assert_int_equal(c[2].in.n, 0);
	assert_int_equal(qf_http_server_connections(s.server), 2);
	client_close(&c[0]);
	client_wait(&c[2], "now\n");
	limits.max_connections = 3;
	qf_http_server_limits(s.server, &limits);
	client_wait(&c[3], "now\n");
	for (int i = 1; i < 4; i++)
		client_close(&c[i]);
	site_close(&s);
}

/* Each is within its own limit; the one that takes too much goes, and its memory with it. */
static void test_all_that_is_held(void **state)
{
	static const char head[] = "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
	struct qf_buf body = { 0 };
	struct site s;
	struct client c[3];

	(void)state;
	while (body.n < 100000)
		qf_buf_add_str(&body, "0123456789");
	site_open(&s, &usual);
	s.server->max_held = 300000; /* blocks are powers of two */
	for (int i = 0; i < 3; i++) {
		client_open(&c[i], &s);
		client_send(&c[i], head);
		client_send(&c[i], qf_buf_cstr(&body));
		if (i < 2)
			site_wait(&s, i ? "ask:/later ask:/later " : "ask:/later ");
	}
	client_wait(&c[2], NULL);
	assert_non_null(strstr(qf_buf_cstr(&c[2].in), "HTTP/1.1 503 Service Unavailable\r\n"));
	for (int i = 0; i < 2; i++) {
		qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
		client_wait(&c[1 - i], "later\n");
	}
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
	site_wait_connections(&s, 0);
	assert_int_equal(s.server->held, 0);
	site_close(&s);
	qf_buf_fini(&body);
}

static void test_no_descriptors(void **state)
{
	struct rlimit was, now;
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	client_open(&c, &s);
	client_send(&c, GET("/now"));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = was;
	now.rlim_cur = (rlim_t)c.fd + 1; /* all below are taken */
	int fill = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fill < 0 || fill > c.fd);
	if (fill >= 0)
		close(fill);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	uint64_t turns = qf_loop_turns(s.loop);

	for (int i = 0; i < 10; i++)
		site_turn(&s, 5 * QF_MS);
	turns = qf_loop_turns(s.loop) - turns;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(qf_http_server_connections(s.server), 0);
	assert_true(turns < 100); /* it did not spin */
	client_wait(&c, "now\n");
	client_close(&c);
	site_close(&s);
}

static void note_drained(void *arg)
{
	struct site *s = arg;

	s->drained = true;
	s->server = qf_http_server_free(s->server);
	qf_loop_stop(s->loop);
}

static bool can_connect(const struct site *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;

	close(fd);
	return ok;
}

static void test_drain(void **state)
{
	struct site s;
	struct client idle, poll, half, fresh;

	(void)state;
	site_open(&s, &usual);
	client_open(&idle, &s);
	client_send(&idle, GET("/now"));
	client_wait(&idle, "now\n");
	client_open(&poll, &s);
	client_send(&poll, GET("/later"));
	site_wait(&s, "ask:/now ask:/later ");
	client_open(&half, &s);
	client_send(&half, "GET /now HTTP/1.1\r\n");
	client_open(&fresh, &s);
	site_wait_connections(&s, 4);
	site_turn(&s, 10 * QF_MS);
	client_send(&fresh, GET("/now")); /* is there, but not yet read */
	qf_http_server_drain(s.server, note_drained, &s);
	client_wait(&idle, NULL);
	assert_taken(&idle, NOW);
	client_wait(&fresh, NULL);
	assert_taken(&fresh, NOW_CLOSE);
	assert_false(can_connect(&s));
	client_send(&half, "Host: h\r\n\r\n" GET("/now"));
	client_wait(&half, NULL);
	assert_taken(&half, NOW_CLOSE);
	client_close(&idle);
	client_close(&half);
	client_close(&fresh);
	site_wait_connections(&s, 1);
	assert_false(s.drained);
	qf_http_reply_text(s.waiting[--s.n_waiting], 200, "later\n");
	client_wait(&poll, NULL);
	assert_taken(&poll,
		OK("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\nConnection: close\r\n\r\nlater\n"));
	client_close(&poll);
	while (!s.drained)
		site_turn(&s, 10 * QF_MS);
	site_close(&s);
}

static void test_drain_of_nothing(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, &usual);
	qf_http_server_drain(s.server, note_drained, &s);
	assert_false(s.drained);
	site_turn(&s, PATIENCE);
	assert_true(s.drained);
	site_close(&s);
}

static void test_freed_in_use(void **state)
{
	struct site s;
	struct client later, big, idle;

	(void)state;
	site_open(&s, &usual);
	client_open(&later, &s);
	client_send(&later, GET("/later"));
	site_wait(&s, "ask:/later ");
	client_open(&big, &s);
	client_send(&big, "GET /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
	client_wait(&big, "HTTP/1.1 200 OK");
	client_open(&idle, &s);
	site_wait_connections(&s, 3);
	qf_buf_clear(&s.log);
	s.server = qf_http_server_free(s.server);
	assert_non_null(strstr(qf_buf_cstr(&s.log), "gone:/later "));
	client_wait(&later, NULL);
	assert_int_equal(later.in.n, 0);
	client_close(&later);
	client_close(&big);
	client_close(&idle);
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_read_ahead_is_bounded),
		cmocka_unit_test(test_gone_while_it_waits),
		cmocka_unit_test(test_gone_with_pipelined_requests),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_gone_while_it_receives),
		cmocka_unit_test(test_slow_request),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_client_takes_nothing),
		cmocka_unit_test(test_continue),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_all_that_is_held),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_of_nothing),
		cmocka_unit_test(test_freed_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
