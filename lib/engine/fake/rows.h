/* Rows of a fake result as Arrow IPC. */
#ifndef QF_ENGINE_FAKE_ROWS_H
#define QF_ENGINE_FAKE_ROWS_H

#include <nanoarrow/nanoarrow.h>
#include <stdint.h>

#include "qf/err.h"

struct fake_rows;

/* n BIGINT, and with bytes > 0 text VARCHAR of that many bytes. The schema message is put into *schema. */
int fake_rows_new(struct fake_rows **ret, uint64_t bytes, struct ArrowBuffer *schema) qf_must_check;
struct fake_rows *fake_rows_free(struct fake_rows *f);
/* Rows first, first+1 … n of them. */
int fake_rows_batch(struct fake_rows *f, uint64_t first, uint64_t n, struct ArrowBuffer *out) qf_must_check;

#endif
