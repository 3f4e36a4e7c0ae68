/*
 * Dates, times and timestamps from PostgreSQL's text and binary forms.
 *
 * A zone in the text of a type without one is read and has no meaning, as in PostgreSQL [PG 8.5.1.3].
 */
#include <time.h>

#include "calendar.h"
#include "readmoment.h"

static const int64_t day_us = (int64_t)QF_DAY_SECONDS * 1000000;

enum {
	FIRST_DAY = -2440588, /* 4714-11-24 BC */
	END_DAY = 2145042906, /* 5874898-01-01: what a date can hold */
	LAST_TIMESTAMP_DAY = 106751989, /* of microseconds since 1970 in 64 bits */
	MAX_ZONE = 16 * 3600,
};

static int out_of_range(struct qf_read *ctx, const char *what)
{
	return qf_read_fail(ctx, "22008", "%s out of range", what);
}

static int out_of_range_text(struct qf_read *ctx, const char *what, struct qf_slice v)
{
	return qf_read_fail(ctx, "22008", "%s out of range: \"%.*s\"", what, QF_SHOW(v));
}

static void set_infinity(struct qf_datum *d, const struct qf_moment *m, int64_t max)
{
	d->i = m->kind == QF_MOMENT_INFINITY ? max : -max;
}

int qf_read_date_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_moment m;
	int r = qf_moment_read(ctx, v, &m);

	if (r < 0)
		return r;
	qf_tz_free(m.tz);
	ret->kind = QF_DATUM_DATE;
	ret->i = m.days;
	if (m.kind != QF_MOMENT_PLAIN)
		set_infinity(ret, &m, INT32_MAX);
	else if (!m.has_date)
		return qf_read_syntax(ctx, "22007", v);
	else if (m.days < FIRST_DAY || m.days >= END_DAY)
		return out_of_range_text(ctx, "date", v);
	return 0;
}

int qf_read_date(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	int32_t days = (int32_t)qf_read_u32(&r);

	if (!qf_reader_done(&r))
		return qf_read_length(ctx, r.err != 0);
	ret->kind = QF_DATUM_DATE;
	ret->i = (int64_t)days + QF_DAYS_TO_2000;
	if (days == INT32_MAX || days == INT32_MIN)
		ret->i = days < 0 ? -INT32_MAX : INT32_MAX;
	else if (ret->i < FIRST_DAY || ret->i >= END_DAY)
		return out_of_range(ctx, "date");
	return 0;
}

int qf_read_time_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_moment m;
	int r = qf_moment_read(ctx, v, &m);

	if (r < 0)
		return r;
	bool named = m.tz;

	qf_tz_free(m.tz);
	if (!m.has_time || (named && !m.has_date))
		return qf_read_syntax(ctx, "22007", v);
	ret->kind = QF_DATUM_TIME;
	ret->i = m.us;
	return 0;
}

int qf_read_time(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	ret->kind = QF_DATUM_TIME;
	ret->i = (int64_t)qf_read_u64(&r);
	if (!qf_reader_done(&r))
		return qf_read_length(ctx, r.err != 0);
	return ret->i < 0 || ret->i > day_us ? out_of_range(ctx, "time") : 0;
}

/* Without an offset of its own a time has the one of its zone, or the session's, on its day, or today. */
int qf_read_timetz_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_moment m;
	int r = qf_moment_read(ctx, v, &m);

	if (r < 0)
		return r;
	if (!m.has_time || (m.tz && !m.has_date)) {
		qf_tz_free(m.tz);
		return qf_read_syntax(ctx, "22007", v);
	}
	const struct qf_tz *tz = m.tz ? m.tz : ctx->tz;
	int64_t day = m.has_date ? m.days : qf_floor_div(time(NULL), QF_DAY_SECONDS);

	ret->kind = QF_DATUM_TIMETZ;
	ret->i = m.us;
	ret->offset = m.has_offset ? m.offset : qf_moment_offset(tz, day * QF_DAY_SECONDS + m.us / 1000000);
	qf_tz_free(m.tz);
	return 0;
}

/* PostgreSQL counts the zone west of Greenwich. */
int qf_read_timetz(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	ret->kind = QF_DATUM_TIMETZ;
	ret->i = (int64_t)qf_read_u64(&r);
	int32_t west = (int32_t)qf_read_u32(&r);

	if (!qf_reader_done(&r))
		return qf_read_length(ctx, r.err != 0);
	if (ret->i < 0 || ret->i > day_us)
		return out_of_range(ctx, "time");
	if (west <= -MAX_ZONE || west >= MAX_ZONE)
		return qf_read_fail(ctx, "22009", "time zone displacement out of range");
	ret->offset = -west;
	return 0;
}

static int read_timestamp(struct qf_read *ctx, struct qf_slice v, bool zoned, struct qf_datum *ret)
{
	struct qf_moment m;
	int r = qf_moment_read(ctx, v, &m);

	if (r < 0)
		return r;
	int64_t local = m.days * QF_DAY_SECONDS + m.us / 1000000;
	int32_t offset = !zoned ? 0 : m.has_offset ? m.offset : qf_moment_offset(m.tz ? m.tz : ctx->tz, local);

	qf_tz_free(m.tz);
	ret->kind = zoned ? QF_DATUM_TIMESTAMPTZ : QF_DATUM_TIMESTAMP;
	if (m.kind != QF_MOMENT_PLAIN) {
		set_infinity(ret, &m, INT64_MAX);
		return 0;
	}
	if (!m.has_date)
		return qf_read_syntax(ctx, "22007", v);
	if (m.days > LAST_TIMESTAMP_DAY)
		return out_of_range_text(ctx, "timestamp", v);
	ret->i = m.days * day_us + m.us - (int64_t)offset * 1000000;
	return ret->i < FIRST_DAY * day_us ? out_of_range_text(ctx, "timestamp", v) : 0;
}

int qf_read_timestamp_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	return read_timestamp(ctx, v, false, ret);
}

int qf_read_timestamptz_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	return read_timestamp(ctx, v, true, ret);
}

int qf_read_timestamp(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	int64_t us = (int64_t)qf_read_u64(&r);

	if (!qf_reader_done(&r))
		return qf_read_length(ctx, r.err != 0);
	ret->kind = QF_DATUM_TIMESTAMP;
	if (us == INT64_MAX || us == INT64_MIN)
		ret->i = us < 0 ? -INT64_MAX : INT64_MAX;
	else if (__builtin_add_overflow(us, QF_DAYS_TO_2000 * day_us, &ret->i) || ret->i == INT64_MAX ||
		 ret->i < FIRST_DAY * day_us)
		return out_of_range(ctx, "timestamp");
	return 0;
}

int qf_read_timestamptz(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	int r = qf_read_timestamp(ctx, v, ret);

	ret->kind = QF_DATUM_TIMESTAMPTZ;
	return r;
}
