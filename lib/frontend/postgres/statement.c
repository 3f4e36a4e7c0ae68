/* One statement: whether it may run now, and who answers it. See query.h. */
#include <stdio.h>
#include <string.h>

#include "form.h"
#include "utility.h"

static const char aborted[] = "current transaction is aborted, commands ignored until end of transaction block";

static void fail(struct pg_run *run, const char *sqlstate, const char *text)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, sqlstate, "%s", text);
	pg_run_fail(run, &e);
}

bool pg_is_savepoint(enum qf_verb v)
{
	return v == QF_VERB_SAVEPOINT || v == QF_VERB_RELEASE || v == QF_VERB_ROLLBACK_TO;
}

/* Of the session, not of data. */
static bool is_of_session(enum qf_verb v)
{
	return pg_is_savepoint(v) || v == QF_VERB_SET || v == QF_VERB_RESET || v == QF_VERB_DECLARE ||
		v == QF_VERB_FETCH ||
	       v == QF_VERB_MOVE || v == QF_VERB_CLOSE || v == QF_VERB_DISCARD || v == QF_VERB_LISTEN ||
		v == QF_VERB_LOCK;
}

/* What PostgreSQL refuses in a read-only transaction, as far as a gateway can tell. */
static bool writes(const struct qf_facts *f)
{
	if (is_of_session(f->verb))
		return false;
	if (f->access == QF_ACCESS_UNKNOWN)
		return !f->returns_rows;
	return f->access == QF_ACCESS_WRITE;
}

static void fail_read_only(struct pg_run *run)
{
	struct qf_sql_error e;
	char tag[64];

	/* The tag without its counts is what PostgreSQL calls the statement. */
	qf_sql_tag(run->stmt.text, &run->facts, 0, tag, sizeof(tag));
	tag[strcspn(tag, "0123456789")] = 0;
	for (size_t n = strlen(tag); n > 0 && tag[n - 1] == ' '; n--)
		tag[n - 1] = 0;
	qf_sql_error_set(&e, "25006", "cannot execute %s in a read-only transaction", tag);
	pg_run_fail(run, &e);
}

static void fail_savepoint(struct pg_run *run)
{
	struct qf_sql_error e;
	const char *what = run->facts.verb == QF_VERB_SAVEPOINT	? "SAVEPOINT" :
			   run->facts.verb == QF_VERB_RELEASE	? "RELEASE SAVEPOINT" :
								  "ROLLBACK TO SAVEPOINT";

	qf_sql_error_set(&e, "25P01", "%s can only be used in transaction blocks", what);
	pg_run_fail(run, &e);
}

/* The pin died while the session was idle: only now can the client be told. */
static void fail_lost(struct pg_run *run)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "25P02", "%s", aborted);
	snprintf(e.detail, sizeof(e.detail),
		"The connection that held the transaction was lost; nothing of it took effect.");
	pg_run_fail(run, &e);
}

void pg_run_at_engine(struct pg_run *run)
{
	if (writes(&run->facts) && pg_settings_bool(&run->s->settings, PG_TRANSACTION_READ_ONLY))
		fail_read_only(run);
	else
		pg_run_query(run, PG_STEP_STATEMENT, run->stmt.text, &run->facts);
}

static bool is_suspended(const struct pg_run *run)
{
	return run->portal && run->portal->state == PG_PORTAL_SUSPENDED;
}

/* Nothing else belongs to its transaction. */
static bool is_whole(const struct pg_run *run)
{
	return run->kind == PG_RUN_QUERY ? run->n_statements == 1 : run->alone;
}

void pg_run_statement(struct pg_run *run)
{
	struct pg_txn *txn = &run->s->txn;
	enum qf_verb verb = run->facts.verb;

	if (run->cancelled) {
		fail(run, "57014", "canceling statement due to user request");
		return;
	}
	if (verb == QF_VERB_COMMIT || verb == QF_VERB_ROLLBACK) {
		pg_control(run);
		return;
	}
	if (pg_txn_lost(txn)) {
		fail_lost(run);
		return;
	}
	if (txn->state == PG_TXN_FAILED && verb != QF_VERB_ROLLBACK_TO) {
		fail(run, "25P02", aborted);
		return;
	}
	if (txn->state == PG_TXN_IDLE && !is_whole(run))
		pg_control_begin_implicit(run->s);
	/* START alone begins a transaction on some engines, unseen by us: here it is START TRANSACTION or an error. */
	if (verb == QF_VERB_BEGIN || verb == QF_VERB_SET_TRANSACTION || qf_slice_caseeq_str(run->facts.word, "start"))
		pg_control(run);
	else if (pg_is_savepoint(verb) && !pg_txn_in_block(txn))
		fail_savepoint(run);
	else if (is_suspended(run) || !pg_utility(run))
		pg_run_at_engine(run);
}

bool pg_statement_is_local(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	return f->verb == QF_VERB_COMMIT || f->verb == QF_VERB_ROLLBACK || f->verb == QF_VERB_BEGIN ||
	       f->verb == QF_VERB_SET_TRANSACTION || qf_slice_caseeq_str(f->word, "start") ||
	       pg_form_is_copy(stmt, pg_session_facts(s)->dialect, f) || pg_utility_describe(s, stmt, f, columns);
}
