/* Options: one parser, one --help, one dump for completions and the man-page test, all from the tables. */
#include "private.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_config(void *ctx, const char *value)
{
	((struct qf_svc_private *)ctx)->config = value;
	return 0;
}

static int set_check(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->check = true;
	return 0;
}

static int set_serve(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->serve = true;
	return 0;
}

static int set_instance(void *ctx, const char *value)
{
	((struct qf_svc_private *)ctx)->instance = value;
	return 0;
}

static int set_verbose(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->level = QF_LOG_DEBUG;
	return 0;
}

static int set_version(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->version = true;
	return 0;
}

static int set_help(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->help = true;
	return 0;
}

static int set_dump(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->dump = true;
	return 0;
}

static int set_dump_commands(void *ctx, const char *value)
{
	(void)value;
	((struct qf_svc_private *)ctx)->dump_commands = true;
	return 0;
}

static int set_dump_names(void *ctx, const char *value)
{
	((struct qf_svc_private *)ctx)->dump_names = value;
	return 0;
}

static const struct qf_option common[] = {
	{ "config", 'c', "FILE", "configuration file (default $QF_CONFIG, then /etc/queryflux/queryflux.yaml)", set_config },
	{ "test", 't', NULL, "check the configuration and exit", set_check },
	{ "serve", 0, NULL, "run as a service in the foreground", set_serve },
	{ "instance", 0, "NAME", "instance name of this service (default 0)", set_instance },
	{ "verbose", 'v', NULL, "log what is done", set_verbose },
	{ "version", 0, NULL, "print the version and exit", set_version },
	{ "help", 'h', NULL, "print this help and exit", set_help },
	{ "dump-options", 0, NULL, NULL, set_dump },
	{ "dump-commands", 0, NULL, NULL, set_dump_commands },
	{ "dump-names", 0, "KIND", NULL, set_dump_names },
	{ 0 },
};

#define MAX_OPTIONS 64

struct known {
	const struct qf_option *o[MAX_OPTIONS];
	bool own[MAX_OPTIONS];
	int n;
};

static void collect(struct known *k, const struct qf_svc *svc)
{
	for (const struct qf_option *o = svc->options; o && o->name && k->n < MAX_OPTIONS; o++) {
		k->own[k->n] = true;
		k->o[k->n++] = o;
	}
	for (const struct qf_option *o = common; o->name && k->n < MAX_OPTIONS; o++)
		k->o[k->n++] = o;
}

static void getopt_tables(const struct known *k, struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (int i = 0; i < k->n; i++) {
		longs[i] = (struct option){ .name = k->o[i]->name,
					    .has_arg = k->o[i]->arg ? required_argument : no_argument,
					    .val = 256 + i };
		if (!k->o[i]->letter)
			continue;
		*shorts++ = k->o[i]->letter;
		if (k->o[i]->arg)
			*shorts++ = ':';
	}
	*shorts = 0;
}

static int find_option(const struct known *k, int c)
{
	if (c >= 256)
		return c - 256;
	for (int i = 0; i < k->n; i++)
		if (k->o[i]->letter == c)
			return i;
	return -1;
}

static int bad_option(const struct qf_svc *svc, const struct known *k, int c, char **argv)
{
	const char *names[MAX_OPTIONS + 1], *near, *word = argv[optind - 1];

	if (c == ':') {
		fprintf(stderr, "%s: option \"%s\" needs an argument; see %s --help\n", svc->name, word, svc->name);
		return QF_EXIT_USAGE;
	}
	for (int i = 0; i < k->n; i++)
		names[i] = k->o[i]->name;
	names[k->n] = NULL;
	near = !strncmp(word, "--", 2) ? qf_nearest(word + 2, names) : NULL;
	fprintf(stderr, "%s: unknown option \"%s\"", svc->name, word);
	if (near)
		fprintf(stderr, "; did you mean --%s?", near);
	fprintf(stderr, " See %s --help\n", svc->name);
	return QF_EXIT_USAGE;
}

int svc_parse(const struct qf_svc *svc, void *ctx, struct qf_svc_private *p, int argc, char **argv)
{
	struct known k = { 0 };
	struct option longs[MAX_OPTIONS + 1] = { 0 };
	char shorts[2 * MAX_OPTIONS + 4];
	int c, at;

	collect(&k, svc);
	getopt_tables(&k, longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		at = c == '?' || c == ':' ? -1 : find_option(&k, c);
		if (at < 0)
			return bad_option(svc, &k, c, argv);
		if (k.o[at]->set(k.own[at] ? ctx : p, optarg) < 0)
			return QF_EXIT_USAGE;
	}
	return 0;
}

void svc_help(const struct qf_svc *svc)
{
	struct known k = { 0 };

	printf("%s: %s\n\nusage:\n", svc->name, svc->summary);
	if (svc->usage)
		printf("%s", svc->usage);
	printf("  %s --serve [-c FILE] [--instance NAME]\n\n", svc->name);
	svc_help_commands(svc);
	printf("options:\n");
	collect(&k, svc);
	for (int i = 0; i < k.n; i++) {
		char left[64];

		if (!k.o[i]->help)
			continue;
		snprintf(left, sizeof left, "%s%c%s--%s%s%s", k.o[i]->letter ? "-" : "", k.o[i]->letter ? k.o[i]->letter : ' ',
			 k.o[i]->letter ? ", " : "   ", k.o[i]->name, k.o[i]->arg ? " " : "", k.o[i]->arg ? k.o[i]->arg : "");
		printf("  %-28s %s\n", left, k.o[i]->help);
	}
}

void svc_dump(const struct qf_svc *svc)
{
	struct known k = { 0 };

	collect(&k, svc);
	for (int i = 0; i < k.n; i++)
		if (k.o[i]->help)
			printf("--%s\t%c\t%s\t%s\n", k.o[i]->name, k.o[i]->letter ? k.o[i]->letter : '-',
			       k.o[i]->arg ? k.o[i]->arg : "-", k.o[i]->help);
}
