/*
 * A few threads for calls that may block: connecting, cancels. Work goes in on the loop thread, is run on a thread and
 * finished on the loop thread. A thread starts when all others are at work; one call that hangs holds up no other, and
 * how many may hang is bounded.
 */
#ifndef QF_ENGINE_POSTGRES_CREW_H
#define QF_ENGINE_POSTGRES_CREW_H

#include <stdbool.h>

#include "qf/list.h"
#include "qf/loop.h"

struct pge_crew;

struct pge_work {
	struct qf_list link;
	void (*run)(struct pge_work *w);	 /* on a thread */
	void (*done)(struct pge_work *w); /* on the loop thread; frees it */
	void (*drop)(struct pge_work *w); /* in place of done after pge_crew_free(), on any thread; frees it */
	bool left; /* the crew's: nobody waits for it any more */
};

int pge_crew_new(struct pge_crew **ret, struct qf_loop *loop, unsigned threads, struct qf_err *reterr) qf_must_check;
/* Never waits for a call that blocks: its thread ends by itself when that returns. */
struct pge_crew *pge_crew_free(struct pge_crew *c);
/* Takes w. QF_ELIMIT when so many calls hang that no thread is left for others; then w is still the caller's. */
int pge_crew_add(struct pge_crew *c, struct pge_work *w) qf_must_check;
/* Its result is not wanted any more: while it runs it counts as one that hangs. done comes as ever. */
void pge_crew_leave(struct pge_crew *c, struct pge_work *w);

#endif
