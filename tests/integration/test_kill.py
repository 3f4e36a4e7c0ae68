"""kill -9 of each program under load: nothing accepted is lost, nothing runs twice, every error is honest."""
import os
import random
import threading
import time

import psycopg
import pytest

from conftest import SLOW, wait_until

CLIENTS = 8
KILLS = int(os.environ.get("QF_KILLS", "20"))

# What an error may say: certainly without effect (it can be sent again), or that the outcome is unknown.
NO_EFFECT = {"57P01", "57P03", "25P02"}
UNKNOWN = {"08007"}


class Client(threading.Thread):
    """Appends (client, n) with rising n, and reads, until told to stop; keeps what it was told of each append."""

    def __init__(self, kit, number, stop, dialect):
        super().__init__()
        self.kit, self.number, self.stopping, self.dialect = kit, number, stop, dialect
        self.answered, self.none, self.unknown, self.problems = set(), set(), set(), []
        self.reads = self.reconnects = 0

    def run(self):
        conn, n = None, 0
        while not self.stopping.is_set():
            try:
                if conn is None or conn.closed:
                    conn = self.kit.connect(self.dialect)
            except psycopg.OperationalError:
                self.reconnects += 1
                time.sleep(0.02)
                continue
            n += 1
            self.append(conn, n)
            self.read(conn, n)
        if conn and not conn.closed:
            conn.close()

    def append(self, conn, n):
        try:
            conn.execute(f"insert into log values ({self.number}, {n})")
            self.answered.add(n)
        except psycopg.Error as e:
            self.note(e, n)

    def note(self, e, n):
        if e.sqlstate in NO_EFFECT or "the journal is full" in str(e):
            self.none.add(n)
        elif e.sqlstate in UNKNOWN or e.sqlstate is None:  # None: the connection dropped
            self.unknown.add(n)
        else:
            self.problems.append(f"append {n}: {e.sqlstate} {e}")

    def read(self, conn, n):
        if conn.closed:
            return
        try:
            rows = conn.execute(f"select count(*) + {n} from log where client < 0").fetchall()
            self.reads += 1
            if rows != [(n,)]:
                self.problems.append(f"a wrong answer: {rows}")
        except psycopg.Error as e:
            if e.sqlstate not in NO_EFFECT | UNKNOWN | {None}:
                self.problems.append(f"read: {e.sqlstate} {e}")
            elif e.sqlstate == "08007":
                self.problems.append(f"a read whose outcome is unknown: {e}")
            else:
                self.none.add(-1)


WARM = "translation workers are ready"


def under_load(start, program, kills, pause, dialect="duckdb", client=Client):
    kit = start()
    kit.query("create table log(client int, n int)", dialect="duckdb")
    stop = threading.Event()
    clients = [client(kit, i, stop, dialect) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    try:
        for _ in range(kills):
            time.sleep(pause * random.uniform(0.5, 1.5))
            warm = kit.log_text().count(WARM)
            kit.wait_restarted(program, kit.kill(program))
            if program == "translate":  # one that dies before it is warm, again and again, translates nothing
                wait_until(lambda: kit.log_text().count(WARM) > warm, 30)
        time.sleep(1)
    finally:
        stop.set()
        for c in clients:
            c.join(60)
    assert not any(c.is_alive() for c in clients), "a client hangs"
    rows = wait_until(lambda: kit.query("select client, n, count(*) from log group by all", dialect="duckdb"))
    return kit, clients, rows


def check(clients, rows):
    problems = [p for c in clients for p in c.problems]
    assert not problems, problems[:10]
    assert all(times == 1 for _, _, times in rows), [r for r in rows if r[2] != 1][:10]
    there = {(c, n) for c, n, _ in rows}
    for c in clients:
        mine = {n for k, n in there if k == c.number}
        assert c.answered <= mine, ("acknowledged and lost", sorted(c.answered - mine)[:10])
        assert not c.none & mine, ("said to have no effect, and there", sorted(c.none & mine)[:10])
        assert mine <= c.answered | c.unknown, ("there without a word", sorted(mine - c.answered - c.unknown)[:10])
    assert sum(len(c.answered) for c in clients) > 50


@pytest.mark.timeout(300 * SLOW)
@pytest.mark.parametrize("program", ["route", "translate", "admin"])
def test_nobody_notices(start, program):
    """The client sees nothing at all: every statement is answered."""
    # Through qf-translate every statement is a new text, so that each kill meets translations in flight.
    pause, dialect = (0.5, None) if program == "translate" else (0.15, "duckdb")
    _, clients, rows = under_load(start, program, KILLS, pause, dialect)
    check(clients, rows)
    assert not any(c.none or c.unknown or c.reconnects for c in clients), [(c.none, c.unknown) for c in clients]


@pytest.mark.timeout(300 * SLOW)
def test_dispatch(start):
    """Every outcome is a right answer, an error that certainly had no effect, or 08007; the file agrees."""
    kit, clients, rows = under_load(start, "dispatch", KILLS, 0.3)
    check(clients, rows)
    assert not any(c.reconnects for c in clients)
    assert kit.log_text().count("killed by signal 9") >= KILLS


@pytest.mark.timeout(300 * SLOW)
def test_listen(start):
    """A dropped connection, never a refused one: the port outlives the process."""
    _, clients, rows = under_load(start, "listen", 5, 0.3)
    check(clients, rows)


def test_transaction_dies_whole(start):
    """A transaction whose dispatch died fails until ROLLBACK, and nothing of it is there."""
    kit = start()
    kit.query("create table log(client int, n int)", dialect="duckdb")
    with kit.connect("duckdb") as c:
        c.execute("begin")
        c.execute("insert into log values (1, 1)")
        kit.wait_restarted("dispatch", kit.kill("dispatch"))
        with pytest.raises(psycopg.Error) as e:
            c.execute("insert into log values (1, 2)")
        assert e.value.sqlstate in ("57P01", "25P02")
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1")
        assert e.value.sqlstate == "25P02"
        assert c.execute("commit").statusmessage == "ROLLBACK"
        assert c.execute("select count(*) from log").fetchone() == (0,)


def test_back_quickly(start):
    """After kill -9 the next statement is answered within 300 ms (the design's figure), by the same session."""
    kit = start()
    with kit.connect("duckdb") as c:
        for program in ("route", "dispatch", "route", "dispatch"):
            c.execute("select 1")
            old = kit.kill(program)
            begin = time.monotonic()
            assert c.execute("select 42").fetchone() == (42,)
            took = time.monotonic() - begin
            kit.wait_restarted(program, old)
            assert took < 4 * SLOW, f"{program}: {took:.3f} s"
