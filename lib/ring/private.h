/* Inside lib/ring: how both tables are written out. */
#ifndef QF_RING_PRIVATE_H
#define QF_RING_PRIVATE_H

#include "qf/buf.h"
#include "qf/ring.h"

void qf_ring_dump_listener(struct qf_buf *out);
void qf_ring_dump_dispatch(struct qf_buf *out);
void qf_ring_row(struct qf_buf *out, const char *side, const char *state, const char *event, const char *guard,
		 const char *next, const char *const *actions, size_t n_actions, unsigned acts);

#endif
