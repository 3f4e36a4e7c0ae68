/*
 * A listening stream socket on the loop: each new connection goes to its owner, non-blocking and with the client's name.
 *
 * At most 64 a turn, so that a storm of clients leaves time for the others. When descriptors run out nothing is
 * accepted for 100 ms: the connection stays in the kernel's queue and would wake the loop for ever. Embedded in its owner;
 * one loop thread.
 *
 * A preface is what a proxy in between puts before the client's own bytes: it is read here, within 10 s and not a byte
 * further, and the owner is given the connection under the client's name.
 */
#ifndef QF_ACCEPT_H
#define QF_ACCEPT_H

#include "qf/buf.h"
#include "qf/loop.h"

enum { QF_CLIENT_NAME = 64 }; /* bytes, with the NUL */

struct qf_preface {
	bool (*expected)(void *arg, const char *name); /* of the connection from there */
	/*
	 * 0, and *ret_need says how long it is, as far as is known: more than got.n, read on; else it is whole, and name was
	 * made the client's. Negative: there is none, the connection is closed.
	 */
	int (*read)(struct qf_slice got, size_t *ret_need, char name[QF_CLIENT_NAME], struct qf_err *reterr);
	void *arg;
};

struct qf_acceptor {
	struct qf_loop *loop;
	const struct qf_preface *preface; /* set by the owner after the open; NULL: none is read */
	struct qf_list prefaced;	  /* connections whose preface is on its way */
	size_t n_prefaced;
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
