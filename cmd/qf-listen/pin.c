/* Transactions as the listener sees them: where one is held, and what is left of it when that place dies. */
#include "hub.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qf_pin *qf_pin_new(struct qf_hub *hub)
{
	struct qf_pin *pin = qf_xcalloc(1, sizeof *pin);

	pin->hub = hub;
	pin->id = ++hub->next_pin;
	qf_list_append(&hub->pins, &pin->link);
	return pin;
}

bool qf_pin_placed(const struct qf_pin *pin)
{
	return pin->placed;
}

bool qf_pin_in_transaction(const struct qf_pin *pin)
{
	return pin->in_transaction;
}

unsigned qf_pin_held(const struct qf_pin *pin)
{
	return pin->held;
}

void qf_pin_watch(struct qf_pin *pin, void (*on_async)(void *arg, struct qf_slice message), void (*on_lost)(void *arg),
		  void *arg)
{
	pin->on_async = on_async;
	pin->on_lost = on_lost;
	pin->arg = arg;
}

struct qf_pin *pin_find(struct qf_hub *h, uint64_t id)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &h->pins) {
		struct qf_pin *pin = qf_container_of(it, struct qf_pin, link);

		if (pin->id == id)
			return pin;
	}
	return NULL;
}

bool qf_pin_dead(const struct qf_pin *pin)
{
	return pin->dead;
}

void pin_lost(struct qf_pin *pin)
{
	pin->dead = true;
	pin->placed = pin->in_transaction = false;
	if (pin->on_lost && !pin->freed)
		pin->on_lost(pin->arg);
}

/* What the end of a statement says of the connection that is held for it. */
void pin_after(struct qf_query *q, const struct qf_msg *m, struct qf_peer *at)
{
	struct qf_pin *pin = q->pin;
	enum qf_tx_state tx = (enum qf_tx_state)qf_get_u8(m, QF_F_TX);
	bool open = tx == QF_TX_OPEN || tx == QF_TX_FAILED;

	if (tx == QF_TX_LOST || (!open && pin->in_transaction && !q->req.ends_transaction)) {
		if (pin->placed)
			pin_lost(pin); /* its connection broke */
		pin->placed = pin->in_transaction = false;
		return;
	}
	pin->held = qf_get_u8(m, QF_F_HELD);
	pin->in_transaction = open;
	pin->placed = open || pin->held;
	if (!pin->placed)
		return;
	pin->epoch = at->epoch;
	snprintf(pin->instance, sizeof pin->instance, "%s", at->instance);
	snprintf(pin->group, sizeof pin->group, "%s", q->group);
}

void pin_drop(struct qf_pin *pin)
{
	if (pin->placed && !pin->dead) {
		pin->freed = false;
		qf_pin_free(pin);
		return;
	}
	qf_list_remove(&pin->link);
	free(pin);
}

static void ignore_end(struct qf_query *q, void *arg, const struct qf_query_end *end)
{
	(void)arg;
	(void)end;
	qf_query_free(q);
}

/* The client left an open transaction: it is rolled back in its name, by a statement of ours. */
static void roll_back(struct qf_pin *pin)
{
	static const struct qf_session_facts nobody = { .user = "" };
	static const struct qf_facts facts = { .verb = QF_VERB_ROLLBACK, .access = QF_ACCESS_WRITE };
	struct qf_query_request req = {
		.session = &nobody,
		.sql = qf_slice_str("ROLLBACK"),
		.facts = &facts,
		.pin = pin,
		.ends_transaction = true,
		.on_end = ignore_end,
	};

	pin->freed = true; /* dropped with the end of that statement */
	qf_query_start(pin->hub, &req);
}

struct qf_pin *qf_pin_free(struct qf_pin *pin)
{
	if (!pin)
		return NULL;
	if (pin->query)
		pin->freed = true; /* the statement that still runs settles it */
	else if (pin->placed && !pin->dead)
		roll_back(pin);
	else
		pin_drop(pin);
	return NULL;
}
