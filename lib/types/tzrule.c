/* POSIX TZ strings: see tzrule.h. */
#include "calendar.h"
#include "tzrule.h"

enum {
	MAX_HOURS = 167,
	DEFAULT_CHANGE = 2 * 3600,
	CYCLE_DAYS = 146097, /* 400 years, after which every rule repeats */
};

static int peek(const struct qf_reader *r)
{
	return r->n ? r->p[0] : -1;
}

static bool take(struct qf_reader *r, char c)
{
	if (peek(r) != c)
		return false;
	(void)qf_read_u8(r);
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_number(struct qf_reader *r, unsigned min, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (!is_digit(peek(r)))
		return false;
	while (is_digit(peek(r)) && v <= max)
		v = v * 10 + (unsigned)(qf_read_u8(r) - '0');
	*ret = v;
	return v >= min && v <= max;
}

bool qf_tz_parse_seconds(struct qf_reader *r, int32_t *ret)
{
	bool negative = take(r, '-');
	unsigned hours, minutes = 0, seconds = 0;

	if (!negative)
		(void)take(r, '+');
	if (!take_number(r, 0, MAX_HOURS, &hours))
		return false;
	if (take(r, ':')) {
		if (!take_number(r, 0, 59, &minutes))
			return false;
		if (take(r, ':') && !take_number(r, 0, 59, &seconds))
			return false;
	}
	int32_t v = (int32_t)(hours * 3600 + minutes * 60 + seconds);

	*ret = negative ? -v : v;
	return true;
}

/* Letters, or anything between < and >. PostgreSQL takes a string without a name ("+05:30"), so we do. */
static bool skip_name(struct qf_reader *r)
{
	if (!take(r, '<')) {
		while (is_alpha(peek(r)))
			(void)qf_read_u8(r);
		return true;
	}
	while (is_alpha(peek(r)) || is_digit(peek(r)) || peek(r) == '+' || peek(r) == '-')
		(void)qf_read_u8(r);
	return take(r, '>');
}

static bool parse_day(struct qf_reader *r, struct qf_tz_change *c)
{
	if (take(r, 'M')) {
		c->kind = QF_TZ_DAY_OF_MONTH_WEEK;
		return take_number(r, 1, 12, &c->month) && take(r, '.') && take_number(r, 1, 5, &c->week) &&
		       take(r, '.') && take_number(r, 0, 6, &c->day);
	}
	if (take(r, 'J')) {
		c->kind = QF_TZ_DAY_NO_LEAP;
		return take_number(r, 1, 365, &c->day);
	}
	c->kind = QF_TZ_DAY_ZERO_BASED;
	return take_number(r, 0, 365, &c->day);
}

static bool parse_change(struct qf_reader *r, struct qf_tz_change *c)
{
	c->seconds = DEFAULT_CHANGE;
	return take(r, ',') && parse_day(r, c) && (!take(r, '/') || qf_tz_parse_seconds(r, &c->seconds));
}

bool qf_tz_rule_parse(struct qf_tz_rule *ret, struct qf_slice text)
{
	struct qf_reader r = qf_reader(text);
	int32_t west;

	*ret = (struct qf_tz_rule){ 0 };
	if (!skip_name(&r) || !qf_tz_parse_seconds(&r, &west))
		return false;
	ret->standard = -west;
	if (r.n == 0)
		return true;
	if ((!is_alpha(peek(&r)) && peek(&r) != '<') || !skip_name(&r))
		return false;
	ret->has_daylight = true;
	ret->daylight = ret->standard + 3600;
	if (r.n && peek(&r) != ',') {
		if (!qf_tz_parse_seconds(&r, &west))
			return false;
		ret->daylight = -west;
	}
	if (r.n == 0)
		r = qf_reader(qf_slice_str(",M3.2.0,M11.1.0"));
	return parse_change(&r, &ret->start) && parse_change(&r, &ret->end) && r.n == 0;
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t month_week_day(const struct qf_tz_change *c, int64_t year)
{
	int64_t first = qf_days_from_civil(year, c->month, 1);
	int64_t next = c->month == 12 ? qf_days_from_civil(year + 1, 1, 1) : qf_days_from_civil(year, c->month + 1, 1);
	int64_t weekday = (first % 7 + 7 + 4) % 7; /* 1970-01-01 was a Thursday */
	int64_t day = first + (c->day + 7 - weekday) % 7 + 7 * (int64_t)(c->week - 1);

	return day < next ? day : day - 7;
}

/* The change's instant in a year, by a clock that is `offset` seconds east. */
static int64_t change_at(const struct qf_tz_change *c, int64_t year, int32_t offset)
{
	int64_t january = qf_days_from_civil(year, 1, 1), day;

	switch (c->kind) {
	case QF_TZ_DAY_OF_MONTH_WEEK:
		day = month_week_day(c, year);
		break;
	case QF_TZ_DAY_NO_LEAP:
		day = january + c->day - 1 + (is_leap(year) && c->day > 59);
		break;
	case QF_TZ_DAY_ZERO_BASED:
	default:
		day = january + c->day;
		break;
	}
	return day * QF_DAY_SECONDS + c->seconds - offset;
}

/*
 * The latest change of the years around decides. Where an end and the next start fall on one instant there is
 * daylight saving time all year [RFC 8536 3.3.1], so a start wins.
 */
int32_t qf_tz_rule_offset(const struct qf_tz_rule *r, int64_t unix_seconds)
{
	int64_t t = qf_floor_mod(unix_seconds, (int64_t)CYCLE_DAYS * QF_DAY_SECONDS);
	int64_t year = qf_civil_from_days(qf_floor_div(t, QF_DAY_SECONDS)).year;
	int64_t started = INT64_MIN, ended = INT64_MIN;

	if (!r->has_daylight)
		return r->standard;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t start = change_at(&r->start, y, r->standard), end = change_at(&r->end, y, r->daylight);

		if (start <= t)
			started = start;
		if (end <= t)
			ended = end;
	}
	return started >= ended ? r->daylight : r->standard;
}
