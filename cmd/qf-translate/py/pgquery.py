"""PostgreSQL queries and statements as DuckDB text: scopes, column names, clauses. See pgexpr.py."""
from sqlglot import exp

from qf_pgaggs import AGGREGATES, WINDOWS, aggregate
from qf_pgexpr import Exprs, X
from qf_pgfuncs import round_ratio
from qf_pgnames import column_name, ident, ident_text
from qf_pgtypes import ANY, BOOL, INT4, INT8, TEXT, Ty, duck_type, from_schema


class Source:
    """One item of FROM: its alias and its columns ({lower-case name: Ty}), or None when nobody has told them."""

    def __init__(self, alias, columns):
        self.alias, self.columns = alias, columns


class Query:
    """DuckDB text of a query and its output columns: [(name, Ty)], or None when a star hides them."""

    def __init__(self, sql, columns):
        self.sql, self.columns = sql, columns


SYSTEM = {"ctid", "oid", "tableoid", "xmin", "xmax", "cmin", "cmax", "rowid"}


class Scope:
    def __init__(self, parent=None):
        self.parent = parent
        self.sources = []
        self.ctes = {}
        self.aliases = set()    # output names of the SELECT list
        self.merged = set()     # columns of USING and NATURAL joins
        self.merged_order = []
        self.renamed_outputs = set()  # output names that are not just their input column's

    def find_cte(self, name):
        at = self
        while at is not None:
            if name in at.ctes:
                return at.ctes[name]
            at = at.parent
        return None

    def source(self, alias):
        at = self
        while at is not None:
            for s in at.sources:
                if s.alias == alias:
                    return s
            at = at.parent
        return None

    def column(self, c, node):
        name = ident_text(node.this)
        key = name.lower()
        if node.args.get("db") is not None:
            c.doubt("the column %s by schema and table" % node.sql("postgres"))
        if key in SYSTEM:
            c.doubt("the system column %s" % name)
        if name != key:
            c.mixed_case(name)
        table = node.args.get("table")
        if table is not None:
            return self.qualified(c, table, node.this, key)
        return X(ident(node.this), self.lookup(c, key))

    def qualified(self, c, table, this, key):
        alias = ident_text(table).lower()
        source = self.source(alias)
        ty = ANY
        if source is None:
            c.doubt("the table %s is not in FROM" % alias)
        elif source.columns is not None:
            ty = source.columns.get(key)
            if ty is None:
                c.doubt("there is no column %s in %s" % (key, alias))
                ty = ANY
        return X("%s.%s" % (ident(table), ident(this)), ty)

    def lookup(self, c, key):
        """The type of an unqualified column: the innermost scope that has it."""
        at, unknown = self, False
        while at is not None:
            hits = [s.columns[key] for s in at.sources if s.columns is not None and key in s.columns]
            open_ = any(s.columns is None for s in at.sources)
            if len(hits) == 1 or (hits and key in at.merged):
                return hits[0]
            if len(hits) > 1:
                c.doubt("the column %s is in more than one table" % key)
                return ANY
            unknown = unknown or open_
            at = at.parent
        if not unknown:
            c.doubt("there is no column %s" % key)
        elif key in self.renamed_outputs:
            c.doubt("%s is an output name here: PostgreSQL looks for a column of that name" % key)
        elif any(s.alias == key for s in self.sources):
            c.doubt("%s as a whole row" % key)
        return ANY


class Statements(Exprs):
    aggregates = set(AGGREGATES) | set(WINDOWS)

    def __init__(self, names, fallback, schema):
        super().__init__(names, fallback)
        self.schema = schema     # {table: {column: type name}}, lower case; or None
        self.quoted = {}         # lower case → spelling of names that are not all lower case

    def round_ratio(self, x, places):
        return round_ratio(self, x, places)

    def aggregate(self, node, tail="", over=False):
        x = aggregate(self, node, tail, over)
        return self.unknown(node) if x is None else x

    def mixed_case(self, name):
        """duckdb does not tell "Id" from "id"."""
        other = self.quoted.setdefault(name.lower(), name)
        if other != name:
            self.doubt('the names "%s" and "%s" are one in duckdb' % (other, name))

    # ---- queries -----------------------------------------------------------------------------------------------------

    def inner_query(self, node):
        """A subquery in an expression: it may see the columns around it."""
        return self.query(node, top=False)

    def scalar_subquery(self, node):
        q = self.inner_query(node.this)
        ty = q.columns[0][1] if q.columns and len(q.columns) == 1 else ANY
        if q.columns is not None and len(q.columns) != 1:
            self.doubt("a scalar subquery of %d columns" % len(q.columns))
        return X("(%s)" % q.sql, Ty(ty.kind, ty.scale, ty.width, ty.elem, whole=ty.whole))

    def beside(self, left, q, op):
        """x IN (query): the one column of the query beside x."""
        if q.columns is not None and len(q.columns) == 1:
            ty = q.columns[0][1]
            self.compare("=" if op == "IN" else op, X("x", left.ty), X("y", ty))
        return BOOL

    def query(self, node, top=True, names=None):
        before = self.scope
        self.scope = Scope(before)
        try:
            return self._query(node, top, names)
        finally:
            self.scope = before

    def _query(self, node, top, names):
        if isinstance(node, exp.Subquery):
            return self.wrapped(node, top)
        prefix = self.with_(node.args.get("with_"))
        if isinstance(node, exp.Select):
            q = self.select(node, top)
        elif isinstance(node, exp.SetOperation):
            q = self.set_operation(node, top)
        elif isinstance(node, exp.Values):
            q = self.values(node)
        else:
            return Query(self.unknown(node).sql, None)
        comments = "".join(" /*%s*/" % c.replace("*/", "* /") for c in node.comments or ())
        return Query(prefix + q.sql + comments, q.columns)

    def wrapped(self, node, top):
        """(query) with its own ORDER BY and LIMIT behind it."""
        self.only(node, "this", "order", "limit", "offset", "with_")
        prefix = self.with_(node.args.get("with_"))
        q = self.query(node.this, top)
        self.scope.aliases = {n for n, _ in q.columns or ()}
        return Query("%s(%s)%s" % (prefix, q.sql, self.tail(node, q.columns)), q.columns)

    def only(self, node, *known):
        for name, value in node.args.items():
            if value and name not in known:
                self.doubt("%s in %s" % (name.strip("_").upper(), node.key.upper()))

    def with_(self, node):
        if node is None:
            return ""
        self.only(node, "expressions", "recursive")
        parts = []
        for cte in node.expressions:
            self.only(cte, "this", "alias", "materialized")
            alias = cte.args["alias"]
            name = ident_text(alias.this)
            columns = [ident_text(i) for i in alias.args.get("columns") or ()]
            parts.append(self.cte(cte, alias, name.lower(), columns, node.args.get("recursive")))
        return "WITH %s%s " % ("RECURSIVE " if node.args.get("recursive") else "", ", ".join(parts))

    def cte(self, cte, alias, key, columns, recursive):
        if not isinstance(cte.this, exp.Query):
            self.doubt("a data-modifying WITH")
            return self.fallback(cte)
        if recursive:
            self.scope.ctes[key] = self.first_term(cte.this, columns)
        q = self.query(cte.this, top=False)
        self.scope.ctes[key] = renamed(q.columns, columns)
        names = "(%s)" % ", ".join(ident(i) for i in alias.args["columns"]) if columns else ""
        m = cte.args.get("materialized")
        how = "" if m is None else "MATERIALIZED " if m else "NOT MATERIALIZED "
        return "%s%s AS %s(%s)" % (ident(alias.this), names, how, q.sql)

    def first_term(self, node, columns):
        """What the recursive name means inside its own query: the columns of the first branch."""
        at = node
        while isinstance(at, exp.SetOperation):
            at = at.this
        doubts = list(self.doubts)
        q = self.query(at, top=False)
        self.doubts = doubts
        return renamed(q.columns, columns)

    # ---- SELECT ------------------------------------------------------------------------------------------------------

    def select(self, node, top):
        self.only(node, "with_", "expressions", "from_", "joins", "where", "group", "having", "windows", "distinct", "order",
                  "limit", "offset", "kind", "operation_modifiers", "laterals")
        self.scope.renamed_outputs = {s.alias.lower() for s in node.expressions if isinstance(s, exp.Alias) and not same_name(s)}
        frm = self.from_(node)
        where = self.clause(node, "where", " WHERE ")
        group = self.group(node.args.get("group"), node)
        having = self.clause(node, "having", " HAVING ")
        items, columns = self.items(node.expressions, top)
        self.scope.aliases = {n for n, _ in columns or ()}
        windows = self.windows(node.args.get("windows"))
        head = "SELECT %s%s" % (self.distinct(node.args.get("distinct")), items or "")
        if not node.expressions:
            self.doubt("a SELECT without columns")
        return Query(head + frm + where + group + having + windows + self.tail(node, columns), columns)

    def clause(self, node, name, word):
        part = node.args.get(name)
        return word + self.truth(part.this).sql if part is not None else ""

    def distinct(self, node):
        if node is None:
            return ""
        on = node.args.get("on")
        if on is None:
            return "DISTINCT "
        exprs = on.expressions if isinstance(on, exp.Tuple) else [on]
        return "DISTINCT ON (%s) " % ", ".join(self.e(n).sql for n in exprs)

    def items(self, nodes, top):
        texts, columns = [], []
        for n in nodes:
            star = self.star(n)
            if star is not None:
                texts.append(star[0])
                columns = None if columns is None or star[1] is None else columns + star[1]
                continue
            x = self.value(n)
            name = column_name(n, self.names)
            if name != name.lower() and not top:
                self.mixed_case(name)
            plain_column = isinstance(n, exp.Column) and x.sql.split(".")[-1] == name
            texts.append(x.sql if plain_column else "%s AS %s" % (x.sql, quoted(name)))
            if columns is not None:
                columns.append((name.lower(), x.ty))
        if columns is not None and not top and len({n for n, _ in columns}) < len(columns):
            self.doubt("two output columns of one name in a subquery")
        return ", ".join(texts), columns

    def value(self, node):
        """An output value: a bare string literal is text."""
        x = self.e(node.this if isinstance(node, exp.Alias) else node)
        if isinstance(node, exp.Alias) and node.comments:
            x = X("%s /*%s*/" % (x.sql, "*/ /*".join(node.comments)), x.ty)
        if x.ty.kind == "unknown" and x.ty.lit is not None:
            return X(x.sql, TEXT)
        return x

    def star(self, node):
        """(text, columns) of * and t.*, or None."""
        if isinstance(node, exp.Star):
            self.only(node)
            if self.scope.merged:
                self.star_of_joined()
            if any(s.columns is None for s in self.scope.sources):
                return "*", None
            return "*", [(k, t) for s in self.scope.sources for k, t in s.columns.items()]
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            table = node.args["table"]
            source = self.scope.source(ident_text(table).lower())
            if source is None:
                self.doubt("the table %s is not in FROM" % ident_text(table))
            known = source is not None and source.columns is not None
            return ident(table) + ".*", list(source.columns.items()) if known else None
        return None

    def star_of_joined(self):
        """PostgreSQL puts the merged columns of USING first; duckdb where the left table has them."""
        first = self.scope.sources[0].columns if self.scope.sources else None
        if first is None or len(self.scope.sources) != 2 or list(first)[:len(self.scope.merged)] != self.scope.merged_order:
            self.doubt("* over a join with USING: the order of its columns may differ")

    # ---- FROM --------------------------------------------------------------------------------------------------------

    def from_(self, node):
        frm = node.args.get("from_")
        if frm is None:
            return ""
        self.only(node.args["from_"], "this")
        return " FROM " + self.table(frm.this) + "".join(self.join(j) for j in node.args.get("joins") or ())

    def join(self, j):
        self.only(j, "this", "on", "using", "side", "kind", "method")
        side, kind, method = ((j.args.get(k) or "").upper() for k in ("side", "kind", "method"))
        comma = not (side or kind or method or j.args.get("on") is not None or j.args.get("using"))
        if kind not in ("", "CROSS", "INNER", "OUTER") or side not in ("", "LEFT", "RIGHT", "FULL") or method not in ("", "NATURAL"):
            self.doubt("a join of kind %s" % " ".join(x for x in (method, side, kind) if x))
        left = {k for s in self.scope.sources for k in (s.columns or ())}
        text = self.table(j.this)
        inner = self.joined_inside(j.this)
        if inner:
            text = "(%s%s)" % (text, inner)
        if comma:
            return ", " + text
        words = " ".join(w for w in (method, side, "" if kind == "OUTER" else kind, "JOIN") if w)
        return " %s %s%s" % (words, text, self.join_condition(j, method, left))

    def joined_inside(self, node):
        return "".join(self.join(j) for j in node.args.get("joins") or ())

    def join_condition(self, j, method, left):
        if j.args.get("on") is not None:
            return " ON " + self.truth(j.args["on"]).sql
        using = [ident_text(i).lower() for i in j.args.get("using") or ()]
        if using:
            self.merge(using)
            return " USING (%s)" % ", ".join(ident(i) for i in j.args["using"])
        if method == "NATURAL":
            if any(s.columns is None for s in self.scope.sources):
                self.doubt("a NATURAL join of tables whose columns are not known")
            else:
                self.merge([k for k in self.scope.sources[-1].columns if k in left])
        return ""

    def merge(self, names):
        self.scope.merged_order = self.scope.merged_order + names
        self.scope.merged |= set(names)

    def table(self, node):
        if isinstance(node, exp.Table):
            if isinstance(node.this, exp.Func):
                return self.table_function(node, node.this, node.args.get("alias"), node.args.get("ordinality"))
            return self.plain_table(node)
        if isinstance(node, exp.Subquery):
            return self.derived(node, "")
        if isinstance(node, exp.Lateral):
            self.only(node, "this", "alias", "ordinality")
            if isinstance(node.this, exp.Subquery):
                return self.derived(node.this, "LATERAL ", node.args.get("alias"))
            return self.table_function(node, node.this, node.args.get("alias"), node.args.get("ordinality"))
        if isinstance(node, exp.Values):
            return self.derived(node, "", node.args.get("alias"))
        self.scope.sources.append(Source("", None))
        return self.unknown(node).sql

    def plain_table(self, node):
        self.only(node, "this", "db", "catalog", "alias", "joins")
        if not isinstance(node.this, exp.Identifier):
            self.scope.sources.append(Source("", None))
            return self.unknown(node).sql
        name, db = ident_text(node.this), node.args.get("db")
        schema_name = ident_text(db).lower() if db is not None else ""
        columns = self.table_columns(name, schema_name)
        alias = node.args.get("alias")
        shown_alias = alias.this if alias is not None and alias.this is not None else node.this
        renames = [ident_text(i) for i in (alias.args.get("columns") or ())] if alias is not None else []
        if renames:
            columns = None if columns is None else dict(renamed(list(columns.items()), renames))
        self.add_source(ident_text(shown_alias).lower(), columns)
        text = ".".join(ident(i) for i in (node.args.get("catalog"), self.schema_ident(db), node.this) if i is not None)
        return text + self.alias_text(alias)

    def schema_ident(self, db):
        """public is where PostgreSQL's unqualified tables are; duckdb calls that main."""
        if db is not None and ident_text(db).lower() == "public":
            return exp.to_identifier("main")
        return db

    def table_columns(self, name, schema_name):
        key = name.lower()
        if not schema_name:
            cte = self.scope.find_cte(key)
            if cte is not None or self.is_cte(key):
                return dict(cte) if cte is not None else None
        if name != key:
            self.mixed_case(name)
        if schema_name in ("pg_catalog", "information_schema") or (not schema_name and key.startswith("pg_")):
            self.doubt("the catalog table %s" % name)
        if self.schema is None:
            return None
        found = self.schema.get("%s.%s" % (schema_name, key) if schema_name not in ("", "public", "main") else key)
        if found is None:
            return None
        return {k.lower(): from_schema(t) for k, t in found.items()}

    def is_cte(self, key):
        at = self.scope
        while at is not None:
            if key in at.ctes:
                return True
            at = at.parent
        return False

    def add_source(self, alias, columns):
        if any(s.alias == alias for s in self.scope.sources):
            self.doubt("the table name %s is there twice" % alias)
        self.scope.sources.append(Source(alias, columns))

    def alias_text(self, alias):
        if alias is None or alias.this is None:
            return ""
        names = alias.args.get("columns")
        if names and not all(isinstance(i, exp.Identifier) for i in names):
            self.doubt("a column definition list")
            names = None
        return " AS %s%s" % (ident(alias.this), "(%s)" % ", ".join(ident(i) for i in names) if names else "")

    def derived(self, node, word, alias=None):
        """(query) AS x. Only LATERAL sees the tables before it."""
        alias = alias or node.args.get("alias")
        self.only(node, "this", "alias", "joins", "expressions", "order", "limit", "offset", "with_")
        before = self.scope
        if not word:
            self.scope = Scope(before.parent)
            self.scope.ctes = before.ctes
        try:
            q = self.query(node if isinstance(node, exp.Values) or node.args.get("order") or node.args.get("limit") else node.this,
                           top=False)
        finally:
            self.scope = before
        names = [ident_text(i) for i in (alias.args.get("columns") or ()) if isinstance(i, exp.Identifier)] if alias is not None else []
        columns = renamed(q.columns, names)
        self.add_source(ident_text(alias.this).lower() if alias is not None and alias.this is not None else "",
                        dict(columns) if columns is not None else None)
        return "%s(%s)%s" % (word, q.sql, self.alias_text(alias))

    def table_function(self, node, fn, alias, ordinality):
        """generate_series() in FROM; the alias names its column too."""
        name = self.names.of(fn) if isinstance(fn, exp.Anonymous) else ""
        args = fn.expressions if isinstance(fn, exp.Anonymous) else []
        if name != "generate_series" or ordinality or not 2 <= len(args) <= 3:
            self.scope.sources.append(Source(ident_text(alias.this).lower() if alias is not None and alias.this is not None else name,
                                             None))
            return self.unknown(node).sql
        xs = [self.e(a) for a in args]
        series, ty = self.series(node, xs)
        label = ident_text(alias.this) if alias is not None and alias.this is not None else "generate_series"
        names = [ident_text(i) for i in (alias.args.get("columns") or ())] if alias is not None else []
        column = names[0] if names else label
        self.add_source(label.lower(), {column.lower(): ty})
        return "(SELECT UNNEST(%s)) AS %s(%s)" % (series, quoted(label), quoted(column))

    def series(self, node, xs):
        """GENERATE_SERIES(…) as a list, and the type of its elements."""
        kinds = [x.ty.kind for x in xs]
        if set(kinds) <= {"int4"}:
            sql = "GENERATE_SERIES(%s)" % ", ".join("CAST(%s AS BIGINT)" % x.sql for x in xs)
            if len(xs) == 3 and xs[2].ty.lit in (None, 0):
                self.doubt("generate_series() with a step that may be 0")
            return "CAST(%s AS INTEGER[])" % sql, INT4
        if len(xs) == 3 and kinds[0] == kinds[1] == "timestamp" and kinds[2] == "interval":
            return "GENERATE_SERIES(%s)" % ", ".join(x.sql for x in xs), xs[0].ty
        if set(kinds) <= {"int4", "int8"}:
            sql = "GENERATE_SERIES(%s)" % ", ".join("CAST(%s AS BIGINT)" % x.sql for x in xs)
            if len(xs) == 3 and xs[2].ty.lit in (None, 0):
                self.doubt("generate_series() with a step that may be 0")
            return sql, INT8
        self.doubt("generate_series() over these types")
        return "GENERATE_SERIES(%s)" % ", ".join(x.sql for x in xs), ANY

    # ---- GROUP BY, windows, ORDER BY, LIMIT --------------------------------------------------------------------------

    def group(self, node, select):
        if node is None:
            return ""
        self.only(node, "expressions", "rollup", "cube", "grouping_sets")
        parts = [self.group_item(n, select) for n in node.expressions]
        for key, word in (("rollup", "ROLLUP"), ("cube", "CUBE")):
            for r in node.args.get(key) or ():
                parts.append("%s(%s)" % (word, ", ".join(self.e(n).sql for n in r.expressions)))
        for g in node.args.get("grouping_sets") or ():
            parts.append("GROUPING SETS (%s)" % ", ".join(self.grouping_set(n) for n in g.expressions))
        return " GROUP BY " + ", ".join(parts)

    def grouping_set(self, n):
        if isinstance(n, exp.Tuple):
            return "(%s)" % ", ".join(self.e(i).sql for i in n.expressions)
        return self.e(n.this if isinstance(n, exp.Paren) else n).sql if not isinstance(n, exp.Paren) else "(%s)" % self.e(n.this).sql

    def group_item(self, n, select):
        if type(n) in (exp.Rollup, exp.Cube):
            return "%s(%s)" % (n.key.upper(), ", ".join(self.e(i).sql for i in n.expressions))
        if type(n) is exp.GroupingSets:
            return "GROUPING SETS (%s)" % ", ".join(self.grouping_set(i) for i in n.expressions)
        if isinstance(n, exp.Literal) and not n.is_string and n.this.isdigit():
            return n.this
        if isinstance(n, exp.Column) and n.args.get("table") is None:
            key = ident_text(n.this).lower()
            aliased = [s for s in select.expressions if isinstance(s, exp.Alias) and s.alias.lower() == key]
            if aliased:
                return self.alias_or_column(n, key, aliased)
        return self.e(n).sql

    def alias_or_column(self, n, key, aliased):
        """An input column wins over an output name in GROUP BY, in both engines; else the expression is meant."""
        sources = self.scope.sources
        if any(s.columns is not None and key in s.columns for s in sources):
            return self.e(n).sql
        same = isinstance(aliased[0].this, exp.Column) and ident_text(aliased[0].this.this).lower() == key
        if any(s.columns is None for s in sources) and not same:
            # if there is such a column, both take it
            return ident(n.this)
        return self.e(aliased[0].this).sql

    def window_name(self, node):
        alias = node.args.get("alias")
        if alias is not None and not (node.args.get("partition_by") or node.args.get("order") or node.args.get("spec")):
            return ident(alias)
        return "(%s)" % self.window_body(node, alias)

    def window_body(self, node, base=None):
        parts = [ident(base)] if base is not None else []
        if node.args.get("partition_by"):
            parts.append("PARTITION BY " + ", ".join(self.e(n).sql for n in node.args["partition_by"]))
        if node.args.get("order") is not None:
            parts.append("ORDER BY " + ", ".join(self.ordered(o) for o in node.args["order"].expressions))
        spec = node.args.get("spec")
        if spec is not None:
            self.only(spec, "kind", "start", "start_side", "end", "end_side", "exclude")
            exclude = spec.args.get("exclude")
            parts.append("%s BETWEEN %s AND %s%s" % (
                spec.args["kind"].upper(), self.bound(spec, "start"), self.bound(spec, "end"),
                " EXCLUDE %s" % exclude.sql() if exclude is not None else ""))
        return " ".join(parts)

    def bound(self, spec, which):
        value, side = spec.args.get(which), (spec.args.get(which + "_side") or "").upper()
        if value is None:
            return "CURRENT ROW"
        if isinstance(value, str):
            return ("%s %s" % (value.upper(), side)).strip()
        x = self.e(value)
        if x.ty.kind not in ("int4", "int8", "numeric", "interval"):
            self.doubt("this window frame")
        return "%s %s" % (x.p, side)

    def windows(self, nodes):
        if not nodes:
            return ""
        return " WINDOW " + ", ".join("%s AS (%s)" % (ident(w.this), self.window_body(w, w.args.get("alias"))) for w in nodes)

    def ordered(self, o, columns=None):
        """One ORDER BY item, with the place of NULLs always said."""
        if not isinstance(o, exp.Ordered):
            return self.e(o).sql
        self.only(o, "this", "desc", "nulls_first")
        first = bool(o.args.get("nulls_first"))
        return "%s%s%s" % (self.order_key(o.this, columns), " DESC" if o.args.get("desc") else "",
                           " NULLS FIRST" if first else " NULLS LAST" if o.args.get("desc") else "")

    def order_key(self, n, columns):
        if columns is not None and isinstance(n, exp.Literal) and not n.is_string:
            return n.this
        if columns is not None and isinstance(n, exp.Column) and n.args.get("table") is None:
            name = ident_text(n.this)
            if name.lower() in self.scope.aliases:
                return quoted(name)
        before = self.scope.aliases
        x = self.raw(n)
        self.scope.aliases = before
        if x.ty.ratio and x.ty.ratio[2] == "count":
            return x.sql  # averages sort as their double precision neighbours do
        if columns is not None and isinstance(n, exp.Expression):
            self.check_shadowed(n)
        return self.settle(x).sql

    def check_shadowed(self, n):
        """Inside an ORDER BY expression PostgreSQL sees input columns only; duckdb prefers output names."""
        for col in n.find_all(exp.Column):
            key = ident_text(col.this).lower() if isinstance(col.this, exp.Identifier) else ""
            if not isinstance(n, exp.Column) and col.args.get("table") is None and key in self.scope.renamed_outputs:
                self.doubt("%s in an ORDER BY expression is an input column in PostgreSQL and an output name in duckdb" % key)

    def tail(self, node, columns):
        out = ""
        order = node.args.get("order")
        if order is not None:
            self.only(order, "expressions")
            out += " ORDER BY " + ", ".join(self.ordered(o, columns if columns is not None else ()) for o in order.expressions)
        return out + self.limit(node.args.get("limit")) + self.offset(node.args.get("offset"))

    def limit(self, node):
        if node is None:
            return ""
        if isinstance(node, exp.Fetch):
            options = node.args.get("limit_options")
            if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
                self.doubt("FETCH … WITH TIES")
            return self.count(" LIMIT ", node.args.get("count") or exp.Literal.number(1))
        self.only(node, "expression")
        if isinstance(node.expression, exp.Var) and node.expression.name.upper() == "ALL":
            return ""
        return self.count(" LIMIT ", node.expression)

    def offset(self, node):
        if node is None:
            return ""
        self.only(node, "expression")
        return self.count(" OFFSET ", node.expression)

    def count(self, word, n):
        x = self.e(n)
        if x.ty.kind not in ("int4", "int8", "any") or (isinstance(x.ty.lit, int) and x.ty.lit < 0):
            self.doubt("this%s" % word.rstrip())
        return word + x.p

    # ---- UNION, VALUES -----------------------------------------------------------------------------------------------

    def set_operation(self, node, top):
        self.only(node, "this", "expression", "distinct", "order", "limit", "offset", "with_")
        word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
        left, right = self.branch(node.this, top), self.branch(node.expression, top)
        columns = self.merged_columns(word, left, right)
        self.scope.aliases = {n for n, _ in columns or ()}
        sql = "%s %s%s %s" % (left.sql, word, "" if node.args.get("distinct") else " ALL", right.sql)
        return Query(sql + self.tail(node, columns), columns)

    def branch(self, node, top):
        q = self.query(node, top)
        if isinstance(node, exp.SetOperation) or (isinstance(node, exp.Select) and any(
                node.args.get(k) for k in ("order", "limit", "offset", "with_"))):
            return Query("(%s)" % q.sql, q.columns)
        return q

    def merged_columns(self, word, left, right):
        if left.columns is None or right.columns is None or len(left.columns) != len(right.columns):
            if left.columns is not None and right.columns is not None:
                self.doubt("%s of queries with different numbers of columns" % word)
            elif self.schema is None or left.columns is None and right.columns is None:
                self.doubt("%s over columns that are not known" % word)
            return left.columns
        out = []
        for (name, lt), (_, rt) in zip(left.columns, right.columns):
            if lt.kind == "any" and rt.kind == "any":
                self.doubt("%s over columns of unknown type" % word)
            xs, ty = self.common([X("x", lt), X("y", rt)], word)
            if ty.kind == "numeric" and ty.scale is None:
                self.settle(X("x", ty))
                ty = ANY
            if any(t.kind == "unknown" and t.lit is not None for t in (lt, rt)) and ty.kind not in ("text", "any"):
                self.doubt("%s of an untyped literal with %s" % (word, ty.kind))
            if lt.kind != rt.kind and {lt.kind, rt.kind} & {"float4", "numeric"} and {lt.kind, rt.kind} & {"float8"}:
                self.doubt("%s of %s and %s" % (word, lt.kind, rt.kind))
            out.append((name, ty))
        return out

    def values(self, node):
        self.only(node, "expressions", "alias", "order", "limit", "offset", "with_")
        rows = [r.expressions if isinstance(r, exp.Tuple) else [r] for r in node.expressions]
        width = len(rows[0])
        if any(len(r) != width for r in rows):
            self.doubt("VALUES lists of different lengths")
            return Query(self.fallback(node), None)
        done, columns = [], []
        for i in range(width):
            xs, ty = self.common([self.e(r[i]) for r in rows], "VALUES")
            if ty.kind == "numeric" and ty.scale is None:
                self.settle(X("x", ty))
                ty = ANY
            name = duck_type(ty)
            if name and ty.kind not in ("text", "bool") and not (ty.kind == "numeric" and ty.whole):
                xs = [X("CAST(%s AS %s)" % (xs[0].sql, name), ty)] + xs[1:]
            done.append([x.sql for x in xs])
            columns.append(("column%d" % (i + 1), ty))
        body = "VALUES " + ", ".join("(%s)" % ", ".join(col[j] for col in done) for j in range(len(rows)))
        return Query("SELECT * FROM (%s) AS v(%s)%s" % (body, ", ".join(n for n, _ in columns), self.tail(node, columns)), columns)


def renamed(columns, names):
    if columns is None:
        return None
    return [(names[i].lower() if i < len(names) else n, t) for i, (n, t) in enumerate(columns)]


def same_name(alias):
    """t.a AS a, as much as a."""
    this = alias.this
    return isinstance(this, exp.Column) and isinstance(this.this, exp.Identifier) and this.name.lower() == alias.alias.lower()


def quoted(name):
    return ident(exp.to_identifier(name, quoted=True))
