/*
 * The client's side of Trino's HTTP protocol, as much as tests/bench/client speaks: a statement is a POST and then a GET
 * of each nextUri until an answer has none. Answers have a Content-Length, since no compression is asked for.
 */
#ifndef QF_BENCH_HTTP_H
#define QF_BENCH_HTTP_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qf/buf.h"

/* header: one more line, or NULL. */
static void http_post(struct qf_buf *out, unsigned port, const char *header, const char *sql)
{
	qf_buf_printf(out, "POST /v1/statement HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-Trino-User: bench\r\n%s%s"
			   "Content-Length: %zu\r\n\r\n%s", port, header ? header : "", header ? "\r\n" : "", strlen(sql), sql);
}

/* Bytes of the head, with the empty line behind it; 0 while it is not whole. */
static size_t http_head(const struct qf_buf *in)
{
	const uint8_t *end = memmem(in->p, in->n, "\r\n\r\n", 4);

	return end ? (size_t)(end - in->p) + 4 : 0;
}

/* The answer has arrived. */
static bool http_whole(struct qf_buf *in)
{
	const char *length = qf_buf_cstr(in);
	size_t head = http_head(in);

	if (head == 0)
		return false;
	length = strcasestr(length, "\r\ncontent-length:");
	return length && in->n >= head + strtoul(length + 17, NULL, 10);
}

/* An answer of the kind that a statement has: 200, and no error in it. */
static bool http_good(struct qf_buf *in)
{
	return strncmp(qf_buf_cstr(in), "HTTP/1.1 200 ", 13) == 0 && !strstr(qf_buf_cstr(in), "\"error\":{");
}

/* The request for the page behind this one; false when this is the last. */
static bool http_get_next(struct qf_buf *in, struct qf_buf *out, unsigned port)
{
	static const char key[] = "\"nextUri\":\"http://";
	const char *uri = memmem(in->p, in->n, key, sizeof(key) - 1), *path, *end;

	if (!uri)
		return false;
	path = strchr(uri + sizeof(key) - 1, '/');
	end = path ? strchr(path, '"') : NULL;
	if (!end)
		return false;
	qf_buf_printf(out, "GET %.*s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-Trino-User: bench\r\n\r\n", (int)(end - path), path,
		      port);
	return true;
}

#endif
