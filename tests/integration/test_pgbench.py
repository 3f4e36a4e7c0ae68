"""pgbench as it is: 32 clients on 8 pooled connections, in each of its protocols, and the money adds up."""
import re
import subprocess
import threading

import pytest

import pgkit
from conftest import SLOW
from pgserver import binaries

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(240 * SLOW)]
CLIENTS, POOL, SECONDS = 32, 8, 3


@pytest.fixture(scope="module")
def front(pg, tmp_path_factory):
    pgbench(pg.target(), "-i", "-q")
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("front") / "kit", pool=POOL, running=POOL)) as kit:
        yield kit


def pgbench(target, *options):
    argv = [str(binaries() / "pgbench"), "-h", "127.0.0.1", "-p", str(target.port), "-U", target.user, *options, target.database]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120 * SLOW)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return done.stdout


def number(report, what):
    return int(re.search(rf"^number of {what}: (\d+)", report, re.M)[1])


class Watch(threading.Thread):
    """The most connections that the server has seen at once."""

    def __init__(self, pg):
        super().__init__()
        self.pg, self.most, self.over = pg, 0, threading.Event()

    def run(self):
        with self.pg.connect() as c:
            while not self.over.wait(0.1):
                (n,) = c.execute("select count(*) from pg_stat_activity where datname = current_database() and"
                                 " backend_type = 'client backend' and pid <> pg_backend_pid()").fetchone()
                self.most = max(self.most, n)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def sums(pg):
    return [pg.sql(f"select coalesce(sum({column}), 0)::bigint from pgbench_{table}")[0][0] for column, table in (
        ("abalance", "accounts"), ("tbalance", "tellers"), ("bbalance", "branches"), ("delta", "history"))]


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
@pytest.mark.parametrize("script", ["select-only", "tpcb-like"])
def test_pgbench(pg, front, script, protocol):
    before = sums(pg)
    with Watch(pg) as watch:
        report = pgbench(front.target(), "-M", protocol, "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS * SLOW), "-b", script)
    assert number(report, "failed transactions") == 0, report
    done = number(report, "transactions actually processed")
    assert done > CLIENTS, report
    assert 0 < watch.most <= POOL + 2, "more connections than the pool has, and two that look things up"
    after = sums(pg)
    moved = [b - a for a, b in zip(before, after)]
    assert after[0] == after[1] == after[2], after
    if script == "tpcb-like":
        assert moved[0] == moved[1] == moved[2] == after[3], "pgbench empties its history before it begins"
        assert pg.sql("select count(*) from pgbench_history") == [(done,)]


def test_a_connection_for_each_transaction(pg, front):
    report = pgbench(front.target(), "-n", "-C", "-M", "extended", "-c", "8", "-T", str(2 * SLOW), "-b", "select-only")
    assert number(report, "failed transactions") == 0 and number(report, "transactions actually processed") > 8, report
