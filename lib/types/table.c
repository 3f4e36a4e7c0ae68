/*
 * The type table: what each Arrow type is for a PostgreSQL client, and the writers of its text.
 *
 * The first column is DuckDB's name for it, the next ones are what DuckDB 1.5.6 exports with
 * arrow_lossless_conversion = true and arrow_output_version 1.0. Widenings, where PostgreSQL has no equal type:
 *
 *   TINYINT, UTINYINT → int2; USMALLINT → int4; UINTEGER → int8; UBIGINT, HUGEINT, UHUGEINT, BIGNUM → numeric
 *   TIMESTAMP_S, TIMESTAMP_MS → timestamp
 *   TIMESTAMP_NS, TIME_NS → text with up to nine digits, since PostgreSQL's own types end at the microsecond
 *   ENUM → text; the engine adapter sends it as plain text, a dictionary is refused
 *   GEOMETRY → bytea holding WKB
 *   LIST and ARRAY of scalars → the array type of the element; an ARRAY keeps no length
 *   STRUCT, UNION, MAP, and LIST or ARRAY of any of them or of lists → json: numbers exact, NaN and infinities
 *     as strings, BLOB as "\\x…", timestamps ISO 8601; a STRUCT without names has f1, f2, …; a UNION is
 *     {"tag":value}; a MAP with text keys is an object, any other a list of {"key":…,"value":…}
 *   "NULL" (untyped) → text
 *
 * Refused with the column's name: what is not here (DuckDB itself refuses to export VARIANT). Refused with the value:
 * text with a zero byte, an interval finer than a microsecond, a BIGNUM of more than 16384 digits.
 * A UNION that is NULL and one that holds a NULL are the same in Arrow: both are NULL.
 */
#include <stdio.h>

#include "col.h"

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_JSON_ARRAY = 199,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_BOOL_ARRAY = 1000,
	OID_BYTEA_ARRAY = 1001,
	OID_INT2_ARRAY = 1005,
	OID_INT4_ARRAY = 1007,
	OID_TEXT_ARRAY = 1009,
	OID_INT8_ARRAY = 1016,
	OID_FLOAT4_ARRAY = 1021,
	OID_FLOAT8_ARRAY = 1022,
	OID_DATE = 1082,
	OID_TIME = 1083,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMP_ARRAY = 1115,
	OID_DATE_ARRAY = 1182,
	OID_TIME_ARRAY = 1183,
	OID_TIMESTAMPTZ = 1184,
	OID_TIMESTAMPTZ_ARRAY = 1185,
	OID_INTERVAL = 1186,
	OID_INTERVAL_ARRAY = 1187,
	OID_NUMERIC_ARRAY = 1231,
	OID_TIMETZ = 1266,
	OID_TIMETZ_ARRAY = 1270,
	OID_VARBIT = 1562,
	OID_VARBIT_ARRAY = 1563,
	OID_NUMERIC = 1700,
	OID_UUID = 2950,
	OID_UUID_ARRAY = 2951,
};

/* unit, zoned, extension, opaque */
#define PLAIN -1, false, NULL, NULL
#define EXT(name) -1, false, name, NULL
#define DUCK(name) -1, false, NULL, name
#define UNIT(u) NANOARROW_TIME_UNIT_##u, false, NULL, NULL
#define ZONED(u) NANOARROW_TIME_UNIT_##u, true, NULL, NULL
#define ARROW(t) NANOARROW_TYPE_##t
#define OIDS(t) OID_##t, OID_##t##_ARRAY

/* clang-format off */
static const struct qf_vtype vtypes[] = {
/*	  DuckDB	  Arrow			   unit, extension	PostgreSQL	   len  quoted text		   JSON */
	{ "BOOLEAN",	  ARROW(INT8),		   EXT("arrow.bool8"),	OIDS(BOOL),	    1, false, qf_pg_bool8,	   qf_json_bool8 },
	{ "BOOLEAN",	  ARROW(BOOL),		   PLAIN,		OIDS(BOOL),	    1, false, qf_pg_bool1,	   qf_json_bool1 },
	{ "TINYINT",	  ARROW(INT8),		   PLAIN,		OIDS(INT2),	    2, false, qf_pg_i8,	   qf_pg_i8 },
	{ "SMALLINT",	  ARROW(INT16),		   PLAIN,		OIDS(INT2),	    2, false, qf_pg_i16,	   qf_pg_i16 },
	{ "INTEGER",	  ARROW(INT32),		   PLAIN,		OIDS(INT4),	    4, false, qf_pg_i32,	   qf_pg_i32 },
	{ "BIGINT",	  ARROW(INT64),		   PLAIN,		OIDS(INT8),	    8, false, qf_pg_i64,	   qf_pg_i64 },
	{ "HUGEINT",	  ARROW(FIXED_SIZE_BINARY), DUCK("hugeint"),	OIDS(NUMERIC),	   -1, false, qf_pg_hugeint,	   qf_pg_hugeint },
	{ "UTINYINT",	  ARROW(UINT8),		   PLAIN,		OIDS(INT2),	    2, false, qf_pg_u8,	   qf_pg_u8 },
	{ "USMALLINT",	  ARROW(UINT16),	   PLAIN,		OIDS(INT4),	    4, false, qf_pg_u16,	   qf_pg_u16 },
	{ "UINTEGER",	  ARROW(UINT32),	   PLAIN,		OIDS(INT8),	    8, false, qf_pg_u32,	   qf_pg_u32 },
	{ "UBIGINT",	  ARROW(UINT64),	   PLAIN,		OIDS(NUMERIC),	   -1, false, qf_pg_u64,	   qf_pg_u64 },
	{ "UHUGEINT",	  ARROW(FIXED_SIZE_BINARY), DUCK("uhugeint"),	OIDS(NUMERIC),	   -1, false, qf_pg_uhugeint,	   qf_pg_uhugeint },
	{ "BIGNUM",	  ARROW(BINARY),	   DUCK("bignum"),	OIDS(NUMERIC),	   -1, false, qf_pg_bignum,	   qf_pg_bignum },
	{ "DECIMAL",	  ARROW(DECIMAL128),	   PLAIN,		OIDS(NUMERIC),	   -1, false, qf_pg_decimal,	   qf_pg_decimal },
	{ "DECIMAL",	  ARROW(DECIMAL64),	   PLAIN,		OIDS(NUMERIC),	   -1, false, qf_pg_decimal,	   qf_pg_decimal },
	{ "DECIMAL",	  ARROW(DECIMAL32),	   PLAIN,		OIDS(NUMERIC),	   -1, false, qf_pg_decimal,	   qf_pg_decimal },
	{ "FLOAT",	  ARROW(FLOAT),		   PLAIN,		OIDS(FLOAT4),	    4, false, qf_pg_float4,	   qf_json_float4 },
	{ "DOUBLE",	  ARROW(DOUBLE),	   PLAIN,		OIDS(FLOAT8),	    8, false, qf_pg_float8,	   qf_json_float8 },
	{ "VARCHAR",	  ARROW(STRING),	   PLAIN,		OIDS(TEXT),	   -1, true,  qf_pg_text,	   qf_json_text },
	{ "VARCHAR",	  ARROW(LARGE_STRING),	   PLAIN,		OIDS(TEXT),	   -1, true,  qf_pg_text,	   qf_json_text },
	{ "JSON",	  ARROW(STRING),	   EXT("arrow.json"),	OIDS(JSON),	   -1, true,  qf_pg_text,	   qf_json_json },
	{ "JSON",	  ARROW(LARGE_STRING),	   EXT("arrow.json"),	OIDS(JSON),	   -1, true,  qf_pg_text,	   qf_json_json },
	{ "BLOB",	  ARROW(BINARY),	   PLAIN,		OIDS(BYTEA),	   -1, true,  qf_pg_bytea,	   qf_json_bytea },
	{ "BLOB",	  ARROW(LARGE_BINARY),	   PLAIN,		OIDS(BYTEA),	   -1, true,  qf_pg_bytea,	   qf_json_bytea },
	{ "BLOB",	  ARROW(FIXED_SIZE_BINARY), PLAIN,		OIDS(BYTEA),	   -1, true,  qf_pg_bytea,	   qf_json_bytea },
	{ "GEOMETRY",	  ARROW(BINARY),	   EXT("geoarrow.wkb"),	OIDS(BYTEA),	   -1, true,  qf_pg_bytea,	   qf_json_bytea },
	{ "BIT",	  ARROW(BINARY),	   DUCK("bit"),		OIDS(VARBIT),	   -1, true,  qf_pg_bit,	   qf_json_quoted },
	{ "UUID",	  ARROW(FIXED_SIZE_BINARY), EXT("arrow.uuid"),	OIDS(UUID),	   16, false, qf_pg_uuid,	   qf_json_quoted },
	{ "DATE",	  ARROW(DATE32),	   PLAIN,		OIDS(DATE),	    4, true,  qf_pg_date,	   qf_json_quoted },
	{ "TIME",	  ARROW(TIME64),	   UNIT(MICRO),		OIDS(TIME),	    8, false, qf_pg_time,	   qf_json_quoted },
	{ "TIME",	  ARROW(TIME32),	   UNIT(MILLI),		OIDS(TIME),	    8, false, qf_pg_time,	   qf_json_quoted },
	{ "TIME",	  ARROW(TIME32),	   UNIT(SECOND),	OIDS(TIME),	    8, false, qf_pg_time,	   qf_json_quoted },
	{ "TIME_NS",	  ARROW(TIME64),	   UNIT(NANO),		OIDS(TEXT),	   -1, false, qf_pg_time,	   qf_json_quoted },
	{ "TIMETZ",	  ARROW(FIXED_SIZE_BINARY), DUCK("time_tz"),	OIDS(TIMETZ),	   12, false, qf_pg_timetz,	   qf_json_quoted },
	{ "TIMESTAMP_S",  ARROW(TIMESTAMP),	   UNIT(SECOND),	OIDS(TIMESTAMP),    8, true,  qf_pg_timestamp,	   qf_json_timestamp },
	{ "TIMESTAMP_MS", ARROW(TIMESTAMP),	   UNIT(MILLI),		OIDS(TIMESTAMP),    8, true,  qf_pg_timestamp,	   qf_json_timestamp },
	{ "TIMESTAMP",	  ARROW(TIMESTAMP),	   UNIT(MICRO),		OIDS(TIMESTAMP),    8, true,  qf_pg_timestamp,	   qf_json_timestamp },
	{ "TIMESTAMP_NS", ARROW(TIMESTAMP),	   UNIT(NANO),		OIDS(TEXT),	   -1, true,  qf_pg_timestamp,	   qf_json_timestamp },
	{ "TIMESTAMPTZ",  ARROW(TIMESTAMP),	   ZONED(SECOND),	OIDS(TIMESTAMPTZ),  8, true,  qf_pg_timestamptz,   qf_json_timestamptz },
	{ "TIMESTAMPTZ",  ARROW(TIMESTAMP),	   ZONED(MILLI),	OIDS(TIMESTAMPTZ),  8, true,  qf_pg_timestamptz,   qf_json_timestamptz },
	{ "TIMESTAMPTZ",  ARROW(TIMESTAMP),	   ZONED(MICRO),	OIDS(TIMESTAMPTZ),  8, true,  qf_pg_timestamptz,   qf_json_timestamptz },
	{ "TIMESTAMPTZ",  ARROW(TIMESTAMP),	   ZONED(NANO),		OIDS(TEXT),	   -1, true,  qf_pg_timestamptz,   qf_json_timestamptz },
	{ "INTERVAL",	  ARROW(INTERVAL_MONTH_DAY_NANO), PLAIN,	OIDS(INTERVAL),	   16, true,  qf_pg_interval,	   qf_json_quoted },
	{ "NULL",	  ARROW(NA),		   PLAIN,		OIDS(TEXT),	   -1, false, qf_pg_text,	   qf_json_text },
	/* An element type without an array type of its own makes the list json: see qf_col_init(). */
	{ "LIST",	  ARROW(LIST),		   PLAIN,		OID_JSON, 0,	   -1, true,  qf_pg_array,	   qf_json_list },
	{ "LIST",	  ARROW(LARGE_LIST),	   PLAIN,		OID_JSON, 0,	   -1, true,  qf_pg_array,	   qf_json_list },
	{ "ARRAY",	  ARROW(FIXED_SIZE_LIST),  PLAIN,		OID_JSON, 0,	   -1, true,  qf_pg_array,	   qf_json_list },
	{ "STRUCT",	  ARROW(STRUCT),	   PLAIN,		OID_JSON, 0,	   -1, true,  qf_json_struct,	   qf_json_struct },
	{ "MAP",	  ARROW(MAP),		   PLAIN,		OID_JSON, 0,	   -1, true,  qf_json_map,	   qf_json_map },
	{ "UNION",	  ARROW(SPARSE_UNION),	   PLAIN,		OID_JSON, 0,	   -1, true,  qf_json_union,	   qf_json_union },
};
/* clang-format on */

static bool view_is(struct ArrowStringView v, const char *text)
{
	return (size_t)v.size_bytes == strlen(text) && memcmp(v.data, text, strlen(text)) == 0;
}

static bool is_opaque(const struct ArrowSchemaView *view)
{
	return view_is(view->extension_name, "arrow.opaque");
}

/* The whole metadata is compared: it is DuckDB's own and has one form. */
static bool opaque_is(const struct ArrowSchemaView *view, const char *type_name)
{
	char text[96];

	snprintf(text, sizeof(text), "{\"type_name\":\"%s\",\"vendor_name\":\"DuckDB\"}", type_name);
	return is_opaque(view) && view_is(view->extension_metadata, text);
}

static bool has_unit(enum ArrowType t)
{
	return t == NANOARROW_TYPE_TIME32 || t == NANOARROW_TYPE_TIME64 || t == NANOARROW_TYPE_TIMESTAMP;
}

static bool storage_matches(const struct qf_vtype *t, const struct ArrowSchemaView *view)
{
	if (t->arrow != view->type)
		return false;
	if (!has_unit(view->type))
		return true;
	bool zoned = view->type == NANOARROW_TYPE_TIMESTAMP && *view->timezone;

	return t->unit == (int)view->time_unit && t->zoned == zoned;
}

/* An extension that is not known leaves its storage type, as Arrow wants it; an opaque one says nothing then. */
const struct qf_vtype *qf_vtype_find(const struct ArrowSchemaView *view)
{
	const struct qf_vtype *plain = NULL;

	for (size_t i = 0; i < sizeof(vtypes) / sizeof(vtypes[0]); i++) {
		const struct qf_vtype *t = &vtypes[i];

		if (!storage_matches(t, view))
			continue;
		if (t->opaque ? opaque_is(view, t->opaque) : t->extension && view_is(view->extension_name, t->extension))
			return t;
		if (!t->opaque && !t->extension)
			plain = t;
	}
	return is_opaque(view) ? NULL : plain;
}
