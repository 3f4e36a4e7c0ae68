/* Time zones and durations as Java writes them. See qf/proto/trino.h. */
#include <string.h>

#include "qf/clock.h"
#include "qf/proto/trino.h"

enum { MAX_ZONE = 64, MAX_OFFSET_HOURS = 14 };

#define MAX_DURATION_NS (1000ull * 86400 * QF_SEC)

/* Behind the sign: h, hh, hhmm, hh:mm, hh:mm:ss; the seconds must be none. Minutes, or -1. */
static int offset_minutes(struct qf_slice s)
{
	unsigned digits[6] = { 0 }, n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ':' && (n == 2 || n == 4) && s.p[i - 1] != ':')
			continue;
		if (s.p[i] < '0' || s.p[i] > '9' || n == 6)
			return -1;
		digits[n++] = s.p[i] - '0';
	}
	if (n == 1)
		return (int)digits[0] * 60;
	if (n == 0 || n % 2 || digits[2] > 5 || digits[4] || digits[5] || s.p[s.n - 1] == ':')
		return -1;
	return (int)((digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]);
}

static bool is_name(struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
			!(s.p[i] >= '0' && s.p[i] <= '9') && (s.p[i] == 0 || !strchr("/_+-", s.p[i])))
			return false;
	return s.n > 0 && s.n <= MAX_ZONE && s.p[0] != '/';
}

static int put_offset(struct qf_slice zone, size_t sign_at, struct qf_buf *out, struct qf_err *err)
{
	int minutes = offset_minutes(qf_slice(zone.p + sign_at + 1, zone.n - sign_at - 1));
	bool east = zone.p[sign_at] == '+';

	if (minutes < 0 || minutes > MAX_OFFSET_HOURS * 60 || (!east && minutes > 12 * 60))
		return qf_err_set(err, -EINVAL, "time zone \"%.*s\" is not supported", (int)zone.n, (const char *)zone.p);
	if (minutes % 60)
		return qf_err_set(err, QF_EUNSUPPORTED, "time zone \"%.*s\" is not of whole hours; use the name of a zone",
			(int)zone.n, (const char *)zone.p);
	if (minutes == 0)
		qf_buf_add_str(out, "UTC");
	else /* POSIX counts west */
		qf_buf_printf(out, "Etc/GMT%c%d", east ? '-' : '+', minutes / 60);
	return 0;
}

int qf_trino_time_zone(struct qf_slice in, struct qf_buf *out, struct qf_err *reterr)
{
	static const char *const prefixes[] = { "UTC", "GMT", "UT", "" };

	if (in.n > MAX_ZONE || in.n == 0)
		return qf_err_set(reterr, -EINVAL, "the time zone has %zu bytes", in.n);
	if (qf_slice_caseeq_str(in, "z") || qf_slice_caseeq_str(in, "utc") || qf_slice_caseeq_str(in, "gmt") ||
		qf_slice_caseeq_str(in, "ut")) {
		qf_buf_add_str(out, "UTC");
		return 0;
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (in.n > n && (in.p[n] == '+' || in.p[n] == '-') && qf_slice_caseeq_str(qf_slice(in.p, n), prefixes[i]))
			return put_offset(in, n, out, reterr);
	}
	if (!is_name(in))
		return qf_err_set(reterr, -EINVAL, "time zone \"%.*s\" is not supported", (int)in.n, (const char *)in.p);
	qf_buf_add_slice(out, in);
	return 0;
}

/* io.airlift.units.Duration: digits with or without a fraction, then the unit. */
bool qf_trino_duration(struct qf_slice in, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", QF_MS }, { "s", QF_SEC }, { "m", 60 * QF_SEC },
		{ "h", 3600 * QF_SEC }, { "d", 86400 * QF_SEC } };
	double value = 0, scale = 0;
	size_t i = 0;

	for (; i < in.n && i < 32; i++) {
		if (in.p[i] == '.' && scale == 0 && i > 0) {
			scale = 1;
			continue;
		}
		if (in.p[i] < '0' || in.p[i] > '9')
			break;
		value = value * 10 + (in.p[i] - '0');
		scale *= 10;
	}
	if (i == 0 || in.p[i - 1] == '.')
		return false;
	while (i < in.n && in.p[i] == ' ')
		i++;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		double ns = value / (scale > 0 ? scale : 1) * (double)units[u].ns;

		if (!qf_slice_eq_str(qf_slice(in.p + i, in.n - i), units[u].name))
			continue;
		if (ns > (double)MAX_DURATION_NS)
			return false;
		*ret_ns = (uint64_t)ns;
		return true;
	}
	return false;
}
