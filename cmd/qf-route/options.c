/* The options of qf-route --explain. */
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "qf/str.h"

static int bad_name(const char *what, const char *value, const char *const *names)
{
	const char *near = qf_nearest(value, names);

	fprintf(stderr, "qf-route: unknown %s \"%s\"", what, value);
	if (near != NULL) {
		fprintf(stderr, "; did you mean \"%s\"?\n", near);
		return QF_ECONFIG;
	}
	for (size_t i = 0; names[i] != NULL; i++)
		fprintf(stderr, "%s%s", i > 0 ? ", " : "; it is one of: ", names[i]);
	fputc('\n', stderr);
	return QF_ECONFIG;
}

static int set_explain(void *ctx, const char *value)
{
	(void)value;
	((struct qf_explain_opts *)ctx)->explain = true;
	return 0;
}

static int set_protocol(void *ctx, const char *value)
{
	struct qf_explain_opts *o = ctx;
	const char *names[2 * QF_FE_N + 1] = { NULL };

	for (int i = 0; i < QF_FE_N; i++) {
		names[2 * i] = qf_frontend_name((enum qf_frontend)i);
		names[2 * i + 1] = qf_frontend_short((enum qf_frontend)i);
	}
	if (qf_frontend_find(value, &o->frontend) != 0)
		return bad_name("protocol", value, names);
	return 0;
}

static int set_dialect(void *ctx, const char *value)
{
	struct qf_explain_opts *o = ctx;

	o->dialect = qf_dialect_find(qf_slice_str(value));
	return o->dialect != QF_DIALECT_NONE ? 0 : bad_name("dialect", value, qf_dialect_names());
}

static int set_user(void *ctx, const char *value)
{
	((struct qf_explain_opts *)ctx)->user = value;
	return 0;
}

static int set_database(void *ctx, const char *value)
{
	((struct qf_explain_opts *)ctx)->database = value;
	return 0;
}

static int set_file(void *ctx, const char *value)
{
	((struct qf_explain_opts *)ctx)->file = value;
	return 0;
}

/* KEY or KEY=VALUE, from the option's argument. */
static int add_pair(struct qf_conf_kv *list, size_t *n, const char *what, const char *value)
{
	const char *eq = strchr(value, '=');
	size_t len = eq != NULL ? (size_t)(eq - value) : strlen(value);

	if (*n == sizeof(((struct qf_explain_opts *)0)->tags) / sizeof(*list)) {
		fprintf(stderr, "qf-route: more than %zu times --%s\n", *n, what);
		return QF_ELIMIT;
	}
	if (len == 0) {
		fprintf(stderr, "qf-route: --%s \"%s\" has no name before the '='\n", what, value);
		return QF_ECONFIG;
	}
	list[*n].key = qf_slice_dup(qf_slice(value, len)); /* kept: the process is short */
	list[(*n)++].value = eq != NULL ? eq + 1 : NULL;
	return 0;
}

static int add_header(void *ctx, const char *value)
{
	struct qf_explain_opts *o = ctx;
	int rc;

	if (strchr(value, '=') == NULL) {
		fprintf(stderr, "qf-route: --header \"%s\" has no value; write --header NAME=VALUE\n", value);
		return QF_ECONFIG;
	}
	rc = add_pair(o->headers, &o->n_headers, "header", value);
	if (rc == 0 && (strcasecmp(o->headers[o->n_headers - 1].key, "X-QueryFlux-Dialect") == 0 ||
			       strcmp(o->headers[o->n_headers - 1].key, "queryflux.dialect") == 0))
		rc = set_dialect(o, o->headers[o->n_headers - 1].value);
	return rc;
}

static int add_tag(void *ctx, const char *value)
{
	struct qf_explain_opts *o = ctx;

	return add_pair(o->tags, &o->n_tags, "tag", value);
}

static int set_format(void *ctx, const char *value)
{
	static const char *const names[] = { "text", "json", NULL };
	struct qf_explain_opts *o = ctx;

	if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
		return bad_name("format", value, names);
	o->json = strcmp(value, "json") == 0;
	return 0;
}

static int set_translate(void *ctx, const char *value)
{
	(void)value;
	((struct qf_explain_opts *)ctx)->translate = true;
	return 0;
}

static int set_dump_keys(void *ctx, const char *value)
{
	(void)value;
	((struct qf_explain_opts *)ctx)->dump_keys = true;
	return 0;
}

static int set_types(void *ctx, const char *value)
{
	((struct qf_explain_opts *)ctx)->types = value;
	return 0;
}

static int set_schema(void *ctx, const char *value)
{
	((struct qf_explain_opts *)ctx)->schema = value;
	return 0;
}

const struct qf_option qf_explain_options[] = {
	{ "explain", 'e', NULL, "say where each statement goes and why; needs no running service", set_explain },
	{ "protocol", 'p', "PROTOCOL", "the client's protocol: postgresWire (default), trinoHttp, … or postgres, trino, …",
	  set_protocol },
	{ "user", 'u', "NAME", "the client's user", set_user },
	{ "database", 'd', "NAME", "the client's database", set_database },
	{ "header", 'H', "NAME=VALUE", "a header that the client sends; may be repeated", add_header },
	{ "tag", 'T', "NAME[=VALUE]", "a tag of the query; may be repeated", add_tag },
	{ "dialect", 0, "DIALECT", "dialect of the statements (default: the protocol's)", set_dialect },
	{ "format", 0, "text|json", "json: one object a line for each statement", set_format },
	{ "translate", 0, NULL, "show the SQL that would be sent to the engine (runs qf-translate)", set_translate },
	{ "param-types", 0, "NAME", "with --translate: what is declared of $1, $2 …, as in int4,text,numeric", set_types },
	{ "schema", 0, "FILE", "with --translate: column types of the tables, as YAML: table: { column: TYPE }", set_schema },
	{ "file", 'f', "FILE", "read the statements from FILE", set_file },
	{ "dump-config-keys", 0, NULL, NULL, set_dump_keys },
	{ 0 },
};
