/*
 * Whether the scripts of a configuration are good only qf-route can tell: it is the one with Python inside. The
 * program beside this one is asked by `qf-route -t`. On a reload that comes first, because qf-route is told after
 * others took the configuration, and a ring with two of them serves nobody.
 */
#include "admin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAYS "qf-route: "

static bool has_scripts(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->n_routers; i++)
		if (conf->routers[i].type == QF_ROUTER_PYTHON)
			return true;
	return false;
}

static int find_program(char *path, size_t size, struct qf_err *reterr)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return qf_err_set(reterr, -errno, "/proc/self/exe: %s", strerror(errno));
	self[n] = 0;
	*strrchr(self, '/') = 0;
	snprintf(path, size, "%s/qf-route", self);
	return 0;
}

static int start(const char *program, const char *file, int errors, pid_t *ret, struct qf_err *reterr)
{
	const char *const argv[] = { program, "-t", "-c", file, NULL };
	posix_spawn_file_actions_t fa;
	int rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, errors, STDERR_FILENO);
	/* posix_spawn() does not write to the strings; its type is older than const. */
	rc = posix_spawn(ret, program, &fa, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (rc)
		return qf_err_set(reterr, -rc, "%s, which checks the scripts: %s", program, strerror(rc));
	return 0;
}

/* Its last line but warnings, without its name. What does not fit is read all the same, so that it can end. */
static void read_complaint(int fd, char *text, size_t size)
{
	char more[4096], *line;
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, more, sizeof more)) > 0 || (n < 0 && errno == EINTR)) {
		size_t room = size - 1 - used;

		if (n < 0)
			continue;
		memcpy(text + used, more, (size_t)n < room ? (size_t)n : room);
		used += (size_t)n < room ? (size_t)n : room;
	}
	text[used] = 0;
	line = strstr(text, SAYS);
	if (line)
		memmove(text, line + strlen(SAYS), strlen(line + strlen(SAYS)) + 1);
	text[strcspn(text, "\n")] = 0;
}

int admin_check_scripts(const struct qf_conf *conf, struct qf_err *reterr)
{
	char program[PATH_MAX + 16], said[2000];
	int fd[2], rc, status = 0;
	pid_t pid;

	if (!conf->path || !has_scripts(conf))
		return 0;
	rc = find_program(program, sizeof program, reterr);
	if (rc < 0)
		return rc;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return qf_err_set(reterr, -errno, "pipe: %s", strerror(errno));
	rc = start(program, conf->path, fd[1], &pid, reterr);
	close(fd[1]);
	if (rc == 0) {
		read_complaint(fd[0], said, sizeof said);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(fd[0]);
	return rc < 0 || status == 0 ? rc : qf_err_set(reterr, QF_ECONFIG, "%s", said);
}
