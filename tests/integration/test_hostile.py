"""A hostile client of the PostgreSQL port: each attack gets a clear error or a closed connection, and nobody else notices."""
import os
import random
import resource
import socket
import struct
import threading
import time

import psycopg
import pytest

from conftest import CONFIG, SLOW, Toolkit, wait_until
from hostile import assert_well, others_at_work, served_quickly, target, unharmed  # noqa: F401 - a fixture
from rawpg import CANCEL, GSS, SSL, V3, Raw, cancel, error, packet, query, startup, typed, values


def noise(n, seed):
    return random.Random(seed).randbytes(n)


# ---- before the session -----------------------------------------------------------------------------------------------

BAD_STARTUP = {  # what is sent → the sqlstate of the answer, or None: closed without a word, or never answered
    "length 0": (packet(b"", 0), "08P01"),
    "length 3": (packet(b"", 3), "08P01"),
    "length 4": (packet(b"", 4), "08P01"),
    "length negative": (packet(b"", -1), "08P01"),
    "length 2 GiB": (packet(b"", 0x7FFFFFFF), "08P01"),
    "length 10005": (packet(bytes(10001)), "08P01"),
    "no parameters at all": (packet(struct.pack(">i", V3)), "08P01"),
    "no last NUL": (packet(struct.pack(">i", V3) + b"user\0x\0"), "08P01"),
    "name without value": (packet(struct.pack(">i", V3) + b"user\0"), "08P01"),
    "no user": (startup(user=None), "28000"),
    "empty user": (startup(user=""), "28000"),
    "user of 64 bytes": (startup(user="u" * 64), "22023"),
    "version 4": (startup(4 << 16), "0A000"),
    "version 99.99": (startup(99 << 16 | 99), "0A000"),
    "user not UTF-8": (startup(user=b"\xff\xfe"), "22021"),
    "name not UTF-8": (packet(struct.pack(">i", V3) + b"user\0u\0\xc3\0x\0\0"), "22021"),
    "unknown dialect": (startup(options="-c queryflux.dialect=klingon"), "22023"),
    "options half": (startup(options="-c"), "42601"),
    "options garbage": (startup(options="\\ \\ -x --= =-c"), "42601"),
    "unknown setting": (startup(nosuchsetting="1"), "42704"),
    "bad value": (startup(statement_timeout="tomorrow"), "22023"),
    "replication": (startup(replication="true"), "0A000"),
    "behind SSLRequest": (packet(struct.pack(">i", SSL)) + startup(), "08P01"),
    "cancel too short": (packet(struct.pack(">ii", CANCEL, 1)), "08P01"),
    "cancel of nobody": (cancel(4711, b"abcd"), None),
    "cancel, long key": (cancel(4711, b"x" * 256), None),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "08P01"),
    "TLS ClientHello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise(500, 1), "08P01"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", "08P01"),
    "zeroes": (bytes(10000), "08P01"),
    "zeroes of good length": (packet(bytes(100)), "0A000"),
    "noise": (b"\0\0\x20" + noise(9000, 2), "0A000"),
}


@pytest.mark.parametrize("what", BAD_STARTUP)
def test_malformed_startup(target, what):  # noqa: F811
    sent, sqlstate = BAD_STARTUP[what]
    with unharmed(target), Raw(target.port, 5) as c:
        c.send(sent)
        got = c.closed()
        if sqlstate is None:
            assert got == []
        else:
            e = error(got)
            assert (e["C"], e["S"]) == (sqlstate, "FATAL"), e
            assert e["M"] and len(got) == 1, got


@pytest.mark.parametrize("codes", [(SSL,), (GSS,), (SSL, GSS), (GSS, SSL)])
def test_encryption_requests_are_answered_no(target, codes):
    with Raw(target.port) as c:
        for code in codes:
            c.send(packet(struct.pack(">i", code)))
            assert c.sock.recv(1) == b"N"
        c.begin()
        assert values(c.ask("select 1")) == [("1",)]


def test_encryption_request_for_ever(target):
    """Each once, as in PostgreSQL: the next one is an unknown protocol."""
    with unharmed(target), Raw(target.port) as c:
        c.send(packet(struct.pack(">i", SSL)))
        assert c.sock.recv(1) == b"N"
        c.send(packet(struct.pack(">i", SSL)))
        assert error(c.closed())["S"] == "FATAL"


def test_version_2_is_told_in_its_own_format(target):
    with unharmed(target), Raw(target.port) as c:
        c.send(startup(2 << 16))
        text = b""
        while more := c.sock.recv(4096):
            text += more
        assert text.startswith(b"EFATAL") and text.endswith(b"\0") and b"protocol 2.0" in text


def test_newer_minor_version_is_negotiated(target):
    with Raw(target.port) as c:
        c.send(startup(V3 + 7, **{"_pq_.unheard_of": "1"}))
        got = c.until_ready()
        assert got[0][0] == "v" and b"_pq_.unheard_of" in got[0][1]
        assert values(c.ask("select 1")) == [("1",)]


PIECES = {
    "startup": (b"", startup()),
    "startup, length only": (b"", startup()[:4]),
    "ssl request": (b"", packet(struct.pack(">i", SSL))),
    "query head": (startup(), query("select 1")[:3]),
    "query": (startup(), query("select 1")),
    "long query": (startup(), query("select " + "1 + " * 200 + "1")),
}


@pytest.mark.parametrize("what", PIECES)
def test_half_and_vanish(target, what):
    """Connect, send a part, vanish: by FIN and by reset, at every length."""
    first, text = PIECES[what]
    step = max(1, len(text) // 25)
    with unharmed(target):
        for n in range(0, len(text), step):
            for reset in (False, True):
                c = Raw(target.port)
                c.send(first + text[:n])
                if reset:
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                c.close()


def test_one_byte_at_a_time(target):
    with unharmed(target), others_at_work(target), Raw(target.port) as c:
        c.send_slowly(startup())
        assert c.until_ready()[-1] == ("Z", b"I")
        c.send_slowly(query("select 'slowly' as word; select 2"))
        assert values(c.until_ready()) == [("slowly",), ("2",)]
        c.send_slowly(typed("X"))
        assert c.closed() == []


def test_all_at_once(target):
    """Startup, a hundred queries and Terminate in one write: all are answered in order."""
    with unharmed(target), Raw(target.port) as c:
        c.send(startup() + b"".join(query(f"select {i}") for i in range(100)) + typed("X"))
        assert values(c.closed()) == [(str(i),) for i in range(100)]


def test_half_open_many(target):
    """Connections that never say anything, and that stop in the middle, cost others nothing."""
    with unharmed(target), others_at_work(target):
        socks = [Raw(target.port) for _ in range(300)]
        for i, c in enumerate(socks):
            c.send((b"", startup()[:i % 50], startup() + query("select 1")[:i % 12])[i % 3])
        time.sleep(0.5)
        for c in socks:
            c.close()


# ---- in the session ----------------------------------------------------------------------------------------------------


@pytest.fixture
def raw(target):
    with Raw(target.port) as c:
        yield c.begin()


def still_works(c):
    assert values(c.ask("select 40 + 2")) == [("42",)]


@pytest.mark.parametrize("kind", "PBDECF")
def test_bodies_that_belong_to_no_such_message(target, raw, kind):
    with unharmed(target):
        raw.send(typed(kind, b"\0\0\0\0\0\0\0\0"))
        if kind != "F":
            raw.send(typed("S"))
        e = error(raw.until_ready())
        assert e["C"] == {"B": "26000", "F": "0A000"}.get(kind, "08P01")
        still_works(raw)


@pytest.mark.parametrize("kind", [k for k in map(chr, range(1, 256)) if k not in "QXPBDECFSHdcfp"][::9])
def test_unknown_message_types(target, raw, kind):
    with unharmed(target):
        raw.send(kind.encode("latin1") + packet(b"abc"))
        got = raw.closed()
        assert error(got)["C"] == "08P01" and error(got)["S"] == "FATAL"


@pytest.mark.parametrize("kind", "dcfH")
def test_copy_messages_outside_a_copy(target, raw, kind):
    with unharmed(target):
        raw.send(typed(kind, b"stray\0"))
        still_works(raw)


def test_password_out_of_place(target, raw):
    with unharmed(target):
        raw.send(typed("p", b"secret\0"))
        got = raw.closed()
        assert error(got)["C"] == "08P01"


@pytest.mark.parametrize("length", [0, 1, 3, -1, -2**31, 2**31 - 1])
@pytest.mark.parametrize("kind", "QSXPd")
def test_impossible_lengths(target, raw, kind, length):
    with unharmed(target):
        raw.send(typed(kind, b"x" * 100, length))
        if length == 2**31 - 1:
            return  # it could be coming; the session waits, or has said no already
        assert error(raw.closed())["C"] == "08P01"


BAD_TEXT = {
    "no NUL": (typed("Q", b"select 1"), "08P01"),
    "empty body": (typed("Q"), "08P01"),
    "NUL inside": (typed("Q", b"select 1\0; select 2\0"), "08P01"),
    "not UTF-8": (query(b"select '\xff'"), "22021"),
    "overlong": (query(b"select '\xc0\xaf'"), "22021"),
    "surrogate": (query(b"select '\xed\xa0\x80'"), "22021"),
    "beyond Unicode": (query(b"select '\xf4\x90\x80\x80'"), "22021"),
    "cut character": (query(b"select '\xe2\x82"), "22021"),
    "noise": (query(noise(5000, 3).replace(b"\0", b"\1")), "22021"),
}


@pytest.mark.parametrize("what", BAD_TEXT)
def test_bad_text(target, raw, what):
    sent, sqlstate = BAD_TEXT[what]
    with unharmed(target):
        raw.send(sent)
        e = error(raw.until_ready())
        assert e["C"] == sqlstate and e["S"] == "ERROR", e
        still_works(raw)


def test_control_characters_stay_out_of_the_log(target, raw):
    with unharmed(target):
        raw.ask("select '\x1b[2J\r\n\x07' from nowhere_\x01")
        with Raw(target.port) as c:
            c.send(startup(user="\x1b[31m", application_name="\x1b[2J\n", database="a\nb"))
            c.until_ready()
            c.ask("select * from nowhere")
    assert "\x1b" not in target.log_text()
    assert "\x1b" not in target.admin("events").stdout


# ---- large -------------------------------------------------------------------------------------------------------------

LIMIT = 16 << 20


def padded(n):
    """A statement of exactly n bytes, whose answer proves that its end was read."""
    head, tail = "select 'begun', /*", "*/ 'ended'"
    return head + "x" * (n - len(head) - len(tail)) + tail


def test_statement_of_exactly_the_limit(target, raw):
    with unharmed(target, 2), others_at_work(target, 3):
        assert values(raw.ask(padded(LIMIT))) == [("begun", "ended")]
        still_works(raw)


@pytest.mark.parametrize("over", [1, 1 << 20, 100 << 20])
def test_statement_over_the_limit(target, raw, over):
    with unharmed(target, 2), others_at_work(target, 3):
        e = error(raw.ask(padded(LIMIT + over)))
        assert (e["C"], e["S"]) == ("54000", "ERROR") and "maxStatementBytes" in e["M"] and str(LIMIT) in e["M"], e
        still_works(raw)


def test_statement_over_the_limit_vanishes(target):
    with unharmed(target):
        c = Raw(target.port).begin()
        c.send(typed("Q", b"x" * 1000, (1 << 30)))
        c.close()


def test_many_large_statements(target):
    """What is pending in all sessions is bounded: 256 MiB; beyond it a statement is refused, not the program."""
    with unharmed(target, 3):
        before = target.rss("listen")
        socks = [Raw(target.port).begin() for _ in range(24)]
        half = query(padded(LIMIT))[:12 << 20]
        refused = 0

        def send(c):
            nonlocal refused
            c.sock.settimeout(3 * SLOW)
            try:
                c.send(half)
            except OSError:
                refused += 1

        threads = [threading.Thread(target=send, args=(c,)) for c in socks]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        served_quickly(target, 3)
        grown = target.rss("listen") - before
        assert grown < (400 << 20) * (SLOW if SLOW > 1 else 1), grown
        for c in socks:
            c.close()


def test_deep_parentheses(target, raw):
    with unharmed(target, 2), others_at_work(target, 3):
        for deep in (100, 1000, 10000, 100000):
            got = raw.ask("select " + "(" * deep + "1" + ")" * deep)
            if not values(got):
                assert error(got)["C"] in ("54001", "54000", "42601", "0A000"), error(got)
            still_works(raw)
        for text in ("(" * 100000, ")" * 100000, "select " + "[" * 100000, "select " + "case when " * 50000, "begin;" + "(" * 100000):
            e = error(raw.ask(text))
            assert e["S"] == "ERROR"
            raw.ask("rollback")
            still_works(raw)


def test_deep_parentheses_to_translate(target):
    """The same in PostgreSQL's dialect: the translator's guard, not its stack, says no."""
    with unharmed(target, 2), Raw(target.port) as c:
        c.begin(options=None)
        for deep in (5000, 100000):
            got = c.ask("select " + "(" * deep + "1" + ")" * deep)
            assert error(got)["S"] == "ERROR" and error(got)["M"]
        if target.pid("translate"):
            still_works(c)


UNCLOSED = ("select 'abc", 'select "abc', "select /* abc", "select $$abc", "select $a$ $b$", "select e'\\", "--", "/*" * 10000,
            "select U&'\\zzzz'", "select 1 /* /* */", ";" * 100000, "\\d", "\\", "::", "select 1;;;select 2;", "select '" + "''" * 100000)


def test_unclosed_things(target, raw):
    with unharmed(target):
        for text in UNCLOSED:
            assert raw.ask(text)[-1][0] == "Z", text
            still_works(raw)


def test_hundred_thousand_statements(target, raw):
    """In one text, one in ten (in a slow build: in a hundred) goes round the ring; memory does not grow with their number."""
    ring = 10 if SLOW == 1 else 100
    before = {p: target.rss(p) for p in ("listen", "route", "dispatch")}
    with unharmed(target, 2), others_at_work(target, 3):
        text = ("select 1;" + "set application_name = 'x';" * (ring - 1)) * (100000 // ring)
        got = raw.ask(text)
        assert len(values(got)) == 100000 // ring
        assert sum(kind == "C" for kind, _ in got) == 100000
        still_works(raw)
    for p, was in before.items():
        assert target.rss(p) - was < 60e6 * SLOW, p


def test_hundred_thousand_statements_that_need_no_engine(target, raw):
    with unharmed(target, 2), others_at_work(target, 3):
        got = raw.ask("set application_name = 'x';" * 100000)
        assert got[-1][0] == "Z"
        got = raw.ask(";" * 1000000)
        assert got[-1][0] == "Z"
        still_works(raw)


def test_sender_that_never_reads(target):
    """A million bytes of queries in, no answer taken: what waits for it is bounded."""
    before = target.rss("listen")
    with unharmed(target), others_at_work(target):
        c = Raw(target.port).begin()
        c.sock.settimeout(1.0)
        with pytest.raises(TimeoutError):
            for _ in range(20000):
                c.send(query("select repeat('x', 100000)") * 50)
        assert target.rss("listen") - before < 100e6 * SLOW
        c.close()


# ---- many --------------------------------------------------------------------------------------------------------------


def test_ten_thousand_idle(tmp_path_factory):
    """Ten thousand sessions that sit there; the next one is told; each costs little; then all are gone again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    n = min(10000, room - 500) if SLOW == 1 else 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(room, max(soft, n + 500)), hard))
    limit = "maxConnections: %d" % n
    kit = Toolkit(tmp_path_factory.mktemp("idle"), CONFIG.replace("port: {port}", "port: {port}, " + limit)).start()
    try:
        wait_until(lambda: fds(kit) < 60, 5)
        before = kit.rss("listen")
        with kit.connect("duckdb") as bystander:
            socks = []
            for i in range(n - 1):
                socks.append(Raw(kit.port))
                socks[-1].send(startup(user=f"u{i}"))
                if i % 50 == 49:
                    for c in socks[-50:]:
                        assert c.until_ready()[-1] == ("Z", b"I")
            for c in socks:
                if c.pid is None:
                    assert c.until_ready()[-1] == ("Z", b"I")
            each = (kit.rss("listen") - before) / n
            assert each < 16384 * (4 if SLOW > 1 else 1), f"{each:.0f} bytes for an idle session"
            begin = time.monotonic()
            assert bystander.execute("select 1").fetchone() == (1,)
            assert time.monotonic() - begin < 3 * SLOW
            with Raw(kit.port) as one_more:
                one_more.send(startup())
                e = error(one_more.closed())
                assert (e["C"], e["S"]) == ("53300", "FATAL")
            # A session that is full still takes its cancel requests.
            t = threading.Timer(0.3, bystander.cancel)
            t.start()
            with pytest.raises(psycopg.errors.QueryCanceled):
                bystander.execute("select sum(a.range * b.range) from range(10000000) a, range(10000000) b")
            for c in socks:
                c.close()
            wait_until(lambda: fds(kit) < 70, 10)
            assert bystander.execute("select 1").fetchone() == (1,)
        served_quickly(kit)
        assert_well(kit)
    finally:
        kit.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def fds(kit):
    return len(os.listdir(f"/proc/{kit.pid('listen')}/fd"))


def test_connection_storm(target):
    """Four threads that connect, begin a session or not, and go, as fast as they can."""
    wait_until(lambda: fds(target) < 60, 5)
    was = fds(target)
    with unharmed(target, 2), others_at_work(target, 2):
        stop = time.monotonic() + 3
        done = [0] * 4

        def storm(k):
            while time.monotonic() < stop:
                with Raw(target.port) as c:
                    if k % 2:
                        c.begin()
                        c.send(query("select 1"))
                done[k] += 1

        threads = [threading.Thread(target=storm, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sum(done) > 200 / SLOW, done
    wait_until(lambda: fds(target) <= was + 3, 5)


# ---- cancel ------------------------------------------------------------------------------------------------------------


def test_cancel_with_wrong_keys(target):
    """A running statement is not touched by any key but its own."""
    with unharmed(target), Raw(target.port) as c:
        c.begin()
        c.send(query("select sum(range) from range(300000000)"))
        wrong = [bytes(4), b"\xff" * 4, c.key[:3] + bytes([c.key[3] ^ 1]), c.key[:3], c.key + b"\0", b"", c.key * 64]
        for key in wrong:
            with Raw(target.port) as k:
                k.send(cancel(c.pid, key))
                k.closed()
        for pid in (0, c.pid + 1, c.pid ^ 0x80000000):
            with Raw(target.port) as k:
                k.send(cancel(pid, c.key))
        assert values(c.until_ready()) == [(str(299999999 * 150000000),)]


def test_cancel_storm(target):
    """Right and wrong keys by the thousand, while the victim runs statement after statement."""
    with unharmed(target, 2), others_at_work(target, 2), Raw(target.port) as victim:
        victim.begin()
        stop = threading.Event()

        def storm(key):
            while not stop.is_set():
                with Raw(target.port) as k:
                    k.send(cancel(victim.pid, key))
                    k.closed()

        threads = [threading.Thread(target=storm, args=(key,)) for key in (victim.key, victim.key, b"abcd")]
        for t in threads:
            t.start()
        cancelled = answered = 0
        end = time.monotonic() + 2
        while time.monotonic() < end:
            got = victim.ask("select sum(range) from range(3000000)")
            if values(got):
                answered += 1
            else:
                assert error(got)["C"] == "57014", error(got)
                cancelled += 1
        stop.set()
        for t in threads:
            t.join()
        assert cancelled, (answered, cancelled)
        time.sleep(0.1)
        victim.ask("select 1")  # the last cancel may still have been on its way
        still_works(victim)


def test_cancel_in_a_transaction(target):
    """A cancelled statement fails its transaction; nothing of it stays, the session does."""
    with unharmed(target), target.connect("duckdb") as c:
        c.execute("create table cancelled(i int)")
        for _ in range(5):
            c.execute("begin")
            c.execute("insert into cancelled values (1)")
            threading.Timer(0.1, c.cancel).start()
            with pytest.raises(psycopg.errors.QueryCanceled):
                c.execute("insert into cancelled select 1 from range(100000000) a, range(100000) b")
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                c.execute("select 1")
            assert c.execute("commit").statusmessage == "ROLLBACK"
        assert c.execute("select count(*) from cancelled").fetchone() == (0,)
        c.execute("drop table cancelled")


def test_vanish_while_it_runs(target):
    """Clients that leave in the middle free their slots at once: the group has eight."""
    with unharmed(target, 2):
        for _ in range(3):
            socks = [Raw(target.port).begin() for _ in range(8)]
            for c in socks:
                c.send(query("select sum(a.range * b.range) from range(10000000) a, range(10000000) b"))
            time.sleep(0.2)
            for c in socks:
                c.close()
            served_quickly(target, 2)


def test_still_the_same_processes(target):
    assert_well(target, target.first)
    served_quickly(target)
