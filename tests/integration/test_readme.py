"""The tour of the README, run as it stands there."""
import os
import re
import subprocess

import pytest

from conftest import BIN, SLOW, TOP

README = (TOP / "README.md").read_text()
# The log, what is said of ports that somebody else has, and of there being no terminal here.
LOG = re.compile(r"^qf-\w+ +\| |^\w+: port \d+ is busy, |.*org\.jline|^WARNING: Unable to create a system terminal")


def tour():
    """(command, the lines below it) of each `$` line."""
    section = README.split("\n## A short tour\n")[1].split("\n## ")[0]
    steps = []
    for line in section.splitlines():
        if line.startswith("    $ "):
            steps.append((line[6:], []))
        elif line.startswith("    ") and steps:
            steps[-1][1].append(line[4:])
    return steps


@pytest.mark.parametrize("command, lines", tour(), ids=lambda v: v[-40:] if isinstance(v, str) else "")
def test_the_tour(tmp_path_factory, command, lines):
    state = tmp_path_factory.getbasetemp() / "tour"  # one after the other, as a reader goes
    state.mkdir(exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QF_", "PG"))}
    env.update(QF_STATE_DIR=str(state), LC_ALL="C.UTF-8")
    done = subprocess.run(["bash", "-c", command.replace("build/bin/", f"{BIN}/")], cwd=TOP, env=env, text=True,
                          timeout=60 * SLOW, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = [line.rstrip() for line in done.stdout.splitlines() if not LOG.match(line)]
    while said and not said[-1]:
        said.pop()
    assert said == lines


def test_the_tour_is_there():
    assert len(tour()) >= 6


def test_paths_and_targets_exist():
    for path in re.findall(r"`((?:cmd|include|lib|tests|man|completions|systemd|\.ci)/?[\w./-]*)`", README):
        assert (TOP / path).exists(), path
    makefile = (TOP / "Makefile").read_text()
    for target in re.findall(r"(?:`|^    )make ([a-z][a-z_-]*)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M) or target.startswith("test_"), target


def test_the_example_of_the_configuration_page(tmp_path):
    page = (TOP / "man/queryflux.yaml.5").read_text()
    example = page.split(".Sh EXAMPLES\n.Bd -literal\n")[1].split(".Ed")[0].replace("\\e", "\\")
    config = tmp_path / "queryflux.yaml"
    config.write_text(example)
    for program in ("qf-admin", "qf-listen", "qf-route", "qf-dispatch", "qf-translate"):
        done = subprocess.run([BIN / program, "-t", "-c", config], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    done = subprocess.run([BIN / "qf-route", "-c", config, "--explain", "drop table t"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 3 and "DROP is not allowed here" in done.stdout
