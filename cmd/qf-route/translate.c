/* Runs qf-translate once: SQL in on a pipe, one JSON object out on another. */
#include "translate.h"

#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qf/clock.h"

enum {
	OUT_MAX = 64 * 1024 * 1024,
	ERR_MAX = 64 * 1024,
	DEADLINE_S = 60,
};

extern char **environ;

struct child {
	pid_t pid;
	int in, out, err; /* our ends; -1: closed */
	struct qf_slice left;
	struct qf_buf answer, complaint;
};

static int sibling(char *path, size_t size, struct qf_err *reterr)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return qf_err_set(reterr, -errno, "/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	snprintf(path, size, "%s/qf-translate", dirname(self));
	if (access(path, X_OK) != 0)
		return qf_err_set(reterr, -errno,
			"%s: %s; --translate runs the qf-translate that is installed beside qf-route", path,
			strerror(errno));
	return 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int spawn(struct child *c, char *const argv[], struct qf_err *reterr)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, rc = 0;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t pipe_signal;

	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE); /* ignored here, not there */
	posix_spawnattr_setsigdefault(&attr, &pipe_signal);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		rc = errno;
	posix_spawn_file_actions_adddup2(&fa, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, err[1], STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawn(&c->pid, argv[0], &fa, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	shut(&in[0]);
	shut(&out[1]);
	shut(&err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	if (rc != 0)
		return qf_err_set(reterr, -rc, "%s: %s", argv[0], strerror(rc));
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	fcntl(c->err, F_SETFL, O_NONBLOCK);
	return 0;
}

static void feed(struct child *c)
{
	ssize_t n = write(c->in, c->left.p, c->left.n);

	if (n >= 0)
		c->left = qf_slice(c->left.p + n, c->left.n - (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		c->left.n = 0; /* it reads no more; what it says decides */
	if (c->left.n == 0)
		shut(&c->in);
}

static void drink(int *fd, struct qf_buf *b, size_t max)
{
	ssize_t n = read(*fd, qf_buf_reserve(b, 65536), 65536);

	if (n > 0 && b->n + (size_t)n <= max)
		b->n += (size_t)n;
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		shut(fd);
}

static int converse(struct child *c, struct qf_err *reterr)
{
	uint64_t deadline = qf_mono_ns() + DEADLINE_S * QF_SEC;

	while (c->out >= 0 || c->err >= 0) {
		struct pollfd p[3] = { { c->in, POLLOUT, 0 }, { c->out, POLLIN, 0 }, { c->err, POLLIN, 0 } };

		if (qf_mono_ns() > deadline)
			return qf_err_set(reterr, -ETIMEDOUT, "qf-translate has not answered within %d s", DEADLINE_S);
		if (poll(p, 3, 1000) < 0 && errno != EINTR)
			return qf_err_set(reterr, -errno, "poll: %s", strerror(errno));
		if (p[0].revents)
			feed(c);
		if (p[1].revents)
			drink(&c->out, &c->answer, OUT_MAX);
		if (p[2].revents)
			drink(&c->err, &c->complaint, ERR_MAX);
	}
	return 0;
}

static const char *const *texts(const json_t *list, size_t *ret_n, struct qf_arena *a)
{
	size_t n = json_array_size(list);
	const char **all = qf_arena_alloc(a, (n + 1) * sizeof(*all));

	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s != NULL)
			all[(*ret_n)++] = qf_arena_strdup(a, s);
	}
	return all;
}

static const char *copy(const json_t *s, struct qf_arena *a)
{
	return json_is_string(s) ? qf_arena_strdup(a, json_string_value(s)) : NULL;
}

/* What it wrote for people, on one line and without its own name. */
static const char *complaint(struct child *c, struct qf_arena *a)
{
	const char *text = qf_buf_cstr(&c->complaint);
	char *line = qf_arena_strdup(a, strncmp(text, "qf-translate: ", 14) == 0 ? text + 14 : text);
	size_t n = strlen(line);

	while (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	return n > 0 ? line : NULL;
}

static int read_answer(struct child *c, struct qf_translated *ret, struct qf_arena *a, struct qf_err *reterr)
{
	const char *said = complaint(c, a);
	json_t *root;

	root = json_loadb(
		(const char *)c->answer.p, c->answer.n, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return qf_err_set(reterr, QF_EMALFORMED, "qf-translate gave no answer: %s",
			said != NULL ? said : "no reason either");
	}
	ret->sql = copy(json_object_get(root, "output"), a);
	if (ret->sql != NULL && *ret->sql == '\0')
		ret->sql = NULL;
	ret->warnings = texts(json_object_get(root, "warnings"), &ret->n_warnings, a);
	ret->doubts = texts(json_object_get(root, "doubts"), &ret->n_doubts, a);
	if (ret->sql == NULL) {
		ret->error = copy(json_object_get(root, "error"), a);
		if (ret->error == NULL)
			ret->error = said != NULL ? said : "qf-translate has no translation and gave no reason";
	}
	json_decref(root);
	return 0;
}

/* NULL at the end; the strings are argv's own kind, which nobody changes. */
static char **arguments(const char *path, const struct qf_translate_opts *o, struct qf_arena *arena)
{
	const char *all[] = { path, "--guard", "--format", "json", "--from", qf_dialect_name(o->from), "--to",
		qf_dialect_name(o->to), "--schema", o->schema, "--param-types", o->types };
	char **argv = qf_arena_alloc(arena, (sizeof(all) / sizeof(all[0]) + 1) * sizeof(*argv));
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (i >= 8 && all[i | 1] == NULL)
			continue; /* an option without its value */
		argv[n++] = qf_arena_strdup(arena, all[i]);
	}
	argv[n] = NULL;
	return argv;
}

int qf_translate_run(struct qf_translated *ret, const struct qf_translate_opts *o, struct qf_slice sql, struct qf_arena *arena,
	struct qf_err *reterr)
{
	struct child c = { .in = -1, .out = -1, .err = -1 };
	char path[PATH_MAX + 16];
	int rc;

	rc = sibling(path, sizeof(path), reterr);
	if (rc != 0)
		return rc;
	c.left = qf_slice_str(qf_arena_printf(arena, "%.*s\n;\n", (int)sql.n, (const char *)sql.p));
	qf_buf_init(&c.answer);
	qf_buf_init(&c.complaint);
	rc = spawn(&c, arguments(path, o, arena), reterr);
	if (rc == 0)
		rc = converse(&c, reterr);
	if (c.pid > 0) {
		if (rc != 0)
			kill(c.pid, SIGKILL);
		while (waitpid(c.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (rc == 0)
		rc = read_answer(&c, ret, arena, reterr);
	shut(&c.in);
	shut(&c.out);
	shut(&c.err);
	qf_buf_fini(&c.answer);
	qf_buf_fini(&c.complaint);
	return rc;
}
