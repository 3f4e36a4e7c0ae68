"""Trino clients: the Python driver, and plain HTTP for sessions, rules, errors and hostile requests."""
import base64
import datetime
import decimal
import json
import re
import subprocess
import threading
import time
import uuid

import pytest
from trino.exceptions import TrinoUserError
from trino.transaction import IsolationLevel

from conftest import BIN, CONFIG, SLOW, Toolkit, wait_until
from hostile import assert_well
from trinokit import ENDLESS, ID, Http, ask, connect, error_of, wait_idle


@pytest.fixture
def http(kit):
    h = Http(kit)
    yield h
    h.close()


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
    e = error_of(http, "\n\n   select 1,\n nosuch")
    assert e["errorLocation"] == {"lineNumber": 4, "columnNumber": 2}, e
    with pytest.raises(KeyError):
        error_of(http, "execute immediate 'selec'")["errorLocation"]


def test_rules_that_deny_are_told(start):
    k = start(CONFIG.replace("regex: no statement of a test, targetGroup: default", "regex: secret, action: deny, error: hands off"))
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


def test_rollback_behind_a_statement_that_was_given_up(kit):
    """A value that Trino has no form of ends a stream in the middle; the engine may still have it when ROLLBACK comes."""
    sql = ("select i, repeat('x', 1000), case when i = 100 then 'infinity'::date else '2020-01-01'::date end,"
           " case when i < 30000 then 0 else list_sum(list_transform(range(3000), lambda x: x * 2 + i)) end from range(100000) t(i)")
    before = kit.pid("listen")
    for last in ("ROLLBACK", "COMMIT"):
        h = Http(kit, **{"X-Trino-Transaction-Id": "NONE"})
        reply = h.ask("GET", h.start("START TRANSACTION"))
        h.headers["X-Trino-Transaction-Id"] = reply.header("X-Trino-Started-Transaction-Id")
        assert h.all("select 2")[0] == [[2]]
        assert "infinity" in error_of(h, sql)["message"]
        page = h.all(last)[1]
        assert ("error" in page) == (last == "COMMIT"), page
        h.close()
    assert kit.pid("listen") == before and ask(kit, "select 1") == [[1]]


def test_execute_where_a_backslash_escapes(http):
    """Drivers quote as Trino reads it."""
    text = "execute immediate 'select ?, ?' using '\\', ' , 1 -- '"
    error = error_of(http, text, **{"X-QueryFlux-Dialect": "mysql"})
    assert error["errorName"] == "NOT_SUPPORTED" and "backslash" in error["message"]
    assert http.all(text, **{"X-QueryFlux-Dialect": "duckdb"})[0] == [["\\", " , 1 -- "]]


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
