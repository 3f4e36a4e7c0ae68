/* The DuckDB adapter against the real libduckdb.so of $QF_LIBDIR or build/lib/queryflux. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_run.h"

static char dir[] = "/tmp/qf-duckdb-XXXXXX";

static bool string_is(const struct ArrowArrayView *v, int64_t row, const char *text)
{
	struct ArrowStringView s = ArrowArrayViewGetStringUnsafe(v, row);

	return (size_t)s.size_bytes == strlen(text) && memcmp(s.data, text, strlen(text)) == 0;
}

/* Runs sql and keeps what came; the caller ends it with decode_end(). */
static void decode_run(struct cluster *cl, const char *sql, struct run *r, struct decoded *d)
{
	struct qf_engine_conn *c = get_conn(cl);

	run_init(r, cl, c, sql);
	r->keep_bytes = true;
	run_submit(r);
	wait_end(r);
	if (r->end.outcome != QF_OUT_OK)
		fail_msg("%s: %s %s", sql, r->end.error.sqlstate, r->end.error.message);
	decode_begin(d, &r->bytes);
	qf_buf_fini(&r->bytes);
	cl->ops->conn_put(c, false);
}

/* ---- opening ---- */

static void expect_open_error(const struct qf_conf_cluster *cfg, int code, const char *text)
{
	struct qf_engine *e = NULL;
	struct qf_loop *loop;
	struct qf_err err = { 0 };

	assert_int_equal(qf_loop_new(&loop, NULL), 0);
	int r = qf_engine_find(QF_ENGINE_DUCKDB)->open(&e, cfg, loop, 1, &err);

	if (r == 0)
		fail_msg("opened, but \"%s\" was expected", text);
	if (!strstr(err.text, text) || (code && r != code))
		fail_msg("%d \"%s\" does not contain \"%s\"", r, err.text, text);
	qf_loop_free(loop);
}

/* A sanitizer's build has it where a program looks by itself. */
static bool library_beside(void)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	char *path = qf_xasprintf("%s/../lib/queryflux/libduckdb.so", exe);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* First of all: a library that is loaded is found again by its name alone. */
static void test_missing_library(void **state)
{
	struct qf_conf_cluster cfg = { .name = "x" };
	char *before = getenv("QF_LIBDIR") ? qf_xstrdup(getenv("QF_LIBDIR")) : NULL;

	(void)state;
	setenv("QF_LIBDIR", "/nowhere", 1);
	if (!library_beside()) {
		expect_open_error(&cfg, QF_EUNSUPPORTED, "libduckdb.so not found in /nowhere");
		expect_open_error(&cfg, QF_EUNSUPPORTED, "run `make deps`");
	}
	char *broken = qf_xasprintf("%s/libduckdb.so", dir);
	int fd = open(broken, O_CREAT | O_WRONLY, 0600);

	close(fd);
	setenv("QF_LIBDIR", dir, 1);
	expect_open_error(&cfg, QF_EUNSUPPORTED, "libduckdb.so: file too short; run `make deps`");
	unlink(broken);
	free(broken);
	setenv("QF_LIBDIR", before, 1);
	free(before);
}

static void hold_file(const char *path, int ready)
{
	struct cluster cl = { .cfg = { .name = "child", .database_path = path, .threads = 1 } };

	cluster_open(&cl, QF_ENGINE_DUCKDB, 1);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void test_file_in_use(void **state)
{
	char *path = qf_xasprintf("%s/held.duckdb", dir), pid_text[32], byte;
	struct qf_conf_cluster cfg = { .name = "x", .database_path = path, .threads = 1 };
	struct cluster cl = { .cfg = cfg };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();

	if (pid == 0)
		hold_file(path, fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	snprintf(pid_text, sizeof(pid_text), "(pid %d)", (int)pid);
	uint64_t t = qf_mono_ns();

	expect_open_error(&cfg, -EBUSY, pid_text);
	assert_in_range((qf_mono_ns() - t) / QF_MS, 1900, 10000);
	kill(pid, SIGKILL); /* it has not been waited for: open() finds the lock gone, now or on a retry */
	cluster_open(&cl, QF_ENGINE_DUCKDB, 1);
	expect_open_error(&cfg, -EBUSY, "is open in this process already");
	cluster_close(&cl);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	free(path);
}

static void test_bad_config(void **state)
{
	char *no_parent = qf_xasprintf("%s/no/such/x.duckdb", dir);
	char *not_db = qf_xasprintf("%s/not.duckdb", dir);
	const char *dirs[] = { "" };
	const struct {
		struct qf_conf_cluster cfg;
		const char *error;
	} cases[] = {
		{ { .name = "parent", .database_path = no_parent }, "databasePath: directory" },
		{ { .name = "not a database", .database_path = not_db }, "databasePath: " },
		{ { .name = "memory", .memory_limit = "much" }, "memoryLimit" },
		{ { .name = "sql", .init_sql = "SELECT 1;\nSELEKT 2" }, "initSql: Parser Error" },
		{ { .name = "dirs", .allowed_directories = dirs, .n_allowed_directories = 1 }, "allowedDirectories" },
	};
	int fd = open(not_db, O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(write(fd, "this is no database, whatever it is called here and there", 57), 57);
	close(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_open_error(&cases[i].cfg, 0, cases[i].error);
	free(no_parent);
	free(not_db);
}

/* ---- results ---- */

static void test_small_result_in_one_turn(void **state)
{
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	run_on(&r, &cl, c, "SELECT 42 AS x, 'abc' AS y");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_int_equal(r.schemas + r.batches, 2);
	assert_int_equal(r.end.rows, 1);
	assert_true(r.end.has_rows);
	assert_int_equal(r.schema_turn, r.end_turn);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_without_rows(void **state)
{
	static const struct {
		const char *sql;
		bool has_rows;
		uint64_t rows;
	} cases[] = {
		{ "SELECT 1 WHERE false", true, 0 },
		{ "-- nothing", false, 0 },
		{ "CREATE TABLE t(i INT, s VARCHAR)", false, 0 },
		{ "INSERT INTO t SELECT range, 'x' FROM range(5000)", false, 5000 },
		{ "INSERT INTO t VALUES (1, 'r') RETURNING i", true, 1 },
		{ "UPDATE t SET s = 'y' WHERE i < 10", false, 11 },
		{ "DELETE FROM t WHERE i >= 4000", false, 1000 },
		{ "CREATE TABLE u AS SELECT * FROM t", false, 4001 },
		{ "MERGE INTO u USING (SELECT 1 AS i) m ON u.i = m.i WHEN MATCHED THEN DELETE", false, 2 },
		{ "CREATE VIEW v AS SELECT 1", false, 0 },
		{ "DROP TABLE u", false, 0 },
		{ "EXPLAIN SELECT 1", true, 1 },
		{ "PIVOT (SELECT 'x' AS a, 1 AS b) ON a USING sum(b)", true, 1 },
		{ "WITH query(query, \"b\") AS (FROM query('SELECT 1, 2')) SELECT query FROM query AS query(x, query)",
		  true, 1 },
		{ "SHOW TABLES", true, 2 },
		{ "DESCRIBE t", true, 2 },
		{ "PRAGMA table_info('t')", true, 2 },
		{ "CHECKPOINT", true, 0 },
	};
	struct cluster cl;

	(void)state;
	open_memory(&cl, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct qf_engine_conn *c = get_conn(&cl);
		struct run r;

		run_on(&r, &cl, c, cases[i].sql);
		if (r.end.outcome != QF_OUT_OK || r.end.has_rows != cases[i].has_rows || r.end.rows != cases[i].rows ||
			r.schemas != cases[i].has_rows)
			fail_msg("%s: outcome %d has_rows %d rows %llu schemas %u: %s", cases[i].sql, r.end.outcome,
				r.end.has_rows, (unsigned long long)r.end.rows, r.schemas, r.end.error.message);
		cl.ops->conn_put(c, false);
	}
	cluster_close(&cl);
}

static void test_all_types(void **state)
{
	struct cluster cl;
	struct run r;
	struct decoded d;

	(void)state;
	open_memory(&cl, 2);
	decode_run(&cl, "SELECT * FROM test_all_types()", &r, &d);
	assert_true(decode_next(&d));
	assert_int_equal(d.view.length, 3);
	assert_true(d.view.n_children > 45);
	assert_false(decode_next(&d));
	decode_end(&d);
	cluster_close(&cl);
}

static void test_enum(void **state)
{
	struct cluster cl;
	struct run r;
	struct decoded d;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	must_run(&cl, c, "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy é')");
	must_run(&cl, c, "CREATE TYPE big AS ENUM (SELECT 'v' || range FROM range(70000))");
	cl.ops->conn_put(c, false);
	decode_run(&cl,
		"SELECT m, [m, NULL, 'sad'::mood] AS l, {'a': m, 'b': [m]} AS s, MAP {m: 'v69999'::big} AS p, "
		"'v300'::big AS b, array_value(m, m) AS a FROM (VALUES ('ok'::mood), (NULL), ('happy é')) t(m) "
		"WHERE m IS NOT NULL",
		&r, &d);
	for (int64_t i = 0; i < d.schema.n_children; i++)
		assert_null(d.schema.children[i]->dictionary);
	assert_string_equal(d.schema.children[0]->format, "u");
	assert_string_equal(d.schema.children[1]->children[0]->format, "u");
	assert_true(decode_next(&d));
	assert_int_equal(d.view.length, 2);
	struct ArrowArrayView **col = d.view.children;

	assert_true(string_is(col[0], 0, "ok") && string_is(col[0], 1, "happy é"));
	assert_true(string_is(col[1]->children[0], 3, "happy é"));
	assert_true(ArrowArrayViewIsNull(col[1]->children[0], 1));
	assert_true(string_is(col[1]->children[0], 2, "sad"));
	assert_true(string_is(col[2]->children[0], 1, "happy é"));
	assert_true(string_is(col[2]->children[1]->children[0], 0, "ok"));
	assert_true(string_is(col[3]->children[0]->children[0], 0, "ok"));
	assert_true(string_is(col[3]->children[0]->children[1], 1, "v69999"));
	assert_true(string_is(col[4], 0, "v300"));
	assert_true(string_is(col[5]->children[0], 1, "ok"));
	decode_end(&d);
	decode_run(&cl, "SELECT NULL::mood AS m, []::mood[] AS l FROM range(3)", &r, &d);
	assert_true(decode_next(&d));
	assert_int_equal(d.view.children[0]->null_count, 3);
	decode_end(&d);
	cluster_close(&cl);
}

static const struct {
	const char *name, *sql;
	unsigned rows, min_batches;
	size_t over; /* a row alone larger than the limit */
} splits[] = {
	{ "text", "SELECT range AS n, repeat('x', 300) AS s FROM range(10000)", 10000, 12, 0 },
	{ "large text", "SELECT range AS n, repeat('x', 100000) AS s FROM range(50)", 50, 25, 0 },
	{ "one huge row", "SELECT range AS n, repeat('x', CASE WHEN range = 3 THEN 1000000 ELSE 5 END) AS s "
			  "FROM range(3000)", 3000, 3, 1100000 },
	{ "nested", "SELECT range AS n, [repeat('x', 500), NULL, 'y'] AS s FROM range(6000)", 6000, 12, 0 },
	{ "nested huge", "SELECT range AS n, {'a': repeat('x', 200000)} AS s FROM range(20)", 20, 20, 0 },
	{ "many columns", "SELECT range AS n, * FROM range(5000), (SELECT "
			  "1::HUGEINT a,2::HUGEINT b,3::HUGEINT c,4::HUGEINT d,5::HUGEINT e,6::HUGEINT f,7::HUGEINT g,"
			  "8::HUGEINT h,9::HUGEINT i,10::HUGEINT j,11::HUGEINT k,12::HUGEINT l)", 5000, 4, 0 },
	{ "array, map, union", "SELECT range AS n, array_value(range, 1, 2) AS a, MAP {range: repeat('y', 200)} AS m, "
			       "union_value(s := repeat('z', 200)) AS u FROM range(4000)", 4000, 7, 0 },
	{ "nulls", "SELECT range AS n, CASE WHEN range % 3 = 0 THEN repeat('x', 1000) END AS s FROM range(9000)", 9000,
	  12, 0 },
};

static void test_splits(void **state)
{
	struct cluster cl;

	(void)state;
	open_memory(&cl, 2);
	for (size_t i = 0; i < sizeof(splits) / sizeof(*splits); i++) {
		struct run r;
		struct decoded d;
		int64_t next = 0;

		decode_run(&cl, splits[i].sql, &r, &d);
		while (decode_next(&d))
			for (int64_t k = 0; k < d.view.length; k++)
				if (ArrowArrayViewGetIntUnsafe(d.view.children[0], k) != next++)
					fail_msg("%s: row %lld is missing", splits[i].name, (long long)next - 1);
		decode_end(&d);
		assert_int_equal(next, splits[i].rows);
		size_t limit = splits[i].over ? splits[i].over : 256u << 10;

		if (r.batches < splits[i].min_batches || r.largest > limit || r.batches > 3 * splits[i].min_batches)
			fail_msg("%s: %u batches, largest %llu", splits[i].name, r.batches,
				(unsigned long long)r.largest);
	}
	cluster_close(&cl);
}

/* ---- windows and threads ---- */

#ifdef __SANITIZE_ADDRESS__
#define GROWTH_KB (400u << 10) /* freed memory stays in quarantine */
#else
#define GROWTH_KB (64u << 10)
#endif

static size_t resident_kb(void)
{
	size_t pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %zu", &pages), 1);
	fclose(f);
	return pages * 4;
}

static void test_stream_in_a_tiny_window(void **state)
{
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);
	size_t before = resident_kb();

	run_init(&r, &cl, c, "SELECT range AS a, range + 1 AS b, range * 2 AS c, range % 7 AS d, 'row ' || range AS e "
			     "FROM range(5000000)");
	r.job.window = 64u << 10;
	run_submit(&r);
	wait_end(&r);
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_int_equal(r.end.rows, 5000000);
	assert_int_equal(r.rows, 5000000);
	assert_true(r.wire > 200u << 20);
	if (resident_kb() > before + GROWTH_KB)
		fail_msg("grew by %zu kB", resident_kb() - before);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* One thread only: it must be free while the first job waits. */
static void test_stalled_job_holds_no_thread(void **state)
{
	struct cluster cl = { .cfg = { .name = "t", .threads = 2 } };
	struct run a, b;

	(void)state;
	cluster_open(&cl, QF_ENGINE_DUCKDB, 1);
	struct qf_engine_conn *ca = get_conn(&cl), *cb = get_conn(&cl);

	run_init(&a, &cl, ca, "SELECT * FROM range(10000000)");
	a.stall = true;
	a.job.window = 300000;
	run_submit(&a);
	turn_for(cl.loop, 50 * QF_MS);
	assert_int_equal(a.ends, 0);
	assert_in_range(a.wire, 300000, 300000 + (256u << 10));
	for (int i = 0; i < 20; i++)
		run_on(&b, &cl, cb, "SELECT 1");
	uint64_t had = a.wire;

	cl.ops->more(ca, 1000000);
	turn_for(cl.loop, 50 * QF_MS);
	assert_in_range(a.wire, had + 1, 1300000 + (256u << 10));
	a.stall = false;
	cl.ops->more(ca, 4u << 20);
	wait_end(&a);
	assert_int_equal(a.end.rows, 10000000);
	cl.ops->conn_put(ca, false);
	cl.ops->conn_put(cb, false);
	cluster_close(&cl);
}

static void test_eight_at_once(void **state)
{
	struct cluster cl;
	struct run runs[8];
	uint64_t until = qf_mono_ns() + 60 * QF_SEC;
	unsigned ended = 0;

	(void)state;
	open_memory(&cl, 2);
	for (unsigned i = 0; i < 8; i++) {
		run_init(&runs[i], &cl, get_conn(&cl),
			i % 2 ? "SELECT range, 'x' || range FROM range(300000)" :
				"SELECT count(*), sum(hash(range)) FROM range(20000000)");
		runs[i].put_back = true;
		runs[i].job.window = 512u << 10;
		run_submit(&runs[i]);
	}
	while (ended < 8 && qf_mono_ns() < until) {
		turn_for(cl.loop, 20 * QF_MS);
		ended = 0;
		for (unsigned i = 0; i < 8; i++)
			ended += runs[i].ends;
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(runs[i].ends, 1);
		assert_int_equal(runs[i].end.outcome, QF_OUT_OK);
		assert_int_equal(runs[i].rows, i % 2 ? 300000 : 1);
	}
	cluster_close(&cl);
}

static int make_dir(void **state)
{
	find_library(state);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char *cmd = qf_xasprintf("rm -rf %s", dir);
	int r = system(cmd);

	(void)state;
	free(cmd);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_library),
		cmocka_unit_test(test_file_in_use),
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_small_result_in_one_turn),
		cmocka_unit_test(test_without_rows),
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_enum),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_stream_in_a_tiny_window),
		cmocka_unit_test(test_stalled_job_holds_no_thread),
		cmocka_unit_test(test_eight_at_once),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
