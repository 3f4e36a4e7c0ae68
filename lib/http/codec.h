/*
 * Requests out of bytes: bytes go in, cut anywhere, and a whole request or a refusal comes out. No sockets, no time.
 *
 * A head is collected up to its limit while its lines are checked (lines.h), then llhttp reads it in one piece and
 * head.c decides whether a gateway may take it; a body goes through llhttp as it comes, and is held to its limit
 * before memory is taken. One codec reads one connection's requests, one after the other: http_codec_next() between
 * them. What was refused stays refused: the connection cannot be in step any more.
 *
 * Decisions where RFC 9112 leaves room: trailers are checked and dropped; a second Content-Length is refused even
 * when it is equal; Transfer-Encoding is "chunked" alone, in HTTP/1.1 only; Upgrade is ignored; CONNECT is refused;
 * HTTP/1.0 needs a Content-Length for POST and PUT (411).
 */
#ifndef QF_HTTP_CODEC_H
#define QF_HTTP_CODEC_H

#include <llhttp.h>

#include "lines.h"
#include "qf/http.h"

enum http_step {
	HTTP_STEP_MORE,	    /* all input is used */
	HTTP_STEP_EXPECTS,  /* the head is fine, and the client waits for 100 before it sends the body */
	HTTP_STEP_REQUEST,  /* a whole one */
	HTTP_STEP_REFUSED,  /* status and why say what for */
};

enum http_stage {
	HTTP_STAGE_HEAD,
	HTTP_STAGE_BODY,
	HTTP_STAGE_TRAILERS,
	HTTP_STAGE_WHOLE,
	HTTP_STAGE_REFUSED,
};

struct http_codec {
	size_t max_head, max_body; /* the owner's; changed between requests only */

	/* Of the request, from its head on until http_codec_next(). All slices are in `head`. */
	enum qf_http_method method;
	unsigned minor;	 /* of HTTP/1.x */
	bool keep_alive; /* as far as the client goes */
	bool expects;
	struct qf_slice target, path, query;
	struct qf_http_header *headers;
	size_t n_headers;
	struct qf_buf body;

	unsigned status; /* of the refusal */
	const char *why; /* constant text */

	/* The codec's own. */
	enum http_stage stage;
	struct http_lines lines;
	llhttp_t parser;
	struct qf_buf head;
	size_t headers_room;
	size_t framing;	   /* bytes of the body as sent, and of trailers */
	bool lead_cr;	   /* of an empty line before the request line */
	bool request_line; /* was seen whole */
	bool last_chunk;
};

void http_codec_init(struct http_codec *c);
void http_codec_fini(struct http_codec *c);
/* Reads up to the next step. Not called between HTTP_STEP_REQUEST and http_codec_next(). */
enum http_step http_codec_feed(struct http_codec *c, struct qf_slice in, size_t *ret_used);
void http_codec_next(struct http_codec *c); /* forgets the request, its memory too */
bool http_codec_begun(const struct http_codec *c); /* some of a request is there */
size_t http_codec_held(const struct http_codec *c); /* bytes of memory */
bool http_codec_in_body(const struct http_codec *c);
struct qf_slice http_codec_header(const struct http_codec *c, const char *name); /* the first one */

#endif
