/* Portals of the DuckDB adapter: rows in portions, with other statements in between. */
#include <dirent.h>
#include <fcntl.h>

#include "../../lib/engine/duckdb/spool.h"
#include "engine_run.h"
#include "qf/types.h"

static struct cluster cl;
static struct qf_engine_conn *conn;

static int open_it(void **state)
{
	(void)state;
	open_memory(&cl, 2);
	conn = get_conn(&cl);
	return 0;
}

static int close_it(void **state)
{
	(void)state;
	cl.ops->conn_put(conn, false);
	cluster_close(&cl);
	return 0;
}

/* ---- rows as text, a line each ---- */

static struct qf_rowset *rowset;
static struct qf_buf text;

static void read_schema(struct qf_engine_job *job, struct qf_slice s)
{
	struct qf_err err = { 0 };

	on_schema(job, s);
	qf_rowset_free(rowset);
	if (qf_rowset_new(&rowset, s, &err) < 0)
		fail_msg("schema: %s", err.text);
}

static void read_batch(struct qf_engine_job *job, struct qf_slice s, uint64_t rows)
{
	struct qf_text_style st = { .extra_float_digits = 1 };
	struct qf_err err = { 0 };
	uint64_t n = 0;

	if (qf_rowset_load(rowset, s, &n, &err) < 0)
		fail_msg("batch: %s", err.text);
	assert_int_equal(n, rows);
	for (uint64_t row = 0; row < n; row++) {
		for (size_t i = 0; i < qf_rowset_columns(rowset); i++) {
			qf_buf_add_str(&text, i ? "|" : "");
			if (!qf_rowset_is_null(rowset, row, i) && qf_rowset_pg_text(rowset, row, i, &st, &text, &err) < 0)
				fail_msg("value: %s", err.text);
		}
		qf_buf_u8(&text, '\n');
	}
	on_batch(job, s, rows);
}

struct step {
	const char *sql; /* NULL: a fetch */
	uint64_t portal;
	uint32_t max_rows;
	uint64_t closed;
};

static void go(struct run *r, struct step s)
{
	struct qf_bind bind = { .kind = s.sql ? QF_RUN_ALL : QF_RUN_FETCH, .portal = s.portal,
				.max_rows = s.max_rows, .closed = &s.closed, .n_closed = s.closed != 0 };

	run_init(r, &cl, conn, s.sql ? s.sql : "");
	r->job.bind = &bind;
	r->job.on_schema = read_schema;
	r->job.on_batch = read_batch;
	run_submit(r);
	wait_end(r);
}

static void must_go(struct run *r, struct step s)
{
	go(r, s);
	if (r->end.outcome != QF_OUT_OK)
		fail_msg("%s %llu: %s %s", s.sql ? s.sql : "fetch", (unsigned long long)s.portal, r->end.error.sqlstate,
			r->end.error.message);
}

static int text_init(void **state)
{
	qf_buf_init(&text);
	rowset = NULL;
	return open_it(state);
}

static int text_fini(void **state)
{
	qf_buf_fini(&text);
	rowset = qf_rowset_free(rowset);
	return close_it(state);
}

/* ---- portions ---- */

static void test_portions(void **state)
{
	static const struct {
		struct step step;
		const char *sqlstate;
		uint64_t rows;
		bool suspended;
		const char *text; /* may be NULL */
	} steps[] = {
		{ { "SELECT range FROM range(10000)", 1, 3, 0 }, "", 3, true, "0\n1\n2\n" },
		{ { NULL, 1, 2, 0 }, "", 2, true, "3\n4\n" },
		{ { NULL, 1, 5000, 0 }, "", 5000, true, NULL }, /* over the borders of DuckDB's chunks */
		{ { NULL, 1, 1, 0 }, "", 1, true, "5005\n" },
		{ { "SELECT 7", 0, 0, 0 }, "", 1, false, "7\n" }, /* in between */
		{ { NULL, 1, 2, 0 }, "", 2, true, "5006\n5007\n" },
		{ { "SELECT range + 100 FROM range(4)", 2, 1, 0 }, "", 1, true, "100\n" },
		{ { NULL, 1, 1, 0 }, "", 1, true, "5008\n" },
		{ { NULL, 2, 1, 0 }, "", 1, true, "101\n" },
		{ { "SELECT 'x' FROM range(3)", 3, 2, 0 }, "", 2, true, "x\nx\n" },
		{ { NULL, 2, 0, 0 }, "", 2, false, "102\n103\n" },
		{ { NULL, 2, 1, 0 }, "34000", 0, false, "" }, /* it is gone, and so is all that needed the transaction */
		{ { NULL, 1, 1, 0 }, "34000", 0, false, "" },
		{ { "SELECT range FROM range(4)", 4, 4, 0 }, "", 4, true, "0\n1\n2\n3\n" },
		{ { NULL, 4, 4, 0 }, "", 0, false, "" }, /* nothing was left, which nobody had looked at */
		{ { "SELECT range FROM range(4)", 5, 5, 0 }, "", 4, false, NULL },
		{ { NULL, 5, 1, 0 }, "34000", 0, false, "" },
		{ { "SELECT range FROM range(4)", 6, 0, 0 }, "", 4, false, NULL },
		{ { "SELECT range FROM range(100000000)", 7, 1, 0 }, "", 1, true, "0\n" },
		{ { "SELECT range FROM range(4)", 8, 1, 7 }, "", 1, true, "0\n" }, /* 7 is closed: not read to its end */
		{ { NULL, 8, 1, 0 }, "", 1, true, "1\n" },
		{ { NULL, 7, 1, 0 }, "34000", 0, false, "" },
		{ { "SELECT range FROM range(0)", 9, 1, 0 }, "", 0, false, "" },
		{ { "CREATE TABLE t(i INTEGER)", 10, 1, 0 }, "", 0, false, "" },
		{ { "INSERT INTO t SELECT range FROM range(5)", 11, 1, 0 }, "", 5, false, "" },
		{ { "SELECT range FROM range(100000000)", 0, 2, 0 }, "", 2, true, "0\n1\n" }, /* nothing to keep the rest */
		{ { "INSERT INTO t SELECT range FROM range(5000) RETURNING i", 0, 1, 0 }, "", 1, true, "0\n" },
		{ { "SELECT count(*) FROM t", 0, 0, 0 }, "", 1, false, "5005\n" },
		{ { NULL, 0, 1, 0 }, "34000", 0, false, "" },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		qf_buf_clear(&text);
		go(&r, steps[i].step);
		if (strcmp(r.end.error.sqlstate, steps[i].sqlstate) != 0 || r.end.rows != steps[i].rows ||
			r.end.suspended != steps[i].suspended)
			fail_msg("step %zu: %s, %llu rows, suspended %d: %s", i, r.end.error.sqlstate,
				(unsigned long long)r.end.rows, r.end.suspended, r.end.error.message);
		if (steps[i].text && strcmp(qf_buf_cstr(&text), steps[i].text) != 0)
			fail_msg("step %zu: \"%s\", not \"%s\"", i, qf_buf_cstr(&text), steps[i].text);
	}
}

/* Every type in parts: from DuckDB's chunks, and from what was read ahead. */
static const char all_types[] =
	"SELECT r, CASE WHEN r % 3 = 0 THEN NULL ELSE 'text ' || r END AS s, r % 2 = 0 AS b, "
	"CASE WHEN r % 5 > 0 THEN r % 2 = 0 END AS nb, (r % 100)::TINYINT AS ti, r::SMALLINT AS si, r::INTEGER AS i, "
	"r::HUGEINT * 1000000000000000000000 AS h, (r / 4)::DECIMAL(9,2) AS d, r::DECIMAL(38,10) AS dd, r::FLOAT AS f, "
	"r / 3 AS x, ('\\x0' || r % 10)::BLOB AS bl, bin(r)::BIT AS bits, "
	"('00000000-0000-0000-0000-' || printf('%012d', r))::UUID AS u, DATE '2000-01-01' + r::INTEGER AS dt, "
	"TIME '00:00:00' + to_seconds(r) AS tm, TIMESTAMP '2000-01-01' + to_seconds(r) AS ts, "
	"(TIMESTAMP '2000-01-01' + to_seconds(r))::TIMESTAMPTZ AS tz, to_days(r::INTEGER) AS iv, "
	"CASE WHEN r % 4 > 0 THEN [r, NULL, r + 1][: r % 4] END AS l, [['a' || r], [], NULL] AS ll, "
	"{'a': r, 'b': CASE WHEN r % 2 = 0 THEN 'x' END} AS st, MAP {'k' || r: r} AS mp, [r, r + 1]::BIGINT[2] AS ar, "
	"CASE WHEN r % 2 = 0 THEN 'sad' ELSE 'glad' END::mood AS m, union_value(n := r) AS un, "
	"('[' || r || ']')::JSON AS j, NULL AS nothing, [{'q': [r::INTEGER]}] AS ls "
	"FROM (SELECT range AS r FROM range(3000))";

static void test_types_in_parts(void **state)
{
	static const uint32_t portions[] = { 1000, 1, 7, 2048, 333, 0 };
	struct qf_buf whole = { 0 };
	struct run r;

	(void)state;
	must_run(&cl, conn, "CREATE TYPE mood AS ENUM ('sad', 'glad')");
	must_go(&r, (struct step){ all_types, 0, 0, 0 });
	qf_buf_add_slice(&whole, qf_buf_slice(&text));
	for (unsigned ahead = 0; ahead < 2; ahead++) {
		qf_buf_clear(&text);
		must_go(&r, (struct step){ all_types, 1 + ahead, 11, 0 });
		assert_true(r.end.suspended);
		for (size_t i = 0; r.end.suspended; i = (i + 1) % 6) {
			if (ahead && i == 0)
				must_run(&cl, conn, "SELECT 1");
			must_go(&r, (struct step){ NULL, 1 + ahead, portions[i], 0 });
		}
		if (text.n != whole.n || memcmp(text.p, whole.p, text.n) != 0)
			fail_msg("in parts it is something else, %s", ahead ? "when it was read ahead" : "from DuckDB");
	}
	qf_buf_fini(&whole);
}

/* ---- what is read ahead ---- */

static unsigned open_unnamed_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d))) {
		char path[300], to[300] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		if (readlink(path, to, sizeof(to) - 1) > 0 && strstr(to, "(deleted)"))
			n++;
	}
	closedir(d);
	return n;
}

static void test_file(void **state)
{
	unsigned before = open_unnamed_files();
	uint64_t rows = 10;
	struct run r;

	(void)state;
	must_go(&r, (struct step){ "SELECT range, 'padding ' || range FROM range(500000)", 1, 10, 0 });
	must_run(&cl, conn, "SELECT 1");
	assert_int_equal(open_unnamed_files(), before + 1);
	while (r.end.suspended) {
		must_go(&r, (struct step){ NULL, 1, 60000, 0 });
		rows += r.end.rows;
	}
	assert_int_equal(rows, 500000);
	assert_int_equal(open_unnamed_files(), before);
	const char last[] = "\n499999|padding 499999\n";

	assert_memory_equal(text.p + text.n - strlen(last), last, strlen(last));
}

static void test_spool_limit(void **state)
{
	struct qf_slice schema = qf_slice_str("not looked at yet");
	uint8_t *batch = qf_xcalloc(1, 1 << 20);
	struct duck_spool *s = NULL;
	struct ArrowBuffer out;
	struct qf_sql_error e;
	uint64_t rows = 0;

	(void)state;
	assert_int_equal(duck_spool_new(&s, schema, 3 << 20, &e), 0);
	assert_int_equal(duck_spool_add(s, qf_slice(batch, 1000), 5, &e), 0);
	assert_int_equal(duck_spool_add(s, qf_slice(batch, 1 << 20), 5, &e), 0);
	assert_int_equal(duck_spool_add(s, qf_slice(batch, 1 << 20), 5, &e), 0);
	assert_true(duck_spool_add(s, qf_slice(batch, 1 << 20), 5, &e) < 0);
	assert_string_equal(e.sqlstate, "53400");
	ArrowBufferInit(&out);
	assert_true(duck_spool_next(s, 1, &out, &rows, &e) < 0); /* a part of what is no batch */
	assert_string_equal(e.sqlstate, "XX000");
	ArrowBufferReset(&out);
	duck_spool_free(s);
	free(batch);
}

/* With the rows of a portal to be read ahead first, a statement can be given up, too. */
static void test_cancel_reading_ahead(void **state)
{
	struct run r;

	(void)state;
	must_go(&r, (struct step){ "SELECT range FROM range(100000000000)", 1, 1, 0 });
	run_init(&r, &cl, conn, "SELECT 1");
	run_submit(&r);
	turn_for(cl.loop, 50 * QF_MS);
	assert_int_equal(r.ends, 0);
	cl.ops->cancel(conn);
	wait_end(&r);
	assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	must_run(&cl, conn, "SELECT 1");
	go(&r, (struct step){ NULL, 1, 1, 0 });
	assert_string_equal(r.end.error.sqlstate, "34000");
}

/* ---- transactions ---- */

static uint64_t count_elsewhere(const char *sql)
{
	struct qf_engine_conn *other = get_conn(&cl);
	struct run r;

	run_on(&r, &cl, other, sql);
	cl.ops->conn_put(other, false);
	return r.end.rows;
}

static void test_transactions(void **state)
{
	struct run r;

	(void)state;
	must_run(&cl, conn, "CREATE TABLE t(i INTEGER)");
	must_run(&cl, conn, "BEGIN");
	must_run(&cl, conn, "INSERT INTO t VALUES (1)");
	must_go(&r, (struct step){ "SELECT range FROM range(100000000)", 1, 5, 0 });
	assert_true(r.end.in_transaction);
	must_go(&r, (struct step){ "INSERT INTO t VALUES (2)", 0, 0, 1 }); /* closes it: the transaction is as it was */
	assert_true(r.end.in_transaction && !r.end.transaction_failed);
	must_go(&r, (struct step){ "SELECT range FROM range(100000000)", 2, 5, 0 });
	must_run(&cl, conn, "COMMIT");
	go(&r, (struct step){ NULL, 2, 1, 0 });
	assert_string_equal(r.end.error.sqlstate, "34000");
	assert_int_equal(count_elsewhere("SELECT * FROM t"), 2);
	must_run(&cl, conn, "BEGIN");
	must_go(&r, (struct step){ "SELECT range FROM range(100000000)", 3, 5, 0 });
	must_run(&cl, conn, "ROLLBACK");
	must_run(&cl, conn, "SELECT count(*) FROM range(1000000)");
}

/* What a statement changes is done when its first rows are there. */
static void test_changes_are_done(void **state)
{
	struct run r;

	(void)state;
	must_run(&cl, conn, "CREATE TABLE t(i INTEGER)");
	must_go(&r, (struct step){ "INSERT INTO t SELECT range FROM range(10000) RETURNING i", 1, 2, 0 });
	assert_true(r.end.suspended);
	assert_int_equal(count_elsewhere("SELECT * FROM t"), 10000);
	must_go(&r, (struct step){ NULL, 1, 0, 0 });
	assert_int_equal(r.end.rows, 9998);
}

/* A connection that is given back with a portal takes it along. */
static void test_conn_put(void **state)
{
	struct run r;

	(void)state;
	must_go(&r, (struct step){ "SELECT range FROM range(100000000)", 1, 5, 0 });
	cl.ops->conn_put(conn, false);
	conn = get_conn(&cl);
	go(&r, (struct step){ NULL, 1, 1, 0 });
	assert_string_equal(r.end.error.sqlstate, "34000");
	must_go(&r, (struct step){ "SELECT range FROM range(100000000)", 2, 5, 0 }); /* and one that is closed */
}

#define T(f) cmocka_unit_test_setup_teardown(f, text_init, text_fini)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_portions),
		T(test_types_in_parts),
		T(test_file),
		T(test_spool_limit),
		T(test_cancel_reading_ahead),
		T(test_transactions),
		T(test_changes_are_done),
		T(test_conn_put),
	};

	return cmocka_run_group_tests(tests, find_library, NULL);
}
