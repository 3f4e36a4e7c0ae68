/* See savepoint.h. */
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "qf/map.h"
#include "qf/sql.h"

struct savepoint {
	uint64_t name; /* its hash */
	uint64_t writes;
};

enum what { NONE, SET, RELEASE, BACK };

static struct qf_token next(struct qf_lexer *lx)
{
	struct qf_token t = qf_lex(lx);

	while (t.type == QF_TOK_COMMENT)
		t = qf_lex(lx);
	return t;
}

static bool is(struct qf_token t, const char *word)
{
	return t.type == QF_TOK_WORD && qf_slice_caseeq_str(t.text, word);
}

/* ret_name: the token behind, where a name must be. */
static enum what read_statement(const char *sql, struct qf_token *ret_name)
{
	struct qf_lexer lx = qf_lexer(qf_slice_str(sql), QF_DIALECT_DUCKDB);
	struct qf_token verb = next(&lx), t = next(&lx);
	bool back = is(verb, "rollback") || is(verb, "abort");

	if (!back && !is(verb, "savepoint") && !is(verb, "release"))
		return NONE;
	if (back && (is(t, "work") || is(t, "transaction")))
		t = next(&lx);
	if (back && !is(t, "to"))
		return NONE;
	if (back)
		t = next(&lx);
	if (is(t, "savepoint") && !is(verb, "savepoint"))
		t = next(&lx);
	*ret_name = t;
	return back ? BACK : is(verb, "release") ? RELEASE : SET;
}

bool duck_savepoint_is(const char *sql)
{
	struct qf_token name;

	return read_statement(sql, &name) != NONE;
}

/* Names without quotes are the same in any case. */
static uint64_t hash_name(struct qf_token t)
{
	struct qf_buf name = { 0 };
	uint64_t hash;

	for (size_t i = 0; i < t.text.n; i++) {
		uint8_t c = t.text.p[i];

		if (t.type == QF_TOK_QUOTED && (i == 0 || i == t.text.n - 1))
			continue;
		qf_buf_u8(&name, t.type != QF_TOK_QUOTED && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	hash = qf_hash(qf_buf_slice(&name));
	qf_buf_fini(&name);
	return hash;
}

static size_t count(const struct qf_engine_conn *c)
{
	return c->savepoints.list.n / sizeof(struct savepoint);
}

static struct savepoint *at(const struct qf_engine_conn *c, size_t i)
{
	return (struct savepoint *)(void *)c->savepoints.list.p + i;
}

static struct qf_sql_error *fail(struct qf_engine_conn *c)
{
	struct qf_engine_end *end = &c->job.end;

	end->outcome = QF_OUT_ERROR;
	end->stage = QF_STAGE_EXECUTE;
	return &end->error;
}

static void go_back(struct qf_engine_conn *c, size_t i)
{
	struct qf_sql_error *e;

	if (!c->transaction_failed && at(c, i)->writes == c->savepoints.writes) {
		c->savepoints.list.n = (i + 1) * sizeof(struct savepoint);
		return;
	}
	e = fail(c);
	qf_sql_error_set(e, "0A000", "rolling back to a savepoint is not supported: %s",
		c->transaction_failed ? "an error has aborted the transaction" : "something was written behind it");
	snprintf(e->hint, sizeof(e->hint), "DuckDB has no savepoints: end the transaction and begin another one.");
}

void duck_savepoint_run(struct qf_engine_conn *c)
{
	struct qf_token name;
	enum what what = read_statement(c->job.sql, &name);
	struct savepoint s = { .writes = c->savepoints.writes };
	size_t i = count(c);

	if (name.type != QF_TOK_WORD && name.type != QF_TOK_QUOTED) {
		qf_sql_error_set(fail(c), "42601", "the name of a savepoint is expected");
		return;
	}
	s.name = hash_name(name);
	if (what == SET) {
		qf_buf_add(&c->savepoints.list, &s, sizeof(s));
		return;
	}
	while (i > 0 && at(c, i - 1)->name != s.name)
		i--;
	if (i == 0)
		qf_sql_error_set(fail(c), "3B001", "savepoint \"%.*s\" does not exist", (int)(name.text.n < 63 ? name.text.n : 63),
			(const char *)name.text.p);
	else if (what == RELEASE)
		c->savepoints.list.n = (i - 1) * sizeof(struct savepoint);
	else
		go_back(c, i - 1);
}

void duck_savepoints_clear(struct qf_engine_conn *c)
{
	qf_buf_fini(&c->savepoints.list);
	c->savepoints.writes = 0;
}
