/*
 * ZeroMQ sockets in the loop: see qf/loop.h.
 *
 * ZMQ_FD says that the I/O thread has posted commands to the socket, not that messages wait: any operation on
 * the socket, a send too, takes the commands in and makes the descriptor quiet while messages are left
 * (zmq_getsockopt(3), ZMQ_FD). So a source that was used is asked for ZMQ_EVENTS before the next sleep. From then
 * on, until it is used again, the descriptor stands for everything that is not known yet, and epoll may wait on it.
 * An ask costs two system calls, so a socket that nobody has used is left alone.
 */
#include <zmq.h>

#include "loop_private.h"

static void *tagged(struct qf_zsource *z)
{
	return (char *)z + 1;
}

/* An error counts as pending: the owner's receive meets the same error and can act on it. */
static bool has_messages(const struct qf_zsource *z)
{
	int events = 0;
	size_t n = sizeof(events);
	int r;

	do
		r = zmq_getsockopt(z->socket, ZMQ_EVENTS, &events, &n);
	while (r < 0 && errno == EINTR);
	return r < 0 || (events & ZMQ_POLLIN);
}

int qf_zsource_add(struct qf_loop *l, struct qf_zsource *z)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = tagged(z) };
	size_t n = sizeof(z->fd);

	qf_assert(z->fn && !z->active);
	if (zmq_getsockopt(z->socket, ZMQ_FD, &z->fd, &n) < 0 || epoll_ctl(l->epfd, EPOLL_CTL_ADD, z->fd, &ev) < 0)
		return -errno;
	z->active = true;
	z->asked = false;
	qf_list_append(&l->zused, &z->link);
	return 0;
}

void qf_zsource_del(struct qf_loop *l, struct qf_zsource *z)
{
	if (!z->active)
		return;
	z->active = false;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, z->fd, NULL);
	qf_loop_forget_event(l, tagged(z));
	qf_list_remove(&z->link);
}

static void move(struct qf_list *to, struct qf_zsource *z)
{
	qf_list_remove(&z->link);
	qf_list_append(to, &z->link);
}

static void ask(struct qf_loop *l, struct qf_zsource *z, struct qf_list *to_if_messages)
{
	z->asked = !has_messages(z);
	move(z->asked ? &l->zidle : to_if_messages, z);
}

void qf_zsource_used(struct qf_loop *l, struct qf_zsource *z)
{
	if (!z->active || !z->asked)
		return;
	z->asked = false;
	move(&l->zused, z);
}

bool qf_loop_ask_zsources(struct qf_loop *l)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &l->zused)
		ask(l, qf_container_of(it, struct qf_zsource, link), &l->zready);
	return !qf_list_empty(&l->zready);
}

void qf_loop_zsource_woken(struct qf_loop *l, struct qf_zsource *z)
{
	z->asked = false;
	move(&l->zready, z);
}

/*
 * Each ready source is called once and goes to the used ones first, so that its function may remove it. It is asked
 * before: for one that epoll woke a command need not be a message, and the ask quiets the descriptor.
 */
void qf_loop_run_zsources(struct qf_loop *l)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &l->zready)
		move(&l->zcalling, qf_container_of(it, struct qf_zsource, link));
	while (!qf_list_empty(&l->zcalling)) {
		struct qf_zsource *z = qf_container_of(l->zcalling.next, struct qf_zsource, link);

		ask(l, z, &l->zused);
		if (!z->asked)
			z->fn(z);
	}
}
