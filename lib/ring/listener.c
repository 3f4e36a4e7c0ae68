/* The listener's table. Twin: tests/model/ring.pml. A change here is a change there, and the test says so. */
#include "private.h"

typedef bool (*guard_fn)(const struct qf_rl *s);

static bool always(const struct qf_rl *s)
{
	(void)s;
	return true;
}

static bool is_gone(const struct qf_rl *s)
{
	return s->gone;
}

static bool is_cancelled(const struct qf_rl *s)
{
	return s->cancelled;
}

static bool is_cancelled_read(const struct qf_rl *s)
{
	return s->cancelled && s->read;
}

static bool in_pin(const struct qf_rl *s)
{
	return s->in_pin;
}

/* A transaction dies whole with its process, unless it was the COMMIT that ran. */
static bool in_transaction(const struct qf_rl *s)
{
	return (s->in_transaction || s->begins) && !s->commits;
}

static bool is_delivered(const struct qf_rl *s)
{
	return s->delivered;
}

static bool is_read(const struct qf_rl *s)
{
	return s->read;
}

/* A read that nobody has seen a row of may run once more, unless its data died with the process. */
static bool may_resubmit(const struct qf_rl *s)
{
	return s->read && !s->delivered && !s->resubmitted && !s->in_pin && !s->old_volatile;
}

static bool ended_with_rows(const struct qf_rl *s)
{
	return s->record_rows;
}

struct guard {
	const char *name;
	guard_fn fn;
};

enum guard_id { ANY, GONE, CANCELLED, CANCELLED_READ, IN_PIN, IN_TX, DELIVERED, READ, RESUBMIT, ROWS };

static const struct guard guards[] = {
	[ANY] = { "", always },
	[GONE] = { "gone", is_gone },
	[CANCELLED] = { "cancelled", is_cancelled },
	[CANCELLED_READ] = { "cancelled_read", is_cancelled_read },
	[IN_PIN] = { "in_pin", in_pin },
	[IN_TX] = { "in_transaction", in_transaction },
	[DELIVERED] = { "delivered", is_delivered },
	[READ] = { "read", is_read },
	[RESUBMIT] = { "may_resubmit", may_resubmit },
	[ROWS] = { "rows", ended_with_rows },
};

static const char *const states[QF_RL_STATES] = { "WAITING", "SENT", "PLACED", "RESOLVING", "ENDED" };

static const char *const events[QF_RL_EVENTS] = {
	[QF_RL_EV_SENT] = "SENT",
	[QF_RL_EV_ACCEPTED] = "ACCEPTED",
	[QF_RL_EV_END] = "END",
	[QF_RL_EV_REFUSED] = "REFUSED",
	[QF_RL_EV_BOUNCED] = "BOUNCED",
	[QF_RL_EV_ROUTE_LOST] = "ROUTE_LOST",
	[QF_RL_EV_HOLDER_LOST] = "HOLDER_LOST",
	[QF_RL_EV_CANCEL] = "CANCEL",
	[QF_RL_EV_GONE] = "GONE",
	[QF_RL_EV_TIMEOUT] = "TIMEOUT",
	[QF_RL_EV_ALL_NEVER] = "ALL_NEVER",
	[QF_RL_EV_ANY_ALIVE] = "ANY_ALIVE",
	[QF_RL_EV_OLD_ENDED] = "OLD_ENDED",
	[QF_RL_EV_OLD_STARTED] = "OLD_STARTED",
};

static const char *const actions[] = { "NEXT_ATTEMPT", "RESOLVE",	   "CANCEL",	"DELIVER",
				       "DELIVER_RECORD", "FAIL_CANCELLED", "FAIL_UNAVAILABLE", "FAIL_LOST",
				       "FAIL_UNKNOWN",	 "FAIL_ROWS_LOST", "RETIRE",	"PIN_LOST" };

struct row {
	enum qf_rl_state state;
	enum qf_rl_event event;
	enum guard_id guard;
	enum qf_rl_state next;
	unsigned acts;
};

#define W QF_RL_WAITING
#define S QF_RL_SENT
#define P QF_RL_PLACED
#define R QF_RL_RESOLVING
#define E QF_RL_ENDED
#define EV(x) QF_RL_EV_##x
#define DO(x) QF_RL_DO_##x

static const struct row table[] = {
	/* nothing outstanding */
	{ W, EV(SENT), ANY, S, 0 },
	{ W, EV(CANCEL), ANY, E, DO(FAIL_CANCELLED) | DO(RETIRE) },
	{ W, EV(GONE), ANY, E, DO(RETIRE) },
	{ W, EV(TIMEOUT), ANY, E, DO(FAIL_UNAVAILABLE) | DO(RETIRE) },

	/* sent, perhaps in the hands of a qf-route, perhaps at a qf-dispatch */
	{ S, EV(ACCEPTED), ANY, P, 0 },
	{ S, EV(END), ANY, E, DO(DELIVER) | DO(RETIRE) },
	{ S, EV(REFUSED), ANY, E, DO(DELIVER) | DO(RETIRE) },
	{ S, EV(BOUNCED), ANY, W, DO(NEXT_ATTEMPT) },
	{ S, EV(ROUTE_LOST), ANY, R, DO(RESOLVE) },
	{ S, EV(HOLDER_LOST), ANY, R, DO(RESOLVE) },
	{ S, EV(CANCEL), ANY, R, DO(RESOLVE) },
	{ S, EV(GONE), ANY, R, DO(RESOLVE) },
	{ S, EV(TIMEOUT), ANY, R, DO(RESOLVE) },

	/* a dispatch has it */
	{ P, EV(ACCEPTED), ANY, P, 0 },
	{ P, EV(END), ANY, E, DO(DELIVER) | DO(RETIRE) },
	{ P, EV(BOUNCED), GONE, E, DO(RETIRE) },
	{ P, EV(BOUNCED), CANCELLED, E, DO(FAIL_CANCELLED) | DO(RETIRE) },
	{ P, EV(BOUNCED), ANY, W, DO(NEXT_ATTEMPT) },
	{ P, EV(HOLDER_LOST), ANY, R, DO(RESOLVE) },
	{ P, EV(CANCEL), ANY, P, DO(CANCEL) },
	{ P, EV(GONE), ANY, P, DO(CANCEL) },

	/* asked all who may have it */
	{ R, EV(ACCEPTED), ANY, R, 0 },
	{ R, EV(END), ANY, E, DO(DELIVER) | DO(RETIRE) },
	{ R, EV(ROUTE_LOST), ANY, R, 0 },
	{ R, EV(HOLDER_LOST), ANY, R, 0 },
	{ R, EV(CANCEL), ANY, R, DO(RESOLVE) },
	{ R, EV(GONE), ANY, R, DO(RESOLVE) },
	{ R, EV(ANY_ALIVE), GONE, P, DO(CANCEL) },
	{ R, EV(ANY_ALIVE), CANCELLED, P, DO(CANCEL) },
	{ R, EV(ANY_ALIVE), ANY, P, 0 },
	{ R, EV(ALL_NEVER), GONE, E, DO(RETIRE) },
	{ R, EV(ALL_NEVER), IN_PIN, E, DO(FAIL_LOST) | DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(ALL_NEVER), CANCELLED, E, DO(FAIL_CANCELLED) | DO(RETIRE) },
	{ R, EV(ALL_NEVER), DELIVERED, E, DO(FAIL_LOST) | DO(RETIRE) },
	{ R, EV(ALL_NEVER), ANY, W, DO(NEXT_ATTEMPT) },
	{ R, EV(OLD_STARTED), GONE, E, DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(OLD_STARTED), IN_TX, E, DO(FAIL_LOST) | DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(OLD_STARTED), CANCELLED_READ, E, DO(FAIL_CANCELLED) | DO(RETIRE) },
	{ R, EV(OLD_STARTED), CANCELLED, E, DO(FAIL_UNKNOWN) | DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(OLD_STARTED), RESUBMIT, W, DO(NEXT_ATTEMPT) },
	{ R, EV(OLD_STARTED), READ, E, DO(FAIL_LOST) | DO(RETIRE) },
	{ R, EV(OLD_STARTED), ANY, E, DO(FAIL_UNKNOWN) | DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(OLD_ENDED), GONE, E, DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(OLD_ENDED), IN_TX, E, DO(FAIL_LOST) | DO(PIN_LOST) | DO(RETIRE) },
	{ R, EV(OLD_ENDED), ROWS, E, DO(FAIL_ROWS_LOST) | DO(RETIRE) },
	{ R, EV(OLD_ENDED), ANY, E, DO(DELIVER_RECORD) | DO(RETIRE) },
	/* Not all answered: it is not retired, so that the fence outlives this answer. */
	{ R, EV(TIMEOUT), GONE, E, DO(PIN_LOST) },
	{ R, EV(TIMEOUT), READ, E, DO(FAIL_UNAVAILABLE) | DO(PIN_LOST) },
	{ R, EV(TIMEOUT), ANY, E, DO(FAIL_UNKNOWN) | DO(PIN_LOST) },
};

static const struct row *find(const struct qf_rl *s, enum qf_rl_event e)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].state == s->state && table[i].event == e && guards[table[i].guard].fn(s))
			return &table[i];
	return NULL;
}

unsigned qf_rl_step(struct qf_rl *s, enum qf_rl_event e)
{
	const struct row *r;

	if (e == EV(CANCEL))
		s->cancelled = true;
	if (e == EV(GONE))
		s->gone = true;
	if (s->state == E)
		return 0; /* whatever still comes is too late */
	r = find(s, e);
	qf_assert(r);
	if (r->acts & DO(NEXT_ATTEMPT)) {
		s->attempt++;
		s->resubmitted |= e == EV(OLD_STARTED);
	}
	s->state = r->next;
	return r->acts;
}

void qf_ring_dump_listener(struct qf_buf *out)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		qf_ring_row(out, "listener", states[table[i].state], events[table[i].event],
			    guards[table[i].guard].name, states[table[i].next], actions,
			    sizeof actions / sizeof *actions, table[i].acts);
}
