/*
 * Exact numbers in PostgreSQL's binary form: digits of base 10000, the weight of the first one, a sign and the number
 * of decimal digits behind the point that its text shows.
 */
#include "format.h"
#include "numeric.h"

enum {
	NUMERIC_HEAD = 8,
	BIGNUM_DIGITS = 16384 + 16, /* what bignum.c writes at most */
};

static int16_t group_at(const uint8_t *digits, size_t n, int64_t from)
{
	int16_t v = 0;

	for (int64_t i = from; i < from + QF_NUMERIC_GROUP; i++)
		v = (int16_t)(v * 10 + (i >= 0 && (size_t)i < n ? digits[i] - '0' : 0));
	return v;
}

static uint8_t *put_u16(uint8_t *p, unsigned v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

/* Groups lie around the point: the first has `ahead` zeros that are not in the digits. Zero groups at the ends go. */
static void put_numeric(struct qf_sink *s, bool negative, const uint8_t *digits, size_t n, unsigned scale)
{
	int64_t whole = (int64_t)n - scale;
	int64_t weight = qf_numeric_groups(whole) - 1;
	int64_t ahead = (weight + 1) * QF_NUMERIC_GROUP - whole;
	size_t count = 0, last = 0;
	uint8_t *head = qf_sink_room(s, NUMERIC_HEAD + 2 * ((n + (size_t)ahead) / QF_NUMERIC_GROUP + 1));
	uint8_t *p = head + NUMERIC_HEAD;

	for (int64_t from = -ahead; from < (int64_t)n; from += QF_NUMERIC_GROUP) {
		int16_t group = group_at(digits, n, from);

		if (group == 0 && count == 0) {
			weight--;
			continue;
		}
		p = put_u16(p, (unsigned)group);
		count++;
		if (group)
			last = count;
	}
	put_u16(head, (unsigned)last);
	put_u16(head + 2, last ? (unsigned)weight : 0);
	put_u16(head + 4, last && negative ? QF_NUMERIC_NEGATIVE : 0);
	put_u16(head + 6, scale);
	qf_sink_end(s, head + NUMERIC_HEAD + 2 * last);
}

static int put_u128(struct qf_sink *s, bool negative, unsigned __int128 v, unsigned scale)
{
	uint8_t digits[QF_U128_DIGITS];

	put_numeric(s, negative, digits, (size_t)(qf_digits_u128(digits, v) - digits), scale);
	return 0;
}

int qf_binary_u64(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_u128(s, false, (uint64_t)qf_col_i64(col, row), 0);
}

int qf_binary_hugeint(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	__int128 v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_u128(s, v < 0, v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v, 0);
}

int qf_binary_uhugeint(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	unsigned __int128 v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return put_u128(s, false, v, 0);
}

int qf_binary_decimal(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	__int128 v = qf_col_decimal(col, row);

	return put_u128(s, v < 0, v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v, col->scale);
}

/* By way of its text, which stands where the value will. */
int qf_binary_bignum(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	uint8_t digits[BIGNUM_DIGITS];
	size_t at = s->out->n;
	int r = qf_pg_bignum(col, row, s);

	if (r < 0)
		return r;
	bool negative = s->out->p[at] == '-';
	size_t n = s->out->n - at - negative;

	qf_assert(n <= sizeof(digits));
	memcpy(digits, s->out->p + at + negative, n);
	s->out->n = at;
	put_numeric(s, negative, digits, n, 0);
	return 0;
}
