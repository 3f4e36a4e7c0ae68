/*
 * Statements that only PostgreSQL knows, on their way: DECLARE and COPY with the client go with the query that stands in
 * them, for an engine that is another one (qf/bind.h). See query.h.
 */
#ifndef QF_FRONTEND_PG_FORM_H
#define QF_FRONTEND_PG_FORM_H

#include "query.h"

/* What lives as long as the run. */
struct qf_arena *pg_form_arena(struct pg_run *run);
/* Finds out what sql is: run->form and what belongs to it. */
void pg_form_find(struct pg_run *run, struct qf_slice sql, const struct qf_facts *f);
/* Appends it to the bind. */
void pg_form_bind(struct pg_run *run, enum pg_step step, struct qf_bind *b);
/* COPY of a table from or to the client: to PostgreSQL it has no columns, and its table is not looked at before it runs. */
bool pg_form_is_copy(struct qf_slice sql, enum qf_dialect d, const struct qf_facts *f);
void pg_form_error(const struct qf_pgstmt_error *from, struct qf_sql_error *ret);

#endif
