"""What every driver does, as data: each case is a list of steps, each step says what it must come to.

A step is (what, arguments, outcome). Statements have their parameters as $1, $2 … in this order; a parameter is (type,
value). The outcome is a list of what the driver gives: ("row", …), ("rows",) after the last, ("count", n), ("text", …),
("error", SQLSTATE). pgdrivers.py runs them.
"""
import datetime
import decimal
import uuid

D = decimal.Decimal
UTC = datetime.timezone.utc
BOTH, PG = ("postgres", "duckdb"), ("postgres",)


def rows(*all_rows):
    return [("row", *r) for r in all_rows] + [("rows",)]


def ask(sql, *params, gives):
    return ("run", (sql, params), rows(*gives))


def change(sql, *params, count):
    return ("run", (sql, params), [("count", count)])


def wrong(sql, *params, error, what="run"):
    return (what, (sql, params) if what == "run" else (sql,), [("error", error)])


def do(*statements):
    return [("do", (sql,), []) for sql in statements]


def plain(*words):
    return [(w, (), []) for w in words]


def repeat(sql, sets, outcome):
    return ("repeat", (sql, sets), outcome)


def table(name, columns):
    return do(f"drop table if exists {name}", f"create table {name} ({columns})")


def numbers(n):
    return rows(*((i,) for i in range(1, n + 1)))


SERIES = "select i from generate_series(1, {}) t(i) order by i"
ENDLESS = {"postgres": "select pg_sleep(60)", "duckdb": "select count(*) from generate_series(1, 10000) a(i), generate_series(1, 10000) b(j), generate_series(1, 10000) c(k) where i + j + k < 0"}

# One value of each type there and back: (type, value[, types of the target that are not there]).
VALUES = [
    ("bool", True), ("bool", False), ("int2", -32768), ("int2", 32767), ("int4", -2**31), ("int4", 2**31 - 1), ("int8", -2**63), ("int8", 2**63 - 1),
    ("float4", 1.5), ("float8", 0.1), ("float8", -1e300), ("float8", float("inf")), ("float8", float("nan")), ("float8", 5e-324),
    ("numeric", D("0")), ("numeric", D("-1234567890.0123456789")), ("numeric", D("0.000001")), ("numeric", D("99999999999999999999999999999999")),
    ("text", ""), ("text", "it's ü \\ \" 漢 \U0001f600\n\t"), ("text", "null"), ("varchar", "abc"), ("bytea", b""), ("bytea", bytes(range(256))),
    ("date", datetime.date(2024, 2, 29)), ("date", datetime.date(1, 1, 1)), ("date", datetime.date(9999, 12, 31)),
    ("time", datetime.time(23, 59, 59, 999999)), ("time", datetime.time(0, 0)), ("timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)),
    ("timestamp", datetime.datetime(1, 1, 1)), ("timestamp", datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("timestamptz", datetime.datetime(2024, 7, 1, 12, 0, 0, 1, tzinfo=UTC)), ("timestamptz", datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ("interval", datetime.timedelta(days=-3, seconds=5, microseconds=7)), ("interval", datetime.timedelta(0)),
    ("uuid", uuid.UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59")), ("json", {"a": [1, None, "x"], "b": 1.5}), ("jsonb", {"a": [1, None, "ü"]}),
    ("int4[]", [1, None, -3]), ("int4[]", []), ("int8[]", [2**40, -1]), ("text[]", ["a", "", "b c", None, "ü"]),
]
NULLS = ["bool", "int4", "int8", "float8", "numeric", "text", "bytea", "date", "timestamp", "timestamptz", "uuid", "int4[]", "text[]", "json", "interval"]


def there_and_back(kind, value):
    return (f"select $1::{kind} as v", [(kind, value)], rows((value,)))


CASES = {
    # ---- parameters and values
    **{f"value {kind} {i}": (BOTH, [("run", (sql, params), outcome)]) for i, (kind, value) in enumerate(VALUES)
       for sql, params, outcome in [there_and_back(kind, value)]},
    **{f"null {kind}": (BOTH, [("run", (f"select $1::{kind} as v", [(kind, None)]), rows((None,)))]) for kind in NULLS},
    **{f"stored {kind}": (BOTH, [*table("stored", f"n integer, v {kind}"), change("insert into stored values ($1, $2)", ("int4", 1), (kind, value), count=1),
                                 change("insert into stored values ($1, $2)", ("int4", 2), (kind, None), count=1),
                                 ask("select v from stored order by n", gives=[(value,), (None,)]),
                                 *([] if kind == "json" else [ask("select n from stored where v = $1" + f"::{kind}" * isinstance(value, list), (kind, value), gives=[(1,)])])])
       for kind, value in VALUES if value not in (False, 0, "", b"", []) and kind not in ("float4", "varchar")},
    "parameters of many types in one statement": (BOTH, [ask(
        "select $1::int4 as a, $2::text as b, $3::numeric as c, $4::timestamp as d, $5::bool as e, $6::int8 as f", ("int4", 1), ("text", "x"),
        ("numeric", D("1.50")), ("timestamp", datetime.datetime(2024, 1, 1)), ("bool", True), ("int8", None),
        gives=[(1, "x", D("1.50"), datetime.datetime(2024, 1, 1), True, None)])]),
    "the type of a parameter from its place": (BOTH, [*table("places", "a integer, b text, c timestamp"), change(
        "insert into places values ($1, $2, $3)", ("int4", 1), ("text", "x"), ("timestamp", datetime.datetime(2024, 1, 1)), count=1),
        ask("select a from places where a = $1 and b = $2 and c < $3", ("int4", 1), ("text", "x"), ("timestamp", datetime.datetime(2025, 1, 1)),
            gives=[(1,)]), change("update places set b = $1 where a between $2 and $3", ("text", "y"), ("int4", 0), ("int4", 5), count=1),
        change("delete from places where b = $1", ("text", "y"), count=1)]),
    "a large value": (BOTH, [ask("select length($1::text) as n, $2::text as v", ("text", "ü" * 500000), ("text", "x" * 3000000),
                                 gives=[(500000, "x" * 3000000)])]),
    "arrays of arrays": (PG, [ask("select array[array[1, 2], array[3, 4]] as v", gives=[([[1, 2], [3, 4]],)])]),
    "types that PostgreSQL alone has": (PG, [ask("select $1::text::inet::text as a, $2::text::int4range::text as b", ("text", "10.0.0.0/8"), ("text", "[1,5)"),
                                                gives=[("10.0.0.0/8", "[1,5)")])]),
    "many columns": (BOTH, [ask("select " + ", ".join(f"{i} as c{i}" for i in range(300)), gives=[tuple(range(300))])]),
    "no rows, no columns": (BOTH, [ask("select 1 as a where false", gives=[]), *do("set timezone = 'UTC'")]),
    "an empty statement": (BOTH, [("do", ("",), []), ask("select 1 as a", gives=[(1,)])]),
    # ---- prepared statements
    "prepared, beyond the threshold": (BOTH, [repeat("select $1::int4 + $2::int4 as v", [[("int4", i), ("int4", 1)] for i in range(20)],
                                                    [x for i in range(20) for x in rows((i + 1,))])]),
    "prepared, with other types in between": (BOTH, [*table("prep", "a integer, b text"),
                                                    repeat("insert into prep values ($1, $2)", [[("int4", i), ("text", str(i))] for i in range(12)],
                                                           [("count", 1)] * 12),
                                                    repeat("select b from prep where a = $1", [[("int4", i)] for i in range(12)],
                                                           [x for i in range(12) for x in rows((str(i),))])]),
    "prepared, while the table changes": (BOTH, [*table("changes", "a integer"), *do("insert into changes values (1)"),
                                                repeat("select a from changes where a = $1", [[("int4", 1)]] * 8, rows((1,)) * 8),
                                                *do("alter table changes add column b integer"),
                                                repeat("select a from changes where a = $1", [[("int4", 1)]] * 8, rows((1,)) * 8)]),
    "many statements": (BOTH, [ask(f"select $1::int4 + {i} as v", ("int4", 1), gives=[(i + 1,)]) for i in range(120)]),
    # ---- batches
    "a batch": (BOTH, [*table("batch", "a integer, b text"), ("batch", ("insert into batch values ($1, $2)",
                                                                          [[("int4", i), ("text", f"n{i}")] for i in range(500)]), [("count", 500)]),
                       ask("select count(*) as n, max(a) as m from batch", gives=[(500, 499)])]),
    "a batch that fails": (BOTH, [*table("failing", "a integer primary key"), ("begin", (), []),
                                  ("batch", ("insert into failing values ($1)", [[("int4", i % 7)] for i in range(20)]), [("error", "23505")]),
                                  ("rollback", (), []), ask("select count(*) as n from failing", gives=[(0,)])]),
    "a batch in a transaction": (BOTH, [*table("twice", "a integer"), ("begin", (), []),
                                        ("batch", ("insert into twice values ($1)", [[("int4", i)] for i in range(50)]), [("count", 50)]),
                                        ("batch", ("update twice set a = a + 1 where a < $1", [[("int4", 10)], [("int4", 1)]]), [("count", 10)]),
                                        ("commit", (), []), ask("select count(*) as n from twice", gives=[(50,)])]),
    # ---- fetch size
    "fetch size": (BOTH, [("begin", (), []), ("fetch", (SERIES.format(1000), 10, ()), numbers(1000)), ("commit", (), []),
                          ask("select 1 as a", gives=[(1,)])]),
    "fetch size with parameters": (BOTH, [("begin", (), []), ("fetch", ("select i from generate_series(1, 100) t(i) where i <= $1 order by i", 7,
                                                                         [("int4", 50)]), numbers(50)), ("commit", (), [])]),
    "fetch size, and no more wanted": (BOTH, [("begin", (), []), ("part", (SERIES.format(100000), 10, 25), [("row", i) for i in range(1, 26)]),
                                              ask("select 1 as a", gives=[(1,)]), ("commit", (), []), ask("select 2 as a", gives=[(2,)])]),
    "many rows": (BOTH, [ask(SERIES.format(20000), gives=[(i,) for i in range(1, 20001)])]),
    # ---- cancel
    "cancel": (BOTH, [("cancel", (ENDLESS,), [("error", "57014")]), ask("select 1 as a", gives=[(1,)])]),
    "cancel in a transaction": (BOTH, [("begin", (), []), ask("select 1 as a", gives=[(1,)]), ("cancel", (ENDLESS,), [("error", "57014")]),
                                       wrong("select 1 as a", error="25P02"), ("rollback", (), []), ask("select 2 as a", gives=[(2,)])]),
    # ---- errors
    "errors outside of a transaction": (BOTH, [wrong("select nosuch", error="42703"), wrong("selec 1", error="42601"), wrong("select * from nowhere", error="42P01"),
                                               wrong("select $1::int4 as v", ("text", "x"), error="22P02"), ask("select 1 as a", gives=[(1,)])]),
    "an error in a transaction": (BOTH, [*table("failed", "a integer primary key"), ("begin", (), []), change("insert into failed values (1)", count=1),
                                         wrong("insert into failed values (1)", error="23505"), wrong("select 1 as a", error="25P02"), ("rollback", (), []),
                                         ask("select count(*) as n from failed", gives=[(0,)])]),
    "constraints": (BOTH, [*table("strict", "a integer primary key, b text not null, c integer check (c > 0)"),
                           wrong("insert into strict values ($1, null, 1)", ("int4", 1), error="23502"),
                           wrong("insert into strict values ($1, 'x', -1)", ("int4", 1), error="23514"),
                           change("insert into strict values ($1, 'x', 1)", ("int4", 1), count=1),
                           wrong("insert into strict values ($1, 'x', 1)", ("int4", 1), error="23505")]),
    "an error after rows": (PG, [wrong("select 10 / (500 - i) as v from generate_series(1, 1000) t(i)", error="22012"), ask("select 1 as a", gives=[(1,)])]),
    "COMMIT of a failed transaction": (PG, [*table("lost", "a integer"), *do("begin"), *do("insert into lost values (1)"),
                                              wrong("select nosuch", error="42703", what="do"), *do("commit"), ask("select count(*) as n from lost", gives=[(0,)])]),
    # ---- transactions
    "commit": (BOTH, [*table("kept", "a integer"), ("begin", (), []), change("insert into kept values ($1)", ("int4", 1), count=1), ("commit", (), []),
                      ask("select a from kept", gives=[(1,)])]),
    "rollback": (BOTH, [*table("undone", "a integer"), ("begin", (), []), change("insert into undone values ($1)", ("int4", 1), count=1),
                        ask("select a from undone", gives=[(1,)]), ("rollback", (), []), ask("select a from undone", gives=[])]),
    "an empty transaction": (BOTH, [*plain("begin", "commit", "begin", "rollback"), ask("select 1 as a", gives=[(1,)])]),
    "savepoints": (PG, [*table("points", "a integer primary key"), ("begin", (), []), change("insert into points values (1)", count=1),
                        ("savepoint", (), []), wrong("insert into points values (1)", error="23505"), ("rollback_to", (), []),
                        change("insert into points values (2)", count=1), ("release", (), []), ("commit", (), []),
                        ask("select a from points order by a", gives=[(1,), (2,)])]),
    # ---- the rest
    "notices": (PG, [("notices", ("do $$ begin raise notice 'one'; raise warning 'two'; end $$",), [("text", "one"), ("text", "two")]),
                     ask("select 1 as a", gives=[(1,)])]),
    "several results": (BOTH, [*table("multi", "a integer"), ("multi", ("insert into multi values (1), (2); select a from multi order by a; select 3 as b",),
                                                               [("count", 2), *rows((1,), (2,)), *rows((3,))])]),
    "several results, one wrong": (BOTH, [*table("multi", "a integer"), ("multi", ("insert into multi values (1); select nosuch",), [("error", "42703")]),
                                          ask("select a from multi", gives=[])]),
    "generated keys": (BOTH, [*do("drop table if exists keyed", "drop sequence if exists keys", "create sequence keys"),
                              *do("create table keyed (id integer default nextval('keys'), v text)"),
                              ("keys", ("insert into keyed (v) values ($1), ($2)", [("text", "a"), ("text", "b")]), rows((1, "a"), (2, "b")))]),
    "RETURNING": (BOTH, [*table("given", "a integer, b text"), ask("insert into given values ($1, $2) returning b, a", ("int4", 1), ("text", "x"),
                                                                    gives=[("x", 1)])]),
    "COPY in": (PG, [*table("copied", "a integer, b text"), ("copy_in", ("copied", "1\tx\n2\t\\N\n3\tü\n"), [("count", 3)]),
                     ask("select a, b from copied order by a", gives=[(1, "x"), (2, None), (3, "ü")])]),
    "COPY in of much": (PG, [*table("much", "a integer, b text"), ("copy_in", ("much", "".join(f"{i}\t{'x' * 100}\n" for i in range(30000))),
                                                                  [("count", 30000)]), ask("select count(*) as n from much", gives=[(30000,)])]),
    "COPY in that fails": (PG, [*table("nothing", "a integer"), ("copy_in", ("nothing", "1\nx\n"), [("error", "22P02")]),
                                ask("select count(*) as n from nothing", gives=[(0,)])]),
    "COPY out": (PG, [("copy_out", ("select i, 'x' || i from generate_series(1, 3) t(i)",), [("text", "1\tx1\n2\tx2\n3\tx3\n")]),
                      ask("select 1 as a", gives=[(1,)])]),
    "COPY out of much": (PG, [("copy_out", ("select i from generate_series(1, 100000) t(i)",), [("text", "".join(f"{i}\n" for i in range(1, 100001)))])]),
    "settings": (BOTH, [*do("set timezone = 'Asia/Tokyo'"), ask("select cast($1::timestamptz as text) as v", ("timestamptz", datetime.datetime(2024, 1, 1, tzinfo=UTC)),
                                                              gives=[("2024-01-01 09:00:00+09",)]), *do("reset timezone")]),
}
