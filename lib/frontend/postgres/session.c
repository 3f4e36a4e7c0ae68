/* Life of a session and its messages. See session.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qf/clock.h"
#include "qf/log.h"
#include "query.h"
#include "session.h"

enum {
	RESERVE_OVER = 8192, /* shorter messages are not counted among the pending bytes */
	MAX_UNREAD_NOTIFICATIONS = 64 << 20, /* with all else that waits for the client */
	MAX_NOTED = 64 * 1024, /* beyond it the oldest are dropped */
};

#define STARTUP_LIMIT_NS (60 * QF_SEC)

/* ---- errors ---- */

/* An ErrorResponse outside a statement: its transaction fails. A run may be the answer. */
static void reply_error(struct pg_session *s, const struct qf_sql_error *e)
{
	pg_reply_error(&s->conn.out, "ERROR", e);
	pg_run_abort(s);
}

void pg_session_end(struct pg_session *s)
{
	s->phase = PG_PHASE_ENDING;
	qf_timer_stop(s->listener->loop, &s->timer);
	pg_conn_finish(&s->conn);
}

void pg_session_fatal(struct pg_session *s, const char *sqlstate, const char *fmt, ...)
{
	char text[256];
	struct qf_sql_error e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	qf_sql_error_set(&e, sqlstate, "%s", text);
	pg_reply_error(&s->conn.out, "FATAL", &e);
	pg_session_end(s);
}

/* ---- between queries ---- */

static bool is_idle(const struct pg_session *s)
{
	return !s->run && s->txn.state == PG_TXN_IDLE;
}

/* The shorter of the server's limit and the client's own. */
static uint64_t idle_limit(const struct pg_session *s)
{
	if (!pg_txn_in_block(&s->txn))
		return pg_settings_ns(&s->settings, PG_IDLE_SESSION_TIMEOUT);
	uint64_t server = qf_hub_conf(s->listener->hub)->idle_in_transaction_ns;
	uint64_t client = pg_settings_ns(&s->settings, PG_IDLE_IN_TRANSACTION_SESSION_TIMEOUT);

	return server == 0 || (client > 0 && client < server) ? client : server;
}

static void report_settings(struct pg_session *s)
{
	const char *name, *value;
	size_t at = 0;

	while (pg_settings_next_report(&s->settings, &at, &name, &value))
		qf_pg_put_parameter_status(&s->conn.out, name, value);
}

static void release_reserved(struct pg_session *s)
{
	pg_listener_release(s->listener, s->reserved);
	s->reserved = 0;
}

/* Outside a block nothing may be left of portals. */
static void end_portals(struct pg_session *s)
{
	if (pg_txn_in_block(&s->txn))
		return;
	pg_portal_drop_all(s);
}

static void fatal_lost(struct pg_session *s)
{
	pg_session_fatal(s, "57P01",
		"terminating connection: the engine's connection that was kept for the session is gone");
	pg_txn_drop_pin(&s->txn);
}

void pg_session_ready(struct pg_session *s)
{
	report_settings(s);
	release_reserved(s);
	pg_prepared_forget_passing(s);
	end_portals(s);
	if (s->lost) {
		fatal_lost(s);
		return;
	}
	qf_pg_put_ready(&s->conn.out, pg_txn_status(&s->txn));
	uint64_t limit = idle_limit(s);

	if (limit > 0)
		qf_timer_set(s->listener->loop, &s->timer, limit);
	else
		qf_timer_stop(s->listener->loop, &s->timer);
	if (s->listener->draining)
		pg_session_drain(s);
}

void pg_session_drain(struct pg_session *s)
{
	if (s->phase == PG_PHASE_STARTUP || s->phase == PG_PHASE_LOGIN)
		pg_session_fatal(s, "57P03", "the database system is shutting down");
	else if (s->phase == PG_PHASE_READY && is_idle(s))
		pg_session_fatal(s, "57P01", "terminating connection due to administrator command");
}

/* Nobody will hear how this statement ends. In a block nothing of it takes effect, but for its COMMIT. */
static bool outcome_is_unknown(const struct pg_session *s)
{
	if (!s->run || !s->run->query)
		return false;
	if (pg_txn_in_block(&s->txn))
		return s->run->step == PG_STEP_COMMIT || s->run->step == PG_STEP_IMPLICIT_COMMIT;
	return s->run->facts.access != QF_ACCESS_READ;
}

void pg_session_shut(struct pg_session *s)
{
	struct qf_sql_error e;

	if (s->reap.queued)
		return;
	if (outcome_is_unknown(s))
		qf_sql_error_set(&e, "08007", "terminating connection due to administrator command; "
				 "whether the statement took effect is unknown");
	else
		qf_sql_error_set(&e, "57P01", "terminating connection due to administrator command");
	if (s->phase == PG_PHASE_READY)
		pg_reply_error(&s->conn.out, "FATAL", &e);
	pg_conn_last_words(&s->conn);
	pg_session_close(s);
}

void pg_session_cancel(struct pg_session *s)
{
	if (s->run)
		pg_run_cancel(s->run);
}

/* ---- the pin ---- */

static void on_pin_async(void *arg, struct qf_slice message)
{
	pg_session_async(arg, message);
}

/* Of a transaction alone its next statement tells. */
static void on_pin_lost(void *arg)
{
	struct pg_session *s = arg;

	if (!qf_pin_held(s->txn.pin))
		return;
	s->lost = true;
	if (!s->run && s->phase == PG_PHASE_READY)
		fatal_lost(s);
}

struct qf_pin *pg_session_pin(struct pg_session *s)
{
	if (s->txn.pin)
		return s->txn.pin;
	s->txn.pin = qf_pin_new(s->listener->hub);
	qf_pin_watch(s->txn.pin, on_pin_async, on_pin_lost, s);
	return s->txn.pin;
}

bool pg_session_has_engine(const struct pg_session *s)
{
	return s->txn.pin && qf_pin_placed(s->txn.pin) && !qf_pin_dead(s->txn.pin);
}

void pg_session_note_engine(struct pg_session *s, const char *cluster)
{
	const struct qf_conf_cluster *c = cluster ? qf_conf_cluster(qf_hub_conf(s->listener->hub), cluster) : NULL;

	if (c && pg_session_has_engine(s))
		s->foreign = c->engine != QF_ENGINE_POSTGRES;
}

/* The first of those that were kept: whole, as they were when they came. */
static struct qf_slice first_noted(const struct pg_session *s)
{
	struct qf_reader r = qf_reader(qf_buf_slice(&s->noted));

	qf_read_u8(&r);
	uint32_t length = qf_read_u32(&r);

	return r.err ? QF_SLICE_NONE : qf_slice(s->noted.p, (size_t)length + 1);
}

static void keep_noted(struct pg_session *s, struct qf_slice message)
{
	struct qf_reader r = qf_reader(qf_slice(message.p + 1, message.n - 1));

	if (message.n > MAX_NOTED || qf_read_u32(&r) != message.n - 1)
		return;
	while (s->noted.n + message.n > MAX_NOTED)
		qf_buf_consume(&s->noted, first_noted(s).n);
	qf_buf_add_slice(&s->noted, message);
}

static void note(struct pg_session *s, struct qf_slice message)
{
	struct qf_slice name, value;

	if (qf_pg_read_parameter_status(qf_slice(message.p + 5, message.n - 5), &name, &value) == 0)
		pg_settings_note(&s->settings, name, value);
}

void pg_session_take_noted(struct pg_session *s)
{
	while (s->noted.n > 0) {
		struct qf_slice message = first_noted(s);

		note(s, message);
		qf_buf_consume(&s->noted, message.n);
	}
	qf_buf_fini(&s->noted);
}

void pg_session_async(struct pg_session *s, struct qf_slice message)
{
	if (message.n < 5 || s->phase != PG_PHASE_READY)
		return;
	if (message.p[0] == 'A' && s->conn.out.n + message.n > MAX_UNREAD_NOTIFICATIONS) {
		qf_info("client=%s session=%llu does not read its notifications", s->client, (unsigned long long)s->facts.id);
		pg_session_close(s);
		return;
	}
	if (message.p[0] == 'A')
		qf_buf_add_slice(&s->conn.out, message);
	else if (message.p[0] == 'S' && s->run && s->run->query)
		keep_noted(s, message);
	else if (message.p[0] == 'S')
		note(s, message);
	pg_conn_kick(&s->conn);
}

static void on_timer(struct qf_timer *t)
{
	struct pg_session *s = qf_container_of(t, struct pg_session, timer);

	if (s->phase == PG_PHASE_STARTUP) {
		pg_session_close(s);
		return;
	}
	if (s->phase == PG_PHASE_LOGIN) {
		pg_session_fatal(s, "57014", "canceling authentication due to timeout");
		return;
	}
	if (pg_txn_in_block(&s->txn))
		pg_session_fatal(s, "25P03", "terminating connection due to idle-in-transaction timeout");
	else
		pg_session_fatal(s, "57P05", "terminating connection due to idle-session timeout");
	/* The transaction's connection is wanted now, not when the client has read this. */
	pg_txn_drop_pin(&s->txn);
}

/* ---- messages ---- */

/* Of the simple protocol: ReadyForQuery follows. */
static void fail_message(struct pg_session *s, const struct qf_sql_error *e)
{
	reply_error(s, e);
	s->ready_owed = true;
}

static void refuse_function_call(struct pg_session *s)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "0A000", "function calls of the protocol are not supported");
	snprintf(e.hint, sizeof(e.hint), "Call the function in a SELECT.");
	fail_message(s, &e);
}

static void on_query(struct pg_session *s, struct qf_slice body)
{
	struct qf_slice text;
	struct qf_sql_error e;

	if (qf_pg_read_string(body, &text) == 0) {
		pg_run_start(s, text);
		return;
	}
	qf_sql_error_set(&e, "08P01", "invalid message format");
	fail_message(s, &e);
}

/* What it asked before in the same breath is still answered. */
static void terminate(struct pg_session *s)
{
	if (s->conn.out.n == 0) {
		pg_session_close(s);
		return;
	}
	s->phase = PG_PHASE_ENDING;
	pg_txn_drop_pin(&s->txn);
	pg_conn_finish(&s->conn);
}

/* False: the message is to be looked at again later. */
static bool on_simple_message(struct pg_session *s, const struct qf_pg_event *ev)
{
	bool skip;

	if (!pg_extended_before(s, &skip))
		return false;
	if (skip)
		return true;
	if (ev->kind == 'Q')
		on_query(s, ev->body);
	else
		refuse_function_call(s);
	return true;
}

/* A message to the statement that runs. */
static void on_copy_message(struct pg_session *s, const struct qf_pg_event *ev)
{
	if (!pg_copy_message(s->run, ev->kind, qf_slice(ev->body.p - 5, ev->body.n + 5)))
		pg_session_close(s);
}

static bool on_message(struct pg_session *s, const struct qf_pg_event *ev, struct qf_slice rest)
{
	if (s->run) {
		on_copy_message(s, ev);
		return true;
	}
	if (s->skip_to_sync && ev->kind != 'S' && ev->kind != 'X')
		return true;
	qf_timer_stop(s->listener->loop, &s->timer);
	switch (ev->kind) {
	case 'Q':
	case 'F':
		return on_simple_message(s, ev);
	case 'P':
	case 'B':
	case 'D':
	case 'E':
	case 'C':
	case 'H':
	case 'S':
		return pg_extended_message(s, ev->kind, ev->body, rest);
	case 'X':
		terminate(s);
		return true;
	default: /* Copy messages outside a COPY are ignored. */
		return true;
	}
}

static void on_too_long(struct pg_session *s, const struct qf_pg_event *ev)
{
	bool over_budget = s->over_budget;
	struct qf_sql_error e;

	s->over_budget = false;
	if (s->run)
		pg_copy_too_long(s->run, ev->need, over_budget);
	if (s->run || s->skip_to_sync || ev->kind == 'd')
		return;
	if (over_budget) {
		qf_sql_error_set(&e, "53200",
			"out of memory for statements: too many bytes are pending in all sessions");
	} else {
		qf_sql_error_set(&e, "54000",
			"statement of %zu bytes is too long, the limit is %llu (maxStatementBytes)", ev->need - 6,
			(unsigned long long)qf_hub_conf(s->listener->hub)->max_statement_bytes);
	}
	/* This is the one error of what was sent together: what is not proven by now is dropped without a word. */
	pg_extended_failed(s, QF_STAGE_PARSE);
	if (ev->kind == 'Q' || ev->kind == 'F') {
		s->skip_to_sync = false;
		fail_message(s, &e);
		return;
	}
	reply_error(s, &e);
}

static void on_broken(struct pg_session *s, const struct qf_pg_event *ev)
{
	struct qf_pg_fields f = { .severity = "FATAL", .sqlstate = ev->sqlstate, .message = ev->error.text };

	if (ev->version && ev->version >> 16 < 3)
		qf_pg_put_error_v2(&s->conn.out, &f);
	else
		qf_pg_put_error(&s->conn.out, &f);
	pg_session_end(s);
}

/* rest: what has arrived behind it. False: the message is to be looked at again later. */
static bool on_event(struct pg_session *s, const struct qf_pg_event *ev, struct qf_slice rest)
{
	switch (ev->type) {
	case QF_PG_MESSAGE:
		if (s->phase != PG_PHASE_LOGIN)
			return on_message(s, ev, rest);
		pg_login_message(s, ev->body);
		break;
	case QF_PG_TOO_LONG:
		on_too_long(s, ev);
		break;
	case QF_PG_BROKEN:
		on_broken(s, ev);
		break;
	default:
		pg_startup_event(s, ev, rest.n > 0);
		break;
	}
	return true;
}

/* A long message is on its way: is there room for it? True: there is none, and it passes by from now on. */
static bool passes_by(struct pg_session *s, size_t need)
{
	if (need <= RESERVE_OVER || s->reserved || s->phase != PG_PHASE_READY)
		return false;
	if (pg_listener_reserve(s->listener, need)) {
		s->reserved = need;
		return false;
	}
	s->over_budget = true;
	qf_pg_decoder_skip(&s->decoder, qf_buf_slice(&s->conn.in));
	return true;
}

/* The message was handled: what it has reserved goes back, or belongs to the run that it started. */
static void settle_reserved(struct pg_session *s, bool started)
{
	if (!started) {
		release_reserved(s);
		return;
	}
	s->run->reserved = s->reserved;
	s->reserved = 0;
}

/* True when a message was read and the next may be. */
static bool read_message(struct pg_session *s)
{
	struct qf_slice in = qf_buf_slice(&s->conn.in);
	struct qf_pg_event ev;
	size_t used;

	s->decoder.max_message = qf_hub_conf(s->listener->hub)->max_statement_bytes + 1; /* its NUL */
	qf_pg_decode(&s->decoder, in, &used, &ev);
	if (ev.type == QF_PG_NEED_MORE) {
		qf_buf_consume(&s->conn.in, used);
		return passes_by(s, ev.need) || used > 0;
	}
	bool running = s->run;
	bool taken = on_event(s, &ev, qf_slice(in.p + used, in.n - used));

	if (pg_conn_closed(&s->conn) || s->phase == PG_PHASE_ENDING || !taken)
		return false;
	qf_buf_consume(&s->conn.in, used);
	settle_reserved(s, s->run && !running);
	return true;
}

static bool reads(struct pg_session *s)
{
	return !pg_conn_closed(&s->conn) && s->phase != PG_PHASE_ENDING && pg_conn_room(&s->conn) &&
	       (!s->run || pg_copy_reads(s->run));
}

static void on_turn(struct pg_conn *c)
{
	struct pg_session *s = qf_container_of(c, struct pg_session, conn);

	if (s->run)
		pg_run_turn(s->run);
	while (reads(s)) {
		if (s->ready_owed) {
			s->ready_owed = false;
			pg_session_ready(s);
		} else if (!read_message(s)) {
			break;
		}
	}
	if (s->run)
		pg_copy_flush(s->run);
	c->busy = s->run && !pg_copy_reads(s->run);
}

static void on_sent(struct pg_conn *c)
{
	struct pg_session *s = qf_container_of(c, struct pg_session, conn);

	if (s->run)
		pg_run_sent(s->run);
}

static void on_gone(struct pg_conn *c, enum pg_gone why)
{
	static const char *const words[] = { "has gone", "takes no rows", "was told to go" };
	struct pg_session *s = qf_container_of(c, struct pg_session, conn);

	qf_debug("client=%s session=%llu %s", s->client, (unsigned long long)s->facts.id, words[why]);
	pg_session_close(s);
}

/* ---- life ---- */

static void on_direct_tls(struct pg_conn *c)
{
	pg_startup_direct_tls(qf_container_of(c, struct pg_session, conn));
}

static const struct pg_conn_ops conn_ops = {
	.turn = on_turn, .direct_tls = on_direct_tls, .sent = on_sent, .gone = on_gone
};

static void on_reap(struct qf_task *t)
{
	struct pg_session *s = qf_container_of(t, struct pg_session, reap);

	pg_settings_fini(&s->settings);
	qf_buf_fini(&s->noted);
	pg_session_facts_fini(s);
	free(s);
}

int pg_session_new(struct qf_listener *l, int fd, const char *client)
{
	struct pg_session *s = qf_xcalloc(1, sizeof(*s));
	const struct qf_conf *conf = qf_hub_conf(l->hub);
	int r = pg_conn_init(&s->conn, l->loop, fd, &conn_ops, conf->client_stall_ns);

	if (r < 0) {
		close(fd);
		free(s);
		return r;
	}
	s->listener = l;
	s->reap.fn = on_reap;
	s->timer.fn = on_timer;
	snprintf(s->client, sizeof(s->client), "%s", client);
	fe_address_of(client, s->address, sizeof(s->address));
	s->local = !strchr(client, ':');
	s->conn.sniff = pg_startup_tls_mode(s) != QF_TLS_OFF;
	s->facts.frontend = QF_FE_POSTGRES;
	s->facts.client = s->client;
	s->settings.dirty = true;
	qf_pg_decoder_init(&s->decoder, conf->max_statement_bytes + 1);
	qf_list_append(&l->connections, &s->link);
	l->n_connections++;
	qf_timer_set(l->loop, &s->timer, conf->auth.login_timeout_ns ? conf->auth.login_timeout_ns : STARTUP_LIMIT_NS);
	return 0;
}

void pg_session_close(struct pg_session *s)
{
	if (s->reap.queued)
		return;
	pg_conn_close(&s->conn);
	qf_timer_stop(s->listener->loop, &s->timer);
	if (s->run)
		pg_run_abandon(s->run);
	pg_extended_fini(s);
	pg_txn_drop_pin(&s->txn);
	release_reserved(s);
	pg_listener_unregister(s->listener, s);
	if (s->facts.keyed)
		qf_hub_keys_drop(s->listener->hub, s->user);
	s->login = pg_login_free(s->login);
	qf_list_remove(&s->link);
	pg_listener_left(s->listener);
	qf_task_add(s->listener->loop, &s->reap);
}
