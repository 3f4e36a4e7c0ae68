/*
 * SAVEPOINT, RELEASE and ROLLBACK TO before an engine that has none of them.
 *
 * A savepoint that nothing was written behind needs none: going back to it changes nothing. So their names are kept here,
 * each with what the transaction had written by then. ROLLBACK TO is refused where that would have to undo something, and
 * where an error has aborted DuckDB's transaction. Steps of the connection alone touch them.
 */
#ifndef QF_ENGINE_DUCKDB_SAVEPOINT_H
#define QF_ENGINE_DUCKDB_SAVEPOINT_H

#include "qf/buf.h"

struct qf_engine_conn;

struct duck_savepoints {
	struct qf_buf list; /* struct savepoint, the last one last */
	uint64_t writes;    /* of the transaction */
};

bool duck_savepoint_is(const char *sql);
/* Runs or describes the job's statement, which is one of them: fills in its end. */
void duck_savepoint_run(struct qf_engine_conn *c);
void duck_savepoints_clear(struct qf_engine_conn *c); /* the transaction is over */

#endif
