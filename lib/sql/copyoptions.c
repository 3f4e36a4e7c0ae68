/* See copyoptions.h; the checks are those of PostgreSQL 15, in its order [src/backend/commands/copy.c]. */
#include "copyoptions.h"

#include <string.h>
#include <strings.h>

struct reader {
	struct pg_words *p;
	struct qf_copy_stmt *c;
	struct copy_options o;
};

static int once(struct reader *r, enum copy_option o, struct qf_slice at)
{
	if (r->o.seen[o])
		return pg_words_fail(r->p, "42601", at, "conflicting or redundant options");
	r->o.seen[o] = true;
	return 0;
}

/* ---- values ---- */

/* A word or a string, as an argument of the newer form; NULL: there is none. */
static const char *take_argument(struct pg_words *p)
{
	struct qf_token t = p->w.t;
	bool minus = t.type == QF_TOK_OP && qf_slice_eq_str(t.text, "-");

	if (t.type == QF_TOK_STRING)
		return pg_words_string(p);
	if (minus) {
		qf_words_next(&p->w);
		t.text.n = p->w.t.type == QF_TOK_NUMBER ? (size_t)(p->w.t.text.p - t.text.p) + p->w.t.text.n : 0;
	}
	if (t.type != QF_TOK_WORD && t.type != QF_TOK_QUOTED && t.type != QF_TOK_NUMBER && !(minus && t.text.n))
		return NULL;
	if (t.type == QF_TOK_QUOTED)
		return pg_words_name(p);
	qf_words_next(&p->w);
	return qf_arena_strndup(p->a, t.text.p, t.text.n);
}

static int parse_bool(const char *v, bool *ret)
{
	static const char *const yes[] = { "true", "on", "1" }, *const no[] = { "false", "off", "0" };

	*ret = !v;
	for (size_t i = 0; v && i < 3; i++) {
		if (strcasecmp(v, yes[i]) == 0)
			*ret = true;
		else if (strcasecmp(v, no[i]) != 0)
			continue;
		return 0;
	}
	return v ? -EINVAL : 0;
}

static int set_header(struct reader *r, const char *name, const char *v)
{
	bool on;

	if (v && strcasecmp(v, "match") == 0) {
		if (!r->c->from)
			return pg_words_fail(r->p, "0A000", QF_SLICE_NONE, "cannot use \"%s\" with HEADER in COPY TO", v);
		r->c->format.header = QF_COPY_HEADER_MATCH;
		return 0;
	}
	if (parse_bool(v, &on) < 0)
		return pg_words_fail(r->p, "42601", QF_SLICE_NONE, "%s requires a Boolean value or \"match\"", name);
	r->c->format.header = on ? QF_COPY_HEADER_YES : QF_COPY_HEADER_NONE;
	return 0;
}

static int set_format(struct reader *r, const char *v, struct qf_slice at)
{
	static const char *const kinds[] = { [QF_COPY_TEXT] = "text", [QF_COPY_CSV] = "csv", [QF_COPY_BINARY] = "binary" };

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(v, kinds[i]) == 0) {
			r->c->format.kind = (enum qf_copy_kind)i;
			return 0;
		}
	return pg_words_fail(r->p, "22023", at, "COPY format \"%s\" not recognized", v);
}

static int set_text(struct reader *r, enum copy_option o, const char *name, const char *v)
{
	bool ignored;

	if (o == COPY_HEADER)
		return set_header(r, name, v);
	if (o == COPY_FREEZE && parse_bool(v, &ignored) < 0)
		return pg_words_fail(r->p, "42601", QF_SLICE_NONE, "%s requires a Boolean value", name);
	if (o == COPY_FREEZE)
		return 0;
	if (!v)
		return pg_words_fail(r->p, "42601", QF_SLICE_NONE, "%s requires a parameter", name);
	if (o == COPY_DELIMITER)
		r->o.delimiter = v;
	else if (o == COPY_NULL)
		r->c->format.null = v;
	else if (o == COPY_QUOTE)
		r->o.quote = v;
	else if (o == COPY_ESCAPE)
		r->o.escape = v;
	else
		r->c->encoding = v;
	return 0;
}

static struct qf_names *names_of(struct qf_copy_format *f, enum copy_option o)
{
	return o == COPY_FORCE_QUOTE ? &f->force_quote :
	       o == COPY_FORCE_NOT_NULL ? &f->force_not_null :
	       o == COPY_FORCE_NULL ? &f->force_null : NULL;
}

/* ---- (option value, …) ---- */

static const char *const option_names[COPY_OPTIONS] = { "format", "freeze", "delimiter", "null", "header", "quote",
	"escape", "force_quote", "force_not_null", "force_null", "encoding" };

static enum copy_option find_option(const char *name)
{
	unsigned i = 0;

	while (i < COPY_OPTIONS && strcmp(name, option_names[i]) != 0)
		i++;
	return (enum copy_option)i;
}

static int take_list(struct reader *r, enum copy_option o, const char *name, struct qf_slice at)
{
	struct qf_names *list = names_of(&r->c->format, o);

	if (o == COPY_FORCE_QUOTE && qf_words_take_op(&r->p->w, '*'))
		list->all = true;
	else if (!pg_words_op(r->p, '('))
		return pg_words_fail(r->p, "22023", at, "argument to option \"%s\" must be a list of column names",
			name);
	else if (!pg_words_names(r->p, list))
		return pg_words_syntax(r->p);
	return 0;
}

/* The name of an option may be any word. */
static const char *take_label(struct pg_words *p)
{
	struct qf_token t = p->w.t;

	if (t.type != QF_TOK_WORD)
		return pg_words_name(p);
	char *name = qf_arena_strndup(p->a, t.text.p, t.text.n);

	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	qf_words_next(&p->w);
	return name;
}

static int take_option(struct reader *r)
{
	struct qf_slice at = r->p->w.t.text;
	const char *name = take_label(r->p);
	enum copy_option o = name ? find_option(name) : COPY_OPTIONS;

	if (!name)
		return pg_words_syntax(r->p);
	if (o == COPY_OPTIONS)
		return pg_words_fail(r->p, "42601", at, "option \"%s\" not recognized", name);
	if (once(r, o, at) < 0)
		return -EINVAL;
	if (names_of(&r->c->format, o))
		return take_list(r, o, name, at);
	const char *v = take_argument(r->p);

	if (o != COPY_FORMAT)
		return set_text(r, o, name, v);
	return v ? set_format(r, v, at) : pg_words_fail(r->p, "42601", QF_SLICE_NONE, "%s requires a parameter", name);
}

static int take_bracketed(struct reader *r)
{
	do {
		qf_words_next(&r->p->w); /* over ( or , */
		if (take_option(r) < 0)
			return -EINVAL;
	} while (pg_words_op(r->p, ','));
	return qf_words_take_op(&r->p->w, ')') ? 0 : pg_words_syntax(r->p);
}

/* ---- as it was before 9.0 ---- */

static int take_old_text(struct reader *r, enum copy_option o, struct qf_slice at)
{
	if (once(r, o, at) < 0)
		return -EINVAL;
	if (o != COPY_ENCODING)
		(void)qf_words_take(&r->p->w, "as");
	const char *v = pg_words_string(r->p);

	return v ? set_text(r, o, option_names[o], v) : pg_words_syntax(r->p);
}

/* a, b without brackets, or * */
static int take_old_names(struct reader *r, struct qf_names *list)
{
	size_t most = r->p->stmt.n / 2 + 1;

	if (list == &r->c->format.force_quote && qf_words_take_op(&r->p->w, '*')) {
		list->all = true;
		return 0;
	}
	list->v = qf_arena_alloc(r->p->a, most * sizeof(*list->v));
	do {
		const char *name = list->n < most ? pg_words_name(r->p) : NULL;

		if (!name)
			return pg_words_syntax(r->p);
		list->v[list->n++] = name;
	} while (qf_words_take_op(&r->p->w, ','));
	return 0;
}

static int take_force(struct reader *r, struct qf_slice at)
{
	bool no = qf_words_take(&r->p->w, "not");
	enum copy_option o = COPY_FORCE_QUOTE;

	if (qf_words_take(&r->p->w, "null"))
		o = no ? COPY_FORCE_NOT_NULL : COPY_FORCE_NULL;
	else if (no || !qf_words_take(&r->p->w, "quote"))
		return pg_words_syntax(r->p);
	return once(r, o, at) < 0 ? -EINVAL : take_old_names(r, names_of(&r->c->format, o));
}

static int take_old(struct reader *r)
{
	static const enum copy_option texts[] = { COPY_DELIMITER, COPY_NULL, COPY_QUOTE, COPY_ESCAPE, COPY_ENCODING };
	struct qf_words *w = &r->p->w;
	struct qf_slice at = w->t.text;

	if (qf_words_at(w, "binary") || qf_words_at(w, "csv")) {
		r->c->format.kind = qf_words_at(w, "csv") ? QF_COPY_CSV : QF_COPY_BINARY;
		qf_words_next(w);
		return once(r, COPY_FORMAT, at);
	}
	if (qf_words_take(w, "freeze"))
		return once(r, COPY_FREEZE, at);
	if (qf_words_take(w, "header")) {
		r->c->format.header = QF_COPY_HEADER_YES;
		return once(r, COPY_HEADER, at);
	}
	if (qf_words_take(w, "force"))
		return take_force(r, at);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (qf_words_take(w, option_names[texts[i]]))
			return take_old_text(r, texts[i], at);
	return pg_words_syntax(r->p);
}

/* ---- what goes together ---- */

struct rule {
	bool broken;
	const char *sqlstate, *text;
};

static int check(struct reader *r, const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].broken)
			return pg_words_fail(r->p, rules[i].sqlstate, QF_SLICE_NONE, "%s", rules[i].text);
	return 0;
}

static bool has_line_end(const char *s)
{
	return strpbrk(s, "\r\n");
}

enum { LETTERS_AT = 5 }; /* behind so many rules PostgreSQL looks at the letters that are no delimiter */

static int check_text(struct reader *r)
{
	const struct copy_options *o = &r->o;
	bool csv = r->c->format.kind == QF_COPY_CSV, binary = r->c->format.kind == QF_COPY_BINARY, from = r->c->from;
	const char *delimiter = o->delimiter ? o->delimiter : csv ? "," : "\t";
	const char *null = r->c->format.null ? r->c->format.null : csv ? "" : "\\N";
	const char *quote = o->quote ? o->quote : "\"", *escape = o->escape ? o->escape : quote;
	bool one = strlen(delimiter) == 1;
	const struct qf_copy_format *f = &r->c->format;
	const struct rule rules[] = {
		{ binary && o->delimiter, "42601", "cannot specify DELIMITER in BINARY mode" },
		{ binary && f->null, "42601", "cannot specify NULL in BINARY mode" },
		{ !one, "0A000", "COPY delimiter must be a single one-byte character" },
		{ has_line_end(delimiter), "22023", "COPY delimiter cannot be newline or carriage return" },
		{ has_line_end(null), "22023", "COPY null representation cannot use newline or carriage return" },
		{ binary && f->header, "0A000", "cannot specify HEADER in BINARY mode" },
		{ !csv && o->quote, "0A000", "COPY quote available only in CSV mode" },
		{ csv && strlen(quote) != 1, "0A000", "COPY quote must be a single one-byte character" },
		{ csv && delimiter[0] == quote[0], "22023", "COPY delimiter and quote must be different" },
		{ !csv && o->escape, "0A000", "COPY escape available only in CSV mode" },
		{ csv && strlen(escape) != 1, "0A000", "COPY escape must be a single one-byte character" },
		{ !csv && o->seen[COPY_FORCE_QUOTE], "0A000", "COPY force quote available only in CSV mode" },
		{ from && o->seen[COPY_FORCE_QUOTE], "0A000", "COPY force quote only available using COPY TO" },
		{ !csv && o->seen[COPY_FORCE_NOT_NULL], "0A000", "COPY force not null available only in CSV mode" },
		{ !from && o->seen[COPY_FORCE_NOT_NULL], "0A000", "COPY force not null only available using COPY FROM" },
		{ !csv && o->seen[COPY_FORCE_NULL], "0A000", "COPY force null available only in CSV mode" },
		{ !from && o->seen[COPY_FORCE_NULL], "0A000", "COPY force null only available using COPY FROM" },
		{ one && strchr(null, delimiter[0]), "0A000", "COPY delimiter must not appear in the NULL specification" },
		{ csv && strchr(null, quote[0]), "0A000", "CSV quote character must not appear in the NULL specification" },
	};

	if (check(r, rules, LETTERS_AT) < 0)
		return -EINVAL;
	if (!csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", delimiter[0]))
		return pg_words_fail(r->p, "22023", QF_SLICE_NONE, "COPY delimiter cannot be \"%s\"", delimiter);
	if (check(r, rules + LETTERS_AT, sizeof(rules) / sizeof(rules[0]) - LETTERS_AT) < 0)
		return -EINVAL;
	r->c->format.delimiter = delimiter[0];
	r->c->format.null = null;
	r->c->format.quote = quote[0];
	r->c->format.escape = escape[0];
	return 0;
}

int copy_options_parse(struct pg_words *p, struct qf_copy_stmt *c, const char *delimiters, bool binary)
{
	struct reader r = { .p = p, .c = c, .o = { .delimiter = delimiters } };

	r.o.seen[COPY_DELIMITER] = delimiters;
	r.o.seen[COPY_FORMAT] = binary;
	c->format.kind = binary ? QF_COPY_BINARY : QF_COPY_TEXT;
	if (pg_words_op(p, '('))
		return take_bracketed(&r) < 0 ? -EINVAL : check_text(&r);
	while (p->w.t.type != QF_TOK_END && !qf_words_at(&p->w, "where"))
		if (take_old(&r) < 0)
			return -EINVAL;
	return check_text(&r);
}
