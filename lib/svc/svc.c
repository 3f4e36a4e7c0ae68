#include "private.h"

#include "qf/clock.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define VERSION "0.1.0"
#define AFTER_DRAIN_NS (15 * QF_SEC) /* to close engines, and to write what they still hold */

const char *qf_version(void)
{
	return VERSION;
}

static void notify(const struct qf_svc_private *p, const char *before)
{
	sd_notifyf(0, "%sSTATUS=%s, configuration %016llx", before, p->doing, (unsigned long long)p->run.conf->id);
}

void qf_run_status(struct qf_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(run->priv->doing, sizeof run->priv->doing, fmt, ap);
	va_end(ap);
	if (run->priv->ready)
		notify(run->priv, "");
}

static void log_warnings(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->n_warnings; i++)
		qf_warn("%s:%u:%u: %s", conf->path ? conf->path : "embedded default", conf->warnings[i].place.line,
			conf->warnings[i].place.column, conf->warnings[i].text);
}

static int check_only(struct qf_svc_private *p)
{
	struct qf_err err;
	struct qf_conf *conf;

	if (qf_conf_load(&conf, p->run.conf_path, &err) < 0) {
		fprintf(stderr, "%s: %s\n", p->svc->name, err.text);
		sd_notifyf(0, "STATUS=reload refused: %s", err.text); /* as ExecReload= of a unit; else nobody listens */
		return QF_EXIT_USAGE;
	}
	if (p->svc->check && p->svc->check(p->ctx, &p->run, conf, &err) < 0) {
		fprintf(stderr, "%s: %s\n", p->svc->name, err.text);
		sd_notifyf(0, "STATUS=reload refused: %s", err.text);
		qf_conf_free(conf);
		return QF_EXIT_USAGE;
	}
	for (size_t i = 0; i < conf->n_warnings; i++)
		fprintf(stderr, "%s:%u:%u: warning: %s\n", conf->path ? conf->path : "embedded default",
			conf->warnings[i].place.line, conf->warnings[i].place.column, conf->warnings[i].text);
	printf("%s: configuration is good, id %016llx\n", conf->path ? conf->path : "embedded default",
	       (unsigned long long)conf->id);
	qf_conf_free(conf);
	return QF_EXIT_OK;
}

/* ---- signals ------------------------------------------------------------------------------------- */

static void reload(struct qf_svc_private *p)
{
	struct qf_err err = { 0 };
	int rc;

	if (p->fresh) {
		p->reload_again = true;
		return;
	}
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(qf_mono_ns() / 1000));
	rc = qf_conf_load(&p->fresh, p->run.conf_path, &err);
	if (rc == 0 && p->svc->apply)
		rc = p->svc->apply(p->ctx, &p->run, p->fresh, &err);
	if (rc != QF_APPLY_LATER)
		qf_run_applied(&p->run, rc < 0 ? &err : NULL);
}

void qf_run_applied(struct qf_run *run, const struct qf_err *refusal)
{
	struct qf_svc_private *p = run->priv;
	struct qf_conf *fresh = p->fresh;

	p->fresh = NULL;
	if (refusal) {
		qf_error("reload refused, the configuration in force stays: %s", refusal->text);
		qf_conf_free(fresh);
		sd_notifyf(0, "READY=1\nSTATUS=reload refused: %s", refusal->text);
	} else {
		struct qf_conf *old = run->conf;

		run->conf = fresh;
		qf_bus_set_conf_id(run->bus, fresh->id);
		qf_conf_free(old);
		log_warnings(fresh);
		qf_info("configuration %016llx is in force", (unsigned long long)fresh->id);
		notify(p, "READY=1\n");
	}
	if (p->reload_again) {
		p->reload_again = false;
		reload(p);
	}
}

void qf_run_failed(struct qf_run *run, const struct qf_err *err)
{
	qf_error("%s", err->text);
	run->priv->failed = err->code == QF_ECONFIG ? QF_EXIT_USAGE : QF_EXIT_FAILED;
	qf_loop_stop(run->loop);
}

static void on_hup(int signo, void *arg)
{
	(void)signo;
	reload(arg);
}

void qf_run_drained(struct qf_run *run)
{
	run->priv->drained = true;
	qf_loop_stop(run->loop);
}

static void on_drain_limit(struct qf_timer *t)
{
	struct qf_svc_private *p = qf_container_of(t, struct qf_svc_private, drain_limit);

	qf_warn("work is left after the drain time; stopping all the same");
	qf_loop_stop(p->run.loop);
}

static void on_term(int signo, void *arg)
{
	struct qf_svc_private *p = arg;

	(void)signo;
	if (p->draining || !p->svc->drain) {
		qf_loop_stop(p->run.loop);
		return;
	}
	p->draining = true;
	/* The unit's TimeoutStopSec= may be shorter than the drain time of the configuration. */
	sd_notifyf(0, "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=%llu",
		   (unsigned long long)((p->run.conf->shutdown_drain_ns + AFTER_DRAIN_NS) / 1000));
	qf_timer_set(p->run.loop, &p->drain_limit, p->run.conf->shutdown_drain_ns);
	p->svc->drain(p->ctx, &p->run);
}

static void on_watchdog(struct qf_timer *t)
{
	struct qf_svc_private *p = qf_container_of(t, struct qf_svc_private, watchdog);

	sd_notify(0, "WATCHDOG=1"); /* from the loop itself: a loop that hangs stops saying it */
	qf_timer_set(p->run.loop, &p->watchdog, p->watchdog_ns);
}

/* ---- the service's life ------------------------------------------------------------------------------ */

static int start(struct qf_svc_private *p, struct qf_err *err)
{
	const struct qf_svc *svc = p->svc;
	struct qf_bus_opts bo = {
		.program = svc->program,
		.instance = p->run.instance,
		.asks = svc->asks,
		.rows = svc->rows,
		.handlers = svc->handlers,
		.on_peer = svc->on_peer,
		.on_retired = svc->on_retired,
		.arg = p->ctx,
	};
	uint64_t usec;
	int rc = qf_loop_new(&p->run.loop, err);

	if (rc == 0)
		rc = qf_loop_signal(p->run.loop, SIGHUP, on_hup, p);
	if (rc == 0)
		rc = qf_loop_signal(p->run.loop, SIGTERM, on_term, p);
	if (rc == 0)
		rc = qf_loop_signal(p->run.loop, SIGINT, on_term, p);
	if (rc < 0)
		return rc;
	signal(SIGPIPE, SIG_IGN);
	bo.loop = p->run.loop;
	bo.conf_id = p->run.conf->id;
	rc = qf_bus_new(&p->run.bus, &bo, err);
	if (rc == 0)
		rc = svc->setup(p->ctx, &p->run, err);
	if (rc == 0)
		svc_warn_unused_sockets();
	if (rc == 0 && sd_watchdog_enabled(0, &usec) > 0) {
		p->watchdog_ns = usec * 500;
		p->watchdog.fn = on_watchdog;
		qf_timer_set(p->run.loop, &p->watchdog, p->watchdog_ns);
	}
	return rc;
}

static void raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Units restart at once and for ever: what cannot even start must not do so fifty times a second. */
static void pause_before_next_try(void)
{
	if (svc_started_by_manager())
		sleep(1);
}

static int serve(struct qf_svc_private *p)
{
	struct qf_err err = { 0 };
	int status = QF_EXIT_OK, rc;

	p->drain_limit.fn = on_drain_limit;
	umask(0007);
	raise_descriptor_limit();
	log_warnings(p->run.conf);
	rc = start(p, &err);
	if (rc < 0) {
		qf_error("%s", err.text[0] ? err.text : qf_strerror(rc));
		sd_notifyf(0, "STATUS=%s", err.text[0] ? err.text : qf_strerror(rc));
		status = rc == QF_ECONFIG ? QF_EXIT_USAGE : QF_EXIT_FAILED;
	} else {
		qf_debug("serving, instance %s, configuration %016llx", p->run.instance, (unsigned long long)p->run.conf->id);
		p->ready = true;
		notify(p, "READY=1\n");
		if (qf_loop_run(p->run.loop) < 0)
			status = QF_EXIT_FAILED;
		if (p->failed)
			status = p->failed;
		sd_notify(0, "STOPPING=1");
	}
	if (p->run.bus)
		p->svc->teardown(p->ctx, &p->run);
	qf_bus_free(p->run.bus);
	if (p->run.loop) {
		qf_timer_stop(p->run.loop, &p->drain_limit);
		qf_timer_stop(p->run.loop, &p->watchdog);
	}
	qf_loop_free(p->run.loop);
	if (rc < 0 && status == QF_EXIT_FAILED)
		pause_before_next_try();
	return status;
}

int qf_svc_main(const struct qf_svc *svc, void *ctx, int argc, char **argv)
{
	struct qf_svc_private p = { .svc = svc, .ctx = ctx, .instance = "0", .level = QF_LOG_INFO, .doing = "serving" };
	struct qf_err err;
	int status = svc_parse(svc, ctx, &p, argc, argv);

	if (status)
		return status;
	if (p.help)
		return svc_help(svc), QF_EXIT_OK;
	if (p.version)
		return printf("%s %s\n", svc->name, VERSION) < 0 ? QF_EXIT_FAILED : QF_EXIT_OK;
	if (p.dump)
		return svc_dump(svc), QF_EXIT_OK;
	if (p.dump_commands)
		return svc_dump_commands(svc), QF_EXIT_OK;
	if (p.dump_names)
		return svc_dump_names(p.dump_names, qf_conf_path(p.config));
	qf_log_init(svc->name, p.level);
	p.run.priv = &p;
	p.run.conf_path = qf_conf_path(p.config);
	p.run.instance = p.instance;
	if (p.check)
		return check_only(&p);
	if (!p.serve) {
		if (svc->commands)
			return svc_command(svc, ctx, &p.run, argc - optind, argv + optind);
		if (svc->tool)
			return svc->tool(ctx, &p.run, argc - optind, argv + optind);
		fprintf(stderr, "%s: it is a service: use --serve, or see %s --help\n", svc->name, svc->name);
		return QF_EXIT_USAGE;
	}
	if (qf_conf_load(&p.run.conf, p.run.conf_path, &err) < 0) {
		qf_error("%s", err.text);
		sd_notifyf(0, "STATUS=%s", err.text);
		return QF_EXIT_USAGE;
	}
	status = serve(&p);
	qf_conf_free(p.fresh);
	qf_conf_free(p.run.conf);
	return status;
}
