/*
 * `qf-admin up`: the five programs as children, without systemd. Each is restarted when it ends; their log
 * lines come through with their name in front; Ctrl-C drains. It plays the service manager's part: ready
 * notifications come on a datagram socket, client ports are handed over already bound.
 */
#include "admin.h"
#include "children.h"
#include "keeper.h"
#include "ports.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_NS (30 * QF_SEC)
#define STOP_MORE_NS (8 * QF_SEC) /* beyond the drain time: what an engine takes to let go */

struct up {
	struct admin *a;
	struct qf_run *run;
	struct qf_loop *loop;
	struct qf_conf *conf;
	struct children *children;
	struct port ports[PORTS_MAX];
	int n_ports;
	char dir[96]; /* runtime directory made here; empty: given */
	pid_t exec_pid;
	int status;
	bool ready, stopping;
	struct qf_timer limit;
};

/* A command that could not be run at all has a status of its own, but for a wrong configuration. */
static int own_status(const struct up *u, int status)
{
	return u->a->exec && !u->ready && status != QF_EXIT_USAGE ? QF_EXIT_NO_SERVICE : status;
}

/* What is in force now: a reload may have changed it since the start. */
static uint64_t drain_ns(const struct up *u)
{
	uint64_t ns = u->conf->shutdown_drain_ns;
	struct qf_conf *now;
	struct qf_err err;

	if (qf_conf_load(&now, u->run->conf_path, &err) < 0)
		return ns;
	ns = now->shutdown_drain_ns > ns ? now->shutdown_drain_ns : ns;
	qf_conf_free(now);
	return ns;
}

static void stop(struct up *u, int status)
{
	if (u->stopping)
		return;
	u->stopping = true;
	u->status = own_status(u, status);
	if (u->exec_pid > 0)
		kill(u->exec_pid, SIGTERM);
	qf_timer_set(u->loop, &u->limit, drain_ns(u) + STOP_MORE_NS);
	children_stop(u->children);
}

static void on_limit(struct qf_timer *t)
{
	struct up *u = qf_container_of(t, struct up, limit);

	if (u->stopping) {
		fprintf(stderr, "the time to stop is over; killing what is left\n");
		children_kill(u->children);
		return;
	}
	fprintf(stderr, "not all programs were ready within %llu s\n", READY_NS / QF_SEC);
	stop(u, QF_EXIT_FAILED);
}

static void on_signal(int signo, void *arg)
{
	struct up *u = arg;

	if (signo == SIGINT && u->exec_pid > 0)
		return; /* Ctrl-C went to the command too: when that ends, so do we */
	if (u->stopping)
		children_kill(u->children);
	else
		stop(u, u->a->exec ? 128 + signo : QF_EXIT_OK);
}

static void print_table(struct up *u)
{
	char self[4096];
	ssize_t n;

	printf("\n");
	for (int i = 0; i < u->n_ports; i++) {
		struct qf_buf cmd;

		qf_buf_init(&cmd);
		port_client(&u->ports[i], &cmd);
		printf("  %-14s %s:%-6u %s\n", u->ports[i].name, u->ports[i].address, u->ports[i].number,
		       qf_buf_cstr(&cmd));
		qf_buf_fini(&cmd);
	}
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	printf("  %-14s %-15s QF_RUNTIME_DIR=%s %.*s%s%s status\n\n", "operator", "", getenv("QF_RUNTIME_DIR"),
	       n > 0 ? (int)n : 0, self, u->run->conf_path ? " -c " : "", u->run->conf_path ? u->run->conf_path : "");
	fflush(stdout);
}

static void set_client_environment(const struct port *p)
{
	char number[8], host[64], url[96];

	snprintf(number, sizeof number, "%u", p->number);
	if (p->admin) {
		snprintf(url, sizeof url, "http://%s:%u", port_host(p, host), p->number);
		setenv("QF_ADMIN_URL", url, 1);
	} else if (p->frontend == QF_FE_POSTGRES) {
		setenv("PGHOST", p->address, 1);
		setenv("PGPORT", number, 1);
		setenv("PGUSER", "queryflux", 0);
		setenv("PGDATABASE", "queryflux", 0);
		setenv("PGSSLMODE", "prefer", 0);
	} else if (p->frontend == QF_FE_TRINO) {
		snprintf(url, sizeof url, "http://%s:%u", port_host(p, host), p->number);
		setenv("QF_TRINO_URL", url, 1);
	}
}

static void start_command(struct up *u)
{
	sigset_t none;

	u->exec_pid = fork();
	if (u->exec_pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < u->n_ports; i++)
		set_client_environment(&u->ports[i]);
	execl("/bin/sh", "sh", "-c", u->a->exec, (char *)NULL);
	_exit(127);
}

static void on_ready(void *arg)
{
	struct up *u = arg;

	if (u->ready || u->stopping)
		return;
	u->ready = true;
	qf_timer_stop(u->loop, &u->limit);
	if (u->a->exec)
		start_command(u);
	else
		print_table(u);
}

static bool is_program(void *arg, pid_t pid)
{
	const struct up *u = arg;

	return pid == u->exec_pid || children_has(u->children, pid);
}

/* A child ended for good (its configuration is wrong), or the last one has stopped. */
static void on_over(void *arg, int status)
{
	struct up *u = arg;

	if (!u->stopping) {
		stop(u, status);
		return;
	}
	keeper_signal(SIGKILL, NULL, NULL);
	qf_loop_stop(u->loop);
}

static void on_child(int signo, void *arg)
{
	struct up *u = arg;
	int wstatus;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0) {
		if (pid != u->exec_pid) {
			children_ended(u->children, pid, wstatus);
			continue;
		}
		u->exec_pid = 0;
		keeper_signal(SIGTERM, is_program, u); /* what the command left running */
		stop(u, WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus));
	}
}

/* $QF_RUNTIME_DIR, or a directory of this run's own on tmpfs where there is one. */
static int make_runtime_dir(struct up *u, struct qf_err *reterr)
{
	const char *given = getenv("QF_RUNTIME_DIR"), *bases[] = { getenv("XDG_RUNTIME_DIR"), "/run", "/dev/shm", "/tmp" };

	if (given && *given) {
		if (mkdir(given, 0770) < 0 && errno != EEXIST)
			return qf_err_set(reterr, -errno, "QF_RUNTIME_DIR %s: %s", given, strerror(errno));
		return 0;
	}
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		if (!bases[i] || strlen(bases[i]) > 48)
			continue;
		snprintf(u->dir, sizeof u->dir, "%s/queryflux-XXXXXX", bases[i]);
		if (mkdtemp(u->dir)) {
			setenv("QF_RUNTIME_DIR", u->dir, 1);
			return 0;
		}
	}
	u->dir[0] = 0;
	return qf_err_set(reterr, -errno, "no directory for the bus: set QF_RUNTIME_DIR to one that can be written");
}

static void remove_runtime_dir(struct up *u)
{
	char *argv[] = { (char[]){ "rm" }, (char[]){ "-rf" }, (char[]){ "--" }, u->dir, NULL };
	pid_t pid;

	if (!u->dir[0])
		return;
	pid = fork();
	if (pid == 0) {
		execv("/bin/rm", argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* With its parents, as StateDirectory= of a unit does. Where that fails, who writes there says so with the key. */
static void make_state_dir(const char *dir)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/", dir) >= (int)sizeof path)
		return;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(path, 0700);
		*slash = '/';
	}
}

static int start(struct up *u, struct qf_err *err)
{
	int rc;

	u->n_ports = rc = ports_open(u->conf, (unsigned)u->a->port_offset, u->ports, err);
	if (rc < 0)
		return rc;
	rc = qf_loop_new(&u->loop, err);
	if (rc == 0)
		rc = qf_loop_signal(u->loop, SIGINT, on_signal, u);
	if (rc == 0)
		rc = qf_loop_signal(u->loop, SIGTERM, on_signal, u);
	if (rc == 0)
		rc = qf_loop_signal(u->loop, SIGHUP, on_signal, u);
	if (rc == 0)
		rc = qf_loop_signal(u->loop, SIGCHLD, on_child, u);
	if (rc == 0)
		rc = children_start(&u->children, u->loop, u->run->conf_path, u->ports, u->n_ports, on_ready, on_over, u, err);
	return rc;
}

static void report(struct up *u, int rc, const struct qf_err *err)
{
	fprintf(stderr, "qf-admin: %s\n", err->text[0] ? err->text : qf_strerror(rc));
	u->status = rc == QF_ECONFIG || rc == -EADDRINUSE ? QF_EXIT_USAGE : QF_EXIT_FAILED;
}

/* The inner process. */
static void work(struct up *u)
{
	struct qf_err err = { 0 };
	int rc = start(u, &err);

	if (rc < 0) {
		report(u, rc, &err);
	} else {
		qf_timer_set(u->loop, &u->limit, READY_NS);
		if (qf_loop_run(u->loop) < 0)
			u->status = QF_EXIT_FAILED;
	}
	children_free(u->children);
	if (u->n_ports > 0)
		ports_close(u->ports, u->n_ports);
	if (u->loop)
		qf_timer_stop(u->loop, &u->limit);
	qf_loop_free(u->loop);
}

int admin_up(void *ctx, struct qf_run *run, int argc, char **argv)
{
	struct up u = { .a = ctx, .run = run, .limit = { .fn = on_limit } };
	struct qf_err err = { 0 };
	int rc;

	(void)argc;
	(void)argv;
	if (qf_conf_load(&u.conf, run->conf_path, &err) < 0) {
		fprintf(stderr, "qf-admin: %s\n", err.text);
		return QF_EXIT_USAGE;
	}
	make_state_dir(u.conf->state_dir);
	rc = make_runtime_dir(&u, &err);
	if (rc == 0)
		rc = keeper_fork(u.conf->shutdown_drain_ns + STOP_MORE_NS, &u.status, &err);
	if (rc < 0)
		report(&u, rc, &err);
	else if (rc == 0)
		work(&u);
	remove_runtime_dir(&u); /* by whichever of the two lives longer */
	qf_conf_free(u.conf);
	return u.status;
}
