/* The ring's tables: complete where events are unconditional, and right on the paths that matter most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/buf.h"
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
	  { .in_pin = true, .in_transaction = true },
	  { RESOLVING, { EV(OLD_STARTED), ST(ENDED), DO(FAIL_LOST) | DO(PIN_LOST) | DO(RETIRE) } } },
	{ "started COMMIT: unknown",
	  { .in_pin = true, .in_transaction = true, .commits = true },
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
	{ "a cancelled read that had started has no effect",
	  { .read = true },
	  { RESOLVING,
	    { EV(CANCEL), ST(RESOLVING), DO(RESOLVE) },
	    { EV(OLD_STARTED), ST(ENDED), DO(FAIL_CANCELLED) | DO(RETIRE) } } },
	{ "a cancelled write that had started is unknown",
	  { 0 },
	  { RESOLVING,
	    { EV(CANCEL), ST(RESOLVING), DO(RESOLVE) },
	    { EV(OLD_STARTED), ST(ENDED), DO(FAIL_UNKNOWN) | DO(PIN_LOST) | DO(RETIRE) } } },
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

/* ---- the model is about these tables ------------------------------------------------------------------- */

static char *read_model(void)
{
	char path[512];
	char *text = calloc(1, 1 << 16);
	FILE *f;

	snprintf(path, sizeof path, "%.*s/../model/ring.pml", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Rows about what the model leaves out; it says so in its opening comment. */
static bool left_out(const char *row)
{
	static const char *const words[] = { " CANCEL",	     " GONE",	     " REFUSED", " REFUSE",	" BOUNCE ",
					     " ACCEPTED",    "LISTENER_LOST", "[gone]",	 "[cancelled", "[in_pin]",
					     "[delivered]",  "[in_transaction]", "[rows]", "[orphan]",	"PLACED BOUNCED",
					     "RESOLVING ROUTE_LOST", "RESOLVING HOLDER_LOST", "RESOLVING TIMEOUT" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(row, words[i]))
			return true;
	return false;
}

/* "side STATE EVENT [guard] -> NEXT ACTIONS" becomes "STATE EVENT -> NEXT". */
static void shorten(const char *row, char out[128])
{
	char state[32], event[32], next[32];
	const char *arrow = strstr(row, "-> ");

	assert_int_equal(sscanf(row, "%*s %31s %31s", state, event), 2);
	assert_int_equal(sscanf(arrow, "-> %31s", next), 1);
	snprintf(out, 128, "T: %s %s -> %s", state, event, next);
}

static void same_as_model(void **state)
{
	char *model = read_model(), *save, wanted[128];
	struct qf_buf rows;
	size_t n = 0;

	(void)state;
	qf_buf_init(&rows);
	qf_ring_dump(&rows);
	for (char *row = strtok_r(qf_buf_cstr(&rows), "\n", &save); row; row = strtok_r(NULL, "\n", &save)) {
		shorten(row, wanted);
		if (!left_out(row) && !strstr(model, wanted))
			fail_msg("the model has no step for: %s", row);
	}
	qf_buf_clear(&rows);
	qf_ring_dump(&rows);
	for (const char *t = strstr(model, "T: "); t; t = strstr(t + 1, "T: ")) {
		char st[32], ev[32], next[32], line[160];
		bool found = false;

		if (sscanf(t, "T: %31s %31s -> %31s", st, ev, next) != 3)
			continue;
		for (char *row = qf_buf_cstr(&rows); row && *row; row = strchr(row, '\n') + 1) {
			snprintf(line, sizeof line, "%.*s", (int)strcspn(row, "\n"), row);
			shorten(line, wanted);
			snprintf(line, sizeof line, "T: %s %s -> %s", st, ev, next);
			found |= !strcmp(line, wanted);
		}
		if (!found)
			fail_msg("the code has no row for the model's: %s %s -> %s", st, ev, next);
		n++;
	}
	assert_true(n > 30);
	qf_buf_fini(&rows);
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_paths),
		cmocka_unit_test(fence_holds),
		cmocka_unit_test(placed_twice_runs_once),
		cmocka_unit_test(journal_answers_and_fences),
		cmocka_unit_test(vanished_listener),
		cmocka_unit_test(same_as_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
