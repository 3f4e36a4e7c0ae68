/* An explained statement for a program: one object on one line. */
#include "explain.h"

#include <jansson.h>

#include "qf/str.h"

/* JSON is UTF-8: what is not becomes U+FFFD. */
static json_t *text(struct qf_slice s)
{
	struct qf_buf b;
	json_t *out;
	size_t bad;

	qf_buf_init(&b);
	while ((bad = qf_utf8_bad_at(s)) < s.n) {
		qf_buf_add(&b, s.p, bad);
		qf_buf_add_str(&b, "\xef\xbf\xbd");
		s = qf_slice(s.p + bad + 1, s.n - bad - 1);
	}
	qf_buf_add_slice(&b, s);
	out = json_stringn(qf_buf_cstr(&b), b.n);
	qf_buf_fini(&b);
	return out;
}

static json_t *text_or_null(const char *s)
{
	return s != NULL ? text(qf_slice_str(s)) : json_null();
}

static json_t *dialect(enum qf_dialect d)
{
	return d != QF_DIALECT_NONE ? json_string(qf_dialect_name(d)) : json_null();
}

static json_t *script(const struct qf_script_run *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "outcome", json_string(qf_script_outcome_name(s->outcome)));
	json_object_set_new(o, "error", text_or_null(s->text));
	json_object_set_new(o, "line", s->line > 0 ? json_integer(s->line) : json_null());
	json_object_set_new(o, "printed", text_or_null(s->printed));
	return o;
}

static json_t *trace(const struct qf_route_verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n_steps; i++) {
		const struct qf_route_step *s = &v->steps[i];
		json_t *step = json_object();

		json_object_set_new(step, "router", json_string(s->router));
		json_object_set_new(step, "index", json_integer((json_int_t)s->index));
		json_object_set_new(step, "matched", json_boolean(s->matched));
		json_object_set_new(step, "reason", text_or_null(s->reason));
		json_object_set_new(step, "micros", json_real((double)s->ns / 1000.0));
		if (s->script != NULL)
			json_object_set_new(step, "script", script(s->script));
		json_array_append_new(list, step);
	}
	return list;
}

static json_t *texts(const char *const *lines, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, text_or_null(lines[i]));
	return list;
}

static json_t *translation(const struct qf_explained *e, const struct qf_explain_member *m)
{
	const struct qf_translated *t = m->translated;
	json_t *o = json_object();

	json_object_set_new(o, "needed", json_boolean(m->needed));
	if (t == NULL)
		return o;
	json_object_set_new(o, "sql", text_or_null(t->sql));
	json_object_set_new(o, "refused", text_or_null(qf_explain_refusal(e, t)));
	json_object_set_new(o, "warnings", texts(t->warnings, t->n_warnings));
	json_object_set_new(o, "doubts", texts(t->doubts, t->n_doubts));
	return o;
}

static json_t *members(const struct qf_explained *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->n_members; i++) {
		const struct qf_conf_cluster *c = e->members[i].cluster;
		json_t *m = json_object();

		json_object_set_new(m, "cluster", json_string(c->name));
		json_object_set_new(m, "engine", json_string(qf_engine_kind_name(c->engine)));
		json_object_set_new(m, "dialect", dialect(e->members[i].dialect));
		json_object_set_new(m, "enabled", json_boolean(c->enabled));
		json_object_set_new(m, "built", json_boolean(qf_engine_kind_built(c->engine)));
		json_object_set_new(m, "translation", translation(e, &e->members[i]));
		json_array_append_new(list, m);
	}
	return list;
}

static void add_verdict(json_t *o, const struct qf_route_verdict *v)
{
	json_object_set_new(o, "group", v->group != NULL ? json_string(v->group->name) : json_null());
	json_object_set_new(o, "denied", json_boolean(v->denied));
	json_object_set_new(o, "fallback", json_boolean(v->fallback));
	json_object_set_new(o, "message", text_or_null(v->message));
	json_object_set_new(o, "router", json_string(v->router));
	json_object_set_new(o, "index", json_integer((json_int_t)v->index));
	json_object_set_new(o, "rule", json_integer((json_int_t)v->rule));
	json_object_set_new(o, "trace", trace(v));
}

void qf_explain_json(const struct qf_explained *e, FILE *out)
{
	static const char *const access[] = {
		[QF_ACCESS_READ] = "read",
		[QF_ACCESS_WRITE] = "write",
		[QF_ACCESS_UNKNOWN] = "unknown",
	};
	const struct qf_explain_member *target = e->n_members > 0 ? &e->members[e->target] : NULL;
	json_t *o = json_object();

	json_object_set_new(o, "statement", text(e->statement.text));
	json_object_set_new(o, "line", json_integer((json_int_t)e->statement.line));
	json_object_set_new(o, "protocol", json_string(qf_frontend_name(e->opts->frontend)));
	add_verdict(o, &e->verdict);
	json_object_set_new(o, "verb", json_string(qf_verb_name(e->facts.verb)));
	json_object_set_new(o, "access", json_string(access[e->facts.access]));
	json_object_set_new(o, "culprit", e->facts.culprit.n > 0 ? text(e->facts.culprit) : json_null());
	json_object_set_new(o, "sourceDialect", dialect(e->dialect));
	json_object_set_new(o, "targetDialect", target != NULL ? dialect(target->dialect) : json_null());
	json_object_set_new(o, "members", members(e));
	json_object_set_new(o, "translation", target != NULL ? translation(e, target) : json_null());
	json_dumpf(o, out, JSON_REAL_PRECISION(6));
	fputc('\n', out);
	json_decref(o);
}
