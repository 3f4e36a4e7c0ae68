/* Rows of an open result, or of one that was read ahead, as Arrow messages: see private.h. */
#include <string.h>

#include "private.h"

static bool fail(struct qf_engine_conn *c)
{
	c->job.end.outcome = QF_OUT_ERROR;
	return false;
}

bool duck_rows_begin(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	struct duck_msg *m = duck_job_hold(c, DUCK_MSG_SCHEMA);
	const struct qf_bind *b = j->pub->bind;

	if (j->schema.size_bytes == 0) {
		if (duck_arrow_new(&j->rows.arrow, &c->engine->api, &j->rows.result, &j->casts, j->sql,
			    &m->bytes, &j->end.error) < 0) {
			duck_msg_free(m);
			return fail(c);
		}
		if (b->portal && (b->max_rows || b->form == QF_FORM_CURSOR))
			qf_assert(ArrowBufferAppend(&j->schema, m->bytes.data, m->bytes.size_bytes) == NANOARROW_OK);
	} else {
		qf_assert(ArrowBufferAppend(&m->bytes, j->schema.data, j->schema.size_bytes) == NANOARROW_OK);
	}
	j->end.has_rows = j->has_rows = true;
	return true;
}

/* False at the end of the result, or failed. */
static bool next_chunk(struct qf_engine_conn *c, struct duck_rows *rows)
{
	const struct duck_api *api = &c->engine->api;

	duck_job_call_crew(c);
	if (rows->chunk)
		api->destroy_data_chunk(&rows->chunk);
	rows->chunk = api->fetch_chunk(rows->result);
	rows->row = 0;
	if (rows->chunk)
		return true;
	const char *why = api->result_error(&rows->result);

	if (why && *why)
		duck_job_fail(c, why);
	return false;
}

bool duck_rows_next(struct qf_engine_conn *c, struct duck_rows *rows, uint64_t most, struct ArrowBuffer *out,
	uint64_t *ret_rows)
{
	struct duck_job *j = &c->job;
	const struct duck_api *api = &c->engine->api;
	idx_t n = 0;

	*ret_rows = 0;
	if (rows->spool)
		return duck_spool_next(rows->spool, most, out, ret_rows, &j->end.error) == 0 || fail(c);
	while (!rows->chunk || rows->row >= api->data_chunk_get_size(rows->chunk))
		if (!next_chunk(c, rows))
			return j->end.outcome == QF_OUT_OK;
	if (duck_arrow_batch(rows->arrow, rows->chunk, rows->row, most, j->pub->batch_bytes, out, &n, &j->end.error) < 0)
		return fail(c);
	rows->row += n;
	*ret_rows = n;
	return true;
}

static void close_result(struct qf_engine_conn *c, struct duck_rows *rows)
{
	const struct duck_api *api = &c->engine->api;

	if (rows->chunk)
		api->destroy_data_chunk(&rows->chunk);
	rows->arrow = duck_arrow_free(rows->arrow);
	if (rows->open)
		api->destroy_result(&rows->result);
	rows->open = false;
}

static bool read_ahead(struct qf_engine_conn *c, struct duck_rows *rows, struct duck_spool *to)
{
	uint64_t n = 1;

	while (n > 0) {
		struct ArrowBuffer batch;

		if (duck_job_cancelled(c)) {
			duck_job_cancel_end(&c->job);
			return false;
		}
		ArrowBufferInit(&batch);
		bool ok = duck_rows_next(c, rows, UINT64_MAX, &batch, &n);

		if (ok && n > 0 && duck_spool_add(to, qf_slice(batch.data, (size_t)batch.size_bytes), n, &c->job.end.error) < 0)
			ok = fail(c);
		ArrowBufferReset(&batch);
		if (!ok)
			return false;
	}
	return true;
}

bool duck_rows_spool(struct qf_engine_conn *c, struct duck_rows *rows, struct qf_slice schema)
{
	struct duck_spool *spool;

	if (duck_spool_new(&spool, schema, DUCK_SPOOL_MAX, &c->job.end.error) < 0)
		return fail(c);
	if (!read_ahead(c, rows, spool)) {
		duck_spool_free(spool);
		return false;
	}
	close_result(c, rows);
	rows->spool = spool;
	return true;
}

void duck_rows_close(struct qf_engine_conn *c, struct duck_rows *rows)
{
	close_result(c, rows);
	rows->spool = duck_spool_free(rows->spool);
}
