/* Accepting, limits, drain: see qf/http.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "qf/clock.h"
#include "qf/log.h"

enum {
	ACCEPTS_PER_TURN = 64,
	DEFAULT_HEAD = 256 * 1024,
	DEFAULT_CONNECTIONS = 10000,
};

#define DEFAULT_TIME_NS (60 * QF_SEC)
#define RETRY_ACCEPT_NS (100 * QF_MS)
#define MAX_HELD ((size_t)512 << 20)

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

static bool has_room(const struct qf_http_server *s)
{
	return s->n_connections < s->limits.max_connections;
}

static void update_watch(struct qf_http_server *s)
{
	s->full = !has_room(s);
	qf_watch_mod(s->loop, &s->watch, s->full ? 0 : EPOLLIN);
}

static void admit(struct qf_http_server *s, int fd, const struct sockaddr_storage *ss)
{
	char client[64];

	peer_name(ss, client, sizeof(client));
	int r = http_conn_new(s, fd, client);

	if (r < 0)
		qf_debug("client %s: %s", client, qf_strerror(r));
}

static void on_accept(struct qf_watch *w, uint32_t events)
{
	struct qf_http_server *s = qf_container_of(w, struct qf_http_server, watch);

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN && has_room(s); i++) {
		struct sockaddr_storage ss = { 0 };
		socklen_t n = sizeof(ss);
		int fd = accept4(w->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(s, fd, &ss);
			continue;
		}
		/* Without a descriptor the connection stays in the queue and would wake us for ever. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			qf_watch_del(s->loop, w);
			qf_timer_set(s->loop, &s->retry, RETRY_ACCEPT_NS);
			return;
		}
		if (errno == EAGAIN)
			break;
	}
	update_watch(s);
}

static void on_retry(struct qf_timer *t)
{
	struct qf_http_server *s = qf_container_of(t, struct qf_http_server, retry);

	if (qf_watch_add(s->loop, &s->watch) < 0)
		qf_timer_set(s->loop, t, RETRY_ACCEPT_NS);
}

static void stop_accepting(struct qf_http_server *s)
{
	if (s->watch.fd < 0)
		return;
	qf_watch_del(s->loop, &s->watch);
	qf_timer_stop(s->loop, &s->retry);
	close(s->watch.fd);
	s->watch.fd = -1;
}

/* ---- connections that ended ---- */

void http_server_left(struct qf_http_server *s, struct http_conn *c)
{
	qf_list_remove(&c->link);
	qf_list_append(&s->ended, &c->link);
	s->n_connections--;
	qf_task_add(s->loop, &s->reap);
	if (s->full && s->watch.fd >= 0)
		update_watch(s);
}

static void free_ended(struct qf_http_server *s)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &s->ended)
		http_conn_free(qf_container_of(it, struct http_conn, link));
	qf_list_init(&s->ended);
}

static void on_reap(struct qf_task *t)
{
	struct qf_http_server *s = qf_container_of(t, struct qf_http_server, reap);
	void (*on_drained)(void *) = s->on_drained;

	free_ended(s);
	if (!s->draining || s->n_connections > 0 || !on_drained)
		return;
	s->on_drained = NULL;
	on_drained(s->drained_arg); /* may free s */
}

/* ---- life ---- */

static void or_default(uint64_t *v, uint64_t value)
{
	if (*v == 0)
		*v = value;
}

void qf_http_server_limits(struct qf_http_server *s, const struct qf_http_limits *limits)
{
	s->limits = *limits;
	if (s->limits.max_head == 0)
		s->limits.max_head = DEFAULT_HEAD;
	if (s->limits.max_connections == 0)
		s->limits.max_connections = DEFAULT_CONNECTIONS;
	or_default(&s->limits.idle_ns, DEFAULT_TIME_NS);
	or_default(&s->limits.receive_ns, DEFAULT_TIME_NS);
	or_default(&s->limits.send_ns, DEFAULT_TIME_NS);
	if (s->watch.fd >= 0)
		update_watch(s);
}

int qf_http_server_new(struct qf_http_server **ret, const struct qf_http_server_opts *opts, struct qf_err *reterr)
{
	struct qf_http_server *s = qf_xcalloc(1, sizeof(*s));

	s->loop = opts->loop;
	s->name = qf_xstrdup(opts->name);
	s->on_request = opts->on_request;
	s->on_gone = opts->on_gone;
	s->arg = opts->arg;
	s->watch = (struct qf_watch){ .fd = opts->fd, .events = EPOLLIN, .fn = on_accept };
	s->max_held = MAX_HELD;
	s->retry.fn = on_retry;
	s->reap.fn = on_reap;
	qf_list_init(&s->connections);
	qf_list_init(&s->ended);
	qf_http_server_limits(s, &opts->limits);
	int r = qf_watch_add(s->loop, &s->watch);

	if (r < 0) {
		free(s->name);
		free(s);
		return qf_err_set(reterr, r, "HTTP listener: %s", qf_strerror(r));
	}
	*ret = s;
	return 0;
}

void qf_http_server_drain(struct qf_http_server *s, void (*on_drained)(void *arg), void *arg)
{
	struct qf_list *it, *tmp;

	s->draining = true;
	s->on_drained = on_drained;
	s->drained_arg = arg;
	stop_accepting(s);
	if (s->n_connections == 0)
		qf_task_add(s->loop, &s->reap);
	qf_list_each(it, tmp, &s->connections)
		http_conn_drain(qf_container_of(it, struct http_conn, link));
}

size_t qf_http_server_connections(const struct qf_http_server *s)
{
	return s->n_connections;
}

struct qf_http_server *qf_http_server_free(struct qf_http_server *s)
{
	if (!s)
		return NULL;
	s->on_drained = NULL;
	stop_accepting(s);
	while (!qf_list_empty(&s->connections))
		http_conn_drop(qf_container_of(s->connections.next, struct http_conn, link));
	qf_task_del(s->loop, &s->reap);
	free_ended(s);
	free(s->name);
	free(s);
	return NULL;
}
