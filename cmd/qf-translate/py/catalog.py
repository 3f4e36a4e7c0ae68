"""The catalog of PostgreSQL made of an engine's own: its relations as queries, its functions as expressions.

The texts are those of cmd/qf-translate/catalog: views that become WITH queries of the statement that reads them, so that
nothing of it has to be made in the database, and functions that are written out where they are called.
"""
import re

from qf_catalog_columns import TEXT as COLUMNS
from qf_catalog_functions import TEXT as FUNCTIONS
from qf_catalog_information_schema import TEXT as INFORMATION_SCHEMA
from qf_catalog_relations import TEXT as RELATIONS
from qf_catalog_server import TEXT as SERVER
from qf_catalog_tables import TEXT as TABLES
from qf_catalog_types import TEXT as TYPES

# How a value of a type is held.
HELD = {"oid": "BIGINT", "xid": "BIGINT", "cid": "BIGINT", "regproc": "BIGINT", "regtype": "BIGINT", "regclass": "BIGINT", "int2": "SMALLINT",
        "int4": "INTEGER", "int8": "BIGINT", "bool": "BOOLEAN", "float4": "FLOAT", "float8": "DOUBLE", "numeric": "DECIMAL(18, 3)",
        "timestamptz": "TIMESTAMPTZ", "interval": "INTERVAL", "int2vector": "SMALLINT[]", "oidvector": "BIGINT[]", "bytea": "BLOB"}
ZERO = {"BOOLEAN": "false", "VARCHAR": "''"}
_CALL = re.compile(r"@([a-z_]+)\(")


def held(ty):
    if ty.startswith("_"):
        return held(ty[1:]) + "[]"
    return HELD.get(ty, "VARCHAR")


class Relation:
    def __init__(self, line):
        name, oid, self.kind, schema, *columns = line.split()
        self.oid, self.schema = int(oid), "pg_catalog" if schema == "p" else "information_schema"
        self.cte = ("qf_" if schema == "p" else "qf_is_") + name
        self.name, self.columns, self.needed = name, {}, set()
        for c in columns:
            column, _, ty = c.partition(":")
            self.columns[column] = ty.rstrip("!")
            if ty.endswith("!"):
                self.needed.add(column)


class Function:
    def __init__(self, params, ty, body):
        self.ty, self.body, self.tidy, self.params = ty, body, None, []
        for p in filter(None, (p.strip() for p in params.split(","))):
            name, _, default = p.partition(":=")
            self.params.append((name.strip(), default.strip() or None))


def arguments(text, start):
    """([argument], end) of the call whose parenthesis opens before start."""
    parts, depth, at, begin = [], 0, start, start
    while True:
        ch = text[at]
        if ch in "'\"":
            at = text.index(ch, at + 1)
        elif ch in "([":
            depth += 1
        elif ch in ")]":
            if depth == 0:
                break
            depth -= 1
        elif ch == "," and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
        at += 1
    last = text[begin:at].strip()
    return parts + ([last] if last or parts else []), at + 1


class Catalog:
    def __init__(self):
        lines = [x for x in COLUMNS.split("\n") if x and not x.startswith("--")]
        self.all = [Relation(x) for x in lines]
        self.relations = {(r.schema, r.name): r for r in self.all}
        self.functions = {m[1]: Function(m[2], m[3], m[4]) for m in re.finditer(
            r"^CREATE MACRO (\w+)\((.*?)\) AS (\w+): (.*?);$", FUNCTIONS, re.M | re.S)}
        self.raw = {m[1]: m[2] for text in (TYPES, TABLES, RELATIONS, SERVER, INFORMATION_SCHEMA) for m in re.finditer(
            r"^CREATE VIEW ([\w.]+) AS\s+(.*?);$", text, re.M | re.S)}
        self.own = dict(self.itself())
        self.by_cte = {r.cte: r for r in self.all}
        self.known = re.compile(r"\b(information_schema\.\w+|pg_catalog\.\w+|pg_\w+)\b(?!['(])")
        self.made = {}
        for f in self.functions.values():
            f.body = self.known.sub(self.name, f.body)

    def relation(self, schema, name):
        return self.relations.get((schema, name))

    def itself(self):
        """The catalog's own relations and their columns, as what they are in it."""
        rows, columns = [], []
        for r in self.all:
            at = "13207" if r.schema == "information_schema" else "11"
            rows.append(" ".join((str(r.oid), r.name, at, r.schema, r.kind, str(len(r.columns)))))
            columns.append(str(r.oid) + " " + " ".join(c + ":" + t + ("!" if c in r.needed else "") for c, t in r.columns.items()))
        part = "split_part(r, ' ', %d) AS %s"
        yield "qf_catalog", "SELECT %s FROM (SELECT unnest(string_split('%s', ';')) AS r)" % (", ".join(
            "CAST(split_part(r, ' ', %d) AS BIGINT) AS %s" % (i, n) if n in ("oid", "schema_oid", "natts") else part % (i, n)
            for i, n in enumerate(("oid", "name", "schema_oid", "schema", "kind", "natts"), 1)), ";".join(rows))
        yield "qf_catalog_column", (
            "SELECT relid, num, split_part(c, ':', 1) AS name, coalesce(t.oid, 25) AS type_oid, c LIKE '%%!' AS not_null FROM ("
            "SELECT CAST(r[1] AS BIGINT) AS relid, unnest(r[2:]) AS c, unnest(range(1, len(r))) AS num FROM ("
            "SELECT string_split(unnest(string_split('%s', ';')), ' ') AS r)) LEFT JOIN qf_base_type AS t ON t.typname = rtrim(split_part(c, ':', 2), '!')"
            % ";".join(columns))

    # ---- functions ---------------------------------------------------------------------------------------------------

    def call(self, name, args):
        """A call written out, or None when it has other arguments."""
        f = self.functions[name]
        if len(args) > len(f.params) or any(d is None for _, d in f.params[len(args):]):
            return None
        given = {p: "(%s)" % args[i] if i < len(args) else d for i, (p, d) in enumerate(f.params)}
        if f.tidy is None:
            f.tidy = self.tidy(f.body)
        return "(%s)" % re.sub(r"\{(\w+)\}", lambda m: given[m[1]], f.tidy)

    def expand(self, text):
        """Calls of our own functions in our own texts."""
        m = _CALL.search(text)
        while m:
            args, end = arguments(text, m.end())
            text = text[:m.start()] + self.call(m[1], args) + text[end:]
            m = _CALL.search(text)
        return text

    # ---- relations ---------------------------------------------------------------------------------------------------

    def name(self, m):
        schema, _, name = m[1].rpartition(".")
        r = self.relations.get((schema or "pg_catalog", name))
        return r.cte if r else m[0]

    def tidy(self, text):
        return self.known.sub(self.name, self.expand(text))

    def definition(self, cte):
        """(query, [names of others that it reads])"""
        if cte not in self.made:
            r = self.by_cte.get(cte)
            text = self.shaped(r) if r else self.own.get(cte) or self.tidy(self.raw[cte])
            self.made[cte] = (text, self.read_by(text))
        return self.made[cte]

    def shaped(self, r):
        """All of its columns, with their types, in their order."""
        raw = self.raw.get(r.name if r.schema == "pg_catalog" else r.schema + "." + r.name)
        has = output_names(raw) if raw else ()
        if has and has[0] == "*":
            return self.tidy(raw)
        items, partly = [], raw and "BY NAME" in raw  # its parts do not all have the same columns
        for c, ty in r.columns.items():
            to = held(ty)
            absent = ZERO.get(to, "[]" if to.endswith("]") else "0") if c in r.needed else "NULL"
            value = '"%s"' % c if c in has else absent
            items.append('CAST(%s AS %s) AS "%s"' % ("coalesce(%s, %s)" % (value, absent) if partly and value != absent else value, to, c))
        return "SELECT %s%s" % (", ".join(items), " FROM (%s)" % self.tidy(raw) if raw else " WHERE false")

    def read_by(self, text):
        found = dict.fromkeys(re.findall(r"\bqf_\w+", text))
        return [n for n in found if n in self.by_cte or n in self.raw or n in self.own]

    def with_queries(self, text):
        """The WITH queries that a text needs, in an order in which each sees those that it reads."""
        done, out = set(), []

        def add(cte):
            if cte in done:
                return
            done.add(cte)
            query, others = self.definition(cte)
            for n in others:
                add(n)
            out.append("%s AS (%s)" % (cte, query))

        for n in self.read_by(text):
            add(n)
        return ", ".join(out)


def output_names(text):
    """The names of the columns of our own views: those behind AS at the top of the first SELECT, else those of plain columns."""
    at = re.match(r"SELECT (DISTINCT )?", text).end()
    items, _ = arguments(cut_from(text, at) + ")", 0)
    return [re.search(r'(?:AS "?|\.|^)(\w+|\*)"?$', i.strip())[1] for i in items]


def cut_from(text, at):
    """The list of a SELECT, which ends where FROM stands outside of parentheses."""
    depth, i = 0, at
    while i < len(text):
        ch = text[i]
        if ch == "'":
            i = text.index("'", i + 1)
        depth += (ch in "([") - (ch in ")]")
        if depth == 0 and re.match(r"\sFROM\s", text[i:i + 6]):
            return text[at:i]
        i += 1
    return text[at:]


_catalog = []


def catalog():
    """Read when it is first asked for."""
    if not _catalog:
        _catalog.append(Catalog())
    return _catalog[0]
