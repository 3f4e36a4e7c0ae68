/*
 * COPY FROM STDIN: the client's messages go through as they are. Behind an Execute the Sync follows the end of the data,
 * or of the statement.
 */
#include "private.h"

static void over(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;

	r->copy_in = false;
	if (r->copy_sync)
		qf_pg_put_sync(&c->out);
	r->copy_sync = false;
}

void pge_copy_stop(struct qf_engine_conn *c, const char *why)
{
	if (!c->run.copy_in)
		return;
	qf_pg_put_copy_fail(&c->out, why);
	over(c);
	pge_wire_flush(c);
}

void pge_copy_over(struct qf_engine_conn *c)
{
	if (!c->run.copy_in && !c->run.copy_sync)
		return;
	over(c);
	pge_wire_flush(c);
}

/* Whole CopyData at the front; what ends the data is looked at. False: it is none of these. */
static bool take(struct qf_engine_conn *c, struct qf_slice *rest)
{
	struct qf_reader r = qf_reader(*rest);
	char kind = (char)qf_read_u8(&r);
	uint32_t length = qf_read_u32(&r);

	if (r.err || length < 4 || length - 4 > r.n || (kind != 'd' && kind != 'c' && kind != 'f'))
		return false;
	struct qf_slice message = qf_slice(rest->p, (size_t)length + 1);

	*rest = qf_slice(rest->p + message.n, rest->n - message.n);
	qf_buf_add_slice(&c->out, message);
	if (kind != 'd')
		over(c);
	return true;
}

void pge_copy_input(struct qf_engine_conn *c, struct qf_slice messages)
{
	size_t n = messages.n;

	if (!c->run.job || c->state != PGE_OPEN)
		return;
	while (messages.n > 0 && c->run.copy_in && take(c, &messages))
		continue;
	if (messages.n > 0)
		pge_copy_stop(c, "the client sent something else than data");
	c->input_queued += n - messages.n;
	c->input_taken += messages.n; /* behind the end: gone */
	pge_wire_flush(c);
}

void pge_copy_flushed(struct qf_engine_conn *c)
{
	size_t left = c->out.n < c->input_queued ? c->out.n : c->input_queued;

	c->input_taken += c->input_queued - left;
	c->input_queued = left;
	if (c->input_taken > 0)
		qf_task_add(c->pool->engine->loop, &c->resume);
}
