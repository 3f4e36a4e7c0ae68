/* BEGIN, COMMIT, ROLLBACK, SET TRANSACTION. [PG 55.2.2.1] See query.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../words.h"
#include "cursor.h"

static void warn(struct pg_run *run, const char *sqlstate, const char *text)
{
	pg_reply_notice(run->s, "WARNING", sqlstate, text);
}


/* ---- the characteristics of a transaction are settings that end with it ---- */

static const enum pg_setting_id of_transaction[] = { PG_TRANSACTION_ISOLATION, PG_TRANSACTION_READ_ONLY,
	PG_TRANSACTION_DEFERRABLE };
enum { N_CHARACTERISTICS = sizeof(of_transaction) / sizeof(of_transaction[0]) };

/* What can be told only before the engine has seen anything of the transaction. */
static bool too_late(struct pg_run *run, const struct pg_txn_stmt *st, struct qf_sql_error *reterr)
{
	const struct pg_session *s = run->s;

	if (st->session || !(pg_txn_at_engine(&s->txn) || pg_txn_lost(&s->txn)))
		return false;
	if (st->isolation && strcmp(st->isolation, pg_settings_get(&s->settings, PG_TRANSACTION_ISOLATION)) != 0) {
		qf_sql_error_set(reterr, "25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query");
		return true;
	}
	bool read_write = st->read_only && strcmp(st->read_only, "off") == 0;

	if (read_write && pg_settings_bool(&s->settings, PG_TRANSACTION_READ_ONLY)) {
		qf_sql_error_set(reterr, "25001", "transaction read-write mode must be set before any query");
		return true;
	}
	return false;
}

static bool apply(struct pg_run *run, const struct pg_txn_stmt *st)
{
	const char *values[N_CHARACTERISTICS] = { st->isolation, st->read_only, st->deferrable };
	struct qf_sql_error e;

	if (too_late(run, st, &e)) {
		pg_run_fail(run, &e);
		return false;
	}
	for (int i = 0; i < N_CHARACTERISTICS; i++) {
		const struct pg_setting *def = &pg_setting_table[of_transaction[i]];

		if (st->session)
			def = &pg_setting_table[def->inherits];
		if (values[i] && !pg_settings_set(&run->s->settings, def->name, values[i], PG_SCOPE_SESSION, &e)) {
			pg_run_fail(run, &e);
			return false;
		}
	}
	return true;
}

/* ---- begin and end ---- */

void pg_control_begin_implicit(struct pg_session *s)
{
	s->txn.state = PG_TXN_IMPLICIT;
	pg_settings_begin(&s->settings);
}

static void begin_block(struct pg_session *s)
{
	if (s->txn.state == PG_TXN_IDLE)
		pg_settings_begin(&s->settings);
	s->txn.state = PG_TXN_BLOCK;
}

void pg_control_end(struct pg_session *s, bool commit, bool chain)
{
	char *kept[N_CHARACTERISTICS] = { 0 };
	struct qf_sql_error e;

	for (int i = 0; chain && i < N_CHARACTERISTICS; i++)
		kept[i] = qf_xstrdup(pg_settings_get(&s->settings, of_transaction[i]));
	pg_settings_end(&s->settings, commit);
	pg_cursors_end(s, commit);
	pg_portal_drop_all(s);
	pg_txn_release_pin(&s->txn);
	s->txn.state = PG_TXN_IDLE;
	if (!chain) {
		pg_cursors_release(s);
		return;
	}
	begin_block(s);
	for (int i = 0; i < N_CHARACTERISTICS; i++) {
		const char *name = pg_setting_table[of_transaction[i]].name;

		/* It was in force a moment ago: it cannot be refused. */
		qf_assert(pg_settings_set(&s->settings, name, kept[i], PG_SCOPE_LOCAL, &e));
		free(kept[i]);
	}
}

static void begin(struct pg_run *run, const struct pg_txn_stmt *st)
{
	if (run->s->txn.state == PG_TXN_BLOCK)
		warn(run, "25001", "there is already a transaction in progress");
	begin_block(run->s);
	if (!apply(run, st))
		return;
	pg_run_complete(run, qf_slice_caseeq_str(run->facts.word, "start") ? "START TRANSACTION" : "BEGIN");
}

static const char end_words[2][9] = { "ROLLBACK", "COMMIT" };

/* Nothing of the transaction has effect, and until now the client could believe that it had. */
static void commit_lost(struct pg_run *run)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "57P01", "the connection that held the transaction was lost; nothing of it took effect");
	pg_control_end(run->s, false, false);
	pg_run_fail(run, &e);
}

static void send_end(struct pg_run *run, enum pg_step step)
{
	const char *sql = end_words[step != PG_STEP_ROLLBACK];

	pg_run_query(run, step, qf_slice_str(sql), NULL);
}

/* Of the statement that the commit stood behind; none: a Sync. */
static void tell_tag(struct pg_run *run)
{
	if (run->tag[0])
		qf_pg_put_command_complete(&run->s->conn.out, run->tag);
	run->tag[0] = 0;
}

void pg_control_commit_implicit(struct pg_run *run)
{
	if (pg_txn_lost(&run->s->txn)) {
		commit_lost(run);
	} else if (pg_txn_at_engine(&run->s->txn)) {
		send_end(run, PG_STEP_IMPLICIT_COMMIT);
	} else {
		pg_control_end(run->s, true, false);
		tell_tag(run);
	}
}

/* COMMIT and ROLLBACK outside a block: PostgreSQL warns and ends the implicit transaction if there is one. */
static bool check_block(struct pg_run *run, bool commit, const struct pg_txn_stmt *st)
{
	struct qf_sql_error e;

	if (pg_txn_in_block(&run->s->txn))
		return true;
	if (st->chain) {
		qf_sql_error_set(&e, "25P01", "%s AND CHAIN can only be used in transaction blocks", end_words[commit]);
		pg_run_fail(run, &e);
		return false;
	}
	warn(run, "25P01", "there is no transaction in progress");
	return true;
}

static void finish_block(struct pg_run *run, bool commit, const struct pg_txn_stmt *st)
{
	struct pg_txn *txn = &run->s->txn;

	if (!check_block(run, commit, st))
		return;
	if (txn->state == PG_TXN_FAILED)
		commit = false;
	if (commit && pg_txn_lost(txn)) {
		commit_lost(run);
		return;
	}
	run->chain = st->chain;
	if (pg_txn_at_engine(txn)) {
		send_end(run, commit ? PG_STEP_COMMIT : PG_STEP_ROLLBACK);
		return;
	}
	pg_control_end(run->s, commit, st->chain);
	pg_run_complete(run, end_words[commit]);
}

static void finish_commit(struct pg_run *run)
{
	bool chain = run->chain && run->end.ok, implicit = run->step == PG_STEP_IMPLICIT_COMMIT;
	bool undone = run->end.tag && strcmp(run->end.tag, "ROLLBACK") == 0; /* it could not be committed */

	pg_control_end(run->s, run->end.ok && !undone, chain);
	if (!run->end.ok) {
		pg_run_fail_at(run, QF_STAGE_EXECUTE, &run->end.error, run->end.fields);
	} else if (implicit) {
		tell_tag(run);
		run->step = run->kind == PG_RUN_QUERY ? PG_STEP_NEXT : PG_STEP_END;
	} else {
		pg_run_complete(run, end_words[!undone]);
	}
}

void pg_control_finish(struct pg_run *run)
{
	bool chain = run->chain;

	switch (run->step) {
	case PG_STEP_IMPLICIT_ROLLBACK:
		pg_control_end(run->s, false, false);
		run->step = PG_STEP_END;
		break;
	case PG_STEP_ROLLBACK:
		/* Whatever the engine said: without its pin the transaction cannot go on. */
		pg_control_end(run->s, false, chain);
		pg_run_complete(run, "ROLLBACK");
		break;
	default:
		finish_commit(run);
		break;
	}
	run->chain = false;
}

static void set_transaction(struct pg_run *run, const struct pg_txn_stmt *st)
{
	if (!st->session && run->s->txn.state == PG_TXN_IDLE)
		warn(run, "25P01", "SET TRANSACTION can only be used in transaction blocks");
	if (apply(run, st))
		pg_run_complete(run, "SET");
}

void pg_control(struct pg_run *run)
{
	struct pg_txn_stmt st;
	struct qf_sql_error e;
	enum qf_verb verb = run->facts.verb;

	if (!pg_txn_parse(run->stmt.text, pg_session_facts(run->s)->dialect, verb, &st, &e))
		pg_run_fail(run, &e);
	else if (verb == QF_VERB_BEGIN)
		begin(run, &st);
	else if (verb == QF_VERB_SET_TRANSACTION)
		set_transaction(run, &st);
	else
		finish_block(run, verb == QF_VERB_COMMIT, &st);
}

/* ---- savepoints ---- */

/* [PG SAVEPOINT, RELEASE SAVEPOINT, ROLLBACK TO SAVEPOINT] The name is the last word of each. */
static char *savepoint_name(struct pg_run *run, struct qf_arena *a)
{
	enum qf_dialect d = pg_session_facts(run->s)->dialect;
	struct fe_words w = fe_words(run->stmt.text, d);
	struct qf_token last = w.tok;
	char *name;

	for (; !fe_words_end(&w); fe_words_next(&w))
		last = w.tok;
	if (last.type == QF_TOK_QUOTED)
		return qf_sql_unquote(last.text, d, a);
	name = qf_arena_strndup(a, last.text.p, last.text.n);
	for (char *p = name; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	return name;
}

void pg_control_savepoint(struct pg_run *run)
{
	enum qf_verb v = run->facts.verb;
	struct qf_arena *a;
	const char *name;

	if (!pg_is_savepoint(v))
		return;
	a = qf_arena_new(0);
	name = savepoint_name(run, a);
	if (name && v == QF_VERB_SAVEPOINT)
		pg_settings_savepoint(&run->s->settings, name);
	else if (name && v == QF_VERB_RELEASE)
		pg_settings_release(&run->s->settings, name);
	else if (name)
		pg_settings_rollback_to(&run->s->settings, name);
	qf_arena_free(a);
}

/* ---- how it begins at the engine ---- */

/* Only what was said: the rest is as the engine has it, or as the session's settings tell it. */
void pg_control_begin_text(const struct pg_session *s, struct qf_buf *to)
{
	const struct pg_settings *st = &s->settings;
	const char *isolation = pg_settings_said(st, PG_TRANSACTION_ISOLATION);
	const char *read_only = pg_settings_said(st, PG_TRANSACTION_READ_ONLY);
	const char *deferrable = pg_settings_said(st, PG_TRANSACTION_DEFERRABLE);

	if (!isolation && !read_only && !deferrable)
		return;
	qf_buf_add_str(to, "BEGIN");
	if (isolation)
		qf_buf_printf(to, " ISOLATION LEVEL %s", isolation);
	if (read_only)
		qf_buf_add_str(to, strcmp(read_only, "on") == 0 ? " READ ONLY" : " READ WRITE");
	if (deferrable)
		qf_buf_add_str(to, strcmp(deferrable, "on") == 0 ? " DEFERRABLE" : " NOT DEFERRABLE");
}
