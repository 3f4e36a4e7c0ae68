/*
 * PostgreSQL's types by oid: what they are called, and the readers of their values. The other direction is the type
 * table (table.c), whose types are a part of these. Private to lib/types.
 */
#ifndef QF_TYPES_PGTYPE_H
#define QF_TYPES_PGTYPE_H

#include "oid.h"
#include "qf/types.h"

struct qf_pgtype {
	uint32_t oid, array_oid; /* 0: has none */
	const char *name, *array_name;
};

/* The type, or the type of the array's elements; NULL when it is not known. */
const struct qf_pgtype *qf_pgtype_find(uint32_t oid, bool *ret_array);

#endif
