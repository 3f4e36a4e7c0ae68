"""Trino's arithmetic of decimals in DuckDB, which divides them as floating point numbers.

The type of a result is trino's (io.trino.type.DecimalOperators): a quotient has the larger scale of the two and is rounded
half away from zero.
"""
import sqlglot
from sqlglot import exp

D = exp.DataType.Type
WIDTH = {D.TINYINT: 3, D.SMALLINT: 5, D.INT: 10, D.BIGINT: 19}
MAX = 38
LONGEST = 40  # nodes of the operands, which are written several times


def decimal_of(node):
    """(precision, scale) of a decimal or an integer; None when it is not known."""
    ty = node.type
    if "qf_decimal" in node.meta:
        return node.meta["qf_decimal"]
    if isinstance(node, (exp.Paren, exp.Neg)):
        return decimal_of(node.this)
    if ty is None:
        return None
    if isinstance(node, exp.Literal) and ty.this == D.INT:
        return (10 if len(node.this) < 10 else 19), 0
    if ty.this in WIDTH:
        return WIDTH[ty.this], 0
    if ty.this != D.DECIMAL:
        return None
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul)):
        return arithmetic(node)
    if isinstance(node, (exp.Min, exp.Max)):
        return decimal_of(node.this)
    if isinstance(node, exp.Sum):
        inner = decimal_of(node.this)
        return inner and (MAX, inner[1])
    sizes = [int(x.name) for x in ty.expressions if x.name.isdigit()]
    known = isinstance(node, (exp.Column, exp.Literal, exp.Cast))
    return tuple(sizes) if known and len(sizes) == 2 else None


def arithmetic(node):
    a, b = decimal_of(node.this), decimal_of(node.expression)
    if a is None or b is None:
        return None
    if isinstance(node, exp.Mul):
        return (min(MAX, a[0] + b[0]), a[1] + b[1]) if a[1] + b[1] <= MAX else None
    scale = max(a[1], b[1])
    return min(MAX, max(a[0] - a[1], b[0] - b[1]) + scale + 1), scale


def template(text, **operands):
    tree = sqlglot.parse_one(text, read="duckdb")
    for col in list(tree.find_all(exp.Column)):
        if col.name in operands:
            col.replace(exp.paren(operands[col.name].copy()))
    return tree


def digits(name, scale):
    """The digits of a decimal as an integer."""
    return "CAST(%s * %d AS HUGEINT)" % (name, 10 ** scale) if scale else "CAST(%s AS HUGEINT)" % name


def quotient(left, right, a, b, precision, scale):
    """left / right to that scale, rounded half away from zero, by integers; None when the text would be too long."""
    if sum(1 for x in (left, right) for _ in x.walk()) > LONGEST:
        return None
    top = "(%s * CAST(%d AS HUGEINT))" % (digits("qf_a", a[1]), 10 ** (scale - a[1] + b[1]))
    bottom = digits("qf_b", b[1])
    whole = ("(%s // %s + CASE WHEN 2 * ABS(%s %% %s) < ABS(%s) THEN 0 WHEN (qf_a < 0) = (qf_b < 0) THEN 1 ELSE -1 END)" % (
        top, bottom, top, bottom, bottom))
    number = "CAST(%s AS DECIMAL(38, 0))" % whole
    if scale:
        number = "CAST(%s * 0.%s1 AS DECIMAL(%d, %d))" % (number, "0" * (scale - 1), precision, scale)
    exact = exp.paren(template("CASE WHEN qf_b = 0 AND qf_a IS NOT NULL THEN ERROR('division by zero') ELSE %s END" % number,
                               qf_a=left, qf_b=right))
    exact.meta["qf_decimal"] = (precision, scale)
    exact.type = exp.DataType.build("decimal(%d, %d)" % (precision, scale))
    return exact


def decimal_division(node):
    a, b = decimal_of(node.this), decimal_of(node.expression)
    if a is None or b is None or max(a[1], b[1]) > 18:
        return None
    scale = max(a[1], b[1])
    precision = min(MAX, a[0] + b[1] + max(b[1] - a[1], 0))
    return quotient(node.this, node.expression, a, b, max(precision, scale), scale)


def average_of_decimal(node):
    """The type of the values; their sum and their number are exact."""
    inner = decimal_of(node.this)
    if inner is None or inner[1] > 18:
        return None
    return quotient(exp.Sum(this=node.this.copy()), exp.Count(this=node.this.copy()), (MAX, inner[1]), (19, 0), *inner)


def round_decimal(node):
    """round(x, n) keeps the scale of x."""
    inner, places = decimal_of(node.this), node.args.get("decimals")
    if inner is None or not isinstance(places, exp.Literal) or not places.this.isdigit():
        return None
    ty = "decimal(%d, %d)" % (min(MAX, inner[0] + 1), inner[1])
    if int(places.this) >= inner[1]:
        return exp.cast(node.this.copy(), ty)
    return exp.cast(node.copy(), ty)
