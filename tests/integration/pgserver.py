"""A PostgreSQL server of our own for a test, in a directory that goes with it."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg

VERSIONS = pathlib.Path("/usr/lib/postgresql")


def binaries():
    found = sorted((p for p in VERSIONS.glob("*/bin") if (p / "initdb").exists()), key=lambda p: int(p.parent.name))
    return found[-1] if found else None


class Server:
    """initdb refuses to run as root, so that root asks the user postgres to. A test that is killed takes its server along."""

    SETTINGS = {"listen_addresses": "127.0.0.1", "timezone": "UTC", "fsync": "off", "max_connections": "20"}

    def __init__(self, hba=None, **settings):
        """hba: lines of pg_hba.conf; without them everybody is trusted."""
        self.settings = {**self.SETTINGS, **settings}
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="qfpg"))
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.dir, "postgres", "postgres")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        try:
            self.run("initdb", "-D", self.dir / "data", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "tester", "--no-sync")
            if hba:
                (self.dir / "data/pg_hba.conf").write_text("\n".join(hba) + "\n")
            self.start()
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def start(self):
        settings = [word for k, v in self.settings.items() for word in ("-c", f"{k}={v}")]
        argv = ["setpriv", "--pdeathsig=QUIT", *self.user[1:], str(binaries() / "postgres"), "-D", str(self.dir / "data"), "-p", str(self.port),
                "-k", str(self.dir), *settings]
        with open(self.dir / "log", "ab") as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir)
        end = time.monotonic() + 60
        while True:
            try:
                return self.connect(dbname="postgres").close()
            except psycopg.OperationalError as e:
                assert self.child.poll() is None and time.monotonic() < end, f"{e}\n{(self.dir / 'log').read_text()[-3000:]}"
                time.sleep(0.05)

    def run(self, name, *args):
        done = subprocess.run([*self.user, str(binaries() / name), *map(str, args)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, cwd=self.dir)
        assert done.returncode == 0, done.stderr

    def connect(self, **kw):
        kw = {"user": "tester", "dbname": "postgres", "autocommit": True, **kw}
        return psycopg.connect(host="127.0.0.1", port=self.port, **kw)

    def halt(self, how=signal.SIGQUIT):
        """SIGQUIT: at once, as in a crash; SIGINT: ends its sessions first."""
        self.child.send_signal(how)
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise

    def stop(self):
        try:
            if self.child.poll() is None:
                self.halt()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
