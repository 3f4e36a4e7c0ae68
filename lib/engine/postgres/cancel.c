/*
 * Cancels. libpq opens a connection for each and blocks, so it does that on a thread of a few; its return means that the
 * signal has been sent. One that comes before the server has begun does nothing: it is sent again until the statement ends.
 */
#include <stdlib.h>

#include "private.h"

#define AGAIN_NS (500 * QF_MS)
#define GIVE_UP_TIMES 6 /* connectTimeoutSecs */

struct pge_cancelling {
	struct pge_work work;
	struct qf_engine_conn *conn; /* NULL: gone */
	PGcancel *handle; /* NULL: without libpq, by the next ones */
	struct sockaddr_storage address;
	socklen_t address_len;
	uint32_t pid, key;
};

static void cancel_run(struct pge_work *w)
{
	struct pge_cancelling *k = qf_container_of(w, struct pge_cancelling, work);
	char text[256];

	/* What goes wrong shows: the statement does not end. */
	if (!k->handle)
		pge_own_cancel((const struct sockaddr *)&k->address, k->address_len, k->pid, k->key);
	else
		(void)PQcancel(k->handle, text, sizeof(text));
}

static void cancel_drop(struct pge_work *w)
{
	struct pge_cancelling *k = qf_container_of(w, struct pge_cancelling, work);

	PQfreeCancel(k->handle);
	free(k);
}

static void cancel_done(struct pge_work *w)
{
	struct pge_cancelling *k = qf_container_of(w, struct pge_cancelling, work);
	struct qf_engine_conn *c = k->conn;

	cancel_drop(w);
	if (!c)
		return;
	c->cancelling = NULL;
	c->cancel_echo = true;
	if (c->run.job && c->run.sent && c->run.cancelled)
		qf_timer_set(c->pool->engine->loop, &c->timer, AGAIN_NS);
	pge_conn_advance(c);
}

static void send_cancel(struct qf_engine_conn *c)
{
	struct pge_cancelling *k;
	PGcancel *handle = c->cancelling || !c->pg ? NULL : PQgetCancel(c->pg);

	if (!handle && (c->cancelling || !c->own))
		return;
	k = qf_xcalloc(1, sizeof(*k));
	k->work = (struct pge_work){ .run = cancel_run, .done = cancel_done, .drop = cancel_drop };
	k->conn = c;
	k->handle = handle;
	if (c->own) {
		k->address = c->own->address;
		k->address_len = c->own->address_len;
		k->pid = c->own->pid;
		k->key = c->own->key;
	}
	if (pge_crew_add(c->pool->engine->cancellers, &k->work) < 0) {
		cancel_drop(&k->work);
		qf_timer_set(c->pool->engine->loop, &c->timer, AGAIN_NS);
		return;
	}
	c->cancelling = k;
}

void pge_cancel(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;

	if (!r->job || r->cancelled)
		return;
	r->cancelled = true;
	c->cancelled_ns = qf_loop_now(c->pool->engine->loop);
	if (!r->sent) {
		qf_task_add(c->pool->engine->loop, &c->ending);
		return;
	}
	if (c->state != PGE_OPEN || r->complete)
		return;
	send_cancel(c);
	/* The call returns when the server says so, perhaps never. */
	qf_timer_set(c->pool->engine->loop, &c->timer, AGAIN_NS);
	pge_copy_stop(c, "canceling statement due to user request");
	qf_task_add(c->pool->engine->loop, &c->resume); /* rows that nobody takes must not hold it up */
}

void pge_cancel_again(struct qf_engine_conn *c)
{
	if (qf_loop_now(c->pool->engine->loop) - c->cancelled_ns >= GIVE_UP_TIMES * c->pool->engine->cfg->connect_timeout_ns)
		pge_conn_lost(c, "the server did not react to a cancel");
	else if (c->cancelling)
		qf_timer_set(c->pool->engine->loop, &c->timer, AGAIN_NS);
	else
		send_cancel(c);
}

void pge_cancel_forget(struct qf_engine_conn *c)
{
	struct pge_cancelling *k = c->cancelling;

	c->cancelling = NULL;
	if (!k)
		return;
	k->conn = NULL;
	pge_crew_leave(c->pool->engine->cancellers, &k->work);
}
