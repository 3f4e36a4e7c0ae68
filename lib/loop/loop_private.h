/* The loop as its own files see it: see qf/loop.h. */
#ifndef QF_LOOP_PRIVATE_H
#define QF_LOOP_PRIVATE_H

#include <sys/epoll.h>

#include "qf/clock.h"
#include "qf/loop.h"

enum { QF_LOOP_EVENTS = 64, QF_LOOP_SIGNALS = 65 };
#define QF_LOOP_GAP_NS QF_SEC /* later than this, the process was not running */

struct qf_signal {
	void (*fn)(int signo, void *arg);
	void *arg;
};

struct qf_loop {
	int epfd;
	bool running, stopping;
	bool coarse; /* the kernel has no epoll_pwait2 */
	uint64_t now_ns, turns;
	uint64_t lost_ns; /* in which the process did not run */

	/* What epoll reported this turn; at .. n_events are still to be called. */
	struct epoll_event events[QF_LOOP_EVENTS];
	int at, n_events;

	struct qf_timer **heap; /* from 1 to n_timers */
	size_t n_timers, heap_cap;
	uint64_t timer_seq;

	/* A source is in exactly one of these: asked and empty, to be asked, has messages, being called this turn. */
	struct qf_list zidle, zused, zready, zcalling;

	struct qf_list tasks, tasks_now;

	struct qf_watch signal_watch;
	struct qf_signal signals[QF_LOOP_SIGNALS];
};

/* In epoll_event.data an odd address is that of a zsource + 1, an even one that of a watch. */
void qf_loop_forget_event(struct qf_loop *l, const void *tagged);

void qf_loop_run_timers(struct qf_loop *l);

/* Asks the sources that were used; true when one is ready. Runs no callback. */
bool qf_loop_ask_zsources(struct qf_loop *l);
void qf_loop_zsource_woken(struct qf_loop *l, struct qf_zsource *z);
void qf_loop_run_zsources(struct qf_loop *l);

#endif
