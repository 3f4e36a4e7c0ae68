/* The hash map against a plain table, walking while deleting, and SipHash against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/core/siphash.h"
#include "qf/map.h"

enum { KEYS = 4000 };

static char values[KEYS][2];

/* Keys of every storage: inline and long, one a prefix of the other, the empty one. */
static struct qf_slice key_of(int i, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%d%s", i, i % 2 ? "-a-key-that-does-not-fit-into-the-entry" : "");

	return qf_slice(buf, i == 0 ? 0 : n);
}

static void random_operations_match_a_table(void **state)
{
	struct qf_map *m = qf_map_new();
	static void *want[KEYS];
	size_t count = 0;
	char buf[80];

	(void)state;
	srand(11);
	for (int step = 0; step < 400000; step++) {
		int i = rand() % KEYS;
		struct qf_slice key = key_of(i, buf, sizeof(buf));
		int what = rand() % 3;

		/* Phases, so that the map grows, shrinks and lives at low load too. */
		if (step / 50000 % 2 && what == 1)
			what = 2;
		if (what == 0) {
			assert_ptr_equal(qf_map_get(m, key), want[i]);
		} else if (what == 1) {
			void *v = values[i] + rand() % 2;

			assert_ptr_equal(qf_map_put(m, key, v), want[i]);
			count += !want[i];
			want[i] = v;
		} else {
			assert_ptr_equal(qf_map_del(m, key), want[i]);
			count -= !!want[i];
			want[i] = NULL;
		}
		memset(buf, 'x', sizeof(buf)); /* the map must not look at the caller's bytes again */
		assert_int_equal(qf_map_count(m), count);
	}
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(qf_map_get(m, key_of(i, buf, sizeof(buf))), want[i]);
	assert_null(qf_map_free(m));
	assert_null(qf_map_free(NULL));
}

static void walk(int n, int delete_every)
{
	struct qf_map *m = qf_map_new();
	static bool seen[KEYS];
	size_t at = 0;
	struct qf_slice key;
	char buf[80];
	int visits = 0;
	char (*v)[2];

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < n; i++)
		qf_map_put(m, key_of(i, buf, sizeof(buf)), values[i]);
	while ((v = qf_map_next(m, &at, &key))) {
		long i = v - values;

		assert_true(qf_slice_eq(key, key_of((int)i, buf, sizeof(buf))));
		assert_false(seen[i]);
		seen[i] = true;
		if (visits++ % delete_every == 0)
			assert_ptr_equal(qf_map_del(m, key_of((int)i, buf, sizeof(buf))), v);
	}
	assert_null(qf_map_next(m, &at, NULL));
	assert_int_equal(visits, n);
	assert_int_equal(qf_map_count(m), n - (n + delete_every - 1) / delete_every);
	qf_map_free(m);
}

static void a_walk_sees_each_entry_once_while_deleting(void **state)
{
	(void)state;
	for (int n = 0; n < 70; n++)
		for (int every = 1; every < 5; every++)
			walk(n, every);
	walk(KEYS, 1);
	walk(KEYS, 3);
	walk(KEYS, KEYS + 1);
}

static void numbers_are_keys(void **state)
{
	static const uint64_t keys[] = { 0, 1, UINT64_MAX, 1ull << 32, 0x0102030405060708 };
	struct qf_map *m = qf_map_new();

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_null(qf_map_put_u64(m, keys[i], values[i]));
	assert_ptr_equal(qf_map_put_u64(m, 1, values[9]), values[1]);
	assert_ptr_equal(qf_map_get_u64(m, 1), values[9]);
	assert_ptr_equal(qf_map_get_u64(m, UINT64_MAX), values[2]);
	assert_null(qf_map_get_u64(m, 2));
	assert_ptr_equal(qf_map_del_u64(m, 0), values[0]);
	assert_null(qf_map_del_u64(m, 0));
	assert_int_equal(qf_map_count(m), 4);
	qf_map_free(m);
}

/* From the reference implementation's vectors_sip64 (key 00..0f, message 00..n-1), read as little-endian. */
static void siphash_matches_the_published_vectors(void **state)
{
	static const struct {
		size_t n;
		uint64_t want;
	} cases[] = {
		{ 0, 0x726fdb47dd0e0e31 },  { 1, 0x74f839c593dc67fd },	{ 2, 0x0d6c8009d9a94f5a },
		{ 7, 0xab0200f58b01d137 },  { 8, 0x93f5f5799a932462 },	{ 9, 0x9e0082df0ba9e4b0 },
		{ 15, 0xa129ca6149be45e5 }, { 16, 0x3f2acc7f57c29bdb }, { 63, 0x958a324ceb064572 },
	};
	static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t message[64];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(qf_siphash(key, qf_slice(message, cases[i].n)) == cases[i].want);
}

/* Other processes compare these: the value is part of the protocol between the programs. */
static void the_fixed_hash_never_changes(void **state)
{
	(void)state;
	assert_true(qf_hash_fixed(qf_slice_str("")) == 0xd6283051ac7801c0);
	assert_true(qf_hash_fixed(qf_slice_str("select 1")) == 0x0cc08f74ae286e3b);
	assert_true(qf_hash(qf_slice_str("select 1")) == qf_hash(qf_slice_str("select 1")));
	assert_true(qf_hash(qf_slice_str("select 1")) != qf_hash_fixed(qf_slice_str("select 1")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_match_a_table),
		cmocka_unit_test(a_walk_sees_each_entry_once_while_deleting),
		cmocka_unit_test(numbers_are_keys),
		cmocka_unit_test(siphash_matches_the_published_vectors),
		cmocka_unit_test(the_fixed_hash_never_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
