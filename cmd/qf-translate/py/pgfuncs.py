"""PostgreSQL functions in DuckDB's words. See pgexpr.py: what is not here is a doubt."""
import re

from sqlglot import exp

from qf_pgexpr import handles
from qf_pgnodes import power_of
from qf_pgpreds import regex
from qf_pgtypes import ANY, BOOL, DATE, DUCK, FLOAT8, FREE, INT4, INTS, NUMBERS, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ, WIDTH, Ty, shown
from qf_pgvalue import X
from qf_tokens import quote

FUNCS = {}


def func(*names):
    def add(fn):
        for n in names:
            FUNCS[n] = fn
        return fn
    return add


def call(c, node, name, args):
    """A plain function call of PostgreSQL: args are nodes."""
    handler = FUNCS.get(name)
    if handler is None or any(isinstance(a, (exp.Distinct, exp.Order, exp.Kwarg, exp.PropertyEQ, exp.Variadic, exp.Star))
                              for a in args):
        return c.unknown(node)
    x = handler(c, node, args)
    return no_such(c, node, args) if x is None else x


def no_such(c, node, args):
    kinds = [c.raw(a).ty for a in args]
    if any(t.kind == "any" for t in kinds):
        return c.unknown(node, "%s of a column of unknown type" % c.names.label(node))
    return c.unknown(node, "%s%s of %s" % (c.names.of(node), "()", ", ".join(shown(t) for t in kinds)) if kinds else None)


@handles(exp.Anonymous)
def anonymous(c, node):
    name = c.names.of(node)
    if name in c.aggregates:
        return c.aggregate(node)
    return call(c, node, name, node.expressions)


def arg(c, node, kind):
    """One argument as the type that the function takes, or None when PostgreSQL would not resolve it so."""
    x = c.e(node)
    k = x.ty.kind
    if k in FREE:
        return c.as_type(x, {"t": TEXT, "i": INT4, "d": FLOAT8}[kind])
    if k == "any" or (kind == "t" and k == "text") or (kind == "i" and k in ("int2", "int4")):
        return x
    if kind == "d" and k in NUMBERS:
        return c.double(x)
    return None


def typed(kinds, result, template, optional=0):
    """A function whose arguments are t(ext), i(nteger), d(ouble precision)."""
    def handler(c, node, args):
        if not len(kinds) - optional <= len(args) <= len(kinds):
            return None
        xs = [arg(c, a, k) for a, k in zip(args, kinds)]
        if None in xs:
            return None
        if any(x.ty.kind == "any" and k == "d" for x, k in zip(xs, kinds)):
            c.doubt("%s of a column of unknown type" % c.names.label(node))
        if "{0}" in template:
            c.twice(*xs)
            return X(template.format(*[x.p for x in xs]), result, False)
        one = len(xs) == 1 and " " in template
        if "%s" not in template:
            return X(template, result)
        return X(template % (xs[0].p if one else ", ".join(x.sql for x in xs)), result, not one)
    return handler


for _name, _kinds, _result, _template in (
        ("lower", "t", TEXT, "LOWER(%s)"), ("md5", "t", TEXT, "MD5(%s)"),
        ("length", "t", INT4, "CAST(LENGTH(%s) AS INTEGER)"), ("char_length", "t", INT4, "CAST(LENGTH(%s) AS INTEGER)"),
        ("character_length", "t", INT4, "CAST(LENGTH(%s) AS INTEGER)"),
        ("octet_length", "t", INT4, "CAST(STRLEN(%s) AS INTEGER)"), ("left", "ti", TEXT, "LEFT(%s)"),
        ("right", "ti", TEXT, "RIGHT(%s)"), ("strpos", "tt", INT4, "CAST(STRPOS(%s) AS INTEGER)"),
        ("replace", "ttt", TEXT, "REPLACE(%s)"), ("translate", "ttt", TEXT, "TRANSLATE(%s)"),
        ("repeat", "ti", TEXT, "REPEAT(%s)"), ("ascii", "t", INT4, "ASCII(%s)"), ("starts_with", "tt", BOOL, "STARTS_WITH(%s)"),
        ("chr", "i", TEXT, "CASE WHEN {0} = 0 THEN ERROR('null character not permitted') ELSE CHR({0}) END"),
        ("reverse", "t", TEXT, "CASE WHEN LENGTH({0}) <> LENGTH_GRAPHEME({0}) THEN ERROR('reverse() of combining characters') "
                               "ELSE REVERSE({0}) END"),
        ("sqrt", "d", FLOAT8, "SQRT(%s)"), ("cbrt", "d", FLOAT8, "CBRT(%s)"), ("ln", "d", FLOAT8, "LN(%s)"),
        ("log10", "d", FLOAT8, "LOG10(%s)"), ("log", "d", FLOAT8, "LOG10(%s)"),
        ("sin", "d", FLOAT8, "SIN(%s)"), ("cos", "d", FLOAT8, "COS(%s)"), ("tan", "d", FLOAT8, "TAN(%s)"),
        ("asin", "d", FLOAT8, "ASIN(%s)"), ("acos", "d", FLOAT8, "ACOS(%s)"), ("atan", "d", FLOAT8, "ATAN(%s)"),
        ("atan2", "dd", FLOAT8, "ATAN2(%s)"), ("degrees", "d", Ty("float8", pending=True), "%s / CAST('0.017453292519943295' AS DOUBLE)"),
        ("radians", "d", FLOAT8, "%s * CAST('0.017453292519943295' AS DOUBLE)"),
        ("sinh", "d", Ty("float8", pending=True), "SINH(%s)"), ("cosh", "d", Ty("float8", pending=True), "COSH(%s)"),
        ("tanh", "d", FLOAT8, "TANH(%s)"), ("pi", "", FLOAT8, "PI()"), ("random", "", Ty("float8", volatile=True), "RANDOM()"),
        ("make_date", "iii", DATE, "MAKE_DATE(%s)"), ("make_time", "iid", TIME, "MAKE_TIME(%s)"),
        ("make_timestamp", "iiiiid", TIMESTAMP, "MAKE_TIMESTAMP(%s)"),
        ("now", "", TIMESTAMPTZ, "NOW()"), ("transaction_timestamp", "", TIMESTAMPTZ, "NOW()")):
    FUNCS[_name] = typed(_kinds, _result, _template)

NUMERIC_RESULT = ("sqrt", "ln", "log", "log10")


def _not_numeric(name, handler):
    """sqrt(2.0) is a numeric of PostgreSQL's own precision; sqrt(2) and sqrt(2::float8) are double precision."""
    def checked(c, node, args):
        if len(args) == 1 and c.raw(args[0]).ty.kind == "numeric":
            c.doubt("%s() of a numeric has as many digits as PostgreSQL chooses" % name)
        return handler(c, node, args)
    return checked


for _name in NUMERIC_RESULT:
    FUNCS[_name] = _not_numeric(_name, FUNCS[_name])


# ---- text ------------------------------------------------------------------------------------------------------------

def literal_int(x):
    """The value of an integer literal, also of one written as a string."""
    return x.ty.lit if isinstance(x.ty.lit, int) else None


@func("upper")
def upper(c, node, args):
    x = arg(c, args[0], "t") if len(args) == 1 else None
    if x is not None and isinstance(args[0], exp.Literal) and "ß" in args[0].this:
        c.doubt("upper() of ß")
    return x and X("UPPER(%s)" % x.sql, TEXT)


@func("substr", "substring")
def substring(c, node, args):
    if not 2 <= len(args) <= 3:
        return None
    text = arg(c, args[0], "t")
    if text is None or c.raw(args[1]).ty.kind in ("text", "unknown"):
        return None
    start, count = arg(c, args[1], "i"), arg(c, args[2], "i") if len(args) == 3 else None
    if start is None or (len(args) == 3 and count is None):
        return None
    if count is not None and literal_int(count) is not None and literal_int(count) < 0:
        c.doubt("negative substring length not allowed")
    return substring_of(c, text, start, count)


def substring_of(c, text, start, count):
    """PostgreSQL counts from 1 and lets the window start before the text; duckdb counts negative starts from the end."""
    s, n = literal_int(start), literal_int(count) if count is not None else None
    if s is not None and count is None:
        return X("SUBSTRING(%s, %d)" % (text.sql, max(s, 1)), TEXT)
    if s is not None and n is not None:
        return X("SUBSTRING(%s, %d, %d)" % (text.sql, max(s, 1), max(s + n, 1) - max(s, 1)), TEXT)
    c.twice(start)
    first = "CASE WHEN %s < 1 THEN 1 ELSE %s END" % (start.p, start.p)
    if count is None:
        return X("SUBSTRING(%s, %s)" % (text.sql, first), TEXT)
    c.twice(count)
    last = "CASE WHEN %s < 0 THEN ERROR('negative substring length not allowed') WHEN %s + %s < 1 THEN 1 ELSE %s + %s END" % (
        count.p, start.p, count.p, start.p, count.p)
    return X("SUBSTRING(%s, %s, (%s) - (%s))" % (text.sql, first, last, first), TEXT)


@handles(exp.Substring, args="start length")
def substring_node(c, node):
    args = [node.this, node.args.get("start") or exp.Literal.number(1)]
    if node.args.get("length") is not None:
        args.append(node.args["length"])
    x = substring(c, node, args)
    return c.unknown(node) if x is None else x


@handles(exp.StrPosition, args="substr")
def position(c, node):
    return call(c, node, "strpos", [node.this, node.args["substr"]])


@handles(exp.Trim, args="position")
def trim(c, node):
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get((node.args.get("position") or "").upper(), "TRIM")
    return trimmed(c, node, name, [node.this] + [n for n in (node.args.get("expression"),) if n is not None])


def trimmed(c, node, name, args):
    xs = [arg(c, a, "t") for a in args]
    if None in xs or not 1 <= len(xs) <= 2:
        return c.unknown(node)
    chars = xs[1].sql if len(xs) == 2 else "' '"
    return X("%s(%s, %s)" % (name, xs[0].sql, chars), TEXT)


for _name, _duck in (("btrim", "TRIM"), ("ltrim", "LTRIM"), ("rtrim", "RTRIM")):
    FUNCS[_name] = lambda c, node, args, duck=_duck: trimmed(c, node, duck, args)


@func("lpad", "rpad")
def pad(c, node, args):
    if not 2 <= len(args) <= 3:
        return None
    xs = [arg(c, a, k) for a, k in zip(args, "tit")]
    if None in xs:
        return None
    if len(xs) == 3 and c.raw(args[2]).ty.lit is None:
        c.doubt("padding with a text that may be empty")
    if len(xs) == 3 and c.raw(args[2]).ty.lit == "":
        return X("LEFT(%s, CASE WHEN %s < 0 THEN 0 ELSE %s END)" % (xs[0].sql, xs[1].p, xs[1].p), TEXT)
    fill = xs[2].sql if len(xs) == 3 else "' '"
    return X("%s(%s, %s, %s)" % (c.names.of(node).upper(), xs[0].sql, xs[1].sql, fill), TEXT)


@func("split_part")
def split_part(c, node, args):
    if len(args) != 3:
        return None
    xs = [arg(c, a, k) for a, k in zip(args, "tti")]
    if None in xs:
        return None
    if not c.raw(args[1]).ty.lit or not literal_int(xs[2]):
        return None  # an empty delimiter and position 0 are other things in duckdb
    return X("SPLIT_PART(%s)" % ", ".join(x.sql for x in xs), TEXT)


@func("to_hex")
def to_hex(c, node, args):
    x = c.e(args[0]) if len(args) == 1 else X("", ANY)
    if x.ty.kind == "int4":
        return X("LOWER(TO_HEX(CAST(%s AS BIGINT) & 4294967295))" % x.sql, TEXT)
    return X("LOWER(TO_HEX(%s))" % x.sql, TEXT) if x.ty.kind == "int8" else None


@func("concat")
def concat(c, node, args):
    return X("CONCAT(%s)" % ", ".join(output(c, a).sql for a in args), TEXT) if args else None


def output(c, node):
    """concat() writes values as they are printed; a cast writes a boolean in full."""
    x = c.e(node)
    if x.ty.kind == "bool":
        c.twice(x)
        return X("CASE WHEN %s THEN 't' WHEN NOT %s THEN 'f' END" % (x.p, x.p), TEXT, False)
    if x.ty.kind == "any" and c.guard:
        return c.text(c.never(x, "BOOLEAN"))
    return c.text(x)


@func("concat_ws")
def concat_ws(c, node, args):
    if len(args) < 2:
        return None
    return X("CONCAT_WS(%s)" % ", ".join([arg_text(c, args[0])] + [output(c, a).sql for a in args[1:]]), TEXT)


def arg_text(c, node):
    x = arg(c, node, "t")
    if x is None:
        return c.unknown(node).sql
    return x.sql


@handles(exp.Concat, args="safe coalesce")
def adjacent(c, node):
    """Adjacent string literals are one literal."""
    if all(isinstance(n, exp.Literal) and n.is_string for n in node.expressions):
        text = "".join(n.this for n in node.expressions)
        return X(quote(text), Ty("unknown", lit=text))
    return c.unknown(node)


_ONE_REPEAT = re.compile(r"[^|(){}*+?]*([*+?]|\{\d+(,\d*)?\})?[^|(){}*+?]*$")


@func("regexp_replace")
def regexp_replace(c, node, args):
    if not 3 <= len(args) <= 4:
        return None
    text, pattern, to = arg(c, args[0], "t"), c.raw(args[1]), c.raw(args[2])
    flags = c.raw(args[3]).ty.lit if len(args) == 4 else ""
    if text is None or flags is None or set(flags) - set("gi") or to.ty.kind != "unknown" or to.ty.lit is None:
        return None
    p = regex(c, node, pattern)
    if p is None:
        return X("REGEXP_REPLACE(%s, %s, %s)" % (text.sql, pattern.sql, to.sql), TEXT)
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", pattern.ty.lit)
    if not _ONE_REPEAT.match(bare) or re.search(r"\\(?![0\\])", to.ty.lit):
        c.doubt("regexp_replace() where the longest and the first match may differ")
    return X("REGEXP_REPLACE(%s, %s, %s, %s)" % (text.sql, p, to.sql, quote("s" + flags)), TEXT)


@func("string_to_array")
def string_to_array(c, node, args):
    xs = [arg(c, a, "t") for a in args]
    if len(args) != 2 or None in xs or not c.raw(args[1]).ty.lit:
        return None
    c.twice(xs[0])
    return X("CASE WHEN %s = '' THEN CAST([] AS VARCHAR[]) ELSE STRING_SPLIT(%s, %s) END" % (xs[0].p, xs[0].sql, xs[1].sql),
             Ty("array", elem=TEXT), False)


@func("array_to_string")
def array_to_string(c, node, args):
    if len(args) != 2:
        return None
    a, sep = c.e(args[0]), arg(c, args[1], "t")
    if a.ty.kind != "array" or sep is None or a.ty.elem.kind not in ("text", "int2", "int4", "int8"):
        return None
    return X("ARRAY_TO_STRING(%s, %s)" % (a.sql, sep.sql), TEXT)


@func("cardinality")
def cardinality(c, node, args):
    a = c.e(args[0]) if len(args) == 1 else X("", ANY)
    return X("CAST(LEN(%s) AS INTEGER)" % a.sql, INT4) if a.ty.kind == "array" else None


@func("array_length")
def array_length(c, node, args):
    a = c.e(args[0]) if len(args) == 2 else X("", ANY)
    if a.ty.kind != "array" or c.raw(args[1]).ty.lit != 1:
        return None
    return X("CAST(NULLIF(LEN(%s), 0) AS INTEGER)" % a.sql, INT4)


# ---- numbers ---------------------------------------------------------------------------------------------------------

@func("abs")
def absolute(c, node, args):
    x = c.e(args[0]) if len(args) == 1 else X("", ANY)
    if x.ty.kind == "any" and c.guard and x.sql:
        return X("ABS(%s)" % c.sure(x, "INTEGER|BIGINT|DECIMAL|DOUBLE").sql, ANY)
    if x.ty.kind not in NUMBERS:
        return None
    return X("ABS(%s)" % x.sql, Ty(x.ty.kind, x.ty.scale, x.ty.width, whole=x.ty.whole))


@func("sign")
def sign(c, node, args):
    x = c.e(args[0]) if len(args) == 1 else X("", ANY)
    if x.ty.kind == "numeric":
        return X("SIGN(%s)" % x.sql, Ty("numeric", 0, 1, whole=True))
    return X("CAST(SIGN(%s) AS DOUBLE)" % c.double(x).sql, FLOAT8) if x.ty.kind in NUMBERS else None


@func("ceil", "ceiling", "floor")
def ceil(c, node, args):
    name = "FLOOR" if c.names.of(node) == "floor" else "CEIL"
    x = c.e(args[0]) if len(args) == 1 else X("", ANY)
    if x.ty.kind == "numeric":
        return whole(x) or X("%s(%s)" % (name, x.sql), Ty("numeric", 0, x.ty.width - x.ty.scale + 1))
    return X("%s(%s)" % (name, c.double(x).sql), FLOAT8) if x.ty.kind in NUMBERS else None


def whole(x):
    """A numeric without digits after the point is its own floor; duckdb may hold it as an integer."""
    return X(x.sql, Ty("numeric", 0, x.ty.width, whole=x.ty.whole), x.atom) if x.ty.scale == 0 else None


@func("round", "trunc")
def rounded(c, node, args):
    name = c.names.of(node)
    if not 1 <= len(args) <= 2:
        return None
    x, places = c.raw(args[0]), 0
    if len(args) == 2:
        places = literal_int(c.raw(args[1]))
        if places is None or not -38 <= places <= 30:
            return None
    if x.ty.open and name == "round" and places >= 0:
        return X("CAST(ROUND(%s, %d) AS DECIMAL(38, %d))" % (x.sql, places, places), Ty("numeric", places, 38))
    if x.ty.ratio:
        return c.round_ratio(x, places) if name == "round" and places >= 0 else None
    if x.ty.kind == "any" and c.guard and name == "round" and len(args) == 2 and places >= 0:
        x = c.sure(x, "INTEGER|BIGINT|DECIMAL")
        return X("CAST(%s AS DECIMAL(38, %d))" % (x.sql, places), Ty("numeric", places, 38))
    x = c.settle(x)
    if x.ty.kind in INTS and len(args) == 2:
        x = X("CAST(%s AS DECIMAL(%d, 0))" % (x.sql, WIDTH[x.ty.kind]), Ty("numeric", 0, WIDTH[x.ty.kind]))
    if x.ty.kind == "numeric":
        return round_numeric(c, name, x, places)
    if x.ty.kind not in NUMBERS or len(args) == 2:
        return None
    d = c.double(x)
    return X("ROUND_EVEN(%s, 0)" % d.sql if name == "round" else "TRUNC(%s)" % d.sql, FLOAT8)


def round_numeric(c, name, x, places):
    scale = x.ty.scale
    if x.ty.whole:
        x = X("CAST(%s AS DECIMAL(38, 0))" % x.sql, Ty("numeric", 0, 38))
    if places >= scale:
        width = min(38, x.ty.width + places - scale)
        if places == scale:
            return x
        return X("CAST(%s AS DECIMAL(%d, %d))" % (x.sql, width, places), Ty("numeric", places, width))
    if places < 0 and name == "trunc":
        return None
    return X("%s(%s, %d)" % (name.upper(), x.sql, places), Ty("numeric", max(places, 0), x.ty.width))


def round_ratio(c, x, places):
    """A quotient rounded to n digits, exactly: integers all the way, half away from zero."""
    top, bottom, guard = x.ty.ratio
    if places > 12:
        c.doubt("a quotient rounded to more than 12 digits")
        places = 12
    ts, bs = top.ty.scale or 0, bottom.ty.scale or 0
    up, down = max(0, places + bs - ts), max(0, ts - places - bs)
    # |top| * 10^ts * 10^up over |bottom| * 10^bs * 10^down, both integers
    n, d = integer_of(top, ts, up), integer_of(bottom, bs, down)
    c.twice(top, bottom)
    value = "(2 * ABS(%s) + ABS(%s)) // (2 * ABS(%s))" % (n, d, d)
    # PostgreSQL rounds to some 16 digits in all first (numeric.c, select_div_scale), which large quotients would show
    limit = 10 ** (4 * ((12 - places) // 4 + 1))
    sign = "" if guard == "count" else " * SIGN(%s)" % bottom.sql
    body = "CAST(SIGN(%s)%s * (%s) AS DECIMAL(38, 0))" % (top.sql, sign, value)
    if places:
        body = "CAST(%s * CAST('%s' AS DECIMAL(%d, %d)) AS DECIMAL(38, %d))" % (
            body, "0." + "0" * (places - 1) + "1", places, places, places)
    cases = "WHEN ABS(%s) // %d >= ABS(%s) AND %s <> 0 THEN ERROR('a quotient of more digits than can be rounded exactly') " % (
        n, limit * 10 ** places, d, bottom.p)
    if guard == "no":
        cases = "WHEN %s = 0 THEN ERROR('division by zero') " % bottom.p + cases
    if guard == "count":
        cases = "WHEN %s = 0 THEN NULL " % bottom.p + cases
    return X("CASE %sELSE %s END" % (cases, body), Ty("numeric", places, 38), False)


def integer_of(x, scale, up):
    if scale + up == 0:
        return "CAST(%s AS HUGEINT)" % x.sql
    if scale == 0:
        return "(CAST(%s AS HUGEINT) * %d)" % (x.sql, 10 ** up)
    return "CAST(CAST(%s AS DECIMAL(38, %d)) * %d AS HUGEINT)" % (x.sql, scale, 10 ** (scale + up))


@func("mod")
def mod(c, node, args):
    return c.arithmetic("%", *[c.raw(a) for a in args]) if len(args) == 2 else None


@func("power", "pow")
def power(c, node, args):
    return power_of(c, *[c.raw(a) for a in args]) if len(args) == 2 else None


@func("div")
def div(c, node, args):
    xs = [c.raw(a) for a in args]
    if len(xs) != 2 or any(x.ty.kind not in INTS for x in xs):
        return None
    q = c.arithmetic("/", *xs)
    return X("CAST(%s AS DECIMAL(19, 0))" % q.sql, Ty("numeric", 0, 19))


@func("gcd", "lcm")
def gcd(c, node, args):
    xs = [c.e(a) for a in args]
    if len(xs) != 2 or any(x.ty.kind not in ("int4", "int8") for x in xs):
        return None
    kind = max((x.ty.kind for x in xs), key=INTS.get)
    return X("CAST(%s(%s, %s) AS %s)" % (c.names.of(node).upper(), xs[0].sql, xs[1].sql, DUCK[kind]), Ty(kind))


@func("exp")
def exponential(c, node, args):
    x = c.raw(args[0]) if len(args) == 1 else X("", ANY)
    if x.ty.kind not in NUMBERS or x.ty.kind == "numeric":
        return None
    x = c.double(c.settle(x))
    c.twice(x)
    return X("CASE WHEN EXP({0}) = 0 OR NOT ISFINITE({0}) OR ISINF(EXP({0})) THEN ERROR('value out of range') ELSE EXP({0}) END"
             .format(x.sql), FLOAT8, False)
