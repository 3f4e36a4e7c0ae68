/* Single values: what YAML wrote → the type that the table asks for. */
#include <string.h>

#include "qf/regex.h"
#include "qf/str.h"
#include "schema.h"

static void store(const struct qf_item *it, void *base, const void *value, size_t size)
{
	if (base != NULL && it->offset != QF_NOWHERE)
		memcpy((char *)base + it->offset, value, size);
}

/* As a person would repeat it in a message. */
static const char *shown(struct qf_loader *ld, const struct qf_node *node)
{
	if (node->kind == QF_NODE_LIST)
		return "a list";
	if (node->kind == QF_NODE_MAP)
		return "a mapping";
	if (qf_node_is_null(node))
		return "nothing";
	return qf_arena_printf(ld->arena, "\"%.60s\"%s", node->text, node->len > 60 ? "…" : "");
}

static bool looks_like_number(const char *s)
{
	size_t n;

	s += *s == '-' || *s == '+';
	n = strspn(s, "0123456789");
	if (n == 0)
		return false;
	return s[n] == '\0' || (s[n] == '.' && s[n + 1 + strspn(s + n + 1, "0123456789")] == '\0');
}

int qf_item_text(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node, const char **ret)
{
	bool typed = node->kind == QF_NODE_SCALAR && node->plain && !node->expanded;

	if (node->kind != QF_NODE_SCALAR)
		return qf_loader_fail(
			ld, node->place, "%s must be text, not %s", qf_path_text(ld, path), shown(ld, node));
	if (qf_node_is_null(node))
		return qf_loader_fail(
			ld, node->place, "%s has no value; write one or take the key away", qf_path_text(ld, path));
	if (typed &&
		(qf_node_is_plain(node, "true") || qf_node_is_plain(node, "false") || looks_like_number(node->text)))
		return qf_loader_fail(ld, node->place, "%s must be text; put it in quotes: \"%s\"",
			qf_path_text(ld, path), node->text);
	*ret = node->text;
	return 0;
}

static int item_bool(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	bool value, typed = node->kind == QF_NODE_SCALAR && (node->plain || node->expanded);

	if (!typed || (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
		return qf_loader_fail(ld, node->place, "%s must be true or false, not %s%s", qf_path_text(ld, path),
			shown(ld, node), node->kind == QF_NODE_SCALAR && !typed ? " in quotes" : "");
	value = node->text[0] == 't';
	store(it, base, &value, sizeof(value));
	return 0;
}

static void store_uint(const struct qf_item *it, void *base, uint64_t value)
{
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	if (it->size == sizeof(v16))
		store(it, base, &v16, sizeof(v16));
	else if (it->size == sizeof(v32))
		store(it, base, &v32, sizeof(v32));
	else
		store(it, base, &value, sizeof(value));
}

static int item_uint(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	const char *unit = it->unit != NULL ? it->unit : "";
	bool typed = node->kind == QF_NODE_SCALAR && (node->plain || node->expanded);
	uint64_t value;

	if (!typed || qf_parse_u64(node->text, it->min, it->max, &value) != 0)
		return qf_loader_fail(ld, node->place, "%s must be a whole number from %llu to %llu%s%s, not %s%s",
			qf_path_text(ld, path), (unsigned long long)it->min, (unsigned long long)it->max,
			*unit != '\0' ? " " : "", unit, shown(ld, node),
			node->kind == QF_NODE_SCALAR && !typed ? " in quotes" : "");
	store_uint(it, base, value * (it->scale > 0 ? it->scale : 1));
	return 0;
}

static int pick_name(struct qf_loader *ld, const struct qf_path *path, const struct qf_node *node,
	const char *const *names, unsigned *ret)
{
	const char *text;
	int rc;

	rc = qf_item_text(ld, path, node, &text);
	if (rc != 0)
		return rc;
	for (unsigned i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], text) == 0) {
			*ret = i;
			return 0;
		}
	return qf_loader_fail(ld, node->place, "%s cannot be \"%.60s\"%s", qf_path_text(ld, path), text,
		qf_loader_hint(ld, text, names, "it is one of"));
}

static int item_enum(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	unsigned value = 0;
	bool flag;
	int rc;

	rc = pick_name(ld, path, node, it->names, &value);
	if (rc != 0)
		return rc;
	if (it->built_names > 0 && value >= it->built_names) {
		if (ld->quiet == 0)
			qf_loader_warn(ld, node->place, "%s: %s is known but not built yet: %s is used",
				qf_path_text(ld, path), it->names[value], it->names[0]);
		value = 0;
	}
	flag = value != 0;
	store(it, base, it->size == sizeof(flag) ? (const void *)&flag : (const void *)&value, it->size);
	return 0;
}

static int item_regex(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	struct qf_regex *re = NULL;
	struct qf_err err;
	const char *text;
	size_t at = 0;
	int rc;

	rc = qf_item_text(ld, path, node, &text);
	if (rc != 0)
		return rc;
	if (*text == '\0')
		return qf_loader_fail(ld, node->place,
			"%s is empty and would match every statement; write \".*\" if that is meant",
			qf_path_text(ld, path));
	if (qf_regex_new(&re, qf_slice_str(text), &at, &err) != 0)
		return qf_loader_fail(ld, node->place, "%s: %s, at character %zu of the pattern, before \"%.40s\"",
			qf_path_text(ld, path), err.text, at + 1, text + at);
	qf_regex_free(re);
	store(it, base, &text, sizeof(text));
	return 0;
}

static int item_text(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	const char *text;
	int rc;

	rc = qf_item_text(ld, path, node, &text);
	if (rc != 0)
		return rc;
	if (*text == '\0' && it->flags & QF_ITEM_REQUIRED)
		return qf_loader_fail(ld, node->place, "%s is empty: %s", qf_path_text(ld, path), it->help);
	if (it->kind == QF_ITEM_NAME &&
		(*text == '\0' || strlen(text) > 32 ||
			text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] != '\0'))
		return qf_loader_fail(ld, node->place,
			"%s becomes part of file names: use at most 32 letters, digits and '_', not \"%.40s\"",
			qf_path_text(ld, path), text);
	store(it, base, &text, sizeof(text));
	return 0;
}

static const char *const *engine_names(struct qf_arena *a)
{
	const char **names = qf_arena_alloc(a, (QF_ENGINE_N + 1) * sizeof(*names));

	for (int i = 0; i < QF_ENGINE_N; i++)
		names[i] = qf_engine_kind_name((enum qf_engine_kind)i);
	return names;
}

static const char *const *frontend_names(struct qf_arena *a)
{
	const char **names = qf_arena_alloc(a, (2 * QF_FE_N + 1) * sizeof(*names));

	for (int i = 0; i < QF_FE_N; i++) {
		names[i] = qf_frontend_name((enum qf_frontend)i);
		names[QF_FE_N + i] = qf_frontend_short((enum qf_frontend)i);
	}
	return names;
}

static int item_named(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	bool frontend = it->kind == QF_ITEM_FRONTEND;
	unsigned value = 0;
	int rc;

	rc = pick_name(ld, path, node, frontend ? frontend_names(ld->arena) : engine_names(ld->arena), &value);
	if (rc != 0)
		return rc;
	value = frontend ? value % QF_FE_N : value;
	store(it, base, &value, sizeof(value));
	return 0;
}

int qf_item_scalar(struct qf_loader *ld, const struct qf_path *path, const struct qf_item *it,
	const struct qf_node *node, void *base)
{
	const struct qf_conf_group *group = NULL;
	int rc;

	switch (it->kind) {
	case QF_ITEM_BOOL:
		return item_bool(ld, path, it, node, base);
	case QF_ITEM_UINT:
		return item_uint(ld, path, it, node, base);
	case QF_ITEM_ENUM:
		return item_enum(ld, path, it, node, base);
	case QF_ITEM_REGEX:
		return item_regex(ld, path, it, node, base);
	case QF_ITEM_FRONTEND:
	case QF_ITEM_ENGINE:
		return item_named(ld, path, it, node, base);
	case QF_ITEM_GROUP:
		rc = qf_item_group(ld, path, node, &group);
		if (rc == 0)
			store(it, base, &group, sizeof(group));
		return rc;
	default:
		return item_text(ld, path, it, node, base);
	}
}
