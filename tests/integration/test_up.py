"""`qf-admin up` as an operator uses it: the table, --exec, offsets, Ctrl-C, and nothing left behind."""
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import threading
import time

import psycopg
import pytest

from conftest import BIN, CONFIG, SLOW, Toolkit, free_port, wait_until
from hostile import MARKS, pids
from rawpg import Raw, error, query

DUCK = "PGOPTIONS='-c queryflux.dialect=duckdb' "
ROLES = "psql -XAtc 'select role, count(*) from users group by role order by 1'"


def clean_env(state, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QF_", "PG"))}
    return {**env, "QF_STATE_DIR": str(state), **more}


def up(state, *options, timeout=60, **env):
    """To its end; the runtime directory is its own."""
    return subprocess.run([str(BIN / "qf-admin"), "up", *options], env=clean_env(state, **env), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout * SLOW)


def free_offset():
    """One that puts PostgreSQL's port on a free one."""
    for _ in range(100):
        if (port := free_port()) > 5432:
            return port - 5432
    raise AssertionError("no free port above 5432")


def ours(mark):
    """Processes whose environment holds that text."""
    found = []
    for p in pathlib.Path("/proc").iterdir():
        try:
            if p.name.isdigit() and mark.encode() in (p / "environ").read_bytes() and "Z" not in state_of(p):
                found.append((int(p.name), (p / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            pass
    return found


def state_of(p):
    return (p / "stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.fixture
def state(tmp_path):
    """A state directory of the test's own; its name in their environment finds all processes of the test."""
    path = tmp_path / "state"
    path.mkdir()
    yield path
    wait_until(lambda: not ours(str(path)), 10)


@pytest.fixture
def made(tmp_path):
    """XDG_RUNTIME_DIR: where `up` makes its own directory. What is in it afterwards was left behind."""
    path = pathlib.Path("/tmp") / f"qf{os.getpid()}-{free_port()}"
    path.mkdir()
    yield path
    left = list(path.iterdir())
    subprocess.run(["rm", "-rf", str(path)], check=True)
    assert not left, left


class Up:
    """In the background, without a given runtime directory."""

    def __init__(self, state, made, *options, new_session=True):
        self.out_path = state.parent / f"{time.monotonic_ns()}.out"
        self.err_path = self.out_path.with_suffix(".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen([str(BIN / "qf-admin"), "up", *options], env=clean_env(state, XDG_RUNTIME_DIR=str(made)),
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=new_session)

    def table(self):
        wait_until(lambda: "operator" in self.out_path.read_text() or self.child.poll() is not None, 30)
        assert self.child.poll() is None, self.err()
        return self.out_path.read_text()

    def err(self):
        return self.err_path.read_text()

    def port(self):
        return int(re.search(r"psql -h \S+ -p (\d+)", self.table()).group(1))

    def operator(self, command):
        line = next(line for line in self.table().splitlines() if line.strip().startswith("operator"))
        return line.split(None, 1)[1].replace("status", command)

    def sh(self, command, **kw):
        return subprocess.run(["sh", "-c", command], env=clean_env("/nonexistent"), capture_output=True, text=True, timeout=30 * SLOW, **kw)

    def end(self, sig=signal.SIGINT, seconds=20):
        if self.child.poll() is None:
            self.child.send_signal(sig)
        status = self.child.wait(seconds * SLOW)
        for mark in MARKS:
            assert mark not in self.err(), self.err()[-3000:]
        return status


# ---- the table ---------------------------------------------------------------------------------------------------------


def test_commands_of_the_table_work_when_pasted(state, made):
    u = Up(state, made, "--port-offset", str(free_offset()))
    try:
        line = next(line for line in u.table().splitlines() if "postgresWire" in line)
        command = line.split(None, 2)[2]
        done = u.sh(f"PGOPTIONS='-c queryflux.dialect=duckdb' {command} -XAtc 'select count(*) from users'")
        assert (done.stdout, done.returncode) == ("100\n", 0), done.stderr
        done = u.sh(u.operator("status"))
        assert done.returncode == 0, done.stderr
        assert {"listen", "route", "dispatch", "translate", "admin"} == {row.split()[0] for row in done.stdout.splitlines()
                                                                         if "tool" not in row}
    finally:
        assert u.end() == 0


# ---- --exec ------------------------------------------------------------------------------------------------------------


def test_exec_prints_the_rows(state, made):
    """The line of the issue, as it stands there but for the alignment."""
    done = up(state, "--port-offset", str(free_offset()), "--exec", ROLES, XDG_RUNTIME_DIR=str(made))
    assert done.stdout == "admin|5\nanalyst|25\nviewer|70\n", (done.stdout, done.stderr)
    assert done.returncode == 0


def test_state_directory_is_made(state, made):
    """A newcomer has none."""
    done = up(state / "a" / "b", "--port-offset", str(free_offset()), "--exec", ROLES, XDG_RUNTIME_DIR=str(made))
    assert done.returncode == 0 and done.stdout.startswith("admin|5\n"), (done.stdout, done.stderr)
    assert (state / "a" / "b" / "queryflux.duckdb").exists()


def test_sample_tables_are_as_documented(state, made):
    sql = "select count(*), min(id), max(id) from %s"
    command = " && ".join(f'psql -XAtc "{sql % table}"' for table in ("users", "orders", "events"))
    done = up(state, "--port-offset", str(free_offset()), "--exec", DUCK + f"; export PGOPTIONS; {command}", XDG_RUNTIME_DIR=str(made))
    assert done.stdout.split() == ["100|1|100", "1000|1|1000", "10000|1|10000"], (done.stdout, done.stderr)


@pytest.mark.parametrize("command, status", [("true", 0), ("exit 7", 7), ("false", 1), ("kill -9 $$", 137), ("kill -15 $$", 143),
                                             ("no-such-command", 127), ("exit 255", 255)])
def test_exec_passes_the_status_on(state, made, command, status):
    assert up(state, "--port-offset", str(free_offset()), "--exec", command, XDG_RUNTIME_DIR=str(made)).returncode == status


def test_exec_environment(state, made):
    offset = free_offset()
    done = up(state, "--port-offset", str(offset), "--exec", "env; pwd; echo in=$(cat)", XDG_RUNTIME_DIR=str(made))
    env = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert (env["PGHOST"], env["PGPORT"], env["PGUSER"], env["PGDATABASE"]) == ("127.0.0.1", str(5432 + offset), "queryflux", "queryflux")
    assert env["QF_RUNTIME_DIR"].startswith(str(made))
    assert os.getcwd() in done.stdout and not {"LISTEN_FDS", "NOTIFY_SOCKET"} & env.keys()


def test_exec_output_is_only_the_commands(state, made):
    done = up(state, "--port-offset", str(free_offset()), "--exec", "echo one", XDG_RUNTIME_DIR=str(made))
    assert done.stdout == "one\n"


def test_ctrl_c_reaches_the_command(state, made):
    u = Up(state, made, "--port-offset", str(free_offset()), "--exec", "touch %s/began; sleep 100" % state)
    wait_until(lambda: (state / "began").exists(), 30)
    begin = time.monotonic()
    u.end(signal.SIGTERM)
    assert time.monotonic() - begin < 5 * SLOW
    assert not ours(str(state))


# ---- offsets and ports -------------------------------------------------------------------------------------------------


def test_offset_that_wraps_is_said(state, made):
    done = up(state, "--port-offset", "65000", "--exec", "echo $PGPORT", XDG_RUNTIME_DIR=str(made))
    assert done.returncode == 0 and done.stdout == "30432\n", (done.stdout, done.stderr)
    assert "postgresWire: port 70432 is over 65535, using 30432" in done.stderr


@pytest.mark.parametrize("offset", ["-1", "65536", "x", "", "1.5", "99999999999999999999"])
def test_offset_that_is_none(state, offset):
    done = up(state, f"--port-offset={offset}")
    assert done.returncode == 2 and "a number from 0 to 65535 is needed" in done.stderr and done.stdout == ""


def hold(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    return s


def test_busy_default_port_moves_and_says_so(state, made):
    offset = free_offset()
    with hold(5432 + offset):
        done = up(state, "--port-offset", str(offset), "--exec", "echo $PGPORT; " + DUCK + "psql -XAtc 'select 1'", XDG_RUNTIME_DIR=str(made))
    moved = 5432 + offset + 10000
    moved -= 40000 if moved > 65535 else 0
    assert done.stdout == f"{moved}\n1\n", (done.stdout, done.stderr)
    assert f"postgresWire: port {5432 + offset} is busy, using {moved}" in done.stderr


def test_busy_configured_port_names_the_key(state, made, tmp_path):
    port = free_port()
    path = tmp_path / "q.yaml"
    path.write_text("# one\nqueryflux:\n  frontends:\n    postgresWire: { enabled: true, port: %d }\n" % port + GROUPS)
    with hold(port):
        done = up(state, "-c", str(path), XDG_RUNTIME_DIR=str(made))
        assert done.returncode == 2 and done.stdout == "", (done.returncode, done.stdout)
        assert f"{path}:4:" in done.stderr and "queryflux.frontends.postgresWire.port" in done.stderr, done.stderr
        assert f"127.0.0.1 port {port}: Address already in use" in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        # and the service by itself
        done = subprocess.run([str(BIN / "qf-listen"), "--serve", "-c", str(path)], capture_output=True, text=True,
                              timeout=20 * SLOW, env=clean_env(state, QF_RUNTIME_DIR=str(tmp_path)))
        assert done.returncode == 1 and "queryflux.frontends.postgresWire.port" in done.stderr and str(port) in done.stderr


GROUPS = "clusters:\n  d: { engine: duckDb }\nclusterGroups:\n  g: { maxRunningQueries: 2, members: [d] }\nroutingFallback: g\n"


def test_two_at_once(state, made):
    """Different offsets, different state: neither knows of the other."""
    a = Up(state, made, "--port-offset", str(free_offset()))
    (state / "b").mkdir()
    b = Up(state / "b", made, "--port-offset", str(free_offset()))
    try:
        assert a.port() != b.port()
        for u in (a, b):
            assert u.sh(f"{DUCK} psql -h 127.0.0.1 -p {u.port()} -U x queryflux -XAtc 'select count(*) from users'").stdout == "100\n"
            assert u.sh(u.operator("status")).stdout.count("dispatch") == 1
    finally:
        assert (a.end(), b.end()) == (0, 0)


def test_second_in_the_same_directory_is_refused(start):
    """The one that runs is not disturbed."""
    kit = start()
    before = pids(kit)
    done = subprocess.run([str(BIN / "qf-admin"), "up", "--port-offset", str(free_offset())], env=kit.env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=40 * SLOW)
    assert done.returncode != 0 and "is running already" in done.stderr, done.stderr
    assert pids(kit) == before
    assert kit.query("select 1", dialect="duckdb") == [(1,)]
    assert kit.admin("status").returncode == 0
    kit.kill("route")  # it is still told of its children
    wait_until(lambda: (kit.pid("route") or before["route"]) != before["route"], 10)
    assert kit.query("select 1", dialect="duckdb") == [(1,)]


# ---- its end -----------------------------------------------------------------------------------------------------------


def test_ctrl_c_drains(state, made):
    """A statement that runs is answered; new clients are refused; then all are gone and the status is 0."""
    u = Up(state, made, "--port-offset", str(free_offset()))
    with Raw(u.port()) as c:
        c.begin()
        c.send(query("select sum(a.range) from range(3000) a, range(100000) b where a.range <= b.range"))
        time.sleep(0.2)
        u.child.send_signal(signal.SIGINT)
        got = c.until_ready()
        assert any(kind == "D" for kind, _ in got), got
        assert [kind for kind, _ in c.closed()] == ["E"]  # told to go
    assert u.end() == 0
    assert not ours(str(state))


def long_statement(u):
    c = Raw(u.port()).begin()
    c.send(query("select sum(a.range * b.range) from range(10000000) a, range(10000000) b"))
    time.sleep(0.3)
    return c


def test_second_ctrl_c_kills(state, made):
    u = Up(state, made, "--port-offset", str(free_offset()))
    with long_statement(u):
        u.child.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert u.child.poll() is None
        u.child.send_signal(signal.SIGINT)
        begin = time.monotonic()
        u.child.wait(10 * SLOW)
        assert time.monotonic() - begin < 2 * SLOW
    assert not ours(str(state))


def test_kill_9_of_up_leaves_nothing(state, made):
    """Its children end by themselves, and so does the directory."""
    u = Up(state, made, "--port-offset", str(free_offset()), "--exec", f"touch {state}/began; sleep 100")
    wait_until(lambda: (state / "began").exists(), 30)
    u.child.kill()
    u.child.wait()
    wait_until(lambda: not ours(str(state)), 10)
    wait_until(lambda: not list(made.iterdir()), 5)


def test_kill_9_of_up_with_work_at_hand(state, made):
    u = Up(state, made, "--port-offset", str(free_offset()))
    with Raw(u.port()) as c:
        c.begin()
        c.ask("begin")
        c.ask("create table half(i int)")
        u.child.kill()
        u.child.wait()
    wait_until(lambda: not ours(str(state)), 15)
    wait_until(lambda: not list(made.iterdir()), 5)
    done = up(state, "--port-offset", str(free_offset()), "--exec",
              DUCK + "psql -XAtc \"select count(*) from duckdb_tables where table_name = 'half'\"", XDG_RUNTIME_DIR=str(made))
    assert done.stdout == "0\n", done.stderr


def test_given_directory_keeps_no_sockets(start):
    """Of a given runtime directory only locks and the journal stay: those know the epochs."""
    kit = start()
    assert kit.query("select 1", dialect="duckdb") == [(1,)]
    kit.stop()
    left = sorted(p.name for p in kit.run_dir.iterdir())
    assert all(name.endswith((".lock", ".journal")) for name in left), left


@pytest.mark.parametrize("busy", ["statement", "transaction", "idle transaction", "queue", "stalled"])
def test_dispatch_stops_with_work_left(start, busy):
    """SIGTERM to qf-dispatch alone: after the drain time what still runs is interrupted, and it ends as it should."""
    kit = start(CONFIG.replace("queryflux:", "queryflux:\n  shutdownDrainTimeoutSecs: 1").replace("maxRunningQueries: 8", "maxRunningQueries: 2"))
    kit.query("create table kept as select 1 as i", dialect="duckdb")
    results = []

    def one(sql, in_transaction=False):
        with kit.connect("duckdb") as c:
            try:
                if in_transaction:
                    c.execute("begin")
                    c.execute("insert into kept values (2)")
                results.append(c.execute(sql).fetchall() if sql else None)
                if in_transaction:
                    time.sleep(2)
                    c.execute("commit")
            except psycopg.Error as e:
                results.append(e.sqlstate)

    endless = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    if busy == "stalled":
        c = Raw(kit.port)
        c.begin()
        c.send(query("select * from range(1000000000)"))
        threads = []
    else:
        n = 5 if busy == "queue" else 1
        threads = [threading.Thread(target=one, args=("select 1" if busy == "idle transaction" else endless, "transaction" in busy)) for _ in range(n)]
    for t in threads:
        t.start()
    time.sleep(0.7)
    old = kit.kill("dispatch", signal.SIGTERM)
    kit.wait_restarted("dispatch", old)
    for t in threads:
        t.join(10 * SLOW)
        assert not t.is_alive()
    log = kit.log_text()
    assert "qf-dispatch  | ended with status 0, restarted" in log, log[-2000:]
    assert kit.query("select * from kept", dialect="duckdb") == [(1,)]
    for r in results:
        assert r in ("57P01", "57P03", "25P02", [(1,)]), results


@pytest.mark.parametrize("busy, said", [("read", "57P01"), ("write", "08007"), ("block", "57P01"), ("idle block", "57P01")])
def test_listen_stops_with_work_left(start, busy, said):
    """SIGTERM to qf-listen alone: after the drain time each client hears what became of its statement."""
    kit = start(CONFIG.replace("queryflux:", "queryflux:\n  shutdownDrainTimeoutSecs: 1"))
    endless = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    with Raw(kit.port) as c:
        c.begin(options="-c queryflux.dialect=duckdb")
        if "block" in busy:
            for sql in ("begin", "create table kept as select 1 as i"):
                c.ask(sql)
        if busy != "idle block":
            c.send(query(f"create table made as {endless}" if busy == "write" else endless))
        time.sleep(0.5)
        old = kit.kill("listen", signal.SIGTERM)
        got = c.closed()
    assert [kind for kind, _ in got] == ["E"] and (error(got)["S"], error(got)["C"]) == ("FATAL", said), got
    kit.wait_restarted("listen", old)
    wait_until(lambda: kit.answers())
    assert kit.query("select count(*) from duckdb_tables() where table_name = 'kept'", dialect="duckdb") == [(0,)]


# ---- the operator's commands -------------------------------------------------------------------------------------------


def test_status_events_reload(kit):
    assert kit.query("select 'seen' as x", dialect="duckdb") == [("seen",)]
    rows = [line.split() for line in kit.admin("status").stdout.splitlines()]
    assert {r[0] for r in rows} >= {"listen", "route", "dispatch", "admin"} and all(r[4] == "up" for r in rows)
    assert len({r[3] for r in rows if r[1] == "0"}) == 1, "one configuration id"
    for r in rows:
        if r[1] == "0":
            assert int(r[2]) == kit.pid(r[0])
    time.sleep(0.3)
    seen = [json.loads(line) for line in kit.admin("events").stdout.splitlines()]
    ended = [e for e in seen if e["event"] == "ended"][-1]
    assert ended["user"] == "tester" and ended["group"] == "default" and ended["sqlstate"] == "00000" and ended["rows"] == 1
    done = kit.admin("-c", str(kit.config), "reload")
    assert done.returncode == 0 and done.stdout.count("told to reload") >= 4


@pytest.mark.parametrize("command", ["status", "events", "reload"])
def test_no_service_is_status_4(tmp_path, command):
    done = subprocess.run([str(BIN / "qf-admin"), command], env=clean_env(tmp_path, QF_RUNTIME_DIR=str(tmp_path)), capture_output=True,
                          text=True, timeout=20 * SLOW)
    assert done.returncode == 4 and str(tmp_path) in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words, message", [
    (["statsu"], 'did you mean "status"?'),
    ([], "a command is needed"),
    (["up", "now"], '"now" is one word too many'),
    (["status", "now"], '"now" is one word too many'),
    (["reload", "all"], '"all" is one word too many'),
    (["--port-ofset", "1", "up"], "did you mean --port-offset?"),
    (["up", "--exec"], "needs an argument"),
])
def test_words_that_are_wrong(tmp_path, words, message):
    done = subprocess.run([str(BIN / "qf-admin"), *words], env=clean_env(tmp_path, QF_RUNTIME_DIR=str(tmp_path)), capture_output=True,
                          text=True, timeout=20 * SLOW)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_not_there(state, tmp_path, made):
    """One that cannot be started at all ends it, with the path that was tried."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("qf-admin", "qf-listen", "qf-route", "qf-dispatch"):
        (bin_dir / name).write_bytes((BIN / name).read_bytes())
        (bin_dir / name).chmod(0o755)
    done = subprocess.run([str(bin_dir / "qf-admin"), "up", "--port-offset", str(free_offset())], capture_output=True, text=True,
                          env=clean_env(state, XDG_RUNTIME_DIR=str(made)), timeout=40 * SLOW, stdin=subprocess.DEVNULL)
    assert done.returncode == 127 and f"{bin_dir}/qf-translate: No such file" in done.stderr, done.stderr


def test_a_program_that_never_gets_ready(state, tmp_path, made):
    """Status 4, as for a service that is not there; what started is stopped."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("qf-admin", "qf-listen", "qf-dispatch", "qf-translate"):
        (bin_dir / name).symlink_to(BIN / name)
    (bin_dir / "qf-admin").unlink()
    (bin_dir / "qf-admin").write_bytes((BIN / "qf-admin").read_bytes())
    (bin_dir / "qf-admin").chmod(0o755)
    (bin_dir / "qf-route").write_text("#!/bin/sh\nsleep 0.2\nexit 1\n")
    (bin_dir / "qf-route").chmod(0o755)
    done = subprocess.run([str(bin_dir / "qf-admin"), "up", "--port-offset", str(free_offset()), "--exec", "echo never"], capture_output=True,
                          text=True, env=clean_env(state, XDG_RUNTIME_DIR=str(made)), timeout=40 * SLOW, stdin=subprocess.DEVNULL)
    assert done.returncode == 4 and "never" not in done.stdout, (done.returncode, done.stderr)
