/* What each type of router asks. */
#include "routers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "qf/str.h"

enum { SHOWN = 80 }; /* bytes of a value that a reason shows */

static void say(struct qf_match *m, const char *fmt, ...) qf_printf(2, 3);

static void say(struct qf_match *m, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (m->why == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	qf_buf_add_str(m->why, text);
}

static void say_quoted(struct qf_match *m, struct qf_slice s)
{
	if (m->why != NULL)
		qf_quote_log(m->why, s, SHOWN);
}

static void say_text(struct qf_match *m, const char *s)
{
	say_quoted(m, qf_slice_str(s));
}

/* A rule matched: true when its group can be had. */
static bool take(struct qf_match *m, const struct qf_conf_group *g, size_t rule)
{
	if (m->in->pinned != NULL && g != m->in->pinned) {
		say(m, ", but the transaction stays in group %s", m->in->pinned->name);
		return false;
	}
	if (m->in->pinned == NULL && !g->enabled) {
		say(m, ", but group %s is disabled", g->name);
		return false;
	}
	say(m, " → group %s", g->name);
	m->outcome = QF_ROUTE_TAKE;
	m->group = g;
	m->rule = rule;
	return true;
}

/* ---- by protocol, header, user ------------------------------------------------------------------- */

static void ask_protocol(struct qf_router *r, struct qf_match *m)
{
	const struct qf_conf_group *g = r->conf->by_protocol[m->in->frontend];
	const char *sep = "";

	if (g != NULL) {
		say(m, "the protocol is %s", qf_frontend_name(m->in->frontend));
		take(m, g, 0);
		return;
	}
	say(m, "no group for %s (there is one for ", qf_frontend_name(m->in->frontend));
	for (int i = 0; i < QF_FE_N; i++)
		if (r->conf->by_protocol[i] != NULL) {
			say(m, "%s%s", sep, qf_frontend_name((enum qf_frontend)i));
			sep = ", ";
		}
	say(m, *sep != '\0' ? ")" : "none that is built)");
}

static const struct qf_conf_target *find_target(const struct qf_conf_router *r, const char *value)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if (strcmp(r->targets[i].value, value) == 0)
			return &r->targets[i];
	return NULL;
}

static void say_targets(struct qf_match *m, const struct qf_conf_router *r)
{
	for (size_t i = 0; m->why != NULL && i < r->n_targets; i++) {
		if (i == 8) {
			say(m, ", …");
			return;
		}
		say(m, "%s", i > 0 ? ", " : "");
		say_text(m, r->targets[i].value);
	}
}

static void ask_header(struct qf_router *r, struct qf_match *m)
{
	const struct qf_conf_target *t;
	bool sent = false;

	for (size_t i = 0; i < m->in->n_headers; i++) {
		const struct qf_conf_kv *h = &m->in->headers[i];

		if (h->value == NULL || strcasecmp(h->key, r->conf->header_name) != 0)
			continue;
		t = find_target(r->conf, h->value);
		say(m, "%sheader %s is ", sent ? "; " : "", r->conf->header_name);
		say_text(m, h->value);
		sent = true;
		if (t != NULL && take(m, t->group, 0))
			return;
		if (t == NULL) {
			say(m, ", which is none of ");
			say_targets(m, r->conf);
		}
	}
	if (!sent)
		say(m, "header %s is not sent", r->conf->header_name);
}

static void ask_user(struct qf_router *r, struct qf_match *m)
{
	const struct qf_conf_target *t;

	if (m->in->user == NULL) {
		say(m, "no user is given");
		return;
	}
	t = find_target(r->conf, m->in->user);
	say(m, "user ");
	say_text(m, m->in->user);
	if (t != NULL) {
		take(m, t->group, 0);
		return;
	}
	say(m, " is none of ");
	say_targets(m, r->conf);
}

/* ---- by text ------------------------------------------------------------------------------------- */

static void say_span(struct qf_match *m, const char *pattern, struct qf_slice span)
{
	struct qf_slice whole = m->in->whole.n > 0 ? m->in->whole : m->in->sql;
	unsigned line, column;

	if (m->why == NULL)
		return;
	qf_text_place(whole, (size_t)(span.p - whole.p), &line, &column);
	say(m, "pattern ");
	say_text(m, pattern);
	say(m, " matches ");
	say_quoted(m, span);
	say(m, " at %u:%u", line, column);
}

static enum qf_regex_result match_text(struct qf_match *m, struct qf_regex *re, struct qf_slice *span, const char **why)
{
	if (!m->utf8_known) {
		m->utf8 = qf_utf8_valid(m->in->sql);
		m->utf8_known = true;
	}
	if (m->utf8)
		return qf_regex_match(re, m->in->sql, span, why);
	*why = "the statement is not valid UTF-8";
	return QF_REGEX_GAVE_UP;
}

static void deny_unjudged(struct qf_router *r, struct qf_match *m, size_t rule, const char *why)
{
	m->outcome = QF_ROUTE_DENY;
	m->rule = rule;
	m->message = qf_arena_printf(m->arena,
		"this statement could not be checked against a rule that denies (router %zu, rule %zu): %s; send a "
		"shorter statement, or ask the operator to simplify the pattern",
		r->index, rule, why);
	say(m, "rule %zu denies but its pattern could not be matched: %s; so the statement is refused", rule, why);
}

static bool ask_regex_rule(struct qf_router *r, struct qf_match *m, size_t i)
{
	const struct qf_conf_regex_rule *rule = &r->conf->regexes[i];
	struct qf_slice span = QF_SLICE_NONE;
	const char *why = NULL;

	switch (match_text(m, r->regex[i], &span, &why)) {
	case QF_REGEX_NO:
		return false;
	case QF_REGEX_GAVE_UP:
		if (rule->deny) {
			deny_unjudged(r, m, i + 1, why);
			return true;
		}
		say(m, "rule %zu could not be matched: %s; ", i + 1, why);
		return false;
	case QF_REGEX_YES:
		break;
	}
	say(m, "rule %zu: ", i + 1);
	say_span(m, rule->pattern, span);
	if (!rule->deny) {
		if (take(m, rule->group, i + 1))
			return true;
		say(m, "; ");
		return false;
	}
	m->outcome = QF_ROUTE_DENY;
	m->rule = i + 1;
	m->message = rule->message;
	say(m, " → denied: %s", rule->message);
	return true;
}

static void ask_regex(struct qf_router *r, struct qf_match *m)
{
	size_t n = r->conf->n_regexes;

	for (size_t i = 0; i < n; i++)
		if (ask_regex_rule(r, m, i))
			return;
	say(m, m->why != NULL && m->why->n > 0 ? "no other pattern matches" : "no pattern matches");
	if (n == 1) {
		say(m, ": ");
		say_text(m, r->conf->regexes[0].pattern);
	} else {
		say(m, " (%zu rules)", n);
	}
}

/* ---- by tags ------------------------------------------------------------------------------------- */

static bool has_tag(const struct qf_route_input *in, const char *key, const char *value)
{
	for (size_t i = 0; i < in->n_tags; i++)
		if (strcmp(in->tags[i].key, key) == 0 &&
			(value == NULL || (in->tags[i].value != NULL && strcmp(in->tags[i].value, value) == 0)))
			return true;
	return false;
}

static void say_tag(struct qf_match *m, const struct qf_conf_kv *tag)
{
	say_text(m, tag->key);
	if (tag->value != NULL) {
		say(m, " = ");
		say_text(m, tag->value);
	}
}

static void ask_tags(struct qf_router *r, struct qf_match *m)
{
	for (size_t i = 0; i < r->conf->n_tags; i++) {
		const struct qf_conf_tag_rule *rule = &r->conf->tags[i];
		const struct qf_conf_kv *missing = NULL;

		for (size_t t = 0; t < rule->n_tags && missing == NULL; t++)
			if (!has_tag(m->in, rule->tags[t].key, rule->tags[t].value))
				missing = &rule->tags[t];
		say(m, "%srule %zu: ", i > 0 ? "; " : "", i + 1);
		if (missing != NULL) {
			say(m, "no tag ");
			say_tag(m, missing);
			continue;
		}
		for (size_t t = 0; m->why != NULL && t < rule->n_tags; t++) {
			say(m, "%s", t > 0 ? " and " : "tag ");
			say_tag(m, &rule->tags[t]);
		}
		if (take(m, rule->group, i + 1))
			return;
	}
}

/* ---- by several conditions ------------------------------------------------------------------------ */

static bool header_holds(struct qf_match *m, const struct qf_conf_condition *c)
{
	for (size_t i = 0; i < m->in->n_headers; i++) {
		const struct qf_conf_kv *h = &m->in->headers[i];

		if (h->value != NULL && strcasecmp(h->key, c->name) == 0 &&
			(c->value == NULL || strcmp(h->value, c->value) == 0))
			return true;
	}
	return false;
}

static bool text_holds(struct qf_match *m, const struct qf_conf_condition *c, struct qf_regex *re)
{
	struct qf_slice span = QF_SLICE_NONE;
	const char *why = NULL;

	switch (match_text(m, re, &span, &why)) {
	case QF_REGEX_YES:
		say_span(m, c->pattern, span);
		return true;
	case QF_REGEX_GAVE_UP:
		say(m, "pattern ");
		say_text(m, c->pattern);
		say(m, " could not be matched: %s", why);
		return false;
	default:
		say(m, "pattern ");
		say_text(m, c->pattern);
		return false;
	}
}

static bool condition_holds(struct qf_match *m, const struct qf_conf_condition *c, struct qf_regex *re)
{
	const struct qf_conf_kv named = { c->name, c->value };

	switch (c->type) {
	case QF_COND_PROTOCOL:
		say(m, "protocol %s", qf_frontend_name(c->protocol));
		return m->in->frontend == c->protocol;
	case QF_COND_HEADER:
		say(m, "header ");
		say_tag(m, &named);
		return header_holds(m, c);
	case QF_COND_USER:
		say(m, "user ");
		say_text(m, c->value);
		return m->in->user != NULL && strcmp(m->in->user, c->value) == 0;
	case QF_COND_CLIENT_TAG:
		say(m, "tag ");
		say_tag(m, &named);
		return has_tag(m->in, c->name, c->value);
	case QF_COND_REGEX:
		return text_holds(m, c, re);
	}
	return false;
}

/* All conditions are asked when somebody wants to see them; the answer is the same. */
static void ask_compound(struct qf_router *r, struct qf_match *m)
{
	size_t n = r->conf->n_conditions, held = 0;
	bool any = r->conf->any, result;

	say(m, "%s of: ", any ? "any" : "all");
	for (size_t i = 0; i < n; i++) {
		bool holds = condition_holds(m, &r->conf->conditions[i], r->regex[i]);

		say(m, " (%s)%s", holds ? "yes" : "no", i + 1 < n ? ", " : "");
		held += holds;
		if (m->why == NULL && holds == any)
			break;
	}
	result = any ? held > 0 : held == n;
	if (result)
		take(m, r->conf->group, 0);
}

/* ---- by a script ---------------------------------------------------------------------------------- */

static const char *nearest_group(const struct qf_conf *c, const char *name)
{
	const char **names = qf_xcalloc(c->n_groups + 1, sizeof(*names)), *near;

	for (size_t i = 0; i < c->n_groups; i++)
		names[i] = c->groups[i].name;
	near = qf_nearest(name, names);
	free(names);
	return near;
}

static void fail_script(struct qf_router *r, struct qf_match *m, struct qf_script_run *run)
{
	say(m, "%s", run->text);
	if (!r->conf->script_must_answer) {
		say(m, "; onError: next");
		return;
	}
	m->outcome = QF_ROUTE_DENY;
	m->message = qf_arena_printf(m->arena,
		"the routing script of router %zu gave no answer (%s), and without one this statement is refused",
		r->index, qf_script_outcome_name(run->outcome));
	say(m, "; onError: fail, so the statement is refused");
}

static void take_named(struct qf_router *r, struct qf_match *m, const char *name, struct qf_script_run *run)
{
	const struct qf_conf_group *g = qf_conf_group(m->conf, name);
	const char *near;

	if (g != NULL) {
		say(m, "route() returned ");
		say_text(m, name);
		take(m, g, 0);
		return;
	}
	near = nearest_group(m->conf, name);
	run->outcome = QF_SCRIPT_ERROR;
	run->text = qf_arena_printf(m->arena, "route() returned \"%s\", which is not in clusterGroups%s%s%s", name,
		near != NULL ? "; did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
	fail_script(r, m, run);
}

static const char *describe(struct qf_router *r, struct qf_match *m, const struct qf_script_answer *a)
{
	const char *text;
	struct qf_buf b;

	qf_buf_init(&b);
	qf_script_describe(&b, a, r->conf);
	text = qf_arena_strndup(m->arena, b.p, b.n);
	qf_buf_fini(&b);
	return text;
}

void qf_router_take_answer(
	struct qf_router *r, struct qf_match *m, const struct qf_script_answer *a, struct qf_script_run *run)
{
	m->outcome = QF_ROUTE_PASS;
	m->rule = 0;
	run->outcome = a->outcome;
	switch (a->outcome) {
	case QF_SCRIPT_GROUP:
		take_named(r, m, qf_arena_strndup(m->arena, a->text.p, a->text.n), run);
		break;
	case QF_SCRIPT_NONE:
		say(m, "route() returned None");
		break;
	case QF_SCRIPT_DENY:
		m->outcome = QF_ROUTE_DENY;
		m->message = qf_arena_strndup(m->arena, a->text.p, a->text.n);
		say(m, "route() → denied: ");
		say_text(m, m->message);
		break;
	default:
		run->text = describe(r, m, a);
		fail_script(r, m, run);
	}
	if (run->printed != NULL && m->why != NULL) {
		say(m, "; printed ");
		say_text(m, run->printed);
	}
}

/* ---- all types ------------------------------------------------------------------------------------ */

void qf_router_ask(struct qf_router *r, struct qf_match *m)
{
	m->outcome = QF_ROUTE_PASS;
	switch (r->conf->type) {
	case QF_ROUTER_PROTOCOL:
		ask_protocol(r, m);
		break;
	case QF_ROUTER_HEADER:
		ask_header(r, m);
		break;
	case QF_ROUTER_USER_GROUP:
		ask_user(r, m);
		break;
	case QF_ROUTER_REGEX:
		ask_regex(r, m);
		break;
	case QF_ROUTER_TAGS:
		ask_tags(r, m);
		break;
	case QF_ROUTER_COMPOUND:
		ask_compound(r, m);
		break;
	default:
		qf_assert(!"a router that is asked here");
	}
}

static const char *pattern_of(const struct qf_conf_router *c, size_t i)
{
	if (c->type == QF_ROUTER_REGEX)
		return c->regexes[i].pattern;
	return c->conditions[i].type == QF_COND_REGEX ? c->conditions[i].pattern : NULL;
}

int qf_router_compile(struct qf_router *r, struct qf_err *reterr)
{
	const struct qf_conf_router *c = r->conf;
	int rc = 0;

	r->n_regex = c->type == QF_ROUTER_REGEX ? c->n_regexes : c->type == QF_ROUTER_COMPOUND ? c->n_conditions : 0;
	r->regex = qf_xcalloc(r->n_regex + 1, sizeof(struct qf_regex *));
	for (size_t i = 0; rc == 0 && i < r->n_regex; i++) {
		const char *pattern = pattern_of(c, i);

		if (pattern != NULL)
			rc = qf_regex_new(&r->regex[i], qf_slice_str(pattern), NULL, reterr);
		if (rc != 0)
			qf_err_prefix(reterr, "router %zu, pattern %zu", r->index, i + 1);
	}
	return rc;
}

void qf_router_clear(struct qf_router *r)
{
	for (size_t i = 0; i < r->n_regex; i++)
		qf_regex_free(r->regex[i]);
	free(r->regex);
}
