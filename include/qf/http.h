/*
 * HTTP/1.1, server side: a listening descriptor → connections → requests → replies [RFC 9110, RFC 9112]. The
 * framing is llhttp's; limits, time-outs and what a gateway must refuse (smuggling) are ours.
 *
 * A request is handed over whole: head and body, both held to limits before memory is taken for them. Its owner
 * answers it once, from inside on_request or whenever it likes (a long poll). The next request of a connection is
 * not looked at before the one before it is answered, so that pipelined answers stay in order and a connection
 * holds one request at most. Everything happens on the one loop thread. What is broken (a bad frame, a head or
 * body over its limit, a client that is too slow) the server answers itself, 400, 408, 411, 413, 414, 417, 431, 501
 * or 505, and closes; so it does, with 503, when all requests together take more than 512 MiB.
 *
 * Replies that their clients do not read are bounded by max_unsent. Beyond it those that took nothing for longest, and
 * for a second at least, lose their connections; when that makes no room, the reply that found none becomes a 503. A
 * body that several connections send at the same time counts once; what has no room to be compressed goes as it is.
 *
 * A client that closes only its half still gets its reply; one that is gone is noticed while a request waits
 * (lib/http/conn.h says how).
 *
 * HTTPS is spoken on the same port: a connection whose first byte is one of TLS is one.
 *
 * Used by the Trino frontend and by qf-admin. The codec (lib/http/codec.h) is free of sockets and has the fuzz
 * target; sockets, time and writing are in lib/http/server.c and conn.c.
 */
#ifndef QF_HTTP_H
#define QF_HTTP_H

#include "qf/buf.h"
#include "qf/accept.h"
#include "qf/tls.h"

struct qf_http_server;
struct qf_http_request;
struct qf_http_body;

enum qf_http_method {
	QF_HTTP_GET,
	QF_HTTP_HEAD,
	QF_HTTP_POST,
	QF_HTTP_PUT,
	QF_HTTP_DELETE,
	QF_HTTP_OPTIONS,
	QF_HTTP_OTHER, /* any other that llhttp knows, but CONNECT: the owner answers 405 */
};

struct qf_http_header {
	struct qf_slice name, value; /* value without the white space around it */
};

struct qf_http_limits {
	size_t max_head;	  /* bytes of request line and headers; 0 = 256 KiB (prepared statements of Trino clients) */
	size_t max_body;	  /* bytes, after the chunked coding; 0 = none is taken */
	uint32_t max_connections; /* 0 = 10000; more wait in the backlog */
	uint64_t idle_ns;	  /* between requests; 0 = 60 s */
	uint64_t receive_ns;	  /* for a whole request since its first byte; 0 = 60 s */
	size_t max_unsent;	  /* bytes of replies under way, those below 4 KiB not counted; 0 = 256 MiB */
	uint64_t send_ns;	  /* without a byte taken by the client; 0 = 60 s */
};

struct qf_http_tls {
	struct qf_tls_config *config; /* NULL: no HTTPS */
	bool required;		      /* what is not encrypted gets 400 */
};

struct qf_http_server_opts {
	struct qf_loop *loop;
	int fd; /* listening, non-blocking; the server's from then on */
	const struct qf_preface *preface; /* NULL: none; borrowed by the server */
	/* Asked at the first byte of each connection; NULL: no HTTPS. */
	struct qf_http_tls (*tls)(void *arg);
	struct qf_http_limits limits;
	const char *name; /* of the Server header and in logs: "queryflux" */
	void (*on_request)(struct qf_http_request *rq, void *arg);
	/*
	 * The client is gone (or the server is closed) before the reply: nothing is to be sent any more; rq is
	 * gone after this call. Never from inside on_request or qf_http_reply().
	 */
	void (*on_gone)(struct qf_http_request *rq, void *arg);
	void *arg;
};

int qf_http_server_new(struct qf_http_server **ret, const struct qf_http_server_opts *opts, struct qf_err *reterr)
	qf_must_check;
void qf_http_server_limits(struct qf_http_server *s, const struct qf_http_limits *limits); /* after a reload */
/* No new connections; each closes after the reply that it waits for. on_drained once none is left. */
void qf_http_server_drain(struct qf_http_server *s, void (*on_drained)(void *arg), void *arg);
size_t qf_http_server_connections(const struct qf_http_server *s);
/* Drops what is left; on_gone or on_sent(false) for each. From on_drained, but from no other callback of s. */
struct qf_http_server *qf_http_server_free(struct qf_http_server *s);

/* Of a request; slices live until it is answered or gone. */
enum qf_http_method qf_http_method(const struct qf_http_request *rq);
struct qf_slice qf_http_path(const struct qf_http_request *rq);	 /* as sent, without the query string */
struct qf_slice qf_http_query(const struct qf_http_request *rq); /* behind the '?', may be empty */
struct qf_slice qf_http_body(const struct qf_http_request *rq);
/* The first header of that name (any case); p == NULL when there is none. */
struct qf_slice qf_http_header(const struct qf_http_request *rq, const char *name);
const struct qf_http_header *qf_http_headers(const struct qf_http_request *rq, size_t *ret_n);
const char *qf_http_client(const struct qf_http_request *rq); /* "127.0.0.1:40312" */
bool qf_http_is_tls(const struct qf_http_request *rq);
const char *qf_http_peer_name(const struct qf_http_request *rq); /* of its certificate; NULL: it showed none */
void qf_http_set_user(struct qf_http_request *rq, void *user); /* the owner's own */
void *qf_http_user(const struct qf_http_request *rq);

/* A reply body that may be sent more than once, by one server, and outlive who made it. */
struct qf_http_body *qf_http_body_new(struct qf_buf *bytes); /* takes the bytes; *bytes is empty after */
struct qf_http_body *qf_http_body_ref(struct qf_http_body *b);
struct qf_http_body *qf_http_body_free(struct qf_http_body *b); /* one holder less; returns NULL */
size_t qf_http_body_bytes(const struct qf_http_body *b);
/* Ends the connections that are still sending it: their clients are known to have it, or never to read it. */
void qf_http_body_give_up(struct qf_http_server *s, const struct qf_http_body *b);

struct qf_http_reply {
	unsigned status;
	const char *content_type;	      /* NULL: no body */
	struct qf_http_body *body;	      /* NULL: none; the server takes a reference of its own */
	const struct qf_http_header *headers; /* further ones, copied; CR, LF and NUL in them become spaces */
	size_t n_headers;
	bool compress; /* gzip when the client accepts it and the body is worth it; in steps, never the loop for long */
	bool close;    /* the connection ends after it */
	/*
	 * Whole in the socket's buffer, or a 503 in its place (true), or the client went away (false). Never from inside a
	 * call. May be NULL.
	 */
	void (*on_sent)(void *arg, bool ok);
	void *arg;
};

/* Answers and ends the request. To HEAD it sends the head alone. */
void qf_http_reply(struct qf_http_request *rq, const struct qf_http_reply *reply);
/* The same with a short text/plain body. */
void qf_http_reply_text(struct qf_http_request *rq, unsigned status, const char *fmt, ...) qf_printf(3, 4);

/*
 * The next pair of an application/x-www-form-urlencoded query; *pos begins at 0. false at the end. Name and value
 * are borrowed and still encoded; qf_http_percent() decodes into out, false when it is malformed.
 */
bool qf_http_query_next(struct qf_slice query, size_t *pos, struct qf_slice *ret_name, struct qf_slice *ret_value);
bool qf_http_percent(struct qf_slice in, bool plus_is_space, struct qf_buf *out);

#endif
