/*
 * The answers to a statement. Rows pass as they stand, as many whole messages together as have arrived; for Arrow they
 * are taken apart in arrow.c. Everything else is small and read here.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"

#define LINGER_NS (5 * QF_MS)

static void violated(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	pge_conn_lost(c, "the server sent a message of type '%c' where none may come", m->kind);
}

/* ---- rows ---- */

void pge_relay_out(struct qf_engine_conn *c, struct qf_slice bytes, uint64_t rows)
{
	struct pge_run *r = &c->run;

	r->rows += rows;
	r->credit -= (int64_t)bytes.n;
	r->job->on_batch(r->job, bytes, rows);
}

/* Rows behind a cancel without room in the window, or behind an error of ours: nobody gets them. */
static bool drops(struct pge_run *r, uint64_t rows)
{
	if (!r->failed && (!r->cancelled || r->credit > 0) && !r->dropped)
		return false;
	r->dropped += rows;
	return true;
}

size_t pge_relay_rows(struct qf_engine_conn *c, struct qf_slice in)
{
	struct pge_run *r = &c->run;
	char kind = (char)in.p[0];
	uint64_t rows;

	if (kind != 'D' && kind != 'd')
		return 0;
	if (!r->job || r->complete || !(kind == 'D' ? r->has_schema && !r->copy_out && !r->copy_in : r->copy_out)) {
		pge_conn_lost(c, "the server sent a row where none may come");
		return 0;
	}
	size_t n = qf_pg_reply_rows(in, kind, kind == 'D' ? r->n_columns : -1,
		r->job->batch_bytes ? r->job->batch_bytes : QF_BATCH_MAX, &rows);

	if (n == 0 || drops(r, rows))
		return n; /* a row of other columns than were announced is no row: pge_relay_message() */
	if (r->job->encoding == QF_ENC_ARROW)
		pge_arrow_rows(c, qf_slice(in.p, n));
	else
		pge_relay_out(c, qf_slice(in.p, n), rows);
	return n;
}

void pge_relay_fail(struct qf_engine_conn *c, const char *sqlstate, const char *text)
{
	struct pge_run *r = &c->run;

	if (r->failed)
		return;
	qf_sql_error_set(&r->end.error, sqlstate, "%s", text);
	r->end.stage = QF_STAGE_EXECUTE;
	r->failed = r->local_error = true;
	pge_cancel(c);
}

void pge_relay_too_long(struct qf_engine_conn *c, size_t need)
{
	bool row = c->n_groups > 0 && c->groups[0] == PGE_GROUP_RUN && c->run.job &&
		   (c->in.p[0] == 'D' || c->in.p[0] == 'd') && (c->run.has_schema || c->run.copy_out);
	char text[100];

	if (!row) {
		pge_conn_lost(c, "the server sent a message of %zu bytes", need);
		return;
	}
	snprintf(text, sizeof(text), "a row of %zu bytes is longer than the %u MiB that are carried", need, QF_ROW_MAX >> 20);
	c->skip = need;
	c->run.dropped++;
	pge_relay_fail(c, "54000", text);
}

/* ---- columns ---- */

static void columns(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;
	bool fetch = r->job->bind->kind == QF_RUN_FETCH;

	if (r->has_schema || r->complete || !(r->bound || r->describing || fetch) ||
		(m->kind == 'T' && qf_pg_check_columns(m->body) < 0)) {
		violated(c, m);
		return;
	}
	if (r->describing) {
		pge_describe_columns(c, m);
		return;
	}
	if (m->kind == 'n')
		return;
	r->has_schema = true;
	(void)qf_pg_columns(m->body, &r->n_columns);
	if (r->job->encoding == QF_ENC_ARROW)
		pge_arrow_begin(c, m->body);
	else
		r->job->on_schema(r->job, m->message);
}

/* ---- COPY ---- */

static void copy_begins(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;

	if (r->has_schema || r->complete || !r->bound || r->describing || r->effects.verb != QF_VERB_COPY) {
		violated(c, m);
		return;
	}
	r->copy_in = m->kind == 'G';
	r->copy_out = m->kind == 'H';
	if (r->job->encoding != QF_ENC_PG3) {
		pge_copy_stop(c, "COPY needs a client that speaks PostgreSQL's protocol");
		pge_relay_fail(c, "0A000", "COPY FROM STDIN and TO STDOUT need a client that speaks PostgreSQL's protocol");
		return;
	}
	r->has_schema = true;
	r->job->on_schema(r->job, m->message);
	if (r->cancelled && r->job)
		pge_copy_stop(c, "canceling statement due to user request");
}

/* ---- the rest ---- */

static void error(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;
	bool fatal;

	pge_copy_over(c);
	if (r->failed)
		return;
	r->failed = true;
	pge_error_read(m->body, &r->end.error, &fatal);
	qf_buf_clear(&r->fields);
	if (qf_pg_report_is_whole(m->body)) /* else it is told in our words */
		qf_buf_add_slice(&r->fields, m->body);
	r->end.stage = !r->parsed ? QF_STAGE_PARSE : !r->bound ? QF_STAGE_BIND : QF_STAGE_EXECUTE;
}

static void notice(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct qf_engine_job *job = c->run.job;
	struct qf_sql_error e;
	struct qf_pg_report rep;
	char severity[16] = "NOTICE";
	bool fatal;

	if (!job->on_notice || !qf_pg_report_is_whole(m->body) || qf_pg_read_report(m->body, &rep) < 0)
		return;
	pge_error_read(m->body, &e, &fatal);
	if (rep.severity.n > 0)
		snprintf(severity, sizeof(severity), "%.*s", (int)(rep.severity.n < 15 ? rep.severity.n : 15),
			 (const char *)rep.severity.p);
	job->on_notice(job, severity, e.message, m->body);
}

/* As PostgreSQL ends a statement: PortalSuspended where rows were limited, EmptyQueryResponse where there was none. */
static bool may_end_with(const struct pge_run *r, char kind)
{
	if (kind == 's')
		return r->job->bind->max_rows > 0 && r->has_schema;
	return kind != 'I' || r->effects.verb == QF_VERB_EMPTY;
}

static void complete(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;
	struct qf_slice tag = { 0 };

	if (r->complete || r->describing || !r->bound || !may_end_with(r, m->kind) ||
		(m->kind == 'C' && qf_pg_read_tag(m->body, &tag, &r->end.rows) < 0)) {
		violated(c, m);
		return;
	}
	r->complete = true;
	pge_copy_over(c);
	r->end.suspended = m->kind == 's';
	if (m->kind == 's')
		r->end.rows = r->rows;
	snprintf(r->end.tag, sizeof(r->end.tag), "%.*s", (int)tag.n, tag.n > 0 ? (const char *)tag.p : "");
}

/* CloseComplete comes before anything else, ParseComplete and BindComplete where they are due. */
static void done(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;

	if (m->kind == '3' && !r->has_schema && !r->complete) {
		return;
	} else if (m->kind == '1' && r->parsing) {
		r->parsing = false;
		r->parsed = true;
		if (r->statement) {
			r->statement->parsed = true;
			r->statement->doubtful = false;
		}
	} else if (m->kind == '2' && r->binding && r->parsed) {
		r->binding = false;
		r->bound = true;
	} else {
		violated(c, m);
	}
}

void pge_relay_message(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_run *r = &c->run;

	if (!r->job) {
		violated(c, m);
		return;
	}
	r->answered |= m->kind != 'E' && m->kind != 'N';
	switch (m->kind) {
	case '1':
	case '2':
	case '3':
		done(c, m);
		break;
	case 't':
		if (!r->describing || qf_pg_read_parameters(m->body, &r->oids, &r->n_params) < 0)
			violated(c, m);
		break;
	case 'T':
	case 'n':
		columns(c, m);
		break;
	case 'C':
	case 'I':
	case 's':
		complete(c, m);
		break;
	case 'E':
		error(c, m);
		break;
	case 'N':
		notice(c, m);
		break;
	case 'G':
	case 'H':
		copy_begins(c, m);
		break;
	case 'c':
		if (!r->copy_out)
			violated(c, m);
		r->copy_out = false;
		break;
	default:
		violated(c, m);
		break;
	}
}

/* ---- ReadyForQuery ---- */

/*
 * What was prepared before does not fit the tables any more, or is gone: once more with a new one, since nothing was
 * done. An error of the values themselves comes again.
 */
static bool try_again(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;

	if (!r->reused || r->again || r->bound || r->cancelled || c->transaction != 'I' || r->before != 'I')
		return false;
	pge_statements_drop(&c->statements, r->statement, &c->out);
	r->statement = NULL;
	r->again = true;
	r->failed = r->described = false;
	memset(&r->end, 0, sizeof(r->end));
	pge_run_put(c);
	pge_wire_flush(c);
	return true;
}

/* It was done, but not all of its rows could be given away. */
static void rows_lost(const struct pge_run *r, struct qf_engine_end *end)
{
	bool undone = r->effects.reads || (r->status == 'E');

	if (!r->complete || undone) {
		if (!r->local_error)
			qf_sql_error_set(&end->error, "57014", "canceling statement due to user request");
		end->outcome = r->local_error ? QF_OUT_ERROR : QF_OUT_CANCELLED;
		return;
	}
	end->outcome = QF_OUT_UNKNOWN;
	qf_sql_error_set(&end->error, "08007", "the statement had been done when it was interrupted: only its rows are lost");
}

static void settle(const struct pge_run *r, struct qf_engine_end *end)
{
	end->outcome = QF_OUT_OK;
	end->has_rows = r->has_schema;
	if (r->local_error || (r->dropped > 0 && !r->failed)) {
		rows_lost(r, end);
	} else if (r->failed) {
		bool ours = r->cancelled && strcmp(end->error.sqlstate, "57014") == 0;

		end->outcome = ours ? QF_OUT_CANCELLED : QF_OUT_ERROR;
	}
	if (end->outcome != QF_OUT_OK)
		end->suspended = false;
}

void pge_relay_ready(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;
	char before = c->transaction;

	if (!r->job) {
		pge_conn_lost(c, "the server sent a ReadyForQuery that nothing has asked for");
		return;
	}
	c->transaction = r->status;
	if (r->failed && try_again(c))
		return;
	if (r->describing && !r->failed && !r->cancelled && r->job->bind->kind != QF_RUN_DESCRIBE && r->described) {
		pge_run_put(c); /* now its columns are known */
		pge_wire_flush(c);
		return;
	}
	if (!r->failed && !r->complete && !(r->describing && (r->described || r->cancelled))) {
		pge_conn_lost(c, "the server sent a ReadyForQuery before the statement was over");
		return;
	}
	if (r->arrow && !r->failed)
		pge_arrow_flush(c);
	struct qf_engine_end end = r->end;

	settle(r, &end);
	if (r->describing && r->cancelled && !r->failed) {
		qf_sql_error_set(&end.error, "57014", "canceling statement due to user request");
		end.outcome = QF_OUT_CANCELLED;
	}
	pge_state_after(c, !r->failed, before);
	if (r->asks_held) {
		r->end = end;
		r->finishing = true;
	} else {
		pge_run_finish(c, &end);
	}
}

void pge_relay_linger(struct qf_engine_conn *c, bool now)
{
	if (c->state != PGE_OPEN || c->run.arrow_rows == 0 || c->run.failed)
		return;
	if (now)
		pge_arrow_flush(c);
	else if (!qf_timer_armed(&c->linger))
		qf_timer_set(c->pool->engine->loop, &c->linger, LINGER_NS);
}
