/*
 * The engine's side of the programs that the toolkit is measured against: a statement becomes the bytes that
 * answer it, through the same adapter, settings, slots and encoder as in qf-dispatch and qf-listen. Static
 * functions: each bench is a program of its own. One loop thread.
 */
#ifndef QF_BENCH_DUCK_H
#define QF_BENCH_DUCK_H

#include <stdio.h>
#include <stdlib.h>

#include "qf/engine.h"
#include "qf/list.h"
#include "qf/proto/postgres.h"
#include "qf/types.h"

enum { DUCK_WINDOW = 4 << 20, DUCK_BATCH = 256 << 10 };

struct duck_run;

struct duck {
	struct qf_loop *loop;
	struct qf_conf *conf;
	const struct qf_conf_group *group;
	const struct qf_engine_ops *ops;
	struct qf_engine *engine;
	unsigned running;
	struct qf_list queue; /* struct duck_run */
	void *arg;
	/* r->out has more bytes, made from `batch` bytes of rows; whoever takes them gives the batch back by duck_more(). */
	void (*on_output)(struct duck *d, struct duck_run *r, size_t batch);
	/* r->out ends with ReadyForQuery. r is freed afterwards. */
	void (*on_end)(struct duck *d, struct duck_run *r);
};

struct duck_run {
	struct duck *duck;
	uint64_t id; /* the caller's: whom it is for */
	char *sql;
	struct qf_list link;
	struct qf_engine_conn *conn;
	struct qf_engine_job job;
	struct qf_rowset *rows;
	struct qf_buf out;
	struct qf_err err; /* of the encoder */
};

static const struct qf_engine_setting duck_settings[] = { { "timezone", "UTC" } };
static const struct qf_text_style duck_style = { .extra_float_digits = 1 };

static void duck_start(struct duck_run *r);

static void duck_more(struct duck_run *r, size_t bytes)
{
	r->duck->ops->more(r->conn, bytes);
}

static void duck_on_schema(struct qf_engine_job *job, struct qf_slice schema)
{
	struct duck_run *r = job->arg;

	if (qf_rowset_new(&r->rows, schema, &r->err) < 0)
		return;
	size_t n = qf_rowset_columns(r->rows), at = qf_pg_begin_row_description(&r->out, (uint16_t)n);

	for (size_t i = 0; i < n; i++) {
		const struct qf_column *c = qf_rowset_column(r->rows, i);

		qf_pg_add_column(&r->out, c->name, c->pg_oid, c->pg_len, c->pg_mod);
	}
	qf_pg_end_message(&r->out, at);
}

static void duck_on_batch(struct qf_engine_job *job, struct qf_slice batch, uint64_t rows)
{
	struct duck_run *r = job->arg;
	uint64_t n = 0;

	if (!r->rows || r->err.code || qf_rowset_load(r->rows, batch, &n, &r->err) < 0)
		n = 0;
	for (uint64_t i = 0; i < n && i < rows; i++)
		if (qf_rowset_pg_datarow(r->rows, i, &duck_style, &r->out, &r->err) < 0)
			break;
	r->duck->on_output(r->duck, r, batch.n);
}

static void duck_put_end(struct duck_run *r, const struct qf_engine_end *end)
{
	char tag[64];

	if (end->outcome != QF_OUT_OK || r->err.code) {
		bool encoder = end->outcome == QF_OUT_OK;
		struct qf_pg_fields f = { .severity = "ERROR", .sqlstate = encoder ? "XX000" : end->error.sqlstate,
					  .message = encoder ? r->err.text : end->error.message };

		qf_pg_put_error(&r->out, &f);
	} else {
		snprintf(tag, sizeof(tag), "SELECT %llu", (unsigned long long)end->rows);
		qf_pg_put_command_complete(&r->out, tag);
	}
	qf_pg_put_ready(&r->out, 'I');
}

static void duck_on_end(struct qf_engine_job *job, const struct qf_engine_end *end)
{
	struct duck_run *r = job->arg;
	struct duck *d = r->duck;

	d->ops->conn_put(r->conn, false);
	duck_put_end(r, end);
	d->on_end(d, r);
	qf_rowset_free(r->rows);
	qf_buf_fini(&r->out);
	free(r->sql);
	free(r);
	d->running--;
	if (!qf_list_empty(&d->queue))
		duck_start(qf_container_of(d->queue.next, struct duck_run, link));
}

static void duck_start(struct duck_run *r)
{
	struct duck *d = r->duck;
	struct qf_sql_error err;

	qf_list_remove(&r->link);
	d->running++;
	r->job = (struct qf_engine_job){
		.sql = qf_slice_str(r->sql),
		.settings = duck_settings,
		.n_settings = 1,
		.bind = &qf_bind_plain,
		.window = DUCK_WINDOW,
		.batch_bytes = DUCK_BATCH,
		.arg = r,
		.on_schema = duck_on_schema,
		.on_batch = duck_on_batch,
		.on_end = duck_on_end,
	};
	if (d->ops->conn_get(d->engine, &(struct qf_engine_who){ 0 }, &r->conn, &err) < 0 || d->ops->submit(r->conn, &r->job, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
}

/* Runs it, or queues it while the group is full. */
static void duck_query(struct duck *d, uint64_t id, struct qf_slice sql)
{
	struct duck_run *r = qf_xcalloc(1, sizeof(*r));

	r->duck = d;
	r->id = id;
	r->sql = qf_slice_dup(sql);
	qf_list_init(&r->link);
	if (d->running < d->group->max_running)
		duck_start(r);
	else
		qf_list_append(&d->queue, &r->link);
}

/* Opens the first member of the configuration's fallback group, as qf-dispatch would. */
static int duck_open(struct duck *d, const char *conf_path, struct qf_err *reterr)
{
	const struct qf_conf_cluster *cluster;
	int rc = qf_conf_load(&d->conf, conf_path, reterr);

	if (rc < 0)
		return rc;
	qf_list_init(&d->queue);
	d->group = d->conf->fallback;
	if (!d->group || d->group->n_members == 0)
		return qf_err_set(reterr, QF_ECONFIG, "%s: routingFallback names no group with a member", conf_path);
	cluster = d->group->members[0];
	d->ops = qf_engine_find(cluster->engine);
	if (!d->ops)
		return qf_err_set(reterr, QF_EUNSUPPORTED, "engine %s is not built", qf_engine_kind_name(cluster->engine));
	return d->ops->open(&d->engine, cluster, d->loop, d->group->max_running, reterr);
}

#endif
