/* Paths of the protocol, and the front of the links that are written into pages. See qf/proto/trino.h. */
#include <string.h>

#include "qf/proto/trino.h"

enum { MAX_HOST = 255 };

static bool all_of(struct qf_slice s, const char *extra)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
			(s.p[i] == 0 || !strchr(extra, s.p[i])))
			return false;
	return true;
}

bool qf_trino_id_valid(struct qf_slice id)
{
	return id.n > 0 && id.n < QF_TRINO_ID && all_of(id, "_");
}

static bool is_number(struct qf_slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

/* Up to the next '/', which is used up. */
static struct qf_slice segment(struct qf_slice *rest)
{
	const uint8_t *slash = rest->n ? memchr(rest->p, '/', rest->n) : NULL;
	struct qf_slice s = *rest;

	if (slash)
		s.n = (size_t)(slash - rest->p);
	*rest = slash ? qf_slice(slash + 1, rest->n - s.n - 1) : QF_SLICE_NONE;
	return s;
}

static bool begins(struct qf_slice s, const char *with, struct qf_slice *ret_rest)
{
	size_t n = strlen(with);

	if (s.n < n || memcmp(s.p, with, n) != 0)
		return false;
	*ret_rest = qf_slice(s.p + n, s.n - n);
	return true;
}

struct qf_trino_path qf_trino_path(struct qf_slice path)
{
	struct qf_trino_path none = { .route = QF_TRINO_ROUTE_NONE }, page = { .route = QF_TRINO_ROUTE_PAGE };
	struct qf_slice rest;

	if (qf_slice_eq_str(path, "/v1/statement"))
		return (struct qf_trino_path){ .route = QF_TRINO_ROUTE_STATEMENT };
	if (qf_slice_eq_str(path, "/v1/info"))
		return (struct qf_trino_path){ .route = QF_TRINO_ROUTE_INFO };
	if (qf_slice_eq_str(path, "/ui/query.html"))
		return (struct qf_trino_path){ .route = QF_TRINO_ROUTE_UI };
	if (!begins(path, "/v1/statement/qf/queued/", &rest) && !begins(path, "/v1/statement/qf/executing/", &rest))
		return none;
	page.id = segment(&rest);
	page.slug = segment(&rest);
	if (!qf_trino_id_valid(page.id) || page.slug.n != QF_TRINO_SLUG - 1 || !all_of(page.slug, ""))
		return none;
	return is_number(rest, &page.token) ? page : none;
}

/* ---- links ----------------------------------------------------------------------------------------- */

/* A name, an IPv4 address or an IPv6 one in brackets; :port may follow. */
static bool is_host(struct qf_slice s)
{
	size_t brackets = 0, colons = 0;
	uint64_t port;

	if (s.n == 0 || s.n > MAX_HOST)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			!memchr(".-_:[]", c, 6))
			return false;
		brackets += c == '[' || c == ']';
		colons += c == ':';
	}
	if (brackets == 0 && colons == 0)
		return true;
	const uint8_t *end = brackets ? memchr(s.p, ']', s.n) : memchr(s.p, ':', s.n);

	if (brackets && (brackets != 2 || s.p[0] != '[' || !end || end == s.p + 1))
		return false;
	if (!brackets && (colons != 1 || end == s.p))
		return false;
	size_t at = (size_t)(end - s.p) + (brackets ? 1 : 0);

	if (at == s.n)
		return true;
	return s.p[at] == ':' && is_number(qf_slice(s.p + at + 1, s.n - at - 1), &port) && port > 0 && port < 65536;
}

static bool has_port(struct qf_slice host)
{
	const uint8_t *bracket = memchr(host.p, ']', host.n);
	const uint8_t *from = bracket ? bracket : host.p;

	return memchr(from, ':', host.n - (size_t)(from - host.p)) != NULL;
}

static struct qf_slice first_of(struct qf_slice list)
{
	struct qf_slice first = QF_SLICE_NONE;

	qf_trino_list_next(&list, &first);
	return first;
}

void qf_trino_base(struct qf_buf *out, const char *external, struct qf_slice proto, struct qf_slice forwarded_host,
		   struct qf_slice forwarded_port, struct qf_slice host, const char *fallback)
{
	struct qf_slice scheme = first_of(proto), name = first_of(forwarded_host), port = first_of(forwarded_port);
	bool https = qf_slice_caseeq_str(scheme, "https");
	uint64_t number = 0;

	if (external) {
		size_t n = strlen(external);

		while (n > 0 && external[n - 1] == '/')
			n--;
		qf_buf_add(out, external, n);
		return;
	}
	if (!is_host(name))
		name = is_host(host) ? host : qf_slice_str(fallback);
	qf_buf_add_str(out, https ? "https://" : "http://");
	qf_buf_add_slice(out, name);
	if (is_number(port, &number) && number > 0 && number < 65536 && number != (https ? 443u : 80u) && !has_port(name))
		qf_buf_printf(out, ":%u", (unsigned)number);
}
