/* Bus messages: what is written is read back, and nothing malformed is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/msg.h"

static void build(struct qf_buf *b)
{
	qf_buf_init(b);
	qf_msg_begin(b, QF_MSG_QUERY, 0x0102030405060708ull, 3, QF_MSG_MORE);
	qf_put_str(b, QF_F_USER, "anna");
	qf_put_u8(b, QF_F_ACCESS, 2);
	qf_put_u32(b, QF_F_POSITION, 77);
	qf_put_u64(b, QF_F_BYTES, 1ull << 40);
	qf_put_pair(b, QF_F_HEADER, "X-Target", "duck");
	qf_put_pair(b, QF_F_TAG, "bare", NULL);
	qf_put_str(b, QF_F_SQL | QF_F_REQUIRED, "select 1");
	qf_msg_end(b);
	qf_buf_add_str(b, "payload");
}

static void round_trip(void **state)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_slice name, value;
	struct qf_err err;
	struct qf_msg m;
	struct qf_buf b;

	(void)state;
	build(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), &err), 0);
	assert_int_equal(m.kind, QF_MSG_QUERY);
	assert_int_equal(m.stream, 0x0102030405060708ull);
	assert_int_equal(m.attempt, 3);
	assert_int_equal(m.flags, QF_MSG_MORE);
	assert_string_equal(qf_get_str(&m, QF_F_USER, a), "anna");
	assert_int_equal(qf_get_u8(&m, QF_F_ACCESS), 2);
	assert_int_equal(qf_get_u32(&m, QF_F_POSITION), 77);
	assert_int_equal(qf_get_u64(&m, QF_F_BYTES), 1ull << 40);
	assert_true(qf_pair(qf_get(&m, QF_F_HEADER), &name, &value));
	assert_true(qf_slice_eq_str(name, "X-Target") && qf_slice_eq_str(value, "duck"));
	assert_true(qf_pair(qf_get(&m, QF_F_TAG), &name, &value));
	assert_null(value.p);
	assert_false(qf_has(&m, QF_F_GROUP));
	assert_true(qf_slice_eq_str(m.payload, "payload"));
	qf_arena_free(a);
	qf_buf_fini(&b);
}

/* A message that is cut anywhere inside header or body is refused; the payload has no length of its own. */
static void every_cut(void **state)
{
	size_t body_end;
	struct qf_err err;
	struct qf_msg m;
	struct qf_buf b;

	(void)state;
	build(&b);
	body_end = b.n - strlen("payload");
	for (size_t n = 0; n < body_end; n++)
		assert_int_equal(qf_msg_decode(&m, qf_slice(b.p, n), &err), QF_EMALFORMED);
	qf_buf_fini(&b);
}

static const struct {
	const char *name;
	size_t at;
	uint8_t byte;
	int code;
} broken[] = {
	{ "magic", 0, 'X', QF_EMALFORMED },
	{ "another major version", 2, 9, QF_EUNSUPPORTED },
	{ "kind 0", 3, 0, QF_EUNSUPPORTED },
	{ "unknown kind", 3, 200, QF_EUNSUPPORTED },
	{ "body longer than the message", 24, 0x7f, QF_EMALFORMED },
	{ "a field longer than the body", QF_MSG_HEADER + 2, 0xff, QF_EMALFORMED },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct qf_err err = { 0 };
		struct qf_msg m;
		struct qf_buf b;

		build(&b);
		b.p[broken[i].at] = broken[i].byte;
		if (qf_msg_decode(&m, qf_buf_slice(&b), &err) != broken[i].code)
			fail_msg("%s: %d %s", broken[i].name, err.code, err.text);
		qf_buf_fini(&b);
	}
}

static void unknown_fields(void **state)
{
	struct qf_err err;
	struct qf_msg m;
	struct qf_buf b;

	(void)state;
	qf_buf_init(&b);
	qf_msg_begin(&b, QF_MSG_PING, 0, 0, 0);
	qf_put_str(&b, 9000, "from the future");
	qf_put_u64(&b, QF_F_CONF_ID, 5);
	qf_msg_end(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), &err), 0);
	assert_int_equal(qf_get_u64(&m, QF_F_CONF_ID), 5);
	qf_buf_clear(&b);
	qf_msg_begin(&b, QF_MSG_PING, 0, 0, 0);
	qf_put_str(&b, 9000 | QF_F_REQUIRED, "must be known");
	qf_msg_end(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), &err), QF_EUNSUPPORTED);
	qf_buf_fini(&b);
}

/* A getter never yields a value of another size, nor text with a NUL inside. */
static void wrong_sizes(void **state)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_err err;
	struct qf_msg m;
	struct qf_buf b;

	(void)state;
	qf_buf_init(&b);
	qf_msg_begin(&b, QF_MSG_PING, 0, 0, 0);
	qf_put_u8(&b, QF_F_CONF_ID, 5);
	qf_put_slice(&b, QF_F_USER, qf_slice("a\0b", 3));
	qf_put_slice(&b, QF_F_HEADER, qf_slice("\0\0\0\x09zz", 6));
	qf_msg_end(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), &err), 0);
	assert_int_equal(qf_get_u64(&m, QF_F_CONF_ID), 0);
	assert_null(qf_get_str(&m, QF_F_USER, a));
	struct qf_slice name, value;
	assert_false(qf_pair(qf_get(&m, QF_F_HEADER), &name, &value));
	qf_arena_free(a);
	qf_buf_fini(&b);
}

/* A payload of rows: in order, and a cut at any place ends it without reading behind the end. */
static void rows(void **state)
{
	struct qf_buf b = { 0 }, row;
	struct qf_reader r;
	struct qf_msg m;
	size_t n;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		qf_row_begin(&row, "queued");
		qf_put_u64(&row, QF_F_VALUE, i);
		qf_row_end(&b, &row);
	}
	for (size_t cut = 0; cut <= b.n; cut++) {
		uint8_t *exact = (uint8_t *)qf_slice_dup(qf_slice(b.p, cut));

		r = qf_reader(qf_slice(exact, cut));
		for (n = 0; qf_row_next(&r, &m); n++) {
			assert_true(qf_slice_eq_str(qf_get(&m, QF_F_EVENT), "queued"));
			assert_int_equal(qf_get_u64(&m, QF_F_VALUE), n);
		}
		assert_int_equal(n, cut / (b.n / 3));
		assert_int_equal(r.err != 0, cut % (b.n / 3) != 0);
		free(exact);
	}
	qf_buf_fini(&b);
}

static const uint32_t bind_types[] = { 23, 0, 25 };
static const uint16_t bind_formats[] = { 1, 0 };
static const uint64_t bind_closed[] = { 7, 1ull << 40 };

static void put_bind(struct qf_buf *b)
{
	const struct qf_value values[] = { { (const uint8_t *)"\0\0\0\5", 4, true }, { 0 }, { (const uint8_t *)"", 0, false } };
	const struct qf_bind bind = {
		.kind = QF_RUN_ALL,
		.flags = QF_RUN_NAMED,
		.encodings = QF_ENC_BIT(QF_ENC_PG3) | QF_ENC_BIT(QF_ENC_ARROW),
		.types = bind_types,
		.n_types = 3,
		.values = values,
		.n_values = 3,
		.formats = bind_formats,
		.n_formats = 2,
		.portal = 9,
		.max_rows = 100,
		.closed = bind_closed,
		.n_closed = 2,
		.begin = qf_slice_str("BEGIN READ ONLY"),
	};

	qf_buf_init(b);
	qf_msg_begin(b, QF_MSG_QUERY, 1, 1, 0);
	qf_bind_put(b, &bind);
	qf_msg_end(b);
}

static void bind_round_trip(void **state)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_bind bind;
	struct qf_err err;
	struct qf_msg m;
	struct qf_buf b;

	(void)state;
	put_bind(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), &err), 0);
	assert_int_equal(qf_bind_get(&bind, &m, a, &err), 0);
	assert_int_equal(bind.kind, QF_RUN_ALL);
	assert_int_equal(bind.flags, QF_RUN_NAMED);
	assert_int_equal(bind.encodings, 3);
	assert_int_equal(bind.n_types, 3);
	assert_int_equal(qf_bind_type(&bind, 0), 23);
	assert_int_equal(qf_bind_type(&bind, 3), 0);
	assert_int_equal(bind.n_values, 3);
	assert_int_equal(bind.values[0].n, 4);
	assert_true(bind.values[0].binary);
	assert_null(bind.values[1].p);
	assert_non_null(bind.values[2].p);
	assert_int_equal(bind.values[2].n, 0);
	assert_true(qf_bind_binary(&bind, 0) && !qf_bind_binary(&bind, 1) && !qf_bind_binary(&bind, 2));
	assert_int_equal(bind.portal, 9);
	assert_int_equal(bind.max_rows, 100);
	assert_int_equal(bind.n_closed, 2);
	assert_int_equal(bind.closed[1], 1ull << 40);
	assert_true(qf_slice_eq_str(bind.begin, "BEGIN READ ONLY"));
	qf_arena_free(a);
	qf_buf_fini(&b);
}

static void bind_malformed(void **state)
{
	static const struct {
		const char *name;
		uint16_t tag;
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "types cut", QF_F_PARAM_TYPES, "\0\0\0", 3 },
		{ "formats cut", QF_F_FORMATS, "\0", 1 },
		{ "closed cut", QF_F_CLOSED, "\0\0\0\0\0\0\0\1\0", 9 },
		{ "value longer than what is there", QF_F_PARAMS, "\0\0\0\0\5abcd", 9 },
		{ "value without its length", QF_F_PARAMS, "\1\0\0", 3 },
		{ "value of 4 GiB", QF_F_PARAMS, "\1\377\377\377\376", 5 },
		{ "unknown kind", QF_F_RUN, "\17", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct qf_arena *a = qf_arena_new(0);
		struct qf_bind bind;
		struct qf_err err;
		struct qf_msg m;
		struct qf_buf b;

		qf_buf_init(&b);
		qf_msg_begin(&b, QF_MSG_QUERY, 1, 1, 0);
		qf_put_slice(&b, bad[i].tag, qf_slice(bad[i].bytes, bad[i].n));
		qf_msg_end(&b);
		assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), &err), 0);
		if (qf_bind_get(&bind, &m, a, &err) != QF_EMALFORMED)
			fail_msg("%s was taken", bad[i].name);
		qf_arena_free(a);
		qf_buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),	  cmocka_unit_test(every_cut),	 cmocka_unit_test(refused),
		cmocka_unit_test(unknown_fields), cmocka_unit_test(wrong_sizes),	cmocka_unit_test(rows),
		cmocka_unit_test(bind_round_trip),
		cmocka_unit_test(bind_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
