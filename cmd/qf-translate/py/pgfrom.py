"""FROM of a PostgreSQL query: tables, joins, subqueries, functions. See pgquery.py."""
from sqlglot import exp

from qf_pgexpr import Exprs
from qf_pgnames import ident, ident_text
from qf_pgscope import Scope, Source, quoted, renamed
from qf_pgtypes import ANY, INT4, INT8, from_schema


class Tables(Exprs):
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
        catalog = ident_text(node.args["catalog"]).lower() if node.args.get("catalog") is not None else ""
        columns = self.table_columns(name, schema_name, catalog)
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

    def table_columns(self, name, schema_name, catalog):
        key = name.lower()
        if not schema_name:
            cte = self.scope.find_cte(key)
            if cte is not None or self.is_cte(key):
                return dict(cte) if cte is not None else None
        if name != key:
            self.mixed_case(name)
        if not schema_name and key.startswith("pg_"):
            self.doubt("the catalog table %s" % name)
        if self.schema is None:
            return None
        found = self.schema.get(".".join(x for x in (catalog, schema_name, key) if x))
        if found is None and schema_name in ("public", "main") and not catalog:
            found = self.schema.get(key)
        if not found:
            self.absent = self.absent or found is not None and not self.in_with
            return None
        return {k.lower(): from_schema(t) for k, t in found.items()}

    def distinct_names(self, columns):
        """duckdb renames the second of two output columns of one name when a query is selected from."""
        if columns is not None and len({n for n, _ in columns}) < len(columns):
            self.doubt("two output columns of one name in a subquery")
        return columns

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
        self.spelled.update(names)
        columns = self.distinct_names(renamed(q.columns, names))
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
        if {x.ty.kind for x in xs} == {"int4", "param"}:
            xs = [self.as_type(x, INT4) for x in xs]
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
