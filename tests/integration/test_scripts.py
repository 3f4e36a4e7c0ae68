"""Routing scripts: right ones route, and bad ones hurt nobody."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.request

import psycopg
import pytest

from conftest import BIN, SLOW, Toolkit, wait_until
from test_routes import BASE, FALLBACK, WHO, connect, reload

SCRIPT = '''
import ctypes, os, re, socket, subprocess, sys, threading, time

class Odd(str):
    pass

def hang(): 
    while True:
        pass

def allocate():
    kept = []
    while True:
        kept.append(bytes(1 << 20))

def flood():
    while True:
        print("x" * 1000)

def say_much():
    for i in range(3000):
        print("line", i)

def recurse(n=0):
    return recurse(n + 1)

def forge():
    os.write(3, b"\\0\\0\\0\\x04junk")

WAYS = {
    "hang": hang, "sleep": lambda: time.sleep(60), "power": lambda: len(str(9 ** 9 ** 8)),
    "backtrack": lambda: re.match("(a+)+$", "a" * 50 + "b"), "allocate": allocate, "at_once": lambda: bytes(1 << 34),
    "sys_exit": lambda: sys.exit(1), "os_exit": lambda: os._exit(3), "abort": os.abort, "segfault": lambda: ctypes.string_at(0),
    "kill": lambda: os.kill(os.getppid(), 9), "kill_self": lambda: os.kill(os.getpid(), 9),
    "socket": lambda: socket.socket(), "unix": lambda: socket.socketpair(), "read_file": lambda: open("/etc/passwd").read(),
    "write_file": lambda: open("/tmp/qf-script-was-here", "w"), "list": lambda: os.listdir("/"), "remove": lambda: os.remove("/tmp/x"),
    "fork": os.fork, "system": lambda: os.system("true") and 1 / 0, "run": lambda: subprocess.run(["true"]),
    "execve": lambda: os.execve("/bin/true", ["true"], {}), "thread": lambda: threading.Thread(target=hang).start(),
    "libc": lambda: ctypes.CDLL(None).open(b"/etc/passwd", 0) < 0 and 1 / 0,
    "environment": lambda: os.environ["PATH"], "flood": flood, "number": lambda: 5, "empty": lambda: "", "list_answer": lambda: ["one"],
    "huge": lambda: "x" * 1000000, "unknown": lambda: "oen", "bytes": lambda: b"one", "odd_deny": lambda: {"deny": 1},
    "two_keys": lambda: {"deny": "no", "group": "one"}, "raise": lambda: 1 / 0, "recurse": recurse, "import": lambda: __import__("numpy"),
    "stop": lambda: next(iter(())), "context": lambda: CTX.update(user="root"), "forge": forge, "generator": lambda: (x for x in "one"),
    "surrogate": lambda: "\\udc80", "nul": lambda: "one\\0two", "priority": lambda: os.nice(-5), "say_much": say_much,
}

def route(query, ctx):
    global CTX
    CTX = ctx
    m = re.search("way:([a-z_]+)", query)
    if m:
        return WAYS[m[1]]()
    if "by text" in query:
        return "one"
    if "by odd text" in query:
        return Odd("one")
    if ctx["user"] == "ann":
        return "two"
    if ctx["headers"].get("x-target") == "one":
        return "one"
    if ctx["tags"].get("team") == "ads" and "nightly" in ctx["tags"]:
        return "two"
    if "to nowhere" in query:
        return {"deny": "not for " + ctx["user"]}
    if "the context" in query:
        assert ctx["protocol"] == "postgresWire" and ctx["dialect"] == "duckdb" and ctx["extra"] == ctx["headers"], ctx
        assert ctx["database"] == "queryflux" and ctx["transaction"] is None, ctx
        return "one"
    if "in a transaction" in query:
        return "two" if ctx["transaction"] == "home" else "one"
    return None
'''
ROUTERS = """routers:
- { type: queryRegex, rules: [ { regex: 'FAST', targetGroup: one } ] }
- { type: pythonScript, scriptFile: route.py, deadlineMs: 1000 }
- { type: queryRegex, rules: [ { regex: 'AFTER', targetGroup: two } ] }
"""
STRICT = ROUTERS.replace(", deadlineMs: 1000", "")  # where the deadline is the question; elsewhere a busy machine is none


def start_kit(directory, routers=ROUTERS, script=SCRIPT):
    k = Toolkit(directory)
    k.config = k.dir / "queryflux.yaml"
    (k.dir / "route.py").write_text(script)
    k.config.write_text((BASE + routers + FALLBACK).replace("@PORT@", str(k.port)))
    k.start()
    return k


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    k = start_kit(tmp_path_factory.mktemp("scripts"))
    yield k
    k.stop()


def anew(kit, routers=ROUTERS, script=SCRIPT):
    """Every breaker is closed: a set of scripts that differs begins anew."""
    (kit.dir / "route.py").write_text(script + f"# {time.monotonic_ns()}\n")
    reload(kit, BASE + routers + FALLBACK)
    return kit


@pytest.fixture
def closed(kit):
    return anew(kit)


def explain(kit, sql, *options):
    done = subprocess.run([str(BIN / "qf-route"), "--explain", "-c", str(kit.config), "--format", "json", *options, sql], env=kit.env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def workers(kit):
    """Script workers of the qf-route that runs."""
    route, found = kit.pid("route"), []
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (p / "stat").read_text()
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if name == "qf-route-w" and int(rest[1]) == route and rest[0] != "Z":
            found.append(int(p.name))
    return found


def metrics(kit):
    """{(router, outcome): runs}"""
    port = int(re.search(r"adminApi +127\.0\.0\.1:(\d+)", kit.out_path.read_text()).group(1))
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    found = re.findall(r'^queryflux_script_runs_total\{router="([^"]*)",outcome="([^"]*)"\} (\d+)', text, re.M)
    return {(r, o): int(n) for r, o, n in found}


# ---- right ones --------------------------------------------------------------------------------------------------------

RIGHT = {
    "text": ({}, f"{WHO} -- by text", "one"),
    "a kind of text": ({}, f"{WHO} -- by odd text", "one"),
    "user": ({"user": "ann"}, WHO, "two"),
    "header": ({"headers": {"X-Target": "one"}}, WHO, "one"),
    "another value": ({"headers": {"X-Target": "two"}}, WHO, "home"),
    "tags": ({"tags": {"team": "ads", "nightly": None}}, WHO, "two"),
    "no opinion": ({}, WHO, "home"),
    "the rule after it": ({}, f"{WHO} -- AFTER", "two"),
    "the rule before it": ({"user": "ann"}, f"{WHO} -- FAST", "one"),
    "the context": ({}, f"{WHO} -- the context", "one"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right(kit, name):
    session, sql, where = RIGHT[name]
    with connect(kit, session) as c:
        assert c.execute(sql).fetchone() == (where,)
    options = ["--user", session.get("user", "tester"), "--header", "queryflux.dialect=duckdb", "--database", "queryflux"]
    options += [o for k, v in session.get("headers", {}).items() for o in ("--header", f"{k}={v}")]
    options += [o for k, v in session.get("tags", {}).items() for o in ("--tag", k if v is None else f"{k}={v}")]
    assert explain(kit, sql, *options)["group"] == where


def test_refusal(kit):
    with kit.connect("duckdb", user="bob") as c:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as e:
            c.execute("select 1 -- to nowhere")
        assert e.value.diag.message_primary == "not for bob"
    one = explain(kit, "select 1 -- to nowhere", "--user", "bob")
    assert (one["denied"], one["message"], one["router"], one["index"]) == (True, "not for bob", "pythonScript", 2)


def test_transaction(kit):
    """The group stays where the transaction is, but each statement is judged."""
    with kit.connect("duckdb") as c:
        c.execute("begin")
        assert c.execute(WHO).fetchone() == ("home",)
        assert c.execute(f"{WHO} -- in a transaction").fetchone() == ("home",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("select 1 -- to nowhere")
        assert c.execute("rollback").statusmessage == "ROLLBACK"


# ---- bad ones ------------------------------------------------------------------------------------------------------------

ANY = {"deadline", "crashed", "error", "malformed"}
BAD = {
    "hang": {"deadline"}, "sleep": {"deadline"}, "power": {"deadline"}, "backtrack": {"deadline"}, "allocate": {"deadline", "error", "crashed"},
    "at_once": {"error"} if SLOW == 1 else ANY, "flood": {"deadline"}, "os_exit": {"crashed"}, "abort": {"crashed"}, "segfault": {"crashed"},
    "forge": {"malformed", "crashed"}, "thread": {"error"}, "say_much": None,
}
ERRORS = {
    "sys_exit": "SystemExit", "kill": "PermissionError", "kill_self": "PermissionError", "socket": "PermissionError", "unix": "PermissionError",
    "read_file": "PermissionError", "write_file": "PermissionError", "list": "PermissionError", "remove": "PermissionError",
    "fork": "PermissionError", "system": "ZeroDivisionError", "run": "PermissionError", "execve": "PermissionError",
    "libc": "ZeroDivisionError", "environment": "KeyError", "number": "a value of type int", "empty": "a text of 0 characters",
    "list_answer": "a value of type list", "huge": "a text of 1000000 characters", "unknown": 'did you mean "one"?', "bytes": "a value of type bytes",
    "odd_deny": "a value of type dict", "two_keys": "a value of type dict", "raise": "ZeroDivisionError", "recurse": "RecursionError",
    "import": "No module named 'numpy'", "stop": "StopIteration", "context": "AttributeError", "generator": "a value of type generator",
    "surrogate": "not in clusterGroups", "nul": "not in clusterGroups", "priority": "PermissionError",
}


@pytest.mark.parametrize("way", [*BAD, *ERRORS])
def test_bad(kit, way):
    """Routed by the rest of the chain within 100 ms (at best: others may have the machine), and the trace says what was wrong."""
    anew(kit, STRICT if "deadline" in (BAD.get(way) or ()) else ROUTERS)
    sql = f"{WHO} -- AFTER way:{way}"
    with kit.connect("duckdb") as c:
        c.execute(f"{WHO} -- FAST")
        best = 10
        for i in range(5):
            if i >= 2 and best < 0.1 * SLOW:
                break
            begun = time.monotonic()
            assert c.execute(sql).fetchone() == ("two",)
            best = min(best, time.monotonic() - begun)
            wait_until(lambda: len(workers(kit)) == 3)
        assert best < 0.1 * SLOW, best
    one = explain(kit, sql)
    (step,) = [t for t in one["trace"] if t["router"] == "pythonScript"]
    assert (one["group"], step["index"], step["matched"]) == ("two", 2, False)
    if way in ERRORS:
        assert step["script"]["outcome"] == "error" and ERRORS[way] in step["script"]["error"], step
        assert "onError: next" in step["reason"]
    elif BAD[way] is None:
        assert step["script"]["outcome"] == "none" and len(step["script"]["printed"]) <= 4096
        wait_until(lambda: 'router 2 (pythonScript) printed "line 0' in kit.log_text())
    else:
        assert step["script"]["outcome"] in BAD[way], step
    assert not pathlib.Path("/tmp/qf-script-was-here").exists()


def test_an_error_has_its_line(kit):
    line = 1 + SCRIPT.split("\n").index(next(x for x in SCRIPT.split("\n") if '"raise": lambda' in x))
    (step,) = [t for t in explain(kit, "select 1 -- way:raise")["trace"] if t["router"] == "pythonScript"]
    assert step["script"] == {"outcome": "error", "line": line, "error": f"line {line}: ZeroDivisionError: division by zero", "printed": None}
    text = subprocess.run([str(BIN / "qf-route"), "--explain", "-c", str(kit.config), "select 1 -- way:raise"], env=kit.env,
                          capture_output=True, text=True, timeout=60).stdout
    assert re.search(rf"2 pythonScript +no +line {line}: ZeroDivisionError: division by zero; onError: next +\([0-9.]+ µs\)", text), text


def test_on_error_fail(closed):
    kit = closed
    reload(kit, BASE + ROUTERS.replace("route.py", "route.py, onError: fail") + FALLBACK)
    with kit.connect("duckdb") as c:
        with pytest.raises(psycopg.errors.SystemError) as e:
            c.execute("select 1 -- way:raise")
        assert e.value.diag.message_primary == (
            "the routing script of router 2 gave no answer (error), and without one this statement is refused")
        assert c.execute(f"{WHO} -- by text").fetchone() == ("one",)
    assert explain(kit, "select 1 -- way:raise")["denied"] is True
    wait_until(lambda: re.search(r"router 2 \(pythonScript\): line \d+: ZeroDivisionError", kit.log_text()))


# ---- nobody else waits ----------------------------------------------------------------------------------------------------

def share(samples, n):
    """The longest but n of a hundred, in ms."""
    return sorted(samples)[len(samples) * (100 - n) // 100] * 1e3


def test_others_are_not_delayed(kit):
    """Three scripts that hang in turn, before and after their rest; the same seconds without one that hangs are the measure."""
    many = "".join(f"- type: pythonScript\n  script: |\n    def route(query, ctx):\n        while 'hang{i}' in query: pass\n" for i in range(3))
    anew(kit, STRICT + many)
    stop, hung, samples = threading.Event(), [], []

    def load(i):
        with kit.connect("duckdb") as c:
            while not stop.is_set():
                begun = time.monotonic()
                assert c.execute(f"{WHO} -- hang{i % 3}").fetchone() == ("home",)
                if time.monotonic() - begun > 0.04:
                    hung.append((begun, time.monotonic() + 0.1))  # the start of a new worker is part of it
                i += 1
                time.sleep(0.005)

    with kit.connect("duckdb") as c:
        threads = [threading.Thread(target=load, args=(i,)) for i in range(2)]
        for t in threads:
            t.start()
        end = time.monotonic() + 12
        while time.monotonic() < end:
            begun = time.monotonic()
            assert c.execute(f"{WHO} -- FAST").fetchone() == ("one",)
            samples.append((begun, time.monotonic() - begun))
            time.sleep(0.002)
        stop.set()
        for t in threads:
            t.join()
    during = [took for at, took in samples if any(a <= at + took and at <= b for a, b in hung)]
    without = [took for at, took in samples if not any(a <= at + took and at <= b for a, b in hung)]
    print(f"p50 {share(without, 50):.2f} -> {share(during, 50):.2f} ms, p90 {share(without, 10):.2f} -> {share(during, 10):.2f} ms, "
          f"p99 {share(without, 1):.2f} -> {share(during, 1):.2f} ms, {len(hung)} hung, {len(during)} during, {len(without)} without")
    assert len(hung) >= 9 and len(during) >= 50
    assert share(during, 50) < 25 * SLOW  # who waits for a script that hangs waits for 50 ms; the rest is for the eye


# ---- the breaker -----------------------------------------------------------------------------------------------------------

def test_breaker(kit):
    anew(kit, ROUTERS.replace("1000", "200"))
    with kit.connect("duckdb") as c:
        for _ in range(3):
            assert c.execute(f"{WHO} -- way:hang").fetchone() == ("home",)
        opened = time.monotonic()
        wait_until(lambda: "rests for 5 s" in kit.log_text())
        for _ in range(3):  # it is not asked, whatever the statement
            assert c.execute(f"{WHO} -- by text").fetchone() == ("home",)
        time.sleep(max(0, opened + 5.2 - time.monotonic()))
        assert c.execute(f"{WHO} -- way:hang").fetchone() == ("home",)  # the test fails, so it rests again
        opened = time.monotonic()
        assert c.execute(f"{WHO} -- by text").fetchone() == ("home",)
        time.sleep(max(0, opened + 5.2 - time.monotonic()))
        assert c.execute(f"{WHO} -- by text").fetchone() == ("one",)
        assert c.execute(f"{WHO} -- by text").fetchone() == ("one",)
    wait_until(lambda: "pythonScript 2 deadline" in kit.admin("events").stdout)
    assert "pythonScript 2 breaker" in kit.admin("events").stdout


def test_counted(closed):
    kit = closed
    before = metrics(kit)
    with kit.connect("duckdb") as c:
        for way in ("way:hang", "way:raise", "way:os_exit", "by text", "nothing", "nothing"):
            c.execute(f"select 1 -- {way}")
        with pytest.raises(psycopg.Error):
            c.execute("select 1 -- to nowhere")
    want = {"deadline": 1, "error": 1, "crashed": 1, "group": 1, "none": 2, "denied": 1}

    def counted():
        now = metrics(kit)
        return {o: now.get(("2", o), 0) - before.get(("2", o), 0) for o in want} == want

    wait_until(counted, 5)


# ---- forged answers ---------------------------------------------------------------------------------------------------------

FORGE = '''
import os, struct, sys
read = os.read

def frame(number):
    body = struct.pack(">QBII", number, 0, 0, 3) + b"two" + struct.pack(">I", 0)
    return struct.pack(">I", len(body)) + body

def number():
    """Of the question at hand: the worker's own code knows it."""
    at = sys._getframe()
    while "ident" not in at.f_locals:
        at = at.f_back
    return at.f_locals["ident"]

def later(data):
    """Behind the answer, when the worker waits for the next question."""
    def first(fd, n):
        os.read = read
        os.write(3, data)
        return read(fd, n)
    os.read = first

def route(query, ctx):
    if "forge before" in query:
        os.write(3, frame(7))
    if "forge twice" in query:
        os.write(3, frame(number()))
    if "forge later" in query:
        later(frame(number() + 1) if "next" in query else frame(number()))
    if "forge many" in query:
        later(b"".join(frame(number() + i) for i in range(1000)))
    if "forge a part" in query:
        later(frame(number())[:6])
    return "one" if "by text" in query else None
'''


def test_forged_answers(kit):
    """What a script writes to its worker's socket is its own affair: others are routed as ever, and that worker ends."""
    stop, wrong, asked = threading.Event(), [], []

    def ask(comment, where):
        with kit.connect("duckdb") as c:
            while not stop.is_set():
                got = c.execute(f"{WHO} -- {comment}").fetchone()
                asked.append(got)
                if got != (where,):
                    wrong.append((comment, got))

    (kit.dir / "route.py").write_text(FORGE)
    reload(kit, BASE + ROUTERS + FALLBACK)
    threads = [threading.Thread(target=ask, args=a) for a in (("by text", "one"), ("by text", "one"), ("no opinion", "home"))]
    for t in threads:
        t.start()
    try:
        for how in ("before", "twice", "later", "later next", "many", "a part"):
            (kit.dir / "route.py").write_text(FORGE + f"# {how}\n")  # its breaker is closed
            reload(kit, BASE + ROUTERS + FALLBACK)
            wait_until(lambda: len(workers(kit)) == 3)
            before, seen = set(workers(kit)), len(kit.log_text())
            with kit.connect("duckdb") as c:
                where = c.execute(f"{WHO} -- forge {how}").fetchone()[0]
            assert where in (("two", "home") if how == "twice" else ("home",))  # two answers at once are none
            wait_until(lambda: before - set(workers(kit)))
            named = re.compile(r"route\.py.* wrote to the socket of its worker, which was ended: worker (\d+) said"
                               r"|router 2 \(pythonScript\): its worker sent bytes that are no answer")
            wait_until(lambda: named.search(kit.log_text()[seen:]))
            pid = named.search(kit.log_text()[seen:])[1]
            assert pid is None or int(pid) in before
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert not wrong and len(asked) > 100, wrong[:3]


# ---- new configurations, and ends ------------------------------------------------------------------------------------------

CONSTANT = "def route(query, ctx):\n    return {!r}\n"


def ids(kit):
    rows = [line.split() for line in kit.admin("status").stdout.splitlines()]
    return {r[0]: r[3] for r in rows if r[1] == "0"}


def test_reload_to_a_new_script(closed):
    """Only the script's file changes. Nobody's statement fails, and no answer is of neither."""
    kit, stop, seen = closed, threading.Event(), []

    def ask():
        with kit.connect("duckdb") as c:
            while not stop.is_set():
                seen.append(c.execute(WHO).fetchone()[0])

    with kit.connect("duckdb") as c:
        (kit.dir / "route.py").write_text(CONSTANT.format("one"))
        reload(kit, BASE + ROUTERS + FALLBACK)
        before = ids(kit)
        assert c.execute(WHO).fetchone() == ("one",)
        thread = threading.Thread(target=ask)
        thread.start()
        for i in range(6):
            (kit.dir / "route.py").write_text(CONSTANT.format("two" if i % 2 == 0 else "one"))
            reload(kit, BASE + ROUTERS + FALLBACK)
            assert c.execute(WHO).fetchone() == ("two" if i % 2 == 0 else "one",)
        (kit.dir / "route.py").write_text(CONSTANT.format("two"))
        reload(kit, BASE + ROUTERS + FALLBACK)
        assert ids(kit) != before
        stop.set()
        thread.join()
    assert set(seen) == {"one", "two"}, set(seen)


REFUSED = {
    "syntax": ("def route(query, ctx):\n    return 'one\n", "route.py:2: SyntaxError: unterminated string literal (detected at line 2)"),
    "indentation": ("def route(query, ctx):\nreturn 1\n", "route.py:2: IndentationError"),
    "no function": ("x = 1\n", "route.py: there is no function route(query, ctx) in it"),
    "raises": ("import re\n\nre.compile('(')\ndef route(query, ctx): pass\n", "route.py:3: error: missing ), unterminated subpattern at position 0"),
    "another module": ("import numpy\n", "route.py:1: ModuleNotFoundError: No module named 'numpy'; scripts have the standard library"),
    "opens a file": ("x = open('/etc/passwd')\ndef route(q, c): pass\n", "route.py:1: PermissionError"),
    "connects": ("import socket\nsocket.create_connection(('127.0.0.1', 1))\ndef route(q, c): pass\n", "route.py:2: "),
    "exits": ("import os\nos._exit(0)\n", "scripts cannot run: the worker ended with status 0"),
    "not text": (b"def route(q, c): return '\xff'\n", "route.py:1:26: byte 0xff is not UTF-8"),
    "a NUL": (b"def route(q, c): return '\0'\n", "a NUL character stands in it"),
    "too long": ("#" * (256 * 1024 + 1), "longer than the 256 KiB"),
    "hangs": ("while True: pass\n", "scripts cannot run: the worker was not ready after 5000 ms"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(closed, name):
    """Found by -t and by explain; a reload leaves every program as it was."""
    kit, before = closed, ids(closed)
    script, message = REFUSED[name]
    (kit.dir / "route.py").write_bytes(script if isinstance(script, bytes) else script.encode())
    done = subprocess.run([str(BIN / "qf-route"), "-t", "-c", str(kit.config)], env=kit.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    if "route.py" in message and "not UTF-8" not in message:
        assert re.match(rf"qf-route: {re.escape(str(kit.config))}:\d+:\d+: {re.escape(str(kit.dir))}/route.py", done.stderr), done.stderr
    if name == "hangs":
        return
    done = subprocess.run([str(BIN / "qf-route"), "--explain", "-c", str(kit.config), "select 1"], env=kit.env, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2 and message in done.stderr
    done = kit.admin("-c", str(kit.config), "reload")
    assert done.returncode == 2 and message in done.stderr and "nothing was reloaded" in done.stderr, done.stderr
    os.kill(kit.pid("route"), signal.SIGHUP)
    wait_until(lambda: message in kit.log_text())
    assert ids(kit) == before
    with kit.connect("duckdb") as c:
        assert c.execute(f"{WHO} -- by text").fetchone() == ("one",)


def test_a_bad_script_at_the_start(tmp_path):
    """The service ends with the status that says "do not start me again", not in a loop."""
    conf = tmp_path / "q.yaml"
    conf.write_text((BASE + ROUTERS + FALLBACK).replace("@PORT@", "5999"))
    (tmp_path / "route.py").write_text("def route(query, ctx)\n")
    (tmp_path / "run").mkdir()
    done = subprocess.run([str(BIN / "qf-route"), "--serve", "-c", str(conf)], env={**os.environ, "QF_RUNTIME_DIR": str(tmp_path / "run")},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "route.py:1: SyntaxError: expected ':'" in done.stderr, done.stderr


def test_killed_workers_and_routers(closed):
    """kill -9 of script workers, then of qf-route, under load: every statement is answered, where it should be."""
    kit, stop, seen, failed = closed, threading.Event(), [], []
    reload(kit, BASE + ROUTERS + FALLBACK)

    def ask():
        with kit.connect("duckdb") as c:
            while not stop.is_set():
                try:
                    seen.append(c.execute(f"{WHO} -- by text").fetchone()[0])
                except psycopg.Error as e:
                    failed.append(str(e))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(8):
        time.sleep(0.4)
        for pid in (workers(kit) if i % 4 == 3 else workers(kit)[:1]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: len(workers(kit)) == 3)
    for _ in range(3):
        old = kit.kill("route")
        kit.wait_restarted("route", old)
        time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join()
    assert not failed, failed[:3]
    assert set(seen) == {"one"}, {w: seen.count(w) for w in set(seen)}
    assert len(seen) > 100


def test_workers_are_bare(kit):
    wait_until(lambda: len(workers(kit)) == 3)
    for pid in workers(kit):
        proc = pathlib.Path(f"/proc/{pid}")
        status = (proc / "status").read_text()
        assert re.search(r"^Seccomp:\s+2$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
        assert (proc / "environ").read_bytes().strip(b"\0") == b""

        def sealed():
            links = {f.name: os.readlink(f) for f in (proc / "fd").iterdir()}
            return set(links) == {"0", "1", "2", "3"} and all(links[n] == "/dev/null" for n in "012") and links["3"].startswith("socket:")

        wait_until(sealed)
        if SLOW == 1:
            assert re.search(r"^Max address space\s+268435456\s", (proc / "limits").read_text(), re.M)


def test_a_listener_that_dies_takes_its_statements_along(closed):
    kit = closed
    reload(kit, BASE + ROUTERS + FALLBACK)
    c = kit.connect("duckdb")
    thread = threading.Thread(target=lambda: pytest.raises(psycopg.Error, c.execute, f"{WHO} -- way:sleep"))
    thread.start()
    time.sleep(0.2)
    old = kit.kill("listen")
    kit.wait_restarted("listen", old)
    thread.join()
    wait_until(kit.answers)
    with kit.connect("duckdb") as d:
        assert d.execute(f"{WHO} -- by text").fetchone() == ("one",)


def test_many_at_once(closed):
    """More than the workers take: all wait their turn, none is refused or misrouted."""
    kit = closed
    wrong = []

    def ask():
        with kit.connect("duckdb") as c:
            for _ in range(30):
                row = c.execute(f"{WHO} -- by text").fetchone()
                if row != ("one",):
                    wrong.append(row)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_long_statement(closed):
    """A script sees 1 MiB; what is longer it is not asked about, and that is an error of the script."""
    kit = closed
    with kit.connect("duckdb") as c:
        for size, where in ((900000, "one"), (1100000, "two")):
            assert c.execute(f"{WHO} -- AFTER by text {'x' * size}").fetchone() == (where,)
