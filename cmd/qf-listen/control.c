/*
 * What qf-admin is told and may ask: which frontends accept and how many sessions they have, which queries are
 * here, and to cancel one of them. The state goes to the qf-admin service when it comes and when it changed.
 */
#include "hub.h"

#include "qf/clock.h"
#include "qf/str.h"

#include <string.h>

#define TELL_NS QF_SEC
#define ANSWER_MAX (QF_MSG_MAX / 2)
#define SQL_SHOWN 1024

/* ---- the state ----------------------------------------------------------------------------------------- */

static void write_state(const struct qf_hub *h, struct qf_buf *out)
{
	struct qf_buf row;

	if (h->draining) {
		qf_row_begin(&row, "draining");
		qf_row_end(out, &row);
	}
	for (int fe = 0; fe < QF_FE_N; fe++) {
		if (!h->frontends[fe])
			continue;
		qf_row_begin(&row, "sessions");
		qf_put_u8(&row, QF_F_FRONTEND, (uint8_t)fe);
		qf_put_u64(&row, QF_F_VALUE, qf_frontend_ops((enum qf_frontend)fe)->sessions(h->frontends[fe]));
		qf_row_end(out, &row);
	}
}

static void tell(struct qf_hub *h)
{
	struct qf_peer *admin = qf_bus_find(h->run->bus, QF_ADMIN, qf_slice_str("0"));
	struct qf_buf msg;

	if (!admin || admin->suspended)
		return;
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_EVENT, 0, 0, 0);
	qf_put_str(&msg, QF_F_EVENT, "state");
	qf_msg_end(&msg);
	write_state(h, &msg);
	if (admin->epoch != h->told_epoch || !qf_slice_eq(qf_buf_slice(&msg), qf_buf_slice(&h->told))) {
		qf_buf_clear(&h->told);
		qf_buf_add_slice(&h->told, qf_buf_slice(&msg));
		h->told_epoch = qf_bus_send(h->run->bus, admin, &msg) == 0 ? admin->epoch : 0;
	}
	qf_buf_fini(&msg);
}

static void on_tell(struct qf_timer *t)
{
	struct qf_hub *h = qf_container_of(t, struct qf_hub, tell);

	tell(h);
	qf_timer_set(h->run->loop, t, TELL_NS);
}

void control_tell(struct qf_hub *h)
{
	h->tell.fn = on_tell;
	qf_timer_set(h->run->loop, &h->tell, 0);
}

void control_stop(struct qf_hub *h)
{
	qf_timer_stop(h->run->loop, &h->tell);
	qf_buf_fini(&h->told);
}

/* ---- questions ----------------------------------------------------------------------------------------- */

/* What is known here; a dispatch that has it knows more. */
static const char *state_of(const struct qf_query *q)
{
	switch (q->rl.state) {
	case QF_RL_WAITING:
		return "waiting";
	case QF_RL_SENT:
		return "routing";
	case QF_RL_RESOLVING:
		return "resolving";
	default:
		return "placed";
	}
}

static void put_query(const struct qf_query *q, struct qf_buf *out)
{
	size_t n = q->sql.n > SQL_SHOWN ? qf_utf8_cut(qf_slice(q->sql.p, SQL_SHOWN)) : q->sql.n;
	struct qf_buf row;

	qf_row_begin(&row, state_of(q));
	qf_put_str(&row, QF_F_QUERY_ID, q->public_id);
	if (!q->abandoned) {
		qf_put_str(&row, QF_F_USER, q->req.session->user);
		qf_put_str(&row, QF_F_CLIENT, q->req.session->client);
	}
	qf_put_u8(&row, QF_F_FRONTEND, (uint8_t)q->frontend);
	qf_put_str(&row, QF_F_GROUP, q->group[0] ? q->group : NULL);
	qf_put_str(&row, QF_F_CLUSTER, q->cluster[0] ? q->cluster : NULL);
	qf_put_u64(&row, QF_F_TOTAL_NS, qf_loop_now(q->hub->run->loop) - q->started_ns);
	qf_put_slice(&row, QF_F_SQL, qf_slice(q->sql.p, n));
	qf_row_end(out, &row);
}

static void write_queries(struct qf_hub *h, struct qf_buf *out)
{
	struct qf_query *q;
	size_t at = 0;

	while ((q = qf_map_next(h->streams, &at, NULL)))
		if (!q->ended && out->n < ANSWER_MAX)
			put_query(q, out);
}

static bool cancel(struct qf_hub *h, struct qf_slice id)
{
	struct qf_query *q;
	size_t at = 0;

	while ((q = qf_map_next(h->streams, &at, NULL))) {
		if (q->ended || !qf_slice_eq_str(id, q->public_id))
			continue;
		qf_query_cancel(q);
		return true;
	}
	return false;
}

void on_control(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_hub *h = arg;
	struct qf_slice command = qf_get(m, QF_F_COMMAND);
	struct qf_buf msg;

	if (m->flags & QF_MSG_REPLY)
		return;
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CONTROL, m->stream, 0, QF_MSG_REPLY);
	if (qf_slice_eq_str(command, "cancel"))
		qf_put_u64(&msg, QF_F_VALUE, cancel(h, qf_get(m, QF_F_QUERY_ID)));
	qf_msg_end(&msg);
	if (qf_slice_eq_str(command, "queries"))
		write_queries(h, &msg);
	(void)!qf_bus_send(h->run->bus, from, &msg);
	qf_buf_fini(&msg);
}
