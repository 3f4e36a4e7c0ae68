"""A Trino client of plain HTTP, one request at a time, for what drivers hide; and the driver's connection."""
import http.client
import json
import re
import time

import trino

from conftest import SLOW, wait_until

DUCK = {"X-QueryFlux-Dialect": "duckdb"}
ID = re.compile(r"\d{8}_\d{6}_\d{5}_[a-z0-9]{5}")
BIG = "select i, 'row number ' || i as s from range({}) t(i)"
ENDLESS = "select count(*) from range(1000000000) a(i), range(1000) b(j) where hash(i + j) = 7"


def connect(kit, user="tester", dialect="duckdb", **kw):
    properties = {**({"queryflux.dialect": dialect} if dialect else {}), **kw.pop("session_properties", {})}
    return trino.dbapi.connect(host="127.0.0.1", port=kit.trino_port, user=user, session_properties=properties, **kw)


def ask(kit, sql, params=None, **kw):
    cursor = connect(kit, **kw).cursor()
    cursor.execute(sql, params)
    return cursor.fetchall()


class Reply:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = [(k.lower(), v) for k, v in response.getheaders()]

    def header(self, name):
        return dict(self.headers).get(name.lower())

    @property
    def json(self):
        return json.loads(self.body)


class Http:
    """One connection."""

    def __init__(self, kit, **headers):
        self.conn = http.client.HTTPConnection("127.0.0.1", kit.trino_port, timeout=20 * SLOW)
        self.headers = {"X-Trino-User": "tester", **DUCK, **headers}

    def ask(self, method, url, body=None, headers=None):
        path = url[url.index("/", 8):] if url.startswith("http") else url
        self.conn.request(method, path, body, self.headers if headers is None else headers)
        response = self.conn.getresponse()
        return Reply(response, response.read())

    def post(self, sql, **headers):
        return self.ask("POST", "/v1/statement", sql.encode(), {**self.headers, **headers})

    def start(self, sql, **headers):
        """The first link of a statement."""
        return self.post(sql, **headers).json["nextUri"]

    def pages(self, sql, **headers):
        page = self.post(sql, **headers).json
        yield page
        while "nextUri" in page:
            page = self.ask("GET", page["nextUri"]).json
            yield page

    def all(self, sql, **headers):
        """Rows, and the last page."""
        rows = []
        for page in self.pages(sql, **headers):
            rows += page.get("data", [])
        return rows, page

    def close(self):
        self.conn.close()


def error_of(http, sql, **headers):
    page = http.all(sql, **headers)[1]
    assert page["stats"]["state"] == "FAILED" and "nextUri" not in page
    return page["error"]


def running(kit):
    """What DuckDB is busy with: its processor time moves."""
    with open(f"/proc/{kit.pid('dispatch')}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def wait_idle(kit, seconds=5):
    def still():
        before = running(kit)
        time.sleep(0.2)
        return running(kit) - before <= 3
    wait_until(still, seconds)
