"""Pieces that the rules of trinopg*.py are made of: forms of PostgreSQL around operands, and what may stand in them twice."""
import sqlglot
from sqlglot import exp

from qf_decimals import LONGEST, decimal_of

D = exp.DataType.Type
INT = {D.TINYINT, D.SMALLINT, D.INT, D.BIGINT}
FLT = {D.FLOAT, D.DOUBLE}
DEC = {D.DECIMAL}
NUM = INT | FLT | DEC
TXT = {D.TEXT, D.VARCHAR}
DATED = {D.DATE, D.TIMESTAMP}
ORDERS = (exp.LT, exp.LTE, exp.GT, exp.GTE)
EQUALS = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In)
# A word that PostgreSQL's parser takes for a number is an error when it runs: what follows says why.
FAIL = "CAST('%s: ' || %s AS INT)"


def kind(node):
    t = node.type if isinstance(node, exp.Expr) else None
    return t.this if t is not None else D.UNKNOWN


def element(node):
    inner = node.type.expressions if kind(node) in (D.ARRAY, D.LIST) else None
    return inner[0].this if inner and isinstance(inner[0], exp.DataType) else D.UNKNOWN


def text(node):
    return node.this if isinstance(node, exp.Literal) and node.is_string else None


def number(node):
    if isinstance(node, exp.Neg):
        inner = number(node.this)
        return None if inner is None else -inner
    return int(node.this) if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() else None


def plain(node, *names):
    """Nothing is given but these."""
    return all(name in names for name, value in node.args.items() if value)


def short(*nodes):
    """It may be written, and run, several times."""
    return not any(n.find(exp.Query, exp.Anonymous, exp.Rand, exp.Uuid) for n in nodes) and sum(1 for n in nodes for _ in n.walk()) <= LONGEST


def typed(node, ty):
    node.type = exp.DataType.build(ty) if isinstance(ty, str) else ty
    return node


def form(ty, sql, **operands):
    """The text with operands in the place of its names, of that type."""
    tree = sqlglot.parse_one(sql, read="postgres")
    for node in tree.find_all(*ORDERS, *EQUALS, exp.Between, exp.Order):
        node.meta["qf_done"] = True  # these need no look at the order of text
    for col in list(tree.find_all(exp.Column)):
        if col.name in operands:
            inner = operands[col.name].copy()
            col.replace(inner if isinstance(inner, (exp.Column, exp.Literal, exp.Paren, exp.Cast)) else exp.paren(inner))
    whole = tree if isinstance(tree, (exp.Cast, exp.Func)) and not isinstance(tree, exp.Case) else exp.paren(tree)
    return typed(whole, ty)


def big(node):
    """Numbers of characters, elements and the like are bigint in Trino."""
    return typed(exp.cast(node.copy(), "bigint"), "bigint")


def sized(node, precision, scale):
    node.meta["qf_decimal"] = (precision, scale)
    return typed(node, "decimal(%d, %d)" % (precision, scale))


def quotient(left, right, precision, scale):
    """Rounded half away from zero, by integers: a rounded numeric quotient would be rounded twice."""
    if not short(left, right):
        return None
    a, b = "CAST(qf_a AS DECIMAL)", "CAST(qf_b AS DECIMAL)"
    one = "0." + "0" * (scale - 1) + "1" if scale else "1"
    new = form("double", "CAST(SIGN(%s) * SIGN(%s) * DIV(2 * ABS(%s) * %d + ABS(%s), 2 * ABS(%s)) * %s AS DECIMAL(%d, %d))" % (
        a, b, a, 10 ** scale, b, b, one, precision, scale), qf_a=left, qf_b=right)
    return sized(new, precision, scale)


def in_c(node):
    """Text in the order of its characters' numbers, whatever the collation of the database is."""
    if isinstance(node, exp.Collate):
        return node
    inner = node if isinstance(node, (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Cast)) else exp.paren(node)
    return typed(exp.Collate(this=inner.copy(), expression=exp.to_identifier("C", quoted=True)), "text")


def common_decimal(nodes):
    """(precision, scale) of values that are decimals or integers, one decimal at least; None: they are not, or not known."""
    sizes = [decimal_of(n) for n in nodes if not isinstance(n, exp.Null)]
    if not sizes or None in sizes:
        return None
    scale = max(s for _, s in sizes)
    return min(38, max(p - s for p, s in sizes) + scale), scale
