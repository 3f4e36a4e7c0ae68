#include "children.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_CHILDREN 5
#define RESTART_NS (20 * QF_MS)
#define RESTART_MAX_NS (2 * QF_SEC)
#define SETTLED_NS (5 * QF_SEC)

/* Started in this order, stopped in the reverse one: clients last in, first out. */
static const char *const names[N_CHILDREN] = { "qf-admin", "qf-translate", "qf-dispatch", "qf-route", "qf-listen" };

struct child {
	struct children *all;
	const char *name;
	pid_t pid; /* 0: not running */
	bool ready;
	uint64_t started_ns, pause_ns;
	struct qf_timer restart;
	int out; /* its stdout and stderr */
	struct qf_watch out_watch;
	struct qf_buf line;
};

struct children {
	struct child child[N_CHILDREN];
	struct qf_loop *loop;
	const char *conf_path;
	const struct port *ports;
	int n_ports;
	void (*on_ready)(void *arg);
	void (*on_over)(void *arg, int status);
	void *arg;
	char dir[4096], notify_path[108];
	int notify_fd;
	struct qf_watch notify;
	bool stopping;
};

/* ---- log lines -------------------------------------------------------------------------------------- */

static void print_lines(struct child *c, bool rest)
{
	uint8_t *nl;

	while (c->line.n && (nl = memchr(c->line.p, '\n', c->line.n))) {
		size_t n = (size_t)(nl - c->line.p);

		fprintf(stderr, "%-12s | %.*s\n", c->name, (int)n, (const char *)c->line.p);
		qf_buf_consume(&c->line, n + 1);
	}
	if ((rest && c->line.n) || c->line.n > 8192) {
		fprintf(stderr, "%-12s | %.*s\n", c->name, (int)c->line.n, (const char *)c->line.p);
		qf_buf_clear(&c->line);
	}
}

static void close_output(struct child *c)
{
	if (c->out < 0)
		return;
	qf_watch_del(c->all->loop, &c->out_watch);
	close(c->out);
	c->out = -1;
	print_lines(c, true);
}

static void on_output(struct qf_watch *w, uint32_t events)
{
	struct child *c = qf_container_of(w, struct child, out_watch);
	char text[4096];
	ssize_t n = read(c->out, text, sizeof text);

	(void)events;
	if (n > 0) {
		qf_buf_add(&c->line, text, (size_t)n);
		print_lines(c, false);
	} else if (n == 0 || errno != EAGAIN) {
		close_output(c);
	}
}

/* ---- start and restart -------------------------------------------------------------------------------- */

/* The socket-activation protocol: descriptors from 3 on, their names, and the pid that they are for. */
static void hand_over_ports(const struct children *all, bool admin)
{
	struct qf_buf fd_names;
	int high[PORTS_MAX], n = 0;
	char number[16];

	qf_buf_init(&fd_names);
	for (int i = 0; i < all->n_ports; i++) {
		if (all->ports[i].admin != admin)
			continue;
		high[n] = fcntl(all->ports[i].fd, F_DUPFD, 100); /* out of the way of 3, 4, … */
		qf_buf_printf(&fd_names, "%s%s", n++ ? ":" : "", all->ports[i].fd_name);
	}
	for (int i = 0; i < n; i++)
		dup2(high[i], 3 + i);
	snprintf(number, sizeof number, "%d", n);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", qf_buf_cstr(&fd_names), 1);
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
}

static _Noreturn void become(struct child *c, int out)
{
	const struct children *all = c->all;
	char path[4200];
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0); /* Ctrl-C is for the parent, which drains */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(out, 1);
	dup2(out, 2);
	setenv("NOTIFY_SOCKET", all->notify_path, 1);
	if (!strcmp(c->name, "qf-listen") || !strcmp(c->name, "qf-admin"))
		hand_over_ports(all, !strcmp(c->name, "qf-admin"));
	snprintf(path, sizeof path, "%s/%s", all->dir, c->name);
	if (all->conf_path)
		execl(path, c->name, "--serve", "-c", all->conf_path, (char *)NULL);
	else
		execl(path, c->name, "--serve", (char *)NULL);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

static int spawn(struct child *c, struct qf_err *reterr)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return qf_err_set(reterr, -errno, "pipe: %s", strerror(errno));
	fcntl(out[1], F_SETFL, 0);
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		become(c, out[1]);
	close(out[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(out[0]);
		return qf_err_set(reterr, -errno, "fork: %s", strerror(errno));
	}
	c->ready = false;
	c->started_ns = qf_loop_now(c->all->loop);
	c->out = out[0];
	c->out_watch = (struct qf_watch){ .fd = out[0], .events = EPOLLIN, .fn = on_output };
	return qf_watch_add(c->all->loop, &c->out_watch);
}

static void on_restart(struct qf_timer *t)
{
	struct child *c = qf_container_of(t, struct child, restart);
	struct qf_err err = { 0 };

	if (!c->all->stopping && spawn(c, &err) < 0) {
		fprintf(stderr, "%s: %s\n", c->name, err.text);
		qf_timer_set(c->all->loop, &c->restart, RESTART_MAX_NS);
	}
}

static bool any_left(const struct children *all)
{
	for (int i = 0; i < N_CHILDREN; i++)
		if (all->child[i].pid)
			return true;
	return false;
}

/* The next one to stop, from the client side inwards, so that what is in flight can end. */
static void stop_next(struct children *all)
{
	for (int i = N_CHILDREN - 1; i >= 0; i--) {
		if (all->child[i].pid) {
			kill(all->child[i].pid, SIGTERM);
			return;
		}
	}
}

static void say_end(const struct child *c, int wstatus)
{
	if (WIFSIGNALED(wstatus))
		fprintf(stderr, "%-12s | killed by signal %d, restarted\n", c->name, WTERMSIG(wstatus));
	else
		fprintf(stderr, "%-12s | ended with status %d, restarted\n", c->name, WEXITSTATUS(wstatus));
}

void children_ended(struct children *all, pid_t pid, int wstatus)
{
	struct child *c = NULL;

	for (int i = 0; i < N_CHILDREN; i++)
		if (all->child[i].pid == pid)
			c = &all->child[i];
	if (!c)
		return;
	c->pid = 0;
	for (int i = 0; c->out >= 0 && i < 64; i++) /* its last words; a child of its own may still hold the pipe */
		on_output(&c->out_watch, 0);
	close_output(c);
	if (all->stopping) {
		if (any_left(all))
			stop_next(all);
		else
			all->on_over(all->arg, 0);
		return;
	}
	if (WIFEXITED(wstatus) && (WEXITSTATUS(wstatus) == 2 || WEXITSTATUS(wstatus) == 127 || !c->pause_ns)) {
		all->on_over(all->arg, WEXITSTATUS(wstatus) ? WEXITSTATUS(wstatus) : 1);
		return;
	}
	say_end(c, wstatus);
	if (qf_loop_now(all->loop) - c->started_ns > SETTLED_NS)
		c->pause_ns = RESTART_NS;
	qf_timer_set(all->loop, &c->restart, c->pause_ns);
	c->pause_ns = c->pause_ns * 2 < RESTART_MAX_NS ? c->pause_ns * 2 : RESTART_MAX_NS;
}

/* ---- readiness --------------------------------------------------------------------------------------- */

static void mark_ready(struct children *all, pid_t pid)
{
	bool every = true;

	for (int i = 0; i < N_CHILDREN; i++) {
		if (all->child[i].pid == pid) {
			all->child[i].ready = true;
			if (!all->child[i].pause_ns)
				all->child[i].pause_ns = RESTART_NS; /* from now on its end is a restart */
		}
		every &= all->child[i].ready;
	}
	if (every)
		all->on_ready(all->arg);
}

static void on_notify(struct qf_watch *w, uint32_t events)
{
	struct children *all = qf_container_of(w, struct children, notify);
	char text[1024], control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof text - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t n;

	(void)events;
	while ((n = recvmsg(all->notify_fd, &msg, MSG_DONTWAIT)) > 0) {
		struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
		struct ucred cred;

		text[n] = 0;
		if (cm && cm->cmsg_type == SCM_CREDENTIALS && strstr(text, "READY=1")) {
			memcpy(&cred, CMSG_DATA(cm), sizeof cred);
			mark_ready(all, cred.pid);
		}
		msg.msg_controllen = sizeof control;
	}
}

static int open_notify(struct children *all, struct qf_err *reterr)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int one = 1;

	snprintf(all->notify_path, sizeof all->notify_path, "%s/up.notify", getenv("QF_RUNTIME_DIR"));
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", all->notify_path);
	unlink(all->notify_path);
	all->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (all->notify_fd < 0 || setsockopt(all->notify_fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0 ||
	    bind(all->notify_fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return qf_err_set(reterr, -errno, "%s: %s", all->notify_path, strerror(errno));
	all->notify = (struct qf_watch){ .fd = all->notify_fd, .events = EPOLLIN, .fn = on_notify };
	return qf_watch_add(all->loop, &all->notify);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static int find_programs(struct children *all, struct qf_err *reterr)
{
	ssize_t n = readlink("/proc/self/exe", all->dir, sizeof all->dir - 1);
	char *slash;

	if (n < 0)
		return qf_err_set(reterr, -errno, "/proc/self/exe: %s", strerror(errno));
	all->dir[n] = 0;
	slash = strrchr(all->dir, '/');
	*slash = 0;
	return 0;
}

int children_start(struct children **ret, struct qf_loop *loop, const char *conf_path, const struct port *ports, int n_ports,
		   void (*on_ready)(void *arg), void (*on_over)(void *arg, int status), void *arg, struct qf_err *reterr)
{
	struct children *all = qf_xcalloc(1, sizeof *all);
	int rc;

	all->loop = loop;
	all->conf_path = conf_path;
	all->ports = ports;
	all->n_ports = n_ports;
	all->on_ready = on_ready;
	all->on_over = on_over;
	all->arg = arg;
	for (int i = 0; i < N_CHILDREN; i++)
		all->child[i] = (struct child){ .all = all, .name = names[i], .out = -1, .restart = { .fn = on_restart } };
	*ret = all;
	rc = find_programs(all, reterr);
	if (rc == 0)
		rc = open_notify(all, reterr);
	for (int i = 0; i < N_CHILDREN && rc == 0; i++)
		rc = spawn(&all->child[i], reterr);
	return rc;
}

void children_stop(struct children *all)
{
	all->stopping = true;
	if (any_left(all))
		stop_next(all);
	else
		all->on_over(all->arg, 0);
}

void children_kill(struct children *all)
{
	for (int i = 0; i < N_CHILDREN; i++)
		if (all->child[i].pid)
			kill(all->child[i].pid, SIGKILL);
}

bool children_has(const struct children *all, pid_t pid)
{
	for (int i = 0; i < N_CHILDREN; i++)
		if (all->child[i].pid == pid)
			return true;
	return false;
}

struct children *children_free(struct children *all)
{
	if (!all)
		return NULL;
	children_kill(all);
	for (int i = 0; i < N_CHILDREN; i++) {
		struct child *c = &all->child[i];

		qf_timer_stop(all->loop, &c->restart);
		if (c->pid)
			waitpid(c->pid, NULL, 0);
		close_output(c);
		qf_buf_fini(&c->line);
	}
	qf_watch_del(all->loop, &all->notify);
	if (all->notify_fd > 0)
		close(all->notify_fd);
	unlink(all->notify_path);
	free(all);
	return NULL;
}
