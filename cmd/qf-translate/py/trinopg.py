"""Trino's expressions in PostgreSQL: what is the same there, or has an exact form, when the types are known.

Each was compared with Trino 476 (tests/integration/faithful/trinopg.txt). A rule answers True when sqlglot's text is right as it
stands, a node to put in its place, a string that is a doubt, or None: then the rules for any pair decide. More: trinopgsets.py.
"""
import re

from sqlglot import exp

from qf_decimals import decimal_of, round_decimal
from qf_onpgforms import (D, DATED, DEC, FLT, INT, NUM, TXT, big, common_decimal, form, in_c, kind, number, plain, quotient, short,
                          sized, text, typed)
from qf_trinofuncs import BLANK
from qf_trinolits import typed_literal

RULES = {}
CLOCK = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
SPANS = set(CLOCK) | {"WEEK", "MONTH", "YEAR", "QUARTER"}
RANGE = {D.SMALLINT: 15, D.INT: 31, D.BIGINT: 63}


def rule(*classes):
    def add(fn):
        for c in classes:
            RULES[c] = fn
        return fn
    return add


def operands(node):
    return kind(node.this), kind(node.expression)


# ---- numbers ---------------------------------------------------------------------------------------------------------

@rule(exp.Literal)
def literal(node):
    """1e0 is a double, and numeric in PostgreSQL."""
    if node.is_string or "e" not in node.this.lower():
        return True
    return typed(exp.cast(exp.Literal.string(node.this), "double"), "double")


def single(node):
    """One of them a real: PostgreSQL takes doubles where trino keeps reals."""
    kinds = set(operands(node))
    return D.FLOAT in kinds and kinds != {D.FLOAT} and kinds & NUM != {D.FLOAT, D.DOUBLE} and "a real beside another number"


@rule(exp.Add, exp.Sub, exp.Mul)
def arithmetic(node):
    left, right = operands(node)
    if isinstance(node, exp.Sub) and (left == right == D.UNKNOWN or {left, right} <= {D.DATE, D.TIMESTAMP, D.TIMESTAMPTZ}):
        return "a difference of values that are not known to be numbers"
    if {left, right} & {D.TIME, D.TIMESTAMPTZ}:
        return "arithmetic of times with a zone, or of no day"
    return single(node) or None


@rule(exp.Div)
def division(node):
    left, right = operands(node)
    if not {left, right} <= NUM:
        return "a division whose operand types are not known"
    if {left, right} & FLT:
        return single(node) or True
    if {left, right} <= INT:
        return True
    a, b = decimal_of(node.this), decimal_of(node.expression)
    if a is None or b is None:
        return "a division of decimals of unknown size"
    scale = max(a[1], b[1])
    return quotient(node.this, node.expression, max(scale, min(38, a[0] + b[1] + max(b[1] - a[1], 0))), scale)


@rule(exp.Mod)
def modulo(node):
    kinds = set(operands(node))
    if kinds <= INT:
        return True
    a, b = decimal_of(node.this), decimal_of(node.expression)
    if not kinds <= INT | DEC or a is None or b is None:
        return "a remainder of values that are not known to be exact"
    scale = max(a[1], b[1])
    return sized(exp.paren(node.copy()), min(a[0] - a[1], b[0] - b[1]) + scale or 1, scale)


@rule(exp.Round)
def rounded(node):
    k = kind(node.this)
    if k in INT and plain(node, "this"):
        return exp.paren(node.this.copy())
    if k in DEC:
        size = decimal_of(node.this)
        if plain(node, "this") and size:
            return sized(typed(node, "decimal"), min(38, size[0] - size[1] + 1), 0)
        return round_decimal(node)
    if k == D.DOUBLE and plain(node, "this") and short(node.this):
        return form("double", "CASE WHEN ABS(x - TRUNC(x)) >= 0.5 THEN TRUNC(x) + SIGN(x) ELSE TRUNC(x) END", x=node.this)
    return None


@rule(exp.Ceil, exp.Floor)
def ceil(node):
    size = decimal_of(node.this) if kind(node.this) in DEC else None
    if not plain(node, "this"):
        return None
    if size:
        return sized(node, min(38, size[0] - size[1] + 1), 0)
    return kind(node.this) == D.DOUBLE or kind(node.this) in INT and exp.paren(node.this.copy()) or None


@rule(exp.Trunc)
def truncate(node):
    return (plain(node, "this") and kind(node.this) == D.DOUBLE) or None


@rule(exp.Sign)
def sign(node):
    return exp.cast(node.copy(), node.this.type.copy()) if kind(node.this) in INT else kind(node.this) == D.DOUBLE or None


@rule(exp.Sqrt)
def sqrt(node):
    return form("double", "SQRT(CAST(x AS DOUBLE PRECISION))", x=node.this) if kind(node.this) in NUM else None


@rule(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor)
def bits(node):
    return big(exp.paren(node)) if set(operands(node)) <= INT else None


@rule(exp.HexString)
def binary(node):
    return typed(exp.cast(exp.Literal.string("\\x" + node.this), "varbinary"), "varbinary")


# ---- casts -----------------------------------------------------------------------------------------------------------

@rule(exp.Cast)
def cast(node):
    value, to = node.this, node.args["to"]
    source, target = kind(value), to.this
    exact = typed_literal(node) if target != D.TINYINT else None
    if exact is not None:
        return exact
    if target == D.TINYINT:
        return "the type tinyint"
    if source in FLT and target in RANGE:
        return form(to.copy(), "CAST(CASE WHEN ABS(x - TRUNC(x)) >= 0.5 THEN TRUNC(x) + SIGN(x) ELSE x END AS %s)" % to.sql("postgres"),
                    x=value) if short(value) else None
    if source in TXT and target in RANGE and short(value):
        return form(to.copy(), "CAST(CASE WHEN x ~ '^[+-]?[0-9]+$' THEN x ELSE '?' || x END AS %s)" % to.sql("postgres"), x=as_text(value))
    if source == D.DECIMAL and target in TXT and not to.expressions:
        return decimal_of(value) is not None or None
    if source in TXT and target in TXT:
        return True
    if source in DATED and target == D.TIMESTAMP:
        return True if to.expressions or source == D.DATE else typed(exp.cast(value.copy(), "timestamp(3)"), "timestamp")
    return None


def as_text(node):
    """A literal has no type in PostgreSQL, and would be read when the statement is."""
    return exp.cast(node.copy(), "text") if isinstance(node, exp.Literal) else node


@rule(exp.TryCast)
def try_cast(node):
    value, to = node.this, node.args["to"]
    source, target = kind(value), to.this
    if source in RANGE and target in RANGE and RANGE[source] <= RANGE[target]:
        return typed(exp.cast(value.copy(), to.copy()), to.copy())
    if source not in TXT or target not in RANGE or not short(value):
        return "try_cast() between these types"
    top = 1 << RANGE[target]
    return form(to.copy(), "CASE WHEN x ~ '^[+-]?[0-9]{1,30}$' THEN CASE WHEN CAST(x AS DECIMAL) BETWEEN -%d AND %d THEN CAST(x AS %s) END END"
                % (top, top - 1, to.sql("postgres")), x=as_text(value))


# ---- text ------------------------------------------------------------------------------------------------------------

@rule(exp.Length)
def length(node):
    return big(node) if plain(node, "this") and kind(node.this) in TXT | {D.VARBINARY} else "length() of a value not known to be varchar"


@rule(exp.Reverse)
def reverse(node):
    return kind(node.this) in TXT or None


@rule(exp.StrPosition)
def strpos(node):
    known = plain(node, "this", "substr") and kind(node.this) in TXT and kind(node.args["substr"]) in TXT
    return form("bigint", "CAST(STRPOS(a, b) AS BIGINT)", a=node.this, b=node.args["substr"]) if known else None


@rule(exp.Replace)
def replace(node):
    return (kind(node.this) in TXT and bool(text(node.expression)) and text(node.args.get("replacement")) is not None) or None


@rule(exp.Trim)
def trim(node):
    """Trino takes every kind of white space away, PostgreSQL spaces."""
    if node.args.get("expression") is not None or kind(node.this) not in TXT:
        return None
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get((node.args.get("position") or "").upper(), "BTRIM")
    return typed(exp.Anonymous(this=name, expressions=[node.this.copy(), exp.Literal.string(BLANK)]), "text")


@rule(exp.Pad)
def pad(node):
    size = number(node.expression)
    return (kind(node.this) in TXT and size is not None and size >= 0 and bool(text(node.args.get("fill_pattern")))) or None


@rule(exp.Chr)
def character(node):
    code = number(node.expressions[0]) if len(node.expressions) == 1 else None
    return (code is not None and 0 < code < 0xd800) or None


@rule(exp.StartsWith)
def starts_with(node):
    return set(operands(node)) <= TXT or None


def by_text(node, by):
    return kind(node) in TXT and bool(text(by)) and short(node)


@rule(exp.Split)
def split(node):
    if not plain(node, "this", "expression") or not by_text(node.this, node.expression):
        return None
    return form(exp.DataType.build("array<varchar>", dialect="spark"), "CASE WHEN a = '' THEN ARRAY[''] ELSE STRING_TO_ARRAY(a, d) END",
                a=as_text(node.this), d=node.expression)


@rule(exp.SplitPart)
def split_part(node):
    by, at = node.args.get("delimiter"), number(node.args.get("part_index"))
    if not by_text(node.this, by) or not at or at < 1:
        return None
    first = "''" if at == 1 else "NULL"
    return form("text", "CASE WHEN a = '' THEN %s ELSE (STRING_TO_ARRAY(a, d))[%d] END" % (first, at), a=as_text(node.this), d=by)


@rule(exp.Like)
def like(node):
    """Trino's LIKE has no escape character unless ESCAPE names one."""
    pattern = text(node.expression)
    if isinstance(node.parent, exp.Escape) or pattern is not None and "\\" not in pattern:
        return True
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(""))


@rule(exp.Escape)
def escape(node):
    return text(node.expression) in ("",) or None


# ---- dates -----------------------------------------------------------------------------------------------------------

FIELDS = {exp.Year: "YEAR", exp.Quarter: "QUARTER", exp.Month: "MONTH", exp.WeekOfYear: "WEEK", exp.Week: "WEEK", exp.Day: "DAY",
          exp.DayOfMonth: "DAY", exp.DayOfWeekIso: "ISODOW", exp.DayOfYear: "DOY", exp.Hour: "HOUR", exp.Minute: "MINUTE", exp.Second: "SECOND"}
EXTRACT = {"DAY_OF_WEEK": "ISODOW", "DOW": "ISODOW", "DAY_OF_YEAR": "DOY", "YEAR_OF_WEEK": "ISOYEAR", "YOW": "ISOYEAR",
           "DAY_OF_MONTH": "DAY", **{f: f for f in FIELDS.values() if f != "ISODOW"}}


def field(name, value):
    known = DATED if CLOCK.get(name, 86400) == 86400 else {D.TIMESTAMP}
    if kind(value) not in known:
        return "a part of a value that is not known to be a date or timestamp"
    return form("bigint", "CAST(FLOOR(EXTRACT(%s FROM x)) AS BIGINT)" % name, x=value)


@rule(*FIELDS)
def part(node):
    return field(FIELDS[type(node)], node.this) if plain(node, "this") else None


@rule(exp.Extract)
def extract(node):
    name = EXTRACT.get(node.this.name.upper())
    return field(name, node.expression) if name else None


def unit_of(node):
    unit = node.args.get("unit")
    return unit.name.upper() if unit is not None else ""


@rule(exp.LastDay)
def last_day(node):
    return form("date", "CAST(DATE_TRUNC('month', CAST(x AS TIMESTAMP)) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)",
                x=node.this) if plain(node, "this") and kind(node.this) in DATED else None


@rule(exp.TimestampTrunc, exp.DateTrunc)
def truncation(node):
    unit = unit_of(node)
    if unit not in SPANS or node.args.get("zone") is not None or kind(node.this) not in DATED:
        return None
    whole = form("timestamp", "DATE_TRUNC('%s', CAST(x AS TIMESTAMP))" % unit.lower(), x=node.this)
    if kind(node.this) == D.TIMESTAMP:
        return whole
    return typed(exp.cast(whole, "date"), "date") if unit not in CLOCK or unit == "DAY" else None


@rule(exp.DateDiff)
def date_diff(node):
    """Whole units that have passed."""
    kinds, unit = {kind(node.this), kind(node.expression)}, unit_of(node)
    if kinds == {D.DATE} and unit == "DAY":
        new = form("bigint", "CAST(x - y AS BIGINT)", x=node.this, y=node.expression)
    elif kinds == {D.TIMESTAMP} and unit in CLOCK:
        new = form("bigint", "CAST(TRUNC(EXTRACT(EPOCH FROM x - y) / %d) AS BIGINT)" % CLOCK[unit], x=node.this, y=node.expression)
    else:
        return None
    new.meta["qf_was"] = unit.lower()
    return new


@rule(exp.DateAdd)
def date_add(node):
    unit, k = unit_of(node), kind(node.this)
    if kind(node.expression) not in INT or unit not in SPANS or k not in DATED or k == D.DATE and unit in CLOCK and unit != "DAY":
        return None
    span = "3 month" if unit == "QUARTER" else "1 " + unit.lower()
    return form("date" if k == D.DATE else "timestamp", "CAST(x + n * INTERVAL '%s' AS %s)" % (span, k.value), x=node.this, n=node.expression)


@rule(exp.TimeToStr)
def date_format(node):
    shown = text(node.args.get("format"))
    if kind(node.this) != D.TIMESTAMP or shown is None or not re.fullmatch(r"(?:%[YmdHMS]|[-/:., ])*", shown):
        return None
    node.args["format"].meta["qf_was"] = shown
    return True


# ---- choices ---------------------------------------------------------------------------------------------------------

def in_one_size(node, values):
    """Decimals of several sizes become the common one; PostgreSQL leaves each its own digits."""
    kinds = {kind(v) for v in values if not isinstance(v, exp.Null)}
    if not kinds & DEC or kinds & FLT:
        return "a choice between values of which one is not known" if D.UNKNOWN in kinds and kinds & (INT | DEC) else None
    size = common_decimal(values)
    if size is None:
        return "a choice between decimals of unknown size"
    return sized(exp.cast(node.copy(), "decimal(%d, %d)" % size), *size)


@rule(exp.Coalesce)
def coalesce(node):
    return in_one_size(node, [node.this, *node.expressions]) or True


@rule(exp.Case, exp.If)
def case(node):
    if isinstance(node.parent, exp.Case) and isinstance(node, exp.If):
        return True
    branches = node.args.get("ifs") or [node]
    values = [b.args["true"] for b in branches]
    default = node.args.get("default") or node.args.get("false")
    return in_one_size(node, values + ([default] if default is not None else [])) or True


@rule(exp.Nullif)
def nullif(node):
    left, right = operands(node)
    return True if left == right or {left, right} <= INT or {left, right} <= TXT else "nullif() of values of different types"


@rule(exp.Greatest, exp.Least)
def greatest(node):
    """NULL when one of them is."""
    values = [node.this, *node.expressions]
    if D.UNKNOWN in {kind(v) for v in values if not isinstance(v, exp.Null)} or not short(*values):
        return "%s() of values whose types are not known" % node.key
    tests = [exp.Is(this=v.copy(), expression=exp.Null()) for v in values if not isinstance(v, exp.Literal)]
    new = node.copy()
    if kind(node.this) in TXT:
        new.set("this", in_c(new.this))
    sized_ = in_one_size(new, values)
    if isinstance(sized_, str):
        return sized_
    new = sized_ or new
    if not tests:
        return sized_ or True
    whole = exp.paren(exp.Case(ifs=[exp.If(this=exp.or_(*tests), true=exp.Null())], default=new))
    whole.meta.update(new.meta)
    return whole
