/* Commands: the word behind the options of a program that has several. */
#include "private.h"

#include <stdio.h>
#include <string.h>

#define MAX_COMMANDS 64

static int unknown(const struct qf_svc *svc, const char *word)
{
	const char *names[MAX_COMMANDS + 1] = { NULL }, *near;
	size_t n = 0;

	for (const struct qf_command *c = svc->commands; c->name && n < MAX_COMMANDS; c++)
		names[n++] = c->name;
	near = qf_nearest(word, names);
	fprintf(stderr, "%s: unknown command \"%s\"", svc->name, word);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"?", near);
	fprintf(stderr, " See %s --help\n", svc->name);
	return QF_EXIT_USAGE;
}

static int missing(const struct qf_svc *svc)
{
	fprintf(stderr, "%s: a command is needed:", svc->name);
	for (const struct qf_command *c = svc->commands; c->name; c++)
		fprintf(stderr, "%s %s", c == svc->commands ? "" : c[1].name ? "," : " or", c->name);
	fprintf(stderr, "; see %s --help\n", svc->name);
	return QF_EXIT_USAGE;
}

int svc_command(const struct qf_svc *svc, void *ctx, struct qf_run *run, int argc, char **argv)
{
	if (argc == 0)
		return missing(svc);
	for (const struct qf_command *c = svc->commands; c->name; c++) {
		if (strcmp(argv[0], c->name) != 0)
			continue;
		if (c->args || argc == 1)
			return c->run(ctx, run, argc, argv);
		fprintf(stderr, "%s %s: \"%s\" is one word too many; see %s --help\n", svc->name, argv[0], argv[1],
			svc->name);
		return QF_EXIT_USAGE;
	}
	return unknown(svc, argv[0]);
}

void svc_help_commands(const struct qf_svc *svc)
{
	if (!svc->commands)
		return;
	printf("commands:\n");
	for (const struct qf_command *c = svc->commands; c->name; c++) {
		char left[64];

		snprintf(left, sizeof left, "%s%s%s", c->name, c->args ? " " : "", c->args ? c->args : "");
		printf("  %-28s %s\n", left, c->help);
	}
	printf("\n");
}

void svc_dump_commands(const struct qf_svc *svc)
{
	for (const struct qf_command *c = svc->commands; c && c->name; c++)
		printf("%s\t%s\t%s\n", c->name, c->args ? c->args : "-", c->help);
}
