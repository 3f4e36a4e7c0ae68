/*
 * HTTP requests: at once, byte by byte and cut where the first byte says, which must be the same conversation; and
 * what owners ask of the texts of a request.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/http/gzip.h"
#include "../unit/http_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_HEAD = 512, MAX_BODY = 64 };

/* What was taken must be framed in one way only. */
static void check_request(const struct http_codec *c)
{
	size_t lengths = 0, codings = 0, hosts = 0;

	for (size_t i = 0; i < c->n_headers; i++) {
		lengths += qf_slice_caseeq_str(c->headers[i].name, "content-length");
		codings += qf_slice_caseeq_str(c->headers[i].name, "transfer-encoding");
		hosts += qf_slice_caseeq_str(c->headers[i].name, "host");
		if (!http_is_token(c->headers[i].name) || memchr(c->headers[i].value.p, '\n', c->headers[i].value.n))
			abort();
	}
	if (lengths + codings > 1 || hosts > 1 || (hosts == 0 && c->minor > 0))
		abort();
	if (c->path.n == 0 || c->body.n > MAX_BODY)
		abort();
	if (c->body.n > 0 && lengths + codings == 0)
		abort();
}

static void read_texts(const struct http_codec *c)
{
	struct qf_slice name, value, accept = http_codec_header(c, "accept-encoding");
	struct qf_buf out = { 0 };
	size_t pos = 0;

	while (qf_http_query_next(c->query, &pos, &name, &value)) {
		qf_http_percent(name, true, &out);
		qf_http_percent(value, false, &out);
	}
	if (out.n > c->query.n)
		abort();
	http_gzip_accepted(accept);
	qf_buf_fini(&out);
}

static void look(struct qf_slice in)
{
	struct http_codec c;
	enum http_step step = HTTP_STEP_MORE;
	size_t used;

	http_codec_init(&c);
	c.max_head = MAX_HEAD;
	c.max_body = MAX_BODY;
	while (in.n > 0 && step != HTTP_STEP_REFUSED) {
		step = http_codec_feed(&c, in, &used);
		in.p += used;
		in.n -= used;
		if (step != HTTP_STEP_REQUEST)
			continue;
		check_request(&c);
		read_texts(&c);
		http_codec_next(&c);
	}
	http_codec_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_trace t[3];

	if (size < 2)
		return 0;
	size_t pieces[] = { 0, 1, (size_t)data[0] + 2 };
	struct qf_slice in = qf_slice(data + 1, size - 1);

	for (size_t i = 0; i < 3; i++) {
		trace_open(&t[i], MAX_HEAD, MAX_BODY);
		trace_pieces(&t[i], in, pieces[i]);
	}
	for (size_t i = 1; i < 3; i++)
		if (strcmp(qf_buf_cstr(&t[0].text), qf_buf_cstr(&t[i].text)) != 0)
			abort();
	for (size_t i = 0; i < 3; i++)
		trace_close(&t[i]);
	look(in);
	return 0;
}
