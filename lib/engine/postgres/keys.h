/*
 * Logging in by the SCRAM keys of a client's login, which libpq cannot: the connection is made here, on a thread of the
 * crew, as far as the server is ready for statements. The keys are in memory that is locked and in no core dump.
 */
#ifndef QF_ENGINE_POSTGRES_KEYS_H
#define QF_ENGINE_POSTGRES_KEYS_H

#include "qf/auth.h"

struct qf_scram_keys *pge_keys_copy(const struct qf_scram_keys *keys); /* NULL: there is no memory */
void pge_keys_free(struct qf_scram_keys *keys);			       /* wipes; NULL is fine */

#endif
