/* Statements that are answered where the session lives: SET, SHOW, DISCARD and their relatives. */
#ifndef QF_FRONTEND_PG_UTILITY_H
#define QF_FRONTEND_PG_UTILITY_H

#include "query.h"

/* Answers the current statement. False: this one is the engine's. */
bool pg_utility(struct pg_run *run);
/* Without running it: whether it is answered here, and its RowDescription, if it returns rows. */
bool pg_utility_describe(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns);
/* The engine, or the translation to it, has no such statement: a clearer word where there is one. */
void pg_utility_refused(struct pg_run *run, struct qf_sql_error *e);

#endif
