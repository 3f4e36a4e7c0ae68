/*
 * An HTTP server whose owner answers by path, and clients of it, all on the loop of the test.
 *
 *   /now  "now\n"          /echo  the body, compressed when asked     /big  4 MB, compressed when asked
 *   /later  when the test says     /close  and the connection ends    /none  204     /same  304
 *
 * What the owner is told is written down: "ask:/path", "gone:/path", "sent:1" (when whole) or "sent:0".
 */
#ifndef QF_TESTS_HTTP_SERVER_H
#define QF_TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/http/conn.h"
#include "qf/clock.h"

enum { BIG = 4 * 1024 * 1024 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, headers) "POST " path " HTTP/1.1\r\nHost: h\r\n" headers "\r\n"
#define STATUS(line) "HTTP/1.1 " line "\r\nDate: *\r\nServer: test\r\n"
#define OK STATUS("200 OK")
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define PLAIN "Content-Type: text/plain\r\nVary: Accept-Encoding\r\n"
#define CLOSE "Connection: close\r\n"
#define NOW OK TEXT "Content-Length: 4\r\n\r\nnow\n"
#define NOW_CLOSE OK TEXT "Content-Length: 4\r\n" CLOSE "\r\nnow\n"
#define LATER OK TEXT "Content-Length: 6\r\n\r\nlater\n"
#define LATER_CLOSE OK TEXT "Content-Length: 6\r\n" CLOSE "\r\nlater\n"

#define PATIENCE (20 * QF_SEC)

static const struct qf_http_limits usual = { .max_body = 16 * 1024 * 1024 };

struct site {
	struct qf_loop *loop;
	struct qf_http_server *server;
	struct qf_timer guard;
	uint16_t port;
	struct qf_http_request *waiting[8];
	size_t n_waiting;
	struct qf_http_body *big;
	struct qf_buf log;
	bool drained;
};

static inline void note_sent(void *arg, bool ok)
{
	struct site *s = arg;

	qf_buf_add_str(&s->log, ok ? "sent:1 " : "sent:0 ");
}

static inline void answer(struct site *s, struct qf_http_request *rq, struct qf_http_body *body)
{
	struct qf_http_reply reply = {
		.status = 200,
		.content_type = "text/plain",
		.body = body,
		.compress = true,
		.on_sent = note_sent,
		.arg = s,
	};

	qf_http_reply(rq, &reply);
}

static inline void answer_echo(struct site *s, struct qf_http_request *rq)
{
	struct qf_buf b = { 0 };

	qf_buf_add_slice(&b, qf_http_body(rq));
	struct qf_http_body *body = qf_http_body_new(&b);

	answer(s, rq, body);
	qf_http_body_free(body);
}

static inline void on_request(struct qf_http_request *rq, void *arg)
{
	struct site *s = arg;
	struct qf_slice path = qf_http_path(rq);
	struct qf_http_reply bare = { .status = 204 };

	qf_buf_printf(&s->log, "ask:%.*s ", (int)path.n, (const char *)path.p);
	qf_http_set_user(rq, s);
	if (qf_slice_eq_str(path, "/later")) {
		qf_assert(s->n_waiting < 8);
		s->waiting[s->n_waiting++] = rq;
	} else if (qf_slice_eq_str(path, "/echo")) {
		answer_echo(s, rq);
	} else if (qf_slice_eq_str(path, "/big")) {
		answer(s, rq, s->big);
	} else if (qf_slice_eq_str(path, "/none") || qf_slice_eq_str(path, "/same")) {
		bare.status = qf_slice_eq_str(path, "/none") ? 204 : 304;
		qf_http_reply(rq, &bare);
	} else if (qf_slice_eq_str(path, "/close")) {
		bare.status = 200;
		bare.close = true;
		qf_http_reply(rq, &bare);
	} else {
		qf_http_reply_text(rq, 200, "%s\n", "now");
	}
}

static inline void on_gone(struct qf_http_request *rq, void *arg)
{
	struct site *s = arg;
	struct qf_slice path = qf_http_path(rq);

	qf_assert(qf_http_user(rq) == s);
	qf_buf_printf(&s->log, "gone:%.*s ", (int)path.n, (const char *)path.p);
	for (size_t i = 0; i < s->n_waiting; i++)
		if (s->waiting[i] == rq)
			s->waiting[i] = s->waiting[--s->n_waiting];
}

static inline void on_guard(struct qf_timer *t)
{
	qf_loop_stop(qf_container_of(t, struct site, guard)->loop);
}

static inline void site_open(struct site *s, const struct qf_http_limits *limits)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct qf_buf big = { 0 };
	struct qf_err err;

	memset(s, 0, sizeof(*s));
	s->guard.fn = on_guard;
	for (unsigned i = 0; big.n < BIG; i++)
		qf_buf_printf(&big, "%u is line %x\n", i, i * 2654435761u);
	big.n = BIG;
	s->big = qf_http_body_new(&big);
	assert_int_equal(qf_loop_new(&s->loop, &err), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	s->port = ntohs(at.sin_port);
	struct qf_http_server_opts opts = {
		.loop = s->loop,
		.fd = fd,
		.limits = *limits,
		.name = "test",
		.on_request = on_request,
		.on_gone = on_gone,
		.arg = s,
	};

	assert_int_equal(qf_http_server_new(&s->server, &opts, &err), 0);
}

static inline void site_close(struct site *s)
{
	s->server = qf_http_server_free(s->server);
	qf_timer_stop(s->loop, &s->guard);
	s->loop = qf_loop_free(s->loop);
	assert_int_equal(s->n_waiting, 0);
	s->big = qf_http_body_free(s->big);
	qf_buf_fini(&s->log);
}

static inline void site_turn(struct site *s, uint64_t ns)
{
	qf_timer_set(s->loop, &s->guard, ns);
	assert_int_equal(qf_loop_run(s->loop), 0);
}

/* ---- clients ---- */

struct client {
	struct site *site;
	int fd;
	struct qf_buf in;
	bool eof, reset;
};

static inline bool connects(int fd, uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static inline void client_open(struct client *c, struct site *s)
{
	*c = (struct client){ .site = s, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	assert_true(connects(c->fd, s->port));
}

static inline void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	qf_buf_fini(&c->in);
}

static inline void client_reset(struct client *c)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	client_close(c);
}

static inline void client_send(struct client *c, const char *text)
{
	assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void client_read(struct client *c)
{
	ssize_t n;

	while (!c->eof && (n = recv(c->fd, qf_buf_reserve(&c->in, 65536), 65536, MSG_DONTWAIT)) != 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			c->reset = c->eof = true;
			return;
		}
		c->in.n += (size_t)n;
	}
	c->eof = true;
}

/* Until what has come contains the text; NULL: until the end. */
static inline void client_wait(struct client *c, const char *text)
{
	uint64_t until = qf_mono_ns() + PATIENCE;

	for (;;) {
		client_read(c);
		if (text && c->in.n > 0 && strstr(qf_buf_cstr(&c->in), text))
			return;
		if (!text && c->eof)
			return;
		if (qf_mono_ns() > until || c->eof)
			fail_msg("waited for %s, have: %.2000s", text ? text : "the end", qf_buf_cstr(&c->in));
		site_turn(c->site, 2 * QF_MS);
	}
}

static inline void site_wait(struct site *s, const char *log)
{
	uint64_t until = qf_mono_ns() + PATIENCE;

	while (strcmp(qf_buf_cstr(&s->log), log) != 0) {
		if (qf_mono_ns() > until)
			fail_msg("waited for %s, have: %s", log, qf_buf_cstr(&s->log));
		site_turn(s, 2 * QF_MS);
	}
}

static inline void site_wait_connections(struct site *s, size_t n)
{
	uint64_t until = qf_mono_ns() + PATIENCE;

	while (qf_http_server_connections(s->server) != n) {
		if (qf_mono_ns() > until)
			fail_msg("waited for %zu connections, have %zu", n, qf_http_server_connections(s->server));
		site_turn(s, 2 * QF_MS);
	}
}

/* What has come, with the date masked, and forgotten. Caller frees. */
static inline char *client_take(struct client *c)
{
	char *text = qf_xstrdup(qf_buf_cstr(&c->in)), *at = text;

	while ((at = strstr(at, "\r\nDate: ")) != NULL) {
		at += strlen("\r\nDate: ");
		char *end = strstr(at, "\r\n");

		assert_non_null(end);
		assert_int_equal(end - at, strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
		memmove(at + 1, end, strlen(end) + 1);
		*at = '*';
	}
	qf_buf_clear(&c->in);
	return text;
}

#define assert_taken(c, want)                                    \
	do {                                                     \
		char *taken_text = client_take(c);               \
		assert_string_equal(taken_text, want);           \
		free(taken_text);                                \
	} while (0)

#endif
