/* See paramtypes.h. */
#include "paramtypes.h"

#include <stdio.h>
#include <string.h>

#include "qf/str.h"
#include "qf/types.h"

enum { LAST_OID = 9999 }; /* of those that PostgreSQL gives to its types by hand [PG transam.h, FirstGenbkiObjectId] */

static const char *const aliases[][2] = {
	{ "int2", "smallint" },
	{ "int4", "integer" },
	{ "int", "integer" },
	{ "int8", "bigint" },
	{ "float4", "real" },
	{ "float8", "double precision" },
	{ "bool", "boolean" },
	{ "varchar", "character varying" },
	{ "decimal", "numeric" },
	{ "timestamp", "timestamp without time zone" },
	{ "timestamptz", "timestamp with time zone" },
	{ "time", "time without time zone" },
};

/* The name as PostgreSQL writes it, with the brackets of an array. False: too long to be one. */
static bool full_name(char *buf, size_t size, struct qf_slice name)
{
	bool array = name.n > 2 && memcmp(name.p + name.n - 2, "[]", 2) == 0;
	struct qf_slice base = qf_slice(name.p, name.n - (array ? 2 : 0));
	int n;

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (qf_slice_caseeq_str(base, aliases[i][0]))
			base = qf_slice_str(aliases[i][1]);
	n = snprintf(buf, size, "%.*s%s", (int)base.n, (const char *)base.p, array ? "[]" : "");
	return n > 0 && (size_t)n < size;
}

static bool oid_of(struct qf_slice name, uint32_t *ret)
{
	char full[64];
	uint64_t number;

	if (!full_name(full, sizeof(full), name))
		return false;
	if (qf_parse_u64(full, 0, UINT32_MAX, &number) == 0) {
		*ret = (uint32_t)number;
		return true;
	}
	for (uint32_t oid = 1; oid <= LAST_OID; oid++) {
		const char *have = qf_pg_type_name(oid);

		if (have && qf_slice_caseeq_str(qf_slice_str(full), have)) {
			*ret = oid;
			return true;
		}
	}
	return false;
}

const char *paramtypes_read(struct qf_buf *types, const char *list)
{
	uint32_t oid;

	qf_buf_clear(types);
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (!oid_of(qf_slice(p, n), &oid))
			return p;
		qf_buf_u32(types, oid);
		p += n;
		if (!*p)
			return NULL;
	}
}
