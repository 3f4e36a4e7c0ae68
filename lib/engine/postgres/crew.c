/* Threads for calls that block: see crew.h. */
#include "crew.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "qf/buf.h"
#include "qf/err.h"

struct pge_crew {
	struct qf_wake *wake;
	unsigned max;
	unsigned left; /* calls that hang; the loop's */
	pthread_mutex_t lock;
	pthread_cond_t more;
	/* guarded by lock */
	struct qf_list queue, finished;
	unsigned queued, threads, idle;
	bool closing;
};

static void crew_destroy(struct pge_crew *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->more);
	free(c);
}

static struct pge_work *take(struct qf_list *from)
{
	struct pge_work *w = qf_container_of(from->next, struct pge_work, link);

	qf_list_remove(&w->link);
	return w;
}

static void drop_all(struct qf_list *from)
{
	while (!qf_list_empty(from)) {
		struct pge_work *w = take(from);

		w->drop(w);
	}
}

/* The next work, or NULL when the crew is closed. With the lock held. */
static struct pge_work *wait_for_work(struct pge_crew *c)
{
	c->idle++;
	while (!c->closing && qf_list_empty(&c->queue))
		pthread_cond_wait(&c->more, &c->lock);
	c->idle--;
	if (c->closing)
		return NULL;
	c->queued--;
	return take(&c->queue);
}

static void *thread_main(void *arg)
{
	struct pge_crew *c = arg;
	struct pge_work *w;

	pthread_mutex_lock(&c->lock);
	while ((w = wait_for_work(c))) {
		pthread_mutex_unlock(&c->lock);
		w->run(w);
		pthread_mutex_lock(&c->lock);
		qf_list_append(&c->finished, &w->link);
		if (!c->closing)
			qf_wake_post(c->wake);
	}
	bool last = --c->threads == 0;

	pthread_mutex_unlock(&c->lock);
	if (!last)
		return NULL;
	drop_all(&c->queue);
	drop_all(&c->finished);
	crew_destroy(c);
	return NULL;
}

static void woken(void *arg)
{
	struct pge_crew *c = arg;
	struct qf_list *it, *tmp, now;

	qf_list_init(&now);
	pthread_mutex_lock(&c->lock);
	qf_list_each(it, tmp, &c->finished) {
		qf_list_remove(it);
		qf_list_append(&now, it);
	}
	pthread_mutex_unlock(&c->lock);
	while (!qf_list_empty(&now)) {
		struct pge_work *w = take(&now);

		c->left -= w->left;
		w->done(w);
	}
}

/* Signals are for the loop thread. */
static int start_thread(struct pge_crew *c)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t id;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&id, &attr, thread_main, c);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

int pge_crew_add(struct pge_crew *c, struct pge_work *w)
{
	int r = 0;

	if (c->left >= c->max)
		return QF_ELIMIT;
	w->left = false;
	qf_list_init(&w->link);
	pthread_mutex_lock(&c->lock);
	if (c->queued >= c->idle && c->threads < c->max) {
		r = start_thread(c);
		c->threads += r == 0;
	}
	if (c->threads > 0) { /* one that is at work will come to it */
		r = 0;
		qf_list_append(&c->queue, &w->link);
		c->queued++;
	}
	pthread_mutex_unlock(&c->lock);
	pthread_cond_signal(&c->more);
	return r;
}

void pge_crew_leave(struct pge_crew *c, struct pge_work *w)
{
	c->left += !w->left;
	w->left = true;
}

int pge_crew_new(struct pge_crew **ret, struct qf_loop *loop, unsigned threads, struct qf_err *reterr)
{
	struct pge_crew *c = qf_xcalloc(1, sizeof(*c));

	c->max = threads;
	qf_list_init(&c->queue);
	qf_list_init(&c->finished);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	int r = qf_wake_new(&c->wake, loop, woken, c);

	if (r < 0) {
		crew_destroy(c);
		return qf_err_set(reterr, r, "wake-up: %s", qf_strerror(r));
	}
	*ret = c;
	return 0;
}

struct pge_crew *pge_crew_free(struct pge_crew *c)
{
	struct qf_wake *wake;
	bool started;

	if (!c)
		return NULL;
	wake = c->wake;
	pthread_mutex_lock(&c->lock);
	started = c->threads > 0;
	c->closing = true;
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock); /* the last thread, when there is one, frees c from here on */
	qf_wake_free(wake);
	if (!started) {
		drop_all(&c->finished);
		crew_destroy(c);
	}
	return NULL;
}
