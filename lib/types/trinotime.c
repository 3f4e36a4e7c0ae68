/*
 * Dates, times and intervals as Trino sends them: ISO 8601 years (0000 = 1 BC, a sign when below 0000 or beyond 9999),
 * always all digits of the type's precision, the name of the zone behind an instant.
 *
 * A client without parametric types gets three digits, rounded half up as the server does it: 23:59:59.9995 is
 * 00:00:00.000 there too. What Trino has no value for is refused: infinities, the time 24:00, months in an interval.
 */
#include "calendar.h"
#include "format.h"
#include "col.h"

enum {
	MAX_TEXT = 64,	     /* a year of 10 digits, month to nanosecond, two quotes */
	MAX_YEAR = 999999999, /* of java.time */
	MAX_OFFSET = 14 * 3600,
	DAY_MS = QF_DAY_SECONDS * 1000,
	PLAIN_DIGITS = 3, /* of a client without parametric types */
};

/* A count of fractions of a second. */
struct moment {
	int64_t v, ticks;
	unsigned digits;
};

static struct moment moment_for(struct moment m, const struct qf_trino_style *st)
{
	if (st->parametric_datetime || m.digits <= PLAIN_DIGITS)
		return m;
	int64_t unit = m.ticks / 1000;

	m.v = qf_floor_div(m.v, unit) + (qf_floor_mod(m.v, unit) >= unit / 2);
	m.ticks = 1000;
	m.digits = PLAIN_DIGITS;
	return m;
}

static uint8_t *put_date(uint8_t *p, const struct qf_civil *c)
{
	if (c->year < 0)
		*p++ = '-';
	else if (c->year > 9999)
		*p++ = '+';
	p = qf_digits_padded(p, qf_abs64(c->year), 4);
	*p++ = '-';
	p = qf_digits_2(p, c->month);
	*p++ = '-';
	return qf_digits_2(p, c->day);
}

static uint8_t *put_fraction(uint8_t *p, uint64_t fraction, unsigned digits)
{
	if (digits == 0)
		return p;
	*p++ = '.';
	return qf_digits_padded(p, fraction, digits);
}

static uint8_t *put_clock(uint8_t *p, unsigned seconds)
{
	p = qf_digits_2(p, seconds / 3600);
	*p++ = ':';
	p = qf_digits_2(p, seconds / 60 % 60);
	*p++ = ':';
	return qf_digits_2(p, seconds % 60);
}

static uint8_t *put_time(uint8_t *p, const struct moment *m, const struct qf_trino_style *st)
{
	p = put_fraction(put_clock(p, (unsigned)(m->v / m->ticks)), (uint64_t)(m->v % m->ticks), m->digits);
	return m->digits || st->parametric_datetime ? p : put_fraction(p, 0, PLAIN_DIGITS);
}

/* Of a time zone; seconds only where there are some. */
static uint8_t *put_offset(uint8_t *p, int32_t offset)
{
	unsigned abs = (unsigned)(offset < 0 ? -offset : offset);

	*p++ = offset < 0 ? '-' : '+';
	p = qf_digits_padded(p, abs / 3600, 2);
	*p++ = ':';
	p = qf_digits_2(p, abs / 60 % 60);
	if (abs % 60 == 0)
		return p;
	*p++ = ':';
	return qf_digits_2(p, abs % 60);
}

static int infinite(struct qf_sink *s, const char *what)
{
	return qf_err_set(s->err, QF_EUNSUPPORTED, "an infinite %s, which Trino does not have: cast it to VARCHAR",
			  what);
}

int qf_trino_date(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int32_t v = qf_col_i32(col, row);

	if (v == INT32_MAX || v == -INT32_MAX)
		return infinite(s, "date");
	struct qf_civil c = qf_civil_from_days(v);
	uint8_t *p = qf_sink_room(s, MAX_TEXT);

	*p++ = '"';
	p = put_date(p, &c);
	*p++ = '"';
	qf_sink_end(s, p);
	return 0;
}

/* Of a day that starts again at midnight. */
static int check_time(struct moment *m, const struct qf_trino_style *st, struct qf_err *reterr)
{
	int64_t day = QF_DAY_SECONDS * m->ticks;

	if (m->v < 0 || m->v > day)
		return qf_err_set(reterr, QF_EMALFORMED, "a time of day beyond 24 hours");
	if (m->v == day)
		return qf_err_set(reterr, QF_EUNSUPPORTED,
				  "the time 24:00:00, which Trino does not have: cast it to VARCHAR");
	*m = moment_for(*m, st);
	m->v %= QF_DAY_SECONDS * m->ticks;
	return 0;
}

int qf_trino_time(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct moment m = {
		.v = col->width == sizeof(int32_t) ? qf_col_i32(col, row) : qf_col_i64(col, row),
		.ticks = col->ticks,
		.digits = col->scale,
	};
	int r = check_time(&m, s->trino, s->err);

	if (r < 0)
		return r;
	uint8_t *p = qf_sink_room(s, MAX_TEXT);

	*p++ = '"';
	p = put_time(p, &m, s->trino);
	*p++ = '"';
	qf_sink_end(s, p);
	return 0;
}

/* DuckDB's TIMETZ: microseconds in the upper 40 bits, (15:59:59 minus the offset) in seconds in the lower 24. */
int qf_trino_timetz(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	uint64_t bits = (uint64_t)qf_col_i64(col, row);
	struct moment m = { .v = (int64_t)(bits >> 24), .ticks = 1000000, .digits = 6 };
	int32_t offset = 16 * 3600 - 1 - (int32_t)(bits & 0xffffff);
	int r = check_time(&m, s->trino, s->err);

	if (r < 0)
		return r;
	if (offset % 60 || offset > MAX_OFFSET || offset < -MAX_OFFSET)
		return qf_err_set(s->err, QF_EUNSUPPORTED,
				  "a time whose zone is not of whole minutes up to 14 hours: cast it to VARCHAR");
	uint8_t *p = qf_sink_room(s, MAX_TEXT);

	*p++ = '"';
	p = put_offset(put_time(p, &m, s->trino), offset);
	*p++ = '"';
	qf_sink_end(s, p);
	return 0;
}

/* Etc/GMT+5 has one offset, as has what qf_tz_name() calls <-05>+05. */
static bool is_offset(const char *zone)
{
	return *zone == '<' || strncmp(zone, "Etc/GMT", 7) == 0;
}

static bool is_utc(const char *zone)
{
	static const char *const names[] = {
		"UTC", "UCT", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich", "Universal", "Zulu",
	};

	if (strncmp(zone, "Etc/", 4) == 0)
		zone += 4;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(zone, names[i]) == 0)
			return true;
	}
	return false;
}

/* Trino has one name for all that is UTC, and calls a fixed offset by its hours and minutes. */
static uint8_t *put_zone(uint8_t *p, const struct qf_tz *tz, int32_t offset)
{
	const char *name = tz ? qf_tz_name(tz) : "UTC";

	if (offset && is_offset(name))
		return put_offset(p, offset);
	if (offset == 0 && (is_offset(name) || is_utc(name)))
		name = "UTC";
	size_t n = strlen(name);

	memcpy(p, name, n);
	return p + n;
}

static int put_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s, bool zoned)
{
	struct moment m = { .v = qf_col_i64(col, row), .ticks = col->ticks, .digits = col->scale };
	const struct qf_tz *tz = zoned ? s->trino->tz : NULL;

	if (m.v == INT64_MAX || m.v == -INT64_MAX)
		return infinite(s, "timestamp");
	m = moment_for(m, s->trino);
	int64_t seconds = qf_floor_div(m.v, m.ticks), local;
	int32_t offset = tz ? qf_tz_offset(tz, seconds) : 0;
	struct qf_civil c = { .year = INT64_MAX };

	if (!__builtin_add_overflow(seconds, offset, &local))
		c = qf_civil_from_days(qf_floor_div(local, QF_DAY_SECONDS));
	if (c.year > MAX_YEAR || c.year < -MAX_YEAR)
		return qf_err_set(s->err, QF_EMALFORMED, "a timestamp out of range");
	struct moment clock = {
		.v = qf_floor_mod(local, QF_DAY_SECONDS) * m.ticks + qf_floor_mod(m.v, m.ticks),
		.ticks = m.ticks,
		.digits = m.digits,
	};
	uint8_t *p = qf_sink_room(s, MAX_TEXT + (tz ? strlen(qf_tz_name(tz)) : 0));

	*p++ = '"';
	p = put_date(p, &c);
	*p++ = ' ';
	p = put_time(p, &clock, s->trino);
	if (zoned) {
		*p++ = ' ';
		p = put_zone(p, tz, offset);
	}
	*p++ = '"';
	qf_sink_end(s, p);
	return 0;
}

int qf_trino_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_timestamp(col, row, s, false);
}

int qf_trino_timestamptz(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_timestamp(col, row, s, true);
}

/*
 * An interval day to second, which is a number of milliseconds: a day is 24 hours, as Trino itself takes it. Months
 * have no length, and Trino's other type, year to month, has no days.
 */
int qf_trino_interval(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct {
		int32_t months, days;
		int64_t ns;
	} v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	if (v.months)
		return qf_err_set(s->err, QF_EUNSUPPORTED,
				  "an interval with months, which Trino's interval day to second does not have: "
				  "cast it to VARCHAR");
	if (v.ns % 1000000)
		return qf_err_set(s->err, QF_EUNSUPPORTED,
				  "an interval finer than a millisecond or of over 292 years of time: "
				  "cast it to VARCHAR");
	int64_t ms = (int64_t)v.days * DAY_MS + v.ns / 1000000;
	uint64_t abs = qf_abs64(ms);
	uint8_t *p = qf_sink_room(s, MAX_TEXT);

	*p++ = '"';
	if (ms < 0)
		*p++ = '-';
	p = qf_digits_u64(p, abs / DAY_MS);
	*p++ = ' ';
	p = put_fraction(put_clock(p, (unsigned)(abs % DAY_MS / 1000)), abs % 1000, 3);
	*p++ = '"';
	qf_sink_end(s, p);
	return 0;
}
