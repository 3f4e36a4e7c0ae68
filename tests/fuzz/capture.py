"""Captures what PostgreSQL's clients and its server say to each other, as seeds for the fuzz targets.

usage: build/venv/bin/python tests/fuzz/capture.py      (after `make deps-check` and `make fuzz-built`)

Each driver of the integration tests runs some of their cases on a PostgreSQL of our own, psql and pgbench too, through
a proxy that records. A conversation is cut into pieces of at most MOST bytes, at Sync or Query, and of each piece three
inputs are made: what the client said for fuzz_pg_frontend and fuzz_pg_session, and what the server answered to each
group for fuzz_pg_backend. Those that reach new code (libFuzzer's -merge=1) are added to tests/fuzz/corpus, at most
MOST_OF_A_CLIENT of each, by its name. Startup, passwords and cancel keys are not recorded.
"""
import collections
import hashlib
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))
import pgcases  # noqa: E402
import pgkit  # noqa: E402
from pgdrivers import DRIVERS  # noqa: E402
from pgserver import binaries  # noqa: E402

MOST, MOST_OF_A_CLIENT = 1500, 8
CASES = ("parameters of many types in one statement", "the type of a parameter from its place", "no rows, no columns", "an empty statement",
         "prepared, beyond the threshold", "a batch", "a batch that fails", "fetch size with parameters", "errors outside of a transaction",
         "an error in a transaction", "an error after rows", "commit", "savepoints", "notices", "several results", "RETURNING", "COPY in",
         "COPY in that fails", "COPY out", "settings")
SCRIPT = """\\set VERBOSITY verbose
select 1 as a \\gdesc
select $1::int + 1 \\bind 4 \\g
\\dt
begin; savepoint s; select 1/0; rollback to s; commit;
\\copy (select 1) to /dev/null
select 'a' as c \\gset
listen here; notify here, 'text';
\\set FETCH_COUNT 2
select * from generate_series(1, 5);
"""
# First bytes of inputs; see the targets.
STARTED, SIMPLE, NAMED, DESCRIBED, PORTAL = 1, 2, 4, 8, 16


def whole(data):
    """Messages at the front of data, and what is left."""
    found = []
    while len(data) >= 5 and len(data) > (n := struct.unpack(">I", data[1:5])[0]):
        found.append(data[:n + 1])
        data = data[n + 1:]
    return found, data


class Conversation:
    """One connection. groups: [(messages of the client up to Sync or Query, messages of the server up to ReadyForQuery)]."""

    def __init__(self):
        self.client, self.server, self.groups, self.open = b"", b"", [], []
        self.started = self.ready = False

    def from_client(self, data):
        self.client += data
        while not self.started and len(self.client) >= 8 and len(self.client) >= (n := struct.unpack(">I", self.client[:4])[0]):
            self.started = struct.unpack(">I", self.client[4:8])[0] >> 16 == 3
            self.client = self.client[n:]
        if self.started:
            found, self.client = whole(self.client)
            for m in found:
                self.open.append(m)
                if m[:1] in b"QS":
                    self.groups.append((self.open, []))
                    self.open = []
                elif m[:1] in b"dcf" and self.groups:  # COPY: behind its Query or its Execute
                    self.groups[-1][0].append(self.open.pop())

    def from_server(self, data):
        self.server += data
        if self.started:
            found, self.server = whole(self.server[1:] if self.server[:2] == b"NR" else self.server)
            for m in found:
                if not self.ready:
                    self.ready = m[:1] == b"Z"
                    continue
                waiting = next((answer for _, answer in self.groups if not answer or answer[-1][:1] != b"Z"), None)
                if waiting is not None:
                    waiting.append(m)


class Proxy:
    def __init__(self, port):
        self.to, self.conversations = port, []
        self.server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            server = socket.create_connection(("127.0.0.1", self.to))
            c = Conversation()
            lock = threading.Lock()
            self.conversations.append(c)
            for source, sink, note in ((client, server, c.from_client), (server, client, c.from_server)):
                threading.Thread(target=self.pump, args=(source, sink, note, lock), daemon=True).start()

    @staticmethod
    def pump(source, sink, note, lock):
        try:
            while data := source.recv(1 << 16):
                with lock:
                    note(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def take(self):
        taken, self.conversations = self.conversations, []
        return taken


def record(proxy, pg):
    """name → conversations"""
    target, found = pgkit.Target("proxy", proxy.port, pgkit.DATABASE), {}
    for name, make in DRIVERS.items():
        make().run_all(target, "postgres", {case: pgcases.CASES[case][1] for case in CASES if case in pgcases.CASES})
        found[name] = proxy.take()
    login = ["-h", "127.0.0.1", "-p", str(proxy.port), "-U", target.user, target.database]
    subprocess.run([binaries() / "psql", "-X", "-q", *login], input=SCRIPT, text=True, capture_output=True, timeout=60)
    found["psql"] = proxy.take()
    subprocess.run([binaries() / "pgbench", "-i", "-q", "-h", "127.0.0.1", "-p", str(pg.port), "-U", target.user, target.database], check=True,
                   capture_output=True, timeout=60)
    for mode in ("simple", "extended", "prepared"):
        subprocess.run([binaries() / "pgbench", "-n", "-t", "3", "-M", mode, *login], check=True, capture_output=True, timeout=60)
        found["pgbench " + mode] = proxy.take()
    return found


def pieces(conversation):
    """Runs of groups that are short enough, as bytes of the client."""
    piece = b""
    for client, _ in conversation.groups:
        said = b"".join(client)
        if len(piece) + len(said) > MOST and piece:
            yield piece
            piece = b""
        if len(said) <= MOST:
            piece += said
    if piece:
        yield piece


def how(client):
    """Of the statement that a group is, for fuzz_pg_backend."""
    kinds = {m[:1] for m in client}
    if b"Q" in kinds:
        return SIMPLE
    if b"E" not in kinds:
        return DESCRIBED
    named = NAMED if any(m[:1] == b"P" and m[5:6] != b"\0" for m in client) else 0
    return named | (PORTAL if any(m[:1] == b"E" and not m.endswith(b"\0\0\0\0") for m in client) else 0)


def write(directory, name, data):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(data)


def inputs(found, work):
    """Files by target, named by client and number; each once."""
    for name, conversations in found.items():
        name, n = name.replace(" ", "_"), 0
        for c in conversations:
            for piece in pieces(c):
                write(work / "pg_session", f"{name}-{n}", bytes([STARTED]) + piece)
                write(work / "pg_frontend", f"{name}-{n}", bytes([len(piece) // 2 % 256]) + piece)
                n += 1
            for client, server in c.groups:
                said = b"".join(server)
                if len(said) <= MOST and server and server[-1][:1] == b"Z":
                    first = how(client)
                    write(work / "pg_backend", f"{name}-{n}", bytes([first]) + said)
                    write(work / "pg_backend", f"{name}-{n}-arrow", bytes([first & ~SIMPLE | STARTED]) + said)
                    n += 1


def merge(target, captured, work):
    """Adds what reaches code that the corpus does not reach."""
    corpus, merged = TOP / "tests/fuzz/corpus" / target, work / (target + "-merged")
    shutil.copytree(corpus, merged)
    subprocess.run([TOP / "build/fuzz" / ("fuzz_" + target), "-merge=1", merged, captured], check=True, capture_output=True, timeout=900)
    names = {hashlib.sha1(p.read_bytes()).hexdigest(): p.name for p in sorted(captured.iterdir(), reverse=True)}
    new = {names[p.name]: p for p in merged.iterdir() if not (corpus / p.name).exists()}
    added = collections.Counter()
    for name in sorted(new):
        client = name.partition("-")[0]
        if added[client] < MOST_OF_A_CLIENT:
            shutil.copyfile(new[name], corpus / name)
            added[client] += 1
    print(f"{target}: {added.total()} of {len(names)} added")


def main():
    with tempfile.TemporaryDirectory() as directory:
        work, pg = pathlib.Path(directory), pgkit.Cluster()
        try:
            found = record(Proxy(pg.port), pg)
        finally:
            pg.stop()
        inputs(found, work)
        for target in ("pg_frontend", "pg_session", "pg_backend"):
            merge(target, work / target, work)


if __name__ == "__main__":
    main()
