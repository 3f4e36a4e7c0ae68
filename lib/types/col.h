/*
 * The compiled form of one column, or of one member of a nested column: what lib/types reads values through.
 *
 * A column is made once, from the schema: the row of the type table and the writers are chosen then, so that a
 * value costs one indirect call and no decision. Loading a batch points it at that batch's buffers, which
 * nanoarrow has validated by then. Columns live in their rowset's arena. Private to lib/types.
 */
#ifndef QF_TYPES_COL_H
#define QF_TYPES_COL_H

#include <endian.h>
#include <string.h>

#include "nanoarrow/nanoarrow.h"
#include "qf/arena.h"
#include "qf/types.h"

struct qf_col;

enum {
	QF_COL_MAX_DEPTH = 40, /* flatcc's verifier ends at 47 */
	QF_COL_MAX_COLUMNS = 32767,	    /* DataRow counts them in 16 bits, and drivers read that as signed */
	QF_COL_MAX_VALUE_BYTES = 256 << 20, /* of one row's text; small nested input can describe a huge one */
};

/* Where a value's text goes. `limit` is the length of `out` that this row must not pass. */
struct qf_sink {
	struct qf_buf *out;
	const struct qf_text_style *style;
	const struct qf_trino_style *trino; /* for Trino's writers only */
	size_t limit;
	struct qf_err *err;
};

/* Appends a form of the value at `row`, which is not NULL. On failure the caller takes back what was appended. */
typedef int qf_write_fn(const struct qf_col *col, uint64_t row, struct qf_sink *s);

/* What Trino writes in brackets behind a type's name. */
enum qf_trino_args {
	QF_TRINO_NONE,
	QF_TRINO_VARCHAR,   /* nothing in the name, but a length in the signature */
	QF_TRINO_INTERVAL,  /* the name in capitals */
	QF_TRINO_DECIMAL,   /* precision and scale */
	QF_TRINO_PRECISION, /* digits of a second, for a client that knows them */
	/* from here on nested: no key of a map */
	QF_TRINO_ARRAY,
	QF_TRINO_MAP,
	QF_TRINO_ROW,
	QF_TRINO_TAGGED, /* a row of a union's tag and all its members */
};

/* One row of the type table (table.c). */
struct qf_vtype {
	const char *name;
	enum ArrowType arrow;
	int unit;	       /* enum ArrowTimeUnit; -1 = has none */
	bool zoned;	       /* a timestamp with a time zone */
	const char *extension; /* NULL = plain */
	const char *opaque;    /* DuckDB's type name inside arrow.opaque; NULL = none */
	uint32_t oid;
	uint32_t array_oid; /* 0: a list of it becomes json */
	int16_t len;
	bool quoted; /* inside a PostgreSQL array its text may need double quotes */
	qf_write_fn *pg, *binary, *json, *trino;
	const char *trino_name;
	enum qf_trino_args trino_args;
	uint32_t trino_digits; /* precision; 0 = as the schema says */
};

struct qf_col {
	qf_write_fn *pg, *binary, *json, *trino;
	const uint8_t *valid; /* one bit a row; NULL = no row is NULL, but see odd_null */
	const uint8_t *data;  /* fixed-size values, bits, offsets or union type ids */
	const uint8_t *var;   /* what the offsets point into; never NULL after a load */
	uint32_t width;	      /* bytes of a fixed-size value; members of a fixed-size list */
	uint32_t scale;	      /* decimal digits behind the point */
	uint32_t precision;   /* of a decimal; of a second's fraction in Trino */
	int64_t ticks;	      /* of a time unit in one second */
	bool wide;	      /* offsets have 64 bits */
	bool odd_null;	      /* NULL is not told by `valid` alone: an untyped NULL, or a union */
	uint32_t n_children;
	struct qf_col *children;
	const struct qf_vtype *type;
	struct qf_slice name, key; /* of a member of a struct or union; key is `"name":` as JSON */
	const struct ArrowArrayView *view;
};

const struct qf_vtype *qf_vtype_find(const struct ArrowSchemaView *view);
int qf_col_init(struct qf_col *col, const struct ArrowSchema *schema, struct qf_arena *mem, struct qf_err *reterr)
	qf_must_check;
uint32_t qf_col_oid(const struct qf_col *col);
int qf_col_bind(struct qf_col *col, const struct ArrowArrayView *view, struct qf_err *reterr) qf_must_check;
bool qf_col_odd_null(const struct qf_col *col, uint64_t row);
const struct qf_col *qf_col_union_member(const struct qf_col *col, uint64_t row);

static inline bool qf_col_is_null(const struct qf_col *col, uint64_t row)
{
	if (col->valid && !(col->valid[row >> 3] >> (row & 7) & 1))
		return true;
	return col->odd_null && qf_col_odd_null(col, row);
}

static inline int64_t qf_col_offset(const struct qf_col *col, uint64_t i)
{
	int32_t narrow;
	int64_t wide;

	if (col->wide) {
		memcpy(&wide, col->data + i * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&narrow, col->data + i * sizeof(narrow), sizeof(narrow));
	return narrow;
}

/* The bytes of a variable-size value. */
static inline struct qf_slice qf_col_bytes(const struct qf_col *col, uint64_t row)
{
	int64_t from = qf_col_offset(col, row), to = qf_col_offset(col, row + 1);

	return (struct qf_slice){ col->var + from, (size_t)(to - from) };
}

/* A decimal of any width (number.c). */
__int128 qf_col_decimal(const struct qf_col *col, uint64_t row);

static inline int32_t qf_col_i32(const struct qf_col *col, uint64_t row)
{
	int32_t v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return v;
}

static inline int64_t qf_col_i64(const struct qf_col *col, uint64_t row)
{
	int64_t v;

	memcpy(&v, col->data + row * sizeof(v), sizeof(v));
	return v;
}

/* Room for n more bytes without a call when there is some. */
static inline uint8_t *qf_sink_room(struct qf_sink *s, size_t n)
{
	struct qf_buf *b = s->out;

	return n <= b->cap - b->n ? b->p + b->n : qf_buf_reserve(b, n);
}

/* Takes over what was written from qf_sink_room() up to `end`. */
static inline void qf_sink_end(struct qf_sink *s, const uint8_t *end)
{
	s->out->n = (size_t)(end - s->out->p);
}

/* Appends big-endian integers [PG 55.7]. */
static inline void qf_sink_u32(struct qf_sink *s, uint32_t v)
{
	uint8_t *p = qf_sink_room(s, sizeof(v));

	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
	s->out->n += sizeof(v);
}

static inline void qf_sink_u64(struct qf_sink *s, uint64_t v)
{
	uint8_t *p = qf_sink_room(s, sizeof(v));

	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
	s->out->n += sizeof(v);
}

/* The row's limit: looked at by every part of a nested value, because few bytes can describe a huge text. */
int qf_sink_check(const struct qf_sink *s) qf_must_check;

/* Appends the length of a value, -1 of NULL, and what `put` writes of it. */
int qf_col_field(const struct qf_col *col, uint64_t row, qf_write_fn *put, struct qf_sink *s) qf_must_check;

/* Writers: bytes.c */
qf_write_fn qf_pg_text, qf_pg_bytea, qf_pg_bit, qf_pg_uuid, qf_json_text, qf_json_bytea, qf_trino_text, qf_trino_bytea,
	qf_binary_bytea, qf_binary_bit, qf_binary_uuid;
/* number.c, bignum.c, real.c */
qf_write_fn qf_pg_bool8, qf_pg_bool1, qf_json_bool8, qf_json_bool1, qf_pg_i8, qf_pg_u8, qf_pg_i16, qf_pg_u16, qf_pg_i32,
	qf_pg_u32, qf_pg_i64, qf_pg_u64, qf_pg_hugeint, qf_pg_uhugeint, qf_pg_decimal, qf_pg_bignum, qf_pg_float4,
	qf_pg_float8, qf_json_float4, qf_json_float8, qf_trino_hugeint, qf_trino_uhugeint, qf_trino_float4,
	qf_trino_float8, qf_binary_bool8, qf_binary_bool1, qf_binary_i8, qf_binary_u8, qf_binary_i16, qf_binary_u16,
	qf_binary_i32, qf_binary_u32, qf_binary_i64, qf_binary_oid;
/* numeric.c */
qf_write_fn qf_binary_u64, qf_binary_hugeint, qf_binary_uhugeint, qf_binary_decimal, qf_binary_bignum;
/* datetime.c, interval.c */
qf_write_fn qf_pg_date, qf_pg_time, qf_pg_timetz, qf_pg_timestamp, qf_pg_timestamptz, qf_json_timestamp,
	qf_json_timestamptz, qf_pg_interval, qf_binary_date, qf_binary_time, qf_binary_timetz, qf_binary_timestamp,
	qf_binary_interval;
/* trinotime.c */
qf_write_fn qf_trino_date, qf_trino_time, qf_trino_timetz, qf_trino_timestamp, qf_trino_timestamptz, qf_trino_interval;
/* nested.c */
qf_write_fn qf_pg_array, qf_binary_array, qf_json_list, qf_json_struct, qf_json_map, qf_json_union, qf_json_quoted,
	qf_trino_list, qf_trino_row, qf_trino_map, qf_trino_union;
/* json.c */
qf_write_fn qf_json_json;

/* A JSON string of s, quotes included; s is well-formed UTF-8. Trino's differs in hex digits: capitals. */
void qf_json_quote(struct qf_buf *b, struct qf_slice s);
void qf_json_quote_upper(struct qf_buf *b, struct qf_slice s);
bool qf_json_valid(struct qf_slice s);

/* One element of a Trino result's "columns" (trinotype.c). */
int qf_col_trino_column(const struct qf_col *col, const char *name, const struct qf_trino_style *st, struct qf_buf *out,
		    struct qf_err *reterr) qf_must_check;
/* Refuses a map's key that no client could read. */
int qf_col_trino_key(const struct qf_col *key, struct qf_err *reterr) qf_must_check;
/* Appends a value, null included. */
int qf_col_trino_value(const struct qf_col *col, uint64_t row, struct qf_sink *s) qf_must_check;

#endif
