/* See slice.h. [Arrow columnar format, "Physical memory layout"] */
#include "slice.h"

#include <string.h>

static struct ArrowBufferView view(const void *p, int64_t n)
{
	struct ArrowBufferView v = { .size_bytes = n };

	v.data.data = p;
	return v;
}

static struct ArrowBufferView bits(struct ArrowBufferView whole, int64_t from, int64_t n, struct qf_arena *mem)
{
	int64_t bytes = (n + 7) / 8;
	uint8_t *p;

	if (whole.size_bytes == 0 || n == 0)
		return view(NULL, 0);
	if (from % 8 == 0)
		return view(whole.data.as_uint8 + from / 8, bytes);
	p = qf_arena_alloc(mem, (size_t)bytes);
	for (int64_t i = 0; i < n; i++)
		if (ArrowBitGet(whole.data.as_uint8, from + i))
			ArrowBitSet(p, i);
	return view(p, bytes);
}

static int64_t offset_at(struct ArrowBufferView v, int64_t width, int64_t i)
{
	return width == 64 ? v.data.as_int64[i] : v.data.as_int32[i];
}

static struct ArrowBufferView offsets(struct ArrowBufferView whole, int64_t width, int64_t from, int64_t n,
	struct qf_arena *mem)
{
	int64_t first = offset_at(whole, width, from), bytes = (n + 1) * width / 8;
	void *p = qf_arena_alloc(mem, (size_t)bytes);

	for (int64_t i = 0; i <= n; i++) {
		int64_t v = offset_at(whole, width, from + i) - first;

		if (width == 64)
			((int64_t *)p)[i] = v;
		else
			((int32_t *)p)[i] = (int32_t)v;
	}
	return view(p, bytes);
}

struct range {
	int64_t from, n;
};

/* Buffer i; what the offsets say goes into *inner, for the buffer or the child behind them. */
static struct ArrowBufferView buffer(const struct ArrowArrayView *whole, int i, struct range rows, struct range *inner,
	struct qf_arena *mem)
{
	struct ArrowBufferView b = whole->buffer_views[i];
	int64_t width = whole->layout.element_size_bits[i];

	switch (whole->layout.buffer_type[i]) {
	case NANOARROW_BUFFER_TYPE_VALIDITY:
		return bits(b, rows.from, rows.n, mem);
	case NANOARROW_BUFFER_TYPE_DATA_OFFSET:
		if (b.size_bytes == 0)
			return b; /* of no rows at all */
		inner->from = offset_at(b, width, rows.from);
		inner->n = offset_at(b, width, rows.from + rows.n) - inner->from;
		return offsets(b, width, rows.from, rows.n, mem);
	case NANOARROW_BUFFER_TYPE_DATA:
	case NANOARROW_BUFFER_TYPE_TYPE_ID:
		if (width == 1)
			return bits(b, rows.from, rows.n, mem);
		if (width == 0) /* of the sizes that the offsets say */
			return view(b.data.as_uint8 + inner->from, inner->n);
		return view(b.data.as_uint8 + rows.from * (width / 8), rows.n * (width / 8));
	default:
		return b;
	}
}

/* The encoder asks the array behind a view how many buffers it has, and nothing else. */
static const struct ArrowArray *with_buffers(const struct ArrowArrayView *v)
{
	static const struct ArrowArray arrays[] = {
		{ .n_buffers = 0 }, { .n_buffers = 1 }, { .n_buffers = 2 }, { .n_buffers = 3 }
	};
	unsigned n = 0;

	for (int i = 0; i < NANOARROW_MAX_FIXED_BUFFERS; i++)
		n += v->layout.buffer_type[i] != NANOARROW_BUFFER_TYPE_NONE;
	return &arrays[n];
}

void duck_slice(struct ArrowArrayView *part, const struct ArrowArrayView *whole, int64_t from, int64_t n,
	struct qf_arena *mem)
{
	struct range rows = { from, n }, inner = rows;

	if (whole->layout.buffer_type[1] == NANOARROW_BUFFER_TYPE_DATA_OFFSET)
		inner = (struct range){ 0 };
	part->array = with_buffers(whole);
	part->length = n;
	part->offset = 0;
	for (int i = 0; i < NANOARROW_MAX_FIXED_BUFFERS; i++)
		part->buffer_views[i] = buffer(whole, i, rows, &inner, mem);
	if (whole->storage_type == NANOARROW_TYPE_FIXED_SIZE_LIST) {
		inner.from = from * whole->layout.child_size_elements;
		inner.n = n * whole->layout.child_size_elements;
	}
	for (int64_t i = 0; i < whole->n_children; i++)
		duck_slice(part->children[i], whole->children[i], inner.from, inner.n, mem);
	part->null_count = ArrowArrayViewComputeNullCount(part);
}
