/* See txn.h. */
#include "txn.h"
#include "words.h"

char pg_txn_status(const struct pg_txn *t)
{
	return t->state == PG_TXN_BLOCK ? 'T' : t->state == PG_TXN_FAILED ? 'E' : 'I';
}

bool pg_txn_in_block(const struct pg_txn *t)
{
	return t->state == PG_TXN_BLOCK || t->state == PG_TXN_FAILED;
}

struct qf_pin *pg_txn_pin(struct pg_txn *t, struct qf_hub *hub)
{
	if (!t->pin)
		t->pin = qf_pin_new(hub);
	return t->pin;
}

bool pg_txn_at_engine(const struct pg_txn *t)
{
	return t->pin && qf_pin_placed(t->pin) && !qf_pin_dead(t->pin);
}

bool pg_txn_lost(const struct pg_txn *t)
{
	return t->pin && qf_pin_dead(t->pin);
}

void pg_txn_drop_pin(struct pg_txn *t)
{
	if (t->pin)
		t->pin = qf_pin_free(t->pin);
}

/* ---- syntax: the PostgreSQL reference pages of BEGIN, COMMIT, SET TRANSACTION ---- */

static bool parse_isolation(struct pg_words *w, struct pg_txn_stmt *ret)
{
	if (!pg_words_take(w, "level"))
		return false;
	if (pg_words_take(w, "serializable")) {
		ret->isolation = "serializable";
		return true;
	}
	if (pg_words_take(w, "repeatable")) {
		ret->isolation = "repeatable read";
		return pg_words_take(w, "read");
	}
	if (!pg_words_take(w, "read"))
		return false;
	ret->isolation = pg_words_is(w, "committed") ? "read committed" : "read uncommitted";
	return pg_words_take(w, "committed") || pg_words_take(w, "uncommitted");
}

static bool parse_mode(struct pg_words *w, struct pg_txn_stmt *ret)
{
	if (pg_words_take(w, "isolation"))
		return parse_isolation(w, ret);
	if (pg_words_take(w, "read")) {
		ret->read_only = pg_words_is(w, "only") ? "on" : "off";
		return pg_words_take(w, "only") || pg_words_take(w, "write");
	}
	ret->deferrable = pg_words_is(w, "not") ? "off" : "on";
	pg_words_take(w, "not");
	return pg_words_take(w, "deferrable");
}

static bool parse_modes(struct pg_words *w, struct pg_txn_stmt *ret)
{
	while (!pg_words_end(w)) {
		if (!parse_mode(w, ret))
			return false;
		if (pg_words_take(w, ",") && pg_words_end(w))
			return false;
	}
	return true;
}

static bool parse_end(struct pg_words *w, struct pg_txn_stmt *ret)
{
	if (pg_words_take(w, "and")) {
		ret->chain = !pg_words_take(w, "no");
		if (!pg_words_take(w, "chain"))
			return false;
	}
	return pg_words_end(w);
}

static bool unsupported(struct qf_sql_error *reterr, const char *what)
{
	qf_sql_error_set(reterr, "0A000", "%s is not supported", what);
	return false;
}

static bool parse_set(struct pg_words *w, struct pg_txn_stmt *ret)
{
	if (pg_words_take(w, "session")) {
		ret->session = true;
		if (!pg_words_take(w, "characteristics") || !pg_words_take(w, "as"))
			return false;
	} else {
		pg_words_take(w, "local");
	}
	return pg_words_take(w, "transaction") && !pg_words_end(w) && parse_modes(w, ret);
}

bool pg_txn_parse(struct qf_slice stmt, enum qf_dialect d, enum qf_verb verb, struct pg_txn_stmt *ret,
		  struct qf_sql_error *reterr)
{
	struct pg_words w = pg_words(stmt, d);
	bool start = pg_words_is(&w, "start");
	bool ok = true;

	*ret = (struct pg_txn_stmt){ 0 };
	pg_words_next(&w);
	if (verb == QF_VERB_SET_TRANSACTION) {
		ok = parse_set(&w, ret);
		if (!ok && pg_words_is(&w, "snapshot"))
			return unsupported(reterr, "SET TRANSACTION SNAPSHOT");
		return ok || pg_words_syntax_error(&w, reterr);
	}
	if (pg_words_is(&w, "prepared"))
		return unsupported(reterr, "Two-phase commit");
	if (start)
		ok = pg_words_take(&w, "transaction");
	else if (!pg_words_take(&w, "work"))
		pg_words_take(&w, "transaction");
	ok = ok && (verb == QF_VERB_BEGIN ? parse_modes(&w, ret) : parse_end(&w, ret));
	return ok || pg_words_syntax_error(&w, reterr);
}
