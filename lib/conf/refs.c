/* Values that name things: groups and clusters of this configuration, lists of texts, tags. */
#include <stdlib.h>
#include <string.h>

#include "schema.h"

int qf_item_group(
	struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, const struct qf_conf_group **ret)
{
	const struct qf_conf *c = ld->conf;
	const char *text, **names;
	int rc;

	rc = qf_item_text(ld, path, node, &text);
	if (rc != 0)
		return rc;
	*ret = qf_conf_group(c, text);
	if (*ret != NULL)
		return 0;
	names = qf_arena_alloc(ld->arena, (c->n_groups + 1) * sizeof(*names));
	for (size_t i = 0; i < c->n_groups; i++)
		names[i] = c->groups[i].name;
	return qf_loader_fail(ld, node->place, "%s names the group \"%.70s\", which is not in clusterGroups%s",
		qf_path_text(ld, path), text, qf_loader_hint(ld, text, names, "there are"));
}

static int find_cluster(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node,
	const struct qf_conf_cluster **ret)
{
	const struct qf_conf *c = ld->conf;
	const char *text, **names;
	int rc;

	rc = qf_item_text(ld, path, node, &text);
	if (rc != 0)
		return rc;
	*ret = qf_conf_cluster(c, text);
	if (*ret != NULL)
		return 0;
	names = qf_arena_alloc(ld->arena, (c->n_clusters + 1) * sizeof(*names));
	for (size_t i = 0; i < c->n_clusters; i++)
		names[i] = c->clusters[i].name;
	return qf_loader_fail(ld, node->place, "%s names the cluster \"%.70s\", which is not in clusters%s",
		qf_path_text(ld, path), text, qf_loader_hint(ld, text, names, "there are"));
}

static void store_array(const struct qf_item *it, void *base, const void *array, size_t n)
{
	if (base == NULL || it->offset == QF_NOWHERE)
		return;
	memcpy((char *)base + it->offset, &array, sizeof(array));
	memcpy((char *)base + it->count, &n, sizeof(n));
}

static int take_members(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	const struct qf_conf_cluster **members = qf_arena_alloc(ld->arena, (node->n + 1) * sizeof(const void *));
	size_t n = 0;
	int rc;

	for (const struct qf_node *c = node->first; c != NULL; c = c->next, n++) {
		struct qf_path sub = { path, NULL, n + 1, c };

		rc = find_cluster(ld, &sub, c, &members[n]);
		if (rc != 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (members[i] == members[n])
				return qf_loader_fail(ld, c->place, "%s names the cluster \"%s\" a second time",
					qf_path_text(ld, path), members[n]->name);
	}
	store_array(it, base, members, n);
	return 0;
}

static int take_texts(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	const char **texts = qf_arena_alloc(ld->arena, (node->n + 1) * sizeof(*texts));
	size_t n = 0;
	int rc;

	for (const struct qf_node *c = node->first; c != NULL; c = c->next, n++) {
		rc = qf_item_text(ld, &(struct qf_path){ path, NULL, n + 1, c }, c, &texts[n]);
		if (rc != 0)
			return rc;
	}
	store_array(it, base, texts, n);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct qf_conf_kv *)a)->key, ((const struct qf_conf_kv *)b)->key);
}

/* The order of keys in a mapping says nothing, so the model sorts them: equal files have equal ids. */
static int take_tags(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	struct qf_conf_kv *tags = qf_arena_alloc(ld->arena, (node->n + 1) * sizeof(*tags));
	size_t n = 0;
	int rc = 0;

	for (const struct qf_node *c = node->first; rc == 0 && c != NULL; c = c->next, n++) {
		tags[n].key = c->key;
		if (!qf_node_is_null(c))
			rc = qf_item_text(ld, &(struct qf_path){ path, c->key, 0, c }, c, &tags[n].value);
	}
	qsort(tags, n, sizeof(*tags), by_key);
	store_array(it, base, tags, n);
	return rc;
}

static int by_value(const void *a, const void *b)
{
	return strcmp(((const struct qf_conf_target *)a)->value, ((const struct qf_conf_target *)b)->value);
}

static int take_targets(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	struct qf_conf_target *targets = qf_arena_alloc(ld->arena, (node->n + 1) * sizeof(*targets));
	size_t n = 0;
	int rc = 0;

	for (const struct qf_node *c = node->first; rc == 0 && c != NULL; c = c->next, n++) {
		targets[n].value = c->key;
		rc = qf_item_group(ld, &(struct qf_path){ path, c->key, 0, c }, c, &targets[n].group);
	}
	qsort(targets, n, sizeof(*targets), by_value);
	store_array(it, base, targets, n);
	return rc;
}

int qf_item_names(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	bool map = it->kind == QF_ITEM_TAGS || it->kind == QF_ITEM_TARGETS;

	if (qf_node_is_null(node))
		return 0;
	if (node->kind != (map ? QF_NODE_MAP : QF_NODE_LIST))
		return qf_loader_fail(ld, node->place, "%s must be a %s", qf_path_text(ld, path),
			map ? "mapping: { key: value }" : "list: [a, b]");
	switch (it->kind) {
	case QF_ITEM_MEMBERS:
		return take_members(ld, path, it, node, base);
	case QF_ITEM_TAGS:
		return take_tags(ld, path, it, node, base);
	case QF_ITEM_TARGETS:
		return take_targets(ld, path, it, node, base);
	default:
		return take_texts(ld, path, it, node, base);
	}
}
