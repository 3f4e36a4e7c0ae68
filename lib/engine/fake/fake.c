/* The fake engine: see fake.h. All on the loop thread. */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qf/sql.h"
#include "qf/str.h"
#include "rows.h"
#include "script.h"

#define BATCHES_PER_TURN 8 /* a result without end must not hold the loop */
#define LOG_SQL_MAX 4000

struct qf_engine {
	struct fake_script script;
	struct qf_loop *loop;
	int log_fd;
	struct qf_list conns;
};

struct fake_portal {
	struct fake_portal *next;
	uint64_t number, sent;
	const struct fake_rule *rule;
};

struct qf_engine_conn {
	struct qf_engine *engine;
	struct qf_list link; /* of qf_engine.conns */
	struct qf_engine_job *job; /* NULL: none */
	struct qf_timer timer;
	const struct fake_rule *rule;
	struct fake_rows *rows;
	uint64_t sent, stop;	/* rows: so far, and where this run ends */
	uint64_t first;		/* rows that were sent by the runs before of this portal */
	int64_t credit;
	bool started, cancelled;
	struct fake_portal *portals; /* with rows left, the last one first */
	enum qf_verb verb; /* BEGIN, COMMIT, ROLLBACK without a rule of their own; else OTHER */
	bool in_transaction, transaction_failed;
};

/* ---- log ---- */

static void log_line(const struct qf_engine_conn *c, const char *what, const char *how)
{
	struct qf_buf b;

	if (c->engine->log_fd < 0)
		return;
	qf_buf_init(&b);
	qf_buf_printf(&b, "%s %d %s%s", what, (int)getpid(), how, *how ? " " : "");
	qf_quote_log(&b, c->job->sql, LOG_SQL_MAX);
	qf_buf_add_str(&b, "\n");
	ssize_t n = write(c->engine->log_fd, b.p, b.n);

	qf_assert(n == (ssize_t)b.n);
	qf_buf_fini(&b);
}

static const char *outcome_name(enum qf_engine_outcome o)
{
	static const char *const names[] = {
		[QF_OUT_OK] = "ok",	      [QF_OUT_ERROR] = "error",	      [QF_OUT_CANCELLED] = "cancelled",
		[QF_OUT_UNKNOWN] = "unknown", [QF_OUT_NOT_SENT] = "not-sent",
	};
	return names[o];
}

/* ---- portals ---- */

static void portals_free(struct qf_engine_conn *c)
{
	while (c->portals) {
		struct fake_portal *p = c->portals;

		c->portals = p->next;
		free(p);
	}
}

static struct fake_portal *portal_find(const struct qf_engine_conn *c, uint64_t number)
{
	struct fake_portal *p = c->portals;

	while (p && p->number != number)
		p = p->next;
	return p;
}

/* Rows are left: they wait in the portal of the run, if it has one. */
static void suspend(struct qf_engine_conn *c)
{
	uint64_t number = c->job->bind->portal;
	struct fake_portal *p = portal_find(c, number);

	if (number == 0)
		return;
	if (!p) {
		p = qf_xcalloc(1, sizeof(*p));
		p->next = c->portals;
		c->portals = p;
	}
	p->number = number;
	p->rule = c->rule;
	p->sent = c->sent;
}

/* ---- the end of a job ---- */

static void track_transaction(struct qf_engine_conn *c, bool ok)
{
	if (!ok)
		c->transaction_failed = c->in_transaction;
	else if (c->verb == QF_VERB_BEGIN)
		c->in_transaction = true;
	else if (c->verb == QF_VERB_ROLLBACK_TO)
		c->transaction_failed = false;
	else if (c->verb == QF_VERB_COMMIT || c->verb == QF_VERB_ROLLBACK)
		c->in_transaction = c->transaction_failed = false;
}

static void end(struct qf_engine_conn *c, struct qf_engine_end *e)
{
	struct qf_engine_job *job = c->job;

	track_transaction(c, e->outcome == QF_OUT_OK);
	e->in_transaction = c->in_transaction;
	e->transaction_failed = c->transaction_failed;
	e->has_rows = c->rows != NULL;
	if (e->outcome == QF_OUT_OK)
		e->rows = c->rows ? c->sent - c->first : c->rule ? c->rule->affected : 0;
	if (!c->in_transaction)
		portals_free(c);
	log_line(c, "end", outcome_name(e->outcome));
	c->rows = fake_rows_free(c->rows);
	qf_timer_stop(c->engine->loop, &c->timer);
	c->job = NULL;
	job->on_end(job, e);
}

/* Where a server finds errors of that class. */
static enum qf_stage stage_of(const char *sqlstate, bool has_rows)
{
	if (has_rows)
		return QF_STAGE_EXECUTE;
	return strncmp(sqlstate, "42", 2) == 0 ? QF_STAGE_PARSE : strncmp(sqlstate, "22",
		2) == 0 ? QF_STAGE_BIND : QF_STAGE_EXECUTE;
}

static void end_with(struct qf_engine_conn *c, enum qf_engine_outcome outcome, const char *sqlstate, const char *text)
{
	struct qf_engine_end e = { .outcome = outcome, .conn_broken = outcome == QF_OUT_UNKNOWN,
		.stage = stage_of(sqlstate, c->rows != NULL) };

	qf_sql_error_set(&e.error, sqlstate, "%s", text);
	end(c, &e);
}

static void end_by_rule(struct qf_engine_conn *c)
{
	struct qf_engine_end ok = { .outcome = QF_OUT_OK };
	const struct fake_rule *r = c->rule;

	if (c->job->bind->max_rows && c->rows && c->sent - c->first == c->job->bind->max_rows) {
		ok.suspended = true;
		suspend(c);
		end(c, &ok);
		return;
	}

	switch (r ? r->ending : FAKE_OK) {
	case FAKE_OK:
		end(c, &ok);
		break;
	case FAKE_ERROR:
		end_with(c, QF_OUT_ERROR, r->sqlstate, r->message);
		break;
	case FAKE_REFUSE:
		end_with(c, QF_OUT_NOT_SENT, r->sqlstate, r->message);
		break;
	case FAKE_LOST:
		end_with(c, QF_OUT_UNKNOWN, r->sqlstate, r->message);
		break;
	case FAKE_CRASH:
		raise(SIGKILL);
		break;
	case FAKE_HANG:
		break; /* no timer is armed: cancel() is the only way out */
	}
}

/* ---- rows ---- */

static uint64_t rows_in_batch(const struct qf_engine_conn *c)
{
	const struct fake_rule *r = c->rule;
	uint64_t left = c->stop - c->sent;
	uint64_t wire = 16 + r->bytes + (r->bytes > 0 ? 8 : 0); /* of a row, with its share of padding */
	uint64_t fit = c->job->batch_bytes > 1024 ? (c->job->batch_bytes - 1024) / wire : 1;
	uint64_t n = left < fit ? left : fit ? fit : 1;

	if (r->batches > 0 && n > (r->rows + r->batches - 1) / r->batches)
		n = (r->rows + r->batches - 1) / r->batches;
	return n;
}

/* False when the job has ended, because memory is out or a callback ended it. */
static bool send_batch(struct qf_engine_conn *c)
{
	struct qf_engine_job *job = c->job;
	struct ArrowBuffer out;
	uint64_t n = rows_in_batch(c);

	ArrowBufferInit(&out);
	if (fake_rows_batch(c->rows, c->sent + 1, n, &out) < 0) {
		ArrowBufferReset(&out);
		end_with(c, QF_OUT_ERROR, "53200", "no memory for a fake batch");
		return false;
	}
	c->sent += n;
	c->credit -= out.size_bytes;
	job->on_batch(job, qf_slice(out.data, (size_t)out.size_bytes), n);
	ArrowBufferReset(&out);
	return true;
}

static void send_rows(struct qf_engine_conn *c)
{
	const struct fake_rule *r = c->rule;
	struct qf_loop *loop = c->engine->loop;

	for (unsigned i = 0; c->sent < c->stop; i++) {
		if (c->cancelled || i == BATCHES_PER_TURN) {
			qf_timer_set(loop, &c->timer, 0);
			return;
		}
		if (c->credit <= 0)
			return; /* more() goes on */
		if (!send_batch(c))
			return;
		if (r->every_ns > 0 && c->sent < c->stop) {
			qf_timer_set(loop, &c->timer, r->every_ns);
			return;
		}
	}
	end_by_rule(c);
}

static int begin_rows(struct qf_engine_conn *c)
{
	struct qf_engine_job *job = c->job;
	struct ArrowBuffer schema;

	ArrowBufferInit(&schema);
	int r = fake_rows_new(&c->rows, c->rule->bytes, &schema);

	c->stop = c->rule->rows;
	if (job->bind->max_rows && c->stop - c->sent > job->bind->max_rows)
		c->stop = c->sent + job->bind->max_rows;
	if (r == 0)
		job->on_schema(job, qf_slice(schema.data, (size_t)schema.size_bytes));
	ArrowBufferReset(&schema);
	return r;
}

/* ---- the course of a job ---- */

/* As many parameters as there are placeholders, text unless their type was declared. */
static void describe(struct qf_engine_conn *c)
{
	struct qf_engine_end ok = { .outcome = QF_OUT_OK };
	struct qf_engine_job *job = c->job;
	struct fake_rows *rows = NULL;
	struct ArrowBuffer schema;
	struct qf_facts f;
	uint32_t oids[64];

	if (c->rule && c->rule->ending != FAKE_OK && !c->rule->has_rows) {
		end_by_rule(c);
		return;
	}
	qf_sql_facts(job->sql, QF_DIALECT_POSTGRES, &f);
	unsigned n = f.params < 64 ? f.params : 64;

	for (unsigned i = 0; i < n; i++)
		oids[i] = qf_bind_type(job->bind, i) ? qf_bind_type(job->bind, i) : 25;
	ArrowBufferInit(&schema);
	if (c->rule && c->rule->has_rows && fake_rows_new(&rows, c->rule->bytes, &schema) < 0)
		end_with(c, QF_OUT_ERROR, "53200", "no memory for a fake description");
	else
		job->on_described(job, oids, n, qf_slice(schema.data, (size_t)schema.size_bytes));
	fake_rows_free(rows);
	ArrowBufferReset(&schema);
	if (c->job)
		end(c, &ok);
}

static void start(struct qf_engine_conn *c)
{
	struct qf_engine_job *job = c->job;
	bool ends_transaction = c->verb == QF_VERB_COMMIT || c->verb == QF_VERB_ROLLBACK ||
		c->verb == QF_VERB_ROLLBACK_TO;

	c->started = true;
	if (c->transaction_failed && !ends_transaction) {
		end_with(c, QF_OUT_ERROR, "25P02", "current transaction is aborted");
		return;
	}
	if (job->bind && job->bind->kind == QF_RUN_DESCRIBE) {
		describe(c);
		return;
	}
	if (c->rule && c->rule->notice && job->on_notice)
		job->on_notice(job, "NOTICE", c->rule->notice, QF_SLICE_NONE);
	if (!c->rule || !c->rule->has_rows)
		end_by_rule(c);
	else if (begin_rows(c) < 0)
		end_with(c, QF_OUT_ERROR, "53200", "no memory for a fake result");
	else
		send_rows(c);
}

static void fired(struct qf_timer *t)
{
	struct qf_engine_conn *c = qf_container_of(t, struct qf_engine_conn, timer);

	if (c->cancelled)
		end_with(c, QF_OUT_CANCELLED, "57014", "the statement was cancelled");
	else if (!c->started)
		start(c);
	else
		send_rows(c);
}

static enum qf_verb transaction_verb(struct qf_slice sql)
{
	struct qf_lexer lx = qf_lexer(sql, QF_DIALECT_DUCKDB);
	struct qf_token t = qf_lex(&lx);

	while (t.type == QF_TOK_COMMENT)
		t = qf_lex(&lx);
	if (qf_slice_caseeq_str(t.text, "begin") || qf_slice_caseeq_str(t.text, "start"))
		return QF_VERB_BEGIN;
	if (qf_slice_caseeq_str(t.text, "commit") || qf_slice_caseeq_str(t.text, "end"))
		return QF_VERB_COMMIT;
	if (!qf_slice_caseeq_str(t.text, "rollback") && !qf_slice_caseeq_str(t.text, "abort"))
		return QF_VERB_OTHER;
	return qf_slice_caseeq_str(qf_lex(&lx).text, "to") ? QF_VERB_ROLLBACK_TO : QF_VERB_ROLLBACK;
}

static bool resume(struct qf_engine_conn *c)
{
	const struct fake_portal *p = portal_find(c, c->job->bind->portal);

	if (!p)
		return false;
	c->rule = p->rule;
	c->sent = c->first = p->sent;
	return true;
}

static int submit(struct qf_engine_conn *c, struct qf_engine_job *job, struct qf_sql_error *reterr)
{
	const struct fake_script *s = &c->engine->script;

	qf_assert(!c->job);
	c->job = job;
	c->credit = (int64_t)job->window;
	c->sent = c->first = 0;
	c->started = c->cancelled = false;
	c->rule = fake_script_match(s, job->sql);
	c->verb = transaction_verb(job->sql);
	if (job->bind && job->bind->kind == QF_RUN_FETCH && !resume(c)) {
		qf_sql_error_set(reterr, "34000", "no such portal");
		c->job = NULL;
		return -ENOENT;
	}
	/* The rules with `default` and the built-in one answer queries, not what keeps a transaction. */
	if (c->verb != QF_VERB_OTHER && !c->rule->text && !c->rule->re)
		c->rule = NULL;
	log_line(c, "start", "");
	qf_timer_set(c->engine->loop, &c->timer, c->rule ? c->rule->delay_ns : 0);
	return 0;
}

static void more(struct qf_engine_conn *c, size_t bytes)
{
	bool waiting = c->job && c->credit <= 0 && c->started && c->rows && !qf_timer_armed(&c->timer);

	c->credit += (int64_t)bytes;
	if (waiting && c->credit > 0 && c->sent < c->stop)
		qf_timer_set(c->engine->loop, &c->timer, 0);
}

static void cancel(struct qf_engine_conn *c)
{
	if (!c->job)
		return;
	c->cancelled = true;
	qf_timer_set(c->engine->loop, &c->timer, 0);
}

/* ---- connections and cluster ---- */

static int conn_get(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret,
	struct qf_sql_error *reterr)
{
	struct qf_engine_conn *c = qf_xcalloc(1, sizeof(*c));

	(void)who;
	(void)reterr;
	c->engine = e;
	c->timer.fn = fired;
	qf_list_append(&e->conns, &c->link);
	*ret = c;
	return 0;
}

static void conn_free(struct qf_engine_conn *c)
{
	qf_timer_stop(c->engine->loop, &c->timer);
	fake_rows_free(c->rows);
	portals_free(c);
	qf_list_remove(&c->link);
	free(c);
}

static void conn_put(struct qf_engine_conn *c, bool reset)
{
	(void)reset; /* a connection is never used again */
	qf_assert(!c->job);
	conn_free(c);
}

static void fake_close(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	if (!e)
		return;
	qf_list_each(it, tmp, &e->conns)
		conn_free(qf_container_of(it, struct qf_engine_conn, link));
	if (e->log_fd >= 0)
		close(e->log_fd);
	fake_script_fini(&e->script);
	free(e);
}

static int fake_open(struct qf_engine **ret, const struct qf_conf_cluster *cfg, struct qf_loop *loop,
	unsigned max_running, struct qf_err *reterr)
{
	struct qf_engine *e = qf_xcalloc(1, sizeof(*e));

	(void)max_running;
	e->loop = loop;
	e->log_fd = -1;
	qf_list_init(&e->conns);
	int r = fake_script_parse(&e->script, cfg->script, reterr);

	if (r == 0 && e->script.log) {
		e->log_fd = open(e->script.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (e->log_fd < 0)
			r = qf_err_set(reterr, -errno, "script: log %s: %s", e->script.log, qf_strerror(-errno));
	}
	if (r < 0) {
		fake_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

const struct qf_engine_ops qf_engine_fake = {
	.name = "fake",
	.dialect = QF_DIALECT_DUCKDB,
	.caps = QF_ENGINE_CAP_TRANSACTIONS,
	.open = fake_open,
	.close = fake_close,
	.conn_get = conn_get,
	.conn_put = conn_put,
	.submit = submit,
	.more = more,
	.cancel = cancel,
};
