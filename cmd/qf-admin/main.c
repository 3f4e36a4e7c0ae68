/* qf-admin: the table of commands, and the service's tables. */
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

static const struct qf_command commands[] = {
	{ "up", NULL, "run all five programs in the foreground", admin_up },
	{ "status", NULL, "which programs are there, and with which configuration", admin_status },
	{ "events", NULL, "what happened to the last statements, one JSON object a line", admin_events },
	{ "reload", NULL, "check the configuration, then have every program load it", admin_reload },
	{ 0 },
};

static const struct qf_svc svc = {
	.name = "qf-admin",
	.program = QF_ADMIN,
	.summary = "starts, watches and asks the toolkit",
	.usage = "  qf-admin [options] COMMAND\n",
	.options = options,
	.commands = commands,
	.handlers = admin_handlers,
	.setup = serve_setup,
	.teardown = serve_teardown,
};

int main(int argc, char **argv)
{
	static struct admin a;

	return qf_svc_main(&svc, &a, argc, argv);
}
