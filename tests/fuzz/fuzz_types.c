/*
 * An Arrow schema message and a record batch: whatever they hold, they are refused with words, or every value prints,
 * for PostgreSQL and as valid JSON for Trino.
 *
 * Input: one byte of choices (1: the batch at an odd address, 2: bytea escape, 4: rounded floats, 8: a time zone with
 * daylight saving, 16: a Trino client without parametric types, 32: binary rows), the length of the schema in four
 * bytes, big-endian, the schema, the batch.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/types/col.h"
#include "../../lib/types/envelope.h"
#include "nanoarrow/nanoarrow_ipc.h"
#include "qf/types.h"

enum {
	ODD_ADDRESS = 1,
	BYTEA_ESCAPE = 2,
	ROUNDED = 4,
	ZONE = 8,
	NOT_PARAMETRIC = 16,
	BINARY = 32,
	MAX_OUTPUT = 64 << 10, /* of one input: what prints more is only slow */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * What passes our own check also passes flatcc's, which takes exponential time for a bad leaf of a deep schema.
 */
static void check_agreement(struct qf_slice message, bool is_schema)
{
	struct ArrowIpcDecoder decoder;
	struct qf_slice body;
	uint8_t *copy = qf_xmalloc(message.n + 1); /* aligned */

	if (message.n)
		memcpy(copy, message.p, message.n);
	message.p = copy;
	if (is_schema ? qf_envelope_schema(message, NULL) == 0 : qf_envelope_batch(message, &body, NULL) == 0) {
		struct ArrowBufferView view = { .data.as_uint8 = copy, .size_bytes = (int64_t)message.n };

		qf_assert(ArrowIpcDecoderInit(&decoder) == NANOARROW_OK);
		qf_assert(ArrowIpcDecoderVerifyHeader(&decoder, view, NULL) == NANOARROW_OK);
		ArrowIpcDecoderReset(&decoder);
	}
	free(copy);
}

static void check_row(const struct qf_rowset *rs, uint64_t row, const struct qf_text_style *st, struct qf_buf *out)
{
	struct qf_err err = { .text = "" };
	size_t start = out->n;

	if (qf_rowset_pg_datarow(rs, row, st, out, &err) != 0) {
		qf_assert(out->n == start && err.code < 0 && err.text[0]);
		return;
	}
	struct qf_reader r = qf_reader(qf_slice(out->p + start, out->n - start));

	qf_assert(qf_read_u8(&r) == 'D' && qf_read_u32(&r) == out->n - start - 1);
	qf_assert(qf_read_u16(&r) == qf_rowset_columns(rs));
	for (size_t i = 0; i < qf_rowset_columns(rs); i++) {
		uint32_t n = qf_read_u32(&r);

		qf_assert(qf_rowset_is_null(rs, row, i) == (n == UINT32_MAX));
		(void)qf_read_bytes(&r, n == UINT32_MAX ? 0 : n);
	}
	qf_assert(qf_reader_done(&r));
}

static void check_json(int r, const struct qf_buf *out, size_t start, const struct qf_err *err)
{
	if (r == 0)
		qf_assert(out->n > start && qf_json_valid(qf_slice(out->p + start, out->n - start)));
	else
		qf_assert(out->n == start && err->code < 0 && err->text[0]);
}

static void check_trino_columns(const struct qf_rowset *rs, const struct qf_trino_style *st)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out;

	qf_buf_init(&out);
	int r = qf_rowset_trino_columns(rs, st, &out, &err);

	check_json(r, &out, 0, &err);
	qf_buf_fini(&out);
}

static void check_trino_row(const struct qf_rowset *rs, uint64_t row, const struct qf_trino_style *st,
			    struct qf_buf *out)
{
	struct qf_err err = { .text = "" };
	size_t start = out->n;
	int r = qf_rowset_trino_row(rs, row, st, out, &err);

	check_json(r, out, start, &err);
}

static void check_batch(struct qf_rowset *rs, struct qf_slice batch, const struct qf_text_style *st,
			const struct qf_trino_style *trino)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out;
	uint64_t rows;

	if (qf_rowset_load(rs, batch, &rows, &err) != 0) {
		qf_assert(err.code < 0 && err.text[0]);
		return;
	}
	qf_buf_init(&out);
	for (uint64_t row = 0; row < rows && out.n < MAX_OUTPUT; row++)
		check_row(rs, row, st, &out);
	qf_buf_clear(&out);
	for (uint64_t row = 0; row < rows && out.n < MAX_OUTPUT; row++)
		check_trino_row(rs, row, trino, &out);
	qf_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t formats[] = { 1 };
	struct qf_reader r = qf_reader(qf_slice(data, size));
	uint8_t choices = qf_read_u8(&r);
	struct qf_slice schema = qf_read_bytes(&r, qf_read_u32(&r));
	struct qf_text_style st = {
		.bytea_escape = choices & BYTEA_ESCAPE,
		.extra_float_digits = !(choices & ROUNDED),
		.formats = formats,
		.n_formats = choices & BINARY ? 1 : 0,
	};
	struct qf_trino_style trino = { .parametric_datetime = !(choices & NOT_PARAMETRIC) };
	struct qf_rowset *rs;
	struct qf_tz *tz = NULL;
	struct qf_err err = { .text = "" };

	if (r.err)
		return 0;
	check_agreement(schema, true);
	check_agreement(qf_slice(r.p, r.n), false);
	if (qf_rowset_new(&rs, schema, &err) != 0) {
		qf_assert(err.code < 0 && err.text[0]);
		return 0;
	}
	if (choices & ZONE && qf_tz_open(&tz, "CET-1CEST,M3.5.0,M10.5.0/3", &err) != 0)
		abort();
	st.tz = trino.tz = tz;
	check_trino_columns(rs, &trino);
	size_t shift = choices & ODD_ADDRESS;
	uint8_t *copy = qf_xmalloc(r.n + shift); /* of the exact size, so that a read beyond the end is seen */

	if (r.n)
		memcpy(copy + shift, r.p, r.n);
	check_batch(rs, qf_slice(copy + shift, r.n), &st, &trino);
	free(copy);
	qf_tz_free(tz);
	qf_rowset_free(rs);
	return 0;
}
