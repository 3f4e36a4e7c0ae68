"""Users and host rules: every way to log in, over both protocols, by drivers and by hand; and who must stay outside."""
import asyncio
import base64
import hashlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import statistics
import struct
import subprocess
import threading
import time

import asyncpg
import psycopg
import pytest
import trino

from conftest import SLOW, Toolkit, wait_until
from hostile import MARKS
from pgkit import PASSWORD as OF_POSTGRES
from rawpg import fields, startup, typed
from test_tls import authority, certificate, kit_id

SECRETS = {"alice": "alice's: secret", "carl": "carl-in-clear", "pat": "first-of-pat", "mike": "mike-and-md5", "ünï": "x"}
TOKEN = "token-of-alice-0123456789"
CONFIG = """
queryflux:
  tls: {{ certFile: "{dir}/server.crt", keyFile: "{dir}/server.key", clientCaFile: "{dir}/ca.crt" }}
  frontends:
    trinoHttp: {{ enabled: true, port: {trino}, trustedProxies: [127.0.0.2] }}
    postgresWire: {{ enabled: true, port: {port}, trustedProxies: [127.0.0.2], socketDirectory: "{dir}" }}
clusters:
  duckdb: {{ engine: duckDb }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
routingFallback: default
auth:
  provider: static
  failedLoginsPerMinute: 0
  staticUsers:
    users:
      alice: {{ password: "alice's: secret", tokens: [token-of-alice-0123456789], groups: [team] }}
      bob: {{ tokenFile: "{dir}/bob.tokens" }}
      carl: {{ password: carl-in-clear }}
      carol: {{}}
      mike: {{ password: mike-and-md5 }}
      md5: {{ passwordFile: "{dir}/md5.verifier" }}
      scram: {{ passwordFile: "{dir}/scram.verifier" }}
      pat: {{ passwordFile: "{dir}/pat.password" }}
  hostRules:
    - {{ users: [tester], method: trust }}
    - {{ addresses: [127.0.0.9/32, "2001:db8::/32"], method: reject }}
    - {{ addresses: [local], users: [alice], method: scram-sha-256 }}
    - {{ addresses: [local], method: trust }}
    - {{ users: [nick], method: reject }}
    - {{ users: [md5, mike], method: md5 }}
    - {{ users: [carl, nobody], method: password }}
    - {{ users: [carol], tls: only, method: cert }}
    - {{ users: [carol], tls: never, method: reject }}
    - {{ users: [+team], databases: [sales], method: password }}
    - {{ users: [+team], databases: [private], protocols: [postgresWire], method: reject }}
    - {{ method: scram-sha-256 }}
"""


@pytest.fixture(scope="module")
def kit(tmp_path_factory, pg):
    directory = tmp_path_factory.mktemp("auth")
    authority(directory, "ca")
    certificate(directory, "server", "localhost")
    certificate(directory, "carol", "carol")
    for user, verifier in pg.sql("select rolname, rolpassword from pg_authid where rolname in ('scram', 'md5')"):
        (directory / f"{user}.verifier").write_text(verifier + "\n")
    (directory / "pat.password").write_text(SECRETS["pat"] + "\n")
    (directory / "bob.tokens").write_text("token-one-of-bob-1\ntoken-two-of-bob-2\n")
    k = Toolkit(directory, CONFIG)
    try:
        k.start()
        first = k.pid("listen")
        yield k
        assert k.pid("listen") == first, k.log_text()[-3000:]
    finally:
        k.stop()
    log = k.log_text()
    for mark in MARKS:
        assert mark not in log, log[-3000:]
    for secret in (*SECRETS.values(), OF_POSTGRES, TOKEN, "second-of-pat", "token-one-of-bob-1", "wrong-password"):
        if len(secret) > 4:
            assert secret not in log and base64.b64encode(secret.encode()).decode().rstrip("=") not in log
    assert "SCRAM-SHA-256$" not in log and "md5" + hashlib.md5(b"mike-and-md5mike").hexdigest() not in log


def connect(kit, user, password=None, **kw):
    kw = {"sslmode": "disable", "dbname": "queryflux", "options": "-c queryflux.dialect=duckdb", **kw}
    if kw["sslmode"] != "disable":
        kw = {"sslrootcert": f"{kit.dir}/ca.crt", "sslcert": "/nonexistent", "sslkey": "/nonexistent", **kw}
    return psycopg.connect(host=kw.pop("host", "localhost"), port=kit.port, user=user, password=password, autocommit=True,
                           connect_timeout=30, **kw)


def works(kit, user, password=None, **kw):
    with connect(kit, user, password, **kw) as c:
        assert c.execute("show session_authorization").fetchone() == (user,)
        assert c.execute("select 42").fetchone() == (42,)
        return c.info


def refused(kit, user, password=None, **kw):
    """SQLSTATE does not reach who never had a connection: the text."""
    with pytest.raises(psycopg.OperationalError) as e:
        connect(kit, user, password, **kw)
    return str(e.value).strip().split("FATAL:  ")[-1]


def wrong(user):
    return f'password authentication failed for user "{user}"'


def tls_context(kit, name=None):
    c = ssl.create_default_context(cafile=f"{kit.dir}/ca.crt")
    if name:
        c.load_cert_chain(f"{kit.dir}/{name}.crt", f"{kit.dir}/{name}.key")
    return c


def reload(kit, **changes):
    """The files again, and the configuration with these keys of `auth` changed. What qf-admin says."""
    text = kit.config.read_text()
    for key, value in changes.items():
        lines = [f"  {key}: {value}" if line.startswith(f"  {key}: ") else line for line in text.split("\n")]
        text = "\n".join(lines) if f"\n  {key}: " in text else text.replace("  provider: static\n", f"  provider: static\n  {key}: {value}\n")
    changed = text != kit.config.read_text()
    before = kit_id(kit)
    kit.config.write_text(text)
    done = kit.admin("-c", str(kit.config), "reload")
    if changed and done.returncode == 0:
        wait_until(lambda: kit_id(kit) != before)
    return done


# ---- PostgreSQL's protocol by drivers ----

def test_scram(kit):
    works(kit, "alice", SECRETS["alice"])
    works(kit, "alice", SECRETS["alice"], sslmode="verify-full", channel_binding="require")
    works(kit, "alice", SECRETS["alice"], sslmode="verify-full", channel_binding="disable")
    works(kit, "pat", SECRETS["pat"], require_auth="scram-sha-256")
    assert "channel binding" in refused(kit, "alice", SECRETS["alice"], channel_binding="require")


def test_verifiers_as_postgresql_keeps_them(kit):
    works(kit, "scram", OF_POSTGRES)
    works(kit, "scram", OF_POSTGRES, sslmode="verify-full", channel_binding="require")
    works(kit, "md5", OF_POSTGRES)
    assert refused(kit, "scram", OF_POSTGRES + "x") == wrong("scram")
    assert refused(kit, "md5", OF_POSTGRES + "x") == wrong("md5")
    verifier = (kit.dir / "scram.verifier").read_text().strip()
    assert refused(kit, "scram", verifier) == wrong("scram")


def test_other_methods(kit):
    works(kit, "carl", SECRETS["carl"])
    works(kit, "carl", SECRETS["carl"], sslmode="verify-full")
    works(kit, "mike", SECRETS["mike"])
    for user in ("carl", "mike", "alice", "bob", "md5", "scram", "unknown", "nobody"):
        assert refused(kit, user, "wrong-password") == wrong(user)
    assert "no password supplied" in refused(kit, "alice")


def test_certificates(kit):
    own = {"sslcert": f"{kit.dir}/carol.crt", "sslkey": f"{kit.dir}/carol.key", "sslmode": "verify-full"}
    os.chmod(own["sslkey"], 0o600)
    works(kit, "carol", **own)
    assert refused(kit, "carol", "x", sslmode="verify-full") == 'certificate authentication failed for user "carol"'
    assert "no pg_hba.conf entry" in refused(kit, "carol", "x")
    works(kit, "alice", SECRETS["alice"], **own)  # a certificate does not make her somebody else
    assert refused(kit, "alice", "wrong-password", **own) == wrong("alice")


def test_reject_and_trust(kit):
    text = refused(kit, "nick", "x", host="127.0.0.1").split("\n")[0]
    assert text == 'no pg_hba.conf entry for host "127.0.0.1", user "nick", database "queryflux", no encryption'
    text = refused(kit, "nick", "x", sslmode="verify-full").split("\n")[0]
    assert text.endswith('user "nick", database "queryflux", SSL encryption')
    works(kit, "tester")
    works(kit, "whoever", host=str(kit.dir))  # the Unix socket
    works(kit, "alice", SECRETS["alice"], host=str(kit.dir))
    assert refused(kit, "alice", "wrong-password", host=str(kit.dir)) == wrong("alice")


def test_databases_and_groups(kit):
    with connect(kit, "alice", SECRETS["alice"], dbname="sales", require_auth="password") as c:
        assert c.execute("select 1").fetchone() == (1,)
    assert "no pg_hba.conf entry" in refused(kit, "alice", SECRETS["alice"], dbname="private")
    works(kit, "pat", SECRETS["pat"], dbname="private")


def test_asyncpg_and_psql(kit):
    async def ask(password, ssl_context=None):
        c = await asyncpg.connect(host="localhost", port=kit.port, user="alice", password=password, database="queryflux",
                                  ssl=ssl_context or False, timeout=30, server_settings={"queryflux.dialect": "duckdb"})
        try:
            return await c.fetchval("select 42")
        finally:
            await c.close()

    assert asyncio.run(ask(SECRETS["alice"])) == 42
    assert asyncio.run(ask(SECRETS["alice"], tls_context(kit))) == 42
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(ask("wrong-password"))

    def psql(password):
        return subprocess.run(["psql", "-XAtw", "-h", "localhost", "-p", str(kit.port), "-U", "alice", "-c", "select 42", "queryflux"],
                              env={**os.environ, "PGPASSWORD": password, "PGSSLMODE": "require"}, capture_output=True, text=True, timeout=60)

    assert psql(SECRETS["alice"]).stdout == "42\n"
    failed = psql("wrong-password")
    assert failed.returncode == 2 and wrong("alice") in failed.stderr


# ---- by hand ----

class Login:
    """One login by SCRAM, its steps apart; a proof of 32 bytes is enough to be told that it is wrong."""

    def __init__(self, kit, user, source="127.0.0.1", tls=None):
        self.sock = socket.socket()
        self.sock.settimeout(30 * SLOW)
        self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", kit.port))
        if tls:
            self.sock.sendall(struct.pack(">II", 8, 80877103))
            assert self.sock.recv(1) == b"S"
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.user, self.data = user, b""

    def message(self):
        while len(self.data) < 5 or len(self.data) < 1 + struct.unpack(">I", self.data[1:5])[0]:
            more = self.sock.recv(65536)
            if not more:
                return None
            self.data += more
        n = 1 + struct.unpack(">I", self.data[1:5])[0]
        got, self.data = (self.data[:1].decode(), self.data[5:n]), self.data[n:]
        return got

    def start(self, **kw):
        self.sock.sendall(startup(user=self.user, **kw))
        return self

    def first(self, text="n,,n=,r=abcdef", mechanism="SCRAM-SHA-256"):
        text = text.encode()
        self.sock.sendall(typed("p", mechanism.encode() + b"\0" + struct.pack(">i", len(text)) + text))
        return self

    def challenge(self):
        """AuthenticationSASL, then the server's first message."""
        kind, body = self.message()
        assert kind == "R" and body[:4] == b"\0\0\0\n", (kind, body)
        kind, body = self.message()
        assert kind == "R" and body[:4] == b"\0\0\0\v", (kind, body)
        return dict(part.split("=", 1) for part in body[4:].decode().split(","))

    def final(self, nonce, proof=b"\0" * 32):
        text = f"c=biws,r={nonce},p={base64.b64encode(proof).decode()}"
        self.sock.sendall(typed("p", text.encode()))
        return self

    def error(self):
        kind, body = self.message()
        assert kind == "E", (kind, body)
        self.sock.close()
        return fields(body)

    def fail(self):
        return self.start().first().final(self.challenge()["r"]).error()


def asked(kit, source, user, database, context):
    """The code of the first authentication request, or the SQLSTATE."""
    login = Login(kit, user, source, context)
    kind, body = login.start(database=database).message()
    login.sock.close()
    return struct.unpack(">I", body[:4])[0] if kind == "R" else fields(body)["C"]


@pytest.mark.parametrize("source, user, database, tls, code", [
    ("127.0.0.1", "alice", "queryflux", False, 10), ("127.0.0.1", "stranger", "queryflux", False, 10),
    ("127.0.0.9", "alice", "queryflux", False, "28000"), ("127.0.0.9", "tester", "queryflux", False, 0),
    ("127.0.0.1", "alice", "sales", False, 3), ("127.0.0.1", "pat", "sales", False, 10),
    ("127.0.0.1", "alice", "private", False, "28000"), ("127.0.0.1", "mike", "queryflux", True, 5),
    ("127.0.0.1", "carol", "queryflux", False, "28000"), ("127.0.0.1", "carol", "queryflux", True, "28000"),
    ("127.0.0.1", "nobody", "queryflux", True, 3)])
def test_host_rules(kit, source, user, database, tls, code):
    assert asked(kit, source, user, database, tls_context(kit) if tls else None) == code


def test_rules_see_the_client_behind_a_proxy(kit):
    def from_(address):
        family = 0x21 if ":" in address else 0x11
        packed = b"".join(socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, a) for a in (address, address))
        packed += struct.pack(">HH", 4711, 5432)
        login = Login(kit, "alice", "127.0.0.2")
        login.sock.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21" + struct.pack(">BH", family, len(packed)) + packed)
        kind, body = login.start().message()
        login.sock.close()
        return struct.unpack(">I", body[:4])[0] if kind == "R" else fields(body)["M"]

    assert from_("192.0.2.7") == 10
    assert from_("2001:db8::7") == 'no pg_hba.conf entry for host "2001:db8::7", user "alice", database "queryflux", no encryption'
    assert 'host "127.0.0.9"' in from_("127.0.0.9")


def test_unknown_users_look_like_others(kit):
    for user in ("alice", "nosuchuser"):
        e = Login(kit, user).fail()
        assert (e["S"], e["C"], e["M"]) == ("FATAL", "28P01", wrong(user)) and set(e) == {"S", "V", "C", "M"}

    def seen(user):
        login = Login(kit, user)
        c = login.start().first().challenge()
        login.sock.close()
        return len(c["r"]), len(base64.b64decode(c["s"])), c["i"], c["s"]

    assert seen("nosuchuser") == seen("nosuchuser") and seen("alice") == seen("alice")
    assert seen("nosuchuser")[:3] == seen("alice")[:3] and seen("nosuchuser")[3] != seen("alsonosuchuser")[3]


def timed(what):
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin


def test_unknown_users_take_as_long(kit):
    def scram(user):
        login = Login(kit, user)
        nonce = login.start().first().challenge()["r"]
        return timed(lambda: login.final(nonce).error())

    def clear(user):
        login = Login(kit, user)
        assert login.start().message() == ("R", b"\0\0\0\3")
        return timed(lambda: (login.sock.sendall(typed("p", b"wrong-password\0")), login.error()))

    for one, known, unknown in ((scram, "alice", "nosuchuser"), (clear, "carl", "nobody")):
        times = {known: [], unknown: []}
        for _ in range(100):
            for user in times:
                times[user].append(one(user))
        known, unknown = (statistics.median(t) for t in times.values())
        assert 1 / 3 < known / unknown < 3, (one.__name__, known, unknown)


@pytest.mark.parametrize("first, mechanism, tls, sqlstate, text", [
    ("n,,n=,r=abc", "SCRAM-SHA-1", False, "08P01", "client selected an invalid SASL authentication mechanism"),
    ("n,,n=,r=abc", "SCRAM-SHA-256-PLUS", False, "08P01", "client selected an invalid SASL authentication mechanism"),
    ("n,,n=,r=abc", "SCRAM-SHA-256-PLUS", True, "08P01", "malformed SCRAM message"),
    ("p=tls-unique,,n=,r=abc", "SCRAM-SHA-256-PLUS", True, "08P01", "malformed SCRAM message"),
    ("y,,n=,r=abc", "SCRAM-SHA-256", True, "28P01", wrong("alice")),  # somebody took PLUS from the list
    ("n,,n=,r=", "SCRAM-SHA-256", False, "08P01", "malformed SCRAM message"),
    ("n,,n=,r=" + "x" * 2000, "SCRAM-SHA-256", False, "08P01", "malformed SCRAM message")])
def test_first_messages(kit, first, mechanism, tls, sqlstate, text):
    login = Login(kit, "alice", tls=tls_context(kit) if tls else None).start().first(first, mechanism)
    kind, body = login.message()
    names = body[4:].split(b"\0")
    assert kind == "R" and names == ([b"SCRAM-SHA-256-PLUS"] if tls else []) + [b"SCRAM-SHA-256", b"", b""]
    e = login.error()
    assert (e["S"], e["C"], e["M"]) == ("FATAL", sqlstate, text)


@pytest.mark.parametrize("sent, text", [
    (typed("Q", b"select 1\0"), "expected password response, got message type 81"), (b"X\0\0\0\4", "expected password response, got message type 88"),
    (typed("p", b"", 20000), "invalid message length 20000"), (typed("p", b"SCRAM-SHA-256"), "invalid message format"),
    (typed("p", b"SCRAM-SHA-256\0\0\0\0\xff"), "invalid message format"), (typed("p", b"SCRAM-SHA-256\0\xff\xff\xff\xfe"), "invalid message format")])
def test_what_is_no_answer(kit, sent, text):
    login = Login(kit, "alice").start()
    login.sock.sendall(sent)
    assert login.message()[0] == "R"
    e = login.error()
    assert (e["C"], e["M"]) == ("08P01", text)


def test_a_password_message_is_for_logins_only(kit):
    login = Login(kit, "tester").start()
    while login.message()[0] != "Z":
        pass
    login.sock.sendall(typed("p", b"x\0"))
    assert login.error()["M"] == "invalid frontend message type 112"


def test_ten_thousand_failed_logins(kit):
    """Twenty at a time, from one process; a session that was there before asks its questions meanwhile."""
    total, batch, times = 10000 // SLOW, 20, []
    done = threading.Event()

    def ask():
        with kit.connect("duckdb") as c:
            while not done.is_set():
                times.append(timed(lambda: c.execute("select 1").fetchall()))
                time.sleep(0.005)

    with kit.connect("duckdb") as c:
        alone = statistics.median(timed(lambda: c.execute("select 1").fetchall()) for _ in range(50))
    asker = threading.Thread(target=ask)
    asker.start()
    memory = kit.rss("listen")
    try:
        for _ in range(total // batch):
            logins = [Login(kit, "alice" if i % 2 else "unknown") for i in range(batch)]
            for login in logins:
                login.start().first()
            for login in logins:
                login.final(login.challenge()["r"])
            for login in logins:
                assert login.error()["C"] == "28P01"
    finally:
        done.set()
        asker.join()
    assert len(times) > 50 and statistics.median(times) < max(10 * alone, 0.1), (alone, statistics.median(times), max(times))
    assert max(times) < 5 * SLOW, max(times)
    assert SLOW > 1 or kit.rss("listen") - memory < 32 << 20  # a sanitizer keeps what was freed
    works(kit, "alice", SECRETS["alice"])


def test_limits(kit):
    """An address that fails too often waits; who is slow is told so; what was changed is in force at once."""
    assert reload(kit, failedLoginsPerMinute=5, loginTimeoutSecs=1).returncode == 0
    try:
        with kit.connect("duckdb") as c:
            for _ in range(5):
                assert Login(kit, "alice", "127.0.0.7").fail()["C"] == "28P01"
            e = Login(kit, "alice", "127.0.0.7").start().error()
            assert (e["C"], e["M"]) == ("28000", 'too many failed logins from "127.0.0.7", try again in a minute')
            assert c.execute("select 1").fetchone() == (1,)
            works(kit, "alice", SECRETS["alice"])  # from another address
            assert asked(kit, "127.0.0.7", "tester", "queryflux", None) == 0  # nothing is looked at
            slow = Login(kit, "alice").start()
            assert slow.message()[0] == "R"
            e = slow.error()
            assert (e["C"], e["M"]) == ("57014", "canceling authentication due to timeout")
            silent = Login(kit, "alice")
            assert silent.sock.recv(1) == b""
            secret = Login(kit, "alice", tls=tls_context(kit))
            assert secret.sock.recv(1) == b""
            assert c.execute("select 1").fetchone() == (1,)  # it is in, and has all the time it wants
    finally:
        assert reload(kit, failedLoginsPerMinute=0, loginTimeoutSecs=30).returncode == 0


def test_the_limit_counts_what_is_asked_together(kit):
    """Connections that were opened before any had failed have no guess each."""
    assert reload(kit, failedLoginsPerMinute=5).returncode == 0
    try:
        together = [Login(kit, "alice", "127.0.0.8").start().first() for _ in range(12)]
        nonces = [login.challenge()["r"] for login in together]
        for login, nonce in zip(together, nonces):
            login.final(nonce)
        assert sorted(login.error()["C"] for login in together) == ["28000"] * 7 + ["28P01"] * 5
    finally:
        assert reload(kit, failedLoginsPerMinute=0).returncode == 0


def test_a_reload_changes_passwords(kit):
    file = kit.dir / "pat.password"
    with connect(kit, "pat", SECRETS["pat"]) as c:
        file.write_text("second-of-pat\n")
        works(kit, "pat", SECRETS["pat"])
        assert reload(kit).returncode == 0
        wait_until(lambda: refuses(kit, "pat", SECRETS["pat"]))
        works(kit, "pat", "second-of-pat")
        assert c.execute("select 1").fetchone() == (1,)
        file.unlink()
        reload(kit)
        wait_until(lambda: "users.pat: passwordFile" in kit.log_text())
        works(kit, "pat", "second-of-pat")
        file.write_text(SECRETS["pat"] + "\n")
        assert reload(kit).returncode == 0
        wait_until(lambda: not refuses(kit, "pat", SECRETS["pat"]))
        assert c.execute("select 1").fetchone() == (1,)


def refuses(kit, user, password):
    try:
        connect(kit, user, password).close()
        return False
    except psycopg.OperationalError:
        return True


def test_failed_logins_are_logged(kit):
    Login(kit, "alice").fail()
    refused(kit, "evil\"\n user", "wrong-password")
    refused(kit, "mike", "wrong-password")
    log = wait_until(lambda: (text := kit.log_text()) and 'user="mike"' in text and text)
    assert 'user="alice" method=scram-sha-256 tls=no: the password is wrong' in log
    assert 'user="evil\\"\\n user" method=scram-sha-256 tls=no: the user is not known' in log
    assert 'user="mike" method=md5 tls=no: the password is wrong' in log


# ---- Trino ----

@pytest.fixture(autouse=True)
def no_other_authorities(monkeypatch):
    """They count for `requests` before what a test names."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def trino_connect(kit, auth, **kw):
    return trino.dbapi.connect(host="localhost", port=kit.trino_port, http_scheme="https", verify=f"{kit.dir}/ca.crt", auth=auth,
                               request_timeout=60, **kw)


def trino_asks(kit, auth, **kw):
    c = trino_connect(kit, auth, **kw).cursor()
    c.execute("select 42")
    return c.fetchall()


def test_trino_users(kit):
    basic = trino.auth.BasicAuthentication
    assert trino_asks(kit, basic("alice", SECRETS["alice"]), user="alice") == [[42]]
    assert trino_asks(kit, basic("scram", OF_POSTGRES), user="scram") == [[42]]
    assert trino_asks(kit, basic("md5", OF_POSTGRES), user="md5") == [[42]]
    assert trino_asks(kit, trino.auth.JWTAuthentication(TOKEN), user="alice") == [[42]]
    assert trino_asks(kit, trino.auth.JWTAuthentication("token-two-of-bob-2")) == [[42]]
    cert = trino.auth.CertificateAuthentication(f"{kit.dir}/carol.crt", f"{kit.dir}/carol.key")
    assert trino_asks(kit, cert, user="carol") == [[42]]
    for auth, user in ((basic("alice", "wrong-password"), "alice"), (basic("nosuchuser", "wrong-password"), "nosuchuser"),
                       (basic("bob", "wrong-password"), "bob"), (trino.auth.JWTAuthentication(TOKEN + "x"), "alice"),
                       (cert, "alice"), (None, "alice"), (None, "carol")):
        with pytest.raises(trino.exceptions.HttpError, match="401"):
            trino_asks(kit, auth, user=user)
    with pytest.raises(trino.exceptions.HttpError, match="User alice cannot impersonate user bob"):
        trino_asks(kit, basic("alice", SECRETS["alice"]), user="bob")


class Http:
    """One request at a time, in clear or encrypted, from any address of the loopback network."""

    def __init__(self, kit, source="127.0.0.1", context=None, client=None):
        self.kit, self.source, self.context, self.client = kit, source, context, client

    def __call__(self, method, path, body=None, **headers):
        """What a statement has begun is ended."""
        status, got, text = self.request(method, path, body, **headers)
        if method == "POST" and status == 200:
            assert self.request("DELETE", self.next_path(text), **headers)[0] == 204
        return status, got, text

    def next_path(self, text):
        return json.loads(text).get("nextUri", "").split(str(self.kit.trino_port), 1)[-1]

    def request(self, method, path, body=None, **headers):
        sock = socket.create_connection(("127.0.0.1", self.kit.trino_port), timeout=30 * SLOW, source_address=(self.source, 0))
        if self.client:
            packed = socket.inet_aton(self.client) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 4711, 80)
            sock.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21" + struct.pack(">BH", 0x11, len(packed)) + packed)
        c = http.client.HTTPConnection("localhost", self.kit.trino_port)
        c.sock = self.context.wrap_socket(sock, server_hostname="localhost") if self.context else sock
        try:
            c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            c.close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ALICE = basic("alice", SECRETS["alice"])
STATEMENT = "/v1/statement"


def test_trino_refusals(kit):
    ask = Http(kit)
    status, headers, text = ask("POST", STATEMENT, "select 1", X_Trino_User="alice")
    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="Trino"')
    refusals = {user: ask("POST", STATEMENT, "select 1", Authorization=basic(user, "wrong-password"))
                for user in ("alice", "nosuchuser", "bob")}
    assert {(s, t) for s, _, t in refusals.values()} == {(401, "Access Denied: Invalid credentials\n")}
    assert ask("POST", STATEMENT, "select 1", Authorization="Negotiate abc")[0] == 401
    assert ask("POST", STATEMENT, "select 1", Authorization=basic("nick", "x"))[0] == 403
    assert ask("POST", STATEMENT, "select 1", Authorization=ALICE, X_Trino_User="pat")[::2] == (
        403, "Access Denied: User alice cannot impersonate user pat\n")
    # Who is trusted is so by the name that the rule was found for, and by no other.
    assert ask("POST", STATEMENT, "select 1", Authorization=basic("tester", ""), X_Trino_User="alice")[0] == 403
    assert ask("POST", STATEMENT, "select 1", X_Trino_User="tester")[0] == 200
    assert ask("POST", STATEMENT, "select 1", Authorization=basic("tester", "x"))[0] == 401
    assert Http(kit, "127.0.0.9")("POST", STATEMENT, "select 1", Authorization=ALICE)[0] == 403
    assert ask("GET", "/v1/info")[0] == 200


def test_trino_passwords_in_clear(kit):
    """The loopback network is no network; elsewhere only a rule with the method password takes them."""
    far = Http(kit, "127.0.0.2", client="192.0.2.7")
    assert Http(kit)("POST", STATEMENT, "select 1", Authorization=ALICE)[0] == 200
    status, _, text = far("POST", STATEMENT, "select 1", Authorization=ALICE)
    assert (status, text) == (403, "Access Denied: passwords and tokens are taken over HTTPS only\n")
    assert far("POST", STATEMENT, "select 1", Authorization=f"Bearer {TOKEN}")[0] == 403
    assert far("POST", STATEMENT, "select 1", Authorization=basic("carl", SECRETS["carl"]))[0] == 200
    assert far("POST", STATEMENT, "select 1", Authorization=ALICE, X_Trino_Catalog="sales")[0] == 200


def test_pages_are_their_owner_s(kit):
    ask = Http(kit, context=tls_context(kit))
    path = ask.next_path(ask.request("POST", STATEMENT, "select 42", Authorization=ALICE)[2])
    for method in ("GET", "HEAD", "DELETE"):
        assert ask(method, path)[0] == 401
        assert ask(method, path, X_Trino_User="alice")[0] == 401
        assert ask(method, path, Authorization=basic("alice", "wrong-password"))[0] == 401
        assert ask(method, path, Authorization=basic("carl", SECRETS["carl"]))[0] == 403
        assert ask(method, path, Authorization="Bearer token-one-of-bob-1")[0] == 403
    rows = []
    while path:
        status, _, text = ask("GET", path, Authorization=f"Bearer {TOKEN}" if len(rows) % 2 else ALICE)
        assert status == 200, text
        last = path
        rows += json.loads(text).get("data", [])
        path = ask.next_path(text)
    assert rows == [[42]]
    # The last page, again: the query is over, and still somebody's.
    assert ask("GET", last)[0] == 401
    assert ask("GET", last, Authorization=basic("carl", SECRETS["carl"]))[0] == 403
    assert ask("GET", last, Authorization=ALICE)[0] == 200


def test_trino_rate_limit(kit):
    assert reload(kit, failedLoginsPerMinute=3).returncode == 0
    try:
        ask = Http(kit, "127.0.0.8")
        path = ask.next_path(ask.request("POST", STATEMENT, "select 42", Authorization=ALICE)[2])
        for _ in range(3):
            assert ask("POST", STATEMENT, "select 1", Authorization=basic("alice", "wrong-password"))[0] == 401
        status, _, text = ask("POST", STATEMENT, "select 1", Authorization=ALICE)
        assert (status, text) == (429, "Too many failed logins from this address, try again in a minute\n")
        assert Login(kit, "alice", "127.0.0.8").start().error()["C"] == "28000"  # one limit for both protocols
        assert ask("GET", path, Authorization=ALICE)[0] == 200  # what runs goes on
        assert ask("DELETE", path, Authorization=ALICE)[0] == 204
        assert Http(kit)("POST", STATEMENT, "select 1", Authorization=ALICE)[0] == 200
    finally:
        assert reload(kit, failedLoginsPerMinute=0).returncode == 0


def test_bad_files_refuse_the_start(kit, tmp_path):
    good = kit.config.read_text()
    for old, new, text in (("md5.verifier", "none.verifier", "users.md5: passwordFile"),
                           ("carl-in-clear", '"SCRAM-SHA-256$4096:x"', "users.carl: the SCRAM verifier is malformed")):
        bad = tmp_path / "bad.yaml"
        bad.write_text(good.replace(old, new))
        done = subprocess.run([str(pathlib.Path(kit.child.args[0]).parent / "qf-listen"), "-t", "-c", str(bad)], env=kit.env,
                              capture_output=True, text=True, timeout=30 * SLOW)
        assert done.returncode != 0 and text in done.stderr, done.stderr
