/* The bounds-checked reader at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/buf.h"

static void reads_what_the_appenders_wrote(void **state)
{
	struct qf_buf b = { 0 };

	(void)state;
	qf_buf_u8(&b, 0xfe);
	qf_buf_u16(&b, 0xfedc);
	qf_buf_u32(&b, 0xfedcba98);
	qf_buf_u64(&b, 0xfedcba9876543210);
	qf_buf_add(&b, "name\0\0xyz", 9);
	struct qf_reader r = qf_reader(qf_buf_slice(&b));

	assert_int_equal(qf_read_u8(&r), 0xfe);
	assert_int_equal(qf_read_u16(&r), 0xfedc);
	assert_int_equal(qf_read_u32(&r), 0xfedcba98);
	assert_true(qf_read_u64(&r) == 0xfedcba9876543210);
	assert_true(qf_slice_eq_str(qf_read_cstr(&r), "name"));
	assert_int_equal(qf_read_cstr(&r).n, 0);
	assert_false(qf_reader_done(&r));
	assert_true(qf_slice_eq_str(qf_read_bytes(&r, 3), "xyz"));
	assert_true(qf_reader_done(&r));
	qf_buf_fini(&b);
}

static uint64_t take(struct qf_reader *r, char what, size_t n)
{
	switch (what) {
	case '1':
		return qf_read_u8(r);
	case '2':
		return qf_read_u16(r);
	case '4':
		return qf_read_u32(r);
	case '8':
		return qf_read_u64(r);
	case 's':
		return qf_read_cstr(r).n;
	default:
		return qf_read_bytes(r, n).n;
	}
}

static void short_input_fails_and_the_error_sticks(void **state)
{
	static const struct {
		const char *name;
		const char *in;
		size_t len;
		char what;
		size_t n;
		bool ok;
	} cases[] = {
		{ "u8 of nothing", "", 0, '1', 0, false },
		{ "u16 of one", "\1", 1, '2', 0, false },
		{ "u16 of two", "\1\1", 2, '2', 0, true },
		{ "u32 of three", "\1\1\1", 3, '4', 0, false },
		{ "u64 of seven", "\1\1\1\1\1\1\1", 7, '8', 0, false },
		{ "bytes: none of none", "", 0, 'b', 0, true },
		{ "bytes: all", "abc", 3, 'b', 3, true },
		{ "bytes: one too many", "abc", 3, 'b', 4, false },
		{ "bytes: SIZE_MAX", "abc", 3, 'b', SIZE_MAX, false },
		{ "bytes: wraps to before p", "abc", 3, 'b', (size_t)-2, false },
		{ "cstr: no NUL", "abc", 3, 's', 0, false },
		{ "cstr: of nothing", "", 0, 's', 0, false },
		{ "cstr: only NUL", "\0", 1, 's', 0, true },
		{ "cstr: at the end", "ab\0", 3, 's', 0, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *copy = malloc(cases[i].len ? cases[i].len : 1); /* exact, for AddressSanitizer */
		struct qf_reader r;

		memcpy(copy, cases[i].in, cases[i].len);
		r = qf_reader(qf_slice(cases[i].len ? copy : NULL, cases[i].len));
		uint64_t v = take(&r, cases[i].what, cases[i].n);

		if (qf_reader_done(&r) != cases[i].ok)
			fail_msg("%s: done is %d", cases[i].name, !cases[i].ok);
		assert_int_equal(r.err, cases[i].ok ? 0 : QF_EMALFORMED);
		if (!cases[i].ok) {
			assert_int_equal(v, 0);
			for (const char *next = "1248sb"; *next; next++)
				assert_int_equal(take(&r, *next, 0), 0);
			assert_int_equal(r.err, QF_EMALFORMED);
			assert_int_equal(r.n, 0);
		}
		free(copy);
	}
}

static void fail_ends_reading(void **state)
{
	struct qf_reader r = qf_reader(qf_slice_str("abcdef"));

	(void)state;
	qf_read_u8(&r);
	qf_reader_fail(&r);
	assert_int_equal(qf_read_u8(&r), 0);
	assert_null(qf_read_bytes(&r, 0).p);
	assert_false(qf_reader_done(&r));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_appenders_wrote),
		cmocka_unit_test(short_input_fails_and_the_error_sticks),
		cmocka_unit_test(fail_ends_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
