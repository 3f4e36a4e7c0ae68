/*
 * Starting worker processes with their socket as descriptor 3: see qf/worker.h.
 *
 * A thread does it, because the caller of posix_spawn() stands still until the new process has had a processor and has
 * executed its program: milliseconds, in which the loop would answer nobody. It stays as long as its processes, which ask
 * for a signal when their parent ends (PR_SET_PDEATHSIG): for the kernel that is the thread.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "private.h"

enum { WORKER_FD = 3 };

struct spawner {
	const char *const *argv, *const *env;
	void (*fn)(struct spawn *s);
	struct qf_wake *wake;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct qf_list asked, done;
	bool stop;
};

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

static int start_process(const char *const *argv, const char *const *env, pid_t *ret_pid, int *ret_pidfd,
			 int *ret_sock, struct qf_err *reterr)
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

/* ---- the thread -------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct spawner *sp = arg;

	pthread_mutex_lock(&sp->lock);
	while (!sp->stop) {
		if (qf_list_empty(&sp->asked)) {
			pthread_cond_wait(&sp->changed, &sp->lock);
			continue;
		}
		struct spawn *s = qf_container_of(sp->asked.next, struct spawn, link);

		qf_list_remove(&s->link);
		pthread_mutex_unlock(&sp->lock);
		start_process(sp->argv, sp->env, &s->pid, &s->pidfd, &s->sock, &s->err);
		pthread_mutex_lock(&sp->lock);
		qf_list_append(&sp->done, &s->link);
		qf_wake_post(sp->wake);
	}
	pthread_mutex_unlock(&sp->lock);
	return NULL;
}

static struct spawn *take_done(struct spawner *sp)
{
	struct spawn *s = NULL;

	pthread_mutex_lock(&sp->lock);
	if (!qf_list_empty(&sp->done)) {
		s = qf_container_of(sp->done.next, struct spawn, link);
		qf_list_remove(&s->link);
	}
	pthread_mutex_unlock(&sp->lock);
	return s;
}

static void tell(void *arg)
{
	struct spawner *sp = arg;
	struct spawn *s;

	while ((s = take_done(sp)))
		sp->fn(s);
}

/* Signals are for the loop. */
static int start_thread(struct spawner *sp)
{
	sigset_t all, was;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	int r = pthread_create(&sp->thread, NULL, run, sp);

	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return -r;
}

int spawner_new(struct spawner **ret, struct qf_loop *l, const char *const *argv, const char *const *env,
		void (*fn)(struct spawn *s), struct qf_err *reterr)
{
	struct spawner *sp = qf_xcalloc(1, sizeof(*sp));

	sp->argv = argv;
	sp->env = env;
	sp->fn = fn;
	qf_list_init(&sp->asked);
	qf_list_init(&sp->done);
	pthread_mutex_init(&sp->lock, NULL);
	pthread_cond_init(&sp->changed, NULL);
	int r = qf_wake_new(&sp->wake, l, tell, sp);

	r = r < 0 ? r : start_thread(sp);
	if (r < 0) {
		qf_wake_free(sp->wake);
		free(sp);
		return qf_err_set(reterr, r, "cannot start the thread that starts workers: %s", qf_strerror(r));
	}
	*ret = sp;
	return 0;
}

void spawner_ask(struct spawner *sp, struct spawn *s)
{
	pthread_mutex_lock(&sp->lock);
	qf_list_append(&sp->asked, &s->link);
	pthread_cond_signal(&sp->changed);
	pthread_mutex_unlock(&sp->lock);
}

struct spawner *spawner_free(struct spawner *sp)
{
	struct qf_list *it, *tmp;

	if (!sp)
		return NULL;
	pthread_mutex_lock(&sp->lock);
	sp->stop = true;
	pthread_cond_signal(&sp->changed);
	pthread_mutex_unlock(&sp->lock);
	pthread_join(sp->thread, NULL);
	tell(sp);
	qf_list_each(it, tmp, &sp->asked)
		qf_list_remove(it);
	qf_wake_free(sp->wake);
	pthread_mutex_destroy(&sp->lock);
	pthread_cond_destroy(&sp->changed);
	free(sp);
	return NULL;
}
