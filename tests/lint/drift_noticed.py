#!/usr/bin/python3.11
"""drift.py finds what it is there to find: each kind of difference, put into a table only, is named by a line."""
import sys

import drift

REAL = drift.ask
OPTION = ["--brand-new", "b", "-", "something new"]


def add(program, option, row):
    """The table says one thing more, and so does --help, which is printed from it."""
    def ask(p, o):
        rows = REAL(p, o)
        if p == program and o == option:
            rows.append(row)
        if p == program and o == "--help" and option == "--dump-options":
            rows.append([f"  -{row[1]}, {row[0]}{'' if row[2] == '-' else ' ' + row[2]}      {row[3]}"])
        return rows
    return ask


def change(program, option, name, column, value):
    """One cell of the row of that name; None drops the row."""
    def ask(p, o):
        rows = REAL(p, o)
        if p == program and o == option:
            assert any(row[0] == name for row in rows), name
            if value is None:
                return [row for row in rows if row[0] != name]
            rows = [[*row[:column], value, *row[column + 1:]] if row[0] == name else row for row in rows]
        return rows
    return ask


CASES = [
    ("an option in a table only", add("qf-route", "--dump-options", OPTION),
     "qf-route: option --brand-new: in its table, not in qf-route.8"),
    ("an option that a table lost", change("qf-route", "--dump-options", "--user", 0, None),
     "qf-route: option --user: in qf-route.8, not in its table"),
    ("another letter", change("qf-translate", "--dump-options", "--verbose", 1, "V"),
     'qf-translate: option --verbose: its table has "V -", qf-translate.8 has "v -"'),
    ("another argument", change("qf-translate", "--dump-options", "--from", 2, "PROTOCOL"),
     'qf-translate: option --from: its table has "- PROTOCOL", qf-translate.8 has "- DIALECT"'),
    ("an argument that no completion knows", change("qf-route", "--dump-options", "--file", 2, "PLANET"),
     "qf-route: argument PLANET: completions/queryflux.bash does not know what it is"),
    ("--help says something else", change("qf-listen", "--dump-options", "--test", 3, "something else"),
     'qf-listen: option -t, --test: its table has "something else", --help has "check the configuration and exit"'),
    ("a command in the table only", add("qf-admin", "--dump-commands", ["brand-new", "-", "something new"]),
     "qf-admin: command brand-new: in its table, not in qf-admin.8"),
    ("a key in the tables only", add("qf-route", "--dump-config-keys", ["clusters.*.new", "text", "", "reload", "built", "x"]),
     "key clusters.*.new: in the tables of lib/conf, not in queryflux.yaml.5; tests/lint/drift.py --write adds it"),
    ("a key that the tables lost", change("qf-route", "--dump-config-keys", "routingFallback", 0, None),
     "key routingFallback: in queryflux.yaml.5, not in the tables of lib/conf"),
    ("another default", change("qf-route", "--dump-config-keys", "queryflux.ringTimeoutSecs", 2, "11"),
     "key queryflux.ringTimeoutSecs: queryflux.yaml.5 has"),
    ("another reload rule", change("qf-route", "--dump-config-keys", "queryflux.ringTimeoutSecs", 3, "restart"),
     "key queryflux.ringTimeoutSecs: queryflux.yaml.5 has"),
]


REAL_ENUM = drift.enum
REAL_METRICS = drift.metric_rows
MORE = [
    ("a metric in a table only", "metric_rows", lambda: [*REAL_METRICS(), ("queryflux_new", "gauge", "New.", [])],
     'metrics: ".It Cm queryflux_new": in the source, not in qf-admin.8'),
    ("a metric that a table lost", "metric_rows", lambda: REAL_METRICS()[1:],
     'metrics: ".It Cm queryflux_queries_total": in qf-admin.8, not in the source'),
    ("a field in msg.h only", "enum", lambda name, prefix: [*REAL_ENUM(name, prefix), (99, "BRANDNEW", "u8")],
     'fields: ".It 99 Ta brandnew Ta u8": in the source, not in qf-protocol.7'),
    ("a message in msg.h only", "enum", lambda name, prefix: [*REAL_ENUM(name, prefix), (99, "BRANDNEW", "")],
     "message BRANDNEW: in msg.h, not told in qf-protocol.7"),
]


def main():
    before = set(drift.differences())
    failed = 0
    cases = [(name, "ask", ask, line) for name, ask, line in CASES] + MORE
    for name, attribute, function, line in cases:
        real = getattr(drift, attribute)
        setattr(drift, attribute, function)
        found = set(drift.differences()) - before
        setattr(drift, attribute, real)
        if not any(f.startswith(line) for f in found):
            failed += 1
            print(f"{name}: not noticed; instead: {found or 'nothing'}")
    print(f"{len(cases) - failed} of {len(cases)} differences noticed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
