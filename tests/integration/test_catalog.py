"""Catalogs of DuckDB as PostgreSQL's tools see them: what they ask is answered as PostgreSQL 15 answers it for the same tables.

psql, SQLAlchemy, pgjdbc and psycopg run; of tools that do not run here the statements are in catalog/*.sql. Every
answer is a list of lines. RULES make lines equal that have to differ, each with its reason; KNOWN has the cases that still
differ. Both lists are strict: what is not needed any more has to be taken off.
"""
import functools
import os
import re
import subprocess

import psycopg
import pytest
import sqlalchemy
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo
from psycopg.types.enum import EnumInfo
from psycopg.types.range import RangeInfo

import catalogkit
import pgkit
from conftest import SLOW
from pgdrivers import JAR

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(300 * SLOW)]

TOOLS = ("psqlodbc", "npgsql", "metabase", "dbeaver", "grafana", "dbt", "superset", "psql_tab", "shapes")
STATEMENTS = {s.id: s for tool in TOOLS for s in catalogkit.statements(tool)}

PSQL = r"""
\d
\d+
\dt
\dt+
\dt sales.*
\dt *.*lines
\dn
\dn+
\l
\df
\df+
\du
\dv
\dv+
\dm
\di
\di+
\ds
\dT
\dT+
\dx
\dp
\dtvs
\d customers
\d+ customers
\d orders
\d+ orders
\d sales.lines
\d sales.parts
\d "Odd Table"
\d "Odd Schema"."it's"
\d customer_names
\d+ customer_names
\d sales.totals
\d order_ids
\d customers_name
\d cust*
\dd
\db
\dD
\dew
\des
\det
\dRp
\dRs
\dP
\dX
\dy
\drds
\ddp
\dl
\sv customer_names
\d nosuch
""".strip().splitlines()

INSPECTOR = {
    "schemas": lambda i: i.get_schema_names(),
    "tables": lambda i: i.get_table_names(),
    "tables of a schema": lambda i: i.get_table_names("sales"),
    "views": lambda i: i.get_view_names(),
    "materialized views": lambda i: i.get_materialized_view_names(),
    "temporary tables": lambda i: (i.get_temp_table_names(), i.get_temp_view_names()),
    "sequences": lambda i: i.get_sequence_names(),
    "enums": lambda i: i.get_enums(),
    "domains": lambda i: i.get_domains(),
    "foreign tables": lambda i: i.get_foreign_table_names(),
    "what is there": lambda i: (i.has_table("customers"), i.has_table("nosuch"), i.has_schema("sales"), i.has_schema("nosuch"), i.has_sequence("order_ids"),
                                i.has_index("customers", "customers_name"), i.has_index("customers", "nosuch")),
    "a view": lambda i: i.get_view_definition("customer_names"),
    "sorted tables": lambda i: i.get_sorted_table_and_fkc_names(),
    **{f"{what} of {place[0]}": functools.partial(lambda what, place, i: getattr(i, f"get_{what}")(*place), what, place)
       for what in ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints", "check_constraints", "table_comment")
       for place in (("customers",), ("orders",), ("lines", "sales"), ("parts", "sales"), ("it's", "Odd Schema"), ("customer_names",))},
    **{f"all {what}": functools.partial(lambda what, i: getattr(i, f"get_multi_{what}")(), what)
       for what in ("columns", "pk_constraint", "foreign_keys", "indexes", "unique_constraints", "check_constraints", "table_comment")},
}

INFOS = {"type": (TypeInfo, "mood"), "enum": (EnumInfo, "mood"), "composite": (CompositeInfo, "customers"), "range": (RangeInfo, "int4range"),
         "a type of numbers": (TypeInfo, "int4"), "no such type": (TypeInfo, "hstore")}
# (reason, pattern, replacement): the lines of both places are compared after this.
RULES = [
    ("the size of what DuckDB stores is not known for each object", r"\b\d+ (bytes|kB)\b", "SIZE"),
    ("PostgreSQL knows the type of a constant beside a column of another type", r"\((\d+)\)::double precision|(\d+)::double precision", r"\1\2"),
]
# Columns of statements that are not compared: of the same name in every statement.
MASKED = {
    "relfilenode": "the number of a file", "relfrozenxid": "a number of transactions", "relminmxid": "a number of transactions",
    "reltoastrelid": "a table of PostgreSQL's own", "attoptions": "PostgreSQL's own options of columns",
}
# case: (how, reason); "fewer": the lines of DuckDB are some of PostgreSQL's, "differs": there is more to it.
KNOWN = {
    **dict.fromkeys([
        'psqlodbc: SQLTablePrivileges', 'psqlodbc: SQLTablePrivileges (2)', 'dbeaver: schemas', 'dbeaver: roles',
        'psql: \\dn', 'psql: \\dn+', 'psql: \\du'],
        ("differs", "the user of a session owns what is there and is no superuser; no privileges are kept")),
    **dict.fromkeys([
        'npgsql: version', 'superset: connect (2)', 'pgjdbc: values'],
        ("differs", "another server has another version, and its keywords and isolation are its own")),
    **dict.fromkeys([
        'dbeaver: types', 'pgjdbc: getTypeInfo'],
        ("differs", "types that no column of DuckDB has are not listed")),
    **dict.fromkeys([
        'npgsql: Power BI: columns'],
        ("differs", "an expression over a domain is text")),
    **dict.fromkeys([
        'dbeaver: database', 'dbeaver: databases', 'psql: \\l'],
        ("differs", "one database and one role are shown")),
    **dict.fromkeys([
        'dbeaver: tables', 'dbeaver: columns', 'dbeaver: tablespaces'],
        ("differs", "pages, transactions, row types and privileges are PostgreSQL's own")),
    **dict.fromkeys([
        'dbeaver: indexes', 'pgjdbc: getIndexInfo', 'pgjdbc: getIndexInfo sales'],
        ("differs", "the sizes of indexes are not known")),
    **dict.fromkeys([
        'dbeaver: view', 'superset: get_view_definition', 'psql: \\d+ customer_names', 'psql: \\sv customer_names',
        'sqlalchemy: a view'],
        ("differs", "views are shown as DuckDB writes them")),
    **dict.fromkeys([
        'dbeaver: access methods', 'dbeaver: languages', 'psql: \\dx'],
        ("differs", "nothing of PostgreSQL that can be added is there")),
    **dict.fromkeys([
        'dbeaver: extensions'],
        ("fewer", "nothing of PostgreSQL that can be added is there")),
    **dict.fromkeys([
        'grafana: tables'],
        ("differs", "functions with several results in FROM, and string_to_array() there, are not translated")),
    **dict.fromkeys([
        'dbt: relations'],
        ("fewer", "what a view depends on is not known")),
    **dict.fromkeys([
        'superset: get_columns customers (3)'],
        ("fewer", "the domains of information_schema are not listed")),
    **dict.fromkeys([
        'npgsql: types', 'psql_tab: tab: drop type '],
        ("fewer", "types that no column of DuckDB has are not listed")),
    **dict.fromkeys([
        'psql_tab: tab: \\c ba (2)', 'pgjdbc: getCatalogs'],
        ("fewer", "one database and one role are shown")),
    **dict.fromkeys([
        'psql_tab: tab: drop function pg_sl', 'psql_tab: tab: \\df pg_sl'],
        ("fewer", "only functions of types are listed")),
    **dict.fromkeys([
        'pgjdbc: getUDTs'],
        ("fewer", "DuckDB has no row types of tables and no ranges")),
    **dict.fromkeys([
        'pgjdbc: enum column'],
        ("differs", "an enum is text in results")),
    **dict.fromkeys([
        'psycopg: composite', 'psycopg: range'],
        ("differs", "DuckDB has no row types of tables and no ranges")),
}


def lines_of(value):
    """One line for each thing in what SQLAlchemy gives; types are written as they are."""
    match value:
        case dict():
            return [f"{k}: {text(v)}" for k, v in value.items()]
        case list() | tuple():
            return [text(v) for v in value]
    return text(value).splitlines()


def text(value):
    match value:
        case dict():
            return "{" + ", ".join(f"{k}: {text(v)}" for k, v in sorted(value.items(), key=str)) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(text, value)) + "]"
    return str(value) if isinstance(value, str) else repr(value)


def by_statement(place):
    def lines(statement):
        answer = place.answer(statement.text)
        if isinstance(answer, str):
            return ["error " + answer]
        columns, rows = answer
        rows = [tuple("?" if name in MASKED else v for (name, _), v in zip(columns, row)) for row in rows]
        got = ["\t".join(r"\N" if v is None else v for v in row) for row in rows]
        return ["\t".join(f"{name}:{kind}" for name, kind in columns), *sorted(got)]

    return {s.id: lines(s) for s in STATEMENTS.values()}


def by_psql(place):
    commands = [word for i, c in enumerate(PSQL) for word in ("-c", rf"\echo ### {i}", "-c", c)]
    env = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(place.target.port), "PGUSER": "tester", "PGDATABASE": place.target.database,
           "PGSSLMODE": "disable", "PSQL_PAGER": "", "PGCONNECT_TIMEOUT": "20"}
    done = subprocess.run(["psql", "-X", "-q", *commands], env=env, text=True, timeout=120 * SLOW, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    _, *parts = re.split(r"^### ", done.stdout, flags=re.M)
    return {f"psql: {PSQL[int(part.splitlines()[0])]}": [re.sub(r" +", " ", re.sub(r"--+", "--", line)).rstrip() for line in part.splitlines()[1:]] for part in parts}


def by_sqlalchemy(place):
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://tester@127.0.0.1:{place.target.port}/{place.target.database}")
    inspector = sqlalchemy.inspect(engine)

    def lines(name, ask):
        try:
            return sorted(lines_of(ask(inspector))) if "all" in name or "tables" in name else lines_of(ask(inspector))
        except sqlalchemy.exc.SQLAlchemyError as e:
            return [f"error {type(e).__name__}: {e}"]

    try:
        return {f"sqlalchemy: {name}": lines(name, ask) for name, ask in INSPECTOR.items()}
    finally:
        engine.dispose()


def by_pgjdbc(place):
    url = f"jdbc:postgresql://127.0.0.1:{place.target.port}/{place.target.database}?user=tester&sslmode=disable"
    java = subprocess.run(["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", JAR, catalogkit.HERE.parent / "drivers/Meta.java", url],
                          text=True, encoding="utf-8", timeout=120 * SLOW, capture_output=True)
    assert java.returncode == 0, java.stderr[-3000:]
    _, *parts = re.split(r"^= ", java.stdout, flags=re.M)
    return {f"pgjdbc: {part.splitlines()[0]}": part.splitlines()[1:] for part in parts}


def by_psycopg(place):
    def lines(kind, name):
        try:
            info = kind.fetch(place.conn, name)
        except psycopg.Error as e:
            return [f"error {e.sqlstate}: {e}"]
        return [f"{k}: {re.sub(r'[0-9]+', lambda m: place.named(m[0]), str(v))}" for k, v in vars(info).items() if k not in ("enum", "typemod")] if info else ["None"]

    return {f"psycopg: {name}": lines(*ask) for name, ask in INFOS.items()}


WAYS = {"statement": by_statement, "psql": by_psql, "sqlalchemy": by_sqlalchemy, "pgjdbc": by_pgjdbc, "psycopg": by_psycopg}
JDBC = re.findall(r'CALLS\.put\("([^"]+)"', (catalogkit.HERE.parent / "drivers/Meta.java").read_text()) + ["values"]
CASES = [*(("statement", s) for s in STATEMENTS), *(("psql", f"psql: {c}") for c in PSQL), *(("sqlalchemy", f"sqlalchemy: {n}") for n in INSPECTOR),
         *(("pgjdbc", f"pgjdbc: {n}") for n in JDBC), *(("psycopg", f"psycopg: {n}") for n in INFOS)]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    server = catalogkit.Postgres()
    try:
        with server.connect() as c:
            if c.info.server_version // 10000 != 15:
                pytest.skip("these are the answers of PostgreSQL 15")
        with pgkit.ending(catalogkit.before_duckdb(tmp_path_factory.mktemp("catalog") / "kit")) as kit:
            yield catalogkit.Place(server.target()), catalogkit.Place(kit.target("duckdb"))
    finally:
        server.stop()


@pytest.fixture(scope="module")
def answers(places):
    """answers(way) → what PostgreSQL gives and what DuckDB gives: {case: lines}."""
    return functools.cache(lambda way: tuple(WAYS[way](place) for place in places))


def ruled(lines, but=None):
    for rule in RULES:
        if rule is not but:
            lines = [re.sub(rule[1], rule[2], line) for line in lines]
    return lines


def difference(want, got):
    """How DuckDB's lines are beside PostgreSQL's: None (equal), "fewer" (no others, in the same order) or "differs"."""
    if want == got:
        return None
    rest = iter(want)
    return "fewer" if all(line in rest for line in got) else "differs"


def shown(want, got):
    only = [f"  PostgreSQL  {line[:600]}" for line in want if line not in got][:12] + [f"  DuckDB      {line[:600]}" for line in got if line not in want][:12]
    return "\n".join(only or ["  the same lines in another order"])


@pytest.mark.parametrize("way, case", CASES, ids=lambda x: None if x in WAYS else x)
def test_answer(answers, way, case):
    want, got = (ruled(found.get(case, ["nothing"])) for found in answers(way))
    how, reason = KNOWN.get(case, (None, None))
    found = difference(want, got)
    assert found == how, f"{case} {'is equal now: take it off KNOWN' if not found else found}{f' (known: {reason})' if how else ''}\n{shown(want, got)}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule[0])
def test_rule_is_needed(answers, rule):
    for way, case in CASES:
        want, got = (found.get(case, ["nothing"]) for found in answers(way))
        if difference(ruled(want), ruled(got)) != difference(ruled(want, rule), ruled(got, rule)):
            return
    pytest.fail(f"nothing differs without it: take it off RULES ({rule[0]})")


# DuckDB has tables of these names, too, with other contents: what is no translation must not read them.
REFUSED = """
select c.name, k.relname from customers c join pg_class k on k.relname = c.name
select * from customers, lateral (select relname from pg_class where relname = name) x
select name, (select max(relname) from pg_class) from customers
select name from customers where exists (select from pg_catalog.pg_class)
select name from customers union select table_name from information_schema.tables
select name from customers where name in (select relname from (pg_class c join pg_namespace n on n.oid = c.relnamespace))
with x as (select relname from pg_class) select * from x, customers
with pg_class as (select relname from pg_class) select * from pg_class, customers
insert into customers (id, name) select 99, relname from pg_class
create table copied as select relname from pg_class
create view seen as select relname from pg_catalog.pg_class
create table copied as select * from "pg_class"
update customers set name = (select max(relname) from pg_class)
delete from customers using pg_class where name = relname
delete from customers where name in (select conname from pg_constraint)
insert into pg_class values (1)
drop table pg_class
drop view pg_catalog.pg_class
truncate pg_class
alter table pg_class add column a int
create index i on pg_class (relname)
select * from "PG_CLASS"
select * from "PG_CATALOG"."PG_CLASS"
select * from "Information_Schema".tables
select * from information_schema.nosuch
""".strip().splitlines()


@pytest.mark.parametrize("statement", REFUSED)
def test_refused(places, statement):
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="the catalog table"):
        places[1].conn.execute(statement)


def test_own_table_of_that_name(places):
    """In the user's schema, beside that of the catalog, which a bare name means."""
    def answers(conn):
        with pytest.raises(psycopg.Error):
            conn.execute("select * from public.pg_class").fetchall()
        conn.execute("create table public.pg_class (own int)")
        try:
            conn.execute("insert into public.pg_class values (7)")
            return [conn.execute(q).fetchall() for q in (
                "select own from public.pg_class", "select relname from pg_class where relname = 'orders'",
                "select count(*) from pg_catalog.pg_class where relname = 'pg_class'")]
        finally:
            conn.execute("drop table public.pg_class")

    want, got = (answers(place.conn) for place in places)
    assert got == want


# Beside what is asked of the catalog: as PostgreSQL has it, or refused.
BESIDE = {
    "select sum(x) / 2 from (values (1), (2)) v(x) where current_schema() is not null": [(1,)],
    "select count(*) / 2 * 2 <= count(*), 5 / 2 from pg_class": [(True, 2)],
    "select 1 / (count(*) - count(*)) from pg_class": "22012",
    "select extract(day from date '2020-01-05') / 2, current_schema()": "0A000",
    "select 'ab' similar to 'a%', current_schema()": "0A000",
    "select substr('hello', -1, 3), current_schema()": "0A000",
    "select substring('hello' from 2 for 3) where current_schema() is not null": [("ell",)],
    "select to_regclass('no_such_table'), coalesce(to_regclass('no_such_table')::text, 'none')": [(None, "none")],
}


@pytest.mark.parametrize("sql", BESIDE)
def test_beside_the_catalog(places, sql):
    try:
        got = places[1].conn.execute(sql).fetchall()
    except psycopg.Error as e:
        got = e.sqlstate
    assert got == BESIDE[sql]
