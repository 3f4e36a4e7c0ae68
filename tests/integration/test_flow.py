"""Slots, order, cancel, back-pressure: who runs when, and what a client that does not read costs."""
import json
import socket
import struct
import threading
import time

import psycopg
import pytest

from conftest import CONFIG, SLOW, wait_until

FAKE = """
queryflux:
  clientStallTimeoutSecs: 4
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{state}/test.duckdb" }}
  slow: {{ engine: fake, script: "{script}" }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
  two: {{ maxRunningQueries: 2, members: [slow] }}
routers:
  - {{ type: queryRegex, rules: [ {{ regex: "seq", targetGroup: two }} ] }}
routingFallback: default
"""


def fake_config(script):
    return FAKE.replace("{script}", script)


def test_waves_in_order(start):
    """A limit of 2 and ten queries of one second: five waves, in order of arrival; a slot is idle for < 1 ms."""
    kit = start(fake_config("match seq | delay 1000ms | rows 1"))
    ended, lock = [], threading.Lock()
    begin = time.monotonic()

    def one(i):
        with kit.connect("duckdb") as c:
            c.execute(f"select {i} as seq").fetchall()
            with lock:
                ended.append((time.monotonic() - begin, i))

    threads = []
    for i in range(10):
        threads.append(threading.Thread(target=one, args=(i,)))
        threads[-1].start()
        time.sleep(0.05)
    for t in threads:
        t.join(30)
    assert len(ended) == 10
    ended.sort()
    for wave in range(5):
        pair = ended[2 * wave:2 * wave + 2]
        assert sorted(i for _, i in pair) == [2 * wave, 2 * wave + 1], ended
        assert all(wave + 0.9 < t < wave + 3 * SLOW for t, _ in pair), ended
    time.sleep(0.5)
    idle = [e["idleSlotMicros"] for e in map(json.loads, kit.admin("events").stdout.splitlines()) if "idleSlotMicros" in e]
    assert len(idle) == 8 and sorted(idle)[3] < 1000 * SLOW, idle  # the machine may have been busy with others for the rest


def test_cancel_queued(start):
    """A queued statement is cancelled at once; those behind it keep their order."""
    kit = start(fake_config("match seq | delay 3000ms | rows 1"))
    busy = [threading.Thread(target=lambda: kit.query("select 0 as seq", dialect="duckdb")) for _ in range(2)]
    for t in busy:
        t.start()
    time.sleep(0.3)
    with kit.connect("duckdb") as c:
        timer = threading.Timer(0.3, c.cancel)
        timer.start()
        begin = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("select 1 as seq")
        assert time.monotonic() - begin < 2 * SLOW
        assert c.execute("select 5").fetchone() == (5,)
    for t in busy:
        t.join()


def test_cancel_running(kit):
    with kit.connect("duckdb") as c:
        threading.Timer(0.4, c.cancel).start()
        begin = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("select sum(a.range * b.range) from range(10000000) a, range(10000000) b")
        assert time.monotonic() - begin < 5 * SLOW
        assert c.execute("select 1").fetchone() == (1,)


def test_statement_timeout(kit):
    with kit.connect("duckdb") as c:
        c.execute("set statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled) as e:
            c.execute("select sum(a.range * b.range) from range(10000000) a, range(10000000) b")
        assert "statement timeout" in str(e.value)


def test_queue_limit(start):
    kit = start(fake_config("match seq | delay 2000ms | rows 1").replace("maxRunningQueries: 2", "maxRunningQueries: 2, maxQueuedQueries: 1"))
    results = []

    def one():
        try:
            results.append(kit.query("select 1 as seq", dialect="duckdb"))
        except psycopg.Error as e:
            results.append(e.sqlstate)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for t in threads:
        t.start()
        time.sleep(0.1)
    for t in threads:
        t.join(20)
    assert results.count("53300") == 1 and len(results) == 4, results


# ---- a client that stops reading -------------------------------------------------------------------------------

def raw_client(port, sql):
    """Asks and never reads; the receive buffer is small so that the stall is felt at once."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    s.connect(("127.0.0.1", port))
    body = struct.pack(">I", 196608) + b"user\0raw\0database\0d\0options\0-c queryflux.dialect=duckdb\0\0"
    s.sendall(struct.pack(">I", len(body) + 4) + body)
    data = b""
    while not data.endswith(b"Z\0\0\0\x05I"):
        data += s.recv(4096)
    q = sql.encode() + b"\0"
    s.sendall(b"Q" + struct.pack(">I", len(q) + 4) + q)
    return s


@pytest.mark.timeout(120 * SLOW)
def test_stalled_client(start):
    """It holds both processes below 150 MB while others work at full speed; its slot is free after the stall limit."""
    kit = start(fake_config("rows 1").replace("maxRunningQueries: 4", "maxRunningQueries: 2"))
    limit = 150e6 if SLOW == 1 else 1.5e9

    def speed():
        begin = time.monotonic()
        with kit.connect("duckdb") as c:
            for _ in range(100):
                c.execute("select 1").fetchone()
        return time.monotonic() - begin

    speed()
    before = speed()
    stalled = raw_client(kit.port, "select * from range(1000000000)")
    other = raw_client(kit.port, "select range, repeat('x', 300) from range(1000000000)")
    time.sleep(1.5)
    assert kit.rss("listen") < limit and kit.rss("dispatch") < limit, (kit.rss("listen"), kit.rss("dispatch"))
    other.close()  # a client that vanishes frees its slot at once
    wait_until(lambda: kit.query("select 2", dialect="duckdb") == [(2,)], 3)
    during = speed()
    assert during < 5 * before + 1, (before, during)
    time.sleep(4.5)
    assert kit.rss("listen") < limit and kit.rss("dispatch") < limit
    # Both slots are free again: two that run together.
    begin = time.monotonic()
    with kit.connect("duckdb") as a, kit.connect("duckdb") as b:
        threads = [threading.Thread(target=lambda c=c: c.execute("select sum(range) from range(1000000)").fetchone()) for c in (a, b)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(20)
    assert time.monotonic() - begin < 5 * SLOW
    stalled.close()


@pytest.mark.timeout(150 * SLOW)
def test_stalled_client_gives_way(start):
    """While others wait for the slot, a client that takes nothing keeps it for 30 s, not for the stall limit."""
    kit = start(fake_config("rows 1").replace("clientStallTimeoutSecs: 4", "clientStallTimeoutSecs: 300")
                .replace("maxRunningQueries: 4", "maxRunningQueries: 1"))
    stalled = raw_client(kit.port, "select * from range(1000000000)")
    time.sleep(1)
    begin = time.monotonic()
    assert kit.query("select 1", dialect="duckdb") == [(1,)]
    assert 25 < time.monotonic() - begin < 40
    stalled.close()


def test_large_result_is_whole(kit):
    with kit.connect("duckdb") as c:
        rows = c.execute("select range as r, 'v' || range from range(1000000)").fetchall()
        assert len(rows) == 1000000 and rows[0] == (0, "v0") and rows[-1] == (999999, "v999999")
        assert sum(r for r, _ in rows) == 499999500000


def test_one_huge_row(kit):
    with kit.connect("duckdb") as c:
        row = c.execute("select repeat('ab', 5000000) as a, 7 as b").fetchone()
        assert len(row[0]) == 10000000 and row[0] == "ab" * 5000000 and row[1] == 7
        assert c.execute("select 1").fetchone() == (1,)
