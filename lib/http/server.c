/* Accepting, limits, drain: see qf/http.h. */
#include <stdlib.h>

#include "conn.h"
#include "qf/clock.h"
#include "qf/log.h"

enum {
	DEFAULT_HEAD = 256 * 1024,
	DEFAULT_CONNECTIONS = 10000,
};

#define DEFAULT_TIME_NS (60 * QF_SEC)
#define MAX_HELD ((size_t)512 << 20)
#define MAX_UNSENT ((size_t)256 << 20)

/* ---- accept ---- */

static void update_acceptor(struct qf_http_server *s)
{
	qf_acceptor_pause(&s->acceptor, s->n_connections >= s->limits.max_connections);
}

static void on_client(struct qf_acceptor *a, int fd, const char *name)
{
	struct qf_http_server *s = qf_container_of(a, struct qf_http_server, acceptor);
	int r = http_conn_new(s, fd, name);

	if (r < 0)
		qf_debug("client %s: %s", name, qf_strerror(r));
	update_acceptor(s);
}

/* ---- connections that ended ---- */

void http_server_left(struct qf_http_server *s, struct http_conn *c)
{
	qf_list_remove(&c->link);
	qf_list_append(&s->ended, &c->link);
	s->n_connections--;
	qf_task_add(s->loop, &s->reap);
	update_acceptor(s);
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
	if (s->limits.max_unsent == 0)
		s->limits.max_unsent = MAX_UNSENT;
	or_default(&s->limits.idle_ns, DEFAULT_TIME_NS);
	or_default(&s->limits.receive_ns, DEFAULT_TIME_NS);
	or_default(&s->limits.send_ns, DEFAULT_TIME_NS);
	update_acceptor(s);
}

int qf_http_server_new(struct qf_http_server **ret, const struct qf_http_server_opts *opts, struct qf_err *reterr)
{
	struct qf_http_server *s = qf_xcalloc(1, sizeof(*s));

	s->loop = opts->loop;
	s->name = qf_xstrdup(opts->name);
	s->on_request = opts->on_request;
	s->on_gone = opts->on_gone;
	s->tls = opts->tls;
	s->arg = opts->arg;
	s->max_held = MAX_HELD;
	s->reap.fn = on_reap;
	qf_list_init(&s->connections);
	qf_list_init(&s->ended);
	qf_list_init(&s->sending);
	int r = qf_acceptor_open(&s->acceptor, s->loop, opts->fd, on_client);

	if (r < 0) {
		free(s->name);
		free(s);
		return qf_err_set(reterr, r, "HTTP listener: %s", qf_strerror(r));
	}
	s->acceptor.preface = opts->preface;
	qf_http_server_limits(s, &opts->limits);
	*ret = s;
	return 0;
}

void qf_http_server_drain(struct qf_http_server *s, void (*on_drained)(void *arg), void *arg)
{
	struct qf_list *it, *tmp;

	s->draining = true;
	s->on_drained = on_drained;
	s->drained_arg = arg;
	qf_acceptor_close(&s->acceptor);
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
	qf_acceptor_close(&s->acceptor);
	while (!qf_list_empty(&s->connections))
		http_conn_drop(qf_container_of(s->connections.next, struct http_conn, link));
	qf_task_del(s->loop, &s->reap);
	free_ended(s);
	free(s->name);
	free(s);
	return NULL;
}
