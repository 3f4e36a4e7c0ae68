/* Cancelling DuckDB jobs in every state. */
#include "engine_run.h"

static const char long_sql[] =
	"SELECT count(*) FROM range(100000000) a, range(1000000) b WHERE hash(a.range, b.range) = 7";

static void expect_cancelled(struct run *r, const char *name)
{
	wait_end(r);
	if (r->end.outcome != QF_OUT_CANCELLED || strcmp(r->end.error.sqlstate, "57014") != 0)
		fail_msg("%s: outcome %d %s %s", name, r->end.outcome, r->end.error.sqlstate, r->end.error.message);
}

static const struct {
	const char *name, *sql;
	bool stall, on_schema, on_batch;
	unsigned after_ms;
} cancels[] = {
	{ "before its first step", long_sql, false, false, false, 0 },
	{ "running", long_sql, false, false, false, 50 },
	{ "window used up", "SELECT * FROM range(100000000)", true, false, false, 50 },
	{ "window used up, ordered", "SELECT * FROM range(2000000) ORDER BY hash(range)", true, false, false, 1500 },
	{ "on its schema", "SELECT * FROM range(100000000)", false, true, false, 10000 },
	{ "on a batch", "SELECT * FROM range(100000000)", false, false, true, 10000 },
	{ "writing", "CREATE TABLE cancelled AS SELECT hash(range) FROM range(1000000000)", false, false, false, 50 },
};

static void test_cancel_in_every_state(void **state)
{
	struct cluster cl;
	struct run r, after;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(cancels) / sizeof(*cancels); i++) {
		run_init(&r, &cl, c, cancels[i].sql);
		r.stall = cancels[i].stall;
		r.cancel_on_schema = cancels[i].on_schema;
		r.cancel_on_batch = cancels[i].on_batch;
		if (r.stall)
			r.job.window = 100000;
		run_submit(&r);
		if (cancels[i].after_ms)
			turn_for(cl.loop, cancels[i].after_ms * QF_MS);
		uint64_t t = qf_mono_ns();

		if (!r.ends)
			cl.ops->cancel(c);
		expect_cancelled(&r, cancels[i].name);
		if (!cancels[i].on_schema && !cancels[i].on_batch && r.end_ns - t > 2 * QF_SEC)
			fail_msg("%s: took %llu ms", cancels[i].name, (unsigned long long)(r.end_ns - t) / QF_MS);
		cl.ops->cancel(c); /* harmless */
		run_on(&after, &cl, c, "SELECT 1");
		if (after.end.outcome != QF_OUT_OK)
			fail_msg("%s: hit the next: %s", cancels[i].name, after.end.error.message);
	}
	run_on(&after, &cl, c, "SELECT * FROM cancelled");
	assert_string_equal(after.end.error.sqlstate, "42P01");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* How long the longer of the two statements takes when nothing cancels it: the build and the machine decide. */
static uint64_t whole_ns(struct cluster *cl, struct qf_engine_conn *c, const char *sql)
{
	enum { TIMES = 20 };
	uint64_t start = qf_mono_ns();
	struct run r;

	for (int i = 0; i < TIMES; i++)
		run_on(&r, cl, c, sql);
	return (qf_mono_ns() - start) / TIMES;
}

/* A cancel at any moment ends this job or none, and never the next one on the connection. */
static void test_cancel_races(void **state)
{
	static const char *const sqls[] = { "SELECT sum(range) FROM range(20000)", "SELECT 1" };
	unsigned rounds = getenv("QF_TEST_ROUNDS") ? (unsigned)atoi(getenv("QF_TEST_ROUNDS")) : 10000;
	unsigned cancelled = 0;
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);
	uint64_t whole = whole_ns(&cl, c, sqls[0]);

	if (rounds > 10 * QF_SEC / whole)
		rounds = (unsigned)(10 * QF_SEC / whole); /* a slow build meets fewer, in about the same time */
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t wait = whole * 2 * (i % 200) / 200; /* from at once to after its end */

		run_init(&r, &cl, c, sqls[i % 2]);
		run_submit(&r);
		for (uint64_t t = qf_mono_ns(); qf_mono_ns() - t < wait;)
			;
		cl.ops->cancel(c);
		wait_end(&r);
		cancelled += r.end.outcome == QF_OUT_CANCELLED;
		if (r.end.outcome != QF_OUT_OK && r.end.outcome != QF_OUT_CANCELLED)
			fail_msg("round %u: %s %s", i, r.end.error.sqlstate, r.end.error.message);
		if (i % 3 == 0)
			cl.ops->cancel(c);
		run_on(&r, &cl, c, "SELECT 2");
		if (r.end.outcome != QF_OUT_OK)
			fail_msg("round %u: the next was hit: %s", i, r.end.error.message);
	}
	assert_in_range(cancelled, rounds / 1000, rounds - rounds / 1000); /* both ends were met, on a busy machine too */
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* Closing under load: what runs, waits and is queued ends without a word. */
static void test_close_under_load(void **state)
{
	static const char *const sqls[] = { long_sql, "SELECT * FROM range(100000000)", long_sql,
		"CREATE TABLE x AS SELECT hash(range) FROM range(1000000000)", "SELECT 1", "BEGIN" };
	struct run runs[6];

	(void)state;
	for (unsigned after_ms = 0; after_ms < 60; after_ms += 50) {
		struct cluster cl = { .cfg = { .name = "t", .threads = 2 } };

		cluster_open(&cl, QF_ENGINE_DUCKDB, 3); /* fewer threads than jobs */
		for (unsigned i = 0; i < 6; i++) {
			run_init(&runs[i], &cl, get_conn(&cl), sqls[i]);
			runs[i].stall = true;
			runs[i].job.window = 100000;
			run_submit(&runs[i]);
		}
		if (after_ms)
			turn_for(cl.loop, after_ms * QF_MS);
		uint64_t t = qf_mono_ns();

		cluster_close(&cl);
		assert_in_range((qf_mono_ns() - t) / QF_MS, 0, 5000);
		assert_int_equal(runs[0].ends + runs[2].ends + runs[3].ends, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel_in_every_state),
		cmocka_unit_test(test_cancel_races),
		cmocka_unit_test(test_close_under_load),
	};

	return cmocka_run_group_tests(tests, find_library, NULL);
}
