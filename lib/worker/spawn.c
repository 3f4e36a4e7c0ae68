/* Starting a worker process with its socket as descriptor 3: see qf/worker.h. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "private.h"

enum { WORKER_FD = 3 };

/* Own process group: a Ctrl-C on the terminal is for the program, which drains and then ends its workers. */
static int set_attributes(posix_spawnattr_t *at)
{
	sigset_t none, all;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;

	sigemptyset(&none);
	sigfillset(&all);
	int r = posix_spawnattr_setsigmask(at, &none);

	r = r ? r : posix_spawnattr_setsigdefault(at, &all);
	r = r ? r : posix_spawnattr_setpgroup(at, 0);
	return r ? r : posix_spawnattr_setflags(at, flags);
}

/* Standard output is the program's result stream, so what a worker prints goes to standard error. */
static int set_files(posix_spawn_file_actions_t *fa, int sock)
{
	int r = posix_spawn_file_actions_adddup2(fa, sock, WORKER_FD);

	r = r ? r : posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	r = r ? r : posix_spawn_file_actions_adddup2(fa, STDERR_FILENO, STDOUT_FILENO);
	return r ? r : posix_spawn_file_actions_addclosefrom_np(fa, WORKER_FD + 1);
}

static int spawn(const char *const *argv, const char *const *env, int sock, pid_t *ret_pid)
{
	char *const *e = env ? (char *const *)(uintptr_t)env : environ;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	int r = posix_spawn_file_actions_init(&fa);

	if (r)
		return -r;
	r = posix_spawnattr_init(&at);
	if (r)
		goto out_files;
	r = set_attributes(&at);
	r = r ? r : set_files(&fa, sock);
	/* posix_spawn() does not write to the strings; its type is older than const. */
	r = r ? r : posix_spawn(ret_pid, argv[0], &fa, &at, (char *const *)(uintptr_t)argv, e);
	posix_spawnattr_destroy(&at);
out_files:
	posix_spawn_file_actions_destroy(&fa);
	return -r;
}

int worker_spawn(const char *const *argv, const char *const *env, pid_t *ret_pid, int *ret_pidfd, int *ret_sock,
		 struct qf_err *reterr)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		return qf_err_set(reterr, -errno, "socketpair: %s", qf_strerror(-errno));
	/* The worker's own end blocks: it has nothing else to do than wait for the next request. */
	fcntl(sv[1], F_SETFL, fcntl(sv[1], F_GETFL) & ~O_NONBLOCK);
	int r = spawn(argv, env, sv[1], ret_pid);

	close(sv[1]);
	if (r < 0) {
		close(sv[0]);
		return qf_err_set(reterr, r, "%s: %s", argv[0], qf_strerror(r));
	}
	int pidfd = (int)syscall(SYS_pidfd_open, *ret_pid, 0);

	if (pidfd < 0) {
		r = qf_err_set(reterr, -errno, "pidfd_open: %s", qf_strerror(-errno));
		kill(*ret_pid, SIGKILL);
		waitpid(*ret_pid, NULL, 0);
		close(sv[0]);
		return r;
	}
	*ret_pidfd = pidfd;
	*ret_sock = sv[0];
	return 0;
}
