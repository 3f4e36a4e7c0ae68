/*
 * Requests decoded from bytes that come in pieces, as text:
 *
 *   expects; POST path=/x query=a=1 1.1 keep [host=h] "body"; GET …; refused 400 no Host
 *
 * "close" in the place of "keep" when the client wants the connection to end. Bytes that are not text are \xx.
 */
#ifndef QF_TESTS_HTTP_TRACE_H
#define QF_TESTS_HTTP_TRACE_H

#include "../../lib/http/codec.h"

struct http_trace {
	struct http_codec codec;
	struct qf_buf text;
	bool refused;
};

static inline void show_bytes(struct qf_buf *b, struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '\\')
			qf_buf_u8(b, s.p[i]);
		else
			qf_buf_printf(b, "\\%02x", s.p[i]);
}

static inline void show_request(struct qf_buf *b, const struct http_codec *c)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "OTHER" };

	qf_buf_printf(b, "%s path=", methods[c->method]);
	show_bytes(b, c->path);
	if (c->query.n > 0) {
		qf_buf_add_str(b, " query=");
		show_bytes(b, c->query);
	}
	qf_buf_printf(b, " 1.%u %s", c->minor, c->keep_alive ? "keep" : "close");
	for (size_t i = 0; i < c->n_headers; i++) {
		qf_buf_add_str(b, " [");
		show_bytes(b, c->headers[i].name);
		qf_buf_add_str(b, "=");
		show_bytes(b, c->headers[i].value);
		qf_buf_add_str(b, "]");
	}
	if (c->body.n > 0) {
		qf_buf_add_str(b, " \"");
		show_bytes(b, qf_buf_slice(&c->body));
		qf_buf_add_str(b, "\"");
	}
}

static inline void trace_open(struct http_trace *t, size_t max_head, size_t max_body)
{
	http_codec_init(&t->codec);
	t->codec.max_head = max_head;
	t->codec.max_body = max_body;
	qf_buf_init(&t->text);
	t->refused = false;
}

static inline void trace_close(struct http_trace *t)
{
	http_codec_fini(&t->codec);
	qf_buf_fini(&t->text);
}

static inline void trace_step(struct http_trace *t, enum http_step step)
{
	if (step == HTTP_STEP_MORE)
		return;
	if (t->text.n > 0)
		qf_buf_add_str(&t->text, "; ");
	if (step == HTTP_STEP_EXPECTS) {
		qf_buf_add_str(&t->text, "expects");
	} else if (step == HTTP_STEP_REFUSED) {
		qf_buf_printf(&t->text, "refused %u %s", t->codec.status, t->codec.why);
		t->refused = true;
	} else {
		show_request(&t->text, &t->codec);
		http_codec_next(&t->codec);
	}
}

static inline void trace_feed(struct http_trace *t, struct qf_slice in)
{
	while (in.n > 0 && !t->refused) {
		size_t used;
		enum http_step step = http_codec_feed(&t->codec, in, &used);

		qf_assert(used <= in.n && (used > 0 || step != HTTP_STEP_MORE));
		qf_assert(t->codec.head.n <= t->codec.max_head && t->codec.body.n <= t->codec.max_body);
		in.p += used;
		in.n -= used;
		trace_step(t, step);
	}
}

/* In pieces of `piece` bytes, 0 for all at once; each in a block of its own, so that nothing reads beyond it. */
static inline void trace_pieces(struct http_trace *t, struct qf_slice in, size_t piece)
{
	while (in.n > 0) {
		size_t n = piece > 0 && piece < in.n ? piece : in.n;
		struct qf_buf b = { 0 };

		qf_buf_add(&b, in.p, n);
		trace_feed(t, qf_buf_slice(&b));
		qf_buf_fini(&b);
		in.p += n;
		in.n -= n;
	}
}

#endif
