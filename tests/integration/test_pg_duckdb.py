"""PostgreSQL's drivers on DuckDB, where that engine has its own ways: what is prepared, portals, what it does not have."""
import asyncio
import decimal

import asyncpg
import psycopg
import pytest

import pgkit

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    with pgkit.ending(pgkit.before_duckdb(tmp_path_factory.mktemp("duck") / "kit")) as kit:
        yield kit


@pytest.fixture
def conn(kit):
    with kit.target().connect(autocommit=True) as c:
        c.execute("set queryflux.dialect = 'duckdb'")
        yield c


def with_asyncpg(kit, work):
    async def run():
        c = await asyncpg.connect(host="127.0.0.1", port=kit.target().port, user="tester", database="bank")
        await c.execute("set queryflux.dialect = 'duckdb'")
        try:
            return await work(c)
        finally:
            await c.close()

    return asyncio.run(run())


def test_a_prepared_statement_sees_what_was_written_since(kit, conn):
    """DuckDB's own prepared statements do not."""
    conn.execute("create or replace table seen as select range as i from range(10)")
    ask = "select count(*) from seen where i > %s"

    def count():
        return conn.execute(ask, (100,), prepare=True).fetchone()[0]

    assert [count() for _ in range(8)] == [0] * 8
    with kit.target().connect(autocommit=True) as other:
        other.execute("insert into seen values (150)")
    assert count() == 1
    conn.execute("insert into seen values (151)")
    assert [count() for _ in range(3)] == [2] * 3
    conn.execute("alter table seen rename i to j")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        count()


def test_values_keep_their_digits(conn):
    conn.execute("create or replace table money (a decimal(10,2), b hugeint)")
    conn.execute("insert into money values (%s, %s)", (decimal.Decimal("1.25"), 2**100))
    for value, n in (("1.25", 1), ("1.250", 1), ("1.251", 0)):
        assert conn.execute("select count(*) from money where a = %s", (decimal.Decimal(value),)).fetchone() == (n,)
    assert conn.execute("select b from money where b = %s", (2**100,), binary=True).fetchone() == (2**100,)
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        conn.execute("select %s", (decimal.Decimal("1e60"),))


def test_types_are_found(kit):
    async def work(c):
        st = await c.prepare("select $1 + 1 as a, $2 || 'x' as b, now() - $3 as c")
        assert [t.name for t in st.get_parameters()] == ["int4", "text", "timestamptz"]
        assert [(a.name, a.type.name) for a in st.get_attributes()] == [("a", "int4"), ("b", "text"), ("c", "interval")]
        return (await c.fetchval("select $1 + 1.5", decimal.Decimal("2.25")), await c.fetchval("select length($1)", "abc"))

    assert with_asyncpg(kit, work) == (decimal.Decimal("3.75"), 3)


def test_statements_between_the_portions_of_a_cursor(kit):
    async def work(c):
        got = []
        async with c.transaction():
            async for (i,) in c.cursor("select range from range(20000)", prefetch=777):
                got.append(i)
                if i in (0, 776, 15000):
                    assert await c.fetchval("select $1 + 1", i) == i + 1
        return got

    assert with_asyncpg(kit, work) == list(range(20000))


def test_two_cursors_at_once(kit):
    async def work(c):
        async with c.transaction():
            a = await c.cursor("select range from range(5000)")
            b = await c.cursor("select -range as range from range(5000)")
            return [((await a.fetch(n)), (await b.fetch(n))) for n in (1, 7, 2048, 1, 5000)]

    rows = with_asyncpg(kit, work)
    assert [r[0] for part, _ in rows for r in part] == list(range(5000))
    assert [r[0] for _, part in rows for r in part] == [-i for i in range(5000)]


def test_savepoints(conn):
    """DuckDB has none: one that nothing was written behind is gone back to, else ROLLBACK TO is refused and nothing is kept."""
    conn.execute("create or replace table kept (i integer)")
    conn.execute("begin")
    conn.execute("insert into kept values (1)")
    conn.execute("savepoint a")
    with pytest.raises(psycopg.errors.UndefinedTable):
        conn.execute("select * from nowhere")
    conn.execute("rollback to a", prepare=True)
    conn.execute("release a")
    conn.execute("commit")
    conn.execute("begin")
    conn.execute("savepoint a", prepare=True)
    conn.execute("insert into kept values (2)")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="something was written behind it"):
        conn.execute("rollback to a")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        conn.execute("select 1")
    assert conn.execute("commit").statusmessage == "ROLLBACK"
    assert conn.execute("select i from kept").fetchall() == [(1,)]


@pytest.mark.parametrize("sql", ["listen x", "declare c scroll cursor for select 1"])
def test_what_is_not_there_is_said(conn, sql):
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        conn.execute(sql)
