/*
 * Bounded cache from byte strings to byte strings, least recently used out first. The bound is in bytes
 * (keys + values + a fixed cost an entry). One thread at a time.
 */
#ifndef QF_LRU_H
#define QF_LRU_H

#include "qf/buf.h"

struct qf_lru;

struct qf_lru *qf_lru_new(size_t max_bytes);
struct qf_lru *qf_lru_free(struct qf_lru *c);
/* True when found; *ret borrows until the next qf_lru_put() or _clear(). */
bool qf_lru_get(struct qf_lru *c, struct qf_slice key, struct qf_slice *ret);
void qf_lru_put(struct qf_lru *c, struct qf_slice key, struct qf_slice value); /* copies both */
void qf_lru_clear(struct qf_lru *c);
uint64_t qf_lru_hits(const struct qf_lru *c);
uint64_t qf_lru_misses(const struct qf_lru *c);

#endif
