/*
 * queryAuth impersonate: the account of the cluster is logged in, and has the role of the client's user before each of
 * its statements. Three things keep it so. A text that says that it changes the role is refused. Whatever else may have
 * changed it (a function, a trigger, a view, text that is put together) has the server asked behind it, in the same
 * write; and where the answer is not that user's name, or there is none, the role is set again before anything else runs.
 * Nothing prepared is used for that: a statement of the client could have put another in its place.
 *
 * What PostgreSQL itself allows within one statement is allowed here: code that runs as the account's session may take
 * any role that the account may take. queryflux.yaml(5) says which ones it should have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "private.h"

enum { MAX_DEPTH = 4 }; /* of code in strings in code */

bool pge_impersonates(const struct qf_engine_conn *c)
{
	return c->pool->engine->cfg->query_auth == QF_QUERY_AUTH_IMPERSONATE && !c->looker;
}

/* ---- what a text says ---- */

struct scan {
	struct qf_lexer lx;
	struct qf_token t, before;
};

static bool next(struct scan *s)
{
	s->before = s->t;
	do
		s->t = qf_lex(&s->lx);
	while (s->t.type == QF_TOK_COMMENT);
	return s->t.type != QF_TOK_END;
}

static bool is(struct qf_slice text, const char *word)
{
	return qf_slice_caseeq_str(text, word);
}

static bool is_role_name(struct qf_slice name)
{
	return is(name, "role") || is(name, "session_authorization");
}

static struct qf_slice unquoted(struct qf_slice s)
{
	return s.n >= 2 && (s.p[0] == '\'' || s.p[0] == '"') ? qf_slice(s.p + 1, s.n - 2) : s;
}

/* What stands in a literal: '…', E'…', $tag$…$tag$. Escapes stay as they are. */
static struct qf_slice body_of(struct qf_slice s)
{
	size_t from = 0, tail = 1;

	while (from < s.n && s.p[from] != '\'' && s.p[from] != '$')
		from++;
	if (from < s.n && s.p[from] == '$') {
		const uint8_t *end = memchr(s.p + from + 1, '$', s.n - from - 1);

		tail = end ? (size_t)(end - s.p) - from + 1 : 1;
		from += tail - 1;
	}
	return from + 1 + tail <= s.n ? qf_slice(s.p + from + 1, s.n - from - 1 - tail) : QF_SLICE_NONE;
}

/* Behind set_config: its first argument is a constant, or a parameter, that is not the role. */
static bool sets_another(struct scan *s, bool *ret_by_param)
{
	struct scan ahead = *s;

	if (!next(&ahead) || ahead.t.text.p[0] != '(')
		return true; /* not a call */
	if (!next(&ahead))
		return false;
	struct qf_slice name = ahead.t.text;
	bool param = ahead.t.type == QF_TOK_PARAM;

	if (!param && (name.p[0] != '\'' || is_role_name(unquoted(name))))
		return false;
	*ret_by_param |= param;
	return next(&ahead) && ahead.t.text.p[0] == ',';
}

/* Where SET begins a statement: in UPDATE t SET role = it does not. */
static bool begins_statement(struct qf_token before)
{
	return before.type == QF_TOK_END || before.type == QF_TOK_SEMICOLON || is(before.text, "begin") || is(before.text, "then") ||
	       is(before.text, "else") || is(before.text, "loop") || is(before.text, "atomic");
}

/* Behind SET or RESET. */
static bool names_role(const struct scan *s)
{
	struct scan ahead = *s;

	if (!next(&ahead))
		return false;
	if (is(ahead.t.text, "local") || is(ahead.t.text, "session")) {
		bool session = is(ahead.t.text, "session");

		if (!next(&ahead))
			return false;
		if (session && is(ahead.t.text, "authorization"))
			return true;
		if (is(ahead.t.text, "session"))
			return next(&ahead) && is(ahead.t.text, "authorization");
	}
	return is_role_name(unquoted(ahead.t.text));
}

static bool says_it(struct qf_slice sql, unsigned depth, bool *ret_by_param)
{
	struct scan s = { .lx = qf_lexer(sql, QF_DIALECT_POSTGRES), .t = { .type = QF_TOK_END } };
	bool code = depth > 0, function = false;

	while (next(&s)) {
		struct qf_slice word = unquoted(s.t.text);

		if (s.before.type == QF_TOK_END)
			code |= is(word, "do") || is(word, "create") || is(word, "alter");
		function |= is(word, "function") || is(word, "procedure") || is(word, "routine");
		if (s.t.type == QF_TOK_STRING) {
			struct qf_slice body = body_of(s.t.text);

			if (code && depth < MAX_DEPTH && says_it(body, depth + 1, ret_by_param))
				return true;
			continue;
		}
		if (is(word, "set_config") && !sets_another(&s, ret_by_param))
			return true;
		/* CREATE FUNCTION … SET role = …: a setting of the function. */
		if ((is(word, "set") || is(word, "reset")) && (begins_statement(s.before) || (function && depth == 0)) && names_role(&s))
			return true;
	}
	return false;
}

void pge_role_effects(struct pge_effects *e, struct qf_slice sql)
{
	bool by_param = false;

	switch (e->verb) {
	case QF_VERB_EMPTY:
	case QF_VERB_SHOW:
	case QF_VERB_BEGIN:
	case QF_VERB_SAVEPOINT:
	case QF_VERB_RELEASE:
	case QF_VERB_ROLLBACK: /* see pge_settings_transaction_ended() */
	case QF_VERB_ROLLBACK_TO:
	case QF_VERB_LOCK:
	case QF_VERB_SET:
	case QF_VERB_RESET:
		e->keeps_role = true;
		break;
	default:
		break;
	}
	if (e->reads)
		return;
	e->sets_role = says_it(sql, 0, &by_param);
	e->sets_by_param = by_param;
}

/* ---- before a statement ---- */

static int refuse(const struct qf_engine_conn *c, struct qf_sql_error *reterr)
{
	qf_sql_error_set(reterr, "42501", "permission denied to change the role");
	snprintf(reterr->hint, sizeof(reterr->hint), "Statements of cluster \"%s\" run as their user (queryAuth: impersonate).",
		 c->pool->engine->cfg->name);
	return -EACCES;
}

int pge_role_check(const struct qf_engine_conn *c, const struct qf_engine_job *job, struct qf_sql_error *reterr)
{
	const struct qf_bind *b = job->bind;

	if (!pge_impersonates(c))
		return 0;
	if (c->run.effects.sets_role)
		return refuse(c, reterr);
	for (size_t i = 0; i < job->n_settings; i++)
		if (is_role_name(qf_slice_str(job->settings[i].name)))
			return refuse(c, reterr);
	for (size_t i = 0; c->run.effects.sets_by_param && i < b->n_values; i++)
		if (b->values[i].p && is_role_name(qf_slice(b->values[i].p, b->values[i].n)))
			return refuse(c, reterr);
	return 0;
}

static void put(struct qf_engine_conn *c, const char *sql, const char *param)
{
	qf_pg_put_parse(&c->out, "", qf_slice_str(sql), NULL, 0);
	size_t at = qf_pg_begin_bind(&c->out, "", "", NULL, param ? 1 : 0);

	if (param)
		qf_pg_add_value(&c->out, param, (uint32_t)strlen(param));
	qf_pg_end_bind(&c->out, at, NULL, 0);
	qf_pg_put_execute(&c->out, "", 0);
}

void pge_role_put(struct qf_engine_conn *c, bool in_doubt)
{
	if (in_doubt) /* whoever it has become: back to the account first, which alone may take the role */
		put(c, "RESET SESSION AUTHORIZATION", NULL);
	put(c, "SELECT pg_catalog.set_config('role', $1, false)", c->user);
}

/* ---- behind it ---- */

bool pge_role_asks(const struct qf_engine_conn *c)
{
	const struct pge_run *r = &c->run;

	return pge_impersonates(c) && r->job->bind->kind != QF_RUN_DESCRIBE && !r->effects.keeps_role;
}

void pge_role_ask(struct qf_engine_conn *c, const char *first)
{
	struct qf_buf sql;

	qf_buf_init(&sql);
	qf_buf_printf(&sql, "%s, pg_catalog.current_setting('role'), pg_catalog.current_setting('session_authorization')", first);
	put(c, qf_buf_cstr(&sql), NULL);
	qf_buf_fini(&sql);
}

bool pge_role_is(const struct qf_engine_conn *c, struct qf_slice role, struct qf_slice session)
{
	const char *account = PQuser(c->pg);

	return c->user && account && qf_slice_eq_str(role, c->user) && qf_slice_eq_str(session, account);
}
