/*
 * Portals of a session: a prepared statement with its values, ready to run, suspended or done. [PG 55.2.3]
 *
 * They live as long as their transaction; outside a block, up to Sync. Rows that were left wait in a portal of the
 * engine under `number`, on the session's pin. One loop thread.
 */
#ifndef QF_FRONTEND_PG_PORTAL_H
#define QF_FRONTEND_PG_PORTAL_H

#include "prepared.h"
#include "qf/bind.h"
#include "qf/proto/postgres.h"

enum pg_portal_state { PG_PORTAL_READY, PG_PORTAL_SUSPENDED, PG_PORTAL_DONE };

struct pg_portal {
	unsigned refs;
	char *name;
	struct pg_statement *statement;
	enum pg_portal_state state;
	uint64_t number; /* at the engine; 0: it has none */
	bool had_rows;	 /* when done: it returned rows, perhaps none */
	uint8_t *body;	 /* what the values point into */
	struct qf_value *values;
	uint16_t *formats;
	uint16_t n_values, n_formats;
	size_t charged;
};

/* Copies what Bind said; formats of values must have been checked. */
struct pg_portal *pg_portal_new(struct pg_session *s, struct pg_statement *st, const struct qf_pg_bind *b);
struct pg_portal *pg_portal_ref(struct pg_portal *p);
struct pg_portal *pg_portal_unref(struct pg_session *s, struct pg_portal *p); /* NULL is fine; returns NULL */

struct pg_portal *pg_portal_find(const struct pg_session *s, struct qf_slice name);
/* Under its name: takes the reference; an unnamed one takes the place of the one before. */
bool pg_portal_put(struct pg_session *s, struct pg_portal *p, struct qf_sql_error *reterr) qf_must_check;
void pg_portal_drop(struct pg_session *s, struct pg_portal *p); /* the name is free; harmless when it was */
/* The engine is told that nobody wants the portal of that number any more. */
void pg_portal_close_number(struct pg_session *s, uint64_t number);
void pg_portal_drop_unnamed(struct pg_session *s);
void pg_portal_drop_all(struct pg_session *s); /* their transaction is over */
void pg_portal_missing(struct qf_slice name, struct qf_sql_error *reterr);

#endif
