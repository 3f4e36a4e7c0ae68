/* DuckDB's errors in the client's terms. Pure. */
#ifndef QF_ENGINE_DUCKDB_ERROR_H
#define QF_ENGINE_DUCKDB_ERROR_H

#include "qf/engine.h"

enum duck_error_kind {
	DUCK_ERROR_OTHER,
	DUCK_ERROR_INTERRUPT,
	DUCK_ERROR_ABORTED,  /* the transaction accepts nothing but ROLLBACK */
	DUCK_ERROR_SUSPICIOUS, /* may have left the whole database unusable: see whether it still answers */
};

/*
 * Reads an error text of DuckDB (the JSON of `errors_as_json`, or the plain "Binder Error: …"); `text` may be
 * NULL. e->position is left 0: duck_error_place() fills it.
 */
enum duck_error_kind duck_error_read(const char *text, struct qf_sql_error *e);
/* The character position that the error text names, counted in `sql`; 0 when it names none. */
uint32_t duck_error_place(const char *text, const char *sql);

#endif
