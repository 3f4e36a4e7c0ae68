"""PostgreSQL's statements about its catalog, for DuckDB: those that read nothing but pg_catalog and information_schema.

Their relations are WITH queries over the engine's own tables of tables, their functions are written out (catalog.py). All
that is in them is known here, columns and types, so that this is a translation of its own: numbers of objects are shown as
names where PostgreSQL would do that, vectors are counted from 0, and the types of the result are told to the engine's
adapter in a comment, since DuckDB has none that are called oid and name.
"""
import re

from sqlglot import exp

from qf_catalog import catalog, held
from qf_pgcatexpr import EARLY, HANDLERS, NAMED, ident_name, keep_case, sql_of
from qf_pgcatfuncs import AGGREGATES, ROWS, table_of
from qf_pgcatwords import OIDS, REGS, VECTORS, name_of
from qf_pgnames import column_name
from qf_tokens import lex, quote

# What the adapter of the engine calls a column of the result when it is told to (lib/engine/duckdb/shown.c).
SHOWN_AS = ("oid", "name", "char", "varchar", "pg_node_tree", "int2vector", "oidvector", "_oid", "_name", "_char", "_varchar")
MARK = "/*qf:catalog %s*/ "
SCHEMAS = ("pg_catalog", "information_schema")


# ---- scopes ----------------------------------------------------------------------------------------------------------

class Scope:
    def __init__(self, parent=None):
        self.parent, self.sources, self.ctes = parent, [], {}

    def cte(self, name):
        at = self
        while at is not None:
            if name in at.ctes:
                return True, at.ctes[name]
            at = at.parent
        return False, None

    def column(self, table, name):
        """(type or None, relation, alias): of the nearest that has it."""
        at = self
        while at is not None:
            for alias, columns, relation in at.sources:
                if table and alias != table:
                    continue
                if columns and name in columns:
                    return columns[name], relation, alias
                if table:
                    return None, relation, alias
            at = at.parent
        return None, None, ""


class UserTables(Exception):
    """The statement reads a table of the user's, too."""


class Unseen(Exception):
    """A table of the statement stands where none is looked for."""


class Reader:
    """One walk over the tree, which is changed on the way."""

    def __init__(self, names, doubts):
        self.names, self.doubts = names, doubts
        self.catalog = catalog()
        self.used = False
        self.seen = set()  # the tables of the tree that have been looked up

    def doubt(self, text):
        if text not in self.doubts:
            self.doubts.append(text)

    # ---- queries -----------------------------------------------------------------------------------------------------

    def query(self, node, parent, top=False):
        """[(name, type)] of the output, or None."""
        scope = Scope(parent)
        self.with_(node.args.get("with_"), scope)
        if isinstance(node, exp.Subquery):
            columns = self.query(node.this, scope, top)
        elif isinstance(node, exp.SetOperation):
            columns = self.query(node.this, scope, top)
            self.query(node.expression, scope, top)
        elif isinstance(node, exp.Values):
            columns = self.values(node, scope)
        elif isinstance(node, exp.Select):
            columns = self.select(node, scope, top)
        else:
            self.doubt("a query of the kind %s" % node.key)
            return None
        if not isinstance(node, exp.Select):
            self.rest(node, scope, ("order", "limit", "offset"))
        return columns

    def with_(self, node, scope):
        for cte in node.expressions if node is not None else ():
            alias = cte.args["alias"]
            name, columns = ident_name(alias.this), [ident_name(i) for i in alias.args.get("columns") or ()]
            if not isinstance(cte.this, exp.Query):
                raise UserTables
            if node.args.get("recursive"):
                if any(ident_name(t.this) == name for t in cte.this.find_all(exp.Table) if isinstance(t.this, exp.Identifier)):
                    # The catalog is computed anew in each round: what takes PostgreSQL milliseconds takes minutes.
                    self.doubt("a recursive query about the catalog")
                scope.ctes[name] = {c: None for c in columns}
                first = cte.this
                while isinstance(first, exp.SetOperation):
                    first = first.this
                types = self.query(first.copy(), scope)
                scope.ctes[name] = dict(renamed(types, columns) or ())
            scope.ctes[name] = dict(renamed(self.query(cte.this, scope), columns) or ())
            for i in alias.args.get("columns") or ():
                keep_case(i)
            keep_case(alias.this)

    def values(self, node, scope):
        rows = [r.expressions if isinstance(r, exp.Tuple) else [r] for r in node.expressions]
        types = []
        for row in rows:
            got = [self.e(x, scope) for x in row]
            types = types or got
        return [("column%d" % (i + 1), t) for i, t in enumerate(types)]

    def rest(self, node, scope, keys):
        for key in keys:
            part = node.args.get(key)
            for x in part if isinstance(part, list) else [part] if part is not None else ():
                for child in list(x.iter_expressions()):
                    self.e(child, scope)

    def select(self, node, scope, top):
        frm = node.args.get("from_")
        if frm is not None:
            self.source(frm.this, scope)
        for j in node.args.get("joins") or ():
            self.source(j.this, scope)
            if j.args.get("on") is not None:
                self.e(j.args["on"], scope)
        for lateral in node.args.get("laterals") or ():
            self.source(lateral, scope)
        columns = []
        if not node.expressions:
            self.no_columns(node)
        for item in list(node.expressions):
            columns += self.item(item, scope, top)
        self.rest(node, scope, ("where", "group", "having", "order", "limit", "offset", "distinct"))
        for w in node.args.get("windows") or ():
            self.e(w, scope)
        return columns

    def no_columns(self, node):
        if not isinstance(node.parent, exp.Exists):
            self.doubt("SELECT without columns")
        node.set("expressions", [exp.Literal.number(1)])

    def item(self, item, scope, top):
        if item.is_star:
            return self.star(item, scope, top)
        name = NAMED.get(type(item)) or re.sub("^qf_+", "", column_name(item, self.names))
        inner = item.this if isinstance(item, exp.Alias) else item
        holder = exp.Alias(this=inner.copy(), alias=exp.to_identifier(name, quoted=True))
        item.replace(holder)
        ty = self.e(holder.this, scope)
        if top:
            ty = self.show(holder.this, ty)
        elif ty is None and isinstance(holder.this, exp.Null):
            holder.this.replace(exp.Var(this="CAST(NULL AS VARCHAR)"))
        return [(name, ty)]

    def show(self, node, ty):
        """A value of the result, as PostgreSQL writes it out."""
        if isinstance(node, exp.Null):
            node.replace(exp.Var(this="CAST(NULL AS VARCHAR)"))
        elif ty in REGS:
            self.put(node, self.text_of(sql_of(node), ty))
        elif ty in VECTORS:
            self.put(node, "array_to_string(%s, ' ')" % sql_of(node))
        return ty

    def star(self, item, scope, top):
        """In the result the columns one by one where one of them is shown as something else than it is."""
        table = item.args.get("table") if isinstance(item, exp.Column) else None
        known = [c for a, c, _ in scope.sources if table is None or a == ident_name(table)]
        if all(c is not None for c in known) and not (top and any(t in REGS + VECTORS for c in known for t in c.values())):
            return [x for c in known for x in c.items()]
        out, exprs = [], []
        for alias, columns, _ in scope.sources:
            if table is not None and alias != ident_name(table):
                continue
            if columns is None:
                return []
            for c, ty in columns.items():
                col = exp.column(exp.to_identifier(c, quoted=True), exp.to_identifier(alias, quoted=True) if alias else None)
                new = exp.Alias(this=col, alias=exp.to_identifier(c, quoted=True))
                exprs.append(new)
                out.append((c, ty))
        parent = item.parent
        parent.set("expressions", [y for x in parent.expressions for y in (exprs if x is item else [x])])
        for x, (_, ty) in zip(exprs, out):
            if top:
                self.show(x.this, ty)
        return out

    # ---- FROM --------------------------------------------------------------------------------------------------------

    def source(self, node, scope):
        alias = node.args.get("alias")
        label = ident_name(alias.this) if alias is not None and alias.this is not None else ""
        names = [ident_name(i) for i in (alias.args.get("columns") or ()) if isinstance(i, exp.Identifier)] if alias is not None else []
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            self.table(node, label, names, scope)
            self.seen.add(id(node))
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            scope.sources.append((label, dict(renamed(self.query(node.this.this, scope), names) or ()), None))
        elif isinstance(node, (exp.Table, exp.Lateral)):
            self.function(node, label, names, scope)
        elif isinstance(node, exp.Subquery) and in_parentheses(node.this):
            self.source(node.this, scope)
        elif isinstance(node, (exp.Subquery, exp.Values)):
            columns = self.query(node, scope) if isinstance(node, exp.Values) else self.query(node.this, Scope(scope))
            scope.sources.append((label, dict(renamed(columns, names) or ()), None))
            self.rest(node, scope, ("order", "limit", "offset"))
        else:
            self.doubt("%s in FROM" % self.names.label(node))
        if alias is not None:
            for i in [alias.this] + (alias.args.get("columns") or []):
                if isinstance(i, exp.Identifier):
                    keep_case(i)
        for j in node.args.get("joins") or ():
            self.source(j.this, scope)
            if j.args.get("on") is not None:
                self.e(j.args["on"], scope)

    def table(self, node, label, names, scope):
        name = ident_name(node.this)
        db = node.args.get("db")
        schema = ident_name(db) if db is not None else ""
        found, columns = (False, None) if schema else scope.cte(name)
        if found:
            scope.sources.append((label or name, dict(renamed(list(columns.items()), names)), None))
            keep_case(node.this)
            return
        relation = self.relation(schema, name)
        if relation is None:
            raise UserTables
        self.used = True
        columns = dict(renamed(list(relation.columns.items()), names))
        scope.sources.append((label or name, columns, relation))
        new = exp.to_identifier(relation.cte)
        node.set("this", new)
        node.set("db", None)
        node.set("catalog", None)
        if not label:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))

    def relation(self, schema, name):
        """PostgreSQL looks for a bare name in pg_catalog first."""
        return self.catalog.relation(schema or "pg_catalog", name)

    def function(self, node, label, names, scope):
        fn = node.this
        if isinstance(fn, exp.Dot):
            fn = fn.expression
        name = self.names.of(fn) if isinstance(fn, exp.Anonymous) else fn.key
        if name in ROWS:
            types = [self.e(a, scope) for a in arguments_of(fn)]
            text, columns = table_of(self, name, [sql_of(a) for a in arguments_of(fn)], types, bool(node.args.get("ordinality")))
            self.used = self.used or "pg_" in name
        else:
            holder = exp.Paren(this=fn.copy())
            ty = self.e(holder.this, scope)
            text, columns = "SELECT %s AS a" % sql_of(holder.this), [(name, ty)]
            if node.args.get("ordinality"):
                text, columns = text + ", 1 AS b", columns + [("ordinality", "int8")]
        label = label or name
        if len(columns) == 1 + bool(node.args.get("ordinality")) and not names:
            columns = [(label, columns[0][1])] + columns[1:]
        columns = renamed(columns, names)
        scope.sources.append((label, dict(columns), None))
        node.replace(exp.Var(this='%s(%s) AS "%s"(%s)' % ("LATERAL " if isinstance(node, exp.Lateral) else "", text, label, ", ".join('"%s"' % c for c, _ in columns))))

    # ---- expressions -------------------------------------------------------------------------------------------------

    def put(self, node, text):
        new = exp.Var(this=text)
        node.replace(new)
        return new

    def e(self, node, scope):
        """The type of an expression, or None; the node may be another one in the tree afterwards."""
        if isinstance(node, exp.Query):
            columns = self.query(node.this if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query) else node, scope)
            return columns[0][1] if columns and len(columns) == 1 else None
        handler = HANDLERS.get(type(node))
        if handler is not None and handler in EARLY:
            return handler(self, node, scope)
        types = []
        for child in list(node.iter_expressions()):
            types.append(self.e(child, scope))
        if handler is not None:
            return handler(self, node, scope, types)
        return None

    def text_of(self, sql, ty):
        """A value of that type as text."""
        base = {"regprocedure": "regproc"}.get(ty, ty)
        if base in REGS:
            self.used = True
            return self.catalog.call("qf_%s_text" % base, [sql])
        if ty in VECTORS:
            return "array_to_string(%s, ' ')" % sql
        if ty is not None and ty.startswith("_"):
            return "('{' || array_to_string(%s, ',') || '}')" % sql
        return "CAST(%s AS VARCHAR)" % sql

    def array(self, text, to):
        """A literal of an array, of one dimension."""
        body, at, items = text.strip()[1:-1], 0, []
        while at < len(body):
            m = _MEMBER.match(body, at)
            if m is None:
                self.doubt("this array literal")
                break
            items.append("NULL" if m[2] and m[2].lower() == "null" else quote(m[2] if m[1] is None else re.sub(r"\\(.)", r"\1", m[1])))
            at = m.end()
        return "CAST([%s] AS %s)" % (", ".join(items), held(to))

    def read_as(self, sql, literal, have, to):
        """What a cast to one of the types of the catalog makes of a value."""
        if literal is not None and literal.strip().isdigit() and to in OIDS:
            return literal.strip()
        if to in OIDS and have in OIDS + ("int2", "int4", "int8"):
            return "CAST(%s AS BIGINT)" % sql
        if to in REGS:
            relation = self.catalog.relation("pg_catalog", (literal or "").removeprefix("pg_catalog.")) if to == "regclass" else None
            if relation is not None:
                return str(relation.oid)
            self.used = True
            return self.catalog.call({"regprocedure": "regproc"}.get(to, to), [sql if literal is not None else "CAST(%s AS VARCHAR)" % sql])
        if to in VECTORS:
            return "CAST(string_split(%s, ' ') AS %s)" % (sql, held(to)) if literal is not None else sql
        if literal is not None and to.startswith("_"):
            return self.array(literal, to)
        if have in REGS + VECTORS and to in ("text", "name", "varchar"):
            return self.text_of(sql, have)
        return "CAST(%s AS %s)" % (sql, held(to))


_MEMBER = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\]*[^",{}\\\s]))\s*(?:,|$)')


def in_parentheses(node):
    """What stands in these parentheses is a table or a join, and not a query."""
    return isinstance(node, exp.Table) or isinstance(node, exp.Subquery) and bool(node.args.get("alias") or node.args.get("joins") or in_parentheses(node.this))


def arguments_of(fn):
    return list(fn.expressions) if isinstance(fn, exp.Anonymous) else list(fn.iter_expressions())


def renamed(columns, names):
    if columns is None:
        return None
    return [(names[i] if i < len(names) else n, t) for i, (n, t) in enumerate(columns)]


# ---- parameters ------------------------------------------------------------------------------------------------------

def parameter_types(tree):
    """{$n: what it is cast to where it stands first}"""
    types = {}
    for p in tree.find_all(exp.Parameter):
        to = p.parent.args["to"] if isinstance(p.parent, exp.Cast) else None
        plain = isinstance(to, exp.DataType) and to.this != exp.DataType.Type.USERDEFINED
        types.setdefault(p.sql("duckdb"), to.sql("duckdb") if plain else "VARCHAR")
    return types


def with_all(tree, types):
    """The text of the tree. A parameter that the translation does not need has a place in it all the same: the client sends it."""
    out = tree.sql("duckdb")
    tokens = lex(out, "duckdb")
    if any(name_of(a).lower() in SCHEMAS and b[1] == "." for a, b in zip(tokens, tokens[1:])):
        raise Unseen
    used = {text for kind, text, _ in tokens if kind == "param"}
    lost = [n for n in types if n not in used]
    if not lost:
        return out
    first = tree
    while isinstance(first, (exp.SetOperation, exp.Subquery)):
        first = first.this
    where = first.args.get("where")
    if isinstance(first, exp.Select):
        parts = ["(%s)" % sql_of(where.this)] if where is not None else []
        parts += ["(CAST(%s AS %s) IS NULL OR true)" % (n, types[n]) for n in lost]
        first.set("where", exp.Where(this=exp.Var(this=" AND ".join(parts))))
    return tree.sql("duckdb")


# ---- rows that are written down --------------------------------------------------------------------------------------

def in_order(tree, names):
    """SELECT … FROM (VALUES …) gives the rows as they are written, which duckdb does not where it joins something to them."""
    frm = tree.args.get("from_") if isinstance(tree, exp.Select) else None
    if frm is None or not isinstance(frm.this, exp.Values) or any(tree.args.get(k) for k in ("joins", "laterals", "order", "group", "having", "distinct")):
        return
    rows, alias = frm.this.expressions, frm.this.args.get("alias")
    columns = alias.args.get("columns") or [] if alias is not None else []
    calls = (names.of(f) for f in tree.find_all(exp.Anonymous))
    if not all(isinstance(r, exp.Tuple) and len(r.expressions) == len(columns) for r in rows) or tree.is_star or any(c in AGGREGATES for c in calls):
        return
    for i, r in enumerate(rows):
        r.append("expressions", exp.Literal.number(i))
    alias.append("columns", exp.to_identifier("qf_row"))
    tree.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column("qf_row"))]))


# ---- the statement ---------------------------------------------------------------------------------------------------

def translate_catalog(tree, names, doubts):
    """The translation, or None when the statement reads something else as well, or nothing of the catalog."""
    if not isinstance(tree, (exp.Query, exp.Values)):
        return None
    r = Reader(names, doubts)
    holder = exp.Paren(this=tree)
    types = parameter_types(tree)
    in_order(tree, names)
    try:
        columns = r.query(tree, None, top=True)
    except UserTables:
        doubts.clear()
        return None
    if not r.used:
        doubts.clear()
        return None
    if any(id(t) not in r.seen for t in holder.find_all(exp.Table) if isinstance(t.this, exp.Identifier)):
        raise Unseen
    out = with_all(holder.this, types)
    queries = r.catalog.with_queries(out)
    if queries:
        recursive = re.match(r"WITH (RECURSIVE )?", out)
        out = "WITH %s%s%s" % (recursive[1] or "" if recursive else "", queries, ", " + out[recursive.end():] if recursive else " " + out)
    marks = " ".join(t if t in SHOWN_AS else "-" for _, t in columns or ())
    return MARK % marks + out


# ---- other statements ------------------------------------------------------------------------------------------------

_MAYBE = re.compile(r'pg_|information_schema|u&"', re.I)


def catalog_table(tree, text):
    """The name of a table of the catalog in a statement that is no translation of the above, or None. The engine has tables
    of the same names with other contents, which nothing of PostgreSQL's may reach."""
    if not _MAYBE.search(text):
        return None
    for t in tree.find_all(exp.Table):
        if not isinstance(t.this, exp.Identifier):
            continue
        schema, name = t.db.lower(), t.name.lower()
        if schema in SCHEMAS:
            return "%s.%s" % (schema, name)
        if not schema and catalog().relation("pg_catalog", name) is not None and not is_new(t) and not is_cte(t, name):
            return name
    return None


def is_new(table):
    """CREATE TABLE and CREATE VIEW make it in the schema of the user."""
    at = table.parent.parent if isinstance(table.parent, exp.Schema) else table.parent
    return isinstance(at, exp.Create) and table.find_ancestor(exp.Query) is None and (at.args.get("kind") or "").upper() in ("TABLE", "VIEW")


def is_cte(table, name):
    """A WITH query of that name is seen from there: by what it belongs to, by those after it, and by itself with RECURSIVE."""
    below, at = table, table.parent
    while at is not None:
        ctes = []
        if isinstance(at, exp.With):
            last = next(i for i, c in enumerate(at.expressions) if c is below)
            ctes = at.expressions[:last + bool(at.args.get("recursive"))]
        elif at.args.get("with_") is not None and at.args["with_"] is not below:
            ctes = at.args["with_"].expressions
        if any(c.alias.lower() == name for c in ctes):
            return True
        below, at = at, at.parent
    return False
