"""Bus messages by hand, as qf-protocol(7) has them: for tests that say what no program of the toolkit would."""
import pathlib
import re
import struct
import time

import zmq

MORE, REPLY, ROWS = 1, 2, 4
REQUIRED = 0x8000
HEADER_DIR = pathlib.Path(__file__).resolve().parents[2] / "include/qf"
HEADER = (HEADER_DIR / "msg.h").read_text()


def numbers(enum, prefix):
    """The names of an enum of the contract, numbered from 1."""
    body = re.search(r"enum %s {(.*?)};" % enum, HEADER, re.S).group(1)
    return {name: i for i, name in enumerate(re.findall(prefix + r"(\w+)(?: = 1)?,", body), 1)}


KIND = numbers("qf_kind", "QF_MSG_")
F = numbers("qf_field", "QF_F_")


def field(tag, value):
    tag = F[tag] if isinstance(tag, str) else tag
    if isinstance(value, str):
        value = value.encode()
    return struct.pack(">HI", tag, len(value)) + value


def pair(tag, name, value):
    return field(tag, struct.pack(">I", len(name)) + name.encode() + b"\1" + str(value).encode())


def number(tag, value, size=8):
    return field(tag, value.to_bytes(size, "big"))


def must(tag):
    return F[tag] | REQUIRED


def message(kind, body=b"", *, magic=b"QF", major=1, flags=0, attempt=0, stream=0, epoch=0, length=None, payload=b""):
    kind = KIND[kind] if isinstance(kind, str) else kind
    length = len(body) if length is None else length
    return magic + struct.pack(">BBHHQQI", major, kind, flags, attempt, stream, epoch, length) + body + payload


def hello(program, instance, epoch, flags=0, pid=0, **kw):
    body = field(must("PROGRAM"), program) + field(must("INSTANCE"), instance) + number("PID", pid, 4)
    body += number("VERSION", 1 << 16, 4) + number("CONF_ID", 0)
    return message("HELLO", body, flags=flags, epoch=epoch, **kw)


class Attacker:
    """DEALERs to the sockets of a running toolkit."""

    def __init__(self, kit):
        self.dir = kit.run_dir
        self.ctx = zmq.Context()
        self.open = []

    def dealer(self, name, identity=b"stranger", kind=zmq.DEALER):
        """Without a name of its own (None) it gets one that begins with a NUL byte, which no program of ours has."""
        s = self.ctx.socket(kind)
        s.setsockopt(zmq.LINGER, 2000)
        s.setsockopt(zmq.SNDHWM, 0)
        s.setsockopt(zmq.SNDTIMEO, 5000)
        if identity is not None:
            s.setsockopt(zmq.ROUTING_ID, identity)
        s.connect(f"ipc://{self.dir}/{name}")
        self.open.append(s)
        return s

    @staticmethod
    def answers(sock, seconds=0.5):
        """What comes back within that time."""
        got, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and sock.poll(left * 1000):
            got.append(sock.recv())
        return got

    def epoch(self, program, instance="0"):
        return int((self.dir / f"{program}-{instance}.lock").read_text().split()[1])

    def close(self):
        for s in self.open:
            s.close()
        self.ctx.term()
