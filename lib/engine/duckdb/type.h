/*
 * Types of parameters: PostgreSQL's oids and what they are in DuckDB. The oids are those of the type table in lib/types
 * (tests/unit/test_engine_duckdb_bind.c compares them). Pure.
 */
#ifndef QF_ENGINE_DUCKDB_TYPE_H
#define QF_ENGINE_DUCKDB_TYPE_H

#include "api.h"
#include "qf/buf.h"

/* A type that a parameter is cast to: a scalar, or lists of one. */
struct duck_type {
	duckdb_type id;
	bool json;	      /* a VARCHAR that is called JSON */
	uint8_t width, scale; /* of a DECIMAL */
	uint8_t depth;	      /* lists around it */
};

#define DUCK_TYPE(name) ((struct duck_type){ .id = DUCKDB_TYPE_##name })

/* What values of that oid are by themselves. False: not known. */
bool duck_type_of_oid(struct duck_type *ret, uint32_t oid);
/* Whether the client must declare something, or leaves it open. */
bool duck_type_is_open(uint32_t oid);
/* How a client calls a type of DuckDB's; 0: that cannot be said. */
uint32_t duck_type_oid(const struct duck_api *api, duckdb_logical_type type);
uint32_t duck_type_oid_of(const struct duck_type *t);
/* The same type, for a cast. False for one that cannot be written down, an ENUM. */
bool duck_type_of_logical(struct duck_type *ret, const struct duck_api *api, duckdb_logical_type type);
/* Whether two oids have values of one form. */
bool duck_type_alike(uint32_t a, uint32_t b);
/* Values of it are made in its own form, not as text that DuckDB reads. */
bool duck_type_is_native(const struct duck_type *t);
void duck_type_put_sql(struct qf_buf *sql, const struct duck_type *t);
duckdb_logical_type duck_type_logical(const struct duck_api *api, const struct duck_type *t);
/* One by its name in DuckDB's messages, "DECIMAL(10,2)" or "INTEGER[]". False: none of these. */
bool duck_type_of_name(struct duck_type *ret, struct qf_slice name);

#endif
