/*
 * A Unix socket for clients, beside a port: taken by name from the service manager, else bound here under a lock. The
 * lock has our process id in its first line, as PostgreSQL's has, and a socket that somebody answers on is never taken
 * away: whoever has no lock, or another kind of it, keeps what is his.
 */
#include "private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(struct qf_err *reterr, const char *path, const char *what)
{
	return qf_err_set(reterr, -errno, "%s: %s: %s", path, what, strerror(errno));
}

static int take_lock(struct qf_unix_socket *u, struct qf_err *reterr)
{
	char name[sizeof(u->path) + 8];

	snprintf(name, sizeof(name), "%s.lock", u->path);
	u->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (u->lock < 0)
		return fail(reterr, name, "open");
	if (flock(u->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ?
			       qf_err_set(reterr, -EADDRINUSE, "%s: another process has its lock", u->path) :
			       fail(reterr, name, "flock");
	return 0;
}

/* Only once the socket is ours: another's lock file may be the same one. */
static int write_lock(struct qf_unix_socket *u, struct qf_err *reterr)
{
	if (ftruncate(u->lock, 0) < 0 || dprintf(u->lock, "%ld\n", (long)getpid()) < 0)
		return fail(reterr, u->path, "write its lock");
	return 0;
}

/* A socket of a process that has ended is in the way. */
static int remove_stale(const struct qf_unix_socket *u, const struct sockaddr_un *at, struct qf_err *reterr)
{
	struct stat st;
	int fd, rc;

	if (lstat(u->path, &st) < 0)
		return errno == ENOENT ? 0 : fail(reterr, u->path, "stat");
	if (!S_ISSOCK(st.st_mode))
		return qf_err_set(reterr, -EEXIST, "%s: it is there, and no socket", u->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(reterr, u->path, "socket");
	rc = connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? errno : 0;
	close(fd);
	if (rc == 0 || rc == EAGAIN || rc == EINPROGRESS)
		return qf_err_set(reterr, -EADDRINUSE, "%s: another process answers there", u->path);
	if (rc != ECONNREFUSED) {
		errno = rc;
		return fail(reterr, u->path, "connect");
	}
	return unlink(u->path) < 0 && errno != ENOENT ? fail(reterr, u->path, "remove") : 0;
}

/* Everybody may connect, as to PostgreSQL: who they are is asked then. */
static int bind_at(struct qf_unix_socket *u, const struct sockaddr_un *at, int *ret_fd, struct qf_err *reterr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return fail(reterr, u->path, "socket");
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 || chmod(u->path, 0777) < 0 || listen(fd, 4096) < 0) {
		rc = fail(reterr, u->path, "bind");
		close(fd);
		return rc;
	}
	u->bound = true;
	*ret_fd = fd;
	return 0;
}

static int bind_new(struct qf_unix_socket *u, const char *path, int *ret_fd, struct qf_err *reterr)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int rc;

	if (strlen(path) >= sizeof(at.sun_path))
		return qf_err_set(reterr, QF_ECONFIG, "%s: the path of a socket has at most %zu bytes", path,
				  sizeof(at.sun_path) - 1);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	snprintf(u->path, sizeof(u->path), "%s", path);
	rc = take_lock(u, reterr);
	if (rc == 0)
		rc = remove_stale(u, &at, reterr);
	if (rc == 0)
		rc = write_lock(u, reterr);
	if (rc == 0)
		rc = bind_at(u, &at, ret_fd, reterr);
	return rc;
}

int qf_run_listen_unix(struct qf_run *run, const char *fd_name, const char *path, struct qf_unix_socket *u, int *ret_fd,
		       struct qf_err *reterr)
{
	int rc, fd = svc_passed_socket(fd_name);

	(void)run;
	*u = (struct qf_unix_socket){ .lock = -1 };
	*ret_fd = -1;
	if (fd >= 0) {
		rc = svc_check_stream(fd, AF_UNIX, reterr);
		*ret_fd = rc < 0 ? -1 : fd;
		return rc;
	}
	if (!path)
		return 0;
	rc = bind_new(u, path, ret_fd, reterr);
	if (rc < 0)
		qf_unix_socket_close(u);
	return rc;
}

/* The lock's file stays: who removes one may remove the next one's. */
void qf_unix_socket_close(struct qf_unix_socket *u)
{
	if (u->bound)
		unlink(u->path);
	if (u->lock > 0)
		close(u->lock);
	*u = (struct qf_unix_socket){ .lock = -1 };
}
