/*
 * Bounds-checked reader with a sticky error: see qf/buf.h. A failed reader has nothing left, so that no
 * getter needs to ask for the error before it compares with what remains.
 */
#include <string.h>

#include "qf/buf.h"

struct qf_reader qf_reader(struct qf_slice s)
{
	return (struct qf_reader){ .p = s.p, .n = s.n };
}

void qf_reader_fail(struct qf_reader *r)
{
	r->err = QF_EMALFORMED;
	r->n = 0;
}

bool qf_reader_done(const struct qf_reader *r)
{
	return r->err == 0 && r->n == 0;
}

static uint64_t read_big_endian(struct qf_reader *r, size_t width)
{
	uint64_t v = 0;

	if (width > r->n) {
		qf_reader_fail(r);
		return 0;
	}
	for (size_t i = 0; i < width; i++)
		v = v << 8 | r->p[i];
	r->p += width;
	r->n -= width;
	return v;
}

uint8_t qf_read_u8(struct qf_reader *r)
{
	return (uint8_t)read_big_endian(r, 1);
}

uint16_t qf_read_u16(struct qf_reader *r)
{
	return (uint16_t)read_big_endian(r, 2);
}

uint32_t qf_read_u32(struct qf_reader *r)
{
	return (uint32_t)read_big_endian(r, 4);
}

uint64_t qf_read_u64(struct qf_reader *r)
{
	return read_big_endian(r, 8);
}

struct qf_slice qf_read_bytes(struct qf_reader *r, size_t n)
{
	if (n > r->n || r->err) {
		qf_reader_fail(r);
		return QF_SLICE_NONE;
	}
	struct qf_slice s = { .p = r->p, .n = n };

	if (n) {
		r->p += n;
		r->n -= n;
	}
	return s;
}

struct qf_slice qf_read_cstr(struct qf_reader *r)
{
	const uint8_t *nul = r->n ? memchr(r->p, 0, r->n) : NULL;

	if (!nul) {
		qf_reader_fail(r);
		return QF_SLICE_NONE;
	}
	struct qf_slice s = { .p = r->p, .n = (size_t)(nul - r->p) };

	r->p += s.n + 1;
	r->n -= s.n + 1;
	return s;
}
