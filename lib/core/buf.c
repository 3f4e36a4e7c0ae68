/*
 * Growable buffer: see qf/buf.h.
 *
 * The block starts at p - front: consuming moves p forward and costs nothing. The dead bytes in front are
 * used again when the buffer runs empty, or when room is short and they are at least as many as the live
 * ones, so that every byte is moved at most once for each byte consumed.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/buf.h"

enum { FIRST_BLOCK = 256 };

void qf_buf_init(struct qf_buf *b)
{
	*b = (struct qf_buf){ 0 };
}

static uint8_t *block(const struct qf_buf *b)
{
	return b->p ? b->p - b->front : NULL;
}

static void rewind_front(struct qf_buf *b)
{
	b->p = block(b);
	b->cap += b->front;
	b->front = 0;
}

void qf_buf_fini(struct qf_buf *b)
{
	free(block(b));
	qf_buf_init(b);
}

void qf_buf_clear(struct qf_buf *b)
{
	rewind_front(b);
	b->n = 0;
}

/* Out of line, so that the check for room is inlined into every appender. */
static __attribute__((noinline)) void make_room(struct qf_buf *b, size_t n)
{
	size_t total = b->cap + b->front;

	if (b->front > 0 && b->front >= b->n && n <= total - b->n) {
		uint8_t *live = b->p;

		rewind_front(b);
		if (b->n)
			memcpy(b->p, live, b->n);
		return;
	}
	qf_assert(n < SIZE_MAX / 2 - b->n);
	size_t want = b->n + n;
	size_t cap = total < FIRST_BLOCK ? FIRST_BLOCK : total;

	while (cap < want)
		cap *= 2;
	if (b->front == 0) {
		b->p = qf_xrealloc(b->p, cap);
		b->cap = cap;
		return;
	}
	uint8_t *p = qf_xmalloc(cap);

	if (b->n)
		memcpy(p, b->p, b->n);
	free(block(b));
	*b = (struct qf_buf){ .p = p, .n = b->n, .cap = cap };
}

uint8_t *qf_buf_reserve(struct qf_buf *b, size_t n)
{
	if (n > b->cap - b->n || !b->p)
		make_room(b, n);
	return b->p + b->n;
}

void qf_buf_consume(struct qf_buf *b, size_t n)
{
	qf_assert(n <= b->n);
	if (n == b->n) {
		qf_buf_clear(b);
		return;
	}
	b->p += n;
	b->front += n;
	b->n -= n;
	b->cap -= n;
}

struct qf_slice qf_buf_slice(const struct qf_buf *b)
{
	return qf_slice(b->p, b->n);
}

char *qf_buf_cstr(struct qf_buf *b)
{
	*qf_buf_reserve(b, 1) = 0;
	return (char *)b->p;
}

void qf_buf_add(struct qf_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(qf_buf_reserve(b, n), p, n);
	b->n += n;
}

void qf_buf_add_slice(struct qf_buf *b, struct qf_slice s)
{
	qf_buf_add(b, s.p, s.n);
}

void qf_buf_add_str(struct qf_buf *b, const char *s)
{
	qf_buf_add(b, s, strlen(s));
}

void qf_buf_printf(struct qf_buf *b, const char *fmt, ...)
{
	va_list ap;

	qf_buf_reserve(b, 128);
	va_start(ap, fmt);
	int n = vsnprintf((char *)b->p + b->n, b->cap - b->n, fmt, ap);
	va_end(ap);
	qf_assert(n >= 0);
	if ((size_t)n >= b->cap - b->n) {
		qf_buf_reserve(b, (size_t)n + 1);
		va_start(ap, fmt);
		n = vsnprintf((char *)b->p + b->n, b->cap - b->n, fmt, ap);
		va_end(ap);
	}
	b->n += (size_t)n;
}

void qf_buf_u8(struct qf_buf *b, uint8_t v)
{
	*qf_buf_reserve(b, 1) = v;
	b->n++;
}

void qf_buf_u16(struct qf_buf *b, uint16_t v)
{
	v = htobe16(v);
	qf_buf_add(b, &v, sizeof(v));
}

void qf_buf_u32(struct qf_buf *b, uint32_t v)
{
	v = htobe32(v);
	qf_buf_add(b, &v, sizeof(v));
}

void qf_buf_u64(struct qf_buf *b, uint64_t v)
{
	v = htobe64(v);
	qf_buf_add(b, &v, sizeof(v));
}

void qf_buf_put_u32_at(struct qf_buf *b, size_t at, uint32_t v)
{
	qf_assert(at <= b->n && b->n - at >= 4);
	v = htobe32(v);
	memcpy(b->p + at, &v, sizeof(v));
}
