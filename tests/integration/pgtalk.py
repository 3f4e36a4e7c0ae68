"""Conversations of the extended protocol: what is sent in one piece, and the line (pgwire.py) that comes back.

ANY holds for every engine, POSTGRES needs PostgreSQL behind. The statements of SETUP run before each, by themselves.
"""
from pgwire import (bind, close, copy_data, copy_done, copy_fail, describe, execute, flush, parse, query, run, sync)

FIVE = "select i from generate_series(1, 5) t(i) order by i"
BAD = "select nosuch from talk"
INSERT = "insert into talk (a) values ($1)"

SETUP = ["drop table if exists talk", "create table talk (a integer, b text)"]


def do(sql, *params, **kw):
    """One statement without its Sync."""
    return parse(sql) + bind(params, **kw) + execute()


ANY = {
    # ---- error, then nothing up to Sync
    "error at Parse": [([parse(BAD), bind(), describe("P"), execute(), sync()], "E/42703 Z/I"), ([run("select 1")], "1 2 T D C Z/I")],
    "all is skipped up to Sync": [([parse("select 1"), bind(statement="none"), parse("select 2"), bind(), describe("S"), execute(),
                                    close("S"), flush(), sync()], "1 E/26000 Z/I")],
    "Close is skipped too": [([bind(statement="none"), close("S", "x"), close("P", "x"), sync()], "E/26000 Z/I")],
    "one error for each Sync": [([bind(statement="x"), sync(), bind(statement="x"), sync(), sync()], "E/26000 Z/I E/26000 Z/I Z/I")],
    "error, then Flush brings nothing": [([parse(BAD), flush()], "E/42703"), ([parse("select 1"), flush()], ""), ([sync()], "Z/I")],
    "error while running": [([query("insert into talk values (1, 'x')")], "C Z/I"),
                            ([do("select cast(b as integer) from talk"), parse("select 1"), sync()], "1 2 E/22P02 Z/I")],
    "Sync alone": [([sync()], "Z/I"), ([sync(), sync()], "Z/I Z/I")],
    "simple query in between": [([parse("select 1"), sync(), query("select 2"), parse("select 3", "n"), sync()], "1 Z/I T D C Z/I 1 Z/I")],
    # ---- what is not there
    "Bind to a missing statement": [([bind(statement="none"), sync()], "E/26000 Z/I"), ([bind(), sync()], "E/26000 Z/I")],
    "Execute of a missing portal": [([execute("none"), sync()], "E/34000 Z/I"), ([execute(), sync()], "E/34000 Z/I")],
    "Describe of what is missing": [([describe("S", "x"), sync()], "E/26000 Z/I"), ([describe("P", "x"), sync()], "E/34000 Z/I")],
    "Close of what is missing": [([close("S", "none"), close("P", "none"), close("S"), close("P"), sync()], "3 3 3 3 Z/I")],
    "Describe of neither": [([describe("X"), sync()], "E/08P01 Z/I")],
    "Close of neither": [([close("X"), sync()], "E/08P01 Z/I")],
    # ---- Flush
    "Flush pushes what there is": [([parse("select 1"), flush()], "1"), ([describe("S"), flush()], "t T"), ([bind(), flush()], "2"),
                                   ([describe("P"), execute(), flush()], "T D C"), ([sync()], "Z/I")],
    "Flush of nothing": [([flush()], ""), ([sync()], "Z/I")],
    # ---- what Parse refuses
    "several statements": [([parse("select 1; select 2"), sync()], "E/42601 Z/I"), ([run("select 1;")], "1 2 T D C Z/I")],
    "nonsense": [([parse("selec 1"), sync()], "E/42601 Z/I")],
    "the same name twice": [([parse("select 1", "s"), parse("select 2", "s"), sync()], "1 E/42P05 Z/I"),
                            ([close("S", "s"), parse("select 2", "s"), sync()], "3 1 Z/I")],
    "the name of what failed is free": [([parse(BAD, "s"), sync()], "E/42703 Z/I"), ([parse("select 1", "s"), sync()], "1 Z/I")],
    "empty": [([run("")], "1 2 n I Z/I"), ([run("  -- nothing\n")], "1 2 n I Z/I"), ([run(";")], "1 2 n I Z/I"),
              ([query("")], "I Z/I"), ([query(" ; ")], "I Z/I"), ([parse(""), describe("S"), sync()], "1 t n Z/I")],
    # ---- what Bind refuses
    "too few parameters": [([parse("select $1::integer"), bind(), sync()], "1 E/08P01 Z/I")],
    "too many parameters": [([parse("select 1"), bind(["1"]), sync()], "1 E/08P01 Z/I")],
    "formats of more parameters than there are": [([parse("select $1::integer"), bind(["1"], given=[0, 0]), sync()], "1 E/08P01 Z/I")],
    "formats of more columns than there are": [([parse("select 1"), bind(wanted=[0, 0]), sync()], "1 E/08P01 Z/I")],
    "no such format": [([parse("select $1::integer"), bind(["1"], given=[2]), sync()], "1 E/22023 Z/I")],
    "text that is no number": [([parse("select $1::integer"), bind(["x"]), sync()], "1 E/22P02 Z/I")],
    "number that is too large": [([parse("select $1::integer"), bind(["3000000000"]), sync()], "1 E/22003 Z/I")],
    "binary that is too long": [([parse("select $1::integer"), bind([b"\0" * 5], given=[1]), sync()], "1 E/22P03 Z/I")],
    "binary that is too short": [([parse("select $1::integer"), bind([b"\0" * 3], given=[1]), sync()], "1 E/08P01 Z/I")],
    "text that is not UTF-8": [([parse("select $1::text"), bind([b"a\xff"]), sync()], "1 E/22021 Z/I")],
    "text with a NUL byte": [([parse("select $1::text"), bind([b"a\0b"], given=[1]), sync()], "1 E/22021 Z/I")],
    "a portal of the same name": [([parse("select 1"), bind(portal="p"), bind(portal="p"), sync()], "1 2 E/42P03 Z/I")],
    # ---- how long things live
    "the unnamed statement stays": [([parse("select 1"), sync()], "1 Z/I"), ([bind(), execute(), sync()], "2 D C Z/I"),
                                    ([bind(), execute(), sync()], "2 D C Z/I")],
    "the unnamed statement is replaced": [([parse("select 1"), parse("select 2, 3"), describe("S"), sync()], "1 1 t T Z/I")],
    "the unnamed statement goes with a failed Parse": [([parse("select 1"), sync(), parse(BAD), sync(), bind(), sync()],
                                                        "1 Z/I E/42703 Z/I E/26000 Z/I")],
    "the unnamed statement goes with a simple query": [([parse("select 1"), sync()], "1 Z/I"), ([query("select 2")], "T D C Z/I"),
                                                       ([bind(), sync()], "E/26000 Z/I")],
    "the named statement stays": [([parse("select 1", "s"), sync()], "1 Z/I"), ([query("select 2")], "T D C Z/I"),
                                  ([parse(BAD), sync()], "E/42703 Z/I"), ([bind(statement="s"), execute(), sync()], "2 D C Z/I"),
                                  ([close("S", "s"), bind(statement="s"), sync()], "3 E/26000 Z/I")],
    "a named statement outlives its transaction": [([query("begin")], "C Z/T"), ([parse("select 1", "s"), sync()], "1 Z/T"),
                                                   ([query("rollback")], "C Z/I"), ([bind(statement="s"), execute(), sync()], "2 D C Z/I")],
    "a portal ends at Sync": [([parse("select 1"), bind(), bind(portal="p"), sync()], "1 2 2 Z/I"), ([execute(), sync()], "E/34000 Z/I"),
                              ([execute("p"), sync()], "E/34000 Z/I")],
    "a portal lives as long as its transaction": [
        ([query("begin")], "C Z/T"), ([parse("select 1"), bind(), bind(portal="p"), sync()], "1 2 2 Z/T"), ([execute("p"), sync()], "D C Z/T"),
        ([execute(), sync()], "D C Z/T"), ([query("commit")], "C Z/I"), ([execute("p"), sync()], "E/34000 Z/I")],
    "a simple query ends the unnamed portal": [([query("begin")], "C Z/T"), ([parse("select 1"), bind(), bind(portal="p"), sync()], "1 2 2 Z/T"),
                                               ([query("select 2")], "T D C Z/T"), ([execute("p"), sync()], "D C Z/T"),
                                               ([execute(), sync()], "E/34000 Z/E"), ([query("rollback")], "C Z/I")],
    "closing a statement leaves its portals": [([parse("select 1", "s"), bind(statement="s", portal="p"), close("S", "s"), execute("p"), sync()],
                                                "1 2 3 D C Z/I")],
    "Bind ends the unnamed portal": [([parse(FIVE), bind(), execute(rows=2), bind(), execute(rows=2), sync()], "1 2 D*2 s 2 D*2 s Z/I")],
    # ---- row limits
    "suspended": [([parse(FIVE), bind(), execute(rows=2), execute(rows=2), execute(rows=2), sync()], "1 2 D*2 s D*2 s D C Z/I")],
    "suspended at the end": [([parse(FIVE), bind(), execute(rows=5), execute(rows=5), sync()], "1 2 D*5 s C Z/I")],
    "suspended, then all": [([parse(FIVE), bind(), execute(rows=1), execute(), sync()], "1 2 D s D*4 C Z/I")],
    "run to its end and run again": [([parse(FIVE), bind(), execute(), execute(), sync()], "1 2 D*5 C C Z/I")],
    "suspended over Sync in a transaction": [
        ([query("begin")], "C Z/T"), ([parse(FIVE), bind(portal="p"), describe("P", "p"), execute("p", 2), sync()], "1 2 T D*2 s Z/T"),
        ([query("select 1")], "T D C Z/T"), ([execute("p", 2), sync()], "D*2 s Z/T"), ([execute("p", 2), sync()], "D C Z/T"),
        ([close("P", "p"), sync()], "3 Z/T"), ([execute("p", 2), sync()], "E/34000 Z/E"), ([query("rollback")], "C Z/I")],
    "two portals in turn": [
        ([query("begin")], "C Z/T"), ([parse(FIVE, "s"), bind(statement="s", portal="p"), bind(statement="s", portal="q"), sync()], "1 2 2 Z/T"),
        ([execute("p", 1), execute("q", 3), execute("p", 1), sync()], "D s D*3 s D s Z/T"), ([execute("q", 3), execute("p"), sync()],
                                                                                       "D*2 C D*3 C Z/T"), ([query("commit")], "C Z/I")],
    "a suspended portal ends with its transaction": [([query("begin")], "C Z/T"), ([parse(FIVE), bind(portal="p"), execute("p", 1), sync()],
                                                                                 "1 2 D s Z/T"), ([query("commit")], "C Z/I"),
                                                     ([execute("p", 1), sync()], "E/34000 Z/I")],
    "a suspended portal ends with Sync": [([parse(FIVE), bind(portal="p"), execute("p", 1), sync()], "1 2 D s Z/I"),
                                          ([execute("p", 1), sync()], "E/34000 Z/I")],
    "a limit where there are no rows": [([parse(INSERT), bind(["1"]), execute(rows=1), sync()], "1 2 C Z/I")],
    "a limit on RETURNING": [([parse("insert into talk (a) select i from generate_series(1, 3) t(i) returning a"), bind(), execute(rows=2),
                               execute(rows=2), sync()], "1 2 D*2 s D C Z/I"), ([query("select a from talk")], "T D*3 C Z/I")],
    # ---- Describe
    "Describe before it runs": [([parse("select $1::integer + 1 as a, $2::text as b"), describe("S"), sync()], "1 t T Z/I"),
                                ([parse(INSERT), describe("S"), sync()], "1 t n Z/I"), ([parse("begin"), describe("S"), sync()], "1 t n Z/I"),
                                ([parse("show timezone"), describe("S"), bind(), describe("P"), execute(), sync()], "1 t T 2 T D C Z/I")],
    "the portal's Describe": [([parse("select 1"), bind(), describe("P"), sync()], "1 2 T Z/I"),
                              ([parse(INSERT), bind(["1"]), describe("P"), sync()], "1 2 n Z/I"), ([query("select a from talk")], "T C Z/I")],
    # ---- one implicit transaction up to Sync
    "the third failure undoes the first": [([do(INSERT, "1"), do(INSERT, "2"), do(INSERT, "x"), do(INSERT, "4"), sync()],
                                            "1 2 C 1 2 C 1 E/22P02 Z/I"), ([query("select a from talk")], "T C Z/I")],
    "what a Sync has closed stands": [([do(INSERT, "1"), sync(), do(INSERT, "2"), do(INSERT, "x"), sync(), do(INSERT, "3"), sync()],
                                       "1 2 C Z/I 1 2 C 1 E/22P02 Z/I 1 2 C Z/I"), ([query("select a from talk order by a")], "T D*2 C Z/I")],
    "a pipeline sees itself": [([do(INSERT, "1"), do(INSERT, "2"), do("select a from talk"), sync()], "1 2 C 1 2 C 1 2 D*2 C Z/I")],
    "BEGIN in a pipeline": [([do(INSERT, "1"), do("begin"), do(INSERT, "2"), sync()], "1 2 C 1 2 C 1 2 C Z/T"),
                            ([query("rollback")], "C Z/I"), ([query("select a from talk")], "T C Z/I")],
    "COMMIT in a pipeline": [([do("begin"), do(INSERT, "1"), do("commit"), do(INSERT, "2"), do(INSERT, "x"), sync()],
                              "1 2 C 1 2 C 1 2 C 1 2 C 1 E/22P02 Z/I"), ([query("select a from talk")], "T D C Z/I")],
    "several statements in one simple query": [([query("select 1; select 2, 3; insert into talk (a) values (1); select a from talk")],
                                                "T D C T D C C T D C Z/I"),
                                               ([query("insert into talk (a) values (2); select nosuch")], "C E/42703 Z/I"),
                                               ([query("select a from talk")], "T D C Z/I")],
    # ---- transactions by extended protocol
    "a transaction": [([do("begin"), sync()], "1 2 C Z/T"), ([do(INSERT, "1"), sync()], "1 2 C Z/T"), ([do("commit"), sync()], "1 2 C Z/I"),
                      ([query("select a from talk")], "T D C Z/I")],
    "a failed transaction": [
        ([do("begin"), parse("select 1", "s"), sync()], "1 2 C 1 Z/T"), ([parse(BAD), sync()], "E/42703 Z/E"), ([parse("select 1"), sync()], "E/25P02 Z/E"),
        ([bind(statement="s"), sync()], "E/25P02 Z/E"), ([describe("S", "s"), sync()], "E/25P02 Z/E"), ([query("select 1")], "E/25P02 Z/E"),
        ([close("S", "s"), sync()], "3 Z/E"), ([run("")], "1 E/25P02 Z/E"), ([do("commit"), sync()], "1 2 C Z/I"), ([query("select 1")], "T D C Z/I")],
    "a failed transaction is rolled back": [([query("begin")], "C Z/T"), ([do(INSERT, "1"), sync()], "1 2 C Z/T"), ([do(INSERT, "x"), sync()], "1 E/22P02 Z/E"),
                                            ([do("rollback"), sync()], "1 2 C Z/I"), ([query("select a from talk")], "T C Z/I")],
    "COMMIT without BEGIN": [([do("commit"), sync()], "1 2 C Z/I"), ([query("rollback")], "C Z/I")],
    # ---- settings by extended protocol
    "SET and SHOW": [([do("set timezone = 'Europe/Prague'"), sync()], "1 2 C Z/I"), ([run("show timezone")], "1 2 T D C Z/I"),
                     ([do("set timezone = 'no such zone'"), sync()], "1 2 E/22023 Z/I")],
    "SET in a pipeline that fails": [([do("set timezone = 'Asia/Tokyo'"), parse(BAD), sync()], "1 2 C E/42703 Z/I"), ([query("show timezone")], "T D C Z/I")],
    # ---- prepared by SQL and by protocol
    "EXECUTE of what Parse named": [([parse("select $1::integer", "s"), sync()], "1 Z/I"), ([query("execute s(1)")], "T D C Z/I"),
                                    ([query("deallocate s")], "C Z/I"), ([bind(["1"], statement="s"), sync()], "E/26000 Z/I")],
    "Bind to what PREPARE named": [([query("prepare s (integer) as select $1 + 1")], "C Z/I"), ([describe("S", "s"), sync()], "t T Z/I"),
                                   ([bind(["1"], statement="s"), execute(), sync()], "2 D C Z/I"), ([parse("select 1", "s"), sync()], "E/42P05 Z/I"),
                                   ([query("prepare s as select 1")], "E/42P05 Z/I"), ([close("S", "s"), sync()], "3 Z/I"),
                                   ([query("execute s(1)")], "E/26000 Z/I")],
    "EXECUTE by extended protocol": [([query("prepare s (integer) as select $1 + 1")], "C Z/I"), ([run("execute s(1)")], "1 2 T D C Z/I"),
                                     ([run("deallocate s")], "1 2 n C Z/I"), ([query("deallocate s")], "E/26000 Z/I")],
    "DEALLOCATE ALL": [([parse("select 1", "s"), parse("select 2", "t"), sync()], "1 1 Z/I"), ([query("deallocate all")], "C Z/I"),
                       ([bind(statement="s"), sync(), bind(statement="t"), sync()], "E/26000 Z/I E/26000 Z/I")],
    "DISCARD ALL": [([parse("select 1", "s"), do("set timezone = 'Asia/Tokyo'"), sync()], "1 1 2 C Z/I"), ([query("discard all")], "C Z/I"),
                    ([bind(statement="s"), sync()], "E/26000 Z/I"), ([query("begin")], "C Z/T"), ([query("discard all")], "E/25001 Z/E"),
                    ([query("rollback")], "C Z/I")],
    # ---- odd messages
    "COPY messages outside of COPY": [([copy_data(b"x"), copy_done(), copy_fail("no"), sync()], "Z/I")],
    "a parameter in a simple query": [([query("select $1")], "E/42P02 Z/I")],
    "many parameters": [([run("select " + " + ".join(f"${i}::integer" for i in range(1, 501)), [str(i) for i in range(500)])], "1 2 T D C Z/I")],
}

POSTGRES = {
    "a division by zero while running": [([do("select 10 / (3 - i) from generate_series(1, 5) t(i)"), do("select 1"), sync()], "1 2 D*2 E/22012 Z/I")],
    "what cannot be known of a parameter": [([parse("select $1 is null"), sync()], "E/42P18 Z/I"), ([parse("select $2::integer"), sync()], "E/42P18 Z/I")],
    "run to its end, and it was no SELECT": [([parse(INSERT), bind(["1"]), execute(), execute(), sync()], "1 2 C E/55000 Z/I")],
    "COMMIT in the implicit transaction": [([do(INSERT, "1"), do("commit"), do(INSERT, "2"), do(INSERT, "x"), sync()],
                                            "1 2 C 1 2 C 1 2 C 1 E/22P02 Z/I"), ([query("select a from talk")], "T D C Z/I")],
    "ROLLBACK in the implicit transaction": [([do(INSERT, "1"), do("rollback"), do(INSERT, "2"), sync()], "1 2 C 1 2 C 1 2 C Z/I"),
                                             ([query("select a from talk")], "T D C Z/I")],
    "savepoints": [([do("begin"), do(INSERT, "1"), do("savepoint one"), do(INSERT, "2"), sync()], "1 2 C 1 2 C 1 2 C 1 2 C Z/T"),
                   ([parse(BAD), sync()], "E/42703 Z/E"), ([do("rollback to one"), sync()], "1 2 C Z/T"), ([do("release one"), sync()], "1 2 C Z/T"),
                   ([do("release one"), sync()], "1 2 E/3B001 Z/E"), ([do("rollback"), sync()], "1 2 C Z/I")],
    "SAVEPOINT without BEGIN": [([query("savepoint x")], "E/25P01 Z/I"), ([do("savepoint x"), sync()], "1 2 E/25P01 Z/I")],
    "COMMIT AND CHAIN": [([query("begin isolation level serializable")], "C Z/T"), ([query("commit and chain")], "C Z/T"),
                         ([query("show transaction_isolation")], "T D C Z/T"), ([query("rollback")], "C Z/I")],
    "what must not be in a transaction": [([do("vacuum talk"), sync()], "1 2 C Z/I"), ([do(INSERT, "1"), do("vacuum talk"), sync()], "1 2 C 1 2 E/25001 Z/I"),
                                          ([query("begin")], "C Z/T"), ([query("vacuum talk")], "E/25001 Z/E"), ([query("rollback")], "C Z/I")],
    "a table that changes under its statement": [
        ([parse("select * from talk", "s"), bind(statement="s"), execute(), sync()], "1 2 C Z/I"), ([query("alter table talk add c integer")], "C Z/I"),
        ([bind(statement="s"), execute(), sync()], "E/0A000 Z/I"), ([close("S", "s"), parse("select * from talk", "s"), sync()], "3 1 Z/I"),
        ([bind(statement="s"), execute(), sync()], "2 C Z/I")],
    "cursors of SQL": [([query("begin")], "C Z/T"), ([query(f"declare c scroll cursor for {FIVE}")], "C Z/T"), ([query("fetch 2 from c")], "T D*2 C Z/T"),
                       ([execute("c", 2), sync()], "D*2 s Z/T"), ([run("fetch backward 1 from c")], "1 2 T D C Z/T"), ([close("P", "c"), sync()], "3 Z/T"),
                       ([query("fetch 1 from c")], "E/34000 Z/E"), ([query("rollback")], "C Z/I")],
    "FETCH from a portal": [([query("begin")], "C Z/T"), ([parse(FIVE), bind(portal="p"), sync()], "1 2 Z/T"), ([query("fetch 2 from p")], "T D*2 C Z/T"),
                            ([execute("p", 2), sync()], "D*2 s Z/T"), ([query("close p")], "C Z/T"), ([query("commit")], "C Z/I")],
    "a cursor WITH HOLD": [([query(f"declare c cursor with hold for {FIVE}")], "C Z/I"), ([query("fetch 2 from c")], "T D*2 C Z/I"),
                           ([query("select 1")], "T D C Z/I"), ([run("fetch 2 from c")], "1 2 T D*2 C Z/I"), ([query("close c")], "C Z/I"),
                           ([query("fetch 1 from c")], "E/34000 Z/I")],
    "EXPLAIN": [([run("explain (costs off) select 1")], "1 2 T D C Z/I"), ([query("explain (costs off) select 1")], "T D C Z/I")],
    "CALL and DO": [([query("create or replace procedure talk_p(inout a integer) language plpgsql as 'begin a := a + 1; end'")], "C Z/I"),
                    ([run("call talk_p($1)", ["1"])], "1 2 T D C Z/I"), ([query("do $$ begin raise notice 'hello'; end $$")], "C Z/I"),
                    ([run("do $$ begin raise exception 'no' using errcode = 'QF001'; end $$")], "1 2 n E/QF001 Z/I")],
    # ---- COPY
    "COPY in": [([query("copy talk from stdin")], "G"), ([copy_data(b"1\tx\n2\t"), copy_data(b"y\n"), copy_done()], "C Z/I"),
                ([query("select a from talk")], "T D*2 C Z/I")],
    "COPY in that the client gives up": [([query("copy talk from stdin")], "G"), ([copy_data(b"1\tx\n"), copy_fail("no more")], "E/57014 Z/I"),
                                         ([query("select a from talk")], "T C Z/I")],
    "COPY in of nonsense": [([query("copy talk from stdin")], "G"), ([copy_data(b"x\ty\n"), copy_data(b"2\ty\n"), copy_done()], "E/22P02 Z/I"),
                            ([query("select a from talk")], "T C Z/I")],
    "COPY in by extended protocol": [([parse("copy talk from stdin"), bind(), describe("P"), execute(), sync()], "1 2 n G"),
                                     ([copy_data(b"1\tx\n"), flush(), copy_done(), sync()], "C Z/I"), ([query("select a from talk")], "T D C Z/I")],
    "COPY in by extended protocol fails": [([do("copy talk from stdin"), sync()], "1 2 G"),
                                           ([copy_data(b"x\n"), copy_data(b"1\n"), copy_done(), sync()], "E/22P02 Z/I"),
                                           ([query("select a from talk")], "T C Z/I")],
    "COPY out": [([query("insert into talk values (1, 'x'), (2, null)")], "C Z/I"), ([query("copy talk to stdout")], "H d d c C Z/I"),
                 ([do("copy (select 1 where false) to stdout (format binary)"), sync()], "1 2 H d c C Z/I")],
    "COPY and more in one query": [([query("copy talk from stdin; select a from talk; copy talk to stdout")], "G"),
                                   ([copy_data(b"1\tx\n"), copy_done()], "C T D C H d c C Z/I")],
    "COPY in a transaction": [([query("begin")], "C Z/T"), ([query("copy talk from stdin")], "G"), ([copy_data(b"1\tx\n"), copy_fail("no")], "E/57014 Z/E"),
                              ([query("rollback")], "C Z/I")],
    # ---- timeouts of PostgreSQL
    "statement_timeout": [([query("set statement_timeout = 100")], "C Z/I"), ([query("select pg_sleep(10)")], "T E/57014 Z/I"),
                          ([run("select pg_sleep(10)")], "1 2 T E/57014 Z/I"), ([query("reset statement_timeout")], "C Z/I"),
                          ([query("select pg_sleep(0.2)")], "T D C Z/I")],
    "statement_timeout of a transaction": [([query("begin")], "C Z/T"), ([query("set local statement_timeout = 100")], "C Z/T"),
                                      ([query("select pg_sleep(10)")], "T E/57014 Z/E"), ([query("rollback")], "C Z/I"),
                                      ([query("select pg_sleep(0.2)")], "T D C Z/I")],
}
