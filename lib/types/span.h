/*
 * An interval while its text is read: what each part adds to, within its bounds. Fractions of a day and below go into
 * the time, those of months into days of 30 to the month, those of years into months, as in PostgreSQL. Private to
 * lib/types.
 */
#ifndef QF_TYPES_SPAN_H
#define QF_TYPES_SPAN_H

#include "qf/err.h"

#include <stdint.h>

enum qf_span_unit {
	QF_SPAN_NONE,
	QF_SPAN_MICROSECOND,
	QF_SPAN_MILLISECOND,
	QF_SPAN_SECOND,
	QF_SPAN_MINUTE,
	QF_SPAN_HOUR,
	QF_SPAN_DAY,
	QF_SPAN_WEEK,
	QF_SPAN_MONTH,
	QF_SPAN_YEAR,
	QF_SPAN_DECADE,
	QF_SPAN_CENTURY,
	QF_SPAN_MILLENNIUM,
	QF_SPAN_AGO,
};

enum { QF_SPAN_SECONDS = 1u << QF_SPAN_MICROSECOND | 1u << QF_SPAN_MILLISECOND | 1u << QF_SPAN_SECOND };

struct qf_span {
	int32_t years, months, days;
	int64_t us;
	unsigned seen; /* one bit a unit */
};

/* Each adds and returns 0, or -ERANGE when the sum leaves its bounds. */
int qf_span_add_unit(struct qf_span *s, enum qf_span_unit unit, int64_t v, double fraction) qf_must_check;
int qf_span_add_us(struct qf_span *s, int64_t v, double fraction, int64_t scale) qf_must_check;
int qf_span_add_months(struct qf_span *s, int64_t v, double fraction) qf_must_check;
/* Notes that these units (one bit each) are there; -EINVAL when one was. */
int qf_span_mark(struct qf_span *s, unsigned bits) qf_must_check;

#endif
