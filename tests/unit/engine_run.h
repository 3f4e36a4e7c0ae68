/*
 * What the engine tests share: a loop, a cluster, and runs (one statement each, with everything that came).
 * Waiting turns the loop until the condition holds, at most 60 s.
 */
#ifndef QF_TESTS_ENGINE_RUN_H
#define QF_TESTS_ENGINE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after those: cmocka expects them */
#include <cmocka.h>
#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include "qf/clock.h"
#include "qf/engine.h"

struct cluster {
	struct qf_loop *loop;
	const struct qf_engine_ops *ops;
	struct qf_engine *e;
	struct qf_conf_cluster cfg;
};

struct run {
	struct qf_engine_job job;
	struct cluster *cl;
	struct qf_engine_conn *conn;
	bool keep_bytes; /* all messages in `bytes`, for decoding */
	bool stall;	 /* no more() */
	bool put_back;	 /* conn_put in on_end */
	bool cancel_on_schema, cancel_on_batch;
	struct qf_buf bytes;
	unsigned schemas, batches, ends, notices, described;
	uint32_t oids[8]; /* of its parameters, when it was described */
	size_t n_oids;
	uint64_t rows, wire, largest, schema_turn, end_turn;
	uint64_t end_ns;
	char notice[256];
	struct qf_engine_end end;
};

static inline void on_schema(struct qf_engine_job *job, struct qf_slice s)
{
	struct run *r = job->arg;

	assert_int_equal(r->ends, 0);
	assert_int_equal(r->schemas++, 0);
	r->schema_turn = qf_loop_turns(r->cl->loop);
	if (r->keep_bytes)
		qf_buf_add_slice(&r->bytes, s);
	if (r->cancel_on_schema)
		r->cl->ops->cancel(r->conn);
}

static inline void on_batch(struct qf_engine_job *job, struct qf_slice s, uint64_t rows)
{
	struct run *r = job->arg;

	assert_int_equal(r->ends, 0);
	assert_int_equal(r->schemas, 1);
	r->batches++;
	r->rows += rows;
	r->wire += s.n;
	if (s.n > r->largest)
		r->largest = s.n;
	if (r->keep_bytes)
		qf_buf_add_slice(&r->bytes, s);
	if (r->cancel_on_batch)
		r->cl->ops->cancel(r->conn);
	if (!r->stall)
		r->cl->ops->more(r->conn, s.n);
}

/* `bytes` has the columns then, or nothing. */
static inline void on_described(struct qf_engine_job *job, const uint32_t *oids, size_t n, struct qf_slice columns)
{
	struct run *r = job->arg;

	assert_int_equal(r->ends + r->schemas + r->described++, 0);
	assert_true(n <= sizeof(r->oids) / sizeof(*r->oids));
	if (n > 0)
		memcpy(r->oids, oids, n * sizeof(*oids));
	r->n_oids = n;
	qf_buf_add_slice(&r->bytes, columns);
}

static inline void on_notice(struct qf_engine_job *job, const char *severity, const char *text, struct qf_slice fields)
{
	struct run *r = job->arg;

	(void)fields;
	r->notices++;
	snprintf(r->notice, sizeof(r->notice), "%s: %s", severity, text);
}

static inline void on_end(struct qf_engine_job *job, const struct qf_engine_end *end)
{
	struct run *r = job->arg;

	assert_int_equal(r->ends++, 0);
	r->end = *end;
	r->end_turn = qf_loop_turns(r->cl->loop);
	r->end_ns = qf_mono_ns();
	if (r->put_back)
		r->cl->ops->conn_put(r->conn, false);
	qf_loop_stop(r->cl->loop);
}

struct ticker {
	struct qf_timer timer;
	struct qf_loop *loop;
};

static inline void stop_loop(struct qf_timer *t)
{
	struct ticker *k = qf_container_of(t, struct ticker, timer);

	qf_loop_stop(k->loop);
}

static inline void turn_for(struct qf_loop *loop, uint64_t ns)
{
	struct ticker k = { .timer = { .fn = stop_loop }, .loop = loop };

	qf_timer_set(loop, &k.timer, ns);
	assert_int_equal(qf_loop_run(loop), 0);
	qf_timer_stop(loop, &k.timer);
}

static inline void wait_end(struct run *r)
{
	uint64_t until = qf_mono_ns() + 60 * QF_SEC;

	while (!r->ends && qf_mono_ns() < until)
		turn_for(r->cl->loop, 100 * QF_MS);
	assert_int_equal(r->ends, 1);
}

static inline void run_init(struct run *r, struct cluster *cl, struct qf_engine_conn *conn, const char *sql)
{
	memset(r, 0, sizeof(*r));
	r->cl = cl;
	r->conn = conn;
	qf_buf_init(&r->bytes);
	r->job = (struct qf_engine_job){ .sql = qf_slice_str(sql),
					 .window = 4u << 20,
					 .batch_bytes = 256u << 10,
					 .arg = r,
					 .on_schema = on_schema,
					 .on_batch = on_batch,
					 .bind = &qf_bind_plain,
					 .on_described = on_described,
					 .on_notice = on_notice,
					 .on_end = on_end };
}

static inline void run_submit(struct run *r)
{
	struct qf_sql_error err = { 0 };

	if (r->cl->ops->submit(r->conn, &r->job, &err) < 0)
		fail_msg("submit: %s %s", err.sqlstate, err.message);
}

static inline struct qf_engine_conn *get_conn(struct cluster *cl)
{
	struct qf_engine_conn *c = NULL;
	struct qf_sql_error err = { 0 };

	if (cl->ops->conn_get(cl->e, &(struct qf_engine_who){ 0 }, &c, &err) < 0)
		fail_msg("conn_get: %s %s", err.sqlstate, err.message);
	return c;
}

/* Runs sql on conn to its end. */
static inline void run_on(struct run *r, struct cluster *cl, struct qf_engine_conn *conn, const char *sql)
{
	run_init(r, cl, conn, sql);
	run_submit(r);
	wait_end(r);
	qf_buf_fini(&r->bytes);
}

static inline void must_run(struct cluster *cl, struct qf_engine_conn *conn, const char *sql)
{
	struct run r;

	run_on(&r, cl, conn, sql);
	if (r.end.outcome != QF_OUT_OK)
		fail_msg("%s: %s %s", sql, r.end.error.sqlstate, r.end.error.message);
}

static inline void cluster_open(struct cluster *cl, enum qf_engine_kind kind, unsigned max_running)
{
	struct qf_err err = { 0 };

	assert_int_equal(qf_loop_new(&cl->loop, &err), 0);
	cl->ops = qf_engine_find(kind);
	assert_non_null(cl->ops);
	if (!cl->cfg.name)
		cl->cfg.name = "test";
	if (cl->ops->open(&cl->e, &cl->cfg, cl->loop, max_running, &err) < 0)
		fail_msg("open: %s", err.text);
}

static inline void cluster_close(struct cluster *cl)
{
	cl->ops->close(cl->e);
	cl->loop = qf_loop_free(cl->loop);
}

/* ---- DuckDB ---- */

/* The library that `make deps` put beside the build, unless $QF_LIBDIR says another. */
static inline int find_library(void **state)
{
	char exe[4096], *path;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	path = qf_xasprintf("%s/../../lib/queryflux", exe);
	setenv("QF_LIBDIR", path, 0);
	free(path);
	return 0;
}

static inline void open_memory(struct cluster *cl, unsigned threads)
{
	memset(cl, 0, sizeof(*cl));
	cl->cfg.threads = threads;
	cluster_open(cl, QF_ENGINE_DUCKDB, 8);
}

/* ---- decoding, by nanoarrow's reader and not by what wrote it ---- */

struct decoded {
	struct ArrowArrayStream stream;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	struct ArrowArrayView view;
};

static inline void decode_begin(struct decoded *d, struct qf_buf *bytes)
{
	static const uint8_t eos[8] = { 0xff, 0xff, 0xff, 0xff };
	struct ArrowBuffer copy;
	struct ArrowIpcInputStream in;
	struct ArrowError err = { { 0 } };

	memset(d, 0, sizeof(*d));
	ArrowBufferInit(&copy);
	assert_int_equal(ArrowBufferAppend(&copy, bytes->p, (int64_t)bytes->n), NANOARROW_OK);
	assert_int_equal(ArrowBufferAppend(&copy, eos, sizeof(eos)), NANOARROW_OK);
	assert_int_equal(ArrowIpcInputStreamInitBuffer(&in, &copy), NANOARROW_OK);
	assert_int_equal(ArrowIpcArrayStreamReaderInit(&d->stream, &in, NULL), NANOARROW_OK);
	if (ArrowArrayStreamGetSchema(&d->stream, &d->schema, &err) != NANOARROW_OK)
		fail_msg("schema: %s", err.message);
	if (ArrowArrayViewInitFromSchema(&d->view, &d->schema, &err) != NANOARROW_OK)
		fail_msg("view: %s", err.message);
}

static inline bool decode_next(struct decoded *d)
{
	struct ArrowError err = { { 0 } };

	if (d->batch.release)
		d->batch.release(&d->batch);
	if (ArrowArrayStreamGetNext(&d->stream, &d->batch, &err) != NANOARROW_OK)
		fail_msg("batch: %s", err.message);
	if (!d->batch.release)
		return false;
	if (ArrowArrayViewSetArray(&d->view, &d->batch, &err) != NANOARROW_OK ||
		ArrowArrayViewValidate(&d->view, NANOARROW_VALIDATION_LEVEL_FULL, &err) != NANOARROW_OK)
		fail_msg("batch: %s", err.message);
	return true;
}

static inline void decode_end(struct decoded *d)
{
	if (d->batch.release)
		d->batch.release(&d->batch);
	ArrowArrayViewReset(&d->view);
	d->schema.release(&d->schema);
	d->stream.release(&d->stream);
}

#endif
