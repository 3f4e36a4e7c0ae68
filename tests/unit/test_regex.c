/* Patterns of rules: what matches where, and that no pattern with no subject runs away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/regex.h"

static struct qf_regex *compile(const char *pattern)
{
	struct qf_regex *re = NULL;
	struct qf_err err;

	if (qf_regex_new(&re, qf_slice_str(pattern), NULL, &err) != 0)
		fail_msg("%s: %s", pattern, err.text);
	return re;
}

static const struct {
	const char *name, *pattern, *subject;
	int at, len; /* of the match; at -1: none */
} cases[] = {
	{ "unanchored", "big_table", "select * from big_table", 14, 9 },
	{ "case counts", "DROP", "drop table t", -1, 0 },
	{ "unless told", "(?i)DROP", "drop table t", 0, 4 },
	{ "anchored", "^\\s*drop\\b", "select 1; drop", -1, 0 },
	{ "dot stops at a newline", "a.b", "a\nb", -1, 0 },
	{ "unless told, again", "(?s)a.b", "a\nb", 0, 3 },
	{ "the dollar is the very end", "1$", "select 1\n", -1, 0 },
	{ "lines when told", "(?m)1$", "select 1\n", 7, 1 },
	{ "unicode words", "^\\w+$", "\xc3\xa9t\xc3\xa9", 0, 5 },
	{ "unicode case", "(?i)\xc3\x89", "\xc3\xa9", 0, 2 },
	{ "empty match", "x*", "abc", 0, 0 },
	{ "empty subject", "^$", "", 0, 0 },
	{ "match starts later", "a\\Kb", "ab", 1, 1 },
	{ "carriage return is white space", "from\\s+t", "from\r\nt", 0, 7 },
};

static void matches_where_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_slice subject = qf_slice_str(cases[i].subject), span = QF_SLICE_NONE;
		struct qf_regex *re = compile(cases[i].pattern);
		enum qf_regex_result r = qf_regex_match(re, subject, &span, NULL);

		if (r != (cases[i].at >= 0 ? QF_REGEX_YES : QF_REGEX_NO))
			fail_msg("%s: result %d", cases[i].name, (int)r);
		if (r == QF_REGEX_YES && (span.p - subject.p != cases[i].at || (int)span.n != cases[i].len))
			fail_msg("%s: span %td+%zu", cases[i].name, span.p - subject.p, span.n);
		qf_regex_free(re);
	}
}

/* The same result whichever of the two compiled forms is used. */
static void long_subjects_match_alike(void **state)
{
	struct qf_regex *re = compile("(?i)\\bdrop\\s+table\\b");
	size_t n = 3 * 1024 * 1024;
	char *text = malloc(n + 1);
	struct qf_slice span;

	(void)state;
	memset(text, 'x', n);
	text[n] = '\0';
	assert_int_equal(qf_regex_match(re, qf_slice(text, n), &span, NULL), QF_REGEX_NO);
	memcpy(text + n - 20, " DROP  TABLE ", 13);
	assert_int_equal(qf_regex_match(re, qf_slice(text, n), &span, NULL), QF_REGEX_YES);
	assert_ptr_equal(span.p, text + n - 19);
	assert_int_equal(span.n, 11);
	free(text);
	qf_regex_free(re);
}

static const struct {
	const char *name, *pattern;
	char fill;
	size_t n;
} slow[] = {
	{ "exponential, short", "^(a+)+$", 'a', 200 },
	{ "exponential, long", "^(a+)+$", 'a', 100000 },
	{ "exponential, anywhere", "(a|aa)+$", 'a', 1000 },
	{ "quadratic, long", "\\s+$", ' ', 1000000 },
	{ "cubic, short", "a*a*a*[bc]", 'a', 1000 },
	{ "cubic, long", "a*a*a*[bc]", 'a', 20000 },
	{ "deep recursion", "^(\\((?1)*\\)|x)", '(', 1000000 },
};

static void nothing_runs_away(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		struct qf_regex *re = compile(slow[i].pattern);
		char *text = malloc(slow[i].n + 1);
		const char *why = "-";
		uint64_t begun = qf_mono_ns(), ms;
		enum qf_regex_result r;

		memset(text, slow[i].fill, slow[i].n);
		text[slow[i].n] = slow[i].fill == '(' ? '(' : '!';
		r = qf_regex_match(re, qf_slice(text, slow[i].n + 1), NULL, &why);
		ms = (qf_mono_ns() - begun) / QF_MS;
		print_message("%-22s result %d in %llu ms: %s\n", slow[i].name, (int)r, (unsigned long long)ms, why);
		assert_int_not_equal(r, QF_REGEX_YES);
		assert_true(ms < 3000);
		free(text);
		qf_regex_free(re);
	}
}

static void giving_up_is_said(void **state)
{
	struct qf_regex *re = compile("^(a+)+$");
	char text[1001];
	const char *why = NULL;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '!';
	assert_int_equal(qf_regex_match(re, qf_slice(text, sizeof(text)), NULL, &why), QF_REGEX_GAVE_UP);
	assert_string_equal(why, "it took too many steps");
	assert_int_equal(qf_regex_match(re, qf_slice_str("aaa"), NULL, NULL), QF_REGEX_YES);
	qf_regex_free(re);
}

static void bad_patterns_say_where(void **state)
{
	struct qf_regex *re = NULL;
	struct qf_err err;
	size_t at = 99;
	char *big = malloc(70000);

	(void)state;
	assert_int_equal(qf_regex_new(&re, qf_slice_str("ab[c"), &at, &err), QF_ECONFIG);
	assert_int_equal(at, 4);
	assert_string_equal(err.text, "missing terminating ] for character class");
	assert_int_equal(qf_regex_new(&re, qf_slice_str("a\\Cb"), &at, NULL), QF_ECONFIG);
	memset(big, 'a', 70000);
	assert_int_equal(qf_regex_new(&re, qf_slice(big, 70000), NULL, &err), QF_ECONFIG);
	free(big);
	assert_null(re);
	assert_null(qf_regex_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_where_it_should),
		cmocka_unit_test(long_subjects_match_alike),
		cmocka_unit_test(nothing_runs_away),
		cmocka_unit_test(giving_up_is_said),
		cmocka_unit_test(bad_patterns_say_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
