/* See utility.h. */
#include <stdio.h>
#include <string.h>

#include "cursor.h"
#include "set.h"
#include "sqlprepare.h"
#include "utility.h"
#include "../words.h"

static void refuse(struct pg_run *run, const char *sqlstate, const char *text, const char *hint)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, sqlstate, "%s", text);
	if (hint)
		snprintf(e.hint, sizeof(e.hint), "%s", hint);
	pg_run_fail(run, &e);
}

static struct fe_words words_of(struct pg_run *run)
{
	struct fe_words w = fe_words(run->stmt.text, pg_session_facts(run->s)->dialect);

	fe_words_next(&w); /* over the verb */
	return w;
}

static void fail_syntax(struct pg_run *run, const struct fe_words *w)
{
	struct qf_sql_error e;

	fe_words_syntax_error(w, &e);
	pg_run_fail(run, &e);
}

/* ---- what drivers send to clean up a session ---- */

/* Whatever an engine keeps for the session goes with the pin. */
static void discard_all(struct pg_run *run)
{
	struct pg_session *s = run->s;

	if (s->txn.state != PG_TXN_IDLE) {
		refuse(run, "25001", "DISCARD ALL cannot run inside a transaction block", NULL);
		return;
	}
	pg_settings_reset_all(&s->settings);
	pg_cursors_drop_all(s);
	pg_portal_drop_all(s);
	pg_prepared_drop_all(s);
	pg_txn_drop_pin(&s->txn);
	pg_run_complete(run, "DISCARD ALL");
}

static bool discard(struct pg_run *run)
{
	struct fe_words w = words_of(run);
	bool all = fe_words_is(&w, "all"), plans = fe_words_is(&w, "plans");
	const char *tag = plans ? "DISCARD PLANS" : fe_words_is(&w, "sequences") ? "DISCARD SEQUENCES" : "DISCARD TEMP";

	if (!all && !plans && !fe_words_is(&w, "sequences") && !fe_words_is(&w, "temp") && !fe_words_is(&w,
		"temporary")) {
		fail_syntax(run, &w);
		return true;
	}
	fe_words_next(&w);
	if (!fe_words_end(&w))
		fail_syntax(run, &w);
	else if (all)
		discard_all(run);
	else if (!plans && pg_session_has_engine(run->s))
		return false;
	else
		pg_run_complete(run, tag);
	return true;
}

static bool discard_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f,
	struct qf_buf *columns)
{
	struct fe_words w = fe_words(stmt, pg_session_facts(s)->dialect);

	(void)f;
	(void)columns;
	fe_words_next(&w);
	return fe_words_is(&w, "all") || fe_words_is(&w, "plans") || !pg_session_has_engine(s);
}

/* Where nothing can listen, as on any engine but PostgreSQL, or before there is one. */
static bool hears_nothing(const struct pg_session *s)
{
	return !pg_session_has_engine(s) || s->foreign;
}

static bool unlisten(struct pg_run *run)
{
	if (!qf_slice_caseeq_str(run->facts.word, "unlisten") || !hears_nothing(run->s))
		return false;
	pg_run_complete(run, "UNLISTEN");
	return true;
}

static bool nothing_there(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	(void)stmt;
	(void)columns;
	return qf_slice_caseeq_str(f->word, "unlisten") && hears_nothing(s);
}

/* ---- the rest ---- */

static bool use(struct pg_run *run)
{
	refuse(run, "0A000", "USE is not supported",
		"The database is chosen when connecting, the schema with SET search_path.");
	return true;
}

static bool prepare(struct pg_run *run)
{
	pg_sql_prepare(run);
	return true;
}

static bool execute(struct pg_run *run)
{
	pg_sql_execute(run);
	return true;
}

static bool deallocate(struct pg_run *run)
{
	pg_sql_deallocate(run);
	return true;
}

static bool always(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	(void)s;
	(void)stmt;
	(void)f;
	(void)columns;
	return true;
}

static const struct {
	bool (*answer)(struct pg_run *run);
	bool (*is_ours)(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns);
} utilities[QF_VERB_N] = {
	[QF_VERB_SELECT] = { pg_set_config, pg_set_config_is_ours },
	[QF_VERB_SET] = { pg_set, pg_set_is_ours },
	[QF_VERB_RESET] = { pg_set, pg_set_is_ours },
	[QF_VERB_SHOW] = { pg_show, pg_show_is_ours },
	[QF_VERB_USE] = { use, always },
	[QF_VERB_PREPARE] = { prepare, always },
	[QF_VERB_EXECUTE] = { execute, always },
	[QF_VERB_DEALLOCATE] = { deallocate, always },
	[QF_VERB_DECLARE] = { pg_cursor_declare, NULL },
	[QF_VERB_FETCH] = { pg_cursor_fetch, pg_cursor_is_ours },
	[QF_VERB_MOVE] = { pg_cursor_fetch, pg_cursor_is_ours },
	[QF_VERB_CLOSE] = { pg_cursor_close, pg_cursor_is_ours },
	[QF_VERB_DISCARD] = { discard, discard_is_ours },
	[QF_VERB_LISTEN] = { unlisten, nothing_there },
};

bool pg_utility(struct pg_run *run)
{
	bool (*answer)(struct pg_run *run) = utilities[run->facts.verb].answer;

	return answer && answer(run);
}

bool pg_utility_describe(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	return utilities[f->verb].is_ours && utilities[f->verb].is_ours(s, stmt, f, columns);
}

/* ---- what only some engines have ---- */

static void set_refusal(struct qf_sql_error *e, const char *what, const char *hint)
{
	qf_sql_error_set(e, "0A000", "%s is not supported by the engine of this group", what);
	snprintf(e->hint, sizeof(e->hint), "%s", hint);
}

void pg_utility_refused(struct pg_run *run, struct qf_sql_error *e)
{
	if (strcmp(e->sqlstate, "42601") != 0 && strcmp(e->sqlstate, "42704") != 0 && strcmp(e->sqlstate, "42501") != 0 &&
		strcmp(e->sqlstate, "0A000") != 0)
		return;
	if (run->form_error.sqlstate[0]) {
		*e = run->form_error;
		return;
	}
	pg_set_refused(run, e);
	if (run->facts.verb == QF_VERB_LISTEN)
		set_refusal(e, "LISTEN or NOTIFY", "Sessions cannot notify each other there; poll a table.");
}
