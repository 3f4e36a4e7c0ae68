"""Functions in statements about the catalog that are more than an expression: sets of rows, vectors, formats. See pgcatalog.py."""
import re

from sqlglot import exp

from qf_catalog import held
from qf_tokens import quote

VECTORS = ("int2vector", "oidvector")
# What duckdb has under the same name for the values of the catalog; "same" is the type of the first argument, "list" a list of it.
SAFE = {"count": "int8", "min": "same", "max": "same", "bool_and": "bool", "bool_or": "bool", "every": "bool", "array_agg": "list",
        "string_agg": "text", "lower": "text", "upper": "text", "length": "int4", "replace": "text", "concat": "text", "substr": "text", "btrim": "text",
        "ltrim": "text", "rtrim": "text", "left": "text", "right": "text", "strpos": "int4", "split_part": "text", "starts_with": "bool",
        "repeat": "text", "array_to_string": "text", "row_number": "int8", "rank": "int8", "abs": "same", "round": "same", "coalesce": "same",
        "nullif": "same", "now": "timestamptz", "concat_ws": "text", "regexp_replace": "text", "cardinality": "int4", "greatest": "same", "least": "same",
        "ascii": "int4", "chr": "text", "reverse": "text", "lag": "same", "lead": "same", "first_value": "same", "last_value": "same", "dense_rank": "int8",
        "sign": "same", "mod": "same", "floor": "same", "ceil": "same", "md5": "text", "lpad": "text", "rpad": "text", "initcap": "text", "array_cat": "same",
        "array_append": "same", "array_position": "int4", "char_length": "int4"}
AGGREGATES = {"count", "min", "max", "sum", "bool_and", "bool_or", "every", "array_agg", "string_agg", "json_agg", "jsonb_agg"}
NO_ROWS = "unnest(CAST([] AS BIGINT[]))"


def first(ty):
    """Where the subscripts begin."""
    return 0 if ty in VECTORS else 1


def subscripts(sql, ty):
    return "CAST(unnest(range(%d, len(%s) + %d)) AS INTEGER)" % (first(ty), sql, first(ty))


def series_of(args):
    return "unnest(generate_series(%s))" % ", ".join("CAST(%s AS BIGINT)" % a for a in args)


def series_type(types):
    return "int8" if "int8" in types else "int4"


def element(ty):
    if ty in VECTORS:
        return "int2" if ty == "int2vector" else "oid"
    return ty[1:] if ty and ty.startswith("_") else None


# ---- in FROM ---------------------------------------------------------------------------------------------------------

def table_of(r, name, args, types, ordinality):
    """(query, [(column, type)]) of one of ROWS in FROM."""
    if name in ("unnest", "explode") and len(args) == 1:
        columns, text = [("unnest", element(types[0]))], "SELECT unnest(%s) AS a" % args[0]
        if ordinality:
            return text + ", unnest(range(1, len(%s) + 1)) AS b" % args[0], columns + [("ordinality", "int8")]
        return text, columns
    if name == "unnest":
        return "SELECT " + ", ".join("unnest(%s)" % a for a in args), [("unnest", element(t)) for t in types]
    if name in ("generate_series", "generateseries") and len(args) in (2, 3):
        ty = series_type(types)
        return "SELECT CAST(%s AS %s) AS a" % (series_of(args), held(ty)), [("generate_series", ty)]
    if name == "generate_subscripts":
        return "SELECT %s AS a" % subscripts(args[0], types[0]), [("generate_subscripts", "int4")]
    if name == "_pg_expandarray":
        return "SELECT unnest(%s) AS x, CAST(unnest(range(1, len(%s) + 1)) AS INTEGER) AS n" % (args[0], args[0]), [("x", element(types[0])), ("n", "int4")]
    if name in EMPTY:
        columns = list(EMPTY[name]) + ([("ordinality", "int8")] if ordinality else [])
        return "SELECT %s WHERE false" % ", ".join("CAST(NULL AS %s)" % held(t) for _, t in columns), columns
    return KEYWORDS, [("word", "text"), ("catcode", "char"), ("barelabel", "bool"), ("catdesc", "text"), ("baredesc", "text")]


EMPTY = {
    "aclexplode": (("grantor", "oid"), ("grantee", "oid"), ("privilege_type", "text"), ("is_grantable", "bool")),
    "pg_options_to_table": (("option_name", "text"), ("option_value", "text")),
    "pg_partition_ancestors": (("relid", "regclass"),),
    "pg_partition_tree": (("relid", "regclass"), ("parentrelid", "regclass"), ("isleaf", "bool"), ("level", "int4")),
    "pg_lock_status": (("locktype", "text"),),
    "pg_listening_channels": (("pg_listening_channels", "text"),),
    "pg_show_all_file_settings": (("sourcefile", "text"),),
}
KEYWORDS = ("SELECT keyword_name, CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'unreserved' THEN 'U' WHEN 'column_name' THEN 'C' ELSE 'T' END, true,"
            " keyword_category, 'can be bare label' FROM duckdb_keywords()")


ROWS = {"unnest", "explode", "generate_series", "generateseries", "generate_subscripts", "_pg_expandarray", "pg_get_keywords"} | set(EMPTY)

# ---- in expressions --------------------------------------------------------------------------------------------------

def vector_calls(r, name, node, args, types):
    if name == "generate_subscripts":
        r.put(node, subscripts(args[0], types[0]))
        return "int4"
    if name in ("array_upper", "array_length"):
        less = 1 if name == "array_upper" and types[0] in VECTORS else 0
        r.put(node, "nullif(len(%s), 0)%s" % (args[0], " - 1" if less else ""))
        return "int4"
    if name == "array_lower":
        r.put(node, "CASE WHEN len(%s) > 0 THEN %d END" % (args[0], first(types[0])))
        return "int4"
    r.put(node, "unnest(%s)" % args[0])
    return element(types[0])


def expand(r, name, node, args, types):
    r.put(node, "unnest(list_transform(%s, lambda x, n: {'x': x, 'n': CAST(n AS INTEGER)}))" % args[0])
    return "record"


def nothing(r, name, node, args, types):
    r.put(node, NO_ROWS)
    return "oid"


def series(r, name, node, args, types):
    ty = series_type(types)
    r.put(node, "CAST(%s AS %s)" % (series_of(args), held(ty)))
    return ty


def split(r, name, node, args, types):
    r.put(node, "string_split(%s, %s)" % tuple(args[:2]))
    return "_text"


def array_remove(r, name, node, args, types):
    r.put(node, "list_filter(%s, lambda qf_x: qf_x IS DISTINCT FROM %s)" % (args[0], args[1]))
    return types[0]


def json_object(r, name, node, args, types):
    r.put(node, "json_object(%s)" % ", ".join(args))
    return "json"


def aggregate_json(r, name, node, args, types):
    r.put(node, "json_group_array(%s)" % args[0])
    return "json"


def formatted(r, name, node, args, types):
    """format() with a format that is written down."""
    form = node.expressions[0]
    if not (isinstance(form, exp.Literal) and form.is_string):
        r.doubt("format() with a format that is not written down")
        return "text"
    parts, at = [], 1
    for m in re.finditer(r"%([sIL%])|[^%]+|%", form.this):
        if m[1] is None or m[1] == "%":
            parts.append(quote("%" if m[1] else m[0]))
            continue
        if at >= len(args):
            r.doubt("format() with too few arguments")
            break
        text = r.text_of(args[at], types[at])
        parts.append(text if m[1] == "s" else r.catalog.call("quote_ident" if m[1] == "I" else "quote_literal", [text]))
        at += 1
    r.put(node, "concat(%s)" % ", ".join(parts or ["''"]))
    return "text"


def set_config(r, name, node, args, types):
    """What a client sets so that its own query is fast has no meaning here."""
    first_arg = node.expressions[0]
    if not isinstance(first_arg, exp.Literal) or first_arg.this.lower() not in ("jit", "statement_timeout_hint"):
        r.doubt("set_config() of that setting")
    r.used = True
    r.put(node, "CAST(%s AS VARCHAR)" % args[1])
    return "text"


def passed(r, name, node, args, types):
    """oid(x), text(x), name(x): casts in the form of functions."""
    r.put(node, r.read_as(args[0], None, types[0], name))
    return name


CALLS = {"generate_series": series, "string_to_array": split, "generate_subscripts": vector_calls, "array_upper": vector_calls, "array_lower": vector_calls, "array_length": vector_calls, "unnest": vector_calls,
         "_pg_expandarray": expand, "pg_partition_ancestors": nothing, "pg_blocking_pids": nothing, "array_remove": array_remove,
         "json_build_object": json_object, "jsonb_build_object": json_object, "json_agg": aggregate_json, "jsonb_agg": aggregate_json, "format": formatted,
         "set_config": set_config}


def call(r, name, node, args, types):
    return CALLS[name](r, name, node, args, types)
