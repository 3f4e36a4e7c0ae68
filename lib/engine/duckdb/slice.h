/*
 * Some rows of an Arrow array as an array of their own that begins at row 0: what the IPC encoder wants.
 *
 * Fixed-size values are borrowed from the whole; bits and offsets are made anew, in the arena. Pure.
 */
#ifndef QF_ENGINE_DUCKDB_SLICE_H
#define QF_ENGINE_DUCKDB_SLICE_H

#include <nanoarrow/nanoarrow.h>

#include "qf/arena.h"

/* `part` has been initialized with the schema of `whole`, whose rows from..from + n exist. */
void duck_slice(struct ArrowArrayView *part, const struct ArrowArrayView *whole, int64_t from, int64_t n,
	struct qf_arena *mem);

#endif
