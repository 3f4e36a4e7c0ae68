/*
 * PostgreSQL's values, read: pg_values.h has what a server made of each text. The text and the binary form of a value
 * must become the same.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg_values.h"
#include "qf/types.h"

enum { TIMESTAMPTZ = 1184, TIMESTAMPTZ_ARRAY = 1185 };

static struct qf_tz *paris;

static int setup(void **state)
{
	(void)state;
	return qf_tz_open(&paris, "Europe/Paris", NULL);
}

static int teardown(void **state)
{
	(void)state;
	paris = qf_tz_free(paris);
	return 0;
}

static void put_hex(struct qf_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		qf_buf_printf(b, "%02x", p[i]);
}

static void describe(struct qf_buf *b, const struct qf_datum *d);

static void describe_list(struct qf_buf *b, const struct qf_datum *d)
{
	qf_buf_add_str(b, "[");
	for (size_t i = 0; i < d->n_items; i++) {
		qf_buf_add_str(b, i ? "," : "");
		describe(b, &d->items[i]);
	}
	qf_buf_printf(b, "]%u", d->item_oid);
}

static void describe(struct qf_buf *b, const struct qf_datum *d)
{
	switch (d->kind) {
	case QF_DATUM_NULL:
		qf_buf_add_str(b, "NULL");
		break;
	case QF_DATUM_BOOL:
		qf_buf_printf(b, "bool %d", (int)d->i);
		break;
	case QF_DATUM_INT:
		qf_buf_printf(b, "int%u %lld", d->bits, (long long)d->i);
		break;
	case QF_DATUM_FLOAT:
		qf_buf_printf(b, "float%u %a", d->bits, d->f);
		break;
	case QF_DATUM_NUMERIC:
		qf_buf_add_str(b, "num ");
		qf_buf_add_slice(b, d->text);
		break;
	case QF_DATUM_TEXT:
	case QF_DATUM_JSON:
	case QF_DATUM_BYTES:
		qf_buf_printf(b, "b%d ", (int)d->kind);
		put_hex(b, d->text.p, d->text.n);
		break;
	case QF_DATUM_DATE:
		qf_buf_printf(b, "date %lld", (long long)d->i);
		break;
	case QF_DATUM_TIME:
		qf_buf_printf(b, "time %lld", (long long)d->i);
		break;
	case QF_DATUM_TIMETZ:
		qf_buf_printf(b, "timetz %lld %d", (long long)d->i, d->offset);
		break;
	case QF_DATUM_TIMESTAMP:
	case QF_DATUM_TIMESTAMPTZ:
		qf_buf_printf(b, "ts%d %lld", (int)d->kind, (long long)d->i);
		break;
	case QF_DATUM_INTERVAL:
		qf_buf_printf(b, "iv %d %d %lld", d->months, d->days, (long long)d->i);
		break;
	case QF_DATUM_UUID:
		qf_buf_add_str(b, "uuid ");
		put_hex(b, d->bytes16, sizeof(d->bytes16));
		break;
	case QF_DATUM_LIST:
		describe_list(b, d);
		break;
	}
}

/* Reads and describes; "!SQLSTATE text" when it is refused. */
static void read_value(struct qf_buf *said, uint32_t oid, bool binary, struct qf_slice v)
{
	bool zoned = oid == TIMESTAMPTZ || oid == TIMESTAMPTZ_ARRAY;
	struct qf_arena *a = qf_arena_new(0);
	struct qf_err err = { .text = "" };
	char sqlstate[6] = "";
	struct qf_datum d;

	qf_buf_clear(said);
	if (qf_pg_value_read(&d, oid, binary, v, zoned ? paris : NULL, a, sqlstate, &err) == 0)
		describe(said, &d);
	else
		qf_buf_printf(said, "!%s %s", sqlstate, err.text);
	qf_arena_free(a);
}

/* From the heap and of the exact size, so that a read beyond the end is seen. */
static void read_text(struct qf_buf *said, uint32_t oid, const char *text)
{
	size_t n = strlen(text);
	uint8_t *bytes = qf_xmalloc(n);

	memcpy(bytes, text, n);
	read_value(said, oid, false, qf_slice(bytes, n));
	free(bytes);
}

static void read_hex(struct qf_buf *said, uint32_t oid, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *bytes = qf_xmalloc(n);

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	read_value(said, oid, true, qf_slice(bytes, n));
	free(bytes);
}

static void values_are_read(void **state)
{
	struct qf_buf said;

	(void)state;
	qf_buf_init(&said);
	for (size_t i = 0; i < sizeof(pg_values) / sizeof(pg_values[0]); i++) {
		const struct pg_value *v = &pg_values[i];

		read_text(&said, v->oid, v->text);
		if (strcmp(qf_buf_cstr(&said), v->said) != 0)
			fail_msg("%u '%s': %s, wanted %s", v->oid, v->text, qf_buf_cstr(&said), v->said);
		if (!v->binary)
			continue;
		read_hex(&said, v->oid, v->binary);
		if (strcmp(qf_buf_cstr(&said), v->said) != 0)
			fail_msg("%u '%s' in binary: %s, wanted %s", v->oid, v->text, qf_buf_cstr(&said), v->said);
	}
	qf_buf_fini(&said);
}

static const struct {
	const char *name;
	uint32_t oid;
	const char *hex, *said;
} binaries[] = {
	{ "bool of 2 bytes", 16, "0101", "!22P03 incorrect binary data format for type boolean" },
	{ "bool that is 7", 16, "07", "bool 1" },
	{ "int2 of 1 byte", 21, "01", "!08P01 insufficient data left in message" },
	{ "int4 of 5 bytes", 23, "0000000001", "!22P03 incorrect binary data format for type integer" },
	{ "int4 of none", 23, "", "!08P01 insufficient data left in message" },
	{ "int8", 20, "fffffffffffffffe", "int64 -2" },
	{ "oid", 26, "ffffffff", "int64 4294967295" },
	{ "float4", 700, "3fc00000", "float32 0x1.8p+0" },
	{ "float8", 701, "3ff8000000000000", "float64 0x1.8p+0" },
	{ "text", 25, "6162", "b5 6162" },
	{ "no oid is text", 0, "61", "b5 61" },
	{ "unknown is text", 705, "61", "b5 61" },
	{ "text that is not UTF-8", 25, "61ff", "!22021 invalid byte sequence for encoding \"UTF8\": 0xff" },
	{ "text with a zero byte", 25, "6100", "!22021 invalid byte sequence for encoding \"UTF8\": 0x00" },
	{ "json that is none", 114, "7b", "!22P02 invalid input syntax for type json" },
	{ "jsonb", 3802, "017b7d", "b6 7b7d" },
	{ "jsonb of version 2", 3802, "027b7d", "!22P03 unsupported jsonb version number 2" },
	{ "jsonb without a version", 3802, "", "!08P01 insufficient data left in message" },
	{ "bytea", 17, "00ff", "b7 00ff" },
	{ "uuid of 15 bytes", 2950, "000102030405060708090a0b0c0d0e",
	  "!08P01 insufficient data left in message" },
	{ "date beyond", 1082, "7ffffffe", "!22008 date out of range" },
	{ "date infinity", 1082, "7fffffff", "date 2147483647" },
	{ "date -infinity", 1082, "80000000", "date -2147483647" },
	{ "time beyond", 1083, "000000141dd76001", "!22008 time out of range" },
	{ "time negative", 1083, "ffffffffffffffff", "!22008 time out of range" },
	{ "timetz", 1266, "0000000000000001ffffe3e0", "timetz 1 7200" },
	{ "timetz beyond", 1266, "00000000000000010000e100", "!22009 time zone displacement out of range" },
	{ "timestamp infinity", 1114, "7fffffffffffffff", "ts11 9223372036854775807" },
	{ "timestamp -infinity", 1114, "8000000000000000", "ts11 -9223372036854775807" },
	{ "timestamp beyond 64 bits from 1970", 1114, "7ffcef31b8b80000", "!22008 timestamp out of range" },
	{ "timestamp too early", 1184, "8000000000000001", "!22008 timestamp out of range" },
	{ "interval of 15 bytes", 1186, "000000000000000000000000000000",
	  "!08P01 insufficient data left in message" },
	{ "bits", 1562, "0000000340", "b5 303130" },
	{ "bits that lie", 1562, "0000000940", "!22P03 invalid length in external bit string" },
	{ "bits beyond all bounds", 1562, "ffffffff40", "!22P03 invalid length in external bit string" },
	{ "numeric", 1700, "0002ffff40000005000103e8", "num -0.00011" },
	{ "numeric cut to its scale", 1700, "0002000000000001000c04d2", "num 12.1" },
	{ "numeric that is cut to zero", 1700, "0001ffff400000010001", "num 0.0" },
	{ "numeric NaN", 1700, "00000000c0000000", "num NaN" },
	{ "numeric -Infinity", 1700, "00000000f0000000", "num -Infinity" },
	{ "numeric of a wrong sign", 1700, "0000000080000000", "!22P03 invalid sign in external \"numeric\" value" },
	{ "numeric of a wrong scale", 1700, "0000000000004000", "!22P03 invalid scale in external \"numeric\" value" },
	{ "numeric of a wrong digit", 1700, "00010000000000002710",
	  "!22P03 invalid digit in external \"numeric\" value" },
	{ "numeric that lies", 1700, "0002000000000000000a", "!08P01 insufficient data left in message" },
	{ "array", 1007, "000000010000000000000017000000010000000100000004000000ff", "[int32 255]23" },
	{ "array of two dimensions", 1007,
	  "000000020000000100000017000000020000000100000001000000010000000400000001ffffffff",
	  "[[int32 1]23,[NULL]23]23" },
	{ "array of no dimensions", 1007, "000000000000000000000017", "[]23" },
	{ "array of no elements", 1007, "0000000200000000000000177fffffff000000010000000000000001",
	  "!54000 an array of more than 2097152 elements" },
	{ "array that is too short", 1007, "0000000100000000000000170000000200000001000000040000000a",
	  "!22P03 insufficient data left in message" },
	{ "array element that lies", 1007, "00000001000000000000001700000001000000010000000500000001",
	  "!22P03 insufficient data left in message" },
	{ "array that goes on", 1007, "00000001000000000000001700000001000000010000000400000001ff",
	  "!22P03 incorrect binary data format for type integer" },
	{ "array that starts at 0", 1007, "00000001000000000000001700000001000000000000000400000001",
	  "!0A000 an array whose first element is not number 1 is not supported" },
	{ "array of 7 dimensions", 1007, "000000070000000000000017",
	  "!54000 number of array dimensions (7) exceeds the maximum allowed (6)" },
	{ "array of another type", 1007, "000000000000000000000019",
	  "!42804 binary data has array element type 25 (text) instead of expected 23 (integer)" },
	{ "array of strange flags", 1007, "000000000000000200000017", "!22P03 invalid array flags" },
	{ "array of less than no dimensions", 1007, "ffffffff0000000000000017",
	  "!22P03 invalid number of dimensions: -1" },
	{ "a type that is not known", 600, "00", "!0A000 parameters of type 600 are not supported: cast it to text" },
};

static void binaries_are_checked(void **state)
{
	struct qf_buf said;

	(void)state;
	qf_buf_init(&said);
	for (size_t i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++) {
		read_hex(&said, binaries[i].oid, binaries[i].hex);
		if (strcmp(qf_buf_cstr(&said), binaries[i].said) != 0)
			fail_msg("%s: %s, wanted %s", binaries[i].name, qf_buf_cstr(&said), binaries[i].said);
	}
	qf_buf_fini(&said);
}

/* The largest numbers that PostgreSQL itself holds, and one more digit. */
static void numbers_may_be_long(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* characters; 0 = refused */
	} cases[] = { { "1e131071", 131072 }, { "1e131072", 0 }, { "-1e-16383", 16386 }, { "1e-16384", 0 } };
	struct qf_buf said;

	(void)state;
	qf_buf_init(&said);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_value(&said, 1700, false, qf_slice_str(cases[i].text));
		if (cases[i].n)
			assert_int_equal(said.n, 4 + cases[i].n);
		else
			assert_string_equal(qf_buf_cstr(&said), "!22003 value overflows numeric format");
	}
	qf_buf_fini(&said);
}

/* Few bytes that stand for much. */
static void memory_is_limited(void **state)
{
	struct qf_buf text, said;

	(void)state;
	qf_buf_init(&text);
	qf_buf_init(&said);
	qf_buf_add_str(&text, "{1e131071");
	for (int i = 0; i < 4000; i++)
		qf_buf_add_str(&text, ",1e131071");
	qf_buf_add_str(&text, "}");
	read_value(&said, 1231, false, qf_buf_slice(&text));
	assert_string_equal(qf_buf_cstr(&said), "!54000 a value of type numeric takes too much memory");

	struct qf_arena *a = qf_arena_new(100);
	char sqlstate[6];
	struct qf_datum d;

	int r = qf_pg_value_read(&d, 1231, false, qf_slice_str("{1e1000}"), NULL, a, sqlstate, NULL);

	assert_int_equal(r, QF_ELIMIT);
	assert_string_equal(sqlstate, "54000");
	qf_arena_free(a);
	qf_buf_fini(&text);
	qf_buf_fini(&said);
}

static void types_have_names(void **state)
{
	(void)state;
	assert_string_equal(qf_pg_type_name(23), "integer");
	assert_string_equal(qf_pg_type_name(1185), "timestamp with time zone[]");
	assert_null(qf_pg_type_name(600));
	assert_null(qf_pg_type_name(0));
	assert_true(qf_pg_binary_can(1700));
	assert_true(qf_pg_binary_can(1231));
	assert_false(qf_pg_binary_can(600));
	assert_false(qf_pg_binary_can(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),     cmocka_unit_test(binaries_are_checked),
		cmocka_unit_test(numbers_may_be_long), cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
