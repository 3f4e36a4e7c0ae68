"""A Trino client on PostgreSQL: values go through Arrow, and are the server's own values.

What Arrow or Trino cannot say is an error, never another value.
"""
import base64
import datetime
import decimal
import json
import re

import pytest

import pgkit
import pgtypes
from conftest import SLOW
from trinokit import Http

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120 * SLOW)]
HEADERS = {"X-QueryFlux-Dialect": "postgres", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
KINDS = [k for k in pgtypes.FIXED if k not in ("regclass", "regtype", "regproc", "pg_snapshot")]


@pytest.fixture(scope="module")
def front(pg, tmp_path_factory):
    for sql in pgtypes.SETUP:
        pg.sql(sql)
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("front") / "kit")) as kit:
        yield kit


@pytest.fixture
def http(front):
    h = Http(front, **HEADERS)
    yield h
    h.close()


def days(year, month, day):
    """Of the proleptic Gregorian calendar, for any year; 0 is 1 BC."""
    cycles, year = divmod(year, 400)
    return cycles * 146097 + datetime.date(year + 400, month, day).toordinal()


def instant(text):
    """(microseconds, whether there is a zone) of a date with or without a time, as both write it; None when it is none."""
    m = re.fullmatch(r"([+-]?\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)? ?(UTC|[+-]\d\d(?::\d\d)*)?( BC)?", text)
    if not m:
        return None
    year, month, day, hour, minute, second = (int(x or 0) for x in m.groups()[:6])
    sign, *parts = (1, 0) if m[8] in (None, "UTC") else (-1 if m[8][0] == "-" else 1, *map(int, m[8][1:].split(":")))
    offset = sign * sum(p * s for p, s in zip(parts, (3600, 60, 1)))
    clock = hour * 3600 + minute * 60 + second - offset
    return (days(1 - year if m[9] else year, month, day) * 86400 + clock) * 10**6 + int((m[7] or "0").ljust(6, "0")[:6]), bool(m[8])


def same(have, trino, text):
    """Whether Trino's JSON value is what PostgreSQL writes as text."""
    if have is None or text is None:
        return have is text
    if trino.startswith("decimal"):
        return decimal.Decimal(have) == decimal.Decimal(text)
    match trino:
        case "boolean":
            return have is (text == "t")
        case "tinyint" | "smallint" | "integer" | "bigint":
            return have == int(text)
        case "real" | "double":
            return str(float(have)) == str(float(text)) if trino == "double" else float(have) == pytest.approx(float(text), rel=1e-7, nan_ok=True)
        case "varbinary":
            return base64.b64decode(have).hex() == text.removeprefix("\\x")
        case "json":
            return have == text or json.loads(have) == json.loads(text)
    if trino == "date" or trino.startswith("timestamp"):
        return instant(have) == instant(text) and instant(have) is not None
    if trino.startswith("time"):
        return clock(have) == clock(text)
    if trino.startswith("INTERVAL"):
        return span(have) == span(text)
    return have == text


def clock(text):
    m = re.fullmatch(r"(\d\d:\d\d:\d\d)(?:\.(\d+))?([+-]\d\d)?(:\d\d)?", text)
    return m and (m[1], (m[2] or "").rstrip("0"), (m[3] or "") + (m[4] or ":00" if m[3] else ""))


def span(text):
    """Microseconds, of Trino's `-1 02:03:04.567`, whose sign is for all of it, and of PostgreSQL's `-1 days +02:03:04.567`."""
    m = re.fullmatch(r"(?:(-?\d+)(?: days?)?(?: |$))?(?:([+-])?(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?", text)
    if not m or text == "":
        return None
    days = int(m[1] or 0) * 86400 * 10**6
    micros = (int(m[3] or 0) * 3600 + int(m[4] or 0) * 60 + int(m[5] or 0)) * 10**6 + int((m[6] or "0").ljust(6, "0"))
    negative = m[2] == "-" or ("day" not in text and text.startswith("-"))
    return days + (-micros if negative else micros)


# What is refused for good reason: Arrow or Trino has no such value.
CANNOT = re.compile(r"infinity|NaN|BC|\d{5,}-\d\d-\d\d|24:00:00|mon|year|^-00:00:00.000001$|\{\{|^\[", re.I)


@pytest.mark.parametrize("kind", KINDS)
def test_values(pg, http, kind):
    wrong, refused = [], []
    with pg.connect() as c:
        sent = c.execute(f"select x::{kind} from unnest(%s::text[]) with ordinality u(x, o) order by o", (pgtypes.values(kind, n=8),)).pgresult
        texts = [sent.get_value(row, 0).decode() for row in range(sent.ntuples)]
    for value, text in [*zip(pgtypes.values(kind, n=8), texts), (None, None)]:
        literal = "null" if value is None else "'" + value.replace("'", "''") + "'"
        rows, page = http.all(f"select {literal}::{kind} as v")
        if "error" in page:
            refused.append((value, page["error"]["errorName"], page["error"]["message"]))
        elif kind.endswith("[]"):
            if page["columns"][0]["type"].startswith("array") and value and (rows[0][0] is None or len(rows[0][0]) == 0) and value != "{}":
                wrong.append((value, page["columns"][0]["type"], rows))
        elif not same(rows[0][0], page["columns"][0]["type"], text):
            wrong.append((text, page["columns"][0]["type"], rows[0][0]))
    assert not wrong, wrong
    unexpected = [r for r in refused if not (r[0] and CANNOT.search(r[0]))]
    assert not unexpected, unexpected


def test_many_rows(http):
    rows, page = http.all("select i, 'row ' || i as s, i * 1.5 as n, i % 2 = 0 as b from generate_series(1, 50000) t(i) order by i")
    assert len(rows) == 50000 and rows[0] == [1, "row 1", rows[0][2], False] and float(rows[-1][2]) == 75000


def test_trinos_dialect(front):
    """The statement is translated from Trino's SQL."""
    h = Http(front)
    del h.headers["X-QueryFlux-Dialect"]
    rows, page = h.all("select approx_distinct(x) as n, cast(sum(x) as bigint) as s from (values 1, 2, 2) t(x)")
    assert rows == [[2, 5]] or "error" in page, page
    rows, page = h.all("select cast(date_add('day', 1, date '2024-02-28') as varchar) as d, 7 / 2 as q")
    assert rows == [["2024-02-29", 3]], page
    h.close()


def test_errors(http):
    for sql, name in (("select nosuch", "COLUMN_NOT_FOUND"), ("select * from nowhere", "TABLE_NOT_FOUND"), ("select 1/0", "DIVISION_BY_ZERO"), ("selec", "SYNTAX_ERROR")):
        assert http.all(sql)[1]["error"]["errorName"] == name


def test_changes(pg, http):
    pg.sql("drop table if exists by_trino")
    http.all("create table by_trino (a integer, b text)")
    rows, page = http.all("insert into by_trino values (1, 'x'), (2, null)")
    assert page["updateType"] == "INSERT" and page["updateCount"] == 2
    assert pg.sql("select a, b from by_trino order by a") == [(1, "x"), (2, None)]
