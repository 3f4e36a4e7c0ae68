/* qf-dispatch: tables that name what it is, and the start and end of its life. */
#include "dispatch.h"

#include "qf/log.h"

#define TRANSLATION_CACHE (16u << 20)

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
}

static int setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct dispatch *d = ctx;
	int rc;

	d->run = run;
	qf_list_init(&d->clusters);
	qf_list_init(&d->groups);
	qf_list_init(&d->listeners);
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
	return rc;
}

void dispatch_maybe_drained(struct dispatch *d)
{
	struct qf_list *it, *tmp;

	if (d->open_streams)
		return;
	qf_list_each(it, tmp, &d->listeners)
		if (qf_map_count(qf_container_of(it, struct listener, link)->pins))
			return; /* open transactions get the drain time too */
	qf_run_drained(d->run);
}

static void drain(void *ctx, struct qf_run *run)
{
	struct dispatch *d = ctx;

	(void)run;
	d->draining = true;
	dispatch_maybe_drained(d);
}

static void teardown(void *ctx, struct qf_run *run)
{
	struct dispatch *d = ctx;

	(void)run;
	translate_close(d);
	groups_close(d);
	d->journal = journal_close(d->journal);
}

static const struct qf_bus_handler handlers[] = {
	{ QF_MSG_ROUTED, QF_ROLE(QF_ROUTE), on_place },
	{ QF_MSG_EXECUTE, QF_ROLE(QF_LISTEN), on_place },
	{ QF_MSG_CREDIT, QF_ROLE(QF_LISTEN), on_credit },
	{ QF_MSG_CANCEL, QF_ROLE(QF_LISTEN), on_cancel },
	{ QF_MSG_RESOLVE, QF_ROLE(QF_LISTEN), on_resolve },
	{ QF_MSG_TRANSLATED, QF_ROLE(QF_TRANSLATE), on_translated },
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
