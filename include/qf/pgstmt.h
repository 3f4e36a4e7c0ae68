/*
 * Statements that only PostgreSQL knows, read: cursors (DECLARE, FETCH, MOVE, CLOSE) and COPY, with PostgreSQL 15's
 * grammar, checks and words of errors. Pure; slices borrow from the statement, the rest is in the caller's arena.
 */
#ifndef QF_PGSTMT_H
#define QF_PGSTMT_H

#include "qf/sql.h"

/* Why one cannot be read, as PostgreSQL would say it. */
struct qf_pgstmt_error {
	char sqlstate[6];
	uint32_t position; /* 1-based character in the statement; 0: none */
	char text[300];
};

/* ---- cursors -------------------------------------------------------------------------------------- */

enum qf_fetch { QF_FETCH_FORWARD, QF_FETCH_BACKWARD, QF_FETCH_ABSOLUTE, QF_FETCH_RELATIVE };

struct qf_cursor_stmt {
	const char *name; /* as the server knows it: folded, or unquoted; NULL: CLOSE ALL */
	/* DECLARE */
	bool binary, scroll, hold;
	struct qf_slice query;
	/* FETCH, MOVE */
	enum qf_fetch way;
	int64_t count; /* of rows, or a place */
	bool all;      /* FORWARD ALL, BACKWARD ALL */
};

/* The verb is the statement's first word; -EINVAL. */
int qf_cursor_parse(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_cursor_stmt *ret,
	struct qf_pgstmt_error *reterr) qf_must_check;

/* ---- COPY ----------------------------------------------------------------------------------------- */

enum qf_copy_kind { QF_COPY_TEXT, QF_COPY_CSV, QF_COPY_BINARY };
enum qf_copy_header { QF_COPY_HEADER_NONE, QF_COPY_HEADER_YES, QF_COPY_HEADER_MATCH };

struct qf_names {
	const char **v; /* as the server knows them */
	size_t n;
	bool all; /* * */
};

/* How rows stand in the data. */
struct qf_copy_format {
	enum qf_copy_kind kind;
	char delimiter, quote, escape;
	const char *null;
	enum qf_copy_header header;
	struct qf_names force_quote, force_not_null, force_null;
};

enum qf_copy_end { QF_COPY_CLIENT, QF_COPY_FILE, QF_COPY_PROGRAM };

struct qf_copy_stmt {
	bool from;
	enum qf_copy_end end;	/* where it goes to or comes from */
	struct qf_slice query;	/* COPY (query) TO; else table and columns */
	struct qf_slice table;	/* as written, with its schema */
	struct qf_names columns; /* none: all */
	const char *encoding;	/* NULL: the session's */
	bool where;		/* FROM … WHERE */
	struct qf_copy_format format;
};

int qf_copy_parse(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_copy_stmt *ret,
	struct qf_pgstmt_error *reterr) qf_must_check;

#endif
