"""PostgreSQL queries as DuckDB text. The parts: pgfrom.py (FROM), pgclauses.py (GROUP BY …), pgscope.py (names)."""
from sqlglot import exp

from qf_pgaggs import AGGREGATES, WINDOWS, aggregate
from qf_pgcasts import from_any
from qf_pgclauses import Clauses
from qf_pgfuncs import round_ratio
from qf_pgnames import column_name, ident, ident_text
from qf_pgscope import Query, Scope, quoted, renamed, same_name
from qf_pgtypes import ANY, BOOL, OWN, TEXT, Ty, duck_type
from qf_pgvalue import X


class Statements(Clauses):
    aggregates = set(AGGREGATES) | set(WINDOWS)

    def __init__(self, names, fallback, schema):
        super().__init__(names, fallback)
        self.schema = schema     # {table: {column: type name}}, lower case; or None
        self.spelled = {c for t in (schema or {}).values() for c in t}  # names of columns and outputs as they are
        self.absent = False      # a table of the statement was looked up and is not there: the engine's error is the answer
        self.in_with = 0         # of queries that duckdb may never look at
        self.in_set = 0          # of the queries of a UNION
        self.quoted = {}         # lower case → spelling of names that are not all lower case

    def cast_any(self, x, ty):
        return from_any(self, None, x, ty)

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
            self.spelled.update(columns)
            parts.append(self.cte(cte, alias, name.lower(), columns, node.args.get("recursive")))
        return "WITH %s%s " % ("RECURSIVE " if node.args.get("recursive") else "", ", ".join(parts))

    def cte(self, cte, alias, key, columns, recursive):
        if not isinstance(cte.this, exp.Query):
            self.doubt("a data-modifying WITH")
            return self.fallback(cte)
        self.in_with += 1
        if recursive:
            self.scope.ctes[key] = self.first_term(cte.this, columns)
        q = self.query(cte.this, top=False)
        self.in_with -= 1
        self.scope.ctes[key] = self.distinct_names(renamed(q.columns, columns))
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
        items, columns = self.items(node.expressions, top)  # in this order PostgreSQL meets the parameters
        where = self.clause(node, "where", " WHERE ")
        having = self.clause(node, "having", " HAVING ")
        group = self.group(node.args.get("group"), node)
        self.scope.aliases = {n for n, _ in columns or ()}
        windows = self.windows(node.args.get("windows"))
        self.check_distinct(node)
        head = "SELECT %s%s" % (self.distinct(node.args.get("distinct")), items or "")
        if not node.expressions:
            self.doubt("a SELECT without columns")
        return Query(head + frm + where + group + having + windows + self.tail(node, columns), columns)

    def check_distinct(self, node):
        """PostgreSQL sorts a DISTINCT by what is selected, a DISTINCT ON by its expressions first; duckdb by anything."""
        distinct, order = node.args.get("distinct"), node.args.get("order")
        if distinct is None or order is None:
            return
        keys = [o.this for o in order.expressions if isinstance(o, exp.Ordered)]
        on = distinct.args.get("on")
        if on is None:
            shown = {text for s in node.expressions for text in (s.sql(), s.alias_or_name.lower(), s.unalias().sql())}
            if any(not isinstance(k, exp.Literal) and k.sql() not in shown and k.sql().lower() not in shown for k in keys):
                self.doubt("SELECT DISTINCT sorted by something that is not selected")
            return
        wanted = {n.sql() for n in (on.expressions if isinstance(on, exp.Tuple) else [on])}
        first = {k.sql() for k in keys[:len(wanted)]}
        if first != wanted and not first & {"1", "2"}:
            self.doubt("DISTINCT ON that does not begin its ORDER BY")

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
            x = self.value(n, top and not self.in_set)
            if top and not self.in_set:
                x = self.shown(x)
            name = column_name(n, self.names)
            if name != name.lower():
                self.spelled.add(name)
                if not top:
                    self.mixed_case(name)
            plain_column = isinstance(n, exp.Column) and x.sql.split(".")[-1] == name
            texts.append(x.sql if plain_column else "%s AS %s" % (x.sql, quoted(name)))
            if columns is not None:
                columns.append((name.lower(), x.ty))
        return ", ".join(texts), columns

    def value(self, node, last=False):
        """An output value: a bare string literal is text. In the result numerics of parameters have the digits that they have."""
        x = self.raw(node.this if isinstance(node, exp.Alias) else node)
        if not (last and x.ty.open == OWN):
            x = self.settle(x)
        elif not x.sql[1:].isdigit():
            x = X("COALESCE(%s, CAST(NULL AS DECIMAL(1, 0)))" % x.sql, x.ty)  # of a NULL that it knows duckdb makes an integer
        if isinstance(node, exp.Alias) and node.comments:
            x = X("%s /*%s*/" % (x.sql, "*/ /*".join(node.comments)), x.ty)
        if x.ty.kind == "unknown" and x.ty.lit is not None:
            return X(x.sql, TEXT)
        if x.ty.kind == "param":
            return self.as_type(x, TEXT)
        return x

    def shown(self, x):
        """A value of the result has PostgreSQL's type, also where duckdb holds another one that shows the same."""
        if x.ty.kind == "numeric" and x.ty.whole:
            return X("CAST(%s AS DECIMAL(38, 0))" % x.sql, x.ty)
        if x.sql == "NULL" and x.ty.kind == "unknown":
            return X("CAST(NULL AS VARCHAR)", x.ty)
        known = "CAST(NULL" in x.sql and x.ty.kind == "numeric" and not x.ty.open and duck_type(x.ty)
        return X("CAST(%s AS %s)" % (x.sql, known), x.ty) if known else x

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

    # ---- UNION, VALUES -----------------------------------------------------------------------------------------------

    def set_operation(self, node, top):
        self.only(node, "this", "expression", "distinct", "order", "limit", "offset", "with_")
        word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
        self.in_set += 1
        left, right = self.branch(node.this, top), self.branch(node.expression, top)
        self.in_set -= 1
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
