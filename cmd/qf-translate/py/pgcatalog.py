"""PostgreSQL's statements about its catalog, for DuckDB: those that read nothing but pg_catalog and information_schema.

Their relations are WITH queries over the engine's own tables of tables, their functions are written out (catalog.py). All
that is in them is known here, columns and types, so that this is a translation of its own: numbers of objects are shown as
names where PostgreSQL would do that, vectors are counted from 0, and the types of the result are told to the engine's
adapter in a comment, since DuckDB has none that are called oid and name.
"""
import re

from sqlglot import exp

from qf_catalog import catalog, held
from qf_pgcatfuncs import CALLS, ROWS, SAFE, call, element, table_of
from qf_pgnames import RESERVED, column_name
from qf_tokens import STRINGS, lex, quote, string_value

REGS = ("regclass", "regtype", "regproc", "regnamespace", "regrole", "regprocedure")
OIDS = REGS + ("oid", "xid", "cid")
VECTORS = ("int2vector", "oidvector")
OWN_TYPES = set(OIDS) | set(VECTORS) | {"name", "char", "regcollation", "regoper", "regoperator", "regconfig", "regdictionary", "pg_node_tree", "tid", "inet",
                                        "aclitem", "anyarray", "xid8", "void"}
DOMAINS = {"sql_identifier": "name", "character_data": "varchar", "cardinal_number": "int4", "yes_or_no": "varchar", "time_stamp": "timestamptz"}
# What the adapter of the engine calls a column of the result when it is told to (lib/engine/duckdb/shown.c).
SHOWN_AS = ("oid", "name", "char", "varchar", "pg_node_tree")
VALUES = {"current_user": "current_user", "session_user": "session_user", "user": "user", "current_role": "current_role",
          "current_schema": "current_schema", "current_catalog": "current_catalog"}
# Functions that say nothing about the catalog by themselves.
ANYWHERE = {"quote_ident", "quote_literal", "parse_ident", "pg_size_pretty"}
# Words that may be names of columns behind AS.
LABELS = {"select", "table", "order", "group", "where", "from", "union", "default", "check", "primary", "references", "end", "case", "all", "any", "user",
          "column", "constraint", "create", "desc", "asc", "limit", "offset", "insert", "update", "delete", "grant", "to", "with", "using", "unique"}
STARTS = ("select", "with", "values", "(", "table")
MARK = "/*qf:catalog %s*/ "


# ---- words -----------------------------------------------------------------------------------------------------------

def name_of(token):
    kind, text, _ = token
    if kind == "word":
        return text.lower()
    return text[1:-1].replace('""', '"') if kind == "quoted" else ""


def about_catalog(tokens):
    """May this be a statement about the catalog?"""
    if not tokens or tokens[0][1].lower() not in STARTS:
        return False
    c = catalog()
    for i, t in enumerate(tokens):
        name = name_of(t)
        if not name:
            continue
        if name in ("pg_catalog", "information_schema", "current_schema", "current_catalog", "current_user", "session_user", "current_role"):
            return True
        if name in REGS or name.startswith("pg_") and ("pg_catalog", name) in c.relations:
            return True
        if i + 1 < len(tokens) and tokens[i + 1][1] == "(" and name in c.functions and name not in ANYWHERE:
            return True
    return False


def spelled(tokens):
    """The text with types, operators and collations of pg_catalog as sqlglot reads them."""
    out, i = [], 0
    n = len(tokens)

    def text(k):
        return name_of(tokens[k]) if k < n else ""

    def is_op(k, op):
        return k < n and tokens[k][1] == op

    while i < n:
        if text(i) == "operator" and is_op(i + 1, "("):
            i += 2
            while not is_op(i, ")"):
                if text(i) != "pg_catalog" and tokens[i][1] != ".":
                    out.append((tokens[i][1], tokens[i][2]))
                i += 1
            i += 1
            continue
        if text(i) == "collate":
            i += 4 if is_op(i + 2, ".") else 2
            continue
        before = out[-1][0].lower() if out else ""
        if before in ("::", "as") or out[-2:] and [o[0] for o in out[-2:]] == [":", ":"]:
            at = i + 2 if text(i) in ("pg_catalog", "information_schema") and is_op(i + 1, ".") else i
            name = DOMAINS.get(text(at), text(at))
            ends = at + 1 >= n or tokens[at + 1][1] in (")", "[") or before != "as"
            if ends and (name in OWN_TYPES and (name != "char" or tokens[at][0] == "quoted")):
                many = is_op(at + 1, "[") and is_op(at + 2, "]")
                out.append(("qf__" + name if many else "qf_" + name, tokens[i][2]))
                i = at + (3 if many else 1)
                continue
            if before == "as" and tokens[i][0] == "word" and text(i) in LABELS and (i + 1 == n or tokens[i + 1][1].lower() in (",", ")", "from")):
                out.append(('"%s"' % text(i), tokens[i][2]))
                i += 1
                continue
            if at > i and ends:
                out.append((name, tokens[i][2]))
                i = at + 1
                continue
        out.append((tokens[i][1], tokens[i][2]))
        i += 1
    return out


def joined(words, text):
    """The words with the blanks between them that the text has."""
    parts, at = [], None
    for word, start in words:
        if at is not None and start > at:
            parts.append("\n" if "\n" in text[at:start] else " ")
        elif at is not None and start < at:
            parts.append(" ")
        parts.append(word)
        at = start + len(word)
    return "".join(parts)


def catalog_text(body, tokens):
    """The statement for sqlglot; None when it is none about the catalog."""
    tokens = [t for t in tokens if t[0] not in ("comment", "semi")]
    return joined(spelled(tokens), body) if about_catalog(tokens) else None


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


def ident_name(node):
    return node.this if node.args.get("quoted") else node.this.lower()


def sql_of(node):
    return node.sql("duckdb", comments=False)


class Reader:
    """One walk over the tree, which is changed on the way."""

    def __init__(self, names, doubts):
        self.names, self.doubts = names, doubts
        self.catalog = catalog()
        self.used = False

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
        for item in list(node.expressions):
            columns += self.item(item, scope, top)
        self.rest(node, scope, ("where", "group", "having", "order", "limit", "offset", "distinct"))
        for w in node.args.get("windows") or ():
            self.e(w, scope)
        return columns

    def item(self, item, scope, top):
        if item.is_star:
            return self.star(item, scope, top)
        name = NAMED.get(type(item)) or column_name(item, self.names)
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
        for j in node.args.get("joins") or ():  # (a JOIN b ON …)
            pass
        alias = node.args.get("alias")
        label = ident_name(alias.this) if alias is not None and alias.this is not None else ""
        names = [ident_name(i) for i in (alias.args.get("columns") or ()) if isinstance(i, exp.Identifier)] if alias is not None else []
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            self.table(node, label, names, scope)
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            scope.sources.append((label, dict(renamed(self.query(node.this.this, scope), names) or ()), None))
        elif isinstance(node, (exp.Table, exp.Lateral)):
            self.function(node, label, names, scope)
        elif isinstance(node.unnest(), exp.Table):
            self.source(node.this, scope)  # parentheses around joins
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


def arguments_of(fn):
    return list(fn.expressions) if isinstance(fn, exp.Anonymous) else list(fn.iter_expressions())


def renamed(columns, names):
    if columns is None:
        return None
    return [(names[i] if i < len(names) else n, t) for i, (n, t) in enumerate(columns)]


def keep_case(node):
    """PostgreSQL folds a name that is not quoted; duckdb reserves other words."""
    name = ident_name(node)
    node.set("this", name)
    node.set("quoted", bool(node.args.get("quoted")) or name in RESERVED or not re.fullmatch(r"[a-z_][a-z0-9_]*", name))


# ---- handlers --------------------------------------------------------------------------------------------------------

def column(r, node, scope):
    if isinstance(node.this, exp.Star):
        return None
    name, table = ident_name(node.this), node.args.get("table")
    label = ident_name(table) if table is not None else ""
    if label == "pg_catalog" and node.args.get("db") is None and name in VALUES:
        label, table = "", None
    ty, relation, alias = scope.column(label, name)
    if not label and ty is None and name in VALUES and not node.this.args.get("quoted"):
        r.used = True
        r.put(node, r.catalog.call(VALUES[name], []))
        return "name"
    if ty is None and relation is not None and name in ("tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"):
        r.put(node, str(relation.oid) if name == "tableoid" else "'(0,0)'" if name == "ctid" else "0")
        return "oid" if name == "tableoid" else "xid"
    node.set("db", None)
    node.set("catalog", None)
    keep_case(node.this)
    if table is not None:
        keep_case(table)
    elif alias and not isinstance(node.parent, (exp.Ordered, exp.Group)):
        node.set("table", exp.to_identifier(alias, quoted=True))  # in what a function is written out as, its own columns come first
    return ty


def words(name):
    def handler(r, node, _):
        r.used = True
        r.put(node, r.catalog.call(name, []))
        return "name"
    return handler


def type_of(to):
    """The PostgreSQL name of a type that is written down, without its modifiers; None: another one."""
    if isinstance(to, exp.DataType):
        if to.this == exp.DataType.Type.ARRAY and to.expressions:
            inner = type_of(to.expressions[0])
            return inner and "_" + inner
        if to.this == exp.DataType.Type.USERDEFINED:
            kind = to.args.get("kind")
            kind = kind if isinstance(kind, str) else kind.sql()
            return kind[3:] if kind.startswith("qf_") else None
        if any(isinstance(p, exp.DataTypeParam) for p in to.expressions):
            return None
        return BASE.get(to.this.value)
    return BASE.get(to.name) or (to.name.lower() if to.name.lower() in OWN_TYPES else None)


BASE = {"TEXT": "text", "VARCHAR": "varchar", "INT": "int4", "SMALLINT": "int2", "BIGINT": "int8", "BOOLEAN": "bool", "FLOAT": "float4", "DOUBLE": "float8",
        "DECIMAL": "numeric", "OID": "oid", "NAME": "name", "TIMESTAMPTZ": "timestamptz", "REGCLASS": "regclass", "REGTYPE": "regtype",
        "REGPROC": "regproc", "REGNAMESPACE": "regnamespace", "REGROLE": "regrole", "REGPROCEDURE": "regprocedure"}


def cast(r, node, scope):
    have = r.e(node.this, scope)
    to = type_of(node.args["to"])
    inner = node.this
    if to is None:
        if have in REGS + VECTORS:
            r.put(inner, r.text_of(sql_of(inner), have))
        kind = node.args["to"]
        if isinstance(kind, exp.DataType) and kind.this == exp.DataType.Type.USERDEFINED:
            r.doubt("the type %s" % kind.sql("postgres"))
        return None
    literal = inner.this if isinstance(inner, exp.Literal) else None
    r.put(node, r.read_as(sql_of(inner), literal, have, to))
    return to


def literal(r, node, scope):
    return None if node.is_string else "int4" if node.this.isdigit() else "numeric"


def same(r, node, scope, types):
    return types[0] if types else None


def common(r, node, scope, types):
    return next((t for t in types if t is not None), None)


def case(r, node, scope):
    """CASE x WHEN … THEN …: a type is that of its results."""
    types = []
    if node.this is not None:
        r.e(node.this, scope)
    for i in list(node.args.get("ifs") or ()):
        r.e(i.this, scope)
        types.append(r.e(i.args["true"], scope))
    if node.args.get("default") is not None:
        types.append(r.e(node.args["default"], scope))
    return next((t for t in types if t is not None), None)


def boolean(r, node, scope, types):
    return "bool"


def compare(r, node, scope, types):
    """A literal beside a list is one; beside names of objects numbers stay numbers."""
    for mine, other, ty in ((node.this, node.expression, types[-1]), (node.expression, node.this, types[0])):
        bare = mine.this if isinstance(mine, (exp.Any, exp.All)) else mine
        if isinstance(bare, exp.Paren):
            bare = bare.this
        if isinstance(bare, exp.Literal) and bare.is_string and (bare is not mine or ty and ty.startswith("_")):
            to = ty if bare is mine else "_" + (ty or "text")
            r.put(bare, r.read_as(quote(bare.this), bare.this, None, to))
        elif isinstance(bare, exp.Parameter) and bare is not mine:
            r.put(bare, "CAST(%s AS %s)" % (sql_of(bare), held("_" + (ty or "text"))))
    listed = node.expression
    if isinstance(listed, (exp.Any, exp.All)) and not isinstance(listed.this.unnest(), exp.Query):
        # a comparison with each member would be a subquery for duckdb, which a join may not have
        if isinstance(listed, exp.Any) and isinstance(node, exp.EQ):
            r.put(node, "list_contains(%s, %s)" % (sql_of(listed.this), sql_of(node.this)))
        elif isinstance(listed, exp.All) and isinstance(node, exp.NEQ):
            r.put(node, "(NOT list_contains(%s, %s))" % (sql_of(listed.this), sql_of(node.this)))
        else:
            r.doubt("%s over an array" % listed.key.upper())
    return "bool"


def any_of(r, node, scope, types):
    return element(types[0]) if types else None


def concat(r, node, scope, types):
    for side, ty in ((node.this, types[0]), (node.expression, types[-1])):
        if ty in REGS + VECTORS:
            r.put(side, r.text_of(sql_of(side), ty))
    listed = next((t for t in types if t and t.startswith("_")), None)
    return listed or "text"


def like(r, node, scope, types):
    if not isinstance(node.parent, exp.Escape):
        text = node.expression
        if not (isinstance(text, exp.Literal) and "\\" not in text.this):
            neg = "NOT " if node.args.get("negate") else ""
            word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
            r.put(node, "(%s %s%s %s ESCAPE '\\')" % (sql_of(node.this), neg, word, in_parens(text)))
    return "bool"


def in_parens(node):
    text = sql_of(node)
    return text if isinstance(node, (exp.Literal, exp.Column, exp.Parameter)) else "(%s)" % text


def bracket(r, node, scope, types):
    ty = types[0]
    if ty in VECTORS and len(node.expressions) == 1 and not isinstance(node.expressions[0], exp.Slice):
        index = node.expressions[0]
        # sqlglot counts from 0 inside, as these do: what it would write for an index of an array is one less than that of a list
        r.put(node, "%s[(%s) + %d]" % (sql_of(node.this), sql_of(index), 2 if isinstance(index, exp.Literal) else 1))
        return "int2" if ty == "int2vector" else "oid"
    return ty[1:] if ty and ty.startswith("_") else None


def divide(r, node, scope, types):
    if not any(t in ("numeric", "float8", "float4") for t in types):
        r.put(node, "(%s // %s)" % (in_parens(node.this), in_parens(node.expression)))
    return common(r, node, scope, types)


def dot(r, node, scope):
    inner = node.expression
    if isinstance(inner, exp.Anonymous) and node.this.name.lower() in ("pg_catalog", "information_schema"):
        node.replace(inner)
        return anonymous(r, inner, scope)
    if isinstance(inner, exp.Func) and node.this.name.lower() == "pg_catalog":
        node.replace(inner)
        return r.e(inner, scope)
    r.e(node.this, scope)
    if isinstance(inner, exp.Identifier):
        keep_case(inner)
    return None


def anonymous(r, node, scope):
    name = r.names.of(node)
    if name == "array" and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        columns = r.query(node.expressions[0], scope)
        r.put(node, "ARRAY(%s)" % sql_of(node.expressions[0]))
        return "_" + (columns[0][1] or "text") if columns else None
    if name in ("any", "all", "some") and len(node.expressions) == 1:
        inner = node.expressions[0]
        ty = r.e(inner, scope)
        inner = node.expressions[0]
        node.replace((exp.All if name == "all" else exp.Any)(this=inner))
        return ty
    types = [r.e(x, scope) for x in list(node.expressions)]
    args = [sql_of(x) for x in node.expressions]
    if name in CALLS:
        got = call(r, name, node, args, types)
        if got is not None:
            return got
    if name in r.catalog.functions and name not in ("regclass", "regtype"):
        text = r.catalog.call(name, args)
        if text is not None:
            r.used = r.used or name not in ANYWHERE
            r.put(node, text)
            return r.catalog.functions[name].ty
    if name not in SAFE:
        r.doubt("%s() cannot be shown to mean the same in duckdb" % name)
    node.set("this", name)
    ty = SAFE.get(name)
    return types[0] if ty == "same" and types else "_" + (types[0] or "text") if ty == "list" and types else ty


def array_of(r, node, scope):
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        columns = r.query(node.expressions[0], scope)
        r.put(node, "ARRAY(%s)" % sql_of(node.expressions[0]))
        return "_" + (columns[0][1] or "text") if columns else None
    types = [r.e(x, scope) for x in list(node.expressions)]
    return "_" + (next((t for t in types if t), None) or "text")


HANDLERS = {exp.Column: column, exp.Cast: cast, exp.TryCast: cast, exp.Literal: literal, exp.Paren: same, exp.Coalesce: common, exp.Nullif: common,
            exp.Case: case, exp.DPipe: concat, exp.Bracket: bracket, exp.Div: divide, exp.Dot: dot, exp.Anonymous: anonymous,
            exp.Array: array_of, exp.Any: any_of, exp.All: any_of, exp.Add: common, exp.Sub: common, exp.Mul: common, exp.Mod: common, exp.Neg: same,
            exp.Window: same, exp.Filter: same, exp.Greatest: common, exp.Least: common, exp.Alias: same}
for _c in (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE):
    HANDLERS[_c] = compare
for _c in (exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Exists, exp.RegexpLike, exp.RegexpILike, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Boolean):
    HANDLERS[_c] = boolean
for _c in (exp.Like, exp.ILike):
    HANDLERS[_c] = like
NAMED = {}
for _name, _word in (("CurrentUser", "current_user"), ("SessionUser", "session_user"), ("CurrentSchema", "current_schema"),
                     ("CurrentCatalog", "current_catalog"), ("CurrentRole", "current_role"), ("CurrentDatabase", "current_database")):
    if hasattr(exp, _name):
        HANDLERS[getattr(exp, _name)] = words(_word)
        NAMED[getattr(exp, _name)] = _word
EARLY = {column, cast, literal, case, dot, anonymous, array_of} | {h for c, h in HANDLERS.items() if h.__name__ == "handler"}


# ---- the statement ---------------------------------------------------------------------------------------------------

def translate_catalog(tree, names, doubts):
    """The translation, or None when the statement reads something else as well, or nothing of the catalog."""
    if not isinstance(tree, (exp.Query, exp.Values)):
        return None
    r = Reader(names, doubts)
    holder = exp.Paren(this=tree)
    try:
        columns = r.query(tree, None, top=True)
    except UserTables:
        doubts.clear()
        return None
    if not r.used:
        doubts.clear()
        return None
    out = holder.this.sql("duckdb")
    queries = r.catalog.with_queries(out)
    if queries:
        recursive = re.match(r"WITH (RECURSIVE )?", out)
        out = "WITH %s%s%s" % (recursive[1] or "" if recursive else "", queries, ", " + out[recursive.end():] if recursive else " " + out)
    marks = " ".join(t if t in SHOWN_AS else "-" for _, t in columns or ())
    return MARK % marks + out
