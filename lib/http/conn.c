/* See conn.h. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "conn.h"
#include "qf/clock.h"
#include "qf/log.h"

enum {
	READ_HEAD = 8 * 1024,
	READ_BODY = 64 * 1024,
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_INTERVAL_S = 15,
	KEEPALIVE_COUNT = 4,
	TLS_HANDSHAKE = 0x16, /* the type of a first record [RFC 8446, 5.1]; no method begins with it */
	RECORD = 16 * 1024,
};

#define LINGER_NS (2 * QF_SEC)

static void set_option(int fd, int level, int option, int value)
{
	/* Fails on what is no TCP socket, and nothing depends on it. */
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		return;
}

static void set_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

static void set_timer(struct http_conn *c, uint64_t ns)
{
	qf_timer_set(c->server->loop, &c->timer, ns);
}

/* ---- ends ---- */

void http_conn_drop_reply(struct http_conn *c)
{
	http_unsent_done(c);
	qf_buf_fini(&c->out);
	c->body = qf_http_body_free(c->body);
	c->gzip = http_gzip_free(c->gzip);
}

static void close_now(struct http_conn *c)
{
	struct qf_loop *loop = c->server->loop;

	c->state = HTTP_CONN_CLOSED;
	c->server->held -= c->held;
	c->held = 0;
	http_unsent_done(c);
	qf_watch_del(loop, &c->watch);
	qf_task_del(loop, &c->task);
	qf_timer_stop(loop, &c->timer);
	close(c->watch.fd);
	c->watch.fd = -1;
	http_server_left(c->server, c);
}

void http_conn_drop(struct http_conn *c)
{
	bool asked = c->state == HTTP_CONN_ASKED;
	void (*on_sent)(void *, bool) = c->on_sent;

	if (c->state == HTTP_CONN_CLOSED)
		return;
	c->on_sent = NULL;
	close_now(c);
	if (asked)
		c->server->on_gone(&c->request, c->server->arg);
	if (on_sent)
		on_sent(c->sent_arg, false);
}

void http_conn_free(struct http_conn *c)
{
	http_conn_drop_reply(c);
	qf_tls_free(c->tls);
	http_codec_fini(&c->codec);
	qf_buf_fini(&c->ahead);
	free(c);
}

/* ---- what the socket is asked for ---- */

static bool wants_input(const struct http_conn *c)
{
	return c->state == HTTP_CONN_RECEIVING || c->state == HTTP_CONN_LINGERING;
}

/* No event of the socket tells of what TLS has read already. */
static bool more_inside(const struct http_conn *c)
{
	return c->tls && c->state == HTTP_CONN_RECEIVING && qf_tls_pending(c->tls) > 0;
}

/* EPOLLIN is taken back only when input comes at the wrong time: most clients wait for their answer. */
static void update_watch(struct http_conn *c)
{
	if (c->state == HTTP_CONN_CLOSED)
		return;
	c->reading |= wants_input(c);
	uint32_t events = c->half || c->state == HTTP_CONN_LINGERING ? 0 : EPOLLRDHUP;

	if (c->reading)
		events |= EPOLLIN;
	if (c->blocked || (c->tls_sends && wants_input(c)))
		events |= EPOLLOUT;
	qf_watch_mod(c->server->loop, &c->watch, events);
	if (more_inside(c))
		qf_task_add(c->server->loop, &c->task);
}

/* ---- the two calls that everything goes through; both fail with -errno ---- */

static ssize_t get(struct http_conn *c, void *to, size_t room)
{
	unsigned wants = EPOLLIN;
	ssize_t n;

	if (!c->tls) {
		n = recv(c->watch.fd, to, room, MSG_DONTWAIT);
		return n < 0 ? -errno : n;
	}
	n = qf_tls_read(c->tls, to, room, &wants);
	c->tls_sends = n == -EAGAIN && wants == EPOLLOUT;
	return n;
}

static ssize_t put(struct http_conn *c, const struct msghdr *msg)
{
	unsigned wants = EPOLLOUT;
	ssize_t n;

	if (!c->tls) {
		n = sendmsg(c->watch.fd, msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		return n < 0 ? -errno : n;
	}
	n = qf_tls_write(c->tls, msg->msg_iov->iov_base, msg->msg_iov->iov_len, &wants);
	/* Nothing is said before the handshake is over, and after it nobody may ask for another. */
	return n == -EAGAIN && wants != EPOLLOUT ? -EPROTO : n;
}

/* ---- receiving ---- */

static void begin_receiving(struct http_conn *c)
{
	const struct qf_http_limits *limits = &c->server->limits;

	c->state = HTTP_CONN_RECEIVING;
	c->timed = false;
	c->codec.max_head = limits->max_head;
	c->codec.max_body = limits->max_body;
	set_timer(c, limits->idle_ns);
}

static void begin_lingering(struct http_conn *c)
{
	c->state = HTTP_CONN_LINGERING;
	qf_buf_fini(&c->ahead);
	http_conn_count(c);
	if (c->tls)
		qf_tls_shutdown(c->tls);
	shutdown(c->watch.fd, SHUT_WR);
	set_timer(c, LINGER_NS);
}

/* Straight to the socket, whose buffer is empty: no reply is under way. False when the client is gone. */
static bool send_interim(struct http_conn *c)
{
	char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = put(c, &msg);

	if (n == (ssize_t)iov.iov_len)
		return true;
	http_conn_drop(c);
	return false;
}

static void ask_owner(struct http_conn *c)
{
	c->state = HTTP_CONN_ASKED;
	c->request.user = NULL;
	qf_timer_stop(c->server->loop, &c->timer);
	c->server->on_request(&c->request, c->server->arg);
}

void http_conn_count(struct http_conn *c)
{
	c->server->held -= c->held;
	c->held = http_codec_held(&c->codec) + c->ahead.cap;
	c->server->held += c->held;
}

/* Looks at what has been read, as far as one request. */
static void advance(struct http_conn *c)
{
	while (c->state == HTTP_CONN_RECEIVING && c->ahead.n > 0) {
		size_t used;
		enum http_step step = http_codec_feed(&c->codec, qf_buf_slice(&c->ahead), &used);

		qf_buf_consume(&c->ahead, used);
		http_conn_count(c);
		if (!c->timed && http_codec_begun(&c->codec)) {
			c->timed = true;
			set_timer(c, c->server->limits.receive_ns);
		}
		/* RFC 9110, 10.1.1: not for a client that did not wait. */
		if (step == HTTP_STEP_EXPECTS && c->ahead.n == 0 && !send_interim(c))
			return;
		if (step == HTTP_STEP_REFUSED)
			http_reply_refusal(c, c->codec.status, c->codec.why);
		else if (c->server->held > c->server->max_held)
			http_reply_refusal(c, 503, "too much is being received");
		else if (step == HTTP_STEP_REQUEST)
			ask_owner(c);
	}
	if (c->ahead.n > 0 || c->state == HTTP_CONN_CLOSED)
		return;
	qf_buf_fini(&c->ahead);
	http_conn_count(c);
}

/* In time for drain: a request that is there already is still answered. */
static void leave_when_idle(struct http_conn *c)
{
	if (c->leaving && c->state == HTTP_CONN_RECEIVING && !http_codec_begun(&c->codec))
		begin_lingering(c);
}

static void read_some(struct http_conn *c)
{
	size_t room = http_codec_in_body(&c->codec) ? READ_BODY : READ_HEAD;
	ssize_t n = get(c, qf_buf_reserve(&c->ahead, room), room);

	if (n == -EAGAIN || n == -EINTR) {
		if (c->ahead.n == 0)
			qf_buf_fini(&c->ahead);
		leave_when_idle(c);
		return;
	}
	if (n <= 0) {
		if (c->tls && n < 0)
			qf_debug("client %s: TLS: %s", c->client, qf_tls_error(c->tls));
		http_conn_drop(c);
		return;
	}
	c->ahead.n += (size_t)n;
	advance(c);
	leave_when_idle(c);
}

/* False when there is nothing to be read now. */
static bool sniffed(struct http_conn *c)
{
	struct qf_http_tls tls = c->server->tls(c->server->arg);
	uint8_t first;
	ssize_t n = tls.config ? recv(c->watch.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	c->sniff = false;
	if (n == 1 && first == TLS_HANDSHAKE) {
		c->tls = qf_tls_new(tls.config, c->watch.fd, "http/1.1", false);
	} else if (n == 1 && tls.required) {
		http_reply_refusal(c, 400, "this port speaks HTTPS only, write https:// in the address");
		return false;
	}
	return true;
}

static void drop_input(struct http_conn *c)
{
	char nobody[8192];
	ssize_t n = recv(c->watch.fd, nobody, sizeof(nobody), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_now(c);
}

/* ---- sending ---- */

void http_conn_send(struct http_conn *c)
{
	c->state = HTTP_CONN_SENDING;
	set_timer(c, c->server->limits.send_ns);
	qf_task_add(c->server->loop, &c->task);
}

static void all_is_sent(struct http_conn *c)
{
	void (*on_sent)(void *, bool) = c->on_sent;

	http_conn_drop_reply(c);
	c->on_sent = NULL;
	if (c->close_after)
		begin_lingering(c);
	else
		begin_receiving(c);
	if (on_sent)
		on_sent(c->sent_arg, true);
	advance(c);
	if (c->leaving && c->state == HTTP_CONN_RECEIVING)
		qf_task_add(c->server->loop, &c->task);
}

static size_t waiting(const struct http_conn *c, struct iovec iov[2], size_t *ret_n)
{
	struct qf_slice body = c->body ? http_body_slice(c->body) : QF_SLICE_NONE;
	size_t n = 0;
	/* writev takes what it only reads without const. */
	union {
		const uint8_t *given;
		void *wanted;
	} at = { .given = body.p + c->body_at };

	if (c->out.n > 0)
		iov[n++] = (struct iovec){ .iov_base = c->out.p, .iov_len = c->out.n };
	if (body.n > c->body_at)
		iov[n++] = (struct iovec){ .iov_base = at.wanted, .iov_len = body.n - c->body_at };
	*ret_n = n;
	return c->out.n + (body.n - c->body_at);
}

static void took(struct http_conn *c, size_t n)
{
	size_t of_out = n < c->out.n ? n : c->out.n;

	qf_buf_consume(&c->out, of_out);
	c->body_at += n - of_out;
	http_unsent_took(c);
	set_timer(c, c->server->limits.send_ns);
}

/* TLS takes one piece at a time: a head and a short body are one record, and one packet. */
static void fill_record(struct http_conn *c)
{
	size_t n = c->body ? qf_http_body_bytes(c->body) - c->body_at : 0;

	if (!c->tls || c->out.n == 0 || c->out.n >= RECORD)
		return;
	if (n > RECORD - c->out.n)
		n = RECORD - c->out.n;
	if (n > 0)
		qf_buf_add(&c->out, http_body_slice(c->body).p + c->body_at, n);
	c->body_at += n;
}

/* Writes what there is; false when the socket takes no more, or the client is gone. */
static bool flush(struct http_conn *c)
{
	struct iovec iov[2];
	struct msghdr msg = { .msg_iov = iov };
	size_t left;

	c->blocked = false;
	fill_record(c);
	while ((left = waiting(c, iov, &msg.msg_iovlen)) > 0) {
		ssize_t n = put(c, &msg);

		if (n == -EINTR)
			continue;
		if (n < 0 && n != -EAGAIN) {
			http_conn_drop(c);
			return false;
		}
		if (n > 0)
			took(c, (size_t)n);
		if (n < 0 || (!c->tls && (size_t)n < left)) {
			c->blocked = true;
			return false;
		}
	}
	return true;
}

static void on_task(struct qf_task *t)
{
	struct http_conn *c = qf_container_of(t, struct http_conn, task);

	if (c->given_up) {
		http_conn_drop(c);
	} else if (c->state == HTTP_CONN_SENDING && flush(c)) {
		if (!c->gzip) {
			all_is_sent(c);
		} else {
			/* One step a turn, and only when the socket has taken the one before. */
			if (!http_gzip_step(c->gzip, &c->out))
				c->gzip = http_gzip_free(c->gzip);
			qf_task_add(c->server->loop, t);
		}
	} else if ((c->leaving && c->state == HTTP_CONN_RECEIVING) || more_inside(c)) {
		read_some(c);
	}
	update_watch(c);
}

/* ---- events ---- */

/* See conn.h. While a reply is under way, the reply finds out. */
static void on_half_closed(struct http_conn *c)
{
	c->half = true;
	if (c->state == HTTP_CONN_ASKED && c->codec.minor > 0)
		send_interim(c);
}

static void on_event(struct qf_watch *w, uint32_t events)
{
	struct http_conn *c = qf_container_of(w, struct http_conn, watch);

	if (events & (EPOLLERR | EPOLLHUP)) {
		http_conn_drop(c);
		return;
	}
	if (events & EPOLLOUT) {
		c->blocked = false;
		qf_task_add(c->server->loop, &c->task);
	}
	if (c->state == HTTP_CONN_LINGERING) {
		drop_input(c);
	} else if (c->state == HTTP_CONN_RECEIVING) {
		if (((events & (EPOLLIN | EPOLLRDHUP)) || c->tls_sends) && (!c->sniff || sniffed(c)))
			read_some(c);
	} else {
		if (events & EPOLLIN)
			c->reading = false;
		if (events & EPOLLRDHUP)
			on_half_closed(c);
	}
	update_watch(c);
}

static void on_timer(struct qf_timer *t)
{
	struct http_conn *c = qf_container_of(t, struct http_conn, timer);

	if (c->state == HTTP_CONN_RECEIVING && c->timed)
		http_reply_refusal(c, 408, "the request did not come in time");
	else
		http_conn_drop(c);
}

/* ---- life ---- */

int http_conn_new(struct qf_http_server *s, int fd, const char *client)
{
	struct http_conn *c = qf_xcalloc(1, sizeof(*c));

	c->server = s;
	c->watch = (struct qf_watch){ .fd = fd, .events = EPOLLIN | EPOLLRDHUP, .fn = on_event };
	c->task.fn = on_task;
	c->timer.fn = on_timer;
	c->reading = true;
	c->sniff = s->tls;
	snprintf(c->client, sizeof(c->client), "%s", client);
	http_codec_init(&c->codec);
	qf_list_init(&c->sending);
	set_options(fd);
	int r = qf_watch_add(s->loop, &c->watch);

	if (r < 0) {
		close(fd);
		free(c);
		return r;
	}
	qf_list_append(&s->connections, &c->link);
	s->n_connections++;
	begin_receiving(c);
	return 0;
}

void http_conn_drain(struct http_conn *c)
{
	c->leaving = true;
	qf_task_add(c->server->loop, &c->task);
}
