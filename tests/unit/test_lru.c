/* The bounded cache: order, bound, replacement. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/lru.h"

static bool holds(struct qf_lru *c, const char *key, const char *value)
{
	struct qf_slice v;

	return qf_lru_get(c, qf_slice_str(key), &v) && qf_slice_eq_str(v, value);
}

static void put(struct qf_lru *c, const char *key, const char *value)
{
	qf_lru_put(c, qf_slice_str(key), qf_slice_str(value));
}

static void the_least_recently_used_goes_first(void **state)
{
	struct qf_lru *c = qf_lru_new(3 * (160 + 2));

	(void)state;
	put(c, "a", "1");
	put(c, "b", "2");
	put(c, "c", "3");
	assert_true(holds(c, "a", "1"));
	put(c, "d", "4");
	assert_false(holds(c, "b", "2"));
	assert_true(holds(c, "c", "3"));
	put(c, "a", "5");
	put(c, "e", "6");
	assert_false(holds(c, "d", "4"));
	assert_true(holds(c, "a", "5"));
	assert_int_equal(qf_lru_hits(c), 3);
	assert_int_equal(qf_lru_misses(c), 2);
	qf_lru_clear(c);
	assert_false(holds(c, "a", "5"));
	put(c, "a", "7");
	assert_true(holds(c, "a", "7"));
	assert_null(qf_lru_free(c));
	assert_null(qf_lru_free(NULL));
}

static void what_does_not_fit_is_not_kept(void **state)
{
	struct qf_lru *c = qf_lru_new(1000);
	struct qf_lru *none = qf_lru_new(0);
	uint8_t big[2000] = { 0 };
	struct qf_slice v;

	(void)state;
	put(c, "a", "1");
	put(c, "b", "2");
	qf_lru_put(c, qf_slice_str("a"), qf_slice(big, 840)); /* one byte too many with the key */
	assert_false(qf_lru_get(c, qf_slice_str("a"), &v)); /* the old value would be a lie */
	assert_true(holds(c, "b", "2"));
	qf_lru_put(c, qf_slice_str("a"), qf_slice(big, 839));
	assert_true(qf_lru_get(c, qf_slice_str("a"), &v));
	assert_int_equal(v.n, 839);
	assert_false(holds(c, "b", "2"));
	qf_lru_put(c, qf_slice_str("c"), qf_slice(big, SIZE_MAX));
	qf_lru_put(none, QF_SLICE_NONE, QF_SLICE_NONE);
	assert_false(qf_lru_get(none, QF_SLICE_NONE, &v));
	qf_lru_free(c);
	qf_lru_free(none);
}

static void a_value_may_be_put_back_from_the_cache(void **state)
{
	struct qf_lru *c = qf_lru_new(1000);
	struct qf_slice v;

	(void)state;
	put(c, "key", "value");
	assert_true(qf_lru_get(c, qf_slice_str("key"), &v));
	qf_lru_put(c, qf_slice_str("key"), qf_slice(v.p + 1, v.n - 1));
	assert_true(holds(c, "key", "alue"));
	put(c, "", "");
	assert_true(holds(c, "", ""));
	qf_lru_free(c);
}

static size_t heap_in_use(void)
{
	return mallinfo2().uordblks;
}

/* What the heap really holds, not what the cache believes: keys long and short, values of any size. */
static void the_bound_holds_under_random_puts(void **state)
{
	enum { BOUND = 1 << 20 };
	size_t before = heap_in_use(), most = 0;
	struct qf_lru *c = qf_lru_new(BOUND);
	static uint8_t bytes[100000];
	char key[200];
	struct qf_slice v;

	(void)state;
	srand(5);
	for (int i = 0; i < 100000; i++) {
		int k = rand() % 20000;
		size_t n = (size_t)snprintf(key, sizeof(key), "%0*d", k % 150 + 5, k);

		if (i % 3 == 0)
			qf_lru_get(c, qf_slice(key, n), &v);
		else
			qf_lru_put(c, qf_slice(key, n), qf_slice(bytes, (size_t)rand() % (i % 100 ? 300 : 100000)));
		size_t now = heap_in_use();

		most = now > most ? now : most;
	}
	/* AddressSanitizer's allocator reports nothing here, and then this says nothing. */
	if (most > before)
		assert_true(most - before <= BOUND + BOUND / 8);
	assert_true(qf_lru_hits(c) > 1000);
	assert_true(qf_lru_misses(c) > 1000);
	qf_lru_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_recently_used_goes_first),
		cmocka_unit_test(what_does_not_fit_is_not_kept),
		cmocka_unit_test(a_value_may_be_put_back_from_the_cache),
		cmocka_unit_test(the_bound_holds_under_random_puts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
