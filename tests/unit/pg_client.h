/*
 * A PostgreSQL client on the loop of the test: sends bytes, and writes what comes back as text.
 *
 *   R S(name=value) K Z(I) T(n:20 text:25) D(1,~) C(SELECT 1) I E(ERROR 42601 text p3 d[…] h[…]) N(WARNING …) v(3.0 …)
 *   1 2 3 n s c t(25 0) d(data) G H; a column in binary is n:20/1
 *
 * ParameterStatus and BackendKeyData of the startup are left out unless `verbose`. "EOF" is the end.
 */
#ifndef QF_TESTS_PG_CLIENT_H
#define QF_TESTS_PG_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qf/clock.h"
#include "qf/loop.h"
#include "qf/proto/postgres.h"

struct client {
	struct qf_loop *loop;
	struct qf_watch watch;
	struct qf_timer guard;
	struct qf_buf in, text;
	bool verbose, eof, timed_out, raw;
	unsigned ready, wanted; /* ReadyForQuery messages */
	unsigned rows;		/* DataRow beyond the first 8 of a turn are counted only */
	uint32_t pid;
	uint8_t key[256];
	size_t key_n;
};

static inline struct qf_slice text_of(struct qf_reader *r)
{
	return qf_read_cstr(r);
}

static inline void show_fields(struct qf_buf *b, struct qf_reader *r)
{
	struct qf_slice f[128] = { { 0 } };

	for (uint8_t code = qf_read_u8(r); code; code = qf_read_u8(r))
		f[code & 0x7f] = text_of(r);
	qf_buf_printf(b, "%.*s %.*s %.*s", (int)f['S'].n, (const char *)f['S'].p, (int)f['C'].n, (const char *)f['C'].p,
		(int)f['M'].n, (const char *)f['M'].p);
	if (f['P'].n)
		qf_buf_printf(b, " p%.*s", (int)f['P'].n, (const char *)f['P'].p);
	if (f['D'].n)
		qf_buf_printf(b, " d[%.*s]", (int)f['D'].n, (const char *)f['D'].p);
	if (f['H'].n)
		qf_buf_printf(b, " h[%.*s]", (int)f['H'].n, (const char *)f['H'].p);
}

static inline void show_columns(struct qf_buf *b, struct qf_reader *r)
{
	unsigned n = qf_read_u16(r);

	for (unsigned i = 0; i < n; i++) {
		struct qf_slice name = text_of(r);

		qf_read_u32(r);
		qf_read_u16(r);
		qf_buf_printf(b, "%s%.*s:%u", i ? " " : "", (int)name.n, (const char *)name.p, qf_read_u32(r));
		qf_read_u16(r);
		qf_read_u32(r);
		if (qf_read_u16(r))
			qf_buf_add_str(b, "/1");
	}
}

static inline void show_row(struct qf_buf *b, struct qf_reader *r)
{
	unsigned n = qf_read_u16(r);

	for (unsigned i = 0; i < n; i++) {
		uint32_t len = qf_read_u32(r);

		qf_buf_add_str(b, i ? "," : "");
		if (len == UINT32_MAX) {
			qf_buf_add_str(b, "~");
			continue;
		}
		struct qf_slice v = qf_read_bytes(r, len);

		for (size_t k = 0; k < v.n && k < 40; k++)
			qf_buf_printf(b, v.p[k] < ' ' ? "\\%x" : "%c", v.p[k]);
	}
}

static inline void show_message(struct client *c, char kind, struct qf_slice body)
{
	struct qf_buf *b = &c->text;
	struct qf_reader r = qf_reader(body);
	size_t before = b->n;

	qf_buf_printf(b, "%s%c", b->n ? " " : "", kind);
	if (strchr("RI123nscGHA", kind))
		return;
	qf_buf_add_str(b, "(");
	if (kind == 'E' || kind == 'N') {
		show_fields(b, &r);
	} else if (kind == 'T') {
		show_columns(b, &r);
	} else if (kind == 'D') {
		show_row(b, &r);
	} else if (kind == 'C') {
		qf_buf_add_slice(b, text_of(&r));
	} else if (kind == 'S') {
		qf_buf_add_slice(b, text_of(&r));
		qf_buf_add_str(b, "=");
		qf_buf_add_slice(b, text_of(&r));
	} else if (kind == 't') {
		for (unsigned n = qf_read_u16(&r), i = 0; i < n; i++)
			qf_buf_printf(b, "%s%u", i ? " " : "", qf_read_u32(&r));
	} else if (kind == 'd') {
		qf_buf_add_slice(b, body);
	} else if (kind == 'K') {
		c->pid = qf_read_u32(&r);
		c->key_n = r.n < sizeof(c->key) ? r.n : 0;
		memcpy(c->key, r.p, c->key_n);
	} else if (kind == 'v') {
		uint32_t v = qf_read_u32(&r);
		uint32_t n = qf_read_u32(&r);

		qf_buf_printf(b, "%u.%u", v >> 16, v & 0xffff);
		while (n-- > 0) {
			qf_buf_add_str(b, " ");
			qf_buf_add_slice(b, text_of(&r));
		}
	} else if (kind == 'Z') {
		qf_buf_u8(b, qf_read_u8(&r));
		c->ready++;
	}
	qf_buf_add_str(b, ")");
	if (r.err)
		qf_buf_add_str(b, "!malformed!");
	if (!c->verbose && c->ready == 0 && (kind == 'S' || kind == 'K'))
		b->n = before;
	if (kind == 'D' && ++c->rows > 8)
		b->n = before;
}

static inline void take_messages(struct client *c)
{
	while (c->in.n >= 5) {
		struct qf_reader r = qf_reader(qf_buf_slice(&c->in));
		char kind = (char)qf_read_u8(&r);

		if (c->raw || (kind == 'N' && c->ready == 0 && c->in.n == 1))
			return;
		uint32_t len = qf_read_u32(&r);

		if (len < 4 || len - 4 > r.n)
			return;
		show_message(c, kind, qf_read_bytes(&r, len - 4));
		qf_buf_consume(&c->in, len + 1);
	}
}

static inline void client_readable(struct qf_watch *w, uint32_t events)
{
	struct client *c = qf_container_of(w, struct client, watch);
	ssize_t n = recv(w->fd, qf_buf_reserve(&c->in, 65536), 65536, MSG_DONTWAIT);

	(void)events;
	if (n > 0) {
		c->in.n += (size_t)n;
		take_messages(c);
		if ((c->wanted && c->ready >= c->wanted) || c->raw)
			qf_loop_stop(c->loop);
		return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	qf_buf_printf(&c->text, "%sEOF", c->text.n ? " " : "");
	c->eof = true;
	qf_watch_del(c->loop, w);
	qf_loop_stop(c->loop);
}

static inline void client_guard(struct qf_timer *t)
{
	struct client *c = qf_container_of(t, struct client, guard);

	c->timed_out = true;
	qf_loop_stop(c->loop);
}

static inline int connect_to(uint16_t port, int receive_buffer)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void client_open(struct client *c, struct qf_loop *loop, uint16_t port)
{
	memset(c, 0, sizeof(*c));
	c->loop = loop;
	c->watch = (struct qf_watch){ .fd = connect_to(port, 0), .events = EPOLLIN, .fn = client_readable };
	c->guard.fn = client_guard;
	if (c->watch.fd < 0 || qf_watch_add(loop, &c->watch) < 0)
		abort();
}

static inline void client_close(struct client *c)
{
	qf_watch_del(c->loop, &c->watch);
	qf_timer_stop(c->loop, &c->guard);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	c->watch.fd = -1;
	qf_buf_fini(&c->in);
	qf_buf_fini(&c->text);
}

static inline void client_send(struct client *c, const void *p, size_t n)
{
	if (send(c->watch.fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		abort();
}

static inline void turn(struct client *c, uint64_t ns)
{
	qf_timer_set(c->loop, &c->guard, ns);
	if (qf_loop_run(c->loop) < 0)
		abort();
	qf_timer_stop(c->loop, &c->guard);
}

/* Turns the loop until `n` ReadyForQuery have come, the end, or 10 s; returns what came as text. */
static inline const char *client_wait(struct client *c, unsigned n)
{
	c->wanted = c->ready + n;
	c->timed_out = false;
	uint64_t until = qf_mono_ns() + 10 * QF_SEC;

	while (c->ready < c->wanted && !c->eof && qf_mono_ns() < until)
		turn(c, 10 * QF_SEC);
	c->wanted = 0;
	if (!c->eof && c->timed_out)
		qf_buf_add_str(&c->text, " TIMEOUT");
	return qf_buf_cstr(&c->text);
}

static inline void put_message(struct qf_buf *b, char kind, const void *body, size_t n)
{
	qf_buf_u8(b, (uint8_t)kind);
	qf_buf_u32(b, (uint32_t)n + 4);
	qf_buf_add(b, body, n);
}

static inline void send_message(struct client *c, char kind, const void *body, size_t n)
{
	struct qf_buf b = { 0 };

	put_message(&b, kind, body, n);
	client_send(c, b.p, b.n);
	qf_buf_fini(&b);
}

static inline void send_query(struct client *c, const char *sql)
{
	qf_buf_clear(&c->text);
	c->rows = 0;
	send_message(c, 'Q', sql, strlen(sql) + 1);
}

static inline const char *query(struct client *c, const char *sql)
{
	send_query(c, sql);
	return client_wait(c, 1);
}

/* params: name, value, …, NULL */
static inline void send_startup(struct client *c, uint32_t version, const char *const *params)
{
	struct qf_buf b = { 0 };

	qf_buf_u32(&b, 0);
	qf_buf_u32(&b, version);
	for (; *params; params++)
		qf_buf_add(&b, *params, strlen(*params) + 1);
	qf_buf_u8(&b, 0);
	qf_buf_put_u32_at(&b, 0, (uint32_t)b.n);
	client_send(c, b.p, b.n);
	qf_buf_fini(&b);
}

#endif
