/* What values a setting takes, and their canonical form. See settings.h; texts and codes are PostgreSQL's. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "qf/sql.h"
#include "qf/str.h"
#include "qf/types.h"
#include "settings.h"

enum { MAX_TAGS = 64 };

static bool invalid(const struct pg_setting *def, const char *in, struct qf_sql_error *reterr)
{
	qf_sql_error_set(reterr, "22023", "invalid value for parameter \"%s\": \"%s\"", def->name, in);
	return false;
}

static bool invalid_hint(const struct pg_setting *def, const char *in, const char *hint, struct qf_sql_error *reterr)
{
	invalid(def, in, reterr);
	snprintf(reterr->hint, sizeof(reterr->hint), "%s", hint);
	return false;
}

bool pg_check_any(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	(void)def;
	(void)reterr;
	*ret = qf_xstrdup(in);
	return true;
}

bool pg_check_bool(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	static const struct {
		const char *word;
		size_t least; /* shortest prefix that is clear */
		bool value;
	} words[] = { { "true", 1, true }, { "false", 1, false }, { "yes", 1, true }, { "no", 1, false },
		{ "on", 2, true }, { "off", 2, false }, { "1", 1, true }, { "0", 1, false } };
	size_t n = strlen(in);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (n < words[i].least || n > strlen(words[i].word) || strncasecmp(in, words[i].word, n) != 0)
			continue;
		*ret = qf_xstrdup(words[i].value ? "on" : "off");
		return true;
	}
	qf_sql_error_set(reterr, "22023", "parameter \"%s\" requires a Boolean value", def->name);
	return false;
}

bool pg_check_int(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	char *end;

	errno = 0;
	long v = strtol(in, &end, 10);

	if (errno || end == in || *end)
		return invalid(def, in, reterr);
	if (v < def->min || v > def->max) {
		qf_sql_error_set(reterr, "22023", "%ld is outside the valid range for parameter \"%s\" (%d .. %d)", v,
			def->name, def->min, def->max);
		return false;
	}
	*ret = qf_xasprintf("%ld", v);
	return true;
}

/* ---- times ---- */

static const struct {
	const char *name;
	double ms;
} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }, { "ms", 1 }, { "us", 0.001 } };

static bool parse_ms(const char *in, double *ret)
{
	char *end;
	double v = strtod(in, &end);

	if (end == in || !isfinite(v))
		return false;
	while (*end == ' ')
		end++;
	for (size_t i = 0; *end && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		v *= units[i].ms;
		end += strlen(end);
	}
	*ret = round(v);
	return *end == 0;
}

/* The largest unit that divides it, as SHOW prints times. */
static char *print_ms(long long ms)
{
	for (size_t i = 0; ms > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		long long unit = (long long)units[i].ms;

		if (unit > 0 && ms % unit == 0)
			return qf_xasprintf("%lld%s", ms / unit, units[i].name);
	}
	return qf_xstrdup("0");
}

bool pg_check_ms(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	double ms;

	if (!parse_ms(in, &ms))
		return invalid_hint(def, in,
			"Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".", reterr);
	if (ms < 0 || ms > INT32_MAX) {
		qf_sql_error_set(reterr, "22023", "%.0f ms is outside the valid range for parameter \"%s\" (0 .. %d)",
			ms, def->name, INT32_MAX);
		return false;
	}
	*ret = print_ms((long long)ms);
	return true;
}

uint64_t pg_settings_ns(const struct pg_settings *st, enum pg_setting_id id)
{
	double ms;

	return parse_ms(pg_settings_get(st, id), &ms) && ms > 0 ? (uint64_t)ms * 1000000 : 0;
}

/* ---- words ---- */

bool pg_check_choice(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	struct qf_buf hint;

	for (size_t i = 0; def->choices[i]; i++) {
		if (strcasecmp(in, def->choices[i]) != 0)
			continue;
		*ret = qf_xstrdup(def->choices[i]);
		return true;
	}
	qf_buf_init(&hint);
	for (size_t i = 0; def->choices[i]; i++)
		qf_buf_printf(&hint, "%s%s", i ? ", " : "Available values: ", def->choices[i]);
	qf_buf_add_str(&hint, ".");
	invalid_hint(def, in, qf_buf_cstr(&hint), reterr);
	qf_buf_fini(&hint);
	return false;
}

/* SQL_ASCII means "no conversion", which is what UTF-8 clients in a C locale ask for. */
bool pg_check_encoding(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	char plain[16];
	size_t n = 0;

	for (const char *p = in; *p && n < sizeof(plain) - 1; p++)
		if (isalnum((unsigned char)*p))
			plain[n++] = (char)tolower((unsigned char)*p);
	plain[n] = 0;
	if (strcmp(plain, "utf8") == 0 || strcmp(plain, "unicode") == 0) {
		*ret = qf_xstrdup("UTF8");
		return true;
	}
	if (strcmp(plain, "sqlascii") == 0) {
		*ret = qf_xstrdup("SQL_ASCII");
		return true;
	}
	return invalid_hint(def, in, "Only UTF8 is supported.", reterr);
}

static const char *date_order(struct qf_slice word)
{
	static const char *const names[][2] = { { "mdy", "MDY" }, { "us", "MDY" }, { "noneuropean", "MDY" },
		{ "dmy", "DMY" }, { "euro", "DMY" }, { "european", "DMY" }, { "ymd", "YMD" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (qf_slice_caseeq_str(word, names[i][0]))
			return names[i][1];
	return NULL;
}

/* The next word of a comma-separated value, without white space and quotes around it; false at the end. */
static bool next_word(const char **at, struct qf_slice *ret)
{
	const char *p = *at;

	if (!p)
		return false;
	size_t n = strcspn(p, ",");

	*at = p[n] ? p + n + 1 : NULL;
	while (n > 0 && (*p == ' ' || *p == '"')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '"'))
		n--;
	*ret = qf_slice(p, n);
	return true;
}

bool pg_check_datestyle(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	const char *order = "MDY";
	const char *at = in;
	struct qf_slice word;

	while (next_word(&at, &word)) {
		const char *o = date_order(word);

		if (o)
			order = o;
		else if (!qf_slice_caseeq_str(word, "iso") && !qf_slice_caseeq_str(word, "default"))
			return invalid_hint(def, in, "Only the ISO style is supported.", reterr);
	}
	*ret = qf_xasprintf("ISO, %s", order);
	return true;
}

bool pg_check_timezone(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	struct qf_tz *tz;
	struct qf_err err;

	if (qf_tz_open(&tz, in, &err) < 0)
		return invalid(def, in, reterr);
	*ret = qf_xstrdup(qf_tz_name(tz));
	qf_tz_free(tz);
	return true;
}

bool pg_check_dialect(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	enum qf_dialect d = qf_dialect_find(qf_slice_str(in));
	char hint[256];

	if (d != QF_DIALECT_NONE) {
		*ret = qf_xstrdup(qf_dialect_name(d));
		return true;
	}
	const char *near = qf_nearest(in, qf_dialect_names());

	if (!near)
		return invalid_hint(def, in, "qf-translate --list-dialects lists them.", reterr);
	snprintf(hint, sizeof(hint), "Perhaps you meant \"%s\".", near);
	return invalid_hint(def, in, hint, reterr);
}

bool pg_check_tags(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr)
{
	const char *at = in;
	struct qf_slice word;
	int n = 0;

	while (*in && next_word(&at, &word))
		if (word.n == 0 || word.p[0] == '=' || ++n > MAX_TAGS)
			return invalid_hint(def, in,
				"Write tags as \"team=ads,nightly\": at most 64, each with a key.", reterr);
	*ret = qf_xstrdup(in);
	return true;
}
