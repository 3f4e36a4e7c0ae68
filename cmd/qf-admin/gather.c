#include "gather.h"

#include "qf/clock.h"
#include "qf/svc.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TICK_NS (5 * QF_MS)
#define ANSWER_NS (3 * QF_SEC)

struct gathering {
	const struct gather *g;
	struct qf_loop *loop;
	struct qf_bus *bus;
	uint64_t end_ns;
	unsigned n_asked, n_waiting;
	bool late;
	struct qf_timer tick;
};

/* ---- who runs ---------------------------------------------------------------------------------------------- */

/* "<program>-<instance>.lock" of one of the roles; a tool answers nobody. */
static bool parse_lock(const char *name, uint32_t roles, enum qf_program *program, char instance[33])
{
	for (int i = 0; i < QF_PROGRAM_N; i++) {
		const char *p = qf_program_name((enum qf_program)i);
		size_t n = strlen(p), rest;

		if (!(roles & QF_ROLE(i)) || strncmp(name, p, n) != 0 || name[n] != '-')
			continue;
		rest = strlen(name + n + 1);
		if (rest <= 5 || rest > 32 + 5 || strcmp(name + n + 1 + rest - 5, ".lock") != 0)
			continue;
		*program = (enum qf_program)i;
		snprintf(instance, 33, "%.*s", (int)(rest - 5), name + n + 1);
		return strncmp(instance, "tool_", 5) != 0;
	}
	return false;
}

/* The process behind a lock file; 0 when there is none. */
static pid_t lock_holder(const char *dir, const char *name)
{
	char path[4400];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &pid) != 1 || (kill(pid, 0) < 0 && errno == ESRCH))
		pid = 0;
	fclose(f);
	return pid;
}

bool gather_met(const struct qf_bus *bus, uint32_t roles, const char *only, struct qf_buf *missing)
{
	DIR *d = opendir(qf_bus_dir(bus));
	bool all = true;

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		enum qf_program program;
		char instance[33];
		pid_t pid;

		if (!parse_lock(e->d_name, roles, &program, instance) || (only && strcmp(instance, only) != 0) ||
		    qf_bus_find(bus, program, qf_slice_str(instance)))
			continue;
		pid = lock_holder(qf_bus_dir(bus), e->d_name);
		if (!pid)
			continue;
		all = false;
		if (missing)
			qf_buf_printf(missing, "%sqf-%s-%s (process %d)", missing->n ? ", " : "",
				      qf_program_name(program), instance, (int)pid);
	}
	if (d)
		closedir(d);
	return all;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

static void ask(struct gathering *a, struct qf_peer *p)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CONTROL, 1, 0, 0);
	qf_put_str(&msg, QF_F_COMMAND | QF_F_REQUIRED, a->g->command);
	qf_put_str(&msg, QF_F_QUERY_ID, a->g->id);
	qf_msg_end(&msg);
	if (qf_bus_send(a->bus, p, &msg) == 0) {
		p->user = a; /* it owes an answer */
		a->n_asked++;
		a->n_waiting++;
	}
	qf_buf_fini(&msg);
}

static void settled(struct gathering *a, struct qf_peer *p)
{
	if (p->user)
		a->n_waiting--;
	p->user = NULL;
}

static void on_peer(void *arg, struct qf_peer *p, enum qf_peer_change change)
{
	const struct gathering *a = arg;

	if (change == QF_PEER_UP && (!a->g->instance || !strcmp(p->instance, a->g->instance)))
		ask(arg, p);
	else if (change == QF_PEER_LOST)
		settled(arg, p);
}

static void on_answer(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct gathering *a = arg;

	if (!(m->flags & QF_MSG_REPLY) || !from->user)
		return;
	a->g->on_answer(a->g->arg, from, m);
	settled(a, from);
}

static void on_tick(struct qf_timer *t)
{
	struct gathering *a = qf_container_of(t, struct gathering, tick);

	a->late = qf_loop_now(a->loop) > a->end_ns;
	if (a->late || (a->n_waiting == 0 && gather_met(a->bus, a->g->roles, a->g->instance, NULL)))
		qf_loop_stop(a->loop);
	else
		qf_timer_set(a->loop, t, TICK_NS);
}

static void say_late(const struct gathering *a)
{
	struct qf_peer *p = NULL;
	struct qf_buf who = { 0 };

	gather_met(a->bus, a->g->roles, a->g->instance, &who);
	while ((p = qf_bus_next_peer(a->bus, p)))
		if (p->user)
			qf_buf_printf(&who, "%sqf-%s-%s (process %d)", who.n ? ", " : "", qf_program_name(p->program),
				      p->instance, p->pid);
	fprintf(stderr, "qf-admin: no answer from %s\n", qf_buf_cstr(&who));
	qf_buf_fini(&who);
}

static int run(struct gathering *a, struct qf_err *err)
{
	static const struct qf_bus_handler handlers[] = {
		{ QF_MSG_CONTROL, QF_ROLE(QF_LISTEN) | QF_ROLE(QF_DISPATCH) | QF_ROLE(QF_ADMIN), on_answer }, { 0 }
	};
	char instance[33];
	struct qf_bus_opts o = { .program = QF_ADMIN,
				 .instance = instance,
				 .asks = a->g->roles,
				 .temporary = true,
				 .handlers = handlers,
				 .on_peer = on_peer,
				 .arg = a };
	int rc = qf_loop_new(&a->loop, err);

	if (rc < 0)
		return rc;
	snprintf(instance, sizeof instance, "tool_%d", (int)getpid());
	o.loop = a->loop;
	rc = qf_bus_new(&a->bus, &o, err);
	if (rc < 0)
		return rc;
	a->end_ns = qf_loop_now(a->loop) + ANSWER_NS;
	a->tick.fn = on_tick;
	qf_timer_set(a->loop, &a->tick, 0);
	return qf_loop_run(a->loop);
}

int gather_run(const struct gather *g)
{
	struct gathering a = { .g = g };
	struct qf_err err = { 0 };
	int status = QF_EXIT_OK;

	if (run(&a, &err) < 0) {
		fprintf(stderr, "qf-admin: %s\n", err.text);
		status = QF_EXIT_FAILED;
	} else if (a.late) {
		say_late(&a);
		status = a.n_asked ? QF_EXIT_FAILED : QF_EXIT_NO_SERVICE;
	} else if (!a.n_asked) {
		fprintf(stderr, "qf-admin: no %s runs in %s\n",
			g->roles == QF_ROLE(QF_ADMIN) ? "qf-admin service" : "program of the toolkit", qf_bus_dir(a.bus));
		status = QF_EXIT_NO_SERVICE;
	}
	if (a.loop)
		qf_timer_stop(a.loop, &a.tick);
	qf_bus_free(a.bus);
	qf_loop_free(a.loop);
	return status;
}
