"""Casts of PostgreSQL in DuckDB's words. See pgexpr.py."""
import re

from sqlglot import exp

from qf_pgexpr import handles
from qf_pgparams import JSON, closed, stored
from qf_pgtypes import (BOOL, BYTEA, DATE, DUCK, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, INTS, NUMBERS, TEXT, TIME,
                        TIMESTAMP, TIMESTAMPTZ, UNKNOWN, UUID, WIDTH, Ty, duck_type, numeric, shown)
from qf_pgvalue import X
from qf_tokens import quote

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
    if isinstance(inner, exp.Parameter) and node.args["to"].this == D.JSON:
        x = c.as_type(c.raw(inner), JSON)
        if x.ty.kind == "json":
            return X("CAST(%s AS JSON)" % x.sql, x.ty)
    if ty is None:
        return c.unknown(node, "the type %s" % node.args["to"].sql("postgres"))
    if ty.kind in ("float4", "float8") and is_number(inner):
        return c.literal(("-" if isinstance(inner, exp.Neg) else "") + (inner.this.this if isinstance(inner, exp.Neg) else inner.this), ty)
    x = c.as_type(c.raw(inner), ty) if isinstance(inner, exp.Parameter) else c.raw(inner)
    if args or ty.kind != "numeric":
        x = stored(x) if args and ty.kind == "numeric" else closed(x) if ty.kind != "text" else x
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
    if kind == to and (kind != "array" or x.ty.elem.kind == ty.elem.kind != "numeric"):
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
        c.twice(x)
        return X("CASE WHEN ABS(%s) < 1e%d THEN CAST(FORMAT('{:.15g}', %s) AS DECIMAL(%d, %d)) WHEN %s IS NOT NULL THEN "
                 "ERROR('numeric field overflow') END" % (x.sql, p - s, x.sql, p, s, x.p), ty)
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
