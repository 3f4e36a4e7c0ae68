/* Accepting connections, cancel keys, drain. See listener.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener.h"
#include "postgres.h"
#include "qf/clock.h"
#include "qf/log.h"
#include "session.h"

enum {
	ACCEPTS_PER_TURN = 64,
	DEFAULT_CONNECTIONS = 10000,
	SPARE_CONNECTIONS = 64, /* beyond maxConnections: cancel requests, and clients that are told to go */
};

#define RETRY_ACCEPT_NS (100 * QF_MS)
#define MAX_PENDING_BYTES ((size_t)256 << 20)

/* ---- room ---- */

static size_t max_sessions(const struct qf_listener *l)
{
	size_t n = qf_hub_conf(l->hub)->frontends[QF_FE_POSTGRES].max_connections;

	return n ? n : DEFAULT_CONNECTIONS;
}

bool pg_listener_has_room(const struct qf_listener *l)
{
	return l->n_sessions < max_sessions(l);
}

bool pg_listener_reserve(struct qf_listener *l, size_t n)
{
	if (n > MAX_PENDING_BYTES - l->pending_bytes)
		return false;
	l->pending_bytes += n;
	return true;
}

void pg_listener_release(struct qf_listener *l, size_t n)
{
	l->pending_bytes -= n;
}

/* ---- cancel keys ---- */

bool pg_listener_register(struct qf_listener *l, struct pg_session *s)
{
	if (getrandom(&s->secret, sizeof(s->secret), 0) != sizeof(s->secret))
		return false;
	/* Positive for clients that print it as a signed number, and not one that is in use. */
	do
		l->next_pid = (l->next_pid + 1) & 0x7fffffff;
	while (l->next_pid == 0 || qf_map_get_u64(l->by_pid, l->next_pid));
	s->pid = l->next_pid;
	s->facts.id = ++l->next_id;
	qf_map_put_u64(l->by_pid, s->pid, s);
	l->n_sessions++;
	return true;
}

void pg_listener_unregister(struct qf_listener *l, struct pg_session *s)
{
	if (s->pid == 0)
		return;
	qf_map_del_u64(l->by_pid, s->pid);
	l->n_sessions--;
	s->pid = 0;
}

/* Takes the same time for every key. */
static bool key_matches(uint32_t secret, struct qf_slice key)
{
	uint8_t diff = 0;

	if (key.n != 4)
		return false;
	for (int i = 0; i < 4; i++)
		diff |= key.p[i] ^ (uint8_t)(secret >> (24 - 8 * i));
	return diff == 0;
}

void pg_listener_cancel(struct qf_listener *l, uint32_t pid, struct qf_slice key)
{
	struct pg_session *s = qf_map_get_u64(l->by_pid, pid);

	if (s && key_matches(s->secret, key))
		pg_session_cancel(s);
}

/* ---- accept ---- */

static void peer_name(const struct sockaddr_storage *ss, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;

		inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		snprintf(buf, size, "%s:%u", ip, ntohs(in->sin_port));
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)ss;

		inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		snprintf(buf, size, "[%s]:%u", ip, ntohs(in6->sin6_port));
	} else {
		snprintf(buf, size, "local");
	}
}

static void refuse_at_once(int fd)
{
	struct qf_pg_fields f = {
		.severity = "FATAL",
		.sqlstate = "53300",
		.message = "sorry, too many clients already",
	};
	struct qf_buf out;

	qf_buf_init(&out);
	qf_pg_put_error(&out, &f);
	/* A fresh socket has room for it; if not, the close says it too. */
	if (send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		qf_debug("refused connection: %s", qf_strerror(-errno));
	qf_buf_fini(&out);
	close(fd);
}

static void admit(struct qf_listener *l, int fd, const struct sockaddr_storage *ss)
{
	char client[64];

	if (l->n_connections >= max_sessions(l) + SPARE_CONNECTIONS) {
		refuse_at_once(fd);
		return;
	}
	peer_name(ss, client, sizeof(client));
	int r = pg_session_new(l, fd, client);

	if (r < 0)
		qf_debug("client %s: %s", client, qf_strerror(r));
}

static void on_accept(struct qf_watch *w, uint32_t events)
{
	struct qf_listener *l = qf_container_of(w, struct qf_listener, watch);

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage ss = { 0 };
		socklen_t n = sizeof(ss);
		int fd = accept4(w->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(l, fd, &ss);
			continue;
		}
		/* Without a descriptor the connection stays in the queue and would wake us for ever. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			qf_watch_del(l->loop, w);
			qf_timer_set(l->loop, &l->retry, RETRY_ACCEPT_NS);
			return;
		}
		if (errno == EAGAIN)
			return;
	}
}

static void on_retry(struct qf_timer *t)
{
	struct qf_listener *l = qf_container_of(t, struct qf_listener, retry);

	if (qf_watch_add(l->loop, &l->watch) < 0)
		qf_timer_set(l->loop, t, RETRY_ACCEPT_NS);
}

/* ---- life ---- */

static void on_drained(struct qf_task *t)
{
	struct qf_listener *l = qf_container_of(t, struct qf_listener, drained);

	if (l->on_drained)
		l->on_drained(l->drained_arg);
}

void pg_listener_left(struct qf_listener *l)
{
	l->n_connections--;
	if (l->draining && l->n_connections == 0)
		qf_task_add(l->loop, &l->drained);
}

static int listener_open(struct qf_listener **ret, struct qf_hub *hub, int listen_fd, struct qf_err *reterr)
{
	struct qf_listener *l = qf_xcalloc(1, sizeof(*l));

	l->hub = hub;
	l->loop = qf_hub_loop(hub);
	l->watch = (struct qf_watch){ .fd = listen_fd, .events = EPOLLIN, .fn = on_accept };
	l->retry.fn = on_retry;
	l->drained.fn = on_drained;
	l->by_pid = qf_map_new();
	qf_list_init(&l->connections);
	int r = qf_watch_add(l->loop, &l->watch);

	if (r == 0 && getrandom(&l->next_pid, sizeof(l->next_pid), 0) != sizeof(l->next_pid)) {
		qf_watch_del(l->loop, &l->watch);
		r = -errno;
	}
	if (r < 0) {
		qf_map_free(l->by_pid);
		free(l);
		return qf_err_set(reterr, r, "PostgreSQL listener: %s", qf_strerror(r));
	}
	*ret = l;
	return 0;
}

static void stop_accepting(struct qf_listener *l)
{
	if (l->watch.fd < 0)
		return;
	qf_watch_del(l->loop, &l->watch);
	qf_timer_stop(l->loop, &l->retry);
	close(l->watch.fd);
	l->watch.fd = -1;
}

static void listener_drain(struct qf_listener *l, void (*on_done)(void *arg), void *arg)
{
	struct qf_list *it, *tmp;

	l->draining = true;
	l->on_drained = on_done;
	l->drained_arg = arg;
	stop_accepting(l);
	if (l->n_connections == 0)
		qf_task_add(l->loop, &l->drained);
	qf_list_each(it, tmp, &l->connections)
		pg_session_drain(qf_container_of(it, struct pg_session, link));
}

static void listener_close(struct qf_listener *l)
{
	l->on_drained = NULL;
	stop_accepting(l);
	while (!qf_list_empty(&l->connections))
		pg_session_shut(qf_container_of(l->connections.next, struct pg_session, link));
	qf_task_del(l->loop, &l->drained);
	qf_map_free(l->by_pid);
	free(l);
}

static size_t listener_sessions(const struct qf_listener *l)
{
	return l->n_sessions;
}

const struct qf_frontend_ops qf_frontend_postgres = {
	.kind = QF_FE_POSTGRES,
	.open = listener_open,
	.drain = listener_drain,
	.close = listener_close,
	.sessions = listener_sessions,
};
