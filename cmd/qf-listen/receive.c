/* What qf-listen hears about its queries: rows, ends, verdicts. */
#include "hub.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The query that a message is about, if its current attempt is outstanding. */
static struct qf_query *outstanding(struct qf_hub *h, const struct qf_msg *m)
{
	struct qf_query *q = qf_map_get_u64(h->streams, m->stream);

	return q && q->rl.attempt == m->attempt && q->rl.state != QF_RL_WAITING && q->rl.state != QF_RL_ENDED ? q : NULL;
}

/* … and the sender is one that may have it. */
static struct qf_query *query_of(struct qf_hub *h, const struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = outstanding(h, m);

	if (q && from->program == QF_ROUTE)
		return q->route == from && q->rl.state == QF_RL_SENT ? q : NULL; /* else the resolve settles it */
	for (unsigned i = 0; q && i < q->n_places; i++)
		if (q->places[i].epoch == from->epoch && !strcmp(q->places[i].instance, from->instance))
			return q;
	return NULL;
}

/* A dispatch that was silent for long works on what was given up: nobody takes its rows. */
static void stop_stranger(struct qf_hub *h, struct qf_peer *from, const struct qf_msg *m)
{
	if (!qf_map_get_u64(h->streams, m->stream))
		send_about(h, from, QF_MSG_CANCEL, m->stream, m->attempt);
}

/* Any word of this attempt from a dispatch proves where it is. */
static void placed_at(struct qf_query *q, struct qf_peer *from)
{
	q->holder = from;
	query_step(q, QF_RL_EV_ACCEPTED);
}

static void on_accepted(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);

	if (!q) {
		stop_stranger(arg, from, m);
		return;
	}
	qf_get_text(m, QF_F_GROUP, q->group, sizeof q->group);
	qf_get_text(m, QF_F_CLUSTER, q->cluster, sizeof q->cluster);
	placed_at(q, from);
}

static void on_notice(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);
	char severity[16] = "NOTICE", sqlstate[6] = "00000", text[1024] = "";

	if (!q)
		return;
	qf_get_text(m, QF_F_SEVERITY, severity, sizeof severity);
	qf_get_text(m, QF_F_SQLSTATE, sqlstate, sizeof sqlstate);
	qf_get_text(m, QF_F_MESSAGE, text, sizeof text);
	placed_at(q, from);
	if (!q->abandoned && !q->ended && q->req.on_notice)
		q->req.on_notice(q, q->req.arg, severity, sqlstate, text, qf_get(m, QF_F_FIELDS));
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* Row bytes read from a dispatch, whoever they were for: its window opens again. */
static void count_read(struct qf_hub *h, struct qf_peer *from, size_t bytes)
{
	uintptr_t n = (uintptr_t)from->user + bytes;

	if (n >= PEER_ACK) {
		send_credit(h, from, 0, 0, n);
		n = 0;
	}
	from->user = (void *)n;
}

static void read_encoding(struct qf_query *q, const struct qf_msg *m)
{
	uint8_t e = qf_get_u8(m, QF_F_ENCODING);

	q->encoding = e < QF_ENC_N ? (enum qf_encoding)e : QF_ENC_ARROW;
}

static void give_columns(struct qf_query *q)
{
	if (q->columns.n == 0)
		return;
	q->has_rows = true;
	if (!q->abandoned && !q->ended)
		q->req.on_columns(q, q->req.arg, q->encoding, qf_buf_slice(&q->columns));
	qf_buf_fini(&q->columns);
}

static void on_schema(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);
	uint64_t granted = qf_get_u64(m, QF_F_BYTES);

	count_read(arg, from, m->payload.n);
	if (!q) {
		stop_stranger(arg, from, m);
		return;
	}
	placed_at(q, from);
	if (granted > 0 && granted < q->window)
		q->window = (size_t)granted;
	read_encoding(q, m);
	qf_buf_clear(&q->columns);
	qf_buf_add_slice(&q->columns, m->payload);
	if (q->encoding == QF_ENC_PG3 && m->payload.n > 0 && m->payload.p[0] == 'G') {
		q->rl.delivered = true; /* the engine waits for what the client sends next */
		give_columns(q);
	}
}

static void give_rows(struct qf_query *q, struct qf_slice batch)
{
	q->rl.delivered = true;
	give_columns(q);
	if (!q->abandoned && !q->ended)
		q->req.on_rows(q, q->req.arg, batch);
}

static void on_batch(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);

	count_read(arg, from, m->payload.n);
	if (!q)
		return;
	if (!(m->flags & QF_MSG_MORE) && q->partial.n == 0) {
		give_rows(q, m->payload);
		return;
	}
	if (q->partial.n + m->payload.n > QF_ROW_MAX) {
		qf_warn("query %s: a row is larger than %u MiB", q->public_id, QF_ROW_MAX >> 20);
		qf_buf_clear(&q->partial);
		qf_query_cancel(q);
		return;
	}
	qf_buf_add_slice(&q->partial, m->payload);
	if (!(m->flags & QF_MSG_MORE)) {
		struct qf_buf whole = q->partial;

		qf_buf_init(&q->partial);
		give_rows(q, qf_buf_slice(&whole));
		qf_buf_fini(&whole);
	}
}

/* What the engine says besides: in the middle of a statement, or to a session that it is held for. */
static void on_async(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = m->stream ? query_of(arg, from, m) : NULL;
	struct qf_pin *pin = m->stream ? NULL : pin_find(arg, qf_get_u64(m, QF_F_PIN));

	if (q && !q->abandoned && !q->ended && q->req.on_async)
		q->req.on_async(q, q->req.arg, m->payload);
	if (!pin || !pin->placed || pin->epoch != from->epoch || strcmp(pin->instance, from->instance) != 0)
		return;
	if (qf_get_u8(m, QF_F_TX) == QF_TX_LOST)
		pin_lost(pin);
	else if (pin->on_async)
		pin->on_async(pin->arg, m->payload);
}

/* The engine took input: more may come. */
static void on_credit(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);

	if (q && !q->abandoned && !q->ended && q->req.on_input_taken)
		q->req.on_input_taken(q, q->req.arg, (size_t)qf_get_u64(m, QF_F_BYTES));
}

/* A connection is to be made for the user of this query, and for no other: whoever asks names none. */
static void on_keys(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);
	const struct qf_scram_keys *keys;

	if (!q) {
		stop_stranger(arg, from, m);
		return;
	}
	placed_at(q, from);
	keys = q->abandoned || q->ended || !q->req.session->keyed ? NULL : qf_hub_keys(arg, q->req.session->user);
	send_keys(arg, from, m, keys);
}

/* A cancel request that came to another qf-listen. */
static void on_cancel_key(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	uint8_t fe = qf_get_u8(m, QF_F_FRONTEND);
	struct qf_hub *h = arg;
	struct qf_listener *l = fe < QF_FE_N ? h->frontends[fe] : NULL;

	(void)from;
	if (l && qf_frontend_ops((enum qf_frontend)fe)->cancel_key)
		qf_frontend_ops((enum qf_frontend)fe)->cancel_key(l, m->payload);
}

/* ---- ends ----------------------------------------------------------------------------------------------- */

static void read_error(struct qf_sql_error *e, const struct qf_msg *m)
{
	memset(e, 0, sizeof *e);
	snprintf(e->sqlstate, sizeof e->sqlstate, "XX000");
	qf_get_text(m, QF_F_SQLSTATE, e->sqlstate, sizeof e->sqlstate);
	qf_get_text(m, QF_F_MESSAGE, e->message, sizeof e->message);
	qf_get_text(m, QF_F_DETAIL, e->detail, sizeof e->detail);
	qf_get_text(m, QF_F_HINT, e->hint, sizeof e->hint);
	e->position = qf_get_u32(m, QF_F_POSITION);
}

static void read_param_types(struct qf_query *q, const struct qf_msg *m)
{
	struct qf_reader r = qf_reader(qf_get(m, QF_F_PARAM_TYPES));
	size_t n = r.n / sizeof(uint32_t);

	free(q->param_types);
	q->param_types = n ? qf_xmalloc(n * sizeof *q->param_types) : NULL;
	for (size_t i = 0; i < n; i++)
		q->param_types[i] = qf_read_u32(&r);
	q->end.param_types = q->param_types;
	q->end.n_params = n;
}

static void read_end(struct qf_query *q, const struct qf_msg *m, bool ok)
{
	qf_get_text(m, QF_F_GROUP, q->group, sizeof q->group);
	qf_get_text(m, QF_F_CLUSTER, q->cluster, sizeof q->cluster);
	q->queue_ns = qf_get_u64(m, QF_F_QUEUE_NS);
	q->waited = qf_has(m, QF_F_SLOT_IDLE_NS);
	q->slot_idle_ns = qf_get_u64(m, QF_F_SLOT_IDLE_NS);
	q->run_ns = qf_get_u64(m, QF_F_RUN_NS);
	q->from = (enum qf_dialect)qf_get_u8(m, QF_F_FROM);
	q->to = (enum qf_dialect)qf_get_u8(m, QF_F_TO);
	q->end.rows = qf_get_u64(m, QF_F_ROWS);
	q->end.ok = ok;
	q->end.suspended = qf_get_u8(m, QF_F_SUSPENDED);
	qf_get_text(m, QF_F_COMMAND_TAG, q->tag_text, sizeof q->tag_text);
	q->end.tag = q->tag_text[0] ? q->tag_text : NULL;
	read_param_types(q, m);
	if (ok)
		return;
	read_error(&q->end.error, m);
	q->end.stage = qf_has(m, QF_F_STAGE) ? (enum qf_stage)qf_get_u8(m, QF_F_STAGE) : QF_STAGE_EXECUTE;
	qf_buf_clear(&q->fields);
	qf_buf_add_slice(&q->fields, qf_get(m, QF_F_FIELDS));
	q->end.fields = qf_buf_slice(&q->fields);
}

/* RESULT: [u32 length][schema] then [u32 length][batch] … */
static void give_result(struct qf_query *q, const struct qf_msg *m)
{
	struct qf_reader r = qf_reader(m->payload);
	struct qf_slice schema = qf_read_bytes(&r, qf_read_u32(&r));

	if (r.err) {
		qf_warn("query %s: RESULT is malformed", q->public_id);
		return;
	}
	if (schema.n == 0)
		return; /* described: it returns no rows */
	q->has_rows = true;
	if (q->abandoned)
		return;
	read_encoding(q, m);
	q->req.on_columns(q, q->req.arg, q->encoding, schema);
	while (r.n > 0 && !r.err) {
		struct qf_slice batch = qf_read_bytes(&r, qf_read_u32(&r));

		if (!r.err)
			q->req.on_rows(q, q->req.arg, batch);
	}
}

/* The end of what was given up without an answer: now the dispatch may forget it. */
static void retire_stranger(struct qf_hub *h, struct qf_peer *from, const struct qf_msg *m)
{
	if (from->program == QF_DISPATCH && !qf_map_get_u64(h->streams, m->stream))
		qf_bus_retire(h->run->bus, from, m->stream);
}

static void on_end(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);
	enum qf_rl_event e = from->program == QF_ROUTE ? QF_RL_EV_REFUSED : QF_RL_EV_END;

	if (!q) {
		retire_stranger(arg, from, m);
		return;
	}
	q->holder = e == QF_RL_EV_END ? from : NULL;
	ticket_keep(q, m, from);
	read_end(q, m, m->kind != QF_MSG_FAILED);
	if (m->kind == QF_MSG_RESULT || m->payload.n > 0)
		give_result(q, m); /* before an error too */
	else if (m->kind == QF_MSG_DONE || (e == QF_RL_EV_END && q->encoding == QF_ENC_PG3))
		give_columns(q);
	q->ended = true;
	query_step(q, e);
	if (q->pin && e == QF_RL_EV_END)
		pin_after(q, m, from);
	query_finish(q);
}

void deliver_record(struct qf_query *q)
{
	struct qf_err err;
	struct qf_msg m;

	if (!q->ended && qf_msg_decode(&m, qf_buf_slice(&q->record), &err) == 0)
		read_end(q, &m, qf_get_u8(&m, QF_F_OUTCOME) == QF_OUT_OK);
}

/* A reload, or a dispatch that comes back, ends it soon; the ring's time bounds it. */
static uint64_t pause_after_bounce(struct qf_query *q)
{
	static const uint64_t pause_ms[] = { 20, 100, 300, 800 };
	unsigned last = sizeof pause_ms / sizeof *pause_ms - 1;

	return pause_ms[q->bounces < last ? q->bounces++ : last] * QF_MS;
}

static void on_bounced(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = query_of(arg, from, m);

	if (!q || q->rl.state == QF_RL_RESOLVING || (q->rl.state == QF_RL_PLACED && q->holder != from))
		return;
	qf_get_text(m, QF_F_MESSAGE, q->bounced, sizeof q->bounced);
	qf_debug("query %s bounced: %s", q->public_id, q->bounced);
	if (q->rl.state == QF_RL_PLACED) { /* it waited in a queue: its search for a place begins anew */
		q->give_up_ns = qf_loop_now(q->hub->run->loop) + q->hub->run->conf->ring_timeout_ns;
		q->bounces = 0;
	}
	q->pausing = true;
	qf_timer_set(q->hub->run->loop, &q->timer, pause_after_bounce(q));
	query_step(q, QF_RL_EV_BOUNCED);
}

/* ---- verdicts ------------------------------------------------------------------------------------------- */

static void on_resolved(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_query *q = outstanding(arg, m); /* a later epoch answers for the one before too */
	uint8_t v = qf_get_u8(m, QF_F_VERDICT);

	if (!q || q->rl.state != QF_RL_RESOLVING || v > QF_VERDICT_STARTED)
		return;
	for (unsigned i = 0; i < q->n_places; i++) {
		struct place *p = &q->places[i];

		if (strcmp(p->instance, from->instance) != 0 || p->answered)
			continue;
		p->answered = true;
		p->verdict = (enum qf_verdict)v;
		p->from_journal = qf_get_u8(m, QF_F_FROM_JOURNAL);
		if (v == QF_VERDICT_ALIVE || (v == QF_VERDICT_ENDED && !p->from_journal))
			q->holder = from;
		if (p->from_journal) {
			q->rl.record_rows = qf_get_u8(m, QF_F_HAS_ROWS) && qf_get_u8(m, QF_F_OUTCOME) == QF_OUT_OK;
			q->rl.old_volatile = qf_get_u8(m, QF_F_VOLATILE);
			qf_buf_clear(&q->record);
			qf_msg_begin(&q->record, m->kind, m->stream, m->attempt, 0);
			qf_buf_add_slice(&q->record, m->body);
			qf_msg_end(&q->record);
		}
	}
	hub_resolved(q);
}

const struct qf_bus_handler hub_handlers[] = {
	{ QF_MSG_ACCEPTED, QF_ROLE(QF_DISPATCH), on_accepted },
	{ QF_MSG_NOTICE, QF_ROLE(QF_DISPATCH), on_notice },
	{ QF_MSG_CANCEL, QF_ROLE(QF_DISPATCH), on_cancel_key },
	{ QF_MSG_ASYNC, QF_ROLE(QF_DISPATCH), on_async },
	{ QF_MSG_CREDIT, QF_ROLE(QF_DISPATCH), on_credit },
	{ QF_MSG_KEYS, QF_ROLE(QF_DISPATCH), on_keys },
	{ QF_MSG_SCHEMA, QF_ROLE(QF_DISPATCH), on_schema },
	{ QF_MSG_BATCH, QF_ROLE(QF_DISPATCH), on_batch },
	{ QF_MSG_RESULT, QF_ROLE(QF_DISPATCH), on_end },
	{ QF_MSG_DONE, QF_ROLE(QF_DISPATCH), on_end },
	{ QF_MSG_FAILED, QF_ROLE(QF_DISPATCH) | QF_ROLE(QF_ROUTE), on_end },
	{ QF_MSG_BOUNCED, QF_ROLE(QF_DISPATCH) | QF_ROLE(QF_ROUTE), on_bounced },
	{ QF_MSG_RESOLVED, QF_ROLE(QF_DISPATCH), on_resolved },
	{ QF_MSG_CONTROL, QF_ROLE(QF_ADMIN), on_control },
	{ 0 },
};
