/* What stands in a line of COPY's data [copyfromparse.c of PostgreSQL 15: CopyReadAttributesText, …CSV]. */
#include <string.h>

#include "copyread.h"
#include "qf/str.h"

/* One field: from p->at to behind its delimiter. */
struct place {
	struct qf_copy_reader *r;
	struct qf_slice line;
	size_t at;
	bool more; /* a delimiter stood behind the last one */
};

static int bad_bytes(struct qf_slice text, size_t at, struct qf_copy_error *e)
{
	return copy_fail(e, "22021", NULL, "invalid byte sequence for encoding \"UTF8\": 0x%02x", text.p[at]);
}

static int check_utf8(struct qf_slice text, struct qf_copy_error *e)
{
	size_t bad = qf_utf8_bad_at(text);
	const uint8_t *nul = text.n ? memchr(text.p, 0, text.n) : NULL;

	if (nul)
		return bad_bytes(text, (size_t)(nul - text.p), e);
	return bad == text.n ? 0 : bad_bytes(text, bad, e);
}

/* ---- text ---- */

static int digit(const struct place *p, unsigned base)
{
	uint8_t c = p->at < p->line.n ? p->line.p[p->at] : 0, low = c | 0x20;
	int v = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : 99;

	return v < (int)base ? v : -1;
}

static uint8_t number(struct place *p, unsigned base, unsigned most, unsigned v)
{
	for (int d; most > 0 && (d = digit(p, base)) >= 0; most--, p->at++)
		v = v * base + (unsigned)d;
	return (uint8_t)v;
}

/* Behind a backslash. */
static uint8_t escaped(struct place *p, bool *ret_any_byte)
{
	static const char letters[] = "bfnrtv", bytes[] = "\b\f\n\r\t\v";
	uint8_t c = p->line.p[p->at++];
	const char *known = c ? strchr(letters, c) : NULL;

	if (known)
		return (uint8_t)bytes[known - letters];
	if (c >= '0' && c <= '7') {
		*ret_any_byte = true;
		return number(p, 8, 2, (unsigned)(c - '0'));
	}
	if (c == 'x' && digit(p, 16) >= 0) {
		*ret_any_byte = true;
		return number(p, 16, 2, 0);
	}
	return c;
}

static int text_field(struct place *p, struct qf_value *ret, struct qf_copy_error *e)
{
	struct qf_buf *to = &p->r->plain;
	size_t from = p->at, begin = to->n, end;
	bool any_byte = false, stray = false;

	p->more = false;
	while (p->at < p->line.n && !p->more) {
		uint8_t c = p->line.p[p->at++];

		p->more = c == (uint8_t)p->r->f->delimiter;
		stray = c == '\\' && p->at == p->line.n; /* nothing is left for it to escape, not even the line's end */
		if (c == '\\' && !stray)
			c = escaped(p, &any_byte);
		if (!p->more && !stray)
			qf_buf_u8(to, c);
	}
	end = p->at - p->more - stray;
	if (qf_slice_eq_str(qf_slice(p->line.p + from, end - from), p->r->f->null)) {
		*ret = (struct qf_value){ 0 };
		return 0;
	}
	*ret = (struct qf_value){ .p = to->p + begin, .n = (uint32_t)(to->n - begin) };
	return any_byte ? check_utf8(qf_slice(ret->p, ret->n), e) : 0;
}

/* ---- CSV ---- */

/* Within quotes: an escape before a quote or an escape is that one. True: the quotes end here. */
static bool quoted_byte(struct place *p)
{
	const struct qf_copy_format *f = p->r->f;
	uint8_t c = p->line.p[p->at++], next = p->at < p->line.n ? p->line.p[p->at] : 0;
	bool follows = p->at < p->line.n && (next == (uint8_t)f->escape || next == (uint8_t)f->quote);

	if (c == (uint8_t)f->escape && follows) {
		qf_buf_u8(&p->r->plain, next);
		p->at++;
		return false;
	}
	if (c == (uint8_t)f->quote)
		return true;
	qf_buf_u8(&p->r->plain, c);
	return false;
}

static int csv_field(struct place *p, struct qf_value *ret, bool *ret_quoted, struct qf_copy_error *e)
{
	const struct qf_copy_format *f = p->r->f;
	struct qf_buf *to = &p->r->plain;
	size_t begin = to->n;
	bool in_quote = false;

	p->more = *ret_quoted = false;
	while (p->at < p->line.n && !p->more) {
		if (in_quote) {
			in_quote = !quoted_byte(p);
			continue;
		}
		uint8_t c = p->line.p[p->at++];

		p->more = c == (uint8_t)f->delimiter;
		in_quote = c == (uint8_t)f->quote;
		*ret_quoted |= in_quote;
		if (!p->more && !in_quote)
			qf_buf_u8(to, c);
	}
	if (in_quote)
		return copy_fail(e, "22P04", NULL, "unterminated CSV quoted field");
	*ret = (struct qf_value){ .p = to->p + begin, .n = (uint32_t)(to->n - begin) };
	return 0;
}

static int next_field(struct place *p, size_t i, struct qf_value *ret, struct qf_copy_error *e)
{
	struct qf_copy_reader *r = p->r;
	bool quoted;

	if (r->f->kind == QF_COPY_TEXT)
		return text_field(p, ret, e);
	if (csv_field(p, ret, &quoted, e) < 0)
		return -EINVAL;
	bool like_null = qf_slice_eq_str(qf_slice(ret->p, ret->n), r->f->null);
	bool is_null = like_null && (quoted ? i < r->n && r->force_null[i] : !(i < r->n && r->force_not_null[i]));

	if (is_null)
		ret->p = NULL;
	return 0;
}

static int begin(struct place *p, struct qf_copy_reader *r, struct qf_slice line, struct qf_copy_error *e)
{
	*p = (struct place){ .r = r, .line = line, .more = true };
	qf_buf_clear(&r->plain);
	qf_buf_reserve(&r->plain, line.n + 1); /* what is plain is never longer: nothing in it moves */
	return check_utf8(line, e);
}

int copy_fields(struct qf_copy_reader *r, struct qf_slice line, struct qf_value *ret, struct qf_copy_error *e)
{
	struct place p;

	if (begin(&p, r, line, e) < 0)
		return -EINVAL;
	if (r->n == 0)
		return line.n == 0 ? 0 : copy_fail(e, "22P04", NULL, "extra data after last expected column");
	for (size_t i = 0; i < r->n; i++) {
		if (!p.more)
			return copy_fail(e, "22P04", NULL, "missing data for column \"%s\"", r->names[i]);
		if (next_field(&p, i, &ret[i], e) < 0)
			return -EINVAL;
	}
	return p.more ? copy_fail(e, "22P04", NULL, "extra data after last expected column") : 0;
}

/* ---- HEADER MATCH ---- */

static int count_fields(struct qf_copy_reader *r, struct qf_slice line, size_t *ret, struct qf_copy_error *e)
{
	struct qf_value ignored;
	struct place p;

	*ret = 0;
	if (begin(&p, r, line, e) < 0)
		return -EINVAL;
	for (; p.more; (*ret)++)
		if (next_field(&p, r->n, &ignored, e) < 0)
			return -EINVAL;
	return 0;
}

int copy_header(struct qf_copy_reader *r, struct qf_slice line, struct qf_copy_error *e)
{
	struct qf_value v;
	struct place p;
	size_t n;

	if (r->f->header != QF_COPY_HEADER_MATCH)
		return 0;
	if (count_fields(r, line, &n, e) < 0)
		return -EINVAL;
	if (n != r->n)
		return copy_fail(e, "22P04", NULL, "wrong number of fields in header line: got %zu, expected %zu", n, r->n);
	if (begin(&p, r, line, e) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (next_field(&p, r->n, &v, e) < 0)
			return -EINVAL;
		if (!v.p)
			return copy_fail(e, "22P04", NULL,
				"column name mismatch in header line field %zu: got null value (\"%s\"), expected \"%s\"", i + 1,
				r->f->null, r->names[i]);
		if (!qf_slice_eq_str(qf_slice(v.p, v.n), r->names[i]))
			return copy_fail(e, "22P04", NULL,
				"column name mismatch in header line field %zu: got \"%.*s\", expected \"%s\"", i + 1,
				(int)(v.n < 100 ? v.n : 100), (const char *)v.p, r->names[i]);
	}
	return 0;
}
