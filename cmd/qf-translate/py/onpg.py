"""What a whole statement needs in PostgreSQL: its names as they are stored, text in the order of its characters, and decimals
of one size. Trino and DuckDB find names in any case and sort text by its bytes; PostgreSQL folds what is not quoted and
sorts by the collation of the database.
"""
import re

from sqlglot import exp

from qf_decimals import decimal_of
from qf_onpgforms import D, DEC, EQUALS, FLT, INT, ORDERS, TXT, common_decimal, in_c, kind, typed
from qf_pgprepare import KEYWORDS

_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*$")
SORTED = {D.DATE, D.TIMESTAMP, D.TIMESTAMPTZ, D.TIME, D.BOOLEAN, D.UUID, D.VARBINARY, D.INTERVAL, D.NULL}


def for_postgres(tree, schema, doubt):
    """Changes the tree."""
    for node in list(tree.find_all(exp.SetOperation, exp.Values)):
        same_sizes(node, doubt)
    for node in list(tree.find_all(*ORDERS, *EQUALS, exp.Between, exp.Order)):
        if "qf_done" not in node.meta:
            (sort if isinstance(node, exp.Order) else compared)(node, doubt)
    if isinstance(tree, exp.Select):
        exact_outputs(tree)
    names(tree, spellings(schema))


# ---- decimals --------------------------------------------------------------------------------------------------------

def leaves(node):
    """The rows of expressions that become one; None: a star hides them."""
    if isinstance(node, exp.Values):
        return [r.expressions if isinstance(r, exp.Tuple) else [r] for r in node.expressions]
    if isinstance(node, exp.SetOperation):
        left, right = leaves(node.this.unnest()), leaves(node.expression.unnest())
        return None if left is None or right is None else left + right
    if not isinstance(node, exp.Select) or any(s.is_star for s in node.selects):
        return None
    return [[s.unalias() for s in node.selects]]


def same_sizes(node, doubt):
    if isinstance(node.parent, (exp.SetOperation, exp.Insert)):
        return
    rows = leaves(node)
    if rows is None or len({len(r) for r in rows}) != 1:
        doubt("columns of a %s that are not known" % node.key.upper())
        return
    for column in zip(*rows):
        kinds = {kind(v) for v in column if not isinstance(v, exp.Null)}
        if not kinds & DEC or kinds & FLT:
            continue
        size = common_decimal(column)
        if size is None:
            doubt("decimals of a size that is not known in a %s" % node.key.upper())
            continue
        for value in column:
            if decimal_of(value) != size or kind(value) in INT:
                value.replace(exp.cast(value.copy(), "decimal(%d, %d)" % size))


def exact_outputs(tree):
    """A column of a result that has a size in the source has it here too."""
    for item in tree.selects:
        value = item.unalias()
        size = decimal_of(value) if kind(value) in DEC else None
        if size and not isinstance(value, (exp.Column, exp.Cast)):
            value.replace(exp.cast(value.copy(), "decimal(%d, %d)" % size))


# ---- the order of text -----------------------------------------------------------------------------------------------

def compared(node, doubt):
    sides = [node.this, node.args.get("low"), node.args.get("high"), *(node.expressions if isinstance(node, exp.In) else [node.expression])]
    sides = [s for s in sides if isinstance(s, exp.Expr)]
    kinds = {kind(s) for s in sides}
    if D.FLOAT in kinds and kinds & (INT | DEC):
        doubt("a real is compared with a number of another type, for which PostgreSQL takes doubles")
    if not isinstance(node, ORDERS + (exp.Between,)):
        return
    if kinds & TXT:
        sides[0].replace(in_c(sides[0]))
    elif kinds <= {D.UNKNOWN, D.NULL}:
        doubt("a comparison of values that may be text, which PostgreSQL compares by the collation of the database")


def sort(order, doubt):
    query = order.parent
    for key in order.expressions:
        if not isinstance(key, exp.Ordered):
            continue
        item = output(query, key.this) if isinstance(query, (exp.Select, exp.SetOperation)) else None
        value = item.unalias() if item is not None else key.this
        if item is not None and isinstance(key.this, exp.Column) and key.this.table:
            key.this.replace(exp.column(item.alias_or_name))
        if kind(value) in TXT and item is not None and not isinstance(item, exp.Alias):
            item.replace(typed(exp.alias_(in_c(value), item.name), "text"))
        elif kind(value) in TXT:
            value.replace(in_c(value))
        elif kind(value) not in INT | DEC | FLT | SORTED:
            doubt("a sort of values that may be text, which PostgreSQL sorts by the collation of the database")


def output(query, key):
    """The item of the SELECT list that a key of ORDER BY names, or None: it is an expression of columns."""
    first = query
    while isinstance(first, exp.SetOperation):
        first = first.this.unnest()
    items = first.selects if isinstance(first, exp.Select) else []
    if isinstance(key, exp.Literal) and not key.is_string:
        place = int(key.this) - 1 if key.this.isdigit() else -1
        return items[place] if 0 <= place < len(items) and not any(i.is_star for i in items[:place + 1]) else None
    if not isinstance(key, exp.Column):
        return None
    for item in items:
        named = not item.is_star and item.alias_or_name.lower() == key.name.lower()
        if named and (not key.table or isinstance(item, exp.Column) and query.args.get("distinct")):
            return item
    return None


# ---- names -----------------------------------------------------------------------------------------------------------

def spellings(schema):
    """Of columns whose names are not all lower case, when there is one of that name only."""
    found = {}
    for column in {c for t in schema.values() for c in t}:
        found.setdefault(column.lower(), []).append(column)
    return {k: v[0] for k, v in found.items() if len(v) == 1 and v[0] != k}


def names(tree, spelled):
    shown = {}
    for item in tree.selects if isinstance(tree, exp.Query) else ():
        alias = item.args.get("alias") if isinstance(item, exp.Alias) else None
        if alias is not None and alias.this.lower() != alias.this:
            shown[alias.this.lower()] = alias.this
    for node in tree.find_all(exp.Identifier):
        if isinstance(node.parent, exp.Collate):
            continue
        name = node.this.lower()
        if name in shown and is_output(node, tree):
            name = shown[name]
        elif isinstance(node.parent, exp.Column) and node.arg_key == "this":
            name = spelled.get(name, name)
        node.set("this", name)
        node.set("quoted", not _SIMPLE.match(name) or name in KEYWORDS)


def is_output(node, tree):
    """The name of an output of the whole query, where it is given and where its ORDER BY says it."""
    parent = node.parent
    if isinstance(parent, exp.Alias):
        return parent.parent is tree
    ordered = parent.parent if isinstance(parent, exp.Column) and not parent.table else None
    return isinstance(ordered, exp.Ordered) and ordered.parent is tree.args.get("order")
