"""A PostgreSQL server of our own for a test, in a directory that goes with it."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import psycopg

VERSIONS = pathlib.Path("/usr/lib/postgresql")


def binaries():
    found = sorted((p for p in VERSIONS.glob("*/bin") if (p / "initdb").exists()), key=lambda p: int(p.parent.name))
    return found[-1] if found else None


class Server:
    """initdb refuses to run as root, so that root asks the user postgres to."""

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
        options = f"-p {self.port} -k {self.dir} " + " ".join(f"-c {k}={v}" for k, v in self.settings.items())
        self.run("pg_ctl", "-D", self.dir / "data", "-w", "-l", self.dir / "log", "-o", options, "start")

    def run(self, name, *args):
        done = subprocess.run([*self.user, str(binaries() / name), *map(str, args)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, cwd=self.dir)
        assert done.returncode == 0, done.stderr

    def connect(self, **kw):
        kw = {"user": "tester", "dbname": "postgres", "autocommit": True, **kw}
        return psycopg.connect(host="127.0.0.1", port=self.port, **kw)

    def halt(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.dir / "data", "-m", mode, "stop")

    def stop(self):
        try:
            self.halt()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
