#include "lex.h"

/* What many dialects share. */
#define LX_POSTGRES (LX_E_STRING | LX_DOLLAR_TAG | LX_NEST | LX_CR_ENDS | LX_P_NUMBER | LX_PG_OPS)
#define LX_MYSQL                                                                                                     \
	(LX_BACKSLASH | LX_DQ_STRING | LX_BACKTICK | LX_EXEC_COMMENT | LX_HASH | LX_P_QUESTION | LX_AT_WORD |         \
		LX_DIGIT_NAME)
#define LX_TRINO (LX_BACKTICK | LX_DOLLAR_PLAIN | LX_CR_ENDS | LX_P_QUESTION | LX_NO_DOLLAR | LX_DIGIT_NAME)
#define LX_HIVE                                                                                                      \
	(LX_BACKSLASH | LX_DQ_STRING | LX_BACKTICK | LX_CR_ENDS | LX_P_QUESTION | LX_NO_DOLLAR | LX_DIGIT_NAME)
#define LX_SPARK (LX_HIVE | LX_RAW_STRING | LX_NEST | LX_LINE_CONT | LX_P_COLON)
#define LX_CLICKHOUSE                                                                                                \
	(LX_BACKSLASH | LX_BACKTICK | LX_ESCAPED_NAME | LX_DOLLAR_TAG | LX_NEST | LX_HASH_SPACE | LX_SLASHES |        \
		LX_P_BRACE | LX_DIGIT_NAME)
#define LX_SNOWFLAKE                                                                                                 \
	(LX_BACKSLASH | LX_DOLLAR_PLAIN | LX_SLASHES | LX_CR_ENDS | LX_P_QUESTION | LX_P_COLON | LX_AT_WORD)
#define LX_BIGQUERY                                                                                                  \
	(LX_BACKSLASH | LX_DQ_STRING | LX_BACKTICK | LX_ESCAPED_NAME | LX_TRIPLE | LX_HASH | LX_CR_ENDS |             \
		LX_P_QUESTION | LX_P_AT | LX_NO_DOLLAR)
#define LX_SQLITE (LX_BACKTICK | LX_BRACKET | LX_P_NAME | LX_P_QUESTION | LX_P_COLON | LX_P_AT)

struct dialect {
	const char *name;
	unsigned rules;
};

static const struct dialect dialects[QF_DIALECT_N] = {
	[QF_DIALECT_NONE] = { "none", LX_POSTGRES | LX_BACKTICK | LX_P_QUESTION | LX_P_COLON },
	[QF_DIALECT_POSTGRES] = { "postgres", LX_POSTGRES },
	[QF_DIALECT_DUCKDB] = { "duckdb", LX_POSTGRES | LX_P_NAME | LX_P_QUESTION | LX_WIDE_SPACE },
	[QF_DIALECT_TRINO] = { "trino", LX_TRINO },
	[QF_DIALECT_MYSQL] = { "mysql", LX_MYSQL | LX_DASH_SPACE },
	[QF_DIALECT_CLICKHOUSE] = { "clickhouse", LX_CLICKHOUSE },
	[QF_DIALECT_STARROCKS] = { "starrocks", LX_MYSQL | LX_DOLLAR_PLAIN | LX_CR_ENDS },
	[QF_DIALECT_ATHENA] = { "athena", LX_TRINO },
	[QF_DIALECT_SNOWFLAKE] = { "snowflake", LX_SNOWFLAKE },
	[QF_DIALECT_BIGQUERY] = { "bigquery", LX_BIGQUERY },
	[QF_DIALECT_SPARK] = { "spark", LX_SPARK },
	[QF_DIALECT_HIVE] = { "hive", LX_HIVE },
	[QF_DIALECT_PRESTO] = { "presto", LX_TRINO },
	[QF_DIALECT_REDSHIFT] = { "redshift", LX_POSTGRES | LX_BACKSLASH | LX_HASH_WORD },
	[QF_DIALECT_DATABRICKS] = { "databricks", LX_SPARK | LX_DOLLAR_PLAIN },
	[QF_DIALECT_SQLITE] = { "sqlite", LX_SQLITE },
	[QF_DIALECT_TSQL] = { "tsql", LX_BRACKET | LX_NEST | LX_CR_ENDS | LX_P_AT | LX_HASH_WORD },
	[QF_DIALECT_ORACLE] = { "oracle", LX_Q_STRING | LX_CR_ENDS | LX_P_COLON | LX_HASH_WORD },
};

unsigned qf_lex_rules(enum qf_dialect d)
{
	return dialects[d].rules;
}

bool qf_lex_psql_rules(enum qf_dialect d)
{
	return d == QF_DIALECT_POSTGRES || d == QF_DIALECT_REDSHIFT;
}

const char *qf_dialect_name(enum qf_dialect d)
{
	return dialects[d].name;
}

enum qf_dialect qf_dialect_find(struct qf_slice name)
{
	for (int d = QF_DIALECT_NONE + 1; d < QF_DIALECT_N; d++)
		if (qf_slice_caseeq_str(name, dialects[d].name))
			return (enum qf_dialect)d;
	return QF_DIALECT_NONE;
}

const char *const *qf_dialect_names(void)
{
	static const char *const names[] = { "athena",	"bigquery", "clickhouse", "databricks", "duckdb",    "hive",
		"mysql", "oracle", "postgres", "presto", "redshift", "snowflake", "spark", "sqlite", "starrocks",
		"trino", "tsql", NULL };

	return names;
}

bool qf_dialect_same(enum qf_dialect a, enum qf_dialect b)
{
	bool mysql_a = a == QF_DIALECT_MYSQL || a == QF_DIALECT_STARROCKS;
	bool mysql_b = b == QF_DIALECT_MYSQL || b == QF_DIALECT_STARROCKS;

	return a == b || (mysql_a && mysql_b);
}
