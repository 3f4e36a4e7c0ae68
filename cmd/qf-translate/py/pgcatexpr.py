"""Expressions in statements about the catalog. Handlers change the tree and return the type, or None. See pgcatalog.py."""
import re

from sqlglot import exp

from qf_catalog import held
from qf_pgcatfuncs import CALLS, SAFE, call, element
from qf_pgcatwords import ANYWHERE, OWN_TYPES, REGS, VECTORS
from qf_pgnames import RESERVED
from qf_tokens import quote

VALUES = {"current_user": "current_user", "session_user": "session_user", "user": "user", "current_role": "current_role",
          "current_schema": "current_schema", "current_catalog": "current_catalog"}


WHOLE = ("int2", "int4", "int8", "oid")


def ident_name(node):
    return node.this if node.args.get("quoted") else node.this.lower()


def sql_of(node):
    return node.sql("duckdb", comments=False)


def keep_case(node):
    """PostgreSQL folds a name that is not quoted; duckdb reserves other words."""
    name = ident_name(node)
    node.set("this", name)
    node.set("quoted", bool(node.args.get("quoted")) or name in RESERVED or not re.fullmatch(r"[a-z_][a-z0-9_]*", name))


# ---- handlers --------------------------------------------------------------------------------------------------------

def column(r, node, scope):
    if isinstance(node.this, exp.Star):
        return None
    name, table = ident_name(node.this), node.args.get("table")
    label = ident_name(table) if table is not None else ""
    if label == "pg_catalog" and node.args.get("db") is None and name in VALUES:
        label, table = "", None
    ty, relation, alias = scope.column(label, name)
    if not label and ty is None and name in VALUES and not node.this.args.get("quoted"):
        r.used = True
        r.put(node, r.catalog.call(VALUES[name], []))
        return "name"
    if ty is None and relation is not None and name in ("tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"):
        r.put(node, str(relation.oid) if name == "tableoid" else "'(0,0)'" if name == "ctid" else "0")
        return "oid" if name == "tableoid" else "xid"
    node.set("db", None)
    node.set("catalog", None)
    keep_case(node.this)
    if table is not None:
        keep_case(table)
    elif alias and not isinstance(node.parent, (exp.Ordered, exp.Group)):
        node.set("table", exp.to_identifier(alias, quoted=True))  # in what a function is written out as, its own columns come first
    return ty


def words(name):
    def handler(r, node, _):
        r.used = True
        r.put(node, r.catalog.call(name, []))
        return "name"
    return handler


def type_of(to):
    """The PostgreSQL name of a type that is written down, without its modifiers; None: another one."""
    if isinstance(to, exp.DataType):
        if to.this == exp.DataType.Type.ARRAY and to.expressions:
            inner = type_of(to.expressions[0])
            return inner and "_" + inner
        if to.this == exp.DataType.Type.USERDEFINED:
            kind = to.args.get("kind")
            kind = kind if isinstance(kind, str) else kind.sql()
            return kind[3:] if kind.startswith("qf_") else None
        if any(isinstance(p, exp.DataTypeParam) for p in to.expressions):
            return None
        return BASE.get(to.this.value)
    return BASE.get(to.name) or (to.name.lower() if to.name.lower() in OWN_TYPES else None)


BASE = {"TEXT": "text", "VARCHAR": "varchar", "INT": "int4", "SMALLINT": "int2", "BIGINT": "int8", "BOOLEAN": "bool", "FLOAT": "float4", "DOUBLE": "float8",
        "DECIMAL": "numeric", "OID": "oid", "NAME": "name", "TIMESTAMPTZ": "timestamptz", "REGCLASS": "regclass", "REGTYPE": "regtype",
        "REGPROC": "regproc", "REGNAMESPACE": "regnamespace", "REGROLE": "regrole", "REGPROCEDURE": "regprocedure"}


def cast(r, node, scope):
    have = r.e(node.this, scope)
    to = type_of(node.args["to"])
    inner = node.this
    if to is None:
        if have in REGS + VECTORS:
            r.put(inner, r.text_of(sql_of(inner), have))
        kind = node.args["to"]
        if isinstance(kind, exp.DataType) and kind.this == exp.DataType.Type.USERDEFINED:
            r.doubt("the type %s" % kind.sql("postgres"))
        return None
    literal = inner.this if isinstance(inner, exp.Literal) else None
    r.put(node, r.read_as(sql_of(inner), literal, have, to))
    return to


def literal(r, node, scope):
    return None if node.is_string else "int4" if node.this.isdigit() else "numeric"


def same(r, node, scope, types):
    return types[0] if types else None


def common(r, node, scope, types):
    return next((t for t in types if t is not None), None)


def case(r, node, scope):
    """CASE x WHEN … THEN …: a type is that of its results."""
    types = []
    if node.this is not None:
        r.e(node.this, scope)
    for i in list(node.args.get("ifs") or ()):
        r.e(i.this, scope)
        types.append(r.e(i.args["true"], scope))
    if node.args.get("default") is not None:
        types.append(r.e(node.args["default"], scope))
    return next((t for t in types if t is not None), None)


def boolean(r, node, scope, types):
    return "bool"


def compare(r, node, scope, types):
    """A literal beside a list is one; beside names of objects numbers stay numbers."""
    for mine, other, ty in ((node.this, node.expression, types[-1]), (node.expression, node.this, types[0])):
        bare = mine.this if isinstance(mine, (exp.Any, exp.All)) else mine
        if isinstance(bare, exp.Paren):
            bare = bare.this
        if isinstance(bare, exp.Literal) and bare.is_string and (bare is not mine or ty and ty.startswith("_")):
            to = ty if bare is mine else "_" + (ty or "text")
            r.put(bare, r.read_as(quote(bare.this), bare.this, None, to))
        elif isinstance(bare, exp.Parameter) and bare is not mine:
            r.put(bare, "CAST(%s AS %s)" % (sql_of(bare), held("_" + (ty or "text"))))
    listed = node.expression
    if isinstance(listed, (exp.Any, exp.All)) and not isinstance(listed.this.unnest(), exp.Query):
        # a comparison with each member would be a subquery for duckdb, which a join may not have
        if isinstance(listed, exp.Any) and isinstance(node, exp.EQ):
            r.put(node, "list_contains(%s, %s)" % (sql_of(listed.this), sql_of(node.this)))
        elif isinstance(listed, exp.All) and isinstance(node, exp.NEQ):
            r.put(node, "(NOT list_contains(%s, %s))" % (sql_of(listed.this), sql_of(node.this)))
        else:
            r.doubt("%s over an array" % listed.key.upper())
    return "bool"


def any_of(r, node, scope, types):
    return element(types[0]) if types else None


def concat(r, node, scope, types):
    for side, ty in ((node.this, types[0]), (node.expression, types[-1])):
        if ty in REGS + VECTORS:
            r.put(side, r.text_of(sql_of(side), ty))
    listed = [t for t in types if t and t.startswith("_")]
    if len(listed) == 2:  # of which one may be NULL
        r.put(node, "list_concat(%s, %s)" % (sql_of(node.this), sql_of(node.expression)))
    return listed[0] if listed else "text"


def like(r, node, scope, types):
    if not isinstance(node.parent, exp.Escape):
        text = node.expression
        if not (isinstance(text, exp.Literal) and "\\" not in text.this):
            neg = "NOT " if node.args.get("negate") else ""
            word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
            r.put(node, "(%s %s%s %s ESCAPE '\\')" % (sql_of(node.this), neg, word, in_parens(text)))
    return "bool"


def in_parens(node):
    text = sql_of(node)
    return text if isinstance(node, (exp.Literal, exp.Column, exp.Parameter)) else "(%s)" % text


def bracket(r, node, scope, types):
    ty = types[0]
    if ty in VECTORS and len(node.expressions) == 1 and not isinstance(node.expressions[0], exp.Slice):
        index = node.expressions[0]
        # sqlglot counts from 0 inside, as these do: what it would write for an index of an array is one less than that of a list
        r.put(node, "%s[(%s) + %d]" % (sql_of(node.this), sql_of(index), 2 if isinstance(index, exp.Literal) else 1))
        return "int2" if ty == "int2vector" else "oid"
    return ty[1:] if ty and ty.startswith("_") else None


def divide(r, node, scope, types):
    """Whole numbers give one, and nothing is divided by zero."""
    right = node.expression
    if not any(t in ("numeric", "float8", "float4") for t in types):
        if not all(t in WHOLE for t in types):
            r.doubt("a division of what may be no whole numbers")
        a, b = in_parens(node.this), in_parens(right)
        text = "(%s // %s)" % (a, b)
        if not (isinstance(right, exp.Literal) and right.this.strip("0")):
            text = "(CASE WHEN %s = 0 AND %s IS NOT NULL THEN error('division by zero') ELSE %s // %s END)" % (b, a, a, b)
        r.put(node, text)
    return common(r, node, scope, types)


def substring(r, node, scope, types):
    counted_from_one(r, node.args.get("start"))
    return "text"


def counted_from_one(r, start):
    """duckdb counts from the end where PostgreSQL begins before the text."""
    if not (isinstance(start, exp.Literal) and start.this.isdigit()):
        r.doubt("substring() from elsewhere than a number")


def unsure(r, node, scope, types):
    r.doubt("%s in a statement about the catalog" % r.names.label(node))
    return None


def dot(r, node, scope):
    inner = node.expression
    if isinstance(inner, exp.Anonymous) and node.this.name.lower() in ("pg_catalog", "information_schema"):
        node.replace(inner)
        return anonymous(r, inner, scope)
    if isinstance(inner, exp.Func) and node.this.name.lower() == "pg_catalog":
        node.replace(inner)
        return r.e(inner, scope)
    r.e(node.this, scope)
    if isinstance(inner, exp.Identifier):
        keep_case(inner)
    return None


def anonymous(r, node, scope):
    name = r.names.of(node)
    if name == "array" and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        columns = r.query(node.expressions[0], scope)
        r.put(node, "ARRAY(%s)" % sql_of(node.expressions[0]))
        return "_" + (columns[0][1] or "text") if columns else None
    if name in ("any", "all", "some") and len(node.expressions) == 1:
        inner = node.expressions[0]
        ty = r.e(inner, scope)
        inner = node.expressions[0]
        node.replace((exp.All if name == "all" else exp.Any)(this=inner))
        return ty
    types = [r.e(x, scope) for x in list(node.expressions)]
    args = [sql_of(x) for x in node.expressions]
    if name in CALLS:
        got = call(r, name, node, args, types)
        if got is not None:
            return got
    if name in r.catalog.functions and name not in ("regclass", "regtype"):
        text = r.catalog.call(name, args)
        if text is not None:
            r.used = r.used or name not in ANYWHERE
            r.put(node, text)
            return r.catalog.functions[name].ty
    if name == "substr" and len(node.expressions) > 1:
        counted_from_one(r, node.expressions[1])
    if name == "sum" and types:
        node.set("this", name)
        return {"int2": "int8", "int4": "int8", "int8": "numeric"}.get(types[0], types[0])
    if name not in SAFE:
        r.doubt("%s() cannot be shown to mean the same in duckdb" % name)
    node.set("this", name)
    ty = SAFE.get(name)
    return types[0] if ty == "same" and types else "_" + (types[0] or "text") if ty == "list" and types else ty


def array_of(r, node, scope):
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        columns = r.query(node.expressions[0], scope)
        r.put(node, "ARRAY(%s)" % sql_of(node.expressions[0]))
        return "_" + (columns[0][1] or "text") if columns else None
    types = [r.e(x, scope) for x in list(node.expressions)]
    return "_" + (next((t for t in types if t), None) or "text")


HANDLERS = {exp.Column: column, exp.Cast: cast, exp.TryCast: cast, exp.Literal: literal, exp.Paren: same, exp.Coalesce: common, exp.Nullif: common,
            exp.Case: case, exp.DPipe: concat, exp.Bracket: bracket, exp.Div: divide, exp.Dot: dot, exp.Anonymous: anonymous,
            exp.Array: array_of, exp.Any: any_of, exp.All: any_of, exp.Add: common, exp.Sub: common, exp.Mul: common, exp.Mod: common, exp.Neg: same,
            exp.Window: same, exp.Filter: same, exp.Greatest: common, exp.Least: common, exp.Alias: same, exp.Extract: unsure, exp.SimilarTo: unsure, exp.Substring: substring}
for _c in (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE):
    HANDLERS[_c] = compare
for _c in (exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Exists, exp.RegexpLike, exp.RegexpILike, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Boolean):
    HANDLERS[_c] = boolean
for _c in (exp.Like, exp.ILike):
    HANDLERS[_c] = like
NAMED = {}
for _name, _word in (("CurrentUser", "current_user"), ("SessionUser", "session_user"), ("CurrentSchema", "current_schema"),
                     ("CurrentCatalog", "current_catalog"), ("CurrentRole", "current_role"), ("CurrentDatabase", "current_database")):
    if hasattr(exp, _name):
        HANDLERS[getattr(exp, _name)] = words(_word)
        NAMED[getattr(exp, _name)] = _word
EARLY = {column, cast, literal, case, dot, anonymous, array_of} | {h for c, h in HANDLERS.items() if h.__name__ == "handler"}
