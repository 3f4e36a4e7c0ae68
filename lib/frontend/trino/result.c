/* See result.h. */
#include <stdlib.h>
#include <string.h>

#include "result.h"

struct batch {
	struct qf_list link;
	size_t n;
	uint8_t bytes[];
};

enum { STEP = 256 * 1024 };

void tr_result_init(struct tr_result *r, const char *id, const struct qf_trino_style *style)
{
	*r = (struct tr_result){ .id = id, .style = style };
	qf_list_init(&r->waiting);
}

static size_t drop_oldest(struct tr_result *r)
{
	struct batch *b = qf_container_of(r->waiting.next, struct batch, link);
	size_t n = b->n;

	qf_list_remove(&b->link);
	free(b);
	r->loaded = false;
	return n;
}

void tr_result_drop(struct tr_result *r)
{
	while (!qf_list_empty(&r->waiting))
		drop_oldest(r);
	qf_buf_fini(&r->page);
	r->page_rows = 0;
}

void tr_result_fini(struct tr_result *r)
{
	tr_result_drop(r);
	r->rows = qf_rowset_free(r->rows);
	qf_buf_fini(&r->columns);
}

static void fail(struct tr_result *r, const struct qf_err *err)
{
	const char *sqlstate = err->code == QF_EUNSUPPORTED ? "0A000" : err->code == QF_ELIMIT ? "54000" : "XX000";

	r->failed = true;
	qf_sql_error_set(&r->error, sqlstate, "the result cannot be sent: %s", err->text);
	tr_result_drop(r);
}

void tr_result_columns(struct tr_result *r, struct qf_slice ipc_schema)
{
	struct qf_err err;

	r->rows = qf_rowset_free(r->rows);
	qf_buf_clear(&r->columns);
	if (qf_rowset_new(&r->rows, ipc_schema, &err) < 0 ||
		qf_rowset_trino_columns(r->rows, r->style, &r->columns, &err) < 0)
		fail(r, &err);
}

void tr_result_rows(struct tr_result *r, struct qf_slice ipc_batch)
{
	struct batch *b;

	if (r->failed)
		return;
	b = qf_xmalloc(sizeof(*b) + ipc_batch.n);
	qf_list_init(&b->link);
	b->n = ipc_batch.n;
	memcpy(b->bytes, ipc_batch.p, ipc_batch.n);
	qf_list_append(&r->waiting, &b->link);
}

bool tr_result_waits(const struct tr_result *r)
{
	return !qf_list_empty(&r->waiting);
}

/* ---- encoding ---- */

static bool load(struct tr_result *r)
{
	struct batch *b = qf_container_of(r->waiting.next, struct batch, link);
	struct qf_err err;

	if (r->loaded)
		return true;
	if (!r->rows)
		qf_err_set(&err, QF_EMALFORMED, "rows came before their columns");
	else if (qf_rowset_load(r->rows, qf_slice(b->bytes, b->n), &r->n_rows, &err) == 0)
		r->loaded = true;
	if (!r->loaded)
		fail(r, &err);
	r->row = 0;
	return r->loaded;
}

static void begin_page(struct tr_result *r)
{
	if (r->page.n > 0)
		return;
	qf_trino_page_begin(&r->page, r->id, qf_buf_slice(&r->columns));
	r->page_head = r->page.n;
}

static bool encode_row(struct tr_result *r)
{
	struct qf_err err;

	qf_trino_page_row(&r->page, r->page_rows);
	if (qf_rowset_trino_row(r->rows, r->row, r->style, &r->page, &err) < 0) {
		fail(r, &err);
		return false;
	}
	r->page_rows++;
	r->row++;
	r->rows_all++;
	return true;
}

bool tr_result_fill(struct tr_result *r, size_t target)
{
	size_t stop;

	if (r->failed || qf_list_empty(&r->waiting))
		return false;
	begin_page(r);
	target += r->page_head; /* columns may be long: they must not leave a page without rows */
	stop = r->page.n + STEP < target ? r->page.n + STEP : target;
	while (!qf_list_empty(&r->waiting) && r->page.n < stop) {
		if (!load(r))
			return false;
		while (r->row < r->n_rows && r->page.n < stop)
			if (!encode_row(r))
				return false;
		if (r->row < r->n_rows)
			break;
		size_t n = drop_oldest(r);

		r->page_batches += n;
		r->bytes_all += n;
	}
	return !qf_list_empty(&r->waiting) && r->page.n < target;
}

/* ---- what is made here ---- */

void tr_result_text_columns(struct tr_result *r, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		qf_buf_add_str(&r->columns, i ? "," : "[");
		qf_trino_put_column(&r->columns, names[i], "varchar");
	}
	qf_buf_add_str(&r->columns, "]");
	begin_page(r);
}

void tr_result_text_row(struct tr_result *r, const char *const *values, size_t n)
{
	qf_trino_page_row(&r->page, r->page_rows++);
	for (size_t i = 0; i < n; i++) {
		qf_buf_add_str(&r->page, i ? "," : "[");
		if (values[i])
			qf_trino_put_string(&r->page, qf_slice_str(values[i]));
		else
			qf_buf_add_str(&r->page, "null");
	}
	qf_buf_add_str(&r->page, "]");
	r->rows_all++;
}

void tr_result_count(struct tr_result *r, uint64_t count)
{
	qf_buf_add_str(&r->columns, "[");
	qf_trino_put_column(&r->columns, "rows", "bigint");
	qf_buf_add_str(&r->columns, "]");
	begin_page(r);
	qf_trino_page_row(&r->page, r->page_rows++);
	qf_buf_printf(&r->page, "[%llu]", (unsigned long long)count);
}

void tr_result_nothing(struct tr_result *r)
{
	qf_buf_add_str(&r->columns, "[]");
}

struct qf_buf tr_result_take(struct tr_result *r, uint64_t *ret_rows, size_t *ret_batches)
{
	struct qf_buf page;

	begin_page(r);
	page = r->page;
	*ret_rows = r->page_rows;
	*ret_batches = r->page_batches;
	qf_buf_init(&r->page);
	r->page_rows = 0;
	r->page_batches = 0;
	return page;
}
