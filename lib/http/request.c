/* What a request says, and the two codings of its query: see qf/http.h. */
#include <string.h>

#include "conn.h"

enum qf_http_method qf_http_method(const struct qf_http_request *rq)
{
	return http_conn_of(rq)->codec.method;
}

struct qf_slice qf_http_path(const struct qf_http_request *rq)
{
	return http_conn_of(rq)->codec.path;
}

struct qf_slice qf_http_query(const struct qf_http_request *rq)
{
	return http_conn_of(rq)->codec.query;
}

struct qf_slice qf_http_body(const struct qf_http_request *rq)
{
	return qf_buf_slice(&http_conn_of(rq)->codec.body);
}

struct qf_slice qf_http_header(const struct qf_http_request *rq, const char *name)
{
	return http_codec_header(&http_conn_of(rq)->codec, name);
}

const struct qf_http_header *qf_http_headers(const struct qf_http_request *rq, size_t *ret_n)
{
	const struct http_codec *codec = &http_conn_of(rq)->codec;

	*ret_n = codec->n_headers;
	return codec->headers;
}

const char *qf_http_client(const struct qf_http_request *rq)
{
	return http_conn_of(rq)->client;
}

bool qf_http_is_tls(const struct qf_http_request *rq)
{
	return http_conn_of(rq)->tls;
}

const char *qf_http_peer_name(const struct qf_http_request *rq)
{
	const struct qf_tls *tls = http_conn_of(rq)->tls;

	return tls ? qf_tls_peer_name(tls) : NULL;
}

void qf_http_set_user(struct qf_http_request *rq, void *user)
{
	rq->user = user;
}

void *qf_http_user(const struct qf_http_request *rq)
{
	return rq->user;
}

bool qf_http_query_next(struct qf_slice query, size_t *pos, struct qf_slice *ret_name, struct qf_slice *ret_value)
{
	while (*pos < query.n) {
		const uint8_t *p = query.p + *pos, *and = memchr(p, '&', query.n - *pos);
		size_t n = and ? (size_t)(and - p) : query.n - *pos;
		const uint8_t *equals = memchr(p, '=', n);
		size_t name = equals ? (size_t)(equals - p) : n;

		*pos += n + (and ? 1 : 0);
		if (n == 0)
			continue;
		*ret_name = qf_slice(p, name);
		*ret_value = equals ? qf_slice(equals + 1, n - name - 1) : qf_slice(p + n, 0);
		return true;
	}
	return false;
}

static int hex_digit(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

bool qf_http_percent(struct qf_slice in, bool plus_is_space, struct qf_buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		uint8_t b = in.p[i];

		if (b == '%') {
			int high = in.n - i > 2 ? hex_digit(in.p[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(in.p[i + 2]) : -1;

			if (low < 0)
				return false;
			b = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (b == '+' && plus_is_space) {
			b = ' ';
		}
		qf_buf_u8(out, b);
	}
	return true;
}
