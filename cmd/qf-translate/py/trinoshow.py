"""Trino's SHOW and DESCRIBE as queries of DuckDB's own catalog, with Trino's columns, order and names of types.

A name that is not there is the engine's error: DESCRIBE of DuckDB finds tables as any query does.
"""
import re

from qf_tokens import string_value

# DuckDB's types as the Trino frontend shows them (lib/types/table.c); rows, maps and unions keep DuckDB's text.
TYPES = (("INTEGER", "integer"), ("FLOAT", "real"), ("BLOB", "varbinary"), ("GEOMETRY", "varbinary"), ("UTINYINT", "smallint"),
         ("USMALLINT", "integer"), ("UINTEGER", "bigint"), ("UBIGINT", "decimal(20,0)"), ("HUGEINT", "decimal(38,0)"),
         ("UHUGEINT", "decimal(38,0)"), ("BIGNUM", "varchar"), ("BIT", "varchar"), ("TIME", "time(6)"), ("TIME_NS", "time(9)"),
         ("TIME WITH TIME ZONE", "time(6) with time zone"), ("TIMESTAMP", "timestamp(6)"), ("TIMESTAMP_S", "timestamp(0)"),
         ("TIMESTAMP_MS", "timestamp(3)"), ("TIMESTAMP_NS", "timestamp(9)"),
         ("TIMESTAMP WITH TIME ZONE", "timestamp(6) with time zone"), ("INTERVAL", "interval day to second"))
SAME = ("TINYINT", "SMALLINT", "BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "UUID", "JSON")

_SUFFIX = r"(\[\d*\])+$"


class NoShow(Exception):
    def __init__(self, text, at):
        super().__init__(text)
        self.at = at


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def type_text(column):
    """The type that the column of text holds, as Trino writes it."""
    base = "regexp_replace(%s, '%s', '')" % (column, _SUFFIX)
    known = "".join(" WHEN %s THEN %s" % (literal(a), literal(b)) for a, b in TYPES)
    known += "".join(" WHEN %s THEN %s" % (literal(a), literal(a.lower())) for a in SAME)
    name = "CASE %s%s ELSE CASE WHEN %s LIKE 'DECIMAL(%%' THEN lower(%s) WHEN %s LIKE 'ENUM(%%' THEN 'varchar' END END" % (
        base, known, base, base, base)
    depth = "length(regexp_replace(regexp_extract(%s, '%s'), '[^]]', '', 'g'))" % (column, _SUFFIX)
    return "coalesce(repeat('array(', %s) || (%s) || repeat(')', %s), %s)" % (depth, name, depth, column)


# What Trino has in each information_schema, of DuckDB's one for all databases.
SCHEMA_VIEWS = {
    "schemata": "catalog_name, schema_name",
    "tables": "table_catalog, table_schema, table_name, table_type",
    "views": "table_catalog, table_schema, table_name, view_definition",
    "columns": "table_catalog, table_schema, table_name, column_name, CAST(ordinal_position AS BIGINT) AS ordinal_position,"
               " column_default, is_nullable, " + type_text("data_type") + " AS data_type"}


def schema_view(catalog, name):
    """The query for [catalog.]information_schema.name, or None."""
    columns = SCHEMA_VIEWS.get(name)
    if columns is None:
        return None
    database = literal(catalog) if catalog else "current_database()"
    test = "lower(%s) = lower(%s)" % (columns.partition(",")[0], database)
    return "SELECT %s FROM information_schema.%s WHERE %s" % (columns, name, test)


class Words:
    """The statement, word by word."""

    def __init__(self, tokens):
        self.tokens, self.at = [t for t in tokens if t[0] not in ("comment", "semi")], 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", self.tokens[-1][2])

    def take(self, *words):
        kind, text, _ = self.peek()
        if kind == "word" and text.lower() in words:
            self.at += 1
            return text.lower()
        return None

    def fail(self):
        _, text, at = self.peek()
        raise NoShow("syntax not understood near \"%s\"" % text if text else "the statement ends too soon", at)

    def name(self):
        kind, text, _ = self.peek()
        if kind == "word" and re.fullmatch(r"[A-Za-z_]\w*", text):
            self.at += 1
            return text.lower()
        if kind == "quoted" and len(text) > 2:
            self.at += 1
            return text[1:-1].replace('""', '"').lower()
        return self.fail()

    def names(self, most):
        parts = [self.name()]
        while self.peek()[1] == ".":
            self.at += 1
            parts.append(self.name())
        if len(parts) > most:
            self.fail()
        return parts

    def text(self):
        kind, text, at = self.peek()
        if kind != "string":
            self.fail()
        self.at += 1
        try:
            return string_value(kind, text)
        except ValueError as err:
            raise NoShow(str(err), at) from None

    def like(self, column):
        """[LIKE 'pattern' [ESCAPE 'c']]"""
        if not self.take("like"):
            return ""
        test = " AND %s LIKE %s" % (column, literal(self.text()))
        return test + (" ESCAPE " + literal(self.text()) if self.take("escape") else "")

    def end(self):
        if self.peek()[0] != "end":
            self.fail()


def place(parts):
    """(database, schema) of [[catalog.]schema] as SQL."""
    database = literal(parts[-2]) if len(parts) > 1 else "current_database()"
    return database, literal(parts[-1]) if parts else "current_schema()"


def or_error(what, name, test):
    """A row that fails to be made, when DuckDB has no such thing: there is no query of its own that looks a schema up."""
    return " UNION ALL SELECT CAST(ERROR(%s) AS VARCHAR) WHERE NOT EXISTS (%s)" % (
        literal("%s '%s' does not exist" % (what, name)), test)


def listed(column, query, like):
    return 'SELECT name AS "%s" FROM (%s) AS qf WHERE TRUE%s ORDER BY 1' % (column, query, like)


def show_catalogs(w):
    return listed("Catalog", "SELECT database_name AS name FROM duckdb_databases() WHERE NOT internal", w.like("name"))


def show_schemas(w):
    catalog = w.names(1)[0] if w.take("from", "in") else None
    test = "lower(database_name) = %s" % (literal(catalog) if catalog else "lower(current_database())")
    query = "SELECT schema_name AS name FROM duckdb_schemas() WHERE %s AND schema_name NOT IN ('pg_catalog', 'information_schema')" % test
    query += " UNION ALL SELECT 'information_schema'"
    if catalog:
        query += or_error("Catalog", catalog, "FROM duckdb_databases() WHERE " + test)
    return listed("Schema", query, w.like("name"))


def show_tables(w):
    parts = w.names(2) if w.take("from", "in") else []
    database, schema = place(parts)
    test = "lower(database_name) = lower(%s) AND lower(schema_name) = lower(%s)" % (database, schema)
    query = ("SELECT table_name AS name FROM duckdb_tables() WHERE %s UNION ALL SELECT view_name FROM duckdb_views() WHERE %s" % (
        test, test))
    if parts and parts[-1] == "information_schema":
        query = "SELECT unnest([%s]) AS name" % ", ".join(map(literal, sorted(SCHEMA_VIEWS)))
    elif parts:
        query += or_error("Schema", parts[-1], "FROM duckdb_schemas() WHERE " + test)
    return listed("Table", query, w.like("name"))


def describe(w, parts, like=""):
    """In the order of the table. The comment is that of the table which the name means without temporary ones."""
    database, schema = place(parts[:-1])
    comment = ("SELECT any_value(c.comment) FROM duckdb_columns() AS c WHERE lower(c.database_name) = lower(%s) AND lower(c.schema_name) ="
               " lower(%s) AND lower(c.table_name) = %s AND c.column_name = qf.column_name" % (database, schema, literal(parts[-1])))
    return ('SELECT column_name AS "Column", %s AS "Type", \'\' AS "Extra", coalesce((%s), \'\') AS "Comment" FROM (SELECT *,'
            " row_number() OVER () AS qf_at FROM (DESCRIBE %s)) AS qf%s ORDER BY qf_at" % (type_text("column_type"), comment, ".".join(map(quoted, parts)), like.replace(" AND", " WHERE", 1)))


def show_columns(w):
    if not w.take("from", "in"):
        w.fail()
    parts = w.names(3)
    return describe(w, parts, w.like("column_name"))


SHOWS = {"catalogs": show_catalogs, "schemas": show_schemas, "tables": show_tables, "columns": show_columns}


def trino_show(tokens, shows, described):
    """The query for SHOW or DESCRIBE, by the tables of an engine; None when it is another of them, NoShow when its text is not
    understood."""
    w = Words(tokens)
    first = w.take("show", "describe", "desc")
    if first is None:
        return None
    if first == "show":
        what = w.take(*shows)
        if what is None:
            return None
        out = shows[what](w)
    else:
        out = described(w, w.names(3))
    w.end()
    return out
