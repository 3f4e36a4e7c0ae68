"""Certificates, what is refused in clear, proxies and the Unix socket: both protocols, by their own clients and raw."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import urllib.request

import psycopg
import pytest
import trino

from conftest import SLOW, Toolkit, wait_until
from hostile import MARKS

BASE = """
queryflux:
  tls: {{ certFile: "{dir}/server.crt", keyFile: "{dir}/server.key", clientCaFile: "{dir}/ca.crt" }}
  frontends:
    trinoHttp: {{ enabled: true, port: {trino}, trustedProxies: [127.0.0.2/32] }}
    postgresWire: {{ enabled: true, port: {port}, trustedProxies: [127.0.0.2], socketDirectory: "{dir}" }}
clusters:
  duckdb: {{ engine: duckDb }}
  slow: {{ engine: fake, script: "match long | delay 60000ms | rows 1" }}
clusterGroups:
  default: {{ maxRunningQueries: 4, members: [duckdb] }}
  two: {{ maxRunningQueries: 2, members: [slow] }}
routers:
  - {{ type: queryRegex, rules: [ {{ regex: long, targetGroup: two }} ] }}
routingFallback: default
"""
SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSS_REQUEST = struct.pack(">II", 8, 80877104)


def openssl(*words, **kw):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60, **kw)


def key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def certificate(directory, name, subject, ca="ca"):
    """directory/name.crt, signed by ca; serverAuth and clientAuth alike."""
    key(f"{directory}/{name}.key")
    openssl("req", "-new", "-key", f"{directory}/{name}.key", "-subj", f"/CN={subject}", "-out", f"{directory}/{name}.csr")
    extensions = pathlib.Path(directory, "extensions")
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", f"{directory}/{name}.csr", "-CA", f"{directory}/{ca}.crt", "-CAkey", f"{directory}/{ca}.key",
            "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", f"{directory}/{name}.crt")


def authority(directory, name):
    key(f"{directory}/{name}.key")
    openssl("req", "-x509", "-key", f"{directory}/{name}.key", "-subj", f"/CN={name}", "-days", "2", "-out", f"{directory}/{name}.crt")


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    authority(directory, "ca")
    authority(directory, "strangers")
    certificate(directory, "server", "localhost")
    certificate(directory, "alice", "alice")
    certificate(directory, "mallory", "alice", "strangers")
    k = Toolkit(directory, BASE)
    try:
        k.start()
        first = k.pid("listen")
        yield k
        assert k.pid("listen") == first, k.log_text()[-3000:]
    finally:
        k.stop()
    for mark in MARKS:
        assert mark not in k.log_text(), k.log_text()[-3000:]


def tls(kit, **kw):
    """By libpq, checking everything that it can check."""
    kw = {"sslmode": "verify-full", "sslrootcert": f"{kit.dir}/ca.crt", "sslcert": "/nonexistent", "sslkey": "/nonexistent", **kw}
    return psycopg.connect(host="localhost", port=kit.port, user="tester", dbname="queryflux", autocommit=True, connect_timeout=20, **kw)


def reload(kit, old=None, new=None):
    """True when it was taken. The files are read again in any case."""
    if old:
        text = kit.config.read_text()
        assert old in text
        kit.config.write_text(text.replace(old, new))
    done = kit.admin("-c", str(kit.config), "reload")
    return done.returncode == 0


@contextlib.contextmanager
def mode(kit, name, frontend="postgresWire"):
    """tls: name, for a while."""
    old, new = f"{frontend}: {{ enabled: true,", f"{frontend}: {{ enabled: true, tls: {name},"
    says = f"configuration {kit_id(kit)} is in force"
    assert reload(kit, old, new)
    wait_until(lambda: kit_id(kit) not in says)
    try:
        yield
    finally:
        assert reload(kit, new, old)
        wait_until(lambda: kit_id(kit) in says)


def kit_id(kit):
    """The configuration that qf-listen has."""
    rows = [line.split() for line in kit.admin("status").stdout.splitlines()]
    return next(row[3] for row in rows if row[0] == "listen")


def raw(kit, source="127.0.0.1", port=None):
    s = socket.socket()
    s.settimeout(20 * SLOW)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port or kit.port))
    return s


def startup(user="raw"):
    body = b"user\0" + user.encode() + b"\0database\0queryflux\0\0"
    return struct.pack(">II", 8 + len(body), 196608) + body


def read_all(s):
    """Up to the end, which may be a reset."""
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while more := s.recv(65536):
            data += more
    return data


def read_ready(s):
    data = b""
    while not data.endswith(b"Z\0\0\0\5I"):
        more = s.recv(65536)
        assert more, data
        data += more
    return data


def anybody(alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


def asked(kit, source="127.0.0.1", header=b""):
    s = raw(kit, source)
    s.sendall(header + SSL_REQUEST)
    assert s.recv(1) == b"S"
    return anybody().wrap_socket(s)


# ---- PostgreSQL

def test_libpq_by_request_and_directly(kit):
    for negotiation in ("postgres", "direct"):
        with tls(kit, sslnegotiation=negotiation) as c:
            assert c.execute("select 40 + 2").fetchone() == (42,)
            assert c.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        tls(kit, sslrootcert=f"{kit.dir}/strangers.crt")


def test_psql_names_version_and_cipher(kit):
    out = subprocess.run(["psql", f"host=localhost port={kit.port} user=u dbname=d sslmode=verify-full sslrootcert={kit.dir}/ca.crt",
                          "-Xc", r"\conninfo"], capture_output=True, text=True, timeout=60)
    assert "TLSv1.3" in out.stdout and "AES_256_GCM" in out.stdout, out


def test_much_goes_through_both_ways(kit):
    with tls(kit, options="-c queryflux.dialect=duckdb") as c:
        text = "x" * 3_000_000
        assert c.execute(f"select length('{text}')").fetchone() == (len(text),)
        rows = c.execute("select i, repeat('y', 500) from range(20000) t(i) order by i").fetchall()
        assert len(rows) == 20000 and rows[-1] == (19999, "y" * 500)


def test_rows_are_read_slowly(kit):
    """Less is taken than there is: the rest waits in TLS and in the socket."""
    with asked(kit) as s:
        s.sendall(startup())
        read_ready(s)
        text = b"select repeat('z', 1000) from generate_series(1, 4000)\0"
        s.sendall((b"Q" + struct.pack(">I", 4 + len(text)) + text) * 3)
        data, ends, tail = 0, 0, b""
        while ends < 3:
            more = s.recv(1777)
            assert more
            data += len(more)
            ends += (tail + more).count(b"Z\0\0\0\5I")
            tail = (tail + more)[-5:]
        assert data > 3 * 4000 * 1000


def test_cancel(kit):
    with tls(kit) as c:
        failed = []

        def cancel():
            try:
                wait_until(lambda: "'long cancelled'" in kit.admin("queries").stdout)
                c.cancel_safe(timeout=20)
            except Exception as e:  # noqa: BLE001
                failed.append(e)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("select 'long cancelled'")
        canceller.join()
        assert not failed


def test_client_that_vanishes_while_it_waits_is_noticed(kit):
    def running():
        return "'long gone'" in kit.admin("queries").stdout

    s = asked(kit)
    s.sendall(startup())
    read_ready(s)
    text = b"select 'long gone'\0"
    s.sendall(b"Q" + struct.pack(">I", 4 + len(text)) + text)
    wait_until(running)
    s.shutdown(socket.SHUT_RDWR)
    s.close()
    wait_until(lambda: not running())


def test_request_is_answered_by_mode(kit):
    with mode(kit, "off"):
        with raw(kit) as s:
            s.sendall(SSL_REQUEST)
            assert s.recv(1) == b"N"
            s.sendall(startup())
            read_ready(s)
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            tls(kit)


def test_clear_text_is_refused_where_tls_is_required(kit):
    with mode(kit, "require"):
        for before in ((), (GSS_REQUEST,)):
            with raw(kit) as s:
                for request in before:
                    s.sendall(request)
                    assert s.recv(1) == b"N"
                s.sendall(startup())
                answer = read_all(s)
                assert b"SFATAL\0" in answer and b"C28000\0" in answer and b"sslmode=require" in answer
        with tls(kit) as c:
            assert c.execute("select 1").fetchone() == (1,)
        with psycopg.connect(host=str(kit.dir), port=kit.port, user="u", dbname="d") as c:
            assert c.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("behind", [startup(), b"\x16", SSL_REQUEST, b"Q"], ids=["startup", "tls", "again", "query"])
def test_injected_clear_text_is_refused(kit, behind):
    """CVE-2021-23214: what comes in one piece with the request may be another's."""
    with raw(kit) as s:
        s.sendall(SSL_REQUEST + behind)
        answer = read_all(s)
        assert answer[:1] == b"E" and b"C08P01\0" in answer and b"unencrypted data" in answer


def test_injected_before_the_handshake_is_no_statement(kit):
    """Once the answer is there, only TLS is understood."""
    with raw(kit) as s:
        s.sendall(SSL_REQUEST)
        assert s.recv(1) == b"S"
        s.sendall(startup())
        assert b"Z\0\0\0\5I" not in read_all(s)


def test_within_tls_no_encryption_can_be_asked_for(kit):
    for request in (SSL_REQUEST, GSS_REQUEST):
        with asked(kit) as s:
            s.sendall(request)
            answer = read_all(s)
            assert answer[:1] == b"E" and b"unsupported frontend protocol" in answer


@pytest.mark.parametrize("alpn", [None, "h2"])
def test_direct_tls_names_its_protocol(kit, alpn):
    """Else another protocol's bytes could be passed off as PostgreSQL's."""
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with anybody(alpn).wrap_socket(raw(kit)) as s:
            s.sendall(startup())
            read_ready(s)
    with anybody("postgresql").wrap_socket(raw(kit)) as s:
        assert s.selected_alpn_protocol() == "postgresql"
        s.sendall(startup())
        read_ready(s)


def test_handshake_cut_anywhere_leaves_nothing(kit):
    context = anybody("postgresql")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    hello = outgoing.read()
    for cut in (1, 5, 6, 100, len(hello) - 1, len(hello)):
        with raw(kit) as s:
            s.sendall(hello[:cut])
    with tls(kit) as c:
        assert c.execute("select 1").fetchone() == (1,)


# ---- what is spoken

def s_client(kit, *words):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{kit.port}", "-starttls", "postgres", "-brief", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", [
    ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1_2", "-cipher", "AES128-GCM-SHA256"), ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"),
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"), ("-tls1_2", "-cipher", "eNULL:aNULL:@SECLEVEL=0"),
    ("-tls1_2", "-cipher", "DHE"), ("-tls1_2", "-groups", "P-521")], ids=" ".join)
def test_weak_offers_are_refused(kit, words):
    assert "CONNECTION ESTABLISHED" not in s_client(kit, *words)


@pytest.mark.parametrize("words, has", [
    (("-tls1_3",), "TLSv1.3"), (("-tls1_2",), "TLSv1.2"), (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "AES128-GCM"),
    (("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"), "CHACHA20"), (("-groups", "P-256"), "prime256v1")], ids=str)
def test_good_offers_are_taken(kit, words, has):
    out = s_client(kit, *words)
    assert "CONNECTION ESTABLISHED" in out and has in out, out


def test_minimum_version(kit):
    end = f'clientCaFile: "{kit.dir}/ca.crt" }}'
    assert reload(kit, end, end[:-1] + ', minVersion: "1.3" }')
    try:
        wait_until(lambda: "CONNECTION ESTABLISHED" not in s_client(kit, "-tls1_2"))
        assert "TLSv1.3" in s_client(kit)
    finally:
        assert reload(kit, end[:-1] + ', minVersion: "1.3" }', end)
    wait_until(lambda: "TLSv1.2" in s_client(kit, "-tls1_2"))


# ---- certificates

def test_clients_certificates(kit):
    """One is not asked of everybody, but one that is shown has to be good."""
    with tls(kit, sslcert=f"{kit.dir}/alice.crt", sslkey=f"{kit.dir}/alice.key") as c:
        assert c.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="alert unknown ca|certificate|closed"):
        tls(kit, sslcert=f"{kit.dir}/mallory.crt", sslkey=f"{kit.dir}/mallory.key")


def serial(kit):
    der = ssl.PEM_cert_to_DER_cert(pathlib.Path(kit.dir, "server.crt").read_text())
    with asked(kit) as s:
        return s.getpeercert(binary_form=True) == der


def test_reload_under_load(kit):
    """The same configuration, other files: new connections get them, and none fails meanwhile."""
    stop, failed, done = threading.Event(), [], [0]

    def client():
        while not stop.is_set():
            try:
                with tls(kit) as c:
                    assert c.execute("select 7").fetchone() == (7,)
                done[0] += 1
            except Exception as e:  # noqa: BLE001 whatever it is, it is the result
                failed.append(e)
                return

    threads = [threading.Thread(target=client) for _ in range(3)]
    with tls(kit) as old:
        for t in threads:
            t.start()
        try:
            for i in range(3):
                before = done[0]
                certificate(kit.dir, "next", "localhost")
                # The pair is not exchanged at once: a reload in between has to be refused.
                os.replace(f"{kit.dir}/next.key", f"{kit.dir}/server.key")
                if i == 1:
                    reload(kit)
                    wait_until(lambda: "is not the key of the certificate" in kit.log_text())
                os.replace(f"{kit.dir}/next.crt", f"{kit.dir}/server.crt")
                reload(kit)
                wait_until(lambda: serial(kit), 20)
                wait_until(lambda: done[0] > before + 3 or failed, 30)
        finally:
            stop.set()
            for t in threads:
                t.join()
        assert not failed
        assert old.execute("select 8").fetchone() == (8,)


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None], ids=["empty", "garbage", "gone"])
def test_bad_file_is_refused_and_named(kit, content):
    path = pathlib.Path(kit.dir, "server.crt")
    good = path.read_text()
    path.unlink() if content is None else path.write_text(content)
    try:
        listen = subprocess.run([kit_bin("qf-listen"), "-t", "-c", str(kit.config)], env=kit.env, capture_output=True, text=True, timeout=60)
        assert listen.returncode == 2 and f"certFile: {path}" in listen.stderr
        before = kit.log_text().count("reload refused")
        reload(kit)
        wait_until(lambda: kit.log_text().count("reload refused") > before)
        with tls(kit) as c:
            assert c.execute("select 1").fetchone() == (1,)
    finally:
        path.write_text(good)
    assert reload(kit)


def kit_bin(name):
    from conftest import BIN
    return str(BIN / name)


# ---- Trino

def test_trino_client_over_https(kit, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # which requests prefers to what it is told
        monkeypatch.delenv(name, raising=False)
    c = trino.dbapi.connect(host="localhost", port=kit.trino_port, user="t", http_scheme="https", verify=f"{kit.dir}/ca.crt")
    cur = c.cursor()
    cur.execute("select i, repeat('y', 300) from range(20000) t(i) order by i")
    rows = cur.fetchall()
    assert len(rows) == 20000 and rows[-1][0] == 19999


def post(url, headers=None, body=b"select 1", **kw):
    rq = urllib.request.Request(url, data=body, headers={"X-Trino-User": "t", **(headers or {})})
    with urllib.request.urlopen(rq, timeout=20 * SLOW, **kw) as r:
        return json.load(r)


def test_links_have_the_scheme_of_the_request(kit):
    context = ssl.create_default_context(cafile=f"{kit.dir}/ca.crt")
    at = f"localhost:{kit.trino_port}"
    assert post(f"https://{at}/v1/statement", context=context)["nextUri"].startswith(f"https://{at}/")
    assert post(f"https://{at}/v1/statement", {"X-Forwarded-Proto": "http"}, context=context)["nextUri"].startswith("https://")
    assert post(f"http://{at}/v1/statement")["nextUri"].startswith(f"http://{at}/")
    long = b"select '" + b"x" * 2_000_000 + b"'"
    assert "nextUri" in post(f"https://{at}/v1/statement", body=long, context=context)


def test_trino_in_clear_is_refused_where_tls_is_required(kit):
    with mode(kit, "require", "trinoHttp"):
        with raw(kit, port=kit.trino_port) as s:
            s.sendall(b"GET /v1/info HTTP/1.1\r\nHost: h\r\n\r\n")
            answer = read_all(s)
            assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer and answer.count(b"HTTP/1.1") == 1
        context = ssl.create_default_context(cafile=f"{kit.dir}/ca.crt")
        assert "nextUri" in post(f"https://localhost:{kit.trino_port}/v1/statement", context=context)


def test_many_requests_on_one_connection(kit):
    """Pipelined in one record, and their ends told by a close of TLS."""
    with anybody("http/1.1").wrap_socket(raw(kit, port=kit.trino_port)) as s:
        one = b"GET /v1/info HTTP/1.1\r\nHost: h\r\n%s\r\n"
        s.sendall((one % b"") * 300 + one % b"Connection: close\r\n")
        assert read_all(s).count(b"HTTP/1.1 200 ") == 301


# ---- PROXY

def proxy_header(v6=False, command=1, tail=b""):
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::5") * 2 if v6 else socket.inet_aton("203.0.113.9") * 2
    body = ends + struct.pack(">HH", 5555, 5432) + tail
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, 0x21 if v6 else 0x11]) + struct.pack(">H", len(body)) + body


def client_of(kit, text):
    """What qf-admin says of who runs that statement."""
    def look():
        for q in map(json.loads, kit.admin("queries", "--format", "json").stdout.splitlines()):
            for one in q if isinstance(q, list) else [q]:
                if text in one.get("sql", ""):
                    return one.get("client")
        return None

    return wait_until(look)


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "TLS"])
@pytest.mark.parametrize("v6, command, client", [(False, 1, "203.0.113.9:5555"), (True, 1, "[2001:db8::5]:5555"), (False, 0, "127.0.0.2:")])
def test_proxy_names_the_client(kit, v6, command, client, encrypted):
    header = proxy_header(v6, command, b"\x04\0\3abc")
    if encrypted:
        s = asked(kit, "127.0.0.2", header)
    else:
        s = raw(kit, "127.0.0.2")
        for i in range(len(header)):
            s.sendall(header[i:i + 1])
    with s:
        s.sendall(startup())
        read_ready(s)
        text = f"select 'long {client} {encrypted}'"
        s.sendall(b"Q" + struct.pack(">I", 5 + len(text)) + text.encode() + b"\0")
        assert client_of(kit, text).startswith(client)


def test_proxy_before_http(kit):
    for context in (None, anybody()):
        s = raw(kit, "127.0.0.2", kit.trino_port)
        s.sendall(proxy_header())
        if context:
            s = context.wrap_socket(s)
        with s:
            s.sendall(b"GET /v1/info HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert read_all(s).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("bytes_", [SSL_REQUEST, startup(), b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", b"\x16\x03\x01", proxy_header(command=7)],
                         ids=["request", "startup", "version 1", "tls", "command"])
def test_trusted_proxy_without_its_header_is_refused(kit, bytes_):
    with raw(kit, "127.0.0.2") as s:
        s.sendall(bytes_)
        assert read_all(s) == b""


def test_header_of_others_is_garbage(kit):
    with raw(kit) as s:
        s.sendall(proxy_header() + startup())
        answer = read_all(s)
        assert answer[:1] == b"E" and b"C08P01\0" in answer
    with raw(kit, port=kit.trino_port) as s:
        s.sendall(proxy_header() + b"GET /v1/info HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"HTTP/1.1 200 " not in read_all(s)


# ---- the Unix socket

def test_psql_by_the_unix_socket(kit):
    path = pathlib.Path(kit.dir, f".s.PGSQL.{kit.port}")
    assert path.is_socket() and path.stat().st_mode & 0o777 == 0o777
    out = subprocess.run(["psql", "-h", str(kit.dir), "-p", str(kit.port), "-U", "u", "-XAtc", "select 5", "d"], capture_output=True,
                         text=True, timeout=60)
    assert out.stdout == "5\n", out
    with psycopg.connect(host=str(kit.dir), port=kit.port, user="u", dbname="d", sslmode="prefer") as c:
        assert not c.pgconn.ssl_in_use  # as PostgreSQL: there is nobody in between


def test_stale_socket_is_replaced_and_a_live_one_is_not(start):
    k = start(re.sub(r"^  tls: .*\n", "", BASE, flags=re.M))
    old = k.kill("listen", signal.SIGKILL)
    k.wait_restarted("listen", old)

    def answers():
        with contextlib.suppress(psycopg.Error):
            with psycopg.connect(host=str(k.dir), port=k.port, user="u", dbname="d", connect_timeout=5) as c:
                return c.execute("select 1").fetchone() == (1,)

    wait_until(answers, 20)
    assert int(pathlib.Path(k.dir, f".s.PGSQL.{k.port}.lock").read_text()) == k.pid("listen")
