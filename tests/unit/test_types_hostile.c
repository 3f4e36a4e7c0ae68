/*
 * Messages that lie. Each starts as a good one and is changed in one place; it has to be refused with words, and the
 * rowset has to read a good batch afterwards.
 */
#include "arrow_message.h"
#include "../../lib/types/flat.h"

enum {
	ROWS = 3,
	PREFIX = 8, /* continuation mark and length, in front of the flatbuffer */
};

static struct qf_flat flat_of(const struct ArrowBuffer *b)
{
	uint32_t n;

	memcpy(&n, b->data + 4, sizeof(n));
	return (struct qf_flat){ .p = b->data + PREFIX, .n = n };
}

static void poke(struct ArrowBuffer *b, size_t flat_at, int64_t v, size_t size)
{
	memcpy(b->data + PREFIX + flat_at, &v, size);
}

/* Three rows of {x text, y bigint}: nodes 0 and 1; buffers: x validity, offsets, data; y validity, data. */
static void good_message(struct message *m)
{
	struct ArrowSchema s;
	struct ArrowArray a;

	ArrowSchemaInit(&s);
	assert_int_equal(ArrowSchemaSetTypeStruct(&s, 2), 0);
	assert_int_equal(ArrowSchemaSetType(s.children[0], NANOARROW_TYPE_STRING), 0);
	assert_int_equal(ArrowSchemaSetType(s.children[1], NANOARROW_TYPE_INT64), 0);
	assert_int_equal(ArrowSchemaSetName(s.children[0], "x"), 0);
	assert_int_equal(ArrowSchemaSetName(s.children[1], "y"), 0);
	schema_extension(s.children[0], "arrow.json", "");
	assert_int_equal(ArrowArrayInitFromSchema(&a, &s, NULL), 0);
	assert_int_equal(ArrowArrayStartAppending(&a), 0);
	for (int i = 0; i < ROWS; i++) {
		assert_int_equal(ArrowArrayAppendString(a.children[0], ArrowCharView("\"abc\"")), 0);
		assert_int_equal(i ? ArrowArrayAppendInt(a.children[1], i) : ArrowArrayAppendNull(a.children[1], 1), 0);
		assert_int_equal(ArrowArrayFinishElement(&a), 0);
	}
	assert_int_equal(ArrowArrayFinishBuildingDefault(&a, NULL), 0);
	encode(m, &s, &a);
}

/* Positions inside the header's flatbuffer. */
static size_t header_table(struct qf_flat *f)
{
	return qf_flat_ref(f, qf_flat_follow(f, 0), 2);
}

static size_t message_field(struct message *m, unsigned i)
{
	struct qf_flat f = flat_of(&m->batch);

	return qf_flat_field(&f, qf_flat_follow(&f, 0), i, 1);
}

static size_t batch_length(struct message *m)
{
	struct qf_flat f = flat_of(&m->batch);

	return qf_flat_field(&f, header_table(&f), 0, 8);
}

static size_t node_at(struct message *m, unsigned i)
{
	struct qf_flat f = flat_of(&m->batch);

	return qf_flat_vector(&f, header_table(&f), 1, 16, 8).at + 16 * (size_t)i;
}

static size_t buffer_entry(struct message *m, unsigned i)
{
	struct qf_flat f = flat_of(&m->batch);

	return qf_flat_vector(&f, header_table(&f), 2, 16, 8).at + 16 * (size_t)i;
}

static size_t vtable_of(struct qf_flat *f, size_t table)
{
	return (size_t)((int64_t)table - (int32_t)qf_flat_u32(f, table));
}

/* Where buffer i begins in the body, as a position for poke(). */
static size_t body_at(struct message *m, unsigned i)
{
	struct qf_flat f = flat_of(&m->batch);

	return f.n + (size_t)qf_flat_i64(&f, buffer_entry(m, i));
}

static void rows_negative(struct message *m)
{
	poke(&m->batch, batch_length(m), -1, 8);
}

static void rows_huge(struct message *m)
{
	poke(&m->batch, batch_length(m), INT64_MAX, 8);
}

static void rows_more_than_values(struct message *m)
{
	poke(&m->batch, batch_length(m), ROWS + 1, 8);
}

static void body_longer(struct message *m)
{
	poke(&m->batch, message_field(m, 3), 1 << 20, 8);
}

static void body_shorter(struct message *m)
{
	poke(&m->batch, message_field(m, 3), 8, 8);
}

static void old_version(struct message *m)
{
	poke(&m->batch, message_field(m, 0), 3, 2);
}

static void another_header_type(struct message *m)
{
	poke(&m->batch, message_field(m, 1), 1, 1);
}

static void node_negative(struct message *m)
{
	poke(&m->batch, node_at(m, 0), -1, 8);
}

static void node_overflow(struct message *m)
{
	poke(&m->batch, node_at(m, 1), INT64_MAX / 4, 8);
}

static void node_shorter(struct message *m)
{
	poke(&m->batch, node_at(m, 1), ROWS - 1, 8);
}

static void nulls_without_bitmap(struct message *m)
{
	poke(&m->batch, node_at(m, 0) + 8, 1, 8);
}

static void nulls_more_than_rows(struct message *m)
{
	poke(&m->batch, node_at(m, 1) + 8, ROWS + 1, 8);
}

static void offset_negative(struct message *m)
{
	poke(&m->batch, buffer_entry(m, 1), -8, 8);
}

static void offset_overflow(struct message *m)
{
	poke(&m->batch, buffer_entry(m, 1), INT64_MAX & ~7, 8);
}

static void offset_odd(struct message *m)
{
	poke(&m->batch, buffer_entry(m, 4), 4, 8);
}

static void size_negative(struct message *m)
{
	poke(&m->batch, buffer_entry(m, 1) + 8, -16, 8);
}

static void size_beyond(struct message *m)
{
	poke(&m->batch, buffer_entry(m, 2) + 8, 1 << 20, 8);
}

static void size_too_small(struct message *m)
{
	poke(&m->batch, buffer_entry(m, 4) + 8, 8 * ROWS - 1, 8);
}

static void text_offset_negative(struct message *m)
{
	poke(&m->batch, body_at(m, 1), -1, 4);
}

static void text_offsets_fall(struct message *m)
{
	poke(&m->batch, body_at(m, 1) + 4, 12, 4);
}

static void text_offset_beyond(struct message *m)
{
	poke(&m->batch, body_at(m, 1) + 4 * ROWS, 1 << 20, 4);
}

static void flatbuffer_root_beyond(struct message *m)
{
	poke(&m->batch, 0, 0x7fffffff, 4);
}

static void no_continuation(struct message *m)
{
	m->batch.data[0] = 0;
}

static void header_length_beyond(struct message *m)
{
	uint32_t n = 0x7ffffff8;

	memcpy(m->batch.data + 4, &n, sizeof(n));
}

static const struct {
	const char *name;
	void (*change)(struct message *m);
} lies[] = {
	{ "rows negative", rows_negative },
	{ "rows huge", rows_huge },
	{ "rows more than values", rows_more_than_values },
	{ "body longer", body_longer },
	{ "body shorter", body_shorter },
	{ "old version", old_version },
	{ "another header type", another_header_type },
	{ "node negative", node_negative },
	{ "node overflow", node_overflow },
	{ "node shorter than its batch", node_shorter },
	{ "nulls without a bitmap", nulls_without_bitmap },
	{ "nulls more than rows", nulls_more_than_rows },
	{ "offset negative", offset_negative },
	{ "offset overflow", offset_overflow },
	{ "offset odd", offset_odd },
	{ "size negative", size_negative },
	{ "size beyond", size_beyond },
	{ "size too small", size_too_small },
	{ "text offset negative", text_offset_negative },
	{ "text offsets fall", text_offsets_fall },
	{ "text offset beyond", text_offset_beyond },
	{ "flatbuffer root beyond", flatbuffer_root_beyond },
	{ "no continuation", no_continuation },
	{ "header length beyond", header_length_beyond },
};

static bool is_refused(struct qf_rowset *rs, struct qf_slice batch)
{
	struct qf_err err = { .text = "" };
	uint64_t rows = 77;

	if (qf_rowset_load(rs, batch, &rows, &err) == 0)
		return false;
	return err.code < 0 && err.text[0] && rows == 77;
}

static void lies_are_refused(void **state)
{
	struct message good;

	(void)state;
	good_message(&good);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct qf_rowset *rs = open_rowset(&good);
		struct message m;

		good_message(&m);
		lies[i].change(&m);
		if (!is_refused(rs, buffer_slice(&m.batch)))
			fail_msg("%s: not refused", lies[i].name);
		assert_int_equal(load_batch(rs, &good), ROWS);
		qf_rowset_free(rs);
		message_fini(&m);
	}
	message_fini(&good);
}

static void every_cut_is_refused(void **state)
{
	struct message m;

	(void)state;
	good_message(&m);
	struct qf_rowset *rs = open_rowset(&m);

	for (int64_t n = 0; n < m.batch.size_bytes; n++) {
		uint8_t *cut = qf_xmalloc((size_t)n + 1);

		memcpy(cut, m.batch.data, (size_t)n);
		assert_true(is_refused(rs, qf_slice(cut, (size_t)n)));
		free(cut);
	}
	for (int64_t n = 0; n < m.schema.size_bytes; n++) {
		struct qf_rowset *none = NULL;

		assert_true(qf_rowset_new(&none, qf_slice(m.schema.data, (size_t)n), NULL) < 0);
	}
	qf_rowset_free(rs);
	message_fini(&m);
}

/* A message is a frame inside a larger one: any address will do. */
static void any_address_will_do(void **state)
{
	static const struct qf_text_style st = { .extra_float_digits = 1 };
	struct message m;

	(void)state;
	good_message(&m);
	for (size_t shift = 0; shift < 8; shift++) {
		size_t n = (size_t)m.batch.size_bytes, schema_n = (size_t)m.schema.size_bytes;
		uint8_t *at = qf_xmalloc(n + 8), *schema_at = qf_xmalloc(schema_n + 8);
		struct qf_rowset *rs;
		struct qf_buf out;
		uint64_t rows;

		memcpy(at + shift, m.batch.data, n);
		memcpy(schema_at + shift, m.schema.data, schema_n);
		assert_int_equal(qf_rowset_new(&rs, qf_slice(schema_at + shift, schema_n), NULL), 0);
		free(schema_at);
		assert_int_equal(qf_rowset_load(rs, qf_slice(at + shift, n), &rows, NULL), 0);
		qf_buf_init(&out);
		assert_int_equal(qf_rowset_pg_text(rs, 2, 1, &st, &out, NULL), 0);
		assert_int_equal(qf_rowset_pg_text(rs, 2, 0, &st, &out, NULL), 0);
		assert_string_equal(qf_buf_cstr(&out), "2\"abc\"");
		assert_string_equal(qf_rowset_column(rs, 0)->name, "x");
		qf_buf_fini(&out);
		qf_rowset_free(rs);
		free(at);
	}
	message_fini(&m);
}

static void a_batch_of_another_schema_is_refused(void **state)
{
	struct message m, other;
	struct ArrowSchema s;

	(void)state;
	good_message(&m);
	schema_init(&s, "x");
	assert_int_equal(ArrowSchemaSetType(s.children[0], NANOARROW_TYPE_STRING), 0);
	encode_value(&other, &s, qf_slice_str("a"));
	struct qf_rowset *rs = open_rowset(&m);

	assert_true(is_refused(rs, buffer_slice(&other.batch)));
	assert_true(is_refused(rs, buffer_slice(&m.schema)));
	assert_int_equal(load_batch(rs, &m), ROWS);
	qf_rowset_free(rs);
	message_fini(&m);
	message_fini(&other);
}

static int new_code(const struct message *m, struct qf_err *err)
{
	struct qf_rowset *rs = NULL;
	int r = qf_rowset_new(&rs, buffer_slice(&m->schema), err);

	qf_rowset_free(rs);
	return r;
}

static void deep_schema(struct message *m, unsigned levels)
{
	struct ArrowSchema s;
	struct ArrowSchema *at;

	schema_init(&s, "x");
	at = s.children[0];
	for (unsigned i = 1; i < levels; i++) {
		assert_int_equal(ArrowSchemaSetType(at, NANOARROW_TYPE_LIST), 0);
		at = at->children[0];
	}
	assert_int_equal(ArrowSchemaSetType(at, NANOARROW_TYPE_INT32), 0);
	assert_int_equal(ArrowSchemaSetName(s.children[0], "x"), 0);
	encode_schema(m, &s);
	ArrowSchemaRelease(&s);
}

static void nesting_has_a_limit(void **state)
{
	struct qf_err err = { .text = "" };
	struct message m;

	(void)state;
	deep_schema(&m, 40);
	assert_int_equal(new_code(&m, &err), 0);
	message_fini(&m);
	deep_schema(&m, 41);
	assert_int_equal(new_code(&m, &err), QF_ELIMIT);
	assert_non_null(strstr(err.text, "nested deeper than 40"));
	message_fini(&m);
}

/* flatcc's verifier does failed work twice a level: 2^40 times for this one, if it got there. */
static void a_bad_leaf_costs_no_time(void **state)
{
	struct qf_err err = { .text = "" };
	struct message m;

	(void)state;
	deep_schema(&m, 40);
	struct qf_flat f = flat_of(&m.schema);
	struct qf_flat_vector v = qf_flat_vector(&f, header_table(&f), 1, 4, 4);
	size_t field = 0;

	while (v.n) {
		field = qf_flat_follow(&f, v.at);
		v = qf_flat_vector(&f, field, 5, 4, 4);
	}
	poke(&m.schema, qf_flat_ref(&f, field, 0), 0x7fffffff, 4);
	assert_false(f.bad);
	assert_int_equal(new_code(&m, &err), QF_EMALFORMED);
	message_fini(&m);
}

/* The children of each level all point at one and the same next level: 60 fields that stand for 2^60. */
static void a_schema_that_is_no_tree_is_refused(void **state)
{
	struct qf_err err = { .text = "" };
	struct ArrowSchema s;
	struct message m;

	(void)state;
	schema_init(&s, "x");
	struct ArrowSchema *at = s.children[0];

	for (int i = 0; i < 30; i++) {
		assert_int_equal(ArrowSchemaSetTypeStruct(at, 2), 0);
		assert_int_equal(ArrowSchemaSetType(at->children[1], NANOARROW_TYPE_INT32), 0);
		assert_int_equal(ArrowSchemaSetName(at->children[0], "a"), 0);
		assert_int_equal(ArrowSchemaSetName(at->children[1], "b"), 0);
		at = at->children[0];
	}
	assert_int_equal(ArrowSchemaSetType(at, NANOARROW_TYPE_INT32), 0);
	assert_int_equal(ArrowSchemaSetName(s.children[0], "x"), 0);
	encode_schema(&m, &s);
	ArrowSchemaRelease(&s);
	assert_int_equal(new_code(&m, &err), 0);

	struct qf_flat f = flat_of(&m.schema);
	struct qf_flat_vector v = qf_flat_vector(&f, header_table(&f), 1, 4, 4);

	while (v.n) {
		size_t field = qf_flat_follow(&f, v.at);

		v = qf_flat_vector(&f, field, 5, 4, 4);
		if (v.n == 2) /* the second child becomes the first; offsets count from where they stand */
			poke(&m.schema, v.at + 4, (int64_t)(qf_flat_follow(&f, v.at) - (v.at + 4)), 4);
	}
	assert_false(f.bad);
	assert_int_equal(new_code(&m, &err), QF_EMALFORMED);
	message_fini(&m);
}

/* In the format a pair may lack its value; nanoarrow would take the length of nothing. */
static void metadata_without_a_value_is_refused(void **state)
{
	struct qf_err err = { .text = "" };
	struct message m;

	(void)state;
	good_message(&m);
	struct qf_flat f = flat_of(&m.schema);
	size_t field = qf_flat_follow(&f, qf_flat_vector(&f, header_table(&f), 1, 4, 4).at);
	size_t pair = qf_flat_follow(&f, qf_flat_vector(&f, field, 6, 4, 4).at);

	assert_true(qf_flat_ref(&f, pair, 1));
	assert_false(f.bad);
	assert_int_equal(new_code(&m, &err), 0);
	poke(&m.schema, vtable_of(&f, pair) + 6, 0, 2);
	assert_int_equal(new_code(&m, &err), QF_EMALFORMED);
	message_fini(&m);
}

static void dictionaries_are_refused(void **state)
{
	struct qf_err err = { .text = "" };
	struct ArrowSchema s;
	struct message m;

	(void)state;
	schema_init(&s, "x");
	assert_int_equal(ArrowSchemaSetType(s.children[0], NANOARROW_TYPE_INT8), 0);
	assert_int_equal(ArrowSchemaAllocateDictionary(s.children[0]), 0);
	ArrowSchemaInit(s.children[0]->dictionary);
	assert_int_equal(ArrowSchemaSetType(s.children[0]->dictionary, NANOARROW_TYPE_STRING), 0);
	encode_schema(&m, &s);
	ArrowSchemaRelease(&s);
	assert_int_equal(new_code(&m, &err), QF_EUNSUPPORTED);
	assert_non_null(strstr(err.text, "dictionary"));
	message_fini(&m);
}

/* The encoder leaves the field out, which means little-endian: it is made to point at a 1. */
static void big_endian_is_refused(void **state)
{
	struct qf_err err = { .text = "" };
	struct ArrowSchema s;
	struct message m;

	(void)state;
	schema_init(&s, "x");
	assert_int_equal(ArrowSchemaSetType(s.children[0], NANOARROW_TYPE_INT32), 0);
	encode_schema(&m, &s);
	ArrowSchemaRelease(&s);
	struct qf_flat f = flat_of(&m.schema);
	size_t table = header_table(&f), vtable = vtable_of(&f, table);
	size_t one = qf_flat_vector(&f, table, 1, 4, 4).at - 4 - table; /* the number of columns */

	assert_int_equal(qf_flat_u16(&f, table + one), 1);
	assert_int_equal(qf_flat_field(&f, table, 0, 2), 0);
	poke(&m.schema, vtable + 2, (int64_t)one + 2, 2);
	poke(&m.schema, vtable + 4, (int64_t)one, 2);
	assert_int_equal(new_code(&m, &err), QF_EUNSUPPORTED);
	assert_non_null(strstr(err.text, "big-endian"));
	message_fini(&m);
}

/* No byte of a batch may crash it, whatever it is set to. */
static void every_byte_may_be_wrong(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	static const struct qf_text_style st = { .extra_float_digits = 1 };
	struct message m;
	struct qf_buf out;

	(void)state;
	good_message(&m);
	qf_buf_init(&out);
	struct qf_rowset *rs = open_rowset(&m);

	for (int64_t i = 0; i < m.batch.size_bytes; i++) {
		uint8_t was = m.batch.data[i];

		for (size_t j = 0; j < sizeof(values); j++) {
			uint64_t rows = 0;

			m.batch.data[i] = values[j];
			if (qf_rowset_load(rs, buffer_slice(&m.batch), &rows, NULL) != 0)
				continue;
			qf_buf_clear(&out);
			for (uint64_t row = 0; row < rows; row++) {
				struct qf_err err;

				if (qf_rowset_pg_datarow(rs, row, &st, &out, &err) != 0)
					assert_true(err.code < 0);
			}
		}
		m.batch.data[i] = was;
	}
	qf_buf_fini(&out);
	qf_rowset_free(rs);
	message_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(any_address_will_do),
		cmocka_unit_test(a_batch_of_another_schema_is_refused),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(a_bad_leaf_costs_no_time),
		cmocka_unit_test(a_schema_that_is_no_tree_is_refused),
		cmocka_unit_test(metadata_without_a_value_is_refused),
		cmocka_unit_test(dictionaries_are_refused),
		cmocka_unit_test(big_endian_is_refused),
		cmocka_unit_test(every_byte_may_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
