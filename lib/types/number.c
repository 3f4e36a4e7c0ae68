/*
 * Booleans, integers and decimals. Their PostgreSQL text is a JSON number as it stands.
 */
#include "format.h"
#include "col.h"

static int put_bool(struct qf_sink *s, bool v)
{
	qf_buf_u8(s->out, v ? 't' : 'f');
	return 0;
}

static int put_json_bool(struct qf_sink *s, bool v)
{
	qf_buf_add_str(s->out, v ? "true" : "false");
	return 0;
}

static bool bit_at(const struct qf_col *col, uint64_t row)
{
	return col->data[row >> 3] >> (row & 7) & 1;
}

int qf_pg_bool8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_bool(s, col->data[row]);
}

int qf_pg_bool1(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_bool(s, bit_at(col, row));
}

int qf_json_bool8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_json_bool(s, col->data[row]);
}

int qf_json_bool1(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_json_bool(s, bit_at(col, row));
}

static int put_bool_byte(struct qf_sink *s, bool v)
{
	qf_buf_u8(s->out, v);
	return 0;
}

int qf_binary_bool8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_bool_byte(s, col->data[row]);
}

int qf_binary_bool1(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_bool_byte(s, bit_at(col, row));
}

static int put_signed(struct qf_sink *s, int64_t v)
{
	qf_sink_end(s, qf_digits_i64(qf_sink_room(s, 1 + QF_U64_DIGITS), v));
	return 0;
}

static int put_unsigned(struct qf_sink *s, uint64_t v)
{
	qf_sink_end(s, qf_digits_u64(qf_sink_room(s, QF_U64_DIGITS), v));
	return 0;
}

int qf_pg_i8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_signed(s, (int8_t)col->data[row]);
}

int qf_pg_u8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_unsigned(s, col->data[row]);
}

int qf_pg_i16(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int16_t v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_signed(s, v);
}

int qf_pg_u16(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	uint16_t v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_unsigned(s, v);
}

int qf_pg_i32(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_signed(s, qf_col_i32(col, row));
}

int qf_pg_u32(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_unsigned(s, (uint32_t)qf_col_i32(col, row));
}

int qf_pg_i64(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_signed(s, qf_col_i64(col, row));
}

int qf_pg_u64(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_unsigned(s, (uint64_t)qf_col_i64(col, row));
}

/* The binary forms have the width of the PostgreSQL type, which for some numbers is the next larger one. */
static int put_int2(struct qf_sink *s, int16_t v)
{
	qf_buf_u16(s->out, (uint16_t)v);
	return 0;
}

static int put_int4(struct qf_sink *s, int32_t v)
{
	qf_sink_u32(s, (uint32_t)v);
	return 0;
}

static int put_int8(struct qf_sink *s, int64_t v)
{
	qf_sink_u64(s, (uint64_t)v);
	return 0;
}

int qf_binary_i8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_int2(s, (int8_t)col->data[row]);
}

int qf_binary_u8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_int2(s, col->data[row]);
}

int qf_binary_i16(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int16_t v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_int2(s, v);
}

int qf_binary_u16(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	uint16_t v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_int4(s, v);
}

/* float4 too: its bits as they are. */
int qf_binary_i32(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_int4(s, qf_col_i32(col, row));
}

int qf_binary_u32(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_int8(s, (uint32_t)qf_col_i32(col, row));
}

/* float8 too. */
int qf_binary_i64(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_int8(s, qf_col_i64(col, row));
}

/* An oid, held in 64 bits. */
int qf_binary_oid(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int64_t v = qf_col_i64(col, row);

	if (v < 0 || v > UINT32_MAX)
		return qf_err_set(s->err, QF_EUNSUPPORTED, "an oid beyond 32 bits: ask for text");
	qf_sink_u32(s, (uint32_t)v);
	return 0;
}

static void put_wide(struct qf_sink *s, bool negative, unsigned __int128 v)
{
	uint8_t *p = qf_sink_room(s, 1 + QF_U128_DIGITS);

	if (negative)
		*p++ = '-';
	qf_sink_end(s, qf_digits_u128(p, v));
}

int qf_pg_hugeint(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	__int128 v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	put_wide(s, v < 0, v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v);
	return 0;
}

int qf_pg_uhugeint(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	unsigned __int128 v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	put_wide(s, false, v);
	return 0;
}

/* Trino's widest decimal has 38 digits, 128 bits have 39. */
static int put_decimal38(struct qf_sink *s, bool negative, unsigned __int128 v)
{
	const unsigned __int128 e19 = 10000000000000000000u;

	if (v >= e19 * e19)
		return qf_err_set(s->err, QF_EUNSUPPORTED,
				  "a number of 39 digits, where Trino's decimal ends at 38: cast it to VARCHAR");
	qf_buf_u8(s->out, '"');
	put_wide(s, negative, v);
	qf_buf_u8(s->out, '"');
	return 0;
}

int qf_trino_hugeint(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	__int128 v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_decimal38(s, v < 0, v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v);
}

int qf_trino_uhugeint(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	unsigned __int128 v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_decimal38(s, false, v);
}

static const uint64_t pow10[20] = {
	1u,
	10u,
	100u,
	1000u,
	10000u,
	100000u,
	1000000u,
	10000000u,
	100000000u,
	1000000000u,
	10000000000u,
	100000000000u,
	1000000000000u,
	10000000000000u,
	100000000000000u,
	1000000000000000u,
	10000000000000000u,
	100000000000000000u,
	1000000000000000000u,
	10000000000000000000u,
};

__int128 qf_col_decimal(const struct qf_col *col, uint64_t row)
{
	__int128 v;

	if (col->width == sizeof(int32_t))
		return qf_col_i32(col, row);
	if (col->width == sizeof(int64_t))
		return qf_col_i64(col, row);
	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return v;
}

/* The point goes into the digits of v, which may have to grow zeros in front of them. */
static uint8_t *put_wide_decimal(uint8_t *p, unsigned __int128 v, unsigned scale)
{
	uint8_t digits[QF_U128_DIGITS];
	size_t len = (size_t)(qf_digits_u128(digits, v) - digits);
	size_t whole = len > scale ? len - scale : 0;

	if (whole == 0)
		*p++ = '0';
	memcpy(p, digits, whole);
	p += whole;
	if (scale == 0)
		return p;
	*p++ = '.';
	size_t zeros = scale - (len - whole);

	memset(p, '0', zeros);
	memcpy(p + zeros, digits + whole, len - whole);
	return p + scale;
}

int qf_pg_decimal(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	__int128 v = qf_col_decimal(col, row);
	unsigned __int128 abs = v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v;
	unsigned scale = col->scale;
	uint8_t *p = qf_sink_room(s, 3 + QF_U128_DIGITS + (size_t)scale);

	if (v < 0)
		*p++ = '-';
	if (abs > UINT64_MAX || scale > 19) {
		p = put_wide_decimal(p, abs, scale);
	} else {
		p = qf_digits_u64(p, (uint64_t)abs / pow10[scale]);
		if (scale) {
			*p++ = '.';
			p = qf_digits_padded(p, (uint64_t)abs % pow10[scale], scale);
		}
	}
	qf_sink_end(s, p);
	return 0;
}
