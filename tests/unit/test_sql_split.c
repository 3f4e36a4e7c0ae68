/* Where statements end, in whole text and in a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/sql.h"

#define N(v) (sizeof(v) / sizeof((v)[0]))

/* Writes each statement as line:offset[text], with ; when terminated, e when empty, {comment} before it. */
static void write_statements(struct qf_buf *b, struct qf_slice text, enum qf_dialect d)
{
	struct qf_splitter sp = qf_splitter(text, d);
	struct qf_statement st;

	qf_buf_clear(b);
	while (qf_split_next(&sp, &st)) {
		qf_buf_printf(b, "%s%u:%zu", b->n ? " " : "", st.line, st.offset);
		if (st.comment.n)
			qf_buf_printf(b, "{%.*s}", (int)st.comment.n, (const char *)st.comment.p);
		qf_buf_printf(b, "[%.*s]%s%s", (int)st.text.n, (const char *)st.text.p, st.empty ? "e" : "",
			st.terminated ? ";" : "");
	}
}

static const struct {
	enum qf_dialect d;
	const char *text, *statements;
} cases[] = {
	{ QF_DIALECT_POSTGRES, "", "" },
	{ QF_DIALECT_POSTGRES, " \n\t ", "" },
	{ QF_DIALECT_POSTGRES, "select 1", "1:0[select 1]" },
	{ QF_DIALECT_POSTGRES, "select 1;", "1:0[select 1];" },
	{ QF_DIALECT_POSTGRES, " select 1 ; select 2 ", "1:1[select 1]; 1:12[select 2]" },
	{ QF_DIALECT_POSTGRES, ";;a;", "1:0[]e; 1:1[]e; 1:2[a];" },
	{ QF_DIALECT_POSTGRES, "-- c\n\n/* d */ select 1 -- e\n;\n-- f\n",
		"3:0{-- c\n\n/* d */}[-- c\n\n/* d */ select 1 -- e]; 5:30{-- f}[-- f]e" },
	{ QF_DIALECT_POSTGRES, "/* a */;b", "1:0{/* a */}[/* a */]e; 1:8[b]" },
	{ QF_DIALECT_POSTGRES, "select ';', \";\", $$;$$, $x$;$x$ /*;*/ --;\n;a",
		"1:0[select ';', \";\", $$;$$, $x$;$x$ /*;*/ --;]; 2:43[a]" },
	{ QF_DIALECT_POSTGRES, "create rule r as on insert to t do (a; b); c",
		"1:0[create rule r as on insert to t do (a; b)]; 1:43[c]" },
	{ QF_DIALECT_POSTGRES, "select ); a; (", "1:0[select )]; 1:10[a]; 1:13[(]" },
	{ QF_DIALECT_POSTGRES, "create function f() returns int begin atomic select 1; select case when a then "
		"2 end; end; b",
		"1:0[create function f() returns int begin atomic select 1; select case when a then 2 end; "
			"end]; 1:91[b]" },
	{ QF_DIALECT_POSTGRES, "Create Or Replace Procedure p() Begin Atomic a; End; b",
		"1:0[Create Or Replace Procedure p() Begin Atomic a; End]; 1:53[b]" },
	{ QF_DIALECT_POSTGRES, "create table begin (a int); begin; select case when a then b end; end; c",
		"1:0[create table begin (a int)]; 1:28[begin]; 1:35[select case when a then b end]; 1:66[end]; "
			"1:71[c]" },
	{ QF_DIALECT_POSTGRES, "select 'a; b", "1:0[select 'a; b]" },
	{ QF_DIALECT_POSTGRES, "select (a; b; c", "1:0[select (a; b; c]" },
	{ QF_DIALECT_TRINO, "select (a; b; c", "1:0[select (a]; 1:11[b]; 1:14[c]" },
	{ QF_DIALECT_TRINO, "select 'a\\'; b", "1:0[select 'a\\']; 1:13[b]" },
	{ QF_DIALECT_MYSQL, "select 'a\\'; b", "1:0[select 'a\\'; b]" },
	{ QF_DIALECT_MYSQL, "a # ;\n; b -- ;\n; c --;d", "1:0[a # ;]; 2:8[b -- ;]; 3:17[c --]; 3:22[d]" },
	{ QF_DIALECT_MYSQL, "/*!40101 SET a; */; b", "1:0[/*!40101 SET a; */]; 1:20[b]" },
	{ QF_DIALECT_DUCKDB, "from a;\xc2\xa0\n;from b", "1:0[from a]; 2:10[]e; 2:11[from b]" },
	{ QF_DIALECT_SNOWFLAKE, "select 1 // ;\n; $$;$$", "1:0[select 1 // ;]; 2:16[$$;$$]" },
	{ QF_DIALECT_BIGQUERY, "select '''a;'b''' ; c", "1:0[select '''a;'b''']; 1:20[c]" },
	{ QF_DIALECT_CLICKHOUSE, "select {a:Array(String)}; b", "1:0[select {a:Array(String)}]; 1:26[b]" },
};

static void statements_are_found(void **state)
{
	struct qf_buf b;

	(void)state;
	qf_buf_init(&b);
	for (size_t i = 0; i < N(cases); i++) {
		write_statements(&b, qf_slice_str(cases[i].text), cases[i].d);
		if (strcmp(qf_buf_cstr(&b), cases[i].statements) != 0)
			fail_msg("%s: %s\n  is   %s\n  not  %s", qf_dialect_name(cases[i].d), cases[i].text,
				qf_buf_cstr(&b), cases[i].statements);
	}
	qf_buf_fini(&b);
}

static void a_line_can_be_given(void **state)
{
	struct qf_splitter sp = qf_splitter(qf_slice_str("\n\nselect 1;\nselect 2"), QF_DIALECT_TRINO);
	struct qf_statement st;

	(void)state;
	sp.line = 10;
	assert_true(qf_split_next(&sp, &st));
	assert_int_equal(st.line, 12);
	assert_true(qf_split_next(&sp, &st));
	assert_int_equal(st.line, 13);
	assert_false(qf_split_next(&sp, &st));
	assert_false(qf_split_next(&sp, &st));
}

/* Whatever the size of the pieces, the stream gives the statements of the whole text. */
static void a_stream_is_cut_like_the_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct qf_slice text = qf_slice_str(cases[i].text);
		for (size_t step = 1; step <= text.n; step++) {
			struct qf_split_feed f = qf_split_feed(cases[i].d);
			struct qf_splitter sp = qf_splitter(text, cases[i].d);
			struct qf_statement st;
			size_t from = 0, used;
			for (size_t have = step; have < text.n + step; have += step) {
				size_t end = have < text.n ? have : text.n;
				while (qf_split_feed_ready(&f, qf_slice(text.p + from, end - from), &used)) {
					from += used;
					assert_true(qf_split_next(&sp, &st) && st.terminated);
					assert_int_equal(sp.lx.at, from);
				}
			}
			assert_true(!qf_split_next(&sp, &st) || !st.terminated);
		}
	}
}

static void ready_needs_the_semicolon(void **state)
{
	static const struct {
		const char *text;
		size_t used; /* 0: not ready */
	} ready[] = {
		{ "", 0 }, { "select 1", 0 }, { "select 1;", 9 }, { "select 1; select", 9 }, { "select '", 0 },
		{ "select ';", 0 }, { "select ';'", 0 }, { "select ';';", 11 }, { "/* ; */", 0 }, { "/* ; */ ;", 9 },
		{ "-- ;", 0 }, { ";", 1 },
		{ "select (1;", 0 }, { "select $a;", 10 }, { "select $a$;", 0 },
	};
	size_t used;

	(void)state;
	for (size_t i = 0; i < N(ready); i++) {
		used = 0;
		if (qf_split_ready(qf_slice_str(ready[i].text), QF_DIALECT_POSTGRES, &used) != (ready[i].used > 0) ||
			used != ready[i].used)
			fail_msg("%s: %zu", ready[i].text, used);
	}
}

/* A text that grows by small pieces is looked at once: one literal, name, number or comment of 8 MiB. */
static void a_stream_takes_linear_time(void **state)
{
	static const struct {
		enum qf_dialect d;
		const char *start, *unit;
	} shapes[] = {
		{ QF_DIALECT_POSTGRES, "select '", "a" },      { QF_DIALECT_POSTGRES, "select '", "''" },
		{ QF_DIALECT_POSTGRES, "select $x$", "$x" },   { QF_DIALECT_POSTGRES, "/*", "a*" },
		{ QF_DIALECT_POSTGRES, "select ", "a" },       { QF_DIALECT_POSTGRES, "select ", "1" },
		{ QF_DIALECT_POSTGRES, "select ", "a+" },      { QF_DIALECT_POSTGRES, "select ", "+" },
		{ QF_DIALECT_MYSQL, "select ", "$a" },	       { QF_DIALECT_MYSQL, "select 0x", "ab" },
		{ QF_DIALECT_MYSQL, "select '", "\\'" },       { QF_DIALECT_BIGQUERY, "select '''", "a'" },
		{ QF_DIALECT_ORACLE, "select q'[", "]" },      { QF_DIALECT_POSTGRES, "create rule a (", "b;" },
	};
	enum { SIZE = 8 << 20, STEP = 512 };
	static uint8_t p[SIZE];

	(void)state;
	for (size_t i = 0; i < N(shapes); i++) {
		struct qf_split_feed f = qf_split_feed(shapes[i].d);
		size_t head = strlen(shapes[i].start), unit = strlen(shapes[i].unit), used;
		uint64_t start = qf_mono_ns();
		memcpy(p, shapes[i].start, head);
		for (size_t k = head; k < SIZE; k++)
			p[k] = (uint8_t)shapes[i].unit[(k - head) % unit];
		for (size_t have = STEP; have <= SIZE; have += STEP)
			assert_false(qf_split_feed_ready(&f, qf_slice(p, have), &used));
		if (qf_mono_ns() - start > 20 * QF_SEC)
			fail_msg("%s%s takes too long", shapes[i].start, shapes[i].unit);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_found),
		cmocka_unit_test(a_line_can_be_given),
		cmocka_unit_test(a_stream_is_cut_like_the_text),
		cmocka_unit_test(ready_needs_the_semicolon),
		cmocka_unit_test(a_stream_takes_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
