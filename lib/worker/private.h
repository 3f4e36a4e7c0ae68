/* A pool and its workers as their own files see them: see qf/worker.h. */
#ifndef QF_WORKER_PRIVATE_H
#define QF_WORKER_PRIVATE_H

#include <sys/types.h>

#include "qf/map.h"
#include "qf/worker.h"

enum { FRAME_HEAD = 4, NUMBER_SIZE = 8, MAX_GREETING = 4096 };

struct request {
	struct qf_list link; /* in pool->waiting or pool->refused; in none while a worker has it */
	struct qf_worker_pool *pool;
	uint64_t id, number; /* id: for our caller; number: for the worker that has it now */
	unsigned about;
	struct qf_buf frame; /* without its head */
	struct qf_timer deadline;
	uint64_t asked_ns, deadline_ns;
	bool again; /* it has its deadline a second time */
	bool moved; /* it was given to a second worker, as the first one said something else */
	bool late;  /* its wait is over but for there being no worker */
	struct worker *worker;
	enum qf_worker_result result; /* of a refused one */
	qf_worker_fn fn;	      /* NULL: forgotten */
	void *arg;
};

/* A process that is being started, and what came of it. */
struct spawn {
	struct qf_list link; /* in one of the spawner's lists; in none once it is told */
	struct worker *worker;
	pid_t pid;
	int pidfd, sock; /* -1: it could not be started */
	struct qf_err err;
};

enum worker_state { WORKER_STARTING, WORKER_IDLE, WORKER_BUSY, WORKER_DYING };

struct worker {
	struct qf_list link; /* in pool->workers, until it is reaped */
	struct qf_worker_pool *pool;
	enum worker_state state;
	struct spawn spawn;
	pid_t pid; /* 0: not yet, or no more */
	struct qf_watch io, exit; /* exit.fd is a pidfd */
	struct qf_timer start, slow; /* slow: it is confined, then it becomes SCHED_IDLE */
	struct qf_task reap; /* frees it when no callback of its own can be running */
	struct qf_buf in;
	struct request *request;
	uint64_t last_number; /* of the request before */
	unsigned last_about;
	struct qf_buf head;	  /* of the request's frame */
	const struct qf_buf *out; /* on its way after the head: the pool's first frame, or the request's */
	size_t sent;		  /* bytes of both that the kernel took */
	uint64_t cpu_ns;    /* that it had used when it got the request */
	uint64_t looked_ns; /* when its memory was last asked for */
	bool answered;	    /* it has been of use */
	bool confined;	    /* to one processor */
	bool idle_class;    /* no way back from there: to be replaced */
	bool closed;	    /* its end of the socket is gone */
	bool struck;	    /* killed by us */
	bool sigkill;	    /* killed by somebody else */
	bool killed;	    /* ended by a signal that we did not send: no word on whether another can start */
	char text[400];	    /* why it could not start, or what ended it */
};

struct qf_worker_pool {
	struct qf_worker_opts o;
	struct spawner *spawner;
	struct qf_buf first; /* with its length */
	struct qf_list workers, waiting, refused;
	unsigned n_live, n_idle, n_busy, n_waiting; /* live: starting, idle or busy */
	bool was_ready, ending;
	bool down; /* starts fail: nothing is made to wait */
	unsigned failures; /* starts that failed in a row */
	struct qf_timer again, memory;
	struct qf_task refuse, tell;
	char failure[400]; /* for tell */
	uint64_t last_id;
	struct qf_map *requests;
};

/* worker.c: one process. */
void worker_new(struct qf_worker_pool *p);
void worker_spawned(struct spawn *s);
void worker_send(struct worker *w, struct request *r);
void worker_rest(struct worker *w); /* its request is answered */
void worker_kill(struct worker *w); /* it leaves the live ones at once and is reaped from the loop */
void worker_free(struct worker *w); /* waits for the process, if there is one: it has been killed */
bool worker_too_big(const struct worker *w);
bool worker_starved(const struct worker *w, uint64_t deadline_ns); /* runnable, and did not run */
bool worker_has_grown(struct worker *w); /* the same between requests, where it may cost little */

/* pool.c: what a worker reports. */
void pool_ready(struct worker *w);
void pool_answer(struct worker *w, struct qf_slice answer);
/* It said what nobody asked for; late: an answer to the request that it has answered already. */
void pool_stray(struct worker *w, bool late);
/* Called once a worker that was live is not any more; its request, if any, fails with result. */
void pool_lost(struct worker *w, enum worker_state was, enum qf_worker_result result);

/* spawn.c: tells fn of each on the loop, in the order of asking. */
int spawner_new(struct spawner **ret, struct qf_loop *l, const char *const *argv, const char *const *env,
		void (*fn)(struct spawn *s), struct qf_err *reterr) qf_must_check;
void spawner_ask(struct spawner *sp, struct spawn *s);
/* No process is started after this; it ends those that it started. What was not told is told; what was not begun is dropped. */
struct spawner *spawner_free(struct spawner *sp);

/* sched.c */
void sched_give_way(pid_t pid);
void sched_confine(pid_t pid, bool on);
void sched_idle(pid_t pid);

#endif
