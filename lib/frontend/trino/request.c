/* HTTP requests of Trino clients. [client-protocol] See listener.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static const struct qf_http_header no_store = { .name = { (const uint8_t *)"Cache-Control", 13 },
	.value = { (const uint8_t *)"no-store", 8 } };

static void reply_with(struct qf_http_request *rq, unsigned status, const char *name, const char *value, const char *text)
{
	struct qf_http_header header = { .name = qf_slice_str(name), .value = qf_slice_str(value) };
	struct qf_http_reply reply = { .status = status, .content_type = "text/plain", .headers = &header, .n_headers = 1 };
	struct qf_buf body;

	qf_buf_init(&body);
	qf_buf_add_str(&body, text);
	qf_buf_add_str(&body, "\n");
	reply.body = qf_http_body_new(&body);
	qf_http_reply(rq, &reply);
	qf_http_body_free(reply.body);
}

/* ---- POST /v1/statement ------------------------------------------------------------------------------------ */

/* Always a page: the Java client sends a POST once, and takes any other status for the end. */
static void reply_refusal(struct qf_listener *l, struct qf_http_request *rq, enum qf_trino_code code, const char *text)
{
	struct qf_trino_error e = { .code = code, .message = text };
	struct qf_http_body *body;
	char id[QF_QUERY_ID];

	qf_query_name(l->hub, id);
	body = tr_page_refused(l, rq, id, &e);
	tr_page_reply(rq, body, NULL, 0, l->draining);
	qf_http_body_free(body);
}

static void refuse(struct qf_http_request *rq, unsigned status, const char *text)
{
	if (status == 401)
		reply_with(rq, status, "WWW-Authenticate", "Basic realm=\"Trino\"", text);
	else
		qf_http_reply_text(rq, status, "%s\n", text);
}

static bool read_session(struct qf_listener *l, struct qf_http_request *rq, struct tr_session *s)
{
	struct qf_err err = { 0 };
	char *user = NULL;
	unsigned status = tr_login(l, rq, NULL, NULL, &user, &err);

	if (!status)
		status = tr_session_init(s, rq, ((uint64_t)(QF_FE_TRINO + 1) << 56) + ++l->next_id, user, &err);
	free(user);
	if (status)
		refuse(rq, status, err.text);
	return status == 0;
}

/* Who knows the path of a page is not yet whose query it is. */
static bool may_have(struct qf_listener *l, struct qf_http_request *rq, const struct tr_query *q)
{
	struct qf_err err = { 0 };
	char *user = NULL;
	unsigned status = tr_login(l, rq, q->owner, q->catalog, &user, &err);

	free(user);
	if (status)
		refuse(rq, status, err.text);
	return status == 0;
}

static void post_statement(struct qf_listener *l, struct qf_http_request *rq)
{
	struct qf_slice sql = qf_http_body(rq);
	struct qf_http_body *body;
	struct qf_sql_error e;
	struct tr_session s;
	struct tr_query *q;

	if (l->draining) {
		reply_refusal(l, rq, QF_TRINO_SERVER_SHUTTING_DOWN, "Server is shutting down");
		return;
	}
	if (!read_session(l, rq, &s))
		return;
	if (sql.n == 0) {
		tr_session_fini(&s);
		qf_http_reply_text(rq, 400, "SQL statement is empty\n");
		return;
	}
	q = tr_query_new(l, &s, sql, &e);
	if (!q) {
		reply_refusal(l, rq, qf_trino_code_of(e.sqlstate), e.message);
		return;
	}
	body = tr_page_registered(q, rq);
	tr_page_reply(rq, body, &no_store, 1, false);
	qf_http_body_free(body);
}

/* ---- pages --------------------------------------------------------------------------------------------------- */

static void on_page(struct qf_listener *l, struct qf_http_request *rq, const struct qf_trino_path *path)
{
	struct tr_query *q = tr_query_find(l, path->id, path->slug);
	struct qf_http_reply nothing = { .status = 204 };

	if (!q) {
		qf_http_reply_text(rq, 404, "Query not found: it ended long ago, or it was running when qf-listen was restarted\n");
		return;
	}
	if (!may_have(l, rq, q))
		return;
	if (qf_http_method(rq) == QF_HTTP_GET) {
		tr_query_get(q, rq, path->token);
		return;
	}
	tr_query_touch(q);
	if (qf_http_method(rq) == QF_HTTP_DELETE)
		tr_query_cancel(q);
	else /* HEAD keeps a query alive while its client is busy with the page before */
		nothing.status = 200;
	qf_http_reply(rq, &nothing);
}

/* ---- what else is asked ---------------------------------------------------------------------------------------- */

static void on_info(struct qf_listener *l, struct qf_http_request *rq)
{
	struct qf_http_reply reply = { .status = 200, .content_type = "application/json", .headers = &no_store,
		.n_headers = 1 };
	struct qf_buf body;

	qf_buf_init(&body);
	qf_trino_put_info(&body, qf_hub_version(l->hub), qf_loop_now(l->loop) - l->opened_ns, false);
	reply.body = qf_http_body_new(&body);
	qf_http_reply(rq, &reply);
	qf_http_body_free(reply.body);
}

/* Where infoUri leads. It tells no more than that the query is known, since an id is no secret. */
static void on_ui(struct qf_listener *l, struct qf_http_request *rq)
{
	static const char *const states[] = { [TR_REGISTERED] = "waits for its client", [TR_RUNNING] = "is running",
		[TR_FINISHED] = "has finished", [TR_FAILED] = "has failed" };
	struct qf_slice id = qf_http_query(rq);
	struct tr_query *q = qf_trino_id_valid(id) ? qf_map_get(l->queries, id) : NULL;

	if (q)
		qf_http_reply_text(rq, 200, "Query %s %s\n", q->id, states[q->state]);
	else
		qf_http_reply_text(rq, 404, "Query not found\n");
}

static const struct {
	const char *allow;
	unsigned methods;
} allowed[] = {
	[QF_TRINO_ROUTE_STATEMENT] = { "POST", 1u << QF_HTTP_POST },
	[QF_TRINO_ROUTE_PAGE] = { "GET, HEAD, DELETE", 1u << QF_HTTP_GET | 1u << QF_HTTP_HEAD | 1u << QF_HTTP_DELETE },
	[QF_TRINO_ROUTE_INFO] = { "GET, HEAD", 1u << QF_HTTP_GET | 1u << QF_HTTP_HEAD },
	[QF_TRINO_ROUTE_UI] = { "GET, HEAD", 1u << QF_HTTP_GET | 1u << QF_HTTP_HEAD },
};

void tr_on_request(struct qf_http_request *rq, void *arg)
{
	struct qf_trino_path path = qf_trino_path(qf_http_path(rq));
	struct qf_listener *l = arg;

	if (path.route != QF_TRINO_ROUTE_NONE && !(allowed[path.route].methods & 1u << qf_http_method(rq))) {
		reply_with(rq, 405, "Allow", allowed[path.route].allow, "Method not allowed");
		return;
	}
	switch (path.route) {
	case QF_TRINO_ROUTE_STATEMENT:
		post_statement(l, rq);
		break;
	case QF_TRINO_ROUTE_PAGE:
		on_page(l, rq, &path);
		break;
	case QF_TRINO_ROUTE_INFO:
		on_info(l, rq);
		break;
	case QF_TRINO_ROUTE_UI:
		on_ui(l, rq);
		break;
	case QF_TRINO_ROUTE_NONE:
		qf_http_reply_text(rq, 404, "Not found\n");
		break;
	}
}

void tr_on_gone(struct qf_http_request *rq, void *arg)
{
	struct tr_waiter *w = qf_http_user(rq);

	(void)arg;
	if (w)
		tr_query_forget_waiter(w);
}
