/*
 * Statements that are likely to come again, prepared on their connection. On the thread of the running step.
 *
 * DuckDB 1.5.6 plans with the statistics of the tables as they are, and does not look at them again when the statement
 * runs: a filter that nothing passed stays empty after an INSERT (duckdb/duckdb#23704). So a prepared statement is used
 * again only when nothing at all was written in the meantime, by anybody; and not where views may read what others
 * write, files or databases of initSql.
 */
#ifndef QF_ENGINE_DUCKDB_CACHE_H
#define QF_ENGINE_DUCKDB_CACHE_H

#include "api.h"
#include "qf/list.h"

struct qf_engine_conn;

struct duck_cache {
	struct qf_list entries; /* the last used first */
	unsigned n;
};

void duck_cache_init(struct duck_cache *cache);
void duck_cache_clear(struct qf_engine_conn *c);
/* The statement belongs to the caller then; NULL: prepare it. *ret_writes is for duck_cache_put(). */
duckdb_prepared_statement duck_cache_take(struct qf_engine_conn *c, const char *sql, uint64_t *ret_writes);
/* Takes the statement, to keep or to destroy it. `writes` is what it was before it was prepared. */
void duck_cache_put(struct qf_engine_conn *c, const char *sql, duckdb_prepared_statement prepared, uint64_t writes);

/* Around a statement that may write, or lets others see what was written. */
void duck_writes_begin(struct qf_engine_conn *c);
void duck_writes_end(struct qf_engine_conn *c);

#endif
