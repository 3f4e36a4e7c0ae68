"""The same tables in PostgreSQL and in DuckDB behind a toolkit, and what statements about catalogs answer on both.

What has to differ is made equal before answers are compared: oids of user's objects are written as the names of the objects.
"""
import dataclasses
import functools
import pathlib
import re

import psycopg

import pgkit
import pgserver

HERE = pathlib.Path(__file__).parent / "catalog"
FIRST_USER_OID = 16384
OID, OIDS = 26, (30, 1028)  # oid; oidvector and oid[]
NAMES = {
    "class": "select oid, oid::regclass::text from pg_catalog.pg_class",
    "type": "select oid, oid::regtype::text from pg_catalog.pg_type",
    "namespace": "select oid, nspname from pg_catalog.pg_namespace",
    "constraint": "select oid, conname from pg_catalog.pg_constraint",
    "role": "select oid, rolname from pg_catalog.pg_roles",
    "database": "select oid, datname from pg_catalog.pg_database",
}


@dataclasses.dataclass
class Statement:
    tool: str
    name: str
    text: str

    @property
    def id(self):
        return f"{self.tool}: {self.name}"


def statements(tool, directory=HERE):
    """`---- name`, then one statement, and so on; {class:x}, {type:x}, {namespace:x} stand for oids. Equal names are numbered."""
    _, *parts = re.split(r"^---- ", (directory / f"{tool}.sql").read_text(), flags=re.M)
    found, seen = [], {}
    for name, text in (part.split("\n", 1) for part in parts):
        seen[name] = seen.get(name, 0) + 1
        found.append(Statement(tool, name if seen[name] == 1 else f"{name} ({seen[name]})", text.strip().rstrip(";")))
    return found


class Place:
    """A server with the tables: its answers, with names in place of the user's oids."""

    def __init__(self, target):
        self.target = target
        self.conn = target.connect(prepare_threshold=None)

    @functools.cached_property
    def names(self):
        """oid → the names that it has in the catalogs; the two servers number their objects in different ways."""
        found = {}
        for kind, sql in NAMES.items():
            for oid, name in self.conn.execute(sql).fetchall():
                if int(oid) >= FIRST_USER_OID:
                    found.setdefault(int(oid), []).append(f"{kind}:{name}")
        return {oid: " ".join(names) for oid, names in found.items()}

    @functools.cache
    def oid(self, kind, name):
        return str(self.conn.execute(f"select %s::reg{kind}::oid::int8", (name,)).fetchone()[0])

    def filled(self, text):
        return re.sub(r"\{(class|type|namespace):([^}]*)\}", lambda m: self.oid(m[1], m[2]), text)

    def named(self, text):
        return self.names.get(int(text), "unknown") if text.isdigit() and int(text) >= FIRST_USER_OID else text

    def value(self, text, kind):
        if text is None or kind == OID:
            return text and self.named(text)
        return re.sub(r"\d+", lambda m: self.named(m[0]), text) if kind in OIDS else text

    def answer(self, text):
        """([(column, type)], rows), or the SQLSTATE and the message."""
        try:
            result = self.conn.execute(self.filled(text)).pgresult
        except psycopg.Error as e:
            return f"{e.sqlstate}: {e}"
        kinds = [result.ftype(i) for i in range(result.nfields)]
        columns = [(result.fname(i).decode(), self.named(str(kinds[i]))) for i in range(result.nfields)]

        def cell(row, i):
            value = result.get_value(row, i)
            return self.value(value if value is None else value.decode(), kinds[i])

        return columns, [tuple(cell(row, i) for i in range(result.nfields)) for row in range(result.ntuples)]


class Postgres(pgserver.Server):
    """PostgreSQL with the tables in a database of its own."""

    def __init__(self):
        super().__init__()
        try:
            with self.connect() as c:
                c.execute(f"create database {pgkit.DATABASE}")
            with self.connect(dbname=pgkit.DATABASE) as c:
                c.execute((HERE / "schema.sql").read_text())
        except BaseException:
            self.stop()
            raise

    def target(self):
        return pgkit.Target("postgres", self.port, pgkit.DATABASE)


def before_duckdb(directory):
    kit = pgkit.before_duckdb(directory)
    with kit.connect("duckdb") as c:
        for statement in (HERE / "schema.sql").read_text().replace("bytea", "blob").split(";\n"):
            if statement.strip():
                c.execute(statement)
    return kit
