"""Completions as they are typed: in a real bash with the package bash-completion, in a real zsh with compinit."""
import os
import pathlib
import pty
import select
import subprocess
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from conftest import BIN, SLOW, TOP, wait_until

PROGRAMS = ("qf-listen", "qf-route", "qf-dispatch", "qf-translate", "qf-admin")
CONFIG = """
clusters:
  lake-house: { engine: duckDb }
  ware-house: { engine: duckDb }
clusterGroups:
  big: { maxRunningQueries: 8, members: [lake-house] }
  small: { maxRunningQueries: 8, members: [ware-house] }
routingFallback: small
"""


def table(program, option, *more):
    done = subprocess.run([BIN / program, option, *more], capture_output=True, text=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


OPTIONS = {p: {row[0] for row in table(p, "--dump-options")} for p in PROGRAMS}
COMMANDS = {row[0] for row in table("qf-admin", "--dump-commands")}
DIALECTS = {row[0] for row in table("qf-translate", "--list-dialects")}


def installed(directory):
    """As `make install` leaves them, found by XDG_DATA_DIRS and fpath; an environment."""
    bash = directory / "share/bash-completion/completions"
    bash.mkdir(parents=True)
    for program in PROGRAMS:
        (bash / program).symlink_to(TOP / "completions/queryflux.bash")
    (directory / "home").mkdir()
    (directory / "some file.sql").touch()
    (directory / "same.yaml").write_text(CONFIG)
    return {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(directory / "home"), "TERM": "dumb", "LC_ALL": "C.UTF-8",
            "XDG_DATA_DIRS": f"{directory / 'share'}:/usr/share"}


class Shell:
    """An interactive shell on a terminal of its own. type() sends keys; `ready` is a file that it writes."""

    def __init__(self, argv, env, directory, rc):
        self.dir = directory
        self.out = directory / "out"
        child, self.fd = pty.fork()
        if child == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, env)
        self.child = child
        self.seen = b""
        self.type(f". {rc}; echo up > {self.out}\r")
        self.answer()

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def answer(self):
        """What the shell has written to the file, which is then gone."""
        def there():
            while select.select([self.fd], [], [], 0)[0]:
                self.seen += os.read(self.fd, 65536)
            return self.out.exists() and self.out.read_text().endswith("\n")

        try:
            wait_until(there, 20)
        except AssertionError:
            raise AssertionError(self.seen[-2000:]) from None
        text = self.out.read_text()
        self.out.unlink()
        return text.rstrip("\n")

    def complete(self, line):
        """The line after Tab."""
        self.type(line + "\t\x18l")
        return self.answer()

    def end(self):
        os.close(self.fd)
        os.waitpid(self.child, 0)


BASH_RC = """
. /usr/share/bash-completion/bash_completion
show() { printf '%s\\n' "$READLINE_LINE" > out; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-xl": show'
"""

# What bash would offer for a line: the words as readline cuts them, the function as bash-completion loads it.
BASH_OFFERS = """
. /usr/share/bash-completion/bash_completion
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=63 COMP_WORDS=()
words=${1//=/ = }
read -ra COMP_WORDS <<<"$words"
[[ $1 == *' ' || $1 == *= ]] && COMP_WORDS+=('')
[[ $1 == *= ]] && unset 'COMP_WORDS[-1]'
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
_completion_loader "${COMP_WORDS[0]}"
spec=$(complete -p "${COMP_WORDS[0]##*/}") || exit
[[ $spec =~ -F\\ ([^ ]+) ]] || exit 1
"${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
for word in "${COMPREPLY[@]}"; do echo "$word"; done
"""

ZSH_RC = """
fpath=(@TOP@/completions $fpath)
autoload -Uz compinit && compinit -u -D
setopt no_beep no_auto_list
compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
		builtin compadd -O hits "$@"
		(( ! $#hits )) || print -rl -- $hits >> hits
	fi
	builtin compadd "$@"
}
show() { print -r -- "$BUFFER" > out; BUFFER= }
zle -N show
bindkey '^Xl' show
"""


def bash_offers(env, directory, line):
    done = subprocess.run(["bash", "--norc", "--noprofile", "-c", BASH_OFFERS, "-", line], env=env, cwd=directory, text=True,
                          capture_output=True, timeout=30 * SLOW)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return set(done.stdout.splitlines())


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bash")
    env = installed(directory)
    (directory / "rc").write_text(BASH_RC)
    shell = Shell(["bash", "--norc", "--noprofile", "-i"], env, directory, "./rc")
    shell.offers = lambda line: bash_offers(env, directory, line)
    yield shell
    shell.end()


def start_zsh(directory, **env):
    env = {**installed(directory), **env}
    (directory / "rc").write_text(ZSH_RC.replace("@TOP@", str(TOP)))
    shell = Shell(["zsh", "-f", "-i"], env, directory, "./rc")

    def offers(line):
        (directory / "hits").write_text("")
        shell.complete(line)
        return {hit.rstrip("=").replace("\\ ", " ") for hit in (directory / "hits").read_text().splitlines()}

    shell.offers = offers
    return shell


@pytest.fixture(scope="module")
def zsh(tmp_path_factory):
    shell = start_zsh(tmp_path_factory.mktemp("zsh"))
    yield shell
    shell.end()


@pytest.fixture(params=["bash", "zsh"])
def shell(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_is_offered(shell, program):
    assert shell.offers(f"{program} --") == OPTIONS[program]


def test_commands_are_offered(shell):
    assert shell.offers("qf-admin ") >= COMMANDS
    assert shell.offers("qf-admin s") == {c for c in COMMANDS if c.startswith("s")}
    assert shell.offers("qf-admin --port-offset 5 s") == {c for c in COMMANDS if c.startswith("s")}


def test_dialects_are_offered(shell):
    assert len(DIALECTS) == 17
    assert shell.offers("qf-translate --from ") == DIALECTS
    assert shell.offers("qf-translate --from trino --to ") == DIALECTS
    assert shell.offers("qf-translate --from=du") == {"duckdb"}
    assert shell.offers("qf-route --dialect du") == {"duckdb"}


def test_protocols_are_offered(shell):
    assert shell.offers("qf-route --protocol po") == shell.offers("qf-route -p po") == {"postgresWire", "postgres"}


def test_choices_are_offered(shell):
    assert shell.offers("qf-translate --format ") == shell.offers("qf-route --format ") == {"text", "json"}


def test_files_are_offered(shell):
    assert shell.offers("qf-translate --file so") == {"some file.sql"}
    assert shell.offers("qf-listen -c sa") == {"same.yaml"}
    assert shell.offers("qf-admin check-config sa") == {"same.yaml"}
    assert shell.offers("qf-admin status sa") == set()


@pytest.fixture
def commands(shell):
    """A qf-admin whose commands take a cluster and a group, as ./bin/qf-admin."""
    stub = shell.dir / "bin/qf-admin"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(f"""#!/bin/sh
for last; do :; done
case $last in
--dump-commands) printf 'drain\\tCLUSTER [GROUP]\\tx\\nmove\\tGROUP CLUSTER…\\ty\\n' ;;
*) exec {BIN}/qf-admin "$@" ;;
esac
""")
    stub.chmod(0o755)


CLUSTERS, GROUPS = {"lake-house", "ware-house"}, {"big", "small"}


@pytest.mark.parametrize("line, names", [("-c same.yaml drain ", CLUSTERS), ("--config same.yaml drain lake-house ", GROUPS),
                                         ("--config=same.yaml move ", GROUPS), ("-c same.yaml move big w", {"ware-house"}),
                                         ("-c same.yaml move --format text b", {"big"}), ("-c bad.yaml drain ", set())])
def test_names_of_the_configuration_are_offered(shell, commands, line, names):
    """Of the file that the line names; of one that is no good, nothing."""
    (shell.dir / "bad.yaml").write_text("clusters: [")
    assert shell.offers("./bin/qf-admin " + line) == names


def test_ids_of_queries_are_offered(start, tmp_path):
    """`qf-admin cancel` offers what runs now."""
    kit = start()
    env = {**installed(tmp_path / "shell"), "QF_RUNTIME_DIR": str(kit.run_dir)}
    with kit.connect("duckdb") as c, ThreadPoolExecutor() as pool:
        long = pool.submit(c.execute, "select count(*) from range(100000000000) a(i) where i % 7 = 3")

        def running():
            rows = kit.admin("queries").stdout.splitlines()
            return len(rows) == 2 and rows[1].split()[0]

        query = wait_until(running)
        assert bash_offers(env, tmp_path, "qf-admin cancel ") == {query}
        assert bash_offers(env, tmp_path, "qf-admin cancel x") == set()
        (tmp_path / "zsh").mkdir()
        zsh = start_zsh(tmp_path / "zsh", QF_RUNTIME_DIR=str(kit.run_dir))
        assert zsh.offers("qf-admin cancel ") == {query}
        zsh.end()
        assert kit.admin("cancel", query).returncode == 0
        with pytest.raises(psycopg.errors.QueryCanceled):
            long.result(20)


@pytest.mark.parametrize("typed, line", [
    ("qf-translate --from duc", "qf-translate --from duckdb "),
    ("qf-route --exp", "qf-route --explain "),
    ("qf-admin rel", "qf-admin reload "),
    ("qf-route -p postgresW", "qf-route -p postgresWire "),
    ("qf-translate --file so", "qf-translate --file some\\ file.sql "),
])
def test_as_it_is_typed(shell, typed, line):
    assert shell.complete(typed) == line
