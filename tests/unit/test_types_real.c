/* float4 and float8: the table of powers is computed again, and random numbers have to read back as themselves. */
#include "arrow_message.h"
#include "../../lib/types/col.h"
#include "../../lib/types/real.h"

enum { LIMBS = 40 }; /* of 32 bits: 10^324 has 1077 bits, and a quotient needs 128 more */

/* A whole number, the lowest limb first. */
struct big {
	uint32_t limb[LIMBS];
};

static void multiply(struct big *b, uint32_t by)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < LIMBS; i++) {
		carry += (uint64_t)b->limb[i] * by;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

static int top_bit(const struct big *b)
{
	for (int i = LIMBS * 32 - 1; i >= 0; i--)
		if (b->limb[i / 32] >> (i % 32) & 1)
			return i;
	return -1;
}

static bool bit(const struct big *b, int i)
{
	return i >= 0 && b->limb[i / 32] >> (i % 32) & 1;
}

static struct big power_of_ten(int k)
{
	struct big b = { .limb = { 1 } };

	for (int i = 0; i < k; i++)
		multiply(&b, 10);
	return b;
}

/* The 128 bits from the top one on, rounded up. */
static unsigned __int128 top_128(const struct big *b)
{
	unsigned __int128 v = 0;
	int top = top_bit(b);
	bool rest = false;

	for (int i = top; i > top - 128; i--)
		v = v << 1 | bit(b, i);
	for (int i = top - 128; i >= 0; i--)
		rest = rest || bit(b, i);
	return v + rest;
}

static int compare(const struct big *a, const struct big *b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

static void subtract(struct big *a, const struct big *b)
{
	int64_t borrow = 0;

	for (size_t i = 0; i < LIMBS; i++) {
		borrow += (int64_t)a->limb[i] - b->limb[i];
		a->limb[i] = (uint32_t)borrow;
		borrow >>= 32;
	}
}

/* 128 bits of 1 / 10^k by long division, rounded up: it never comes out even. */
static unsigned __int128 reciprocal(int k)
{
	struct big divisor = power_of_ten(k), rest = { .limb = { 1 } };
	unsigned __int128 v = 0;
	int bits = 0;

	while (bits < 128) {
		multiply(&rest, 2);
		bool one = compare(&rest, &divisor) >= 0;

		if (one)
			subtract(&rest, &divisor);
		if (one || bits) {
			v = v << 1 | one;
			bits++;
		}
	}
	return v + 1;
}

static void powers_of_ten_are_right(void **state)
{
	(void)state;
	for (int k = QF_POW10_MIN; k <= QF_POW10_MAX; k++) {
		const struct qf_pow10 *p = &qf_pow10_table[k - QF_POW10_MIN];
		struct big b = power_of_ten(k < 0 ? 0 : k);
		unsigned __int128 want = k < 0 ? reciprocal(-k) : top_128(&b);

		if (p->hi != (uint64_t)(want >> 64) || p->lo != (uint64_t)want)
			fail_msg("10^%d", k);
	}
}

static const char *print(qf_write_fn *writer, const void *value, struct qf_buf *out)
{
	static const struct qf_text_style st = { .extra_float_digits = 1 };
	struct qf_col col = { .data = value };
	struct qf_sink s = { .out = out, .style = &st };

	qf_buf_clear(out);
	assert_int_equal(writer(&col, 0, &s), 0);
	return qf_buf_cstr(out);
}

/* Splitmix64: the same numbers each time. */
static uint64_t random_bits(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/*
 * %.*e with ever more digits finds the shortest there is. Not for round fractions, nor where neighbours are whole
 * numbers apart: there a shorter decimal may lie on the very edge, and is not ours.
 */
static size_t shortest_digits(double v, bool single, bool is_round)
{
	double abs = v < 0 ? -v : v;

	if (is_round || (single ? abs > 0x1p20 && abs < 0x1p60 : abs > 0x1p49 && abs < 0x1p100))
		return 18;
	for (int digits = 1; digits < 18; digits++) {
		char text[40];

		snprintf(text, sizeof(text), "%.*e", digits - 1, v);
		if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			return (size_t)digits;
	}
	return 18;
}

static size_t digits_of(const char *text)
{
	size_t n = 0, zeros = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (*text == '0' && n == 0))
			continue;
		zeros = *text == '0' ? zeros + 1 : 0;
		n++;
	}
	return n - zeros;
}

static void doubles_read_back(void **state)
{
	uint64_t seed = 1;
	struct qf_buf out;

	(void)state;
	qf_buf_init(&out);
	for (int i = 0; i < 200000; i++) {
		uint64_t bits = random_bits(&seed) & ~(i % 4 ? UINT64_C(0) : UINT64_C(0xffffffffff));
		double v;

		memcpy(&v, &bits, sizeof(v));
		if (v - v != 0)
			continue;
		const char *text = print(qf_pg_float8, &v, &out);
		double back = strtod(text, NULL);

		if (memcmp(&back, &v, sizeof(v)) != 0 || digits_of(text) > shortest_digits(v, false, i % 4 == 0))
			fail_msg("%a is \"%s\"", v, text);
	}
	qf_buf_fini(&out);
}

static void floats_read_back(void **state)
{
	uint64_t seed = 2;
	struct qf_buf out;

	(void)state;
	qf_buf_init(&out);
	for (int i = 0; i < 200000; i++) {
		uint32_t bits = (uint32_t)random_bits(&seed) & ~(i % 4 ? 0u : 0xffffu);
		float v;

		memcpy(&v, &bits, sizeof(v));
		if (v - v != 0)
			continue;
		const char *text = print(qf_pg_float4, &v, &out);
		float back = strtof(text, NULL);

		if (memcmp(&back, &v, sizeof(v)) != 0 ||
		    digits_of(text) > shortest_digits((double)v, true, i % 4 == 0))
			fail_msg("%a is \"%s\"", (double)v, text);
	}
	qf_buf_fini(&out);
}

/* From PostgreSQL 15: where notations change, the ends of the range, and decimals that lie on the edge. */
static void edges_are_postgresqls(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 5e-324, "5e-324" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 0.0001, "0.0001" },
		{ 0.00001, "1e-05" },
		{ 0.1, "0.1" },
		{ 123.456, "123.456" },
		{ 999999999999999, "999999999999999" },
		{ 1234567890123456, "1.234567890123456e+15" },
		{ 12345678901234567, "1.2345678901234568e+16" },
		{ 1e22, "1e+22" },
		{ 9e15, "9e+15" },
		{ 1e23, "9.999999999999999e+22" },
		{ 9007199254740993.0, "9.007199254740992e+15" },
		{ -1.5, "-1.5" },
		{ 100, "100" },
		{ 1e100, "1e+100" },
	};
	struct qf_buf out;

	(void)state;
	qf_buf_init(&out);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(print(qf_pg_float8, &cases[i].v, &out), cases[i].text);
	qf_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(powers_of_ten_are_right),
		cmocka_unit_test(doubles_read_back),
		cmocka_unit_test(floats_read_back),
		cmocka_unit_test(edges_are_postgresqls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
