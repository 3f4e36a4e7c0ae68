/*
 * The names that may be tables: those that stand where FROM, JOIN, INTO, UPDATE, TABLE or USING begin a list, and
 * behind the commas of such a list. Parentheses are levels of their own, so that a list of columns is none of them.
 */
#include <string.h>

#include "qf/sql.h"
#include "words.h"

enum { MAX_LEVELS = 64 };

struct finder {
	struct qf_words w;
	enum qf_dialect d;
	struct qf_arena *a;
	struct qf_table_name *out;
	size_t n, max;
	bool list[MAX_LEVELS]; /* a ',' goes on with tables here */
	size_t level;
	bool expect; /* the next name may be a table */
};

static bool is_one_of(struct qf_slice word, const char *const *words)
{
	for (; *words; words++)
		if (qf_slice_caseeq_str(word, *words))
			return true;
	return false;
}

static bool opens(struct qf_slice word)
{
	static const char *const words[] = { "from", "join", "into", "update", "table", "using", NULL };

	return is_one_of(word, words);
}

static bool closes(struct qf_slice word)
{
	static const char *const words[] = { "select",	  "where", "group",  "having", "order",	    "limit", "window", "qualify", "union", "except",
					     "intersect", "set",   "values", "offset", "returning", "with",  NULL };

	return is_one_of(word, words);
}

/* Between the keyword and the name. */
static bool passes(struct qf_slice word)
{
	static const char *const words[] = { "only", "lateral", "if", "not", "exists", NULL };

	return is_one_of(word, words);
}

static bool *list(struct finder *f)
{
	return &f->list[f->level < MAX_LEVELS ? f->level : MAX_LEVELS - 1];
}

/* The name of the next token, and steps over it; NULL when it is none, or one that no lookup can be trusted with. */
static char *part(struct finder *f)
{
	struct qf_token t = f->w.t;
	char *name = NULL;

	if (t.type == QF_TOK_WORD)
		name = qf_arena_strndup(f->a, t.text.p, t.text.n);
	else if (t.type == QF_TOK_QUOTED)
		name = qf_sql_unquote(t.text, f->d, f->a);
	qf_words_next(&f->w);
	if (!name || !*name || strpbrk(name, "./"))
		return NULL;
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	return name;
}

static bool same(const struct qf_table_name *a, const struct qf_table_name *b)
{
	for (unsigned i = 0; i < 3; i++)
		if (i < a->n && i < b->n && strcmp(a->part[i], b->part[i]) != 0)
			return false;
	return a->n == b->n;
}

static void add(struct finder *f, const struct qf_table_name *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (same(&f->out[i], name))
			return;
	if (f->n < f->max)
		f->out[f->n++] = *name;
}

/* a, a.b or a.b.c */
static void read_name(struct finder *f)
{
	struct qf_table_name name = { .part[0] = part(f), .n = 1 };
	bool good = name.part[0];

	while (f->w.t.type == QF_TOK_OP && qf_slice_eq_str(f->w.t.text, ".")) {
		qf_words_next(&f->w);
		char *p = part(f);

		good = good && p && name.n < 3;
		if (good)
			name.part[name.n++] = p;
	}
	if (good)
		add(f, &name);
}

static void take_op(struct finder *f)
{
	struct qf_slice op = f->w.t.text;

	if (qf_slice_eq_str(op, "(")) {
		f->level++;
		*list(f) = f->expect;
	} else if (qf_slice_eq_str(op, ")")) {
		f->level -= f->level > 0;
		f->expect = false;
	} else {
		f->expect = qf_slice_eq_str(op, ",") && *list(f);
	}
	qf_words_next(&f->w);
}

/* A word or a quoted name. */
static void take_word(struct finder *f)
{
	struct qf_token t = f->w.t;
	bool plain = t.type == QF_TOK_WORD;

	if (plain && (opens(t.text) || closes(t.text))) {
		f->expect = *list(f) = opens(t.text);
	} else if (f->expect && !(plain && passes(t.text))) {
		f->expect = false;
		read_name(f);
		return;
	}
	qf_words_next(&f->w);
}

size_t qf_sql_tables(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_table_name *ret, size_t max)
{
	struct finder f = { .w = qf_words(stmt, d), .d = d, .a = a, .out = ret, .max = max };

	while (f.w.t.type != QF_TOK_END && f.w.t.type != QF_TOK_BAD) {
		if (f.w.t.type == QF_TOK_WORD || f.w.t.type == QF_TOK_QUOTED) {
			take_word(&f);
		} else if (f.w.t.type == QF_TOK_OP) {
			take_op(&f);
		} else {
			f.expect = false;
			qf_words_next(&f.w);
		}
	}
	return f.n;
}
