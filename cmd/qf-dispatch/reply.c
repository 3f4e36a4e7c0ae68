/* What qf-dispatch says to a listener. */
#include "dispatch.h"

#include "qf/log.h"

#include <stdlib.h>

static void send_sock(struct stream *s, struct qf_buf *msg)
{
	if (s->listener->peer)
		(void)!qf_bus_send(s->d->run->bus, s->listener->peer, msg); /* a lost peer is told by on_peer */
	qf_buf_fini(msg);
}

static void put_place(struct stream *s, struct qf_buf *msg)
{
	qf_put_str(msg, QF_F_GROUP, s->group ? s->group->name : NULL);
	qf_put_str(msg, QF_F_CLUSTER, s->cluster ? s->cluster->conf->name : NULL);
}

void say_accepted(struct stream *s)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_ACCEPTED, s->id, s->rd.attempt, 0);
	put_place(s, &msg);
	qf_msg_end(&msg);
	send_sock(s, &msg);
	s->announced = true;
}

void say_bounced(struct qf_bus *bus, struct qf_peer *to, uint64_t stream, uint16_t attempt, const char *why,
		 uint64_t conf_id)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_BOUNCED, stream, attempt, 0);
	qf_put_str(&msg, QF_F_MESSAGE, why);
	qf_put_u64(&msg, QF_F_CONF_ID, conf_id);
	qf_msg_end(&msg);
	(void)!qf_bus_send(bus, to, &msg);
	qf_buf_fini(&msg);
}

void say_never(struct qf_bus *bus, struct qf_peer *to, uint64_t stream, uint16_t attempt)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_RESOLVED, stream, attempt, 0);
	qf_put_u8(&msg, QF_F_VERDICT, QF_VERDICT_NEVER);
	qf_msg_end(&msg);
	(void)!qf_bus_send(bus, to, &msg);
	qf_buf_fini(&msg);
}

void say_resolved(struct stream *s, enum qf_verdict v, uint16_t attempt)
{
	const struct journal_entry *old = NULL;
	struct qf_buf msg;

	if (s->rd.state == QF_RD_OLD_STARTED || s->rd.state == QF_RD_OLD_ENDED)
		old = journal_entry(s->d->journal, s->slot);
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_RESOLVED, s->id, attempt, 0);
	qf_put_u8(&msg, QF_F_VERDICT, (uint8_t)v);
	if (old) {
		qf_put_u8(&msg, QF_F_FROM_JOURNAL, 1);
		qf_put_u8(&msg, QF_F_VOLATILE, old->is_volatile);
		qf_put_u8(&msg, QF_F_OUTCOME, old->outcome);
		qf_put_u64(&msg, QF_F_ROWS, old->rows);
		qf_put_u8(&msg, QF_F_HAS_ROWS, old->has_rows);
		qf_put_str(&msg, QF_F_SQLSTATE, old->sqlstate);
		qf_put_str(&msg, QF_F_MESSAGE, old->message);
	}
	qf_msg_end(&msg);
	send_sock(s, &msg);
}

void say_notice(struct stream *s, const char *severity, const char *sqlstate, const char *text, struct qf_slice fields)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_NOTICE, s->id, s->rd.attempt, 0);
	qf_put_str(&msg, QF_F_SEVERITY, severity);
	qf_put_str(&msg, QF_F_SQLSTATE, sqlstate);
	qf_put_str(&msg, QF_F_MESSAGE, text);
	if (fields.n)
		qf_put_slice(&msg, QF_F_FIELDS, fields);
	qf_msg_end(&msg);
	send_sock(s, &msg);
}

void say_async(struct stream *s, struct qf_slice message)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_ASYNC, s->id, s->rd.attempt, 0);
	qf_msg_end(&msg);
	qf_buf_add_slice(&msg, message);
	send_sock(s, &msg);
}

void say_input_taken(struct stream *s, size_t bytes)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CREDIT, s->id, s->rd.attempt, 0);
	qf_put_u64(&msg, QF_F_BYTES, bytes);
	qf_msg_end(&msg);
	send_sock(s, &msg);
}

void say_pin(struct pin *p, struct qf_slice message, bool lost)
{
	struct qf_buf msg;

	if (!p->listener->peer)
		return;
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_ASYNC, 0, 0, 0);
	qf_put_u64(&msg, QF_F_PIN, p->id);
	if (lost)
		qf_put_u8(&msg, QF_F_TX, QF_TX_LOST);
	qf_msg_end(&msg);
	qf_buf_add_slice(&msg, message);
	(void)!qf_bus_send(p->group->d->run->bus, p->listener->peer, &msg);
	qf_buf_fini(&msg);
}

/* A statement that was refused leaves its transaction as it was. */
static void put_pin(const struct stream *s, struct qf_buf *msg)
{
	const struct pin *p = s->pin_id ? qf_map_get_u64(s->listener->pins, s->pin_id) : NULL;
	enum qf_tx_state tx = s->pin_gone ? QF_TX_LOST : QF_TX_NONE;

	if (p && !p->ending && p->in_transaction)
		tx = p->failed ? QF_TX_FAILED : QF_TX_OPEN;
	qf_put_u8(msg, QF_F_TX, (uint8_t)tx);
	if (p && !p->ending && p->held)
		qf_put_u8(msg, QF_F_HELD, (uint8_t)p->held);
}

static void put_translation(const struct stream *s, struct qf_buf *msg)
{
	const struct target *t = s->started_ns ? group_target(s, s->cluster) : NULL;

	if (!t || !t->translated)
		return;
	qf_put_u8(msg, QF_F_FROM, (uint8_t)s->dialect);
	qf_put_u8(msg, QF_F_TO, (uint8_t)t->dialect);
}

static void put_end(struct stream *s, struct qf_buf *msg)
{
	uint64_t now = qf_loop_now(s->d->run->loop);

	put_place(s, msg);
	if (s->ticket) {
		qf_put_u8(msg, QF_F_TICKET, 1);
		qf_put_u64(msg, QF_F_CONF_ID, s->ticket);
	}
	qf_put_u64(msg, QF_F_ROWS, s->end.rows);
	qf_put_u8(msg, QF_F_HAS_ROWS, s->end.has_rows);
	put_pin(s, msg);
	qf_put_u64(msg, QF_F_QUEUE_NS, s->queue_ns);
	if (s->waited)
		qf_put_u64(msg, QF_F_SLOT_IDLE_NS, s->slot_idle_ns);
	qf_put_u64(msg, QF_F_RUN_NS, s->started_ns ? now - s->started_ns : 0);
	put_translation(s, msg);
	qf_put_str(msg, QF_F_COMMAND_TAG, s->end.tag[0] ? s->end.tag : NULL);
	if (s->end.suspended)
		qf_put_u8(msg, QF_F_SUSPENDED, 1);
}

static void put_error(struct qf_buf *msg, const struct qf_sql_error *e)
{
	qf_put_str(msg, QF_F_SQLSTATE, e->sqlstate);
	qf_put_str(msg, QF_F_MESSAGE, e->message);
	qf_put_str(msg, QF_F_DETAIL, e->detail[0] ? e->detail : NULL);
	qf_put_str(msg, QF_F_HINT, e->hint[0] ? e->hint : NULL);
	if (e->position)
		qf_put_u32(msg, QF_F_POSITION, e->position);
}

/* The end goes the way the rows went, so that it cannot overtake them. */
static void send_end(struct stream *s, struct qf_buf *msg)
{
	if (s->sent_batch && s->listener->peer)
		(void)!qf_bus_send_rows(s->d->run->bus, s->listener->peer, msg);
	else if (s->listener->peer)
		(void)!qf_bus_send(s->d->run->bus, s->listener->peer, msg);
	qf_buf_fini(msg);
}

static void put_encoding(const struct stream *s, struct qf_buf *msg)
{
	if (s->job.encoding != QF_ENC_ARROW)
		qf_put_u8(msg, QF_F_ENCODING | QF_F_REQUIRED, (uint8_t)s->job.encoding);
}

static void put_result(const struct stream *s, struct qf_buf *msg)
{
	qf_buf_u32(msg, (uint32_t)s->schema.n);
	qf_buf_add_slice(msg, qf_buf_slice(&s->schema));
	qf_buf_add_slice(msg, qf_buf_slice(&s->held));
}

/* A relay tells what came before the error, as the engine itself would have. */
static bool has_rows_before_error(const struct stream *s, const struct qf_sql_error *e)
{
	bool ran = e == &s->end.error && (s->end.outcome == QF_OUT_ERROR || s->end.outcome == QF_OUT_CANCELLED);

	return ran && s->job.encoding == QF_ENC_PG3 && !s->described && s->schema.n > 0 && !s->streaming;
}

void say_failed(struct stream *s, const struct qf_sql_error *e)
{
	bool by_engine = s->end.outcome == QF_OUT_ERROR && e == &s->end.error;
	bool rows = has_rows_before_error(s, e);
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_FAILED, s->id, s->rd.attempt, 0);
	put_end(s, &msg);
	put_error(&msg, e);
	qf_put_u8(&msg, QF_F_OUTCOME, (uint8_t)s->end.outcome);
	if (by_engine) {
		qf_put_u8(&msg, QF_F_STAGE, (uint8_t)s->end.stage);
		if (s->fields.n)
			qf_put_slice(&msg, QF_F_FIELDS, qf_buf_slice(&s->fields));
	}
	if (rows)
		put_encoding(s, &msg);
	qf_msg_end(&msg);
	if (rows)
		put_result(s, &msg);
	send_end(s, &msg);
}

bool say_keys(struct stream *s)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_KEYS, s->id, s->rd.attempt, 0);
	qf_msg_end(&msg);
	bool sent = s->listener->peer && qf_bus_send(s->d->run->bus, s->listener->peer, &msg) == 0;

	qf_buf_fini(&msg);
	return sent;
}

void say_notices(struct stream *s)
{
	for (size_t i = 0; i < s->n_notices; i++) {
		say_notice(s, "WARNING", "01000", s->notices[i], QF_SLICE_NONE);
		free(s->notices[i]);
	}
	s->n_notices = 0;
}

void say_end(struct stream *s)
{
	bool whole = s->described || (s->schema.n > 0 && !s->streaming);
	struct qf_buf msg;

	say_notices(s);
	if (s->end.outcome != QF_OUT_OK) {
		say_failed(s, &s->end.error);
		return;
	}
	qf_buf_init(&msg);
	qf_msg_begin(&msg, whole ? QF_MSG_RESULT : QF_MSG_DONE, s->id, s->rd.attempt, 0);
	put_end(s, &msg);
	if (whole)
		put_encoding(s, &msg);
	if (s->param_types.n)
		qf_put_slice(&msg, QF_F_PARAM_TYPES, qf_buf_slice(&s->param_types));
	qf_msg_end(&msg);
	if (whole)
		put_result(s, &msg);
	send_end(s, &msg);
}
