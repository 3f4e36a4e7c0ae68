"""Drivers as they are: psycopg, asyncpg and pgjdbc run one table of cases (pgcases.py) on three places.

The server itself shows that the table is right; a toolkit in front of it, and one with DuckDB, have to come to the same.
What does not is in KNOWN with its reason; a cell that begins to pass must be taken off.
"""
import functools

import pytest

import pgcases
import pgkit
from conftest import SLOW
from pgdrivers import DRIVERS

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(300 * SLOW)]
PLACES = ("direct", "toolkit", "duckdb")
ENGINE = {"direct": "postgres", "toolkit": "postgres", "duckdb": "duckdb"}
ANY = None

PSYCOPG = ("psycopg text", "psycopg binary", "psycopg prepared", "psycopg pipeline")
FETCH = ("fetch size", "fetch size with parameters", "fetch size, and no more wanted")
SCRIPT = "several statements go by simple query alone, and this way sends them by the extended protocol"

# (driver, place, case): reason; ANY stands for all of them.
KNOWN = {
    # The drivers' own, on the server itself too.
    (PSYCOPG[1:], ANY, ("several results", "several results, one wrong")): SCRIPT,
    ("psycopg pipeline", ANY, FETCH): "psycopg has no server-side cursors in pipeline mode",
    ("psycopg pipeline", ANY, ("COPY in", "COPY in of much", "COPY in that fails", "COPY out", "COPY out of much")):
        "psycopg has no COPY in pipeline mode",
    ("asyncpg", ANY, "an empty statement"): "asyncpg fails on the EmptyQueryResponse of an empty script",
    ("asyncpg", ANY, "errors outside of a transaction"): "asyncpg refuses a wrong parameter itself, with 22000",
    ("asyncpg", ANY, "several results"): "asyncpg gives no results of scripts",
    # DuckDB, from PostgreSQL's dialect.
    (ANY, "duckdb", ("value jsonb 38", "stored json", "stored jsonb")): "columns of json, and jsonb, are not translated to DuckDB: their text differs",
    ("pgjdbc simple", "duckdb", ("value json 37", "null json")): "values are written into the statement, and literals of json are not translated",
    (ANY, "duckdb", "stored numeric"): "a numeric column without precision is not translated: DuckDB keeps three digits",
    ("asyncpg", "duckdb", ("value numeric 14", "value numeric 15", "value numeric 16", "value numeric 17", "parameters of many types in one statement")):
        "asyncpg declares no types, and the digits of a numeric parameter must be known before it comes",
    ((*PSYCOPG, "asyncpg"), "duckdb", "null numeric"): "a NULL is not declared, and the digits of a numeric parameter must be known",
    (PSYCOPG, "duckdb", "value float4 8"): "psycopg sends float8, and a cast to real rounds otherwise in DuckDB",
    (ANY, "duckdb", "constraints"): "CHECK is not translated to DuckDB",
    (ANY, "duckdb", "generated keys"): "sequences are not translated to DuckDB",
    ("pgjdbc simple", "duckdb", ("value interval 34", "value interval 35", "stored interval")):
        "values are written into the statement, and literals of intervals are not translated",
    ("pgjdbc simple", "duckdb", ("value int4[] 39", "value int8[] 41", "value text[] 42", "value bytea 22", "value bytea 23", "stored bytea")):
        "values are written into the statement, and literals of arrays and bytea are not translated",
    ("pgjdbc simple", "duckdb", "errors outside of a transaction"): "a wrong value is written into the statement, which is not translated then",
    ("pgjdbc simple", "duckdb", "a large value"): "values are written into the statement, and one of more than 1 MiB is not translated",
    (PSYCOPG, "duckdb", "value int4[] 39"): "psycopg sends smallint[], and a cast of an array is not translated",
    ("asyncpg", "duckdb", ("null int4[]", "value int4[] 39", "value int4[] 40", "value int8[] 41")): "asyncpg asks the catalog about types of arrays, with a recursive query",
    (ANY, "duckdb", ("stored int4[]", "stored int8[]", "stored text[]")): "comparisons of arrays are not translated to DuckDB",
}


def reason(driver, place, case):
    for key, why in KNOWN.items():
        if all(k is ANY or k == v or isinstance(k, tuple) and v in k for k, v in zip(key, (driver, place, case))):
            return why
    return None


@pytest.fixture(scope="module")
def places(pg, tmp_path_factory):
    """name → target, opened when it is asked for."""
    open_kits = []

    @functools.cache
    def place(name):
        if name == "direct":
            return pg.target()
        directory = tmp_path_factory.mktemp(name) / "kit"
        kit = pgkit.before(pg, directory) if name == "toolkit" else pgkit.before_duckdb(directory)
        open_kits.append(kit)
        return kit.target(name)

    yield place
    for kit in open_kits:
        kit.stop()
        pgkit.sound(kit)


@pytest.fixture(scope="module")
def outcomes(places):
    @functools.cache
    def run(driver, place):
        engine = ENGINE[place]
        cases = {name: steps for name, (engines, steps) in pgcases.CASES.items() if engine in engines}
        return DRIVERS[driver]().run_all(places(place), engine, cases)

    return run


CELLS = [(driver, place, case) for driver in DRIVERS for place in PLACES for case, (engines, _) in pgcases.CASES.items() if ENGINE[place] in engines]


@pytest.mark.parametrize("driver, place, case", CELLS)
def test_cell(outcomes, driver, place, case):
    steps = pgcases.CASES[case][1]
    got = outcomes(driver, place)[case]
    want = [DRIVERS[driver]().expected(what, outcome) for what, _, outcome in steps]
    why = reason(driver, place, case)
    at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), None)
    if why:
        assert at is not None, f"{driver} on {place}: {case} passes now: take it off KNOWN ({why})"
    elif at is not None:
        pytest.fail(f"{short(steps[at][:2])}\n  gave {short(got[at])}\n  not  {short(want[at])}")


def short(value):
    text = repr(value)
    return text if len(text) < 400 else text[:200] + " … " + text[-200:]
