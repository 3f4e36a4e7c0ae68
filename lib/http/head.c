/* See head.h. */
#include <string.h>

#include "head.h"

static unsigned refuse(const char **ret_why, unsigned status, const char *why)
{
	*ret_why = why;
	return status;
}

/* ---- texts ---- */

struct qf_slice http_trim(struct qf_slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static struct qf_slice cut(struct qf_slice *s, char at)
{
	const uint8_t *p = s->n ? memchr(s->p, at, s->n) : NULL;
	size_t n = p ? (size_t)(p - s->p) : s->n;
	struct qf_slice first = qf_slice(s->p, n);

	*s = qf_slice(s->p + n, s->n - n);
	return first;
}

static void skip(struct qf_slice *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

bool http_list_next(struct qf_slice *list, struct qf_slice *ret_element)
{
	while (list->n > 0) {
		*ret_element = http_trim(cut(list, ','));
		if (list->n > 0)
			skip(list, 1);
		if (ret_element->n > 0)
			return true;
	}
	return false;
}

/* ---- request line ---- */

unsigned http_head_request_line(struct qf_slice line, const char **ret_why)
{
	struct qf_slice rest = line, method = cut(&rest, ' '), target;

	if (!http_is_token(method) || rest.n == 0)
		return refuse(ret_why, 400, "the request line does not begin with a method");
	skip(&rest, 1);
	target = cut(&rest, ' ');
	if (target.n == 0)
		return refuse(ret_why, 400, "the request line has no target");
	if (rest.n == 0)
		return refuse(ret_why, 400, "the request line has no version: HTTP/0.9 is not served");
	skip(&rest, 1);
	if (rest.n != 8 || memcmp(rest.p, "HTTP/", 5) != 0 || rest.p[5] < '0' || rest.p[5] > '9' || rest.p[6] != '.' ||
		rest.p[7] < '0' || rest.p[7] > '9')
		return refuse(ret_why, 400, "the request line is not METHOD TARGET HTTP/1.1");
	if (rest.p[5] != '1' || rest.p[7] > '1')
		return refuse(ret_why, 505, "HTTP/1.0 and HTTP/1.1 are served");
	return 0;
}

/* ---- target and Host ---- */

/* uri-host [ ":" port ] [RFC 3986, 3.2]. Strict in what separates, lenient in the bytes of a name. */
static bool host_ok(struct qf_slice host)
{
	size_t i = 0;

	if (host.n > 0 && host.p[0] == '[') {
		while (i < host.n && host.p[i] != ']')
			if (!strchr("[0123456789abcdefABCDEFvV.:-_~%", host.p[i++]))
				return false;
		if (i == host.n)
			return false;
		i++;
	} else {
		while (i < host.n && host.p[i] != ':') {
			uint8_t b = host.p[i++];

			if (b <= 0x20 || b >= 0x7f || strchr("\"#/<>?@[\\]^`{|},", b))
				return false;
		}
	}
	if (i == host.n)
		return true;
	if (host.p[i++] != ':')
		return false;
	for (; i < host.n; i++)
		if (host.p[i] < '0' || host.p[i] > '9')
			return false;
	return true;
}

static size_t scheme_bytes(struct qf_slice target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (target.n >= n && qf_slice_caseeq_str(qf_slice(target.p, n), schemes[i]))
			return n;
	}
	return 0;
}

/* absolute-form [RFC 9112, 3.2.2]: its authority counts and not Host's; nobody here asks for either. */
static unsigned absolute_target(struct http_codec *c, struct qf_slice rest, const char **ret_why)
{
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	if (n == 0 || !host_ok(qf_slice(rest.p, n)))
		return refuse(ret_why, 400, "the target names no host");
	skip(&rest, n);
	if (rest.n > 0 && rest.p[0] == '/')
		c->path = cut(&rest, '?');
	else
		c->path = qf_slice_str(rest.n == 0 && c->method == QF_HTTP_OPTIONS ? "*" : "/");
	c->query = rest;
	return 0;
}

static unsigned check_target(struct http_codec *c, const char **ret_why)
{
	struct qf_slice rest = c->target;
	size_t scheme = scheme_bytes(rest);

	c->query = QF_SLICE_NONE;
	if (rest.n > 0 && memchr(rest.p, '#', rest.n))
		return refuse(ret_why, 400, "the target has a fragment");
	if (scheme > 0) {
		skip(&rest, scheme);
		unsigned status = absolute_target(c, rest, ret_why);

		if (status)
			return status;
	} else if (rest.n > 0 && rest.p[0] == '/') {
		c->path = cut(&rest, '?');
		c->query = rest;
	} else if (qf_slice_eq_str(rest, "*") && c->method == QF_HTTP_OPTIONS) {
		c->path = rest;
	} else {
		return refuse(ret_why, 400, "the target is neither a path nor an http URI");
	}
	if (c->query.n > 0)
		skip(&c->query, 1);
	return 0;
}

/* Of headers that may stand once. */
static size_t count(const struct http_codec *c, const char *name, struct qf_slice *ret_value)
{
	size_t n = 0;

	*ret_value = QF_SLICE_NONE;
	for (size_t i = 0; i < c->n_headers; i++) {
		if (!qf_slice_caseeq_str(c->headers[i].name, name))
			continue;
		*ret_value = c->headers[i].value;
		n++;
	}
	return n;
}

static unsigned check_host(const struct http_codec *c, const char **ret_why)
{
	struct qf_slice host;
	size_t n = count(c, "host", &host);

	if (n > 1)
		return refuse(ret_why, 400, "more than one Host");
	if (n == 0)
		return c->minor == 0 ? 0 : refuse(ret_why, 400, "no Host");
	return host_ok(host) ? 0 : refuse(ret_why, 400, "Host is not a host");
}

/* ---- framing ---- */

static bool all_digits(struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* llhttp refuses some of it before; what makes two requests of one is not left to one reader. */
static unsigned check_framing(struct http_codec *c, const char **ret_why)
{
	struct qf_slice length, coding;
	size_t lengths = count(c, "content-length", &length), codings = count(c, "transfer-encoding", &coding);

	if (lengths > 0 && codings > 0)
		return refuse(ret_why, 400, "Content-Length beside Transfer-Encoding");
	if (lengths > 1)
		return refuse(ret_why, 400, "more than one Content-Length");
	if (codings > 1 || (codings == 1 && !qf_slice_caseeq_str(coding, "chunked")))
		return refuse(ret_why, 400, "a Transfer-Encoding other than chunked");
	if (codings == 1 && c->minor == 0)
		return refuse(ret_why, 400, "Transfer-Encoding in HTTP/1.0");
	if (lengths == 1 && !all_digits(length))
		return refuse(ret_why, 400, "Content-Length is not a number");
	if (lengths == 1 && c->parser.content_length > c->max_body)
		return refuse(ret_why, 413, "the body is larger than the limit");
	if (lengths == 0 && c->minor == 0 && (c->method == QF_HTTP_POST || c->method == QF_HTTP_PUT))
		return refuse(ret_why, 411, "no Content-Length");
	return 0;
}

static void read_connection(struct http_codec *c)
{
	bool close = false, keep = false;

	for (size_t i = 0; i < c->n_headers; i++) {
		struct qf_slice list = c->headers[i].value, option;

		if (!qf_slice_caseeq_str(c->headers[i].name, "connection"))
			continue;
		while (http_list_next(&list, &option)) {
			close |= qf_slice_caseeq_str(option, "close");
			keep |= qf_slice_caseeq_str(option, "keep-alive");
		}
	}
	c->keep_alive = !close && (keep || c->minor > 0);
}

/* RFC 9110, 10.1.1: of HTTP/1.0 it is ignored. */
static unsigned check_expect(struct http_codec *c, const char **ret_why)
{
	c->expects = false;
	for (size_t i = 0; i < c->n_headers && c->minor > 0; i++) {
		if (!qf_slice_caseeq_str(c->headers[i].name, "expect"))
			continue;
		if (!qf_slice_caseeq_str(c->headers[i].value, "100-continue"))
			return refuse(ret_why, 417, "an expectation other than 100-continue");
		c->expects = true;
	}
	return 0;
}

unsigned http_head_check(struct http_codec *c, const char **ret_why)
{
	unsigned status;

	read_connection(c);
	if (c->parser.method == HTTP_CONNECT)
		return refuse(ret_why, 400, "CONNECT is not served");
	if ((status = check_target(c, ret_why)) || (status = check_host(c, ret_why)) ||
		(status = check_framing(c, ret_why)))
		return status;
	return check_expect(c, ret_why);
}
