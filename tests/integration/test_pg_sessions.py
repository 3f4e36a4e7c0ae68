"""Sessions that share connections: what one leaves behind is not met by another, and what is a session's stays its own.

The pool is small, so that sessions do get each other's connections; the server is asked past the toolkit what it sees.
"""
import contextlib
import re
import signal
import threading
import time

import psycopg
import pytest

import pgkit
from conftest import SLOW, wait_until
from pgwire import Wire, bind, execute, line, parse, query, run, sync, values

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120 * SLOW)]


@pytest.fixture(scope="module")
def single(pg, tmp_path_factory):
    """A pool of one connection: every session has the one that the last one had."""
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("single") / "kit", pool=1)) as kit:
        yield kit


@pytest.fixture(scope="module")
def triple(pg, tmp_path_factory):
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("triple") / "kit", pool=3)) as kit:
        yield kit


@contextlib.contextmanager
def wires(kit, n, **parameters):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Wire(kit.target()).begin(**parameters)) for _ in range(n)]


def one(w, sql):
    got = w.ask(sql)
    assert values(got), line(got)
    return values(got)[0][0]


def test_sessions_share_one_connection(pg, single):
    with wires(single, 5) as sessions:
        assert len({one(w, "select pg_backend_pid()") for w in sessions}) == 1
        assert len(pg.backends("application_name <> ''")) <= 3


# ---- settings ----------------------------------------------------------------------------------------------------------

def test_a_setting_stays_with_its_session(single):
    with wires(single, 3) as (a, b, c):
        a.ask("set work_mem = '7MB'")
        b.ask("set work_mem = '9MB'; set timezone = 'Asia/Tokyo'")
        for _ in range(2):
            assert [one(w, "select current_setting('work_mem')") for w in (a, b, c)] == ["7MB", "9MB", "4MB"]
            assert [one(w, "select current_setting('timezone')") for w in (a, b, c)] == ["UTC", "Asia/Tokyo", "UTC"]
        b.ask("reset work_mem")
        a.ask("discard all")
        assert [one(w, "select current_setting('work_mem')") for w in (a, b, c)] == ["4MB"] * 3


SETS = ["set work_mem to '11MB'", "set session work_mem = 11264", "select set_config('work_mem', '11MB', false)", "select 1; set work_mem = '11MB'",
        "begin; set work_mem = '11MB'; commit"]
# A setting that is made inside of something is not seen from outside: it is the connection's until another gets that.
HIDDEN = ["do $$ begin perform set_config('work_mem', '11MB', false); end $$", "do $$ begin set work_mem = '11MB'; end $$", "select leak_work_mem()",
          "with x as (select set_config('work_mem', '11MB', false) as y) select y from x",
          "update pg_settings set setting = '11264' where name = 'work_mem'"]


@pytest.mark.parametrize("make, leak", [(make, leak) for make in (query, run) for leak in SETS + HIDDEN if make is query or ";" not in leak or leak[:2] == "do"])
def test_a_setting_is_not_met_by_another(pg, single, make, leak):
    """However it was set, also inside of a function. The session itself keeps it, unless it was hidden."""
    pg.sql("create or replace function leak_work_mem() returns integer language plpgsql as $$ begin perform set_config('work_mem', '11MB', false);"
           " return 1; end $$")
    with wires(single, 2) as (a, b):
        got = a.talk(make(leak))
        assert not line(got).count("E/"), line(got)
        assert one(b, "select current_setting('work_mem')") == "4MB"
        assert one(a, "select current_setting('work_mem')") == ("4MB" if leak in HIDDEN else "11MB")
        assert one(b, "select current_setting('work_mem')") == "4MB"


def test_set_local_and_rollback(single):
    with wires(single, 2) as (a, b):
        assert line(a.ask("begin; set local work_mem = '5MB'")) == "C C Z/T"
        assert one(a, "show work_mem") == "5MB"
        a.ask("commit")
        assert [one(w, "show work_mem") for w in (a, b)] == ["4MB"] * 2
        a.ask("begin; set work_mem = '6MB'")
        assert one(a, "select current_setting('work_mem')") == "6MB"
        a.ask("rollback")
        assert [one(w, "select current_setting('work_mem')") for w in (a, b)] == ["4MB"] * 2


def test_settings_of_ones_own(single):
    """Names with a dot are nobody's; row security is often built on them."""
    with wires(single, 2) as (a, b):
        a.ask("set app.tenant = 'one'")
        b.ask("select set_config('app.tenant', 'two', false)")
        assert [one(w, "select current_setting('app.tenant', true)") for w in (a, b, a)] == ["one", "two", "one"]
    with wires(single, 1) as (c,):
        assert one(c, "select coalesce(current_setting('app.tenant', true), '')") == ""


SAVEPOINTS = [  # what work_mem and TimeZone are at the end, and after COMMIT
    ("begin; set work_mem = '6MB'; savepoint s; set work_mem = '7MB'; rollback to s", "6MB UTC", "6MB UTC"),
    ("begin; savepoint s; set work_mem = '7MB'; set timezone = 'Asia/Tokyo'; rollback to savepoint s", "4MB UTC", "4MB UTC"),
    ("begin; savepoint s; set local work_mem = '7MB'; release s", "7MB UTC", "4MB UTC"),
    ("begin; savepoint a; set work_mem = '5MB'; savepoint b; set work_mem = '6MB'; release b; rollback to a", "4MB UTC", "4MB UTC"),
    ("begin; savepoint a; set work_mem = '5MB'; savepoint a; set work_mem = '6MB'; rollback work to a; rollback to \"a\"", "5MB UTC", "5MB UTC"),
    ("begin; savepoint A; set timezone = 'Asia/Tokyo'; savepoint \"A\"; set timezone = 'Asia/Seoul'; rollback to a", "4MB UTC", "4MB UTC"),
    ("begin; set work_mem = '5MB'; savepoint s; set local work_mem = '6MB'; rollback to s; set timezone = 'Asia/Tokyo'", "5MB Asia/Tokyo", "5MB Asia/Tokyo"),
    ("begin; savepoint s; set work_mem = '7MB'; savepoint t; select 1/0; rollback to s", "4MB UTC", "4MB UTC"),
]


@pytest.mark.parametrize("sql, inside, after", SAVEPOINTS)
def test_savepoints_and_settings(pg, single, sql, inside, after):
    """What was set since a savepoint goes with it, for the connection that serves the session next, too: as at the server itself."""
    now = "select current_setting('work_mem') || ' ' || current_setting('timezone')"
    for make in (lambda: wires(single, 1), lambda: wires(pg, 1)):
        with make() as (a,):
            a.ask("set timezone = 'UTC'")
            for part in sql.split("; "):
                a.ask(part)
            assert one(a, now) == inside
            a.ask("commit")
            assert one(a, now) == after


def test_a_role_is_refused(single):
    """Who a session is at the engine is its connection's to say: not silently another."""
    with wires(single, 1) as (a,):
        for sql in ("set role plain", "set local role plain", "select set_config('role', 'plain', false)"):
            assert line(a.ask(sql)) == "E/22023 Z/I"
        assert line(a.ask("set session authorization plain")) == "E/55P02 Z/I"
        assert one(a, "select current_user") == "tester"


def test_search_path(pg, single):
    pg.sql("create schema if not exists other; drop table if exists public.where_am_i, other.where_am_i;"
           "create table public.where_am_i as select 'public' as name; create table other.where_am_i as select 'other' as name")
    with wires(single, 2) as (a, b):
        a.ask("set search_path = other, public")
        for w in (a, b):
            w.talk(parse("select name from where_am_i", "s"), sync())
        for w, want in ((a, "other"), (b, "public"), (a, "other")):
            assert one(w, "select name from where_am_i") == want
            assert values(w.talk(bind(statement="s"), execute(), sync())) == [(want,)]


def test_application_name(pg, single):
    """The origin shows at the engine; the session sees what it has set."""
    with wires(single, 1, application_name="ledger") as (a,):
        assert one(a, "show application_name") == "ledger"
        thread = threading.Thread(target=lambda: a.ask("select pg_sleep(1)"))
        thread.start()
        (shown,) = wait_until(lambda: [b[2] for b in pg.backends("state = 'active' and query like '%pg_sleep(1)%'")])
        thread.join()
        assert "tester" in shown or "ledger" in shown, shown


def test_characteristics_of_the_session(single):
    with wires(single, 2) as (a, b):
        a.ask("set session characteristics as transaction read only")
        assert line(a.ask("create table never (a integer)")) == "E/25006 Z/I"
        assert [one(w, "show transaction_read_only") for w in (a, b)] == ["on", "off"]
        a.ask("set default_transaction_isolation = 'serializable'")
        a.ask("begin")
        assert one(a, "show transaction_isolation") == "serializable"
        a.ask("rollback")
        assert one(b, "select current_setting('transaction_isolation')") == "read committed"


# ---- prepared statements -----------------------------------------------------------------------------------------------

def test_the_same_name_in_many_sessions(triple):
    with wires(triple, 8) as sessions:
        for i, w in enumerate(sessions):
            assert w.line(parse(f"select {i} + $1::integer", "s"), sync()) == "1 Z/I"
        for _ in range(3):
            for i, w in enumerate(sessions):
                assert values(w.talk(bind([str(i)], statement="s"), execute(), sync())) == [(str(2 * i),)]


def test_prepared_statements_survive_their_connection(pg, triple):
    with wires(triple, 1) as (a,):
        assert a.line(parse("select $1::integer + 1", "s"), sync()) == "1 Z/I"
        for i in range(4):
            assert values(a.talk(bind([str(i)], statement="s"), execute(), sync())) == [(str(i + 1),)]
            pg.terminate()
            time.sleep(0.2)


def test_prepared_by_sql_in_many_sessions(triple):
    with wires(triple, 6) as sessions:
        for i, w in enumerate(sessions):
            assert line(w.ask(f"prepare mine (integer) as select {i} + $1")) == "C Z/I"
        for _ in range(2):
            for i, w in enumerate(sessions):
                assert one(w, "execute mine (10)") == str(i + 10)


def test_thousands_of_prepared_statements(pg, triple):
    """A connection keeps a bounded number of them; the session keeps all."""
    n = 1500
    with wires(triple, 1) as (a,):
        for i in range(0, n, 100):
            a.talk(*(parse(f"select {j} + $1::integer", f"s{j}") for j in range(i, i + 100)), sync())
        for i in range(0, n, 100):
            got = a.talk(*(bind(["1"], statement=f"s{j}") + execute() for j in range(i, i + 100)), sync())
            assert [v for v, in values(got)] == [str(j + 1) for j in range(i, i + 100)]
        assert values(a.talk(bind(["1"], statement="s0"), execute(), sync())) == [("1",)]


# ---- what pins a session -----------------------------------------------------------------------------------------------

def pids(*sessions):
    return [one(w, "select pg_backend_pid()") for w in sessions]


def test_a_temporary_table(triple):
    """Seen by its session alone, in every statement; others do not get that connection while it is there."""
    with wires(triple, 3) as (a, b, c):
        a.ask("create temporary table mine as select 'a' as owner")
        assert line(b.ask("select owner from mine")) == "E/42P01 Z/I"
        b.ask("create temporary table mine as select 'b' as owner")
        for _ in range(3):
            assert [one(w, "select owner from mine") for w in (a, b)] == ["a", "b"]
            assert len(set(pids(a, b, c))) == 3
        a.ask("drop table mine")
        assert line(a.ask("select owner from mine")) == "E/42P01 Z/I"
    wait_until(lambda: no_temporary_tables(triple))


def no_temporary_tables(kit):
    with Wire(kit.target()).begin() as w:
        return one(w, "select count(*) from pg_class where relpersistence = 't' and relname = 'mine'") == "0"


def test_a_temporary_table_in_a_transaction(triple):
    with wires(triple, 2) as (a, b):
        assert line(a.ask("begin; create temporary table gone (a integer) on commit drop; insert into gone values (1); commit")) == "C C C C Z/I"
        assert line(a.ask("select * from gone")) == "E/42P01 Z/I"
        a.ask("begin; create temporary table kept (a integer); insert into kept values (1); commit")
        assert one(a, "select count(*) from kept") == "1"
        a.ask("begin; create temporary table undone (a integer); rollback")
        assert line(a.ask("select * from undone")) == "E/42P01 Z/I"
        a.ask("discard temp")
        assert line(a.ask("select * from kept")) == "E/42P01 Z/I"


def test_notifications(triple):
    with wires(triple, 4) as (a, b, c, d):
        for w in (a, b):
            assert line(w.ask("listen news")) == "C Z/I"
        assert line(c.ask("notify news, 'hello'")) == "C Z/I"
        assert a.notifications() == ("news", "hello") and b.notifications() == ("news", "hello")
        assert d.silent(0.2) and c.notifications(0.2) is None
        a.ask("select pg_notify('news', 'from a')")
        assert a.notifications() == ("news", "from a") and b.notifications() == ("news", "from a")
        b.ask("unlisten *")
        c.ask("begin; notify news, 'later'")
        assert a.notifications(0.3) is None
        c.ask("commit")
        assert a.notifications() == ("news", "later") and b.notifications(0.3) is None


def test_a_listener_that_leaves(pg, single):
    """LISTEN goes with its session; the next one on that connection hears nothing."""
    with wires(single, 1) as (a,):
        a.ask("listen gossip")
    with wires(single, 1) as (b,):
        assert one(b, "select count(*) from pg_listening_channels()") == "0"
        pg.sql("notify gossip, 'psst'")
        assert b.notifications(0.3) is None


def test_session_advisory_locks(pg, triple):
    with wires(triple, 3) as (a, b, c):
        assert one(a, "select pg_try_advisory_lock(7)") == "t"
        assert [one(w, "select pg_try_advisory_lock(7)") for w in (b, c)] == ["f", "f"]
        assert one(a, "select pg_try_advisory_lock(7)") == "t", "it is its own"
        assert one(b, "select pg_advisory_unlock(7)") == "f"
        assert [one(a, "select pg_advisory_unlock(7)") for _ in range(3)] == ["t", "t", "f"]
        assert one(b, "select pg_try_advisory_lock(7)") == "t"
    wait_until(lambda: pg.sql("select count(*) from pg_locks where locktype = 'advisory'") == [(0,)])


def test_locks_taken_inside_of_a_function(pg, triple):
    """The server is asked what the session holds: they pin it as well, until they are given back."""
    pg.sql("create or replace function hidden_lock() returns boolean language plpgsql as $$ begin return pg_try_advisory_lock(9); end $$")
    with wires(triple, 2) as (a, b):
        assert one(a, "select hidden_lock()") == "t"
        assert one(b, "select hidden_lock()") == "f"
        assert len(set(pids(a, b))) == 2
        assert one(a, "select pg_advisory_unlock(9)") == "t"
        assert one(b, "select hidden_lock()") == "t"
    wait_until(lambda: pg.sql("select count(*) from pg_locks where locktype = 'advisory'") == [(0,)])


def test_a_cursor_with_hold(triple):
    with wires(triple, 2) as (a, b):
        a.ask("begin; declare held cursor with hold for select i from generate_series(1, 5) i; commit")
        assert line(b.ask("fetch 1 from held")) == "E/34000 Z/I"
        assert one(b, "select 1") == "1"
        assert values(a.ask("fetch 2 from held")) == [("1",), ("2",)]
        assert values(a.ask("fetch 2 from held")) == [("3",), ("4",)]
        a.ask("close held")
        assert line(a.ask("fetch 1 from held")) == "E/34000 Z/I"


def test_a_lost_pin_ends_the_session(pg, triple):
    """What cannot be given back is not pretended: 57P01."""
    with wires(triple, 2) as (a, b):
        a.ask("create temporary table mine (a integer)")
        pid = one(a, "select pg_backend_pid()")
        pg.terminate(f"pid = {pid}")
        time.sleep(0.3)
        got = a.send(query("select * from mine")).closed()
        assert line(got).startswith("E/57P01") and "Z" not in line(got), line(got)
        assert one(b, "select 1") == "1"


def test_sequences_and_lastval(pg, triple):
    """currval and lastval are the connection's; a session sees its own or an error, never another's."""
    pg.sql("create sequence if not exists tickets")
    with wires(triple, 1) as (a,):
        a.ask("begin")
        n = one(a, "select nextval('tickets')")
        assert (one(a, "select currval('tickets')"), one(a, "select lastval()")) == (n, n)
        a.ask("commit")


# ---- the pool ----------------------------------------------------------------------------------------------------------

def test_many_sessions_on_few_connections(pg, triple):
    with wires(triple, 40) as sessions:
        for w in sessions:
            w.send(query("select pg_sleep(0.02), pg_backend_pid()"))
        seen = {values(w.until("Z"))[0][1] for w in sessions}
        assert 1 <= len(seen) <= 3
        assert len(pg.backends()) <= 5


def test_transactions_wait_for_a_connection(triple):
    with wires(triple, 4) as (a, b, c, d):
        for w in (a, b, c):
            w.ask("begin")
            assert one(w, "select 1") == "1"
        d.send(query("select 4"))
        assert d.silent(0.3)
        a.ask("commit")
        assert values(d.until("Z")) == [("4",)]
        for w in (b, c):
            w.ask("rollback")


def test_a_client_that_leaves_in_a_transaction(pg, triple):
    pg.sql("drop table if exists left_open; create table left_open (a integer)")
    with wires(triple, 1) as (a,):
        a.ask("begin")
        a.ask("insert into left_open values (1)")
        a.sock.close()
    wait_until(lambda: not pg.backends("xact_start is not null"))
    assert pg.sql("select count(*) from left_open") == [(0,)]


def test_a_client_that_leaves_in_a_statement(pg, triple):
    with wires(triple, 1) as (a,):
        a.send(query("select pg_sleep(88)"))
        wait_until(lambda: pg.running("pg_sleep(88)"))
        a.sock.close()
    wait_until(lambda: not pg.running("pg_sleep(88)"), 3)


def test_cancel_reaches_nobody_else(pg, single):
    """A cancel that comes late finds another session's statement on the same connection, and leaves it alone."""
    from rawpg import Raw, cancel
    with wires(single, 2) as (a, b):
        for _ in range(20):
            a.ask("select 1")
            b.send(query("select pg_sleep(0.05), 'done'"))
            with Raw(single.port) as other:
                other.send(cancel(a.pid, a.key))
                other.closed()
            assert values(b.until("Z"))[0][1] == "done"


@pytest.mark.parametrize("user", ["scram", "md5"])
@pytest.mark.parametrize("way", ["url", "file"])
def test_passwords(pg, tmp_path, user, way):
    file = tmp_path / "password"
    file.write_text(pgkit.PASSWORD + "\n")
    file.chmod(0o600)
    url = pg.url(user, pgkit.URL_PASSWORD if way == "url" else None)
    keys = {} if way == "url" else {"passwordFile": f'"{file}"'}
    with pgkit.ending(pgkit.before(pg, tmp_path / "kit", url=url, **keys)) as kit:
        with Wire(kit.target()).begin() as w:
            assert one(w, "select current_user") == user
        assert pgkit.PASSWORD not in kit.log_text()


def test_a_server_that_is_away(pg, tmp_path):
    """Statements fail with a proper error while it is away, and work when it is back; nobody has to start anything again."""
    server = pgkit.Cluster(max_connections="20")
    try:
        with pgkit.ending(pgkit.before(server, tmp_path / "kit")) as kit, Wire(kit.target()).begin() as w:
            assert one(w, "select 1") == "1"
            server.halt(signal.SIGINT)
            codes = [re.search(r"E/(\w+)", line(w.ask("select 1"))) for _ in range(3)]
            assert all(c and c[1] in ("57P01", "08006", "08001", "08003", "57P03") for c in codes), codes
            server.start()
            wait_until(lambda: line(w.ask("select 1")) == "T D C Z/I", 20)
    finally:
        server.stop()


@pytest.mark.parametrize("mode", ["session", "statement"])
def test_pool_modes(pg, tmp_path, mode):
    with pgkit.ending(pgkit.before(pg, tmp_path / "kit", pool=2, poolMode=mode)) as kit, wires(kit, 2) as (a, b):
        if mode == "statement":
            assert line(a.ask("begin")).startswith("E/") or line(a.ask("select 1")).startswith("E/"), "transactions need another mode"
            return
        a.ask("create temporary table mine as select 1 as a; set work_mem = '5MB'")
        assert len({one(a, "select pg_backend_pid()") for _ in range(3)} | {one(b, "select pg_backend_pid()")}) == 2
        assert [one(w, "show work_mem") for w in (a, b)] == ["5MB", "4MB"]


@pytest.mark.parametrize("setting, sql", [("idle_in_transaction_session_timeout", "begin; select 1"), ("idle_session_timeout", "select 1")])
def test_idle_timeouts(triple, setting, sql):
    code = "25P03" if "transaction" in setting else "57P05"
    with wires(triple, 1) as (a,):
        a.ask(f"set {setting} = 300")
        a.ask(sql)
        got = a.closed()
        assert [psycopg.errors.lookup(code).sqlstate] == [re.search(r"E/(\w+)", line(got))[1]], line(got)
