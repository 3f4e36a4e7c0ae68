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
 * text with a zero byte, an interval finer than a microsecond or of over 292 years of time (Arrow counts its
 * nanoseconds in 64 bits), a BIGNUM of more than 16384 digits.
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
#define A(t) NANOARROW_TYPE_##t
#define OIDS(t) OID_##t, OID_##t##_ARRAY
/* Writers: JSON has the same text, the same in quotes, or a form of its own */
#define BARE(t) qf_pg_##t, qf_pg_##t
#define QUOTED(t) qf_pg_##t, qf_json_quoted
#define OWN(t) qf_pg_##t, qf_json_##t
#define JSON(t) qf_json_##t, qf_json_##t
#define ARRAY qf_pg_array, qf_json_list
#define DOCUMENT qf_pg_text, qf_json_json

/* clang-format off */
static const struct qf_vtype vtypes[] = {
	/* DuckDB, Arrow and its unit or extension; PostgreSQL: type, its array, length, quotes in arrays; writers */
	{ "BOOLEAN",      A(INT8),               EXT("arrow.bool8"),  OIDS(BOOL),         1, false, OWN(bool8) },
	{ "BOOLEAN",      A(BOOL),               PLAIN,               OIDS(BOOL),         1, false, OWN(bool1) },
	{ "TINYINT",      A(INT8),               PLAIN,               OIDS(INT2),         2, false, BARE(i8) },
	{ "SMALLINT",     A(INT16),              PLAIN,               OIDS(INT2),         2, false, BARE(i16) },
	{ "INTEGER",      A(INT32),              PLAIN,               OIDS(INT4),         4, false, BARE(i32) },
	{ "BIGINT",       A(INT64),              PLAIN,               OIDS(INT8),         8, false, BARE(i64) },
	{ "HUGEINT",      A(FIXED_SIZE_BINARY),  DUCK("hugeint"),     OIDS(NUMERIC),     -1, false, BARE(hugeint) },
	{ "UTINYINT",     A(UINT8),              PLAIN,               OIDS(INT2),         2, false, BARE(u8) },
	{ "USMALLINT",    A(UINT16),             PLAIN,               OIDS(INT4),         4, false, BARE(u16) },
	{ "UINTEGER",     A(UINT32),             PLAIN,               OIDS(INT8),         8, false, BARE(u32) },
	{ "UBIGINT",      A(UINT64),             PLAIN,               OIDS(NUMERIC),     -1, false, BARE(u64) },
	{ "UHUGEINT",     A(FIXED_SIZE_BINARY),  DUCK("uhugeint"),    OIDS(NUMERIC),     -1, false, BARE(uhugeint) },
	{ "BIGNUM",       A(BINARY),             DUCK("bignum"),      OIDS(NUMERIC),     -1, false, BARE(bignum) },
	{ "DECIMAL",      A(DECIMAL128),         PLAIN,               OIDS(NUMERIC),     -1, false, BARE(decimal) },
	{ "DECIMAL",      A(DECIMAL64),          PLAIN,               OIDS(NUMERIC),     -1, false, BARE(decimal) },
	{ "DECIMAL",      A(DECIMAL32),          PLAIN,               OIDS(NUMERIC),     -1, false, BARE(decimal) },
	{ "FLOAT",        A(FLOAT),              PLAIN,               OIDS(FLOAT4),       4, false, OWN(float4) },
	{ "DOUBLE",       A(DOUBLE),             PLAIN,               OIDS(FLOAT8),       8, false, OWN(float8) },
	{ "VARCHAR",      A(STRING),             PLAIN,               OIDS(TEXT),        -1, true,  OWN(text) },
	{ "VARCHAR",      A(LARGE_STRING),       PLAIN,               OIDS(TEXT),        -1, true,  OWN(text) },
	{ "JSON",         A(STRING),             EXT("arrow.json"),   OIDS(JSON),        -1, true,  DOCUMENT },
	{ "JSON",         A(LARGE_STRING),       EXT("arrow.json"),   OIDS(JSON),        -1, true,  DOCUMENT },
	{ "BLOB",         A(BINARY),             PLAIN,               OIDS(BYTEA),       -1, true,  OWN(bytea) },
	{ "BLOB",         A(LARGE_BINARY),       PLAIN,               OIDS(BYTEA),       -1, true,  OWN(bytea) },
	{ "BLOB",         A(FIXED_SIZE_BINARY),  PLAIN,               OIDS(BYTEA),       -1, true,  OWN(bytea) },
	{ "GEOMETRY",     A(BINARY),             EXT("geoarrow.wkb"), OIDS(BYTEA),       -1, true,  OWN(bytea) },
	{ "BIT",          A(BINARY),             DUCK("bit"),         OIDS(VARBIT),      -1, true,  QUOTED(bit) },
	{ "UUID",         A(FIXED_SIZE_BINARY),  EXT("arrow.uuid"),   OIDS(UUID),        16, false, QUOTED(uuid) },
	{ "DATE",         A(DATE32),             PLAIN,               OIDS(DATE),         4, true,  QUOTED(date) },
	{ "TIME",         A(TIME64),             UNIT(MICRO),         OIDS(TIME),         8, false, QUOTED(time) },
	{ "TIME",         A(TIME32),             UNIT(MILLI),         OIDS(TIME),         8, false, QUOTED(time) },
	{ "TIME",         A(TIME32),             UNIT(SECOND),        OIDS(TIME),         8, false, QUOTED(time) },
	{ "TIME_NS",      A(TIME64),             UNIT(NANO),          OIDS(TEXT),        -1, false, QUOTED(time) },
	{ "TIMETZ",       A(FIXED_SIZE_BINARY),  DUCK("time_tz"),     OIDS(TIMETZ),      12, false, QUOTED(timetz) },
	{ "TIMESTAMP_S",  A(TIMESTAMP),          UNIT(SECOND),        OIDS(TIMESTAMP),    8, true,  OWN(timestamp) },
	{ "TIMESTAMP_MS", A(TIMESTAMP),          UNIT(MILLI),         OIDS(TIMESTAMP),    8, true,  OWN(timestamp) },
	{ "TIMESTAMP",    A(TIMESTAMP),          UNIT(MICRO),         OIDS(TIMESTAMP),    8, true,  OWN(timestamp) },
	{ "TIMESTAMP_NS", A(TIMESTAMP),          UNIT(NANO),          OIDS(TEXT),        -1, true,  OWN(timestamp) },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),          ZONED(SECOND),       OIDS(TIMESTAMPTZ),  8, true,  OWN(timestamptz) },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),          ZONED(MILLI),        OIDS(TIMESTAMPTZ),  8, true,  OWN(timestamptz) },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),          ZONED(MICRO),        OIDS(TIMESTAMPTZ),  8, true,  OWN(timestamptz) },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),          ZONED(NANO),         OIDS(TEXT),        -1, true,  OWN(timestamptz) },
	{ "INTERVAL",     A(INTERVAL_MONTH_DAY_NANO), PLAIN,          OIDS(INTERVAL),    16, true,  QUOTED(interval) },
	{ "NULL",         A(NA),                 PLAIN,               OIDS(TEXT),        -1, false, OWN(text) },
	/* An element type without an array type of its own makes the list json: see qf_col_init(). */
	{ "LIST",         A(LIST),               PLAIN,               OID_JSON, 0,       -1, true,  ARRAY },
	{ "LIST",         A(LARGE_LIST),         PLAIN,               OID_JSON, 0,       -1, true,  ARRAY },
	{ "ARRAY",        A(FIXED_SIZE_LIST),    PLAIN,               OID_JSON, 0,       -1, true,  ARRAY },
	{ "STRUCT",       A(STRUCT),             PLAIN,               OID_JSON, 0,       -1, true,  JSON(struct) },
	{ "MAP",          A(MAP),                PLAIN,               OID_JSON, 0,       -1, true,  JSON(map) },
	{ "UNION",        A(SPARSE_UNION),       PLAIN,               OID_JSON, 0,       -1, true,  JSON(union) },
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
		if (t->opaque && opaque_is(view, t->opaque))
			return t;
		if (t->extension && view_is(view->extension_name, t->extension))
			return t;
		if (!t->opaque && !t->extension)
			plain = t;
	}
	return is_opaque(view) ? NULL : plain;
}
