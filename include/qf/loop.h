/*
 * The event loop: epoll for descriptors, a min-heap of timers, signals by signalfd, ZeroMQ sockets as
 * sources that are asked for ZMQ_EVENTS after every wake-up and, when they were used, before the next sleep
 * (ZMQ_FD is edge-triggered). One loop, one thread. The only call for other threads is qf_wake_post().
 *
 * Watch, timer, zsource and task structures are embedded in their owner's structure; the owner removes
 * them before it frees itself. A callback may remove any watch, its own included, at any time; memory
 * that a running callback may still look at is freed through qf_task (runs at the end of the turn).
 */
#ifndef QF_LOOP_H
#define QF_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qf/err.h"
#include "qf/list.h"

struct qf_loop;

struct qf_watch {
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT, EPOLLRDHUP */
	void (*fn)(struct qf_watch *w, uint32_t events);
	bool active;
};

struct qf_timer {
	uint64_t at_ns; /* monotonic */
	void (*fn)(struct qf_timer *t);
	size_t heap_pos; /* 0 = not armed */
	uint64_t seq;	 /* the loop's: equal times run in the order of arming */
};

struct qf_zsource {
	void *socket;
	int fd;
	/* Called when messages can be received; reads up to its budget with ZMQ_DONTWAIT. */
	void (*fn)(struct qf_zsource *z);
	struct qf_list link;
	bool active;
	bool asked; /* the loop's: it said "nothing to receive" and was not used since */
};

struct qf_task {
	void (*fn)(struct qf_task *t);
	struct qf_list link;
	bool queued;
};

int qf_loop_new(struct qf_loop **ret, struct qf_err *reterr) qf_must_check;
/* Runs the tasks still queued, so that teardown may free through them too. Everything else is removed before. */
struct qf_loop *qf_loop_free(struct qf_loop *l);
/* Runs until qf_loop_stop(). Returns 0, or a negative code if epoll itself failed. */
int qf_loop_run(struct qf_loop *l) qf_must_check;
void qf_loop_stop(struct qf_loop *l);
/*
 * Nanoseconds, monotonic, read once a turn (outside qf_loop_run(): read anew). Timers go by it too. Time in which the
 * process was stopped, or a callback blocked it, for more than a second does not count.
 */
uint64_t qf_loop_now(const struct qf_loop *l);
/* Turns so far; the watchdog looks whether this moves. */
uint64_t qf_loop_turns(const struct qf_loop *l);

/*
 * w->fd, w->events and w->fn are set by the caller; the structure is borrowed until qf_watch_del(), which comes
 * before close(w->fd). epoll reports EPOLLERR and EPOLLHUP always, for events = 0 too: a function that is told
 * so and keeps the watch is called again each turn. Add fails with -errno and changes nothing.
 */
int qf_watch_add(struct qf_loop *l, struct qf_watch *w) qf_must_check;
void qf_watch_mod(struct qf_loop *l, struct qf_watch *w, uint32_t events);
void qf_watch_del(struct qf_loop *l, struct qf_watch *w); /* harmless when not added; does not close fd */

/* A delay of 0 is the next turn, never this one. Timers due together run by time, then by order of arming. */
void qf_timer_set(struct qf_loop *l, struct qf_timer *t, uint64_t delay_ns); /* re-arms when armed */
void qf_timer_stop(struct qf_loop *l, struct qf_timer *t);
bool qf_timer_armed(const struct qf_timer *t);

/* z->socket and z->fn are set by the caller; borrowed until qf_zsource_del(), which comes before zmq_close(). */
int qf_zsource_add(struct qf_loop *l, struct qf_zsource *z) qf_must_check;
void qf_zsource_del(struct qf_loop *l, struct qf_zsource *z);
/*
 * The socket was used outside its own fn: a send, an option. Any use may take the edge of ZMQ_FD, and a socket
 * that is not asked then keeps its messages for ever.
 */
void qf_zsource_used(struct qf_loop *l, struct qf_zsource *z);

/* Runs fn once at the end of this turn (or of the next, when called outside a turn). */
void qf_task_add(struct qf_loop *l, struct qf_task *t);
void qf_task_del(struct qf_loop *l, struct qf_task *t);

/*
 * Blocks signo in this thread and calls fn from the loop. Call before any thread is started. It stays blocked
 * after qf_loop_free(), and a program started by exec inherits that: whoever forks sets the mask back.
 */
int qf_loop_signal(struct qf_loop *l, int signo, void (*fn)(int signo, void *arg), void *arg) qf_must_check;

/*
 * Another thread has something for the loop: fn runs on the loop thread soon after qf_wake_post().
 * Many posts may become one call. Thread safe.
 */
struct qf_wake;
int qf_wake_new(struct qf_wake **ret, struct qf_loop *l, void (*fn)(void *arg), void *arg) qf_must_check;
struct qf_wake *qf_wake_free(struct qf_wake *w); /* on the loop thread, when nobody posts any more */
void qf_wake_post(struct qf_wake *w);

#endif
