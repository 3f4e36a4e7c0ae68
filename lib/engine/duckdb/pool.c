/* The pool: see pool.h. */
#include "pool.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "qf/buf.h"

#define IDLE_SECONDS 30

struct thread {
	struct duck_pool *pool;
	pthread_t id;
	pthread_cond_t wake; /* one each, so that the thread that worked last can be chosen */
	struct duck_work *work;
	struct qf_list link; /* of idle or ended */
};

struct duck_pool {
	pthread_mutex_t lock;
	pthread_cond_t ending;
	struct qf_list queue, idle, ended;
	unsigned n, max;
	bool stop;
};

int duck_thread_start(pthread_t *ret, void *(*fn)(void *arg), void *arg)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(ret, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

struct duck_pool *duck_pool_new(unsigned max)
{
	struct duck_pool *p = qf_xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	cond_init(&p->ending);
	qf_list_init(&p->queue);
	qf_list_init(&p->idle);
	qf_list_init(&p->ended);
	p->max = max ? max : 1;
	return p;
}

static struct duck_work *take_queued(struct duck_pool *p)
{
	if (qf_list_empty(&p->queue))
		return NULL;
	struct duck_work *w = qf_container_of(p->queue.next, struct duck_work, link);

	qf_list_remove(&w->link);
	return w;
}

static void wait_for_work(struct thread *t)
{
	struct duck_pool *p = t->pool;
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	while (!t->work && !p->stop && r == 0)
		r = pthread_cond_timedwait(&t->wake, &p->lock, &until);
	qf_list_remove(&t->link);
}

/*
 * The next work for t, waiting for it; NULL when t is to end. Called and returns with the lock held.
 *
 * The post may put the loop in this thread's place for long: the loop's next statement must find t free then, or it
 * would go to another thread, with cold caches.
 */
static struct duck_work *next_work(struct thread *t, struct qf_wake *wake)
{
	struct duck_pool *p = t->pool;

	if (!t->work)
		t->work = take_queued(p);
	if (!t->work)
		qf_list_append(p->idle.next, &t->link); /* before the first: last in, first out */
	if (wake) {
		pthread_mutex_unlock(&p->lock);
		qf_wake_post(wake);
		pthread_mutex_lock(&p->lock);
	}
	if (!t->work)
		wait_for_work(t);
	struct duck_work *w = t->work;

	t->work = NULL;
	return w;
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	struct duck_pool *p = t->pool;
	struct qf_wake *wake = NULL;
	struct duck_work *w;

	pthread_mutex_lock(&p->lock);
	while ((w = next_work(t, wake))) {
		pthread_mutex_unlock(&p->lock);
		wake = w->fn(w);
		pthread_mutex_lock(&p->lock);
	}
	p->n--;
	qf_list_append(&p->ended, &t->link);
	pthread_cond_signal(&p->ending);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Joins what ended. The lock is held; an ended thread only has to release it. */
static void reap(struct duck_pool *p)
{
	struct qf_list *it, *tmp, ended;

	qf_list_init(&ended);
	qf_list_each(it, tmp, &p->ended) {
		qf_list_remove(it);
		qf_list_append(&ended, it);
	}
	pthread_mutex_unlock(&p->lock);
	qf_list_each(it, tmp, &ended) {
		struct thread *t = qf_container_of(it, struct thread, link);

		pthread_join(t->id, NULL);
		pthread_cond_destroy(&t->wake);
		free(t);
	}
	pthread_mutex_lock(&p->lock);
}

static int add_thread(struct duck_pool *p, struct duck_work *w)
{
	struct thread *t = qf_xcalloc(1, sizeof(*t));

	t->pool = p;
	t->work = w;
	qf_list_init(&t->link);
	cond_init(&t->wake);
	int r = duck_thread_start(&t->id, thread_main, t);

	if (r < 0) {
		pthread_cond_destroy(&t->wake);
		free(t);
		return r;
	}
	p->n++;
	return 0;
}

/* A thread of its own for w if there may be one more, else the queue. */
static int add_or_queue(struct duck_pool *p, struct duck_work *w)
{
	int r = p->n < p->max ? add_thread(p, w) : -EAGAIN;

	if (r < 0 && p->n == 0)
		return r;
	if (r < 0)
		qf_list_append(&p->queue, &w->link);
	return 0;
}

int duck_pool_add(struct duck_pool *p, struct duck_work *w)
{
	struct thread *t = NULL;
	int r = 0;

	qf_list_init(&w->link);
	pthread_mutex_lock(&p->lock);
	if (!qf_list_empty(&p->ended))
		reap(p);
	if (qf_list_empty(&p->idle)) {
		r = add_or_queue(p, w);
	} else {
		t = qf_container_of(p->idle.next, struct thread, link);
		qf_list_remove(&t->link);
		t->work = w;
	}
	pthread_mutex_unlock(&p->lock);
	/* Not before: the thread may run in our place at once, and would only find the lock held. */
	if (t)
		pthread_cond_signal(&t->wake);
	return r;
}

struct duck_pool *duck_pool_free(struct duck_pool *p)
{
	struct qf_list *it, *tmp;

	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	qf_list_each(it, tmp, &p->idle)
		pthread_cond_signal(&qf_container_of(it, struct thread, link)->wake);
	while (p->n > 0)
		pthread_cond_wait(&p->ending, &p->lock);
	reap(p);
	pthread_mutex_unlock(&p->lock);
	pthread_cond_destroy(&p->ending);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}
