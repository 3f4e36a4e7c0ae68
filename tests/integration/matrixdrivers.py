"""The drivers of the matrix (test_matrix.py): those of pgdrivers.py with what else its table asks for, and more.

Python's run here. pgx, lib/pq and node-postgres are programs under drivers/ that read a step a line and answer with a
line, both JSON; psql reads a script. A value comes as the text that canon() makes, or as (type, PostgreSQL's text).
"""
import asyncio
import contextlib
import datetime
import decimal
import io
import json
import os
import re
import shutil
import struct
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pg8000
import pg8000.native
import psycopg
import sqlalchemy
from sqlalchemy.dialects import postgresql

import pgdrivers
from conftest import SLOW, TOP
from pgdrivers import PATIENCE, canon, canonical, count

GO = TOP / "build/deps/pgdrivers"
NODE = TOP / "build/deps/node"
SCRIPT = TOP / "tests/integration/drivers/node/cases.js"
TYPES = {"int4": "integer", "int": "integer", "timestamptz": "timestamp with time zone", "timestamp": "timestamp with time zone"}
TABLES = "select table_name from information_schema.tables where table_schema = 'public' and table_name = $1"
COLUMNS = "select column_name, data_type, is_nullable from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position"
MISSING = "driver: has no such thing"


def refused(error):
    """What became of a login: a password that is refused, or a server that is."""
    said = str(error)
    if getattr(error, "sqlstate", None) == "28P01" or "password authentication failed" in said or "28P01" in said:
        return "28P01"
    return "refused" if re.search(r"cert|host|altname", said, re.I) else f"driver: {said}"


def pooled(answers):
    return [("text", f"{sum(v == i + 1 for i, v in enumerate(answers))} right")]


class Catalog:
    """For drivers without calls for this: the statements that everybody knows."""

    def tables(self, got, name):
        self.run(got, TABLES, [("text", name)])

    def describe(self, got, name):
        self.run(got, COLUMNS, [("text", name)])


class Psycopg(Catalog, pgdrivers.Psycopg):
    def login(self, got, other):
        try:
            self.target.but(**other).connect().close()
        except psycopg.OperationalError as e:
            got.append(("error", refused(e)))

    def pool(self, got, sql, connections, statements):
        """Its pool is a package of its own; connections are handed out by threads here."""
        def some(first):
            with self.target.connect() as c:
                return [c.cursor(binary=self.binary).execute(sql.replace("$1", "%s"), (i,)).fetchone()[0] for i in range(first, statements, connections)]
        with ThreadPoolExecutor(connections) as pool:
            parts = list(pool.map(some, range(connections)))
        got += pooled([parts[i % connections][i // connections] for i in range(statements)])

    def stream(self, got, sql):
        n = total = 0
        for v, in self.conn.cursor(binary=self.binary).stream(sql):
            n, total = n + 1, total + v
        got.append(("text", f"{n} rows, sum {total}"))

    def columns(self, got, sql):
        d = self.execute(sql).description
        got += [("row", c.name, self.conn.adapters.types[c.type_code].name) for c in d] + [("rows",)]

    def listen(self, got, channel, payload):
        self.conn.execute(f"listen {channel}")
        with self.target.connect() as c:
            c.execute("select pg_notify(%s, %s)", (channel, payload))
        got += [("text", n.payload) for n in self.conn.notifies(timeout=PATIENCE, stop_after=1)]
        self.conn.execute(f"unlisten {channel}")


class Asyncpg(Catalog, pgdrivers.Asyncpg):
    def login(self, got, other):
        try:
            self.wait(self.wait(asyncpg.connect(**self.target.but(**other).dsn(timeout=20))).close())
        except (asyncpg.PostgresError, OSError) as e:
            got.append(("error", refused(e)))

    def pool(self, got, sql, connections, statements):
        async def ask():
            async with asyncpg.create_pool(**self.target.dsn(timeout=20), min_size=1, max_size=connections) as pool:
                return await asyncio.gather(*(pool.fetchval(sql, i) for i in range(statements)))
        got += pooled(self.wait(ask()))

    def stream(self, got, sql):
        async def all_rows():
            return [r[0] async for r in self.conn.cursor(sql, prefetch=1000)]
        values = self.wait(all_rows())
        got.append(("text", f"{len(values)} rows, sum {sum(values)}"))

    def multi(self, got, sql):
        self.wait(self.conn.execute(sql))
        got.append(("error", MISSING))

    def columns(self, got, sql):
        got += [("row", a.name, a.type.name) for a in self.wait(self.conn.prepare(sql)).get_attributes()] + [("rows",)]

    def listen(self, got, channel, payload):
        async def hear():
            heard = asyncio.get_running_loop().create_future()

            def said(connection, pid, where, payload):
                heard.set_result(payload)
            await self.conn.add_listener(channel, said)
            other = await asyncpg.connect(**self.target.dsn(timeout=20))
            await other.execute("select pg_notify($1, $2)", channel, payload)
            await other.close()
            answer = await heard
            await self.conn.remove_listener(channel, said)
            return answer
        got.append(("text", self.wait(hear())))


class Jdbc(pgdrivers.Jdbc):
    def run_all(self, target, engine, cases):
        self.target = target
        return super().run_all(target, engine, cases)

    def step(self, what, args, engine):
        match what:
            case "login":
                got = self.ask("login", self.url(self.target.but(**args[0])))
                return [("error", "refused" if state.startswith("08") else state) for _, state in got]
            case "describe":
                return [(o[0], o[1], TYPES.get(o[2], o[2]), o[3]) if o[0] == "row" else o for o in self.ask(what, *args)]
        return super().step(what, args, engine)


# ---- pg8000 ------------------------------------------------------------------------------------------------------------

class Pg8000(Catalog, pgdrivers.Driver):
    batch_counts = False

    def run_case(self, target, engine, steps):
        self.target = target
        return super().run_case(target, engine, steps)

    def connected(self, target):
        return self

    def open(self, target):
        return pg8000.native.Connection(target.user, host=target.host, port=target.port, database=target.database,
                                        password=target.password, ssl_context=target.context(), timeout=20)

    def __enter__(self):
        self.conn, self.points = self.open(self.target), 0
        return self

    def __exit__(self, *_):
        with contextlib.suppress(pg8000.exceptions.Error, OSError):
            self.conn.close()

    def step(self, what, args, engine):
        if what == "cancel":
            return [("error", MISSING)]
        got = []
        try:
            getattr(self, what)(got, *args)
        except (pg8000.exceptions.Error, OSError, struct.error) as e:
            got.append(("error", self.recover(e)))
        return got

    def recover(self, error):
        told = error.args[0] if error.args else None
        return told["C"] if isinstance(told, dict) and "C" in told else f"driver: {error!r}"

    @staticmethod
    def value(kind, v):
        return json.dumps(v) if kind in ("json", "jsonb") and v is not None else v

    def execute(self, sql, params=()):
        self.rows = self.conn.run(re.sub(r"\$(\d+)", r":p\1", sql), **{f"p{i}": self.value(*p) for i, p in enumerate(params, 1)})

    def result(self, got, rows, columns):
        if columns:
            got += [("row", *r) for r in rows] + [("rows",)]
        else:
            got += count(self.conn.row_count)

    def do(self, got, sql):
        self.execute(sql)

    def run(self, got, sql, params):
        self.execute(sql, params)
        self.result(got, self.rows, self.conn.columns)

    def repeat(self, got, sql, sets):
        statement = self.conn.prepare(re.sub(r"\$(\d+)", r":p\1", sql))
        for params in sets:
            self.result(got, statement.run(**{f"p{i}": self.value(*p) for i, p in enumerate(params, 1)}), statement.columns)
        statement.close()

    def batch(self, got, sql, sets):
        self.repeat([], sql, sets)

    def begin(self, got):
        self.execute("begin")

    def commit(self, got):
        self.execute("commit")

    def rollback(self, got):
        self.execute("rollback")

    def savepoint(self, got):
        self.points += 1
        self.execute(f"savepoint p{self.points}")

    def rollback_to(self, got):
        self.execute(f"rollback to p{self.points}")

    def release(self, got):
        self.execute(f"release p{self.points}")

    def fetch(self, got, sql, size, params):
        self.execute(f"declare fetching cursor for {sql}")
        while True:
            self.execute(f"fetch {size} from fetching")
            if not self.rows:
                break
            got += [("row", *r) for r in self.rows]
        got.append(("rows",))
        self.execute("close fetching")

    def stream(self, got, sql):
        self.execute(sql)
        got.append(("text", f"{len(self.rows)} rows, sum {sum(r[0] for r in self.rows)}"))

    def multi(self, got, sql):
        got.append(("error", MISSING))

    def columns(self, got, sql):
        self.execute(sql)
        got += [("row", c["name"], psycopg.adapters.types[c["type_oid"]].name) for c in self.conn.columns] + [("rows",)]

    def notices(self, got, sql):
        self.conn.notices.clear()
        self.execute(sql)
        got += [("text", n[b"M"].decode()) for n in self.conn.notices]

    def listen(self, got, channel, payload):
        self.execute(f"listen {channel}")
        other = self.open(self.target)
        other.run("select pg_notify(:c, :p)", c=channel, p=payload)
        other.close()
        until = time.monotonic() + PATIENCE
        while not self.conn.notifications and time.monotonic() < until:
            self.execute("select 1")
        got += [("text", n[2]) for n in self.conn.notifications]
        self.execute(f"unlisten {channel}")

    def login(self, got, other):
        try:
            self.open(self.target.but(**other)).close()
        except (pg8000.exceptions.Error, OSError) as e:
            got.append(("error", refused(e)))

    def pool(self, got, sql, connections, statements):
        got.append(("error", MISSING))

    def copy_in(self, got, table, data):
        self.conn.run(f"copy {table} from stdin", stream=io.BytesIO(data.encode()))
        got += count(self.conn.row_count)

    def copy_out(self, got, sql):
        data = io.BytesIO()
        self.conn.run(f"copy ({sql}) to stdout", stream=data)
        got.append(("text", data.getvalue().decode()))


# ---- SQLAlchemy --------------------------------------------------------------------------------------------------------

class Alchemy(pgdrivers.Driver):
    """On psycopg, its default; what is SQLAlchemy's own are pools, transactions, types, reflection and streams."""

    batch_counts = False
    KINDS = {"json": sqlalchemy.JSON, "jsonb": postgresql.JSONB, "uuid": sqlalchemy.Uuid, "numeric": sqlalchemy.Numeric}

    def run_case(self, target, engine, steps):
        self.target = target
        return super().run_case(target, engine, steps)

    def connected(self, target):
        return self

    def engine_of(self, target, **kw):
        url = sqlalchemy.URL.create("postgresql+psycopg", target.user, target.password, target.host, target.port, target.database,
                                    query={"sslmode": "verify-full", "sslrootcert": str(target.ca)})
        return sqlalchemy.create_engine(url, **kw)

    def __enter__(self):
        self.engine = self.engine_of(self.target)
        self.outer = self.conn = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.points = []
        return self

    def __exit__(self, *_):
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            self.conn.close()
            self.outer.close()
        self.engine.dispose()

    def step(self, what, args, engine):
        if what == "cancel":
            args = (args[0][engine], pgdrivers.DELAY[engine])
        got = []
        try:
            getattr(self, what)(got, *args)
        except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error) as e:
            error = getattr(e, "orig", None) or e
            got.append(("error", getattr(error, "sqlstate", None) or f"driver: {error}"))
        return got

    @property
    def driver(self):
        return self.conn.connection.driver_connection

    def clause(self, sql, kinds=()):
        clause = sqlalchemy.text(re.sub(r"\$(\d+)", r":p\1", sql))
        known = [sqlalchemy.bindparam(f"p{i}", type_=self.KINDS[k]) for i, k in enumerate(kinds, 1) if k in self.KINDS]
        return clause.bindparams(*known) if known else clause

    def execute(self, sql, params=()):
        return self.conn.execute(self.clause(sql, [k for k, _ in params]), {f"p{i}": v for i, (_, v) in enumerate(params, 1)})

    def do(self, got, sql):
        self.conn.exec_driver_sql(sql)

    def run(self, got, sql, params):
        r = self.execute(sql, params)
        if r.returns_rows:
            got += [("row", *row) for row in r] + [("rows",)]
        else:
            got += count(r.rowcount)

    def repeat(self, got, sql, sets):
        for params in sets:
            self.run(got, sql, params)

    def batch(self, got, sql, sets):
        self.conn.execute(self.clause(sql), [{f"p{i}": v for i, (_, v) in enumerate(params, 1)} for params in sets])

    def begin(self, got):
        self.conn = self.engine.connect()
        self.points = [self.conn.begin()]

    def end(self, how):
        getattr(self.points.pop(), how)()
        if not self.points:
            self.conn.close()
            self.conn = self.outer

    def commit(self, got):
        self.end("commit")

    def rollback(self, got):
        self.end("rollback")

    def savepoint(self, got):
        self.points.append(self.conn.begin_nested())

    def rollback_to(self, got):
        """It has no such thing: the inner transaction is given up, and another is begun."""
        self.end("rollback")
        self.savepoint(got)

    release = commit

    def fetch(self, got, sql, size, params):
        with self.conn.execution_options(stream_results=True, max_row_buffer=size).execute(self.clause(sql)) as r:
            got += [("row", *row) for part in r.partitions(size) for row in part]
        got.append(("rows",))

    def stream(self, got, sql):
        n = total = 0
        for v, in self.conn.execution_options(yield_per=1000).execute(self.clause(sql)):
            n, total = n + 1, total + v
        got.append(("text", f"{n} rows, sum {total}"))

    def cancel(self, got, sql, seconds):
        timer = threading.Timer(seconds, self.driver.cancel)
        timer.start()
        try:
            self.run(got, sql, ())
        finally:
            timer.join()

    def multi(self, got, sql):
        """One result is all that it gives; the driver below has the others."""
        with self.driver.cursor() as cur:
            cur.execute(sql)
            for _ in cur.results():
                got += [("row", *r) for r in cur.fetchall()] + [("rows",)]

    def columns(self, got, sql):
        d = self.conn.exec_driver_sql(sql).cursor.description
        got += [("row", c.name, self.driver.adapters.types[c.type_code].name) for c in d] + [("rows",)]

    def tables(self, got, name):
        got += [("row", t) for t in sqlalchemy.inspect(self.conn).get_table_names() if t == name] + [("rows",)]

    def describe(self, got, name):
        for c in sqlalchemy.inspect(self.conn).get_columns(name):
            kind = re.sub(r"\(.*", "", str(c["type"])).lower()
            got.append(("row", c["name"], TYPES.get(kind, kind), "YES" if c["nullable"] else "NO"))
        got.append(("rows",))

    def notices(self, got, sql):
        def said(d):
            got.append(("text", d.message_primary))
        self.driver.add_notice_handler(said)
        self.do([], sql)
        self.driver.remove_notice_handler(said)

    def listen(self, got, channel, payload):
        self.do([], f"listen {channel}")
        with self.target.connect() as c:
            c.execute("select pg_notify(%s, %s)", (channel, payload))
        got += [("text", n.payload) for n in self.driver.notifies(timeout=PATIENCE, stop_after=1)]
        self.do([], f"unlisten {channel}")

    def login(self, got, other):
        engine = self.engine_of(self.target.but(**other))
        try:
            engine.connect().close()
        except sqlalchemy.exc.OperationalError as e:
            got.append(("error", refused(e.orig)))
        finally:
            engine.dispose()

    def pool(self, got, sql, connections, statements):
        engine = self.engine_of(self.target, pool_size=connections, max_overflow=0)

        def one(i):
            with engine.connect() as c:
                return c.execute(self.clause(sql), {"p1": i}).scalar()
        with ThreadPoolExecutor(2 * connections) as pool:
            got += pooled(list(pool.map(one, range(statements))))
        engine.dispose()

    def copy_in(self, got, table, data):
        with self.driver.cursor() as cur:
            with cur.copy(f"copy {table} from stdin") as copy:
                copy.write(data)
            got += count(cur.rowcount)

    def copy_out(self, got, sql):
        with self.driver.cursor().copy(f"copy ({sql}) to stdout") as copy:
            got.append(("text", b"".join(copy).decode()))


# ---- programs ----------------------------------------------------------------------------------------------------------

def from_text(kind, v):
    """What PostgreSQL writes for a value of this type, as canon() writes it; settings are the server's own."""
    if v is None:
        return None
    if kind.endswith("[]") or kind.startswith("_"):
        inner = "text" if "text" in kind else "int4"
        return "{" + ",".join("NULL" if x is None else canon(from_text(inner, x)) for x in array(v)) + "}"
    match kind:
        case "bool":
            return v[0]
        case "float4" | "float8":
            return canon(float(v))
        case "bytea":
            return v.removeprefix("\\x")
        case "timestamp":
            return v if "." in v else v + ".000000"
        case "time":
            return v if "." in v else v + ".000000"
        case "timestamptz":
            return canon(datetime.datetime.fromisoformat(v))
        case "interval":
            return canon(interval(v))
        case "json" | "jsonb":
            return canon(json.loads(v))
    return v


def interval(v):
    days = sum(int(n) for n in re.findall(r"(-?\d+) days?", v))
    clock = re.search(r"([+-]?)(\d+):(\d+):([\d.]+)", v)
    if not clock:
        return datetime.timedelta(days=days)
    sign, h, m, s = clock.groups()
    span = datetime.timedelta(hours=int(h), minutes=int(m), microseconds=round(decimal.Decimal(s) * 10**6))
    return datetime.timedelta(days=days) + (-span if sign == "-" else span)


def array(v):
    """The elements of a one-dimensional array."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)', v)
    return [re.sub(r"\\(.)", r"\1", quoted) if not bare else None if bare == "NULL" else bare for quoted, bare in parts] if v != "{}" else []


def to_program(kind, v):
    """A parameter on its way to a program."""
    if isinstance(v, list):
        return [None if x is None else canon(x) for x in v]
    if isinstance(v, dict):
        return json.dumps(v)
    if isinstance(v, float):
        return repr(v)
    return canon(v)


class Program(Catalog, pgdrivers.Driver):
    COMMAND = ()
    ENV = {}
    NAMES = {"do": ("sql",), "run": ("sql", "params"), "keys": ("sql", "params"), "repeat": ("sql", "sets"), "batch": ("sql", "sets"),
             "fetch": ("sql", "size", "params"), "stream": ("sql",), "cancel": ("sql", "seconds"), "multi": ("sql",), "columns": ("sql",), "notices": ("sql",),
             "listen": ("sql", "other"), "pool": ("sql", "size", "want"), "copy_in": ("sql", "other"), "copy_out": ("sql",)}

    def run_all(self, target, engine, cases):
        self.target = target
        self.start()
        try:
            return super().run_all(target, engine, cases)
        finally:
            self.end()

    def start(self):
        self.child = subprocess.Popen([str(c) for c in self.COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
                                      env={**os.environ, **self.ENV})

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.abort()
            self.child.wait()
        self.child.stdout.close()

    def abort(self):
        self.child.kill()

    def connected(self, target):
        return self

    def __enter__(self):
        """A program that hung in the case before was killed: this one has another."""
        if self.child.poll() is not None:
            self.end()
            self.start()
        with self.limited():
            got = self.ask("case", login=self.target.login())
        assert got == [], got
        return self

    def __exit__(self, *_):
        pass

    def ask(self, what, **fields):
        self.child.stdin.write(json.dumps({"what": what, **fields}) + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            self.child.wait()
            return [("error", "driver: it hung or ended")]
        return [(w, *(self.read(v) if w == "row" else v for v in values)) for w, *values in json.loads(answer)]

    @staticmethod
    def read(v):
        if isinstance(v, list):
            return from_text(*v)
        return canon(json.loads(v[5:])) if v and v.startswith("json:") else v

    @staticmethod
    def pairs(params):
        return [(kind, to_program(kind, v)) for kind, v in params]

    def step(self, what, args, engine):
        if what == "login":
            got = self.ask("login", login=self.target.but(**args[0]).login())
            return [("error", refused(e)) for _, e in got]
        if what in ("tables", "describe"):
            got = []
            getattr(self, what)(got, *args)
            return got
        if what == "cancel":
            args = (args[0][engine], pgdrivers.DELAY[engine])
        fields = dict(zip(self.NAMES.get(what, ()), args))
        if "params" in fields:
            fields["params"] = self.pairs(fields["params"])
        if "sets" in fields:
            fields["sets"] = [self.pairs(params) for params in fields["sets"]]
        return self.ask(what, **fields)

    def run(self, got, sql, params):
        got += self.ask("run", sql=sql, params=self.pairs(params))


class Pgx(Program):
    COMMAND = GO, "pgx"


class Pq(Program):
    COMMAND = GO, "pq"


class NodePostgres(Program):
    COMMAND = shutil.which("node", path=f"{os.environ.get('PATH')}:{TOP}/build/venv/bin") or "node", SCRIPT
    ENV = {"NODE_PATH": str(NODE / "node_modules")}
