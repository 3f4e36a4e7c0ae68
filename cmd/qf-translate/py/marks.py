"""Placeholders of the pairs that sqlglot translates: names while it parses, so that none is lost, moved or misread.

? is counted from the left and $1 keeps its number. The target gets numbers where it knows them, else ? in order.
"""
import re

from sqlglot import exp

from qf_tokens import NUMBERED, QUESTION

NAME = "qfz_mark_"
_MARK = re.compile(r"[@$:]?[\"`]?" + NAME + r"(\d+)[\"`]?")
# What a declared type is called in sqlglot.
TYPES = {16: "boolean", 17: "varbinary", 20: "bigint", 21: "smallint", 23: "int", 25: "text", 700: "float", 701: "double", 1043: "text",
         1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 2950: "uuid"}
CASTS = {"postgres", "duckdb", "trino", "athena", "presto"}  # these take a parameter for what the cast says


class Misplaced(ValueError):
    """The target cannot bind them as the source does."""


def mark(body, tokens):
    """(text with names, [mark as it was written])"""
    parts, marks, at, count = [], [], 0, 0
    for kind, text, start in tokens:
        if kind != "param":
            continue
        if text == "?":
            count += 1
        elif not text[1:].isdigit():
            raise Misplaced("the placeholder %s has a name, which has no translation" % text)
        elif text[0] == "?":
            raise Misplaced("the placeholder %s has no translation" % text)
        parts += [body[at:start], NAME + (str(count) if text == "?" else text[1:])]
        marks.append(text)
        at = start + len(text)
    if "?" in marks and any(m != "?" for m in marks):
        raise Misplaced("placeholders with and without a number in one statement")
    return "".join(parts) + body[at:], marks


def typed(tree, oids, target):
    """The names become parameters, with the types that the client has declared."""
    for col in list(tree.find_all(exp.Column)):
        if not col.name.startswith(NAME):
            continue
        n = int(col.name[len(NAME):])
        name = TYPES.get(oids[n - 1]) if n <= len(oids) else None
        node = exp.Parameter(this=exp.Var(this=col.name))
        if name:
            node.type = exp.DataType.build(name)
        col.replace(exp.cast(node, name) if name and target in CASTS and not isinstance(col.parent, exp.Cast) else node)


def unmark(out, marks, target):
    if not marks:
        return out
    found = [int(n) for n in _MARK.findall(out)]
    wanted = list(range(1, len(marks) + 1)) if marks[0] == "?" else [int(m[1:]) for m in marks]
    if set(found) != set(wanted):
        raise Misplaced("the placeholders %s would become %s" % (", ".join(marks), ", ".join("$%d" % n for n in found) or "(none)"))
    in_order = found == list(range(1, len(found) + 1))
    if target in NUMBERED and not (marks[0] == "?" and in_order and target in QUESTION):
        return _MARK.sub(r"$\1", out)
    if target not in QUESTION:
        raise Misplaced("%s has no placeholder ?" % target)
    if not in_order:
        raise Misplaced("the placeholders would be bound in another order, or one more than once, and %s has only ?" % target)
    return _MARK.sub("?", out)
