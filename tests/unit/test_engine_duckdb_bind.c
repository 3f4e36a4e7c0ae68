/* Parameters and descriptions of the DuckDB adapter. */
#include "engine_run.h"
#include "qf/types.h"

/* ---- a statement, its parameters and what came ---- */

struct param {
	uint32_t type; /* declared; 0: not */
	const char *text; /* NULL: SQL NULL, unless there are bytes */
	const char *bytes;
	size_t n;
	bool set;
};

#define P(oid, t) { oid, t, NULL, 0, true }
#define B(oid, b) { oid, NULL, b, sizeof(b) - 1, true }

struct bound {
	struct qf_bind bind;
	uint32_t types[4];
	struct qf_value values[4];
};

static void bound_init(struct bound *b, const struct param params[4])
{
	uint16_t n = 0;

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < 4 && params[i].set; i++, n++) {
		const struct param *p = &params[i];
		const char *v = p->bytes ? p->bytes : p->text;

		b->types[i] = p->type;
		b->values[i] = (struct qf_value){ (const uint8_t *)v, p->bytes ? (uint32_t)p->n : v ? (uint32_t)strlen(v) : 0,
						  p->bytes != NULL };
	}
	b->bind = (struct qf_bind){ .types = b->types, .values = b->values,
				    .n_types = n, .n_values = n,
				    .encodings = QF_ENC_BIT(QF_ENC_ARROW) };
}

static void run_bound(struct run *r, struct cluster *cl, struct qf_engine_conn *c, const char *sql,
	const struct qf_bind *bind)
{
	static const struct qf_engine_setting zone = { "timezone", "Europe/Berlin" };

	run_init(r, cl, c, sql);
	r->job.bind = bind;
	r->job.settings = &zone;
	r->job.n_settings = 1;
	r->keep_bytes = true;
	run_submit(r);
	wait_end(r);
	assert_int_equal(r->job.encoding, QF_ENC_ARROW);
}

/* Messages are encapsulated: marker, length of the metadata, metadata; the schema message has no body. */
static struct qf_slice schema_of(const struct qf_buf *bytes)
{
	uint32_t n;

	assert_true(bytes->n >= 8);
	memcpy(&n, bytes->p + 4, sizeof(n));
	return qf_slice(bytes->p, 8 + n);
}

static struct qf_rowset *rowset_of(const struct run *r)
{
	struct qf_rowset *rs = NULL;
	struct qf_err err = { 0 };

	if (qf_rowset_new(&rs, schema_of(&r->bytes), &err) < 0)
		fail_msg("schema: %s", err.text);
	return rs;
}

static void row_text(const struct run *r, struct qf_rowset *rs, struct qf_buf *out)
{
	struct qf_slice schema = schema_of(&r->bytes);
	struct qf_text_style st = { .extra_float_digits = 1 };
	struct qf_err err = { 0 };
	uint64_t rows = 0;

	if (qf_rowset_load(rs, qf_slice(r->bytes.p + schema.n, r->bytes.n - schema.n), &rows, &err) < 0)
		fail_msg("batch: %s", err.text);
	assert_int_equal(rows, 1);
	for (size_t i = 0; i < qf_rowset_columns(rs); i++) {
		if (i > 0)
			qf_buf_add_str(out, " | ");
		if (qf_rowset_is_null(rs, 0, i))
			qf_buf_add_str(out, "NULL");
		else if (qf_rowset_pg_text(rs, 0, i, &st, out, &err) < 0)
			fail_msg("value: %s", err.text);
	}
}

static void fixture(struct cluster *cl, struct qf_engine_conn **c)
{
	static const char *const setup[] = {
		"CREATE TYPE mood AS ENUM ('sad', 'glad')",
		"CREATE TABLE t(b BOOLEAN, ti TINYINT, si SMALLINT, i INTEGER, bi BIGINT, h HUGEINT, uti UTINYINT, "
		"usi USMALLINT, ui UINTEGER, ubi UBIGINT, uh UHUGEINT, big BIGNUM, f FLOAT, d DOUBLE, n DECIMAL(10,2), "
		"s VARCHAR, j JSON, bl BLOB, bits BIT, u UUID, dt DATE, tm TIME, tmz TIMETZ, ts TIMESTAMP, tss TIMESTAMP_S, "
		"tsm TIMESTAMP_MS, tsn TIMESTAMP_NS, tz TIMESTAMPTZ, iv INTERVAL, m mood, li INTEGER[], ld DECIMAL(5,1)[], "
		"st STRUCT(a INTEGER, b VARCHAR), mp MAP(VARCHAR, INTEGER), ar INTEGER[2], ll INTEGER[][])",
		"CREATE TABLE one AS SELECT 1::INTEGER AS i, 2::BIGINT AS b, 'x' AS s, 1.25::DECIMAL(10,2) AS d, "
		"DATE '2020-02-03' AS dt",
	};

	open_memory(cl, 2);
	*c = get_conn(cl);
	for (size_t i = 0; i < sizeof(setup) / sizeof(*setup); i++)
		must_run(cl, *c, setup[i]);
}

static void fixture_end(struct cluster *cl, struct qf_engine_conn *c)
{
	cl->ops->conn_put(c, false);
	cluster_close(cl);
}

/* ---- values: declared, in both formats, and what comes back ---- */

static const struct {
	const char *sql;
	struct param params[4];
	const char *expect;
	uint32_t oid; /* of the first column */
} values[] = {
	{ "SELECT $1", { P(16, "t") }, "t", 16 },
	{ "SELECT $1", { B(16, "\x01") }, "t", 16 },
	{ "SELECT $1", { P(21, "-32768") }, "-32768", 21 },
	{ "SELECT $1", { B(21, "\x7f\xff") }, "32767", 21 },
	{ "SELECT $1", { P(23, "-2147483648") }, "-2147483648", 23 },
	{ "SELECT $1", { B(23, "\x7f\xff\xff\xff") }, "2147483647", 23 },
	{ "SELECT $1", { P(20, "-9223372036854775808") }, "-9223372036854775808", 20 },
	{ "SELECT $1", { B(20, "\x7f\xff\xff\xff\xff\xff\xff\xff") }, "9223372036854775807", 20 },
	{ "SELECT $1", { P(26, "4294967295") }, "4294967295", 20 },
	{ "SELECT $1", { P(700, "1.5") }, "1.5", 700 },
	{ "SELECT $1", { P(700, "NaN") }, "NaN", 700 },
	{ "SELECT $1", { P(701, "-Infinity") }, "-Infinity", 701 },
	{ "SELECT $1", { B(701, "\x40\x09\x21\xfb\x54\x44\x2d\x18") }, "3.141592653589793", 701 },
	{ "SELECT $1", { P(1700, "0") }, "0", 1700 },
	{ "SELECT $1", { P(1700, "-1.50") }, "-1.50", 1700 },
	{ "SELECT $1", { P(1700, "0.00000000000000000000000000000000000001") },
	  "0.00000000000000000000000000000000000001", 1700 },
	{ "SELECT $1", { P(1700, "99999999999999999999999999999999999999") },
	  "99999999999999999999999999999999999999", 1700 },
	{ "SELECT $1", { P(1700, "170141183460469231731687303715884105727") },
	  "170141183460469231731687303715884105727", 1700 }, /* a HUGEINT */
	{ "SELECT $1", { P(1700, "-170141183460469231731687303715884105728") },
	  "-170141183460469231731687303715884105728", 1700 },
	{ "SELECT $1", { P(1700, "12345678901234567890123456789012345678.000") },
	  "12345678901234567890123456789012345678", 1700 },
	{ "SELECT $1", { B(1700, "\0\2\0\0\0\0\0\2\0\1\x09\xc4") }, "1.25", 1700 },
	{ "SELECT $1", { P(25, "it's; \"x\" -- $1 \xc3\xa9") }, "it's; \"x\" -- $1 \xc3\xa9", 25 },
	{ "SELECT $1", { P(25, "") }, "", 25 },
	{ "SELECT $1", { P(1043, "v") }, "v", 25 },
	{ "SELECT $1", { B(25, "bin") }, "bin", 25 },
	{ "SELECT $1", { P(705, "unknown is text") }, "unknown is text", 25 },
	{ "SELECT $1", { P(0, "so is nothing") }, "so is nothing", 25 },
	{ "SELECT $1", { P(17, "\\x00ff") }, "\\x00ff", 17 },
	{ "SELECT $1", { B(17, "\0\xff") }, "\\x00ff", 17 },
	{ "SELECT $1", { P(114, "{\"a\": [1, null]}") }, "{\"a\": [1, null]}", 114 },
	{ "SELECT $1", { P(3802, "{\"a\": 1}") }, "{\"a\": 1}", 114 },
	{ "SELECT $1", { B(3802, "\1{\"a\":1}") }, "{\"a\":1}", 114 },
	{ "SELECT $1", { P(1562, "10110") }, "10110", 1562 },
	{ "SELECT $1", { P(2950, "{A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11}") }, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 2950 },
	{ "SELECT $1", { B(2950, "\xff\1\2\3\4\5\6\7\x88\x09\x0a\x0b\x0c\x0d\x0e\x0f") },
	  "ff010203-0405-0607-8809-0a0b0c0d0e0f", 2950 },
	{ "SELECT $1", { P(1082, "2024-02-29") }, "2024-02-29", 1082 },
	{ "SELECT $1", { P(1082, "infinity") }, "infinity", 1082 },
	{ "SELECT $1", { P(1082, "-infinity") }, "-infinity", 1082 },
	{ "SELECT $1", { P(1082, "0044-03-15 BC") }, "0044-03-15 BC", 1082 },
	{ "SELECT $1", { B(1082, "\0\0\0\0") }, "2000-01-01", 1082 },
	{ "SELECT $1", { P(1083, "24:00:00") }, "24:00:00", 1083 },
	{ "SELECT $1", { P(1083, "23:59:59.999999") }, "23:59:59.999999", 1083 },
	{ "SELECT $1", { P(1266, "01:02:03.5-08:30") }, "01:02:03.5-08:30", 1266 },
	{ "SELECT $1", { P(1266, "24:00:00+15:59:59") }, "24:00:00+15:59:59", 1266 },
	{ "SELECT $1", { P(1114, "1999-12-31 23:59:59.123456") }, "1999-12-31 23:59:59.123456", 1114 },
	{ "SELECT $1", { P(1114, "-infinity") }, "-infinity", 1114 },
	{ "SELECT $1", { P(1184, "2024-07-01 12:00:00") }, "2024-07-01 10:00:00+00", 1184 }, /* read in Berlin */
	{ "SELECT $1", { P(1184, "2024-07-01 12:00:00-08") }, "2024-07-01 20:00:00+00", 1184 },
	{ "SELECT $1", { P(1184, "infinity") }, "infinity", 1184 },
	{ "SELECT $1", { B(1184, "\0\0\0\0\0\0\0\1") }, "2000-01-01 00:00:00.000001+00", 1184 },
	{ "SELECT $1", { P(1186, "1 year -2 days 03:04:05.6") }, "1 year -2 days +03:04:05.6", 1186 },
	{ "SELECT $1", { P(1007, "{1,NULL,3}") }, "{1,NULL,3}", 1007 },
	{ "SELECT $1", { P(1007, "{}") }, "{}", 1007 },
	{ "SELECT $1", { P(1007, "{{1,2},{3,4}}") }, "[[1,2],[3,4]]", 114 },
	{ "SELECT $1", { P(1009, "{a,\"b c\",NULL,\"\"}") }, "{a,\"b c\",NULL,\"\"}", 1009 },
	{ "SELECT $1", { P(1231, "{1.5,-20,0.001}") }, "{1.500,-20.000,0.001}", 1231 },
	{ "SELECT $1", { P(1185, "{\"2024-07-01 12:00:00\"}") }, "{\"2024-07-01 10:00:00+00\"}", 1185 },
	{ "SELECT $1", { P(2951, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}") }, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", 2951 },
	{ "SELECT $1", { P(199, "{\"{\\\"a\\\": 1}\"}") }, "{\"{\\\"a\\\": 1}\"}", 199 },
	{ "SELECT $1", { P(1563, "{101,0}") }, "{101,0}", 1563 },
	{ "SELECT $1", { P(1001, "{\"\\\\x00ff\"}") }, "{\"\\\\x00ff\"}", 1001 },
	{ "SELECT $1", { P(23, NULL) }, "NULL", 23 },
	{ "SELECT $1", { P(1700, NULL) }, "NULL", 1700 },
	{ "SELECT $1", { P(1007, NULL) }, "NULL", 1007 },
	{ "SELECT $1", { P(0, NULL) }, "NULL", 25 },
	/* what DuckDB's own finding would not see */
	{ "SELECT $1 + 1", { P(23, "41") }, "42", 23 },
	{ "SELECT $1 + 1", { P(20, "41") }, "42", 20 },
	{ "SELECT $1 + 1", { P(1700, "41.5") }, "42.5", 1700 },
	{ "SELECT $1 || $2", { P(25, "a"), P(25, "b") }, "ab", 25 },
	{ "SELECT $2, $1", { P(23, "1"), P(25, "b") }, "b | 1", 25 },
	{ "SELECT ?, ?", { P(23, "1"), P(25, "b") }, "1 | b", 23 },
	{ "SELECT $1, $1 + 1", { P(23, "1") }, "1 | 2", 23 },
	{ "SELECT '$1', \"$2\", $1 /* $3 */ FROM (SELECT 5 AS \"$2\") -- $4", { P(23, "7") }, "$1 | 5 | 7", 25 },
	{ "SELECT i FROM one WHERE i = $1", { P(20, "1") }, "1", 23 },
	{ "SELECT i FROM one WHERE i = $1", { P(701, "1") }, "1", 23 },
	{ "SELECT count(*) FROM one WHERE i = $1", { P(701, "1.5") }, "0", 20 },
	{ "SELECT count(*) FROM one WHERE d = $1", { P(1700, "1.250") }, "1", 20 },
	{ "SELECT count(*) FROM one WHERE d = $1", { P(0, "1.251") }, "0", 20 }, /* not rounded to what the column has */
	{ "SELECT count(*) FROM one WHERE i = ANY($1)", { P(1007, "{1,2}") }, "1", 20 },
	{ "SELECT i FROM one ORDER BY $1", { P(23, "9") }, "1", 23 }, /* a constant, no column */
	{ "SELECT i FROM one LIMIT $1", { P(20, "1") }, "1", 23 },
	{ "SELECT sum(range) FROM range($1)", { P(20, "4") }, "6", 1700 },
	/* what is found when nothing is declared */
	{ "SELECT $1 + 1", { P(0, "41") }, "42", 23 },
	{ "SELECT b + $1, d * $2 FROM one", { P(0, "40"), P(0, "2.0") }, "42 | 2.500", 20 },
	{ "SELECT length($1)", { P(0, "abc") }, "3", 20 },
	{ "SELECT round($1, 1)", { P(0, "2.25") }, "2.3", 701 },
	{ "SELECT count(*) FROM one WHERE i = ANY($1)", { P(0, "{1,2}") }, "1", 20 },
	{ "SELECT count(*) FROM one WHERE dt = ANY($1)", { P(0, "{2020-02-03}") }, "1", 20 },
	{ "SELECT i + $1, $2 FROM one WHERE s = $3", { P(0, "1"), P(0, "t"), P(0, "x") }, "2 | t", 23 },
	{ "SELECT dt + $1 FROM one", { P(0, "1 day") }, "2020-02-04 00:00:00", 1114 },
	{ "SELECT extract(year FROM $1)", { P(0, "2020-02-03 04:05:06") }, "2020", 20 },
};

static void test_values(void **state)
{
	struct qf_engine_conn *c;
	struct cluster cl;
	struct bound b;
	struct run r;

	(void)state;
	fixture(&cl, &c);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct qf_buf text;

		bound_init(&b, values[i].params);
		run_bound(&r, &cl, c, values[i].sql, &b.bind);
		if (r.end.outcome != QF_OUT_OK)
			fail_msg("%zu %s: %s %s (%s)", i, values[i].sql, r.end.error.sqlstate, r.end.error.message,
				values[i].expect);
		struct qf_rowset *rs = rowset_of(&r);

		qf_buf_init(&text);
		row_text(&r, rs, &text);
		if (strcmp(qf_buf_cstr(&text), values[i].expect) != 0 || qf_rowset_column(rs, 0)->pg_oid != values[i].oid)
			fail_msg("%zu %s: %s of type %u, not %s of type %u", i, values[i].sql, qf_buf_cstr(&text),
				qf_rowset_column(rs, 0)->pg_oid, values[i].expect, values[i].oid);
		qf_buf_fini(&text);
		qf_rowset_free(rs);
		qf_buf_fini(&r.bytes);
	}
	fixture_end(&cl, c);
}

/* ---- descriptions ---- */

static const struct {
	const char *sql;
	uint32_t declared[4];
	uint32_t oids[4];    /* of its parameters, to the first 0 */
	const char *columns; /* "name:oid …", NULL: no rows */
} described[] = {
	{ "SELECT 1", { 0 }, { 0 }, "1:23" },
	{ "SELECT $1", { 0 }, { 25 }, "$1:25" },
	{ "SELECT $1", { 1700 }, { 1700 }, "$1:1700" },
	{ "SELECT $1", { 3802 }, { 3802 }, "$1:114" },
	{ "SELECT $1, $2 AS x", { 23, 1184 }, { 23, 1184 }, "$1:23 x:1184" },
	{ "SELECT upper($1)", { 0 }, { 25 }, "upper($1):25" },
	{ "SELECT $1 + 1", { 0 }, { 23 }, "($1 + 1):23" },
	{ "SELECT $1 + 1", { 20 }, { 20 }, "($1 + 1):20" },
	{ "SELECT $1 + 1.5", { 0 }, { 1700 }, "($1 + 1.5):1700" },
	{ "SELECT CAST($1 AS INTEGER) + $2", { 0, 23 }, { 23, 23 }, "(CAST($1 AS INTEGER) + $2):23" },
	{ "SELECT d + $1, $2 FROM one WHERE i = $3 AND s LIKE $4", { 0 }, { 1700, 25, 23, 25 }, "(d + $1):1700 $2:25" },
	{ "SELECT * FROM one WHERE dt > $1 LIMIT $2", { 0 }, { 1082, 20 }, "i:23 b:20 s:25 d:1700 dt:1082" },
	{ "SELECT $1", { 23, 1082 }, { 23, 1082 }, "$1:23" }, /* more than it has */
	{ "SELECT i FROM one WHERE i = ANY($1)", { 0 }, { 1007 }, "i:23" },
	{ "SELECT i FROM one WHERE s = ANY($1)", { 0 }, { 1009 }, "i:23" },
	{ "SELECT now() - $1 AS x", { 0 }, { 1184 }, "x:1186" },
	{ "SELECT * FROM range($1)", { 20 }, { 20 }, "range:20" },
	{ "INSERT INTO t(b, ti, si, i) VALUES ($1, $2, $3, $4)", { 0 }, { 16, 21, 21, 23 }, NULL },
	{ "INSERT INTO t(bi, h, uti, usi) VALUES ($1, $2, $3, $4)", { 0 }, { 20, 1700, 21, 23 }, NULL },
	{ "INSERT INTO t(ui, ubi, uh, big) VALUES ($1, $2, $3, $4)", { 0 }, { 20, 1700, 1700, 1700 }, NULL },
	{ "INSERT INTO t(f, d, n, s) VALUES ($1, $2, $3, $4)", { 0 }, { 700, 701, 1700, 25 }, NULL },
	{ "INSERT INTO t(j, bl, bits, u) VALUES ($1, $2, $3, $4)", { 0 }, { 114, 17, 1562, 2950 }, NULL },
	{ "INSERT INTO t(dt, tm, tmz, ts) VALUES ($1, $2, $3, $4)", { 0 }, { 1082, 1083, 1266, 1114 }, NULL },
	{ "INSERT INTO t(tss, tsm, tsn, tz) VALUES ($1, $2, $3, $4)", { 0 }, { 1114, 1114, 25, 1184 }, NULL },
	{ "INSERT INTO t(iv, m, li, ld) VALUES ($1, $2, $3, $4)", { 0 }, { 1186, 25, 1007, 1231 }, NULL },
	{ "INSERT INTO t(st, mp, ar, ll) VALUES ($1, $2, $3, $4)", { 0 }, { 114, 114, 1007, 114 }, NULL },
	{ "INSERT INTO one(i) VALUES ($1) RETURNING i, d", { 0 }, { 23 }, "i:23 d:1700" },
	{ "INSERT INTO one(s) SELECT 'returning'", { 0 }, { 0 }, NULL },
	{ "UPDATE one SET d = d + $1 WHERE i = $2", { 0 }, { 1700, 23 }, NULL },
	{ "UPDATE one SET i = i + $1, b = b + $2", { 0 }, { 23, 20 }, NULL },
	{ "DELETE FROM one WHERE i = $1 RETURNING *", { 21 }, { 21 }, "i:23 b:20 s:25 d:1700 dt:1082" },
	{ "CREATE TABLE x AS SELECT $1 AS a", { 23 }, { 23 }, NULL },
	{ "CREATE TABLE x(i INTEGER)", { 0 }, { 0 }, NULL },
	{ "DROP TABLE one", { 0 }, { 0 }, NULL },
	{ "SET TimeZone = 'UTC'", { 0 }, { 0 }, NULL },
	{ "BEGIN", { 0 }, { 0 }, NULL },
	{ "EXPLAIN SELECT 1", { 0 }, { 0 }, "explain_key:25 explain_value:25" },
	{ "SELECT m, st, li, mp, j FROM t", { 0 }, { 0 }, "m:25 st:114 li:1007 mp:114 j:114" },
	{ "SELECT n, uh, tsn, bits, tss FROM t", { 0 }, { 0 }, "n:1700 uh:1700 tsn:25 bits:1562 tss:1114" },
};

static void put_columns(const struct run *r, struct qf_buf *out)
{
	struct qf_rowset *rs = rowset_of(r);

	for (size_t i = 0; i < qf_rowset_columns(rs); i++) {
		const struct qf_column *col = qf_rowset_column(rs, i);

		qf_buf_printf(out, "%s%s:%u", i ? " " : "", col->name, col->pg_oid);
	}
	qf_rowset_free(rs);
}

static void check_described(const struct run *r, size_t i)
{
	size_t n = 0;
	struct qf_buf columns;

	while (n < 4 && described[i].oids[n])
		n++;
	assert_int_equal(r->described, 1);
	assert_int_equal(r->schemas + r->batches, 0);
	if (r->n_oids != n || memcmp(r->oids, described[i].oids, n * sizeof(*r->oids)) != 0)
		fail_msg("%s: %zu parameters of types %u %u %u %u", described[i].sql, r->n_oids, r->oids[0], r->oids[1],
			r->oids[2], r->oids[3]);
	if (!described[i].columns != !r->bytes.n)
		fail_msg("%s: rows where there are none, or none", described[i].sql);
	if (!described[i].columns)
		return;
	qf_buf_init(&columns);
	put_columns(r, &columns);
	if (strcmp(qf_buf_cstr(&columns), described[i].columns) != 0)
		fail_msg("%s: columns %s", described[i].sql, qf_buf_cstr(&columns));
	qf_buf_fini(&columns);
}

static void test_descriptions(void **state)
{
	struct qf_engine_conn *c;
	struct cluster cl;
	struct run r;

	(void)state;
	fixture(&cl, &c);
	for (size_t i = 0; i < sizeof(described) / sizeof(*described); i++) {
		const struct qf_bind bind = { .kind = QF_RUN_DESCRIBE, .types = described[i].declared, .n_types = 4 };

		run_bound(&r, &cl, c, described[i].sql, &bind);
		if (r.end.outcome != QF_OUT_OK)
			fail_msg("%s: %s %s", described[i].sql, r.end.error.sqlstate, r.end.error.message);
		check_described(&r, i);
		qf_buf_fini(&r.bytes);
	}
	run_on(&r, &cl, c, "SELECT * FROM one");
	assert_int_equal(r.end.rows, 1); /* nothing of it ran */
	run_on(&r, &cl, c, "SELECT * FROM x");
	assert_string_equal(r.end.error.sqlstate, "42P01");
	fixture_end(&cl, c);
}

/* ---- errors ---- */

static const struct {
	const char *sql;
	struct param params[4];
	const char *sqlstate, *message;
	enum qf_stage stage; /* PARSE: a description says so, too */
	unsigned position;
} errors[] = {
	{ "SELECT $1, $2", { P(23, "1") }, "08P01",
	  "bind message supplies 1 parameters, but prepared statement \"\" requires 2", QF_STAGE_BIND, 0 },
	{ "SELECT 1", { P(23, "1"), P(0, "1") }, "08P01", "supplies 2 parameters, but", QF_STAGE_BIND, 0 },
	{ "SELECT $2", { P(23, "1"), P(23, "1") }, "42P18", "could not determine data type of parameter $1",
	  QF_STAGE_PARSE, 0 },
	{ "SELECT $65535", { P(23, "1") }, "42P18", "parameter $1", QF_STAGE_PARSE, 0 },
	{ "SELECT $99999999999999999999", { P(23, "1") }, "42P02", "number", QF_STAGE_PARSE, 0 },
	{ "SELECT $name", { P(23, "1") }, "42P02", "number", QF_STAGE_PARSE, 0 },
	{ "SELECT $1", { P(3904, "[1,2)") }, "0A000", "type with OID 3904", QF_STAGE_PARSE, 0 },
	{ "SELECT nope, $1", { P(23, "1") }, "42703", "nope", QF_STAGE_PARSE, 8 },
	{ "SELECT $1 FROM missing", { P(0, "1") }, "42P01", "missing", QF_STAGE_PARSE, 16 },
	{ "SELECT $1 +", { P(0, "1") }, "42601", "syntax error", QF_STAGE_PARSE, 12 },
	{ "SELECT $1; SELECT 2", { P(23, "1") }, "42601", "more than one", QF_STAGE_PARSE, 0 },
	{ "PIVOT one ON s USING sum($1)", { P(23, "1") }, "0A000", "PIVOT", QF_STAGE_PARSE, 0 },
	{ "ATTACH $1", { P(25, "/tmp/x") }, "42601", "syntax error", QF_STAGE_PARSE, 8 },
	{ "SELECT $1, upper(1, 2, 3)", { P(25, "x") }, "42883", "No function matches", QF_STAGE_PARSE, 12 },
	{ "SELECT $1", { P(23, "abc") }, "22P02", "invalid input syntax for type integer: \"abc\"", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(21, "99999") }, "22003", "out of range", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { B(23, "\0") }, "08P01", "insufficient data left in message", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1082, "2020-02-30") }, "22008", "out of range", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(25, "\xff") }, "22021", "invalid byte sequence", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { B(25, "a\0b") }, "22021", "0x00", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(114, "{") }, "22P02", "json", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1007, "{1") }, "22P02", "array", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1700, "NaN") }, "22003", "NaN is out of range", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1700, "-Infinity") }, "22003", "out of range", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1700, "1e60") }, "22003", "DECIMAL has 38 digits", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1700, "123456789012345678901234567890123456.789") }, "22003", "38 digits", QF_STAGE_BIND, 0 },
	{ "SELECT $1", { P(1231, "{1e30,1e-30}") }, "22003", "38 digits", QF_STAGE_BIND, 0 },
	{ "INSERT INTO t(i) VALUES ($1)", { P(0, "x") }, "22P02", "integer", QF_STAGE_BIND, 0 },
	{ "INSERT INTO t(m) VALUES ($1)", { P(0, "cross") }, "22P02", "cross", QF_STAGE_EXECUTE, 0 },
	{ "INSERT INTO t(st) VALUES ($1)", { P(0, "{\"a\": \"x\"}") }, "22P02", "Failed to cast", QF_STAGE_EXECUTE, 27 },
	{ "SELECT 1 / i, error($1) FROM one", { P(25, "boom") }, "22023", "boom", QF_STAGE_EXECUTE, 0 },
};

static void check_error(const struct run *r, size_t i, enum qf_stage stage)
{
	const struct qf_sql_error *e = &r->end.error;

	if (r->end.outcome != QF_OUT_ERROR || strcmp(e->sqlstate, errors[i].sqlstate) != 0 ||
		!strstr(e->message, errors[i].message) || r->end.stage != stage || e->position != errors[i].position)
		fail_msg("%s: outcome %d %s at %u in stage %d: %s", errors[i].sql, r->end.outcome, e->sqlstate, e->position,
			r->end.stage, e->message);
	if (strstr(e->message, "{\"exc"))
		fail_msg("%s: raw text in \"%s\"", errors[i].sql, e->message);
}

static void test_errors(void **state)
{
	struct qf_engine_conn *c;
	struct cluster cl;
	struct bound b;
	struct run r;

	(void)state;
	fixture(&cl, &c);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		bound_init(&b, errors[i].params);
		run_bound(&r, &cl, c, errors[i].sql, &b.bind);
		check_error(&r, i, errors[i].stage);
		qf_buf_fini(&r.bytes);
		b.bind.kind = QF_RUN_DESCRIBE;
		b.bind.n_values = 0;
		run_bound(&r, &cl, c, errors[i].sql, &b.bind);
		if (errors[i].stage == QF_STAGE_PARSE)
			check_error(&r, i, QF_STAGE_PARSE);
		else if (r.end.outcome != QF_OUT_OK)
			fail_msg("%s: %s", errors[i].sql, r.end.error.message);
		qf_buf_fini(&r.bytes);
		must_run(&cl, c, "SELECT 1");
	}
	fixture_end(&cl, c);
}

/* A description is no run: nothing of what it describes holds afterwards. */
static void test_describe_changes_nothing(void **state)
{
	const struct qf_bind bind = { .kind = QF_RUN_DESCRIBE };
	struct qf_engine_conn *c;
	struct cluster cl;
	struct run r;

	(void)state;
	fixture(&cl, &c);
	static const char *const sqls[] = { "BEGIN", "SET TimeZone = 'Asia/Tokyo'", "CREATE TEMP TABLE x(i INTEGER)", "COMMIT" };

	for (size_t i = 0; i < sizeof(sqls) / sizeof(*sqls); i++) {
		uint64_t catalog = cl.ops->catalog(cl.e);

		run_bound(&r, &cl, c, sqls[i], &bind);
		assert_int_equal(r.end.outcome, QF_OUT_OK);
		assert_false(r.end.in_transaction);
		assert_int_equal(cl.ops->catalog(cl.e), catalog);
		qf_buf_fini(&r.bytes);
	}
	must_run(&cl, c, "BEGIN");
	run_bound(&r, &cl, c, "ROLLBACK", &bind);
	assert_true(r.end.in_transaction && !r.end.transaction_failed);
	run_bound(&r, &cl, c, "SELECT 'x'::INTEGER", &bind);
	assert_true(r.end.in_transaction);
	qf_buf_fini(&r.bytes);
	run_on(&r, &cl, c, "ROLLBACK");
	assert_false(r.end.in_transaction);
	fixture_end(&cl, c);
}

/* As many as a client can send, and many of which nobody says what they are: bounded in time. */
static void test_many(void **state)
{
	static const struct {
		const char *begin, *between;
		uint16_t n;
		uint32_t type;
	} texts[] = {
		{ "SELECT 1 WHERE 1 IN (", ", ", 20000, 23 },
		{ "SELECT 1 WHERE 1 IN (", ", ", 2000, 0 },
		{ "SELECT coalesce(", " + ", 200, 0 }, /* more than are tried */
	};
	struct qf_engine_conn *c;
	struct cluster cl;
	struct run r;

	(void)state;
	fixture(&cl, &c);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint32_t *types = qf_xcalloc(texts[i].n, sizeof(*types));
		struct qf_value *ones = qf_xcalloc(texts[i].n, sizeof(*ones));
		struct qf_bind bind = { .types = types, .values = ones, .n_types = texts[i].n, .n_values = texts[i].n };
		struct qf_buf sql;

		qf_buf_init(&sql);
		qf_buf_add_str(&sql, texts[i].begin);
		for (unsigned k = 0; k < texts[i].n; k++) {
			qf_buf_printf(&sql, "%s$%u", k ? texts[i].between : "", k + 1);
			types[k] = texts[i].type;
			ones[k] = (struct qf_value){ (const uint8_t *)"1", 1, false };
		}
		qf_buf_u8(&sql, ')');
		uint64_t t = qf_mono_ns();

		run_bound(&r, &cl, c, qf_buf_cstr(&sql), &bind);
		if (i < 2 && r.end.outcome != QF_OUT_OK)
			fail_msg("%u of type %u: %s", texts[i].n, texts[i].type, r.end.error.message);
		assert_in_range((qf_mono_ns() - t) / QF_MS, 0, 30000);
		qf_buf_fini(&r.bytes);
		qf_buf_fini(&sql);
		free(types);
		free(ones);
	}
	fixture_end(&cl, c);
}

/* ---- statements that come again ---- */

static void ask_named(struct cluster *cl, struct qf_engine_conn *c, const char *sql, const char *value, const char *expect,
	const struct qf_engine_setting *zone)
{
	struct param params[4] = { { .type = 20, .text = value, .set = value != NULL } };
	struct qf_buf text;
	struct bound b;
	struct run r;

	bound_init(&b, params);
	b.bind.flags = QF_RUN_NAMED;
	run_init(&r, cl, c, sql);
	r.job.bind = &b.bind;
	r.job.settings = zone;
	r.job.n_settings = zone != NULL;
	r.keep_bytes = true;
	run_submit(&r);
	wait_end(&r);
	if (r.end.outcome != QF_OUT_OK)
		fail_msg("%s: %s %s", sql, r.end.error.sqlstate, r.end.error.message);
	struct qf_rowset *rs = rowset_of(&r);

	qf_buf_init(&text);
	row_text(&r, rs, &text);
	if (strcmp(qf_buf_cstr(&text), expect) != 0)
		fail_msg("%s: %s, not %s", sql, qf_buf_cstr(&text), expect);
	qf_buf_fini(&text);
	qf_rowset_free(rs);
	qf_buf_fini(&r.bytes);
}

/* DuckDB's own plans would not see what was written since: here they do. */
static void test_named(void **state)
{
	static const char *const sqls[] = { "SELECT count(*) FROM k WHERE id > 100", "SELECT count(*) FROM k",
		"SELECT coalesce(max(id), -1) FROM k", "SELECT count(*) FROM k WHERE x IS NULL" };
	static const struct {
		const char *write, *counts[4];
	} steps[] = {
		{ "SELECT 1", { "0", "3", "3", "0" } },
		{ "INSERT INTO k VALUES (150, NULL)", { "1", "4", "150", "1" } },
		{ "DELETE FROM k WHERE id = 150", { "0", "3", "3", "0" } },
		{ "UPDATE k SET id = id + 200", { "3", "3", "203", "0" } },
		{ "ALTER TABLE k ALTER id TYPE INTEGER", { "3", "3", "203", "0" } },
	};
	static const struct qf_engine_setting tokyo = { "timezone", "Asia/Tokyo" };
	struct cluster cl;
	struct run r;

	(void)state;
	open_memory(&cl, 2);
	struct qf_engine_conn *c = get_conn(&cl), *other = get_conn(&cl);

	must_run(&cl, c, "CREATE TABLE k AS SELECT range AS id, 1 AS x FROM range(1, 4)");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		must_run(&cl, i % 2 ? other : c, "BEGIN");
		must_run(&cl, i % 2 ? other : c, steps[i].write);
		if (i % 2)
			for (size_t k = 0; k < 4; k++) /* not yet */
				ask_named(&cl, c, sqls[k], NULL, steps[i - 1].counts[k], NULL);
		must_run(&cl, i % 2 ? other : c, "COMMIT");
		for (size_t k = 0; k < 8; k++)
			ask_named(&cl, c, sqls[k % 4], NULL, steps[i].counts[k % 4], NULL);
	}
	must_run(&cl, other, "DROP TABLE k");
	run_on(&r, &cl, c, sqls[0]);
	assert_string_equal(r.end.error.sqlstate, "42P01");
	for (int i = 0; i < 100; i++) { /* more texts than are kept */
		char sql[64], expect[16];

		snprintf(sql, sizeof(sql), "SELECT $1 + %d", i % 40);
		snprintf(expect, sizeof(expect), "%d", i + i % 40);
		char value[16];

		snprintf(value, sizeof(value), "%d", i);
		ask_named(&cl, c, sql, value, expect, NULL);
	}
	static const char noon[] = "SELECT strftime('2020-01-01 12:00:00+00'::TIMESTAMPTZ, '%H')";

	for (int i = 0; i < 4; i++)
		ask_named(&cl, c, noon, NULL, i % 2 ? "21" : "12", i % 2 ? &tokyo : NULL);
	cl.ops->conn_put(c, false);
	cl.ops->conn_put(other, false);
	cluster_close(&cl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_descriptions),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_describe_changes_nothing),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_named),
	};

	return cmocka_run_group_tests(tests, find_library, NULL);
}
