/*
 * Record batches that were read ahead: the rest of a portal whose connection was wanted for another statement.
 *
 * The first DUCK_SPOOL_MEMORY bytes stay in memory, the others are in a file without a name in $QF_STATE_DIR, $TMPDIR
 * or /tmp.
 * Rows come back in order, whole batches or parts of one. One thread at a time.
 */
#ifndef QF_ENGINE_DUCKDB_SPOOL_H
#define QF_ENGINE_DUCKDB_SPOOL_H

#include <nanoarrow/nanoarrow.h>

#include "qf/engine.h"

#define DUCK_SPOOL_MEMORY (1u << 20)
#define DUCK_SPOOL_MAX (4ull << 30)

struct duck_spool;

/* schema: the message that the batches go with; copied. `max` bytes is what it may hold. */
int duck_spool_new(struct duck_spool **ret, struct qf_slice schema, uint64_t max, struct qf_sql_error *reterr)
	qf_must_check;
struct duck_spool *duck_spool_free(struct duck_spool *s);
/* Copies one record batch message. Fails with 53400 when it is full, 53100 or 58030 when the file is at fault. */
int duck_spool_add(struct duck_spool *s, struct qf_slice batch, uint64_t rows, struct qf_sql_error *reterr)
	qf_must_check;
/*
 * Puts a message with the next rows into *out (initialized, empty): what is left of a batch, at most `most` rows of it.
 * *ret_rows is 0 at the end.
 */
int duck_spool_next(struct duck_spool *s, uint64_t most, struct ArrowBuffer *out, uint64_t *ret_rows,
	struct qf_sql_error *reterr) qf_must_check;

#endif
