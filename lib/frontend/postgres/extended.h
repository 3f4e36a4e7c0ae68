/*
 * The extended protocol of a session: its prepared statements and portals, and the replies that it owes. [PG 55.2.3]
 *
 * Whether a Parse or a Bind is right only an engine can tell. So their replies are owed until it is asked: when Parse,
 * Bind, Describe and Execute of one portal come in a row, by its run; else by a description. A run pays what it proves.
 */
#ifndef QF_FRONTEND_PG_EXTENDED_H
#define QF_FRONTEND_PG_EXTENDED_H

#include "portal.h"

struct pg_run;

enum pg_owed { PG_OWED_PARSE = 1 << 0, PG_OWED_BIND = 1 << 1, PG_OWED_DESCRIBE = 1 << 2 };

struct pg_extended {
	struct qf_map *statements, *portals, *cursors; /* by name; NULL: none yet */
	struct pg_statement *unnamed;
	struct pg_portal *unnamed_portal;
	size_t bytes;			     /* of all of them */
	uint64_t next_portal;
	struct qf_buf closed;		     /* uint64_t: portals of the pin that were closed since its last run */
	struct pg_statement *passing;	     /* its description found no room: it is used for what asked for it alone */
	struct pg_statement *cursor;	     /* an engine is asked whether there is one of that name; NULL: not now */
	unsigned owed;			     /* enum pg_owed, in that order … */
	struct pg_statement *owed_statement; /* … of this statement */
	struct pg_portal *owed_portal;	     /* … and this portal */
};

void pg_extended_fini(struct pg_session *s);
/*
 * One of Parse, Bind, Describe, Execute, Close, Flush, Sync; rest is what has arrived behind it. False: look at it again
 * when the run has ended that was started, or when more has arrived.
 */
bool pg_extended_message(struct pg_session *s, char kind, struct qf_slice body, struct qf_slice rest);
/* Another message that is answered now. False as above. After an error *ret_skip: the message is not to be answered. */
bool pg_extended_before(struct pg_session *s, bool *ret_skip);
/* A statement has come as far as `reached`: what is owed up to there is said. */
void pg_extended_pay(struct pg_session *s, enum qf_stage reached);
/* The columns of the portal that runs; empty: it has none. */
void pg_extended_pay_describe(struct pg_session *s, struct qf_slice description);
/* It runs, as is known by a notice or an error of it: all is said, its columns too when they are known. */
void pg_extended_pay_all(struct pg_session *s);
/* It failed there: what does not stand is dropped, nothing is owed any more, and all is skipped up to Sync. */
void pg_extended_failed(struct pg_session *s, enum qf_stage at);

/* ---- between owed.c, bind.c and extended.c ---- */

enum { PG_NAME_SHOWN = 200 };

struct qf_slice pg_name_shown(struct qf_slice name); /* as much of it as an error shows */
/* The error is told, the transaction fails, and all is skipped up to Sync. */
void pg_extended_fail(struct pg_session *s, const struct qf_sql_error *e);
void pg_extended_fail_malformed(struct pg_session *s);
/* Nothing but the end of the transaction is taken. */
bool pg_is_aborted(const struct pg_session *s);
bool pg_aborted_error(struct qf_sql_error *e); /* false */
void pg_owe(struct pg_session *s, enum pg_owed what, struct pg_statement *st, struct pg_portal *p);
void pg_owed_paid(struct pg_session *s, unsigned what);
/* All that is owed is said, without a run of the portal. False: an engine is asked first. */
bool pg_settle(struct pg_session *s);
/* The same before another message. False: *ret_taken says whether the message is done with, being skipped. */
bool pg_settled(struct pg_session *s, bool *ret_taken);
/* RowDescription or NoData of a statement that is described, for a portal with its formats. */
void pg_extended_put_columns(struct pg_session *s, const struct pg_statement *st, const struct pg_portal *p);
void pg_on_parse(struct pg_session *s, const struct qf_pg_parse *p);
bool pg_on_bind(struct pg_session *s, const struct qf_pg_bind *b);

/* execute.c: runs of the extended protocol */
void pg_run_execute(struct pg_session *s, struct pg_portal *p, uint32_t max_rows, bool alone);
void pg_run_describe(struct pg_session *s, struct pg_statement *st);
void pg_run_sync(struct pg_session *s);

#endif
