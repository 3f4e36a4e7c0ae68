"""What a PostgreSQL name means: scopes, sources, output columns. See pgquery.py."""
from sqlglot import exp

from qf_pgnames import ident, ident_text
from qf_pgtypes import ANY
from qf_pgvalue import X


class Source:
    """One item of FROM: its alias and its columns ({lower-case name: Ty}), or None when nobody has told them."""

    def __init__(self, alias, columns):
        self.alias, self.columns = alias, columns


class Query:
    """DuckDB text of a query and its output columns: [(name, Ty)], or None when a star hides them."""

    def __init__(self, sql, columns):
        self.sql, self.columns = sql, columns


SYSTEM = {"ctid", "oid", "tableoid", "xmin", "xmax", "cmin", "cmax", "rowid"}

# What duckdb reads as a function when there is no column of that name.
VALUES = {"current_catalog", "current_date", "current_schema", "current_role", "current_time", "current_timestamp", "current_user",
          "localtime", "localtimestamp", "session_user", "user"}


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
            if name not in c.spelled:
                c.doubt('the name "%s": duckdb finds it in any case' % name)
        table = node.args.get("table")
        if table is not None:
            return self.qualified(c, table, node.this, key)
        return X(ident(node.this), self.lookup(c, key))

    def qualified(self, c, table, this, key):
        alias = ident_text(table).lower()
        source = self.source(alias)
        ty = ANY
        if source is None:
            if not self.certainly_missing(alias):
                c.doubt("the table %s is not in FROM" % alias)
        elif source.columns is not None:
            ty = source.columns.get(key)
            if ty is None:
                if not self.certainly_missing(alias):
                    c.doubt("there is no column %s in %s" % (key, alias))
                ty = ANY
        return X("%s.%s" % (ident(table), ident(this)), ty)

    def certainly_missing(self, key):
        """No column has this name and nothing else that duckdb would take for one: its own error is the answer."""
        at = self
        while at is not None:
            if key in at.renamed_outputs or any(s.columns is None or key in s.columns for s in at.sources):
                return False
            at = at.parent
        return key not in VALUES

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
            if self.source(key) is not None or not self.certainly_missing(key):
                c.doubt("there is no column %s" % key)
        elif key in self.renamed_outputs:
            c.doubt("%s is an output name here: PostgreSQL looks for a column of that name" % key)
        elif any(s.alias == key for s in self.sources):
            c.doubt("%s as a whole row" % key)
        return ANY


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
