#include <string.h>

#include "functions.h"

bool qf_names_have(const struct qf_names *names, const char *name)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, names->v[mid]);
		if (order == 0)
			return true;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

/* A dialect's own list; what is the same engine or was one shares it. */
static const struct qf_names *own_list(enum qf_dialect d)
{
	switch (d) {
	case QF_DIALECT_POSTGRES:
	case QF_DIALECT_REDSHIFT:
		return &qf_functions_postgres;
	case QF_DIALECT_DUCKDB:
		return &qf_functions_duckdb;
	case QF_DIALECT_TRINO:
	case QF_DIALECT_PRESTO:
	case QF_DIALECT_ATHENA:
		return &qf_functions_trino;
	case QF_DIALECT_MYSQL:
	case QF_DIALECT_STARROCKS:
		return &qf_functions_mysql;
	case QF_DIALECT_CLICKHOUSE:
		return &qf_functions_clickhouse;
	case QF_DIALECT_SPARK:
	case QF_DIALECT_DATABRICKS:
	case QF_DIALECT_HIVE:
		return &qf_functions_spark;
	case QF_DIALECT_BIGQUERY:
	case QF_DIALECT_SNOWFLAKE:
	case QF_DIALECT_TSQL:
	case QF_DIALECT_ORACLE:
	case QF_DIALECT_SQLITE:
		return &qf_functions_other;
	case QF_DIALECT_NONE:
	case QF_DIALECT_N:
		break;
	}
	return NULL;
}

/* ClickHouse builds sumIf, uniqArrayIf, avgOrNull … from any aggregate function. */
static bool combined(const char *name)
{
	static const char *const suffixes[] = {
		"argmax", "argmin", "array",	 "distinct", "foreach",	    "if",    "map",   "merge",
		"null",	  "ornull", "ordefault", "resample", "simplestate", "state", "tuple",
	};
	char base[64];
	size_t n = strlen(name);

	if (n >= sizeof(base))
		return false;
	memcpy(base, name, n + 1);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]);) {
		size_t s = strlen(suffixes[i]);
		if (n <= s || strcmp(base + n - s, suffixes[i]) != 0) {
			i++;
			continue;
		}
		base[n -= s] = 0;
		if (qf_names_have(&qf_functions_clickhouse, base) || qf_names_have(&qf_functions_common, base))
			return true;
		i = 0;
	}
	return false;
}

enum qf_access qf_function_access(enum qf_dialect d, const char *name)
{
	const struct qf_names *own = own_list(d);

	if (qf_names_have(&qf_functions_common, name) || (own && qf_names_have(own, name)))
		return QF_ACCESS_READ;
	if (d == QF_DIALECT_STARROCKS && qf_names_have(&qf_functions_starrocks, name))
		return QF_ACCESS_READ;
	if (d == QF_DIALECT_CLICKHOUSE && combined(name))
		return QF_ACCESS_READ;
	return qf_names_have(&qf_functions_writers, name) ? QF_ACCESS_WRITE : QF_ACCESS_UNKNOWN;
}

bool qf_function_volatile(const char *name)
{
	return qf_names_have(&qf_functions_volatile, name);
}

bool qf_function_schema(enum qf_dialect d, const char *schema)
{
	bool catalog = strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "information_schema") == 0;

	if (d == QF_DIALECT_DUCKDB)
		return catalog || strcmp(schema, "main") == 0 || strcmp(schema, "system") == 0;
	/* SAFE.f is f with NULL for an error. */
	if (d == QF_DIALECT_BIGQUERY)
		return strcmp(schema, "safe") == 0;
	return catalog && (d == QF_DIALECT_POSTGRES || d == QF_DIALECT_REDSHIFT);
}
