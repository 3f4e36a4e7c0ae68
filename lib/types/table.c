/*
 * The type table: what each Arrow type is for a client of PostgreSQL or Trino, and the writers of its values.
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
 * Columns of the catalog that the translation makes of DuckDB's own (lib/engine/duckdb/shown.h) say what they are by an
 * extension type: oid, name, "char", varchar, pg_node_tree, int2vector, oidvector.
 *
 * And where Trino has no equal type:
 *
 *   UTINYINT → smallint; USMALLINT → integer; UINTEGER → bigint; UBIGINT → decimal(20,0)
 *   HUGEINT, UHUGEINT → decimal(38,0), which ends one digit earlier: a longer number is refused
 *   BIGNUM → varchar of its digits, BIT → varchar of 0 and 1, ENUM → varchar
 *   TIME, TIMETZ → time(6), TIMESTAMP_S to _NS → timestamp(0), (3), (6), (9); a client without parametric types gets
 *     three digits, rounded, as a Trino server does it
 *   INTERVAL → interval day to second, a day being 24 hours
 *   GEOMETRY → varbinary holding WKB
 *   UNION → row(tag varchar, one field a member): the tag, the member's value, NULL for the others
 *   MAP → map, the keys as strings in the JSON, as Trino itself does
 *
 * The other way, PostgreSQL's rows in Arrow (pgarrow.c), the types are DuckDB's of the same name, and the widenings:
 *
 *   numeric(p,s) of up to 38 digits → DECIMAL; every other numeric (no precision, more digits, a negative scale or one
 *     beyond the precision) → VARCHAR of the number as PostgreSQL prints it, which loses nothing
 *   oid → UINTEGER; "char" and all types that are not in pgtype.c (enums, ranges, composites, inet, …) → VARCHAR of
 *     PostgreSQL's text; varchar(n), char(n), name → VARCHAR, the length is not kept; bit(n) → BIT
 *   json, jsonb → JSON; timetz → DuckDB's TIMETZ with its offset; timestamptz → microseconds in UTC
 *   infinity of a date or timestamp → DuckDB's, the two ends of the integer
 *   an array of one dimension → LIST; what bounds it has besides from 1 on is refused, as are more dimensions, since
 *     the type of a column does not tell how many there will be
 *
 * Refused there with the value: NaN in a numeric(p,s), an interval of over 292 years of time, a timestamp beyond the
 * year 294246.
 *
 * Refused with the column's name: what is not here (DuckDB itself refuses to export VARIANT), for Trino a MAP with
 * nested keys. Refused with the value: an interval finer than a microsecond or of over 292 years of time (Arrow counts
 * its nanoseconds in 64 bits), a BIGNUM of more than 16384 digits; for PostgreSQL text with a zero byte; for Trino
 * infinite dates and timestamps, the time 24:00, a TIMETZ whose offset has seconds or is beyond 14 hours, an interval
 * with months or finer than a millisecond.
 * A UNION that is NULL and one that holds a NULL are the same in Arrow: both are NULL.
 */
#include <stdio.h>

#include "col.h"
#include "oid.h"

/* unit, zoned, extension, opaque */
#define PLAIN -1, false, NULL, NULL
#define EXT(name) -1, false, #name, NULL
#define DUCK(name) -1, false, NULL, #name
#define UNIT(u) NANOARROW_TIME_UNIT_##u, false, NULL, NULL
#define ZONED(u) NANOARROW_TIME_UNIT_##u, true, NULL, NULL
#define A(t) NANOARROW_TYPE_##t
#define FIXED A(FIXED_SIZE_BINARY)
#define FIXED_LIST A(FIXED_SIZE_LIST)
#define MONTHS A(INTERVAL_MONTH_DAY_NANO)
#define PG(t) OID_##t, OID_##t##_ARRAY
#define PG_JSON OID_JSON, 0

/* Writers: PostgreSQL's text and binary, JSON, Trino. JSON has the same text, that in quotes, or a form of its own. */
#define BARE(t) qf_pg_##t, qf_binary_##t, qf_pg_##t, qf_pg_##t
#define DIGITS(t) qf_pg_##t, qf_binary_##t, qf_pg_##t, qf_json_quoted
#define WIDE(t) qf_pg_##t, qf_binary_##t, qf_pg_##t, qf_trino_##t
#define BOOLS(t) qf_pg_##t, qf_binary_##t, qf_json_##t, qf_json_##t
#define REAL(t, bits) qf_pg_##t, qf_binary_##bits, qf_json_##t, qf_trino_##t
#define QUOTED(t) qf_pg_##t, qf_binary_##t, qf_json_quoted, qf_json_quoted
#define TIMES(t) qf_pg_##t, qf_binary_##t, qf_json_quoted, qf_trino_##t
#define TIMES_TEXT(t) qf_pg_##t, qf_pg_##t, qf_json_quoted, qf_trino_##t
#define MOMENT(t) qf_pg_##t, qf_binary_timestamp, qf_json_##t, qf_trino_##t
#define OWN(t) qf_pg_##t, qf_binary_##t, qf_json_##t, qf_trino_##t
#define TEXT(t) qf_pg_##t, qf_pg_##t, qf_json_##t, qf_trino_##t
#define JSON(t, trino) qf_json_##t, qf_json_##t, qf_json_##t, qf_trino_##trino
#define ARRAY qf_pg_array, qf_binary_array, qf_json_list, qf_trino_list
#define DOCUMENT qf_pg_text, qf_pg_text, qf_json_json, qf_trino_text

/* Trino's type: name, arguments, precision */
#define T(name) #name, QF_TRINO_NONE, 0
#define T_NUM(p) "decimal", QF_TRINO_DECIMAL, p
#define T_VARCHAR "varchar", QF_TRINO_VARCHAR, 0
#define T_TIME "time", QF_TRINO_PRECISION, 0
#define T_TIMETZ "time with time zone", QF_TRINO_PRECISION, 6
#define T_TS "timestamp", QF_TRINO_PRECISION, 0
#define T_TSTZ "timestamp with time zone", QF_TRINO_PRECISION, 0
#define T_INTERVAL "interval day to second", QF_TRINO_INTERVAL, 0
#define T_ARRAY "array", QF_TRINO_ARRAY, 0
#define T_MAP "map", QF_TRINO_MAP, 0
#define T_ROW "row", QF_TRINO_ROW, 0
#define T_UNION "row", QF_TRINO_TAGGED, 0

/* clang-format off */
static const struct qf_vtype vtypes[] = {
	/* DuckDB, Arrow, its unit or extension; PostgreSQL: type, its array, length, quotes in arrays; writers; Trino */
	{ "BOOLEAN",      A(INT8),         EXT(arrow.bool8),  PG(BOOL),         1, 0, BOOLS(bool8),        T(boolean) },
	{ "BOOLEAN",      A(BOOL),         PLAIN,             PG(BOOL),         1, 0, BOOLS(bool1),        T(boolean) },
	{ "TINYINT",      A(INT8),         PLAIN,             PG(INT2),         2, 0, BARE(i8),            T(tinyint) },
	{ "SMALLINT",     A(INT16),        PLAIN,             PG(INT2),         2, 0, BARE(i16),           T(smallint) },
	{ "INTEGER",      A(INT32),        PLAIN,             PG(INT4),         4, 0, BARE(i32),           T(integer) },
	{ "BIGINT",       A(INT64),        PLAIN,             PG(INT8),         8, 0, BARE(i64),           T(bigint) },
	{ "oid",          A(INT64),        EXT(queryflux.oid), PG(OID),         4, 0, qf_pg_i64, qf_binary_oid, qf_pg_i64, qf_pg_i64, T(bigint) },
	{ "HUGEINT",      FIXED,           DUCK(hugeint),     PG(NUMERIC),     -1, 0, WIDE(hugeint),       T_NUM(38) },
	{ "UTINYINT",     A(UINT8),        PLAIN,             PG(INT2),         2, 0, BARE(u8),            T(smallint) },
	{ "USMALLINT",    A(UINT16),       PLAIN,             PG(INT4),         4, 0, BARE(u16),           T(integer) },
	{ "UINTEGER",     A(UINT32),       PLAIN,             PG(INT8),         8, 0, BARE(u32),           T(bigint) },
	{ "UBIGINT",      A(UINT64),       PLAIN,             PG(NUMERIC),     -1, 0, DIGITS(u64),         T_NUM(20) },
	{ "UHUGEINT",     FIXED,           DUCK(uhugeint),    PG(NUMERIC),     -1, 0, WIDE(uhugeint),      T_NUM(38) },
	{ "BIGNUM",       A(BINARY),       DUCK(bignum),      PG(NUMERIC),     -1, 0, DIGITS(bignum),      T_VARCHAR },
	{ "DECIMAL",      A(DECIMAL128),   PLAIN,             PG(NUMERIC),     -1, 0, DIGITS(decimal),     T_NUM(0) },
	{ "DECIMAL",      A(DECIMAL64),    PLAIN,             PG(NUMERIC),     -1, 0, DIGITS(decimal),     T_NUM(0) },
	{ "DECIMAL",      A(DECIMAL32),    PLAIN,             PG(NUMERIC),     -1, 0, DIGITS(decimal),     T_NUM(0) },
	{ "FLOAT",        A(FLOAT),        PLAIN,             PG(FLOAT4),       4, 0, REAL(float4, i32),   T(real) },
	{ "DOUBLE",       A(DOUBLE),       PLAIN,             PG(FLOAT8),       8, 0, REAL(float8, i64),   T(double) },
	{ "VARCHAR",      A(STRING),       PLAIN,             PG(TEXT),        -1, 1, TEXT(text),          T_VARCHAR },
	{ "VARCHAR",      A(LARGE_STRING), PLAIN,             PG(TEXT),        -1, 1, TEXT(text),          T_VARCHAR },
	{ "name",         A(STRING),       EXT(queryflux.name), PG(NAME),      64, 1, TEXT(text),          T_VARCHAR },
	{ "char",         A(STRING),       EXT(queryflux.char), PG(CHAR),       1, 1, TEXT(text),          T_VARCHAR },
	{ "varchar",      A(STRING),       EXT(queryflux.varchar), PG(VARCHAR), -1, 1, TEXT(text),         T_VARCHAR },
	{ "pg_node_tree", A(STRING),       EXT(queryflux.pg_node_tree), OID_NODE_TREE, 0, -1, 1, TEXT(text), T_VARCHAR },
	{ "int2vector",   A(STRING),       EXT(queryflux.int2vector), OID_INT2VECTOR, 0, -1, 1, TEXT(text), T_VARCHAR },
	{ "oidvector",    A(STRING),       EXT(queryflux.oidvector), OID_OIDVECTOR, 0, -1, 1, TEXT(text), T_VARCHAR },
	{ "JSON",         A(STRING),       EXT(arrow.json),   PG(JSON),        -1, 1, DOCUMENT,            T(json) },
	{ "JSON",         A(LARGE_STRING), EXT(arrow.json),   PG(JSON),        -1, 1, DOCUMENT,            T(json) },
	{ "BLOB",         A(BINARY),       PLAIN,             PG(BYTEA),       -1, 1, OWN(bytea),          T(varbinary) },
	{ "BLOB",         A(LARGE_BINARY), PLAIN,             PG(BYTEA),       -1, 1, OWN(bytea),          T(varbinary) },
	{ "BLOB",         FIXED,           PLAIN,             PG(BYTEA),       -1, 1, OWN(bytea),          T(varbinary) },
	{ "GEOMETRY",     A(BINARY),       EXT(geoarrow.wkb), PG(BYTEA),       -1, 1, OWN(bytea),          T(varbinary) },
	{ "BIT",          A(BINARY),       DUCK(bit),         PG(VARBIT),      -1, 1, QUOTED(bit),         T_VARCHAR },
	{ "UUID",         FIXED,           EXT(arrow.uuid),   PG(UUID),        16, 0, QUOTED(uuid),        T(uuid) },
	{ "DATE",         A(DATE32),       PLAIN,             PG(DATE),         4, 1, TIMES(date),         T(date) },
	{ "TIME",         A(TIME64),       UNIT(MICRO),       PG(TIME),         8, 0, TIMES(time),         T_TIME },
	{ "TIME",         A(TIME32),       UNIT(MILLI),       PG(TIME),         8, 0, TIMES(time),         T_TIME },
	{ "TIME",         A(TIME32),       UNIT(SECOND),      PG(TIME),         8, 0, TIMES(time),         T_TIME },
	{ "TIME_NS",      A(TIME64),       UNIT(NANO),        PG(TEXT),        -1, 0, TIMES_TEXT(time),    T_TIME },
	{ "TIMETZ",       FIXED,           DUCK(time_tz),     PG(TIMETZ),      12, 0, TIMES(timetz),       T_TIMETZ },
	{ "TIMESTAMP_S",  A(TIMESTAMP),    UNIT(SECOND),      PG(TIMESTAMP),    8, 1, MOMENT(timestamp),   T_TS },
	{ "TIMESTAMP_MS", A(TIMESTAMP),    UNIT(MILLI),       PG(TIMESTAMP),    8, 1, MOMENT(timestamp),   T_TS },
	{ "TIMESTAMP",    A(TIMESTAMP),    UNIT(MICRO),       PG(TIMESTAMP),    8, 1, MOMENT(timestamp),   T_TS },
	{ "TIMESTAMP_NS", A(TIMESTAMP),    UNIT(NANO),        PG(TEXT),        -1, 1, TEXT(timestamp),     T_TS },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),    ZONED(SECOND),     PG(TIMESTAMPTZ),  8, 1, MOMENT(timestamptz), T_TSTZ },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),    ZONED(MILLI),      PG(TIMESTAMPTZ),  8, 1, MOMENT(timestamptz), T_TSTZ },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),    ZONED(MICRO),      PG(TIMESTAMPTZ),  8, 1, MOMENT(timestamptz), T_TSTZ },
	{ "TIMESTAMPTZ",  A(TIMESTAMP),    ZONED(NANO),       PG(TEXT),        -1, 1, TEXT(timestamptz),   T_TSTZ },
	{ "INTERVAL",     MONTHS,          PLAIN,             PG(INTERVAL),    16, 1, TIMES(interval),     T_INTERVAL },
	{ "NULL",         A(NA),           PLAIN,             PG(TEXT),        -1, 0, TEXT(text),          T(unknown) },
	/* An element type without an array type of its own makes the list json: see qf_col_init(). */
	{ "LIST",         A(LIST),         PLAIN,             PG_JSON,         -1, 1, ARRAY,               T_ARRAY },
	{ "LIST",         A(LARGE_LIST),   PLAIN,             PG_JSON,         -1, 1, ARRAY,               T_ARRAY },
	{ "ARRAY",        FIXED_LIST,      PLAIN,             PG_JSON,         -1, 1, ARRAY,               T_ARRAY },
	{ "STRUCT",       A(STRUCT),       PLAIN,             PG_JSON,         -1, 1, JSON(struct, row),   T_ROW },
	{ "MAP",          A(MAP),          PLAIN,             PG_JSON,         -1, 1, JSON(map, map),      T_MAP },
	{ "UNION",        A(SPARSE_UNION), PLAIN,             PG_JSON,         -1, 1, JSON(union, union),  T_UNION },
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
