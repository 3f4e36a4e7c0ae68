/* See conn.h. */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "qf/clock.h"
#include "qf/log.h"

enum {
	READ_FIRST = 8 * 1024,
	READ_MORE = 64 * 1024, /* while a long message is coming */
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_INTERVAL_S = 15,
	KEEPALIVE_COUNT = 4,
	TLS_HANDSHAKE = 0x16, /* the type of a first record [RFC 8446, 5.1] */
};

#define LINGER_NS (5 * QF_SEC)
/* The stall limit comes first, so that a slow reader is told apart from a dead network. */
#define USER_TIMEOUT_BEHIND_STALL_NS (10 * QF_SEC)

static void set_option(int fd, int level, int option, int value)
{
	/* Fails on what is no TCP socket, and nothing depends on it. */
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		return;
}

static void set_options(int fd, uint64_t stall_ns)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	uint64_t ms = (stall_ns + USER_TIMEOUT_BEHIND_STALL_NS) / QF_MS;

	if (stall_ns > 0 && ms <= INT_MAX)
		set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)ms);
}

static void gone(struct pg_conn *c, enum pg_gone why)
{
	pg_conn_close(c);
	c->ops->gone(c, why);
}

/* ---- what the socket is asked for ---- */

static bool wants_input(const struct pg_conn *c)
{
	return c->finishing || (!c->busy && !c->full);
}

/*
 * EPOLLIN is taken back only when input really comes at the wrong time (on_event): for a client that
 * waits for its answer, most of them, busy costs no system call.
 */
static void update_watch(struct pg_conn *c)
{
	c->reading |= wants_input(c);
	uint32_t events = c->shut ? 0 : EPOLLRDHUP; /* once shut, the end is read, after what stands before it */

	if (c->reading)
		events |= EPOLLIN;
	if (c->blocked || (c->tls_sends && wants_input(c)))
		events |= EPOLLOUT;
	qf_watch_mod(c->loop, &c->watch, events);
}

/* ---- the two calls that everything goes through ---- */

/* As send(), but fails with -errno; -EAGAIN: the socket takes no more. 0: TLS has to read first. */
static ssize_t put(struct pg_conn *c)
{
	unsigned wants = EPOLLOUT;
	ssize_t n;

	if (!c->tls) {
		n = send(c->watch.fd, c->out.p, c->out.n, MSG_NOSIGNAL);
		return n < 0 ? -errno : n;
	}
	n = qf_tls_write(c->tls, c->out.p, c->out.n, &wants);
	return n == -EAGAIN && wants == EPOLLIN ? 0 : n;
}

/* As recv(), but fails with -errno. */
static ssize_t get(struct pg_conn *c, void *to, size_t room)
{
	unsigned wants = EPOLLIN;
	ssize_t n;

	if (!c->tls || c->shut) { /* what comes after our last word is of no interest, encrypted or not */
		n = recv(c->watch.fd, to, room, 0);
		return n < 0 ? -errno : n;
	}
	qf_assert(qf_tls_established(c->tls) || c->in.n == 0); /* CVE-2021-23214 */
	n = qf_tls_read(c->tls, to, room, &wants);
	c->tls_sends = n == -EAGAIN && wants == EPOLLOUT;
	return n;
}

/* ---- output ---- */

/* Returns false when the connection is gone. */
static bool flush(struct pg_conn *c)
{
	uint64_t before = c->sent_bytes;

	while (c->out.n > 0 && !c->blocked) {
		ssize_t n = put(c);

		if (n == -EINTR)
			continue;
		if (n < 0 && n != -EAGAIN) {
			gone(c, PG_GONE_CLOSED);
			return false;
		}
		if (n == 0)
			break;
		c->blocked = n < 0 || (!c->tls && (size_t)n < c->out.n);
		if (n > 0) {
			qf_buf_consume(&c->out, (size_t)n);
			c->sent_bytes += (uint64_t)n;
		}
	}
	bool moved = c->sent_bytes != before;

	if (c->out.n == 0)
		c->blocked = false;
	if (!c->finishing && !c->blocked)
		qf_timer_stop(c->loop, &c->timer);
	else if (!c->finishing && c->stall_ns > 0 && (moved || !qf_timer_armed(&c->timer)))
		qf_timer_set(c->loop, &c->timer, c->stall_ns);
	if (moved && c->ops->sent)
		c->ops->sent(c);
	return true;
}

bool pg_conn_room(struct pg_conn *c)
{
	if (c->out.n >= PG_OUT_HIGH)
		c->full = true;
	else if (c->out.n < PG_OUT_LOW)
		c->full = false;
	return !c->full;
}

uint64_t pg_conn_queued(const struct pg_conn *c)
{
	return c->sent_bytes + c->out.n;
}

/* All is said: close our half and give the client time to read it before a reset could take it away. */
static void shut_when_sent(struct pg_conn *c)
{
	if (!c->finishing || c->shut || c->out.n > 0)
		return;
	c->shut = true;
	if (c->tls)
		qf_tls_shutdown(c->tls);
	shutdown(c->watch.fd, SHUT_WR);
}

/* An idle connection holds no buffers. */
static void release_buffers(struct pg_conn *c)
{
	if (c->busy)
		return;
	if (c->in.n == 0)
		qf_buf_fini(&c->in);
	if (c->out.n == 0)
		qf_buf_fini(&c->out);
}

/* ---- input ---- */

static void read_some(struct pg_conn *c)
{
	size_t room = c->in.n > 0 ? READ_MORE : READ_FIRST;
	ssize_t n = get(c, qf_buf_reserve(&c->in, room), room);

	if (n == -EAGAIN || n == -EINTR) {
		if (c->tls)
			release_buffers(c);
		if (c->tls && c->out.n > 0 && !c->blocked)
			pg_conn_kick(c);
		return;
	}
	if (n <= 0) {
		if (c->tls && n < 0)
			qf_debug("TLS: %s", qf_tls_error(c->tls));
		gone(c, c->finishing ? PG_GONE_FINISHED : PG_GONE_CLOSED);
		return;
	}
	if (c->finishing)
		return; /* not appended: nobody reads it any more */
	c->in.n += (size_t)n;
	pg_conn_kick(c);
}

/* True when that was all for now. [PG 55.2.11]: no startup packet is so long that it begins with this byte. */
static bool sniffed(struct pg_conn *c)
{
	uint8_t first;
	ssize_t n = recv(c->watch.fd, &first, 1, MSG_PEEK);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->sniff = false;
	if (n == 1 && first == TLS_HANDSHAKE)
		c->ops->direct_tls(c);
	return pg_conn_closed(c);
}

static void on_input(struct pg_conn *c)
{
	if (c->sniff && sniffed(c))
		return;
	read_some(c);
	if (c->tls && !pg_conn_closed(c))
		update_watch(c);
}

static void on_task(struct qf_task *t)
{
	struct pg_conn *c = qf_container_of(t, struct pg_conn, task);

	if (!c->finishing)
		c->ops->turn(c);
	if (pg_conn_closed(c) || !flush(c))
		return;
	/* No event of the socket tells of what TLS has read already. */
	if (c->tls && !c->shut && wants_input(c) && qf_tls_pending(c->tls) > 0)
		read_some(c);
	if (pg_conn_closed(c))
		return;
	if (c->full && pg_conn_room(c))
		pg_conn_kick(c);
	shut_when_sent(c);
	release_buffers(c);
	update_watch(c);
}

static void on_event(struct qf_watch *w, uint32_t events)
{
	struct pg_conn *c = qf_container_of(w, struct pg_conn, watch);

	if (events & (EPOLLERR | EPOLLHUP)) {
		gone(c, c->finishing ? PG_GONE_FINISHED : PG_GONE_CLOSED);
		return;
	}
	if (events & EPOLLOUT) {
		c->blocked = false;
		pg_conn_kick(c);
	}
	if (wants_input(c)) {
		if ((events & EPOLLIN) || c->tls_sends)
			on_input(c);
		return;
	}
	if (events & EPOLLRDHUP) {
		gone(c, PG_GONE_CLOSED);
		return;
	}
	if (events & EPOLLIN) {
		c->reading = false;
		update_watch(c);
	}
}

static void on_timer(struct qf_timer *t)
{
	struct pg_conn *c = qf_container_of(t, struct pg_conn, timer);

	gone(c, c->finishing ? PG_GONE_FINISHED : PG_GONE_STALLED);
}

/* ---- life ---- */

int pg_conn_init(struct pg_conn *c, struct qf_loop *loop, int fd, const struct pg_conn_ops *ops, uint64_t stall_ns)
{
	*c = (struct pg_conn){
		.loop = loop,
		.ops = ops,
		.watch = { .fd = fd, .events = EPOLLIN | EPOLLRDHUP, .fn = on_event },
		.task = { .fn = on_task },
		.timer = { .fn = on_timer },
		.stall_ns = stall_ns,
		.reading = true,
	};
	set_options(fd, stall_ns);
	return qf_watch_add(loop, &c->watch);
}

bool pg_conn_closed(const struct pg_conn *c)
{
	return c->watch.fd < 0;
}

void pg_conn_close(struct pg_conn *c)
{
	if (pg_conn_closed(c))
		return;
	qf_watch_del(c->loop, &c->watch);
	qf_task_del(c->loop, &c->task);
	qf_timer_stop(c->loop, &c->timer);
	if (c->tls && !c->shut)
		qf_tls_shutdown(c->tls); /* who asked to cancel takes a cut for a failure */
	c->tls = qf_tls_free(c->tls);
	close(c->watch.fd);
	c->watch.fd = -1;
	qf_buf_fini(&c->in);
	qf_buf_fini(&c->out);
}

void pg_conn_last_words(struct pg_conn *c)
{
	ssize_t n = 1;

	while (!pg_conn_closed(c) && c->out.n > 0 && n > 0) {
		n = put(c);
		if (n > 0)
			qf_buf_consume(&c->out, (size_t)n);
	}
	pg_conn_close(c);
}

void pg_conn_kick(struct pg_conn *c)
{
	if (!pg_conn_closed(c))
		qf_task_add(c->loop, &c->task);
}

void pg_conn_start_tls(struct pg_conn *c, struct qf_tls_config *config, bool direct)
{
	qf_assert(!c->tls);
	c->sniff = false;
	if (!flush(c))
		return;
	if (c->out.n > 0) { /* a byte that a fresh socket does not take */
		gone(c, PG_GONE_CLOSED);
		return;
	}
	c->tls = qf_tls_new(config, c->watch.fd, "postgresql", direct);
}

void pg_conn_finish(struct pg_conn *c)
{
	if (pg_conn_closed(c) || c->finishing)
		return;
	c->finishing = true;
	qf_buf_fini(&c->in);
	qf_timer_set(c->loop, &c->timer, LINGER_NS);
	pg_conn_kick(c);
}
