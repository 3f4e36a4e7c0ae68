/*
 * The client's side of the programs that the toolkit is measured against: as much of the PostgreSQL wire as
 * tests/bench/client speaks. Static functions: each bench is a program of its own. One loop thread.
 *
 * A query is answered by the connection's id, so that an answer to a client that has gone finds nobody. Where bytes are
 * only passed on, nothing behind the startup packet is looked at.
 */
#ifndef QF_BENCH_WIRE_H
#define QF_BENCH_WIRE_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qf/loop.h"
#include "qf/map.h"
#include "qf/proto/postgres.h"

enum { WIRE_READ = 8 * 1024, WIRE_MAX_MESSAGE = 1024 * 1024 };

struct wire_conn {
	struct wire *wire;
	uint64_t id;
	struct qf_watch watch;
	struct qf_pg_decoder decoder;
	struct qf_buf in, out;
	struct qf_task reap;
	bool closed;
	void *run;   /* the program's own: what runs for this client */
	size_t owed; /* and what it gets back when the socket has taken all */
};

struct wire {
	struct qf_loop *loop;
	struct qf_watch accepting;
	struct qf_map *conns; /* id → connection */
	uint64_t next_id;
	uint16_t port;
	void (*on_query)(struct wire *w, struct wire_conn *c, struct qf_slice sql);
	/* In place of it: what the client sends after its startup packet, as it comes; empty: it has gone. */
	void (*on_bytes)(struct wire *w, struct wire_conn *c, struct qf_slice bytes);
	/* A full socket took the rest, or is closed. May be NULL. */
	void (*on_drained)(struct wire_conn *c);
};

static struct wire_conn *wire_find(const struct wire *w, uint64_t id)
{
	return qf_map_get_u64(w->conns, id);
}

static void wire_reap(struct qf_task *t)
{
	struct wire_conn *c = qf_container_of(t, struct wire_conn, reap);

	qf_buf_fini(&c->in);
	qf_buf_fini(&c->out);
	free(c);
}

static void wire_close(struct wire_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	qf_map_del_u64(c->wire->conns, c->id);
	qf_watch_del(c->wire->loop, &c->watch);
	close(c->watch.fd);
	if (c->wire->on_drained)
		c->wire->on_drained(c);
	if (c->wire->on_bytes)
		c->wire->on_bytes(c->wire, c, QF_SLICE_NONE);
	c->reap.fn = wire_reap;
	qf_task_add(c->wire->loop, &c->reap);
}

/* Sends what stands in c->out, now or when the socket takes it. */
static void wire_flush(struct wire_conn *c)
{
	while (!c->closed && c->out.n > 0) {
		ssize_t n = send(c->watch.fd, c->out.p, c->out.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			wire_close(c);
			return;
		}
		qf_buf_consume(&c->out, (size_t)n);
	}
	if (!c->closed)
		qf_watch_mod(c->wire->loop, &c->watch, EPOLLIN | EPOLLRDHUP | (c->out.n ? (uint32_t)EPOLLOUT : 0));
}

static void wire_welcome(struct wire_conn *c)
{
	qf_pg_put_auth_ok(&c->out);
	qf_pg_put_parameter_status(&c->out, "server_version", "15.0");
	qf_pg_put_parameter_status(&c->out, "client_encoding", "UTF8");
	qf_pg_put_ready(&c->out, 'I');
	wire_flush(c);
}

static void wire_event(struct wire_conn *c, const struct qf_pg_event *ev)
{
	struct qf_slice sql;

	if (ev->type == QF_PG_STARTUP)
		wire_welcome(c);
	else if (ev->type == QF_PG_MESSAGE && ev->kind == 'Q' && qf_pg_read_string(ev->body, &sql) == 0)
		c->wire->on_query(c->wire, c, sql);
	else
		wire_close(c); /* Terminate, or nothing that the client of the bench sends */
}

static void wire_decode(struct wire_conn *c)
{
	struct qf_pg_event ev;
	size_t used;

	while (!c->closed && !(c->wire->on_bytes && c->decoder.started)) {
		qf_pg_decode(&c->decoder, qf_buf_slice(&c->in), &used, &ev);
		if (ev.type == QF_PG_NEED_MORE)
			return;
		wire_event(c, &ev);
		qf_buf_consume(&c->in, used);
	}
	if (!c->closed && c->in.n > 0)
		c->wire->on_bytes(c->wire, c, qf_buf_slice(&c->in));
	qf_buf_clear(&c->in);
}

static void wire_on_event(struct qf_watch *watch, uint32_t events)
{
	struct wire_conn *c = qf_container_of(watch, struct wire_conn, watch);

	if (events & EPOLLOUT) {
		wire_flush(c);
		if (!c->closed && c->out.n == 0 && c->wire->on_drained)
			c->wire->on_drained(c);
	}
	if (c->closed || !(events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)))
		return;
	ssize_t n = recv(watch->fd, qf_buf_reserve(&c->in, WIRE_READ), WIRE_READ, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		wire_close(c);
		return;
	}
	c->in.n += (size_t)n;
	wire_decode(c);
}

static void wire_accept(struct qf_watch *watch, uint32_t events)
{
	struct wire *w = qf_container_of(watch, struct wire, accepting);
	int one = 1, fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	struct wire_conn *c = qf_xcalloc(1, sizeof(*c));

	c->wire = w;
	c->id = ++w->next_id;
	c->watch = (struct qf_watch){ .fd = fd, .events = EPOLLIN | EPOLLRDHUP, .fn = wire_on_event };
	qf_pg_decoder_init(&c->decoder, WIRE_MAX_MESSAGE);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	qf_map_put_u64(w->conns, c->id, c);
	if (qf_watch_add(w->loop, &c->watch) < 0)
		wire_close(c);
}

/* Listens on a free port of 127.0.0.1 and says which on stdout. */
static int wire_listen(struct wire *w, struct qf_err *reterr)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	w->conns = qf_map_new();
	w->accepting = (struct qf_watch){ .fd = fd, .events = EPOLLIN, .fn = wire_accept };
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0 || qf_watch_add(w->loop, &w->accepting) < 0)
		return qf_err_set(reterr, -errno, "listen on 127.0.0.1: %s", qf_strerror(-errno));
	w->port = ntohs(at.sin_port);
	printf("%u\n", w->port);
	fflush(stdout);
	return 0;
}

#endif
