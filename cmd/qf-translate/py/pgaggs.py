"""PostgreSQL's aggregates and window functions in DuckDB's words. See pgexpr.py."""
from sqlglot import exp

from qf_pgexpr import handles
from qf_pgfuncs import arg
from qf_pgtypes import ANY, BOOL, FLOAT8, INT4, INT8, INTERVAL, INTS, NUMBERS, TEXT, Ty, shown
from qf_pgvalue import X, type_error

AGGREGATES = {}


def agg(*names):
    def add(fn):
        for n in names:
            AGGREGATES[n] = fn
        return fn
    return add


class Call:
    """The parts of an aggregate call: DISTINCT, arguments, ORDER BY, and what follows the parentheses."""

    def __init__(self, c, node, tail):
        self.name = c.names.of(node)
        self.distinct, self.order, self.tail = "", "", tail
        args = list(node.expressions)
        if len(args) >= 1 and isinstance(args[-1], exp.Order):
            order = args.pop()
            inner = order.this
            if inner is not None:
                args.append(inner)
            self.order_nodes = order.expressions
        else:
            self.order_nodes = []
        if len(args) == 1 and isinstance(args[0], exp.Distinct):
            self.distinct = "DISTINCT "
            args = list(args[0].expressions)
        self.args = args
        self.star = len(args) == 1 and isinstance(args[0], exp.Star)
        if self.order_nodes:
            self.order = " ORDER BY " + ", ".join(c.ordered(o) for o in self.order_nodes)

    def sql(self, name, *args):
        return "%s(%s%s%s)%s" % (name, self.distinct, ", ".join(args), self.order, self.tail)


def aggregate(c, node, tail="", over=False):
    name = c.names.of(node)
    handler = AGGREGATES.get(name) or (WINDOWS.get(name) if over else None)
    if handler is None:
        return None
    k = Call(c, node, tail)
    if any(isinstance(a, (exp.Kwarg, exp.PropertyEQ, exp.Variadic)) for a in k.args):
        return None
    return handler(c, k)


def one(c, k):
    return c.e(k.args[0]) if len(k.args) == 1 and not k.star else X("", ANY)


@agg("count")
def count(c, k):
    if k.star:
        return X("COUNT(*)%s" % k.tail, INT8)
    if len(k.args) != 1:
        return None
    x = c.raw(k.args[0])
    if x.ty.ratio or x.ty.kind == "numeric" and x.ty.scale is None and not k.distinct:
        return X(k.sql("COUNT", x.sql), INT8)
    return X(k.sql("COUNT", c.settle(x).sql), INT8)


@agg("sum")
def total(c, k):
    x = one(c, k)
    kind = x.ty.kind
    if kind == "any" and c.guard and x.sql:
        return X(k.sql("SUM", c.sure(x, "SMALLINT|INTEGER|BIGINT|DECIMAL").sql), ANY)
    if kind in ("int2", "int4"):
        return X("CAST(%s AS BIGINT)" % k.sql("SUM", x.sql), INT8)
    if kind == "int8":
        return X(k.sql("SUM", x.sql), Ty("numeric", 0, 38, whole=True))
    if kind == "numeric":
        if x.ty.whole:
            x = X("CAST(%s AS HUGEINT)" % x.sql, x.ty)
        return X(k.sql("SUM", x.sql), Ty("numeric", x.ty.scale, 38, whole=x.ty.whole))
    if kind == "float8" and " OVER " not in k.tail:  # a window adds in another order
        return X(k.sql("SUM", x.sql), Ty("float8", pending=True))
    return refuse(c, k, x)


def refuse(c, k, x):
    c.doubt("%s() of %s" % (k.name, shown(x.ty)))
    return X(k.sql(k.name.upper(), x.sql), ANY)


@agg("avg")
def average(c, k):
    x = one(c, k)
    if x.ty.kind == "any" and c.guard and x.sql:
        c.twice(x)
        x = X("CASE WHEN REGEXP_FULL_MATCH(TYPEOF({x}), 'SMALLINT|INTEGER|BIGINT|DECIMAL.*,[0-6].') THEN CAST({x} AS DECIMAL(28, 6)) "
              "ELSE {e} END".format(x=x.sql, e=type_error(x)), Ty("numeric", 6, 28))
    kind = x.ty.kind
    if kind in INTS or (kind == "numeric" and x.ty.scale is not None):
        top = X(k.sql("SUM", "CAST(%s AS HUGEINT)" % x.sql if x.ty.whole else x.sql),
                Ty("numeric", x.ty.scale or 0, 38, whole=kind in INTS or x.ty.whole))
        bottom = X(k.sql("COUNT", x.sql), INT8)
        return X(k.sql("AVG", x.sql), Ty("numeric", ratio=(top, bottom, "count")))
    if kind in ("float8", "float4") and " OVER " not in k.tail:
        return X(k.sql("AVG", c.double(x).sql), Ty("float8", pending=True))
    return refuse(c, k, x)


@agg("min", "max")
def extreme(c, k):
    x = one(c, k)
    if len(k.args) != 1 or x.ty.kind in ("bool", "array", "uuid", "bytea"):
        return None
    if x.ty.kind == "unknown":
        x = c.as_type(x, TEXT)
    if x.ty.kind == "any" and c.guard:
        x = c.never(x, "BOOLEAN|INTERVAL|UUID|BLOB")
    if x.ty.kind == "interval":
        return X(k.sql("ARG_" + k.name.upper(), x.sql, "EPOCH_US(%s)" % x.sql), INTERVAL)
    return X(k.sql(k.name.upper(), x.sql), Ty(x.ty.kind, x.ty.scale, x.ty.width, whole=x.ty.whole))


@agg("bool_and", "bool_or", "every")
def truth(c, k):
    x = one(c, k)
    if len(k.args) != 1 or x.ty.kind not in ("bool", "any"):
        return None
    return X(k.sql("BOOL_OR" if k.name == "bool_or" else "BOOL_AND", x.sql), BOOL)


@agg("bit_and", "bit_or")
def bits(c, k):
    x = one(c, k)
    return X(k.sql(k.name.upper(), x.sql), x.ty) if x.ty.kind in INTS else None


@agg("string_agg")
def string_agg(c, k):
    if len(k.args) != 2:
        return None
    x, sep = arg(c, k.args[0], "t"), c.raw(k.args[1])
    if x is None or sep.ty.kind != "unknown" or sep.ty.lit is None:
        return None
    if k.distinct and not k.order:
        c.doubt("string_agg(DISTINCT …) without ORDER BY: PostgreSQL sorts, duckdb does not")
    return X(k.sql("STRING_AGG", x.sql, sep.sql), TEXT)


@agg("array_agg")
def array_agg(c, k):
    x = one(c, k)
    if len(k.args) != 1 or x.ty.kind in ("array", "unknown"):
        return None
    if k.distinct and not k.order:
        c.doubt("array_agg(DISTINCT …) without ORDER BY: PostgreSQL sorts, duckdb does not")
    return X(k.sql("ARRAY_AGG", x.sql), Ty("array", elem=x.ty) if x.ty.kind != "any" else ANY)


# ---- window functions ------------------------------------------------------------------------------------------------

WINDOWS = {}


def window(*names):
    def add(fn):
        for n in names:
            WINDOWS[n] = fn
        return fn
    return add


@window("row_number", "rank", "dense_rank")
def numbered(c, k):
    return X("%s()%s" % (k.name.upper(), k.tail), INT8) if not k.args else None


@window("percent_rank", "cume_dist")
def share(c, k):
    return X("%s()%s" % (k.name.upper(), k.tail), FLOAT8) if not k.args else None


@window("ntile")
def ntile(c, k):
    x = one(c, k)
    if x.ty.kind != "int4":
        return None
    return X("CAST(%s AS INTEGER)" % k.sql("NTILE", x.sql), INT4)


@window("lag", "lead")
def neighbour(c, k):
    if not 1 <= len(k.args) <= 3:
        return None
    x = c.e(k.args[0])
    rest = []
    if len(k.args) > 1:
        n = c.e(k.args[1])
        if n.ty.kind != "int4":
            return None
        rest.append(n.sql)
    if len(k.args) == 3:
        (x, d), ty = c.common([x, c.e(k.args[2])], "%s()" % k.name)
        return X(k.sql(k.name.upper(), x.sql, rest[0], d.sql), ty)
    if x.ty.kind == "unknown":
        return None
    return X(k.sql(k.name.upper(), x.sql, *rest), x.ty)


@window("first_value", "last_value", "nth_value")
def value(c, k):
    x = c.e(k.args[0]) if k.args else X("", ANY)
    n = [c.e(a) for a in k.args[1:]]
    if len(n) != (k.name == "nth_value") or any(y.ty.kind != "int4" for y in n) or x.ty.kind == "unknown" or not k.args:
        return None
    return X(k.sql(k.name.upper(), x.sql, *[y.sql for y in n]), x.ty)


@handles(exp.Filter)
def filtered(c, node):
    if not isinstance(node.this, exp.Anonymous):
        return c.unknown(node)
    return c.aggregate(node.this, filter_tail(c, node))


def filter_tail(c, node):
    return " FILTER (WHERE %s)" % c.truth(node.args["expression"].this).sql


@handles(exp.Window, args="partition_by order spec alias over")
def windowed(c, node):
    inner, tail = node.this, ""
    if isinstance(inner, exp.Filter):
        tail, inner = filter_tail(c, inner), inner.this
    if not isinstance(inner, exp.Anonymous) or node.args.get("first") is not None or node.args.get("over") != "OVER":
        return c.unknown(node)
    return c.aggregate(inner, tail + " OVER " + c.window_name(node), over=True)


@handles(exp.WithinGroup)
def within_group(c, node):
    call, order = node.this, node.expression
    if not isinstance(call, exp.Anonymous) or c.names.of(call) not in ("percentile_cont", "percentile_disc"):
        return c.unknown(node)
    by = order.expressions
    share_of = c.raw(call.expressions[0]) if len(call.expressions) == 1 else X("", ANY)
    if len(by) != 1 or by[0].args.get("desc") or share_of.ty.kind != "numeric" or share_of.ty.lit is None:
        return c.unknown(node)
    x = c.e(by[0].this)
    if c.names.of(call) == "percentile_disc":
        if x.ty.kind not in NUMBERS and x.ty.kind not in ("text", "date", "timestamp"):
            return c.unknown(node)
        return X("QUANTILE_DISC(%s, %s)" % (x.sql, share_of.sql), x.ty)
    if x.ty.kind == "any" and c.guard:
        x = c.cast_any(x, FLOAT8)
    if x.ty.kind not in NUMBERS:
        return c.unknown(node)
    # duckdb's own interpolation differs in the last digit
    return X("LIST_TRANSFORM([LIST_SORT(LIST({x}) FILTER (WHERE {x} IS NOT NULL))], LAMBDA l : CASE WHEN LEN(l) > 0 THEN "
             "l[CAST(FLOOR({p} * (LEN(l) - 1)) AS BIGINT) + 1] + ({p} * (LEN(l) - 1) - FLOOR({p} * (LEN(l) - 1))) * "
             "(l[CAST(CEIL({p} * (LEN(l) - 1)) AS BIGINT) + 1] - l[CAST(FLOOR({p} * (LEN(l) - 1)) AS BIGINT) + 1]) END)[1]"
             .format(x=c.double(x).sql, p="CAST(%s AS DOUBLE)" % share_of.sql), FLOAT8)
