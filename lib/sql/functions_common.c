/* Functions and function-like syntax of standard SQL that every dialect here has; what changes something anywhere; what
 * answers otherwise when asked again; and common functions of the dialects without a list of their own.
 * Sorted by byte; the unit test checks that. */
#include "functions.h"

/* Everywhere. */
static const char *const names_common[] = {
	"abs", "acos", "array", "array_agg", "asin", "atan", "atan2", "avg", "bit", "bool_and", "bool_or", "cast",
	"ceil", "ceiling", "char", "char_length", "character", "character_length", "chr", "coalesce", "concat",
	"concat_ws", "corr", "cos", "count", "covar_pop", "covar_samp", "cube", "cume_dist", "current_date",
	"current_time", "current_timestamp", "date", "dec", "decimal", "degrees", "dense_rank", "every", "exp",
	"extract", "first_value", "float", "floor", "greatest", "grouping", "interval", "json_array",
	"json_arrayagg", "json_exists", "json_object", "json_objectagg", "json_query", "json_scalar",
	"json_serialize", "json_table", "json_value", "lag", "last_value", "lead", "least", "left", "length",
	"listagg", "ln", "localtime", "localtimestamp", "log", "log10", "lower", "lpad", "ltrim", "max", "min",
	"mod", "nchar", "nth_value", "ntile", "nullif", "numeric", "octet_length", "overlay", "percent_rank",
	"percentile_cont", "percentile_disc", "pi", "position", "power", "radians", "rank", "real", "regr_avgx",
	"regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
	"replace", "reverse", "right", "rollup", "round", "row", "row_number", "rpad", "rtrim", "sign", "sin",
	"sqrt", "stddev", "stddev_pop", "stddev_samp", "string_agg", "substr", "substring", "sum", "tan", "time",
	"timestamp", "translate", "treat", "trim", "trunc", "unnest", "upper", "var_pop", "var_samp", "varchar",
	"variance", "varying", "width_bucket", "xmlagg", "xmlattributes", "xmlconcat", "xmlelement", "xmlforest",
	"xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
};

const struct qf_names qf_functions_common = { names_common, QF_NAMES(names_common) };

/* Change something, wherever they exist. */
static const char *const names_writers[] = {
	"checkpoint", "dblink_exec", "disable_logging", "disable_profiling", "enable_logging", "enable_profiling",
	"force_checkpoint", "generateserialid", "get_lock", "lo_close", "lo_creat", "lo_create", "lo_export",
	"lo_from_bytea", "lo_import", "lo_open", "lo_put", "lo_truncate", "lo_truncate64", "lo_unlink", "lowrite",
	"nextval", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all",
	"pg_advisory_unlock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared", "pg_backup_start",
	"pg_backup_stop", "pg_cancel_backend", "pg_create_logical_replication_slot",
	"pg_create_physical_replication_slot", "pg_create_restore_point", "pg_drop_replication_slot",
	"pg_export_snapshot", "pg_logical_emit_message", "pg_logical_slot_get_binary_changes",
	"pg_logical_slot_get_changes", "pg_notify", "pg_promote", "pg_reload_conf", "pg_replication_origin_advance",
	"pg_replication_origin_create", "pg_replication_origin_drop", "pg_replication_slot_advance",
	"pg_rotate_logfile", "pg_start_backup", "pg_stat_reset", "pg_stat_reset_shared",
	"pg_stat_reset_single_table_counters", "pg_stop_backup", "pg_switch_wal", "pg_terminate_backend",
	"pg_try_advisory_lock", "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock",
	"pg_try_advisory_xact_lock_shared", "pg_wal_replay_pause", "pg_wal_replay_resume", "release_all_locks",
	"release_lock", "set_config", "setseed", "setval", "truncate_duckdb_logs", "write_log",
};

const struct qf_names qf_functions_writers = { names_writers, QF_NAMES(names_writers) };

/* Time, chance and counters. */
static const char *const names_volatile[] = {
	"ago", "array_sample", "array_shuffle", "arraypartialshuffle", "arrayrandomsample", "arrayshuffle",
	"blocknumber", "clock_timestamp", "connection_id", "curdate", "current_date", "current_localtime",
	"current_localtimestamp", "current_query_id", "current_time", "current_timestamp", "currentqueryid",
	"curtime", "datetimetouuidv7", "gen_random_uuid", "generate_uuid", "generaterandom", "generatesnowflakeid",
	"generateuuidv4", "generateuuidv7", "get_current_time", "get_current_timestamp", "getdate", "getutcdate",
	"initial_query_id", "initialqueryid", "localtime", "localtimestamp", "monotonically_increasing_id", "newid",
	"newsequentialid", "now", "now64", "nowinblock", "nowinblock64", "pg_backend_pid", "pg_current_xact_id",
	"query_id", "queryid", "rand", "rand32", "rand64", "randbernoulli", "randbinomial", "randcanonical",
	"randchisquared", "randconstant", "randexponential", "randfisherf", "randlognormal", "randn",
	"randnegativebinomial", "randnormal", "random", "random_bytes", "random_normal", "randomblob",
	"randomfixedstring", "randomprintableascii", "randomstring", "randomstringutf8", "randpoisson", "randstr",
	"randstudentt", "randuniform", "rownumberinallblocks", "rownumberinblock", "runningconcurrency",
	"secure_rand", "secure_random", "seq1", "seq2", "seq4", "seq8", "shuffle", "spark_partition_id",
	"statement_timestamp", "sysdate", "sysdatetime", "sysdatetimeoffset", "systimestamp", "sysutcdatetime",
	"tablesample", "timeofday", "today", "transaction_timestamp", "txid_current", "uniform", "unix_timestamp",
	"uptime", "utc_date", "utc_time", "utc_timestamp", "utctimestamp", "uuid", "uuid_numeric", "uuid_short",
	"uuid_string", "uuidv4", "uuidv7", "yesterday",
};

const struct qf_names qf_functions_volatile = { names_volatile, QF_NAMES(names_volatile) };

/* BigQuery, Snowflake, SQL Server, Oracle, SQLite. */
static const char *const names_other[] = {
	"acosh", "add_months", "any_value", "approx_count_distinct", "approx_percentile", "approx_quantiles",
	"approx_top_count", "array_concat", "array_construct", "array_contains", "array_length", "array_reverse",
	"array_size", "array_to_string", "ascii", "asinh", "atanh", "base64_encode", "bigint", "binary", "bit_and",
	"bit_count", "bit_or", "bit_xor", "bool", "boolean", "byte_length", "bytes", "cbrt", "charindex", "checksum",
	"choose", "contains", "convert", "convert_timezone", "cosh", "cot", "count_big", "countif",
	"current_database", "current_schema", "current_user", "date_add", "date_diff", "date_from_parts",
	"date_part", "date_sub", "date_trunc", "dateadd", "datediff", "datediff_big", "datefromparts", "datename",
	"datepart", "datetime", "datetime2", "datetime_add", "datetime_diff", "datetime_sub", "datetime_trunc",
	"datetimeoffset", "day", "dayname", "dayofmonth", "dayofweek", "dayofyear", "decode", "div", "double",
	"editdistance", "ends_with", "endswith", "eomonth", "farm_fingerprint", "flatten", "format", "format_date",
	"format_datetime", "format_timestamp", "from_base64", "from_hex", "generate_array", "generate_date_array",
	"generate_timestamp_array", "generate_uuid", "generator", "get", "getdate", "getutcdate", "glob",
	"group_concat", "grouping_id", "hash", "hex", "hour", "ieee_divide", "if", "iff", "ifnull", "iif", "initcap",
	"instr", "instrb", "int", "int64", "integer", "is_inf", "is_nan", "isjson", "isnull", "json_each",
	"json_extract", "json_extract_array", "json_extract_scalar", "json_modify", "json_tree", "json_type",
	"json_valid", "julianday", "last_day", "lcase", "len", "levenshtein", "like", "likely", "log2",
	"logical_and", "logical_or", "make_interval", "map", "match_recognize", "md5", "md5_hex", "median", "minute",
	"mode", "money", "month", "monthname", "months_between", "newid", "next_day", "now", "nullifzero", "number",
	"numtodsinterval", "numtoyminterval", "nvarchar", "nvarchar2", "nvl", "nvl2", "object_construct", "offset",
	"openjson", "ora_hash", "ordinal", "parse_date", "parse_datetime", "parse_json", "parse_timestamp",
	"parse_url", "parsename", "patindex", "percent", "pivot", "pow", "printf", "quarter", "quote", "quotename",
	"rand", "random", "randstr", "range_bucket", "ratio_to_report", "raw", "regexp_contains", "regexp_count",
	"regexp_extract", "regexp_extract_all", "regexp_instr", "regexp_like", "regexp_replace", "regexp_substr",
	"repeat", "replicate", "safe_cast", "safe_divide", "safe_offset", "safe_ordinal", "second", "seq1", "seq2",
	"seq4", "seq8", "sha1", "sha1_hex", "sha2", "sha256", "sha2_hex", "sha512", "sinh", "smallint", "soundex",
	"space", "split", "split_part", "split_to_table", "sqlite_version", "square", "st_area", "st_astext",
	"st_contains", "st_distance", "st_geogfromtext", "st_geogpoint", "st_intersects", "st_within", "starts_with",
	"startswith", "stdev", "stdevp", "str", "strftime", "string", "string_split", "struct", "stuff", "sysdate",
	"sysdatetime", "tanh", "text", "time_add", "time_diff", "time_from_parts", "time_slice", "time_sub",
	"time_trunc", "timeadd", "timediff", "timestamp_add", "timestamp_diff", "timestamp_from_parts",
	"timestamp_ltz", "timestamp_micros", "timestamp_millis", "timestamp_ntz", "timestamp_seconds",
	"timestamp_sub", "timestamp_trunc", "timestampadd", "timestampdiff", "tinyint", "to_array", "to_base64",
	"to_binary", "to_boolean", "to_char", "to_clob", "to_date", "to_decimal", "to_double", "to_geography",
	"to_hex", "to_json", "to_json_string", "to_nchar", "to_number", "to_numeric", "to_object", "to_time",
	"to_timestamp", "to_timestamp_ltz", "to_timestamp_ntz", "to_timestamp_tz", "to_varchar", "to_variant", "top",
	"total", "try_cast", "try_convert", "try_parse", "try_parse_json", "try_to_date", "try_to_number",
	"try_to_timestamp", "typeof", "unhex", "unicode", "uniform", "uniqueidentifier", "unistr", "unix_date",
	"unix_micros", "unix_millis", "unix_seconds", "unixepoch", "unlikely", "unpivot", "uuid_string", "var",
	"varbinary", "varchar2", "varp", "version", "week", "weekofyear", "year", "zeroblob", "zeroifnull",
};

const struct qf_names qf_functions_other = { names_other, QF_NAMES(names_other) };
