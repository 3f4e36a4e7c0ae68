/*
 * The configuration id: a fixed hash over the model as the tables describe it. Every text goes in with its
 * length and every mapping in the order of its keys, so neither comments nor the order of keys count.
 */
#include <stdlib.h>
#include <string.h>

#include "schema.h"

static void put_text(struct qf_buf *out, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	qf_buf_u8(out, s != NULL);
	qf_buf_u64(out, n);
	qf_buf_add(out, s, n);
}

/* Programs of one ring may see the state directory under different paths; only what is below it counts. */
static void put_path(struct qf_buf *out, const char *s, const char *state_dir)
{
	size_t n = strlen(state_dir);

	if (s != NULL && strncmp(s, state_dir, n) == 0 && s[n] == '/') {
		qf_buf_add_str(out, "state");
		s += n + 1;
	}
	put_text(out, s);
}

static uint64_t get_uint(const struct qf_item *it, const char *base)
{
	uint64_t v64 = 0;
	uint32_t v32 = 0;
	uint16_t v16 = 0;

	switch (it->size) {
	case 1:
		return (uint8_t)base[it->offset];
	case sizeof(v16):
		memcpy(&v16, base + it->offset, sizeof(v16));
		return v16;
	case sizeof(v32):
		memcpy(&v32, base + it->offset, sizeof(v32));
		return v32;
	default:
		memcpy(&v64, base + it->offset, sizeof(v64));
		return v64;
	}
}

static const void *get_pointer(const char *base, size_t offset)
{
	const void *p;

	memcpy(&p, base + offset, sizeof(p));
	return p;
}

static size_t get_count(const struct qf_item *it, const char *base)
{
	size_t n;

	memcpy(&n, base + it->count, sizeof(n));
	return n;
}

static void put_names(struct qf_buf *out, const struct qf_item *it, const char *base)
{
	const void *array = get_pointer(base, it->offset);
	size_t n = get_count(it, base);

	qf_buf_u64(out, n);
	for (size_t i = 0; i < n; i++) {
		if (it->kind == QF_ITEM_TEXTS) {
			put_text(out, ((const char *const *)array)[i]);
		} else if (it->kind == QF_ITEM_MEMBERS) {
			put_text(out, ((const struct qf_conf_cluster *const *)array)[i]->name);
		} else if (it->kind == QF_ITEM_TAGS) {
			put_text(out, ((const struct qf_conf_kv *)array)[i].key);
			put_text(out, ((const struct qf_conf_kv *)array)[i].value);
		} else {
			put_text(out, ((const struct qf_conf_target *)array)[i].value);
			put_text(out, ((const struct qf_conf_target *)array)[i].group->name);
		}
	}
}

static int by_name(const void *a, const void *b, void *arg)
{
	size_t offset = *(const size_t *)arg;
	const char *left = get_pointer(*(const char *const *)a, offset);
	const char *right = get_pointer(*(const char *const *)b, offset);

	return strcmp(left, right);
}

static void put_sections(struct qf_buf *out, const struct qf_item *it, const char *base, const char *state_dir)
{
	const char *array = get_pointer(base, it->offset);
	size_t n = get_count(it, base), name = it->sub->name;
	const char **order = qf_xcalloc(n + 1, sizeof(*order));

	for (size_t i = 0; i < n; i++)
		order[i] = array + i * it->sub->size;
	if (it->kind == QF_ITEM_MAP)
		qsort_r(order, n, sizeof(*order), by_name, &name);
	qf_buf_u64(out, n);
	for (size_t i = 0; i < n; i++) {
		if (it->kind == QF_ITEM_MAP)
			put_text(out, get_pointer(order[i], name));
		qf_section_serialise(out, it->sub, order[i], state_dir);
	}
	free(order);
}

static void put_item(struct qf_buf *out, const struct qf_item *it, const char *base, const char *state_dir)
{
	const struct qf_conf_group *group;

	put_text(out, it->key);
	switch (it->kind) {
	case QF_ITEM_BOOL:
	case QF_ITEM_UINT:
	case QF_ITEM_ENUM:
	case QF_ITEM_FRONTEND:
	case QF_ITEM_ENGINE:
		qf_buf_u64(out, get_uint(it, base));
		break;
	case QF_ITEM_GROUP:
		group = get_pointer(base, it->offset);
		put_text(out, group != NULL ? group->name : NULL);
		break;
	case QF_ITEM_TEXTS:
	case QF_ITEM_TAGS:
	case QF_ITEM_TARGETS:
	case QF_ITEM_MEMBERS:
		put_names(out, it, base);
		break;
	case QF_ITEM_SECTION:
		qf_section_serialise(out, it->sub, base + it->offset, state_dir);
		break;
	case QF_ITEM_LIST:
	case QF_ITEM_MAP:
		put_sections(out, it, base, state_dir);
		break;
	default:
		if (it->flags & QF_ITEM_STATE_PATH)
			put_path(out, get_pointer(base, it->offset), state_dir);
		else
			put_text(out, get_pointer(base, it->offset));
	}
}

static void put_items(struct qf_buf *out, const struct qf_item *items, const char *base, const char *state_dir)
{
	for (const struct qf_item *it = items; it != NULL && it->key != NULL; it++)
		if (it->offset != QF_NOWHERE)
			put_item(out, it, base, state_dir);
}

void qf_section_serialise(struct qf_buf *out, const struct qf_section *sec, const void *base, const char *state_dir)
{
	int type;

	put_items(out, sec->items, base, state_dir);
	if (sec->variants == NULL || sec->type == QF_NOWHERE)
		return;
	memcpy(&type, (const char *)base + sec->type, sizeof(type));
	for (const struct qf_variant *v = sec->variants; v->name != NULL; v++)
		if (v->value == type) {
			put_text(out, v->name);
			put_items(out, v->items, base, state_dir);
		}
}
