/*
 * Arrow values to PostgreSQL's text and binary forms, one golden row a value. They are what PostgreSQL 15 sends for the
 * same value (for JSON: what its to_json() makes), compared with a server when they were written.
 */
#include "arrow_message.h"

struct scalar {
	const char *name, *format, *extension, *metadata;
	uint32_t oid;
	int16_t len;
	int32_t mod;
	int64_t number; /* the value's low bytes, as many as number_size … */
	unsigned number_size;
	const char *hex; /* … or all of them in hex */
	const char *zone;
	int digits; /* extra_float_digits - 1 */
	bool escape;
	const char *text;  /* NULL = the value is refused … */
	const char *error; /* … with this */
	const char *binary; /* in hex; NULL with a text = beyond what the binary form can hold */
};

static const struct scalar scalars[] = {
	{ "bool8 true", "c", "arrow.bool8", "", 16, 1, -1, 1, 1, .text = "t", .binary = "01" },
	{ "bool8 false", "c", "arrow.bool8", "", 16, 1, -1, 0, 1, .text = "f", .binary = "00" },
	{ "bool bit", "b", NULL, NULL, 16, 1, -1, 1, 1, .text = "t", .binary = "01" },
	{ "tinyint", "c", NULL, NULL, 21, 2, -1, -128, 1, .text = "-128", .binary = "ff80" },
	{ "smallint", "s", NULL, NULL, 21, 2, -1, INT16_MIN, 2, .text = "-32768", .binary = "8000" },
	{ "int", "i", NULL, NULL, 23, 4, -1, INT32_MIN, 4, .text = "-2147483648", .binary = "80000000" },
	{ "bigint min", "l", NULL, NULL, 20, 8, -1, INT64_MIN, 8, .text = "-9223372036854775808",
	  .binary = "8000000000000000" },
	{ "bigint 0", "l", NULL, NULL, 20, 8, -1, 0, 8, .text = "0", .binary = "0000000000000000" },
	{ "bigint 100", "l", NULL, NULL, 20, 8, -1, 100, 8, .text = "100", .binary = "0000000000000064" },
	{ "oid", "l", "queryflux.oid", "", 26, 4, -1, 4294967295, 8, .text = "4294967295", .binary = "ffffffff" },
	{ "oid too large", "l", "queryflux.oid", "", 26, 4, -1, 4294967296, 8, .text = "4294967296" },
	{ "utinyint", "C", NULL, NULL, 21, 2, -1, 255, 1, .text = "255", .binary = "00ff" },
	{ "usmallint", "S", NULL, NULL, 23, 4, -1, 65535, 2, .text = "65535", .binary = "0000ffff" },
	{ "uinteger", "I", NULL, NULL, 20, 8, -1, 4294967295, 4, .text = "4294967295", .binary = "00000000ffffffff" },
	{ "ubigint", "L", NULL, NULL, 1700, -1, -1, -1, 8, .text = "18446744073709551615",
	  .binary = "000500040000000007341a5802e103bb064f" },
	{ "hugeint", "w:16", OPAQUE("hugeint"), 1700, -1, -1, .hex = "00000000000000000000000000000080",
	  .text = "-170141183460469231731687303715884105728",
	  .binary = "000a00094000000000aa0583209a01d5090d0c601c871bf620da1660" },
	{ "uhugeint", "w:16", OPAQUE("uhugeint"), 1700, -1, -1, .hex = "ffffffffffffffffffffffffffffffff",
	  .text = "340282366920938463463374607431768211455",
	  .binary = "000a00090000000001540b071a2403aa121a18c111ff10dd1aa505af" },
	{ "decimal(4,1)", "d:4,1,128", NULL, NULL, 1700, -1, 262149, .hex = "f5ffffffffffffffffffffffffffffff",
	  .text = "-1.1", .binary = "0002000040000001000103e8" },
	{ "decimal zero in front", "d:9,2,128", NULL, NULL, 1700, -1, 589830, .hex = "05000000000000000000000000000000",
	  .text = "0.05", .binary = "0001ffff0000000201f4" },
	{ "decimal(38,0)", "d:38,0,128", NULL, NULL, 1700, -1, 2490372, .hex = "ffffffff3f228a097ac4865aa84c3b4b",
	  .text = "99999999999999999999999999999999999999",
	  .binary = "000a0009000000000063270f270f270f270f270f270f270f270f270f" },
	{ "decimal(38,38)", "d:38,38,128", NULL, NULL, 1700, -1, 2490410, .hex = "01000000000000000000000000000000",
	  .text = "0.00000000000000000000000000000000000001", .binary = "0001fff6000000260064" },
	{ "decimal over 64 bits", "d:38,1,128", NULL, NULL, 1700, -1, 2490373,
	  .hex = "0000000000000000ffffffffffffffff", .text = "-1844674407370955161.6",
	  .binary = "000600044000000100b812420fe91bb714291770" },
	{ "decimal 64", "d:18,2,64", NULL, NULL, 1700, -1, 1179654, -12345, 8, .text = "-123.45",
	  .binary = "0002000040000002007b1194" },
	{ "decimal 32", "d:9,0,32", NULL, NULL, 1700, -1, 589828, 7, 4, .text = "7", .binary = "00010000000000000007" },
	{ "bignum", "z", OPAQUE("bignum"), 1700, -1, -1, .hex = "8000130589" "36e527ad679ec3aa92ef5b7c74f1e2df79",
	  .text = "123456789012345678901234567890123456789012345",
	  .binary = "000c000b00000000000109291a85007b11d722c509291a85007b11d722c50929" },
	{ "bignum negative", "z", OPAQUE("bignum"), 1700, -1, -1, .hex = "7ffffdfeff", .text = "-256",
	  .binary = "00010000400000000100" },
	{ "bignum zero", "z", OPAQUE("bignum"), 1700, -1, -1, .hex = "80000100", .text = "0",
	  .binary = "0000000000000000" },
	{ "bignum that lies", "z", OPAQUE("bignum"), 1700, -1, -1, .hex = "80000200", .error = "says it has 2" },
	{ "bignum too short", "z", OPAQUE("bignum"), 1700, -1, -1, .hex = "8000", .error = "BIGNUM of 2 bytes" },
	{ "float4", "f", NULL, NULL, 700, 4, -1, 0x49742402, 4, .text = "1.0000001e+06", .binary = "49742402" },
	{ "float4 six digits", "f", NULL, NULL, 700, 4, -1, 0x497423f0, 4, .text = "999999", .binary = "497423f0" },
	{ "float4 NaN", "f", NULL, NULL, 700, 4, -1, 0x7fc00000, 4, .text = "NaN", .binary = "7fc00000" },
	{ "float8 1e20", "g", NULL, NULL, 701, 8, -1, 0x4415af1d78b58c40, 8, .text = "1e+20",
	  .binary = "4415af1d78b58c40" },
	{ "float8 1e14", "g", NULL, NULL, 701, 8, -1, 0x42d6bcc41e900000, 8, .text = "100000000000000",
	  .binary = "42d6bcc41e900000" },
	{ "float8 1e15", "g", NULL, NULL, 701, 8, -1, 0x430c6bf526340000, 8, .text = "1e+15",
	  .binary = "430c6bf526340000" },
	{ "float8 -0", "g", NULL, NULL, 701, 8, -1, INT64_MIN, 8, .text = "-0", .binary = "8000000000000000" },
	{ "float8 inf", "g", NULL, NULL, 701, 8, -1, 0x7ff0000000000000, 8, .text = "Infinity",
	  .binary = "7ff0000000000000" },
	{ "float8 -inf", "g", NULL, NULL, 701, 8, -1, (int64_t)0xfff0000000000000, 8, .text = "-Infinity",
	  .binary = "fff0000000000000" },
	{ "float8 third", "g", NULL, NULL, 701, 8, -1, 0x3fd5555555555555, 8, .text = "0.3333333333333333",
	  .binary = "3fd5555555555555" },
	{ "float8 rounded", "g", NULL, NULL, 701, 8, -1, 0x3fd5555555555555, 8, .digits = -1,
	  .text = "0.333333333333333", .binary = "3fd5555555555555" },
	{ "float8 one digit", "g", NULL, NULL, 701, 8, -1, 0x3fd5555555555555, 8, .digits = -16, .text = "0.3",
	  .binary = "3fd5555555555555" },
	{ "varchar", "u", NULL, NULL, 25, -1, -1, .hex = "68c3a9", .text = "h\xc3\xa9", .binary = "68c3a9" },
	{ "name", "u", "queryflux.name", "", 19, 64, -1, .hex = "68c3a9", .text = "h\xc3\xa9", .binary = "68c3a9" },
	{ "char", "u", "queryflux.char", "", 18, 1, -1, .hex = "72", .text = "r", .binary = "72" },
	{ "varchar empty", "u", NULL, NULL, 25, -1, -1, .hex = "", .text = "", .binary = "" },
	{ "varchar large", "U", NULL, NULL, 25, -1, -1, .hex = "6162", .text = "ab", .binary = "6162" },
	{ "varchar not UTF-8", "u", NULL, NULL, 25, -1, -1, .hex = "61ff", .error = "not UTF-8 at byte 1" },
	{ "varchar with zero byte", "u", NULL, NULL, 25, -1, -1, .hex = "6100", .error = "zero byte" },
	{ "an unknown extension is its storage", "u", "acme.colour", "", 25, -1, -1, .hex = "61", .text = "a",
	  .binary = "61" },
	{ "json", "u", "arrow.json", "", 114, -1, -1, .hex = "7b7d", .text = "{}", .binary = "7b7d" },
	{ "blob", "z", NULL, NULL, 17, -1, -1, .hex = "00ff5c61", .text = "\\x00ff5c61", .binary = "00ff5c61" },
	{ "blob escaped", "z", NULL, NULL, 17, -1, -1, .hex = "00ff5c617f20", .escape = true,
	  .text = "\\000\\377\\\\a\\177 ", .binary = "00ff5c617f20" },
	{ "blob of fixed size", "w:2", NULL, NULL, 17, -1, -1, .hex = "01ab", .text = "\\x01ab", .binary = "01ab" },
	{ "geometry", "z", "geoarrow.wkb", "{}", 17, -1, -1, .hex = "0107", .text = "\\x0107", .binary = "0107" },
	{ "bit", "z", OPAQUE("bit"), 1562, -1, -1, .hex = "07ff55", .text = "101010101", .binary = "00000009aa80" },
	{ "bit of a whole byte", "z", OPAQUE("bit"), 1562, -1, -1, .hex = "00aa", .text = "10101010",
	  .binary = "00000008aa" },
	{ "bit with 8 pads", "z", OPAQUE("bit"), 1562, -1, -1, .hex = "08aa", .error = "padding" },
	{ "bit without data", "z", OPAQUE("bit"), 1562, -1, -1, .hex = "01", .error = "padding" },
	{ "uuid", "w:16", "arrow.uuid", "", 2950, 16, -1, .hex = "000102030405060708090a0b0c0d0e0f",
	  .text = "00010203-0405-0607-0809-0a0b0c0d0e0f", .binary = "000102030405060708090a0b0c0d0e0f" },
	{ "date", "tdD", NULL, NULL, 1082, 4, -1, 18321, 4, .text = "2020-02-29", .binary = "00001cc4" },
	{ "date BC", "tdD", NULL, NULL, 1082, 4, -1, -735160, 4, .text = "0044-03-15 BC", .binary = "fff49d7b" },
	{ "date of year 10000", "tdD", NULL, NULL, 1082, 4, -1, 2932897, 4, .text = "10000-01-01",
	  .binary = "002c95d4" },
	{ "date first", "tdD", NULL, NULL, 1082, 4, -1, INT32_MIN, 4, .text = "5877642-06-23 BC" },
	{ "date infinity", "tdD", NULL, NULL, 1082, 4, -1, INT32_MAX, 4, .text = "infinity", .binary = "7fffffff" },
	{ "date -infinity", "tdD", NULL, NULL, 1082, 4, -1, -INT32_MAX, 4, .text = "-infinity", .binary = "80000000" },
	{ "time", "ttu", NULL, NULL, 1083, 8, -1, 43200500000, 8, .text = "12:00:00.5", .binary = "0000000a0ef35120" },
	{ "time 24:00", "ttu", NULL, NULL, 1083, 8, -1, 86400000000, 8, .text = "24:00:00",
	  .binary = "000000141dd76000" },
	{ "time beyond", "ttu", NULL, NULL, 1083, 8, -1, 86400000001, 8, .error = "24 hours" },
	{ "time negative", "ttu", NULL, NULL, 1083, 8, -1, -1, 8, .error = "24 hours" },
	{ "time_ns", "ttn", NULL, NULL, 25, -1, -1, 43200123456789, 8, .text = "12:00:00.123456789",
	  .binary = "31323a30303a30302e313233343536373839" },
	{ "time in ms", "ttm", NULL, NULL, 1083, 8, -1, 1001, 4, .text = "00:00:01.001", .binary = "00000000000f4628" },
	{ "timetz", "w:8", OPAQUE("time_tz"), 1266, 12, -1, .hex = "dfc40000b0eb0e0a", .text = "12:00:00+02",
	  .binary = "0000000a0eebb000ffffe3e0" },
	{ "timetz with seconds", "w:8", OPAQUE("time_tz"), 1266, 12, -1, .hex = "fec1010000000000",
	  .text = "00:00:00-15:59:59", .binary = "00000000000000000000e0ff" },
	{ "timetz beyond", "w:8", OPAQUE("time_tz"), 1266, 12, -1, .hex = "ffc1010000000000", .error = "out of range" },
	{ "timestamp_s", "tss:", NULL, NULL, 1114, 8, -1, 1577836800, 8, .text = "2020-01-01 00:00:00",
	  .binary = "00023e0786c26000" },
	{ "timestamp_ms", "tsm:", NULL, NULL, 1114, 8, -1, -1, 8, .text = "1969-12-31 23:59:59.999",
	  .binary = "fffca2fec4c81c18" },
	{ "timestamp", "tsu:", NULL, NULL, 1114, 8, -1, 1577836800120000, 8, .text = "2020-01-01 00:00:00.12",
	  .binary = "00023e0786c434c0" },
	{ "timestamp BC", "tsu:", NULL, NULL, 1114, 8, -1, -62135596800000001, 8,
	  .text = "0001-12-31 23:59:59.999999 BC", .binary = "ff1fe2ffc59c5fff" },
	{ "timestamp lowest", "tsu:", NULL, NULL, 1114, 8, -1, INT64_MIN, 8,
	  .text = "290309-12-21 19:59:05.224192 BC" },
	{ "timestamp infinity", "tsu:", NULL, NULL, 1114, 8, -1, INT64_MAX, 8, .text = "infinity",
	  .binary = "7fffffffffffffff" },
	{ "timestamp -infinity", "tsu:", NULL, NULL, 1114, 8, -1, -INT64_MAX, 8, .text = "-infinity",
	  .binary = "8000000000000000" },
	{ "timestamp_ns", "tsn:", NULL, NULL, 25, -1, -1, 1577836800123456789, 8,
	  .text = "2020-01-01 00:00:00.123456789",
	  .binary = "323032302d30312d30312030303a30303a30302e313233343536373839" },
	{ "timestamptz UTC", "tsu:UTC", NULL, NULL, 1184, 8, -1, 1577836800000000, 8,
	  .text = "2020-01-01 00:00:00+00", .binary = "00023e0786c26000" },
	{ "timestamptz east", "tsu:UTC", NULL, NULL, 1184, 8, -1, 1577836800000000, 8, .zone = "5.5",
	  .text = "2020-01-01 05:30:00+05:30", .binary = "00023e0786c26000" },
	{ "timestamptz with seconds", "tsu:UTC", NULL, NULL, 1184, 8, -1, -2208988800000000, 8,
	  .zone = "INTERVAL '-00:25:21'", .text = "1899-12-31 23:34:39-00:25:21", .binary = "fff4c9ee7c0b8000" },
	{ "timestamptz over the end", "tss:UTC", NULL, NULL, 1184, 8, -1, INT64_MAX - 1, 8, .zone = "5",
	  .error = "out of range" },
	{ "interval", "tin", NULL, NULL, 1186, 16, -1, .hex = "0e000000030000004023ef30600d0000",
	  .text = "1 year 2 mons 3 days 04:05:06.789", .binary = "000000036c97ca88000000030000000e" },
	{ "interval signs", "tin", NULL, NULL, 1186, 16, -1, .hex = "ffffffff0300000060f0ffffffffffff",
	  .text = "-1 mons +3 days -00:00:00.000004", .binary = "fffffffffffffffc00000003ffffffff" },
	{ "interval zero", "tin", NULL, NULL, 1186, 16, -1, .hex = "00000000000000000000000000000000",
	  .text = "00:00:00", .binary = "00000000000000000000000000000000" },
	{ "interval too fine", "tin", NULL, NULL, 1186, 16, -1, .hex = "00000000000000000100000000000000",
	  .error = "microsecond" },
};

static void make_scalar(struct message *m, const struct scalar *c)
{
	struct ArrowSchema s;
	uint8_t bytes[64];

	schema_init(&s, "x");
	assert_int_equal(ArrowSchemaSetFormat(s.children[0], c->format), 0);
	if (c->extension)
		schema_extension(s.children[0], c->extension, c->metadata);
	memcpy(bytes, &c->number, sizeof(c->number));
	encode_value(m, &s, c->hex ? unhex(c->hex, bytes) : qf_slice(bytes, c->number_size));
}

static void check_text(struct qf_rowset *rs, const struct scalar *c, const struct qf_text_style *st)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out;

	qf_buf_init(&out);
	qf_buf_add_str(&out, "before");
	int r = qf_rowset_pg_text(rs, 0, 0, st, &out, &err);

	if (c->error && (r == 0 || !strstr(err.text, c->error) || !strstr(err.text, "column \"x\", row 1")))
		fail_msg("%s: %d \"%s\", wanted an error with \"%s\"", c->name, r, err.text, c->error);
	if (c->error)
		assert_string_equal(qf_buf_cstr(&out), "before");
	else if (r != 0 || strcmp(qf_buf_cstr(&out) + 6, c->text) != 0)
		fail_msg("%s: \"%s\" (%s), wanted \"%s\"", c->name, qf_buf_cstr(&out) + 6, err.text, c->text);
	qf_buf_fini(&out);
}

static void check_binary(struct qf_rowset *rs, const struct scalar *c)
{
	static const uint16_t formats[] = { 1 };
	const struct qf_text_style st = { .formats = formats, .n_formats = 1 };
	struct qf_err err = { .text = "" };
	uint8_t want[64];
	struct qf_buf out;

	qf_buf_init(&out);
	int r = qf_rowset_pg_datarow(rs, 0, &st, &out, &err);

	if (c->binary) {
		struct qf_slice value = unhex(c->binary, want);

		if (r != 0 || out.n != 11 + value.n || out.p[10] != value.n ||
		    memcmp(out.p + 11, value.p, value.n) != 0)
			fail_msg("%s: %d \"%s\", not the binary %s", c->name, r, err.text, c->binary);
	} else if (r == 0 || out.n || !(strstr(err.text, "ask for text") || (c->error && strstr(err.text, c->error)))) {
		fail_msg("%s: %d \"%s\", wanted a refusal", c->name, r, err.text);
	}
	qf_buf_fini(&out);
}

static void scalars_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
		const struct scalar *c = &scalars[i];
		struct qf_text_style st = { .extra_float_digits = 1 + c->digits, .bytea_escape = c->escape };
		struct qf_tz *tz = NULL;
		struct message m;

		if (c->zone)
			assert_int_equal(qf_tz_open(&tz, c->zone, NULL), 0);
		st.tz = tz;
		make_scalar(&m, c);
		struct qf_rowset *rs = open_rowset(&m);
		const struct qf_column *col = qf_rowset_column(rs, 0);

		if (col->pg_oid != c->oid || col->pg_len != c->len || col->pg_mod != c->mod)
			fail_msg("%s: oid %u len %d mod %d", c->name, col->pg_oid, col->pg_len, col->pg_mod);
		assert_string_equal(col->name, "x");
		assert_int_equal(load_batch(rs, &m), 1);
		check_text(rs, c, &st);
		check_binary(rs, c);
		qf_rowset_free(rs);
		qf_tz_free(tz);
		message_fini(&m);
	}
}

static const struct {
	const char *name, *format, *extension, *metadata, *error;
} refused[] = {
	{ "opaque of another vendor", "z", "arrow.opaque", "{\"type_name\":\"bit\",\"vendor_name\":\"Acme\"}", "Acme" },
	{ "hugeint in 8 bytes", "w:8", OPAQUE("hugeint"), "HUGEINT in 8 bytes" },
	{ "uuid in 15 bytes", "w:15", "arrow.uuid", "", "UUID in 15 bytes" },
	{ "half float", "e", NULL, NULL, "half_float cannot be sent" },
	{ "decimal 256", "d:76,2,256", NULL, NULL, "decimal256 cannot be sent" },
	{ "date in ms", "tdm", NULL, NULL, "date64 cannot be sent" },
	{ "months", "tiM", NULL, NULL, "interval_months cannot be sent" },
	{ "negative scale", "d:4,-1,128", NULL, NULL, "decimal(4,-1)" },
};

static void other_types_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct qf_rowset *rs = NULL;
		struct ArrowSchema s;
		struct qf_err err = { .text = "" };
		struct message m;

		schema_init(&s, "x");
		assert_int_equal(ArrowSchemaSetFormat(s.children[0], refused[i].format), 0);
		if (refused[i].extension)
			schema_extension(s.children[0], refused[i].extension, refused[i].metadata);
		encode_schema(&m, &s);
		int r = qf_rowset_new(&rs, buffer_slice(&m.schema), &err);

		if (r >= 0 || !strstr(err.text, refused[i].error) || !strstr(err.text, "column \"x\""))
			fail_msg("%s: %d \"%s\"", refused[i].name, r, err.text);
		ArrowSchemaRelease(&s);
		message_fini(&m);
	}
}

static void datarows_are_whole_messages(void **state)
{
	static const uint8_t want[] = "D\0\0\0\x10\0\2" "\0\0\0\2" "42" "\xff\xff\xff\xff"
				      "D\0\0\0\x10\0\2" "\xff\xff\xff\xff" "\0\0\0\2" "ab";
	struct ArrowSchema s;
	struct ArrowArray a;
	struct message m;
	struct qf_text_style st = { .extra_float_digits = 1 };
	struct qf_buf out;

	(void)state;
	ArrowSchemaInit(&s);
	assert_int_equal(ArrowSchemaSetTypeStruct(&s, 2), 0);
	assert_int_equal(ArrowSchemaSetName(s.children[0], "a"), 0);
	assert_int_equal(ArrowSchemaSetName(s.children[1], "b"), 0);
	assert_int_equal(ArrowSchemaSetType(s.children[0], NANOARROW_TYPE_INT64), 0);
	assert_int_equal(ArrowSchemaSetType(s.children[1], NANOARROW_TYPE_STRING), 0);
	assert_int_equal(ArrowArrayInitFromSchema(&a, &s, NULL), 0);
	assert_int_equal(ArrowArrayStartAppending(&a), 0);
	assert_int_equal(ArrowArrayAppendInt(a.children[0], 42), 0);
	assert_int_equal(ArrowArrayAppendNull(a.children[1], 1), 0);
	assert_int_equal(ArrowArrayFinishElement(&a), 0);
	assert_int_equal(ArrowArrayAppendNull(a.children[0], 1), 0);
	assert_int_equal(ArrowArrayAppendString(a.children[1], ArrowCharView("ab")), 0);
	assert_int_equal(ArrowArrayFinishElement(&a), 0);
	assert_int_equal(ArrowArrayFinishBuildingDefault(&a, NULL), 0);
	encode(&m, &s, &a);
	struct qf_rowset *rs = open_rowset(&m);

	assert_int_equal(qf_rowset_columns(rs), 2);
	assert_int_equal(load_batch(rs, &m), 2);
	assert_false(qf_rowset_is_null(rs, 0, 0));
	assert_true(qf_rowset_is_null(rs, 0, 1));
	qf_buf_init(&out);
	assert_int_equal(qf_rowset_pg_datarow(rs, 0, &st, &out, NULL), 0);
	assert_int_equal(qf_rowset_pg_datarow(rs, 1, &st, &out, NULL), 0);
	assert_int_equal(out.n, sizeof(want) - 1);
	assert_memory_equal(out.p, want, sizeof(want) - 1);
	qf_buf_fini(&out);
	qf_rowset_free(rs);
	message_fini(&m);
}

/* One format code is for all columns; columns beyond the codes are text. */
static void formats_choose_columns(void **state)
{
	static const uint16_t formats[] = { 1, 0, 1 };
	static const struct {
		size_t from, n;
		const char *want;
	} cases[] = {
		{ 0, 0, "D\0\0\0\x10\0\2\0\0\0\1" "1" "\0\0\0\1" "2" },
		{ 1, 1, "D\0\0\0\x10\0\2\0\0\0\1" "1" "\0\0\0\1" "2" },
		{ 0, 1, "D\0\0\0\x12\0\2\0\0\0\2\0\1\0\0\0\2\0\2" },
		{ 0, 2, "D\0\0\0\x11\0\2\0\0\0\2\0\1\0\0\0\1" "2" },
		{ 1, 2, "D\0\0\0\x11\0\2\0\0\0\1" "1" "\0\0\0\2\0\2" },
	};
	struct ArrowSchema s;
	struct ArrowArray a;
	struct message m;

	(void)state;
	ArrowSchemaInit(&s);
	assert_int_equal(ArrowSchemaSetTypeStruct(&s, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ArrowSchemaSetName(s.children[i], "n"), 0);
		assert_int_equal(ArrowSchemaSetType(s.children[i], NANOARROW_TYPE_INT16), 0);
	}
	assert_int_equal(ArrowArrayInitFromSchema(&a, &s, NULL), 0);
	assert_int_equal(ArrowArrayStartAppending(&a), 0);
	assert_int_equal(ArrowArrayAppendInt(a.children[0], 1), 0);
	assert_int_equal(ArrowArrayAppendInt(a.children[1], 2), 0);
	assert_int_equal(ArrowArrayFinishElement(&a), 0);
	assert_int_equal(ArrowArrayFinishBuildingDefault(&a, NULL), 0);
	encode(&m, &s, &a);
	struct qf_rowset *rs = open_rowset(&m);

	assert_int_equal(load_batch(rs, &m), 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_text_style st = { .formats = formats + cases[i].from, .n_formats = cases[i].n };
		struct qf_buf out;

		qf_buf_init(&out);
		assert_int_equal(qf_rowset_pg_datarow(rs, 0, &st, &out, NULL), 0);
		assert_int_equal(out.n, out.p[4] + 1);
		assert_memory_equal(out.p, cases[i].want, out.n);
		qf_buf_fini(&out);
	}
	qf_rowset_free(rs);
	message_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_print),
		cmocka_unit_test(other_types_are_refused),
		cmocka_unit_test(datarows_are_whole_messages),
		cmocka_unit_test(formats_choose_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
