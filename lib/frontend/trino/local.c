/* Statements about the session alone. What they change, the client keeps: it learns it from headers. See query.h. */
#include <string.h>

#include "../words.h"
#include "execute.h"
#include "query.h"

enum { MAX_HEADER = 60 * 1024 }; /* the Python client reads lines of 64 KiB */

static void fail_syntax(struct tr_query *q, const struct fe_words *w)
{
	struct qf_sql_error e;

	fe_words_syntax_error(w, &e);
	if (q->text)
		e.position = 0;
	tr_query_fail_sql(q, &e, w->stmt);
}

/* The name at the cursor, in lower case unless it is quoted. NULL: the statement has failed. */
static const char *take_name(struct tr_query *q, struct fe_words *w)
{
	const char *name = tr_name(&q->session, w->tok);

	if (!name)
		fail_syntax(q, w);
	else
		fe_words_next(w);
	return name;
}

static bool at_end(struct tr_query *q, const struct fe_words *w)
{
	if (fe_words_end(w))
		return true;
	fail_syntax(q, w);
	return false;
}

/* Catalog and schema travel as they are. */
static bool fits_header(struct tr_query *q, const char *value)
{
	size_t n = strlen(value);

	for (size_t i = 0; i < n; i++)
		if (value[i] < ' ' || value[i] > '~')
			n = 0;
	if (n > 0 && n < MAX_HEADER)
		return true;
	tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "the name \"%.100s\" cannot be sent in a header", value);
	return false;
}

/* "name=value", the value encoded. */
static void property_header(struct tr_query *q, const char *header, const char *name, const char *value)
{
	struct qf_buf b;

	qf_buf_init(&b);
	qf_buf_add_str(&b, name);
	qf_buf_add_str(&b, "=");
	qf_trino_encode(qf_slice_str(value), &b);
	tr_query_header(q, header, qf_buf_slice(&b));
	qf_buf_fini(&b);
}

/* ---- USE ---- */

static void use(struct tr_query *q, struct fe_words *w)
{
	const char *first = take_name(q, w), *second = NULL;

	if (!first)
		return;
	if (fe_words_take(w, ".")) {
		second = take_name(q, w);
		if (!second)
			return;
	}
	if (!at_end(q, w) || !fits_header(q, first) || (second && !fits_header(q, second)))
		return;
	if (!second && !q->session.facts.database) {
		tr_query_fail(q, QF_TRINO_MISSING_CATALOG_NAME,
			"Catalog must be specified when session catalog is not set");
		return;
	}
	if (second)
		tr_query_header(q, "X-Trino-Set-Catalog", qf_slice_str(first));
	tr_query_header(q, "X-Trino-Set-Schema", qf_slice_str(second ? second : first));
	tr_query_done(q, "USE");
}

/* ---- SET, RESET ---- */

static void unknown_property(struct tr_query *q, const char *name)
{
	struct qf_buf known;

	qf_buf_init(&known);
	for (const struct tr_setting *st = tr_settings; st->name; st++)
		qf_buf_printf(&known, "%s%s", known.n ? ", " : "", st->name);
	tr_query_fail(q, QF_TRINO_INVALID_SESSION_PROPERTY, "Session property '%.100s' does not exist (there are: %s)", name,
		qf_buf_cstr(&known));
	qf_buf_fini(&known);
}

/* name[.name] of a property that exists. NULL: the statement has failed. */
static const struct tr_setting *take_property(struct tr_query *q, struct fe_words *w)
{
	const char *name = take_name(q, w), *second;
	const struct tr_setting *st;

	if (!name)
		return NULL;
	if (fe_words_take(w, ".")) {
		second = take_name(q, w);
		if (!second)
			return NULL;
		name = qf_arena_printf(q->session.arena, "%s.%s", name, second);
	}
	st = tr_setting_find(name);
	if (!st)
		unknown_property(q, name);
	return st;
}

/* A text, a number or a word. NULL: the statement has failed. */
static const char *take_value(struct tr_query *q, struct fe_words *w)
{
	const char *value = NULL;

	if (w->tok.type == QF_TOK_STRING)
		value = qf_sql_unquote(w->tok.text, q->session.facts.dialect, q->session.arena);
	else if (w->tok.type == QF_TOK_NUMBER || w->tok.type == QF_TOK_WORD)
		value = qf_arena_strndup(q->session.arena, w->tok.text.p, w->tok.text.n);
	if (!value)
		fail_syntax(q, w);
	else
		fe_words_next(w);
	return value;
}

static void set_to(struct tr_query *q, const struct tr_setting *st, const char *value, const char *type)
{
	struct qf_err err;

	if (strlen(value) > MAX_HEADER / 3)
		tr_query_fail(q, QF_TRINO_INVALID_SESSION_PROPERTY, "%s: the value is too long", st->name);
	else if (st->check && st->check(value, &err) < 0)
		tr_query_fail(q, QF_TRINO_INVALID_SESSION_PROPERTY, "%s is invalid: %s", st->name, err.text);
	else {
		property_header(q, "X-Trino-Set-Session", st->name, value);
		tr_query_done(q, type);
	}
}

static void set_session(struct tr_query *q, struct fe_words *w)
{
	const struct tr_setting *st = take_property(q, w);
	const char *value;

	if (!st)
		return;
	if (!fe_words_take(w, "=")) {
		fail_syntax(q, w);
		return;
	}
	value = take_value(q, w);
	if (value && at_end(q, w))
		set_to(q, st, value, "SET SESSION");
}

/* INTERVAL [-] 'h' HOUR, INTERVAL [-] 'h:m' HOUR TO MINUTE → "+02:00". NULL: the statement has failed. */
static const char *take_offset(struct tr_query *q, struct fe_words *w)
{
	bool negative = fe_words_take(w, "-");
	const char *value;

	if (!negative)
		fe_words_take(w, "+");
	value = w->tok.type == QF_TOK_STRING ? take_value(q, w) : NULL;
	if (!value || !fe_words_take(w, "hour") || (fe_words_take(w, "to") && !fe_words_take(w, "minute"))) {
		fail_syntax(q, w);
		return NULL;
	}
	if (*value == '-' || *value == '+')
		negative ^= *value++ == '-';
	return qf_arena_printf(q->session.arena, "%c%s%s", negative ? '-' : '+',
		strcspn(value, ":") == 1 ? "0" : "", value);
}

static void set_time_zone(struct tr_query *q, struct fe_words *w)
{
	const struct tr_setting *st = tr_setting_find("time_zone_id");
	const char *value;

	if (fe_words_take(w, "local")) {
		if (!at_end(q, w))
			return;
		tr_query_header(q, "X-Trino-Clear-Session", qf_slice_str(st->name));
		tr_query_done(q, "SET TIME ZONE");
		return;
	}
	if (fe_words_take(w, "interval"))
		value = take_offset(q, w);
	else
		value = take_value(q, w);
	if (value && at_end(q, w))
		set_to(q, st, value, "SET TIME ZONE");
}

static void set_path(struct tr_query *q, struct fe_words *w)
{
	struct qf_slice path = qf_slice(w->tok.text.p, (size_t)(w->stmt.p + w->stmt.n - w->tok.text.p));
	const char *value = qf_arena_strndup(q->session.arena, path.p, path.n);

	for (const char *name = "."; name; name = fe_words_take(w, ",") || fe_words_take(w, ".") ? "," : NULL)
		if (!take_name(q, w))
			return;
	if (!at_end(q, w) || !fits_header(q, value))
		return;
	tr_query_header(q, "X-Trino-Set-Path", qf_slice_str(value));
	tr_query_warn(q, "PATH_IGNORED", "The path has no effect here");
	tr_query_done(q, "SET PATH");
}

static void refuse_set(struct tr_query *q, const struct fe_words *w)
{
	tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "SET %.*s is not supported: SET SESSION, SET TIME ZONE and SET PATH are",
		(int)(w->tok.text.n > 60 ? 60 : w->tok.text.n), (const char *)w->tok.text.p);
}

/* SET queryflux.dialect is how other protocols say it, and how hints do. */
static bool set(struct tr_query *q, struct fe_words *w)
{
	struct fe_words at = *w;

	if (fe_words_take(w, "session") && fe_words_is(w, "authorization"))
		refuse_set(q, w);
	else if (fe_words_is(&at, "session") || fe_words_is(&at, "queryflux"))
		set_session(q, w);
	else if (fe_words_take(w, "path"))
		set_path(q, w);
	else if (fe_words_take(w, "time") && fe_words_take(w, "zone"))
		set_time_zone(q, w);
	else
		refuse_set(q, &at);
	return true;
}

static bool reset(struct tr_query *q, struct fe_words *w)
{
	const struct tr_setting *st;

	if (!fe_words_take(w, "session")) {
		fail_syntax(q, w);
		return true;
	}
	st = take_property(q, w);
	if (!st || !at_end(q, w))
		return true;
	tr_query_header(q, "X-Trino-Clear-Session", qf_slice_str(st->name));
	tr_query_done(q, "RESET SESSION");
	return true;
}

/* ---- SHOW SESSION ---- */

/* LIKE with % and _, ASCII. */
static bool like(const char *s, const char *pattern)
{
	const char *star = NULL, *from = NULL;

	while (*s) {
		if (*pattern == '%') {
			star = pattern++;
			from = s;
		} else if (*pattern == '_' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '%')
		pattern++;
	return !*pattern;
}

static bool show(struct tr_query *q, struct fe_words *w)
{
	static const char *const columns[] = { "Name", "Value", "Default", "Type", "Description" };
	const char *pattern = "%";

	if (!fe_words_take(w, "session"))
		return false;
	if (fe_words_take(w, "like"))
		pattern = take_value(q, w);
	if (!pattern || !at_end(q, w))
		return true;
	tr_result_text_columns(&q->result, columns, 5);
	for (const struct tr_setting *st = tr_settings; st->name; st++) {
		const char *value = tr_session_property(&q->session, st->name);
		const char *row[] = { st->name, value ? value : st->dflt, st->dflt, st->type, st->help };

		if (like(st->name, pattern))
			tr_result_text_row(&q->result, row, 5);
	}
	tr_query_done(q, "");
	return true;
}

/* ---- PREPARE, DEALLOCATE ---- */

/* A name goes into a header as name=text, both encoded. */
static bool prepare(struct tr_query *q, struct fe_words *w)
{
	const char *name = take_name(q, w);
	struct qf_slice text;
	struct qf_facts inner;
	struct qf_buf b;

	if (!name)
		return true;
	if (!fe_words_is(w, "from")) {
		fail_syntax(q, w);
		return true;
	}
	fe_words_next(w);
	if (fe_words_end(w)) {
		fail_syntax(q, w);
		return true;
	}
	text = qf_slice(w->tok.text.p, (size_t)(w->stmt.p + w->stmt.n - w->tok.text.p));
	qf_sql_facts(text, q->session.facts.dialect, &inner);
	if (inner.verb == QF_VERB_PREPARE || inner.verb == QF_VERB_DEALLOCATE ||
		tr_is_execute(text, q->session.facts.dialect)) {
		tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "Invalid statement type for prepared statement");
		return true;
	}
	qf_buf_init(&b);
	qf_trino_encode(qf_slice_str(name), &b);
	qf_buf_add_str(&b, "=");
	qf_trino_encode(text, &b);
	if (b.n > MAX_HEADER) {
		tr_query_fail(q, QF_TRINO_QUERY_TEXT_TOO_LARGE,
			"The statement has %zu bytes as a header, and clients keep %d; send it with EXECUTE IMMEDIATE", b.n,
			MAX_HEADER);
	} else {
		tr_query_header(q, "X-Trino-Added-Prepare", qf_buf_slice(&b));
		tr_query_done(q, "PREPARE");
	}
	qf_buf_fini(&b);
	return true;
}

static bool is_prepared(const struct tr_session *s, const char *name)
{
	for (size_t i = 0; i < s->n_prepared; i++)
		if (strcmp(s->prepared[i].key, name) == 0)
			return true;
	return false;
}

static bool deallocate(struct tr_query *q, struct fe_words *w)
{
	const char *name;
	struct qf_buf b;

	fe_words_take(w, "prepare");
	name = take_name(q, w);
	if (!name || !at_end(q, w))
		return true;
	if (!is_prepared(&q->session, name)) {
		tr_query_fail(q, QF_TRINO_NOT_FOUND, "Prepared statement not found: %.200s", name);
		return true;
	}
	qf_buf_init(&b);
	qf_trino_encode(qf_slice_str(name), &b);
	tr_query_header(q, "X-Trino-Deallocated-Prepare", qf_buf_slice(&b));
	qf_buf_fini(&b);
	tr_query_done(q, "DEALLOCATE");
	return true;
}

/* ---- which ---- */

static bool refuse(struct tr_query *q, struct fe_words *w)
{
	(void)w;
	tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "%.*s is not supported for Trino clients", (int)q->facts.word.n,
		(const char *)q->facts.word.p);
	return true;
}

static bool use_statement(struct tr_query *q, struct fe_words *w)
{
	use(q, w);
	return true;
}

static bool describe(struct tr_query *q, struct fe_words *w)
{
	struct fe_words at = *w;

	if (!fe_words_take(&at, "input") && !fe_words_take(&at, "output"))
		return show(q, w);
	if (fe_words_end(&at))
		return false; /* a table of that name */
	tr_query_fail(q, QF_TRINO_NOT_SUPPORTED, "DESCRIBE INPUT and DESCRIBE OUTPUT are not supported");
	return true;
}

static bool (*const answers[QF_VERB_N])(struct tr_query *q, struct fe_words *w) = {
	[QF_VERB_USE] = use_statement,
	[QF_VERB_SET] = set,
	[QF_VERB_SET_TRANSACTION] = refuse,
	[QF_VERB_RESET] = reset,
	[QF_VERB_SHOW] = describe,
	[QF_VERB_PREPARE] = prepare,
	[QF_VERB_DEALLOCATE] = deallocate,
	[QF_VERB_SAVEPOINT] = refuse,
	[QF_VERB_RELEASE] = refuse,
	[QF_VERB_ROLLBACK_TO] = refuse,
	[QF_VERB_DECLARE] = refuse,
	[QF_VERB_FETCH] = refuse,
	[QF_VERB_MOVE] = refuse,
	[QF_VERB_CLOSE] = refuse,
	[QF_VERB_DISCARD] = refuse,
	[QF_VERB_LISTEN] = refuse,
};

bool tr_local(struct tr_query *q, struct qf_slice sql)
{
	bool (*answer)(struct tr_query *q, struct fe_words *w) = answers[q->facts.verb];
	struct fe_words w = fe_words(sql, q->session.facts.dialect);

	fe_words_next(&w); /* over the verb */
	return answer && answer(q, &w);
}
