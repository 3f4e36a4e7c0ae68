"""Statements about PostgreSQL's catalog as words: which ones they are, and their spelling for sqlglot. See pgcatalog.py."""
from qf_catalog import catalog
from qf_pgcatfuncs import ROWS

# Types whose values are numbers of objects, shown by the objects' names.
REGS = ("regclass", "regtype", "regproc", "regnamespace", "regrole", "regprocedure")
OIDS = REGS + ("oid", "xid", "cid")
VECTORS = ("int2vector", "oidvector")
OWN_TYPES = set(OIDS) | set(VECTORS) | {"name", "char", "regcollation", "regoper", "regoperator", "regconfig", "regdictionary", "pg_node_tree", "tid", "inet",
                                        "aclitem", "anyarray", "xid8", "void"}
DOMAINS = {"sql_identifier": "name", "character_data": "varchar", "cardinal_number": "int4", "yes_or_no": "varchar", "time_stamp": "timestamptz"}
# Functions that say nothing about the catalog by themselves.
ANYWHERE = {"quote_ident", "quote_literal", "parse_ident", "pg_size_pretty"}
# Words that may be names of columns behind AS.
LABELS = {"select", "table", "order", "group", "where", "from", "union", "default", "check", "primary", "references", "end", "case", "all", "any", "user",
          "column", "constraint", "create", "desc", "asc", "limit", "offset", "insert", "update", "delete", "grant", "to", "with", "using", "unique"}
STARTS = ("select", "with", "values", "(", "table")


def name_of(token):
    kind, text, _ = token
    if kind == "word":
        return text.lower()
    return text[1:-1].replace('""', '"') if kind == "quoted" else ""


def about_catalog(tokens):
    """May this be a statement about the catalog?"""
    if not tokens or tokens[0][1].lower() not in STARTS:
        return False
    c = catalog()
    for i, t in enumerate(tokens):
        name = name_of(t)
        if not name:
            continue
        if name in ("pg_catalog", "information_schema", "current_schema", "current_catalog", "current_user", "session_user", "current_role"):
            return True
        if name in REGS or name.startswith("pg_") and ("pg_catalog", name) in c.relations:
            return True
        name = name.lower()
        if i + 1 < len(tokens) and tokens[i + 1][1] == "(" and (
                name in c.functions and name not in ANYWHERE or name == "set_config" or "pg_" in name and name in ROWS):
            return True
    return False


class Speller:
    """The words with types, operators and collations of pg_catalog as sqlglot reads them."""

    def __init__(self, tokens):
        self.tokens, self.out, self.i = tokens, [], 0
        self.casts = [False]  # for each parenthesis that is open: it is that of CAST

    def name(self, k):
        return name_of(self.tokens[k]) if k < len(self.tokens) else ""

    def has(self, k, *texts):
        return k < len(self.tokens) and self.tokens[k][1].lower() in texts

    def put(self, word, steps):
        self.out.append((word, self.tokens[self.i][2]))
        self.i += steps

    def run(self):
        while self.i < len(self.tokens):
            if self.name(self.i) == "operator" and self.has(self.i + 1, "("):
                self.operator()
            elif self.name(self.i) == "collate":
                self.i += 4 if self.has(self.i + 2, ".") else 2
            elif not self.type() and not self.label():
                self.parenthesis()
                self.put(self.tokens[self.i][1], 1)
        return self.out

    def operator(self):
        """OPERATOR(pg_catalog.~)"""
        self.i += 2
        while self.i < len(self.tokens) and not self.has(self.i, ")"):
            if self.name(self.i) == "pg_catalog" or self.has(self.i, "."):
                self.i += 1
            else:
                self.put(self.tokens[self.i][1], 1)
        self.i += 1

    def parenthesis(self):
        if self.has(self.i, "("):
            self.casts.append(self.i > 0 and self.name(self.i - 1) == "cast")
        elif self.has(self.i, ")") and len(self.casts) > 1:
            self.casts.pop()

    def behind_as(self):
        return bool(self.out) and self.out[-1][0].lower() == "as"

    def type(self):
        """A type of the catalog's own gets a name that sqlglot has no idea of; those of others lose their schema."""
        colons = "".join(word for word, _ in self.out[-2:]).endswith("::")
        if not colons and not (self.casts[-1] and self.behind_as()):
            return False
        at = self.i + 2 if self.name(self.i) in ("pg_catalog", "information_schema") and self.has(self.i + 1, ".") else self.i
        name = DOMAINS.get(self.name(at), self.name(at))
        if name in OWN_TYPES and (name != "char" or self.tokens[at][0] == "quoted"):
            many = self.has(at + 1, "[") and self.has(at + 2, "]")
            self.put("qf__" + name if many else "qf_" + name, at + (3 if many else 1) - self.i)
            return True
        if at > self.i:
            self.put(name, at + 1 - self.i)
            return True
        return False

    def label(self):
        """A word that sqlglot does not take for a name behind AS."""
        if not self.behind_as() or self.tokens[self.i][0] != "word" or self.name(self.i) not in LABELS:
            return False
        if self.i + 1 < len(self.tokens) and not self.has(self.i + 1, ",", ")", "from"):
            return False
        self.put('"%s"' % self.name(self.i), 1)
        return True


def joined(words, text):
    """The words with the blanks between them that the text has."""
    parts, at = [], None
    for word, start in words:
        if at is not None and start > at:
            parts.append("\n" if "\n" in text[at:start] else " ")
        elif at is not None and start < at:
            parts.append(" ")
        parts.append(word)
        at = start + len(word)
    return "".join(parts)


def catalog_text(body, tokens):
    """The statement for sqlglot; None when it is none about the catalog."""
    tokens = [t for t in tokens if t[0] not in ("comment", "semi")]
    return joined(Speller(tokens).run(), body) if about_catalog(tokens) else None
