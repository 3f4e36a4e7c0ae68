/* What surrounds a routing script: the frames to and from its worker, and its breaker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/qf-route/breaker.c"
#include "../../cmd/qf-route/script_frame.c"

/* ---- answers --------------------------------------------------------------------------------------- */

static void put_answer(struct qf_buf *b, uint8_t status, uint32_t line, const char *text, const char *printed)
{
	qf_buf_u8(b, status);
	qf_buf_u32(b, line);
	put_text(b, text);
	put_text(b, printed);
}

static void answers_are_read(void **state)
{
	static const struct {
		const char *name;
		uint8_t status;
		const char *text, *printed;
		bool good;
	} cases[] = {
		{ "a group", QF_SCRIPT_GROUP, "gold", "", true },
		{ "nothing", QF_SCRIPT_NONE, "", "printed\n", true },
		{ "a refusal", QF_SCRIPT_DENY, "näin ei", "", true },
		{ "an error", QF_SCRIPT_ERROR, "KeyError", "", true },
		{ "our own outcomes are not its", QF_SCRIPT_DEADLINE, "x", "", false },
		{ "an unknown status", 200, "x", "", false },
		{ "a group without a name", QF_SCRIPT_GROUP, "", "", false },
		{ "a refusal without a text", QF_SCRIPT_DENY, "", "", false },
		{ "no UTF-8", QF_SCRIPT_GROUP, "g\xff", "", false },
		{ "no UTF-8 printed", QF_SCRIPT_NONE, "", "\xc3", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_script_answer a = { .outcome = QF_SCRIPT_DOWN };
		struct qf_buf b = { 0 };

		put_answer(&b, cases[i].status, 3, cases[i].text, cases[i].printed);
		if (qf_script_read_answer(qf_buf_slice(&b), &a) != cases[i].good)
			fail_msg("%s", cases[i].name);
		assert_int_equal(a.outcome, cases[i].good ? cases[i].status : QF_SCRIPT_DOWN);
		if (cases[i].good) {
			assert_true(qf_slice_eq_str(a.text, cases[i].text));
			assert_true(qf_slice_eq_str(a.printed, cases[i].printed));
			assert_int_equal(a.line, 3);
		}
		qf_buf_fini(&b);
	}
}

static void no_part_of_an_answer_is_an_answer(void **state)
{
	struct qf_script_answer a;
	struct qf_buf b = { 0 };
	size_t whole;

	(void)state;
	put_answer(&b, QF_SCRIPT_GROUP, 0, "gold", "abc");
	whole = b.n;
	qf_buf_u8(&b, 0);
	for (size_t n = 0; n <= b.n; n++)
		assert_int_equal(qf_script_read_answer(qf_slice(b.p, n), &a), n == whole);
	qf_buf_fini(&b);
}

static void texts_are_bounded_and_hold_no_nul(void **state)
{
	struct qf_script_answer a;
	struct qf_buf b = { 0 };
	char *big = malloc(QF_SCRIPT_TEXT_MAX + 2);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', QF_SCRIPT_TEXT_MAX + 1);
	for (size_t extra = 0; extra < 2; extra++) {
		big[QF_SCRIPT_TEXT_MAX + extra] = 0;
		qf_buf_clear(&b);
		put_answer(&b, QF_SCRIPT_ERROR, 0, big, "");
		assert_int_equal(qf_script_read_answer(qf_buf_slice(&b), &a), extra == 0);
		big[QF_SCRIPT_TEXT_MAX] = 'x';
	}
	qf_buf_clear(&b);
	put_answer(&b, QF_SCRIPT_GROUP, 0, "gold", "");
	b.p[1 + 4 + 4 + 1] = 0;
	assert_false(qf_script_read_answer(qf_buf_slice(&b), &a));
	qf_buf_fini(&b);
	free(big);
}

static void every_outcome_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < QF_SCRIPT_N; i++) {
		assert_non_null(qf_script_outcome_name((enum qf_script_outcome)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(qf_script_outcome_name((enum qf_script_outcome)i),
				qf_script_outcome_name((enum qf_script_outcome)j));
		if (qf_script_hurt((enum qf_script_outcome)i))
			assert_true(qf_script_failed((enum qf_script_outcome)i));
	}
}

/* ---- the breaker ------------------------------------------------------------------------------------ */

static void the_breaker_follows_its_table(void **state)
{
	/* Steps: "a" allowed? "g" good, "b" bad, "u" unknown; then the second, and what it says. */
	static const struct {
		const char *name;
		struct {
			char what;
			unsigned at; /* in tenths of a second */
			bool says;
		} steps[12];
	} cases[] = {
		{ "three at once open it",
		  { { 'b', 1, false }, { 'b', 1, false }, { 'a', 1, true }, { 'b', 1, true }, { 'a', 2, false } } },
		{ "three within ten seconds", { { 'b', 1, false }, { 'b', 50, false }, { 'b', 101, true } } },
		{ "three in more than ten do not", { { 'b', 1, false }, { 'b', 50, false }, { 'b', 102, false } } },
		{ "the last three count",
		  { { 'b', 1, false }, { 'b', 90, false }, { 'b', 102, false }, { 'b', 110, true } } },
		{ "good answers between them change nothing",
		  { { 'b', 1, false }, { 'g', 1, false }, { 'b', 2, false }, { 'g', 2, false }, { 'b', 3, true } } },
		{ "it rests for five seconds, then one may try",
		  { { 'b', 1, false }, { 'b', 1, false }, { 'b', 1, true }, { 'a', 50, false }, { 'a', 51, true },
		    { 'a', 51, false } } },
		{ "a good test closes it",
		  { { 'b', 1, false }, { 'b', 1, false }, { 'b', 1, true }, { 'a', 60, true }, { 'g', 61, false },
		    { 'a', 61, true }, { 'b', 62, false }, { 'b', 62, false }, { 'b', 62, true } } },
		{ "a bad test opens it again",
		  { { 'b', 1, false }, { 'b', 1, false }, { 'b', 1, true }, { 'a', 60, true }, { 'b', 61, true },
		    { 'a', 110, false }, { 'a', 111, true } } },
		{ "a test that came to nothing is followed by another",
		  { { 'b', 1, false }, { 'b', 1, false }, { 'b', 1, true }, { 'a', 60, true }, { 'u', 61, false },
		    { 'a', 61, true }, { 'a', 61, false } } },
		{ "failures of questions asked before it opened do not lengthen the rest",
		  { { 'b', 1, false }, { 'b', 1, false }, { 'b', 1, true }, { 'b', 2, false }, { 'a', 51, true } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_breaker b = { 0 };

		for (size_t s = 0; cases[i].steps[s].what; s++) {
			uint64_t now = cases[i].steps[s].at * (QF_SEC / 10);
			bool says = false;

			if (cases[i].steps[s].what == 'a')
				says = qf_breaker_allows(&b, now);
			else if (cases[i].steps[s].what == 'b')
				says = qf_breaker_bad(&b, now);
			else if (cases[i].steps[s].what == 'g')
				qf_breaker_good(&b);
			else
				qf_breaker_unknown(&b, now);
			if (says != cases[i].steps[s].says)
				fail_msg("%s: step %zu", cases[i].name, s + 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(no_part_of_an_answer_is_an_answer),
		cmocka_unit_test(texts_are_bounded_and_hold_no_nul),
		cmocka_unit_test(every_outcome_has_a_name_of_its_own),
		cmocka_unit_test(the_breaker_follows_its_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
