/*
 * Digits into memory that is known to be large enough: each returns the end of what it wrote. Private to lib/types.
 */
#ifndef QF_TYPES_FORMAT_H
#define QF_TYPES_FORMAT_H

#include <stdint.h>
#include <string.h>

enum {
	QF_U64_DIGITS = 20,
	QF_U128_DIGITS = 39,
};

extern const char qf_digit_pairs[201];

static inline uint8_t *qf_digits_2(uint8_t *p, unsigned v)
{
	memcpy(p, qf_digit_pairs + 2 * (size_t)v, 2);
	return p + 2;
}

uint8_t *qf_digits_u64(uint8_t *p, uint64_t v);
/* At least `width` (up to 20) digits, zeros in front. */
uint8_t *qf_digits_padded(uint8_t *p, uint64_t v, unsigned width);
uint8_t *qf_digits_u128(uint8_t *p, unsigned __int128 v);

static inline uint64_t qf_abs64(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

static inline uint8_t *qf_digits_i64(uint8_t *p, int64_t v)
{
	if (v < 0)
		*p++ = '-';
	return qf_digits_u64(p, qf_abs64(v));
}

#endif
