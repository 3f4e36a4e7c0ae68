/*
 * Threads of one cluster.
 *
 * The pool runs work items, each once, in order of duck_pool_add(), on at most `max` threads that are made on
 * demand and end after 30 s without work. A free thread that worked last is taken first.
 *
 * The crew helps DuckDB with the tasks of long statements: its threads take tasks from DuckDB's queue while
 * at least one duck_crew_want(true) is in force, and sleep otherwise.
 *
 * The pool is used from one thread, the loop's; duck_crew_want() from any.
 */
#ifndef QF_ENGINE_DUCKDB_POOL_H
#define QF_ENGINE_DUCKDB_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "api.h"
#include "qf/list.h"
#include "qf/loop.h"

struct duck_work {
	/* What it returns, or NULL, is posted when the thread is free again: whoever is woken finds it free. */
	struct qf_wake *(*fn)(struct duck_work *w);
	struct qf_list link;
};

struct duck_pool;

struct duck_pool *duck_pool_new(unsigned max);
struct duck_pool *duck_pool_free(struct duck_pool *p); /* runs what is queued, ends the threads; NULL is fine */
/* Borrows w until its fn has been called. Fails only when no thread can be made and none is there. */
int duck_pool_add(struct duck_pool *p, struct duck_work *w) qf_must_check;

struct duck_crew;

/* Borrows api and db until duck_crew_free(). No threads are made before they are wanted. */
struct duck_crew *duck_crew_new(const struct duck_api *api, duckdb_database db, unsigned n);
struct duck_crew *duck_crew_free(struct duck_crew *c);
void duck_crew_want(struct duck_crew *c, bool on);

/* Starts a thread with all signals blocked: they belong to the loop. */
int duck_thread_start(pthread_t *ret, void *(*fn)(void *arg), void *arg) qf_must_check;

#endif
