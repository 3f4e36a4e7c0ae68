/* See copy.h. */
#include "copy.h"
#include "query.h"

enum { PIECE = 64 * 1024 }; /* CopyData goes on in messages of at most that: their boundaries mean nothing */

void pg_copy_begin(struct pg_run *run, char kind)
{
	run->copy.state = kind == 'G' ? PG_COPY_IN : PG_COPY_OUT;
	run->copy.window = QF_INPUT_WINDOW;
}

void pg_copy_fini(struct pg_run *run)
{
	qf_buf_fini(&run->copy.waiting);
	run->copy.state = PG_COPY_NONE;
}

bool pg_copy_reads(const struct pg_run *run)
{
	return run->copy.state == PG_COPY_IN && !run->ended && !run->result.failed && run->copy.waiting.n < PIECE;
}

static void put_data(struct qf_buf *to, struct qf_slice data)
{
	while (data.n > PIECE) {
		qf_buf_u8(to, 'd');
		qf_buf_u32(to, PIECE + 4);
		qf_buf_add(to, data.p, PIECE);
		data = qf_slice(data.p + PIECE, data.n - PIECE);
	}
	qf_buf_u8(to, 'd');
	qf_buf_u32(to, (uint32_t)data.n + 4);
	qf_buf_add_slice(to, data);
}

static void fail(struct pg_run *run, const struct qf_sql_error *e)
{
	pg_result_fail(&run->result, QF_STAGE_EXECUTE, e);
	run->copy.state = PG_COPY_IN_DONE;
	pg_run_cancel_query(run);
}

void pg_copy_too_long(struct pg_run *run, size_t bytes, bool over_budget)
{
	struct qf_sql_error e;

	if (over_budget)
		qf_sql_error_set(&e, "53200", "out of memory for COPY: too many bytes are pending in all sessions");
	else
		qf_sql_error_set(&e, "54000", "a message of %zu bytes is too long for COPY", bytes);
	fail(run, &e);
}

bool pg_copy_message(struct pg_run *run, char kind, struct qf_slice message)
{
	struct qf_sql_error e;

	switch (kind) {
	case 'd':
		put_data(&run->copy.waiting, qf_slice(message.p + 5, message.n - 5));
		return true;
	case 'c':
	case 'f':
		qf_buf_add_slice(&run->copy.waiting, message);
		run->copy.state = PG_COPY_IN_DONE;
		return true;
	case 'H': /* a client may have sent them before it knew that this is a COPY */
	case 'S':
		return true;
	case 'X':
		return false;
	default:
		qf_sql_error_set(&e, "08P01", "unexpected message type 0x%02X during COPY from stdin",
			(unsigned char)kind);
		fail(run, &e);
		return true;
	}
}

/* Whole messages at the front, at most the window. */
static size_t fitting(const struct pg_copy *c)
{
	struct qf_reader r = qf_reader(qf_buf_slice(&c->waiting));
	size_t n = 0;

	while (r.n > 0) {
		qf_read_u8(&r);
		uint32_t length = qf_read_u32(&r);

		if (n + 1 + length > c->window)
			break;
		qf_read_bytes(&r, length - 4);
		n += 1 + length;
	}
	return n;
}

void pg_copy_flush(struct pg_run *run)
{
	struct pg_copy *c = &run->copy;
	size_t n = run->query && !run->ended ? fitting(c) : 0;

	if (n == 0)
		return;
	qf_query_input(run->query, qf_slice(c->waiting.p, n));
	c->window -= n;
	qf_buf_consume(&c->waiting, n);
}

void pg_copy_taken(struct pg_run *run, size_t bytes)
{
	run->copy.window += bytes;
	pg_copy_flush(run);
	pg_conn_kick(&run->s->conn);
}
