/*
 * The script of a pythonScript router. A file is read here, once, so that every program sees one text with the
 * configuration, and another content is another configuration id. Whether it is Python only qf-route can tell.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qf/str.h"
#include "schema.h"

enum { SCRIPT_MAX = 256 * 1024 };

/* Beside the configuration, whatever directory the program was started in. */
static const char *resolve(struct qf_loader *ld, const char *file)
{
	const char *conf = ld->conf->path, *slash = conf != NULL ? strrchr(conf, '/') : NULL;

	if (*file == '/' || slash == NULL)
		return file;
	return qf_arena_printf(ld->arena, "%.*s/%s", (int)(slash - conf), conf, file);
}

static int fail_file(struct qf_loader *ld, const struct qf_conf_router *r, const char *why)
{
	return qf_loader_fail(ld, r->script_place, "scriptFile %.150s: %s", r->script_name, why);
}

static int read_fd(struct qf_loader *ld, const struct qf_conf_router *r, int fd, struct qf_buf *out)
{
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail_file(ld, r, "it is no regular file");
	while (n > 0 && out->n <= SCRIPT_MAX) {
		n = read(fd, qf_buf_reserve(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->n += (size_t)n;
	}
	return n < 0 ? fail_file(ld, r, strerror(errno)) : 0;
}

static int read_file(struct qf_loader *ld, struct qf_conf_router *r)
{
	struct qf_buf text;
	int fd, rc;

	/* Not blocking: the name may be that of a pipe. */
	fd = open(r->script_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail_file(ld, r, strerror(errno));
	qf_buf_init(&text);
	rc = read_fd(ld, r, fd, &text);
	close(fd);
	if (rc == 0 && memchr(text.n > 0 ? (const void *)text.p : "", 0, text.n) != NULL)
		rc = fail_file(ld, r, "a NUL character stands in it");
	if (rc == 0)
		r->script = qf_arena_strndup(ld->arena, text.p, text.n);
	qf_buf_fini(&text);
	return rc;
}

static int check_text(struct qf_loader *ld, const struct qf_conf_router *r)
{
	struct qf_slice s = qf_slice_str(r->script);
	unsigned line, column;
	size_t bad;

	if (s.n > SCRIPT_MAX)
		return qf_loader_fail(ld, r->script_place, "%.150s is longer than the 256 KiB that a script may have",
			r->script_name);
	bad = qf_utf8_bad_at(s);
	if (bad == s.n)
		return 0;
	qf_text_place(s, bad, &line, &column);
	return qf_loader_fail(ld, r->script_place, "%.150s:%u:%u: byte 0x%02x is not UTF-8; save the file as UTF-8",
		r->script_name, line, column, s.p[bad]);
}

int qf_script_load(
	struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, struct qf_conf_router *r)
{
	const struct qf_node *text = qf_node_get(node, "script"), *file = qf_node_get(node, "scriptFile");
	int rc = 0;

	if ((text == NULL) == (file == NULL))
		return qf_loader_fail(ld, text != NULL ? file->key_place : node->place,
			text != NULL ? "%s has both \"script\" and \"scriptFile\"; take one away"
				     : "%s has no script; write it under \"script\", or name its file in \"scriptFile\"",
			qf_path_text(ld, path));
	r->script_place = (text != NULL ? text : file)->place;
	if (file != NULL) {
		r->script_name = resolve(ld, r->script_file);
		rc = read_file(ld, r);
	} else {
		r->script_name = qf_arena_printf(ld->arena, "%s.script", qf_path_text(ld, path));
	}
	return rc != 0 ? rc : check_text(ld, r);
}
