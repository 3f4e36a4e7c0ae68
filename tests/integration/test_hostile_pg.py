"""A hostile PostgreSQL server behind the engine `postgres`: its statement ends with an error, everything else goes on."""
import contextlib
import itertools
import json
import re
import select
import time
import urllib.request

import pytest

import pgkit
from conftest import SLOW, wait_until
from hostile import MARKS, pids
from pgliar import ANSWERS, END, ODD, ROWS, Gone, Liar, columns, error, ready, row, tag
from pgwire import Wire, errors, run, values
from rawpg import typed

pytestmark = pytest.mark.timeout(120 * SLOW)
STATE = re.compile(r"[0-9A-Z]{5}")
LOST = {"08006", "08P01", "57P01", "XX000"}


# ---- what takes longer than one answer --------------------------------------------------------------------------------


def closes(before_it, reset=False):
    def act(peer, before):
        peer.send(before_it(before))
        peer.vanish(reset)
    return act


def floods(message, times):
    def act(peer, before):
        peer.send(before)
        for _ in range(times):
            peer.send(message)
        peer.send(ROWS + END)
    return act


def drips(peer, before):
    for b in before + ROWS + END:
        peer.send(bytes([b]))
        time.sleep(0.001)


def stalls(peer, before):
    peer.send(before)
    peer.stall()


def stalls_in_a_row(peer, before):
    peer.send(before + columns() + row(b"1")[:-1])
    peer.stall()


def endless_notice(peer, before):
    """The head of 100 MB, and all of it."""
    peer.send(before + typed("N", b"SNOTICE\0M", 100_000_000))
    for _ in range(100):
        peer.send(b"x" * 1_000_000)


def for_ever(peer, before):
    peer.send(before + columns())
    while True:
        peer.send(row(b"x" * 1000) * 100)


ACTS = {
    "close_at_once": closes(lambda b: b""),
    "close_after_bind": closes(lambda b: b),
    "close_in_header": closes(lambda b: b + columns()[:3]),
    "close_in_columns": closes(lambda b: b + columns()[:-3]),
    "close_after_columns": closes(lambda b: b + columns()),
    "close_in_row": closes(lambda b: b + ROWS[:-1]),
    "close_after_rows": closes(lambda b: b + ROWS),
    "close_after_end": closes(lambda b: b + ROWS + tag()),
    "close_in_ready": closes(lambda b: b + ROWS + END[:-1]),
    "close_in_copy": closes(lambda b: b + typed("H", b"\0\0\0") + typed("d", b"1\n")),
    "reset_at_once": closes(lambda b: b"", True),
    "reset_after_rows": closes(lambda b: b + ROWS, True),
    "fatal_and_close": closes(lambda b: error(S="FATAL", V="FATAL", C="57P01", M="going")),
    "fatal_no_state": closes(lambda b: error(S="FATAL", V="FATAL", M="going")),
    "notice_of_100_MB": endless_notice,
    "notice_flood": floods(typed("N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"x" * 1_000_000 + b"\0\0"), 200),
    "async_flood": floods(typed("A", b"\0\0\0\1channel\0" + b"x" * 7000 + b"\0") * 100, 100),
    "drips": drips,
    "stalls": stalls,
    "stalls_in_a_row": stalls_in_a_row,
    "for_ever": for_ever,
}


class Bed:
    def __init__(self, directory):
        self.liar = Liar(**ACTS)
        endpoint = f"postgres://liar:secret@127.0.0.1:{self.liar.port}/bank?sslmode=disable"
        self.kit = pgkit.toolkit(directory, f'main: {{{{ engine: postgres, endpoint: "{endpoint}", poolSize: 3, connectTimeoutSecs: 2 }}}}', 3)
        self.target = self.kit.target()
        self.first = pids(self.kit)

    def wire(self, **kw):
        return Wire(self.target, 60 * SLOW).begin(**kw)

    def well(self):
        """All connections' worth of statements at once: no slot is missing, no program has changed."""
        with contextlib.ExitStack() as stack:
            all_of_them = [stack.enter_context(self.wire()) for _ in range(3)]
            wait_until(lambda: all(values(w.ask("select 1")) == [("1",)] for w in all_of_them), 15)
            for w in all_of_them:
                w.ask("begin")
            assert [values(w.ask("select 1")) for w in all_of_them] == [[("1",)]] * 3
            for w in all_of_them:
                w.ask("rollback")
        assert pids(self.kit) == self.first, self.kit.log_text()[-3000:]

    def sound(self):
        log = self.kit.log_text()
        for mark in MARKS:
            assert mark not in log, (mark, log[-6000:])


@pytest.fixture(scope="module")
def bed(tmp_path_factory):
    b = Bed(tmp_path_factory.mktemp("liar") / "kit")
    yield b
    b.liar.auth = None
    b.kit.stop()
    b.liar.stop()
    b.sound()


@contextlib.contextmanager
def survived(bed):
    was = memory(bed)
    yield
    bed.well()
    bed.sound()
    bounded(bed, was)


def says(got):
    """The one error among the messages: a state that is one, and a text."""
    told = errors(got)
    assert len(told) == 1 and told[0]["S"] in ("ERROR", "FATAL"), told
    assert STATE.fullmatch(told[0].get("C", "")) and told[0].get("M"), told
    return told[0]["C"]


def tell(w, how, sql):
    return w.ask(sql) if how == "simple" else w.talk(run(sql))


# What the server says as an error is told as one, whatever it lacks, and its connection is as good as before.
TOLD = {"fatal_goes_on": "57P01", "panic": "XX001", "rows_then_error": "22012", "end_then_error": "22012",
        **{n: "22012" for n in ANSWERS if n.startswith("error_")},
        **{f"error_{n}": "XX000" for n in ("empty", "no_fields", "no_sqlstate", "short_state", "long_state", "odd_state")}}
# The answer is whole; what stands behind it is the lie.
WHOLE = {"ready_twice", "ready_ten_times", "answer_of_none", "columns_behind"}


def dropped(bed, seconds=10):
    wait_until(lambda: not bed.liar.liars(), seconds)


@pytest.mark.parametrize("how", ["simple", "extended"])
@pytest.mark.parametrize("names", [sorted(ANSWERS)[i::4] for i in range(4)], ids=lambda names: names[0])
def test_lies(bed, how, names):
    """Each lie is an error with a state that fits, its connection is given up, and the session goes on with another."""
    with survived(bed), bed.wire() as w:
        w.ask("set statement_timeout = 10000")
        for name in names:
            got = tell(w, how, f"select 'attack:{name}'")
            assert got and got[-1] == ("Z", b"I"), (name, got)
            if name in WHOLE:
                assert values(got) == [("1",)] and not errors(got), (name, got)
            else:
                assert says(got) == TOLD.get(name, "08006"), name
            for message in got:
                assert message[0] != "E" or message[1].decode(), name  # it is UTF-8
            if name not in TOLD:
                dropped(bed)
            assert values(tell(w, how, "select 1")) == [("1",)], name
        bed.liar.hang_up()  # those that told errors


@pytest.mark.parametrize("name", ["length_T_ffffffff", "row_first", "row_lies_more", "end_at_once", "unknown_type", "noise_1"])
def test_lies_to_a_write(bed, name):
    """Nobody knows whether it was done, unless it stood in a transaction."""
    with survived(bed), bed.wire() as w:
        for how in ("simple", "extended"):
            assert says(tell(w, how, f"insert into t values ('attack:{name}')")) == "08007"
            w.ask("begin")
            assert says(tell(w, how, f"insert into t values ('attack:{name}')")) == "08006"
            assert errors(w.ask("commit")) == [] and values(w.ask("select 1")) == [("1",)]
    dropped(bed)


def trino(kit, sql):
    """The last page of what a Trino client gets."""
    request = urllib.request.Request(f"http://127.0.0.1:{kit.trino_port}/v1/statement", sql.encode(), {"X-Trino-User": "tester"})
    while True:
        with urllib.request.urlopen(request, timeout=60 * SLOW) as response:
            page = json.load(response)
        if "nextUri" not in page:
            return page
        request = page["nextUri"]


def test_lies_to_a_trino_client(bed):
    """The same through Arrow; its rows would be binary, and these are not."""
    with survived(bed):
        for name in (*ANSWERS, *ODD):
            page = trino(bed.kit, f"select 'attack:{name}'")
            assert page["stats"]["state"] in ("FINISHED", "FAILED"), (name, page)
            if page["stats"]["state"] == "FAILED":
                assert page["error"]["message"] and page["error"]["errorName"], (name, page)
        bed.liar.hang_up()


@pytest.mark.parametrize("how", ["simple", "extended"])
def test_odd_answers(bed, how):
    with survived(bed), bed.wire() as w:
        w.ask("set statement_timeout = 10000")
        for name in ODD:
            got = tell(w, how, f"select 'attack:{name}'")
            assert got and got[-1] == ("Z", b"I"), (name, got)
            if errors(got):
                says(got)
            assert values(w.ask("select 1")) == [("1",)], name


@pytest.mark.parametrize("how", ["simple", "extended"])
@pytest.mark.parametrize("name", [n for n in ACTS if n.startswith(("close", "reset", "fatal"))])
def test_the_server_goes(bed, how, name):
    """It is said that the connection was lost, and the session goes on."""
    with survived(bed), bed.wire() as w:
        state = says(tell(w, how, f"select 'attack:{name}'"))
        assert state in LOST, state
        assert values(w.ask("select 1")) == [("1",)]
        state = says(tell(w, how, f"insert into t values ('attack:{name}')"))
        assert state in LOST - {"08006"} | {"08007"}, state
        assert values(w.ask("select 1")) == [("1",)]


def test_the_server_goes_in_a_transaction(bed):
    """Of its COMMIT nobody knows; before it, all of it is undone."""
    with survived(bed), bed.wire() as w:
        for text in ("select 'attack:close_at_once'", "insert into t values ('attack:close_at_once')"):
            w.ask("begin")
            w.ask("insert into t values (1)")
            assert says(w.ask(text)) in LOST | {"25P02"}
            assert errors(w.ask("select 1"))[0]["C"] == "25P02"
            w.ask("rollback")
            assert values(w.ask("select 1")) == [("1",)]


@pytest.mark.parametrize("name", ["notice_of_100_MB", "notice_flood", "async_flood", "drips"])
def test_floods(bed, name):
    with survived(bed), bed.wire() as w:
        w.ask("set statement_timeout = 60000")
        got = w.ask(f"select 'attack:{name}'")
        assert got[-1][0] == "Z"
        if name == "notice_of_100_MB":
            assert says(got) in LOST
        assert values(w.ask("select 1")) == [("1",)]


@pytest.mark.parametrize("name", ["notice_flood", "async_flood"])
def test_floods_that_nobody_reads(bed, name):
    """What waits for a client is bounded, in each program."""
    with survived(bed):
        w = bed.wire()
        w.send(typed("Q", f"select 'attack:{name}'".encode() + b"\0"))
        bounded(bed, memory(bed), 3)
        w.close()


def memory(bed):
    return {p: bed.kit.rss(p) for p in ("dispatch", "listen")}


def bounded(bed, was, seconds=0):
    end = time.monotonic() + seconds
    while True:
        for p, now in memory(bed).items():
            assert now - was[p] < (150 << 20) * SLOW, f"{p} has grown by {now - was[p]}"
        if time.monotonic() >= end:
            break
        time.sleep(0.1)


@contextlib.contextmanager
def cancels(bed, act):
    bed.liar.cancel = act
    try:
        yield
    finally:
        bed.liar.cancel = lambda peer: None
        bed.liar.hang_up()


@pytest.mark.parametrize("name", ["stalls", "stalls_in_a_row"])
@pytest.mark.parametrize("pause", [0, 2], ids=["answered", "late"])
def test_silence(bed, name, pause):
    """statement_timeout and a cancel end the statement for the client, and its slot is given to others."""
    def cancel(peer):
        time.sleep(pause)
        bed.liar.hang_up()

    with cancels(bed, cancel), bed.wire() as w:
        w.ask("set statement_timeout = 500")
        assert says(w.ask(f"select 'attack:{name}'")) in {"57014"} | LOST
    bed.well()
    bed.sound()


def test_a_server_that_does_not_react(bed):
    """Not to a cancel either: in a while its connections are given up, and those who wait for an answer get one."""
    with survived(bed), cancels(bed, lambda peer: peer.stall()), bed.wire() as one, bed.wire() as two:
        begin = time.monotonic()
        for w, name in ((one, "stalls"), (two, "stalls_in_a_row")):
            w.ask("set statement_timeout = 500")
            w.send(typed("Q", f"select 'attack:{name}'".encode() + b"\0"))
        gone = bed.wire()
        gone.send(typed("Q", b"select 'attack:for_ever'\0"))
        bounded(bed, memory(bed), 2)
        gone.close()
        for w in (one, two):
            assert says(w.until("Z")) in {"57014"} | LOST
        assert time.monotonic() - begin < 60 * SLOW
        dropped(bed, 60)


# ---- before the session ------------------------------------------------------------------------------------------------


def sasl(text, code=11):
    return typed("R", code.to_bytes(4, "big") + text)


SASL = sasl(b"SCRAM-SHA-256\0\0", 10)


def scram(first):
    """Says what it must, with the client's nonce in it where {} stands."""
    def act(peer):
        peer.send(SASL)
        _, body = peer.message()
        nonce = re.search(rb"r=([^,]+)", body).group(1)
        peer.send(sasl(first.replace(b"{}", nonce)))
        peer.message()
        peer.send(sasl(b"v=" + b"A" * 44, 12))
        peer.stall()
    return act


def scram_in_pieces(peer):
    """Endless rounds again, in an answer that begins before the question and comes byte by byte."""
    peer.send(SASL)
    _, body = peer.message()
    nonce = re.search(rb"r=([^,]+)", body).group(1)
    whole = sasl(b"r=" + nonce + b"x,s=c2FsdA==,i=2147483647")
    for b in whole:
        peer.send(bytes([b]))
        time.sleep(0.001)
    peer.stall()


def loop(message):
    def act(peer):
        for _ in range(200):
            peer.send(message)
            peer.message()
        raise Gone
    return act


def sends(data, then=None):
    def act(peer):
        peer.send(data)
        if then:
            then(peer)
        raise Gone
    return act


def pours(first, messages):
    """Without an end, the n-th time messages(n)."""
    def act(peer):
        peer.send(first)
        for n in itertools.count():
            peer.send(messages(n))
    return act


NOTICE = typed("N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"x" * 1000 + b"\0\0") * 100


def statuses(n):
    return b"".join(typed("S", f"flood_{n}_{k}\0{'x' * 100}\0".encode()) for k in range(100))


AUTH = {
    "closes": sends(b""),
    "stalls": lambda peer: peer.stall(),
    "unknown_method": sends(typed("R", (99).to_bytes(4, "big"))),
    "no_code": sends(typed("R")),
    "kerberos": sends(typed("R", (2).to_bytes(4, "big"))),
    "md5_short_salt": sends(typed("R", (5).to_bytes(4, "big") + b"x")),
    "password_loop": loop(typed("R", (3).to_bytes(4, "big"))),
    "sasl_loop": loop(SASL),
    "sasl_unknown": sends(sasl(b"KLINGON\0\0", 10)),
    "sasl_no_end": sends(sasl(b"SCRAM-SHA-256", 10)),
    "scram_huge_nonce": scram(b"r={}" + b"x" * 20000 + b",s=c2FsdA==,i=4096"),
    "scram_nonce_2_MB": scram(b"r={}" + b"x" * 2_000_000 + b",s=c2FsdA==,i=4096"),
    "scram_other_nonce": scram(b"r=other,s=c2FsdA==,i=4096"),
    "scram_no_salt": scram(b"r={},s=,i=4096"),
    "scram_rounds": scram(b"r={}x,s=c2FsdA==,i=2147483647"),
    "scram_rounds_in_pieces": scram_in_pieces,
    "scram_rounds_negative": scram(b"r={}x,s=c2FsdA==,i=-1"),
    "error_no_fields": sends(typed("E", b"\0")),
    "error_no_end": sends(typed("E", b"SFATAL\0Cxx")),
    "error_2": sends(b"Efatal: an old server\n\0"),
    "huge": sends(typed("R", bytes(100), 0x7FFFFFFF)),
    "ready_first": sends(ready()),
    "no_key": sends(typed("R", bytes(4)) + ready(), lambda peer: peer.stall()),
    "statuses": pours(typed("R", bytes(4)), statuses),
    "notices": pours(typed("R", bytes(4)), lambda n: NOTICE),
    "notices_first": pours(b"", lambda n: NOTICE),
    "notice_of_100_MB": pours(typed("R", bytes(4)) + typed("N", b"SNOTICE\0M", 100_000_000), lambda n: b"x" * 1_000_000),
    "status_of_1_GB": pours(typed("R", bytes(4)) + typed("S", b"name\0", 1_000_000_000), lambda n: b"x" * 1_000_000),
    **{f"{what}_{n & 0xFFFFFFFF:x}": sends(typed("R", bytes(4)) * (what == "later") + typed("S" if what == "later" else "R", b"x" * 50, n),
                                           lambda peer: peer.stall())
       for what in ("first", "later") for n in (0, 3, -1, -0x80000000)},
    "encoding": sends(typed("R", bytes(4)) + typed("S", b"client_encoding\0KLINGON\0") + typed("K", bytes(8)) + ready(), lambda peer: peer.stall()),
    "negotiates": sends(typed("v", b"\xff" * 8)),
    "noise": sends(bytes(range(256)) * 10),
    "http": sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@pytest.mark.parametrize("name", AUTH)
def test_before_the_session(bed, name):
    """A new connection is not to be had; that is said in time, other sessions' own statements are answered meanwhile."""
    bed.liar.hang_up()
    try:
        with survived(bed), bed.wire() as w, bed.wire() as other:
            wait_until(lambda: not errors(other.ask("rollback; begin; select 1")))
            bed.liar.auth = AUTH[name]
            begin, was = time.monotonic(), memory(bed)
            w.send(typed("Q", b"select 1\0"))
            while not select.select([w.sock], [], [], 0.05)[0]:
                at = time.monotonic()
                assert values(other.ask("select 1")) == [("1",)]
                assert time.monotonic() - at < 3 * SLOW
                bounded(bed, was)
            state = says(w.until("Z"))
            assert state[:2] in ("08", "28", "57", "58", "53", "XX"), state
            assert time.monotonic() - begin < 12 * SLOW
            bed.liar.auth = None
            other.ask("rollback")
            bed.liar.hang_up()
    finally:
        bed.liar.auth = None
        bed.liar.hang_up()
    bed.well()
    bed.sound()
