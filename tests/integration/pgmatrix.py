"""The table of cases of the driver matrix (test_matrix.py): what an application does with a driver, over TLS and SCRAM.

The steps are those of pgcases.py, and: ("login", (what is other than it should be,), …), ("columns", (sql,), rows of name
and type), ("describe", (table,), rows of name, type and whether it may be null), ("tables", (name,), …), ("stream", (sql,),
…), ("listen", (channel, payload), …), ("pool", (sql, connections, statements), …). A dict by engine stands for its value.
"""
import datetime

from pgcases import BOTH, ENDLESS, NULLS, SERIES, UTC, VALUES, ask, change, do, numbers, repeat, rows, table, wrong

GROUPS = {
    "booleans": ("bool",), "integers": ("int2", "int4", "int8"), "floating point": ("float4", "float8"), "numeric": ("numeric",),
    "text": ("text", "varchar"), "bytea": ("bytea",), "dates and times": ("date", "time", "timestamp"),
    "times with a zone": ("timestamptz",), "intervals": ("interval",), "uuid": ("uuid",), "json": ("json",), "jsonb": ("jsonb",),
    "arrays of numbers": ("int4[]", "int8[]"), "arrays of text": ("text[]",),
}


def back(kind, value):
    return ask(f"select cast($1 as {kind}) as v", (kind, value), gives=[(value,)])


def text(said):
    return [("text", said)]


PEOPLE = table("people", "id integer not null, name text, paid numeric(10,2), seen timestamp with time zone, primary key (id)")
INSERT = "insert into people values ($1, $2, $3, $4)"


def person(i):
    return [("int4", i), ("text", f"n{i}"), ("numeric", None), ("timestamptz", datetime.datetime(2024, 1, 1, 12, tzinfo=UTC))]


CASES = {
    # ---- connections
    "log in": (BOTH, [ask("select 1 as a", gives=[(1,)])]),
    "a wrong password": (BOTH, [("login", ({"password": "wrong"},), [("error", "28P01")]), ("login", ({},), [])]),
    "an unknown user": (BOTH, [("login", ({"user": "nobody"},), [("error", "28P01")])]),
    "a server of another name": (BOTH, [("login", ({"host": "127.0.0.1"},), [("error", "refused")])]),
    "a pool": (BOTH, [("pool", ("select cast($1 as int4) + 1 as v", 3, 12), text("12 right"))]),
    # ---- values
    **{name: (BOTH, [back(kind, value) for kind, value in VALUES if kind in kinds]) for name, kinds in GROUPS.items()},
    "NULL of each type": (BOTH, [back(kind, None) for kind in NULLS if kind != "numeric"]),
    "stored values": (BOTH, [*PEOPLE, change(INSERT, *person(1), count=1), ask("select id, name, paid, seen from people where id = $1", ("int4", 1),
                                                                           gives=[tuple(v for _, v in person(1))])]),
    "a large value": (BOTH, [ask("select length(cast($1 as text)) as n, cast($2 as text) as v", ("text", "ü" * 500000), ("text", "x" * 1000000),
                                 gives=[(500000, "x" * 1000000)])]),
    "no rows": (BOTH, [ask("select 1 as a where false", gives=[])]),
    "an empty statement": (BOTH, [*do("", "-- nothing"), ask("select 1 as a", gives=[(1,)])]),
    "many columns": (BOTH, [ask("select " + ", ".join(f"{i} as c{i}" for i in range(300)), gives=[tuple(range(300))])]),
    # ---- statements
    "a statement prepared once": (BOTH, [repeat("select cast($1 as int4) + 1 as v", [[("int4", i)] for i in range(12)], [x for i in range(12) for x in rows((i + 1,))])]),
    "prepared, while the table changes": (BOTH, [*table("changes", "a integer"), *do("insert into changes values (1)"),
                                                repeat("select a from changes where a = $1", [[("int4", 1)]] * 8, rows((1,)) * 8),
                                                *do("alter table changes add column b integer"),
                                                repeat("select a from changes where a = $1", [[("int4", 1)]] * 8, rows((1,)) * 8)]),
    "a batch": (BOTH, [*table("batch", "a integer, b text"), ("batch", ("insert into batch values ($1, $2)", [[("int4", i), ("text", f"n{i}")] for i in range(50)]),
                                                            [("count", 50)]), ask("select count(*) as n, max(a) as m from batch", gives=[(50, 49)])]),
    "a batch that fails": (BOTH, [*table("failing", "a integer primary key"), ("begin", (), []),
                                  ("batch", ("insert into failing values ($1)", [[("int4", i % 7)] for i in range(20)]), [("error", "23505")]),
                                  ("rollback", (), []), ask("select count(*) as n from failing", gives=[(0,)])]),
    "several statements at once": (BOTH, [("multi", ("select 1 as a; select 2 as b",), [*rows((1,)), *rows((2,))])]),
    "RETURNING": (BOTH, [*table("given", "a integer, b text"), ask("insert into given values ($1, $2) returning b, a", ("int4", 1), ("text", "x"), gives=[("x", 1)])]),
    # ---- transactions and errors
    "commit": (BOTH, [*table("kept", "a integer"), ("begin", (), []), change("insert into kept values ($1)", ("int4", 1), count=1), ("commit", (), []),
                      ask("select a from kept", gives=[(1,)])]),
    "rollback": (BOTH, [*table("undone", "a integer"), ("begin", (), []), change("insert into undone values ($1)", ("int4", 1), count=1),
                        ask("select a from undone", gives=[(1,)]), ("rollback", (), []), ask("select a from undone", gives=[])]),
    "savepoints": (BOTH, [*table("points", "a integer primary key"), ("begin", (), []), change("insert into points values (1)", count=1), ("savepoint", (), []),
                          wrong("insert into points values (1)", error="23505"), ("rollback_to", (), []), change("insert into points values (2)", count=1),
                          ("release", (), []), ("commit", (), []), ask("select a from points order by a", gives=[(1,), (2,)])]),
    "errors and what comes after": (BOTH, [wrong("select nosuch", error="42703"), wrong("selec 1", error="42601"), wrong("select * from nowhere", error="42P01"),
                                           ask("select 1 as a", gives=[(1,)])]),
    "an error in a transaction": (BOTH, [*table("failed", "a integer primary key"), ("begin", (), []), change("insert into failed values (1)", count=1),
                                         wrong("insert into failed values (1)", error="23505"), wrong("select 1 as a", error="25P02"), ("rollback", (), []),
                                         ask("select count(*) as n from failed", gives=[(0,)])]),
    "constraints": (BOTH, [*table("strict", "a integer primary key, b text not null"), wrong("insert into strict values ($1, $2)", ("int4", 1), ("text", None), error="23502"),
                           change("insert into strict values ($1, $2)", ("int4", 1), ("text", "x"), count=1),
                           wrong("insert into strict values ($1, $2)", ("int4", 1), ("text", "x"), error="23505")]),
    # ---- much, and no end
    "a stream of rows": (BOTH, [("begin", (), []), ("stream", (SERIES.format(50000),), text("50000 rows, sum 1250025000")), ("commit", (), [])]),
    "a cursor": (BOTH, [("begin", (), []), ("fetch", (SERIES.format(500), 100, ()), numbers(500)), ("commit", (), []), ask("select 1 as a", gives=[(1,)])]),
    "cancel": (BOTH, [("cancel", (ENDLESS,), [("error", "57014")]), ask("select 1 as a", gives=[(1,)])]),
    "a time limit": (BOTH, [*do("set statement_timeout = '400ms'"), wrong(ENDLESS, error="57014"), *do("set statement_timeout = 0"), ask("select 1 as a", gives=[(1,)])]),
    "COPY in": (BOTH, [*table("copied", "a integer, b text"), ("copy_in", ("copied", "1\tx\n2\t\\N\n3\tü\n"), [("count", 3)]),
                       ask("select a, b from copied order by a", gives=[(1, "x"), (2, None), (3, "ü")])]),
    "COPY out": (BOTH, [*table("copied", "a integer, b text"), *do("insert into copied values (1, 'x'), (2, null)"),
                        ("copy_out", ("select a, b from copied order by a",), text("1\tx\n2\t\\N\n")), ask("select 1 as a", gives=[(1,)])]),
    # ---- what is told
    "names and types of columns": (BOTH, [("columns", ("select 1 as a, cast('x' as text) as \"B c\", cast(1.5 as float8) as f, true as t",),
                                          rows(("a", "int4"), ("B c", "text"), ("f", "float8"), ("t", "bool")))]),
    "tables of the catalog": (BOTH, [*PEOPLE, ("tables", ("people",), rows(("people",)))]),
    "columns of the catalog": (BOTH, [*PEOPLE, ("describe", ("people",), rows(("id", "integer", "NO"), ("name", "text", "YES"), ("paid", "numeric", "YES"),
                                                                           ("seen", "timestamp with time zone", "YES")))]),
    "time zones": (BOTH, [*do("set timezone = 'Asia/Tokyo'"), ask("select cast(cast($1 as timestamptz) as text) as v",
                                                               ("timestamptz", datetime.datetime(2024, 1, 1, tzinfo=UTC)), gives=[("2024-01-01 09:00:00+09",)])]),
    "notices": (BOTH, [("notices", ("do $$ begin raise notice 'one'; raise warning 'two'; end $$",), [("text", "one"), ("text", "two")])]),
    "LISTEN": (BOTH, [("listen", ("ears", "hello"), text("hello"))]),
}


def cases(engine):
    """name → steps for this engine."""
    def value(what, v):
        return v[engine] if isinstance(v, dict) and engine in v and what != "cancel" else v
    return {name: [(what, tuple(value(what, a) for a in args), outcome) for what, args, outcome in steps]
            for name, (engines, steps) in CASES.items() if engine in engines}
