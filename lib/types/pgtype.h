/*
 * PostgreSQL's types by oid: what they are called, and the readers of their values. The other direction is the type
 * table (table.c), whose types are a part of these.
 *
 * A reader sees one value that is not NULL. Text has been found to be UTF-8 without zero bytes before; binary has been
 * looked at by nobody. Sums of what a value makes in memory are held to a budget, because few bytes can stand for much
 * (1e100000). Private to lib/types.
 */
#ifndef QF_TYPES_PGTYPE_H
#define QF_TYPES_PGTYPE_H

#include "oid.h"
#include "qf/types.h"

enum {
	QF_READ_BUDGET = 256 << 20,    /* of one value */
	QF_READ_MAX_ITEMS = 2 << 20, /* of one array */
	QF_READ_MAX_DIMENSIONS = 6,  /* PostgreSQL's MAXDIM */
	QF_DAYS_TO_2000 = 10957,     /* from 1970-01-01: PostgreSQL's days and microseconds count from there */
};

struct qf_read {
	const struct qf_pgtype *type;
	const struct qf_tz *tz; /* of the session; NULL = UTC */
	struct qf_arena *a;
	size_t budget; /* bytes left */
	char *sqlstate;
	struct qf_err *err;
};

typedef int qf_read_fn(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret);

struct qf_pgtype {
	uint32_t oid, array_oid; /* 0: has none */
	const char *name, *array_name;
	const char *said; /* what its input function calls it */
	qf_read_fn *text, *binary;
};

/* The type, or the type of the array's elements; NULL when it is not known. */
const struct qf_pgtype *qf_pgtype_find(uint32_t oid, bool *ret_array);
/* One value of ctx->type, or an array of them; text is checked for UTF-8 before. */
int qf_pgtype_read(struct qf_read *ctx, bool array, bool binary, struct qf_slice v, struct qf_datum *ret) qf_must_check;

/* Each says what is wrong and returns the code: QF_EMALFORMED, of class 0A QF_EUNSUPPORTED, of 54 QF_ELIMIT. */
int qf_read_fail(struct qf_read *ctx, const char *sqlstate, const char *fmt, ...) qf_printf(3, 4);
/* invalid input syntax for type …: "…" */
int qf_read_syntax(struct qf_read *ctx, const char *sqlstate, struct qf_slice v);
/* PostgreSQL's words for a binary value of another length than its type has. */
int qf_read_length(struct qf_read *ctx, bool cut); /* cut: too short, else too long */
/* PostgreSQL's text: UTF-8 without a zero byte. */
int qf_read_check_utf8(struct qf_read *ctx, struct qf_slice v) qf_must_check;
/* Memory of the value's; NULL is an error that has been told. */
void *qf_read_alloc(struct qf_read *ctx, size_t n) qf_must_check;
/* A NUL-terminated copy for strtod() and the like; NULL as above. */
char *qf_read_cstr_of(struct qf_read *ctx, struct qf_slice v) qf_must_check;

/* For "%.*s": as much of a value as an error shows. */
#define QF_SHOW(v) (int)qf_read_shown(v), (const char *)(v).p
size_t qf_read_shown(struct qf_slice v);

static inline bool qf_is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool qf_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Without white space at both ends. */
struct qf_slice qf_read_trim(struct qf_slice v);

/* readnumber.c, readnumeric.c */
qf_read_fn qf_read_bool_text, qf_read_bool, qf_read_int2_text, qf_read_int2, qf_read_int4_text, qf_read_int4,
	qf_read_int8_text, qf_read_int8, qf_read_oid_text, qf_read_oid, qf_read_float4_text, qf_read_float4,
	qf_read_float8_text, qf_read_float8, qf_read_numeric_text, qf_read_numeric;
/* readbytes.c */
qf_read_fn qf_read_text, qf_read_text_binary, qf_read_json, qf_read_json_binary, qf_read_jsonb_binary,
	qf_read_bytea_text, qf_read_bytea, qf_read_uuid_text, qf_read_uuid, qf_read_bit_text, qf_read_bit;
/* readtime.c, readinterval.c */
qf_read_fn qf_read_date_text, qf_read_date, qf_read_time_text, qf_read_time, qf_read_timetz_text, qf_read_timetz,
	qf_read_timestamp_text, qf_read_timestamp, qf_read_timestamptz_text, qf_read_timestamptz,
	qf_read_interval_text, qf_read_interval;
/* readarray.c: ctx->type is the element's. */
qf_read_fn qf_read_array_text, qf_read_array;

#endif
