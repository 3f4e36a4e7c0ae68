/* Command tags: what PostgreSQL 15.20 answered to each of these statements; at the end what it does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qf/sql.h"

#define N(v) (sizeof(v) / sizeof((v)[0]))

static void tags_are_those_of_postgres(void **state)
{
	static const struct {
		const char *tag;
		uint64_t rows;
		const char *text;
	} cases[] = {
		{ "CREATE TABLE", 0, "create table t (a int, b text)" },
		{ "INSERT 0 2", 2, "insert into t values (1,'x'),(2,'y')" },
		{ "INSERT 0 1", 1, "insert into t select 3,'z' returning a" },
		{ "SELECT 3", 3, "select * from t" },
		{ "SELECT 3", 3, "select * into t9 from t" },
		{ "SELECT 3", 3, "values (1),(2),(3)" },
		{ "SELECT 3", 3, "table t" },
		{ "SELECT 2", 2, "(select 1) union all select 2" },
		{ "SELECT 1", 1, "with x as (select 1) select * from x" },
		{ "SELECT 1", 1, "with x as (delete from t where a=3 returning *) select * from x" },
		{ "INSERT 0 1", 1, "with x as (select 5 a) insert into t select a,'w' from x" },
		{ "UPDATE 1", 1, "update t set b='q' where a=1" },
		{ "DELETE 0", 0, "delete from t where a=77" },
		{ "MERGE 1", 1,
			"merge into t using (values (1,'m')) s(a,b) on t.a=s.a when matched then update set b=s.b" },
		{ "SELECT 3", 3, "create table t2 as select * from t" },
		{ "CREATE TABLE AS", 0, "create table t3 as select * from t with no data" },
		{ "CREATE TABLE", 0, "create table t4 (a int generated always as identity, data int)" },
		{ "SELECT 3", 3, "create table if not exists t5 as table t" },
		{ "CREATE TABLE", 0, "create temp table tt (a int)" },
		{ "CREATE TABLE", 0, "create unlogged table tu (a int)" },
		{ "SELECT 3", 3, "create materialized view mv as select * from t" },
		{ "CREATE MATERIALIZED VIEW", 0, "create materialized view mv2 as select * from t with no data" },
		{ "REFRESH MATERIALIZED VIEW", 0, "refresh materialized view mv" },
		{ "CREATE VIEW", 0, "create view v as select 1 a" },
		{ "CREATE VIEW", 0, "create or replace view v as select 1 a" },
		{ "CREATE VIEW", 0, "create recursive view rv(n) as select 1" },
		{ "CREATE VIEW", 0, "create temporary view tv as select 1" },
		{ "CREATE INDEX", 0, "create index i on t(a)" },
		{ "CREATE INDEX", 0, "create unique index i2 on t2(a)" },
		{ "CREATE SEQUENCE", 0, "create sequence s" },
		{ "CREATE SCHEMA", 0, "create schema sc" },
		{ "CREATE TYPE", 0, "create type ty as (a int)" },
		{ "CREATE TYPE", 0, "create type en as enum ('a')" },
		{ "CREATE DOMAIN", 0, "create domain dm as int" },
		{ "CREATE ROLE", 0, "create role r1" },
		{ "CREATE ROLE", 0, "create user u1" },
		{ "CREATE ROLE", 0, "create group g1" },
		{ "CREATE EXTENSION", 0, "create extension if not exists plpgsql" },
		{ "CREATE FUNCTION", 0, "create function f(int) returns int language sql as 'select $1'" },
		{ "CREATE FUNCTION", 0,
			"create or replace function f(int) returns int language sql begin atomic select $1; end" },
		{ "CREATE PROCEDURE", 0, "create procedure p() language sql as 'select 1'" },
		{ "CREATE AGGREGATE", 0, "create aggregate ag(int) (sfunc=int4pl, stype=int)" },
		{ "CREATE OPERATOR", 0, "create operator === (leftarg=int, rightarg=int, function=int4eq)" },
		{ "CREATE OPERATOR FAMILY", 0, "create operator family of1 using btree" },
		{ "CREATE OPERATOR CLASS", 0, "create operator class oc1 for type int using btree as operator 1 <" },
		{ "CREATE CAST", 0, "create cast (text as ty) with inout" },
		{ "CREATE COLLATION", 0, "create collation co from \"C\"" },
		{ "CREATE CONVERSION", 0,
			"create default conversion cv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8" },
		{ "CREATE RULE", 0, "create rule ru as on insert to t2 do also (select 1; select 2)" },
		{ "CREATE TRIGGER", 0,
			"create trigger tr before update on t for each row execute function "
				"suppress_redundant_updates_trigger()" },
		{ "CREATE TRIGGER", 0,
			"create constraint trigger ctr after insert on t for each row execute function "
				"suppress_redundant_updates_trigger()" },
		{ "CREATE STATISTICS", 0, "create statistics st on a,b from t" },
		{ "CREATE TEXT SEARCH CONFIGURATION", 0, "create text search configuration tsc (copy=english)" },
		{ "CREATE TEXT SEARCH DICTIONARY", 0, "create text search dictionary tsd (template=simple)" },
		{ "CREATE FOREIGN DATA WRAPPER", 0, "create foreign data wrapper fdw1" },
		{ "CREATE SERVER", 0, "create server sv foreign data wrapper fdw1" },
		{ "CREATE USER MAPPING", 0, "create user mapping for current_user server sv" },
		{ "CREATE FOREIGN TABLE", 0, "create foreign table ft (a int) server sv" },
		{ "CREATE PUBLICATION", 0, "create publication pub" },
		{ "CREATE POLICY", 0, "create policy po on t" },
		{ "CREATE LANGUAGE", 0, "create trusted procedural language plx handler plpgsql_call_handler" },
		{ "CREATE ACCESS METHOD", 0, "create access method am1 type index handler bthandler" },
		{ "CREATE TRANSFORM", 0,
			"create transform for int language sql (from sql with function prsd_lextype(internal))" },
		{ "ALTER TABLE", 0, "alter table t add column c int" },
		{ "ALTER TABLE", 0, "alter table t rename column c to d" },
		{ "ALTER TABLE", 0, "alter table t drop column d" },
		{ "ALTER VIEW", 0, "alter view v rename to v2" },
		{ "ALTER INDEX", 0, "alter index i rename to i3" },
		{ "ALTER SEQUENCE", 0, "alter sequence s restart" },
		{ "ALTER ROLE", 0, "alter role r1 login" },
		{ "ALTER ROLE", 0, "alter user u1 nologin" },
		{ "ALTER ROLE", 0, "alter group g1 add user u1" },
		{ "ALTER DATABASE", 0, "alter database postgres set work_mem='4MB'" },
		{ "ALTER DEFAULT PRIVILEGES", 0, "alter default privileges grant select on tables to r1" },
		{ "ALTER FUNCTION", 0, "alter function f(int) immutable" },
		{ "ALTER PROCEDURE", 0, "alter procedure p() rename to p2" },
		{ "ALTER ROUTINE", 0, "alter routine p2() rename to p" },
		{ "ALTER SCHEMA", 0, "alter schema sc rename to sc2" },
		{ "ALTER TYPE", 0, "alter type en add value 'b'" },
		{ "ALTER DOMAIN", 0, "alter domain dm set not null" },
		{ "ALTER MATERIALIZED VIEW", 0, "alter materialized view mv rename to mv9" },
		{ "ALTER TEXT SEARCH CONFIGURATION", 0, "alter text search configuration tsc rename to tsc2" },
		{ "ALTER FOREIGN TABLE", 0, "alter foreign table ft add column b int" },
		{ "ALTER FOREIGN DATA WRAPPER", 0, "alter foreign data wrapper fdw1 options (a 'b')" },
		{ "ALTER SERVER", 0, "alter server sv options (a 'b')" },
		{ "ALTER USER MAPPING", 0, "alter user mapping for current_user server sv options (a 'b')" },
		{ "ALTER PUBLICATION", 0, "alter publication pub set (publish='insert')" },
		{ "ALTER POLICY", 0, "alter policy po on t rename to po2" },
		{ "ALTER SYSTEM", 0, "alter system set work_mem='4MB'" },
		{ "ALTER SYSTEM", 0, "alter system reset all" },
		{ "ALTER EXTENSION", 0, "alter extension plpgsql update" },
		{ "ALTER OPERATOR", 0, "alter operator === (int,int) set schema public" },
		{ "ALTER OPERATOR FAMILY", 0, "alter operator family of1 using btree rename to of2" },
		{ "ALTER COLLATION", 0, "alter collation co rename to co2" },
		{ "ALTER TRIGGER", 0, "alter trigger tr on t rename to tr2" },
		{ "ALTER RULE", 0, "alter rule ru on t2 rename to ru2" },
		{ "ALTER STATISTICS", 0, "alter statistics st rename to st2" },
		{ "ALTER LANGUAGE", 0, "alter language plx rename to ply" },
		{ "ALTER LANGUAGE", 0, "alter procedural language ply rename to plx" },
		{ "ALTER AGGREGATE", 0, "alter aggregate ag(int) rename to ag2" },
		{ "ALTER CONVERSION", 0, "alter conversion cv rename to cv2" },
		{ "ALTER TABLESPACE", 0, "alter tablespace pg_default reset (seq_page_cost)" },
		{ "GRANT", 0, "grant select on t to r1" },
		{ "GRANT ROLE", 0, "grant r1 to u1" },
		{ "REVOKE", 0, "revoke select on t from r1" },
		{ "REVOKE ROLE", 0, "revoke r1 from u1" },
		{ "GRANT", 0, "grant all on all tables in schema public to r1" },
		{ "COMMENT", 0, "comment on table t is 'x'" },
		{ "BEGIN", 0, "begin" },
		{ "BEGIN", 0, "begin transaction isolation level serializable" },
		{ "COMMIT", 0, "commit" },
		{ "START TRANSACTION", 0, "start transaction" },
		{ "SAVEPOINT", 0, "savepoint a" },
		{ "ROLLBACK", 0, "rollback to savepoint a" },
		{ "RELEASE", 0, "release savepoint a" },
		{ "ROLLBACK", 0, "rollback" },
		{ "BEGIN", 0, "begin work" },
		{ "COMMIT", 0, "end" },
		{ "BEGIN", 0, "begin" },
		{ "ROLLBACK", 0, "abort" },
		{ "BEGIN", 0, "begin" },
		{ "BEGIN", 0, "begin" },
		{ "DECLARE CURSOR", 0, "declare c cursor for select * from t" },
		{ "FETCH 2", 2, "fetch 2 from c" },
		{ "FETCH 1", 1, "fetch all from c" },
		{ "MOVE 3", 3, "move backward all in c" },
		{ "MOVE 1", 1, "move first from c" },
		{ "CLOSE CURSOR", 0, "close c" },
		{ "DECLARE CURSOR", 0, "declare c2 scroll cursor with hold for select 1" },
		{ "CLOSE CURSOR ALL", 0, "close all" },
		{ "LOCK TABLE", 0, "lock table t in access share mode" },
		{ "LOCK TABLE", 0, "lock t" },
		{ "SET CONSTRAINTS", 0, "set constraints all deferred" },
		{ "SET", 0, "set transaction read only" },
		{ "SET", 0, "set local work_mem='1MB'" },
		{ "COMMIT", 0, "commit" },
		{ "SET", 0, "set work_mem='8MB'" },
		{ "SET", 0, "set session characteristics as transaction isolation level read committed" },
		{ "SET", 0, "set time zone 'UTC'" },
		{ "SET", 0, "set session authorization default" },
		{ "SET", 0, "set role none" },
		{ "RESET", 0, "reset work_mem" },
		{ "RESET", 0, "reset all" },
		{ "SHOW", 0, "show work_mem" },
		{ "SHOW", 0, "show all" },
		{ "EXPLAIN", 0, "explain select 1" },
		{ "EXPLAIN", 0, "explain (analyze) select 1" },
		{ "EXPLAIN", 0, "explain delete from t" },
		{ "PREPARE", 0, "prepare ps as select 1" },
		{ "PREPARE", 0, "prepare ps2(int) as select $1" },
		{ "DEALLOCATE", 0, "deallocate ps" },
		{ "DEALLOCATE", 0, "deallocate prepare ps2" },
		{ "DEALLOCATE ALL", 0, "deallocate all" },
		{ "LISTEN", 0, "listen ch" },
		{ "NOTIFY", 0, "notify ch, 'x'" },
		{ "UNLISTEN", 0, "unlisten *" },
		{ "DISCARD PLANS", 0, "discard plans" },
		{ "DISCARD SEQUENCES", 0, "discard sequences" },
		{ "DISCARD TEMP", 0, "discard temp" },
		{ "DISCARD TEMP", 0, "discard temporary" },
		{ "DISCARD ALL", 0, "discard all" },
		{ "VACUUM", 0, "vacuum t" },
		{ "VACUUM", 0, "vacuum (analyze) t" },
		{ "ANALYZE", 0, "analyze t" },
		{ "ANALYZE", 0, "analyse t" },
		{ "CHECKPOINT", 0, "checkpoint" },
		{ "CLUSTER", 0, "cluster" },
		{ "REINDEX", 0, "reindex table t" },
		{ "TRUNCATE TABLE", 0, "truncate t2" },
		{ "TRUNCATE TABLE", 0, "truncate table t2" },
		{ "DO", 0, "do $$ begin null; end $$" },
		{ "CALL", 0, "call p()" },
		{ "COPY 1", 1, "copy t2 (a) from program 'echo 5'" },
		{ "LOAD", 0, "load 'plpgsql'" },
		{ "REASSIGN OWNED", 0, "reassign owned by r1 to postgres" },
		{ "DROP OWNED", 0, "drop owned by r1" },
		{ "DROP INDEX", 0, "drop index i3" },
		{ "DROP VIEW", 0, "drop view v2" },
		{ "DROP RULE", 0, "drop rule ru2 on t2" },
		{ "DROP TRIGGER", 0, "drop trigger tr2 on t" },
		{ "DROP STATISTICS", 0, "drop statistics st2" },
		{ "DROP POLICY", 0, "drop policy po2 on t" },
		{ "DROP PUBLICATION", 0, "drop publication pub" },
		{ "DROP MATERIALIZED VIEW", 0, "drop materialized view mv9" },
		{ "DROP FOREIGN TABLE", 0, "drop foreign table ft" },
		{ "DROP USER MAPPING", 0, "drop user mapping for current_user server sv" },
		{ "DROP SERVER", 0, "drop server sv" },
		{ "DROP FOREIGN DATA WRAPPER", 0, "drop foreign data wrapper fdw1" },
		{ "DROP TEXT SEARCH CONFIGURATION", 0, "drop text search configuration tsc2" },
		{ "DROP TEXT SEARCH DICTIONARY", 0, "drop text search dictionary tsd" },
		{ "DROP OPERATOR", 0, "drop operator === (int,int)" },
		{ "DROP OPERATOR CLASS", 0, "drop operator class oc1 using btree" },
		{ "DROP OPERATOR FAMILY", 0, "drop operator family of2 using btree" },
		{ "DROP CAST", 0, "drop cast (text as ty)" },
		{ "DROP COLLATION", 0, "drop collation co2" },
		{ "DROP CONVERSION", 0, "drop conversion cv2" },
		{ "DROP AGGREGATE", 0, "drop aggregate ag2(int)" },
		{ "DROP FUNCTION", 0, "drop function f(int)" },
		{ "DROP PROCEDURE", 0, "drop procedure p()" },
		{ "DROP ROUTINE", 0, "drop routine if exists nope()" },
		{ "DROP DOMAIN", 0, "drop domain dm" },
		{ "DROP TYPE", 0, "drop type ty" },
		{ "DROP SEQUENCE", 0, "drop sequence s" },
		{ "DROP SCHEMA", 0, "drop schema sc2" },
		{ "DROP ACCESS METHOD", 0, "drop access method am1" },
		{ "DROP LANGUAGE", 0, "drop language plx" },
		{ "DROP LANGUAGE", 0, "drop procedural language if exists plq" },
		{ "DROP ROLE", 0, "drop user u1" },
		{ "DROP ROLE", 0, "drop group g1" },
		{ "DROP ROLE", 0, "drop role r1" },
		{ "DROP EXTENSION", 0, "drop extension if exists nope" },
		{ "DROP SUBSCRIPTION", 0, "drop subscription if exists nope" },
		{ "DROP TABLE", 0, "drop table t2, t3" },
		{ "DROP DATABASE", 0, "drop database if exists nope" },
		{ "CREATE DATABASE", 0, "create database dbx" },
		{ "DROP DATABASE", 0, "drop database dbx" },
		{ "ALTER TABLE", 0, "alter table t set (fillfactor=50)" },
		{ "CREATE TABLE", 0, "create table pt (a int) partition by range (a)" },
		{ "CREATE TABLE", 0, "create table pt1 partition of pt for values from (1) to (2)" },
		{ "SELECT 1", 1, "/* c */ select /* d */ 1 -- e" },
		{ "", 0, "-- just a comment" },
		{ "COPY 0", 0, "copy t from '/dev/null'" },
		{ "ALTER TABLE", 0, "alter table all in tablespace pg_default set tablespace pg_default nowait" },
		{ "CREATE TABLE", 0, "create table t7 (a int default 1) with (fillfactor=70)" },
		{ "SELECT 1", 1, "select 1 as end" },
		{ "PREPARE TRANSACTION", 0, "prepare transaction 'x'" },
		{ "COMMIT PREPARED", 0, "commit prepared 'x'" },
		{ "ROLLBACK PREPARED", 0, "rollback prepared 'x'" },
		{ "CREATE EVENT TRIGGER", 0, "create event trigger et on ddl_command_start execute function f()" },
		{ "ALTER LARGE OBJECT", 0, "alter large object 1 owner to postgres" },
		{ "SECURITY LABEL", 0, "security label on table t is 'x'" },
		{ "IMPORT FOREIGN SCHEMA", 0, "import foreign schema x from server sv into public" },
		{ "COPY 7", 7, "copy (select 1) to stdout" },
		{ "SELECT 4", 4, "from t" },
		{ "SELECT 4", 4, "summarize t" },
		{ "SELECT 4", 4, "describe t" },
		{ "SELECT 4", 4, "pragma table_info('t')" },
		{ "PRAGMA", 0, "pragma threads = 4" },
		{ "ATTACH", 0, "attach 'x.db' as y" },
		{ "INSERT 0 2", 2, "insert or replace into t values (1), (2)" },
		{ "SELECT 2", 2, "execute p" },
		{ "EXPORT", 0, "export database 'x'" },
		{ "KILL", 0, "kill 5" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct qf_slice text = qf_slice_str(cases[i].text);
		struct qf_facts f;
		char tag[64];
		qf_sql_facts(text, QF_DIALECT_DUCKDB, &f);
		qf_sql_tag(text, &f, cases[i].rows, tag, sizeof(tag));
		if (strcmp(tag, cases[i].tag) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, tag, cases[i].tag);
	}
}

static void a_tag_is_cut_to_its_room(void **state)
{
	struct qf_slice text = qf_slice_str("refresh materialized view v");
	struct qf_facts f;
	char tag[64] = "untouched";

	(void)state;
	qf_sql_facts(text, QF_DIALECT_POSTGRES, &f);
	qf_sql_tag(text, &f, 0, tag, 0);
	assert_string_equal(tag, "untouched");
	qf_sql_tag(text, &f, 0, tag, 1);
	assert_string_equal(tag, "");
	qf_sql_tag(text, &f, 0, tag, 9);
	assert_string_equal(tag, "REFRESH ");
	text = qf_slice_str("select 1");
	qf_sql_facts(text, QF_DIALECT_POSTGRES, &f);
	qf_sql_tag(text, &f, UINT64_MAX, tag, sizeof(tag));
	assert_string_equal(tag, "SELECT 18446744073709551615");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_those_of_postgres),
		cmocka_unit_test(a_tag_is_cut_to_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
