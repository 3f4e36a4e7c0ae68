/*
 * Cursors and COPY. The first byte: its two low bits choose what the rest is, the others how it is cut: a statement, or the
 * data of a COPY, which must give the same rows whole and in pieces, and those rows again when they are written and read.
 */
#include <stdlib.h>
#include <string.h>

#include "qf/copydata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 3 };

static const char *const names[COLUMNS] = { "a", "b", "c" };

static void check_inside(struct qf_slice part, struct qf_slice stmt)
{
	qf_assert(part.n == 0 || (part.p >= stmt.p && part.p + part.n <= stmt.p + stmt.n));
}

static void check_error(const struct qf_pgstmt_error *e, struct qf_slice stmt)
{
	qf_assert(strlen(e->sqlstate) == 5 && *e->text && e->position <= stmt.n + 1);
}

static void check_statement(struct qf_slice text)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_pgstmt_error e;
	struct qf_cursor_stmt c;
	struct qf_copy_stmt k;

	if (qf_cursor_parse(text, QF_DIALECT_POSTGRES, a, &c, &e) < 0)
		check_error(&e, text);
	else
		check_inside(c.query, text);
	if (qf_copy_parse(text, QF_DIALECT_POSTGRES, a, &k, &e) < 0) {
		check_error(&e, text);
	} else {
		check_inside(k.query, text);
		check_inside(k.table, text);
		qf_assert(k.query.p || k.table.n);
		qf_assert(k.format.kind == QF_COPY_BINARY || (k.format.delimiter && k.format.null));
	}
	qf_arena_free(a);
}

static void put_row(struct qf_buf *to, const struct qf_value *v)
{
	qf_buf_u16(to, COLUMNS);
	for (size_t i = 0; i < COLUMNS; i++) {
		qf_buf_u32(to, v[i].p ? v[i].n : UINT32_MAX);
		if (v[i].p)
			qf_buf_add(to, v[i].p, v[i].n);
	}
}

static void take(struct qf_copy_reader *r, struct qf_buf *rows, struct qf_copy_error *e, bool *failed)
{
	struct qf_value v[COLUMNS];
	int got = 0;

	while (!*failed && (got = qf_copy_next(r, v, e)) > 0)
		put_row(rows, v);
	*failed |= got < 0;
	qf_assert(got >= 0 || (strlen(e->sqlstate) == 5 && *e->text));
}

/* Rows as the bodies of DataRows, one behind the other. */
static bool read_rows(const struct qf_copy_format *f, struct qf_slice data, size_t step, struct qf_buf *rows)
{
	struct qf_copy_reader *r = qf_copy_reader_new(f, names, COLUMNS);
	struct qf_copy_error e;
	bool failed = false;

	for (size_t at = 0; at < data.n && !failed; at += step) {
		size_t n = data.n - at < step ? data.n - at : step;
		uint8_t *copy = malloc(n ? n : 1); /* reading beyond a piece is seen */

		memcpy(copy, data.p + at, n);
		qf_copy_feed(r, qf_slice(copy, n));
		take(r, rows, &e, &failed);
		free(copy);
	}
	qf_copy_close(r);
	take(r, rows, &e, &failed);
	qf_copy_reader_free(r);
	return !failed;
}

/* The data in all messages of CopyData. */
static void unwrap(const struct qf_buf *messages, struct qf_buf *data)
{
	struct qf_reader r = qf_reader(qf_buf_slice(messages));

	while (r.n > 0) {
		qf_assert(qf_read_u8(&r) == 'd');
		qf_buf_add_slice(data, qf_read_bytes(&r, qf_read_u32(&r) - 4));
	}
	qf_assert(!r.err);
}

static void check_back(const struct qf_copy_format *f, const struct qf_buf *rows)
{
	struct qf_reader r = qf_reader(qf_buf_slice(rows));
	struct qf_buf messages = { 0 }, data = { 0 }, again = { 0 };

	qf_copy_put_begin(&messages, f);
	while (r.n > 0) {
		const uint8_t *from = r.p;

		(void)qf_read_u16(&r);
		for (size_t i = 0; i < COLUMNS; i++) {
			uint32_t n = qf_read_u32(&r);

			(void)qf_read_bytes(&r, n == UINT32_MAX ? 0 : n);
		}
		qf_copy_put_row(&messages, f, qf_slice(from, (size_t)(r.p - from)), NULL);
	}
	qf_copy_put_end(&messages, f);
	unwrap(&messages, &data);
	qf_assert(read_rows(f, qf_buf_slice(&data), 1 << 20, &again));
	qf_assert(qf_slice_eq(qf_buf_slice(&again), qf_buf_slice(rows)));
	qf_buf_fini(&messages);
	qf_buf_fini(&data);
	qf_buf_fini(&again);
}

static void check_data(enum qf_copy_kind kind, struct qf_slice data, size_t step)
{
	bool csv = kind == QF_COPY_CSV;
	struct qf_copy_format f = { .kind = kind, .delimiter = csv ? ',' : '\t', .quote = '"',
		.escape = csv && step % 2 ? '\\' : '"', .null = csv ? "" : "\\N" };
	struct qf_buf whole = { 0 }, pieces = { 0 };
	bool ok = read_rows(&f, data, data.n + 1, &whole), also = read_rows(&f, data, step, &pieces);

	qf_assert(ok == also);
	if (ok) {
		qf_assert(qf_slice_eq(qf_buf_slice(&whole), qf_buf_slice(&pieces)));
		check_back(&f, &whole);
	}
	qf_buf_fini(&whole);
	qf_buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct qf_slice rest = qf_slice(data + 1, size - 1);
	unsigned what = data[0] & 3;

	if (what == 3)
		check_statement(rest);
	else
		check_data((enum qf_copy_kind)what, rest, 1 + (data[0] >> 2));
	return 0;
}
