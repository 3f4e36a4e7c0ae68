/* qf-listen: tables that name what it is, its client ports, the start and end of its life. */
#include "hub.h"

#include "qf/accept.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* A Trino client may ask for each page on a connection of its own: all of them must meet the process with the pages. */
static bool for_this_instance(const struct qf_hub *h, enum qf_frontend fe)
{
	return fe != QF_FE_TRINO || !strcmp(h->run->instance, "0");
}

/* PostgreSQL's clients look for .s.PGSQL.PORT. Of several instances without a service manager the first one has it. */
static int open_local(struct qf_hub *h, unsigned port, struct qf_err *reterr)
{
	const char *dir = h->run->conf->frontends[QF_FE_POSTGRES].socket_dir;
	char *path = dir && !strcmp(h->run->instance, "0") ? qf_xasprintf("%s/.s.PGSQL.%u", dir, port) : NULL;
	int fd, rc = qf_run_listen_unix(h->run, "postgres-unix", path, &h->local, &fd, reterr);

	free(path);
	if (rc < 0) {
		qf_err_prefix(reterr, "queryflux.frontends.postgresWire.socketDirectory");
		return rc;
	}
	if (fd < 0)
		return 0;
	rc = qf_frontend_ops(QF_FE_POSTGRES)->open_also(h->frontends[QF_FE_POSTGRES], fd, reterr);
	if (rc < 0)
		close(fd);
	else
		qf_info("listening for postgres on %s", h->local.bound ? h->local.path : "the Unix socket that was passed");
	return rc;
}

static int open_frontend(struct qf_hub *h, enum qf_frontend fe, struct qf_err *reterr)
{
	const struct qf_conf_frontend *f = &h->run->conf->frontends[fe];
	const struct qf_frontend_ops *ops = qf_frontend_ops(fe);
	int fd, rc;

	if (!f->enabled || !ops || !for_this_instance(h, fe))
		return 0;
	rc = qf_run_listen(h->run, qf_frontend_short(fe), f->address, f->port, &fd, reterr);
	if (rc < 0) {
		qf_err_prefix(reterr, "queryflux.frontends.%s.port", qf_frontend_name(fe));
		return rc;
	}
	rc = ops->open(&h->frontends[fe], h, fd, reterr);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	qf_info("listening for %s on %s port %u", qf_frontend_short(fe), f->address, qf_bound_port(fd));
	return fe == QF_FE_POSTGRES ? open_local(h, qf_bound_port(fd), reterr) : 0;
}

static void make_tag(struct qf_hub *h)
{
	uint32_t r = 0;

	(void)!getrandom(&r, sizeof r, 0);
	for (int i = 0; i < 5; i++, r /= 36)
		h->tag[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[r % 36];
}

/* Certificates and users. */
static int read_files(struct qf_tls_config **ret_tls, struct qf_auth **ret_auth, const struct qf_conf *conf,
		      struct qf_err *reterr)
{
	struct qf_tls_config *tls = NULL;
	int rc = qf_tls_config_new(&tls, &conf->tls, reterr);

	if (rc == 0)
		rc = qf_auth_new(ret_auth, conf, reterr);
	if (rc < 0) {
		qf_tls_config_free(tls);
		return rc;
	}
	*ret_tls = tls;
	return 0;
}

static int setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct qf_hub *h = ctx;
	int rc = 0;

	h->run = run;
	h->streams = qf_map_new();
	qf_list_init(&h->waiting);
	qf_list_init(&h->pins);
	tickets_open(h);
	make_tag(h);
	rc = read_files(&h->tls, &h->auth, run->conf, reterr);
	for (int fe = 0; fe < QF_FE_N && rc == 0; fe++)
		rc = open_frontend(h, (enum qf_frontend)fe, reterr);
	return rc;
}

static int check(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_tls_config *tls = NULL;
	struct qf_auth *auth = NULL;
	int rc = read_files(&tls, &auth, conf, reterr);

	(void)ctx;
	(void)run;
	qf_tls_config_free(tls);
	qf_auth_free(auth);
	return rc;
}

/*
 * Ports and addresses need a restart; everything else of the model is read where it is used. The files of
 * the certificate and of users are read each time: they change under the same names. Connections keep what they began with.
 */
static int apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_hub *h = ctx;
	struct qf_tls_config *tls;
	struct qf_auth *auth;
	int rc = read_files(&tls, &auth, conf, reterr);

	if (rc < 0)
		return rc;
	qf_tls_config_free(h->tls);
	h->tls = tls;
	qf_auth_free(h->auth);
	h->auth = auth;
	for (int fe = 0; fe < QF_FE_N; fe++) {
		const struct qf_conf_frontend *a = &run->conf->frontends[fe], *b = &conf->frontends[fe];

		if (qf_frontend_ops((enum qf_frontend)fe) &&
		    (a->enabled != b->enabled || a->port != b->port || strcmp(a->address, b->address) != 0))
			qf_warn("queryflux.frontends.%s changed: restart qf-listen for that",
				qf_frontend_name((enum qf_frontend)fe));
	}
	return 0;
}

static void on_drained(void *arg)
{
	struct qf_hub *h = arg;

	if (--h->draining == 0)
		qf_run_drained(h->run);
}

static void drain(void *ctx, struct qf_run *run)
{
	struct qf_hub *h = ctx;

	h->draining = 1;
	control_tell(h);
	for (int fe = 0; fe < QF_FE_N; fe++) {
		if (!h->frontends[fe])
			continue;
		h->draining++;
		qf_frontend_ops((enum qf_frontend)fe)->drain(h->frontends[fe], on_drained, h);
	}
	(void)run;
	on_drained(h);
}

static void teardown(void *ctx, struct qf_run *run)
{
	struct qf_hub *h = ctx;
	struct qf_list *it, *tmp;
	struct qf_query *q;
	size_t at = 0;

	(void)run;
	control_stop(h);
	if (h->pins.next) {
		qf_list_each(it, tmp, &h->pins) { /* each dispatch rolls back what we leave */
			qf_pin_watch(qf_container_of(it, struct qf_pin, link), NULL, NULL, NULL);
			pin_lost(qf_container_of(it, struct qf_pin, link));
		}
	}
	for (int fe = 0; fe < QF_FE_N; fe++)
		if (h->frontends[fe])
			qf_frontend_ops((enum qf_frontend)fe)->close(h->frontends[fe]);
	while (h->streams && (q = qf_map_next(h->streams, &at, NULL)))
		query_drop(q);
	if (h->pins.next) {
		qf_list_each(it, tmp, &h->pins) {
			qf_list_remove(it);
			free(qf_container_of(it, struct qf_pin, link));
		}
	}
	h->streams = qf_map_free(h->streams);
	tickets_close(h);
	keys_close(h);
	h->tls = qf_tls_config_free(h->tls);
	h->auth = qf_auth_free(h->auth);
	qf_unix_socket_close(&h->local);
}

static const struct qf_option options[] = { { 0 } };

static const struct qf_svc svc = {
	.name = "qf-listen",
	.program = QF_LISTEN,
	.summary = "speaks the clients' protocols and owns each query until it is answered",
	.options = options,
	.asks = QF_ROLE(QF_ROUTE) | QF_ROLE(QF_DISPATCH) | QF_ROLE(QF_ADMIN),
	.rows = true,
	.handlers = hub_handlers,
	.setup = setup,
	.check = check,
	.apply = apply,
	.on_peer = hub_on_peer,
	.drain = drain,
	.teardown = teardown,
};

int main(int argc, char **argv)
{
	static struct qf_hub h;

	return qf_svc_main(&svc, &h, argc, argv);
}
