/* Mapping DuckDB's errors: see error.h. SQLSTATEs are PostgreSQL's [PG appendix A]. */
#include "error.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/str.h"

/*
 * The first row whose three conditions hold decides. type is DuckDB's exception type, entry its "type" of
 * catalog entry, has a part of the message; NULL holds always.
 */
static const struct rule {
	const char *type, *entry, *has;
	const char *sqlstate;
	const char *hint;
} rules[] = {
	{ "Parser", NULL, "Invalid unicode", "22021", NULL },
	{ "Parser", NULL, NULL, "42601", NULL },
	{ "Syntax", NULL, NULL, "42601", NULL },

	{ "Catalog", "Schema", "already exists", "42P06", NULL },
	{ "Catalog", "Type", "already exists", "42710", NULL },
	{ "Catalog", "Macro Function", "already exists", "42723", NULL },
	{ "Catalog", "Table Macro Function", "already exists", "42723", NULL },
	{ "Catalog", NULL, "Column with name", "42701", NULL },
	{ "Catalog", NULL, "Function with name", "42883", NULL },
	{ "Catalog", NULL, "already exists", "42P07", NULL },
	{ "Catalog", NULL, "because schema", "3F000", NULL },
	{ "Catalog", NULL, "No catalog + schema", "3F000", NULL },
	{ "Catalog", "Schema", NULL, "3F000", NULL },
	{ "Catalog", "Table", NULL, "42P01", NULL },
	{ "Catalog", "View", NULL, "42P01", NULL },
	{ "Catalog", "Sequence", NULL, "42P01", NULL },
	{ "Catalog", "Type", NULL, "42704", NULL },
	{ "Catalog", NULL, "Table with name", "42P01", NULL },
	{ "Catalog", NULL, "Could not drop", "2BP01", NULL },
	{ "Catalog", NULL, "because it is an internal", "42501", NULL },
	{ "Catalog", NULL, "write-write conflict", "40001", NULL },
	{ "Catalog", NULL, NULL, "42704", NULL },
	{ "Dependency", NULL, NULL, "2BP01", NULL },

	{ "Binder", NULL, "Referenced column", "42703", NULL },
	{ "Binder", NULL, "does not have a column", "42703", NULL },
	{ "Binder", NULL, "Could not find key", "42703", NULL },
	{ "Binder", NULL, "Referenced table", "42P01", NULL },
	{ "Binder", NULL, "Ambiguous reference", "42702", NULL },
	{ "Binder", NULL, "No function matches", "42883", NULL },
	{ "Binder", NULL, "Could not choose a best candidate", "42725", NULL },
	{ "Binder", NULL, "GROUP BY", "42803", NULL },
	{ "Binder", NULL, "aggregate", "42803", NULL },
	{ "Binder", NULL, "window function", "42P20", NULL },
	{ "Binder", NULL, "Prepared statement", "26000", NULL },
	{ "Binder", NULL, "Unexpected prepared parameter", "0A000", NULL },
	{ "Binder", NULL, "Cannot compare values", "42804", NULL },
	{ "Binder", NULL, "Cannot mix values", "42804", NULL },
	{ "Binder", NULL, "can only be applied to", "42804", NULL },
	{ "Binder", NULL, "values were supplied", "42601", NULL },
	{ "Binder", NULL, "read-only mode", "25006", NULL },
	{ "Binder", NULL, NULL, "42000", NULL },
	{ "Planner", NULL, NULL, "42000", NULL },
	{ "Parameter Not Resolved", NULL, NULL, "42P18", NULL },
	{ "Parameter Not Allowed", NULL, NULL, "0A000", NULL },
	{ "Mismatch Type", NULL, NULL, "42804", NULL },
	{ "Invalid type", NULL, NULL, "42804", NULL },
	{ "Expression", NULL, NULL, "42804", NULL },

	{ "Conversion", NULL, "Unimplemented type for cast", "42846", NULL },
	{ "Conversion", NULL, "date field value out of range", "22008", NULL },
	{ "Conversion", NULL, "timestamp field value out of range", "22008", NULL },
	{ "Conversion", NULL, "time field value out of range", "22008", NULL },
	{ "Conversion", NULL, "Date out of range", "22008", NULL },
	{ "Conversion", NULL, "invalid date field format", "22007", NULL },
	{ "Conversion", NULL, "invalid timestamp field format", "22007", NULL },
	{ "Conversion", NULL, "Could not convert Timestamp", "22008", NULL },
	{ "Conversion", NULL, "out of range", "22003", NULL },
	{ "Conversion", NULL, "UTF8", "22021", NULL },
	{ "Conversion", NULL, NULL, "22P02", NULL },
	{ "Decimal", NULL, NULL, "22003", NULL },
	{ "Divide by Zero", NULL, NULL, "22012", NULL },
	{ "Out of Range", NULL, "timestamp", "22008", NULL },
	{ "Out of Range", NULL, "date", "22008", NULL },
	{ "Out of Range", NULL, "interval", "22015", NULL },
	{ "Out of Range", NULL, "maximum supported string size", "54000", NULL },
	{ "Out of Range", NULL, NULL, "22003", NULL },
	{ "Sequence", NULL, NULL, "2200H", NULL },

	{ "Constraint", NULL, "primary key constraint", "23505", NULL },
	{ "Constraint", NULL, "unique constraint", "23505", NULL },
	{ "Constraint", NULL, "PRIMARY KEY or UNIQUE constraint", "23505", NULL },
	{ "Constraint", NULL, "NOT NULL constraint", "23502", NULL },
	{ "Constraint", NULL, "CHECK constraint", "23514", NULL },
	{ "Constraint", NULL, "foreign key constraint", "23503", NULL },
	{ "Constraint", NULL, NULL, "23000", NULL },

	{ "TransactionContext", NULL, "transaction is aborted", "25P02", "Send ROLLBACK." },
	{ "TransactionContext", NULL, "within a transaction", "25001", NULL },
	{ "TransactionContext", NULL, "no transaction is active", "25P01", NULL },
	{ "TransactionContext", NULL, "PRIMARY KEY or UNIQUE constraint", "23505", NULL },
	{ "TransactionContext", NULL, "foreign key constraint", "23503", NULL },
	{ "TransactionContext", NULL, "onflict", "40001", "Run the transaction again." },
	{ "TransactionContext", NULL, "read-only", "25006", NULL },
	{ "TransactionContext", NULL, NULL, "25000", NULL },

	{ "INTERRUPT", NULL, NULL, "57014", NULL },
	{ "Permission", NULL, "external extensions", "42501", "Load extensions in the cluster's initSql." },
	{ "Permission", NULL, NULL, "42501", "Files are reached through the cluster's allowedDirectories only." },
	{ "Invalid Input", NULL, "configuration has been locked", "55P02", "Use the cluster's initSql." },
	{ "Invalid Input", NULL, "Values were not provided", "42P02", NULL },
	{ "Invalid Input", NULL, "Prepared statement", "26000", NULL },
	{ "Invalid Input", NULL, "More than one row returned", "21000", NULL },
	{ "Invalid Input", NULL, "read-only mode", "25006", NULL },
	/* what translated statements say with ERROR() */
	{ "Invalid Input", NULL, "division by zero", "22012", NULL },
	{ "Invalid Input", NULL, "invalid input syntax", "22P02", NULL },
	{ "Invalid Input", NULL, "Catalog '", "3D000", NULL },
	{ "Invalid Input", NULL, "Schema '", "3F000", NULL },
	{ "Invalid Input", NULL, "negative substring length", "22011", NULL },
	{ "Invalid Input", NULL, "null character not permitted", "54000", NULL },
	{ "Invalid Input", NULL, "date out of range", "22008", NULL },
	{ "Invalid Input", NULL, "interval out of range", "22015", NULL },
	{ "Invalid Input", NULL, "numeric field overflow", "22003", NULL },
	{ "Invalid Input", NULL, "matters here and is not known", "42804",
	  "For example amount::numeric(10,2); or SET queryflux.dialect = 'duckdb' and write DuckDB's own SQL." },
	{ "Invalid Input", NULL, "out of range", "22003", NULL },
	{ "Invalid Input", NULL, "Could not parse string", "22007", NULL },
	{ "Invalid Input", NULL, NULL, "22023", NULL },
	{ "Invalid Configuration", NULL, NULL, "22023", NULL },
	{ "Settings", NULL, NULL, "22023", NULL },
	{ "Not implemented", NULL, "TimeZone", "22023", NULL },
	{ "Not implemented", NULL, "Unsupported Arrow type", "0A000", "Cast the column to VARCHAR or JSON." },
	{ "Not implemented", NULL, NULL, "0A000", NULL },
	{ "Missing Extension", NULL, NULL, "0A000", "Load the extension in the cluster's initSql." },
	{ "Extension Autoloading", NULL, NULL, "0A000", "Load the extension in the cluster's initSql." },

	{ "Out of Memory", NULL, NULL, "53200", "Raise the cluster's memoryLimit, or ask for less." },
	{ "Object Size", NULL, NULL, "54000", NULL },
	{ "IO", NULL, "No space left", "53100", NULL },
	{ "IO", NULL, NULL, "58030", NULL },
	{ "HTTP", NULL, NULL, "58030", NULL },
	{ "Connection", NULL, NULL, "08006", NULL },
	{ NULL, NULL, NULL, "XX000", NULL },
};

struct raw {
	json_t *json;
	const char *type, *message, *entry;
	char type_text[32];
};

static const char *json_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* "Parser Error: {…}": DuckDB puts the type before the JSON where it throws an error on. */
static json_t *find_json(const char *text)
{
	const char *p = strstr(text, "{\"exception_type\"");

	return p && p - text < 64 ? json_loads(p, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static void read_plain(struct raw *r, const char *text)
{
	const char *p = strstr(text, " Error: ");

	r->message = text;
	r->type = r->entry = "";
	if (!p || (size_t)(p - text) >= sizeof(r->type_text))
		return;
	snprintf(r->type_text, sizeof(r->type_text), "%.*s", (int)(p - text), text);
	r->type = r->type_text;
	r->message = p + strlen(" Error: ");
}

static void read_raw(struct raw *r, const char *text)
{
	r->json = find_json(text);
	if (!r->json) {
		read_plain(r, text);
		return;
	}
	r->type = json_text(r->json, "exception_type");
	r->message = json_text(r->json, "exception_message");
	r->entry = json_text(r->json, "type");
}

static const struct rule *find_rule(const struct raw *r)
{
	const struct rule *x = rules;

	while ((x->type && strcmp(x->type, r->type) != 0) || (x->entry && strcmp(x->entry, r->entry) != 0) ||
		(x->has && !strstr(r->message, x->has)))
		x++;
	return x;
}

static void copy(char *to, size_t size, const char *from, size_t n)
{
	while (n > 0 && strchr("\n\t ", from[n - 1]))
		n--;
	if (n >= size)
		n = qf_utf8_cut(qf_slice(from, size - 1));
	memcpy(to, from, n);
	to[n] = '\0';
}

/* The first paragraph is the message, "Did you mean" the hint, all else the detail. */
static void split_message(const char *text, struct qf_sql_error *e)
{
	const char *hint = strstr(text, "Did you mean");
	const char *end = hint ? hint : text + strlen(text);
	const char *first = strpbrk(text, "\n");

	if (!first || first > end)
		first = end;
	copy(e->message, sizeof(e->message), text, (size_t)(first - text));
	while (first < end && strchr("\n\t ", *first))
		first++;
	copy(e->detail, sizeof(e->detail), first, (size_t)(end - first));
	if (hint)
		copy(e->hint, sizeof(e->hint), hint, strlen(hint));
}

static enum duck_error_kind kind_of(const struct raw *r, const char *sqlstate)
{
	if (strcmp(r->type, "INTERRUPT") == 0)
		return DUCK_ERROR_INTERRUPT;
	if (strcmp(sqlstate, "25P02") == 0)
		return DUCK_ERROR_ABORTED;
	if (strcmp(r->type, "FATAL") == 0 || strcmp(r->type, "INTERNAL") == 0)
		return DUCK_ERROR_SUSPICIOUS;
	return DUCK_ERROR_OTHER;
}

enum duck_error_kind duck_error_read(const char *text, struct qf_sql_error *e)
{
	struct raw r = { 0 };

	read_raw(&r, text && *text ? text : "DuckDB failed without a reason");
	const struct rule *x = find_rule(&r);

	memset(e, 0, sizeof(*e));
	memcpy(e->sqlstate, x->sqlstate, sizeof(e->sqlstate));
	split_message(r.message, e);
	if (x->hint && !*e->hint)
		snprintf(e->hint, sizeof(e->hint), "%s", x->hint);
	enum duck_error_kind kind = kind_of(&r, x->sqlstate);

	json_decref(r.json);
	return kind;
}

bool duck_error_at(const char *text, size_t *ret)
{
	json_t *json = text ? find_json(text) : NULL;
	const char *position = json ? json_text(json, "position") : "";
	bool known = *position != '\0';

	if (known)
		*ret = strtoul(position, NULL, 10);
	json_decref(json);
	return known;
}

uint32_t duck_error_place(const char *sql, size_t at)
{
	uint32_t character = 1;

	if (at > strlen(sql))
		return 0;
	for (size_t i = 0; i < at; i++)
		character += ((unsigned char)sql[i] & 0xc0) != 0x80;
	return character;
}
