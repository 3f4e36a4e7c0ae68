/*
 * The PostgreSQL adapter: a pool of connections per cluster, and a relay of framed bytes between them and clients that
 * speak the same protocol.
 *
 * libpq connects (TLS, SCRAM, password and service files), on a thread of a few. Then its socket is ours: messages are written and read here, never through libpq, and rows pass with only
 * their framing looked at. For frontends of other protocols rows are asked for in binary and become Arrow.
 *
 * A connection changes hands without a reset only after statements that are known to leave no state; what the session
 * has set is made equal before each statement. A cancel is sent by a thread of its own, and the connection is not used
 * again before that is over and one more round trip has passed, so that it never hits another's statement.
 */
#ifndef QF_ENGINE_POSTGRES_ADAPTER_H
#define QF_ENGINE_POSTGRES_ADAPTER_H

#include "qf/engine.h"

extern const struct qf_engine_ops qf_engine_postgres;

#endif
