/*
 * What DuckDB sends, as Trino's client protocol has it: every type DuckDB has, through its own Arrow. Where Trino has
 * the type, a Trino 476 server sent the same bytes for the same value.
 */
#include "engine_run.h"

#include "qf/types.h"

static const struct {
	const char *sql, *type;
	const char *json;  /* NULL = refused … */
	const char *error; /* … with this */
} cases[] = {
	{ "true", "boolean", "true", NULL },
	{ "(-1)::TINYINT", "tinyint", "-1", NULL },
	{ "200::UTINYINT", "smallint", "200", NULL },
	{ "1::SMALLINT", "smallint", "1", NULL },
	{ "65535::USMALLINT", "integer", "65535", NULL },
	{ "1", "integer", "1", NULL },
	{ "4294967295::UINTEGER", "bigint", "4294967295", NULL },
	{ "9223372036854775807", "bigint", "9223372036854775807", NULL },
	{ "18446744073709551615::UBIGINT", "decimal(20, 0)", "\"18446744073709551615\"", NULL },
	{ "(SELECT sum(i) FROM range(3) t(i))", "decimal(38, 0)", "\"3\"", NULL },
	{ "(-99999999999999999999999999999999999999)::HUGEINT", "decimal(38, 0)",
	  "\"-99999999999999999999999999999999999999\"", NULL },
	{ "100000000000000000000000000000000000000::HUGEINT", "decimal(38, 0)", NULL, "39 digits" },
	{ "7::UHUGEINT", "decimal(38, 0)", "\"7\"", NULL },
	{ "(-256)::BIGNUM", "varchar", "\"-256\"", NULL },
	{ "1.10::DECIMAL(4,2)", "decimal(4, 2)", "\"1.10\"", NULL },
	{ "1.10::DECIMAL(38,10)", "decimal(38, 10)", "\"1.1000000000\"", NULL },
	{ "1.5::FLOAT", "real", "1.5", NULL },
	{ "1e10::DOUBLE", "double", "1.0E10", NULL },
	{ "'nan'::DOUBLE", "double", "\"NaN\"", NULL },
	{ "'a\"b\\c' || chr(10)", "varchar", "\"a\\\"b\\\\c\\n\"", NULL },
	{ "'a'::VARCHAR(3)", "varchar", "\"a\"", NULL },
	{ "'\\x00\\xff'::BLOB", "varbinary", "\"AP8=\"", NULL },
	{ "'101010101'::BIT", "varchar", "\"101010101\"", NULL },
	{ "'00010203-0405-0607-0809-0a0b0c0d0e0f'::UUID", "uuid", "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"", NULL },
	{ "'{\"a\": 1}'::JSON", "json", "\"{\\\"a\\\": 1}\"", NULL },
	{ "'b'::ENUM('a', 'b')", "varchar", "\"b\"", NULL },
	{ "DATE '0044-03-15 (BC)'", "date", "\"-0043-03-15\"", NULL },
	{ "DATE '10000-01-01'", "date", "\"+10000-01-01\"", NULL },
	{ "'-infinity'::DATE", "date", NULL, "infinite date" },
	{ "TIME '12:00:00.5'", "time(6)", "\"12:00:00.500000\"", NULL },
	{ "TIME '24:00:00'", "time(6)", NULL, "24:00:00" },
	{ "'12:00:00.123456789'::TIME_NS", "time(9)", "\"12:00:00.123456789\"", NULL },
	{ "'12:00:00.5-03:30'::TIMETZ", "time(6) with time zone", "\"12:00:00.500000-03:30\"", NULL },
	{ "'12:00:00+15:00'::TIMETZ", "time(6) with time zone", NULL, "14 hours" },
	{ "'2020-01-01'::TIMESTAMP_S", "timestamp(0)", "\"2020-01-01 00:00:00\"", NULL },
	{ "'2020-01-01'::TIMESTAMP_MS", "timestamp(3)", "\"2020-01-01 00:00:00.000\"", NULL },
	{ "'2020-01-01'::TIMESTAMP", "timestamp(6)", "\"2020-01-01 00:00:00.000000\"", NULL },
	{ "'2020-01-01'::TIMESTAMP_NS", "timestamp(9)", "\"2020-01-01 00:00:00.000000000\"", NULL },
	{ "'infinity'::TIMESTAMP", "timestamp(6)", NULL, "infinite timestamp" },
	{ "'infinity'::TIMESTAMPTZ", "timestamp(6) with time zone", NULL, "infinite timestamp" },
	{ "'2020-07-01 00:00:00+00'::TIMESTAMPTZ", "timestamp(6) with time zone",
	  "\"2020-07-01 02:00:00.000000 Europe/Paris\"", NULL },
	{ "INTERVAL 36 HOURS", "INTERVAL DAY TO SECOND", "\"1 12:00:00.000\"", NULL },
	{ "INTERVAL (-1) MILLISECOND", "INTERVAL DAY TO SECOND", "\"-0 00:00:00.001\"", NULL },
	{ "INTERVAL 1 MONTH", "INTERVAL DAY TO SECOND", NULL, "months" },
	{ "INTERVAL 1 MICROSECOND", "INTERVAL DAY TO SECOND", NULL, "millisecond" },
	{ "NULL", "integer", "null", NULL },
	{ "[1, NULL]", "array(integer)", "[1,null]", NULL },
	{ "[1.5, 2.5]::DOUBLE[2]", "array(double)", "[1.5,2.5]", NULL },
	{ "[]", "array(integer)", "[]", NULL },
	{ "[['b'::ENUM('b')]]", "array(array(varchar))", "[[\"b\"]]", NULL },
	{ "{'a': 1, 'b c': TIMESTAMP '2020-01-01'}", "row(a integer, \\\"b c\\\" timestamp(6))",
	  "[1,\"2020-01-01 00:00:00.000000\"]", NULL },
	{ "row(1, 'x')", "row(integer, varchar)", "[1,\"x\"]", NULL },
	{ "MAP {'k': 1}", "map(varchar, integer)", "{\"k\":1}", NULL },
	{ "MAP {1.5::DOUBLE: [1]}", "map(double, array(integer))", "{\"1.5\":[1]}", NULL },
	{ "MAP {DATE '2020-01-01': NULL}", "map(date, integer)", "{\"2020-01-01\":null}", NULL },
	{ "MAP {[1]: 1}", NULL, NULL, "MAP with keys of type LIST" },
	{ "union_value(num := 2)::UNION(num INTEGER, str VARCHAR)", "row(tag varchar, num integer, str varchar)",
	  "[\"num\",2,null]", NULL },
	{ "'POINT (1 2)'::GEOMETRY", "varbinary", "\"AQEAAAAAAAAAAADwPwAAAAAAAABA\"", NULL },
};

/* The messages of one run. */
static struct qf_buf schema, batch;

static void keep_schema(struct qf_engine_job *job, struct qf_slice s)
{
	qf_buf_clear(&schema);
	qf_buf_add_slice(&schema, s);
	on_schema(job, s);
}

static void keep_batch(struct qf_engine_job *job, struct qf_slice s, uint64_t rows)
{
	qf_buf_clear(&batch);
	qf_buf_add_slice(&batch, s);
	on_batch(job, s, rows);
}

static void query(struct cluster *cl, const char *expression)
{
	struct run r;
	struct qf_engine_conn *c = get_conn(cl);
	char *sql = qf_xasprintf("SELECT %s AS x", expression);

	run_init(&r, cl, c, sql);
	r.job.on_schema = keep_schema;
	r.job.on_batch = keep_batch;
	run_submit(&r);
	wait_end(&r);
	if (r.end.outcome != QF_OUT_OK || r.rows != 1)
		fail_msg("%s: %s", sql, r.end.error.message);
	qf_buf_fini(&r.bytes);
	cl->ops->conn_put(c, false);
	free(sql);
}

static void check_case(size_t i, const struct qf_trino_style *st)
{
	struct qf_err err = { .text = "" };
	struct qf_rowset *rs;
	struct qf_buf columns, row;
	uint64_t rows;
	char want[400];

	if (qf_rowset_new(&rs, qf_buf_slice(&schema), &err) != 0 ||
	    qf_rowset_load(rs, qf_buf_slice(&batch), &rows, &err) != 0)
		fail_msg("%s: %s", cases[i].sql, err.text);
	qf_buf_init(&columns);
	qf_buf_init(&row);
	int r = qf_rowset_trino_columns(rs, st, &columns, &err);

	snprintf(want, sizeof(want), "[{\"name\":\"x\",\"type\":\"%s\",", cases[i].type ? cases[i].type : "");
	if (cases[i].type ? r != 0 || strncmp(qf_buf_cstr(&columns), want, strlen(want)) != 0 : r == 0)
		fail_msg("%s: %s (%s)", cases[i].sql, qf_buf_cstr(&columns), err.text);
	r = qf_rowset_trino_row(rs, 0, st, &row, &err);
	snprintf(want, sizeof(want), "[%s]", cases[i].json ? cases[i].json : "");
	if (cases[i].json ? r != 0 || strcmp(qf_buf_cstr(&row), want) != 0 : !strstr(err.text, cases[i].error))
		fail_msg("%s: %s (%s), wanted %s", cases[i].sql, qf_buf_cstr(&row), err.text,
			 cases[i].json ? cases[i].json : cases[i].error);
	qf_buf_fini(&columns);
	qf_buf_fini(&row);
	qf_rowset_free(rs);
}

static void every_type(void **state)
{
	struct cluster cl;
	struct qf_tz *tz;

	(void)state;
	assert_int_equal(qf_tz_open(&tz, "Europe/Paris", NULL), 0);
	struct qf_trino_style st = { .tz = tz, .parametric_datetime = true };

	open_memory(&cl, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		query(&cl, cases[i].sql);
		check_case(i, &st);
	}
	cluster_close(&cl);
	qf_tz_free(tz);
	qf_buf_fini(&schema);
	qf_buf_fini(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type),
	};

	return cmocka_run_group_tests(tests, find_library, NULL);
}
