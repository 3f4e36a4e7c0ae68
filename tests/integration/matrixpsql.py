"""psql as a driver of the matrix: it reads a script from a pipe and writes CSV; its variables say how a statement ended."""
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pgdrivers
from matrixdrivers import MISSING, PATIENCE, TYPES, canon, count, from_text, refused

csv.field_size_limit(1 << 30)
END = "=== end of a step ==="
NULL = "(null)"
SETUP = ["\\set QUIET on", "\\pset format csv", f"\\pset null '{NULL}'", "\\pset pager off", "\\set VERBOSITY verbose", "\\set SHOW_CONTEXT never", "\\set ROW_COUNT 0"]
COLUMNS = {"seen": "timestamptz"}  # of the table's cases that say no type


def literal(kind, v):
    if v is None:
        return "null"
    if kind.endswith("[]"):
        items = ("NULL" if x is None else '"' + canon(x).replace("\\", "\\\\").replace('"', '\\"') + '"' for x in v)
        said = "{" + ",".join(items) + "}"
    elif isinstance(v, bytes):
        said = "\\x" + v.hex()
    elif isinstance(v, dict):
        said = json.dumps(v)
    elif isinstance(v, float):
        said = repr(v)
    else:
        said = canon(v) + " microseconds" * (kind == "interval")
    return "'" + said.replace("'", "''") + "'"


class Psql(pgdrivers.Driver):
    """Parameters are those of PREPARE and EXECUTE."""

    def run_case(self, target, engine, steps):
        self.target = target
        return super().run_case(target, engine, steps)

    def connected(self, target):
        return self

    @staticmethod
    def start(target, *options, **kw):
        env = {**os.environ, "PGPASSWORD": target.password, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(target.ca), "PGCONNECT_TIMEOUT": "20"}
        return subprocess.Popen(["psql", "-X", "-h", target.host, "-p", str(target.port), "-U", target.user, "-d", target.database, *options],
                                env=env, text=True, encoding="utf-8", **kw)

    def __enter__(self):
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.child = self.start(self.target, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.points = self.asked = 0
        self.ask(*SETUP)
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.errors.close()

    def abort(self):
        self.child.kill()

    def ask(self, *lines):
        """(what it wrote, SQLSTATE, rows) after these lines."""
        self.child.stdin.write("\n".join((*lines, f"\\echo '{END}' :ERROR :SQLSTATE :ROW_COUNT", "")))
        self.child.stdin.flush()
        said = []
        while not (line := self.child.stdout.readline()).startswith(END):
            assert line, self.complaints()
            said.append(line)
        error, state, n = line.removeprefix(END).split()
        return "".join(said), state if error == "true" else None, int(n)

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read()

    def step(self, what, args, engine):
        if what == "cancel":
            args = (args[0][engine], pgdrivers.DELAY[engine])
        got = []
        getattr(self, what)(got, *args)
        return got

    @staticmethod
    def records(said, kind=None):
        """[header, rows …] of a result."""
        all_rows = list(csv.reader(io.StringIO(said, newline="")))
        header = all_rows[0] if all_rows else []
        kinds = [COLUMNS.get(name, kind or "text") for name in header]
        return [header] + [[None if v == NULL else from_text(k, v) for k, v in zip(kinds, row or [""])] for row in all_rows[1:]]

    def result(self, got, answer, kind=None):
        said, state, n = answer
        if state:
            got.append(("error", state))
        elif said:
            got += [("row", *r) for r in self.records(said, kind)[1:]] + [("rows",)]
        else:
            got += count(n)

    def do(self, got, sql):
        _, state, _ = self.ask(sql + ";")
        if state:
            got.append(("error", state))

    def prepared(self, sql, sets):
        self.asked += 1
        kinds = ", ".join(kind for kind, _ in sets[0])
        values = [", ".join(literal(kind, v) for kind, v in params) for params in sets]
        return f"prepare asked{self.asked}({kinds}) as {sql};", [f"execute asked{self.asked}({v});" for v in values]

    def run(self, got, sql, params):
        if not params:
            return self.result(got, self.ask(sql + ";"))
        self.repeat(got, sql, [params])

    def repeat(self, got, sql, sets):
        prepare, executes = self.prepared(sql, sets)
        cast = re.match(r"select cast\(\$1 as ([^)]+)\) as v$", sql)
        _, state, _ = self.ask(prepare)
        if state:
            got.append(("error", state))
            return
        for execute in executes:
            self.result(got, self.ask(execute), cast and cast[1])

    def batch(self, got, sql, sets):
        some = []
        self.repeat(some, sql, sets)
        wrong = [o for o in some if o[0] == "error"]
        got += wrong[:1] or count(sum(n for _, n in some))

    def begin(self, got):
        self.do(got, "begin")

    def commit(self, got):
        self.do(got, "commit")

    def rollback(self, got):
        self.do(got, "rollback")

    def savepoint(self, got):
        self.points += 1
        self.do(got, f"savepoint p{self.points}")

    def rollback_to(self, got):
        self.do(got, f"rollback to p{self.points}")

    def release(self, got):
        self.do(got, f"release p{self.points}")

    def fetch(self, got, sql, size, params):
        self.result(got, self.ask(f"\\set FETCH_COUNT {size}", sql + ";"))

    def stream(self, got, sql):
        some = []
        self.fetch(some, sql, 1000, ())
        values = [int(v) for what, *row in some if what == "row" for v in row]
        got.append(some[-1] if some[-1][0] == "error" else ("text", f"{len(values)} rows, sum {sum(values)}"))

    def cancel(self, got, sql, seconds):
        """A script is over when it is interrupted: what it said last is the answer, and another psql goes on."""
        self.child.stdin.write(sql + ";\n")
        self.child.stdin.flush()
        time.sleep(seconds)
        self.child.send_signal(signal.SIGINT)
        self.child.wait(PATIENCE)
        state = re.findall(r"(?:ERROR|FATAL): +(\w{5}):", self.complaints())
        got.append(("error", state[-1] if state else "none"))
        self.__exit__()
        self.__enter__()

    def multi(self, got, sql):
        said, state, _ = self.ask(sql.replace(";", "\\;") + ";")
        records = [r for r in csv.reader(io.StringIO(said))]
        for name, value in zip(records[::2], records[1::2]):
            got += [("row", *value), ("rows",)]
        if state:
            got.append(("error", state))

    def columns(self, got, sql):
        kinds = {"integer": "int4", "double precision": "float8", "boolean": "bool"}
        said, state, _ = self.ask(sql + " \\gdesc")
        if state:
            got.append(("error", state))
        else:
            got += [("row", name, kinds.get(kind, kind)) for name, kind in self.records(said)[1:]] + [("rows",)]

    def tables(self, got, name):
        said, _, _ = self.ask(f"\\dt {name}")
        got += [("row", r[1]) for r in self.records(said)[1:]] + [("rows",)]

    def describe(self, got, name):
        said, _, _ = self.ask(f"\\d {name}")
        for column, kind, _, nullable, *_ in self.records(said)[1:]:
            got.append(("row", column, re.sub(r"\(.*", "", kind), "NO" if nullable == "not null" else "YES"))
        got.append(("rows",))

    def notices(self, got, sql):
        self.ask(sql + ";")
        got += [("text", said) for said in re.findall(r"(?:NOTICE|WARNING): +\w{5}: (.*)", self.complaints())]

    def listen(self, got, channel, payload):
        self.do(got, f"listen {channel}")
        if got:
            return
        with self.target.connect() as c:
            c.execute("select pg_notify(%s, %s)", (channel, payload))
        until = time.monotonic() + PATIENCE
        heard = None
        while not heard and time.monotonic() < until:
            heard = re.search(r'notification "\w+" with payload "(.*)" received', self.ask("select 1;")[0])
        got.append(("text", heard and heard[1]))
        self.do(got, f"unlisten {channel}")

    def login(self, got, other):
        child = self.start(self.target.but(**other), "-c", "select 1", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, errors = child.communicate(timeout=PATIENCE + 20)
        if child.returncode:
            got.append(("error", refused(errors)))

    def pool(self, got, sql, connections, statements):
        got.append(("error", MISSING))

    def copy_in(self, got, table, data):
        said, state, n = self.ask(f"copy {table} from stdin;", data + "\\.")
        got += [("error", state)] if state else count(n)

    def copy_out(self, got, sql):
        said, state, _ = self.ask(f"copy ({sql}) to stdout;")
        got.append(("error", state) if state else ("text", said))
