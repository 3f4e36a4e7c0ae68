"""Hostile clients of the extended protocol and of COPY: what one of them keeps is bounded, and given back when it goes."""
import contextlib
import select
import socket
import struct
import threading
import time

import pytest

import pgkit
from conftest import SLOW, wait_until
from hostile import MARKS, pids
from pgwire import (Wire, bind, copy_data, copy_done, describe, errors, execute, line, parse, query, run, sync, values)
from rawpg import CANCEL, GSS, SSL, Raw, cancel, packet, startup, typed

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120 * SLOW)]
POOL = 4
MIB = 1 << 20
FREED = 0 if SLOW == 1 else 600 * MIB  # AddressSanitizer keeps what was freed for a while


@pytest.fixture(scope="module")
def front(pg, tmp_path_factory):
    pg.sql("drop table if exists victim")
    pg.sql("create table victim (a integer, b text)")
    kit = pgkit.before(pg, tmp_path_factory.mktemp("front") / "kit", pool=POOL, running=POOL)
    kit.first = pids(kit)
    yield kit
    kit.stop()
    pgkit.sound(kit)


def sessions(kit):
    """Sockets of qf-listen that belong to clients."""
    listen = str(kit.port)
    with open(f"/proc/{kit.pid('listen')}/net/tcp") as f:
        return sum(1 for at in f if at.split()[1].endswith(f":{int(listen):04X}") and at.split()[3] == "01")


@contextlib.contextmanager
def survived(pg, kit, slowest=3.0, most=80 * MIB, kept=24 * MIB):
    """Memory meanwhile and afterwards, another client meanwhile, and no slot, connection, lock or statement left behind."""
    stop, times, failures = threading.Event(), [], []
    was = {p: kit.rss(p) for p in ("listen", "dispatch")}
    peak = dict(was)
    clients = sessions(kit)

    def another():
        try:
            with Wire(kit.target(), 60 * SLOW).begin() as w:
                while not stop.is_set():
                    begin = time.monotonic()
                    assert values(w.ask("show server_version_num")) and values(w.talk(run("select $1::integer", ["7"]))) == [("7",)]
                    times.append(time.monotonic() - begin)
                    peak.update({p: max(peak[p], kit.rss(p)) for p in peak})
                    time.sleep(0.01)
        except Exception as e:  # noqa: BLE001 - told below, in the thread of the test
            failures.append(e)

    t = threading.Thread(target=another)
    t.start()
    wait_until(lambda: times or failures)
    try:
        yield
    finally:
        stop.set()
        t.join(60 * SLOW)
    assert not failures, failures
    assert max(times) < slowest * SLOW, f"another client waited {max(times):.2f} s"
    for p, n in peak.items():
        assert n - was[p] < most + FREED, f"{p} has grown by {(n - was[p]) / MIB:.0f} MiB"
    wait_until(lambda: sessions(kit) <= clients, 20)
    wait_until(lambda: not pg.backends("state <> 'idle'"), 20)
    with contextlib.ExitStack() as stack:
        all_of_them = [stack.enter_context(Wire(kit.target()).begin()) for _ in range(POOL)]
        for w in all_of_them:
            assert line(w.ask("begin")) == "C Z/T" and values(w.ask("select 1")) == [("1",)]
        for w in all_of_them:
            assert line(w.ask("rollback")) == "C Z/I"
    for p, n in was.items():
        wait_until(lambda p=p, n=n: kit.rss(p) - n < kept + FREED, 10)
    assert pids(kit) == kit.first
    log = kit.log_text()
    for mark in MARKS:
        assert mark not in log, (mark, log[-3000:])


def pour(w, pieces):
    """Sends in a thread of its own while the test reads, until .give_up is set."""
    give_up = threading.Event()

    def send():
        with contextlib.suppress(OSError):
            for piece in map(memoryview, pieces):
                while piece and not give_up.is_set():
                    if select.select([], [w.sock], [], 0.1)[1]:
                        piece = piece[w.sock.send(piece, socket.MSG_DONTWAIT):]
    t = threading.Thread(target=send, daemon=True)
    t.give_up = give_up
    t.start()
    return t


def kinds(w, until):
    """How often each type of message comes, up to that many ReadyForQuery."""
    found, data = {}, w.data
    while found.get("Z", 0) < until and (more := w.sock.recv(1 << 20)):
        data, at = data + more, 0
        while len(data) - at >= 5 and len(data) - at > (n := int.from_bytes(data[at + 1:at + 5], "big")):
            kind = chr(data[at])
            found[kind] = found.get(kind, 0) + 1
            at += n + 1
        data = data[at:]
    w.data = data
    return found


# ---- what is kept for a session ----------------------------------------------------------------------------------------


def test_a_million_statements(pg, front):
    """Named one after the other: there is room for ten thousand, the rest is told so, and the session goes on."""
    n, each = 1_000_000, 10_000
    with survived(pg, front), Wire(front.target(), 100 * SLOW).begin() as w:
        sender = pour(w, (b"".join(parse("show timezone", f"s{i}") for i in range(at, at + each)) + sync() for at in range(0, n, each)))
        found = kinds(w, n // each)
        sender.join()
        assert found == {"1": 10_000, "E": n // each - 1, "Z": n // each}, found
        w.send(parse("show timezone", "more") + sync())
        (told,) = errors(w.until("Z"))
        assert told["C"] == "53200" and "10000" in told["M"], told
        assert line(w.talk(run("select 1"))) == "1 2 T D C Z/I"
        assert line(w.ask("deallocate all")) == "C Z/I"
        assert line(w.talk(parse("select 1", "more"), sync())) == "1 Z/I"


def test_a_million_portals(pg, front):
    n, each = 1_000_000, 10_000
    with survived(pg, front), Wire(front.target(), 100 * SLOW).begin() as w:
        w.ask("begin")
        w.talk(parse("select 1", "s"), describe("S", "s"), sync())
        sender = pour(w, (b"".join(bind(statement="s", portal=f"p{i}") for i in range(at, at + each)) + sync() for at in range(0, n, each)))
        found = kinds(w, n // each)
        sender.join()
        assert found["2"] == 10_000 and found["E"] == n // each - 1, found
        assert errors(w.ask("select 1"))[0]["C"] == "25P02"
        assert line(w.ask("rollback")) == "C Z/I"


def test_much_in_few(pg, front):
    """64 MiB of a session, 256 MiB of all."""
    with survived(pg, front, most=400 * MIB, kept=100 * MIB), contextlib.ExitStack() as stack:
        for _ in range(5):
            w = stack.enter_context(Wire(front.target(), 60 * SLOW).begin())
            w.ask("begin")
            got = w.talk(parse("select $1::text", "s"), *(bind(["x" * MIB], "s", f"p{i}") for i in range(66)), sync())
            assert [e["C"] for e in errors(got)] == ["53200"]
        got = w.talk(query("rollback"), *(parse("show timezone /*" + "x" * MIB + "*/", f"s{i}") for i in range(66)), sync(), n=2)
        assert [e["C"] for e in errors(got)] == ["53200"]


# ---- who does not read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["select repeat('x', 1000)", "show timezone"])
def test_a_pipeline_that_nobody_reads(pg, front, sql):
    """80,000 messages: taken only as far as the answers fit; then all are answered."""
    n = 20_000
    with survived(pg, front, slowest=5), Wire(front.target(), 100 * SLOW).begin() as w:
        one = parse(sql) + bind() + execute() + sync()
        sender = pour(w, (one * 1000 for _ in range(n // 1000)))
        time.sleep(1.5)
        found = kinds(w, n)
        sender.join()
        assert found == {"1": n, "2": n, "D": n, "C": n, "Z": n}, found


def test_floods_of_sync(pg, front):
    n = 300_000
    with survived(pg, front), Wire(front.target(), 60 * SLOW).begin() as w:
        sender = pour(w, (sync() * 1000 for _ in range(n // 1000)))
        assert kinds(w, n) == {"Z": n}
        sender.join()
        sender = pour(w, [typed("H") * n + sync()])
        assert kinds(w, 1) == {"Z": 1}


# ---- who goes away ------------------------------------------------------------------------------------------------------

GROUP = parse("select pg_sleep(1000)") + bind() + execute()
STATES = {
    "connected": (None, b""),
    "in the length of startup": (None, startup()[:3]),
    "in startup": (None, startup()[:-3]),
    "in SSLRequest": (None, packet(struct.pack(">i", SSL))[:6]),
    "after SSLRequest": (None, packet(struct.pack(">i", SSL))),
    "after GSSENCRequest": (None, packet(struct.pack(">i", GSS))),
    "in CancelRequest": (None, cancel(1, b"1234")[:10]),
    "after startup": (None, startup()),
    "in a header": ("", b"P\0\0"),
    "in Parse": ("", parse("select 1")[:-4]),
    "after Parse": ("", parse("select 1")),
    "after Parse and Flush": ("", parse("select 1") + typed("H")),
    "in Bind": ("", parse("select 1") + bind()[:-3]),
    "after Bind": ("", parse("select 1") + bind()),
    "after Execute": ("", GROUP),
    "while it runs": ("", GROUP + sync()),
    "while a Query runs": ("", query("select pg_sleep(1000)")),
    "while a Describe runs": ("", parse("select * from victim") + describe("S") + typed("H")),
    "suspended": ("begin", parse("select generate_series(1, 1000)") + bind() + execute(rows=2) + sync()),
    "in a transaction": ("begin", query("insert into victim values (666, 'gone')")),
    "in a failed transaction": ("begin", query("select 1/0")),
    "in a pipeline": ("", (parse("insert into victim values (666, 'gone')") + bind() + execute()) * 100),
    "before COPY IN": ("", query("copy victim from stdin")),
    "in COPY IN": ("copy victim from stdin", copy_data(b"666\tgone\n") * 100),
    "in CopyData": ("copy victim from stdin", copy_data(b"666\tgone\n")[:-3]),
    "in long CopyData": ("copy victim from stdin", copy_data(b"666\tgone\n" * 100_000)[:-3]),
    "in COPY OUT": ("", query("copy (select repeat('x', 1000) from generate_series(1, 1000000)) to stdout")),
    "in rows": ("", query("select repeat('x', 1000) from generate_series(1, 1000000)")),
    "with a lock": ("begin", query("select pg_advisory_lock(66)")),
    "in a longer message": ("", typed("Q", b"select '" + b"x" * 100_000, 1_000_000)),
    "after Terminate": ("", typed("X") + GROUP + sync()),
}


def leave(c, reset):
    if reset:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_vanish_in_every_state(pg, front, reset):
    """As many at once as there are connections, in each state; nothing of them is done or left."""
    with survived(pg, front, slowest=20):
        for first, then in STATES.values():
            gone = []
            for _ in range(POOL - 1):
                c = Raw(front.port) if first is None else Wire(front.target()).begin()
                if first:
                    c.send(query(first))
                    got = [c.message() for _ in range(1 if first.startswith("copy") else 2)]
                    assert got[-1][0] in "GZ", got
                c.send(then)
                gone.append(c)
            time.sleep(0.03)
            for c in gone:
                leave(c, reset)
        wait_until(lambda: not pg.backends("state <> 'idle'"), 20)
    assert pg.sql("select count(*) from victim where a = 666") == [(0,)]
    assert not pg.sql("select 1 from pg_locks where locktype = 'advisory'")


def test_vanish_while_queued(pg, front):
    """They wait for a connection that none of them gets."""
    with survived(pg, front, slowest=60):
        with contextlib.ExitStack() as stack:
            holders = [stack.enter_context(Wire(front.target()).begin()) for _ in range(POOL)]
            for w in holders:
                w.send(query("begin; select pg_sleep(0.5)"))
            waiting = [Wire(front.target()).begin() for _ in range(100)]
            for i, w in enumerate(waiting):
                w.send(query("insert into victim values (667, 'queued')") if i % 2 else run("insert into victim values (667, 'queued')"))
            for w in waiting:
                leave(w, False)
            for w in holders:
                assert errors(w.until("Z")) == []
    assert pg.sql("select count(*) from victim where a = 667") == [(0,)]


# ---- who is slow --------------------------------------------------------------------------------------------------------


def test_byte_by_byte(pg, front):
    """Fifty at once, each of a whole conversation."""
    said = startup(user="tester", database=pgkit.DATABASE, options=None) + run("select $1::integer", ["4711"]) + query("copy victim from stdin") + \
        copy_data(b"") + typed("f", b"no\0") + query("select 1") + typed("X")
    with survived(pg, front):
        slow = [Raw(front.port, 60 * SLOW) for _ in range(50)]
        for i in range(len(said)):
            for c in slow:
                c.send(said[i:i + 1])
        for c in slow:
            got = c.closed()
            assert line(m for m in got if m[0] not in "RSK") == "Z/I 1 2 T D C Z/I G E/57014 Z/I T D C Z/I", line(got)
            c.close()


def test_a_thousand_half_open(pg, front):
    with survived(pg, front):
        half = [Raw(front.port) for _ in range(1000)]
        for i, c in enumerate(half):
            c.send(startup()[:i % 30])
        wait_until(lambda: sessions(front) >= 1000)
        for c in half:
            c.close()


# ---- COPY -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gone", "cancelled", "goes on"])
def test_copy_into_a_stalled_server(pg, front, how):
    """As much data as it takes, while the server takes none: the client is held up."""
    pg.sql("drop table if exists stalled")
    pg.sql("create table stalled (a text)")
    pg.sql("create or replace function stall() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(77); return new; end'")
    pg.sql("create trigger stall before insert on stalled for each row execute function stall()")
    with survived(pg, front), pg.connect() as lock, Wire(front.target(), 60 * SLOW).begin() as w:
        lock.execute("select pg_advisory_lock(77)")
        w.send(query("copy stalled from stdin"))
        assert w.message()[0] == "G"
        n, piece = 100, copy_data(b"x" * (MIB - 1) + b"\n")
        sender = pour(w, (piece for _ in range(n)))
        sender.join(1)
        assert sender.is_alive(), "the client was not held up"
        if how == "gone":
            sender.give_up.set()
            sender.join()
            leave(w, True)  # an end without a reset stands behind what nobody reads, as with PostgreSQL itself
        elif how == "cancelled":
            with Raw(front.port) as k:
                k.send(cancel(w.pid, w.key))
            assert line(w.until("Z")) == "E/57014 Z/I"
            sender.join()
            assert line(w.talk(copy_done(), sync(), query("select 1"), n=2)) == "Z/I T D C Z/I"
        else:
            lock.execute("select pg_advisory_unlock(77)")
            sender.join()
            w.send(copy_done())
            assert line(w.until("Z")) == "C Z/I"
            assert values(w.ask("select count(*), sum(length(a)) from stalled")) == [(str(n), str(n * (MIB - 1)))]


def test_copy_messages_by_the_million(pg, front):
    """One byte each; and those that come where there is no COPY."""
    n = 200_000
    with survived(pg, front), Wire(front.target(), 60 * SLOW).begin() as w:
        w.send(query("copy victim (a) from stdin"))
        assert w.message()[0] == "G"
        sender = pour(w, [b"".join(copy_data(b) for b in (b"8", b"\n")) * (n // 2), copy_done()])
        assert line(w.until("Z")) == "C Z/I"
        sender.join()
        assert values(w.ask("select count(*) from victim where a = 8")) == [(str(n // 2),)]
        w.ask("delete from victim where a = 8")
        w.send(copy_data(b"9\n") * n + copy_done() + sync())
        assert kinds(w, 1) == {"Z": 1}


@pytest.mark.parametrize("message", [query("select 1"), parse("select 1"), bind(), execute(), describe("S"), typed("F", b"\0" * 10)], ids=lambda m: chr(m[0]))
def test_other_messages_in_a_copy(front, message):
    with Wire(front.target()).begin() as w:
        w.send(query("copy victim from stdin"))
        assert w.message()[0] == "G"
        w.send(copy_data(b"666\tx\n") + message)
        (told,) = errors(w.until("Z"))
        assert told["C"] == "08P01", told
        assert line(w.talk(sync(), query("select count(*) from victim where a = 666"), n=2)) == "Z/I T D C Z/I"


# ---- what no client sends ------------------------------------------------------------------------------------------------

LIMITED = "CDEHSXcf"


@pytest.mark.parametrize("kind", "QPBFdCDEHSXcf")
def test_lengths(pg, front, kind):
    for n in (0, 3, -1, -0x80000000, 0x7FFFFFFF, *([10_001] if kind in LIMITED else [0x40000000])):
        with Wire(front.target()).begin() as w:
            w.send(typed(kind, b"x" * 100, n))
            (told,) = errors(w.closed())
            assert (told["S"], told["C"]) == ("FATAL", "08P01"), (n, told)


@pytest.mark.parametrize("kind", "pRKZTGHWAvN\0\xff1")
def test_messages_of_other_phases(front, kind):
    with Wire(front.target()).begin() as w:
        w.send(typed(kind.encode("latin1"), b"md5" + b"0" * 32 + b"\0"))
        if kind == "H":
            assert w.talk(sync())[-1][0] == "Z"
            return
        (told,) = errors(w.closed())
        assert (told["S"], told["C"]) == ("FATAL", "08P01"), told


def test_startup_again(front):
    with Wire(front.target()).begin() as w:
        w.send(startup())
        (told,) = errors(w.closed())
        assert (told["S"], told["C"]) == ("FATAL", "08P01"), told


def test_cancel_requests_by_the_thousand(pg, front):
    """None has the key: what runs goes on."""
    with survived(pg, front), Wire(front.target(), 60 * SLOW).begin() as w:
        w.send(query("select pg_sleep(2)"))
        pids_of_others = (w.pid, w.pid + 1, 0, 0xFFFFFFFF)
        for i in range(10_000):
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", front.port)) as s:
                s.sendall(cancel(pids_of_others[i % 4], struct.pack(">I", (int.from_bytes(w.key, "big") + 1 + i) & 0xFFFFFFFF)))
        assert line(w.until("Z")) == "T D C Z/I"


# ---- what is large or deep ------------------------------------------------------------------------------------------------


def test_large_statements(pg, front):
    limit = 16 * MIB
    with survived(pg, front, most=300 * MIB, kept=120 * MIB), Wire(front.target(), 60 * SLOW).begin() as w:
        text = "select length('" + "x" * (limit - 100) + "')"
        for how in (query, run):
            assert values(w.talk(how(text))) == [(str(limit - 100),)]
            (told,) = errors(w.talk(how(text + " " * 100)))
            assert told["C"] == "54000" and "maxStatementBytes" in told["M"], told
        assert values(w.talk(run("select length($1)", ["x" * (limit - 1000)]))) == [(str(limit - 1000),)]
        assert values(w.ask("select 1")) == [("1",)]


def test_many_parameters(pg, front):
    with survived(pg, front, most=200 * MIB), Wire(front.target(), 60 * SLOW).begin() as w:
        n = 65_535
        names = ",".join(f"${i}" for i in range(1, n + 1))
        assert values(w.talk(run(f"select cardinality(array[{names}]::integer[])", ["1"] * n))) == [(str(n),)]
        assert values(w.talk(run(f"select cardinality(array[{names}])", [b"\0\0\0\1"] * n, [23] * n, [1]))) == [(str(n),)]
        for sql in ("select $65536", "select $99999999999999999999", "select $0"):
            assert len(errors(w.talk(run(sql, ["1"])))) == 1
        with_more = parse("select 1", oids=[23] * n)
        assert line(w.talk(with_more, bind(["1"] * n), execute(), sync())) == "1 2 D C Z/I"
        lies = typed("P", b"\0select 1\0" + struct.pack(">H", n)) + sync()
        assert [e["C"] for e in errors(w.talk(lies))] == ["08P01"]
        lies = typed("B", b"\0\0" + struct.pack(">HH", 0, n)) + sync()
        assert [e["C"] for e in errors(w.talk(parse("select 1"), lies))] == ["08P01"]


@pytest.mark.parametrize("text", ["select " + "(" * 100_000 + "1" + ")" * 100_000, "select " + "array[" * 100_000 + "]" * 100_000,
                                  "select 1" + " + 1" * 100_000, "select " + "-" + " -" * 100_000 + "1",
                                  "select " + "case when true then " * 50_000 + "1" + " end" * 50_000, "select '" + "''" * 1_000_000 + "'",
                                  "/*" * 2_000 + "*/" * 2_000 + "select 1", "select " + "$a$" * 99_999, ";" * 1_000_000 + "select 1"],
                         ids=["parentheses", "arrays", "sums", "minus", "cases", "quotes", "comments", "dollars", "semicolons"])
def test_deep(pg, front, text):
    with survived(pg, front, slowest=5, most=300 * MIB, kept=60 * MIB), Wire(front.target(), 60 * SLOW).begin() as w:
        for how in (query, run):
            got = w.talk(how(text))
            assert got[-1][0] == "Z" and (values(got) or len(errors(got)) == 1), got[:3]
        assert values(w.ask("select 1")) == [("1",)]
