"""PostgreSQL → DuckDB: from text to text. The way in to the other pg* modules."""
from sqlglot import exp

from qf_pgddl import create
from qf_pgnames import ident, ident_text
from qf_pgparams import stored
from qf_pgquery import Statements
from qf_pgscope import Scope, Source
from qf_pgtypes import ANY, FREE, INTS, NUMBERS, shown
from qf_pgvalue import X


ASSIGNED = set(INTS) | {"any", "text", "bool", "numeric", "date", "timestamp", "timestamptz", "time", "uuid"}


class Writer(Statements):
    """Statements that are no queries."""

    def statement(self, node):
        if isinstance(node, (exp.Query, exp.Values)):
            return self.query(node).sql
        handler = {exp.Insert: self.insert, exp.Update: self.update, exp.Delete: self.delete, exp.Create: self.create,
                   exp.Drop: self.drop, exp.Alter: self.alter, exp.Transaction: self.word, exp.Commit: self.word, exp.Rollback: self.word,
                   exp.TruncateTable: self.truncate}.get(type(node))
        if handler is None:
            return self.unknown(node).sql
        return handler(node)

    def word(self, node):
        self.only(node)
        return {exp.Transaction: "BEGIN", exp.Commit: "COMMIT", exp.Rollback: "ROLLBACK"}[type(node)]

    def under_scope(self):
        self.scope = Scope(self.scope)

    def insert(self, node):
        self.only(node, "with_", "this", "expression", "conflict", "returning")
        self.under_scope()
        prefix = self.with_(node.args.get("with_"))
        target = node.this
        names = list(target.expressions) if isinstance(target, exp.Schema) else []
        table = target.this if isinstance(target, exp.Schema) else target
        text = self.plain_table(table)
        columns = self.scope.sources[0].columns
        into = self.targets(names, columns)
        body = self.insert_body(node.expression, into)
        return "%sINSERT INTO %s%s %s%s%s" % (
            prefix, text, " (%s)" % ", ".join(ident(i) for i in names) if names else "", body,
            self.conflict(node.args.get("conflict")), self.returning(node.args.get("returning")))

    def targets(self, names, columns):
        """The types of the columns that are written, or None."""
        if columns is None:
            return None
        if not names:
            return list(columns.values())
        return [columns.get(ident_text(i).lower()) for i in names]

    def insert_body(self, node, into):
        if node is None:
            self.doubt("INSERT without rows")
            return "DEFAULT VALUES"
        if not isinstance(node, exp.Values):
            q = self.query(node, top=False) if isinstance(node, exp.Query) else None
            if q is None:
                return self.unknown(node).sql
            if q.columns is None or into is None:
                self.doubt("INSERT … SELECT between columns whose types are not known")
            else:
                for (_, have), want in zip(q.columns, into):
                    self.assign(X("x", have), want)
            return q.sql
        rows = []
        for r in node.expressions:
            cells = r.expressions if isinstance(r, exp.Tuple) else [r]
            rows.append("(%s)" % ", ".join(self.cell(v, into[i] if into and i < len(into) else None)
                                           for i, v in enumerate(cells)))
        return "VALUES " + ", ".join(rows)

    def cell(self, node, want):
        if isinstance(node, exp.Var) and node.name.lower() == "default":
            return "DEFAULT"
        return self.assign(self.settle(stored(self.raw(node))), want).sql

    def assign(self, x, want):
        """An assignment cast: what PostgreSQL converts on the way into a column."""
        if want is None:
            want = ANY
        x = stored(x)
        if x.ty.kind in FREE:
            return stored(self.as_type(x, want))
        if x.ty.kind == "json" and want.kind == "any":
            return x
        if want.kind == "any" or x.ty.kind == "any":
            # what PostgreSQL converts into another type on assignment, duckdb converts alike from these
            if x.ty.kind not in ASSIGNED:
                self.doubt("a value of type %s into a column of unknown type" % shown(x.ty))
            elif x.ty.kind == "any" and want.kind not in ("any", "text"):
                self.doubt("a value of unknown type into a column")
            return x
        have = x.ty.kind
        if have in NUMBERS and want.kind in NUMBERS and not (have in ("float4", "float8") and want.kind == "numeric"):
            return x
        if have != want.kind and not (have in ("date", "timestamp", "timestamptz") and want.kind in ("date", "timestamp", "timestamptz")):
            self.doubt("a value of type %s into a column of type %s" % (have, want.kind))
        return x

    def conflict(self, node):
        if node is None:
            return ""
        self.only(node, "action", "conflict_keys", "expressions", "where")
        keys = ", ".join(ident(k.this.this) for k in node.args.get("conflict_keys") or () if isinstance(k.this, exp.Column))
        action = node.args["action"].name.upper() if node.args.get("action") is not None else ""
        head = " ON CONFLICT%s " % (" (%s)" % keys if keys else "")
        if action == "DO NOTHING":
            return head + action
        self.scope.sources.append(Source("excluded", self.scope.sources[0].columns))
        sets = ", ".join(self.set_item(s) for s in node.expressions)
        if action != "DO UPDATE" or not keys:
            self.doubt("this ON CONFLICT")
        where = node.args.get("where")
        return "%sDO UPDATE SET %s%s" % (head, sets, " WHERE " + self.truth(where.this).sql if where is not None else "")

    def set_item(self, node):
        if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.Column):
            return self.unknown(node).sql
        columns = self.scope.sources[0].columns
        key = ident_text(node.this.this).lower()
        want = columns.get(key) if columns is not None else None
        return "%s = %s" % (ident(node.this.this), self.cell(node.expression, want))

    def returning(self, node):
        if node is None:
            return ""
        self.only(node, "expressions")
        return " RETURNING " + self.items(node.expressions, True)[0]

    def update(self, node):
        self.only(node, "with_", "this", "expressions", "from_", "where", "returning")
        self.under_scope()
        prefix = self.with_(node.args.get("with_"))
        table = self.plain_table(node.this)
        first = self.scope.sources[0]
        frm = self.from_(node)
        self.scope.sources.remove(first)
        self.scope.sources.insert(0, first)
        sets = ", ".join(self.set_item(s) for s in node.expressions)
        if frm:
            self.doubt("UPDATE … FROM: which of several matching rows is taken may differ")
        return "%sUPDATE %s SET %s%s%s%s" % (prefix, table, sets, frm, self.clause(node, "where", " WHERE "),
                                             self.returning(node.args.get("returning")))

    def delete(self, node):
        self.only(node, "with_", "this", "using", "where", "returning")
        self.under_scope()
        prefix = self.with_(node.args.get("with_"))
        table = self.plain_table(node.this)
        using = node.args.get("using")
        text = " USING " + ", ".join(self.table(t) for t in using) if using else ""
        return "%sDELETE FROM %s%s%s%s" % (prefix, table, text, self.clause(node, "where", " WHERE "),
                                           self.returning(node.args.get("returning")))

    def truncate(self, node):
        self.only(node, "expressions")
        if len(node.expressions) != 1:
            return self.unknown(node).sql
        self.under_scope()
        return "TRUNCATE " + self.plain_table(node.expressions[0])

    def drop(self, node):
        from qf_pgddl import drop
        return drop(self, node)

    def alter(self, node):
        from qf_pgddl import alter
        self.under_scope()
        return alter(self, node)

    def create(self, node):
        self.under_scope()
        return create(self, node)
