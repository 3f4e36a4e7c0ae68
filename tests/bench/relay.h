/*
 * The engine's side of the bare chain in front of PostgreSQL: for each client a connection of its own to the server,
 * whose bytes pass both ways as they come. Static functions: each bench is a program of its own. One loop thread.
 */
#ifndef QF_BENCH_RELAY_H
#define QF_BENCH_RELAY_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qf/buf.h"
#include "qf/loop.h"
#include "qf/map.h"
#include "startup.h"

enum { RELAY_READ = 64 * 1024 };

struct relay {
	struct qf_loop *loop;
	uint16_t port;
	struct qf_map *links; /* the client's id → struct relay_link */
	void *arg;
	void (*on_bytes)(struct relay *r, uint64_t id, struct qf_slice bytes); /* empty: the server has closed */
};

struct relay_link {
	struct relay *relay;
	uint64_t id;
	struct qf_watch watch;
	struct qf_buf out;
	struct qf_task reap;
	bool closed;
};

static void relay_reap(struct qf_task *t)
{
	struct relay_link *k = qf_container_of(t, struct relay_link, reap);

	qf_buf_fini(&k->out);
	free(k);
}

static void relay_close(struct relay_link *k)
{
	if (k->closed)
		return;
	k->closed = true;
	qf_map_del_u64(k->relay->links, k->id);
	qf_watch_del(k->relay->loop, &k->watch);
	close(k->watch.fd);
	k->reap.fn = relay_reap;
	qf_task_add(k->relay->loop, &k->reap);
}

static void relay_lost(struct relay_link *k)
{
	k->relay->on_bytes(k->relay, k->id, QF_SLICE_NONE);
	relay_close(k);
}

static void relay_flush(struct relay_link *k)
{
	while (k->out.n > 0) {
		ssize_t n = send(k->watch.fd, k->out.p, k->out.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			relay_lost(k);
			return;
		}
		qf_buf_consume(&k->out, (size_t)n);
	}
	qf_watch_mod(k->relay->loop, &k->watch, EPOLLIN | (k->out.n ? (uint32_t)EPOLLOUT : 0));
}

static void relay_on_event(struct qf_watch *w, uint32_t events)
{
	static uint8_t input[RELAY_READ];
	struct relay_link *k = qf_container_of(w, struct relay_link, watch);

	if (events & EPOLLOUT)
		relay_flush(k);
	if (k->closed || !(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return;
	ssize_t n = recv(w->fd, input, sizeof(input), 0);

	if (n > 0)
		k->relay->on_bytes(k->relay, k->id, qf_slice(input, (size_t)n));
	else if (n == 0 || errno != EAGAIN)
		relay_lost(k);
}

/* Waits until the server is ready: that is before anything is measured. */
static int relay_connect(uint16_t port)
{
	static const uint8_t ready[] = { 'Z', 0, 0, 0, 5, 'I' };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct qf_buf b = { 0 };
	bool up;

	startup_put(&b, NULL);
	up = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	     send(fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n;
	qf_buf_clear(&b);
	while (up && !(b.n > sizeof(ready) && !memcmp(b.p + b.n - sizeof(ready), ready, sizeof(ready)))) {
		ssize_t n = recv(fd, qf_buf_reserve(&b, RELAY_READ), RELAY_READ, 0);

		up = n > 0;
		b.n += up ? (size_t)n : 0;
	}
	qf_buf_fini(&b);
	if (!up) {
		fprintf(stderr, "chain: PostgreSQL on port %u does not let the chain in\n", port);
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Bytes of a client, in order; empty: it has gone. */
static void relay_take(struct relay *r, uint64_t id, struct qf_slice bytes)
{
	struct relay_link *k = qf_map_get_u64(r->links, id);

	if (!k && bytes.n == 0)
		return;
	if (!k) {
		k = qf_xcalloc(1, sizeof(*k));
		k->relay = r;
		k->id = id;
		k->watch = (struct qf_watch){ .fd = relay_connect(r->port), .events = EPOLLIN, .fn = relay_on_event };
		qf_assert(qf_watch_add(r->loop, &k->watch) == 0);
		qf_map_put_u64(r->links, id, k);
	}
	if (bytes.n == 0) {
		relay_close(k);
		return;
	}
	qf_buf_add_slice(&k->out, bytes);
	relay_flush(k);
}

#endif
