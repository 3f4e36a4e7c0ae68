/* See preface.h. */
#include "preface.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qf/clock.h"
#include "qf/log.h"

enum { MAX_WAITING = 1024 }; /* a proxy sends it at once */

#define LIMIT_NS (10 * QF_SEC)

struct waiting {
	struct qf_acceptor *acceptor;
	struct qf_list link;
	struct qf_watch watch;
	struct qf_timer timer;
	struct qf_task reap;
	struct qf_buf got;
	char name[QF_CLIENT_NAME];
};

static void on_reap(struct qf_task *t)
{
	struct waiting *w = qf_container_of(t, struct waiting, reap);

	qf_buf_fini(&w->got);
	free(w);
}

/* Its memory stays up to the end of the turn; the descriptor is the caller's. */
static int leave(struct waiting *w)
{
	struct qf_loop *loop = w->acceptor->loop;

	qf_watch_del(loop, &w->watch);
	qf_timer_stop(loop, &w->timer);
	qf_list_remove(&w->link);
	w->acceptor->n_prefaced--;
	qf_task_add(loop, &w->reap);
	return w->watch.fd;
}

/* False when no more can be read now. Never reads beyond the preface: what follows is the owner's. */
static bool read_up_to(struct waiting *w, size_t need)
{
	size_t room = need - w->got.n;
	ssize_t n = recv(w->watch.fd, qf_buf_reserve(&w->got, room), room, MSG_DONTWAIT);

	if (n > 0) {
		w->got.n += (size_t)n;
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close(leave(w));
	return false;
}

static void on_event(struct qf_watch *watch, uint32_t events)
{
	struct waiting *w = qf_container_of(watch, struct waiting, watch);
	struct qf_acceptor *a = w->acceptor;
	struct qf_err err = { 0 };
	size_t need = 1;

	(void)events;
	for (;;) {
		int rc = a->preface->read(qf_buf_slice(&w->got), &need, w->name, &err);

		if (rc < 0) {
			qf_debug("client %s: %s", w->name, err.text);
			close(leave(w));
			return;
		}
		if (need <= w->got.n)
			break;
		if (!read_up_to(w, need))
			return;
	}
	a->fn(a, leave(w), w->name);
}

static void on_timer(struct qf_timer *t)
{
	struct waiting *w = qf_container_of(t, struct waiting, timer);

	qf_debug("client %s: no preface came", w->name);
	close(leave(w));
}

void preface_wait(struct qf_acceptor *a, int fd, const char *name)
{
	struct waiting *w = qf_xcalloc(1, sizeof(*w));

	w->acceptor = a;
	w->watch = (struct qf_watch){ .fd = fd, .events = EPOLLIN, .fn = on_event };
	w->timer.fn = on_timer;
	w->reap.fn = on_reap;
	snprintf(w->name, sizeof(w->name), "%s", name);
	if (a->n_prefaced >= MAX_WAITING || qf_watch_add(a->loop, &w->watch) < 0) {
		close(fd);
		free(w);
		return;
	}
	qf_list_append(&a->prefaced, &w->link);
	a->n_prefaced++;
	qf_timer_set(a->loop, &w->timer, LIMIT_NS);
}

void preface_drop_all(struct qf_acceptor *a)
{
	while (!qf_list_empty(&a->prefaced))
		close(leave(qf_container_of(a->prefaced.next, struct waiting, link)));
}
