/*
 * Bytes of an open connection: libpq's socket and, with TLS, its SSL object, both without blocking. Reading stops while
 * the run's window is used up; what does not fit into the socket waits for it.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "private.h"

enum {
	READ_BYTES = 64 << 10,
	FILL_BYTES = 256 << 10, /* looked at together */
	TURN_BYTES = 2 << 20,	/* then others have their turn */
	KEEP_BYTES = 16 << 10,	/* of buffers while it is idle */
	ENOUGH_BYTES = 128 << 10,
	MANY_ROWS = 1000,
};

#define WAIT_NS QF_MS

/* The connection is over, but what has arrived before that counts first. */
static ssize_t ends(struct qf_engine_conn *c, const char *why)
{
	if (!c->ended)
		snprintf(c->end_why, sizeof(c->end_why), "%s", why ? why : "unknown");
	c->ended = true;
	return -1;
}

/* Bytes read or written; 0: not now; -1: the connection is over. */
static ssize_t tls_result(struct qf_engine_conn *c, int n)
{
	static const char closed[] = "the server closed the connection";

	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return ends(c, closed);
	case SSL_ERROR_SYSCALL:
		return ends(c, errno ? qf_strerror(-errno) : closed);
	default:
		return ends(c, ERR_reason_error_string(ERR_get_error()));
	}
}

static ssize_t read_some(struct qf_engine_conn *c, void *to, size_t n)
{
	if (c->ssl) {
		ERR_clear_error();
		errno = 0;
		int got = SSL_read(c->ssl, to, (int)n);

		return got > 0 ? got : tls_result(c, got);
	}
	ssize_t got = recv(c->fd, to, n, MSG_DONTWAIT);

	if (got > 0)
		return got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return ends(c, got == 0 ? "the server closed the connection" : qf_strerror(-errno));
}

static ssize_t write_some(struct qf_engine_conn *c, const void *from, size_t n)
{
	if (c->ssl) {
		ERR_clear_error();
		errno = 0;
		int put = SSL_write(c->ssl, from, n > INT32_MAX ? INT32_MAX : (int)n);

		return put > 0 ? put : tls_result(c, put);
	}
	ssize_t put = send(c->fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (put >= 0)
		return put;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return ends(c, qf_strerror(-errno));
}

static void watch_update(struct qf_engine_conn *c)
{
	uint32_t events = 0;

	if (c->state != PGE_OPEN)
		return;
	if (!pge_run_paused(c) && !c->waiting)
		events |= EPOLLIN;
	if (c->out.n > 0 || (c->ssl && SSL_want_write(c->ssl)))
		events |= EPOLLOUT;
	qf_watch_mod(c->pool->engine->loop, &c->watch, events);
	if (!c->watch.active && events && qf_watch_add(c->pool->engine->loop, &c->watch) < 0)
		pge_conn_lost(c, "the connection cannot be watched: %s", qf_strerror(-errno));
}

void pge_wire_flush(struct qf_engine_conn *c)
{
	while (c->state == PGE_OPEN && c->out.n > 0) {
		ssize_t n = write_some(c, c->out.p, c->out.n);

		if (n < 0) {
			qf_buf_clear(&c->out);
			qf_task_add(c->pool->engine->loop, &c->resume); /* reads what the server said last */
		}
		if (n <= 0)
			break;
		qf_buf_consume(&c->out, (size_t)n);
	}
	pge_copy_flushed(c);
	watch_update(c);
}

void pge_wire_receive(struct qf_engine_conn *c)
{
	struct qf_pg_reply m;
	struct qf_err err = { 0 };

	if (c->receiving)
		return;
	c->receiving = true;
	while (c->state == PGE_OPEN && c->in.n > 0 && !pge_run_paused(c)) {
		size_t used = 0;

		if (c->skip > 0) {
			used = c->in.n < c->skip ? c->in.n : (size_t)c->skip;
			c->skip -= used;
		} else if (c->n_groups > 0 && c->groups[0] == PGE_GROUP_RUN) {
			used = pge_relay_rows(c, qf_buf_slice(&c->in));
		}
		if (used > 0) {
			qf_buf_consume(&c->in, used);
			continue;
		}
		int r = qf_pg_reply_next(qf_buf_slice(&c->in), &m, &err);

		if (r == 0 && m.need > QF_ROW_MAX) {
			pge_relay_too_long(c, m.need);
			continue;
		}
		if (r == 0)
			break;
		if (r < 0) {
			pge_conn_lost(c, "%s", err.text);
			break;
		}
		pge_conn_message(c, &m);
		qf_buf_consume(&c->in, m.need);
	}
	c->receiving = false;
}

/* True: there may be more. */
static bool fill(struct qf_engine_conn *c, size_t *turn)
{
	for (;;) {
		uint8_t *to = qf_buf_reserve(&c->in, READ_BYTES);
		ssize_t n = read_some(c, to, READ_BYTES);

		if (n <= 0)
			return false;
		c->in.n += (size_t)n;
		*turn += (size_t)n;
		if (!c->ssl && n < READ_BYTES)
			return false;
		if (c->in.n >= FILL_BYTES)
			return true;
	}
}

static bool ends_ready(const struct qf_buf *in)
{
	return in->n >= 6 && memcmp(in->p + in->n - 6, "Z\0\0\0\5", 5) == 0;
}

/*
 * Of a large result the server sends 8 kB at a time, and each piece that goes on costs more than its bytes: behind the
 * first rows some more are waited for, for a moment.
 */
static bool waits_for_more(const struct qf_engine_conn *c)
{
	const struct pge_run *r = &c->run;

	return r->job && r->job->encoding == QF_ENC_PG3 && r->rows >= MANY_ROWS && !r->cancelled && !c->ended &&
	       c->n_groups > 0 && c->groups[0] == PGE_GROUP_RUN && c->in.n > 0 && c->in.n < ENOUGH_BYTES &&
	       (c->in.p[0] == 'D' || c->in.p[0] == 'd') && !ends_ready(&c->in);
}

static void receive(struct qf_engine_conn *c, bool waited)
{
	c->waiting = !waited && waits_for_more(c);
	if (c->waiting)
		qf_timer_set(c->pool->engine->loop, &c->linger, WAIT_NS); /* the socket keeps them meanwhile */
	else
		pge_wire_receive(c);
}

void pge_wire_pump(struct qf_engine_conn *c, bool waited)
{
	size_t turn = 0;
	bool more = true;

	if (c->receiving || (c->waiting && !waited && !c->run.cancelled))
		return;
	receive(c, true); /* what was left when the window was used up */
	while (more && c->state == PGE_OPEN && !pge_run_paused(c)) {
		more = fill(c, &turn);
		receive(c, more);
		/* What OpenSSL has taken from the socket already wakes nobody. */
		if (turn >= TURN_BYTES && !c->ssl)
			break;
	}
	if (c->ended && c->state == PGE_OPEN && !pge_run_paused(c))
		pge_conn_lost(c, "%s", c->end_why);
	pge_relay_linger(c, false);
	if (c->state == PGE_OPEN && c->in.n == 0 && c->in.cap > KEEP_BYTES && c->idle)
		qf_buf_fini(&c->in);
	watch_update(c);
}

static void ready(struct qf_watch *w, uint32_t events)
{
	struct qf_engine_conn *c = qf_container_of(w, struct qf_engine_conn, watch);

	if (events & EPOLLOUT)
		pge_wire_flush(c);
	if (c->state == PGE_OPEN && pge_run_paused(c) && events & (EPOLLHUP | EPOLLERR))
		qf_watch_del(c->pool->engine->loop, &c->watch); /* seen when the rows before it are wanted */
	else if (c->state == PGE_OPEN && events & ~(uint32_t)EPOLLOUT)
		pge_wire_pump(c, false);
}

void pge_wire_open(struct qf_engine_conn *c)
{
	c->fd = c->pg ? PQsocket(c->pg) : c->own->fd;
	c->ssl = !c->pg ? c->own->ssl : PQsslInUse(c->pg) ? PQsslStruct(c->pg, "OpenSSL") : NULL;
	if (c->ssl)
		SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	c->watch = (struct qf_watch){ .fd = c->fd, .fn = ready };
	c->state = PGE_OPEN;
	watch_update(c);
}

void pge_wire_close(struct qf_engine_conn *c)
{
	qf_watch_del(c->pool->engine->loop, &c->watch);
	c->ssl = NULL;
	c->fd = -1;
	if (c->pg)
		PQfinish(c->pg);
	c->pg = NULL;
	c->own = pge_own_free(c->own);
}
