/* What the readers of PostgreSQL's own statements share; for lib/sql only. Lives on the stack of one call. */
#ifndef QF_SQL_PGWORDS_H
#define QF_SQL_PGWORDS_H

#include "qf/pgstmt.h"
#include "words.h"

enum { PG_NAME_BYTES = 63 }; /* longer names are cut [PG 4.1.1] */

struct pg_words {
	struct qf_words w;
	struct qf_slice stmt;
	enum qf_dialect d;
	struct qf_arena *a;
	struct qf_pgstmt_error *err;
};

/* Stands behind the verb. */
struct pg_words pg_words(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_pgstmt_error *err);
bool pg_words_op(const struct pg_words *p, char op);
/* An identifier; NULL: there is none. */
const char *pg_words_name(struct pg_words *p);
/* A string literal; NULL: there is none. */
const char *pg_words_string(struct pg_words *p);
/* "(a, b)". False: it is not that. */
bool pg_words_names(struct pg_words *p, struct qf_names *ret);
/* What follows up to the end of the statement. */
struct qf_slice pg_words_rest(const struct pg_words *p);
/* These two return -EINVAL. */
int pg_words_syntax(struct pg_words *p);
int pg_words_fail(struct pg_words *p, const char *sqlstate, struct qf_slice at, const char *fmt, ...) qf_printf(4, 5);

#endif
