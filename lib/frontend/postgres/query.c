/* One Query message: statement after statement. See query.h. */
#include "query.h"

bool pg_run_next_statement(struct pg_run *run)
{
	do
		if (!qf_split_next(&run->splitter, &run->stmt))
			return false;
	while (run->stmt.empty);
	if (run->index++ > 0)
		qf_sql_facts(run->stmt.text, pg_session_facts(run->s)->dialect, &run->facts);
	return true;
}

void pg_run_start(struct pg_session *s, struct qf_slice text)
{
	struct pg_run *run = pg_run_new(s, PG_RUN_QUERY);
	struct qf_sql_error e;

	run->text = qf_slice_dup(text);
	run->text_n = text.n;
	pg_portal_drop_unnamed(s);
	pg_prepared_drop_unnamed(s);
	if (!pg_run_check(run, &e))
		pg_run_fail(run, &e);
	else if (run->n_statements == 0)
		qf_pg_put_empty_query(&s->conn.out);
	pg_run_turn(run);
}
