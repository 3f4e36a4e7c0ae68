"""PostgreSQL's types as the rules for DuckDB see them, and PostgreSQL's reading of literals.

A Ty is what an expression is in PostgreSQL, plus what DuckDB holds for it where the two are not the same thing:
a numeric has a scale that every value of it is shown with, and a width in DuckDB. "any" is a column whose type
nobody has told; "unknown" is PostgreSQL's own type of a bare string literal or NULL, "param" that of a parameter that
the client has not declared and that nothing has given a type yet.
"""
import re


class Ty:
    __slots__ = ("kind", "scale", "width", "elem", "lit", "whole", "ratio", "pending", "volatile", "param", "open")

    def __init__(self, kind, scale=None, width=None, elem=None, lit=None, whole=False, ratio=None, pending=False,
                 volatile=False, param=0, open_=False):
        self.kind = kind
        self.scale = scale          # numeric: digits after the point, None when it differs from value to value
        self.width = width          # numeric: DuckDB's DECIMAL width
        self.elem = elem            # array: Ty
        self.lit = lit              # unknown: the literal's text; numbers: the literal's value
        self.whole = whole          # numeric that DuckDB holds as an integer type
        self.ratio = ratio          # numeric quotient: (dividend, its Ty, divisor, its Ty, guard)
        self.pending = pending      # float8/float4 result that may have overflowed to infinity unnoticed
        self.volatile = volatile    # must be written once only
        self.param = param          # param: its number
        self.open = open_           # numeric of a parameter: OWN digits of each value, or as many as LOOSE arithmetic gives

    def __repr__(self):
        return "Ty(%s,%s,%s)" % (self.kind, self.scale, self.width)


OWN, LOOSE = "own", "loose"
ANY = Ty("any")
UNKNOWN = Ty("unknown")
FREE = ("unknown", "param")  # takes the type of what stands beside it
INT2, INT4, INT8 = Ty("int2"), Ty("int4"), Ty("int8")
FLOAT4, FLOAT8 = Ty("float4"), Ty("float8")
TEXT, BOOL, DATE, TIME = Ty("text"), Ty("bool"), Ty("date"), Ty("time")
TIMESTAMP, TIMESTAMPTZ, INTERVAL = Ty("timestamp"), Ty("timestamptz"), Ty("interval")
UUID, BYTEA = Ty("uuid"), Ty("bytea")

INTS = {"int2": 1, "int4": 2, "int8": 3}
NUMBERS = {"int2": 1, "int4": 2, "int8": 3, "numeric": 4, "float4": 5, "float8": 6}
WIDTH = {"int2": 5, "int4": 10, "int8": 19}
DUCK = {"int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "float4": "FLOAT", "float8": "DOUBLE", "text": "VARCHAR",
        "bool": "BOOLEAN", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ",
        "interval": "INTERVAL", "uuid": "UUID", "bytea": "BLOB"}
SHOWN = {"int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
         "bool": "boolean", "any": "a column of unknown type", "param": "a parameter of unknown type", "timestamptz": "timestamp with time zone",
         "timestamp": "timestamp without time zone"}


def shown(ty):
    if ty.kind == "array":
        return shown(ty.elem) + "[]"
    return SHOWN.get(ty.kind, ty.kind)


def numeric(scale, width):
    return Ty("numeric", scale, max(1, min(38, max(width, scale or 0))))


def duck_type(ty):
    """DuckDB's name for the type; None when there is none that holds it."""
    if ty.kind == "numeric":
        return None if ty.scale is None or ty.scale > 38 else "DECIMAL(%d, %d)" % (ty.width, ty.scale)
    if ty.kind == "array":
        inner = duck_type(ty.elem)
        return inner and inner + "[]"
    return DUCK.get(ty.kind)


_DUCK_NAMES = {"SMALLINT": INT2, "INTEGER": INT4, "BIGINT": INT8, "FLOAT": FLOAT4, "DOUBLE": FLOAT8, "VARCHAR": TEXT,
               "BOOLEAN": BOOL, "DATE": DATE, "TIME": TIME, "TIMESTAMP": TIMESTAMP, "UUID": UUID, "BLOB": BYTEA,
               "TIMESTAMP WITH TIME ZONE": TIMESTAMPTZ, "INTERVAL": INTERVAL,
               "INT2": INT2, "INT4": INT4, "INT": INT4, "INT8": INT8, "REAL": FLOAT4, "FLOAT4": FLOAT4, "FLOAT8": FLOAT8,
               "DOUBLE PRECISION": FLOAT8, "TEXT": TEXT, "CHARACTER VARYING": TEXT, "BOOL": BOOL, "BYTEA": BYTEA,
               "TIMESTAMPTZ": TIMESTAMPTZ, "TIMESTAMP WITHOUT TIME ZONE": TIMESTAMP,
               "TIME WITHOUT TIME ZONE": TIME}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\((\d+)(?:,\s*(\d+))?\)$")


def from_schema(name):
    """The type of a column, from the name that DuckDB or PostgreSQL gives it; ANY when there is no equal."""
    name = name.strip().upper()
    m = _DECIMAL.match(name)
    if m:
        return Ty("numeric", int(m.group(2) or 0), int(m.group(1)))
    if name.endswith("[]"):
        elem = from_schema(name[:-2])
        return ANY if elem.kind in ("any", "array") else Ty("array", elem=elem)
    return _DUCK_NAMES.get(name, ANY)


# ---- literals --------------------------------------------------------------------------------------------------------

class Unreadable(ValueError):
    """PostgreSQL refuses this literal, or reads it in a way that is not reproduced here."""


_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?\d+)[ \t\n\v\f\r]*$", re.A)
NUMBER_FORM = re.compile(r"\s*([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d{1,3}))?\s*$", re.A)
_BOUNDS = {"int2": 15, "int4": 31, "int8": 63}
_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?\s*"
                   r"(Z|[+-]\d{2}(?::?\d{2})?| ?UTC)?\s*$", re.A)
_TIME = re.compile(r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*$", re.A)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", re.A)
_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
TRUE = ("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1")
FALSE = ("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0")


def read_int(text, kind):
    m = _INT.match(text)
    if not m:
        raise Unreadable('invalid input syntax for type %s: "%s"' % (SHOWN[kind], text))
    v = int(m.group(1))
    if not -(1 << _BOUNDS[kind]) <= v < 1 << _BOUNDS[kind]:
        raise Unreadable('value "%s" is out of range for type %s' % (text, SHOWN[kind]))
    return v


def read_numeric(text):
    """(digits as an integer, scale) of a numeric literal, as PostgreSQL shows it."""
    m = NUMBER_FORM.match(text)
    if not m:
        raise Unreadable('invalid input syntax for type numeric: "%s"' % text)
    sign, whole, frac, only, e = m.groups()
    frac = (frac if whole is not None else only) or ""
    digits, scale = int((whole or "") + frac or "0"), len(frac) - int(e or 0)
    if scale < 0:
        digits, scale = digits * 10 ** -scale, 0
    if scale > 38 or digits >= 10 ** 38:
        raise Unreadable("a numeric of more than 38 digits")
    return (-digits if sign == "-" else digits), scale


def decimal_text(digits, scale):
    s = str(abs(digits)).rjust(scale + 1, "0")
    return ("-" if digits < 0 else "") + (s[:-scale] + "." + s[-scale:] if scale else s)


def round_digits(digits, scale, to):
    """Half away from zero, as numeric rounds."""
    if to >= scale:
        return digits * 10 ** (to - scale)
    unit = 10 ** (scale - to)
    q, r = divmod(abs(digits), unit)
    q += 2 * r >= unit
    return -q if digits < 0 else q


def read_bool(text):
    t = text.strip(" \t\n\v\f\r").lower()
    if t in TRUE:
        return True
    if t in FALSE:
        return False
    raise Unreadable('invalid input syntax for type boolean: "%s"' % text)


def _check_date(y, m, d):
    leap = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    if not (1 <= y <= 9999 and 1 <= m <= 12 and 1 <= d <= _MONTH[m - 1]) or (m == 2 and d == 29 and not leap):
        raise Unreadable("date/time field value out of range")


def read_timestamp(text):
    """(date text, time text or "", zone text or "") of an ISO timestamp."""
    m = _DATE.match(text)
    if not m:
        raise Unreadable('the date or time "%s" is not in the ISO form YYYY-MM-DD HH:MM:SS' % text)
    y, mo, d, h, mi, s, frac, zone = m.groups()
    _check_date(int(y), int(mo), int(d))
    time = ""
    if h is not None:
        time = _clock(h, mi, s, frac, 23)
    elif zone:
        raise Unreadable("a date with a time zone")
    return "%s-%02d-%02d" % (y, int(mo), int(d)), time, (zone or "").strip()


def _clock(h, mi, s, frac, last):
    if int(h) > last or int(mi) > 59 or int(s or 0) > 59:
        raise Unreadable("date/time field value out of range")
    frac = (frac or "").rstrip("0")
    return "%02d:%s:%s%s" % (int(h), mi, s or "00", "." + frac if frac else "")


def read_time(text):
    m = _TIME.match(text)
    if not m:
        raise Unreadable('the time "%s" is not in the form HH:MM:SS' % text)
    return _clock(*m.groups(), 23)


def zone_text(zone):
    if zone in ("", "Z", "UTC"):
        return "+00"
    return zone if len(zone) < 5 or ":" in zone else zone[:3] + ":" + zone[3:]


def read_uuid(text):
    if not _UUID.match(text):
        raise Unreadable('invalid input syntax for type uuid: "%s"' % text)
    return text.lower()


_UNITS = {}
for _names, _months, _days, _us in (
        ("microsecond microseconds us usec usecs", 0, 0, 1), ("millisecond milliseconds ms msec msecs", 0, 0, 1000),
        ("second seconds s sec secs", 0, 0, 10 ** 6), ("minute minutes min mins", 0, 0, 6 * 10 ** 7),
        ("hour hours h hr hrs", 0, 0, 36 * 10 ** 8), ("day days d", 0, 1, 0), ("week weeks w", 0, 7, 0),
        ("month months mon mons", 1, 0, 0), ("year years y yr yrs", 12, 0, 0), ("decade decades decs", 120, 0, 0),
        ("century centuries c cent", 1200, 0, 0)):
    for _name in _names.split():
        _UNITS[_name] = (_months, _days, _us)
_PART = re.compile(r"\s*([+-]?\s*\d{1,9})(?:\.(\d{1,6}))?\s*([A-Za-z]+)\s*|\s*([+-]?)(\d{1,6}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*",
                   re.A)


def _clock_part(m):
    _, _, _, sign, h, mi, s, frac = m.groups()
    if int(mi) > 59 or int(s or 0) > 59:
        raise Unreadable("interval field value out of range")
    us = (int(h) * 3600 + int(mi) * 60 + int(s or 0)) * 10 ** 6 + int((frac or "").ljust(6, "0"))
    return 0, 0, -us if sign == "-" else us


def _unit_part(m):
    unit = _UNITS.get(m.group(3).lower())
    if unit is None:
        raise Unreadable('the interval unit "%s"' % m.group(3))
    number, frac = "".join(m.group(1).split()), m.group(2)
    n = int(number)
    months, days, us = n * unit[0], n * unit[1], n * unit[2]
    if frac and not (unit[2] >= 10 ** 6 or unit == (0, 1, 0)):
        raise Unreadable("a fraction of months or longer")
    if frac:
        part = int(frac.ljust(6, "0")) * (unit[2] or 86400 * 10 ** 6) // 10 ** 6
        us += -part if number.startswith("-") else part
    return months, days, us


def read_interval(text):
    """(months, days, microseconds) of an interval literal in PostgreSQL's own verbose form."""
    at, total = 0, [0, 0, 0]
    body = text.strip()
    ago = body.lower().endswith(" ago")
    if ago:
        body = body[:-4].rstrip()
    if not body:
        raise Unreadable("an empty interval")
    while at < len(body):
        m = _PART.match(body, at)
        if not m:
            raise Unreadable('the interval "%s" is not written with units' % text)
        part = _unit_part(m) if m.group(3) else _clock_part(m)
        total = [a + b for a, b in zip(total, part)]
        at = m.end()
    return tuple(-x for x in total) if ago else tuple(total)


def interval_sql(months, days, us):
    parts = []
    if months:
        parts.append("%d months" % months)
    if days:
        parts.append("%d days" % days)
    if us or not parts:
        a = abs(us)
        t = "%s%02d:%02d:%02d" % ("-" if us < 0 else "", a // 3600000000, a // 60000000 % 60, a // 1000000 % 60)
        parts.append(t + (".%06d" % (a % 1000000)).rstrip("0") if a % 1000000 else t)
    return "INTERVAL '%s'" % " ".join(parts)
