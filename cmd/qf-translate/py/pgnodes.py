"""Handlers for the nodes of a PostgreSQL expression that are no function calls. See pgexpr.py."""
from sqlglot import exp

from qf_pgexpr import handles
from qf_pgtypes import ANY, BOOL, DUCK, FLOAT8, FREE, INTS, NUMBERS, TEXT, UNKNOWN, Ty, Unreadable, read_numeric, shown
from qf_pgvalue import X, decimal, plain
from qf_tokens import quote

# ---- literals and names ----------------------------------------------------------------------------------------------


def integer(v):
    if -2147483648 <= v < 2147483648:
        sql = "CAST(-2147483648 AS INTEGER)" if v == -2147483648 else str(v)
        return X(sql, Ty("int4", lit=v), v >= 0 or v == -2147483648)
    if -(1 << 63) <= v < 1 << 63:
        return X(str(v) if v > -(1 << 63) else "CAST('%d' AS BIGINT)" % v, Ty("int8", lit=v), v >= 0)
    return None


@handles(exp.Literal, args="is_string")
def literal(c, node):
    if node.is_string:
        return X(quote(node.this), Ty("unknown", lit=node.this))
    return number(c, node, node.this)


def number(c, node, text):
    if text.lstrip("-").isdigit():
        x = integer(int(text))
        if x:
            return x
    try:
        return decimal(*read_numeric(text))
    except Unreadable as err:
        c.doubt(str(err))
        return X(text, ANY)


@handles(exp.Neg)
def neg(c, node):
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return number(c, node, "-" + node.this.this)
    x = c.raw(node.this)
    if x.ty.kind == "numeric" and x.ty.ratio:
        x = c.settle(x)
    if x.ty.kind == "any" and c.guard:
        x = c.sure(x, "INTEGER|BIGINT|DECIMAL|DOUBLE")
    elif x.ty.kind not in NUMBERS and x.ty.kind != "interval":
        c.doubt("minus before %s" % shown(x.ty))
    ty = x.ty
    return X("-%s" % x.p, Ty(ty.kind, ty.scale, ty.width, whole=ty.whole, pending=ty.pending, volatile=ty.volatile,
                                     open_=ty.open), False)


@handles(exp.Null)
def null(c, node):
    return X("NULL", UNKNOWN)


@handles(exp.Boolean)
def boolean(c, node):
    return X("TRUE" if node.this else "FALSE", BOOL)


@handles(exp.Paren)
def paren(c, node):
    x = c.raw(node.this)
    return X(x.p if not x.atom else "(%s)" % x.sql if " " in x.sql and not x.sql.startswith("(") else x.sql, x.ty)


@handles(exp.Column, args="table db")
def column(c, node):
    if isinstance(node.this, exp.Star):
        return c.unknown(node, "a whole row as a value")
    return c.scope.column(c, node)


@handles(exp.Parameter)
def parameter(c, node):
    return c.params.x(c, int(node.name))


@handles(exp.Alias, args="alias")
def alias(c, node):
    return c.raw(node.this)


@handles(exp.Subquery, args="alias")
def subquery(c, node):
    return c.scalar_subquery(node)


@handles(exp.Exists)
def exists(c, node):
    return X("EXISTS(%s)" % c.inner_query(node.this).sql, BOOL)


@handles(exp.Collate)
def collate(c, node):
    name = node.expression.name
    x = c.e(node.this)
    if name not in ("C", "POSIX", "ucs_basic"):
        c.doubt('collation "%s"' % name)
    return x


# ---- arithmetic ------------------------------------------------------------------------------------------------------

@handles(exp.Add)
def add(c, node):
    return c.arithmetic("+", *c.pair(node))


@handles(exp.Sub)
def sub(c, node):
    return c.arithmetic("-", *c.pair(node))


@handles(exp.Mul)
def mul(c, node):
    return c.arithmetic("*", *c.pair(node))


@handles(exp.Div, args="typed safe")
def div(c, node):
    return c.arithmetic("/", *c.pair(node))


@handles(exp.Mod)
def mod(c, node):
    return c.arithmetic("%", *c.pair(node))


@handles(exp.Pow)
def power(c, node):
    return power_of(c, *c.pair(node))


def power_of(c, left, right):
    kinds = {left.ty.kind, right.ty.kind}
    if not kinds <= set(NUMBERS):
        return c.no_operator(left, "^", right)
    if "numeric" in kinds and not kinds & {"float8", "float4"}:
        c.doubt("a power of numerics has as many digits as PostgreSQL chooses")
        return X("POW(%s, %s)" % (left.sql, right.sql), ANY)
    left, right = c.double(c.settle(left)), c.double(c.settle(right))
    pow_ = "POW(%s, %s)" % (left.sql, right.sql)
    if isinstance(left.ty.lit, int) and isinstance(right.ty.lit, int) and 0 < abs(left.ty.lit) < 1000 and abs(right.ty.lit) < 100:
        return X(pow_, FLOAT8)
    c.twice(left, right)
    return X("CASE WHEN NOT ISFINITE(%s) OR (%s = 0 AND %s <> 0) THEN ERROR('value out of range') ELSE %s END" % (
        pow_, pow_, left.p, pow_), FLOAT8, False)


@handles(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor)
def bits(c, node):
    op = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "#"}[type(node)]
    left, right = c.pair(node)
    if left.ty.kind not in INTS or right.ty.kind not in INTS:
        return c.no_operator(left, op, right)
    kind = max(left.ty.kind, right.ty.kind, key=INTS.get)
    left, right = (X("CAST(%s AS %s)" % (x.sql, DUCK[kind]), x.ty) if x.ty.kind != kind else x for x in (left, right))
    if op == "#":
        return X("XOR(%s, %s)" % (left.sql, right.sql), Ty(kind))
    return X("%s %s %s" % (left.p, op, right.p), Ty(kind), False)


@handles(exp.BitwiseNot)
def bit_not(c, node):
    x = c.e(node.this)
    if x.ty.kind not in INTS:
        c.doubt("~ before %s" % shown(x.ty))
    return X("~%s" % x.p, plain(x.ty), False)


@handles(exp.BitwiseLeftShift, exp.BitwiseRightShift)
def shift(c, node):
    op = "<<" if isinstance(node, exp.BitwiseLeftShift) else ">>"
    left, right = c.pair(node)
    bound = {"int2": 16, "int4": 32, "int8": 64}.get(left.ty.kind, 0)
    if not bound or right.ty.kind not in INTS or not isinstance(right.ty.lit, int) or not 0 <= right.ty.lit < bound:
        return c.no_operator(left, op, right)
    return X("%s %s %s" % (left.p, op, right.p), Ty(left.ty.kind), False)


@handles(exp.DPipe, args="safe")
def concat(c, node):
    left, right = c.raw(node.this), c.raw(node.expression)
    kinds = (left.ty.kind, right.ty.kind)
    if kinds == ("any", "any") and c.guard:
        left = c.sure(left, "VARCHAR", TEXT)  # else it may be two arrays
    elif not {"text", *FREE} & set(kinds) or "array" in kinds:
        return c.no_operator(left, "||", right)
    if "any" in kinds and set(kinds) & set(FREE) and not c.guard:
        c.doubt("|| with a column of unknown type")
    left, right = c.text(c.settle(left)), c.text(c.settle(right))
    sql = "%s || %s" % (left.sql if isinstance(node.this, exp.DPipe) else left.p, right.p)
    if ("$" in sql or "CAST(NULL" in sql) and not isinstance(node.parent, exp.DPipe):
        return X("CAST(%s AS VARCHAR)" % sql, TEXT)  # with a NULL that it knows duckdb calls it an integer
    return X(sql, TEXT, False)
