/* A request that is nothing but header lines, for what reads sessions: "Name: value", one a line. */
#ifndef QF_TESTS_TRINO_REQUEST_H
#define QF_TESTS_TRINO_REQUEST_H

#include <string.h>

#include "../../lib/frontend/trino/execute.h"
#include "../../lib/frontend/trino/session.h"

enum { REQUEST_HEADERS = 2000 };

struct qf_http_request {
	struct qf_http_header headers[REQUEST_HEADERS];
	size_t n;
};

static inline struct qf_slice request_trim(struct qf_slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = qf_slice(s.p + 1, s.n - 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static inline void trino_request(struct qf_http_request *rq, struct qf_slice lines)
{
	rq->n = 0;
	while (lines.n > 0 && rq->n < REQUEST_HEADERS) {
		const uint8_t *end = memchr(lines.p, '\n', lines.n);
		size_t n = end ? (size_t)(end - lines.p) : lines.n;
		const uint8_t *colon = memchr(lines.p, ':', n);

		if (colon) {
			size_t at = (size_t)(colon - lines.p);

			rq->headers[rq->n++] = (struct qf_http_header){ .name = qf_slice(lines.p, at),
				.value = request_trim(qf_slice(colon + 1, n - at - 1)) };
		}
		lines = qf_slice(lines.p + n + (end != NULL), lines.n - n - (end != NULL));
	}
}

const struct qf_http_header *qf_http_headers(const struct qf_http_request *rq, size_t *ret_n)
{
	*ret_n = rq->n;
	return rq->headers;
}

struct qf_slice qf_http_header(const struct qf_http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n; i++)
		if (qf_slice_caseeq_str(rq->headers[i].name, name))
			return rq->headers[i].value;
	return QF_SLICE_NONE;
}

const char *qf_http_client(const struct qf_http_request *rq)
{
	(void)rq;
	return "127.0.0.1:1";
}

#endif
