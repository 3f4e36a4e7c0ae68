/*
 * A breaker for one script: three failures that each cost a worker, within 10 s, open it for 5 s; then one
 * question is let through, and its outcome closes it or opens it again. Pure: the caller brings the time.
 */
#ifndef QF_ROUTE_BREAKER_H
#define QF_ROUTE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { QF_BREAKER_FAILURES = 3 };

enum qf_breaker_state { QF_BREAKER_CLOSED, QF_BREAKER_OPEN, QF_BREAKER_TESTING };

struct qf_breaker { /* {0} is closed */
	enum qf_breaker_state state;
	uint64_t failed_ns[QF_BREAKER_FAILURES]; /* a ring of the last ones; 0: none */
	unsigned next;
	uint64_t until_ns;
};

/* Whether the script may be asked now. True for an open one whose rest is over: that question is the test. */
bool qf_breaker_allows(struct qf_breaker *b, uint64_t now_ns);
void qf_breaker_good(struct qf_breaker *b);
bool qf_breaker_bad(struct qf_breaker *b, uint64_t now_ns); /* true: this opened it */
/* The question came to nothing: nobody waits for it any more, or no worker took it. */
void qf_breaker_unknown(struct qf_breaker *b, uint64_t now_ns);

#endif
