/* The HTTP server over real sockets: time-outs, limits, drain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "http_server.h"

/* ---- time ---- */

static void test_slow_request(void **state)
{
	struct qf_http_limits limits = { .max_body = 100, .receive_ns = 60 * QF_MS };
	static const char *const heads[] = { "GET /now HTT", POST("/echo", "Content-Length: 5\r\n") "ab" };

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
	struct qf_http_limits limits = { .idle_ns = 60 * QF_MS, .receive_ns = 60 * QF_MS };
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
	/* a long poll is neither idle nor slow */
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

enum { HUGE_BYTES = 32 * 1024 * 1024 };

/* More than all buffers between server and client, compressed or not. */
static void make_huge(struct site *s)
{
	struct qf_buf b = { 0 };
	uint32_t x = 1;

	while (b.n < HUGE_BYTES)
		qf_buf_u32(&b, x = x * 1664525 + 1013904223);
	qf_http_body_free(s->big);
	s->big = qf_http_body_new(&b);
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
		make_huge(&s);
		char *head = qf_xasprintf("GET /big HTTP/1.1\r\nHost: h\r\n%s\r\n", heads[i]);

		client_send(&c, head);
		site_wait(&s, "ask:/big sent:0 ");
		assert_int_equal(qf_http_server_connections(s.server), 0);
		free(head);
		client_close(&c);
		site_close(&s);
	}
}

/* ---- replies that nobody reads ---- */

/* It takes so little that nearly all of the reply stays with the server. */
static void stall(struct client *c, struct site *s, const char *request, const char *log)
{
	int small = 4096;

	client_open(c, s);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	client_send(c, request);
	site_wait(s, log);
	site_turn(s, 20 * QF_MS);
}

static void test_unsent(void **state)
{
	struct qf_http_limits limits = { .max_unsent = 80 << 20 };
	struct client c[4];
	struct site s;

	(void)state;
	site_open(&s, &limits);
	make_huge(&s);
	stall(&c[0], &s, GET("/big"), "ask:/big ");
	make_huge(&s); /* another body of the same size */
	stall(&c[1], &s, GET("/big"), "ask:/big ask:/big ");
	assert_int_equal(s.server->unsent, 2 * HUGE_BYTES);

	/* No room, and nobody has stood still for long. */
	make_huge(&s);
	client_open(&c[2], &s);
	client_send(&c[2], GET("/big"));
	client_wait(&c[2], NULL);
	assert_non_null(strstr(qf_buf_cstr(&c[2].in), "HTTP/1.1 503 Service Unavailable\r\n"));
	client_close(&c[2]);
	site_turn(&s, 1100 * QF_MS);
	assert_string_equal(qf_buf_cstr(&s.log), "ask:/big ask:/big ask:/big sent:1 ");

	/* Now who has stood still for longest goes. The other one stays. */
	stall(&c[3], &s, GET("/big"), "ask:/big ask:/big ask:/big sent:1 ask:/big sent:0 ");
	assert_int_equal(s.server->unsent, 2 * HUGE_BYTES);
	client_close(&c[0]);
	client_read(&c[1]);
	assert_false(c[1].eof);
	client_reset(&c[1]);
	client_reset(&c[3]);
	site_wait_connections(&s, 0);
	assert_int_equal(s.server->unsent, 0);
	site_close(&s);
}

/* A body counts once, however many send it; compression only where there is room for that, too. */
static void test_unsent_together(void **state)
{
	static const char head[] = "GET /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n";
	struct qf_http_limits limits = { .max_unsent = HUGE_BYTES + 2 * HTTP_GZIP_BYTES };
	char log[256] = "";
	struct client c[4];
	struct site s;

	(void)state;
	site_open(&s, &limits);
	make_huge(&s);
	for (int i = 0; i < 4; i++) {
		strcat(log, "ask:/big ");
		stall(&c[i], &s, head, log);
		client_wait(&c[i], i < 2 ? "Content-Encoding: gzip\r\n" : "Content-Length: 33554432\r\n");
	}
	assert_int_equal(s.server->unsent, limits.max_unsent);
	qf_http_body_give_up(s.server, s.big);
	assert_int_equal(s.server->unsent, 0);
	strcat(log, "sent:0 sent:0 sent:0 sent:0 ");
	site_wait(&s, log);
	site_wait_connections(&s, 0);
	for (int i = 0; i < 4; i++)
		client_close(&c[i]);
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
	static const char head[] = POST("/later", "Content-Length: 100000\r\n");
	struct qf_buf body = { 0 };
	struct site s;
	struct client c[3];

	(void)state;
	while (body.n < 100000)
		qf_buf_add_str(&body, "0123456789");
	site_open(&s, &usual);
	s.server->max_held = 400000; /* blocks are powers of two, and 64 KiB more are read ahead */
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
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connects(fd, s->port);

	close(fd);
	return ok;
}

struct drain {
	struct qf_timer timer;
	struct client *fresh;
};

/* What came since the loop looked for events is a request that is there. */
static void drain_now(struct qf_timer *t)
{
	struct drain *d = qf_container_of(t, struct drain, timer);

	client_send(d->fresh, GET("/now"));
	qf_http_server_drain(d->fresh->site->server, note_drained, d->fresh->site);
}

static void test_drain(void **state)
{
	struct site s;
	struct client idle, poll, half, fresh;
	struct drain drain = { .timer.fn = drain_now, .fresh = &fresh };

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
	qf_timer_set(s.loop, &drain.timer, 0);
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
	assert_taken(&poll, LATER_CLOSE);
	client_close(&poll);
	while (!s.drained)
		site_turn(&s, 10 * QF_MS);
	site_close(&s);
}

/* A reply that has promised to keep the connection is sent to its end, and the request behind it is answered. */
static void test_drain_while_it_sends(void **state)
{
	struct site s;
	struct client c;

	(void)state;
	site_open(&s, &usual);
	make_huge(&s);
	client_open(&c, &s);
	client_send(&c, GET("/big"));
	site_wait(&s, "ask:/big ");
	qf_http_server_drain(s.server, note_drained, &s);
	site_turn(&s, 5 * QF_MS);
	client_send(&c, GET("/now"));
	client_wait(&c, NULL);
	assert_false(c.reset);
	size_t n = strlen(NOW_CLOSE) - strlen("*") + strlen("Sun, 06 Nov 1994 08:49:37 GMT");

	assert_true(c.in.n > HUGE_BYTES + n);
	qf_buf_consume(&c.in, c.in.n - n);
	assert_taken(&c, NOW_CLOSE);
	client_close(&c);
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
		cmocka_unit_test(test_slow_request),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_client_takes_nothing),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_unsent_together),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_all_that_is_held),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_while_it_sends),
		cmocka_unit_test(test_drain_of_nothing),
		cmocka_unit_test(test_freed_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
