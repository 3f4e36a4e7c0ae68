#!/usr/bin/python3.11
"""Includes point one way (README, Layout): each module may include only the modules that its line names.

Checks every #include "..." of lib/ and include/qf/: a public header belongs to one module, a private one is included
from its own directory only, and a module that is pure includes no header of the operating system's sockets and loops.
Programs in cmd/ include public headers and their own. Exit status 1 with a line for each breach.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
TOP = TOP if TOP.is_dir() else TOP.parent.parent.parent

MAY_INCLUDE = {
    "core": "",
    "loop": "core",
    "sql": "core",
    "types": "core",
    "ring": "core",
    "proto": "core",
    "conf": "core sql",
    "worker": "core loop",
    "bus": "core loop conf sql",
    "svc": "core loop conf sql bus ring",
    "engine": "core loop conf sql proto types",
    "frontend": "core loop conf sql proto types engine",
}
PURE = {"core", "sql", "proto", "ring", "types"}
IMPURE = re.compile(r"^(zmq|poll|netdb|sys/(socket|epoll|un|timerfd|signalfd|eventfd)|netinet/.*|arpa/.*)\.h$")
# public headers that are not named after their module
OWNER = {"msg": "bus", "regex": "conf"} | dict.fromkeys("arena buf clock err list log lru map str".split(), "core")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def owner(header):
    name = pathlib.PurePath(header).parts[1].removesuffix(".h")
    return OWNER.get(name, name if name in MAY_INCLUDE else None)


def module_of(path):
    parts = path.relative_to(TOP).parts
    if parts[0] == "lib":
        return parts[1]
    return owner("/".join(parts[1:])) if parts[0] == "include" else None


def breaches(path, text):
    module = module_of(path)
    if path.relative_to(TOP).parts[0] != "cmd" and module not in MAY_INCLUDE:
        yield "no module of this name: give it a line in tests/lint/includes.py"
        return
    allowed = {module, *MAY_INCLUDE[module].split()} if module else set(MAY_INCLUDE)
    for quote, name in INCLUDE.findall(text):
        if quote == "<":
            if module in PURE and IMPURE.match(name):
                yield f"<{name}>: lib/{module} is pure, without sockets or loop"
        elif name.startswith("qf/"):
            if (target := owner(name)) not in allowed:
                yield f'"{name}": {module} may not include {target or "a header of no known module"}'
        elif "/" in name and not name.startswith(("nanoarrow/", "flatcc/")):
            yield f'"{name}": a private header is included from its own directory only'
        elif "/" not in name and not (path.parent / name).exists() and name != "duckdb.h":
            yield f'"{name}": not in this directory; public headers are "qf/..."'


def main():
    found = 0
    files = [p for top in ("include", "lib", "cmd") for p in (TOP / top).rglob("*.[ch]")]
    for path in sorted(files):
        for breach in breaches(path, path.read_text()):
            print(f"{path.relative_to(TOP)}: {breach}")
            found += 1
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
