"""The loop of a script worker. The other side is script_frame.c, which says what the frames hold.

Order matters: modules that scripts name are imported while files can still be found, then the process is sealed
(sandbox.h), and only then does the first line of a script run.
"""
import _ast  # and not ast, which takes longer to import than all the rest together
import _qf
import gc
import os
import struct
import sys
import time
import types

GROUP, NONE, DENY, ERROR = range(4)
TEXT_MAX = 4096
NOTHING = 0xFFFFFFFF
# Found at the first use by others, when it would be too late.
LATE = ("unicodedata", "encodings.ascii", "encodings.latin_1")
LATE_OF = {"datetime": "_strptime", "time": "_strptime"}
WANTED = 'it returns the name of a group, None for the next router, or {"deny": "why"}'


def _read(fd, n):
    parts = []
    while n:
        part = os.read(fd, min(n, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def _frame(fd):
    return _read(fd, struct.unpack(">I", _read(fd, 4))[0])


def _send(fd, body):
    view = memoryview(struct.pack(">I", len(body)) + body)
    while view:
        view = view[os.write(fd, view):]


class _Frame:
    """The texts and numbers of a request, in order."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def number(self):
        self.at += 4
        return struct.unpack_from(">I", self.data, self.at - 4)[0]

    def text(self):
        n = self.number()
        if n == NOTHING:
            return None
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8", "replace")

    def pairs(self, key):
        """The first of several counts."""
        out = {}
        for _ in range(self.number()):
            name, value = self.text(), self.text()
            out.setdefault(key(name), value)
        return types.MappingProxyType(out)


class _Printed:
    """What print() writes: kept to a limit, and told with the answer."""
    encoding = "utf-8"

    def __init__(self):
        self.parts, self.room = [], TEXT_MAX

    def write(self, s):
        if self.room > 0:
            self.parts.append(s[:self.room])
            self.room -= len(s)
        return len(s)

    def flush(self):
        pass

    def isatty(self):
        return False

    def take(self):
        text = "".join(self.parts)
        self.parts, self.room = [], TEXT_MAX
        return text


def _text(s):
    """A NUL would end the text on the other side."""
    b = s.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace")
    if len(b) > TEXT_MAX:
        b = b[:TEXT_MAX].decode("utf-8", "ignore").encode()
    return struct.pack(">I", len(b)) + b


def _line(e, name):
    """The last line of the script itself: what it called is of less interest."""
    line = e.lineno if isinstance(e, SyntaxError) and e.filename == name else 0
    trace = e.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line or 0


def _said(e):
    kind = type(e).__name__
    try:
        text = e.msg if isinstance(e, SyntaxError) else str(e)
    except BaseException:
        text = ""
    return f"{kind}: {text}" if text else kind


def _fail(fd, number, line, text):
    """A greeting that refuses: '!' script, line, text."""
    text = text.encode("utf-8", "replace")[:300].decode("utf-8", "ignore").replace("\0", " ")
    _send(fd, f"FAILED !{number} {line} {text}".encode())
    os._exit(1)


def _import(names):
    for name in names:
        try:
            __import__(name)
        except BaseException:
            pass  # the script's own import says it, with a line


def _walk(tree):
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(node)
        elif isinstance(node, _ast.AST):
            todo.extend(getattr(node, name, None) for name in node._fields)
            yield node


def _modules(tree):
    """Of the standard library, wherever in the script they are named."""
    for node in _walk(tree):
        if isinstance(node, _ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, _ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        else:
            continue
        yield from (n for n in names if n.partition(".")[0] in sys.stdlib_module_names)
        yield from (LATE_OF[n] for n in names if n in LATE_OF)


def _compile(fd, number, name, source):
    try:
        tree = compile(source, name, "exec", _ast.PyCF_ONLY_AST)
        _import(_modules(tree))
        return compile(tree, name, "exec")
    except BaseException as e:
        _fail(fd, number, _line(e, name), _said(e))


def _run(fd, number, name, code):
    space = {"__name__": "__qf_script__", "__builtins__": __builtins__}
    try:
        exec(code, space)
    except BaseException as e:
        more = "; scripts have the standard library and nothing else" if isinstance(e, ModuleNotFoundError) else ""
        _fail(fd, number, _line(e, name), _said(e) + more)
    if not callable(space.get("route")):
        _fail(fd, number, 0, "there is no function route(query, ctx) in it")
    return name, space


def _context(f):
    names = ("protocol", "user", "database", "schema", "dialect", "client", "timeZone", "transaction")
    ctx = {name: f.text() for name in names}
    query = f.text()
    ctx["headers"] = ctx["extra"] = f.pairs(str.lower)
    ctx["tags"] = f.pairs(str)
    return query, types.MappingProxyType(ctx)


def _judge(answer):
    if answer is None:
        return NONE, ""
    if isinstance(answer, str) and 0 < len(answer) <= 200:
        return GROUP, answer
    if isinstance(answer, str):
        return ERROR, f"route() returned a text of {len(answer)} characters; {WANTED}"
    if isinstance(answer, dict) and list(answer) == ["deny"] and isinstance(answer["deny"], str):
        return DENY, answer["deny"][:1000] or "this statement is not allowed here"
    return ERROR, f"route() returned a value of type {type(answer).__name__}; {WANTED}"


def _answer(frame, scripts, printed):
    ident, number = struct.unpack_from(">QI", frame)
    query, ctx = _context(_Frame(frame, 12))
    name, space = scripts[number]
    line, again = 0, True
    try:
        status, text = _judge(space["route"](query, ctx))
    except BaseException as e:
        status, text, line = ERROR, _said(e), _line(e, name)
        again = not isinstance(e, MemoryError)
    body = struct.pack(">QBI", ident, status, line) + _text(text) + _text(printed.take())
    return body, again


def serve(fd):
    sys.stdin = sys.__stdin__ = sys.__stdout__ = sys.__stderr__ = None
    sys.stdout = sys.stderr = printed = _Printed()
    first = _Frame(_frame(fd), 0)
    sources = [(first.text(), first.text()) for _ in range(first.number())]
    codes = [_compile(fd, i, *s) for i, s in enumerate(sources)]
    _import(LATE)
    time.tzset()
    time.localtime()
    try:
        _qf.seal()
    except OSError as e:
        _send(fd, f"FAILED scripts cannot be locked in: {e}".encode())
        os._exit(1)
    scripts = [_run(fd, i, name, code) for i, ((name, _), code) in enumerate(zip(sources, codes))]
    printed.take()
    # What is loaded now stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    _send(fd, b"READY")
    while True:
        body, again = _answer(_frame(fd), scripts, printed)
        _send(fd, body)
        if not again:
            os._exit(0)  # what filled the memory may still be there
