/*
 * A statement with parameters: what their types are, and the statement prepared with them. On the thread of the running
 * step.
 *
 * A parameter's type is the one that the client declared, else what DuckDB finds, else found out by trying (infer.c),
 * else text, as PostgreSQL has it. Where DuckDB finds the same by itself the parameter stands bare in the text; else it
 * is cast there, so that a description and a run have the same types, and a value of the type needs no second planning.
 */
#ifndef QF_ENGINE_DUCKDB_PLAN_H
#define QF_ENGINE_DUCKDB_PLAN_H

#include "private.h"
#include "text.h"

struct duck_param {
	uint32_t oid;		  /* how its values are read */
	bool open;		  /* nobody says what it is */
	duckdb_logical_type type; /* what DuckDB finds: it stands bare; NULL: it is cast */
	struct duck_type as;
};

struct duck_plan {
	struct duck_text text;
	struct duck_param *params; /* text.max of them */
	unsigned n_values;	   /* and how many a client gives: those that it declared without need, too */
	duckdb_prepared_statement bare; /* as the text stands, when that was asked for */
	uint64_t bare_writes;		/* for duck_cache_put() */
	struct qf_buf why;		/* DuckDB's error when the open ones could not be found out; else empty */
};

/* On failure the job has ended with the error. */
int duck_plan_make(struct duck_plan *ret, struct qf_engine_conn *c) qf_must_check;
void duck_plan_fini(struct duck_plan *p, struct qf_engine_conn *c);

/*
 * Prepares one statement. False: *why has DuckDB's error, or the job's error is set and *why is empty: it is more than
 * one statement for DuckDB.
 */
bool duck_prepare(struct qf_engine_conn *c, const char *sql, duckdb_prepared_statement *ret, struct qf_buf *why)
	qf_must_check;
/* Whether DuckDB knows the columns before it has values. */
bool duck_columns_known(const struct duck_api *api, duckdb_prepared_statement prepared);
/* Notes in the job what duck_plan_put_sql() put last: that is the statement that runs or is described. */
void duck_plan_note_casts(const struct duck_plan *p, struct duck_job *j);
/* Appends the text with its casts; `nulls` as for duck_text_cast(). */
void duck_plan_put_sql(struct qf_buf *sql, struct duck_plan *p, bool nulls);

/* infer.c: finds types for the open parameters with which the statement can be prepared; else all are text. */
void duck_infer(struct duck_plan *p, struct qf_engine_conn *c);

/* describe.c: ends the job. */
void duck_describe(struct qf_engine_conn *c);
void duck_describe_nothing(struct qf_engine_conn *c);

/* A statement with its values, ready to run. */
struct duck_bound {
	duckdb_prepared_statement prepared;
	char *sql;	 /* what was prepared */
	uint64_t writes; /* for duck_cache_put() */
};

/* bind.c: the statement of the job with the values of the job. On failure the job has ended with the error. */
int duck_bind(struct duck_bound *ret, struct qf_engine_conn *c) qf_must_check;

#endif
