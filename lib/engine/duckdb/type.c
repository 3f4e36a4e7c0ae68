/* See type.h. */
#include "type.h"

#include <string.h>

enum {
	DECIMAL_WIDTH = 18, /* of a numeric whose value is not known, as DuckDB takes NUMERIC */
	DECIMAL_SCALE = 3,
	JSON_OID = 114,
	JSON_ARRAY_OID = 199,
};

/* Of several rows with one oid the first is what its values are by themselves. */
static const struct row {
	duckdb_type id;
	bool json, native;
	const char *sql, *shown; /* shown: in DuckDB's messages, where that differs */
	uint32_t oid, array_oid;
} rows[] = {
	{ DUCKDB_TYPE_BOOLEAN, false, true, "BOOLEAN", NULL, 16, 1000 },
	{ DUCKDB_TYPE_SMALLINT, false, true, "SMALLINT", NULL, 21, 1005 },
	{ DUCKDB_TYPE_INTEGER, false, true, "INTEGER", "INTEGER_LITERAL", 23, 1007 },
	{ DUCKDB_TYPE_BIGINT, false, true, "BIGINT", NULL, 20, 1016 },
	{ DUCKDB_TYPE_FLOAT, false, true, "FLOAT", NULL, 700, 1021 },
	{ DUCKDB_TYPE_DOUBLE, false, true, "DOUBLE", NULL, 701, 1022 },
	{ DUCKDB_TYPE_DECIMAL, false, true, "DECIMAL", NULL, 1700, 1231 },
	{ DUCKDB_TYPE_VARCHAR, false, true, "VARCHAR", "STRING_LITERAL", 25, 1009 },
	{ DUCKDB_TYPE_VARCHAR, true, false, "JSON", NULL, JSON_OID, JSON_ARRAY_OID },
	{ DUCKDB_TYPE_BLOB, false, true, "BLOB", NULL, 17, 1001 },
	{ DUCKDB_TYPE_DATE, false, true, "DATE", NULL, 1082, 1182 },
	{ DUCKDB_TYPE_TIME, false, true, "TIME", NULL, 1083, 1183 },
	{ DUCKDB_TYPE_TIME_TZ, false, true, "TIMETZ", "TIME WITH TIME ZONE", 1266, 1270 },
	{ DUCKDB_TYPE_TIMESTAMP, false, true, "TIMESTAMP", NULL, 1114, 1115 },
	{ DUCKDB_TYPE_TIMESTAMP_TZ, false, true, "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", 1184, 1185 },
	{ DUCKDB_TYPE_INTERVAL, false, true, "INTERVAL", NULL, 1186, 1187 },
	{ DUCKDB_TYPE_UUID, false, true, "UUID", NULL, 2950, 2951 },
	{ DUCKDB_TYPE_BIT, false, false, "BIT", NULL, 1562, 1563 },
	{ DUCKDB_TYPE_TINYINT, false, true, "TINYINT", NULL, 21, 1005 },
	{ DUCKDB_TYPE_UTINYINT, false, true, "UTINYINT", NULL, 21, 1005 },
	{ DUCKDB_TYPE_USMALLINT, false, true, "USMALLINT", NULL, 23, 1007 },
	{ DUCKDB_TYPE_UINTEGER, false, true, "UINTEGER", NULL, 20, 1016 },
	{ DUCKDB_TYPE_UBIGINT, false, true, "UBIGINT", NULL, 1700, 1231 },
	{ DUCKDB_TYPE_HUGEINT, false, true, "HUGEINT", NULL, 1700, 1231 },
	{ DUCKDB_TYPE_UHUGEINT, false, false, "UHUGEINT", NULL, 1700, 1231 },
	{ DUCKDB_TYPE_BIGNUM, false, false, "BIGNUM", NULL, 1700, 1231 },
	{ DUCKDB_TYPE_TIMESTAMP_S, false, true, "TIMESTAMP_S", NULL, 1114, 1115 },
	{ DUCKDB_TYPE_TIMESTAMP_MS, false, true, "TIMESTAMP_MS", NULL, 1114, 1115 },
	{ DUCKDB_TYPE_TIMESTAMP_NS, false, false, "TIMESTAMP_NS", NULL, 25, 1009 },
	{ DUCKDB_TYPE_TIME_NS, false, false, "TIME_NS", NULL, 25, 1009 },
	{ DUCKDB_TYPE_ENUM, false, false, NULL, NULL, 25, 1009 },
	{ DUCKDB_TYPE_GEOMETRY, false, true, NULL, NULL, 17, 1001 },
	{ DUCKDB_TYPE_STRUCT, false, false, NULL, NULL, JSON_OID, 0 },
	{ DUCKDB_TYPE_MAP, false, false, NULL, NULL, JSON_OID, 0 },
	{ DUCKDB_TYPE_UNION, false, false, NULL, NULL, JSON_OID, 0 },
};

/* PostgreSQL's types that have no type of their own in DuckDB, and those whose values have their form. */
static const struct {
	uint32_t oid, as;
} aliases[] = {
	{ 19, 25 },	{ 1042, 25 },	{ 1043, 25 },	{ 26, 20 },	{ 1560, 1562 },	{ 3802, 114 },
	{ 1003, 1009 }, { 1014, 1009 }, { 1015, 1009 }, { 1028, 1016 }, { 1561, 1563 }, { 3807, 199 },
};

static uint32_t plain_oid(uint32_t oid)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (aliases[i].oid == oid)
			return aliases[i].as;
	return oid;
}

static const struct row *row_of(duckdb_type id, bool json)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].id == id && rows[i].json == json)
			return &rows[i];
	return NULL;
}

/* Of a type that came from here. */
static const struct row *row_for(const struct duck_type *t)
{
	const struct row *r = row_of(t->id, t->json);

	qf_assert(r);
	return r;
}

static struct duck_type type_of(const struct row *r, unsigned depth)
{
	struct duck_type t = { .id = r->id, .json = r->json, .depth = (uint8_t)depth };

	if (r->id == DUCKDB_TYPE_DECIMAL) {
		t.width = DECIMAL_WIDTH;
		t.scale = DECIMAL_SCALE;
	}
	return t;
}

bool duck_type_is_open(uint32_t oid)
{
	return oid == 0 || oid == 705; /* unknown */
}

bool duck_type_of_oid(struct duck_type *ret, uint32_t oid)
{
	oid = plain_oid(oid);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!oid || (oid != rows[i].oid && oid != rows[i].array_oid))
			continue;
		*ret = type_of(&rows[i], oid != rows[i].oid);
		return true;
	}
	return false;
}

bool duck_type_alike(uint32_t a, uint32_t b)
{
	return plain_oid(a) == plain_oid(b);
}

static bool is_json(const struct duck_api *api, duckdb_logical_type type)
{
	char *alias = api->logical_type_get_alias(type);
	bool json = alias && strcmp(alias, "JSON") == 0;

	api->free(alias);
	return json;
}

static const struct row *row_of_logical(const struct duck_api *api, duckdb_logical_type type)
{
	duckdb_type id = api->get_type_id(type);

	return row_of(id, id == DUCKDB_TYPE_VARCHAR && is_json(api, type));
}

/* The element type of a list or array, to be destroyed; NULL: it is none. */
static duckdb_logical_type element_of(const struct duck_api *api, duckdb_logical_type type)
{
	switch (api->get_type_id(type)) {
	case DUCKDB_TYPE_LIST:
		return api->list_type_child_type(type);
	case DUCKDB_TYPE_ARRAY:
		return api->array_type_child_type(type);
	default:
		return NULL;
	}
}

uint32_t duck_type_oid(const struct duck_api *api, duckdb_logical_type type)
{
	duckdb_logical_type element = element_of(api, type);
	const struct row *r = row_of_logical(api, element ? element : type);
	bool list = element != NULL;

	if (element)
		api->destroy_logical_type(&element);
	if (!list)
		return r ? r->oid : 0;
	return r && r->array_oid ? r->array_oid : JSON_OID;
}

uint32_t duck_type_oid_of(const struct duck_type *t)
{
	const struct row *r = row_for(t);

	return t->depth ? r->array_oid : r->oid;
}

static void read_decimal(struct duck_type *t, const struct duck_api *api, duckdb_logical_type type)
{
	if (t->id != DUCKDB_TYPE_DECIMAL)
		return;
	t->width = api->decimal_width(type);
	t->scale = api->decimal_scale(type);
}

bool duck_type_of_logical(struct duck_type *ret, const struct duck_api *api, duckdb_logical_type type)
{
	duckdb_logical_type element = element_of(api, type);
	duckdb_logical_type scalar = element ? element : type;
	const struct row *r = row_of_logical(api, scalar);
	bool known = r && r->sql;

	if (known) {
		*ret = type_of(r, element != NULL);
		read_decimal(ret, api, scalar);
	} else if (duck_type_oid(api, type) == JSON_OID) {
		*ret = (struct duck_type){ .id = DUCKDB_TYPE_VARCHAR, .json = true };
		known = true;
	}
	if (element)
		api->destroy_logical_type(&element);
	return known;
}

bool duck_type_is_native(const struct duck_type *t)
{
	return row_for(t)->native;
}

void duck_type_put_sql(struct qf_buf *sql, const struct duck_type *t)
{
	qf_buf_add_str(sql, row_for(t)->sql);
	if (t->id == DUCKDB_TYPE_DECIMAL)
		qf_buf_printf(sql, "(%u,%u)", t->width, t->scale);
	for (unsigned i = 0; i < t->depth; i++)
		qf_buf_add_str(sql, "[]");
}

duckdb_logical_type duck_type_logical(const struct duck_api *api, const struct duck_type *t)
{
	duckdb_logical_type type = t->id == DUCKDB_TYPE_DECIMAL ? api->create_decimal_type(t->width, t->scale) :
								  api->create_logical_type(t->id);

	for (unsigned i = 0; i < t->depth; i++) {
		duckdb_logical_type element = type;

		type = api->create_list_type(element);
		api->destroy_logical_type(&element);
	}
	return type;
}

bool duck_type_of_name(struct duck_type *ret, struct qf_slice name)
{
	unsigned depth = 0;

	if (name.n > 2 && memcmp(name.p + name.n - 2, "[]", 2) == 0) {
		depth = 1;
		name.n -= 2;
	}
	const uint8_t *brackets = name.n ? memchr(name.p, '(', name.n) : NULL;
	struct qf_slice word = brackets ? qf_slice(name.p, (size_t)(brackets - name.p)) : name;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!rows[i].sql || (!qf_slice_eq_str(word, rows[i].sql) &&
					!(rows[i].shown && qf_slice_eq_str(word, rows[i].shown))))
			continue;
		*ret = type_of(&rows[i], depth);
		return true;
	}
	return false;
}
