/*
 * The turn: see qf/loop.h.
 *
 * A turn asks the ZeroMQ sources, sleeps unless something is left to do, and then runs timers, descriptors,
 * sources and tasks, in this order. Each part is bounded: one batch of events, the timers due at the turn's
 * time, one call for each ready source, the tasks queued before the first of them ran.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "loop_private.h"
#include "qf/buf.h"
#include "qf/clock.h"

int qf_loop_new(struct qf_loop **ret, struct qf_err *reterr)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return qf_err_set(reterr, -errno, "epoll_create1: %s", qf_strerror(-errno));
	struct qf_loop *l = qf_xcalloc(1, sizeof(*l));

	l->epfd = fd;
	l->signal_watch.fd = -1;
	qf_list_init(&l->zidle);
	qf_list_init(&l->zused);
	qf_list_init(&l->zready);
	qf_list_init(&l->zcalling);
	qf_list_init(&l->tasks);
	qf_list_init(&l->tasks_now);
	*ret = l;
	return 0;
}

static void move_all(struct qf_list *to, struct qf_list *from)
{
	if (qf_list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	qf_list_init(from);
}

static void run_tasks(struct qf_loop *l)
{
	move_all(&l->tasks_now, &l->tasks);
	while (!qf_list_empty(&l->tasks_now)) {
		struct qf_task *t = qf_container_of(l->tasks_now.next, struct qf_task, link);

		qf_task_del(l, t);
		t->fn(t);
	}
}

struct qf_loop *qf_loop_free(struct qf_loop *l)
{
	if (!l)
		return NULL;
	qf_assert(!l->running);
	/* Teardown frees through tasks too, and one may queue the next; a task that never ends is left alone. */
	for (int i = 0; i < 100 && !qf_list_empty(&l->tasks); i++)
		run_tasks(l);
	if (l->signal_watch.fd >= 0)
		close(l->signal_watch.fd);
	close(l->epfd);
	free(l->heap);
	free(l);
	return NULL;
}

static uint64_t clock_ns(const struct qf_loop *l)
{
	return qf_mono_ns() - l->lost_ns;
}

/*
 * A process that was stopped (SIGSTOP, a host that had no time for it) finds every deadline over and the answers
 * that came in time unread. So what goes far beyond the expected moment is no time for the timers.
 */
static void skip_gap(struct qf_loop *l, uint64_t expected)
{
	uint64_t now = clock_ns(l);

	if (now > expected && now - expected > QF_LOOP_GAP_NS)
		l->lost_ns += now - expected;
}

static uint64_t sleep_ns(struct qf_loop *l)
{
	if (!qf_list_empty(&l->tasks) || qf_loop_ask_zsources(l))
		return 0;
	if (l->n_timers == 0)
		return UINT64_MAX;
	uint64_t at = l->heap[1]->at_ns;
	uint64_t now = clock_ns(l);

	return at > now ? at - now : 0;
}

static int wait_coarse(struct qf_loop *l, uint64_t ns)
{
	uint64_t ms = ns / QF_MS + (ns % QF_MS != 0);
	int timeout = ns == UINT64_MAX ? -1 : ms > 1000000 ? 1000000 : (int)ms;

	return epoll_wait(l->epfd, l->events, QF_LOOP_EVENTS, timeout);
}

static int wait_fine(struct qf_loop *l, uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / QF_SEC), .tv_nsec = (long)(ns % QF_SEC) };

	return epoll_pwait2(l->epfd, l->events, QF_LOOP_EVENTS, ns == UINT64_MAX ? NULL : &ts, NULL);
}

/* A kernel before 5.11 has no epoll_pwait2 (ENOSYS); an old system call filter says EPERM. */
static int wait_events(struct qf_loop *l, uint64_t ns)
{
	int n = l->coarse ? wait_coarse(l, ns) : wait_fine(l, ns);

	if (n < 0 && !l->coarse && (errno == ENOSYS || errno == EPERM)) {
		l->coarse = true;
		n = wait_coarse(l, ns);
	}
	if (n < 0 && errno != EINTR)
		return -errno;
	l->at = 0;
	l->n_events = n < 0 ? 0 : n;
	return 0;
}

void qf_loop_forget_event(struct qf_loop *l, const void *tagged)
{
	for (int i = l->at; i < l->n_events; i++)
		if (l->events[i].data.ptr == tagged)
			l->events[i].data.ptr = NULL;
}

static void call_watch(struct qf_watch *w, uint32_t events)
{
	/* qf_watch_mod() may have dropped what epoll reported before. */
	events &= w->events | EPOLLERR | EPOLLHUP;
	if (events)
		w->fn(w, events);
}

static void run_events(struct qf_loop *l)
{
	while (l->at < l->n_events) {
		struct epoll_event *ev = &l->events[l->at++];
		char *p = ev->data.ptr;

		if (!p)
			continue;
		if ((uintptr_t)p & 1)
			qf_loop_zsource_woken(l, (struct qf_zsource *)(void *)(p - 1));
		else
			call_watch((struct qf_watch *)(void *)p, ev->events);
	}
	l->n_events = 0;
	l->at = 0;
}

static int turn(struct qf_loop *l)
{
	skip_gap(l, l->now_ns);
	uint64_t ns = sleep_ns(l), before = clock_ns(l);
	int r = wait_events(l, ns);

	if (r < 0)
		return r;
	if (ns < UINT64_MAX - before)
		skip_gap(l, before + ns);
	l->now_ns = clock_ns(l);
	l->turns++;
	qf_loop_run_timers(l);
	run_events(l);
	qf_loop_run_zsources(l);
	run_tasks(l);
	return 0;
}

int qf_loop_run(struct qf_loop *l)
{
	int r = 0;

	qf_assert(!l->running);
	l->running = true;
	l->now_ns = clock_ns(l);
	while (r == 0 && !l->stopping)
		r = turn(l);
	l->stopping = false;
	l->running = false;
	return r;
}

void qf_loop_stop(struct qf_loop *l)
{
	l->stopping = true;
}

/* Outside qf_loop_run() nothing refreshes the cached time; set-up that takes long must not shorten timers. */
uint64_t qf_loop_now(const struct qf_loop *l)
{
	return l->running ? l->now_ns : clock_ns(l);
}

uint64_t qf_loop_turns(const struct qf_loop *l)
{
	return l->turns;
}

void qf_task_add(struct qf_loop *l, struct qf_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	qf_list_append(&l->tasks, &t->link);
}

void qf_task_del(struct qf_loop *l, struct qf_task *t)
{
	(void)l;
	if (!t->queued)
		return;
	t->queued = false;
	qf_list_remove(&t->link);
}
