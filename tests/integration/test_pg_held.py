"""Connections that are held for a session, and what becomes of them and their slots when their holder goes."""
import time

import psycopg
import pytest

import pgkit
from conftest import SLOW, wait_until
from pgwire import Wire, describe, line, parse, sync

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120 * SLOW)]

SHARED = """
queryflux:
  idleInTransactionTimeoutSecs: 1
  clientStallTimeoutSecs: 1
  frontends:
    postgresWire: {{{{ enabled: true, port: {{port}} }}}}
clusters:
  main: {{{{ engine: postgres, endpoint: "{url}", poolSize: {pool}{keys} }}}}
clusterGroups:
  default: {{{{ maxRunningQueries: 4, members: [main] }}}}
  other: {{{{ maxRunningQueries: 4, members: [main] }}}}
routers:
  - {{{{ type: userGroup, userToGroup: {{{{ other: other }}}} }}}}
routingFallback: default
"""


@pytest.fixture
def shared(pg, tmp_path):
    kits = []

    def begin(pool=1, keys=""):
        directory = tmp_path / f"kit{len(kits)}"
        directory.mkdir()
        kit = pgkit.PgToolkit(directory, SHARED.format(url=pg.url(), pool=pool, keys=keys), None)
        kits.append(kit)
        kit.start()
        return kit

    yield begin
    for kit in kits:
        pgkit.sound(kit)
        kit.stop()


def test_a_listener_that_dies_leaves_nothing(pg, shared):
    """Its transactions are rolled back, its locks are gone, and their slots and connections serve the next."""
    pg.sql("create table if not exists held_t(a int)")
    kit = shared(pool=2)
    with Wire(kit.target()).begin() as w, Wire(kit.target()).begin() as locks:
        w.ask("begin")
        w.ask("insert into held_t values (1)")
        locks.ask("select pg_advisory_lock(4711)")
        assert len(pg.backends("state = 'idle in transaction'")) == 1
        kit.kill("listen")
        wait_until(lambda: not pg.backends("state = 'idle in transaction'"), 5)
        wait_until(lambda: not pg.sql("select 1 from pg_locks where locktype = 'advisory' and objid = 4711"), 5)
    wait_until(kit.answers, 5)
    with Wire(kit.target()).begin() as a, Wire(kit.target()).begin() as b:
        a.ask("begin")
        assert line(a.ask("select 1")) == "T D C Z/T"
        assert line(b.ask("select count(*) from held_t")) == "T D C Z/I"


def test_groups_that_share_a_cluster(shared):
    """The end of a statement of one group lets the other's run."""
    kit = shared(pool=1)
    with kit.connect() as a, kit.connect(user="other") as b:
        a.execute("select 1")
        b.execute("select 1")
        with a.pipeline():
            a.execute("select pg_sleep(1)")
            begin = time.monotonic()
            assert b.execute("select 2").fetchone() == (2,)
            assert time.monotonic() - begin < 8 * SLOW


def test_what_is_held_has_no_idle_limit(pg, shared):
    """A transaction's limit is not that of the session that began it."""
    kit = shared(pool=2)
    with Wire(kit.target()).begin() as w:
        w.ask("select pg_advisory_lock(4712)")
        w.ask("begin")
        w.ask("select 1")
        w.ask("commit")
        time.sleep(3)
        assert pg.sql("select 1 from pg_locks where locktype = 'advisory' and objid = 4712")
        assert line(w.ask("select pg_advisory_unlock(4712)")) == "T D C Z/I"


def test_what_is_held_is_lost_during_a_statement(shared):
    """The session ends: it would go on without what it believes to have."""
    kit = shared(pool=2)
    with kit.connect() as c:
        c.execute("create temporary table held_mine(a int)")
        with pytest.raises(psycopg.OperationalError):
            c.execute("select pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(psycopg.OperationalError):
            c.execute("select 1")
            c.execute("select 1")
        assert c.closed


def test_described_beside_full_slots(shared):
    """With every slot held by a session, another one's Parse is described, and leaves nothing behind."""
    kit = shared(pool=1, keys=", poolMode: session")
    with Wire(kit.target()).begin() as w:
        w.ask("select 1")
        for _ in range(2):
            with Wire(kit.target()).begin() as other:
                assert line(other.talk(parse("select $1::int", "s"), describe("S", "s"), sync())) == "1 t T Z/I"
    with Wire(kit.target()).begin() as w:
        assert line(w.ask("select 1")) == "T D C Z/I"
