/* Statements through the PostgreSQL frontend: what the client reads, and what reached the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those: cmocka expects them */
#include <cmocka.h>

#include "pg_server.h"

static const char script[] = "match savepoint | affected 0\n"
			     "match rollback to | affected 0\n"
			     "match release | affected 0\n"
			     "match fail | error 42P01 no such table\n"
			     "match lost | lost the engine is gone\n"
			     "match hang | hang\n"
			     "match insert | affected 1\n"
			     "match rows3 | rows 3 bytes 2\n"
			     "match careful | notice mind the gap | rows 1\n"
			     "match none | rows 0\n"
			     "match nosuch | error 42601 has no translation\n"
			     "match timout | error 42704 no such setting\n"
			     "match /^set/ | affected 0\n"
			     "default | rows 1\n";

struct step {
	const char *sql, *want;
};

static const struct {
	const char *name;
	struct step steps[12];
	const char *log; /* what reached the engine */
} query_cases[] = {
	{ "one statement", { { "select 1", "T(n:20) D(1) C(SELECT 1) Z(I)" } }, "-:select 1|" },
	{ "comments and a semicolon", { { " /* a */ select 1 ; -- b", "T(n:20) D(1) C(SELECT 1) Z(I)" } }, "-:/* a */ select 1|" },
	{ "text columns, several rows", { { "select rows3", "T(n:20 text:25) D(1,xx) D(2,xx) D(3,xx) C(SELECT 3) Z(I)" } }, "-:select rows3|" },
	{ "no rows keep their columns", { { "select none", "T(n:20) C(SELECT 0) Z(I)" } }, "-:select none|" },
	{ "no columns", { { "insert into t values (1)", "C(INSERT 0 1) Z(I)" } }, "-:insert into t values (1)|" },
	{ "empty", { { "", "I Z(I)" }, { " ;; /* x */ ;", "I Z(I)" } }, "" },
	{ "error", { { "select fail", "E(ERROR 42P01 no such table) Z(I)" } }, "-:select fail|" },
	{ "notice", { { "select careful", "N(NOTICE 00000 mind the gap) T(n:20) D(1) C(SELECT 1) Z(I)" } }, "-:select careful|" },
	{ "client_min_messages hides it",
		{ { "set client_min_messages = warning", "C(SET) Z(I)" }, { "select careful", "T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"-:select careful|" },

	/* [PG 55.2.2.1] */
	{ "several statements are one transaction",
		{ { "insert a; insert b", "C(INSERT 0 1) C(INSERT 0 1) Z(I)" } }, "1:BEGIN|1:insert a|1:insert b|1:COMMIT|" },
	{ "an error undoes all of them",
		{ { "insert a; select fail; insert b", "C(INSERT 0 1) E(ERROR 42P01 no such table) Z(I)" } },
		"1:BEGIN|1:insert a|1:select fail|1:ROLLBACK|" },
	{ "one engine statement, last in the text, needs no transaction",
		{ { "set application_name = 'x'; select 1", "C(SET) T(n:20) D(1) C(SELECT 1) S(application_name=x) Z(I)" } },
		"-:select 1|" },
	{ "… but one that others follow does",
		{ { "insert a; set my.foo = 1; set jit = 7", "C(INSERT 0 1) C(SET) E(ERROR 22023 parameter \"jit\" requires a Boolean value) Z(I)" } },
		"1:BEGIN|1:insert a|1:ROLLBACK|" },
	{ "the commit comes before the last tag",
		{ { "insert a; show jit", "C(INSERT 0 1) T(jit:25) D(off) C(SHOW) Z(I)" } }, "1:BEGIN|1:insert a|1:COMMIT|" },
	{ "BEGIN alone sends nothing", { { "begin", "C(BEGIN) Z(T)" }, { "commit", "C(COMMIT) Z(I)" } }, "" },
	{ "a block",
		{ { "begin", "C(BEGIN) Z(T)" }, { "insert a", "C(INSERT 0 1) Z(T)" }, { "insert b", "C(INSERT 0 1) Z(T)" }, { "end", "C(COMMIT) Z(I)" } },
		"1:BEGIN|1:insert a|1:insert b|1:COMMIT|" },
	{ "a block rolled back",
		{ { "start transaction", "C(START TRANSACTION) Z(T)" }, { "insert a", "C(INSERT 0 1) Z(T)" }, { "abort", "C(ROLLBACK) Z(I)" } },
		"1:BEGIN|1:insert a|1:ROLLBACK|" },
	{ "a failed block takes nothing but its end",
		{ { "begin", "C(BEGIN) Z(T)" }, { "select fail", "E(ERROR 42P01 no such table) Z(E)" },
			{ "select 1", "E(ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)" },
			{ "show jit", "E(ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)" },
			{ "commit", "C(ROLLBACK) Z(I)" }, { "select 1", "T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"1:BEGIN|1:select fail|1:ROLLBACK|-:select 1|" },
	{ "an error here fails the block too",
		{ { "begin; insert a", "C(BEGIN) C(INSERT 0 1) Z(T)" }, { "set jit = 7", "E(ERROR 22023 parameter \"jit\" requires a Boolean value) Z(E)" },
			{ "rollback", "C(ROLLBACK) Z(I)" } },
		"1:BEGIN|1:insert a|1:ROLLBACK|" },
	{ "a block that ends inside the text; what follows is implicit",
		{ { "begin; insert a; commit; insert b; select fail", "C(BEGIN) C(INSERT 0 1) C(COMMIT) C(INSERT 0 1) E(ERROR 42P01 no such table) Z(I)" } },
		"1:BEGIN|1:insert a|1:COMMIT|2:BEGIN|2:insert b|2:select fail|2:ROLLBACK|" },
	{ "a BEGIN takes in what stood before it",
		{ { "insert a; begin; insert b", "C(INSERT 0 1) C(BEGIN) C(INSERT 0 1) Z(T)" }, { "rollback", "C(ROLLBACK) Z(I)" } },
		"1:BEGIN|1:insert a|1:insert b|1:ROLLBACK|" },
	{ "an error skips the ROLLBACK behind it",
		{ { "begin; select fail; rollback", "C(BEGIN) E(ERROR 42P01 no such table) Z(E)" }, { "rollback", "C(ROLLBACK) Z(I)" } },
		"1:BEGIN|1:select fail|1:ROLLBACK|" },
	{ "COMMIT in an implicit transaction",
		{ { "insert a; commit; insert b", "C(INSERT 0 1) N(WARNING 25P01 there is no transaction in progress) C(COMMIT) C(INSERT 0 1) Z(I)" } },
		"1:BEGIN|1:insert a|1:COMMIT|-:insert b|" },
	{ "COMMIT and ROLLBACK without a block",
		{ { "commit", "N(WARNING 25P01 there is no transaction in progress) C(COMMIT) Z(I)" },
			{ "rollback work", "N(WARNING 25P01 there is no transaction in progress) C(ROLLBACK) Z(I)" } },
		"" },
	{ "BEGIN in a block",
		{ { "begin", "C(BEGIN) Z(T)" }, { "begin", "N(WARNING 25001 there is already a transaction in progress) C(BEGIN) Z(T)" } }, "" },
	{ "AND CHAIN begins the next like it",
		{ { "begin isolation level serializable, read write", "C(BEGIN) Z(T)" }, { "insert a", "C(INSERT 0 1) Z(T)" },
			{ "commit and chain", "C(COMMIT) Z(T)" }, { "show transaction_isolation", "T(transaction_isolation:25) D(serializable) C(SHOW) Z(T)" },
			{ "rollback and no chain", "C(ROLLBACK) Z(I)" },
			{ "show transaction_isolation", "T(transaction_isolation:25) D(read committed) C(SHOW) Z(I)" },
			{ "commit and chain", "E(ERROR 25P01 COMMIT AND CHAIN can only be used in transaction blocks) Z(I)" } },
		"1:BEGIN ISOLATION LEVEL serializable READ WRITE|1:insert a|1:COMMIT|" },
	{ "savepoints are the engine's, in blocks only",
		{ { "savepoint a", "E(ERROR 25P01 SAVEPOINT can only be used in transaction blocks) Z(I)" },
			{ "begin; savepoint a", "C(BEGIN) C(SAVEPOINT) Z(T)" }, { "select fail", "E(ERROR 42P01 no such table) Z(E)" },
			{ "select 1", "E(ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)" },
			{ "rollback to a", "C(ROLLBACK) Z(T)" }, { "select 1", "T(n:20) D(1) C(SELECT 1) Z(T)" },
			{ "release a; rollback", "C(RELEASE) C(ROLLBACK) Z(I)" } },
		"1:BEGIN|1:savepoint a|1:select fail|1:rollback to a|1:select 1|1:release a|1:ROLLBACK|" },
	{ "read only",
		{ { "begin read only", "C(BEGIN) Z(T)" }, { "select 1", "T(n:20) D(1) C(SELECT 1) Z(T)" },
			{ "insert into t values (1)", "E(ERROR 25006 cannot execute INSERT in a read-only transaction) Z(E)" }, { "rollback", "C(ROLLBACK) Z(I)" },
			{ "set session characteristics as transaction read only", "C(SET) S(default_transaction_read_only=on) Z(I)" },
			{ "delete from t", "E(ERROR 25006 cannot execute DELETE in a read-only transaction) Z(I)" } },
		"1:BEGIN READ ONLY|1:select 1|1:ROLLBACK|" },
	{ "SET TRANSACTION comes first or not at all",
		{ { "set transaction isolation level serializable", "N(WARNING 25P01 SET TRANSACTION can only be used in transaction blocks) C(SET) Z(I)" },
			{ "begin; set transaction isolation level repeatable read; show transaction_isolation",
				"C(BEGIN) C(SET) T(transaction_isolation:25) D(repeatable read) C(SHOW) Z(T)" },
			{ "select 1", "T(n:20) D(1) C(SELECT 1) Z(T)" },
			{ "set transaction isolation level serializable", "E(ERROR 25001 SET TRANSACTION ISOLATION LEVEL must be called before any query) Z(E)" } },
		"1:BEGIN ISOLATION LEVEL repeatable read|1:select 1|" },
	{ "a transaction whose engine is gone",
		{ { "begin; insert a", "C(BEGIN) C(INSERT 0 1) Z(T)" }, { "select lost", "E(ERROR 08007 the engine is gone) Z(E)" },
			{ "select 1", "E(ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block) Z(E)" },
			{ "commit", "C(ROLLBACK) Z(I)" }, { "select 1", "T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"1:BEGIN|1:insert a|1:select lost|-:select 1|" },
	{ "syntax errors of our own statements",
		{ { "select 1; begin  isolation levle serializable", "T(n:20) D(1) C(SELECT 1) E(ERROR 42601 syntax error at or near \"levle\" p28) Z(I)" },
			{ "commit and", "E(ERROR 42601 syntax error at end of input p11) Z(I)" },
			{ "start", "E(ERROR 42601 syntax error at end of input p6) Z(I)" },
			{ "commit prepared 'x'", "E(ERROR 0A000 Two-phase commit is not supported) Z(I)" },
			{ "discard", "E(ERROR 42601 syntax error at end of input p8) Z(I)" } },
		"1:BEGIN|1:select 1|1:ROLLBACK|" },

	/* before anything runs */
	{ "an open string anywhere stops all of it",
		{ { "insert a; select 'ö', 'x", "E(ERROR 42601 unterminated quoted string at or near \"'x\" p23) Z(I)" },
			{ "select /* x", "E(ERROR 42601 unterminated /* comment at or near \"/* x\" p8) Z(I)" },
			{ "select $a$ x", "E(ERROR 42601 unterminated dollar-quoted string at or near \"$a$ x\" p8) Z(I)" },
			{ "select \"x", "E(ERROR 42601 unterminated quoted identifier at or near \"\"x\" p8) Z(I)" } },
		"" },
	{ "invalid UTF-8",
		{ { "select '\xff'", "E(ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff) Z(I)" },
			{ "select '\xe2\x28\xa1'", "E(ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1) Z(I)" } },
		"" },

	/* what is answered here */
	{ "SET and SHOW",
		{ { "set timezone to 'europe/berlin'", "C(SET) S(TimeZone=Europe/Berlin) Z(I)" }, { "show time zone", "T(TimeZone:25) D(Europe/Berlin) C(SHOW) Z(I)" },
			{ "set time zone 'Nowhere/Land'", "E(ERROR 22023 invalid value for parameter \"TimeZone\": \"Nowhere/Land\") Z(I)" },
			{ "reset timezone", "C(RESET) S(TimeZone=UTC) Z(I)" },
			{ "set statement_timeout = '90s'; show statement_timeout", "C(SET) T(statement_timeout:25) D(90s) C(SHOW) Z(I)" },
			{ "set statement_timeout = -1", "E(ERROR 22023 -1 ms is outside the valid range for parameter \"statement_timeout\" (0 .. 2147483647)) Z(I)" },
			{ "set extra_float_digits = 9", "E(ERROR 22023 9 is outside the valid range for parameter \"extra_float_digits\" (-15 .. 3)) Z(I)" } },
		"" },
	{ "SET of what cannot be",
		{ { "set server_version = '9'", "E(ERROR 55P02 parameter \"server_version\" cannot be changed) Z(I)" },
			{ "set client_encoding = 'LATIN1'", "E(ERROR 22023 invalid value for parameter \"client_encoding\": \"LATIN1\" h[Only UTF8 is supported.]) Z(I)" },
			{ "set names 'sql_ascii'", "C(SET) S(client_encoding=SQL_ASCII) Z(I)" },
			{ "set datestyle = 'German'", "E(ERROR 22023 invalid value for parameter \"DateStyle\": \"German\" h[Only the ISO style is supported.]) Z(I)" },
			{ "set standard_conforming_strings = off", "E(ERROR 22023 invalid value for parameter \"standard_conforming_strings\": \"off\" h[Available values: on.]) Z(I)" },
			{ "set queryflux.dialct = 'x'", "E(ERROR 42704 unrecognized configuration parameter \"queryflux.dialct\" h[Perhaps you meant \"queryflux.dialect\".]) Z(I)" } },
		"" },
	{ "what is not known here the engine judges",
		{ { "set statement_timout = 1", "E(ERROR 42704 unrecognized configuration parameter \"statement_timout\" h[Perhaps you meant \"statement_timeout\".]) Z(I)" },
			{ "show work_mem", "T(n:20) D(1) C(SHOW) Z(I)" }, { "set work_mem = '1MB'", "C(SET) Z(I)" },
			{ "begin; set local work_mem = '2MB'; set geqo = off; rollback", "C(BEGIN) C(SET) C(SET) C(ROLLBACK) Z(I)" },
			{ "select 1", "T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"-:set statement_timout = 1|-:show work_mem|-:set work_mem = '1MB'|1:BEGIN|1:set local work_mem = '2MB'|1:set geqo = off|1:ROLLBACK|"
		"-:select 1|" },
	{ "SET goes back with its transaction",
		{ { "begin; set application_name = 'a'", "C(BEGIN) C(SET) S(application_name=a) Z(T)" }, { "rollback", "C(ROLLBACK) S(application_name=) Z(I)" },
			{ "begin; set application_name = 'b'; commit", "C(BEGIN) C(SET) C(COMMIT) S(application_name=b) Z(I)" },
			{ "begin; set application_name = 'c'; set local application_name = 'd'", "C(BEGIN) C(SET) C(SET) S(application_name=d) Z(T)" },
			{ "commit", "C(COMMIT) S(application_name=c) Z(I)" },
			{ "set local application_name = 'e'", "N(WARNING 25P01 SET LOCAL can only be used in transaction blocks) C(SET) Z(I)" },
			{ "set application_name = 'f'; set jit = x", "C(SET) E(ERROR 22023 parameter \"jit\" requires a Boolean value) Z(I)" } },
		"" },
	{ "a name with a dot is the client's own",
		{ { "show my.app", "E(ERROR 42704 unrecognized configuration parameter \"my.app\" h[SHOW ALL lists the settings of a session.]) Z(I)" },
			{ "set my.app = 'x'; show my.app", "C(SET) T(my.app:25) D(x) C(SHOW) Z(I)" }, { "reset my.app; show my.app", "C(RESET) T(my.app:25) D() C(SHOW) Z(I)" },
			{ "set queryflux.dialct = 'x'", "E(ERROR 42704 unrecognized configuration parameter \"queryflux.dialct\" h[Perhaps you meant \"queryflux.dialect\".]) Z(I)" } },
		"" },
	{ "dialect and tags",
		{ { "set queryflux.dialect = Trino; show queryflux.dialect", "C(SET) T(queryflux.dialect:25) D(trino) C(SHOW) Z(I)" },
			{ "show tables", "T(n:20) D(1) C(SHOW) Z(I)" },
			{ "set queryflux.dialect = 'trini'", "E(ERROR 22023 invalid value for parameter \"queryflux.dialect\": \"trini\" h[Perhaps you meant \"trino\".]) Z(I)" },
			{ "set queryflux.tags = 'a=b, c'", "C(SET) Z(I)" },
			{ "set queryflux.tags = '=b'", "E(ERROR 22023 invalid value for parameter \"queryflux.tags\": \"=b\" h[Write tags as \"team=ads,nightly\": at most 64, each with a key.]) Z(I)" } },
		"-:show tables|" },
	{ "modes of a transaction",
		{ { "begin isolation level read committed, not deferrable read write", "C(BEGIN) Z(T)" },
			{ "show transaction_isolation; show transaction_deferrable; rollback",
				"T(transaction_isolation:25) D(read committed) C(SHOW) T(transaction_deferrable:25) D(off) C(SHOW) C(ROLLBACK) Z(I)" },
			{ "begin read write,", "E(ERROR 42601 syntax error at end of input p18) Z(I)" },
			{ "begin isolation level read only", "E(ERROR 42601 syntax error at or near \"only\" p28) Z(I)" },
			{ "start transaction read only, deferrable; set transaction snapshot 'x'",
				"C(START TRANSACTION) E(ERROR 0A000 SET TRANSACTION SNAPSHOT is not supported) Z(E)" },
			{ "abort; begin read only; select 1; set transaction read write",
				"C(ROLLBACK) C(BEGIN) T(n:20) D(1) C(SELECT 1) E(ERROR 25001 transaction read-write mode must be set before any query) Z(E)" } },
		"1:BEGIN READ ONLY|1:select 1|" },
	{ "values that are not what they look like",
		{ { "set extra_float_digits = '2'; set extra_float_digits = two",
			  "C(SET) E(ERROR 22023 invalid value for parameter \"extra_float_digits\": \"two\") Z(I)" },
			{ "set lock_timeout = '3 parsecs'",
				"E(ERROR 22023 invalid value for parameter \"lock_timeout\": \"3 parsecs\" "
				"h[Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".]) Z(I)" },
			{ "set lock_timeout = '90 min'; show lock_timeout", "C(SET) T(lock_timeout:25) D(90min) C(SHOW) Z(I)" },
			{ "set datestyle = 'iso, european'; show datestyle", "C(SET) T(DateStyle:25) D(ISO, DMY) C(SHOW) S(DateStyle=ISO, DMY) Z(I)" },
			{ "set queryflux.dialect = 'zzzzzzzzzz'",
				"E(ERROR 22023 invalid value for parameter \"queryflux.dialect\": \"zzzzzzzzzz\" h[qf-translate --list-dialects lists them.]) Z(I)" } },
		"" },
	{ "what drivers send to clean up",
		{ { "discard all", "C(DISCARD ALL) Z(I)" }, { "begin; discard all", "C(BEGIN) E(ERROR 25001 DISCARD ALL cannot run inside a transaction block) Z(E)" },
			{ "rollback", "C(ROLLBACK) Z(I)" },
			{ "close all; unlisten *; reset all; deallocate all; discard temp", "C(CLOSE CURSOR ALL) C(UNLISTEN) C(RESET) C(DEALLOCATE ALL) C(DISCARD TEMP) Z(I)" },
			{ "deallocate prepare x", "E(ERROR 26000 prepared statement \"x\" does not exist) Z(I)" },
			{ "discard everything", "E(ERROR 42601 syntax error at or near \"everything\" p9) Z(I)" },
			{ "close", "E(ERROR 42601 syntax error at end of input p6) Z(I)" },
			{ "close c", "E(ERROR 34000 cursor \"c\" does not exist) Z(I)" } },
		"" },
	{ "what is refused, with what to do instead",
		{ { "use shop", "E(ERROR 0A000 USE is not supported h[The database is chosen when connecting, the schema with SET search_path.]) Z(I)" },
			{ "copy t to 'file'", "T(n:20) D(1) C(COPY 1) Z(I)" } },
		"-:copy t to 'file'|" },
	{ "cursors, COPY and LISTEN are the engine's",
		{ { "declare c cursor for select none", "C(DECLARE CURSOR) Z(I)" }, { "copy t from stdin none", "T(n:20) C(COPY 0) Z(I)" },
			{ "listen x", "T(n:20) D(1) C(LISTEN) Z(I)" }, { "begin; select 1; close c; unlisten *; discard temp",
				"C(BEGIN) T(n:20) D(1) C(SELECT 1) T(n:20) D(1) C(CLOSE CURSOR) T(n:20) D(1) C(UNLISTEN) T(n:20) D(1) C(DISCARD TEMP) Z(T)" } },
		"-:declare c cursor for select none|-:copy t from stdin none|-:listen x|1:BEGIN|1:select 1|1:close c|1:unlisten *|1:discard temp|" },
	{ "… and what it does not have is said in other words",
		{ { "declare c cursor for nosuch", "E(ERROR 42601 syntax error at or near \"nosuch\" p22) Z(I)" },
			{ "copy t from stdin nosuch", "E(ERROR 42601 syntax error at or near \"nosuch\" p19) Z(I)" },
			{ "notify nosuch", "E(ERROR 0A000 LISTEN or NOTIFY is not supported by the engine of this group h[Sessions cannot notify each other there; poll a table.]) Z(I)" },
			{ "copy nosuch to 'file'", "E(ERROR 42501 COPY to or from a file or a program is not allowed here h[Use COPY TO STDOUT or COPY FROM STDIN; psql's \\copy does.]) Z(I)" }, { "copy fail to stdout", "E(ERROR 42P01 no such table) Z(I)" } },
		"-:declare c cursor for nosuch|-:copy t from stdin nosuch|-:notify nosuch|-:copy nosuch to 'file'|-:copy fail to stdout|" },
	{ "PREPARE, EXECUTE, DEALLOCATE",
		{ { "prepare p (int, text, timestamp(3) with time zone, mood) as select $1, $2, $3, $4", "C(PREPARE) Z(I)" },
			{ "execute p (-1, 'it''s', null, E'a\\tb'::text)", "T(n:20) D(1) C(SELECT 1) Z(I)" },
			{ "select 1; execute p (1, 2, 3, 'x'::date)",
				"T(n:20) D(1) C(SELECT 1) E(ERROR 0A000 an argument of EXECUTE that is not a literal is not supported p36 "
				"h[Write a number, a string, TRUE, FALSE or NULL.]) Z(I)" },
			{ "execute p (true, '2', '3'::timestamptz, 4)", "T(n:20) D(1) C(SELECT 1) Z(I)" },
			{ "execute p (1, 2)", "E(ERROR 42601 wrong number of parameters for prepared statement \"p\" d[Expected 4 parameters but got 2.]) Z(I)" },
			{ "execute p", "E(ERROR 42601 wrong number of parameters for prepared statement \"p\" d[Expected 4 parameters but got 0.]) Z(I)" },
			{ "execute p (1, 2, 3, 4) x", "E(ERROR 42601 syntax error at or near \"x\" p24) Z(I)" },
			{ "execute p (1, 2, 3, now())", "E(ERROR 0A000 an argument of EXECUTE that is not a literal is not supported p21 "
				"h[Write a number, a string, TRUE, FALSE or NULL.]) Z(I)" },
			{ "execute \"P\"", "E(ERROR 26000 prepared statement \"P\" does not exist) Z(I)" },
			{ "deallocate P; deallocate p", "C(DEALLOCATE) E(ERROR 26000 prepared statement \"p\" does not exist) Z(I)" } },
		"-:describe select $1, $2, $3, $4|-:select $1, $2, $3, $4 [-1,it's,~,a\tb]|1:BEGIN|1:select 1|1:ROLLBACK|"
		"-:select $1, $2, $3, $4 [true,2,3,4]|" },
	{ "PREPARE is judged when it comes",
		{ { "prepare p as select fail", "E(ERROR 42P01 no such table) Z(I)" }, { "prepare p as insert into t values (1)", "C(PREPARE) Z(I)" },
			{ "prepare p as select 1", "E(ERROR 42P05 prepared statement \"p\" already exists) Z(I)" }, { "execute p", "C(INSERT 0 1) Z(I)" },
			{ "prepare q as begin", "E(ERROR 42601 syntax error at or near \"begin\" p14) Z(I)" },
			{ "prepare q (int as select 1", "E(ERROR 42601 syntax error at end of input p27) Z(I)" },
			{ "prepare", "E(ERROR 42601 syntax error at end of input p8) Z(I)" },
			{ "deallocate all; execute p", "C(DEALLOCATE ALL) E(ERROR 26000 prepared statement \"p\" does not exist) Z(I)" } },
		"-:describe select fail|-:describe insert into t values (1)|-:insert into t values (1)|" },
	{ "set_config alone is SET",
		{ { "select set_config('TimeZone', 'asia/tokyo', false)", "T(set_config:25) D(Asia/Tokyo) C(SELECT 1) S(TimeZone=Asia/Tokyo) Z(I)" },
			{ "begin; select pg_catalog.set_config('search_path', '', true) as \"P\"; rollback; show search_path",
				"C(BEGIN) T(P:25) D() C(SELECT 1) C(ROLLBACK) T(search_path:25) D(\"$user\", public) C(SHOW) Z(I)" },
			{ "select set_config('TimeZone', null, 'f')", "T(set_config:25) D(UTC) C(SELECT 1) S(TimeZone=UTC) Z(I)" },
			{ "select set_config('jit', 'x', false)", "E(ERROR 22023 parameter \"jit\" requires a Boolean value) Z(I)" },
			{ "select set_config('work_mem', '1MB', false)", "T(n:20) D(1) C(SELECT 1) Z(I)" },
			{ "select set_config('jit', 'on', false), 1", "T(n:20) D(1) C(SELECT 1) Z(I)" } },
		"-:select set_config('work_mem', '1MB', false)|-:select set_config('jit', 'on', false), 1|" },
};

static void statements_are_answered_as_postgresql_would(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(query_cases) / sizeof(query_cases[0]); i++) {
		const char *name = query_cases[i].name;
		struct server s;
		struct client c;

		server_open(&s, script);
		log_in(&c, &s, alice);
		for (const struct step *st = query_cases[i].steps; st->sql; st++)
			wrong += differs(name, st->sql, query(&c, st->sql), st->want);
		wrong += differs(name, "(at the engine)", qf_buf_cstr(&s.hub.log), query_cases[i].log);
		client_close(&c);
		server_close(&s);
	}
	assert_int_equal(wrong, 0);
}

static void positions_count_from_the_start_of_the_text(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	s.hub.error_position = 3;
	assert_string_equal(query(&c, "select 'ö'; /*ä*/ select fail"),
		"T(n:20) D(1) C(SELECT 1) E(ERROR 42P01 no such table p15) Z(I)");
	client_close(&c);
	server_close(&s);
}

static void a_commit_that_fails_is_told(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, "match commit | error 23503 deferred\nmatch insert | affected 1\n");
	log_in(&c, &s, alice);
	/* The implicit one takes the place of the last tag. */
	assert_string_equal(query(&c, "insert a; insert b"), "C(INSERT 0 1) E(ERROR 23503 deferred) Z(I)");
	assert_string_equal(query(&c, "begin; insert c; set jit = on; commit and chain; insert d"),
		"C(BEGIN) C(INSERT 0 1) C(SET) E(ERROR 23503 deferred) Z(I)");
	assert_string_equal(query(&c, "show jit"), "T(jit:25) D(off) C(SHOW) Z(I)");
	client_close(&c);
	server_close(&s);
}

/* Its engine died between two statements: the client learns it with the next one, and COMMIT never lies. */
static void a_transaction_lost_while_idle_is_told(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	query(&c, "begin; insert a");
	hub_lose_pin(s.hub.last_pin);
	assert_string_equal(query(&c, "insert b"),
		"E(ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block "
		"d[The connection that held the transaction was lost; nothing of it took effect.]) Z(E)");
	assert_string_equal(query(&c, "commit"), "C(ROLLBACK) Z(I)");
	query(&c, "begin; insert a");
	hub_lose_pin(s.hub.last_pin);
	assert_string_equal(query(&c, "commit"),
		"E(ERROR 57P01 the connection that held the transaction was lost; nothing of it took effect) Z(I)");
	query(&c, "begin; insert a");
	hub_lose_pin(s.hub.last_pin);
	assert_string_equal(query(&c, "rollback"), "C(ROLLBACK) Z(I)");
	assert_string_equal(qf_buf_cstr(&s.hub.log), "1:BEGIN|1:insert a|2:BEGIN|2:insert a|3:BEGIN|3:insert a|");
	client_close(&c);
	server_close(&s);
}

static void a_text_of_a_thousand_statements(void **state)
{
	struct server s;
	struct client c;
	struct qf_buf text = { 0 };
	unsigned n = 0;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	for (int i = 0; i < 1000; i++)
		qf_buf_printf(&text, "set my.setting = %d;;\n", i);
	qf_buf_add_str(&text, "show my.setting");
	query(&c, qf_buf_cstr(&text));
	for (const char *p = qf_buf_cstr(&c.text); (p = strstr(p, "C(SET)")); p++)
		n++;
	assert_int_equal(n, 1000);
	assert_non_null(strstr(qf_buf_cstr(&c.text), "C(SET) T(my.setting:25) D(999) C(SHOW) Z(I)"));
	qf_buf_fini(&text);
	client_close(&c);
	server_close(&s);
}

static void a_session_keeps_a_bounded_number_of_settings(void **state)
{
	struct server s;
	struct client c;
	char sql[9000];

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	for (int i = 0; i <= 64; i++) {
		snprintf(sql, sizeof(sql), "set my.setting%d = 1", i);
		assert_int_equal(strcmp(query(&c, sql), "C(SET) Z(I)") == 0, i < 64);
	}
	assert_string_equal(qf_buf_cstr(&c.text), "E(ERROR 54000 too many settings in this session, the limit is 64) Z(I)");
	memcpy(sql, "set application_name = '", 24);
	memset(sql + 24, 'x', 8500);
	memcpy(sql + 8524, "'", 2);
	assert_string_equal(query(&c, sql), "E(ERROR 54000 value of parameter \"application_name\" is longer than 8192 bytes) Z(I)");
	client_close(&c);
	server_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_answered_as_postgresql_would),
		cmocka_unit_test(positions_count_from_the_start_of_the_text),
		cmocka_unit_test(a_commit_that_fails_is_told),
		cmocka_unit_test(a_transaction_lost_while_idle_is_told),
		cmocka_unit_test(a_text_of_a_thousand_statements),
		cmocka_unit_test(a_session_keeps_a_bounded_number_of_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
