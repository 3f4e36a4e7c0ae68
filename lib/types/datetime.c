/*
 * Dates and times in DateStyle ISO, as PostgreSQL prints them [PG 8.5.2]; in JSON as its to_json() does; in binary as
 * counts from 2000-01-01, which DuckDB's earliest days do not fit.
 *
 * The calendar is the proleptic Gregorian one in both systems. DuckDB's range is wider than PostgreSQL's on the BC
 * side (290309 BC against 4713 BC): the same form is printed there. Its infinities are the two ends of the integer.
 */
#include "calendar.h"
#include "format.h"
#include "col.h"

/* A year of 12 digits, month to nanosecond, zone with seconds, " BC". */
enum {
	MAX_TIMESTAMP_TEXT = 64,
	PG_EPOCH = 10957, /* 2000-01-01 */
};

static const int64_t day_us = (int64_t)QF_DAY_SECONDS * 1000000;

enum zone_form {
	ZONE_NONE,
	ZONE_SHORT, /* +02, +05:30, +00:53:28 */
	ZONE_LONG,  /* minutes always */
};

static uint8_t *put_date(uint8_t *p, const struct qf_civil *c)
{
	p = qf_digits_padded(p, (uint64_t)(c->year > 0 ? c->year : 1 - c->year), 4);
	*p++ = '-';
	p = qf_digits_2(p, c->month);
	*p++ = '-';
	return qf_digits_2(p, c->day);
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static uint8_t *put_era(uint8_t *p, const struct qf_civil *c)
{
	return c->year > 0 ? p : put_text(p, " BC");
}

/* Hour 24 is a time in both systems. The fraction loses its trailing zeros, and its point with the last. */
static uint8_t *put_clock(uint8_t *p, unsigned seconds, uint64_t fraction, unsigned digits)
{
	p = qf_digits_2(p, seconds / 3600);
	*p++ = ':';
	p = qf_digits_2(p, seconds / 60 % 60);
	*p++ = ':';
	p = qf_digits_2(p, seconds % 60);
	if (fraction == 0)
		return p;
	*p++ = '.';
	p = qf_digits_padded(p, fraction, digits);
	while (p[-1] == '0')
		p--;
	return p;
}

static uint8_t *put_offset(uint8_t *p, int32_t offset, enum zone_form form)
{
	unsigned abs = (unsigned)(offset < 0 ? -offset : offset);

	*p++ = offset < 0 ? '-' : '+';
	p = qf_digits_padded(p, abs / 3600, 2);
	if (abs % 3600 || form == ZONE_LONG) {
		*p++ = ':';
		p = qf_digits_2(p, abs / 60 % 60);
	}
	if (abs % 60) {
		*p++ = ':';
		p = qf_digits_2(p, abs % 60);
	}
	return p;
}

int qf_pg_date(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int32_t v = qf_col_i32(col, row);
	uint8_t *p = qf_sink_room(s, MAX_TIMESTAMP_TEXT);

	if (v == INT32_MAX || v == -INT32_MAX) {
		qf_sink_end(s, put_text(p, v < 0 ? "-infinity" : "infinity"));
		return 0;
	}
	struct qf_civil c = qf_civil_from_days(v);

	qf_sink_end(s, put_era(put_date(p, &c), &c));
	return 0;
}

static int too_early(struct qf_sink *s, const char *what)
{
	return qf_err_set(s->err, QF_EUNSUPPORTED,
			  "a %s beyond what PostgreSQL's binary form can hold: ask for text, or cast it to VARCHAR",
			  what);
}

int qf_binary_date(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int32_t v = qf_col_i32(col, row);

	if (v == INT32_MAX || v == -INT32_MAX) {
		qf_sink_u32(s, (uint32_t)(v < 0 ? INT32_MIN : INT32_MAX));
		return 0;
	}
	if (v <= INT32_MIN + PG_EPOCH)
		return too_early(s, "date");
	qf_sink_u32(s, (uint32_t)(v - PG_EPOCH));
	return 0;
}

static int64_t time_value(const struct qf_col *col, uint64_t row)
{
	return col->width == sizeof(int32_t) ? qf_col_i32(col, row) : qf_col_i64(col, row);
}

int qf_pg_time(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int64_t v = time_value(col, row);

	if (v < 0 || v > QF_DAY_SECONDS * col->ticks)
		return qf_err_set(s->err, QF_EMALFORMED, "a time of day beyond 24 hours");
	uint8_t *p = qf_sink_room(s, MAX_TIMESTAMP_TEXT);

	qf_sink_end(s, put_clock(p, (unsigned)(v / col->ticks), (uint64_t)(v % col->ticks), col->scale));
	return 0;
}

int qf_binary_time(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int64_t v = time_value(col, row);

	if (v < 0 || v > QF_DAY_SECONDS * col->ticks)
		return qf_err_set(s->err, QF_EMALFORMED, "a time of day beyond 24 hours");
	qf_sink_u64(s, (uint64_t)(v * (1000000 / col->ticks)));
	return 0;
}

/* DuckDB's TIMETZ: microseconds in the upper 40 bits, (15:59:59 minus the offset) in seconds in the lower 24. */
static int load_timetz(const struct qf_col *col, uint64_t row, struct qf_sink *s, int64_t *ret_us, int32_t *ret_offset)
{
	const int32_t max_offset = 16 * 3600 - 1;
	uint64_t bits = (uint64_t)qf_col_i64(col, row);

	*ret_us = (int64_t)(bits >> 24);
	*ret_offset = max_offset - (int32_t)(bits & 0xffffff);
	if (*ret_us > day_us || *ret_offset < -max_offset)
		return qf_err_set(s->err, QF_EMALFORMED, "a time with time zone out of range");
	return 0;
}

/* PostgreSQL counts the zone west of Greenwich. */
int qf_binary_timetz(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int32_t offset;
	int64_t us;
	int r = load_timetz(col, row, s, &us, &offset);

	if (r < 0)
		return r;
	qf_sink_u64(s, (uint64_t)us);
	qf_sink_u32(s, (uint32_t)-offset);
	return 0;
}

int qf_pg_timetz(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	int32_t offset;
	int64_t us;
	int r = load_timetz(col, row, s, &us, &offset);

	if (r < 0)
		return r;
	uint8_t *p = qf_sink_room(s, MAX_TIMESTAMP_TEXT);

	p = put_clock(p, (unsigned)(us / 1000000), (uint64_t)(us % 1000000), 6);
	qf_sink_end(s, put_offset(p, offset, ZONE_SHORT));
	return 0;
}

static int put_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s, char between, enum zone_form form)
{
	int64_t v = qf_col_i64(col, row);
	uint8_t *p = qf_sink_room(s, MAX_TIMESTAMP_TEXT);

	if (v == INT64_MAX || v == -INT64_MAX) {
		qf_sink_end(s, put_text(p, v < 0 ? "-infinity" : "infinity"));
		return 0;
	}
	int64_t seconds = qf_floor_div(v, col->ticks), local;
	int32_t offset = form != ZONE_NONE && s->style->tz ? qf_tz_offset(s->style->tz, seconds) : 0;

	if (__builtin_add_overflow(seconds, offset, &local))
		return qf_err_set(s->err, QF_EMALFORMED, "a timestamp out of range");
	struct qf_civil c = qf_civil_from_days(qf_floor_div(local, QF_DAY_SECONDS));

	p = put_date(p, &c);
	*p++ = (uint8_t)between;
	p = put_clock(p, (unsigned)qf_floor_mod(local, QF_DAY_SECONDS), (uint64_t)qf_floor_mod(v, col->ticks),
		      col->scale);
	if (form != ZONE_NONE)
		p = put_offset(p, offset, form);
	qf_sink_end(s, put_era(p, &c));
	return 0;
}

/* With a zone it is the same: UTC. */
int qf_binary_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const int64_t epoch = PG_EPOCH * day_us;
	int64_t v = qf_col_i64(col, row), us;

	if (v == INT64_MAX || v == -INT64_MAX)
		us = v < 0 ? INT64_MIN : INT64_MAX;
	else if (__builtin_mul_overflow(v, 1000000 / col->ticks, &us) || __builtin_sub_overflow(us, epoch, &us) ||
		 us == INT64_MIN)
		return too_early(s, "timestamp");
	qf_sink_u64(s, (uint64_t)us);
	return 0;
}

int qf_pg_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_timestamp(col, row, s, ' ', ZONE_NONE);
}

int qf_pg_timestamptz(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_timestamp(col, row, s, ' ', ZONE_SHORT);
}

static int put_json_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s, enum zone_form form)
{
	qf_buf_u8(s->out, '"');
	int r = put_timestamp(col, row, s, 'T', form);

	qf_buf_u8(s->out, '"');
	return r;
}

int qf_json_timestamp(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_json_timestamp(col, row, s, ZONE_NONE);
}

int qf_json_timestamptz(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_json_timestamp(col, row, s, ZONE_LONG);
}
