/* Where a line of COPY's data ends [CopyReadLineText in src/backend/commands/copyfromparse.c of PostgreSQL 15]. */
#include <stdio.h>

#include "copyread.h"

enum found { FOUND_NOTHING, FOUND_LINE, FOUND_MORE_WANTED, FOUND_WRONG };

struct search {
	struct qf_copy_reader *r;
	struct qf_copy_error *e;
	size_t end, taken; /* of the line */
};

static bool is_csv(const struct qf_copy_reader *r)
{
	return r->f->kind == QF_COPY_CSV;
}

static enum found wrong_end(struct search *s, const char *what, const char *letter)
{
	char hint[80];

	if (is_csv(s->r))
		snprintf(hint, sizeof(hint), "Use quoted CSV field to represent %s.", what);
	else
		snprintf(hint, sizeof(hint), "Use \"%s\" to represent %s.", letter, what);
	(void)copy_fail(s->e, "22P04", hint, "%s %s found in data", is_csv(s->r) ? "unquoted" : "literal", what);
	return FOUND_WRONG;
}

static enum found line_ends(struct search *s, size_t at, size_t bytes, enum copy_eol eol)
{
	s->end = at;
	s->taken = at + bytes;
	s->r->eol = eol;
	return FOUND_LINE;
}

static enum found carriage_return(struct search *s, size_t at)
{
	struct qf_copy_reader *r = s->r;

	if (r->eol == COPY_EOL_NL)
		return wrong_end(s, "carriage return", "\\r");
	if (r->eol == COPY_EOL_CR)
		return line_ends(s, at, 1, COPY_EOL_CR);
	if (at + 1 == r->in.n && !r->closed)
		return FOUND_MORE_WANTED;
	if (at + 1 < r->in.n && r->in.p[at + 1] == '\n')
		return line_ends(s, at, 2, COPY_EOL_CRNL);
	return r->eol == COPY_EOL_CRNL ? wrong_end(s, "carriage return", "\\r") : line_ends(s, at, 1, COPY_EOL_CR);
}

static enum found newline(struct search *s, size_t at)
{
	if (s->r->eol == COPY_EOL_CR || s->r->eol == COPY_EOL_CRNL)
		return wrong_end(s, "newline", "\\n");
	return line_ends(s, at, 1, COPY_EOL_NL);
}

/* \. is the end of the data; in CSV only on a line of its own. */
static enum found end_mark(struct search *s, size_t at)
{
	struct qf_copy_reader *r = s->r;

	if (at + 2 == r->in.n && !r->closed)
		return FOUND_MORE_WANTED;
	bool alone = at + 2 >= r->in.n || r->in.p[at + 2] == '\n' || r->in.p[at + 2] == '\r';

	if (!alone && is_csv(r))
		return FOUND_NOTHING;
	if (!alone) {
		(void)copy_fail(s->e, "22P04", NULL, "end-of-copy marker corrupt");
		return FOUND_WRONG;
	}
	r->ended = true;
	s->end = at;
	s->taken = r->in.n;
	return FOUND_LINE;
}

static enum found backslash(struct search *s, size_t at)
{
	struct qf_copy_reader *r = s->r;

	if (is_csv(r) && (at > 0 || r->in_quote))
		return FOUND_NOTHING;
	if (at + 1 == r->in.n)
		return r->closed ? FOUND_NOTHING : FOUND_MORE_WANTED;
	if (r->in.p[at + 1] == '.')
		return end_mark(s, at);
	if (!is_csv(r))
		r->at++; /* whatever stands behind it is data */
	return FOUND_NOTHING;
}

/* An escape counts only in quotes, and before a quote; where it is the quote itself, that only toggles. */
static void toggle(struct qf_copy_reader *r, uint8_t c)
{
	bool own = r->f->escape != r->f->quote, escape = own && c == (uint8_t)r->f->escape;

	if (r->in_quote && escape)
		r->was_escape = !r->was_escape;
	if (c == (uint8_t)r->f->quote && !r->was_escape)
		r->in_quote = !r->in_quote;
	if (!escape)
		r->was_escape = false;
	if (r->in_quote && c == (r->eol == COPY_EOL_CR ? '\r' : '\n'))
		r->line++;
}

static enum found look(struct search *s, size_t at)
{
	uint8_t c = s->r->in.p[at];

	if (c == '\\') {
		enum found f = backslash(s, at);

		if (f != FOUND_NOTHING)
			return f;
	}
	if (is_csv(s->r))
		toggle(s->r, c);
	if (c == '\r' && !s->r->in_quote)
		return carriage_return(s, at);
	return c == '\n' && !s->r->in_quote ? newline(s, at) : FOUND_NOTHING;
}

int copy_line(struct qf_copy_reader *r, struct qf_slice *ret, size_t *ret_taken, struct qf_copy_error *e)
{
	struct search s = { .r = r, .e = e };
	enum found f = FOUND_NOTHING;

	for (; r->at < r->in.n; r->at++) {
		f = look(&s, r->at);
		if (f != FOUND_NOTHING)
			break;
	}
	if (f == FOUND_WRONG) {
		r->line++;
		return -EINVAL;
	}
	if (r->in.n > COPY_ROW_MAX && f != FOUND_LINE)
		return copy_fail(e, "54000", NULL, "a row of COPY is longer than %d MiB", COPY_ROW_MAX >> 20);
	if (f != FOUND_LINE && (!r->closed || r->in.n == 0))
		return 0;
	if (f != FOUND_LINE) {
		s.end = s.taken = r->in.n;
		r->ended = true;
	}
	r->at = 0;
	r->in_quote = r->was_escape = false;
	*ret = qf_slice(r->in.p, s.end);
	*ret_taken = s.taken;
	if (r->ended && s.end == 0)
		return 0;
	r->line++;
	return 1;
}
