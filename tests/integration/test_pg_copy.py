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


def test_out_is_not_portioned(targets):
    """PostgreSQL gives all of it at once, whatever an Execute asks for, and once."""
    messages = [parse("copy (select i from generate_series(1, 3) g(i)) to stdout"), bind(), execute(rows=1), execute(rows=1), sync()]
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


# (options, data): into in_t (i integer, t text, n numeric(8, 2), d date, b boolean) of its own each time.
IN = {
    "text": ("", b"1\tone\t1.50\t2024-01-02\tt\n2\ttwo\t-0.01\t1999-12-31\tf\n\\N\t\\N\t\\N\t\\N\t\\N\n"),
    "escapes": ("", b"1\ta\\tb\\nc\\\\d\\x41\\101\\q\\\te\t1\t\\N\t\\N\n".replace(b"\\\te", b"e")),
    "backslash newline": ("", b"1\tfirst\\\nsecond\t\\N\t\\N\t\\N\n"),
    "end mark": ("", b"1\ta\t\\N\t\\N\t\\N\n\\.\nnot read at all"),
    "no newline at the end": ("", b"1\ta\t\\N\t\\N\t\\N"),
    "a backslash at the end": ("(null '')", b"1\ta\t\t\t\n2\tb\t\t\t\\"),
    "carriage returns": ("", b"1\ta\t\\N\t\\N\t\\N\r\n2\tb\t\\N\t\\N\t\\N\r\n"),
    "old Macs": ("", b"1\ta\t\\N\t\\N\t\\N\r2\tb\t\\N\t\\N\t\\N\r"),
    "a lone carriage return": ("", b"1\ta\t\\N\t\\N\t\\N\n2\tb\rc\t\\N\t\\N\t\\N\n"),
    "a lone newline": ("", b"1\ta\t\\N\t\\N\t\\N\r\n2\tb\nc\t\\N\t\\N\t\\N\r\n"),
    "nothing": ("", b""),
    "empty text": ("", b"1\t\t\\N\t\\N\t\\N\n"),
    "delimiter and null": ("(delimiter '|', null 'nil')", b"1|nil|2|nil|nil\n2|x\\|y|nil|nil|true\n"),
    "header": ("(header)", b"whatever\n1\ta\t\\N\t\\N\t\\N\n"),
    "header match": ("(header match)", b"i\tt\tn\td\tb\n1\ta\t\\N\t\\N\t\\N\n"),
    "header mismatch": ("(header match)", b"i\tt\tx\td\tb\n1\ta\t\\N\t\\N\t\\N\n"),
    "header too short": ("(header match)", b"i\tt\n1\ta\t\\N\t\\N\t\\N\n"),
    "csv": ("(format csv)", b'1,"a, ""quoted""\nline",1.5,2024-01-02,true\n2,,,,\n3,"",,,\n'),
    "csv mixed quotes": ("(format csv)", b'1,a"b,c"d,,,\n'),
    "csv header": ("csv header", b"i,t,n,d,b\n1,a,,,\n"),
    "csv escape": ("(format csv, quote '''', escape '\\', delimiter ';')", b"1;'it\\'s \\\\';;;\n"),
    "csv force": ("(format csv, force_not_null (t), force_null (n))", b'1,,"",,\n'),
    "csv null": ("(format csv, null 'NULL')", b'1,NULL,NULL,NULL,NULL\n2,"NULL",1,,\n'),
    "csv end mark": ("(format csv)", b"1,a,,,\n\\.\n"),
    "csv not an end mark": ("(format csv)", b'1,"\\.",,,\n2,\\.,,,\n'),
    "csv open quote": ("(format csv)", b'1,"abc,,,\n2,b,,,\n'),
    "csv bare return": ("(format csv)", b"1,a,,,\n2,b\rc,,,\n"),
    "too few": ("", b"1\ta\t\\N\t\\N\t\\N\n2\tb\n"),
    "too many": ("", b"1\ta\t\\N\t\\N\t\\N\t9\n"),
    "no number": ("", b"1\ta\t\\N\t\\N\t\\N\nx\tb\t\\N\t\\N\t\\N\n"),
    "out of range": ("", b"99999999999\ta\t\\N\t\\N\t\\N\n"),
    "no date": ("", b"1\ta\t\\N\t2024-13-45\t\\N\n"),
    "no boolean": ("", b"1\ta\t\\N\t\\N\tmaybe\n"),
    "rounded": ("", b"1\ta\t1.239\t\\N\t\\N\n"),
    "numeric overflow": ("", b"1\ta\t12345678.9\t\\N\t\\N\n"),
    "booleans": ("", b"1\t\\N\t\\N\t\\N\tyes\n2\t\\N\t\\N\t\\N\toff\n3\t\\N\t\\N\t\\N\t1\n"),
    "bad bytes": ("", b"1\ta\xff\t\\N\t\\N\t\\N\n"),
    "escaped bad bytes": ("", b"1\ta\\xff\t\\N\t\\N\t\\N\n"),
    "corrupt end mark": ("", b"1\ta\t\\N\t\\N\t\\N\n\\.x\n"),
    "unicode": ("", "1\tÜ→😀\t\\N\t\\N\t\\N\n".encode()),
    "not binary": ("(format binary)", b"1\ta\n"),
    "binary, nothing": ("(format binary)", b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"),
    "binary, a field too few": ("(format binary)", b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\1\0\0\0\4\0\0\0\1" + b"\xff\xff"),
    "binary, cut off": ("(format binary)", b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\5\0\0\0\4\0\0\0\1\0\0\0\7abc"),
    "binary": ("(format binary)", b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\5\0\0\0\4\0\0\0\1\0\0\0\3abc\xff\xff\xff\xff\0\0\0\4\0\0\0\1\0\0\0\1\1" + b"\xff\xff"),
    "binary, behind the end": ("(format binary)", b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff\0"),
}
IN_TABLE = "create table in_t (i integer, t text, n numeric(8, 2), d date, b boolean)"


def cut(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def copied_in(target, options, data, size, ends=copy_done()):
    with Wire(target).begin() as w:
        w.ask("drop table if exists in_t")
        assert line(w.ask(IN_TABLE)) == "C Z/I"
        w.send(b"Q" + (4 + len(q := f"copy in_t from stdin {options}".encode() + b"\0")).to_bytes(4, "big") + q)
        got = w.until("GE")
        if got[-1][0] == "G":
            w.send(b"".join(copy_data(piece) for piece in cut(data, size)) + ends)
        got += w.until("Z")
        return told(got), told(w.ask("copy (select * from in_t order by i, t) to stdout"))


# How DuckDB itself says it, where a value fits its type but not its column.
DUCKDB_WORDS = {"numeric overflow"}


@pytest.mark.parametrize("name", IN)
@pytest.mark.parametrize("where", ["through", "duckdb"])
def test_in(targets, where, name):
    options, data = IN[name]
    for size in (1, 1000):
        right, got = copied_in(targets["direct"], options, data, size), copied_in(targets[where], options, data, size)
        if where == "duckdb" and name in DUCKDB_WORDS:
            assert got[1] == right[1] and got[0][0] == right[0][0]
        else:
            assert got == right


def test_in_described_first(targets):
    """As pg8000 does: the description says nothing of the table, nor whether there is one."""
    for name in targets:
        with Wire(targets[name]).begin() as w:
            w.ask("drop table if exists in_t")
            assert line(w.ask(IN_TABLE)) == "C Z/I"
            assert line(w.talk(parse("copy in_t (i) from stdin", "s"), describe("S", "s"), sync())) == "1 t n Z/I", name
            w.send(bind(statement="s") + execute() + copy_data(b"1\n2\n") + copy_done() + sync())
            assert tags(w.until("Z")) == ["COPY 2"], name
            assert line(w.talk(parse("copy no_such_t from stdin"), describe("S"), sync())) == "1 t n Z/I", name
            assert errors(w.talk(bind(), execute(), sync()))[0]["C"] == "42P01", name
            w.ask("drop table in_t")


def test_in_fails_as_the_client_says(targets):
    for name in targets:
        got, rows = copied_in(targets[name], "", b"1\ta\t\\N\t\\N\t\\N\n", 100, copy_fail("no more"))
        assert got[4] == [("57014", "COPY from stdin failed: no more")] and rows[1] == b"", name


def test_in_of_some_columns(targets):
    for name in targets:
        with targets[name].connect() as c:
            c.execute("drop table if exists some_t")
            c.execute('create table some_t (a integer default 7, "B b" text, c integer)')
            with c.cursor().copy('copy some_t ("B b", c) from stdin') as copy:
                copy.write_row(("x", 1))
                copy.write_row((None, 2))
            assert c.execute("select * from some_t order by c").fetchall() == [(7, "x", 1), (7, None, 2)], name
            for wrong, code in (("copy no_such_t from stdin", "42P01"), ("copy some_t (nope) from stdin", "42703")):
                with pytest.raises(psycopg.Error) as e, c.cursor().copy(wrong):
                    pass
                assert e.value.sqlstate == code, name
            c.execute("drop table some_t")


def test_in_belongs_to_its_transaction(targets):
    for name in ("direct", "duckdb"):
        with targets[name].connect(autocommit=False) as c:
            c.execute("drop table if exists in_t")
            c.execute(IN_TABLE)
            c.commit()
            with c.cursor().copy("copy in_t (i) from stdin") as copy:
                copy.write("1\n2\n")
            assert c.execute("select count(*) from in_t").fetchone() == (2,)
            c.rollback()
            assert c.execute("select count(*) from in_t").fetchone() == (0,)
            with pytest.raises(psycopg.Error), c.cursor().copy("copy in_t (i) from stdin") as copy:
                copy.write("1\nx\n")
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                c.execute("select 1")
            c.rollback()


def test_constraints_take_all_of_it_back(targets):
    for name in ("direct", "duckdb"):
        with targets[name].connect() as c:
            c.execute("drop table if exists key_t")
            c.execute("create table key_t (a integer primary key, b text not null)")
            for data, code in (("1\tx\n1\ty\n", "23505"), ("1\tx\n2\t\\N\n", "23502")):
                with pytest.raises(psycopg.Error) as e, c.cursor().copy("copy key_t from stdin") as copy:
                    copy.write(data)
                assert e.value.sqlstate == code
            assert c.execute("select count(*) from key_t").fetchone() == (0,)
            c.execute("drop table key_t")


def test_a_client_that_vanishes_leaves_nothing(targets):
    target = targets["duckdb"]
    with target.connect() as c:
        c.execute("drop table if exists in_t")
        c.execute(IN_TABLE)
        w = Wire(target).begin()
        w.send(b"Q" + (4 + len(q := b"copy in_t from stdin\0")).to_bytes(4, "big") + q)
        assert w.until("G")
        w.send(copy_data(b"1\ta\t\\N\t\\N\t\\N\n" * 100000))
        w.sock.close()
        assert c.execute("select count(*) from in_t").fetchone() == (0,)
        c.execute("drop table in_t")  # nobody holds it


def test_all_types_there_and_back(targets):
    """What COPY TO wrote, text, CSV and binary, COPY FROM reads."""
    for name in ("direct", "duckdb"):
        with targets[name].connect() as c:
            for options in ("", "(format csv, header)", "(format binary)"):
                c.execute("drop table if exists back_t")
                c.execute("create table back_t as select * from ct where false")
                with c.cursor().copy(f"copy ct to stdout {options}") as out:
                    data = b"".join(bytes(x) for x in out)
                with c.cursor().copy(f"copy back_t from stdin {options}") as into:
                    into.write(data)
                rows = [c.execute(f"select * from {t} order by big, i").fetchall() for t in ("ct", "back_t")]
                assert repr(rows[0]) == repr(rows[1]), (name, options)
            c.execute("drop table back_t")


def test_many_rows_in(targets):
    target = targets["duckdb"]
    with target.connect() as c:
        c.execute("drop table if exists in_t")
        c.execute(IN_TABLE)
        block = b"".join(b"%d\trow number %d\t%d.25\t2024-01-02\tt\n" % (i, i, i % 1000) for i in range(10000))
        with c.cursor().copy("copy in_t from stdin") as copy:
            for _ in range(50):
                copy.write(block)
        assert c.execute("select count(*), sum(i), count(distinct t) from in_t").fetchone() == (500000, 50 * sum(range(10000)), 10000)
        c.execute("drop table in_t")
