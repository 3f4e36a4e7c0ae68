"""A new configuration in a running toolkit: taken whole or not at all, and nobody's statement fails for it."""
import json
import re
import signal
import subprocess
import threading
import time

import psycopg
import pytest

from conftest import BIN, SLOW, wait_until
from hostile import MARKS, pids

BASE = r"""
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{state}/test.duckdb" }}
  slow: {{ engine: fake, script: "match seq | delay 400ms | rows 1\nmatch long | delay 2000ms | rows 1" }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
  two: {{ maxRunningQueries: 2, members: [slow] }}
routers:
  - {{ type: queryRegex, rules: [ {{ regex: "seq|long", targetGroup: two }} ] }}
routingFallback: default
"""
NAMES = ("dispatch", "translate", "route", "listen", "admin")


def ids(kit):
    rows = [line.split() for line in kit.admin("status").stdout.splitlines()]
    return {r[0]: r[3] for r in rows if r[1] == "0"}


def write(kit, change=lambda text: text):
    kit.config.write_text(change(kit.config.read_text()))


def good_id(kit):
    done = subprocess.run([str(BIN / "qf-route"), "-t", "-c", str(kit.config)], env=kit.env, capture_output=True, text=True, timeout=20 * SLOW)
    assert done.returncode == 0, done.stderr
    return re.search(r"id ([0-9a-f]{16})", done.stdout).group(1)


def reload(kit, change):
    """By the operator's command; returns when it is in force everywhere."""
    write(kit, change)
    want = good_id(kit)
    done = kit.admin("-c", str(kit.config), "reload")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: set(ids(kit).values()) == {want}, 5)
    return done


def swap(old, new):
    def change(text):
        assert old in text, old
        return text.replace(old, new)

    return change


def well(kit, before):
    assert pids(kit) == before, kit.log_text()[-3000:]
    for mark in MARKS:
        assert mark not in kit.log_text(), kit.log_text()[-3000:]


@pytest.fixture
def kit(start):
    k = start(BASE)
    k.first = pids(k)
    yield k
    well(k, k.first)


def test_command_tells_each_in_order(kit):
    done = reload(kit, swap("maxRunningQueries: 4", "maxRunningQueries: 5"))
    told = re.findall(r"qf-(\w+) \(process (\d+)\) told to reload", done.stdout)
    assert [name for name, _ in told] == ["dispatch", "translate", "route", "listen", "admin"]
    assert all(int(pid) == kit.pid(name) for name, pid in told)
    assert kit.log_text().count("is in force") == 5


def test_same_file_again_changes_nothing(kit):
    before = ids(kit)
    for change in (lambda t: t, lambda t: "# a comment\n" + t + "\n\n"):
        reload(kit, change)
        assert ids(kit) == before


@pytest.mark.parametrize("by", ["SIGHUP", "reload"])
def test_changed_limit(kit, by):
    """Two slots become four: those who wait start at once."""
    done = []
    threads = [threading.Thread(target=lambda i=i: (kit.query(f"select {i} as long", dialect="duckdb"), done.append(time.monotonic()))) for i in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    begin = time.monotonic()
    if by == "reload":
        reload(kit, swap("maxRunningQueries: 2", "maxRunningQueries: 4"))
    else:
        write(kit, swap("maxRunningQueries: 2", "maxRunningQueries: 4"))
        for name in NAMES:
            kit.kill(name, signal.SIGHUP)
        wait_until(lambda: set(ids(kit).values()) == {good_id(kit)}, 5)
    for t in threads:
        t.join(20)
    assert len(done) == 4 and max(done) - begin < 3.2 * SLOW, "the last two waited for the first two"


def test_lowered_limit(kit):
    """What runs goes on; nothing more starts until there is room under the new limit."""
    done = []

    def ask(word, n):
        threads = [threading.Thread(target=lambda: done.append(kit.query(f"select 1 as {word}", dialect="duckdb"))) for _ in range(n)]
        for t in threads:
            t.start()
        return threads

    running = ask("long", 2)
    time.sleep(0.3)
    reload(kit, swap("maxRunningQueries: 2", "maxRunningQueries: 1"))
    begin = time.monotonic()
    for t in ask("seq", 3) + running:
        t.join(20)
    assert len(done) == 5 and time.monotonic() - begin > 1.1, "three of 400 ms run one by one"


def test_new_group_and_cluster(kit):
    reload(kit, lambda t: swap("clusterGroups:", "  fresh: { engine: duckDb, initSql: \"create table who as select 'fresh' as name\" }\nclusterGroups:\n"
                               "  more: { maxRunningQueries: 1, members: [fresh] }")(t).replace("rules: [", "rules: [ { regex: who, targetGroup: more },"))
    assert kit.query("select name from who", dialect="duckdb") == [("fresh",)]
    assert kit.query("select 1", dialect="duckdb") == [(1,)]


def test_removed_group_while_it_runs(kit):
    """The running one ends as if nothing had happened; the waiting ones are routed anew; the group is gone for the next."""
    results = {}

    def one(i):
        with kit.connect("duckdb") as c:
            results[i] = c.execute(f"select {i} as long").fetchall()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for i, t in enumerate(threads):
        t.start()
        time.sleep(0.1)
    time.sleep(0.2)
    reload(kit, lambda t: re.sub(r"  two: .*\n", "", re.sub(r"routers:\n.*\n", "", t)))
    for t in threads:
        t.join(20)
    assert results[2] == [(2,)] and results[3] == [(3,)], "the waiting ones ran in the group that takes them now"
    assert len(results) == 4
    assert kit.query("select 5 as long", dialect="duckdb") == [(5,)]


def test_removed_group_with_a_transaction(kit):
    """An open transaction goes on where it is until its end."""
    with kit.connect("duckdb") as c:
        c.execute("create table t(i int)")
        c.execute("begin")
        c.execute("insert into t values (1)")
        reload(kit, lambda t: swap("  default: { maxRunningQueries: 4, members: [duckdb] }", "  other: { maxRunningQueries: 3, members: [duckdb] }")(t)
               .replace("routingFallback: default", "routingFallback: other"))
        c.execute("insert into t values (2)")
        assert c.execute("select count(*) from t").fetchone() == (2,)
        assert c.execute("commit").statusmessage == "COMMIT"
        assert c.execute("select count(*) from t").fetchone() == (2,)


def test_removed_and_back_again(kit):
    with kit.connect("duckdb") as c:
        for _ in range(3):
            text = kit.config.read_text()
            reload(kit, lambda t: re.sub(r"  two: .*\n", "", re.sub(r"routers:\n.*\n", "", t)))
            assert c.execute("select 1 as seq").fetchone() == (1,)
            reload(kit, lambda t: text)
            begin = time.monotonic()
            c.execute("select 1 as seq").fetchone()
            assert time.monotonic() - begin > 0.35, "it went to the slow one again"


BAD = {
    "unknown key": (swap("maxRunningQueries: 4", "maxRuningQueries: 4"), 'did you mean "maxRunningQueries"?'),
    "not YAML": (lambda t: t + "}", "not valid YAML"),
    "empty": (lambda t: "", ""),
    "unknown group": (swap("routingFallback: default", "routingFallback: nowhere"), "nowhere"),
    "bad pattern": (swap("seq|long", "seq("), "parenthes"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("by", ["SIGHUP", "reload"])
def test_bad_file(kit, what, by):
    """Refused with the place; the old one stays in force, in every program, and works."""
    change, text = BAD[what]
    before, old = ids(kit), kit.config.read_text()
    since = len(kit.log_text())
    write(kit, change)
    if what == "empty" and by == "reload":
        return  # a file without anything is a configuration without groups; the command below would load it
    if by == "reload":
        done = kit.admin("-c", str(kit.config), "reload")
        assert done.returncode == 2 and "nothing was reloaded" in done.stderr and text in done.stderr and str(kit.config) in done.stderr
        time.sleep(0.2)
    elif what != "empty":
        for name in NAMES:
            kit.kill(name, signal.SIGHUP)
        wait_until(lambda: kit.log_text()[since:].count("reload refused, the configuration in force stays") == 5, 5)
        log = kit.log_text()[since:]
        assert log.count(str(kit.config) + ":") >= 5 and text in log, log
    assert ids(kit) == before
    assert kit.query("select 1", dialect="duckdb") == [(1,)]
    kit.config.write_text(old)
    reload(kit, swap("maxRunningQueries: 4", "maxRunningQueries: 6"))


def test_file_that_is_gone(kit):
    before, old = ids(kit), kit.config.read_text()
    kit.config.unlink()
    for name in NAMES:
        kit.kill(name, signal.SIGHUP)
    wait_until(lambda: kit.log_text().count("reload refused") == 5, 5)
    assert ids(kit) == before and kit.query("select 1", dialect="duckdb") == [(1,)]
    kit.config.write_text(old)


def test_what_needs_a_restart_is_said(kit):
    """A changed port is taken with the word that it waits for a restart; a changed engine is refused by who runs it."""
    reload(kit, lambda t: re.sub(r"(postgresWire: .*port: )\d+", r"\g<1>1", t))
    assert "queryflux.frontends.postgresWire changed: restart qf-listen for that" in kit.log_text()
    assert kit.query("select 1", dialect="duckdb") == [(1,)]
    reload(kit, lambda t: re.sub(r"(postgresWire: .*port: )\d+", rf"\g<1>{kit.port}", t))


def test_changed_engine(kit):
    """qf-dispatch cannot change what it has open: it refuses, and says what to do; then the others are not told."""
    before, old = ids(kit), kit.config.read_text()
    write(kit, swap("test.duckdb", "other.duckdb"))
    done = kit.admin("-c", str(kit.config), "reload")
    assert done.returncode == 1 and done.stdout.count("told to reload") == 1, done.stdout
    assert f"qf-dispatch (process {kit.pid('dispatch')}) did not take {kit.config}" in done.stderr, done.stderr
    assert 'cluster "duckdb" changed: restart qf-dispatch for that, or give it a new name' in kit.log_text()
    assert ids(kit) == before and kit.query("select 1", dialect="duckdb") == [(1,)]
    kit.config.write_text(old)
    reload(kit, lambda t: t)


def test_another_file_than_theirs(kit, tmp_path):
    """The operator's file is not the one that runs: said, and nothing is left half done."""
    before = ids(kit)
    (tmp_path / "q.yaml").write_text(kit.config.read_text().replace("maxRunningQueries: 4", "maxRunningQueries: 7"))
    done = kit.admin("-c", str(tmp_path / "q.yaml"), "reload")
    assert done.returncode == 1 and "unless it reads another file" in done.stderr
    assert ids(kit) == before and kit.query("select 1", dialect="duckdb") == [(1,)]


def test_under_load(kit):
    """Four clients ask and append while limits, groups and rules change twenty times: not one statement fails."""
    kit.query("create table log(client int, n int)", dialect="duckdb")
    stop, problems, counts = threading.Event(), [], [0] * 4

    def client(k):
        try:
            with kit.connect("duckdb") as c:
                while not stop.is_set():
                    counts[k] += 1
                    c.execute(f"insert into log values ({k}, {counts[k]})")
                    assert c.execute("select count(*) from range(100)").fetchone() == (100,)
                    with c.transaction():
                        c.execute("select 1")
                        c.execute("select 2")
        except Exception as e:  # noqa: BLE001 - reported below, in the thread of the test
            problems.append(f"client {k}, after {counts[k]}: {type(e).__name__} {e}")

    threads = [threading.Thread(target=client, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    first = kit.config.read_text()
    changes = [swap("maxRunningQueries: 4", "maxRunningQueries: 1"), swap("maxRunningQueries: 1", "maxRunningQueries: 9"),
               swap("clusterGroups:", "clusterGroups:\n  extra: { maxRunningQueries: 3, members: [duckdb] }"),
               swap("routingFallback: default", "routingFallback: extra"), lambda t: re.sub(r"  default: .*\n", "", t), lambda t: first]
    try:
        for i in range(20 if SLOW == 1 else 8):
            reload(kit, changes[i % len(changes)])
            time.sleep(0.02)
        write(kit, lambda t: t + "}")
        for name in NAMES:
            kit.kill(name, signal.SIGHUP)
        time.sleep(0.2)
    finally:
        stop.set()
        for t in threads:
            t.join(20 * SLOW)
    assert not problems, problems
    assert kit.query("select client, count(*), max(n) from log group by 1 order by 1", dialect="duckdb") == [(k, counts[k], counts[k]) for k in range(4)]
    assert min(counts) > 5, counts


def test_hup_storm(kit):
    """SIGHUP by the hundred to every program under load."""
    stop, problems = threading.Event(), []

    def client():
        try:
            with kit.connect("duckdb") as c:
                while not stop.is_set():
                    c.execute("select 1").fetchone()
        except psycopg.Error as e:
            problems.append(e)

    t = threading.Thread(target=client)
    t.start()
    text = kit.config.read_text()
    for i in range(100):
        kit.config.write_text(text.replace("maxRunningQueries: 4", f"maxRunningQueries: {4 + i % 2}"))
        for name in ("dispatch", "route", "listen"):
            kit.kill(name, signal.SIGHUP)
    time.sleep(0.3)
    kit.config.write_text(text)
    for name in NAMES:
        kit.kill(name, signal.SIGHUP)
    wait_until(lambda: set(ids(kit).values()) == {good_id(kit)}, 5)
    stop.set()
    t.join(20)
    assert not problems, problems


def test_translation_and_reload(kit):
    """Statements that are being translated when their group goes away are routed anew."""
    if not kit.pid("translate") or "sqlglot is not installed" in kit.log_text():
        pytest.skip("no translation here")
    stop, problems, n = threading.Event(), [], [0]

    def client(k):
        try:
            with kit.connect() as c:
                while not stop.is_set():
                    n[0] += 1
                    assert c.execute(f"select {n[0]} + {k} as sum").fetchone()
        except Exception as e:  # noqa: BLE001 - reported below
            problems.append(e)

    threads = [threading.Thread(target=client, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for i in range(16):
        a, b = ("default", "other") if i % 2 == 0 else ("other", "default")
        reload(kit, lambda t: t.replace(f"  {a}:", f"  {b}:").replace(f"routingFallback: {a}", f"routingFallback: {b}"))
    stop.set()
    for t in threads:
        t.join(20)
    assert not problems and n[0] > 20, (problems, n)
