/* Tables and columns from YAML: see qf/columns.h. Types are not judged here; whoever translates knows them. */
#include "qf/columns.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"
#include "qf/map.h"
#include "qf/str.h"

#define FORM "the form is  table: { column: TYPE, … }"

static int put_column(struct qf_loader *ld, const struct qf_node *column, struct qf_buf *json)
{
	if (column->kind != QF_NODE_SCALAR || qf_node_is_null(column) || column->len == 0)
		return qf_loader_fail(ld, column->place, "column \"%s\" needs a type, in quotes if it has a comma", column->key);
	qf_quote_json(json, qf_slice_str(column->key));
	qf_buf_u8(json, ':');
	qf_quote_json(json, qf_slice(column->text, column->len));
	return 0;
}

/* One to three names with points between them, in lower case; NULL when it is something else. */
static char *table_name(struct qf_arena *a, const char *key)
{
	char *name = qf_arena_strdup(a, key);
	unsigned points = 0;

	for (char *c = name; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
		if (*c != '.')
			continue;
		if (c == name || !c[1] || c[1] == '.' || ++points > 2)
			return NULL;
	}
	return name;
}

static int put_table(struct qf_loader *ld, const struct qf_node *table, struct qf_map *seen, struct qf_buf *json)
{
	char *name = table_name(ld->arena, table->key);
	int rc = 0;

	if (!name)
		return qf_loader_fail(ld, table->key_place, "\"%s\" is no table, schema.table or catalog.schema.table", table->key);
	if (table->kind != QF_NODE_MAP || !table->first)
		return qf_loader_fail(ld, table->place, "table \"%s\" has no columns; " FORM, table->key);
	if (qf_map_put(seen, qf_slice_str(name), name))
		return qf_loader_fail(ld, table->key_place, "table \"%s\" stands here twice, in other letters", table->key);
	qf_quote_json(json, qf_slice_str(name));
	qf_buf_add_str(json, ":{");
	for (const struct qf_node *c = table->first; c && rc == 0; c = c->next) {
		if (c != table->first)
			qf_buf_u8(json, ',');
		rc = put_column(ld, c, json);
	}
	qf_buf_u8(json, '}');
	return rc;
}

static int put_tables(struct qf_loader *ld, const struct qf_node *root, struct qf_buf *json)
{
	struct qf_map *seen = qf_map_new();
	int rc = 0;

	qf_buf_u8(json, '{');
	for (const struct qf_node *t = root->first; t && rc == 0; t = t->next) {
		if (t != root->first)
			qf_buf_u8(json, ',');
		rc = put_table(ld, t, seen, json);
	}
	qf_buf_u8(json, '}');
	qf_map_free(seen);
	return rc;
}

static bool is_blank(struct qf_slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!memchr(" \t\r\n", text.p[i], 4))
			return false;
	return true;
}

int qf_columns_parse(char **ret, struct qf_slice text, const char *name, struct qf_err *reterr)
{
	struct qf_loader ld = { .arena = qf_arena_new(0), .file = name, .text = text, .err = reterr };
	const struct qf_conf_place start = { 1, 1 };
	struct qf_node *root = NULL;
	struct qf_buf json;
	int rc;

	qf_buf_init(&json);
	if (text.n > QF_DOC_MAX_BYTES)
		rc = qf_err_set(reterr, QF_ECONFIG, "%s: larger than 4 MiB", name);
	else if (is_blank(text))
		rc = qf_loader_fail(&ld, start, "there are no tables in it; " FORM);
	else
		rc = qf_doc_parse(&ld, &root);
	if (rc == 0 && root->kind != QF_NODE_MAP)
		rc = qf_loader_fail(&ld, root->place, "there are no tables in it; " FORM);
	if (rc == 0)
		rc = put_tables(&ld, root, &json);
	if (rc == 0)
		*ret = qf_slice_dup(qf_buf_slice(&json));
	qf_buf_fini(&json);
	qf_arena_free(ld.arena);
	return rc;
}

int qf_columns_load(char **ret, const char *path, struct qf_err *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	struct qf_buf text;
	ssize_t n = 1;

	if (fd < 0)
		return qf_err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	qf_buf_init(&text);
	while (n > 0 && text.n <= QF_DOC_MAX_BYTES) {
		n = read(fd, qf_buf_reserve(&text, 65536), 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			text.n += (size_t)n;
	}
	rc = n < 0 ? qf_err_set(reterr, -errno, "%s: %s", path, strerror(errno)) :
		     qf_columns_parse(ret, qf_buf_slice(&text), path, reterr);
	close(fd);
	qf_buf_fini(&text);
	return rc;
}
