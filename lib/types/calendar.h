/*
 * The proleptic Gregorian calendar: days since 1970-01-01 to year, month and day, and back. Private to lib/types.
 */
#ifndef QF_TYPES_CALENDAR_H
#define QF_TYPES_CALENDAR_H

#include <stdint.h>

enum { QF_DAY_SECONDS = 86400 };

struct qf_civil {
	int64_t year; /* 0 = 1 BC */
	unsigned month, day;
};

static inline int64_t qf_floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return a % b < 0 ? q - 1 : q;
}

/* a - floor(a / b) × b, of which the product may not fit. */
static inline int64_t qf_floor_mod(int64_t a, int64_t b)
{
	int64_t rest = a % b;

	return rest < 0 ? rest + b : rest;
}

struct qf_civil qf_civil_from_days(int64_t since_1970);
int64_t qf_days_from_civil(int64_t year, unsigned month, unsigned day);

#endif
