/*
 * A date, a time of day, a zone, or several of them, as text in DateStyle ISO [PG 8.5.1]. Private to lib/types.
 *
 * What PostgreSQL reads besides and is not read here is refused with 0A000, never taken for something else: names of
 * months, two digits of a year, today and its like, abbreviations of zones, am and pm, Julian days.
 */
#ifndef QF_TYPES_READMOMENT_H
#define QF_TYPES_READMOMENT_H

#include "pgtype.h"

enum qf_moment_kind {
	QF_MOMENT_PLAIN,
	QF_MOMENT_INFINITY,
	QF_MOMENT_MINUS_INFINITY,
};

struct qf_moment {
	enum qf_moment_kind kind;
	bool has_date, has_time, has_offset;
	int64_t days; /* since 1970-01-01 */
	int64_t us;   /* of the day; 24:00:00 is one */
	int32_t offset; /* seconds east */
	struct qf_tz *tz; /* named in the text; freed by the caller */
};

int qf_moment_read(struct qf_read *ctx, struct qf_slice v, struct qf_moment *ret) qf_must_check;
/* Seconds east of UTC of that local time in the zone (NULL = UTC). */
int32_t qf_moment_offset(const struct qf_tz *tz, int64_t local_seconds);

#endif
