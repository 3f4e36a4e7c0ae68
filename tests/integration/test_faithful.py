"""The same statements on PostgreSQL and on DuckDB through the toolkit: the same text, or refused, never different.

faithful/params.txt holds statements with parameters, faithful/*.sql the others; `-- refused` before one says that its
translation must not be vouched for even though the column types are known. Each is compared twice: translated with the
column types and run in DuckDB's own dialect, and sent as it is through the ring.
"""
import json
import pathlib
import re
import subprocess

import pytest

from conftest import BIN, SLOW, Toolkit
from pgserver import Server, binaries

HERE = pathlib.Path(__file__).parent / "faithful"
FILES = sorted(p.stem for p in HERE.glob("*.sql"))
TYPES = {"INTEGER": "integer", "BIGINT": "bigint", "VARCHAR": "text", "TIMESTAMP": "timestamp", "DECIMAL(10,2)": "numeric(10,2)",
         "JSON": "json", "TIMESTAMP WITH TIME ZONE": "timestamptz"}

pytestmark = [pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed (apt-get install postgresql)"),
              pytest.mark.timeout(300 * SLOW)]


def statements(name):
    """[(statement, refused)]: the split is the filter's own."""
    text = (HERE / f"{name}.sql").read_text()
    done = subprocess.run([str(BIN / "qf-translate"), "--from", "postgres", "--to", "postgres", "--format", "json"], input=text,
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        sql = json.loads(line)["input"]
        yield re.sub(r"\A(--[^\n]*\n)+", "", sql), sql.startswith("-- refused") or "\n-- refused\n" in sql


def raw(connection, sql):
    """(column names and types, rows) as the server's text, or its error."""
    result = connection.pgconn.exec_(sql.encode())
    if result.status not in (1, 2):
        return "ERROR " + result.error_message.decode()
    columns = [(result.fname(i).decode(), plain_type(result.ftype(i))) for i in range(result.nfields)]
    rows = [tuple(result.get_value(r, c) for c in range(result.nfields)) for r in range(result.ntuples)]
    return columns, rows


def plain_type(oid):
    """varchar is text: both engines take the one for the other."""
    return 25 if oid == 1043 else oid


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(PostgreSQL, ring, ring in DuckDB's dialect, column types): the sample tables are the same in both."""
    server, kit = Server(), Toolkit(tmp_path_factory.mktemp("ring"))
    try:
        kit.start("--port-offset", str(kit.port % 20000 + 10000))
        duck, pg = kit.connect("duckdb"), server.connect()
        schema = copy_tables(duck, pg)
        yield pg, kit.connect(), duck, schema
    finally:
        kit.stop()
        server.stop()


def copy_tables(duck, pg):
    for c in (duck, pg):
        c.execute("create table pt (a integer, b bigint, n decimal(10,2), t text, d date, ts timestamp, f boolean)")
    schema = {}
    for table in ("users", "orders", "events", "pt"):
        columns = dict(duck.execute("select column_name, data_type from duckdb_columns() where table_name = '%s' order by "
                                    "column_index" % table).fetchall())
        schema[table] = columns
        if table == "pt":
            continue
        pg.execute("create table %s (%s)" % (table, ", ".join("%s %s" % (c, TYPES[t]) for c, t in columns.items())))
        _, rows = raw(duck, f"select * from {table}")
        with pg.cursor().copy(f"copy {table} from stdin") as copy:
            for row in rows:
                copy.write(b"\t".join(b"\\N" if v is None else v.replace(b"\\", b"\\\\") for v in row) + b"\n")
    return schema


def translated(name, schema, tmp_path):
    return translate(schema, tmp_path, "--file", str(HERE / f"{name}.sql"))


def translate(schema, tmp_path, *options, text=""):
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(schema))
    done = subprocess.run([str(BIN / "qf-translate"), "--from", "postgres", "--to", "duckdb", "--schema", str(file), "--format", "json",
                           *options], input=text, capture_output=True, text=True, timeout=120 * SLOW)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_with_column_types(name, both, tmp_path):
    """Equal, or refused where the file says so; an error of PostgreSQL is an error."""
    pg, _, duck, schema = both
    wrong = []
    for (sql, refused), answer in zip(statements(name), translated(name, schema, tmp_path), strict=True):
        vouched = answer["output"] is not None and not answer["doubts"]
        if vouched == refused:
            wrong.append((sql, "refused" if refused else "vouched", answer))
        if not vouched:
            continue
        want, have = raw(pg, sql), raw(duck, answer["output"])
        if want != have and not (isinstance(want, str) and isinstance(have, str)):
            wrong.append((sql, answer["output"], want, have))
    assert not wrong, wrong


@pytest.mark.parametrize("name", FILES)
def test_through_the_ring(name, both):
    """The ring finds the column types itself: nothing is refused but what the file says."""
    pg, ring, _, _ = both
    wrong = []
    for sql, refused in statements(name):
        want, have = raw(pg, sql), raw(ring, sql)
        if isinstance(have, str) and (refused or isinstance(want, str)):
            continue
        if want != have or refused:
            wrong.append((sql, want, have))
    assert not wrong, wrong


# ---- parameters ------------------------------------------------------------------------------------------------------

OIDS = {"-": 0, "bool": 16, "int8": 20, "int2": 21, "int4": 23, "text": 25, "float4": 700, "float8": 701, "character": 1042, "varchar": 1043,
        "date": 1082, "time": 1083, "timestamp": 1114, "timestamptz": 1184, "interval": 1186, "timetz": 1266, "numeric": 1700,
        "uuid": 2950, "json": 114, "int4[]": 1007, "text[]": 1009, "int8[]": 1016}


def runs():
    """[(statement, types, values, refused)]"""
    for line in (HERE / "params.txt").read_text().splitlines():
        if line.startswith("    "):
            types, _, values = line.strip().partition(" ")
            yield sql.removeprefix("refused "), types, json.loads(values), sql.startswith("refused ")
        elif not line.startswith("#"):
            sql = line


def prepared(connection, sql, types, values):
    """(types of parameters, names, types, rows) of an unnamed statement, or its error."""
    p = connection.pgconn
    done = p.prepare(b"", sql.encode(), [OIDS[t] for t in types.split(",")])
    if done.status != 1:
        return "ERROR " + done.error_message.decode()
    about = p.describe_prepared(b"")
    asked = tuple(plain_type(about.param_type(i)) for i in range(about.nparams))
    result = p.exec_prepared(b"", [v if v is None else v.encode() for v in values])
    if result.status not in (1, 2):
        return "ERROR " + result.error_message.decode()
    columns = [(result.fname(i), plain_type(result.ftype(i))) for i in range(result.nfields)]
    return asked, columns, [tuple(result.get_value(r, c) for c in range(result.nfields)) for r in range(result.ntuples)]


def test_parameters_are_vouched_for(both, tmp_path):
    """Refused is what the file says; the rest is compared through the ring below."""
    _, _, _, schema = both
    wrong = []
    for types in sorted({r[1] for r in runs()}):
        mine = [r for r in runs() if r[1] == types]
        answers = translate(schema, tmp_path, "--guard", "--param-types", ",".join(str(OIDS[t]) for t in types.split(",")),
                            text="\n;\n".join(r[0] for r in mine))
        for (sql, _, _, refused), a in zip(mine, answers, strict=True):
            if (a["output"] is None or bool(a["doubts"])) != refused:
                wrong.append((sql, types, a))
    assert not wrong, wrong


def test_parameters_through_the_ring(both):
    pg, ring, _, _ = both
    wrong = []
    for sql, types, values, refused in runs():
        want, have = prepared(pg, sql, types, values), prepared(ring, sql, types, values)
        if isinstance(have, str) and (refused or isinstance(want, str)):
            continue
        if want != have or refused:
            wrong.append((sql, types, values, want, have))
    assert not wrong, wrong
