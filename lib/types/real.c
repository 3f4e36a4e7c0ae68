/*
 * float4 and float8 as PostgreSQL prints them, and as Trino does, which is Java's way.
 *
 * With extra_float_digits of 1 or more (PostgreSQL's default since 12) that is the shortest decimal that reads back
 * as the same value, the nearest one if there are several. Found with Raffaello Giulietti's method ("The Schubfach
 * way to render doubles", 2020): scale the interval of numbers that round to this one by a power of ten so that its
 * length is between 1 and 10, and look at the multiples of 10 and of 1 around its middle. Like PostgreSQL, a decimal
 * on the very edge of the interval is not taken, since not every reader rounds half to even.
 * With 0 or less it is printf's %.*g.
 *
 * Java's Double.toString() takes a decimal on the edge when the significand is even, and where one digit would do it
 * takes the nearest of two digits; that shows in the smallest numbers only (4.9E-324).
 */
#include <math.h>
#include <stdio.h>

#include "format.h"
#include "col.h"
#include "real.h"

struct decimal {
	uint64_t digits;
	int exponent;
};

/* How one IEEE format is laid out, and when PostgreSQL leaves fixed notation: FLT_DIG or DBL_DIG. */
struct layout {
	unsigned fraction_bits, exponent_bits;
	int bias; /* the value is significand × 2^(exponent - bias) */
	int digits;
	uint64_t tiny; /* below this significand, of the lowest exponent, two digits are fewer than ten steps */
};

static const struct layout float4 = { .fraction_bits = 23, .exponent_bits = 8, .bias = 150, .digits = 6, .tiny = 8 };
static const struct layout float8 = { .fraction_bits = 52, .exponent_bits = 11, .bias = 1075, .digits = 15, .tiny = 3 };

/* The text is at most sign, 17 digits, point and four of exponent, or 0.000 and the digits. */
enum { MAX_TEXT = 32 };

static int floor_log2_pow10(int e)
{
	return e * 1741647 >> 19;
}

/* floor(log10(2^q)), or of 3/4 of it for a power of two, whose lower neighbour is only half as far away. */
static int floor_log10_pow2(int q, bool three_quarters)
{
	return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

/* floor(c × g / 2^128) with the last bit set when anything was cut off: enough to compare with integers. */
static uint64_t scale(const struct qf_pow10 *g, uint64_t c)
{
	uint64_t carry = (uint64_t)((unsigned __int128)g->lo * c >> 64);
	unsigned __int128 product = (unsigned __int128)g->hi * c + carry;

	return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* The shortest decimal of c × 2^q, of at least so many digits less one as `least` has. */
static struct decimal shortest(uint64_t c, int q, bool power_of_two, unsigned edge, unsigned least)
{
	int k = floor_log10_pow2(q, power_of_two);
	unsigned shift = (unsigned)(q + floor_log2_pow10(-k) + 1);
	const struct qf_pow10 *g = &qf_pow10_table[-k - QF_POW10_MIN];
	/* In quarters; edges moved in by one are left out. */
	uint64_t value = scale(g, 4 * c << shift);
	uint64_t low = scale(g, (4 * c - (power_of_two ? 1 : 2)) << shift) + edge;
	uint64_t high = scale(g, (4 * c + 2) << shift) - edge;
	uint64_t s = value / 4, tens = s / 10;

	if (s >= least) {
		bool down_fits = low <= 40 * tens, up_fits = 40 * tens + 40 <= high;

		if (down_fits != up_fits)
			return (struct decimal){ tens + up_fits, k + 1 };
	}
	bool down_fits = low <= 4 * s, up_fits = 4 * s + 4 <= high;

	if (down_fits != up_fits)
		return (struct decimal){ s + up_fits, k };
	uint64_t middle = 4 * s + 2;
	bool up = value > middle || (value == middle && s & 1);

	return (struct decimal){ s + up, k };
}

static struct decimal decimal_of(uint64_t fraction, int exponent, const struct layout *l, bool java)
{
	uint64_t hidden = UINT64_C(1) << l->fraction_bits;
	uint64_t c = exponent ? hidden | fraction : fraction;
	int q = (exponent ? exponent : 1) - l->bias;

	/* A small integer is its own shortest form. */
	if (q <= 0 && q > -(int)l->fraction_bits - 1 && (c & ((UINT64_C(1) << -q) - 1)) == 0)
		return (struct decimal){ c >> -q, 0 };
	if (!java)
		return shortest(c, q, fraction == 0 && exponent > 1, 1, 10);
	if (c >= l->tiny || exponent)
		return shortest(c, q, fraction == 0 && exponent > 1, c & 1, 100);
	struct decimal tenfold = shortest(10 * c, q, false, 0, 100);

	return (struct decimal){ tenfold.digits, tenfold.exponent - 1 };
}

static uint8_t *put_zeros(uint8_t *p, int n)
{
	memset(p, '0', (size_t)n);
	return p + n;
}

static uint8_t *put_exponent(uint8_t *p, int e)
{
	*p++ = 'e';
	*p++ = e < 0 ? '-' : '+';
	return qf_digits_padded(p, (uint64_t)(e < 0 ? -e : e), 2);
}

static uint8_t *put_decimal(uint8_t *p, struct decimal d, int max_fixed)
{
	uint8_t text[QF_U64_DIGITS];

	while (d.digits && d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	int n = (int)(qf_digits_u64(text, d.digits) - text);
	int e = d.exponent + n - 1; /* of the first digit */

	if (e >= 0 && e < max_fixed && n <= e + 1) {
		memcpy(p, text, (size_t)n);
		return put_zeros(p + n, e + 1 - n);
	}
	if (e < 0 && e >= -4) {
		p = put_zeros(p, 1 - e);
		p[e] = '.';
		memcpy(p, text, (size_t)n);
		return p + n;
	}
	int whole = e >= 0 && e < max_fixed ? e + 1 : 1;

	memcpy(p, text, (size_t)whole);
	p += whole;
	if (n > whole) {
		*p++ = '.';
		memcpy(p, text + whole, (size_t)(n - whole));
		p += n - whole;
	}
	return whole == e + 1 ? p : put_exponent(p, e);
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static uint8_t *put_rounded(uint8_t *p, double v, int digits)
{
	return p + snprintf((char *)p, MAX_TEXT, "%.*g", digits < 1 ? 1 : digits, v);
}

static uint8_t *put_real(uint8_t *p, uint64_t bits, double v, const struct layout *l, int extra_digits)
{
	int max_exponent = (1 << l->exponent_bits) - 1;
	int exponent = (int)(bits >> l->fraction_bits) & max_exponent;
	uint64_t fraction = bits & ((UINT64_C(1) << l->fraction_bits) - 1);

	if (exponent == max_exponent)
		return put_text(p, fraction ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
	if (extra_digits <= 0)
		return put_rounded(p, v, l->digits + extra_digits);
	if (bits >> (l->fraction_bits + l->exponent_bits))
		*p++ = '-';
	if (fraction == 0 && exponent == 0) {
		*p++ = '0';
		return p;
	}
	return put_decimal(p, decimal_of(fraction, exponent, l, false), l->digits);
}

int qf_pg_float8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	uint64_t bits = (uint64_t)qf_col_i64(col, row);
	double v;

	memcpy(&v, &bits, sizeof(v));
	qf_sink_end(s, put_real(qf_sink_room(s, MAX_TEXT), bits, v, &float8, s->style->extra_float_digits));
	return 0;
}

int qf_pg_float4(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	uint32_t bits = (uint32_t)qf_col_i32(col, row);
	float v;

	memcpy(&v, &bits, sizeof(v));
	qf_sink_end(s, put_real(qf_sink_room(s, MAX_TEXT), bits, v, &float4, s->style->extra_float_digits));
	return 0;
}

/* JSON has no NaN and no infinity: they become strings. */
int qf_json_float8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	double v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return isfinite(v) ? qf_pg_float8(col, row, s) : qf_json_quoted(col, row, s);
}

int qf_json_float4(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	float v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return isfinite(v) ? qf_pg_float4(col, row, s) : qf_json_quoted(col, row, s);
}

/* Fixed from 0.001 to below 10,000,000, else scientific; always a digit behind the point. */
static uint8_t *put_java_decimal(uint8_t *p, struct decimal d)
{
	uint8_t text[QF_U64_DIGITS];

	while (d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	int n = (int)(qf_digits_u64(text, d.digits) - text);
	int e = d.exponent + n - 1; /* of the first digit */
	bool fixed = e >= -3 && e < 7;
	int whole = fixed ? e + 1 : 1, have = whole < n ? whole : n;

	if (whole <= 0) {
		*p++ = '0';
		*p++ = '.';
		p = put_zeros(p, -whole);
		memcpy(p, text, (size_t)n);
		return p + n;
	}
	memcpy(p, text, (size_t)have);
	p = put_zeros(p + have, whole - have);
	*p++ = '.';
	if (n == have)
		*p++ = '0';
	memcpy(p, text + have, (size_t)(n - have));
	p += n - have;
	if (fixed)
		return p;
	*p++ = 'E';
	return qf_digits_i64(p, e);
}

static int put_trino(struct qf_sink *s, uint64_t bits, const struct layout *l)
{
	int max_exponent = (1 << l->exponent_bits) - 1;
	int exponent = (int)(bits >> l->fraction_bits) & max_exponent;
	uint64_t fraction = bits & ((UINT64_C(1) << l->fraction_bits) - 1);
	bool negative = bits >> (l->fraction_bits + l->exponent_bits);
	uint8_t *p = qf_sink_room(s, MAX_TEXT);

	if (exponent == max_exponent) {
		qf_sink_end(s, put_text(p, fraction ? "\"NaN\"" : negative ? "\"-Infinity\"" : "\"Infinity\""));
		return 0;
	}
	if (negative)
		*p++ = '-';
	if (fraction == 0 && exponent == 0)
		p = put_text(p, "0.0");
	else
		p = put_java_decimal(p, decimal_of(fraction, exponent, l, true));
	qf_sink_end(s, p);
	return 0;
}

int qf_trino_float8(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_trino(s, (uint64_t)qf_col_i64(col, row), &float8);
}

int qf_trino_float4(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_trino(s, (uint32_t)qf_col_i32(col, row), &float4);
}
