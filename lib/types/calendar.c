/*
 * Calendar sums: see calendar.h. Years are counted from 1 March of year 0, so that the leap day is the last of its
 * year: 400 years have 146097 days, and from March on the months' lengths repeat every five (153 days).
 */
#include "calendar.h"

enum {
	CYCLE_DAYS = 146097,
	MARCH_0000 = 719468, /* days from there to 1970-01-01 */
};

struct qf_civil qf_civil_from_days(int64_t since_1970)
{
	int64_t days = since_1970 + MARCH_0000;
	int64_t cycle = qf_floor_div(days, CYCLE_DAYS);
	unsigned in_cycle = (unsigned)(days - cycle * CYCLE_DAYS);
	unsigned year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	unsigned in_year = in_cycle - (365 * year + year / 4 - year / 100);
	unsigned march_month = (5 * in_year + 2) / 153;
	unsigned next_year = march_month >= 10;

	return (struct qf_civil){
		.year = cycle * 400 + year + next_year,
		.month = next_year ? march_month - 9 : march_month + 3,
		.day = in_year - (153 * march_month + 2) / 5 + 1,
	};
}

int64_t qf_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	unsigned march_month = month > 2 ? month - 3 : month + 9;
	int64_t march_year = month > 2 ? year : year - 1;
	int64_t cycle = qf_floor_div(march_year, 400);
	unsigned in_cycle = (unsigned)(march_year - cycle * 400);
	unsigned in_year = (153 * march_month + 2) / 5 + day - 1;

	return cycle * CYCLE_DAYS + 365 * in_cycle + in_cycle / 4 - in_cycle / 100 + in_year - MARCH_0000;
}
