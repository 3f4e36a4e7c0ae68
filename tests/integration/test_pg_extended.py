"""The extended protocol, message by message: a toolkit answers as the server itself does.

Conversations are in pgtalk.py. Each runs on a PostgreSQL server, which shows that the table is right, on a toolkit in
front of it, and, where the engine does not matter, on a toolkit with DuckDB.
"""
import re
import struct

import pytest

import pgcases
import pgkit
import pgtalk
from conftest import SLOW
from pgwire import (Wire, bind, describe, execute, line, parameter_types, parse, query, raw_values, row_types, run, sync, tags, values)
from rawpg import Raw, cancel, fields

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120)]
INT4, INT8, TEXT = 23, 20, 25


@pytest.fixture(scope="module")
def front(pg, tmp_path_factory):
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("front") / "kit")) as kit:
        yield kit


@pytest.fixture(scope="module")
def duck(tmp_path_factory):
    with pgkit.ending(pgkit.before_duckdb(tmp_path_factory.mktemp("duck") / "kit")) as kit:
        yield kit


@pytest.fixture
def target(request):
    """Of a test with `where`: the place that it runs on."""
    where = request.getfixturevalue("where")
    if where == "direct":
        return request.getfixturevalue("pg").target()
    return request.getfixturevalue("front" if where == "toolkit" else "duck").target(where)


on_postgres = pytest.mark.parametrize("where", ["direct", "toolkit"])
on_all = pytest.mark.parametrize("where", ["direct", "toolkit", "duckdb"])


def expected_messages(want):
    """(ReadyForQuery messages, all messages) of a line."""
    words = re.sub(r"\bD\*(\d+)", lambda m: " ".join("D" * int(m[1])), want).split()
    return sum(w.startswith("Z/") for w in words), len(words)


def talk(target, steps, setup):
    with Wire(target).begin() as w:
        for sql in setup:
            w.ask(sql)
        got = []
        for messages, want in steps:
            ready, count = expected_messages(want)
            w.send(b"".join(messages))
            w.sock.settimeout(8 * SLOW)
            answers = w.until("Z", ready) if ready else [w.message() for _ in range(count)]
            got.append(line(answers))
            if want and not ready:
                assert w.silent(), "more than was expected"
            if got[-1] != want:
                break
        assert not ready or w.silent(0), "more than one ReadyForQuery for a Sync"
        w.send(b"X\0\0\0\4")
        return got


def differs(target, steps, setup):
    want = [line_ for _, line_ in steps]
    got = talk(target, steps, setup)
    return None if got == want else (got, want[:len(got)])


# What a target does not answer as the server does, and why; a case that does is taken off.
CURSORS = "a cursor of SQL is the engine's: it is described, and FETCH moves it, but Execute and SQL do not reach each other's portals"
KNOWN = {("toolkit", "cursors of SQL"): CURSORS, ("toolkit", "FETCH from a portal"): CURSORS}


@pytest.mark.parametrize("where, name", [(where, name) for where in ("direct", "toolkit", "duckdb") for name in pgtalk.ANY]
                         + [(where, name) for where in ("direct", "toolkit") for name in pgtalk.POSTGRES])
def test_conversation(target, where, name):
    steps = pgtalk.ANY.get(name) or pgtalk.POSTGRES[name]
    difference = differs(target, steps, pgtalk.SETUP)
    if (where, name) in KNOWN:
        assert difference, f"{name} is as it should be on {where} now: take it off KNOWN"
    else:
        assert difference is None, difference


# ---- what is in the messages -------------------------------------------------------------------------------------------

@pytest.fixture
def wire(target):
    with Wire(target).begin() as w:
        for sql in pgtalk.SETUP:
            w.ask(sql)
        yield w


@on_all
def test_tags(wire, where):
    """Of each Execute: the rows of that one."""
    four = "select i from generate_series(1, 4) t(i)"
    got = wire.talk(parse(four), bind(), execute(rows=2), execute(rows=2), execute(rows=2), bind(), execute(rows=3), execute(), sync())
    assert tags(got) == ["SELECT 0", "SELECT 1"]
    got = wire.talk(*(pgtalk.do(sql) for sql in (
        "begin", "insert into talk values (1, 'x'), (2, 'y')", "update talk set a = 3", "delete from talk where b = 'x'",
        "insert into talk values (4, 'z') returning a", "select * from talk where false", "commit", "set timezone = 'UTC'", "show timezone",
        "create table talk_t (a integer)", "drop table talk_t")), sync())
    assert tags(got) == ["BEGIN", "INSERT 0 2", "UPDATE 2", "DELETE 1", "INSERT 0 1", "SELECT 0", "COMMIT", "SET", "SHOW", "CREATE TABLE",
                         "DROP TABLE"]


@on_all
@pytest.mark.parametrize("sql, oids, parameters, columns", [
    ("select $1::integer + 1 as a, $2::text as b", [], [INT4, TEXT], [("a", INT4), ("b", TEXT)]),
    ("select $1 + 1 as a", [INT8], [INT8], [("a", INT8)]), ("select $1 as a", [INT4], [INT4], [("a", INT4)]),
    ("select $1 as a", [], [TEXT], [("a", TEXT)]), ("insert into talk values ($1, $2)", [], [INT4, TEXT], None),
    ("select a, b from talk where a = $1 and b = $2", [], [INT4, TEXT], [("a", INT4), ("b", TEXT)]),
    ("select a from talk where a in ($1, $2) limit $3", [], [INT4, INT4, INT8], [("a", INT4)]),
    ("insert into talk values ($1, 'x') returning a, b", [], [INT4], [("a", INT4), ("b", TEXT)]), ("begin", [], [], None),
    ("update talk set b = $1 where a = $2", [], [TEXT, INT4], None), ("show timezone", [], [], [("TimeZone", TEXT)]),
    ("set timezone = 'UTC'", [], [], None), ("select $2::integer as b, $1::text as a", [], [TEXT, INT4], [("b", INT4), ("a", TEXT)]),
    ("select count(*) as n from talk", [], [], [("n", INT8)]), ("values (1, 'a')", [], [], [("column1", INT4), ("column2", TEXT)])])
def test_described_before_it_runs(wire, where, sql, oids, parameters, columns):
    got = wire.talk(parse(sql, oids=oids), describe("S"), sync())
    assert line(got) == ("1 t T Z/I" if columns else "1 t n Z/I")
    assert parameter_types(got) == [parameters]
    assert [c[:2] for c in (row_types(got) or [[]])[0]] == (columns or [])
    assert [c[2] for c in (row_types(got) or [[]])[0]] == [0] * len(columns or [])


@on_all
def test_formats_of_each_column(wire, where):
    sql = "select 1 as a, 'x'::text as b, 2::bigint as c"
    for wanted, row in (([], (b"1", b"x", b"2")), ([0], (b"1", b"x", b"2")), ([1], (b"\0\0\0\1", b"x", b"\0" * 7 + b"\2")),
                        ([1, 0, 0], (b"\0\0\0\1", b"x", b"2")), ([0, 1, 1], (b"1", b"x", b"\0" * 7 + b"\2"))):
        got = wire.talk(run(sql, wanted=wanted))
        assert raw_values(got) == [row]
        codes = wanted if len(wanted) == 3 else (wanted or [0]) * 3
        assert [c[2] for c in row_types(got)[0]] == codes


@on_all
def test_formats_of_each_parameter(wire, where):
    sql = "select $1::integer as a, $2::integer as b, $3::text as c"
    for given, values_ in (([0], ["1", "2", "x"]), ([1], [b"\0\0\0\1", b"\0\0\0\2", b"x"]), ([1, 0, 1], [b"\0\0\0\1", "2", "x"]), ([], ["1", "2", "x"])):
        assert raw_values(wire.talk(run(sql, values_, given=given))) == [(b"1", b"2", b"x")]
    assert raw_values(wire.talk(run(sql, [None] * 3))) == [(None,) * 3]


@on_all
def test_a_result_longer_than_every_buffer(wire, where):
    """And a limit on it: the rest comes when it is asked for."""
    sql = "select i, repeat('x', 200) as s from generate_series(1, 50000) t(i) order by i"
    got = wire.talk(run(sql, rows=0))
    assert [r[0] for r in raw_values(got)] == [str(i).encode() for i in range(1, 50001)]
    assert tags(got) == ["SELECT 50000"]
    wire.ask("begin")
    got = wire.talk(parse(sql), bind(portal="p"), execute("p", 20000), sync())
    seen = [r[0] for r in raw_values(got)]
    assert line(got[-2:]) == "s Z/T" and len(seen) == 20000
    got = wire.talk(execute("p"), sync())
    assert [r[0] for r in raw_values(got)] == [str(i).encode() for i in range(20001, 50001)]
    assert line(wire.ask("commit")) == "C Z/I"


@on_all
def test_a_large_parameter(wire, where):
    big = "0123456789abcdef" * 200000
    assert values(wire.talk(run("select length($1::text)", [big]))) == [(str(len(big)),)]
    assert raw_values(wire.talk(run("select $1::text", [big]))) == [(big.encode(),)]


@on_all
def test_settings_are_reported(wire, where):
    assert wire.parameter("TimeZone") == "UTC"
    wire.talk(pgtalk.do("set timezone = 'Europe/Prague'"), sync())
    assert wire.parameter("TimeZone") == "Europe/Prague"
    wire.talk(query("set application_name = 'one'; set application_name = 'two'"))
    assert wire.parameter("application_name") == "two"
    wire.talk(query("begin"), query("set local timezone = 'Asia/Tokyo'"), n=2)
    assert wire.parameter("TimeZone") == "Asia/Tokyo"
    wire.ask("rollback")
    assert wire.parameter("TimeZone") == "Europe/Prague"
    wire.ask("discard all")
    assert (wire.parameter("TimeZone"), values(wire.ask("show timezone"))) == ("UTC", [("UTC",)])


@on_all
def test_settings_of_the_startup(target, where):
    with Wire(target).begin(application_name="it's me", TimeZone="Asia/Tokyo", options="-c statement_timeout=12345") as w:
        assert w.parameter("application_name") == "it's me" and w.parameter("TimeZone") == "Asia/Tokyo"
        assert values(w.ask("show timezone")) == [("Asia/Tokyo",)] and values(w.ask("show statement_timeout")) == [("12345ms",)]
        w.ask("set timezone = 'UTC'")
        w.ask("reset timezone")
        assert values(w.ask("show timezone")) == [("Asia/Tokyo",)]


# ---- versions and cancel -----------------------------------------------------------------------------------------------

NEWEST = {"direct": 0, "toolkit": 2, "duckdb": 2}


@on_all
@pytest.mark.parametrize("minor, options", [(0, []), (2, []), (9999, []), (0, ["_pq_.one"]), (2, ["_pq_.one", "_pq_.two"]), (9999, ["_pq_.x"])])
def test_versions(target, where, minor, options):
    """NegotiateProtocolVersion when there is something to say, else nothing; PostgreSQL 15 knows 3.0 alone."""
    with Wire(target).begin(3 << 16 | minor, **{o: "1" for o in options}) as w:
        said = [body for kind, body in w.greeting if kind == "v"]
        agreed = min(minor, NEWEST[where])
        if minor > NEWEST[where] or options:
            assert said == [struct.pack(">ii", 3 << 16 | agreed, len(options)) + b"".join(o.encode() + b"\0" for o in options)]
        else:
            assert said == []
        assert len(w.key) == (32 if agreed == 2 else 4)
        assert values(w.ask("select 1")) == [("1",)]


def endless(where):
    return pgcases.ENDLESS["duckdb" if where == "duckdb" else "postgres"]


@on_all
@pytest.mark.parametrize("minor", [0, 2])
def test_cancel(target, where, minor):
    with Wire(target).begin(3 << 16 | minor) as w:
        for messages in (query(endless(where)), run(endless(where))):
            w.send(messages)
            assert w.silent(0.4)
            with Raw(target.port) as other:
                other.send(cancel(w.pid, w.key))
                assert other.closed() == []
            assert re.fullmatch(r"(1 2 )?(T )?E/57014 Z/I", line(w.until("Z")))
        with Raw(target.port) as other:
            other.send(cancel(w.pid, bytes(len(w.key))))
            assert other.closed() == []
        assert values(w.ask("select 1")) == [("1",)]


@pytest.mark.parametrize("where", ["toolkit", "duckdb"])
@pytest.mark.parametrize("minor", [0, 2])
def test_cancel_that_comes_to_another_listener(target, where, minor):
    """Which process a connection comes to is chance; the key finds the session."""
    with pgkit.second_listener(target.kit) as second:
        for here, there in ((target, second), (second, target)):
            with Wire(here).begin(3 << 16 | minor) as w:
                w.send(query(endless(where)))
                assert w.silent(0.4)
                with Raw(there.port) as other:
                    other.send(cancel(w.pid, w.key))
                    assert other.closed() == []
                assert re.fullmatch("(T )?E/57014 Z/I", line(w.until("Z")))


@on_all
def test_an_unknown_message_ends_the_connection(wire, where):
    got = wire.send(b"?\0\0\0\4").closed()
    assert [m[0] for m in got] == ["E"] and fields(got[0][1])["S"] == "FATAL" and fields(got[0][1])["C"] == "08P01"


# ---- equal to the last byte --------------------------------------------------------------------------------------------

LOUD = """
do $$ begin raise notice 'plain'; raise warning using message = 'all', detail = 'd', hint = 'h', errcode = '01QF1', schema = 's', table = 't',
  column = 'c', datatype = 'dt', constraint = 'k'; raise debug 'not seen'; raise info 'info'; end $$;
select 1;
create table if not exists talk (a integer);
drop table if exists never_there;
truncate talk_one;
insert into talk_one values (0, 'x');
insert into talk_one values (1, null);
insert into talk_one values (1, 'x');
insert into talk_one values (1, 'x');
select * from nowhere;
select nosuch from talk;
select 'ü' || nosuch('x');
selec 1;
select 1/0;
select '2024-13-01'::date;
select 'x'::int;
select 1 where 'abc' ~ '(';
select pg_sleep(null), 'a' as "A ü", null, 1.50, true;
create function talk_f(a integer) returns integer language plpgsql as $$ begin return 1 / a; end $$;
select talk_f(0);
drop function talk_f;
rollback;
commit;
savepoint a;
values (1), (2);
table talk_one;
with w as (insert into talk_one values (2, 'y') returning a) select * from w;
merge into talk_one using (values (5)) v(a) on talk_one.a = v.a when not matched then insert values (v.a, 'm');
create temp table talk_two as select 1 as a;
select 2 as a into temp talk_three;
explain (costs off) select 1;
truncate talk_two;
lock table talk_two;
vacuum talk_two;
analyze talk_two;
cluster talk_two;
reindex table talk_two;
comment on table talk_two is 'x';
grant select on talk_two to public;
declare c cursor for select 1;
fetch c;
move c;
close c;
listen talk;
unlisten talk;
notify talk;
checkpoint;
load 'plpgsql';
set constraints all deferred;
set role none;
set session authorization default;
show all_nothing;
set nothing = 1;
set work_mem = 'much';
reset nothing.at.all;
prepare tr as select 1;
execute nothing;
deallocate tr;
discard plans;
do 'x';
call nothing();
copy talk_two from 'nowhere';
drop table talk_two, talk_three;
alter system reset nothing;
select $1;
select 1; select 2;
"""


# What a toolkit answers itself has no place in PostgreSQL's source code.
OWN = {"rollback", "commit", "savepoint a", "execute nothing", "select $1", "select 1; select 2"}
# What differs, and why; a statement that does not is taken off.
RESET = {"reset nothing.at.all": "a name of three parts is nobody's setting: it is reset here without asking"}
NO_DATA = "that there are no columns is known when the statement has run: NoData comes behind its notices, and not before its error"
OTHER_BYTES = {"query": RESET, "run": {**RESET, "cluster talk_two": NO_DATA, "reindex table talk_two": NO_DATA, "fetch c": NO_DATA}}


def without_place(messages):
    return [(kind, re.sub(rb"\0F[^\0]*\0L[^\0]*\0R[^\0]*", b"", body) if kind in "EN" else body) for kind, body in messages]


@on_postgres
def test_same_bytes(pg, target, where):
    """Every message, of results, errors and notices, by simple and by extended protocol."""
    for sql in (*pgtalk.SETUP, "drop table if exists talk_one", "create table talk_one (a integer primary key check (a > 0), b text not null)"):
        pg.sql(sql)
    statements = [s.strip() for s in re.split(r";\n(?!  )", LOUD) if s.strip()]

    def answers(place, make):
        with Wire(place).begin() as w:
            return [w.talk(make(sql)) for sql in statements]

    for make in (query, run):
        both = zip(statements, answers(pg.target(), make), answers(target, make), strict=True)
        different = {sql: (want, got) for sql, want, got in both
                     if want != got and not (sql in OWN and without_place(want) == without_place(got))}
        listed = OTHER_BYTES[make.__name__] if where == "toolkit" else {}
        assert different.keys() == listed.keys(), [(sql, different.get(sql)) for sql in different.keys() ^ listed.keys()]
