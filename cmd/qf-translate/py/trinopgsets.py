"""Trino's arrays and aggregates in PostgreSQL: rules as those of trinopg.py."""
from sqlglot import exp

from qf_decimals import decimal_of
from qf_onpgforms import (D, DATED, DEC, FAIL, INT, NUM, TXT, big, element, form, in_c, kind, number, plain, quotient, short, text,
                          typed)
from qf_trinolits import array, infinity, nan
from qf_trinopg import RULES, rule

# ---- arrays ----------------------------------------------------------------------------------------------------------

ORDERED = INT | TXT | DATED | {D.BOOLEAN}


@rule(exp.Lambda, exp.Unnest)
def placed(node):
    if isinstance(node, exp.Lambda):
        return isinstance(node.parent, (exp.Transform, exp.ArrayFilter)) or None
    join = node.parent
    lateral = isinstance(join, exp.From) or isinstance(join, exp.Join) and plain(join, "this", "kind") and join.args.get("kind") in (None, "", "CROSS")
    named = node.args.get("alias") is not None and len(node.alias_column_names) == 1
    return (lateral and named and len(node.expressions) == 1 and element(node.expressions[0]) in NUM | TXT | DATED | {D.BOOLEAN}) or None


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
