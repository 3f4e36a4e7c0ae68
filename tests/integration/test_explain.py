"""qf-route as a command-line tool: --explain from the configuration alone, exit statuses, --translate."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("QF_BINDIR", TOP / "build/bin"))
EXAMPLE = TOP / "tests/fuzz/corpus/conf/example.yaml"

GROUPS = """
clusters:
  duck: { engine: duckDb }
  pg: { engine: postgres, endpoint: "localhost:1" }
  my: { engine: mysql, endpoint: "localhost:1" }
  spare: { engine: duckDb, enabled: false }
clusterGroups:
  fast: { maxRunningQueries: 2, members: [duck] }
  mixed: { maxRunningQueries: 2, members: [spare, pg, my, duck] }
"""


def run(*args, conf=None, stdin="", program=BIN / "qf-route", env=None):
    argv = [str(program), "--explain"] + (["-c", str(conf)] if conf else []) + list(args)
    clean = {k: v for k, v in os.environ.items() if k not in ("QF_CONFIG", "QF_STATE_DIR")} | (env or {})
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, env=clean)


def explain(*args, status=0, **more):
    done = run("--format", "json", *args, **more)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def conf(tmp_path):
    def write(routers, fallback="routingFallback: fast\n"):
        path = tmp_path / "q.yaml"
        path.write_text(GROUPS + "routers:\n" + routers + fallback)
        return path

    return write


# ---- the example of the design ---------------------------------------------------------------------------------------


def test_example_header_beats_fallback():
    (one,) = explain("--header", "X-Target-Engine=duckdb", "select 1", conf=EXAMPLE)
    assert (one["group"], one["denied"], one["fallback"]) == ("duckdb-local", False, False)
    assert (one["router"], one["index"]) == ("header", 2)
    assert (one["sourceDialect"], one["targetDialect"]) == ("postgres", "duckdb")
    assert one["translation"] == {"needed": True}
    assert one["members"][0]["cluster"] == "duckdb-1"


def test_example_trino_client():
    (one,) = explain("--protocol", "trino", "select 1", conf=EXAMPLE)
    assert one["group"] == "trino-default"
    assert one["trace"][0]["matched"] is True
    assert one["trace"][0]["reason"] == "the protocol is trinoHttp → group trino-default"
    assert (one["sourceDialect"], one["targetDialect"]) == ("trino", "trino")
    assert one["translation"] == {"needed": False}


def test_example_says_why_for_each_rule():
    (one,) = explain("select 1", conf=EXAMPLE)
    assert (one["group"], one["fallback"]) == ("duckdb-local", True)
    assert [(t["router"], t["matched"]) for t in one["trace"]] == [
        ("protocolBased", False), ("header", False), ("pythonScript", False)]
    assert one["trace"][0]["reason"] == "no group for postgresWire (there is one for trinoHttp)"
    assert one["trace"][1]["reason"] == "header X-Target-Engine is not sent"
    assert one["trace"][2]["reason"] == "route() returned None"
    assert one["trace"][2]["script"] == {"outcome": "none", "error": None, "line": None, "printed": None}
    assert all(0 < t["micros"] < 1e6 for t in one["trace"])


# ---- every router type, and that the rule is what decides ------------------------------------------------------------

ROUTERS = {
    "protocolBased": ("- { type: protocolBased, postgresWire: mixed }\n", [], "select 1"),
    "header": ("- { type: header, headerName: X-A, headerValueToGroup: { b: mixed } }\n", ["--header", "x-a=b"], "select 1"),
    "userGroup": ("- { type: userGroup, userToGroup: { ann: mixed } }\n", ["--user", "ann"], "select 1"),
    "queryRegex": ("- { type: queryRegex, rules: [{ regex: big, targetGroup: mixed }] }\n", [], "select * from big"),
    "tags": ("- { type: tags, rules: [{ tags: { team: eng, batch: null }, targetGroup: mixed }] }\n",
             ["--tag", "team=eng", "--tag", "batch"], "select 1"),
    "compound": ("- { type: compound, combine: all, targetGroup: mixed, conditions: [{ type: user, username: ann },"
                 " { type: clientTag, tag: \"team:eng\" }, { type: protocol, protocol: postgres }] }\n",
                 ["--user", "ann", "--tag", "team=eng"], "select 1"),
}


@pytest.mark.parametrize("kind", ROUTERS)
def test_router_decides(kind, conf):
    rule, args, sql = ROUTERS[kind]
    (one,) = explain(*args, sql, conf=conf(rule))
    assert (one["group"], one["router"], one["fallback"]) == ("mixed", kind, False)
    (changed,) = explain(*args, sql, conf=conf(rule.replace("mixed", "fast")))
    assert (changed["group"], changed["router"]) == ("fast", kind)
    if args:
        (without,) = explain(sql, conf=conf(rule))
        assert (without["group"], without["fallback"]) == ("fast", True)


DENY = """- type: queryRegex
  rules:
    - { regex: '(?i)^\\s*drop\\b', action: deny, error: drops are for operators }
    - { regex: big_table, targetGroup: mixed }
"""


def test_denial_is_status_3_and_says_where(conf):
    path = conf(DENY)
    done = run("select 1;\n  drop table t;\nselect * from big_table", conf=path)
    assert done.returncode == 3
    assert done.stdout.count("statement ") >= 3
    assert 'rule 1: pattern "(?i)^\\\\s*drop\\\\b" matches "drop" at 2:3 → denied: drops are for operators' in done.stdout
    assert "refused       drops are for operators, by router 1 (queryRegex), rule 1" in done.stdout
    one, two, three = explain("select 1;\n  drop table t;\nselect * from big_table", conf=path, status=3)
    assert (one["group"], one["line"], one["fallback"]) == ("fast", 1, True)
    assert (two["group"], two["denied"], two["line"]) == (None, True, 2)
    assert two["message"] == "drops are for operators"
    assert (two["targetDialect"], two["members"], two["translation"]) == (None, [], None)
    assert (three["group"], three["rule"]) == ("mixed", 2)


def test_no_rule_and_no_fallback_is_refused(conf):
    (one,) = explain("select 1", conf=conf(DENY, fallback=""), status=3)
    assert one["denied"] and "no routingFallback" in one["message"]


def test_a_pattern_that_gives_up_does_not_let_pass(conf):
    path = conf("- { type: queryRegex, rules: [{ regex: '^(a+)+$', action: deny }] }\n")
    (one,) = explain("-", conf=path, stdin="a" * 5000 + "!", status=3)
    assert "too many steps" in one["message"]


def test_members_and_dialects(conf):
    path = conf("- { type: protocolBased, postgresWire: mixed }\n")
    (one,) = explain("select nextval('s')", conf=path)
    assert [(m["cluster"], m["enabled"], m["built"], m["translation"]["needed"]) for m in one["members"]] == [
        ("spare", False, True, True), ("pg", True, True, False), ("my", True, False, True), ("duck", True, True, True)]
    assert one["targetDialect"] == "postgres"
    assert one["access"] != "read" and one["culprit"] == "nextval"
    text = run("select nextval('s')", conf=path).stdout
    assert "spare (duckDb, disabled): from postgres to duckdb, needs translation" in text
    assert "pg (postgres): from postgres to postgres, no translation needed" in text
    assert "my (mysql, known, not built yet): from postgres to mysql, needs translation" in text


def test_the_dialect_can_be_said(conf):
    path = conf("")
    assert explain("--dialect", "duckdb", "select 1", conf=path)[0]["translation"] == {"needed": False}
    assert explain("--header", "X-QueryFlux-Dialect=trino", "select 1", conf=path)[0]["sourceDialect"] == "trino"


# ---- where the text and the configuration come from ------------------------------------------------------------------


def test_file_and_standard_input(conf, tmp_path):
    (tmp_path / "in.sql").write_text("-- one\nselect 1;\n\n/* two */ select 2; -- end\n")
    named = explain("--file", str(tmp_path / "in.sql"), conf=conf(""))
    piped = explain("-", conf=conf(""), stdin=(tmp_path / "in.sql").read_text())
    for got in named, piped:
        assert [(s["line"], s["group"]) for s in got] == [(2, "fast"), (4, "fast")]


def test_the_configuration_is_found(conf, tmp_path):
    assert explain("select 1")[0]["group"] == "default"  # the embedded default
    assert explain("select 1", env={"QF_CONFIG": str(conf(""))})[0]["group"] == "fast"


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "in.sql").write_bytes(b"select '\xff\x1b[2J'")
    (one,) = explain("--file", str(tmp_path / "in.sql"))
    assert one["statement"] == "select '\ufffd\x1b[2J'"
    done = subprocess.run([BIN / "qf-route", "--explain", "--file", tmp_path / "in.sql"], capture_output=True, timeout=60)
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("args, status, text", [
    (["--protocol", "postgre", "x"], 2, 'unknown protocol "postgre"; did you mean "postgres"?'),
    (["--dialect", "duckbd", "x"], 2, 'unknown dialect "duckbd"; did you mean "duckdb"?'),
    (["--header", "X-QueryFlux-Dialect=duckbd", "x"], 2, 'did you mean "duckdb"?'),
    (["--format", "yaml", "x"], 2, 'unknown format "yaml"; it is one of: text, json'),
    (["--header", "novalue", "x"], 2, "write --header NAME=VALUE"),
    (["--tag", "=v", "x"], 2, "has no name"),
    ([], 2, "needs a statement"),
    (["a", "b"], 2, "one argument too many"),
    (["--file", "/nonexistent.sql"], 1, "/nonexistent.sql: No such file"),
    (["--file", "/dev/null"], 2, "there is no statement to explain"),
    (["-c", "/nonexistent.yaml", "x"], 2, "/nonexistent.yaml: No such file"),
    (["--protcol", "x"], 2, "did you mean --protocol?"),
])
def test_wrong_use(args, status, text):
    done = run(*args)
    assert done.returncode == status, done.stderr
    assert text in done.stderr and done.stdout == ""


def test_a_bad_configuration_is_status_2(tmp_path):
    path = tmp_path / "q.yaml"
    path.write_text("queryflux:\n  frontends: { postgresWire: { prot: 1 } }\n")
    done = run("select 1", conf=path)
    assert done.returncode == 2
    assert done.stderr == (f'qf-route: {path}:2:32: unknown key "prot" in queryflux.frontends.postgresWire; '
                           'did you mean "port"?\n')


# ---- --translate -----------------------------------------------------------------------------------------------------

FAKE = """#!/usr/bin/python3
import json, sys
assert sys.argv[1:] == ["--guard", "--format", "json", "--from", "postgres", "--to", "duckdb"], sys.argv
sql = sys.stdin.read().strip().removesuffix(";").strip()
if "hang up" in sql:
    sys.exit(1)
if "refuse" in sql:
    print("qf-translate: line 1: it has no counterpart", file=sys.stderr)
    print(json.dumps({"input": sql, "output": None, "warnings": [], "doubts": []}))
    sys.exit(1)
doubts = ["integer division"] if "/" in sql else []
print(json.dumps({"input": sql, "output": sql.upper(), "warnings": [], "doubts": doubts}))
"""


@pytest.fixture
def beside(tmp_path):
    """A copy of qf-route whose sibling is a stand-in."""
    (tmp_path / "bin").mkdir()
    shutil.copy(BIN / "qf-route", tmp_path / "bin")
    fake = tmp_path / "bin/qf-translate"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    return tmp_path / "bin/qf-route"


def test_translate_shows_what_would_be_sent(beside, conf):
    (one,) = explain("--translate", "select a", program=beside, conf=conf(""))
    assert one["translation"] == {"needed": True, "sql": "SELECT A", "refused": None, "warnings": [], "doubts": []}
    assert "would send    SELECT A" in run("--translate", "select a", program=beside, conf=conf("")).stdout


def test_translate_with_parameters(conf):
    """Their types are declared, or found; one without a type is an error, as PostgreSQL has it."""
    for types, want in ((["--param-types", "float8"], "CAST($1 AS DOUBLE)"), (["--param-types", "int8,0"], "CAST($1 AS BIGINT) // 2"),
                        ([], "CAST($1 AS INTEGER) // 2")):
        (one,) = explain("--translate", *types, "select $1 / 2", conf=conf(""))
        assert want in one["translation"]["sql"], one["translation"]
    (one,) = explain("--translate", "select $1 is null", conf=conf(""), status=1)
    assert one["translation"]["refused"] == "could not determine data type of parameter $1"
    done = run("--translate", "--param-types", "nope", "select $1", conf=conf(""))
    assert done.returncode == 1 and 'unknown type "nope"' in done.stderr


def test_translate_shows_a_refusal(beside, conf):
    (one,) = explain("--translate", "refuse", program=beside, conf=conf(""), status=1)
    assert one["translation"]["sql"] is None
    assert one["translation"]["refused"] == "line 1: it has no counterpart"


def test_a_doubt_is_refused_unless_configured(beside, conf):
    (one,) = explain("--translate", "select 1/2", program=beside, conf=conf(""), status=1)
    assert (one["translation"]["sql"], one["translation"]["refused"]) == ("SELECT 1/2", "integer division")
    lenient = conf("", "routingFallback: fast\ntranslation: { errorOnUnsupported: false }\n")
    (one,) = explain("--translate", "select 1/2", program=beside, conf=lenient)
    assert (one["translation"]["refused"], one["translation"]["doubts"]) == (None, ["integer division"])


def test_translate_without_need_asks_nobody(beside, conf):
    (beside.parent / "qf-translate").unlink()
    (one,) = explain("--translate", "--dialect", "duckdb", "select 1", program=beside, conf=conf(""))
    assert one["translation"] == {"needed": False}


def test_a_missing_or_broken_translator_is_named(beside, conf):
    done = run("--translate", "hang up", program=beside, conf=conf(""))
    assert done.returncode == 1 and "qf-translate gave no answer" in done.stderr
    (beside.parent / "qf-translate").unlink()
    done = run("--translate", "select 1", program=beside, conf=conf(""))
    assert done.returncode == 1 and "qf-translate: No such file" in done.stderr


def test_a_large_statement_passes_through(beside, conf):
    sql = "select '" + "x" * 1_000_000 + "'"
    (one,) = explain("--translate", "-", stdin=sql, program=beside, conf=conf(""))
    assert one["translation"]["sql"] == sql.upper()
