/* The PostgreSQL adapter on a real server: relay, parameters, transactions, settings, pool, cancel. */
#include <signal.h>

#include "pg_real.h"
#include "qf/proto/postgres.h"

static const struct qf_bind simple = { .flags = QF_RUN_SIMPLE, .encodings = QF_ENC_BIT(QF_ENC_PG3) };

static struct cluster cl;

static void open_pool(unsigned size)
{
	memset(&cl, 0, sizeof(cl));
	cl.cfg = (struct qf_conf_cluster){ .engine = QF_ENGINE_POSTGRES, .endpoint = pg_real.endpoint, .pool_size = size,
					   .connect_timeout_ns = 5 * QF_SEC };
	cluster_open(&cl, QF_ENGINE_POSTGRES, 8);
}

/* The rows of PG3 bytes: values by '|', rows by newline. */
static const char *rows_text(struct qf_buf *bytes)
{
	static char text[8000];
	struct qf_slice in = qf_buf_slice(bytes);
	struct qf_pg_reply m;
	struct qf_buf out;

	qf_buf_init(&out);
	while (in.n > 0 && qf_pg_reply_next(in, &m, NULL) > 0) {
		struct qf_reader r = qf_reader(m.body);

		in = qf_slice(in.p + m.need, in.n - m.need);
		if (m.kind != 'D')
			continue;
		for (unsigned i = 0, n = qf_read_u16(&r); i < n; i++) {
			struct qf_slice v = qf_pg_read_value(&r);

			qf_buf_add_str(&out, i > 0 ? "|" : "");
			if (v.p)
				qf_buf_add_slice(&out, v);
			else
				qf_buf_add_str(&out, "(null)");
		}
		qf_buf_add_str(&out, "\n");
	}
	if (out.n > 0)
		out.n--;
	qf_buf_cstr(&out);
	memcpy(text, out.p, out.n < sizeof(text) ? out.n + 1 : sizeof(text));
	qf_buf_fini(&out);
	return text;
}

static const char *query_bind(struct run *r, struct qf_engine_conn *c, const char *sql, const struct qf_bind *b)
{
	run_init(r, &cl, c, sql);
	r->job.bind = b;
	r->keep_bytes = true;
	run_submit(r);
	wait_end(r);
	const char *text = rows_text(&r->bytes);

	qf_buf_fini(&r->bytes);
	return text;
}

static const char *query(struct run *r, struct qf_engine_conn *c, const char *sql)
{
	return query_bind(r, c, sql, &simple);
}

static const char *query_with(struct run *r, struct qf_engine_conn *c, const char *sql, const struct qf_engine_setting *s, size_t n)
{
	run_init(r, &cl, c, sql);
	r->job.bind = &simple;
	r->job.settings = s;
	r->job.n_settings = n;
	r->keep_bytes = true;
	run_submit(r);
	wait_end(r);
	const char *text = rows_text(&r->bytes);

	qf_buf_fini(&r->bytes);
	return text;
}

static void assert_query(struct qf_engine_conn *c, const char *sql, const char *expected)
{
	struct run r;
	const char *got = query(&r, c, sql);

	if (r.end.outcome != QF_OUT_OK)
		fail_msg("%s: %d %s %s", sql, (int)r.end.outcome, r.end.error.sqlstate, r.end.error.message);
	if (expected)
		assert_string_equal(got, expected);
}

static void test_simple(void **state)
{
	struct run r;

	(void)state;
	open_pool(4);
	struct qf_engine_conn *c = get_conn(&cl);

	assert_string_equal(query(&r, c, "SELECT 1 AS one, NULL, 'x'"), "1|(null)|x");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_string_equal(r.end.tag, "SELECT 1");
	assert_int_equal(r.end.rows, 1);
	assert_int_equal(r.job.encoding, QF_ENC_PG3);
	assert_int_equal(r.schemas, 1);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}


/* ---- the extended protocol ---- */

#define TEXT(s) { .p = (const uint8_t *)(s), .n = sizeof(s) - 1 }

static void test_parameters(void **state)
{
	static const uint8_t seven[4] = { 0, 0, 0, 7 };
	static const struct qf_value values[] = { { .p = seven, .n = 4, .binary = true }, TEXT("x"), { .p = NULL } };
	static const uint32_t types[] = { 23, 25, 1700 };
	static const uint16_t formats[] = { 1, 0, 0 };
	const struct qf_bind b = { .encodings = QF_ENC_BIT(QF_ENC_PG3) | QF_ENC_BIT(QF_ENC_ARROW), .types = types, .n_types = 3,
				   .values = values, .n_values = 3, .formats = formats, .n_formats = 3 };
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);
	const char *got = query_bind(&r, c, "SELECT $1 + 1, $2 || 'y', $3 IS NULL", &b);

	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_memory_equal(got, "\0\0\0\x08|xy|t", 9);
	assert_string_equal(r.end.tag, "SELECT 1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_stages(void **state)
{
	static const struct qf_value bad[] = { TEXT("many") };
	static const struct qf_value zero[] = { TEXT("0") };
	static const struct {
		const char *name, *sql, *sqlstate;
		const struct qf_value *values;
		enum qf_stage stage;
	} cases[] = {
		{ "syntax", "SELEC $1::int", "42601", zero, QF_STAGE_PARSE },
		{ "no table", "SELECT $1::int FROM nowhere", "42P01", zero, QF_STAGE_PARSE },
		{ "value", "SELECT $1::int", "22P02", bad, QF_STAGE_BIND },
		{ "division", "SELECT 1 / i FROM generate_series($1::int, 3) i", "22012", zero, QF_STAGE_EXECUTE },
		{ "two", "SELECT $1; SELECT 2", "42601", zero, QF_STAGE_PARSE },
	};
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (unsigned flags = 0; flags <= QF_RUN_NAMED; flags += QF_RUN_NAMED) {
			const struct qf_bind b = { .encodings = QF_ENC_BIT(QF_ENC_PG3), .values = cases[i].values, .n_values = 1,
						   .flags = flags };

			query_bind(&r, c, cases[i].sql, &b);
			if (r.end.outcome != QF_OUT_ERROR || strcmp(r.end.error.sqlstate, cases[i].sqlstate) != 0 ||
				r.end.stage != cases[i].stage)
				fail_msg("%s: %s at stage %d: %s", cases[i].name, r.end.error.sqlstate, (int)r.end.stage,
					 r.end.error.message);
			assert_true(r.end.fields.n > 0);
			assert_false(r.end.conn_broken);
		}
	assert_query(c, "SELECT 1", "1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_named(void **state)
{
	static const struct qf_value v[] = { TEXT("5") };
	const struct qf_bind b = { .encodings = QF_ENC_BIT(QF_ENC_PG3), .values = v, .n_values = 1, .flags = QF_RUN_NAMED };
	struct run r;
	char sql[64];

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (int i = 0; i < 5; i++)
		assert_string_equal(query_bind(&r, c, "SELECT $1::int * 2", &b), "10");
	assert_query(c, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int%'", "1");
	for (int i = 0; i < 300; i++) {
		snprintf(sql, sizeof(sql), "SELECT $1::int * 2 + %d", i);
		query_bind(&r, c, sql, &b);
		assert_int_equal(r.end.outcome, QF_OUT_OK);
	}
	assert_query(c, "SELECT count(*) FROM pg_prepared_statements WHERE name ~ '^qf[0-9]'", "256");
	assert_string_equal(query_bind(&r, c, "SELECT $1::int * 2", &b), "10");
	/* What takes them away is noticed. */
	assert_query(c, "DEALLOCATE ALL", "");
	assert_string_equal(query_bind(&r, c, "SELECT $1::int * 2", &b), "10");
	assert_query(c, "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$", "");
	assert_string_equal(query_bind(&r, c, "SELECT $1::int * 2", &b), "10");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* What of ours a function closes is prepared again. */
static void test_names(void **state)
{
	static const struct qf_engine_setting zone[] = { { "timezone", "Asia/Tokyo" } };
	static const char *const ways[] = { "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$", "SELECT closes()" };
	const struct qf_bind b = { .encodings = QF_ENC_BIT(QF_ENC_PG3), .flags = QF_RUN_NAMED };
	const char *sql = "SELECT current_setting('timezone')";
	struct run r;

	(void)state;
	direct("CREATE FUNCTION closes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DEALLOCATE ALL; END $$");
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (int i = 0; i < 2; i++) {
		assert_string_equal(query_with(&r, c, sql, zone, 1), "Asia/Tokyo");
		query_with(&r, c, ways[i], zone, 1);
		assert_string_equal(query(&r, c, sql), "UTC"); /* reset does not need it */
		assert_string_equal(query_with(&r, c, sql, zone, 1), "Asia/Tokyo");
		query_with(&r, c, ways[i], zone, 1);
		cl.ops->conn_put(c, false);
		c = get_conn(&cl);
	}
	/* In a transaction, and one that is still there. */
	assert_query(c, "BEGIN", "");
	assert_string_equal(query_bind(&r, c, "SELECT 7", &b), "7");
	assert_query(c, "DO $$ BEGIN PERFORM 1; END $$", "");
	assert_string_equal(query_bind(&r, c, "SELECT 7", &b), "7");
	assert_query(c, ways[0], "");
	assert_string_equal(query_bind(&r, c, "SELECT 7", &b), "7");
	assert_query(c, "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 7'", "1");
	assert_string_equal(query_with(&r, c, sql, zone, 1), "Asia/Tokyo");
	assert_query(c, "COMMIT", "");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_plan_changes(void **state)
{
	const struct qf_bind b = { .encodings = QF_ENC_BIT(QF_ENC_PG3), .flags = QF_RUN_NAMED };
	struct run r;

	(void)state;
	direct("CREATE TABLE shape(a int)");
	direct("INSERT INTO shape VALUES (1)");
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	assert_string_equal(query_bind(&r, c, "SELECT * FROM shape", &b), "1");
	direct("ALTER TABLE shape ADD b text DEFAULT 'x'");
	assert_string_equal(query_bind(&r, c, "SELECT * FROM shape", &b), "1|x");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	/* Types that were inferred from a table that is another one now. */
	static const uint8_t two[4] = { 0, 0, 0, 2 };
	static const struct qf_value text[] = { TEXT("99999999999") }, binary[] = { { .p = two, .n = 4, .binary = true } };
	const struct qf_bind by_text = { .encodings = b.encodings, .flags = b.flags, .values = text, .n_values = 1 };
	const struct qf_bind by_binary = { .encodings = b.encodings, .flags = b.flags, .values = binary, .n_values = 1 };
	const char *insert = "INSERT INTO shape(a) VALUES ($1) RETURNING a";

	query_bind(&r, c, insert, &by_text);
	assert_string_equal(r.end.error.sqlstate, "22003");
	assert_string_equal(query_bind(&r, c, insert, &by_binary), "2");
	direct("ALTER TABLE shape ALTER a TYPE bigint");
	assert_string_equal(query_bind(&r, c, insert, &by_text), "99999999999");
	direct("ALTER TABLE shape ALTER a TYPE float4");
	assert_string_equal(query_bind(&r, c, insert, &by_binary), "3e-45");
	direct("ALTER TABLE shape ALTER a TYPE text");
	assert_string_equal(query_bind(&r, c, insert, &by_text), "99999999999");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	/* In a transaction it cannot be tried again. */
	assert_string_equal(query_bind(&r, c, "SELECT b FROM shape LIMIT 1", &b), "x");
	for (int i = 0; i < 2; i++) {
		assert_query(c, "BEGIN", "");
		if (i == 0)
			assert_query(c, "ALTER TABLE shape ALTER b TYPE varchar(9)", "");
		assert_string_equal(query_bind(&r, c, "SELECT b FROM shape LIMIT 1", &b), "x");
		assert_query(c, i == 0 ? "ROLLBACK" : "COMMIT", "");
	}
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	direct("DROP TABLE shape");
}

static struct {
	uint32_t oids[8];
	size_t n, columns;
	unsigned calls;
	char first;
} described;

static void note_described(struct qf_engine_job *job, const uint32_t *oids, size_t n, struct qf_slice columns)
{
	(void)job;
	if (n > 0)
		memcpy(described.oids, oids, n * sizeof(*oids));
	described.n = n;
	described.columns = columns.n;
	described.first = columns.n > 0 ? (char)columns.p[0] : 0;
	described.calls++;
}

static void describe(struct run *r, struct qf_engine_conn *c, const char *sql)
{
	static const struct qf_bind b = { .kind = QF_RUN_DESCRIBE, .encodings = QF_ENC_BIT(QF_ENC_PG3), .flags = QF_RUN_NAMED };

	memset(&described, 0, sizeof(described));
	run_init(r, &cl, c, sql);
	r->job.bind = &b;
	r->job.on_described = note_described;
	run_submit(r);
	wait_end(r);
}

static void test_describe(void **state)
{
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	describe(&r, c, "SELECT $1::int8 AS a, $2::text AS b");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_int_equal(described.n, 2);
	assert_int_equal(described.oids[0], 20);
	assert_int_equal(described.oids[1], 25);
	assert_int_equal(described.first, 'T');
	describe(&r, c, "CREATE TABLE never(a int)");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_int_equal(described.calls, 1);
	assert_int_equal(described.columns, 0);
	describe(&r, c, "SELECT * FROM nowhere");
	assert_int_equal(r.end.outcome, QF_OUT_ERROR);
	assert_int_equal(r.end.stage, QF_STAGE_PARSE);
	assert_int_equal(described.calls, 0);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_portals(void **state)
{
	const struct qf_bind open = { .encodings = QF_ENC_BIT(QF_ENC_PG3), .portal = 9, .max_rows = 2 };
	const struct qf_bind fetch = { .kind = QF_RUN_FETCH, .encodings = QF_ENC_BIT(QF_ENC_PG3), .portal = 9, .max_rows = 2 };
	static const uint64_t nine[] = { 9 };
	struct qf_bind after = simple;
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	assert_query(c, "BEGIN", "");
	assert_string_equal(query_bind(&r, c, "SELECT * FROM generate_series(1, 5)", &open), "1\n2");
	assert_true(r.end.suspended);
	assert_int_equal(r.end.rows, 2);
	assert_string_equal(query_bind(&r, c, "", &fetch), "3\n4");
	assert_true(r.end.suspended);
	assert_string_equal(query_bind(&r, c, "", &fetch), "5");
	assert_false(r.end.suspended);
	assert_string_equal(r.end.tag, "SELECT 1");
	after.closed = nine;
	after.n_closed = 1;
	assert_string_equal(query_bind(&r, c, "SELECT count(*) FROM pg_cursors WHERE name = 'p9'", &after), "0");
	query_bind(&r, c, "", &fetch);
	assert_string_equal(r.end.error.sqlstate, "34000");
	assert_true(r.end.transaction_failed);
	assert_query(c, "ROLLBACK", "");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* ---- transactions, settings, what is left behind ---- */

static void test_transaction(void **state)
{
	struct run r;

	(void)state;
	open_pool(2);
	struct qf_engine_conn *c = get_conn(&cl);

	query(&r, c, "BEGIN");
	assert_true(r.end.in_transaction);
	assert_string_equal(r.end.tag, "BEGIN");
	query(&r, c, "SELECT 1/0");
	assert_int_equal(r.end.outcome, QF_OUT_ERROR);
	assert_true(r.end.transaction_failed);
	query(&r, c, "SELECT 1");
	assert_string_equal(r.end.error.sqlstate, "25P02");
	query(&r, c, "COMMIT");
	assert_string_equal(r.end.tag, "ROLLBACK");
	assert_false(r.end.in_transaction);
	query(&r, c, "BEGIN");
	cl.ops->conn_put(c, false); /* as it is */
	c = get_conn(&cl);
	query(&r, c, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_false(r.end.in_transaction);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

#define SHOW_ALL "SELECT current_setting('timezone'), current_setting('statement_timeout'), current_setting('my.name', true)"

static void test_settings(void **state)
{
	static const struct qf_engine_setting mine[] = { { "timezone", "Europe/Berlin" }, { "statement_timeout", "9000" },
							 { "my.name", "it's" } };
	static const struct qf_engine_setting unknown[] = { { "no_such_setting", "1" } };
	static const struct qf_engine_setting bad[] = { { "timezone", "Nowhere/Never" } };
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (int i = 0; i < 2; i++) {
		assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 3), "Europe/Berlin|9s|it's");
		assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 1), "Europe/Berlin|0|");
		assert_string_equal(query_with(&r, c, SHOW_ALL, NULL, 0), "UTC|0|");
	}
	query_with(&r, c, SHOW_ALL, unknown, 1);
	assert_string_equal(r.end.error.sqlstate, "42704");
	query_with(&r, c, SHOW_ALL, bad, 1);
	assert_string_equal(r.end.error.sqlstate, "22023");
	assert_string_equal(query_with(&r, c, SHOW_ALL, NULL, 0), "UTC|0|");
	/* What a transaction took back is set again. */
	query(&r, c, "BEGIN");
	assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 3), "Europe/Berlin|9s|it's");
	query_with(&r, c, "SELECT 1/0", mine, 3);
	query_with(&r, c, "ROLLBACK", mine, 3);
	assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 3), "Europe/Berlin|9s|it's");
	query(&r, c, "BEGIN");
	query(&r, c, "SAVEPOINT s");
	assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 3), "Europe/Berlin|9s|it's");
	query_with(&r, c, "ROLLBACK TO s", mine, 3);
	assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 3), "Europe/Berlin|9s|it's");
	query_with(&r, c, "COMMIT", mine, 3);
	/* The client's own statement counts as what it set. */
	query_with(&r, c, "SET my.name = 'other'", mine, 3);
	assert_string_equal(query_with(&r, c, SHOW_ALL, NULL, 0), "UTC|0|");
	query_with(&r, c, "RESET ALL", mine, 3);
	assert_string_equal(query_with(&r, c, SHOW_ALL, mine, 3), "Europe/Berlin|9s|it's");
	assert_query(c, "SHOW client_connection_check_interval", "500ms");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* Nothing of one session is there for the next one on the same connection. */
static void test_no_leaks(void **state)
{
	static const struct {
		const char *name, *leave, *look, *clean;
	} cases[] = {
		{ "function that sets", "SELECT leave_setting()", "SELECT current_setting('leak.x', true)", "" },
		{ "trigger that sets", "INSERT INTO leaky VALUES (1)", "SELECT current_setting('leak.x', true)", "" },
		{ "procedure", "CALL leave_by_call()", "SELECT current_setting('leak.x', true)", "" },
		{ "DO", "DO $$ BEGIN PERFORM set_config('leak.x', '1', false); END $$",
		  "SELECT current_setting('leak.x', true)", "" },
		{ "temporary table", "CREATE TEMP TABLE mine(a int)", "SELECT to_regclass('pg_temp.mine')", "(null)" },
		{ "SELECT INTO", "SELECT 1 AS a INTO TEMPORARY mine", "SELECT to_regclass('pg_temp.mine')", "(null)" },
		{ "advisory lock", "SELECT pg_advisory_lock(7)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0" },
		{ "cursor", "DECLARE held CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) FROM pg_cursors WHERE name = 'held'", "0" },
		{ "prepared", "PREPARE mine AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'", "0" },
		{ "role", "SET ROLE pg_monitor", "SELECT current_user", "tester" },
		{ "LISTEN", "LISTEN news", "SELECT count(*) FROM pg_listening_channels()", "0" },
		{ "SET", "SET work_mem = '64kB'", "SHOW work_mem", "4MB" },
		{ "session characteristics", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
		  "SHOW default_transaction_read_only", "off" },
	};
	struct run r;

	(void)state;
	direct("CREATE FUNCTION leave_setting() RETURNS text LANGUAGE sql AS $$ SELECT set_config('leak.x', '1', false) $$");
	direct("CREATE PROCEDURE leave_by_call() LANGUAGE plpgsql AS $$ BEGIN PERFORM leave_setting(); END $$");
	direct("CREATE TABLE leaky(a int)");
	direct("CREATE FUNCTION leave_by_trigger() RETURNS trigger LANGUAGE plpgsql AS "
	       "$$ BEGIN PERFORM leave_setting(); RETURN NEW; END $$");
	direct("CREATE TRIGGER t BEFORE INSERT ON leaky FOR EACH ROW EXECUTE FUNCTION leave_by_trigger()");
	open_pool(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct qf_engine_conn *c = get_conn(&cl);

		query(&r, c, cases[i].leave);
		if (r.end.outcome != QF_OUT_OK)
			fail_msg("%s: %s", cases[i].name, r.end.error.message);
		cl.ops->conn_put(c, false);
		assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 77 }, &c, NULL), 0);
		const char *seen = query(&r, c, cases[i].look);

		if (strcmp(seen, cases[i].clean) != 0)
			fail_msg("%s: left \"%s\"", cases[i].name, seen);
		assert_query(c, "SHOW client_connection_check_interval", "500ms");
		cl.ops->conn_put(c, false);
	}
	cluster_close(&cl);
	direct("DROP TABLE leaky");
}

static void test_held(void **state)
{
	static const struct {
		const char *sql;
		unsigned held;
	} steps[] = {
		{ "SELECT 1", 0 },
		{ "CREATE TEMP TABLE t(a int)", QF_HELD_TEMP },
		{ "SELECT pg_try_advisory_lock_shared(1, 2)", QF_HELD_TEMP | QF_HELD_LOCK },
		{ "SELECT pg_advisory_xact_lock(3)", QF_HELD_TEMP | QF_HELD_LOCK },
		{ "LISTEN a", QF_HELD_TEMP | QF_HELD_LOCK | QF_HELD_LISTEN },
		{ "LISTEN b", QF_HELD_TEMP | QF_HELD_LOCK | QF_HELD_LISTEN },
		{ "UNLISTEN a", QF_HELD_TEMP | QF_HELD_LOCK | QF_HELD_LISTEN },
		{ "UNLISTEN b", QF_HELD_TEMP | QF_HELD_LOCK },
		{ "SELECT \"pg_advisory_unlock_all\"()", QF_HELD_TEMP },
		{ "DISCARD TEMP", 0 },
		{ "BEGIN", 0 },
		{ "CREATE TEMP TABLE d(a int) ON COMMIT DROP", 0 },
		{ "DECLARE c CURSOR FOR SELECT 1", 0 },
		{ "DECLARE h CURSOR WITH HOLD FOR SELECT 1", QF_HELD_CURSOR | QF_HELD_TEMP },
		{ "COMMIT", QF_HELD_CURSOR },
		{ "FETCH 1 FROM h", QF_HELD_CURSOR },
		{ "CLOSE h", 0 },
		{ "CREATE LOCAL TEMPORARY TABLE t(a int)", QF_HELD_TEMP },
		{ "DISCARD ALL", 0 },
		{ "NOTIFY a", 0 },
		/* By functions, whose text does not show here. */
		{ "SELECT hidden('SELECT pg_advisory_lock(9)')", QF_HELD_LOCK },
		{ "SELECT pg_advisory_unlock(9)", 0 },
		{ "DO $$ BEGIN CREATE TEMP TABLE hid(a int); END $$", QF_HELD_TEMP },
		{ "SELECT 1", QF_HELD_TEMP },
		{ "INSERT INTO hid VALUES (1)", QF_HELD_TEMP },
		{ "DROP TABLE hid", 0 },
		{ "BEGIN", 0 },
		{ "SELECT hidden('LISTEN a')", 0 },
		{ "COMMIT", QF_HELD_LISTEN },
		{ "UNLISTEN a", 0 },
		{ "BEGIN", 0 },
		{ "CREATE TEMP TABLE undone(a int)", QF_HELD_TEMP },
		{ "SELECT hidden('SELECT pg_advisory_lock(9)')", QF_HELD_TEMP | QF_HELD_LOCK },
		{ "ROLLBACK", QF_HELD_LOCK },
		{ "SELECT pg_advisory_unlock_all()", 0 },
	};
	static const char *const ends[] = { "ROLLBACK", "COMMIT" };
	struct run r;

	(void)state;
	direct("CREATE FUNCTION hidden(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; END $$");
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		query(&r, c, steps[i].sql);
		if (r.end.outcome != QF_OUT_OK || r.end.held != steps[i].held)
			fail_msg("%zu %s: held %x, %s", i, steps[i].sql, r.end.held, r.end.error.message);
	}
	for (int i = 0; i < 2; i++) {
		assert_query(c, "BEGIN", "");
		assert_query(c, "CREATE TEMP TABLE undone(a int)", "");
		query(&r, c, "SELECT 1/0");
		assert_true(r.end.transaction_failed);
		assert_int_equal(r.end.held, QF_HELD_TEMP);
		query(&r, c, ends[i]);
		assert_int_equal(r.end.held, 0);
	}
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static struct {
	unsigned n, lost;
	char last[300];
} heard;

static void on_heard(struct qf_slice m)
{
	heard.n++;
	snprintf(heard.last, sizeof(heard.last), "%c %.*s", m.p[0], (int)m.n - 5, (const char *)m.p + 5);
}

static void on_job_async(struct qf_engine_job *job, struct qf_slice m)
{
	(void)job;
	on_heard(m);
}

static void on_watched(void *arg, struct qf_slice m)
{
	(void)arg;
	on_heard(m);
}

static void on_watched_lost(void *arg)
{
	(void)arg;
	heard.lost++;
}

static void test_async(void **state)
{
	static const struct qf_engine_setting zone[] = { { "timezone", "Asia/Tokyo" } };
	struct run r;

	(void)state;
	memset(&heard, 0, sizeof(heard));
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	run_init(&r, &cl, c, "SET timezone = 'Asia/Tokyo'");
	r.job.bind = &simple;
	r.job.on_async = on_job_async;
	run_submit(&r);
	wait_end(&r);
	assert_int_equal(heard.n, 1);
	assert_string_equal(heard.last, "S TimeZone");
	query_with(&r, c, "LISTEN news", NULL, 0); /* our own RESET of the zone is no news for the client */
	query_with(&r, c, "SELECT 1", zone, 1);
	assert_int_equal(heard.n, 1);
	cl.ops->watch(c, on_watched, on_watched_lost, NULL);
	direct("NOTIFY news, 'hello'");
	turn_for(cl.loop, 200 * QF_MS);
	assert_int_equal(heard.n, 2);
	assert_int_equal(heard.last[0], 'A');
	direct("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT 1%'");
	turn_for(cl.loop, 200 * QF_MS);
	assert_int_equal(heard.lost, 1);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_notice(void **state)
{
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	query(&r, c, "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$");
	assert_int_equal(r.notices, 1);
	assert_string_equal(r.notice, "WARNING: mind the gap");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* The name that the statement shows, on a connection that it gets for itself. */
static const char *origin(const char *sql)
{
	static const struct qf_engine_setting app[] = {
		{ "application_name", "a report with a name that is much longer than the server keeps of it" } };
	struct qf_engine_conn *c = get_conn(&cl);
	struct run r;

	run_init(&r, &cl, c, sql);
	r.job.bind = &simple;
	r.job.user = "ann\xc3\xa9";
	r.job.query_id = "20260101_000000_00001_abcde";
	r.job.settings = app;
	r.job.n_settings = 1;
	r.keep_bytes = true;
	run_submit(&r);
	wait_end(&r);
	const char *text = rows_text(&r.bytes);

	qf_buf_fini(&r.bytes);
	cl.ops->conn_put(c, false);
	return text;
}

/* The id of the query shows where somebody may have time to look for it. */
static void test_origin(void **state)
{
	static const char whole[] = "a report with a na user=ann?? query=20260101_000000_00001_abcde";
	static const char brief[] = "a report with a name that is much longer than the se user=ann??";

	(void)state;
	open_pool(1);
	assert_string_equal(origin("SHOW application_name"), whole);
	/* Brief: of several, one at least, on a busy machine too. */
	for (int i = 0; i < 50 && strcmp(origin("SHOW application_name"), brief) != 0; i++)
		continue;
	assert_string_equal(origin("SHOW application_name"), brief);
	for (int i = 0; i < 3; i++)
		assert_string_equal(origin("SELECT current_setting('application_name') FROM pg_sleep(0.05)"), whole);
	cluster_close(&cl);
}

/* ---- back-pressure, cancel, loss ---- */

static void test_window(void **state)
{
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	run_init(&r, &cl, c, "SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
	r.job.bind = &simple;
	r.job.window = 1 << 20;
	r.stall = true;
	run_submit(&r);
	turn_for(cl.loop, 300 * QF_MS);
	assert_int_equal(r.ends, 0);
	assert_in_range(r.wire, 1 << 20, (1 << 20) + (256 << 10));
	r.stall = false;
	cl.ops->more(c, r.wire);
	wait_end(&r);
	assert_int_equal(r.rows, 20000);
	assert_int_equal(r.end.rows, 20000);
	assert_in_range(r.largest, 1, 256 << 10);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void cancel_in(struct run *r, uint64_t ns)
{
	turn_for(cl.loop, ns);
	assert_int_equal(r->ends, 0);
	cl.ops->cancel(r->conn);
	wait_end(r);
}

static void test_cancel(void **state)
{
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	/* On its way to a connection: nothing was sent. */
	run_init(&r, &cl, c, "SELECT 1");
	r.job.bind = &simple;
	run_submit(&r);
	cl.ops->cancel(c);
	wait_end(&r);
	assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	for (int i = 0; i < 20; i++) {
		run_init(&r, &cl, c, "SELECT pg_sleep(60)");
		r.job.bind = &simple;
		run_submit(&r);
		cancel_in(&r, (uint64_t)(i % 4) * 10 * QF_MS + 1);
		assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
		assert_string_equal(r.end.error.sqlstate, "57014");
		assert_false(r.end.conn_broken);
		/* The signal never hits what comes next, whoever's that is. */
		if (i % 2) {
			cl.ops->conn_put(c, false);
			c = get_conn(&cl);
		}
		assert_query(c, "SELECT pg_sleep(0.01), 1", NULL);
	}
	/* A client that takes nothing. */
	run_init(&r, &cl, c, "SELECT repeat('x', 1000) FROM generate_series(1, 2000000)");
	r.job.bind = &simple;
	r.job.window = 1 << 20;
	r.stall = true;
	run_submit(&r);
	for (int i = 0; i < 200 && r.wire < 1 << 20; i++)
		turn_for(cl.loop, 50 * QF_MS);
	cancel_in(&r, 1);
	assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	assert_in_range(r.wire, 1 << 20, 2 << 20);
	run_init(&r, &cl, c, "SELECT * FROM generate_series(1, 10000000)");
	r.job.bind = &simple;
	r.cancel_on_schema = true;
	run_submit(&r);
	wait_end(&r);
	assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	assert_query(c, "SELECT 1", "1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* What was asked for one statement, before it, says nothing about the next one. */
static void test_cancel_before(void **state)
{
	static const struct qf_engine_setting bad[] = { { "timezone", "Nowhere/Never" } };
	struct qf_engine_table table = { .name = "pg_class", .hash = 1 };
	struct run r, next;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (int settings = 0; settings < 2; settings++) {
		pid_t backend = (pid_t)atoi(query(&r, c, "SELECT pg_backend_pid()"));

		assert_int_equal(kill(backend, SIGSTOP), 0);
		run_init(&r, &cl, c, "SELECT 1");
		r.job.bind = &simple;
		r.job.tables = &table;
		r.job.n_tables = settings ? 0 : 1;
		r.job.catalog = cl.ops->catalog(cl.e) + 1;
		r.job.settings = bad;
		r.job.n_settings = settings ? 1 : 0;
		run_submit(&r);
		cl.ops->cancel(c);
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
		run_init(&next, &cl, c, "SELECT 2");
		next.job.bind = &simple;
		run_submit(&next);
		assert_int_equal(kill(backend, SIGCONT), 0);
		wait_end(&next);
		assert_int_equal(next.end.outcome, QF_OUT_OK);
	}
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* A server that hangs before the statement: others get another connection. */
static void test_cancel_hanging(void **state)
{
	static const struct qf_engine_setting zone[] = { { "timezone", "Asia/Tokyo" } };
	struct run r;

	(void)state;
	open_pool(2);
	cl.cfg.connect_timeout_ns = 2 * QF_SEC;
	struct qf_engine_conn *c = get_conn(&cl), *other;
	pid_t backend = (pid_t)atoi(query(&r, c, "SELECT pg_backend_pid()"));

	assert_int_equal(kill(backend, SIGSTOP), 0);
	run_init(&r, &cl, c, "SELECT 1");
	r.job.bind = &simple;
	r.job.settings = zone;
	r.job.n_settings = 1;
	run_submit(&r);
	cl.ops->cancel(c);
	wait_end(&r);
	assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	cl.ops->conn_put(c, false);
	other = get_conn(&cl);
	assert_ptr_not_equal(other, c);
	assert_query(other, "SELECT 2", "2");
	assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 1 }, &c, NULL), 0);
	query(&r, c, "SELECT 3");
	assert_string_equal(r.end.outcome == QF_OUT_OK ? "" : r.end.error.message, "");
	cl.ops->conn_put(c, false);
	cl.ops->conn_put(other, false);
	assert_int_equal(kill(backend, SIGCONT), 0);
	cluster_close(&cl);
}

/* … and who has it does not wait for ever. */
static void test_cancel_waits(void **state)
{
	static const struct qf_engine_setting zone[] = { { "timezone", "Asia/Tokyo" } };
	struct run r;

	(void)state;
	open_pool(1);
	cl.cfg.connect_timeout_ns = QF_SEC;
	struct qf_engine_conn *c = get_conn(&cl);
	pid_t backend = (pid_t)atoi(query(&r, c, "SELECT pg_backend_pid()"));

	assert_int_equal(kill(backend, SIGSTOP), 0);
	for (int i = 0; i < 2; i++) {
		run_init(&r, &cl, c, "SELECT 1");
		r.job.bind = &simple;
		r.job.settings = zone;
		r.job.n_settings = 1;
		run_submit(&r);
		cl.ops->cancel(c);
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	}
	query(&r, c, "SELECT 2");
	assert_int_equal(r.end.outcome, QF_OUT_NOT_SENT);
	assert_non_null(strstr(r.end.error.message, "in time"));
	assert_int_equal(kill(backend, SIGCONT), 0);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* When it is there: the machine may be busy. */
static void kill_backend(const char *like)
{
	const char *killed = "0";
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%s%%'", like);
	for (int i = 0; i < 100 && strcmp(killed, "0") == 0; i++) {
		turn_for(cl.loop, 50 * QF_MS);
		killed = direct(sql);
	}
	assert_string_equal(killed, "1");
}

static void test_killed(void **state)
{
	struct run r;

	(void)state;
	direct("CREATE TABLE killed(a int)");
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	/* Running: it has no effect, and the error is the server's. */
	run_init(&r, &cl, c, "INSERT INTO killed SELECT 1 FROM pg_sleep(60)");
	r.job.bind = &simple;
	run_submit(&r);
	kill_backend("INSERT INTO killed");
	wait_end(&r);
	assert_true(r.end.outcome == QF_OUT_ERROR || r.end.outcome == QF_OUT_NOT_SENT);
	assert_string_equal(r.end.error.sqlstate, "57P01");
	assert_true(r.end.conn_broken);
	cl.ops->conn_put(c, false);
	/* In the middle of rows. */
	c = get_conn(&cl);
	run_init(&r, &cl, c, "SELECT repeat('k', 1000), pg_sleep(0.001) FROM generate_series(1, 100000)");
	r.job.bind = &simple;
	run_submit(&r);
	for (int i = 0; i < 100 && r.rows == 0; i++)
		turn_for(cl.loop, 50 * QF_MS);
	assert_true(r.rows > 0);
	kill_backend("SELECT repeat(''k''");
	wait_end(&r);
	assert_int_equal(r.end.outcome, QF_OUT_ERROR);
	assert_true(r.end.has_rows);
	cl.ops->conn_put(c, false);
	/* Idle, given out: the next statement says so and was not sent. */
	c = get_conn(&cl);
	assert_query(c, "SELECT 'idle one'", "idle one");
	kill_backend("SELECT ''idle one''");
	turn_for(cl.loop, 100 * QF_MS);
	query(&r, c, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_NOT_SENT);
	assert_true(r.end.elsewhere);
	assert_true(r.end.conn_broken);
	cl.ops->conn_put(c, false);
	/* In a transaction it is over. */
	c = get_conn(&cl);
	query(&r, c, "BEGIN");
	query(&r, c, "SELECT 'open one'");
	kill_backend("SELECT ''open one''");
	query(&r, c, "INSERT INTO killed VALUES (2)");
	assert_int_not_equal(r.end.outcome, QF_OUT_OK);
	assert_false(r.end.elsewhere);
	cl.ops->conn_put(c, false);
	/* In the pool: nobody notices. */
	c = get_conn(&cl);
	assert_query(c, "SELECT 'spare one'", "spare one");
	cl.ops->conn_put(c, false);
	kill_backend("SELECT ''spare one''");
	turn_for(cl.loop, 100 * QF_MS);
	c = get_conn(&cl);
	assert_query(c, "SELECT count(*) FROM killed", "0");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	direct("DROP TABLE killed");
}

static void test_down_and_up(void **state)
{
	struct run r;

	(void)state;
	open_pool(3);
	struct qf_engine_conn *c = get_conn(&cl);

	assert_query(c, "SELECT 1", "1");
	assert_null(cl.ops->why_down(cl.e));
	cl.ops->conn_put(c, false);
	assert_int_equal(pg_real_down("fast"), 0);
	turn_for(cl.loop, 500 * QF_MS);
	assert_non_null(cl.ops->why_down(cl.e)); /* without being asked */
	c = get_conn(&cl);
	query(&r, c, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_NOT_SENT);
	assert_true(r.end.elsewhere);
	assert_non_null(strstr(r.end.error.message, "refused"));
	cl.ops->conn_put(c, false);
	assert_int_equal(pg_real_up(), 0);
	for (int i = 0; i < 110 && cl.ops->why_down(cl.e); i++)
		turn_for(cl.loop, 100 * QF_MS);
	assert_null(cl.ops->why_down(cl.e));
	c = get_conn(&cl);
	assert_query(c, "SELECT 1", "1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* ---- ways to connect ---- */

static void open_endpoint(const char *endpoint, const char *password_file)
{
	memset(&cl, 0, sizeof(cl));
	cl.cfg = (struct qf_conf_cluster){ .engine = QF_ENGINE_POSTGRES, .endpoint = endpoint, .pool_size = 2,
					   .password_file = password_file, .connect_timeout_ns = 5 * QF_SEC };
	cluster_open(&cl, QF_ENGINE_POSTGRES, 8);
}

static const char *reload(void)
{
	direct("SELECT pg_reload_conf()");
	usleep(300000);
	return "";
}

/* TLS and SCRAM, rows that stop and go on, and a cancel, which has a connection of its own. */
static void test_tls(void **state)
{
	char endpoint[200], file[100];
	struct run r;

	(void)state;
	if (shell("cd %s/data && openssl req -new -x509 -nodes -days 2 -subj /CN=localhost -keyout server.key -out server.crt "
		  "2>/dev/null && chmod 600 server.key && chown --reference=PG_VERSION server.key server.crt", pg_real.dir) != 0)
		skip();
	assert_int_equal(shell("cd %s && sed -i '1i hostssl all scram all scram-sha-256\\nhost all scram all reject' data/pg_hba.conf && "
			       "printf 'se cret\\nignored\\n' >password", pg_real.dir), 0);
	direct("CREATE ROLE scram LOGIN PASSWORD 'se cret'");
	direct("ALTER SYSTEM SET ssl = on");
	reload();
	snprintf(file, sizeof(file), "%s/password", pg_real.dir);
	snprintf(endpoint, sizeof(endpoint), "postgres://scram@localhost:%u/postgres?sslmode=verify-full&sslrootcert=%s/data/server.crt",
		 pg_real.port, pg_real.dir);
	open_endpoint(endpoint, file);
	struct qf_engine_conn *c = get_conn(&cl);

	assert_query(c, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "t");
	run_init(&r, &cl, c, "SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
	r.job.bind = &simple;
	r.job.window = 1 << 20;
	r.stall = true;
	run_submit(&r);
	for (int i = 0; i < 100 && r.wire < 1 << 20; i++)
		turn_for(cl.loop, 20 * QF_MS);
	assert_in_range(r.wire, 1 << 20, (1 << 20) + (256 << 10));
	r.stall = false;
	cl.ops->more(c, r.wire);
	wait_end(&r);
	assert_int_equal(r.rows, 20000);
	run_init(&r, &cl, c, "SELECT pg_sleep(60)");
	r.job.bind = &simple;
	run_submit(&r);
	cancel_in(&r, 100 * QF_MS);
	assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
	assert_query(c, "SELECT 1", "1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	assert_int_equal(shell("printf wrong >%s", file), 0);
	open_endpoint(endpoint, file);
	c = get_conn(&cl);
	query(&r, c, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_NOT_SENT);
	assert_non_null(strstr(r.end.error.message, "password authentication failed"));
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	direct("ALTER SYSTEM SET ssl = off");
	reload();
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *name, *endpoint; /* %u: the port */
		const char *says;	     /* NULL: it works */
	} cases[] = {
		{ "host and port", "127.0.0.1:%u", "role" },
		{ "key words", "host=127.0.0.1 port=%u user=tester dbname=postgres", NULL },
		{ "the first host is not there", "postgres://tester@no-such-host.invalid:1,localhost:%u/postgres", NULL },
		{ "the first host refuses", "postgres://tester@127.0.0.1:1,localhost:%u/postgres", NULL },
		{ "no host is there", "postgres://tester@a.invalid,b.invalid:%u/postgres", "b.invalid" },
		{ "one that is not there", "postgres://tester@no-such-host.invalid:%u/postgres", "no-such-host.invalid" },
		{ "no such database", "postgres://tester@127.0.0.1:%u/nowhere", "database \"nowhere\" does not exist" },
		{ "no endpoint at all", "postgres://tester@127.0.0.1:%u/postgres?nonsense=1", "nonsense" },
		{ "no such service", "service=none-%u", "none-" },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char endpoint[200];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(endpoint, sizeof(endpoint), cases[i].endpoint, pg_real.port);
#pragma GCC diagnostic pop
		open_endpoint(endpoint, NULL);
		struct qf_engine_conn *c = get_conn(&cl);

		query(&r, c, "SELECT 1");
		if (r.end.outcome != (cases[i].says ? QF_OUT_NOT_SENT : QF_OUT_OK) ||
			(cases[i].says && !strstr(r.end.error.message, cases[i].says)))
			fail_msg("%s: %s", cases[i].name, r.end.error.message);
		cl.ops->conn_put(c, false);
		cluster_close(&cl);
	}
}

/* ---- pool ---- */

static void test_affinity(void **state)
{
	struct qf_engine_conn *a, *b, *c, *d;

	(void)state;
	open_pool(2);
	assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 1 }, &a, NULL), 0);
	assert_query(a, "SELECT 1", "1");
	assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 2 }, &b, NULL), 0);
	assert_query(b, "SELECT 1", "1");
	assert_int_equal(cl.ops->capacity(cl.e), 2);
	struct qf_sql_error err;

	assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 3 }, &d, NULL), 0); /* for what is only described */
	assert_query(d, "SELECT 1", "1");
	assert_true(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 4 }, &c, &err) < 0);
	assert_string_equal(err.sqlstate, "53300");
	cl.ops->conn_put(d, false);
	for (int i = 0; i < 4; i++) {
		cl.ops->conn_put(i % 2 ? a : b, false);
		cl.ops->conn_put(i % 2 ? b : a, false);
		assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 1 }, &c, NULL), 0);
		assert_ptr_equal(c, a);
		assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 2 }, &c, NULL), 0);
		assert_ptr_equal(c, b);
	}
	cl.ops->conn_put(a, false);
	cl.ops->conn_put(b, false);
	assert_int_equal(cl.ops->conn_get(cl.e, &(struct qf_engine_who){ .session = 5 }, &c, NULL), 0);
	assert_ptr_equal(c, b); /* the one used last */
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

static void test_sizes(void **state)
{
	(void)state;
	memset(&cl, 0, sizeof(cl));
	cl.cfg = (struct qf_conf_cluster){ .engine = QF_ENGINE_POSTGRES, .endpoint = pg_real.endpoint, .pool_size = 4,
					   .pool_min = 1, .pool_idle_ns = QF_SEC, .connect_timeout_ns = 5 * QF_SEC };
	cluster_open(&cl, QF_ENGINE_POSTGRES, 8);
	turn_for(cl.loop, 300 * QF_MS);
	assert_string_equal(direct("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'queryflux'"), "1");
	struct qf_engine_conn *c[4];

	for (int i = 0; i < 4; i++)
		c[i] = get_conn(&cl);
	for (int i = 0; i < 4; i++)
		assert_query(c[i], "SELECT 1", "1");
	assert_string_equal(direct("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'queryflux%'"), "4");
	for (int i = 0; i < 4; i++)
		cl.ops->conn_put(c[i], false);
	turn_for(cl.loop, 3 * QF_SEC + 500 * QF_MS);
	assert_string_equal(direct("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'queryflux%'"), "1");
	cluster_close(&cl);
}

static void test_modes(void **state)
{
	struct qf_sql_error err = { 0 };
	struct run r;

	(void)state;
	open_pool(1);
	cl.cfg.pool_mode = QF_POOL_SESSION;
	struct qf_engine_conn *c = get_conn(&cl);

	query(&r, c, "SELECT 1");
	assert_int_equal(r.end.held, QF_HELD_MODE);
	cl.cfg.pool_mode = QF_POOL_STATEMENT;
	run_init(&r, &cl, c, "BEGIN");
	r.job.bind = &simple;
	assert_true(cl.ops->submit(c, &r.job, &err) < 0);
	assert_string_equal(err.sqlstate, "0A000");
	query(&r, c, "SELECT 1");
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* ---- COPY ---- */

static size_t taken;

static void on_input_taken(struct qf_engine_job *job, size_t n)
{
	(void)job;
	taken += n;
}

static void put_data(struct qf_engine_conn *c, char kind, const char *text)
{
	struct qf_buf b;

	qf_buf_init(&b);
	qf_buf_u8(&b, (uint8_t)kind);
	qf_buf_u32(&b, (uint32_t)(4 + strlen(text) + (kind == 'f')));
	qf_buf_add(&b, text, strlen(text) + (kind == 'f'));
	cl.ops->input(c, qf_buf_slice(&b));
	qf_buf_fini(&b);
}

static void copy_begin(struct run *r, struct qf_engine_conn *c, const struct qf_bind *b, const char *sql)
{
	taken = 0;
	run_init(r, &cl, c, sql);
	r->job.bind = b;
	r->job.on_input_taken = on_input_taken;
	run_submit(r);
	for (int i = 0; i < 50 && !r->schemas; i++)
		turn_for(cl.loop, 20 * QF_MS);
	assert_int_equal(r->schemas, 1);
}

static void test_copy(void **state)
{
	static const struct qf_bind extended = { .encodings = QF_ENC_BIT(QF_ENC_PG3) };
	const struct qf_bind *ways[] = { &simple, &extended };
	struct run r;

	(void)state;
	direct("CREATE TABLE copied(a int, b text)");
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (int i = 0; i < 2; i++) {
		copy_begin(&r, c, ways[i], "COPY copied FROM STDIN");
		put_data(c, 'd', "1\tone\n");
		put_data(c, 'd', "2\ttwo\n");
		put_data(c, 'c', "");
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_OK);
		assert_string_equal(r.end.tag, "COPY 2");
		assert_true(taken <= 2 * 11 + 5); /* what is taken at the very end need not be told */
		copy_begin(&r, c, ways[i], "COPY copied FROM STDIN");
		put_data(c, 'd', "3\tthree\n");
		put_data(c, 'f', "no more");
		wait_end(&r);
		assert_string_equal(r.end.error.sqlstate, "57014");
		assert_int_equal(r.end.outcome, QF_OUT_ERROR);
		/* The server gives up first. */
		copy_begin(&r, c, ways[i], "COPY copied FROM STDIN");
		put_data(c, 'd', "x\tthree\n");
		wait_end(&r);
		assert_string_equal(r.end.error.sqlstate, "22P02");
		put_data(c, 'd', "4\tfour\n");
		copy_begin(&r, c, ways[i], "COPY copied FROM STDIN");
		cl.ops->cancel(c);
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_CANCELLED);
		run_init(&r, &cl, c, "COPY copied TO STDOUT");
		r.job.bind = ways[i];
		r.keep_bytes = true;
		run_submit(&r);
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_OK);
		assert_int_equal(r.end.rows, 2 + 2 * i);
		assert_int_equal(r.rows, 2 + 2 * i);
		qf_buf_fini(&r.bytes);
	}
	assert_query(c, "SELECT count(*) FROM copied", "4");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	direct("DROP TABLE copied");
}

/* ---- Arrow ---- */

static void run_arrow(struct run *r, struct qf_engine_conn *c, const char *sql, unsigned flags)
{
	const struct qf_bind b = { .flags = flags };

	run_init(r, &cl, c, sql);
	r->job.bind = &b;
	r->keep_bytes = true;
	run_submit(r);
	wait_end(r);
}

static void test_arrow(void **state)
{
	struct decoded d;
	struct run r;

	(void)state;
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (unsigned flags = 0; flags <= QF_RUN_NAMED; flags += QF_RUN_NAMED)
		for (int twice = 0; twice < 2; twice++) {
			run_arrow(&r, c, "SELECT i AS id, 'n' || i AS name FROM generate_series(1, 30000) i", flags);
			assert_int_equal(r.end.outcome, QF_OUT_OK);
			assert_int_equal(r.job.encoding, QF_ENC_ARROW);
			assert_int_equal(r.rows, 30000);
			assert_in_range(r.largest, 1, 300 << 10);
			decode_begin(&d, &r.bytes);
			assert_string_equal(d.schema.children[0]->name, "id");
			assert_true(decode_next(&d));
			assert_int_equal(ArrowArrayViewGetIntUnsafe(d.view.children[0], 41), 42);
			struct ArrowStringView v = ArrowArrayViewGetStringUnsafe(d.view.children[1], 41);

			assert_int_equal(v.size_bytes, 3);
			assert_memory_equal(v.data, "n42", 3);
			decode_end(&d);
			qf_buf_fini(&r.bytes);
		}
	run_arrow(&r, c, "SELECT 1::int WHERE false", 0);
	assert_int_equal(r.schemas, 1);
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	qf_buf_fini(&r.bytes);
	run_arrow(&r, c, "CREATE TEMP TABLE a1(a int)", 0);
	assert_int_equal(r.schemas, 0);
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	run_arrow(&r, c, "COPY a1 FROM STDIN", 0);
	assert_string_equal(r.end.error.sqlstate, "0A000");
	run_arrow(&r, c, "COPY (SELECT 1) TO STDOUT", 0);
	assert_string_equal(r.end.error.sqlstate, "0A000");
	run_arrow(&r, c, "SELECT * FROM nowhere", 0);
	assert_string_equal(r.end.error.sqlstate, "42P01");
	assert_query(c, "SELECT 1", "1");
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
}

/* ---- columns of tables ---- */

static char looked[3][200];
static unsigned n_looked;

static void on_looked(struct qf_engine_lookup *l, const struct qf_slice *columns)
{
	for (size_t i = 0; i < l->n_tables; i++)
		snprintf(looked[i], sizeof(looked[i]), "%.*s", (int)columns[i].n, columns[i].n ? (const char *)columns[i].p : "");
	n_looked++;
	qf_loop_stop(cl.loop);
}

static void test_catalog(void **state)
{
	static const struct qf_engine_setting path[] = { { "schema", "apart" } };
	struct qf_engine_table tables[] = { { .name = "looked" }, { .schema = "apart", .name = "else" },
					    { .catalog = "other", .schema = "public", .name = "looked" } };
	struct qf_engine_lookup l = { .tables = tables, .n_tables = 3, .on_done = on_looked };
	struct run r;

	(void)state;
	direct("CREATE TABLE looked(\"Id\" int, price numeric(10,2), tags text[])");
	direct("CREATE SCHEMA apart");
	direct("CREATE TABLE apart.\"else\"(at timestamptz)");
	direct("CREATE TABLE apart.looked(x int)");
	open_pool(1);
	assert_int_equal(cl.ops->lookup(cl.e, &l), 0);
	turn_for(cl.loop, 5 * QF_SEC);
	assert_int_equal(n_looked, 1);
	assert_string_equal(looked[0], "{\"Id\":\"integer\",\"price\":\"numeric(10,2)\",\"tags\":\"text[]\"}");
	assert_string_equal(looked[1], "{\"at\":\"timestamp with time zone\"}");
	assert_string_equal(looked[2], "{}");
	l.settings = path;
	l.n_settings = 1;
	assert_int_equal(cl.ops->lookup(cl.e, &l), 0);
	turn_for(cl.loop, 5 * QF_SEC);
	assert_int_equal(n_looked, 2);
	assert_string_equal(looked[0], "{\"x\":\"integer\"}");
	/* A statement that was translated with what is not true any more. */
	struct qf_engine_conn *c = get_conn(&cl);

	tables[0].hash = qf_engine_columns_hash(qf_slice_str("{\"x\":\"integer\"}"));
	for (int same = 0; same < 2; same++) {
		run_init(&r, &cl, c, "SELECT 1");
		r.job.tables = tables;
		r.job.n_tables = 1;
		r.job.catalog = cl.ops->catalog(cl.e) + 1;
		r.job.bind = &simple;
		r.job.settings = same ? path : NULL;
		r.job.n_settings = same ? 1 : 0;
		run_submit(&r);
		wait_end(&r);
		assert_int_equal(r.end.outcome, same ? QF_OUT_OK : QF_OUT_NOT_SENT);
		assert_int_equal(r.end.catalog_changed, !same);
	}
	uint64_t before = cl.ops->catalog(cl.e);

	assert_query(c, "SELECT 1", "1");
	assert_int_equal(cl.ops->catalog(cl.e), before);
	assert_query(c, "BEGIN", "");
	assert_query(c, "ALTER TABLE looked ADD y int", "");
	assert_int_equal(cl.ops->catalog(cl.e), before);
	assert_query(c, "COMMIT", "");
	assert_int_equal(cl.ops->catalog(cl.e), before + 1);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	direct("DROP SCHEMA apart CASCADE");
}

/* What we ask is not what a schema of the client makes of it. */
static void test_search_path(void **state)
{
	static const struct qf_engine_setting path[] = { { "search_path", "evil, pg_catalog, public" } };
	struct qf_engine_table table = { .schema = "evil", .name = "t" };
	struct run r;

	(void)state;
	direct("CREATE SCHEMA evil");
	direct("CREATE TABLE evil.t(a int)");
	direct("DO $$ DECLARE o record; BEGIN FOR o IN SELECT * FROM (VALUES ('=', 'oid', 'boolean'), ('<>', 'oid', 'boolean'), "
	       "('=', 'text', 'boolean'), ('=', '\"char\"', 'boolean'), ('|', 'int', 'int')) AS v(name, of, gives) LOOP "
	       "EXECUTE format('CREATE OR REPLACE FUNCTION evil.boom(%s, %1$s) RETURNS %s LANGUAGE plpgsql AS %L', o.of, o.gives, "
	       "'BEGIN RAISE ''boom''; END'); "
	       "EXECUTE format('CREATE OPERATOR evil.%s (leftarg = %s, rightarg = %2$s, function = evil.boom)', o.name, o.of); "
	       "END LOOP; END $$");
	direct("CREATE FUNCTION evil.format_type(oid, int) RETURNS text LANGUAGE sql AS $$ SELECT 'boom' $$");
	open_pool(1);
	struct qf_engine_conn *c = get_conn(&cl);

	for (int same = 0; same < 2; same++) {
		table.hash = qf_engine_columns_hash(qf_slice_str(same ? "{\"a\":\"integer\"}" : "{\"a\":\"text\"}"));
		run_init(&r, &cl, c, "CREATE TEMP TABLE mine(a int)");
		r.job.tables = &table;
		r.job.n_tables = 1;
		r.job.catalog = cl.ops->catalog(cl.e) + 1;
		r.job.bind = &simple;
		r.job.settings = path;
		r.job.n_settings = 1;
		run_submit(&r);
		wait_end(&r);
		assert_int_equal(r.end.outcome, same ? QF_OUT_OK : QF_OUT_NOT_SENT);
		assert_int_equal(r.end.held, same ? QF_HELD_TEMP : 0);
	}
	/* The held one is asked for sure. */
	query_with(&r, c, "DO $$ BEGIN DROP TABLE mine; END $$", path, 1);
	assert_int_equal(r.end.outcome, QF_OUT_OK);
	assert_int_equal(r.end.held, 0);
	cl.ops->conn_put(c, false);
	cluster_close(&cl);
	direct("DROP SCHEMA evil CASCADE");
}

static void on_looked_again(struct qf_engine_lookup *l, const struct qf_slice *columns)
{
	static struct qf_engine_lookup again;

	again = *l;
	again.on_done = on_looked;
	assert_int_equal(columns[0].n, 0);
	assert_int_equal(cl.ops->lookup(cl.e, &again), 0);
}

/* A look-up that is lost with its connection and asked for at once gets another one, which the engine knows of. */
static void test_looker_lost(void **state)
{
	struct qf_engine_table table = { .schema = "pg_catalog", .name = "pg_language" };
	struct qf_engine_lookup l = { .tables = &table, .n_tables = 1, .on_done = on_looked };

	(void)state;
	open_pool(1);
	n_looked = 0;
	assert_int_equal(cl.ops->lookup(cl.e, &l), 0);
	turn_for(cl.loop, 5 * QF_SEC);
	assert_int_equal(n_looked, 1);
	pid_t backend = (pid_t)atoi(direct("SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT CASE WHEN%'"));

	assert_int_equal(kill(backend, SIGSTOP), 0);
	l.on_done = on_looked_again;
	assert_int_equal(cl.ops->lookup(cl.e, &l), 0);
	assert_int_equal(kill(backend, SIGTERM), 0);
	assert_int_equal(kill(backend, SIGCONT), 0);
	turn_for(cl.loop, 5 * QF_SEC);
	l.on_done = on_looked;
	assert_int_equal(n_looked, 2);
	assert_int_equal(cl.ops->lookup(cl.e, &l), 0);
	turn_for(cl.loop, 5 * QF_SEC);
	assert_int_equal(n_looked, 3);
	assert_string_equal(direct("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT CASE WHEN%'"), "1");
	cluster_close(&cl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),	     cmocka_unit_test(test_parameters), cmocka_unit_test(test_stages),
		cmocka_unit_test(test_named),	     cmocka_unit_test(test_names),
		cmocka_unit_test(test_plan_changes), cmocka_unit_test(test_describe),
		cmocka_unit_test(test_portals),	     cmocka_unit_test(test_transaction), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_no_leaks),     cmocka_unit_test(test_held),	cmocka_unit_test(test_async),
		cmocka_unit_test(test_notice),	     cmocka_unit_test(test_origin),	cmocka_unit_test(test_window),
		cmocka_unit_test(test_cancel),	     cmocka_unit_test(test_cancel_before),
		cmocka_unit_test(test_cancel_hanging), cmocka_unit_test(test_cancel_waits), cmocka_unit_test(test_killed),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_endpoints),    cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_sizes),	     cmocka_unit_test(test_modes),	cmocka_unit_test(test_copy),
		cmocka_unit_test(test_arrow),	     cmocka_unit_test(test_catalog),	cmocka_unit_test(test_looker_lost), cmocka_unit_test(test_search_path),
			cmocka_unit_test(test_down_and_up),
	};

	return cmocka_run_group_tests(tests, pg_real_start, pg_real_stop);
}
