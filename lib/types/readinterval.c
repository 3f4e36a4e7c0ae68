/*
 * Intervals from PostgreSQL's text and binary forms [PG 8.5.4]: "1 year 2 mons -3 days +04:05:06.789", "1-2 3 4:05:06",
 * "P1Y2M3DT4H5M6.789S".
 *
 * Words are looked at from the last one backwards, because a number means what the word behind it says: seconds when
 * there is none, days before a time or hours. No unit may come twice.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pgtype.h"
#include "span.h"

enum {
	MAX_TOKENS = 25,
	MAX_NUMBER = 64, /* characters */
};

static const int64_t second_us = 1000000;

static const struct {
	enum qf_span_unit unit;
	const char *words[6];
} units[] = {
	{ QF_SPAN_MICROSECOND, { "us", "usec", "usecs", "useconds", "microsecond", "microseconds" } },
	{ QF_SPAN_MILLISECOND, { "ms", "msec", "msecs", "mseconds", "millisecond", "milliseconds" } },
	{ QF_SPAN_SECOND, { "s", "sec", "secs", "second", "seconds" } },
	{ QF_SPAN_MINUTE, { "m", "min", "mins", "minute", "minutes" } },
	{ QF_SPAN_HOUR, { "h", "hr", "hrs", "hour", "hours" } },
	{ QF_SPAN_DAY, { "d", "day", "days" } },
	{ QF_SPAN_WEEK, { "w", "week", "weeks" } },
	{ QF_SPAN_MONTH, { "mon", "mons", "month", "months" } },
	{ QF_SPAN_YEAR, { "y", "yr", "yrs", "year", "years" } },
	{ QF_SPAN_DECADE, { "dec", "decs", "decade", "decades" } },
	{ QF_SPAN_CENTURY, { "c", "cent", "century", "centuries" } },
	{ QF_SPAN_MILLENNIUM, { "mil", "mils", "millennium", "millennia" } },
	{ QF_SPAN_AGO, { "ago" } },
};

enum token_kind {
	TOKEN_NUMBER,
	TOKEN_TIME, /* has a colon */
	TOKEN_WORD,
};

struct token {
	enum token_kind kind;
	bool has_sign, negative;
	enum qf_span_unit unit;
	char text[MAX_NUMBER]; /* of a number or time, without its sign */
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

/* ---- words and numbers ------------------------------------------------------------------------------------------- */

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* QF_SPAN_NONE: it is none of them. */
static enum qf_span_unit unit_of(struct qf_slice word)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t k = 0; k < sizeof(units[i].words) / sizeof(char *) && units[i].words[k]; k++) {
			if (qf_slice_caseeq_str(word, units[i].words[k]))
				return units[i].unit;
		}
	}
	return QF_SPAN_NONE;
}

static int take_word(struct qf_reader *r, struct token *t)
{
	size_t n = 0;

	while (n < r->n && is_letter(r->p[n]))
		n++;
	*t = (struct token){ .kind = TOKEN_WORD, .unit = unit_of(qf_read_bytes(r, n)) };
	if (r->n && r->p[0] && strchr("+-./:", r->p[0]))
		return -EINVAL;
	return t->unit == QF_SPAN_NONE ? -EINVAL : 0;
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
static int add_time(struct qf_span *s, const struct token *t)
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
	r = qf_span_add_us(s, hours, 0, 3600 * second_us);
	if (r == 0)
		r = qf_span_add_us(s, t->negative ? -us : us, 0, 1);
	return r < 0 ? r : qf_span_mark(s, QF_SPAN_SECONDS | 1u << QF_SPAN_MINUTE | 1u << QF_SPAN_HOUR);
}

/* years-months */
static int add_year_month(struct qf_span *s, const struct token *t, const char *p, int64_t years)
{
	int64_t months, total;
	int r = digits(p + 1, &p, &months);

	if (r < 0)
		return r;
	if (*p)
		return -EINVAL;
	if (months > 11 || __builtin_mul_overflow(years, 12, &total) || __builtin_add_overflow(total, months, &total))
		return -ERANGE;
	r = qf_span_add_months(s, t->negative ? -total : total, 0);
	return r < 0 ? r : qf_span_mark(s, 1u << QF_SPAN_MONTH);
}

static int add_number(struct qf_span *s, const struct token *t, enum qf_span_unit *unit)
{
	const char *p = t->text;
	double fraction = 0;
	int64_t v;
	int r = digits(p, &p, &v);

	if (r == 0 && *p == '-') {
		*unit = QF_SPAN_MONTH;
		return add_year_month(s, t, p, v);
	}
	if (r == 0 && *p == '.')
		r = fraction_of(p, &fraction);
	else if (r == 0 && *p)
		r = -EINVAL;
	if (r < 0)
		return r;
	if (*unit == QF_SPAN_AGO)
		return -EINVAL;
	if (*unit == QF_SPAN_NONE)
		*unit = QF_SPAN_SECOND;
	r = qf_span_add_unit(s, *unit, t->negative ? -v : v, t->negative ? -fraction : fraction);
	if (r == 0)
		r = qf_span_mark(s, *unit == QF_SPAN_SECOND && fraction != 0 ? (unsigned)QF_SPAN_SECONDS : 1u << *unit);
	if (*unit == QF_SPAN_HOUR)
		*unit = QF_SPAN_DAY;
	return r;
}

static int add_tokens(struct qf_span *s, const struct token *tokens, size_t n)
{
	enum qf_span_unit unit = QF_SPAN_NONE;
	int r = 0;

	for (size_t i = n; r == 0 && i-- > 0;) {
		const struct token *t = &tokens[i];

		if (t->kind == TOKEN_WORD) {
			if (t->unit == QF_SPAN_AGO && i != n - 1)
				return -EINVAL;
			unit = t->unit;
		} else if (t->kind == TOKEN_TIME) {
			r = add_time(s, t);
			if (r < 0 && t->has_sign)
				r = -EINVAL;
			unit = QF_SPAN_DAY;
		} else {
			r = add_number(s, t, &unit);
		}
	}
	if (r < 0)
		return r;
	return s->seen ? 0 : -EINVAL;
}

/* ---- ISO 8601: P, numbers with designators, T before those of the time ------------------------------------------- */

static enum qf_span_unit designated(char c, bool time)
{
	static const char date_letters[] = "YMWD", time_letters[] = "HMS";
	static const enum qf_span_unit date_units[] = { QF_SPAN_YEAR, QF_SPAN_MONTH, QF_SPAN_WEEK, QF_SPAN_DAY };
	static const enum qf_span_unit time_units[] = { QF_SPAN_HOUR, QF_SPAN_MINUTE, QF_SPAN_SECOND };
	const char *at = c ? strchr(time ? time_letters : date_letters, c) : NULL;

	if (!at)
		return QF_SPAN_NONE;
	return time ? time_units[at - time_letters] : date_units[at - date_letters];
}

static int add_iso(struct qf_span *s, const char *p)
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
		enum qf_span_unit unit = end == p ? QF_SPAN_NONE : designated(*end, time);

		/* strtod() takes hexadecimal numbers and exponents: PostgreSQL's does too. */
		if (unit == QF_SPAN_NONE)
			return -EINVAL;
		if (!(v >= -9.2e18 && v <= 9.2e18))
			return -ERANGE;
		int r = qf_span_add_unit(s, unit, (int64_t)whole, v - whole);

		if (r < 0)
			return r;
		p = end + 1;
		any = true;
	}
	return any ? 0 : -EINVAL;
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static int negate(struct qf_span *s)
{
	if (s->years == INT32_MIN || s->months == INT32_MIN || s->days == INT32_MIN || s->us == INT64_MIN)
		return -ERANGE;
	s->years = -s->years;
	s->months = -s->months;
	s->days = -s->days;
	s->us = -s->us;
	return 0;
}

static int read_words(struct qf_slice v, struct qf_span *s)
{
	struct token tokens[MAX_TOKENS];
	size_t n;
	int r = tokenize(v, tokens, &n);

	if (r == 0)
		r = add_tokens(s, tokens, n);
	if (r == 0 && tokens[n - 1].kind == TOKEN_WORD && tokens[n - 1].unit == QF_SPAN_AGO)
		r = negate(s);
	return r;
}

static int read_iso(struct qf_read *ctx, struct qf_slice v, struct qf_span *s)
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
	struct qf_span s = { 0 };
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
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}
