"""What a Trino client meets first on DuckDB: the parameters of its driver, SHOW and DESCRIBE, tables made by its types."""
import datetime
import decimal
import uuid
import zoneinfo

import pytest
from trino.exceptions import TrinoUserError

from trinokit import ask


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
