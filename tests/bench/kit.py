"""The programs that are measured, each in a directory of its own, and the client that measures them."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = TOP / "build/release/bench"
PROGRAMS = ("listen", "route", "dispatch", "translate", "admin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_ns(pid):
    """What the threads of a process have run so far."""
    return sum(int((t / "schedstat").read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").iterdir())


def pss(pid):
    """Bytes of memory, what it shares divided by those that share it."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024


class Kit:
    """Starts programs and stops them all; `seconds` is the time there is for the measures."""

    def __init__(self, top, seconds):
        self.top = pathlib.Path(top)
        self.until = time.monotonic() + seconds
        self.running = []
        self.env = {**os.environ, "QF_LIBDIR": str(TOP / "build/lib/queryflux")}

    def left(self):
        return max(1.0, self.until - time.monotonic())

    def start(self, name, argv, config=""):
        """{config}, {dir} and {run} in argv and configuration stand for the program's own file and directories."""
        own = self.top / name
        for d in (own, own / "run", own / "state"):
            d.mkdir()
        places = {"config": own / "queryflux.yaml", "dir": own, "run": own / "run"}
        places["config"].write_text(config.replace("{dir}", str(own)))
        env = {**self.env, "QF_RUNTIME_DIR": str(own / "run"), "QF_STATE_DIR": str(own / "state")}
        env.pop("QF_CONFIG", None)
        with open(own / "log", "wb") as log:
            child = subprocess.Popen([a.format(**places) for a in argv], env=env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=log, text=True)
        self.running.append((name, child))
        return child

    def failed(self, name, what):
        raise SystemExit(f"{what} did not start: {(self.top / name / 'log').read_text().strip()}")

    def start_printing_port(self, name, *argv, config=""):
        line = self.start(name, argv, config).stdout.readline().strip()
        return int(line) if line else self.failed(name, name)

    def start_toolkit(self, name, config):
        child = self.start(name, [str(TOP / "build/bin/qf-admin"), "up", "-c", "{config}"], config)
        for line in child.stdout:
            if "operator" in line:  # the end of the table of endpoints
                return {p: self.pid_of(name, p) for p in PROGRAMS}
        return self.failed(name, "qf-admin up")

    def pid_of(self, name, program):
        return int((self.top / name / "run" / f"{program}-0.lock").read_text().split()[0])

    @staticmethod
    def client_argv(targets, options, program="client"):
        flags = [w for key, value in options.items() for w in ([f"-{key}"] if value is True else [f"-{key}", str(value)])]
        return [str(BENCH / program), *flags, *targets]

    def client(self, targets, sql="SELECT 1", **options):
        """{name: what the client measured}"""
        argv = self.client_argv(targets, {"q": sql, "s": int(self.left()), **options})
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=self.left() + 10)
        if done.returncode:
            raise SystemExit("the client failed")
        return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}

    def stop(self):
        for name, child in reversed(self.running):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop", file=sys.stderr)
                child.kill()
                child.wait()
            child.stdout.close()
