/*
 * Intervals in IntervalStyle postgres [PG 8.5.5]: "1 year 2 mons -3 days +04:05:06.789".
 *
 * Months, days and time keep their own signs. After a negative part a positive one shows its plus sign. In binary the
 * time comes first: microseconds, days, months.
 */
#include "format.h"
#include "col.h"

enum { MAX_INTERVAL_TEXT = 96 };

struct parts {
	int32_t months, days;
	int64_t ns;
};

struct line {
	uint8_t *p;
	bool empty, after_negative;
};

static void put_part(struct line *l, int32_t v, const char *unit)
{
	if (v == 0)
		return;
	if (!l->empty)
		*l->p++ = ' ';
	if (l->after_negative && v > 0)
		*l->p++ = '+';
	l->p = qf_digits_i64(l->p, v);
	*l->p++ = ' ';
	size_t n = strlen(unit);

	memcpy(l->p, unit, n);
	l->p += n;
	if (v != 1)
		*l->p++ = 's';
	l->after_negative = v < 0;
	l->empty = false;
}

static void put_clock(struct line *l, int64_t us)
{
	uint64_t abs = qf_abs64(us), seconds = abs / 1000000, fraction = abs % 1000000;

	if (!l->empty)
		*l->p++ = ' ';
	if (us < 0)
		*l->p++ = '-';
	else if (l->after_negative)
		*l->p++ = '+';
	l->p = qf_digits_padded(l->p, seconds / 3600, 2);
	*l->p++ = ':';
	l->p = qf_digits_2(l->p, (unsigned)(seconds / 60 % 60));
	*l->p++ = ':';
	l->p = qf_digits_2(l->p, (unsigned)(seconds % 60));
	if (fraction == 0)
		return;
	*l->p++ = '.';
	l->p = qf_digits_padded(l->p, fraction, 6);
	while (l->p[-1] == '0')
		l->p--;
}

static int load(const struct qf_col *col, uint64_t row, struct qf_sink *s, struct parts *v)
{
	memcpy(v, col->data + row * sizeof(*v), sizeof(*v));
	/* DuckDB counts microseconds and multiplies them for Arrow without a look: what overflowed is seen here too. */
	if (v->ns % 1000)
		return qf_err_set(s->err, QF_EUNSUPPORTED,
				  "an interval finer than a microsecond or of over 292 years of time: "
				  "cast it to VARCHAR");
	return 0;
}

int qf_binary_interval(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct parts v;
	int r = load(col, row, s, &v);

	if (r < 0)
		return r;
	qf_sink_u64(s, (uint64_t)(v.ns / 1000));
	qf_sink_u32(s, (uint32_t)v.days);
	qf_sink_u32(s, (uint32_t)v.months);
	return 0;
}

int qf_pg_interval(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct parts v;
	int r = load(col, row, s, &v);

	if (r < 0)
		return r;
	struct line l = { .p = qf_sink_room(s, MAX_INTERVAL_TEXT), .empty = true };

	put_part(&l, v.months / 12, "year");
	put_part(&l, v.months % 12, "mon");
	put_part(&l, v.days, "day");
	if (v.ns || l.empty)
		put_clock(&l, v.ns / 1000);
	qf_sink_end(s, l.p);
	return 0;
}
