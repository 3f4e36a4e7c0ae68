/* Flatbuffer reads, each checked: see flat.h. */
#include <endian.h>
#include <string.h>

#include "flat.h"

enum {
	OFFSET = 4,	   /* bytes of a reference */
	VTABLE_HEADER = 4, /* its own size and the table's */
};

struct table {
	size_t at, vtable;
	uint16_t vtable_size, size;
};

static void expect(struct qf_flat *f, bool is_so)
{
	f->bad = f->bad || !is_so;
}

static const void *look(struct qf_flat *f, size_t at, size_t n)
{
	static const uint8_t zeros[8];

	expect(f, at <= f->n && n <= f->n - at);
	return f->bad ? zeros : f->p + at;
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
	size_t offset = qf_flat_u32(f, at), target = at + offset;

	expect(f, offset && target % OFFSET == 0);
	(void)look(f, target, OFFSET);
	return f->bad ? 0 : target;
}

/* A table begins with the distance back to its vtable: {own size, table size, offset of each field}, 16 bits each. */
static struct table open_table(struct qf_flat *f, size_t at)
{
	struct table t = { .at = at };
	int64_t vtable = (int64_t)at - (int32_t)qf_flat_u32(f, at);

	expect(f, at % OFFSET == 0 && vtable >= 0 && vtable % 2 == 0);
	t.vtable = f->bad ? 0 : (size_t)vtable;
	t.vtable_size = qf_flat_u16(f, t.vtable);
	t.size = qf_flat_u16(f, t.vtable + 2);
	expect(f, t.vtable_size >= VTABLE_HEADER && t.vtable_size % 2 == 0);
	(void)look(f, t.vtable, t.vtable_size);
	(void)look(f, at, t.size);
	return t;
}

size_t qf_flat_field(struct qf_flat *f, size_t table, unsigned i, size_t size)
{
	struct table t = open_table(f, table);
	size_t slot = VTABLE_HEADER + 2 * (size_t)i;

	if (f->bad || slot >= t.vtable_size)
		return 0;
	size_t offset = qf_flat_u16(f, t.vtable + slot);

	if (offset == 0)
		return 0;
	expect(f, offset + size <= t.size && (table + offset) % size == 0);
	return f->bad ? 0 : table + offset;
}

size_t qf_flat_ref(struct qf_flat *f, size_t table, unsigned i)
{
	size_t at = qf_flat_field(f, table, i, OFFSET);

	return at ? qf_flat_follow(f, at) : 0;
}

bool qf_flat_string(struct qf_flat *f, size_t table, unsigned i, size_t *ret_length)
{
	size_t at = qf_flat_ref(f, table, i);

	*ret_length = 0;
	if (!at)
		return false;
	*ret_length = qf_flat_u32(f, at);
	expect(f, qf_flat_u8(f, at + OFFSET + *ret_length) == 0);
	return !f->bad;
}

struct qf_flat_vector qf_flat_vector(struct qf_flat *f, size_t table, unsigned i, size_t size, size_t align)
{
	struct qf_flat_vector v = { .at = qf_flat_ref(f, table, i) };

	if (v.at == 0)
		return v;
	v.n = qf_flat_u32(f, v.at);
	v.at += OFFSET;
	expect(f, v.n == 0 || v.at % align == 0);
	(void)look(f, v.at, v.n * size);
	if (f->bad)
		v.n = 0;
	return v;
}

void qf_flat_check(struct qf_flat *f, size_t table, const char *fields)
{
	size_t length;

	(void)open_table(f, table);
	for (unsigned i = 0; fields[i]; i++) {
		if (fields[i] == 's')
			(void)qf_flat_string(f, table, i, &length);
		else if (fields[i] == 'v')
			(void)qf_flat_vector(f, table, i, 4, 4);
		else
			(void)qf_flat_field(f, table, i, (size_t)(fields[i] - '0'));
	}
}
