/*
 * The settings of a PostgreSQL session: one table of what exists, one store a session of what differs.
 *
 * A value goes back to what it was when its transaction rolls back, or to the savepoint that is rolled back to; SET LOCAL
 * ends with the transaction;
 * RESET goes to what the client asked for at startup, else to the table's default. A name with a dot is the
 * client's own and takes any text. What is not known here an engine judges; its values are kept as they were written.
 * Strings handed out are borrowed until the next change. One loop thread.
 */
#ifndef QF_FRONTEND_PG_SETTINGS_H
#define QF_FRONTEND_PG_SETTINGS_H

#include <stdbool.h>

#include "qf/engine.h"

enum pg_setting_id {
	PG_APPLICATION_NAME,
	PG_ARRAY_NULLS,
	PG_BACKSLASH_QUOTE,
	PG_BYTEA_OUTPUT,
	PG_CHECK_FUNCTION_BODIES,
	PG_CLIENT_ENCODING,
	PG_CLIENT_MIN_MESSAGES,
	PG_DATESTYLE,
	PG_DEFAULT_TABLE_ACCESS_METHOD,
	PG_DEFAULT_TABLESPACE,
	PG_DEFAULT_TRANSACTION_DEFERRABLE,
	PG_DEFAULT_TRANSACTION_ISOLATION,
	PG_DEFAULT_TRANSACTION_READ_ONLY,
	PG_ESCAPE_STRING_WARNING,
	PG_EXTRA_FLOAT_DIGITS,
	PG_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
	PG_IDLE_SESSION_TIMEOUT,
	PG_IN_HOT_STANDBY,
	PG_INTEGER_DATETIMES,
	PG_INTERVALSTYLE,
	PG_IS_SUPERUSER,
	PG_JIT,
	PG_LC_COLLATE,
	PG_LC_CTYPE,
	PG_LC_MESSAGES,
	PG_LC_MONETARY,
	PG_LC_NUMERIC,
	PG_LC_TIME,
	PG_LOCK_TIMEOUT,
	PG_MAX_IDENTIFIER_LENGTH,
	PG_MAX_INDEX_KEYS,
	PG_QUERYFLUX_DIALECT,
	PG_QUERYFLUX_TAGS,
	PG_QUOTE_ALL_IDENTIFIERS,
	PG_ROLE,
	PG_ROW_SECURITY,
	PG_SEARCH_PATH,
	PG_SERVER_ENCODING,
	PG_SERVER_VERSION,
	PG_SERVER_VERSION_NUM,
	PG_SESSION_AUTHORIZATION,
	PG_SSL,
	PG_STANDARD_CONFORMING_STRINGS,
	PG_STATEMENT_TIMEOUT,
	PG_SYNCHRONIZE_SEQSCANS,
	PG_SYNCHRONOUS_COMMIT,
	PG_TIMEZONE,
	PG_TRANSACTION_DEFERRABLE,
	PG_TRANSACTION_ISOLATION,
	PG_TRANSACTION_READ_ONLY,
	PG_XMLOPTION,
	PG_SETTING_N,
	PG_SETTING_NONE = PG_SETTING_N,
};

enum pg_setting_flags {
	PG_SETTING_REPORT = 1 << 0,	 /* ParameterStatus */
	PG_SETTING_READ_ONLY = 1 << 1,
	PG_SETTING_TRANSACTION = 1 << 2, /* of the running transaction alone */
};

struct pg_setting {
	const char *name, *dflt, *help;
	/* Writes the canonical form of `in` to *ret (heap). Returns false with *reterr filled. */
	bool (*check)(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
	const char *const *choices; /* NULL-terminated, for check_choice */
	int min, max;		    /* for check_int */
	unsigned flags;
	enum pg_setting_id inherits; /* where a TRANSACTION setting begins; else 0 */
};

extern const struct pg_setting pg_setting_table[PG_SETTING_N];

bool pg_check_any(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_bool(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_int(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_ms(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_choice(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_encoding(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_datestyle(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_timezone(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_dialect(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);
bool pg_check_tags(const struct pg_setting *def, const char *in, char **ret, struct qf_sql_error *reterr);

/* ---- the store of a session ---------------------------------------------------------------------- */

struct pg_setting_value {
	const struct pg_setting *def; /* NULL: the client's own name, or an engine's */
	char *name;		      /* then */
	char *value;		      /* in effect; NULL: the reset value */
	char *reset;		      /* asked for at startup; NULL: the table's default */
	bool touched;		      /* changed in this transaction: */
	char *before;		      /* what ROLLBACK brings back */
	char *kept;		      /* what COMMIT leaves: the last SET that was not LOCAL */
	uint64_t reported;	      /* hash of what the client was told last, of a REPORT setting */
};

struct pg_settings {
	struct pg_setting_value *v;
	size_t n, cap;
	struct qf_buf savepoints; /* struct savepoint, and what was changed since the first of them: struct undo */
	struct qf_buf undo;
	bool in_transaction;
	bool touched; /* one of them is */
	bool dirty;   /* something changed; cleared by the owner */
	bool report;  /* one that is reported may have changed */
};

enum pg_scope {
	PG_SCOPE_STARTUP, /* sets the reset value */
	PG_SCOPE_SESSION,
	PG_SCOPE_LOCAL, /* outside a transaction: checked, without effect */
};

void pg_settings_fini(struct pg_settings *st);
/* value NULL: to the reset value. False with *reterr filled: nothing changed. */
bool pg_settings_set(struct pg_settings *st, const char *name, const char *value, enum pg_scope scope,
		     struct qf_sql_error *reterr) qf_must_check;
/* Its values are checked here: a name of the table, or one that is the client's own. Else an engine judges it. */
bool pg_settings_known(const char *name);
/* The nearest name of the table, as a hint. */
void pg_settings_hint(const char *name, struct qf_sql_error *reterr);
/* An engine has taken it: kept like one of the client's own, so that it goes with every statement. */
void pg_settings_accept(struct pg_settings *st, const char *name, const char *value, bool local);
/* Unchecked: what the program itself knows, as the reset value. */
void pg_settings_set_reset(struct pg_settings *st, enum pg_setting_id id, const char *value);
/* What an engine reports: of a setting that is reported here too, and may change, the new value. */
void pg_settings_note(struct pg_settings *st, struct qf_slice name, struct qf_slice value);
void pg_settings_reset_all(struct pg_settings *st);
void pg_settings_begin(struct pg_settings *st);
/* What SAVEPOINT, RELEASE and ROLLBACK TO mean for them, once the engine has taken it. A name: as PostgreSQL folds it. */
void pg_settings_savepoint(struct pg_settings *st, const char *name);
void pg_settings_release(struct pg_settings *st, const char *name);
void pg_settings_rollback_to(struct pg_settings *st, const char *name);
void pg_settings_end(struct pg_settings *st, bool commit);

/* The next setting whose value the client has not been told yet; false at the end. Start with *at = 0. */
bool pg_settings_next_report(struct pg_settings *st, size_t *at, const char **ret_name, const char **ret_value);

const char *pg_settings_get(const struct pg_settings *st, enum pg_setting_id id);
/* The same as somebody has set it, of a TRANSACTION setting or of what it inherits; NULL: nobody. */
const char *pg_settings_said(const struct pg_settings *st, enum pg_setting_id id);
bool pg_settings_bool(const struct pg_settings *st, enum pg_setting_id id);
uint64_t pg_settings_ns(const struct pg_settings *st, enum pg_setting_id id); /* of a time; 0 = none */
/* Value and spelling as SHOW gives them; false with *reterr filled when there is no such setting. */
bool pg_settings_show(const struct pg_settings *st, const char *name, const char **ret_name, const char **ret_value,
		      struct qf_sql_error *reterr) qf_must_check;
/* The table's entry for a name as a client writes it; PG_SETTING_NONE when there is none. */
enum pg_setting_id pg_setting_find(const char *name);

#endif
