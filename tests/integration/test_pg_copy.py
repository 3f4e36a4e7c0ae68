"""COPY with the client: the same bytes and the same errors on PostgreSQL itself, through the toolkit and on DuckDB."""
import datetime
import hashlib

import psycopg
import pytest

import pgkit
from conftest import SLOW
from pgwire import Wire, bind, copy_data, copy_done, copy_fail, describe, errors, execute, line, parse, sync, tags

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(180 * SLOW)]

TABLES = """
create table ct (i integer, t text, n numeric(12, 2), d date, ts timestamp, b boolean, f double precision, by bytea, big bigint);
create table empty_t (i integer, t text);
create table "Odd name" ("A b" integer, "select" text);
insert into "Odd name" values (1, 'x'), (2, null);
"""

D, TS = datetime.date, datetime.datetime
ROWS = [(1, "plain", "12.50", D(2024, 2, 29), TS(2024, 2, 29, 12, 34, 56, 789000), True, 1.5, b"\xde\xad", 2 ** 63 - 1),
        (2, "", "-0.01", D(1, 1, 1), TS(1999, 12, 31, 23, 59, 59), False, -1e300, b"", -2 ** 63),
        (None,) * 9,
        (3, "tab\tnewline\nreturn\rback\\slash", "0", D(9999, 12, 31), TS(2000, 1, 1), True, float("nan"), b"\0", 0),
        (4, "comma, \"quoted\" and 'single'", "1", D(1970, 1, 1), TS(1970, 1, 1, 0, 0, 0, 1), None, float("inf"), b"\\", 4),
        (5, "\b\f\v\x01 |;", "2", D(2020, 1, 1), TS(2020, 1, 1), False, 0.1, b"a", 5),
        *((i, t, str(i), None, None, None, None, None, i) for i, t in ((6, "\\N"), (7, "Ünïcødé → ✓ 😀"), (8, "\\.")))]

OUT = ["copy (select * from ct order by big, i) to stdout",
       "copy (select * from ct order by big, i) to stdout (format csv)",
       "copy (select * from ct order by big, i) to stdout with (format csv, header, delimiter ';', null 'NULL', quote '''', escape '\\')",
       "copy (select * from ct order by big, i) to stdout csv header force quote *",
       "copy (select * from ct order by big, i) to stdout (format csv, force_quote (t, i))",
       "copy (select * from ct order by big, i) to stdout (delimiter '|', null '')",
       "copy (select * from ct order by big, i) to stdout delimiter as ',' null as 'nil'",
       "copy (select * from ct order by big, i) to stdout (format text, header true)",
       "copy (select * from ct order by big, i) to stdout (format binary)",
       "copy (select t from ct order by big, i) to stdout csv",
       "copy (select t from ct order by big, i) to stdout",
       "copy empty_t to stdout", "copy empty_t to stdout (format csv, header)", "copy empty_t to stdout binary", "copy binary empty_t to stdout",
       'copy "Odd name" to stdout csv header', 'copy "Odd name" ("select", "A b") to stdout csv header', "copy ct (t, i) to stdout",
       "COPY public.ct(i) TO STDIN", "copy (values (1, 'a'), (2, 'b')) to stdout", "copy (with q as (select 1 as x) select * from q) to stdout",
       "copy (select 1 as a, ')' as b /* ) */) to stdout", "copy (select i from ct where false) to stdout (format csv, header on)",
       "copy (select 'ab' as a) to stdout (encoding 'utf8')", "copy empty_t to stdout using delimiters ';'"]

WRONG = ["copy ct to stdout (format xml)", "copy ct to stdout (delimiter 'ab')", "copy ct to stdout (delimiter 'a')", "copy ct to stdout (delimiter e'\\n')",
         "copy ct to stdout (format csv, quote 'ab')", "copy ct to stdout (quote '\"')", "copy ct to stdout (escape '\"')",
         "copy ct to stdout (format csv, quote ',')", "copy ct to stdout (format csv, delimiter ';', null 'a;b')", "copy ct to stdout (format csv, null '\"')",
         "copy ct to stdout (format binary, delimiter ',')", "copy ct to stdout (format binary, null '')", "copy ct to stdout (format binary, header)",
         "copy ct to stdout (null e'a\\nb')", "copy ct to stdout (force_quote (t))", "copy ct to stdout (format csv, force_not_null (t))",
         "copy ct to stdout (format csv, force_null (t))", "copy ct from stdin (format csv, force_quote (t))", "copy ct from stdin (force_null (t))",
         "copy ct to stdout (header match)", "copy ct to stdout (format csv, header maybe)", "copy ct to stdout (nonsense 1)",
         "copy ct to stdout (format csv, format text)", "copy ct to stdout (format csv, force_quote t)", "copy ct to stdout (delimiter)",
         "copy ct to stdout csv csv", "copy ct to stdout (format csv", "copy ct stdout", "copy ct (i to stdout", "copy to stdout", "copy ct to",
         "copy ct to stdout where i = 1", "copy (select 1) from stdin", "copy ct to stdout (format csv, force_quote (nope))",
         "copy ct (i) to stdout (format csv, force_quote (t))", "copy (insert into empty_t values (1, 'a')) to stdout", "copy (select 1 to stdout"]


@pytest.fixture(scope="module")
def targets(pg, tmp_path_factory):
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("through"))) as through, \
            pgkit.ending(pgkit.before_duckdb(tmp_path_factory.mktemp("duckdb"))) as duckdb:
        for kit in (pg, duckdb):
            with kit.connect() as c:
                for sql in TABLES.split(";\n"):
                    if sql.strip():
                        c.execute(sql)
                for row in ROWS:
                    c.execute("insert into ct values (%s, %s, cast(%s as numeric(12, 2)), %s, %s, %s, %s, %s, %s)", row)
        yield {"direct": pg.target(), "through": through.target("through"), "duckdb": duckdb.target("duckdb")}
    pg.sql('drop table ct, empty_t, "Odd name"')


def told(messages):
    """All that a client sees of one COPY; where CopyData is cut means nothing."""
    data = b"".join(body for kind, body in messages if kind == "d")
    begun = [body for kind, body in messages if kind in "GH"]
    kinds = [w for w in line([m for m in messages if m[0] != "d"]).split()]
    return kinds, data, begun, tags(messages), [(e["C"], e["M"]) for e in errors(messages)]


@pytest.mark.parametrize("sql", OUT)
@pytest.mark.parametrize("where", ["through", "duckdb"])
def test_out(targets, where, sql):
    with Wire(targets["direct"]).begin() as right, Wire(targets[where]).begin() as w:
        assert told(w.ask(sql)) == told(right.ask(sql))
        assert line(w.ask("select 1")) == "T D C Z/I"


@pytest.mark.parametrize("sql", WRONG)
@pytest.mark.parametrize("where", ["through", "duckdb"])
def test_wrong(targets, where, sql):
    with Wire(targets["direct"]).begin() as right, Wire(targets[where]).begin() as w:
        r, g = right.ask(sql), w.ask(sql)
        if where == "duckdb" and ("(nope)" in sql or "(select 1 to" in sql):  # PostgreSQL looks closer
            assert errors(r)[0]["C"] == errors(g)[0]["C"]
            return
        assert told(g) == told(r)
        assert errors(g)[0].get("P") == errors(r)[0].get("P")


def test_out_extended(targets):
    messages = [parse("copy (select 1, 'x') to stdout"), describe("S"), bind(wanted=[1, 1]), describe("P"), execute(), sync()]
    talked = {}
    for name, target in targets.items():
        with Wire(target).begin() as w:
            talked[name] = told(w.talk(*messages))
    assert talked["through"] == talked["direct"] == talked["duckdb"]


def test_a_failing_row(targets):
    """An error behind the first rows comes behind them, and the connection goes on."""
    for name in ("direct", "duckdb"):
        with Wire(targets[name]).begin() as w:
            got = w.ask("copy (select cast(case when i > 5000 then 'x' else '1' end as integer) from generate_series(1, 6000) g(i)) to stdout")
            assert errors(got)[0]["C"] == "22P02" and not any(m[0] == "c" for m in got)
            assert line(w.ask("select 1")) == "T D C Z/I"


def test_files_are_refused(targets):
    with targets["duckdb"].connect() as c:
        for sql in ("copy ct to '/tmp/x.csv'", "copy ct from '/etc/passwd'", "copy ct to program 'cat'", "copy ct from program 'ls'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(sql)


def digest(target, sql):
    h = hashlib.sha256()
    with target.connect() as c, c.cursor().copy(sql) as copy:
        for data in copy:
            h.update(data)
    return h.hexdigest()


@pytest.mark.parametrize("options", ["", "(format csv, header)", "(format binary)"])
def test_many_rows(targets, options):
    sql = ("copy (select i, 'row, ' || i as t, i * 1.5 as n from (select a.i + 9 * b.i + 81 * c.i + 729 * d.i + 6561 * e.i as i from ct a, ct b, ct c, ct d, ct e)"
           f" q where i is not null order by 1) to stdout {options}")
    assert digest(targets["direct"], sql) == digest(targets["duckdb"], sql)
