"""Handlers for comparisons, conditions and what chooses between values. See pgexpr.py."""
import re

from sqlglot import exp

from qf_pgexpr import handles
from qf_pgtypes import ANY, BOOL, FREE, INTS, NUMBERS, TEXT, UNKNOWN, Ty, shown
from qf_pgvalue import X, plain
from qf_tokens import quote

COMPARE = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
           exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM"}


@handles(*COMPARE)
def compare(c, node):
    op = COMPARE[type(node)]
    if isinstance(node.this, exp.Tuple) and isinstance(node.expression, exp.Tuple):
        return tuples(c, node, op)
    if isinstance(node.expression, (exp.Any, exp.All)):
        return quantified(c, node, op)
    all_ = node.expression
    if isinstance(all_, exp.Anonymous) and all_.name.lower() == "all" and op == "<>" and len(all_.expressions) == 1 and \
            isinstance(all_.expressions[0], exp.Array):
        return X("NOT (%s)" % in_values(c, node.this, all_.expressions[0].expressions).sql, BOOL, False)
    if isinstance(all_, exp.Anonymous) and c.names.of(all_) == "all" and len(all_.expressions) == 1:
        return over_list(c, node, op, "ALL", all_.expressions[0])
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
    if left.ty.kind in FREE:
        left = c.as_type(left, right.ty)
    elif right.ty.kind in FREE:
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
    return over_list(c, node, op, word, inner)


def over_list(c, node, op, word, inner):
    """x = ANY (array): NULL for an array that is NULL, where duckdb says false."""
    left, items = c.raw(node.this), c.raw(inner)
    if items.ty.kind == "param":
        items = c.as_type(items, Ty("array", elem=left.ty))
    if (word, op) not in (("ANY", "="), ("ALL", "<>")) or items.ty.kind != "array" or left.ty.kind in ("any", "array") + FREE:
        return c.unknown(node, "%s over an array" % word)
    pair = c.compare("=", left, X("x", items.ty.elem))
    if not pair.sql.endswith(" = x"):
        return c.unknown(node, "%s over an array of %s" % (word, shown(items.ty.elem)))
    c.twice(items)
    return X("CASE WHEN %s IS NOT NULL THEN %s %s %s(%s) END" % (items.sql, pair.sql[:-4], op, word, items.sql), BOOL)


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
    known = [x.ty for x in xs + [left] if x.ty.kind not in FREE + ("any",)]
    if left.ty.ratio or any(x.ty.ratio for x in xs):
        left, xs = c.settle(left), [c.settle(x) for x in xs]
    if left.ty.kind in FREE and known:
        left = c.as_type(left, known[0])
    if known and all(t.kind in NUMBERS for t in known):
        xs = [c.as_type(x, max(known, key=lambda t: NUMBERS[t.kind])) if x.ty.kind == "param" else x for x in xs]
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
        mine = c.as_type(left, other.ty) if left.ty.kind in FREE else left
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
        if y.ty.kind not in FREE + ("text", "any"):
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
    if x.ty.kind not in FREE + ("text", "any"):
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
    if isinstance(base, exp.Parameter):
        c.as_type(c.raw(base), TEXT)
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
    if ty.kind == "interval" and name != "COALESCE":
        c.doubt("%s of intervals: of equal ones either may be taken" % name)
    return X("%s(%s)" % (name, ", ".join(x.sql for x in xs)), ty)


@handles(exp.Nullif)
def nullif(c, node):
    left, right = c.pair(node)
    left, right = c.settle(left), c.settle(right)
    if left.ty.kind in FREE:
        left = c.as_type(left, TEXT)
        right = c.as_type(right, TEXT)
    test = c.compare("=", left, right)
    if test.sql == "%s = %s" % (left.p, right.p):
        if left.ty.kind == right.ty.kind and left.ty.scale == right.ty.scale or right.ty.kind in INTS and left.ty.kind in INTS:
            return X("NULLIF(%s, %s)" % (left.sql, right.sql), plain(left.ty))
    c.twice(left)
    if {"float4", "float8"} & {left.ty.kind, right.ty.kind} and left.ty.kind != right.ty.kind:
        left = c.double(left)  # as the operator = takes it
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
