/*
 * For tests: Arrow IPC messages from one row of raw bytes, or from whatever nanoarrow built.
 */
#ifndef QF_TESTS_ARROW_MESSAGE_H
#define QF_TESTS_ARROW_MESSAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "nanoarrow/nanoarrow_ipc.h"
#include "qf/types.h"

#define OPAQUE(name) "arrow.opaque", "{\"type_name\":\"" name "\",\"vendor_name\":\"DuckDB\"}"

struct message {
	struct ArrowBuffer schema, batch;
};

static inline struct qf_slice buffer_slice(const struct ArrowBuffer *b)
{
	return qf_slice(b->data, (size_t)b->size_bytes);
}

static inline struct qf_slice unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return qf_slice(out, n);
}

/* A struct schema of one column that the caller still has to give a format. */
static inline void schema_init(struct ArrowSchema *s, const char *name)
{
	ArrowSchemaInit(s);
	assert_int_equal(ArrowSchemaSetTypeStruct(s, 1), 0);
	assert_int_equal(ArrowSchemaSetName(s->children[0], name), 0);
}

static inline void schema_extension(struct ArrowSchema *s, const char *name, const char *metadata)
{
	struct ArrowBuffer b;

	assert_int_equal(ArrowMetadataBuilderInit(&b, NULL), 0);
	assert_int_equal(ArrowMetadataBuilderAppend(&b, ArrowCharView("ARROW:extension:name"), ArrowCharView(name)), 0);
	assert_int_equal(
		ArrowMetadataBuilderAppend(&b, ArrowCharView("ARROW:extension:metadata"), ArrowCharView(metadata)), 0);
	assert_int_equal(ArrowSchemaSetMetadata(s, (const char *)b.data), 0);
	ArrowBufferReset(&b);
}

static inline void message_fini(struct message *m)
{
	ArrowBufferReset(&m->schema);
	ArrowBufferReset(&m->batch);
}

static inline void encode_schema(struct message *m, const struct ArrowSchema *s)
{
	struct ArrowIpcEncoder e;

	ArrowBufferInit(&m->schema);
	ArrowBufferInit(&m->batch);
	assert_int_equal(ArrowIpcEncoderInit(&e), 0);
	assert_int_equal(ArrowIpcEncoderEncodeSchema(&e, s, NULL), 0);
	assert_int_equal(ArrowIpcEncoderFinalizeBuffer(&e, 1, &m->schema), 0);
	ArrowIpcEncoderReset(&e);
}

/* Takes over both. */
static inline void encode(struct message *m, struct ArrowSchema *s, struct ArrowArray *a)
{
	struct ArrowIpcEncoder e;
	struct ArrowArrayView view;
	struct ArrowBuffer body;

	encode_schema(m, s);
	ArrowBufferInit(&body);
	assert_int_equal(ArrowIpcEncoderInit(&e), 0);
	assert_int_equal(ArrowArrayViewInitFromSchema(&view, s, NULL), 0);
	assert_int_equal(ArrowArrayViewSetArray(&view, a, NULL), 0);
	assert_int_equal(ArrowIpcEncoderEncodeSimpleRecordBatch(&e, &view, &body, NULL), 0);
	assert_int_equal(ArrowIpcEncoderFinalizeBuffer(&e, 1, &m->batch), 0);
	assert_int_equal(ArrowBufferAppend(&m->batch, body.data, body.size_bytes), 0);
	ArrowIpcEncoderReset(&e);
	ArrowArrayViewReset(&view);
	ArrowBufferReset(&body);
	ArrowSchemaRelease(s);
	ArrowArrayRelease(a);
}

/* One column, one row: the value's bytes as they are in the buffer. Takes over the schema. */
static inline void encode_value(struct message *m, struct ArrowSchema *s, struct qf_slice value)
{
	struct ArrowArray a;
	struct ArrowArrayView view;

	assert_int_equal(ArrowArrayInitFromSchema(&a, s, NULL), 0);
	assert_int_equal(ArrowArrayViewInitFromSchema(&view, s, NULL), 0);
	enum ArrowBufferType kind = view.children[0]->layout.buffer_type[1];
	bool wide = view.children[0]->layout.element_size_bits[1] == 64;
	struct ArrowArray *column = a.children[0];

	a.length = column->length = 1;
	if (kind == NANOARROW_BUFFER_TYPE_DATA_OFFSET) {
		int64_t long_offsets[] = { 0, (int64_t)value.n };
		int32_t offsets[] = { 0, (int32_t)value.n };

		assert_int_equal(ArrowBufferAppend(ArrowArrayBuffer(column, 1),
						   wide ? (void *)long_offsets : (void *)offsets, wide ? 16 : 8),
				 0);
		assert_int_equal(ArrowBufferAppend(ArrowArrayBuffer(column, 2), value.p, (int64_t)value.n), 0);
	} else if (kind == NANOARROW_BUFFER_TYPE_DATA) {
		assert_int_equal(ArrowBufferAppend(ArrowArrayBuffer(column, 1), value.p, (int64_t)value.n), 0);
	} else {
		column->null_count = 1;
	}
	ArrowArrayViewReset(&view);
	assert_int_equal(ArrowArrayFinishBuilding(&a, NANOARROW_VALIDATION_LEVEL_NONE, NULL), 0);
	encode(m, s, &a);
}

static inline struct qf_rowset *open_rowset(const struct message *m)
{
	struct qf_rowset *rs = NULL;
	struct qf_err err = { .text = "" };

	if (qf_rowset_new(&rs, buffer_slice(&m->schema), &err) != 0)
		fail_msg("schema refused: %s", err.text);
	return rs;
}

static inline uint64_t load_batch(struct qf_rowset *rs, const struct message *m)
{
	struct qf_err err = { .text = "" };
	uint64_t rows = 0;

	if (qf_rowset_load(rs, buffer_slice(&m->batch), &rows, &err) != 0)
		fail_msg("batch refused: %s", err.text);
	return rows;
}

#endif
