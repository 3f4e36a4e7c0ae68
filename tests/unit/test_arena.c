/* Arena: alignment, zeroing, limits, what clear keeps. */
#include <malloc.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/arena.h"

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* AddressSanitizer's allocator has no such numbers: 0 each time. */
static size_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void allocations_are_apart_aligned_and_zero(void **state)
{
	enum { COUNT = 3000 };
	static uint8_t *p[COUNT];
	static size_t n[COUNT];
	struct qf_arena *a = qf_arena_new(0);

	(void)state;
	srand(3);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			n[i] = (size_t)rand() % (rand() % 50 ? 200 : 100000);
			p[i] = qf_arena_alloc(a, n[i]);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
			assert_true(all_zero(p[i], n[i]));
			memset(p[i], i % 255 + 1, n[i]);
		}
		for (int i = 0; i < COUNT; i++)
			for (size_t j = 0; j < n[i]; j++)
				assert_int_equal(p[i][j], i % 255 + 1);
		qf_arena_clear(a);
		assert_int_equal(qf_arena_used(a), 0);
	}
	assert_null(qf_arena_free(a));
	assert_null(qf_arena_free(NULL));
}

static void a_limit_refuses_and_holds(void **state)
{
	struct qf_arena *a = qf_arena_new(10000);
	size_t got = 0;

	(void)state;
	assert_null(qf_arena_alloc(a, 10001));
	assert_null(qf_arena_alloc(a, SIZE_MAX));
	assert_null(qf_arena_alloc(a, SIZE_MAX - 15));
	assert_null(qf_arena_strndup(a, "x", SIZE_MAX));
	while (qf_arena_alloc(a, 100))
		got += 100;
	assert_in_range(got, 8000, 10000);
	assert_true(qf_arena_used(a) <= 10000);
	assert_null(qf_arena_printf(a, "%200d", 1));
	assert_null(qf_arena_strdup(a, "a text that is longer than what is left here, "
				       "and that is why it is so long that nothing fits"));
	qf_arena_clear(a);
	assert_non_null(qf_arena_alloc(a, 10000));
	assert_null(qf_arena_alloc(a, 1));
	assert_null(qf_arena_alloc(a, 0));
	qf_arena_free(a);
}

static void text(void **state)
{
	struct qf_arena *a = qf_arena_new(0);

	(void)state;
	assert_string_equal(qf_arena_strdup(a, "abc"), "abc");
	assert_string_equal(qf_arena_strdup(a, ""), "");
	assert_string_equal(qf_arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(qf_arena_strndup(a, NULL, 0), "");
	assert_memory_equal(qf_arena_strndup(a, "a\0b", 3), "a\0b", 4);
	assert_string_equal(qf_arena_printf(a, "%s=%d", "n", 7), "n=7");
	assert_int_equal(strlen(qf_arena_printf(a, "%70000d", 7)), 70000);
	qf_arena_free(a);
}

/* A block is used again after clear, so a statement loop does not go to malloc; a large one is given back. */
static void clear_keeps_one_ordinary_block(void **state)
{
	struct qf_arena *a = qf_arena_new(0);
	void *first = qf_arena_alloc(a, 64);

	(void)state;
	qf_arena_clear(a);
	assert_ptr_equal(qf_arena_alloc(a, 64), first);
	qf_arena_clear(a);
	memset(qf_arena_alloc(a, 8 << 20), 1, 8 << 20);
	qf_arena_clear(a);
	assert_ptr_equal(qf_arena_alloc(a, 64), first);
	qf_arena_free(a);

	a = qf_arena_new(0);
	size_t before = heap_in_use();

	memset(qf_arena_alloc(a, 8 << 20), 1, 8 << 20);
	qf_arena_clear(a);
	assert_int_equal(heap_in_use(), before);
	uint8_t *p = qf_arena_alloc(a, 64);

	assert_true(all_zero(p, 64));
	qf_arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_apart_aligned_and_zero),
		cmocka_unit_test(a_limit_refuses_and_holds),
		cmocka_unit_test(text),
		cmocka_unit_test(clear_keeps_one_ordinary_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
