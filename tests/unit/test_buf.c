/* Slices, the growable buffer and plain memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/buf.h"

static void assert_bytes(const struct qf_buf *b, const void *p, size_t n)
{
	assert_int_equal(b->n, n);
	assert_memory_equal(b->p, p, n);
}

static void slices_compare(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, caseeq;
	} cases[] = {
		{ "", "", true, true },		 { "a", "a", true, true },   { "a", "A", false, true },
		{ "a", "ab", false, false },	 { "[", "{", false, false }, { "@", "`", false, false },
		{ "SELECT", "select", false, true }, { "\xc3\x84", "\xc3\xa4", false, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_slice a = qf_slice_str(cases[i].a);

		assert_int_equal(qf_slice_eq_str(a, cases[i].b), cases[i].eq);
		assert_int_equal(qf_slice_eq(a, qf_slice_str(cases[i].b)), cases[i].eq);
		assert_int_equal(qf_slice_caseeq_str(a, cases[i].b), cases[i].caseeq);
	}
	assert_int_equal(qf_slice_str(NULL).n, 0);
	assert_true(qf_slice_eq(QF_SLICE_NONE, qf_slice_str("")));
}

static void slice_dup_ends_with_nul(void **state)
{
	char *s = qf_slice_dup(qf_slice("a\0b", 3));
	char *none = qf_slice_dup(QF_SLICE_NONE);

	(void)state;
	assert_memory_equal(s, "a\0b", 4);
	assert_string_equal(none, "");
	free(s);
	free(none);
}

static void an_empty_buffer_is_usable(void **state)
{
	struct qf_buf b = { 0 };

	(void)state;
	assert_int_equal(qf_buf_slice(&b).n, 0);
	qf_buf_consume(&b, 0);
	qf_buf_clear(&b);
	qf_buf_add(&b, NULL, 0);
	qf_buf_add_slice(&b, QF_SLICE_NONE);
	assert_non_null(qf_buf_reserve(&b, 0));
	assert_string_equal(qf_buf_cstr(&b), "");
	assert_int_equal(b.n, 0);
	qf_buf_fini(&b);
	qf_buf_fini(&b);
	assert_null(b.p);
}

static void integers_are_big_endian(void **state)
{
	static const uint8_t want[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
					0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
	struct qf_buf b = { 0 };

	(void)state;
	qf_buf_u8(&b, 0x01);
	qf_buf_u16(&b, 0x0203);
	qf_buf_u32(&b, 0);
	qf_buf_u64(&b, 0x08090a0b0c0d0e0f);
	qf_buf_put_u32_at(&b, 3, 0x04050607);
	assert_bytes(&b, want, sizeof(want));
	qf_buf_consume(&b, 3);
	qf_buf_put_u32_at(&b, 8, 0xfffefdfc);
	assert_bytes(&b, "\x04\x05\x06\x07\x08\x09\x0a\x0b\xff\xfe\xfd\xfc", 12);
	qf_buf_fini(&b);
}

static void printf_grows_as_needed(void **state)
{
	struct qf_buf b = { 0 };
	char want[5001];

	(void)state;
	memset(want, 'x', 5000);
	want[5000] = 0;
	qf_buf_printf(&b, "%s", "");
	assert_int_equal(b.n, 0);
	for (size_t n = 100; n < 300; n++) {
		qf_buf_clear(&b);
		qf_buf_printf(&b, "%.*s", (int)n, want);
		assert_bytes(&b, want, n);
	}
	qf_buf_printf(&b, "%d%s", 42, want);
	assert_int_equal(b.n, 299 + 2 + 5000);
	assert_int_equal(strlen(qf_buf_cstr(&b)), b.n);
	qf_buf_fini(&b);
}

/* Against a plain array: whatever the order of adding and taking, p and n are the live bytes. */
static void adding_and_consuming_keeps_the_bytes(void **state)
{
	struct qf_buf b = { 0 };
	static uint8_t want[1 << 20];
	size_t from = 0, to = 0;

	(void)state;
	srand(7);
	while (to < sizeof(want) - 5000) {
		size_t add = (size_t)rand() % (rand() % 10 ? 64 : 5000);

		for (size_t i = 0; i < add; i++)
			want[to + i] = (uint8_t)rand();
		qf_buf_add(&b, want + to, add);
		to += add;
		size_t take = (size_t)rand() % (b.n + 1);

		if (rand() % 5 == 0)
			take = b.n;
		qf_buf_consume(&b, take);
		from += take;
		assert_bytes(&b, want + from, to - from);
		assert_true(b.cap >= b.n);
	}
	qf_buf_fini(&b);
}

/* A session's buffer that never runs quite empty must not grow: 64 MiB through less than 1 KiB. */
static void a_stream_through_a_buffer_stays_small(void **state)
{
	struct qf_buf b = { 0 };
	uint8_t chunk[256] = { 1 };

	(void)state;
	qf_buf_u8(&b, 0);
	for (int i = 0; i < (64 << 20) / 256; i++) {
		qf_buf_add(&b, chunk, sizeof(chunk));
		qf_buf_consume(&b, sizeof(chunk));
	}
	assert_int_equal(b.n, 1);
	assert_true(b.cap + b.front <= 1024);
	qf_buf_fini(&b);
}

static void clear_keeps_the_block(void **state)
{
	struct qf_buf b = { 0 };

	(void)state;
	qf_buf_reserve(&b, 100000);
	qf_buf_add_str(&b, "hello, world");
	size_t cap = b.cap;

	qf_buf_consume(&b, 5);
	assert_bytes(&b, ", world", 7);
	qf_buf_clear(&b);
	assert_int_equal(b.cap, cap);
	assert_int_equal(b.n, 0);
	qf_buf_fini(&b);
}

static void memory_of_nothing_is_memory(void **state)
{
	void *a = qf_xmalloc(0), *b = qf_xcalloc(0, 8), *c = qf_xrealloc(NULL, 0);
	char *s = qf_xstrdup("dup"), *f = qf_xasprintf("%s-%d", "x", 3);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_string_equal(s, "dup");
	assert_string_equal(f, "x-3");
	free(a);
	free(b);
	free(c);
	free(s);
	free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare),
		cmocka_unit_test(slice_dup_ends_with_nul),
		cmocka_unit_test(an_empty_buffer_is_usable),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(printf_grows_as_needed),
		cmocka_unit_test(adding_and_consuming_keeps_the_bytes),
		cmocka_unit_test(a_stream_through_a_buffer_stays_small),
		cmocka_unit_test(clear_keeps_the_block),
		cmocka_unit_test(memory_of_nothing_is_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
