/* Describe, Execute, Close, Sync, and the messages of the extended protocol as a whole. See extended.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "sqlprepare.h"

/* ---- Describe ---- */

/* A portal of FETCH returns what its cursor has by now; the statement is what it was when it was parsed. */
static void refresh_fetch(struct pg_session *s, struct pg_statement *st)
{
	struct qf_buf columns = { 0 };

	if (st->facts.verb != QF_VERB_FETCH && st->facts.verb != QF_VERB_MOVE)
		return;
	if (pg_statement_is_local(s, qf_slice(st->text, st->n), &st->facts, &columns)) {
		st->local = true;
		pg_statement_describe(s, st, NULL, 0, &columns);
	} else if (st->local) {
		st->local = st->described = false;
	}
	qf_buf_fini(&columns);
}

/* False: an engine is asked for the description. */
static bool describe(struct pg_session *s, struct pg_statement *st, const struct pg_portal *p)
{
	struct pg_statement *target = pg_sql_target(s, st);
	struct pg_statement *shown_as = target ? target : st;
	struct qf_sql_error e;

	if (p)
		refresh_fetch(s, shown_as);
	bool known = pg_statement_described(s, shown_as);

	if (pg_is_aborted(s) && (!known || shown_as->columns.n)) {
		pg_aborted_error(&e);
		pg_extended_fail(s, &e);
		return true;
	}
	if (!known) {
		pg_run_describe(s, shown_as);
		return false;
	}
	for (uint16_t i = 0; !p && i < st->n_params; i++)
		st->param_types[i] = pg_statement_type(st, i);
	if (!p)
		qf_pg_put_parameter_description(&s->conn.out, st->param_types, st->n_params);
	shown_as->told = true;
	pg_extended_put_columns(s, shown_as, p);
	return true;
}

static bool on_describe_statement(struct pg_session *s, struct qf_slice name)
{
	struct qf_sql_error e;

	bool taken;

	if (!pg_settled(s, &taken))
		return taken;
	struct pg_statement *st = pg_prepared_find(s, name);

	if (st)
		return describe(s, st, NULL);
	pg_prepared_missing(pg_name_shown(name), &e);
	pg_extended_fail(s, &e);
	return true;
}

/* A cursor of SQL is a portal as well, which only its engine knows: what would FETCH return? */
static struct pg_statement *fetch_of(struct pg_session *s, struct qf_slice name)
{
	struct qf_statement stmt = { 0 };
	struct qf_buf text = { 0 };

	qf_buf_add_str(&text, "FETCH FORWARD 0 FROM \"");
	for (size_t i = 0; i < name.n; i++) {
		qf_buf_u8(&text, name.p[i]);
		if (name.p[i] == '"')
			qf_buf_u8(&text, '"');
	}
	qf_buf_add_str(&text, "\"");
	stmt.text = qf_buf_slice(&text);
	struct pg_statement *st = pg_statement_new(s, QF_SLICE_NONE, stmt.text, &stmt, (struct qf_reader){ 0 }, 0);

	qf_buf_fini(&text);
	return st;
}

/* False: the engine is asked. */
static bool describe_cursor(struct pg_session *s, struct qf_slice name)
{
	struct pg_extended *x = &s->extended;
	bool known = x->cursor && x->cursor->described;
	struct pg_cursor *c = pg_cursor_find(s, name);
	struct qf_sql_error e;

	if (c) {
		qf_buf_add_slice(&s->conn.out, qf_buf_slice(&c->columns));
		return true;
	}
	if (!known && name.n > 0 && pg_session_has_engine(s) && !s->foreign) {
		pg_statement_unref(s, x->cursor);
		x->cursor = fetch_of(s, name);
		pg_run_describe(s, x->cursor);
		return false;
	}
	if (known && x->cursor->columns.n) {
		pg_extended_put_columns(s, x->cursor, NULL);
	} else {
		pg_portal_missing(pg_name_shown(name), &e);
		pg_extended_fail(s, &e);
	}
	x->cursor = pg_statement_unref(s, x->cursor);
	return true;
}

static bool on_describe_portal(struct pg_session *s, struct qf_slice name)
{
	struct pg_extended *x = &s->extended;
	struct pg_portal *p = pg_portal_find(s, name);

	if (p && p == x->owed_portal && !(x->owed & PG_OWED_DESCRIBE)) {
		pg_owe(s, PG_OWED_DESCRIBE, p->statement, p);
		return true;
	}
	bool taken;

	if (!pg_settled(s, &taken))
		return taken;
	p = pg_portal_find(s, name);
	return p ? describe(s, p->statement, p) : describe_cursor(s, name);
}

/* ---- Execute ---- */

enum peeked { PEEK_MORE, PEEK_SYNC, PEEK_OTHER };

/* What stands behind an Execute: Sync, perhaps behind some Close? */
static enum peeked peek(struct qf_slice rest)
{
	struct qf_reader r = qf_reader(rest);

	while (r.n > 0) {
		uint8_t kind = qf_read_u8(&r);
		uint32_t length = qf_read_u32(&r);

		if (kind == 'S')
			return PEEK_SYNC;
		if (kind != 'C' || (!r.err && (length < 4 || length > QF_PG_MAX_SMALL)))
			return PEEK_OTHER;
		if (r.err || length - 4 > r.n)
			return PEEK_MORE;
		qf_read_bytes(&r, length - 4);
	}
	return PEEK_MORE;
}

/* Its end was told already: PostgreSQL finds no more rows, or that it cannot run twice. */
static void execute_done(struct pg_session *s, const struct pg_portal *p)
{
	struct qf_sql_error e;
	char tag[64];

	if (p->had_rows) {
		qf_sql_tag(qf_slice(p->statement->text, p->statement->n), &p->statement->facts, 0, tag, sizeof(tag));
		qf_pg_put_command_complete(&s->conn.out, tag);
		return;
	}
	qf_sql_error_set(&e, "55000", "portal \"%.*s\" cannot be run", PG_NAME_SHOWN, p->name);
	pg_extended_fail(s, &e);
}

static bool on_execute(struct pg_session *s, struct qf_slice name, uint32_t max_rows, struct qf_slice rest)
{
	struct pg_extended *x = &s->extended;
	struct pg_portal *p = pg_portal_find(s, name);
	struct qf_sql_error e;

	if ((!p || p != x->owed_portal) && !pg_settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	p = pg_portal_find(s, name);
	if (!p) {
		pg_portal_missing(pg_name_shown(name), &e);
		pg_extended_fail(s, &e);
	} else if (p->state == PG_PORTAL_DONE) {
		execute_done(s, p);
	} else {
		enum peeked next = pg_txn_in_block(&s->txn) ? PEEK_OTHER : peek(rest);

		if (next == PEEK_MORE)
			return false;
		pg_run_execute(s, p, max_rows, next == PEEK_SYNC);
	}
	return true;
}

/* ---- Close, Sync ---- */

static bool on_close(struct pg_session *s, char kind, struct qf_slice name)
{
	bool taken;

	if (!pg_settled(s, &taken))
		return taken;
	struct pg_statement *st = kind == 'S' ? pg_prepared_find(s, name) : NULL;
	struct pg_portal *p = kind == 'P' ? pg_portal_find(s, name) : NULL;

	if (st)
		pg_prepared_drop(s, st);
	struct pg_cursor *c = kind == 'P' && !p ? pg_cursor_find(s, name) : NULL;

	if (p)
		pg_portal_drop(s, p);
	if (c)
		pg_cursor_drop(s, c);
	qf_pg_put_mark(&s->conn.out, '3');
	return true;
}

static bool on_sync(struct pg_session *s)
{
	if (!pg_settle(s))
		return false;
	if (s->run)
		return false; /* the rollback behind an error that was just told */
	s->skip_to_sync = false;
	pg_run_sync(s);
	return true;
}

/* ---- all of them ---- */

static bool fail_malformed(struct pg_session *s)
{
	bool taken;

	if (!pg_settled(s, &taken))
		return taken;
	pg_extended_fail_malformed(s);
	return true;
}

static bool parse_message(struct pg_session *s, struct qf_slice body)
{
	struct qf_pg_parse p;

	bool taken;

	if (!pg_settled(s, &taken))
		return taken;
	if (qf_pg_read_parse(body, &p) < 0)
		pg_extended_fail_malformed(s);
	else
		pg_on_parse(s, &p);
	return true;
}

static bool bind_message(struct pg_session *s, struct qf_slice body)
{
	struct qf_pg_bind b;

	if (qf_pg_read_bind(body, &b) == 0)
		return pg_on_bind(s, &b);
	return fail_malformed(s);
}

static bool target_message(struct pg_session *s, char message, struct qf_slice body)
{
	struct qf_slice name;
	char kind;

	if (qf_pg_read_target(body, &kind, &name) == 0 && message == 'C')
		return on_close(s, kind, name);
	if (qf_pg_read_target(body, &kind, &name) == 0)
		return kind == 'S' ? on_describe_statement(s, name) : on_describe_portal(s, name);
	return fail_malformed(s);
}

static bool execute_message(struct pg_session *s, struct qf_slice body, struct qf_slice rest)
{
	struct qf_slice name;
	uint32_t max_rows;

	if (qf_pg_read_execute(body, &name, &max_rows) == 0)
		return on_execute(s, name, max_rows, rest);
	return fail_malformed(s);
}

bool pg_extended_message(struct pg_session *s, char kind, struct qf_slice body, struct qf_slice rest)
{
	switch (kind) {
	case 'P':
		return parse_message(s, body);
	case 'B':
		return bind_message(s, body);
	case 'D':
	case 'C':
		return target_message(s, kind, body);
	case 'E':
		return execute_message(s, body, rest);
	case 'S':
		return on_sync(s);
	default: /* Flush: what is said goes out at the end of the turn */
		return pg_settle(s);
	}
}

void pg_extended_fini(struct pg_session *s)
{
	pg_owed_paid(s, ~0u);
	pg_cursors_drop_all(s);
	pg_portal_drop_all(s);
	pg_prepared_drop_all(s);
	s->extended.cursor = pg_statement_unref(s, s->extended.cursor);
	pg_prepared_forget_passing(s);
}
