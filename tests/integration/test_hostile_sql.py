"""SQL that is meant to do harm: it reaches no file, no other session, no setting of the database, and frees what it took."""
import os
import signal
import threading
import time

import psycopg
import pytest

from conftest import CONFIG, SLOW, Toolkit, wait_until
from hostile import MARKS, others_at_work, pids, served_quickly, unharmed
from rawpg import Raw, error, query, values

LIMITED = CONFIG.replace('test.duckdb"', 'test.duckdb", memoryLimit: 300MB, threads: 2')


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    k = Toolkit(tmp_path_factory.mktemp("sql"), LIMITED).start()
    k.query("create table treasure as select 42 as gold", dialect="duckdb")
    k.first = pids(k)
    yield k
    k.stop()
    log = k.log_text()
    for mark in MARKS:
        assert mark not in log, (mark, log[-6000:])


STATE = """select current_database(), current_setting('TimeZone'), current_setting('memory_limit'), (select count(*) from duckdb_databases()),
           (select sum(gold) from treasure), (select count(*) from duckdb_tables()), (select count(*) from duckdb_views() where not internal)"""

REFUSED = [
    "select * from read_text('/etc/passwd')", "select * from read_blob('/etc/passwd')", "select * from read_csv('/etc/passwd')", "from glob('/etc/*')",
    "from '/etc/passwd'", "from '/etc/passwd.csv'", "from read_parquet('/etc/passwd')", "from read_json('/proc/self/environ')", "select getenv('HOME')",
    "copy (select 1) to '/tmp/qf-never'", "copy treasure to '/dev/stdout'", "copy treasure from '/etc/passwd'", "export database '/tmp/qf-never'",
    "import database '/tmp'", "create table x as from read_text('/etc/passwd')", "create view x as from read_text('/etc/passwd')",
    "create macro x() as table from read_text('/etc/passwd')", "attach '/tmp/qf-never.duckdb'", "attach ':memory:' as x", "detach test",
    "alter database test set alias to other", "install httpfs", "load httpfs", "load '/tmp/x.so'", "explain analyze install httpfs", "update extensions",
    "pragma enable_verification", "explain analyze pragma enable_verification", "call enable_logging()", "pragma enable_profiling",
    "set memory_limit = '100GB'", "set threads = 1000", "explain analyze set global TimeZone = 'Europe/Paris'",
    "reset memory_limit", "set lock_configuration = false", "set enable_external_access = true", "use system", "use memory",
    "create persistent secret s (type http)", "from query('select 1' || ' as x')", "drop schema main cascade", "create database x", "from sniff_csv('/etc/passwd')",
    "select * from read_text((select '/etc/passwd'))", "execute p", "copy (select 1) to program 'touch /tmp/qf-never'",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(target, sql):
    with target.connect("duckdb") as other, Raw(target.port) as c:
        before = other.execute(STATE).fetchone()
        c.begin()
        e = error(c.ask(sql))
        assert e["S"] == "ERROR" and e["C"] != "XX000", e
        assert values(c.ask("select 1")) == [("1",)]
        assert other.execute(STATE).fetchone() == before
    assert not os.path.exists("/tmp/qf-never") and target.pid("dispatch") == target.first["dispatch"]


@pytest.mark.parametrize("name", ["timezone", "search_path"])
@pytest.mark.parametrize("value", ["a'; create table hacked(i int); --", "a\"; create table hacked(i int); --", "\\'; create table hacked(i int); --",
                                   "../../../etc/passwd", "/etc/passwd", "x" * 5000, "'", "\"", "$$", "a\nb", "UTC; drop table treasure"])
def test_settings_are_no_way_in(target, name, value):
    """What goes to the engine as a setting is a value, whatever is in it."""
    with unharmed(target), target.connect("duckdb") as c:
        try:
            c.execute(f"set {name} = '{value.replace(chr(39), chr(39) * 2)}'")
            c.execute("select 1")
        except psycopg.Error as e:
            assert e.sqlstate in ("22023", "3F000"), (e.sqlstate, e)
        c.execute(f"reset {name}")
        assert c.execute("select count(*) from duckdb_tables() where table_name = 'hacked'").fetchone() == (0,)
        assert c.execute("select gold from treasure").fetchone() == (42,)


@pytest.mark.parametrize("schema", ["plain", "a.b", "x,y", 'q"q', "it's", " blank ", "Größe", "main.main"])
def test_search_path_with_any_name(target, schema):
    """A schema is named whatever it is called."""
    with target.connect("duckdb") as c:
        name = '"' + schema.replace('"', '""') + '"'
        c.execute(f"create schema {name}")
        c.execute(f"create table {name}.here as select 7 as seven")
        c.execute(f"set search_path = {name}")
        assert c.execute("select seven from here").fetchone() == (7,)
        c.execute("reset search_path")
        c.execute(f"drop schema {name} cascade")


def test_sessions_share_nothing(target):
    """Temporary tables, variables, macros and settings of one session are not another's, also when it gets the same connection."""
    with target.connect("duckdb") as a:
        a.execute("set timezone = 'Asia/Tokyo'")
        a.execute("begin")
        a.execute("create temp table mine(i int)")
        a.execute("create temp macro mine() as 5")
        a.execute("insert into mine values (1)")
        a.execute("commit")
    for _ in range(10):
        with target.connect("duckdb") as b:
            with pytest.raises(psycopg.Error):
                b.execute("select * from mine")
            with pytest.raises(psycopg.Error):
                b.execute("select mine()")
            assert b.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)


TOO_MUCH = ["select string_agg(range::varchar, ',') from range(200000000)", "select list(range) from range(1000000000)",
            "select array_agg(x) from (select repeat('x', 1000000) as x from range(10000))", "select repeat('x', 1000000000000)"]


@pytest.mark.parametrize("sql", TOO_MUCH)
def test_memory_limit(target, sql):
    with unharmed(target, 2), others_at_work(target, 5), Raw(target.port) as c:
        c.begin()
        e = error(c.ask(sql))
        assert e["C"] in ("53200", "54000"), e
        assert values(c.ask("select 1")) == [("1",)]
    assert target.rss("dispatch") < 3e9


DEEP = {"plus": "select " + "+".join(["1"] * 20000), "not": "select " + "not " * 50000 + "true", "minus": "select " + "- " * 50000 + "1",
        "subquery": "select " + "(select " * 2000 + "1" + ")" * 2000, "union": " union all ".join(["select 1"] * 1500), "list": "select " + "[" * 5000 + "]" * 5000,
        "case": "select " + "case when true then " * 3000 + "1" + " end" * 3000, "cast": "select 1" + "::int" * 20000, "dots": "select a" + ".a" * 50000,
        "and": "select " + " and ".join(["true"] * 10000), "in": "select 1 in (" + ",".join(["1"] * 100000) + ")", "columns": "select " + ",".join(["1"] * 10000),
        "json": "select (repeat('[', 100000) || repeat(']', 100000))::json is null", "with": "with " + ",".join(f"a{i} as (select 1)" for i in range(1000)) + " select 1"}


@pytest.mark.parametrize("what", DEEP)
def test_deep(target, what):
    """Answered or refused; never the end of the process, never a wait for others."""
    with unharmed(target, 3), others_at_work(target, 5), Raw(target.port) as c:
        c.sock.settimeout(30 * SLOW)
        c.begin()
        got = c.ask(DEEP[what])
        assert got[-1][0] == "Z" and (values(got) or error(got)["C"] not in ("XX000", "57P01")), got[:3]
        assert values(c.ask("select 1")) == [("1",)]


def test_recursion_without_end(target):
    with unharmed(target, 2), target.connect("duckdb") as c:
        threading.Timer(0.5, c.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("with recursive r(i) as (select 1 union all select i + 1 from r) select max(i) from r")


def test_locks_of_others(target):
    """Two transactions on one row: one is told, neither waits for ever."""
    with unharmed(target), target.connect("duckdb") as a, target.connect("duckdb") as b:
        a.execute("create table contested as select 1 as i, 0 as v")
        a.execute("begin")
        a.execute("update contested set v = 1")
        b.execute("begin")
        with pytest.raises(psycopg.errors.SerializationFailure):
            b.execute("update contested set v = 2")
        b.execute("rollback")
        a.execute("commit")
        assert b.execute("select v from contested").fetchone() == (1,)
        b.execute("drop table contested")


# ---- time: cancels and deadlines at odd moments, and programs that are silent but not dead ------------------------------

SLOW_BEGIN = r"""
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{state}/test.duckdb" }}
  slow: {{ engine: fake, script: "match BEGIN | delay 800ms\nmatch COMMIT | delay 800ms\nmatch one | rows 1" }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
  two: {{ maxRunningQueries: 2, members: [slow] }}
routers:
  - {{ type: queryRegex, rules: [ {{ regex: "one", targetGroup: two }} ] }}
routingFallback: default
"""


@pytest.fixture
def slow(start):
    return start(SLOW_BEGIN)


def test_cancel_while_the_engine_begins(slow):
    """The transaction has failed, its end is a rollback, its slot is free."""
    with slow.connect("duckdb") as c:
        for _ in range(3):
            c.execute("begin")
            threading.Timer(0.3, c.cancel).start()
            with pytest.raises(psycopg.errors.QueryCanceled):
                c.execute("select 1 as one")
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                c.execute("select 2 as one")
            assert c.execute("commit").statusmessage == "ROLLBACK"
            assert c.execute("select 3 as one").fetchone()


def test_vanish_while_the_engine_begins(slow):
    for _ in range(4):  # the group has two slots
        c = Raw(slow.port).begin()
        c.send(query("begin; select 1 as one"))
        time.sleep(0.2)
        c.close()
    begin = time.monotonic()
    assert slow.query("select 1 as one", dialect="duckdb")
    assert time.monotonic() - begin < 3 * SLOW


def test_cancel_of_a_commit(slow):
    """A COMMIT on its way is not cancelled: it is answered."""
    with slow.connect("duckdb") as c:
        c.execute("begin")
        c.execute("select 1 as one")
        threading.Timer(0.3, c.cancel).start()
        assert c.execute("commit").statusmessage == "COMMIT"
        time.sleep(0.1)
        assert c.execute("select 1 as one").fetchone()


def test_vanish_at_a_commit(slow):
    for _ in range(4):
        c = Raw(slow.port).begin()
        c.ask("begin; select 1 as one")
        c.send(query("commit"))
        time.sleep(0.2)
        c.close()
    begin = time.monotonic()
    assert slow.query("select 1 as one", dialect="duckdb")
    assert time.monotonic() - begin < 4 * SLOW


@pytest.mark.parametrize("program", ["route", "dispatch", "listen"])
def test_stopped_and_going_on(start, program):
    """A program that is silent for 4.5 s is not dead: what was asked is answered when it goes on, by the same process, once."""
    kit = start()
    kit.query("create table once(i int)", dialect="duckdb")
    before = pids(kit)
    with kit.connect("duckdb") as c:
        os.kill(before[program], signal.SIGSTOP)
        try:
            result = []
            t = threading.Thread(target=lambda: result.append(c.execute("insert into once values (1)").statusmessage))
            t.start()
            time.sleep(4.5)
            assert not result
        finally:
            os.kill(before[program], signal.SIGCONT)
        t.join(10 * SLOW)
        assert result == ["INSERT 0 1"]
        assert c.execute("select count(*) from once").fetchone() == (1,)
    assert pids(kit) == before
    served_quickly(kit)


def test_stopped_for_longer_than_the_ring_waits(start):
    """57P03: certainly not run; it stays not run when the program goes on."""
    kit = start(CONFIG.replace("queryflux:", "queryflux:\n  ringTimeoutSecs: 2"))
    kit.query("create table once(i int)", dialect="duckdb")
    for program in ("route", "dispatch"):
        os.kill(kit.pid(program), signal.SIGSTOP)
        with kit.connect("duckdb") as c:
            try:
                begin = time.monotonic()
                with pytest.raises(psycopg.Error) as e:
                    c.execute("insert into once values (1)")
                took = time.monotonic() - begin
            finally:
                os.kill(kit.pid(program), signal.SIGCONT)
            assert e.value.sqlstate in ("57P03", "08007") and 1.5 < took < 6 * SLOW, (program, e.value.sqlstate, took)
            time.sleep(0.5)
            wait_until(lambda: kit.answers(), 5)
            n = kit.query("select count(*) from once", dialect="duckdb")[0][0]
            assert n == 0 or e.value.sqlstate == "08007", program
