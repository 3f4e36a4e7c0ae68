/*
 * One query of a client, from its POST to some time after its last page.
 *
 * POST only registers it: the first GET starts it, so that a client that never got the answer to its POST, and
 * sends it again, runs nothing twice. Each GET asks for a page by its token; the last page handed out is kept,
 * so that it can be asked for again, with the same bytes, until the next one is. A GET waits up to a second for
 * something to say. Freed by its own timer, or with its listener. One loop thread.
 */
#ifndef QF_FRONTEND_TRINO_QUERY_H
#define QF_FRONTEND_TRINO_QUERY_H

#include "listener.h"
#include "qf/proto/trino.h"
#include "result.h"
#include "session.h"

struct tr_txn;

enum tr_state {
	TR_REGISTERED, /* POSTed, no GET yet */
	TR_RUNNING,
	TR_FINISHED,
	TR_FAILED,
};

struct tr_query {
	struct qf_listener *listener;
	struct qf_list link;
	char id[QF_TRINO_ID], slug[QF_TRINO_SLUG];
	struct tr_session session; /* until it is answered */
	char *owner, *catalog;	   /* of that session, for who asks for its last page again; catalog may be NULL */
	char *sql; /* as sent */
	size_t sql_n;
	size_t reserved; /* of listener->statement_bytes */
	enum tr_state state;

	/* what runs */
	char *text; /* NULL: sql itself; else what EXECUTE stands for */
	struct qf_facts facts;
	struct qf_query *query; /* of the hub; NULL: none, or it has ended */
	bool cancelled;		/* by the client */
	struct tr_txn *txn;
	struct tr_result result;

	/* what the client is told at the end */
	struct qf_http_header *headers; /* heap, each value too; names are constant */
	size_t n_headers;
	char update_type[64]; /* "": a query */
	bool has_count;
	uint64_t count;
	struct qf_trino_error error; /* FAILED; its texts are the next two */
	char message[2048], sqlstate[6];
	struct qf_buf warnings;
	uint64_t posted_ns, ended_ns, queue_ns;

	/* pages */
	uint64_t token;		   /* of the last page; 0: the answer to POST */
	struct qf_http_body *page; /* that page; NULL for the answer to POST */
	size_t kept_bytes;	   /* of listener->kept_bytes */
	bool closed;		   /* that page was the last one */
	bool released;		   /* nothing of it runs */
	struct qf_list waiting;	   /* struct tr_waiter */
	unsigned n_waiting;
	uint64_t asked_ns, got_ns; /* the last request, and the last GET */
	struct qf_task turn;
	struct qf_timer again;	   /* the next step of filling a page */
	struct qf_timer poll;	   /* the end of a long poll */
	struct qf_timer idle;	   /* abandoned, stalled, or kept long enough */
};

/* A GET that waits for a page. */
struct tr_waiter {
	struct qf_list link;
	struct tr_query *q;
	struct qf_http_request *rq;
};

/* Takes the session. NULL and *reterr filled: the client is told, and nothing is kept. */
struct tr_query *tr_query_new(struct qf_listener *l, struct tr_session *session, struct qf_slice sql,
			      struct qf_sql_error *reterr);
void tr_query_free(struct tr_query *q); /* drops what it runs */
/* NULL: no such id, or another slug. */
struct tr_query *tr_query_find(struct qf_listener *l, struct qf_slice id, struct qf_slice slug);
/* Answers rq: with the page, later, or with what is wrong with the token. */
void tr_query_get(struct tr_query *q, struct qf_http_request *rq, uint64_t token);
void tr_query_touch(struct tr_query *q); /* the client is there */
void tr_query_cancel(struct tr_query *q);
void tr_query_forget_waiter(struct tr_waiter *w);
void tr_query_hurry(struct tr_query *q); /* the listener drains */

/* ---- what the parts of the statement machine offer each other ---- */

/* The end: no rows (or those in q->result), with what the client is told by headers. */
void tr_query_done(struct tr_query *q, const char *update_type);
void tr_query_fail(struct tr_query *q, enum qf_trino_code code, const char *fmt, ...) qf_printf(3, 4);
/* With a position in sql, if any. */
void tr_query_fail_sql(struct tr_query *q, const struct qf_sql_error *e, struct qf_slice sql);
void tr_query_header(struct tr_query *q, const char *name, struct qf_slice value);
void tr_query_warn(struct tr_query *q, const char *name, const char *fmt, ...) qf_printf(3, 4);

/* start.c: reads the statement; answers it here or gives it to the hub. */
void tr_query_start(struct tr_query *q);
/* COMMIT or ROLLBACK at the engine. */
void tr_query_end_transaction(struct tr_query *q, const char *sql, struct qf_pin *pin);

/* local.c: statements that are about the session alone. False: this one is not. */
bool tr_local(struct tr_query *q, struct qf_slice sql);

/* page.c */
struct qf_http_body *tr_page_registered(struct tr_query *q, const struct qf_http_request *rq);
struct qf_http_body *tr_page_refused(struct qf_listener *l, const struct qf_http_request *rq, const char *id,
				     const struct qf_trino_error *e);
struct qf_http_body *tr_page_next(struct tr_query *q, const struct qf_http_request *rq, bool has_next);
void tr_page_reply(struct qf_http_request *rq, struct qf_http_body *body, const struct qf_http_header *headers,
		   size_t n_headers, bool close);

#endif
