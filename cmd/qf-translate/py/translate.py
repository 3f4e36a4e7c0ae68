"""One statement from one dialect to another, and everything that speaks against it.

translate() returns an Answer: text, warnings (what sqlglot says it drops), doubts (what may mean something else), or an
error when there is no text that could be faithful. With guard, types that nobody has told are checked by the translated
statement itself where they matter (postgres to duckdb).
"""
import logging
import re

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError, UnsupportedError

from qf_columns import TRINOS, annotate, names_absent, output_names
from qf_pairs import check_tree
from qf_pgcatalog import Unseen, catalog_table, translate_catalog
from qf_pgcatwords import catalog_text
from qf_marks import Misplaced, mark, typed, unmark
from qf_pgparams import Params, kept
from qf_pgprepare import Refused, parameters, prepare, says_unknown, survey
from qf_pgstatement import Writer
from qf_tokens import STRINGS, Unterminated, comment_core, lex, placeholders, string_value
from qf_trinoddl import mark_moments
from qf_trinolits import names_bare_decimal
import qf_trinoshow as showduck
import qf_trinoshowpg as showpg
from qf_trinoshow import NoShow, trino_show

MAX_DEPTH = 400     # of the tree; long AND, OR and operator chains lean to one side and are counted apart
MAX_CHAIN = 20000

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Failure(Exception):
    def __init__(self, text, hint="", at=None, place=None, state=""):
        super().__init__(text)
        self.text, self.hint, self.at, self.place, self.state = text, hint, at, place, state


class Answer:
    def __init__(self):
        self.sql, self.warnings, self.doubts = "", [], []
        self.rewritten = ()  # literals that have another text now
        self.error, self.hint, self.line, self.column, self.position = "", "", 0, 0, 0
        self.state = ""     # SQLSTATE of an error that the source's own engine would give; "": told from the rest


class _Capture(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


_capture = _Capture()
_logger = logging.getLogger("sqlglot")
_logger.handlers = [_capture]
_logger.propagate = False

STATEMENTS = (exp.Query, exp.Values, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter,
              exp.TruncateTable, exp.Comment, exp.Transaction, exp.Commit, exp.Rollback)
SESSION = {"set", "show", "use", "reset", "prepare", "execute", "deallocate", "explain", "describe", "desc", "declare", "fetch",
           "close", "call", "discard", "listen", "notify", "unlisten", "analyze", "vacuum", "pragma", "kill", "lock", "unlock",
           "grant", "revoke", "copy", "load", "install", "attach", "detach", "do", "checkpoint", "summarize", "savepoint", "release"}


def translate(sql, source, target, schema, guard=False, oids=()):
    """oids: PostgreSQL's numbers of the types that the client declared of its parameters, 0 for those that it did not."""
    a = Answer()
    _capture.texts = []
    try:
        _translate(a, sql, source, target, schema, guard, oids)
    except Failure as f:
        a.sql, a.error, a.hint, a.state = "", f.text, f.hint, f.state
        place(a, sql, f)
    except RecursionError:
        a.sql, a.error = "", "the statement is nested too deep"
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, SqlglotError) as err:
        # sqlglot's own faults come as any of these; this text then has no translation
        a.sql, a.error = "", "the translator failed on this statement: %s: %s" % (type(err).__name__, clean(str(err)))
    return a


def place(a, sql, f):
    if f.at is not None:
        a.line = sql.count("\n", 0, f.at) + 1
        a.column = f.at - (sql.rfind("\n", 0, f.at) + 1) + 1
        a.position = f.at + 1
    elif f.place:
        a.line, a.column = f.place
        lines = sql.split("\n")
        a.position = sum(len(x) + 1 for x in lines[:a.line - 1]) + a.column if 0 < a.line <= len(lines) else 0


def clean(text):
    return " ".join(_ANSI.sub("", text).split())[:300]


def _translate(a, sql, source, target, schema, guard, oids):
    try:
        tokens = lex(sql, source)
    except Unterminated as err:
        raise Failure(str(err), at=err.at) from None
    words = [t for t in tokens if t[0] != "comment"]
    if not words:
        raise Failure("there is no statement, only comments")
    check_comments(source, tokens)
    first = words[0][1].lower()
    shown = show(source, target, words)
    if shown is not None:
        a.sql = leading_comments(sql, tokens) + lost_comments(tokens, []) + shown
        return
    if first in SESSION:
        raise Failure("%s is a statement about the session or the server, which has no translation" % first.upper(),
                      "write it in the dialect of the engine (setting queryflux.dialect)", at=words[0][2])
    # The comments before the statement are put back as they were; the rest keeps its places.
    begin = words[0][2]
    body = re.sub(r"[^\n]", " ", sql[:begin]) + sql[begin:]
    exact = source == "postgres" and target == "duckdb"
    if exact:
        out = postgres_to_duckdb(a, body, [t for t in tokens if t[2] >= begin], schema, guard, oids)
    else:
        out = by_sqlglot(a, body, tokens, source, target, schema, oids)
        check_lost(a, tokens, out, source)
    a.warnings += [clean(t) for t in dict.fromkeys(_capture.texts)]
    finish(a, sql, out, source, target, tokens, exact)


def show(source, target, words):
    by = {"duckdb": showduck, "postgres": showpg}.get(target)
    if source not in TRINOS or by is None:
        return None
    try:
        return trino_show(words, by.SHOWS, by.describe)
    except NoShow as err:
        raise Failure(str(err), at=err.at) from None


def check_comments(source, tokens):
    for kind, text, at in tokens:
        if kind != "comment":
            continue
        if text.startswith("/*!") and source in ("mysql", "starrocks"):
            raise Failure("a comment that mysql executes has no translation", at=at)
        if text.startswith("/*+") and source not in ("postgres", "duckdb"):
            raise Failure("the hint %s has no translation" % text, at=at)


def parse(text, source, back):
    try:
        trees = sqlglot.parse(text, read=source, error_level=ErrorLevel.IMMEDIATE)
    except ParseError as err:
        e = err.errors[0] if err.errors else {}
        what = clean(e.get("description") or str(err)).rstrip(".")
        near = clean(e.get("highlight") or "")
        where = offset(text, e.get("line"), e.get("col"), near)
        raise Failure("syntax not understood: %s%s" % (what, ' near "%s"' % near if near else ""), at=back(where)) from None
    except TokenError as err:
        raise Failure("the text cannot be split into words: %s" % clean(str(err))) from None
    trees = [t for t in trees if t is not None and not isinstance(t, exp.Semicolon)]
    if len(trees) != 1:
        raise Failure("one statement was expected, not %d" % len(trees))
    return trees[0]


def offset(text, line, col, word):
    """sqlglot's column is that of the last character of the token."""
    if not line or not col:
        return 0
    lines = text.split("\n")
    start = sum(len(x) + 1 for x in lines[:line - 1]) + col - max(1, len(word))
    return max(0, min(start, len(text)))


def check_root(tree, text):
    if isinstance(tree, exp.Command):
        raise Failure("%s is not understood" % tree.name.upper(), "write it in the dialect of the engine (setting queryflux.dialect)")
    if not isinstance(tree, STATEMENTS):
        word = text.split()[0] if text.split() else ""
        raise Failure('"%s" does not begin a statement of this dialect' % word, at=len(text) - len(text.lstrip()))


def check_depth(tree):
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        for child in node.iter_expressions():
            chained = type(child) is type(node) and isinstance(node, (exp.Connector, exp.Add, exp.DPipe, exp.Union))
            stack.append((child, depth if chained else depth + 1))
        if deepest > MAX_DEPTH:
            raise Failure("the statement is nested too deep")


# ---- postgres → duckdb -----------------------------------------------------------------------------------------------

def about_catalog(a, body, tokens):
    """The translation of a statement that reads nothing but the catalog; None: it is none."""
    text = catalog_text(body, tokens)
    if text is None:
        return None
    try:
        p = prepare(text, lex(text, "postgres"))
    except Refused as err:
        raise Failure(str(err)) from None
    tree = parse(p.sql, "postgres", lambda at: at)
    check_root(tree, body)
    check_depth(tree)
    parameters(tree, p.names)
    complaint = survey(tree, tokens, p.names)[1]
    try:
        out = translate_catalog(tree, p.names, a.doubts)
    except Unseen:
        raise Failure("this statement about the catalog is not understood", "ask for the same with its tables in a plain FROM") from None
    if out is not None and complaint:
        raise Failure(complaint)
    return out


def postgres_to_duckdb(a, body, tokens, schema, guard, oids):
    out = about_catalog(a, body, tokens)
    if out is not None:
        return out
    try:
        p = prepare(body, tokens)
    except Refused as err:
        raise Failure(str(err), at=err.at) from None
    tree = parse(p.sql, "postgres", p.original)
    check_root(tree, body)
    check_depth(tree)
    parameters(tree, p.names)
    strings, complaint = survey(tree, tokens, p.names)
    if strings < p.strings:
        raise Failure("a literal of the statement is lost in translation")
    if complaint:
        raise Failure(complaint)
    name = catalog_table(tree, body)
    if name is not None:
        raise Failure("the catalog table %s is only there for queries that read nothing but the catalog" % name,
                      "read it in a statement of its own")
    prefix = re.compile(p.names.prefix, re.I)
    w = Writer(p.names, lambda n: prefix.sub("", n.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)), schema)
    w.guard = guard
    w.params = Params(oids)
    w.says_unknown = says_unknown(tokens)
    out = w.statement(tree)
    if "$" in out and not w.doubts:
        out = with_types(w.params, out)
    if not w.absent:
        a.doubts += [prefix.sub("", d) for d in w.doubts]
    _capture.texts = [t for t in _capture.texts if not a.doubts]  # said better by the doubts
    return out


def with_types(params, out):
    try:
        words = lex(out, "duckdb")
        trouble = params.check(words, out)
    except Unterminated:
        raise Failure("the translation cannot be read back") from None
    if trouble:
        raise Failure(trouble[1], "cast the parameter to its type where it stands", state=trouble[0])
    return kept(words, out)


# ---- any other pair --------------------------------------------------------------------------------------------------

def by_sqlglot(a, body, tokens, source, target, schema, oids):
    try:
        marked, marks = mark(body, tokens)
    except Misplaced as err:
        raise Failure(str(err)) from None
    tree = parse(marked, source, lambda at: at)
    check_root(tree, body)
    check_depth(tree)
    if marks:
        typed(tree, oids, target)
    if source in TRINOS and target == "postgres":
        schema = with_views(tree, schema)
    tree = output_names(tree, source, a.doubts)
    tree = annotate(tree, source, target, schema, a.doubts)
    if source in TRINOS:
        mark_moments(tree, schema or {})
    tree = check_tree(tree, source, target, schema or {}, a.doubts)
    a.rewritten = {n.meta["qf_was"] for n in tree.find_all(exp.Literal, exp.Cast) if "qf_was" in n.meta}
    if source in TRINOS and names_bare_decimal([t[1] for t in tokens if t[0] != "comment"]):
        a.doubts.append("decimal without a precision")
    if source in TRINOS and target in ("duckdb", "postgres"):
        schema_views(tree, target)
    if names_absent(tree, schema or {}):
        a.doubts.clear()  # the engine's error is the answer
    try:
        out = tree.sql(dialect=target, unsupported_level=ErrorLevel.RAISE, copy=False)
    except UnsupportedError as err:
        a.warnings += [clean(t) for t in str(err).split("\n") if clean(t)]
        out = tree.sql(dialect=target, unsupported_level=ErrorLevel.IGNORE, copy=False)
    try:
        return unmark(out, marks, target)
    except Misplaced as err:
        raise Failure(str(err)) from None


def views_of(tree):
    return [t for t in tree.find_all(exp.Table) if t.db.lower() == "information_schema" and isinstance(t.this, exp.Identifier)]


def with_views(tree, schema):
    """The columns of Trino's information_schema, which is no table that has been looked up."""
    known = {".".join(p.name.lower() for p in t.parts): showpg.view_columns(t.name.lower()) for t in views_of(tree)}
    return {**(schema or {}), **{k: v for k, v in known.items() if v}}


def schema_views(tree, target):
    """information_schema of Trino: the views of one catalog, with its columns."""
    query_of = showduck.schema_view if target == "duckdb" else showpg.view_query
    for table in views_of(tree):
        query = query_of(table.catalog, table.name.lower())
        if query is not None:
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
            table.replace(exp.Subquery(this=sqlglot.parse_one(query, read=target), alias=alias.copy(), joins=table.args.get("joins")))


def check_lost(a, tokens, out, source):
    """Each string of the text shows in the translation, unless it is a format or a unit of something that is a doubt."""
    plain_out = out.lower().replace("''", "'").replace("\\\\", "\\")
    for kind, text, at in tokens:
        if kind not in STRINGS:
            continue
        try:
            value = string_value(kind, text) if source in ("postgres", "duckdb", "redshift") else text[1:-1].replace("''", "'")
        except ValueError as err:
            raise Failure(str(err), at=at) from None
        if value in a.rewritten or value.replace("%i", "%M").replace("%s", "%S") in a.rewritten:
            continue
        if value.lower().replace("\\\\", "\\") not in plain_out and not a.doubts:
            raise Failure("the literal %s is lost in translation" % text[:40], at=at)
        if kind != "string" and value.lower() not in plain_out:
            raise Failure("the literal %s is lost in translation" % text[:40], at=at)


_SPECIAL = re.compile(r"[?$;@{#]|--|/\*|:[A-Za-z_]")


# ---- after -----------------------------------------------------------------------------------------------------------

def finish(a, sql, out, source, target, tokens, exact):
    out = out.strip()
    if not out:
        raise Failure("the translation is empty")
    if not _SPECIAL.search(sql) and not _SPECIAL.search(out):
        a.sql = out  # no placeholder, comment or ';' anywhere
        return
    try:
        after = lex(out, target)
    except Unterminated:
        raise Failure("the translation cannot be read back") from None
    if any(t[0] == "semi" for t in after):
        raise Failure("the translation is more than one statement")
    if exact:
        check_placeholders(placeholders(tokens), placeholders(after))
    a.sql = leading_comments(sql, tokens) + lost_comments(tokens, after) + out


def check_placeholders(before, after):
    if set(before) != set(after):
        raise Failure("the placeholders %s would become %s" % (", ".join(before) or "(none)", ", ".join(after) or "(none)"))


def leading_comments(sql, tokens):
    """What stands before the first word, as it was written."""
    first = next(at for kind, _, at in tokens if kind != "comment")
    head = sql[:first].strip()
    if not head:
        return ""
    return head + ("\n" if "\n" in sql[len(sql[:first].rstrip()):first] or not head.endswith("*/") else " ")


def lost_comments(tokens, after):
    """Comments inside the statement that are not in the translation go in front of it."""
    first = next(at for kind, _, at in tokens if kind != "comment")
    have = " ".join(comment_core(t[1]) for t in after if t[0] == "comment")
    out = ""
    for kind, text, at in tokens:
        if kind == "comment" and at > first and comment_core(text).replace("*/", "* /") not in have:
            out += text + ("\n" if not text.endswith("*/") else " ")
    return out
