/*
 * The DuckDB adapter: an embedded database in this process, results as Arrow IPC.
 *
 * libduckdb.so is loaded with dlopen when the first cluster opens. A job runs in steps on the threads of a
 * pool; a step ends when the job's window is used up, so that a client that does not read holds no thread.
 * DuckDB starts no threads of its own: `external_threads` is set to `threads`, and the tasks that a large
 * statement leaves in DuckDB's queue are run by helpers of ours that wake only for statements older than a
 * millisecond. A short statement therefore costs no thread but its own (35 µs instead of 155 µs).
 *
 * A client cannot reach files, extensions or settings: external access is off but for allowedDirectories, the
 * configuration is locked but for TimeZone (UTC unless the session says another) and search_path, and what
 * changes the process or the database as a whole (PRAGMA, ATTACH, LOAD, SET GLOBAL …) is refused. The operator's
 * initSql runs before all that.
 */
#ifndef QF_ENGINE_DUCKDB_ADAPTER_H
#define QF_ENGINE_DUCKDB_ADAPTER_H

#include "qf/engine.h"

extern const struct qf_engine_ops qf_engine_duckdb;

#endif
