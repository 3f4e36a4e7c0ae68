/*
 * The pool: which worker has which request. See qf/worker.h.
 *
 * Until the first worker has said READY only one is started, so that a missing interpreter costs one
 * process; then the pool fills up to count + 1. Starts that fail in a row are tried again ever later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/clock.h"
#include "qf/log.h"

enum { KILLED_STARTS = 3 }; /* that many in a row, and it is no accident */
static const uint64_t again_first_ns = 100 * QF_MS, again_last_ns = 10 * QF_SEC, memory_ns = 250 * QF_MS,
		      start_ns = 30 * QF_SEC;

/* ---- requests ---------------------------------------------------------------------------------- */

static void request_free(struct request *r)
{
	qf_map_del_u64(r->pool->requests, r->id);
	qf_timer_stop(r->pool->o.loop, &r->deadline);
	qf_list_remove(&r->link);
	qf_buf_fini(&r->frame);
	free(r);
}

static void finish(struct request *r, enum qf_worker_result result, struct qf_slice answer)
{
	qf_worker_fn fn = r->fn;
	void *arg = r->arg;

	request_free(r);
	if (fn)
		fn(arg, result, answer);
}

/* For a caller that is still inside qf_worker_request(). */
static void refuse_later(struct request *r, enum qf_worker_result result)
{
	r->result = result;
	qf_timer_stop(r->pool->o.loop, &r->deadline);
	qf_list_remove(&r->link);
	qf_list_append(&r->pool->refused, &r->link);
	qf_task_add(r->pool->o.loop, &r->pool->refuse);
}

static void run_refused(struct qf_task *t)
{
	struct qf_worker_pool *p = qf_container_of(t, struct qf_worker_pool, refuse);

	while (!qf_list_empty(&p->refused)) {
		struct request *r = qf_container_of(p->refused.next, struct request, link);

		finish(r, r->result, QF_SLICE_NONE);
	}
}

static void dispatch(struct qf_worker_pool *p)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->workers) {
		struct worker *w = qf_container_of(it, struct worker, link);

		if (p->n_busy >= p->o.count || qf_list_empty(&p->waiting))
			return;
		if (w->state != WORKER_IDLE)
			continue;
		struct request *r = qf_container_of(p->waiting.next, struct request, link);

		qf_list_remove(&r->link);
		p->n_waiting--;
		p->n_idle--;
		p->n_busy++;
		w->state = WORKER_BUSY;
		if (p->o.fair_ns)
			qf_timer_set(p->o.loop, &r->deadline, r->deadline_ns);
		worker_send(w, r);
		if (p->o.max_rss && !qf_timer_armed(&p->memory))
			qf_timer_set(p->o.loop, &p->memory, memory_ns);
	}
}

static void refuse_waiting(struct qf_worker_pool *p)
{
	while (!qf_list_empty(&p->waiting)) {
		p->n_waiting--;
		refuse_later(qf_container_of(p->waiting.next, struct request, link), QF_WORKER_DOWN);
	}
}

/* ---- keeping it full --------------------------------------------------------------------------- */

static void tell_failure(struct qf_task *t)
{
	struct qf_worker_pool *p = qf_container_of(t, struct qf_worker_pool, tell);

	p->o.on_failed(p->o.arg, p->failure);
}

static void start_failed(struct qf_worker_pool *p, const char *text, bool accident)
{
	uint64_t delay = again_first_ns << (p->failures < 10 ? p->failures : 10);

	bool told = p->down || p->was_ready;

	p->failures++;
	qf_timer_set(p->o.loop, &p->again, delay < again_last_ns ? delay : again_last_ns);
	qf_debug("%s worker could not start: %s", p->o.name, text);
	if (accident && p->failures < KILLED_STARTS)
		return;
	p->down = true;
	if (!told && p->o.on_failed) {
		/* Not from inside qf_worker_pool_new(): its caller has no pool yet. */
		snprintf(p->failure, sizeof(p->failure), "%s", text);
		qf_task_add(p->o.loop, &p->tell);
	}
	if (p->n_live == 0)
		refuse_waiting(p); /* after the owner has heard why */
}

static void fill(struct qf_worker_pool *p)
{
	unsigned want = p->was_ready ? p->o.count + !p->o.no_spare : 1;

	while (p->n_live < want && !p->ending && !qf_timer_armed(&p->again)) {
		if (p->o.gentle && p->n_live > p->n_idle + p->n_busy)
			return;
		worker_new(p);
		p->n_live++;
	}
}

static void on_again(struct qf_timer *t)
{
	fill(qf_container_of(t, struct qf_worker_pool, again));
}

static void on_memory(struct qf_timer *t)
{
	struct qf_worker_pool *p = qf_container_of(t, struct qf_worker_pool, memory);
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->workers) {
		struct worker *w = qf_container_of(it, struct worker, link);

		if (w->state != WORKER_BUSY || !worker_too_big(w))
			continue;
		qf_debug("%s worker ended: it grew beyond its memory limit, pid=%d", p->o.name, (int)w->pid);
		snprintf(w->text, sizeof(w->text), "it grew beyond its memory limit");
		worker_kill(w);
		pool_lost(w, WORKER_BUSY, QF_WORKER_CRASHED);
	}
	if (p->n_busy > 0)
		qf_timer_set(p->o.loop, &p->memory, memory_ns);
}

/* ---- what workers report ----------------------------------------------------------------------- */

/* Now it is only their order that they wait for. */
static void end_grace(struct qf_worker_pool *p)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &p->waiting) {
		struct request *r = qf_container_of(it, struct request, link);

		if (r->late)
			qf_timer_set(p->o.loop, &r->deadline, r->deadline_ns);
		r->late = false;
	}
}

void pool_ready(struct worker *w)
{
	struct qf_worker_pool *p = w->pool;
	bool first = !p->was_ready;

	w->state = WORKER_IDLE;
	p->n_idle++;
	p->was_ready = true;
	p->failures = 0;
	p->down = false;
	end_grace(p);
	dispatch(p);
	fill(p);
	if (first && p->o.on_ready)
		p->o.on_ready(p->o.arg);
}

void pool_answer(struct worker *w, struct qf_slice answer)
{
	struct qf_worker_pool *p = w->pool;
	struct request *r = w->request;

	worker_rest(w);
	w->request = NULL;
	w->answered = true;
	w->state = WORKER_IDLE;
	p->n_busy--;
	p->n_idle++;
	if (w->idle_class || worker_has_grown(w)) {
		qf_debug("%s worker replaced: it %s, pid=%d", p->o.name, w->idle_class ? "was slow" : "has grown",
			 (int)w->pid);
		worker_kill(w);
		pool_lost(w, WORKER_IDLE, QF_WORKER_OK);
	}
	dispatch(p);
	/* Last: the callback may ask again, and `answer` borrows from the worker until we return. */
	finish(r, QF_WORKER_OK, answer);
}

void pool_lost(struct worker *w, enum worker_state was, enum qf_worker_result result)
{
	struct qf_worker_pool *p = w->pool;
	struct request *r = w->request;

	w->request = NULL;
	p->n_live--;
	p->n_idle -= was == WORKER_IDLE;
	p->n_busy -= was == WORKER_BUSY;
	if (was == WORKER_STARTING)
		start_failed(p, w->text, w->killed);
	else
		qf_debug("%s worker lost: %s result=%d", p->o.name, w->text, (int)result);
	/* One that dies idle before its first answer may do so for ever: not as fast as it can. */
	if (was == WORKER_IDLE && !w->answered && !qf_timer_armed(&p->again))
		qf_timer_set(p->o.loop, &p->again, again_first_ns);
	fill(p);
	dispatch(p);
	if (r)
		finish(r, result, qf_slice_str(w->text));
}

/* Before all others: it has waited as long as any. */
static void ask_another(struct request *r)
{
	struct qf_worker_pool *p = r->pool;

	r->worker->request = NULL;
	r->worker = NULL;
	if (p->o.fair_ns)
		qf_timer_set(p->o.loop, &r->deadline, r->deadline_ns);
	qf_list_append(p->waiting.next, &r->link);
	p->n_waiting++;
}

void pool_stray(struct worker *w, bool late)
{
	struct qf_worker_pool *p = w->pool;
	enum worker_state was = w->state;
	struct request *r = w->request;
	bool innocent = !r || late || (w->answered && !r->moved); /* or may be */

	snprintf(w->text, sizeof(w->text), "the worker said what nobody asked for");
	if (r && r->fn && innocent) {
		r->moved = r->moved || !late;
		ask_another(r);
	}
	if (p->o.on_stray && w->answered && innocent)
		p->o.on_stray(p->o.arg, w->last_about, !r || late, (int)w->pid);
	worker_kill(w);
	pool_lost(w, was, QF_WORKER_MALFORMED);
}

static bool grant_grace(struct request *r)
{
	struct qf_worker_pool *p = r->pool;
	uint64_t waited = qf_loop_now(p->o.loop) - r->asked_ns, most = p->was_ready ? p->o.fair_ns : p->o.start_ns;

	if (!p->o.fair_ns || r->late || p->n_idle + p->n_busy > 0 || waited >= most)
		return false;
	r->late = true;
	qf_timer_set(p->o.loop, &r->deadline, most - waited);
	return true;
}

static void on_deadline(struct qf_timer *t)
{
	struct request *r = qf_container_of(t, struct request, deadline);
	struct worker *w = r->worker;

	if (w && r->pool->o.fair_ns && !r->again && worker_starved(w, r->deadline_ns)) {
		r->again = true;
		qf_timer_set(r->pool->o.loop, &r->deadline, r->deadline_ns);
		return;
	}
	if (w) {
		worker_kill(w);
		pool_lost(w, WORKER_BUSY, QF_WORKER_DEADLINE);
		return;
	}
	if (grant_grace(r))
		return;
	r->pool->n_waiting--;
	finish(r, QF_WORKER_LATE, QF_SLICE_NONE);
}

/* ---- the interface ----------------------------------------------------------------------------- */

int qf_worker_pool_new(struct qf_worker_pool **ret, const struct qf_worker_opts *opts, struct qf_err *reterr)
{
	if (opts->count == 0 || opts->max_answer > UINT32_MAX - NUMBER_SIZE || opts->first.n > UINT32_MAX || !opts->argv || !opts->argv[0])
		return qf_err_set(reterr, -EINVAL, "a worker pool needs a program, workers and an answer limit");
	struct qf_worker_pool *p = qf_xcalloc(1, sizeof(*p));

	p->o = *opts;
	if (!p->o.start_ns)
		p->o.start_ns = start_ns;
	if (p->o.first.p) {
		qf_buf_u32(&p->first, (uint32_t)p->o.first.n);
		qf_buf_add_slice(&p->first, p->o.first);
	}
	qf_list_init(&p->workers);
	qf_list_init(&p->waiting);
	qf_list_init(&p->refused);
	p->again.fn = on_again;
	p->memory.fn = on_memory;
	p->refuse.fn = run_refused;
	p->tell.fn = tell_failure;
	p->requests = qf_map_new();
	int rc = spawner_new(&p->spawner, p->o.loop, p->o.argv, p->o.env, worker_spawned, reterr);

	if (rc < 0) {
		qf_worker_pool_free(p);
		return rc;
	}
	*ret = p;
	fill(p);
	return 0;
}

struct qf_worker_pool *qf_worker_pool_free(struct qf_worker_pool *p)
{
	struct request *r;
	size_t at = 0;

	if (!p)
		return NULL;
	p->ending = true;
	spawner_free(p->spawner);
	while (!qf_list_empty(&p->workers)) {
		struct worker *w = qf_container_of(p->workers.next, struct worker, link);

		if (w->state != WORKER_DYING)
			worker_kill(w);
		worker_free(w);
	}
	while ((r = qf_map_next(p->requests, &at, NULL)))
		request_free(r);
	qf_map_free(p->requests);
	qf_timer_stop(p->o.loop, &p->again);
	qf_timer_stop(p->o.loop, &p->memory);
	qf_task_del(p->o.loop, &p->refuse);
	qf_task_del(p->o.loop, &p->tell);
	qf_buf_fini(&p->first);
	free(p);
	return NULL;
}

uint64_t qf_worker_request(struct qf_worker_pool *p, struct qf_slice request, unsigned about, uint64_t deadline_ns,
			   qf_worker_fn fn, void *arg)
{
	struct request *r = qf_xcalloc(1, sizeof(*r));

	r->pool = p;
	r->id = ++p->last_id;
	r->fn = fn;
	r->arg = arg;
	r->deadline.fn = on_deadline;
	qf_list_init(&r->link);
	qf_buf_init(&r->frame);
	qf_map_put_u64(p->requests, r->id, r);
	if (p->n_live == 0 && p->down) {
		refuse_later(r, QF_WORKER_DOWN);
		return r->id;
	}
	if (request.n > UINT32_MAX - NUMBER_SIZE || (p->n_idle == 0 && p->n_waiting >= p->o.max_pending)) {
		refuse_later(r, QF_WORKER_BUSY);
		return r->id;
	}
	r->about = about;
	qf_buf_add_slice(&r->frame, request);
	r->asked_ns = qf_loop_now(p->o.loop);
	r->deadline_ns = deadline_ns;
	qf_timer_set(p->o.loop, &r->deadline, deadline_ns);
	qf_list_append(&p->waiting, &r->link);
	p->n_waiting++;
	dispatch(p);
	return r->id;
}

void qf_worker_forget(struct qf_worker_pool *p, uint64_t id)
{
	struct request *r = qf_map_get_u64(p->requests, id);

	if (!r)
		return;
	r->fn = NULL;
	if (r->worker) /* its worker finishes first, or meets the deadline */
		return;
	p->n_waiting -= r->result == QF_WORKER_OK;
	request_free(r);
}
