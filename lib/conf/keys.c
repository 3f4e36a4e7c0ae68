/* qf_conf_keys(): the tables as one flat list, in page order. Made once; it lives as long as the program. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

static struct {
	pthread_once_t once;
	struct qf_conf_key *keys;
	size_t n, cap;
} cache = { .once = PTHREAD_ONCE_INIT };

struct names {
	struct qf_buf built, known;
};

static void names_add(struct names *n, const char *name, bool built)
{
	struct qf_buf *b = built ? &n->built : &n->known;

	qf_buf_printf(b, "%s%s", b->n > 0 ? " | " : "", name);
}

/* "a | b; not built yet: c" */
static const char *names_text(struct names *n)
{
	if (n->known.n > 0)
		qf_buf_printf(&n->built, "%snot built yet: %s", n->built.n > 0 ? "; " : "", qf_buf_cstr(&n->known));
	qf_buf_fini(&n->known);
	return qf_buf_cstr(&n->built); /* kept: part of the cache */
}

static const char *enum_list(const struct qf_item *it)
{
	struct names n = { 0 };

	for (unsigned i = 0; it->names[i] != NULL; i++)
		names_add(&n, it->names[i], it->built_names == 0 || i < it->built_names);
	return names_text(&n);
}

static const char *engine_list(void)
{
	struct names n = { 0 };

	for (int i = 0; i < QF_ENGINE_N; i++)
		names_add(&n, qf_engine_kind_name((enum qf_engine_kind)i), qf_engine_kind_built((enum qf_engine_kind)i));
	return names_text(&n);
}

static const char *frontend_list(void)
{
	struct names n = { 0 };

	for (int i = 0; i < QF_FE_N; i++)
		names_add(&n, qf_frontend_name((enum qf_frontend)i), true); /* a condition may name what does not listen */
	return names_text(&n);
}

static const char *variant_list(const struct qf_variant *variants)
{
	struct names n = { 0 };

	for (const struct qf_variant *v = variants; v->name != NULL; v++)
		names_add(&n, v->name, true);
	return names_text(&n);
}

static const char *type_text(const struct qf_item *it)
{
	static const char *const plain[] = {
		[QF_ITEM_BOOL] = "boolean",
		[QF_ITEM_TEXT] = "text",
		[QF_ITEM_REGEX] = "regular expression",
		[QF_ITEM_NAME] = "name",
		[QF_ITEM_GROUP] = "group name",
		[QF_ITEM_TEXTS] = "list of text",
		[QF_ITEM_TAGS] = "mapping of text to text or null",
		[QF_ITEM_TARGETS] = "mapping of text to group name",
		[QF_ITEM_MEMBERS] = "list of cluster names",
		[QF_ITEM_SECTION] = "section",
		[QF_ITEM_LIST] = "list of sections",
		[QF_ITEM_MAP] = "mapping of names to sections",
		[QF_ITEM_ANY] = "any",
	};

	switch (it->kind) {
	case QF_ITEM_UINT:
		return qf_xasprintf("whole number %llu to %llu%s%s", (unsigned long long)it->min,
			(unsigned long long)it->max, it->unit != NULL ? " " : "", it->unit != NULL ? it->unit : "");
	case QF_ITEM_ENUM:
		return enum_list(it);
	case QF_ITEM_ENGINE:
		return engine_list();
	case QF_ITEM_FRONTEND:
		return frontend_list();
	default:
		return plain[it->kind];
	}
}

static void add_key(const char *path, const char *type, const struct qf_item *it, bool built)
{
	if (cache.n == cache.cap) {
		cache.cap = cache.cap > 0 ? cache.cap * 2 : 128;
		cache.keys = qf_xrealloc(cache.keys, cache.cap * sizeof(*cache.keys));
	}
	cache.keys[cache.n++] = (struct qf_conf_key){
		.path = path,
		.type = type,
		.dflt = it->dflt != NULL ? it->dflt : "",
		.reload = it->reload != NULL ? it->reload : "",
		.help = it->help,
		.required = it->flags & QF_ITEM_REQUIRED,
		.built = built,
		.refused = it->flags & QF_ITEM_SECURITY,
	};
}

static void add_section(const char *prefix, const struct qf_section *sec, bool built);

static void add_items(const char *prefix, const struct qf_item *items, bool section_built)
{
	for (const struct qf_item *it = items; it != NULL && it->key != NULL; it++) {
		bool built = section_built && !(it->flags & (QF_ITEM_UNBUILT | QF_ITEM_SECURITY));
		const char *dot = *prefix != '\0' ? "." : "";
		char *path = qf_xasprintf("%s%s%s", prefix, dot, it->key), *inner;

		add_key(path, type_text(it), it, built);
		if (it->sub == NULL)
			continue;
		inner = qf_xasprintf("%s%s", path,
			it->kind == QF_ITEM_MAP	   ? ".*"
			: it->kind == QF_ITEM_LIST ? "[]"
						   : "");
		add_section(inner, it->sub, built);
		free(inner);
	}
}

static void add_section(const char *prefix, const struct qf_section *sec, bool built)
{
	size_t len = strlen(prefix);
	bool list = len > 2 && strcmp(prefix + len - 2, "[]") == 0;
	char *inner;

	if (sec->variants != NULL)
		add_key(qf_xasprintf("%s.type", prefix), variant_list(sec->variants),
			&(struct qf_item){ .help = "which kind of entry this is; the other keys follow from it",
				.flags = QF_ITEM_REQUIRED },
			built);
	add_items(prefix, sec->items, built);
	for (const struct qf_variant *v = sec->variants; v != NULL && v->name != NULL; v++) {
		inner = list ? qf_xasprintf("%.*s[%s]", (int)(len - 2), prefix, v->name) : qf_xstrdup(prefix);
		add_items(inner, v->items, built);
		free(inner);
	}
}

static void make_keys(void)
{
	add_section("", &qf_schema_top, true);
}

const struct qf_conf_key *qf_conf_keys(size_t *ret_n)
{
	pthread_once(&cache.once, make_keys);
	*ret_n = cache.n;
	return cache.keys;
}
