/*
 * A listening stream socket on the loop: each new connection goes to its owner, non-blocking and with the client's name.
 *
 * At most 64 a turn, so that a storm of clients leaves time for the others. When descriptors run out nothing is
 * accepted for 100 ms: the connection stays in the kernel's queue and would wake the loop for ever. Embedded in its owner;
 * one loop thread.
 */
#ifndef QF_ACCEPT_H
#define QF_ACCEPT_H

#include "qf/loop.h"

struct qf_acceptor {
	struct qf_loop *loop;
	struct qf_watch watch;
	struct qf_timer retry;
	bool paused;
	/* Owns fd from here on. name is "127.0.0.1:40312" or "local", for the call. May pause or close the acceptor. */
	void (*fn)(struct qf_acceptor *a, int fd, const char *name);
};

/* Takes over fd, listening and non-blocking, when it succeeds; fails with -errno. */
int qf_acceptor_open(struct qf_acceptor *a, struct qf_loop *loop, int fd,
		     void (*fn)(struct qf_acceptor *a, int fd, const char *name)) qf_must_check;
/* Clients wait in the kernel's queue meanwhile. Harmless when closed. */
void qf_acceptor_pause(struct qf_acceptor *a, bool paused);
void qf_acceptor_close(struct qf_acceptor *a); /* closes fd; harmless when closed */
/* The TCP port that a socket is bound to; 0: none. What was handed over may be bound elsewhere than was configured. */
unsigned qf_bound_port(int fd);

#endif
