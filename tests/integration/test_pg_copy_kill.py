"""COPY FROM STDIN while qf-dispatch is killed: all rows are there or none, and what the client is told agrees."""
import random
import threading
import time

import psycopg
import pytest

import pgkit
from conftest import SLOW, wait_until

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(240 * SLOW)]
BLOCKS, ROWS = 60, 2000
NO_EFFECT = {"57P01", "57P03", "08006"}
UNKNOWN = {"08007"}


def copy(target, number, halfway):
    """None: it is said to be done; else the SQLSTATE. At halfway(i) block i is about to be sent; BLOCKS: the end."""
    try:
        with target.connect() as c, c.cursor() as cur:
            with cur.copy("copy copied from stdin") as into:
                for i in range(BLOCKS):
                    halfway(i)
                    into.write("".join(f"{number}\t{i}\t{'x' * 20}\n" for _ in range(ROWS)))
                halfway(BLOCKS)
            assert cur.rowcount == BLOCKS * ROWS
    except psycopg.Error as e:
        return e.sqlstate or "closed"
    return None


def kill_at(kit, block, delay):
    """qf-dispatch dies when that block is sent, or while those behind it are."""
    killers = []

    def killer():
        time.sleep(delay)
        kit.kill("dispatch")

    def halfway(i):
        if i == block:
            killers.append(threading.Thread(target=killer))
            killers[-1].start()
            if delay == 0:
                killers[-1].join()

    return halfway, killers


@pytest.mark.parametrize("engine", ["postgres", "duckDb"])
def test_all_or_nothing(pg, tmp_path, engine):
    before = pgkit.before(pg, tmp_path / "kit") if engine == "postgres" else pgkit.before_duckdb(tmp_path / "kit")
    chance, told = random.Random(7), {}
    with pgkit.ending(before) as kit:
        with kit.connect() as c:
            c.execute("drop table if exists copied")
            c.execute("create table copied (a integer, b integer, t text)")
        moments = [(1, 0), (BLOCKS // 2, 0), (BLOCKS, 0), *((BLOCKS, chance.uniform(0, 0.05)) for _ in range(3)), (BLOCKS // 2, 0.02)]
        for number, (block, delay) in enumerate(moments):
            old = kit.pid("dispatch")
            halfway, killers = kill_at(kit, block, delay)
            told[number] = copy(kit.target(), number, halfway)
            for k in killers:
                k.join()
            kit.wait_restarted("dispatch", old)
            wait_until(kit.answers, 20)
        if engine == "postgres":  # what was lost is given up by the server as well
            wait_until(lambda: not pg.running("copy copied"), 20)
        with kit.connect() as c:
            there = dict(c.execute("select a, count(*) from copied group by a").fetchall())
            c.execute("drop table copied")
    for number, said in told.items():
        rows = there.get(number, 0)
        assert rows in (0, BLOCKS * ROWS), (number, rows, told)
        assert said is None or said in NO_EFFECT | UNKNOWN, (number, told)
        assert said is not None or rows, f"copy {number} is said to be done and is not: {told}"
        assert said not in NO_EFFECT or not rows, f"copy {number} is said to have no effect and is there: {told}"
    assert told[0] and told[1], told
