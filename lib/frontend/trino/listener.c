/* The port, its limits, drain. See listener.h. */
#include <stdio.h>
#include <stdlib.h>

#include "qf/accept.h"
#include "qf/clock.h"
#include "query.h"
#include "txn.h"

enum {
	PAGE_MAX = 1024 * 1024,
	PAGE_MIN = 32 * 1024,
	BODY_MAX = 17 * 1024 * 1024, /* a statement over the limit is told so by a page, up to this */
};

const struct qf_conf_frontend *tr_listener_conf(const struct qf_listener *l)
{
	return &qf_hub_conf(l->hub)->frontends[QF_FE_TRINO];
}

size_t tr_listener_page_bytes(const struct qf_listener *l)
{
	uint64_t share = qf_hub_conf(l->hub)->stream_budget_bytes / (4 * (l->n_live + 1));

	return share > PAGE_MAX ? PAGE_MAX : share < PAGE_MIN ? PAGE_MIN : (size_t)share;
}

void tr_listener_make_room(struct qf_listener *l, size_t n)
{
	size_t limit = qf_hub_conf(l->hub)->stream_budget_bytes / 4;

	while (l->kept_bytes + n > limit && !qf_list_empty(&l->kept))
		tr_query_free(qf_container_of(l->kept.next, struct tr_query, link));
}

/* ---- requests, under the limits of the configuration as it is now -------------------------------------------- */

static struct qf_http_limits limits(const struct qf_listener *l)
{
	return (struct qf_http_limits){
		.max_body = BODY_MAX,
		.max_connections = tr_listener_conf(l)->max_connections,
		.max_unsent = qf_hub_conf(l->hub)->stream_budget_bytes,
		.send_ns = qf_hub_conf(l->hub)->client_stall_ns,
	};
}

static void on_request(struct qf_http_request *rq, void *arg)
{
	struct qf_listener *l = arg;

	if (l->conf_id != qf_hub_conf(l->hub)->id) {
		struct qf_http_limits now = limits(l);

		l->conf_id = qf_hub_conf(l->hub)->id;
		qf_http_server_limits(l->http, &now);
	}
	tr_on_request(rq, arg);
}

static struct qf_http_tls tls(void *arg)
{
	const struct qf_listener *l = arg;
	enum qf_tls_mode mode = tr_listener_conf(l)->tls;

	return (struct qf_http_tls){
		.config = mode == QF_TLS_OFF ? NULL : qf_hub_tls(l->hub), .required = mode == QF_TLS_REQUIRE
	};
}

/* ---- life ---- */

/* A request without a Host header gets links to the address that it reached. */
static void note_address(struct qf_listener *l, int fd)
{
	snprintf(l->address, sizeof(l->address), "localhost:%u", qf_bound_port(fd));
}

static int listener_open(struct qf_listener **ret, struct qf_hub *hub, int listen_fd, struct qf_err *reterr)
{
	struct qf_listener *l = qf_xcalloc(1, sizeof(*l));
	struct qf_http_server_opts opts = {
		.loop = qf_hub_loop(hub),
		.fd = listen_fd,
		.name = "queryflux",
		.preface = &l->proxied.preface,
		.on_request = on_request,
		.on_gone = tr_on_gone,
		.tls = tls,
		.arg = l,
	};
	int rc;

	l->hub = hub;
	fe_proxied_init(&l->proxied, hub, QF_FE_TRINO);
	l->loop = opts.loop;
	l->opened_ns = qf_loop_now(l->loop);
	l->conf_id = qf_hub_conf(hub)->id;
	qf_list_init(&l->live);
	qf_list_init(&l->kept);
	note_address(l, listen_fd);
	opts.limits = limits(l);
	rc = qf_http_server_new(&l->http, &opts, reterr);
	if (rc < 0) {
		qf_err_prefix(reterr, "Trino listener");
		free(l);
		return rc;
	}
	l->queries = qf_map_new();
	l->transactions = qf_map_new();
	*ret = l;
	return 0;
}

static void drain_http(struct qf_listener *l)
{
	qf_http_server_drain(l->http, l->on_drained, l->drained_arg);
}

void tr_listener_left(struct qf_listener *l)
{
	if (l->draining && l->n_live == 0)
		drain_http(l);
}

/* Clients come back for their pages on new connections too: the port stays open while a query lives. */
static void listener_drain(struct qf_listener *l, void (*on_done)(void *arg), void *arg)
{
	struct qf_list *it, *tmp;

	l->draining = true;
	l->on_drained = on_done;
	l->drained_arg = arg;
	qf_list_each(it, tmp, &l->live)
		tr_query_hurry(qf_container_of(it, struct tr_query, link));
	if (l->n_live == 0)
		drain_http(l);
}

static void free_all(struct qf_list *list)
{
	while (!qf_list_empty(list))
		tr_query_free(qf_container_of(list->next, struct tr_query, link));
}

static void listener_close(struct qf_listener *l)
{
	l->draining = false;
	free_all(&l->live);
	free_all(&l->kept);
	tr_txn_drop_all(l);
	l->http = qf_http_server_free(l->http);
	qf_map_free(l->queries);
	qf_map_free(l->transactions);
	free(l);
}

static size_t listener_sessions(const struct qf_listener *l)
{
	return l->n_live;
}

const struct qf_frontend_ops qf_frontend_trino = {
	.kind = QF_FE_TRINO,
	.open = listener_open,
	.drain = listener_drain,
	.close = listener_close,
	.sessions = listener_sessions,
};
