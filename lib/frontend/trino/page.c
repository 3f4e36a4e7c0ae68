/* Pages as reply bodies. See query.h. */
#include <string.h>

#include "qf/clock.h"
#include "query.h"

/* The front of the links in what answers rq. */
static void put_base(struct qf_listener *l, const struct qf_http_request *rq, struct qf_buf *out)
{
	qf_trino_base(out, qf_hub_conf(l->hub)->external_address,
		qf_http_is_tls(rq) ? qf_slice_str("https") : qf_http_header(rq, "X-Forwarded-Proto"),
		qf_http_header(rq, "X-Forwarded-Host"), qf_http_header(rq, "X-Forwarded-Port"),
		qf_http_header(rq, "Host"), l->address);
}

static struct qf_http_body *finish(struct qf_listener *l, const struct qf_http_request *rq, struct qf_buf *page,
				   uint64_t rows, struct qf_trino_tail *tail)
{
	struct qf_buf base;

	qf_buf_init(&base);
	put_base(l, rq, &base);
	tail->links.base = qf_buf_cstr(&base);
	qf_trino_page_end(page, rows, tail);
	qf_buf_fini(&base);
	return qf_http_body_new(page);
}

struct qf_http_body *tr_page_refused(struct qf_listener *l, const struct qf_http_request *rq, const char *id,
				     const struct qf_trino_error *e)
{
	struct qf_trino_tail tail = { .links = { .id = id, .slug = "" }, .stats = { .state = "FAILED" }, .error = e };
	struct qf_buf page;

	qf_buf_init(&page);
	qf_trino_page_begin(&page, id, QF_SLICE_NONE);
	return finish(l, rq, &page, 0, &tail);
}

static struct qf_trino_stats stats_of(const struct tr_query *q)
{
	static const char *const states[] = { [TR_REGISTERED] = "QUEUED", [TR_RUNNING] = "RUNNING",
		[TR_FINISHED] = "FINISHED", [TR_FAILED] = "FAILED" };
	uint64_t until = q->ended_ns ? q->ended_ns : qf_loop_now(q->listener->loop);
	bool waits = q->state == TR_RUNNING && q->query && !qf_query_running(q->query);

	return (struct qf_trino_stats){
		.state = states[waits ? TR_REGISTERED : q->state],
		.elapsed_ms = (until - q->posted_ns) / QF_MS,
		.queued_ms = (waits ? until - q->posted_ns : q->queue_ns) / QF_MS,
		.rows = q->result.rows_all,
		.bytes = q->result.bytes_all,
	};
}

static struct qf_trino_tail tail_of(const struct tr_query *q, uint64_t next)
{
	return (struct qf_trino_tail){
		.links = { .id = q->id, .slug = q->slug, .queued = q->state == TR_REGISTERED, .next = next },
		.stats = stats_of(q),
		.warnings = qf_buf_slice(&q->warnings),
	};
}

struct qf_http_body *tr_page_registered(struct tr_query *q, const struct qf_http_request *rq)
{
	struct qf_trino_tail tail = tail_of(q, 1);
	struct qf_buf page;

	tail.links.has_next = true;
	qf_buf_init(&page);
	qf_trino_page_begin(&page, q->id, QF_SLICE_NONE);
	return finish(q->listener, rq, &page, 0, &tail);
}

/* While pages follow, a query that has ended is still running: its state is what the client has seen of it. */
struct qf_http_body *tr_page_next(struct tr_query *q, const struct qf_http_request *rq, bool has_next)
{
	struct qf_trino_tail tail = tail_of(q, q->token + 1);
	uint64_t rows;
	size_t batches;
	struct qf_buf page;

	if (q->state == TR_FAILED) {
		tr_result_drop(&q->result);
		tail.error = &q->error;
	}
	page = tr_result_take(&q->result, &rows, &batches);
	if (q->query && batches > 0)
		qf_query_taken(q->query, batches);
	tail.links.has_next = has_next;
	if (has_next && q->state == TR_FINISHED)
		tail.stats.state = "RUNNING";
	tail.update_type = q->update_type[0] ? q->update_type : NULL;
	tail.has_update_count = q->has_count;
	tail.update_count = q->count;
	return finish(q->listener, rq, &page, rows, &tail);
}

void tr_page_reply(struct qf_http_request *rq, struct qf_http_body *body, const struct qf_http_header *headers,
		   size_t n_headers, bool close)
{
	struct qf_http_reply reply = {
		.status = 200,
		.content_type = "application/json",
		.body = body,
		.headers = headers,
		.n_headers = n_headers,
		.compress = true,
		.close = close,
	};

	qf_http_reply(rq, &reply);
}
