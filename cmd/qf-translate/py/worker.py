"""The worker's loop: frames on a descriptor, one translation each. The other side is answer.c."""
import gc
import json
import os
import struct
import sys

from qf_translate import Answer, translate

MAX_LIST = 60


def _read(fd, n):
    parts = []
    while n:
        part = os.read(fd, min(n, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def _send(fd, body):
    view = memoryview(struct.pack(">I", len(body)) + body)
    while view:
        view = view[os.write(fd, view):]


def _request(frame):
    """Types and texts of a request, after its version and its flags."""
    n = struct.unpack_from(">H", frame, 2)[0]
    oids = struct.unpack_from(">%dI" % n, frame, 4)
    at, out = 4 + 4 * n, []
    while at < len(frame):
        n = struct.unpack_from(">I", frame, at)[0]
        out.append(frame[at + 4:at + 4 + n])
        at += 4 + n
    return oids, out


def _text(s):
    b = s.encode("utf-8", "replace")
    return struct.pack(">I", len(b)) + b


def _list(texts):
    return struct.pack(">H", min(len(texts), MAX_LIST)) + b"".join(_text(t) for t in texts[:MAX_LIST])


_schemas = {}


def _schema(raw):
    """The same few schemas come again and again."""
    if not raw:
        return None
    if raw not in _schemas:
        if len(_schemas) > 16:
            _schemas.clear()
        _schemas[raw] = read_schema(raw)
    return _schemas[raw]


def read_schema(raw):
    """{table: {column: type}}, or ValueError."""
    try:
        root = json.loads(raw)
        if all(isinstance(t, str) for columns in root.values() for t in columns.values()):
            return {name.lower(): columns for name, columns in root.items()}
    except (AttributeError, RecursionError):
        pass
    raise ValueError("columns of another form than {table: {column: type}}")


def answer(frame):
    oids, (source, target, raw, sql) = _request(frame)
    try:
        schema = _schema(raw)
    except ValueError as err:
        a = Answer()
        a.error = "the columns of the tables cannot be read: %s" % str(err)[:100]
    else:
        a = translate(sql.decode(), source.decode(), target.decode(), schema, bool(frame[1] & 1), oids)
    return b"".join((bytes([1 if a.error else 0]), _text(a.sql), _list(a.warnings), _list(a.doubts), _text(a.error), _text(a.hint),
                     struct.pack(">III", a.line, a.column, a.position), _text(a.state)))


WARM = "select a.x, count(*), 7 / 2, cast('2024-01-01' as date) from t as a where a.y = 'z' group by a.x order by 2 desc limit 3"


def serve(fd, warm):
    sys.setrecursionlimit(20000)
    for pair in (warm or "").split(","):
        if ":" in pair:
            translate(WARM, *pair.split(":"), None)
    # What is loaded now stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    _send(fd, b"READY")
    while True:
        frame = _read(fd, struct.unpack(">I", _read(fd, 4))[0])
        _send(fd, frame[:8] + answer(frame[8:]))  # its number comes back
