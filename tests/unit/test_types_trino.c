/*
 * Arrow values to Trino's client protocol, one golden row a value. Types and values are byte for byte what a Trino 476
 * server sent for the same ones, where it has them.
 */
#include "arrow_message.h"

struct scalar {
	const char *name, *format, *extension, *metadata;
	const char *type, *arguments; /* arguments: of the signature, numbers only */
	int64_t number;		      /* the value's low bytes, as many as number_size … */
	unsigned number_size;
	const char *hex; /* … or all of them in hex */
	const char *zone;
	bool old;	   /* a client without parametric types */
	const char *json;  /* NULL = the value is refused … */
	const char *error; /* … with this */
};

#define BOOL8 "c", "arrow.bool8", ""
#define P(format) format, NULL, NULL
#define UNBOUNDED "2147483647"

/* clang-format off */
static const struct scalar scalars[] = {
	{ "bool8 true", BOOL8, "boolean", "", 1, 1, .json = "true" },
	{ "bool8 false", BOOL8, "boolean", "", 0, 1, .json = "false" },
	{ "bool bit", P("b"), "boolean", "", 1, 1, .json = "true" },
	{ "tinyint", P("c"), "tinyint", "", -128, 1, .json = "-128" },
	{ "smallint", P("s"), "smallint", "", INT16_MIN, 2, .json = "-32768" },
	{ "integer", P("i"), "integer", "", INT32_MIN, 4, .json = "-2147483648" },
	{ "bigint", P("l"), "bigint", "", INT64_MIN, 8, .json = "-9223372036854775808" },
	{ "utinyint", P("C"), "smallint", "", 255, 1, .json = "255" },
	{ "usmallint", P("S"), "integer", "", 65535, 2, .json = "65535" },
	{ "uinteger", P("I"), "bigint", "", 4294967295, 4, .json = "4294967295" },
	{ "ubigint", P("L"), "decimal(20, 0)", "20,0", -1, 8, .json = "\"18446744073709551615\"" },
	{ "hugeint", "w:16", OPAQUE("hugeint"), "decimal(38, 0)", "38,0", .hex = "ffffffff3f228a097ac4865aa84c3b4b",
	  .json = "\"99999999999999999999999999999999999999\"" },
	{ "hugeint lowest of 38 digits", "w:16", OPAQUE("hugeint"), "decimal(38, 0)", "38,0",
	  .hex = "01000000c0dd75f6853b79a557b3c4b4", .json = "\"-99999999999999999999999999999999999999\"" },
	{ "hugeint of 39 digits", "w:16", OPAQUE("hugeint"), "decimal(38, 0)", "38,0",
	  .hex = "00000000c0dd75f6853b79a557b3c4b4", .error = "39 digits" },
	{ "hugeint min", "w:16", OPAQUE("hugeint"), "decimal(38, 0)", "38,0",
	  .hex = "00000000000000000000000000000080", .error = "39 digits" },
	{ "uhugeint", "w:16", OPAQUE("uhugeint"), "decimal(38, 0)", "38,0", .hex = "07000000000000000000000000000000",
	  .json = "\"7\"" },
	{ "uhugeint max", "w:16", OPAQUE("uhugeint"), "decimal(38, 0)", "38,0",
	  .hex = "ffffffffffffffffffffffffffffffff", .error = "39 digits" },
	{ "bignum", "z", OPAQUE("bignum"), "varchar", UNBOUNDED, .hex = "7ffffdfeff", .json = "\"-256\"" },
	{ "decimal(10,2)", P("d:10,2,128"), "decimal(10, 2)", "10,2", .hex = "6e000000000000000000000000000000",
	  .json = "\"1.10\"" },
	{ "decimal zero in front", P("d:3,1,64"), "decimal(3, 1)", "3,1", -5, 8, .json = "\"-0.5\"" },
	{ "decimal zero", P("d:38,38,128"), "decimal(38, 38)", "38,38", .hex = "00000000000000000000000000000000",
	  .json = "\"0.00000000000000000000000000000000000000\"" },
	{ "decimal 32", P("d:9,0,32"), "decimal(9, 0)", "9,0", 7, 4, .json = "\"7\"" },
	{ "varchar", P("u"), "varchar", UNBOUNDED, .hex = "68c3a9f09f9880", .json = "\"h\xc3\xa9\xf0\x9f\x98\x80\"" },
	{ "varchar large", P("U"), "varchar", UNBOUNDED, .hex = "6162", .json = "\"ab\"" },
	{ "varchar empty", P("u"), "varchar", UNBOUNDED, .hex = "", .json = "\"\"" },
	{ "varchar controls", P("u"), "varchar", UNBOUNDED, .hex = "011f00080908097f0a0c0d225c2f3c3e26e280a8",
	  .json = "\"\\u0001\\u001F\\u0000\\b\\t\\b\\t\x7f\\n\\f\\r\\\"\\\\/<>&\xe2\x80\xa8\"" },
	{ "varchar not UTF-8", P("u"), "varchar", UNBOUNDED, .hex = "61ff", .error = "not UTF-8 at byte 1" },
	{ "json", "u", "arrow.json", "", "json", "", .hex = "7b2261223a327d", .json = "\"{\\\"a\\\":2}\"" },
	{ "blob", P("z"), "varbinary", "", .hex = "0001ff", .json = "\"AAH/\"" },
	{ "blob of one", P("z"), "varbinary", "", .hex = "fb", .json = "\"+w==\"" },
	{ "blob of two", P("z"), "varbinary", "", .hex = "fbff", .json = "\"+/8=\"" },
	{ "blob of four", P("w:4"), "varbinary", "", .hex = "00010203", .json = "\"AAECAw==\"" },
	{ "blob empty", P("z"), "varbinary", "", .hex = "", .json = "\"\"" },
	{ "geometry", "z", "geoarrow.wkb", "{}", "varbinary", "", .hex = "0107", .json = "\"AQc=\"" },
	{ "bit", "z", OPAQUE("bit"), "varchar", UNBOUNDED, .hex = "07ff55", .json = "\"101010101\"" },
	{ "uuid", "w:16", "arrow.uuid", "", "uuid", "", .hex = "000102030405060708090a0b0c0d0e0f",
	  .json = "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"" },

	{ "date", P("tdD"), "date", "", 18321, 4, .json = "\"2020-02-29\"" },
	{ "date BC", P("tdD"), "date", "", -735160, 4, .json = "\"-0043-03-15\"" },
	{ "date year 0", P("tdD"), "date", "", -719528, 4, .json = "\"0000-01-01\"" },
	{ "date year 10000", P("tdD"), "date", "", 2932897, 4, .json = "\"+10000-01-01\"" },
	{ "date first", P("tdD"), "date", "", INT32_MIN, 4, .json = "\"-5877641-06-23\"" },
	{ "date infinity", P("tdD"), "date", "", INT32_MAX, 4, .error = "infinite date" },
	{ "date -infinity", P("tdD"), "date", "", -INT32_MAX, 4, .error = "infinite date" },
	{ "time", P("ttu"), "time(6)", "6", 43200500000, 8, .json = "\"12:00:00.500000\"" },
	{ "time in s", P("tts"), "time(0)", "0", 1, 4, .json = "\"00:00:01\"" },
	{ "time in s, old", P("tts"), "time", "", 1, 4, .old = true, .json = "\"00:00:01.000\"" },
	{ "time in ms", P("ttm"), "time(3)", "3", 1001, 4, .json = "\"00:00:01.001\"" },
	{ "time in ns", P("ttn"), "time(9)", "9", 43200123456789, 8, .json = "\"12:00:00.123456789\"" },
	{ "time, old", P("ttu"), "time", "", 43200500500, 8, .old = true, .json = "\"12:00:00.501\"" },
	{ "time over midnight, old", P("ttu"), "time", "", 86399999999, 8, .old = true, .json = "\"00:00:00.000\"" },
	{ "time 24:00", P("ttu"), "time(6)", "6", 86400000000, 8, .error = "24:00" },
	{ "time 24:00, old", P("ttu"), "time", "", 86400000000, 8, .old = true, .error = "24:00" },
	{ "time beyond", P("ttu"), "time(6)", "6", 86400000001, 8, .error = "beyond 24 hours" },
	{ "time negative", P("ttu"), "time(6)", "6", -1, 8, .error = "beyond 24 hours" },
	{ "timetz", "w:8", OPAQUE("time_tz"), "time(6) with time zone", "6", .hex = "dfc40000b0eb0e0a",
	  .json = "\"12:00:00.000000+02:00\"" },
	{ "timetz, old", "w:8", OPAQUE("time_tz"), "time with time zone", "", .hex = "dfc40000b0eb0e0a", .old = true,
	  .json = "\"12:00:00.000+02:00\"" },
	{ "timetz -14:00", "w:8", OPAQUE("time_tz"), "time(6) with time zone", "6", .hex = "dfa50100b0eb0e0a",
	  .json = "\"12:00:00.000000-14:00\"" },
	{ "timetz -14:01", "w:8", OPAQUE("time_tz"), "time(6) with time zone", "6", .hex = "1ba60100b0eb0e0a",
	  .error = "14 hours" },
	{ "timetz with seconds", "w:8", OPAQUE("time_tz"), "time(6) with time zone", "6", .hex = "e0c40000b0eb0e0a",
	  .error = "whole minutes" },
	{ "timestamp_s", P("tss:"), "timestamp(0)", "0", 1577836800, 8, .json = "\"2020-01-01 00:00:00\"" },
	{ "timestamp_s, old", P("tss:"), "timestamp", "", 1577836800, 8, .old = true,
	  .json = "\"2020-01-01 00:00:00.000\"" },
	{ "timestamp_s beyond", P("tss:"), "timestamp(0)", "0", INT64_MAX - 1, 8, .error = "out of range" },
	{ "timestamp_ms", P("tsm:"), "timestamp(3)", "3", -1, 8, .json = "\"1969-12-31 23:59:59.999\"" },
	{ "timestamp", P("tsu:"), "timestamp(6)", "6", 1577836800123456, 8, .json = "\"2020-01-01 00:00:00.123456\"" },
	{ "timestamp year -1", P("tsu:"), "timestamp(6)", "6", -62198755200000000, 8,
	  .json = "\"-0001-01-01 00:00:00.000000\"" },
	{ "timestamp year 12345", P("tss:"), "timestamp(0)", "0", 327403382400, 8, .json = "\"+12345-01-01 00:00:00\"" },
	{ "timestamp rounded up", P("tsu:"), "timestamp", "", 1577836800123500, 8, .old = true,
	  .json = "\"2020-01-01 00:00:00.124\"" },
	{ "timestamp rounded down", P("tsu:"), "timestamp", "", 1577836800123499, 8, .old = true,
	  .json = "\"2020-01-01 00:00:00.123\"" },
	{ "timestamp before 1970 rounded up", P("tsu:"), "timestamp", "", -500, 8, .old = true,
	  .json = "\"1970-01-01 00:00:00.000\"" },
	{ "timestamp before 1970 rounded half up", P("tsu:"), "timestamp", "", -1500, 8, .old = true,
	  .json = "\"1969-12-31 23:59:59.999\"" },
	{ "timestamp before 1970 rounded down", P("tsu:"), "timestamp", "", -1510, 8, .old = true,
	  .json = "\"1969-12-31 23:59:59.998\"" },
	{ "timestamp lowest", P("tsu:"), "timestamp(6)", "6", INT64_MIN, 8, .json = "\"-290308-12-21 19:59:05.224192\"" },
	{ "timestamp infinity", P("tsu:"), "timestamp(6)", "6", INT64_MAX, 8, .error = "infinite timestamp" },
	{ "timestamp -infinity", P("tsu:"), "timestamp(6)", "6", -INT64_MAX, 8, .error = "infinite timestamp" },
	{ "timestamp_ns", P("tsn:"), "timestamp(9)", "9", 1577836800123456789, 8,
	  .json = "\"2020-01-01 00:00:00.123456789\"" },
	{ "timestamp_ns, old", P("tsn:"), "timestamp", "", 1577836800123456789, 8, .old = true,
	  .json = "\"2020-01-01 00:00:00.123\"" },
	{ "timestamptz", P("tsu:UTC"), "timestamp(6) with time zone", "6", 1577836800000000, 8,
	  .json = "\"2020-01-01 00:00:00.000000 UTC\"" },
	{ "timestamptz, old", P("tsu:UTC"), "timestamp with time zone", "", 1577836800123456, 8, .zone = "Europe/Paris",
	  .old = true, .json = "\"2020-01-01 01:00:00.123 Europe/Paris\"" },
	{ "timestamptz before 1970, old", P("tsu:UTC"), "timestamp with time zone", "", -500, 8, .old = true,
	  .json = "\"1970-01-01 00:00:00.000 UTC\"" },
	{ "timestamptz of 1890", P("tss:UTC"), "timestamp(0) with time zone", "0", -2524521600, 8,
	  .zone = "Europe/Paris", .json = "\"1890-01-01 00:09:21 Europe/Paris\"" },
	{ "timestamptz in Etc/UTC", P("tss:UTC"), "timestamp(0) with time zone", "0", 0, 8, .zone = "Etc/UTC",
	  .json = "\"1970-01-01 00:00:00 UTC\"" },
	{ "timestamptz in GMT", P("tss:UTC"), "timestamp(0) with time zone", "0", 0, 8, .zone = "GMT",
	  .json = "\"1970-01-01 00:00:00 UTC\"" },
	{ "timestamptz at +05:30", P("tss:UTC"), "timestamp(0) with time zone", "0", 1593561600, 8,
	  .zone = "INTERVAL '+05:30'", .json = "\"2020-07-01 05:30:00 +05:30\"" },
	{ "timestamptz at -00:30", P("tss:UTC"), "timestamp(0) with time zone", "0", 1593561600, 8,
	  .zone = "INTERVAL '-00:30'", .json = "\"2020-06-30 23:30:00 -00:30\"" },
	{ "timestamptz in Etc/GMT+5", P("tss:UTC"), "timestamp(0) with time zone", "0", 0, 8, .zone = "Etc/GMT+5",
	  .json = "\"1969-12-31 19:00:00 -05:00\"" },
	{ "timestamptz at +00:00", P("tss:UTC"), "timestamp(0) with time zone", "0", 1593561600, 8,
	  .zone = "INTERVAL '+00:00'", .json = "\"2020-07-01 00:00:00 UTC\"" },
	{ "timestamptz over the end", P("tss:UTC"), "timestamp(0) with time zone", "0", INT64_MAX - 1, 8, .zone = "5",
	  .error = "out of range" },
	{ "interval", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "0000000001000000c02b7e5ab7060000",
	  .json = "\"1 02:03:04.567\"" },
	{ "interval zero", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "00000000000000000000000000000000",
	  .json = "\"0 00:00:00.000\"" },
	{ "interval -1 ms", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "0000000000000000c0bdf0ffffffffff",
	  .json = "\"-0 00:00:00.001\"" },
	{ "interval of two signs", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "0000000001000000c0bdf0ffffffffff",
	  .json = "\"0 23:59:59.999\"" },
	{ "interval lowest", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "00000000000000800000000000000000",
	  .json = "\"-2147483648 00:00:00.000\"" },
	{ "interval of a month", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "01000000000000000000000000000000",
	  .error = "months" },
	{ "interval too fine", P("tin"), "INTERVAL DAY TO SECOND", "", .hex = "0000000000000000e803000000000000",
	  .error = "millisecond" },
	{ "untyped NULL", P("n"), "unknown", "", .hex = "", .json = "null" },
};

static const struct {
	uint64_t bits;
	const char *json;
} doubles[] = {
	{ 0x0000000000000000, "0.0" },			  { 0x8000000000000000, "-0.0" },
	{ 0x3ff0000000000000, "1.0" },			  { 0x416312cfe0000000, "9999999.0" },
	{ 0x416312d000000000, "1.0E7" },		  { 0x3f50624dd2f1a9fc, "0.001" },
	{ 0x3f60624dd2f1a9fc, "0.002" },		  { 0x3f1a36e2eb1c432d, "1.0E-4" },
	{ 0x44b52d02c7e14af6, "1.0E23" },		  { 0x0000000000000001, "4.9E-324" },
	{ 0x0000000000000002, "9.9E-324" },		  { 0x0000000000000003, "1.5E-323" },
	{ 0x0000000000000004, "2.0E-323" },		  { 0x7fefffffffffffff, "1.7976931348623157E308" },
	{ 0x0010000000000000, "2.2250738585072014E-308" }, { 0x3fb999999999999a, "0.1" },
	{ 0x3fd5555555555555, "0.3333333333333333" },	  { 0x40fe240c9fbe76c9, "123456.789" },
	{ 0x4480f0cf064dd592, "1.0E22" },		  { 0x4340000000000000, "9.007199254740992E15" },
	{ 0x44c52d02c7e14af6, "2.0E23" },		  { 0x447c7e83209e90b2, "8.41E21" },
	{ 0x3e60000000000000, "2.9802322387695312E-8" },  { 0x3eb0000000000000, "9.5367431640625E-7" },
	{ 0x7ff8000000000000, "\"NaN\"" },		  { 0xfff8000000000000, "\"NaN\"" },
	{ 0x7ff0000000000000, "\"Infinity\"" },		  { 0xfff0000000000000, "\"-Infinity\"" },
	{ 0xc05edd2f1a9fbe77, "-123.456" },		  { 0x4059000000000000, "100.0" },
};

static const struct {
	uint32_t bits;
	const char *json;
} reals[] = {
	{ 0x00000000, "0.0" },		{ 0x80000000, "-0.0" },		  { 0x3f800000, "1.0" },
	{ 0x4b189680, "1.0E7" },	{ 0x4b18967f, "9999999.0" },	  { 0x3a83126f, "0.001" },
	{ 0x38d1b717, "1.0E-4" },	{ 0x65a96816, "1.0E23" },	  { 0x00000001, "1.4E-45" },
	{ 0x00000002, "2.8E-45" },	{ 0x00000003, "4.2E-45" },	  { 0x00000007, "9.8E-45" },
	{ 0x00000008, "1.1E-44" },	{ 0x7f7fffff, "3.4028235E38" },	  { 0x00800000, "1.1754944E-38" },
	{ 0x3dcccccd, "0.1" },		{ 0x3eaaaaab, "0.33333334" },	  { 0x47f12065, "123456.79" },
	{ 0x4b800000, "1.6777216E7" },	{ 0x4c000000, "3.3554432E7" },	  { 0x33000000, "2.9802322E-8" },
	{ 0x50000000, "8.589935E9" },	{ 0x7fc00000, "\"NaN\"" },	  { 0xff800000, "\"-Infinity\"" },
};
/* clang-format on */

static void add_argument(struct qf_buf *b, struct qf_slice number)
{
	qf_buf_add_str(b, "{\"kind\":\"LONG\",\"value\":");
	qf_buf_add_slice(b, number);
	qf_buf_u8(b, '}');
}

/* The signature has the type's name without brackets, in small letters. */
static void want_column(struct qf_buf *b, const struct scalar *c)
{
	bool bracket = false;

	qf_buf_printf(b, "[{\"name\":\"x\",\"type\":\"%s\",\"typeSignature\":{\"rawType\":\"", c->type);
	for (const char *p = c->type; *p; p++) {
		bracket = bracket || *p == '(';
		if (!bracket)
			qf_buf_u8(b, (uint8_t)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
		bracket = bracket && *p != ')';
	}
	qf_buf_add_str(b, "\",\"arguments\":[");
	for (const char *p = c->arguments; *p; p += strspn(p, ",")) {
		size_t n = strcspn(p, ",");

		if (p > c->arguments)
			qf_buf_u8(b, ',');
		add_argument(b, qf_slice(p, n));
		p += n;
	}
	qf_buf_add_str(b, "]}}]");
}

static void check_columns(const char *name, struct qf_rowset *rs, const struct qf_trino_style *st, const char *want)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out;

	qf_buf_init(&out);
	if (qf_rowset_trino_columns(rs, st, &out, &err) != 0 || strcmp(qf_buf_cstr(&out), want) != 0)
		fail_msg("%s: %s (%s)\nwanted %s", name, qf_buf_cstr(&out), err.text, want);
	qf_buf_fini(&out);
}

/* Nothing else may come out when there is an error, and what was there stays. */
static void check_row(const char *name, struct qf_rowset *rs, uint64_t row, const struct qf_trino_style *st,
		      const char *json, const char *error)
{
	struct qf_err err = { .text = "" };
	struct qf_buf out, want;

	qf_buf_init(&out);
	qf_buf_init(&want);
	qf_buf_add_str(&out, "before");
	if (error)
		qf_buf_add_str(&want, "before");
	else
		qf_buf_printf(&want, "before[%s]", json);
	int r = qf_rowset_trino_row(rs, row, st, &out, &err);

	if (error && (r == 0 || !strstr(err.text, error) || !strstr(err.text, "column \"x\", row ")))
		fail_msg("%s: %d \"%s\", wanted an error with \"%s\"", name, r, err.text, error);
	if ((!error && r != 0) || strcmp(qf_buf_cstr(&out), qf_buf_cstr(&want)) != 0)
		fail_msg("%s: %s (%s), wanted %s", name, qf_buf_cstr(&out), err.text, qf_buf_cstr(&want));
	qf_buf_fini(&out);
	qf_buf_fini(&want);
}

static struct qf_rowset *one_value(struct message *m, const char *format, const char *extension, const char *metadata,
				   struct qf_slice value)
{
	struct ArrowSchema s;

	schema_init(&s, "x");
	assert_int_equal(ArrowSchemaSetFormat(s.children[0], format), 0);
	if (extension)
		schema_extension(s.children[0], extension, metadata);
	encode_value(m, &s, value);
	struct qf_rowset *rs = open_rowset(m);

	assert_int_equal(load_batch(rs, m), 1);
	return rs;
}

static void check_scalar(const struct scalar *c)
{
	struct qf_trino_style st = { .parametric_datetime = !c->old };
	struct qf_tz *tz = NULL;
	struct message m;
	struct qf_buf want;
	uint8_t bytes[64];

	memcpy(bytes, &c->number, sizeof(c->number));
	struct qf_rowset *rs = one_value(&m, c->format, c->extension, c->metadata,
					 c->hex ? unhex(c->hex, bytes) : qf_slice(bytes, c->number_size));

	if (c->zone)
		assert_int_equal(qf_tz_open(&tz, c->zone, NULL), 0);
	st.tz = tz;
	qf_buf_init(&want);
	want_column(&want, c);
	check_columns(c->name, rs, &st, qf_buf_cstr(&want));
	check_row(c->name, rs, 0, &st, c->json, c->error);
	qf_buf_fini(&want);
	qf_rowset_free(rs);
	qf_tz_free(tz);
	message_fini(&m);
}

static void scalars_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
		check_scalar(&scalars[i]);
}

static void check_real(const char *format, const void *bits, size_t size, const char *json)
{
	static const struct qf_trino_style st = { .parametric_datetime = true };
	struct message m;
	struct qf_rowset *rs = one_value(&m, format, NULL, NULL, qf_slice(bits, size));

	check_row(json, rs, 0, &st, json, NULL);
	qf_rowset_free(rs);
	message_fini(&m);
}

static void reals_print_as_java_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		check_real("g", &doubles[i].bits, 8, doubles[i].json);
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
		check_real("f", &reals[i].bits, 4, reals[i].json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_print),
		cmocka_unit_test(reals_print_as_java_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
