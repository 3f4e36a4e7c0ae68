"""What a service manager is told by each program: ready, reloading and how that went, alive, stopping."""
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import BIN, PROGRAMS, SLOW, free_port

CONFIG = """
queryflux:
  frontends:
    trinoHttp: {{ enabled: false }}
    postgresWire: {{ enabled: true, port: {port} }}
  adminApi: {{ port: {admin} }}
  shutdownDrainTimeoutSecs: 77
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{dir}/test.duckdb" }}
clusterGroups:
  default: {{ maxRunningQueries: 8, members: [duckdb] }}
routingFallback: default
"""


class Manager:
    """One program with the socket and the variables that systemd gives it."""

    def __init__(self, program, directory, watchdog_ms=None, config=CONFIG):
        self.config = directory / "queryflux.yaml"
        self.text = config.format(port=free_port(), admin=free_port(), dir=directory)
        self.config.write_text(self.text)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(directory / "notify"))
        env = {**os.environ, "QF_RUNTIME_DIR": str(directory), "QF_STATE_DIR": str(directory), "NOTIFY_SOCKET": str(directory / "notify")}
        if watchdog_ms:
            env["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        self.program = str(BIN / f"qf-{program}")
        self.env = env
        self.log = open(directory / "log", "ab")
        self.child = subprocess.Popen([self.program, "--serve", "-c", str(self.config)], env=env, stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log)

    def told(self, seconds=15):
        """The next message that is not a sign of life, as a dictionary."""
        end = time.monotonic() + seconds * SLOW
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            message = dict(line.split("=", 1) for line in self.socket.recv(8192).decode().split("\n"))
            if "WATCHDOG" not in message:
                return message

    def pings(self, seconds):
        n, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                n += self.socket.recv(8192).startswith(b"WATCHDOG=1")
            except TimeoutError:
                break
        return n

    def close(self):
        self.child.kill()
        self.child.wait()
        self.socket.close()
        self.log.close()


@pytest.fixture
def manage(tmp_path):
    made = []

    def begin(program, **kw):
        made.append(Manager(program, tmp_path, **kw))
        return made[-1]

    yield begin
    for m in made:
        m.close()


@pytest.mark.parametrize("program", PROGRAMS)
def test_life(manage, program):
    m = manage(program)
    ready = m.told()
    assert ready["READY"] == "1" and ready["STATUS"].startswith("serving, configuration "), ready

    m.config.write_text(m.text + "nonsense: 1\n")
    m.child.send_signal(signal.SIGHUP)
    reloading, refused = m.told(), m.told()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert refused["READY"] == "1" and refused["STATUS"].startswith("reload refused: ") and "nonsense" in refused["STATUS"]

    m.config.write_text(m.text.replace("maxRunningQueries: 8", "maxRunningQueries: 7"))
    m.child.send_signal(signal.SIGHUP)
    assert m.told()["RELOADING"] == "1"
    taken = m.told()
    assert taken["READY"] == "1" and taken["STATUS"].startswith("serving, configuration ") and taken != ready

    m.child.send_signal(signal.SIGTERM)
    stopping = m.told()
    assert stopping["STOPPING"] == "1"
    if program in ("listen", "dispatch"):  # it may need longer than TimeoutStopSec= of its unit
        assert stopping["STATUS"] == "draining" and int(stopping["EXTEND_TIMEOUT_USEC"]) > 77_000_000
    assert m.child.wait(10 * SLOW) == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_bad_configuration(manage, program):
    m = manage(program, config=CONFIG + "nonsense: 1\n")
    told = m.told()
    assert "READY" not in told and "nonsense" in told["STATUS"]
    assert m.child.wait(10 * SLOW) == 2


def test_check_before_reload(manage):
    """`-t` as ExecReload= says in the status why nothing was reloaded, and nothing when all is well."""
    m = manage("route")
    m.told()
    check = [m.program, "-t", "-c", str(m.config)]
    assert subprocess.run(check, env=m.env, capture_output=True, timeout=20 * SLOW).returncode == 0
    m.config.write_text(m.text + "nonsense: 1\n")
    assert subprocess.run(check, env=m.env, capture_output=True, timeout=20 * SLOW).returncode == 2
    told = m.told()
    assert list(told) == ["STATUS"] and told["STATUS"].startswith("reload refused: ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_signs_of_life(manage, program):
    """Twice in each watchdog time, from the loop: nothing when it stands still."""
    m = manage(program, watchdog_ms=400)
    m.told()
    assert 3 <= m.pings(1.6) <= 10
    m.child.send_signal(signal.SIGSTOP)
    m.pings(0.2)
    assert m.pings(0.8) == 0
    m.child.send_signal(signal.SIGCONT)
    assert m.pings(1) >= 2
