"""qf-admin for operators: HTTP, metrics that are exact, queries, cancel, check-config, and qf-admin killed under load."""
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import psycopg
import pytest

from conftest import BIN, SLOW, free_port, wait_until
from hostile import MARKS, pids

CONFIG = r"""
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{state}/test.duckdb" }}
  slow: {{ engine: fake, script: "match long | delay 20000ms | rows 1\nmatch drain | delay 17000ms | rows 1\nmatch quick | rows 1" }}
clusterGroups:
  default: {{ maxRunningQueries: 8, members: [duckdb] }}
  two: {{ maxRunningQueries: 2, maxQueuedQueries: 3, members: [slow] }}
routers:
  - type: queryRegex
    rules:
      - {{ regex: "long|quick|drain", targetGroup: two }}
      - {{ regex: forbidden, action: deny, error: "not here" }}
routingFallback: default
"""
SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+]+)$')


def url_of(kit):
    return re.search(r"curl (http://\S+)/readyz", kit.out_path.read_text()).group(1)


def get(url, timeout=5):
    """(status, text), whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=timeout * SLOW) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def parse(text):
    """{(name, labels): value}, of a text that keeps to the format 0.0.4."""
    values, types = {}, {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, line
            types[name] = kind
            continue
        m = SAMPLE.match(line)
        assert m, line
        name = m.group(1)
        assert name in types or re.sub("_(bucket|sum|count)$", "", name) in types, line
        key = (name, tuple(sorted(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', m.group(2) or ""))))
        assert key not in values, line
        values[key] = float(m.group(3))
    return values


def metrics(kit):
    status, text = get(url_of(kit) + "/metrics")
    assert status == 200
    return parse(text)


def value(values, name, **labels):
    return values.get((name, tuple(sorted(labels.items()))))


def queries_total(values):
    return {tuple(dict(labels)[k] for k in ("cluster_group", "status")): int(v)
            for (name, labels), v in values.items() if name == "queryflux_queries_total"}


def gauge(kit, name, **labels):
    return value(metrics(kit), name, **labels)


def listed(kit):
    done = kit.admin("--format", "json", "queries")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]  # not splitlines(): texts may hold others


class Client(threading.Thread):
    """One statement; what came of it."""

    def __init__(self, kit, sql):
        super().__init__()
        self.kit, self.sql, self.state = kit, sql, None
        self.start()

    def run(self):
        try:
            with self.kit.connect("duckdb", connect_timeout=40) as c:
                self.state = str(c.execute(self.sql).fetchone()[0])
        except psycopg.Error as e:
            self.state = e.sqlstate


@pytest.fixture
def kit(start):
    k = start(CONFIG)
    yield k
    for mark in MARKS:  # but for what a test kills itself
        assert mark not in k.log_text().replace("killed by signal 9", ""), k.log_text()[-3000:]


# ---- HTTP --------------------------------------------------------------------------------------------------------------


def test_pages(kit):
    url = url_of(kit)
    assert get(url + "/health") == (200, "ok\n")
    wait_until(lambda: get(url + "/readyz") == (200, "ready\n"))
    status, text = get(url + "/")
    assert status == 200 and "/metrics" in text
    assert get(url + "/nothing")[0] == 404
    with urllib.request.urlopen(url + "/metrics", timeout=5) as r:
        assert r.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    for method in ("POST", "DELETE", "PUT"):
        with pytest.raises(urllib.error.HTTPError) as e:
            urllib.request.urlopen(urllib.request.Request(url + "/metrics", method=method), timeout=5)
        assert e.value.code == 405 and e.value.headers["Allow"] == "GET, HEAD"
    with urllib.request.urlopen(urllib.request.Request(url + "/metrics", method="HEAD"), timeout=5) as r:
        assert r.status == 200 and r.read() == b""


def test_exec_is_told_the_url(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QF_", "PG"))}
    command = "curl -sf $QF_ADMIN_URL/health && curl -sf $QF_ADMIN_URL/metrics | grep -c '^queryflux_up{.*} 1'"
    done = subprocess.run([str(BIN / "qf-admin"), "up", "--port-offset", str(free_port() // 2), "--exec", command],
                          env={**env, "QF_STATE_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout == "ok\n5\n", (done.stdout, done.stderr)


def test_busy_default_port_moves_and_says_so(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QF_", "PG"))}
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        moved = port + 10000 - (40000 if port + 10000 > 65535 else 0)
        done = subprocess.run([str(BIN / "qf-admin"), "up", "--port-offset", str(port - 9000), "--exec", "echo $QF_ADMIN_URL"],
                              env={**env, "QF_STATE_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout == f"http://127.0.0.1:{moved}\n", done.stderr
    assert f"adminApi: port {port} is busy, using {moved}" in done.stderr


def test_compressed_for_who_wants_it(kit):
    request = urllib.request.Request(url_of(kit) + "/metrics", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=5) as r:
        assert r.headers["Content-Encoding"] == "gzip"
        assert value(parse(gzip.decompress(r.read()).decode()), "queryflux_build_info", version="0.1.0") == 1


def test_busy_configured_port_names_the_key(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        config = tmp_path / "q.yaml"
        config.write_text("queryflux:\n  frontends:\n    trinoHttp: { enabled: false }\n"
                          f"  adminApi: {{ port: {s.getsockname()[1]} }}\n"
                          "clusters: { d: { engine: duckDb } }\nclusterGroups: { g: { maxRunningQueries: 1, members: [d] } }\n")
        done = subprocess.run([str(BIN / "qf-admin"), "up", "-c", str(config)], env={**os.environ, "QF_STATE_DIR": str(tmp_path)},
                              capture_output=True, text=True, timeout=30 * SLOW)
    assert done.returncode == 2
    assert "queryflux.adminApi.port" in done.stderr and "already in use" in done.stderr, done.stderr


@pytest.mark.parametrize("bytes_", [
    b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"\0" * 5000, b"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 500,
], ids=["lines", "short", "version", "tls", "smuggling", "long path", "long head", "length", "space", "zeros", "percent", "pipeline"])
def test_malformed_requests_hurt_nobody(kit, bytes_):
    url, before = url_of(kit), pids(kit)
    host, port = url.removeprefix("http://").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=5) as s:
            try:
                s.sendall(bytes_)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass
    half = socket.create_connection((host, int(port)), timeout=5)
    half.sendall(bytes_[: len(bytes_) // 2])
    assert get(url + "/health") == (200, "ok\n")
    half.close()
    assert pids(kit) == before


# ---- metrics -----------------------------------------------------------------------------------------------------------


def test_counts_are_exact(kit):
    with kit.connect("duckdb") as c:
        for _ in range(7):
            c.execute("select count(*) from range(10)")
        for _ in range(2):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute("select 'forbidden'")
        for _ in range(3):
            with pytest.raises(psycopg.Error):
                c.execute("select nothing_of_that_name")
        c.execute("set application_name = 'is answered in qf-listen'")
    with kit.connect() as c:
        for i in range(4):
            c.execute(f"select date_trunc('day', timestamp '2024-01-0{i + 1} 10:00:00')")
    want = {("default", "success"): 7 + 4 + 1, ("none", "refused"): 2, ("default", "failed"): 3}  # 1: by which start() waited
    wait_until(lambda: queries_total(metrics(kit)) == want, 5)
    v = metrics(kit)
    where = {"engine_type": "duckDb", "cluster_group": "default"}
    assert value(v, "queryflux_queries_total", **where, status="success", protocol="postgresWire") == 12
    assert value(v, "queryflux_translated_queries_total", src_dialect="postgres", tgt_dialect="duckdb") == 4
    assert value(v, "queryflux_query_duration_seconds_count", **where) == 15
    assert value(v, "queryflux_query_duration_seconds_bucket", **where, le="+Inf") == 15
    bounds = sorted((float(dict(k[1])["le"]), n) for k, n in v.items()
                    if k[0] == "queryflux_query_duration_seconds_bucket" and ("cluster_group", "default") in k[1])
    assert [n for _, n in bounds] == sorted(n for _, n in bounds)
    assert 0 < value(v, "queryflux_query_duration_seconds_sum", **where) < 15
    assert value(v, "queryflux_queue_duration_seconds_count", cluster_group="default") >= 12
    assert value(v, "queryflux_events_lost_total", program="listen", instance="0") == 0
    assert value(v, "queryflux_build_info", version="0.1.0") == 1
    for program in ("listen", "route", "dispatch", "translate", "admin"):
        assert value(v, "queryflux_up", program=program, instance="0") == 1
        assert value(v, "process_resident_memory_bytes", program=program, instance="0") > 1e6
        assert 0 < time.time() - value(v, "process_start_time_seconds", program=program, instance="0") < 600


def test_gauges_while_queries_run_and_wait(kit):
    def now():
        v = metrics(kit)
        return [value(v, "queryflux_running_queries", cluster_group="two", cluster_name="slow"),
                value(v, "queryflux_queued_queries", cluster_group="two"), value(v, "queryflux_used_slots", cluster_group="two")]

    assert now() == [0, 0, 0]
    clients = [Client(kit, f"select 'long {i}'") for i in range(5)]
    wait_until(lambda: now() == [2, 3, 2], 5)
    too_many = Client(kit, "select 'long too'")
    too_many.join(10)
    assert too_many.state == "53300"
    v = wait_until(lambda: (m := metrics(kit)) and value(m, "queryflux_queue_rejections_total", cluster_group="two") and m, 5)
    assert value(v, "queryflux_queue_rejections_total", cluster_group="two") == 1
    assert value(v, "queryflux_max_running_queries", cluster_group="two") == 2
    assert value(v, "queryflux_running_queries", cluster_group="default", cluster_name="duckdb") == 0
    wait_until(lambda: gauge(kit, "queryflux_client_sessions", protocol="postgresWire") == 5, 5)
    with kit.connect("duckdb") as c:
        c.execute("begin")
        c.execute("select 1")
        wait_until(lambda: gauge(kit, "queryflux_used_slots", cluster_group="default") == 1, 5)
        assert gauge(kit, "queryflux_running_queries", cluster_group="default", cluster_name="duckdb") == 0
    kit.wait_restarted("admin", kit.kill("admin"))  # the new one is told what is true, not what changes
    wait_until(lambda: get_or_none(kit) and now() == [2, 3, 2], 10)
    kit.wait_restarted("dispatch", kit.kill("dispatch"))  # reads that had no rows yet run again
    wait_until(lambda: now() == [2, 3, 2], 10)
    for row in listed(kit):
        assert kit.admin("cancel", row["id"]).returncode == 0
    for c in clients:
        c.join(20)
    assert {c.state for c in clients} == {"57014"}
    wait_until(lambda: now() == [0, 0, 0], 5)


def get_or_none(kit):
    try:
        return get(url_of(kit) + "/health", 1)[0] == 200
    except OSError:
        return None


def trino(kit, sql):
    """All pages of a statement; the last one."""
    request = urllib.request.Request(f"http://127.0.0.1:{kit.trino_port}/v1/statement", sql.encode(),
                                     {"X-Trino-User": "ada", "X-QueryFlux-Dialect": "duckdb"})
    while True:
        with urllib.request.urlopen(request, timeout=20 * SLOW) as r:
            page = json.load(r)
        if "nextUri" not in page:
            return page
        request = page["nextUri"]


def test_clients_of_trino_are_counted_and_cancelled(kit):
    for i in range(3):
        assert trino(kit, f"select {i}")["stats"]["state"] == "FINISHED"
    ended = {}
    client = threading.Thread(target=lambda: ended.update(trino(kit, "select 'long'")))
    client.start()
    (row,) = wait_until(lambda: [r for r in listed(kit) if r["state"] == "running"], 5)
    assert (row["protocol"], row["user"], row["group"], row["sql"]) == ("trino", "ada", "two", "select 'long'")
    assert kit.admin("cancel", row["id"]).returncode == 0
    client.join(20)
    assert (ended["id"], ended["error"]["errorName"]) == (row["id"], "USER_CANCELED")

    def count(**labels):
        return gauge(kit, "queryflux_queries_total", protocol="trinoHttp", **labels)

    wait_until(lambda: count(engine_type="fake", cluster_group="two", status="cancelled") == 1, 5)
    assert count(engine_type="duckDb", cluster_group="default", status="success") == 3


def test_groups_of_a_new_configuration(kit):
    assert gauge(kit, "queryflux_queued_queries", cluster_group="three") is None
    kit.config.write_text(kit.config.read_text().replace("clusterGroups:", "clusterGroups:\n  three: { maxRunningQueries: 3, members: [duckdb] }")
                          .replace("routingFallback: default", "routingFallback: three"))
    assert kit.admin("-c", str(kit.config), "reload").returncode == 0
    kit.query("select 1", dialect="duckdb")
    wait_until(lambda: queries_total(metrics(kit)).get(("three", "success")) == 1, 5)
    assert gauge(kit, "queryflux_max_running_queries", cluster_group="three") == 3
    assert gauge(kit, "queryflux_queued_queries", cluster_group="three") == 0


# ---- readiness ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program,name", [("dispatch", "qf-dispatch-0"), ("route", "qf-route"), ("translate", "qf-translate"),
                                          ("listen", "qf-listen")])
def test_not_ready_while_one_is_silent(kit, program, name):
    url = url_of(kit)
    wait_until(lambda: get(url + "/readyz")[0] == 200)
    pid = kit.pid(program)
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: get(url + "/readyz") == (503, f"{name} is silent\n"), 10)
        assert gauge(kit, "queryflux_up", program=program, instance="0") == 0
        assert get(url + "/health")[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: get(url + "/readyz") == (200, "ready\n"), 10)


class Services:
    """The programs one by one, without `up`, in a directory of their own."""

    def __init__(self, directory, clusters):
        self.run_dir = directory / "run"
        self.run_dir.mkdir()
        self.directory, self.port, self.admin_port, self.children = directory, free_port(), free_port(), {}
        self.config = directory / "q.yaml"
        self.config.write_text(f"queryflux:\n  frontends:\n    postgresWire: {{ enabled: true, port: {self.port} }}\n"
                               f"    trinoHttp: {{ enabled: false }}\n  adminApi: {{ port: {self.admin_port} }}\n{clusters}")
        self.env = {**os.environ, "QF_RUNTIME_DIR": str(self.run_dir), "QF_STATE_DIR": str(directory)}

    def serve(self, program, *options):
        with open(self.directory / f"{program}.log", "ab") as log:
            child = subprocess.Popen([str(BIN / f"qf-{program}"), "--serve", "-c", str(self.config), *options], env=self.env, stderr=log,
                                     stdin=subprocess.DEVNULL)
        self.children[(program, *options)] = child
        return child

    def readyz(self):
        try:
            return get(f"http://127.0.0.1:{self.admin_port}/readyz", 1)
        except OSError:
            return None

    def metrics(self):
        return parse(get(f"http://127.0.0.1:{self.admin_port}/metrics")[1])

    def admin(self, *words):
        return subprocess.run([str(BIN / "qf-admin"), *words], env=self.env, capture_output=True, text=True, timeout=20 * SLOW)

    def connect(self, dialect, connect_timeout):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="tester", dbname="queryflux", connect_timeout=connect_timeout,
                               options=f"-c queryflux.dialect={dialect}", autocommit=True, prepare_threshold=None, sslmode="disable")

    def stop(self):
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            assert child.wait(40 * SLOW) in (0, -signal.SIGKILL)


def test_alone_it_names_what_is_missing(tmp_path):
    """The service binds the port itself, and waits for the others."""
    s = Services(tmp_path, f"clusters: {{ d: {{ engine: duckDb, databasePath: \"{tmp_path}/d.duckdb\" }} }}\n"
                           "clusterGroups: { g: { maxRunningQueries: 1, members: [d] } }\nroutingFallback: g\n")
    try:
        s.serve("admin")
        wait_until(lambda: s.readyz() == (503, "qf-dispatch-0 is missing\nqf-translate is missing\nqf-route is missing\nqf-listen is missing\n"))
        assert value(s.metrics(), "queryflux_up", program="dispatch", instance="0") == 0
        for program in ("translate", "route", "listen"):
            s.serve(program)
        wait_until(lambda: s.readyz() == (503, "qf-dispatch-0 is missing\n"))
        dispatch = s.serve("dispatch")
        wait_until(lambda: s.readyz() == (200, "ready\n"))
        dispatch.kill()
        wait_until(lambda: s.readyz() == (503, "qf-dispatch-0 is missing\n"))
        dispatch.wait()
        s.serve("dispatch", "--instance", "0")
        wait_until(lambda: s.readyz() == (200, "ready\n"))
    finally:
        s.stop()


def test_groups_with_owners_of_their_own(tmp_path):
    """Two qf-dispatch: both are needed, both tell, both are asked."""
    s = Services(tmp_path, "clusters:\n"
                           "  one: { engine: fake, script: \"match long | delay 20000ms | rows 1\" }\n"
                           "  two: { engine: fake, script: \"match long | delay 20000ms | rows 1\" }\n"
                           "clusterGroups:\n  a: { maxRunningQueries: 1, members: [one], instance: east }\n"
                           "  b: { maxRunningQueries: 1, members: [two], instance: west }\n"
                           "routers: [{ type: queryRegex, rules: [{ regex: there, targetGroup: b }] }]\nroutingFallback: a\n")

    def running():
        v = s.metrics()
        return [value(v, "queryflux_running_queries", cluster_group=g, cluster_name=c) for g, c in (("a", "one"), ("b", "two"))]

    try:
        for program in ("admin", "translate", "route", "listen"):
            s.serve(program)
        s.serve("dispatch", "--instance", "east")
        wait_until(lambda: s.readyz() == (503, "qf-dispatch-west is missing\n"))
        s.serve("dispatch", "--instance", "west")
        wait_until(lambda: s.readyz() == (200, "ready\n"))
        wait_until(lambda: value(s.metrics(), "queryflux_cluster_up", cluster_name="two", engine_type="fake") == 1)
        v = s.metrics()
        assert value(v, "queryflux_up", program="dispatch", instance="0") is None
        assert value(v, "queryflux_cluster_up", cluster_name="one", engine_type="fake") == 1
        clients = [Client(s, "select 'long here'"), Client(s, "select 'long there'"), Client(s, "select 'long there'")]
        wait_until(lambda: running() == [1, 1] and value(s.metrics(), "queryflux_queued_queries", cluster_group="b") == 1)
        rows = listed(s)
        assert sorted((r["group"], r["state"]) for r in rows) == [("a", "running"), ("b", "queued"), ("b", "running")]
        for r in rows:
            assert s.admin("cancel", r["id"]).returncode == 0
        for c in clients:
            c.join(20)
            assert c.state == "57014"
    finally:
        s.stop()


# ---- queries and cancel ------------------------------------------------------------------------------------------------


def test_queries_and_cancel(kit):
    assert listed(kit) == []
    clients = [Client(kit, f"select 'long {i}' /* \x1b[31m \u0085 */ -- {'x' * 3000}") for i in range(4)]
    wait_until(lambda: sorted(r["state"] for r in listed(kit)) == ["queued", "queued", "running", "running"], 5)
    rows = listed(kit)
    assert len({r["id"] for r in rows}) == 4
    for r in rows:
        assert (r["user"], r["protocol"], r["group"]) == ("tester", "postgres", "two")
        assert r["cluster"] == ("slow" if r["state"] == "running" else None)
        assert r["client"].startswith("127.0.0.1:") and 0 <= r["ageMillis"] < 60000
        assert r["sql"].startswith("select 'long ") and len(r["sql"]) <= 1024
    table = kit.admin("queries").stdout
    assert table.startswith("ID ") and table.count("\n") == 5
    assert all(r["id"] in table for r in rows)
    assert "\x1b" not in table and "\u0085" not in table
    waiting = next(r for r in rows if r["state"] == "queued")
    running = next(r for r in rows if r["state"] == "running")
    for row in (waiting, running):
        began = time.monotonic()
        done = kit.admin("cancel", row["id"])
        assert (done.returncode, done.stdout) == (0, f"{row['id']}: cancelled\n"), done.stderr
        assert time.monotonic() - began < 2 * SLOW
    wait_until(lambda: sorted(c.state or "" for c in clients) == ["", "", "57014", "57014"], 5)
    done = kit.admin("cancel", waiting["id"])
    assert done.returncode == 1 and "no query" in done.stderr
    left = wait_until(lambda: len(r := listed(kit)) == 2 and r, 5)
    kit.kill("admin", signal.SIGSTOP)  # the owners are asked, not the service
    try:
        for row in left:
            assert kit.admin("cancel", row["id"]).returncode == 0
    finally:
        kit.kill("admin", signal.SIGCONT)
    for c in clients:
        c.join(20)
        assert c.state == "57014"
    wait_until(lambda: queries_total(metrics(kit)).get(("two", "cancelled")) == 4, 5)


def test_words_of_the_commands(kit, tmp_path):
    for words in (["cancel"], ["cancel", "a", "b"], ["queries", "x"], ["--format", "xml", "status"], ["cancle", "x"]):
        done = kit.admin(*words)
        assert (done.returncode, done.stdout) == (2, "") and done.stderr, words
    assert {json.loads(line)["program"] for line in kit.admin("--format", "json", "status").stdout.splitlines()} == {
        "listen", "route", "dispatch", "translate", "admin"}
    lonely = tmp_path / "empty"
    lonely.mkdir()
    for words in (["queries"], ["cancel", "x"], ["status"], ["events"]):
        done = subprocess.run([str(BIN / "qf-admin"), *words], env={**os.environ, "QF_RUNTIME_DIR": str(lonely)}, capture_output=True,
                              text=True, timeout=20)
        assert (done.returncode, done.stdout) == (4, "") and str(lonely) in done.stderr, (words, done.stderr)


def test_a_silent_program_is_named(kit):
    pid = kit.kill("dispatch", signal.SIGSTOP)
    try:
        done = kit.admin("queries")
        assert done.returncode == 1 and f"no answer from qf-dispatch-0 (process {pid})" in done.stderr, done.stderr
    finally:
        os.kill(pid, signal.SIGCONT)


# ---- check-config ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text,status,says", [
    ("clusters: { d: { engine: duckDb } }\nclusterGroups: { g: { maxRunningQueries: 1, members: [d] } }\n", 0, "configuration is good, id "),
    ("clusters: { d: { engine: duckDb, memry: 1 } }\n", 2, "q.yaml:1:34: "),
    ("clusters: { t: { engine: trino, endpoint: 'http://t:1' } }\nclusterGroups: { g: { maxRunningQueries: 1, members: [t] } }\n"
     "queryflux: { adminApi: { username: me, corsAllowedOrigins: [x] } }\n", 0, "warning: "),
    ("{", 2, "q.yaml:"),
])
def test_check_config(tmp_path, text, status, says):
    config = tmp_path / "q.yaml"
    config.write_text(text)
    done = subprocess.run([str(BIN / "qf-admin"), "check-config", str(config)], capture_output=True, text=True, timeout=20 * SLOW)
    assert done.returncode == status and says in done.stdout + done.stderr, done
    same = subprocess.run([str(BIN / "qf-admin"), "-t", "-c", str(config)], capture_output=True, text=True, timeout=20 * SLOW)
    assert (same.returncode, same.stdout, same.stderr) == (done.returncode, done.stdout, done.stderr)
    done = subprocess.run([str(BIN / "qf-admin"), "--format", "json", "check-config", str(config)], capture_output=True, text=True,
                          timeout=20 * SLOW)
    found = json.loads(done.stdout)
    assert done.returncode == status and found["good"] == (status == 0) and found["file"] == str(config)
    if says == "warning: ":
        assert len(found["warnings"]) >= 3 and all(w["line"] > 0 and w["text"] for w in found["warnings"])


# ---- life --------------------------------------------------------------------------------------------------------------


def test_killed_under_load_it_disturbs_nobody(kit):
    stop, failures, done = threading.Event(), [], [0] * 4

    def client(i):
        try:
            with kit.connect("duckdb") as c:
                while not stop.is_set():
                    assert c.execute("select 41 + 1").fetchone() == (42,)
                    done[i] += 1
        except Exception as e:
            failures.append(repr(e))

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for _ in range(5):
        wait_until(lambda: get_or_none(kit), 10)
        before = sum(done)
        pid = kit.kill("admin")
        kit.wait_restarted("admin", pid)
        wait_until(lambda: sum(done) > before + 20, 10)
    stop.set()
    for t in threads:
        t.join(20)
    assert not failures
    url = url_of(kit)
    wait_until(lambda: get_or_none(kit) and get(url + "/readyz")[0] == 200, 10)
    time.sleep(0.5)  # what is underway arrives
    v = metrics(kit)
    counted = queries_total(v).get(("default", "success"), 0)
    assert counted < sum(done), "counters begin anew"
    wait_until(lambda: gauge(kit, "queryflux_events_lost_total", program="listen", instance="0") > 0, 5)
    for _ in range(10):
        kit.query("select 1", dialect="duckdb")
    wait_until(lambda: queries_total(metrics(kit)).get(("default", "success"), 0) == counted + 10, 5)


def test_up_waits_for_the_drain_time(kit):
    """A statement that needs 17 s is answered, though `up` was told to stop: the default drain time is 30 s."""
    c = Client(kit, "select 'drain'")
    wait_until(lambda: [r["state"] for r in listed(kit)] == ["running"], 5)
    kit.child.send_signal(signal.SIGTERM)
    wait_until(lambda: "qf-listen is stopping" in get(url_of(kit) + "/readyz")[1], 5)
    assert kit.child.wait(35 * SLOW) == 0
    c.join(10)
    assert c.state not in (None, "57P01", "08006"), c.state
