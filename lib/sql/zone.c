/* SET TIME ZONE with a number or an interval: PostgreSQL writes it as a POSIX zone, "<+05:30>-05:30". */
#include <stdlib.h>
#include <string.h>

#include "setting.h"

enum { ZONE_MAX = 168 * 3600 }; /* a week; what is more is no offset from UTC */

static const char *zone_name(long seconds, struct qf_arena *a)
{
	long s = labs(seconds);
	char east = seconds < 0 ? '-' : '+', west = seconds < 0 ? '+' : '-';
	char text[24];

	if (s >= ZONE_MAX)
		return NULL;
	if (s % 60)
		snprintf(text, sizeof(text), "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else if (s % 3600)
		snprintf(text, sizeof(text), "%02ld:%02ld", s / 3600, s / 60 % 60);
	else
		snprintf(text, sizeof(text), "%02ld", s / 3600);
	return qf_arena_printf(a, "<%c%s>%c%s", east, text, west, text);
}

/* Hours with a fraction: 5.5 is 05:30. */
const char *qf_zone_number(struct qf_slice number, bool negative, struct qf_arena *a)
{
	char text[32], *end;
	double hours;

	if (number.n >= sizeof(text))
		return NULL;
	memcpy(text, number.p, number.n);
	text[number.n] = 0;
	hours = strtod(text, &end);
	if (*end || hours >= ZONE_MAX / 3600)
		return NULL;
	long seconds = (long)(hours * 3600 + 0.5);
	return zone_name(negative ? -seconds : seconds, a);
}

/* '+02:00', '-5', '5:30': hours and minutes, as HOUR TO MINUTE takes them. */
const char *qf_zone_interval(const char *text, struct qf_arena *a)
{
	long hours, minutes = 0;
	bool negative = *text == '-';
	char *end;

	if (*text == '-' || *text == '+')
		text++;
	if (*text < '0' || *text > '9' || strlen(text) > 6)
		return NULL;
	hours = strtol(text, &end, 10);
	if (*end == ':' && end[1] >= '0' && end[1] <= '9')
		minutes = strtol(end + 1, &end, 10);
	if (*end || minutes > 59)
		return NULL;
	hours = hours * 3600 + minutes * 60;
	return zone_name(negative ? -hours : hours, a);
}
