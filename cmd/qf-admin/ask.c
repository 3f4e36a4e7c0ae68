/* `qf-admin status` and `events`: one question over the bus to the running qf-admin. */
#include "admin.h"
#include "gather.h"

#include <stdio.h>

struct answer {
	struct qf_buf text;
	bool there;
};

static void on_answer(void *arg, const struct qf_peer *from, const struct qf_msg *m)
{
	struct answer *a = arg;

	(void)from;
	qf_buf_add_slice(&a->text, m->payload);
	a->there = true;
}

static int ask(const char *command)
{
	struct answer a = { 0 };
	struct gather g = { .roles = QF_ROLE(QF_ADMIN),
			    .instance = "0", /* to which the others tell what happens */
			    .command = command,
			    .on_answer = on_answer,
			    .arg = &a };
	int status = gather_run(&g);

	if (a.there)
		fwrite(a.text.p, 1, a.text.n, stdout);
	qf_buf_fini(&a.text);
	return status;
}

int admin_status(void *ctx, struct qf_run *run, int argc, char **argv)
{
	const struct admin *a = ctx;

	(void)run;
	(void)argc;
	(void)argv;
	return ask(a->json ? "status json" : "status");
}

int admin_events(void *ctx, struct qf_run *run, int argc, char **argv)
{
	(void)ctx;
	(void)run;
	(void)argc;
	(void)argv;
	return ask("events");
}
