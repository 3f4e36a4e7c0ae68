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

SCRIPT = "several statements go by simple query alone, and this way sends them by the extended protocol"
# (driver, place, case): reason; ANY stands for all of them.
KNOWN = {
    (("psycopg binary", "psycopg prepared", "psycopg pipeline"), ANY, ("several results", "several results, one wrong")): SCRIPT,
    ("psycopg pipeline", ANY, ("fetch size", "fetch size with parameters", "fetch size, and no more wanted")):
        "psycopg has no server-side cursors in pipeline mode",
    ("psycopg pipeline", ANY, ("COPY in", "COPY in of much", "COPY in that fails", "COPY out", "COPY out of much")):
        "psycopg has no COPY in pipeline mode",
    ("asyncpg", ANY, "an empty statement"): "asyncpg fails on the EmptyQueryResponse of an empty script",
    ("asyncpg", ANY, "errors outside of a transaction"): "asyncpg refuses a wrong parameter itself, with 22000",
    ("asyncpg", ANY, "several results"): "asyncpg gives no results of scripts",
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
