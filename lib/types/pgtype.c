/* The table of PostgreSQL's types: see pgtype.h. */
#include "pgtype.h"

#define TYPE(t, name) OID_##t, OID_##t##_ARRAY, name, name "[]"

/* clang-format off */
static const struct qf_pgtype types[] = {
	{ TYPE(BOOL, "boolean") },
	{ TYPE(BYTEA, "bytea") },
	{ TYPE(NAME, "name") },
	{ TYPE(INT8, "bigint") },
	{ TYPE(INT2, "smallint") },
	{ TYPE(INT4, "integer") },
	{ TYPE(TEXT, "text") },
	{ TYPE(OID, "oid") },
	{ TYPE(JSON, "json") },
	{ TYPE(FLOAT4, "real") },
	{ TYPE(FLOAT8, "double precision") },
	{ OID_UNKNOWN, 0, "unknown", NULL },
	{ TYPE(BPCHAR, "character") },
	{ TYPE(VARCHAR, "character varying") },
	{ TYPE(DATE, "date") },
	{ TYPE(TIME, "time without time zone") },
	{ TYPE(TIMESTAMP, "timestamp without time zone") },
	{ TYPE(TIMESTAMPTZ, "timestamp with time zone") },
	{ TYPE(INTERVAL, "interval") },
	{ TYPE(TIMETZ, "time with time zone") },
	{ TYPE(BIT, "bit") },
	{ TYPE(VARBIT, "bit varying") },
	{ TYPE(NUMERIC, "numeric") },
	{ TYPE(UUID, "uuid") },
	{ TYPE(JSONB, "jsonb") },
};
/* clang-format on */

const struct qf_pgtype *qf_pgtype_find(uint32_t oid, bool *ret_array)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct qf_pgtype *t = &types[i];

		if (oid && (oid == t->oid || oid == t->array_oid)) {
			*ret_array = oid != t->oid;
			return t;
		}
	}
	return NULL;
}

bool qf_pg_binary_can(uint32_t oid)
{
	bool array;

	return qf_pgtype_find(oid, &array);
}

const char *qf_pg_type_name(uint32_t oid)
{
	bool array;
	const struct qf_pgtype *t = qf_pgtype_find(oid, &array);

	if (!t)
		return NULL;
	return array ? t->array_name : t->name;
}
