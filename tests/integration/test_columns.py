"""Translation with the columns that the engine's own catalog tells: right where types decide, and never with old ones."""
import base64
import datetime
import decimal
import itertools
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import threading
import time
import uuid

import psycopg
import pytest

from conftest import BIN, CONFIG, SLOW, Toolkit, wait_until

TABLE = pathlib.Path(__file__).parent / "faithful" / "trino.txt"
pytestmark = pytest.mark.timeout(240 * SLOW)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    toolkit = Toolkit(tmp_path_factory.mktemp("ring"), CONFIG)
    toolkit.start()
    yield toolkit
    toolkit.stop()


# ---- what Trino answers ----------------------------------------------------------------------------------------------

ROWS = """(1, 10, 1.5, 10.50, 'a', '2024-01-15', '2024-01-15 10:30:45.123', true, [1, 2]),
(2, 20, -2.25, -7.25, 'b', '2024-02-29', '2024-02-29 23:59:59', false, [3]),
(3, 3000000000, 0.1, 0.01, 'a', '2023-12-31', '2023-12-31 00:00:00', true, []),
(null, null, null, null, null, null, null, null, null)"""


def cases():
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return list(zip(lines[::2], (a.strip() for a in lines[1::2]), strict=True))


def plain(value):
    """As Trino's JSON has it."""
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, datetime.date):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M:%S.%f")
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict) and list(value) == [f"f{i + 1}" for i in range(len(value))]:
        return [plain(v) for v in value.values()]  # a row
    if isinstance(value, list):
        return [plain(v) for v in value]
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value if value == value else "NaN") if isinstance(value, float) else value


def answer(c, sql):
    try:
        cur = c.execute(sql)
    except psycopg.Error as e:
        return "refused" if e.sqlstate in ("0A000", "42601") else "error"
    return [d.name for d in cur.description], [[plain(v) for v in row] for row in cur.fetchall()]


def test_trino_statements(kit):
    """Equal to what Trino answers, an error where it fails, or refused where the table says so."""
    with kit.connect("duckdb") as c:
        c.execute("create table t(i integer, b bigint, d double, n decimal(10,2), s varchar, k date, ts timestamp, f boolean, a integer[])")
        c.execute("insert into t values " + ROWS)
    wrong = []
    with kit.connect("trino") as c:
        for sql, want in cases():
            have = answer(c, sql)
            if want.startswith("= "):
                names, at = json.JSONDecoder().raw_decode(want, 2)
                want = ([n.lower() for n in names], json.loads(want[at:]))
                have = ([n.lower() for n in have[0]], have[1]) if not isinstance(have, str) else have
            if want != have:
                wrong.append((sql, want, have))
    assert len(cases()) >= 100
    assert not wrong, wrong


# ---- whose columns ---------------------------------------------------------------------------------------------------

def fresh(kit, name, columns, values):
    with kit.connect("duckdb") as c:
        c.execute(f"create or replace table {name}({columns})")
        c.execute(f"insert into {name} values {values}")


@pytest.mark.parametrize("dialect", ["postgres", "trino"])
def test_names(kit, dialect):
    """WITH before tables, aliases, views, subqueries, other schemas, any case: the nearest meaning of a name counts."""
    fresh(kit, "tn", "a integer, b integer", "(7, 2)")
    with kit.connect("duckdb") as c:
        c.execute("create or replace view vn as select a as x, b as y from tn")
        c.execute("create schema if not exists sn")
        c.execute("create or replace table sn.tn(a double, b double)")
        c.execute("insert into sn.tn values (7, 2)")
        c.execute('create or replace table "Odd ""name"(a integer, b integer)')
        c.execute('insert into "Odd ""name" values (7, 2)')
    with kit.connect(dialect) as c:
        for sql, want in (("select a/b from tn", 3), ("select u.a/u.b from TN u", 3), ("select x/y from vn", 3),
                          ("select a/b from sn.tn", 3.5), ("select a/b from main.tn", 3),
                          ("with tn as (select a*1e0 as a, b from sn.tn) select a/b from tn", 3.5),
                          ("select q.a/q.b from (select a, b from tn) q", 3), ("select tn.a/tn.b from sn.tn tn", 3.5),
                          ('select a/b from "Odd ""name"', 3), ("select a/b from (select * from tn) tn", 3),
                          ("select (select a/b from sn.tn)", 3.5), ("select sum(a)/2 from tn", 3)):
            assert c.execute(sql).fetchone()[0] == want, sql


def test_search_path_counts(kit):
    """One text, two sessions, two tables."""
    fresh(kit, "tp", "a integer, b integer", "(7, 2)")
    with kit.connect("duckdb") as c:
        c.execute("create schema if not exists sp")
        c.execute("create or replace table sp.tp(a double precision, b integer)")
        c.execute("insert into sp.tp values (7, 2)")
    with kit.connect() as one, kit.connect() as two:
        two.execute("set search_path = sp")
        for _ in range(3):
            assert one.execute("select a/b from tp").fetchone()[0] == 3
            assert two.execute("select a/b from tp").fetchone()[0] == 3.5
        assert one.execute("select a/b from public.tp").fetchone()[0] == 3


@pytest.mark.parametrize("dialect", ["postgres", "trino"])
def test_what_is_not_there_is_the_engines_error(kit, dialect):
    """A missing table or column is said as such, whatever else could not be translated."""
    fresh(kit, "tx", "a integer, b integer", "(7, 2)")
    with kit.connect(dialect) as c:
        for sql, state in (("select a/b from nosuch", "42P01"), ("select nosuch from tx", "42703"), ("select u.nosuch, a/b from tx u", "42703"),
                           ("select a/b from no.such", "3F000"), ("select a + 1 as x, x / 2 from tx", "0A000"), ("select u from tx u", "0A000"),
                           ("insert into nosuch select a/b from tx", "42P01"), ("with q as (select 1 as a) select q.b from q", "42703")):
            with pytest.raises(psycopg.Error) as e:
                c.execute(sql)
            assert e.value.sqlstate == state, (sql, e.value.sqlstate, str(e.value))


# ---- when ------------------------------------------------------------------------------------------------------------

def test_changes_are_seen_at_once(kit):
    """After a change by any session the next statement is translated with the new types, cached or not."""
    fresh(kit, "tc", "a integer, b integer", "(7, 2)")
    with kit.connect() as c, kit.connect("trino") as t, kit.connect("duckdb") as other:
        for _ in range(5):
            assert c.execute("select a/b from tc").fetchone()[0] == 3
            assert t.execute("select a/b from tc").fetchone()[0] == 3
            other.execute("alter table tc alter a type double")
            assert c.execute("select a/b from tc").fetchone()[0] == 3.5
            assert t.execute("select a/b from tc").fetchone()[0] == 3.5
            other.execute("drop table tc")
            with pytest.raises(psycopg.Error) as e:
                c.execute("select a/b from tc")
            assert e.value.sqlstate == "42P01", str(e.value)
            fresh(kit, "tc", "a integer, b integer", "(7, 2)")


def test_a_transaction_sees_its_own_catalog(kit):
    """Its own tables, and the old ones while others change them: right or refused."""
    fresh(kit, "tt", "a integer, b integer", "(7, 2)")
    fresh(kit, "tn2", "a integer, b integer", "(7, 2)")
    with kit.connect() as c, kit.connect("duckdb") as other:
        c.execute("begin")
        assert c.execute("select a/b from tt").fetchone()[0] == 3
        other.execute("create or replace table tother (a integer)")
        assert c.execute("select b/a from tt").fetchone()[0] == 0
        other.execute("alter table tt alter a type double")
        assert_right_or_refused(c, "select a/b from tt", 3)
        c.execute("rollback")
        assert c.execute("select a/b from tt").fetchone()[0] == 3.5
        c.execute("begin")
        c.execute("create temp table tt (a integer, b integer)")
        assert c.execute("select b/a from tn2").fetchone()[0] == 0
        c.execute("insert into tt values (9, 2)")
        assert_right_or_refused(c, "select a/b from tt", 4)
        c.execute("rollback")
        c.execute("begin")
        c.execute("create table tnew (a integer, b integer)")
        c.execute("insert into tnew values (9, 2)")
        c.execute("commit")
        assert c.execute("select a/b from tnew").fetchone()[0] == 4
        other.execute("drop table tnew")


@pytest.mark.parametrize("dialect", ["postgres", "trino"])
def test_a_transaction_writes_once(kit, dialect):
    """A statement that is translated anew, because the transaction has a table of its own, has done nothing before."""
    with kit.connect(dialect) as c:
        for i in range(20):
            c.execute("begin")
            c.execute("create table once (a integer, b varchar)")
            assert c.execute("insert into once values (1, 'x'), (2, 'y')").rowcount == 2
            assert c.execute("select count(*), sum(a) from once").fetchone() == (2, 3)
            assert c.execute("update once set a = a + 1 where a > 1").rowcount == 1
            assert c.execute("select sum(a) from once").fetchone() == (4,)
            c.execute("rollback")


def assert_right_or_refused(c, sql, want):
    try:
        assert c.execute(sql).fetchone()[0] == want
    except psycopg.Error as e:
        assert e.sqlstate == "0A000", str(e)


def test_never_with_old_types_under_load(kit):
    """Types change all the time while others divide: each answer is that of one of the two tables, whole."""
    fresh(kit, "tl", "a integer, b integer", "(7, 2)")
    stop, wrong, counts = threading.Event(), [], {"right": 0, "refused": 0}

    def divide(dialect, together):
        with kit.connect(dialect) as c:
            for i in itertools.count():
                if stop.is_set():
                    break
                try:
                    if i % together == 0 and together > 1:
                        c.execute("rollback")
                        c.execute("begin")
                    value, kind = c.execute("select a/b, s from tl").fetchone()
                except psycopg.Error as e:
                    counts["refused"] += 1
                    if e.sqlstate not in ("0A000", "42P01", "42703", "40001", "25P02"):
                        wrong.append(str(e))
                    continue
                counts["right"] += 1
                if (value, kind) not in ((3, "int"), (3.5, "double")):
                    wrong.append((value, kind))

    with kit.connect("duckdb") as c:
        c.execute("create or replace table tl as select 7 as a, 2 as b, 'int' as s")
        threads = [threading.Thread(target=divide, args=a) for a in (("postgres", 1), ("trino", 1), ("postgres", 5), ("trino", 3))]
        for t in threads:
            t.start()
        end = time.monotonic() + 5
        while time.monotonic() < end and not wrong:
            c.execute("create or replace table tl as select 7::double as a, 2 as b, 'double' as s")
            c.execute("create or replace table tl as select 7 as a, 2 as b, 'int' as s")
        stop.set()
        for t in threads:
            t.join()
    assert not wrong, wrong[:3]
    assert counts["right"] > 100, counts


def test_long_changes_hold_nobody_up(kit):
    """While others build tables, for long, a statement is answered or refused for its own sake, never for theirs."""
    fresh(kit, "th", "a integer, b integer", "(7, 2)")

    def build(name):
        with kit.connect("duckdb") as c, pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("set statement_timeout = 3000")
            c.execute(f"create table {name} as select sum(a.range * b.range) from range(10000000) a, range(10000000) b")

    threads = [threading.Thread(target=build, args=(f"long{i}",)) for i in range(3)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    with kit.connect() as c:
        for _ in range(5):
            assert c.execute("select a, b || 'x' from th").fetchone() == (7, "2x")
            assert_right_or_refused(c, "select a/b from th", 3)
    for t in threads:
        t.join()


def test_writes_run_once_while_types_change(kit):
    """What is translated anew in its slot may have been begun by DuckDB's threads: nothing of that stays."""
    fresh(kit, "tl", "a integer, b integer", "(7, 2)")
    fresh(kit, "tw", "id integer, q double precision", "(0, 0)")
    stop, outcome = threading.Event(), {}

    def write(first):
        with kit.connect() as c:
            for i in itertools.count(first, 2):
                if stop.is_set():
                    break
                try:
                    c.execute(f"insert into tw select {i}, a/b from tl, generate_series(1, 5000)")
                    outcome[i] = 5000
                except psycopg.Error as e:
                    outcome[i] = 0
                    assert e.sqlstate in ("0A000", "42P01", "42703", "40001", "42804"), str(e)

    with kit.connect("duckdb") as c:
        c.execute("create or replace table tl as select 7 as a, 2 as b")
        threads = [threading.Thread(target=write, args=(a,)) for a in (1, 2)]
        for t in threads:
            t.start()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            c.execute("create or replace table tl as select 7::double as a, 2 as b")
            c.execute("create or replace table tl as select 7 as a, 2 as b")
        stop.set()
        for t in threads:
            t.join()
        found = {i: (n, low, high) for i, n, low, high in
                 c.execute("select id, count(*), min(q), max(q) from tw where id > 0 group by id").fetchall()}
    assert {i: n for i, n in outcome.items() if n} == {i: n for i, (n, _, _) in found.items()}
    assert all(low == high and low in (3, 3.5) for _, low, high in found.values()), found
    assert len(found) > 5


def test_the_translator_dies_while_columns_are_known(kit):
    fresh(kit, "tk", "a integer, b integer", "(7, 2)")
    with kit.connect() as c:
        for i in range(3):
            old = kit.pid("translate")
            os.kill(old, signal.SIGKILL)
            assert c.execute(f"select a/b + {i} from tk").fetchone()[0] == 3 + i
            kit.wait_restarted("translate", old)


TWO = """
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  whole: {{ engine: duckDb, initSql: "create table tw as select 7 as a, 2 as b, 'whole' as s" }}
  parts: {{ engine: duckDb, initSql: "create table tw as select 7::double as a, 2 as b, 'parts' as s" }}
clusterGroups:
  both: {{ members: [whole, parts], maxRunningQueries: 4 }}
routingFallback: both
"""


def test_members_with_tables_of_their_own(tmp_path):
    """Each member's text is made for its own columns."""
    toolkit = Toolkit(tmp_path, TWO)
    try:
        toolkit.start()
        with toolkit.connect() as c:
            seen = {tuple(c.execute("select a/b, s from tw").fetchone()) for _ in range(20)}
        assert seen == {(3, "whole"), (3.5, "parts")}
    finally:
        toolkit.stop()


def test_known_statements_need_no_translator(kit):
    """A statement that was translated is not translated again: it is answered while qf-translate stands still."""
    fresh(kit, "tq", "a integer, b integer", "(7, 2)")
    with kit.connect() as c:
        assert c.execute("select a/b from tq").fetchone() == (3,)
        translate = kit.kill("translate", signal.SIGSTOP)
        try:
            for _ in range(3):
                assert c.execute("select a/b from tq").fetchone() == (3,)
            c.execute("set statement_timeout = 700")
            with pytest.raises(psycopg.errors.QueryCanceled):
                c.execute("select a/b, 1 from tq")
        finally:
            os.kill(translate, signal.SIGCONT)
        c.execute("set statement_timeout = 0")
        assert c.execute("select a/b, 1 from tq").fetchone() == (3, 1)


def test_many_names_and_none(kit):
    """More names than are looked up, names that mean nothing, and names that would be files."""
    fresh(kit, "tm", "a integer, b integer", "(7, 2)")
    with kit.connect() as c:
        many = " union all ".join(f"select x from (select 1 as x) q{i}, (select 1) r{i}" for i in range(100))
        assert len(c.execute(many).fetchall()) == 100
        for sql in ("select * from nosuch", "select * from no.such", 'select * from "x.csv"', 'select * from "../x"', "select a from tm, nosuch"):
            with pytest.raises(psycopg.Error) as e:
                c.execute(sql)
            assert e.value.sqlstate in ("42P01", "3F000", "42501", "58030", "0A000"), (sql, e.value.sqlstate, str(e.value))
    wait_until(lambda: kit.pid("dispatch"))


# ---- hostile columns -------------------------------------------------------------------------------------------------

def text(b):
    return struct.pack(">I", len(b)) + b


def receive(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        assert part, "the worker is gone"
        data += part
    return data


class Worker:
    """`qf-translate --worker`, asked as the service asks it: frames of lib/worker, requests of answer.c."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self.sock = ours
        self.child = subprocess.Popen([str(BIN / "qf-translate"), "--worker"], pass_fds=[3],
                                      preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
        theirs.close()
        ours.settimeout(60 * SLOW)
        assert self.frame() == b"READY"

    def frame(self):
        return receive(self.sock, struct.unpack(">I", receive(self.sock, 4))[0])

    def ask(self, columns, sql=b"select a/b from t"):
        return self.send(b"\1\0\0\0" + text(b"postgres") + text(b"duckdb") + text(columns) + text(sql))

    def send(self, body):
        """Each request has a number, which comes back."""
        number = os.urandom(8)
        self.sock.sendall(struct.pack(">I", 8 + len(body)) + number + body)
        answer = self.frame()
        assert answer[:8] == number
        return answer[8:]

    def stop(self):
        self.sock.close()
        self.child.wait(20 * SLOW)


def test_columns_of_any_bytes():
    """What comes in place of columns is an error of that request, never the end of the worker."""
    good = b'{"t": {"a": "INTEGER", "b": "INTEGER"}}'
    rng = random.Random(7)
    bad = [b"{", b"[]", b"null", b"7", b'{"t": 1}', b'{"t": {"a": 1}}', b'{"t": {"a": null}}', b'{"t": [["a"]]}', b"\xff\xfe", b"[" * 100000,
           b'{"t":' * 50000, b'{"t": {"a": "INTEGER"}} x', b"NaN", b'{"t": {"a": {"b": "c"}}}']
    odd = [b'{"\\ud800": {"a": "INTEGER", "\\udfff": "\\ud800"}}', b'{"t": {}}', b'{"": {"": ""}}', b'{"t": {"a": "", "b": "nonsense(((" }}', b'{"t": {"a": "INTEGER", "A": "DOUBLE"}}',
           b'{"t": {"a": "STRUCT(x INTEGER", "b": "DECIMAL(99,99)"}}', b'{"t": {"a": "' + b"ARRAY(" * 5000 + b'"}}']
    for _ in range(300):
        mutant = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            mutant[rng.randrange(len(mutant))] = rng.randrange(256)
        odd.append(bytes(mutant))
    worker = Worker()
    try:
        for columns in bad:
            assert worker.ask(columns)[0] == 1, columns[:40]
        for columns in odd:
            for source, target in ((b"postgres", b"duckdb"), (b"trino", b"duckdb"), (b"trino", b"postgres")):
                oids = [rng.choice((0, 23, 705, 1700, 2950, 0xffffffff)) for _ in range(rng.randrange(3))]
                types = struct.pack(">H%dI" % len(oids), len(oids), *oids)
                body = b"\1\1" + types + text(source) + text(target) + text(columns) + text(b"select a/b, t.a from t")
                assert worker.send(body)[0] in (0, 1), columns[:60]
        assert b"a // b" in worker.ask(good)
    finally:
        worker.stop()
