/* Look-ups in DuckDB's catalog, the number of its state, and statements that were translated with what is no more. */
#include "engine_run.h"

struct look {
	struct qf_engine_lookup pub;
	struct cluster *cl;
	unsigned calls;
	char text[4][600];
	uint64_t hash[4];
};

static void on_done(struct qf_engine_lookup *pub, const struct qf_slice *columns)
{
	struct look *l = pub->arg;

	l->calls++;
	for (size_t i = 0; i < pub->n_tables; i++) {
		snprintf(l->text[i], sizeof(l->text[i]), "%.*s", (int)columns[i].n, (const char *)columns[i].p);
		l->hash[i] = qf_engine_columns_hash(columns[i]);
	}
	qf_loop_stop(l->cl->loop);
}

static void look_up(struct look *l, struct cluster *cl, const struct qf_engine_table *t, size_t n, const char *path)
{
	struct qf_engine_setting set = { "schema", path };
	uint64_t until = qf_mono_ns() + 60 * QF_SEC;

	memset(l, 0, sizeof(*l));
	l->cl = cl;
	l->pub = (struct qf_engine_lookup){ .tables = t, .n_tables = n, .settings = &set, .n_settings = path ? 1 : 0, .arg = l,
					    .on_done = on_done };
	assert_int_equal(cl->ops->lookup(cl->e, &l->pub), 0);
	assert_int_equal(l->calls, 0);
	while (!l->calls && qf_mono_ns() < until)
		turn_for(cl->loop, 100 * QF_MS);
	assert_int_equal(l->calls, 1);
}

static const char *const tables[] = {
	"CREATE TABLE t(a INTEGER, \"B \"\" c\" DECIMAL(10,2), s STRUCT(x INTEGER, y VARCHAR)[], e ENUM('p', 'q'))",
	"CREATE VIEW v AS SELECT a, a / 2 AS h FROM t",
	"CREATE SCHEMA other",
	"CREATE TABLE other.t(z DOUBLE)",
	"CREATE TABLE \"Mixed Case\"(a TIMESTAMPTZ)",
	"INSERT INTO t(a) VALUES (1)",
};

static void open_with_tables(struct cluster *cl)
{
	memset(cl, 0, sizeof(*cl));
	cluster_open(cl, QF_ENGINE_DUCKDB, 2);
	struct qf_engine_conn *c = get_conn(cl);

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		must_run(cl, c, tables[i]);
	cl->ops->conn_put(c, false);
}

static void test_lookup(void **state)
{
	static const char t_text[] =
		"{\"a\":\"INTEGER\",\"B \\\" c\":\"DECIMAL(10,2)\",\"s\":\"STRUCT(x INTEGER, y VARCHAR)[]\",\"e\":\"ENUM('p', 'q')\"}";
	static const struct {
		struct qf_engine_table table;
		const char *path, *text;
	} cases[] = {
		{ { .name = "t" }, NULL, t_text },
		{ { .name = "T" }, NULL, t_text },
		{ { .schema = "MAIN", .name = "t" }, NULL, t_text },
		{ { .catalog = "memory", .schema = "main", .name = "t" }, "other", t_text },
		{ { .name = "v" }, NULL, "{\"a\":\"INTEGER\",\"h\":\"DOUBLE\"}" },
		{ { .name = "t" }, "other", "{\"z\":\"DOUBLE\"}" },
		{ { .schema = "other", .name = "t" }, NULL, "{\"z\":\"DOUBLE\"}" },
		{ { .name = "mixed case" }, NULL, "{\"a\":\"TIMESTAMP WITH TIME ZONE\"}" },
		{ { .name = "nix" }, NULL, "{}" },
		{ { .schema = "nix", .name = "t" }, NULL, "{}" },
		{ { .name = "t\" --" }, NULL, "{}" },
		{ { .name = "" }, NULL, "" },
		{ { .name = "t" }, "no such path", "" },
	};
	struct cluster cl;
	struct look l;

	(void)state;
	open_with_tables(&cl);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		look_up(&l, &cl, &cases[i].table, 1, cases[i].path);
		if (strcmp(l.text[0], cases[i].text) != 0)
			fail_msg("case %zu: %s", i, l.text[0]);
		assert_int_equal(l.hash[0] == 0, !*cases[i].text);
	}
	cluster_close(&cl);
}

/* What changes the number, outside of a transaction. */
static void test_number(void **state)
{
	static const struct {
		const char *sql;
		bool changes;
	} steps[] = {
		{ "SELECT * FROM t", false },
		{ "INSERT INTO t(a) VALUES (2)", false },
		{ "UPDATE t SET a = 3", false },
		{ "DELETE FROM t WHERE a = 9", false },
		{ "CREATE TABLE n(a INTEGER)", true },
		{ "ALTER TABLE n ALTER a TYPE DOUBLE", true },
		{ "CREATE OR REPLACE VIEW v AS SELECT 1 AS one", true },
		{ "DROP TABLE n", true },
		{ "DROP TABLE n", false }, /* there is none: it never ran */
		{ "CREATE TABLE n AS SELECT 1 AS a", true },
		{ "EXPLAIN ANALYZE DROP TABLE n", true },
		{ "BEGIN", false },
		{ "SELECT 1", false },
		{ "COMMIT", false },
		{ "BEGIN", false },
		{ "CREATE TABLE own(a INTEGER)", false },
		{ "ROLLBACK", false },
	};
	struct cluster cl;
	struct run r;

	(void)state;
	open_with_tables(&cl);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		uint64_t before = cl.ops->catalog(cl.e);

		if (strcmp(steps[i].sql, "BEGIN") == 0) { /* as for a transaction of its own */
			cl.ops->conn_put(c, true);
			c = get_conn(&cl);
		}
		run_on(&r, &cl, c, steps[i].sql);
		if ((cl.ops->catalog(cl.e) != before) != steps[i].changes)
			fail_msg("%s", steps[i].sql);
	}
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_number_of_a_transaction(void **state)
{
	struct cluster cl;

	(void)state;
	open_with_tables(&cl);
	struct qf_engine_conn *c = get_conn(&cl);
	uint64_t first = cl.ops->catalog(cl.e);

	must_run(&cl, c, "BEGIN");
	must_run(&cl, c, "CREATE TABLE own(a INTEGER)");
	assert_int_equal(cl.ops->catalog(cl.e), first);
	must_run(&cl, c, "COMMIT");
	assert_int_not_equal(cl.ops->catalog(cl.e), first);
	cl.ops->conn_put(c, true);
	cluster_close(&cl);
}

static void run_expecting(struct cluster *cl, struct qf_engine_conn *c, struct run *r, const char *sql, uint64_t number,
			  const struct qf_engine_table *t)
{
	run_init(r, cl, c, sql);
	r->job.tables = t;
	r->job.n_tables = 1;
	r->job.catalog = number;
	run_submit(r);
	wait_end(r);
	qf_buf_fini(&r->bytes);
}

/* A statement runs when its table is what it was, whatever happened to others; else nothing of it runs. */
static void test_statement_of_old_columns(void **state)
{
	struct qf_engine_table t = { .name = "t" };
	struct cluster cl;
	struct look l;
	struct run r;

	(void)state;
	open_with_tables(&cl);
	struct qf_engine_conn *c = get_conn(&cl), *other = get_conn(&cl);
	uint64_t number = cl.ops->catalog(cl.e);

	look_up(&l, &cl, &t, 1, NULL);
	t.hash = l.hash[0];
	run_expecting(&cl, c, &r, "INSERT INTO t(a) VALUES (5)", number, &t);
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	must_run(&cl, other, "CREATE TABLE n(a INTEGER)");
	run_expecting(&cl, c, &r, "INSERT INTO t(a) VALUES (6)", number, &t);
	assert_int_equal(r.end.outcome, QF_OUT_OK); /* another number, the same table */
	must_run(&cl, other, "ALTER TABLE t ALTER a TYPE DOUBLE");
	run_expecting(&cl, c, &r, "INSERT INTO t(a) VALUES (7)", number, &t);
	assert_int_equal(r.end.outcome, QF_OUT_NOT_SENT);
	assert_true(r.end.catalog_changed);
	assert_string_equal(r.end.error.sqlstate, "40001");
	run_expecting(&cl, c, &r, "UPDATE t SET a = 8", number, &t);
	assert_true(r.end.catalog_changed);
	must_run(&cl, other, "UPDATE t SET a = a"); /* nothing that was given up holds rows or a transaction */
	must_run(&cl, other, "CHECKPOINT");
	run_on(&r, &cl, c, "SELECT * FROM t WHERE a IN (7, 8)");
	assert_int_equal(r.end.rows, 0);
	run_on(&r, &cl, c, "SELECT * FROM t WHERE a IN (5, 6)");
	assert_int_equal(r.end.rows, 2);
	cl.ops->conn_put(c, false);
	cl.ops->conn_put(other, false);
	cluster_close(&cl);
}

/* A description is of the statement as it would run. */
static void test_description_of_old_columns(void **state)
{
	static const struct qf_bind describe = { .kind = QF_RUN_DESCRIBE };
	struct qf_engine_table t = { .name = "t" };
	struct cluster cl;
	struct look l;
	struct run r;

	(void)state;
	open_with_tables(&cl);
	struct qf_engine_conn *c = get_conn(&cl), *other = get_conn(&cl);
	uint64_t number = cl.ops->catalog(cl.e);

	look_up(&l, &cl, &t, 1, NULL);
	t.hash = l.hash[0];
	for (unsigned changed = 0; changed < 2; changed++) {
		run_init(&r, &cl, c, "SELECT a, $1 FROM t WHERE a = $2");
		r.job.bind = &describe;
		r.job.tables = &t;
		r.job.n_tables = 1;
		r.job.catalog = number;
		run_submit(&r);
		wait_end(&r);
		assert_int_equal(r.end.outcome, changed ? QF_OUT_NOT_SENT : QF_OUT_OK);
		assert_int_equal(r.end.catalog_changed, changed);
		assert_int_equal(r.described, !changed);
		qf_buf_fini(&r.bytes);
		must_run(&cl, other, "ALTER TABLE t ALTER a TYPE DOUBLE");
	}
	cl.ops->conn_put(c, false);
	cl.ops->conn_put(other, false);
	cluster_close(&cl);
}

/* In a transaction its own catalog counts; it goes on after a refusal. */
static void test_columns_in_a_transaction(void **state)
{
	static const struct {
		const char *own, *others; /* run before the statement, one of the two or none */
		bool runs;
	} steps[] = {
		{ NULL, NULL, true },
		{ NULL, "CREATE TABLE n(a INTEGER)", true },
		{ NULL, "ALTER TABLE t ADD COLUMN more INTEGER", false },
		{ "CREATE TEMP TABLE own(a INTEGER)", NULL, true },
		{ "CREATE TEMP TABLE t(z DOUBLE)", NULL, false },
		{ "ALTER TABLE t ADD COLUMN most INTEGER", NULL, false },
	};
	struct qf_engine_table t = { .name = "t" };
	struct cluster cl;
	struct look l;
	struct run r;

	(void)state;
	open_with_tables(&cl);
	struct qf_engine_conn *c = get_conn(&cl), *other = get_conn(&cl);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		must_run(&cl, c, "BEGIN");
		must_run(&cl, c, "SELECT * FROM t");
		if (steps[i].others)
			must_run(&cl, other, steps[i].others);
		if (steps[i].own)
			must_run(&cl, c, steps[i].own);
		look_up(&l, &cl, &t, 1, NULL);
		t.hash = l.hash[0];
		run_expecting(&cl, c, &r, "SELECT * FROM t", cl.ops->catalog(cl.e), &t);
		if (r.end.catalog_changed != !steps[i].runs)
			fail_msg("step %zu: %s", i, r.end.error.message);
		assert_true(r.end.in_transaction);
		assert_false(r.end.transaction_failed);
		must_run(&cl, c, "SELECT * FROM t");
		must_run(&cl, c, "ROLLBACK");
		cl.ops->conn_put(c, true);
		c = get_conn(&cl);
	}
	cl.ops->conn_put(c, true);
	cl.ops->conn_put(other, true);
	cluster_close(&cl);
}

static void test_close_drops_lookups(void **state)
{
	static struct qf_engine_table t = { .name = "t" };
	struct cluster cl;
	struct look l = { .cl = &cl };

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		open_with_tables(&cl);
		l.pub = (struct qf_engine_lookup){ .tables = &t, .n_tables = 1, .arg = &l, .on_done = on_done };
		assert_int_equal(cl.ops->lookup(cl.e, &l.pub), 0);
		cluster_close(&cl);
		assert_int_equal(l.calls, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_number_of_a_transaction),
		cmocka_unit_test(test_statement_of_old_columns),
		cmocka_unit_test(test_description_of_old_columns),
		cmocka_unit_test(test_columns_in_a_transaction),
		cmocka_unit_test(test_close_drops_lookups),
	};

	return cmocka_run_group_tests(tests, find_library, NULL);
}
