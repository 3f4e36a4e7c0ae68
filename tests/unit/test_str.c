/* Text: UTF-8, quoting, hints, numbers, places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/str.h"

static void utf8_is_what_the_standard_says(void **state)
{
	static const struct {
		const char *in;
		size_t bad_at; /* the length when all is well */
	} cases[] = {
		{ "", 0 },
		{ "plain text of more than eight bytes", 35 },
		{ "\x7f", 1 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xee\x80\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "12345678\xc3\xa4""12345678\xe2\x82\xac", 21 },
		{ "\x80", 0 },			 /* a tail alone */
		{ "a\xbf", 1 },
		{ "\xc0\xaf", 0 },		 /* long form of / */
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },		 /* long form */
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xed\xa0\x80", 0 },		 /* surrogates */
		{ "\xed\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },	 /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
		{ "abc\xc3", 3 },		 /* ends inside */
		{ "abc\xe2\x82", 3 },
		{ "abc\xf0\x9f\x98", 3 },
		{ "12345678\xe2\x28\xa1", 8 },
		{ "1234567\xf0\x9f\x98x", 7 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_slice s = qf_slice_str(cases[i].in);

		if (qf_utf8_bad_at(s) != cases[i].bad_at)
			fail_msg("case %zu: bad at %zu, not %zu", i, qf_utf8_bad_at(s), cases[i].bad_at);
		assert_int_equal(qf_utf8_valid(s), cases[i].bad_at == s.n);
	}
	assert_true(qf_utf8_valid(QF_SLICE_NONE));
}

static void decimals_are_what_printf_writes(void **state)
{
	static const uint64_t values[] = { 0, 1, 9, 10, 99, 100, 4294967295u, 1795000000123456ull, UINT64_MAX / 10,
					   UINT64_MAX / 10 + 1, UINT64_MAX - 1, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char expected[32], got[21];
		int n = snprintf(expected, sizeof(expected), "%" PRIu64, values[i]);

		assert_int_equal(qf_decimal(got, values[i]), n);
		assert_string_equal(got, expected);
	}
}

static size_t encode(unsigned c, uint8_t *p)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		p[i] = (uint8_t)(0x80 | (c & 0x3f));
	p[0] = (uint8_t)(c | lead[n]);
	return n;
}

/* Every code point, whole and cut short. */
static void every_code_point(void **state)
{
	uint8_t b[4];

	(void)state;
	for (unsigned c = 0; c < 0x120000; c++) {
		size_t n = encode(c, b);
		bool want = c < 0x110000 && (c < 0xd800 || c > 0xdfff);

		if (qf_utf8_valid(qf_slice(b, n)) != want)
			fail_msg("U+%04X", c);
		if (qf_utf8_cut(qf_slice(b, n)) != n)
			fail_msg("U+%04X is whole", c);
		for (size_t less = 1; less < n; less++)
			if (qf_utf8_valid(qf_slice(b, less)) || qf_utf8_cut(qf_slice(b, less)) != 0)
				fail_msg("U+%04X cut to %zu", c, less);
	}
}

static void cutting(void **state)
{
	static const struct {
		const char *in;
		size_t want;
	} cases[] = {
		{ "", 0 },	       { "abc", 3 },	       { "ab\xc3", 2 },		  { "ab\xe2\x82", 2 },
		{ "a\xf0\x9f\x98", 1 }, { "\x80\x80\x80", 3 },  { "a\x80\x80\x80\x80", 5 }, { "a\xc3\xa4", 3 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(qf_utf8_cut(qf_slice_str(cases[i].in)), cases[i].want);
}

static void quoting(void **state)
{
	static const struct {
		const char *in;
		size_t len, max;
		const char *want;
	} cases[] = {
		{ "", 0, 10, "\"\"" },
		{ "plain", 5, 5, "\"plain\"" },
		{ "longer", 6, 5, "\"longe\"..." },
		{ "a\"b\\c", 5, 99, "\"a\\\"b\\\\c\"" },
		{ "\n\r\t\0\x1b\x7f", 6, 99, "\"\\n\\r\\t\\x00\\x1b\\x7f\"" },
		{ "\xc3\xa4", 2, 99, "\"\\xc3\\xa4\"" },
		{ "abc", 3, 0, "\"\"..." },
	};
	struct qf_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		qf_buf_clear(&b);
		qf_quote_log(&b, qf_slice(cases[i].in, cases[i].len), cases[i].max);
		assert_string_equal(qf_buf_cstr(&b), cases[i].want);
	}
	qf_buf_fini(&b);
}

static void hints(void **state)
{
	static const char *const names[] = { "", "maxRunningQueries", "routers", "routingFallback", "clusters", "tls",
					     "ip", NULL };
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "maxRuningQueries", "maxRunningQueries" },
		{ "maxrunningqueries", "maxRunningQueries" },
		{ "max_running_queries", "maxRunningQueries" },
		{ "router", "routers" },
		{ "ruoters", "routers" },
		{ "routingFallbak", "routingFallback" },
		{ "cluster", "clusters" },
		{ "tsl", "tls" },
		{ "pi", "ip" },
		{ "xyz", NULL },
		{ "", NULL },
		{ "q", NULL },
		{ "frontends", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = qf_nearest(cases[i].in, names);

		if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].in, got ? got : "(none)");
	}
	assert_null(qf_nearest(NULL, names));
}

static void numbers(void **state)
{
	static const struct {
		const char *in;
		uint64_t min, max;
		int r;
		uint64_t want;
	} cases[] = {
		{ "0", 0, 10, 0, 0 },
		{ "10", 0, 10, 0, 10 },
		{ "0010", 0, 10, 0, 10 },
		{ "11", 0, 10, -ERANGE, 0 },
		{ "4", 5, 10, -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
		{ "184467440737095516150", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999999999999999", 0, 5, -ERANGE, 0 },
		{ "99999999999999999999999999999999999x", 0, 5, -EINVAL, 0 },
		{ "", 0, 10, -EINVAL, 0 },
		{ NULL, 0, 10, -EINVAL, 0 },
		{ "-1", 0, 10, -EINVAL, 0 },
		{ "+1", 0, 10, -EINVAL, 0 },
		{ " 1", 0, 10, -EINVAL, 0 },
		{ "1 ", 0, 10, -EINVAL, 0 },
		{ "0x1", 0, 10, -EINVAL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = 77;

		assert_int_equal(qf_parse_u64(cases[i].in, cases[i].min, cases[i].max, &v), cases[i].r);
		assert_true(v == (cases[i].r ? 77 : cases[i].want));
	}
}

static void places(void **state)
{
	static const struct {
		const char *in;
		size_t at;
		unsigned line, column;
	} cases[] = {
		{ "", 0, 1, 1 },	   { "abc", 0, 1, 1 },	      { "abc", 2, 1, 3 },
		{ "abc", 99, 1, 4 },	   { "a\nb", 1, 1, 2 },	      { "a\nb", 2, 2, 1 },
		{ "a\r\n\nbc", 5, 3, 2 },  { "\xc3\xa4x", 2, 1, 2 },  { "\xc3\xa4x", 1, 1, 1 },
		{ "\xe2\x82\xac\xc3\xa4\n\xc3\xa4z", 8, 2, 2 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned line = 0, column = 0;

		qf_text_place(qf_slice_str(cases[i].in), cases[i].at, &line, &column);
		if (line != cases[i].line || column != cases[i].column)
			fail_msg("case %zu: %u:%u", i, line, column);
	}
}

static void the_clock_goes_on(void **state)
{
	uint64_t a = qf_mono_ns(), b = qf_mono_ns();

	(void)state;
	assert_true(b >= a);
	assert_true(b - a < QF_SEC);
	assert_true(qf_real_us() > 1600000000ull * 1000000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_what_the_standard_says),
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(cutting),
		cmocka_unit_test(quoting),
		cmocka_unit_test(hints),
		cmocka_unit_test(numbers),
		cmocka_unit_test(decimals_are_what_printf_writes),
		cmocka_unit_test(places),
		cmocka_unit_test(the_clock_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
