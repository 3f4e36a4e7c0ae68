"""As whom statements run at PostgreSQL: queryAuth impersonate, userMap, scramKeys. Never another user's rows."""
import base64
import hashlib
import hmac
import random
import shutil
import socket
import subprocess
import threading
import time

import psycopg
import pytest

import pgkit
from conftest import SLOW, wait_until
from pgserver import Server

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120 * SLOW)]

SECRET = {"svc": "service-s3cret-Zq81", "alice": "alice-s3cret-Kw52", "bob": "bob-s3cret-Pm93"}
HBA = [f"{kind} all {user} {address} {method}" for kind, address in (("local", ""), ("host", "127.0.0.1/32"))
       for user, method in (("tester", "trust"), ("all", "scram-sha-256"))]
SETUP = """
create role alice login password '{alice}';
create role bob login password '{bob}';
create role svc login noinherit password '{svc}';
grant alice, bob to svc;
create table accounts (id int generated always as identity, owner text default current_user, what text);
alter table accounts enable row level security;
create policy own on accounts using (owner = current_user);
grant select, insert, update, delete on accounts to alice, bob;
insert into accounts (owner, what) select u, u || ' ' || i from unnest(array['alice', 'bob', 'svc']) u, generate_series(1, 5) i;
create function leak() returns text language plpgsql as $$ begin perform set_config('role', 'none', false); return 'x'; end $$;
create function become(who text) returns text language plpgsql as $$ begin execute format('set role %I', who); return who; end $$;
create function fails() returns text language plpgsql as $$ begin perform set_config('role', 'bob', false); raise 'no'; end $$;
create procedure commits() language plpgsql as $$ begin perform set_config('role', 'none', false); commit; end $$;
create view sly as select become('bob') as who;
create table traps (a int);
grant select, insert on traps to alice, bob;
grant select on sly to alice, bob;
create function trap() returns trigger language plpgsql as $$ begin perform set_config('role', 'none', false); return new; end $$;
create trigger trap before insert on traps for each row execute function trap();
create table late (a int);
grant select, insert on late to alice, bob;
create constraint trigger late after insert on late deferrable initially deferred for each row execute function trap();
"""


class Bank(Server):
    def __init__(self):
        super().__init__(HBA, max_connections="60", log_min_messages="warning")
        try:
            with self.connect(dbname="postgres") as c:
                c.execute("create database bank")
            with self.connect() as c:
                c.execute(SETUP.format(**SECRET))
            self.begin_tls()
        except BaseException:
            self.stop()
            raise

    def begin_tls(self):
        self.certificate = self.dir / "server.crt"
        self.run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                         "/CN=bank", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.dir / "server.key", "-out", self.certificate)
        if self.user:
            shutil.chown(self.dir / "server.key", "postgres", "postgres")
        (self.dir / "server.key").chmod(0o600)
        with self.connect() as c:
            for key, value in (("ssl_cert_file", self.certificate), ("ssl_key_file", self.dir / "server.key"), ("ssl", "on")):
                c.execute(f"alter system set {key} = '{value}'")
            c.execute("select pg_reload_conf()")
        wait_until(lambda: self.sql("show ssl") == [("on",)])

    def run_openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)

    def connect(self, **kw):
        return super().connect(**{"dbname": "bank", **kw})

    def sql(self, text):
        with self.connect() as c:
            return c.execute(text).fetchall()

    def users(self):
        return self.sql("select usename, count(*) from pg_stat_activity where backend_type = 'client backend'"
                        " and pid <> pg_backend_pid() group by 1 order by 1")


@pytest.fixture(scope="module")
def bank():
    b = Bank()
    yield b
    b.stop()


class Kit(pgkit.PgToolkit):
    def answers(self):
        try:
            with self.connect(user="alice", connect_timeout=2) as c:
                return c.execute("select 1").fetchone() == (1,)
        except psycopg.Error:
            return False


def toolkit(bank, directory, pool, account, keys):
    file = directory / "password"
    file.write_text(SECRET["svc"] + "\n")
    login = f", username: svc, passwordFile: {file}" if account else ""
    cluster = (f'main: {{{{ engine: postgres, endpoint: "postgres://127.0.0.1:{bank.port}/bank"{login},'
               f" poolSize: {pool}, {keys} }}}}")
    (directory / "kit").mkdir()
    return Kit(directory / "kit", pgkit.CONFIG.format(cluster=cluster, running=16, group="")).start()


@pytest.fixture(scope="module")
def kit(bank, tmp_path_factory):
    """Two users on two connections of one account."""
    with pgkit.ending(toolkit(bank, tmp_path_factory.mktemp("impersonate"), 2, True, "queryAuth: {{ type: impersonate }}")) as k:
        yield k


def own(rows, user):
    assert rows and {r[0] for r in rows} == {user}, (user, rows)


ASK = "select owner, what from accounts"


def check(c, user):
    """Only its own rows, and it is who it is."""
    own(c.execute(ASK).fetchall(), user)
    assert c.execute("select current_user::text, session_user::text, current_setting('role')").fetchone() == (user, "svc", user)


def test_a_thousand_alternating(kit):
    with kit.connect(user="alice") as a, kit.connect(user="bob") as b:
        for i in range(500):
            for c, user in ((a, "alice"), (b, "bob")):
                own(c.execute(ASK, prepare=i % 3 == 0).fetchall(), user)
                if i % 50 == 0:
                    check(c, user)


def test_at_the_same_time(kit):
    wrong = []

    def client(user, seed):
        rnd = random.Random(seed)
        with kit.connect(user=user) as c:
            for i in range(60):
                try:
                    how = rnd.randrange(4)
                    if how == 0:
                        own(c.execute(ASK + " where id > %s", [-i], prepare=True).fetchall(), user)
                    elif how == 1:
                        with c.transaction(force_rollback=rnd.random() < 0.5):
                            c.execute("update accounts set what = what")
                            own(c.execute(ASK).fetchall(), user)
                    elif how == 2:
                        with pytest.raises(psycopg.Error):
                            c.execute("select 1 / 0 from accounts")
                    else:
                        c.execute("select leak()")
                except BaseException as e:
                    wrong.append((user, e))
                    raise
            check(c, user)

    threads = [threading.Thread(target=client, args=(user, i)) for i, user in enumerate(["alice", "bob"] * 3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


HIDDEN = ["select leak()", "select become('bob')", "select become('svc')", "select * from sly", "call commits()",
          "insert into traps values (1)", "do $$ begin execute 'set ' || 'role none'; end $$",
          "do $$ begin execute 'reset session ' || 'authorization'; end $$",
          "update pg_settings set setting = 'none' where name = 'role'", "select fails()", "discard all",
          "with x as (select leak()) select * from x", "copy (select leak()) to stdout"]


ALONE = {"call commits()", "discard all"}


@pytest.mark.parametrize("how,sql", [(how, sql) for how in ("alone", "simple", "transaction", "rolled_back", "savepoint")
                                     for sql in HIDDEN if how in ("alone", "simple") or sql not in ALONE])
def test_hidden_changes(kit, how, sql):
    """What a text does not show: the next statement is that user's again, and so is every one of others."""
    with kit.connect(user="alice") as a, kit.connect(user="bob") as b:
        cur = psycopg.ClientCursor(a) if how == "simple" else a.cursor()
        if how not in ("alone", "simple"):
            cur.execute("begin")
        if how == "savepoint":
            cur.execute("savepoint s")
        failed = False
        try:
            if sql.startswith("copy"):
                with cur.copy(sql) as copy:
                    assert list(copy)
            else:
                cur.execute(sql)
        except psycopg.Error:
            failed = True
        assert failed == (sql == "select fails()"), sql
        if how == "savepoint":
            cur.execute("rollback to s")
        elif failed and how not in ("alone", "simple"):
            cur.execute("rollback")
        check(a, "alice")
        if how == "rolled_back":
            cur.execute("rollback")
        elif how not in ("alone", "simple") and not failed:
            cur.execute("commit")
        for _ in range(3):
            check(b, "bob")
            check(a, "alice")


def test_at_commit(kit):
    """Deferred triggers run at COMMIT."""
    with kit.connect(user="alice") as a, kit.connect(user="bob") as b:
        with a.transaction():
            a.execute("insert into late values (1)")
        check(b, "bob")
        check(a, "alice")


PLAIN = ["set role bob", "set session role none", "set local role none", "reset role", "set session authorization bob",
         "reset session authorization", "select set_config('role', 'bob', false)", "select set_config('ro' || 'le', 'bob', false)",
         "do $$ begin set role bob; end $$", "do $$ begin perform pg_catalog.set_config('role', 'none', true); end $$",
         "do 'begin reset role; end'", "set \"role\" = 'bob'", "select pg_catalog.\"set_config\"('session_authorization', 'bob', false)",
         "create function pg_temp.f() returns int language sql set role = 'bob' as 'select 1'"]


@pytest.mark.parametrize("sql", PLAIN)
def test_plain_changes(kit, sql):
    """Refused; to what it is already (RESET ROLE, as the session sees it) nothing happens."""
    with kit.connect(user="alice") as a:
        try:
            a.execute(sql)
            assert "reset" in sql or sql.endswith("role none")
        except psycopg.Error as e:
            assert e.sqlstate in ("42501", "0A000", "22023", "55P02"), e
        check(a, "alice")


def test_not_refused(kit):
    """What only looks like it."""
    with kit.connect(user="alice") as a:
        a.execute("create temporary table people (role text, set_config text)")
        a.execute("insert into people values ('set role bob', 'role')")
        a.execute("update people set role = 'x'")
        a.execute("do $$ begin update people set role = 'y'; end $$")
        assert a.execute("select role, set_config from people").fetchone() == ("y", "role")
        assert a.execute("select set_config('my.role', 'z', false)").fetchone() == ("z",)
        assert a.execute("select set_config(%s, %s, false)", ["my.role", "zz"]).fetchone() == ("zz",)
        with pytest.raises(psycopg.Error) as e:
            a.execute("select set_config(%s, %s, false)", ["Role", "bob"])
        assert e.value.sqlstate in ("42501", "22023")
        check(a, "alice")


def test_startup_option(kit):
    with pytest.raises(psycopg.Error):
        with kit.connect(user="alice", options="-c role=bob") as a:
            a.execute(ASK)


@pytest.mark.parametrize("user,state", [("nobody_here", "22023"), ("none", "22023"), ("tester", "42501")])
def test_no_such_role(kit, user, state):
    with kit.connect(user=user) as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1")
        assert e.value.sqlstate == state and user in str(e.value), e.value
    with kit.connect(user="alice") as a:
        check(a, "alice")


def test_cancel_and_a_lost_connection(kit, bank):
    with kit.connect(user="alice") as a, kit.connect(user="bob") as b:
        timer = threading.Timer(0.5, a.cancel)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            a.execute("select leak(), pg_sleep(60)")
        timer.join()
        check(b, "bob")
        check(a, "alice")
        bank.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'svc'")
        for c, user in ((b, "bob"), (a, "alice")):
            for _ in range(5):
                try:
                    check(c, user)
                    break
                except psycopg.OperationalError:
                    pass
            check(c, user)


# ---- userMap ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapped(bank, tmp_path_factory):
    directory = tmp_path_factory.mktemp("mapped")
    file = directory / "bobs"
    file.write_text(SECRET["bob"] + "\n")
    users = (f"queryAuth: {{{{ type: userMap, users: {{{{ alice: {{{{ password: {SECRET['alice']} }}}},"
             f" robert: {{{{ username: bob, passwordFile: {file} }}}}, wrong: {{{{ username: bob, password: nonsense }}}} }}}} }}}}")
    with pgkit.ending(toolkit(bank, directory, 3, True, users + ", scopedPoolMaxCount: 2")) as k:
        yield k


def test_users_of_their_own(mapped, bank):
    with mapped.connect(user="alice") as a, mapped.connect(user="robert") as b:
        for i in range(50):
            own(a.execute(ASK, prepare=i % 2 == 0).fetchall(), "alice")
            own(b.execute(ASK, prepare=i % 2 == 0).fetchall(), "bob")
        assert a.execute("select current_user::text, session_user::text").fetchone() == ("alice", "alice")
        assert b.execute("select current_user::text, session_user::text").fetchone() == ("bob", "bob")


def test_users_without_an_entry(mapped):
    with mapped.connect(user="carol") as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1")
        assert e.value.sqlstate == "28000" and "carol" in str(e.value) and "queryAuth.users" in str(e.value)


def test_a_wrong_password_is_that_users_alone(mapped):
    with mapped.connect(user="wrong") as c, mapped.connect(user="alice") as a:
        for _ in range(3):
            with pytest.raises(psycopg.Error) as e:
                c.execute("select 1")
            assert e.value.sqlstate == "28P01", e.value
            assert "nonsense" not in str(e.value)
            own(a.execute(ASK).fetchall(), "alice")


def test_the_pool_is_of_all_users(mapped, bank):
    """Three connections and one that describes, whoever has them; a full pool gives way."""
    wrong = []

    def client(user, name, seed):
        rnd = random.Random(seed)
        try:
            with mapped.connect(user=user) as c:
                for _ in range(40):
                    own(c.execute(ASK, prepare=rnd.random() < 0.5).fetchall(), name)
        except BaseException as e:
            wrong.append((user, e))

    threads = [threading.Thread(target=client, args=(u, n, i)) for i, (u, n) in enumerate([("alice", "alice"), ("robert", "bob")] * 4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    pgkit.settled(lambda: sum(n for user, n in bank.users() if user != "svc") <= 4, True)


# ---- scramKeys ----------------------------------------------------------------------------------------------------------

KEYS = """
queryflux:
  frontends:
    postgresWire: {{{{ enabled: true, port: {{port}} }}}}
auth:
  provider: static
  required: true
  staticUsers:
    users:
      alice: {{{{ password: "{alice}" }}}}
      bob: {{{{ password: "{bob}" }}}}
      other: {{{{ password: plain }}}}
  hostRules:
    - {{{{ users: [other], method: password }}}}
    - {{{{ databases: [trusted], method: trust }}}}
    - {{{{ databases: [clear], method: password }}}}
    - {{{{ method: scram-sha-256 }}}}
clusters:
  main: {{{{ engine: postgres, endpoint: "postgres://127.0.0.1:{port}/bank{tls}", poolSize: 2, queryAuth: {{{{ type: scramKeys }}}} }}}}
clusterGroups:
  default: {{{{ maxRunningQueries: 8, members: [main] }}}}
routingFallback: default
"""


class KeysKit(Kit):
    def connect(self, user="alice", **kw):
        return super().connect(user=user, **{"password": SECRET.get(user, "plain"), **kw})


class Closed(KeysKit):
    """Clients log in, and that is all."""

    def answers(self):
        try:
            return self.connect(connect_timeout=2).close() is None
        except psycopg.Error:
            return False


def keys_kit(bank, directory, tls="", kind=KeysKit, **changes):
    found = dict(bank.sql("select rolname::text, rolpassword from pg_authid where rolname in ('alice', 'bob')"))
    directory.mkdir(exist_ok=True)
    return kind(directory, KEYS.format(**{"port": bank.port, "tls": tls, **found, **changes}))


@pytest.fixture(scope="module")
def by_keys(bank, tmp_path_factory):
    with pgkit.ending(keys_kit(bank, tmp_path_factory.mktemp("keys")).start()) as k:
        yield k


def test_by_the_keys_of_the_client(by_keys, bank):
    """No password of the engine stands anywhere; each is itself there."""
    with by_keys.connect(user="alice") as a, by_keys.connect(user="bob") as b:
        for i in range(50):
            for c, user in ((a, "alice"), (b, "bob")):
                own(c.execute(ASK, prepare=i % 2 == 0).fetchall(), user)
        assert a.execute("select current_user::text, session_user::text").fetchone() == ("alice", "alice")
        assert b.execute("select current_user::text, session_user::text").fetchone() == ("bob", "bob")


def test_cancel_by_keys(by_keys):
    with by_keys.connect(user="alice") as a:
        timer = threading.Timer(0.5, a.cancel)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            a.execute("select pg_sleep(60)")
        timer.join()
        own(a.execute(ASK).fetchall(), "alice")


def test_a_session_without_keys(by_keys):
    with by_keys.connect(user="other") as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1")
        assert e.value.sqlstate == "28000" and "SCRAM" in str(e.value), e.value


@pytest.mark.parametrize("how", ["trusted", "clear"])
def test_only_the_session_that_has_the_keys(by_keys, how):
    """The same name, by another rule: neither the keys of a session that has some, nor a connection that is open by them."""
    with by_keys.connect(user="alice") as a, by_keys.connect(user="alice", dbname=how) as b:
        own(a.execute(ASK).fetchall(), "alice")
        with pytest.raises(psycopg.Error) as e:
            b.execute("select 1")
        assert e.value.sqlstate == "28000" and "SCRAM" in str(e.value), e.value
        a.execute("select 1")
        with by_keys.connect(user="alice") as c:
            own(c.execute(ASK).fetchall(), "alice")


@pytest.mark.parametrize("mode,encrypted", [("disable", False), ("require", True), ("verify-full", True)])
def test_keys_over_tls(bank, tmp_path, mode, encrypted):
    with pgkit.ending(keys_kit(bank, tmp_path / "kit", tls=f"?sslmode={mode}&sslrootcert={bank.certificate}").start()) as kit:
        with kit.connect() as a:
            own(a.execute(ASK).fetchall(), "alice")
            assert a.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone() == (encrypted,)
            assert len(a.execute("select repeat('x', 1000) from generate_series(1, 5000)").fetchall()) == 5000


def test_keys_to_a_stranger(bank, tmp_path):
    """A certificate that nobody knows: the keys are not used on it."""
    bank.run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                     "/CN=other", "-keyout", tmp_path / "other.key", "-out", tmp_path / "other.crt")
    kit = keys_kit(bank, tmp_path / "kit", tls=f"?sslmode=verify-full&sslrootcert={tmp_path / 'other.crt'}", kind=Closed)
    with pgkit.ending(kit.start()):
        with kit.connect() as a:
            with pytest.raises(psycopg.Error) as e:
                a.execute("select 1")
            assert e.value.sqlstate == "08001" and "certificate" in str(e.value), e.value


def test_keys_that_do_not_fit(bank, tmp_path):
    """The same password, but another salt."""
    with pgkit.ending(keys_kit(bank, tmp_path / "kit", bob=SECRET["bob"]).start()) as kit:
        with kit.connect(user="bob") as b, kit.connect(user="alice") as a:
            with pytest.raises(psycopg.Error) as e:
                b.execute("select 1")
            assert e.value.sqlstate == "28P01" and "verifier" in str(e.value), e.value
            own(a.execute(ASK).fetchall(), "alice")


def test_a_server_that_leaves_when_asked_for_tls(bank, tmp_path):
    """It is seen at once, not looked for until the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def serve():
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(8)
                    time.sleep(0.1)  # so that it is waited for

        threading.Thread(target=serve, daemon=True).start()
        kit = keys_kit(bank, tmp_path / "kit", kind=Closed, port=listening.getsockname()[1])
        with pgkit.ending(kit.start()), kit.connect() as a:
            with pytest.raises(psycopg.Error) as e:
                a.execute("select 1")
            assert e.value.sqlstate == "08001" and "request for TLS" in str(e.value), e.value
        listening.shutdown(socket.SHUT_RDWR)


# ---- secrets ------------------------------------------------------------------------------------------------------------


def memory(pid):
    """What is readable of a process; ours, so that nobody stops us."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if rights[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            begin, end = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(begin)
                yield mem.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue


def test_secrets_of_the_engine(kit, mapped):
    """qf-listen has none in its memory; no log, event or state of anybody has one."""
    for k in (kit, mapped):
        secrets = [SECRET["svc"].encode(), SECRET["bob"].encode()]
        # What is written in the configuration itself all programs read; passwordFile is for qf-dispatch alone.
        seen = [s for chunk in memory(k.pid("listen")) for s in secrets if s in chunk]
        assert not seen
        assert any(b"queryflux" in chunk for chunk in memory(k.pid("listen"))), "the search finds nothing at all"
        files = [f for d in (k.dir, k.run_dir, k.state_dir) for f in d.rglob("*") if f.is_file()]
        for f in files:
            if f != k.config:
                assert not [s for s in SECRET.values() if s.encode() in f.read_bytes()], f
        with k.connect(user="alice") as c:
            c.execute(ASK).fetchall()
        wait_until(lambda: '"group"' in k.admin("events").stdout)
        events = k.admin("events").stdout
        assert not [s for s in SECRET.values() if s in events]


def test_keys_are_gone_with_the_session(by_keys, bank):
    """Client and server key stand nowhere in qf-listen and qf-dispatch, once what was written since is over them."""
    verifier = bank.sql("select rolpassword from pg_authid where rolname = 'alice'")[0][0]
    rounds, salt = verifier.split("$")[1].split(":")
    salted = hashlib.pbkdf2_hmac("sha256", SECRET["alice"].encode(), base64.b64decode(salt), int(rounds))
    key = hmac.new(salted, b"Client Key", "sha256").digest()

    def kept():
        return any(key in chunk for p in ("listen", "dispatch") for chunk in memory(by_keys.pid(p)))

    with by_keys.connect(user="alice") as a:
        own(a.execute(ASK).fetchall(), "alice")
        assert kept()

    def gone():
        with by_keys.connect(user="bob") as b:
            own(b.execute(ASK).fetchall(), "bob")
        return not kept()

    wait_until(gone)
