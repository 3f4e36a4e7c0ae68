/* Rows as COPY TO writes them [src/backend/commands/copyto.c of PostgreSQL 15]. See qf/copydata.h. */
#include <string.h>

#include "qf/copydata.h"

static const char signature[11] = "PGCOPY\n\377\r\n";

static size_t begin(struct qf_buf *out)
{
	size_t at = out->n;

	qf_buf_u8(out, 'd');
	qf_buf_u32(out, 0);
	return at;
}

static void end(struct qf_buf *out, size_t at)
{
	qf_buf_put_u32_at(out, at + 1, (uint32_t)(out->n - at - 1));
}

void qf_copy_put_begin(struct qf_buf *out, const struct qf_copy_format *f)
{
	if (f->kind != QF_COPY_BINARY)
		return;
	size_t at = begin(out);

	qf_buf_add(out, signature, sizeof(signature));
	qf_buf_u32(out, 0); /* flags */
	qf_buf_u32(out, 0); /* length of the extension */
	end(out, at);
}

void qf_copy_put_end(struct qf_buf *out, const struct qf_copy_format *f)
{
	if (f->kind != QF_COPY_BINARY)
		return;
	size_t at = begin(out);

	qf_buf_u16(out, UINT16_MAX);
	end(out, at);
}

/* The letter behind the backslash, or 0: the byte stands for itself. */
static char escape_of(const struct qf_copy_format *f, uint8_t c)
{
	switch (c) {
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\v':
		return 'v';
	default:
		return c == '\\' || c == (uint8_t)f->delimiter ? (char)c : 0;
	}
}

static void put_text(struct qf_buf *out, const struct qf_copy_format *f, struct qf_slice v)
{
	size_t from = 0;

	for (size_t i = 0; i < v.n; i++) {
		char letter = escape_of(f, v.p[i]);

		if (!letter)
			continue;
		qf_buf_add(out, v.p + from, i - from);
		qf_buf_u8(out, '\\');
		qf_buf_u8(out, (uint8_t)letter);
		from = i + 1;
	}
	qf_buf_add(out, v.p + from, v.n - from);
}

static bool needs_quotes(const struct qf_copy_format *f, struct qf_slice v, bool alone)
{
	if (qf_slice_eq_str(v, f->null) || (alone && qf_slice_eq_str(v, "\\.")))
		return true;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == (uint8_t)f->delimiter || v.p[i] == (uint8_t)f->quote || v.p[i] == '\n' || v.p[i] == '\r')
			return true;
	return false;
}

static void put_csv(struct qf_buf *out, const struct qf_copy_format *f, struct qf_slice v, bool force, bool alone)
{
	size_t from = 0;

	if (!force && !needs_quotes(f, v, alone)) {
		qf_buf_add_slice(out, v);
		return;
	}
	qf_buf_u8(out, (uint8_t)f->quote);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] != (uint8_t)f->quote && v.p[i] != (uint8_t)f->escape)
			continue;
		qf_buf_add(out, v.p + from, i - from);
		qf_buf_u8(out, (uint8_t)f->escape);
		from = i;
	}
	qf_buf_add(out, v.p + from, v.n - from);
	qf_buf_u8(out, (uint8_t)f->quote);
}

static void put_value(struct qf_buf *out, const struct qf_copy_format *f, struct qf_slice v, bool force, bool alone)
{
	if (f->kind == QF_COPY_CSV)
		put_csv(out, f, v, force, alone);
	else
		put_text(out, f, v);
}

void qf_copy_put_row(struct qf_buf *out, const struct qf_copy_format *f, struct qf_slice datarow, const bool *force)
{
	struct qf_reader r = qf_reader(datarow);
	size_t at = begin(out);

	if (f->kind == QF_COPY_BINARY) { /* a DataRow has the same form */
		qf_buf_add_slice(out, datarow);
		end(out, at);
		return;
	}
	uint16_t n = qf_read_u16(&r);

	for (uint16_t i = 0; i < n; i++) {
		uint32_t length = qf_read_u32(&r);

		if (i > 0)
			qf_buf_u8(out, (uint8_t)f->delimiter);
		if (length == UINT32_MAX)
			qf_buf_add_str(out, f->null);
		else
			put_value(out, f, qf_read_bytes(&r, length), force && force[i], n == 1);
	}
	qf_buf_u8(out, '\n');
	end(out, at);
}

void qf_copy_put_header(struct qf_buf *out, const struct qf_copy_format *f, const char *const *names, size_t n)
{
	if (f->header == QF_COPY_HEADER_NONE)
		return;
	size_t at = begin(out);

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			qf_buf_u8(out, (uint8_t)f->delimiter);
		put_value(out, f, qf_slice_str(names[i]), false, n == 1);
	}
	qf_buf_u8(out, '\n');
	end(out, at);
}
