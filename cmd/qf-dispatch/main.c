/* qf-dispatch: tables that name what it is, and the start and end of its life. */
#include "dispatch.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <unistd.h>

#define TRANSLATION_CACHE (16u << 20)
#define STOP_NS (3 * QF_SEC)

static void on_peer(void *ctx, struct qf_peer *p, enum qf_peer_change change)
{
	struct dispatch *d = ctx;

	if (p->program == QF_LISTEN && change == QF_PEER_UP)
		listener_up(d, p);
	else if (p->program == QF_LISTEN && change == QF_PEER_LOST)
		listener_lost(d, p);
	else if (p->program == QF_TRANSLATE && change == QF_PEER_LOST)
		translate_peer_lost(d, p);
	else if (p->program == QF_TRANSLATE && (change == QF_PEER_UP || change == QF_PEER_RESUMED))
		translate_peer_up(d);
	else if (p->program == QF_ADMIN && change == QF_PEER_UP)
		control_tell(d);
}

static int setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct dispatch *d = ctx;
	int rc;

	d->run = run;
	qf_list_init(&d->clusters);
	qf_list_init(&d->groups);
	qf_list_init(&d->listeners);
	qf_list_init(&d->lookups);
	d->asked = qf_map_new();
	d->translations = qf_lru_new(TRANSLATION_CACHE);
	rc = journal_open(&d->journal, qf_bus_dir(run->bus), run->instance, qf_bus_epoch(run->bus), reterr);
	return rc < 0 ? rc : groups_apply(d, run->conf, reterr);
}

static int apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct dispatch *d = ctx;
	int rc = groups_apply(d, conf, reterr);

	(void)run;
	if (rc == 0)
		qf_lru_clear(d->translations);
	control_changed(d);
	return rc;
}

static bool has_work(const struct dispatch *d)
{
	struct qf_list *it, *tmp;

	if (d->open_streams)
		return true;
	qf_list_each(it, tmp, &d->listeners)
		if (qf_map_count(qf_container_of(it, struct listener, link)->pins))
			return true; /* open transactions get the drain time too */
	return false;
}

void dispatch_maybe_drained(struct dispatch *d)
{
	if (!has_work(d))
		qf_run_drained(d->run);
}

static void drain(void *ctx, struct qf_run *run)
{
	struct dispatch *d = ctx;

	(void)run;
	d->draining = true;
	control_tell(d);
	dispatch_maybe_drained(d);
}

/* Those who wait first: an interrupted one would hand its slot to the next. */
static void refuse_queued(struct listener *l)
{
	struct stream *s;
	size_t at = 0;

	while ((s = qf_map_next(l->streams, &at, NULL)))
		if (s->rd.state == QF_RD_QUEUED)
			stream_refuse(s, "57P01", "qf-dispatch is stopping; the statement was not run");
}

static void interrupt_running(struct listener *l)
{
	struct stream *s;
	struct pin *p;
	size_t at = 0;

	while ((s = qf_map_next(l->streams, &at, NULL))) {
		if (s->rd.state != QF_RD_RUNNING)
			continue;
		qf_sql_error_set(&s->refusal, "57P01",
				 "qf-dispatch is stopping; the statement was interrupted and took no effect");
		run_interrupt(s);
	}
	at = 0;
	while ((p = qf_map_next(l->pins, &at, NULL)))
		if (!p->stream)
			pin_release(p, true);
}

static void on_stop_limit(struct qf_timer *t)
{
	qf_loop_stop(qf_container_of(t, struct dispatch, stop_limit)->run->loop);
}

/* An engine is closed only when nothing runs on it any more. */
static void stop_work(struct dispatch *d)
{
	struct qf_list *it, *tmp;

	d->draining = d->stopping = true;
	qf_list_each(it, tmp, &d->listeners)
		refuse_queued(qf_container_of(it, struct listener, link));
	qf_list_each(it, tmp, &d->listeners)
		interrupt_running(qf_container_of(it, struct listener, link));
	if (!has_work(d))
		return;
	d->stop_limit.fn = on_stop_limit;
	qf_timer_set(d->run->loop, &d->stop_limit, STOP_NS);
	if (qf_loop_run(d->run->loop) == 0 && !has_work(d)) {
		qf_timer_stop(d->run->loop, &d->stop_limit);
		return;
	}
	qf_warn("an engine does not let go of its work; leaving it as it is");
	/* Destructors would run under its threads; the journal and the engine's own log are safe. */
	_exit(QF_EXIT_FAILED);
}

static void teardown(void *ctx, struct qf_run *run)
{
	struct dispatch *d = ctx;

	stop_work(d);
	qf_timer_stop(run->loop, &d->tell);
	translate_close(d);
	groups_close(d);
	catalog_close(d);
	d->journal = journal_close(d->journal);
}

static const struct qf_bus_handler handlers[] = {
	{ QF_MSG_ROUTED, QF_ROLE(QF_ROUTE), on_place },
	{ QF_MSG_EXECUTE, QF_ROLE(QF_LISTEN), on_place },
	{ QF_MSG_CREDIT, QF_ROLE(QF_LISTEN), on_credit },
	{ QF_MSG_INPUT, QF_ROLE(QF_LISTEN), on_input },
	{ QF_MSG_KEYS, QF_ROLE(QF_LISTEN), on_keys },
	{ QF_MSG_CANCEL, QF_ROLE(QF_LISTEN), on_cancel },
	{ QF_MSG_RESOLVE, QF_ROLE(QF_LISTEN), on_resolve },
	{ QF_MSG_TRANSLATED, QF_ROLE(QF_TRANSLATE), on_translated },
	{ QF_MSG_CONTROL, QF_ROLE(QF_ADMIN), on_control },
	{ 0 },
};

static const struct qf_option options[] = { { 0 } };

static const struct qf_svc svc = {
	.name = "qf-dispatch",
	.program = QF_DISPATCH,
	.summary = "queues, runs and streams statements on the engines",
	.options = options,
	.asks = QF_ROLE(QF_TRANSLATE) | QF_ROLE(QF_ADMIN),
	.rows = true,
	.handlers = handlers,
	.setup = setup,
	.apply = apply,
	.on_peer = on_peer,
	.on_retired = on_retired,
	.drain = drain,
	.teardown = teardown,
};

int main(int argc, char **argv)
{
	static struct dispatch d;

	return qf_svc_main(&svc, &d, argc, argv);
}
