/* SET, RESET, SHOW and set_config(): statements about the session's settings. Private to utility.c and the runs. */
#ifndef QF_FRONTEND_PG_SET_H
#define QF_FRONTEND_PG_SET_H

#include "query.h"

/* Each answers the current statement, or says false: its name is not known here, the engine judges it. */
bool pg_set(struct pg_run *run);
bool pg_show(struct pg_run *run);
bool pg_set_config(struct pg_run *run); /* SELECT set_config(…) alone */
/* The same without running it: is it answered here, and its RowDescription. */
bool pg_set_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns);
bool pg_show_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns);
bool pg_set_config_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f,
	struct qf_buf *columns);
/* The engine has taken the current statement: when it set something, that goes with every statement from now on. */
void pg_set_accepted(struct pg_run *run);
/* The engine has no such statement. Of SET, SHOW and RESET: then there is no setting of that name. */
void pg_set_refused(struct pg_run *run, struct qf_sql_error *e);

#endif
