/*
 * Rows for frontends of other protocols. A statement is described first, because its rows are asked for in binary where
 * a binary form is known for their type, and that is said when it is bound.
 */
#include <stdlib.h>

#include "private.h"

static struct qf_buf *columns_of(struct pge_run *r)
{
	return r->statement ? &r->statement->columns : &r->columns;
}

/* The body of a RowDescription with the formats that will be asked for. */
static void keep_columns(struct qf_buf *to, struct qf_slice body)
{
	struct qf_pg_column col;
	uint16_t n;
	struct qf_reader r = qf_pg_columns(body, &n);

	qf_buf_clear(to);
	qf_buf_add_slice(to, body);
	while (qf_pg_column_next(&r, body, &col)) {
		to->p[col.format_at] = 0;
		to->p[col.format_at + 1] = qf_pg_binary_can(col.oid);
	}
}

void pge_arrow_end_bind(struct qf_engine_conn *c, size_t begun)
{
	struct qf_slice body = qf_buf_slice(columns_of(&c->run));
	struct qf_pg_column col;
	uint16_t n = 0, i = 0;
	struct qf_reader r = qf_pg_columns(body, &n);
	uint16_t *formats = qf_xcalloc((size_t)n + 1, sizeof(*formats));

	while (i < n && qf_pg_column_next(&r, body, &col))
		formats[i++] = col.format;
	qf_pg_end_bind(&c->out, begun, formats, i);
	free(formats);
}

static void tell_described(struct qf_engine_conn *c, struct qf_slice columns)
{
	struct pge_run *r = &c->run;

	r->job->on_described(r->job, (const uint32_t *)(const void *)r->oids.p, r->n_params, columns);
}

/* … as Arrow has them. */
static void tell_schema(struct qf_engine_conn *c)
{
	struct qf_slice body = qf_buf_slice(columns_of(&c->run));
	struct qf_pgrows *rows = NULL;
	struct qf_buf schema;
	struct qf_err err = { 0 };

	qf_buf_init(&schema);
	if (body.n > 0 && qf_pgrows_new(&rows, body, &schema, &err) < 0)
		pge_relay_fail(c, "0A000", err.text);
	else
		tell_described(c, qf_buf_slice(&schema));
	qf_pgrows_free(rows);
	qf_buf_fini(&schema);
}

void pge_describe_columns(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;
	bool relay = r->job->encoding == QF_ENC_PG3;

	r->described = true;
	if (!relay) {
		if (m->kind == 'T')
			keep_columns(columns_of(r), m->body);
		else
			qf_buf_clear(columns_of(r));
		if (r->statement)
			r->statement->described = true;
	}
	if (r->job->bind->kind != QF_RUN_DESCRIBE)
		return;
	if (relay)
		tell_described(c, m->kind == 'T' ? m->message : QF_SLICE_NONE);
	else
		tell_schema(c);
}

void pge_arrow_begin(struct qf_engine_conn *c, struct qf_slice body)
{
	struct pge_run *r = &c->run;
	struct qf_buf schema;
	struct qf_err err = { 0 };

	qf_buf_init(&schema);
	if (qf_pgrows_new(&r->arrow, body, &schema, &err) < 0)
		pge_relay_fail(c, "0A000", err.text);
	else
		r->job->on_schema(r->job, qf_buf_slice(&schema));
	qf_buf_fini(&schema);
}

void pge_arrow_flush(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;
	struct qf_buf batch;
	struct qf_err err = { 0 };
	uint64_t rows = 0;

	qf_timer_stop(c->pool->engine->loop, &c->linger);
	if (r->arrow_rows == 0)
		return;
	r->arrow_rows = 0;
	qf_buf_init(&batch);
	if (qf_pgrows_batch(r->arrow, &batch, &rows, &err) < 0)
		pge_relay_fail(c, "22000", err.text);
	else
		pge_relay_out(c, qf_buf_slice(&batch), rows);
	qf_buf_fini(&batch);
}

void pge_arrow_rows(struct qf_engine_conn *c, struct qf_slice messages)
{
	struct pge_run *r = &c->run;
	size_t target = r->job->batch_bytes ? r->job->batch_bytes : QF_BATCH_MAX;
	struct qf_pg_reply m;
	struct qf_err err = { 0 };

	while (!r->failed && messages.n > 0 && qf_pg_reply_next(messages, &m, &err) > 0) {
		messages = qf_slice(messages.p + m.need, messages.n - m.need);
		if (qf_pgrows_add(r->arrow, m.body, &err) < 0) {
			pge_relay_fail(c, "22000", err.text);
			return;
		}
		r->arrow_rows++;
		if (qf_pgrows_bytes(r->arrow) >= target)
			pge_arrow_flush(c);
	}
}
