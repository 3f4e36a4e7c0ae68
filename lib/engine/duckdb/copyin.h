/*
 * COPY … FROM STDIN: what the client sends is read and appended, on the thread of the running step; input() of the loop
 * thread adds to it. All of it takes effect or nothing: outside of a transaction it has one of its own.
 */
#ifndef QF_ENGINE_DUCKDB_COPYIN_H
#define QF_ENGINE_DUCKDB_COPYIN_H

#include "private.h"

/* False: the job has ended with the error. */
bool duck_copy_begin(struct qf_engine_conn *c) qf_must_check;
/* Takes what has come. True: it is over, well or not. */
bool duck_copy_take(struct qf_engine_conn *c, struct qf_slice messages) qf_must_check;
/* It was given up, or is over: nothing that is not committed stays. */
void duck_copy_end(struct qf_engine_conn *c);

#endif
