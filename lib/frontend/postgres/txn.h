/*
 * The transaction of a session: its state, the pin that holds it at an engine, and the statements that
 * control it. [PG 55.2.2.1] describes blocks; an implicit one is made of the statements of one Query.
 *
 * BEGIN alone sends nothing: the pin is made for the first statement that goes to an engine.
 */
#ifndef QF_FRONTEND_PG_TXN_H
#define QF_FRONTEND_PG_TXN_H

#include "qf/frontend.h"

enum pg_txn_state {
	PG_TXN_IDLE,
	PG_TXN_IMPLICIT, /* several statements in one Query, no BEGIN */
	PG_TXN_BLOCK,
	PG_TXN_FAILED,	 /* a block that accepts nothing but its end */
};

struct pg_txn {
	enum pg_txn_state state;
	struct qf_pin *pin; /* NULL: nothing was sent yet */
};

char pg_txn_status(const struct pg_txn *t); /* of ReadyForQuery: I T E */
bool pg_txn_in_block(const struct pg_txn *t);
/* The pin for the next statement of the block, made when there is none. */
struct qf_pin *pg_txn_pin(struct pg_txn *t, struct qf_hub *hub);
/* The engine has a transaction that COMMIT or ROLLBACK must reach. */
bool pg_txn_at_engine(const struct pg_txn *t);
/* The pin died, and the client has not been told: nothing of the transaction took effect. */
bool pg_txn_lost(const struct pg_txn *t);
void pg_txn_drop_pin(struct pg_txn *t);

/* What BEGIN, COMMIT, ROLLBACK, SET TRANSACTION and their relatives say. */
struct pg_txn_stmt {
	bool chain;
	bool session;		/* SET SESSION CHARACTERISTICS AS TRANSACTION */
	const char *isolation;	/* as a setting; NULL: not said */
	const char *read_only;	/* "on", "off" */
	const char *deferrable; /* "on", "off" */
};

bool pg_txn_parse(struct qf_slice stmt, enum qf_dialect d, enum qf_verb verb, struct pg_txn_stmt *ret,
		  struct qf_sql_error *reterr) qf_must_check;

#endif
