/* The PostgreSQL codec: what a client sends as events, whole and byte by byte; what a server sends as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qf/proto/postgres.h"

enum { MAX_MESSAGE = 64 };

#define BYTES(s) s, sizeof(s) - 1

/* ---- events as text ---- */

static void show_bytes(struct qf_buf *b, struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= ' ' && s.p[i] < 0x7f)
			qf_buf_u8(b, s.p[i]);
		else
			qf_buf_printf(b, "\\%02x", s.p[i]);
}

static void show_startup(struct qf_buf *b, struct qf_slice body)
{
	struct qf_reader r = qf_reader(body);
	struct qf_slice name, value;

	while (qf_pg_startup_next(&r, &name, &value)) {
		qf_buf_add_str(b, " ");
		show_bytes(b, name);
		qf_buf_add_str(b, "=");
		show_bytes(b, value);
	}
}

static void show_event(struct qf_buf *b, const struct qf_pg_event *ev)
{
	switch (ev->type) {
	case QF_PG_NEED_MORE:
		return;
	case QF_PG_SSL_REQUEST:
		qf_buf_add_str(b, "ssl");
		break;
	case QF_PG_GSS_REQUEST:
		qf_buf_add_str(b, "gss");
		break;
	case QF_PG_CANCEL_REQUEST:
		qf_buf_printf(b, "cancel %u ", ev->pid);
		show_bytes(b, ev->key);
		break;
	case QF_PG_STARTUP:
		qf_buf_printf(b, "startup %u.%u", ev->version >> 16, ev->version & 0xffff);
		show_startup(b, ev->body);
		break;
	case QF_PG_MESSAGE:
		qf_buf_printf(b, "%c ", ev->kind);
		show_bytes(b, ev->body);
		break;
	case QF_PG_TOO_LONG:
		qf_buf_printf(b, "too long %c %zu", ev->kind, ev->need);
		break;
	case QF_PG_BROKEN:
		qf_buf_printf(b, "broken %s v%u %s", ev->sqlstate, ev->version >> 16, ev->error.text);
		break;
	}
	qf_buf_add_str(b, "; ");
}

/* Feeds `in` in pieces of `step` bytes, keeping what the decoder leaves. */
static void decode(struct qf_buf *text, struct qf_slice in, size_t step)
{
	struct qf_pg_decoder d;
	struct qf_pg_event ev = { .type = QF_PG_NEED_MORE };
	struct qf_buf have;
	size_t at = 0, used;

	qf_buf_init(&have);
	qf_pg_decoder_init(&d, MAX_MESSAGE);
	while (at < in.n && ev.type != QF_PG_BROKEN) {
		size_t n = in.n - at < step ? in.n - at : step;

		qf_buf_add(&have, in.p + at, n);
		at += n;
		do {
			qf_pg_decode(&d, qf_buf_slice(&have), &used, &ev);
			show_event(text, &ev);
			qf_buf_consume(&have, used);
		} while (ev.type != QF_PG_NEED_MORE && ev.type != QF_PG_BROKEN);
	}
	qf_buf_fini(&have);
}

#define START "\0\0\0\x10\0\3\0\0user\0a\0\0"
#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *name;
	const char *in;
	size_t n;
	const char *events;
} decode_cases[] = {
	{ "startup 3.0", BYTES("\0\0\0\x1c\0\3\0\0user\0bob\0database\0\0\0"), "startup 3.0 user=bob database=; " },
	{ "startup 3.2 and a protocol option", BYTES("\0\0\0\x19\0\3\0\2_pq_.x\0" "1\0user\0u\0\0"),
		"startup 3.2 _pq_.x=1 user=u; " },
	{ "newer minor version", BYTES("\0\0\0\x11\0\3\x0f\x9f" "user\0ab\0\0"), "startup 3.3999 user=ab; " },
	{ "no parameters", BYTES("\0\0\0\x9\0\3\0\0\0"), "startup 3.0; " },
	{ "ssl, gss, startup", BYTES("\0\0\0\x8\x4\xd2\x16\x2f\0\0\0\x8\x4\xd2\x16\x30" START),
		"ssl; gss; startup 3.0 user=a; " },
	{ "ssl twice", BYTES("\0\0\0\x8\x4\xd2\x16\x2f\0\0\0\x8\x4\xd2\x16\x2f"),
		"ssl; broken 0A000 v1234 unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2; " },
	{ "ssl with a tail", BYTES("\0\0\0\x9\x4\xd2\x16\x2f!"),
		"broken 0A000 v1234 unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2; " },
	{ "protocol 2", BYTES("\0\0\0\x9\0\2\0\0x"), "broken 0A000 v2 unsupported frontend protocol 2.0: server supports 3.0 to 3.2; " },
	{ "protocol 4", BYTES("\0\0\0\x9\0\4\0\0\0"), "broken 0A000 v4 unsupported frontend protocol 4.0: server supports 3.0 to 3.2; " },
	{ "length too small", BYTES("\0\0\0\x7\0\3\0\0"), "broken 08P01 v0 invalid length of startup packet: 7; " },
	{ "length too large", BYTES("\0\0\x27\x15"), "broken 08P01 v0 invalid length of startup packet: 10005; " },
	{ "an HTTP request", BYTES("GET / HTTP/1.1\r\n"), "broken 08P01 v0 invalid length of startup packet: 1195725856; " },
	{ "a TLS hello", BYTES("\x16\3\1\2\0"), "broken 08P01 v0 invalid length of startup packet: 369295618; " },
	{ "no terminator", BYTES("\0\0\0\x10\0\3\0\0user\0abc"),
		"broken 08P01 v3 invalid startup packet layout: expected terminator as last byte; " },
	{ "name without a value", BYTES("\0\0\0\xd\0\3\0\0user\0"),
		"broken 08P01 v3 invalid startup packet layout: expected terminator as last byte; " },
	{ "something behind the terminator", BYTES("\0\0\0\xb\0\3\0\0\0x\0"),
		"broken 08P01 v3 invalid startup packet layout: expected terminator as last byte; " },
	{ "cancel", BYTES("\0\0\0\x10\x4\xd2\x16\x2e\0\0\x1\x2wxyz"), "cancel 258 wxyz; " },
	{ "cancel with a long key", BYTES("\0\0\0\x14\x4\xd2\x16\x2e\0\0\x1\x2wxyzwxyz"), "cancel 258 wxyzwxyz; " },
	{ "cancel with a short key", BYTES("\0\0\0\xf\x4\xd2\x16\x2e\0\0\x1\x2wxy"),
		"broken 08P01 v0 invalid length of startup packet: 15; " },
	{ "query, sync, terminate", BYTES(START "Q\0\0\0\xdselect 1\0S\0\0\0\4X\0\0\0\4"),
		"startup 3.0 user=a; Q select 1\\00; S ; X ; " },
	{ "every kind", BYTES(START "P\0\0\0\4B\0\0\0\4D\0\0\0\4E\0\0\0\4C\0\0\0\4H\0\0\0\4F\0\0\0\4d\0\0\0\4c\0\0\0\4f\0\0\0\4"),
		"startup 3.0 user=a; P ; B ; D ; E ; C ; H ; F ; d ; c ; f ; " },
	{ "a password nobody asked for", BYTES(START "p\0\0\0\6x\0"), "startup 3.0 user=a; broken 08P01 v0 invalid frontend message type 112; " },
	{ "type byte zero", BYTES(START "\0\0\0\0\4"), "startup 3.0 user=a; broken 08P01 v0 invalid frontend message type 0; " },
	{ "type byte 255 and nothing else", BYTES(START "\xff"), "startup 3.0 user=a; broken 08P01 v0 invalid frontend message type 255; " },
	{ "message length below itself", BYTES(START "Q\0\0\0\3"), "startup 3.0 user=a; broken 08P01 v0 invalid message length 3; " },
	{ "message length beyond a gigabyte", BYTES(START "Q\x40\0\0\0"), "startup 3.0 user=a; broken 08P01 v0 invalid message length 1073741824; " },
	{ "a long Sync", BYTES(START "S\0\0\x27\x11"), "startup 3.0 user=a; broken 08P01 v0 invalid message length 10001; " },
	{ "a Query at the limit", BYTES(START "Q\0\0\0\x44" X60 "1234H\0\0\0\4"), "startup 3.0 user=a; Q " X60 "1234; H ; " },
	{ "a Query over it passes by", BYTES(START "Q\0\0\0\x45" X60 "12345H\0\0\0\4"), "startup 3.0 user=a; too long Q 70; H ; " },
	{ "a Describe over it is read", BYTES(START "D\0\0\0\x45" X60 "12345H\0\0\0\4"), "startup 3.0 user=a; D " X60 "12345; H ; " },
	{ "half a message", BYTES(START "Q\0\0\0\xdsel"), "startup 3.0 user=a; " },
};

static void events_do_not_depend_on_how_bytes_arrive(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(decode_cases) / sizeof(decode_cases[0]); i++)
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			struct qf_buf text;

			qf_buf_init(&text);
			decode(&text, qf_slice(decode_cases[i].in, decode_cases[i].n), steps[s]);
			if (strcmp(qf_buf_cstr(&text), decode_cases[i].events) != 0)
				fail_msg("%s, %zu bytes at a time:\n got %s\nwant %s", decode_cases[i].name, steps[s],
					qf_buf_cstr(&text), decode_cases[i].events);
			qf_buf_fini(&text);
		}
}

static void a_message_can_be_declined_while_it_comes(void **state)
{
	static const uint8_t in[] = "Q\0\0\0\x20select";
	struct qf_pg_decoder d = { .max_message = MAX_MESSAGE, .started = true };
	struct qf_pg_event ev;
	size_t used;

	(void)state;
	qf_pg_decode(&d, qf_slice(in, 11), &used, &ev);
	assert_int_equal(ev.type, QF_PG_NEED_MORE);
	assert_int_equal(used, 0);
	assert_int_equal(ev.need, 33);
	qf_pg_decoder_skip(&d, qf_slice(in, 11));
	qf_pg_decode(&d, qf_slice(in, 11), &used, &ev);
	assert_int_equal(ev.type, QF_PG_NEED_MORE);
	assert_int_equal(used, 11);
	uint8_t rest[30] = { [22] = 'S', [26] = 4 };

	qf_pg_decode(&d, qf_slice(rest, sizeof(rest)), &used, &ev);
	assert_int_equal(ev.type, QF_PG_TOO_LONG);
	assert_int_equal(used, 22);
	assert_int_equal(ev.need, 33);
	qf_pg_decode(&d, qf_slice(rest + 22, 5), &used, &ev);
	assert_int_equal(ev.type, QF_PG_MESSAGE);
	assert_int_equal(ev.kind, 'S');
}

static void options_are_words_with_backslashes(void **state)
{
	static const struct {
		const char *in, *words;
	} cases[] = {
		{ "", "" },
		{ "  \t", "" },
		{ "-c a=b", "[-c][a=b]" },
		{ " -c  search_path=x\\ y\\\\z ", "[-c][search_path=x y\\z]" },
		{ "--geqo=off\n-cx=y", "[--geqo=off][-cx=y]" },
		{ "a\\", "[a\\]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_reader r = qf_reader(qf_slice_str(cases[i].in));
		struct qf_buf word, all;

		qf_buf_init(&word);
		qf_buf_init(&all);
		while (qf_pg_options_next(&r, &word)) {
			qf_buf_printf(&all, "[%s]", qf_buf_cstr(&word));
			qf_buf_clear(&word);
		}
		assert_string_equal(qf_buf_cstr(&all), cases[i].words);
		qf_buf_fini(&word);
		qf_buf_fini(&all);
	}
}

static void a_query_is_one_string(void **state)
{
	struct qf_slice text;

	(void)state;
	assert_int_equal(qf_pg_read_string(qf_slice(BYTES("select 1\0")), &text), 0);
	assert_true(qf_slice_eq_str(text, "select 1"));
	assert_int_equal(qf_pg_read_string(qf_slice(BYTES("\0")), &text), 0);
	assert_int_equal(text.n, 0);
	assert_int_equal(qf_pg_read_string(qf_slice(BYTES("select 1")), &text), QF_EMALFORMED);
	assert_int_equal(qf_pg_read_string(qf_slice(BYTES("a\0b\0")), &text), QF_EMALFORMED);
	assert_int_equal(qf_pg_read_string(QF_SLICE_NONE, &text), QF_EMALFORMED);
}

/* ---- what the server sends ---- */

static void enc_ssl_no(struct qf_buf *b)
{
	qf_pg_put_ssl_no(b);
}

static void enc_auth_ok(struct qf_buf *b)
{
	qf_pg_put_auth_ok(b);
}

static void enc_status(struct qf_buf *b)
{
	qf_pg_put_parameter_status(b, "TimeZone", "UTC");
}

static void enc_key(struct qf_buf *b)
{
	qf_pg_put_backend_key_data(b, 258, qf_slice("\xde\xad\xbe\xef", 4));
}

static void enc_negotiate(struct qf_buf *b)
{
	qf_pg_put_negotiate_version(b, QF_PG_VERSION_3_0, qf_slice(BYTES("_pq_.a\0")), 1);
}

static void enc_ready(struct qf_buf *b)
{
	qf_pg_put_ready(b, 'T');
}

static void enc_complete(struct qf_buf *b)
{
	qf_pg_put_command_complete(b, "SELECT 1");
	qf_pg_put_empty_query(b);
}

static void enc_error(struct qf_buf *b)
{
	const struct qf_pg_fields f = { "ERROR", "42601", "bad", "d", "h", 12 };

	qf_pg_put_error(b, &f);
}

static void enc_notice(struct qf_buf *b)
{
	const struct qf_pg_fields f = { .severity = "NOTICE", .sqlstate = "00000", .detail = "" };

	qf_pg_put_notice(b, &f);
}

static void enc_error_v2(struct qf_buf *b)
{
	const struct qf_pg_fields f = { .severity = "FATAL", .sqlstate = "0A000", .message = "no" };

	qf_pg_put_error_v2(b, &f);
}

static void enc_columns(struct qf_buf *b)
{
	size_t at = qf_pg_begin_row_description(b, 2);

	qf_pg_add_column(b, "n", 23, 4, -1);
	qf_pg_add_column(b, "", 1700, -1, 262148);
	qf_pg_end_message(b, at);
}

static void enc_row(struct qf_buf *b)
{
	const char *values[] = { "ab", NULL, "" };

	qf_pg_put_text_row(b, values, 3);
}

static const struct {
	const char *name;
	void (*encode)(struct qf_buf *b);
	const char *bytes;
	size_t n;
} encode_cases[] = {
	{ "refusal of TLS", enc_ssl_no, BYTES("N") },
	{ "AuthenticationOk", enc_auth_ok, BYTES("R\0\0\0\x8\0\0\0\0") },
	{ "ParameterStatus", enc_status, BYTES("S\0\0\0\x11TimeZone\0UTC\0") },
	{ "BackendKeyData", enc_key, BYTES("K\0\0\0\xc\0\0\1\2\xde\xad\xbe\xef") },
	{ "NegotiateProtocolVersion", enc_negotiate, BYTES("v\0\0\0\x13\0\3\0\0\0\0\0\1_pq_.a\0") },
	{ "ReadyForQuery", enc_ready, BYTES("Z\0\0\0\5T") },
	{ "CommandComplete, EmptyQueryResponse", enc_complete, BYTES("C\0\0\0\xdSELECT 1\0I\0\0\0\4") },
	{ "ErrorResponse with all fields", enc_error,
		BYTES("E\0\0\0\x29SERROR\0VERROR\0C42601\0Mbad\0Dd\0Hh\0P12\0\0") },
	{ "NoticeResponse with the least", enc_notice, BYTES("N\0\0\0\x1eSNOTICE\0VNOTICE\0C00000\0M\0\0") },
	{ "error for protocol 2", enc_error_v2, BYTES("EFATAL:  no\n\0") },
	{ "RowDescription", enc_columns,
		BYTES("T\0\0\0\x2d\0\2n\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\6\xa4\xff\xff\0\4\0\4\0\0") },
	{ "DataRow", enc_row, BYTES("D\0\0\0\x14\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0") },
};

static void messages_are_encoded_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(encode_cases) / sizeof(encode_cases[0]); i++) {
		struct qf_buf b, got, want;

		qf_buf_init(&b);
		qf_buf_init(&got);
		qf_buf_init(&want);
		encode_cases[i].encode(&b);
		show_bytes(&got, qf_buf_slice(&b));
		show_bytes(&want, qf_slice(encode_cases[i].bytes, encode_cases[i].n));
		if (strcmp(qf_buf_cstr(&got), qf_buf_cstr(&want)) != 0)
			fail_msg("%s:\n got %s\nwant %s", encode_cases[i].name, qf_buf_cstr(&got), qf_buf_cstr(&want));
		qf_buf_fini(&b);
		qf_buf_fini(&got);
		qf_buf_fini(&want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_do_not_depend_on_how_bytes_arrive),
		cmocka_unit_test(a_message_can_be_declined_while_it_comes),
		cmocka_unit_test(options_are_words_with_backslashes),
		cmocka_unit_test(a_query_is_one_string),
		cmocka_unit_test(messages_are_encoded_as_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
