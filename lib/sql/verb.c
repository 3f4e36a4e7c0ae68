/* What kind of statement it is, and what follows from that alone. */
#include "facts.h"

struct verb {
	const char *name;
	enum qf_access access; /* of a statement that shows nothing else */
	bool rows;
};

static const struct verb verbs[QF_VERB_N] = {
	[QF_VERB_EMPTY] = { "empty", QF_ACCESS_READ, false },
	[QF_VERB_SELECT] = { "select", QF_ACCESS_READ, true },
	[QF_VERB_INSERT] = { "insert", QF_ACCESS_WRITE, false },
	[QF_VERB_UPDATE] = { "update", QF_ACCESS_WRITE, false },
	[QF_VERB_DELETE] = { "delete", QF_ACCESS_WRITE, false },
	[QF_VERB_MERGE] = { "merge", QF_ACCESS_WRITE, false },
	[QF_VERB_CREATE] = { "create", QF_ACCESS_WRITE, false },
	[QF_VERB_ALTER] = { "alter", QF_ACCESS_WRITE, false },
	[QF_VERB_DROP] = { "drop", QF_ACCESS_WRITE, false },
	[QF_VERB_TRUNCATE] = { "truncate", QF_ACCESS_WRITE, false },
	[QF_VERB_COPY] = { "copy", QF_ACCESS_READ, false },
	[QF_VERB_EXPLAIN] = { "explain", QF_ACCESS_READ, true },
	[QF_VERB_SHOW] = { "show", QF_ACCESS_READ, true },
	[QF_VERB_SET] = { "set", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_RESET] = { "reset", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_USE] = { "use", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_BEGIN] = { "begin", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_COMMIT] = { "commit", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_ROLLBACK] = { "rollback", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_SAVEPOINT] = { "savepoint", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_RELEASE] = { "release", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_ROLLBACK_TO] = { "rollback to", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_SET_TRANSACTION] = { "set transaction", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_PREPARE] = { "prepare", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_EXECUTE] = { "execute", QF_ACCESS_UNKNOWN, true },
	[QF_VERB_DEALLOCATE] = { "deallocate", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_DECLARE] = { "declare", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_FETCH] = { "fetch", QF_ACCESS_UNKNOWN, true },
	[QF_VERB_MOVE] = { "move", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_CLOSE] = { "close", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_DISCARD] = { "discard", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_LISTEN] = { "listen", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_LOCK] = { "lock", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_CALL] = { "call", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_GRANT] = { "grant", QF_ACCESS_WRITE, false },
	[QF_VERB_ATTACH] = { "attach", QF_ACCESS_UNKNOWN, false },
	[QF_VERB_OTHER] = { "other", QF_ACCESS_UNKNOWN, false },
};

static const uint8_t verb_of[] = {
	[KW_select] = QF_VERB_SELECT, [KW_values] = QF_VERB_SELECT, [KW_table] = QF_VERB_SELECT,
	[KW_from] = QF_VERB_SELECT, [KW_pivot] = QF_VERB_SELECT, [KW_pivot_wider] = QF_VERB_SELECT,
	[KW_pivot_longer] = QF_VERB_SELECT, [KW_unpivot] = QF_VERB_SELECT, [KW_with] = QF_VERB_SELECT,
	[KW_insert] = QF_VERB_INSERT, [KW_replace] = QF_VERB_INSERT, [KW_upsert] = QF_VERB_INSERT,
	[KW_update] = QF_VERB_UPDATE, [KW_delete] = QF_VERB_DELETE, [KW_merge] = QF_VERB_MERGE,
	[KW_create] = QF_VERB_CREATE, [KW_alter] = QF_VERB_ALTER, [KW_drop] = QF_VERB_DROP,
	[KW_truncate] = QF_VERB_TRUNCATE, [KW_copy] = QF_VERB_COPY, [KW_explain] = QF_VERB_EXPLAIN,
	[KW_show] = QF_VERB_SHOW, [KW_describe] = QF_VERB_SHOW, [KW_desc] = QF_VERB_SHOW,
	[KW_summarize] = QF_VERB_SHOW, [KW_set] = QF_VERB_SET, [KW_reset] = QF_VERB_RESET, [KW_use] = QF_VERB_USE,
	[KW_begin] = QF_VERB_BEGIN, [KW_commit] = QF_VERB_COMMIT, [KW_end] = QF_VERB_COMMIT,
	[KW_rollback] = QF_VERB_ROLLBACK, [KW_abort] = QF_VERB_ROLLBACK, [KW_savepoint] = QF_VERB_SAVEPOINT,
	[KW_release] = QF_VERB_RELEASE, [KW_prepare] = QF_VERB_PREPARE, [KW_execute] = QF_VERB_EXECUTE,
	[KW_deallocate] = QF_VERB_DEALLOCATE, [KW_declare] = QF_VERB_DECLARE, [KW_fetch] = QF_VERB_FETCH,
	[KW_move] = QF_VERB_MOVE, [KW_close] = QF_VERB_CLOSE, [KW_discard] = QF_VERB_DISCARD,
	[KW_listen] = QF_VERB_LISTEN, [KW_unlisten] = QF_VERB_LISTEN, [KW_notify] = QF_VERB_LISTEN,
	[KW_lock] = QF_VERB_LOCK, [KW_unlock] = QF_VERB_LOCK, [KW_call] = QF_VERB_CALL, [KW_do] = QF_VERB_CALL,
	[KW_exec] = QF_VERB_CALL, [KW_grant] = QF_VERB_GRANT, [KW_revoke] = QF_VERB_GRANT, [KW_deny] = QF_VERB_GRANT,
	[KW_attach] = QF_VERB_ATTACH, [KW_detach] = QF_VERB_ATTACH, [KW_install] = QF_VERB_ATTACH,
	[KW_load] = QF_VERB_ATTACH, [KW_pragma] = QF_VERB_ATTACH, [KW_checkpoint] = QF_VERB_ATTACH,
	[KW_vacuum] = QF_VERB_ATTACH, [KW_analyze] = QF_VERB_ATTACH, [KW_analyse] = QF_VERB_ATTACH,
	[KW_export] = QF_VERB_ATTACH, [KW_import] = QF_VERB_ATTACH,
};

const char *qf_verb_name(enum qf_verb v)
{
	return verbs[v].name;
}

/* QF_VERB_EMPTY stands for "not in the table": no word makes a statement empty. */
static enum qf_verb find_verb(enum qf_keyword kw)
{
	bool known = kw < sizeof(verb_of) / sizeof(verb_of[0]);
	enum qf_verb v = known ? (enum qf_verb)verb_of[kw] : QF_VERB_EMPTY;

	return v == QF_VERB_EMPTY ? QF_VERB_OTHER : v;
}

static void set_verb(struct qf_scan *s)
{
	enum qf_keyword kw = s->cur.kw;
	enum qf_verb v = find_verb(kw);

	s->phase = SCAN_BODY;
	s->verb_kw = kw;
	s->index = 0;
	s->base = s->level;
	if (s->f->verb == QF_VERB_EXPLAIN) {
		if (!s->muted)
			qf_scan_mark(s, verbs[v].access, s->cur.tok.text);
		return;
	}
	s->f->verb = v;
	s->f->returns_rows = verbs[v].rows || kw == KW_pragma || (kw == KW_call && s->d == QF_DIALECT_DUCKDB);
	qf_scan_mark(s, verbs[v].access, s->cur.tok.text);
	s->muted = v == QF_VERB_SHOW && kw != KW_summarize;
}

static bool is_data_verb(enum qf_keyword kw)
{
	enum qf_verb v = find_verb(kw);

	return v >= QF_VERB_SELECT && v <= QF_VERB_MERGE && kw != KW_with;
}

/* The verb behind common table expressions: not one of their names, nor an alias (ClickHouse: 1 AS x). */
static void with_word(struct qf_scan *s)
{
	enum qf_keyword before = s->prev.kw;

	if (s->level != s->base || !is_data_verb(s->cur.kw))
		return;
	if (before == KW_with || before == KW_recursive || before == KW_as || qf_scan_is_op(&s->prev.tok, ','))
		return;
	set_verb(s);
}

static bool is_no(const struct qf_token *t)
{
	return qf_slice_caseeq_str(t->text, "false") || qf_slice_caseeq_str(t->text, "off") ||
	       qf_slice_eq_str(t->text, "0");
}

static void explain_word(struct qf_scan *s)
{
	bool options = s->level > s->base, opened = qf_scan_is_op(&s->prev.tok, '(');

	if (s->cur.kw == KW_analyze || s->cur.kw == KW_analyse) {
		s->muted = is_no(&s->next);
	} else if (s->cur.kw == KW_with && (!options || opened)) {
		s->phase = SCAN_WITH;
		s->base = s->level;
		qf_scan_set_bit(s, &s->in_with, true);
	} else if (s->cur.flags & KW_STARTS && (!options || (opened && is_data_verb(s->cur.kw)))) {
		set_verb(s);
	}
}

void qf_scan_head(struct qf_scan *s)
{
	if (s->cur.tok.type != QF_TOK_WORD)
		return;
	if (s->f->word.n == 0)
		s->f->word = s->cur.tok.text;
	if (s->phase == SCAN_WITH) {
		with_word(s);
	} else if (s->phase == SCAN_EXPLAIN) {
		explain_word(s);
	} else if (s->cur.kw == KW_explain) {
		set_verb(s);
		s->phase = SCAN_EXPLAIN;
		s->muted = true;
	} else if (s->cur.kw == KW_with) {
		set_verb(s);
		s->phase = SCAN_WITH;
		qf_scan_set_bit(s, &s->in_with, true);
	} else {
		set_verb(s);
	}
}

/* COPY t FROM, COPY t TO STDOUT, COPY t TO 'file'. */
static void copy_word(struct qf_scan *s)
{
	if (s->cur.kw == KW_from && !s->copy_to)
		qf_scan_mark(s, QF_ACCESS_WRITE, s->cur.tok.text);
	if (s->cur.kw != KW_to || s->copy_to)
		return;
	s->copy_to = true;
	if (s->next.type != QF_TOK_WORD || !qf_slice_caseeq_str(s->next.text, "stdout"))
		qf_scan_mark(s, QF_ACCESS_WRITE, s->cur.tok.text);
}

static bool is_scope(struct qf_slice word)
{
	return qf_slice_caseeq_str(word, "session") || qf_slice_caseeq_str(word, "local") ||
	       qf_slice_caseeq_str(word, "global");
}

/* Later words of a statement that turn it into another one. */
static void second_word(struct qf_scan *s)
{
	struct qf_facts *f = s->f;
	enum qf_keyword kw = s->cur.kw;
	bool second = s->index == 1;

	if (s->verb_kw == KW_start && second)
		f->verb = kw == KW_transaction ? QF_VERB_BEGIN : QF_VERB_OTHER;
	else if (s->verb_kw == KW_execute && second && kw == KW_immediate)
		f->verb = QF_VERB_CALL;
	else if (s->verb_kw == KW_rollback && kw == KW_to)
		f->verb = QF_VERB_ROLLBACK_TO;
	else if (s->verb_kw == KW_set && kw == KW_transaction && (second || is_scope(s->prev.tok.text)))
		f->verb = QF_VERB_SET_TRANSACTION;
	else if (s->verb_kw == KW_set && kw == KW_characteristics && s->index == 2)
		f->verb = QF_VERB_SET_TRANSACTION;
}

static bool spark_family(enum qf_dialect d)
{
	return d == QF_DIALECT_SPARK || d == QF_DIALECT_DATABRICKS || d == QF_DIALECT_HIVE;
}

void qf_scan_body(struct qf_scan *s)
{
	struct qf_facts *f = s->f;
	bool word = s->cur.tok.type == QF_TOK_WORD;

	if (s->level != s->base)
		return;
	if (s->verb_kw == KW_pragma && qf_scan_is_op(&s->cur.tok, '='))
		f->returns_rows = false;
	if (!word || f->verb == QF_VERB_EXPLAIN)
		return;
	if (s->index <= 2)
		second_word(s);
	if (f->verb == QF_VERB_COPY)
		copy_word(s);
	if (s->cur.kw == KW_returning && f->verb >= QF_VERB_INSERT && f->verb <= QF_VERB_MERGE)
		f->returns_rows = true;
	/* FROM t INSERT INTO a SELECT … INSERT INTO b SELECT … */
	if (s->cur.kw == KW_insert && s->verb_kw == KW_from && spark_family(s->d)) {
		f->verb = QF_VERB_INSERT;
		f->returns_rows = false;
		qf_scan_mark(s, QF_ACCESS_WRITE, s->cur.tok.text);
	}
}
