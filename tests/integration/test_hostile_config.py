"""What an operator gets wrong: configurations, libraries that are not there, ports. It is named, and nothing starts."""
import os
import pathlib
import re
import shutil
import subprocess
import time

import psycopg
import pytest

import conftest
from conftest import BIN, CONFIG, SLOW, Toolkit, free_port, wait_until

PROGRAMS = ("listen", "route", "dispatch", "translate", "admin")

GOOD = """queryflux:
  frontends:
    postgresWire: { enabled: true, port: 15432 }
clusters:
  duckdb: { engine: duckDb }
clusterGroups:
  default: { maxRunningQueries: 8, members: [duckdb] }
routingFallback: default
"""

# change of GOOD → the place and what the message says, the nearest key where there is one
BROKEN = {
    "unknown key at the top": (("routingFallback:", "routingFalback:"), "8:1", 'did you mean "routingFallback"?'),
    "unknown key in a section": (("  frontends:", "  frontend:"), "2:3", 'did you mean "frontends"?'),
    "unknown key in a mapping": (("maxRunningQueries", "maxRuningQueries"), "7:14", 'did you mean "maxRunningQueries"?'),
    "unknown key deep in": (("port: 15432", "prot: 15432"), "3:36", 'did you mean "port"?'),
    "unknown frontend": (("postgresWire", "postgreWire"), "3:5", 'did you mean "postgresWire"?'),
    "unknown engine": (("duckDb", "duckDB2"), "5:21", "duckDb"),
    "unknown group": (("routingFallback: default", "routingFallback: defualt"), "8:18", 'did you mean "default"?'),
    "unknown member": (("[duckdb]", "[duckbd]"), "7:46", 'did you mean "duckdb"?'),
    "key twice": (("routingFallback: default", "routingFallback: default\nroutingFallback: default"), "9:1", "routingFallback"),
    "cluster twice": (("clusterGroups:", "  duckdb: { engine: duckDb }\nclusterGroups:"), "6:3", "duckdb"),
    "a word for a number": (("port: 15432", "port: many"), "3:42", "port"),
    "port 0": (("port: 15432", "port: 0"), "3:42", "port"),
    "port 65536": (("port: 15432", "port: 65536"), "3:42", "65535"),
    "negative": (("maxRunningQueries: 8", "maxRunningQueries: -1"), "7:33", "maxRunningQueries"),
    "much too large": (("maxRunningQueries: 8", "maxRunningQueries: 99999999999999999999999"), "7:33", "maxRunningQueries"),
    "yes for true": (("enabled: true", "enabled: yes"), "3:30", "true"),
    "a list for a mapping": (("{ engine: duckDb }", "[ duckDb ]"), "5:11", "duckdb"),
    "a text for a list": (("[duckdb]", "duckdb"), "7:45", "members"),
    "nothing for a mapping": ((" { engine: duckDb }", ""), "5:3", 'no "engine"'),
    "no engine": (("engine: duckDb", ""), "5:3", 'no "engine"'),
    "anchor": (("{ engine: duckDb }", "&a { engine: duckDb }"), "5:11", "nchor"),
    "alias": (("[duckdb]", "*a"), "7:45", "lias"),
    "unclosed brace": (("members: [duckdb] }", "members: [duckdb]"), "8:1", "begins at 7:12"),
    "unclosed quote": (("engine: duckDb", "engine: \"duckDb"), "9:1", "begins at 5:21"),
    "tab": (("  duckdb:", "\tduckdb:"), "5:1", "tab"),
    "two documents": (("routingFallback", "---\nroutingFallback"), "8:1", "document"),
    "NUL": (("default\n", "default\0\n"), "", ""),
    "variable that is not set": (("engine: duckDb", "engine: \"${QF_NOT_SET_ANYWHERE}\""), "5:22", "QF_NOT_SET_ANYWHERE"),
    "every address": (("port: 15432", "address: 0.0.0.0"), "3:5", "insecure: true"),
    "no address": (("port: 15432", "address: nowhere.example"), "3:45", "address"),
    "unknown router": (("routingFallback", "routers: [ { type: queryRegx } ]\nroutingFallback"), "8:20", 'did you mean "queryRegex"?'),
    "bad pattern": (("routingFallback", "routers: [ { type: queryRegex, rules: [ { regex: 'a(b', targetGroup: default } ] } ]\nroutingFallback"), "8:50",
                    "parenthes"),
    "rule without a group": (("routingFallback", "routers: [ { type: queryRegex, rules: [ { regex: ab } ] } ]\nroutingFallback"), "8:41", "targetGroup"),
    "security that is not built": (("queryflux:", "queryflux:\n  auth: { provider: static }"), "2:3", "auth"),
    "not a mapping": ((GOOD, "just a word\n"), "1:1", ""),
    "a list": ((GOOD, "- a\n- b\n"), "1:1", ""),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("broken")


def run(program, *argv, place, timeout=20, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("QF_")}
    (place / "run").mkdir(exist_ok=True)
    clean |= {"QF_RUNTIME_DIR": str(place / "run"), "QF_STATE_DIR": str(place), **env}
    return subprocess.run([str(BIN / f"qf-{program}"), *argv], env=clean, capture_output=True, text=True, timeout=timeout * SLOW,
                          stdin=subprocess.DEVNULL, errors="replace")


def nothing_started(place):
    return [p.name for p in (place / "run").iterdir()]


@pytest.mark.parametrize("what", BROKEN)
def test_broken_configuration(place, what):
    """-t, --serve and `up` say the same line and end with 2."""
    (old, new), at, text = BROKEN[what]
    assert old in GOOD
    path = place / "q.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    texts = set()
    # Reading is the same code in all five; the first two stand for all, and the good cases below for the rest.
    for program, mode in (("route", ["-t"]), ("dispatch", ["-t"]), ("listen", ["--serve"]), ("admin", ["up"])):
        done = run(program, *mode, "-c", str(path), place=place)
        assert done.returncode == 2, (program, mode, done.returncode, done.stderr)
        assert done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
        texts.add(done.stderr[done.stderr.index(str(path)):])
    (message,) = texts
    assert message.startswith(f"{path}:{at}") if at else str(path) in message, message
    assert text.lower() in message.lower(), message
    assert nothing_started(place) == []


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("mode", ["-t", "--serve"])
def test_each_program_refuses(place, program, mode):
    path = place / "q.yaml"
    path.write_text(GOOD.replace("maxRunningQueries", "maxRuningQueries"))
    for env, argv in (({}, ["-c", str(path)]), ({"QF_CONFIG": str(path)}, [])):
        done = run(program, mode, *argv, place=place, **env)
        assert done.returncode == 2 and f'{path}:7:14: ' in done.stderr and 'did you mean "maxRunningQueries"?' in done.stderr, done.stderr
    assert nothing_started(place) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_accepts(place, program):
    path = place / "q.yaml"
    path.write_text(GOOD)
    ids = set()
    for argv in (["-t", "-c", str(path)], ["-c", str(path), "-t"]):
        done = run(program, *argv, place=place)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        ids.add(done.stdout)
    assert len(ids) == 1 and re.fullmatch(r".*q\.yaml: configuration is good, id [0-9a-f]{16}\n", ids.pop())
    done = run(program, "-t", place=place)  # the embedded default
    assert done.returncode == 0 and "embedded default: configuration is good" in done.stdout
    assert nothing_started(place) == []


@pytest.mark.parametrize("path, text", [("/nonexistent/q.yaml", "No such file"), ("/", "irectory"), ("/dev/null", ""), ("", "")])
@pytest.mark.parametrize("mode", ["-t", "--serve"])
def test_file_that_is_none(place, path, text, mode):
    done = run("listen", mode, "-c", path, place=place)
    assert done.returncode == 2 and text in done.stderr and done.stderr.strip(), (done.returncode, done.stderr)


def test_file_that_is_not_text(place):
    for i, content in enumerate((b"\xff\xfe\x00\x01" * 100, b"queryflux:\n  x: \"\xff\"\n", os.urandom(4096), b"{" * 100000, b"[" * 100000,
                                 b"a: " * 10000, b"- " * 100000, b"x" * (4 << 20), b"\xef\xbb\xbf" + GOOD.encode() + b"\x00")):
        path = place / f"n{i}.yaml"
        path.write_bytes(content)
        begin = time.monotonic()
        done = run("route", "-t", "-c", str(path), place=place)
        assert done.returncode == 2 and str(path) in done.stderr, (i, done.returncode, done.stderr[:500])
        assert "\x1b" not in done.stderr and len(done.stderr) < 2000 and time.monotonic() - begin < 5 * SLOW


@pytest.mark.parametrize("argv, text", [
    (["--sevre"], "did you mean --serve?"), (["-c"], "needs an argument"), (["--instance"], "needs an argument"), (["-Z"], 'unknown option "-Z"'),
    (["--serve", "--instance", "A B"], "instance name"), (["--serve", "--instance", ""], "instance name"),
    (["--serve", "--instance", "../x"], "instance name"), (["--serve", "--instance", "x" * 33], "instance name")])
@pytest.mark.parametrize("program", PROGRAMS)
def test_options_that_are_wrong(place, program, argv, text):
    path = place / "q.yaml"
    path.write_text(GOOD)
    done = run(program, *argv, *(["-c", str(path)] if len(argv) > 1 else []), place=place)
    assert done.returncode == 2 and text in done.stderr, (done.returncode, done.stderr)
    assert nothing_started(place) == []


# ---- where it runs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
def test_runtime_directory_that_cannot_be(place, program, tmp_path):
    """It names the directory and the variable, or that the path is too long for a socket."""
    (tmp_path / "file").write_text("")
    deep = tmp_path / ("d" * 100)
    for directory, text in ((tmp_path / "file", "file"), (tmp_path / "no/such/parent", "QF_RUNTIME_DIR"), (deep, "107 bytes")):
        done = run(program, "--serve", "-c", write_good(place), place=place, QF_RUNTIME_DIR=str(directory))
        assert done.returncode in (1, 2) and text in done.stderr, (done.returncode, done.stderr)


def write_good(place):
    """It listens where nobody else does, also on the ports that are on by default."""
    path = place / "good.yaml"
    more = f"    trinoHttp: {{ port: {free_port()} }}\n  adminApi: {{ port: {free_port()} }}\nclusters:"
    path.write_text(GOOD.replace("15432", str(free_port())).replace("clusters:", more, 1))
    return str(path)


def test_two_of_one_instance(place):
    """The second is told who has the lock; the first goes on."""
    with Service("route", place) as first:
        done = run("route", "--serve", "-c", write_good(place), place=place)
        assert done.returncode == 1 and f"is held by process {first.child.pid}: qf-route instance 0 is running already" in done.stderr
        assert first.child.poll() is None


class Service:
    """One program by itself."""

    def __init__(self, program, place, **env):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("QF_")}
        (place / "run").mkdir(exist_ok=True)
        clean |= {"QF_RUNTIME_DIR": str(place / "run"), "QF_STATE_DIR": str(place), **env}
        self.child = subprocess.Popen([str(BIN / f"qf-{program}"), "--serve", "-c", write_good(place)], env=clean, stderr=subprocess.PIPE)
        wait_until(lambda: (place / f"run/{program}-0.sock").exists() or self.child.poll() is not None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.err = self.child.communicate(timeout=20 * SLOW)[1].decode()
        assert self.child.returncode == 0, self.err


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_alone(place, program):
    """It starts without the others, says so if need be, and ends with 0 on SIGTERM."""
    with Service(program, place) as s:
        time.sleep(0.3)
        assert s.child.poll() is None
    for line in s.err.splitlines():
        assert " error: " not in line, line


# ---- libraries that are not there --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """Copies of the private library directory that lack something; big files are linked."""
    source = pathlib.Path(os.environ.get("QF_LIBDIR", BIN / "../lib/queryflux")).resolve()
    base = tmp_path_factory.mktemp("lib")

    def copy(name, without):
        target = base / name
        target.mkdir()
        for entry in source.iterdir():
            if not entry.name.startswith(without):
                (target / entry.name).symlink_to(entry)
        return target

    (base / "empty").mkdir()
    broken = copy("broken", "libduckdb")
    (broken / "libduckdb.so").write_text("this is no library")
    return {"no duckdb": copy("noduck", "libduckdb"), "no sqlglot": copy("nosqlglot", "python"), "empty": base / "empty", "broken duckdb": broken,
            "missing": base / "missing"}


@pytest.mark.parametrize("what", ["no duckdb", "empty", "missing", "broken duckdb"])
def test_without_duckdb(start, libraries, what, tmp_path, monkeypatch):
    """Said at start and to who asks, with the command that installs it; the service is there all the same."""
    away = tmp_path / "away/bin"  # the directory beside the programs is looked into as well
    away.mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy(BIN / f"qf-{program}", away)
    monkeypatch.setattr(conftest, "BIN", away)
    kit = start_without_answer(start, libraries[what])
    log = kit.log_text()
    assert re.search(r"qf-dispatch error: cluster duckdb: .*make deps", log), log
    with kit.connect("duckdb") as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1")
        assert e.value.sqlstate == "57P03" and "make deps" in str(e.value), e.value
        assert c.execute("show server_version").fetchone()
    assert kit.pid("dispatch") and "restarted" not in log


def start_without_answer(start, libdir):
    """`start` waits for an answer of DuckDB, which will not come."""
    original = Toolkit.answers
    Toolkit.answers = lambda self: True
    try:
        return start(CONFIG, env={"QF_LIBDIR": str(libdir)})
    finally:
        Toolkit.answers = original


def test_without_sqlglot(start, libraries):
    """Said at start with the command; statements in the engine's dialect run; others are refused with a hint."""
    kit = start(CONFIG, env={"QF_LIBDIR": str(libraries["no sqlglot"])})
    wait_until(lambda: re.search(r"qf-translate (error|warning): .*sqlglot.*make deps", kit.log_text()), 5)
    assert kit.query("select 6 * 7", dialect="duckdb") == [(42,)]
    with kit.connect() as c:
        begin = time.monotonic()
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1")
        assert time.monotonic() - begin < 3 * SLOW, "it was known at once"
        assert "sqlglot" in str(e.value) and e.value.sqlstate in ("0A000", "57P03", "58000"), (e.value.sqlstate, e.value)
        c.execute("set queryflux.dialect = 'duckdb'")
        assert c.execute("select 1").fetchone() == (1,)
    assert "restarted" not in kit.log_text()


def test_without_sqlglot_and_passthrough(start, libraries):
    """translation.onFailure: passthrough: sent as written, and the client is told."""
    kit = start(CONFIG + "translation: {{ onFailure: passthrough }}\n", env={"QF_LIBDIR": str(libraries["no sqlglot"])})
    with kit.connect() as c:
        notices = []
        c.add_notice_handler(lambda n: notices.append(n.message_primary))
        assert c.execute("select 7 as seven").fetchone() == (7,)
        assert any("sent as written" in n for n in notices), notices


def test_filter_without_sqlglot(libraries):
    done = subprocess.run([str(BIN / "qf-translate"), "--from", "trino", "--to", "duckdb"], input="select 1;\n", capture_output=True, text=True,
                          env={**os.environ, "QF_LIBDIR": str(libraries["no sqlglot"])}, timeout=30 * SLOW)
    assert done.returncode == 1 and "make deps" in done.stderr and "sqlglot" in done.stderr, (done.returncode, done.stderr)


def test_explain_without_libraries(libraries):
    """It needs none of them."""
    done = subprocess.run([str(BIN / "qf-route"), "--explain", "select 1"], capture_output=True, text=True, timeout=20 * SLOW,
                          env={**os.environ, "QF_LIBDIR": str(libraries["empty"])})
    assert done.returncode == 0 and "default" in done.stdout, done.stderr


# ---- databases that cannot be opened -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a directory", "no parent", "not a database", "initSql that fails"])
def test_database_that_cannot_be_opened(start, what):
    """It is said at start and to who asks, with the cluster's name; another group works."""
    path = {"a directory": "{dir}", "no parent": "{dir}/no/such/x.duckdb", "not a database": "{dir}/queryflux.yaml"}.get(what, "{dir}/x.duckdb")
    init = ', initSql: "selec 1"' if what == "initSql that fails" else ""
    kit = start(CONFIG.replace("regex: no statement of a test, targetGroup: default", "regex: bad, targetGroup: bad").replace(
        "clusterGroups:", f'  bad: {{{{ engine: duckDb, databasePath: "{path}"{init} }}}}\nclusterGroups:\n'
        "  bad: {{ maxRunningQueries: 1, members: [bad] }}"))
    assert "qf-dispatch error: cluster bad: " in kit.log_text()
    with kit.connect("duckdb") as c:
        with pytest.raises(psycopg.Error) as e:
            c.execute("select 1 as bad")
        assert e.value.sqlstate == "57P03" and "bad" in str(e.value)
        assert c.execute("select 2").fetchone() == (2,)
