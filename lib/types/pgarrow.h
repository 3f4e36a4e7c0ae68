/*
 * One column of PostgreSQL's rows as an Arrow column: which type it has there, and how a value is appended. The table is
 * in pgarrow.c, the widenings are told in table.c. Private to lib/types.
 */
#ifndef QF_TYPES_PGARROW_H
#define QF_TYPES_PGARROW_H

#include "nanoarrow/nanoarrow.h"
#include "pgtype.h"

struct qf_pgarrow;

/* Appends a value of a scalar type, which is not NULL, and adds the bytes that it takes. */
typedef int qf_pgarrow_fn(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
			  struct qf_err *reterr);

struct qf_pgarrow {
	const struct qf_pgtype *type; /* of what its values are read as: text, when its own type is not known here */
	bool array, binary;
	uint32_t precision, scale; /* of a decimal; precision 0: a numeric that is text */
	const struct qf_pgarrow_form *form;
};

/* oid, typmod and format code of a RowDescription [PG 55.7]. */
int qf_pgarrow_init(struct qf_pgarrow *col, uint32_t oid, int32_t typmod, unsigned format, struct qf_err *reterr)
	qf_must_check;
int qf_pgarrow_schema(const struct qf_pgarrow *col, struct ArrowSchema *ret, struct qf_err *reterr) qf_must_check;
int qf_pgarrow_append(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		      struct qf_err *reterr) qf_must_check;

#endif
