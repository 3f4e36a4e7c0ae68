/*
 * Which functions change nothing, by dialect: sorted tables of names and their lookup, for lib/sql only.
 * Constant data; any thread. The tables were made once from the engines' own catalogs; a name that is
 * missing costs a resubmission after a crash, a wrong one may run a write twice: when in doubt, leave it out.
 */
#ifndef QF_SQL_FUNCTIONS_H
#define QF_SQL_FUNCTIONS_H

#include "qf/sql.h"

struct qf_names {
	const char *const *v;
	size_t n;
};

#define QF_NAMES(v) (sizeof(v) / sizeof((v)[0]))

extern const struct qf_names qf_functions_common, qf_functions_writers, qf_functions_volatile, qf_functions_other;
extern const struct qf_names qf_functions_postgres, qf_functions_duckdb, qf_functions_trino, qf_functions_mysql;
extern const struct qf_names qf_functions_starrocks, qf_functions_clickhouse, qf_functions_spark;

bool qf_names_have(const struct qf_names *names, const char *name);

/* What a call of the function does; name is lower case. */
enum qf_access qf_function_access(enum qf_dialect d, const char *name);
/* It may answer otherwise when it is called again. */
bool qf_function_volatile(const char *name);
/* Does the schema (lower case) hold the engine's own functions? */
bool qf_function_schema(enum qf_dialect d, const char *schema);

#endif
