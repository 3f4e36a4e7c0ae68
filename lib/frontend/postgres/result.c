/* See result.h. */
#include <stdlib.h>
#include <string.h>

#include "qf/proto/postgres.h"
#include "result.h"

struct batch {
	struct qf_list link;
	size_t n;
	uint8_t bytes[];
};

enum { MAX_COLUMNS = 1664 }; /* PostgreSQL's own limit of a result */

void pg_result_init(struct pg_result *r, struct pg_conn *conn, const struct qf_text_style *style)
{
	*r = (struct pg_result){ .conn = conn, .style = *style, .stage = QF_STAGE_EXECUTE };
	qf_list_init(&r->waiting);
}

static void drop_oldest(struct pg_result *r)
{
	struct batch *b = qf_container_of(r->waiting.next, struct batch, link);

	qf_list_remove(&b->link);
	free(b);
	r->loaded = false;
}

void pg_result_fini(struct pg_result *r)
{
	while (!qf_list_empty(&r->waiting))
		drop_oldest(r);
	r->rows = qf_rowset_free(r->rows);
	free(r->force);
	r->force = NULL;
	qf_buf_fini(&r->scratch);
}

void pg_result_fail(struct pg_result *r, enum qf_stage stage, const struct qf_sql_error *e)
{
	r->failed = true;
	r->stage = stage;
	r->error = *e;
	while (!qf_list_empty(&r->waiting))
		drop_oldest(r);
}

static void fail(struct pg_result *r, const struct qf_err *err)
{
	const char *sqlstate = err->code == QF_EUNSUPPORTED ? "0A000" : err->code == QF_ELIMIT ? "54000" : "XX000";
	struct qf_sql_error e;

	qf_sql_error_set(&e, sqlstate, "the result cannot be sent: %s", err->text);
	pg_result_fail(r, QF_STAGE_EXECUTE, &e);
}

/* ---- columns ---- */

/* "char" and pg_node_tree: their binary form is their text. */
static bool is_text(uint32_t oid)
{
	return oid == 18 || oid == 194;
}

/* The client asked for formats that its columns do not have. */
static bool formats_fit(struct pg_result *r, size_t columns)
{
	const struct qf_text_style *st = &r->style;
	struct qf_sql_error e;

	if (st->n_formats > 1 && st->n_formats != columns) {
		qf_sql_error_set(&e, "08P01", "bind message has %zu result formats but query has %zu columns",
			st->n_formats,
			columns);
		pg_result_fail(r, QF_STAGE_BIND, &e);
		return false;
	}
	for (size_t i = 0; r->rows && st->n_formats && i < columns; i++) {
		uint32_t oid = qf_rowset_column(r->rows, i)->pg_oid;
		const char *name = qf_pg_type_name(oid);

		if (!st->formats[st->n_formats == 1 ? 0 : i] || qf_pg_binary_can(oid) || is_text(oid))
			continue;
		qf_sql_error_set(&e, "0A000", "values of type %s cannot be sent in binary", name ? name : "unknown");
		pg_result_fail(r, QF_STAGE_BIND, &e);
		return false;
	}
	return true;
}

static void describe(struct pg_result *r, struct qf_buf *out)
{
	size_t n = qf_rowset_columns(r->rows), start = out->n;
	size_t at = qf_pg_begin_row_description(out, (uint16_t)n);

	for (size_t i = 0; i < n; i++) {
		const struct qf_column *c = qf_rowset_column(r->rows, i);

		qf_pg_add_column(out, c->name, c->pg_oid, c->pg_len, c->pg_mod);
	}
	qf_pg_end_message(out, at);
	qf_pg_set_formats(out->p + start, out->n - start, r->style.formats, r->style.n_formats);
}

/* ---- as the data of a COPY ---- */

static bool is_among(const struct qf_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], name) == 0)
			return true;
	return false;
}

static size_t find_column(const struct pg_result *r, const char *name)
{
	size_t i = 0, n = qf_rowset_columns(r->rows);

	while (i < n && strcmp(qf_rowset_column(r->rows, i)->name, name) != 0)
		i++;
	return i;
}

static bool find_forced(struct pg_result *r, size_t n)
{
	const struct qf_copy_stmt *c = r->copy;
	const struct qf_names *forced = &c->format.force_quote;
	struct qf_sql_error e;

	r->force = qf_xcalloc(n + 1, sizeof(*r->force));
	for (size_t i = 0; forced->all && i < n; i++)
		r->force[i] = true;
	for (size_t i = 0; i < forced->n; i++) {
		size_t at = find_column(r, forced->v[i]);

		if (at < n) {
			r->force[at] = true;
			continue;
		}
		if (c->columns.n && !is_among(&c->columns, forced->v[i]))
			qf_sql_error_set(&e, "42P10", "FORCE_QUOTE column \"%s\" not referenced by COPY", forced->v[i]);
		else
			qf_sql_error_set(&e, "42703", "column \"%s\" does not exist", forced->v[i]);
		pg_result_fail(r, QF_STAGE_EXECUTE, &e);
		return false;
	}
	return true;
}

/* CopyOutResponse, then what stands before the rows. */
static void begin_copy(struct pg_result *r, struct qf_buf *out)
{
	const struct qf_copy_format *f = &r->copy->format;
	size_t n = qf_rowset_columns(r->rows);
	uint8_t format = f->kind == QF_COPY_BINARY;

	if (!find_forced(r, n))
		return;
	qf_buf_u8(out, 'H');
	qf_buf_u32(out, (uint32_t)(7 + 2 * n));
	qf_buf_u8(out, format);
	qf_buf_u16(out, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		qf_buf_u16(out, format);
	qf_copy_put_begin(out, f);
	const char **names = qf_xcalloc(n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++)
		names[i] = qf_rowset_column(r->rows, i)->name;
	qf_copy_put_header(out, f, names, n);
	free(names);
}

static int put_row(struct pg_result *r, struct qf_buf *out, struct qf_err *err)
{
	if (!r->copy)
		return qf_rowset_pg_datarow(r->rows, r->row, &r->style, out, err);
	qf_buf_clear(&r->scratch);
	int ret = qf_rowset_pg_datarow(r->rows, r->row, &r->style, &r->scratch, err);

	if (ret == 0)
		qf_copy_put_row(out, &r->copy->format, qf_slice(r->scratch.p + 5, r->scratch.n - 5), r->force);
	return ret;
}

void pg_result_end_copy(struct pg_result *r)
{
	if (r->copy && r->encoding == QF_ENC_ARROW)
		qf_copy_put_end(&r->conn->out, &r->copy->format);
}

static void arrow_columns(struct pg_result *r, struct qf_slice schema, struct qf_buf *description)
{
	struct qf_err err;

	r->rows = qf_rowset_free(r->rows);
	if (qf_rowset_new(&r->rows, schema, &err) < 0) {
		fail(r, &err);
		return;
	}
	size_t n = qf_rowset_columns(r->rows);

	if (n > MAX_COLUMNS) {
		qf_err_set(&err, QF_ELIMIT, "it has %zu columns, the limit is %d", n, MAX_COLUMNS);
		fail(r, &err);
	} else if (formats_fit(r, n)) {
		if (r->copy)
			begin_copy(r, description);
		else
			describe(r, description);
	}
}

/* A whole message of one of the kinds that begin a result. */
static bool begins_result(struct qf_slice message)
{
	struct qf_reader r = qf_reader(message);
	char kind = (char)qf_read_u8(&r);
	uint32_t length = qf_read_u32(&r);

	if (r.err || length - 4 != r.n)
		return false;
	return kind == 'G' || kind == 'H' || (kind == 'T' && qf_pg_check_columns(qf_slice(r.p, r.n)) == 0);
}

void pg_result_columns(struct pg_result *r, enum qf_encoding enc, struct qf_slice schema, struct qf_buf *description)
{
	struct qf_err err;

	r->encoding = enc;
	if (enc == QF_ENC_ARROW) {
		arrow_columns(r, schema, description);
	} else if (begins_result(schema)) {
		qf_buf_add_slice(description, schema);
	} else {
		qf_err_set(&err, QF_EMALFORMED, "its columns are malformed");
		fail(r, &err);
	}
}

/* ---- what became of the batches ---- */

/* The batch is encoded to its last row. More marks than there is room for are put together with the last. */
static void mark(struct pg_result *r, size_t bytes)
{
	uint64_t at = pg_conn_queued(r->conn);

	if (r->n_marks < PG_MARKS) {
		r->marks[r->n_marks].bytes = 0;
		r->n_marks++;
	}
	r->marks[r->n_marks - 1].at = at;
	r->marks[r->n_marks - 1].bytes += bytes;
}

size_t pg_result_sent(struct pg_result *r)
{
	size_t bytes = 0;
	unsigned done = 0;

	while (done < r->n_marks && r->marks[done].at <= r->conn->sent_bytes)
		bytes += r->marks[done++].bytes;
	r->n_marks -= done;
	memmove(r->marks, r->marks + done, r->n_marks * sizeof(r->marks[0]));
	return bytes;
}

/* ---- encoding ---- */

static bool load(struct pg_result *r, struct qf_slice batch)
{
	struct qf_err err;

	if (!r->rows) {
		qf_err_set(&err, QF_EMALFORMED, "rows came before their columns");
		fail(r, &err);
		return false;
	}
	if (qf_rowset_load(r->rows, batch, &r->n_rows, &err) < 0) {
		fail(r, &err);
		return false;
	}
	uint64_t skipped = r->skip < r->n_rows - r->row ? r->skip : r->n_rows - r->row;

	r->skip -= skipped;
	r->row += skipped;
	r->loaded = true;
	return true;
}

/* True when the loaded batch is encoded to its end. */
static bool encode(struct pg_result *r)
{
	struct qf_buf *out = &r->conn->out;
	struct qf_err err;

	while (r->row < r->n_rows) {
		if (!pg_conn_room(r->conn))
			return false;
		size_t before = out->n;

		if (put_row(r, out, &err) < 0) {
			out->n = before; /* half a message would be taken for a whole one */
			fail(r, &err);
			return false;
		}
		r->row++;
	}
	return true;
}

/* Messages of the client's own protocol. False: there is no room now. */
static bool relay(struct pg_result *r, struct qf_slice batch)
{
	if (!pg_conn_room(r->conn))
		return false;
	qf_buf_add_slice(&r->conn->out, batch);
	mark(r, batch.n);
	return true;
}

static void keep(struct pg_result *r, struct qf_slice batch)
{
	struct batch *b = qf_xmalloc(sizeof(*b) + batch.n);

	qf_list_init(&b->link);
	b->n = batch.n;
	memcpy(b->bytes, batch.p, batch.n);
	qf_list_append(&r->waiting, &b->link);
}

void pg_result_rows(struct pg_result *r, struct qf_slice batch)
{
	if (r->failed)
		return;
	if (!qf_list_empty(&r->waiting)) {
		keep(r, batch);
		return;
	}
	if (r->encoding != QF_ENC_ARROW) {
		if (!relay(r, batch))
			keep(r, batch);
		return;
	}
	r->row = 0;
	if (!load(r, batch))
		return;
	if (encode(r))
		mark(r, batch.n);
	else if (!r->failed)
		keep(r, batch);
	r->loaded = false; /* it borrows from the caller; the copy is loaded when its turn comes */
}

/* False: there is no room for the rest of it, or it cannot be told. */
static bool write_batch(struct pg_result *r, const struct batch *b)
{
	struct qf_slice bytes = qf_slice(b->bytes, b->n);

	if (r->encoding != QF_ENC_ARROW)
		return relay(r, bytes);
	if ((!r->loaded && !load(r, bytes)) || !encode(r))
		return false;
	mark(r, b->n);
	r->row = 0;
	return true;
}

bool pg_result_continue(struct pg_result *r)
{
	while (!qf_list_empty(&r->waiting)) {
		if (!write_batch(r, qf_container_of(r->waiting.next, struct batch, link)))
			return r->failed;
		drop_oldest(r);
	}
	return true;
}
