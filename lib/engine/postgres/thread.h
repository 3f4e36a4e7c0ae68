/*
 * One thread for calls that may block: names resolved, cancels sent. Work goes in on the loop thread, is run in order on
 * the thread and finished on the loop thread. The thread starts with the first work.
 */
#ifndef QF_ENGINE_POSTGRES_THREAD_H
#define QF_ENGINE_POSTGRES_THREAD_H

#include "qf/list.h"
#include "qf/loop.h"

struct pge_thread;

struct pge_work {
	struct qf_list link;
	void (*run)(struct pge_work *w);	 /* on the thread */
	void (*done)(struct pge_work *w); /* on the loop thread; frees it */
	void (*drop)(struct pge_work *w); /* in place of done after pge_thread_free(), on any thread; frees it */
};

int pge_thread_new(struct pge_thread **ret, struct qf_loop *loop, struct qf_err *reterr) qf_must_check;
/* Never waits for a call that blocks: the thread ends by itself when that returns. */
struct pge_thread *pge_thread_free(struct pge_thread *t);
/* Takes w. When it fails w is still the caller's. */
int pge_thread_add(struct pge_thread *t, struct pge_work *w) qf_must_check;

#endif
