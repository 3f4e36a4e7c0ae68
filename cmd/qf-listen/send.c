/* What qf-listen sends: QUERY to a qf-route, EXECUTE, RESOLVE, CANCEL and CREDIT to qf-dispatch. */
#include "hub.h"

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/secret.h"
#include "qf/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_AGAIN (100 * QF_MS)

static bool send_msg(struct qf_hub *h, struct qf_peer *to, struct qf_buf *msg)
{
	int r = qf_bus_send(h->run->bus, to, msg);

	if (r == QF_ELIMIT)
		qf_warn("bus: the queue to %s-%s is full", qf_program_name(to->program), to->instance);
	qf_buf_fini(msg);
	return r == 0;
}

/* A qf-route that answers, in turn, so that instances share the work. */
static struct qf_peer *choose_route(struct qf_hub *h)
{
	struct qf_peer *p = NULL, *best = NULL;
	uint64_t n = 0;

	while ((p = qf_bus_next_peer(h->run->bus, p)))
		if (p->program == QF_ROUTE && !p->suspended && (h->sequence % ++n == 0))
			best = p;
	return best;
}

static struct qf_peer *pin_peer(const struct qf_pin *pin)
{
	struct qf_peer *p = qf_bus_find(pin->hub->run->bus, QF_DISPATCH, qf_slice_str(pin->instance));

	return p && p->epoch == pin->epoch ? p : NULL;
}

static void add_place(struct qf_query *q, const struct qf_peer *p)
{
	struct place *pl;

	q->places = qf_xrealloc(q->places, (q->n_places + 1) * sizeof *q->places);
	pl = &q->places[q->n_places++];
	*pl = (struct place){ .epoch = p->epoch };
	snprintf(pl->instance, sizeof pl->instance, "%s", p->instance);
}

static void note_places(struct qf_query *q, struct qf_peer *only)
{
	struct qf_peer *p = NULL;

	q->n_places = 0;
	while ((p = qf_bus_next_peer(q->hub->run->bus, p)))
		if (p->program == QF_DISPATCH && (!only || p == only))
			add_place(q, p);
}

static void put_epoch(struct qf_buf *b, uint16_t tag, const char *instance, uint64_t epoch)
{
	char text[21];

	qf_decimal(text, epoch);
	qf_put_pair(b, tag, instance, text);
}

static void put_session(struct qf_buf *b, const struct qf_session_facts *s)
{
	qf_put_u8(b, QF_F_FRONTEND, (uint8_t)s->frontend);
	qf_put_u64(b, QF_F_SESSION, s->id);
	qf_put_str(b, QF_F_USER, s->user);
	if (s->keyed)
		qf_put_u8(b, QF_F_KEYED, 1);
	qf_put_str(b, QF_F_DATABASE, s->database);
	qf_put_str(b, QF_F_DB_SCHEMA, s->schema);
	qf_put_str(b, QF_F_CLIENT, s->client);
	qf_put_str(b, QF_F_TIME_ZONE, s->time_zone);
	qf_put_u8(b, QF_F_DIALECT, (uint8_t)s->dialect);
	for (size_t i = 0; i < s->n_settings; i++)
		qf_put_pair(b, QF_F_SETTING, s->settings[i].key, s->settings[i].value);
	for (size_t i = 0; i < s->n_headers; i++)
		qf_put_pair(b, QF_F_HEADER, s->headers[i].key, s->headers[i].value);
	for (size_t i = 0; i < s->n_tags; i++)
		qf_put_pair(b, QF_F_TAG, s->tags[i].key, s->tags[i].value);
}

static void put_pin(struct qf_buf *b, const struct qf_query *q)
{
	const struct qf_pin *pin = q->pin;

	if (!pin)
		return;
	qf_put_u64(b, QF_F_PIN | QF_F_REQUIRED, pin->id);
	qf_put_u8(b, QF_F_PIN_FLAGS | QF_F_REQUIRED,
		  (uint8_t)((q->begins ? QF_PIN_BEGINS : 0) | (q->req.ends_transaction ? QF_PIN_ENDS : 0) |
			    (pin->placed ? 0 : QF_PIN_NEW) | (pin->freed ? QF_PIN_DROPS : 0)));
	if (pin->placed) {
		qf_put_str(b, QF_F_GROUP, pin->group);
		put_epoch(b, QF_F_PIN_AT, pin->instance, pin->epoch);
	}
}

static void build(struct qf_query *q, struct qf_buf *b, enum qf_kind kind)
{
	qf_msg_begin(b, kind, q->id, q->rl.attempt, 0);
	/* What dispatch looks at first comes first: getters walk the fields. */
	for (unsigned i = 0; i < q->n_places; i++)
		put_epoch(b, QF_F_KNOWN, q->places[i].instance, q->places[i].epoch);
	qf_put_u64(b, QF_F_FINGERPRINT, q->facts.fingerprint);
	qf_put_u8(b, QF_F_ACCESS, (uint8_t)q->facts.access);
	qf_put_u64(b, QF_F_BYTES, q->window);
	qf_put_str(b, QF_F_QUERY_ID, q->public_id);
	if (q->req.deadline_ns)
		qf_put_u64(b, QF_F_DEADLINE, q->req.deadline_ns);
	put_pin(b, q);
	put_session(b, q->req.session);
	if (kind == QF_MSG_EXECUTE)
		qf_put_u64(b, QF_F_CONF_ID, q->hub->run->conf->id);
	if (q->ticket) {
		qf_put_u8(b, QF_F_TICKET, 1);
		qf_put_str(b, QF_F_GROUP | QF_F_REQUIRED, q->group);
	}
	qf_buf_add_slice(b, qf_buf_slice(&q->bind));
	qf_put_slice(b, QF_F_SQL | QF_F_REQUIRED, q->sql);
	qf_msg_end(b);
}

/*
 * Where the current attempt goes; NULL: there is no way yet. A verdict is not needed where the configuration judges
 * nothing, where this text was judged before, or for COMMIT and ROLLBACK: then it goes straight to a dispatch, the
 * one that holds the pin or the one that a ticket names.
 */
static struct qf_peer *find_way(struct qf_query *q, struct qf_peer **ret_only, bool *ret_direct)
{
	struct qf_hub *h = q->hub;
	bool pinned = q->pin && q->pin->placed;
	struct qf_peer *holder = pinned ? pin_peer(q->pin) : NULL, *owner = NULL;

	q->ticket = false;
	*ret_only = holder;
	*ret_direct = true;
	if (pinned && !holder)
		return NULL;
	if (pinned && (q->req.ends_transaction || q->req.judged || !h->run->conf->judges))
		return holder;
	owner = ticket_find(q);
	if (owner && pinned)
		return holder;
	q->ticket = owner != NULL;
	*ret_direct = owner != NULL;
	if (owner)
		*ret_only = owner;
	return owner ? owner : choose_route(h);
}

/* What qf-route says of each verdict, of one that was used again. */
static void send_routed_event(struct qf_query *q)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_EVENT, q->id, q->rl.attempt, 0);
	qf_put_str(&msg, QF_F_EVENT, "routed");
	qf_put_str(&msg, QF_F_QUERY_ID, q->public_id);
	qf_put_str(&msg, QF_F_GROUP, q->group);
	qf_put_str(&msg, QF_F_TRACE, "ticket");
	qf_msg_end(&msg);
	qf_bus_event(q->hub->run->bus, &msg);
	qf_buf_fini(&msg);
}

/* Sends the current attempt when there is a way; false when it has to wait. */
bool send_attempt(struct qf_query *q)
{
	struct qf_hub *h = q->hub;
	struct qf_peer *only;
	bool direct;
	struct qf_peer *to = find_way(q, &only, &direct);
	struct qf_buf msg;

	if (!to)
		return false;
	note_places(q, only);
	if (q->n_places == 0)
		return false;
	qf_buf_init(&msg);
	build(q, &msg, direct ? QF_MSG_EXECUTE : QF_MSG_QUERY);
	q->route = direct ? NULL : to;
	qf_list_remove(&q->waiting);
	send_msg(h, to, &msg);
	if (q->ticket)
		send_routed_event(q);
	query_step(q, QF_RL_EV_SENT);
	return true;
}

bool send_about(struct qf_hub *h, struct qf_peer *to, enum qf_kind kind, uint64_t stream, uint16_t attempt)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, kind, stream, attempt, 0);
	qf_msg_end(&msg);
	return send_msg(h, to, &msg);
}

void send_resolve_to(struct qf_query *q, struct place *p, struct qf_peer *peer)
{
	p->answered = false;
	send_about(q->hub, peer, q->rl.cancelled || q->rl.gone ? QF_MSG_CANCEL : QF_MSG_RESOLVE, q->id, q->rl.attempt);
}

void send_resolve(struct qf_query *q)
{
	for (unsigned i = 0; i < q->n_places; i++) {
		struct place *p = &q->places[i];
		struct qf_peer *peer = qf_bus_find(q->hub->run->bus, QF_DISPATCH, qf_slice_str(p->instance));

		p->answered = false;
		if (peer) /* one that is away is asked when its next epoch says HELLO */
			send_resolve_to(q, p, peer);
	}
}

void send_cancel(struct qf_query *q)
{
	q->cancel_waits = q->holder && !send_about(q->hub, q->holder, QF_MSG_CANCEL, q->id, q->rl.attempt);
	if (q->cancel_waits)
		qf_timer_set(q->hub->run->loop, &q->timer, CANCEL_AGAIN);
}

bool send_input(struct qf_query *q, struct qf_slice messages)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_INPUT, q->id, q->rl.attempt, 0);
	qf_put_u64(&msg, QF_F_BYTES, q->input_bytes);
	qf_msg_end(&msg);
	qf_buf_add_slice(&msg, messages);
	if (!send_msg(q->hub, q->holder, &msg))
		return false;
	q->input_bytes += messages.n;
	return true;
}

/* By way of a qf-dispatch: listeners have no links among themselves. */
void qf_hub_cancel_key(struct qf_hub *h, enum qf_frontend fe, struct qf_slice key)
{
	struct qf_peer *p = NULL;
	struct qf_buf msg;

	while ((p = qf_bus_next_peer(h->run->bus, p)) && p->program != QF_DISPATCH)
		;
	if (!p)
		return; /* nothing runs */
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CANCEL, 0, 0, 0);
	qf_put_u8(&msg, QF_F_FRONTEND, (uint8_t)fe);
	qf_msg_end(&msg);
	qf_buf_add_slice(&msg, key);
	send_msg(h, p, &msg);
}

void send_credit(struct qf_hub *h, struct qf_peer *to, uint64_t stream, uint16_t attempt, uint64_t bytes)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CREDIT, stream, attempt, 0);
	qf_put_u64(&msg, QF_F_BYTES, bytes);
	qf_msg_end(&msg);
	send_msg(h, to, &msg);
}

void send_keys(struct qf_hub *h, struct qf_peer *to, const struct qf_msg *question, const struct qf_scram_keys *keys)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_KEYS, question->stream, question->attempt, 0);
	qf_msg_end(&msg);
	if (keys)
		qf_buf_add(&msg, keys, sizeof *keys);
	if (qf_bus_send(h->run->bus, to, &msg) < 0)
		qf_debug("the SCRAM keys of a user could not be sent");
	qf_secret_wipe(&msg);
}

void send_retire(struct qf_query *q)
{
	for (unsigned i = 0; i < q->n_places; i++) {
		struct qf_peer *p = qf_bus_find(q->hub->run->bus, QF_DISPATCH, qf_slice_str(q->places[i].instance));

		if (p)
			qf_bus_retire(q->hub->run->bus, p, q->id);
	}
}

void send_ended_event(struct qf_query *q)
{
	const struct qf_session_facts *s = q->abandoned ? NULL : q->req.session;
	uint64_t now = qf_loop_now(q->hub->run->loop);
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_EVENT, q->id, q->rl.attempt, 0);
	qf_put_str(&msg, QF_F_EVENT, "ended");
	qf_put_str(&msg, QF_F_QUERY_ID, q->public_id);
	qf_put_str(&msg, QF_F_USER, s ? s->user : NULL);
	qf_put_u8(&msg, QF_F_FRONTEND, (uint8_t)q->frontend);
	qf_put_str(&msg, QF_F_GROUP, q->group[0] ? q->group : NULL);
	qf_put_str(&msg, QF_F_CLUSTER, q->cluster[0] ? q->cluster : NULL);
	qf_put_str(&msg, QF_F_SQLSTATE, q->end.ok ? "00000" : q->end.error.sqlstate);
	qf_put_u64(&msg, QF_F_ROWS, q->end.rows);
	qf_put_u64(&msg, QF_F_QUEUE_NS, q->queue_ns);
	if (q->waited)
		qf_put_u64(&msg, QF_F_SLOT_IDLE_NS, q->slot_idle_ns);
	qf_put_u64(&msg, QF_F_RUN_NS, q->run_ns);
	qf_put_u64(&msg, QF_F_TOTAL_NS, now - q->started_ns);
	if (q->to) {
		qf_put_u8(&msg, QF_F_FROM, (uint8_t)q->from);
		qf_put_u8(&msg, QF_F_TO, (uint8_t)q->to);
	}
	qf_msg_end(&msg);
	qf_bus_event(q->hub->run->bus, &msg);
	qf_buf_fini(&msg);
}
