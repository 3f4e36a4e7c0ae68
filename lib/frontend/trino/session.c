/* X-Trino-* headers of a POST → session. See session.h. */
#include <string.h>
#include <strings.h>

#include "qf/proto/trino.h"
#include "qf/secret.h"
#include "qf/str.h"
#include "session.h"

enum { MAX_PAIRS = 1000, MAX_HEADERS = 1000 };

struct reading {
	struct tr_session *s;
	const struct qf_http_header *headers;
	size_t n;
	struct qf_err *err;
};

/* Go on another time around the ring, and into logs: none of it is theirs. */
static const char *const secret[] = { "authorization", "proxy-authorization", "cookie", "x-trino-extra-credential",
	"x-trino-prepared-statement", NULL };

static bool is_secret(struct qf_slice name)
{
	for (size_t i = 0; secret[i]; i++)
		if (qf_slice_caseeq_str(name, secret[i]))
			return true;
	return false;
}

static char *text(struct reading *r, struct qf_slice v)
{
	return qf_arena_strndup(r->s->arena, v.p, v.n);
}

static unsigned malformed(struct reading *r, const char *name)
{
	qf_err_set(r->err, QF_EMALFORMED, "Invalid %s header", name);
	return 400;
}

/* All lines of that name, with commas between them as RFC 9110 5.3 says. NULL: there is none, or it is empty. */
static char *joined(struct reading *r, const char *name)
{
	struct qf_buf all;
	char *ret = NULL;

	qf_buf_init(&all);
	for (size_t i = 0; i < r->n; i++) {
		if (!qf_slice_caseeq_str(r->headers[i].name, name) || r->headers[i].value.n == 0)
			continue;
		if (all.n > 0)
			qf_buf_add_str(&all, ",");
		qf_buf_add_slice(&all, r->headers[i].value);
	}
	if (all.n > 0)
		ret = text(r, qf_buf_slice(&all));
	qf_buf_fini(&all);
	return ret;
}

/* The first line of that name. NULL: there is none, or it is empty. */
static char *single(struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (qf_slice_caseeq_str(r->headers[i].name, name))
			return r->headers[i].value.n > 0 ? text(r, r->headers[i].value) : NULL;
	return NULL;
}

/* ---- headers and tags for the rules -------------------------------------------------------------------- */

static bool seen_before(const struct reading *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (r->headers[i].name.n == r->headers[at].name.n &&
			strncasecmp((const char *)r->headers[i].name.p, (const char *)r->headers[at].name.p,
				r->headers[at].name.n) == 0)
			return true;
	return false;
}

static void read_headers(struct reading *r)
{
	struct qf_conf_kv *kv = qf_arena_alloc(r->s->arena, (r->n + 1) * sizeof(*kv));
	size_t n = 0;

	for (size_t i = 0; i < r->n && n < MAX_PAIRS; i++) {
		struct qf_slice name = r->headers[i].name;

		if (is_secret(name) || !qf_utf8_valid(r->headers[i].value) || seen_before(r, i))
			continue;
		kv[n].key = text(r, name);
		kv[n].value = joined(r, kv[n].key);
		if (!kv[n].value)
			kv[n].value = "";
		n++;
	}
	r->s->facts.headers = kv;
	r->s->facts.n_headers = n;
}

static size_t count_items(const char *list)
{
	size_t n = 1;

	for (const char *p = list; p && *p; p++)
		n += *p == ',';
	return n;
}

static void add_tags(struct reading *r, const char *list, struct qf_conf_kv *kv, size_t *n)
{
	struct qf_slice rest = qf_slice_str(list), item, key, value;

	while (*n < MAX_PAIRS && qf_trino_list_next(&rest, &item)) {
		qf_trino_tag(item, &key, &value);
		kv[(*n)++] = (struct qf_conf_kv){ .key = text(r, key), .value = value.p ? text(r, value) : NULL };
	}
}

/* X-Trino-Client-Tags and the session property query_tags. */
static void read_tags(struct reading *r)
{
	const char *sent = joined(r, "X-Trino-Client-Tags");
	const char *set = tr_session_property(r->s, "query_tags");
	struct qf_conf_kv *kv = qf_arena_alloc(r->s->arena, (count_items(sent) + count_items(set)) * sizeof(*kv));
	size_t n = 0;

	add_tags(r, sent, kv, &n);
	add_tags(r, set, kv, &n);
	r->s->facts.tags = kv;
	r->s->facts.n_tags = n;
}

/* ---- properties and prepared statements ---------------------------------------------------------------- */

static bool read_pairs(struct reading *r, const char *name, struct qf_conf_kv **ret, size_t *ret_n)
{
	const char *list = joined(r, name);
	struct qf_slice rest = qf_slice_str(list), item;
	struct qf_buf key, value;
	bool ok = true;
	size_t n = 0;

	*ret = qf_arena_alloc(r->s->arena, count_items(list) * sizeof(**ret));
	qf_buf_init(&key);
	qf_buf_init(&value);
	while (ok && qf_trino_list_next(&rest, &item)) {
		qf_buf_clear(&key);
		qf_buf_clear(&value);
		ok = n < MAX_PAIRS && qf_trino_property(item, &key, &value) && qf_utf8_valid(qf_buf_slice(&key)) &&
		     qf_utf8_valid(qf_buf_slice(&value));
		if (ok)
			(*ret)[n++] = (struct qf_conf_kv){ .key = text(r, qf_buf_slice(&key)),
				.value = text(r, qf_buf_slice(&value)) };
	}
	qf_buf_fini(&key);
	qf_buf_fini(&value);
	*ret_n = n;
	return ok;
}

const char *tr_session_property(const struct tr_session *s, const char *name)
{
	for (size_t i = s->n_properties; i > 0; i--) /* the last of that name, as a map keeps it */
		if (strcasecmp(s->properties[i - 1].key, name) == 0)
			return s->properties[i - 1].value;
	return NULL;
}

static unsigned check_properties(struct reading *r)
{
	for (size_t i = 0; i < r->s->n_properties; i++) {
		const struct qf_conf_kv *p = &r->s->properties[i];
		const struct tr_setting *st = tr_setting_find(p->key);
		bool counts = p->value == tr_session_property(r->s, p->key); /* the last of that name */

		if (counts && st && st->check && st->check(p->value, r->err) < 0) {
			qf_err_prefix(r->err, "Invalid X-Trino-Session header: %s", st->name);
			return 400;
		}
	}
	return 0;
}

static void read_limit(struct tr_session *s)
{
	static const char *const names[] = { "query_max_run_time", "query_max_execution_time" };

	for (size_t i = 0; i < 2; i++) {
		const char *value = tr_session_property(s, names[i]);
		uint64_t ns;

		if (value && qf_trino_duration(qf_slice_str(value), &ns) && (s->limit_ns == 0 || ns < s->limit_ns))
			s->limit_ns = ns > 0 ? ns : 1;
	}
}

/* ---- who and where --------------------------------------------------------------------------------------- */

static unsigned unauthorized(struct reading *r, const char *why)
{
	qf_err_set(r->err, QF_EREFUSED, "%s", why);
	return 401;
}

/*
 * As Trino's insecure authenticator: who the client says. A password is refused, so that nobody takes it for
 * checked.
 */
static unsigned read_user(struct reading *r, const struct qf_http_request *rq)
{
	struct qf_slice authorization = qf_http_header(rq, "Authorization");
	struct qf_buf user = { 0 }, password = { 0 };

	r->s->facts.user = single(r, "X-Trino-User");
	if (authorization.p) {
		bool ok = qf_trino_basic(authorization, &user, &password) && qf_utf8_valid(qf_buf_slice(&user));
		bool has_password = password.n > 0;

		if (ok && !r->s->facts.user)
			r->s->facts.user = text(r, qf_buf_slice(&user));
		qf_buf_fini(&user);
		qf_secret_wipe(&password);
		if (!ok)
			return unauthorized(r, "Only Basic authentication without a password is understood");
		if (has_password)
			return unauthorized(r, "Password not allowed for insecure authentication");
	}
	if (!r->s->facts.user)
		return unauthorized(r, "Basic authentication or X-Trino-User must be sent");
	return qf_utf8_valid(qf_slice_str(r->s->facts.user)) ? 0 : malformed(r, "X-Trino-User");
}

static unsigned read_names(struct reading *r)
{
	struct qf_session_facts *f = &r->s->facts;

	f->database = single(r, "X-Trino-Catalog");
	f->schema = single(r, "X-Trino-Schema");
	if (!qf_utf8_valid(qf_slice_str(f->database)))
		return malformed(r, "X-Trino-Catalog");
	if (!qf_utf8_valid(qf_slice_str(f->schema)))
		return malformed(r, "X-Trino-Schema");
	if (f->schema && !f->database) {
		qf_err_set(r->err, QF_EMALFORMED, "Schema is set but catalog is not");
		return 400;
	}
	return 0;
}

static unsigned read_time_zone(struct reading *r)
{
	const char *sent = single(r, "X-Trino-Time-Zone");
	const char *set = tr_session_property(r->s, "time_zone_id");
	struct qf_buf name;
	int rc;

	if (set)
		sent = set;
	if (!sent)
		return 0;
	qf_buf_init(&name);
	rc = qf_trino_time_zone(qf_slice_str(sent), &name, r->err);
	if (rc == 0)
		r->s->facts.time_zone = text(r, qf_buf_slice(&name));
	qf_buf_fini(&name);
	if (rc == 0)
		rc = qf_tz_open(&r->s->tz, r->s->facts.time_zone, r->err);
	return rc < 0 ? 400 : 0;
}

static unsigned read_dialect(struct reading *r)
{
	const char *name = single(r, "X-QueryFlux-Dialect");
	const char *set = tr_session_property(r->s, "queryflux.dialect");

	r->s->facts.dialect = QF_DIALECT_TRINO;
	if (set)
		name = set;
	if (!name)
		return 0;
	r->s->facts.dialect = qf_dialect_find(qf_slice_str(name));
	if (r->s->facts.dialect != QF_DIALECT_NONE)
		return 0;
	qf_err_set(r->err, QF_EMALFORMED, "X-QueryFlux-Dialect: \"%.60s\" is not a dialect", name);
	return 400;
}

static void read_rest(struct reading *r)
{
	const char *transaction = single(r, "X-Trino-Transaction-Id");
	struct qf_slice capabilities = qf_slice_str(joined(r, "X-Trino-Client-Capabilities")), one;

	r->s->may_begin = transaction != NULL;
	if (transaction && strcasecmp(transaction, "NONE") != 0)
		r->s->transaction = transaction;
	while (qf_trino_list_next(&capabilities, &one))
		if (qf_slice_caseeq_str(one, "PARAMETRIC_DATETIME"))
			r->s->style.parametric_datetime = true;
	r->s->style.tz = r->s->tz;
}

/* ---- life ---- */

static unsigned read_all(struct reading *r, const struct qf_http_request *rq, const char *user)
{
	unsigned status = 0;

	if (user)
		r->s->facts.user = qf_arena_strdup(r->s->arena, user);
	else
		status = read_user(r, rq);
	if (!status)
		status = read_names(r);
	if (!status && !read_pairs(r, "X-Trino-Session", &r->s->properties, &r->s->n_properties))
		status = malformed(r, "X-Trino-Session");
	if (!status && !read_pairs(r, "X-Trino-Prepared-Statement", &r->s->prepared, &r->s->n_prepared))
		status = malformed(r, "X-Trino-Prepared-Statement");
	if (!status)
		status = check_properties(r);
	if (!status)
		status = read_time_zone(r);
	if (!status)
		status = read_dialect(r);
	return status;
}

unsigned tr_session_init(struct tr_session *s, const struct qf_http_request *rq, uint64_t id, const char *user,
			 struct qf_err *reterr)
{
	struct reading r = { .s = s, .err = reterr };
	unsigned status;

	*s = (struct tr_session){ .arena = qf_arena_new(0) };
	r.headers = qf_http_headers(rq, &r.n);
	s->facts.frontend = QF_FE_TRINO;
	s->facts.id = id;
	s->facts.client = qf_arena_strdup(s->arena, qf_http_client(rq));
	status = r.n > MAX_HEADERS ? 400 : read_all(&r, rq, user);
	if (status) {
		if (r.n > MAX_HEADERS)
			qf_err_set(reterr, QF_ELIMIT, "more than %d headers", MAX_HEADERS);
		tr_session_fini(s);
		return status;
	}
	read_headers(&r);
	read_tags(&r);
	read_limit(s);
	read_rest(&r);
	return 0;
}

void tr_session_fini(struct tr_session *s)
{
	s->tz = qf_tz_free(s->tz);
	s->arena = qf_arena_free(s->arena);
}

size_t tr_session_bytes(const struct tr_session *s)
{
	return qf_arena_used(s->arena);
}
