/* A connection's life, and whose the messages are that come on it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "private.h"
#include "qf/log.h"
#include "qf/str.h"

/* ---- life ---- */

static void tell_lost(struct qf_engine_conn *c)
{
	void (*on_lost)(void *arg) = c->on_lost;

	c->on_lost = NULL;
	if (c->run.job)
		pge_run_lost(c);
	else if (c->looker)
		pge_looker_lost(c);
	else if (c->assigned && on_lost)
		on_lost(c->watch_arg);
}

static void end_task(struct qf_task *t)
{
	struct qf_engine_conn *c = qf_container_of(t, struct qf_engine_conn, ending);
	struct qf_sql_error e;

	if (c->state != PGE_LOST && !c->closing) {
		if (!c->run.job || c->run.sent || !c->run.cancelled)
			return;
		qf_sql_error_set(&e, "57014", "canceling statement due to user request");
		pge_run_end(c, QF_OUT_CANCELLED, &e);
		return;
	}
	tell_lost(c);
	if (!c->assigned)
		pge_conn_free(c);
}

static void timed_out(struct qf_timer *t)
{
	struct qf_engine_conn *c = qf_container_of(t, struct qf_engine_conn, timer);

	/* Before a statement is sent the timer is that of a group, whoever it is for. */
	if (c->run.job && c->run.sent && c->run.cancelled)
		pge_cancel_again(c);
	else
		pge_conn_lost(c, "the server did not answer in time");
}

static void linger_over(struct qf_timer *t)
{
	struct qf_engine_conn *c = qf_container_of(t, struct qf_engine_conn, linger);

	pge_relay_linger(c, true);
	if (c->state == PGE_OPEN)
		pge_wire_pump(c, true);
}

static void resume(struct qf_task *t)
{
	struct qf_engine_conn *c = qf_container_of(t, struct qf_engine_conn, resume);
	size_t taken = c->input_taken;

	c->input_taken = 0;
	if (taken > 0 && c->run.job && c->run.job->on_input_taken)
		c->run.job->on_input_taken(c->run.job, taken);
	if (c->state == PGE_OPEN)
		pge_wire_pump(c, false);
}

static void make_names(struct qf_engine_conn *c)
{
	uint64_t random = (uintptr_t)c;

	(void)!getrandom(&random, sizeof(random), 0); /* eight bytes are never cut short */
	snprintf(c->suffix, sizeof(c->suffix), "%016" PRIx64, random);
	snprintf(c->set_name, sizeof(c->set_name), "qf_set_%s", c->suffix);
	snprintf(c->held_name, sizeof(c->held_name), "qf_held_%s", c->suffix);
}

struct qf_engine_conn *pge_conn_new(struct pge_pool *p, struct pge_identity *id)
{
	struct qf_engine_conn *c = qf_xcalloc(1, sizeof(*c));

	c->pool = p;
	c->identity = id;
	id->conns++;
	c->fd = -1;
	c->transaction = 'I';
	c->opened_ns = c->used_ns = qf_loop_now(p->engine->loop);
	c->timer.fn = timed_out;
	c->linger.fn = linger_over;
	c->ending.fn = end_task;
	c->resume.fn = resume;
	qf_list_init(&c->link);
	make_names(c);
	pge_statements_init(&c->statements, c->suffix);
	return c;
}

/* The server is told, when the socket takes it; closing it does as well. */
static void say_goodbye(struct qf_engine_conn *c)
{
	if (c->state != PGE_OPEN || c->out.n > 0 || c->n_groups > 0)
		return;
	qf_pg_put_terminate(&c->out);
	pge_wire_flush(c);
}

void pge_conn_free(struct qf_engine_conn *c)
{
	struct qf_loop *loop = c->pool->engine->loop;

	say_goodbye(c);
	c->state = PGE_LOST;
	qf_timer_stop(loop, &c->timer);
	qf_timer_stop(loop, &c->linger);
	qf_task_del(loop, &c->ending);
	qf_task_del(loop, &c->resume);
	pge_connect_stop(c);
	pge_cancel_forget(c);
	pge_wire_close(c);
	if (c->pool->engine->looker == c) /* its loss may have started another one */
		c->pool->engine->looker = NULL;
	pge_pool_forget(c);
	qf_list_remove(&c->link);
	pge_run_clear(&c->run);
	pge_look_free(c->look);
	pge_statements_fini(&c->statements);
	pge_settings_forget(c);
	qf_buf_fini(&c->in);
	qf_buf_fini(&c->out);
	pge_identity_unref(c->identity);
	free(c->user);
	free(c);
}

void pge_conn_lost(struct qf_engine_conn *c, const char *fmt, ...)
{
	struct qf_loop *loop = c->pool->engine->loop;
	bool was_open = c->state == PGE_OPEN;
	va_list ap;

	if (c->state == PGE_LOST)
		return;
	c->state = PGE_LOST;
	if (!c->fatal) {
		va_start(ap, fmt);
		vsnprintf(c->lost_why, sizeof(c->lost_why), fmt, ap);
		va_end(ap);
		c->lost_why[qf_utf8_cut(qf_slice_str(c->lost_why))] = '\0';
	}
	qf_debug("cluster=%s connection lost: %s", c->pool->engine->cfg->name, c->lost_why);
	qf_timer_stop(loop, &c->timer);
	qf_timer_stop(loop, &c->linger);
	pge_connect_stop(c);
	pge_wire_close(c);
	pge_pool_forget(c);
	if (was_open)
		pge_pool_suspect(c->pool);
	qf_task_add(loop, &c->ending);
}

/* ---- what comes next ---- */

void pge_conn_sent(struct qf_engine_conn *c, enum pge_group g)
{
	qf_assert(c->n_groups < PGE_GROUPS_MAX);
	c->groups[c->n_groups++] = g;
}

static void ask(struct qf_engine_conn *c, enum pge_group g, const char *sql)
{
	if (sql)
		qf_pg_put_query(&c->out, qf_slice_str(sql));
	else
		qf_pg_put_sync(&c->out);
	pge_conn_sent(c, g);
	qf_timer_set(c->pool->engine->loop, &c->timer, c->pool->engine->cfg->connect_timeout_ns);
	pge_wire_flush(c);
}

/* False: something of the last session has to go first, and is on its way. */
static bool clean(struct qf_engine_conn *c)
{
	if (c->transaction != 'I') {
		ask(c, PGE_GROUP_ROLLBACK, "ROLLBACK");
		return false;
	}
	if (c->dirty || c->discards) {
		pge_state_reset_put(c);
		return false;
	}
	c->cleaning = false;
	return true;
}

void pge_conn_ping(struct qf_engine_conn *c)
{
	ask(c, PGE_GROUP_PING, NULL);
}

void pge_conn_advance(struct qf_engine_conn *c)
{
	if (c->state != PGE_OPEN || c->n_groups > 0)
		return;
	if (c->looker) {
		pge_looker_advance(c);
		return;
	}
	if (c->cancelling)
		return; /* comes again when the call has returned */
	if (c->cancel_echo) {
		c->cancel_echo = false;
		pge_conn_ping(c);
		return;
	}
	if (c->cleaning && !clean(c))
		return;
	if (c->run.job && !c->run.sent)
		pge_run_start(c);
	else if (!c->run.job && !c->assigned)
		pge_pool_idle(c);
}

/* ---- messages ---- */

/* What a server says before it knows an encoding, or where a database has none, goes to clients that want UTF-8. */
static void make_valid(char *text)
{
	for (size_t n = strlen(text), bad; (bad = qf_utf8_bad_at(qf_slice(text, n))) < n; text += bad, n -= bad)
		text[bad] = '?';
}

void pge_error_read(struct qf_slice body, struct qf_sql_error *e, bool *ret_fatal)
{
	struct qf_pg_report rep;
	char state[6] = "XX000";

	if (qf_pg_read_report(body, &rep) < 0 || rep.message.n == 0)
		rep.message = qf_slice_str("the server sent an error that cannot be read");
	if (qf_pg_is_sqlstate(rep.sqlstate))
		memcpy(state, rep.sqlstate.p, 5);
	qf_sql_error_set(e, state, "%.*s", (int)(rep.message.n < 2000 ? rep.message.n : 2000), (const char *)rep.message.p);
	snprintf(e->detail, sizeof(e->detail), "%.*s", (int)(rep.detail.n < 300 ? rep.detail.n : 300),
		 rep.detail.p ? (const char *)rep.detail.p : "");
	snprintf(e->hint, sizeof(e->hint), "%.*s", (int)(rep.hint.n < 600 ? rep.hint.n : 600),
		 rep.hint.p ? (const char *)rep.hint.p : "");
	make_valid(e->message);
	make_valid(e->detail);
	make_valid(e->hint);
	e->position = rep.position;
	*ret_fatal = qf_slice_eq_str(rep.severity, "FATAL") || qf_slice_eq_str(rep.severity, "PANIC");
}

/* The session's own: LISTEN, and what it has changed by its own statements. */
static void pass_async(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct qf_engine_job *job = c->run.job;

	if (job && job->on_async)
		job->on_async(job, m->message);
	else if (c->assigned && !job && c->on_async)
		c->on_async(c->watch_arg, m->message);
}

static void parameter_status(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct qf_slice name, value;

	if (qf_pg_read_parameter_status(m->body, &name, &value) < 0) {
		pge_conn_lost(c, "the server sent a ParameterStatus that cannot be read");
		return;
	}
	if (qf_slice_eq_str(name, "standard_conforming_strings"))
		c->odd_strings = !qf_slice_eq_str(value, "on");
	/* What another group changes is our own doing: the client is told by who keeps its settings. */
	bool theirs = c->n_groups == 0 || c->groups[0] == PGE_GROUP_RUN;

	if (theirs && !qf_slice_eq_str(name, "application_name") && !pge_settings_ours(c, name))
		pass_async(c, m);
}

static void note_error(struct qf_engine_conn *c, struct qf_slice body)
{
	bool fatal;

	if (!c->group_failed)
		pge_error_read(body, &c->group_error, &fatal);
	c->group_failed = true;
}

/* FATAL: why the connection ends, in place of what we see of it. */
static void note_fatal(struct qf_engine_conn *c, struct qf_slice body)
{
	struct qf_sql_error e;
	bool fatal;

	pge_error_read(body, &e, &fatal);
	if (!fatal)
		return;
	c->fatal = true;
	c->group_error = e;
	snprintf(c->lost_why, sizeof(c->lost_why), "%.*s", (int)sizeof(c->lost_why) - 1, e.message);
	make_valid(c->lost_why);
}

/* Somebody has closed what sets: pge_conn_advance() prepares it anew, once. */
static bool set_again(struct qf_engine_conn *c)
{
	bool gone = strcmp(c->group_error.sqlstate, "26000") == 0 && c->transaction == 'I' && !c->run.set_again;

	c->run.set_again |= gone;
	return gone;
}

static void answered(struct qf_engine_conn *c, enum pge_group g)
{
	bool ok = !c->group_failed;

	c->group_failed = false;
	switch (g) {
	case PGE_GROUP_SETUP:
		if (ok)
			pge_identity_connected(c->identity);
		else
			pge_identity_failed(c->identity, "", c->group_error.message);
		if (!ok)
			pge_conn_lost(c, "%s", c->group_error.message);
		break;
	case PGE_GROUP_ROLLBACK:
		pge_settings_transaction_ended(c, true);
		if (c->transaction != 'I')
			pge_conn_lost(c, "a transaction cannot be rolled back");
		break;
	case PGE_GROUP_RESET:
		if (ok)
			pge_state_reset_done(c);
		else
			pge_conn_lost(c, "it cannot be reset: %s", c->group_error.message);
		break;
	case PGE_GROUP_DISCARD:
	case PGE_GROUP_BASELINE:
		if (!ok)
			pge_conn_lost(c, "it cannot be reset: %s", c->group_error.message);
		break;
	case PGE_GROUP_SETTINGS:
		pge_settings_done(c, ok);
		if (!ok && c->group_job && !set_again(c))
			pge_run_end(c, QF_OUT_ERROR, &c->group_error);
		break;
	case PGE_GROUP_LOOK:
		pge_look_done(c, ok);
		break;
	case PGE_GROUP_RUN:
		pge_relay_ready(c);
		break;
	case PGE_GROUP_HELD:
		pge_held_done(c, ok);
		break;
	case PGE_GROUP_ORIGIN:
		if (!ok) {
			c->application_name[0] = '\0';
			c->settings.prepared = false;
		}
		break;
	case PGE_GROUP_PING:
		break;
	}
}

/*
 * Behind the last answer a server says by itself only what concerns the connection. Anything else would be taken for
 * the answer to what is sent next.
 */
static bool goes_on_unasked(const struct qf_engine_conn *c, size_t at)
{
	struct qf_slice rest = qf_slice(c->in.p + at, c->in.n - at);
	struct qf_pg_reply m;
	struct qf_err err;

	while (rest.n > 0 && memchr("SANE", rest.p[0], 4) && qf_pg_reply_next(rest, &m, &err) > 0)
		rest = qf_slice(rest.p + m.need, rest.n - m.need);
	return rest.n > 0 && !memchr("SANE", rest.p[0], 4);
}

static void ready_for_query(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	enum pge_group g = c->groups[0];
	char status;

	if (c->n_groups == 0 || qf_pg_read_ready(m->body, &status) < 0) {
		pge_conn_lost(c, "the server sent a ReadyForQuery that %s", c->n_groups ? "cannot be read" : "nothing has asked for");
		return;
	}
	c->fatal = false; /* it goes on: what it said then does not explain a later end */
	if (g != PGE_GROUP_RUN)
		c->transaction = status;
	else
		c->run.status = status;
	memmove(c->groups, c->groups + 1, --c->n_groups * sizeof(*c->groups));
	if (g != PGE_GROUP_RUN && c->n_groups == 0)
		qf_timer_stop(c->pool->engine->loop, &c->timer);
	if (c->n_groups == 0 && goes_on_unasked(c, m->need))
		pge_conn_lost(c, "the server went on behind its answer");
	answered(c, g);
	pge_conn_advance(c);
}

void pge_conn_message(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	if (m->kind == 'S') {
		parameter_status(c, m);
		return;
	}
	if (m->kind == 'A') {
		pass_async(c, m);
		return;
	}
	if (m->kind == 'Z') {
		ready_for_query(c, m);
		return;
	}
	if (m->kind == 'E')
		note_fatal(c, m->body);
	if (c->n_groups == 0) {
		if (m->kind != 'E' && m->kind != 'N')
			pge_conn_lost(c, "the server sent a message of type '%c' that nothing has asked for", m->kind);
		return;
	}
	if (c->groups[0] == PGE_GROUP_RUN)
		pge_relay_message(c, m);
	else if (m->kind == 'E')
		note_error(c, m->body);
	else if (c->groups[0] == PGE_GROUP_LOOK)
		pge_look_message(c, m);
	else if (c->groups[0] == PGE_GROUP_HELD)
		pge_held_message(c, m);
	else if (m->kind == 'G' || m->kind == 'H')
		pge_conn_lost(c, "the server sent a message of type '%c' that nothing has asked for", m->kind);
}
