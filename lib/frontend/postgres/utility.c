/* See utility.h. */
#include <stdio.h>
#include <string.h>

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

/* ---- SET, RESET, SHOW ---- */

static bool parse_setting(struct pg_session *s, struct qf_slice stmt, struct qf_arena *a, struct qf_setting_stmt *ret,
			  struct qf_sql_error *reterr)
{
	struct qf_err err;

	if (qf_sql_setting(stmt, pg_session_facts(s)->dialect, a, ret, &err) == 0)
		return true;
	qf_sql_error_set(reterr, "42601", "%s", err.text);
	return false;
}

static void set_one(struct pg_run *run, const struct qf_setting_stmt *st, const char *tag)
{
	struct pg_session *s = run->s;
	struct qf_sql_error e;

	if (st->local && s->txn.state == PG_TXN_IDLE)
		pg_reply_notice(s, "WARNING", "25P01", "SET LOCAL can only be used in transaction blocks");
	if (pg_settings_set(&s->settings, st->name, st->to_default ? NULL : st->value,
		    st->local ? PG_SCOPE_LOCAL : PG_SCOPE_SESSION, &e))
		pg_run_complete(run, tag);
	else
		pg_run_fail(run, &e);
}

static bool set_or_reset(struct pg_run *run)
{
	const char *tag = run->facts.verb == QF_VERB_SET ? "SET" : "RESET";
	struct qf_arena *a = qf_arena_new(0);
	struct qf_setting_stmt st;
	struct qf_sql_error e;

	if (!parse_setting(run->s, run->stmt.text, a, &st, &e)) {
		pg_run_fail(run, &e);
	} else if (st.all) {
		pg_settings_reset_all(&run->s->settings);
		pg_run_complete(run, tag);
	} else {
		set_one(run, &st, tag);
	}
	qf_arena_free(a);
	return true;
}

static const char *const all_columns[] = { "name", "setting", "description" };

/* What a simple Query is told before the rows, and the extended protocol by Describe. */
static void put_columns(struct pg_run *run, const char *const *names, uint16_t n)
{
	if (run->kind == PG_RUN_QUERY)
		pg_reply_text_columns(&run->s->conn.out, names, n);
}

static void show_all(struct pg_run *run)
{
	const struct pg_settings *st = &run->s->settings;
	struct qf_buf *out = &run->s->conn.out;

	put_columns(run, all_columns, 3);
	for (int i = 0; i < PG_SETTING_N; i++) {
		const char *row[] = { pg_setting_table[i].name, pg_settings_get(st, (enum pg_setting_id)i),
			pg_setting_table[i].help };

		qf_pg_put_text_row(out, row, 3);
	}
	for (size_t i = 0; i < st->n; i++) {
		const struct pg_setting_value *v = &st->v[i];
		const char *value = v->value ? v->value : v->reset;
		const char *row[] = { v->name, value ? value : "", NULL };

		if (!v->def)
			qf_pg_put_text_row(out, row, 3);
	}
	run->end.has_rows = true;
	pg_run_complete(run, "SHOW");
}

static void show_one(struct pg_run *run, const char *name)
{
	struct qf_buf *out = &run->s->conn.out;
	const char *spelled, *value;
	struct qf_sql_error e;

	if (!pg_settings_show(&run->s->settings, name, &spelled, &value, &e)) {
		pg_run_fail(run, &e);
		return;
	}
	put_columns(run, &spelled, 1);
	qf_pg_put_text_row(out, &value, 1);
	run->end.has_rows = true;
	pg_run_complete(run, "SHOW");
}

/* In a dialect that shows tables and catalogs too, only the settings are ours. */
static bool shows_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_arena *a,
		       struct qf_setting_stmt *ret, bool *ret_parsed, struct qf_sql_error *reterr)
{
	if (!qf_slice_caseeq_str(f->word, "show"))
		return false; /* DESCRIBE and its like */
	*ret_parsed = parse_setting(s, stmt, a, ret, reterr);
	if (pg_session_facts(s)->dialect == QF_DIALECT_POSTGRES)
		return true;
	return *ret_parsed && !ret->all && pg_setting_find(ret->name) != PG_SETTING_NONE;
}

static bool show(struct pg_run *run)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_setting_stmt st;
	struct qf_sql_error e;
	bool parsed;
	bool ours = shows_ours(run->s, run->stmt.text, &run->facts, a, &st, &parsed, &e);

	if (ours && !parsed)
		pg_run_fail(run, &e);
	else if (ours && st.all)
		show_all(run);
	else if (ours)
		show_one(run, st.name);
	qf_arena_free(a);
	return ours;
}

static bool describe_show(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	struct qf_arena *a = qf_arena_new(0);
	const char *spelled, *value;
	struct qf_setting_stmt st;
	struct qf_sql_error e;
	bool parsed;
	bool ours = shows_ours(s, stmt, f, a, &st, &parsed, &e);

	if (ours && parsed && st.all)
		pg_reply_text_columns(columns, all_columns, 3);
	else if (ours && parsed && pg_settings_show(&s->settings, st.name, &spelled, &value, &e))
		pg_reply_text_columns(columns, &spelled, 1);
	qf_arena_free(a);
	return ours;
}

/* ---- what drivers send to clean up a session ---- */

static void discard_all(struct pg_run *run)
{
	if (run->s->txn.state != PG_TXN_IDLE) {
		refuse(run, "25001", "DISCARD ALL cannot run inside a transaction block", NULL);
		return;
	}
	pg_settings_reset_all(&run->s->settings);
	pg_run_complete(run, "DISCARD ALL");
}

/* Plans, sequences and temporary tables are not kept over statements: there is nothing to discard. */
static bool discard(struct pg_run *run)
{
	struct fe_words w = words_of(run);
	bool all = fe_words_is(&w, "all");
	const char *tag = fe_words_is(&w, "plans")     ? "DISCARD PLANS" :
			  fe_words_is(&w, "sequences") ? "DISCARD SEQUENCES" :
							 "DISCARD TEMP";

	if (!all && !fe_words_is(&w, "plans") && !fe_words_is(&w, "sequences") && !fe_words_is(&w, "temp") &&
		!fe_words_is(&w, "temporary")) {
		fail_syntax(run, &w);
		return true;
	}
	fe_words_next(&w);
	if (!fe_words_end(&w))
		fail_syntax(run, &w);
	else if (all)
		discard_all(run);
	else
		pg_run_complete(run, tag);
	return true;
}

/* DEALLOCATE ALL and CLOSE ALL have nothing to do; any name is one that does not exist. */
static bool release_named(struct pg_run *run, const char *what, const char *sqlstate, const char *tag)
{
	struct fe_words w = words_of(run);
	struct qf_sql_error e;

	if (run->facts.verb == QF_VERB_DEALLOCATE)
		fe_words_take(&w, "prepare");
	struct qf_token name = w.tok;
	bool all = fe_words_is(&w, "all");

	if (name.type == QF_TOK_WORD || name.type == QF_TOK_QUOTED)
		fe_words_next(&w);
	if (!fe_words_end(&w) || name.type == QF_TOK_END) {
		fail_syntax(run, &w);
	} else if (all) {
		pg_run_complete(run, tag);
	} else {
		qf_sql_error_set(&e, sqlstate, "%s \"%.*s\" does not exist", what, (int)name.text.n,
			(const char *)name.text.p);
		pg_run_fail(run, &e);
	}
	return true;
}

static bool deallocate(struct pg_run *run)
{
	return release_named(run, "prepared statement", "26000", "DEALLOCATE ALL");
}

static bool close_cursor(struct pg_run *run)
{
	return release_named(run, "cursor", "34000", "CLOSE CURSOR ALL");
}

/* UNLISTEN of what nobody listens to is fine in PostgreSQL too. */
static bool listen(struct pg_run *run)
{
	if (qf_slice_caseeq_str(run->facts.word, "unlisten"))
		pg_run_complete(run, "UNLISTEN");
	else
		refuse(run, "0A000", "LISTEN and NOTIFY are not supported",
			"Sessions cannot notify each other here; poll a table.");
	return true;
}

/* ---- refused ---- */

static bool prepare(struct pg_run *run)
{
	refuse(run, "0A000", "prepared statements are not supported", "Send the statement itself.");
	return true;
}

static bool cursor(struct pg_run *run)
{
	refuse(run, "0A000", "cursors are not supported",
		"Send the query itself: its rows are streamed as fast as the client reads them.");
	return true;
}

static bool use(struct pg_run *run)
{
	refuse(run, "0A000", "USE is not supported",
		"The database is chosen when connecting, the schema with SET search_path.");
	return true;
}

static bool (*const answers[QF_VERB_N])(struct pg_run *run) = {
	[QF_VERB_SET] = set_or_reset,
	[QF_VERB_RESET] = set_or_reset,
	[QF_VERB_SHOW] = show,
	[QF_VERB_USE] = use,
	[QF_VERB_PREPARE] = prepare,
	[QF_VERB_EXECUTE] = prepare,
	[QF_VERB_DEALLOCATE] = deallocate,
	[QF_VERB_DECLARE] = cursor,
	[QF_VERB_FETCH] = cursor,
	[QF_VERB_MOVE] = cursor,
	[QF_VERB_CLOSE] = close_cursor,
	[QF_VERB_DISCARD] = discard,
	[QF_VERB_LISTEN] = listen,
};

bool pg_utility(struct pg_run *run)
{
	bool (*answer)(struct pg_run *run) = answers[run->facts.verb];

	return answer && answer(run);
}

bool pg_utility_describe(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	if (f->verb == QF_VERB_SHOW)
		return describe_show(s, stmt, f, columns);
	return answers[f->verb] != NULL;
}
