/*
 * The routing chain: the configuration's routers, compiled, and a walk along them that judges a statement.
 *
 * Explain and the service make the same walk. Where it comes to a script it stops, and goes on with the script's
 * answer; what lies between is its owner's business. Routers are asked in order and the first that
 * matches decides; then routingFallback. A rule whose group is disabled does not match. A pattern that gives
 * up is never "no": for a rule that denies the statement is refused, for one that routes the reason says so.
 *
 * A pinned group (a transaction that runs) fixes the group, never the verdict: a rule that would route to
 * another group is not taken, so it cannot shield the statement from a rule behind it that denies; a rule
 * that routes to the pinned group ends the chain as it would without the pin; no match means the pinned group.
 *
 * A group that the user may not use (its `authorization`) is a refusal where a rule leads there; where none matched it
 * is the first group of the configuration that the user may use.
 *
 * A script that gives no usable answer does not match, or with onError: fail refuses the statement.
 *
 * A chain borrows the configuration and belongs to one thread. What a verdict points to lives in the
 * configuration and in the arena given, which live as long as the walk.
 */
#ifndef QF_ROUTE_CHAIN_H
#define QF_ROUTE_CHAIN_H

#include "qf/arena.h"
#include "qf/conf.h"
#include "script.h"

struct qf_chain;

struct qf_route_input {
	enum qf_frontend frontend;
	const char *user, *database, *schema, *client, *time_zone; /* may be NULL */
	enum qf_dialect dialect;				    /* of the statement; NONE: not known */
	const struct qf_conf_kv *headers;
	size_t n_headers;
	const struct qf_conf_kv *tags; /* value NULL: a tag without one */
	size_t n_tags;
	struct qf_slice sql;		    /* one statement as it was sent */
	struct qf_slice whole;		    /* the text that sql is part of, for places in reasons; NONE: sql */
	const struct qf_conf_group *pinned; /* NULL: none */
	bool want_reasons;		    /* fill steps; the service leaves it off */
};

struct qf_script_run { /* one script that was asked, or should have been */
	size_t index;  /* of its router, from 1 */
	enum qf_script_outcome outcome;
	const char *text;    /* a failure's description; NULL: none */
	const char *printed; /* what it printed; NULL: nothing */
	uint32_t line;
	uint64_t ns;
};

struct qf_route_step { /* one router */
	const char *router; /* its type */
	size_t index;	    /* from 1, as in the file */
	bool matched;
	const char *reason;
	uint64_t ns;
	const struct qf_script_run *script; /* NULL: none ran */
};

struct qf_route_verdict {
	const struct qf_conf_group *group; /* NULL: refused */
	bool denied;
	bool fallback;	     /* no rule matched */
	bool broken;	     /* denied because a script gave no answer (onError: fail) */
	bool unauthorized;   /* denied because the user may not use the group that was decided on */
	const char *message; /* denied: what the client is told */
	/* The deciding rule: router's type or "routingFallback", its number and the rule's in it; from 1, 0 = none. */
	const char *router;
	size_t index, rule;
	const struct qf_route_step *steps; /* every router, with want_reasons */
	size_t n_steps;
	const struct qf_script_run *scripts; /* in the order of asking */
	size_t n_scripts;
};

struct qf_route_walk { /* one statement on its way; storage is the caller's, who need not undo it */
	struct qf_chain *chain;
	struct qf_match *match;
	struct qf_route_verdict *verdict;
	struct qf_arena *arena;
	struct qf_route_step *steps; /* NULL: nobody wants reasons */
	struct qf_script_run *scripts;
	size_t at;
};

/* Compiles every pattern. NULL with text when one does not compile. */
struct qf_chain *qf_chain_new(const struct qf_conf *conf, struct qf_err *reterr);
struct qf_chain *qf_chain_free(struct qf_chain *c); /* NULL is fine; returns NULL */
/*
 * NULL: *ret is the verdict. Else the pythonScript router whose answer is needed: qf_chain_go_on() with it. Input,
 * verdict and arena are borrowed until the walk ends; one that is given up needs nothing.
 */
const struct qf_conf_router *qf_chain_begin(struct qf_route_walk *w, struct qf_chain *c,
					    const struct qf_route_input *in, struct qf_route_verdict *ret,
					    struct qf_arena *arena);
const struct qf_conf_router *qf_chain_go_on(struct qf_route_walk *w, const struct qf_script_answer *answer);

#endif
