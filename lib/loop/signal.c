/* Signals by signalfd(2): see qf/loop.h. One descriptor for all of them; its mask is the set of handlers. */
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loop_private.h"

static void read_signals(struct qf_watch *w, uint32_t events)
{
	struct qf_loop *l = qf_container_of(w, struct qf_loop, signal_watch);
	struct signalfd_siginfo info[8];
	ssize_t n = read(w->fd, info, sizeof(info));

	(void)events;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
		uint32_t signo = info[i].ssi_signo;

		if (signo < QF_LOOP_SIGNALS && l->signals[signo].fn)
			l->signals[signo].fn((int)signo, l->signals[signo].arg);
	}
}

static void handled_set(const struct qf_loop *l, int more, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, more);
	for (int i = 1; i < QF_LOOP_SIGNALS; i++)
		if (l->signals[i].fn)
			sigaddset(set, i);
}

static int watch_signals(struct qf_loop *l, const sigset_t *set)
{
	struct qf_watch *w = &l->signal_watch;
	int fd = signalfd(w->fd, set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (w->active)
		return 0;
	*w = (struct qf_watch){ .fd = fd, .events = EPOLLIN, .fn = read_signals };
	int r = qf_watch_add(l, w);

	if (r < 0) {
		close(fd);
		w->fd = -1;
	}
	return r;
}

int qf_loop_signal(struct qf_loop *l, int signo, void (*fn)(int signo, void *arg), void *arg)
{
	sigset_t set, one;

	if (signo < 1 || signo >= QF_LOOP_SIGNALS || signo == SIGKILL || signo == SIGSTOP || !fn)
		return -EINVAL;
	handled_set(l, signo, &set);
	sigemptyset(&one);
	sigaddset(&one, signo);
	int r = -pthread_sigmask(SIG_BLOCK, &one, NULL);

	if (r == 0)
		r = watch_signals(l, &set);
	if (r == 0)
		l->signals[signo] = (struct qf_signal){ .fn = fn, .arg = arg };
	return r;
}
