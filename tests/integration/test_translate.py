"""qf-translate as a filter and as a service: order, comments, errors, doubts, workers that hang or die."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import psycopg
import pytest

from conftest import BIN, CONFIG, SLOW, wait_until

PROGRAM = str(BIN / "qf-translate")


def run(sql, source="trino", target="duckdb", *options, env=None, status=None):
    if isinstance(sql, str):
        sql = sql.encode()
    argv = [PROGRAM, "--from", source, "--to", target, *options]
    done = subprocess.run(argv, input=sql, capture_output=True, timeout=60 * SLOW, env=env)
    done.out, done.err = done.stdout.decode(), done.stderr.decode()
    if status is not None:
        assert done.returncode == status, (done.returncode, done.out, done.err)
    return done


def one(sql, source, target, *options):
    """The JSON object of one statement."""
    lines = run(sql, source, target, "--format", "json", *options).out.splitlines()
    assert len(lines) == 1, lines
    return json.loads(lines[0])


# ---- the filter ------------------------------------------------------------------------------------------------------

TEN = """-- one
select a from t1;
/* two */ select a from t2;
select a /* three */ from t3;

-- four, on two
-- lines
select 'a;b' as x from t4;
select a from t5 where;
select "six;" from t6; select a from t7;
select a from t8 -- eight
where a = 1;
select a from t9;
select a from t10
"""


def test_ten_statements_one_of_them_bad():
    done = run(TEN, "trino", "duckdb", status=1)
    statements = [s for s in done.out.split(";\n") if s.strip()]
    assert len(statements) == 9, done.out
    order = [int(s.rsplit("FROM t", 1)[1].split()[0]) for s in statements]
    assert order == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    for comment in ("-- one", "/* two */", "three", "-- four, on two\n-- lines", "eight"):
        assert comment in done.out
    assert done.err.startswith("stdin:9: "), done.err
    assert done.err.count("\n") == 1
    assert done.out.endswith(";\n")


def test_json_has_a_line_for_each_statement():
    done = run("select 7/2;\nselect a / b from t;\nfoo;", "trino", "duckdb", "--format", "json", status=1)
    first, second, third = map(json.loads, done.out.splitlines())
    assert first == {"line": 1, "input": "select 7/2", "output": "SELECT (7 // 2) AS _col0", "warnings": [], "doubts": []}
    assert second["output"] == "SELECT a / b AS _col0 FROM t" and second["doubts"] and second["line"] == 2
    assert third["output"] is None and third["error"] and third["line"] == 3


def test_a_doubt_is_printed_and_said_and_strict_fails():
    done = run("select a / b from t", status=0)
    assert done.out == "SELECT a / b AS _col0 FROM t;\n"
    assert done.err.startswith("stdin:1: doubt: ") and "not known" in done.err
    done = run("select a from t; select a / b from t", "trino", "duckdb", "--strict", status=1)
    assert done.out == "SELECT a FROM t;\n" and done.err.startswith("stdin:1: a division")


def test_file(tmp_path):
    file = tmp_path / "in.sql"
    file.write_text("select a from t;\nselect (;\n")
    done = run("", "trino", "duckdb", "--file", str(file), status=1)
    assert done.out == "SELECT a FROM t;\n" and done.err.startswith(f"{file}:2: ")
    done = run("", "trino", "duckdb", "--file", str(tmp_path / "none.sql"), status=1)
    assert "No such file" in done.err


def test_dialects():
    done = subprocess.run([PROGRAM, "--list-dialects"], capture_output=True, text=True)
    assert {"postgres", "duckdb", "trino", "mysql"} <= set(done.stdout.split()) and done.returncode == 0
    done = run("", "trino", "duckd", status=2)
    assert 'did you mean "duckdb"' in done.err
    done = run("", "xyzzy", "duckdb", status=2)
    assert 'unknown dialect "xyzzy"' in done.err
    assert subprocess.run([PROGRAM, "--from", "trino"], capture_output=True).returncode == 2
    assert run("", "trino", "duckdb", "--format", "xml").returncode == 2
    assert run("", "trino", "duckdb", "select 1").returncode == 2


@pytest.mark.parametrize("source, target", [("trino", "trino"), ("mysql", "starrocks")])
def test_same_dialect_passes_unchanged(source, target):
    text = "select  7/2 ;\n-- c\n  SHOW x -- end\n;\n;select 'a;b'"
    done = run(text, source, target, status=0)
    assert done.out == "select  7/2;\n-- c\n  SHOW x -- end\n;\nselect 'a;b';\n"
    assert done.err == ""


def test_comments_alone():
    assert run("-- nothing\n", status=0).out == "-- nothing\n"
    assert run("", status=0).out == ""
    assert run("select 1 as a; -- after", status=0).out == "SELECT 1 AS a;\n-- after\n"
    assert run("select 1 as a -- last", status=0).out == "SELECT 1 AS a /* last */;\n"


def test_ten_thousand_statements_in_constant_memory():
    """More statements than any buffer: neither the program nor its workers grow with the input."""
    child = subprocess.Popen([PROGRAM, "--from", "trino", "--to", "duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pad = "x" * 200

    def feed():
        for i in range(10000):
            child.stdin.write(b"select a from t where b = %d and c = '%s';\n" % (i, pad.encode()))
        child.stdin.close()

    writer = threading.Thread(target=feed)
    writer.start()
    peak = count = 0
    for line in child.stdout:
        assert b"b = %d " % count in line
        count += 1
        if count % 500 == 0:
            peak = max(peak, resident(child.pid))
    writer.join()
    assert count == 10000 and child.wait(10) == 0
    assert peak < 32 << 20 if SLOW == 1 else True, peak


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def test_an_answer_does_not_wait_for_the_end_of_the_input():
    child = subprocess.Popen([PROGRAM, "--from", "trino", "--to", "duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for i in range(3):
        child.stdin.write(b"select %d as a;\n" % i)
        child.stdin.flush()
        assert child.stdout.readline() == b"SELECT %d AS a;\n" % i
    child.stdin.close()
    assert child.wait(10) == 0


def test_schema(tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text('{"users": {"id": "INTEGER"}}')
    sql = "select 7/2, sum(id)/3 from users"
    assert one(sql, "postgres", "duckdb")["doubts"]
    told = one(sql, "postgres", "duckdb", "--schema", str(schema))
    assert told["doubts"] == [] and "//" in told["output"]
    schema.write_text('{"users": ["id"]}')
    assert run(sql, "postgres", "duckdb", "--schema", str(schema)).returncode == 2
    schema.write_text("{")
    assert run(sql, "postgres", "duckdb", "--schema", str(schema)).returncode == 2


# ---- what must not come out ------------------------------------------------------------------------------------------

PITFALLS = [
    # each of these came out of sqlglot without a word, or with a log line only
    ("postgres", "trino", "select a from t where a = $2 or b = $1", "another order"),
    ("postgres", "mysql", "select a from t where a = $1 or b = $1", "another order"),
    ("duckdb", "postgres", "select $name", "has a name"),
    ("postgres", "duckdb", "select $1 is null", "could not determine data type"),
    ("postgres", "trino", "select E'a\\nb'", "literal"),
    ("postgres", "duckdb", "SUMMARIZE users", "SUMMARIZE"),
    ("postgres", "duckdb", "foo users", "does not begin a statement"),
    ("mysql", "trino", "SHOW VARIABLES LIKE 'x'", "SHOW"),
    ("postgres", "duckdb", "DISCARD ALL", "DISCARD"),
    ("postgres", "duckdb", "COPY t FROM STDIN", "COPY"),
    ("postgres", "duckdb", "PREPARE p AS SELECT 1", "PREPARE"),
    ("postgres", "trino", "EXPLAIN SELECT 1", "EXPLAIN"),
    ("trino", "duckdb", "CALL x.y()", "CALL"),
    ("trino", "duckdb", "create table t (a bigint) with (format = 'ORC')", ""),
    ("spark", "duckdb", "select /*+ broadcast(t) */ a from t", "hint"),
    ("mysql", "duckdb", "select /*!40000 1 + */ 1", "comment"),
    ("postgres", "duckdb", "select 7%-3", "%-"),
    ("postgres", "duckdb", "select 'a' 'b'", "side by side"),
    ("trino", "duckdb", "select (1", "1:"),
    ("trino", "duckdb", "selct 1", ""),
    ("trino", "duckdb", "select " + "(" * 100000 + "1" + ")" * 100000, "nested"),
    ("trino", "duckdb", "select " + "case when a then " * 5000 + "1" + " end" * 5000, "nested"),
    ("trino", "duckdb", "select '" + "x" * (1 << 20) + "'", "1 MiB"),
]


@pytest.mark.parametrize("source, target, sql, word", PITFALLS, ids=[f"{s}-{t}-{i}" for i, (s, t, _, _) in enumerate(PITFALLS)])
def test_refused(source, target, sql, word):
    done = run(sql + ";select 1 as a", source, target, status=1)
    assert "SELECT 1 AS a" in done.out and done.out.count(";") <= 2, done.out
    assert word.replace("1:", "") in done.err and done.err.startswith("stdin:1: "), done.err
    assert "\x1b" not in done.err


DOUBTFUL = [
    ("postgres", "duckdb", "drop table a, b"),
    ("postgres", "duckdb", "drop table a cascade"),
    ("postgres", "duckdb", "create index i on t(lower(a))"),
    ("mysql", "duckdb", "select 7/2"),
    ("mysql", "duckdb", "select a from t where name = 'x'"),
    ("duckdb", "postgres", "select a / b from t"),
    ("trino", "duckdb", "select extract(dow from d) from t"),
    ("trino", "duckdb", "select cast(a as integer) from t"),
    ("trino", "duckdb", "select avg(a) from t"),
    ("trino", "duckdb", "select some_function(a) from t"),
    ("trino", "duckdb", "select substr(a, -2) from t"),
    ("trino", "duckdb", "select d + interval '1' month from t"),
    ("mysql", "duckdb", "select a from t use index (i)"),
    ("postgres", "duckdb", "select a / 2 from t"),
    ("postgres", "duckdb", "select a ~ '\\w+' from t"),
    ("postgres", "duckdb", "select avg(1)"),
    ("postgres", "duckdb", "select pg_typeof(1)"),
    ("postgres", "duckdb", "select interval '1 day 2 hours' second"),
    ("postgres", "duckdb", "select a from t for update"),
    ("postgres", "duckdb", "select a from t tablesample system (10)"),
    ("postgres", "duckdb", "select '{\"a\": 1}'::jsonb -> 'a'"),
    ("oracle", "duckdb", "select '' from dual"),
]


@pytest.mark.parametrize("source, target, sql", DOUBTFUL)
def test_in_doubt(source, target, sql):
    answer = one(sql, source, target)
    assert answer["output"] and answer["doubts"], answer


GOOD = [
    ("trino", "duckdb", "select a, count(*) as n from t group by a order by 2 desc limit 3",
     "SELECT a, COUNT(*) AS n FROM t GROUP BY a ORDER BY 2 DESC LIMIT 3"),
    ("mysql", "duckdb", "select count(*) as n from t order by 1", "SELECT COUNT(*) AS n FROM t ORDER BY 1 NULLS FIRST"),
    ("postgres", "duckdb", "select 7/2", 'SELECT 7 // 2 AS "?column?"'),
    ("postgres", "duckdb", "select $1::int + 1", 'SELECT CAST($1 AS INTEGER) + 1 AS "?column?"'),
    ("trino", "duckdb", "select a from t where b = ? and c = ?", "SELECT a FROM t WHERE b = ? AND c = ?"),
    ("trino", "duckdb", "start transaction", "BEGIN"),
    ("postgres", "duckdb", "drop table if exists s.t", "DROP TABLE IF EXISTS s.t"),
    ("postgres", "duckdb", "drop view v", "DROP VIEW v"),
    ("postgres", "duckdb", "create unique index i on t(a, b)", "CREATE UNIQUE INDEX i ON t (a, b)"),
    ("postgres", "duckdb", "alter table t add column x numeric(10,2)", "ALTER TABLE t ADD COLUMN x DECIMAL(10, 2)"),
    ("postgres", "duckdb", "alter table t drop column if exists x", "ALTER TABLE t DROP COLUMN IF EXISTS x"),
    ("postgres", "duckdb", "alter table t rename column a to b", "ALTER TABLE t RENAME COLUMN a TO b"),
    ("trino", "duckdb", "select date '2024-01-31' + interval '1' month as d",
     "SELECT CAST((CAST('2024-01-31' AS DATE) + INTERVAL '1' MONTH) AS DATE) AS d"),
    ("trino", "postgres", "select 7/2 as x", "SELECT 7 / 2 AS x"),
    ("postgres", "duckdb", "insert into t (a) values (1), ('x'), (default)", "INSERT INTO t (a) VALUES (1), ('x'), (DEFAULT)"),
    ("postgres", "duckdb", "create table t (a int primary key, b varchar(10) not null)",
     "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR NOT NULL CHECK (LENGTH(b) <= 10))"),
]


# (from, to, types that the client declares, statement, translation)
PARAMETERS = [
    ("postgres", "duckdb", "", "select a from t where b = $1", "SELECT a FROM t WHERE b = $1"),
    ("postgres", "duckdb", "", "select $1 + 1, $2", 'SELECT CAST($1 AS INTEGER) + 1 AS "?column?", CAST($2 AS VARCHAR) AS "?column?"'),
    ("postgres", "duckdb", "int4", "select $1 / 2", 'SELECT CAST($1 AS INTEGER) // 2 AS "?column?"'),
    ("postgres", "duckdb", "0,bigint", "select $1::int limit $2", "SELECT CAST($1 AS INTEGER) AS int4 LIMIT CAST($2 AS BIGINT)"),
    ("postgres", "duckdb", "double precision", "select $1 > 2", 'SELECT CAST($1 AS DOUBLE) > CAST(2 AS DOUBLE) AS "?column?"'),
    ("postgres", "duckdb", "25", "select '$1,', $1", """SELECT '$1,' AS "?column?", CAST($1 AS VARCHAR) AS "?column?\""""),
    ("postgres", "duckdb", "int4[]", "select 1 = any($1)",
     'SELECT CASE WHEN CAST($1 AS INTEGER[]) IS NOT NULL THEN 1 = ANY(CAST($1 AS INTEGER[])) END AS "?column?"'),
    ("postgres", "trino", "", "select a from t where a = $1 or b = $2", "SELECT a FROM t WHERE a = ? OR b = ?"),
    ("trino", "postgres", "", "select a from t where a in (?, ?)", "SELECT a FROM t WHERE a IN ($1, $2)"),
    ("trino", "duckdb", "int8", "select ? + 1 as x", "SELECT CAST(? AS BIGINT) + 1 AS x"),
    ("duckdb", "postgres", "", "select a from t where b = $2 and a = $1", "SELECT a FROM t WHERE b = $2 AND a = $1"),
]


@pytest.mark.parametrize("source, target, types, sql, expected", PARAMETERS)
def test_parameters(source, target, types, sql, expected):
    answer = one(sql, source, target, *(["--param-types", types] if types else []))
    assert (answer["output"], answer["doubts"], answer["warnings"]) == (expected, [], []), answer


def test_parameters_without_a_type():
    answer = one("select $1 is null", "postgres", "duckdb")
    assert (answer["output"], answer["sqlstate"]) == (None, "42P18") and "parameter $1" in answer["error"]
    done = run("select $1", "postgres", "duckdb", "--param-types", "int4,nope", status=2)
    assert 'unknown type "nope"' in done.err


@pytest.mark.parametrize("source, target, sql, expected", GOOD)
def test_certain(source, target, sql, expected):
    answer = one(sql, source, target)
    assert (answer["output"], answer["doubts"], answer["warnings"]) == (expected, [], []), answer


def test_the_place_of_an_error():
    done = run("select 1 as a;\n\n-- c\nselect a,\n  from\n t where (;", "postgres", "duckdb", "--format", "json", status=1)
    bad = json.loads(done.out.splitlines()[1])
    assert bad["line"] in (5, 6) and bad["column"] >= 1
    assert done.err.startswith(f"stdin:{bad['line']}: ")


@pytest.mark.parametrize("text", ["select 'abc", "select 1 /* abc", 'select "a'])
def test_no_end(text):
    done = run("select 1 as a;" + text, status=1)
    assert done.out == "SELECT 1 AS a;\n" and "ends inside a string" in done.err


@pytest.mark.parametrize("text", [b"select '\xff\xfe' as a", b"select '\x00' as a"])
def test_no_text(text):
    done = run(text + b";select 2 as b", status=1)
    assert done.out == "SELECT 2 AS b;\n" and "UTF-8" in done.err


# ---- workers ---------------------------------------------------------------------------------------------------------

def test_without_sqlglot(tmp_path):
    env = {**os.environ, "QF_LIBDIR": str(tmp_path)}
    done = run("select 1", env=env, status=1)
    assert "make deps" in done.err and done.err.count("\n") == 1 and done.out == ""
    assert run("select 1", "trino", "trino", env=env, status=0).out == "select 1;\n"


def test_worker_is_no_command():
    done = subprocess.run([PROGRAM, "--worker"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "--worker" in done.stderr


def workers(pid):
    found = []
    for d in pathlib.Path("/proc").iterdir():
        try:
            if d.name.isdigit() and int((d / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(d.name))
        except (OSError, IndexError):
            pass
    return found


def test_workers_end_with_the_program():
    child = subprocess.Popen([PROGRAM, "--from", "trino", "--to", "duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write(b"select 1 as a;\n")
    child.stdin.flush()
    child.stdout.readline()
    mine = workers(child.pid)
    assert mine
    child.kill()
    child.wait()
    wait_until(lambda: not any(pathlib.Path(f"/proc/{p}/cmdline").exists() and
                               pathlib.Path(f"/proc/{p}/cmdline").read_bytes() for p in mine))


def test_a_killed_worker_costs_nothing():
    child = subprocess.Popen([PROGRAM, "--from", "trino", "--to", "duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for i in range(10):
        child.stdin.write(b"select %d as a;\n" % i)
        child.stdin.flush()
        if i % 3 == 1:
            for pid in workers(child.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
        assert child.stdout.readline() == b"SELECT %d AS a;\n" % i
    child.stdin.close()
    assert child.wait(10) == 0


# ---- the service -----------------------------------------------------------------------------------------------------

STRICT = CONFIG + "translation: {{ deadlineMs: 1500 }}\n"
LENIENT = CONFIG + "translation: {{ errorOnUnsupported: false }}\n"


def test_service_refuses_a_doubt_with_a_hint(start):
    kit = start(STRICT)
    assert kit.query("select 7/2, -7/2, 'a' || 1") == [(3, -3, "a1")]
    with kit.connect() as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("select avg(x) from (values (1), (2)) v(x)")
        assert e.value.sqlstate == "0A000" and "round(" in str(e.value) and "queryflux.dialect" in e.value.diag.message_hint
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1 from where")
        assert e.value.sqlstate == "42601" and int(e.value.diag.statement_position) >= 10
        assert c.execute("select 1/1").fetchone() == (1,)
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1/0")
        assert e.value.sqlstate == "22012" and "division by zero" in str(e.value)


def test_types_are_checked_where_they_matter(start):
    """Without column types, as of a table that its own transaction made: duckdb's own types are enough for all but divisions."""
    kit = start(STRICT)
    table = ("create table t(i integer, n decimal(10,2), r real, s text, d date)",
             "insert into t values (7, 12.50, 0.5, '4', '2024-01-31')")

    def query(sql):
        with kit.connect() as c:
            c.execute("begin")
            for statement in table:
                c.execute(statement)
            rows = c.execute(sql).fetchall()
            c.execute("rollback")
            return rows

    (row,) = query("select sum(i), sum(n), round(avg(n), 1), n * 2, s || '!', s::int + 1, d + interval '1 month', "
                   "extract(month from d), to_char(d, 'DD.MM.YYYY') from t group by n, s, d")
    assert [str(v) for v in row] == ["7", "12.50", "12.5", "25.00", "4!", "5", "2024-02-29 00:00:00", "1", "31.01.2024"]
    for sql, state in (("select r + 1 from t", "42804"), ("select sum(r) from t", "42804"), ("select i / 2 from t", "0A000"),
                       ("select (s || 'x')::int from t", "22P02"), ("select i::int / 0 from t", "22012")):
        with pytest.raises(psycopg.Error) as e:
            query(sql)
        assert e.value.sqlstate == state, (sql, e.value.sqlstate, str(e.value))
        assert e.value.diag.statement_position is None, sql


def test_service_passes_a_doubt_as_a_notice(start):
    kit = start(LENIENT)
    with kit.connect() as c:
        notices = []
        c.add_notice_handler(lambda d: notices.append(d.message_primary))
        assert c.execute("select avg(x) from (values (1), (2)) v(x)").fetchone()[0] == 1.5
        assert any("average" in n for n in notices), notices


def test_a_hanging_worker_fails_its_statement_alone(start):
    kit = start(STRICT)
    assert kit.query("select 7/2") == [(3,)]
    mine = wait_until(lambda: (w := workers(kit.pid("translate"))) and len(w) == 3 and w)  # two and a spare
    for pid in mine:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(stopped(pid) for pid in mine))
    with kit.connect() as c:
        begin = time.monotonic()
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 8/2")
        assert e.value.sqlstate == "53000" and time.monotonic() - begin < 5 * SLOW
        wait_until(lambda: answers(c, "select 9/2") == (4,), 20)


def stopped(pid):
    """All threads of it: the one that works may go on for a moment."""
    return all(t.read_text().rsplit(")", 1)[1].split()[0] == "T" for t in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"))


def answers(c, sql):
    try:
        return c.execute(sql).fetchone()
    except psycopg.Error:
        return None


def test_killed_workers_are_not_noticed(start):
    kit = start()
    with kit.connect() as c:
        for i in range(6):
            for pid in workers(kit.pid("translate"))[:1]:
                with contextlib.suppress(ProcessLookupError):  # it may have been replaced just now
                    os.kill(pid, signal.SIGKILL)
            assert c.execute(f"select {i} + 7/2").fetchone() == (i + 3,)


def test_service_without_sqlglot(start, tmp_path):
    lib = tmp_path / "lib"
    lib.mkdir()
    for name in (BIN.parent / "lib/queryflux").resolve().iterdir():
        if name.name != "python":
            (lib / name.name).symlink_to(name)
    kit = start(CONFIG, env={"QF_LIBDIR": str(lib)})
    assert kit.query("select 7/2", dialect="duckdb") == [(3.5,)]
    with pytest.raises(psycopg.Error) as e:
        kit.query("select 7/2")
    assert "make deps" in str(e.value)
    assert "make deps" in kit.log_text()
