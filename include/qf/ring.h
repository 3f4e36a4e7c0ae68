/*
 * Who owns a stream: the state machines of qf-listen (which owns a query until it is answered) and of
 * qf-dispatch (which owns the decision to start it). DESIGN §2.
 *
 * Pure: an event goes in, the next state and a set of actions come out; no sockets, no clock, no memory of
 * their own. Each machine is one table of rows {state, event, guard, next, actions}; rows of one (state,
 * event) are tried in order, the first whose guard holds is taken, and an event without a row is a bug in
 * the caller (qf_assert). tests/model holds the Promela twin; a test compares the two tables.
 */
#ifndef QF_RING_H
#define QF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a dispatch answers to RESOLVE (and to CANCEL of a stream that it does not hold). */
enum qf_verdict {
	QF_VERDICT_NEVER,   /* not started here, and fenced: no attempt up to this one will be */
	QF_VERDICT_ALIVE,   /* queued or running here */
	QF_VERDICT_ENDED,   /* over; its end has been sent, or is in the answer (from the journal) */
	QF_VERDICT_STARTED, /* the epoch before started it and died: nothing more is known */
};

/* ---- the listener's side ------------------------------------------------------------------------- */

enum qf_rl_state {
	QF_RL_WAITING,	 /* nothing of it is outstanding: to be sent as soon as there is a way */
	QF_RL_SENT,	 /* QUERY or EXECUTE of this attempt sent; no proof of placement yet */
	QF_RL_PLACED,	 /* a dispatch said that it has it */
	QF_RL_RESOLVING, /* asked every dispatch that may have it; waiting for all answers */
	QF_RL_ENDED,
	QF_RL_STATES
};

enum qf_rl_event {
	QF_RL_EV_SENT,	       /* a way was there: the message left */
	QF_RL_EV_ACCEPTED,     /* ACCEPTED, STARTED, NOTICE or rows of this attempt */
	QF_RL_EV_END,	       /* DONE, RESULT or FAILED of this attempt from a dispatch */
	QF_RL_EV_REFUSED,      /* FAILED from qf-route: a verdict, never placed */
	QF_RL_EV_BOUNCED,      /* this attempt was not taken (other configuration, unknown group or epoch) */
	QF_RL_EV_ROUTE_LOST,   /* the qf-route that got this attempt died */
	QF_RL_EV_HOLDER_LOST,  /* a dispatch epoch that has, or may have, this attempt died */
	QF_RL_EV_CANCEL,       /* the client asks to cancel, or its deadline is over */
	QF_RL_EV_GONE,	       /* the client vanished: nobody to answer */
	QF_RL_EV_TIMEOUT,      /* ringTimeout in WAITING, SENT or RESOLVING */
	QF_RL_EV_ALL_NEVER,    /* all answered NEVER */
	QF_RL_EV_ANY_ALIVE,    /* one answered ALIVE, or ENDED as the epoch that ran it: its messages will come */
	QF_RL_EV_OLD_ENDED,    /* a journal knows its end */
	QF_RL_EV_OLD_STARTED,  /* a journal knows only its start */
	QF_RL_EVENTS
};

enum qf_rl_action {
	QF_RL_DO_NEXT_ATTEMPT = 1 << 0,	    /* attempt + 1, then send when there is a way */
	QF_RL_DO_RESOLVE = 1 << 1,	    /* RESOLVE to every dispatch that may have it (CANCEL when cancelled or gone) */
	QF_RL_DO_CANCEL = 1 << 2,	    /* CANCEL to the dispatch that holds it */
	QF_RL_DO_DELIVER = 1 << 3,	    /* give the client the end that came */
	QF_RL_DO_DELIVER_RECORD = 1 << 4,   /* give the client the end that the journal recorded (no rows) */
	QF_RL_DO_FAIL_CANCELLED = 1 << 5,   /* 57014: certainly not run, or a read */
	QF_RL_DO_FAIL_UNAVAILABLE = 1 << 6, /* 57P03: no way within ringTimeout; certainly no effect */
	QF_RL_DO_FAIL_LOST = 1 << 7,	    /* 57P01: the engine's process died; certainly no effect remains */
	QF_RL_DO_FAIL_UNKNOWN = 1 << 8,	    /* 08007: the outcome cannot be known */
	QF_RL_DO_FAIL_ROWS_LOST = 1 << 9,   /* 08007 with "took effect, its rows were lost" */
	QF_RL_DO_RETIRE = 1 << 10,	    /* tell the dispatches that this stream id is done */
	QF_RL_DO_PIN_LOST = 1 << 11,	    /* the transaction is gone: session into the failed state */
};

struct qf_rl {
	enum qf_rl_state state;
	uint16_t attempt;
	bool read;	    /* certainly without effect */
	bool commits;	    /* COMMIT of a pinned transaction */
	bool in_pin;	    /* the pin is placed already: only that dispatch epoch can run it */
	bool in_transaction; /* … and has an open transaction */
	bool begins;	    /* the first statement of a transaction: nothing of it lasts without the COMMIT */
	bool delivered;	    /* the client has seen some of its rows */
	bool resubmitted;   /* a started read was sent again once */
	bool cancelled, gone;
	bool record_rows;   /* OLD_ENDED: it had rows, which are lost */
	bool old_volatile;  /* OLD_STARTED/OLD_ENDED: the target lost its content with the process */
};

/* Takes the event: changes *s (state, attempt, cancelled, gone, resubmitted) and returns actions. */
unsigned qf_rl_step(struct qf_rl *s, enum qf_rl_event e);

/* ---- the dispatch's side -------------------------------------------------------------------------- */

enum qf_rd_state {
	QF_RD_NONE,	   /* nothing known of it */
	QF_RD_FENCED,	   /* attempts up to `fence` must not run */
	QF_RD_QUEUED,	   /* taken; waits for translation and a slot */
	QF_RD_RUNNING,	   /* in the journal; the engine has it */
	QF_RD_ENDED,	   /* its end was sent; kept until retired, and as a fence after that if it has one */
	QF_RD_OLD_STARTED, /* the epoch before started it (journal) */
	QF_RD_OLD_ENDED,   /* the epoch before recorded its end (journal) */
	QF_RD_STATES
};

enum qf_rd_event {
	QF_RD_EV_PLACE,		/* ROUTED or EXECUTE that names this epoch, of attempt `attempt` */
	QF_RD_EV_PLACE_FOREIGN, /* … that does not name this epoch */
	QF_RD_EV_RESOLVE,
	QF_RD_EV_CANCEL,
	QF_RD_EV_START,		/* a slot is taken and the statement is ready */
	QF_RD_EV_REFUSE,	/* ends before it starts: translation, timeout in the queue, quarantine … */
	QF_RD_EV_BOUNCE,	/* queued, but the group or the configuration went away */
	QF_RD_EV_FINISH,	/* the engine ended it */
	QF_RD_EV_RETIRE,
	QF_RD_EV_LISTENER_LOST,
	QF_RD_EVENTS
};

enum qf_rd_action {
	QF_RD_DO_ADMIT = 1 << 0,	 /* put into its group's queue */
	QF_RD_DO_BOUNCE = 1 << 1,	 /* BOUNCED */
	QF_RD_DO_SAY_NEVER = 1 << 2,	 /* RESOLVED */
	QF_RD_DO_SAY_ALIVE = 1 << 3,
	QF_RD_DO_SAY_ENDED = 1 << 4,
	QF_RD_DO_SAY_OLD_STARTED = 1 << 5,
	QF_RD_DO_SAY_OLD_ENDED = 1 << 6,
	QF_RD_DO_JOURNAL_START = 1 << 7, /* before the first byte goes to the engine */
	QF_RD_DO_SUBMIT = 1 << 8,
	QF_RD_DO_JOURNAL_END = 1 << 9,	 /* before the end is sent */
	QF_RD_DO_SEND_END = 1 << 10,
	QF_RD_DO_SEND_CANCELLED = 1 << 11, /* FAILED 57014, never started */
	QF_RD_DO_DEQUEUE = 1 << 12,
	QF_RD_DO_INTERRUPT = 1 << 13,
	QF_RD_DO_JOURNAL_CLEAR = 1 << 14,
	QF_RD_DO_FORGET = 1 << 15, /* free the record */
};

struct qf_rd {
	enum qf_rd_state state;
	uint16_t attempt; /* of the one that is held or ended */
	uint16_t fence;	  /* highest attempt that must not run */
	bool orphan;	  /* the listener is gone: end quietly */
};

/* attempt is the message's; for other events it is ignored. */
unsigned qf_rd_step(struct qf_rd *s, enum qf_rd_event e, uint16_t attempt);

/* ---- the tables, for the test that compares them with the model -------------------------------------- */

/* Writes all rows as text lines "listener STATE EVENT [guard] -> STATE ACTION…", sorted as tried. */
struct qf_buf;
void qf_ring_dump(struct qf_buf *out);

#endif
