/*
 * COPY: what a client sends to the statement that runs goes to the engine, never more than its window; what the engine
 * sends passes like rows. [PG 55.2.6] One loop thread.
 */
#ifndef QF_FRONTEND_PG_COPY_H
#define QF_FRONTEND_PG_COPY_H

#include "qf/buf.h"

struct pg_run;

enum pg_copy_state { PG_COPY_NONE, PG_COPY_OUT, PG_COPY_IN, PG_COPY_IN_DONE };

struct pg_copy {
	enum pg_copy_state state;
	struct qf_buf waiting; /* whole messages that there was no window for */
	size_t window;
};

/* A CopyInResponse or CopyOutResponse has come. */
void pg_copy_begin(struct pg_run *run, char kind);
void pg_copy_fini(struct pg_run *run);
/* The client's messages are for the statement that runs, and there is room for them. */
bool pg_copy_reads(const struct pg_run *run);
/* One of them, whole. False: the connection is to be ended. */
bool pg_copy_message(struct pg_run *run, char kind, struct qf_slice message);
/* One of them was too long, or there was no room for it among all that is pending. */
void pg_copy_too_long(struct pg_run *run, size_t bytes, bool over_budget);
/* What was read in this turn goes on. */
void pg_copy_flush(struct pg_run *run);
/* The engine took so many bytes. */
void pg_copy_taken(struct pg_run *run, size_t bytes);

#endif
