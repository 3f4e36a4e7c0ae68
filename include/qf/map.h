/*
 * Hash map from byte strings or 64-bit numbers to pointers. Keys are copied, values are borrowed.
 * Open addressing, SipHash with a per-process random key, so that clients cannot build collisions.
 * One thread at a time. The map must not change while qf_map_next() walks it, except by qf_map_del()
 * of the entry just returned.
 */
#ifndef QF_MAP_H
#define QF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qf/buf.h"

struct qf_map;

struct qf_map *qf_map_new(void);
struct qf_map *qf_map_free(struct qf_map *m); /* not the values; NULL is fine; returns NULL */
void *qf_map_get(const struct qf_map *m, struct qf_slice key);
void *qf_map_put(struct qf_map *m, struct qf_slice key, void *value); /* value not NULL; returns the one before */
void *qf_map_del(struct qf_map *m, struct qf_slice key);	      /* returns the removed value */
void *qf_map_get_u64(const struct qf_map *m, uint64_t key);
void *qf_map_put_u64(struct qf_map *m, uint64_t key, void *value);
void *qf_map_del_u64(struct qf_map *m, uint64_t key);
size_t qf_map_count(const struct qf_map *m);
/* Start with *at = 0; returns NULL at the end. ret_key may be NULL; borrowed until the map changes. */
void *qf_map_next(const struct qf_map *m, size_t *at, struct qf_slice *ret_key);

/* SipHash-2-4. qf_hash() uses the per-process key; qf_hash_fixed() a constant one, for values that
 * other processes compare (configuration ids, statement fingerprints). */
uint64_t qf_hash(struct qf_slice s);
uint64_t qf_hash_fixed(struct qf_slice s);

#endif
