#include "hub.h"

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- ends -------------------------------------------------------------------------------------------- */

void query_drop(struct qf_query *q)
{
	struct qf_hub *h = q->hub;

	qf_timer_stop(h->run->loop, &q->timer);
	qf_task_del(h->run->loop, &q->end_task);
	qf_list_remove(&q->waiting);
	if (qf_map_get_u64(h->streams, q->id) == q)
		qf_map_del_u64(h->streams, q->id);
	h->pending_bytes -= q->sql.n + q->bind.n;
	if (q->pin && q->pin->query == q) {
		q->pin->query = NULL;
		if (q->pin->freed)
			pin_drop(q->pin);
	}
	qf_buf_fini(&q->columns);
	qf_buf_fini(&q->partial);
	qf_buf_fini(&q->record);
	qf_buf_fini(&q->bind);
	qf_buf_fini(&q->fields);
	free(q->param_types);
	free(q->places);
	free((void *)(uintptr_t)q->sql.p);
	free(q);
}

static void on_end_task(struct qf_task *t)
{
	query_finish(qf_container_of(t, struct qf_query, end_task));
}

/* It was cancelled for that, and not by its client. It cannot have ended well: the end of the data was not sent. */
static void name_lost_input(struct qf_query *q)
{
	struct qf_sql_error *e = &q->end.error;

	if (q->end.ok || strcmp(e->sqlstate, "57014") != 0)
		return;
	q->end.fields = QF_SLICE_NONE;
	qf_sql_error_set(e, "08006", "the data of the statement was lost on its way to the engine; nothing of it took effect");
	snprintf(e->hint, sizeof e->hint, "It can be sent again.");
}

/* The last word to the frontend. q may be gone when it returns. */
void query_finish(struct qf_query *q)
{
	struct qf_pin *pin = q->pin;

	qf_task_del(q->hub->run->loop, &q->end_task);
	qf_timer_stop(q->hub->run->loop, &q->timer);
	if (q->input_lost)
		name_lost_input(q);
	send_ended_event(q);
	if (pin && pin->query == q)
		pin->query = NULL;
	q->called = true;
	q->end.has_rows = q->has_rows;
	q->end.group = q->group[0] ? q->group : NULL;
	q->end.cluster = q->cluster[0] ? q->cluster : NULL;
	q->end.transaction_lost = pin && pin->dead;
	q->end.queue_ns = q->queue_ns;
	if (q->req.ends_transaction && q->facts.verb == QF_VERB_ROLLBACK && q->end.transaction_lost)
		q->end.ok = true; /* nothing of it is left: that is what was asked for */
	if (pin && pin->freed) {
		q->pin = NULL;
		pin_drop(pin);
	}
	if (q->abandoned)
		query_drop(q);
	else
		q->req.on_end(q, q->req.arg, &q->end);
}

void hub_fail(struct qf_query *q, const char *sqlstate, const char *text, const char *hint)
{
	if (q->ended)
		return;
	q->ended = true;
	q->end.ok = false;
	qf_sql_error_set(&q->end.error, sqlstate, "%s", text);
	if (hint)
		snprintf(q->end.error.hint, sizeof q->end.error.hint, "%s", hint);
	q->end_task.fn = on_end_task; /* never from inside the frontend's own call */
	qf_task_add(q->hub->run->loop, &q->end_task);
}

struct failure {
	enum qf_rl_action action;
	const char *sqlstate, *text, *hint;
};

static const struct failure failures[] = {
	{ QF_RL_DO_FAIL_CANCELLED, "57014", "canceling statement due to user request", NULL },
	{ QF_RL_DO_FAIL_UNAVAILABLE, "57P03", "no service took the statement in time",
	  "It was not run and can be sent again. `qf-admin status` shows which program is missing." },
	{ QF_RL_DO_FAIL_LOST, "57P01", "the process that ran the statement died; nothing of it took effect",
	  "It can be sent again." },
	{ QF_RL_DO_FAIL_ROWS_LOST, "08007", "the statement took effect, but its rows were lost with the process that ran it",
	  "Do not send it again unless it may run twice." },
	{ QF_RL_DO_FAIL_UNKNOWN, "08007", "the process that ran the statement died; whether it took effect is unknown",
	  "Look at the data before you send it again." },
};

/* Nothing of the attempt before reaches the client. */
static void next_attempt(struct qf_query *q)
{
	q->holder = NULL;
	q->cluster[0] = 0;
	q->taken = 0;
	qf_buf_fini(&q->columns);
	qf_buf_fini(&q->partial);
	q->encoding = QF_ENC_ARROW;
	qf_list_append(&q->hub->waiting, &q->waiting);
}

void query_step(struct qf_query *q, enum qf_rl_event e)
{
	unsigned acts = qf_rl_step(&q->rl, e);

	if (q->rl.state != QF_RL_WAITING)
		qf_list_remove(&q->waiting);
	if (acts & QF_RL_DO_PIN_LOST && q->pin)
		pin_lost(q->pin);
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
		if (acts & failures[i].action)
			hub_fail(q, failures[i].sqlstate, failures[i].text, failures[i].hint);
	if (acts & QF_RL_DO_FAIL_UNAVAILABLE && q->bounced[0])
		snprintf(q->end.error.detail, sizeof q->end.error.detail, "The last answer was: %s.", q->bounced);
	if (acts & QF_RL_DO_RESOLVE)
		send_resolve(q);
	if (acts & QF_RL_DO_CANCEL)
		send_cancel(q);
	if (acts & QF_RL_DO_DELIVER_RECORD)
		deliver_record(q);
	if (acts & QF_RL_DO_RETIRE)
		send_retire(q);
	if (acts & QF_RL_DO_NEXT_ATTEMPT) {
		next_attempt(q);
		if (!q->pausing && qf_loop_now(q->hub->run->loop) < q->give_up_ns && send_attempt(q))
			return;
	}
	if (q->rl.state == QF_RL_PLACED) {
		if (!q->cancel_waits)
			qf_timer_stop(q->hub->run->loop, &q->timer);
		qf_query_taken(q, 0); /* what was taken while it was being resolved */
	}
	if (q->rl.state == QF_RL_ENDED && !q->ended) { /* ends without a word: the client is gone */
		q->ended = true;
		q->end_task.fn = on_end_task;
		qf_task_add(q->hub->run->loop, &q->end_task);
	}
}

static void on_timer(struct qf_timer *t)
{
	struct qf_query *q = qf_container_of(t, struct qf_query, timer);
	uint64_t now = qf_loop_now(q->hub->run->loop);

	q->pausing = false;
	if (q->cancel_waits && q->rl.state == QF_RL_PLACED) {
		send_cancel(q);
		return;
	}
	if (now < q->give_up_ns) { /* the pause after BOUNCED is over */
		qf_timer_set(q->hub->run->loop, &q->timer, q->give_up_ns - now);
		if (q->rl.state == QF_RL_WAITING)
			send_attempt(q);
		return;
	}
	if (q->rl.state == QF_RL_SENT || q->rl.state == QF_RL_RESOLVING || q->rl.state == QF_RL_WAITING) {
		qf_timer_set(q->hub->run->loop, &q->timer, QF_SEC);
		query_step(q, QF_RL_EV_TIMEOUT);
	}
}

/* Somebody is back: what was bounced need not wait any longer. */
void hub_try_waiting(struct qf_hub *h)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &h->waiting) {
		struct qf_query *q = qf_container_of(it, struct qf_query, waiting);

		q->pausing = false;
		q->bounces = 0;
		send_attempt(q);
	}
}

/* ---- what the frontend calls ------------------------------------------------------------------------------ */

/* Date and time once a second, a number, and which qf-listen: unique, and readable in a log. */
void qf_query_name(struct qf_hub *h, char ret[QF_QUERY_ID])
{
	time_t now = (time_t)(qf_real_us() / 1000000);
	char number[21], *end;
	struct tm tm;

	if (now != h->stamp_second) {
		gmtime_r(&now, &tm);
		strftime(h->stamp, sizeof h->stamp, "%Y%m%d_%H%M%S", &tm);
		h->stamp_second = now;
	}
	qf_decimal(number, 100000 + h->sequence++ % 100000); /* five digits behind the first */
	end = stpcpy(ret, h->stamp);
	*end++ = '_';
	end = stpcpy(end, number + 1);
	*end++ = '_';
	stpcpy(end, h->tag);
}

static size_t window(struct qf_hub *h)
{
	size_t n = qf_map_count(h->streams) + 1;
	uint64_t w = h->run->conf->stream_budget_bytes / n;

	if (w > STREAM_WINDOW)
		return STREAM_WINDOW;
	return w < STREAM_WINDOW_MIN ? STREAM_WINDOW_MIN : (size_t)w;
}

static struct qf_query *query_new(struct qf_hub *h, const struct qf_query_request *req)
{
	struct qf_query *q = qf_xcalloc(1, sizeof *q);

	q->hub = h;
	q->req = *req;
	q->frontend = req->session->frontend;
	q->facts = *req->facts;
	q->sql = qf_slice(qf_slice_dup(req->sql), req->sql.n);
	q->id = ++h->next_stream;
	q->timer.fn = on_timer;
	q->window = window(h);
	qf_list_init(&q->waiting);
	h->pending_bytes += q->sql.n;
	q->started_ns = qf_loop_now(h->run->loop);
	q->give_up_ns = q->started_ns + h->run->conf->ring_timeout_ns;
	if (req->bind)
		qf_bind_put(&q->bind, req->bind);
	h->pending_bytes += q->bind.n;
	q->rl.attempt = 1;
	q->rl.read = q->facts.access == QF_ACCESS_READ || q->facts.verb == QF_VERB_ROLLBACK;
	q->rl.commits = req->ends_transaction && q->facts.verb == QF_VERB_COMMIT;
	if (req->id)
		snprintf(q->public_id, sizeof q->public_id, "%s", req->id);
	else
		qf_query_name(h, q->public_id);
	qf_map_put_u64(h->streams, q->id, q);
	return q;
}

struct qf_query *qf_query_start(struct qf_hub *hub, const struct qf_query_request *req)
{
	struct qf_query *q = query_new(hub, req);

	q->pin = req->pin;
	if (q->pin) {
		qf_assert(!q->pin->query);
		q->pin->query = q;
		q->begins = req->transaction && !q->pin->in_transaction;
		q->rl.in_pin = q->pin->placed;
		q->rl.in_transaction = q->pin->in_transaction;
		q->rl.begins = q->begins;
	}
	qf_list_append(&hub->waiting, &q->waiting);
	qf_timer_set(hub->run->loop, &q->timer, hub->run->conf->ring_timeout_ns);
	if (q->pin && q->pin->dead) {
		q->rl.state = QF_RL_ENDED;
		qf_list_remove(&q->waiting);
		hub_fail(q, "25P02", "the transaction was lost with the connection that held it",
			 "ROLLBACK and begin again.");
	} else if (hub->pending_bytes > PENDING_MAX) {
		q->rl.state = QF_RL_ENDED;
		qf_list_remove(&q->waiting);
		hub_fail(q, "53200", "too many bytes of statements are waiting in qf-listen", "Try again later.");
	} else {
		send_attempt(q);
	}
	return q;
}

void qf_query_taken(struct qf_query *q, size_t bytes)
{
	q->taken += bytes;
	if (q->taken == 0 || q->taken < q->window / 4 || q->rl.state != QF_RL_PLACED || !q->holder)
		return;
	send_credit(q->hub, q->holder, q->id, q->rl.attempt, q->taken);
	q->taken = 0;
}

void qf_query_input(struct qf_query *q, struct qf_slice messages)
{
	if (q->ended || q->input_lost)
		return;
	if (q->rl.state == QF_RL_PLACED && q->holder && send_input(q, messages))
		return;
	q->input_lost = true;
	qf_query_cancel(q);
}

void qf_query_cancel(struct qf_query *q)
{
	if (!q->ended && !q->rl.cancelled)
		query_step(q, QF_RL_EV_CANCEL);
}

void qf_query_free(struct qf_query *q)
{
	qf_assert(q->called);
	query_drop(q);
}

void qf_query_abandon(struct qf_query *q)
{
	q->abandoned = true;
	if (q->called)
		query_drop(q);
	else if (!q->ended)
		query_step(q, QF_RL_EV_GONE);
}

const char *qf_query_id(const struct qf_query *q)
{
	return q->public_id;
}

bool qf_query_running(const struct qf_query *q)
{
	return q->cluster[0] || q->has_rows;
}

const struct qf_conf *qf_hub_conf(const struct qf_hub *hub)
{
	return hub->run->conf;
}

struct qf_auth *qf_hub_auth(const struct qf_hub *hub)
{
	return hub->auth;
}

struct qf_tls_config *qf_hub_tls(const struct qf_hub *hub)
{
	return hub->tls;
}

struct qf_loop *qf_hub_loop(const struct qf_hub *hub)
{
	return hub->run->loop;
}

const char *qf_hub_version(const struct qf_hub *hub)
{
	(void)hub;
	return qf_version();
}
