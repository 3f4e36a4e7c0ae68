/* See shown.h. The comment: a word for each column, "-" for one that is what it is. */
#include "shown.h"

#include <stdio.h>
#include <string.h>

#define MARK "/*qf:catalog "

/* A comment could stand in a client's own text: only what values of that form may be called is believed. */
static const struct {
	const char *word, *format;
} known[] = {
	{ "oid", "l" }, { "name", "u" }, { "char", "u" }, { "varchar", "u" }, { "pg_node_tree", "u" },
	{ "int2vector", "u" }, { "oidvector", "u" },
};

bool duck_shown_marked(struct qf_slice sql)
{
	return sql.n > 0 && memmem(sql.p, sql.n, MARK, strlen(MARK)) != NULL;
}

static bool fits(const struct ArrowSchema *column, const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i].word) == n && memcmp(known[i].word, word, n) == 0)
			return strcmp(known[i].format, column->format) == 0;
	return false;
}

static int name_type(struct ArrowSchema *column, const char *word, size_t n)
{
	char name[64];
	struct ArrowBuffer b;

	snprintf(name, sizeof(name), "queryflux.%.*s", (int)n, word);
	int r = ArrowMetadataBuilderInit(&b, NULL);

	if (r == NANOARROW_OK)
		r = ArrowMetadataBuilderAppend(&b, ArrowCharView("ARROW:extension:name"), ArrowCharView(name));
	if (r == NANOARROW_OK)
		r = ArrowMetadataBuilderAppend(&b, ArrowCharView("ARROW:extension:metadata"), ArrowCharView(""));
	if (r == NANOARROW_OK)
		r = ArrowSchemaSetMetadata(column, (const char *)b.data);
	ArrowBufferReset(&b);
	return r == NANOARROW_OK ? 0 : -ENOMEM;
}

/* "_oid": a list of them. */
static int show(struct ArrowSchema *column, const char *word, size_t n)
{
	if (n > 1 && *word == '_' && strcmp(column->format, "+l") == 0)
		return show(column->children[0], word + 1, n - 1);
	return fits(column, word, n) && !column->metadata ? name_type(column, word, n) : 0;
}

int duck_shown_apply(struct ArrowSchema *schema, const char *sql)
{
	const char *at = strstr(sql, MARK);

	if (!at)
		return 0;
	at += strlen(MARK);
	for (int64_t i = 0; i < schema->n_children; i++) {
		size_t n = strcspn(at, " *");

		if (show(schema->children[i], at, n) < 0)
			return -ENOMEM;
		at += n;
		at += *at == ' ';
	}
	return 0;
}
