/* Rows: see rows.h. */
#include "rows.h"

#include <nanoarrow/nanoarrow_ipc.h>
#include <stdlib.h>
#include <string.h>

#include "qf/buf.h"

struct fake_rows {
	struct ArrowSchema schema;
	struct ArrowArrayView view;
	struct ArrowIpcEncoder encoder;
	char *filler;
	uint64_t bytes;
};

static int make_schema(struct ArrowSchema *s, bool with_text)
{
	ArrowSchemaInit(s);
	int r = ArrowSchemaSetTypeStruct(s, with_text ? 2 : 1);

	if (r == NANOARROW_OK)
		r = ArrowSchemaSetType(s->children[0], NANOARROW_TYPE_INT64);
	if (r == NANOARROW_OK)
		r = ArrowSchemaSetName(s->children[0], "n");
	if (r == NANOARROW_OK && with_text)
		r = ArrowSchemaSetType(s->children[1], NANOARROW_TYPE_STRING);
	if (r == NANOARROW_OK && with_text)
		r = ArrowSchemaSetName(s->children[1], "text");
	return r;
}

int fake_rows_new(struct fake_rows **ret, uint64_t bytes, struct ArrowBuffer *schema)
{
	struct fake_rows *f = qf_xcalloc(1, sizeof(*f));

	f->bytes = bytes;
	f->filler = qf_xmalloc(bytes + 1);
	memset(f->filler, 'x', bytes);
	if (make_schema(&f->schema, bytes > 0) == NANOARROW_OK &&
		ArrowArrayViewInitFromSchema(&f->view, &f->schema, NULL) == NANOARROW_OK &&
		ArrowIpcEncoderInit(&f->encoder) == NANOARROW_OK &&
		ArrowIpcEncoderEncodeSchema(&f->encoder, &f->schema, NULL) == NANOARROW_OK &&
		ArrowIpcEncoderFinalizeBuffer(&f->encoder, 1, schema) == NANOARROW_OK) {
		*ret = f;
		return 0;
	}
	fake_rows_free(f);
	return -ENOMEM;
}

struct fake_rows *fake_rows_free(struct fake_rows *f)
{
	if (!f)
		return NULL;
	if (f->encoder.private_data)
		ArrowIpcEncoderReset(&f->encoder);
	ArrowArrayViewReset(&f->view);
	if (f->schema.release)
		f->schema.release(&f->schema);
	free(f->filler);
	free(f);
	return NULL;
}

static int append_rows(const struct fake_rows *f, uint64_t first, uint64_t n, struct ArrowArray *a)
{
	struct ArrowStringView text = { .data = f->filler, .size_bytes = (int64_t)f->bytes };
	int r = ArrowArrayStartAppending(a);

	for (uint64_t i = 0; i < n && r == NANOARROW_OK; i++) {
		r = ArrowArrayAppendInt(a->children[0], (int64_t)(first + i));
		if (r == NANOARROW_OK && f->bytes > 0)
			r = ArrowArrayAppendString(a->children[1], text);
		if (r == NANOARROW_OK)
			r = ArrowArrayFinishElement(a);
	}
	return r == NANOARROW_OK ? ArrowArrayFinishBuildingDefault(a, NULL) : r;
}

int fake_rows_batch(struct fake_rows *f, uint64_t first, uint64_t n, struct ArrowBuffer *out)
{
	struct ArrowArray a;
	struct ArrowBuffer body;

	if (ArrowArrayInitFromSchema(&a, &f->schema, NULL) != NANOARROW_OK)
		return -ENOMEM;
	ArrowBufferInit(&body);
	bool ok = append_rows(f, first, n, &a) == NANOARROW_OK &&
		  ArrowArrayViewSetArray(&f->view, &a, NULL) == NANOARROW_OK &&
		  ArrowIpcEncoderEncodeSimpleRecordBatch(&f->encoder, &f->view, &body, NULL) == NANOARROW_OK &&
		  ArrowIpcEncoderFinalizeBuffer(&f->encoder, 1, out) == NANOARROW_OK &&
		  ArrowBufferAppend(out, body.data, body.size_bytes) == NANOARROW_OK;

	ArrowBufferReset(&body);
	a.release(&a);
	return ok ? 0 : -ENOMEM;
}
