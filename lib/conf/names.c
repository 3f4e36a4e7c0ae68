/* Names of frontends, engines and routers, each in one table. */
#include <string.h>

#include "qf/conf.h"

static const struct {
	const char *name, *brief;
	enum qf_dialect dialect;
	bool built;
} frontends[QF_FE_N] = {
	[QF_FE_TRINO] = { "trinoHttp", "trino", QF_DIALECT_TRINO, true },
	[QF_FE_POSTGRES] = { "postgresWire", "postgres", QF_DIALECT_POSTGRES, true },
	[QF_FE_MYSQL] = { "mysqlWire", "mysql", QF_DIALECT_MYSQL, false },
	[QF_FE_FLIGHT] = { "flightSql", "flight", QF_DIALECT_POSTGRES, false },
	[QF_FE_CLICKHOUSE] = { "clickhouseHttp", "clickhouse", QF_DIALECT_CLICKHOUSE, false },
	[QF_FE_REST] = { "restHttp", "rest", QF_DIALECT_POSTGRES, false },
};

static const struct {
	const char *name;
	enum qf_dialect dialect;
	bool built;
} engines[QF_ENGINE_N] = {
	[QF_ENGINE_DUCKDB] = { "duckDb", QF_DIALECT_DUCKDB, true },
	[QF_ENGINE_FAKE] = { "fake", QF_DIALECT_DUCKDB, true },
	[QF_ENGINE_TRINO] = { "trino", QF_DIALECT_TRINO, false },
	[QF_ENGINE_POSTGRES] = { "postgres", QF_DIALECT_POSTGRES, true },
	[QF_ENGINE_MYSQL] = { "mysql", QF_DIALECT_MYSQL, false },
	[QF_ENGINE_STARROCKS] = { "starRocks", QF_DIALECT_STARROCKS, false },
	[QF_ENGINE_CLICKHOUSE] = { "clickHouse", QF_DIALECT_CLICKHOUSE, false },
	[QF_ENGINE_ATHENA] = { "athena", QF_DIALECT_ATHENA, false },
	[QF_ENGINE_ADBC] = { "adbc", QF_DIALECT_NONE, false },
	[QF_ENGINE_DUCKDB_HTTP] = { "duckDbHttp", QF_DIALECT_DUCKDB, false },
};

static const char *const routers[QF_ROUTER_N] = {
	[QF_ROUTER_PROTOCOL] = "protocolBased",
	[QF_ROUTER_HEADER] = "header",
	[QF_ROUTER_USER_GROUP] = "userGroup",
	[QF_ROUTER_REGEX] = "queryRegex",
	[QF_ROUTER_TAGS] = "tags",
	[QF_ROUTER_COMPOUND] = "compound",
	[QF_ROUTER_PYTHON] = "pythonScript",
};

const char *qf_frontend_name(enum qf_frontend fe)
{
	return frontends[fe].name;
}

const char *qf_frontend_short(enum qf_frontend fe)
{
	return frontends[fe].brief;
}

enum qf_dialect qf_frontend_dialect(enum qf_frontend fe)
{
	return frontends[fe].dialect;
}

bool qf_frontend_built(enum qf_frontend fe)
{
	return frontends[fe].built;
}

int qf_frontend_find(const char *name, enum qf_frontend *ret)
{
	for (int i = 0; i < QF_FE_N; i++)
		if (strcmp(name, frontends[i].name) == 0 || strcmp(name, frontends[i].brief) == 0) {
			*ret = (enum qf_frontend)i;
			return 0;
		}
	return QF_ECONFIG;
}

const char *qf_engine_kind_name(enum qf_engine_kind k)
{
	return engines[k].name;
}

enum qf_dialect qf_engine_kind_dialect(enum qf_engine_kind k)
{
	return engines[k].dialect;
}

bool qf_engine_kind_built(enum qf_engine_kind k)
{
	return engines[k].built;
}

const char *qf_router_type_name(enum qf_router_type t)
{
	return routers[t];
}
