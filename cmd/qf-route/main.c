/* qf-route: where a statement runs, or that it does not. */
#include <stdio.h>
#include <string.h>

#include "pyscript.h"
#include "service.h"

static int tool(void *ctx, struct qf_run *run, int argc, char **argv)
{
	const struct qf_explain_opts *o = &((struct route *)ctx)->opts;

	if (o->dump_keys)
		return qf_explain_dump_keys();
	if (o->explain)
		return qf_explain_run(o, run->conf_path, argc, argv);
	fprintf(stderr, "qf-route: nothing to do; use --explain SQL or --serve, or see qf-route --help\n");
	return QF_EXIT_USAGE;
}

static const struct qf_svc svc = {
	.name = "qf-route",
	.program = QF_ROUTE,
	.summary = "decides which group runs a statement, or refuses it",
	.usage = "  qf-route --explain [-c FILE] [option …] [SQL | - | --file FILE]\n",
	.options = qf_explain_options,
	.asks = QF_ROLE(QF_DISPATCH) | QF_ROLE(QF_ADMIN),
	.handlers = route_handlers,
	.tool = tool,
	.check = route_check,
	.setup = route_setup,
	.apply = route_apply,
	.on_peer = route_on_peer,
	.teardown = route_teardown,
};

int main(int argc, char **argv)
{
	static struct route r = { .opts = { .frontend = QF_FE_POSTGRES } };

	if (argc == 2 && !strcmp(argv[1], "--worker"))
		return qf_pyscript_main();
	return qf_svc_main(&svc, &r, argc, argv);
}
