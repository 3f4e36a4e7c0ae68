/*
 * POSIX TZ strings [POSIX.1-2017 8.3; RFC 8536 3.3.1]: "CET-1CEST,M3.5.0,M10.5.0/3". Private to lib/types.
 */
#ifndef QF_TYPES_TZRULE_H
#define QF_TYPES_TZRULE_H

#include "qf/buf.h"

enum qf_tz_day {
	QF_TZ_DAY_OF_MONTH_WEEK, /* Mm.w.d: the w-th weekday d of month m, 5 = the last */
	QF_TZ_DAY_NO_LEAP,	 /* Jn: 1-365, 29 February is never counted */
	QF_TZ_DAY_ZERO_BASED,	 /* n: 0-365, it is */
};

struct qf_tz_change {
	enum qf_tz_day kind;
	unsigned month, week, day;
	int32_t seconds; /* after that day's midnight; may be negative or beyond the day */
};

struct qf_tz_rule {
	int32_t standard, daylight; /* seconds east */
	bool has_daylight;
	struct qf_tz_change start, end; /* of daylight saving time */
};

/* False when the text is not wholly such a string. Daylight saving time without its dates has those of the USA. */
bool qf_tz_rule_parse(struct qf_tz_rule *ret, struct qf_slice text);
int32_t qf_tz_rule_offset(const struct qf_tz_rule *r, int64_t unix_seconds);

/* [+-]h[h[h]][:mm[:ss]] with at most 167 hours, as seconds; used for offsets outside such strings too. */
bool qf_tz_parse_seconds(struct qf_reader *r, int32_t *ret);

#endif
