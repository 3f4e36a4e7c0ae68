/* The engine adapters that are built: see qf/engine.h. */
#include <stddef.h>

#include "duckdb/adapter.h"
#include "fake/fake.h"
#include "postgres/adapter.h"
#include "qf/engine.h"

static const struct qf_engine_ops *const adapters[QF_ENGINE_N] = {
	[QF_ENGINE_DUCKDB] = &qf_engine_duckdb,
	[QF_ENGINE_FAKE] = &qf_engine_fake,
	[QF_ENGINE_POSTGRES] = &qf_engine_postgres,
};

const struct qf_engine_ops *qf_engine_find(enum qf_engine_kind kind)
{
	return (unsigned)kind < QF_ENGINE_N ? adapters[kind] : NULL;
}
