/*
 * Arrow IPC rows → typed values for a client protocol. One table of types: Arrow ↔ PostgreSQL oid, Trino type.
 *
 * A qf_rowset decodes one stream: first a schema message, then record batches (Arrow IPC, encapsulated,
 * metadata version 5, little-endian, no compression, no dictionaries), each one message and nothing more.
 * Everything in a message is hostile until checked: decoding validates buffers before a value is read.
 * A message may start at any address; one that is not 8-byte aligned is copied. A value that cannot be
 * carried exactly is an error or a widening documented in the table (lib/types/table.c), never a silent
 * change. One thread at a time; slices given in are borrowed as said.
 */
#ifndef QF_TYPES_H
#define QF_TYPES_H

#include "qf/arena.h"
#include "qf/buf.h"

#include <stdbool.h>

struct qf_rowset;

struct qf_column {
	const char *name; /* borrowed from the rowset */
	uint32_t pg_oid;
	int16_t pg_len;	 /* typlen: -1 = variable */
	int32_t pg_mod;	 /* atttypmod: numeric(p,s), -1 = none */
};

/*
 * How values are written: the session's TimeZone, bytea_output and extra_float_digits. DateStyle is ISO and
 * IntervalStyle postgres, always: a frontend must not accept others.
 */
struct qf_text_style {
	const struct qf_tz *tz; /* NULL = UTC */
	int extra_float_digits; /* PostgreSQL's; 1 or more = shortest exact */
	bool bytea_escape;	/* bytea_output = escape */
	/* Of a DataRow: 0 text, 1 binary for each column; none: text; one: for all [PG 55.7 Bind]. */
	const uint16_t *formats;
	size_t n_formats;
};

/*
 * Time zones from the system's tzdata ($TZDIR, /usr/share/zoneinfo). Names are checked and read as PostgreSQL's
 * SET TIME ZONE reads them (lib/types/tz.c); "UTC", "GMT" and fixed offsets need no file. -EINVAL: no such zone.
 */
struct qf_tz;
int qf_tz_open(struct qf_tz **ret, const char *name, struct qf_err *reterr) qf_must_check;
struct qf_tz *qf_tz_free(struct qf_tz *tz);
/* Seconds east of UTC at that instant. */
int32_t qf_tz_offset(const struct qf_tz *tz, int64_t unix_seconds);
const char *qf_tz_name(const struct qf_tz *tz); /* canonical spelling */

int qf_rowset_new(struct qf_rowset **ret, struct qf_slice ipc_schema, struct qf_err *reterr) qf_must_check;
struct qf_rowset *qf_rowset_free(struct qf_rowset *rs);
size_t qf_rowset_columns(const struct qf_rowset *rs);
const struct qf_column *qf_rowset_column(const struct qf_rowset *rs, size_t i);
/* Loads the next batch; `ipc_batch` is borrowed until the next call. */
int qf_rowset_load(struct qf_rowset *rs, struct qf_slice ipc_batch, uint64_t *ret_rows, struct qf_err *reterr)
	qf_must_check;
bool qf_rowset_is_null(const struct qf_rowset *rs, uint64_t row, size_t column);
/* Appends the value in PostgreSQL's text form, nothing for NULL. On failure `out` is as it was, here and below. */
int qf_rowset_pg_text(const struct qf_rowset *rs, uint64_t row, size_t column, const struct qf_text_style *st,
		      struct qf_buf *out, struct qf_err *reterr) qf_must_check;
/*
 * Appends one whole DataRow message ('D', length, columns) [PG 55.7]. The hot path: no allocation a value.
 * More than 256 MiB of text in one row is QF_ELIMIT.
 */
int qf_rowset_pg_datarow(const struct qf_rowset *rs, uint64_t row, const struct qf_text_style *st, struct qf_buf *out,
			 struct qf_err *reterr) qf_must_check;

/* Whether a value of that type can be written in PostgreSQL's binary form; else a client that asks is refused (0A000). */
bool qf_pg_binary_can(uint32_t oid);

/* ---- PostgreSQL's values, read --------------------------------------------------------------------- */

enum qf_datum_kind {
	QF_DATUM_NULL,
	QF_DATUM_BOOL,	      /* i */
	QF_DATUM_INT,	      /* i; bits says 16, 32 or 64 */
	QF_DATUM_FLOAT,	      /* f; bits says 32 or 64 */
	QF_DATUM_NUMERIC,     /* text: an exact decimal literal, NaN or Infinity */
	QF_DATUM_TEXT,	      /* text */
	QF_DATUM_JSON,	      /* text */
	QF_DATUM_BYTES,	      /* text */
	QF_DATUM_DATE,	      /* i: days since 1970-01-01; INT32_MAX and INT32_MIN + 1 are infinities */
	QF_DATUM_TIME,	      /* i: microseconds */
	QF_DATUM_TIMETZ,      /* i: microseconds, offset: seconds east of UTC */
	QF_DATUM_TIMESTAMP,   /* i: microseconds since 1970-01-01; INT64_MAX and INT64_MIN + 1 are infinities */
	QF_DATUM_TIMESTAMPTZ, /* the same, in UTC */
	QF_DATUM_INTERVAL,    /* months, days, i: microseconds */
	QF_DATUM_UUID,	      /* bytes16 */
	QF_DATUM_LIST,	      /* items, n_items, item_oid; one dimension, or lists of lists */
};

struct qf_datum {
	enum qf_datum_kind kind;
	unsigned bits;
	int64_t i;
	double f;
	int32_t months, days, offset;
	uint8_t bytes16[16];
	struct qf_slice text; /* borrowed from the value, or from the arena */
	struct qf_datum *items; /* from the arena */
	size_t n_items;
	uint32_t item_oid; /* of the scalars, whatever the depth */
};

/*
 * Reads one value of a parameter, which is not NULL, as PostgreSQL's own input functions do, text or binary [PG 55.7
 * Bind]; oid 0 is text. The error has the SQLSTATE and words that PostgreSQL gives (22P02, 22003, 22007, 22008, 22P03,
 * …), 0A000 for a type that is not known here and for what PostgreSQL reads besides, such as the names of months, and
 * 54000 for a value that would take too much memory. A bit string is TEXT of 0 and 1.
 */
int qf_pg_value_read(struct qf_datum *ret, uint32_t oid, bool binary, struct qf_slice value, const struct qf_tz *tz,
		     struct qf_arena *a, char ret_sqlstate[6], struct qf_err *reterr) qf_must_check;
/* PostgreSQL's name of a type, "integer", "timestamp with time zone"; NULL when it is not in the table. */
const char *qf_pg_type_name(uint32_t oid);

/*
 * PostgreSQL's rows → Arrow: one result, from its RowDescription to its last DataRow. Values are read in the format
 * that the description tells: binary or text for the types with qf_pg_binary_can(), text for the others, which then
 * are text in Arrow too. What Arrow has no exact form for is widened or refused as the table says, with the name of
 * the column. After an error of qf_pgrows_add() there is nothing left to do but qf_pgrows_free().
 */
struct qf_pgrows;

/* description: body of a RowDescription. Appends the schema message. */
int qf_pgrows_new(struct qf_pgrows **ret, struct qf_slice description, struct qf_buf *ipc_schema, struct qf_err *reterr)
	qf_must_check;
struct qf_pgrows *qf_pgrows_free(struct qf_pgrows *p);
int qf_pgrows_add(struct qf_pgrows *p, struct qf_slice datarow, struct qf_err *reterr) qf_must_check; /* body of a DataRow */
size_t qf_pgrows_bytes(const struct qf_pgrows *p); /* about as many as the batch would have now */
/* Appends what was added as one record batch, and begins the next one. */
int qf_pgrows_batch(struct qf_pgrows *p, struct qf_buf *ipc_batch, uint64_t *ret_rows, struct qf_err *reterr) qf_must_check;

/*
 * How values are written for a Trino client. A zone is called as Trino calls it: one of a fixed offset (Etc/GMT-2,
 * INTERVAL '+05:30') by that, +02:00, and all that is UTC by UTC.
 */
struct qf_trino_style {
	const struct qf_tz *tz;	  /* of the session: timestamp with time zone is shown in it; NULL = UTC */
	bool parametric_datetime; /* X-Trino-Client-Capabilities has it: time(p), timestamp(p); else p = 3, as Trino does */
};

/*
 * Trino's JSON client protocol: appends the array of column objects {name, type, typeSignature}, or the array of one
 * row's values, byte for byte as a Trino 476 server does. What Trino has no equal type for is widened as the table
 * says (hugeint → decimal(38,0), …) or an error, never a silent change. A row is held to 256 MiB as above.
 */
int qf_rowset_trino_columns(const struct qf_rowset *rs, const struct qf_trino_style *st, struct qf_buf *out,
			    struct qf_err *reterr) qf_must_check;
int qf_rowset_trino_row(const struct qf_rowset *rs, uint64_t row, const struct qf_trino_style *st, struct qf_buf *out,
			struct qf_err *reterr) qf_must_check;

#endif
