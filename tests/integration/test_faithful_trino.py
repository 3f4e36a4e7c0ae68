"""Statements of Trino on PostgreSQL: what Trino answers, or refused, never something else.

faithful/trino.txt has the answers of a real Trino 476, faithful/trinopg.txt what is otherwise on PostgreSQL and more
statements. Each is compared twice: translated with the column types and run by the server, and through the ring.
"""
import base64
import datetime
import decimal
import json
import pathlib
import subprocess
import uuid

import psycopg
import pytest

import pgkit
from conftest import BIN, SLOW
from trinokit import Http, error_of

HERE = pathlib.Path(__file__).parent / "faithful"
pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(240 * SLOW)]

TABLES = """
create table t(i integer, b bigint, d double precision, n decimal(10,2), s varchar, k date, ts timestamp, f boolean, a integer[]);
insert into t values (1, 10, 1.5, 10.50, 'a', '2024-01-15', '2024-01-15 10:30:45.123', true, '{1,2}'),
(2, 20, -2.25, -7.25, 'b', '2024-02-29', '2024-02-29 23:59:59', false, '{3}'),
(3, 3000000000, 0.1, 0.01, 'a', '2023-12-31', '2023-12-31 00:00:00', true, '{}'),
(null, null, null, null, null, null, null, null, null);
create table u(s varchar(20) collate "en-x-icu", c char(3), r real, m numeric, tz timestamptz, "user" integer, "Odd" text);
insert into u values ('a', 'a', 0.1, 1.50, '2024-01-01 12:00+00', 1, 'o'), ('B', 'b', 0.2, 1.5, '2024-01-02 12:00+00', 2, 'p'),
('_', null, null, null, null, 3, null), ('ä', null, null, null, null, 4, null), (null, null, null, null, null, 5, null);
"""


def read(name):
    lines = [line for line in (HERE / name).read_text().splitlines() if not line.startswith("#")]
    return dict(zip(lines[::2], (a.strip() for a in lines[1::2]), strict=True))


def cases():
    """{statement: ([names], [rows]), "error", "refused", or None when no answer is recorded}"""
    mine = read("trinopg.txt")
    recorded = {sql: None if want == "refused" else want for sql, want in read("trino.txt").items()}
    return {sql: parsed(want) for sql, want in {**recorded, **mine}.items()}


def parsed(want):
    if want is None or not want.startswith("= "):
        return want
    names, at = json.JSONDecoder().raw_decode(want, 2)
    return [n.lower() for n in names], json.loads(want[at:])


def plain(value):
    """As Trino's JSON has it."""
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M:%S.%f")
    if isinstance(value, datetime.date):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def answer(c, sql):
    try:
        cur = c.execute(sql)
    except psycopg.Error as e:
        return "refused" if e.sqlstate in ("0A000", "42601") else "error"
    return [d.name.lower() for d in cur.description], [[plain(v) for v in row] for row in cur.fetchall()]


def wrong(ask):
    """What is not as it is recorded: an error where Trino fails may be a refusal."""
    found = []
    for sql, want in cases().items():
        have = ask(sql)
        if have != want and not (want in ("error", None) and have == "refused"):
            found.append((sql, want, have))
    return found


@pytest.fixture(scope="module")
def tables(pg):
    with pg.connect() as c:
        c.execute("drop table if exists t, u")
        c.execute(TABLES)
        types = c.execute("select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) from pg_class c join pg_attribute a on "
                          "a.attrelid = c.oid where c.relname in ('t', 'u') and a.attnum > 0 order by c.oid, a.attnum").fetchall()
    schema = {}
    for table, column, name in types:
        schema.setdefault(table, {})[column] = name
    yield schema
    with pg.connect() as c:
        c.execute("drop table t, u")


def test_translated(pg, tables, tmp_path):
    (tmp_path / "schema.json").write_text(json.dumps(tables))
    done = subprocess.run([str(BIN / "qf-translate"), "--from", "trino", "--to", "postgres", "--schema", str(tmp_path / "schema.json"),
                           "--format", "json"], input="\n;\n".join(cases()), capture_output=True, text=True, timeout=120 * SLOW)
    out = dict(zip(cases(), map(json.loads, done.stdout.rstrip("\n").split("\n")), strict=True))
    with pg.connect() as c:
        found = wrong(lambda sql: "refused" if out[sql]["output"] is None or out[sql]["doubts"] else answer(c, out[sql]["output"]))
    vouched = sum(1 for a in out.values() if a["output"] and not a["doubts"])
    assert not found, found
    assert vouched > 200


def test_through_the_ring(pg, tables, tmp_path):
    with pgkit.ending(pgkit.before(pg, tmp_path / "kit")) as kit, kit.connect("trino") as c:
        found = wrong(lambda sql: answer(c, sql))
    assert not found, found


# ---- SHOW, DESCRIBE and information_schema ---------------------------------------------------------------------------

ALL = """create schema shown; create table shown.all_types(a smallint, b integer, c bigint, d real, e double precision, f numeric(10,2),
g numeric, h numeric(40,2), i varchar(20), j char(3), k text, l boolean, m date, n time, o time(3), p timetz, q timestamp, r timestamp(3),
s timestamptz, t interval, u uuid, v bytea, w json, x jsonb, y integer[], z numeric(5,1)[], aa text[], ab inet, ac oid, ad bit(3));
create view shown.v as select 1 as one; comment on column shown.all_types.b is 'the second'"""


@pytest.fixture(scope="module")
def shown(pg, tmp_path_factory):
    with pg.connect() as c:
        c.execute(ALL)
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("shown") / "kit")) as kit:
        http = Http(kit, **{"X-QueryFlux-Dialect": "trino", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"})
        yield http
        http.close()
    with pg.connect() as c:
        c.execute("drop schema shown cascade")


def test_described_as_it_is_answered(shown):
    """The types of DESCRIBE are those that the columns of a result have."""
    rows, _ = shown.all("describe shown.all_types")
    _, page = shown.all("select * from shown.all_types")
    assert [(r[0], r[1]) for r in rows] == [(c["name"], c["type"].replace(", ", ",").lower()) for c in page["columns"]]
    assert [r[0] for r in rows if r[3]] == ["b"] and rows[1][2:] == ["", "the second"]
    told, _ = shown.all("select column_name, data_type from information_schema.columns where table_name = 'all_types' order by ordinal_position")
    assert told == [r[:2] for r in rows]


def test_shown(shown):
    for sql, want in (("show schemas like 'sho%'", [["shown"]]), ("show tables from shown", [["all_types"], ["v"]]),
                      ("show tables in shown like 'v%'", [["v"]]), ("show columns from shown.v", [["one", "integer", "", ""]]),
                      ("show tables from information_schema", [["columns"], ["schemata"], ["tables"], ["views"]]),
                      ("select table_name, table_type from information_schema.tables where table_schema = 'shown' order by 1",
                       [["all_types", "BASE TABLE"], ["v", "VIEW"]])):
        rows, page = shown.all(sql)
        assert rows == want, (sql, rows, page.get("error"))
    for sql in ("describe shown.nope", "show tables from nope", "show schemas from nope"):
        assert "nope" in error_of(shown, sql)["message"], sql
