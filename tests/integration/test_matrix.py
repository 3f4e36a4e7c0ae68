"""Every driver, whole: the table of cases of pgmatrix.py through nine of them, over TLS and SCRAM, on three places.

The server itself shows that the table is right; a toolkit in front of it, and one with DuckDB, have to come to the same.
What does not is in KNOWN with its reason; a cell that begins to pass must be taken off. The README's table of
compatibility is written from KNOWN: `python tests/integration/test_matrix.py` does it.
"""
import functools
import importlib.metadata
import json
import re

import pytest

import matrixdrivers
import pgkit
import pgmatrix
from conftest import SLOW, TOP
from matrixkit import Places
from matrixpsql import Psql

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120 * SLOW)]
PLACES = {"direct": "postgres", "toolkit": "postgres", "duckdb": "duckdb"}
DRIVERS = {"psycopg 3": matrixdrivers.Psycopg, "asyncpg": matrixdrivers.Asyncpg, "pg8000": matrixdrivers.Pg8000, "SQLAlchemy": matrixdrivers.Alchemy,
           "pgjdbc": matrixdrivers.Jdbc, "pgx": matrixdrivers.Pgx, "lib/pq": matrixdrivers.Pq, "node-postgres": matrixdrivers.NodePostgres, "psql": Psql}
ANY = None

PSYCOPG = ("psycopg 3", "SQLAlchemy")
UNTYPED = ("asyncpg", "pg8000", "pgx", "lib/pq", "node-postgres")
# What is listed for this is not run: on some machine it may end in time.
TOO_LONG = "asyncpg asks the catalog about types of arrays, with a recursive query over which DuckDB takes longer than 15 seconds"

# (driver, place, case): reason; ANY stands for all of them.
KNOWN = {
    # The drivers' own, on the server itself too.
    ("asyncpg", ANY, "an empty statement"): "the driver fails on the answer to an empty script",
    (("asyncpg", "pg8000"), ANY, "several statements at once"): "the driver gives no results of scripts",
    (("pg8000", "psql"), ANY, "a pool"): "there is none",
    ("pg8000", ANY, "cancel"): "the driver has no call for it",
    ("lib/pq", ANY, "COPY out"): "the driver has no call for it",
    # DuckDB, from PostgreSQL's dialect.
    (ANY, "duckdb", "savepoints"): "DuckDB has none: what was written behind one cannot be taken back",
    (ANY, "duckdb", "jsonb"): "not translated: DuckDB keeps json as it was written",
    (UNTYPED, "duckdb", "numeric"): "the driver declares no types, and the digits of a numeric parameter must be known before it comes",
    (PSYCOPG, "duckdb", "floating point"): "psycopg sends float8, and a cast of that to float4 rounds otherwise in DuckDB",
    (PSYCOPG, "duckdb", "arrays of numbers"): "psycopg sends smallint[], and a cast of an array is not translated",
    ("SQLAlchemy", "duckdb", ("json", "NULL of each type")): "SQLAlchemy casts a parameter to json twice, and a cast of json is not translated",
    ("asyncpg", "duckdb", ("arrays of numbers", "NULL of each type")): TOO_LONG,
    (ANY, "duckdb", ("notices", "LISTEN")): "PostgreSQL's own",
}


def reason(driver, place, case):
    for key, why in KNOWN.items():
        if all(k is ANY or k == v or isinstance(k, tuple) and v in k for k, v in zip(key, (driver, place, case))):
            return why
    return None


def run_cases(driver, place):
    """name → steps of the cells that are run."""
    return {case: steps for case, steps in pgmatrix.cases(PLACES[place]).items() if reason(driver, place, case) is not TOO_LONG}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    with Places(tmp_path_factory.mktemp("matrix")) as all_places:
        yield all_places


@pytest.fixture(scope="module")
def outcomes(places):
    @functools.cache
    def run(driver, place):
        cases = run_cases(driver, place)
        try:
            return DRIVERS[driver]().run_all(places.target(place), PLACES[place], cases)
        except Exception as e:  # a defect of the harness, told once for each cell and not tried again
            return {case: [("error", repr(e))] for case in cases}

    return run


CELLS = [(driver, place, case) for driver in DRIVERS for place in PLACES for case in run_cases(driver, place)]


@pytest.mark.parametrize("driver, place, case", CELLS)
def test_cell(outcomes, driver, place, case):
    steps = pgmatrix.cases(PLACES[place])[case]
    got = outcomes(driver, place)[case]
    want = [DRIVERS[driver]().expected(what, outcome) for what, _, outcome in steps]
    why = reason(driver, place, case)
    at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), None)
    if why:
        assert at is not None, f"{driver} on {place}: {case} passes now: take it off KNOWN ({why})"
    elif at is not None:
        pytest.fail(f"{short(steps[at][:2])}\n  gave {short(got[at])}\n  not  {short(want[at])}")


# ---- the README ------------------------------------------------------------------------------------------------------

README = TOP / "README.md"
BEGIN, END = "<!-- begin: written by tests/integration/test_matrix.py -->\n", "<!-- end -->\n"


def versions():
    python = {name: importlib.metadata.version(package) for name, package in
              (("psycopg 3", "psycopg"), ("asyncpg", "asyncpg"), ("pg8000", "pg8000"), ("SQLAlchemy", "SQLAlchemy"))}
    go = dict(re.findall(r"^\t(\S+) v(\S+)$", (TOP / "tests/integration/drivers/go/go.mod").read_text(), re.M))
    node = json.loads((TOP / "tests/integration/drivers/node/package.json").read_text())["dependencies"]["pg"]
    java = re.search(r"^pgjdbc=(.*)$", (TOP / ".ci/deps").read_text(), re.M)[1]
    all_versions = {**python, "pgjdbc": java, "pgx": go["github.com/jackc/pgx/v5"], "lib/pq": go["github.com/lib/pq"], "node-postgres": node, "psql": "15"}
    return {name: ".".join(v.split(".")[:2]) for name, v in all_versions.items()}


def passing(driver, place):
    names = list(pgmatrix.cases(PLACES[place]))
    return f"{sum(reason(driver, place, case) is None for case in names)} of {len(names)}"


def several(key, everything):
    """The words of a key: one, some, or all but few."""
    words = everything if key is ANY else (key,) if isinstance(key, str) else key
    return "all" if len(words) == len(everything) else ", ".join(words)


def table():
    lines = ["| driver | on PostgreSQL 15 | on DuckDB 1.5 |", "|---|---|---|"]
    lines += [f"| {driver.removesuffix(' 3')} {version} | {passing(driver, 'toolkit')} | {passing(driver, 'duckdb')} |"
              for driver, version in versions().items()]
    lines += ["", "| what does not work | with | on | why |", "|---|---|---|---|"]
    lines += [f"| {several(case, pgmatrix.CASES)} | {several(driver, DRIVERS)} | {'DuckDB' if place == 'duckdb' else 'any server'} | {why} |"
              for (driver, place, case), why in KNOWN.items()]
    return "\n".join(lines) + "\n"


def rewritten(text):
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END, 1)[1]


def test_the_readme():
    text = README.read_text()
    assert text == rewritten(text), "the README's table is another: build/venv/bin/python tests/integration/test_matrix.py writes it"


def test_reasons_have_cells():
    """A key that fits no cell, or that another one hides, says nothing."""
    used = {reason(driver, place, case) for driver in DRIVERS for place, engine in PLACES.items() for case in pgmatrix.cases(engine)}
    assert [why for why in KNOWN.values() if why not in used] == []


def short(value):
    text = repr(value)
    return text if len(text) < 400 else text[:200] + " … " + text[-200:]


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text()))
