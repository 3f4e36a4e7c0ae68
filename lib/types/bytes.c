/*
 * Text, bytes, bit strings and uuids. The binary form of text is the text.
 */
#include "col.h"
#include "qf/str.h"

static const char hex[] = "0123456789abcdef";

static int bad_utf8(struct qf_sink *s, struct qf_slice v)
{
	return qf_err_set(s->err, QF_EMALFORMED, "text that is not UTF-8 at byte %zu", qf_utf8_bad_at(v));
}

/* PostgreSQL text has no zero byte and most clients end at one, so that the rest would be lost unsaid. */
int qf_pg_text(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);

	if (v.n && memchr(v.p, 0, v.n))
		return qf_err_set(s->err, QF_EUNSUPPORTED,
				  "text with a zero byte, which PostgreSQL clients cannot take: cast it to BLOB");
	if (!qf_utf8_valid(v))
		return bad_utf8(s, v);
	qf_buf_add_slice(s->out, v);
	return 0;
}

int qf_json_text(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);

	if (!qf_utf8_valid(v))
		return bad_utf8(s, v);
	qf_json_quote(s->out, v);
	return 0;
}

int qf_trino_text(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);

	if (!qf_utf8_valid(v))
		return bad_utf8(s, v);
	qf_json_quote_upper(s->out, v);
	return 0;
}

static uint8_t *put_hex(uint8_t *p, const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*p++ = (uint8_t)hex[v[i] >> 4];
		*p++ = (uint8_t)hex[v[i] & 15];
	}
	return p;
}

static struct qf_slice bytea_at(const struct qf_col *col, uint64_t row)
{
	if (col->width)
		return (struct qf_slice){ col->data + row * col->width, col->width };
	return qf_col_bytes(col, row);
}

/* bytea_output = escape: a backslash is doubled, what is not printable ASCII becomes three octal digits [PG 8.4.2]. */
static void put_escaped(struct qf_sink *s, struct qf_slice v)
{
	uint8_t *p = qf_sink_room(s, 4 * v.n);

	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c >= 0x20 && c <= 0x7e) {
			if (c == '\\')
				*p++ = '\\';
			*p++ = c;
			continue;
		}
		*p++ = '\\';
		*p++ = (uint8_t)('0' + (c >> 6));
		*p++ = (uint8_t)('0' + (c >> 3 & 7));
		*p++ = (uint8_t)('0' + (c & 7));
	}
	qf_sink_end(s, p);
}

int qf_pg_bytea(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = bytea_at(col, row);

	if (s->style->bytea_escape) {
		put_escaped(s, v);
		return 0;
	}
	uint8_t *p = qf_sink_room(s, 2 + 2 * v.n);

	*p++ = '\\';
	*p++ = 'x';
	qf_sink_end(s, put_hex(p, v.p, v.n));
	return 0;
}

int qf_binary_bytea(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	qf_buf_add_slice(s->out, bytea_at(col, row));
	return 0;
}

/* In JSON always hex, whatever the session's bytea_output: an escape form could not be told from text. */
int qf_json_bytea(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = bytea_at(col, row);

	qf_buf_add_str(s->out, "\"\\\\x");
	qf_sink_end(s, put_hex(qf_sink_room(s, 2 * v.n), v.p, v.n));
	qf_buf_u8(s->out, '"');
	return 0;
}

/* Base 64 with padding, in quotes [RFC 4648 4]. */
int qf_trino_bytea(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct qf_slice v = bytea_at(col, row);
	uint8_t *p = qf_sink_room(s, 2 + (v.n + 2) / 3 * 4);

	*p++ = '"';
	for (; v.n; v.p += 3) {
		unsigned bits = (unsigned)v.p[0] << 16 | (v.n > 1 ? (unsigned)v.p[1] << 8 : 0) | (v.n > 2 ? v.p[2] : 0);

		*p++ = (uint8_t)digits[bits >> 18];
		*p++ = (uint8_t)digits[bits >> 12 & 63];
		*p++ = (uint8_t)(v.n > 1 ? digits[bits >> 6 & 63] : '=');
		*p++ = (uint8_t)(v.n > 2 ? digits[bits & 63] : '=');
		if (v.n <= 3)
			break;
		v.n -= 3;
	}
	*p++ = '"';
	qf_sink_end(s, p);
	return 0;
}

/* DuckDB's BIT: one byte that counts the unused leading bits of the next one, then the bits, first bit on top. */
static int check_bit(struct qf_slice v, struct qf_sink *s)
{
	if (v.n == 0 || v.p[0] > 7 || (v.n == 1 && v.p[0]))
		return qf_err_set(s->err, QF_EMALFORMED, "a bit string of %zu bytes with wrong padding", v.n);
	return 0;
}

int qf_pg_bit(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);
	int r = check_bit(v, s);

	if (r < 0)
		return r;
	size_t bits = (v.n - 1) * 8;
	uint8_t *p = qf_sink_room(s, bits);

	for (size_t i = v.p[0]; i < bits; i++)
		*p++ = v.p[1 + i / 8] >> (7 - i % 8) & 1 ? '1' : '0';
	qf_sink_end(s, p);
	return 0;
}

/* PostgreSQL counts the bits and fills up the last byte instead. */
int qf_binary_bit(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);
	int r = check_bit(v, s);

	if (r < 0)
		return r;
	unsigned pad = v.p[0];
	size_t n = v.n - 1;

	qf_sink_u32(s, (uint32_t)(n * 8 - pad));
	uint8_t *p = qf_sink_room(s, n);

	for (size_t i = 1; i <= n; i++)
		*p++ = (uint8_t)(v.p[i] << pad | (i < n ? v.p[i + 1] >> (8 - pad) : 0));
	qf_sink_end(s, p);
	return 0;
}

int qf_binary_uuid(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	qf_buf_add(s->out, col->data + row * 16, 16);
	return 0;
}

int qf_pg_uuid(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	static const uint8_t groups[] = { 4, 2, 2, 2, 6 };
	const uint8_t *v = col->data + row * 16;
	uint8_t *p = qf_sink_room(s, 36);

	for (size_t i = 0; i < sizeof(groups); i++) {
		if (i)
			*p++ = '-';
		p = put_hex(p, v, groups[i]);
		v += groups[i];
	}
	qf_sink_end(s, p);
	return 0;
}
