/*
 * Arena: see qf/arena.h. Blocks double from 4 KiB to 64 KiB; an allocation larger than a quarter of the
 * next block gets a block of its own, behind the current one, so that it does not waste what is left there.
 * Under AddressSanitizer the unused part of a block is poisoned: use after qf_arena_clear() is caught.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, n) __asan_poison_memory_region(p, n)
#define unpoison(p, n) __asan_unpoison_memory_region(p, n)
#else
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = alignof(max_align_t), FIRST_BLOCK = 4096, LAST_BLOCK = 65536 };

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) uint8_t bytes[];
};

struct qf_arena {
	struct block *head; /* the one that small allocations come from */
	size_t limit, used, next_size;
};

struct qf_arena *qf_arena_new(size_t limit)
{
	struct qf_arena *a = qf_xcalloc(1, sizeof(*a));

	a->limit = limit;
	a->next_size = FIRST_BLOCK;
	return a;
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		unpoison(b->bytes, b->size);
		free(b);
		b = next;
	}
}

struct qf_arena *qf_arena_free(struct qf_arena *a)
{
	if (!a)
		return NULL;
	free_blocks(a->head);
	free(a);
	return NULL;
}

/* A block made for one large allocation is never kept: a single big statement must not stay for ever. */
void qf_arena_clear(struct qf_arena *a)
{
	struct block *keep = a->head;

	a->used = 0;
	if (!keep)
		return;
	free_blocks(keep->next);
	keep->next = NULL;
	if (keep->size > LAST_BLOCK) {
		free_blocks(keep);
		a->head = NULL;
		return;
	}
	keep->used = 0;
	poison(keep->bytes, keep->size);
}

static struct block *new_block(size_t size)
{
	struct block *b = qf_xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	b->used = 0;
	poison(b->bytes, size);
	return b;
}

static struct block *block_for(struct qf_arena *a, size_t n)
{
	struct block *head = a->head;

	if (head && n <= head->size - head->used)
		return head;
	if (head && n > a->next_size / 4) {
		struct block *b = new_block(n);

		b->next = head->next;
		head->next = b;
		return b;
	}
	struct block *b = new_block(n > a->next_size ? n : a->next_size);

	b->next = head;
	a->head = b;
	if (a->next_size < LAST_BLOCK)
		a->next_size *= 2;
	return b;
}

void *qf_arena_alloc(struct qf_arena *a, size_t n)
{
	if (a->limit && n > a->limit - a->used)
		return NULL;
	qf_assert(n <= SIZE_MAX / 2);
	size_t full = n ? (n + ALIGN - 1) / ALIGN * ALIGN : ALIGN;

	if (a->limit && full > a->limit - a->used)
		return NULL;
	struct block *b = block_for(a, full);
	void *p = b->bytes + b->used;

	b->used += full;
	a->used += full;
	unpoison(p, n);
	return memset(p, 0, n);
}

char *qf_arena_strndup(struct qf_arena *a, const void *p, size_t n)
{
	char *s = n < SIZE_MAX ? qf_arena_alloc(a, n + 1) : NULL;

	if (s && n)
		memcpy(s, p, n);
	return s;
}

char *qf_arena_strdup(struct qf_arena *a, const char *s)
{
	return qf_arena_strndup(a, s, strlen(s));
}

char *qf_arena_printf(struct qf_arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	qf_assert(n >= 0);
	char *s = qf_arena_alloc(a, (size_t)n + 1);

	if (!s)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

size_t qf_arena_used(const struct qf_arena *a)
{
	return a->used;
}
