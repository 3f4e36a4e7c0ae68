"""Any pair of dialects: what sqlglot's translation is not shown to keep, as doubts.

An allow list. A construct passes when it is standard and both engines are known to agree on it, or when what the two
engines do (TRAITS) is the same and the types at hand settle the rest; everything else is a doubt. Where an exact form
is easy the tree is rewritten instead.
"""
import re

from sqlglot import exp

from qf_decimals import average_of_decimal, decimal_division, round_decimal
from qf_onpg import for_postgres
from qf_traits import FAMILY, TRAITS, TRAIT_NAMES
from qf_trinofuncs import trino_form
from qf_trinolits import all_equal, keeps_digits
from qf_trinopgsets import trino_on_postgres

D = exp.DataType.Type
INT = {D.TINYINT, D.SMALLINT, D.INT, D.BIGINT, D.INT128, D.UTINYINT, D.USMALLINT, D.UINT, D.UBIGINT}
DEC = {D.DECIMAL}
FLT = {D.FLOAT, D.DOUBLE}
TXT = {D.TEXT, D.VARCHAR, D.CHAR, D.NCHAR, D.NVARCHAR}
NUM = INT | DEC | FLT

class Pair:
    def __init__(self, source, target, doubts):
        self.source, self.target, self.doubts = source, target, doubts
        a, b = TRAITS.get(FAMILY.get(source, source)), TRAITS.get(FAMILY.get(target, target))
        self.a = dict(zip(TRAIT_NAMES, a)) if a else {}
        self.b = dict(zip(TRAIT_NAMES, b)) if b else {}

    def same(self, trait):
        return trait in self.a and trait in self.b and self.a[trait] == self.b[trait] and trait != "x"

    @property
    def trino_on_duckdb(self):
        return FAMILY.get(self.source, self.source) == "trino" and self.target == "duckdb"

    @property
    def trino_on_postgres(self):
        return FAMILY.get(self.source, self.source) == "trino" and self.target == "postgres"

    def form(self, node):
        """See trino_form()."""
        if self.trino_on_postgres:
            return trino_on_postgres(node)
        return trino_form(node) if self.trino_on_duckdb else None

    def doubt(self, text):
        text = text.replace("{a}", self.source).replace("{b}", self.target)
        if text not in self.doubts:
            self.doubts.append(text)


CHECKS = {}


def check(*classes):
    def add(fn):
        for c in classes:
            CHECKS[c] = fn
        return fn
    return add


def kind(node):
    t = node.type if node is not None else None
    return t.this if t is not None else D.UNKNOWN


def unknown(node):
    return kind(node) in (D.UNKNOWN, D.USERDEFINED)


def text_or_unknown(node):
    return unknown(node) or kind(node) in TXT


PLAIN = (exp.Select, exp.From, exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.TableAlias, exp.Where, exp.And,
         exp.Or, exp.Not, exp.Paren, exp.Is, exp.Null, exp.Boolean, exp.Group, exp.Having, exp.Order, exp.Limit, exp.Offset,
         exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.CTE, exp.With, exp.Values, exp.Tuple, exp.If, exp.Exists,
         exp.Count, exp.Coalesce, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Var, exp.DataTypeParam,
         exp.Filter, exp.Neg, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Any, exp.CurrentDate, exp.Distinct, exp.Case,
         exp.Parameter, exp.Placeholder, exp.Insert, exp.Update, exp.Delete, exp.Schema, exp.Commit, exp.Rollback, exp.Transaction,
         exp.Returning, exp.Drop, exp.NotNullColumnConstraint, exp.ColumnConstraint, exp.ColumnDef, exp.Lag, exp.Lead,
         exp.FirstValue, exp.LastValue, exp.Add, exp.Sub, exp.Mul, exp.WindowSpec, exp.Window, exp.Ordered, exp.Table, exp.Join,
         exp.Fetch, exp.LimitOptions, exp.Interval, exp.Nullif, exp.Create, exp.Between, exp.In, exp.NullSafeEQ, exp.NullSafeNEQ,
         exp.Literal, exp.Abs, exp.DPipe, exp.Min, exp.Max, exp.DataType)
PLAIN_SET = set(PLAIN)
# What these may carry; anything else in them (QUALIFY, SAMPLE, PIVOT, FOR UPDATE, AS OF …) is a doubt.
ARGS = {exp.Select: {"with_", "expressions", "from_", "joins", "where", "group", "having", "windows", "order", "limit", "offset",
                     "distinct"},
        exp.Table: {"this", "db", "catalog", "alias", "joins", "hints"},
        exp.Join: {"this", "on", "using", "side", "kind", "method"},
        exp.Group: {"expressions", "rollup", "cube", "grouping_sets"},
        exp.Window: {"this", "partition_by", "order", "spec", "alias", "over"},
        exp.Limit: {"expression"}, exp.Offset: {"expression"},
        exp.Union: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
        exp.Intersect: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
        exp.Except: {"this", "expression", "distinct", "order", "limit", "offset", "with_"},
        exp.Count: {"this", "expressions", "big_int"}}
# Functions of one text, the same everywhere that letters are letters.
SIMPLE = {exp.Upper, exp.Lower}


def check_tree(tree, source, target, schema, doubts):
    """Adds doubts, returns the tree (with exact forms where there are some)."""
    p = Pair(source, target, doubts)
    if not p.a or not p.b:
        p.doubt("what {a} and {b} have in common has not been written down")
    for node in reversed(list(tree.walk())):  # what is inside first: an exact form takes its operands with it
        cls = type(node)
        known = ARGS.get(cls)
        if known is not None:
            for name, value in node.args.items():
                if value and name not in known:
                    p.doubt("%s in %s" % (name.strip("_").replace("_", " ").upper(), cls.__name__.upper()))
        if node.parent is None and node is not tree:
            continue  # its place was taken by a form of what stood around it
        fn, new = CHECKS.get(cls), p.form(node)
        if new is True:
            continue
        if isinstance(new, str):
            p.doubt(new)
            continue
        if fn is not None or new is not None:
            new = new or fn(p, node)
            if new is not None and new is not node:
                new.type = new.type or node.type
                if node is tree:
                    tree = new
                else:
                    node.replace(new)
        elif cls not in PLAIN_SET and cls not in SIMPLE and not cls.__name__.startswith("JSONPath"):
            p.doubt("%s cannot be shown to mean the same in {b}" % label(node))
    if p.target == "postgres" and FAMILY.get(source, source) in ("trino", "duckdb"):
        for_postgres(tree, schema, p.doubt)
    return tree


def label(node):
    if isinstance(node, exp.Anonymous):
        return node.name.lower() + "()"
    if isinstance(node, exp.Func):
        return node.sql_name().lower() + "()"
    text = node.sql(comments=False)
    return text if len(text) <= 50 else text[:47] + "…"


# ---- arithmetic ------------------------------------------------------------------------------------------------------

@check(exp.Add, exp.Sub, exp.Mul)
def arithmetic(p, node):
    left, right = node.this, node.expression
    kinds = {kind(left), kind(right)}
    if not p.same("overflow") and not (isinstance(left, exp.Literal) and isinstance(right, exp.Literal)):
        p.doubt("integers that overflow: {a} and {b} do not do the same")
    if {D.DATE} & kinds and not isinstance(node, exp.Mul):
        return date_sum(p, node)
    if D.UNKNOWN in kinds and any(isinstance(x, exp.Interval) for x in (left, right)) and not p.same("date_plus"):
        p.doubt("a date plus an interval is a %s in {a} and a %s in {b}, and the type is not known" % (
            p.a.get("date_plus"), p.b.get("date_plus")))
    if "mysql" in (p.source, p.target) or "tsql" in (p.source, p.target):
        if D.UNKNOWN in kinds or kinds & TXT:
            p.doubt("+, - and * on values that may be text")
    return None


def date_sum(p, node):
    interval = isinstance(node.this, exp.Interval) or isinstance(node.expression, exp.Interval)
    if not interval:
        p.doubt("arithmetic of a date and a number")
        return None
    if p.same("date_plus"):
        return None
    if p.a.get("date_plus") == "date" and p.b.get("date_plus") == "timestamp":
        return exp.cast(exp.paren(node.copy()), "date")
    p.doubt("a date plus an interval is a %s in {a} and a %s in {b}" % (p.a.get("date_plus"), p.b.get("date_plus")))
    return None


def nonzero(node):
    while isinstance(node, (exp.Paren, exp.Neg)):
        node = node.this
    return isinstance(node, exp.Literal) and not node.is_string and any(c in "123456789" for c in node.this)


@check(exp.Div)
def division(p, node):
    left, right = kind(node.this), kind(node.expression)
    both_int = left in INT and right in INT
    if left not in NUM or right not in NUM:
        if not (p.same("int_div") and p.same("zero_div")):
            p.doubt("a division whose operand types are not known: integers divide to a %s in {a} and a %s in {b}" % (
                p.a.get("int_div"), p.b.get("int_div")))
        return None
    if DEC & {left, right} and not FLT & {left, right}:
        exact = decimal_division(node) if p.trino_on_duckdb else None
        if exact is not None:
            return exact
        p.doubt("a division of decimals: the digits of its result differ between {a} and {b}")
        return None
    if not both_int:
        if not p.same("float_zero_div") and not nonzero(node.expression):
            p.doubt("a floating point division by zero is not the same in {a} and {b}")
        return None
    return int_division(p, node)


def int_division(p, node):
    guard = not nonzero(node.expression) and not p.same("zero_div")
    if guard and not (p.a.get("zero_div") == "error" and p.target == "duckdb"):
        p.doubt("a division by zero is not the same in {a} and {b}")
    if p.same("int_div"):
        return None
    if p.a.get("int_div") == "trunc" and p.target in ("duckdb", "mysql"):
        new = exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())
        return zero_guard(new) if guard and p.target == "duckdb" else exp.paren(new)
    if p.a.get("int_div") == "trunc" and isinstance(node.this, exp.Literal) and len(node.this.this) < 16:
        return None
    if p.a.get("int_div") == "float" and p.b.get("int_div") == "trunc":
        return None  # sqlglot makes the dividend a double
    p.doubt("a division of integers is a %s in {a} and a %s in {b}" % (p.a.get("int_div"), p.b.get("int_div")))
    return None


def zero_guard(new):
    """NULL / 0 is NULL; anything else / 0 is an error."""
    test = exp.EQ(this=exp.paren(new.expression.copy()), expression=exp.Literal.number(0))
    if not isinstance(new.this, exp.Literal):
        test = exp.and_(test, exp.Is(this=exp.paren(new.this.copy()), expression=exp.Null()).not_())
    fail = exp.Anonymous(this="ERROR", expressions=[exp.Literal.string("division by zero")])
    return exp.paren(exp.Case(ifs=[exp.If(this=test, true=fail)], default=new))


@check(exp.IntDiv)
def int_div(p, node):
    p.doubt("the integer division operator")


@check(exp.Mod)
def modulo(p, node):
    if not p.same("zero_div") and not nonzero(node.expression):
        p.doubt("a remainder of a division by zero is not the same in {a} and {b}")
    if kind(node.this) not in INT or kind(node.expression) not in INT:
        p.doubt("a remainder of operands that are not known to be integers")


@check(exp.Pow, exp.BitwiseXor)
def caret(p, node):
    p.doubt("%s: powers and exclusive or are written and typed differently" % label(node))


@check(exp.Round)
def rounding(p, node):
    k = kind(node.this)
    exact = round_decimal(node) if p.trino_on_duckdb else None
    if exact is not None:
        return exact
    if k in FLT and p.same("float_round") or k in DEC and node.args.get("decimals") is None:
        return None
    p.doubt("round() of %s" % ("a value whose type is not known" if k not in NUM else k.value.lower()))
    return None


# ---- text ------------------------------------------------------------------------------------------------------------

@check(exp.DPipe)
def pipes(p, node):
    if not p.same("pipes"):
        p.doubt("|| with NULL, or as OR, is not the same in {a} and {b}")
    for x in (node.this, node.expression):
        if not isinstance(x, (exp.DPipe, exp.Literal)) and kind(x) not in TXT and kind(x) not in INT:
            p.doubt("|| of a value whose text form may differ")


@check(exp.Concat)
def concat(p, node):
    if not p.same("concat_null"):
        if p.a.get("concat_null") == "null" and p.b.get("pipes") == "null":
            return None  # sqlglot writes ||
        p.doubt("concat() with NULL is not the same in {a} and {b}")
    return None


@check(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
def comparison(p, node):
    left, right = node.this, node.expression
    if not p.same("text_case") and (kind(left) in TXT or kind(right) in TXT or (unknown(left) and unknown(right))):
        p.doubt("text is compared with regard to case by one of {a} and {b}, and without by the other")
    if p.trino_on_duckdb and isinstance(left, exp.Tuple):
        return tuples(p, node, [right])
    nested(p, left, right)
    loose = {"mysql", "starrocks", "sqlite", "clickhouse", "spark", "hive", "databricks", "snowflake", "oracle", "tsql"}
    if (p.source in loose or p.target in loose) and mixed(left, right):
        p.doubt("a comparison of values of different types")
    return None


def tuples(p, node, others):
    """Field by field, as a NULL in one of them wants it."""
    new = all_equal(node.this, others) if isinstance(node, (exp.EQ, exp.In)) else None
    if new is None:
        p.doubt("a comparison of rows, in which a NULL does not count the same in {a} and {b}")
    return new


@check(exp.In, exp.Nullif, exp.NullSafeEQ, exp.NullSafeNEQ)
def equal_to(p, node):
    if p.trino_on_duckdb and isinstance(node.this, exp.Tuple):
        return tuples(p, node, node.expressions)
    nested(p, node.this)
    return None


def nested(p, *values):
    """[1, NULL] = [1, NULL] is NULL in one and true in the other."""
    if (p.trino_on_duckdb or p.trino_on_postgres) and any(kind(x) in (D.ARRAY, D.LIST, D.MAP, D.STRUCT) for x in values):
        p.doubt("a comparison of arrays, maps or rows, in which a NULL does not count the same in {a} and {b}")


def mixed(left, right):
    a, b = kind(left), kind(right)
    return (a in TXT and b in NUM) or (b in TXT and a in NUM)


@check(exp.Like, exp.ILike)
def like(p, node):
    if not p.same("like_case") and isinstance(node, exp.Like):
        p.doubt("LIKE tells capital letters in one of {a} and {b} only")
    pattern = node.expression
    literal = isinstance(pattern, exp.Literal)
    if not p.same("like_escape") and (not literal or "\\" in pattern.this) and not isinstance(node.parent, exp.Escape):
        p.doubt("LIKE: a backslash in the pattern escapes in one of {a} and {b} only")


@check(exp.Escape)
def escape(p, node):
    if not isinstance(node.expression, exp.Literal) or len(node.expression.this) != 1:
        p.doubt("LIKE with this escape character")


@check(exp.Length)
def length(p, node):
    if not p.same("length") or node.args.get("binary"):
        p.doubt("length() counts characters in one of {a} and {b} and bytes in the other")


@check(exp.Substring)
def substring(p, node):
    start = node.args.get("start")
    if not (isinstance(start, exp.Literal) and not start.is_string and start.this.isdigit() and int(start.this) >= 1):
        p.doubt("substring() from a place that may be 0 or negative")


@check(exp.Trim)
def trim(p, node):
    if node.args.get("expression") is not None or node.args.get("position"):
        p.doubt("trim() of given characters")


@check(exp.Greatest, exp.Least)
def least(p, node):
    if not p.same("least_null") and not (p.a.get("least_null") == "null" and p.b.get("least_null") == "skip"):
        p.doubt("greatest() and least() with NULL are not the same in {a} and {b}")


_SAFE_REGEX = re.compile(r"[\^]?(?:[A-Za-z0-9 _-]|\\\.|\[[A-Za-z0-9_ -]+\]|\.)*[$]?$")


@check(exp.RegexpLike)
def regexp(p, node):
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or not _SAFE_REGEX.match(pattern.this):
        p.doubt("a regular expression outside the part that every engine reads alike")


# ---- dates -----------------------------------------------------------------------------------------------------------

@check(exp.Extract)
def extract(p, node):
    if node.this.name.upper() not in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "QUARTER"):
        p.doubt("extract(%s): engines count it differently" % node.this.name.lower())


@check(exp.Year, exp.Month, exp.Day)
def date_part(p, node):
    return None


@check(exp.TimestampTrunc, exp.DateTrunc)
def truncation(p, node):
    unit = (node.args.get("unit").name if node.args.get("unit") is not None else "").upper()
    if unit not in ("SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "QUARTER", "YEAR"):
        p.doubt("date_trunc(%s)" % unit.lower())
    if kind(node.this) == D.DATE and p.a.get("trunc_of_date") == "date" and unit in ("DAY", "MONTH", "QUARTER", "YEAR"):
        return exp.cast(node.copy(), "date")
    if kind(node.this) not in (D.TIMESTAMP, D.TIMESTAMPNTZ, D.DATETIME) and not p.same("trunc_of_date"):
        p.doubt("date_trunc() of a value not known to be a timestamp: of a date it is a %s in {a} and a %s in {b}" % (
            p.a.get("trunc_of_date"), p.b.get("trunc_of_date")))
    return None


@check(exp.CurrentTimestamp)
def now(p, node):
    if node.args.get("this") is not None:
        p.doubt("current_timestamp with a precision")


# ---- aggregates ------------------------------------------------------------------------------------------------------

def bare(node):
    """An aggregate without FILTER and OVER: another expression can take its place."""
    return not isinstance(node.parent, (exp.Filter, exp.Window, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup))


@check(exp.Filter, exp.Window)
def of_sum(p, node):
    inner = node.this.this if isinstance(node.this, exp.Filter) else node.this
    return whole_sum(p, node, inner) if bare(node) else None


def whole_sum(p, node, inner):
    """duckdb's sum of integers is wider than trino's, which is a bigint or an error."""
    if isinstance(inner, exp.Sum) and kind(inner.this) in INT and p.trino_on_duckdb:
        return exp.cast(node.copy(), "bigint")
    return None


@check(exp.Sum)
def total(p, node):
    k = kind(node.this)
    if bare(node) and k in INT and p.trino_on_duckdb:
        return whole_sum(p, node, node)
    if k in DEC | FLT or k in INT and p.same("overflow"):
        return None
    if unknown(node.this) and {p.source, p.target} <= {"trino", "duckdb", "athena", "presto"}:
        return None
    p.doubt("sum() of a value whose type is not known")
    return None


@check(exp.ApproxDistinct)
def approx_distinct(p, node):
    """The exact number is as near as can be."""
    return exp.Count(this=exp.Distinct(expressions=[node.this.copy()]))


@check(exp.Avg)
def average(p, node):
    k = kind(node.this)
    if k in FLT or (k in INT and p.same("avg_int") and p.a.get("avg_int") == "double"):
        return None
    exact = average_of_decimal(node) if k in DEC and p.trino_on_duckdb and bare(node) else None
    if exact is not None:
        return exact
    p.doubt("avg() of %s: the digits of its result differ" % ("a value whose type is not known" if k not in NUM else k.value.lower()))
    return None


@check(exp.ArrayAgg)
def array_agg(p, node):
    if not p.same("null_agg"):
        p.doubt("array_agg() with NULL values is not the same in {a} and {b}")


# ---- casts and types -------------------------------------------------------------------------------------------------

@check(exp.Cast, exp.TryCast)
def cast(p, node):
    exact = typed_literal(p, node)
    if exact is not None:
        return exact
    p_cast(p, node)
    return None


def typed_literal(p, node):
    """Trino's  decimal '1.50'  and  timestamp '…'  carry the precision of their text."""
    to, value = node.args["to"], node.this
    if p.source not in ("trino", "athena", "presto") or not isinstance(value, exp.Literal) or not value.is_string:
        return None
    if to.this == D.DECIMAL and not to.expressions and re.match(r"\d+(\.\d+)?$", value.this) and not p.trino_on_duckdb:
        return exp.Literal.number(value.this)
    if to.this == D.TIMESTAMP and plain_literal(value.this, D.TIMESTAMP):
        if not keeps_digits(value.this, to):
            p.doubt("a cast that drops digits of the seconds")
        return exp.cast(value.copy(), "timestamp") if to.expressions else None
    return None


def p_cast(p, node):
    source, to = kind(node.this), node.args["to"]
    target = to.this
    value = node.this
    if isinstance(value, exp.Literal) and value.is_string and plain_literal(value.this, target) and not to.expressions:
        return
    if source == target and not to.expressions or isinstance(value, exp.Null):
        return
    if target in TXT and not to.expressions and source in INT | TXT | {D.DATE, D.BOOLEAN}:
        return
    if target in INT and source in INT or target in FLT and source in INT | FLT | DEC or target == D.DECIMAL and to.expressions and source in INT | DEC:
        return
    if target in INT and (source in DEC or source in FLT and p.same("float_to_int")):
        return
    if target in (D.DATE, D.TIMESTAMP) and source in (D.DATE, D.TIMESTAMP):
        return
    p.doubt("a cast of %s to %s" % ("a value whose type is not known" if source == D.UNKNOWN else source.value.lower(), to.sql().lower()))


_FORMS = {D.DATE: r"\d{4}-\d{2}-\d{2}$", D.TIMESTAMP: r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?$", D.INT: r"-?\d{1,9}$",
          D.BIGINT: r"-?\d{1,18}$", D.SMALLINT: r"-?\d{1,4}$", D.DOUBLE: r"-?\d+(\.\d+)?$", D.TEXT: r"(?s).*$", D.VARCHAR: r"(?s).*$"}


def plain_literal(text, target):
    form = _FORMS.get(target)
    return form is not None and re.match(form, text) is not None


@check(exp.DataType)
def data_type(p, node):
    if isinstance(node.parent, (exp.Cast, exp.TryCast)) or isinstance(node.root(), exp.DataType):
        return  # the annotation of a row takes the types of its fields out of the tree
    sizes = [x.name for x in node.expressions if isinstance(x, exp.DataTypeParam)]
    if node.this in TXT and sizes and "duckdb" in (p.source, p.target):
        p.doubt("the length of %s is not kept by duckdb" % node.sql().lower())
    if node.this == D.TIMESTAMP and p.trino_on_duckdb and any(int(n) > 6 for n in sizes):
        p.doubt("the digits of %s" % node.sql().lower())
    if node.this == D.DECIMAL and not sizes:
        p.doubt("decimal without a precision is not the same in {a} and {b}")
    if node.this not in NUM | TXT | {D.DATE, D.TIMESTAMP, D.BOOLEAN}:
        p.doubt("the type %s" % node.sql().lower())


@check(exp.Literal)
def literal(p, node):
    if not node.is_string and "e" in node.this.lower() and {p.source, p.target} & {"postgres", "redshift", "mysql", "snowflake", "oracle"}:
        p.doubt("the number %s is exact in one of {a} and {b} and a floating point number in the other" % node.this)
    if node.is_string and node.this == "" and "oracle" in (p.source, p.target):
        p.doubt("an empty string is NULL in oracle")


@check(exp.Column)
def column(p, node):
    folds = {"snowflake", "oracle"}
    this = node.this
    if isinstance(this, exp.Identifier) and this.args.get("quoted") and (p.source in folds) != (p.target in folds):
        p.doubt('the quoted name "%s": unquoted names are upper case in one of {a} and {b}' % this.this)


@check(exp.Table)
def table(p, node):
    if node.args.get("hints"):
        p.doubt("an index hint is dropped")
    if node.args.get("sample") is not None or isinstance(node.this, exp.Func):
        p.doubt("%s in FROM" % label(node))


@check(exp.Ordered)
def ordered(p, node):
    if not p.same("text_case") and text_or_unknown(node.this) and not isinstance(node.this, exp.Literal):
        p.doubt("text is sorted with regard to case by one of {a} and {b}, and without by the other")


@check(exp.Values)
def values(p, node):
    if "mysql" in (p.source, p.target) and not isinstance(node.parent, exp.Insert):
        p.doubt("VALUES as a query")


@check(exp.Distinct)
def distinct(p, node):
    if node.args.get("on") is not None:
        p.doubt("DISTINCT ON")


@check(exp.Create)
def create(p, node):
    if node.args.get("kind", "").upper() not in ("TABLE", "VIEW", "SCHEMA") or node.args.get("properties") is not None:
        p.doubt("this CREATE")


@check(exp.Insert)
def insert(p, node):
    if node.args.get("conflict") is not None or node.args.get("overwrite") or node.args.get("ignore"):
        p.doubt("INSERT with a rule for rows that are there already")


@check(exp.Update, exp.Delete)
def change(p, node):
    if node.args.get("from_") is not None or node.args.get("using") or node.args.get("order") or node.args.get("limit"):
        p.doubt("UPDATE or DELETE with more than a table and WHERE")
