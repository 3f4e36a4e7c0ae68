/* What look-ups found, in short: see qf/engine.h. */
#include "qf/engine.h"
#include "qf/map.h"

uint64_t qf_engine_columns_hash(struct qf_slice columns)
{
	uint64_t h = columns.n ? qf_hash(columns) : 0;

	return columns.n && !h ? 1 : h;
}
