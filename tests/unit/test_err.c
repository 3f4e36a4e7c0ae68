/* Error text: context, cutting, unknown codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "qf/err.h"
#include "qf/str.h"

static void set_and_prefix(void **state)
{
	struct qf_err e = { 0 };

	(void)state;
	assert_int_equal(qf_err_set(&e, -ENOENT, "%s: %s", "a.yaml", qf_strerror(-ENOENT)), -ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_string_equal(e.text, "a.yaml: No such file or directory");
	qf_err_prefix(&e, "reload %d", 2);
	assert_string_equal(e.text, "reload 2: a.yaml: No such file or directory");
	qf_err_set(&e, QF_ECONFIG, "line %d: %s", 3, e.text);
	assert_string_equal(e.text, "line 3: reload 2: a.yaml: No such file or directory");
	assert_int_equal(e.code, QF_ECONFIG);
	assert_int_equal(qf_err_set(NULL, QF_ELIMIT, "x"), QF_ELIMIT);
	qf_err_prefix(NULL, "x");
}

/* At every length, so that each cut falls once into each place of a character. */
static void a_long_text_is_cut_between_characters(void **state)
{
	char in[1200];
	struct qf_err e;

	(void)state;
	for (size_t pad = 0; pad < 8; pad++) {
		memset(in, 'a', pad);
		for (size_t i = pad; i + 9 < sizeof(in); i += 9)
			memcpy(in + i, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9);
		in[pad + (sizeof(in) - pad - 1) / 9 * 9] = 0;
		qf_err_set(&e, -1, "%s", in);
		assert_in_range(strlen(e.text), sizeof(e.text) - 4, sizeof(e.text) - 1);
		assert_true(qf_utf8_valid(qf_slice_str(e.text)));
		qf_err_prefix(&e, "x");
		assert_in_range(strlen(e.text), sizeof(e.text) - 4, sizeof(e.text) - 1);
		assert_true(qf_utf8_valid(qf_slice_str(e.text)));
		qf_err_prefix(&e, "%s", in);
		assert_true(qf_utf8_valid(qf_slice_str(e.text)));
	}
}

static void strerror_knows_all_and_is_never_null(void **state)
{
	static const struct {
		int code;
		const char *text;
	} cases[] = {
		{ -EAGAIN, "Resource temporarily unavailable" },
		{ QF_EMALFORMED, "malformed data" },
		{ QF_ELIMIT, "limit exceeded" },
		{ QF_ECONFIG, "configuration error" },
		{ QF_EUNSUPPORTED, "not supported" },
		{ QF_EREFUSED, "refused" },
		{ QF_ECLOSED, "connection closed" },
		{ -1999, "unknown error" },
		{ -2007, "unknown error" },
		{ 12, "unknown error" },
		{ -2147483647 - 1, "unknown error" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(qf_strerror(cases[i].code), cases[i].text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_prefix),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(strerror_knows_all_and_is_never_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
