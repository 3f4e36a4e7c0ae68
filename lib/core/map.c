/*
 * Hash map: see qf/map.h.
 *
 * The entries lie densely in one array; a table of slots {part of the hash, entry number} finds them by
 * linear probing. Deletion shifts the following slots back (no tombstones) and moves the last entry into
 * the hole. A walk goes from the last entry to the first, so that the entry moved by deleting the one just
 * returned has been seen already.
 */
#include <stdlib.h>
#include <string.h>

#include "map_private.h"

enum { FIRST_SLOTS = 16, INLINE_KEY = 16 };

struct entry {
	uint64_t hash;
	void *value;
	size_t key_len;
	bool borrowed;
	union {
		uint8_t bytes[INLINE_KEY];
		const uint8_t *p; /* key_len > INLINE_KEY, or borrowed */
	} key;
};

struct slot {
	uint32_t tag;	/* the upper half of the hash; the lower one chose the place */
	uint32_t entry; /* number + 1; 0 = empty */
};

struct qf_map {
	struct entry *entries;
	struct slot *slots;
	size_t n, n_slots; /* n_slots is a power of two, or 0 */
};

struct qf_map *qf_map_new(void)
{
	return qf_xcalloc(1, sizeof(struct qf_map));
}

static bool key_is_inline(const struct entry *e)
{
	return !e->borrowed && e->key_len <= INLINE_KEY;
}

static struct qf_slice entry_key(const struct entry *e)
{
	return qf_slice(key_is_inline(e) ? e->key.bytes : e->key.p, e->key_len);
}

static void free_key(struct entry *e)
{
	if (!e->borrowed && e->key_len > INLINE_KEY)
		free((void *)(uintptr_t)e->key.p);
}

struct qf_map *qf_map_free(struct qf_map *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->n; i++)
		free_key(&m->entries[i]);
	free(m->entries);
	free(m->slots);
	free(m);
	return NULL;
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

/* The slot of key, or SIZE_MAX. The table is at most half full, so every probe ends. */
static size_t find(const struct qf_map *m, uint64_t hash, struct qf_slice key)
{
	if (m->n == 0)
		return SIZE_MAX;
	size_t mask = m->n_slots - 1;

	for (size_t i = hash & mask; m->slots[i].entry; i = (i + 1) & mask) {
		if (m->slots[i].tag != tag_of(hash))
			continue;
		const struct entry *e = &m->entries[m->slots[i].entry - 1];

		if (e->hash == hash && qf_slice_eq(entry_key(e), key))
			return i;
	}
	return SIZE_MAX;
}

/* The slot that points to entry number e, which is in the map. */
static size_t slot_of_entry(const struct qf_map *m, size_t e)
{
	size_t mask = m->n_slots - 1;
	size_t i = m->entries[e].hash & mask;

	while (m->slots[i].entry != e + 1)
		i = (i + 1) & mask;
	return i;
}

static void place(struct qf_map *m, size_t e)
{
	uint64_t hash = m->entries[e].hash;
	size_t mask = m->n_slots - 1;
	size_t i = hash & mask;

	while (m->slots[i].entry)
		i = (i + 1) & mask;
	m->slots[i] = (struct slot){ .tag = tag_of(hash), .entry = (uint32_t)(e + 1) };
}

static void grow(struct qf_map *m)
{
	size_t n_slots = m->n_slots ? m->n_slots * 2 : FIRST_SLOTS;

	qf_assert(n_slots <= (size_t)UINT32_MAX + 1);
	free(m->slots);
	m->slots = qf_xcalloc(n_slots, sizeof(*m->slots));
	m->entries = qf_xrealloc(m->entries, n_slots / 2 * sizeof(*m->entries));
	m->n_slots = n_slots;
	for (size_t i = 0; i < m->n; i++)
		place(m, i);
}

static struct entry *add(struct qf_map *m, uint64_t hash, size_t key_len, void *value)
{
	qf_assert(value);
	if (m->n >= m->n_slots / 2)
		grow(m);
	struct entry *e = &m->entries[m->n];

	*e = (struct entry){ .hash = hash, .value = value, .key_len = key_len };
	place(m, m->n++);
	return e;
}

void *qf_map_get(const struct qf_map *m, struct qf_slice key)
{
	size_t at = m->n ? find(m, qf_hash(key), key) : SIZE_MAX;

	return at == SIZE_MAX ? NULL : m->entries[m->slots[at].entry - 1].value;
}

void *qf_map_put(struct qf_map *m, struct qf_slice key, void *value)
{
	uint64_t hash = qf_hash(key);
	size_t at = find(m, hash, key);

	if (at != SIZE_MAX) {
		struct entry *e = &m->entries[m->slots[at].entry - 1];
		void *before = e->value;

		qf_assert(value);
		e->value = value;
		return before;
	}
	struct entry *e = add(m, hash, key.n, value);

	if (key_is_inline(e)) {
		if (key.n)
			memcpy(e->key.bytes, key.p, key.n);
	} else {
		e->key.p = memcpy(qf_xmalloc(key.n), key.p, key.n);
	}
	return NULL;
}

void qf_map_add_borrowed(struct qf_map *m, struct qf_slice key, void *value)
{
	struct entry *e = add(m, qf_hash(key), key.n, value);

	e->borrowed = true;
	e->key.p = key.p;
}

/* Closes the gap at slot i: each later slot of the run moves back unless that would put it before its home. */
static void shift_back(struct qf_map *m, size_t i)
{
	size_t mask = m->n_slots - 1;

	for (size_t j = (i + 1) & mask; m->slots[j].entry; j = (j + 1) & mask) {
		size_t home = m->entries[m->slots[j].entry - 1].hash & mask;

		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		m->slots[i] = m->slots[j];
		i = j;
	}
	m->slots[i] = (struct slot){ 0 };
}

void *qf_map_del(struct qf_map *m, struct qf_slice key)
{
	size_t at = m->n ? find(m, qf_hash(key), key) : SIZE_MAX;

	if (at == SIZE_MAX)
		return NULL;
	size_t hole = m->slots[at].entry - 1;
	void *value = m->entries[hole].value;

	shift_back(m, at);
	free_key(&m->entries[hole]);
	m->n--;
	if (hole != m->n) {
		m->slots[slot_of_entry(m, m->n)].entry = (uint32_t)(hole + 1);
		m->entries[hole] = m->entries[m->n];
	}
	return value;
}

static struct qf_slice number_key(const uint64_t *key)
{
	return qf_slice(key, sizeof(*key));
}

void *qf_map_get_u64(const struct qf_map *m, uint64_t key)
{
	return qf_map_get(m, number_key(&key));
}

void *qf_map_put_u64(struct qf_map *m, uint64_t key, void *value)
{
	return qf_map_put(m, number_key(&key), value);
}

void *qf_map_del_u64(struct qf_map *m, uint64_t key)
{
	return qf_map_del(m, number_key(&key));
}

size_t qf_map_count(const struct qf_map *m)
{
	return m->n;
}

/* *at: 0 = start, SIZE_MAX = ended, else how many entries are still before us. */
void *qf_map_next(const struct qf_map *m, size_t *at, struct qf_slice *ret_key)
{
	size_t left = *at == 0 ? m->n : *at;

	if (left == 0 || left > m->n) {
		*at = SIZE_MAX;
		return NULL;
	}
	const struct entry *e = &m->entries[left - 1];

	*at = left > 1 ? left - 1 : SIZE_MAX;
	if (ret_key)
		*ret_key = entry_key(e);
	return e->value;
}
