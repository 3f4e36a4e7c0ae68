"""Trino's statements that make and change tables, in DuckDB: a rule answers as those of trinofuncs.py."""
from sqlglot import exp

D = exp.DataType.Type
TXT = {D.TEXT, D.VARCHAR}
# A column of these holds what Trino's would; timestamps and times may keep more digits, moments lose their zone.
COLUMNS = {D.TINYINT, D.SMALLINT, D.INT, D.BIGINT, D.FLOAT, D.DOUBLE, D.BOOLEAN, D.DATE, D.TIMESTAMP, D.TIMESTAMPTZ, D.TIME, D.UUID,
           D.VARBINARY, D.TEXT, D.VARCHAR, D.DECIMAL, D.ARRAY, D.MAP, D.STRUCT}


def sizes(ty):
    return [x.name for x in ty.expressions if isinstance(x, exp.DataTypeParam)]


def column_type(ty):
    """True for a type of a column that DuckDB has."""
    if not isinstance(ty.root(), (exp.Create, exp.Alter)) or ty.find_ancestor(exp.Cast, exp.TryCast, exp.Query) is not None:
        return None
    if ty.this not in COLUMNS or ty.this == D.DECIMAL and len(sizes(ty)) != 2:
        return None
    if ty.this in (D.TIMESTAMP, D.TIMESTAMPTZ, D.TIME) and any(int(n) > 6 for n in sizes(ty)):
        return None
    return not (ty.this in TXT and sizes(ty)) or None


def column(node):
    """varchar(n) is a text with a check: what is longer is an error in both."""
    ty = node.args.get("kind")
    if ty is None or ty.this not in TXT or not sizes(ty) or not isinstance(node.parent, exp.Schema):
        return None
    new = node.copy()
    new.set("kind", exp.DataType.build("text"))
    test = exp.LTE(this=exp.Length(this=exp.Column(this=node.this.copy())), expression=exp.Literal.number(sizes(ty)[0]))
    check = exp.ColumnConstraint(kind=exp.CheckColumnConstraint(this=test))
    new.set("constraints", [*(c.copy() for c in node.args.get("constraints") or ()), check])
    return new


def checked(ty):
    """It is the length of a column, which column() takes care of."""
    return isinstance(ty.parent, exp.ColumnDef) and isinstance(ty.parent.parent, exp.Schema) and ty.this in TXT or None


def alter(node):
    """One change that both engines have."""
    actions = node.args.get("actions") or ()
    if len(actions) != 1 or str(node.args.get("kind")).upper() not in ("TABLE", "VIEW") or any(
            node.args.get(a) for a in ("only", "options", "cluster", "cascade", "check")):
        return None
    return same_change(actions[0], node) or None


def same_change(action, node):
    if isinstance(action, exp.ColumnDef):
        return all(isinstance(c.kind, exp.NotNullColumnConstraint) for c in action.args.get("constraints") or ()) and not action.args.get("position")
    if isinstance(action, exp.Drop):
        return action.args.get("kind") == "COLUMN" and len(action.args.get("tables") or ()) == 1
    if isinstance(action, exp.RenameColumn):
        return not action.args.get("exists")
    if isinstance(action, exp.AlterRename):
        return action.this.db == "" or action.this.db.lower() == node.this.db.lower() and action.this.catalog == node.this.catalog
    return False


def part_of_alter(node):
    return isinstance(node.parent, exp.Alter) or None


def truncate(node):
    return len(node.expressions) == 1 and not any(node.args.get(a) for a in ("cluster", "identity", "option", "partition")) or None


def comment(node):
    return str(node.args.get("kind")).upper() in ("TABLE", "VIEW", "COLUMN") or None


def mark_moments(tree, schema):
    """Timestamps with a zone that are written into columns which keep the moment."""
    values = tree.expression if isinstance(tree, exp.Insert) else None
    if not isinstance(values, exp.Values):
        return
    into = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    found = schema.get(".".join(p.name.lower() for p in into.parts)) if isinstance(into, exp.Table) else None
    if not found:
        return
    types = {name.lower(): ty for name, ty in found.items()}
    names = [c.name.lower() for c in tree.this.expressions] if isinstance(tree.this, exp.Schema) else list(types)
    for row in values.expressions:
        for name, value in zip(names, row.expressions if isinstance(row, exp.Tuple) else [row]):
            if types.get(name) == "TIMESTAMP WITH TIME ZONE":
                value.meta["qf_kept"] = True


DDL = {exp.DataType: lambda node: column_type(node) or checked(node), exp.ColumnDef: column, exp.Alter: alter, exp.RenameColumn: part_of_alter,
       exp.AlterRename: part_of_alter, exp.TruncateTable: truncate, exp.Comment: comment}
