/* The admin endpoint: /health, /readyz and /metrics over HTTP. Reads only; nothing of a query's text is shown. */
#include "serve.h"

#include "qf/clock.h"
#include "qf/http.h"

#include <stdlib.h>
#include <string.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct web {
	const struct serve *serve;
	struct qf_http_server *server;
};

static void reply(struct qf_http_request *rq, unsigned status, const char *type, struct qf_buf *text)
{
	struct qf_http_body *body = qf_http_body_new(text);
	struct qf_http_reply r = { .status = status, .content_type = type, .body = body, .compress = true };

	qf_http_reply(rq, &r);
	qf_http_body_free(body);
}

static void health(const struct serve *s, struct qf_http_request *rq)
{
	(void)s;
	qf_http_reply_text(rq, 200, "ok\n");
}

static void readyz(const struct serve *s, struct qf_http_request *rq)
{
	struct qf_buf text = { 0 };
	bool ready = ready_write(s, &text);

	if (ready)
		qf_buf_add_str(&text, "ready\n");
	reply(rq, ready ? 200 : 503, "text/plain; charset=utf-8", &text);
}

static void metrics(const struct serve *s, struct qf_http_request *rq)
{
	struct qf_buf text = { 0 };

	counts_write(s->counts, &text);
	gauges_write(s, &text);
	reply(rq, 200, METRICS_TYPE, &text);
}

static const struct page {
	const char *path, *help;
	void (*show)(const struct serve *s, struct qf_http_request *rq);
} pages[] = {
	{ "/health", "whether qf-admin lives", health },
	{ "/readyz", "whether statements can be answered, else what is missing", readyz },
	{ "/metrics", "for Prometheus", metrics },
};
#define N_PAGES (sizeof pages / sizeof *pages)

static void list_pages(struct qf_http_request *rq, unsigned status)
{
	struct qf_buf text = { 0 };

	for (size_t i = 0; i < N_PAGES; i++)
		qf_buf_printf(&text, "%-10s %s\n", pages[i].path, pages[i].help);
	reply(rq, status, "text/plain; charset=utf-8", &text);
}

static void refuse_method(struct qf_http_request *rq)
{
	struct qf_http_header allow = { qf_slice_str("Allow"), qf_slice_str("GET, HEAD") };
	struct qf_http_reply r = { .status = 405, .headers = &allow, .n_headers = 1 };

	qf_http_reply(rq, &r);
}

static void on_request(struct qf_http_request *rq, void *arg)
{
	const struct web *w = arg;
	struct qf_slice path = qf_http_path(rq);
	enum qf_http_method method = qf_http_method(rq);

	if (method != QF_HTTP_GET && method != QF_HTTP_HEAD) {
		refuse_method(rq);
		return;
	}
	for (size_t i = 0; i < N_PAGES; i++) {
		if (qf_slice_eq_str(path, pages[i].path)) {
			pages[i].show(w->serve, rq);
			return;
		}
	}
	list_pages(rq, qf_slice_eq_str(path, "/") ? 200 : 404);
}

/* Every request is answered at once: none is left to be gone. */
static void on_gone(struct qf_http_request *rq, void *arg)
{
	(void)rq;
	(void)arg;
}

int web_open(struct web **ret, const struct serve *s, struct qf_err *reterr)
{
	const struct qf_conf_frontend *f = &s->run->conf->admin;
	struct qf_http_server_opts o = { .loop = s->run->loop,
					 .limits = { .max_head = 16 << 10,
						     .max_connections = f->max_connections ? f->max_connections : 100,
						     .receive_ns = 10 * QF_SEC },
					 .name = "queryflux",
					 .on_request = on_request,
					 .on_gone = on_gone };
	struct web *w;
	int rc;

	*ret = NULL;
	if (!f->enabled)
		return 0;
	rc = qf_run_listen(s->run, "admin", f->address, f->port, &o.fd, reterr);
	if (rc < 0) {
		qf_err_prefix(reterr, "queryflux.adminApi.port");
		return rc;
	}
	w = qf_xcalloc(1, sizeof *w);
	w->serve = s;
	o.arg = w;
	rc = qf_http_server_new(&w->server, &o, reterr);
	if (rc < 0)
		free(w);
	else
		*ret = w;
	return rc;
}

struct web *web_close(struct web *w)
{
	if (!w)
		return NULL;
	qf_http_server_free(w->server);
	free(w);
	return NULL;
}
