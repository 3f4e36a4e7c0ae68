/*
 * SQL text in every dialect: the first byte chooses it. Tokens lie in order and leave out only white space,
 * statements only white space and ';', a stream is cut where the whole text is, and nothing else fails.
 */
#include <string.h>

#include "qf/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* White space of any dialect: DuckDB's wide spaces begin with one of these bytes. */
static void check_gap(const uint8_t *p, size_t n, bool semicolon)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == ';' && semicolon)
			semicolon = false;
		else
			qf_assert((p[i] >= '\t' && p[i] <= '\r') || p[i] == ' ' || p[i] >= 0x80);
	}
}

static void check_tokens(struct qf_slice text, enum qf_dialect d, struct qf_arena *a)
{
	struct qf_lexer lx = qf_lexer(text, d);
	size_t at = 0;

	for (;;) {
		struct qf_token t = qf_lex(&lx);
		if (t.type == QF_TOK_END)
			break;
		size_t start = (size_t)(t.text.p - text.p);
		qf_assert(start >= at && t.text.n > 0 && t.text.n <= text.n - start);
		check_gap(text.p + at, start - at, false);
		at = start + t.text.n;
		qf_assert(t.type != QF_TOK_BAD || at == text.n);
		char *plain = qf_sql_unquote(t.text, d, a);
		qf_assert(!plain || (t.type == QF_TOK_QUOTED || t.type == QF_TOK_STRING));
		qf_assert(!plain || strlen(plain) <= t.text.n);
	}
	check_gap(text.p + at, text.n - at, false);
}

static void check_statements(struct qf_slice text, enum qf_dialect d)
{
	struct qf_splitter sp = qf_splitter(text, d);
	struct qf_statement st;
	unsigned line = 1;
	size_t at = 0;

	while (qf_split_next(&sp, &st)) {
		qf_assert(st.offset >= at && st.text.p == text.p + st.offset && st.text.n <= text.n - st.offset);
		check_gap(text.p + at, st.offset - at, true);
		qf_assert(st.line >= line && st.comment.n <= st.text.n);
		qf_assert(st.empty == (st.comment.n == st.text.n));
		at = st.offset + st.text.n;
		line = st.line;
	}
	check_gap(text.p + at, text.n - at, true);
}

/* Fed in pieces of step bytes, each statement ends where it ends in the whole text. */
static void check_stream(struct qf_slice text, enum qf_dialect d, size_t step)
{
	struct qf_split_feed f = qf_split_feed(d);
	struct qf_splitter sp = qf_splitter(text, d);
	struct qf_statement st;
	size_t from = 0, have = 0, used;

	while (have < text.n) {
		have = text.n - have < step ? text.n : have + step;
		while (qf_split_feed_ready(&f, qf_slice(text.p + from, have - from), &used)) {
			qf_assert(used > 0 && used <= have - from && text.p[from + used - 1] == ';');
			from += used;
			qf_assert(qf_split_next(&sp, &st) && st.terminated && sp.lx.at == from);
		}
	}
	qf_assert(!qf_split_next(&sp, &st) || !st.terminated);
}

static void check_facts(struct qf_slice text, enum qf_dialect d, struct qf_arena *a)
{
	struct qf_facts f, again;
	struct qf_setting_stmt s;
	struct qf_err err;
	char tag[64], cut[5];

	qf_sql_facts(text, d, &f);
	qf_assert(f.verb < QF_VERB_N && f.access <= QF_ACCESS_UNKNOWN && qf_verb_name(f.verb));
	qf_assert(f.depth <= text.n && f.params <= text.n);
	qf_assert(!f.bad || f.access != QF_ACCESS_READ);
	qf_assert(f.word.n == 0 || (f.word.p >= text.p && f.word.p + f.word.n <= text.p + text.n));
	qf_assert(f.culprit.n == 0 || (f.culprit.p >= text.p && f.culprit.p + f.culprit.n <= text.p + text.n));
	qf_assert((f.culprit.n == 0) == (f.access == QF_ACCESS_READ));
	qf_sql_facts(text, d, &again);
	qf_assert(f.fingerprint == again.fingerprint);
	qf_sql_tag(text, &f, 7, tag, sizeof(tag));
	qf_assert(memchr(tag, 0, sizeof(tag)) && (*tag || f.verb == QF_VERB_EMPTY || f.word.n == 0));
	qf_sql_tag(text, &f, 7, cut, sizeof(cut));
	qf_assert(strncmp(tag, cut, sizeof(cut) - 1) == 0);
	if (qf_sql_setting(text, d, a, &s, &err) == 0)
		qf_assert(s.all || (s.name && *s.name != ' '));
}

/* Each name once, in lower case, nothing that an engine may take for a file. */
static void check_tables(struct qf_slice text, enum qf_dialect d, struct qf_arena *a)
{
	struct qf_table_name names[16];
	size_t n = qf_sql_tables(text, d, a, names, 16);

	qf_assert(n <= 16);
	for (size_t i = 0; i < n; i++) {
		qf_assert(names[i].n >= 1 && names[i].n <= 3);
		for (unsigned k = 0; k < names[i].n; k++)
			qf_assert(*names[i].part[k] && !strpbrk(names[i].part[k], "./ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qf_arena *a;
	struct qf_slice text;
	enum qf_dialect d;

	if (size < 1)
		return 0;
	d = (enum qf_dialect)(data[0] % QF_DIALECT_N);
	text = qf_slice(data + 1, size - 1);
	a = qf_arena_new(1 << 20);
	check_tokens(text, d, a);
	check_statements(text, d);
	check_stream(text, d, 1);
	check_stream(text, d, 3 + size % 7);
	check_facts(text, d, a);
	check_tables(text, d, a);
	qf_arena_free(a);
	return 0;
}
