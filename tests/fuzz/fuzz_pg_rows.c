/*
 * A RowDescription and DataRows: refused with words, or Arrow that is read again and prints in every form.
 *
 * Input: the description and the rows, each behind its length in two bytes, big-endian.
 */
#include <stdlib.h>
#include <string.h>

#include "qf/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const struct qf_rowset *rs, uint64_t row)
{
	static const uint16_t binary[] = { 1 };
	const struct qf_text_style text_style = { .extra_float_digits = 1 };
	const struct qf_text_style binary_style = { .formats = binary, .n_formats = 1 };
	const struct qf_trino_style trino = { .parametric_datetime = true };
	struct qf_err err = { .text = "" };
	struct qf_buf out = { 0 };

	qf_assert(qf_rowset_pg_datarow(rs, row, &text_style, &out, &err) == 0 || err.code == QF_ELIMIT);
	qf_buf_clear(&out);
	qf_assert(qf_rowset_pg_datarow(rs, row, &binary_style, &out, &err) == 0 || err.code == QF_ELIMIT);
	qf_buf_clear(&out);
	if (qf_rowset_trino_row(rs, row, &trino, &out, &err) != 0)
		qf_assert(err.text[0] && out.n == 0);
	qf_buf_fini(&out);
}

static void check_batch(struct qf_pgrows *p, struct qf_rowset *rs, uint64_t added)
{
	struct qf_err err = { .text = "" };
	struct qf_buf batch = { 0 };
	uint64_t rows, loaded = 0;

	qf_assert(qf_pgrows_batch(p, &batch, &rows, &err) == 0 && rows == added);
	qf_assert(qf_rowset_load(rs, qf_buf_slice(&batch), &loaded, &err) == 0 && loaded == rows);
	for (uint64_t row = 0; row < rows; row++)
		check_row(rs, row);
	qf_buf_fini(&batch);
}

static struct qf_slice next(struct qf_reader *r)
{
	uint16_t n = qf_read_u16(r);

	return qf_read_bytes(r, n);
}

/* Of the exact size, so that a read beyond the end is seen. */
static int add_copy(struct qf_pgrows *p, struct qf_slice row, struct qf_err *err)
{
	uint8_t *copy = qf_xmalloc(row.n);

	if (row.n)
		memcpy(copy, row.p, row.n);
	int r = qf_pgrows_add(p, qf_slice(copy, row.n), err);

	free(copy);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qf_reader r = qf_reader(qf_slice(data, size));
	struct qf_err err = { .text = "" };
	struct qf_buf schema = { 0 };
	struct qf_rowset *rs = NULL;
	struct qf_pgrows *p = NULL;
	uint64_t rows = 0;
	int e = qf_pgrows_new(&p, next(&r), &schema, &err);

	if (e == 0) {
		e = qf_rowset_new(&rs, qf_buf_slice(&schema), &err);
		qf_assert(e == 0 || e == QF_ELIMIT || e == QF_EMALFORMED);
	}
	while (e == 0 && r.n) {
		e = add_copy(p, next(&r), &err);
		rows += e == 0;
	}
	if (e == 0)
		check_batch(p, rs, rows);
	else
		qf_assert(err.code < 0 && err.text[0]);
	qf_rowset_free(rs);
	qf_pgrows_free(p);
	qf_buf_fini(&schema);
	return 0;
}
