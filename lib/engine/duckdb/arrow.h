/*
 * DuckDB's result chunks → Arrow IPC messages. One object a result; one thread at a time.
 *
 * Messages are encapsulated (0xFFFFFFFF, length, flatbuffer, body). ENUM columns become plain utf8, at every
 * nesting level, because the IPC encoder writes no dictionaries.
 */
#ifndef QF_ENGINE_DUCKDB_ARROW_H
#define QF_ENGINE_DUCKDB_ARROW_H

#include <nanoarrow/nanoarrow.h>

#include "api.h"
#include "qf/engine.h"
#include "text.h"

struct duck_arrow;

/*
 * Borrows api until duck_arrow_free(). The schema message is put into *schema (initialized). casts: those that we put
 * into the statement, which do not stand in the names of its columns. sql: the statement, see shown.h.
 */
int duck_arrow_new(struct duck_arrow **ret, const struct duck_api *api, duckdb_result *result,
	const struct duck_casts *casts, const char *sql, struct ArrowBuffer *schema, struct qf_sql_error *reterr)
	qf_must_check;
/* The schema message that the result of a statement would have, whose columns DuckDB knows. */
int duck_arrow_describe(const struct duck_api *api, duckdb_connection conn, duckdb_prepared_statement prepared,
	const struct duck_casts *casts, const char *sql, struct ArrowBuffer *schema, struct qf_sql_error *reterr)
	qf_must_check;
/* Whether Arrow has all column types of a statement: to be asked before it changes anything. */
int duck_arrow_check(const struct duck_api *api, duckdb_connection conn, duckdb_prepared_statement prepared,
	struct qf_sql_error *reterr) qf_must_check;
struct duck_arrow *duck_arrow_free(struct duck_arrow *a);
/*
 * Encodes rows of the chunk from row `from` into *out (initialized, empty): as many as make a message of at
 * most `limit` bytes, at least one, no more than `most`. *ret_rows is how many.
 */
int duck_arrow_batch(struct duck_arrow *a, duckdb_data_chunk chunk, idx_t from, uint64_t most, size_t limit,
	struct ArrowBuffer *out, idx_t *ret_rows, struct qf_sql_error *reterr) qf_must_check;

#endif
