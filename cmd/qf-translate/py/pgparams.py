"""Parameters of a PostgreSQL statement: the types that the client has declared, and those that PostgreSQL infers.

PostgreSQL gives a parameter that is not declared the type that its first place asks for. Each place of it is written
with a cast, so that duckdb knows the same type; but a numeric stands bare, since each value has digits of its own, which a
cast would cut: the engine binds them all. One that is not declared does so only beside what tells duckdb that it is one.
"""
from qf_pgtypes import (ANY, BOOL, BYTEA, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, OWN, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ,
                        UUID, Ty, duck_type, shown)
from qf_pgvalue import X

NUMERIC = Ty("numeric", 18, 38, open_=OWN)  # its size is that of no value
JSON = Ty("json")
BY_OID = {16: BOOL, 17: BYTEA, 20: INT8, 21: INT2, 23: INT4, 25: TEXT, 114: JSON, 700: FLOAT4, 701: FLOAT8, 1043: TEXT, 1082: DATE,
          1083: TIME, 1114: TIMESTAMP, 1184: TIMESTAMPTZ, 1186: INTERVAL, 1700: NUMERIC, 2950: UUID, 3802: JSON}
ARRAYS = {1000: BOOL, 1001: BYTEA, 1005: INT2, 1007: INT4, 1009: TEXT, 1015: TEXT, 1016: INT8, 1021: FLOAT4, 1022: FLOAT8,
          1115: TIMESTAMP, 1182: DATE, 1183: TIME, 1185: TIMESTAMPTZ, 1187: INTERVAL, 2951: UUID}
UNDECLARED = (0, 705)


def by_oid(oid):
    """None: a type that duckdb has no equal of."""
    return Ty("array", elem=ARRAYS[oid]) if oid in ARRAYS else BY_OID.get(oid)


def closed(x):
    """A numeric parameter where the digits of its text do not matter."""
    return X(x.sql, Ty("numeric", x.ty.scale, x.ty.width), x.atom) if x.ty.open else x


def bare(x):
    """Beside a numeric, or on the way into a column of numerics."""
    return X(x.sql[5:x.sql.index(" ")], x.ty) if x.ty.open and x.sql.startswith("CAST($") else x


def hinted(x, ty):
    """Beside an operator, from which duckdb would not tell that it is a numeric."""
    if x.ty.open and x.sql.startswith("CAST($"):
        return X("COALESCE(CAST(NULL AS DECIMAL(%d, %d)), %s)" % (ty.width, ty.scale, bare(x).sql), x.ty)
    return x


def stored(x):
    return closed(bare(x))


def plainly(ty):
    if ty.kind == "numeric":
        return NUMERIC
    return Ty("array", elem=plainly(ty.elem)) if ty.kind == "array" else Ty(ty.kind)


class Params:
    def __init__(self, oids):
        self.oids = {i + 1: oid for i, oid in enumerate(oids) if oid not in UNDECLARED}
        self.types = {n: by_oid(oid) for n, oid in self.oids.items()}
        self.trouble = None      # what PostgreSQL itself says against the statement: (SQLSTATE, text)

    def x(self, c, n):
        if n not in self.types:
            return X("$%d" % n, Ty("param", param=n))
        ty = self.types[n]
        if ty is None:
            c.doubt("a parameter of the type with oid %d" % self.oids[n])
            return X("$%d" % n, ANY)
        if ty.kind in ("any", "json"):
            return X("$%d" % n, ty)
        if ty.open and n in self.oids:
            return X("$%d" % n, ty)
        name = duck_type(ty)
        if name is None:
            c.doubt("a parameter of type %s" % shown(ty))
        return X("CAST($%d AS %s)" % (n, name), ty)

    def settle(self, c, x, ty):
        """The place of the parameter asks for a type."""
        n = x.ty.param
        ty = plainly(ty)
        have = self.types.setdefault(n, ty)
        if have.kind != ty.kind or have.kind == "array" and have.elem.kind != ty.elem.kind:
            self.trouble = self.trouble or ("42P08", "inconsistent types deduced for parameter $%d" % n)
        return self.x(c, n)

    def check(self, tokens, out):
        """Each place in the translation (its tokens, and its text) says its type, but beside a column that says it."""
        if self.trouble:
            return self.trouble
        used = set()
        for kind, text, at in tokens:
            if kind != "param":
                continue
            n = int(text[1:])
            used.add(n)
            ty = self.types.get(n)
            if ty is not None and ty.open:
                if n not in self.oids and out[at - 5:].startswith("CAST($%d AS DECIMAL(38, 18))" % n):
                    return "0A000", "the digits of the numeric parameter $%d, which the client does not declare, are not known here" % n
            elif not (ty is not None and ty.kind in ("any", "json")) and out[at - 5:at] != "CAST(":
                return undetermined(n)
        for n in range(1, max(used, default=0)):
            if n not in self.types:
                return undetermined(n)
            if n not in used:
                return "0A000", "the parameter $%d stands nowhere in the statement, which duckdb does not take" % n
        return None


def kept(tokens, out):
    """duckdb merges a cast over the cast of a parameter into one, and forgets its type: each is kept from the other."""
    words = [t[1].upper() for t in tokens]
    cuts = []
    for i in range(len(tokens) - 5):
        if words[i:i + 4] == ["CAST", "(", "CAST", "("] and tokens[i + 4][0] == "param":
            cuts.append((tokens[i + 2][2], "COALESCE("))
            cuts.append((closing(tokens, i + 3) + 1, ", NULL)"))
    parts, at = [], 0
    for place, text in sorted(cuts):
        parts += [out[at:place], text]
        at = place
    return "".join(parts) + out[at:]


def closing(tokens, i):
    """Where the parenthesis ends that token i opens."""
    depth = 0
    for _, text, at in tokens[i:]:
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth == 0:
            return at
    return at


def undetermined(n):
    return "42P18", "could not determine data type of parameter $%d" % n
