"""The drivers that run the table of cases (pgcases.py), each in the ways that it can send a statement.

A driver has one method for each kind of step; it gives the outcome as the table has it, with values in one form for all
(canon). A case has a connection of its own.
"""
import asyncio
import contextlib
import datetime
import decimal
import functools
import io
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import uuid

import asyncpg
import psycopg
from psycopg.types.json import Json, Jsonb

from conftest import SLOW, TOP

JAR = TOP / "build/deps/pgjdbc.jar"
PATIENCE = 15 * SLOW  # seconds for a case
# Before a statement is cancelled: it must run by then, translated and described.
DELAY = {"postgres": 0.3 * SLOW, "duckdb": SLOW}
JAVA = pathlib.Path(__file__).parent / "drivers/Cases.java"


def canon(v):
    """A value as text, the same for every driver: what it prints must tell apart what is different."""
    match v:
        case None | str():
            return v
        case bool():
            return "t" if v else "f"
        case int():
            return str(v)
        case float():
            return struct.pack(">d", v).hex() if v == v else "7ff8000000000000"
        case decimal.Decimal():
            return format(v, "f")
        case bytes() | bytearray() | memoryview():
            return bytes(v).hex()
        case datetime.datetime():
            if v.tzinfo:
                v = v.astimezone(datetime.timezone.utc)
            return f"{v.year:04}-{v:%m-%d %H:%M:%S.%f}" + ("Z" if v.tzinfo else "")
        case datetime.date():
            return v.isoformat()
        case datetime.time():
            return f"{v:%H:%M:%S.%f}" + (str(int(v.utcoffset().total_seconds())) if v.tzinfo else "")
        case datetime.timedelta():
            return str(v // datetime.timedelta(microseconds=1))
        case uuid.UUID():
            return str(v)
        case dict():
            return "json:" + json.dumps(v, sort_keys=True)
        case list() | tuple():
            return "{" + ",".join("NULL" if x is None else canon(x) for x in v) + "}"
    raise TypeError(type(v))


def canonical(outcome):
    return [(what, *(canon(v) if what == "row" else v for v in values)) for what, *values in outcome]


def count(n):
    return [("count", n)]


class Driver:
    """A way to run cases. batch_counts: whether a batch says how many rows it changed."""

    batch_counts = True

    def run_all(self, target, engine, cases):
        """case → outcomes of its steps, up to the first that is not as it should be."""
        return {name: self.run_case(target, engine, steps) for name, steps in cases.items()}

    def run_case(self, target, engine, steps):
        """A case that hangs loses its connection, which is an outcome like others."""
        outcomes = []
        with self.connected(target), self.limited():
            for what, args, want in steps:
                outcomes.append(canonical(self.step(what, args, engine)))
                if outcomes[-1] != self.expected(what, want):
                    break
        return outcomes

    @contextlib.contextmanager
    def limited(self):
        timer = threading.Timer(PATIENCE, self.abort)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def abort(self):
        """Drivers with time limits of their own need nothing more."""

    def expected(self, what, want):
        return [] if what == "batch" and not self.batch_counts and want[0][0] == "count" else canonical(want)

    def step(self, what, args, engine):
        if what == "cancel":
            args = (args[0][engine], DELAY[engine])
        got = []
        try:
            getattr(self, what)(got, *args)
        # AttributeError: asyncpg's execute('')
        except (psycopg.Error, asyncpg.PostgresError, asyncpg.InterfaceError, AttributeError, TimeoutError) as e:
            got.append(("error", self.recover(e)))
        return got

    def recover(self, error):
        return getattr(error, "sqlstate", None) or f"driver: {error}"


# ---- psycopg -----------------------------------------------------------------------------------------------------------

class Psycopg(Driver):
    def __init__(self, binary=False, threshold=None, pipeline=False):
        self.binary, self.threshold, self.in_pipeline = binary, threshold, pipeline

    def connected(self, target):
        return self

    def run_case(self, target, engine, steps):
        self.target = target
        return super().run_case(target, engine, steps)

    def __enter__(self):
        self.conn = self.target.connect(prepare_threshold=self.threshold, cursor_factory=psycopg.RawCursor)
        self.points = []
        if self.in_pipeline:
            self.block = self.conn.pipeline()
            self.pipeline = self.block.__enter__()
        return self

    def __exit__(self, *_):
        try:
            if self.in_pipeline:
                self.block.__exit__(None, None, None)
        except psycopg.Error:
            pass  # the last step has seen it
        finally:
            self.conn.close()

    def abort(self):
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self.conn.fileno())) as s:
            s.shutdown(socket.SHUT_RDWR)

    def recover(self, error):
        if self.in_pipeline and not self.conn.closed:
            try:
                self.pipeline.sync()
            except psycopg.Error:
                pass  # of the same failure
        return super().recover(error)

    @staticmethod
    def value(kind, v):
        if v is None or kind not in ("json", "jsonb"):
            return v
        return Json(v) if kind == "json" else Jsonb(v)

    def values(self, params):
        return [self.value(*p) for p in params] or None

    def execute(self, sql, params=()):
        cur = self.conn.cursor(binary=self.binary)
        cur.execute(sql, self.values(params))
        return cur

    def result(self, got, cur):
        if cur.description:
            got += [("row", *row) for row in cur.fetchall()]
            got.append(("rows",))
        else:
            got += count(cur.rowcount)

    def sync(self):
        if self.in_pipeline:
            self.pipeline.sync()

    def do(self, got, sql):
        self.execute(sql)
        self.sync()

    def run(self, got, sql, params):
        cur = self.execute(sql, params)
        self.sync()
        self.result(got, cur)

    def repeat(self, got, sql, sets):
        if self.in_pipeline:
            cursors = [self.execute(sql, params) for params in sets]
            self.sync()
        else:
            cursors = (self.execute(sql, params) for params in sets)
        for cur in cursors:
            self.result(got, cur)

    def batch(self, got, sql, sets):
        cur = self.conn.cursor(binary=self.binary)
        cur.executemany(sql, [self.values(params) for params in sets])
        self.sync()
        got += count(cur.rowcount)

    def begin(self, got):
        self.do(got, "begin")

    def commit(self, got):
        self.do(got, "commit")

    def rollback(self, got):
        self.do(got, "rollback")

    def savepoint(self, got):
        self.points.append(f"p{len(self.points)}")
        self.do(got, f"savepoint {self.points[-1]}")

    def rollback_to(self, got):
        self.do(got, f"rollback to {self.points[-1]}")

    def release(self, got):
        self.do(got, f"release {self.points.pop()}")

    def server_cursor(self, sql, size, params=()):
        cur = psycopg.RawServerCursor(self.conn, "fetching")
        cur.itersize = size
        cur.execute(sql, self.values(params), binary=self.binary)
        return cur

    def fetch(self, got, sql, size, params):
        with self.server_cursor(sql, size, params) as cur:
            got += [("row", *row) for row in cur]
        got.append(("rows",))

    def part(self, got, sql, size, want):
        with self.server_cursor(sql, size) as cur:
            got += [("row", *next(cur)) for _ in range(want)]

    def cancel(self, got, sql, seconds):
        timer = threading.Timer(seconds, self.conn.cancel)
        timer.start()
        try:
            self.run(got, sql, ())
        finally:
            timer.join()

    def multi(self, got, sql):
        cur = self.execute(sql)
        self.sync()
        self.result(got, cur)
        while cur.nextset():
            self.result(got, cur)

    def notices(self, got, sql):
        def said(d):
            got.append(("text", d.message_primary))
        self.conn.add_notice_handler(said)
        self.do([], sql)
        self.conn.remove_notice_handler(said)

    def keys(self, got, sql, params):
        self.run(got, sql + " returning *", params)

    def copy_in(self, got, table, data):
        cur = self.conn.cursor()
        with cur.copy(f"copy {table} from stdin") as copy:
            copy.write(data)
        got += count(cur.rowcount)

    def copy_out(self, got, sql):
        with self.conn.cursor().copy(f"copy ({sql}) to stdout") as copy:
            got.append(("text", b"".join(copy).decode()))


# ---- asyncpg -----------------------------------------------------------------------------------------------------------

class Asyncpg(Driver):
    """Always binary, always prepared; what it does in the loop is awaited here step by step."""

    batch_counts = False

    def run_all(self, target, engine, cases):
        self.loop = asyncio.new_event_loop()
        try:
            return super().run_all(target, engine, cases)
        finally:
            self.loop.close()

    def wait(self, what):
        return self.loop.run_until_complete(asyncio.wait_for(what, PATIENCE))

    def connected(self, target):
        self.target = target
        return self

    def __enter__(self):
        self.conn = self.wait(asyncpg.connect(**self.target.dsn(timeout=20)))
        self.transactions = []
        return self

    def __exit__(self, *_):
        try:
            self.wait(self.conn.close(timeout=5))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, OSError):
            self.conn.terminate()

    @staticmethod
    def values(params):
        return [json.dumps(v) if kind in ("json", "jsonb") and v is not None else v for kind, v in params]

    @staticmethod
    def rows(got, attributes, records):
        parse = [json.loads if a.type.name in ("json", "jsonb") else lambda v: v for a in attributes]
        got += [("row", *(None if v is None else p(v) for p, v in zip(parse, r))) for r in records]
        got.append(("rows",))

    def do(self, got, sql):
        self.wait(self.conn.execute(sql))

    def run(self, got, sql, params):
        self.statement(got, self.wait(self.conn.prepare(sql)), params)

    def statement(self, got, statement, params):
        records = self.wait(statement.fetch(*self.values(params)))
        if statement.get_attributes():
            self.rows(got, statement.get_attributes(), records)
        else:
            got += count(int(statement.get_statusmsg().split()[-1]))

    def repeat(self, got, sql, sets):
        """fetch() keeps its statements; execute() says how many rows were changed."""
        for params in sets:
            if sql.startswith("select"):
                got += [("row", *r) for r in self.wait(self.conn.fetch(sql, *self.values(params)))]
                got.append(("rows",))
            else:
                got += count(int(self.wait(self.conn.execute(sql, *self.values(params))).split()[-1]))

    def batch(self, got, sql, sets):
        self.wait(self.conn.executemany(sql, [self.values(params) for params in sets]))

    def begin(self, got):
        self.transactions.append(self.conn.transaction())
        self.wait(self.transactions[-1].start())

    savepoint = begin

    def commit(self, got):
        self.wait(self.transactions.pop().commit())

    def rollback(self, got):
        self.wait(self.transactions.pop().rollback())

    def rollback_to(self, got):
        """It has no such thing: the inner transaction is given up, and another is begun."""
        self.rollback(got)
        self.begin(got)

    release = commit

    def fetch(self, got, sql, size, params):
        async def all_rows():
            return [r async for r in self.conn.cursor(sql, *self.values(params), prefetch=size)]
        got += [("row", *r) for r in self.wait(all_rows())]
        got.append(("rows",))

    def part(self, got, sql, size, want):
        async def some():
            cursor, records = await self.conn.cursor(sql), []
            while len(records) < want:
                records += await cursor.fetch(min(size, want - len(records)))
            return records
        got += [("row", *r) for r in self.wait(some())]

    def cancel(self, got, sql, seconds):
        """The driver hides the server's answer; it is ready again only when that has come."""
        async def impatient():
            try:
                await asyncio.wait_for(self.conn.fetch(sql), seconds)
            except TimeoutError:
                return "57014"
        began = time.monotonic()
        state = self.wait(impatient())
        got.append(("error", state if time.monotonic() - began < 10 * SLOW else "too late"))

    def multi(self, got, sql):
        self.wait(self.conn.execute(sql))
        got.append(("text", "asyncpg gives no results of scripts"))

    def notices(self, got, sql):
        def said(_, message):
            got.append(("text", message.message))
        self.conn.add_log_listener(said)
        self.do([], sql)
        self.wait(asyncio.sleep(0.05))
        self.conn.remove_log_listener(said)

    def keys(self, got, sql, params):
        self.run(got, sql + " returning *", params)

    def copy_in(self, got, table, data):
        tag = self.wait(self.conn.copy_to_table(table, source=io.BytesIO(data.encode()), format="text"))
        got += count(int(tag.split()[-1]))

    def copy_out(self, got, sql):
        data = io.BytesIO()
        self.wait(self.conn.copy_from_query(sql, output=data, format="text"))
        got.append(("text", data.getvalue().decode()))


# ---- pgjdbc ------------------------------------------------------------------------------------------------------------

def java_value(kind, v):
    match v:
        case None:
            return None
        case datetime.timedelta():
            return f"{v.days} days {v.seconds}.{v.microseconds:06} secs"
        case datetime.datetime() if v.tzinfo:
            return v.isoformat(timespec="microseconds")
        case datetime.datetime():
            return canon(v)
        case float():
            return repr(v)
        case dict():
            return json.dumps(v)
        case list():
            return "!".join("NULL" if x is None else str(x) for x in v)
    return canon(v)


def line(*fields):
    return "\t".join("!" if f is None else urllib.parse.quote(str(f), safe=" ") for f in fields) + "\n"


class Jdbc(Driver):
    """One Java program runs all cases: a step a line, an outcome a block."""

    def __init__(self, **properties):
        self.properties = properties

    def run_all(self, target, engine, cases):
        self.child = subprocess.Popen(["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", str(JAR), str(JAVA), self.url(target)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        try:
            return super().run_all(target, engine, cases)
        finally:
            self.child.stdin.close()
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            self.child.stdout.close()

    def url(self, target):
        login = {**target.jdbc(), "connectTimeout": 20, "socketTimeout": PATIENCE}
        return f"jdbc:postgresql://{target.host}:{target.port}/{target.database}?" + urllib.parse.urlencode({**login, **self.properties})

    def connected(self, target):
        return self

    def __enter__(self):
        assert self.ask("case") == [], "no connection"
        return self

    def __exit__(self, *_):
        pass

    def ask(self, *fields):
        self.child.stdin.write(line(*fields))
        self.child.stdin.flush()
        got = []
        while (answer := self.child.stdout.readline().rstrip("\n")) != "end":
            assert answer, "the Java program has ended"
            what, *values = [None if f == "!" else urllib.parse.unquote_plus(f) for f in answer.split("\t")]
            got.append((what, *values))
        return [self.outcome(*o) for o in got]

    @staticmethod
    def outcome(what, *values):
        match what:
            case "row":
                return ("row", *(json.loads(v[5:]) if v and v.startswith("json:") else v for v in values))
            case "count":
                return ("count", int(values[0]))
            case "error":
                return ("error", values[0] if values[0] not in (None, "driver") else f"driver: {values[1]}")
        return (what, *values)

    @staticmethod
    def flat(params):
        return [x for kind, v in params for x in (kind, java_value(kind, v))]

    def step(self, what, args, engine):
        match what:
            case "cancel":
                args = (args[0][engine], int(1000 * DELAY[engine]))
            case "run" | "keys":
                args = (args[0], *self.flat(args[1]))
            case "repeat" | "batch":
                sql, sets = args
                args = (sql, len(sets[0]), *(x for params in sets for x in self.flat(params)))
            case "fetch":
                args = (args[0], args[1], *self.flat(args[2]))
        return self.ask(what, *args)


DRIVERS = {
    "psycopg text": Psycopg,
    "psycopg binary": functools.partial(Psycopg, binary=True, threshold=5),
    "psycopg prepared": functools.partial(Psycopg, threshold=0),
    "psycopg pipeline": functools.partial(Psycopg, threshold=5, pipeline=True),
    "asyncpg": Asyncpg,
    "pgjdbc": Jdbc,
    "pgjdbc binary": functools.partial(Jdbc, prepareThreshold="-1", binaryTransfer="true"),
    "pgjdbc simple": functools.partial(Jdbc, preferQueryMode="simple"),
}
