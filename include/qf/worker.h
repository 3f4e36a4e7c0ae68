/*
 * Worker processes: supervised children that run foreign code (Python) away from the loop.
 *
 * A pool keeps `count` workers warm plus one spare. A request goes to an idle worker over a socketpair as
 * one frame [u32 length][u64 number][bytes]; the answer comes back the same way, with the number of its request. The
 * number is random: foreign code that writes frames of its own to the socket cannot know those of later requests. A worker
 * that says anything that is no answer to the request it holds is ended; a request that it held then, and that need not be
 * the reason, goes to another worker once. Each request has a deadline: an
 * overrun, a crash, a malformed answer or memory beyond the limit ends that worker (SIGKILL), fails only
 * that request, and the spare takes its place at once while a new spare starts. Requests beyond the idle
 * workers wait in order. A deadline counts from the request; one that passes while the request still waits for
 * a worker says so, because then nobody has looked at it. All on one loop thread.
 *
 * For short deadlines there is fair_ns: then the deadline is first the longest wait for a worker and counts anew
 * when one takes the request; while no worker is alive at all it does not count, up to fair_ns (they were all
 * killed) or start_ns (none was ever ready); and a worker that wants to run but had hardly any processor time gets
 * it once more.
 */
#ifndef QF_WORKER_H
#define QF_WORKER_H

#include "qf/buf.h"
#include "qf/loop.h"

struct qf_worker_pool;

struct qf_worker_opts {
	struct qf_loop *loop;
	const char *const *argv; /* argv[0] is a path; borrowed. The child has the socket as descriptor 3. */
	const char *const *env;	 /* of the child, borrowed; NULL: this process's */
	struct qf_slice first;	 /* sent as one frame to each worker before its greeting; copied. p NULL: nothing */
	uint64_t start_ns;	 /* longest way to READY; 0: 30 s */
	/*
	 * A request that takes more processor time goes on in SCHED_IDLE, and its worker is replaced after it; 0: never.
	 * Not from the start: on a busy machine an idle process waits for hundreds of milliseconds before it runs at all.
	 * After a tenth of that time it is confined to one processor until it is answered, as a worker is that starts: the
	 * others stay free. And from the start a worker gives way to whatever wakes up (sched.c).
	 */
	uint64_t idle_after_ns;
	uint64_t fair_ns; /* see above; 0: off */
	unsigned count;		 /* busy at most; one spare more is kept warm, unless: */
	bool no_spare;
	bool gentle;		 /* workers start one after the other: a start takes a core for some time */
	size_t max_answer;	 /* bytes */
	size_t max_rss;		 /* bytes; a larger idle worker is replaced */
	unsigned max_pending;	 /* waiting requests; more fail with QF_ELIMIT */
	const char *name;	 /* in logs */
	void (*on_ready)(void *arg); /* the first worker said READY */
	/*
	 * A worker was ended because it said what nobody asked for. last: what the request that it answered last was about.
	 * sure: that one's code did it; else it may have been the code of the request after it, which will be seen: that
	 * one is asked again. From the loop; it must not free the pool. May be NULL.
	 */
	void (*on_stray)(void *arg, unsigned last, bool sure, int pid);
	/* The first worker could not start: text is its READY refusal or its exit. May be NULL. */
	void (*on_failed)(void *arg, const char *text);
	void *arg;
};

enum qf_worker_result {
	QF_WORKER_OK,
	QF_WORKER_DEADLINE, /* the worker had it and was too slow */
	QF_WORKER_LATE,	    /* it still waited for a worker */
	QF_WORKER_CRASHED,  /* answer: what is known of the worker's end, as text; may be empty */
	QF_WORKER_KILLED,   /* the same, but by a SIGKILL that was not ours: the system or an operator */
	QF_WORKER_MALFORMED, /* the worker said what is no answer to it */
	QF_WORKER_BUSY, /* too many waiting */
	QF_WORKER_DOWN, /* no worker can be started */
};

typedef void (*qf_worker_fn)(void *arg, enum qf_worker_result result, struct qf_slice answer);

int qf_worker_pool_new(struct qf_worker_pool **ret, const struct qf_worker_opts *opts, struct qf_err *reterr)
	qf_must_check;
struct qf_worker_pool *qf_worker_pool_free(struct qf_worker_pool *p); /* kills and reaps */
/* Returns an id for qf_worker_forget(). fn is called once, from the loop, never from inside this call; it may ask again
 * but must not free the pool. about: the caller's own number for on_stray. */
uint64_t qf_worker_request(struct qf_worker_pool *p, struct qf_slice request, unsigned about, uint64_t deadline_ns,
			   qf_worker_fn fn, void *arg);
void qf_worker_forget(struct qf_worker_pool *p, uint64_t id); /* fn will not be called */

#endif
