"""Trino's expressions in PostgreSQL: what is the same there, or has an exact form, when the types are known.

Each was compared with Trino 476 (tests/integration/faithful/trinopg.txt). A rule answers True when sqlglot's text is right as it
stands, a node to put in its place, a string that is a doubt, or None: then the rules for any pair decide.
"""
import re

from sqlglot import exp

from qf_decimals import decimal_of, round_decimal
from qf_onpgforms import (D, DATED, DEC, FAIL, FLT, INT, NUM, TXT, big, common_decimal, element, form, in_c, kind, number, plain,
                          quotient, short, sized, text, typed)
from qf_trinofuncs import BLANK
from qf_trinolits import array, infinity, nan, typed_literal

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


@rule(exp.Lambda, exp.Unnest)
def placed(node):
    if isinstance(node, exp.Lambda):
        return isinstance(node.parent, (exp.Transform, exp.ArrayFilter)) or None
    join = node.parent
    lateral = isinstance(join, exp.From) or isinstance(join, exp.Join) and plain(join, "this", "kind") and join.args.get("kind") in (None, "", "CROSS")
    named = node.args.get("alias") is not None and len(node.alias_column_names) == 1
    return (lateral and named and len(node.expressions) == 1 and element(node.expressions[0]) in NUM | TXT | DATED | {D.BOOLEAN}) or None


# ---- arrays ----------------------------------------------------------------------------------------------------------

ORDERED = INT | TXT | DATED | {D.BOOLEAN}


@rule(exp.Array)
def constructor(node):
    if not node.expressions or any(kind(e) in (D.ARRAY, D.STRUCT, D.MAP) for e in node.expressions):
        return "an array of arrays, or of nothing"
    return array(node)


@rule(exp.Bracket)
def subscript(node):
    """element_at() gives NULL beyond the end, a[i] an error; sqlglot has counted a[i] from 0."""
    at = number(node.expressions[0]) if len(node.expressions) == 1 else None
    if kind(node.this) != D.ARRAY or at is None or not short(node.this):
        return None
    inner = node.this.type.expressions[0].copy()
    at += 1 - node.args.get("offset", 0)
    if node.args.get("safe"):
        return at and form(inner, "(a)[%s]" % (at if at > 0 else "CARDINALITY(a) + %d" % (at + 1)), a=node.this) or None
    if at < 1:
        return None
    return form(inner, "CASE WHEN CARDINALITY(a) >= %d THEN (a)[%d] WHEN a IS NOT NULL AND %s = 0 THEN NULL END" % (
        at, at, FAIL % ("array subscript out of bounds", "CARDINALITY(a)")), a=node.this)


@rule(exp.GenerateSeries)
def sequence(node):
    """Upwards; which way trino counts is told by the two ends."""
    first, last = number(node.args.get("start")), number(node.args.get("end"))
    if not plain(node, "start", "end") or first is None or last is None or first > last:
        return None
    return form(exp.DataType.build("array<bigint>", dialect="spark"), "ARRAY(SELECT GENERATE_SERIES(CAST(%d AS BIGINT), %d))" % (first, last))


@rule(exp.ArraySize)
def cardinality(node):
    return form("bigint", "CAST(CARDINALITY(a) AS BIGINT)", a=node.this) if kind(node.this) == D.ARRAY else None


@rule(exp.ArrayToString)
def array_join(node):
    return (plain(node, "this", "expression") and element(node.this) in INT | TXT and text(node.expression) is not None) or None


@rule(exp.ArrayContains)
def contains(node):
    inner, value = element(node.this), kind(node.expression)
    if not plain(node, "this", "expression") or not (inner == value and inner in ORDERED or {inner, value} <= INT or {inner, value} <= TXT):
        return None
    return form("boolean", "CASE WHEN x IS NOT NULL THEN x = ANY(a) END", a=node.this, x=node.expression) if short(node.expression) else None


@rule(exp.ArrayMax, exp.ArrayMin)
def extreme(node):
    inner = element(node.this)
    if not plain(node, "this") or inner not in ORDERED - {D.BOOLEAN}:
        return None
    name = "MAX" if isinstance(node, exp.ArrayMax) else "MIN"
    key = 'qf_x COLLATE "C"' if inner in TXT else "qf_x"
    return form(node.this.type.expressions[0].copy(), "(SELECT CASE WHEN COUNT(*) = COUNT(qf_x) THEN %s(%s) END FROM UNNEST(a) AS qf_u(qf_x))"
                % (name, key), a=node.this)


@rule(exp.ArraySort)
def array_sort(node):
    inner = element(node.this)
    if not plain(node, "this", "nulls_first") or inner not in ORDERED or not short(node.this):
        return None
    return form(node.this.type.copy(), "CASE WHEN a IS NOT NULL THEN ARRAY(SELECT qf_x FROM UNNEST(a) AS qf_u(qf_x) ORDER BY qf_x%s) END"
                % (' COLLATE "C"' if inner in TXT else ""), a=node.this)


@rule(exp.Transform, exp.ArrayFilter)
def with_lambda(node):
    function = node.expression
    if kind(node.this) != D.ARRAY or not isinstance(function, exp.Lambda) or len(function.expressions) != 1 or not short(node.this):
        return None
    name, body = function.expressions[0].name, function.this
    if isinstance(node, exp.Transform):
        values, where, ty = "qf_body", "", None
    else:
        values, where, ty = "qf_name", " WHERE qf_body", node.this.type.copy()
    if ty is None and kind(body) == D.UNKNOWN:
        ty = exp.DataType.build("unknown")
    ty = ty or exp.DataType(this=D.ARRAY, expressions=[body.type.copy()], nested=True)
    return form(ty, "CASE WHEN a IS NOT NULL THEN ARRAY(SELECT %s FROM UNNEST(a) WITH ORDINALITY AS qf_u(%s, qf_o)%s ORDER BY qf_o) END"
                % (values, name, where), a=node.this, qf_body=body, qf_name=exp.column(name))


# ---- aggregates ------------------------------------------------------------------------------------------------------

def bare(node):
    return not isinstance(node.parent, (exp.Filter, exp.Window, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup))


@rule(exp.Sum)
def total(node):
    k = kind(node.this)
    if k in INT and bare(node):
        return big(node)
    return k in NUM - {D.FLOAT} or "sum() of a value whose type is not known"


@rule(exp.Filter, exp.Window)
def of_sum(node):
    inner = node.this.this if isinstance(node.this, exp.Filter) else node.this
    return big(node) if bare(node) and (isinstance(inner, exp.Sum) and kind(inner.this) in INT or isinstance(inner, exp.Ntile)) else True


@rule(exp.Ntile)
def ntile(node):
    return isinstance(node.parent, exp.Window) or None


@rule(exp.DataType)
def column_type(node):
    """Trino's timestamp has 3 digits of a second."""
    if node.this == D.TINYINT:
        return "the type tinyint"
    if node.this == D.TIMESTAMP and not node.expressions and isinstance(node.parent, exp.ColumnDef):
        return exp.DataType.build("timestamp(3)")
    return None


@rule(exp.Avg)
def average(node):
    k = kind(node.this)
    if k in INT:
        return typed(exp.Avg(this=exp.cast(node.this.copy(), "double")), "double")
    if k == D.DOUBLE:
        return True
    size = decimal_of(node.this)
    if k in DEC and size and bare(node) and short(node.this):
        values = exp.Sum(this=node.this.copy()), form("bigint", "NULLIF(COUNT(x), 0)", x=node.this)
        return quotient(*values, *size)
    return None


@rule(exp.Min, exp.Max)
def least(node):
    k = kind(node.this)
    if k in TXT:
        return typed(type(node)(this=in_c(node.this)), "text")
    return True if k in NUM | DATED else "%s() of a value whose type is not known" % node.key


@rule(exp.ArgMax, exp.ArgMin)
def max_by(node):
    by = kind(node.expression)
    if not plain(node, "this", "expression") or not bare(node) or by not in NUM | TXT | DATED or kind(node.this) == D.UNKNOWN:
        return None
    return form(node.this.type.copy(), "(ARRAY_AGG(x ORDER BY y%s%s) FILTER(WHERE y IS NOT NULL))[1]" % (
        ' COLLATE "C"' if by in TXT else "", " DESC" if isinstance(node, exp.ArgMax) else ""), x=node.this, y=node.expression)


@rule(exp.AnyValue)
def any_value(node):
    return typed(exp.Min(this=in_c(node.this) if kind(node.this) in TXT else node.this.copy()), node.this.type.copy()) \
        if kind(node.this) in NUM | TXT | DATED else None


@rule(exp.CountIf)
def count_if(node):
    if not bare(node) or kind(node.this) != D.BOOLEAN:
        return None
    return exp.Filter(this=exp.Count(this=exp.Star(), big_int=True), expression=exp.Where(this=node.this.copy()))


@rule(exp.LogicalAnd, exp.LogicalOr)
def logical(node):
    return kind(node.this) == D.BOOLEAN or None


@rule(exp.GroupConcat)
def listagg(node):
    value = node.this.this if isinstance(node.this, exp.Order) else node.this
    known = plain(node, "this", "separator") and text(node.args.get("separator")) is not None
    return (known and kind(value) in TXT and isinstance(node.this, exp.Order)) or None


@rule(exp.Anonymous)
def by_name(node):
    name = node.name.lower()
    if name == "every" and len(node.expressions) == 1 and kind(node.expressions[0]) == D.BOOLEAN:
        return typed(exp.LogicalAnd(this=node.expressions[0].copy()), "boolean")
    return infinity(node) if name == "infinity" else nan(node) if name == "nan" else None


def trino_on_postgres(node):
    fn = RULES.get(type(node))
    return fn(node) if fn is not None else None
