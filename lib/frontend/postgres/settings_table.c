/* Every setting that a session knows, by name. See settings.h. The help text is what SHOW ALL says. */
#include "settings.h"

static const char *const bytea_outputs[] = { "escape", "hex", NULL };
static const char *const backslash_quotes[] = { "safe_encoding", "on", "off", NULL };
static const char *const message_levels[] = { "debug5", "debug4", "debug3", "debug2", "debug1",
	"debug",  "log",    "notice", "warning", "error", NULL };
static const char *const isolations[] = { "serializable", "repeatable read", "read committed", "read uncommitted",
	NULL };
static const char *const interval_styles[] = { "postgres", NULL };
static const char *const roles[] = { "none", NULL };
static const char *const on_only[] = { "on", NULL };
static const char *const synchronous[] = { "local", "remote_write", "remote_apply", "on", "off", NULL };
static const char *const xml_options[] = { "content", "document", NULL };

#define BOOL .check = pg_check_bool
#define MS .check = pg_check_ms
#define ANY .check = pg_check_any
#define ONE_OF(list) .check = pg_check_choice, .choices = (list)
#define REPORT .flags = PG_SETTING_REPORT
#define FIXED ANY, .flags = PG_SETTING_READ_ONLY
#define FIXED_REPORT ANY, .flags = PG_SETTING_READ_ONLY | PG_SETTING_REPORT
#define NO_EFFECT "Accepted for drivers; has no effect."

const struct pg_setting pg_setting_table[PG_SETTING_N] = {
	[PG_APPLICATION_NAME] = { "application_name", "", "Name of the client program, for routing and history.", ANY,
		REPORT },
	[PG_ARRAY_NULLS] = { "array_nulls", "on", NO_EFFECT, BOOL },
	[PG_BACKSLASH_QUOTE] = { "backslash_quote", "safe_encoding", NO_EFFECT, ONE_OF(backslash_quotes) },
	[PG_BYTEA_OUTPUT] = { "bytea_output", "hex", "Output format of bytea.", ONE_OF(bytea_outputs) },
	[PG_CHECK_FUNCTION_BODIES] = { "check_function_bodies", "on", NO_EFFECT, BOOL },
	[PG_CLIENT_ENCODING] = { "client_encoding", "UTF8", "Encoding of the client; always UTF-8 on the wire.",
		.check = pg_check_encoding, REPORT },
	[PG_CLIENT_MIN_MESSAGES] = { "client_min_messages", "notice", "Least severe notice that is sent.",
		ONE_OF(message_levels) },
	[PG_DATESTYLE] = { "DateStyle", "ISO, MDY", "Output format of dates; ISO only.", .check = pg_check_datestyle,
		REPORT },
	[PG_DEFAULT_TABLE_ACCESS_METHOD] = { "default_table_access_method", "heap", NO_EFFECT, ANY },
	[PG_DEFAULT_TABLESPACE] = { "default_tablespace", "", NO_EFFECT, ANY },
	[PG_DEFAULT_TRANSACTION_DEFERRABLE] = { "default_transaction_deferrable", "off",
		"What transaction_deferrable begins with.", BOOL },
	[PG_DEFAULT_TRANSACTION_ISOLATION] = { "default_transaction_isolation", "read committed",
		"What transaction_isolation begins with.", ONE_OF(isolations) },
	[PG_DEFAULT_TRANSACTION_READ_ONLY] = { "default_transaction_read_only", "off",
		"What transaction_read_only begins with.", BOOL, REPORT },
	[PG_ESCAPE_STRING_WARNING] = { "escape_string_warning", "on", NO_EFFECT, BOOL },
	[PG_EXTRA_FLOAT_DIGITS] = { "extra_float_digits", "1", "Digits of floating-point output.",
		.check = pg_check_int, .min = -15, .max = 3 },
	[PG_IDLE_IN_TRANSACTION_SESSION_TIMEOUT] = { "idle_in_transaction_session_timeout", "0",
		"Longest idle time in a transaction; the server's own limit stays in force.", MS },
	[PG_IDLE_SESSION_TIMEOUT] = { "idle_session_timeout", "0", "Longest idle time outside a transaction.", MS },
	[PG_IN_HOT_STANDBY] = { "in_hot_standby", "off", "Always off.", FIXED_REPORT },
	[PG_INTEGER_DATETIMES] = { "integer_datetimes", "on", "Always on.", FIXED_REPORT },
	[PG_INTERVALSTYLE] = { "IntervalStyle", "postgres", "Output format of intervals; postgres only.",
		ONE_OF(interval_styles), REPORT },
	[PG_IS_SUPERUSER] = { "is_superuser", "off", "Always off.", FIXED_REPORT },
	[PG_JIT] = { "jit", "off", NO_EFFECT, BOOL },
	[PG_LC_COLLATE] = { "lc_collate", "C.UTF-8", "Collation order.", FIXED },
	[PG_LC_CTYPE] = { "lc_ctype", "C.UTF-8", "Character classification.", FIXED },
	[PG_LC_MESSAGES] = { "lc_messages", "C.UTF-8", NO_EFFECT, ANY },
	[PG_LC_MONETARY] = { "lc_monetary", "C.UTF-8", NO_EFFECT, ANY },
	[PG_LC_NUMERIC] = { "lc_numeric", "C.UTF-8", NO_EFFECT, ANY },
	[PG_LC_TIME] = { "lc_time", "C.UTF-8", NO_EFFECT, ANY },
	[PG_LOCK_TIMEOUT] = { "lock_timeout", "0", NO_EFFECT, MS },
	[PG_MAX_IDENTIFIER_LENGTH] = { "max_identifier_length", "63", "Longest name.", FIXED },
	[PG_MAX_INDEX_KEYS] = { "max_index_keys", "32", "Most columns of an index.", FIXED },
	[PG_QUERYFLUX_DIALECT] = { "queryflux.dialect", "postgres", "SQL dialect of the statements of this session.",
		.check = pg_check_dialect },
	[PG_QUERYFLUX_TAGS] = { "queryflux.tags", "",
		"Tags of this session for routing: key=value, separated by commas.", .check = pg_check_tags },
	[PG_QUOTE_ALL_IDENTIFIERS] = { "quote_all_identifiers", "off", NO_EFFECT, BOOL },
	[PG_ROLE] = { "role", "none", "Always none.", ONE_OF(roles) },
	[PG_ROW_SECURITY] = { "row_security", "on", NO_EFFECT, BOOL },
	[PG_SEARCH_PATH] = { "search_path", "\"$user\", public", "The first schema named here is told to the engine.",
		ANY },
	[PG_SERVER_ENCODING] = { "server_encoding", "UTF8", "Always UTF8.", FIXED_REPORT },
	/* Drivers read the leading number and switch features by it. */
	[PG_SERVER_VERSION] = { "server_version", "15.0 (QueryFlux)", "PostgreSQL version that is spoken.",
		FIXED_REPORT },
	[PG_SERVER_VERSION_NUM] = { "server_version_num", "150000", "The same as a number.", FIXED },
	[PG_SESSION_AUTHORIZATION] = { "session_authorization", "", "The user of this session.", FIXED_REPORT },
	[PG_SSL] = { "ssl", "off", "Always off.", FIXED },
	[PG_STANDARD_CONFORMING_STRINGS] = { "standard_conforming_strings", "on", "Always on.", ONE_OF(on_only),
		REPORT },
	[PG_STATEMENT_TIMEOUT] = { "statement_timeout", "0", "Longest time of one statement.", MS },
	[PG_SYNCHRONIZE_SEQSCANS] = { "synchronize_seqscans", "on", NO_EFFECT, BOOL },
	[PG_SYNCHRONOUS_COMMIT] = { "synchronous_commit", "on", NO_EFFECT, ONE_OF(synchronous) },
	[PG_TIMEZONE] = { "TimeZone", "UTC", "Time zone of timestamps with time zone.", .check = pg_check_timezone,
		REPORT },
	[PG_TRANSACTION_DEFERRABLE] = { "transaction_deferrable", "off", "Of the current transaction.", BOOL,
		.flags = PG_SETTING_TRANSACTION, .inherits = PG_DEFAULT_TRANSACTION_DEFERRABLE },
	[PG_TRANSACTION_ISOLATION] = { "transaction_isolation", "read committed", "Of the current transaction.",
		ONE_OF(isolations), .flags = PG_SETTING_TRANSACTION, .inherits = PG_DEFAULT_TRANSACTION_ISOLATION },
	[PG_TRANSACTION_READ_ONLY] = { "transaction_read_only", "off",
		"Of the current transaction: statements that write are refused.", BOOL,
		.flags = PG_SETTING_TRANSACTION, .inherits = PG_DEFAULT_TRANSACTION_READ_ONLY },
	[PG_XMLOPTION] = { "xmloption", "content", NO_EFFECT, ONE_OF(xml_options) },
};
