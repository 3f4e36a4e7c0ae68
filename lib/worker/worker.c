/*
 * One worker process: frames in and out, its end, its memory. See qf/worker.h.
 *
 * The first frame of a worker is its greeting, "READY" or "FAILED " and a text. After it each frame is the
 * answer to the one request that the worker holds, and has its number. The process is reaped through its pidfd; a closed socket
 * alone only means that it must be killed, so that its exit status can still be had.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "private.h"
#include "qf/clock.h"
#include "qf/log.h"

enum { READ_SIZE = 64 << 10, CONFINED_AT = 10 /* the part of idle_after_ns */ };
static const uint64_t memory_pause_ns = 100 * QF_MS, closed_ns = 100 * QF_MS;

static void lose(struct worker *w, enum qf_worker_result result)
{
	enum worker_state was = w->state;

	if (was == WORKER_DYING)
		return;
	worker_kill(w);
	pool_lost(w, was, result);
}

/* One that was reaped, or never lived, has pid 0, and kill(0) would be for our own process group. */
static void strike(struct worker *w)
{
	w->struck = true;
	if (w->pid == 0)
		return;
	kill(w->pid, SIGKILL);
}

void worker_kill(struct worker *w)
{
	w->state = WORKER_DYING;
	strike(w);
	qf_watch_del(w->pool->o.loop, &w->io);
	qf_timer_stop(w->pool->o.loop, &w->start);
	qf_timer_stop(w->pool->o.loop, &w->slow);
}

void worker_free(struct worker *w)
{
	if (w->pid > 0)
		waitpid(w->pid, NULL, 0);
	qf_watch_del(w->pool->o.loop, &w->io);
	qf_watch_del(w->pool->o.loop, &w->exit);
	qf_timer_stop(w->pool->o.loop, &w->start);
	qf_timer_stop(w->pool->o.loop, &w->slow);
	qf_task_del(w->pool->o.loop, &w->reap);
	if (w->io.fd >= 0) {
		close(w->io.fd);
		close(w->exit.fd);
	}
	qf_buf_fini(&w->in);
	qf_buf_fini(&w->head);
	qf_list_remove(&w->link);
	free(w);
}

static void reap(struct qf_task *t)
{
	worker_free(qf_container_of(t, struct worker, reap));
}

static void describe_exit(struct worker *w, int status)
{
	w->killed = WIFSIGNALED(status) && w->state != WORKER_DYING;
	w->sigkill = w->killed && WTERMSIG(status) == SIGKILL && !w->struck;
	if (WIFSIGNALED(status))
		snprintf(w->text, sizeof(w->text), "the worker was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(w->text, sizeof(w->text), "the worker ended with status %d", WEXITSTATUS(status));
}

static void on_exit_event(struct qf_watch *watch, uint32_t events)
{
	struct worker *w = qf_container_of(watch, struct worker, exit);
	int status = 0;

	(void)events;
	qf_watch_del(w->pool->o.loop, &w->exit);
	if (waitpid(w->pid, &status, 0) == w->pid && !w->text[0])
		describe_exit(w, status);
	w->pid = 0;
	if (w->state != WORKER_DYING) {
		enum worker_state was = w->state;

		w->state = WORKER_DYING;
		qf_watch_del(w->pool->o.loop, &w->io);
		qf_timer_stop(w->pool->o.loop, &w->start);
		qf_timer_stop(w->pool->o.loop, &w->slow);
		pool_lost(w, was, w->sigkill ? QF_WORKER_KILLED : QF_WORKER_CRASHED);
	}
	qf_task_add(w->pool->o.loop, &w->reap);
}

/* Only where the pool is asked for it: see idle_after_ns. */
static void confine(struct worker *w, bool on)
{
	if (!w->pool->o.idle_after_ns || w->confined == on)
		return;
	sched_confine(w->pid, on);
	w->confined = on;
}

/* ---- frames ------------------------------------------------------------------------------------ */

static void greet(struct worker *w, struct qf_slice s)
{
	if (qf_slice_eq_str(s, "READY")) {
		qf_timer_stop(w->pool->o.loop, &w->start);
		confine(w, false);
		pool_ready(w);
		return;
	}
	if (s.n > 7 && memcmp(s.p, "FAILED ", 7) == 0)
		snprintf(w->text, sizeof(w->text), "%.*s", (int)(s.n - 7), (const char *)s.p + 7);
	else
		snprintf(w->text, sizeof(w->text), "the worker greeted with something else than READY");
	lose(w, QF_WORKER_MALFORMED);
}

/* Length and number are looked at before all else is here: a false length must not make it wait for what never comes. */
static bool is_stray(const struct worker *w, bool *ret_late)
{
	struct qf_reader r = qf_reader(qf_buf_slice(&w->in));
	uint32_t n = qf_read_u32(&r);
	bool bad_length = w->in.n >= FRAME_HEAD && (n < NUMBER_SIZE || n - NUMBER_SIZE > w->pool->o.max_answer);
	bool numbered = r.n >= NUMBER_SIZE;
	uint64_t number = qf_read_u64(&r);

	*ret_late = numbered && w->answered && number == w->last_number;
	return w->state == WORKER_IDLE || bad_length || (numbered && number != w->request->number);
}

/* One whole frame, which must be all that there is; false when more bytes must come first or the worker is lost. */
static bool take_frame(struct worker *w)
{
	struct qf_reader r = qf_reader(qf_buf_slice(&w->in));
	bool starting = w->state == WORKER_STARTING, late;

	if (!starting && is_stray(w, &late)) {
		pool_stray(w, late);
		return false;
	}
	if (w->in.n < FRAME_HEAD)
		return false;
	uint32_t n = qf_read_u32(&r);

	if ((starting && n > MAX_GREETING) || r.n > n) {
		snprintf(w->text, sizeof(w->text), "the worker said what nobody asked for");
		lose(w, QF_WORKER_MALFORMED);
		return false;
	}
	if (r.n < n)
		return false;
	if (starting) {
		greet(w, qf_read_bytes(&r, n));
		return true;
	}
	qf_read_u64(&r);
	pool_answer(w, qf_read_bytes(&r, n - NUMBER_SIZE));
	return true;
}

/* Most likely it is on its way out, and its exit will tell the rest: who ended it, for one. */
static void on_closed(struct worker *w)
{
	w->closed = true;
	qf_watch_del(w->pool->o.loop, &w->io);
	qf_timer_set(w->pool->o.loop, &w->slow, closed_ns);
}

static void read_some(struct worker *w)
{
	uint8_t *p = qf_buf_reserve(&w->in, READ_SIZE);
	ssize_t n = recv(w->io.fd, p, READ_SIZE, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_closed(w);
		return;
	}
	w->in.n += (size_t)n;
	if (take_frame(w) && w->state != WORKER_DYING)
		qf_buf_consume(&w->in, w->in.n);
}

static ssize_t send_rest(const struct worker *w)
{
	size_t of_head = w->sent < w->head.n ? w->head.n - w->sent : 0, of_out = w->sent - (w->head.n - of_head);
	struct iovec v[2] = { { w->head.p + w->head.n - of_head, of_head }, { w->out->p + of_out, w->out->n - of_out } };
	struct msghdr m = { .msg_iov = of_head ? v : v + 1, .msg_iovlen = of_head ? 2 : 1 };

	return sendmsg(w->io.fd, &m, MSG_NOSIGNAL);
}

static void write_some(struct worker *w)
{
	size_t all = w->head.n + w->out->n;

	while (w->sent < all) {
		ssize_t n = send_rest(w);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			on_closed(w);
			return;
		}
		if (n < 0)
			break;
		w->sent += (size_t)n;
	}
	if (!w->closed)
		qf_watch_mod(w->pool->o.loop, &w->io, w->sent < all ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void on_io(struct qf_watch *watch, uint32_t events)
{
	struct worker *w = qf_container_of(watch, struct worker, io);

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_some(w);
	if ((events & EPOLLOUT) && w->out && w->state != WORKER_DYING)
		write_some(w);
}

static uint64_t cpu_ns(pid_t pid)
{
	struct timespec ts = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * QF_SEC + (uint64_t)ts.tv_nsec;
}

void worker_send(struct worker *w, struct request *r)
{
	qf_assert(getrandom(&r->number, sizeof(r->number), 0) == sizeof(r->number));
	w->request = r;
	qf_buf_clear(&w->head);
	qf_buf_u32(&w->head, (uint32_t)(NUMBER_SIZE + r->frame.n));
	qf_buf_u64(&w->head, r->number);
	w->out = &r->frame;
	w->sent = 0;
	r->worker = w;
	if (w->pool->o.idle_after_ns || w->pool->o.fair_ns)
		w->cpu_ns = cpu_ns(w->pid);
	if (w->pool->o.idle_after_ns && !w->idle_class && !w->closed)
		qf_timer_set(w->pool->o.loop, &w->slow, w->pool->o.idle_after_ns / CONFINED_AT);
	write_some(w);
}

void worker_rest(struct worker *w)
{
	w->last_number = w->request->number;
	w->last_about = w->request->about;
	w->out = NULL;
	qf_timer_stop(w->pool->o.loop, &w->slow);
	if (!w->idle_class)
		confine(w, false);
}

static bool is_runnable(pid_t pid)
{
	char path[64], line[256] = "", *name_end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	name_end = strrchr(line, ')'); /* pid (name) state … */
	return name_end && name_end[1] == ' ' && name_end[2] == 'R';
}

bool worker_starved(const struct worker *w, uint64_t deadline_ns)
{
	return cpu_ns(w->pid) - w->cpu_ns < deadline_ns / 16 && is_runnable(w->pid);
}

static void on_slow(struct qf_timer *t)
{
	struct worker *w = qf_container_of(t, struct worker, slow);
	uint64_t used = cpu_ns(w->pid) - w->cpu_ns, enough = w->pool->o.idle_after_ns;

	if (w->closed) {
		strike(w);
		return;
	}
	if (used >= enough) {
		w->idle_class = true;
		sched_idle(w->pid);
		return;
	}
	if (used >= enough / CONFINED_AT)
		confine(w, true);
	if (!w->confined) /* it sleeps, or has not had its turn */
		enough /= CONFINED_AT;
	qf_timer_set(w->pool->o.loop, &w->slow, enough - used > QF_MS ? enough - used : QF_MS);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static uint64_t resident_bytes(pid_t pid)
{
	char path[64], line[128] = "";
	unsigned long long size = 0, resident = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f) || sscanf(line, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool worker_too_big(const struct worker *w)
{
	return w->pool->o.max_rss && resident_bytes(w->pid) > w->pool->o.max_rss;
}

/* Asked at most ten times a second: the answer costs more than a short request. */
bool worker_has_grown(struct worker *w)
{
	uint64_t now = qf_loop_now(w->pool->o.loop);

	if (!w->pool->o.max_rss || now - w->looked_ns < memory_pause_ns)
		return false;
	w->looked_ns = now;
	return worker_too_big(w);
}

/* ---- birth ------------------------------------------------------------------------------------- */

static void on_slow_start(struct qf_timer *t)
{
	struct worker *w = qf_container_of(t, struct worker, start);

	snprintf(w->text, sizeof(w->text), "the worker was not ready after %d ms", (int)(w->pool->o.start_ns / QF_MS));
	lose(w, QF_WORKER_DEADLINE);
}

static void init_callbacks(struct worker *w)
{
	w->io.events = EPOLLIN;
	w->io.fn = on_io;
	w->exit.events = EPOLLIN;
	w->exit.fn = on_exit_event;
	w->start.fn = on_slow_start;
	w->slow.fn = on_slow;
	w->reap.fn = reap;
}

static void not_started(struct worker *w, const struct qf_err *err)
{
	w->state = WORKER_DYING;
	snprintf(w->text, sizeof(w->text), "%s", err->text);
	pool_lost(w, WORKER_STARTING, QF_WORKER_DOWN);
	qf_task_add(w->pool->o.loop, &w->reap);
}

static int watch(struct worker *w, struct qf_err *reterr)
{
	int r = qf_watch_add(w->pool->o.loop, &w->io);

	r = r < 0 ? r : qf_watch_add(w->pool->o.loop, &w->exit);
	return r < 0 ? qf_err_set(reterr, r, "cannot watch the worker: %s", qf_strerror(r)) : 0;
}

void worker_spawned(struct spawn *s)
{
	struct worker *w = s->worker;
	struct qf_worker_pool *p = w->pool;

	if (s->sock >= 0) {
		w->pid = s->pid;
		w->io.fd = s->sock;
		w->exit.fd = s->pidfd;
	}
	if (s->sock < 0 || watch(w, &s->err) < 0) {
		strike(w);
		not_started(w, &s->err);
		return;
	}
	if (p->o.idle_after_ns)
		sched_give_way(w->pid);
	confine(w, true);
	qf_timer_set(p->o.loop, &w->start, p->o.start_ns);
	if (p->first.n > 0) {
		w->out = &p->first;
		write_some(w);
	}
	qf_debug("%s worker started pid=%d", p->o.name, (int)w->pid);
}

void worker_new(struct qf_worker_pool *p)
{
	struct worker *w = qf_xcalloc(1, sizeof(*w));

	w->pool = p;
	qf_buf_init(&w->in);
	qf_buf_init(&w->head);
	init_callbacks(w);
	w->io.fd = w->exit.fd = -1;
	w->spawn = (struct spawn){ .worker = w, .pidfd = -1, .sock = -1 };
	qf_list_init(&w->spawn.link);
	qf_list_init(&w->link);
	qf_list_append(&p->workers, &w->link);
	spawner_ask(p->spawner, &w->spawn);
}
