/* See txn.h. */
#include "txn.h"
#include "../words.h"

char pg_txn_status(const struct pg_txn *t)
{
	return t->state == PG_TXN_BLOCK ? 'T' : t->state == PG_TXN_FAILED ? 'E' : 'I';
}

bool pg_txn_in_block(const struct pg_txn *t)
{
	return t->state == PG_TXN_BLOCK || t->state == PG_TXN_FAILED;
}

bool pg_txn_at_engine(const struct pg_txn *t)
{
	return t->pin && qf_pin_in_transaction(t->pin) && !qf_pin_dead(t->pin);
}

bool pg_txn_lost(const struct pg_txn *t)
{
	return t->pin && qf_pin_dead(t->pin);
}

void pg_txn_release_pin(struct pg_txn *t)
{
	bool kept = t->pin && qf_pin_placed(t->pin) && qf_pin_held(t->pin) && !qf_pin_in_transaction(t->pin) &&
		    !qf_pin_dead(t->pin);

	if (!kept)
		pg_txn_drop_pin(t);
}

void pg_txn_drop_pin(struct pg_txn *t)
{
	if (t->pin)
		t->pin = qf_pin_free(t->pin);
}

/* ---- syntax: the PostgreSQL reference pages of BEGIN, COMMIT, SET TRANSACTION ---- */

static bool parse_isolation(struct fe_words *w, struct pg_txn_stmt *ret)
{
	if (!fe_words_take(w, "level"))
		return false;
	if (fe_words_take(w, "serializable")) {
		ret->isolation = "serializable";
		return true;
	}
	if (fe_words_take(w, "repeatable")) {
		ret->isolation = "repeatable read";
		return fe_words_take(w, "read");
	}
	if (!fe_words_take(w, "read"))
		return false;
	ret->isolation = fe_words_is(w, "committed") ? "read committed" : "read uncommitted";
	return fe_words_take(w, "committed") || fe_words_take(w, "uncommitted");
}

static bool parse_mode(struct fe_words *w, struct pg_txn_stmt *ret)
{
	if (fe_words_take(w, "isolation"))
		return parse_isolation(w, ret);
	if (fe_words_take(w, "read")) {
		ret->read_only = fe_words_is(w, "only") ? "on" : "off";
		return fe_words_take(w, "only") || fe_words_take(w, "write");
	}
	ret->deferrable = fe_words_is(w, "not") ? "off" : "on";
	fe_words_take(w, "not");
	return fe_words_take(w, "deferrable");
}

static bool parse_modes(struct fe_words *w, struct pg_txn_stmt *ret)
{
	while (!fe_words_end(w)) {
		if (!parse_mode(w, ret))
			return false;
		if (fe_words_take(w, ",") && fe_words_end(w))
			return false;
	}
	return true;
}

static bool parse_end(struct fe_words *w, struct pg_txn_stmt *ret)
{
	if (fe_words_take(w, "and")) {
		ret->chain = !fe_words_take(w, "no");
		if (!fe_words_take(w, "chain"))
			return false;
	}
	return fe_words_end(w);
}

static bool unsupported(struct qf_sql_error *reterr, const char *what)
{
	qf_sql_error_set(reterr, "0A000", "%s is not supported", what);
	return false;
}

static bool parse_set(struct fe_words *w, struct pg_txn_stmt *ret)
{
	if (fe_words_take(w, "session")) {
		ret->session = true;
		if (!fe_words_take(w, "characteristics") || !fe_words_take(w, "as"))
			return false;
	} else {
		fe_words_take(w, "local");
	}
	return fe_words_take(w, "transaction") && !fe_words_end(w) && parse_modes(w, ret);
}

bool pg_txn_parse(struct qf_slice stmt, enum qf_dialect d, enum qf_verb verb, struct pg_txn_stmt *ret,
		  struct qf_sql_error *reterr)
{
	struct fe_words w = fe_words(stmt, d);
	bool start = fe_words_is(&w, "start");
	bool ok = true;

	*ret = (struct pg_txn_stmt){ 0 };
	fe_words_next(&w);
	if (verb == QF_VERB_SET_TRANSACTION) {
		ok = parse_set(&w, ret);
		if (!ok && fe_words_is(&w, "snapshot"))
			return unsupported(reterr, "SET TRANSACTION SNAPSHOT");
		return ok || fe_words_syntax_error(&w, reterr);
	}
	if (fe_words_is(&w, "prepared"))
		return unsupported(reterr, "Two-phase commit");
	if (start)
		ok = fe_words_take(&w, "transaction");
	else if (!fe_words_take(&w, "work"))
		fe_words_take(&w, "transaction");
	ok = ok && (verb == QF_VERB_BEGIN ? parse_modes(&w, ret) : parse_end(&w, ret));
	return ok || fe_words_syntax_error(&w, reterr);
}
