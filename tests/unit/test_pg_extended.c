/* The extended protocol through the PostgreSQL frontend: what the client reads, and what reached the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those: cmocka expects them */
#include <cmocka.h>

#include "pg_server.h"
#include "../../lib/frontend/postgres/listener.h"
#include "pg_talk.h"

static const char script[] = "match /^savepoint/ | affected 0\n"
			     "match /^rollback to/ | affected 0\n"
			     "match nosuch | error 42703 no such column\n"
			     "match fail | rows 2 | error 22012 division by zero\n"
			     "match badvalue | error 22P02 not a number\n"
			     "match lost | lost the engine is gone\n"
			     "match hang | hang\n"
			     "match insert | affected 1\n"
			     "match five | rows 5\n"
			     "match wide | rows 1 bytes 2\n"
			     "match careful | notice mind the gap | rows 1\n"
			     "match quiet | notice mind the gap | affected 0\n"
			     "match gone | affected 0\n"
			     "match none | rows 0\n"
			     "default | rows 1\n";

#define MISSING "E(ERROR 26000 unnamed prepared statement does not exist)"
#define NO_PORTAL "E(ERROR 34000 portal \"\" does not exist)"
#define ABORTED "E(ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block)"

struct step {
	const char *lines, *want;
};

static const struct {
	const char *name;
	struct step steps[8];
	const char *log;
} cases[] = {
	/* ---- one statement */
	{ "all in one go", { { "P -|select 1\nB - -\nD P -\nE -\nS", "1 2 T(n:20) D(1) C(SELECT 1) Z(I)" } }, "-:select 1|" },
	{ "without Describe", { { "P -|select 1\nB - -\nE -\nS", "1 2 D(1) C(SELECT 1) Z(I)" } }, "-:select 1|" },
	{ "no rows to describe", { { "P -|insert a\nB - -\nD P -\nE -\nS", "1 2 n C(INSERT 0 1) Z(I)" } }, "-:insert a|" },
	{ "parameters", { { "P - 23,0|select $1, $2, $3\nB - - v1,~,x\nE -\nS", "1 2 D(1) C(SELECT 1) Z(I)" } }, "-:select $1, $2, $3 [1,~,x]|" },
	{ "binary columns", { { "P -|select wide\nB - - r1\nD P -\nE -\nS", "1 2 T(n:20/1 text:25/1) D(\\0\\0\\0\\0\\0\\0\\0\\1,xx) C(SELECT 1) Z(I)" },
			{ "B - - r0,1\nD P -\nE -\nS", "2 T(n:20 text:25/1) D(1,xx) C(SELECT 1) Z(I)" } }, "-:select wide|-:select wide|" },
	{ "formats of more columns than there are",
		{ { "P -|select 1\nB - - r0,0\nE -\nS", "1 E(ERROR 08P01 bind message has 2 result formats but query has 1 columns) Z(I)" },
			{ "B - - r0,0\nD P -\nS", "E(ERROR 08P01 bind message has 2 result formats but query has 1 columns) Z(I)" } },
		"-:select 1|-:describe select 1|" },
	{ "a semicolon and comments", { { "P -|/* a */ select 1; -- b\nB - -\nE -\nS", "1 2 D(1) C(SELECT 1) Z(I)" } }, "-:/* a */ select 1|" },
	{ "empty", { { "P -| ; -- x\nB - -\nD P -\nE -\nD S -\nS", "1 2 n I t() n Z(I)" } }, "" },
	{ "a notice stands behind what it is about",
		{ { "P -|quiet\nB - -\nD P -\nE -\nS", "1 2 N(NOTICE 00000 mind the gap) n C(QUIET) Z(I)" },
			{ "P -|insert quiet\nB - -\nD P -\nE -\nS", "1 2 n C(INSERT 0 1) Z(I)" } },
		"-:quiet|-:insert quiet|" },

	/* ---- descriptions */
	{ "Parse alone asks the engine", { { "P s|select $1\nS", "1 Z(I)" }, { "D S s\nS", "t(25) T(n:20) Z(I)" }, { "B - s vx\nE -\nS", "2 D(1) C(SELECT 1) Z(I)" } },
		"-:describe select $1|-:select $1 [x]|" },
	{ "Describe asks once", { { "P - 0,23|select $1, $2\nD S -\nD S -\nS", "1 t(25 23) T(n:20) t(25 23) T(n:20) Z(I)" } }, "-:describe select $1, $2|" },
	{ "a statement that was run before is not described", { { "P s|select 1\nB - s\nE -\nS", "1 2 D(1) C(SELECT 1) Z(I)" }, { "D S s\nS", "t() T(n:20) Z(I)" } },
		"-:select 1|-:describe select 1|" },
	{ "a setting may change what a text means",
		{ { "P s|select 1\nS", "1 Z(I)" }, { "Q set search_path = x", "C(SET) Z(I)" }, { "D S s\nS", "t() T(n:20) Z(I)" }, { "Q set search_path = y", "C(SET) Z(I)" },
			{ "D S s\nS", "t() T(n:20) Z(I)" } },
		"-:describe select 1|-:describe select 1|" },
	{ "Describe of a portal that is not run", { { "P -|select wide\nB - - r0,1\nD P -\nS", "1 2 T(n:20 text:25/1) Z(I)" } }, "-:describe select wide|" },
	{ "Flush is an end as well", { { "P -|select 1\nH\nD S -\nH\nB - -\nH\nD P -\nE -\nH\nS", "1 t() T(n:20) 2 T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"-:describe select 1|1:BEGIN|1:select 1|1:COMMIT|" },
	{ "what is answered here is described here",
		{ { "P -|show timezone\nD S -\nB - - r1\nD P -\nE -\nS", "1 t() T(TimeZone:25) 2 T(TimeZone:25/1) D(UTC) C(SHOW) Z(I)" },
			{ "P -|begin\nD S -\nS", "1 t() n Z(I)" }, { "P -|set timezone = 'Nowhere'\nB - -\nD P -\nE -\nS",
				"1 2 n E(ERROR 22023 invalid value for parameter \"TimeZone\": \"Nowhere\") Z(I)" },
			{ "P -|show all\nB - -\nD P -\nS", "1 2 T(name:25 setting:25 description:25) Z(I)" } },
		"" },

	/* ---- errors */
	{ "at Parse", { { "P -|nosuch\nB - -\nD P -\nE -\nS", "E(ERROR 42703 no such column) Z(I)" }, { "B - -\nS", MISSING " Z(I)" } }, "-:nosuch|" },
	{ "at Parse alone", { { "P s|nosuch\nS", "E(ERROR 42703 no such column) Z(I)" }, { "P s|select 1\nS", "1 Z(I)" } }, "-:describe nosuch|-:describe select 1|" },
	{ "at Bind", { { "P -|badvalue $1\nB - - vx\nE -\nS", "1 E(ERROR 22P02 not a number) Z(I)" }, { "D S -\nS", "E(ERROR 22P02 not a number) Z(I)" } },
		"-:badvalue $1 [x]|-:describe badvalue $1|" },
	{ "while it runs", { { "P -|fail\nB - -\nD P -\nE -\nP -|select 1\nS", "1 2 T(n:20) D(1) D(2) E(ERROR 22012 division by zero) Z(I)" }, { "B - -\nS", "2 Z(I)" } }, "1:BEGIN|1:fail|1:ROLLBACK|" },
	{ "nothing is answered up to Sync", { { "B - x\nP -|select 1\nC S -\nD S -\nE -\nH\nS", "E(ERROR 26000 prepared statement \"x\" does not exist) Z(I)" } }, "" },
	{ "one error for each Sync", { { "B - -\nS\nB - -\nS\nS", MISSING " Z(I) " MISSING " Z(I) Z(I)" } }, "" },
	{ "several statements", { { "P -|select 1; select 2\nS", "E(ERROR 42601 cannot insert multiple commands into a prepared statement) Z(I)" } }, "" },
	{ "an open string", { { "P -| ; select 'x\nS", "E(ERROR 42601 unterminated quoted string at or near \"'x\" p11) Z(I)" } }, "" },
	{ "names that are taken",
		{ { "P s|select 1\nP s|select 2\nS", "1 E(ERROR 42P05 prepared statement \"s\" already exists) Z(I)" },
			{ "B p s\nB p s\nS", "2 E(ERROR 42P03 portal \"p\" already exists) Z(I)" } },
		"-:describe select 1|" },
	{ "parameters that do not fit",
		{ { "P -|select $2\nB - - vx\nS", "1 E(ERROR 08P01 bind message supplies 1 parameters, but prepared statement \"\" requires 2) Z(I)" },
			{ "B - - f0,1,0 vx,y\nS", "E(ERROR 08P01 bind message has 3 parameter formats but 2 parameters) Z(I)" },
			{ "B - - f2 vx,y\nS", "E(ERROR 22023 unsupported format code: 2) Z(I)" }, { "B - - vx,y r7\nS", "E(ERROR 22023 unsupported format code: 7) Z(I)" },
			{ "B - - vx,\xff\nS", "E(ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff) Z(I)" },
			{ "P - 23|select $1\nB - - vx\nS", "1 E(ERROR 22P02 invalid input syntax for type integer: \"x\") Z(I)" } },
		"-:describe select $2|-:describe select $1|" },
	{ "positions count in the text of the client", { { "P -| ;; nosuch\nS", "E(ERROR 42703 no such column) Z(I)" } }, "-:describe nosuch|" },

	/* ---- how long things live */
	{ "the unnamed ones",
		{ { "P -|select 1\nB - -\nS\nB - -\nE -\nS", "1 2 Z(I) 2 D(1) C(SELECT 1) Z(I)" }, { "E -\nS", NO_PORTAL " Z(I)" }, { "Q show jit", "T(jit:25) D(off) C(SHOW) Z(I)" },
			{ "B - -\nS", MISSING " Z(I)" } },
		"-:describe select 1|-:select 1|" },
	{ "a portal outlives its statement's name", { { "P s|select 1\nB p s\nC S s\nE p\nD S s\nS",
			"1 2 3 D(1) C(SELECT 1) E(ERROR 26000 prepared statement \"s\" does not exist) Z(I)" } }, "-:describe select 1|1:BEGIN|1:select 1|1:ROLLBACK|" },
	{ "closing what is missing", { { "C S x\nC P x\nC S -\nC P -\nS", "3 3 3 3 Z(I)" } }, "" },
	{ "done is done", { { "P -|select 1\nB - -\nE -\nE -\nS", "1 2 D(1) C(SELECT 1) C(SELECT 0) Z(I)" },
			{ "P -|insert a\nB - -\nE -\nE -\nS", "1 2 C(INSERT 0 1) E(ERROR 55000 portal \"\" cannot be run) Z(I)" } },
		"1:BEGIN|1:select 1|1:COMMIT|2:BEGIN|2:insert a|2:ROLLBACK|" },
	{ "DEALLOCATE and DISCARD", { { "P s|select 1\nP t|select 2\nS", "1 1 Z(I)" }, { "Q deallocate s", "C(DEALLOCATE) Z(I)" }, { "B - s\nS",
			"E(ERROR 26000 prepared statement \"s\" does not exist) Z(I)" }, { "Q discard all", "C(DISCARD ALL) Z(I)" }, { "Q execute t", "E(ERROR 26000 prepared statement \"t\" does not exist) Z(I)" } },
		"-:describe select 1|-:describe select 2|" },
	{ "a string that cannot be read is no NULL",
		{ { "Q prepare s (text) as select $1", "C(PREPARE) Z(I)" }, { "Q execute s(E'\\u12')", "E(ERROR 22025 invalid escape in a string literal p11) Z(I)" },
			{ "Q execute s(U&'\\zz')", "E(ERROR 22025 invalid escape in a string literal p11) Z(I)" },
			{ "Q execute s(E'\\u0041')", "T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"-:describe select $1|-:select $1 [A]|" },
	{ "PREPARE and EXECUTE share the names",
		{ { "Q prepare s (int) as select five, $1", "C(PREPARE) Z(I)" }, { "D S s\nB - s v7\nE -\nS", "t(23) T(n:20) 2 D(1) D(2) D(3) D(4) D(5) C(SELECT 5) Z(I)" },
			{ "P -|execute s(1)\nB - -\nD P -\nE - 2\nE -\nS", "1 2 T(n:20) D(1) D(2) s D(3) D(4) D(5) C(SELECT 3) Z(I)" },
			{ "P -|execute s(2)\nD S -\nB - - r1\nD P -\nS", "1 t() T(n:20) 2 T(n:20/1) Z(I)" }, { "C S s\nS", "3 Z(I)" } },
		"-:describe select five, $1|-:select five, $1 [7]|1:BEGIN|1:select five, $1 limit 2/1 [1]|1:fetch 0/1|1:COMMIT|" },

	/* ---- row limits */
	{ "suspended and gone on with", { { "P -|five\nB - -\nE - 2\nE - 2\nE - 2\nS", "1 2 D(1) D(2) s D(3) D(4) s D(5) C(FIVE) Z(I)" } },
		"1:BEGIN|1:five limit 2/1|1:fetch 2/1|1:fetch 2/1|1:COMMIT|" },
	{ "a limit that ends at Sync", { { "P -|select five\nB p -\nD P p\nE p 2\nS", "1 2 T(n:20) D(1) D(2) s Z(I)" }, { "E p\nS", "E(ERROR 34000 portal \"p\" does not exist) Z(I)" } },
		"-:select five limit 2/0|" },
	{ "a limit that is not reached", { { "P -|select five\nB - -\nE - 9\nS", "1 2 D(1) D(2) D(3) D(4) D(5) C(SELECT 5) Z(I)" } }, "-:select five limit 9/0|" },
	{ "portals of a block, in turn",
		{ { "Q begin", "C(BEGIN) Z(T)" }, { "P s|select five\nB p s\nB q s\nE p 1\nE q 3\nE p 1\nS", "1 2 2 D(1) s D(1) D(2) D(3) s D(2) s Z(T)" },
			{ "Q select 1", "T(n:20) D(1) C(SELECT 1) Z(T)" }, { "E q 3\nC P p\nE p\nS", "D(4) D(5) C(SELECT 2) 3 E(ERROR 34000 portal \"p\" does not exist) Z(E)" },
			{ "Q rollback", "C(ROLLBACK) Z(I)" } },
		"-:describe select five|1:BEGIN|1:select five limit 1/1|1:select five limit 3/2|1:fetch 1/1|1:select 1|1:fetch 3/2|1:ROLLBACK|" },
	{ "a portal that was closed is told with the next run",
		{ { "Q begin", "C(BEGIN) Z(T)" }, { "P -|select five\nB p -\nE p 1\nC P p\nB - -\nE - 1\nB - -\nE -\nS",
			  "1 2 D(1) s 3 2 D(1) s 2 D(1) D(2) D(3) D(4) D(5) C(SELECT 5) Z(T)" },
			{ "Q commit", "C(COMMIT) Z(I)" } },
		"1:BEGIN|1:select five limit 1/1|1:select five limit 1/2 closes 1|1:select five closes 2|1:COMMIT|" },

	{ "a cursor of SQL is described as a portal",
		{ { "Q begin; select 1; declare \"c\"\"d\" cursor for select none", "C(BEGIN) T(n:20) D(1) C(SELECT 1) C(DECLARE CURSOR) Z(T)" },
			{ "D P c\"d\nS", "T(n:20) Z(T)" }, { "D P gone\nS", "E(ERROR 34000 portal \"gone\" does not exist) Z(E)" }, { "Q rollback", "C(ROLLBACK) Z(I)" },
			{ "D P c\"d\nS", "E(ERROR 34000 portal \"c\"d\" does not exist) Z(I)" } },
		"1:BEGIN|1:select 1|1:declare \"c\"\"d\" cursor for select none|1:describe FETCH FORWARD 0 FROM \"c\"\"d\"|1:describe FETCH FORWARD 0 FROM \"gone\"|1:ROLLBACK|" },

	/* ---- transactions */
	{ "statements up to Sync are one", { { "P i|insert a\nB - i\nE -\nB - i\nE -\nP -|select 1\nB - -\nE -\nS", "1 2 C(INSERT 0 1) 2 C(INSERT 0 1) 1 2 D(1) C(SELECT 1) Z(I)" } },
		"1:BEGIN|1:insert a|1:insert a|1:select 1|1:COMMIT|" },
	{ "an error undoes them", { { "P -|insert a\nB - -\nE -\nP -|nosuch\nB - -\nE -\nP -|insert b\nB - -\nE -\nS", "1 2 C(INSERT 0 1) E(ERROR 42703 no such column) Z(I)" } },
		"1:BEGIN|1:insert a|1:nosuch|1:ROLLBACK|" },
	{ "one of our own undoes them too", { { "P -|insert a\nB - -\nE -\nB - x\nS", "1 2 C(INSERT 0 1) E(ERROR 26000 prepared statement \"x\" does not exist) Z(I)" } },
		"1:BEGIN|1:insert a|1:ROLLBACK|" },
	{ "… also one of the simple protocol", { { "P -|insert a\nB - -\nE -\nQ select 'x", "1 2 C(INSERT 0 1) E(ERROR 42601 unterminated quoted string at or near \"'x\" p8) Z(I)" } },
		"1:BEGIN|1:insert a|1:ROLLBACK|" },
	{ "a Query ends it", { { "P -|insert a\nB - -\nE -\nQ select 1\nS", "1 2 C(INSERT 0 1) T(n:20) D(1) C(SELECT 1) Z(I) Z(I)" } }, "1:BEGIN|1:insert a|1:select 1|1:COMMIT|" },
	{ "an empty one too", { { "P -|insert a\nB - -\nE -\nQ \nS", "1 2 C(INSERT 0 1) I Z(I) Z(I)" } }, "1:BEGIN|1:insert a|1:COMMIT|" },
	{ "a Close behind it belongs to nothing", { { "P -|insert a\nB p -\nE p\nC P p\nC S -\nS", "1 2 C(INSERT 0 1) 3 3 Z(I)" } }, "-:insert a|" },
	{ "SET goes back with the rest", { { "P -|set application_name = 'a'\nB - -\nE -\nP -|nosuch\nS", "1 2 C(SET) E(ERROR 42703 no such column) Z(I)" },
			{ "Q show application_name", "T(application_name:25) D() C(SHOW) Z(I)" } }, "-:describe nosuch|" },
	{ "a block by messages",
		{ { "P -|begin isolation level serializable\nB - -\nE -\nS", "1 2 C(BEGIN) Z(T)" }, { "P -|insert a\nB - -\nE -\nS", "1 2 C(INSERT 0 1) Z(T)" },
			{ "P -|commit\nB - -\nE -\nS", "1 2 C(COMMIT) Z(I)" } },
		"1:BEGIN ISOLATION LEVEL serializable|1:insert a|1:COMMIT|" },
	{ "BEGIN and COMMIT inside a pipeline",
		{ { "P i|insert a\nP b|begin\nP c|commit\nS", "1 1 1 Z(I)" },
			{ "B - i\nE -\nB - b\nE -\nB - i\nE -\nB - c\nE -\nB - i\nE -\nS",
				"2 C(INSERT 0 1) 2 C(BEGIN) 2 C(INSERT 0 1) 2 C(COMMIT) 2 C(INSERT 0 1) Z(I)" },
			{ "B - i\nE -\nB - b\nE -\nS", "2 C(INSERT 0 1) 2 C(BEGIN) Z(T)" } },
		"-:describe insert a|1:BEGIN|1:insert a|1:insert a|1:COMMIT|-:insert a|2:BEGIN|2:insert a|" },
	{ "a failed block takes nothing but its end",
		{ { "Q begin", "C(BEGIN) Z(T)" }, { "P s|select 1\nP -|nosuch\nS", "1 E(ERROR 42703 no such column) Z(E)" },
			{ "P -|select 1\nS\nB - s\nS\nD S s\nS\nP -|\nB - -\nS", ABORTED " Z(E) " ABORTED " Z(E) " ABORTED " Z(E) 1 " ABORTED " Z(E)" },
			{ "C S s\nS", "3 Z(E)" }, { "P -|commit\nB - -\nE -\nS", "1 2 C(ROLLBACK) Z(I)" } },
		"-:describe select 1|-:describe nosuch|" },
	{ "savepoints",
		{ { "P -|begin\nB - -\nE -\nP -|insert a\nB - -\nE -\nP -|savepoint x\nB - -\nE -\nS", "1 2 C(BEGIN) 1 2 C(INSERT 0 1) 1 2 C(SAVEPOINT) Z(T)" },
			{ "P -|nosuch\nB - -\nE -\nS", "E(ERROR 42703 no such column) Z(E)" }, { "P -|rollback to x\nB - -\nE -\nS", "1 2 C(ROLLBACK) Z(T)" },
			{ "P -|commit\nB - -\nE -\nS", "1 2 C(COMMIT) Z(I)" }, { "P -|savepoint x\nB - -\nE -\nS", "1 2 E(ERROR 25P01 SAVEPOINT can only be used in transaction blocks) Z(I)" } },
		"1:BEGIN|1:insert a|1:savepoint x|1:nosuch|1:rollback to x|1:COMMIT|" },
	{ "an engine that dies in a pipeline", { { "P -|insert a\nB - -\nE -\nP -|lost\nB - -\nE -\nP -|insert b\nB - -\nE -\nS", "1 2 C(INSERT 0 1) 1 2 E(ERROR 08007 the engine is gone) Z(I)" },
			{ "Q select 1", "T(n:20) D(1) C(SELECT 1) Z(I)" } }, "1:BEGIN|1:insert a|1:lost|-:select 1|" },
	{ "set_config with parameters", { { "P -|select set_config($1, $2, $3)\nB - - vTimeZone,asia/tokyo,f\nD P -\nE -\nS",
			"1 2 T(set_config:25) D(Asia/Tokyo) C(SELECT 1) S(TimeZone=Asia/Tokyo) Z(I)" } }, "" },
	{ "read only", { { "Q set default_transaction_read_only = on", "C(SET) S(default_transaction_read_only=on) Z(I)" },
			{ "P -|insert a\nB - -\nE -\nS", "1 2 E(ERROR 25006 cannot execute INSERT in a read-only transaction) Z(I)" } }, "" },
};

static const char *say_more(struct client *c, const char *lines)
{
	struct qf_buf b = { 0 };
	unsigned ready = talk_lines(&b, lines);

	c->rows = 0;
	client_send(c, b.p, b.n);
	qf_buf_fini(&b);
	return client_wait(c, ready);
}

static const char *say(struct client *c, const char *lines)
{
	qf_buf_clear(&c->text);
	return say_more(c, lines);
}

/* Bytes of a message that are none of its kind. */
static const struct {
	const char *name, *in;
	size_t n;
} malformed[] = {
#define BYTES(s) s, sizeof(s) - 1
	{ "Parse without its types", BYTES("P\0\0\0\x06\0\0") },
	{ "Parse with more types than it says", BYTES("P\0\0\0\x0c\0\0\0\0\0\0\0\x17") },
	{ "Parse with fewer types than it says", BYTES("P\0\0\0\x08\0\0\xff\xff") },
	{ "Bind that ends early", BYTES("B\0\0\0\x08\0\0\0\0") },
	{ "Bind with a value that is not there", BYTES("B\0\0\0\x10\0\0\0\0\0\1\0\0\0\5xx") },
	{ "Bind with a negative length", BYTES("B\0\0\0\x0e\0\0\0\0\0\1\xff\xff\xff\xfe") },
	{ "Bind with many formats that are not there", BYTES("B\0\0\0\x0c\0\0\xff\xff\0\0\0\0") },
	{ "Bind with something behind it", BYTES("B\0\0\0\x0d\0\0\0\0\0\0\0\0x") },
	{ "Describe of neither", BYTES("D\0\0\0\6X\0") },
	{ "Describe without a name", BYTES("D\0\0\0\5S") },
	{ "Close of neither", BYTES("C\0\0\0\6X\0") },
	{ "Execute without a limit", BYTES("E\0\0\0\5\0") },
	{ "Execute with more", BYTES("E\0\0\0\x0a\0\0\0\0\0\0") },
};

static void malformed_messages_are_refused(void **state)
{
	static const char want[] = "E(ERROR 08P01 invalid message format) Z(I)";
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct server s;
		struct client c;

		server_open(&s, script);
		log_in(&c, &s, alice);
		qf_buf_clear(&c.text);
		client_send(&c, malformed[i].in, malformed[i].n);
		wrong += differs(malformed[i].name, "", say_more(&c, "S"), want);
		wrong += differs(malformed[i].name, "then", say(&c, "P -|select 1\nB - -\nE -\nS"), "1 2 D(1) C(SELECT 1) Z(I)");
		client_close(&c);
		server_close(&s);
	}
	assert_int_equal(wrong, 0);
}

/* Whether Sync stands behind an Execute is seen only when something does. */
static void an_execute_waits_for_what_stands_behind_it(void **state)
{
	static const char message[] = "C\0\0\0\6S\0S\0\0\0\4";
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	for (size_t cut = 0; cut < sizeof(message) - 1; cut++) {
		struct qf_buf b = { 0 };

		talk_lines(&b, "P -|insert a\nB - -\nE -");
		qf_buf_add(&b, message, cut);
		qf_buf_clear(&s.hub.log);
		qf_buf_clear(&c.text);
		client_send(&c, b.p, b.n);
		turn(&c, 5 * QF_MS);
		assert_int_equal(s.hub.log.n, cut > 7 ? strlen("-:insert a|") : 0);
		client_send(&c, message + cut, sizeof(message) - 1 - cut);
		assert_string_equal(client_wait(&c, 1), "1 2 C(INSERT 0 1) 3 Z(I)");
		assert_string_equal(qf_buf_cstr(&s.hub.log), "-:insert a|");
		qf_buf_fini(&b);
	}
	client_close(&c);
	server_close(&s);
}

static void every_cut_of_a_pipeline_gives_the_same(void **state)
{
	static const char lines[] = "P s|select $1\nD S s\nB p s v1\nD P p\nE p 1\nB - s v2\nE -\nC P p\nS";
	struct qf_buf b = { 0 };
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	talk_lines(&b, lines);
	for (size_t cut = 1; cut < b.n; cut++) {
		log_in(&c, &s, alice);
		qf_buf_clear(&c.text);
		client_send(&c, b.p, cut);
		turn(&c, 2 * QF_MS);
		client_send(&c, b.p + cut, b.n - cut);
		assert_string_equal(client_wait(&c, 1), "1 t(25) T(n:20) 2 T(n:20) D(1) s 2 D(1) C(SELECT 1) 3 Z(I)");
		client_close(&c);
	}
	qf_buf_fini(&b);
	server_close(&s);
}

static void a_message_that_is_too_long_is_the_error_of_all_before_it(void **state)
{
	static const char too_long[] =
		"E(ERROR 54000 statement of 2000 bytes is too long, the limit is 1000 (maxStatementBytes)) Z(I)";
	struct server s;
	struct client c;
	char lines[2100], filler[2000];

	(void)state;
	server_open(&s, script);
	s.hub.conf.max_statement_bytes = 1000;
	log_in(&c, &s, alice);
	memset(filler, 'x', sizeof(filler));
	snprintf(lines, sizeof(lines), "P s|nosuch\nB - s v%.*s\nE -\nS", 1988, filler);
	assert_string_equal(say(&c, lines), too_long);
	snprintf(lines, sizeof(lines), "P -|select $1\nB - - vx\nQ %.*s", 2000, filler);
	assert_string_equal(say(&c, lines), too_long);
	assert_string_equal(say(&c, "B - s\nS"), "E(ERROR 26000 prepared statement \"s\" does not exist) Z(I)");
	assert_string_equal(say(&c, "P s|select 1\nB - s\nE -\nS"), "1 2 D(1) C(SELECT 1) Z(I)");
	client_close(&c);
	server_close(&s);
}

static void statements_and_portals_are_bounded(void **state)
{
	struct server s;
	struct client c;
	struct qf_buf b = { 0 };

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	for (int i = 0; i <= 10000; i++) {
		char line[64];

		snprintf(line, sizeof(line), "P s%d|show jit", i);
		talk_lines(&b, line);
	}
	talk_lines(&b, "S");
	qf_buf_clear(&c.text);
	client_send(&c, b.p, b.n);
	const char *got = client_wait(&c, 1);

	assert_int_equal(strlen(got) > 100 ? strncmp(got + 2 * 10000, "E(ERROR 53200", 13) : 1, 0);
	assert_string_equal(say(&c, "B - s9999\nE -\nS"), "2 D(off) C(SHOW) Z(I)");
	qf_buf_fini(&b);
	client_close(&c);
	server_close(&s);
}

/* A description that there is no room for is used and not kept: the engine is asked again after Sync. */
static void descriptions_are_bounded(void **state)
{
	static const char described[] = "-:describe select 1|";
	struct qf_buf b = { 0 };
	struct server s;
	struct client c, hog;

	(void)state;
	server_open(&s, script);
	s.hub.conf.max_statement_bytes = 256 << 20;
	log_in(&c, &s, alice);
	log_in(&hog, &s, alice);
	qf_buf_clear(&c.text);
	talk_lines(&b, "P s|select 1");
	client_send(&c, b.p, b.n);
	turn(&c, 5 * QF_MS);
	/* All of the 256 MiB but a few bytes. */
	qf_buf_clear(&b);
	qf_buf_u8(&b, 'Q');
	qf_buf_u32(&b, (uint32_t)((256 << 20) - s.l->pending_bytes - 20 - 1));
	client_send(&hog, b.p, b.n);
	turn(&hog, 5 * QF_MS);
	assert_int_equal(s.l->pending_bytes, (256 << 20) - 20);
	assert_string_equal(say(&c, "D S s\nD S s\nS"), "1 t() T(n:20) t() T(n:20) Z(I)");
	assert_string_equal(qf_buf_cstr(&s.hub.log), described);
	assert_string_equal(say(&c, "D S s\nS"), "t() T(n:20) Z(I)");
	client_close(&hog);
	turn(&c, 5 * QF_MS);
	assert_string_equal(say(&c, "D S s\nS\nD S s\nS"), "t() T(n:20) Z(I) t() T(n:20) Z(I)");
	qf_buf_clear(&b);
	for (int i = 0; i < 3; i++)
		qf_buf_add_str(&b, described);
	assert_string_equal(qf_buf_cstr(&s.hub.log), qf_buf_cstr(&b));
	assert_string_equal(say(&c, "C S s\nS"), "3 Z(I)");
	assert_int_equal(s.l->pending_bytes, 0);
	qf_buf_fini(&b);
	client_close(&c);
	server_close(&s);
}

static void conversations(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].name;
		struct server s;
		struct client c;

		server_open(&s, script);
		log_in(&c, &s, alice);
		for (const struct step *st = cases[i].steps; st->lines; st++)
			wrong += differs(name, st->lines, say(&c, st->lines), st->want);
		wrong += differs(name, "(at the engine)", qf_buf_cstr(&s.hub.log), cases[i].log);
		client_close(&c);
		server_close(&s);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(an_execute_waits_for_what_stands_behind_it),
		cmocka_unit_test(every_cut_of_a_pipeline_gives_the_same),
		cmocka_unit_test(a_message_that_is_too_long_is_the_error_of_all_before_it),
		cmocka_unit_test(descriptions_are_bounded),
		cmocka_unit_test(statements_and_portals_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
