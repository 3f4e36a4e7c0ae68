"""What a Trino client meets first on DuckDB: the parameters of its driver, SHOW and DESCRIBE, tables made by its types."""
import datetime
import decimal
import uuid
import zoneinfo

import pytest
from trino.exceptions import TrinoUserError

from trinokit import ask, connect


PARAMETERS = [1, -5, 2**40, 1.5, float("inf"), float("-inf"), "it's ü", "", b"\0\xff", b"", datetime.datetime(2024, 1, 1, 1, 2, 3, 456),
              datetime.time(1, 2, 3, 4), datetime.date(2024, 1, 1), [1, 2], ["a", None], [], (1, "a", None), {"a": 1}, {2: "x", 1: "y"},
              uuid.UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59"), decimal.Decimal("-1.50"), decimal.Decimal("7"),
              decimal.Decimal("0.001"), True, None]


def test_parameters_come_back(kit):
    """What the driver writes of a value is that value, through the translation."""
    for value in PARAMETERS:
        (got,) = ask(kit, "select ?", (value,), dialect=None)[0]
        assert (tuple(got) if isinstance(value, tuple) else got) == value and type(got) is not str or type(value) is str, (value, got)
    assert str(ask(kit, "select ?", (float("nan"),), dialect=None)[0][0]) == "nan"


def test_moments_are_compared_and_not_shown(kit):
    """DuckDB keeps the moment and not the zone."""
    ask(kit, "create or replace table moments as select timestamptz '2024-01-01 00:02:03+00' as a")
    prague = zoneinfo.ZoneInfo("Europe/Prague")
    for zone in (prague, datetime.timezone(datetime.timedelta(hours=1)), datetime.timezone.utc):
        value = datetime.datetime(2024, 1, 1, 1, 2, 3, tzinfo=prague).astimezone(zone)
        assert ask(kit, "select count(*) from moments where a = ?", (value,), dialect=None) == [[1]], zone
        with pytest.raises(TrinoUserError, match="timestamptz"):
            ask(kit, "select ?", (value,), dialect=None)


# ---- SHOW, DESCRIBE, information_schema --------------------------------------------------------------------------------

TYPES = [("a", "integer", "integer"), ("b", "decimal(10,2)", "decimal(10,2)"), ("c", "timestamp", "timestamp(6)"),
         ("d", "timestamp_ms[]", "array(timestamp(3))"), ("e", "timestamptz", "timestamp(6) with time zone"), ("f", "float", "real"),
         ("g", "blob", "varbinary"), ("h", "integer[][3]", "array(array(integer))"), ("i", "varchar", "varchar"),
         ("j", "ubigint", "decimal(20,0)"), ("k", "time", "time(6)"), ("l", "enum('x', 'y]')", "varchar"), ("m", "json", "json"),
         ("n", "struct(x integer)", "STRUCT(x INTEGER)"), ("O o", "uuid", "uuid")]


@pytest.fixture(scope="module")
def shown(kit):
    columns = ", ".join(f'"{name}" {duck}' for name, duck, _ in TYPES)
    for sql in ("create schema if not exists looks", f"create or replace table looks.kinds ({columns})",
                "comment on column looks.kinds.b is 'what it costs'", "create or replace view looks.a_view as select 1 as one"):
        ask(kit, sql)
    return kit


@pytest.mark.parametrize("sql, want", [
    ("show catalogs", ["test"]), ("SHOW CATALOGS LIKE 'te%'", ["test"]), ("show catalogs like 'x'", []),
    ("show schemas like 'l%'", ["looks"]), ("show schemas from test like 'looks'", ["looks"]), ("show schemas in test like '%ma'", ["information_schema"]),
    ("show tables from looks", ["a_view", "kinds"]), ("show tables from TEST.looks", ["a_view", "kinds"]),
    ("show tables in looks like 'k%'", ["kinds"]), ("show tables from looks like 'a$_%' escape '$'", ["a_view"]),
    ("show tables from information_schema", ["columns", "schemata", "tables", "views"]),
    ("/* c */ show tables from looks -- d", ["a_view", "kinds"])])
def test_show(shown, sql, want):
    assert [r[0] for r in ask(shown, sql, dialect=None)] == want


@pytest.mark.parametrize("sql", ["describe looks.kinds", "show columns from looks.kinds", "desc test.looks.kinds", 'SHOW COLUMNS IN "looks"."kinds"'])
def test_describe(shown, sql):
    comments = {"b": "what it costs"}
    assert ask(shown, sql, dialect=None) == [[name, type_, "", comments.get(name, "")] for name, _, type_ in TYPES]


def test_describe_some(shown):
    cursor = connect(shown, dialect=None).cursor()
    cursor.execute("show columns from looks.a_view like 'o%'")
    assert cursor.fetchall() == [["one", "integer", "", ""]]
    assert [d.name for d in cursor.description] == ["Column", "Type", "Extra", "Comment"]


@pytest.mark.parametrize("sql, error", [
    ("show tables from nowhere", "SCHEMA_NOT_FOUND"), ("show tables from nowhere.main", "SCHEMA_NOT_FOUND"),
    ("show schemas from nowhere", "CATALOG_NOT_FOUND"), ("describe nowhere", "TABLE_NOT_FOUND"),
    ("describe nowhere.t", "SCHEMA_NOT_FOUND"), ("show columns from looks.nothing", "TABLE_NOT_FOUND"),
    ("show tables from looks like", "SYNTAX_ERROR"), ("describe looks.kinds x", "SYNTAX_ERROR"),
    ("show create table looks.kinds", "SYNTAX_ERROR"), ("show functions", "SYNTAX_ERROR"), ("explain select 1", "SYNTAX_ERROR")])
def test_show_what_is_not_there(shown, sql, error):
    with pytest.raises(TrinoUserError) as e:
        ask(shown, sql, dialect=None)
    assert e.value.error_name == error, e.value


def test_information_schema(shown):
    """Trino's columns of it and no more, of one catalog."""
    def rows(sql):
        return ask(shown, sql, dialect=None)

    assert rows("select * from information_schema.tables where table_schema = 'looks' order by table_name") == [
        ["test", "looks", "a_view", "VIEW"], ["test", "looks", "kinds", "BASE TABLE"]]
    assert rows('select "table_name" from "test"."information_schema"."tables" where "table_schema" = \'looks\' and table_type = \'BASE TABLE\'') == [
        ["kinds"]]
    assert rows("select c.column_name, c.data_type, c.ordinal_position from test.information_schema.columns c join information_schema.tables t"
                " on t.table_name = c.table_name where t.table_schema = 'looks' and t.table_name = 'kinds' order by 3") == [
        [name, type_, i + 1] for i, (name, _, type_) in enumerate(TYPES)]
    assert rows("select count(*) from nosuch.information_schema.schemata where schema_name = 'looks'") == [[0]]
