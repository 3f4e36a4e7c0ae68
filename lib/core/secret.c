/* See qf/secret.h. */
#include "qf/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *qf_secret_path(const char *file)
{
	const char *dir = strchr(file, '/') ? NULL : getenv("CREDENTIALS_DIRECTORY");

	return dir ? qf_xasprintf("%s/%s", dir, file) : qf_xstrdup(file);
}

void qf_secret_wipe(struct qf_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	qf_buf_fini(b);
}

/* The room is taken at once: a buffer that grows leaves copies behind. */
static int read_all(int fd, struct qf_buf *b)
{
	ssize_t n;

	qf_buf_reserve(b, QF_SECRET_MAX + 1);
	do {
		n = read(fd, b->p + b->n, QF_SECRET_MAX + 1 - b->n);
		if (n > 0)
			b->n += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	return b->n > QF_SECRET_MAX ? QF_ELIMIT : 0;
}

int qf_secret_read(struct qf_buf *ret, const char *key, const char *file, struct qf_err *reterr)
{
	char *path = qf_secret_path(file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : read_all(fd, ret);

	if (fd >= 0)
		close(fd);
	if (r == QF_ELIMIT)
		qf_err_set(reterr, r, "%s %s is longer than %d bytes", key, path, QF_SECRET_MAX);
	else if (r < 0)
		qf_err_set(reterr, r, "%s %s: %s", key, path, qf_strerror(r));
	if (r < 0)
		qf_secret_wipe(ret);
	free(path);
	return r;
}

int qf_secret_line(char **ret, const char *key, const char *file, struct qf_err *reterr)
{
	struct qf_buf all = { 0 };
	int r = qf_secret_read(&all, key, file, reterr);

	if (r < 0)
		return r;
	char *text = qf_buf_cstr(&all); /* in the room that is there */
	size_t n = strcspn(text, "\r\n");

	if (n == 0)
		r = qf_err_set(reterr, QF_ECONFIG, "%s %s is empty", key, file);
	else
		*ret = qf_slice_dup(qf_slice(text, n));
	qf_secret_wipe(&all);
	return r;
}

char *qf_secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
	return NULL;
}
