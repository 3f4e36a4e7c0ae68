"""Cursors of SQL: the same statements on PostgreSQL itself, through the toolkit and on DuckDB give the same answers."""
import pathlib

import psycopg
import pytest

import pgkit
from conftest import SLOW, wait_until
from pgwire import Wire, bind, close, describe, errors, execute, line, parse, raw_values, row_types, run, sync, tags

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(180 * SLOW)]

# Whatever engine: tables cn(a integer, b text) with 10 rows.
SCRIPTS = {
    "forward": ["begin", "declare c no scroll cursor for select a, b from cn order by a", "fetch c", "fetch next from c", "fetch 3 c",
                "fetch forward 2 in c", "fetch forward from c", "fetch 0 from c", "rollback"],
    "to the end": ["begin", "declare c cursor for select a from cn order by a", "fetch all c", "fetch c", "fetch all from c",
                   "fetch 5 from c", "fetch 0 from c", "close c", "fetch c", "rollback"],
    "exactly to the end": ["begin", "declare c cursor for select a from cn order by a", "fetch 10 c", "fetch 1 c", "commit"],
    "move": ["begin", "declare c cursor for select a from cn order by a", "move 2 c", "fetch c", "move forward 3 in c", "fetch c",
             "move all in c", "fetch c", "move c", "commit"],
    "absolute": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch absolute 3 c", "fetch absolute 7 c",
                 "fetch absolute 8 from c", "fetch relative 2 c", "fetch relative 1 in c", "fetch absolute 20 c", "commit"],
    "first": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch first c", "commit"],
    "move to a place": ["begin", "declare c no scroll cursor for select a from cn order by a", "move absolute 4 c", "fetch c",
                        "move relative 2 c", "fetch c", "move absolute 30 c", "commit"],
    "relative past the end": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch relative 11 c", "fetch c", "commit"],
    "backward": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch 3 c", "fetch backward 1 c", "fetch c", "rollback"],
    "prior": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch prior c", "rollback"],
    "last": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch last c", "rollback"],
    "negative": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch 2 c", "fetch forward -1 c", "rollback"],
    "back by number": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch 6 c", "fetch absolute 2 c", "rollback"],
    "back to the start": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch absolute 0 c", "fetch c",
                          "fetch absolute 0 c", "rollback"],
    "again": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch 0 c", "fetch 2 c", "move 0 c", "fetch 0 c", "rollback"],
    "backward zero": ["begin", "declare c no scroll cursor for select a from cn order by a", "fetch backward 0 c", "fetch backward -2 c", "commit"],
    "without a transaction": ["declare c cursor for select 1", "fetch c", "close c", "move 2 from c", "close all"],
    "in one Query": ["declare c cursor for select a from cn order by a; fetch 2 c; close c", "fetch c"],
    "names": ["begin", 'declare "A c" cursor for select 1 as x', 'fetch "A c"', 'close "A c"', "declare Folded cursor for select 2 as y",
              'fetch "folded"', "fetch FOLDED", "close folded", 'close "FOLDED"', "rollback"],
    "keywords as names": ["begin", "declare next cursor for select 1", "fetch next", "fetch next next", "declare forward cursor for select 1",
                          "fetch forward", "fetch forward 1 from forward", "commit"],
    "twice": ["begin", "declare c cursor for select 1", "declare c cursor for select 2", "rollback"],
    "two at once": ["begin", "declare c cursor for select a from cn order by a", "declare d cursor for select a * 10 from cn order by a",
                    "fetch 2 c", "fetch 2 d", "fetch 2 c", "select count(*) from cn", "fetch 2 d", "close c", "fetch d", "close all", "fetch d",
                    "rollback"],
    "ends with its transaction": ["begin", "declare c cursor for select 1", "commit", "fetch c", "begin", "declare c cursor for select 1",
                                  "rollback", "begin", "declare c cursor for select 2 as z", "fetch c", "commit"],
    "ends with an error": ["begin", "declare c cursor for select 1", "select no_such_column", "fetch c", "rollback", "fetch c"],
    "hold": ["declare c cursor with hold for select a from cn order by a", "fetch 2 c", "select 7", "fetch 2 c", "begin", "fetch c", "commit",
             "fetch c", "close c", "fetch c"],
    "hold over a commit": ["begin", "declare c cursor with hold for select a from cn order by a", "declare d cursor for select 1", "fetch 3 c",
                           "commit", "fetch 2 c", "fetch d", "fetch all c", "fetch c", "close c", "close c"],
    "hold taken back": ["begin", "declare c cursor with hold for select a from cn order by a", "fetch 1 c", "rollback", "fetch c"],
    "hold beside a rollback": ["declare c cursor with hold for select a from cn order by a", "begin", "declare d cursor with hold for select 1",
                               "fetch c", "rollback", "fetch c", "fetch d", "close all", "fetch c"],
    "hold beside an error": ["declare c cursor with hold for select a from cn order by a", "fetch c", "select no_such_column", "fetch c",
                             "begin", "select no_such_column", "fetch c", "rollback", "fetch c", "close c"],
    "hold and DISCARD": ["declare c cursor with hold for select 1", "discard all", "fetch c"],
    "without hold": ["begin", "declare c insensitive cursor without hold for select 1", "fetch c", "commit"],
    "binary": ["begin", "declare c binary cursor for select a, b from cn order by a", "fetch 2 c", "commit"],
    "no rows": ["begin", "declare c cursor for select a from cn where false", "fetch c", "fetch all c", "move all c", "commit"],
    "values and with": ["begin", "declare c cursor for values (1, 'x'), (2, 'y')", "fetch all c", "declare d cursor for with q as (select 3 as v) select * from q",
                        "fetch d", "commit"],
    "syntax": ["declare c for select 1", "declare c scroll no scroll cursor for select 1", "declare c cursor with hold", "fetch all", "fetch sideways 1 c",
               "fetch 99999999999 c", "close", "move", "declare c insensitive asensitive cursor for select 1", "fetch forward from", "close a b"],
    "not a query": ["begin", "declare c cursor for insert into cn values (11, 'k')", "rollback",
                    "begin", "declare c cursor for with q as (insert into cn values (11, 'k') returning a) select * from q", "rollback"],
    "a wrong query": ["begin", "declare c cursor for select 1 from no_such_table", "rollback"],
    "read only": ["begin read only", "declare c cursor for select a from cn order by a", "fetch 2 c", "commit"],
    "other statements": ["begin", "declare c cursor for select a from cn order by a", "insert into cn values (100, 'z')", "fetch all c", "rollback"],
}


@pytest.fixture(scope="module")
def targets(pg, tmp_path_factory):
    pg.sql("drop table if exists cn")
    pg.sql("create table cn as select i as a, 'row ' || i as b from generate_series(1, 10) i")
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("through"))) as through, \
            pgkit.ending(pgkit.before_duckdb(tmp_path_factory.mktemp("duckdb"))) as duckdb:
        with duckdb.connect() as c:
            c.execute("create table cn as select cast(i as integer) as a, 'row ' || i as b from generate_series(1, 10) g(i)")
        yield {"direct": pg.target(), "through": through.target("through"), "duckdb": duckdb.target("duckdb")}
    pg.sql("drop table cn")


def told(messages):
    """What a client sees: kinds, values, tags, errors."""
    wrong = [(e["C"], e["M"]) for e in errors(messages)]
    formats = [[(name, code) for name, _, code in columns] for columns in row_types(messages)]
    return line(messages), raw_values(messages), tags(messages), wrong, formats


def answers(target, script):
    with Wire(target).begin() as w:
        return [told(w.ask(sql)) for sql in script]


# Where DuckDB has other words for what is wrong inside of a query.
OTHER_WORDS = {"ends with an error", "hold beside an error", "a wrong query"}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("where", ["through", "duckdb"])
def test_as_postgresql(targets, where, name):
    right, got = answers(targets["direct"], SCRIPTS[name]), answers(targets[where], SCRIPTS[name])
    for sql, r, g in zip(SCRIPTS[name], right, got, strict=True):
        if where == "duckdb" and name in OTHER_WORDS and r[3] and r[3][0][0].startswith("42"):
            assert r[0] == g[0], sql
        else:
            assert r == g, sql


EXTENDED = {
    "parameters": [[parse("begin"), bind(), execute(), sync()],
                   [parse("declare c cursor for select a, b from cn where a > $1 and b <> $2 order by a", "d", [23, 25]), describe("S", "d"), sync()],
                   [bind([b"3", b"row 5"], "d"), describe("P"), execute(), sync()],
                   [describe("P", "c"), sync()],
                   [parse("fetch 2 from c"), describe("S"), bind(), describe("P"), execute(), sync()],
                   [parse("fetch 2 from c"), bind(wanted=[1]), describe("P"), execute(), sync()],
                   [parse("move 1 from c"), bind(), describe("P"), execute(), sync()],
                   [parse("fetch 2 from c", "f"), sync()], [bind((), "f"), execute(), sync()], [bind((), "f"), execute(), sync()],
                   [parse("rollback"), bind(), execute(), sync()]],
    "closed by protocol": [[parse("begin"), bind(), execute(), sync()], run("declare c cursor for select a from cn"),
                           [close("P", "c"), sync()], [parse("fetch c"), bind(), execute(), sync()],
                           [parse("rollback"), bind(), execute(), sync()]],
    "prepared before": [[parse("fetch 2 from c", "f"), describe("S", "f"), sync()],
                        run("declare c cursor with hold for select a from cn order by a"),
                        [describe("S", "f"), bind((), "f"), describe("P"), execute(), sync()],
                        [parse("close c"), describe("S"), bind(), execute(), sync()],
                        [bind((), "f"), execute(), sync()]],
    "no transaction": [run("declare c cursor for select a from cn"), [parse("fetch c"), describe("S"), sync()], run("fetch c")],
    "a wrong query": [[parse("begin"), bind(), execute(), sync()], [parse("declare c cursor for select nope from cn"), sync()],
                      [parse("rollback"), bind(), execute(), sync()]],
}


# A cursor that PostgreSQL has is closed by CLOSE, not by the protocol's Close.
@pytest.mark.parametrize("where, name", [(w, n) for w in ("through", "duckdb") for n in EXTENDED if (w, n) != ("through", "closed by protocol")])
def test_extended(targets, where, name):
    def talked(target):
        with Wire(target).begin() as w:
            for messages in EXTENDED[name]:
                sent = messages if isinstance(messages, (list, tuple)) else [messages, sync()]
                got = w.talk(*sent)
                yield line(got), raw_values(got), tags(got), [e["C"] for e in errors(got)], row_types(got) and [[c[2] for c in t] for t in row_types(got)]

    for sent, r, g in zip(EXTENDED[name], talked(targets["direct"]), talked(targets[where]), strict=True):
        assert r == g, sent


FREED = 0 if SLOW == 1 else 600  # AddressSanitizer keeps what was freed for a while


def resident(kit):
    """MiB of qf-dispatch."""
    pid = kit.pid("dispatch")
    return int(next(x for x in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS")).split()[1]) / 1024


def test_bounded_memory(targets):
    """A cursor over 10 million rows: the first ones at once, in memory that does not grow with them."""
    kit = targets["duckdb"].kit
    with targets["duckdb"].connect(autocommit=False) as c:
        before = resident(kit)
        with c.cursor("big") as cur:
            cur.itersize = 1000
            cur.execute("select 'text of row ' || c.a, g.b from " + ", ".join(f"cn {x}" for x in "abcdefg"))
            total = sum(len(cur.fetchmany(1000)) for _ in range(300))
            assert total == 300_000
            total += len(cur.fetchmany(200_000))
            assert total == 500_000 and cur.fetchone()
        assert resident(kit) - before < 150 + FREED


def test_hold_over_commit_is_spooled(targets):
    with targets["duckdb"].connect(autocommit=False) as c:
        before = resident(targets["duckdb"].kit)
        c.execute("declare big cursor with hold for select i, 'text of row ' || i from generate_series(1, 1000000) g(i)")
        assert c.execute("fetch 2 from big").fetchall() == [(1, "text of row 1"), (2, "text of row 2")]
        c.commit()
        c.execute("insert into cn values (1000, 'in between')")
        c.rollback()
        assert c.execute("move 999990 from big").statusmessage == "MOVE 999990"
        assert [r[0] for r in c.execute("fetch all from big").fetchall()] == list(range(999993, 1000001))
        assert resident(targets["duckdb"].kit) - before < 150 + FREED


def test_the_slot_is_given_back(targets, tmp_path):
    """A cursor WITH HOLD keeps a connection and a slot; CLOSE, the end of its rows and the end of the session free it."""
    with pgkit.ending(pgkit.before_duckdb(tmp_path / "one", running=1)) as kit, kit.connect() as other:
        for end in ("close c", "fetch all from c", "close all", "discard all"):
            with kit.connect() as c:
                c.execute("declare c cursor with hold for select * from generate_series(1, 5)")
                c.execute("fetch 1 from c")
                c.execute(end)
                assert other.execute("select 1").fetchone() == (1,)
        with kit.connect() as c:
            c.execute("declare c cursor with hold for select 1")
            c.execute("begin")
            c.execute("close c")
            c.execute("commit")
            assert other.execute("select 1").fetchone() == (1,)
            c.execute("declare c cursor with hold for select 1")
        wait_until(lambda: other.execute("select 2").fetchone() == (2,), 20)


def test_scroll_is_refused(targets):
    with targets["duckdb"].connect() as c:
        c.execute("begin")
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="SCROLL cursor"):
            c.execute("declare c scroll cursor for select 1")
