/* See cursor.h; how FETCH moves is PostgreSQL's [src/backend/tcop/pquery.c of 15, DoPortalRunFetch]. */
#include "cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "qf/map.h"

enum {
	MAX_CURSORS = 10000,
	MAX_BYTES = 64 << 20, /* of statements, portals and cursors of one session */
};

/* ---- those of a session ---- */

struct pg_cursor *pg_cursor_find(const struct pg_session *s, struct qf_slice name)
{
	return s->extended.cursors ? qf_map_get(s->extended.cursors, name) : NULL;
}

struct pg_cursor *pg_cursor_free(struct pg_session *s, struct pg_cursor *c)
{
	if (!c)
		return NULL;
	s->extended.bytes -= c->charged;
	pg_listener_release(s->listener, c->charged);
	qf_buf_fini(&c->columns);
	free(c->name);
	free(c);
	return NULL;
}

static bool charge(struct pg_session *s, struct pg_cursor *c, size_t n)
{
	if (n > MAX_BYTES - s->extended.bytes || !pg_listener_reserve(s->listener, n))
		return false;
	s->extended.bytes += n;
	c->charged += n;
	return true;
}

void pg_cursors_release(struct pg_session *s)
{
	struct pg_txn *t = &s->txn;
	bool any = s->extended.cursors && qf_map_count(s->extended.cursors) > 0;

	if (!any && s->foreign && t->pin && t->state == PG_TXN_IDLE && qf_pin_held(t->pin) == QF_HELD_CURSOR)
		pg_txn_drop_pin(t);
}

void pg_cursor_drop(struct pg_session *s, struct pg_cursor *c)
{
	qf_map_del(s->extended.cursors, qf_slice_str(c->name));
	if (!c->done)
		pg_portal_close_number(s, c->number);
	pg_cursor_free(s, c);
}

void pg_cursors_end(struct pg_session *s, bool commit)
{
	struct pg_cursor *c;
	size_t at = 0;

	if (!s->extended.cursors)
		return;
	while ((c = qf_map_next(s->extended.cursors, &at, NULL))) {
		if (!c->settled && !(commit && c->hold)) {
			qf_map_del(s->extended.cursors, qf_slice_str(c->name));
			pg_cursor_free(s, c);
		} else {
			c->settled = true;
		}
	}
}

void pg_cursors_drop_all(struct pg_session *s)
{
	struct pg_cursor *c;
	size_t at = 0;

	while (s->extended.cursors && (c = qf_map_next(s->extended.cursors, &at, NULL)))
		pg_cursor_drop(s, c);
	s->extended.cursors = qf_map_free(s->extended.cursors);
}

/* ---- reading ---- */

static void missing(struct pg_run *run, const char *name)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "34000", "cursor \"%s\" does not exist", name);
	pg_run_fail(run, &e);
}

/* False: the statement is the engine's; or the error was told. */
static bool parse(struct pg_run *run, struct qf_cursor_stmt *ret, bool *ret_ours)
{
	enum qf_dialect d = pg_session_facts(run->s)->dialect;
	struct qf_pgstmt_error err;
	struct qf_sql_error e;

	*ret_ours = true;
	if (qf_cursor_parse(run->stmt.text, d, pg_form_arena(run), ret, &err) == 0)
		return true;
	*ret_ours = run->s->foreign || !pg_session_has_engine(run->s);
	if (*ret_ours) {
		pg_form_error(&err, &e);
		pg_run_fail(run, &e);
	}
	return false;
}

/* ---- DECLARE ---- */

bool pg_cursor_declare(struct pg_run *run)
{
	struct pg_session *s = run->s;
	struct qf_cursor_stmt st;
	struct qf_pgstmt_error err;
	struct qf_sql_error e;
	enum qf_dialect d = pg_session_facts(s)->dialect;

	if (qf_cursor_parse(run->stmt.text, d, pg_form_arena(run), &st, &err) < 0)
		return false; /* its engine says so, or run->form_error */
	if (pg_portal_find(s, qf_slice_str(st.name)) || pg_cursor_find(s, qf_slice_str(st.name))) {
		qf_sql_error_set(&e, "42P03", "cursor \"%s\" already exists", st.name);
		pg_run_fail(run, &e);
		return true;
	}
	struct pg_cursor *c = qf_xcalloc(1, sizeof(*c));

	c->name = qf_xstrdup(st.name);
	c->number = ++s->extended.next_portal;
	c->binary = st.binary;
	c->hold = st.hold;
	c->settled = st.hold && s->txn.state == PG_TXN_IDLE;
	c->at_start = true;
	run->declared = c;
	pg_run_at_engine(run);
	return true;
}

static bool put(struct pg_session *s, struct pg_cursor *c)
{
	struct pg_extended *x = &s->extended;

	if (!x->cursors)
		x->cursors = qf_map_new();
	if (qf_map_count(x->cursors) >= MAX_CURSORS || !charge(s, c, sizeof(*c) + strlen(c->name) + c->columns.n))
		return false;
	struct pg_cursor *before = qf_map_put(x->cursors, qf_slice_str(c->name), c);

	qf_assert(!before);
	return true;
}

void pg_cursor_declared(struct pg_run *run)
{
	struct pg_cursor *c = run->declared;
	struct qf_sql_error e;
	bool ours = run->end.suspended;

	run->declared = NULL;
	run->end.suspended = run->end.has_rows = false;
	if (!ours) {
		pg_cursor_free(run->s, c);
		pg_run_complete(run, "DECLARE CURSOR");
	} else if (put(run->s, c)) {
		pg_run_complete(run, "DECLARE CURSOR");
	} else {
		pg_portal_close_number(run->s, c->number);
		pg_cursor_free(run->s, c);
		qf_sql_error_set(&e, "53200", "out of memory for cursors: the limit is %d, or %d MiB of a session", MAX_CURSORS,
			MAX_BYTES >> 20);
		pg_run_fail(run, &e);
	}
}

/* ---- FETCH, MOVE ---- */

struct move {
	uint64_t skip, rows; /* passed over, then fetched; rows UINT64_MAX: all that are left */
	bool stays;	     /* whatever it stands on, if that is a row */
	bool back;
};

static bool on_row(const struct pg_cursor *c)
{
	return !c->at_start && !c->at_end;
}

static struct move forward(uint64_t n)
{
	return (struct move){ .rows = n };
}

static struct move absolute(const struct pg_cursor *c, int64_t n)
{
	uint64_t place = c->place + c->at_end;
	struct move m = { .rows = 1 };

	if (n < 0 || (n == 0 && !(c->at_start && !c->at_end))) {
		m.back = true;
	} else if (n == 0) {
		m.rows = 0;
	} else if ((uint64_t)(n - 1) <= c->place / 2) {
		m.back = !c->at_start || c->at_end;
		m.skip = (uint64_t)n - 1;
	} else if ((uint64_t)n <= place) {
		m.back = true;
	} else {
		m.skip = (uint64_t)n - place - 1;
	}
	return m;
}

static struct move make_move(const struct pg_cursor *c, const struct qf_cursor_stmt *st)
{
	int64_t n = st->way == QF_FETCH_BACKWARD ? -st->count : st->count;
	struct move m = forward(1);

	if (st->way == QF_FETCH_ABSOLUTE)
		return absolute(c, n);
	if (st->all) {
		m.rows = UINT64_MAX;
		m.back = st->way == QF_FETCH_BACKWARD;
	} else if (n < 0) {
		m.back = true;
	} else if (n == 0) {
		m.rows = 0;
		m.stays = true;
		m.back = on_row(c) || st->way == QF_FETCH_BACKWARD;
	} else if (st->way == QF_FETCH_RELATIVE) {
		m.skip = (uint64_t)n - 1;
	} else {
		m.rows = (uint64_t)n;
	}
	return m;
}

bool pg_cursor_moves(const struct pg_run *run)
{
	return run->cursor && run->facts.verb == QF_VERB_MOVE;
}

static const char *word_of(const struct pg_run *run)
{
	return run->facts.verb == QF_VERB_MOVE ? "MOVE" : "FETCH";
}

/* How its columns are sent: by an Execute as its Bind says, else as the cursor was declared. */
static void put_columns(const struct pg_run *run, const struct pg_cursor *c, struct qf_buf *out)
{
	static const uint16_t binary = 1;
	size_t at = out->n;

	qf_buf_add_slice(out, qf_buf_slice(&c->columns));
	if (run->portal)
		qf_pg_set_formats(out->p + at, out->n - at, run->portal->formats, run->portal->n_formats);
	else if (c->binary)
		qf_pg_set_formats(out->p + at, out->n - at, &binary, 1);
}

static void complete(struct pg_run *run, uint64_t rows)
{
	char tag[64];

	snprintf(tag, sizeof(tag), "%s %llu", word_of(run), (unsigned long long)rows);
	pg_run_complete(run, tag);
}

/* Nothing of it is to be had from the engine. */
static void answer_here(struct pg_run *run, struct pg_cursor *c, const struct move *m)
{
	struct qf_buf columns = { 0 };

	if (m->rows > 0 && c->done)
		c->at_end = true;
	if (run->facts.verb == QF_VERB_FETCH) {
		put_columns(run, c, &columns);
		run->end.has_rows = true;
		if (run->kind == PG_RUN_EXECUTE) {
			pg_extended_pay(run->s, QF_STAGE_EXECUTE);
			pg_extended_pay_describe(run->s, qf_buf_slice(&columns));
		} else {
			qf_buf_add_slice(&run->s->conn.out, qf_buf_slice(&columns));
		}
	}
	qf_buf_fini(&columns);
	complete(run, m->stays && on_row(c));
}

static void fail_backward(struct pg_run *run)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "55000", "cursor can only scan forward");
	snprintf(e.hint, sizeof(e.hint), "Declare it with SCROLL option to enable backward scan.");
	pg_run_fail(run, &e);
}

static void start(struct pg_run *run, struct pg_cursor *c, const struct qf_cursor_stmt *st)
{
	struct move m = make_move(c, st);

	run->end = (struct qf_query_end){ 0 };
	if (m.stays && run->facts.verb == QF_VERB_MOVE) {
		answer_here(run, c, &m);
	} else if (m.back) {
		fail_backward(run);
	} else if (m.rows == 0 || c->done) {
		answer_here(run, c, &m);
	} else {
		run->cursor = c;
		run->skip = m.skip;
		run->wanted = m.rows;
		pg_run_query(run, PG_STEP_STATEMENT, run->stmt.text, &run->facts);
	}
}

bool pg_cursor_fetch(struct pg_run *run)
{
	struct qf_cursor_stmt st;
	bool ours;

	if (!parse(run, &st, &ours))
		return ours;
	struct pg_cursor *c = pg_cursor_find(run->s, qf_slice_str(st.name));

	if (c)
		start(run, c, &st);
	else if (pg_session_has_engine(run->s) && !run->s->foreign)
		return false;
	else
		missing(run, st.name);
	return true;
}

uint64_t pg_cursor_fetched(struct pg_run *run)
{
	struct pg_cursor *c = run->cursor;
	uint64_t rows = run->end.rows;

	run->cursor = NULL;
	c->done = !run->end.suspended;
	c->place += rows;
	c->at_start = c->at_start && rows == 0;
	c->at_end = c->at_end || c->done;
	run->end.suspended = false;
	return rows > run->skip ? rows - run->skip : 0;
}

void pg_cursor_failed(struct pg_run *run)
{
	run->declared = pg_cursor_free(run->s, run->declared);
	if (run->cursor)
		pg_cursor_drop(run->s, run->cursor);
	run->cursor = NULL;
}

/* ---- CLOSE ---- */

bool pg_cursor_close(struct pg_run *run)
{
	struct pg_session *s = run->s;
	struct qf_cursor_stmt st;
	bool ours;

	if (!parse(run, &st, &ours))
		return ours;
	struct pg_cursor *c = st.name ? pg_cursor_find(s, qf_slice_str(st.name)) : NULL;

	if (!c && pg_session_has_engine(s) && !s->foreign)
		return false;
	if (st.name && !c) {
		missing(run, st.name);
		return true;
	}
	if (c)
		pg_cursor_drop(s, c);
	else
		pg_cursors_drop_all(s);
	pg_cursors_release(s);
	pg_run_complete(run, st.name ? "CLOSE CURSOR" : "CLOSE CURSOR ALL");
	return true;
}

/* ---- described ---- */

bool pg_cursor_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_pgstmt_error err;
	struct qf_cursor_stmt st;
	bool parsed = qf_cursor_parse(stmt, pg_session_facts(s)->dialect, a, &st, &err) == 0;
	struct pg_cursor *c = parsed && st.name ? pg_cursor_find(s, qf_slice_str(st.name)) : NULL;

	if (c && f->verb == QF_VERB_FETCH)
		qf_buf_add_slice(columns, qf_buf_slice(&c->columns));
	qf_arena_free(a);
	return c || s->foreign || !pg_session_has_engine(s);
}
