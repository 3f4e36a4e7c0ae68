#!/usr/bin/python3.11
"""What is written in two places says the same in both: the tables of the programs and their pages.

usage: tests/lint/drift.py [--write]

  options and commands    --dump-options, --dump-commands of each program = its --help = its page in man/
  configuration keys      qf-route --dump-config-keys = the entries of man/queryflux.yaml.5, word by word
  messages                the enums of include/qf/msg.h = the tables of man/qf-protocol.7
  metrics                 the tables of cmd/qf-admin = that of man/qf-admin.8
  values to complete      every argument that an option or command takes is known to both completion files

Prints one line for each difference; exit status 1 when there is one. --write brings the entries of queryflux.yaml.5 and
the tables of qf-protocol.7 and qf-admin.8 into line first: what is new goes behind its neighbour, what is gone is
dropped. Programs are those of $QF_BINDIR (build/bin).
"""
import os
import pathlib
import re
import subprocess
import sys
import textwrap

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("QF_BINDIR", TOP / "build/bin"))
PROGRAMS = sorted(p.name for p in (TOP / "cmd").iterdir() if p.is_dir())
PAGE_OF_KEYS = TOP / "man/queryflux.yaml.5"
# Arguments for which there is nothing to offer.
FREE_TEXT = {"-", "NAME", "NAME=VALUE", "NAME[=VALUE]", "N", "COMMAND"}


def ask(program, option):
    """The rows of a table, cells by tabs."""
    done = subprocess.run([BIN / program, option], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "QF_CONFIG": ""})
    if done.returncode != 0:
        raise SystemExit(f"{program} {option}: exit status {done.returncode}: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def compare(what, one_name, one, other_name, other):
    """Two mappings of names to what is said of them."""
    for name in sorted(one.keys() | other.keys()):
        if name not in other:
            yield f"{what} {name}: in {one_name}, not in {other_name}"
        elif name not in one:
            yield f"{what} {name}: in {other_name}, not in {one_name}"
        elif one[name] != other[name]:
            yield f"{what} {name}: {one_name} has \"{one[name]}\", {other_name} has \"{other[name]}\""


# ---- options and commands ----------------------------------------------------------------------------------------------


def plain(mdoc):
    """Text of an mdoc line without escapes and spacing macros: Ar name Ns = Ns Ar value → name=value."""
    text = re.sub(r"\\[&)]", "", mdoc).replace("\\-", "-")
    text = re.sub(r" Ns Op = Ns Ar (\w+)", r"[=\1]", text)
    text = re.sub(r" Ns (\S+) Ns Ar ", r"\1", text)
    return text


def page_options(text):
    """--name → (letter, argument in capitals or its choices) of each `.It Fl` entry."""
    found = {}
    for line in re.findall(r"^\.It (Fl .*)$", text, re.M):
        m = re.fullmatch(r"(?:Fl (\w) , )?Fl -([\w-]+)(?: (Ar|Cm) (.*))?", plain(line))
        if not m:
            found[line] = "an entry that cannot be read"
            continue
        letter, name, kind, arg = m.groups()
        arg = "-" if not kind else arg.replace(" ", "") if kind == "Cm" else arg.upper()
        found["--" + name] = f"{letter or '-'} {arg}"
    return found


def page_commands(text):
    """The entries below "Sh COMMANDS": `.It Ic name Ar argument`."""
    section = re.search(r"^\.Sh COMMANDS\n(.*?)(?=^\.Sh )", text, re.M | re.S)
    found = {}
    for line in re.findall(r"^\.It (?:Ic|Cm) (.*)$", section.group(1) if section else "", re.M):
        words = plain(line).replace("Op Ar ", "Ar ? ").replace("Op Fl -", "Fl ? --").split()
        found[words[0]] = " ".join(w.upper() for w in words[1:] if w not in ("Ar", "Fl", "Ns")) or "-"
    return found


def help_parts(program):
    text = "\n".join("\t".join(row) for row in ask(program, "--help"))
    parts = {"commands": {}, "options": {}}
    section = None
    for line in text.splitlines():
        if m := re.fullmatch(r"(\w+):", line):
            section = parts.get(m.group(1))
        elif section is not None and line.strip():
            left, _, about = line.strip().partition("  ")
            if not about:
                left, about = re.match(r"(\S+ \S+) (.*)", left).groups()
            section[left.strip()] = about.strip()
    return parts


def check_program(program):
    options = ask(program, "--dump-options")
    commands = ask(program, "--dump-commands")
    page_path = TOP / "man" / f"{program}.8"
    if not page_path.exists():
        yield f"{program}: there is no {page_path.relative_to(TOP)}"
        return
    page = page_path.read_text()
    table = {name: f"{letter} {arg if '|' in arg else arg.upper()}" for name, letter, arg, _ in options}
    yield from compare(f"{program}: option", "its table", table, page_path.name, page_options(page))
    said = {f"{letter}, {name} {arg}".replace(" -, ", "").removeprefix("-, ").removesuffix(" -"): about
            for name, letter, arg, about in ((n, "-" + le if le != "-" else "-", a, h) for n, le, a, h in options)}
    parts = help_parts(program)
    yield from compare(f"{program}: option", "its table", said, "--help", parts["options"])
    said = {f"{name} {args}".removesuffix(" -"): about for name, args, about in commands}
    yield from compare(f"{program}: command", "its table", said, "--help", parts["commands"])
    arguments = {name: shape(args) for name, args, _ in commands}
    yield from compare(f"{program}: command", "its table", arguments, page_path.name,
                       {name: shape(args) for name, args in page_commands(page).items()})


def shape(args):
    """The words of an argument list, whatever its brackets and case."""
    return " ".join(re.findall(r"[\w-]+", args.upper())) or "-"


# ---- configuration keys ------------------------------------------------------------------------------------------------


def sentence(text):
    first = re.match(r"[\w-]*", text).group()
    return (text[0].upper() + text[1:] if first.islower() else text).rstrip(".") + "."


def key_entry(path, kind, default, reload, state, about):
    lines = [sentence(about)]
    if " | " in kind:
        names = kind.replace(" | ", ", ")
        lines.append(f"One of {names}." if " | " in kind.split(";")[0] else sentence(names))
    elif kind != "any":
        lines.append(sentence(kind))
    if default:
        lines.append(f"Default: {default}.")
    if state == "required":
        lines.append("Required.")
    if state == "known":
        lines.append("Not built yet: without effect, with a warning.")
    elif state == "refused":
        lines.append("Not built yet: refused.")
    elif reload == "restart":
        lines.append("Takes effect when its program is restarted.")
    out = [f".It Ic {path}"]
    for line in lines:
        for piece in textwrap.wrap(line.replace("\\", "\\e"), 79, break_on_hyphens=False):
            out.append("\\&" + piece if piece[0] in ".'" else piece)
    return "\n".join(out) + "\n"


ENTRY = re.compile(r"^\.It Ic (\S+)\n(?:(?!\.(?:It|El|Ss|Sh|Pp|Bl)\b).*\n)*", re.M)


def page_keys(page):
    return {m.group(1): m.group(0) for m in ENTRY.finditer(page)}


def flat(entry):
    return re.sub(r"\s+", " ", entry.replace("\\&", "")).strip()


def check_keys():
    page = page_keys(PAGE_OF_KEYS.read_text())
    table = {row[0]: key_entry(*row) for row in keys()}
    for path, entry in table.items():
        if path not in page:
            yield f"key {path}: in the tables of lib/conf, not in {PAGE_OF_KEYS.name}; tests/lint/drift.py --write adds it"
        elif flat(page[path]) != flat(entry):
            yield f"key {path}: {PAGE_OF_KEYS.name} has \"{flat(page[path])}\", the tables \"{flat(entry)}\""
    for path in page.keys() - table.keys():
        yield f"key {path}: in {PAGE_OF_KEYS.name}, not in the tables of lib/conf"


def write_keys():
    page = PAGE_OF_KEYS.read_text()
    table = {row[0]: key_entry(*row) for row in keys()}
    page = ENTRY.sub(lambda m: table.get(m.group(1), ""), page)
    before = None
    for path, entry in table.items():
        if path not in page_keys(page):
            page = page.replace(table[before], table[before] + entry, 1)
        before = path
    PAGE_OF_KEYS.write_text(page)


# ---- tables that are written into a page -------------------------------------------------------------------------------

MESSAGES = TOP / "include/qf/msg.h"


def enum(name, prefix):
    """(number, name, comment) of each entry but the last, N, which counts them."""
    body = re.search(rf"^enum {name} \{{\n(.*?)^\}};", MESSAGES.read_text(), re.M | re.S).group(1)
    entries = re.findall(rf"^\t{prefix}(\w+)(?: = 1)?,?[ \t]*(?:/\* (.*?) \*/)?$", body, re.M)
    return [(number, entry, about) for number, (entry, about) in enumerate(entries, 1) if entry != "N"]


def kinds():
    return textwrap.wrap(", ".join(f"{number} {entry}" for number, entry, _ in enum("qf_kind", "QF_MSG_")) + ".", 79)


def fields():
    rows = [f".It {number} Ta {entry.lower()} Ta {about}" for number, entry, about in enum("qf_field", "QF_F_")]
    return ['.Bl -column "99" "slot_idle_ns"', ".It Em tag Ta Em name Ta Em value", *rows, ".El"]


def metric_rows():
    """(name, kind, help, labels) of each `struct metric_def`."""
    text = "".join(path.read_text() for path in sorted((TOP / "cmd/qf-admin").glob("*.c")))
    found = re.findall(r'\{\s*"(queryflux_\w+)",\s*METRIC_(\w+),\s*((?:"[^"]*"\s*)+),\s*\{([^}]*)\}\s*\}', text)
    return [(name, kind.lower(), "".join(re.findall(r'"([^"]*)"', about)), re.findall(r'"(\w+)"', labels))
            for name, kind, about, labels in found]


def metrics():
    lines = [".Bl -tag -width Ds"]
    for name, kind, about, labels in metric_rows():
        sentences = re.split(r"(?<=\.) (?=[a-zA-Z])", sentence(about))
        sentences.append(sentence(kind + (" by " + ", ".join(labels) if labels else "")))
        lines += [f".It Cm {name}", *(piece for one in sentences for piece in textwrap.wrap(one, 79))]
    return [*lines, ".El"]


WRITTEN = {"kinds": ("qf-protocol.7", kinds), "fields": ("qf-protocol.7", fields), "metrics": ("qf-admin.8", metrics)}


def page_table(name):
    """What stands between the marks in the page; None without them."""
    path = TOP / "man" / WRITTEN[name][0]
    m = re.search(rf'^\.\\" {name}: written by tests/lint/drift.py --write\n(.*?)^\.\\" end$', path.read_text(), re.M | re.S) \
        if path.exists() else None
    return m and m.group(1)


def check_tables():
    for name, (page, table) in WRITTEN.items():
        old = page_table(name)
        if old is None:
            yield f'{page}: the marks .\\" {name}: written by tests/lint/drift.py --write and .\\" end are missing'
            continue
        for line in sorted(set(table()) ^ set(old.splitlines())):
            where = f"in the source, not in {page}" if line in table() else f"in {page}, not in the source"
            yield f"{name}: \"{line}\": {where}; tests/lint/drift.py --write brings them together"
    told = set(re.findall(r"[A-Z]{3,}", " ".join(re.findall(r"^\.It Sy (.*)$", (TOP / "man/qf-protocol.7").read_text(), re.M))))
    for _, kind, _ in enum("qf_kind", "QF_MSG_"):
        if kind not in told:
            yield f"message {kind}: in msg.h, not told in qf-protocol.7"


def write_tables():
    for name, (page, table) in WRITTEN.items():
        path, old = TOP / "man" / page, page_table(name)
        if old is not None:
            mark = f'.\\" {name}: written by tests/lint/drift.py --write\n'
            path.write_text(path.read_text().replace(mark + old, mark + "".join(line + "\n" for line in table())))


# ---- pages that a page names -------------------------------------------------------------------------------------------


def check_references():
    there = {path.name for path in (TOP / "man").iterdir()}
    for path in sorted((TOP / "man").iterdir()):
        for name, section in sorted(set(re.findall(r"^\.Xr ((?:qf-|queryflux)[\w.-]*) (\d)", path.read_text(), re.M))):
            if f"{name}.{section}" not in there:
                yield f"{path.name} names {name}({section}), which is not in man/"


# ---- completions -------------------------------------------------------------------------------------------------------


def check_completions():
    known = {path: set(re.findall(r"^\s*([A-Z][A-Z|]*)\)", path.read_text(), re.M))
             for path in (TOP / "completions/queryflux.bash", TOP / "completions/_queryflux")}
    for program in PROGRAMS:
        arguments = {arg for _, _, arg, _ in ask(program, "--dump-options")}
        arguments |= {re.sub(r"[\[\].…]", "", word) for _, args, _ in ask(program, "--dump-commands") for word in args.split()}
        for arg in sorted(arguments - FREE_TEXT):
            if "|" in arg or not arg or arg.startswith("-"):
                continue
            for path, names in known.items():
                if not any(arg in n.split("|") for n in names):
                    yield f"{program}: argument {arg}: {path.relative_to(TOP)} does not know what it is"


def keys():
    return ask("qf-route", "--dump-config-keys")


def differences():
    return [*(line for program in PROGRAMS for line in check_program(program)), *check_keys(),
            *check_tables(), *check_references(), *check_completions()]


def main():
    if sys.argv[1:] == ["--write"]:
        write_keys()
        write_tables()
    elif sys.argv[1:]:
        raise SystemExit(__doc__)
    found = differences()
    print("\n".join(found) or f"no difference in {len(PROGRAMS)} programs and {len(keys())} keys")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
