/*
 * What has to be true of an Arrow IPC message before nanoarrow may look at it. Private to lib/types.
 *
 * nanoarrow verifies that a flatbuffer is well formed, but it adds up offsets without a care for overflow, expects
 * optional parts to be there, and walks a schema whose parts refer to each other as if it were a tree. These checks
 * hold such messages off, and set our limits. Pure; everything is borrowed.
 */
#ifndef QF_TYPES_ENVELOPE_H
#define QF_TYPES_ENVELOPE_H

#include "qf/buf.h"

/* An encapsulated schema message [Arrow IPC, "Encapsulated message format"], 8-byte aligned, nothing behind it. */
int qf_envelope_schema(struct qf_slice message, struct qf_err *reterr) qf_must_check;
/* A record batch message with its body, 8-byte aligned. */
int qf_envelope_batch(struct qf_slice message, struct qf_slice *ret_body, struct qf_err *reterr) qf_must_check;

#endif
