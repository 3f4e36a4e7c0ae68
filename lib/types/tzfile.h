/*
 * Compiled time zones [RFC 8536]: the table of a TZif file. Private to lib/types.
 */
#ifndef QF_TYPES_TZFILE_H
#define QF_TYPES_TZFILE_H

#include "tzrule.h"

struct qf_tz_table {
	size_t n;
	int64_t *at;	   /* when an offset begins */
	int32_t *offset;   /* which one, seconds east */
	int32_t before;	   /* the offset before the first */
	bool has_rule;	   /* for what is beyond the last */
	struct qf_tz_rule rule;
};

/* Reads the bytes of a TZif file of version 1 to 4. Leap seconds are refused, as PostgreSQL does. */
int qf_tz_table_parse(struct qf_tz_table *ret, struct qf_slice file, struct qf_err *reterr) qf_must_check;
void qf_tz_table_fini(struct qf_tz_table *t);
int32_t qf_tz_table_offset(const struct qf_tz_table *t, int64_t unix_seconds);

#endif
