/* A TZif file or a POSIX TZ string: refused, or every instant has an offset of less than a week. */
#include <stdlib.h>

#include "../../lib/types/tzfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t instants[] = { INT64_MIN, -62135596800, -1, 0, 1700000000, 4102444800, 253402300799, INT64_MAX };

static void check(int32_t offset)
{
	qf_assert(abs(offset) <= 169 * 3600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qf_tz_table table;
	struct qf_tz_rule rule;
	struct qf_err err;
	bool is_file = qf_tz_table_parse(&table, qf_slice(data, size), &err) == 0;
	bool is_rule = qf_tz_rule_parse(&rule, qf_slice(data, size));

	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
		if (is_file)
			check(qf_tz_table_offset(&table, instants[i]));
		if (is_rule)
			check(qf_tz_rule_offset(&rule, instants[i]));
	}
	if (is_file)
		qf_tz_table_fini(&table);
	return 0;
}
