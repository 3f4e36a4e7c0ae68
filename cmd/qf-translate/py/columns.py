"""Types for the pairs that sqlglot translates: literals, casts, operators, and columns that the schema tells."""
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.schema import Schema


class NoTables(Schema):
    """Knows no table. sqlglot's own schema takes longer to say so than the parse takes."""
    dialect = None
    empty = True
    supported_table_args = ()

    def add_table(self, *args, **kwargs):
        pass

    def column_names(self, *args, **kwargs):
        return []

    def get_column_type(self, *args, **kwargs):
        return UNKNOWN_TYPE

    def get_udf_type(self, *args, **kwargs):
        return UNKNOWN_TYPE


UNKNOWN_TYPE = exp.DataType.build("unknown")
NO_TABLES = NoTables()


def annotate(tree, source, schema):
    """Types from literals, casts and operators, and of columns that the schema tells."""
    if schema:
        for select in tree.find_all(exp.Select):
            sources = _sources(select, schema)
            for col in select.find_all(exp.Column):
                if col.find_ancestor(exp.Select) is select and isinstance(col.this, exp.Identifier):
                    _set_type(col, sources)
    return annotate_types(tree, schema=NO_TABLES, dialect=source, overwrite_types=not schema)


def _sources(select, schema):
    tables = [select.args["from_"].this] if select.args.get("from_") is not None else []
    tables += [j.this for j in select.args.get("joins") or ()]
    out = {}
    for t in tables:
        name = t.name.lower() if isinstance(t, exp.Table) else ""
        out[t.alias_or_name.lower()] = {k.lower(): v for k, v in schema.get(name, {}).items()} if name in schema else None
    return out


def _set_type(col, sources):
    name, table = col.name.lower(), col.table.lower()
    if table:
        found = [(sources.get(table) or {}).get(name)]
    elif any(s is None for s in sources.values()):
        return
    else:
        found = [s[name] for s in sources.values() if name in s]
    if len(found) == 1 and found[0]:
        try:
            col.type = exp.DataType.build(found[0], dialect="duckdb")
        except Exception:  # a type that sqlglot does not know stays unknown
            return


def output_names(tree, source):
    """Trino calls an unnamed column _col0, _col1 …"""
    if source not in ("trino", "presto", "athena") or not isinstance(tree, exp.Select):
        return
    for i, item in enumerate(tree.expressions):
        if not isinstance(item, (exp.Alias, exp.Column, exp.Star)) and not item.is_star:
            tree.expressions[i].replace(exp.Alias(this=item.copy(), alias=exp.to_identifier("_col%d" % i)))
