/* Replies and their bodies: see qf/http.h. The task of the connection sends them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn.h"
#include "qf/clock.h"
#include "qf/str.h"

enum {
	WORTH_COMPRESSING = 1024, /* below it the headers cost more than is won */
	WORTH_COUNTING = 4096,
};

/* ---- bodies ---- */

struct qf_http_body {
	struct qf_buf bytes;
	size_t holders, senders;
};

struct qf_http_body *qf_http_body_new(struct qf_buf *bytes)
{
	struct qf_http_body *b = qf_xcalloc(1, sizeof(*b));

	b->bytes = *bytes;
	b->holders = 1;
	qf_buf_init(bytes);
	return b;
}

struct qf_http_body *qf_http_body_ref(struct qf_http_body *b)
{
	b->holders++;
	return b;
}

struct qf_http_body *qf_http_body_free(struct qf_http_body *b)
{
	if (!b || --b->holders > 0)
		return NULL;
	qf_buf_fini(&b->bytes);
	free(b);
	return NULL;
}

size_t qf_http_body_bytes(const struct qf_http_body *b)
{
	return b->bytes.n;
}

size_t *http_body_senders(struct qf_http_body *b)
{
	return &b->senders;
}

struct qf_slice http_body_slice(const struct qf_http_body *b)
{
	return qf_buf_slice(&b->bytes);
}

/* ---- the head ---- */

static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return ""; /* RFC 9112, 4: may be empty */
}

static void put_number(struct qf_buf *b, uint64_t v)
{
	char digits[21];

	qf_buf_add(b, digits, qf_decimal(digits, v));
}

/* RFC 9110, 5.6.7; made anew once a second. Not strftime: its names go by the locale. */
static const char *date_line(struct qf_http_server *s)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	uint64_t second = qf_real_us() / 1000000;
	time_t t = (time_t)second;
	struct tm tm;

	if (second == s->date_second || !gmtime_r(&t, &tm))
		return s->date;
	snprintf(s->date, sizeof(s->date), "Date: %s, %02u %s %04u %02u:%02u:%02u GMT\r\n", days[tm.tm_wday],
		(unsigned)tm.tm_mday % 100, months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000,
		(unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	s->date_second = second;
	return s->date;
}

/* What would end the line becomes a space [RFC 9110, 5.5]: no value can add a header or a reply. */
static void put_text(struct qf_buf *b, struct qf_slice s)
{
	size_t at = b->n;

	qf_buf_add_slice(b, s);
	for (; at < b->n; at++)
		if (b->p[at] == '\r' || b->p[at] == '\n' || b->p[at] == 0)
			b->p[at] = ' ';
}

static void put_header(struct qf_buf *b, struct qf_slice name, struct qf_slice value)
{
	put_text(b, name);
	qf_buf_add_str(b, ": ");
	put_text(b, value);
	qf_buf_add_str(b, "\r\n");
}

/* RFC 9110, 8.6: none of these has a body, nor says how long it would be. */
static bool has_no_body(unsigned status)
{
	return status == 204 || status == 304;
}

static void put_framing(struct http_conn *c, const struct qf_http_reply *reply)
{
	struct qf_buf *b = &c->out;

	if (reply->compress)
		qf_buf_add_str(b, "Vary: Accept-Encoding\r\n");
	if (c->gzip) {
		qf_buf_add_str(b, "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n");
	} else if (!has_no_body(reply->status)) {
		qf_buf_add_str(b, "Content-Length: ");
		put_number(b, reply->body ? qf_http_body_bytes(reply->body) : 0);
		qf_buf_add_str(b, "\r\n");
	}
	if (c->close_after)
		qf_buf_add_str(b, "Connection: close\r\n");
	else if (c->codec.minor == 0)
		qf_buf_add_str(b, "Connection: keep-alive\r\n");
}

static void put_head(struct http_conn *c, const struct qf_http_reply *reply)
{
	struct qf_buf *b = &c->out;

	qf_buf_reserve(b, 512);
	qf_buf_add_str(b, "HTTP/1.1 ");
	put_number(b, reply->status);
	qf_buf_add_str(b, " ");
	qf_buf_add_str(b, reason(reply->status));
	qf_buf_add_str(b, "\r\n");
	qf_buf_add_str(b, date_line(c->server));
	put_header(b, qf_slice_str("Server"), qf_slice_str(c->server->name));
	if (reply->content_type && !has_no_body(reply->status))
		put_header(b, qf_slice_str("Content-Type"), qf_slice_str(reply->content_type));
	for (size_t i = 0; i < reply->n_headers; i++)
		put_header(b, reply->headers[i].name, reply->headers[i].value);
	put_framing(c, reply);
	qf_buf_add_str(b, "\r\n");
}

/* ---- replies ---- */

static bool compresses(const struct http_conn *c, const struct qf_http_reply *reply)
{
	return reply->compress && reply->body && !has_no_body(reply->status) && c->codec.minor > 0 &&
	       qf_http_body_bytes(reply->body) >= WORTH_COMPRESSING &&
	       http_gzip_accepted(http_codec_header(&c->codec, "accept-encoding"));
}

/* Counts it, and sees whether it may be compressed. */
static bool make_room(struct http_conn *c, const struct qf_http_reply *reply)
{
	size_t n = qf_http_body_bytes(reply->body);
	size_t more = *http_body_senders(reply->body) == 0 ? n : 0;
	bool gzip = compresses(c, reply);

	if (gzip && http_unsent_room(c, more + HTTP_GZIP_BYTES))
		c->gzip = http_gzip_new(reply->body);
	if (!c->gzip && n < WORTH_COUNTING)
		return true;
	if (!c->gzip && !http_unsent_room(c, more))
		return false;
	http_unsent_add(c, reply->body, c->gzip ? HTTP_GZIP_BYTES : 0);
	return true;
}

static void send_reply(struct http_conn *c, const struct qf_http_reply *reply);

static void send_no_room(struct http_conn *c, const struct qf_http_reply *instead_of)
{
	struct qf_buf text = { 0 };

	qf_buf_add_str(&text, "too many replies wait for their clients, try again\n");
	struct qf_http_body *body = qf_http_body_new(&text);
	struct qf_http_reply reply = {
		.status = 503,
		.content_type = "text/plain; charset=utf-8",
		.body = body,
		.close = true,
		.on_sent = instead_of->on_sent,
		.arg = instead_of->arg,
	};

	send_reply(c, &reply);
	qf_http_body_free(body);
}

static void send_reply(struct http_conn *c, const struct qf_http_reply *reply)
{
	bool body = reply->body && !has_no_body(reply->status) && c->codec.method != QF_HTTP_HEAD;

	if (body && !make_room(c, reply)) {
		send_no_room(c, reply);
		return;
	}
	if (!body && compresses(c, reply)) /* its head says so all the same */
		c->gzip = http_gzip_new(reply->body);
	c->close_after = reply->close || c->server->draining || !c->codec.keep_alive;
	c->on_sent = reply->on_sent;
	c->sent_arg = reply->arg;
	put_head(c, reply);
	if (!body)
		c->gzip = http_gzip_free(c->gzip);
	else if (!c->gzip)
		c->body = qf_http_body_ref(reply->body);
	c->body_at = 0;
	http_conn_send(c);
}

void qf_http_reply(struct qf_http_request *rq, const struct qf_http_reply *reply)
{
	struct http_conn *c = http_conn_of(rq);

	qf_assert(c->state == HTTP_CONN_ASKED && reply->status >= 200 && reply->status <= 599);
	send_reply(c, reply);
	http_codec_next(&c->codec);
	http_conn_count(c);
}

static void reply_text(struct http_conn *c, unsigned status, bool close, struct qf_buf *text)
{
	struct qf_http_body *body = qf_http_body_new(text);
	struct qf_http_reply reply = {
		.status = status, .content_type = "text/plain; charset=utf-8", .body = body, .close = close
	};

	if (c->state == HTTP_CONN_ASKED)
		qf_http_reply(&c->request, &reply);
	else
		send_reply(c, &reply);
	qf_http_body_free(body);
}

void qf_http_reply_text(struct qf_http_request *rq, unsigned status, const char *fmt, ...)
{
	struct qf_buf text = { 0 };
	va_list ap;
	char *s;

	va_start(ap, fmt);
	qf_assert(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	qf_buf_add_str(&text, s);
	free(s);
	reply_text(http_conn_of(rq), status, false, &text);
}

void http_reply_refusal(struct http_conn *c, unsigned status, const char *why)
{
	struct qf_buf text = { 0 };

	qf_buf_add_str(&text, why);
	qf_buf_add_str(&text, "\n");
	reply_text(c, status, true, &text);
	http_codec_fini(&c->codec); /* nothing is read any more */
	http_conn_count(c);
}
