/* Bounded cache: see qf/lru.h. An entry is one block: list node, key, value; the map borrows the key. */
#include <stdlib.h>
#include <string.h>

#include "map_private.h"
#include "qf/list.h"
#include "qf/lru.h"

/* The entry itself, its share of the map, and malloc's own header, rounded up. */
enum { ENTRY_COST = 160 };

struct entry {
	struct qf_list link;
	size_t key_len, value_len;
	uint8_t bytes[]; /* key, then value */
};

struct qf_lru {
	struct qf_map *map;
	struct qf_list order; /* most recently used first */
	size_t max_bytes, bytes;
	uint64_t hits, misses;
};

struct qf_lru *qf_lru_new(size_t max_bytes)
{
	struct qf_lru *c = qf_xcalloc(1, sizeof(*c));

	c->map = qf_map_new();
	c->max_bytes = max_bytes;
	qf_list_init(&c->order);
	return c;
}

static size_t cost(const struct entry *e)
{
	return ENTRY_COST + e->key_len + e->value_len;
}

static void drop(struct qf_lru *c, struct entry *e)
{
	qf_map_del(c->map, qf_slice(e->bytes, e->key_len));
	qf_list_remove(&e->link);
	c->bytes -= cost(e);
	free(e);
}

void qf_lru_clear(struct qf_lru *c)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->order)
		drop(c, qf_container_of(it, struct entry, link));
}

struct qf_lru *qf_lru_free(struct qf_lru *c)
{
	if (!c)
		return NULL;
	qf_lru_clear(c);
	qf_map_free(c->map);
	free(c);
	return NULL;
}

static void to_front(struct qf_lru *c, struct entry *e)
{
	qf_list_remove(&e->link);
	qf_list_append(c->order.next, &e->link);
}

bool qf_lru_get(struct qf_lru *c, struct qf_slice key, struct qf_slice *ret)
{
	struct entry *e = qf_map_get(c->map, key);

	if (!e) {
		c->misses++;
		return false;
	}
	c->hits++;
	to_front(c, e);
	*ret = qf_slice(e->bytes + e->key_len, e->value_len);
	return true;
}

static struct entry *new_entry(struct qf_slice key, struct qf_slice value)
{
	struct entry *e = qf_xmalloc(sizeof(*e) + key.n + value.n);

	qf_list_init(&e->link);
	e->key_len = key.n;
	e->value_len = value.n;
	if (key.n)
		memcpy(e->bytes, key.p, key.n);
	if (value.n)
		memcpy(e->bytes + key.n, value.p, value.n);
	return e;
}

/* The slices may borrow from the entry that is replaced, so it goes after the copy is made. */
void qf_lru_put(struct qf_lru *c, struct qf_slice key, struct qf_slice value)
{
	size_t room = c->max_bytes > ENTRY_COST ? c->max_bytes - ENTRY_COST : 0;
	bool fits = room && key.n <= room && value.n <= room - key.n;
	struct entry *e = fits ? new_entry(key, value) : NULL;
	struct entry *old = qf_map_get(c->map, key);

	if (old)
		drop(c, old);
	if (!e)
		return;
	while (c->bytes > c->max_bytes - cost(e))
		drop(c, qf_container_of(c->order.prev, struct entry, link));
	qf_map_add_borrowed(c->map, qf_slice(e->bytes, e->key_len), e);
	qf_list_append(c->order.next, &e->link);
	c->bytes += cost(e);
}

uint64_t qf_lru_hits(const struct qf_lru *c)
{
	return c->hits;
}

uint64_t qf_lru_misses(const struct qf_lru *c)
{
	return c->misses;
}
