/*
 * What statements leave behind on their connection. Judged by text, and where the text does not tell, the answer is that
 * something may have been left: a write may fire triggers, a function of the user may set anything.
 */
#include <string.h>
#include <strings.h>

#include "private.h"

/* ---- what a text says ---- */

struct words { /* of a statement, one after the other, without comments */
	struct qf_lexer lx;
	struct qf_token t;
};

static bool next(struct words *w)
{
	do
		w->t = qf_lex(&w->lx);
	while (w->t.type == QF_TOK_COMMENT);
	return w->t.type != QF_TOK_END && w->t.type != QF_TOK_SEMICOLON;
}

static struct words words(struct qf_slice sql)
{
	return (struct words){ .lx = qf_lexer(sql, QF_DIALECT_POSTGRES) };
}

static bool is(const struct words *w, const char *word)
{
	return qf_slice_caseeq_str(w->t.text, word);
}

static bool begins(struct qf_slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && strncasecmp((const char *)s.p, prefix, n) == 0;
}

static bool contains(struct qf_slice s, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp((const char *)s.p + i, part, n) == 0)
			return true;
	return false;
}

/* pg_advisory_lock(…), pg_try_advisory_lock_shared(…): those of the session, however the name is quoted. */
static void read_lock(struct pge_effects *e, struct qf_slice name)
{
	if (name.n > 2 && name.p[0] == '"')
		name = qf_slice(name.p + 1, name.n - 2);
	if (!begins(name, "pg_advisory_") && !begins(name, "pg_try_advisory_"))
		return;
	if (qf_slice_caseeq_str(name, "pg_advisory_unlock_all"))
		e->releases |= QF_HELD_LOCK;
	else if (!contains(name, "_xact_") && !contains(name, "_unlock"))
		e->holds |= QF_HELD_LOCK;
}

static void read_body(struct pge_effects *e, struct qf_slice sql)
{
	struct words w = words(sql);
	bool temp = false, on_commit_drop = false;
	struct qf_token before = { 0 }, second = { 0 };

	for (unsigned i = 0; next(&w); i++) {
		bool named = qf_slice_caseeq_str(before.text, "create") || qf_slice_caseeq_str(before.text, "local") ||
			     qf_slice_caseeq_str(before.text, "global") || qf_slice_caseeq_str(before.text, "into") ||
			     qf_slice_caseeq_str(before.text, "replace");

		read_lock(e, w.t.text);
		temp |= (named && (is(&w, "temp") || is(&w, "temporary"))) || is(&w, "pg_temp") || is(&w, "\"pg_temp\"");
		on_commit_drop |= is(&w, "drop") && qf_slice_caseeq_str(before.text, "commit") &&
				  qf_slice_caseeq_str(second.text, "on");
		if (is(&w, "hold") && qf_slice_caseeq_str(before.text, "with") && e->verb == QF_VERB_DECLARE)
			e->holds |= QF_HELD_CURSOR;
		second = before;
		before = w.t;
	}
	if (temp && !on_commit_drop)
		e->holds |= QF_HELD_TEMP;
}

static void read_listen(struct pge_effects *e, struct qf_slice sql)
{
	struct words w = words(sql);

	next(&w);
	if (is(&w, "notify")) {
		e->dirty = false;
	} else if (is(&w, "listen")) {
		e->holds |= QF_HELD_LISTEN;
	} else if (next(&w) && is(&w, "*")) {
		e->releases |= QF_HELD_LISTEN;
	}
}

static void read_discard(struct pge_effects *e, struct qf_slice sql)
{
	struct words w = words(sql);

	next(&w);
	next(&w);
	if (is(&w, "all")) {
		e->discards = true;
		e->releases = QF_HELD_TEMP | QF_HELD_LISTEN | QF_HELD_LOCK | QF_HELD_CURSOR;
	} else if (is(&w, "temp") || is(&w, "temporary")) {
		e->releases = QF_HELD_TEMP;
	} else if (is(&w, "plans")) {
		e->dirty = false;
	}
}

static bool second_word_is(struct qf_slice sql, const char *word)
{
	struct words w = words(sql);

	next(&w);
	return next(&w) && is(&w, word);
}

static void read_other(struct pge_effects *e, struct qf_slice sql)
{
	switch (e->verb) {
	case QF_VERB_LISTEN:
		read_listen(e, sql);
		break;
	case QF_VERB_DISCARD:
		read_discard(e, sql);
		break;
	case QF_VERB_CLOSE:
		if (second_word_is(sql, "all"))
			e->releases = QF_HELD_CURSOR;
		break;
	case QF_VERB_SET_TRANSACTION:
		e->dirty = second_word_is(sql, "session");
		break;
	case QF_VERB_PREPARE:
	case QF_VERB_DEALLOCATE:
		e->discards = true;
		break;
	default:
		read_body(e, sql);
		break;
	}
}

/* Statements that end with their transaction whatever they are about, or do nothing of their own. */
static bool leaves_nothing(enum qf_verb v)
{
	switch (v) {
	case QF_VERB_EMPTY:
	case QF_VERB_SHOW:
	case QF_VERB_BEGIN:
	case QF_VERB_COMMIT:
	case QF_VERB_ROLLBACK:
	case QF_VERB_SAVEPOINT:
	case QF_VERB_RELEASE:
	case QF_VERB_ROLLBACK_TO:
	case QF_VERB_FETCH: /* its DECLARE was judged */
	case QF_VERB_MOVE:
	case QF_VERB_CLOSE:
	case QF_VERB_LOCK:
		return true;
	default:
		return false;
	}
}

static bool may_change_catalog(const struct pge_effects *e)
{
	switch (e->verb) {
	case QF_VERB_CREATE:
	case QF_VERB_ALTER:
	case QF_VERB_DROP:
	case QF_VERB_CALL:
	case QF_VERB_EXECUTE:
	case QF_VERB_EXPLAIN:
	case QF_VERB_SELECT: /* INTO, or a function of the user */
	case QF_VERB_OTHER:
		return !e->reads;
	default:
		return false;
	}
}

/* Functions of the user, procedures, DO. Triggers do too, but writes are many and that is rare. */
static bool runs_more_than_it_says(enum qf_verb v)
{
	switch (v) {
	case QF_VERB_SELECT:
	case QF_VERB_EXPLAIN:
	case QF_VERB_CALL:
	case QF_VERB_EXECUTE:
	case QF_VERB_OTHER:
		return true;
	default:
		return false;
	}
}

static bool is_whole(const struct pge_effects *e)
{
	switch (e->verb) {
	case QF_VERB_INSERT:
	case QF_VERB_UPDATE:
	case QF_VERB_DELETE:
	case QF_VERB_MERGE:
	case QF_VERB_TRUNCATE:
	case QF_VERB_BEGIN:
		return true;
	default:
		return e->reads;
	}
}

void pge_effects_read(struct pge_effects *ret, struct qf_slice sql)
{
	struct qf_facts f;

	qf_sql_facts(sql, QF_DIALECT_POSTGRES, &f);
	memset(ret, 0, sizeof(*ret)); /* its padding too: known.c keeps the bytes */
	ret->verb = f.verb;
	ret->reads = f.access == QF_ACCESS_READ;
	ret->fingerprint = f.fingerprint;
	ret->sets = f.verb == QF_VERB_SET || f.verb == QF_VERB_RESET;
	ret->dirty = !ret->reads && !ret->sets && !leaves_nothing(f.verb);
	if (!ret->reads)
		read_other(ret, sql);
	ret->opaque = ret->dirty && runs_more_than_it_says(ret->verb);
	/* DO and CALL are seldom and may do anything; the function of a SELECT hardly ever prepares or closes. */
	ret->discards |= ret->opaque && ret->verb != QF_VERB_SELECT && ret->verb != QF_VERB_EXPLAIN;
	ret->catalog = may_change_catalog(ret);
	ret->whole = is_whole(ret);
	pge_role_effects(ret, sql);
}

/* ---- what it was ---- */

static void transaction_ended(struct qf_engine_conn *c, bool rolled_back)
{
	pge_settings_transaction_ended(c, rolled_back);
	if (c->changed_catalog)
		pge_catalog_changed(c->pool->engine);
	c->changed_catalog = false;
}

void pge_state_after(struct qf_engine_conn *c, bool ok, char before)
{
	const struct pge_effects *e = &c->run.effects;
	const struct pge_run *r = &c->run;
	bool ran = ok || r->end.stage == QF_STAGE_EXECUTE;

	if (pge_role_asks(c))
		pge_settings_role(c, false);
	/* What a function did to a setting is undone with its statement, but not an advisory lock that it took. */
	c->dirty |= ran && e->dirty;
	c->discards |= ran && e->discards;
	if (ran && e->discards) {
		pge_statements_doubt(&c->statements);
		c->settings.prepared = c->settings.held_prepared = false;
	}
	if (ok && e->verb == QF_VERB_DISCARD && e->discards)
		pge_settings_lost(c);
	c->held |= ok ? e->holds : ran ? e->holds & QF_HELD_LOCK : 0;
	/* A rolled back UNLISTEN or DISCARD has not happened; locks are not asked. */
	if (ok)
		c->held &= c->transaction == 'I' ? ~e->releases : ~(e->releases & QF_HELD_LOCK);
	if (ok && e->sets)
		pge_settings_ran(c, r->job->sql);
	if (e->verb == QF_VERB_ROLLBACK_TO)
		pge_settings_transaction_ended(c, true);
	if (ran && e->catalog)
		c->changed_catalog = true;
	if (c->transaction == 'I' && before != 'I')
		transaction_ended(c, !ok || strncmp(r->end.tag, "COMMIT", 6) != 0);
	else if (c->transaction == 'I' && c->changed_catalog)
		transaction_ended(c, false);
}

/* ---- putting it back ---- */

/*
 * Everything that DISCARD ALL does but for prepared statements, which are ours. Those of the client's own PREPARE go
 * with ours. DISCARD ALL does not run among others.
 */
void pge_state_reset_put(struct qf_engine_conn *c)
{
	struct qf_buf sql;

	qf_buf_init(&sql);
	if (c->discards) {
		qf_pg_put_query(&c->out, qf_slice_str("DISCARD ALL"));
		pge_conn_sent(c, PGE_GROUP_DISCARD);
	} else {
		qf_buf_add_str(&sql, "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; "
				     "SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP; ");
	}
	pge_baseline(&sql, c->server_version);
	qf_pg_put_query(&c->out, qf_buf_slice(&sql));
	qf_buf_fini(&sql);
	pge_conn_sent(c, PGE_GROUP_RESET);
	qf_timer_set(c->pool->engine->loop, &c->timer, c->pool->engine->cfg->connect_timeout_ns);
	pge_wire_flush(c);
}

void pge_state_reset_done(struct qf_engine_conn *c)
{
	if (c->discards) {
		pge_statements_clear(&c->statements);
		c->settings.prepared = c->settings.held_prepared = false;
	}
	pge_settings_forget(c);
	c->application_name[0] = '\0';
	c->dirty = c->discards = false;
}
