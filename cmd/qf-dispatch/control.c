/*
 * What qf-admin is told and may ask: the state that gauges are made of, which statements wait and run, and to
 * cancel one of them. The state goes to the qf-admin service soon after it changed; a burst is told once.
 */
#include "dispatch.h"

#include "qf/clock.h"
#include "qf/str.h"

#define TELL_NS (100 * QF_MS)
#define AGAIN_NS QF_SEC /* it was silent, or its pipe full */
#define ANSWER_MAX (QF_MSG_MAX / 2)
#define SQL_SHOWN 1024

/* ---- the state ----------------------------------------------------------------------------------------- */

static void put_value(struct qf_buf *out, const char *what, const char *group, const char *cluster, uint64_t value)
{
	struct qf_buf row;

	qf_row_begin(&row, what);
	qf_put_str(&row, QF_F_GROUP, group);
	qf_put_str(&row, QF_F_CLUSTER, cluster);
	qf_put_u64(&row, QF_F_VALUE, value);
	qf_row_end(out, &row);
}

static uint64_t running_on(const struct group *g, const struct cluster *c)
{
	struct qf_list *it, *tmp;
	uint64_t n = 0;

	qf_list_each(it, tmp, &g->busy)
		n += qf_container_of(it, struct stream, busy)->cluster == c;
	return n;
}

static void put_group(struct qf_buf *out, const struct group *g)
{
	struct qf_list *it, *tmp;

	put_value(out, "queued", g->name, NULL, g->queued);
	put_value(out, "slots", g->name, NULL, g->running);
	qf_list_each(it, tmp, &g->d->clusters) { /* a member that left may still have work of it */
		const struct cluster *c = qf_container_of(it, struct cluster, link);
		uint64_t n = running_on(g, c);

		if (n)
			put_value(out, "running", g->name, c->conf->name, n);
	}
}

static void write_state(const struct dispatch *d, struct qf_buf *out)
{
	struct qf_list *it, *tmp;

	if (d->draining)
		put_value(out, "draining", NULL, NULL, 1);
	qf_list_each(it, tmp, &d->groups)
		put_group(out, qf_container_of(it, struct group, link));
	qf_list_each(it, tmp, &d->clusters) {
		const struct cluster *c = qf_container_of(it, struct cluster, link);

		put_value(out, "cluster", NULL, c->conf->name, c->engine != NULL);
	}
}

static void on_tell(struct qf_timer *t)
{
	struct dispatch *d = qf_container_of(t, struct dispatch, tell);
	struct qf_peer *admin = qf_bus_find(d->run->bus, QF_ADMIN, qf_slice_str("0"));
	struct qf_buf msg;

	if (!admin)
		return; /* told when it comes */
	if (admin->suspended) {
		qf_timer_set(d->run->loop, t, AGAIN_NS);
		return;
	}
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_EVENT, 0, 0, 0);
	qf_put_str(&msg, QF_F_EVENT, "state");
	qf_msg_end(&msg);
	write_state(d, &msg);
	if (qf_bus_send(d->run->bus, admin, &msg) < 0)
		qf_timer_set(d->run->loop, t, AGAIN_NS);
	qf_buf_fini(&msg);
}

void control_tell(struct dispatch *d)
{
	d->tell.fn = on_tell;
	qf_timer_set(d->run->loop, &d->tell, 0);
}

void control_changed(struct dispatch *d)
{
	d->tell.fn = on_tell;
	if (!qf_timer_armed(&d->tell))
		qf_timer_set(d->run->loop, &d->tell, TELL_NS);
}

/* ---- questions ----------------------------------------------------------------------------------------- */

static const char *state_of(const struct stream *s)
{
	if (s->rd.state == QF_RD_QUEUED)
		return s->n_asked ? "translating" : "queued";
	return s->ended_by_engine ? "sending" : "running";
}

static void put_stream(const struct stream *s, struct qf_buf *out)
{
	uint64_t now = qf_loop_now(s->d->run->loop);
	struct qf_buf row;

	qf_row_begin(&row, state_of(s));
	qf_put_str(&row, QF_F_QUERY_ID, s->query_id);
	qf_put_str(&row, QF_F_GROUP, s->group ? s->group->name : NULL);
	qf_put_str(&row, QF_F_CLUSTER, s->cluster ? s->cluster->conf->name : NULL);
	qf_put_u8(&row, QF_F_FRONTEND, (uint8_t)s->frontend);
	qf_put_u64(&row, QF_F_QUEUE_NS, s->admitted_ns ? now - s->admitted_ns : s->queue_ns);
	qf_put_u64(&row, QF_F_RUN_NS, s->started_ns ? now - s->started_ns : 0);
	if (!s->listener->peer) /* nobody else knows it any more */
		qf_put_slice(&row, QF_F_SQL,
			     qf_slice(s->sql.p, s->sql.n > SQL_SHOWN ? qf_utf8_cut(qf_slice(s->sql.p, SQL_SHOWN)) : s->sql.n));
	qf_row_end(out, &row);
}

static bool is_open(const struct stream *s)
{
	return s->rd.state == QF_RD_QUEUED || s->rd.state == QF_RD_RUNNING;
}

static void write_streams(struct dispatch *d, struct qf_buf *out)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->listeners) {
		struct qf_map *streams = qf_container_of(it, struct listener, link)->streams;
		struct stream *s;
		size_t at = 0;

		while ((s = qf_map_next(streams, &at, NULL)))
			if (is_open(s) && out->n < ANSWER_MAX)
				put_stream(s, out);
	}
}

static struct stream *find_query(struct dispatch *d, struct qf_slice id)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->listeners) {
		struct qf_map *streams = qf_container_of(it, struct listener, link)->streams;
		struct stream *s;
		size_t at = 0;

		while ((s = qf_map_next(streams, &at, NULL)))
			if (is_open(s) && s->query_id && qf_slice_eq_str(id, s->query_id))
				return s;
	}
	return NULL;
}

/* The listener that owns it is asked too; this reaches one that nobody answers for. */
static bool cancel(struct dispatch *d, struct qf_slice id)
{
	struct stream *s = find_query(d, id);

	if (s)
		stream_step(s, QF_RD_EV_CANCEL, s->rd.attempt);
	return s != NULL;
}

void on_control(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct dispatch *d = arg;
	struct qf_slice command = qf_get(m, QF_F_COMMAND);
	struct qf_buf msg;

	if (m->flags & QF_MSG_REPLY)
		return;
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CONTROL, m->stream, 0, QF_MSG_REPLY);
	if (qf_slice_eq_str(command, "cancel"))
		qf_put_u64(&msg, QF_F_VALUE, cancel(d, qf_get(m, QF_F_QUERY_ID)));
	qf_msg_end(&msg);
	if (qf_slice_eq_str(command, "queries"))
		write_streams(d, &msg);
	(void)!qf_bus_send(d->run->bus, from, &msg);
	qf_buf_fini(&msg);
}
