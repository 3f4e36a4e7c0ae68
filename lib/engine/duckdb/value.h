/* Values of parameters → DuckDB's. Pure but for DuckDB's own memory. */
#ifndef QF_ENGINE_DUCKDB_VALUE_H
#define QF_ENGINE_DUCKDB_VALUE_H

#include "qf/engine.h"
#include "qf/types.h"
#include "type.h"

/*
 * The type that holds the value exactly: `base`, what the oid stands for, with the digits of a number or the depth of a
 * list. Fails for a number that no type of DuckDB's holds.
 */
int duck_value_type(struct duck_type *ret, const struct qf_datum *d, const struct duck_type *base,
	struct qf_sql_error *reterr) qf_must_check;
/* A value of that type, which duck_value_type() gave; of a type that is not native it is a VARCHAR, or a list of them. */
duckdb_value duck_value_new(const struct duck_api *api, const struct qf_datum *d, const struct duck_type *t);
/* A value of a type that DuckDB chose, when that holds it exactly, or NULL. */
duckdb_value duck_value_fit(const struct duck_api *api, const struct qf_datum *d, duckdb_logical_type type);

#endif
