/*
 * What a session is busy with: one Query message from its text to ReadyForQuery, or one Execute, description or Sync of
 * the extended protocol. Statements are answered here or run by the hub, in autocommit, an implicit transaction or a
 * block. [PG 55.2.2, 55.2.3]
 */
#ifndef QF_FRONTEND_PG_QUERY_H
#define QF_FRONTEND_PG_QUERY_H

#include "copy.h"
#include "qf/frontend.h"
#include "result.h"
#include "session.h"

enum pg_run_kind {
	PG_RUN_QUERY,	 /* ends with ReadyForQuery */
	PG_RUN_EXECUTE,	 /* of a portal */
	PG_RUN_DESCRIBE, /* of a prepared statement, by an engine */
	PG_RUN_SYNC,	 /* ends with ReadyForQuery */
	PG_RUN_ABORT,	 /* the ROLLBACK behind a message that failed */
};

enum pg_step {
	PG_STEP_NEXT,		   /* take the next statement of the text */
	PG_STEP_STATEMENT,	   /* the hub runs the statement */
	PG_STEP_DESCRIBE,	   /* … describes it, or what a PREPARE names */
	PG_STEP_COMMIT,		   /* … a COMMIT that the text says */
	PG_STEP_ROLLBACK,	   /* … a ROLLBACK that the text says */
	PG_STEP_IMPLICIT_COMMIT,   /* … the COMMIT behind the last statement */
	PG_STEP_IMPLICIT_ROLLBACK, /* … the ROLLBACK behind an error */
	PG_STEP_END,
};

struct pg_cursor;

struct pg_run {
	struct pg_session *s;
	enum pg_run_kind kind;
	/* a Query */
	char *text;
	size_t text_n;
	size_t reserved; /* of listener->pending_bytes, for the message that started it */
	struct qf_splitter splitter;
	size_t n_statements, index; /* empty ones not counted; index is of the next one */
	/* an Execute or a description */
	struct pg_statement *prepared; /* referenced, as the portal is */
	struct pg_portal *portal;
	struct pg_statement *inner; /* what a PREPARE names or an EXECUTE runs, by SQL … */
	struct pg_portal *args;	    /* … with these values */
	uint32_t max_rows;
	bool alone; /* Sync stands behind it: nothing else belongs to its transaction */

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
	struct pg_copy copy;
	/* a statement that only PostgreSQL knows, see form.h */
	enum qf_bind_form form;
	unsigned form_flags;	    /* enum qf_run_flags */
	struct qf_buf form_inner;   /* the query in it … */
	size_t form_at;		    /* … and where in the statement that stands; SIZE_MAX: it was made here */
	struct qf_sql_error form_error; /* why it is none, for engines that do not know it either; sqlstate empty: no reason */
	const struct qf_copy_stmt *copied; /* from the arena */
	struct qf_arena *arena;	    /* NULL: not needed yet */
	struct pg_cursor *declared; /* not yet among the session's */
	struct pg_cursor *cursor;   /* of FETCH or MOVE: the session's … */
	uint64_t skip, wanted;	    /* … that passes over so many rows, then wants these */
	struct qf_buf columns;	    /* of a description */
	char tag[64];		    /* of the last statement, while the implicit COMMIT runs */
};

/* run.c: what all kinds share */
struct pg_run *pg_run_new(struct pg_session *s, enum pg_run_kind kind);
void pg_run_turn(struct pg_run *run); /* may free it: s->run is NULL then */
void pg_run_sent(struct pg_run *run);
void pg_run_cancel(struct pg_run *run);
void pg_run_abandon(struct pg_run *run); /* the client is gone: frees it without a word */
/* The current statement is done: CommandComplete, then the next. */
void pg_run_complete(struct pg_run *run, const char *tag);
/* The current statement failed, with a position inside it if any: the rest of the text is left out. */
void pg_run_fail(struct pg_run *run, const struct qf_sql_error *e);
/* The same at an earlier stage; fields: the engine's own words, or empty. */
void pg_run_fail_at(struct pg_run *run, enum qf_stage at, const struct qf_sql_error *e, struct qf_slice fields);
/* The current statement is the last of its implicit transaction. */
bool pg_run_is_last(const struct pg_run *run);
/* What stands before the current statement in the client's text. */
uint32_t pg_run_characters_before(const struct pg_run *run);
/* An error was told: a block fails, an implicit transaction is rolled back. */
void pg_run_abort_transaction(struct pg_run *run);

/* hub.c: the part that the hub runs */
/* Starts sql at the hub; the step says what its end means. */
void pg_run_query(struct pg_run *run, enum pg_step step, struct qf_slice sql, const struct qf_facts *f);
/* True when the query is done with: an error is told at once, rows first when there is none. */
bool pg_run_query_finished(struct pg_run *run);
void pg_run_finish_query(struct pg_run *run);
void pg_run_cancel_query(struct pg_run *run);

/* query.c: the simple protocol */
/* Copies text. Answers at once as far as it can; the rest comes in later turns. */
void pg_run_start(struct pg_session *s, struct qf_slice text);
bool pg_run_next_statement(struct pg_run *run);

/* statement.c: the current statement, wherever it is answered */
bool pg_is_savepoint(enum qf_verb v);
void pg_run_statement(struct pg_run *run);
/* The engine runs it, unless the transaction is read-only. */
void pg_run_at_engine(struct pg_run *run);
/* Is what it returns known here, without an engine? Then also its RowDescription, if it returns rows. */
bool pg_statement_is_local(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f,
	struct qf_buf *columns);

/* execute.c: runs of the extended protocol (they are started by extended.h), and their ends */
/* The session's transaction has failed by a message that is no statement; the error was told. */
void pg_run_abort(struct pg_session *s);
void pg_run_described(struct pg_run *run);
void pg_run_executed(struct pg_run *run, const char *tag);

/* check.c: what is refused before anything of the text runs; counts the statements. */
bool pg_run_check(struct pg_run *run, struct qf_sql_error *reterr) qf_must_check;
/* The text of a Parse: at most one statement. An error has its place in text. */
bool pg_check_parse(struct pg_session *s, struct qf_slice text, struct qf_statement *ret, struct qf_sql_error *reterr)
	qf_must_check;
/* Text for the client's encoding: well-formed, and no NUL. */
bool pg_check_text(struct qf_slice text, struct qf_sql_error *reterr) qf_must_check;

/* control.c: BEGIN, COMMIT, ROLLBACK, SET TRANSACTION */
void pg_control(struct pg_run *run);
void pg_control_begin_implicit(struct pg_session *s);
/* Ends the implicit transaction; then run->tag is told, unless it is empty. */
void pg_control_commit_implicit(struct pg_run *run);
/* The engine has taken the current statement: of a savepoint, the settings follow. */
void pg_control_savepoint(struct pg_run *run);
/* The transaction is over; with chain, the next one has begun like it. */
void pg_control_end(struct pg_session *s, bool commit, bool chain);
/* How a COMMIT or ROLLBACK that went to the engine came back. */
void pg_control_finish(struct pg_run *run);
/* How the transaction begins, when that is more than BEGIN; appended. */
void pg_control_begin_text(const struct pg_session *s, struct qf_buf *to);

#endif
