"""Stopped, killed and restarted programs, and what each of it must leave behind: nothing lost, twice, or held."""
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import psycopg
import pytest

from conftest import BIN, CONFIG, PROGRAMS, SLOW, Toolkit, wait_until
from test_flow import raw_client
from test_kill import CLIENTS, Client, check

FAKE = """
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
  SETTINGS
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{state}/test.duckdb" }}
  fake: {{ engine: fake, script: "log {dir}/ran.log\\nSCRIPT" }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
  fakes: {{ maxRunningQueries: 2, members: [fake] OPTIONS }}
routers:
  - {{ type: queryRegex, rules: [ {{ regex: "fake", targetGroup: fakes }} ] }}
routingFallback: default
"""


def fake_config(script, settings="", options=""):
    return FAKE.replace("SCRIPT", script.replace("\n", "\\n")).replace("SETTINGS", settings).replace("OPTIONS", options)


def ran(kit, what):
    """Lines of the fake engine's log that name this text, as (start|end, how)."""
    path = kit.dir / "ran.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(w[0], w[2] if w[0] == "end" else "") for w in (line.split(" ", 3) for line in lines if what in line)]


def state_of(e):
    return e.value.sqlstate if hasattr(e, "value") else e.sqlstate


class Asking(threading.Thread):
    """One statement in a thread of its own; rows or the SQLSTATE are in .result, the seconds it took in .took."""

    def __init__(self, kit, sql, conn=None, **kw):
        super().__init__(daemon=True)
        self.kit, self.sql, self.conn, self.kw = kit, sql, conn, kw
        self.result = self.took = self.error = None
        self.start()

    def run(self):
        begin = time.monotonic()
        try:
            if self.conn:
                cur = self.conn.execute(self.sql)
                self.result = cur.fetchall() if cur.description else cur.statusmessage
            else:
                self.result = self.kit.query(self.sql, dialect="duckdb", **self.kw)
        except psycopg.Error as e:
            self.error, self.result = e, e.sqlstate or "dropped"
        self.took = time.monotonic() - begin

    def wait(self, seconds=30):
        self.join(seconds * SLOW)
        assert not self.is_alive(), f"no answer within {seconds * SLOW} s: {self.sql}"
        return self.result


def journal(kit):
    """(states of all slots, where they begin, size of one) of the start journal."""
    data = (kit.run_dir / "dispatch-0.journal").read_bytes()
    slots, size = struct.unpack_from("=II", data, 8)
    at = len(data) - len(data) % 8 - slots * size
    return [struct.unpack_from("=I", data, at + i * size)[0] for i in range(slots)], at, size


def nothing_left(kit):
    """No journal slot is taken once all is answered and retired."""
    wait_until(lambda: not any(journal(kit)[0]), 5)


def both_slots_free(kit, seconds=3):
    """Two statements of the fake group, whose limit is 2, run together."""
    begin = time.monotonic()
    two = [Asking(kit, "select 1 as fake_quick") for _ in range(2)]
    assert [t.wait(seconds) for t in two] == [[(1,)], [(1,)]]
    assert time.monotonic() - begin < seconds * SLOW


class Load:
    """Clients that append and read while something happens; then what they were told is compared with the file."""

    def __init__(self, kit, dialect="duckdb", clients=CLIENTS):
        self.kit = kit
        kit.query("create table log(client int, n int)", dialect="duckdb")
        self.stop = threading.Event()
        self.clients = [Client(kit, i, self.stop, dialect) for i in range(clients)]

    def __enter__(self):
        for c in self.clients:
            c.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *failure):
        self.stop.set()
        for c in self.clients:
            c.join(60 * SLOW)
        assert not any(c.is_alive() for c in self.clients), "a client hangs"
        if not failure[0]:
            rows = wait_until(lambda: self.kit.query("select client, n, count(*) from log group by all", dialect="duckdb"))
            check(self.clients, rows)

    def undisturbed(self):
        told = [(c.none, c.unknown, c.reconnects) for c in self.clients if c.none or c.unknown or c.reconnects]
        assert not told, told


# ---- stopped, and going on -------------------------------------------------------------------------------------

@pytest.mark.timeout(120 * SLOW)
@pytest.mark.parametrize("program", ["route", "translate", "dispatch", "listen", "admin"])
def test_stopped_and_continued(start, program):
    """A program that is stopped, shortly and for so long that it counts as silent, costs time and nothing else."""
    kit = start()
    with Load(kit, None if program == "translate" else "duckdb") as load:
        for seconds in (0.2, 1, 0.2, 5):
            pid = kit.kill(program, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.3)
    load.undisturbed()
    nothing_left(kit)


class SecondRoute:
    """Another qf-route beside that of `qf-admin up`."""

    def __init__(self, kit):
        self.log = open(kit.dir / "route-b.log", "wb")
        self.child = subprocess.Popen([str(BIN / "qf-route"), "--serve", "--instance", "b", "-c", str(kit.config)],
                                      env=kit.env, stdout=self.log, stderr=self.log)
        self.pid = self.child.pid
        wait_until(lambda: " b " in kit.admin("status").stdout)
        time.sleep(0.3)

    def close(self):
        self.child.send_signal(signal.SIGCONT)
        self.child.terminate()
        self.child.wait(10 * SLOW)
        self.log.close()


@pytest.mark.timeout(120 * SLOW)
@pytest.mark.parametrize("dispatch_dies", [False, True])
def test_stale_routed(start, dispatch_dies):
    """What a stopped qf-route holds is placed through another one; when it goes on, its copies do not run."""
    kit = start()
    kit.query("create table log(n int)", dialect="duckdb")
    other = SecondRoute(kit)
    try:
        conns = [kit.connect("duckdb") for _ in range(12)]
        os.kill(other.pid, signal.SIGSTOP)
        asked = [Asking(kit, f"insert into log values ({i})", c) for i, c in enumerate(conns)]
        time.sleep(1)
        held = sum(a.is_alive() for a in asked)
        assert 0 < held < 12, "neither route alone got all"
        if dispatch_dies:
            kit.wait_restarted("dispatch", kit.kill("dispatch"))
        assert [a.wait(20) for a in asked] == ["INSERT 0 1"] * 12
        time.sleep(2.5)  # by now the streams are retired; their fences are not
        os.kill(other.pid, signal.SIGCONT)
        time.sleep(1)
        assert kit.query("select n, count(*) from log group by n having count(*) <> 1", dialect="duckdb") == []
        assert kit.query("select count(*) from log", dialect="duckdb") == [(12,)]
        for c in conns:
            c.close()
    finally:
        other.close()
    nothing_left(kit)


@pytest.mark.timeout(90 * SLOW)
def test_given_up(start):
    """What its client was told to be given up holds nothing when the dispatch that had it goes on: no slot, no transaction."""
    kit = start(fake_config("match fake_hang | hang\nmatch fake_big | rows 100000 bytes 300",
                            "ringTimeoutSecs: 2\n  idleInTransactionTimeoutSecs: 2\n  clientStallTimeoutSecs: 2"))
    tx, two = kit.connect("duckdb"), [kit.connect("duckdb") for _ in range(2)]
    tx.execute("begin")
    tx.execute("select 1 as fake_first")
    dispatch = kit.kill("dispatch", signal.SIGSTOP)
    asked = [Asking(kit, "insert into fake_t values (1)", tx), Asking(kit, "select 1 as fake_hang", two[0]),
             Asking(kit, "select 1 as fake_big", two[1])]
    assert asked[0].wait(10) == "08007"
    assert [a.wait(10) for a in asked[1:]] == ["57P03", "57P03"]
    with pytest.raises(psycopg.Error) as e:
        tx.execute("select 1")
    assert state_of(e) == "25P02"
    assert tx.execute("commit").statusmessage == "ROLLBACK"
    os.kill(dispatch, signal.SIGCONT)
    wait_until(lambda: ("end", "ok") in ran(kit, "ROLLBACK"), 12)
    both_slots_free(kit, 10)
    nothing_left(kit)
    for what in ("fake_hang", "fake_big"):  # fenced if the RESOLVE came first
        assert ran(kit, what) in ([], [("start", ""), ("end", "cancelled")]), "its rows are nobody's"
    for c in (tx, *two):
        c.close()


# ---- qf-listen dies ----------------------------------------------------------------------------------------------

@pytest.mark.timeout(60 * SLOW)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_listener_dies(own, how):
    """What ran is cancelled, what waited is forgotten, a transaction is rolled back: both slots are free at once."""
    kit = own(fake_config("match fake_hang | hang\nmatch fake_queued | delay 50ms | affected 1"))
    c = kit.connect("duckdb")
    c.execute("begin")
    c.execute("select 1 as fake_first")
    asked = [Asking(kit, "select 1 as fake_hang")]
    wait_until(lambda: ran(kit, "fake_hang"))
    asked += [Asking(kit, f"insert into fake_queued values ({i})") for i in range(5)]
    time.sleep(0.3)
    kit.wait_restarted("listen", kit.kill("listen", how))
    assert {a.wait() for a in asked} == {"dropped"}
    c.close()
    both_slots_free(kit)
    assert ran(kit, "fake_hang") == [("start", ""), ("end", "cancelled")]
    assert ran(kit, "fake_queued") == [], "a statement of nobody ran"
    assert ("end", "ok") in ran(kit, "ROLLBACK")
    nothing_left(kit)


@pytest.mark.timeout(60 * SLOW)
def test_listener_dies_duckdb(start):
    """The same on threads: the statement of a dead listener is interrupted, its transaction's rows are gone."""
    kit = start(CONFIG.replace("maxRunningQueries: 8", "maxRunningQueries: 2"))
    kit.query("create table t(n int)", dialect="duckdb")
    c = kit.connect("duckdb")
    c.execute("begin")
    c.execute("insert into t values (1)")
    asked = Asking(kit, "select sum(a.range * b.range) from range(100000000) a, range(100000000) b")
    time.sleep(0.5)
    kit.wait_restarted("listen", kit.kill("listen"))
    assert asked.wait() == "dropped"
    c.close()
    begin = time.monotonic()
    two = [Asking(kit, "select count(*) from t") for _ in range(2)]
    assert [t.wait() for t in two] == [[(0,)], [(0,)]]
    assert time.monotonic() - begin < 3 * SLOW


# ---- qf-dispatch dies --------------------------------------------------------------------------------------------

def fill_journal(kit):
    """Every free slot becomes a write that ended and was never retired, of the listener that lives."""
    epoch = int((kit.run_dir / "listen-0.lock").read_text().split()[1])
    states, at, size = journal(kit)
    with open(kit.run_dir / "dispatch-0.journal", "r+b") as f:
        for i, state in enumerate(states):
            if state:
                continue
            # state, attempt, access (write), outcome, rows?, pinned?, commits?, volatile?, dispatch's epoch, listener's …
            entry = struct.pack("=IHBB4B4xQQQQQ", 2, 1, 1, 0, 0, 0, 0, 0, 1, epoch, 10**12 + i, 7, 1) + b"0".ljust(33, b"\0")
            f.seek(at + i * size)
            f.write(entry)


@pytest.mark.timeout(120 * SLOW)
def test_full_journal(start):
    """Slots that the epoch before left are given back as soon as the listener is back in touch."""
    kit = start()
    with Load(kit):
        for _ in range(3):
            old = kit.pid("dispatch")
            os.kill(old, signal.SIGSTOP)
            fill_journal(kit)
            os.kill(old, signal.SIGKILL)
            kit.wait_restarted("dispatch", old)
            time.sleep(1)
    nothing_left(kit)


@pytest.mark.timeout(60 * SLOW)
def test_journal_is_full_of_others(start):
    """While there is no slot a write does not run: after a crash nobody could tell whether it had."""
    kit = start()
    kit.query("create table t(n int)", dialect="duckdb")
    old = kit.pid("dispatch")
    os.kill(old, signal.SIGSTOP)
    fill_journal(kit)
    data = (kit.run_dir / "dispatch-0.journal").read_bytes()
    path = kit.run_dir / "dispatch-0.journal"
    epoch = int((kit.run_dir / "listen-0.lock").read_text().split()[1])
    # Of a listener of another name: nobody retires them.
    path.write_bytes(data.replace(struct.pack("=Q", epoch), struct.pack("=Q", epoch + 1)).replace(b"0".ljust(33, b"\0"), b"x".ljust(33, b"\0")))
    os.kill(old, signal.SIGKILL)
    kit.wait_restarted("dispatch", old)
    wait_until(kit.answers)
    with kit.connect("duckdb") as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("insert into t values (1)")
        assert state_of(e) == "53200" and "journal" in str(e.value)
        assert c.execute("select count(*) from t").fetchone() == (0,)


@pytest.mark.timeout(60 * SLOW)
def test_commit_in_flight(start):
    """A COMMIT that was on its way when its dispatch died may have happened: 08007. A ROLLBACK has nothing to fear."""
    kit = start(fake_config("match /^COMMIT/ | delay 20000ms\nmatch /^ROLLBACK/ | delay 20000ms"))
    for word, want in (("commit", "08007"), ("rollback", "ROLLBACK")):
        with kit.connect("duckdb") as c:
            c.execute("begin")
            c.execute(f"insert into fake_{word} values (1)")
            ending = Asking(kit, word, c)
            wait_until(lambda: ran(kit, f'"{word.upper()}"'))
            kit.wait_restarted("dispatch", kit.kill("dispatch"))
            assert ending.wait() == want
            assert c.execute("select 1").fetchone() == (1,), "the session is outside of the transaction"
    nothing_left(kit)


@pytest.mark.timeout(60 * SLOW)
@pytest.mark.parametrize("sql, want", [("insert into fake_slow values (1)", "08007"), ("select 1 as fake_slow", [(1,)])])
def test_statement_in_flight(start, sql, want):
    """Outside of a transaction a write that had started is unknown, a read runs once more; inside nothing has effect."""
    kit = start(fake_config("match fake_slow | delay 1500ms | rows 1"))
    with kit.connect("duckdb") as c, kit.connect("duckdb") as tx:
        tx.execute("begin")
        tx.execute("select 1 as fake_first")
        asked = [Asking(kit, sql, c), Asking(kit, sql, tx)]
        wait_until(lambda: len(ran(kit, sql)) == 2)
        kit.wait_restarted("dispatch", kit.kill("dispatch"))
        assert [a.wait() for a in asked] == [want, "57P01"]
        assert [s for s, _ in ran(kit, sql)].count("start") == (3 if want == [(1,)] else 2)
        assert tx.execute("commit").statusmessage == "ROLLBACK"
    nothing_left(kit)


@pytest.mark.timeout(60 * SLOW)
def test_two_quick_deaths(start):
    """A dispatch that dies again before a read is placed anew: still an answer, or an error at once, never a wait."""
    kit = start(fake_config("match fake_slow | delay 1000ms | rows 1"))
    with kit.connect("duckdb") as c:
        for _ in range(5):
            asked = Asking(kit, "select 1 as fake_slow", c)
            time.sleep(0.3)
            for _ in range(3):
                old = kit.kill("dispatch")
                kit.wait_restarted("dispatch", old)
            assert asked.wait(8) in ([(1,)], "57P01"), asked.error
            wait_until(lambda: kit.query("select 2", dialect="duckdb") == [(2,)])


@pytest.mark.timeout(60 * SLOW)
def test_one_row_description(start):
    """A read that is sent again after its columns had been told, and no row, describes its columns once."""
    kit = start(fake_config("match fake_hang | rows 0 | hang"))
    s = raw_client(kit.port, "select 1 as fake_hang")
    wait_until(lambda: ran(kit, "fake_hang"))
    time.sleep(0.3)
    kit.wait_restarted("dispatch", kit.kill("dispatch"))
    wait_until(lambda: len(ran(kit, "fake_hang")) == 2)
    time.sleep(0.3)
    kit.wait_restarted("dispatch", kit.kill("dispatch"))  # the second time it is given up
    data = b""
    while not data.endswith(b"Z\0\0\0\x05I"):
        data += s.recv(4096)
    s.close()
    kinds = b""
    while data:
        kinds += data[:1]
        data = data[1 + struct.unpack(">I", data[1:5])[0]:]
    assert kinds.count(b"T") <= 1 and kinds.endswith(b"EZ"), kinds
    assert len(ran(kit, "fake_hang")) == 2


MEMORY = CONFIG.replace("databasePath: \"{state}/test.duckdb\"", "")


@pytest.mark.timeout(60 * SLOW)
@pytest.mark.parametrize("config, written, want", [(MEMORY, True, "57P01"), (MEMORY, False, 1), (CONFIG, True, 1)])
def test_volatile(start, config, written, want):
    """What was in memory is gone: a read that had begun there is not sent to the empty database."""
    kit = start(config)
    if written:
        kit.query("create table t as select 1 as n", dialect="duckdb")
    slow = "(select count(*) from range(20000) a, range(20000) b where (a.range * b.range) % 7 = 8)"
    asked = Asking(kit, f"select {'n' if written else '1'} + {slow} {'from t' if written else ''}")
    time.sleep(0.25)
    assert asked.is_alive(), "the statement is too fast for this test"
    kit.wait_restarted("dispatch", kit.kill("dispatch"))
    got = asked.wait(60)
    assert got == want or got == [(want,)], asked.error


@pytest.fixture
def own(tmp_path):
    """Like `start`, for tests in which a program is to end by a fatal signal."""
    running = []

    def begin(config):
        # A sanitizer leaves the signal to the program, as in a release build.
        plain = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"}
        kit = Toolkit(tmp_path, config, plain)
        running.append(kit)
        return kit.start()

    yield begin
    for kit in running:
        kit.stop()
        log = kit.log_text()
        for mark in ("assertion", "AddressSanitizer", "runtime error:", "killed by signal 6"):
            assert mark not in log, log[-4000:]


@pytest.mark.timeout(90 * SLOW)
def test_quarantine(own):
    """A statement that ran in two crashes is refused with the reason; those that merely ran before it are not."""
    kit = own(fake_config("match fake_bad | hang\nmatch fake_other | delay 300ms | rows 1"))
    assert kit.query("select 1 as fake_other", dialect="duckdb") == [(1,)]
    bad = Asking(kit, "select 1 as fake_bad")
    for times in (1, 2):  # after the first crash it is sent again: it is a read
        wait_until(lambda: len(ran(kit, "fake_bad")) == times)
        kit.wait_restarted("dispatch", kit.kill("dispatch", signal.SIGSEGV))
    assert bad.wait() == "57P01"
    again = Asking(kit, "select 1 as fake_bad")
    assert again.wait() == "55000" and "two crashes" in str(again.error), again.error
    with kit.connect("duckdb") as c:  # in a transaction too, and the transaction can be ended
        c.execute("begin")
        c.execute("select 1 as fake_other")
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1 as fake_bad")
        assert state_of(e) == "55000"
        c.execute("rollback")
    both_slots_free(kit)
    # kill -9 is nobody's fault.
    for _ in range(2):
        other = Asking(kit, "select 1 as fake_other")
        wait_until(lambda: ran(kit, "fake_other")[-1][0] == "start")
        kit.wait_restarted("dispatch", kit.kill("dispatch"))
        assert other.wait() == [(1,)]
    assert kit.query("select 1 as fake_other", dialect="duckdb") == [(1,)]


# ---- orderly stops (systemctl restart) -----------------------------------------------------------------------------

@pytest.mark.timeout(120 * SLOW)
@pytest.mark.parametrize("program", ["route", "translate", "admin", "dispatch"])
def test_orderly_restart(start, program):
    """SIGTERM under load: no statement fails. A dispatch ends what runs, and what comes meanwhile waits."""
    kit = start()
    with Load(kit, None if program == "translate" else "duckdb") as load:
        for _ in range(5):
            kit.wait_restarted(program, kit.kill(program, signal.SIGTERM))
            time.sleep(0.4 if program != "translate" else 1.5 * SLOW)  # its workers need a moment
    load.undisturbed()
    assert kit.log_text().count("ended with status 0") >= 5
    nothing_left(kit)


@pytest.mark.timeout(120 * SLOW)
def test_orderly_restart_while_rows_flow(start):
    """A dispatch that stops leaves no result without its last rows: its goodbye does not overtake them."""
    kit = start()
    stop, wrong, told = threading.Event(), [], []

    def ask():
        with kit.connect("duckdb") as c:
            while not stop.is_set():
                try:
                    n = len(c.execute("select range, repeat('x', 100) from range(3000)").fetchall())
                    (told if n == 3000 else wrong).append(n)
                except psycopg.Error as e:
                    wrong.append(f"{e.sqlstate} {e}")

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for t in threads:
        t.start()
    for _ in range(6):
        time.sleep(0.5)
        kit.wait_restarted("dispatch", kit.kill("dispatch", signal.SIGTERM))
    stop.set()
    for t in threads:
        t.join(30 * SLOW)
    assert not wrong and len(told) > 50, (wrong, len(told))


@pytest.mark.timeout(120 * SLOW)
def test_orderly_restart_of_listen(start):
    """A session between two statements is closed with 57P01; no statement is cut, none is lost."""
    kit = start()
    with Load(kit):
        for _ in range(5):
            kit.wait_restarted("listen", kit.kill("listen", signal.SIGTERM))
            time.sleep(0.4)
    nothing_left(kit)


@pytest.mark.timeout(60 * SLOW)
def test_dispatch_stops_with_long_work(start):
    """Beyond the drain time: what ran is interrupted and said so, the transaction is rolled back, it comes back."""
    kit = start(fake_config("match fake_hang | hang\nmatch fake_quick | delay 500ms | rows 1", "shutdownDrainTimeoutSecs: 2"))
    with kit.connect("duckdb") as tx:
        tx.execute("begin")
        tx.execute("select 1 as fake_first")
        asked = [Asking(kit, "insert into fake_hang values (1)")]
        asked += [Asking(kit, "select sum(a.range * b.range) from range(100000000) a, range(100000000) b")]
        wait_until(lambda: ran(kit, "fake_hang"))
        time.sleep(0.3)
        old = kit.kill("dispatch", signal.SIGTERM)
        later = Asking(kit, "select 3")
        assert [a.wait(10) for a in asked] == ["57P01", "57P01"]
        kit.wait_restarted("dispatch", old)
        assert later.wait(10) == [(3,)]
        with pytest.raises(psycopg.Error) as e:
            tx.execute("select 1 as fake_second")
        assert state_of(e) in ("57P01", "25P02")
        tx.execute("rollback")
    both_slots_free(kit)
    assert ("end", "ok") in ran(kit, "ROLLBACK")


# ---- slots and transactions ------------------------------------------------------------------------------------------

def vanish(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
    s.close()


@pytest.mark.timeout(240 * SLOW)
def test_abandoned_transactions(start):
    """1,000 transactions whose clients vanish leave no slot, no connection and no row."""
    kit = start(fake_config("default | rows 1"))
    kit.query("create table t(n int)", dialect="duckdb")
    for i in range(1000):
        where = "select 1 as fake_x" if i % 2 else f"insert into t values ({i})"
        s = raw_client(kit.port, f"begin; {where}" if i % 3 else f"begin; {where}; select broken from nowhere")
        if i % 5:  # some vanish with the answer, some before it
            s.settimeout(20 * SLOW)
            data = b""
            while b"Z\0\0\0\x05" not in data:
                data += s.recv(4096)
        vanish(s) if i % 7 else s.close()
    time.sleep(0.5)
    conns = [kit.connect("duckdb") for _ in range(6)]
    begin = time.monotonic()
    for i, c in enumerate(conns):  # four slots of one group, two of the other, all at once
        c.execute("begin")
        c.execute("insert into t values (1)" if i < 4 else "select 1 as fake_y")
    assert time.monotonic() - begin < 5 * SLOW
    for c in conns:
        c.execute("rollback")
        c.close()
    assert kit.query("select count(*) from t", dialect="duckdb") == [(0,)]
    nothing_left(kit)


@pytest.mark.timeout(60 * SLOW)
def test_refused_in_a_transaction(start):
    """A statement that cannot be translated fails the transaction and leaves it at its engine until ROLLBACK."""
    kit = start(fake_config("default | rows 1"))
    for end in ("rollback", "commit", None):
        for _ in range(3):
            with kit.connect() as c:
                c.execute("begin")
                c.execute("select 1 as fake_a")
                with pytest.raises(psycopg.Error) as e:
                    c.execute("select fake_b from (select")
                assert state_of(e) in ("42601", "0A000"), e.value
                with pytest.raises(psycopg.Error) as e:
                    c.execute("select 1 as fake_c")
                assert state_of(e) == "25P02"
                if end:
                    assert c.execute(end).statusmessage == "ROLLBACK"
    both_slots_free(kit)


@pytest.mark.timeout(60 * SLOW)
def test_no_slot_in_time(start):
    """A statement that waits too long in the queue fails, and says so: it was never run."""
    kit = start(fake_config("match fake_hang | hang", options=", capacityWaitTimeoutSecs: 1"))
    hanging = [kit.connect("duckdb") for _ in range(2)]
    busy = [Asking(kit, "select 1 as fake_hang", c) for c in hanging]
    wait_until(lambda: len(ran(kit, "fake_hang")) == 2)
    waiting = Asking(kit, "insert into fake_t values (1)")
    assert waiting.wait() == "53300" and "no free slot" in str(waiting.error), waiting.result
    with kit.connect("duckdb", options="-c statement_timeout=400") as c:
        late = Asking(kit, "insert into fake_t values (2)", c)
        assert late.wait() == "57014" and "statement timeout" in str(late.error), late.result
    with kit.connect("duckdb") as c:  # the first of a transaction waits like any other
        c.execute("begin")
        first = Asking(kit, "insert into fake_t values (3)", c)
        assert first.wait() == "53300", first.result
        c.execute("rollback")
    for c in hanging:
        c.cancel()
    assert [b.wait() for b in busy] == ["57014"] * 2
    both_slots_free(kit)
    assert ran(kit, "fake_t") == []


@pytest.mark.timeout(60 * SLOW)
def test_cancel_while_it_begins(start):
    """A cancel that meets BEGIN is not forgotten: the statement behind it does not run."""
    kit = start(fake_config("match /^BEGIN/ | delay 600ms\nmatch fake_long | delay 15000ms | rows 1"))
    with kit.connect("duckdb") as c:
        c.execute("begin")
        first = Asking(kit, "select 1 as fake_long", c)
        wait_until(lambda: ran(kit, "BEGIN"))
        c.cancel()
        assert first.wait(5) == "57014"
        c.execute("rollback")
        c.execute("begin")  # and the deadline, which meets it there too
        c.execute("set statement_timeout = 300")
        late = Asking(kit, "select 1 as fake_long", c)
        assert late.wait(5) == "57014" and "statement timeout" in str(late.error)
        c.execute("rollback")
    both_slots_free(kit)
    assert ran(kit, "fake_long") == []


@pytest.mark.timeout(60 * SLOW)
def test_windows_differ(start):
    """A statement that was sent while few were open and starts when many are has the smaller window, and flows."""
    kit = start(fake_config("match fake_first | delay 2000ms | rows 1\nmatch fake_big | rows 20000 bytes 300\ndefault | rows 1",
                            "streamBudgetBytes: 16777216", ", maxRunningQueries: 1").replace("maxRunningQueries: 2, ", ""))
    first = Asking(kit, "select 1 as fake_first")
    time.sleep(0.2)
    big = Asking(kit, "select 1 as fake_big")
    time.sleep(0.2)
    many = [Asking(kit, "select 1 as fake_small") for _ in range(70)]
    assert len(big.wait(15)) == 20000
    assert first.wait() == [(1,)] and all(m.wait() == [(1,)] for m in many)


# ---- everything at once --------------------------------------------------------------------------------------------

class Mixed(Client):
    """Appends alone and in transactions, reads, large results that are cancelled or left, errors, timeouts."""

    def append(self, conn, n):
        what = random.choice((self.alone, self.alone, self.in_transaction, self.cancelled, self.vanishes, self.fails, self.late))
        if conn.closed:
            return
        try:
            what(conn, n)
        except psycopg.Error as e:
            self.note(e, n)
        self.settle(conn)

    def note(self, e, n):
        if n in self.tried and e.sqlstate in ("57014", "42601", "42P01"):
            self.none.add(n)
        elif n in self.tried:
            super().note(e, n)
        elif e.sqlstate not in ("57014", "57P01", "57P03", "25P02", "08007", "42601", "42P01", None):
            self.problems.append(f"{e.sqlstate} {e}")

    def settle(self, conn):
        try:
            if not conn.closed and conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                conn.execute("rollback")
        except psycopg.Error as e:
            if e.sqlstate is not None:
                self.problems.append(f"rollback: {e.sqlstate} {e}")

    def insert(self, conn, n):
        self.tried.add(n)
        conn.execute(f"insert into log values ({self.number}, {n})")

    def alone(self, conn, n):
        self.insert(conn, n)
        self.answered.add(n)

    def in_transaction(self, conn, n):
        conn.execute("begin")
        self.insert(conn, n)
        conn.execute("select count(*) from log")
        if random.random() < 0.3:
            conn.execute("rollback")
            self.none.add(n)
            return
        if conn.execute("commit").statusmessage == "COMMIT":
            self.answered.add(n)
        else:
            self.none.add(n)

    def cancelled(self, conn, n):
        timer = threading.Timer(random.uniform(0, 0.1), self.cancel, (conn,))
        timer.start()
        try:
            conn.execute("select range, repeat('x', 200) from range(200000)").fetchall()
        finally:
            timer.join()
            time.sleep(0.05)  # it may arrive late: not at the next statement

    @staticmethod
    def cancel(conn):
        try:
            conn.cancel_safe(timeout=10)  # cancel() holds Python's lock while a stopped qf-listen does not answer
        except psycopg.Error:
            pass

    def vanishes(self, conn, n):
        s = raw_client(self.kit.port, random.choice(("begin; select 1; select * from range(100000000)", "select * from range(100000000)",
                                                     "begin; select 1", "select 1 as fake_hang", "begin; select 1 as fake_hang")))
        time.sleep(random.uniform(0, 0.2))
        vanish(s)

    def fails(self, conn, n):
        conn.execute(random.choice(("select nothing from nowhere", "select (", "begin; select nothing from nowhere")))

    def late(self, conn, n):
        conn.execute("set statement_timeout = 50")
        try:
            conn.execute("select 1 as fake_slow")
        finally:
            if not conn.closed:
                conn.rollback()
                conn.execute("reset statement_timeout")


SIGNALS = ((signal.SIGKILL, 5), (signal.SIGTERM, 3), (signal.SIGSTOP, 3))


@pytest.mark.timeout(600 * SLOW)
def test_everything_at_once(start):
    """Random deaths, stops and pauses of any program under mixed work; then all slots, entries and rows are accounted for."""
    seed = int(os.environ.get("QF_SEED", "0")) or random.randrange(10**6)
    print("QF_SEED", seed)
    random.seed(seed)
    kit = start(fake_config("match fake_hang | hang\nmatch fake_slow | delay 100ms | rows 1", "shutdownDrainTimeoutSecs: 1"))
    kit.query("create table log(client int, n int)", dialect="duckdb")
    stop = threading.Event()
    clients = [Mixed(kit, i, stop, "duckdb") for i in range(CLIENTS)]
    for c in clients:
        c.tried = set()
        c.start()
    end = time.monotonic() + int(os.environ.get("QF_CHAOS_SECS", "15"))
    while time.monotonic() < end:
        program = random.choice(("route", "dispatch", "dispatch", "listen", "translate", "admin"))
        how = random.choices([s for s, _ in SIGNALS], [w for _, w in SIGNALS])[0]
        pid = kit.kill(program, how)
        time.sleep(random.uniform(0, 0.8))
        if how == signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)
        elif random.random() < 0.7:
            kit.wait_restarted(program, pid)
    stop.set()
    for c in clients:
        c.join(60 * SLOW)
    assert not any(c.is_alive() for c in clients), "a client hangs"
    wait_until(lambda: kit.answers())
    rows = wait_until(lambda: kit.query("select client, n, count(*) from log group by all", dialect="duckdb"))
    check(clients, rows)
    both_slots_free(kit, 5)
    four = [Asking(kit, "select count(*) from range(1000000)") for _ in range(4)]
    assert [f.wait(10) for f in four] == [[(1000000,)]] * 4
    nothing_left(kit)


# ---- nothing grows -----------------------------------------------------------------------------------------------------

def many(kit, sql, times, ends):
    """Asks `times` times over one connection, a hundred ahead of the answers."""
    s = raw_client(kit.port, sql)
    q = sql.encode() + b"\0"
    message = b"Q" + struct.pack(">I", len(q) + 4) + q
    sent, got, data = 1, 0, b""
    s.settimeout(30 * SLOW)
    while got < times:
        n = min(100 + got - sent, times - sent)
        if n > 0:
            s.sendall(message * n)
            sent += n
        data += s.recv(65536)
        got += data.count(ends)
        data = data[-len(ends) + 1:] if ends in data else data
        # What was counted is dropped up to its last end, so that no end is counted twice.
    s.close()


def sizes(kit):
    return {p: kit.rss(p) for p in PROGRAMS}


def grown(before, after, limit):
    return {p: (before[p], after[p]) for p in PROGRAMS if after[p] - before[p] > limit}


@pytest.mark.timeout(400 * SLOW)
def test_nothing_grows(start):
    """10,000 errors and 50,000 small statements: every program is as large as before."""
    kit = start()
    few = 1 if SLOW == 1 else 10  # a sanitizer keeps freed memory for a while: there only the end is looked at
    kit.query("create table t(n int)", dialect="duckdb")
    kinds = ["select 1", "select broken from nowhere", "insert into t values (1)", "select syntax error here"]
    for sql in kinds:
        many(kit, sql, 3000 // few, b"Z\0\0\0\x05I")
    before = sizes(kit)
    many(kit, kinds[1], 5000 // few, b"Z\0\0\0\x05I")
    many(kit, kinds[3], 5000 // few, b"Z\0\0\0\x05I")
    errors = sizes(kit)
    many(kit, kinds[0], 40000 // few, b"Z\0\0\0\x05I")
    many(kit, kinds[2], 10000 // few, b"Z\0\0\0\x05I")
    after = sizes(kit)
    nothing_left(kit)
    if SLOW == 1:
        assert not grown(before, errors, 4e6), (before, errors)
        assert not grown(errors, after, 8e6), (errors, after)
