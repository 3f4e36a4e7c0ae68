/* From the text that was POSTed to what runs. See query.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../words.h"
#include "execute.h"
#include "qf/str.h"
#include "query.h"
#include "txn.h"

enum { MAX_DEPTH = 2000 };

static struct qf_slice text_of(const struct tr_query *q)
{
	return q->text ? qf_slice_str(q->text) : qf_slice(q->sql, q->sql_n);
}

/* ---- what is refused before anything of it runs ------------------------------------------------------------- */

static bool syntax_error(struct tr_query *q, struct qf_slice sql, size_t at, const char *text)
{
	struct qf_sql_error e;

	qf_sql_error_set(&e, "42601", "%s", text);
	if (!q->text)
		e.position = fe_characters(qf_slice(sql.p, at)) + 1;
	tr_query_fail_sql(q, &e, sql);
	return false;
}

/* The one statement of the text; a ';' may stand behind it. */
static bool only_statement(struct tr_query *q, struct qf_slice text, struct qf_slice *ret)
{
	struct qf_splitter sp = qf_splitter(text, q->session.facts.dialect);
	struct qf_statement st;
	bool found = false;

	while (qf_split_next(&sp, &st)) {
		if (st.empty)
			continue;
		if (found)
			return syntax_error(q, text, st.offset, "only one statement can be sent at a time");
		found = true;
		*ret = st.text;
	}
	return found || syntax_error(q, text, text.n, "SQL statement is empty");
}

static bool check(struct tr_query *q, struct qf_slice text, struct qf_slice *ret)
{
	size_t bad = qf_utf8_bad_at(text), limit = qf_hub_conf(q->listener->hub)->max_statement_bytes;

	if (text.n > limit) {
		tr_query_fail(q, QF_TRINO_QUERY_TEXT_TOO_LARGE, "Query text length (%zu) exceeds the maximum length (%zu)",
			text.n, limit);
		return false;
	}
	if (bad < text.n || memchr(text.p, 0, text.n))
		return syntax_error(q, text, 0, "the statement is not UTF-8 text");
	if (!only_statement(q, text, ret))
		return false;
	qf_sql_facts(*ret, q->session.facts.dialect, &q->facts);
	if (q->facts.bad)
		return syntax_error(q, text, text.n, "a quoted text, a quoted name or a comment does not end");
	if (q->facts.depth <= MAX_DEPTH)
		return true;
	tr_query_fail(q, QF_TRINO_QUERY_TEXT_TOO_LARGE, "The statement is nested too deeply: %u levels, the limit is %d",
		q->facts.depth, MAX_DEPTH);
	return false;
}

/* Drivers quote as Trino reads it; where a backslash escapes, their text would say something else. */
static bool backslash_escapes(const struct tr_session *s)
{
	const char *text = qf_sql_unquote(qf_slice_str("'\\\\'"), s->facts.dialect, s->arena);

	return !text || strlen(text) != 2;
}

/* EXECUTE and EXECUTE IMMEDIATE become what they stand for. */
static bool expand(struct tr_query *q, struct qf_slice *sql)
{
	struct tr_refusal refusal;
	struct qf_buf out;
	bool ok;

	if (!tr_is_execute(*sql, q->session.facts.dialect))
		return true;
	if (memchr(sql->p, '\\', sql->n) && backslash_escapes(&q->session)) {
		tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "EXECUTE with a backslash means two things in the dialect %s",
			qf_dialect_name(q->session.facts.dialect));
		return false;
	}
	qf_buf_init(&out);
	ok = tr_execute(&q->session, *sql, &out, &refusal);
	if (ok)
		q->text = qf_slice_dup(qf_buf_slice(&out));
	else
		tr_query_fail(q, refusal.code, "%s", refusal.text);
	qf_buf_fini(&out);
	if (!ok || !check(q, text_of(q), sql))
		return false;
	if (tr_is_execute(*sql, q->session.facts.dialect) || q->facts.verb == QF_VERB_PREPARE ||
		q->facts.verb == QF_VERB_DEALLOCATE) {
		tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "Invalid statement type for prepared statement");
		return false;
	}
	return true;
}

/* ---- how it ended -------------------------------------------------------------------------------------------- */

static bool counts_rows(const struct qf_facts *f, const char *tag)
{
	switch (f->verb) {
	case QF_VERB_INSERT:
	case QF_VERB_UPDATE:
	case QF_VERB_DELETE:
	case QF_VERB_MERGE:
	case QF_VERB_COPY:
		return true;
	default:
		return f->verb == QF_VERB_CREATE && strncmp(tag, "SELECT", 6) == 0;
	}
}

/* ALTER TABLE has a name for each of its forms. */
static const char *alter_type(struct qf_slice sql, enum qf_dialect d)
{
	static const char *const forms[][3] = { { "rename", "to", "RENAME TABLE" }, { "rename", "column", "RENAME COLUMN" },
		{ "add", "column", "ADD COLUMN" }, { "drop", "column", "DROP COLUMN" }, { "set", "properties", "SET PROPERTIES" },
		{ "set", "authorization", "SET AUTHORIZATION" }, { "data", "type", "SET COLUMN TYPE" } };
	struct fe_words w = fe_words(sql, d);

	for (; !fe_words_end(&w); fe_words_next(&w)) {
		for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
			struct fe_words at = w;

			if (fe_words_take(&at, forms[i][0]) && fe_words_is(&at, forms[i][1]))
				return forms[i][2];
		}
	}
	return NULL;
}

/* PostgreSQL's tag without its counts is Trino's update type, but for these. */
static void update_type(const struct tr_query *q, struct qf_slice sql, const char *tag, char *to, size_t size)
{
	const char *altered = q->facts.verb == QF_VERB_ALTER ? alter_type(sql, q->session.facts.dialect) : NULL;
	size_t n;

	if (q->facts.verb == QF_VERB_CREATE && strncmp(tag, "SELECT", 6) == 0)
		tag = "CREATE TABLE";
	snprintf(to, size, "%s", altered ? altered : tag);
	to[strcspn(to, "0123456789")] = 0;
	for (n = strlen(to); n > 0 && to[n - 1] == ' '; n--)
		to[n - 1] = 0;
}

static void settle_ok(struct tr_query *q, const struct qf_query_end *end)
{
	struct qf_slice sql = QF_SLICE_NONE;
	char tag[64], type[64];

	if (end->has_rows) {
		tr_query_done(q, "");
		return;
	}
	if (!only_statement(q, text_of(q), &sql))
		return; /* it was one when it was started */
	qf_sql_tag(sql, &q->facts, end->rows, tag, sizeof(tag));
	update_type(q, sql, tag, type, sizeof(type));
	if (counts_rows(&q->facts, tag)) {
		q->has_count = true;
		q->count = end->rows;
		tr_result_count(&q->result, end->rows);
	}
	tr_query_done(q, type);
}

static void settle(struct tr_query *q, const struct qf_query_end *end)
{
	struct qf_slice sql = q->text ? QF_SLICE_NONE : text_of(q), statement;
	struct qf_sql_error e = end->error;

	if (tr_txn_settle(q, end))
		return;
	if (end->ok) {
		settle_ok(q, end);
	} else if (strcmp(e.sqlstate, "57014") == 0 && q->cancelled) {
		tr_query_fail(q, QF_TRINO_USER_CANCELED, "Query was canceled");
	} else if (strcmp(e.sqlstate, "57014") == 0 && strstr(e.message, "timeout")) { /* qf-dispatch's word for it */
		tr_query_fail(q, QF_TRINO_EXCEEDED_TIME_LIMIT, "%s", e.message);
	} else {
		if (q->text)
			e.position = 0; /* counted in another text */
		else if (e.position > 0 && only_statement(q, sql, &statement)) /* counted in the statement alone */
			e.position += fe_characters(qf_slice(sql.p, (size_t)(statement.p - sql.p)));
		tr_query_fail_sql(q, &e, sql);
	}
	tr_txn_left(q, end->ok);
}

/* ---- the hub's callbacks ------------------------------------------------------------------------------------ */

static void on_columns(struct qf_query *query, void *arg, enum qf_encoding enc, struct qf_slice ipc_schema)
{
	struct tr_query *q = arg;

	(void)query;
	(void)enc; /* Arrow: nothing else was asked for */
	if (q->facts.verb == QF_VERB_COMMIT || q->facts.verb == QF_VERB_ROLLBACK || q->state != TR_RUNNING)
		return;
	tr_result_columns(&q->result, ipc_schema);
	qf_task_add(q->listener->loop, &q->turn);
}

static void on_rows(struct qf_query *query, void *arg, struct qf_slice ipc_batch)
{
	struct tr_query *q = arg;

	(void)query;
	if (q->state != TR_RUNNING)
		return;
	tr_result_rows(&q->result, ipc_batch);
	qf_task_add(q->listener->loop, &q->turn);
}

static void on_notice(struct qf_query *query, void *arg, const char *severity, const char *sqlstate, const char *text,
		      struct qf_slice fields)
{
	(void)query;
	(void)fields;
	(void)sqlstate;
	tr_query_warn(arg, severity, "%s", text);
}

static void on_end(struct qf_query *query, void *arg, const struct qf_query_end *end)
{
	struct qf_query_end copy = *end;
	struct tr_query *q = arg;

	qf_query_free(query); /* before its pin may be */
	q->query = NULL;
	q->queue_ns = copy.queue_ns;
	if (q->state == TR_RUNNING) /* else its rows could not be told */
		settle(q, &copy);
	qf_task_add(q->listener->loop, &q->turn);
}

static void run(struct tr_query *q, struct qf_slice sql, struct qf_pin *pin, bool ends_transaction)
{
	struct qf_query_request req = {
		.session = &q->session.facts,
		.sql = sql,
		.facts = &q->facts,
		.pin = pin,
		.transaction = pin && !ends_transaction,
		.ends_transaction = ends_transaction,
		.deadline_ns = ends_transaction ? 0 : q->session.limit_ns,
		.id = q->id,
		.arg = q,
		.on_columns = on_columns,
		.on_rows = on_rows,
		.on_notice = on_notice,
		.on_end = on_end,
	};

	q->query = qf_query_start(q->listener->hub, &req);
}

void tr_query_end_transaction(struct tr_query *q, const char *sql, struct qf_pin *pin)
{
	run(q, qf_slice_str(sql), pin, true);
}

/* ---- start -------------------------------------------------------------------------------------------- */

/* What is set and means nothing here is said, so that nobody counts on it. */
static void warn_of_properties(struct tr_query *q)
{
	for (size_t i = 0; i < q->session.n_properties; i++)
		if (!tr_setting_find(q->session.properties[i].key))
			tr_query_warn(q, "SESSION_PROPERTY_IGNORED", "Session property '%.100s' has no effect here",
				q->session.properties[i].key);
}

void tr_query_start(struct tr_query *q)
{
	struct qf_slice sql;
	struct qf_pin *pin;

	q->state = TR_RUNNING;
	if (!check(q, text_of(q), &sql) || !expand(q, &sql))
		return;
	warn_of_properties(q);
	if (!tr_txn_control(q, sql) && !tr_local(q, sql) && tr_txn_enter(q, &pin))
		run(q, sql, pin, false);
}
