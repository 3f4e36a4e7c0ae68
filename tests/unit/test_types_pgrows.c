/*
 * PostgreSQL's rows through Arrow and back: what a server sent comes out as the same bytes, as far as the type is the
 * same. The values are those of pg_values.h.
 */
#include "arrow_message.h"
#include "pg_values.h"

enum { OID = 26, NUMERIC = 1700, NUMERIC_ARRAY = 1231, TIMESTAMPTZ = 1184, TIMESTAMPTZ_ARRAY = 1185, INTERVAL = 1186 };

static const struct qf_trino_style parametric = { .parametric_datetime = true };

static void put_column(struct qf_buf *b, const char *name, uint32_t oid, int32_t typmod, unsigned format)
{
	qf_buf_add(b, name, strlen(name) + 1);
	qf_buf_u32(b, 0);
	qf_buf_u16(b, 0);
	qf_buf_u32(b, oid);
	qf_buf_u16(b, 0xffff);
	qf_buf_u32(b, (uint32_t)typmod);
	qf_buf_u16(b, (uint16_t)format);
}

static void put_value(struct qf_buf *b, struct qf_slice v)
{
	qf_buf_u32(b, (uint32_t)v.n);
	qf_buf_add_slice(b, v);
}

/* One column, one row; the rowset is loaded. False and *err when the value is refused. */
static bool convert(struct qf_rowset **ret, struct qf_buf *batch, uint32_t oid, int32_t typmod, unsigned format,
		    struct qf_slice v, struct qf_err *err)
{
	struct qf_buf description = { 0 }, row = { 0 }, schema = { 0 };
	struct qf_pgrows *p = NULL;
	uint64_t rows = 0;

	qf_buf_u16(&description, 1);
	put_column(&description, "x", oid, typmod, format);
	qf_buf_u16(&row, 1);
	put_value(&row, v);
	assert_int_equal(qf_pgrows_new(&p, qf_buf_slice(&description), &schema, err), 0);
	bool taken = qf_pgrows_add(p, qf_buf_slice(&row), err) == 0;

	if (taken) {
		assert_true(qf_pgrows_bytes(p) > 0);
		assert_int_equal(qf_pgrows_batch(p, batch, &rows, err), 0);
		assert_int_equal(qf_rowset_new(ret, qf_buf_slice(&schema), err), 0);
		assert_int_equal(qf_rowset_load(*ret, qf_buf_slice(batch), &rows, err), 0);
		assert_int_equal(rows, 1);
	}
	qf_pgrows_free(p);
	qf_buf_fini(&description);
	qf_buf_fini(&row);
	qf_buf_fini(&schema);
	return taken;
}

/* What a value of this type comes back as. */
static uint32_t type_after(uint32_t oid)
{
	static const uint32_t other[][2] = { { 19, 25 },     { 26, 20 },     { 705, 25 },    { 1042, 25 },
					     { 1043, 25 },   { 1560, 1562 }, { 1700, 25 },   { 3802, 114 },
					     { 1003, 1009 }, { 1015, 1009 }, { 1231, 1009 }, { 3807, 199 } };

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		if (other[i][0] == oid)
			return other[i][1];
	}
	return oid;
}

/* What must be refused, in words; NULL: nothing. */
static const char *refusal(const struct pg_value *v)
{
	long long us;

	if (strncmp(v->said, "[[", 2) == 0)
		return "several dimensions";
	if (v->oid == INTERVAL && sscanf(v->said, "iv %*d %*d %lld", &us) == 1 &&
	    (us > INT64_MAX / 1000 || us < INT64_MIN / 1000))
		return "292 years";
	return NULL;
}

static void check_back(const struct pg_value *v, const struct qf_rowset *rs)
{
	static const uint16_t formats[] = { 1 };
	struct qf_text_style st = { .extra_float_digits = 1, .formats = formats, .n_formats = 1 };
	uint8_t *bytes = qf_xmalloc(strlen(v->binary) / 2 + 1);
	struct qf_slice want = unhex(v->binary, bytes);
	struct qf_buf out = { 0 };

	if (v->oid == NUMERIC) {
		want = qf_slice_str(v->said + strlen("num "));
		st.n_formats = 0;
	}
	assert_int_equal(qf_rowset_pg_datarow(rs, 0, &st, &out, NULL), 0);
	if (out.n != 11 + want.n || memcmp(out.p + 11, want.p, want.n) != 0)
		fail_msg("%u '%s' came back as another value", v->oid, v->text);
	qf_buf_fini(&out);
	free(bytes);
}

static void check_trino(const struct pg_value *v, const struct qf_rowset *rs)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out = { 0 };

	assert_int_equal(qf_rowset_trino_columns(rs, &parametric, &out, NULL), 0);
	if (qf_rowset_trino_row(rs, 0, &parametric, &out, &err) != 0 && !strstr(err.text, "cast it to VARCHAR"))
		fail_msg("%u '%s' for Trino: %s", v->oid, v->text, err.text);
	qf_buf_fini(&out);
}

static void check_value(const struct pg_value *v, unsigned format, struct qf_slice bytes)
{
	const char *refused = refusal(v);
	struct qf_err err = { .text = "" };
	struct qf_buf batch = { 0 };
	struct qf_rowset *rs;

	if (!convert(&rs, &batch, v->oid, -1, format, bytes, &err)) {
		if (!refused || !strstr(err.text, refused) || !strstr(err.text, "column \"x\", row 1"))
			fail_msg("%u '%s' in format %u: %s", v->oid, v->text, format, err.text);
		return;
	}
	if (refused)
		fail_msg("%u '%s' in format %u was taken", v->oid, v->text, format);
	assert_int_equal(qf_rowset_column(rs, 0)->pg_oid, type_after(v->oid));
	if (v->oid != OID && v->oid != NUMERIC_ARRAY)
		check_back(v, rs);
	check_trino(v, rs);
	qf_rowset_free(rs);
	qf_buf_fini(&batch);
}

static void values_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pg_values) / sizeof(pg_values[0]); i++) {
		const struct pg_value *v = &pg_values[i];

		if (!v->binary)
			continue;
		uint8_t *bytes = qf_xmalloc(strlen(v->binary) / 2 + 1);

		check_value(v, 1, unhex(v->binary, bytes));
		/* Those have times of a session's zone. */
		if (v->oid != TIMESTAMPTZ && v->oid != TIMESTAMPTZ_ARRAY)
			check_value(v, 0, qf_slice_str(v->text));
		free(bytes);
	}
}

static const struct {
	const char *name;
	uint32_t oid;
	int32_t typmod;
	const char *text;
	uint32_t want_oid;
	const char *want, *error;
} texts[] = {
	{ "numeric(5,2)", 1700, 327686, "-123.45", 1700, .want = "-123.45" },
	{ "numeric(5,2), fewer digits", 1700, 327686, "1", 1700, .want = "1.00" },
	{ "numeric(5,2), zeros too many", 1700, 327686, "1.5000", 1700, .want = "1.50" },
	{ "numeric(5,2), too large", 1700, 327686, "1234", 1700, .error = "1234 is not a numeric(5,2)" },
	{ "numeric(5,2), too fine", 1700, 327686, "0.001", 1700, .error = "0.001 is not a numeric(5,2)" },
	{ "numeric(38,38), too large", 1700, 2490410, "12345678901234567890123456789012345678", 1700,
	  .error = "is not a numeric(38,38)" },
	{ "numeric(38,0), too large", 1700, 2490372, "999999999999999999999999999999999999999", 1700,
	  .error = "is not a numeric(38,0)" },
	{ "numeric(5,2) NaN", 1700, 327686, "NaN", 1700, .error = "the number NaN" },
	{ "numeric(38,0)", 1700, 2490372, "-99999999999999999999999999999999999999", 1700,
	  .want = "-99999999999999999999999999999999999999" },
	{ "numeric(38,38)", 1700, 2490410, "0.99999999999999999999999999999999999999", 1700,
	  .want = "0.99999999999999999999999999999999999999" },
	{ "numeric(39,0) is text", 1700, 2555908, "7", 25, .want = "7" },
	{ "numeric(3,-2) is text", 1700, 198658, "12300", 25, .want = "12300" },
	{ "numeric(2,4) is text", 1700, 131080, "0.0012", 25, .want = "0.0012" },
	{ "numeric(5,2)[]", 1231, 327686, "{1.5,NULL}", 1231, .want = "{1.50,NULL}" },
	{ "point is text", 600, -1, "(1,2)", 25, .want = "(1,2)" },
	{ "bit(3)", 1560, 3, "101", 1562, .want = "101" },
	{ "time zone with seconds", 1266, -1, "04:05:06+01:02:03", 1266, .want = "04:05:06+01:02:03" },
	{ "int4 that is none", 23, -1, "x", 23, .error = "invalid input syntax for type integer: \"x\"" },
	{ "array of two dimensions", 1007, -1, "{{1}}", 1007, .error = "several dimensions" },
	{ "text that is not UTF-8", 25, -1, "\xff", 25, .error = "invalid byte sequence" },
};

static void types_are_kept_or_widened(void **state)
{
	const struct qf_text_style st = { .extra_float_digits = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct qf_slice v = qf_slice_str(texts[i].text);
		struct qf_err err = { .text = "" };
		struct qf_buf batch = { 0 }, out = { 0 };
		struct qf_rowset *rs;

		if (!convert(&rs, &batch, texts[i].oid, texts[i].typmod, 0, v, &err)) {
			if (!texts[i].error || !strstr(err.text, texts[i].error))
				fail_msg("%s: %s", texts[i].name, err.text);
			continue;
		}
		const struct qf_column *col = qf_rowset_column(rs, 0);

		assert_int_equal(qf_rowset_pg_text(rs, 0, 0, &st, &out, NULL), 0);
		if (texts[i].error || col->pg_oid != texts[i].want_oid || strcmp(qf_buf_cstr(&out), texts[i].want) != 0)
			fail_msg("%s: oid %u, %s", texts[i].name, col->pg_oid, qf_buf_cstr(&out));
		if (col->pg_oid == NUMERIC)
			assert_int_equal(col->pg_mod, texts[i].typmod);
		qf_buf_fini(&out);
		qf_buf_fini(&batch);
		qf_rowset_free(rs);
	}
}

static void add_row(struct qf_pgrows *p, const char *id, const char *list)
{
	struct qf_err err = { .text = "" };
	struct qf_buf row = { 0 };

	qf_buf_u16(&row, 2);
	if (id)
		put_value(&row, qf_slice_str(id));
	else
		qf_buf_u32(&row, UINT32_MAX);
	if (list)
		put_value(&row, qf_slice_str(list));
	else
		qf_buf_u32(&row, UINT32_MAX);
	if (qf_pgrows_add(p, qf_buf_slice(&row), &err) != 0)
		fail_msg("%s", err.text);
	qf_buf_fini(&row);
}

static void check_batch(struct qf_pgrows *p, struct qf_rowset *rs, const char *const *want, uint64_t n)
{
	struct qf_buf batch = { 0 }, out = { 0 };
	uint64_t rows, loaded;

	assert_int_equal(qf_pgrows_batch(p, &batch, &rows, NULL), 0);
	assert_int_equal(qf_pgrows_bytes(p), 0);
	assert_int_equal(qf_rowset_load(rs, qf_buf_slice(&batch), &loaded, NULL), 0);
	assert_int_equal(rows, n);
	assert_int_equal(loaded, n);
	for (uint64_t row = 0; row < n; row++) {
		qf_buf_clear(&out);
		assert_int_equal(qf_rowset_trino_row(rs, row, &parametric, &out, NULL), 0);
		assert_string_equal(qf_buf_cstr(&out), want[row]);
	}
	qf_buf_fini(&batch);
	qf_buf_fini(&out);
}

static void rows_become_batches(void **state)
{
	static const char *const first[] = { "[1,[\"a\",null]]", "[null,[]]", "[3,null]" };
	static const char *const second[] = { "[4,[\"b\"]]" };
	struct qf_buf description = { 0 }, schema = { 0 };
	struct qf_pgrows *p = NULL;
	struct qf_rowset *rs = NULL;

	(void)state;
	qf_buf_u16(&description, 2);
	put_column(&description, "id", 20, -1, 0);
	put_column(&description, "list", 1009, -1, 0);
	assert_int_equal(qf_pgrows_new(&p, qf_buf_slice(&description), &schema, NULL), 0);
	assert_int_equal(qf_rowset_new(&rs, qf_buf_slice(&schema), NULL), 0);
	add_row(p, "1", "{a,NULL}");
	add_row(p, NULL, "{}");
	add_row(p, "3", NULL);
	check_batch(p, rs, first, 3);
	add_row(p, "4", "{b}");
	check_batch(p, rs, second, 1);
	check_batch(p, rs, NULL, 0);
	qf_pgrows_free(p);
	qf_rowset_free(rs);
	qf_buf_fini(&description);
	qf_buf_fini(&schema);
}

/* SELECT without columns has rows nevertheless. */
static void rows_may_be_without_columns(void **state)
{
	static const char *const rows[] = { "[]", "[]" };
	struct qf_slice none = qf_slice("\0\0", 2);
	struct qf_buf schema = { 0 };
	struct qf_pgrows *p = NULL;
	struct qf_rowset *rs = NULL;

	(void)state;
	assert_int_equal(qf_pgrows_new(&p, none, &schema, NULL), 0);
	assert_int_equal(qf_rowset_new(&rs, qf_buf_slice(&schema), NULL), 0);
	assert_int_equal(qf_pgrows_add(p, none, NULL), 0);
	assert_int_equal(qf_pgrows_add(p, none, NULL), 0);
	check_batch(p, rs, rows, 2);
	qf_pgrows_free(p);
	qf_rowset_free(rs);
	qf_buf_fini(&schema);
}

/* A RowDescription of one column "x": name, table, column, type, length, modifier, format. */
#define COLUMN(oid, format) "0001" "7800" "00000000" "0000" oid "0004" "ffffffff" format
#define INT4 COLUMN("00000017", "0001")

static const struct {
	const char *name, *description, *row, *error;
} hostile[] = {
	{ "nothing", "", NULL, "RowDescription of" },
	{ "more columns than are there", "0002" "7800", NULL, "too short" },
	{ "too many columns", "8000", NULL, "32768 columns" },
	{ "a name without an end", "000178", NULL, "too short" },
	{ "a name that is not UTF-8", "0001" "ff00" "00000000" "0000" "00000017" "0004" "ffffffff" "0000", NULL,
	  "not UTF-8" },
	{ "a format of 2", COLUMN("00000017", "0002"), NULL, "format code 2" },
	{ "an unknown type in binary", COLUMN("00000258", "0001"), NULL,
	  "type 600 in binary" },
	{ "a description that goes on", INT4 "00", NULL,
	  "goes on" },
	{ "no row", INT4, "", "another number" },
	{ "a row of two", INT4, "0002", "another number" },
	{ "a row without its value", INT4, "0001", "too short" },
	{ "a value that lies", INT4,
	  "0001" "00000005" "00000001", "too short" },
	{ "a value of -2 bytes", INT4,
	  "0001" "fffffffe" "00000001", "too short" },
	{ "an int4 of 3 bytes", INT4,
	  "0001" "00000003" "000001", "column \"x\", row 1: insufficient data left in message" },
	{ "a row that goes on", INT4,
	  "0001" "00000004" "00000001" "00", "goes on" },
};

static void lengths_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		uint8_t bytes[64], row[64];
		struct qf_err err = { .text = "" };
		struct qf_buf schema = { 0 };
		struct qf_pgrows *p = NULL;
		int r = qf_pgrows_new(&p, unhex(hostile[i].description, bytes), &schema, &err);

		if (r == 0 && hostile[i].row)
			r = qf_pgrows_add(p, unhex(hostile[i].row, row), &err);
		if (r == 0 || !strstr(err.text, hostile[i].error))
			fail_msg("%s: %d %s", hostile[i].name, r, err.text);
		qf_pgrows_free(p);
		qf_buf_fini(&schema);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back),	       cmocka_unit_test(types_are_kept_or_widened),
		cmocka_unit_test(rows_become_batches),	       cmocka_unit_test(rows_may_be_without_columns),
		cmocka_unit_test(lengths_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
