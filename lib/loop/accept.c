/* See qf/accept.h. */
#include "preface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qf/clock.h"

enum { ACCEPTS_PER_TURN = 64 };

#define RETRY_NS (100 * QF_MS)

static void peer_name(const struct sockaddr_storage *ss, char name[QF_CLIENT_NAME])
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;

		inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		snprintf(name, QF_CLIENT_NAME, "%s:%u", ip, ntohs(in->sin_port));
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)ss;

		inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		snprintf(name, QF_CLIENT_NAME, "[%s]:%u", ip, ntohs(in6->sin6_port));
	} else {
		snprintf(name, QF_CLIENT_NAME, "local");
	}
}

static void on_event(struct qf_watch *w, uint32_t events)
{
	struct qf_acceptor *a = qf_container_of(w, struct qf_acceptor, watch);

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN && w->fd >= 0 && !a->paused; i++) {
		struct sockaddr_storage ss = { 0 };
		socklen_t n = sizeof(ss);
		char name[QF_CLIENT_NAME];
		int fd = accept4(w->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			peer_name(&ss, name);
			if (a->preface && a->preface->expected(a->preface->arg, name))
				preface_wait(a, fd, name);
			else
				a->fn(a, fd, name);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			qf_watch_del(a->loop, w);
			qf_timer_set(a->loop, &a->retry, RETRY_NS);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void on_retry(struct qf_timer *t)
{
	struct qf_acceptor *a = qf_container_of(t, struct qf_acceptor, retry);

	if (qf_watch_add(a->loop, &a->watch) < 0)
		qf_timer_set(a->loop, t, RETRY_NS);
}

int qf_acceptor_open(struct qf_acceptor *a, struct qf_loop *loop, int fd,
		     void (*fn)(struct qf_acceptor *a, int fd, const char *name))
{
	int r;

	*a = (struct qf_acceptor){ .loop = loop, .fn = fn, .retry.fn = on_retry };
	qf_list_init(&a->prefaced);
	a->watch = (struct qf_watch){ .fd = fd, .events = EPOLLIN, .fn = on_event };
	r = qf_watch_add(loop, &a->watch);
	if (r < 0)
		a->watch.fd = -1;
	return r;
}

void qf_acceptor_pause(struct qf_acceptor *a, bool paused)
{
	if (a->watch.fd < 0 || a->paused == paused)
		return;
	a->paused = paused;
	qf_watch_mod(a->loop, &a->watch, paused ? 0 : EPOLLIN);
}

void qf_acceptor_close(struct qf_acceptor *a)
{
	if (a->watch.fd < 0)
		return;
	preface_drop_all(a);
	qf_watch_del(a->loop, &a->watch);
	qf_timer_stop(a->loop, &a->retry);
	close(a->watch.fd);
	a->watch.fd = -1;
}

unsigned qf_bound_port(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
		return 0;
	if (ss.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)(void *)&ss)->sin_port);
	return ss.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)(void *)&ss)->sin6_port) : 0;
}
