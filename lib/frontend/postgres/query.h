/*
 * One Query message from its text to ReadyForQuery: statement after statement, each answered here or run by
 * the hub, in autocommit, an implicit transaction or a block. [PG 55.2.2]
 */
#ifndef QF_FRONTEND_PG_QUERY_H
#define QF_FRONTEND_PG_QUERY_H

#include "qf/frontend.h"
#include "result.h"
#include "session.h"

enum pg_step {
	PG_STEP_NEXT,		   /* take the next statement of the text */
	PG_STEP_STATEMENT,	   /* the hub runs the statement */
	PG_STEP_COMMIT,		   /* … a COMMIT that the text says */
	PG_STEP_ROLLBACK,	   /* … a ROLLBACK that the text says */
	PG_STEP_IMPLICIT_COMMIT,   /* … the COMMIT behind the last statement */
	PG_STEP_IMPLICIT_ROLLBACK, /* … the ROLLBACK behind an error */
	PG_STEP_END,
};

struct pg_run {
	struct pg_session *s;
	char *text;
	size_t text_n;
	struct qf_splitter splitter;
	size_t n_statements, index; /* empty ones not counted; index is of the next one */
	struct qf_statement stmt;   /* the current one */
	struct qf_facts facts;	    /* of it */
	enum pg_step step;
	struct qf_query *query;	    /* what the hub runs */
	struct qf_query_end end;    /* how it ended, when */
	bool ended;
	bool cancel_sent;	    /* to the hub */
	bool cancelled;		    /* by the client, on its second connection */
	bool chain;		    /* the running COMMIT or ROLLBACK AND CHAIN */
	uint64_t started_ns, limit_ns; /* statement_timeout */
	struct pg_result result;
	char tag[64];		    /* of the last statement, while the implicit COMMIT runs */
};

/* Copies text. Answers at once as far as it can; the rest comes in later turns. */
void pg_run_start(struct pg_session *s, struct qf_slice text);
void pg_run_turn(struct pg_run *run); /* may free it: s->run is NULL then */
void pg_run_sent(struct pg_run *run);
void pg_run_cancel(struct pg_run *run);
void pg_run_abandon(struct pg_run *run); /* the client is gone: frees it without a word */

/* What the statement machine offers to those that answer statements (control.c, utility.c). */

/* The current statement is done: CommandComplete, then the next. */
void pg_run_complete(struct pg_run *run, const char *tag);
/* The current statement failed, with a position inside it if any: the rest of the text is left out. */
void pg_run_fail(struct pg_run *run, const struct qf_sql_error *e);
/* Starts sql at the hub; the step says what its end means. */
void pg_run_query(struct pg_run *run, enum pg_step step, struct qf_slice sql, const struct qf_facts *f,
		  struct qf_pin *pin);

/* check.c: what is refused before anything of the text runs; counts the statements. */
bool pg_run_check(struct pg_run *run, struct qf_sql_error *reterr) qf_must_check;

/* control.c: BEGIN, COMMIT, ROLLBACK, SET TRANSACTION */
void pg_control(struct pg_run *run);
void pg_control_begin_implicit(struct pg_session *s);
void pg_control_commit_implicit(struct pg_run *run);
/* The transaction is over; with chain, the next one has begun like it. */
void pg_control_end(struct pg_session *s, bool commit, bool chain);
/* How a COMMIT or ROLLBACK that went to the engine came back. */
void pg_control_finish(struct pg_run *run);

/* utility.c: statements that are answered where the session lives. False: this one is the engine's. */
bool pg_utility(struct pg_run *run);

#endif
