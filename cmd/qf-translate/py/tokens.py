"""Tokens of SQL text, as far as a check before and after a translation needs them.

Not a parser: strings, comments, numbers, words and placeholders are told apart by each dialect's rules, so that
a placeholder inside a string is none and a comment mark inside a string opens nothing.
"""
import re

BACKSLASH = {"mysql", "starrocks", "bigquery", "spark", "hive", "databricks", "clickhouse", "snowflake"}
DOUBLE_IS_STRING = {"mysql", "starrocks", "bigquery", "spark", "hive", "databricks"}
BACKTICK = {"mysql", "starrocks", "bigquery", "spark", "hive", "databricks", "clickhouse", "sqlite"}
POSTGRES_LIKE = {"postgres", "duckdb", "redshift"}
DOLLAR_STRINGS = {"postgres", "duckdb", "redshift", "snowflake"}
QUESTION = {"duckdb", "trino", "presto", "athena", "mysql", "starrocks", "snowflake", "bigquery", "spark", "hive",
            "databricks", "sqlite", "clickhouse"}
NUMBERED = {"postgres", "duckdb", "redshift"}
NAMED = {"duckdb", "spark", "databricks", "snowflake", "sqlite", "oracle"}

_WORD = r"[^\W\d][\w$]*"
_PLAIN = r"'(?:[^']|'')*'"
_ESCAPED = r"'(?:[^'\\]|''|\\.)*'"


def _pattern(dialect):
    backslash = dialect in BACKSLASH
    alternatives = [("line", r"--[^\n]*" + (r"|\#[^\n]*" if dialect in ("mysql", "starrocks") else "")),
                    ("block", r"/\*")]
    if dialect in POSTGRES_LIKE:
        alternatives += [("estring", r"[eE]" + _ESCAPED), ("ustring", r"[uU]&" + _PLAIN),
                         ("uquoted", r'[uU]&"(?:[^"]|"")*"')]
    if dialect in DOLLAR_STRINGS:
        alternatives.append(("dollar", r"\$(?P<tag>(?:[^\W\d]\w*)?)\$(?s:.*?)\$(?P=tag)\$"))
    alternatives += [("bits", r"[bBxXnN]" + _PLAIN), ("string", _ESCAPED if backslash else _PLAIN)]
    if dialect in DOUBLE_IS_STRING:
        alternatives.append(("string2", r'"(?:[^"\\]|""|\\.)*"'))
    else:
        alternatives.append(("quoted", r'"(?:[^"]|"")*"'))
    if dialect in BACKTICK:
        alternatives.append(("quoted2", r"`(?:[^`]|``)*`"))
    alternatives.append(("number", r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"))
    alternatives += [("param", _params(dialect)), ("word", _WORD), ("semi", ";"), ("op", r"::|\|\||.")]
    return re.compile(r"\s*(?:%s)" % "|".join("(?P<%s>%s)" % a for a in alternatives), re.S)


def _params(dialect):
    kinds = []
    if dialect in NUMBERED:
        kinds.append(r"\$\d+")
    if dialect in QUESTION:
        kinds.append(r"\?\d*")
    if dialect in NAMED:
        kinds.append(r"(?<![:\w\]])[:$]" + _WORD)
    if dialect == "clickhouse":
        kinds.append(r"\{" + _WORD + r"\s*:\s*[^{}]*\}")
    return "|".join(kinds) or r"(?!)"


_patterns = {}
_KIND = {"line": "comment", "string2": "string", "quoted2": "quoted"}


class Unterminated(ValueError):
    """A string, quoted name or comment without an end; .at is where it opens."""

    def __init__(self, at):
        super().__init__("the text ends inside a string, a quoted name or a comment")
        self.at = at


def _block_end(sql, at, nested):
    depth, i = 1, at + 2
    while depth:
        close = sql.find("*/", i)
        if close < 0:
            raise Unterminated(at)
        inner = sql.find("/*", i) if nested else -1
        if 0 <= inner < close:
            depth, i = depth + 1, inner + 2
        else:
            depth, i = depth - 1, close + 2
    return i


def lex(sql, dialect):
    """A list of (kind, text, offset) without white space."""
    pattern = _patterns.get(dialect)
    if pattern is None:
        pattern = _patterns[dialect] = _pattern(dialect)
    nested = dialect in POSTGRES_LIKE
    out, at, n = [], 0, len(sql.rstrip())
    match, kinds = pattern.match, _KIND
    while at < n:
        m = match(sql, at)
        kind, end = m.lastgroup, m.end()
        if kind == "tag":
            kind = "dollar"
        start = m.start(kind)
        if kind == "block":
            end = _block_end(sql, start, nested)
            kind = "comment"
        elif kind == "op" and sql[start] in "'\"`":
            raise Unterminated(start)
        out.append((kinds.get(kind, kind), sql[start:end], start))
        at = end
    return out


STRINGS = ("string", "estring", "ustring", "dollar")


def placeholders(tokens):
    return [t[1] for t in tokens if t[0] == "param"]


def comment_core(text):
    """What a comment says, without its marks, with white space folded."""
    if text.startswith("/*"):
        text = text[2:-2]
    elif text.startswith("--"):
        text = text[2:]
    elif text.startswith("#"):
        text = text[1:]
    return " ".join(text.split())


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|''", re.S)


def _unescape(m):
    octal, hexa, u4, u8, other = m.groups()
    if octal is not None or hexa is not None:
        code = int(octal, 8) if octal is not None else int(hexa, 16)
        if not 0 < code < 128:
            raise ValueError("an escape of a byte that is not ASCII")
        return chr(code)
    if u4 or u8:
        code = int(u4 or u8, 16)
        if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000:
            raise ValueError("an escape of an invalid character")
        return chr(code)
    return "'" if other is None else _ESCAPES.get(other, other)


_UNICODE = re.compile(r"\\(?:([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|(\\)|(.?))", re.S)


def _unicode(m):
    if m.group(4) is not None:
        raise ValueError("an invalid escape")
    return m.group(3) or chr(int(m.group(1) or m.group(2), 16))


def string_value(kind, text):
    """The value of a PostgreSQL string token; ValueError when this cannot be told exactly."""
    if kind == "string":
        return text[1:-1].replace("''", "'")
    if kind == "estring":
        return _ESCAPE.sub(_unescape, text[2:-1])
    if kind == "dollar":
        mark = text.index("$", 1) + 1
        return text[mark:-mark]
    body = _UNICODE.sub(_unicode, text[3:-1].replace("''", "'"))
    if any(0xD800 <= ord(c) < 0xE000 for c in body) or "\0" in body:
        raise ValueError("an escape of an invalid character")
    return body


def quote(value):
    return "'" + value.replace("'", "''") + "'"
