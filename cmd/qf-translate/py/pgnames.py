"""Names: identifiers as DuckDB wants them, the function names set aside before parsing, output column names.

PostgreSQL folds unquoted names to lower case and names an output column after its expression (parse_target.c,
FigureColname). DuckDB keeps spellings, compares without case, and names a column after its text.
"""
import re

from sqlglot import exp

_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*$")

# DuckDB's reserved words and those it reads otherwise in an expression or after a table.
RESERVED = set("""all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
default deferrable desc describe distinct do else end except false fetch for foreign from group having in initially intersect
into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary qualify
references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when
where window with anti asof at authorization binary by collation columns concurrently cross freeze full generated glob ilike
inner is isnull join left like map natural notnull outer overlaps positional right semi similar struct tablesample try_cast
unpack verbose between bigint bit boolean char character coalesce dec decimal exists extract float grouping grouping_id inout
int integer interval national nchar none nullif numeric out overlay position precision real row setof smallint substring time
timestamp treat trim values varchar current_date current_time current_timestamp localtime localtimestamp current_user user
session_user current_role current_catalog current_schema sample""".split())


def ident_text(node):
    """An identifier as PostgreSQL stores it."""
    return node.this if node.args.get("quoted") else node.this.lower()


def ident(node):
    name = ident_text(node)
    if _SIMPLE.match(name) and name not in RESERVED:
        return name
    return '"%s"' % name.replace('"', '""')


class Names:
    """Function names carry a prefix while sqlglot parses, so that it keeps every call as it was written."""

    def __init__(self, prefix):
        self.prefix = prefix

    def strip(self, name):
        return name[len(self.prefix):] if name.startswith(self.prefix) else name

    def of(self, node):
        """The lower-case name of a call."""
        return self.strip(node.name).lower()

    def label(self, node):
        if isinstance(node, exp.Anonymous):
            return self.of(node) + "()"
        if isinstance(node, (exp.Filter, exp.Window, exp.WithinGroup)) and isinstance(node.this, exp.Anonymous):
            return self.of(node.this) + "()"
        text = node.sql("postgres", comments=False).replace(self.prefix, "")
        return text if len(text) <= 60 else text[:57] + "…"


TYPES = {"INT": "int4", "BIGINT": "int8", "SMALLINT": "int2", "FLOAT": "float4", "DOUBLE": "float8", "DECIMAL": "numeric",
         "BOOLEAN": "bool", "CHAR": "bpchar", "VARBINARY": "bytea", "TIMESTAMPTZ": "timestamptz", "TIMETZ": "timetz"}


def type_name(to):
    if isinstance(to, exp.DataType):
        if to.this == exp.DataType.Type.ARRAY and to.expressions:
            return type_name(to.expressions[0])
        if to.this == exp.DataType.Type.USERDEFINED:
            return str(to.args.get("kind") or "").strip('"').lower()
        return TYPES.get(to.this.value, to.this.value.lower())
    return to.name.lower()


FIXED = {exp.Coalesce: "coalesce", exp.Greatest: "greatest", exp.Least: "least", exp.Nullif: "nullif", exp.Array: "array",
         exp.Exists: "exists", exp.Extract: "extract", exp.Substring: "substring", exp.StrPosition: "position",
         exp.Overlay: "overlay", exp.CurrentDate: "current_date", exp.CurrentTimestamp: "current_timestamp",
         exp.Localtimestamp: "localtimestamp", exp.AtTimeZone: "timezone", exp.Tuple: "row"}


def column_name(node, names):
    if isinstance(node, exp.Alias):
        return ident_text(node.args["alias"])
    return _name(node, names)[0] or "?column?"


def _name(node, names):
    """(name, strength); a cast overrides strength 1 and below."""
    if isinstance(node, exp.Column):
        return ident_text(node.this) if isinstance(node.this, exp.Identifier) else None, 2
    if isinstance(node, exp.Anonymous):
        return names.of(node), 1 if names.of(node) == "interval" else 2
    if isinstance(node, (exp.Paren, exp.Bracket, exp.Collate)):
        return _name(node.this, names)
    if isinstance(node, (exp.Filter, exp.Window, exp.WithinGroup, exp.IgnoreNulls)):
        return _name(node.this, names)
    if isinstance(node, exp.Dot):
        return (ident_text(node.expression), 2) if isinstance(node.expression, exp.Identifier) else _name(node.expression, names)
    if isinstance(node, exp.Trim):
        return {"LEADING": "ltrim", "TRAILING": "rtrim"}.get((node.args.get("position") or "").upper(), "btrim"), 2
    if isinstance(node, exp.Interval):
        return "interval", 1
    return _structured(node, names)


def _structured(node, names):
    if isinstance(node, exp.Cast):
        name, strength = _name(node.this, names)
        return (name, strength) if strength > 1 else (type_name(node.args["to"]), 1)
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        name, strength = _name(default, names) if default is not None else (None, 0)
        return (name, strength) if strength > 1 else ("case", 1)
    if isinstance(node, exp.Subquery):
        inner = node.this
        first = inner.selects[0] if isinstance(inner, exp.Query) and inner.selects else None
        if isinstance(first, exp.Alias):
            return ident_text(first.args["alias"]), 2
        return _name(first, names) if first is not None else (None, 0)
    return (FIXED[type(node)], 2) if type(node) in FIXED else (None, 0)
