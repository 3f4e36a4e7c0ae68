"""GROUP BY, windows, ORDER BY and LIMIT of a PostgreSQL query. See pgquery.py."""
from sqlglot import exp

from qf_pgfrom import Tables
from qf_pgnames import ident, ident_text
from qf_pgscope import quoted
from qf_pgtypes import INT8
from qf_pgvalue import by_length


class Clauses(Tables):
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
        return self.whole(self.e(n)).sql

    def whole(self, x):
        """duckdb tells intervals of one length apart when it groups."""
        if x.ty.kind == "interval":
            self.doubt("grouping by intervals")
        return x

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
            if columns and n.this.isdigit() and 0 < int(n.this) <= len(columns) and columns[int(n.this) - 1][1].kind == "interval":
                self.doubt("ORDER BY the number of an interval column")
            return n.this
        if columns is not None and isinstance(n, exp.Column) and n.args.get("table") is None:
            name = ident_text(n.this)
            if name.lower() in self.scope.aliases:
                if columns and sum(1 for k, _ in columns if k == name.lower()) > 1:
                    self.doubt("ORDER BY %s: more than one output column has that name" % name)
                if columns and dict(columns)[name.lower()].kind == "interval":
                    return "EPOCH_US(%s)" % quoted(name)
                return quoted(name)
        before = self.scope.aliases
        x = self.raw(n)
        self.scope.aliases = before
        if x.ty.ratio and x.ty.ratio[2] == "count":
            return x.sql  # averages sort as their double precision neighbours do
        if columns is not None and isinstance(n, exp.Expression):
            self.check_shadowed(n)
        return by_length(self.settle(x)).sql

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
        if x.ty.kind == "param":
            x = self.as_type(x, INT8)
        if x.ty.kind not in ("int2", "int4", "int8", "any") or (isinstance(x.ty.lit, int) and x.ty.lit < 0):
            self.doubt("this%s" % word.rstrip())
        return word + x.p
