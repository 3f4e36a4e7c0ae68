/*
 * PREPARE, EXECUTE and DEALLOCATE as statements: they share the names of the protocol's prepared statements. Arguments
 * of EXECUTE are literals: nobody here computes expressions.
 */
#ifndef QF_FRONTEND_PG_SQLPREPARE_H
#define QF_FRONTEND_PG_SQLPREPARE_H

#include "query.h"

/* Each answers the current statement, EXECUTE by running another one. */
void pg_sql_prepare(struct pg_run *run);
void pg_sql_execute(struct pg_run *run);
void pg_sql_deallocate(struct pg_run *run);
/* The engine has described what PREPARE names. */
void pg_sql_prepared(struct pg_run *run);
/* What an EXECUTE runs; NULL: st is none, or there is no such statement. */
struct pg_statement *pg_sql_target(struct pg_session *s, const struct pg_statement *st);
/* The type of that name, 0 when it is not known here. */
uint32_t pg_type_find(struct qf_slice name);

#endif
