/*
 * One client connection, and what it shares with the server that accepted it. Private to lib/http.
 *
 * A connection receives a request, hands it to the owner, sends the reply, and receives again. What was read beyond
 * the request waits in `ahead`, one read at most, because nothing is read outside HTTP_CONN_RECEIVING. Replies are
 * written by a task at the end of the turn, never from inside qf_http_reply(), so that no owner is called back from
 * a call of its own. A connection that ended is closed at once and freed at the end of the turn.
 *
 * A client that closes its half while it waits (a FIN) may have gone, or may only have nothing more to say
 * [RFC 9112, 9.6]. It is asked: "100 Continue", which every HTTP/1.1 client skips, is answered by a reset when nobody
 * is there, and only that is taken for gone. HTTP/1.0 knows no 1xx: there the reply itself finds out, as it does when
 * a client goes after it was asked.
 */
#ifndef QF_HTTP_CONN_H
#define QF_HTTP_CONN_H

#include "codec.h"
#include "gzip.h"
#include "qf/accept.h"

enum http_conn_state {
	HTTP_CONN_RECEIVING,
	HTTP_CONN_ASKED, /* the owner has the request */
	HTTP_CONN_SENDING,
	HTTP_CONN_LINGERING, /* our half is closed; what still comes is dropped until the client closes, too */
	HTTP_CONN_CLOSED,
};

struct qf_http_request {
	void *user;
};

struct http_conn {
	struct qf_http_server *server;
	struct qf_list link;
	struct qf_watch watch;
	struct qf_task task;
	struct qf_timer timer; /* idle, receiving, a client that takes nothing, lingering: by state */
	enum http_conn_state state;
	struct http_codec codec;
	struct qf_http_request request;
	struct qf_buf ahead;
	size_t held; /* memory of the request and of what was read ahead, as the server counts it */
	char client[64];
	struct qf_tls *tls; /* NULL: in clear; lives as long as the connection's memory */
	bool reading;	/* EPOLLIN is asked for; may lag behind the state by one event */
	bool blocked;	/* the socket takes no more */
	bool half;	/* the client has closed its half */
	bool timed;	/* the timer runs for this request, not for idleness */
	bool sniff;	/* the first byte has not been looked at */
	bool tls_sends; /* TLS has to send before it can read on */
	bool leaving;	/* the server drains: looked at once more, then closed unless a request is there */

	/* the reply */
	struct qf_buf out; /* head, chunks; goes before the body */
	struct qf_http_body *body;
	size_t body_at;
	struct http_gzip *gzip;
	struct qf_http_body *counted; /* the body that it sends, when that is of a size to be counted */
	size_t gzip_bytes;	      /* counted besides */
	struct qf_list sending;	      /* in the server's list, while counted */
	uint64_t took_ns;	      /* when the client last took some of it */
	bool given_up;		      /* its reply is gone already; the connection follows at the end of the turn */
	bool close_after;
	void (*on_sent)(void *arg, bool ok);
	void *sent_arg;
};

struct qf_http_server {
	struct qf_loop *loop;
	struct qf_http_limits limits; /* none is 0, but max_body */
	char *name;
	void (*on_request)(struct qf_http_request *rq, void *arg);
	void (*on_gone)(struct qf_http_request *rq, void *arg);
	struct qf_http_tls (*tls)(void *arg);
	void *arg;

	struct qf_acceptor acceptor; /* paused at max_connections until one ends */
	struct qf_list connections, ended;
	size_t n_connections;
	size_t held, max_held; /* memory of all requests: limits of one, times connections, is more than there is */
	size_t unsent;		   /* memory of all counted replies */
	struct qf_list sending;	   /* their connections; who took something last comes last */
	struct qf_task reap;
	bool draining;
	void (*on_drained)(void *arg);
	void *drained_arg;
	uint64_t date_second;
	char date[48]; /* the header line */
};

static inline struct http_conn *http_conn_of(const struct qf_http_request *rq)
{
	return qf_container_of(rq, struct http_conn, request);
}

/* Takes fd. Fails, with fd closed, only when epoll does. */
int http_conn_new(struct qf_http_server *s, int fd, const char *client) qf_must_check;
void http_conn_drain(struct http_conn *c);
void http_conn_drop(struct http_conn *c); /* at once; on_gone or on_sent(false) when they are owed */
void http_conn_free(struct http_conn *c); /* of an ended one */
/* The reply is in out, body or gzip: send it. */
void http_conn_send(struct http_conn *c);

/* unsent.c. False: there is no room for so much. */
bool http_unsent_room(struct http_conn *c, size_t bytes);
/* gzip_bytes: besides the body. */
void http_unsent_add(struct http_conn *c, struct qf_http_body *b, size_t gzip_bytes);
void http_unsent_took(struct http_conn *c);
void http_unsent_done(struct http_conn *c); /* harmless when it is not counted */
/* Of a body: by how many connections it is being sent. */
size_t *http_body_senders(struct qf_http_body *b);

void http_conn_drop_reply(struct http_conn *c);
void http_conn_count(struct http_conn *c); /* after the memory of its request has changed */
void http_server_left(struct qf_http_server *s, struct http_conn *c); /* it has ended; freed in the task */

/* A reply of the server's own, and the end of the connection. */
void http_reply_refusal(struct http_conn *c, unsigned status, const char *why);
struct qf_slice http_body_slice(const struct qf_http_body *b);

#endif
