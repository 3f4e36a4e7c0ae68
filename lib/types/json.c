/*
 * JSON text: quoting as PostgreSQL's to_json() does it, and a check before a JSON value goes into another unquoted.
 */
#include "format.h"
#include "col.h"
#include "qf/str.h"

/* The letter behind the backslash; 0 = \u00XX; ' ' = the byte as it is. */
static uint8_t escape_of(uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return c < 0x20 ? 0 : ' ';
	}
}

static void quote(struct qf_buf *b, struct qf_slice s, const char *hex)
{
	size_t plain = 0;

	qf_buf_u8(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t e = escape_of(s.p[i]);

		if (e == ' ')
			continue;
		qf_buf_add(b, s.p + plain, i - plain);
		plain = i + 1;
		qf_buf_u8(b, '\\');
		if (e) {
			qf_buf_u8(b, e);
			continue;
		}
		qf_buf_add_str(b, s.p[i] < 16 ? "u000" : "u001");
		qf_buf_u8(b, (uint8_t)hex[s.p[i] & 15]);
	}
	qf_buf_add(b, s.p + plain, s.n - plain);
	qf_buf_u8(b, '"');
}

void qf_json_quote(struct qf_buf *b, struct qf_slice s)
{
	quote(b, s, "0123456789abcdef");
}

void qf_json_quote_upper(struct qf_buf *b, struct qf_slice s)
{
	quote(b, s, "0123456789ABCDEF");
}

/* Walks one JSON text [RFC 8259]; open brackets are one bit each, so that nesting costs no stack. */
struct walk {
	const uint8_t *p;
	size_t n;
	unsigned depth;
	uint64_t is_object[4]; /* 256 levels */
};

enum { MAX_DEPTH = 256 };

static int peek(const struct walk *w)
{
	return w->n ? w->p[0] : -1;
}

static void skip(struct walk *w, size_t n)
{
	w->p += n;
	w->n -= n;
}

static void skip_space(struct walk *w)
{
	while (w->n && (w->p[0] == ' ' || w->p[0] == '\t' || w->p[0] == '\n' || w->p[0] == '\r'))
		skip(w, 1);
}

static bool take(struct walk *w, char c)
{
	if (peek(w) != c)
		return false;
	skip(w, 1);
	return true;
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool take_escape(struct walk *w)
{
	int c = peek(w);

	if (c < 0)
		return false;
	skip(w, 1);
	if (c != 'u')
		return c && strchr("\"\\/bfnrt", c);
	if (w->n < 4 || !is_hex(w->p[0]) || !is_hex(w->p[1]) || !is_hex(w->p[2]) || !is_hex(w->p[3]))
		return false;
	skip(w, 4);
	return true;
}

static bool take_string(struct walk *w)
{
	if (!take(w, '"'))
		return false;
	while (w->n) {
		uint8_t c = w->p[0];

		skip(w, 1);
		if (c == '"')
			return true;
		if (c < 0x20 || (c == '\\' && !take_escape(w)))
			return false;
	}
	return false;
}

static bool take_digits(struct walk *w)
{
	size_t before = w->n;

	while (w->n && w->p[0] >= '0' && w->p[0] <= '9')
		skip(w, 1);
	return w->n < before;
}

static bool take_number(struct walk *w)
{
	(void)take(w, '-');
	if (!take(w, '0') && !take_digits(w))
		return false;
	if (take(w, '.') && !take_digits(w))
		return false;
	if (!take(w, 'e') && !take(w, 'E'))
		return true;
	if (!take(w, '+'))
		(void)take(w, '-');
	return take_digits(w);
}

static bool take_word(struct walk *w, const char *word)
{
	size_t n = strlen(word);

	if (w->n < n || memcmp(w->p, word, n) != 0)
		return false;
	skip(w, n);
	return true;
}

static bool open_bracket(struct walk *w, bool object)
{
	uint64_t bit = UINT64_C(1) << (w->depth % 64);

	if (w->depth == MAX_DEPTH)
		return false;
	w->is_object[w->depth / 64] = (w->is_object[w->depth / 64] & ~bit) | (object ? bit : 0);
	w->depth++;
	skip(w, 1);
	return true;
}

static bool in_object(const struct walk *w)
{
	return w->depth && w->is_object[(w->depth - 1) / 64] >> ((w->depth - 1) % 64) & 1;
}

static bool take_key(struct walk *w)
{
	skip_space(w);
	if (!take_string(w))
		return false;
	skip_space(w);
	return take(w, ':');
}

/* Up to and over the first scalar or empty container of the value here; its key included when in an object. */
static bool take_down(struct walk *w)
{
	for (;;) {
		skip_space(w);
		int c = peek(w);

		if (c != '{' && c != '[')
			return c == '"' ? take_string(w)
					: take_word(w, "true") || take_word(w, "false") || take_word(w, "null") ||
						  take_number(w);
		if (!open_bracket(w, c == '{'))
			return false;
		skip_space(w);
		if (take(w, c == '{' ? '}' : ']')) {
			w->depth--;
			return true;
		}
		if (c == '{' && !take_key(w))
			return false;
	}
}

bool qf_json_valid(struct qf_slice s)
{
	struct walk w = { .p = s.p, .n = s.n };

	if (!qf_utf8_valid(s) || !take_down(&w))
		return false;
	for (;;) {
		skip_space(&w);
		if (w.depth == 0)
			return w.n == 0;
		bool object = in_object(&w);

		if (take(&w, object ? '}' : ']')) {
			w.depth--;
			continue;
		}
		if (!take(&w, ',') || (object && !take_key(&w)) || !take_down(&w))
			return false;
	}
}

/* What only claims to be JSON goes in as a string: it must not be able to break the document around it. */
int qf_json_json(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	struct qf_slice v = qf_col_bytes(col, row);

	if (!qf_json_valid(v))
		return qf_json_text(col, row, s);
	qf_buf_add_slice(s->out, v);
	return 0;
}
