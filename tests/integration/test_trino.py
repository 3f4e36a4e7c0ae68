"""Trino clients: the Python driver, and plain HTTP for pages, tokens, headers and what goes wrong."""
import base64
import datetime
import decimal
import gzip
import json
import re
import socket
import subprocess
import threading
import time
import uuid

import pytest
import trino
from trino.exceptions import TrinoQueryError, TrinoUserError
from trino.transaction import IsolationLevel

from conftest import BIN, CONFIG, SLOW, Toolkit, wait_until
from hostile import assert_well
from trinokit import DUCK, Http, ask, connect

ID = re.compile(r"\d{8}_\d{6}_\d{5}_[a-z0-9]{5}")
STATS = {"state", "queued", "scheduled", "progressPercentage", "runningPercentage", "nodes", "totalSplits", "queuedSplits",
         "runningSplits", "completedSplits", "cpuTimeMillis", "wallTimeMillis", "queuedTimeMillis", "elapsedTimeMillis",
         "processedRows", "processedBytes", "physicalInputBytes", "physicalWrittenBytes", "peakMemoryBytes", "spilledBytes"}
BIG = "select i, 'row number ' || i as s from range({}) t(i)"
ENDLESS = "select count(*) from range(1000000000) a(i), range(1000) b(j) where hash(i + j) = 7"


@pytest.fixture
def http(kit):
    h = Http(kit)
    yield h
    h.close()


def error_of(http, sql, **headers):
    page = http.all(sql, **headers)[1]
    assert page["stats"]["state"] == "FAILED" and "nextUri" not in page
    return page["error"]


def running(kit):
    """What DuckDB is busy with: its processor time moves."""
    with open(f"/proc/{kit.pid('dispatch')}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def wait_idle(kit, seconds=5):
    def still():
        before = running(kit)
        time.sleep(0.2)
        return running(kit) - before <= 3
    wait_until(still, seconds)


# ---- the driver -------------------------------------------------------------------------------------------------------


def test_select(kit):
    assert ask(kit, "select 1 as a, 'x' as b, null as c") == [[1, "x", None]]


def test_a_trino_statement_is_translated(kit):
    assert ask(kit, "select approx_distinct(i) > 0, cast(7 as integer) / 2 from (values 1, 2) as t(i)", dialect=None) == [[True, 3]]


def test_column_names_and_types(kit):
    cursor = connect(kit).cursor()
    cursor.execute("select 1::bigint as a, 'x' as b, 1.5::decimal(10,2) as c")
    cursor.fetchall()
    assert [(d.name, d.type_code, d.precision, d.scale) for d in cursor.description] == [
        ("a", "bigint", None, None), ("b", "varchar", None, None), ("c", "decimal(10, 2)", 10, 2)]


def test_an_empty_result_keeps_its_columns(kit):
    cursor = connect(kit).cursor()
    cursor.execute("select 1 as a where false")
    assert cursor.fetchall() == [] and cursor.description[0].name == "a"


def test_updates_have_a_type_and_a_count(kit):
    cursor = connect(kit).cursor()
    for sql, type_, count, rows in [
            ("create or replace table upd (a integer, b varchar)", "CREATE TABLE", -1, []),
            ("insert into upd values (1, 'x'), (2, 'y')", "INSERT", 2, [[2]]),
            ("update upd set b = 'z'", "UPDATE", 2, [[2]]),
            ("delete from upd where a = 2", "DELETE", 1, [[1]]),
            ("alter table upd add column c bigint", "ADD COLUMN", -1, []),
            ("alter table upd rename column c to d", "RENAME COLUMN", -1, []),
            ("alter table upd rename to upd2", "RENAME TABLE", -1, []),
            ("create table upd3 as select * from upd2", "CREATE TABLE", 1, [[1]]),
            ("drop table upd3", "DROP TABLE", -1, []),
            ("drop table upd2", "DROP TABLE", -1, [])]:
        cursor.execute(sql)
        assert cursor.fetchall() == rows, sql
        assert (cursor._query.update_type, cursor.rowcount) == (type_, count), sql


@pytest.mark.parametrize("value", [1, -1, 1.5, "it's", "é", True, None, datetime.date(2024, 1, 2), decimal.Decimal("1.50")],
                         ids=repr)
def test_parameters(kit, value):
    assert ask(kit, "select ?", (value,), dialect=None) == [[value]]


def test_parameters_of_other_types(kit):
    """Where a literal has no translation that is sure, the session speaks the engine's dialect."""
    assert ask(kit, "select ?, ? - ?", (uuid.UUID(int=5), 5, -3)) == [[uuid.UUID(int=5), 8]]


def test_prepared_statements_of_older_clients(kit):
    conn = connect(kit, dialect=None, legacy_prepared_statements=True)
    cursor = conn.cursor()
    cursor.execute("select ? + 1 as x, 'it''s ?'", (41,))
    assert cursor.fetchall() == [[42, "it's ?"]]
    assert conn._client_session.prepared_statements == {}, "deallocated"


def test_use_and_set_session_stay_with_the_client(kit):
    conn = connect(kit, dialect=None)
    cursor = conn.cursor()
    for sql in ("use somewhere.main", "set session queryflux.dialect = 'duckdb'", "set time zone 'Asia/Tokyo'"):
        cursor.execute(sql).fetchall()
    session = conn._client_session
    assert (session.catalog, session.schema) == ("somewhere", "main")
    assert session.properties == {"queryflux.dialect": "duckdb", "time_zone_id": "Asia/Tokyo"}
    cursor.execute("select 7 // 2, current_setting('TimeZone')")
    assert cursor.fetchall() == [[3, "Asia/Tokyo"]]
    cursor.execute("show session like 'queryflux%'")
    assert [r[:3] for r in cursor.fetchall()] == [["queryflux.dialect", "duckdb", "trino"]]
    for sql in ("reset session queryflux.dialect", "set time zone local"):
        cursor.execute(sql).fetchall()
    assert session.properties == {}


def test_transactions(kit):
    ask(kit, "create or replace table tx (a integer)")
    conn = connect(kit, isolation_level=IsolationLevel.REPEATABLE_READ)
    for ending, rows in ((conn.commit, [[1]]), (conn.rollback, [[1]])):
        cursor = conn.cursor()
        cursor.execute("insert into tx values (1)").fetchall()
        assert cursor.execute("select count(*) from tx").fetchall()[0][0] == rows[0][0] + (ending == conn.rollback)
        ending()
        assert ask(kit, "select count(*) from tx") == rows
    cursor = conn.cursor()
    with pytest.raises(TrinoUserError, match="COLUMN_NOT_FOUND"):
        cursor.execute("select nothing").fetchall()
    with pytest.raises(TrinoUserError, match="TRANSACTION_ALREADY_ABORTED"):
        conn.cursor().execute("select 1").fetchall()
    conn.rollback()


def test_cancel_stops_the_engine(kit):
    cursor = connect(kit).cursor()
    worker = threading.Thread(target=lambda: pytest.raises(Exception, cursor.execute, ENDLESS))
    worker.start()
    wait_until(lambda: cursor._query and cursor._query._next_uri)
    time.sleep(0.5)
    cursor.cancel()
    begin = time.monotonic()
    wait_idle(kit)
    assert time.monotonic() - begin < 3 * SLOW
    worker.join(20 * SLOW)
    assert not worker.is_alive()


def test_the_same_id_everywhere(start):
    k = start()
    page = Http(k).all("select 1")[1]
    assert ID.fullmatch(page["id"])
    assert page["infoUri"] == f"http://127.0.0.1:{k.trino_port}/ui/query.html?{page['id']}"
    assert Http(k).ask("GET", page["infoUri"]).body.decode() == f"Query {page['id']} has finished\n"


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
        assert 0.9 < time.monotonic() - begin < 1.6 * SLOW
        assert page["stats"]["state"] == "RUNNING" and "data" not in page
        uri = page["nextUri"]
    assert http.ask("HEAD", uri).status == 200, "a heartbeat"
    assert http.ask("DELETE", uri).status == 204
    page = http.ask("GET", uri).json
    while "nextUri" in page:
        page = http.ask("GET", page["nextUri"]).json
    assert page["error"]["errorName"] == "USER_CANCELED"


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
        assert k.rss(p) - bytes_ < 60 << 20, p
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


# ---- errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql, name, number, type_", [
    ("select * from nosuch", "TABLE_NOT_FOUND", 46, "USER_ERROR"),
    ("select nosuch", "COLUMN_NOT_FOUND", 47, "USER_ERROR"),
    ("selec 1", "SYNTAX_ERROR", 1, "USER_ERROR"),
    ("select 'a", "SYNTAX_ERROR", 1, "USER_ERROR"),
    ("select 1; select 2", "SYNTAX_ERROR", 1, "USER_ERROR"),
    ("-- nothing", "SYNTAX_ERROR", 1, "USER_ERROR"),
    ("select nosuch(1)", "FUNCTION_NOT_FOUND", 6, "USER_ERROR"),
    ("select cast('x' as integer)", "INVALID_CAST_ARGUMENT", 9, "USER_ERROR"),
    ("commit", "NOT_IN_TRANSACTION", 21, "USER_ERROR"),
    ("start transaction", "INCOMPATIBLE_CLIENT", 27, "USER_ERROR"),
    ("set session nosuch = 1", "INVALID_SESSION_PROPERTY", 14, "USER_ERROR"),
    ("set session queryflux.dialect = 'x'", "INVALID_SESSION_PROPERTY", 14, "USER_ERROR"),
    ("set role admin", "NOT_SUPPORTED", 13, "USER_ERROR"),
    ("use main", "MISSING_CATALOG_NAME", 56, "USER_ERROR"),
    ("execute nosuch", "NOT_FOUND", 5, "USER_ERROR"),
    ("execute immediate 'select ?'", "INVALID_PARAMETER_USAGE", 80, "USER_ERROR"),
    ("execute immediate 'select ?' using (select 1)", "NOT_SUPPORTED", 13, "USER_ERROR"),
    ("execute immediate 'execute p'", "NOT_SUPPORTED", 13, "USER_ERROR"),
    ("prepare p from execute q", "NOT_SUPPORTED", 13, "USER_ERROR"),
    ("deallocate prepare nosuch", "NOT_FOUND", 5, "USER_ERROR"),
    ("describe output p", "NOT_SUPPORTED", 13, "USER_ERROR"),
])
def test_errors_are_trino_s(http, sql, name, number, type_):
    e = error_of(http, sql)
    assert (e["errorName"], e["errorCode"], e["errorType"]) == (name, number, type_), e
    assert e["failureInfo"]["message"] == e["message"] and e["failureInfo"]["stack"] == [] == e["failureInfo"]["suppressed"]


def test_errors_have_a_place(http):
    e = error_of(http, "select 1;\nselect 2")
    assert e["errorLocation"] == {"lineNumber": 2, "columnNumber": 1} and e["message"].startswith("line 2:1: ")
    with pytest.raises(KeyError):
        error_of(http, "execute immediate 'selec'")["errorLocation"]


def test_rules_that_deny_are_told(start):
    k = start(CONFIG + "routers:\n  - {{ type: queryRegex, rules: [ {{ regex: secret, action: deny, error: hands off }} ] }}\n")
    h = Http(k)
    for sql in ("select 'secret'", "execute immediate 'select ''secret'''"):
        e = error_of(h, sql)
        assert e["errorName"] == "PERMISSION_DENIED" and "hands off" in e["message"]
    assert h.all("select 1")[0] == [[1]]


def test_a_statement_over_the_limit(start):
    k = start(CONFIG.replace("  frontends:\n", "  maxStatementBytes: 2000\n  frontends:\n"))
    h = Http(k)
    assert error_of(h, "select '" + "x" * 3000 + "'")["errorName"] == "QUERY_TEXT_TOO_LARGE"
    assert h.post("select '" + "x" * (18 << 20) + "'").status == 413
    assert Http(k).all("select 1")[0] == [[1]]


def test_too_many_queries(start):
    config = CONFIG.replace("  frontends:\n", "  frontends:\n    trinoHttp: {{ enabled: true, port: {trino}, maxConnections: 3 }}\n")
    h = Http(start(config))
    uris = [h.start("select 1") for _ in range(3)]
    page = h.post("select 1").json
    assert page["error"]["errorName"] == "QUERY_QUEUE_FULL" and "nextUri" not in page
    assert h.ask("GET", uris[0]).json["data"] == [[1]]
    assert h.all("select 2")[0] == [[2]]


def test_query_max_run_time(http):
    begin = time.monotonic()
    e = error_of(http, ENDLESS, **{"X-Trino-Session": "query_max_run_time=500ms"})
    assert e["errorName"] == "EXCEEDED_TIME_LIMIT" and time.monotonic() - begin < 5 * SLOW


# ---- requests ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", "/v1/statement", 405, "POST"), ("PUT", "/v1/statement", 405, "POST"), ("POST", "/v1/info", 405, "GET, HEAD"),
    ("POST", f"/v1/statement/qf/queued/a/{'0' * 32}/1", 405, "GET, HEAD, DELETE"), ("GET", "/", 404, None),
    ("GET", "/v1/statement/queued/a/b/1", 404, None), ("GET", f"/v1/statement/qf/queued/a/{'0' * 32}/1", 404, None),
    ("GET", "/v1/statement/qf/queued/../../etc/passwd", 404, None), ("HEAD", "/v1/info", 200, None),
    ("GET", "/ui/query.html?nosuch", 404, None), ("GET", "/ui/query.html", 404, None)])
def test_paths_and_methods(http, method, path, status, allow):
    reply = http.ask(method, path)
    assert reply.status == status and reply.header("allow") == allow


def test_info(http):
    info = http.ask("GET", "/v1/info").json
    assert info["coordinator"] is True and info["starting"] is False and info["environment"] == "queryflux"
    assert info["nodeVersion"]["version"] and re.fullmatch(r"\d+\.\d\d[smhd]", info["uptime"])


@pytest.mark.parametrize("headers, status", [
    ({}, 401), ({"Authorization": "Basic " + base64.b64encode(b"ann:").decode()}, 200),
    ({"Authorization": "Basic " + base64.b64encode(b"ann:secret").decode()}, 401), ({"Authorization": "Bearer x"}, 401),
    ({"X-Trino-User": "ann", "X-Trino-Session": "nonsense"}, 400), ({"X-Trino-User": "ann", "X-Trino-Session": "a=%"}, 400),
    ({"X-Trino-User": "ann", "X-Trino-Schema": "s"}, 400), ({"X-Trino-User": "ann", "X-Trino-Time-Zone": "Nowhere/Land"}, 400),
    ({"X-Trino-User": "ann", "X-QueryFlux-Dialect": "klingon"}, 400),
    ({"X-Trino-User": "ann", **{f"X-H{i}": "v" for i in range(1100)}}, 400),
])
def test_who_may_post(http, headers, status):
    reply = http.ask("POST", "/v1/statement", b"select 1", headers)
    assert reply.status == status
    assert (reply.header("www-authenticate") == 'Basic realm="Trino"') == (status == 401)


def test_an_empty_statement(http):
    assert http.post("").status == 400


@pytest.mark.parametrize("headers, base", [
    ({"Host": "sql.example.org"}, "http://sql.example.org"),
    ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "lb.example.org"}, "https://lb.example.org"),
    ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "lb.example.org", "X-Forwarded-Port": "8443"}, "https://lb.example.org:8443"),
    ({"X-Forwarded-Host": 'evil"/x', "Host": "h:1"}, "http://h:1"),
])
def test_links(http, headers, base):
    assert http.post("select 1", **headers).json["nextUri"].startswith(base + "/v1/statement/qf/queued/")


def test_links_of_the_configuration(start):
    k = start(CONFIG.replace("  frontends:\n", "  externalAddress: https://sql.example.org/trino/\n  frontends:\n"))
    page = Http(k).post("select 1", **{"X-Forwarded-Host": "evil.example.org"}).json
    assert page["nextUri"].startswith("https://sql.example.org/trino/v1/statement/qf/queued/")


def test_rules_by_header_tag_and_user(start):
    config = """
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  one: {{ engine: duckDb, databasePath: "{state}/one.duckdb" }}
  two: {{ engine: duckDb, databasePath: "{state}/two.duckdb" }}
clusterGroups:
  one: {{ maxRunningQueries: 8, members: [one] }}
  two: {{ maxRunningQueries: 8, members: [two] }}
routers:
  - {{ type: header, headerName: X-Target-Engine, headerValueToGroup: {{ duck: two }} }}
  - {{ type: tags, rules: [ {{ tags: {{ team: ads }}, targetGroup: two }} ] }}
  - {{ type: userGroup, userToGroup: {{ zoe: two }} }}
  - {{ type: protocolBased, trinoHttp: one }}
routingFallback: two
"""
    h = Http(start(config))
    for headers, where in [({}, "one"), ({"x-target-engine": "duck"}, "two"), ({"X-Trino-Client-Tags": "nightly,team:ads"}, "two"),
                           ({"X-Trino-Client-Tags": "team:other"}, "one"), ({"X-Trino-Session": "query_tags=team%3Aads"}, "two"),
                           ({"X-Trino-User": "zoe"}, "two")]:
        assert h.all("select current_database()", **headers)[0] == [[where]], headers


def test_properties_without_effect_are_said(http):
    page = http.all("select 1", **{"X-Trino-Session": "join_distribution_type=BROADCAST"})[1]
    assert [w["message"] for w in page["warnings"]] == ["Session property 'join_distribution_type' has no effect here"]


def test_transactions_by_hand(kit, http):
    txn = {"X-Trino-Transaction-Id": "NONE"}
    reply = http.ask("GET", http.start("start transaction read only", **txn))
    txn = {"X-Trino-Transaction-Id": reply.header("x-trino-started-transaction-id")}
    assert uuid.UUID(txn["X-Trino-Transaction-Id"])
    assert http.all("select 1", **txn)[0] == [[1]]
    assert error_of(http, "start transaction", **txn)["errorName"] == "NOT_SUPPORTED"
    other = {**txn, "X-Trino-User": "mallory"}
    assert error_of(http, "select 1", **other)["errorName"] == "UNKNOWN_TRANSACTION"
    assert error_of(http, "create table ro (a integer)", **txn)["errorName"] == "READ_ONLY_VIOLATION"
    reply = http.ask("GET", http.start("rollback", **txn))
    assert reply.json["updateType"] == "ROLLBACK" and reply.header("x-trino-clear-transaction-id") == "true"
    assert error_of(http, "commit", **txn)["errorName"] == "UNKNOWN_TRANSACTION"


def test_a_transaction_that_is_idle_is_rolled_back(start):
    k = start(CONFIG.replace("  frontends:\n", "  idleInTransactionTimeoutSecs: 1\n  frontends:\n"))
    h = Http(k)
    h.all("create table t (a integer)")
    reply = h.ask("GET", h.start("start transaction", **{"X-Trino-Transaction-Id": "NONE"}))
    txn = {"X-Trino-Transaction-Id": reply.header("x-trino-started-transaction-id")}
    assert h.all("insert into t values (1)", **txn)[1]["updateCount"] == 1
    time.sleep(2)
    assert error_of(h, "select 1", **txn)["errorName"] == "UNKNOWN_TRANSACTION"
    assert h.all("select count(*) from t")[0] == [[0]]


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


# ---- qf-admin up --------------------------------------------------------------------------------------------------------------


def test_the_table_names_the_port_and_a_command(kit):
    assert f"trinoHttp      127.0.0.1:{kit.trino_port}" in kit.out_path.read_text()
    assert f"trino --server http://127.0.0.1:{kit.trino_port}\n" in kit.out_path.read_text()


def test_exec_knows_where(tmp_path):
    """The embedded default serves Trino clients, and a command finds the port."""
    k = Toolkit(tmp_path)
    done = subprocess.run([BIN / "qf-admin", "up", "--port-offset", str(k.port % 20000 + 10000), "--exec",
                           "echo $QF_TRINO_URL; curl -s -H 'X-Trino-User: me' -d 'select 1' $QF_TRINO_URL/v1/statement || true"],
                          env=k.env, capture_output=True, text=True, timeout=60 * SLOW)
    url, page = done.stdout.split("\n", 1)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url), done.stderr
    assert page == "" or json.loads(page)["nextUri"].startswith(url + "/v1/statement/qf/queued/")


def test_nothing_broke(kit):
    assert_well(kit)
