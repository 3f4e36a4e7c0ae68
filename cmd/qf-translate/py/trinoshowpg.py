"""Trino's SHOW and DESCRIBE, and its information_schema, as queries of PostgreSQL's catalog. See trinoshow.py.

A name that is not there is the server's error: a regclass and a regnamespace are looked up as any query does.
"""
from qf_trinoshow import literal, quoted

# PostgreSQL's types as the Trino frontend shows them (lib/types/table.c); what is not here is text.
TYPES = (("bigint", "bigint"), ("integer", "integer"), ("smallint", "smallint"), ("boolean", "boolean"), ("real", "real"),
         ("double precision", "double"), ("date", "date"), ("uuid", "uuid"), ("json", "json"), ("jsonb", "json"), ("bytea", "varbinary"),
         ("time without time zone", "time(6)"), ("time with time zone", "time(6) with time zone"),
         ("timestamp without time zone", "timestamp(6)"), ("timestamp with time zone", "timestamp(6) with time zone"),
         ("interval", "interval day to second"), ("oid", "bigint"))


def type_text(formatted):
    """The type that format_type() has written, as Trino writes it."""
    base = "replace(%s, '[]', '')" % formatted
    plain = "regexp_replace(%s, '(time|timestamp|interval)\\(\\d+\\)', '\\1')" % base
    known = "".join(" WHEN %s THEN %s" % (literal(a), literal(b)) for a, b in TYPES)
    sized = "regexp_replace(%s, '^numeric\\((\\d+),(\\d+)\\)$', 'decimal(\\1,\\2)')" % base
    name = "CASE %s%s ELSE CASE WHEN %s ~ '^numeric\\(([12]?\\d|3[0-8]),' THEN %s ELSE 'varchar' END END" % (plain, known, base, sized)
    return "CASE WHEN %s LIKE '%%[]' THEN 'array(' || (%s) || ')' ELSE %s END" % (formatted, name, name)


OF_COLUMN = "format_type(a.atttypid, a.atttypmod)"
# The columns that Trino has in each of its views of information_schema.
VIEWS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "views": ("table_catalog", "table_schema", "table_name", "view_definition"),
    "columns": ("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "column_default", "is_nullable", "data_type")}


def view_columns(name):
    """{column: type} of a view, as a schema has them; None when Trino has no such view."""
    columns = VIEWS.get(name)
    return columns and {c: "bigint" if c == "ordinal_position" else "character varying" for c in columns}


def view_query(catalog, name):
    """The query for [catalog.]information_schema.name, or None."""
    if name not in VIEWS:
        return None
    columns = ", ".join("CAST(v.%s AS %s) AS %s" % (c, t.upper().replace("CHARACTER VARYING", "VARCHAR"), c)
                        for c, t in view_columns(name).items() if c != "data_type")
    source = "information_schema.%s AS v" % name
    if name == "columns":
        columns += ", " + type_text(OF_COLUMN) + " AS data_type"
        source += (" JOIN pg_catalog.pg_attribute AS a ON a.attname = v.column_name AND a.attrelid = CAST(quote_ident(v.table_schema) || '.' ||"
                   " quote_ident(v.table_name) AS REGCLASS)")
    test = "lower(v.%s) = %s" % (VIEWS[name][0], literal(catalog.lower())) if catalog else "TRUE"
    hidden = "v.%s NOT LIKE 'pg\\_%%'" % VIEWS[name][1]
    return "SELECT %s FROM %s WHERE %s AND %s" % (columns, source, test, hidden)


def like(w, column):
    """Trino's LIKE has no escape character of its own."""
    test = w.like(column)
    return test + " ESCAPE ''" if test and " ESCAPE " not in test else test


def listed(column, query, test):
    return 'SELECT qf.name AS "%s" FROM (%s) AS qf WHERE TRUE%s ORDER BY qf.name COLLATE "C"' % (column, query, test)


def other_catalog(catalog):
    """A row that fails to be made, unless this is the database."""
    text = "Catalog '%s' does not exist: this is " % catalog
    return " UNION ALL SELECT CAST(CAST(%s || current_database() AS INT) AS TEXT) WHERE lower(current_database()) <> %s" % (
        literal(text), literal(catalog))


def show_catalogs(w):
    return listed("Catalog", "SELECT CAST(current_database() AS TEXT) AS name", like(w, "qf.name"))


def show_schemas(w):
    catalog = w.names(1)[0] if w.take("from", "in") else None
    query = "SELECT CAST(nspname AS TEXT) AS name FROM pg_catalog.pg_namespace WHERE nspname NOT LIKE 'pg\\_%'"
    return listed("Schema", query + (other_catalog(catalog) if catalog else ""), like(w, "qf.name"))


def show_tables(w):
    parts = w.names(2) if w.take("from", "in") else []
    if parts and parts[-1] == "information_schema":
        query = "SELECT unnest(ARRAY[%s]) AS name" % ", ".join(map(literal, sorted(VIEWS)))
    else:
        schema = "CAST(%s AS REGNAMESPACE)" % (literal(quoted(parts[-1])) if parts else "quote_ident(current_schema())")
        query = "SELECT CAST(relname AS TEXT) AS name FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace = " + schema
    return listed("Table", query + (other_catalog(parts[0]) if len(parts) > 1 else ""), like(w, "qf.name"))


def describe(_, parts, test=""):
    """In the order of the table."""
    return ('SELECT CAST(a.attname AS TEXT) AS "Column", %s AS "Type", \'\' AS "Extra", coalesce(col_description(a.attrelid, a.attnum), \'\')'
            ' AS "Comment" FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = CAST(%s AS REGCLASS) AND a.attnum > 0 AND NOT a.attisdropped%s'
            " ORDER BY a.attnum" % (type_text(OF_COLUMN), literal(".".join(map(quoted, parts))), test))


def show_columns(w):
    if not w.take("from", "in"):
        w.fail()
    parts = w.names(3)
    return describe(w, parts, like(w, "CAST(a.attname AS TEXT)"))


SHOWS = {"catalogs": show_catalogs, "schemas": show_schemas, "tables": show_tables, "columns": show_columns}
