"""One table of cases through Trino's own command line client and through the Python client `trino`, on DuckDB; what they
get is compared with what DuckDB's own Python client says of the same file."""
import base64
import csv
import datetime
import decimal
import io
import math
import subprocess
import threading
import time

import duckdb
import pytest
import trino

from conftest import SLOW, TOP, Toolkit, wait_until
from trinokit import BIG, ENDLESS, Http, running

CLI = TOP / "build/deps/trino-cli.jar"
CONFIG = """
queryflux:
  frontends:
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{dir}/cases.duckdb" }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
routingFallback: default
"""

# A column of each type: ordinary values, both ends, NULL.
COLUMNS = {
    "boolean": ("boolean", "true", "false"),
    "tinyint": ("tinyint", "1", "-128", "127"),
    "smallint": ("smallint", "2", "-32768", "32767"),
    "integer": ("integer", "3", "-2147483648", "2147483647"),
    "bigint": ("bigint", "4", "-9223372036854775808", "9223372036854775807"),
    "hugeint": ("hugeint", "5", "-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    "utinyint": ("utinyint", "0", "255"),
    "usmallint": ("usmallint", "0", "65535"),
    "uinteger": ("uinteger", "0", "4294967295"),
    "ubigint": ("ubigint", "0", "18446744073709551615"),
    "real": ("real", "1.5", "0.1", "'-3.4e38'", "'nan'", "'inf'", "'-inf'"),
    "double": ("double", "1.5", "0.1", "1e308", "5e-324", "'-0'", "'nan'", "'inf'", "'-inf'", "123456789012345680"),
    "decimal_short": ("decimal(10,2)", "1.50", "-99999999.99", "0"),
    "decimal_long": ("decimal(38,10)", "1.5", "-9999999999999999999999999999.9999999999", "0.0000000001"),
    "varchar": ("varchar", "'plain'", "''", "'a\"b\\c/d'", "'tab\tand\nline'", "'žluťoučký 🐎'", "chr(1)", "'<&>'"),
    "varbinary": ("blob", "'abc'::blob", "''::blob", "'\\x00\\xFF\\x7F'::blob"),
    "date": ("date", "'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "'1969-12-31'"),
    "time": ("time", "'12:34:56.789012'", "'00:00:00'", "'23:59:59.999999'"),
    "timestamp": ("timestamp", "'2024-02-29 12:34:56.789012'", "'1969-12-31 23:59:59.999999'", "'0001-01-01 00:00:00'"),
    "timestamp_s": ("timestamp_s", "'2024-02-29 12:34:56'", "'1969-12-31 23:59:59'"),
    "timestamp_ms": ("timestamp_ms", "'2024-02-29 12:34:56.789'", "'1969-12-31 23:59:59.999'"),
    "timestamptz": ("timestamptz", "'2024-02-29 12:34:56.789012+00'", "'2024-07-01 00:00:00+02'"),
    "uuid": ("uuid", "'12345678-1234-5678-1234-567812345678'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"),
    "json": ("json", "'{\"a\": [1, null, \"x\"]}'", "'[]'"),
    "enum": ("enum('low', 'high')", "'low'", "'high'"),
    "array": ("integer[]", "[1, NULL, 3]", "[]"),
    "array_of_array": ("varchar[][]", "[['a', NULL], [], NULL]", "[]"),
    "map": ("map(varchar, integer)", "map {'a': 1, 'b': NULL}", "map {}"),
    "map_of_numbers": ("map(integer, varchar)", "map {1: 'x', -2: 'y'}"),
    "row": ("struct(a integer, b varchar)", "{'a': 1, 'b': 'x'}", "{'a': NULL, 'b': NULL}"),
    "row_of_array": ("struct(a integer[], b struct(c date))", "{'a': [1], 'b': {'c': DATE '2024-01-01'}}"),
}

# What a client says in Trino's dialect, and the same question in DuckDB's own words.
QUESTIONS = {
    "empty": ("select c_integer, c_varchar from t_integer, t_varchar where 1 = 0", None),
    "null": ("select null", "select null"),
    "unnamed": ("select 1, 'x', 2.50", None),
    "integer_division": ("select 7 / 2, -7 / 2, 7 % 3", "select 3, -3, 1"),
    "decimal_scale": ("select 1.10 + 2.2", None),
    "concat": ("select 'a' || 'b' || cast(3 as varchar)", "select 'ab3'"),
    "strpos": ("select strpos('hello', 'l'), substr('hello', 2, 3), upper('abc')", "select 3, 'ell', 'ABC'"),
    "approx_distinct": ("select approx_distinct(role) from users", "select approx_count_distinct(role) from users"),
    "count_by": ("select role, count(*) from users group by role order by 1", None),
    "order_nulls": ("select x from (values 2, null, 1) v(x) order by x", "select * from (values (1), (2), (null)) v(x)"),
    "date_trunc": ("select date_trunc('month', date '2024-02-29')", "select date '2024-02-01'"),
    "date_add": ("select date '2024-01-31' + interval '1' day", "select date '2024-02-01'"),
    "unnest": ("select x from unnest(array[3, 1, 2]) as u(x) order by 1", "select unnest([1, 2, 3])"),
    "try_cast": ("select try_cast(300 as tinyint), try_cast(5 as tinyint)", "select null, 5"),
    "coalesce_if": ("select coalesce(null, 2), if(1 > 2, 'a', 'b'), nullif(1, 1)", "select 2, 'b', null"),
    "window": ("select id, row_number() over (order by id desc) from users order by id limit 3",
               "select id, row_number() over (order by id desc) from users order by id limit 3"),
    "with": ("with a as (select id from users where id < 4) select sum(id) from a", "select 6"),
    "wide": ("select " + ", ".join(f"{i} as c{i}" for i in range(300)), None),
    "many_rows": ("select id from big order by id", None),
    "long_text": ("select text from big where id = 5", None),
}

CHANGES = [  # statement, update type, count, what a select says after
    ("create table made (a integer, b varchar)", "CREATE TABLE", None, ("select count(*) from made", [(0,)])),
    ("insert into made values (1, 'x'), (2, 'y'), (3, null)", "INSERT", 3, ("select sum(a) from made", [(6,)])),
    ("update made set b = 'z' where a > 1", "UPDATE", 2, ("select count(*) from made where b = 'z'", [(2,)])),
    ("delete from made where a = 1", "DELETE", 1, ("select count(*) from made", [(2,)])),
    ("create table copied as select * from made", "CREATE TABLE", 2, ("select count(*) from copied", [(2,)])),
    ("create view seen as select a from made", "CREATE VIEW", None, ("select sum(a) from seen", [(5,)])),
    ("drop view seen", "DROP VIEW", None, None),
    ("drop table copied", "DROP TABLE", None, None),
]

ERRORS = {  # statement → error name, type
    "syntax": ("selec 1", "SYNTAX_ERROR", "USER_ERROR"),
    "table": ("select * from nowhere", "TABLE_NOT_FOUND", "USER_ERROR"),
    "column": ("select nothing from users", "COLUMN_NOT_FOUND", "USER_ERROR"),
    "doubt": ("select no_such_function(1)", "NOT_SUPPORTED", "USER_ERROR"),  # refused before DuckDB sees it
    "range": ("select cast(id + 300 as tinyint) from users", "NUMERIC_VALUE_OUT_OF_RANGE", "USER_ERROR"),
    "missing_schema": ("select * from nowhere.users", "SCHEMA_NOT_FOUND", "USER_ERROR"),
    "again": ("create table users (a integer)", "TABLE_ALREADY_EXISTS", "USER_ERROR"),
}

FORMATS = {  # of: select 1 as a, 'x' as b union all select 2, null order by 1
    "CSV": '"1","x"\n"2",""\n',
    "CSV_HEADER": '"a","b"\n"1","x"\n"2",""\n',
    "CSV_UNQUOTED": "1,x\n2,\n",
    "CSV_HEADER_UNQUOTED": "a,b\n1,x\n2,\n",
    "TSV": "1\tx\n2\t\n",
    "TSV_HEADER": "a\tb\n1\tx\n2\t\n",
    "JSON": '{"a":1,"b":"x"}\n{"a":2,"b":null}\n',
    "ALIGNED": " a |  b   \n---+------\n 1 | x    \n 2 | NULL \n(2 rows)\n",
    "VERTICAL": "-[ RECORD 1 ]\na | 1\nb | x\n-[ RECORD 2 ]\na | 2\nb | NULL\n",
    "AUTO": "-[ RECORD 1 ]\na | 1\nb | x\n-[ RECORD 2 ]\na | 2\nb | NULL\n",  # there is no terminal to align for
    "MARKDOWN": "| a | b    |\n| -:| ---- |\n| 1 | x    |\n| 2 | NULL |\n",
    "NULL": "",
}


def cases():
    for name in COLUMNS:
        yield name, f"select id, c_{name} from t_{name} order by id", f"select id, c_{name} from t_{name} order by id"
    for name, (said, asked) in QUESTIONS.items():
        yield name, said, asked or said


CASES = {name: (said, asked) for name, said, asked in cases()}


def fill(path):
    with duckdb.connect(str(path)) as db:
        for name, (type_, *values) in COLUMNS.items():
            db.execute(f"create table t_{name} (id integer, c_{name} {type_})")
            for i, value in enumerate([*values, "NULL"]):
                db.execute(f"insert into t_{name} select {i}, {value}")
        db.execute("create table users as select range::integer as id, ['admin', 'analyst', 'viewer'][range % 3 + 1] as role"
                   " from range(1, 121)")
        db.execute("create table big as select range as id, repeat('x', 1000) as text from range(20000)")


class Served:
    def __init__(self, directory):
        fill(directory / "cases.duckdb")
        self.kit = Toolkit(directory, CONFIG)
        with duckdb.connect(str(directory / "cases.duckdb"), read_only=True) as db:
            db.execute("set timezone = 'UTC'")
            self.expected = {name: db.execute(asked).fetchall() for name, (_, asked) in CASES.items()}
        self.kit.start()

    def connect(self, **options):
        return trino.dbapi.connect(host="127.0.0.1", port=self.kit.trino_port, user="tester", **options)

    def ask(self, sql, **options):
        with self.connect(**options) as c:
            cur = c.cursor()
            cur.execute(sql)
            return cur.fetchall()

    def cli(self, *options, check=True, stdin=None):
        done = subprocess.run(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-jar", str(CLI), "--server",
                               f"http://127.0.0.1:{self.kit.trino_port}", "--user", "tester", "--timezone", "UTC", "--no-progress",
                               *options], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60 * SLOW)
        assert not check or done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    s = Served(tmp_path_factory.mktemp("trino_cases"))
    yield s
    s.kit.stop()


def plain(v):
    """Both clients' values in one form."""
    if isinstance(v, float):
        return "nan" if math.isnan(v) else v
    if isinstance(v, decimal.Decimal):
        return v if v != v.to_integral_value() or v.as_tuple().exponent else int(v)
    if isinstance(v, datetime.datetime) and v.tzinfo:
        return v.astimezone(datetime.timezone.utc)
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    return v


def plain_duck(name, v):
    """DuckDB gives a struct as a dict; Trino's row is a tuple. And it widens a real, which Trino writes in its own digits."""
    if name == "real" and isinstance(v, float) and math.isfinite(v):
        return float(f"{v:.7g}")
    if name.startswith("row") and isinstance(v, dict):
        return [plain_duck(name, x) for x in v.values()]
    return plain(v)


@pytest.mark.parametrize("name", CASES)
def test_python_client(served, name):
    got = served.ask(CASES[name][0], timezone="UTC")
    assert [[plain(v) for v in row] for row in got] == [[plain_duck(name, v) for v in row] for row in served.expected[name]]


def cli_text(name, v):
    """As the command line client writes a value in CSV."""
    if v is None:
        return ""
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, bytes):
        return " ".join(f"{b:02x}" for b in v)
    if isinstance(v, datetime.datetime):
        digits = {"timestamp_s": 0, "timestamp_ms": 3}.get(name, 6)
        whole, fraction = v.strftime("%H:%M:%S"), f".{v.microsecond:06d}"[:digits + 1] if digits else ""
        return f"{v.year:04d}-{v.month:02d}-{v.day:02d} {whole}{fraction}" + (" UTC" if v.tzinfo else "")
    if isinstance(v, datetime.time):
        return v.strftime("%H:%M:%S.%f")
    return f"{v:f}" if isinstance(v, decimal.Decimal) else str(v)


NESTED = {"array", "array_of_array", "map", "map_of_numbers", "row", "row_of_array"}  # below, by the JSON form
FLOATS = {"real", "double"}


@pytest.fixture(scope="module")
def printed(served):
    """The whole table by one run of the command line client, statement by statement."""
    text = ""
    for name in CASES:
        text += f"select '--{name}';\n{CASES[name][0]};\n"
    out = served.cli("--ignore-errors", "--output-format", "CSV", "--file", "/dev/stdin", stdin=text, check=False).stdout
    tables, current = {}, None
    for row in csv.reader(io.StringIO(out), doublequote=True):
        if len(row) == 1 and row[0].startswith("--"):
            current = tables.setdefault(row[0][2:], [])
        else:
            current.append(row)
    return tables


@pytest.mark.parametrize("name", CASES)
def test_command_line_client(served, printed, name):
    expected, got = served.expected[name], printed[name]
    assert len(got) == len(expected)
    if name in FLOATS:
        assert [plain(float(r[1])) if r[1] else None for r in got] == [plain_duck(name, r[1]) for r in expected]
    elif name not in NESTED:
        assert got == [[cli_text(name, v) for v in row] for row in expected]


def test_command_line_client_nested(served, printed):
    assert [r[1] for r in printed["array"]] == ["[1, NULL, 3]", "[]", ""]
    assert [r[1] for r in printed["array_of_array"]] == ["[[a, NULL], [], NULL]", "[]", ""]
    assert [r[1] for r in printed["map"]] == ["{a=1, b=NULL}", "{}", ""]
    assert [r[1] for r in printed["row"]] == ["{a=1, b=x}", "{a=NULL, b=NULL}", ""]
    assert [r[1] for r in printed["row_of_array"]] == ["{a=[1], b={c=2024-01-01}}", ""]


@pytest.mark.parametrize("form", FORMATS)
def test_output_formats(served, form):
    out = served.cli("--output-format", form, "--execute",
                     "select 1 as a, 'x' as b union all select 2, null order by 1").stdout
    assert out == FORMATS[form]


def test_changes(served):
    with served.connect() as c:
        for sql, kind, count, after in CHANGES:
            cur = c.cursor()
            cur.execute(sql)
            cur.fetchall()
            assert cur.update_type == kind, sql
            if count is not None:
                assert cur.rowcount == count, sql
            if after:
                assert [tuple(r) for r in served.ask(after[0])] == after[1], sql


def test_changes_command_line(served):
    out = served.cli("--output-format", "ALIGNED", "--execute", "create table by_cli (a integer); insert into by_cli values (1), (2);"
                     " delete from by_cli where a = 1; drop table by_cli")
    assert out.stderr.splitlines()[-4:] == ["CREATE TABLE", "INSERT: 2 rows", "DELETE: 1 row", "DROP TABLE"]


@pytest.mark.parametrize("name", ERRORS)
def test_errors(served, name):
    sql, error, kind = ERRORS[name]
    with pytest.raises(trino.exceptions.TrinoQueryError) as e:
        served.ask(sql)
    assert (e.value.error_name, e.value.error_type) == (error, kind), e.value


def test_error_command_line(served):
    done = served.cli("--execute", "select 1;\nselect nothing from users", check=False)
    assert done.returncode == 1 and done.stdout == '"1"\n' and "nothing" in done.stderr


def test_long_query_and_cancel(served):
    with served.connect() as c:
        cur = c.cursor()
        failed = []

        def run():
            try:
                cur.execute("select count(*) from big a, big b, big c where a.id + b.id + c.id < -1")
                cur.fetchall()
            except trino.exceptions.TrinoQueryError as e:
                failed.append(e)

        t = threading.Thread(target=run)
        t.start()
        wait_until(lambda: cur.query_id or None)
        time.sleep(2)  # polled a few times
        start = time.monotonic()
        cur.cancel()
        t.join(20 * SLOW)
        assert not t.is_alive() and time.monotonic() - start < 5 * SLOW
    assert served.ask("select 1") == [[1]]


def test_parameters(served):
    with served.connect() as c:
        cur = c.cursor()
        cur.execute("select ?, ?, ?, ?", (1, "it's", decimal.Decimal("1.50"), None))
        assert [plain(v) for v in cur.fetchall()[0]] == [1, "it's", decimal.Decimal("1.50"), None]
        cur.execute("select id from users where id > ? and role = ? order by id", (100, "admin"))
        assert [r[0] for r in cur.fetchall()] == [i for i in range(101, 121) if i % 3 == 0]


def test_session(served):
    with served.connect(timezone="Europe/Prague", client_tags=["team:data"], source="cases") as c:
        cur = c.cursor()
        cur.execute("select c_timestamptz from t_timestamptz where id = 0")
        (value,) = cur.fetchall()[0]
        assert value.utcoffset() == datetime.timedelta(hours=1)
        assert value == datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.timezone.utc)


def test_use_and_prepare_command_line(served):
    out = served.cli("--output-format", "TSV", "--execute",
                     "use cases.main; select count(*) from users; prepare p from select id from users where id = ?;"
                     " execute p using 7; deallocate prepare p")
    lines = [line for line in out.stdout.splitlines() if line not in ("USE", "PREPARE", "DEALLOCATE")]
    assert lines == ["120", "7"]


def test_five_million_rows(served):
    http, kit = Http(served.kit), served.kit
    begin, first, rows, peak = time.monotonic(), None, 0, 0
    for page in http.pages(BIG.format(5_000_000)):
        assert "error" not in page
        if page.get("data") and first is None:
            first = time.monotonic() - begin
        rows += len(page.get("data", []))
        peak = max(peak, kit.rss("listen"), kit.rss("dispatch"))
    assert rows == 5_000_000 and first < 5 * SLOW
    assert peak < 150 << 20 or SLOW > 1
    http.close()


@pytest.mark.parametrize("sql", [BIG.format(5_000_000), ENDLESS])
def test_delete_stops_the_engine_at_once(served, sql):
    http, kit = Http(served.kit), served.kit
    uri = http.start(sql)
    for _ in range(3):
        uri = http.ask("GET", uri).json["nextUri"]
    begin = time.monotonic()
    assert http.ask("DELETE", uri).status == 204
    before = running(kit)
    time.sleep(0.1 * SLOW)
    after = running(kit)
    time.sleep(0.3)
    assert running(kit) - after <= 5, "hundredths of a second of work, more than 100 ms after the DELETE"
    assert after - before < 25 * SLOW and time.monotonic() - begin < 5 * SLOW
    http.close()
