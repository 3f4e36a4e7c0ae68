/* Rows of an Arrow IPC stream for a client: see qf/types.h. */
#include <stdlib.h>

#include "envelope.h"
#include "nanoarrow/nanoarrow_ipc.h"
#include "col.h"
#include "qf/str.h"

enum {
	ALIGNMENT = 8,
	VARHDRSZ = 4, /* PostgreSQL counts its own header into the typmod of numeric */
};

struct qf_rowset {
	struct ArrowIpcDecoder decoder;
	struct ArrowSchema schema; /* column names point into it */
	struct qf_arena *mem;
	struct qf_col *cols;
	struct qf_column *columns;
	size_t n_columns;
	uint64_t rows;	  /* of the batch that is loaded */
	uint64_t *copy;	  /* of a message that came unaligned */
	size_t copy_size; /* in bytes */
};

/*
 * nanoarrow and flatcc read their words in place, and a message comes at any address (a frame inside a larger one,
 * a receive buffer). Memory moves faster than a hop on the bus, so an unaligned message is simply copied.
 */
static struct qf_slice aligned(struct qf_rowset *rs, struct qf_slice s)
{
	if (s.n == 0 || (uintptr_t)s.p % ALIGNMENT == 0)
		return s;
	if (s.n > rs->copy_size) {
		rs->copy_size = (s.n + 4095) / 4096 * 4096;
		rs->copy = qf_xrealloc(rs->copy, rs->copy_size);
	}
	memcpy(rs->copy, s.p, s.n);
	return qf_slice(rs->copy, s.n);
}

static struct ArrowBufferView buffer_view(struct qf_slice s)
{
	return (struct ArrowBufferView){ .data.as_uint8 = s.p, .size_bytes = (int64_t)s.n };
}

static int arrow_failed(struct qf_err *reterr, int r, const struct ArrowError *why)
{
	int code = r == ENOTSUP ? QF_EUNSUPPORTED : r == ENOMEM ? -ENOMEM : QF_EMALFORMED;

	return qf_err_set(reterr, code, "Arrow message: %s", why->message[0] ? why->message : "cannot be decoded");
}

static int decode_header(struct qf_rowset *rs, struct qf_slice message, struct qf_err *reterr)
{
	struct ArrowError why = { .message = "" };
	int r = ArrowIpcDecoderVerifyHeader(&rs->decoder, buffer_view(message), &why);

	if (r == NANOARROW_OK)
		r = ArrowIpcDecoderDecodeHeader(&rs->decoder, buffer_view(message), &why);
	return r == NANOARROW_OK ? 0 : arrow_failed(reterr, r, &why);
}

static int decode_schema(struct qf_rowset *rs, struct qf_slice message, struct qf_err *reterr)
{
	struct ArrowError why = { .message = "" };
	int r = decode_header(rs, message, reterr);

	if (r < 0)
		return r;
	if (rs->decoder.endianness != NANOARROW_IPC_ENDIANNESS_LITTLE)
		return qf_err_set(reterr, QF_EUNSUPPORTED, "Arrow message: big-endian");
	r = ArrowIpcDecoderDecodeSchema(&rs->decoder, &rs->schema, &why);
	if (r == NANOARROW_OK)
		r = ArrowIpcDecoderSetSchema(&rs->decoder, &rs->schema, &why);
	if (r == NANOARROW_OK)
		r = ArrowIpcDecoderSetEndianness(&rs->decoder, NANOARROW_IPC_ENDIANNESS_LITTLE);
	return r == NANOARROW_OK ? 0 : arrow_failed(reterr, r, &why);
}

/* numeric(p,s) as a typmod; every other type here has none. A list has its element's. */
static int32_t typmod_of(const struct qf_col *col, const struct ArrowSchema *schema)
{
	struct ArrowSchemaView view = { 0 };

	if (col->pg == qf_pg_array)
		return typmod_of(col->children, schema->children[0]);
	if (col->pg != qf_pg_decimal || ArrowSchemaViewInit(&view, schema, NULL) != NANOARROW_OK)
		return -1;
	return (int32_t)((uint32_t)view.decimal_precision << 16 | (uint32_t)view.decimal_scale) + VARHDRSZ;
}

static int init_column(struct qf_rowset *rs, size_t i, struct qf_err *reterr)
{
	const struct ArrowSchema *schema = rs->schema.children[i];
	struct qf_col *col = &rs->cols[i];
	const char *name = schema->name ? schema->name : "";

	if (!qf_utf8_valid(qf_slice_str(name)))
		return qf_err_set(reterr, QF_EMALFORMED, "the name of column %zu is not UTF-8", i + 1);
	int r = qf_col_init(col, schema, rs->mem, reterr);

	if (r < 0) {
		qf_err_prefix(reterr, "column \"%.64s\"", name);
		return r;
	}
	rs->columns[i] = (struct qf_column){
		.name = name,
		.pg_oid = qf_col_oid(col),
		.pg_len = col->type->len,
		.pg_mod = typmod_of(col, schema),
	};
	return 0;
}

int qf_rowset_new(struct qf_rowset **ret, struct qf_slice ipc_schema, struct qf_err *reterr)
{
	struct qf_rowset *rs = qf_xcalloc(1, sizeof(*rs));
	struct qf_slice message = aligned(rs, ipc_schema);
	int r = qf_envelope_schema(message, reterr);

	if (r < 0)
		goto out;
	if (ArrowIpcDecoderInit(&rs->decoder) != NANOARROW_OK) {
		r = qf_err_set(reterr, -ENOMEM, "out of memory");
		goto out;
	}
	r = decode_schema(rs, message, reterr);
	if (r < 0)
		goto out;
	rs->mem = qf_arena_new(0);
	rs->n_columns = (size_t)rs->schema.n_children;
	rs->cols = qf_arena_alloc(rs->mem, rs->n_columns * sizeof(*rs->cols));
	rs->columns = qf_arena_alloc(rs->mem, rs->n_columns * sizeof(*rs->columns));
	for (size_t i = 0; i < rs->n_columns && r == 0; i++)
		r = init_column(rs, i, reterr);
out:
	if (r < 0) {
		qf_rowset_free(rs);
		return r;
	}
	*ret = rs;
	return 0;
}

struct qf_rowset *qf_rowset_free(struct qf_rowset *rs)
{
	if (!rs)
		return NULL;
	ArrowIpcDecoderReset(&rs->decoder);
	if (rs->schema.release)
		ArrowSchemaRelease(&rs->schema);
	qf_arena_free(rs->mem);
	free(rs->copy);
	free(rs);
	return NULL;
}

size_t qf_rowset_columns(const struct qf_rowset *rs)
{
	return rs->n_columns;
}

const struct qf_column *qf_rowset_column(const struct qf_rowset *rs, size_t i)
{
	qf_assert(i < rs->n_columns);
	return &rs->columns[i];
}

static int bind_batch(struct qf_rowset *rs, struct qf_slice body, uint64_t *ret_rows, struct qf_err *reterr)
{
	struct ArrowError why = { .message = "" };
	struct ArrowArrayView *view;
	int r = ArrowIpcDecoderDecodeArrayView(&rs->decoder, buffer_view(body), -1, &view, &why);

	if (r == NANOARROW_OK)
		r = ArrowArrayViewValidate(view, NANOARROW_VALIDATION_LEVEL_FULL, &why);
	if (r != NANOARROW_OK)
		return arrow_failed(reterr, r, &why);
	for (size_t i = 0; i < rs->n_columns; i++) {
		r = qf_col_bind(&rs->cols[i], view->children[i], reterr);
		if (r < 0)
			return r;
	}
	*ret_rows = (uint64_t)view->length;
	return 0;
}

int qf_rowset_load(struct qf_rowset *rs, struct qf_slice ipc_batch, uint64_t *ret_rows, struct qf_err *reterr)
{
	struct qf_slice message = aligned(rs, ipc_batch), body = QF_SLICE_NONE;
	int r = qf_envelope_batch(message, &body, reterr);

	rs->rows = 0;
	if (r == 0)
		r = decode_header(rs, message, reterr);
	if (r == 0)
		r = bind_batch(rs, body, &rs->rows, reterr);
	if (r == 0)
		*ret_rows = rs->rows;
	return r;
}

bool qf_rowset_is_null(const struct qf_rowset *rs, uint64_t row, size_t column)
{
	qf_assert(row < rs->rows && column < rs->n_columns);
	return qf_col_is_null(&rs->cols[column], row);
}

static struct qf_sink sink_for(struct qf_buf *out, const struct qf_text_style *st, struct qf_err *reterr)
{
	return (struct qf_sink){ .out = out, .style = st, .limit = out->n + QF_COL_MAX_VALUE_BYTES, .err = reterr };
}

static int value_failed(const struct qf_rowset *rs, uint64_t row, size_t column, int r, struct qf_err *reterr)
{
	qf_err_prefix(reterr, "column \"%.64s\", row %llu of its batch", rs->columns[column].name,
		      (unsigned long long)row + 1);
	return r;
}

int qf_rowset_pg_text(const struct qf_rowset *rs, uint64_t row, size_t column, const struct qf_text_style *st,
		      struct qf_buf *out, struct qf_err *reterr)
{
	qf_assert(row < rs->rows && column < rs->n_columns);
	struct qf_sink s = sink_for(out, st, reterr);
	const struct qf_col *col = &rs->cols[column];
	size_t start = out->n;
	int r = qf_col_is_null(col, row) ? 0 : col->pg(col, row, &s);

	if (r < 0) {
		out->n = start;
		return value_failed(rs, row, column, r, reterr);
	}
	return 0;
}

static bool is_binary(const struct qf_text_style *st, size_t column)
{
	size_t i = st->n_formats == 1 ? 0 : column;

	return i < st->n_formats && st->formats[i] == 1;
}

int qf_rowset_pg_datarow(const struct qf_rowset *rs, uint64_t row, const struct qf_text_style *st, struct qf_buf *out,
			 struct qf_err *reterr)
{
	qf_assert(row < rs->rows);
	struct qf_sink s = sink_for(out, st, reterr);
	size_t start = out->n;

	qf_buf_u8(out, 'D');
	qf_buf_u32(out, 0);
	qf_buf_u16(out, (uint16_t)rs->n_columns);
	for (size_t i = 0; i < rs->n_columns; i++) {
		const struct qf_col *col = &rs->cols[i];
		int r = qf_col_field(col, row, is_binary(st, i) ? col->binary : col->pg, &s);

		if (r < 0) {
			out->n = start;
			return value_failed(rs, row, i, r, reterr);
		}
	}
	qf_buf_put_u32_at(out, start + 1, (uint32_t)(out->n - start - 1));
	return 0;
}

int qf_rowset_trino_columns(const struct qf_rowset *rs, const struct qf_trino_style *st, struct qf_buf *out,
			    struct qf_err *reterr)
{
	size_t start = out->n;

	qf_buf_u8(out, '[');
	for (size_t i = 0; i < rs->n_columns; i++) {
		if (i)
			qf_buf_u8(out, ',');
		int r = qf_col_trino_column(&rs->cols[i], rs->columns[i].name, st, out, reterr);

		if (r < 0) {
			out->n = start;
			qf_err_prefix(reterr, "column \"%.64s\"", rs->columns[i].name);
			return r;
		}
	}
	qf_buf_u8(out, ']');
	return 0;
}

int qf_rowset_trino_row(const struct qf_rowset *rs, uint64_t row, const struct qf_trino_style *st, struct qf_buf *out,
			struct qf_err *reterr)
{
	qf_assert(row < rs->rows);
	struct qf_sink s = sink_for(out, NULL, reterr);
	size_t start = out->n;

	s.trino = st;
	qf_buf_u8(out, '[');
	for (size_t i = 0; i < rs->n_columns; i++) {
		if (i)
			qf_buf_u8(out, ',');
		int r = qf_col_trino_value(&rs->cols[i], row, &s);

		if (r == 0)
			r = qf_sink_check(&s);
		if (r < 0) {
			out->n = start;
			return value_failed(rs, row, i, r, reterr);
		}
	}
	qf_buf_u8(out, ']');
	return 0;
}
