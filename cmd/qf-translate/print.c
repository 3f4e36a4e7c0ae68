/* See print.h. */
#include "print.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- results ----------------------------------------------------------------------------------- */

static size_t list_size(const struct translate_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->at[i].n;
	return n;
}

/* The buffer was made large enough before, so that it does not move. */
static struct qf_slice keep(struct qf_buf *b, struct qf_slice s)
{
	size_t at = b->n;

	qf_buf_add_slice(b, s);
	return qf_slice(b->p + at, s.n);
}

static void keep_list(struct qf_buf *b, struct translate_list *to, const struct translate_list *from)
{
	to->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		to->at[i] = keep(b, from->at[i]);
}

void result_take(struct result *r, const struct translation *t)
{
	qf_buf_init(&r->bytes);
	qf_buf_reserve(&r->bytes, 1 + t->sql.n + t->text.n + t->hint.n + t->sqlstate.n + list_size(&t->warnings) + list_size(&t->doubts));
	r->status = t->status;
	r->sql = keep(&r->bytes, t->sql);
	r->text = keep(&r->bytes, t->text);
	r->hint = keep(&r->bytes, t->hint);
	r->sqlstate = keep(&r->bytes, t->sqlstate);
	keep_list(&r->bytes, &r->warnings, &t->warnings);
	keep_list(&r->bytes, &r->doubts, &t->doubts);
	r->line = t->line;
	r->column = t->column;
}

void result_fini(struct result *r)
{
	qf_buf_fini(&r->bytes);
	memset(r, 0, sizeof(*r));
}

/* ---- what is wrong with it --------------------------------------------------------------------- */

/* The reason why the statement is not printed, or an empty slice. */
static struct qf_slice reason(const struct printer *p, const struct result *r)
{
	if (r->status != TRANSLATE_OK)
		return r->text;
	if (r->warnings.n > 0)
		return r->warnings.at[0];
	if (p->o->strict && r->doubts.n > 0)
		return r->doubts.at[0];
	return QF_SLICE_NONE;
}

static unsigned error_line(const struct statement *st, const struct result *r)
{
	return r->line ? st->text_line + r->line - 1 : st->line;
}

static void complain(const struct printer *p, unsigned line, const char *word, struct qf_slice text)
{
	fprintf(stderr, "%s:%u: %s%.*s\n", p->name, line, word, (int)text.n, (const char *)text.p);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* A comment up to the end of its line would take the ';' with it. */
static bool ends_in_line_comment(struct qf_slice sql, enum qf_dialect d)
{
	struct qf_lexer lx = qf_lexer(sql, d);
	struct qf_slice last = QF_SLICE_NONE;

	for (struct qf_token t = qf_lex(&lx); t.type != QF_TOK_END; t = qf_lex(&lx))
		last = t.type == QF_TOK_COMMENT ? t.text : QF_SLICE_NONE;
	return last.n > 0 && (last.n < 2 || memcmp(last.p, "/*", 2) != 0);
}

static void write_sql(const struct printer *p, const struct statement *st, struct qf_slice sql)
{
	fwrite(sql.p, 1, sql.n, stdout);
	if (!st->empty)
		fputs(ends_in_line_comment(sql, p->o->to) ? "\n;" : ";", stdout);
	fputc('\n', stdout);
}

static bool print_text(struct printer *p, const struct statement *st, const struct result *r)
{
	struct qf_slice why = reason(p, r);
	unsigned line = error_line(st, r);

	if (why.n > 0) {
		complain(p, line, "", why);
		if (r->hint.n > 0)
			complain(p, line, "hint: ", r->hint);
		if (st->comment_n > 0)
			printf("%.*s\n", (int)st->comment_n, st->text);
		return false;
	}
	for (size_t i = 0; i < r->doubts.n; i++)
		complain(p, st->line, "doubt: ", r->doubts.at[i]);
	if (st->n > 0)
		write_sql(p, st, r->sql);
	return true;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static json_t *text_of(struct qf_slice s)
{
	json_t *j = json_stringn((const char *)s.p, s.n);

	return j ? j : json_string("(not valid UTF-8)");
}

static json_t *list_of(const struct translate_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, text_of(l->at[i]));
	return a;
}

static bool print_json(struct printer *p, const struct statement *st, const struct result *r)
{
	struct qf_slice why = reason(p, r);
	json_t *o;

	if (st->empty)
		return true;
	o = json_object();
	json_object_set_new(o, "line", json_integer(why.n > 0 ? error_line(st, r) : st->line));
	json_object_set_new(o, "input", text_of(qf_slice(st->text, st->n)));
	json_object_set_new(o, "output", why.n > 0 ? json_null() : text_of(r->sql));
	json_object_set_new(o, "warnings", list_of(&r->warnings));
	json_object_set_new(o, "doubts", list_of(&r->doubts));
	if (why.n > 0)
		json_object_set_new(o, "error", text_of(why));
	if (why.n > 0 && r->column > 0)
		json_object_set_new(o, "column", json_integer(r->column));
	if (r->hint.n > 0)
		json_object_set_new(o, "hint", text_of(r->hint));
	if (r->sqlstate.n > 0)
		json_object_set_new(o, "sqlstate", text_of(r->sqlstate));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	fputc('\n', stdout);
	json_decref(o);
	if (why.n > 0)
		complain(p, error_line(st, r), "", why);
	return why.n == 0;
}

bool print_result(struct printer *p, const struct statement *st, const struct result *r)
{
	return p->o->json ? print_json(p, st, r) : print_text(p, st, r);
}
