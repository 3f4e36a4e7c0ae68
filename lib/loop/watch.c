/* Descriptors: see qf/loop.h. Level-triggered unless the owner asks for EPOLLET. */
#include "loop_private.h"

int qf_watch_add(struct qf_loop *l, struct qf_watch *w)
{
	struct epoll_event ev = { .events = w->events, .data.ptr = w };

	qf_assert(w->fn && !w->active);
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return -errno;
	w->active = true;
	return 0;
}

void qf_watch_mod(struct qf_loop *l, struct qf_watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w->events == events)
		return;
	w->events = events;
	if (!w->active)
		return;
	/* Fails only for a descriptor that was closed before qf_watch_del(). */
	qf_assert(epoll_ctl(l->epfd, EPOLL_CTL_MOD, w->fd, &ev) == 0);
}

void qf_watch_del(struct qf_loop *l, struct qf_watch *w)
{
	if (!w->active)
		return;
	w->active = false;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	qf_loop_forget_event(l, w);
}
