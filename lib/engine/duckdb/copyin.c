/*
 * See copyin.h. DuckDB's appender runs `INSERT INTO t (…) SELECT * FROM qf_copy_data` for the rows that it was given, as
 * the contract of QF_FORM_COPY_IN has it; the columns of qf_copy_data have the types of those that they go to.
 */
#include "copyin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "qf/copydata.h"
#include "qf/sql.h"
#include "qf/str.h"
#include "type.h"
#include "value.h"

enum {
	FLUSH_BYTES = 16 << 20, /* of input, that the appender may hold before it is told to insert */
	SHOWN = 100,
	OID_TEXT = 25,
	OID_VARCHAR = 1043,
};

struct column {
	duckdb_logical_type type;
	uint32_t oid; /* how its values are read */
	const char *name;
};

struct duck_copy {
	struct qf_copy_stmt stmt;
	struct qf_copy_reader *reader;
	duckdb_appender appender;
	struct qf_arena *mem, *row; /* of the whole; of one row */
	struct column *columns;
	struct qf_value *values;
	size_t n;
	size_t unflushed;
	bool own_transaction;
};

static bool fail(struct qf_engine_conn *c, const char *sqlstate, const char *text)
{
	c->job.end.outcome = QF_OUT_ERROR;
	qf_sql_error_set(&c->job.end.error, sqlstate, "%s", text);
	return false;
}

static bool run(struct qf_engine_conn *c, const char *sql)
{
	struct qf_engine_end *end = &c->job.end;

	if (duck_session_run(c, sql, &end->error, &c->job.kind) == 0)
		return true;
	end->outcome = QF_OUT_ERROR;
	return false;
}

/* ---- the columns ---- */

static void put_token(struct qf_buf *to, struct qf_slice t)
{
	qf_buf_u8(to, ' ');
	qf_buf_add_slice(to, t);
}

/* INSERT INTO t (a, b) SELECT … → SELECT a, b FROM t. False: it is not that. */
static bool put_query(struct qf_buf *to, const char *insert)
{
	struct qf_lexer lx = qf_lexer(qf_slice_str(insert), QF_DIALECT_DUCKDB);
	struct qf_buf table = { 0 };
	struct qf_token t;
	bool in_list = false, any = false;

	qf_buf_add_str(to, "SELECT");
	(void)qf_lex(&lx);
	(void)qf_lex(&lx);
	for (t = qf_lex(&lx); t.type != QF_TOK_END && !qf_slice_caseeq_str(t.text, "select"); t = qf_lex(&lx)) {
		bool opens = qf_slice_eq_str(t.text, "("), closes = qf_slice_eq_str(t.text, ")");

		in_list |= opens;
		any |= in_list;
		if (!opens && !closes)
			put_token(in_list ? to : &table, t.text);
	}
	if (!any)
		qf_buf_add_str(to, " *");
	qf_buf_add_str(to, " FROM");
	qf_buf_add_slice(to, qf_buf_slice(&table));
	qf_buf_fini(&table);
	return t.type != QF_TOK_END;
}

static void describe_columns(struct qf_engine_conn *c, duckdb_prepared_statement prepared)
{
	const struct duck_api *api = &c->engine->api;
	struct duck_copy *k = c->job.copy;

	k->n = api->prepared_statement_column_count(prepared);
	k->columns = qf_arena_alloc(k->mem, (k->n + 1) * sizeof(*k->columns));
	k->values = qf_arena_alloc(k->mem, (k->n + 1) * sizeof(*k->values));
	for (size_t i = 0; i < k->n; i++) {
		const char *name = api->prepared_statement_column_name(prepared, i);
		struct column *col = &k->columns[i];

		col->type = api->prepared_statement_column_logical_type(prepared, i);
		col->oid = duck_type_oid(api, col->type);
		col->name = qf_arena_strdup(k->mem, name);
		api->free((void *)(uintptr_t)name);
	}
}

static bool find_columns(struct qf_engine_conn *c)
{
	duckdb_prepared_statement prepared = NULL;
	struct qf_buf sql = { 0 }, why = { 0 };
	bool ok = put_query(&sql, c->job.sql);

	if (!ok)
		(void)fail(c, "0A000", "COPY FROM STDIN into this is not supported");
	else
		ok = duck_prepare(c, qf_buf_cstr(&sql), &prepared, &why);
	if (ok)
		describe_columns(c, prepared);
	else if (why.n)
		duck_job_fail(c, qf_buf_cstr(&why));
	c->job.end.error.position = 0; /* it is in the statement made here */
	c->engine->api.destroy_prepare(&prepared);
	qf_buf_fini(&sql);
	qf_buf_fini(&why);
	return ok;
}

/* ---- the appender ---- */

static bool fail_append(struct qf_engine_conn *c)
{
	const struct duck_api *api = &c->engine->api;
	duckdb_error_data e = api->appender_error_data(c->job.copy->appender);

	duck_job_fail(c, api->error_data_message(e));
	c->job.end.error.position = 0;
	api->destroy_error_data(&e);
	return false;
}

static bool make_appender(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;
	const char **names = qf_arena_alloc(k->mem, (k->n + 1) * sizeof(*names));
	duckdb_logical_type *types = qf_arena_alloc(k->mem, (k->n + 1) * sizeof(duckdb_logical_type));

	for (size_t i = 0; i < k->n; i++) {
		names[i] = k->columns[i].name;
		types[i] = k->columns[i].type;
	}
	k->reader = qf_copy_reader_new(&k->stmt.format, names, k->n);
	if (c->engine->api.appender_create_query(c->db, c->job.sql, k->n, types, "qf_copy_data", names, &k->appender) ==
		DuckDBSuccess)
		return true;
	return fail_append(c);
}

static bool begin_transaction(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;

	c->savepoints.writes++;
	if (c->in_transaction)
		return true;
	k->own_transaction = run(c, "BEGIN TRANSACTION");
	return k->own_transaction;
}

/* CopyInResponse. */
static void answer(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;
	uint8_t format = k->stmt.format.kind == QF_COPY_BINARY;
	struct qf_buf b = { 0 };

	qf_buf_u8(&b, 'G');
	qf_buf_u32(&b, (uint32_t)(7 + 2 * k->n));
	qf_buf_u8(&b, format);
	qf_buf_u16(&b, (uint16_t)k->n);
	for (size_t i = 0; i < k->n; i++)
		qf_buf_u16(&b, format);
	struct duck_msg *m = duck_job_hold(c, DUCK_MSG_SCHEMA);

	qf_assert(ArrowBufferAppend(&m->bytes, b.p, (int64_t)b.n) == NANOARROW_OK);
	qf_buf_fini(&b);
}

static bool read_statement(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;
	struct qf_pgstmt_error err;

	if (qf_copy_parse(c->job.pub->text, QF_DIALECT_POSTGRES, k->mem, &k->stmt, &err) < 0)
		return fail(c, err.sqlstate, err.text);
	return k->stmt.from || fail(c, "0A000", "this is not COPY FROM");
}

bool duck_copy_begin(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy = qf_xcalloc(1, sizeof(*k));

	k->mem = qf_arena_new(0);
	k->row = qf_arena_new(0);
	c->job.end.stage = QF_STAGE_EXECUTE;
	c->job.type = DUCKDB_STATEMENT_TYPE_INSERT;
	if (!read_statement(c) || !find_columns(c) || !duck_check_catalog(c))
		return false;
	c->engine->written = true;
	duck_writes_begin(c);
	duck_catalog_begin(c, c->job.type, c->job.sql);
	if (!begin_transaction(c) || !make_appender(c))
		return false;
	answer(c);
	return true;
}

/* ---- rows ---- */

/* "COPY t, line 3, column a: "x"", as PostgreSQL has it for its context. */
static bool fail_row(struct qf_engine_conn *c, const char *column, struct qf_slice shown)
{
	struct duck_copy *k = c->job.copy;
	struct qf_sql_error *e = &c->job.end.error;
	int n = (int)qf_utf8_cut(qf_slice(shown.p, shown.n < SHOWN ? shown.n : SHOWN));

	c->job.end.outcome = QF_OUT_ERROR;
	n = snprintf(e->detail, sizeof(e->detail), "COPY %.*s, line %llu%s%.60s%s%.*s%s",
		(int)(k->stmt.table.n < 60 ? k->stmt.table.n : 60), (const char *)k->stmt.table.p,
		(unsigned long long)qf_copy_line(k->reader), column ? ", column " : "", column ? column : "",
		shown.p ? ": \"" : "", n, shown.p ? (const char *)shown.p : "", shown.p ? "\"" : "");
	if (n >= (int)sizeof(e->detail))
		e->detail[qf_utf8_cut(qf_slice(e->detail, sizeof(e->detail) - 1))] = 0;
	return false;
}

static bool append_datum(struct qf_engine_conn *c, const struct column *col, const struct qf_datum *d)
{
	const struct duck_api *api = &c->engine->api;
	struct duck_copy *k = c->job.copy;
	struct duck_type t;

	if (d->kind == QF_DATUM_INT)
		return api->append_int64(k->appender, d->i) == DuckDBSuccess || fail_append(c);
	if (d->kind == QF_DATUM_FLOAT)
		return api->append_double(k->appender, d->f) == DuckDBSuccess || fail_append(c);
	if (d->kind == QF_DATUM_BOOL)
		return api->append_bool(k->appender, d->i != 0) == DuckDBSuccess || fail_append(c);
	duckdb_value v = duck_value_fit(api, d, col->type);

	if (!v) {
		if (!duck_type_of_oid(&t, col->oid))
			t = DUCK_TYPE(VARCHAR);
		if (duck_value_type(&t, d, &t, &c->job.end.error) < 0) {
			c->job.end.outcome = QF_OUT_ERROR;
			return false;
		}
		v = duck_value_new(api, d, &t);
	}
	bool ok = api->append_value(k->appender, v) == DuckDBSuccess;

	api->destroy_value(&v);
	if (ok)
		return true;
	(void)fail_append(c);
	if (strcmp(c->job.end.error.sqlstate, "XX000") == 0) /* a cast says no more than that it failed */
		memcpy(c->job.end.error.sqlstate, d->kind == QF_DATUM_NUMERIC ? "22003" : "22000", 6);
	return fail_row(c, col->name, QF_SLICE_NONE);
}

static bool append_value(struct qf_engine_conn *c, size_t i)
{
	const struct duck_api *api = &c->engine->api;
	struct duck_copy *k = c->job.copy;
	const struct column *col = &k->columns[i];
	const struct qf_value *v = &k->values[i];
	char sqlstate[6] = "22P02";
	struct qf_err err = { 0 };
	struct qf_datum d;

	if (!v->p)
		return api->append_null(k->appender) == DuckDBSuccess || fail_append(c);
	if (!col->oid || col->oid == OID_TEXT || col->oid == OID_VARCHAR) {
		if (v->binary && qf_pg_value_read(&d, OID_TEXT, true, qf_slice(v->p, v->n), NULL, k->row, sqlstate, &err) < 0)
			return fail(c, sqlstate, err.text) || fail_row(c, col->name, QF_SLICE_NONE);
		return api->append_varchar_length(k->appender, (const char *)v->p, v->n) == DuckDBSuccess || fail_append(c);
	}
	if (qf_pg_value_read(&d, col->oid, v->binary, qf_slice(v->p, v->n), duck_zone(c), k->row, sqlstate, &err) == 0)
		return append_datum(c, col, &d);
	return fail(c, sqlstate, err.text) || fail_row(c, col->name, v->binary ? QF_SLICE_NONE : qf_slice(v->p, v->n));
}

static bool flush(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;

	k->unflushed = 0;
	return c->engine->api.appender_flush(k->appender) == DuckDBSuccess || fail_append(c);
}

static bool append_row(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;

	for (size_t i = 0; i < k->n; i++) {
		k->unflushed += k->values[i].n;
		if (!append_value(c, i))
			return false;
	}
	qf_arena_clear(k->row);
	if (c->engine->api.appender_end_row(k->appender) != DuckDBSuccess)
		return fail_append(c);
	c->job.end.rows++;
	return k->unflushed < FLUSH_BYTES || flush(c);
}

static bool append_rows(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;
	struct qf_copy_error e;
	int got;

	while ((got = qf_copy_next(k->reader, k->values, &e)) > 0)
		if (!append_row(c))
			return false;
	if (got == 0)
		return true;
	(void)fail(c, e.sqlstate, e.text);
	snprintf(c->job.end.error.hint, sizeof(c->job.end.error.hint), "%s", e.hint);
	return fail_row(c, NULL, QF_SLICE_NONE);
}

/* ---- what the client sends ---- */

static bool finish(struct qf_engine_conn *c)
{
	struct duck_copy *k = c->job.copy;

	qf_copy_close(k->reader);
	if (!append_rows(c) || !flush(c))
		return false;
	c->engine->api.appender_destroy(&k->appender);
	if (k->own_transaction && !run(c, "COMMIT"))
		return false; /* DuckDB has rolled it back then */
	k->own_transaction = false;
	return true;
}

static bool client_failed(struct qf_engine_conn *c, struct qf_slice why)
{
	c->job.end.outcome = QF_OUT_ERROR;
	qf_sql_error_set(&c->job.end.error, "57014", "COPY from stdin failed: %.*s", (int)(why.n > 500 ? 500 : why.n),
		(const char *)why.p);
	return fail_row(c, NULL, QF_SLICE_NONE);
}

bool duck_copy_take(struct qf_engine_conn *c, struct qf_slice messages)
{
	struct qf_reader r = qf_reader(messages);

	while (r.n > 0) {
		char kind = (char)qf_read_u8(&r);
		uint32_t length = qf_read_u32(&r);
		struct qf_slice body = qf_read_bytes(&r, length >= 4 ? length - 4 : 0);
		struct qf_reader text = qf_reader(body);

		if (r.err || length < 4) {
			(void)fail(c, "08P01", "malformed message in COPY");
			return true;
		}
		if (kind == 'c')
			return finish(c) || true;
		if (kind == 'f')
			return client_failed(c, qf_read_cstr(&text)) || true;
		qf_copy_feed(c->job.copy->reader, body);
		if (!append_rows(c))
			return true;
	}
	return false;
}

void duck_copy_end(struct qf_engine_conn *c)
{
	const struct duck_api *api = &c->engine->api;
	struct duck_copy *k = c->job.copy;
	enum duck_error_kind kind;
	struct qf_sql_error ignored;

	if (!k)
		return;
	if (k->appender) {
		api->appender_clear(k->appender); /* else its destruction would insert what it holds */
		api->appender_destroy(&k->appender);
	}
	if (k->own_transaction)
		(void)!duck_session_run(c, "ROLLBACK", &ignored, &kind);
	for (size_t i = 0; i < k->n; i++)
		api->destroy_logical_type(&k->columns[i].type);
	qf_copy_reader_free(k->reader);
	qf_arena_free(k->row);
	qf_arena_free(k->mem);
	free(k);
	c->job.copy = NULL;
}
