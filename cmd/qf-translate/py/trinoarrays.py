"""Functions of arrays and maps whose NULLs Trino counts in ways of its own; a rule answers as those of trinofuncs.py."""
import sqlglot
from sqlglot import exp

D = exp.DataType.Type
INT = {D.TINYINT, D.SMALLINT, D.INT, D.BIGINT}
TXT = {D.TEXT, D.VARCHAR, D.CHAR}
ORDERED = INT | TXT | {D.DATE, D.TIMESTAMP, D.BOOLEAN}


def kind(node):
    t = node.type if isinstance(node, exp.Expr) else None
    return t.this if t is not None else D.UNKNOWN


def element(node):
    inner = node.type.expressions if kind(node) == D.ARRAY else None
    return inner[0].this if inner and isinstance(inner[0], exp.DataType) else D.UNKNOWN


def plain(node, *names):
    return all(name in names for name, value in node.args.items() if value)


def short(*nodes):
    """It may be written several times."""
    return not any(n.find(exp.Query) for n in nodes) and sum(1 for n in nodes for _ in n.walk()) < 40


def form(text, **operands):
    tree = sqlglot.parse_one(text, read="duckdb")
    for col in list(tree.find_all(exp.Column)):
        col.replace(exp.paren(operands[col.name].copy()))
    return exp.paren(tree)


def extreme(name):
    def rule(node):
        if not plain(node, "this") or element(node.this) not in ORDERED or not short(node.this):
            return None
        new = form("CASE WHEN LENGTH(a) > LIST_COUNT(a) THEN NULL ELSE %s(a) END" % name, a=node.this)
        new.type = node.this.type.expressions[0].copy()
        return new
    return rule


def contains(node):
    array, value = node.this, node.expression
    same = element(array) == kind(value) and kind(value) in ORDERED or element(array) in INT and kind(value) in INT
    if not plain(node, "this", "expression") or not same or not short(array, value):
        return None
    return form("CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN LIST_CONTAINS(a, x) THEN TRUE"
                " WHEN LENGTH(a) > LIST_COUNT(a) THEN NULL ELSE FALSE END", a=array, x=value)


def sort(node):
    if not plain(node, "this", "nulls_first") or element(node.this) not in ORDERED:
        return None
    new = exp.Anonymous(this="LIST_SORT", expressions=[node.this.copy(), exp.Literal.string("ASC"), exp.Literal.string("NULLS LAST")])
    new.type = node.this.type.copy()
    return new


def by_text(node):
    """Whether what splits is a text that is not empty."""
    by = node.args.get("delimiter") or node.expression
    return kind(node.this) in TXT and isinstance(by, exp.Literal) and by.is_string and by.this != ""


def split(node):
    if not plain(node, "this", "expression") or not by_text(node):
        return None
    node.type = exp.DataType.build("array<varchar>", dialect="spark")
    return True


def split_part(node):
    """NULL beyond the last part."""
    at = node.args.get("part_index")
    if not by_text(node) or not isinstance(at, exp.Literal) or at.is_string or not at.this.isdigit() or int(at.this) < 1:
        return None
    new = form("STR_SPLIT(a, d)[%d]" % int(at.this), a=node.this, d=node.args["delimiter"])
    new.type = exp.DataType.build("varchar")
    return new


def of_map(node):
    """m['k'] is an error when there is none, element_at() is NULL."""
    key = node.expressions[0] if len(node.expressions) == 1 else None
    kinds = node.this.type.expressions
    if len(kinds) != 2 or kinds[0].this not in TXT or not isinstance(key, exp.Literal) or not key.is_string or not short(node.this):
        return None
    found = "m[k]" if node.args.get("safe") else (
        "CASE WHEN m IS NULL OR MAP_CONTAINS(m, k) THEN m[k] ELSE ERROR('Key not present in map') END")
    new = form(found, m=node.this, k=key)
    new.type = kinds[1].copy()
    return new


ARRAYS = {exp.ArrayMax: extreme("LIST_MAX"), exp.ArrayMin: extreme("LIST_MIN"), exp.ArrayContains: contains, exp.ArraySort: sort,
          exp.Split: split, exp.SplitPart: split_part}
