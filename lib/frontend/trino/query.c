/* Pages asked for, waited for, handed out. See query.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"
#include "query.h"
#include "txn.h"

enum {
	MAX_WAITERS = 8,
	MAX_WARNINGS = 64 * 1024, /* bytes */
};

#define POLL_NS QF_SEC
#define KEEP_NS (60 * QF_SEC)
#define DRAIN_NS (10 * QF_SEC) /* a client that is still there asks sooner */
#define MAX_STATEMENT_BYTES ((size_t)256 << 20)

static void on_turn(struct qf_task *t);
static void on_again(struct qf_timer *t);
static void on_poll(struct qf_timer *t);
static void on_idle(struct qf_timer *t);

/* ---- the idle clock -------------------------------------------------------------------------------------- */

static uint64_t abandon_ns(const struct tr_query *q)
{
	return tr_listener_conf(q->listener)->abandon_ns;
}

/* Something is ready that the client does not come for. */
static bool is_stalled(const struct tr_query *q)
{
	return q->n_waiting == 0 && !q->closed && (q->result.page_rows > 0 || tr_result_waits(&q->result));
}

static void arm_idle(struct tr_query *q)
{
	uint64_t now = qf_loop_now(q->listener->loop), at = q->asked_ns + abandon_ns(q);
	uint64_t stall = q->got_ns + qf_hub_conf(q->listener->hub)->client_stall_ns;

	if (q->released)
		at = q->asked_ns + KEEP_NS;
	else if (q->listener->draining)
		at = q->asked_ns + DRAIN_NS;
	else if (is_stalled(q) && stall < at)
		at = stall;
	qf_timer_set(q->listener->loop, &q->idle, at > now ? at - now : 0);
}

void tr_query_touch(struct tr_query *q)
{
	q->asked_ns = qf_loop_now(q->listener->loop);
	if (!q->closed)
		arm_idle(q);
}

/* ---- what the client is told at the end -------------------------------------------------------------------- */

static void kick(struct tr_query *q)
{
	qf_task_add(q->listener->loop, &q->turn);
}

static void end(struct tr_query *q, enum tr_state state)
{
	q->state = state;
	q->ended_ns = qf_loop_now(q->listener->loop);
	kick(q);
}

void tr_query_done(struct tr_query *q, const char *update_type)
{
	snprintf(q->update_type, sizeof(q->update_type), "%s", update_type);
	if (q->result.columns.n == 0)
		tr_result_nothing(&q->result);
	end(q, TR_FINISHED);
}

void tr_query_fail(struct tr_query *q, enum qf_trino_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->message, sizeof(q->message), fmt, ap);
	va_end(ap);
	q->error = (struct qf_trino_error){ .code = code, .message = q->message };
	end(q, TR_FAILED);
}

/* Bytes before the character with that number, counted from 1. */
static size_t offset_of(struct qf_slice sql, uint32_t character)
{
	size_t at = 0;

	for (uint32_t n = 1; at < sql.n && n < character; n++)
		do
			at++;
		while (at < sql.n && (sql.p[at] & 0xc0) == 0x80);
	return at;
}

void tr_query_fail_sql(struct tr_query *q, const struct qf_sql_error *e, struct qf_slice sql)
{
	snprintf(q->message, sizeof(q->message), "%s%s%s%s%s", e->message, e->detail[0] ? "\n" : "", e->detail,
		e->hint[0] ? "\n" : "", e->hint);
	snprintf(q->sqlstate, sizeof(q->sqlstate), "%s", e->sqlstate);
	q->error = (struct qf_trino_error){ .code = qf_trino_code_of(e->sqlstate), .sqlstate = q->sqlstate,
		.message = q->message };
	if (e->position > 0)
		qf_text_place(sql, offset_of(sql, e->position), &q->error.line, &q->error.column);
	end(q, TR_FAILED);
}

void tr_query_header(struct tr_query *q, const char *name, struct qf_slice value)
{
	q->headers = qf_xrealloc(q->headers, (q->n_headers + 1) * sizeof(*q->headers));
	q->headers[q->n_headers++] = (struct qf_http_header){ .name = qf_slice_str(name),
		.value = qf_slice(qf_slice_dup(value), value.n) };
}

void tr_query_warn(struct tr_query *q, const char *name, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (q->warnings.n < MAX_WARNINGS)
		qf_trino_put_warning(&q->warnings, 0x01000000, name, text);
}

/* ---- pages --------------------------------------------------------------------------------------------------- */

static void reply(struct tr_query *q, struct qf_http_request *rq)
{
	bool final = q->state == TR_FINISHED || q->state == TR_FAILED;

	tr_page_reply(rq, q->page, q->headers, final ? q->n_headers : 0, false);
}

static void free_waiter(struct tr_waiter *w)
{
	qf_http_set_user(w->rq, NULL);
	qf_list_remove(&w->link);
	w->q->n_waiting--;
	free(w);
}

void tr_query_forget_waiter(struct tr_waiter *w)
{
	struct tr_query *q = w->q;

	qf_list_remove(&w->link);
	q->n_waiting--;
	free(w);
	if (q->n_waiting == 0)
		qf_timer_stop(q->listener->loop, &q->poll);
	arm_idle(q);
}

/* Nobody wants to know how it ends. */
static void drop_query(struct tr_query *q)
{
	if (!q->query)
		return;
	qf_query_abandon(q->query);
	q->query = NULL;
	tr_txn_abandoned(q);
}

/* What a kept query takes, for the limit on all of them. */
static void account(struct tr_query *q, size_t bytes)
{
	struct qf_listener *l = q->listener;

	qf_list_remove(&q->link); /* not itself */
	tr_listener_make_room(l, bytes);
	q->kept_bytes += bytes;
	l->kept_bytes += bytes;
	qf_list_append(&l->kept, &q->link);
}

/* What it has to say, but for the page. */
static size_t told_bytes(const struct tr_query *q)
{
	size_t n = sizeof(*q) + q->warnings.cap;

	for (size_t i = 0; i < q->n_headers; i++)
		n += sizeof(q->headers[i]) + q->headers[i].value.n;
	return n;
}

/* Nothing of it runs any more and nothing is left to encode: it only tells what it has to say. */
static void release(struct tr_query *q)
{
	struct qf_listener *l = q->listener;

	if (q->released)
		return;
	q->released = true;
	qf_timer_stop(l->loop, &q->again);
	drop_query(q);
	tr_txn_left(q, q->state == TR_FINISHED);
	tr_result_fini(&q->result);
	tr_result_init(&q->result, q->id, &q->session.style);
	free(q->sql);
	free(q->text);
	q->sql = q->text = NULL;
	tr_session_fini(&q->session);
	l->statement_bytes -= q->reserved;
	q->reserved = 0;
	account(q, told_bytes(q));
	l->n_live--;
	tr_listener_left(l);
}

/* Its last page is told once more when it is asked for. */
static void close_query(struct tr_query *q)
{
	q->closed = true;
	release(q);
	account(q, qf_http_body_bytes(q->page));
}

/* All rows of a query that has ended are on pages. */
static bool is_complete(const struct tr_query *q)
{
	return q->state == TR_FAILED || (q->state == TR_FINISHED && !tr_result_waits(&q->result));
}

/* The page goes to all that wait for it; it is the same for each. */
static void hand_out(struct tr_query *q)
{
	struct tr_waiter *first = qf_container_of(q->waiting.next, struct tr_waiter, link);
	bool last = is_complete(q);

	q->token++;
	if (q->page) /* who asks for the next one has it: one page of a query is on its way at most */
		qf_http_body_give_up(q->listener->http, q->page);
	qf_http_body_free(q->page);
	q->page = tr_page_next(q, first->rq, !last);
	qf_timer_stop(q->listener->loop, &q->poll);
	while (!qf_list_empty(&q->waiting)) {
		struct tr_waiter *w = qf_container_of(q->waiting.next, struct tr_waiter, link);
		struct qf_http_request *rq = w->rq;

		free_waiter(w);
		reply(q, rq);
	}
	q->asked_ns = q->got_ns = qf_loop_now(q->listener->loop);
	if (last) {
		close_query(q);
		arm_idle(q);
	}
}

/* The rows cannot be told: what the engine says of it does not matter any more. */
static void check_result(struct tr_query *q)
{
	if (!q->result.failed || q->state == TR_FAILED)
		return;
	if (q->query)
		qf_query_cancel(q->query);
	tr_query_fail_sql(q, &q->result.error, QF_SLICE_NONE);
}

static bool has_news(const struct tr_query *q, bool filling)
{
	if (is_complete(q))
		return true;
	return !filling && q->result.page_rows > 0;
}

static void on_turn(struct qf_task *t)
{
	struct tr_query *q = qf_container_of(t, struct tr_query, turn);
	bool filling = tr_result_fill(&q->result, tr_listener_page_bytes(q->listener));

	check_result(q);
	if (filling)
		qf_timer_set(q->listener->loop, &q->again, 0);
	if (q->n_waiting > 0 && has_news(q, filling))
		hand_out(q);
	else if (q->cancelled && q->state == TR_FAILED)
		release(q); /* nobody may ever ask how it ended */
	else if (q->cancelled && q->state == TR_FINISHED && !q->update_type[0])
		tr_query_fail(q, QF_TRINO_USER_CANCELED, "Query was canceled"); /* its rows are not wanted */
	if (!q->closed)
		arm_idle(q);
}

static void on_again(struct qf_timer *t)
{
	kick(qf_container_of(t, struct tr_query, again));
}

static void on_poll(struct qf_timer *t)
{
	hand_out(qf_container_of(t, struct tr_query, poll));
}

static void wait_for_page(struct tr_query *q, struct qf_http_request *rq)
{
	struct tr_waiter *w = qf_xcalloc(1, sizeof(*w));

	*w = (struct tr_waiter){ .q = q, .rq = rq };
	qf_http_set_user(rq, w);
	qf_list_init(&w->link);
	qf_list_append(&q->waiting, &w->link);
	if (q->n_waiting++ == 0)
		qf_timer_set(q->listener->loop, &q->poll, POLL_NS);
	kick(q);
}

void tr_query_get(struct tr_query *q, struct qf_http_request *rq, uint64_t token)
{
	q->got_ns = qf_loop_now(q->listener->loop);
	tr_query_touch(q);
	if (token == q->token && q->page) {
		reply(q, rq);
	} else if (token <= q->token) {
		qf_http_reply_text(rq, 410, "this page is no longer kept\n");
	} else if (q->closed || token != q->token + 1) {
		qf_http_reply_text(rq, 404, "no such page\n");
	} else if (q->n_waiting >= MAX_WAITERS) {
		qf_http_reply_text(rq, 503, "%d requests wait for this page already\n", MAX_WAITERS);
	} else {
		if (q->state == TR_REGISTERED)
			tr_query_start(q);
		wait_for_page(q, rq);
	}
}

/* ---- the end of it -------------------------------------------------------------------------------------------- */

void tr_query_cancel(struct tr_query *q)
{
	if (q->closed || q->state == TR_FAILED)
		return;
	q->cancelled = true;
	if (q->query)
		qf_query_cancel(q->query);
	else
		tr_query_fail(q, QF_TRINO_USER_CANCELED, "Query was canceled");
}

static void give_up(struct tr_query *q, const char *why, uint64_t since)
{
	qf_info("query %s: abandoned, its client %s for %llu s", q->id, why,
		(unsigned long long)((qf_loop_now(q->listener->loop) - since) / QF_SEC));
	tr_query_free(q);
}

static void on_idle(struct qf_timer *t)
{
	struct tr_query *q = qf_container_of(t, struct tr_query, idle);
	uint64_t now = qf_loop_now(q->listener->loop);
	uint64_t limit = q->listener->draining && abandon_ns(q) > DRAIN_NS ? DRAIN_NS : abandon_ns(q);

	if (q->released && q->n_waiting == 0)
		tr_query_free(q);
	else if (q->n_waiting > 0)
		tr_query_touch(q);
	else if (now >= q->asked_ns + limit)
		give_up(q, "did not ask", q->asked_ns);
	else if (is_stalled(q) && now >= q->got_ns + qf_hub_conf(q->listener->hub)->client_stall_ns)
		give_up(q, "took no row", q->got_ns);
	else
		arm_idle(q);
}

void tr_query_hurry(struct tr_query *q)
{
	arm_idle(q);
}

/* ---- life ---- */

static bool make_slug(char slug[QF_TRINO_SLUG])
{
	uint8_t random[(QF_TRINO_SLUG - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(slug + 2 * i, 3, "%02x", random[i]);
	return true;
}

static bool has_room(const struct qf_listener *l, size_t bytes, struct qf_sql_error *e)
{
	size_t limit = tr_listener_conf(l)->max_connections ? tr_listener_conf(l)->max_connections : 10000;

	if (l->n_live >= limit)
		qf_sql_error_set(e, "53300", "Too many queries: %zu run or wait already (maxConnections)", l->n_live);
	else if (bytes > MAX_STATEMENT_BYTES - l->statement_bytes)
		qf_sql_error_set(e, "53300", "Too many bytes of statements are running or waiting");
	else
		return true;
	return false;
}

struct tr_query *tr_query_new(struct qf_listener *l, struct tr_session *session, struct qf_slice sql,
			      struct qf_sql_error *reterr)
{
	size_t bytes = sql.n + tr_session_bytes(session);
	struct tr_query *q;

	if (!has_room(l, bytes, reterr)) {
		tr_session_fini(session);
		return NULL;
	}
	q = qf_xcalloc(1, sizeof(*q));
	if (!make_slug(q->slug)) {
		qf_sql_error_set(reterr, "53000", "The system gives no random bytes");
		tr_session_fini(session);
		free(q);
		return NULL;
	}
	q->listener = l;
	q->session = *session;
	q->owner = qf_xstrdup(session->facts.user);
	q->catalog = session->facts.database ? qf_xstrdup(session->facts.database) : NULL;
	q->reserved = bytes;
	q->sql = qf_slice_dup(sql);
	q->sql_n = sql.n;
	q->turn.fn = on_turn;
	q->again.fn = on_again;
	q->poll.fn = on_poll;
	q->idle.fn = on_idle;
	qf_query_name(l->hub, q->id);
	qf_list_init(&q->link);
	qf_list_init(&q->waiting);
	tr_result_init(&q->result, q->id, &q->session.style);
	q->posted_ns = q->asked_ns = q->got_ns = qf_loop_now(l->loop);
	l->statement_bytes += bytes;
	l->n_live++;
	qf_list_append(&l->live, &q->link);
	qf_map_put(l->queries, qf_slice_str(q->id), q);
	arm_idle(q);
	return q;
}

static void drop_waiters(struct tr_query *q)
{
	while (!qf_list_empty(&q->waiting)) {
		struct tr_waiter *w = qf_container_of(q->waiting.next, struct tr_waiter, link);
		struct qf_http_request *rq = w->rq;

		free_waiter(w);
		qf_http_reply_text(rq, 404, "the query is gone\n");
	}
}

void tr_query_free(struct tr_query *q)
{
	struct qf_listener *l = q->listener;
	bool live = !q->released;

	qf_map_del(l->queries, qf_slice_str(q->id));
	qf_list_remove(&q->link);
	drop_waiters(q);
	qf_task_del(l->loop, &q->turn);
	qf_timer_stop(l->loop, &q->again);
	qf_timer_stop(l->loop, &q->poll);
	qf_timer_stop(l->loop, &q->idle);
	drop_query(q);
	tr_txn_left(q, false);
	tr_result_fini(&q->result);
	tr_session_fini(&q->session);
	for (size_t i = 0; i < q->n_headers; i++)
		free((void *)(uintptr_t)q->headers[i].value.p);
	free(q->headers);
	qf_buf_fini(&q->warnings);
	qf_http_body_free(q->page);
	free(q->sql);
	free(q->text);
	free(q->owner);
	free(q->catalog);
	l->statement_bytes -= q->reserved;
	l->kept_bytes -= q->kept_bytes;
	free(q);
	if (live) {
		l->n_live--;
		tr_listener_left(l);
	}
}

/* Takes the same time for every slug. */
static bool slug_matches(const struct tr_query *q, struct qf_slice slug)
{
	uint8_t diff = 0;

	for (size_t i = 0; i < QF_TRINO_SLUG - 1; i++)
		diff |= (uint8_t)q->slug[i] ^ slug.p[i];
	return diff == 0;
}

struct tr_query *tr_query_find(struct qf_listener *l, struct qf_slice id, struct qf_slice slug)
{
	struct tr_query *q = qf_map_get(l->queries, id);

	return q && slug.n == QF_TRINO_SLUG - 1 && slug_matches(q, slug) ? q : NULL;
}
