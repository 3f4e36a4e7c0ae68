/* Statements that are answered where the session lives: SET, SHOW, DISCARD and their relatives. */
#ifndef QF_FRONTEND_PG_UTILITY_H
#define QF_FRONTEND_PG_UTILITY_H

#include "query.h"

/* Answers the current statement. False: this one is the engine's. */
bool pg_utility(struct pg_run *run);
/* Without running it: whether it is answered here, and its RowDescription, if it returns rows. */
bool pg_utility_describe(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns);

#endif
