/*
 * A query on its way through the chain. Most are over before their message's handler returns; one that comes to a
 * script is suspended with a copy of its message until the answer is there. It is dropped when its listener dies
 * or asks for the stream again, and begins anew when the configuration changes: a route is stateless.
 */
#ifndef QF_ROUTE_PENDING_H
#define QF_ROUTE_PENDING_H

#include "service.h"

#define PAIRS_MAX 256 /* headers, and tags, of one session; the rest cannot matter to a rule by accident */

struct pending {
	struct qf_list link; /* in route->pending, while it is suspended */
	struct route *route;
	struct qf_peer *from;
	struct qf_msg m;
	struct qf_buf body; /* what m borrows from, once suspended */
	struct qf_arena *arena;
	struct qf_route_input in;
	struct qf_conf_kv headers[PAIRS_MAX], tags[PAIRS_MAX];
	struct qf_route_walk walk;
	struct qf_route_verdict verdict;
	uint64_t asked; /* id of the question to the script; 0: none */
	uint64_t begun_ns;
};

struct pending *pending_new(struct route *r);
struct pending *pending_free(struct pending *p);
/* From the first router on; p->m and p->from are set. Ends with answer(), or suspended. */
void pending_run(struct pending *p);
/* Around a change of chain or scripts: nothing of the old is touched after the first, all begin anew in the second. */
void pending_halt_all(struct route *r);
void pending_begin_all(struct route *r);
void pending_drop(struct pending *p); /* nobody wants its verdict any more */
/* All of that stream; stream 0: all of that peer; from NULL: all. */
void pending_drop_of(struct route *r, const struct qf_peer *from, uint64_t stream);

/* service.c: sends the verdict. p->verdict.group or .denied is set, or bounce says why it has none. */
void route_answer(struct pending *p, const char *bounce);

#endif
