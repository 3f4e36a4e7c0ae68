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

static int set_format(void *ctx, const char *value)
{
	struct admin *a = ctx;

	a->json = !strcmp(value, "json");
	if (a->json || !strcmp(value, "text"))
		return 0;
	fprintf(stderr, "qf-admin: --format \"%s\": text or json is needed\n", value);
	return QF_ECONFIG;
}

static const struct qf_option options[] = {
	{ "port-offset", 0, "N", "up: shift all ports by N", set_offset },
	{ "exec", 0, "COMMAND", "up: run COMMAND by sh when all is ready, then stop; its status is the status", set_exec },
	{ "format", 0, "text|json", "status, queries, check-config: json instead of text", set_format },
	{ 0 },
};

static const struct qf_command commands[] = {
	{ "up", NULL, "run all five programs in the foreground", admin_up },
	{ "status", NULL, "which programs are there, and with which configuration", admin_status },
	{ "events", NULL, "what happened to the last statements, one JSON object a line", admin_events },
	{ "queries", NULL, "what waits and runs now: id, state, age, user, where, and the start of the SQL", admin_queries },
	{ "cancel", "ID", "cancel the query of that id, whether it waits or runs", admin_cancel },
	{ "check-config", "[FILE]", "check a configuration and print all that it warns of", admin_check_config },
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
	.apply = serve_apply,
	.on_peer = serve_on_peer,
	.teardown = serve_teardown,
};

int main(int argc, char **argv)
{
	static struct admin a;

	return qf_svc_main(&svc, &a, argc, argv);
}
