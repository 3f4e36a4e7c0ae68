/* See execute.h. */
#include <stdio.h>
#include <string.h>

#include "../words.h"
#include "execute.h"

enum { MAX_PARAMETERS = 10000, MAX_NESTING = 100 };

struct parameters {
	struct qf_slice *v;
	size_t n;
};

static bool refuse(struct tr_refusal *r, enum qf_trino_code code, const char *fmt, ...) qf_printf(3, 4);

static bool refuse(struct tr_refusal *r, enum qf_trino_code code, const char *fmt, ...)
{
	va_list ap;

	r->code = code;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return false;
}

static bool syntax_error(const struct fe_words *w, struct tr_refusal *r)
{
	struct qf_sql_error e;

	fe_words_syntax_error(w, &e);
	return refuse(r, QF_TRINO_SYNTAX_ERROR, "%s", e.message);
}

bool tr_is_execute(struct qf_slice sql, enum qf_dialect d)
{
	struct fe_words w = fe_words(sql, d);

	return fe_words_is(&w, "execute");
}

/* ---- literals ------------------------------------------------------------------------------------------------ */

static bool literal(struct fe_words *w, unsigned depth);

static bool literals(struct fe_words *w, unsigned depth, const char *end)
{
	if (fe_words_take(w, end))
		return true;
	do
		if (!literal(w, depth))
			return false;
	while (fe_words_take(w, ","));
	return fe_words_take(w, end);
}

/* decimal(10, 2), timestamp(3) with time zone, map(varchar, array(bigint)): up to the parenthesis that ends CAST. */
static bool type_name(struct fe_words *w, unsigned depth)
{
	while (!fe_words_end(w) && !fe_words_is(w, ")")) {
		if (fe_words_take(w, "(")) {
			if (depth > MAX_NESTING || !type_name(w, depth + 1) || !fe_words_take(w, ")"))
				return false;
			continue;
		}
		if (w->tok.type != QF_TOK_WORD && w->tok.type != QF_TOK_NUMBER && w->tok.type != QF_TOK_QUOTED &&
			!fe_words_is(w, ","))
			return false;
		fe_words_next(w);
	}
	return true;
}

static bool cast(struct fe_words *w, unsigned depth)
{
	return fe_words_take(w, "(") && literal(w, depth) && fe_words_take(w, "as") && type_name(w, 0) &&
	       fe_words_take(w, ")");
}

static bool take_string(struct fe_words *w)
{
	if (w->tok.type != QF_TOK_STRING)
		return false;
	fe_words_next(w);
	return true;
}

static bool interval(struct fe_words *w)
{
	if (!fe_words_take(w, "+"))
		fe_words_take(w, "-");
	if (!take_string(w) || w->tok.type != QF_TOK_WORD)
		return false;
	fe_words_next(w);
	if (!fe_words_take(w, "to"))
		return true;
	bool unit = w->tok.type == QF_TOK_WORD;

	fe_words_next(w);
	return unit;
}

/* What a word begins. */
static bool word_literal(struct fe_words *w, unsigned depth)
{
	static const char *const values[] = { "null", "true", "false" };
	static const char *const functions[] = { "infinity", "nan" };

	for (size_t i = 0; i < 3; i++)
		if (fe_words_take(w, values[i]))
			return true;
	for (size_t i = 0; i < 2; i++)
		if (fe_words_take(w, functions[i]))
			return fe_words_take(w, "(") && fe_words_take(w, ")");
	if (fe_words_take(w, "array"))
		return fe_words_take(w, "[") && literals(w, depth, "]");
	if (fe_words_take(w, "row") || fe_words_take(w, "map"))
		return fe_words_take(w, "(") && literals(w, depth, ")");
	if (fe_words_take(w, "cast"))
		return cast(w, depth);
	if (fe_words_take(w, "interval"))
		return interval(w);
	fe_words_next(w); /* the type of what follows: DATE '…' */
	fe_words_take(w, "precision");
	return take_string(w);
}

static bool literal(struct fe_words *w, unsigned depth)
{
	if (depth > MAX_NESTING)
		return false;
	if (fe_words_take(w, "("))
		return literal(w, depth + 1) && fe_words_take(w, ")");
	bool sign = fe_words_take(w, "-") || fe_words_take(w, "+");

	if (w->tok.type == QF_TOK_NUMBER) {
		fe_words_next(w);
		return true;
	}
	if (w->tok.type == QF_TOK_WORD)
		return word_literal(w, depth + 1);
	return !sign && take_string(w);
}

/* ---- USING ------------------------------------------------------------------------------------------------------ */

/* The text of a parameter that ends before the cursor, without the comments behind it. */
static struct qf_slice since(const uint8_t *from, const struct fe_words *w, enum qf_dialect d)
{
	const uint8_t *stop = fe_words_end(w) ? w->stmt.p + w->stmt.n : w->tok.text.p, *end = from;
	struct qf_lexer lx = qf_lexer(qf_slice(from, (size_t)(stop - from)), d);

	for (struct qf_token t = qf_lex(&lx); t.type != QF_TOK_END; t = qf_lex(&lx))
		if (t.type != QF_TOK_COMMENT)
			end = t.text.p + t.text.n;
	return qf_slice(from, (size_t)(end - from));
}

static bool read_parameters(const struct tr_session *s, struct fe_words *w, struct parameters *p, struct tr_refusal *r)
{
	size_t room = 0;

	if (fe_words_end(w))
		return true;
	if (!fe_words_take(w, "using"))
		return syntax_error(w, r);
	do {
		const uint8_t *from = w->tok.text.p;

		if (fe_words_end(w))
			return syntax_error(w, r);
		if (!literal(w, 0))
			return refuse(r, QF_TRINO_NOT_SUPPORTED,
				"Parameter %zu is not a literal: only numbers, texts, typed literals, intervals, CAST, and ARRAY, "
				"ROW and MAP of them can be given with USING", p->n + 1);
		if (p->n == MAX_PARAMETERS)
			return refuse(r, QF_TRINO_INVALID_PARAMETER_USAGE, "More than %d parameters", MAX_PARAMETERS);
		if (p->n == room) {
			struct qf_slice *more = qf_arena_alloc(s->arena, (room = room ? room * 2 : 16) * sizeof(*more));

			if (p->n > 0)
				memcpy(more, p->v, p->n * sizeof(*more));
			p->v = more;
		}
		p->v[p->n++] = since(from, w, s->facts.dialect);
	} while (fe_words_take(w, ","));
	return fe_words_end(w) || syntax_error(w, r);
}

static size_t count_marks(struct qf_slice text, enum qf_dialect d)
{
	struct qf_lexer lx = qf_lexer(text, d);
	size_t n = 0;

	for (struct qf_token t = qf_lex(&lx); t.type != QF_TOK_END && t.type != QF_TOK_BAD; t = qf_lex(&lx))
		n += t.type == QF_TOK_PARAM && qf_slice_eq_str(t.text, "?");
	return n;
}

/* A sign goes into parentheses: "1 -?" and -1 would begin a comment. */
static void put_parameter(struct qf_buf *out, struct qf_slice v)
{
	bool sign = v.n > 0 && (v.p[0] == '-' || v.p[0] == '+');

	qf_buf_add_str(out, sign ? " (" : " ");
	qf_buf_add_slice(out, v);
	qf_buf_add_str(out, sign ? ") " : " ");
}

static bool substitute(struct qf_slice text, enum qf_dialect d, const struct parameters *p, struct qf_buf *out,
		       struct tr_refusal *r)
{
	struct qf_lexer lx = qf_lexer(text, d);
	size_t from = 0, n = 0, marks = count_marks(text, d);

	if (marks != p->n)
		return refuse(r, QF_TRINO_INVALID_PARAMETER_USAGE, "Incorrect number of parameters: expected %zu but found %zu",
			marks, p->n);
	for (struct qf_token t = qf_lex(&lx); t.type != QF_TOK_END && t.type != QF_TOK_BAD; t = qf_lex(&lx)) {
		if (t.type != QF_TOK_PARAM || !qf_slice_eq_str(t.text, "?"))
			continue;
		size_t at = (size_t)(t.text.p - text.p);

		qf_buf_add(out, text.p + from, at - from);
		put_parameter(out, p->v[n++]);
		from = at + t.text.n;
	}
	qf_buf_add(out, text.p + from, text.n - from);
	return true;
}

/* ---- EXECUTE -------------------------------------------------------------------------------------------------- */

/* Names are kept in lower case, as PREPARE sends them. */
static const char *find_prepared(const struct tr_session *s, const char *name)
{
	for (size_t i = s->n_prepared; i > 0; i--)
		if (strcmp(s->prepared[i - 1].key, name) == 0)
			return s->prepared[i - 1].value;
	return NULL;
}

const char *tr_name(const struct tr_session *s, struct qf_token t)
{
	char *name;

	if (t.type != QF_TOK_WORD && t.type != QF_TOK_QUOTED)
		return NULL;
	if (t.type == QF_TOK_QUOTED)
		return qf_sql_unquote(t.text, s->facts.dialect, s->arena);
	name = qf_arena_strndup(s->arena, t.text.p, t.text.n);
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	return name;
}

static const char *immediate_text(const struct tr_session *s, struct fe_words *w, struct tr_refusal *r)
{
	const char *text = w->tok.type == QF_TOK_STRING ? qf_sql_unquote(w->tok.text, s->facts.dialect, s->arena) : NULL;

	if (!text)
		syntax_error(w, r);
	fe_words_next(w);
	return text;
}

static const char *prepared_text(const struct tr_session *s, struct fe_words *w, struct tr_refusal *r)
{
	const char *name = tr_name(s, w->tok), *text = name ? find_prepared(s, name) : NULL;

	if (!name)
		syntax_error(w, r);
	else if (!text)
		refuse(r, QF_TRINO_NOT_FOUND, "Prepared statement not found: %.200s", name);
	else if (strncmp(text, "$zstd:", 6) == 0) { /* only a server writes that, and this one does not */
		refuse(r, QF_TRINO_NOT_SUPPORTED, "Prepared statement %.200s was prepared on another server", name);
		text = NULL;
	}
	fe_words_next(w);
	return text;
}

bool tr_execute(const struct tr_session *s, struct qf_slice sql, struct qf_buf *out, struct tr_refusal *ret)
{
	struct fe_words w = fe_words(sql, s->facts.dialect);
	struct parameters p = { 0 };
	const char *text;

	fe_words_take(&w, "execute");
	if (fe_words_take(&w, "immediate"))
		text = immediate_text(s, &w, ret);
	else
		text = prepared_text(s, &w, ret);
	return text && read_parameters(s, &w, &p, ret) &&
	       substitute(qf_slice_str(text), s->facts.dialect, &p, out, ret);
}
