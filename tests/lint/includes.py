#!/usr/bin/python3.11
"""Includes point one way (README, Layout): each module may include only the modules that its line names.

Checks every #include "..." of include/, lib/ and cmd/: a public header belongs to one module, a private one is included
from its own module or program only, and a module that is pure includes no header of the operating system's sockets and
loops. Programs in cmd/ include public headers and their own. Exit status 1 with a line for each breach.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

MAY_INCLUDE = {
    "core": "",
    "loop": "core",
    "sql": "core",
    "types": "core",
    "ring": "core",
    "proto": "core sql",
    "conf": "core sql",
    "auth": "core conf sql",
    "tls": "core conf sql",
    "http": "core loop tls",
    "worker": "core loop",
    "bus": "core loop conf sql",
    "svc": "core loop conf sql bus ring",
    "engine": "core loop conf sql proto types auth",
    "frontend": "core loop conf sql proto types engine http tls auth",
}
PURE = {"core", "sql", "proto", "ring", "types"}
IMPURE = re.compile(r"^(zmq|poll|netdb|sys/(socket|epoll|un|timerfd|signalfd|eventfd)|netinet/.*)\.h$")
# public headers that are not named after their module
OWNER = {"accept": "loop", "msg": "bus", "pgstmt": "sql", "copydata": "proto", "regex": "conf", "columns": "conf"} | dict.fromkeys("arena bind buf clock err list log lru map net secret str".split(), "core")
THIRD_PARTY = ("nanoarrow/", "flatcc/", "duckdb.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def owner(header):
    name = pathlib.PurePath(header).parts[1].removesuffix(".h")
    return OWNER.get(name, name if name in MAY_INCLUDE else None)


def module_of(path):
    parts = path.relative_to(TOP).parts
    if parts[0] == "include":
        return owner("/".join(parts[1:]))
    return parts[1] if parts[0] == "lib" else "/".join(parts[:2])


def breaches(path, text):
    module = module_of(path)
    is_program = str(module).startswith("cmd/")
    if module not in MAY_INCLUDE and not is_program:
        yield "no module of this name: give it a line in tests/lint/includes.py"
        return
    allowed = set(MAY_INCLUDE) if is_program else {module, *MAY_INCLUDE[module].split()}
    for quote, name in INCLUDE.findall(text):
        private = (path.parent / name).resolve()
        if quote == "<" and module in PURE and IMPURE.match(name):
            yield f"<{name}>: lib/{module} is pure, without sockets or loop"
        elif quote == "<" or name.startswith(THIRD_PARTY):
            continue
        elif name.startswith("qf/"):
            if (target := owner(name)) not in allowed:
                yield f'"{name}": {module} may not include {target or "a header of no known module"}'
        elif not private.exists():
            yield f'"{name}": no private header of {module}; public headers are "qf/..."'
        elif module_of(private) != module:
            yield f'"{name}": {module} may not include a private header of {module_of(private)}'


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
