/*
 * The scripts of a configuration at work: a pool of sealed worker processes that all have every script, a breaker
 * for each script. The service and --explain use the same. One loop thread.
 *
 * Workers compile the scripts when they start, so a set of scripts is good once the first worker is ready; a
 * question asked before waits for that. Another configuration with the same texts goes on with the same workers.
 */
#ifndef QF_ROUTE_SCRIPTS_H
#define QF_ROUTE_SCRIPTS_H

#include "chain.h"
#include "qf/loop.h"

struct qf_scripts;

struct qf_scripts_opts {
	struct qf_loop *loop;
	const struct qf_conf *conf; /* borrowed; see qf_scripts_adopt() */
	unsigned workers;	    /* busy at most */
	bool alone;		    /* each question for itself: no breaker, no spare worker (--explain) */
	void (*on_known)(void *arg); /* whether the scripts are good: see qf_scripts_state() */
	void *arg;
};

/* Borrows the answer for the call. It may ask again, but must not free the scripts. */
typedef void (*qf_script_fn)(void *arg, const struct qf_script_answer *answer);

bool qf_scripts_needed(const struct qf_conf *conf); /* has any */
int qf_scripts_new(struct qf_scripts **ret, const struct qf_scripts_opts *o, struct qf_err *reterr) qf_must_check;
struct qf_scripts *qf_scripts_free(struct qf_scripts *s); /* questions not answered are forgotten */
/*
 * 1: they are good. 0: not known yet. Else *reterr says what is wrong: QF_ECONFIG and the place in the script, or
 * another code when no worker could be started.
 */
int qf_scripts_state(const struct qf_scripts *s, struct qf_err *reterr);
bool qf_scripts_same(const struct qf_scripts *s, const struct qf_conf *conf);
/* Goes on with a configuration of the same texts. No question may be open. */
void qf_scripts_adopt(struct qf_scripts *s, const struct qf_conf *conf);

/*
 * Asks the script of a router. 0: *ret has the answer already (one of our own: breaker, too many). Else an id for
 * qf_scripts_forget(), and fn is called once, from the loop, never from inside this call.
 */
uint64_t qf_scripts_ask(struct qf_scripts *s, const struct qf_conf_router *r, const struct qf_route_input *in,
			qf_script_fn fn, void *arg, struct qf_script_answer *ret);
void qf_scripts_forget(struct qf_scripts *s, uint64_t id); /* fn will not be called */

#endif
