"""A live query for each router type: the service routes as explained, and changing the rule changes both."""
import json
import os
import pathlib
import re
import subprocess
import time

import psycopg
import pytest

from conftest import BIN, SLOW, Toolkit, free_port, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]

# Three groups on three databases, each of which knows its name.
BASE = """
queryflux:
  frontends:
    postgresWire: { enabled: true, port: @PORT@ }
clusters:
""" + "".join(f"""
  on-{name}: {{ engine: duckDb, threads: 1, initSql: "CREATE TABLE IF NOT EXISTS whoami AS SELECT '{name}' AS name" }}
""" for name in ("home", "one", "two")) + """
clusterGroups:
  home: { maxRunningQueries: 2, members: [on-home] }
  one: { maxRunningQueries: 2, members: [on-one] }
  two: { maxRunningQueries: 2, members: [on-two] }
"""
FALLBACK = "routingFallback: home\n"
WHO = "select name from whoami"


def reload(kit, text):
    """The configuration in force in every program afterwards is the one written."""
    kit.config.write_text(text.replace("@PORT@", str(kit.port)))
    checked = subprocess.run([str(BIN / "qf-route"), "-t", "-c", str(kit.config)], env=kit.env, capture_output=True, text=True, timeout=20)
    assert checked.returncode == 0, checked.stderr
    want = re.search(r"id ([0-9a-f]{16})", checked.stdout).group(1)
    done = kit.admin("-c", str(kit.config), "reload")
    assert done.returncode == 0, done.stderr

    def in_force():
        rows = [line.split() for line in kit.admin("status").stdout.splitlines()]
        rows = [r for r in rows if r[1] == "0"]
        return len(rows) >= 4 and all(r[3] == want for r in rows)

    wait_until(in_force, 5)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    k = Toolkit(tmp_path_factory.mktemp("routes"))
    k.config = k.dir / "queryflux.yaml"
    k.config.write_text((BASE + FALLBACK).replace("@PORT@", str(k.port)))
    k.start()
    yield k
    k.stop()


def connect(kit, session):
    """A header is a startup option; tags are one too."""
    options = {"queryflux.dialect": "duckdb", **session.get("headers", {})}
    if "tags" in session:
        options["queryflux.tags"] = ", ".join(k if v is None else f"{k}={v}" for k, v in session["tags"].items())
    text = " ".join("-c " + f"{k}={v}".replace("\\", "\\\\").replace(" ", "\\ ") for k, v in options.items())
    return kit.connect(user=session.get("user", "tester"), options=text)


def live(kit, session, sql=WHO):
    with connect(kit, session) as c:
        try:
            return c.execute(sql).fetchone()[0]
        except psycopg.errors.InsufficientPrivilege as e:
            return "denied: " + e.diag.message_primary


def explained(kit, session, sql=WHO):
    argv = [str(BIN / "qf-route"), "--explain", "-c", str(kit.config), "--format", "json", "--user", session.get("user", "tester"),
            "--header", "queryflux.dialect=duckdb"]
    for k, v in session.get("headers", {}).items():
        argv += ["--header", f"{k}={v}"]
    for k, v in session.get("tags", {}).items():
        argv += ["--tag", k if v is None else f"{k}={v}"]
    done = subprocess.run([*argv, sql], env=kit.env, capture_output=True, text=True, timeout=20 * SLOW)
    assert done.returncode in (0, 3), done.stderr
    (one,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode == 3) == one["denied"]
    assert one["translation"] in (None, {"needed": False})
    return ("denied: " + one["message"]) if one["denied"] else one["group"]


ANN = {"user": "ann"}
DUCK = {"headers": {"X-Target-Engine": "duckdb"}}
APP = {"headers": {"application_name": "bi tool"}}
TEAM = {"tags": {"team": "ads", "nightly": None}}
HEADER = "- { type: header, headerName: X-Target-Engine, headerValueToGroup: { duckdb: two, other: one } }\n"
REGEX = "- { type: queryRegex, rules: [ { regex: 'big_table', targetGroup: one }, { regex: '(?i)WHOAMI', targetGroup: two } ] }\n"
DENY = "- { type: queryRegex, rules: [ { regex: 'from\\s+whoami', action: deny, error: ask somebody else } ] }\n"
DENIED = "denied: ask somebody else"
NOWHERE = "denied: no routing rule matches this statement, and the configuration has no routingFallback"
TAGS = "- { type: tags, rules: [ { tags: { team: ads, nightly: null }, targetGroup: two } ] }\n"
SCRIPT = """- type: pythonScript
  script: |
    def route(query, ctx):
        if "whoami2" in query: return "one"
        return "one" if "whoami" not in query else None
"""
USERS = "- { type: userGroup, userToGroup: { ann: two, bob: one } }\n"
ALL = ("- { type: compound, combine: all, targetGroup: two, conditions: [ { type: user, username: ann }, { type: protocol, protocol: postgres },"
       " { type: queryRegex, regex: whoami } ] }\n")
ANY = ("- { type: compound, combine: any, targetGroup: two, conditions: [ { type: user, username: bob }, { type: clientTag, tag: \"team:ads\" },"
       " { type: header, headerName: X-Target-Engine, headerValue: duckdb } ] }\n")
BOTH = {**ANN, **TEAM}

# routers, fallback, session, where it runs, then changes of the text and where it runs with them.
CASES = {
    "protocolBased": ("- { type: protocolBased, postgresWire: two, trinoHttp: one }\n", FALLBACK, {}, "two", [
        ("postgresWire: two", "postgresWire: one", "one"), ("postgresWire: two, ", "", "home"), ("postgresWire", "mysqlWire", "home")]),
    "header": (HEADER, FALLBACK, DUCK, "two", [
        ("duckdb: two", "duckdb: one", "one"), ("duckdb: two", "duckdb2: two", "home"), ("X-Target-Engine", "X-Other", "home"),
        ("duckdb: two", "DUCKDB: two", "home"), ("X-Target-Engine", "x-target-ENGINE", "two")]),
    "header that is a setting": (
        "- { type: header, headerName: application_name, headerValueToGroup: { bi tool: two } }\n", FALLBACK, APP, "two", [
            ("bi tool: two", "bi tool: one", "one"), ("bi tool", "bi", "home")]),
    "queryRegex": (REGEX, FALLBACK, {}, "two", [
        ("(?i)WHOAMI", "WHOAMI", "home"), ("big_table", "select", "one"), ("targetGroup: two", "targetGroup: one", "one"),
        ("(?i)WHOAMI", "^who", "home"), (", { regex: '(?i)WHOAMI', targetGroup: two }", "", "home")]),
    "queryRegex deny": (DENY, FALLBACK, {}, DENIED, [
        ("error: ask somebody else", "error: never", "denied: never"), (", error: ask somebody else", "", "denied: this statement is not allowed here"),
        ("whoami", "WHOAMI", "home"), ("action: deny, error: ask somebody else", "targetGroup: one", "one"), (DENY, "", "home")]),
    "tags": (TAGS, FALLBACK, TEAM, "two", [
        ("targetGroup: two", "targetGroup: one", "one"), ("team: ads", "team: eng", "home"), ("nightly: null", "nightly: yes-please", "home"),
        ("nightly: null", "weekly: null", "home"), ("team: ads, ", "", "two")]),
    "userGroup": (USERS, FALLBACK, ANN, "two", [
        ("ann: two", "ann: one", "one"), ("ann: two, ", "", "home"), ("ann", "Ann", "home")]),
    "compound all": (ALL, FALLBACK, ANN, "two", [
        ("targetGroup: two", "targetGroup: one", "one"), ("username: ann", "username: bob", "home"), ("protocol: postgres", "protocol: trino", "home"),
        ("regex: whoami", "regex: nobody", "home"), ("combine: all, ", "", "two"), ("combine: all", "combine: any", "two")]),
    "compound any, by tag": (ANY, FALLBACK, TEAM, "two", [
        ("combine: any", "combine: all", "home"), ("team:ads", "team:eng", "home"), ("team:ads", "team", "two"), ("targetGroup: two", "targetGroup: one", "one")]),
    "compound any, by header": (ANY, FALLBACK, DUCK, "two", [
        ("headerValue: duckdb", "headerValue: trino", "home"), (", headerValue: duckdb", "", "two"), ("X-Target-Engine", "X-Other", "home")]),
    "order": (USERS + TAGS.replace("two", "one"), FALLBACK, BOTH, "two", [
        (USERS, "", "one"), (TAGS.replace("two", "one"), "", "two"), (USERS + TAGS.replace("two", "one"), TAGS.replace("two", "one") + USERS, "one")]),
    "deny before route": (DENY + USERS, FALLBACK, ANN, DENIED, [(DENY + USERS, USERS + DENY, "two"), (DENY, "", "two")]),
    "routingFallback": ("", FALLBACK, {}, "home", [
        ("routingFallback: home", "routingFallback: one", "one"),
        ("routingFallback: home\n", "", NOWHERE)]),
    "pythonScript": (SCRIPT + USERS, FALLBACK, ANN, "two", [
        ('"whoami2"', '"whoami"', "one"), ("not in", "in", "one"), (SCRIPT, "", "two"), ("ann: two", "ann: one", "one"),
        ("else None", 'else {"deny": "no"}', "denied: no"), ("else None", 'else "noe"', "two"), ("None", "1 / 0", "two"), (USERS, "", "home")]),
}


def configuration(routers, fallback):
    return BASE + ("routers:\n" + routers if routers else "") + fallback


@pytest.mark.parametrize("name", CASES)
def test_routed_as_explained(kit, name):
    routers, fallback, session, where, changes = CASES[name]
    reload(kit, configuration(routers, fallback))
    assert (live(kit, session), explained(kit, session)) == (where, where)
    for old, new, then in changes:
        changed = (routers + fallback).replace(old, new, 1)
        assert changed != routers + fallback, old
        split = changed.find("routingFallback")
        split = len(changed) if split < 0 else split
        reload(kit, configuration(changed[:split], changed[split:]))
        assert (live(kit, session), explained(kit, session)) == (then, then), (old, new)


# ---- a refusal holds wherever the statement stands ---------------------------------------------------------------------

GUARD = """routers:
- type: queryRegex
  rules:
    - { regex: '(?i)\\bsecret\\b', action: deny, error: hands off }
    - { regex: '/\\* one \\*/', targetGroup: one }
"""


@pytest.fixture
def guarded(kit):
    reload(kit, BASE + GUARD + FALLBACK)
    with kit.connect("duckdb") as c:
        c.execute("create table if not exists open_table(i int)")
        c.execute("delete from open_table")
        yield c


def refused(c, sql):
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as e:
        c.execute(sql)
    assert e.value.diag.message_primary == "hands off" and "qf-route --explain" in e.value.diag.message_hint


def traces(kit, n):
    """The last n verdicts, by rule or by ticket."""
    def told():
        lines = [json.loads(line) for line in kit.admin("events").stdout.splitlines()]
        return [e["trace"] for e in lines if e["event"] == "routed"]

    wait_until(lambda: len(told()) >= n, 5)
    time.sleep(0.3)
    return told()[-n:]


def test_ticket_for_an_equal_statement(kit):
    """The second equal statement of an equal session asks no rule; another user, text, header or configuration does."""
    reload(kit, configuration(USERS + HEADER + REGEX, FALLBACK))
    sql = WHO + " where 1 = 1"
    for session in (ANN, ANN, {"user": "bob"}, ANN, {**ANN, **DUCK}, ANN):
        live(kit, session, sql)
    live(kit, ANN, sql + " and 2 = 2")
    assert sorted(traces(kit, 7)) == ["ticket"] * 3 + ["userGroup 1"] * 4  # two programs tell, in any order
    reload(kit, configuration(USERS.replace("ann: two", "ann: one"), FALLBACK))
    assert [live(kit, ANN, sql) for _ in range(2)] == ["one", "one"]
    assert sorted(traces(kit, 2)) == ["ticket", "userGroup 1"]


def test_ticket_where_no_rule_reads_the_text(kit):
    reload(kit, configuration(USERS + HEADER, FALLBACK))
    got = [live(kit, session, f"{WHO} where {n} = {n}") for n, session in enumerate((ANN, ANN, {"user": "bob"}, ANN, {**ANN, **DUCK}))]
    assert got == ["two", "two", "one", "two", "two"]
    assert sorted(traces(kit, 5)) == ["ticket"] * 2 + ["userGroup 1"] * 3


def test_no_ticket_from_a_script(kit):
    script = """- type: pythonScript
  script: |
    def route(query, ctx):
        return "one"
"""
    reload(kit, configuration(script, FALLBACK))
    sql = WHO + " where 3 = 3"
    assert [live(kit, ANN, sql) for _ in range(3)] == ["one"] * 3
    assert not [t for t in traces(kit, 3) if "ticket" in t]



def test_deny_in_a_transaction(guarded):
    c = guarded
    c.execute("begin")
    c.execute("insert into open_table values (1)")
    refused(c, "select 1 as secret")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        c.execute("select 1")
    assert c.execute("commit").statusmessage == "ROLLBACK"
    assert c.execute("select count(*) from open_table").fetchone() == (0,)


def test_deny_as_the_first_of_a_transaction(guarded):
    guarded.execute("begin")
    refused(guarded, "select 1 as secret")
    assert guarded.execute("rollback").statusmessage == "ROLLBACK"
    assert guarded.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("text", [
    "select 1; select 2 as secret", "select 1 as secret; select 2", "insert into open_table values (1); select 1 as secret; insert into open_table values (2)",
    "begin; insert into open_table values (1); select 1 as secret; commit", "select 1;;; /* x */ ; select 1 as\n--\nsecret",
    "set application_name = 'x'; select 1 as SeCrEt"])
def test_deny_in_a_text_of_several(guarded, text):
    """The whole text is one transaction: what stands before the refused one leaves nothing."""
    refused(guarded, text)
    guarded.execute("rollback")
    assert guarded.execute("select count(*) from open_table").fetchone() == (0,)


@pytest.mark.parametrize("text", [
    "explain select 1 as secret", "explain analyze select 1 as secret", "create table t as select 1 as secret",
    "create view v as select 1 as secret", "with s as (select 1 as secret) select * from s", "select 'secret'", "select 1 as \"secret\"",
    "insert into open_table select 1 as secret", "copy (select 1 as secret) to '/tmp/x'"])
def test_deny_in_every_wrapping(guarded, text):
    refused(guarded, text)


@pytest.mark.parametrize("text", ["prepare p as select 1 as secret", "execute p", "execute immediate 'select 1 as secret'"])
def test_no_way_round_by_preparing(guarded, text):
    """What is prepared would have to be judged: it is refused as such."""
    with pytest.raises(psycopg.Error):
        guarded.execute(text)


def test_pinned_group_does_not_change(guarded):
    """Rules choose a group for the first statement; the later ones of a transaction stay where it is."""
    c = guarded
    c.execute("begin")
    assert c.execute("/* one */ select name from whoami").fetchone() == ("one",)
    assert c.execute("select name from whoami").fetchone() == ("one",)
    refused(c, "select 1 as secret")
    c.execute("rollback")
    c.execute("begin")
    assert c.execute("select name from whoami").fetchone() == ("home",)
    assert c.execute("/* one */ select name from whoami").fetchone() == ("home",)
    c.execute("commit")


def test_deny_that_arrives_during_a_transaction(kit, guarded):
    """A rule that was not there at BEGIN counts for the statements after its reload."""
    reload(kit, BASE + FALLBACK)
    with kit.connect("duckdb") as c:
        c.execute("begin")
        assert c.execute("select 1 as secret").fetchone() == (1,)
        reload(kit, BASE + GUARD + FALLBACK)
        refused(c, "select 2 as secret")
        c.execute("rollback")


# ---- the example of the design -----------------------------------------------------------------------------------------

EXAMPLE = TOP / "tests/fuzz/corpus/conf/example.yaml"


@pytest.mark.parametrize("program", ["listen", "route", "dispatch", "translate", "admin"])
def test_example_loads_unchanged(program, tmp_path):
    done = subprocess.run([str(BIN / f"qf-{program}"), "-t", "-c", str(EXAMPLE)], capture_output=True, text=True, timeout=20 * SLOW,
                          env={**os.environ, "QF_RUNTIME_DIR": str(tmp_path)})
    assert done.returncode == 0 and "configuration is good" in done.stdout, done.stderr
    assert "pythonScript" not in done.stderr and "trino-1" in done.stderr and "warning" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_example_live(tmp_path):
    """Adapted by what a laptop lacks: a file that can be written, and PostgreSQL's port, which is off there."""
    k = Toolkit(tmp_path)
    k.config = tmp_path / "q.yaml"
    text = EXAMPLE.read_text().replace("/data/analytics.duckdb", str(tmp_path / "analytics.duckdb"))
    text = text.replace("trinoHttp: { enabled: true, port: 8080 }", f"trinoHttp: {{ enabled: true, port: {k.trino_port} }}")
    text = text.replace("adminApi: { port: 9000 }", f"adminApi: {{ port: {free_port()} }}")
    text = text.replace("postgresWire: { enabled: false, port: 5432 }", f"postgresWire: {{ enabled: true, port: {k.port} }}")
    k.config.write_text(text)
    k.start()
    try:
        for session in (DUCK, {}):
            assert live(k, session, "select 'here' || current_database()") == "hereanalytics"
            assert explained(k, session) == "duckdb-local"
        log = k.log_text()
        assert "cluster trino-1" in log and "not built yet" in log
        assert f"trinoHttp      127.0.0.1:{k.trino_port}" in k.out_path.read_text()
    finally:
        k.stop()


# ---- who may use a group -------------------------------------------------------------------------------------------------

RESTRICTED = BASE.replace("one: { maxRunningQueries: 2, members: [on-one] }",
                          "one: { maxRunningQueries: 2, members: [on-one], authorization: { allowUsers: [ann] } }")
TO_ONE = "- { type: header, headerName: X-Target-Engine, headerValueToGroup: { duckdb: one } }\n"


@pytest.mark.parametrize("user, session, fallback, where", [
    ("ann", DUCK, "home", "one"), ("bob", DUCK, "home", 'denied: user "bob" may not use the cluster group "one"'),
    ("ann", {}, "one", "one"), ("bob", {}, "one", "home"),
])
def test_authorization(kit, user, session, fallback, where):
    """A rule that leads to a group of others refuses; the fallback goes where the user may go. Explain says the same."""
    reload(kit, RESTRICTED + "routers:\n" + TO_ONE + f"routingFallback: {fallback}\n")
    session = {**session, "user": user}
    assert live(kit, session) == explained(kit, session) == where
    assert live(kit, session) == where  # by the ticket of the first one, too


def test_authorization_is_taken_back(kit):
    """From a session in a transaction, too, which stays where it is; the end of it needs nobody's leave."""
    reload(kit, BASE + "routers:\n" + TO_ONE + "routingFallback: one\n")
    with connect(kit, {**DUCK, "user": "bob"}) as bob, connect(kit, {**DUCK, "user": "ann"}) as ann:
        for c in (bob, ann):
            c.execute("begin")
            c.execute("select 1")
        reload(kit, RESTRICTED + "routers:\n" + TO_ONE + "routingFallback: one\n")
        for _ in range(2):
            assert ann.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.Error) as e:
            bob.execute("select 1")
        assert e.value.sqlstate == "42501" and "may not use" in str(e.value), e.value
        bob.execute("rollback")
        ann.execute("commit")
