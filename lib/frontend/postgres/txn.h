/*
 * The transaction of a session: its state, the pin that holds it at an engine, and the statements that
 * control it. [PG 55.2.2.1] describes blocks; an implicit one is made of the statements of one Query, or
 * of those up to Sync.
 *
 * BEGIN alone sends nothing: an engine's transaction begins with the first statement that goes there. The pin is the
 * session's: an engine may keep its connection beyond the transaction, for what the session has there.
 */
#ifndef QF_FRONTEND_PG_TXN_H
#define QF_FRONTEND_PG_TXN_H

#include "qf/frontend.h"

enum pg_txn_state {
	PG_TXN_IDLE,
	PG_TXN_IMPLICIT, /* several statements in one Query or up to Sync, no BEGIN */
	PG_TXN_BLOCK,
	PG_TXN_FAILED,	 /* a block that accepts nothing but its end */
};

struct pg_txn {
	enum pg_txn_state state;
	struct qf_pin *pin; /* NULL: none yet */
};

char pg_txn_status(const struct pg_txn *t); /* of ReadyForQuery: I T E */
bool pg_txn_in_block(const struct pg_txn *t);
/* The engine has a transaction that COMMIT or ROLLBACK must reach. */
bool pg_txn_at_engine(const struct pg_txn *t);
/* The pin died in the transaction, and the client has not been told: nothing of it took effect. */
bool pg_txn_lost(const struct pg_txn *t);
void pg_txn_drop_pin(struct pg_txn *t);
/* The transaction is over: the pin stays when an engine keeps its connection for the session. */
void pg_txn_release_pin(struct pg_txn *t);

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
