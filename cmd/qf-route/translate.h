/*
 * One statement through the sibling program qf-translate, for qf-route --explain --translate. Blocks until
 * the program has answered, at most a minute.
 */
#ifndef QF_ROUTE_TRANSLATE_H
#define QF_ROUTE_TRANSLATE_H

#include "qf/arena.h"
#include "qf/sql.h"

struct qf_translated {
	const char *sql;   /* NULL: there is no faithful translation */
	const char *error; /* then why */
	const char *const *warnings, *const *doubts;
	size_t n_warnings, n_doubts;
};

struct qf_translate_opts {
	enum qf_dialect from, to;
	const char *schema; /* file of tables and columns; may be NULL */
	const char *types;  /* of parameters, as --param-types has them; may be NULL */
};

/* Fails when the program is missing or breaks off; a statement that it cannot translate is no failure. */
int qf_translate_run(struct qf_translated *ret, const struct qf_translate_opts *o, struct qf_slice sql,
		     struct qf_arena *arena, struct qf_err *reterr) qf_must_check;

#endif
