"""Trino's typed literals and constructors in DuckDB: what drivers make of parameters.

A rule answers as those of trinofuncs.py. A value that DuckDB would print or compare in another way is let through only where
neither is done.
"""
import datetime
import re
import zoneinfo

from sqlglot import exp

D = exp.DataType.Type
INT = {D.TINYINT, D.SMALLINT, D.INT, D.BIGINT}
TXT = {D.TEXT, D.VARCHAR, D.CHAR}
NESTED = {D.ARRAY, D.LIST, D.STRUCT, D.MAP}
ELEMENTS = {D.FLOAT, D.DOUBLE, D.DATE, D.TIMESTAMP, D.BOOLEAN, D.UUID, D.TIME, D.VARBINARY}
KEYS = INT | TXT | {D.DATE, D.BOOLEAN, D.UUID}
COMPARES = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
WIDEST = {D.TINYINT: 7, D.SMALLINT: 15, D.INT: 31, D.BIGINT: 63}

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOUBLE = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?")
_ZONED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,6})? ?(?:(?:UTC|GMT)?([+-])(\d\d):(\d\d)|([A-Za-z][\w/+-]*))")
_WHOLE = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?")


def kind(node):
    t = node.type if isinstance(node, exp.Expr) else None
    return t.this if t is not None else D.UNKNOWN


def outermost(node):
    """Nothing is done with the value but giving it out, or writing it into a table."""
    while isinstance(node.parent, (exp.Alias, exp.Paren, exp.Array, exp.Neg)):
        node = node.parent
    place = node.parent
    if isinstance(place, exp.Tuple):
        return isinstance(place.parent, exp.Values) and isinstance(place.parent.parent, exp.Insert)
    plain = isinstance(place, exp.Select) and not any(place.args.get(a) for a in ("distinct", "order", "group"))
    return plain and (place.parent is None or isinstance(place.parent, exp.Insert))


def typed(node, ty):
    node.type = exp.DataType.build(ty)
    return node


def literal_of(text, ty):
    return typed(exp.cast(exp.Literal.string(text), ty), ty)


# ---- one value -------------------------------------------------------------------------------------------------------

def typed_literal(node):
    """TYPE 'text', which sqlglot has as a cast."""
    value, to = node.this, node.args["to"]
    if type(node) is not exp.Cast or not isinstance(value, exp.Literal) or not value.is_string:
        return None
    form = FORMS.get(to.this)
    return form(value.this, node) if form is not None else None


def a_uuid(text, _node):
    return literal_of(text, "uuid") if _UUID.fullmatch(text) else None


def a_time(text, node):
    return literal_of(text, "time") if _TIME.fullmatch(text) and keeps_digits(text, node.args["to"]) else None


def keeps_digits(text, to):
    """A literal has the precision of its text, CAST that of the type: 3 when it has none."""
    wanted = to.expressions[0].name if to.expressions else "3"
    digits = len(text.partition(".")[2])
    return wanted.isdigit() and digits <= min(6, int(wanted))


def names_bare_decimal(words):
    """CAST('1.50' AS DECIMAL) is 2, DECIMAL '1.50' is 1.50, and both are the same tree."""
    return any(a.lower() == "as" and b.lower() in ("decimal", "dec") and c != "(" for a, b, c in zip(words, words[1:], words[2:]))


def a_double(text, node):
    if text == "NaN":
        return literal_of("NaN", "double") if outermost(node) else None
    if text in ("Infinity", "-Infinity"):
        return literal_of(text, "double")
    finite = _DOUBLE.fullmatch(text) and abs(float(text)) != float("inf")
    return literal_of(text, "double") if finite else None


def a_real(text, _node):
    return literal_of(text, "float") if _DOUBLE.fullmatch(text) and abs(float(text)) < 3.4e38 else None


def a_decimal(text, node):
    """Its type has the digits of the text."""
    m = _WHOLE.fullmatch(text)
    if node.args["to"].expressions or m is None or not m[2] and not m[3] and "0" not in text:
        return None
    scale = len(m[3] or "")
    width = max(1, len(m[2]) + scale)
    return literal_of(text, "decimal(%d, %d)" % (width, scale)) if width <= 38 else None


def instant(m):
    """The moment, when the zone's clocks show that time once."""
    local = datetime.datetime.fromisoformat(m[1])
    if m[6] is None:
        shift = datetime.timedelta(hours=int(m[4]), minutes=int(m[5]))
        if shift > datetime.timedelta(hours=14):
            raise ValueError("an offset of more than 14 hours")
        return local - shift if m[3] == "+" else local + shift
    zone = zoneinfo.ZoneInfo(m[6])
    shifts = {local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    if len(shifts) != 1:
        raise ValueError("a time that the clocks show twice, or never")
    return local - shifts.pop()


def a_moment(text, node):
    """DuckDB keeps the moment and not the zone."""
    m = _ZONED.fullmatch(text)
    if m is None or not only_compared(node):
        return None
    try:
        utc = instant(m)
    except (ValueError, OverflowError, OSError):
        return None
    new = literal_of(utc.isoformat(" ") + (m[2] or "") + "+00", "timestamptz")
    new.this.meta["qf_was"] = text
    return new


def only_compared(node):
    parent = node.parent
    if node.meta.get("qf_kept"):
        return True
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if isinstance(parent, COMPARES):
        return {kind(parent.this), kind(parent.expression)} == {D.TIMESTAMPTZ}
    if isinstance(parent, (exp.Between, exp.In)):
        return kind(parent.this) == D.TIMESTAMPTZ
    return False


def a_whole(bits, text, ty):
    fits = re.fullmatch(r"-?\d{1,19}", text) and -(1 << bits) <= int(text) < 1 << bits
    return literal_of(text, ty) if fits else None


FORMS = {D.UUID: a_uuid, D.TIME: a_time, D.DOUBLE: a_double, D.FLOAT: a_real, D.DECIMAL: a_decimal, D.TIMESTAMPTZ: a_moment,
         D.TINYINT: lambda text, _: a_whole(7, text, "tinyint"), D.SMALLINT: lambda text, _: a_whole(15, text, "smallint"),
         D.INT: lambda text, _: a_whole(31, text, "int"), D.BIGINT: lambda text, _: a_whole(63, text, "bigint"),
         D.BOOLEAN: lambda text, _: literal_of(text, "boolean") if text in ("true", "false") else None}


def binary(node):
    """X'0aff'"""
    node.type = node.type or exp.DataType.build("varbinary")
    return True


def infinity(node):
    return literal_of("Infinity", "double") if not node.expressions else None


def nan(node):
    return literal_of("NaN", "double") if not node.expressions and outermost(node) else None


# ---- several ---------------------------------------------------------------------------------------------------------

def array(node):
    """Elements of one type; integers of several become the widest; NULL anywhere."""
    values = [e for e in node.expressions if not isinstance(e, exp.Null)]
    kinds = {kind(e) for e in values}
    if not values:
        return True
    if kinds <= INT:
        one = exp.DataType.build(max(kinds, key=WIDEST.get).value)
    elif kinds <= TXT:
        one = exp.DataType.build("varchar")
    elif len(kinds) == 1 and (kinds <= ELEMENTS or len({e.type.sql() for e in values}) == 1 and values[0].type.expressions):
        one = values[0].type.copy()
    else:
        return None
    node.type = exp.DataType(this=D.ARRAY, expressions=[one], nested=True)
    return True


def row(node):
    """ROW(1, 'a'): its fields have no names."""
    named = any(isinstance(e, (exp.PropertyEQ, exp.Alias)) for e in node.expressions)
    alone = isinstance(node.parent, exp.Tuple) and len(node.parent.expressions) == 1  # VALUES ROW(1, 2) has two columns
    if isinstance(node.parent, exp.Cast) and named_row(node.parent) is not None:
        return True
    if named or alone or not outermost(node):
        return None
    return exp.Anonymous(this="ROW", expressions=[e.copy() for e in node.expressions])


def named_row(node):
    """CAST(ROW(1, 'a') AS ROW(x integer, y varchar)), when no field changes."""
    value, fields = node.this, node.args["to"].expressions
    if not isinstance(value, exp.Struct) or len(fields) != len(value.expressions) or not outermost(node):
        return None
    pairs = [(kind(v), f.args.get("kind")) for v, f in zip(value.expressions, fields) if isinstance(f, exp.ColumnDef)]
    same = [t is not None and not t.expressions and (k == t.this or {k, t.this} <= TXT or k in INT and t.this in INT) for k, t in pairs]
    if len(same) != len(fields) or not all(same):
        return None
    new = node.copy()
    new.set("this", exp.Anonymous(this="ROW", expressions=[e.copy() for e in value.expressions]))
    return new


def read(node):
    return isinstance(node.parent, exp.Bracket) and node.arg_key == "this"


def a_map(node):
    keys, values = node.args.get("keys"), node.args.get("values")
    if not (isinstance(keys, exp.Array) and isinstance(values, exp.Array) and kind(keys) == D.ARRAY and (outermost(node) or read(node))):
        return None
    return keys.type.expressions[0].this in KEYS or None


def all_equal(left, others):
    """(a, b) IN ((c, d), …) of as many fields each, or None."""
    fields = left.expressions
    if not others or any(not isinstance(o, exp.Tuple) or len(o.expressions) != len(fields) for o in others):
        return None
    if any(x.find(exp.Query, exp.Tuple, exp.Func) for x in fields):
        return None  # it would be written, and perhaps run, several times
    one = [exp.and_(*(exp.EQ(this=a.copy(), expression=b.copy()) for a, b in zip(fields, o.expressions))) for o in others]
    return exp.paren(exp.or_(*one))
