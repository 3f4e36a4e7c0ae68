"""16 clients move money through transaction pooling while connections and qf-dispatch are killed at random.

No money is lost or made, no client sees another's result, every failure has its SQLSTATE, and a transaction that lost
its connection never goes on by itself. QF_MONEY_SECONDS sets how long it runs, QF_MONEY_SEED repeats a run.
"""
import collections
import os
import random
import re
import signal
import threading
import time

import psycopg
import pytest

import pgkit
from conftest import SLOW, wait_until

SECONDS = int(os.environ.get("QF_MONEY_SECONDS", "10"))
SEED = int(os.environ.get("QF_MONEY_SEED", "20"))
CLIENTS, ACCOUNTS, EACH, POOL = 16, 40, 1000, 6
pytestmark = [pgkit.needs_postgres, pytest.mark.timeout((120 + 2 * SECONDS) * SLOW)]
# What a client may meet while the ground moves: its connection or its transaction is lost, or what came of it is not known.
ALLOWED = re.compile(r"08\d\d\d|57P0[0-9]|25P02|40001|40P01|53300|55P03")


@pytest.fixture
def bank(pg, tmp_path):
    pg.sql("drop table if exists accounts, moves")
    pg.sql(f"create table accounts as select i as id, {EACH} as balance from generate_series(1, {ACCOUNTS}) i")
    pg.sql("create table moves (id text primary key, a integer, b integer, amount integer)")
    with pgkit.ending(pgkit.before(pg, tmp_path / "kit", pool=POOL, running=POOL)) as kit:
        yield kit


class Client(threading.Thread):
    """Moves money until it is told to stop. Each statement brings back the marker that it was sent with."""

    def __init__(self, number, target, over):
        super().__init__(name=f"client {number}")
        self.number, self.target, self.over = number, target, over
        self.random = random.Random(SEED * 1000 + number)
        self.committed, self.unknown, self.codes, self.wrong = set(), set(), collections.Counter(), []
        self.conn, self.count = None, 0

    def run(self):
        try:
            while not self.over.is_set():
                self.move()
        except Exception as e:  # noqa: BLE001 - told to the test, which fails
            self.wrong.append(repr(e))
        finally:
            if self.conn:
                self.conn.close()

    def move(self):
        self.count += 1
        name = f"{self.number}-{self.count}"
        state = "begun"
        try:
            if self.conn is None or self.conn.closed:
                self.conn = self.target.connect(prepare_threshold=self.random.choice([None, 0, 3]))
            self.transaction(name)
            state = "committing"
            if self.ask("commit") != "COMMIT":
                self.wrong.append(f"{name}: COMMIT of a transaction without an error said {self.said}")
            self.committed.add(name)
        except psycopg.Error as e:
            self.failed(name, state, e)

    def failed(self, name, state, error):
        """Without an SQLSTATE it may only be that the connection was closed under it."""
        code = error.sqlstate
        self.codes[code or "closed"] += 1
        if code is None and not self.conn_lost():
            self.wrong.append(f"{name}: {error!r} has no SQLSTATE")
        if code and not ALLOWED.fullmatch(code):
            self.wrong.append(f"{name}: {code} {error}")
        if state == "committing" and code != "25P02":
            self.unknown.add(name)
        self.go_on(name)

    def conn_lost(self):
        return self.conn is None or self.conn.closed

    def go_on(self, name):
        """A session that lives is in a failed transaction, or in none: what follows must not run by itself."""
        if self.conn_lost():
            time.sleep(0.02)
            return
        try:
            if self.conn.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                try:
                    self.conn.execute("update accounts set balance = balance + 1000000 where id = 1")
                    self.wrong.append(f"{name}: a statement ran in a failed transaction")
                except psycopg.errors.InFailedSqlTransaction:
                    pass
            self.conn.execute("rollback")
        except psycopg.Error as e:
            self.codes[e.sqlstate or "closed"] += 1

    def ask(self, sql, params=None):
        cur = self.conn.execute(sql, params)
        self.said = cur.statusmessage
        return cur.fetchone() if cur.description else self.said

    def marked(self, sql, params=()):
        """The statement returns the marker; another's would be another's result."""
        marker = f"{self.number}/{self.random.getrandbits(48)}"
        row = self.ask(sql, (*params, marker))
        if row is None or row[-1] != marker:
            self.wrong.append(f"asked with {marker}, got {row}")
        return row

    def transaction(self, name):
        a, b = sorted(self.random.sample(range(1, ACCOUNTS + 1), 2))
        amount = self.random.randint(-20, 20)
        self.ask("begin")
        self.marked("update accounts set balance = balance - %s where id = %s returning balance, %s::text", (amount, a))
        if self.random.random() < 0.3:
            self.marked("select count(*), %s::text from accounts")
        self.marked("update accounts set balance = balance + %s where id = %s returning balance, %s::text", (amount, b))
        self.marked("insert into moves values (%s, %s, %s, %s) returning id, %s::text", (name, a, b, amount))


def disturb(pg, kit, until):
    """Every now and then a backend is ended, or qf-dispatch is killed; what was done is counted."""
    chance, done = random.Random(SEED), collections.Counter()
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.1, 0.5))
        if chance.random() < 0.75:
            backends = pg.backends("state <> 'idle' or random() < 0.2")
            if backends:
                pg.terminate(f"pid = {chance.choice(backends)[0]}")
                done["backend"] += 1
        elif kit.pid("dispatch"):
            old = kit.kill("dispatch")
            done["dispatch"] += 1
            kit.wait_restarted("dispatch", old)
    return done


def test_money(pg, bank):
    over = threading.Event()
    clients = [Client(i, bank.target(), over) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    try:
        done = disturb(pg, bank, time.monotonic() + SECONDS)
    finally:
        over.set()
        for c in clients:
            c.join(60 * SLOW)
    assert not [c.name for c in clients if c.is_alive()]
    wrong = [w for c in clients for w in c.wrong]
    codes = sum((c.codes for c in clients), collections.Counter())
    assert not wrong, (wrong[:10], len(wrong), codes, done)
    assert done["backend"] and done["dispatch"], done
    pgkit.settled(lambda: pg.backends("xact_start is not null"), [])
    assert pg.sql("select sum(balance)::int from accounts") == [(ACCOUNTS * EACH,)], (codes, done)
    moves = {row[0] for row in pg.sql("select id from moves")}
    committed, unknown = (set().union(*(getattr(c, which) for c in clients)) for which in ("committed", "unknown"))
    assert len(committed) > 100, (len(committed), codes, done)
    assert committed <= moves, f"said to be committed and are not: {sorted(committed - moves)[:5]}, {codes}, {done}"
    assert moves - committed <= unknown, f"committed without being said: {sorted(moves - committed - unknown)[:5]}, {codes}, {done}"


def killed(kit):
    old = kit.kill("dispatch")
    kit.wait_restarted("dispatch", old)


@pytest.mark.parametrize("prepared", [None, 0])
def test_dispatch_dies_between_two_statements(pg, bank, prepared):
    """The transaction has failed; nothing of it is done, and nothing of it goes on."""
    with bank.target().connect(prepare_threshold=prepared) as c:
        c.execute("begin")
        c.execute("update accounts set balance = balance - %s where id = %s", (5, 1))
        killed(bank)
        with pytest.raises(psycopg.Error) as e:
            c.execute("update accounts set balance = balance + %s where id = %s", (5, 2))
        assert e.value.sqlstate, e.value
        assert c.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            c.execute("update accounts set balance = balance + 5 where id = 3")
        assert c.execute("commit").statusmessage == "ROLLBACK"
        assert c.execute("select sum(balance)::int from accounts").fetchone() == (ACCOUNTS * EACH,)
    assert pg.sql(f"select count(*) from accounts where balance <> {EACH}") == [(0,)]


def test_a_backend_dies_between_two_statements(pg, bank):
    with bank.target().connect() as c:
        c.execute("begin")
        c.execute("update accounts set balance = balance - 5 where id = 1")
        assert pg.terminate("state like 'idle in transaction%'") == 1
        time.sleep(0.2)
        with pytest.raises(psycopg.Error) as e:
            c.execute("update accounts set balance = balance + 5 where id = 2")
        assert e.value.sqlstate and not c.closed, e.value
        assert c.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        assert c.execute("commit").statusmessage == "ROLLBACK"
        assert c.execute("select sum(balance)::int from accounts").fetchone() == (ACCOUNTS * EACH,)


def test_a_backend_dies_in_a_statement(pg, bank):
    """A proper error; the session lives."""
    with bank.target().connect() as c:
        for sql in ("select pg_terminate_backend(pg_backend_pid())", "select i, pg_terminate_backend(pg_backend_pid()) from generate_series(1, 3) i",
                    "select repeat('x', 1000), case when i = 5000 then pg_terminate_backend(pg_backend_pid()) end from generate_series(1, 6000) i"):
            with pytest.raises(psycopg.Error) as e:
                c.execute(sql).fetchall()
            assert e.value.sqlstate and not c.closed, (sql, e.value)
            assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            assert c.execute("select 42").fetchone() == (42,)


@pytest.mark.parametrize("program, sig", [("dispatch", signal.SIGKILL), ("listen", signal.SIGKILL)])
def test_no_orphan_is_left(pg, bank, program, sig):
    """What ran in PostgreSQL for a program that was killed is ended within 2 s."""
    def endless(sql):
        try:
            with bank.target().connect() as c:
                c.execute(sql)
        except psycopg.Error:
            pass  # that it fails is what the other tests are about

    def orphans():
        return pg.running("pg_sleep(77)")

    threads = [threading.Thread(target=endless, args=(sql,)) for sql in (
        "select pg_sleep(77)", "select count(pg_sleep(77)) from accounts", "with x as (insert into moves values ('orphan') returning pg_sleep(77)) select 1 from x")]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: len(orphans()) == 3)
        first = orphans()
        bank.kill(program, sig)
        left = set(first)
        end = time.monotonic() + 2 * SLOW
        while left and time.monotonic() < end:
            time.sleep(0.05)
            left = set(first) & set(orphans())
        assert not left, f"{len(left)} of {len(first)} still run"
    finally:
        pg.terminate("position('pg_sleep(77)' in query) > 0")
        for t in threads:
            t.join(60 * SLOW)
    wait_until(bank.answers, 20)


def test_commit_meets_a_full_group(pg, bank):
    """All places are taken by others that wait for it: its COMMIT needs none."""
    with bank.target().connect() as holder:
        holder.execute("begin")
        holder.execute("update accounts set balance = balance - 1 where id = 1")

        def change():
            with bank.target().connect() as c:
                c.execute("update accounts set balance = balance + 1 where id = 1")

        threads = [threading.Thread(target=change) for _ in range(POOL * 2)]
        for t in threads:
            t.start()
        wait_until(lambda: len(pg.backends("wait_event_type = 'Lock'")) == POOL - 1)
        began = time.monotonic()
        assert holder.execute("commit").statusmessage == "COMMIT"
        assert time.monotonic() - began < 2 * SLOW
        for t in threads:
            t.join(30 * SLOW)
    assert pg.sql("select balance from accounts where id = 1") == [(EACH - 1 + POOL * 2,)]
