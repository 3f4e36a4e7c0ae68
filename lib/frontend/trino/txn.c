/* See txn.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../words.h"
#include "txn.h"

enum { MAX_TRANSACTIONS = 10000 };

struct tr_txn {
	struct qf_listener *listener;
	char id[37]; /* a UUID */
	char *user;
	struct qf_pin *pin;
	struct tr_query *running; /* the statement that it is in */
	bool read_only, failed;
	struct qf_timer idle;
};

static const char unknown[] = "Unknown transaction ID: %.40s. Possibly expired? Commands ignored until end of "
			      "transaction block";

static void drop(struct tr_txn *t)
{
	qf_timer_stop(t->listener->loop, &t->idle);
	qf_map_del(t->listener->transactions, qf_slice_str(t->id));
	if (t->running)
		t->running->txn = NULL;
	qf_pin_free(t->pin);
	free(t->user);
	free(t);
}

static void on_idle(struct qf_timer *timer)
{
	struct tr_txn *t = qf_container_of(timer, struct tr_txn, idle);

	if (!t->running)
		drop(t);
}

static void arm(struct tr_txn *t)
{
	qf_timer_set(t->listener->loop, &t->idle, qf_hub_conf(t->listener->hub)->idle_in_transaction_ns);
}

void tr_txn_drop_all(struct qf_listener *l)
{
	size_t at = 0;
	struct tr_txn *t;

	while ((t = qf_map_next(l->transactions, &at, NULL)))
		drop(t);
}

/* That of the session, if it is this user's. */
static struct tr_txn *find(struct tr_query *q)
{
	struct tr_txn *t = qf_map_get(q->listener->transactions, qf_slice_str(q->session.transaction));

	return t && strcmp(t->user, q->session.facts.user) == 0 ? t : NULL;
}

/* ---- START TRANSACTION ------------------------------------------------------------------------------------ */

/* Any level is taken: an engine gives its own, whatever it is asked for. */
static bool read_isolation(struct fe_words *w)
{
	if (!fe_words_take(w, "level"))
		return false;
	if (fe_words_take(w, "serializable"))
		return true;
	if (fe_words_take(w, "repeatable"))
		return fe_words_take(w, "read");
	return fe_words_take(w, "read") && (fe_words_take(w, "committed") || fe_words_take(w, "uncommitted"));
}

static bool read_modes(struct fe_words *w, bool *ret_read_only)
{
	while (!fe_words_end(w)) {
		if (fe_words_take(w, "isolation")) {
			if (!read_isolation(w))
				return false;
		} else {
			if (!fe_words_take(w, "read"))
				return false;
			*ret_read_only = fe_words_is(w, "only");
			if (!fe_words_take(w, "only") && !fe_words_take(w, "write"))
				return false;
		}
		if (fe_words_take(w, ",") && fe_words_end(w))
			return false;
	}
	return true;
}

static bool make_id(char id[37])
{
	uint8_t r[16];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return false;
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40); /* version 4 [RFC 9562] */
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	snprintf(id, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3],
		r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
	return true;
}

static void begin(struct tr_query *q, bool read_only)
{
	struct qf_listener *l = q->listener;
	struct tr_txn *t;

	if (q->session.transaction) {
		tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "Nested transactions not supported");
		return;
	}
	if (!q->session.may_begin) {
		tr_query_fail(q, QF_TRINO_INCOMPATIBLE_CLIENT,
			"Client does not support transactions: it sent no X-Trino-Transaction-Id");
		return;
	}
	if (qf_map_count(l->transactions) >= MAX_TRANSACTIONS) {
		tr_query_fail(q, QF_TRINO_QUERY_QUEUE_FULL, "Too many transactions: %d are open already", MAX_TRANSACTIONS);
		return;
	}
	t = qf_xcalloc(1, sizeof(*t));
	if (!make_id(t->id)) {
		free(t);
		tr_query_fail(q, QF_TRINO_GENERIC_INTERNAL_ERROR, "The system gives no random bytes");
		return;
	}
	t->listener = l;
	t->user = qf_xstrdup(q->session.facts.user);
	t->read_only = read_only;
	t->pin = qf_pin_new(l->hub);
	t->idle.fn = on_idle;
	qf_map_put(l->transactions, qf_slice_str(t->id), t);
	arm(t);
	tr_query_header(q, "X-Trino-Started-Transaction-Id", qf_slice_str(t->id));
	tr_query_done(q, "START TRANSACTION");
}

/* ---- COMMIT, ROLLBACK --------------------------------------------------------------------------------------- */

static const char *name_of(bool commit)
{
	return commit ? "COMMIT" : "ROLLBACK";
}

static void clear(struct tr_query *q)
{
	tr_query_header(q, "X-Trino-Clear-Transaction-Id", qf_slice_str("true"));
}

static void lost(struct tr_query *q)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "57P01", "the connection that held the transaction was lost; nothing of it took effect");
	tr_query_fail_sql(q, &e, QF_SLICE_NONE);
}

/* Without anything at an engine there is nothing that could go wrong. */
static void finish_here(struct tr_query *q, struct tr_txn *t, bool commit)
{
	bool dead = qf_pin_dead(t->pin), failed = t->failed;

	drop(t);
	clear(q);
	if (commit && dead)
		lost(q);
	else if (commit && failed)
		tr_query_fail(q, QF_TRINO_TRANSACTION_ALREADY_ABORTED,
			"Current transaction is aborted; it was rolled back");
	else
		tr_query_done(q, name_of(commit));
}

static void finish(struct tr_query *q, bool commit)
{
	struct tr_txn *t;

	if (!q->session.transaction) {
		tr_query_fail(q, QF_TRINO_NOT_IN_TRANSACTION, "No transaction in progress");
		return;
	}
	t = find(q);
	if (!t && commit) {
		clear(q);
		tr_query_fail(q, QF_TRINO_UNKNOWN_TRANSACTION, unknown, q->session.transaction);
	} else if (!t) { /* nothing is left of it: that is what was asked for */
		clear(q);
		tr_query_done(q, "ROLLBACK");
	} else if (t->running) {
		tr_query_fail(q, QF_TRINO_TRANSACTION_CONFLICT, "Another statement of this transaction is running");
	} else if (qf_pin_placed(t->pin) && !qf_pin_dead(t->pin) && !(commit && t->failed)) {
		t->running = q;
		q->txn = t;
		tr_query_end_transaction(q, name_of(commit), t->pin);
	} else {
		finish_here(q, t, commit);
	}
}

bool tr_txn_settle(struct tr_query *q, const struct qf_query_end *end)
{
	bool commit = q->facts.verb == QF_VERB_COMMIT;
	struct tr_txn *t = q->txn;

	if (!commit && q->facts.verb != QF_VERB_ROLLBACK)
		return false;
	q->txn = NULL;
	if (t) {
		t->running = NULL;
		drop(t);
	}
	clear(q);
	if (end->ok || !commit) /* whatever the engine said, without its pin the transaction cannot go on */
		tr_query_done(q, name_of(commit));
	else
		tr_query_fail_sql(q, &end->error, QF_SLICE_NONE);
	return true;
}

bool tr_txn_control(struct tr_query *q, struct qf_slice sql)
{
	struct fe_words w = fe_words(sql, q->session.facts.dialect);
	bool start = fe_words_is(&w, "start"), read_only = false, ok;
	enum qf_verb verb = q->facts.verb;
	struct qf_sql_error e;

	if (verb != QF_VERB_BEGIN && verb != QF_VERB_COMMIT && verb != QF_VERB_ROLLBACK)
		return false;
	fe_words_next(&w);
	if (verb == QF_VERB_BEGIN) {
		ok = fe_words_take(&w, "transaction") || (!start && fe_words_end(&w));
		ok = ok && read_modes(&w, &read_only);
	} else {
		fe_words_take(&w, "work");
		ok = fe_words_end(&w);
	}
	if (!ok) {
		fe_words_syntax_error(&w, &e);
		tr_query_fail_sql(q, &e, sql);
	} else if (verb == QF_VERB_BEGIN) {
		begin(q, read_only);
	} else {
		finish(q, verb == QF_VERB_COMMIT);
	}
	return true;
}

/* ---- statements in one ---------------------------------------------------------------------------------------- */

static bool writes(const struct qf_facts *f)
{
	return f->access == QF_ACCESS_WRITE || (f->access == QF_ACCESS_UNKNOWN && !f->returns_rows);
}

bool tr_txn_enter(struct tr_query *q, struct qf_pin **ret)
{
	struct tr_txn *t;

	*ret = NULL;
	if (!q->session.transaction)
		return true;
	t = find(q);
	if (!t)
		tr_query_fail(q, QF_TRINO_UNKNOWN_TRANSACTION, unknown, q->session.transaction);
	else if (t->running)
		tr_query_fail(q, QF_TRINO_TRANSACTION_CONFLICT, "Another statement of this transaction is running");
	else if (t->failed || qf_pin_dead(t->pin))
		tr_query_fail(q, QF_TRINO_TRANSACTION_ALREADY_ABORTED,
			"Current transaction is aborted, commands ignored until end of transaction block");
	else if (t->read_only && writes(&q->facts))
		tr_query_fail(q, QF_TRINO_READ_ONLY_VIOLATION, "Cannot execute write in a read-only transaction");
	else {
		qf_timer_stop(q->listener->loop, &t->idle);
		t->running = q;
		q->txn = t;
		*ret = t->pin;
		return true;
	}
	return false;
}

void tr_txn_left(struct tr_query *q, bool ok)
{
	struct tr_txn *t = q->txn;

	if (!t)
		return;
	q->txn = NULL;
	t->running = NULL;
	t->failed = t->failed || !ok;
	arm(t);
}

void tr_txn_abandoned(struct tr_query *q)
{
	struct tr_txn *t = q->txn;

	if (!t)
		return;
	if (q->facts.verb == QF_VERB_COMMIT || q->facts.verb == QF_VERB_ROLLBACK) {
		drop(t);
		return;
	}
	qf_pin_free(t->pin);
	t->pin = qf_pin_new(t->listener->hub);
	t->failed = true;
}
