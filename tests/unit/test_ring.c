/* The ring's tables: complete where events are unconditional, and right on the paths that matter most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/ring.h"

struct step {
	enum qf_rl_event event;
	enum qf_rl_state state;
	unsigned acts;
};

struct path {
	const char *name;
	struct qf_rl start;
	struct step steps[6];
};

#define EV(x) QF_RL_EV_##x
#define ST(x) QF_RL_##x
#define DO(x) QF_RL_DO_##x
#define RESOLVING                                        \
	{ EV(SENT), ST(SENT), 0 },                       \
	{                                                \
		EV(ROUTE_LOST), ST(RESOLVING), DO(RESOLVE) \
	}

static const struct path paths[] = {
	{ "plain", { 0 }, { { EV(SENT), ST(SENT), 0 }, { EV(END), ST(ENDED), DO(DELIVER) | DO(RETIRE) } } },
	{ "never: sent again, a write too", { 0 }, { RESOLVING, { EV(ALL_NEVER), ST(WAITING), DO(NEXT_ATTEMPT) } } },
	{ "started write: unknown",
	  { 0 },
	  { RESOLVING, { EV(OLD_STARTED), ST(ENDED), DO(FAIL_UNKNOWN) | DO(PIN_LOST) | DO(RETIRE) } } },
	{ "started read: sent again, once",
	  { .read = true },
	  { RESOLVING,
	    { EV(OLD_STARTED), ST(WAITING), DO(NEXT_ATTEMPT) },
	    RESOLVING,
	    { EV(OLD_STARTED), ST(ENDED), DO(FAIL_LOST) | DO(RETIRE) } } },
	{ "started read with rows seen: an honest error",
	  { .read = true, .delivered = true },
	  { RESOLVING, { EV(OLD_STARTED), ST(ENDED), DO(FAIL_LOST) | DO(RETIRE) } } },
	{ "started read whose data died: an honest error",
	  { .read = true, .old_volatile = true },
	  { RESOLVING, { EV(OLD_STARTED), ST(ENDED), DO(FAIL_LOST) | DO(RETIRE) } } },
	{ "started in a transaction: it is gone as a whole",
	  { .in_pin = true },
	  { RESOLVING, { EV(OLD_STARTED), ST(ENDED), DO(FAIL_LOST) | DO(PIN_LOST) | DO(RETIRE) } } },
	{ "started COMMIT: unknown",
	  { .in_pin = true, .commits = true },
	  { RESOLVING, { EV(OLD_STARTED), ST(ENDED), DO(FAIL_UNKNOWN) | DO(PIN_LOST) | DO(RETIRE) } } },
	{ "ended without rows: the journal's answer",
	  { 0 },
	  { RESOLVING, { EV(OLD_ENDED), ST(ENDED), DO(DELIVER_RECORD) | DO(RETIRE) } } },
	{ "ended with rows: they are lost",
	  { .record_rows = true },
	  { RESOLVING, { EV(OLD_ENDED), ST(ENDED), DO(FAIL_ROWS_LOST) | DO(RETIRE) } } },
	{ "cancel before placement asks first",
	  { 0 },
	  { { EV(SENT), ST(SENT), 0 },
	    { EV(CANCEL), ST(RESOLVING), DO(RESOLVE) },
	    { EV(ALL_NEVER), ST(ENDED), DO(FAIL_CANCELLED) | DO(RETIRE) } } },
	{ "an unanswered resolve of a write is unknown and not retired",
	  { 0 },
	  { RESOLVING, { EV(TIMEOUT), ST(ENDED), DO(FAIL_UNKNOWN) | DO(PIN_LOST) } } },
};

static void listener_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct qf_rl s = paths[i].start;

		for (int k = 0; k < 6 && (k == 0 || paths[i].steps[k].state); k++) {
			unsigned acts = qf_rl_step(&s, paths[i].steps[k].event);

			if (s.state != paths[i].steps[k].state || acts != paths[i].steps[k].acts)
				fail_msg("%s, step %d: state %d actions %#x", paths[i].name, k, s.state, acts);
			if (s.state == ST(ENDED) || (k < 5 && !paths[i].steps[k + 1].state && !paths[i].steps[k + 1].event))
				break;
		}
	}
}

static void fence_holds(void **state)
{
	struct qf_rd s = { 0 };

	(void)state;
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_RESOLVE, 2), QF_RD_DO_SAY_NEVER);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 1), 0);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 2), 0);
	assert_int_equal(s.state, QF_RD_FENCED);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 3), QF_RD_DO_ADMIT);
	assert_int_equal(s.attempt, 3);
}

static void placed_twice_runs_once(void **state)
{
	struct qf_rd s = { 0 };

	(void)state;
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 1), QF_RD_DO_ADMIT);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 1), 0);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_START, 0), QF_RD_DO_JOURNAL_START | QF_RD_DO_SUBMIT);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 1), 0);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_FINISH, 0), QF_RD_DO_JOURNAL_END | QF_RD_DO_SEND_END);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 1), 0);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_RESOLVE, 1), QF_RD_DO_SAY_ENDED);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_RETIRE, 0), QF_RD_DO_JOURNAL_CLEAR | QF_RD_DO_FORGET);
}

static void journal_answers_and_fences(void **state)
{
	struct qf_rd s = { .state = QF_RD_OLD_STARTED, .attempt = 1 };

	(void)state;
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_RESOLVE, 1), QF_RD_DO_SAY_OLD_STARTED);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 1), 0);
	assert_int_equal(qf_rd_step(&s, QF_RD_EV_PLACE, 2), QF_RD_DO_ADMIT);
}

static void vanished_listener(void **state)
{
	struct qf_rd queued = { .state = QF_RD_QUEUED }, running = { .state = QF_RD_RUNNING };

	(void)state;
	assert_int_equal(qf_rd_step(&queued, QF_RD_EV_LISTENER_LOST, 0), QF_RD_DO_DEQUEUE | QF_RD_DO_FORGET);
	assert_int_equal(qf_rd_step(&running, QF_RD_EV_LISTENER_LOST, 0), QF_RD_DO_INTERRUPT);
	assert_int_equal(qf_rd_step(&running, QF_RD_EV_FINISH, 0), QF_RD_DO_JOURNAL_CLEAR | QF_RD_DO_FORGET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_paths),
		cmocka_unit_test(fence_holds),
		cmocka_unit_test(placed_twice_runs_once),
		cmocka_unit_test(journal_answers_and_fences),
		cmocka_unit_test(vanished_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
