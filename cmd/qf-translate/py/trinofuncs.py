"""Functions of Trino that are the same in DuckDB, or have an exact form there, when the types are known.

Each was compared with Trino 476 (tests/integration/faithful/trino.txt). A rule answers True when sqlglot's text is right as
it stands, a node to put in its place, or None: then the rules for any pair decide.
"""
import re

from sqlglot import exp

from qf_decimals import decimal_of
from qf_trinoarrays import ARRAYS, of_map
from qf_trinoddl import DDL
from qf_trinolits import a_map, array, binary, infinity, named_row, nan, row, typed_literal

D = exp.DataType.Type
INT = {D.TINYINT, D.SMALLINT, D.INT, D.BIGINT}
FLT = {D.FLOAT, D.DOUBLE}
TXT = {D.TEXT, D.VARCHAR, D.CHAR}
SCALAR = INT | FLT | TXT | {D.DECIMAL, D.DATE, D.TIMESTAMP, D.BOOLEAN}
DAYS = {"DAY", "WEEK", "MONTH", "YEAR"}
CLOCK = {"SECOND", "MINUTE", "HOUR"}
# What trim() takes away: io.airlift.slice.SliceUtf8, isWhitespace
BLANK = "".join(map(chr, [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200b),
                          0x2028, 0x2029, 0x205f, 0x3000]))
RULES = {exp.Array: array, exp.Map: a_map, exp.Struct: row, exp.HexString: binary, **DDL, **ARRAYS}


def rule(*classes):
    def add(fn):
        for c in classes:
            RULES[c] = fn
        return fn
    return add


def kind(node):
    t = node.type if isinstance(node, exp.Expr) else None
    return t.this if t is not None else D.UNKNOWN


def text(node):
    return node.this if isinstance(node, exp.Literal) and node.is_string else None


def number(node):
    """The value of an integer literal, or None."""
    if isinstance(node, exp.Neg):
        inner = number(node.this)
        return None if inner is None else -inner
    return int(node.this) if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() else None


def element(node):
    """The type of the elements of an array."""
    inner = node.type.expressions if kind(node) == D.ARRAY else None
    return inner[0].this if inner and isinstance(inner[0], exp.DataType) else D.UNKNOWN


def plain(node, *names):
    """Nothing is given but these."""
    return all(name in names for name, value in node.args.items() if value)


# ---- numbers ---------------------------------------------------------------------------------------------------------

@rule(exp.Ceil, exp.Floor)
def ceil(node):
    return (plain(node, "this") and kind(node.this) in FLT | {D.DECIMAL}) or None


@rule(exp.Trunc)
def truncate(node):
    return (plain(node, "this") and kind(node.this) in FLT) or None


@rule(exp.Sign)
def sign(node):
    return exp.cast(node.copy(), node.this.type.copy()) if kind(node.this) in INT else None


@rule(exp.Sqrt)
def sqrt(node):
    return kind(node.this) in INT | FLT or None


@rule(exp.Pi, exp.AnyValue)
def as_it_is(node):
    return True


@rule(exp.Round)
def round_int(node):
    return exp.paren(node.this.copy()) if plain(node, "this") and kind(node.this) in INT else None


@rule(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor)
def bits(node):
    return exp.cast(node.copy(), "bigint") if {kind(node.this), kind(node.expression)} <= INT else None


@rule(exp.Cast)
def cast(node):
    exact = named_row(node) if node.args["to"].this == D.STRUCT else typed_literal(node)
    if exact is not None:
        return exact
    source, to = kind(node.this), node.args["to"]
    if source in FLT and to.this in INT:
        return exp.cast(exp.Round(this=node.this.copy()), to.copy())
    if source == D.DECIMAL and to.this in TXT and not to.expressions:
        return decimal_of(node.this) is not None or None
    return None


# ---- text ------------------------------------------------------------------------------------------------------------

@rule(exp.StrPosition)
def strpos(node):
    return (plain(node, "this", "substr") and kind(node.this) in TXT and bool(text(node.args["substr"]))) or None


@rule(exp.Replace)
def replace(node):
    return (kind(node.this) in TXT and bool(text(node.expression)) and text(node.args.get("replacement")) is not None) or None


@rule(exp.Trim)
def trim(node):
    if node.args.get("expression") is not None or kind(node.this) not in TXT:
        return None
    new = node.copy()
    new.set("expression", exp.Literal.string(BLANK))
    return new


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
    return ({kind(node.this), kind(node.expression)} <= TXT) or None


# ---- dates -----------------------------------------------------------------------------------------------------------

@rule(exp.Quarter, exp.WeekOfYear, exp.DayOfWeekIso, exp.DayOfYear, exp.LastDay)
def calendar(node):
    return (plain(node, "this") and kind(node.this) in (D.DATE, D.TIMESTAMP)) or None


@rule(exp.Hour, exp.Minute, exp.Second)
def clock(node):
    return kind(node.this) == D.TIMESTAMP or None


def unit_of(node):
    unit = node.args.get("unit")
    return unit.name.upper() if unit is not None else ""


@rule(exp.TimestampTrunc, exp.DateTrunc)
def truncate_week(node):
    if unit_of(node) != "WEEK" or node.args.get("zone") is not None:
        return None
    if kind(node.this) == D.DATE:
        return exp.cast(node.copy(), "date")
    return kind(node.this) == D.TIMESTAMP or None


@rule(exp.DateDiff)
def date_diff(node):
    """Whole units that have passed."""
    kinds, unit = {kind(node.this), kind(node.expression)}, unit_of(node)
    if kinds == {D.DATE}:
        return unit == "DAY" or None
    if kinds != {D.TIMESTAMP} or unit not in CLOCK | {"DAY"}:
        return None
    return exp.Anonymous(this="DATE_SUB", expressions=[exp.Literal.string(unit.lower()), node.expression.copy(), node.this.copy()])


@rule(exp.DateAdd)
def date_add(node):
    if kind(node.expression) not in INT:
        return None
    if kind(node.this) == D.DATE and unit_of(node) in DAYS:
        return exp.cast(node.copy(), "date")
    return (kind(node.this) == D.TIMESTAMP and unit_of(node) in DAYS | CLOCK) or None


@rule(exp.TimeToStr)
def date_format(node):
    form = text(node.args.get("format"))
    good = form is not None and re.fullmatch(r"(?:%[YmdHMS]|[^%])*", form)
    if kind(node.this) != D.TIMESTAMP or not good:
        return None
    node.args["format"].meta["qf_was"] = form
    return True


# ---- arrays ----------------------------------------------------------------------------------------------------------

@rule(exp.Bracket)
def subscript(node):
    """element_at() gives NULL beyond the end, a[i] an error; sqlglot has counted a[i] from 0."""
    if kind(node.this) == D.MAP:
        return of_map(node)
    at = number(node.expressions[0]) if len(node.expressions) == 1 else None
    if kind(node.this) != D.ARRAY or at is None:
        return None
    if node.args.get("safe"):
        return at + 1 - node.args.get("offset", 0) != 0 or None
    if at < 0:
        return None
    beyond = exp.LT(this=exp.ArraySize(this=node.this.copy()), expression=exp.Literal.number(at + 1))
    fail = exp.Anonymous(this="ERROR", expressions=[exp.Literal.string("array subscript is beyond the array's length")])
    return exp.paren(exp.Case(ifs=[exp.If(this=beyond, true=fail)], default=node.copy()))


@rule(exp.ArraySize)
def cardinality(node):
    return kind(node.this) == D.ARRAY or None


@rule(exp.ArrayToString)
def array_join(node):
    return (plain(node, "this", "expression") and element(node.this) in INT | TXT and text(node.expression) is not None) or None


@rule(exp.Unnest)
def unnest(node):
    """One array of plain values; rows would become columns."""
    join = node.parent
    placed = isinstance(join, exp.From) or isinstance(join, exp.Join) and plain(join, "this", "kind") and join.args.get("kind") in (None, "", "CROSS")
    named = node.args.get("alias") is not None and len(node.alias_column_names) == 1
    return (placed and named and len(node.expressions) == 1 and element(node.expressions[0]) in SCALAR) or None


@rule(exp.Transform, exp.ArrayFilter)
def with_lambda(node):
    function = node.expression
    return (kind(node.this) == D.ARRAY and isinstance(function, exp.Lambda) and len(function.expressions) == 1) or None


@rule(exp.Lambda)
def function_of(node):
    return isinstance(node.parent, (exp.Transform, exp.ArrayFilter)) or None


# ---- aggregates ------------------------------------------------------------------------------------------------------

@rule(exp.CountIf)
def count_if(node):
    if isinstance(node.parent, (exp.Filter, exp.Window)) or kind(node.this) != D.BOOLEAN:
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
    if node.name.lower() == "every" and len(node.expressions) == 1 and kind(node.expressions[0]) == D.BOOLEAN:
        return exp.LogicalAnd(this=node.expressions[0].copy())
    if node.name.lower() in ("infinity", "nan"):
        return (infinity if node.name.lower() == "infinity" else nan)(node)
    return None


def trino_form(node):
    fn = RULES.get(type(node))
    return fn(node) if fn is not None else None
