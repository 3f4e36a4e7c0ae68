"""CREATE of PostgreSQL in DuckDB's words. See pgstatement.py."""
from sqlglot import exp

from qf_pgnames import ident, ident_text
from qf_pgcasts import target
from qf_pgtypes import duck_type, numeric


def create(w, node):
    w.only(node, "this", "kind", "exists", "expression", "properties", "replace", "unique")
    kind = node.args["kind"].upper()
    if kind == "VIEW" and node.args.get("expression") is not None:
        return create_view(w, node)
    if kind == "SCHEMA" and isinstance(node.this, exp.Table) and node.args.get("expression") is None:
        name = node.this.args.get("db") or node.this.this
        return "CREATE SCHEMA %s%s" % (if_not(node), ident(name))
    if kind == "INDEX":
        return create_index(w, node)
    if kind != "TABLE":
        return w.unknown(node).sql
    temporary = temporary_only(w, node)
    if node.args.get("expression") is not None:
        return create_as(w, node, temporary)
    if not isinstance(node.this, exp.Schema):
        return w.unknown(node).sql
    items = [column(w, i) if isinstance(i, exp.ColumnDef) else constraint(w, i) for i in node.this.expressions]
    return "CREATE %sTABLE %s%s (%s)" % (temporary, if_not(node), table_name(w, node.this.this), ", ".join(items))


def create_index(w, node):
    """On plain columns: an index changes no answer but for UNIQUE, which means the same in both."""
    index = node.this
    params = index.args.get("params")
    columns = params.args.get("columns") or [] if params is not None else []
    if index.this is None or not columns or params.args.get("using") or params.args.get("where"):
        return w.unknown(node).sql
    names = []
    for c in columns:
        col = c.this if isinstance(c, exp.Ordered) else c
        if not isinstance(col, exp.Column) or isinstance(c, exp.Ordered) and c.args.get("desc"):
            return w.unknown(node).sql
        names.append(ident(col.this))
    return "CREATE %sINDEX %s%s ON %s (%s)" % ("UNIQUE " if node.args.get("unique") else "", if_not(node), ident(index.this),
                                               table_name(w, index.args["table"]), ", ".join(names))


def drop(w, node):
    """One object: duckdb takes one at a time. CASCADE would mean objects that duckdb does not connect."""
    w.only(node, "tables", "kind", "exists", "restrict")
    kind, tables = (node.args.get("kind") or "").upper(), node.args.get("tables") or []
    if kind not in ("TABLE", "VIEW", "SCHEMA", "INDEX") or len(tables) != 1 or not isinstance(tables[0], exp.Table):
        return w.unknown(node).sql
    db, this = tables[0].args.get("db"), tables[0].this
    parts = [db if kind == "SCHEMA" else w.schema_ident(db), this]
    return "DROP %s %s%s" % (kind, "IF EXISTS " if node.args.get("exists") else "",
                             ".".join(ident(p) for p in parts if isinstance(p, exp.Identifier)))


def alter(w, node):
    w.only(node, "this", "kind", "actions", "exists")
    actions = node.args.get("actions") or []
    if (node.args.get("kind") or "").upper() != "TABLE" or len(actions) != 1:
        return w.unknown(node).sql
    action = actions[0]
    head = "ALTER TABLE %s%s " % ("IF EXISTS " if node.args.get("exists") else "", table_name(w, node.this))
    if isinstance(action, exp.ColumnDef):
        return head + "ADD COLUMN %s%s" % ("IF NOT EXISTS " if action.args.get("exists") else "", column(w, action))
    if isinstance(action, exp.AlterRename) and isinstance(action.this, exp.Table) and not action.this.args.get("db"):
        return head + "RENAME TO %s" % ident(action.this.this)
    if isinstance(action, exp.RenameColumn) and not action.args.get("exists"):
        return head + "RENAME COLUMN %s TO %s" % (ident(action.this.this), ident(action.args["to"].this))
    if isinstance(action, exp.Drop) and (action.args.get("kind") or "").upper() == "COLUMN":
        return drop_column(w, node, action, head)
    return w.unknown(node).sql


def drop_column(w, node, action, head):
    w.only(action, "tables", "kind", "exists", "restrict")
    columns = action.args.get("tables") or []
    if len(columns) != 1 or not isinstance(columns[0], exp.Column):
        return w.unknown(node).sql
    return head + "DROP COLUMN %s%s" % ("IF EXISTS " if action.args.get("exists") else "", ident(columns[0].this))


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
