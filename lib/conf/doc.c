/*
 * YAML text → document tree. libyaml's events are used, not its loader: every node keeps its place, and what
 * a configuration should not have (anchors, aliases, tags, merge keys, duplicate keys) is refused here.
 */
#include <string.h>
#include <yaml.h>

#include "loader.h"
#include "qf/map.h"
#include "qf/str.h"

struct doc {
	struct qf_loader *ld;
	yaml_parser_t parser;
	yaml_event_t event;
};

static struct qf_conf_place place_of(yaml_mark_t m)
{
	return (struct qf_conf_place){ .line = (unsigned)m.line + 1, .column = (unsigned)m.column + 1 };
}

static struct qf_slice line_of(const struct qf_loader *ld, unsigned line)
{
	struct qf_slice rest = ld->text;
	const uint8_t *nl = memchr(rest.p, '\n', rest.n);

	for (; line > 1 && nl != NULL; line--) {
		rest = qf_slice(nl + 1, rest.n - (size_t)(nl + 1 - rest.p));
		nl = rest.n > 0 ? memchr(rest.p, '\n', rest.n) : NULL;
	}
	return nl != NULL ? qf_slice(rest.p, (size_t)(nl - rest.p)) : rest;
}

/* Two traps that libyaml's words do not explain. */
static const char *trap_at(const struct qf_loader *ld, struct qf_conf_place at, const char *context)
{
	struct qf_slice line = line_of(ld, at.line);

	if (at.column > 0 && line.n >= at.column && line.p[at.column - 1] == '\t')
		return " (a tab stands here; indent with spaces)";
	if (strstr(context, "flow") != NULL && line.n > 0 && memmem(line.p, line.n, "${", 2) != NULL)
		return " (inside { } and [ ] put a value with ${…} in quotes)";
	return "";
}

/* libyaml puts encoding errors at 1:1 and an unclosed bracket on the line after it: say where it began. */
static int syntax_error(struct doc *d)
{
	const yaml_parser_t *y = &d->parser;
	struct qf_conf_place at = place_of(y->problem_mark), began = place_of(y->context_mark);
	const char *problem = y->problem != NULL ? y->problem : "it cannot be read";
	const char *context = y->context != NULL ? y->context : "";

	if (y->error == YAML_READER_ERROR) {
		qf_text_place(d->ld->text, y->problem_offset, &at.line, &at.column);
		return qf_loader_fail(d->ld, at, "not valid YAML: %s", problem);
	}
	if (*context == '\0' || (at.line == began.line && at.column == began.column))
		return qf_loader_fail(d->ld, at, "not valid YAML: %s%s", problem, trap_at(d->ld, at, context));
	return qf_loader_fail(d->ld, at, "not valid YAML: %s%s, %s that begins at %u:%u", problem,
		trap_at(d->ld, at, context), context, began.line, began.column);
}

static int next_event(struct doc *d)
{
	yaml_event_delete(&d->event);
	if (!yaml_parser_parse(&d->parser, &d->event)) {
		memset(&d->event, 0, sizeof(d->event));
		return syntax_error(d);
	}
	return 0;
}

static int refuse_properties(struct doc *d, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct qf_conf_place at = place_of(d->event.start_mark);

	if (anchor != NULL)
		return qf_loader_fail(d->ld, at,
			"anchors (&%s) are not read here; write the value out where it is needed",
			(const char *)anchor);
	if (tag != NULL)
		return qf_loader_fail(d->ld, at, "tags (%s) are not read here; take it away", (const char *)tag);
	return 0;
}

static int take_scalar(struct doc *d, struct qf_node *node)
{
	const yaml_event_t *e = &d->event;
	size_t len = e->data.scalar.length;
	int rc;

	rc = refuse_properties(d, e->data.scalar.anchor, e->data.scalar.tag);
	if (rc != 0)
		return rc;
	if (memchr(e->data.scalar.value, '\0', len) != NULL)
		return qf_loader_fail(d->ld, node->place, "a NUL character cannot stand in a value");
	node->kind = QF_NODE_SCALAR;
	node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = qf_arena_strndup(d->ld->arena, e->data.scalar.value, len);
	node->len = len;
	return qf_doc_expand(d->ld, node, e->start_mark.index, e->end_mark.index);
}

static int take_node(struct doc *d, unsigned depth, struct qf_node **ret);

static int take_list(struct doc *d, unsigned depth, struct qf_node *list)
{
	struct qf_node **tail = &list->first;
	int rc;

	list->kind = QF_NODE_LIST;
	rc = refuse_properties(d, d->event.data.sequence_start.anchor, d->event.data.sequence_start.tag);
	while (rc == 0 && (rc = next_event(d)) == 0 && d->event.type != YAML_SEQUENCE_END_EVENT) {
		rc = take_node(d, depth + 1, tail);
		if (rc == 0) {
			tail = &(*tail)->next;
			list->n++;
		}
	}
	return rc;
}

static int check_key(struct doc *d, struct qf_map *seen, const char **ret)
{
	const yaml_event_t *e = &d->event;
	struct qf_conf_place at = place_of(e->start_mark), *before, *mine;
	const char *key;
	size_t len;
	int rc;

	if (e->type == YAML_ALIAS_EVENT)
		return qf_loader_fail(d->ld, at, "aliases (*%s) are not read here; write the key out",
			(const char *)e->data.alias.anchor);
	if (e->type != YAML_SCALAR_EVENT)
		return qf_loader_fail(d->ld, at, "a key must be a plain name, not a list or a mapping");
	rc = refuse_properties(d, e->data.scalar.anchor, e->data.scalar.tag);
	if (rc != 0)
		return rc;
	key = (const char *)e->data.scalar.value;
	len = e->data.scalar.length;
	if (len == 0 || strlen(key) != len)
		return qf_loader_fail(d->ld, at, "a key cannot be empty or hold a NUL character");
	if (strcmp(key, "<<") == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return qf_loader_fail(d->ld, at, "merge keys (<<) are not read here; write the keys out");
	if (strstr(key, "${") != NULL)
		return qf_loader_fail(d->ld, at, "variables are expanded in values, not in keys; write the name out");
	mine = qf_arena_alloc(d->ld->arena, sizeof(*mine));
	*mine = at;
	before = qf_map_put(seen, qf_slice(key, len), mine);
	if (before != NULL)
		return qf_loader_fail(d->ld, at, "the key \"%s\" stands here twice; the first is at %u:%u", key,
			before->line, before->column);
	*ret = qf_arena_strndup(d->ld->arena, key, len);
	return 0;
}

static int take_pairs(struct doc *d, unsigned depth, struct qf_node *map, struct qf_map *seen)
{
	struct qf_node **tail = &map->first;
	struct qf_conf_place key_place;
	const char *key = NULL;
	int rc;

	while ((rc = next_event(d)) == 0 && d->event.type != YAML_MAPPING_END_EVENT) {
		key_place = place_of(d->event.start_mark);
		rc = check_key(d, seen, &key);
		if (rc == 0)
			rc = next_event(d);
		if (rc == 0)
			rc = take_node(d, depth + 1, tail);
		if (rc != 0)
			return rc;
		(*tail)->key = key;
		(*tail)->key_place = key_place;
		tail = &(*tail)->next;
		map->n++;
	}
	return rc;
}

static int take_map(struct doc *d, unsigned depth, struct qf_node *map)
{
	struct qf_map *seen;
	int rc;

	map->kind = QF_NODE_MAP;
	rc = refuse_properties(d, d->event.data.mapping_start.anchor, d->event.data.mapping_start.tag);
	if (rc != 0)
		return rc;
	seen = qf_map_new();
	rc = take_pairs(d, depth, map, seen);
	qf_map_free(seen);
	return rc;
}

static int take_node(struct doc *d, unsigned depth, struct qf_node **ret)
{
	struct qf_conf_place at = place_of(d->event.start_mark);
	struct qf_node *node;
	int rc;

	if (depth > QF_DOC_MAX_DEPTH)
		return qf_loader_fail(d->ld, at, "nested deeper than %d levels", QF_DOC_MAX_DEPTH);
	node = qf_arena_alloc(d->ld->arena, sizeof(*node));
	node->place = at;
	switch (d->event.type) {
	case YAML_SCALAR_EVENT:
		rc = take_scalar(d, node);
		break;
	case YAML_SEQUENCE_START_EVENT:
		rc = take_list(d, depth, node);
		break;
	case YAML_MAPPING_START_EVENT:
		rc = take_map(d, depth, node);
		break;
	default: /* in a node's place libyaml reports nothing else */
		rc = qf_loader_fail(d->ld, at, "aliases (*%s) are not read here; write the value out",
			d->event.type == YAML_ALIAS_EVENT ? (const char *)d->event.data.alias.anchor : "");
	}
	if (rc == 0)
		*ret = node;
	return rc;
}

static int take_document(struct doc *d, struct qf_node **ret)
{
	struct qf_conf_place start = { 1, 1 };
	int rc;

	rc = next_event(d); /* stream start */
	if (rc == 0)
		rc = next_event(d);
	if (rc != 0)
		return rc;
	if (d->event.type != YAML_DOCUMENT_START_EVENT)
		return qf_loader_fail(d->ld, start,
			"there is no configuration in it; take the file away to run with the embedded default");
	if (d->event.data.document_start.tag_directives.start != d->event.data.document_start.tag_directives.end)
		return qf_loader_fail(
			d->ld, place_of(d->event.start_mark), "%%TAG directives are not read here; take it away");
	rc = next_event(d);
	if (rc == 0)
		rc = take_node(d, 1, ret);
	if (rc == 0)
		rc = next_event(d); /* document end */
	if (rc == 0)
		rc = next_event(d);
	if (rc == 0 && d->event.type != YAML_STREAM_END_EVENT)
		rc = qf_loader_fail(d->ld, place_of(d->event.start_mark),
			"a second YAML document begins here; a configuration is one document");
	return rc;
}

int qf_doc_parse(struct qf_loader *ld, struct qf_node **ret)
{
	static const uint8_t bom[3] = { 0xef, 0xbb, 0xbf };
	struct doc d = { .ld = ld };
	struct qf_conf_place at;
	size_t bad;
	int rc;

	if (ld->text.n >= sizeof(bom) && memcmp(ld->text.p, bom, sizeof(bom)) == 0)
		ld->text = qf_slice(ld->text.p + sizeof(bom), ld->text.n - sizeof(bom));
	bad = qf_utf8_bad_at(ld->text);
	if (bad < ld->text.n) {
		qf_text_place(ld->text, bad, &at.line, &at.column);
		return qf_loader_fail(ld, at, "byte 0x%02x is not UTF-8; save the file as UTF-8", ld->text.p[bad]);
	}
	qf_assert(yaml_parser_initialize(&d.parser));
	yaml_parser_set_encoding(&d.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&d.parser, ld->text.n > 0 ? ld->text.p : (const uint8_t *)"", ld->text.n);
	rc = take_document(&d, ret);
	yaml_event_delete(&d.event);
	yaml_parser_delete(&d.parser);
	return rc;
}

bool qf_node_is_plain(const struct qf_node *n, const char *text)
{
	return n->kind == QF_NODE_SCALAR && n->plain && !n->expanded && strcmp(n->text, text) == 0;
}

bool qf_node_is_null(const struct qf_node *n)
{
	return qf_node_is_plain(n, "") || qf_node_is_plain(n, "~") || qf_node_is_plain(n, "null") ||
	       qf_node_is_plain(n, "Null") || qf_node_is_plain(n, "NULL");
}

const struct qf_node *qf_node_get(const struct qf_node *map, const char *key)
{
	if (map == NULL || map->kind != QF_NODE_MAP)
		return NULL;
	for (const struct qf_node *n = map->first; n != NULL; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}
