/*
 * DuckDB's ENUM columns come out of its Arrow conversion as dictionaries; these make them plain utf8, in a
 * schema and in arrays, at every nesting level.
 */
#ifndef QF_ENGINE_DUCKDB_ENUM_H
#define QF_ENGINE_DUCKDB_ENUM_H

#include <nanoarrow/nanoarrow.h>
#include <stdbool.h>

#include "qf/err.h"

/* Changes a schema that nanoarrow allocated. *ret_any is set when there was an ENUM. */
int duck_enum_plain_schema(struct ArrowSchema *s, bool *ret_any) qf_must_check;
/* `s` is the schema as DuckDB made it. Replaced arrays are released. */
int duck_enum_decode(const struct ArrowSchema *s, struct ArrowArray *a) qf_must_check;

#endif
