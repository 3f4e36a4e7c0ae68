/*
 * What a Trino client sends: the first line is a path, header lines follow, behind an empty line the statement.
 * What is decoded must encode to something that decodes to the same; JSON strings must be UTF-8; the rest must not
 * break anything.
 */
#include <stdlib.h>

#include "../unit/trino_request.h"
#include "qf/str.h"

static struct qf_slice line(struct qf_slice *rest)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct qf_slice l = qf_slice(rest->p, end ? (size_t)(end - rest->p) : rest->n);

	*rest = end ? qf_slice(end + 1, rest->n - l.n - 1) : QF_SLICE_NONE;
	return l;
}

static void values(struct qf_slice v)
{
	struct qf_buf a = { 0 }, b = { 0 }, c = { 0 };
	uint64_t ns;

	if (qf_trino_decode(v, &a)) {
		qf_trino_encode(qf_buf_slice(&a), &b);
		if (!qf_trino_decode(qf_buf_slice(&b), &c) || !qf_slice_eq(qf_buf_slice(&a), qf_buf_slice(&c)))
			abort();
	}
	qf_buf_clear(&a);
	if (qf_trino_time_zone(v, &a, NULL) == 0 && (a.n == 0 || a.n > 64))
		abort();
	if (qf_trino_duration(v, &ns) && ns > 1000ull * 86400 * 1000000000)
		abort();
	qf_buf_clear(&a);
	qf_trino_put_string(&a, v);
	qf_trino_base(&a, NULL, v, v, v, v, "localhost");
	if (!qf_utf8_valid(qf_buf_slice(&a)))
		abort();
	qf_buf_fini(&a);
	qf_buf_fini(&b);
	qf_buf_fini(&c);
}

static void execute(const struct tr_session *s, struct qf_slice sql)
{
	struct tr_refusal why;
	struct qf_buf out = { 0 };

	if (tr_is_execute(sql, s->facts.dialect) && !tr_execute(s, sql, &out, &why) && why.text[0] == 0)
		abort();
	qf_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct qf_http_request rq;
	struct qf_slice rest = qf_slice(data, size), l;
	struct qf_err err = { 0 };
	struct tr_session s;
	const uint8_t *from;

	l = line(&rest);
	struct qf_trino_path path = qf_trino_path(l);

	if (path.route == QF_TRINO_ROUTE_PAGE && (path.slug.n != QF_TRINO_SLUG - 1 || !qf_trino_id_valid(path.id)))
		abort();
	values(l);
	from = rest.p;
	while (rest.n > 0 && (l = line(&rest)).n > 0)
		values(l);
	trino_request(&rq, qf_slice(from, rest.n ? (size_t)(rest.p - from) : from ? (size_t)(data + size - from) : 0));
	if (tr_session_init(&s, &rq, 1, NULL, &err) == 0) {
		execute(&s, rest);
		tr_session_fini(&s);
	} else if (!err.text[0]) {
		abort();
	}
	return 0;
}
