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
	*r = (struct pg_result){ .conn = conn, .style = style };
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
}

static void fail(struct pg_result *r, const struct qf_err *err)
{
	const char *sqlstate = err->code == QF_EUNSUPPORTED ? "0A000" : err->code == QF_ELIMIT ? "54000" : "XX000";

	r->failed = true;
	qf_sql_error_set(&r->error, sqlstate, "the result cannot be sent: %s", err->text);
	while (!qf_list_empty(&r->waiting))
		drop_oldest(r);
}

void pg_result_columns(struct pg_result *r, struct qf_slice ipc_schema)
{
	struct qf_buf *out = &r->conn->out;
	struct qf_err err;

	r->rows = qf_rowset_free(r->rows);
	if (qf_rowset_new(&r->rows, ipc_schema, &err) < 0) {
		fail(r, &err);
		return;
	}
	size_t n = qf_rowset_columns(r->rows);

	if (n > MAX_COLUMNS) {
		qf_err_set(&err, QF_ELIMIT, "it has %zu columns, the limit is %d", n, MAX_COLUMNS);
		fail(r, &err);
		return;
	}
	size_t at = qf_pg_begin_row_description(out, (uint16_t)n);

	for (size_t i = 0; i < n; i++) {
		const struct qf_column *c = qf_rowset_column(r->rows, i);

		qf_pg_add_column(out, c->name, c->pg_oid, c->pg_len, c->pg_mod);
	}
	qf_pg_end_message(out, at);
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

		if (qf_rowset_pg_datarow(r->rows, r->row, r->style, out, &err) < 0) {
			out->n = before; /* half a message would be taken for a whole one */
			fail(r, &err);
			return false;
		}
		r->row++;
	}
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

void pg_result_rows(struct pg_result *r, struct qf_slice ipc_batch)
{
	if (r->failed)
		return;
	if (!qf_list_empty(&r->waiting)) {
		keep(r, ipc_batch);
		return;
	}
	r->row = 0;
	if (!load(r, ipc_batch))
		return;
	if (encode(r))
		mark(r, ipc_batch.n);
	else if (!r->failed)
		keep(r, ipc_batch);
	r->loaded = false; /* it borrows from the caller; the copy is loaded when its turn comes */
}

bool pg_result_continue(struct pg_result *r)
{
	while (!qf_list_empty(&r->waiting)) {
		struct batch *b = qf_container_of(r->waiting.next, struct batch, link);

		if (!r->loaded && !load(r, qf_slice(b->bytes, b->n)))
			return true;
		if (!encode(r))
			return r->failed;
		mark(r, b->n);
		drop_oldest(r);
		r->row = 0;
	}
	return true;
}
