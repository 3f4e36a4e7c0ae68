"""A piece of DuckDB text with its PostgreSQL type, and the literals. See pgexpr.py."""
import struct

from qf_pgtypes import (DATE, DUCK, INT8, NUMBER_FORM, TIMESTAMP, TIMESTAMPTZ, Ty, Unreadable, decimal_text, interval_sql,
                        read_timestamp, zone_text)
from qf_tokens import quote


class X:
    """A piece of DuckDB text and what it is; atom: needs no parentheses as an operand."""
    __slots__ = ("sql", "ty", "atom")

    def __init__(self, sql, ty, atom=True):
        self.sql, self.ty, self.atom = sql, ty, atom

    @property
    def p(self):
        return self.sql if self.atom else "(%s)" % self.sql


def by_length(x):
    """Intervals compare by their length, a month as 30 days; duckdb errs when their parts have different signs."""
    return X("EPOCH_US(%s)" % x.sql, INT8) if x.ty.kind == "interval" else x


def small_product(op, months, days, us, k):
    """Whether duckdb's interval arithmetic is exact for this interval and factor (None: any)."""
    if op == "*":
        return us == 0 or k is not None and abs(us * k) < 1e15
    return abs(days) <= 1000 and abs(months) <= 600 and (us == 0 or bool(k) and abs(us / k) < 1e15)


def type_error(x):
    what = x.sql if len(x.sql) < 40 and "'" not in x.sql else "a column"
    return "ERROR('the type of %s matters here and is not known: cast it to its own type')" % what


def nonzero(ty):
    """A literal that is certainly not 0."""
    return bool(ty.lit[0] if isinstance(ty.lit, tuple) else ty.kind != "unknown" and ty.lit)


def plain(ty):
    return Ty(ty.kind, ty.scale, ty.width, volatile=ty.volatile) if ty.pending else ty


def in_single(value):
    """Whether a literal survives single precision, so that it does not matter whether the column is REAL."""
    if isinstance(value, tuple):
        digits, scale = value
    else:
        digits, scale = value, 0
    try:
        single = struct.unpack("f", struct.pack("f", digits / 10 ** scale))[0]
    except OverflowError:
        return False
    n, d = single.as_integer_ratio()
    return n * 10 ** scale == digits * d


def decimal(digits, scale):
    text = decimal_text(digits, scale)
    width = max(len(str(abs(digits))), scale)
    ty = Ty("numeric", scale, max(1, width), lit=(digits, scale))
    if scale == 0:
        return X("CAST(%s AS DECIMAL(%d, 0))" % (quote(text) if width > 18 else text, width), ty)
    if width > 18:
        return X("CAST(%s AS DECIMAL(%d, %d))" % (quote(text), max(width, scale), scale), ty)
    return X(text, ty, digits >= 0)


def interval_value(months, days, us):
    return X(interval_sql(months, days, us), Ty("interval", lit=(months, days, us)))


def float_literal(text, kind):
    t = text.strip(" \t\n\v\f\r")
    special = {"nan": "nan", "inf": "inf", "infinity": "inf", "+infinity": "inf", "-inf": "-inf", "-infinity": "-inf"}
    if t.lower() in special:
        return X("CAST('%s' AS %s)" % (special[t.lower()], DUCK[kind]), Ty(kind))
    if not NUMBER_FORM.match(t):
        raise Unreadable('invalid input syntax for type double precision: "%s"' % t)
    value = float(t)
    if value in (float("inf"), float("-inf")) or (value == 0 and any(c in "123456789" for c in t.lower().split("e")[0])):
        raise Unreadable('"%s" is out of range for type double precision' % text)
    return X("CAST(%s AS %s)" % (quote(t), DUCK[kind]), Ty(kind, lit=value or None))


def moment(text, kind):
    day, clock, zone = read_timestamp(text)
    if kind == "date":
        return X("CAST('%s' AS DATE)" % day, DATE)
    stamp = day + " " + (clock or "00:00:00")
    if kind == "timestamp":
        return X("CAST('%s' AS TIMESTAMP)" % stamp, TIMESTAMP)
    # Without a zone it is in the session's, in both engines.
    return X("CAST('%s%s' AS TIMESTAMPTZ)" % (stamp, zone_text(zone) if zone else ""), TIMESTAMPTZ)


FLOAT_TEXT = ("CASE WHEN ISNAN({x}) THEN 'NaN' WHEN ISINF({x}) THEN CASE WHEN {x} > 0 THEN 'Infinity' ELSE '-Infinity' END "
              "WHEN ABS({x}) >= 1e15 THEN ERROR('no text form of this double precision value') "
              "ELSE REGEXP_REPLACE(CAST({x} AS VARCHAR), '\\.0$', '') END")
