/*
 * Arena: many small allocations that live and die together (a statement, a message, a configuration).
 *
 * Blocks are kept over qf_arena_clear() up to one block. With a limit, an allocation beyond it returns
 * NULL and the caller fails that session alone; without one (0) an arena never returns NULL.
 * One thread at a time. Nothing allocated here may be stored in anything that lives longer.
 */
#ifndef QF_ARENA_H
#define QF_ARENA_H

#include <stddef.h>

#include "qf/buf.h"

struct qf_arena;

struct qf_arena *qf_arena_new(size_t limit);
struct qf_arena *qf_arena_free(struct qf_arena *a); /* NULL is fine; returns NULL */
void qf_arena_clear(struct qf_arena *a);
void *qf_arena_alloc(struct qf_arena *a, size_t n); /* zeroed, aligned for any type */
char *qf_arena_strndup(struct qf_arena *a, const void *p, size_t n);
char *qf_arena_strdup(struct qf_arena *a, const char *s);
char *qf_arena_printf(struct qf_arena *a, const char *fmt, ...) qf_printf(2, 3);
size_t qf_arena_used(const struct qf_arena *a);

#endif
