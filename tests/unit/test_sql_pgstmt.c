/* Cursors and COPY as PostgreSQL reads them: qf/pgstmt.h. What it says to errors is compared in tests/integration/test_pg_copy.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/pgstmt.h"

static void show_cursor(struct qf_slice sql, char *to, size_t size)
{
	struct qf_arena *a = qf_arena_new(0);
	struct qf_pgstmt_error e;
	struct qf_cursor_stmt c;

	if (qf_cursor_parse(sql, QF_DIALECT_POSTGRES, a, &c, &e) < 0)
		snprintf(to, size, "%s %u %s", e.sqlstate, e.position, e.text);
	else
		snprintf(to, size, "%s%s%s%s|%.*s|%d %lld%s", c.name ? c.name : "(all)", c.binary ? " binary" : "",
			c.scroll ? " scroll" : "", c.hold ? " hold" : "", (int)c.query.n, (const char *)c.query.p, c.way,
			(long long)c.count, c.all ? " all" : "");
	qf_arena_free(a);
}

static void test_cursors(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{ "declare C cursor for select 1", "c|select 1|0 0" },
		{ "DECLARE \"A \"\"b\" BINARY SCROLL INSENSITIVE CURSOR WITH HOLD FOR VALUES (1)", "A \"b binary scroll hold|VALUES (1)|0 0" },
		{ "declare c no scroll asensitive cursor without hold for /* x */ select 1", "c|select 1|0 0" },
		{ "fetch c", "c||0 1" }, { "fetch from c", "c||0 1" }, { "fetch next in c", "c||0 1" }, { "fetch next", "next||0 1" },
		{ "fetch prior c", "c||1 1" }, { "fetch first c", "c||2 1" }, { "fetch last c", "c||2 -1" },
		{ "fetch absolute -5 c", "c||2 -5" }, { "fetch relative +5 c", "c||3 5" }, { "fetch 7 c", "c||0 7" },
		{ "fetch -7 c", "c||0 -7" }, { "fetch all c", "c||0 1 all" }, { "move forward all in c", "c||0 1 all" },
		{ "move backward 3 c", "c||1 3" }, { "move backward all c", "c||1 1 all" }, { "close c", "c||0 0" },
		{ "close all", "(all)||0 0" }, { "fetch 2147483648 c", "42601 7 syntax error at or near \"2147483648\"" },
		{ "fetch relative c", "42601 16 syntax error at or near \"c\"" }, { "close", "42601 6 syntax error at end of input" },
		{ "declare ü cursor for update t set a = 1", "42601 22 syntax error at or near \"update\"" },
	};
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[600];

		show_cursor(qf_slice_str(cases[i].sql), got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			wrong += printf("%s\n got %s\nwant %s\n", cases[i].sql, got, cases[i].want);
	}
	assert_int_equal(wrong, 0);
}

static void add_names(char *to, size_t size, const char *what, const struct qf_names *n)
{
	size_t at = strlen(to);

	if (n->n || n->all)
		at += (size_t)snprintf(to + at, size - at, " %s%s", what, n->all ? " *" : "");
	for (size_t i = 0; i < n->n; i++)
		at += (size_t)snprintf(to + at, size - at, " <%s>", n->v[i]);
}

static void show_copy(struct qf_slice sql, char *to, size_t size)
{
	static const char *const kinds[] = { "text", "csv", "binary" }, *const ends[] = { "client", "file", "program" };
	struct qf_arena *a = qf_arena_new(0);
	struct qf_pgstmt_error e;
	struct qf_copy_stmt c;

	if (qf_copy_parse(sql, QF_DIALECT_POSTGRES, a, &c, &e) < 0) {
		snprintf(to, size, "%s %u %s", e.sqlstate, e.position, e.text);
	} else {
		snprintf(to, size, "%s %s [%.*s%.*s] %s %c%c%c '%s' %d%s", c.from ? "from" : "to", ends[c.end], (int)c.query.n,
			(const char *)c.query.p, (int)c.table.n, (const char *)c.table.p, kinds[c.format.kind],
			c.format.delimiter, c.format.quote, c.format.escape, c.format.null, c.format.header,
			c.where ? " where" : "");
		add_names(to, size, "columns", &c.columns);
		add_names(to, size, "quote", &c.format.force_quote);
		add_names(to, size, "null", &c.format.force_null);
		add_names(to, size, "not null", &c.format.force_not_null);
	}
	qf_arena_free(a);
}

static void test_copy(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{ "copy t to stdout", "to client [t] text \t\"\" '\\N' 0" },
		{ "COPY \"S\".t (A, \"b c\") FROM STDIN WITH (FORMAT csv, HEADER match, FORCE_NULL (a), FORCE_NOT_NULL (a, \"b c\"))",
			"from client [\"S\".t] csv ,\"\" '' 2 columns <a> <b c> null <a> not null <a> <b c>" },
		{ "copy (select ')' from (t)) to stdout csv header quote as '''' escape '\\' force quote *",
			"to client [select ')' from (t)] csv ,'\\ '' 1 quote *" },
		{ "copy t from stdin delimiter '|' null as 'x'", "from client [t] text |\"\" 'x' 0" },
		{ "copy binary t to stdin", "to client [t] binary \t\"\" '\\N' 0" },
		{ "copy t to stdout using delimiters ';' with csv", "to client [t] csv ;\"\" '' 0" },
		{ "copy t from '/x' (freeze)", "from file [t] text \t\"\" '\\N' 0" }, { "copy t to program 'x'", "to program [t] text \t\"\" '\\N' 0" },
		{ "copy t from stdin where a > 1", "from client [t] text \t\"\" '\\N' 0 where" },
		{ "copy t from stdin (format csv, header off)", "from client [t] csv ,\"\" '' 0" },
		{ "copy t to stdout (nope)", "42601 19 option \"nope\" not recognized" },
		{ "copy t to stdout csv, header", "42601 21 syntax error at or near \",\"" },
	};
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[600];

		show_copy(qf_slice_str(cases[i].sql), got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			wrong += printf("%s\n got %s\nwant %s\n", cases[i].sql, got, cases[i].want);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cursors), cmocka_unit_test(test_copy) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
