/*
 * The crew: see pool.h.
 *
 * DuckDB's own background threads are woken by a semaphore for every task that is queued, also for the one
 * task of `SELECT 1`, and then fight over it with the thread that would have run it anyway: that is where
 * 35 µs become 155 µs. These threads ask the queue themselves, and only while a long statement runs.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "pool.h"
#include "qf/buf.h"

#define NAP_FIRST_NS 50000
#define NAP_LAST_NS 1000000
#define CREW_MAX 256

struct duck_crew {
	const struct duck_api *api;
	duckdb_task_state tasks;
	pthread_mutex_t lock;
	pthread_cond_t wanted_or_stop;
	unsigned wanted, n, max;
	bool stop;
	pthread_t threads[CREW_MAX];
};

struct duck_crew *duck_crew_new(const struct duck_api *api, duckdb_database db, unsigned n)
{
	struct duck_crew *c = qf_xcalloc(1, sizeof(*c));

	c->api = api;
	c->tasks = api->create_task_state(db);
	c->max = n < CREW_MAX ? n : CREW_MAX;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wanted_or_stop, NULL);
	return c;
}

static bool wait_wanted(struct duck_crew *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->wanted == 0 && !c->stop)
		pthread_cond_wait(&c->wanted_or_stop, &c->lock);
	bool go_on = !c->stop;
	pthread_mutex_unlock(&c->lock);
	return go_on;
}

static void *crew_main(void *arg)
{
	struct duck_crew *c = arg;
	struct timespec nap = { .tv_nsec = NAP_FIRST_NS };

	while (wait_wanted(c)) {
		if (c->api->execute_n_tasks_state(c->tasks, 1) > 0) {
			nap.tv_nsec = NAP_FIRST_NS;
			continue;
		}
		nanosleep(&nap, NULL);
		nap.tv_nsec = nap.tv_nsec < NAP_LAST_NS / 2 ? 2 * nap.tv_nsec : NAP_LAST_NS;
	}
	return NULL;
}

/* Fewer threads than wished only make the statement slower. */
static void start_threads(struct duck_crew *c)
{
	while (c->n < c->max && duck_thread_start(&c->threads[c->n], crew_main, c) == 0)
		c->n++;
}

void duck_crew_want(struct duck_crew *c, bool on)
{
	if (c->max == 0)
		return;
	pthread_mutex_lock(&c->lock);
	if (on && c->wanted++ == 0) {
		start_threads(c);
		pthread_cond_broadcast(&c->wanted_or_stop);
	} else if (!on) {
		c->wanted--;
	}
	pthread_mutex_unlock(&c->lock);
}

struct duck_crew *duck_crew_free(struct duck_crew *c)
{
	if (!c)
		return NULL;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->wanted_or_stop);
	pthread_mutex_unlock(&c->lock);
	c->api->finish_execution(c->tasks);
	for (unsigned i = 0; i < c->n; i++)
		pthread_join(c->threads[i], NULL);
	c->api->destroy_task_state(c->tasks);
	pthread_cond_destroy(&c->wanted_or_stop);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}
