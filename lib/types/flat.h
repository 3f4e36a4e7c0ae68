/*
 * Just enough of a flatbuffer reader to look at a message that nobody has verified yet.
 *
 * Every read is checked against the buffer; the first bad one sticks and all after it yield zero, so that a walk
 * asks once at its end. Positions are offsets into the buffer; 0 is never a table or vector. Private to lib/types.
 */
#ifndef QF_TYPES_FLAT_H
#define QF_TYPES_FLAT_H

#include "qf/buf.h"

struct qf_flat {
	const uint8_t *p;
	size_t n;
	bool bad;
};

struct qf_flat_vector {
	size_t at; /* of the first element */
	uint32_t n;
};

uint8_t qf_flat_u8(struct qf_flat *f, size_t at);
uint16_t qf_flat_u16(struct qf_flat *f, size_t at);
uint32_t qf_flat_u32(struct qf_flat *f, size_t at);
int64_t qf_flat_i64(struct qf_flat *f, size_t at);
/* What the offset stored at `at` leads to. */
size_t qf_flat_follow(struct qf_flat *f, size_t at);
/* Where field `i` of the table is, or 0 when it is absent. */
size_t qf_flat_field(struct qf_flat *f, size_t table, unsigned i);
/* The table, string or vector in field `i`, or 0 when absent. */
size_t qf_flat_ref(struct qf_flat *f, size_t table, unsigned i);
/* The vector in field `i`, empty when absent; each element has `size` bytes and all are inside the buffer. */
struct qf_flat_vector qf_flat_vector(struct qf_flat *f, size_t table, unsigned i, size_t size);

#endif
