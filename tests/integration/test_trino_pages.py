"""Trino clients, page by page: tokens, long polls, what is kept, who stops asking, and programs that die meanwhile."""
import gzip
import json
import re
import socket
import threading
import time

import pytest
import trino
from trino.exceptions import TrinoQueryError

from conftest import CONFIG, SLOW, wait_until
from hostile import assert_well
from trinokit import BIG, ENDLESS, ID, Http, ask, error_of, wait_idle

STATS = {"state", "queued", "scheduled", "progressPercentage", "runningPercentage", "nodes", "totalSplits", "queuedSplits",
         "runningSplits", "completedSplits", "cpuTimeMillis", "wallTimeMillis", "queuedTimeMillis", "elapsedTimeMillis",
         "processedRows", "processedBytes", "physicalInputBytes", "physicalWrittenBytes", "peakMemoryBytes", "spilledBytes"}


@pytest.fixture
def http(kit):
    h = Http(kit)
    yield h
    h.close()


# ---- pages --------------------------------------------------------------------------------------------------------------


def test_pages_are_complete(http):
    first = http.post("select 1 as a")
    assert first.status == 200 and first.header("content-type") == "application/json"
    page = first.json
    assert page["stats"]["state"] == "QUEUED" and set(page) == {"id", "infoUri", "nextUri", "stats", "warnings"}
    assert re.search(r"/v1/statement/qf/queued/" + ID.pattern + r"/[0-9a-f]{32}/1$", page["nextUri"])
    last = http.ask("GET", page["nextUri"]).json
    assert last["stats"]["state"] == "FINISHED" and "nextUri" not in last
    assert list(last).index("columns") < list(last).index("data")
    for p in (page, last):
        assert set(p["stats"]) == STATS and None not in p["stats"].values()


def test_a_page_can_be_asked_for_again(http):
    replies = [http.ask("GET", http.start(BIG.format(300000)))]
    while "nextUri" in (page := replies[-1].json):
        replies.append(http.ask("GET", page["nextUri"]))
        again = http.ask("GET", page["nextUri"])
        assert again.status == 200 and again.body == replies[-1].body
    assert len(replies) > 5
    rows = [r for reply in replies for r in reply.json.get("data", [])]
    assert rows == [[i, f"row number {i}"] for i in range(300000)]
    assert max(len(r.body) for r in replies) < 1200 * 1024


def test_tokens_before_and_behind(http):
    uri = http.start(BIG.format(300000))
    second = http.ask("GET", uri).json["nextUri"]
    assert http.ask("GET", uri).status == 200
    third = http.ask("GET", second).json["nextUri"]
    assert http.ask("GET", uri).status == 410
    assert http.ask("GET", re.sub(r"\d+$", "0", third)).status == 410
    assert http.ask("GET", re.sub(r"\d+$", "99", third)).status == 404
    assert http.ask("GET", re.sub(r"/[0-9a-f]{32}/", f"/{'0' * 32}/", third)).status == 404
    assert http.ask("DELETE", re.sub(r"/[0-9a-f]{32}/", f"/{'0' * 32}/", third)).status == 404
    assert http.ask("GET", third).status == 200
    assert http.ask("DELETE", third).status == 204


def test_nothing_runs_before_the_first_get(kit, http):
    """A client that never got the answer to its POST sends it again."""
    ask(kit, "create or replace table once (a integer)")
    for _ in range(3):
        uri = http.start("insert into once values (1)")
    time.sleep(0.3)
    assert ask(kit, "select count(*) from once") == [[0]]
    assert http.ask("GET", uri).json["updateCount"] == 1
    assert ask(kit, "select count(*) from once") == [[1]]


def test_long_poll(http):
    uri = http.start(ENDLESS)
    for _ in range(2):
        begin = time.monotonic()
        page = http.ask("GET", uri).json
        assert 0.9 < time.monotonic() - begin < 5 * SLOW
        assert page["stats"]["state"] == "RUNNING" and "data" not in page
        uri = page["nextUri"]
    assert http.ask("HEAD", uri).status == 200, "a heartbeat"
    assert http.ask("DELETE", uri).status == 204
    page = http.ask("GET", uri).json
    while "nextUri" in page:
        page = http.ask("GET", page["nextUri"]).json
    assert page["error"]["errorName"] == "USER_CANCELED"


def test_a_query_that_waits_for_a_slot_is_queued(start):
    k = start(CONFIG.replace("maxRunningQueries: 8", "maxRunningQueries: 1"))
    h = Http(k)
    first = h.ask("GET", h.start(ENDLESS)).json
    second = h.ask("GET", h.start("select 1")).json
    assert (first["stats"]["state"], second["stats"]["state"]) == ("RUNNING", "QUEUED")
    assert second["stats"]["queued"] and second["stats"]["queuedTimeMillis"] > 900
    assert h.ask("DELETE", first["nextUri"]).status == 204
    rows, page = [], second
    while "nextUri" in page:
        page = h.ask("GET", page["nextUri"]).json
        rows += page.get("data", [])
    assert rows == [[1]] and 900 < page["stats"]["queuedTimeMillis"] <= page["stats"]["elapsedTimeMillis"]


def test_two_ask_for_the_same_page(kit, http):
    uri = http.start("select 1 from (select max(hash(i)) from range(100000000) t(i))")
    replies, others = [], [Http(kit) for _ in range(4)]
    threads = [threading.Thread(target=lambda h=h: replies.append(h.ask("GET", uri))) for h in others]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20 * SLOW)
    assert {r.status for r in replies} == {200} and len({r.body for r in replies}) == 1
    http.ask("DELETE", uri)


def test_a_client_that_is_gone_takes_its_wait_along(kit, http):
    uri = http.start(ENDLESS)
    path = uri[uri.index("/v1"):]
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", kit.trino_port)) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(0.02)
    assert http.ask("GET", uri).status == 200
    assert http.ask("DELETE", uri).status == 204


def test_pages_are_compressed_when_asked(http):
    page = http.ask("GET", http.start(BIG.format(20000)), headers={"Accept-Encoding": "gzip"})
    assert page.header("content-encoding") == "gzip"
    assert json.loads(gzip.decompress(page.body))["columns"][0]["name"] == "i"
    http.ask("DELETE", json.loads(gzip.decompress(page.body)).get("nextUri", "/v1/info"))


def test_a_client_that_stops_stalls_the_engine(start):
    """Five million rows of which two pages are taken: the rest waits at the engine."""
    k = start()
    h = Http(k)
    before = {p: k.rss(p) for p in ("listen", "dispatch")}
    uri = h.start(BIG.format(50_000_000))
    for _ in range(3):
        uri = h.ask("GET", uri).json["nextUri"]
    wait_idle(k)
    for p, bytes_ in before.items():
        assert k.rss(p) - bytes_ < 60 << 20 or SLOW > 1, p
    assert h.ask("DELETE", uri).status == 204


def test_a_large_result_in_bounded_memory(start):
    k = start()
    h, n, peak = Http(k), 0, 0
    for page in h.pages(BIG.format(2_000_000)):
        for row in page.get("data", []):
            assert row[0] == n
            n += 1
        peak = max(peak, k.rss("listen"), k.rss("dispatch"))
    assert n == 2_000_000 and (peak < 150 << 20 or SLOW > 1)


def test_one_row_that_is_larger_than_a_page(http):
    rows, page = http.all("select repeat('x', 5000000) as a union all select 'y'")
    assert sorted(len(r[0]) for r in rows) == [1, 5000000]


def test_abandoned_queries_end(start):
    config = CONFIG.replace("  frontends:\n", "  frontends:\n    trinoHttp: {{ enabled: true, port: {trino}, abandonTimeoutSecs: 1 }}\n")
    k = start(config)
    h = Http(k)
    uri = h.start(ENDLESS)
    h.ask("GET", uri)
    kept_alive = h.start(ENDLESS)
    kept_alive = h.ask("GET", kept_alive).json["nextUri"]
    for _ in range(10):
        time.sleep(0.3)
        assert h.ask("HEAD", kept_alive).status == 200
    assert h.ask("GET", uri).status == 404
    assert "abandoned, its client did not ask" in k.log_text()
    assert h.ask("DELETE", kept_alive).status == 204
    wait_idle(k)


def test_a_client_that_takes_no_row_is_cancelled(start):
    k = start(CONFIG.replace("  frontends:\n", "  clientStallTimeoutSecs: 1\n  frontends:\n"))
    h = Http(k)
    uri = h.ask("GET", h.start(BIG.format(50_000_000))).json["nextUri"]
    for _ in range(8):
        h.ask("HEAD", uri)
        time.sleep(0.3)
    assert h.ask("GET", uri).status == 404 and "its client took no row" in k.log_text()


# ---- programs that die ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["route", "dispatch", "translate", "admin", "listen"])
def test_killed_in_the_middle_of_a_query(start, program):
    """The answer, or an error that is honest, within bounded time; then all is well again."""
    k = start()
    answers, errors = [], []

    def client():
        try:
            answers.append(ask(k, "select count(*) from range(30000000) t(i) where hash(i) % 3 <> 7"))
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.15)
    old = k.kill(program)
    for t in threads:
        t.join(30 * SLOW)
    assert not any(t.is_alive() for t in threads), "hangs"
    assert all(a == [[30000000]] for a in answers)
    for e in errors:
        if program == "listen":
            assert isinstance(e, (trino.exceptions.TrinoConnectionError, trino.exceptions.HttpError)), e
        else:
            assert isinstance(e, TrinoQueryError) and e.error_name in ("REMOTE_HOST_GONE", "NO_NODES_AVAILABLE"), e
    k.wait_restarted(program, old)
    wait_until(lambda: _answers(k), 20)


def _answers(k):
    try:
        return ask(k, "select 1") == [[1]]
    except Exception:
        return False


def test_dispatch_dies_between_pages(start):
    k = start()
    h = Http(k)
    page = h.ask("GET", h.start(BIG.format(20_000_000))).json
    k.kill("dispatch")
    begin = time.monotonic()
    while "nextUri" in page:
        page = h.ask("GET", page["nextUri"]).json
    assert page["error"]["errorType"] == "INTERNAL_ERROR" and time.monotonic() - begin < 30 * SLOW


def test_dispatch_dies_in_a_transaction(start):
    k = start()
    h = Http(k)
    h.all("create table t (a integer)")
    for ending, state in (("commit", "FAILED"), ("rollback", "FINISHED")):
        reply = h.ask("GET", h.start("start transaction", **{"X-Trino-Transaction-Id": "NONE"}))
        txn = {"X-Trino-Transaction-Id": reply.header("x-trino-started-transaction-id")}
        assert h.all("insert into t values (1)", **txn)[1]["updateCount"] == 1
        k.wait_restarted("dispatch", k.kill("dispatch"))
        assert error_of(h, "insert into t values (2)", **txn)["errorName"] in ("TRANSACTION_ALREADY_ABORTED", "REMOTE_HOST_GONE")
        assert h.all(ending, **txn)[1]["stats"]["state"] == state
    assert h.all("select count(*) from t")[0] == [[0]]


def test_delete_half_way_stops_the_engine_at_once(start):
    k = start()
    h = Http(k)
    uri = h.start(BIG.format(50_000_000))
    for _ in range(50):
        uri = h.ask("GET", uri).json["nextUri"]
    begin = time.monotonic()
    assert h.ask("DELETE", uri).status == 204
    while "nextUri" in (page := h.ask("GET", uri).json):
        uri = page["nextUri"]
    took = time.monotonic() - begin
    assert page["error"]["errorName"] == "USER_CANCELED"
    print(f"{took * 1000:.1f} ms")
    assert took < 0.1 * 10 * SLOW, "goal 0.1 s, on a machine that has nothing else to do"


def test_drain_lets_queries_end(start):
    """A stop of qf-listen while a client reads: its pages come, new statements are refused by a page."""
    k = start()
    h = Http(k)
    page = h.ask("GET", h.start(BIG.format(1_000_000))).json
    n, old = len(page["data"]), k.pid("listen")
    k.kill("listen", 15)
    refused = None
    while "nextUri" in page:
        page = h.ask("GET", page["nextUri"]).json
        n += len(page.get("data", []))
        if refused is None:
            refused = h.post("select 1").json
            h.close()
    assert n == 1_000_000 and page["stats"]["state"] == "FINISHED"
    assert refused["error"]["errorName"] == "SERVER_SHUTTING_DOWN"
    k.wait_restarted("listen", old)


def test_nothing_broke(kit):
    assert_well(kit)
