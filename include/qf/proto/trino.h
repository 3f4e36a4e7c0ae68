/*
 * Trino's client protocol over HTTP, as a coordinator speaks it: paths, headers, the JSON of a page of results
 * and of an error. Pure: bytes in, bytes out; sockets, time and queries are the caller's (lib/frontend/trino).
 *
 * [client-protocol] is Trino's "Client REST API" page; where it is silent, the clients decide: the Java client
 * (CLI, JDBC) refuses a page without id, infoUri or stats, or with data but without columns; it reads one value
 * a header line, the Python client splits at commas, so values are URL-encoded and each has a line of its own.
 * Any thread; slices borrow from what was given in.
 */
#ifndef QF_PROTO_TRINO_H
#define QF_PROTO_TRINO_H

#include "qf/buf.h"

/* ---- paths --------------------------------------------------------------------------------------- */

enum {
	QF_TRINO_ID = 48,   /* bytes of a query id with its NUL */
	QF_TRINO_SLUG = 33, /* 128 random bits in hex, and a NUL */
};

enum qf_trino_route {
	QF_TRINO_ROUTE_NONE,	  /* no such path */
	QF_TRINO_ROUTE_STATEMENT, /* /v1/statement */
	QF_TRINO_ROUTE_PAGE,	  /* /v1/statement/qf/{queued,executing}/{id}/{slug}/{token} */
	QF_TRINO_ROUTE_INFO,	  /* /v1/info */
	QF_TRINO_ROUTE_UI,	  /* /ui/query.html, where infoUri points to; the id is its query string */
};

struct qf_trino_path {
	enum qf_trino_route route;
	struct qf_slice id, slug; /* PAGE; of legal characters and length */
	uint64_t token;
};

/* A path of PAGE's form with an id, slug or token that cannot be ours is NONE. */
struct qf_trino_path qf_trino_path(struct qf_slice path);
/* An id: lower case letters, digits and underscores, fewer than QF_TRINO_ID. */
bool qf_trino_id_valid(struct qf_slice id);

/*
 * "http://host:port", the front of every link: external when the configuration has it (its trailing slashes are
 * left out), else the first X-Forwarded-Proto, -Host and -Port when they are plausible, else the Host header,
 * else fallback. Absent ones are empty. A value with anything else than a host and a port in it is not used.
 */
void qf_trino_base(struct qf_buf *out, const char *external, struct qf_slice proto, struct qf_slice forwarded_host,
		   struct qf_slice forwarded_port, struct qf_slice host, const char *fallback);

/* ---- headers ------------------------------------------------------------------------------------- */

/* The next element of a comma-separated list, without the white space around it; empty ones are passed over. */
bool qf_trino_list_next(struct qf_slice *rest, struct qf_slice *ret);
/* application/x-www-form-urlencoded. false: a '%' without two hexadecimal digits, or a NUL byte behind it. */
bool qf_trino_decode(struct qf_slice in, struct qf_buf *out);
void qf_trino_encode(struct qf_slice in, struct qf_buf *out);
/* "name=value" of a list, both decoded into empty buffers. false: malformed, or without a name. */
bool qf_trino_property(struct qf_slice item, struct qf_buf *name, struct qf_buf *value);
/* "key:value", "key=value" or a bare word. The value's p is NULL for the last. */
void qf_trino_tag(struct qf_slice item, struct qf_slice *ret_key, struct qf_slice *ret_value);
/* User and password of "Basic …" [RFC 7617], into empty buffers; the caller wipes the second. false: another scheme or malformed. */
bool qf_trino_basic(struct qf_slice authorization, struct qf_buf *user, struct qf_buf *password);
/* The token of "Bearer …" [RFC 6750]; false: another scheme, or none. */
bool qf_trino_bearer(struct qf_slice authorization, struct qf_slice *ret_token);
/*
 * A Java zone id: a name passes as it is; "Z", "UTC+2", "+02:00" and the like, whose sign counts east, become
 * "UTC" or, for whole hours, "Etc/GMT-2". -EINVAL: not a zone id; QF_EUNSUPPORTED: an offset that no name stands for.
 */
int qf_trino_time_zone(struct qf_slice in, struct qf_buf *out, struct qf_err *reterr) qf_must_check;
/* "5m", "1.5h", "30 s", "250ms": a duration of a session property. false: malformed or over 1000 days. */
bool qf_trino_duration(struct qf_slice in, uint64_t *ret_ns);

/* ---- errors -------------------------------------------------------------------------------------- */

/* Trino's StandardErrorCode, as far as it is used here. */
enum qf_trino_code {
	QF_TRINO_GENERIC_USER_ERROR,
	QF_TRINO_SYNTAX_ERROR,
	QF_TRINO_ABANDONED_QUERY,
	QF_TRINO_USER_CANCELED,
	QF_TRINO_PERMISSION_DENIED,
	QF_TRINO_NOT_FOUND,
	QF_TRINO_FUNCTION_NOT_FOUND,
	QF_TRINO_INVALID_FUNCTION_ARGUMENT,
	QF_TRINO_DIVISION_BY_ZERO,
	QF_TRINO_INVALID_CAST_ARGUMENT,
	QF_TRINO_ALREADY_EXISTS,
	QF_TRINO_NOT_SUPPORTED,
	QF_TRINO_INVALID_SESSION_PROPERTY,
	QF_TRINO_CONSTRAINT_VIOLATION,
	QF_TRINO_TRANSACTION_CONFLICT,
	QF_TRINO_NUMERIC_VALUE_OUT_OF_RANGE,
	QF_TRINO_UNKNOWN_TRANSACTION,
	QF_TRINO_NOT_IN_TRANSACTION,
	QF_TRINO_TRANSACTION_ALREADY_ABORTED,
	QF_TRINO_READ_ONLY_VIOLATION,
	QF_TRINO_INCOMPATIBLE_CLIENT,
	QF_TRINO_SUBQUERY_MULTIPLE_ROWS,
	QF_TRINO_QUERY_REJECTED,
	QF_TRINO_AMBIGUOUS_FUNCTION_CALL,
	QF_TRINO_QUERY_TEXT_TOO_LARGE,
	QF_TRINO_TYPE_NOT_FOUND,
	QF_TRINO_CATALOG_NOT_FOUND,
	QF_TRINO_SCHEMA_NOT_FOUND,
	QF_TRINO_TABLE_NOT_FOUND,
	QF_TRINO_COLUMN_NOT_FOUND,
	QF_TRINO_SCHEMA_ALREADY_EXISTS,
	QF_TRINO_TABLE_ALREADY_EXISTS,
	QF_TRINO_DUPLICATE_COLUMN_NAME,
	QF_TRINO_MISSING_CATALOG_NAME,
	QF_TRINO_TYPE_MISMATCH,
	QF_TRINO_INVALID_LITERAL,
	QF_TRINO_AMBIGUOUS_NAME,
	QF_TRINO_EXPRESSION_NOT_AGGREGATE,
	QF_TRINO_INVALID_PARAMETER_USAGE,
	QF_TRINO_GENERIC_INTERNAL_ERROR,
	QF_TRINO_NO_NODES_AVAILABLE,
	QF_TRINO_SERVER_SHUTTING_DOWN,
	QF_TRINO_REMOTE_HOST_GONE,
	QF_TRINO_GENERIC_INSUFFICIENT_RESOURCES,
	QF_TRINO_QUERY_QUEUE_FULL,
	QF_TRINO_EXCEEDED_TIME_LIMIT,
	QF_TRINO_EXCEEDED_LOCAL_MEMORY_LIMIT,
	QF_TRINO_CODE_N
};

struct qf_trino_code_info {
	uint32_t number;
	const char *name, *type;
};

const struct qf_trino_code_info *qf_trino_code_info(enum qf_trino_code c);
/* What an SQLSTATE is called there: by its five characters, else by its class of two. */
enum qf_trino_code qf_trino_code_of(const char *sqlstate);

struct qf_trino_error {
	enum qf_trino_code code;
	const char *sqlstate; /* NULL: none */
	const char *message;
	uint32_t line, column; /* of the statement, from 1; 0 = none */
};

/* ---- pages --------------------------------------------------------------------------------------- */

struct qf_trino_stats {
	const char *state; /* QUEUED, RUNNING, FINISHED, FAILED */
	uint64_t elapsed_ms, queued_ms;
	uint64_t rows, bytes; /* processed so far */
	uint64_t peak_bytes;
};

struct qf_trino_links {
	const char *base; /* qf_trino_base() */
	const char *id, *slug;
	bool has_next, queued; /* queued: it has not begun */
	uint64_t next;	       /* token of the next page */
};

struct qf_trino_tail {
	struct qf_trino_links links;
	struct qf_trino_stats stats;
	const struct qf_trino_error *error; /* NULL: none */
	struct qf_slice warnings;	    /* qf_trino_put_warning()s, separated by commas */
	const char *update_type;	    /* NULL: a query */
	bool has_update_count;
	uint64_t update_count;
};

/*
 * A page is written front to back: begin, rows, end. columns is the JSON array of all columns, or empty while
 * they are not known.
 */
void qf_trino_page_begin(struct qf_buf *out, const char *id, struct qf_slice columns);
/* What stands before row number `row` (from 0) of this page; the row's own array follows. */
void qf_trino_page_row(struct qf_buf *out, uint64_t row);
void qf_trino_page_end(struct qf_buf *out, uint64_t rows, const struct qf_trino_tail *tail);

/* One warning object; with a comma before it when out is not empty. */
void qf_trino_put_warning(struct qf_buf *out, uint32_t number, const char *name, const char *message);
/* A JSON string, quotes included. What is not UTF-8 becomes U+FFFD. */
void qf_trino_put_string(struct qf_buf *out, struct qf_slice s);
/* A column object of a type without parameters: "bigint", "boolean", "varchar" (as varchar without length). */
void qf_trino_put_column(struct qf_buf *out, const char *name, const char *type);

/* The body of GET /v1/info. */
void qf_trino_put_info(struct qf_buf *out, const char *version, uint64_t uptime_ns, bool starting);

#endif
