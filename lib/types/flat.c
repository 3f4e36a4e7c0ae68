/* Flatbuffer reads, each checked: see flat.h. */
#include <endian.h>
#include <string.h>

#include "flat.h"

static const void *look(struct qf_flat *f, size_t at, size_t n)
{
	static const uint8_t zeros[8];

	if (f->bad || at > f->n || n > f->n - at) {
		f->bad = true;
		return zeros;
	}
	return f->p + at;
}

uint8_t qf_flat_u8(struct qf_flat *f, size_t at)
{
	return *(const uint8_t *)look(f, at, 1);
}

uint16_t qf_flat_u16(struct qf_flat *f, size_t at)
{
	uint16_t v;

	memcpy(&v, look(f, at, sizeof(v)), sizeof(v));
	return le16toh(v);
}

uint32_t qf_flat_u32(struct qf_flat *f, size_t at)
{
	uint32_t v;

	memcpy(&v, look(f, at, sizeof(v)), sizeof(v));
	return le32toh(v);
}

int64_t qf_flat_i64(struct qf_flat *f, size_t at)
{
	uint64_t v;

	memcpy(&v, look(f, at, sizeof(v)), sizeof(v));
	return (int64_t)le64toh(v);
}

size_t qf_flat_follow(struct qf_flat *f, size_t at)
{
	uint32_t offset = qf_flat_u32(f, at);

	if (offset == 0 || offset > f->n - at)
		f->bad = true;
	return f->bad ? 0 : at + offset;
}

/* A table begins with the distance back to its vtable: {own size, table size, offset of each field}, 16 bits each. */
size_t qf_flat_field(struct qf_flat *f, size_t table, unsigned i)
{
	int64_t vtable = (int64_t)table - (int32_t)qf_flat_u32(f, table);
	size_t slot = 4 + 2 * (size_t)i;

	if (f->bad || vtable < 0 || (uint64_t)vtable > f->n) {
		f->bad = true;
		return 0;
	}
	if (slot + 2 > qf_flat_u16(f, (size_t)vtable))
		return 0;
	uint16_t offset = qf_flat_u16(f, (size_t)vtable + slot);

	return offset && !f->bad ? table + offset : 0;
}

size_t qf_flat_ref(struct qf_flat *f, size_t table, unsigned i)
{
	size_t at = qf_flat_field(f, table, i);

	return at ? qf_flat_follow(f, at) : 0;
}

struct qf_flat_vector qf_flat_vector(struct qf_flat *f, size_t table, unsigned i, size_t size)
{
	struct qf_flat_vector v = { .at = qf_flat_ref(f, table, i) };

	if (v.at == 0)
		return v;
	v.n = qf_flat_u32(f, v.at);
	v.at += 4;
	(void)look(f, v.at, v.n * size);
	return f->bad ? (struct qf_flat_vector){ 0 } : v;
}
