/* Dates and times as text: see readmoment.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "calendar.h"
#include "readmoment.h"

enum {
	MAX_YEAR_DIGITS = 7,
	MAX_OFFSET_HOURS = 15,
	MAX_FRACTION = 40, /* digits; behind them no other microsecond is made */
	MAX_ZONE_NAME = 64,
};

struct walk {
	struct qf_read *ctx;
	struct qf_reader r;
	struct qf_slice whole;
	struct qf_moment *m;
};

static int syntax(struct walk *w)
{
	return qf_read_syntax(w->ctx, "22007", w->whole);
}

static int beyond(struct walk *w)
{
	return qf_read_fail(w->ctx, "22008", "date/time field value out of range: \"%.*s\"", QF_SHOW(w->whole));
}

static int foreign(struct walk *w, const char *what)
{
	return qf_read_fail(w->ctx, "0A000", "%s in a %s is not supported here, write it as in ISO 8601: \"%.*s\"",
			    what, w->ctx->type->said, QF_SHOW(w->whole));
}

static int peek(const struct walk *w)
{
	return w->r.n ? w->r.p[0] : -1;
}

static bool take(struct walk *w, int c)
{
	if (peek(w) != c)
		return false;
	(void)qf_read_u8(&w->r);
	return true;
}

static bool skip_space(struct walk *w)
{
	size_t before = w->r.n;

	while (w->r.n && qf_is_space(w->r.p[0]))
		(void)qf_read_u8(&w->r);
	return w->r.n < before;
}

static size_t run(const struct walk *w, bool (*in)(uint8_t c))
{
	size_t n = 0;

	while (n < w->r.n && in(w->r.p[n]))
		n++;
	return n;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_zone(uint8_t c)
{
	return is_letter(c) || qf_is_digit(c) || strchr("/_+-", c);
}

static bool is_digit(uint8_t c)
{
	return qf_is_digit(c);
}

/* Reads n digits, which are no more than MAX_YEAR_DIGITS + 1. */
static unsigned take_digits(struct walk *w, size_t n)
{
	unsigned v = 0;

	for (; n; n--)
		v = v * 10 + (qf_read_u8(&w->r) - (unsigned)'0');
	return v;
}

/* The next word if it is this one, in any letter case. */
static bool take_word(struct walk *w, const char *word)
{
	size_t n = run(w, is_letter);

	if (!qf_slice_caseeq_str(qf_slice(w->r.p, n), word))
		return false;
	(void)qf_read_bytes(&w->r, n);
	return true;
}

/* What a text may begin with in PostgreSQL, but not here. */
static bool is_foreign_word(struct qf_slice v)
{
	static const char *const words[] = { "now", "today", "tomorrow", "yesterday", "allballs", "jan", "feb", "mar",
					     "apr", "may",   "jun",	 "jul",	      "aug",	  "sep", "oct", "nov",
					     "dec", "sun",   "mon",	 "tue",	      "wed",	  "thu", "fri", "sat" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (v.n >= n && (n == 3 || v.n == n) && strncasecmp((const char *)v.p, words[i], n) == 0)
			return true;
	}
	return v.n == 1 && (v.p[0] | 0x20) == 'j';
}

/* Whether the era is among what follows: behind the date, the time or the zone. */
static bool is_bc(const struct walk *w)
{
	struct qf_slice rest = qf_slice(w->r.p, w->r.n);

	for (size_t i = 0, n; i < rest.n; i += n ? n : 1) {
		for (n = 0; i + n < rest.n && is_letter(rest.p[i + n]);)
			n++;
		if (qf_slice_caseeq_str(qf_slice(rest.p + i, n), "bc"))
			return true;
	}
	return false;
}

static int set_date(struct walk *w, unsigned year, unsigned month, unsigned day)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t y = is_bc(w) ? 1 - (int64_t)year : (int64_t)year;
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	if (year == 0 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] + (month == 2 && leap))
		return beyond(w);
	w->m->has_date = true;
	w->m->days = qf_days_from_civil(y, month, day);
	return 0;
}

/* Behind the year: -mm-dd, or with slashes. */
static int take_month_day(struct walk *w, unsigned year)
{
	uint8_t between = qf_read_u8(&w->r);
	size_t n = run(w, is_digit);

	if (is_letter((uint8_t)peek(w)) && w->r.n)
		return foreign(w, "the name of a month");
	if (n == 3)
		return foreign(w, "the day of the year");
	if (n < 1 || n > 2)
		return syntax(w);
	unsigned month = take_digits(w, n);

	if (!take(w, between))
		return syntax(w);
	n = run(w, is_digit);
	if (n < 1)
		return syntax(w);
	return n > 2 ? beyond(w) : set_date(w, year, month, take_digits(w, n));
}

/* yyyy-mm-dd, yyyymmdd. A year has three digits at least; a date that begins with the day or month may mean either. */
static int take_date(struct walk *w)
{
	size_t n = run(w, is_digit);
	int after = n < w->r.n ? w->r.p[n] : -1;

	if (after == '-' || after == '/' || after == '.') {
		if (n < 3 || after == '.')
			return foreign(w, "a date that does not begin with a year");
		if (n > MAX_YEAR_DIGITS)
			return beyond(w);
		return take_month_day(w, take_digits(w, n));
	}
	if (n == 6)
		return foreign(w, "a year of two digits");
	if (n != 8)
		return syntax(w);
	unsigned v = take_digits(w, n);

	return set_date(w, v / 10000, v / 100 % 100, v % 100);
}

/* Microseconds, rounded as PostgreSQL's rint() does it. */
static int64_t take_fraction(struct walk *w)
{
	char text[MAX_FRACTION + 3] = "0.";
	size_t n = run(w, is_digit), kept = n < MAX_FRACTION ? n : MAX_FRACTION;

	memcpy(text + 2, w->r.p, kept);
	(void)qf_read_bytes(&w->r, n);
	return (int64_t)rint(strtod(text, NULL) * 1000000);
}

/* hh:mm[:ss[.ffffff]] */
static int take_time(struct walk *w)
{
	size_t n = run(w, is_digit);
	unsigned part[3] = { 0 };
	int64_t fraction = 0;

	if (n >= w->r.n || w->r.p[n] != ':')
		return n == 4 || n == 6 ? foreign(w, "a time without colons") : syntax(w);
	for (unsigned i = 0; i < 3; i++) {
		n = run(w, is_digit);
		if (n < 1)
			return syntax(w);
		if (n > MAX_YEAR_DIGITS)
			return beyond(w);
		part[i] = take_digits(w, n);
		if (i == 2 || !take(w, ':'))
			break;
	}
	if (take(w, '.'))
		fraction = take_fraction(w);
	if (part[0] > 24 || part[1] > 59 || part[2] > 60)
		return beyond(w);
	w->m->us = ((int64_t)part[0] * 3600 + (int64_t)part[1] * 60 + part[2]) * 1000000 + fraction;
	w->m->has_time = true;
	return w->m->us > (int64_t)QF_DAY_SECONDS * 1000000 ? beyond(w) : 0;
}

/* ±hh, ±hhmm, ±hh:mm, ±hh:mm:ss */
static int take_offset(struct walk *w)
{
	bool west = qf_read_u8(&w->r) == '-';
	size_t n = run(w, is_digit);

	if (n < 1)
		return syntax(w);
	if (n > 4)
		return qf_read_fail(w->ctx, "22009", "time zone displacement out of range: \"%.*s\"",
				    QF_SHOW(w->whole));
	unsigned hours = take_digits(w, n), part[2] = { 0 };

	if (n > 2) {
		part[0] = hours % 100;
		hours /= 100;
	}
	for (unsigned i = 0; n <= 2 && i < 2 && take(w, ':'); i++) {
		size_t digits = run(w, is_digit);

		if (digits < 1 || digits > 2)
			return syntax(w);
		part[i] = take_digits(w, digits);
	}
	if (hours > MAX_OFFSET_HOURS || part[0] > 59 || part[1] > 59)
		return qf_read_fail(w->ctx, "22009", "time zone displacement out of range: \"%.*s\"",
				    QF_SHOW(w->whole));
	int32_t offset = (int32_t)(hours * 3600 + part[0] * 60 + part[1]);

	w->m->offset = west ? -offset : offset;
	w->m->has_offset = true;
	return 0;
}

/* Area/Place, as tzdata calls it. A word without a slash may be an abbreviation, which PostgreSQL has a table of. */
static int take_zone_name(struct walk *w)
{
	struct qf_slice name = qf_read_bytes(&w->r, run(w, is_zone));
	char text[MAX_ZONE_NAME];

	if (!memchr(name.p, '/', name.n))
		return foreign(w, "the abbreviation of a time zone");
	if (name.n < sizeof(text)) {
		memcpy(text, name.p, name.n);
		text[name.n] = 0;
		if (qf_tz_open(&w->m->tz, text, NULL) == 0)
			return 0;
	}
	return qf_read_fail(w->ctx, "22023", "time zone \"%.*s\" not recognized", QF_SHOW(name));
}

static int take_zone(struct walk *w)
{
	static const char *const utc[] = { "z", "utc", "zulu", "gmt", "ut" };

	if (peek(w) == '+' || peek(w) == '-')
		return take_offset(w);
	if (!is_letter((uint8_t)peek(w)))
		return 0;
	for (size_t i = 0; i < sizeof(utc) / sizeof(utc[0]); i++) {
		bool more = w->r.n > strlen(utc[i]) && is_zone(w->r.p[strlen(utc[i])]);

		if (!more && take_word(w, utc[i])) {
			w->m->has_offset = true;
			return 0;
		}
	}
	if (take_word(w, "am") || take_word(w, "pm"))
		return foreign(w, "am or pm");
	return take_zone_name(w);
}

/* The era was looked at with the date. */
static bool take_era(struct walk *w)
{
	skip_space(w);
	bool is_there = w->m->has_date && (take_word(w, "bc") || take_word(w, "ad"));

	skip_space(w);
	return is_there;
}

static int take_word_alone(struct walk *w)
{
	struct qf_slice v = qf_read_trim(w->whole);
	bool dated = strncmp(w->ctx->type->said, "time", 4) != 0 || strncmp(w->ctx->type->said, "timestamp", 9) == 0;
	struct qf_slice word = qf_slice(w->r.p, run(w, is_letter));

	if (dated && qf_slice_caseeq_str(v, "infinity"))
		w->m->kind = QF_MOMENT_INFINITY;
	else if (dated && qf_slice_caseeq_str(v, "-infinity"))
		w->m->kind = QF_MOMENT_MINUS_INFINITY;
	else if (dated && qf_slice_caseeq_str(v, "epoch"))
		w->m->has_date = w->m->has_offset = true;
	else
		return is_foreign_word(word) ? foreign(w, "this word") : syntax(w);
	return 0;
}

static int take_all(struct walk *w)
{
	skip_space(w);
	if (!qf_is_digit((uint8_t)peek(w)) || !w->r.n)
		return take_word_alone(w);
	size_t digits = run(w, is_digit);
	bool time_first = digits < w->r.n && w->r.p[digits] == ':';
	int r = time_first ? take_time(w) : take_date(w);

	if (r < 0)
		return r;
	bool space = skip_space(w);
	bool t = !time_first && (take(w, 'T') || take(w, 't'));

	if (t && !qf_is_digit((uint8_t)peek(w)))
		return syntax(w);
	if (!time_first && (t || (space && w->r.n && qf_is_digit(w->r.p[0])))) {
		r = take_time(w);
		skip_space(w);
	}
	if (r == 0 && !w->m->has_time && !space && peek(w) == '-')
		return syntax(w);
	bool era = take_era(w);

	if (r == 0 && w->r.n)
		r = take_zone(w);
	if (r == 0 && !era)
		(void)take_era(w);
	return r == 0 && w->r.n ? syntax(w) : r;
}

int qf_moment_read(struct qf_read *ctx, struct qf_slice v, struct qf_moment *ret)
{
	struct walk w = { .ctx = ctx, .r = qf_reader(v), .whole = v, .m = ret };

	*ret = (struct qf_moment){ .kind = QF_MOMENT_PLAIN };
	int r = take_all(&w);

	if (r < 0)
		ret->tz = qf_tz_free(ret->tz);
	return r;
}

/*
 * Where clocks are put forward some local times do not exist: they are read with the offset from before. Where they are
 * put back some exist twice: the later one is meant. So PostgreSQL does it.
 */
int32_t qf_moment_offset(const struct qf_tz *tz, int64_t local)
{
	if (!tz)
		return 0;
	int32_t before = qf_tz_offset(tz, local - QF_DAY_SECONDS), after = qf_tz_offset(tz, local + QF_DAY_SECONDS);
	bool before_holds = qf_tz_offset(tz, local - before) == before;
	bool after_holds = qf_tz_offset(tz, local - after) == after;

	return after_holds || !before_holds ? (after_holds ? after : before) : before;
}
