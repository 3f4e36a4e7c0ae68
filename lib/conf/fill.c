/* Walks the document along the tables: refuses what no table knows, fills the model, applies the defaults. */
#include <string.h>

#include "schema.h"

static int fill_item(struct qf_loader *ld, const struct qf_path *up, const struct qf_item *it,
	const struct qf_node *node, void *base);

const char *qf_path_text(struct qf_loader *ld, const struct qf_path *path)
{
	const char *up;

	if (path == NULL)
		return "the top level";
	if (path->key == NULL)
		return qf_arena_printf(
			ld->arena, "%s[%zu]", path->up != NULL ? qf_path_text(ld, path->up) : "", path->index);
	if (path->up == NULL)
		return path->key;
	up = qf_path_text(ld, path->up);
	return qf_arena_printf(ld->arena, "%s.%s", up, path->key);
}

static struct qf_conf_place path_place(const struct qf_path *path)
{
	if (path == NULL || path->node == NULL)
		return (struct qf_conf_place){ 1, 1 };
	return path->key != NULL ? path->node->key_place : path->node->place;
}

static const struct qf_item *find_item(const struct qf_item *items, const char *key)
{
	for (; items != NULL && items->key != NULL; items++)
		if (strcmp(items->key, key) == 0)
			return items;
	return NULL;
}

static int unknown_key(struct qf_loader *ld, const struct qf_path *path, const struct qf_section *sec,
	const struct qf_variant *var, const struct qf_node *child)
{
	const struct qf_item *tables[2] = { sec->items, var != NULL ? var->items : NULL };
	const char **names;
	size_t n = 0;

	for (int t = 0; t < 2; t++)
		for (const struct qf_item *it = tables[t]; it != NULL && it->key != NULL; it++)
			n++;
	names = qf_arena_alloc(ld->arena, (n + 1) * sizeof(*names));
	n = 0;
	for (int t = 0; t < 2; t++)
		for (const struct qf_item *it = tables[t]; it != NULL && it->key != NULL; it++)
			names[n++] = it->key;
	return qf_loader_fail(ld, child->key_place, "unknown key \"%s\" in %s%s", child->key, qf_path_text(ld, path),
		qf_loader_hint(ld, child->key, names, "known here"));
}

static int find_variant(struct qf_loader *ld, const struct qf_path *path, const struct qf_section *sec,
	const struct qf_node *node, const struct qf_variant **ret)
{
	const struct qf_node *type = qf_node_get(node, "type");
	const char *text, *names[16] = { NULL };
	int rc;

	for (size_t i = 0; sec->variants[i].name != NULL && i + 1 < sizeof(names) / sizeof(names[0]); i++)
		names[i] = sec->variants[i].name;
	if (type == NULL)
		return qf_loader_fail(ld, path_place(path), "%s has no \"type\"%s", qf_path_text(ld, path),
			qf_loader_hint(ld, "", names, "the types"));
	rc = qf_item_text(ld, &(struct qf_path){ path, "type", 0, type }, type, &text);
	if (rc != 0)
		return rc;
	for (const struct qf_variant *v = sec->variants; v->name != NULL; v++) {
		if (strcmp(v->name, text) != 0)
			continue;
		*ret = v;
		return 0;
	}
	return qf_loader_fail(ld, type->place, "unknown type \"%s\" of %s%s", text, qf_path_text(ld, path),
		qf_loader_hint(ld, text, names, "the types"));
}

static int check_keys(struct qf_loader *ld, const struct qf_path *path, const struct qf_section *sec,
	const struct qf_variant *var, const struct qf_node *node)
{
	for (const struct qf_node *c = node->first; c != NULL; c = c->next) {
		if (sec->variants != NULL && strcmp(c->key, "type") == 0)
			continue;
		if (find_item(sec->items, c->key) == NULL && (var == NULL || find_item(var->items, c->key) == NULL))
			return unknown_key(ld, path, sec, var, c);
	}
	return 0;
}

/* node NULL: the section is not there and takes its defaults. */
int qf_section_fill(struct qf_loader *ld, const struct qf_path *path, const struct qf_section *sec,
	const struct qf_node *node, void *base)
{
	const struct qf_variant *var = NULL;
	const struct qf_item *it;
	int rc = 0;

	if (node != NULL && qf_node_is_null(node))
		node = NULL;
	if (node != NULL && node->kind != QF_NODE_MAP)
		return qf_loader_fail(
			ld, node->place, "%s must be a mapping of keys to values", qf_path_text(ld, path));
	if (sec->variants != NULL && node != NULL)
		rc = find_variant(ld, path, sec, node, &var);
	if (rc == 0 && node != NULL)
		rc = check_keys(ld, path, sec, var, node);
	for (it = sec->items; rc == 0 && it->key != NULL; it++)
		rc = fill_item(ld, path, it, qf_node_get(node, it->key), base);
	for (it = var != NULL ? var->items : NULL; rc == 0 && it != NULL && it->key != NULL; it++)
		rc = fill_item(ld, path, it, qf_node_get(node, it->key), base);
	if (rc == 0 && var != NULL && base != NULL)
		memcpy((char *)base + sec->type, &var->value, sizeof(var->value));
	if (rc == 0 && sec->check != NULL)
		rc = sec->check(ld, path, node, base);
	return rc;
}

/* Says "off" in any of the ways that change nothing: null, false, none, {}, [], { enabled: false }. */
static bool node_is_off(const struct qf_node *n)
{
	const struct qf_node *enabled = qf_node_get(n, "enabled");

	if (n->kind != QF_NODE_SCALAR)
		return n->first == NULL || (enabled != NULL && qf_node_is_plain(enabled, "false"));
	return qf_node_is_null(n) || qf_node_is_plain(n, "false") || strcmp(n->text, "none") == 0;
}

static int unbuilt_item(
	struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it, const struct qf_node *node)
{
	if (it->flags & QF_ITEM_SECURITY && !node_is_off(node))
		return qf_loader_fail(ld, node->key_place,
			"%s is a security setting that is known but not built yet: take it away, because nothing would "
			"be protected by it",
			qf_path_text(ld, path));
	if (it->flags & QF_ITEM_UNBUILT && !node_is_off(node) && ld->quiet == 0)
		qf_loader_warn(
			ld, node->key_place, "%s is known but not built yet: it has no effect", qf_path_text(ld, path));
	return 0;
}

static void *element_base(const struct qf_section *sec, void *array, size_t i, const struct qf_node *node)
{
	struct qf_conf_place at = node->key != NULL ? node->key_place : node->place;
	char *base = array;

	if (base == NULL)
		return NULL;
	base += i * sec->size;
	if (sec->place != QF_NOWHERE)
		memcpy(base + sec->place, &at, sizeof(at));
	if (sec->name != QF_NOWHERE)
		memcpy(base + sec->name, &node->key, sizeof(node->key));
	return base;
}

static int check_name(struct qf_loader *ld, const struct qf_node *node)
{
	size_t len = strlen(node->key);

	if (len > 64 || strspn(node->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:@") != len)
		return qf_loader_fail(ld, node->key_place,
			"\"%.70s\" cannot be a name here; use at most 64 letters, digits, '_', '-', '.', ':' and '@'",
			node->key);
	return 0;
}

/* Lists of sections, and mappings of names to sections. */
static int fill_many(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	bool map = it->kind == QF_ITEM_MAP;
	void *array = NULL;
	size_t i = 0;
	int rc = 0;

	if (node == NULL || qf_node_is_null(node))
		return 0;
	if (node->kind != (map ? QF_NODE_MAP : QF_NODE_LIST))
		return qf_loader_fail(ld, node->place, "%s must be a %s", qf_path_text(ld, path),
			map ? "mapping of names to sections" : "list: start each entry with \"- \"");
	if (base != NULL && it->offset != QF_NOWHERE && node->n > 0)
		array = qf_arena_alloc(ld->arena, node->n * it->sub->size);
	for (const struct qf_node *c = node->first; rc == 0 && c != NULL; c = c->next, i++) {
		struct qf_path sub = { path, map ? c->key : NULL, i + 1, c };

		if (map)
			rc = check_name(ld, c);
		if (rc == 0 && !map && c->kind != QF_NODE_MAP)
			rc = qf_loader_fail(
				ld, c->place, "%s must be a mapping of keys to values", qf_path_text(ld, &sub));
		if (rc == 0)
			rc = qf_section_fill(ld, &sub, it->sub, c, element_base(it->sub, array, i, c));
	}
	if (rc != 0 || array == NULL)
		return rc;
	memcpy((char *)base + it->offset, &array, sizeof(array));
	memcpy((char *)base + it->count, &node->n, sizeof(node->n));
	return 0;
}

static int fill_default(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it, void *base)
{
	struct qf_node node = { .kind = QF_NODE_SCALAR, .plain = true, .expanded = true, .text = it->dflt };

	if (it->dflt == NULL || base == NULL || it->offset == QF_NOWHERE)
		return 0;
	node.len = strlen(it->dflt);
	return qf_item_scalar(ld, path, it, &node, base);
}

static int fill_subsection(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	bool kept = base != NULL && it->offset != QF_NOWHERE;

	if (kept && node != NULL && it->sub->place != QF_NOWHERE)
		memcpy((char *)base + it->offset + it->sub->place, &node->key_place, sizeof(node->key_place));
	return qf_section_fill(ld, path, it->sub, node, kept ? (char *)base + it->offset : NULL);
}

static int fill_present(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	switch (it->kind) {
	case QF_ITEM_ANY:
		return 0;
	case QF_ITEM_SECTION:
		return fill_subsection(ld, path, it, node, base);
	case QF_ITEM_LIST:
	case QF_ITEM_MAP:
		return fill_many(ld, path, it, node, base);
	case QF_ITEM_TEXTS:
	case QF_ITEM_TAGS:
	case QF_ITEM_TARGETS:
	case QF_ITEM_MEMBERS:
		return qf_item_names(ld, path, it, node, base);
	default:
		return qf_item_scalar(ld, path, it, node, base);
	}
}

static int fill_item(struct qf_loader *ld, const struct qf_path *up, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	struct qf_path path = { up, it->key, 0, node };
	bool unbuilt = it->flags & (QF_ITEM_UNBUILT | QF_ITEM_SECURITY);
	int rc;

	if (node == NULL && it->flags & QF_ITEM_REQUIRED && (up == NULL || up->node != NULL))
		return qf_loader_fail(
			ld, path_place(up), "%s has no \"%s\": %s", qf_path_text(ld, up), it->key, it->help);
	if (node == NULL)
		return it->kind == QF_ITEM_SECTION && !unbuilt ? fill_subsection(ld, &path, it, NULL, base)
							       : fill_default(ld, &path, it, base);
	if (!unbuilt)
		return fill_present(ld, &path, it, node, base);
	rc = unbuilt_item(ld, &path, it, node);
	if (rc != 0 || qf_node_is_null(node))
		return rc;
	ld->quiet++;
	rc = fill_present(ld, &path, it, node, NULL);
	ld->quiet--;
	return rc;
}
