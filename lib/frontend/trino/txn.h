/*
 * Transactions of Trino clients: an id that the client sends with each statement, and the pin that it stands
 * for. One that is idle for too long is rolled back and forgotten; a statement that fails leaves nothing but
 * ROLLBACK. [client-protocol: X-Trino-Started-Transaction-Id] One loop thread.
 */
#ifndef QF_FRONTEND_TRINO_TXN_H
#define QF_FRONTEND_TRINO_TXN_H

#include "query.h"

/* START TRANSACTION, COMMIT, ROLLBACK. False: another statement. */
bool tr_txn_control(struct tr_query *q, struct qf_slice sql);
/* The transaction of a statement that goes to an engine, for *ret (NULL: none). False: it may not; q has failed. */
bool tr_txn_enter(struct tr_query *q, struct qf_pin **ret);
/* The statement has ended, or q is given up; also of a query that is in none. */
void tr_txn_left(struct tr_query *q, bool ok);
/*
 * The statement is given up while the engine still has it, and the pin with it: that is rolled back behind it. The client
 * can only ROLLBACK; when it was a COMMIT, whose outcome nobody knows now, it hears that there is no such transaction.
 */
void tr_txn_abandoned(struct tr_query *q);
/* A COMMIT or ROLLBACK that went to the engine has ended. False: q's statement was neither. */
bool tr_txn_settle(struct tr_query *q, const struct qf_query_end *end);
void tr_txn_drop_all(struct qf_listener *l);

#endif
