/*
 * Prepared statements of a session, by Parse or by PREPARE: text, declared types, and what an engine said of it.
 *
 * The text goes with every run: nothing of a statement lives at an engine but in its own cache. A statement is shared
 * by the portals that are made of it and outlives its name. [PG 55.2.3] One loop thread.
 */
#ifndef QF_FRONTEND_PG_PREPARED_H
#define QF_FRONTEND_PG_PREPARED_H

#include "qf/frontend.h"

struct pg_session;

struct pg_statement {
	unsigned refs;
	char *name;	/* "": the unnamed one */
	char *text;	/* one statement without its ';', or nothing */
	size_t n;
	uint32_t shift; /* characters before it in the text that the client sent */
	struct qf_facts facts;
	uint32_t *types; /* as declared, n_params of them; 0: not declared */
	uint16_t n_types, n_params;
	bool local;	 /* what it returns is known where the session lives */
	bool described;	 /* the next two are known … */
	uint64_t generation; /* … for these settings of the session */
	uint32_t *param_types;
	struct qf_buf columns; /* RowDescription, formats all text; empty: no rows */
	bool told;	 /* the client was told of them */
	uint64_t shape;	 /* of the rows that it returns, the same for ever; 0: not known */
	size_t charged;		/* while it has its name */
	size_t columns_charged; /* as long as it lives */
};

/* A prepared statement as it is asked for; text is the whole of what the client sent, stmt its one statement. */
struct pg_statement *pg_statement_new(struct pg_session *s, struct qf_slice name, struct qf_slice text,
				      const struct qf_statement *stmt, struct qf_reader types, uint16_t n_types);
struct pg_statement *pg_statement_ref(struct pg_statement *st);
struct pg_statement *pg_statement_unref(struct pg_session *s, struct pg_statement *st); /* NULL is fine; returns NULL */
bool pg_statement_described(struct pg_session *s, const struct pg_statement *st);
/* What an engine says, or for a local statement what is known here: takes columns. */
void pg_statement_describe(struct pg_session *s, struct pg_statement *st, const uint32_t *param_types, size_t n,
			   struct qf_buf *columns);
/* Of a RowDescription: names and types. Never 0. */
uint64_t pg_columns_shape(struct qf_slice description);
/* The type of parameter i: declared, or as described; 0: not known. */
uint32_t pg_statement_type(const struct pg_statement *st, size_t i);

struct pg_statement *pg_prepared_find(const struct pg_session *s, struct qf_slice name);
/* Under its name: takes the reference. False: there is no room, and it is gone. */
bool pg_prepared_put(struct pg_session *s, struct pg_statement *st, struct qf_sql_error *reterr) qf_must_check;
void pg_prepared_drop(struct pg_session *s, struct pg_statement *st); /* the name is free; harmless when it was */
/* The description that there was no room for was used: it is asked for again. */
void pg_prepared_forget_passing(struct pg_session *s);
void pg_prepared_drop_unnamed(struct pg_session *s);
void pg_prepared_drop_all(struct pg_session *s);
/* "prepared statement "x" does not exist" */
void pg_prepared_missing(struct qf_slice name, struct qf_sql_error *reterr);

#endif
