/* Command tags as PostgreSQL 15 gives them [src/include/tcop/cmdtaglist.h, PG 55.7 CommandComplete]. */
#include "qf/str.h"
#include "words.h"

struct tag {
	char *buf;
	size_t size, n;
};

static void add(struct tag *t, const char *text)
{
	if (t->n > 0 && t->n < t->size - 1)
		t->buf[t->n++] = ' ';
	while (*text && t->n < t->size - 1)
		t->buf[t->n++] = *text++;
	t->buf[t->n] = 0;
}

static void add_count(struct tag *t, const char *text, uint64_t rows)
{
	char number[21];

	qf_decimal(number, rows);
	add(t, text);
	add(t, number);
}

static void add_word(struct tag *t, struct qf_slice word)
{
	char upper[48];
	size_t n = 0;

	for (; n < word.n && n < sizeof(upper) - 1; n++)
		upper[n] = (char)(word.p[n] >= 'a' && word.p[n] <= 'z' ? word.p[n] - 32 : word.p[n]);
	upper[n] = 0;
	add(t, upper);
}

static bool take_any(struct qf_words *w, const char *const *words)
{
	for (; *words; words++)
		if (qf_words_take(w, *words))
			return true;
	return false;
}

/* The words of the kind of object behind CREATE, ALTER or DROP; their tag names it in full. */
static void add_object(struct tag *t, struct qf_words *w)
{
	/* kind, and how many of the words after it belong to its name. */
	static const struct {
		const char *first, *second;
		unsigned words;
	} longer[] = {
		{ "access", "method", 2 }, { "default", "privileges", 2 }, { "event", "trigger", 2 },
		{ "foreign", "data", 3 }, { "foreign", "table", 2 }, { "large", "object", 2 },
		{ "materialized", "view", 2 }, { "operator", "class", 2 }, { "operator", "family", 2 },
		{ "text", "search", 3 }, { "user", "mapping", 2 },
	};
	struct qf_words after = *w;
	unsigned words = 1;

	qf_words_next(&after);
	for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
		if (qf_words_at(w, longer[i].first) && qf_words_at(&after, longer[i].second))
			words = longer[i].words;
	if (words == 1 && (qf_words_at(w, "user") || qf_words_at(w, "group"))) {
		add(t, "ROLE");
		qf_words_next(w);
		return;
	}
	for (; words > 0 && w->t.type == QF_TOK_WORD; words--, qf_words_next(w))
		add_word(t, w->t.text);
}

enum fill { FILL_NONE, FILL_ROWS, FILL_NO_DATA };

/* CREATE TABLE … AS and CREATE MATERIALIZED VIEW … AS count rows, unless WITH NO DATA. */
static enum fill find_fill(struct qf_words w)
{
	bool as = false, no = false;
	unsigned depth = 0;

	for (; w.t.type != QF_TOK_END; qf_words_next(&w)) {
		if (w.t.type == QF_TOK_OP && qf_slice_eq_str(w.t.text, "("))
			depth++;
		else if (w.t.type == QF_TOK_OP && qf_slice_eq_str(w.t.text, ")") && depth > 0)
			depth--;
		if (depth > 0)
			continue;
		as = as || qf_words_at(&w, "as");
		if (as && no && qf_words_at(&w, "data"))
			return FILL_NO_DATA;
		no = qf_words_at(&w, "no");
	}
	return as ? FILL_ROWS : FILL_NONE;
}

static void tag_create(struct tag *t, struct qf_words w, uint64_t rows)
{
	static const char *const modifiers[] = { "temp", "temporary", "local", "global", "unlogged", "unique",
		"recursive", "trusted", "procedural", "persistent", "external", NULL };
	enum fill fill = FILL_NONE;
	struct qf_words after;
	bool table;

	if (qf_words_take(&w, "or"))
		(void)qf_words_take(&w, "replace");
	while (take_any(&w, modifiers))
		;
	after = w;
	qf_words_next(&after);
	if ((qf_words_at(&w, "constraint") && qf_words_at(&after, "trigger")) ||
		(qf_words_at(&w, "default") && qf_words_at(&after, "conversion")))
		w = after;
	table = qf_words_at(&w, "table");
	if (table || qf_words_at(&w, "materialized"))
		fill = find_fill(w);
	if (fill == FILL_ROWS) {
		add_count(t, "SELECT", rows);
		return;
	}
	add(t, "CREATE");
	add_object(t, &w);
	if (fill == FILL_NO_DATA && table)
		add(t, "AS");
}

static void tag_other_object(struct tag *t, const char *verb, struct qf_words w)
{
	add(t, verb);
	(void)qf_words_take(&w, "procedural");
	add_object(t, &w);
}

/* GRANT … ON … TO is about objects, GRANT role TO about roles. */
static void tag_grant(struct tag *t, struct qf_words w, struct qf_slice first)
{
	bool grant = qf_slice_caseeq_str(first, "grant");
	bool object = false;

	for (; w.t.type != QF_TOK_END && !qf_words_at(&w, grant ? "to" : "from"); qf_words_next(&w))
		object = object || qf_words_at(&w, "on");
	add_word(t, first);
	if (!object)
		add(t, "ROLE");
}

/* The word and one of those that may stand behind it and belong to the tag. */
static void tag_second(struct tag *t, const char *tag, struct qf_words w, const char *second)
{
	add(t, tag);
	if (qf_words_at(&w, second))
		add_word(t, w.t.text);
}

static void tag_discard(struct tag *t, struct qf_words w)
{
	add(t, "DISCARD");
	if (qf_words_at(&w, "temporary"))
		add(t, "TEMP");
	else
		add_word(t, w.t.text);
}

/* REFRESH MATERIALIZED VIEW, SECURITY LABEL, …: how many words a tag has that is not the verb alone. */
static void tag_words(struct tag *t, struct qf_words w)
{
	static const struct {
		const char *first;
		unsigned words;
	} longer[] = { { "refresh", 3 }, { "security", 2 }, { "reassign", 2 }, { "import", 3 } };
	unsigned words = 1;

	for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
		if (qf_words_at(&w, longer[i].first))
			words = longer[i].words;
	if (qf_words_take(&w, "analyse")) {
		add(t, "ANALYZE");
		return;
	}
	for (; words > 0 && w.t.type == QF_TOK_WORD; words--, qf_words_next(&w))
		add_word(t, w.t.text);
}

/* Statements whose tag depends on no more than their verb. */
static const char *plain_tag(enum qf_verb v)
{
	switch (v) {
	case QF_VERB_TRUNCATE:
		return "TRUNCATE TABLE";
	case QF_VERB_EXPLAIN:
		return "EXPLAIN";
	case QF_VERB_SET_TRANSACTION:
		return "SET";
	case QF_VERB_RESET:
		return "RESET";
	case QF_VERB_USE:
		return "USE";
	case QF_VERB_SAVEPOINT:
		return "SAVEPOINT";
	case QF_VERB_RELEASE:
		return "RELEASE";
	case QF_VERB_ROLLBACK_TO:
		return "ROLLBACK";
	case QF_VERB_DECLARE:
		return "DECLARE CURSOR";
	case QF_VERB_LOCK:
		return "LOCK TABLE";
	default:
		return NULL;
	}
}

static const char *counted_tag(enum qf_verb v)
{
	switch (v) {
	case QF_VERB_SELECT:
	case QF_VERB_EXECUTE:
		return "SELECT";
	case QF_VERB_INSERT:
		return "INSERT 0";
	case QF_VERB_UPDATE:
		return "UPDATE";
	case QF_VERB_DELETE:
		return "DELETE";
	case QF_VERB_MERGE:
		return "MERGE";
	case QF_VERB_COPY:
		return "COPY";
	case QF_VERB_FETCH:
		return "FETCH";
	case QF_VERB_MOVE:
		return "MOVE";
	default:
		return NULL;
	}
}

/* w stands behind the first word, all at it. */
static void tag_by_words(struct tag *t, const struct qf_facts *f, struct qf_words all, struct qf_words w, uint64_t rows)
{
	switch (f->verb) {
	case QF_VERB_CREATE:
		tag_create(t, w, rows);
		return;
	case QF_VERB_ALTER:
		tag_other_object(t, "ALTER", w);
		return;
	case QF_VERB_DROP:
		tag_other_object(t, "DROP", w);
		return;
	case QF_VERB_GRANT:
		tag_grant(t, w, f->word);
		return;
	case QF_VERB_SET:
		tag_second(t, "SET", w, "constraints");
		return;
	case QF_VERB_BEGIN:
		add(t, qf_slice_caseeq_str(f->word, "start") ? "START TRANSACTION" : "BEGIN");
		return;
	case QF_VERB_COMMIT:
		tag_second(t, "COMMIT", w, "prepared");
		return;
	case QF_VERB_ROLLBACK:
		tag_second(t, "ROLLBACK", w, "prepared");
		return;
	case QF_VERB_PREPARE:
		tag_second(t, "PREPARE", w, "transaction");
		return;
	case QF_VERB_DEALLOCATE:
		(void)qf_words_take(&w, "prepare");
		tag_second(t, "DEALLOCATE", w, "all");
		return;
	case QF_VERB_CLOSE:
		tag_second(t, "CLOSE CURSOR", w, "all");
		return;
	case QF_VERB_DISCARD:
		tag_discard(t, w);
		return;
	default:
		tag_words(t, all);
	}
}

void qf_sql_tag(struct qf_slice stmt, const struct qf_facts *f, uint64_t rows, char *buf, size_t size)
{
	struct qf_words all = qf_words(stmt, QF_DIALECT_POSTGRES), w;
	struct tag t = { .buf = buf, .size = size };
	const char *plain = plain_tag(f->verb), *counted = counted_tag(f->verb);
	/* What only other engines have, but answers rows, looks like a query to a PostgreSQL client. */
	bool query = f->returns_rows && ((f->verb == QF_VERB_SHOW && !qf_slice_caseeq_str(f->word, "show")) ||
						f->verb == QF_VERB_ATTACH || f->verb == QF_VERB_OTHER);

	if (size == 0)
		return;
	buf[0] = 0;
	if (f->verb == QF_VERB_EMPTY)
		return;
	w = all;
	qf_words_next(&w);
	if (counted || query)
		add_count(&t, counted ? counted : "SELECT", rows);
	else if (plain)
		add(&t, plain);
	else
		tag_by_words(&t, f, all, w, rows);
	if (t.n == 0)
		add_word(&t, f->word);
}
