/* See form.h. */
#include "form.h"

#include <stdio.h>

#include "cursor.h"

static const uint16_t binary = 1;

struct qf_arena *pg_form_arena(struct pg_run *run)
{
	if (!run->arena)
		run->arena = qf_arena_new(0);
	return run->arena;
}

void pg_form_error(const struct qf_pgstmt_error *from, struct qf_sql_error *ret)
{
	qf_sql_error_set(ret, from->sqlstate, "%s", from->text);
	ret->position = from->position;
}

static void find_cursor(struct pg_run *run, struct qf_slice sql, enum qf_dialect d, struct qf_pgstmt_error *err)
{
	struct qf_cursor_stmt st;

	if (qf_cursor_parse(sql, d, pg_form_arena(run), &st, err) < 0)
		return;
	run->form = QF_FORM_CURSOR;
	run->form_flags = (st.hold ? QF_RUN_HOLD : 0) | (st.scroll ? QF_RUN_SCROLL : 0);
	qf_buf_add_slice(&run->form_inner, st.query);
	run->form_at = (size_t)(st.query.p - sql.p);
}

/* The names are as the server knows them: in quotes they stay so. */
static void put_names(struct qf_buf *to, const struct qf_names *names, const char *otherwise)
{
	if (names->n == 0)
		qf_buf_add_str(to, otherwise);
	for (size_t i = 0; i < names->n; i++) {
		qf_buf_add_str(to, i > 0 ? ", \"" : "\"");
		for (const char *c = names->v[i]; *c; c++) {
			if (*c == '"')
				qf_buf_u8(to, '"');
			qf_buf_u8(to, (uint8_t)*c);
		}
		qf_buf_u8(to, '"');
	}
}

static void put_copy_out(struct pg_run *run, const struct qf_copy_stmt *c, struct qf_slice sql)
{
	struct qf_buf *to = &run->form_inner;

	run->form = QF_FORM_COPY_OUT;
	if (c->query.p) {
		qf_buf_add_slice(to, c->query);
		run->form_at = (size_t)(c->query.p - sql.p);
		return;
	}
	qf_buf_add_str(to, "SELECT ");
	put_names(to, &c->columns, "*");
	qf_buf_add_str(to, " FROM ");
	qf_buf_add_slice(to, c->table);
}

static void put_copy_in(struct pg_run *run, const struct qf_copy_stmt *c)
{
	struct qf_buf *to = &run->form_inner;

	run->form = QF_FORM_COPY_IN;
	qf_buf_add_str(to, "INSERT INTO ");
	qf_buf_add_slice(to, c->table);
	if (c->columns.n) {
		qf_buf_add_str(to, " (");
		put_names(to, &c->columns, "");
		qf_buf_add_str(to, ")");
	}
	qf_buf_add_str(to, " SELECT * FROM qf_copy_data");
}

static bool is_utf8(const char *encoding)
{
	static const char *const names[] = { "utf8", "utf-8", "unicode" };

	for (size_t i = 0; encoding && i < sizeof(names) / sizeof(names[0]); i++)
		if (qf_slice_caseeq_str(qf_slice_str(encoding), names[i]))
			return true;
	return !encoding;
}

/* What PostgreSQL has beyond what other engines are given. */
static void lack(struct pg_run *run, const char *sqlstate, const char *what, const char *hint)
{
	qf_sql_error_set(&run->form_error, sqlstate, "%s", what);
	snprintf(run->form_error.hint, sizeof(run->form_error.hint), "%s", hint);
}

static void find_copy(struct pg_run *run, struct qf_slice sql, enum qf_dialect d, struct qf_pgstmt_error *err)
{
	struct qf_copy_stmt *c = qf_arena_alloc(pg_form_arena(run), sizeof(*c));

	if (qf_copy_parse(sql, d, run->arena, c, err) < 0)
		return;
	if (c->end != QF_COPY_CLIENT)
		lack(run, "42501", "COPY to or from a file or a program is not allowed here",
			"Use COPY TO STDOUT or COPY FROM STDIN; psql's \\copy does.");
	else if (!is_utf8(c->encoding))
		lack(run, "0A000", "COPY in another encoding than UTF8 is not supported by the engine of this group",
			"Convert the data on the client's side.");
	else if (c->where)
		lack(run, "0A000", "COPY FROM … WHERE is not supported by the engine of this group",
			"Copy into a table of its own, then INSERT … SELECT … WHERE.");
	else if (c->from)
		put_copy_in(run, c);
	else
		put_copy_out(run, c, sql);
	run->copied = c;
}

/* A query in it is read by an engine: it may be none. */
bool pg_form_is_copy(struct qf_slice sql, enum qf_dialect d, const struct qf_facts *f)
{
	struct qf_pgstmt_error err;
	struct qf_copy_stmt c;

	if (f->verb != QF_VERB_COPY)
		return false;
	struct qf_arena *a = qf_arena_new(0);
	bool is = qf_copy_parse(sql, d, a, &c, &err) == 0 && c.end == QF_COPY_CLIENT && !c.query.p;

	qf_arena_free(a);
	return is;
}

void pg_form_find(struct pg_run *run, struct qf_slice sql, const struct qf_facts *f)
{
	enum qf_dialect d = pg_session_facts(run->s)->dialect;
	struct qf_pgstmt_error err = { 0 };

	run->form = QF_FORM_PLAIN;
	run->form_flags = 0;
	run->form_at = SIZE_MAX;
	run->form_error = (struct qf_sql_error){ 0 };
	qf_buf_clear(&run->form_inner);
	run->copied = NULL;
	if (f->verb == QF_VERB_DECLARE)
		find_cursor(run, sql, d, &err);
	else if (f->verb == QF_VERB_COPY)
		find_copy(run, sql, d, &err);
	if (err.sqlstate[0])
		pg_form_error(&err, &run->form_error);
}

static void bind_cursor(struct pg_run *run, enum pg_step step, struct qf_bind *b)
{
	if (step == PG_STEP_STATEMENT)
		b->portal = run->declared->number;
	b->flags |= run->form_flags;
}

void pg_form_bind(struct pg_run *run, enum pg_step step, struct qf_bind *b)
{
	if (run->form == QF_FORM_PLAIN)
		return;
	b->form = run->form;
	b->inner = qf_buf_slice(&run->form_inner);
	if (run->form == QF_FORM_CURSOR)
		bind_cursor(run, step, b);
	/* What its Bind says of formats is for rows, and it has none. */
	bool is_binary = run->form == QF_FORM_COPY_OUT && run->copied->format.kind == QF_COPY_BINARY;

	b->formats = is_binary ? &binary : NULL;
	b->n_formats = is_binary;
}
