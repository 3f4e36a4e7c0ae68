/*
 * Powers of ten for the shortest text of a binary floating-point number. Private to lib/types.
 */
#ifndef QF_TYPES_REAL_H
#define QF_TYPES_REAL_H

#include <stdint.h>

enum {
	QF_POW10_MIN = -292,
	QF_POW10_MAX = 324,
};

struct qf_pow10 {
	uint64_t hi, lo;
};

/* ceil(10^k × 2^(127 - floor(log2 10^k))) for k = QF_POW10_MIN …: always with the top bit set. */
extern const struct qf_pow10 qf_pow10_table[QF_POW10_MAX - QF_POW10_MIN + 1];

#endif
