/*
 * Rows on their way to a listener. A small result stays here until the end of the turn, to leave as one
 * RESULT. A large one goes as SCHEMA, BATCH … DONE on .rows, one message of each stream in turn, while the
 * listener has less than PEER_WINDOW unread. What the engine may produce ahead is bounded by its window.
 */
#include "dispatch.h"

#include "qf/log.h"

#include <stdlib.h>

struct row_msg {
	struct qf_list link;
	struct qf_buf msg;
	size_t payload;
};

static void put_schema_fields(const struct stream *s, struct qf_buf *msg)
{
	qf_put_u64(msg, QF_F_BYTES, s->granted); /* the listener returns credit in shares of it */
	if (s->job.encoding != QF_ENC_ARROW)
		qf_put_u8(msg, QF_F_ENCODING | QF_F_REQUIRED, (uint8_t)s->job.encoding);
}

static void push(struct stream *s, enum qf_kind kind, uint16_t flags, struct qf_slice payload)
{
	struct row_msg *r = qf_xcalloc(1, sizeof *r);

	qf_buf_init(&r->msg);
	qf_buf_reserve(&r->msg, QF_MSG_HEADER + payload.n);
	qf_msg_begin(&r->msg, kind, s->id, s->rd.attempt, flags);
	if (kind == QF_MSG_SCHEMA)
		put_schema_fields(s, &r->msg);
	qf_msg_end(&r->msg);
	qf_buf_add_slice(&r->msg, payload);
	r->payload = payload.n;
	qf_list_append(&s->out, &r->link);
	if (s->rows_link.next == &s->rows_link)
		qf_list_append(&s->listener->rows, &s->rows_link);
}

static void push_batch(struct stream *s, struct qf_slice batch)
{
	while (batch.n > QF_BATCH_MAX) {
		push(s, QF_MSG_BATCH, QF_MSG_MORE, qf_slice(batch.p, QF_BATCH_MAX));
		batch = qf_slice(batch.p + QF_BATCH_MAX, batch.n - QF_BATCH_MAX);
	}
	push(s, QF_MSG_BATCH, 0, batch);
	s->sent_batch = true;
}

static void go_streaming(struct stream *s)
{
	struct qf_reader r = qf_reader(qf_buf_slice(&s->held));

	s->streaming = true;
	say_notices(s); /* on .sock, which the end on .rows would overtake */
	push(s, QF_MSG_SCHEMA, 0, qf_buf_slice(&s->schema));
	s->sent_batch = true; /* SCHEMA is on .rows: the end follows it there */
	while (r.n > 0)
		push_batch(s, qf_read_bytes(&r, qf_read_u32(&r)));
	qf_buf_fini(&s->held);
	rows_pump(s->listener);
}

static void on_settle(struct qf_task *t)
{
	struct stream *s = qf_container_of(t, struct stream, settle);

	if (s->rd.state == QF_RD_RUNNING && !s->ended_by_engine && !s->streaming && s->listener->peer)
		go_streaming(s);
}

void rows_schema(struct stream *s, struct qf_slice schema)
{
	qf_buf_add_slice(&s->schema, schema);
	s->settle.fn = on_settle;
	qf_task_add(s->d->run->loop, &s->settle);
}

void rows_batch(struct stream *s, struct qf_slice batch)
{
	if (!s->listener->peer || s->row_lost)
		return;
	s->produced += batch.n;
	group_window_changed(s);
	if (batch.n > QF_ROW_MAX) {
		qf_sql_error_set(&s->refusal, "54000",
			"a row of %zu bytes is larger than the %u MiB that one row may take",
				 batch.n, QF_ROW_MAX >> 20);
		s->row_lost = true;
		run_interrupt(s);
		return;
	}
	if (!s->streaming && s->held.n + batch.n <= RESULT_MAX) {
		qf_buf_u32(&s->held, (uint32_t)batch.n);
		qf_buf_add_slice(&s->held, batch);
		return;
	}
	if (!s->streaming)
		go_streaming(s);
	push_batch(s, batch);
	rows_pump(s->listener);
}

void rows_end(struct stream *s)
{
	s->ended_by_engine = true;
	bool told = s->end.outcome == QF_OUT_OK || (s->end.outcome == QF_OUT_ERROR && s->job.encoding != QF_ENC_ARROW);

	if (told && !qf_list_empty(&s->out) && s->listener->peer)
		return; /* rows_pump() ends it */
	rows_drop(s);
	stream_step(s, QF_RD_EV_FINISH, 0);
}

void rows_pump(struct listener *l)
{
	while (l->peer && l->unread < PEER_WINDOW && !qf_list_empty(&l->rows)) {
		struct stream *s = qf_container_of(l->rows.next, struct stream, rows_link);
		struct row_msg *r = qf_container_of(s->out.next, struct row_msg, link);

		qf_list_remove(&r->link);
		qf_list_remove(&s->rows_link);
		if (!qf_list_empty(&s->out))
			qf_list_append(&l->rows, &s->rows_link);
		l->unread += r->payload;
		(void)!qf_bus_send_rows(l->d->run->bus, l->peer, &r->msg);
		qf_buf_fini(&r->msg);
		free(r);
		if (qf_list_empty(&s->out) && s->ended_by_engine)
			stream_step(s, QF_RD_EV_FINISH, 0);
	}
}

void rows_drop(struct stream *s)
{
	qf_list_remove(&s->rows_link);
	while (!qf_list_empty(&s->out)) {
		struct row_msg *r = qf_container_of(s->out.next, struct row_msg, link);

		qf_list_remove(&r->link);
		qf_buf_fini(&r->msg);
		free(r);
	}
}
