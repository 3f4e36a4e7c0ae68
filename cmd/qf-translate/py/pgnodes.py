"""Handlers for the nodes of a PostgreSQL expression that are no function calls. See pgexpr.py."""
import re

from sqlglot import exp

from qf_pgexpr import HANDLERS, X, decimal, handles, nonzero, plain
from qf_pgtypes import (ANY, BOOL, BYTEA, DATE, DUCK, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, INTS, NUMBERS, TEXT, TIME,
                        TIMESTAMP, TIMESTAMPTZ, UNKNOWN, UUID, WIDTH, Ty, Unreadable, duck_type, numeric, read_numeric,
                        shown)
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
    if x.ty.kind not in NUMBERS and x.ty.kind != "interval":
        c.doubt("minus before %s" % shown(x.ty))
    ty = x.ty
    return X("-%s" % x.p, Ty(ty.kind, ty.scale, ty.width, whole=ty.whole, pending=ty.pending, volatile=ty.volatile), False)


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
    return X("$%s" % node.name, ANY)


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
    if not {"text", "unknown"} & set(kinds) or "array" in kinds:
        return c.no_operator(left, "||", right)
    if kinds == ("unknown", "any") or kinds == ("any", "unknown"):
        c.doubt("|| with a column of unknown type")
    left, right = c.text(c.settle(left)), c.text(c.settle(right))
    return X("%s || %s" % (left.sql if isinstance(node.this, exp.DPipe) else left.p, right.p), TEXT, False)


# ---- predicates ------------------------------------------------------------------------------------------------------

COMPARE = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
           exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM"}


@handles(*COMPARE)
def compare(c, node):
    op = COMPARE[type(node)]
    if isinstance(node.this, exp.Tuple) and isinstance(node.expression, exp.Tuple):
        return tuples(c, node, op)
    if isinstance(node.expression, (exp.Any, exp.All)):
        return quantified(c, node, op)
    return c.compare(op, *c.pair(node))


def tuples(c, node, op):
    """(a, b) = (c, d) is a = c AND b = d, also with NULLs; duckdb compares the rows as one value."""
    left, right = node.this.expressions, node.expression.expressions
    if op not in ("=", "<>") or len(left) != len(right):
        return c.unknown(node, "%s between rows" % op)
    parts = [c.compare(op, *both(c, a, b)) for a, b in zip(left, right)]
    return X((" AND " if op == "=" else " OR ").join(x.p for x in parts), BOOL, False)


def both(c, a, b):
    left, right = c.raw(a), c.raw(b)
    if left.ty.kind == "unknown":
        left = c.as_type(left, right.ty)
    elif right.ty.kind == "unknown":
        right = c.as_type(right, left.ty)
    return left, right


def quantified(c, node, op):
    word = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
    inner = node.expression.this
    if isinstance(inner, exp.Subquery):
        inner = inner.this
    if isinstance(inner, exp.Query):
        left, q = c.e(node.this), c.inner_query(inner)
        return X("%s %s %s (%s)" % (left.p, op, word, q.sql), c.beside(left, q, op), False)
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if word == "ANY" and op == "=" and isinstance(inner, exp.Array):
        return in_values(c, node.this, inner.expressions)
    if word == "ALL" and op == "<>" and isinstance(inner, exp.Array):
        x = in_values(c, node.this, inner.expressions)
        return X("NOT (%s)" % x.sql, BOOL, False)
    return c.unknown(node, "%s over an array" % word)


@handles(exp.In, args="query")
def in_(c, node):
    query = node.args.get("query")
    if query is not None:
        if isinstance(node.this, exp.Tuple):
            return c.unknown(node, "a row IN (query)")
        left, q = c.e(node.this), c.inner_query(query.this if isinstance(query, exp.Subquery) else query)
        return X("%s IN (%s)" % (left.p, q.sql), c.beside(left, q, "IN"), False)
    if node.args.get("unnest") or node.args.get("field"):
        return c.unknown(node)
    return in_values(c, node.this, node.expressions)


def in_values(c, this, values):
    if isinstance(this, exp.Tuple):
        rows = [tuples(c, exp.EQ(this=this, expression=v), "=") if isinstance(v, exp.Tuple) else c.unknown(v) for v in values]
        return X(" OR ".join(x.p for x in rows), BOOL, False)
    left = c.raw(this)
    xs = [c.raw(v) for v in values]
    known = [x.ty for x in xs + [left] if x.ty.kind not in ("unknown", "any")]
    if left.ty.ratio or any(x.ty.ratio for x in xs):
        left, xs = c.settle(left), [c.settle(x) for x in xs]
    if left.ty.kind == "unknown" and known:
        left = c.as_type(left, known[0])
    texts = []
    for x in xs:
        pair = c.compare("=", left, c.as_type(x, left.ty))
        texts.append(pair.sql.split(" = ", 1)[1] if pair.sql.startswith(left.p + " = ") else None)
    if None in texts:
        parts = [c.compare("=", left, c.as_type(x, left.ty)) for x in xs]
        return X(" OR ".join(p.p for p in parts), BOOL, False)
    return X("%s IN (%s)" % (left.p, ", ".join(texts)), BOOL, False)


@handles(exp.Between, args="low high symmetric")
def between(c, node):
    low, high = node.args["low"], node.args["high"]
    left = c.raw(node.this)
    c.twice(left)

    def one(op, bound):
        other = c.raw(bound)
        mine = c.as_type(left, other.ty) if left.ty.kind == "unknown" else left
        return c.compare(op, mine, c.as_type(other, mine.ty)).p

    first = "%s AND %s" % (one(">=", low), one("<=", high))
    if node.args.get("symmetric"):
        return X("(%s) OR (%s AND %s)" % (first, one(">=", high), one("<=", low)), BOOL, False)
    return X(first, BOOL, False)


def flatten(node, cls):
    """Long AND and OR chains lean to the left; no recursion for them."""
    parts, at = [], node
    while isinstance(at, cls):
        parts.append(at.expression)
        at = at.this
    parts.append(at)
    return reversed(parts)


@handles(exp.And, exp.Or)
def logic(c, node):
    cls = type(node)
    word = " AND " if cls is exp.And else " OR "
    inner = exp.Or if cls is exp.And else exp.And
    parts = [(c.truth(n), n) for n in flatten(node, cls)]
    return X(word.join(x.p if isinstance(n, (inner, exp.Not)) or not x.atom and (" AND " in x.sql or " OR " in x.sql)
                       else x.sql for x, n in parts), BOOL, False)


@handles(exp.Not)
def not_(c, node):
    inner = node.this
    if isinstance(inner, exp.Is) and not inner.args.get("negate"):
        return is_(c, inner, "IS NOT")
    x = c.truth(inner)
    return X("NOT %s" % x.p, BOOL, False)


@handles(exp.Is, args="negate")
def is_(c, node, word="IS"):
    what = node.expression
    if node.args.get("negate"):
        word = "IS NOT"
    x = c.raw(node.this)
    if isinstance(node.this, exp.Tuple):
        return c.unknown(node, "%s NULL of a row" % word)
    if x.ty.ratio:
        top, bottom, guard = x.ty.ratio
        if guard == "count":
            x = top
    x = c.settle(x)
    if isinstance(what, exp.Null) and c.says_unknown and x.ty.kind != "bool":
        c.doubt("IS UNKNOWN of %s" % shown(x.ty))
    if isinstance(what, exp.Null):
        return X("%s %s NULL" % (x.p, word), BOOL, False)
    if isinstance(what, exp.Boolean) and x.ty.kind in ("bool", "any"):
        return X("%s %s %s" % (x.p, word, "TRUE" if what.this else "FALSE"), BOOL, False)
    return c.unknown(node)


@handles(exp.Like, exp.ILike, args="negate")
def like(c, node, escape=None):
    word = "LIKE" if isinstance(node, exp.Like) else "ILIKE"
    if isinstance(node.expression, (exp.Any, exp.All, exp.Anonymous)) and node.expression.name.lower() in ("any", "all", ""):
        return c.unknown(node)
    x, pattern = c.e(node.this), c.e(node.expression)
    for y in (x, pattern):
        if y.ty.kind not in ("text", "unknown", "any"):
            c.doubt("%s of %s" % (word, shown(y.ty)))
    text = pattern.ty.lit if pattern.ty.kind == "unknown" else None
    plain_pattern = text is not None and "\\" not in text and escape is None
    tail = "" if plain_pattern else " ESCAPE %s" % quote("\\" if escape is None else escape)
    if escape == "" or (text is not None and escape is None and text.endswith("\\")):
        c.doubt("LIKE without an escape character")
    neg = "NOT " if node.args.get("negate") else ""
    return X("%s %s%s %s%s" % (c.as_type(x, TEXT).p, neg, word, c.as_type(pattern, TEXT).p, tail), BOOL, False)


@handles(exp.Escape)
def escape(c, node):
    e = node.expression
    if not isinstance(e, exp.Literal) or not e.is_string or not isinstance(node.this, (exp.Like, exp.ILike)):
        return c.unknown(node)
    return like(c, node.this, e.this)


# The part of both regular expression languages that means the same.
_SAFE_ATOM = (r"(?:[A-Za-z0-9 _,;:!@#%&=<>\"'/~`-]|\\[.\\*+?()\[\]{}|^$/-]|\\d|[^\x00-\x7f]|"
              r"\[\^?\]?(?:[A-Za-z0-9 _,.;:!@#%&=<>\"'/~`*+?(){}|$-]|\\[.\\-])*\]|\.)")
_SAFE = re.compile(r"(?:\^|\$|\||\((?!\?)|\)[*+?]?|%s(?:[*+?](?![*+?])|\{\d{1,2}(?:,\d{0,2})?\}(?![*+?]))?)*$" % _SAFE_ATOM)


def regex(c, node, pattern):
    """The text of a regular expression that both engines read alike, or None."""
    if pattern.ty.kind != "unknown" or pattern.ty.lit is None or pattern.ty.lit.startswith("***") or \
            not _SAFE.match(pattern.ty.lit):
        c.doubt("a regular expression outside the part that both engines read alike")
        return None
    try:
        re.compile(pattern.ty.lit)
    except re.error:
        c.doubt("a regular expression that cannot be read")
    return quote(pattern.ty.lit)


@handles(exp.RegexpLike, exp.RegexpILike)
def regexp_like(c, node):
    x, pattern = c.e(node.this), c.raw(node.expression)
    p = regex(c, node, pattern)
    if x.ty.kind not in ("text", "unknown", "any"):
        c.doubt("~ with %s" % shown(x.ty))
    flags = "'si'" if isinstance(node, exp.RegexpILike) else "'s'"
    return X("REGEXP_MATCHES(%s, %s, %s)" % (c.as_type(x, TEXT).sql, p or pattern.sql, flags), BOOL)


# ---- conditionals ----------------------------------------------------------------------------------------------------

@handles(exp.Case, args="ifs default")
def case(c, node):
    base, default = node.args.get("this"), node.args.get("default")
    ifs = node.args["ifs"]
    values = [c.raw(i.args["true"]) for i in ifs] + [c.raw(default) if default is not None else X("NULL", UNKNOWN)]
    values, ty = c.common([v if not v.ty.pending else c.settle(v) for v in values], "CASE")
    parts = []
    for i, v in zip(ifs, values):
        cond = compare(c, exp.EQ(this=base, expression=i.this)) if base is not None else c.truth(i.this)
        parts.append("WHEN %s THEN %s" % (cond.sql, v.sql))
    if base is not None:
        c.twice(c.raw(base))
    if default is not None:
        parts.append("ELSE %s" % values[-1].sql)
    return X("CASE %s END" % " ".join(parts), ty)


@handles(exp.Coalesce)
def coalesce(c, node):
    return choose(c, "COALESCE", node)


@handles(exp.Greatest, exp.Least, args="ignore_nulls")
def greatest(c, node):
    return choose(c, "GREATEST" if isinstance(node, exp.Greatest) else "LEAST", node)


def choose(c, name, node):
    xs = [c.raw(n) for n in [node.this] + list(node.expressions)]
    xs, ty = c.common([c.settle(x) if x.ty.pending or x.ty.ratio else x for x in xs], name)
    return X("%s(%s)" % (name, ", ".join(x.sql for x in xs)), ty)


@handles(exp.Nullif)
def nullif(c, node):
    left, right = c.pair(node)
    left, right = c.settle(left), c.settle(right)
    if left.ty.kind == "unknown":
        left = c.as_type(left, TEXT)
        right = c.as_type(right, TEXT)
    test = c.compare("=", left, right)
    if test.sql == "%s = %s" % (left.p, right.p):
        if left.ty.kind == right.ty.kind and left.ty.scale == right.ty.scale or right.ty.kind in INTS and left.ty.kind in INTS:
            return X("NULLIF(%s, %s)" % (left.sql, right.sql), plain(left.ty))
    c.twice(left)
    return X("CASE WHEN %s THEN NULL ELSE %s END" % (test.sql, left.sql), plain(left.ty))


@handles(exp.Array, args="value_constructor")
def array(c, node):
    if not node.expressions or any(isinstance(n, (exp.Query, exp.Array)) for n in node.expressions):
        return c.unknown(node)
    xs, ty = c.common([c.e(n) for n in node.expressions], "ARRAY")
    return X("[%s]" % ", ".join(x.sql for x in xs), Ty("array", elem=ty) if ty.kind != "any" else ANY)


@handles(exp.Bracket)
def bracket(c, node):
    x = c.e(node.this)
    at = node.expressions
    if x.ty.kind != "array" or len(at) != 1 or not isinstance(at[0], exp.Literal) or at[0].is_string:
        return c.unknown(node)
    n = int(at[0].this) + 1  # sqlglot counts from 0
    if n < 1:
        return c.unknown(node, "an array index below 1")
    return X("%s[%d]" % (x.p, n), x.ty.elem)


# ---- casts -----------------------------------------------------------------------------------------------------------

D = exp.DataType.Type
SIMPLE = {D.SMALLINT: INT2, D.INT: INT4, D.BIGINT: INT8, D.FLOAT: FLOAT4, D.DOUBLE: FLOAT8, D.TEXT: TEXT, D.BOOLEAN: BOOL,
          D.DATE: DATE, D.TIME: TIME, D.TIMESTAMP: TIMESTAMP, D.TIMESTAMPTZ: TIMESTAMPTZ, D.INTERVAL: INTERVAL, D.UUID: UUID,
          D.VARBINARY: BYTEA, D.VARCHAR: TEXT, D.DECIMAL: Ty("numeric")}


def target(c, to):
    """(type, numbers in parentheses) of a cast, or (None, ()) when duckdb has nothing like it."""
    if not isinstance(to, exp.DataType):
        return None, ()
    args = [int(p.name) for p in to.expressions if isinstance(p, exp.DataTypeParam) and p.name.isdigit()]
    if to.this == D.ARRAY and len(to.expressions) == 1:
        elem, inner = target(c, to.expressions[0])
        if elem and not inner and elem.kind not in ("numeric", "array"):
            return Ty("array", elem=elem), ()
        return None, ()
    ty = SIMPLE.get(to.this)
    if ty is None or (args and to.this not in (D.DECIMAL, D.VARCHAR)):
        return None, ()
    return ty, args


@handles(exp.Cast, args="to _type")
def cast(c, node):
    ty, args = target(c, node.args["to"])
    inner = node.this
    if ty is None:
        return c.unknown(node, "the type %s" % node.args["to"].sql("postgres"))
    if isinstance(inner, exp.Parameter) and ty.kind != "numeric":
        return X("CAST($%s AS %s)" % (inner.name, duck_type(ty)), ty)
    if ty.kind in ("float4", "float8") and is_number(inner):
        return c.literal(("-" if isinstance(inner, exp.Neg) else "") + (inner.this.this if isinstance(inner, exp.Neg) else inner.this), ty)
    x = c.raw(inner)
    if ty.kind == "array" and x.ty.kind == "unknown" and x.ty.lit is not None:
        return array_literal(c, node, x.ty.lit, ty)
    return cast_to(c, node, x, ty, args)


def is_number(node):
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string


def array_literal(c, node, text, ty):
    body = text.strip()
    if not re.match(r"\{[^{}\"\\]*\}$", body):
        return c.unknown(node, "this array literal")
    parts = [p.strip() for p in body[1:-1].split(",")] if body[1:-1].strip() else []
    items = [c.as_type(X("NULL", UNKNOWN), ty.elem) if p.lower() == "null" else c.literal(p, ty.elem) for p in parts]
    return X("CAST([%s] AS %s)" % (", ".join(i.sql for i in items), duck_type(ty)), ty)


def cast_to(c, node, x, ty, args=()):
    kind, to = x.ty.kind, ty.kind
    if to == "numeric" and kind != "any":
        return to_numeric(c, node, x, args)
    if to == "numeric":
        return from_any(c, node, x, numeric(args[1] if len(args) > 1 else 0, args[0])) if args else c.unknown(
            node, "a cast of a column of unknown type to numeric without a precision")
    if to == "text" and (kind != "any" or args):
        x = c.text(c.settle(x))
        if args:
            return X("LEFT(%s, %d)" % (x.sql, args[0]), TEXT)
        return X(x.sql if kind != "text" else "CAST(%s AS VARCHAR)" % x.sql if isinstance(node.this, exp.Null) else x.sql, TEXT,
                 x.atom)
    if kind == "unknown":
        return c.as_type(x, ty)
    if kind == to and kind != "array":
        return X(x.sql, x.ty, x.atom)
    if kind == "text":
        return from_text(c, node, x, ty)
    if kind == "any":
        return from_any(c, node, x, ty)
    if x.ty.ratio:
        return c.unknown(node, "a cast of a numeric quotient")
    x = c.settle(x)
    if to == "float8" and kind in NUMBERS:
        return c.double(x)
    if (kind, to) == ("timestamptz", "time"):
        return X("CAST(CAST(%s AS TIMESTAMP) AS TIME)" % x.sql, ty)
    if (kind, to) in SAME_CAST:
        return X("CAST(%s AS %s)" % (x.sql, DUCK[to]), ty)
    return c.unknown(node, "a cast of %s to %s" % (shown(x.ty), shown(ty)))


SAME_CAST = {(a, b) for a in ("int2", "int4", "int8", "numeric", "float4", "float8") for b in ("int2", "int4", "int8")}
SAME_CAST |= {("int2", "float4"), ("int4", "float4"), ("int8", "float4"), ("bool", "int4"), ("int4", "bool"),
              ("date", "timestamp"), ("date", "timestamptz"), ("timestamp", "date"), ("timestamp", "time"),
              ("timestamp", "timestamptz"), ("timestamptz", "timestamp"), ("timestamptz", "date")}


def to_numeric(c, node, x, args):
    kind = x.ty.kind
    if kind == "unknown" and x.ty.lit is not None:
        x = c.literal(x.ty.lit, Ty("numeric"))
        kind = x.ty.kind
    if kind == "unknown":
        return X("CAST(NULL AS DECIMAL(%d, %d))" % ((args[0], args[1] if len(args) > 1 else 0) if args else (38, 0)),
                 numeric(args[1] if len(args) > 1 else 0, args[0] if args else 38))
    if not args:
        if kind == "numeric":
            return x
        if kind in INTS:
            return X("CAST(%s AS DECIMAL(%d, 0))" % (x.sql, WIDTH[kind]), Ty("numeric", 0, WIDTH[kind], lit=as_pair(x.ty.lit)))
        return c.unknown(node, "a cast of %s to numeric without a precision" % shown(x.ty))
    p, s = args[0], args[1] if len(args) > 1 else 0
    if not 1 <= p <= 38 or s > p:
        return c.unknown(node, "numeric(%d, %d)" % (p, s))
    ty = numeric(s, p)
    if x.ty.ratio:
        r = c.round_ratio(x, s)
        return X("CAST(%s AS DECIMAL(%d, %d))" % (r.sql, p, s), ty)
    if kind in INTS or (kind == "numeric" and x.ty.scale is not None) or kind == "unknown":
        return X("CAST(%s AS DECIMAL(%d, %d))" % (x.sql, p, s), ty)
    if kind == "float8":
        # PostgreSQL takes the 15 digits of its text first
        x = c.settle(x)
        return X("CAST(FORMAT('{:.15g}', %s) AS DECIMAL(%d, %d))" % (x.sql, p, s), ty)
    if kind == "text":
        return guarded_text(c, x, TEXT_FORMS["numeric"], "numeric", "DECIMAL(%d, %d)" % (p, s), ty)
    return c.unknown(node, "a cast of %s to numeric" % shown(x.ty))


def as_pair(lit):
    return (lit, 0) if isinstance(lit, int) else lit


TEXT_FORMS = {"int2": r" *[+-]?\d+ *", "int4": r" *[+-]?\d+ *", "int8": r" *[+-]?\d+ *",
              "float8": r" *[+-]?(\d{1,17}(\.\d{0,17})?|\.\d{1,17})([eE][+-]?\d{1,2})? *",
              "numeric": r" *[+-]?(\d+(\.\d*)?|\.\d+) *",
              "date": r"\d{4}-\d{2}-\d{2}",
              "timestamp": r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?",
              "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"}


def from_text(c, node, x, ty):
    """duckdb reads more forms of text than PostgreSQL: what both read alike is converted, other text is an error."""
    if ty.kind == "bool":
        c.twice(x)
        words = [", ".join(quote(w) for w in ws) for ws in (("t", "true", "y", "yes", "on", "1"), ("f", "false", "n", "no", "off", "0"))]
        low = "LOWER(TRIM(%s))" % x.sql
        return X("CASE WHEN %s IN (%s) THEN TRUE WHEN %s IN (%s) THEN FALSE WHEN %s IS NOT NULL THEN ERROR('invalid input syntax "
                 "for type boolean') END" % (low, words[0], low, words[1], x.p), BOOL)
    form = TEXT_FORMS.get(ty.kind)
    if form is None:
        return c.unknown(node, "a cast of text to %s" % shown(ty))
    return guarded_text(c, x, form, shown(ty), DUCK[ty.kind], ty)


BC = "REGEXP_REPLACE(CAST({x} AS VARCHAR), '^(.*) \\(BC\\)(.*)$', '\\1\\2 BC')"


def from_any(c, node, x, ty):
    """A cast tells the type of a column that nobody else has told: duckdb knows it, and what it reads otherwise than
    PostgreSQL is an error when the statement runs. duckdb folds TYPEOF() when it plans."""
    c.twice(x)
    kind, duck = ty.kind, duck_type(ty)
    if kind == "text":
        return X(("CASE WHEN TYPEOF({x}) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') THEN " + BC + " WHEN TYPEOF({x}) IN "
                  "('VARCHAR', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'BOOLEAN', 'TIME', 'UUID') OR TYPEOF({x}) LIKE 'DECIMAL%' "
                  "THEN CAST({x} AS VARCHAR) ELSE ERROR('the text form of this type differs: cast it to its own type first') END")
                 .replace("{x}", x.sql), TEXT)
    if kind == "bool":
        return X("CASE WHEN TYPEOF({x}) NOT IN ('BOOLEAN', 'INTEGER') THEN ERROR('cannot cast to boolean') ELSE CAST({x} AS BOOLEAN) END"
                 .replace("{x}", x.sql), ty)
    form = TEXT_FORMS.get(kind) or (kind == "numeric" and TEXT_FORMS["numeric"])
    if not form or not duck:
        return c.unknown(node, "a cast of a column of unknown type to %s" % shown(ty))
    special = ""
    if kind == "numeric":
        special = "WHEN TYPEOF({x}) IN ('FLOAT', 'DOUBLE') THEN ERROR('cast it to double precision first') "
    elif kind == "float8":
        special = "WHEN TYPEOF({x}) LIKE 'DECIMAL%' THEN CAST(CAST({x} AS VARCHAR) AS DOUBLE) "
    return X(("CASE WHEN TYPEOF({x}) = 'VARCHAR' AND NOT REGEXP_FULL_MATCH(CAST({x} AS VARCHAR), %s) THEN ERROR('invalid input syntax "
              "for type %s') %sELSE CAST({x} AS %s) END" % (quote(form), shown(ty), special, duck)).replace("{x}", x.sql),
             Ty(kind, ty.scale, ty.width))


def guarded_text(c, x, form, name, duck, ty):
    c.twice(x)
    return X("CASE WHEN NOT REGEXP_FULL_MATCH(%s, %s) THEN ERROR('invalid input syntax for type %s') ELSE CAST(%s AS %s) END"
             % (x.sql, quote(form), name, x.sql, duck), Ty(ty.kind, ty.scale, ty.width))
