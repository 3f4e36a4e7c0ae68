/* PostgreSQL's rows to Arrow: see qf/types.h. */
#include <stdlib.h>

#include "col.h"
#include "nanoarrow/nanoarrow_ipc.h"
#include "pgarrow.h"
#include "qf/str.h"

struct column {
	struct qf_pgarrow arrow;
	const char *name;
};

struct qf_pgrows {
	struct qf_arena *mem;	  /* columns and names */
	struct qf_arena *scratch; /* of one value */
	struct column *columns;
	uint16_t n;
	struct ArrowSchema schema;
	struct ArrowArray array; /* rows since the last batch */
	struct ArrowArrayView view;
	struct ArrowIpcEncoder encoder;
	size_t bytes;
	uint64_t rows; /* the same, and … */
	uint64_t done; /* … those of the batches before */
};

static int arrow_failed(struct qf_err *reterr, const char *doing, const struct ArrowError *why)
{
	const char *text = why->message[0] ? why->message : "out of memory";

	return qf_err_set(reterr, QF_EMALFORMED, "Arrow %s: %s", doing, text);
}

/* One field of a RowDescription [PG 55.7]: name, table, column, type, its length and modifier, format. */
static int read_column(struct qf_pgrows *p, struct column *c, struct qf_reader *r, struct qf_err *reterr)
{
	struct qf_slice name = qf_read_cstr(r);

	(void)qf_read_bytes(r, 4 + 2);
	uint32_t oid = qf_read_u32(r);

	(void)qf_read_u16(r);
	int32_t typmod = (int32_t)qf_read_u32(r);
	unsigned format = qf_read_u16(r);

	if (r->err)
		return qf_err_set(reterr, QF_EMALFORMED, "a RowDescription that is too short");
	if (!qf_utf8_valid(name))
		return qf_err_set(reterr, QF_EMALFORMED, "the name of a column is not UTF-8");
	c->name = qf_arena_strndup(p->mem, name.p, name.n);
	int e = qf_pgarrow_init(&c->arrow, oid, typmod, format, reterr);

	if (e < 0)
		qf_err_prefix(reterr, "column \"%.64s\"", c->name);
	return e;
}

static int read_description(struct qf_pgrows *p, struct qf_slice description, struct qf_err *reterr)
{
	struct qf_reader r = qf_reader(description);

	p->n = qf_read_u16(&r);
	if (r.err || p->n > QF_COL_MAX_COLUMNS)
		return qf_err_set(reterr, QF_EMALFORMED, "a RowDescription of %u columns", p->n);
	p->columns = qf_arena_alloc(p->mem, p->n * sizeof(*p->columns));
	for (uint16_t i = 0; i < p->n; i++) {
		int e = read_column(p, &p->columns[i], &r, reterr);

		if (e < 0)
			return e;
	}
	return qf_reader_done(&r) ? 0 : qf_err_set(reterr, QF_EMALFORMED, "a RowDescription that goes on");
}

static int make_schema(struct qf_pgrows *p, struct qf_err *reterr)
{
	ArrowSchemaInit(&p->schema);
	if (ArrowSchemaSetTypeStruct(&p->schema, p->n) != NANOARROW_OK)
		return qf_err_set(reterr, -ENOMEM, "out of memory");
	for (uint16_t i = 0; i < p->n; i++) {
		struct ArrowSchema *child = p->schema.children[i];
		int e = qf_pgarrow_schema(&p->columns[i].arrow, child, reterr);

		if (e == 0 && ArrowSchemaSetName(child, p->columns[i].name) != NANOARROW_OK)
			e = qf_err_set(reterr, -ENOMEM, "out of memory");
		if (e < 0)
			return e;
	}
	return 0;
}

static int encode_schema(struct qf_pgrows *p, struct qf_buf *out, struct qf_err *reterr)
{
	struct ArrowError why = { .message = "" };
	struct ArrowBuffer message;
	int e = 0;

	ArrowBufferInit(&message);
	if (ArrowIpcEncoderInit(&p->encoder) != NANOARROW_OK ||
	    ArrowArrayViewInitFromSchema(&p->view, &p->schema, &why) != NANOARROW_OK ||
	    ArrowIpcEncoderEncodeSchema(&p->encoder, &p->schema, &why) != NANOARROW_OK ||
	    ArrowIpcEncoderFinalizeBuffer(&p->encoder, 1, &message) != NANOARROW_OK)
		e = arrow_failed(reterr, "schema", &why);
	else
		qf_buf_add(out, message.data, (size_t)message.size_bytes);
	ArrowBufferReset(&message);
	return e;
}

static int begin_batch(struct qf_pgrows *p, struct qf_err *reterr)
{
	struct ArrowError why = { .message = "" };

	if (p->array.release)
		ArrowArrayRelease(&p->array);
	p->bytes = 0;
	p->done += p->rows;
	p->rows = 0;
	if (ArrowArrayInitFromSchema(&p->array, &p->schema, &why) != NANOARROW_OK ||
	    ArrowArrayStartAppending(&p->array) != NANOARROW_OK)
		return arrow_failed(reterr, "rows", &why);
	return 0;
}

int qf_pgrows_new(struct qf_pgrows **ret, struct qf_slice description, struct qf_buf *ipc_schema, struct qf_err *reterr)
{
	struct qf_pgrows *p = qf_xcalloc(1, sizeof(*p));

	p->mem = qf_arena_new(0);
	p->scratch = qf_arena_new(0);
	int e = read_description(p, description, reterr);

	if (e == 0)
		e = make_schema(p, reterr);
	if (e == 0)
		e = begin_batch(p, reterr);
	if (e == 0)
		e = encode_schema(p, ipc_schema, reterr);
	if (e < 0) {
		qf_pgrows_free(p);
		return e;
	}
	*ret = p;
	return 0;
}

struct qf_pgrows *qf_pgrows_free(struct qf_pgrows *p)
{
	if (!p)
		return NULL;
	if (p->array.release)
		ArrowArrayRelease(&p->array);
	if (p->schema.release)
		ArrowSchemaRelease(&p->schema);
	ArrowArrayViewReset(&p->view);
	if (p->encoder.private_data)
		ArrowIpcEncoderReset(&p->encoder);
	qf_arena_free(p->scratch);
	qf_arena_free(p->mem);
	free(p);
	return NULL;
}

static int add_value(struct qf_pgrows *p, uint16_t i, struct qf_slice v, bool null, struct qf_err *reterr)
{
	const struct qf_pgarrow *col = &p->columns[i].arrow;
	struct qf_datum d = { .kind = QF_DATUM_NULL };
	char sqlstate[6];
	struct qf_read ctx = {
		.type = col->type,
		.a = p->scratch,
		.budget = QF_READ_BUDGET,
		.sqlstate = sqlstate,
		.err = reterr,
	};
	int e = 0;

	if (!null)
		e = qf_pgtype_read(&ctx, col->array, col->binary, v, &d);
	if (e == 0)
		e = qf_pgarrow_append(col, p->array.children[i], &d, &p->bytes, reterr);
	qf_arena_clear(p->scratch);
	if (e < 0)
		qf_err_prefix(reterr, "column \"%.64s\", row %llu", p->columns[i].name,
			      (unsigned long long)(p->done + p->rows + 1));
	return e;
}

int qf_pgrows_add(struct qf_pgrows *p, struct qf_slice datarow, struct qf_err *reterr)
{
	struct qf_reader r = qf_reader(datarow);

	if (qf_read_u16(&r) != p->n || r.err)
		return qf_err_set(reterr, QF_EMALFORMED, "a DataRow of another number of columns than described");
	for (uint16_t i = 0; i < p->n; i++) {
		uint32_t n = qf_read_u32(&r);
		bool null = !r.err && n == UINT32_MAX;
		struct qf_slice v = qf_read_bytes(&r, null ? 0 : n);

		if (r.err)
			return qf_err_set(reterr, QF_EMALFORMED, "a DataRow that is too short");
		int e = add_value(p, i, v, null, reterr);

		if (e < 0)
			return e;
	}
	if (!qf_reader_done(&r))
		return qf_err_set(reterr, QF_EMALFORMED, "a DataRow that goes on");
	p->rows++;
	p->array.length++;
	return 0;
}

size_t qf_pgrows_bytes(const struct qf_pgrows *p)
{
	return p->bytes;
}

int qf_pgrows_batch(struct qf_pgrows *p, struct qf_buf *ipc_batch, uint64_t *ret_rows, struct qf_err *reterr)
{
	struct ArrowError why = { .message = "" };
	struct ArrowBuffer head, body;
	uint64_t rows = p->rows;
	int e;

	ArrowBufferInit(&head);
	ArrowBufferInit(&body);
	if (ArrowArrayFinishBuildingDefault(&p->array, &why) != NANOARROW_OK ||
	    ArrowArrayViewSetArray(&p->view, &p->array, &why) != NANOARROW_OK ||
	    ArrowIpcEncoderEncodeSimpleRecordBatch(&p->encoder, &p->view, &body, &why) != NANOARROW_OK ||
	    ArrowIpcEncoderFinalizeBuffer(&p->encoder, 1, &head) != NANOARROW_OK) {
		e = arrow_failed(reterr, "batch", &why);
	} else {
		qf_buf_add(ipc_batch, head.data, (size_t)head.size_bytes);
		qf_buf_add(ipc_batch, body.data, (size_t)body.size_bytes);
		e = begin_batch(p, reterr);
	}
	ArrowBufferReset(&head);
	ArrowBufferReset(&body);
	if (e == 0)
		*ret_rows = rows;
	return e;
}
