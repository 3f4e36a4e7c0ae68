/* The sum of an interval: see span.h. */
#include <math.h>

#include "calendar.h"
#include "span.h"

static const int64_t second_us = 1000000, day_us = (int64_t)QF_DAY_SECONDS * 1000000;

int qf_span_add_us(struct qf_span *s, int64_t v, double fraction, int64_t scale)
{
	int64_t us;

	if (__builtin_mul_overflow(v, scale, &us) || __builtin_add_overflow(s->us, us, &s->us))
		return -ERANGE;
	fraction *= (double)scale;
	us = (int64_t)fraction;
	fraction -= (double)us;
	us += (fraction > 0.5) - (fraction < -0.5);
	return __builtin_add_overflow(s->us, us, &s->us) ? -ERANGE : 0;
}

static int add32(int32_t *to, int64_t v, int32_t scale)
{
	int64_t product;

	return __builtin_mul_overflow(v, scale, &product) || __builtin_add_overflow(*to, product, to) ? -ERANGE : 0;
}

/* A fraction of `scale` days. */
static int add_part_days(struct qf_span *s, double fraction, int32_t scale)
{
	fraction *= scale;
	int32_t days = (int32_t)fraction;
	int r = add32(&s->days, days, 1);

	return r < 0 ? r : qf_span_add_us(s, 0, fraction - days, day_us);
}

static int add_days(struct qf_span *s, int64_t v, double fraction, int32_t scale)
{
	int r = add32(&s->days, v, scale);

	return r < 0 ? r : add_part_days(s, fraction, scale);
}

static int add_years(struct qf_span *s, int64_t v, double fraction, int32_t scale)
{
	int r = add32(&s->years, v, scale);

	return r < 0 ? r : add32(&s->months, (int64_t)rint(fraction * scale * 12), 1);
}

int qf_span_add_months(struct qf_span *s, int64_t v, double fraction)
{
	int r = add32(&s->months, v, 1);

	return r < 0 ? r : add_part_days(s, fraction, 30);
}

int qf_span_add_unit(struct qf_span *s, enum qf_span_unit unit, int64_t v, double fraction)
{
	switch (unit) {
	case QF_SPAN_MICROSECOND:
		return qf_span_add_us(s, v, fraction, 1);
	case QF_SPAN_MILLISECOND:
		return qf_span_add_us(s, v, fraction, 1000);
	case QF_SPAN_MINUTE:
		return qf_span_add_us(s, v, fraction, 60 * second_us);
	case QF_SPAN_HOUR:
		return qf_span_add_us(s, v, fraction, 3600 * second_us);
	case QF_SPAN_DAY:
		return add_days(s, v, fraction, 1);
	case QF_SPAN_WEEK:
		return add_days(s, v, fraction, 7);
	case QF_SPAN_MONTH:
		return qf_span_add_months(s, v, fraction);
	case QF_SPAN_YEAR:
		return add_years(s, v, fraction, 1);
	case QF_SPAN_DECADE:
		return add_years(s, v, fraction, 10);
	case QF_SPAN_CENTURY:
		return add_years(s, v, fraction, 100);
	case QF_SPAN_MILLENNIUM:
		return add_years(s, v, fraction, 1000);
	case QF_SPAN_SECOND:
	case QF_SPAN_AGO:
	case QF_SPAN_NONE:
		return qf_span_add_us(s, v, fraction, second_us);
	}
	return -EINVAL;
}

int qf_span_mark(struct qf_span *s, unsigned bits)
{
	if (s->seen & bits)
		return -EINVAL;
	s->seen |= bits;
	return 0;
}
