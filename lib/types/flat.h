/*
 * A flatbuffer reader for messages that nobody has verified yet [FlatBuffers internals, "Format"].
 *
 * Every read is checked: bounds, alignment, a table's own size, the zero behind a string. The first failure sticks
 * and all after it yields zero, so that a walk asks once at its end. What passes here also passes flatcc's verifier,
 * which matters: that one does failed work twice a level, so that a bad leaf of a deep schema would take it for ever.
 * Positions are offsets into the buffer, which starts 8-byte aligned; 0 is never a table, string or vector. Private
 * to lib/types.
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
/* The table, string or vector that the offset stored at `at` leads to. */
size_t qf_flat_follow(struct qf_flat *f, size_t at);
/* Where field `i` of the table is, a number of `size` (1, 2, 4 or 8) bytes, or 0 when it is absent. */
size_t qf_flat_field(struct qf_flat *f, size_t table, unsigned i, size_t size);
/* The table, string or vector in field `i`, or 0 when absent. */
size_t qf_flat_ref(struct qf_flat *f, size_t table, unsigned i);
/* The length of the string in field `i`; false when it is absent. */
bool qf_flat_string(struct qf_flat *f, size_t table, unsigned i, size_t *ret_length);
/* The vector in field `i`, empty when absent: elements of `size` bytes, at multiples of `align`. */
struct qf_flat_vector qf_flat_vector(struct qf_flat *f, size_t table, unsigned i, size_t size, size_t align);
/* Checks a table whose fields are, in order: a number of 1, 2, 4, 8 bytes, 's' a string, 'v' a vector of int. */
void qf_flat_check(struct qf_flat *f, size_t table, const char *fields);

#endif
