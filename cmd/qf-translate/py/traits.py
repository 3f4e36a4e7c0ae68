"""What engines do where they differ. See pairs.py."""

FAMILY = {"presto": "trino", "athena": "trino", "hive": "spark", "databricks": "spark"}

# What an engine does. None: not known, which equals nothing.
TRAIT_NAMES = ("int_div", "zero_div", "float_zero_div", "concat_null", "pipes", "like_case", "like_escape", "text_case", "date_plus",
      "avg_int", "least_null", "length", "float_round", "float_to_int", "text_to_number", "overflow", "index", "log1", "null_agg",
      "trunc_of_date", "caret")
TRAITS = {
    "postgres": ("trunc", "error", "error", "skip", "null", "yes", "\\", "yes", "timestamp", "numeric", "skip", "chars", "even",
                 "even", "strict", "error", 1, "10", "keep", "timestamptz", "power"),
    "duckdb": ("float", "null", "inf", "skip", "null", "yes", None, "yes", "timestamp", "double", "skip", "chars", "away", "even",
               "round", "error", 1, "10", "keep", "timestamp", "power"),
    "trino": ("trunc", "error", "inf", "null", "null", "yes", None, "yes", "date", "double", "null", "chars", "away", "away",
              "strict", "error", 1, None, "keep", "date", None),
    "mysql": ("decimal", "null", "null", "null", "or", "no", "\\", "no", "date", "decimal", "null", "bytes", "even", "away",
              "prefix", "error", None, "e", None, None, "xor"),
    "starrocks": ("float", "null", "null", "null", "or", "yes", "\\", "yes", "date", "double", "null", "bytes", "away", "trunc",
                  "null", "wrap", 1, "e", "keep", None, None),
    "clickhouse": ("float", "inf", "inf", "null", "null", "yes", "\\", "yes", "date", "double", "null", "bytes", "even", "trunc",
                   "strict", "wrap", 1, "e", "skip", "date", None),
    "snowflake": ("decimal", "error", "error", "null", "null", "yes", None, "yes", "date", "decimal", "null", "chars", "away",
                  "away", "round", "error", 0, None, "skip", "date", None),
    "bigquery": ("float", "error", "error", "null", "null", "yes", "\\", "yes", "datetime", "double", "null", "chars", "away",
                 "away", "strict", "error", 0, "e", "keep", "date", "xor"),
    "spark": ("float", "null", "null", "null", "null", "yes", "\\", "yes", "date", "double", "skip", "chars", "away", "trunc",
              "null", "wrap", 0, "e", "skip", "timestamp", "xor"),
    "redshift": ("trunc", "error", "error", "null", "null", "yes", "\\", "yes", "timestamp", "trunc", "null", "chars", "away",
                 None, "strict", "error", 0, "10", None, "timestamp", "power"),
    "sqlite": ("trunc", "null", "null", None, "null", "no", None, "yes", None, "double", "null", "chars", "away", "trunc",
               "prefix", "float", None, "10", None, None, None),
    "tsql": ("trunc", "error", "error", "skip", None, "no", None, "no", None, "trunc", None, None, "away", "trunc", "strict",
             "error", None, "e", None, None, "xor"),
    "oracle": ("decimal", "error", None, None, "empty", "yes", None, "yes", "date", "decimal", "null", "chars", None, "away",
               None, None, None, None, None, "date", None),
}
