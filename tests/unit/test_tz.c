/*
 * Time zones: names, rules, files. The offsets are those that PostgreSQL 15 prints with tzdata; the files are made
 * here, so that the test needs none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lib/types/tzfile.h"
#include "qf/types.h"

static void put(struct qf_buf *b, const char *name_and_version, uint32_t times, uint32_t types)
{
	qf_buf_add(b, name_and_version, 5);
	for (int i = 0; i < 15; i++)
		qf_buf_u8(b, 0);
	qf_buf_u32(b, 0);
	qf_buf_u32(b, 0);
	qf_buf_u32(b, 0);
	qf_buf_u32(b, times);
	qf_buf_u32(b, types);
	qf_buf_u32(b, 4);
}

static void put_types(struct qf_buf *b, size_t n, const int32_t *offsets)
{
	for (size_t i = 0; i < n; i++) {
		qf_buf_u32(b, (uint32_t)offsets[i]);
		qf_buf_u16(b, 0);
	}
	qf_buf_add(b, "XXX", 4);
}

/* A version 2 file: local time 0:20 ahead, from 1900 on 1:00, from 2000 on 2:00, then by the rule. */
static void make_file(struct qf_buf *b, const char *rule)
{
	static const int32_t offsets[] = { 1200, 3600, 7200 };
	static const int64_t times[] = { -2208988800, 946684800 };

	qf_buf_init(b);
	put(b, "TZif2", 0, 1);
	put_types(b, 1, offsets);
	put(b, "TZif2", 2, 3);
	qf_buf_u64(b, (uint64_t)times[0]);
	qf_buf_u64(b, (uint64_t)times[1]);
	qf_buf_u8(b, 1);
	qf_buf_u8(b, 2);
	put_types(b, 3, offsets);
	qf_buf_printf(b, "\n%s\n", rule);
}

static void files_are_read(void **state)
{
	static const struct {
		const char *rule;
		int64_t at;
		int32_t offset;
	} cases[] = {
		{ "", INT64_MIN, 1200 },
		{ "", -2208988801, 1200 },
		{ "", -2208988800, 3600 },
		{ "", 946684799, 3600 },
		{ "", 946684800, 7200 },
		{ "", INT64_MAX, 7200 },
		{ "<+03>-3", 946684799, 3600 },
		{ "<+03>-3", 946684800, 10800 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1711846799, 3600 }, /* 2024-03-31 01:00 UTC */
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1711846800, 7200 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1729990800, 3600 }, /* 2024-10-27 01:00 UTC */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_tz_table t;
		struct qf_err err = { .text = "" };
		struct qf_buf b;

		make_file(&b, cases[i].rule);
		if (qf_tz_table_parse(&t, qf_buf_slice(&b), &err) != 0)
			fail_msg("%s: %s", cases[i].rule, err.text);
		if (qf_tz_table_offset(&t, cases[i].at) != cases[i].offset)
			fail_msg("%zu: %d", i, qf_tz_table_offset(&t, cases[i].at));
		qf_tz_table_fini(&t);
		qf_buf_fini(&b);
	}
}

static void version_1_has_32_bits(void **state)
{
	static const int32_t offsets[] = { -3600, -7200 };
	struct qf_tz_table t;
	struct qf_buf b;

	(void)state;
	qf_buf_init(&b);
	put(&b, "TZif\0", 1, 2);
	qf_buf_u32(&b, (uint32_t)-1000);
	qf_buf_u8(&b, 1);
	put_types(&b, 2, offsets);
	assert_int_equal(qf_tz_table_parse(&t, qf_buf_slice(&b), NULL), 0);
	assert_int_equal(qf_tz_table_offset(&t, -1001), -3600);
	assert_int_equal(qf_tz_table_offset(&t, -1000), -7200);
	qf_tz_table_fini(&t);
	qf_buf_fini(&b);
}

static void broken_files_are_refused(void **state)
{
	struct qf_tz_table t;
	struct qf_buf b;

	(void)state;
	make_file(&b, "CET-1");
	for (size_t n = 0; n < b.n; n++)
		assert_true(qf_tz_table_parse(&t, qf_slice(b.p, n), NULL) < 0);
	/* v1: header 44, one type 6, designations 4; v2: header 44, two times 16, two indices, then the types */
	const struct {
		const char *name;
		size_t at;
		uint8_t byte;
	} changes[] = {
		{ "magic", 0, 'X' },		  { "second magic", 54, 'X' }, { "too many times", 54 + 32, 0xff },
		{ "no types", 54 + 39, 0 },	  { "times that fall", 98, 0x7f }, { "an index beyond", 98 + 16, 3 },
		{ "an offset of years", 116, 0x7f }, { "leap seconds", 54 + 31, 1 }, { "a bad rule", b.n - 3, '!' },
		{ "no newline", b.n - 7, ' ' },
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t was = b.p[changes[i].at];

		b.p[changes[i].at] = changes[i].byte;
		if (qf_tz_table_parse(&t, qf_buf_slice(&b), NULL) == 0)
			fail_msg("%s: not refused", changes[i].name);
		b.p[changes[i].at] = was;
	}
	assert_int_equal(qf_tz_table_parse(&t, qf_buf_slice(&b), NULL), 0);
	qf_tz_table_fini(&t);
	qf_buf_fini(&b);
}

static void rules_are_parsed(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		int64_t at;
		int32_t offset;
	} cases[] = {
		{ "UTC0", true, 0, 0 },
		{ "<+0530>-5:30", true, 0, 19800 },
		{ "+05:30", true, 0, -19800 },
		{ "EST5EDT", true, 1710054000, -14400 }, /* 2024-03-10 07:00 UTC */
		{ "EST5EDT", true, 1710053999, -18000 },
		{ "EST5EDT4,M3.2.0/2,M11.1.0/2", true, 1730613599, -14400 }, /* 2024-11-03 06:00 UTC */
		{ "EST5EDT4,M3.2.0/2,M11.1.0/2", true, 1730613600, -18000 },
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", true, 1704067200, 39600 }, /* January is summer */
		{ "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", true, 1711846800, -7200 },
		{ "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", true, 1711846799 - 3600, -10800 },
		{ "IST-2IDT,M3.4.4/26,M10.5.0", true, 1711670400, 10800 }, /* 2024-03-29 00:00 UTC */
		{ "IST-2IDT,M3.4.4/26,M10.5.0", true, 1711670399, 7200 },
		{ "XXX3EDT4,0/0,J365/23", true, 1704067200, -14400 }, /* daylight saving time all year */
		{ "AAA3BBB,J60/2,J300", true, 1709269200, -7200 }, /* J60 is 1 March in a leap year too */
		{ "AAA3BBB,J60/2,J300", true, 1709269199, -10800 },
		{ "AAA3BBB,59/2,300", true, 1709182800, -7200 }, /* 59 is 29 February in one */
		{ "CET-1CEST,M3.5.0,M10.5.0/3", true, 1711846800 + 12622780800 * 30, 7200 }, /* 12,000 years later */
		{ "", false, 0, 0 },
		{ "CET", false, 0, 0 },
		{ "CET-", false, 0, 0 },
		{ "CET-168", false, 0, 0 },
		{ "CET-1:60", false, 0, 0 },
		{ "CET-1CEST,", false, 0, 0 },
		{ "CET-1CEST,M3.5.0", false, 0, 0 },
		{ "CET-1CEST,M13.5.0,M10.5.0", false, 0, 0 },
		{ "CET-1CEST,M3.6.0,M10.5.0", false, 0, 0 },
		{ "CET-1CEST,M3.5.7,M10.5.0", false, 0, 0 },
		{ "CET-1CEST,J0,J1", false, 0, 0 },
		{ "CET-1CEST,366,1", false, 0, 0 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3x", false, 0, 0 },
		{ "<CET-1", false, 0, 0 },
		{ "CET-99999999999", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_tz_rule r;

		if (qf_tz_rule_parse(&r, qf_slice_str(cases[i].text)) != cases[i].valid)
			fail_msg("\"%s\"", cases[i].text);
		if (cases[i].valid && qf_tz_rule_offset(&r, cases[i].at) != cases[i].offset)
			fail_msg("\"%s\" at %lld: %d", cases[i].text, (long long)cases[i].at,
				 qf_tz_rule_offset(&r, cases[i].at));
	}
}

/* A directory of zones for $TZDIR, and what is beside it. */
struct zones {
	char dir[64], path[5][128];
};

static void write_file(const char *path, struct qf_slice content)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
	assert_int_equal(fclose(f), 0);
}

static void zones_make(struct zones *z)
{
	static const char *const names[] = { "Test", "Test/Zone_A", "text", "Test/fifo", "outside" };
	struct qf_buf b;

	strcpy(z->dir, "/tmp/qf-test-tz-XXXXXX");
	assert_non_null(mkdtemp(z->dir));
	for (size_t i = 0; i < 5; i++)
		snprintf(z->path[i], sizeof(z->path[i]), "%s/%s", z->dir, names[i]);
	assert_int_equal(mkdir(z->path[0], 0700), 0);
	make_file(&b, "CET-1CEST,M3.5.0,M10.5.0/3");
	write_file(z->path[1], qf_buf_slice(&b));
	write_file(z->path[2], qf_slice_str("root:x:0:0"));
	assert_int_equal(mkfifo(z->path[3], 0600), 0);
	write_file(z->path[4], qf_buf_slice(&b));
	qf_buf_fini(&b);
	assert_int_equal(setenv("TZDIR", z->dir, 1), 0);
}

static void zones_remove(struct zones *z)
{
	for (size_t i = 5; i-- > 0;)
		assert_int_equal(remove(z->path[i]), 0);
	assert_int_equal(rmdir(z->dir), 0);
	unsetenv("TZDIR");
}

static void names_are_postgresqls(void **state)
{
	static const struct {
		const char *name, *canonical; /* NULL = refused */
		int32_t offset;		      /* at 2024-07-01 */
	} cases[] = {
		{ "UTC", "UTC", 0 },
		{ "utc", "UTC", 0 },
		{ "gmt", "GMT", 0 },
		{ "etc/utc", "Etc/UTC", 0 },
		{ "5", "<+05>-05", 18000 },
		{ "+02", "<+02>-02", 7200 },
		{ "-3.5", "<-03:30>+03:30", -12600 },
		{ "0", "<+00>-00", 0 },
		{ "1e1", "<+10>-10", 36000 },
		{ "+05:30", "+05:30", -19800 }, /* POSIX: west */
		{ "foo+5", "FOO+5", -18000 },
		{ "INTERVAL '-08:00' HOUR TO MINUTE", "<-08>+08", -28800 },
		{ "interval '+05:30'", "<+05:30>-05:30", 19800 },
		{ "EST5EDT,M3.2.0,M11.1.0", "EST5EDT,M3.2.0,M11.1.0", -14400 },
		{ "Test/Zone_A", "Test/Zone_A", 7200 },
		{ "test/zone_a", "Test/Zone_A", 7200 },
		{ "", NULL, 0 },
		{ "Z", NULL, 0 },
		{ "168", NULL, 0 },
		{ "nan", NULL, 0 },
		{ "inf", NULL, 0 },
		{ "Test", NULL, 0 },
		{ "Test/", NULL, 0 },
		{ "/Test/Zone_A", NULL, 0 },
		{ "Test//Zone_A", NULL, 0 },
		{ "Test/../Test/Zone_A", NULL, 0 },
		{ "../outside", NULL, 0 },
		{ "Test/fifo", NULL, 0 },
		{ "text", NULL, 0 },
		{ "Test/Zone_B", NULL, 0 },
		{ "interval '5'", NULL, 0 },
		{ "interval '1:00", NULL, 0 },
		{ "interval '1:00';drop", NULL, 0 },
	};
	char longest[300];
	struct zones z;
	struct qf_tz *tz;

	(void)state;
	zones_make(&z);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_err err = { .text = "" };
		int r = qf_tz_open(&tz, cases[i].name, &err);

		if ((r == 0) != (cases[i].canonical != NULL) || (r < 0 && !err.text[0]))
			fail_msg("\"%s\": %d %s", cases[i].name, r, err.text);
		if (r < 0)
			continue;
		assert_string_equal(qf_tz_name(tz), cases[i].canonical);
		if (qf_tz_offset(tz, 1719792000) != cases[i].offset)
			fail_msg("\"%s\": %d", cases[i].name, qf_tz_offset(tz, 1719792000));
		tz = qf_tz_free(tz);
		assert_null(tz);
	}
	memset(longest, 'A', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(qf_tz_open(&tz, longest, NULL), -EINVAL);
	assert_null(qf_tz_free(NULL));
	zones_remove(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(version_1_has_32_bits),
		cmocka_unit_test(broken_files_are_refused),
		cmocka_unit_test(rules_are_parsed),
		cmocka_unit_test(names_are_postgresqls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
