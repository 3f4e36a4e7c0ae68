/*
 * PostgreSQL's numeric on the wire, written (numeric.c) and read (readnumber.c). Private to lib/types.
 */
#ifndef QF_TYPES_NUMERIC_H
#define QF_TYPES_NUMERIC_H

#include "col.h"

enum {
	QF_NUMERIC_GROUP = 4, /* decimal digits of one of base 10000 */
	QF_NUMERIC_NEGATIVE = 0x4000,
	QF_NUMERIC_NAN = 0xc000,
	QF_NUMERIC_INFINITY = 0xd000,
	QF_NUMERIC_MINUS_INFINITY = 0xf000,
};

/* How many groups hold so many digits before the point; less than none: so many groups of zeros behind it. */
static inline int64_t qf_numeric_groups(int64_t digits)
{
	return digits > 0 ? (digits + QF_NUMERIC_GROUP - 1) / QF_NUMERIC_GROUP : -(-digits / QF_NUMERIC_GROUP);
}

#endif
