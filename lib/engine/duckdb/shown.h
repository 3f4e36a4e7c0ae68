/*
 * What the columns of a result are called for a client of PostgreSQL, where DuckDB has no type of that name: a translation
 * of a statement about the catalog says so in a comment. Each is told by an Arrow extension type (lib/types/table.c). Pure.
 */
#ifndef QF_ENGINE_DUCKDB_SHOWN_H
#define QF_ENGINE_DUCKDB_SHOWN_H

#include <nanoarrow/nanoarrow.h>
#include <stdbool.h>

#include "qf/buf.h"

/* The statement was made for the catalog: it may ask who the session is. */
bool duck_shown_marked(struct qf_slice sql);
/* Names the columns that the comment names and whose values have that form; -ENOMEM. */
int duck_shown_apply(struct ArrowSchema *schema, const char *sql);

#endif
