"""PostgreSQL for the tests of the engine `postgres`: a server of our own, and toolkits in front of it or of DuckDB.

A Target is a place that a client can go to. The same test runs on the server itself, which gives what is right, and on
a toolkit in front of it, which has to be the same.
"""
import contextlib
import dataclasses
import subprocess

import psycopg
import pytest

from conftest import BIN, Toolkit, free_port, wait_until
from pgserver import Server, binaries

PASSWORD = "it's a/secret@50%:"
URL_PASSWORD = "it%27s%20a%2Fsecret%4050%25%3A"
DATABASE = "bank"
# Who connects how: tester is trusted, the others have PASSWORD.
HBA = [f"{kind} {database} {user} {address} {method}" for kind, address in (("local", ""), ("host", "127.0.0.1/32"))
       for database, user, method in (("all", "scram", "scram-sha-256"), ("all", "md5", "md5"), ("all", "all", "trust"))]


class Cluster(Server):
    """user tester owns the database bank; scram and md5 are users with a password, plain is one without rights."""

    def __init__(self, **settings):
        super().__init__(HBA, **{"max_connections": "100", "log_min_messages": "warning", **settings})
        try:
            with self.connect(dbname="postgres") as c:
                c.execute(f"create database {DATABASE}")
                for user, kind in (("scram", "scram-sha-256"), ("md5", "md5")):
                    c.execute(f"set password_encryption = '{kind}'")
                    c.execute(psycopg.sql.SQL("create role {} login superuser password {}").format(psycopg.sql.Identifier(user), PASSWORD))
                c.execute("create role plain login")
        except BaseException:
            self.stop()
            raise

    def connect(self, **kw):
        return super().connect(**{"dbname": DATABASE, **kw})

    def url(self, user="tester", password=None, database=DATABASE, port=None):
        login = f"{user}:{password}" if password else user
        return f"postgres://{login}@127.0.0.1:{port or self.port}/{database}"

    def sql(self, text, params=None, **kw):
        """Rows of one statement on a connection of its own, past every toolkit."""
        with self.connect(**kw) as c:
            cur = c.execute(text, params)
            return cur.fetchall() if cur.description else cur.statusmessage

    def backends(self, where="true"):
        """(pid, user, application_name, state, query) of all that are connected to the database, but for this question."""
        return self.sql("select pid, usename, application_name, state, query from pg_stat_activity where datname = current_database()"
                        f" and backend_type = 'client backend' and pid <> pg_backend_pid() and ({where}) order by pid")

    def running(self, text):
        """Pids that run a statement now with this text in it."""
        return [b[0] for b in self.backends(f"state = 'active' and position('{text}' in query) > 0")]

    def terminate(self, where="true"):
        return len(self.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                            f" and backend_type = 'client backend' and pid <> pg_backend_pid() and ({where})"))

    def target(self):
        return Target("direct", self.port, DATABASE)


CONFIG = """
queryflux:
  frontends:
    postgresWire: {{{{ enabled: true, port: {{port}} }}}}
clusters:
  {cluster}
clusterGroups:
  default: {{{{ maxRunningQueries: {running}, members: [main]{group} }}}}
routingFallback: default
"""


class PgToolkit(Toolkit):
    """A toolkit whose clients speak PostgreSQL's dialect; behind it the engine `postgres`, or DuckDB in a file."""

    def connect(self, dialect=None, **kw):
        return super().connect(dialect, **{"dbname": DATABASE, **kw})

    def answers(self):
        try:
            with self.connect(connect_timeout=2) as c:
                return c.execute("select 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    def target(self, name="toolkit"):
        return Target(name, self.port, DATABASE, self)


def toolkit(directory, cluster, running=16, group="", env=None):
    directory.mkdir(exist_ok=True)
    kit = PgToolkit(directory, CONFIG.format(cluster=cluster, running=running, group=group), env)
    return kit.start()


def before(server, directory, pool=8, running=16, group="", env=None, url=None, **keys):
    """A running toolkit in front of the server; keys are those of the cluster."""
    extra = "".join(f", {k}: {v}" for k, v in keys.items())
    endpoint = (url or server.url()).replace("{", "{{").replace("}", "}}")
    return toolkit(directory, f'main: {{{{ engine: postgres, endpoint: "{endpoint}", poolSize: {pool}{extra} }}}}', running, group, env)


def before_duckdb(directory, running=16, **kw):
    return toolkit(directory, 'main: {{ engine: duckDb, databasePath: "{state}/bank.duckdb" }}', running, **kw)


@contextlib.contextmanager
def second_listener(kit):
    """Another qf-listen of the same toolkit, on a port of its own: a target."""
    port, config = free_port(), kit.dir / "second.yaml"
    config.write_text(kit.config.read_text().replace(f"port: {kit.port} ", f"port: {port} "))
    with open(kit.log_path, "ab") as log:
        child = subprocess.Popen([str(BIN / "qf-listen"), "--serve", "--instance", "second", "-c", str(config)], env=kit.env,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    target = Target("second listener", port, DATABASE, kit)

    def answers():
        try:
            return target.connect(connect_timeout=2).close() is None
        except psycopg.Error:
            return False

    try:
        wait_until(answers)
        yield target
    finally:
        child.terminate()
        child.wait(20)


def sound(kit):
    """What every toolkit is asked at its end: did nothing of it crash?"""
    log = kit.log_text()
    for mark in ("assertion", "AddressSanitizer", "runtime error:", "LeakSanitizer", "killed by signal 6", "killed by signal 11"):
        assert mark not in log, log[-4000:]


@contextlib.contextmanager
def ending(kit):
    try:
        yield kit
    finally:
        kit.stop()
        sound(kit)


@dataclasses.dataclass
class Target:
    name: str
    port: int
    database: str
    kit: PgToolkit | None = None
    user: str = "tester"
    host: str = "127.0.0.1"

    @property
    def direct(self):
        return self.kit is None

    def connect(self, **kw):
        kw = {"user": self.user, "dbname": self.database, "autocommit": True, "connect_timeout": 20, "sslmode": "disable", **kw}
        return psycopg.connect(host="127.0.0.1", port=self.port, **kw)

    def dsn(self, **kw):
        return dict(host=self.host, port=self.port, user=self.user, database=self.database, ssl=False, **kw)

    def jdbc(self):
        return {"user": self.user, "sslmode": "disable"}


needs_postgres = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed (apt-get install postgresql)")


def settled(what, value, seconds=5):
    """Waits until what() is the value; fails with what it is instead."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: what() == value, seconds)
    assert what() == value
