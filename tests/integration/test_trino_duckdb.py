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


def test_rows_have_names_where_a_cast_gives_them(kit):
    cursor = connect(kit, dialect=None).cursor()
    cursor.execute("select cast(row(1, 'a') as row(x integer, y varchar)) as r, row(2, null) as s")
    assert [tuple(v) for v in cursor.fetchall()[0]] == [(1, "a"), (2, None)]
    assert [d.type_code for d in cursor.description] == ["row(x integer, y varchar)", "row(integer, integer)"]


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


# ---- tables ------------------------------------------------------------------------------------------------------------

MADE = [("a", "integer not null", "integer"), ("b", "varchar(3)", "varchar"), ("c", "timestamp(6)", "timestamp(6)"),
        ("d", "timestamp(6) with time zone", "timestamp(6) with time zone"), ("e", "array(varchar)", "array(varchar)"),
        ("f", "varbinary", "varbinary"), ("g", "real", "real"), ("h", "tinyint", "tinyint"), ("i", "uuid", "uuid"), ("j", "time(6)", "time(6)"),
        ("k", "decimal(10,2)", "decimal(10,2)"), ("l", "row(x integer, y varchar)", "STRUCT(x INTEGER, y VARCHAR)"),
        ("m", "map(varchar, integer)", "MAP(VARCHAR, INTEGER)"), ("n", "double", "double")]


def test_a_table_of_trinos_types(kit):
    """Made, described, written by parameters, read, and changed."""
    def rows(sql, params=None):
        return ask(kit, sql, params, dialect=None)

    rows("drop table if exists made")
    rows("create table if not exists made (%s)" % ", ".join(f"{name} {type_}" for name, type_, _ in MADE))
    assert [r[:2] for r in rows("describe made")] == [[name, shown] for name, _, shown in MADE]
    zone = zoneinfo.ZoneInfo("Europe/Prague")
    values = (1, "abc", datetime.datetime(2024, 1, 1, 1, 2, 3, 456), datetime.datetime(2024, 7, 1, 1, 2, 3, tzinfo=zone), ["x", None],
              b"\0\xff", 1.5, -7, uuid.UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59"), datetime.time(1, 2, 3), decimal.Decimal("1.50"),
              (1, "y"), {"k": 1}, 0.1)
    rows("insert into made values (%s)" % ", ".join("?" * len(values)), values)
    (got,) = rows("select * from made")
    assert [tuple(v) if isinstance(v, (tuple, list)) and isinstance(w, tuple) else v for v, w in zip(got, values)] == list(values)
    rows("insert into made (a, d) values (2, timestamp '2024-01-01 00:00:00 -08:00')")
    assert rows("select a from made where d = timestamp '2024-01-01 08:00:00 UTC'") == [[2]]
    with pytest.raises(TrinoUserError):
        rows("insert into made (a, b) values (3, 'abcd')")
    with pytest.raises(TrinoUserError):
        rows("insert into made (b) values ('x')")
    for sql in ("alter table made add column o bigint", "alter table made drop column n", "alter table made rename column o to p",
                "alter table made rename to made2", "update made2 set p = a / 2", "comment on table made2 is 'of all kinds'",
                "comment on column made2.p is 'half'"):
        rows(sql)
    assert rows("select a, p from made2 order by a") == [[1, 0], [2, 1]]
    assert rows("show columns from made2 like 'p'") == [["p", "bigint", "", "half"]]
    rows("truncate table made2")
    assert rows("select count(*) from made2") == [[0]]
    rows("drop table made2")


@pytest.mark.parametrize("sql", [
    "create table no (a integer) with (format = 'ORC')", "create table no (a char(3))", "create table no (a timestamp(12))", "create table no (a decimal)",
    "create table no (a array(varchar(3)))", "create table no (a integer) comment 'x'", "create table no as select 1 as a with no data",
    "alter table t rename to other.t", "alter table t alter column i set data type double", "create schema no with (location = 'x')",
    "merge into t using t as u on t.i = u.i when matched then delete", "insert into t values row(1, 2)"])
def test_tables_refused(kit, sql):
    ask(kit, "create table if not exists t (i integer, s varchar)", dialect=None)
    with pytest.raises(TrinoUserError) as e:
        ask(kit, sql, dialect=None)
    assert e.value.error_name == "NOT_SUPPORTED", e.value
