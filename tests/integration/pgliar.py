"""A PostgreSQL server that lies: it answers as a server would, until a statement names one of the attacks.

`select 'attack:<name>'` gets the bytes of that attack. What .auth does comes before a session is open, what
.cancel does when somebody cancels. Each connection is a thread; all of them end with stop().
"""
import contextlib
import random
import re
import socket
import struct
import threading

from rawpg import CANCEL, GSS, SSL, typed

ATTACK = re.compile(rb"attack:(\w+)")


def fields(**kw):
    return b"".join(k.encode() + (v if isinstance(v, bytes) else v.encode()) + b"\0" for k, v in kw.items()) + b"\0"


def error(**kw):
    return typed("E", fields(**kw))


def ready(status="I"):
    return typed("Z", status.encode())


def column(name=b"c", oid=23, length=4):
    return name + b"\0" + struct.pack(">IhIhih", 0, 0, oid, length, -1, 0)


def columns(n=1, **kw):
    return typed("T", struct.pack(">H", n) + column(**kw) * n)


def row(*values):
    return typed("D", struct.pack(">H", len(values)) + b"".join(struct.pack(">i", len(v)) + v for v in values))


def tag(text="SELECT 1"):
    return typed("C", text.encode() + b"\0")


def status(name, value):
    return typed("S", name.encode() + b"\0" + value + b"\0")


ROWS = columns() + row(b"1")
END = tag() + ready()


def lengths():
    """Each kind of message with a length that it cannot have."""
    for kind in "TDCEZSN1sGtAx":
        for n in (0, 3, 0x7FFFFFFF, -1, -0x80000000):
            if kind not in "D" or n != 0x7FFFFFFF:
                yield f"length_{kind}_{n & 0xFFFFFFFF:x}", ROWS + typed(kind, b"x" * 50, n) + END


def noise(seed):
    r = random.Random(seed)
    return (ROWS if seed % 2 else b"") + r.randbytes(2000)


# Bytes in place of the answer, behind ParseComplete and BindComplete when these are due; the server goes on afterwards.
ANSWERS = {
    "row_first": row(b"1") + END,
    "row_after_end": ROWS + tag() + row(b"2") + ready(),
    "row_after_no_data": typed("n") + row(b"1") + END,
    "columns_twice": columns() + ROWS + END,
    "end_twice": ROWS + tag() + tag() + ready(),
    "end_at_once": ready(),
    "answer_of_none": ROWS + END + columns() + row(b"666") + END,
    "columns_behind": ROWS + END + columns(),
    "ready_only_after_rows": ROWS + ready(),
    "ready_unreadable": ROWS + tag() + typed("Z", b"X"),
    "ready_empty": ROWS + tag() + typed("Z", b""),
    "suspended_unasked": ROWS + typed("s") + ready(),
    "parse_complete_late": ROWS + typed("1") + typed("2") + typed("3") + tag() + ready(),
    "parameters_unasked": typed("t", struct.pack(">HI", 1, 23)) + ROWS + END,
    "empty_query": typed("I") + ready(),
    "copy_in_unasked": typed("G", b"\0\0\0") + ready(),
    "copy_in_bad": typed("G", b"\7\xff\xff") + ready(),
    "copy_both": typed("W", b"\0\0\0") + ready(),
    "copy_in_after_rows": ROWS + typed("G", b"\0\0\0") + ready(),
    "copy_out_unasked": typed("H", b"\0\0\0") + typed("d", b"1\n") + typed("c") + tag("COPY 1") + ready(),
    "copy_out_for_ever_rows": typed("H", b"\0\0\0") + row(b"1") + ready(),
    "copy_done_alone": typed("c") + ROWS + END,
    "copy_data_alone": typed("d", b"x") + ROWS + END,
    "function_result": typed("V", b"\0\0\0\0") + ROWS + END,
    "authentication": typed("R", b"\0\0\0\0") + ROWS + END,
    "backend_key": typed("K", b"\0" * 8) + ROWS + END,
    "unknown_type": typed("x") + ROWS + END,
    "type_zero": b"\0\0\0\0\4" + ROWS + END,
    "type_255": b"\xff\0\0\0\4" + ROWS + END,
    "columns_lie_more": typed("T", struct.pack(">H", 2) + column()) + row(b"1") + END,
    "columns_lie_less": typed("T", struct.pack(">H", 1) + column() * 2) + row(b"1") + END,
    "columns_65535_of_1": typed("T", struct.pack(">H", 65535) + column()) + row(b"1") + END,
    "columns_no_end": typed("T", struct.pack(">H", 1) + b"name without end") + row(b"1") + END,
    "columns_empty_body": typed("T") + row(b"1") + END,
    "row_lies_more": columns() + typed("D", struct.pack(">Hi", 3, 1) + b"1") + END,
    "row_lies_less": columns(2) + typed("D", struct.pack(">Hi", 1, 1) + b"1") + END,
    "row_lies_later": ROWS + row(b"1") * 100 + row(b"1", b"2") + END,
    "row_empty_body": columns() + typed("D") + END,
    "ready_twice": ROWS + END + ready(),
    "ready_ten_times": ROWS + END + ready() * 10,
    "tag_no_end": ROWS + typed("C", b"SELECT 1") + ready(),
    "tag_nul_inside": ROWS + typed("C", b"SEL\0ECT 1\0") + ready(),
    "tag_2000": ROWS + typed("C", b"x" * 2000 + b"\0") + ready(),
    "status_unreadable": status("a", b"b")[:-1] + ROWS + END,
    "status_no_end": typed("S", b"abc") + ROWS + END,
    "error_empty": typed("E") + ready(),
    "error_no_fields": typed("E", b"\0") + ready(),
    "error_no_sqlstate": error(S="ERROR", V="ERROR", M="no state") + ready(),
    "error_no_severity": error(C="22012", M="no severity") + ready(),
    "error_no_message": error(S="ERROR", V="ERROR", C="22012") + ready(),
    "error_no_end": typed("E", b"SERROR\0VERROR\0C22012\0Mno end") + ready(),
    "error_short_state": error(S="ERROR", V="ERROR", C="22", M="short") + ready(),
    "error_long_state": error(S="ERROR", V="ERROR", C="2201222012", M="long") + ready(),
    "error_odd_state": error(S="ERROR", V="ERROR", C=b"\xff\xfe\x01\x1b\"", M="odd") + ready(),
    "error_odd_text": error(S="ERROR", V="ERROR", C="22012", M=b"\xff\x1b[2J\x01 odd", D=b"\xc3", H=b"\xe2\x82") + ready(),
    "error_position": error(S="ERROR", V="ERROR", C="22012", M="far", P="99999999999999999999") + ready(),
    "error_position_text": error(S="ERROR", V="ERROR", C="22012", M="far", P="-x1") + ready(),
    "error_3_MiB": error(S="ERROR", V="ERROR", C="22012", M="x" * (3 << 20)) + ready(),
    "error_100000_fields": typed("E", b"SERROR\0VERROR\0C22012\0Mm\0" + b"Xy\0" * 100000 + b"\0") + ready(),
    "error_twice": error(S="ERROR", V="ERROR", C="22012", M="one") + error(S="ERROR", V="ERROR", C="22013", M="two") + ready(),
    "error_then_rows": error(S="ERROR", V="ERROR", C="22012", M="one") + ROWS + END,
    "rows_then_error": ROWS + error(S="ERROR", V="ERROR", C="22012", M="late") + ready(),
    "end_then_error": ROWS + tag() + error(S="ERROR", V="ERROR", C="22012", M="later") + ready(),
    "fatal_goes_on": error(S="FATAL", V="FATAL", C="57P01", M="not really") + ready(),
    "panic": error(S="PANIC", V="PANIC", C="XX001", M="panic") + ready(),
    "notice_100_MB": typed("N", b"SNOTICE\0", 100_000_000),
    "notice_4_GiB": typed("N", b"SNOTICE\0", -1),
    **dict(lengths()),
    **{f"noise_{i}": noise(i) for i in range(8)},
}

# What a relay may pass on or refuse: either way the next statement is answered.
ODD = {
    "ready_in_transaction": ROWS + tag() + ready("T"),
    "ready_in_failed": ROWS + tag() + ready("E"),
    "row_value_beyond": columns() + typed("D", struct.pack(">Hi", 1, 1000) + b"1") + END,
    "row_value_negative": columns() + typed("D", struct.pack(">Hi", 1, -2) + b"1") + END,
    "row_trailing": columns() + typed("D", struct.pack(">Hi", 1, 1) + b"1 and more") + END,
    "columns_65535": columns(65535) + tag("SELECT 0") + ready(),
    "columns_long_name": columns(name=b"n" * 1_000_000) + row(b"1") + END,
    "columns_odd": columns(name=b"\xff\x01\x1b", oid=0xFFFFFFFF, length=-32768) + row(b"1") + END,
    "tag_huge_count": ROWS + tag("SELECT 99999999999999999999999999") + ready(),
    "tag_empty": ROWS + tag("") + ready(),
    "tag_odd": ROWS + typed("C", b"\xff\x1b\x01\0") + ready(),
    "notice_no_fields": typed("N", b"\0") + ROWS + END,
    "notice_empty": typed("N") + ROWS + END,
    "notice_no_end": typed("N", b"SNOTICE\0Mabc") + ROWS + END,
    "notice_odd": typed("N", fields(S=b"\xff", C=b"\xff\xff", M=b"\x01\xff")) + ROWS + END,
    "status_flood": b"".join(status(f"flood_{i}", b"x") for i in range(50000)) + ROWS + END,
    "status_large": status("large", b"x" * 1_000_000) + ROWS + END,
    "status_encoding": status("client_encoding", b"LATIN1") + ROWS + END,
    "status_encoding_odd": status("TimeZone", b"\xff\x01") + status("DateStyle", b"") + ROWS + END,
    "notification_flood": typed("A", b"\0\0\0\1channel\0payload\0") * 20000 + ROWS + END,
    "notification_no_end": typed("A", b"\0\0\0\1channel") + ROWS + END,
}


class Gone(Exception):
    pass


class Peer:
    """One connection to the liar."""

    def __init__(self, liar, sock):
        self.liar, self.sock, self.data, self.status = liar, sock, b"", "I"
        self.parsed = {}
        self.lied = False

    def send(self, data):
        self.sock.sendall(data)

    def read(self, n):
        while len(self.data) < n:
            more = self.sock.recv(1 << 16)
            if not more:
                raise Gone
            self.data += more
        got, self.data = self.data[:n], self.data[n:]
        return got

    def message(self):
        kind, n = struct.unpack(">cI", self.read(5))
        return kind.decode("latin1"), self.read(n - 4)

    def serve(self):
        while True:
            body = self.read(struct.unpack(">I", self.read(4))[0] - 4)
            code = struct.unpack(">I", body[:4])[0]
            if code not in (SSL, GSS):
                break
            self.send(b"N")
        if code == CANCEL:
            self.liar.cancels += 1
            self.liar.cancel(self)
            return
        if self.liar.auth:
            self.liar.auth(self)
        else:
            self.welcome()
        group = []
        while True:
            kind, body = self.message()
            group.append((kind, body))
            if kind == "X":
                return
            if kind in "QS":
                self.answer(group)
                group = []

    def welcome(self):
        pairs = (("server_version", b"15.0"), ("server_encoding", b"UTF8"), ("client_encoding", b"UTF8"), ("standard_conforming_strings", b"on"),
                 ("DateStyle", b"ISO, MDY"), ("TimeZone", b"UTC"), ("integer_datetimes", b"on"))
        self.send(typed("R", b"\0\0\0\0") + b"".join(status(*p) for p in pairs) + typed("K", struct.pack(">II", 7, 8)) + ready())

    def answer(self, group):
        simple = group[-1][0] == "Q"
        out = []
        for kind, body in group:
            sql = body if kind == "Q" else body.split(b"\0")[1] if kind == "P" else b""
            if kind == "P":
                self.parsed[body.split(b"\0")[0]] = sql
            if kind == "B":
                sql = self.sql = self.parsed.get(body.split(b"\0")[1], b"")
            found = ATTACK.search(sql)
            if found and kind in "QB" and found.group(1).decode() != "none":
                self.lied = True
                before = b"" if simple else b"".join(out) + typed("2")
                self.attack(found.group(1).decode(), before)
                return
            out.append(self.one(kind, body, sql))
        self.send(b"".join(out))

    def attack(self, name, before):
        made = ANSWERS.get(name) or ODD.get(name) or self.liar.acts[name]
        if callable(made):
            made(self, before)
        else:
            self.send(before + made)

    def note(self, sql):
        word = sql.split(b"\0")[0].strip().split(b" ")[0].upper().decode()
        if word in ("BEGIN", "COMMIT", "ROLLBACK"):
            self.status = "T" if word == "BEGIN" else "I"
            return word
        return None if word in ("SELECT", "SHOW") else "INSERT 0 1" if word == "INSERT" else word

    def one(self, kind, body, sql):
        if kind == "Q":
            word = self.note(sql)
            return (tag(word) if word else ROWS + tag()) + ready(self.status)
        if kind == "D" and body[:1] == b"S":
            return typed("t", b"\0\0") + (columns() if self.note_only(self.parsed.get(body[1:-1], b"")) is None else typed("n"))
        if kind == "D":
            return columns() if self.note_only(self.sql) is None else typed("n")
        if kind == "E":
            word = self.note(self.sql)
            return tag(word) if word else row(b"1") + tag()
        return {"P": typed("1"), "B": typed("2"), "C": typed("3"), "S": ready(self.status)}.get(kind, b"")

    def note_only(self, sql):
        kept = self.status
        word = self.note(sql)
        self.status = kept
        return word

    def vanish(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def stall(self, seconds=120):
        """Nothing more is said; what comes is read and thrown away."""
        self.sock.settimeout(seconds)
        while self.sock.recv(1 << 16):
            pass
        raise Gone


class Liar:
    def __init__(self, **acts):
        self.acts, self.auth, self.cancels = acts, None, 0
        self.cancel = lambda peer: None
        self.server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.server.getsockname()[1]
        self.socks, self.over, self.peers = set(), False, set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.over:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            sock.settimeout(120)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socks.add(sock)
            threading.Thread(target=self.one, args=(sock,), daemon=True).start()

    def one(self, sock):
        peer = Peer(self, sock)
        self.peers.add(peer)
        with contextlib.suppress(OSError, Gone, struct.error):
            peer.serve()
        self.peers.discard(peer)
        self.socks.discard(sock)
        sock.close()

    def liars(self):
        """Connections that have lied and are still open."""
        return [p for p in list(self.peers) if p.lied]

    def hang_up(self):
        """All connections go."""
        for sock in list(self.socks):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.over = True
        self.server.close()
        self.hang_up()


__all__ = ["ANSWERS", "ODD", "END", "ROWS", "Gone", "Liar", "Peer", "columns", "error", "ready", "row", "status", "tag"]
