/* See gzip.h. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "conn.h"
#include "gzip.h"
#include "head.h"

enum {
	STEP_INPUT = 64 * 1024,
	STEP_OUTPUT = 16 * 1024, /* grown by */
	WINDOW_BITS = 15 + 16,	 /* the largest window, in gzip's envelope */
	MEMORY_LEVEL = 8,
};

struct http_gzip {
	struct qf_http_body *body;
	size_t at;
	z_stream z;
	struct qf_buf chunk; /* its size stands before it */
};

struct http_gzip *http_gzip_new(struct qf_http_body *body)
{
	struct http_gzip *g = qf_xcalloc(1, sizeof(*g));

	if (deflateInit2(&g->z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return NULL;
	}
	g->body = qf_http_body_ref(body);
	return g;
}

struct http_gzip *http_gzip_free(struct http_gzip *g)
{
	if (!g)
		return NULL;
	deflateEnd(&g->z);
	qf_http_body_free(g->body);
	qf_buf_fini(&g->chunk);
	free(g);
	return NULL;
}

static void put_chunk(struct qf_buf *out, struct qf_slice chunk)
{
	if (chunk.n == 0)
		return; /* an empty chunk is the end */
	qf_buf_printf(out, "%zx\r\n", chunk.n);
	qf_buf_add_slice(out, chunk);
	qf_buf_add_str(out, "\r\n");
}

bool http_gzip_step(struct http_gzip *g, struct qf_buf *out)
{
	struct qf_slice bytes = http_body_slice(g->body);
	size_t left = bytes.n - g->at, n = left < STEP_INPUT ? left : STEP_INPUT;
	int flush = n == left ? Z_FINISH : Z_NO_FLUSH, r;
	/* zlib reads only, and its field is const where it was built so. */
	union {
		const uint8_t *given;
		uint8_t *wanted;
	} in = { .given = bytes.p + g->at };

	g->z.next_in = in.wanted;
	g->z.avail_in = (uInt)n;
	do {
		g->z.next_out = qf_buf_reserve(&g->chunk, STEP_OUTPUT);
		g->z.avail_out = STEP_OUTPUT;
		r = deflate(&g->z, flush);
		/* Z_BUF_ERROR: all input was taken, and the output ended with the last byte of room. */
		qf_assert(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR);
		g->chunk.n += STEP_OUTPUT - g->z.avail_out;
	} while (g->z.avail_out == 0 && r != Z_STREAM_END);
	g->at += n;
	put_chunk(out, qf_buf_slice(&g->chunk));
	qf_buf_clear(&g->chunk);
	if (r == Z_STREAM_END)
		qf_buf_add_str(out, "0\r\n\r\n");
	return r != Z_STREAM_END;
}

/* ";q=0", ";q=0.0" …: not this one. */
static bool weight_is_zero(struct qf_slice parameters)
{
	const char *q = parameters.n ? memchr(parameters.p, '=', parameters.n) : NULL;
	const char *end = (const char *)parameters.p + parameters.n;

	if (!q)
		return false;
	for (q++; q < end; q++)
		if (*q >= '1' && *q <= '9')
			return false;
	return true;
}

bool http_gzip_accepted(struct qf_slice list)
{
	struct qf_slice element;
	int named = -1, any = -1;

	while (http_list_next(&list, &element)) {
		const uint8_t *semicolon = memchr(element.p, ';', element.n);
		size_t n = semicolon ? (size_t)(semicolon - element.p) : element.n;
		struct qf_slice coding = http_trim(qf_slice(element.p, n));
		bool yes = !weight_is_zero(qf_slice(element.p + n, element.n - n));

		if (qf_slice_caseeq_str(coding, "gzip") || qf_slice_caseeq_str(coding, "x-gzip"))
			named = yes;
		else if (qf_slice_eq_str(coding, "*"))
			any = yes;
	}
	return named >= 0 ? named : any > 0;
}
