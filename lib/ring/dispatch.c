/* The dispatch's table. Twin: tests/model/ring.pml. */
#include "private.h"

enum guard_id { ANY, FENCED, ORPHAN, KEEP };

static const char *const guard_names[] = { [ANY] = "", [FENCED] = "fenced", [ORPHAN] = "orphan",
					   [KEEP] = "has_fence" };

static const char *const states[QF_RD_STATES] = { "NONE",  "FENCED",	  "QUEUED",   "RUNNING",
						  "ENDED", "OLD_STARTED", "OLD_ENDED" };

static const char *const events[QF_RD_EVENTS] = {
	[QF_RD_EV_PLACE] = "PLACE",
	[QF_RD_EV_PLACE_FOREIGN] = "PLACE_FOREIGN",
	[QF_RD_EV_RESOLVE] = "RESOLVE",
	[QF_RD_EV_CANCEL] = "CANCEL",
	[QF_RD_EV_START] = "START",
	[QF_RD_EV_REFUSE] = "REFUSE",
	[QF_RD_EV_BOUNCE] = "BOUNCE",
	[QF_RD_EV_FINISH] = "FINISH",
	[QF_RD_EV_RETIRE] = "RETIRE",
	[QF_RD_EV_LISTENER_LOST] = "LISTENER_LOST",
};

static const char *const actions[] = { "ADMIT",	      "BOUNCE",		 "SAY_NEVER",	  "SAY_ALIVE",
				       "SAY_ENDED",   "SAY_OLD_STARTED", "SAY_OLD_ENDED", "JOURNAL_START",
				       "SUBMIT",      "JOURNAL_END",	 "SEND_END",	  "SEND_CANCELLED",
				       "DEQUEUE",     "INTERRUPT",	 "JOURNAL_CLEAR", "FORGET" };

struct row {
	enum qf_rd_state state;
	enum qf_rd_event event;
	enum guard_id guard;
	enum qf_rd_state next;
	unsigned acts;
};

#define N QF_RD_NONE
#define F QF_RD_FENCED
#define Q QF_RD_QUEUED
#define R QF_RD_RUNNING
#define E QF_RD_ENDED
#define OS QF_RD_OLD_STARTED
#define OE QF_RD_OLD_ENDED
#define EV(x) QF_RD_EV_##x
#define DO(x) QF_RD_DO_##x

static const struct row table[] = {
	{ N, EV(PLACE), ANY, Q, DO(ADMIT) },
	{ N, EV(PLACE_FOREIGN), ANY, N, DO(BOUNCE) },
	{ N, EV(RESOLVE), ANY, F, DO(SAY_NEVER) },
	{ N, EV(CANCEL), ANY, F, DO(SAY_NEVER) },

	{ F, EV(PLACE), FENCED, F, 0 },
	{ F, EV(PLACE), ANY, Q, DO(ADMIT) },
	{ F, EV(PLACE_FOREIGN), ANY, F, DO(BOUNCE) },
	{ F, EV(RESOLVE), ANY, F, DO(SAY_NEVER) },
	{ F, EV(CANCEL), ANY, F, DO(SAY_NEVER) },
	/* A qf-route that was given up may still hold the fenced attempt: the fence lasts as long as the listener. */
	{ F, EV(RETIRE), ANY, F, 0 },
	{ F, EV(LISTENER_LOST), ANY, N, DO(FORGET) },

	{ Q, EV(PLACE), ANY, Q, 0 },
	{ Q, EV(PLACE_FOREIGN), ANY, Q, 0 },
	{ Q, EV(RESOLVE), ANY, Q, DO(SAY_ALIVE) },
	{ Q, EV(CANCEL), ANY, E, DO(DEQUEUE) | DO(SEND_CANCELLED) },
	{ Q, EV(START), ANY, R, DO(JOURNAL_START) | DO(SUBMIT) },
	{ Q, EV(REFUSE), ANY, E, DO(DEQUEUE) | DO(SEND_END) },
	{ Q, EV(BOUNCE), ANY, F, DO(DEQUEUE) | DO(BOUNCE) },
	{ Q, EV(LISTENER_LOST), ANY, N, DO(DEQUEUE) | DO(FORGET) },

	{ R, EV(PLACE), ANY, R, 0 },
	{ R, EV(PLACE_FOREIGN), ANY, R, 0 },
	{ R, EV(RESOLVE), ANY, R, DO(SAY_ALIVE) },
	{ R, EV(CANCEL), ANY, R, DO(INTERRUPT) },
	{ R, EV(FINISH), ORPHAN, N, DO(JOURNAL_CLEAR) | DO(FORGET) },
	{ R, EV(FINISH), ANY, E, DO(JOURNAL_END) | DO(SEND_END) },
	{ R, EV(LISTENER_LOST), ANY, R, DO(INTERRUPT) },

	{ E, EV(PLACE), ANY, E, 0 },
	{ E, EV(PLACE_FOREIGN), ANY, E, 0 },
	{ E, EV(RESOLVE), ANY, E, DO(SAY_ENDED) },
	{ E, EV(CANCEL), ANY, E, DO(SAY_ENDED) },
	{ E, EV(RETIRE), KEEP, F, DO(JOURNAL_CLEAR) },
	{ E, EV(RETIRE), ANY, N, DO(JOURNAL_CLEAR) | DO(FORGET) },
	{ E, EV(LISTENER_LOST), ANY, N, DO(JOURNAL_CLEAR) | DO(FORGET) },

	/* left by the epoch before; a read comes back as a later attempt, never as the same one */
	{ OS, EV(PLACE), FENCED, OS, 0 },
	{ OS, EV(PLACE), ANY, Q, DO(ADMIT) },
	{ OS, EV(PLACE_FOREIGN), ANY, OS, DO(BOUNCE) },
	{ OS, EV(RESOLVE), ANY, OS, DO(SAY_OLD_STARTED) },
	{ OS, EV(CANCEL), ANY, OS, DO(SAY_OLD_STARTED) },
	{ OS, EV(RETIRE), KEEP, F, DO(JOURNAL_CLEAR) },
	{ OS, EV(RETIRE), ANY, N, DO(JOURNAL_CLEAR) | DO(FORGET) },
	{ OS, EV(LISTENER_LOST), ANY, N, DO(JOURNAL_CLEAR) | DO(FORGET) },

	{ OE, EV(PLACE), ANY, OE, 0 },
	{ OE, EV(PLACE_FOREIGN), ANY, OE, DO(BOUNCE) },
	{ OE, EV(RESOLVE), ANY, OE, DO(SAY_OLD_ENDED) },
	{ OE, EV(CANCEL), ANY, OE, DO(SAY_OLD_ENDED) },
	{ OE, EV(RETIRE), KEEP, F, DO(JOURNAL_CLEAR) },
	{ OE, EV(RETIRE), ANY, N, DO(JOURNAL_CLEAR) | DO(FORGET) },
	{ OE, EV(LISTENER_LOST), ANY, N, DO(JOURNAL_CLEAR) | DO(FORGET) },
};

static bool holds(enum guard_id g, const struct qf_rd *s, uint16_t attempt)
{
	switch (g) {
	case FENCED:
		return attempt <= s->fence;
	case ORPHAN:
		return s->orphan;
	case KEEP:
		return s->fence > 0;
	case ANY:
		break;
	}
	return true;
}

static const struct row *find(const struct qf_rd *s, enum qf_rd_event e, uint16_t attempt)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].state == s->state && table[i].event == e && holds(table[i].guard, s, attempt))
			return &table[i];
	return NULL;
}

static void raise_fence(struct qf_rd *s, uint16_t attempt)
{
	if (attempt > s->fence)
		s->fence = attempt;
}

unsigned qf_rd_step(struct qf_rd *s, enum qf_rd_event e, uint16_t attempt)
{
	const struct row *r = find(s, e, attempt);
	enum qf_rd_state before = s->state;

	if (!r && e == EV(RETIRE))
		return 0; /* a listener retires only what is settled: a leftover of an earlier attempt */
	qf_assert(r);
	if (e == EV(LISTENER_LOST))
		s->orphan = true;
	if (r->acts & DO(ADMIT))
		s->attempt = attempt;
	s->state = r->next;
	/* Whoever was told "never" or "started" relies on it: nothing up to that attempt may still run here. */
	if ((e == EV(RESOLVE) || e == EV(CANCEL)) && before != Q && before != R && before != E)
		raise_fence(s, attempt);
	if (e == EV(BOUNCE))
		raise_fence(s, s->attempt);
	return r->acts;
}

void qf_ring_dump_dispatch(struct qf_buf *out)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		qf_ring_row(out, "dispatch", states[table[i].state], events[table[i].event],
			    guard_names[table[i].guard], states[table[i].next], actions,
			    sizeof actions / sizeof *actions, table[i].acts);
}
