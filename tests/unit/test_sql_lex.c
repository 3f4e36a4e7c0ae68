/* Tokens of each dialect, and what quoted ones say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/sql.h"

/* Writes tokens as w[word] q["quoted"] s['string'] n[1] p[param] o[op] ;[;] c[comment] ![bad]. */
static void write_tokens(struct qf_buf *b, struct qf_slice text, enum qf_dialect d)
{
	static const char kinds[] = "?wqsnpo;c!";
	struct qf_lexer lx = qf_lexer(text, d);

	qf_buf_clear(b);
	for (;;) {
		struct qf_token t = qf_lex(&lx);
		if (t.type == QF_TOK_END)
			break;
		qf_buf_printf(b, "%s%c[", b->n ? " " : "", kinds[t.type]);
		qf_buf_add_slice(b, t.text);
		qf_buf_u8(b, ']');
	}
}

static void each_dialect_has_its_tokens(void **state)
{
	static const struct {
		enum qf_dialect d;
		const char *text, *tokens;
	} cases[] = {
		{ QF_DIALECT_POSTGRES, "select 1",
			"w[select] n[1]" },
		{ QF_DIALECT_POSTGRES, "SELECT a.b, \"c\"\"d\" FROM t",
			"w[SELECT] w[a] o[.] w[b] o[,] q[\"c\"\"d\"] w[FROM] w[t]" },
		{ QF_DIALECT_POSTGRES, "'it''s' E'a\\'b' e'\\\\' N'x' B'01' X'1F'",
			"s['it''s'] s[E'a\\'b'] s[e'\\\\'] s[N'x'] s[B'01'] s[X'1F']" },
		{ QF_DIALECT_POSTGRES, "U&'\\0441' u&\"d\\0061t\" UESCAPE '!'",
			"s[U&'\\0441'] q[u&\"d\\0061t\"] w[UESCAPE] s['!']" },
		{ QF_DIALECT_POSTGRES, "'a\\' 'b'",
			"s['a\\'] s['b']" },
		{ QF_DIALECT_POSTGRES, "$$a'b$$ $tag$ $$ $ta$ $tag$ x",
			"s[$$a'b$$] s[$tag$ $$ $ta$ $tag$] w[x]" },
		{ QF_DIALECT_POSTGRES, "a$$b$$ a$1 $1 $12abc $a",
			"w[a$$b$$] w[a$1] p[$1] p[$12] w[abc] o[$] w[a]" },
		{ QF_DIALECT_POSTGRES, "/* a /* b */ c */ 1 -- d\n2",
			"c[/* a /* b */ c */] n[1] c[-- d] n[2]" },
		{ QF_DIALECT_POSTGRES, "-- a\r1",
			"c[-- a] n[1]" },
		{ QF_DIALECT_POSTGRES, "a::int4 b->>'c' d#>>'{e}' f @> g ? 'h' ?| i",
			"w[a] o[::] w[int4] w[b] o[->>] s['c'] w[d] o[#>>] s['{e}'] w[f] o[@>] w[g] o[?] s['h'] "
				"o[?|] w[i]" },
		{ QF_DIALECT_POSTGRES, "1.5 .5 1. 1e5 1e 1.5e-3 0x1F 1_000 1..2",
			"n[1.5] n[.5] n[1.] n[1e5] n[1] w[e] n[1.5e-3] n[0x1F] n[1_000] n[1] o[..] n[2]" },
		{ QF_DIALECT_POSTGRES, "1from 1into",
			"n[1] w[from] n[1] w[into]" },
		{ QF_DIALECT_POSTGRES, "a=-1 a<=-b a<->b !=-1 ~~* |/-2",
			"w[a] o[=] o[-] n[1] w[a] o[<=] o[-] w[b] w[a] o[<->] w[b] o[!=-] n[1] o[~~*] o[|/-] n[2]" },
		{ QF_DIALECT_POSTGRES, "a[1:2] :b := =>",
			"w[a] o[[] n[1] o[:] n[2] o[]] o[:] w[b] o[:=] o[=>]" },
		{ QF_DIALECT_POSTGRES, "* /*/**/*/ 2",
			"o[*] c[/*/**/*/] n[2]" },
		{ QF_DIALECT_POSTGRES, "'abc",
			"!['abc]" },
		{ QF_DIALECT_POSTGRES, "\"abc",
			"![\"abc]" },
		{ QF_DIALECT_POSTGRES, "$x$abc$y$",
			"![$x$abc$y$]" },
		{ QF_DIALECT_POSTGRES, "/* a /* b */",
			"![/* a /* b */]" },
		{ QF_DIALECT_POSTGRES, "a;b;;",
			"w[a] ;[;] w[b] ;[;] ;[;]" },
		{ QF_DIALECT_POSTGRES, "E'abc\\",
			"![E'abc\\]" },
		{ QF_DIALECT_POSTGRES, "@a #b",
			"o[@] w[a] o[#] w[b]" },
		{ QF_DIALECT_POSTGRES, "\xc3\xa4.\xc3\xb6\xc3\xbc",
			"w[\xc3\xa4] o[.] w[\xc3\xb6\xc3\xbc]" },
		{ QF_DIALECT_POSTGRES, "select\v1",
			"w[select] n[1]" },
		{ QF_DIALECT_POSTGRES, "$1$2",
			"p[$1] p[$2]" },
		{ QF_DIALECT_POSTGRES, "x'zz'y",
			"s[x'zz'] w[y]" },
		{ QF_DIALECT_POSTGRES, "'a'\n'b'",
			"s['a'] s['b']" },
		{ QF_DIALECT_POSTGRES, "1+-2",
			"n[1] o[+] o[-] n[2]" },
		{ QF_DIALECT_POSTGRES, "--",
			"c[--]" },
		{ QF_DIALECT_POSTGRES, "/*",
			"![/*]" },
		{ QF_DIALECT_POSTGRES, "$",
			"o[$]" },
		{ QF_DIALECT_POSTGRES, "a--b\nc",
			"w[a] c[--b] w[c]" },
		{ QF_DIALECT_POSTGRES, "<>- -1",
			"o[<>] o[-] o[-] n[1]" },
		{ QF_DIALECT_DUCKDB, "select [1,2][1:2], {'a': 1}, $$x$$",
			"w[select] o[[] n[1] o[,] n[2] o[]] o[[] n[1] o[:] n[2] o[]] o[,] o[{] s['a'] o[:] n[1] "
				"o[}] o[,] s[$$x$$]" },
		{ QF_DIALECT_DUCKDB, "? ?1 $1 $name $a$b",
			"p[?] p[?1] p[$1] p[$name] ![$a$b]" },
		{ QF_DIALECT_DUCKDB, "a // b ** c ^ d",
			"w[a] o[//] w[b] o[**] w[c] o[^] w[d]" },
		{ QF_DIALECT_DUCKDB, "select #1",
			"w[select] o[#] n[1]" },
		{ QF_DIALECT_DUCKDB, "select\xc2\xa0" "1\xe3\x80\x80+\xef\xbb\xbf" "2\xe2\x80\x8b",
			"w[select] n[1] o[+] n[2]" },
		{ QF_DIALECT_DUCKDB, "'\xc2\xa0' a\xc2\xa0" "b",
			"s['\xc2\xa0'] w[a] w[b]" },
		{ QF_DIALECT_DUCKDB, "x -> x + 1",
			"w[x] o[->] w[x] o[+] n[1]" },
		{ QF_DIALECT_DUCKDB, "e'\\'' 'a\\'",
			"s[e'\\''] s['a\\']" },
		{ QF_DIALECT_DUCKDB, "from 'a.csv'",
			"w[from] s['a.csv']" },
		{ QF_DIALECT_DUCKDB, "1_000 0x1F",
			"n[1_000] n[0x1F]" },
		{ QF_DIALECT_DUCKDB, "lambda x: x",
			"w[lambda] w[x] o[:] w[x]" },
		{ QF_DIALECT_DUCKDB, "a := 1, b => 2",
			"w[a] o[:=] n[1] o[,] w[b] o[=>] n[2]" },
		{ QF_DIALECT_DUCKDB, "@ -1",
			"o[@] o[-] n[1]" },
		{ QF_DIALECT_TRINO, "'a\\' 'b''c' X'00' U&'\\0041' e'\\'",
			"s['a\\'] s['b''c'] s[X'00'] s[U&'\\0041'] w[e] s['\\']" },
		{ QF_DIALECT_TRINO, "/* a /* b */ c",
			"c[/* a /* b */] w[c]" },
		{ QF_DIALECT_TRINO, "-- a\r1",
			"c[-- a] n[1]" },
		{ QF_DIALECT_TRINO, "\"a\"\"b\" `c`",
			"q[\"a\"\"b\"] q[`c`]" },
		{ QF_DIALECT_TRINO, "? 1_000 0xAB 1abc 1e5 1e",
			"p[?] n[1_000] n[0xAB] w[1abc] n[1e5] w[1e]" },
		{ QF_DIALECT_TRINO, "$$ def f(): 'x' $$",
			"s[$$ def f(): 'x' $$]" },
		{ QF_DIALECT_TRINO, "x->1 a||b a<>b",
			"w[x] o[->] n[1] w[a] o[||] w[b] w[a] o[<>] w[b]" },
		{ QF_DIALECT_TRINO, "pattern (A+? $)",
			"w[pattern] o[(] w[A] o[+] p[?] o[$] o[)]" },
		{ QF_DIALECT_TRINO, "a$b",
			"w[a] o[$] w[b]" },
		{ QF_DIALECT_MYSQL, "`a``b` \"s\\\"t\" 's\\'t' 's''t'",
			"q[`a``b`] s[\"s\\\"t\"] s['s\\'t'] s['s''t']" },
		{ QF_DIALECT_MYSQL, "# c\n1 -- c\n2 --3",
			"c[# c] n[1] c[-- c] n[2] o[-] o[-] n[3]" },
		{ QF_DIALECT_MYSQL, "/* a /* b */ 1 /*! 2 */ /*+ h */ /*!40101 SET x */ /*M! y */",
			"c[/* a /* b */] n[1] o[/*! 2 */] c[/*+ h */] o[/*!40101 SET x */] o[/*M! y */]" },
		{ QF_DIALECT_MYSQL, "@a @@b.c @'x' ? :=",
			"w[@a] w[@@b] o[.] w[c] o[@] s['x'] p[?] o[:=]" },
		{ QF_DIALECT_MYSQL, "x'1F' 0x1F b'01' n'a' _utf8'x'",
			"s[x'1F'] n[0x1F] s[b'01'] s[n'a'] w[_utf8] s['x']" },
		{ QF_DIALECT_MYSQL, "1a 1e5 1e5x 1.5a db.1a",
			"w[1a] n[1e5] w[1e5x] n[1.5] w[a] w[db] n[.1] w[a]" },
		{ QF_DIALECT_MYSQL, "a->'$.b' a->>'$.b' a<=>b a&&b",
			"w[a] o[->] s['$.b'] w[a] o[->>] s['$.b'] w[a] o[<=>] w[b] w[a] o[&&] w[b]" },
		{ QF_DIALECT_MYSQL, "--",
			"c[--]" },
		{ QF_DIALECT_MYSQL, "1--1",
			"n[1] o[-] o[-] n[1]" },
		{ QF_DIALECT_MYSQL, "-- ",
			"c[-- ]" },
		{ QF_DIALECT_MYSQL, "--\t1\n2",
			"c[--\t1] n[2]" },
		{ QF_DIALECT_MYSQL, "'a\\",
			"!['a\\]" },
		{ QF_DIALECT_MYSQL, "--\r1\n2",
			"c[--\r1] n[2]" },
		{ QF_DIALECT_MYSQL, "$$",
			"w[$$]" },
		{ QF_DIALECT_CLICKHOUSE, "'a\\'b' \"c\\\"d\" `e\\`f`",
			"s['a\\'b'] q[\"c\\\"d\"] q[`e\\`f`]" },
		{ QF_DIALECT_CLICKHOUSE, "{p:UInt64} { a : Array(String) } {'k':1} {a:b;c}",
			"p[{p:UInt64}] p[{ a : Array(String) }] o[{] s['k'] o[:] n[1] o[}] o[{] w[a] o[:] w[b] "
				";[;] w[c] o[}]" },
		{ QF_DIALECT_CLICKHOUSE, "# c\n#c",
			"c[# c] o[#] w[c]" },
		{ QF_DIALECT_CLICKHOUSE, "#! c\n1",
			"c[#! c] n[1]" },
		{ QF_DIALECT_CLICKHOUSE, "a // b\nc",
			"w[a] c[// b] w[c]" },
		{ QF_DIALECT_CLICKHOUSE, "/* a /* b */ c */ 1",
			"c[/* a /* b */ c */] n[1]" },
		{ QF_DIALECT_CLICKHOUSE, "$x$ ' $x$ $ a",
			"s[$x$ ' $x$] o[$] w[a]" },
		{ QF_DIALECT_CLICKHOUSE, "a::Int8 a->b a==b",
			"w[a] o[::] w[Int8] w[a] o[->] w[b] w[a] o[==] w[b]" },
		{ QF_DIALECT_CLICKHOUSE, "1abc 0xff",
			"w[1abc] n[0xff]" },
		{ QF_DIALECT_CLICKHOUSE, "x'ff'",
			"s[x'ff']" },
		{ QF_DIALECT_CLICKHOUSE, "x.1.1",
			"w[x] n[.1] n[.1]" },
		{ QF_DIALECT_CLICKHOUSE, "-- a\r1",
			"c[-- a\r1]" },
		{ QF_DIALECT_STARROCKS, "select 1--1",
			"w[select] n[1] c[--1]" },
		{ QF_DIALECT_STARROCKS, "--1",
			"c[--1]" },
		{ QF_DIALECT_STARROCKS, "# a\n1",
			"c[# a] n[1]" },
		{ QF_DIALECT_STARROCKS, "\"a\" 'b' `c` X\"ff\"",
			"s[\"a\"] s['b'] q[`c`] s[X\"ff\"]" },
		{ QF_DIALECT_STARROCKS, "$$ a ' b $$",
			"s[$$ a ' b $$]" },
		{ QF_DIALECT_STARROCKS, "/*+ SET_VAR(a=1) */ 1",
			"c[/*+ SET_VAR(a=1) */] n[1]" },
		{ QF_DIALECT_SNOWFLAKE, "$$a'b$$ $1 $v @s/x :1 ?",
			"s[$$a'b$$] w[$1] w[$v] w[@s] o[/] w[x] p[:1] p[?]" },
		{ QF_DIALECT_SNOWFLAKE, "v:a.b::int :b",
			"w[v] o[:] w[a] o[.] w[b] o[::] w[int] p[:b]" },
		{ QF_DIALECT_SNOWFLAKE, "// c\n1",
			"c[// c] n[1]" },
		{ QF_DIALECT_SNOWFLAKE, "/* /* */ 1",
			"c[/* /* */] n[1]" },
		{ QF_DIALECT_SNOWFLAKE, "'a\\'b' \"c\"",
			"s['a\\'b'] q[\"c\"]" },
		{ QF_DIALECT_SNOWFLAKE, "a$b",
			"w[a$b]" },
		{ QF_DIALECT_BIGQUERY, "'''a'b''' \"\"\"c\"d\"\"\" '' \"\" r'\\'a' rb\"x\" b'y' br'''z'''",
			"s['''a'b'''] s[\"\"\"c\"d\"\"\"] s[''] s[\"\"] s[r'\\'a'] s[rb\"x\"] s[b'y'] s[br'''z''']" },
		{ QF_DIALECT_BIGQUERY, "`a.b` `a\\`b` # c\n@p @@v ?",
			"q[`a.b`] q[`a\\`b`] c[# c] p[@p] w[@@v] p[?]" },
		{ QF_DIALECT_BIGQUERY, "''''a'''",
			"s[''''a''']" },
		{ QF_DIALECT_BIGQUERY, "'''a",
			"!['''a]" },
		{ QF_DIALECT_BIGQUERY, "\"a\\\"b\"",
			"s[\"a\\\"b\"]" },
		{ QF_DIALECT_BIGQUERY, "a|>b",
			"w[a] o[|>] w[b]" },
		{ QF_DIALECT_SPARK, "r'\\' R\"\\\" 'a\\'b' \"c\\\"d\" `e``f`",
			"s[r'\\'] s[R\"\\\"] s['a\\'b'] s[\"c\\\"d\"] q[`e``f`]" },
		{ QF_DIALECT_SPARK, "/* a /* b */ c */ 1 -- a \\\nb\n2",
			"c[/* a /* b */ c */] n[1] c[-- a \\\nb] n[2]" },
		{ QF_DIALECT_SPARK, "1L 1.5BD 10S 2Y 3.0D 1a :p ?",
			"n[1L] n[1.5BD] n[10S] n[2Y] n[3.0D] w[1a] p[:p] p[?]" },
		{ QF_DIALECT_SPARK, "a<=>b a::int",
			"w[a] o[<=>] w[b] w[a] o[::] w[int]" },
		{ QF_DIALECT_SPARK, "x:y:z :a",
			"w[x] o[:] w[y] o[:] w[z] p[:a]" },
		{ QF_DIALECT_HIVE, "'a\\'b' \"c\" `d`",
			"s['a\\'b'] s[\"c\"] q[`d`]" },
		{ QF_DIALECT_HIVE, "/* /* */ 1",
			"c[/* /* */] n[1]" },
		{ QF_DIALECT_HIVE, "r'x'",
			"w[r] s['x']" },
		{ QF_DIALECT_HIVE, "1L 1.5BD",
			"n[1L] n[1.5BD]" },
		{ QF_DIALECT_REDSHIFT, "'a\\'b' $$c$$ #t E'\\''",
			"s['a\\'b'] s[$$c$$] w[#t] s[E'\\'']" },
		{ QF_DIALECT_REDSHIFT, "a::int $1",
			"w[a] o[::] w[int] p[$1]" },
		{ QF_DIALECT_DATABRICKS, "$$ x ' y $$ :p v:a r'\\'",
			"s[$$ x ' y $$] p[:p] w[v] o[:] w[a] s[r'\\']" },
		{ QF_DIALECT_DATABRICKS, "a /* /* */ */ b",
			"w[a] c[/* /* */ */] w[b]" },
		{ QF_DIALECT_SQLITE, "[a b] `c` \"d\" ?1 :a @b $c ?",
			"q[[a b]] q[`c`] q[\"d\"] p[?1] p[:a] p[@b] p[$c] p[?]" },
		{ QF_DIALECT_SQLITE, "x'00' 'a\\'",
			"s[x'00'] s['a\\']" },
		{ QF_DIALECT_SQLITE, "/* a /* b */ 1",
			"c[/* a /* b */] n[1]" },
		{ QF_DIALECT_SQLITE, "-- a\r1\n2",
			"c[-- a\r1] n[2]" },
		{ QF_DIALECT_SQLITE, "a->>'$.b'",
			"w[a] o[->>] s['$.b']" },
		{ QF_DIALECT_TSQL, "[a]]b] \"c\" N'd' @p @@v #t ##g",
			"q[[a]]b]] q[\"c\"] s[N'd'] p[@p] w[@@v] w[#t] w[##g]" },
		{ QF_DIALECT_TSQL, "/* a /* b */ c */ 1",
			"c[/* a /* b */ c */] n[1]" },
		{ QF_DIALECT_TSQL, "'a\\'",
			"s['a\\']" },
		{ QF_DIALECT_TSQL, "a@b",
			"w[a@b]" },
		{ QF_DIALECT_ORACLE, "q'[it's]' Q'(a)' nq'<b>' q'!c!' 'd\\'",
			"s[q'[it's]'] s[Q'(a)'] s[nq'<b>'] s[q'!c!'] s['d\\']" },
		{ QF_DIALECT_ORACLE, ":a :1 a:=b a**b",
			"p[:a] p[:1] w[a] o[:=] w[b] w[a] o[**] w[b]" },
		{ QF_DIALECT_ORACLE, "/*+ hint */ 1",
			"c[/*+ hint */] n[1]" },
		{ QF_DIALECT_ORACLE, "q'[a",
			"![q'[a]" },
		{ QF_DIALECT_ORACLE, "q'",
			"![q']" },
		{ QF_DIALECT_ATHENA, "`a` \"b\" 'c\\'",
			"q[`a`] q[\"b\"] s['c\\']" },
		{ QF_DIALECT_PRESTO, "\"a\" 'b' ?",
			"q[\"a\"] s['b'] p[?]" },
		{ QF_DIALECT_NONE, "`a` $1 ? :b $$c$$",
			"q[`a`] p[$1] p[?] p[:b] s[$$c$$]" },
	};
	struct qf_buf b;

	(void)state;
	qf_buf_init(&b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_tokens(&b, qf_slice_str(cases[i].text), cases[i].d);
		if (strcmp(qf_buf_cstr(&b), cases[i].tokens) != 0)
			fail_msg("%s: %s\n  is   %s\n  not  %s", qf_dialect_name(cases[i].d), cases[i].text,
				qf_buf_cstr(&b), cases[i].tokens);
	}
	qf_buf_fini(&b);
}

static void empty_text_has_none(void **state)
{
	struct qf_lexer lx = qf_lexer(QF_SLICE_NONE, QF_DIALECT_POSTGRES);

	(void)state;
	assert_int_equal(qf_lex(&lx).type, QF_TOK_END);
	lx = qf_lexer(qf_slice_str(" \t\n"), QF_DIALECT_TRINO);
	assert_int_equal(qf_lex(&lx).type, QF_TOK_END);
	assert_int_equal(qf_lex(&lx).type, QF_TOK_END);
}

static void quoted_text_is_read(void **state)
{
	static const struct {
		enum qf_dialect d;
		const char *token, *text; /* NULL: malformed */
	} cases[] = {
		{ QF_DIALECT_POSTGRES, "'it''s'", "it's" },
		{ QF_DIALECT_POSTGRES, "'a\\n'", "a\\n" },
		{ QF_DIALECT_POSTGRES, "E'a\\n\\t\\\\\\'b'''", "a\n\t\\'b'" },
		{ QF_DIALECT_POSTGRES, "e'\\101\\x42\\u0043\\U0001F600\\q'", "ABC\xf0\x9f\x98\x80q" },
		{ QF_DIALECT_POSTGRES, "E'\\ud83d\\ude00'", "\xf0\x9f\x98\x80" },
		{ QF_DIALECT_POSTGRES, "E'\\u00e4\\u20ac'", "\xc3\xa4\xe2\x82\xac" },
		{ QF_DIALECT_POSTGRES, "E'\\ud83d'", NULL },
		{ QF_DIALECT_POSTGRES, "E'\\ude00'", NULL },
		{ QF_DIALECT_POSTGRES, "E'\\000'", NULL },
		{ QF_DIALECT_POSTGRES, "E'\\u12'", NULL },
		{ QF_DIALECT_POSTGRES, "E'\\U00110000'", NULL },
		{ QF_DIALECT_POSTGRES, "U&'d\\0061t\\+000061\\\\'", "data\\" },
		{ QF_DIALECT_POSTGRES, "U&\"\\d83d\\de00\"", "\xf0\x9f\x98\x80" },
		{ QF_DIALECT_POSTGRES, "\"a\"\"b\"", "a\"b" },
		{ QF_DIALECT_POSTGRES, "$x$a'$b$x$", "a'$b" },
		{ QF_DIALECT_POSTGRES, "''", "" },
		{ QF_DIALECT_POSTGRES, "'a", NULL },
		{ QF_DIALECT_POSTGRES, "'a' ", NULL },
		{ QF_DIALECT_POSTGRES, "a", NULL },
		{ QF_DIALECT_POSTGRES, "1", NULL },
		{ QF_DIALECT_POSTGRES, "-- a", NULL },
		{ QF_DIALECT_POSTGRES, "", NULL },
		{ QF_DIALECT_POSTGRES, "X'1F'", "1F" },
		{ QF_DIALECT_MYSQL, "'a\\'\\n\\u0041\\%'", "a'\nu0041%" },
		{ QF_DIALECT_MYSQL, "'a\\0'", NULL },
		{ QF_DIALECT_MYSQL, "\"a\"\"b\"", "a\"b" },
		{ QF_DIALECT_MYSQL, "`a``b`", "a`b" },
		{ QF_DIALECT_CLICKHOUSE, "`a\\`b`", "a`b" },
		{ QF_DIALECT_CLICKHOUSE, "'\\x41\\a'", "A\a" },
		{ QF_DIALECT_BIGQUERY, "'''a'b'''", "a'b" },
		{ QF_DIALECT_BIGQUERY, "r'\\n'", "\\n" },
		{ QF_DIALECT_BIGQUERY, "'\\n'", "\n" },
		{ QF_DIALECT_SPARK, "r'\\n'", "\\n" },
		{ QF_DIALECT_SPARK, "\"a\\\"b\"", "a\"b" },
		{ QF_DIALECT_TSQL, "[a]]b]", "a]b" },
		{ QF_DIALECT_ORACLE, "q'[it's]'", "it's" },
		{ QF_DIALECT_TRINO, "'a\\n'", "a\\n" },
	};
	struct qf_arena *a = qf_arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = qf_sql_unquote(qf_slice_str(cases[i].token), cases[i].d, a);
		if (cases[i].text ? !text || strcmp(text, cases[i].text) != 0 : text != NULL)
			fail_msg("%s: %s is %s", qf_dialect_name(cases[i].d), cases[i].token,
				text ? text : "malformed");
	}
	qf_arena_free(a);
}

static void dialects_have_names(void **state)
{
	const char *const *names = qf_dialect_names();
	size_t n = 0;

	(void)state;
	for (; names[n]; n++) {
		enum qf_dialect d = qf_dialect_find(qf_slice_str(names[n]));
		assert_int_not_equal(d, QF_DIALECT_NONE);
		assert_string_equal(qf_dialect_name(d), names[n]);
		assert_true(n == 0 || strcmp(names[n - 1], names[n]) < 0);
	}
	assert_int_equal(n, QF_DIALECT_N - 1);
	assert_int_equal(qf_dialect_find(qf_slice_str("DuckDB")), QF_DIALECT_DUCKDB);
	assert_int_equal(qf_dialect_find(qf_slice_str("none")), QF_DIALECT_NONE);
	assert_int_equal(qf_dialect_find(QF_SLICE_NONE), QF_DIALECT_NONE);
	assert_true(qf_dialect_same(QF_DIALECT_MYSQL, QF_DIALECT_STARROCKS));
	assert_true(qf_dialect_same(QF_DIALECT_TRINO, QF_DIALECT_TRINO));
	assert_false(qf_dialect_same(QF_DIALECT_POSTGRES, QF_DIALECT_DUCKDB));
	assert_false(qf_dialect_same(QF_DIALECT_NONE, QF_DIALECT_DUCKDB));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_dialect_has_its_tokens),
		cmocka_unit_test(empty_text_has_none),
		cmocka_unit_test(quoted_text_is_read),
		cmocka_unit_test(dialects_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
