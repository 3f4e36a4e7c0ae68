"""CREATE of PostgreSQL in DuckDB's words. See pgstatement.py."""
from sqlglot import exp

from qf_pgnames import ident, ident_text
from qf_pgnodes import target
from qf_pgtypes import duck_type, numeric


def create(w, node):
    w.only(node, "this", "kind", "exists", "expression", "properties", "replace")
    kind = node.args["kind"].upper()
    if kind == "VIEW" and node.args.get("expression") is not None:
        return create_view(w, node)
    if kind == "SCHEMA" and isinstance(node.this, exp.Table) and node.args.get("expression") is None:
        name = node.this.args.get("db") or node.this.this
        return "CREATE SCHEMA %s%s" % (if_not(node), ident(name))
    if kind != "TABLE":
        return w.unknown(node).sql
    temporary = temporary_only(w, node)
    if node.args.get("expression") is not None:
        return create_as(w, node, temporary)
    if not isinstance(node.this, exp.Schema):
        return w.unknown(node).sql
    items = [column(w, i) if isinstance(i, exp.ColumnDef) else constraint(w, i) for i in node.this.expressions]
    return "CREATE %sTABLE %s%s (%s)" % (temporary, if_not(node), table_name(w, node.this.this), ", ".join(items))


def if_not(node):
    return "IF NOT EXISTS " if node.args.get("exists") else ""


def temporary_only(w, node):
    props = node.args.get("properties")
    for p in props.expressions if props is not None else ():
        if not isinstance(p, exp.TemporaryProperty):
            w.doubt("%s in CREATE TABLE" % p.sql("postgres"))
    return "TEMPORARY " if props is not None and any(isinstance(p, exp.TemporaryProperty) for p in props.expressions) else ""


def table_name(w, table):
    name, db = ident_text(table.this), w.schema_ident(table.args.get("db"))
    if name != name.lower():
        w.mixed_case(name)
    return ".".join(ident(i) for i in (table.args.get("catalog"), db, table.this) if i is not None)


def create_view(w, node):
    q = w.query(node.expression, top=False)
    names = ""
    this = node.this
    if isinstance(this, exp.Schema):
        names, this = " (%s)" % ", ".join(ident(i) for i in this.expressions), this.this
    if q.columns is None:
        w.doubt("a view over columns that are not known: later columns of its tables would show in it")
    return "CREATE %sVIEW %s%s AS %s" % ("OR REPLACE " if node.args.get("replace") else "", table_name(w, this), names, q.sql)


def create_as(w, node, temporary):
    if isinstance(node.this, exp.Schema):
        return w.unknown(node).sql
    q = w.query(node.expression, top=False)
    return "CREATE %sTABLE %s%s AS %s" % (temporary, if_not(node), table_name(w, node.this), q.sql)


def column(w, node):
    name, to = ident(node.this), node.args.get("kind")
    text_name = ident_text(node.this)
    if text_name != text_name.lower():
        w.mixed_case(text_name)
    ty, args = target(w, to) if to is not None else (None, ())
    checks = ""
    if ty is not None and ty.kind == "numeric":
        if not args:
            w.doubt("a numeric column without precision: duckdb keeps three digits after the point")
            ty = numeric(3, 18)
        else:
            ty = numeric(args[1] if len(args) > 1 else 0, args[0])
            if args[0] > 38:
                w.doubt("a numeric of more than 38 digits")
    elif ty is not None and ty.kind == "text" and args:
        # duckdb does not keep the length of a varchar
        checks = " CHECK (LENGTH(%s) <= %d)" % (name, args[0])
    duck = duck_type(ty) if ty is not None else None
    if duck is None:
        w.doubt("the column type %s" % (to.sql("postgres") if to is not None else "?"))
        duck = w.fallback(to) if to is not None else "VARCHAR"
    return "%s %s%s%s" % (name, duck, "".join(column_constraint(w, k, ty) for k in node.args.get("constraints") or ()), checks)


def column_constraint(w, node, ty):
    kind = node.args.get("kind")
    if isinstance(kind, exp.NotNullColumnConstraint):
        return " NULL" if kind.args.get("allow_null") else " NOT NULL"
    if isinstance(kind, exp.PrimaryKeyColumnConstraint):
        return " PRIMARY KEY"
    if isinstance(kind, exp.UniqueColumnConstraint):
        return " UNIQUE"
    if isinstance(kind, exp.DefaultColumnConstraint):
        x = w.e(kind.this)
        return " DEFAULT %s" % (w.as_type(x, ty) if ty is not None else x).p
    w.doubt("%s on a column" % node.sql("postgres").replace(w.names.prefix, ""))
    return ""


def constraint(w, node):
    if isinstance(node, exp.PrimaryKey) and all(isinstance(e, (exp.Identifier, exp.Ordered, exp.Column)) for e in node.expressions):
        return "PRIMARY KEY (%s)" % ", ".join(ident(key_name(e)) for e in node.expressions)
    if isinstance(node, exp.UniqueColumnConstraint) and isinstance(node.this, exp.Schema):
        return "UNIQUE (%s)" % ", ".join(ident(i) for i in node.this.expressions)
    w.doubt("%s in CREATE TABLE" % node.sql("postgres").replace(w.names.prefix, ""))
    return node.sql("duckdb").replace(w.names.prefix, "")


def key_name(e):
    while not isinstance(e, exp.Identifier):
        e = e.this
    return e
