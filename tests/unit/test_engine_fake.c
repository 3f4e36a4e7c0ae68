#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_run.h"

static void open_script(struct cluster *cl, const char *script)
{
	memset(cl, 0, sizeof(*cl));
	cl->cfg.script = script;
	cluster_open(cl, QF_ENGINE_FAKE, 4);
}

/* ---- the script ---- */

static const struct {
	const char *name, *script, *error;
} bad_scripts[] = {
	{ "unknown line", "match a | rows 1\nfoo bar\n", "script line 2: a line starts with" },
	{ "unknown action", "match a | jump 1", "script line 1: unknown action \"jump\"" },
	{ "no pattern", "match | rows 1", "script line 1: match needs a pattern" },
	{ "bad regex", "\n\nmatch /(/ | rows 1", "script line 3" },
	{ "bad number", "match a | rows x", "script line 1: not a number" },
	{ "no unit", "match a | delay 10", "needs ms or s" },
	{ "bad state", "match a | error 123 x", "not an SQLSTATE" },
	{ "after rows", "match a | rows 1 foo 2", "comes bytes B" },
	{ "after batches", "match a | batches 2 10ms", "comes every D" },
	{ "after crash", "match a | crash now", "nothing follows crash" },
	{ "both results", "match a | rows 2 | affected 1", "exclude each other" },
	{ "too many batches", "match a | rows 2 | batches 3 every 1ms", "more batches than rows" },
	{ "bad default", "default x | rows 1", "a line starts with" },
	{ "no log", "log /nowhere/at/all/x.log", "script: log /nowhere" },
};

static void test_bad_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_scripts) / sizeof(*bad_scripts); i++) {
		struct qf_conf_cluster cfg = { .name = "x", .script = bad_scripts[i].script };
		struct qf_engine *e = NULL;
		struct qf_loop *loop;
		struct qf_err err = { 0 };

		assert_int_equal(qf_loop_new(&loop, NULL), 0);
		if (qf_engine_find(QF_ENGINE_FAKE)->open(&e, &cfg, loop, 1, &err) == 0)
			fail_msg("%s: accepted", bad_scripts[i].name);
		if (!strstr(err.text, bad_scripts[i].error))
			fail_msg("%s: \"%s\" does not contain \"%s\"", bad_scripts[i].name, err.text,
				bad_scripts[i].error);
		qf_loop_free(loop);
	}
}

static const char *const course = "# comment\n"
				  "match empty | rows 0\n"
				  "match insert | affected 7\n"
				  "match boom | rows 3 | error 22012 division by zero\n"
				  "match nope | refuse not today\n"
				  "match gone | lost connection reset\n"
				  "match Note | notice be warned\n"
				  "match /^wide [0-9]+$/ | rows 10 bytes 100000\n"
				  "match long | rows 100000\n"
				  "match hang | hang\n"
				  "match slow | delay 80ms | rows 2\n"
				  "match drip | rows 6 | batches 3 every 30ms\n";

static const struct {
	const char *sql;
	enum qf_engine_outcome outcome;
	bool has_rows;
	uint64_t rows;
	const char *sqlstate;
} courses[] = {
	{ "select 1", QF_OUT_OK, true, 1, "" },
	{ "select EMPTY", QF_OUT_OK, true, 0, "" },
	{ "INSERT into x", QF_OUT_OK, false, 7, "" },
	{ "boom", QF_OUT_ERROR, true, 0, "22012" },
	{ "nope", QF_OUT_NOT_SENT, false, 0, "57P03" },
	{ "gone", QF_OUT_UNKNOWN, false, 0, "08007" },
	{ "note", QF_OUT_OK, false, 0, "" },
	{ "wide 12", QF_OUT_OK, true, 10, "" },
	{ "wide x", QF_OUT_OK, true, 1, "" },
	{ "long", QF_OUT_OK, true, 100000, "" },
};

static void test_courses(void **state)
{
	struct cluster cl;

	(void)state;
	open_script(&cl, course);
	for (size_t i = 0; i < sizeof(courses) / sizeof(*courses); i++) {
		struct qf_engine_conn *c = get_conn(&cl);
		struct run r;

		run_on(&r, &cl, c, courses[i].sql);
		if (r.end.outcome != courses[i].outcome || r.end.has_rows != courses[i].has_rows ||
			r.end.rows != courses[i].rows || strcmp(r.end.error.sqlstate, courses[i].sqlstate) != 0)
			fail_msg("%s: outcome %d rows %llu state %s", courses[i].sql, r.end.outcome,
				(unsigned long long)r.end.rows, r.end.error.sqlstate);
		assert_int_equal(r.schemas, courses[i].has_rows);
		assert_true(r.largest <= 256u << 10);
		assert_int_equal(r.end.conn_broken, courses[i].outcome == QF_OUT_UNKNOWN);
		assert_int_equal(r.notices, strcmp(courses[i].sql, "note") == 0);
		cl.ops->conn_put(c, false);
	}
	cluster_close(&cl);
}

static void test_values(void **state)
{
	struct cluster cl;
	struct run r;
	struct decoded d;
	int64_t next = 1;

	(void)state;
	open_script(&cl, "default | rows 5000 bytes 200");
	run_init(&r, &cl, get_conn(&cl), "select");
	r.keep_bytes = true;
	run_submit(&r);
	wait_end(&r);
	decode_begin(&d, &r.bytes);
	while (decode_next(&d)) {
		for (int64_t i = 0; i < d.view.length; i++) {
			assert_int_equal(ArrowArrayViewGetIntUnsafe(d.view.children[0], i), next++);
			assert_int_equal(ArrowArrayViewGetStringUnsafe(d.view.children[1], i).size_bytes, 200);
		}
	}
	assert_int_equal(next, 5001);
	assert_true(r.batches >= 4);
	decode_end(&d);
	qf_buf_fini(&r.bytes);
	cl.ops->conn_put(r.conn, false);
	cluster_close(&cl);
}

static void test_timing(void **state)
{
	struct cluster cl;
	struct run r;

	(void)state;
	open_script(&cl, course);
	struct qf_engine_conn *c = get_conn(&cl);
	uint64_t t = qf_mono_ns();

	run_on(&r, &cl, c, "slow");
	assert_true(r.end_ns - t >= 79 * QF_MS);
	t = qf_mono_ns();
	run_on(&r, &cl, c, "drip");
	assert_int_equal(r.batches, 3);
	assert_true(r.end_ns - t >= 59 * QF_MS);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_window(void **state)
{
	struct cluster cl;
	struct run r;

	(void)state;
	open_script(&cl, "default | rows 100 bytes 100000");
	run_init(&r, &cl, get_conn(&cl), "select");
	r.stall = true;
	r.job.window = 1000000;
	run_submit(&r);
	turn_for(cl.loop, 50 * QF_MS);
	assert_int_equal(r.ends, 0);
	assert_in_range(r.wire, 1000000, 1000000 + (256u << 10));
	uint64_t before = r.wire;

	cl.ops->more(r.conn, 1);
	turn_for(cl.loop, 20 * QF_MS);
	assert_int_equal(r.wire, before); /* still overdrawn */
	cl.ops->more(r.conn, 300000);
	turn_for(cl.loop, 20 * QF_MS);
	assert_true(r.wire > before && r.wire <= 1300001 + (256u << 10));
	r.stall = false;
	cl.ops->more(r.conn, 10000000);
	wait_end(&r);
	assert_int_equal(r.end.rows, 100);
	cl.ops->conn_put(r.conn, false);
	cluster_close(&cl);
}

static const struct {
	const char *name, *sql;
	bool stall, on_schema, on_batch;
	unsigned after_ms;
} cancels[] = {
	{ "hang", "hang", false, false, false, 20 },
	{ "before it starts", "select 1", false, false, false, 0 },
	{ "delayed", "slow", false, false, false, 10 },
	{ "window used up", "long", true, false, false, 20 },
	{ "between batches", "drip", false, false, false, 10 },
	{ "on its schema", "long", false, true, false, 1000 },
	{ "on a batch", "long", false, false, true, 1000 },
};

static void test_cancels(void **state)
{
	struct cluster cl;

	(void)state;
	open_script(&cl, course);
	for (size_t i = 0; i < sizeof(cancels) / sizeof(*cancels); i++) {
		struct qf_engine_conn *c = get_conn(&cl);
		struct run r;

		run_init(&r, &cl, c, cancels[i].sql);
		r.stall = cancels[i].stall;
		r.cancel_on_schema = cancels[i].on_schema;
		r.cancel_on_batch = cancels[i].on_batch;
		if (r.stall)
			r.job.window = 1000;
		run_submit(&r);
		if (cancels[i].after_ms)
			turn_for(cl.loop, cancels[i].after_ms * QF_MS);
		if (!r.ends)
			cl.ops->cancel(c);
		wait_end(&r);
		if (r.end.outcome != QF_OUT_CANCELLED)
			fail_msg("%s: outcome %d", cancels[i].name, r.end.outcome);
		assert_string_equal(r.end.error.sqlstate, "57014");
		cl.ops->cancel(c); /* harmless */
		turn_for(cl.loop, QF_MS);
		cl.ops->conn_put(c, false);
	}
	struct run left;

	run_init(&left, &cl, get_conn(&cl), "long");
	left.stall = true;
	left.job.window = 1000;
	run_submit(&left);
	turn_for(cl.loop, 10 * QF_MS);
	cluster_close(&cl); /* with a job that waits */
	assert_int_equal(left.ends, 0);
}

static void test_transaction(void **state)
{
	static const struct {
		const char *sql, *sqlstate;
		bool in, failed;
	} steps[] = {
		{ "BEGIN", "", true, false },
		{ "select 1", "", true, false },
		{ "boom", "22012", true, true },
		{ "select 1", "25P02", true, true },
		{ "ROLLBACK", "", false, false },
		{ "/* x */ start transaction", "", true, false },
		{ "commit", "", false, false },
		{ "boom", "22012", false, false },
	};
	struct cluster cl;

	(void)state;
	open_script(&cl, course);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct run r;

		run_on(&r, &cl, c, steps[i].sql);
		assert_string_equal(r.end.error.sqlstate, steps[i].sqlstate);
		assert_int_equal(r.end.in_transaction, steps[i].in);
		assert_int_equal(r.end.transaction_failed, steps[i].failed);
	}
	cl.ops->conn_put(c, true);
	cluster_close(&cl);
}

static void test_log_and_crash(void **state)
{
	char path[] = "/tmp/qf-fake-log-XXXXXX", text[512] = "";
	int fd = mkstemp(path);
	char *script = qf_xasprintf("log %s\nmatch crash | crash\n", path);
	int status;

	(void)state;
	assert_true(fd >= 0);
	pid_t pid = fork();

	if (pid == 0) {
		struct cluster cl;

		open_script(&cl, script);
		struct qf_engine_conn *c = get_conn(&cl);

		must_run(&cl, c, "select \"a\"\n");
		must_run(&cl, c, "crash");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	char *want = qf_xasprintf(
		"start %d \"select \\\"a\\\"\\n\"\nend %d ok \"select \\\"a\\\"\\n\"\nstart %d \"crash\"\n",
		(int)pid, (int)pid, (int)pid);

	assert_string_equal(text, want);
	free(want);
	free(script);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_scripts), cmocka_unit_test(test_courses),
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_timing),
		cmocka_unit_test(test_window),	    cmocka_unit_test(test_cancels),
		cmocka_unit_test(test_transaction), cmocka_unit_test(test_log_and_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
