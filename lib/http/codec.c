/* See codec.h. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "head.h"

enum {
	FIRST_HEADERS = 16,
	MAX_HEADERS = 2000, /* Trino clients repeat one for each property and prepared statement */
	FRAMING_BASE = 64 * 1024,
	FRAMING_FACTOR = 16, /* chunks of one byte cost six */
};

static enum http_step refuse(struct http_codec *c, unsigned status, const char *why)
{
	c->stage = HTTP_STAGE_REFUSED;
	c->status = status;
	c->why = why;
	return HTTP_STEP_REFUSED;
}

/* ---- what llhttp says ---- */

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	struct http_codec *c = p->data;

	c->target = qf_slice(at, n);
	return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
	struct http_codec *c = p->data;

	if (c->n_headers == MAX_HEADERS) {
		refuse(c, 431, "too many headers");
		return -1;
	}
	if (c->n_headers == c->headers_room) {
		c->headers_room = c->headers_room ? 2 * c->headers_room : FIRST_HEADERS;
		c->headers = qf_xrealloc(c->headers, c->headers_room * sizeof(*c->headers));
	}
	c->headers[c->n_headers++] = (struct qf_http_header){ .name = qf_slice(at, n), .value = qf_slice(at + n, 0) };
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	struct http_codec *c = p->data;

	c->headers[c->n_headers - 1].value = http_trim(qf_slice(at, n));
	return 0;
}

static enum qf_http_method method_of(unsigned method)
{
	switch (method) {
	case HTTP_GET:
		return QF_HTTP_GET;
	case HTTP_HEAD:
		return QF_HTTP_HEAD;
	case HTTP_POST:
		return QF_HTTP_POST;
	case HTTP_PUT:
		return QF_HTTP_PUT;
	case HTTP_DELETE:
		return QF_HTTP_DELETE;
	case HTTP_OPTIONS:
		return QF_HTTP_OPTIONS;
	default:
		return QF_HTTP_OTHER;
	}
}

static int on_headers_complete(llhttp_t *p)
{
	struct http_codec *c = p->data;
	const char *why = NULL;

	c->method = method_of(p->method);
	c->minor = p->http_minor;
	unsigned status = http_head_check(c, &why);

	if (status) {
		refuse(c, status, why);
		return -1;
	}
	return 0;
}

static int on_chunk_header(llhttp_t *p)
{
	struct http_codec *c = p->data;

	if (p->content_length > c->max_body - c->body.n) {
		refuse(c, 413, "the body is larger than the limit");
		return -1;
	}
	c->last_chunk = p->content_length == 0;
	return c->last_chunk ? HPE_PAUSED : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http_codec *c = p->data;

	qf_assert(n <= c->max_body - c->body.n);
	qf_buf_add(&c->body, at, n);
	return 0;
}

/* Before llhttp leaves the protocol for an Upgrade, which a server may ignore [RFC 9110, 7.8]. */
static int on_message_complete(llhttp_t *p)
{
	(void)p;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_message_complete = on_message_complete,
};

static void refuse_for(struct http_codec *c, llhttp_errno_t e)
{
	if (e == HPE_INVALID_METHOD)
		refuse(c, 501, "the method is not known");
	else if (e == HPE_PAUSED_H2_UPGRADE)
		refuse(c, 505, "HTTP/2 is not served");
	else
		refuse(c, 400, llhttp_get_error_reason(&c->parser));
}

/* Runs llhttp over in; *ret_used is where it stopped when it says HPE_PAUSED. */
static llhttp_errno_t execute(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	const char *p = (const char *)in.p;
	llhttp_errno_t e = llhttp_execute(&c->parser, p, in.n);

	*ret_used = in.n;
	if (e == HPE_PAUSED)
		*ret_used = (size_t)(llhttp_get_error_pos(&c->parser) - p);
	else if (e != HPE_OK && c->stage != HTTP_STAGE_REFUSED)
		refuse_for(c, e);
	return e;
}

/* ---- stages ---- */

static enum http_step whole(struct http_codec *c)
{
	c->stage = HTTP_STAGE_WHOLE;
	return HTTP_STEP_REQUEST;
}

static enum http_step head_is_there(struct http_codec *c)
{
	size_t used;

	llhttp_init(&c->parser, HTTP_REQUEST, &settings);
	c->parser.data = c;
	llhttp_errno_t e = execute(c, qf_buf_slice(&c->head), &used);

	if (c->stage == HTTP_STAGE_REFUSED)
		return HTTP_STEP_REFUSED;
	if (used != c->head.n)
		return refuse(c, 400, "the head ends in two places");
	if (e == HPE_PAUSED)
		return whole(c);
	c->stage = HTTP_STAGE_BODY;
	return c->expects ? HTTP_STEP_EXPECTS : HTTP_STEP_MORE;
}

/* RFC 9112, 2.2: empty lines before the request line are ignored. Returns how many bytes they take. */
static size_t skip_empty_lines(struct http_codec *c, struct qf_slice in)
{
	size_t i = 0;

	while (i < in.n && (c->lead_cr ? in.p[i] == '\n' : in.p[i] == '\r')) {
		c->lead_cr = !c->lead_cr;
		i++;
	}
	return i;
}

static enum http_step feed_head(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	size_t room = c->max_head - c->head.n, used;
	const char *why = NULL;
	enum http_scan scan = http_lines_scan(&c->lines, qf_slice(in.p, in.n < room ? in.n : room), &used, &why);

	*ret_used = used;
	qf_buf_add(&c->head, in.p, used);
	if (scan == HTTP_SCAN_BAD)
		return refuse(c, 400, why);
	if (scan == HTTP_SCAN_END)
		return head_is_there(c);
	if (scan == HTTP_SCAN_REQUEST) {
		unsigned status = http_head_request_line(qf_slice(c->head.p, c->head.n - 2), &why);

		c->request_line = true;
		if (status)
			return refuse(c, status, why);
	}
	if (c->head.n < c->max_head)
		return HTTP_STEP_MORE;
	return c->request_line ? refuse(c, 431, "the head is larger than the limit") :
				 refuse(c, 414, "the request line is larger than the limit");
}

static enum http_step feed_start(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	size_t lead = skip_empty_lines(c, in);

	*ret_used = lead;
	if (lead == in.n)
		return HTTP_STEP_MORE;
	if (c->lead_cr)
		return refuse(c, 400, "CR without LF");
	enum http_step step = feed_head(c, qf_slice(in.p + lead, in.n - lead), ret_used);

	*ret_used += lead;
	return step;
}

/* Chunk sizes may have any number of leading zeros, and extensions any length. */
static size_t framing_room(const struct http_codec *c)
{
	size_t max = c->max_body > (SIZE_MAX - FRAMING_BASE) / FRAMING_FACTOR ?
			     SIZE_MAX :
			     FRAMING_BASE + FRAMING_FACTOR * c->max_body;

	return max - c->framing;
}

static enum http_step feed_body(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	size_t room = framing_room(c);
	llhttp_errno_t e = execute(c, qf_slice(in.p, in.n < room ? in.n : room), ret_used);

	c->framing += *ret_used;
	if (c->stage == HTTP_STAGE_REFUSED)
		return HTTP_STEP_REFUSED;
	if (e == HPE_PAUSED && !c->last_chunk)
		return whole(c);
	if (e == HPE_PAUSED) {
		c->stage = HTTP_STAGE_TRAILERS;
		c->lines.state = HTTP_LINE_FIELD;
		c->framing = 0;
	} else if (framing_room(c) == 0) {
		return refuse(c, 413, "the framing of the body is larger than the limit");
	}
	return HTTP_STEP_MORE;
}

/* Only the strictest reading of trailers is the same for everybody, and llhttp ends them at a bare LF too. */
static enum http_step feed_trailers(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	size_t room = c->max_head - c->framing;
	const char *why = NULL;
	enum http_scan scan = http_lines_scan(&c->lines, qf_slice(in.p, in.n < room ? in.n : room), ret_used, &why);

	c->framing += *ret_used;
	if (scan == HTTP_SCAN_BAD)
		return refuse(c, 400, why);
	if (scan == HTTP_SCAN_END)
		return whole(c);
	return c->framing < c->max_head ? HTTP_STEP_MORE : refuse(c, 431, "the trailers are larger than the limit");
}

static enum http_step feed(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	switch (c->stage) {
	case HTTP_STAGE_HEAD:
		return c->head.n == 0 ? feed_start(c, in, ret_used) : feed_head(c, in, ret_used);
	case HTTP_STAGE_BODY:
		return feed_body(c, in, ret_used);
	case HTTP_STAGE_TRAILERS:
		return feed_trailers(c, in, ret_used);
	default:
		qf_assert(c->stage == HTTP_STAGE_REFUSED);
		*ret_used = in.n;
		return HTTP_STEP_REFUSED;
	}
}

enum http_step http_codec_feed(struct http_codec *c, struct qf_slice in, size_t *ret_used)
{
	enum http_step step = HTTP_STEP_MORE;
	size_t at = 0;

	while (step == HTTP_STEP_MORE && at < in.n) {
		size_t used;

		step = feed(c, qf_slice(in.p + at, in.n - at), &used);
		at += used;
	}
	*ret_used = at;
	return step;
}

/* ---- life ---- */

void http_codec_init(struct http_codec *c)
{
	*c = (struct http_codec){ .stage = HTTP_STAGE_HEAD };
}

void http_codec_fini(struct http_codec *c)
{
	qf_buf_fini(&c->head);
	qf_buf_fini(&c->body);
	free(c->headers);
	http_codec_init(c);
}

void http_codec_next(struct http_codec *c)
{
	size_t max_head = c->max_head, max_body = c->max_body;

	qf_assert(c->stage == HTTP_STAGE_WHOLE);
	http_codec_fini(c);
	c->max_head = max_head;
	c->max_body = max_body;
}

bool http_codec_begun(const struct http_codec *c)
{
	return c->head.n > 0;
}

size_t http_codec_held(const struct http_codec *c)
{
	return c->head.cap + c->body.cap + c->headers_room * sizeof(*c->headers);
}

bool http_codec_in_body(const struct http_codec *c)
{
	return c->stage == HTTP_STAGE_BODY;
}

struct qf_slice http_codec_header(const struct http_codec *c, const char *name)
{
	for (size_t i = 0; i < c->n_headers; i++)
		if (qf_slice_caseeq_str(c->headers[i].name, name))
			return c->headers[i].value;
	return QF_SLICE_NONE;
}
