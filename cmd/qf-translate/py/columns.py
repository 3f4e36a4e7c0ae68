"""Types for the pairs that sqlglot translates: literals, casts, operators, and columns that the schema tells.

The tree is not qualified: what is written keeps its names. Each query gets the types of its own columns, inner ones
first, so that the output of a subquery or of a WITH query is known where it is read.
"""
from sqlglot import Dialect, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import TypeAnnotator
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import Schema

D = exp.DataType.Type
INTS = (D.TINYINT, D.SMALLINT, D.INT, D.BIGINT)
# What a column may be to count as known. Others exist in one engine only, or compare and print in ways of their own.
KNOWN = set(INTS) | {D.DECIMAL, D.FLOAT, D.DOUBLE, D.VARCHAR, D.TEXT, D.BOOLEAN, D.DATE, D.TIMESTAMP, D.TIMESTAMPTZ, D.ARRAY,
                     D.LIST, D.MAP, D.STRUCT}
# 1.5 is a decimal here, and a floating point number elsewhere.
EXACT_LITERALS = {"trino", "presto", "athena", "mysql", "starrocks", "spark", "databricks", "snowflake", "tsql", "oracle",
                  "postgres", "redshift", "duckdb"}


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


def annotate(tree, source, target, schema, doubts):
    """Types from literals, casts and operators, and of columns that the schema or a subquery tells."""
    if source in EXACT_LITERALS:
        exact_literals(tree)
    metadata = TRINO if source in TRINOS else None
    annotator = TypeAnnotator(NO_TABLES, overwrite_types=False, expression_metadata=metadata)
    if tree.find(exp.From, exp.Update, exp.Delete) is not None:
        try:
            Columns(tree, target, schema or {}, doubts).settle(annotator)
        except SqlglotError:
            pass  # a name that is there twice, say: the engine's own words are better
    cast_operands(annotator, tree, None)
    return annotator.annotate(tree, annotate_scope=False)


def cast_operands(annotator, tree, scope):
    """A cast has its type from the start, so that what is cast would not be looked into."""
    for node in reversed(list(tree.find_all(exp.Cast, exp.TryCast))):
        annotator.annotate_expression(node.this, scope)


def average(annotator, node):
    """Trino's average of decimals is one of them."""
    inner = node.this.type
    of_decimal = inner is not None and inner.this == D.DECIMAL
    annotator._set_type(node, inner.copy() if of_decimal else D.DOUBLE)  # pylint: disable=protected-access


TRINOS = ("trino", "presto", "athena")
TRINO = {**Dialect().EXPRESSION_METADATA, exp.Avg: {"annotator": average}}


def names_absent(tree, schema):
    """A table was looked up and is not there, in a place that no engine leaves out."""
    if not any(not columns for columns in schema.values()):
        return False
    ctes = {c.alias.lower() for c in tree.find_all(exp.CTE)}
    made = tree.this.find(exp.Table) if isinstance(tree, exp.Create) else None
    for table in tree.find_all(exp.Table):
        parts = [p.name.lower() for p in table.parts]
        if table is made or len(parts) == 1 and parts[0] in ctes or table.find_ancestor(exp.CTE, exp.Drop) is not None:
            continue
        if schema.get(".".join(parts)) == {}:
            return True
    return False


def exact_literals(tree):
    for node in tree.find_all(exp.Literal):
        if not node.is_string and "." in node.this and "e" not in node.this.lower():
            whole, _, part = node.this.partition(".")
            node.type = decimal_type(len(whole.lstrip("0")) + len(part), len(part))


def decimal_type(width, scale):
    return exp.DataType(this=D.DECIMAL, expressions=[exp.DataTypeParam(this=exp.Literal.number(n))
                                                     for n in (max(1, min(38, width)), scale)])


class Columns:
    def __init__(self, tree, target, schema, doubts):
        self.tree, self.target, self.schema, self.doubts = tree, target, schema, doubts
        self.ctes = {c.alias.lower() for c in tree.find_all(exp.CTE)}
        self.outputs = {}   # id of a query → its columns: [(name, type or None)], or None when a star hides them
        self.tables = {}

    def settle(self, annotator):
        for scope in traverse_scope(self.tree):
            made = set(getattr(scope.expression, "named_selects", ()))
            for col in scope.find_all(exp.Column):
                if not (col.name in made and not col.table and self.sorts(col, scope)) and not bound_by_lambda(col):
                    self.type_column(col, scope)
            cast_operands(annotator, scope.expression, scope)
            annotator.annotate_scope(scope)
            self.outputs[id(scope.expression)] = self.output(scope)
            self.check_order(scope)
        if isinstance(self.tree, (exp.Update, exp.Delete)):
            self.changed_table()

    def changed_table(self):
        """UPDATE and DELETE of one table: the columns that are in no query of their own."""
        table = self.tree.this
        if not isinstance(table, exp.Table) or self.tree.args.get("from_") is not None or self.tree.args.get("using"):
            return
        columns = self.table_columns(table)
        for col in self.tree.find_all(exp.Column):
            if col.find_ancestor(exp.Query) is None and columns is not None:
                if not col.table or col.table.lower() == table.alias_or_name.lower():
                    set_type(col, dict(columns).get(col.name.lower()))

    def check_order(self, scope):
        """In an expression of ORDER BY a name may be that of an output, or that of a column."""
        order = scope.expression.args.get("order") if isinstance(scope.expression, exp.Select) else None
        made = made_names(scope)
        if not made or not order:
            return
        sources = self.in_scope(scope)
        for key in order.expressions:
            for col in key.find_all(exp.Column):
                name = col.name.lower()
                maybe = any(columns is None or any(n == name for n, _ in columns) for _, columns in sources)
                if col is not key.this and not col.table and name in made and maybe:
                    self.doubts.append("ORDER BY an expression of %s, which may be an output or a column" % name)

    def sorts(self, col, scope):
        """In the ORDER BY of the query itself, where output names come first."""
        order = col.find_ancestor(exp.Order, exp.Query)
        return isinstance(order, exp.Order) and order.parent is scope.expression

    # ---- what a name in FROM has -----------------------------------------------------------------------------------

    def table_columns(self, table):
        """Those of a table, as the schema tells; None when it does not."""
        if not isinstance(table.this, exp.Identifier) or table.args.get("pivots"):
            return None
        parts = [p.name.lower() for p in table.parts]
        if len(parts) == 1 and parts[0] in self.ctes:
            return None  # sqlglot would have found it, but for the case of its letters
        key = ".".join(parts)
        if key not in self.tables:
            found = self.schema.get(key)
            self.tables[key] = [(n.lower(), self.column_type(t)) for n, t in found.items()] if found else None
        return self.tables[key]

    def column_type(self, text):
        try:
            ty = exp.DataType.build(text, dialect=self.target)
        except Exception:  # pylint: disable=broad-except
            return None  # a type that sqlglot does not know stays unknown
        for part in ty.find_all(exp.DataType):
            if part.this == D.TIMESTAMPNTZ:
                part.set("this", D.TIMESTAMP)
            if part.this not in KNOWN:
                return None
        return ty

    def source_columns(self, node, source):
        alias = node.args.get("alias") if isinstance(node, exp.Table) else None
        if isinstance(source, exp.Table):
            columns = self.table_columns(source)
        elif isinstance(source.expression, exp.Values):
            return self.values(source.expression)
        elif isinstance(source.expression, exp.Unnest):
            return self.unnested(source.expression)
        else:
            columns = self.outputs.get(id(source.expression))
            alias = alias or outer_alias(source)
        if isinstance(source, Scope) and source.is_cte:
            columns = renamed(columns, source.expression.parent.args.get("alias"))
        return renamed(columns, alias)

    def unnested(self, node):
        """One array of plain values gives one column, and perhaps its number."""
        names, offset = [n.lower() for n in node.alias_column_names], node.args.get("offset")
        ty = node.expressions[0].type if len(node.expressions) == 1 else None
        inner = ty.expressions[0] if ty is not None and ty.this == D.ARRAY and ty.expressions else None
        if len(names) != 1 or inner is None or inner.this in (D.STRUCT, D.MAP):
            return None
        number = [(offset.name.lower(), exp.DataType.build("bigint"))] if isinstance(offset, exp.Identifier) else []
        return [(names[0], inner)] + number

    def values(self, node):
        names = [n.lower() for n in node.alias_column_names]
        columns = []
        for i, name in enumerate(names):
            cells = [row.expressions[i] for row in node.expressions if i < len(getattr(row, "expressions", ()))]
            columns.append((name, common([c.type for c in cells])))
        return columns or None

    def in_scope(self, scope, but=None):
        """[(alias, columns or None)] of FROM."""
        return [(name.lower(), self.source_columns(node, source)) for name, (node, source) in scope.selected_sources.items()
                if source is not but]

    # ---- columns ---------------------------------------------------------------------------------------------------

    def type_column(self, col, scope):
        if not isinstance(col.this, exp.Identifier) or col.args.get("db") is not None:
            return
        name, table, inner = col.name.lower(), col.table.lower(), scope
        others = made_names(scope)
        while scope is not None:
            sources = self.in_scope(scope, inner)  # UNNEST(a) AS u(x): a is not of u
            if table:
                sources = [s for s in sources if s[0] == table]
            hits = [t for _, columns in sources if columns is not None for n, t in columns if n == name]
            if any(columns is None for _, columns in sources):
                return  # it may be there
            if hits or table and sources:
                set_type(col, common(hits))
                return
            others |= {alias for alias, _ in sources}
            scope = scope.parent
        if name in others:
            self.doubts.append("%s is no column here, but another name that {b} may take for one".replace("{b}", self.target) % name)

    def output(self, scope):
        node = scope.expression
        if isinstance(node, exp.SetOperation):
            return self.merged(node)
        if not isinstance(node, exp.Select):
            return None
        columns = []
        for item in node.expressions:
            if not item.is_star:
                columns.append((item.alias_or_name.lower(), item.type))
                continue
            more = self.star(item, node, scope)
            if more is None:
                return None
            columns += more
        return columns

    def star(self, item, node, scope):
        table = item.table.lower() if isinstance(item, exp.Column) else ""
        star = item.this if isinstance(item, exp.Column) else item
        if any(star.args.values()) or not table and any(j.args.get("using") or j.args.get("method") for j in node.args.get("joins") or ()):
            return None
        sources = [columns for name, columns in self.in_scope(scope) if not table or name == table]
        if not sources or any(columns is None for columns in sources):
            return None
        return [c for columns in sources for c in columns]

    def merged(self, node):
        left, right = (self.outputs.get(id(x.unnest())) for x in (node.this, node.expression))
        if left is None or right is None or len(left) != len(right):
            return None
        return [(name, common([a, b])) for (name, a), (_, b) in zip(left, right)]


def made_names(scope):
    """The output names of a query that are not just those of their columns."""
    selects = scope.expression.selects if isinstance(scope.expression, exp.Select) else ()
    return {s.alias.lower() for s in selects if isinstance(s, exp.Alias) and not same_name(s)}


def same_name(alias):
    return isinstance(alias.this, exp.Column) and alias.this.name.lower() == alias.alias.lower()


def bound_by_lambda(col):
    at = col.find_ancestor(exp.Lambda)
    while at is not None:
        if any(p.name.lower() == col.name.lower() for p in at.expressions):
            return True
        at = at.find_ancestor(exp.Lambda)
    return False


def outer_alias(source):
    """Of (query) AS t(a, b)."""
    parent = source.expression.parent
    return parent.args.get("alias") if isinstance(parent, exp.Subquery) else None


def renamed(columns, alias):
    names = [i.name.lower() for i in alias.args.get("columns") or ()] if alias is not None else []
    if columns is None or not names:
        return columns
    return [(names[i] if i < len(names) else n, t) for i, (n, t) in enumerate(columns)]


def common(types):
    """The one type of them all; the widest of integers; else None."""
    if not types or any(t is None or t.this in (D.UNKNOWN, D.NULL) for t in types):
        return None
    if all(t.this in INTS for t in types):
        return max(types, key=lambda t: INTS.index(t.this))
    return types[0] if all(t == types[0] for t in types) else None


def set_type(col, ty):
    if ty is not None and ty.this != D.UNKNOWN:
        col.type = ty.copy()


def output_names(tree, source, doubts):
    """Trino calls an unnamed column _col0, _col1 …; returns the tree."""
    if source not in TRINOS:
        return tree
    inner = False
    for values in tree.find_all(exp.Values):
        if values.args.get("alias") is None or not values.alias_column_names:
            inner = name_values(values) or inner
    if isinstance(tree, exp.Values):
        return exp.select("*").from_(tree)
    outer = tree
    while isinstance(outer, exp.SetOperation):
        outer = outer.this.unnest()
    for select in tree.find_all(exp.Select):
        for i, item in enumerate(select.expressions):
            if not isinstance(item, (exp.Alias, exp.Column, exp.Star)) and not item.is_star:
                inner = inner or select is not outer
                item.replace(exp.Alias(this=item.copy(), alias=exp.to_identifier("_col%d" % i)))
    if inner and any(s.is_star and len(outer.selects) > 1 for s in outer.selects):
        doubts.append("a star beside other columns, over a column without a name")
    return tree


def name_values(values):
    """True when it had no names."""
    if isinstance(values.parent, exp.Insert):
        return False
    alias = values.args.get("alias") or exp.TableAlias(this=exp.to_identifier("_values"))
    first = values.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    alias.set("columns", [exp.to_identifier("_col%d" % i) for i in range(width)])
    values.set("alias", alias)
    return True
