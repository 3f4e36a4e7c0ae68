/* See set.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "set.h"
#include "../words.h"

enum { OID_BOOL = 16, OID_TEXT = 25, CONFIG_ARGS = 3, CONFIG_MAX = 16 * 1024 };

static const char not_in_block[] = "SET LOCAL can only be used in transaction blocks";

static bool parse(struct pg_session *s, struct qf_slice stmt, struct qf_arena *a, struct qf_setting_stmt *ret,
		  struct qf_sql_error *reterr)
{
	struct qf_err err;

	if (qf_sql_setting(stmt, pg_session_facts(s)->dialect, a, ret, &err) == 0)
		return true;
	qf_sql_error_set(reterr, "42601", "%s", err.text);
	return false;
}

/* What an engine need not be asked about. */
static bool is_known(const struct qf_setting_stmt *st, bool parsed)
{
	return parsed && (st->all || pg_settings_known(st->name));
}

/* ---- SET, RESET ---- */

bool pg_set_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_setting_stmt st;
	struct qf_sql_error e;
	bool parsed = parse(s, stmt, a, &st, &e);
	bool ours = is_known(&st, parsed);

	(void)f;
	(void)columns;
	qf_arena_free(a);
	return ours;
}

static void set_one(struct pg_run *run, const char *name, const char *value, bool local, const char *tag)
{
	struct pg_session *s = run->s;
	struct qf_sql_error e;

	if (local && s->txn.state == PG_TXN_IDLE)
		pg_reply_notice(s, "WARNING", "25P01", not_in_block);
	if (pg_settings_set(&s->settings, name, value, local ? PG_SCOPE_LOCAL : PG_SCOPE_SESSION, &e))
		pg_run_complete(run, tag);
	else
		pg_run_fail(run, &e);
}

bool pg_set(struct pg_run *run)
{
	const char *tag = run->facts.verb == QF_VERB_SET ? "SET" : "RESET";
	struct qf_arena *a = qf_arena_new(0);
	struct qf_setting_stmt st;
	struct qf_sql_error e;
	bool parsed = parse(run->s, run->stmt.text, a, &st, &e);
	bool ours = is_known(&st, parsed);

	if (ours && st.all) {
		pg_settings_reset_all(&run->s->settings);
		pg_run_complete(run, tag);
	} else if (ours) {
		set_one(run, st.name, st.to_default ? NULL : st.value, st.local, tag);
	}
	qf_arena_free(a);
	return ours;
}

/* ---- SHOW ---- */

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

/* In a dialect that shows tables and catalogs too, only the settings of the table are ours. */
static bool shows_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_arena *a,
		       struct qf_setting_stmt *ret)
{
	struct qf_sql_error e;

	if (!qf_slice_caseeq_str(f->word, "show") || !parse(s, stmt, a, ret, &e))
		return false; /* DESCRIBE and its like */
	if (pg_session_facts(s)->dialect == QF_DIALECT_POSTGRES)
		return is_known(ret, true);
	return !ret->all && pg_setting_find(ret->name) != PG_SETTING_NONE;
}

bool pg_show(struct pg_run *run)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_setting_stmt st;
	bool ours = shows_ours(run->s, run->stmt.text, &run->facts, a, &st);

	if (ours && st.all)
		show_all(run);
	else if (ours)
		show_one(run, st.name);
	qf_arena_free(a);
	return ours;
}

bool pg_show_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	struct qf_arena *a = qf_arena_new(0);
	const char *spelled, *value;
	struct qf_setting_stmt st;
	struct qf_sql_error e;
	bool ours = shows_ours(s, stmt, f, a, &st);

	if (ours && st.all)
		pg_reply_text_columns(columns, all_columns, 3);
	else if (ours && pg_settings_show(&s->settings, st.name, &spelled, &value, &e))
		pg_reply_text_columns(columns, &spelled, 1);
	qf_arena_free(a);
	return ours;
}

/* ---- SELECT set_config(name, value, is_local) ---- */

struct config_call {
	const char *arg[CONFIG_ARGS]; /* NULL: SQL NULL; from the arena */
	const char *column;
};

static bool read_flag(const char *text)
{
	char *canonical = NULL;
	struct qf_sql_error e;
	bool on = text && pg_check_bool(&pg_setting_table[PG_JIT], text, &canonical, &e) && strcmp(canonical,
		"on") == 0;

	free(canonical);
	return on;
}

/* $n with its value; without a portal, while it is only described, any will do. */
static bool read_param(const struct pg_portal *p, struct qf_slice token, size_t arg, struct qf_arena *a,
	const char **ret)
{
	unsigned n = token.n == 2 ? (unsigned)(token.p[1] - '0') : 0;

	if (token.p[0] != '$' || n < 1 || n > CONFIG_ARGS)
		return false;
	*ret = "";
	if (!p)
		return true;
	if (n > p->n_values)
		return false;
	const struct qf_value *v = &p->values[n - 1];

	*ret = v->p ? qf_arena_strndup(a, v->p, v->n) : NULL;
	if (v->p && v->binary && arg == 2)
		*ret = v->n == 1 && v->p[0] ? "on" : "off";
	return true;
}

static bool read_arg(struct fe_words *w, enum qf_dialect d, const struct pg_portal *p, size_t arg, struct qf_arena *a,
		     const char **ret)
{
	struct qf_token tok = w->tok;
	bool ok = true;

	if (tok.type == QF_TOK_STRING)
		ok = (*ret = qf_sql_unquote(tok.text, d, a));
	else if (tok.type == QF_TOK_PARAM)
		ok = read_param(p, tok.text, arg, a, ret);
	else if (tok.type == QF_TOK_WORD && (fe_words_is(w, "true") || fe_words_is(w, "false")))
		*ret = qf_arena_strndup(a, tok.text.p, tok.text.n);
	else if (fe_words_is(w, "null"))
		*ret = NULL;
	else
		return false;
	fe_words_next(w);
	return ok;
}

static bool read_config(struct pg_session *s, struct qf_slice stmt, const struct pg_portal *p, struct qf_arena *a,
			struct config_call *ret)
{
	enum qf_dialect d = pg_session_facts(s)->dialect;
	struct fe_words w = fe_words(stmt, d);

	if (stmt.n > CONFIG_MAX || !fe_words_take(&w, "select"))
		return false;
	if (fe_words_take(&w, "pg_catalog") && !fe_words_take(&w, "."))
		return false;
	if (!fe_words_take(&w, "set_config") || !fe_words_take(&w, "("))
		return false;
	for (size_t i = 0; i < CONFIG_ARGS; i++)
		if ((i > 0 && !fe_words_take(&w, ",")) || !read_arg(&w, d, p, i, a, &ret->arg[i]))
			return false;
	ret->column = "set_config";
	if (!fe_words_take(&w, ")"))
		return false;
	if (fe_words_take(&w, "as")) {
		ret->column = w.tok.type == QF_TOK_QUOTED ? qf_sql_unquote(w.tok.text, d, a) :
							    qf_arena_strndup(a, w.tok.text.p, w.tok.text.n);
		fe_words_next(&w);
	}
	return ret->column && ret->arg[0] && fe_words_end(&w);
}

/* A name that is bound is known only when it runs; until then it is taken to be one of ours. */
bool pg_set_config_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	struct qf_arena *a = qf_arena_new(0);
	struct config_call call;
	bool ours = read_config(s, stmt, NULL, a, &call) && f->params == 0 && pg_settings_known(call.arg[0]);

	if (ours)
		pg_reply_text_columns(columns, &call.column, 1);
	qf_arena_free(a);
	return ours;
}

static void answer_config(struct pg_run *run, const struct config_call *call)
{
	struct pg_session *s = run->s;
	bool local = read_flag(call->arg[2]);
	const char *spelled, *value;
	struct qf_sql_error e;

	if (!pg_settings_set(&s->settings, call->arg[0], call->arg[1], local ? PG_SCOPE_LOCAL : PG_SCOPE_SESSION, &e) ||
		!pg_settings_show(&s->settings, call->arg[0], &spelled, &value, &e)) {
		pg_run_fail(run, &e);
		return;
	}
	if (local && s->txn.state == PG_TXN_IDLE && call->arg[1])
		value = call->arg[1]; /* in force to the end of the statement, which is now */
	pg_extended_pay(s, QF_STAGE_EXECUTE);
	if (run->kind == PG_RUN_QUERY || s->extended.owed & PG_OWED_DESCRIBE) {
		struct qf_buf columns = { 0 };

		pg_reply_text_columns(&columns, &call->column, 1);
		pg_extended_pay_describe(s, qf_buf_slice(&columns));
		if (run->kind == PG_RUN_QUERY)
			qf_buf_add_slice(&s->conn.out, qf_buf_slice(&columns));
		qf_buf_fini(&columns);
	}
	qf_pg_put_text_row(&s->conn.out, &value, 1);
	run->end.has_rows = true;
	pg_run_complete(run, "SELECT 1");
}

bool pg_set_config(struct pg_run *run)
{
	struct qf_arena *a = qf_arena_new(0);
	struct config_call call;
	bool ours = read_config(run->s, run->stmt.text, run->portal, a, &call) && pg_settings_known(call.arg[0]);

	if (ours)
		answer_config(run, &call);
	qf_arena_free(a);
	return ours;
}

/* ---- what an engine judged ---- */

void pg_set_accepted(struct pg_run *run)
{
	struct pg_session *s = run->s;
	struct qf_arena *a = qf_arena_new(0);
	struct config_call call;
	struct qf_setting_stmt st;
	struct qf_sql_error e;

	if (run->facts.verb == QF_VERB_SET || run->facts.verb == QF_VERB_RESET) {
		if (parse(s, run->stmt.text, a, &st, &e) && !st.all)
			pg_settings_accept(&s->settings, st.name, st.to_default ? NULL : st.value, st.local);
	} else if (run->facts.verb == QF_VERB_SELECT && read_config(s, run->stmt.text, run->portal, a, &call)) {
		pg_settings_accept(&s->settings, call.arg[0], call.arg[1], read_flag(call.arg[2]));
	}
	qf_arena_free(a);
}

void pg_set_refused(struct pg_run *run, struct qf_sql_error *e)
{
	enum qf_verb v = run->facts.verb;
	struct qf_setting_stmt st;
	struct qf_sql_error malformed;

	if ((v != QF_VERB_SET && v != QF_VERB_SHOW && v != QF_VERB_RESET) || qf_slice_caseeq_str(run->facts.word,
		"describe"))
		return;
	struct qf_arena *a = qf_arena_new(0);

	if (!parse(run->s, run->stmt.text, a, &st, &malformed)) {
		*e = malformed;
	} else if (st.name) {
		qf_sql_error_set(e, "42704", "unrecognized configuration parameter \"%.200s\"", st.name);
		pg_settings_hint(st.name, e);
	}
	qf_arena_free(a);
}
