/* `qf-admin status` and `events`: one question over the bus to the running qf-admin. */
#include "admin.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_NS (3 * QF_SEC)

struct question {
	struct qf_loop *loop;
	struct qf_bus *bus;
	const char *command;
	struct qf_buf answer;
	bool answered;
	struct qf_timer limit;
};

static void on_limit(struct qf_timer *t)
{
	qf_loop_stop(qf_container_of(t, struct question, limit)->loop);
}

static void on_answer(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct question *q = arg;

	(void)from;
	if (!(m->flags & QF_MSG_REPLY))
		return;
	qf_buf_add_slice(&q->answer, m->payload);
	q->answered = true;
	qf_loop_stop(q->loop);
}

static void on_peer(void *arg, struct qf_peer *p, enum qf_peer_change change)
{
	struct question *q = arg;
	struct qf_buf msg;

	if (change != QF_PEER_UP || p->program != QF_ADMIN || strcmp(p->instance, "0") != 0)
		return;
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CONTROL, 1, 0, 0);
	qf_put_str(&msg, QF_F_COMMAND | QF_F_REQUIRED, q->command);
	qf_msg_end(&msg);
	(void)!qf_bus_send(q->bus, p, &msg);
	qf_buf_fini(&msg);
}

static const struct qf_bus_handler handlers[] = { { QF_MSG_CONTROL, QF_ROLE(QF_ADMIN), on_answer }, { 0 } };

static int open_bus(struct question *q, struct qf_err *err)
{
	char instance[33];
	struct qf_bus_opts o = { .program = QF_ADMIN,
				 .instance = instance,
				 .asks = QF_ROLE(QF_ADMIN),
				 .temporary = true,
				 .handlers = handlers,
				 .on_peer = on_peer,
				 .arg = q };
	int rc = qf_loop_new(&q->loop, err);

	if (rc < 0)
		return rc;
	snprintf(instance, sizeof instance, "tool_%d", (int)getpid());
	o.loop = q->loop;
	return qf_bus_new(&q->bus, &o, err);
}

static int ask(const char *command)
{
	struct question q = { .command = command, .limit = { .fn = on_limit } };
	struct qf_err err = { 0 };
	int status = QF_EXIT_FAILED, rc = open_bus(&q, &err);

	if (rc < 0) {
		fprintf(stderr, "qf-admin: %s\n", err.text);
		goto out;
	}
	qf_timer_set(q.loop, &q.limit, ANSWER_NS);
	if (qf_loop_run(q.loop) < 0)
		goto out;
	if (!q.answered) {
		fprintf(stderr, "qf-admin: no qf-admin service answers in %s\n", qf_bus_dir(q.bus));
		status = QF_EXIT_NO_SERVICE;
		goto out;
	}
	fwrite(q.answer.p, 1, q.answer.n, stdout);
	status = QF_EXIT_OK;
out:
	if (q.loop)
		qf_timer_stop(q.loop, &q.limit);
	qf_bus_free(q.bus);
	qf_loop_free(q.loop);
	qf_buf_fini(&q.answer);
	return status;
}

int admin_status(void *ctx, struct qf_run *run, int argc, char **argv)
{
	(void)ctx;
	(void)run;
	(void)argc;
	(void)argv;
	return ask("status");
}

int admin_events(void *ctx, struct qf_run *run, int argc, char **argv)
{
	(void)ctx;
	(void)run;
	(void)argc;
	(void)argv;
	return ask("events");
}
