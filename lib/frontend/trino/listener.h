/*
 * One listening Trino port: its HTTP server, the queries that its clients know, and what these may use together.
 * One loop thread.
 */
#ifndef QF_FRONTEND_TRINO_LISTENER_H
#define QF_FRONTEND_TRINO_LISTENER_H

#include "../proxied.h"
#include "qf/http.h"
#include "qf/list.h"
#include "qf/log.h"
#include "qf/map.h"
#include "trino.h"

struct tr_query;

struct qf_listener {
	struct qf_hub *hub;
	struct qf_loop *loop;
	struct qf_http_server *http;
	struct fe_proxied proxied;
	struct qf_map *queries;	  /* id → tr_query, of both lists */
	struct qf_list live;	  /* tr_query.link: not answered to their end */
	struct qf_list kept;	  /* answered; their last page may be asked for again. Oldest first */
	struct qf_map *transactions; /* id → tr_txn */
	size_t n_live;
	size_t statement_bytes;	  /* of live queries: statements and sessions */
	size_t kept_bytes;	  /* of kept queries and their last pages */
	struct qf_log_limit failed_logins;
	uint64_t next_id;
	uint64_t opened_ns;
	char address[64];	  /* host:port for links, when a request names none */
	uint64_t conf_id;	  /* whose limits the HTTP server has */
	bool draining;
	void (*on_drained)(void *arg);
	void *drained_arg;
};

const struct qf_conf_frontend *tr_listener_conf(const struct qf_listener *l);
/* How much of a page is filled: 1 MiB, less when the budget has to serve many queries. */
size_t tr_listener_page_bytes(const struct qf_listener *l);
/* A query has been answered to its end, or was given up. */
void tr_listener_left(struct qf_listener *l);
/* Makes room among the kept ones for one of n bytes: the oldest go. */
void tr_listener_make_room(struct qf_listener *l, size_t n);

/* request.c */
void tr_on_request(struct qf_http_request *rq, void *arg);
void tr_on_gone(struct qf_http_request *rq, void *arg);

#endif
