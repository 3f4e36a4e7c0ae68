"""PostgreSQL expressions as DuckDB text that means the same, or a doubt.

What is handled was compared with both engines on grids of values. Whatever has no handler here, or falls through
one, is a doubt: the text is then sqlglot's best effort and the caller is told that it cannot be shown to be right.
"""
from qf_pgparams import Params, bare, closed, hinted
from qf_pgtypes import (ANY, BOOL, DATE, DUCK, FLOAT8, FREE, INT4, INT8, INTERVAL, INTS, LOOSE, NUMBERS, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ,
                        WIDTH, Ty, Unreadable, duck_type, read_bool, read_int, read_interval, read_numeric, read_time,
                        read_timestamp, read_uuid, shown)
from qf_pgvalue import FLOAT_TEXT, X, by_length, decimal, float_literal, in_single, interval_value, moment, nonzero, plain, small_product, type_error
from qf_tokens import quote


HANDLERS = {}
ARGS = {}
_USUAL = ("this", "expression", "expressions")


def handles(*classes, args=""):
    """A handler for nodes that have no other arguments than these and the usual ones."""
    def add(fn):
        for c in classes:
            HANDLERS[c] = fn
            ARGS[c] = frozenset(_USUAL + tuple(args.split()))
        return fn
    return add


class Exprs:
    def __init__(self, names, fallback):
        self.names = names            # restores the function names that were set aside before parsing
        self.fallback = fallback      # node → sqlglot's DuckDB text
        self.doubts = []
        self.params = Params(())
        self.scope = None
        self.guard = False            # types that nobody has told are made sure when the statement runs
        self.says_unknown = False     # the text holds IS UNKNOWN, which sqlglot reads as IS NULL

    def doubt(self, text):
        if text not in self.doubts:
            self.doubts.append(text)

    def unknown(self, node, why=None):
        what = self.names.label(node)
        self.doubt(why or "%s cannot be shown to mean the same in duckdb" % what)
        return X(self.fallback(node), ANY, False)

    def raw(self, node):
        handler = HANDLERS.get(type(node))
        if handler is not None:
            known = ARGS[type(node)]
            for name, value in node.args.items():
                if value and name not in known:
                    handler = None
        x = handler(self, node) if handler else self.unknown(node)
        if node.comments:
            x = X("%s %s" % (x.sql, " ".join("/*%s*/" % c.replace("*/", "* /") for c in node.comments)), x.ty, x.atom)
        return x

    def e(self, node):
        return self.settle(self.raw(node))

    def settle(self, x):
        ty = x.ty
        if ty.kind == "numeric" and (ty.scale is None or ty.open):
            self.doubt("a quotient, an average or a mix of numerics has as many digits after the point as PostgreSQL chooses "
                       "for each value, which duckdb cannot show: round(…, n) makes it exact")
            return X(x.sql, ANY, x.atom)
        if not ty.pending:
            return x
        return X("CASE WHEN NOT ISFINITE(%s) THEN ERROR('value out of range: overflow') ELSE %s END" % (x.sql, x.sql),
                 plain(ty), False)

    def twice(self, *xs):
        """These texts are about to be written more than once."""
        for x in xs:
            if x.ty.volatile:
                self.doubt("an expression that is not the same each time would have to be evaluated twice")

    def sure(self, x, kinds, ty=ANY):
        """A value of unknown type that must be of one of these types of duckdb, or the statement fails when it runs.

        duckdb folds TYPEOF() when it plans, so the check costs nothing. None when no checks are wanted.
        """
        if not self.guard:
            return None
        self.twice(x)
        names = [k for k in kinds.split("|") if k != "DECIMAL"]
        tests = ["TYPEOF(%s) IN (%s)" % (x.sql, ", ".join(quote(n) for n in names))] if names else []
        if len(names) < len(kinds.split("|")):
            tests.append("TYPEOF(%s) LIKE 'DECIMAL%%'" % x.sql)
        return X("CASE WHEN %s THEN %s ELSE %s END" % (" OR ".join(tests), x.sql, type_error(x)), ty)

    def never(self, x, kinds):
        """The other way round: any type but these."""
        self.twice(x)
        return X("CASE WHEN TYPEOF(%s) NOT IN (%s) THEN %s ELSE %s END" % (
            x.sql, ", ".join(quote(k) for k in kinds.split("|")), x.sql, type_error(x)), ANY)

    # ---- coercion ----------------------------------------------------------------------------------------------------

    def literal(self, text, ty):
        """A string literal read as a type, the way PostgreSQL reads it."""
        try:
            return self._literal(text, ty)
        except Unreadable as err:
            self.doubt(str(err))
            return X("CAST(%s AS %s)" % (quote(text), duck_type(ty) or "VARCHAR"), ty)

    def _literal(self, text, ty):
        kind = ty.kind
        if kind in ("text", "unknown"):
            return X(quote(text), TEXT)
        if kind in INTS:
            v = read_int(text, kind)
            return X("CAST(%d AS %s)" % (v, DUCK[kind]), Ty(kind, lit=v))
        if kind == "numeric":
            digits, scale = read_numeric(text)
            return decimal(digits, scale)
        if kind in ("float8", "float4"):
            return float_literal(text, kind)
        if kind == "bool":
            return X("TRUE" if read_bool(text) else "FALSE", BOOL)
        if kind == "time":
            return X("CAST(%s AS TIME)" % quote(read_time(text)), TIME)
        if kind == "interval":
            return interval_value(*read_interval(text))
        if kind == "uuid":
            return X("CAST(%s AS UUID)" % quote(read_uuid(text)), ty)
        if kind in ("date", "timestamp", "timestamptz"):
            return moment(text, kind)
        raise Unreadable("a literal of type %s" % shown(ty))

    def as_type(self, x, ty):
        """An unknown literal, and a parameter, become the other side's type; others stay as they are."""
        if x.ty.kind == "param" and ty.kind not in FREE:
            return self.params.settle(self, x, ty)
        if x.ty.kind != "unknown" or ty.kind in FREE:
            return x
        if x.ty.lit is None:
            name = duck_type(ty)
            return X("CAST(NULL AS %s)" % name if name else "NULL", ty)
        if ty.kind == "any":
            self.check_free_literal(x.ty.lit)
            return X(quote(x.ty.lit), UNKNOWN_TEXT)
        return self.literal(x.ty.lit, ty)

    def check_free_literal(self, text):
        """A string beside a column of unknown type: duckdb reads some that PostgreSQL refuses or reads otherwise."""
        s = text.strip()
        if not s[:1].isdigit() and s[:1] not in "+-.":
            return
        for read in (lambda t: read_int(t, "int8"), read_timestamp, read_uuid):
            try:
                read(text)
                return
            except Unreadable:
                pass
        if any(c.isalpha() and c not in "eExX_" for c in s) or " " in s:
            return
        self.doubt("the literal %s beside a column of unknown type: whether it is a number or text decides" % quote(text))

    def text(self, x):
        """The value as PostgreSQL writes it into text."""
        kind = x.ty.kind
        if kind == "text" or kind in FREE:
            return self.as_type(x, TEXT)
        if kind in INTS or kind in ("bool", "time", "uuid") or kind == "numeric":
            return X("CAST(%s AS VARCHAR)" % x.sql, TEXT)
        if kind == "date":
            return X("REPLACE(CAST(%s AS VARCHAR), ' (BC)', ' BC')" % x.sql, TEXT)
        if kind in ("timestamp", "timestamptz"):
            return X("REGEXP_REPLACE(CAST(%s AS VARCHAR), '^(.*) \\(BC\\)(.*)$', '\\1\\2 BC')" % x.sql, TEXT)
        if kind == "float8":
            self.twice(x)
            return X(FLOAT_TEXT.replace("{x}", x.p), TEXT, False)
        if kind == "any" and self.guard:
            return self.cast_any(x, TEXT)
        self.doubt("the text form of %s differs in duckdb" % shown(x.ty) if kind != "any" else
                   "the text form of a value whose type is not known may differ in duckdb")
        return X("CAST(%s AS VARCHAR)" % x.sql, TEXT)

    def double(self, x):
        kind, x = x.ty.kind, closed(x)
        if kind == "float8":
            return x
        if kind == "numeric" and x.ty.lit is None and x.ty.width > 15:
            return X("CAST(CAST(%s AS VARCHAR) AS DOUBLE)" % x.sql, FLOAT8)
        return X("CAST(%s AS DOUBLE)" % x.sql, Ty("float8", lit=x.ty.lit, pending=x.ty.pending, volatile=x.ty.volatile))

    def common(self, xs, what):
        """The operands of CASE, COALESCE, UNION …, brought to one type as PostgreSQL resolves it."""
        known = [x.ty for x in xs if x.ty.kind not in FREE]
        if not known:
            return [self.as_type(x, TEXT) for x in xs], TEXT
        kinds = {t.kind for t in known}
        if "any" in kinds and self.guard:
            xs = self.agree(xs, [t for t in known if t.kind != "any"])
            known = [x.ty for x in xs if x.ty.kind not in FREE]
            kinds = {t.kind for t in known}
        if "any" in kinds:
            if len(known) > 1 and not self.guard:
                self.doubt("%s over columns of unknown type" % what)
            return [self.as_type(x, ANY) for x in xs], ANY
        ty = self.common_type(known, kinds, what)
        return [self.bring(self.as_type(x, ty), ty) for x in xs], ty

    def agree(self, xs, known):
        """Values of unknown type are of the type of those that are known, or all of one type."""
        unknown = [x for x in xs if x.ty.kind == "any"]
        if known:
            names = {NAMES_OF.get(t.kind) for t in known}
            name = names.pop() if len(names) == 1 else None
            if name is None or (known[0].kind == "numeric" and known[0].scale is None):
                return xs
            if known[0].kind == "numeric":
                return [self.sure_scale(x, known[0].scale) if x.ty.kind == "any" else x for x in xs]
            return [self.sure(x, name, known[0] if name != "INTEGER|BIGINT" else INT8) if x.ty.kind == "any" else x for x in xs]
        first = unknown[0]
        if len(unknown) < 2:
            return xs
        self.twice(*unknown)
        test = " AND ".join("TYPEOF(%s) = TYPEOF(%s)" % (first.sql, x.sql) for x in unknown[1:])
        one = X("CASE WHEN %s THEN %s ELSE ERROR('columns of different types: cast them to one') END" % (test, first.sql), ANY)
        return [one if x is first else x for x in xs]

    def sure_scale(self, x, scale):
        self.twice(x)
        return X("CASE WHEN TYPEOF({x}) LIKE 'DECIMAL(%,{s})' THEN {x} ELSE ERROR('numbers of different scales: cast them to one') END"
                 .format(x=x.sql, s=scale), Ty("numeric", scale, 38))

    def common_type(self, known, kinds, what):
        if kinds <= set(NUMBERS):
            top = max(kinds, key=NUMBERS.get)
            if top == "numeric":
                scales = {None if t.open else t.scale if t.kind == "numeric" else 0 for t in known}
                whole = max((WIDTH.get(t.kind) or t.width) - (t.scale or 0) for t in known)
                scale = scales.pop() if len(scales) == 1 else None
                return Ty("numeric", scale, min(38, whole + (scale or 0)))
            return Ty(top)
        if kinds <= {"date", "timestamp", "timestamptz"}:
            return TIMESTAMPTZ if "timestamptz" in kinds else TIMESTAMP if "timestamp" in kinds else DATE
        if len(kinds) == 1 and known[0].kind != "array":
            return known[0]
        self.doubt("%s over %s" % (what, " and ".join(sorted({shown(t) for t in known}))))
        return ANY

    def bring(self, x, ty):
        if ty.kind == "float8" and x.ty.kind != "float8":
            return self.double(x)
        if ty.kind == "float4" and x.ty.kind == "numeric":
            return X("CAST(CAST(%s AS VARCHAR) AS FLOAT)" % x.sql, ty)
        if ty.kind in ("timestamp", "timestamptz", "float4") and x.ty.kind != ty.kind and x.ty.kind != "any":
            return X("CAST(%s AS %s)" % (x.sql, DUCK[ty.kind]), ty)
        return x

    # ---- operators ---------------------------------------------------------------------------------------------------

    def pair(self, node):
        left, right = self.raw(node.this), self.raw(node.expression)
        if left.ty.kind in FREE and right.ty.kind not in FREE + ("any",):
            left = self.as_type(left, beside(node, left, right.ty))
        elif right.ty.kind in FREE and left.ty.kind not in FREE + ("any",):
            right = self.as_type(right, beside(node, right, left.ty))
        return left, right

    def no_operator(self, left, op, right):
        if "any" in (left.ty.kind, right.ty.kind):
            self.doubt("%s: the type of an operand is not known" % op)
        elif left.ty.kind in FREE and right.ty.kind in FREE:
            self.doubt("%s between two values without a type" % op)
        else:
            self.doubt("%s %s %s" % (shown(left.ty), op, shown(right.ty)))
        return X("%s %s %s" % (left.p, op, right.p), ANY, False)

    def arithmetic(self, op, left, right):
        lk, rk = left.ty.kind, right.ty.kind
        volatile = left.ty.volatile or right.ty.volatile
        if lk in INTS and rk in INTS:
            return self.int_arithmetic(op, left, right, volatile)
        if self.guard and "any" in (lk, rk) and (op in "+-*" or op == "%" and nonzero(right.ty)):
            return self.guarded_arithmetic(op, left, right)
        if lk not in NUMBERS or rk not in NUMBERS:
            return self.date_arithmetic(op, left, right)
        if "float8" in (lk, rk) or ("float4" in (lk, rk) and lk != rk):
            if op == "%":
                return self.no_operator(left, op, right)
            return self.float_arithmetic(op, self.double(self.exact(left)), self.double(self.exact(right)), volatile)
        if lk == "float4":
            return self.no_operator(left, op, right) if op == "%" else self.float_arithmetic(op, left, right, volatile, "float4")
        return self.numeric_arithmetic(op, left, right, volatile)

    def guarded_arithmetic(self, op, left, right):
        """+, - and * mean the same for these types; single precision and small integers are other ones."""
        kinds = {left.ty.kind, right.ty.kind} - {"any"}
        if kinds <= {"int4", "int8", "numeric"}:
            allowed = "INTEGER|BIGINT|DECIMAL" + ("|DATE|TIMESTAMP|TIMESTAMP WITH TIME ZONE" if op == "-" and not kinds else
                                                  "|DATE" if op in "+-" and kinds == {"int4"} else "")
        elif kinds == {"interval"} and op in "+-":
            allowed = "DATE|TIMESTAMP|TIMESTAMP WITH TIME ZONE"
        elif kinds <= {"date", "timestamp"} and op == "-":
            allowed = "DATE|TIMESTAMP"
        else:
            return self.no_operator(left, op, right)
        left, right = (self.sure(x, allowed) if x.ty.kind == "any" else self.settle(x) for x in (left, right))
        return X("%s %s %s" % (left.p, op, right.p), INTERVAL if kinds == {"timestamp"} else ANY, False)

    def exact(self, x):
        return self.settle(x) if x.ty.kind == "numeric" else x

    def int_arithmetic(self, op, left, right, volatile):
        kind = max(left.ty.kind, right.ty.kind, key=INTS.get)
        if "int2" in (left.ty.kind, right.ty.kind) and kind != "int2":
            left = X("CAST(%s AS %s)" % (left.sql, DUCK[kind]), left.ty)
        ty = Ty(kind, volatile=volatile)
        if op in "+-*":
            return X("%s %s %s" % (left.p, op, right.p), ty, False)
        return self.guarded("//" if op == "/" else op, left, right, ty)

    def guarded(self, op, left, right, ty):
        """Division and modulo: duckdb answers NULL (or infinity) where PostgreSQL says division by zero."""
        text = "%s %s %s" % (left.p, op, right.p)
        if nonzero(right.ty):
            return X(text, ty, False)
        self.twice(left, right)
        fail = "ERROR('division by zero')"
        if left.ty.lit is None:
            fail = "CASE WHEN %s IS NOT NULL THEN %s END" % (left.p, fail)
        return X("CASE WHEN %s = 0 THEN %s ELSE %s END" % (right.p, fail, text), ty, False)

    def float_arithmetic(self, op, left, right, volatile, kind="float8"):
        ty = Ty(kind, pending=True, volatile=volatile)
        if op == "/":
            return self.guarded("/", left, self.settle(right), ty)
        return X("%s %s %s" % (left.p, op, right.p), ty, False)

    def numeric_arithmetic(self, op, left, right, volatile):
        open_ = LOOSE if LOOSE in (left.ty.open, right.ty.open) else left.ty.open or right.ty.open
        if open_ and op == "*" and any(x.ty.kind == "numeric" and not x.ty.open for x in (left, right)):
            open_ = LOOSE  # the engine may give it the digits of the other side
        if op in "/%":
            left, right = self.exact(left), self.exact(right)
        if op == "/":
            return X("%s / %s" % (left.p, right.p),
                     Ty("numeric", ratio=(left, right, "yes" if nonzero(right.ty) else "no"), volatile=volatile), False)
        left, right = beside_numeric(left, right, hinted), beside_numeric(right, left, hinted)
        left, right = self.exact(closed(left)), self.exact(closed(right))
        if "any" in (left.ty.kind, right.ty.kind):
            return X("%s %s %s" % (left.p, op, right.p), ANY, False)
        ls, rs = left.ty.scale or 0, right.ty.scale or 0
        lw, rw = left.ty.width or WIDTH[left.ty.kind], right.ty.width or WIDTH[right.ty.kind]
        whole = all(x.ty.whole or x.ty.kind in INTS for x in (left, right))
        if op == "*":
            scale, width = ls + rs, lw + rw
        else:
            scale, width = max(ls, rs), max(lw - ls, rw - rs) + max(ls, rs) + 1
        if scale > 38:
            self.doubt("a product of more than 38 digits after the point")
        ty = Ty("numeric", scale, min(38, width), whole=whole, volatile=volatile, open_=open_)
        if op == "%":
            ty.width = max(lw - ls, rw - rs) + scale
            if ty.width > 38 and not whole:
                self.doubt("a remainder of numerics that need more than 38 digits together")
            return self.guarded("%", left, right, ty)
        if width > 18 and lw <= 18 and rw <= 18 and not whole:
            # duckdb keeps such a result in 18 digits and fails beyond them
            left = X("CAST(%s AS DECIMAL(%d, %d))" % (left.sql, min(38, max(19, width)), ls), left.ty)
        return X("%s %s %s" % (left.p, op, right.p), ty, False)

    def date_arithmetic(self, op, left, right):
        lk, rk = left.ty.kind, right.ty.kind
        ty = DATE_OPS.get((lk, op, rk))
        if ty is None:
            return self.no_operator(left, op, right)
        left, right = self.settle(left), self.settle(right)
        if (lk, op, rk) == ("time", "-", "time"):
            return X("TO_MICROSECONDS(EPOCH_US(%s) - EPOCH_US(%s))" % (left.sql, right.sql), ty)
        for days in (left, right) if {lk, rk} & {"int2", "int4"} else ():
            if days.ty.kind in ("int2", "int4") and not (isinstance(days.ty.lit, int) and abs(days.ty.lit) < 3000000):
                # duckdb's calendar wraps round
                self.twice(days)
                days.sql = "CASE WHEN %s BETWEEN -3000000 AND 3000000 THEN %s WHEN %s IS NOT NULL THEN ERROR('date out of range') END" % (
                    days.p, days.p, days.p)
                days.atom = False
        if (lk, op, rk) == ("date", "-", "date"):
            return X("CAST(%s - %s AS INTEGER)" % (left.p, right.p), ty)
        if "interval" in (lk, rk) and op in "*/":
            if lk in NUMBERS:
                left = self.double(left)
            if rk in NUMBERS:
                right = self.double(right)
            return self.interval_product(op, left, right)
        return X("%s %s %s" % (left.p, op, right.p), ty, False)

    def interval_product(self, op, left, right):
        """duckdb keeps the seconds of a product in 32 bits and says nothing when they are more."""
        span, factor = (left, right) if left.ty.kind == "interval" else (right, left)
        x = self.guarded(op, left, right, INTERVAL) if op == "/" else X("%s * %s" % (left.p, right.p), INTERVAL, False)
        k = factor.ty.lit
        k = k[0] / 10 ** k[1] if isinstance(k, tuple) else k
        if span.ty.lit and small_product(op, *span.ty.lit, k):
            return x
        self.twice(left, right)
        tests = ["ABS(EXTRACT(HOUR FROM %s) %s %s) > 500000" % (span.sql, op, factor.p)]
        if op == "/":
            # beyond some years of days the two round differently in the last digits
            tests = ["%s <> 0 AND %s" % (factor.p, tests[0]), "ABS(EXTRACT(DAY FROM %s)) > 1000" % span.sql,
                     "ABS(EXTRACT(YEAR FROM %s)) > 50" % span.sql]
        return X("CASE WHEN %s THEN ERROR('interval out of range') ELSE %s END" % (" OR ".join(tests), x.p), INTERVAL, False)

    def compare(self, op, left, right):
        """op between two values; the caller settles what the result is."""
        lk, rk = left.ty.kind, right.ty.kind
        if lk in FREE and rk in FREE:
            left, right = self.as_type(left, TEXT), self.as_type(right, TEXT)
            return X("%s %s %s" % (left.p, op, right.p), BOOL, False)
        if left.ty.ratio or right.ty.ratio:
            left, right = self.cross(left, right)
        left, right = beside_numeric(left, right, bare), beside_numeric(right, left, bare)
        left, right = self.settle(closed(left)), self.settle(closed(right))
        lk, rk = left.ty.kind, right.ty.kind
        if "any" in (lk, rk):
            left, right = self.compare_any(left, right), self.compare_any(right, left)
            if self.guard:
                left, right = self.not_single(left, right), self.not_single(right, left)
        elif lk in NUMBERS and rk in NUMBERS:
            if lk != rk and ("float8" in (lk, rk) or "float4" in (lk, rk)):
                left, right = self.double(left), self.double(right)
        elif lk == rk == "interval":
            left, right = by_length(left), by_length(right)
        elif lk != rk and not {lk, rk} <= {"date", "timestamp", "timestamptz"} or lk in ("array", "json"):
            return self.no_operator(left, op, right)
        return X("%s %s %s" % (left.p, op, right.p), BOOL, False)

    def compare_any(self, x, other):
        x = self.as_type(x, other.ty)
        if other.ty.kind == "any" and x.ty.kind in ("int4", "int8", "numeric") and x.ty.lit is not None and \
                not in_single(x.ty.lit) and not self.guard:
            self.doubt("a number that single precision cannot hold, beside a column of unknown type")
        return x

    def not_single(self, x, other):
        """A REAL column beside a number that single precision cannot hold."""
        if x.ty.kind != "any" or other.ty.kind not in NUMBERS or (other.ty.lit is not None and in_single(other.ty.lit)):
            return x
        self.twice(x)
        return X("CASE WHEN TYPEOF({x}) <> 'FLOAT' THEN {x} ELSE ERROR('cast a real column to real') END".format(x=x.sql), ANY)

    def cross(self, left, right):
        """An average beside a number: S/N < c is S < c*N for N > 0, and needs no quotient."""
        flip = right.ty.ratio is not None and left.ty.ratio is None
        avg, other = (right, left) if flip else (left, right)
        top, bottom, guard = avg.ty.ratio
        if other.ty.ratio or guard != "count" or other.ty.kind not in ("int2", "int4", "int8", "numeric"):
            return left, right
        one = X(top.sql, top.ty, top.atom)
        two = self.numeric_arithmetic("*", other, X(bottom.sql, Ty("numeric", 0, 19, whole=True), bottom.atom), False)
        return (two, one) if flip else (one, two)

    def truth(self, node):
        x = self.e(node)
        if x.ty.kind in FREE:
            return self.as_type(x, BOOL)
        if x.ty.kind not in ("bool", "any"):
            self.doubt("%s where PostgreSQL wants a boolean" % shown(x.ty))
        return x


def beside_numeric(x, other, form):
    if other.ty.kind != "numeric" or other.ty.open or other.ty.whole or other.ty.scale is None:
        return x
    return bare(x) if form is bare else hinted(x, other.ty)


def beside(node, x, ty):
    """What a parameter next to an operator is: the other side's type, if the operator exists between two of it."""
    if x.ty.kind != "param":
        return ty
    if ty.kind in ("timestamp", "timestamptz") and node.key == "add":
        return INTERVAL
    return FLOAT8 if ty.kind == "interval" and node.key in ("mul", "div") else ty


NAMES_OF = {"int4": "INTEGER|BIGINT", "int8": "INTEGER|BIGINT", "numeric": "DECIMAL", "float8": "DOUBLE", "text": "VARCHAR",
            "bool": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE",
            "interval": "INTERVAL", "time": "TIME"}
UNKNOWN_TEXT = Ty("text")
DATE_OPS = {("date", "+", "int4"): DATE, ("date", "-", "int4"): DATE, ("int4", "+", "date"): DATE,
            ("date", "+", "int2"): DATE, ("date", "-", "int2"): DATE,
            ("date", "-", "date"): INT4, ("date", "+", "interval"): TIMESTAMP, ("date", "-", "interval"): TIMESTAMP,
            ("interval", "+", "date"): TIMESTAMP, ("date", "+", "time"): TIMESTAMP, ("time", "+", "date"): TIMESTAMP,
            ("timestamp", "+", "interval"): TIMESTAMP, ("timestamp", "-", "interval"): TIMESTAMP,
            ("interval", "+", "timestamp"): TIMESTAMP, ("timestamp", "-", "timestamp"): INTERVAL,
            ("timestamp", "-", "date"): INTERVAL, ("date", "-", "timestamp"): INTERVAL,
            ("timestamptz", "+", "interval"): TIMESTAMPTZ, ("timestamptz", "-", "interval"): TIMESTAMPTZ,
            ("interval", "+", "timestamptz"): TIMESTAMPTZ, ("timestamptz", "-", "timestamptz"): INTERVAL,
            ("time", "+", "interval"): TIME, ("time", "-", "interval"): TIME, ("interval", "+", "time"): TIME,
            ("time", "-", "time"): INTERVAL, ("interval", "+", "interval"): INTERVAL,
            ("interval", "-", "interval"): INTERVAL}
for _k in NUMBERS:
    DATE_OPS["interval", "*", _k] = DATE_OPS[_k, "*", "interval"] = DATE_OPS["interval", "/", _k] = INTERVAL
