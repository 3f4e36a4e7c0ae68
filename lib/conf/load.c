/* The public entry: file → text → document → model, and what can be asked of a model. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qf/map.h"
#include "qf/str.h"
#include "schema.h"

#define DEFAULT_PATH "/etc/queryflux/queryflux.yaml"
#define DEFAULT_STATE_DIR "/var/lib/queryflux"

int qf_loader_fail(struct qf_loader *ld, struct qf_conf_place at, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return qf_err_set(ld->err, QF_ECONFIG, "%s:%u:%u: %s", ld->file, at.line, at.column, text);
}

void qf_loader_warn(struct qf_loader *ld, struct qf_conf_place at, const char *fmt, ...)
{
	struct qf_conf_warning w = { .place = at };
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w.text = qf_arena_strdup(ld->arena, text);
	qf_buf_add(&ld->warnings, &w, sizeof(w));
}

const char *qf_loader_hint(struct qf_loader *ld, const char *word, const char *const *names, const char *what)
{
	const char *near = qf_nearest(word, names), *out;
	struct qf_buf b;

	if (near != NULL)
		return qf_arena_printf(ld->arena, "; did you mean \"%s\"?", near);
	if (names[0] == NULL)
		return "";
	qf_buf_init(&b);
	for (size_t i = 0; names[i] != NULL; i++) {
		if (b.n > 120) {
			qf_buf_add_str(&b, ", …");
			break;
		}
		qf_buf_printf(&b, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	out = qf_arena_printf(ld->arena, "; %s: %s", what, qf_buf_cstr(&b));
	qf_buf_fini(&b);
	return out;
}

static bool usable_dir(const char *dir)
{
	return access(dir, W_OK | X_OK) == 0;
}

static const char *find_state_dir(struct qf_arena *a)
{
	const char *dir = getenv("QF_STATE_DIR"), *home;

	if (dir != NULL && *dir != '\0')
		return qf_arena_strdup(a, dir);
	if (usable_dir(DEFAULT_STATE_DIR))
		return DEFAULT_STATE_DIR;
	dir = getenv("XDG_STATE_HOME");
	if (dir != NULL && *dir == '/')
		return qf_arena_printf(a, "%s/queryflux", dir);
	home = getenv("HOME");
	return home != NULL && *home == '/' ? qf_arena_printf(a, "%s/.local/state/queryflux", home) : DEFAULT_STATE_DIR;
}

static uint64_t conf_id(const struct qf_conf *c)
{
	struct qf_buf b;
	uint64_t id;

	qf_buf_init(&b);
	qf_section_serialise(&b, &qf_schema_top, c, c->state_dir);
	id = qf_hash_fixed(qf_buf_slice(&b));
	qf_buf_fini(&b);
	return id;
}

static int by_place(const void *a, const void *b)
{
	const struct qf_conf_warning *x = a, *y = b;

	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	return x->place.column < y->place.column ? -1 : x->place.column > y->place.column;
}

static int load_model(struct qf_loader *ld)
{
	struct qf_conf *c = ld->conf;
	struct qf_node *root = NULL;
	int rc;

	rc = qf_doc_parse(ld, &root);
	if (rc == 0 && qf_node_is_null(root))
		rc = qf_loader_fail(ld, root->place,
			"there is no configuration in it; take the file away to run with the embedded default");
	if (rc == 0)
		rc = qf_section_fill(ld, NULL, &qf_schema_top, root, c);
	if (rc != 0)
		return rc;
	c->id = conf_id(c);
	rc = qf_conf_check(ld);
	if (rc != 0)
		return rc;
	c->n_warnings = ld->warnings.n / sizeof(struct qf_conf_warning);
	if (c->n_warnings > 0) {
		struct qf_conf_warning *w = qf_arena_alloc(ld->arena, ld->warnings.n);

		memcpy(w, ld->warnings.p, ld->warnings.n);
		qsort(w, c->n_warnings, sizeof(*w), by_place);
		c->warnings = w;
	}
	return 0;
}

static int parse(struct qf_conf **ret, struct qf_slice yaml, const char *name, bool embedded, struct qf_err *reterr)
{
	struct qf_arena *arena = qf_arena_new(0);
	struct qf_loader ld = { .arena = arena, .file = name, .text = yaml, .embedded = embedded, .err = reterr };
	int rc;

	ld.conf = qf_arena_alloc(arena, sizeof(*ld.conf));
	ld.conf->arena = arena;
	ld.conf->path = embedded ? NULL : qf_arena_strdup(arena, name);
	ld.conf->state_dir = find_state_dir(arena);
	qf_buf_init(&ld.warnings);
	if (yaml.n > QF_DOC_MAX_BYTES)
		rc = qf_err_set(reterr, QF_ECONFIG, "%s: larger than 4 MiB, which no configuration is", name);
	else
		rc = load_model(&ld);
	qf_buf_fini(&ld.warnings);
	if (rc == 0)
		*ret = ld.conf;
	else
		qf_arena_free(arena);
	return rc;
}

int qf_conf_parse(struct qf_conf **ret, struct qf_slice yaml, const char *name, struct qf_err *reterr)
{
	return parse(ret, yaml, name, false, reterr);
}

static int read_file(const char *path, struct qf_buf *out, struct qf_err *reterr)
{
	ssize_t n = 1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return qf_err_set(
			reterr, -errno, "%s: %s; name another file with -c or $QF_CONFIG", path, strerror(errno));
	while (n > 0 && out->n <= QF_DOC_MAX_BYTES) {
		n = read(fd, qf_buf_reserve(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->n += (size_t)n;
	}
	if (n < 0)
		n = qf_err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	close(fd);
	return n < 0 ? (int)n : 0;
}

int qf_conf_load(struct qf_conf **ret, const char *path, struct qf_err *reterr)
{
	struct qf_buf text;
	int rc;

	if (path == NULL)
		return parse(ret, qf_slice_str(qf_conf_default_text), "embedded default", true, reterr);
	qf_buf_init(&text);
	rc = read_file(path, &text, reterr);
	if (rc == 0)
		rc = parse(ret, qf_buf_slice(&text), path, false, reterr);
	qf_buf_fini(&text);
	return rc;
}

const char *qf_conf_path(const char *option)
{
	const char *env = getenv("QF_CONFIG");

	if (option != NULL)
		return option;
	if (env != NULL && *env != '\0')
		return env;
	return access(DEFAULT_PATH, F_OK) == 0 ? DEFAULT_PATH : NULL;
}

struct qf_conf *qf_conf_ref(const struct qf_conf *c)
{
	struct qf_conf *held = (struct qf_conf *)(uintptr_t)c; /* the count is no part of the model */

	held->refs++;
	return held;
}

struct qf_conf *qf_conf_free(struct qf_conf *c)
{
	if (c != NULL && c->refs-- == 0)
		qf_arena_free(c->arena);
	return NULL;
}

const struct qf_conf_group *qf_conf_group(const struct qf_conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_groups; i++)
		if (strcmp(c->groups[i].name, name) == 0)
			return &c->groups[i];
	return NULL;
}

const struct qf_conf_cluster *qf_conf_cluster(const struct qf_conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_clusters; i++)
		if (strcmp(c->clusters[i].name, name) == 0)
			return &c->clusters[i];
	return NULL;
}

const struct qf_conf_user *qf_conf_user(const struct qf_conf *c, const char *name)
{
	for (size_t i = 0; i < c->auth.n_users; i++)
		if (strcmp(c->auth.users[i].name, name) == 0)
			return &c->auth.users[i];
	return NULL;
}

static bool has_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool qf_conf_may_use(const struct qf_conf *c, const struct qf_conf_group *g, const char *user)
{
	const struct qf_conf_user *u;

	if (!g->restricted)
		return true;
	if (user == NULL)
		return false;
	if (has_name(g->allow_users, g->n_allow_users, user))
		return true;
	u = qf_conf_user(c, user);
	for (size_t i = 0; u != NULL && i < u->n_groups; i++)
		if (has_name(g->allow_groups, g->n_allow_groups, u->groups[i]))
			return true;
	return false;
}
