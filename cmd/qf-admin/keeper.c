#include "keeper.h"

#include "qf/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void keeper_signal(int signo, bool (*spared)(void *arg, pid_t pid), void *arg)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (!spared || !spared(arg, pid))
			kill(pid, signo);
	if (f)
		fclose(f);
}

/* What the kernel sends for a terminal went to the whole process group: the inner one has it already. */
static void pass_on(pid_t inner, const siginfo_t *si)
{
	if (si->si_code <= 0)
		kill(inner, SIGTERM);
}

static int wait_inner(pid_t inner, const sigset_t *set)
{
	for (;;) {
		siginfo_t si = { 0 };
		int signo = sigwaitinfo(set, &si), wstatus;
		pid_t pid;

		if (signo > 0 && signo != SIGCHLD)
			pass_on(inner, &si);
		while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
			if (pid == inner)
				return wstatus;
	}
}

/* The programs stop by themselves when their parent dies; what does not is told, then made to. */
static void end_the_rest(const sigset_t *set, uint64_t patience_ns)
{
	uint64_t end = qf_mono_ns() + patience_ns;
	const struct timespec pause = { .tv_nsec = 100000000 };

	keeper_signal(SIGTERM, NULL, NULL);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		int signo;

		if (pid < 0 && errno == ECHILD)
			return;
		if (pid > 0)
			continue;
		signo = sigtimedwait(set, NULL, &pause);
		if ((signo > 0 && signo != SIGCHLD) || qf_mono_ns() > end)
			keeper_signal(SIGKILL, NULL, NULL);
	}
}

static void be_inner(pid_t outer, const sigset_t *old)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigprocmask(SIG_SETMASK, old, NULL);
	if (getppid() != outer)
		raise(SIGTERM); /* it died before we could ask */
}

int keeper_fork(uint64_t patience_ns, int *ret_status, struct qf_err *reterr)
{
	pid_t outer = getpid(), inner;
	sigset_t set, old;
	int wstatus;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	inner = fork();
	if (inner < 0)
		return qf_err_set(reterr, -errno, "fork: %s", strerror(errno));
	if (inner == 0) {
		be_inner(outer, &old);
		return 0;
	}
	wstatus = wait_inner(inner, &set);
	end_the_rest(&set, patience_ns);
	*ret_status = WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
	return 1;
}
