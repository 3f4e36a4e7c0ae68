/* A thread for calls that block: see thread.h. */
#include "thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "qf/buf.h"

struct pge_thread {
	struct qf_wake *wake;
	bool started; /* the loop's */
	pthread_mutex_t lock;
	pthread_cond_t more;
	/* guarded by lock */
	struct qf_list queue, finished;
	bool closing;
};

static void thread_destroy(struct pge_thread *t)
{
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->more);
	free(t);
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

static void *thread_main(void *arg)
{
	struct pge_thread *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->closing) {
		if (qf_list_empty(&t->queue)) {
			pthread_cond_wait(&t->more, &t->lock);
			continue;
		}
		struct pge_work *w = take(&t->queue);

		pthread_mutex_unlock(&t->lock);
		w->run(w);
		pthread_mutex_lock(&t->lock);
		qf_list_append(&t->finished, &w->link);
		if (!t->closing)
			qf_wake_post(t->wake);
	}
	pthread_mutex_unlock(&t->lock);
	drop_all(&t->queue);
	drop_all(&t->finished);
	thread_destroy(t);
	return NULL;
}

static void woken(void *arg)
{
	struct pge_thread *t = arg;
	struct qf_list *it, *tmp, now;

	qf_list_init(&now);
	pthread_mutex_lock(&t->lock);
	qf_list_each(it, tmp, &t->finished) {
		qf_list_remove(it);
		qf_list_append(&now, it);
	}
	pthread_mutex_unlock(&t->lock);
	while (!qf_list_empty(&now)) {
		struct pge_work *w = take(&now);

		w->done(w);
	}
}

/* Signals are for the loop thread. */
static int start(struct pge_thread *t)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t id;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&id, &attr, thread_main, t);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	t->started = r == 0;
	return -r;
}

int pge_thread_add(struct pge_thread *t, struct pge_work *w)
{
	int r = t->started ? 0 : start(t);

	if (r < 0)
		return r;
	qf_list_init(&w->link);
	pthread_mutex_lock(&t->lock);
	qf_list_append(&t->queue, &w->link);
	pthread_mutex_unlock(&t->lock);
	pthread_cond_signal(&t->more);
	return 0;
}

int pge_thread_new(struct pge_thread **ret, struct qf_loop *loop, struct qf_err *reterr)
{
	struct pge_thread *t = qf_xcalloc(1, sizeof(*t));

	qf_list_init(&t->queue);
	qf_list_init(&t->finished);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->more, NULL);
	int r = qf_wake_new(&t->wake, loop, woken, t);

	if (r < 0) {
		thread_destroy(t);
		return qf_err_set(reterr, r, "wake-up: %s", qf_strerror(r));
	}
	*ret = t;
	return 0;
}

struct pge_thread *pge_thread_free(struct pge_thread *t)
{
	struct qf_wake *wake;
	bool started;

	if (!t)
		return NULL;
	wake = t->wake;
	started = t->started;
	pthread_mutex_lock(&t->lock);
	t->closing = true;
	pthread_cond_signal(&t->more);
	pthread_mutex_unlock(&t->lock); /* the thread, when there is one, frees t from here on */
	qf_wake_free(wake);
	if (!started)
		thread_destroy(t);
	return NULL;
}
