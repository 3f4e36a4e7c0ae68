/*
 * A hub in one process for the tests of the PostgreSQL frontend: statements go straight to one engine (the
 * scripted fake one, or what the test opens), a pin is one of its connections. What reached the engine is
 * written down: "1:" for the first pin that begins a transaction or is kept, "-:" for none, statements separated by
 * "|"; "describe", values in [], "limit rows/portal" and "fetch rows/portal" are what they were run with.
 */
#ifndef QF_TESTS_PG_FAKE_HUB_H
#define QF_TESTS_PG_FAKE_HUB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/arena.h"
#include "qf/bind.h"
#include "qf/msg.h"
#include "qf/clock.h"
#include "qf/frontend.h"

enum { HUB_WINDOW = 1024 * 1024, HUB_BATCH = 64 * 1024 };

struct qf_hub {
	struct qf_loop *loop;
	struct qf_tls_config *tls;
	struct qf_conf conf;
	const struct qf_engine_ops *ops;
	struct qf_conf_cluster cluster;
	struct qf_engine *engine;
	struct qf_buf log;
	struct qf_auth *auth;
	unsigned keys_passed_on, scram_keys;
	unsigned named, pins, queries_open, pins_open, cancels, abandons;
	struct qf_pin *last_pin;
	struct qf_buf facts;	 /* of the last statement's session, as text */
	bool cut_batches;	 /* what comes is not what was sent */
	uint32_t error_position; /* of every error that comes from the engine */
	size_t outstanding, most_outstanding; /* row bytes given and not taken */
};

struct qf_pin {
	struct qf_hub *hub;
	unsigned number;
	struct qf_engine_conn *conn;
	bool placed, in_transaction, dead, freed;
	unsigned held;
	void (*on_async)(void *arg, struct qf_slice message);
	void (*on_lost)(void *arg);
	void *arg;
	struct qf_query *query;
};

struct qf_query {
	struct qf_hub *hub;
	struct qf_query_request req;
	char *sql;
	struct qf_arena *arena; /* of bind */
	struct qf_buf bind_bytes, fields;
	struct qf_bind bind;
	uint32_t *param_types;
	char tag[64];
	struct qf_pin *pin;
	struct qf_engine_conn *conn;
	struct qf_engine_job job;
	struct qf_task start, end_task;
	struct qf_timer deadline;
	struct qf_query_end end;
	bool began, running, called, abandoned, late, begins;
	size_t outstanding;
};

/* Keeps what on_described() has put there. */
static inline void hub_end(struct qf_query *q, const struct qf_engine_end *e)
{
	struct qf_query_end *end = &q->end;

	end->ok = e->outcome == QF_OUT_OK;
	end->group = "fake";
	end->rows = e->rows;
	end->has_rows = e->has_rows;
	end->suspended = e->suspended;
	end->stage = e->outcome == QF_OUT_ERROR ? e->stage : QF_STAGE_EXECUTE;
	end->error = e->error;
	snprintf(q->tag, sizeof(q->tag), "%s", e->tag);
	end->tag = q->tag[0] ? q->tag : NULL;
	qf_buf_clear(&q->fields);
	qf_buf_add_slice(&q->fields, e->fields);
	end->fields = qf_buf_slice(&q->fields);
}

static inline void hub_query_drop(struct qf_query *q)
{
	qf_timer_stop(q->hub->loop, &q->deadline);
	qf_task_del(q->hub->loop, &q->start);
	qf_task_del(q->hub->loop, &q->end_task);
	q->hub->outstanding -= q->outstanding;
	q->hub->queries_open--;
	qf_arena_free(q->arena);
	qf_buf_fini(&q->bind_bytes);
	qf_buf_fini(&q->fields);
	free(q->param_types);
	free(q->sql);
	free(q);
}

static inline void hub_pin_drop(struct qf_pin *pin)
{
	if (pin->conn)
		pin->hub->ops->conn_put(pin->conn, true);
	pin->hub->pins_open--;
	free(pin);
}

static inline void hub_finish(struct qf_query *q)
{
	struct qf_pin *pin = q->pin;

	q->running = false;
	q->called = true;
	qf_timer_stop(q->hub->loop, &q->deadline);
	if (q->conn && !(pin && pin->conn == q->conn))
		q->hub->ops->conn_put(q->conn, false);
	q->conn = NULL;
	if (pin)
		pin->query = NULL;
	q->end.transaction_lost = pin && pin->dead;
	if (pin && pin->freed)
		hub_pin_drop(pin);
	if (q->abandoned)
		hub_query_drop(q);
	else
		q->req.on_end(q, q->req.arg, &q->end);
}

static inline void hub_on_end_task(struct qf_task *t)
{
	hub_finish(qf_container_of(t, struct qf_query, end_task));
}

static inline void hub_fail(struct qf_query *q, const char *sqlstate, const char *text)
{
	qf_sql_error_set(&q->end.error, sqlstate, "%s", text);
	qf_task_add(q->hub->loop, &q->end_task);
}

static inline void hub_submit(struct qf_query *q, const char *sql);

static inline void hub_on_schema(struct qf_engine_job *job, struct qf_slice schema)
{
	struct qf_query *q = job->arg;

	if (!q->abandoned)
		q->req.on_columns(q, q->req.arg, job->encoding, schema);
}

static inline void hub_on_described(struct qf_engine_job *job, const uint32_t *oids, size_t n, struct qf_slice columns)
{
	struct qf_query *q = job->arg;

	q->param_types = n ? qf_xmalloc(n * sizeof(*oids)) : NULL;
	for (size_t i = 0; i < n; i++)
		q->param_types[i] = oids[i];
	q->end.param_types = q->param_types;
	q->end.n_params = n;
	if (columns.n && !q->abandoned)
		q->req.on_columns(q, q->req.arg, job->encoding, columns);
}

static inline void hub_on_async(struct qf_engine_job *job, struct qf_slice message)
{
	struct qf_query *q = job->arg;

	if (!q->abandoned && q->req.on_async)
		q->req.on_async(q, q->req.arg, message);
}

static inline void hub_on_input_taken(struct qf_engine_job *job, size_t bytes)
{
	struct qf_query *q = job->arg;

	if (!q->abandoned && q->req.on_input_taken)
		q->req.on_input_taken(q, q->req.arg, bytes);
}

static inline void hub_on_batch(struct qf_engine_job *job, struct qf_slice batch, uint64_t rows)
{
	struct qf_query *q = job->arg;
	struct qf_hub *h = q->hub;

	(void)rows;
	if (q->abandoned)
		return;
	q->outstanding += batch.n;
	h->outstanding += batch.n;
	if (h->outstanding > h->most_outstanding)
		h->most_outstanding = h->outstanding;
	q->req.on_rows(q, q->req.arg, h->cut_batches ? qf_slice(batch.p, batch.n / 2) : batch);
}

static inline void hub_on_notice(struct qf_engine_job *job, const char *severity, const char *text, struct qf_slice fields)
{
	struct qf_query *q = job->arg;

	if (!q->abandoned)
		q->req.on_notice(q, q->req.arg, severity, "00000", text, fields);
}

static inline void hub_settle_pin(struct qf_query *q, const struct qf_engine_end *e)
{
	struct qf_pin *pin = q->pin;

	pin->held = e->held;
	if (e->conn_broken && pin->placed) {
		pin->dead = true;
		if (pin->on_lost && !pin->freed)
			pin->on_lost(pin->arg);
	}
	if (e->conn_broken && pin->conn == q->conn) {
		q->hub->ops->conn_put(pin->conn, true);
		q->conn = pin->conn = NULL;
	}
	pin->in_transaction = !e->conn_broken && e->in_transaction && !q->req.ends_transaction;
	pin->placed = pin->in_transaction || (!e->conn_broken && pin->held);
	if (pin->placed)
		pin->conn = q->conn;
	else if (pin->conn == q->conn)
		pin->conn = NULL; /* goes back with the query */
}

static inline void hub_note_pairs(struct qf_buf *b, const char *what, const struct qf_conf_kv *kv, size_t n)
{
	qf_buf_printf(b, " %s", what);
	for (size_t i = 0; i < n; i++)
		qf_buf_printf(b, "{%s=%s}", kv[i].key, kv[i].value ? kv[i].value : "*");
}

static inline void hub_note_facts(struct qf_buf *b, const struct qf_session_facts *f)
{
	qf_buf_clear(b);
	qf_buf_printf(b, "%s@%s schema=%s zone=%s %s", f->user, f->database, f->schema ? f->schema : "~", f->time_zone,
		qf_dialect_name(f->dialect));
	hub_note_pairs(b, "headers", f->headers, f->n_headers);
	hub_note_pairs(b, "tags", f->tags, f->n_tags);
}

static inline void hub_on_end(struct qf_engine_job *job, const struct qf_engine_end *e)
{
	struct qf_query *q = job->arg;

	if (q->began) {
		q->began = false;
		q->pin->placed = q->pin->in_transaction = true;
		hub_submit(q, q->sql);
		return;
	}
	if (!q->abandoned) /* they are lent to the end */
		hub_note_facts(&q->hub->facts, q->req.session);
	hub_end(q, e);
	q->end.error.position = q->hub->error_position;
	if (q->late)
		qf_sql_error_set(&q->end.error, "57014", "the deadline has passed");
	if (q->pin)
		hub_settle_pin(q, e);
	hub_finish(q);
}

static inline void hub_note_run(struct qf_buf *log, const struct qf_bind *b, const char *sql)
{
	if (b->kind == QF_RUN_FETCH) {
		qf_buf_printf(log, "fetch %u/%llu", b->max_rows, (unsigned long long)b->portal);
	} else {
		qf_buf_printf(log, "%s%s", b->kind == QF_RUN_DESCRIBE ? "describe " : "", sql);
		if (b->max_rows)
			qf_buf_printf(log, " limit %u/%llu", b->max_rows, (unsigned long long)b->portal);
	}
	for (uint16_t i = 0; i < b->n_values; i++) {
		qf_buf_add_str(log, i ? "," : " [");
		if (b->values[i].p)
			qf_buf_add(log, b->values[i].p, b->values[i].n);
		else
			qf_buf_add_str(log, "~");
	}
	qf_buf_add_str(log, b->n_values ? "]" : "");
	for (uint16_t i = 0; i < b->n_closed; i++)
		qf_buf_printf(log, " closes %llu", (unsigned long long)b->closed[i]);
	qf_buf_add_str(log, "|");
}

static inline void hub_submit(struct qf_query *q, const char *sql)
{
	struct qf_pin *pin = q->pin && (q->pin->placed || q->begins) ? q->pin : NULL;
	struct qf_sql_error e;

	if (pin && !pin->number)
		pin->number = ++q->hub->pins;
	if (pin)
		qf_buf_printf(&q->hub->log, "%u:", pin->number);
	else
		qf_buf_add_str(&q->hub->log, "-:");
	hub_note_run(&q->hub->log, q->began ? &qf_bind_plain : &q->bind, sql);
	q->job = (struct qf_engine_job){ .sql = qf_slice_str(sql), .window = HUB_WINDOW, .batch_bytes = HUB_BATCH, .arg = q,
		.bind = q->began ? &qf_bind_plain : &q->bind,
		.on_schema = hub_on_schema, .on_batch = hub_on_batch, .on_notice = hub_on_notice, .on_end = hub_on_end,
		.on_described = hub_on_described, .on_async = hub_on_async, .on_input_taken = hub_on_input_taken };
	if (q->hub->ops->submit(q->conn, &q->job, &e) < 0)
		hub_fail(q, e.sqlstate, e.message);
}

static inline void hub_on_start(struct qf_task *t)
{
	struct qf_query *q = qf_container_of(t, struct qf_query, start);
	struct qf_pin *pin = q->pin;
	struct qf_sql_error e;

	if (pin && pin->dead) {
		hub_fail(q, "25P02", "the transaction was lost");
		return;
	}
	q->conn = pin ? pin->conn : NULL;
	if (!q->conn && q->hub->ops->conn_get(q->hub->engine, &(struct qf_engine_who){ 0 }, &q->conn, &e) < 0) {
		hub_fail(q, e.sqlstate, e.message);
		return;
	}
	q->running = true;
	q->begins = q->began = pin && q->req.transaction && !pin->in_transaction;
	if (q->begins)
		pin->conn = q->conn;
	char *begin = q->bind.begin.n ? qf_slice_dup(q->bind.begin) : NULL;

	hub_submit(q, !q->began ? q->sql : begin ? begin : "BEGIN");
	free(begin);
}

static inline void hub_on_deadline(struct qf_timer *t)
{
	struct qf_query *q = qf_container_of(t, struct qf_query, deadline);

	q->late = true;
	q->hub->ops->cancel(q->conn);
}

/* What a crash of the program that holds the transaction does, while nothing runs in it. */
static inline void hub_lose_pin(struct qf_pin *pin)
{
	pin->hub->ops->conn_put(pin->conn, true);
	pin->conn = NULL;
	pin->dead = true;
	pin->placed = pin->in_transaction = false;
	if (pin->on_lost)
		pin->on_lost(pin->arg);
}

/* By way of a message, as on the ring. */
static inline void hub_copy_bind(struct qf_query *q, const struct qf_bind *b)
{
	struct qf_err err;
	struct qf_msg m;

	q->arena = qf_arena_new(0);
	qf_msg_begin(&q->bind_bytes, QF_MSG_QUERY, 1, 1, 0);
	if (b)
		qf_bind_put(&q->bind_bytes, b);
	qf_msg_end(&q->bind_bytes);
	if (qf_msg_decode(&m, qf_buf_slice(&q->bind_bytes), &err) < 0 || qf_bind_get(&q->bind, &m, q->arena, &err) < 0)
		abort();
}

void qf_query_name(struct qf_hub *hub, char ret[QF_QUERY_ID])
{
	snprintf(ret, QF_QUERY_ID, "20260102_030405_%05u_tests", ++hub->named);
}

struct qf_query *qf_query_start(struct qf_hub *hub, const struct qf_query_request *req)
{
	struct qf_query *q = qf_xcalloc(1, sizeof(*q));

	q->hub = hub;
	q->req = *req;
	q->sql = qf_slice_dup(req->sql);
	hub_copy_bind(q, req->bind);
	q->pin = req->pin;
	q->start.fn = hub_on_start;
	q->end_task.fn = hub_on_end_task;
	q->deadline.fn = hub_on_deadline;
	if (q->pin)
		q->pin->query = q;
	if (req->deadline_ns)
		qf_timer_set(hub->loop, &q->deadline, req->deadline_ns);
	hub->queries_open++;
	hub_note_facts(&hub->facts, req->session);
	qf_task_add(hub->loop, &q->start);
	return q;
}

void qf_query_taken(struct qf_query *q, size_t bytes)
{
	qf_assert(bytes <= q->outstanding);
	q->outstanding -= bytes;
	q->hub->outstanding -= bytes;
	if (q->running)
		q->hub->ops->more(q->conn, bytes);
}

void qf_query_cancel(struct qf_query *q)
{
	q->hub->cancels++;
	if (q->running) {
		q->hub->ops->cancel(q->conn);
	} else if (q->start.queued) {
		qf_task_del(q->hub->loop, &q->start);
		hub_fail(q, "57014", "cancelled before it started");
	}
}

void qf_query_free(struct qf_query *q)
{
	qf_assert(q->called);
	hub_query_drop(q);
}

void qf_query_abandon(struct qf_query *q)
{
	q->hub->abandons++;
	q->abandoned = true;
	if (q->called || q->start.queued) {
		if (q->pin)
			q->pin->query = NULL;
		hub_query_drop(q);
	} else if (q->running) {
		q->hub->ops->cancel(q->conn);
	}
}

const char *qf_query_id(const struct qf_query *q)
{
	return q->sql;
}

bool qf_query_running(const struct qf_query *q)
{
	return q->running;
}

struct qf_pin *qf_pin_new(struct qf_hub *hub)
{
	struct qf_pin *pin = qf_xcalloc(1, sizeof(*pin));

	pin->hub = hub;
	hub->pins_open++;
	hub->last_pin = pin;
	return pin;
}

bool qf_pin_placed(const struct qf_pin *pin)
{
	return pin->placed;
}

bool qf_pin_in_transaction(const struct qf_pin *pin)
{
	return pin->in_transaction;
}

unsigned qf_pin_held(const struct qf_pin *pin)
{
	return pin->held;
}

void qf_pin_watch(struct qf_pin *pin, void (*on_async)(void *arg, struct qf_slice message), void (*on_lost)(void *arg),
		  void *arg)
{
	pin->on_async = on_async;
	pin->on_lost = on_lost;
	pin->arg = arg;
}

void qf_query_input(struct qf_query *q, struct qf_slice messages)
{
	if (q->running && q->hub->ops->input)
		q->hub->ops->input(q->conn, messages);
}

void qf_hub_cancel_key(struct qf_hub *hub, enum qf_frontend fe, struct qf_slice key)
{
	hub->keys_passed_on++;
	(void)fe;
	(void)key;
}

bool qf_pin_dead(const struct qf_pin *pin)
{
	return pin->dead;
}

struct qf_pin *qf_pin_free(struct qf_pin *pin)
{
	if (pin->in_transaction && !pin->query)
		qf_buf_printf(&pin->hub->log, "%u:(rolled back)|", pin->number);
	else if (pin->placed && !pin->query)
		qf_buf_printf(&pin->hub->log, "%u:(let go)|", pin->number);
	if (pin->query)
		pin->freed = true;
	else
		hub_pin_drop(pin);
	return NULL;
}

struct qf_auth *qf_hub_auth(const struct qf_hub *hub)
{
	return hub->auth;
}

bool qf_hub_keys_put(struct qf_hub *hub, const char *user, const struct qf_scram_keys *keys)
{
	(void)user;
	(void)keys;
	hub->scram_keys++;
	return true;
}

void qf_hub_keys_drop(struct qf_hub *hub, const char *user)
{
	(void)user;
	hub->scram_keys--;
}

struct qf_tls_config *qf_hub_tls(const struct qf_hub *hub)
{
	return hub->tls;
}

const struct qf_conf *qf_hub_conf(const struct qf_hub *hub)
{
	return &hub->conf;
}

struct qf_loop *qf_hub_loop(const struct qf_hub *hub)
{
	return hub->loop;
}

const char *qf_hub_version(const struct qf_hub *hub)
{
	(void)hub;
	return "test";
}

static inline void hub_open(struct qf_hub *hub, enum qf_engine_kind kind, const char *script)
{
	struct qf_err err;

	memset(hub, 0, sizeof(*hub));
	hub->conf.max_statement_bytes = 16 << 20;
	hub->conf.client_stall_ns = 300 * QF_SEC;
	hub->conf.idle_in_transaction_ns = 60 * QF_SEC;
	hub->cluster = (struct qf_conf_cluster){ .name = "test", .engine = kind, .enabled = true, .script = script };
	hub->ops = qf_engine_find(kind);
	if (!hub->ops || qf_loop_new(&hub->loop, &err) < 0 ||
		hub->ops->open(&hub->engine, &hub->cluster, hub->loop, 64, &err) < 0) {
		fprintf(stderr, "fake hub: %s\n", hub->ops ? err.text : "no such engine");
		abort();
	}
	if (qf_auth_new(&hub->auth, &hub->conf, &err) < 0)
		abort();
}

static inline void hub_close(struct qf_hub *hub)
{
	qf_auth_free(hub->auth);
	hub->ops->close(hub->engine);
	hub->loop = qf_loop_free(hub->loop);
	qf_buf_fini(&hub->log);
	qf_buf_fini(&hub->facts);
}

#endif
