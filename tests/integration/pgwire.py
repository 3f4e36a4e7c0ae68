"""PostgreSQL's extended protocol by hand: every message that is sent, and every message that comes, whole.

A conversation is written as a list of messages and read back as a line of their letters: "1 2 T D*3 C Z/I" is
ParseComplete, BindComplete, RowDescription, three DataRow, CommandComplete, ReadyForQuery (idle).
"""
import itertools
import select
import struct

from rawpg import Raw, as_bytes, fields, query, startup, typed, values

__all__ = ["Wire", "bind", "close", "copy_data", "copy_done", "copy_fail", "describe", "execute", "fields", "flush", "line",
           "parse", "query", "run", "sync", "tags", "values", "terminate", "row_types", "parameter_types", "errors"]


def text(s):
    return as_bytes(s) + b"\0"


def parse(sql, name="", oids=()):
    return typed("P", text(name) + text(sql) + struct.pack(f">H{len(oids)}I", len(oids), *oids))


def formats(codes):
    return struct.pack(f">H{len(codes)}H", len(codes), *codes)


def bind(params=(), statement="", portal="", given=(), wanted=()):
    """params: bytes, str or None; given, wanted: format codes of parameters and of columns, 0 text, 1 binary."""
    parts = [text(portal), text(statement), formats(given), struct.pack(">H", len(params))]
    for p in params:
        parts.append(struct.pack(">i", -1) if p is None else struct.pack(">i", len(as_bytes(p))) + as_bytes(p))
    return typed("B", b"".join(parts) + formats(wanted))


def describe(kind, name=""):
    """kind: S statement, P portal."""
    return typed("D", as_bytes(kind) + text(name))


def execute(portal="", rows=0):
    return typed("E", text(portal) + struct.pack(">i", rows))


def close(kind, name=""):
    return typed("C", as_bytes(kind) + text(name))


def flush():
    return typed("H")


def sync():
    return typed("S")


def terminate():
    return typed("X")


def copy_data(data):
    return typed("d", data)


def copy_done():
    return typed("c")


def copy_fail(why):
    return typed("f", text(why))


def run(sql, params=(), oids=(), given=(), wanted=(), rows=0):
    """One statement as most drivers send it, up to Sync."""
    return parse(sql, oids=oids) + bind(params, given=given, wanted=wanted) + describe("P") + execute(rows=rows) + sync()


class Wire(Raw):
    """One connection. What the server says by itself (ParameterStatus, NotificationResponse) is kept in .said."""

    def __init__(self, target, timeout=20):
        super().__init__(target.port, timeout)
        self.target, self.said, self.sent = target, [], []

    def begin(self, version=196608, **parameters):
        parameters = {"user": self.target.user, "database": self.target.database, "options": None, **parameters}
        self.send(startup(version, **parameters))
        self.greeting = []
        while (m := super().message()) is not None:
            self.greeting.append(m)
            if m[0] in "ZE":
                break
        assert self.greeting and self.greeting[-1] == ("Z", b"I"), self.greeting
        return self

    def send(self, data):
        self.sent.append(data)
        return super().send(data)

    def message(self):
        while (m := super().message()) is not None:
            if m[0] not in "SA":
                return m
            self.said.append(m)
        return None

    def until(self, last, n=1):
        """Messages up to the n-th of one of these letters, or the end of the stream."""
        got = []
        while n and (m := self.message()) is not None:
            got.append(m)
            n -= m[0] in last
        return got

    def talk(self, *messages, n=1):
        """Sends them in one piece, and reads up to the n-th ReadyForQuery."""
        self.send(b"".join(messages))
        return self.until("Z", n)

    def line(self, *messages, n=1):
        return line(self.talk(*messages, n=n))

    def ask(self, sql):
        return self.talk(query(sql))

    def silent(self, seconds=0.3):
        """Nothing comes for so long."""
        return not self.data and not select.select([self.sock], [], [], seconds)[0]

    def notifications(self, seconds=5):
        """(channel, payload) of the first that comes within the time, or that came."""
        while True:
            for i, (kind, body) in enumerate(self.said):
                if kind == "A":
                    del self.said[i]
                    channel, payload = body[4:].split(b"\0")[:2]
                    return channel.decode(), payload.decode()
            if not self.data and not select.select([self.sock], [], [], seconds)[0]:
                return None
            m = super().message()
            assert m and m[0] in "SA", m
            self.said.append(m)

    def parameter(self, name):
        """The last ParameterStatus of that name."""
        found = None
        for kind, body in (*self.greeting, *self.said):
            if kind == "S" and body.split(b"\0")[0].decode() == name:
                found = body.split(b"\0")[1].decode()
        return found


def word(message):
    kind, body = message
    if kind == "Z":
        return "Z/" + body.decode()
    if kind == "E":
        return "E/" + fields(body)["C"]
    return kind


def line(messages):
    """Notices are left aside: what they say is compared elsewhere."""
    words = []
    for w, same in itertools.groupby(word(m) for m in messages if m[0] != "N"):
        n = len(list(same))
        words.append(f"D*{n}" if w == "D" and n > 1 else " ".join([w] * n))
    return " ".join(words)


def tags(messages):
    return [body[:-1].decode() for kind, body in messages if kind == "C"]


def errors(messages):
    return [fields(body) for kind, body in messages if kind == "E"]


def row_types(messages):
    """[(name, oid, format)] of each RowDescription."""
    found = []
    for kind, body in messages:
        if kind == "T":
            at, columns = 2, []
            for _ in range(struct.unpack(">H", body[:2])[0]):
                end = body.index(b"\0", at)
                oid, _, _, code = struct.unpack(">IhiH", body[end + 7:end + 19])
                columns.append((body[at:end].decode(), oid, code))
                at = end + 19
            found.append(columns)
    return found


def parameter_types(messages):
    return [list(struct.unpack(f">{len(body[2:]) // 4}I", body[2:])) for kind, body in messages if kind == "t"]


def raw_values(messages):
    """Of all DataRows, as bytes."""
    rows = []
    for kind, body in messages:
        if kind == "D":
            at, row = 2, []
            for _ in range(struct.unpack(">H", body[:2])[0]):
                n = struct.unpack(">i", body[at:at + 4])[0]
                at += 4
                row.append(None if n < 0 else body[at:at + n])
                at += max(n, 0)
            rows.append(tuple(row))
    return rows
