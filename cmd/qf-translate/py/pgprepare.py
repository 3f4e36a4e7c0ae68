"""Before and after sqlglot reads a PostgreSQL statement: what it would lose or bind otherwise. See pgstatement.py."""
from sqlglot import exp

from qf_pgnames import Names
from qf_tokens import STRINGS, quote, string_value

# Words before a parenthesis that are no function names (PostgreSQL's keywords, and type names).
KEYWORDS = set("""between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int
integer interval least national nchar none normalize nullif numeric out overlay position precision real row setof smallint
substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse
xmlpi xmlroot xmlserialize xmltable all analyse analyze and any array as asc asymmetric both case cast check collate column
constraint create current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading limit
localtime localtimestamp not null offset on only or order placing primary references returning select session_user some symmetric
table then to trailing true union unique user using variadic when where window with authorization binary collation concurrently
cross current_schema freeze full ilike inner is isnull join like natural notnull outer overlaps similar tablesample verbose
filter over within recursive materialized conflict nothing update set delete insert view index sequence schema type types
partition by range rows groups sets cube rollup exclude generated always identity stored inherits include ordinality escape
key add alter drop rename truncate unlogged temp temporary explain prepare execute call copy options returns language
bpchar varbit bool int2 int4 int8 float4 float8 text bytea uuid timestamptz timetz json jsonb""".split())

# Names that must have AS before them as output names (pg_get_keywords(), barelabel false).
NEEDS_AS = set("""array as char character create day except fetch filter for from grant group having hour intersect into isnull
limit minute month notnull offset on order over overlaps precision returning second to union varying where window with within
without year""".split())


class Refused(Exception):
    """The text is not what PostgreSQL would read, or cannot be prepared for parsing; .at is where."""

    def __init__(self, text, at=0):
        super().__init__(text)
        self.at = at


class Prepared:
    """The text for sqlglot, and the way back from its offsets to the original's."""

    def __init__(self, sql, moves, names, strings):
        self.sql, self.moves, self.names = sql, moves, names
        self.strings = strings      # how many string literals it has

    def original(self, offset):
        shift = 0
        for at, delta in self.moves:
            if at > offset:
                break
            shift = delta
        return max(0, offset - shift)


def prepare(sql, tokens):
    """String forms that sqlglot may lose become plain ones; function names get a prefix (see Names), and parameters a name."""
    prefix = "qfz_"
    while prefix in sql:
        prefix = "qf" + prefix
    out, moves, at, grown = [], [], 0, 0
    check_operators(sql, tokens)
    tokens = [t for t in tokens if t[0] != "comment"]
    typed = typed_literals(tokens, prefix)
    for i, (kind, text, start) in enumerate(tokens):
        new = typed[i] if i in typed else _replacement(tokens, i, kind, text, start, prefix)
        if new is None:
            continue
        out.append(sql[at:start])
        out.append(new)
        at = start + len(text)
        grown += len(new) - len(text)
        moves.append((at + grown, grown))
    out.append(sql[at:])
    units = sum(1 for i in typed if typed[i] == "" and tokens[i][1].lower() in UNITS)
    return Prepared("".join(out), moves, Names(prefix), sum(1 for t in tokens if t[0] in STRINGS) + units)


TYPED = {"date", "time", "timestamp", "timestamptz", "timetz", "interval", "bool", "boolean", "int", "integer", "int2", "int4",
         "int8", "smallint", "bigint", "real", "float", "float4", "float8", "numeric", "decimal", "text", "varchar", "uuid"}
UNITS = {"year", "month", "day", "hour", "minute", "second"}
_PHRASES = (("timestamp", "with", "time", "zone"), ("timestamp", "without", "time", "zone"), ("time", "with", "time", "zone"),
            ("time", "without", "time", "zone"), ("double", "precision"))


def typed_literals(tokens, prefix):
    """{token number: new text} for the forms  type 'literal'  and  interval 'literal' unit.

    sqlglot reads date '…'::text as date ('…'::text), and drops what stands behind the first unit of an interval.
    """
    out = {}
    for i, (kind, text, start) in enumerate(tokens):
        if kind not in STRINGS or i == 0 or tokens[i - 1][0] != "word":
            continue
        before = tokens[i - 1][1].lower()
        first = _phrase(tokens, i)
        if first is None and before not in TYPED:
            if before not in KEYWORDS and not prefix_word(tokens, i - 1):
                raise Refused('a literal of type "%s"' % before, start)
            continue
        first = i - 1 if first is None else first
        name = " ".join(t[1].lower() for t in tokens[first:i])
        value = quote(string_value(kind, text))
        for j in range(first, i):
            out[j] = ""
        if name != "interval":
            out[i] = "cast(%s as %s)" % (value, name)
            continue
        unit = tokens[i + 1][1].lower() if i + 1 < len(tokens) and tokens[i + 1][0] == "word" else ""
        if unit not in UNITS:
            out[i] = "%sinterval(%s)" % (prefix, value)
            continue
        if i + 2 < len(tokens) and tokens[i + 2][1].lower() in ("to", "("):
            raise Refused("an interval literal with two units", start)
        out[i], out[i + 1] = "%sinterval(%s, '%s')" % (prefix, value, unit), ""
    return out


def _phrase(tokens, i):
    for p in _PHRASES:
        if i >= len(p) and tuple(t[1].lower() for t in tokens[i - len(p):i]) == p:
            return i - len(p)
    return None


def prefix_word(tokens, i):
    """A word that may stand before a string without being a type: an operator word or a clause."""
    return tokens[i][1].lower() in WORDS_BEFORE_STRING


WORDS_BEFORE_STRING = {"uescape", "begin", "owner", "password", "comment", "replace", "off", "start", "minvalue", "maxvalue", "values",
                       "notify", "listen", "do", "show", "reset", "zone", "value", "first", "next", "prior", "last", "absolute",
                       "relative", "forward", "backward", "preceding", "following", "label", "search", "version", "template"}


def _replacement(tokens, i, kind, text, start, prefix):
    if kind in ("estring", "ustring", "dollar"):
        try:
            return quote(string_value(kind, text))
        except ValueError as err:
            raise Refused(str(err), start) from None
    if kind == "string":
        _check_adjacent(tokens, i, start)
        return None
    if kind in ("bits", "uquoted"):
        raise Refused("the literal %s has no equal in duckdb" % text, start)
    if kind == "op" and text == "+" and (i == 0 or tokens[i - 1][1] in _BEFORE_OPERAND or
                                         (tokens[i - 1][0] == "word" and tokens[i - 1][1].lower() in _WORDS_BEFORE_OPERAND)):
        raise Refused("the unary operator +", start)
    if kind == "op" and text == "@" and _opens(tokens, i + 1):
        raise Refused("the operator @ has no translation: use abs()", start)
    if kind == "param" and text[1:].isdigit():
        return "%sparam_%s" % (prefix, text[1:])  # sqlglot takes $1,$2 for a string of the tag "1,"
    if kind != "word":
        return None
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    if text.lower() == "position" and after is not None and after[1] == "(" and not _has_in(tokens, i + 1):
        raise Refused("position() is written with IN", start)
    if after is not None and after[1] == "(" and text.lower() not in KEYWORDS:
        return prefix + text
    return None


def _has_in(tokens, i):
    depth = 0
    for _, text, _ in tokens[i:]:
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth == 0 or (depth == 1 and text == ","):
            return False
        if depth == 1 and text.lower() == "in":
            return True
    return False


_BEFORE_OPERAND = set("(,[=<>*/%^+-") | {"||", "<=", ">=", "<>", "!="}
_WORDS_BEFORE_OPERAND = {"select", "where", "and", "or", "not", "when", "then", "else", "case", "by", "having", "on", "in", "like",
                         "between", "limit", "offset", "distinct", "all", "set", "returning", "default"}


def says_unknown(tokens):
    words = [t[1].lower() for t in tokens]
    return any(w == "unknown" and words[i - 1] in ("is", "not") for i, w in enumerate(words) if i)


def _opens(tokens, i):
    return i < len(tokens) and tokens[i][0] in ("op", "number", "word")


def _check_adjacent(tokens, i, start):
    """'a' 'b' on one line is an error in PostgreSQL; sqlglot would make one literal or an alias of it."""
    if i and tokens[i - 1][0] in STRINGS:
        raise Refused("two string literals side by side", start)


_OPERATOR = set("+-*/<>=~!@#%^&|`?")
KNOWN = {"+", "-", "*", "/", "<", ">", "=", "<=", ">=", "<>", "!=", "~", "~*", "!~", "!~*", "%", "^", "&", "|", "#", "<<", ">>",
         "||", "->", "->>", "#>", "#>>", "@>", "<@", "?", "?|", "?&", "&&", "@@", "~~", "~~*", "!~~", "!~~*", "@", "|/", "||/", "=>"}


def check_operators(sql, tokens):
    """PostgreSQL takes as many operator characters as it can: 7%-3 asks for an operator %-."""
    run, begin = "", 0
    for kind, text, start in tokens + [("end", "", len(sql))]:
        if kind == "op" and all(ch in _OPERATOR for ch in text) and (not run or start == begin + len(run)):
            begin = begin if run else start
            run += text
            continue
        if run and not _splits(run):
            raise Refused("the operator %s does not exist" % run, begin)
        run, begin = (text, start) if kind == "op" and all(ch in _OPERATOR for ch in text) else ("", 0)


def _splits(run):
    """A trailing + or - belongs to the next operand unless the operator holds one of ~ ! @ # % ^ & | ` ?."""
    if run in KNOWN:
        return True
    if len(run) > 1 and run[-1] in "+-" and not any(c in "~!@#%^&|`?" for c in run[:-1]):
        return _splits(run[:-1])
    return False


# Binding strength of PostgreSQL's operators (documentation, table 4.2); direct children without parentheses must
# bind at least as strongly, or sqlglot has read the text otherwise than PostgreSQL does.
LEVEL = {exp.Or: 1, exp.And: 2, exp.Not: 3, exp.Is: 4, exp.NullSafeEQ: 4, exp.NullSafeNEQ: 4, exp.EQ: 5, exp.NEQ: 5, exp.LT: 5,
         exp.LTE: 5, exp.GT: 5, exp.GTE: 5, exp.Like: 6, exp.ILike: 6, exp.SimilarTo: 6, exp.In: 6, exp.Between: 6, exp.Escape: 6,
         exp.DPipe: 7, exp.BitwiseAnd: 7, exp.BitwiseOr: 7, exp.BitwiseXor: 7, exp.BitwiseLeftShift: 7,
         exp.BitwiseRightShift: 7, exp.BitwiseNot: 7, exp.RegexpLike: 7, exp.RegexpILike: 7, exp.JSONExtract: 7,
         exp.JSONExtractScalar: 7, exp.Add: 8, exp.Sub: 8, exp.Mul: 9, exp.Div: 9, exp.Mod: 9, exp.Pow: 10, exp.AtTimeZone: 11,
         exp.Collate: 12, exp.Neg: 13}
NEEDS_MORE = {5, 6, 4}


def parameters(tree, names):
    """Puts the parameters back that prepare() gave names."""
    prefix = names.prefix + "param_"
    for col in list(tree.find_all(exp.Column)):
        if col.name.startswith(prefix):
            col.replace(exp.Parameter(this=exp.Literal.number(col.name[len(prefix):])))


def survey(tree, tokens, names):
    """One walk over the tree: takes the prefix off the names of tables and columns, and finds what sqlglot has read
    otherwise than PostgreSQL does. Returns (number of string literals, complaint or None)."""
    written = {tokens[i + 1][1].lower() for i in range(len(tokens) - 1) if tokens[i][1].lower() == "as"}
    strings, complaint, prefix = 0, None, names.prefix
    for node in tree.walk():
        cls = type(node)
        if cls is exp.Identifier:
            if node.this.startswith(prefix):
                node.set("this", node.this[len(prefix):])
        elif cls is exp.Literal:
            strings += node.is_string
        elif cls is exp.JSONPath:
            strings += 1
        elif cls is exp.Alias:
            name = node.args["alias"]
            if isinstance(name, exp.Identifier) and not name.args.get("quoted") and name.this.lower() in NEEDS_AS \
                    and name.this.lower() not in written:
                complaint = complaint or '"%s" is no output name without AS' % name.this
        elif cls in LEVEL and misread(node):
            complaint = complaint or "the operators in %s bind otherwise than they were read: add parentheses" % names.label(node)
    return strings, complaint


def misread(node):
    level = LEVEL[type(node)]
    for key in ("this", "expression", "low", "high"):
        child = node.args.get(key)
        inner = LEVEL.get(type(child))
        if inner is None or (type(child) is exp.Not and level < 4 and isinstance(child.this, (exp.Is, exp.RegexpLike, exp.RegexpILike))):
            continue
        strict = key != "this" or level in NEEDS_MORE
        if inner < level or (inner == level and strict and not (level in (1, 2, 3) or _same_not(node, child))):
            return True
    return False


def _same_not(node, child):
    return isinstance(node, (exp.Neg, exp.BitwiseNot, exp.Escape)) and isinstance(child, (exp.Neg, exp.BitwiseNot, exp.Like, exp.ILike))
