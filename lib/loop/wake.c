/*
 * Waking the loop from other threads: see qf/loop.h.
 *
 * The flag keeps all but the first post out of the kernel. It is lowered before fn runs, and both sides
 * exchange it: what a poster did before a post that found the flag up is seen by that fn. The eventfd is
 * watched edge-triggered, so that its counter need not be read back: each write is an event of its own.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop_private.h"
#include "qf/buf.h"

struct qf_wake {
	struct qf_loop *loop;
	struct qf_watch watch;
	_Atomic bool posted;
	void (*fn)(void *arg);
	void *arg;
};

static void woken(struct qf_watch *watch, uint32_t events)
{
	struct qf_wake *w = qf_container_of(watch, struct qf_wake, watch);

	(void)events;
	if (atomic_exchange(&w->posted, false))
		w->fn(w->arg);
}

int qf_wake_new(struct qf_wake **ret, struct qf_loop *l, void (*fn)(void *arg), void *arg)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	struct qf_wake *w = qf_xcalloc(1, sizeof(*w));

	w->loop = l;
	w->watch = (struct qf_watch){ .fd = fd, .events = EPOLLIN | EPOLLET, .fn = woken };
	w->fn = fn;
	w->arg = arg;
	int r = qf_watch_add(l, &w->watch);

	if (r < 0) {
		close(fd);
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct qf_wake *qf_wake_free(struct qf_wake *w)
{
	if (!w)
		return NULL;
	qf_watch_del(w->loop, &w->watch);
	close(w->watch.fd);
	free(w);
	return NULL;
}

void qf_wake_post(struct qf_wake *w)
{
	static const uint64_t one = 1;
	ssize_t n;

	if (atomic_exchange(&w->posted, true))
		return;
	do
		n = write(w->watch.fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	qf_assert(n == (ssize_t)sizeof(one));
}
