"""The PostgreSQL wire by hand: packets that no driver would send, and answers as they come."""
import socket
import struct
import time

V3 = 196608
SSL, GSS, CANCEL = 80877103, 80877104, 80877102


def packet(body, length=None):
    """Without a type byte: startup, SSLRequest, CancelRequest."""
    return struct.pack(">i", len(body) + 4 if length is None else length) + body


def startup(version=V3, **parameters):
    parameters = {"user": "raw", "database": "queryflux", "options": "-c queryflux.dialect=duckdb", **parameters}
    pairs = b"".join(as_bytes(k) + b"\0" + as_bytes(v) + b"\0" for k, v in parameters.items() if v is not None)
    return packet(struct.pack(">i", version) + pairs + b"\0")


def as_bytes(v):
    return v if isinstance(v, bytes) else v.encode()


def typed(kind, body=b"", length=None):
    return as_bytes(kind) + packet(body, length)


def query(sql):
    return typed("Q", as_bytes(sql) + b"\0")


def cancel(pid, key):
    return packet(struct.pack(">iI", CANCEL, pid) + key)


class Raw:
    def __init__(self, port, timeout=20):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.pid = self.key = None

    def send(self, data):
        self.sock.sendall(data)
        return self

    def send_slowly(self, data, pause=0.0005):
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            time.sleep(pause)
        return self

    def message(self):
        """The next (type, body); None at the end of the stream."""
        while len(self.data) < 5 or len(self.data) < 1 + struct.unpack(">I", self.data[1:5])[0]:
            try:
                more = self.sock.recv(1 << 20)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.data += more
        n = 1 + struct.unpack(">I", self.data[1:5])[0]
        kind, body, self.data = self.data[:1].decode("latin1"), self.data[5:n], self.data[n:]
        if kind == "K":
            self.pid, self.key = struct.unpack(">I", body[:4])[0], body[4:]
        return kind, body

    def until_ready(self):
        """All messages up to ReadyForQuery or the end of the stream."""
        got = []
        while (m := self.message()) is not None:
            got.append(m)
            if m[0] == "Z":
                break
        return got

    def begin(self, **parameters):
        self.send(startup(**parameters))
        got = self.until_ready()
        assert got and got[-1] == ("Z", b"I"), got
        return self

    def ask(self, sql):
        self.send(query(sql))
        return self.until_ready()

    def closed(self):
        """Everything until the other side closes, as messages; a reset counts as closed."""
        got = []
        while (m := self.message()) is not None:
            got.append(m)
        return got

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def fields(body):
    """Of an ErrorResponse: code → text."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def error(messages):
    """The fields of the first error among them."""
    for kind, body in messages:
        if kind == "E":
            return fields(body)
    raise AssertionError(f"no error in {messages[:10]}")


def values(messages):
    """Of all DataRows, as text."""
    rows = []
    for kind, body in messages:
        if kind == "D":
            at, row = 2, []
            for _ in range(struct.unpack(">H", body[:2])[0]):
                n = struct.unpack(">i", body[at:at + 4])[0]
                at += 4
                row.append(None if n < 0 else body[at:at + n].decode())
                at += max(n, 0)
            rows.append(tuple(row))
    return rows
