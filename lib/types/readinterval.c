/*
 * Intervals from PostgreSQL's text and binary forms [PG 8.5.4]: "1 year 2 mons -3 days +04:05:06.789", "1-2 3 4:05:06",
 * "P1Y2M3DT4H5M6.789S".
 *
 * Words are looked at from the last one backwards, because a number means what the word behind it says: seconds when
 * there is none, days before a time or hours. No unit may come twice. Fractions of a day and below go into the
 * time, those of months into days of 30 to the month, those of years into months.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "pgtype.h"

enum {
	MAX_TOKENS = 25,
	MAX_NUMBER = 64, /* characters */
};

static const int64_t second_us = 1000000, day_us = (int64_t)QF_DAY_SECONDS * 1000000;

enum unit {
	UNIT_NONE,
	UNIT_MICROSECOND,
	UNIT_MILLISECOND,
	UNIT_SECOND,
	UNIT_MINUTE,
	UNIT_HOUR,
	UNIT_DAY,
	UNIT_WEEK,
	UNIT_MONTH,
	UNIT_YEAR,
	UNIT_DECADE,
	UNIT_CENTURY,
	UNIT_MILLENNIUM,
	UNIT_AGO,
};

enum { SECONDS = 1u << UNIT_MICROSECOND | 1u << UNIT_MILLISECOND | 1u << UNIT_SECOND };

static const struct {
	const char *word;
	enum unit unit;
} words[] = {
	{ "us", UNIT_MICROSECOND },	     { "usec", UNIT_MICROSECOND },     { "usecs", UNIT_MICROSECOND },
	{ "useconds", UNIT_MICROSECOND },    { "microsecond", UNIT_MICROSECOND },
	{ "microseconds", UNIT_MICROSECOND }, { "ms", UNIT_MILLISECOND },       { "msec", UNIT_MILLISECOND },
	{ "msecs", UNIT_MILLISECOND },	     { "mseconds", UNIT_MILLISECOND }, { "millisecond", UNIT_MILLISECOND },
	{ "milliseconds", UNIT_MILLISECOND }, { "s", UNIT_SECOND },	       { "sec", UNIT_SECOND },
	{ "secs", UNIT_SECOND },	     { "second", UNIT_SECOND },	       { "seconds", UNIT_SECOND },
	{ "m", UNIT_MINUTE },		     { "min", UNIT_MINUTE },	       { "mins", UNIT_MINUTE },
	{ "minute", UNIT_MINUTE },	     { "minutes", UNIT_MINUTE },       { "h", UNIT_HOUR },
	{ "hr", UNIT_HOUR },		     { "hrs", UNIT_HOUR },	       { "hour", UNIT_HOUR },
	{ "hours", UNIT_HOUR },		     { "d", UNIT_DAY },		       { "day", UNIT_DAY },
	{ "days", UNIT_DAY },		     { "w", UNIT_WEEK },	       { "week", UNIT_WEEK },
	{ "weeks", UNIT_WEEK },		     { "mon", UNIT_MONTH },	       { "mons", UNIT_MONTH },
	{ "month", UNIT_MONTH },	     { "months", UNIT_MONTH },	       { "y", UNIT_YEAR },
	{ "yr", UNIT_YEAR },		     { "yrs", UNIT_YEAR },	       { "year", UNIT_YEAR },
	{ "years", UNIT_YEAR },		     { "dec", UNIT_DECADE },	       { "decs", UNIT_DECADE },
	{ "decade", UNIT_DECADE },	     { "decades", UNIT_DECADE },       { "c", UNIT_CENTURY },
	{ "cent", UNIT_CENTURY },	     { "century", UNIT_CENTURY },      { "centuries", UNIT_CENTURY },
	{ "mil", UNIT_MILLENNIUM },	     { "mils", UNIT_MILLENNIUM },      { "millennium", UNIT_MILLENNIUM },
	{ "millennia", UNIT_MILLENNIUM },    { "ago", UNIT_AGO },
};

enum token_kind {
	TOKEN_NUMBER,
	TOKEN_TIME, /* has a colon */
	TOKEN_WORD,
};

struct token {
	enum token_kind kind;
	bool has_sign, negative;
	enum unit unit;
	char text[MAX_NUMBER]; /* of a number or time, without its sign */
};

struct sum {
	int32_t years, months, days;
	int64_t us;
	unsigned seen; /* one bit a unit */
};

static int syntax(struct qf_read *ctx, struct qf_slice v)
{
	return qf_read_syntax(ctx, "22007", v);
}

/* -EINVAL is what has no meaning, -ERANGE what is too much: the caller has the whole text. */
static int said(struct qf_read *ctx, struct qf_slice v, int r)
{
	if (r == -ERANGE)
		return qf_read_fail(ctx, "22015", "interval field value out of range: \"%.*s\"", QF_SHOW(v));
	return r == -EINVAL ? syntax(ctx, v) : r;
}

/* ---- sums, which stay in their bounds or are -ERANGE ------------------------------------------------------------ */

static int add_us(struct sum *s, int64_t v, double fraction, int64_t scale)
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
static int add_part_days(struct sum *s, double fraction, int32_t scale)
{
	fraction *= scale;
	int32_t days = (int32_t)fraction;
	int r = add32(&s->days, days, 1);

	return r < 0 ? r : add_us(s, 0, fraction - days, day_us);
}

static int add_days(struct sum *s, int64_t v, double fraction, int32_t scale)
{
	int r = add32(&s->days, v, scale);

	return r < 0 ? r : add_part_days(s, fraction, scale);
}

static int add_years(struct sum *s, int64_t v, double fraction, int32_t scale)
{
	int r = add32(&s->years, v, scale);

	return r < 0 ? r : add32(&s->months, (int64_t)rint(fraction * scale * 12), 1);
}

static int add_months(struct sum *s, int64_t v, double fraction)
{
	int r = add32(&s->months, v, 1);

	return r < 0 ? r : add_part_days(s, fraction, 30);
}

static int add_unit(struct sum *s, enum unit unit, int64_t v, double fraction)
{
	switch (unit) {
	case UNIT_MICROSECOND:
		return add_us(s, v, fraction, 1);
	case UNIT_MILLISECOND:
		return add_us(s, v, fraction, 1000);
	case UNIT_MINUTE:
		return add_us(s, v, fraction, 60 * second_us);
	case UNIT_HOUR:
		return add_us(s, v, fraction, 3600 * second_us);
	case UNIT_DAY:
		return add_days(s, v, fraction, 1);
	case UNIT_WEEK:
		return add_days(s, v, fraction, 7);
	case UNIT_MONTH:
		return add_months(s, v, fraction);
	case UNIT_YEAR:
		return add_years(s, v, fraction, 1);
	case UNIT_DECADE:
		return add_years(s, v, fraction, 10);
	case UNIT_CENTURY:
		return add_years(s, v, fraction, 100);
	case UNIT_MILLENNIUM:
		return add_years(s, v, fraction, 1000);
	case UNIT_SECOND:
	case UNIT_AGO:
	case UNIT_NONE:
		return add_us(s, v, fraction, second_us);
	}
	return -EINVAL;
}

static int mark(struct sum *s, unsigned bits)
{
	if (s->seen & bits)
		return -EINVAL;
	s->seen |= bits;
	return 0;
}

/* ---- words and numbers ------------------------------------------------------------------------------------------- */

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int take_word(struct qf_reader *r, struct token *t)
{
	size_t n = 0;

	while (n < r->n && is_letter(r->p[n]))
		n++;
	struct qf_slice word = qf_read_bytes(r, n);

	if (r->n && r->p[0] && strchr("+-./:", r->p[0]))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (qf_slice_caseeq_str(word, words[i].word)) {
			*t = (struct token){ .kind = TOKEN_WORD, .unit = words[i].unit };
			return 0;
		}
	}
	return -EINVAL;
}

/* A sign may stand apart from its number. */
static int take_number(struct qf_reader *r, struct token *t)
{
	size_t n = 0;

	*t = (struct token){ .kind = TOKEN_NUMBER };
	if (r->p[0] == '-' || r->p[0] == '+') {
		t->has_sign = true;
		t->negative = qf_read_u8(r) == '-';
		while (r->n && qf_is_space(r->p[0]))
			(void)qf_read_u8(r);
		if (!r->n || !qf_is_digit(r->p[0]))
			return -EINVAL;
	}
	while (n < r->n && (qf_is_digit(r->p[n]) || (r->p[n] && strchr(".:-", r->p[n])))) {
		if (r->p[n] == ':')
			t->kind = TOKEN_TIME;
		n++;
	}
	if (n == 0 || n >= sizeof(t->text) || r->p[0] == '-' || r->p[0] == ':' || r->p[n - 1] == '-')
		return -EINVAL;
	memcpy(t->text, qf_read_bytes(r, n).p, n);
	return 0;
}

static int tokenize(struct qf_slice v, struct token *tokens, size_t *ret_n)
{
	struct qf_reader r = qf_reader(v);
	size_t n = 0;

	while (r.n) {
		uint8_t c = r.p[0];

		if (qf_is_space(c) || c == ',' || c == '@') {
			(void)qf_read_u8(&r);
			continue;
		}
		bool number = qf_is_digit(c) || c == '.' || c == '-' || c == '+';

		if (n == MAX_TOKENS || (!number && !is_letter(c)))
			return -EINVAL;
		int e = number ? take_number(&r, &tokens[n]) : take_word(&r, &tokens[n]);

		if (e < 0)
			return e;
		n++;
	}
	*ret_n = n;
	return 0;
}

/* strtoll() without the signs and spaces that it takes; the text begins with a digit or has none. */
static int digits(const char *text, const char **ret_end, int64_t *ret)
{
	char *end;

	*ret = 0;
	*ret_end = text;
	if (!qf_is_digit((uint8_t)*text))
		return 0;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	*ret_end = end;
	return errno == ERANGE ? -ERANGE : 0;
}

/* .789, to its end. */
static int fraction_of(const char *text, double *ret)
{
	if (strspn(text + 1, "0123456789") != strlen(text + 1))
		return -EINVAL;
	*ret = text[1] ? strtod(text, NULL) : 0;
	return 0;
}

/* hh:mm, hh:mm:ss[.ffffff], mm:ss.ffffff */
static int add_time(struct sum *s, const struct token *t)
{
	int64_t part[3] = { 0 }, us = 0;
	const char *p = t->text;
	double fraction = 0;
	int n = 0, r = 0;

	for (; r == 0 && n < 3; n++) {
		r = digits(p, &p, &part[n]);
		if (r == 0 && (p == t->text || !qf_is_digit((uint8_t)p[-1])))
			return -EINVAL;
		if (*p != ':' || n == 2)
			break;
		p++;
	}
	if (r == 0 && *p == '.')
		r = fraction_of(p, &fraction);
	else if (r == 0 && *p)
		r = -EINVAL;
	if (r < 0)
		return r;
	if (n == 1 && *p == '.') {
		part[2] = part[1];
		part[1] = part[0];
		part[0] = 0;
	}
	if (part[1] > 59 || part[2] > 60)
		return -ERANGE;
	us = part[1] * 60 * second_us + part[2] * second_us + (int64_t)rint(fraction * 1000000);
	int64_t hours = t->negative ? -part[0] : part[0];

	/* PostgreSQL sets the time here: what fractions behind it have made of days is lost. */
	s->us = 0;
	r = add_us(s, hours, 0, 3600 * second_us);
	if (r == 0)
		r = add_us(s, t->negative ? -us : us, 0, 1);
	return r < 0 ? r : mark(s, SECONDS | 1u << UNIT_MINUTE | 1u << UNIT_HOUR);
}

/* years-months */
static int add_year_month(struct sum *s, const struct token *t, const char *p, int64_t years)
{
	int64_t months, total;
	int r = digits(p + 1, &p, &months);

	if (r < 0)
		return r;
	if (*p)
		return -EINVAL;
	if (months > 11 || __builtin_mul_overflow(years, 12, &total) || __builtin_add_overflow(total, months, &total))
		return -ERANGE;
	r = add_months(s, t->negative ? -total : total, 0);
	return r < 0 ? r : mark(s, 1u << UNIT_MONTH);
}

static int add_number(struct sum *s, const struct token *t, enum unit *unit)
{
	const char *p = t->text;
	double fraction = 0;
	int64_t v;
	int r = digits(p, &p, &v);

	if (r == 0 && *p == '-') {
		*unit = UNIT_MONTH;
		return add_year_month(s, t, p, v);
	}
	if (r == 0 && *p == '.')
		r = fraction_of(p, &fraction);
	else if (r == 0 && *p)
		r = -EINVAL;
	if (r < 0)
		return r;
	if (*unit == UNIT_AGO)
		return -EINVAL;
	if (*unit == UNIT_NONE)
		*unit = UNIT_SECOND;
	r = add_unit(s, *unit, t->negative ? -v : v, t->negative ? -fraction : fraction);
	if (r == 0)
		r = mark(s, *unit == UNIT_SECOND && fraction != 0 ? (unsigned)SECONDS : 1u << *unit);
	if (*unit == UNIT_HOUR)
		*unit = UNIT_DAY;
	return r;
}

static int add_tokens(struct sum *s, const struct token *tokens, size_t n)
{
	enum unit unit = UNIT_NONE;
	int r = 0;

	for (size_t i = n; r == 0 && i-- > 0;) {
		const struct token *t = &tokens[i];

		if (t->kind == TOKEN_WORD) {
			if (t->unit == UNIT_AGO && i != n - 1)
				return -EINVAL;
			unit = t->unit;
		} else if (t->kind == TOKEN_TIME) {
			r = add_time(s, t);
			if (r < 0 && t->has_sign)
				r = -EINVAL;
			unit = UNIT_DAY;
		} else {
			r = add_number(s, t, &unit);
		}
	}
	if (r < 0)
		return r;
	return s->seen ? 0 : -EINVAL;
}

/* ---- ISO 8601: P, numbers with designators, T before those of the time ------------------------------------------- */

static enum unit designated(char c, bool time)
{
	static const char date_letters[] = "YMWD", time_letters[] = "HMS";
	static const enum unit date_units[] = { UNIT_YEAR, UNIT_MONTH, UNIT_WEEK, UNIT_DAY };
	static const enum unit time_units[] = { UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND };
	const char *at = c ? strchr(time ? time_letters : date_letters, c) : NULL;

	if (!at)
		return UNIT_NONE;
	return time ? time_units[at - time_letters] : date_units[at - date_letters];
}

static int add_iso(struct sum *s, const char *p)
{
	bool time = false, any = false;

	for (p++; *p;) {
		char *end;

		if (*p == 'T') {
			time = any = true;
			p++;
			continue;
		}
		if (!qf_is_digit((uint8_t)*p) && *p != '-' && *p != '.')
			return -EINVAL;
		double v = strtod(p, &end), whole = trunc(v);
		enum unit unit = end == p ? UNIT_NONE : designated(*end, time);

		/* strtod() takes hexadecimal numbers and exponents: PostgreSQL's does too. */
		if (unit == UNIT_NONE)
			return -EINVAL;
		if (!(v >= -9.2e18 && v <= 9.2e18))
			return -ERANGE;
		int r = add_unit(s, unit, (int64_t)whole, v - whole);

		if (r < 0)
			return r;
		p = end + 1;
		any = true;
	}
	return any ? 0 : -EINVAL;
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static int negate(struct sum *s)
{
	if (s->years == INT32_MIN || s->months == INT32_MIN || s->days == INT32_MIN || s->us == INT64_MIN)
		return -ERANGE;
	s->years = -s->years;
	s->months = -s->months;
	s->days = -s->days;
	s->us = -s->us;
	return 0;
}

static int read_words(struct qf_slice v, struct sum *s)
{
	struct token tokens[MAX_TOKENS];
	size_t n;
	int r = tokenize(v, tokens, &n);

	if (r == 0)
		r = add_tokens(s, tokens, n);
	if (r == 0 && tokens[n - 1].kind == TOKEN_WORD && tokens[n - 1].unit == UNIT_AGO)
		r = negate(s);
	return r;
}

static int read_iso(struct qf_read *ctx, struct qf_slice v, struct sum *s)
{
	const char *text = qf_read_cstr_of(ctx, v);

	if (!text)
		return QF_ELIMIT;
	/* The forms without designators, P00010203T040506 and P0001-02-03T04:05:06, are PostgreSQL's too. */
	size_t n = 1 + strspn(text + 1, "0123456789");

	if (n > 1 && (!text[n] || text[n] == 'T' || text[n] == '-' || text[n] == ':'))
		return qf_read_fail(ctx, "0A000", "an interval without designators is not supported: \"%.*s\"",
				    QF_SHOW(v));
	return add_iso(s, text);
}

int qf_read_interval_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct sum s = { 0 };
	int r = v.n && v.p[0] == 'P' ? read_iso(ctx, v, &s) : read_words(v, &s);

	if (r < 0)
		return said(ctx, v, r);
	int64_t months = (int64_t)s.years * 12 + s.months;

	if (months != (int32_t)months)
		return qf_read_fail(ctx, "22008", "interval out of range");
	ret->kind = QF_DATUM_INTERVAL;
	ret->months = (int32_t)months;
	ret->days = s.days;
	ret->i = s.us;
	return 0;
}

int qf_read_interval(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	ret->kind = QF_DATUM_INTERVAL;
	ret->i = (int64_t)qf_read_u64(&r);
	ret->days = (int32_t)qf_read_u32(&r);
	ret->months = (int32_t)qf_read_u32(&r);
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx);
}
