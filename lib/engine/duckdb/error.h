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
 * NULL. e->position is left 0: duck_error_at() knows it.
 */
enum duck_error_kind duck_error_read(const char *text, struct qf_sql_error *e);
/* The byte of the statement that the error text names, counted from 0. False: none. */
bool duck_error_at(const char *text, size_t *ret);
/* The number of the character at that byte, from 1; 0: the statement is shorter. */
uint32_t duck_error_place(const char *sql, size_t at);

#endif
