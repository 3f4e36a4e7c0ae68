/* Messages of the extended protocol. See extended.h; errors and their order are PostgreSQL's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "sqlprepare.h"

enum { MAX_NAME_SHOWN = 200 };

static const char aborted_text[] = "current transaction is aborted, commands ignored until end of transaction block";

/* ---- errors ---- */

static void fail(struct pg_session *s, const struct qf_sql_error *e)
{
	pg_reply_error(&s->conn.out, "ERROR", e);
	s->skip_to_sync = true;
	pg_run_abort(s);
}

static void fail_malformed(struct pg_session *s)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "08P01", "invalid message format");
	fail(s, &e);
}

static bool set_error(struct qf_sql_error *e, const char *sqlstate, const char *text)
{
	qf_sql_error_set(e, sqlstate, "%s", text);
	return false;
}

static struct qf_slice shown(struct qf_slice name)
{
	return qf_slice(name.p, name.n > MAX_NAME_SHOWN ? MAX_NAME_SHOWN : name.n);
}

/* Nothing but the end of the transaction is taken. */
static bool is_aborted(const struct pg_session *s)
{
	return s->txn.state == PG_TXN_FAILED || pg_txn_lost(&s->txn);
}

static bool ends_transaction(const struct qf_facts *f)
{
	return f->verb == QF_VERB_COMMIT || f->verb == QF_VERB_ROLLBACK || f->verb == QF_VERB_ROLLBACK_TO;
}

/* ---- what is owed ---- */

static void owe(struct pg_session *s, enum pg_owed what, struct pg_statement *st, struct pg_portal *p)
{
	struct pg_extended *x = &s->extended;

	x->owed |= what;
	if (!x->owed_statement)
		x->owed_statement = pg_statement_ref(st);
	if (p && !x->owed_portal)
		x->owed_portal = pg_portal_ref(p);
}

static void paid(struct pg_session *s, unsigned what)
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
	paid(s, reached > QF_STAGE_BIND ? PG_OWED_PARSE | PG_OWED_BIND : reached > QF_STAGE_PARSE ? PG_OWED_PARSE : 0);
}

void pg_extended_pay_describe(struct pg_session *s, struct qf_slice description)
{
	if (!(s->extended.owed & PG_OWED_DESCRIBE))
		return;
	if (description.n)
		qf_buf_add_slice(&s->conn.out, description);
	else
		qf_pg_put_mark(&s->conn.out, 'n');
	paid(s, PG_OWED_DESCRIBE);
}

/* RowDescription or NoData of a statement that is described, for a portal with its formats. */
static void put_columns(struct pg_session *s, const struct pg_statement *st, const struct pg_portal *p)
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
		put_columns(s, x->owed_statement, x->owed_portal);
	else if (returns_nothing(&x->owed_statement->facts))
		qf_pg_put_mark(&s->conn.out, 'n');
	else
		return;
	paid(s, PG_OWED_DESCRIBE);
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
	paid(s, ~0u);
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
		ok = qf_pg_value_read(&datum, oid, v->binary, qf_slice(v->p, v->n), pg_session_style(s)->tz, a, sqlstate, &err) == 0 ||
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
static bool settle(struct pg_session *s)
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
		fail(s, &e);
		return true;
	}
	pg_extended_pay(s, QF_STAGE_EXECUTE);
	if (x->owed & PG_OWED_DESCRIBE) {
		x->owed_statement->told = true;
		put_columns(s, x->owed_statement, x->owed_portal);
		paid(s, PG_OWED_DESCRIBE);
	}
	return true;
}

bool pg_extended_before(struct pg_session *s, bool *ret_skip)
{
	bool settled = settle(s);

	/* A rollback behind an error may be on its way. */
	if (!settled || (s->skip_to_sync && s->run))
		return false;
	*ret_skip = s->skip_to_sync;
	return true;
}

/* ---- Parse ---- */

static bool check_name(const struct pg_session *s, struct qf_slice name, struct qf_sql_error *reterr)
{
	if (name.n == 0 || !pg_prepared_find(s, name))
		return true;
	qf_sql_error_set(reterr, "42P05", "prepared statement \"%.*s\" already exists", (int)shown(name).n, (const char *)name.p);
	return false;
}

static struct pg_statement *make_statement(struct pg_session *s, const struct qf_pg_parse *p, struct qf_sql_error *reterr)
{
	struct qf_statement stmt;

	if (!pg_check_text(p->name, reterr) || !pg_check_parse(s, p->text, &stmt, reterr) || !check_name(s, p->name, reterr))
		return NULL;
	struct pg_statement *st = pg_statement_new(s, p->name, p->text, &stmt, p->types, p->n_types);

	if (is_aborted(s) && st->n > 0 && !ends_transaction(&st->facts)) {
		set_error(reterr, "25P02", aborted_text);
		return pg_statement_unref(s, st);
	}
	return pg_prepared_put(s, st, reterr) ? st : NULL;
}

/* Its description is known here: nobody else needs to be asked. */
static bool is_local(struct pg_session *s, struct pg_statement *st)
{
	struct qf_buf columns = { 0 };

	st->local = st->n == 0 || pg_statement_is_local(s, qf_slice(st->text, st->n), &st->facts, &columns);
	if (st->local)
		pg_statement_describe(s, st, NULL, 0, &columns);
	qf_buf_fini(&columns);
	return st->local;
}

static void on_parse(struct pg_session *s, const struct qf_pg_parse *p)
{
	struct qf_sql_error e;

	if (p->name.n == 0)
		pg_prepared_drop_unnamed(s);
	struct pg_statement *st = make_statement(s, p, &e);

	if (!st)
		fail(s, &e);
	else if (is_local(s, st))
		qf_pg_put_mark(&s->conn.out, '1');
	else
		owe(s, PG_OWED_PARSE, st, NULL);
}

/* ---- Bind ---- */

static bool check_counts(const struct pg_statement *st, const struct qf_pg_bind *b, struct qf_sql_error *reterr)
{
	if (b->n_param_formats > 1 && b->n_param_formats != b->n_values) {
		qf_sql_error_set(reterr, "08P01", "bind message has %u parameter formats but %u parameters", b->n_param_formats,
			b->n_values);
		return false;
	}
	if (b->n_values == st->n_params)
		return true;
	qf_sql_error_set(reterr, "08P01", "bind message supplies %u parameters, but prepared statement \"%.*s\" requires %u",
		b->n_values, MAX_NAME_SHOWN, st->name, st->n_params);
	return false;
}

static bool check_formats(struct qf_reader r, uint16_t n, struct qf_sql_error *reterr)
{
	for (uint16_t i = 0; i < n; i++) {
		uint16_t format = qf_read_u16(&r);

		if (format <= 1)
			continue;
		qf_sql_error_set(reterr, "22023", "unsupported format code: %d", (int16_t)format);
		return false;
	}
	return true;
}

static bool check_text_values(const struct pg_portal *p, struct qf_sql_error *reterr)
{
	for (uint16_t i = 0; i < p->n_values; i++)
		if (p->values[i].p && !p->values[i].binary && !pg_check_text(qf_slice(p->values[i].p, p->values[i].n), reterr))
			return false;
	return true;
}

static struct pg_portal *make_portal(struct pg_session *s, struct pg_statement *st, const struct qf_pg_bind *b,
				     struct qf_sql_error *reterr)
{
	if (!check_counts(st, b, reterr))
		return NULL;
	if (is_aborted(s) && !ends_transaction(&st->facts)) {
		set_error(reterr, "25P02", aborted_text);
		return NULL;
	}
	if (b->portal.n && pg_portal_find(s, b->portal)) {
		qf_sql_error_set(reterr, "42P03", "portal \"%.*s\" already exists", (int)shown(b->portal).n,
			(const char *)b->portal.p);
		return NULL;
	}
	if (!check_formats(b->param_formats, b->n_param_formats, reterr) || !check_formats(b->formats, b->n_formats, reterr))
		return NULL;
	struct pg_portal *p = pg_portal_new(s, st, b);

	if (!check_text_values(p, reterr))
		return pg_portal_unref(s, p);
	return pg_portal_put(s, p, reterr) ? p : NULL;
}

/* Is the statement the one that was parsed just before? */
static bool follows_parse(const struct pg_session *s, const struct pg_statement *st)
{
	return s->extended.owed == PG_OWED_PARSE && st == s->extended.owed_statement;
}

static bool on_bind(struct pg_session *s, const struct qf_pg_bind *b)
{
	struct pg_statement *st = pg_prepared_find(s, b->statement);
	struct pg_portal *p = NULL;
	struct qf_sql_error e;
	bool follows = st && follows_parse(s, st);

	if (!follows && !settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	if (!st)
		pg_prepared_missing(shown(b->statement), &e);
	else
		p = make_portal(s, st, b, &e);
	if (p && st->local) {
		qf_pg_put_mark(&s->conn.out, '2');
	} else if (p) {
		owe(s, PG_OWED_BIND, st, p);
	} else {
		if (!settle(s))
			return false; /* an error of its Parse comes first */
		if (!s->skip_to_sync)
			fail(s, &e);
	}
	return true;
}

/* ---- Describe ---- */

/* False: an engine is asked for the description. */
static bool describe(struct pg_session *s, struct pg_statement *st, const struct pg_portal *p)
{
	struct pg_statement *target = pg_sql_target(s, st);
	struct pg_statement *shown_as = target ? target : st;
	struct qf_sql_error e;
	bool known = pg_statement_described(s, shown_as);

	if (is_aborted(s) && (!known || shown_as->columns.n)) {
		set_error(&e, "25P02", aborted_text);
		fail(s, &e);
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
	put_columns(s, shown_as, p);
	return true;
}

static bool on_describe_statement(struct pg_session *s, struct qf_slice name)
{
	struct qf_sql_error e;

	if (!settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	struct pg_statement *st = pg_prepared_find(s, name);

	if (st)
		return describe(s, st, NULL);
	pg_prepared_missing(shown(name), &e);
	fail(s, &e);
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
	struct qf_sql_error e;

	if (!known && name.n > 0 && pg_session_has_engine(s)) {
		pg_statement_unref(s, x->cursor);
		x->cursor = fetch_of(s, name);
		pg_run_describe(s, x->cursor);
		return false;
	}
	if (known && x->cursor->columns.n) {
		put_columns(s, x->cursor, NULL);
	} else {
		pg_portal_missing(shown(name), &e);
		fail(s, &e);
	}
	x->cursor = pg_statement_unref(s, x->cursor);
	return true;
}

static bool on_describe_portal(struct pg_session *s, struct qf_slice name)
{
	struct pg_extended *x = &s->extended;
	struct pg_portal *p = pg_portal_find(s, name);

	if (p && p == x->owed_portal && !(x->owed & PG_OWED_DESCRIBE)) {
		owe(s, PG_OWED_DESCRIBE, p->statement, p);
		return true;
	}
	if (!settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
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
	qf_sql_error_set(&e, "55000", "portal \"%.*s\" cannot be run", MAX_NAME_SHOWN, p->name);
	fail(s, &e);
}

static bool on_execute(struct pg_session *s, struct qf_slice name, uint32_t max_rows, struct qf_slice rest)
{
	struct pg_extended *x = &s->extended;
	struct pg_portal *p = pg_portal_find(s, name);
	struct qf_sql_error e;

	if ((!p || p != x->owed_portal) && !settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	p = pg_portal_find(s, name);
	if (!p) {
		pg_portal_missing(shown(name), &e);
		fail(s, &e);
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
	if (!settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	struct pg_statement *st = kind == 'S' ? pg_prepared_find(s, name) : NULL;
	struct pg_portal *p = kind == 'P' ? pg_portal_find(s, name) : NULL;

	if (st)
		pg_prepared_drop(s, st);
	if (p)
		pg_portal_drop(s, p);
	qf_pg_put_mark(&s->conn.out, '3');
	return true;
}

static bool on_sync(struct pg_session *s)
{
	if (!settle(s))
		return false;
	if (s->run)
		return false; /* the rollback behind an error that was just told */
	s->skip_to_sync = false;
	pg_run_sync(s);
	return true;
}

/* ---- all of them ---- */

static bool parse_message(struct pg_session *s, struct qf_slice body)
{
	struct qf_pg_parse p;

	if (!settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	if (qf_pg_read_parse(body, &p) < 0)
		fail_malformed(s);
	else
		on_parse(s, &p);
	return true;
}

static bool bind_message(struct pg_session *s, struct qf_slice body)
{
	struct qf_pg_bind b;

	if (qf_pg_read_bind(body, &b) == 0)
		return on_bind(s, &b);
	if (!settle(s))
		return false;
	if (!s->skip_to_sync)
		fail_malformed(s);
	return true;
}

static bool target_message(struct pg_session *s, char message, struct qf_slice body)
{
	struct qf_slice name;
	char kind;

	if (qf_pg_read_target(body, &kind, &name) == 0 && message == 'C')
		return on_close(s, kind, name);
	if (qf_pg_read_target(body, &kind, &name) == 0)
		return kind == 'S' ? on_describe_statement(s, name) : on_describe_portal(s, name);
	if (!settle(s))
		return false;
	if (!s->skip_to_sync)
		fail_malformed(s);
	return true;
}

static bool execute_message(struct pg_session *s, struct qf_slice body, struct qf_slice rest)
{
	struct qf_slice name;
	uint32_t max_rows;

	if (qf_pg_read_execute(body, &name, &max_rows) == 0)
		return on_execute(s, name, max_rows, rest);
	if (!settle(s))
		return false;
	if (!s->skip_to_sync)
		fail_malformed(s);
	return true;
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
		return settle(s);
	}
}

void pg_extended_fini(struct pg_session *s)
{
	paid(s, ~0u);
	pg_portal_drop_all(s);
	pg_prepared_drop_all(s);
	s->extended.cursor = pg_statement_unref(s, s->extended.cursor);
}
