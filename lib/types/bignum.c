/*
 * DuckDB's BIGNUM: three bytes of header, then the absolute value in big-endian base 256. The header's top bit is
 * set for positive numbers, its other 23 bits count the bytes; of a negative number every bit is inverted.
 *
 * Base conversion is quadratic, and this runs where other sessions wait: longer numbers are refused.
 */
#include "format.h"
#include "col.h"

enum {
	HEADER = 3,
	MAX_DIGITS = 16384,
	MAX_BYTES = 6803, /* floor(16384 × log2(10) / 8) */
	MAX_LIMBS = (MAX_BYTES + 3) / 4,
	CHUNK = 1000000000,
	CHUNK_DIGITS = 9,
	MAX_CHUNKS = MAX_DIGITS / CHUNK_DIGITS + 1,
};

/* Big-endian bytes to limbs, the most significant first. */
static unsigned load_limbs(uint32_t limbs[static MAX_LIMBS], const uint8_t *p, size_t n, uint8_t invert)
{
	unsigned count = 0;
	uint32_t limb = 0;

	for (size_t i = 0; i < n; i++) {
		limb = limb << 8 | (p[i] ^ invert);
		if ((n - i - 1) % 4 == 0) {
			limbs[count++] = limb;
			limb = 0;
		}
	}
	return count;
}

static uint32_t divide(uint32_t *limbs, unsigned n)
{
	uint64_t rest = 0;

	for (unsigned i = 0; i < n; i++) {
		rest = rest << 32 | limbs[i];
		limbs[i] = (uint32_t)(rest / CHUNK);
		rest %= CHUNK;
	}
	return (uint32_t)rest;
}

static void put_digits(struct qf_sink *s, uint32_t *limbs, unsigned n, bool negative)
{
	uint32_t chunks[MAX_CHUNKS];
	unsigned count = 0, first = 0;

	while (first < n && limbs[first] == 0)
		first++;
	while (first < n) {
		chunks[count++] = divide(limbs + first, n - first);
		while (first < n && limbs[first] == 0)
			first++;
	}
	uint8_t *p = qf_sink_room(s, 2 + (size_t)count * CHUNK_DIGITS);

	if (count == 0)
		*p++ = '0';
	else if (negative)
		*p++ = '-';
	for (unsigned i = count; i-- > 0;)
		p = i == count - 1 ? qf_digits_u64(p, chunks[i]) : qf_digits_padded(p, chunks[i], CHUNK_DIGITS);
	qf_sink_end(s, p);
}

int qf_pg_bignum(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);
	uint32_t limbs[MAX_LIMBS];

	if (v.n <= HEADER)
		return qf_err_set(s->err, QF_EMALFORMED, "a BIGNUM of %zu bytes", v.n);
	bool negative = !(v.p[0] & 0x80);
	uint8_t invert = negative ? 0xff : 0;
	size_t claimed = ((size_t)(v.p[0] ^ invert) & 0x7f) << 16 | (size_t)(uint8_t)(v.p[1] ^ invert) << 8 |
			 (uint8_t)(v.p[2] ^ invert);

	if (claimed != v.n - HEADER)
		return qf_err_set(s->err, QF_EMALFORMED, "a BIGNUM of %zu bytes says it has %zu", v.n - HEADER,
				  claimed);
	if (claimed > MAX_BYTES)
		return qf_err_set(s->err, QF_ELIMIT, "a BIGNUM of more than %d digits: cast it to VARCHAR",
				  MAX_DIGITS);
	put_digits(s, limbs, load_limbs(limbs, v.p + HEADER, claimed, invert), negative);
	return 0;
}
