"""PostgreSQL's functions of dates, times and intervals in DuckDB's words. See pgfuncs.py."""
import re

from sqlglot import exp

from qf_pgcasts import cast_to
from qf_pgexpr import handles
from qf_pgfuncs import arg, func
from qf_pgtypes import (ANY, DATE, FLOAT8, INTERVAL, NUMBERS, TEXT, TIMESTAMP, TIMESTAMPTZ, Ty, Unreadable, read_interval, shown)
from qf_pgvalue import X, interval_value
from qf_tokens import quote

# field → (duckdb's field, digits after the point of extract())
FIELDS = {"year": 0, "month": 0, "day": 0, "hour": 0, "minute": 0, "quarter": 0, "doy": 0, "dow": 0, "isodow": 0, "week": 0,
          "isoyear": 0, "century": 0, "decade": 0, "millennium": 0, "second": 6, "milliseconds": 3, "microseconds": 0, "epoch": 6}
NAMES = {"seconds": "second", "years": "year", "months": "month", "days": "day", "hours": "hour", "minutes": "minute",
         "dayofweek": "dow", "dayofyear": "doy", "millisecond": "milliseconds", "microsecond": "microseconds", "mons": "month",
         "dayofweekiso": "isodow", "weekofyear": "week", "weekiso": "week", "yearofweekiso": "isoyear"}
DATED, STAMPED = "DATE|TIMESTAMP|TIMESTAMP WITH TIME ZONE", "TIMESTAMP|TIMESTAMP WITH TIME ZONE"
OF_DATE = {"year", "month", "day", "quarter", "doy", "dow", "isodow", "week", "isoyear", "century", "decade", "millennium", "epoch"}
OF_TIME = {"hour", "minute", "second", "milliseconds", "microseconds", "epoch"}
OF_INTERVAL = {"year", "month", "day", "hour", "minute", "second", "milliseconds", "microseconds", "epoch"}


def field_of(c, of, field, x):
    """(sql, digits after the point) of a date field of x, which is the node `of`; or None."""
    field = field.lower()
    field = NAMES.get(field, field)
    if x.ty.kind == "any" and c.guard:
        x = c.sure(x, "INTERVAL", INTERVAL) if isinstance(of.unnest(), exp.Sub) else c.sure(x, DATED if field in OF_DATE and field != "epoch" else STAMPED, TIMESTAMP)
    kind = x.ty.kind
    allowed = {"date": OF_DATE, "time": OF_TIME, "interval": OF_INTERVAL, "timestamp": FIELDS, "timestamptz": FIELDS}.get(kind, ())
    if field not in allowed:
        return None
    if field in ("second", "milliseconds"):
        scale = FIELDS[field]
        return "CAST(EXTRACT(MICROSECONDS FROM %s) AS DECIMAL(18, 0)) * %s" % (x.sql, "0.000001" if scale == 6 else "0.001"), scale
    if field == "epoch" and kind == "date":
        return "CAST(EPOCH(%s) AS BIGINT)" % x.sql, 0
    if field == "epoch" and kind == "interval":
        # a year is 365.25 days here, in twelve months of 30
        c.twice(x)
        return "CAST(EPOCH_US(%s) + EXTRACT(YEAR FROM %s) * 453600000000 AS DECIMAL(19, 0)) * 0.000001" % (x.sql, x.sql), 6
    if field == "epoch":
        return "CAST(EPOCH_US(%s) AS DECIMAL(19, 0)) * 0.000001" % x.sql, 6
    return "EXTRACT(%s FROM %s)" % (field.upper(), x.sql), 0


@handles(exp.Extract)
def extract(c, node):
    x = c.e(node.expression)
    r = field_of(c, node.expression, node.this.name, x)
    if r is None:
        return c.unknown(node, "extract(%s from %s)" % (node.this.name.lower(), shown(x.ty)))
    return X(r[0], Ty("numeric", r[1], 19 if r[1] == 0 else 25, whole=r[1] == 0), r[1] == 0)


@func("date_part")
def date_part(c, node, args):
    if len(args) != 2:
        return None
    field, x = c.raw(args[0]).ty.lit, c.e(args[1])
    r = field_of(c, args[1], field, x) if isinstance(field, str) else None
    return X("CAST(%s AS DOUBLE)" % r[0], FLOAT8) if r else None


TRUNC = {"microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade"}


@func("date_trunc")
def date_trunc(c, node, args):
    if len(args) != 2:
        return None
    field, x = c.raw(args[0]).ty.lit, c.e(args[1])
    field = NAMES.get(field.lower(), field.lower()) if isinstance(field, str) else None
    if field not in TRUNC or (x.ty.kind == "interval" and field == "week"):
        return None
    if x.ty.kind == "any" and c.guard:
        return X("DATE_TRUNC('%s', %s)" % (field, c.sure(x, STAMPED).sql), ANY)
    if x.ty.kind == "date":
        return X("DATE_TRUNC('%s', CAST(%s AS TIMESTAMPTZ))" % (field, x.sql), TIMESTAMPTZ)
    return X("DATE_TRUNC('%s', %s)" % (field, x.sql), x.ty) if x.ty.kind in ("timestamp", "timestamptz", "interval") else None


_TO = re.compile("(YYYY|MM|DD|HH24|MI|SS)|([-/:., ])|(.)", re.S | re.I)
_TO_FORMS = {"YYYY": (r"\d{4}", "%Y"), "MM": (r"\d{2}", "%m"), "DD": (r"\d{2}", "%d"), "HH24": (r"\d{2}", "%H"),
             "MI": (r"\d{2}", "%M"), "SS": (r"\d{2}", "%S")}


@func("to_date")
def to_date(c, node, args):
    """Text that fits the format digit by digit is read alike; other text is an error."""
    x, form = arg(c, args[0], "t") if len(args) == 2 else None, c.raw(args[-1]).ty.lit if args else None
    if x is None or not isinstance(form, str) or not form:
        return None
    shape, to = "", ""
    for name, mark, other in _TO.findall(form):
        if other:
            return None
        shape += _TO_FORMS[name.upper()][0] if name else re.escape(mark)
        to += _TO_FORMS[name.upper()][1] if name else mark
    if "%Y" not in to or "%m" not in to or "%d" not in to:
        return None
    c.twice(x)
    return X("CASE WHEN NOT REGEXP_FULL_MATCH(%s, %s) THEN ERROR('to_date() of this text') ELSE CAST(STRPTIME(%s, %s) AS DATE) END"
             % (x.sql, quote(shape), x.sql, quote(to)), DATE)


@func("age")
def age(c, node, args):
    xs = [c.e(a) for a in args]
    if c.guard:
        xs = [X("CAST(%s AS TIMESTAMP)" % c.sure(x, "DATE|TIMESTAMP").sql, TIMESTAMP) if x.ty.kind == "any" else x for x in xs]
    if len(xs) == 1:
        xs.insert(0, X("CAST(CAST(NOW() AS DATE) AS TIMESTAMP)", TIMESTAMP))
    if len(xs) != 2 or any(x.ty.kind not in ("date", "timestamp") for x in xs):
        return None
    return X("AGE(%s)" % ", ".join("CAST(%s AS TIMESTAMP)" % x.sql if x.ty.kind == "date" else x.sql for x in xs), INTERVAL)


@func("to_timestamp")
def to_timestamp(c, node, args):
    x = c.e(args[0]) if len(args) == 1 else X("", ANY)
    return X("TO_TIMESTAMP(%s)" % c.double(x).sql, TIMESTAMPTZ) if x.ty.kind in NUMBERS else None


@func("interval")
def interval(c, node, args):
    """interval 'literal' [unit], written as a call by pgstatement.prepare()."""
    text = " ".join(a.this for a in args)
    try:
        if len(args) == 2 and not re.match(r"\s*[+-]?\d+\s*$", args[0].this):
            raise Unreadable("an interval literal with a unit behind it")
        return interval_value(*read_interval(text))
    except Unreadable as err:
        return c.unknown(node, str(err))


@func("date")
def date(c, node, args):
    return cast_to(c, node, c.raw(args[0]), DATE) if len(args) == 1 else None


@handles(exp.CurrentDate)
def current_date(c, node):
    return X("CAST(NOW() AS DATE)", DATE) if node.this is None else c.unknown(node)


@handles(exp.CurrentTimestamp)
def current_timestamp(c, node):
    return X("NOW()", TIMESTAMPTZ) if node.this is None else c.unknown(node)


@handles(exp.Localtimestamp)
def localtimestamp(c, node):
    return X("CAST(NOW() AS TIMESTAMP)", TIMESTAMP) if node.this is None else c.unknown(node)


_ZONE = re.compile(r"(?:UTC|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?)$")


@handles(exp.AtTimeZone, args="zone")
def at_time_zone(c, node):
    x, zone = c.e(node.this), node.args["zone"]
    if not isinstance(zone, exp.Literal) or not _ZONE.match(zone.this) or zone.this.startswith("Etc/"):
        return c.unknown(node, "AT TIME ZONE with a zone that is no Region/City name")
    if x.ty.kind not in ("timestamp", "timestamptz"):
        return c.unknown(node, "AT TIME ZONE of %s" % shown(x.ty))
    return X("TIMEZONE(%s, %s)" % (quote(zone.this), x.sql), TIMESTAMP if x.ty.kind == "timestamptz" else TIMESTAMPTZ)


# to_char() of dates: each pattern as an expression of {0}
CHAR = {"YYYY": "STRFTIME({0}, '%Y')", "YY": "STRFTIME({0}, '%y')", "MM": "STRFTIME({0}, '%m')", "DD": "STRFTIME({0}, '%d')",
        "HH24": "STRFTIME({0}, '%H')", "HH12": "STRFTIME({0}, '%I')", "HH": "STRFTIME({0}, '%I')", "MI": "STRFTIME({0}, '%M')",
        "SS": "STRFTIME({0}, '%S')", "MS": "STRFTIME({0}, '%g')", "US": "STRFTIME({0}, '%f')", "AM": "STRFTIME({0}, '%p')",
        "PM": "STRFTIME({0}, '%p')", "DDD": "STRFTIME({0}, '%j')", "IW": "STRFTIME({0}, '%V')", "IYYY": "STRFTIME({0}, '%G')",
        "Mon": "STRFTIME({0}, '%b')", "Dy": "STRFTIME({0}, '%a')", "MON": "UPPER(STRFTIME({0}, '%b'))",
        "mon": "LOWER(STRFTIME({0}, '%b'))", "DY": "UPPER(STRFTIME({0}, '%a'))", "dy": "LOWER(STRFTIME({0}, '%a'))",
        "Month": "RPAD(STRFTIME({0}, '%B'), 9, ' ')", "Day": "RPAD(STRFTIME({0}, '%A'), 9, ' ')",
        "MONTH": "RPAD(UPPER(STRFTIME({0}, '%B')), 9, ' ')", "month": "RPAD(LOWER(STRFTIME({0}, '%B')), 9, ' ')",
        "DAY": "RPAD(UPPER(STRFTIME({0}, '%A')), 9, ' ')", "day": "RPAD(LOWER(STRFTIME({0}, '%A')), 9, ' ')",
        "FMMonth": "STRFTIME({0}, '%B')", "FMDay": "STRFTIME({0}, '%A')", "FMMM": "STRFTIME({0}, '%-m')",
        "FMDD": "STRFTIME({0}, '%-d')", "FMHH24": "STRFTIME({0}, '%-H')", "FMHH12": "STRFTIME({0}, '%-I')",
        "Q": "CAST(EXTRACT(QUARTER FROM {0}) AS VARCHAR)", "ID": "CAST(EXTRACT(ISODOW FROM {0}) AS VARCHAR)",
        "D": "CAST(EXTRACT(DOW FROM {0}) + 1 AS VARCHAR)"}
for _name in "YYYY YY MM DD HH24 HH12 HH MI SS MS US DDD IW IYYY Q ID D".split():
    CHAR[_name.lower()] = CHAR[_name]
CHAR["am"] = CHAR["pm"] = "LOWER(STRFTIME({0}, '%p'))"
for _name in ("SSSSS", "SSSS", "IDDD", "YYY", "IYY"):  # patterns of PostgreSQL that begin like another one
    CHAR[_name] = CHAR[_name.lower()] = None
_CHAR = re.compile("(%s)|\"([^\"\\\\]*)\"|([-/:.,; ]+)|(.)" % "|".join(sorted(CHAR, key=lambda k: (-len(k), k))), re.S)


@func("to_char")
def to_char(c, node, args):
    if len(args) != 2:
        return None
    x, form = c.e(args[0]), c.raw(args[1]).ty.lit
    if x.ty.kind == "any" and c.guard:
        x = c.sure(x, "DATE|TIMESTAMP", TIMESTAMP)
    if x.ty.kind not in ("date", "timestamp") or not isinstance(form, str) or not form:
        return None
    parts = []
    for name, quoted, plain_text, other in _CHAR.findall(form):
        if other or (name and CHAR[name] is None):
            return None
        parts.append(CHAR[name].format(x.sql) if name else quote(quoted or plain_text))
    c.twice(x)
    inner = "CONCAT(%s)" % ", ".join(parts)
    merged = merge_strftime(parts, x.sql)
    # PostgreSQL's years beyond 9999 and before Christ are written otherwise
    return X("CASE WHEN EXTRACT(YEAR FROM %s) BETWEEN 1 AND 9999 THEN %s WHEN %s IS NOT NULL THEN ERROR('to_char() of this year') END"
             % (x.sql, merged or inner, x.p), TEXT)


def merge_strftime(parts, x):
    """One STRFTIME for a run of plain ones."""
    head, tail, form = "STRFTIME(%s, '" % x, "')", ""
    for p in parts:
        if p.startswith(head):
            form += p[len(head):-len(tail)]
        elif p.startswith("'"):
            form += p[1:-1].replace("%", "%%")
        else:
            return None
    return "STRFTIME(%s, '%s')" % (x, form)
