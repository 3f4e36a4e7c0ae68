/* qf-translate: a filter on the command line, a service with --serve, a worker of both with --worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "paramtypes.h"
#include "pyworker.h"
#include "qf/columns.h"
#include "qf/str.h"
#include "qf/svc.h"
#include "service.h"

struct program {
	struct filter_opts filter;
	char *schema;
	struct qf_buf types;
	bool list;
	struct service service;
};

/* ---- options ----------------------------------------------------------------------------------- */

static int set_dialect(enum qf_dialect *ret, const char *value)
{
	*ret = qf_dialect_find(qf_slice_str(value));
	if (*ret != QF_DIALECT_NONE)
		return 0;
	const char *near = qf_nearest(value, qf_dialect_names());

	fprintf(stderr, "qf-translate: unknown dialect \"%s\"%s%s%s; see --list-dialects\n", value, near ? ", did you mean \"" : "",
		near ? near : "", near ? "\"?" : "");
	return QF_EREFUSED;
}

static int set_from(void *ctx, const char *value)
{
	return set_dialect(&((struct program *)ctx)->filter.from, value);
}

static int set_to(void *ctx, const char *value)
{
	return set_dialect(&((struct program *)ctx)->filter.to, value);
}

static int set_strict(void *ctx, const char *value)
{
	(void)value;
	((struct program *)ctx)->filter.strict = true;
	return 0;
}

static int set_guard(void *ctx, const char *value)
{
	(void)value;
	((struct program *)ctx)->filter.guard = true;
	return 0;
}

static int set_format(void *ctx, const char *value)
{
	bool json = !strcmp(value, "json");

	if (!json && strcmp(value, "text") != 0) {
		fprintf(stderr, "qf-translate: unknown format \"%s\": it is text or json\n", value);
		return QF_EREFUSED;
	}
	((struct program *)ctx)->filter.json = json;
	return 0;
}

static int set_file(void *ctx, const char *value)
{
	((struct program *)ctx)->filter.file = strcmp(value, "-") == 0 ? NULL : value;
	return 0;
}

static int set_schema(void *ctx, const char *value)
{
	struct program *p = ctx;
	struct qf_err err = { 0 };

	free(p->schema);
	p->schema = NULL;
	if (qf_columns_load(&p->schema, value, &err) < 0) {
		fprintf(stderr, "qf-translate: %s\n", err.text);
		return QF_EREFUSED;
	}
	p->filter.schema = p->schema;
	return 0;
}

static int set_types(void *ctx, const char *value)
{
	struct program *p = ctx;
	const char *bad = paramtypes_read(&p->types, value);

	p->filter.types = qf_buf_slice(&p->types);
	if (!bad)
		return 0;
	fprintf(stderr, "qf-translate: unknown type \"%.*s\": types are named as PostgreSQL does, or by oid\n",
		(int)strcspn(bad, ","), bad);
	return QF_EREFUSED;
}

static int set_list(void *ctx, const char *value)
{
	(void)value;
	((struct program *)ctx)->list = true;
	return 0;
}

static const struct qf_option options[] = {
	{ "from", 0, "DIALECT", "dialect of the input", set_from },
	{ "to", 0, "DIALECT", "dialect of the output", set_to },
	{ "file", 0, "FILE", "read FILE instead of standard input", set_file },
	{ "strict", 0, NULL, "a statement whose translation is in doubt fails", set_strict },
	{ "format", 0, "text|json", "json: one object a line for each statement", set_format },
	{ "schema", 0, "FILE", "column types of the tables, as YAML: table: { column: TYPE }", set_schema },
	{ "param-types", 0, "NAME", "what is declared of $1, $2 …, as in int4,text,numeric; 0: nothing", set_types },
	{ "guard", 0, NULL, "types that nobody has told are checked by the translated statement itself", set_guard },
	{ "list-dialects", 0, NULL, "print the dialects and exit", set_list },
	{ 0 },
};

/* ---- the program ------------------------------------------------------------------------------- */

static int tool(void *ctx, struct qf_run *run, int argc, char **argv)
{
	struct program *p = ctx;

	(void)run;
	if (p->list) {
		for (const char *const *n = qf_dialect_names(); *n; n++)
			puts(*n);
		return QF_EXIT_OK;
	}
	if (argc > 0) {
		fprintf(stderr, "qf-translate: unexpected argument \"%s\": SQL comes from standard input or --file\n", argv[0]);
		return QF_EXIT_USAGE;
	}
	if (p->filter.from == QF_DIALECT_NONE || p->filter.to == QF_DIALECT_NONE) {
		fprintf(stderr, "qf-translate: %s is needed; see --list-dialects\n",
			p->filter.from == QF_DIALECT_NONE ? "--from DIALECT" : "--to DIALECT");
		return QF_EXIT_USAGE;
	}
	return filter_run(&p->filter);
}

static int setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	return service_setup(&((struct program *)ctx)->service, run, reterr);
}

static int apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	(void)run;
	(void)reterr;
	return service_apply(&((struct program *)ctx)->service, conf);
}

static void on_translate(void *ctx, struct qf_peer *from, const struct qf_msg *m)
{
	service_on_translate(&((struct program *)ctx)->service, from, m);
}

static const struct qf_bus_handler handlers[] = {
	{ QF_MSG_TRANSLATE, QF_ROLE(QF_DISPATCH), on_translate },
	{ 0 },
};

static void on_peer(void *ctx, struct qf_peer *p, enum qf_peer_change change)
{
	service_on_peer(&((struct program *)ctx)->service, p, change);
}

static void teardown(void *ctx, struct qf_run *run)
{
	(void)run;
	service_teardown(&((struct program *)ctx)->service);
}

static const struct qf_svc svc = {
	.name = "qf-translate",
	.program = QF_TRANSLATE,
	.summary = "translates SQL from one dialect to another, or says why not",
	.usage = "  qf-translate --from DIALECT --to DIALECT [--file FILE] [--schema FILE]\n"
		 "               [--param-types NAME,...] [--guard] [--strict] [--format json] < in.sql > out.sql\n",
	.options = options,
	.asks = QF_ROLE(QF_ADMIN),
	.handlers = handlers,
	.tool = tool,
	.setup = setup,
	.apply = apply,
	.on_peer = on_peer,
	.teardown = teardown,
};

int main(int argc, char **argv)
{
	static struct program p;

	if (argc >= 2 && !strcmp(argv[1], "--worker"))
		return pyworker_main(argc >= 3 ? argv[2] : NULL);
	int status = qf_svc_main(&svc, &p, argc, argv);

	free(p.schema);
	qf_buf_fini(&p.types);
	return status;
}
