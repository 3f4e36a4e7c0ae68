/*
 * `qf-admin reload`: the configuration is checked, then taken by one program after the other, in the order in
 * which a changed group can be understood: who runs it, who names it, who asks for it. One that does not take
 * it ends the walk, so that the ring is not left with two configurations.
 */
#include "admin.h"
#include "gather.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_NS (5 * QF_MS)
#define MEET_NS QF_SEC
#define TAKE_NS (3 * QF_SEC)

static const enum qf_program order[] = { QF_DISPATCH, QF_TRANSLATE, QF_ROUTE, QF_LISTEN, QF_ADMIN };
#define N_STEPS (sizeof order / sizeof *order)

struct reload {
	struct qf_loop *loop;
	struct qf_bus *bus;
	const char *file;
	uint64_t conf_id, since_ns;
	size_t step;
	bool met, may, told;
	int n_told, status;
	struct qf_timer tick;
};

static uint32_t all_roles(void)
{
	uint32_t roles = 0;

	for (size_t i = 0; i < N_STEPS; i++)
		roles |= QF_ROLE(order[i]);
	return roles;
}

static struct qf_peer *next_of(const struct reload *r, struct qf_peer *after)
{
	while ((after = qf_bus_next_peer(r->bus, after)))
		if (after->program == order[r->step])
			return after;
	return NULL;
}

/* Asked before the first is told: half of them on a new configuration would be worse than none. */
static bool may_tell(struct reload *r)
{
	struct qf_peer *p = NULL;

	while ((p = qf_bus_next_peer(r->bus, p))) {
		if (!(QF_ROLE(p->program) & all_roles()) || kill(p->pid, 0) == 0 || errno != EPERM)
			continue;
		fprintf(stderr, "qf-admin: nothing was reloaded: qf-%s (process %d) is another user's; do this as root\n",
			qf_program_name(p->program), p->pid);
		r->status = QF_EXIT_FAILED;
		qf_loop_stop(r->loop);
		return false;
	}
	return true;
}

static bool tell(struct reload *r)
{
	struct qf_peer *p = NULL;
	bool any = false;

	while ((p = next_of(r, p))) {
		if (kill(p->pid, SIGHUP) < 0)
			continue;
		printf("qf-%s (process %d) told to reload\n", qf_program_name(p->program), p->pid);
		any = true;
		r->n_told++;
	}
	fflush(stdout);
	r->since_ns = qf_loop_now(r->loop);
	return any;
}

static struct qf_peer *behind(const struct reload *r)
{
	struct qf_peer *p = NULL;

	while ((p = next_of(r, p)))
		if (p->conf_id != r->conf_id)
			return p;
	return NULL;
}

static void give_up(struct reload *r, const struct qf_peer *p)
{
	fprintf(stderr,
		"qf-admin: qf-%s (process %d) did not take %s: its log says why, unless it reads another file.%s\n",
		qf_program_name(p->program), p->pid, r->file ? r->file : "the embedded default",
		r->step + 1 < N_STEPS ? " Those that come after it were not told." : "");
	r->status = QF_EXIT_FAILED;
	qf_loop_stop(r->loop);
}

static void on_tick(struct qf_timer *t)
{
	struct reload *r = qf_container_of(t, struct reload, tick);
	uint64_t now = qf_loop_now(r->loop);
	struct qf_peer *late;

	qf_timer_set(r->loop, t, TICK_NS);
	if (!r->met && !(r->met = gather_met(r->bus, all_roles(), NULL, NULL) || now - r->since_ns > MEET_NS))
		return;
	if (!r->may && !(r->may = may_tell(r)))
		return;
	while (r->step < N_STEPS) {
		if (!r->told && !(r->told = tell(r))) {
			r->step++;
			continue;
		}
		late = behind(r);
		if (late && now - r->since_ns > TAKE_NS)
			give_up(r, late);
		if (late)
			return;
		r->told = false;
		r->step++;
	}
	r->status = r->n_told ? QF_EXIT_OK : QF_EXIT_NO_SERVICE;
	qf_loop_stop(r->loop);
}

static int run(struct reload *r, struct qf_err *err)
{
	static const struct qf_bus_handler none[] = { { 0 } };
	char instance[33];
	struct qf_bus_opts o = { .program = QF_ADMIN, .instance = instance, .temporary = true, .handlers = none };
	int rc = qf_loop_new(&r->loop, err);

	if (rc < 0)
		return rc;
	snprintf(instance, sizeof instance, "tool_%d", (int)getpid());
	o.asks = all_roles();
	o.loop = r->loop;
	o.conf_id = r->conf_id;
	rc = qf_bus_new(&r->bus, &o, err);
	if (rc < 0)
		return rc;
	r->since_ns = qf_loop_now(r->loop);
	r->tick.fn = on_tick;
	qf_timer_set(r->loop, &r->tick, 0);
	rc = qf_loop_run(r->loop);
	if (r->status == QF_EXIT_NO_SERVICE)
		fprintf(stderr, "qf-admin: no program of the toolkit runs in %s\n", qf_bus_dir(r->bus));
	return rc;
}

int admin_reload(void *ctx, struct qf_run *svc, int argc, char **argv)
{
	struct reload r = { .file = svc->conf_path, .status = QF_EXIT_FAILED };
	struct qf_conf *conf;
	struct qf_err err = { 0 };

	(void)ctx;
	(void)argc;
	(void)argv;
	if (qf_conf_load(&conf, svc->conf_path, &err) < 0) {
		fprintf(stderr, "qf-admin: nothing was reloaded: %s\n", err.text);
		return QF_EXIT_USAGE;
	}
	r.conf_id = conf->id;
	if (admin_check_scripts(conf, &err) < 0) {
		fprintf(stderr, "qf-admin: nothing was reloaded: %s\n", err.text);
		qf_conf_free(conf);
		return QF_EXIT_USAGE;
	}
	qf_conf_free(conf);
	if (run(&r, &err) < 0 && err.text[0])
		fprintf(stderr, "qf-admin: %s\n", err.text);
	if (r.loop)
		qf_timer_stop(r.loop, &r.tick);
	qf_bus_free(r.bus);
	qf_loop_free(r.loop);
	return r.status;
}
