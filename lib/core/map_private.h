/* What lib/core itself needs of the map beyond qf/map.h. */
#ifndef QF_CORE_MAP_PRIVATE_H
#define QF_CORE_MAP_PRIVATE_H

#include "qf/map.h"

/* Like qf_map_put() for a key that is not in the map, but borrows the key's bytes until qf_map_del(). */
void qf_map_add_borrowed(struct qf_map *m, struct qf_slice key, void *value);

#endif
