"""The toolkit as a user starts it: `qf-admin up` on a configuration, in a directory of its own."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import psycopg
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("QF_BINDIR", TOP / "build/bin"))
SLOW = 4 if "asan" in str(BIN) else 1
PROGRAMS = ("admin", "translate", "dispatch", "route", "listen")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, seconds=10, every=0.02):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"not within {seconds * SLOW} s: {what}")


def with_trino(config):
    """The Trino frontend is on unless a configuration says otherwise: with a port of its own, as tests run side by side."""
    if "trinoHttp" in config:
        return config
    return re.sub(r"^( +)(?=postgresWire:)", r"\1trinoHttp: {{ enabled: true, port: {trino} }}\n\1", config, count=1, flags=re.M)


class Toolkit:
    """One `qf-admin up`. The port is the PostgreSQL one, trino_port the Trino one."""

    def __init__(self, directory, config=None, env=None):
        self.dir = pathlib.Path(directory)
        self.run_dir = self.dir / "run"
        self.state_dir = self.dir / "state"
        self.run_dir.mkdir(exist_ok=True)
        self.state_dir.mkdir(exist_ok=True)
        self.port = free_port()
        self.trino_port = free_port()
        self.config = None
        if config is not None:
            self.config = self.dir / "queryflux.yaml"
            self.config.write_text(with_trino(config).format(port=self.port, trino=self.trino_port, state=self.state_dir, dir=self.dir))
        self.env = {**os.environ, "QF_RUNTIME_DIR": str(self.run_dir), "QF_STATE_DIR": str(self.state_dir), **(env or {})}
        self.env.pop("QF_CONFIG", None)
        self.log_path = self.dir / "up.log"

    def start(self, *options):
        argv = [str(BIN / "qf-admin"), "up", *options]
        if self.config:
            argv += ["-c", str(self.config)]
        self.log = open(self.log_path, "ab")
        self.out_path = self.dir / "up.out"
        self.out = open(self.out_path, "wb")
        self.child = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.log)
        table = wait_until(lambda: self.child.poll() is not None or "psql -h" in self.out_path.read_text(), 30)
        assert self.child.poll() is None and table, self.log_text()
        self.port = int(re.search(r"psql -h \S+ -p (\d+)", self.out_path.read_text()).group(1))
        trino = re.search(r"trino --server http://\S+:(\d+)", self.out_path.read_text())
        self.trino_port = int(trino.group(1)) if trino else None
        wait_until(self.answers, 20)
        return self

    def answers(self):
        try:
            with self.connect("duckdb", connect_timeout=2) as c:
                return c.execute("select 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def connect(self, dialect=None, user="tester", options="", **kw):
        if dialect:
            options += f" -c queryflux.dialect={dialect}"
        kw.setdefault("connect_timeout", 20)
        return psycopg.connect(host="127.0.0.1", port=self.port, user=user, dbname=kw.pop("dbname", "queryflux"),
                               options=options or None, autocommit=True, prepare_threshold=None, sslmode="disable", **kw)

    def query(self, sql, **kw):
        with self.connect(**kw) as c:
            cur = c.execute(sql)
            return cur.fetchall() if cur.description else cur.statusmessage

    def pid(self, program):
        try:
            pid = int((self.run_dir / f"{program}-0.lock").read_text().split()[0])
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError, IndexError):
            return None

    def kill(self, program, sig=signal.SIGKILL):
        pid = wait_until(lambda: self.pid(program))
        os.kill(pid, sig)
        return pid

    def wait_restarted(self, program, old):
        return wait_until(lambda: (self.pid(program) or old) != old and self.pid(program), 20)

    def rss(self, program):
        text = pathlib.Path(f"/proc/{self.pid(program)}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def admin(self, *words):
        return subprocess.run([str(BIN / "qf-admin"), *words], env=self.env, capture_output=True, text=True, timeout=20 * SLOW)

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(40 * SLOW)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise AssertionError("qf-admin up did not stop\n" + self.log_text()[-3000:])
        self.log.close()
        self.out.close()


CONFIG = """
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{state}/test.duckdb" }}
clusterGroups:
  default: {{ maxRunningQueries: 8, members: [duckdb] }}
routers: # one looks at the text, so that each statement goes round the whole ring
  - {{ type: queryRegex, rules: [ {{ regex: no statement of a test, targetGroup: default }} ] }}
routingFallback: default
"""


@pytest.fixture
def start(tmp_path):
    """start(config) → a running toolkit; all are stopped at the end, and none may have crashed on its own."""
    running = []

    def begin(config=CONFIG, *options, env=None):
        directory = tmp_path / f"t{len(running)}"
        directory.mkdir()
        kit = Toolkit(directory, config, env)
        running.append(kit)
        return kit.start(*options)

    yield begin
    for kit in running:
        kit.stop()
        log = kit.log_text()
        for mark in ("assertion", "AddressSanitizer", "runtime error:", "LeakSanitizer", "killed by signal 6",
                     "killed by signal 11"):
            assert mark not in log, log[-4000:]


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """One toolkit for the tests of a module that only ask."""
    k = Toolkit(tmp_path_factory.mktemp("kit"), CONFIG).start()
    yield k
    k.stop()


@pytest.fixture(scope="session")
def pg():
    """A PostgreSQL server for all tests that ask for one (pgkit.py)."""
    import pgkit
    cluster = pgkit.Cluster()
    yield cluster
    cluster.stop()
