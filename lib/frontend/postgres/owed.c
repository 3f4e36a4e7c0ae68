/* Errors of the extended protocol, and what is owed in it. See extended.h; the order is PostgreSQL's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

/* ---- errors ---- */

void pg_extended_fail(struct pg_session *s, const struct qf_sql_error *e)
{
	pg_reply_error(&s->conn.out, "ERROR", e);
	s->skip_to_sync = true;
	pg_run_abort(s);
}

void pg_extended_fail_malformed(struct pg_session *s)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "08P01", "invalid message format");
	pg_extended_fail(s, &e);
}

bool pg_aborted_error(struct qf_sql_error *e)
{
	qf_sql_error_set(e, "25P02", "current transaction is aborted, commands ignored until end of transaction block");
	return false;
}

struct qf_slice pg_name_shown(struct qf_slice name)
{
	return qf_slice(name.p, name.n > PG_NAME_SHOWN ? PG_NAME_SHOWN : name.n);
}

/* Nothing but the end of the transaction is taken. */
bool pg_is_aborted(const struct pg_session *s)
{
	return s->txn.state == PG_TXN_FAILED || pg_txn_lost(&s->txn);
}

/* ---- what is owed ---- */

void pg_owe(struct pg_session *s, enum pg_owed what, struct pg_statement *st, struct pg_portal *p)
{
	struct pg_extended *x = &s->extended;

	x->owed |= what;
	if (!x->owed_statement)
		x->owed_statement = pg_statement_ref(st);
	if (p && !x->owed_portal)
		x->owed_portal = pg_portal_ref(p);
}

void pg_owed_paid(struct pg_session *s, unsigned what)
{
	struct pg_extended *x = &s->extended;

	x->owed &= ~what;
	if (x->owed)
		return;
	x->owed_statement = pg_statement_unref(s, x->owed_statement);
	x->owed_portal = pg_portal_unref(s, x->owed_portal);
}

void pg_extended_pay(struct pg_session *s, enum qf_stage reached)
{
	unsigned owed = s->extended.owed;

	if (owed & PG_OWED_PARSE && reached > QF_STAGE_PARSE)
		qf_pg_put_mark(&s->conn.out, '1');
	if (owed & PG_OWED_BIND && reached > QF_STAGE_BIND)
		qf_pg_put_mark(&s->conn.out, '2');
	pg_owed_paid(s,
		reached > QF_STAGE_BIND ? PG_OWED_PARSE | PG_OWED_BIND : reached > QF_STAGE_PARSE ? PG_OWED_PARSE : 0);
}

void pg_extended_pay_describe(struct pg_session *s, struct qf_slice description)
{
	if (!(s->extended.owed & PG_OWED_DESCRIBE))
		return;
	if (description.n)
		qf_buf_add_slice(&s->conn.out, description);
	else
		qf_pg_put_mark(&s->conn.out, 'n');
	pg_owed_paid(s, PG_OWED_DESCRIBE);
}

/* RowDescription or NoData of a statement that is described, for a portal with its formats. */
void pg_extended_put_columns(struct pg_session *s, const struct pg_statement *st, const struct pg_portal *p)
{
	struct qf_buf *out = &s->conn.out;
	size_t at = out->n;

	if (st->columns.n == 0) {
		qf_pg_put_mark(out, 'n');
		return;
	}
	qf_buf_add_slice(out, qf_buf_slice(&st->columns));
	if (p)
		qf_pg_set_formats(out->p + at, out->n - at, p->formats, p->n_formats);
}

/* A procedure may have rows for its caller. */
static bool returns_nothing(const struct qf_facts *f)
{
	if (f->verb == QF_VERB_CALL)
		return qf_slice_caseeq_str(f->word, "do");
	return !f->returns_rows && f->verb != QF_VERB_OTHER;
}

void pg_extended_pay_all(struct pg_session *s)
{
	struct pg_extended *x = &s->extended;

	pg_extended_pay(s, QF_STAGE_EXECUTE);
	if (!(x->owed & PG_OWED_DESCRIBE))
		return;
	if (pg_statement_described(s, x->owed_statement))
		pg_extended_put_columns(s, x->owed_statement, x->owed_portal);
	else if (returns_nothing(&x->owed_statement->facts))
		qf_pg_put_mark(&s->conn.out, 'n');
	else
		return;
	pg_owed_paid(s, PG_OWED_DESCRIBE);
}

void pg_extended_failed(struct pg_session *s, enum qf_stage at)
{
	struct pg_extended *x = &s->extended;

	if (at == QF_STAGE_EXECUTE)
		pg_extended_pay_all(s);
	else
		pg_extended_pay(s, at);
	if (x->owed & PG_OWED_PARSE)
		pg_prepared_drop(s, x->owed_statement);
	if (x->owed & PG_OWED_BIND)
		pg_portal_drop(s, x->owed_portal);
	pg_owed_paid(s, ~0u);
	s->skip_to_sync = true;
}

/* What the engine would say of the values, as far as their types are known here. */
static bool check_values(struct pg_session *s, const struct pg_portal *p, struct qf_sql_error *reterr)
{
	struct qf_arena *a = qf_arena_new(0);
	bool ok = true;

	for (uint16_t i = 0; ok && i < p->n_values; i++) {
		const struct qf_value *v = &p->values[i];
		uint32_t oid = pg_statement_type(p->statement, i);
		struct qf_datum datum;
		struct qf_err err;
		char sqlstate[6] = "";

		if (!v->p || !oid || !qf_pg_type_name(oid))
			continue;
		ok = qf_pg_value_read(&datum, oid, v->binary, qf_slice(v->p, v->n), pg_session_style(s)->tz, a,
			sqlstate, &err) == 0 ||
		     strcmp(sqlstate, "0A000") == 0;
		if (!ok)
			qf_sql_error_set(reterr, sqlstate, "%s", err.text);
		qf_arena_clear(a);
	}
	qf_arena_free(a);
	return ok;
}

static uint16_t count_columns(const struct pg_statement *st)
{
	return st->columns.n > 6 ? (uint16_t)(st->columns.p[5] << 8 | st->columns.p[6]) : 0;
}

/* A Bind that no run proves. */
static bool check_bind(struct pg_session *s, const struct pg_portal *p, struct qf_sql_error *reterr)
{
	const struct pg_statement *st = p->statement;

	if (!check_values(s, p, reterr))
		return false;
	if (!st->described || st->columns.n == 0 || p->n_formats <= 1 || p->n_formats == count_columns(st))
		return true;
	qf_sql_error_set(reterr, "08P01", "bind message has %u result formats but query has %u columns", p->n_formats,
		count_columns(st));
	return false;
}

/* All that is owed is said, without a run of the portal. False: an engine is asked first. */
bool pg_settle(struct pg_session *s)
{
	struct pg_extended *x = &s->extended;
	struct qf_sql_error e;

	if (!x->owed)
		return true;
	if (x->owed & (PG_OWED_PARSE | PG_OWED_DESCRIBE) && !pg_statement_described(s, x->owed_statement)) {
		pg_run_describe(s, x->owed_statement);
		return false;
	}
	if (x->owed & PG_OWED_BIND && !check_bind(s, x->owed_portal, &e)) {
		pg_extended_failed(s, QF_STAGE_BIND);
		pg_extended_fail(s, &e);
		return true;
	}
	pg_extended_pay(s, QF_STAGE_EXECUTE);
	if (x->owed & PG_OWED_DESCRIBE) {
		x->owed_statement->told = true;
		pg_extended_put_columns(s, x->owed_statement, x->owed_portal);
		pg_owed_paid(s, PG_OWED_DESCRIBE);
	}
	return true;
}

bool pg_settled(struct pg_session *s, bool *ret_taken)
{
	*ret_taken = pg_settle(s);
	return *ret_taken && !s->skip_to_sync;
}

bool pg_extended_before(struct pg_session *s, bool *ret_skip)
{
	bool settled = pg_settle(s);

	/* A rollback behind an error may be on its way. */
	if (!settled || (s->skip_to_sync && s->run))
		return false;
	*ret_skip = s->skip_to_sync;
	return true;
}
