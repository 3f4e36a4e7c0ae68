"""What the hostile tests share: after each attack every program lives as the same process and others are served."""
import contextlib
import json
import threading
import time

import pytest

from conftest import CONFIG, SLOW, Toolkit, wait_until

MARKS = ("assertion", "AddressSanitizer", "runtime error:", "LeakSanitizer", "killed by signal", "ended with status",
         "UndefinedBehavior")
SERVED = ("dispatch", "route", "listen", "admin")


def pids(kit):
    return {p: kit.pid(p) for p in SERVED}


def assert_well(kit, before=None, since=0):
    log = kit.log_text()[since:]
    for mark in MARKS:
        assert mark not in log, (mark, log[-6000:])
    if before:
        assert pids(kit) == before, log[-3000:]


def served_quickly(kit, seconds=3.0):
    begin = time.monotonic()
    with kit.connect("duckdb") as c:
        assert c.execute("select 6 * 7").fetchone() == (42,)
    took = time.monotonic() - begin
    assert took < seconds * SLOW, f"another client waited {took:.2f} s"


@contextlib.contextmanager
def unharmed(kit, seconds=1.0):
    """The same processes before and after, no complaint beyond messages, and a bystander's session goes on throughout."""
    before, since = pids(kit), len(kit.log_text())
    assert all(before.values()), before
    with kit.connect("duckdb") as bystander:
        bystander.execute("begin")
        assert bystander.execute("select 1").fetchone() == (1,)
        yield
        assert bystander.execute("select 2").fetchone() == (2,)
        bystander.execute("commit")
    served_quickly(kit, seconds)
    assert_well(kit, before, since)


@contextlib.contextmanager
def others_at_work(kit, slowest=1.0):
    """Another client asks all the time; its slowest answer is bounded."""
    stop, times, errors = threading.Event(), [], []

    def work():
        try:
            with kit.connect("duckdb") as c:
                while not stop.is_set():
                    begin = time.monotonic()
                    assert c.execute("select count(*) from range(1000)").fetchone() == (1000,)
                    times.append(time.monotonic() - begin)
                    time.sleep(0.005)
        except Exception as e:  # noqa: BLE001 - reported below, in the thread of the test
            errors.append(e)

    t = threading.Thread(target=work)
    t.start()
    wait_until(lambda: times or errors)
    try:
        yield times
    finally:
        stop.set()
        t.join(30 * SLOW)
    assert not errors, errors
    assert max(times) < slowest * SLOW, f"another client waited {max(times):.2f} s"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One toolkit for all attacks of a module: what one leaves behind, the next one meets."""
    k = Toolkit(tmp_path_factory.mktemp("target"), CONFIG).start()
    k.first = pids(k)
    yield k
    k.stop()
    log = k.log_text()
    for mark in MARKS:
        assert mark not in log, (mark, log[-6000:])


def events(kit):
    return [json.loads(line) for line in kit.admin("events").stdout.splitlines()]


__all__ = ["assert_well", "events", "others_at_work", "pids", "served_quickly", "target", "unharmed", "wait_until"]
