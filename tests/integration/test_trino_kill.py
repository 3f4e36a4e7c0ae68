"""kill -9 of each program under the load of Trino clients: the bookkeeping of test_kill.py, over HTTP."""
import http.client
import time

import pytest

from conftest import SLOW, wait_until
from test_kill import KILLS, NO_EFFECT, UNKNOWN, Client, check, under_load
from trinokit import ENDLESS, Http, wait_idle

GONE = (OSError, http.client.HTTPException)


class Lost(Exception):
    """The query is not known any more: it may have run."""


class TrinoClient(Client):
    def run(self):
        self.http, n = Http(self.kit), 0
        if self.dialect is None:
            del self.http.headers["X-QueryFlux-Dialect"]
        while not self.stopping.is_set():
            n += 1
            self.append(None, n)
            self.read(None, n)
        self.http.close()

    def request(self, method, url, body=None):
        """As drivers do: what got no answer is asked again; a POST that got none has started nothing."""
        until = time.monotonic() + 20 * SLOW
        while True:
            try:
                return self.http.ask(method, url, body)
            except GONE:
                self.reconnects += 1
                self.http.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def statement(self, sql):
        page, rows = self.request("POST", "/v1/statement", sql.encode()).json, []
        while "nextUri" in page:
            reply = self.request("GET", page["nextUri"])
            if reply.status != 200:
                raise Lost(reply.status)
            page = reply.json
            rows += page.get("data", [])
        return rows, page.get("error")

    def append(self, conn, n):
        try:
            error = self.statement(f"insert into log values ({self.number}, {n})")[1]
        except Lost:
            self.unknown.add(n)
            return
        if error is None:
            self.answered.add(n)
        elif error.get("sqlState") in NO_EFFECT or "the journal is full" in error["message"]:
            self.none.add(n)
        elif error.get("sqlState") in UNKNOWN:
            self.unknown.add(n)
        else:
            self.problems.append(f"append {n}: {error}")

    def read(self, conn, n):
        try:
            rows, error = self.statement(f"select count(*) + {n} from log where client < 0")
        except Lost:
            return
        if error and error.get("sqlState") not in NO_EFFECT:
            self.problems.append(f"read {n}: {error}")
        elif not error and rows != [[n]]:
            self.problems.append(f"a wrong answer: {rows}")


@pytest.mark.timeout(300 * SLOW)
@pytest.mark.parametrize("program", ["route", "translate", "admin"])
def test_nobody_notices(start, program):
    pause, dialect = (1.2, None) if program == "translate" else (0.15, "duckdb")
    _, clients, rows = under_load(start, program, KILLS // 2, pause, dialect, TrinoClient)
    check(clients, rows)
    assert not any(c.none or c.unknown or c.reconnects for c in clients), [(c.none, c.unknown) for c in clients]


@pytest.mark.timeout(300 * SLOW)
def test_dispatch(start):
    _, clients, rows = under_load(start, "dispatch", KILLS, 0.3, client=TrinoClient)
    check(clients, rows)
    assert not any(c.reconnects for c in clients)


@pytest.mark.timeout(300 * SLOW)
def test_listen(start):
    """What ran is lost with its page; what was only POSTed never runs."""
    kit, clients, rows = under_load(start, "listen", 5, 0.5, client=TrinoClient)
    check(clients, rows)
    assert sum(c.reconnects for c in clients) > 0


@pytest.mark.timeout(300 * SLOW)
def test_listen_forgets_no_running_query(start):
    """What a killed qf-listen had running is cancelled: nothing holds a slot for a client that cannot come back."""
    kit = start()
    h = Http(kit)
    uri = h.start(ENDLESS)
    id_ = h.ask("GET", uri).json["id"]
    assert id_ in kit.admin("queries").stdout, "the same id for the client and for the operator"
    kit.wait_restarted("listen", kit.kill("listen"))
    again = Http(kit)
    wait_until(lambda: again.all("select 1")[0] == [[1]])
    assert again.ask("GET", uri).status == 404
    wait_until(lambda: id_ not in kit.admin("queries").stdout)
    wait_idle(kit)
