"""What a client of PostgreSQL can go to in the bench: a server of our own, and PgBouncer in front of it."""
import os
import shutil
import socket
import subprocess
import sys
import time

from kit import TOP, free_port

sys.path[:0] = [str(TOP / "tests/integration"), str(TOP / "build/venv/lib/python3.11/site-packages")]
from pgserver import Server, binaries  # noqa: E402 # where the tests have it

USER, DATABASE = "bench", "queryflux"  # as in startup.h
ACCOUNTS = 500000  # five times pgbench's own unit
ROWS = 1000000
TABLES = f"""
create table items as select i::bigint as id, 'item number ' || i as name, (i % 100003) / 100.0::numeric(12,2) as price,
    timestamptz '2020-01-01 00:00:00+00' + i * interval '7 seconds' as made, i % 3 = 0 as sold, sqrt(i) as weight
from generate_series(1, {ROWS}) i;
"""


class Postgres(Server):
    """The user bench owns the database queryflux with pgbench's tables and a table of a million rows."""

    def __init__(self):
        super().__init__(max_connections="100", shared_buffers="512MB", max_wal_size="4GB", autovacuum="off")
        try:
            with self.connect() as c:
                c.execute(f"create role {USER} login superuser")
                c.execute(f"create database {DATABASE} owner {USER}")
            self.pgbench(self.port, "-i", "-q", "-s", str(ACCOUNTS // 100000))
            with self.connect(user=USER, dbname=DATABASE) as c:
                c.execute(TABLES)
                c.execute("vacuum analyze")
                c.execute("checkpoint")
        except BaseException:
            self.stop()
            raise

    def pgbench(self, port, *options):
        argv = [str(binaries() / "pgbench"), "-h", "127.0.0.1", "-p", str(port), "-U", USER, *options, DATABASE]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise SystemExit(f"pgbench: {done.stderr.strip()[-500:]}")
        return done.stdout


PGBOUNCER = """
[databases]
{database} = host=127.0.0.1 port={server} user={user} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 10000
client_tls_sslmode = allow
client_tls_cert_file = {dir}/cert
client_tls_key_file = {dir}/key
"""


def make_certificate(directory):
    """RSA with 2048 bits, what most have; for PgBouncer and the toolkit alike."""
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{directory}/key", "-out", f"{directory}/cert",
            "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


class PgBouncer:
    """Debian's, with transaction pooling; it refuses to run as root too."""

    def __init__(self, server, pool):
        self.port = free_port()
        own = server.dir / "pgbouncer"
        own.mkdir()
        (own / "ini").write_text(PGBOUNCER.format(database=DATABASE, user=USER, server=server.port, port=self.port, pool=pool,
                                                   dir=own))
        make_certificate(own)
        if os.geteuid() == 0:
            for path in (own, own / "key"):
                shutil.chown(path, "postgres", "postgres")
        with open(own / "log", "wb") as log:
            self.child = subprocess.Popen([*server.user, "pgbouncer", str(own / "ini")], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        raise SystemExit(f"pgbouncer did not start: {(own / 'log').read_text()}")

    @staticmethod
    def version():
        """What is installed, or None."""
        path = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        return path and subprocess.run([path, "--version"], capture_output=True, text=True).stdout.splitlines()[0]

    def stop(self):
        self.child.kill()
        self.child.wait()
