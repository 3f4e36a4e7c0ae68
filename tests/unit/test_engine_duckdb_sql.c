/* Errors, transactions, settings and limits of the DuckDB adapter, statement by statement. */
#include <sys/stat.h>

#include "engine_run.h"

/* ---- errors ---- */

static const struct {
	const char *sql, *sqlstate;
	unsigned position;
	const char *message, *hint;
} errors[] = {
	{ "SELEKT 1", "42601", 1, "syntax error at or near \"SELEKT\"", NULL },
	{ "SELECT ((1", "42601", 11, "syntax error at end of input", NULL },
	{ "SELECT 1; SELECT 2", "42601", 0, "more than one statement", NULL },
	{ "  /* é */ SELECT nope", "42703", 18, "Referenced column \"nope\"", NULL },
	{ "PIVOT (SELECT 'x' AS a, nope AS b) ON a USING sum(b)", "42703", 0, "Referenced column", NULL },
	{ "SELECT 1 FROM missing", "42P01", 15, "Table with name missing", NULL },
	{ "SELECT 1 FROM nix.t", "3F000", 15, "schema \"nix\" does not exist", NULL },
	{ "SELECT foo(1)", "42883", 8, "Function with name foo", "floor" },
	{ "SELECT upper(1, 2, 3)", "42883", 8, "No function matches", NULL },
	{ "SELECT CAST(1 AS nixtype)", "42704", 18, "Type with name nixtype", NULL },
	{ "SELECT x FROM (SELECT 1 AS x) a, (SELECT 3 AS x) b", "42702", 8, "Ambiguous", NULL },
	{ "SELECT sum(range), range FROM range(3)", "42803", 20, "GROUP BY", NULL },
	{ "SELECT 1 WHERE sum(1) > 0", "42803", 16, "aggregates", NULL },
	{ "SELECT unnest(1)", "42804", 8, "UNNEST", NULL },
	{ "SELECT 'x'::INT", "22P02", 11, "Could not convert string 'x'", NULL },
	{ "SELECT 'x' + DATE '2020-01-01'", "42725", 12, "best candidate", NULL },
	{ "SELECT 300::TINYINT", "22003", 11, "out of range", NULL },
	{ "SELECT 9223372036854775807 + 1", "22003", 0, "Overflow", NULL },
	{ "SELECT '2020-99-01'::DATE", "22008", 20, "out of range", NULL },
	{ "SELECT '2020-01-01 25:00:00'::TIMESTAMP", "22008", 29, "out of range", NULL },
	{ "SELECT 'today?'::DATE", "22007", 16, "invalid date field format", NULL },
	{ "SELECT strptime('x', '%Y')", "22007", 0, "Could not parse", NULL },
	{ "SELECT error('boom')", "22023", 0, "boom", NULL },
	{ "SELECT (SELECT range FROM range(3))", "21000", 0, "More than one row", NULL },
	{ "SELECT $1", "42P02", 0, "Values were not provided", NULL },
	{ "SELECT 1::VARIANT", "0A000", 0, "VARIANT", "Cast" },
	{ "INSERT INTO p VALUES (7, 1, 1) RETURNING i::VARIANT", "0A000", 0, "VARIANT", "Cast" },
	{ "INSERT INTO p VALUES (1, 1, 1)", "23505", 0, "Duplicate key", NULL },
	{ "INSERT INTO p VALUES (2, NULL, 1)", "23502", 0, "NOT NULL", NULL },
	{ "INSERT INTO p VALUES (3, 1, 0)", "23514", 0, "CHECK", NULL },
	{ "INSERT INTO f VALUES (9)", "23503", 0, "foreign key", NULL },
	{ "INSERT INTO p VALUES (1)", "42601", 0, "values were supplied", NULL },
	{ "INSERT INTO p(nocol) VALUES (1)", "42703", 0, "does not have a column", NULL },
	{ "CREATE TABLE p(i INT)", "42P07", 0, "already exists", NULL },
	{ "CREATE SCHEMA main", "42P06", 0, "already exists", NULL },
	{ "CREATE TABLE d(a INT, a INT)", "42701", 0, "Column with name a", NULL },
	{ "CREATE MACRO m(a) AS a", "42723", 0, "already exists", NULL },
	{ "DROP TABLE p", "2BP01", 0, "Could not drop", NULL },
	{ "EXECUTE nix", "26000", 0, "Prepared statement", NULL },
	{ "SET nosuch = 1", "55P02", 0, "locked", NULL },
	{ "COMMIT", "25P01", 0, "no transaction is active", NULL },
	{ "SET TimeZone = 'Nowhere/Nix'", "22023", 0, "Unknown TimeZone", NULL },
	{ "SELECT 1 FROM read_csv('/etc/passwd')", "42501", 15, "disabled by configuration", "allowedDirectories" },
	{ "COPY (SELECT 1) TO '/tmp/qf-never.csv'", "42501", 0, "disabled by configuration", NULL },
	{ "ATTACH '/tmp/qf-never.duckdb'", "42501", 0, "ATTACH and DETACH", "initSql" },
	{ "ATTACH ':memory:' AS m2", "42501", 0, "ATTACH and DETACH", "initSql" },
	{ "LOAD httpfs", "42501", 0, "extensions", "initSql" },
	{ "ALTER DATABASE memory SET ALIAS TO other", "42501", 0, "ALTER DATABASE", "initSql" },
	{ "/* x */ alter -- y\n database if exists memory set alias to other", "42501", 0, "ALTER DATABASE", "initSql" },
	{ "EXPLAIN ANALYZE SET GLOBAL TimeZone = 'Europe/Paris'", "42501", 0, "EXPLAIN of a command", "initSql" },
	{ "EXPLAIN (FORMAT json) SET GLOBAL TimeZone = 'Europe/Paris'", "42501", 0, "EXPLAIN of a command", "initSql" },
	{ "EXPLAIN (ANALYZE, FORMAT json) PRAGMA enable_verification", "42501", 0, "EXPLAIN of a command", "initSql" },
	{ "explain/**/analyze pragma enable_verification", "42501", 0, "EXPLAIN of a command", "initSql" },
	{ "EXPLAIN UPDATE EXTENSIONS", "42501", 0, "EXPLAIN of a command", "initSql" },
	{ "EXPLAIN ANALYZE INSTALL httpfs", "42501", 0, "EXPLAIN of a command", "initSql" },
	{ "EXPLAIN ANALYZE CALL enable_peg_parser()", "42501", 0, "parser", "initSql" },
	{ "INSTALL httpfs", "42501", 0, "extensions", "initSql" },
	{ "PRAGMA enable_profiling", "42501", 0, "profiling", NULL },
	{ "PRAGMA enable_verification", "42501", 0, "PRAGMA", NULL },
	{ "PRAGMA disable_checkpoint_on_shutdown", "42501", 0, "PRAGMA", NULL },
	{ "SET threads = 1", "55P02", 0, "locked", "initSql" },
	{ "RESET threads", "55P02", 0, "locked", NULL },
	{ "PRAGMA threads = 1", "55P02", 0, "locked", NULL },
	{ "SET memory_limit = '1TB'", "55P02", 0, "locked", NULL },
	{ "SET lock_configuration = false", "55P02", 0, "locked", NULL },
	{ "SET GLOBAL TimeZone = 'Europe/Berlin'", "42501", 0, "global", NULL },
	{ "SELECT * FROM enable_logging(storage = 'file', storage_path = '/tmp/x')", "42501", 0, "logging", NULL },
	{ "CALL \"ENABLE_logging\"()", "42501", 0, "logging", NULL },
	{ "FROM query('FROM enable_log' || 'ging()')", "42501", 0, "made at run time", NULL },
	{ "FROM query(E'FROM \\x65nable_logging()')", "42501", 0, "made at run time", NULL },
	{ "FROM \"query\" /* x */ ('a' 'b')", "42501", 0, "made at run time", NULL },
	{ "CREATE MACRO run(x) AS TABLE FROM query(x)", "42501", 0, "made at run time", NULL },
	{ "FROM query('FROM enable_LOGGING()')", "42501", 0, "logging", NULL },
	{ "FROM json_execute_serialized_sql('{}')", "42501", 0, "made at run time", NULL },
	{ "CALL disable_peg_parser()", "42501", 0, "parser", NULL },
	{ "IMPORT DATABASE '/tmp'", "42501", 0, "IMPORT", NULL },
	{ "COPY p FROM STDIN", "0A000", 0, "COPY FROM STDIN is not supported", "INSERT" },
	{ "/* x */ copy (SELECT 1) to stdout (FORMAT csv)", "0A000", 0, "COPY TO STDOUT is not supported", "SELECT" },
	{ "COPY p TO '/tmp/stdout' (HEADER)", "42501", 0, "disabled by configuration", NULL },
	{ "COPY (SELECT 1 FROM stdin) TO '/tmp/qf-never.csv'", "42P01", 21, "stdin", NULL },
	{ "LISTEN x", "0A000", 0, "LISTEN and NOTIFY", "poll" },
	{ "NOTIFY x", "0A000", 0, "LISTEN and NOTIFY", "poll" },
	{ "DECLARE c CURSOR FOR SELECT 1", "0A000", 0, "cursors of this protocol are not supported", "streamed" },
	{ "FETCH 1 FROM c", "0A000", 0, "cursors", NULL },
	{ "CLOSE c", "0A000", 0, "cursors", NULL },
	{ "RELEASE a", "3B001", 0, "savepoint \"a\" does not exist", NULL },
	{ "ROLLBACK WORK TO SAVEPOINT a", "3B001", 0, "savepoint \"a\"", NULL },
	{ "abort to a", "3B001", 0, "savepoint \"a\"", NULL },
	{ "SAVEPOINT", "42601", 0, "the name of a savepoint is expected", NULL },
	{ "CREATE PERSISTENT SECRET s (TYPE http)", "22023", 0, "ersistent secrets", NULL },
};

static void check_error(const struct run *r, size_t i)
{
	const struct qf_sql_error *e = &r->end.error;

	if (r->end.outcome != QF_OUT_ERROR || strcmp(e->sqlstate, errors[i].sqlstate) != 0 ||
		e->position != errors[i].position)
		fail_msg("%s: outcome %d %s at %u, not %s at %u: %s", errors[i].sql, r->end.outcome, e->sqlstate,
			e->position, errors[i].sqlstate, errors[i].position, e->message);
	if (errors[i].message && !strstr(e->message, errors[i].message))
		fail_msg("%s: \"%s\" does not say \"%s\"", errors[i].sql, e->message, errors[i].message);
	if (errors[i].hint && !strstr(e->hint, errors[i].hint))
		fail_msg("%s: the hint \"%s\" does not say \"%s\"", errors[i].sql, e->hint, errors[i].hint);
	if (strchr(e->message, '{') || strstr(e->message, "LINE 1"))
		fail_msg("%s: raw text in \"%s\"", errors[i].sql, e->message);
	assert_false(r->end.conn_broken);
}

static void test_errors(void **state)
{
	static const char *const setup[] = {
		"CREATE TABLE p(i INT PRIMARY KEY, n INT NOT NULL, c INT CHECK (c > 0))", "CREATE TABLE f(i INT REFERENCES p(i))", "INSERT INTO p VALUES (1, 1, 1)", "CREATE MACRO m(a) AS a + 1" };
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(setup) / sizeof(*setup); i++)
		must_run(&cl, c, setup[i]);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		run_on(&r, &cl, c, errors[i].sql);
		check_error(&r, i);
		run_on(&r, &cl, c, "SELECT 1");
		assert_int_equal(r.end.outcome, QF_OUT_OK);
	}
	run_on(&r, &cl, c, "SELECT * FROM p");
	assert_int_equal(r.end.rows, 1); /* what ended as an error has changed nothing */
	cl.ops->conn_put(c, true);
	cluster_close(&cl);
}

static void test_hostile_text(void **state)
{
	struct cluster cl;
	struct run r;
	struct qf_buf b;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	run_init(&r, &cl, c, "");
	r.job.sql = qf_slice("SELECT 1\0 x", 11);
	run_submit(&r);
	wait_end(&r);
	assert_string_equal(r.end.error.sqlstate, "22021");
	run_on(&r, &cl, c, "SELECT 1 AS \"\xff\""); /* DuckDB itself would take it */
	assert_string_equal(r.end.error.sqlstate, "22021");
	qf_buf_init(&b);
	qf_buf_add_str(&b, "SELECT ");
	for (int i = 0; i < 100000; i++)
		qf_buf_u8(&b, '(');
	qf_buf_u8(&b, '1');
	for (int i = 0; i < 100000; i++)
		qf_buf_u8(&b, ')');
	run_on(&r, &cl, c, qf_buf_cstr(&b));
	assert_int_equal(r.end.outcome, QF_OUT_ERROR);
	qf_buf_fini(&b);
	run_on(&r, &cl, c, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_out_of_memory(void **state)
{
	struct cluster cl = { .cfg = { .name = "small", .memory_limit = "20MB", .threads = 1,
				       .init_sql = "SET temp_directory = ''" } };
	struct run r;

	(void)state;
	cluster_open(&cl, QF_ENGINE_DUCKDB, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	run_on(&r, &cl, c, "SELECT count(*) FROM (SELECT DISTINCT hash(range), 'a' || range FROM range(5000000))");
	assert_int_equal(r.end.outcome, QF_OUT_ERROR);
	assert_string_equal(r.end.error.sqlstate, "53200");
	must_run(&cl, c, "SELECT 1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* ---- transactions and sessions ---- */

static void test_transactions(void **state)
{
	static const struct {
		const char *sql, *sqlstate;
		bool in, failed;
		unsigned notices;
		uint64_t rows;
	} steps[] = {
		{ "CREATE TABLE t(i INT PRIMARY KEY)", "", false, false, 0, 0 },
		{ "BEGIN", "", true, false, 0, 0 },
		{ "INSERT INTO t VALUES (1)", "", true, false, 0, 1 },
		{ "SELECT * FROM missing", "42P01", true, false, 0, 0 }, /* does not abort DuckDB's transaction */
		{ "SELECT 'x'::INT", "22P02", true, true, 0, 0 },	 /* does */
		{ "SELECT 1", "25P02", true, true, 0, 0 },
		{ "-- end it\nCOMMIT", "", false, false, 1, 0 }, /* which rolls back */
		{ "SELECT * FROM t", "", false, false, 0, 0 },
		{ "start transaction", "", true, false, 0, 0 },
		{ "INSERT INTO t VALUES (2)", "", true, false, 0, 1 },
		{ "COMMIT", "", false, false, 0, 0 },
		{ "BEGIN TRANSACTION", "", true, false, 0, 0 },
		{ "INSERT INTO t VALUES (2)", "23505", true, true, 0, 0 },
		{ "ROLLBACK", "", false, false, 0, 0 },
		{ "SELECT * FROM t", "", false, false, 0, 1 },
		{ "ROLLBACK", "25P01", false, false, 0, 0 },
		{ "BEGIN", "", true, false, 0, 0 },
		{ "BEGIN", "25001", true, true, 0, 0 },
		{ "ABORT", "", false, false, 0, 0 },
		{ "BEGIN", "", true, false, 0, 0 },
		{ "SAVEPOINT a", "", true, false, 0, 0 },
		{ "SELECT * FROM missing", "42P01", true, false, 0, 0 },
		{ "SAVEPOINT \"B\"", "", true, false, 0, 0 },
		{ "ROLLBACK TO b", "3B001", true, false, 0, 0 },
		{ "/* x */ abort work to savepoint A", "", true, false, 0, 0 },
		{ "RELEASE \"B\"", "3B001", true, false, 0, 0 }, /* it went with that */
		{ "INSERT INTO t VALUES (5)", "", true, false, 0, 1 },
		{ "ROLLBACK TO A", "0A000", true, false, 0, 0 },
		{ "SAVEPOINT a", "", true, false, 0, 0 },
		{ "ROLLBACK TRANSACTION TO a", "", true, false, 0, 0 },
		{ "RELEASE SAVEPOINT a", "", true, false, 0, 0 },
		{ "RELEASE a", "", true, false, 0, 0 },
		{ "RELEASE a", "3B001", true, false, 0, 0 },
		{ "SAVEPOINT c", "", true, false, 0, 0 },
		{ "SELECT 'x'::INT", "22P02", true, true, 0, 0 },
		{ "ROLLBACK TO c", "0A000", true, true, 0, 0 },
		{ "ROLLBACK", "", false, false, 0, 0 },
		{ "BEGIN", "", true, false, 0, 0 },
		{ "ROLLBACK TO c", "3B001", true, false, 0, 0 },
		{ "ROLLBACK", "", false, false, 0, 0 },
	};
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		run_on(&r, &cl, c, steps[i].sql);
		if (strcmp(r.end.error.sqlstate, steps[i].sqlstate) != 0 || r.end.in_transaction != steps[i].in ||
			r.end.transaction_failed != steps[i].failed || r.notices != steps[i].notices ||
			r.end.rows != steps[i].rows)
			fail_msg("%zu %s: %s in %d failed %d: %s", i, steps[i].sql, r.end.error.sqlstate,
				r.end.in_transaction, r.end.transaction_failed, r.end.error.message);
	}
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_write_conflict(void **state)
{
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *a = get_conn(&cl), *b = get_conn(&cl);

	must_run(&cl, a, "CREATE TABLE t(i INT)");
	must_run(&cl, a, "INSERT INTO t VALUES (1)");
	must_run(&cl, a, "BEGIN");
	must_run(&cl, b, "BEGIN");
	must_run(&cl, a, "UPDATE t SET i = 2");
	run_on(&r, &cl, b, "UPDATE t SET i = 3");
	assert_string_equal(r.end.error.sqlstate, "40001");
	assert_true(r.end.in_transaction && r.end.transaction_failed);
	must_run(&cl, a, "COMMIT");
	must_run(&cl, b, "ROLLBACK");
	cl.ops->conn_put(a, false);
	cl.ops->conn_put(b, false);
	cluster_close(&cl);
}

/* What a statement left on a connection is not there for the next user, committed or not. */
static void test_conn_put_leaves_nothing(void **state)
{
	static const char *const dirt[] = { "CREATE TEMP TABLE x AS SELECT 1", "PREPARE x AS SELECT 1",
		"SET VARIABLE x = 1", "USE memory.other", "SET TimeZone = 'Europe/Berlin'", "BEGIN" };
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	must_run(&cl, c, "CREATE SCHEMA other");
	cl.ops->conn_put(c, false);
	for (size_t i = 0; i < sizeof(dirt) / sizeof(*dirt); i++) {
		c = get_conn(&cl);
		must_run(&cl, c, dirt[i]);
		cl.ops->conn_put(c, false);
		c = get_conn(&cl);
		run_on(&r, &cl, c, "SELECT 1 WHERE current_schema() = 'main' AND getvariable('x') IS NULL AND "
				   "current_setting('TimeZone') = 'UTC'");
		if (r.end.rows != 1)
			fail_msg("%s is still there", dirt[i]);
		run_on(&r, &cl, c, "SELECT * FROM x");
		assert_string_equal(r.end.error.sqlstate, "42P01");
		run_on(&r, &cl, c, "EXECUTE x");
		assert_string_equal(r.end.error.sqlstate, "26000");
		assert_false(r.end.in_transaction);
		cl.ops->conn_put(c, false);
	}
	cluster_close(&cl);
}

/* ---- settings ---- */

static void run_with(struct cluster *cl, struct qf_engine_conn *c, struct run *r, const char *sql,
	const struct qf_engine_setting *set, size_t n)
{
	run_init(r, cl, c, sql);
	r->job.settings = set;
	r->job.n_settings = n;
	run_submit(r);
	wait_end(r);
}

static void test_settings(void **state)
{
	static const struct {
		struct qf_engine_setting set[2];
		size_t n;
		const char *sql, *sqlstate;
		uint64_t rows;
	} steps[] = {
		{ { { "timezone", "Europe/Berlin" } }, 1,
		  "SELECT 1 WHERE current_setting('TimeZone') = 'Europe/Berlin'", "", 1 },
		{ { { 0 } }, 0, "SELECT 1 WHERE current_setting('TimeZone') = 'UTC'", "", 1 },
		{ { { "schema", "other" } }, 1, "SELECT * FROM hidden", "", 2 },
		{ { { "schema", "other" }, { "timezone", "Asia/Tokyo" } }, 2,
		  "SELECT 1 FROM hidden WHERE current_setting('TimeZone') = 'Asia/Tokyo'", "", 2 },
		{ { { 0 } }, 0, "SELECT * FROM hidden", "42P01", 0 },
		{ { { "schema", "it's" } }, 1, "SELECT 1", "3F000", 0 },
		{ { { "timezone", "No/Where" } }, 1, "SELECT 1", "22023", 0 },
		{ { { "work_mem", "1" }, { "search_path", "nix" } }, 2, "SELECT 1", "", 1 }, /* of other engines */
		{ { { 0 } }, 0, "SET TimeZone = 'Asia/Tokyo'", "", 0 },
		{ { { 0 } }, 0, "SELECT 1 WHERE current_setting('TimeZone') = 'UTC'", "", 1 },
		{ { { 0 } }, 0, "SELECT 1 WHERE current_schema() = 'main'", "", 1 },
	};
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	must_run(&cl, c, "CREATE SCHEMA other");
	must_run(&cl, c, "CREATE TABLE other.hidden AS SELECT * FROM range(2)");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		run_with(&cl, c, &r, steps[i].sql, steps[i].set, steps[i].n);
		if (strcmp(r.end.error.sqlstate, steps[i].sqlstate) != 0 || r.end.rows != steps[i].rows)
			fail_msg("%zu %s: %s %llu rows: %s", i, steps[i].sql, r.end.error.sqlstate,
				(unsigned long long)r.end.rows, r.end.error.message);
	}
	must_run(&cl, c, "BEGIN");
	run_on(&r, &cl, c, "SELECT 'x'::INT");
	run_with(&cl, c, &r, "ROLLBACK", &(struct qf_engine_setting){ "timezone", "Asia/Tokyo" }, 1);
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* ---- files ---- */

static char dir[] = "/tmp/qf-duckdb-sql-XXXXXX";

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_allowed_directories(void **state)
{
	char *allowed = qf_xasprintf("%s/it's allowed", dir), *init, *sql;
	char *database = qf_xasprintf("%s/files.duckdb", dir);
	const char *dirs[] = { allowed };
	struct cluster cl = { .cfg = { .name = "f", .threads = 1, .database_path = database,
				       .allowed_directories = dirs, .n_allowed_directories = 1 } };
	struct run r;

	(void)state;
	assert_int_equal(mkdir(allowed, 0700), 0);
	write_file(sql = qf_xasprintf("%s/in.csv", allowed), "a,b\n1,2\n3,4\n");
	free(sql);
	write_file(sql = qf_xasprintf("%s/out.csv", dir), "a\n1\n");
	init = qf_xasprintf("CREATE TABLE taken AS SELECT * FROM '%s'; CREATE TABLE also AS SELECT 1", sql);
	free(sql);
	cl.cfg.init_sql = init;
	cluster_open(&cl, QF_ENGINE_DUCKDB, 2);
	struct qf_engine_conn *c = get_conn(&cl);

	run_on(&r, &cl, c, "SELECT * FROM taken, also");
	assert_int_equal(r.end.rows, 1);
	sql = qf_xasprintf("SELECT * FROM '%s/it''s allowed/in.csv'", dir);
	run_on(&r, &cl, c, sql);
	assert_int_equal(r.end.rows, 2);
	free(sql);
	sql = qf_xasprintf("COPY taken TO '%s/it''s allowed/new.csv'", dir);
	must_run(&cl, c, sql);
	free(sql);
	sql = qf_xasprintf("SELECT * FROM '%s/it''s allowed/../out.csv'", dir);
	run_on(&r, &cl, c, sql);
	assert_string_equal(r.end.error.sqlstate, "42501");
	free(sql);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	free(allowed);
	free(database);
	free(init);
}

/* Spilling to the database's own directory is not a client's file access. */
static void test_spill(void **state)
{
	char *database = qf_xasprintf("%s/spill.duckdb", dir);
	struct cluster cl = { .cfg = { .name = "s", .threads = 2, .database_path = database, .memory_limit = "60MB" } };
	struct run r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		cluster_open(&cl, QF_ENGINE_DUCKDB, 2);
		struct qf_engine_conn *c = get_conn(&cl);

		run_on(&r, &cl, c, "SELECT * FROM range(3000000) t(a), (SELECT repeat('x', 20) AS s) ORDER BY hash(a)");
		if (r.end.outcome != QF_OUT_OK)
			fail_msg("%s: %s", cl.cfg.name, r.end.error.message);
		assert_int_equal(r.rows, 3000000);
		cl.ops->conn_put(c, false);
		cluster_close(&cl);
		cl.cfg.database_path = NULL;
		cl.cfg.name = "in memory";
	}
	free(database);
}

static void test_volatile(void **state)
{
	static const struct {
		const char *sql;
		bool after;
	} steps[] = {
		{ "SELECT 1", false },	  { "BEGIN", false },		     { "COMMIT", false },
		{ "SELECT nix", false }, { "CREATE TABLE t(i INT)", true }, { "SELECT 1", true },
	};
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		run_on(&r, &cl, c, steps[i].sql);
		assert_int_equal(cl.ops->is_volatile(cl.e), steps[i].after);
	}
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* A fatal error makes DuckDB refuse everything: the cluster comes back when all its connections are back. */
static void test_fatal_error(void **state)
{
	char *database = qf_xasprintf("%s/fatal.duckdb", dir);
	struct cluster cl = { .cfg = { .name = "fatal", .threads = 1, .database_path = database,
				       .init_sql = "SET GLOBAL debug_checkpoint_abort = 'before_header'" } };
	struct qf_engine_conn *refused = NULL;
	struct qf_sql_error err = { 0 };
	struct run r;

	(void)state;
	cluster_open(&cl, QF_ENGINE_DUCKDB, 4);
	struct qf_engine_conn *c = get_conn(&cl), *other = get_conn(&cl);

	must_run(&cl, c, "CREATE TABLE t AS SELECT 42 AS i");
	run_on(&r, &cl, c, "CHECKPOINT");
	assert_int_equal(r.end.outcome, QF_OUT_UNKNOWN);
	assert_string_equal(r.end.error.sqlstate, "08007");
	assert_true(r.end.conn_broken);
	run_on(&r, &cl, other, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_ERROR);
	assert_string_equal(r.end.error.sqlstate, "XX000");
	assert_true(r.end.conn_broken);
	cl.ops->conn_put(c, true);
	assert_true(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ 0 }, &refused, &err) < 0);
	assert_string_equal(err.sqlstate, "57P03");
	cl.ops->conn_put(other, true);
	for (int i = 0; i < 100 && cl.ops->conn_get(cl.e, &(struct qf_engine_who){ 0 }, &c, &err) < 0; i++)
		turn_for(cl.loop, 10 * QF_MS);
	run_on(&r, &cl, c, "SELECT * FROM t WHERE i = 42");
	assert_int_equal(r.end.rows, 1);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	free(database);
}

static int make_dir(void **state)
{
	find_library(state);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char *cmd = qf_xasprintf("rm -rf \"%s\"", dir);
	int r = system(cmd);

	(void)state;
	free(cmd);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_write_conflict),
		cmocka_unit_test(test_conn_put_leaves_nothing),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_allowed_directories),
		cmocka_unit_test(test_spill),
		cmocka_unit_test(test_volatile),
		cmocka_unit_test(test_fatal_error),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
