/*
 * Cursors of SQL on an engine that is not PostgreSQL: DECLARE made a portal of it, FETCH and MOVE go on with that, and
 * what they return is known here. On PostgreSQL the same statements go as they are, and nothing of it is here.
 *
 * They live as long as their transaction, WITH HOLD as long as the session. They go forward only. One loop thread.
 */
#ifndef QF_FRONTEND_PG_CURSOR_H
#define QF_FRONTEND_PG_CURSOR_H

#include "query.h"

struct pg_cursor {
	char *name;
	uint64_t number; /* of the engine's portal */
	bool binary, hold;
	bool settled;	 /* no transaction takes it back any more */
	bool at_start, at_end;
	bool done;	 /* the engine has no row of it any more */
	uint64_t place;	 /* rows that were fetched or passed over */
	struct qf_buf columns; /* RowDescription, in text */
	size_t charged;
};

/* Statements: answered here or begun at the engine. False: the engine's. */
bool pg_cursor_declare(struct pg_run *run);
bool pg_cursor_fetch(struct pg_run *run); /* and MOVE */
bool pg_cursor_close(struct pg_run *run);
bool pg_cursor_is_ours(struct pg_session *s, struct qf_slice stmt, const struct qf_facts *f, struct qf_buf *columns);
/* DECLARE or FETCH have ended well: *ret_rows is what the tag says. */
void pg_cursor_declared(struct pg_run *run);
uint64_t pg_cursor_fetched(struct pg_run *run);
void pg_cursor_failed(struct pg_run *run);

struct pg_cursor *pg_cursor_find(const struct pg_session *s, struct qf_slice name);
struct pg_cursor *pg_cursor_free(struct pg_session *s, struct pg_cursor *c); /* NULL is fine; returns NULL */
void pg_cursor_drop(struct pg_session *s, struct pg_cursor *c);
void pg_cursors_end(struct pg_session *s, bool commit); /* their transaction */
void pg_cursors_drop_all(struct pg_session *s);
/* The engine may keep a connection for the session that no cursor needs any more. */
void pg_cursors_release(struct pg_session *s);
/* The statement's rows are there for nobody: MOVE. */
bool pg_cursor_moves(const struct pg_run *run);

#endif
