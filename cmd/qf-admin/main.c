/* qf-admin: the table of subcommands, and the service's tables. */
#include "admin.h"

#include "qf/str.h"

#include <stdio.h>
#include <string.h>

static int set_offset(void *ctx, const char *value)
{
	if (qf_parse_u64(value, 0, 65535, &((struct admin *)ctx)->port_offset) == 0)
		return 0;
	fprintf(stderr, "qf-admin: --port-offset \"%s\": a number from 0 to 65535 is needed\n", value);
	return QF_ECONFIG;
}

static int set_exec(void *ctx, const char *value)
{
	((struct admin *)ctx)->exec = value;
	return 0;
}

static const struct qf_option options[] = {
	{ "port-offset", 0, "N", "up: shift all client ports by N", set_offset },
	{ "exec", 0, "COMMAND", "up: run COMMAND by sh when all is ready, then stop; its status is the status", set_exec },
	{ 0 },
};

static const struct command {
	const char *name;
	int (*run)(struct admin *a, struct qf_run *run, int argc, char **argv);
} commands[] = {
	{ "up", admin_up },
	{ "status", admin_status },
	{ "events", admin_events },
	{ "reload", admin_reload },
};

int admin_too_many(char **argv)
{
	fprintf(stderr, "qf-admin %s: \"%s\" is one word too many; see qf-admin --help\n", argv[0], argv[1]);
	return QF_EXIT_USAGE;
}

static int tool(void *ctx, struct qf_run *run, int argc, char **argv)
{
	const char *names[sizeof commands / sizeof *commands + 1] = { NULL }, *near;

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		names[i] = commands[i].name;
		if (argc > 0 && !strcmp(argv[0], commands[i].name))
			return commands[i].run(ctx, run, argc, argv);
	}
	near = argc > 0 ? qf_nearest(argv[0], names) : NULL;
	if (argc == 0)
		fprintf(stderr, "qf-admin: a command is needed: up, status, events or reload; see qf-admin --help\n");
	else
		fprintf(stderr, "qf-admin: unknown command \"%s\"%s%s%s\n", argv[0], near ? "; did you mean \"" : "",
			near ? near : "", near ? "\"?" : "");
	return QF_EXIT_USAGE;
}

static const struct qf_svc svc = {
	.name = "qf-admin",
	.program = QF_ADMIN,
	.summary = "starts, watches and asks the toolkit",
	.usage = "  qf-admin [options] up       run all five programs in the foreground\n"
		 "  qf-admin [options] status   which programs are there\n"
		 "  qf-admin [options] events   the last queries, one JSON object a line\n"
		 "  qf-admin [options] reload   check the configuration, then have every program load it\n",
	.options = options,
	.handlers = admin_handlers,
	.tool = tool,
	.setup = serve_setup,
	.teardown = serve_teardown,
};

int main(int argc, char **argv)
{
	static struct admin a;

	return qf_svc_main(&svc, &a, argc, argv);
}
