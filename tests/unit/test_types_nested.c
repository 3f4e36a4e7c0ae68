/*
 * Lists, structs, maps and unions. Arrays are PostgreSQL's own text; JSON is what its to_json() makes of the same
 * value. Trino's types and values are what a Trino 476 server sent.
 */
#include <math.h>

#include "arrow_message.h"
#include "../../lib/types/col.h"

/* A column of one type, built by a function that appends its rows; the texts are what each row prints. */
struct nested {
	const char *name;
	void (*schema)(struct ArrowSchema *s);
	void (*rows)(struct ArrowArray *a);
	uint32_t oid;
	const char *binary; /* of the first row, in hex; NULL = as the text */
	const char *texts[4]; /* "" ends; NULL has no text and is written as (null) */
	const char *trino[4]; /* the type, as JSON with ' for ", then every row's value */
};

static const struct qf_trino_style parametric = { .parametric_datetime = true };

static void set(struct ArrowSchema *s, enum ArrowType t)
{
	assert_int_equal(ArrowSchemaSetType(s, t), 0);
}

static void name(struct ArrowSchema *s, const char *text)
{
	assert_int_equal(ArrowSchemaSetName(s, text), 0);
}

static void append_int(struct ArrowArray *a, int64_t v)
{
	assert_int_equal(ArrowArrayAppendInt(a, v), 0);
}

static void append_text(struct ArrowArray *a, const char *v)
{
	assert_int_equal(ArrowArrayAppendString(a, ArrowCharView(v)), 0);
}

static void append_null(struct ArrowArray *a)
{
	assert_int_equal(ArrowArrayAppendNull(a, 1), 0);
}

static void finish(struct ArrowArray *a)
{
	assert_int_equal(ArrowArrayFinishElement(a), 0);
}

static void list_of(struct ArrowSchema *s, enum ArrowType t)
{
	set(s, NANOARROW_TYPE_LIST);
	set(s->children[0], t);
}

static void int_list(struct ArrowSchema *s)
{
	list_of(s, NANOARROW_TYPE_INT32);
}

static void int_list_rows(struct ArrowArray *a)
{
	append_int(a->children[0], 1);
	append_null(a->children[0]);
	append_int(a->children[0], -3);
	finish(a);
	finish(a);
	append_null(a);
}

static void text_list(struct ArrowSchema *s)
{
	list_of(s, NANOARROW_TYPE_STRING);
}

static void text_list_rows(struct ArrowArray *a)
{
	static const char *const elements[] = { "a", "b c", "d\"e", "\\",  "NULL", "nUlL",
						"",  "{",   "}",    "a,b", "\tt",  "x" };

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		append_text(a->children[0], elements[i]);
	append_null(a->children[0]);
	finish(a);
}

static void blob_list(struct ArrowSchema *s)
{
	list_of(s, NANOARROW_TYPE_BINARY);
}

static void blob_list_rows(struct ArrowArray *a)
{
	append_text(a->children[0], "\xab\x01");
	finish(a);
}

static void timestamp_list(struct ArrowSchema *s)
{
	set(s, NANOARROW_TYPE_LIST);
	assert_int_equal(ArrowSchemaSetFormat(s->children[0], "tsu:"), 0);
}

static void timestamp_list_rows(struct ArrowArray *a)
{
	append_int(a->children[0], 1577836800500000);
	append_int(a->children[0], INT64_MAX);
	finish(a);
}

static void untyped_list(struct ArrowSchema *s)
{
	list_of(s, NANOARROW_TYPE_NA);
}

static void untyped_list_rows(struct ArrowArray *a)
{
	append_null(a->children[0]);
	append_null(a->children[0]);
	finish(a);
}

static void array_of_two(struct ArrowSchema *s)
{
	assert_int_equal(ArrowSchemaSetFormat(s, "+w:2"), 0);
	assert_int_equal(ArrowSchemaAllocateChildren(s, 1), 0);
	ArrowSchemaInit(s->children[0]);
	set(s->children[0], NANOARROW_TYPE_DOUBLE);
	name(s->children[0], "");
}

static void array_of_two_rows(struct ArrowArray *a)
{
	static const double v[] = { 1.5, 1e20, 0.1, -2 };

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ArrowArrayAppendDouble(a->children[0], v[i]), 0);
		if (i % 2)
			finish(a);
	}
}

static void list_of_lists(struct ArrowSchema *s)
{
	set(s, NANOARROW_TYPE_LIST);
	int_list(s->children[0]);
}

static void list_of_lists_rows(struct ArrowArray *a)
{
	append_int(a->children[0]->children[0], 1);
	finish(a->children[0]);
	append_int(a->children[0]->children[0], 2);
	append_int(a->children[0]->children[0], 3);
	finish(a->children[0]);
	append_null(a->children[0]);
	finish(a);
	finish(a);
}

static void members(struct ArrowSchema *s, const char *first, const char *second)
{
	assert_int_equal(ArrowSchemaSetTypeStruct(s, 2), 0);
	set(s->children[0], NANOARROW_TYPE_DOUBLE);
	set(s->children[1], NANOARROW_TYPE_STRING);
	name(s->children[0], first);
	name(s->children[1], second);
}

static void named_struct(struct ArrowSchema *s)
{
	members(s, "a\"", "b");
}

static void named_struct_rows(struct ArrowArray *a)
{
	assert_int_equal(ArrowArrayAppendDouble(a->children[0], 1.5), 0);
	append_text(a->children[1], "x\"y\\z\n\x01\x7f");
	finish(a);
	assert_int_equal(ArrowArrayAppendDouble(a->children[0], NAN), 0);
	append_null(a->children[1]);
	finish(a);
	append_null(a);
}

static void nameless_struct(struct ArrowSchema *s)
{
	members(s, "", "");
}

static void reserved_struct(struct ArrowSchema *s)
{
	members(s, "Select", "a_b2");
}

static void nameless_struct_rows(struct ArrowArray *a)
{
	assert_int_equal(ArrowArrayAppendDouble(a->children[0], -INFINITY), 0);
	append_text(a->children[1], "");
	finish(a);
}

static void map_of(struct ArrowSchema *s, enum ArrowType key)
{
	set(s, NANOARROW_TYPE_MAP);
	set(s->children[0]->children[0], key);
	set(s->children[0]->children[1], NANOARROW_TYPE_INT32);
	s->children[0]->children[0]->flags = 0;
}

static void text_map(struct ArrowSchema *s)
{
	map_of(s, NANOARROW_TYPE_STRING);
}

static void text_map_rows(struct ArrowArray *a)
{
	append_text(a->children[0]->children[0], "k");
	append_int(a->children[0]->children[1], 1);
	finish(a->children[0]);
	append_text(a->children[0]->children[0], "n");
	append_null(a->children[0]->children[1]);
	finish(a->children[0]);
	finish(a);
	finish(a);
}

static void int_map(struct ArrowSchema *s)
{
	map_of(s, NANOARROW_TYPE_INT64);
}

static void int_map_rows(struct ArrowArray *a)
{
	append_int(a->children[0]->children[0], 7);
	append_int(a->children[0]->children[1], 1);
	finish(a->children[0]);
	finish(a);
}

static void sparse_union(struct ArrowSchema *s)
{
	assert_int_equal(ArrowSchemaSetTypeUnion(s, NANOARROW_TYPE_SPARSE_UNION, 2), 0);
	set(s->children[0], NANOARROW_TYPE_INT32);
	set(s->children[1], NANOARROW_TYPE_STRING);
	name(s->children[0], "num");
	name(s->children[1], "str");
}

static void sparse_union_rows(struct ArrowArray *a)
{
	append_int(a->children[0], 2);
	assert_int_equal(ArrowArrayFinishUnionElement(a, 0), 0);
	append_text(a->children[1], "x");
	assert_int_equal(ArrowArrayFinishUnionElement(a, 1), 0);
	append_null(a->children[0]);
	assert_int_equal(ArrowArrayFinishUnionElement(a, 0), 0);
}

static void json_list(struct ArrowSchema *s)
{
	set(s, NANOARROW_TYPE_LIST);
	assert_int_equal(ArrowSchemaSetTypeStruct(s->children[0], 1), 0);
	set(s->children[0]->children[0], NANOARROW_TYPE_STRING);
	name(s->children[0]->children[0], "j");
	schema_extension(s->children[0]->children[0], "arrow.json", "");
}

/* What only claims to be JSON cannot break out of the document. */
static void json_list_rows(struct ArrowArray *a)
{
	static const char *const elements[] = { "{\"k\": [1]}", "1},{\"x\":2", "" };

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		append_text(a->children[0]->children[0], elements[i]);
		finish(a->children[0]);
	}
	finish(a);
}

static const struct nested cases[] = {
	{ "int[]", int_list, int_list_rows, 1007,
	  "00000001000000010000001700000003000000010000000400000001ffffffff00000004fffffffd",
	  { "{1,NULL,-3}", "{}", NULL, "" },
	  { "'type':'array(integer)','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'integer','arguments':[]}}]}",
	    "[1,null,-3]",
	    "[]",
	    "null" } },
	{ "text[]", text_list, text_list_rows, 1009,
	  "0000000100000001000000190000000d0000000100000001610000000362206300000003642265000000015c00000004"
	  "4e554c4c000000046e556c4c00000000000000017b000000017d00000003612c620000000209740000000178ffffffff",
	  { "{a,\"b c\",\"d\\\"e\",\"\\\\\",\"NULL\",\"nUlL\",\"\",\"{\",\"}\",\"a,b\",\"\tt\",x,NULL}", "" },
	  { "'type':'array(varchar)','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'varchar','arguments':[{'kind':'LONG','value':2147483647}]}}]}",
	    "[\"a\",\"b c\",\"d\\\"e\",\"\\\\\",\"NULL\",\"nUlL\",\"\",\"{\",\"}\",\"a,b\",\"\\tt\",\"x\",null]" } },
	{ "bytea[]", blob_list, blob_list_rows, 1001,
	  "000000010000000000000011000000010000000100000002ab01",
	  { "{\"\\\\xab01\"}", "" },
	  { "'type':'array(varbinary)','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'varbinary','arguments':[]}}]}",
	    "[\"qwE=\"]" } },
	{ "timestamp[]", timestamp_list, timestamp_list_rows, 1115,
	  "00000001000000000000045a00000002000000010000000800023e0786ca0120000000087fffffffffffffff",
	  { "{\"2020-01-01 00:00:00.5\",infinity}", "" },
	  { "'type':'array(timestamp(6))','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'timestamp','arguments':[{'kind':'LONG','value':6}]}}]}",
	    "!infinite timestamp" } },
	{ "untyped[]", untyped_list, untyped_list_rows, 1009,
	  "0000000100000001000000190000000200000001ffffffffffffffff",
	  { "{NULL,NULL}", "" },
	  { "'type':'array(unknown)','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'unknown','arguments':[]}}]}",
	    "[null,null]" } },
	{ "double[2]", array_of_two, array_of_two_rows, 1022,
	  "0000000100000000000002bd0000000200000001000000083ff8000000000000000000084415af1d78b58c40",
	  { "{1.5,1e+20}", "{0.1,-2}", "" },
	  { "'type':'array(double)','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'double','arguments':[]}}]}",
	    "[1.5,1.0E20]",
	    "[0.1,-2.0]" } },
	{ "int[][]", list_of_lists, list_of_lists_rows, 114, NULL, { "[[1],[2,3],null]", "[]", "" },
	  { "'type':'array(array(integer))','typeSignature':{'rawType':'array',"
	    "'arguments':[{'kind':'TYPE','value':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'integer','arguments':[]}}]}}]}",
	    "[[1],[2,3],null]",
	    "[]" } },
	{ "struct", named_struct, named_struct_rows, 114, NULL,
	  { "{\"a\\\"\":1.5,\"b\":\"x\\\"y\\\\z\\n\\u0001\x7f\"}", "{\"a\\\"\":\"NaN\",\"b\":null}", NULL, "" },
	  { "'type':'row(\\'a\\'\\'\\' double, b varchar)','typeSignature':{'rawType':'row',"
	    "'arguments':[{'kind':'NAMED_TYPE','value':{'fieldName':{'name':'a\\''},"
	    "'typeSignature':{'rawType':'double','arguments':[]}}},{'kind':'NAMED_TYPE',"
	    "'value':{'fieldName':{'name':'b'},'typeSignature':{'rawType':'varchar',"
	    "'arguments':[{'kind':'LONG','value':2147483647}]}}}]}",
	    "[1.5,\"x\\\"y\\\\z\\n\\u0001\x7f\"]",
	    "[\"NaN\",null]",
	    "null" } },
	{ "struct of a reserved word", reserved_struct, nameless_struct_rows, 114, NULL,
	  { "{\"Select\":\"-Infinity\",\"a_b2\":\"\"}", "" },
	  { "'type':'row(\\'Select\\' double, a_b2 varchar)','typeSignature':{'rawType':'row',"
	    "'arguments':[{'kind':'NAMED_TYPE','value':{'fieldName':{'name':'Select'},"
	    "'typeSignature':{'rawType':'double','arguments':[]}}},{'kind':'NAMED_TYPE',"
	    "'value':{'fieldName':{'name':'a_b2'},'typeSignature':{'rawType':'varchar',"
	    "'arguments':[{'kind':'LONG','value':2147483647}]}}}]}",
	    "[\"-Infinity\",\"\"]" } },
	{ "struct without names", nameless_struct, nameless_struct_rows, 114, NULL,
	  { "{\"f1\":\"-Infinity\",\"f2\":\"\"}", "" },
	  { "'type':'row(double, varchar)','typeSignature':{'rawType':'row',"
	    "'arguments':[{'kind':'NAMED_TYPE','value':{'typeSignature':{'rawType':'double',"
	    "'arguments':[]}}},{'kind':'NAMED_TYPE','value':{'typeSignature':{'rawType':'varchar',"
	    "'arguments':[{'kind':'LONG','value':2147483647}]}}}]}",
	    "[\"-Infinity\",\"\"]" } },
	{ "map of text", text_map, text_map_rows, 114, NULL, { "{\"k\":1,\"n\":null}", "{}", "" },
	  { "'type':'map(varchar, integer)','typeSignature':{'rawType':'map','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'varchar','arguments':[{'kind':'LONG','value':2147483647}]}},"
	    "{'kind':'TYPE','value':{'rawType':'integer','arguments':[]}}]}",
	    "{\"k\":1,\"n\":null}",
	    "{}" } },
	{ "map of int", int_map, int_map_rows, 114, NULL, { "[{\"key\":7,\"value\":1}]", "" },
	  { "'type':'map(bigint, integer)','typeSignature':{'rawType':'map','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'bigint','arguments':[]}},{'kind':'TYPE','value':{'rawType':'integer',"
	    "'arguments':[]}}]}",
	    "{\"7\":1}" } },
	{ "union", sparse_union, sparse_union_rows, 114, NULL, { "{\"num\":2}", "{\"str\":\"x\"}", NULL, "" },
	  { "'type':'row(tag varchar, num integer, str varchar)','typeSignature':{'rawType':'row',"
	    "'arguments':[{'kind':'NAMED_TYPE','value':{'fieldName':{'name':'tag'},"
	    "'typeSignature':{'rawType':'varchar','arguments':[{'kind':'LONG','value':2147483647}]}}},"
	    "{'kind':'NAMED_TYPE','value':{'fieldName':{'name':'num'},"
	    "'typeSignature':{'rawType':'integer','arguments':[]}}},{'kind':'NAMED_TYPE',"
	    "'value':{'fieldName':{'name':'str'},'typeSignature':{'rawType':'varchar',"
	    "'arguments':[{'kind':'LONG','value':2147483647}]}}}]}",
	    "[\"num\",2,null]",
	    "[\"str\",null,\"x\"]",
	    "null" } },
	{ "json inside", json_list, json_list_rows, 114, NULL,
	  { "[{\"j\":{\"k\": [1]}},{\"j\":\"1},{\\\"x\\\":2\"},{\"j\":\"\"}]", "" },
	  { "'type':'array(row(j json))','typeSignature':{'rawType':'array','arguments':[{'kind':'TYPE',"
	    "'value':{'rawType':'row','arguments':[{'kind':'NAMED_TYPE',"
	    "'value':{'fieldName':{'name':'j'},'typeSignature':{'rawType':'json','arguments':[]}}}]}}]}",
	    "[[\"{\\\"k\\\": [1]}\"],[\"1},{\\\"x\\\":2\"],[\"\"]]" } },
};

static void check_binary(const struct nested *c, struct qf_rowset *rs, uint64_t row, const char *text)
{
	static const uint16_t formats[] = { 1 };
	const struct qf_text_style st = { .formats = formats, .n_formats = 1 };
	struct qf_err err = { .text = "" };
	uint8_t bytes[256];
	struct qf_slice want = c->binary ? unhex(c->binary, bytes) : qf_slice_str(text);
	struct qf_buf out;

	qf_buf_init(&out);
	if (qf_rowset_pg_datarow(rs, row, &st, &out, &err) != 0 || out.n != 11 + want.n ||
	    memcmp(out.p + 11, want.p, want.n) != 0)
		fail_msg("%s: row %llu not the binary form (%s)", c->name, (unsigned long long)row + 1, err.text);
	qf_buf_fini(&out);
}

static void check_rows(const struct nested *c, struct qf_rowset *rs, uint64_t rows)
{
	static const struct qf_text_style st = { .extra_float_digits = 1 };
	uint64_t row = 0;

	for (; !c->texts[row] || *c->texts[row]; row++) {
		struct qf_err err = { .text = "" };
		struct qf_buf out;

		assert_true(row < rows);
		assert_int_equal(qf_rowset_is_null(rs, row, 0), !c->texts[row]);
		qf_buf_init(&out);
		if (qf_rowset_pg_text(rs, row, 0, &st, &out, &err) != 0 ||
		    strcmp(qf_buf_cstr(&out), c->texts[row] ? c->texts[row] : "") != 0)
			fail_msg("%s: %s (%s), wanted %s", c->name, qf_buf_cstr(&out), err.text, c->texts[row]);
		qf_buf_fini(&out);
		if (c->texts[row] && (row == 0 || !c->binary))
			check_binary(c, rs, row, c->texts[row]);
	}
	assert_int_equal(row, rows);
}

/* A row's value, or behind a '!' the error. */
static void check_trino_row(const char *case_name, struct qf_rowset *rs, uint64_t row, const struct qf_trino_style *st,
			    const char *want)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out;

	qf_buf_init(&out);
	int r = qf_rowset_trino_row(rs, row, st, &out, &err);
	const char *got = qf_buf_cstr(&out);
	size_t n = strlen(want);

	if (*want == '!') {
		if (r == 0 || out.n || !strstr(err.text, want + 1))
			fail_msg("%s: %s (%s), wanted %s", case_name, got, err.text, want);
	} else if (r != 0 || out.n != n + 2 || strncmp(got + 1, want, n) != 0) {
		fail_msg("%s: %s (%s), wanted [%s]", case_name, got, err.text, want);
	}
	qf_buf_fini(&out);
}

static void check_trino_columns(const char *case_name, struct qf_rowset *rs, const struct qf_trino_style *st,
				const char *want)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out, column;

	qf_buf_init(&out);
	qf_buf_init(&column);
	qf_buf_printf(&column, "[{'name':'x',%s}]", want);
	for (size_t i = 0; i < column.n; i++) {
		if (column.p[i] == '\'')
			column.p[i] = '"';
	}
	if (qf_rowset_trino_columns(rs, st, &out, &err) != 0 || strcmp(qf_buf_cstr(&out), qf_buf_cstr(&column)) != 0)
		fail_msg("%s: %s (%s)\nwanted %s", case_name, qf_buf_cstr(&out), err.text, qf_buf_cstr(&column));
	qf_buf_fini(&out);
	qf_buf_fini(&column);
}

static void make(struct message *m, const struct nested *c)
{
	struct ArrowSchema s;
	struct ArrowArray a;

	schema_init(&s, "x");
	c->schema(s.children[0]);
	name(s.children[0], "x");
	assert_int_equal(ArrowArrayInitFromSchema(&a, &s, NULL), 0);
	assert_int_equal(ArrowArrayStartAppending(&a), 0);
	c->rows(a.children[0]);
	a.length = a.children[0]->length;
	assert_int_equal(ArrowArrayFinishBuildingDefault(&a, NULL), 0);
	encode(m, &s, &a);
}

static void nested_values_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m;

		make(&m, &cases[i]);
		struct qf_rowset *rs = open_rowset(&m);

		assert_int_equal(qf_rowset_column(rs, 0)->pg_oid, cases[i].oid);
		uint64_t rows = load_batch(rs, &m);

		check_rows(&cases[i], rs, rows);
		check_trino_columns(cases[i].name, rs, &parametric, cases[i].trino[0]);
		for (uint64_t row = 0; row < rows; row++)
			check_trino_row(cases[i].name, rs, row, &parametric, cases[i].trino[row + 1]);
		qf_rowset_free(rs);
		message_fini(&m);
	}
}

/* What a map's key may be, one key a row: the JSON, or behind a '!' what is said of the column. */
static const struct {
	const char *name, *format, *hex, *json;
	bool old;
} keys[] = {
	{ "boolean", "b", "01", "{\"true\":null}", false },
	{ "double", "g", "000000000000f83f", "{\"1.5\":null}", false },
	{ "double NaN", "g", "000000000000f87f", "{\"NaN\":null}", false },
	{ "decimal", "d:3,2,128", "96000000000000000000000000000000", "{\"1.50\":null}", false },
	{ "varbinary", "z", "0001ff", "{\"AAH/\":null}", false },
	{ "varchar", "u", "1f22", "{\"\\u001F\\\"\":null}", false },
	{ "timestamp of a client without parametric types", "tsu:", "4022fcc1089b0500",
	  "{\"2020-01-01 00:00:00.123456\":null}", true },
	{ "array", "+l", "", "!MAP with keys of type LIST", false },
	{ "row", "+s", "", "!MAP with keys of type STRUCT", false },
};

static void make_key(struct message *m, const char *format, struct qf_slice value)
{
	struct ArrowSchema s;
	struct ArrowArray a;

	schema_init(&s, "x");
	map_of(s.children[0], NANOARROW_TYPE_STRING);
	struct ArrowSchema *key = s.children[0]->children[0]->children[0];

	ArrowSchemaRelease(key);
	ArrowSchemaInit(key);
	if (strcmp(format, "+l") == 0)
		int_list(key);
	else if (strcmp(format, "+s") == 0)
		named_struct(key);
	else
		assert_int_equal(ArrowSchemaSetFormat(key, format), 0);
	name(key, "key");
	key->flags = 0;
	set(s.children[0]->children[0]->children[1], NANOARROW_TYPE_NA);
	assert_int_equal(ArrowArrayInitFromSchema(&a, &s, NULL), 0);
	struct ArrowArray *map = a.children[0], *entries = map->children[0];
	int32_t offsets[] = { 0, value.n > 0 }, ends[] = { 0, (int32_t)value.n };
	bool variable = *format == 'z' || *format == 'u';

	a.length = map->length = 1;
	entries->length = entries->children[0]->length = entries->children[1]->length = value.n > 0;
	entries->children[1]->null_count = value.n > 0;
	assert_int_equal(ArrowBufferAppend(ArrowArrayBuffer(map, 1), offsets, sizeof(offsets)), 0);
	if (variable)
		assert_int_equal(ArrowBufferAppend(ArrowArrayBuffer(entries->children[0], 1), ends, sizeof(ends)), 0);
	if (value.n)
		assert_int_equal(ArrowBufferAppend(ArrowArrayBuffer(entries->children[0], 1 + variable), value.p,
						   (int64_t)value.n),
				 0);
	assert_int_equal(ArrowArrayFinishBuilding(&a, NANOARROW_VALIDATION_LEVEL_NONE, NULL), 0);
	encode(m, &s, &a);
}

static void map_keys_are_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct qf_trino_style st = { .parametric_datetime = !keys[i].old };
		struct qf_err err = { .text = "" };
		struct message m;
		struct qf_buf out;
		uint8_t bytes[16];
		bool refused = *keys[i].json == '!';

		make_key(&m, keys[i].format, unhex(keys[i].hex, bytes));
		struct qf_rowset *rs = open_rowset(&m);

		qf_buf_init(&out);
		int r = qf_rowset_trino_columns(rs, &st, &out, &err);

		if (refused != (r < 0) || (refused && (out.n || !strstr(err.text, keys[i].json + 1))))
			fail_msg("%s: columns %s (%s)", keys[i].name, qf_buf_cstr(&out), err.text);
		assert_int_equal(load_batch(rs, &m), 1);
		check_trino_row(keys[i].name, rs, 0, &st, keys[i].json);
		qf_buf_fini(&out);
		qf_rowset_free(rs);
		message_fini(&m);
	}
}

/* A few bytes can stand for a text without end, so every element looks at the limit. */
static void long_lists_end_at_the_limit(void **state)
{
	static const struct qf_vtype plain;
	static const int32_t numbers[1000], offsets[] = { 0, 1000 };
	static const struct qf_text_style st = { .extra_float_digits = 1 };
	struct qf_col element = { .pg = qf_pg_i32, .json = qf_pg_i32, .trino = qf_pg_i32, .type = &plain };
	struct qf_col list = { .n_children = 1, .children = &element };
	struct qf_err err;
	struct qf_buf out;

	(void)state;
	element.data = (const uint8_t *)numbers;
	list.data = (const uint8_t *)offsets;
	qf_buf_init(&out);
	struct qf_sink s = { .out = &out, .style = &st, .limit = 100, .err = &err };

	assert_int_equal(qf_pg_array(&list, 0, &s), QF_ELIMIT);
	assert_in_range(out.n, 101, 104);
	qf_buf_clear(&out);
	assert_int_equal(qf_json_list(&list, 0, &s), QF_ELIMIT);
	assert_in_range(out.n, 101, 104);
	qf_buf_clear(&out);
	assert_int_equal(qf_trino_list(&list, 0, &s), QF_ELIMIT);
	assert_in_range(out.n, 101, 104);
	s.limit = 3000;
	qf_buf_clear(&out);
	assert_int_equal(qf_pg_array(&list, 0, &s), 0);
	assert_int_equal(out.n, 2001);
	qf_buf_fini(&out);
}

static void json_texts_are_checked(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} texts[] = {
		{ "{}", true },
		{ " [ ] ", true },
		{ "null", true },
		{ "-0.5e+10", true },
		{ "[1,{\"a\":[true,false,null]},\"\\u00e9\\n\"]", true },
		{ "{\"a\":1,\"b\":{\"c\":[]}}", true },
		{ "", false },
		{ "nul", false },
		{ "01", false },
		{ "1.", false },
		{ "1e", false },
		{ "-", false },
		{ "+1", false },
		{ ".5", false },
		{ "NaN", false },
		{ "[1,]", false },
		{ "[1 2]", false },
		{ "{\"a\"}", false },
		{ "{\"a\":1,}", false },
		{ "{1:2}", false },
		{ "{\"a\":1]", false },
		{ "[1}", false },
		{ "[", false },
		{ "]", false },
		{ "1 2", false },
		{ "\"a", false },
		{ "\"\\x\"", false },
		{ "\"\\u12g4\"", false },
		{ "\"\t\"", false },
		{ "\"\xff\"", false },
	};
	char deep[600];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (qf_json_valid(qf_slice_str(texts[i].text)) != texts[i].valid)
			fail_msg("%s", texts[i].text);
	}
	memset(deep, '[', 256);
	memset(deep + 256, ']', 256);
	assert_true(qf_json_valid(qf_slice(deep, 512)));
	memset(deep, '[', 257);
	memset(deep + 257, ']', 257);
	assert_false(qf_json_valid(qf_slice(deep, 514)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_values_print),
		cmocka_unit_test(map_keys_are_strings),
		cmocka_unit_test(long_lists_end_at_the_limit),
		cmocka_unit_test(json_texts_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
