/* What a quoted name or a string literal says. */
#include <string.h>

#include "lex.h"

/* \x and the like: what stands behind the backslash, and for which byte. */
struct escape_set {
	bool numbers; /* \101, \x41, \u0041 */
	const char *from, *to;
};

static const struct escape_set escapes_postgres = { true, "bfnrt", "\b\f\n\r\t" };
static const struct escape_set escapes_mysql = { false, "bnrtZ", "\b\n\r\t\x1a" };
static const struct escape_set escapes_other = { true, "abfnrtv", "\a\b\f\n\r\t\v" };

struct text {
	const uint8_t *p;
	size_t n, at;
	char *out;
	size_t len;
	const struct escape_set *set; /* NULL: \ is an ordinary byte */
	bool unicode;		      /* U&'…' */
};

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to max digits of the base at t->at. -1: there is not even min. */
static long read_digits(struct text *t, unsigned base, size_t min, size_t max)
{
	size_t n = 0;
	long v = 0;

	for (; n < max && t->at < t->n; n++, t->at++) {
		int digit = hex_value(t->p[t->at]);
		if (digit < 0 || (unsigned)digit >= base)
			break;
		v = v * (long)base + digit;
	}
	return n < min ? -1 : v;
}

static bool put_byte(struct text *t, long c)
{
	/* A NUL cannot be in a C string, and no dialect here has it in a name or a setting. */
	if (c <= 0 || c > 0xff)
		return false;
	t->out[t->len++] = (char)c;
	return true;
}

/* UTF-8 is never longer than the escape that it comes from. */
static bool put_char(struct text *t, long c)
{
	if (c <= 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	if (c < 0x80)
		return put_byte(t, c);
	if (c < 0x800)
		return put_byte(t, 0xc0 | c >> 6) && put_byte(t, 0x80 | (c & 0x3f));
	if (c >= 0x10000 && !(put_byte(t, 0xf0 | c >> 18) && put_byte(t, 0x80 | (c >> 12 & 0x3f))))
		return false;
	if (c < 0x10000 && !put_byte(t, 0xe0 | c >> 12))
		return false;
	return put_byte(t, 0x80 | (c >> 6 & 0x3f)) && put_byte(t, 0x80 | (c & 0x3f));
}

/* Four digits; a high surrogate must be followed by mark and the low one. */
static bool put_utf16(struct text *t, const char *mark)
{
	size_t n = strlen(mark);
	long high = read_digits(t, 16, 4, 4), low;

	if (high < 0xd800 || high > 0xdbff)
		return put_char(t, high);
	if (t->n - t->at < n || memcmp(t->p + t->at, mark, n) != 0)
		return false;
	t->at += n;
	low = read_digits(t, 16, 4, 4);
	return low >= 0xdc00 && low <= 0xdfff && put_char(t, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
}

/* Behind a backslash; an unknown escape stands for its character. */
static bool unescape(struct text *t)
{
	uint8_t c;
	const char *known;

	if (t->at >= t->n)
		return false;
	c = t->p[t->at++];
	known = c ? strchr(t->set->from, c) : NULL;
	if (known)
		return put_byte(t, t->set->to[known - t->set->from]);
	if (!t->set->numbers)
		return put_byte(t, c == '0' ? 0 : c);
	if (c >= '0' && c <= '7') {
		t->at--;
		return put_byte(t, read_digits(t, 8, 1, 3));
	}
	if (c == 'x' && t->at < t->n && hex_value(t->p[t->at]) >= 0)
		return put_byte(t, read_digits(t, 16, 1, 2));
	if (c == 'u')
		return put_utf16(t, "\\u");
	if (c == 'U')
		return put_char(t, read_digits(t, 16, 8, 8));
	return put_byte(t, c);
}

/* \XXXX, \+XXXXXX, \\ [PG 4.1.2.3] */
static bool unicode_escape(struct text *t)
{
	if (t->at < t->n && t->p[t->at] == '\\')
		return put_byte(t, t->p[t->at++]);
	if (t->at < t->n && t->p[t->at] == '+') {
		t->at++;
		return put_char(t, read_digits(t, 16, 6, 6));
	}
	return put_utf16(t, "\\");
}

/* The text between the quotes; quote 0: they are not doubled inside. */
static bool copy_body(struct text *t, uint8_t quote)
{
	while (t->at < t->n) {
		uint8_t c = t->p[t->at++];
		bool ok = true;
		if (c == '\\' && t->unicode)
			ok = unicode_escape(t);
		else if (c == '\\' && t->set)
			ok = unescape(t);
		else
			ok = put_byte(t, c);
		if (!ok)
			return false;
		if (c == quote && quote && t->at < t->n && t->p[t->at] == quote)
			t->at++;
	}
	return true;
}

/* Bytes before the opening quote: E, r, U&, … */
static size_t prefix_length(struct qf_slice token)
{
	size_t n = 0;

	while (n < token.n && n < 3 && !strchr("'\"`[$", token.p[n] ? token.p[n] : 'x'))
		n++;
	return n;
}

static const struct escape_set *set_of(struct qf_slice token, size_t prefix, bool escape, unsigned rules)
{
	bool raw = prefix > 0 && ((token.p[0] | 0x20) == 'r' || (prefix > 1 && (token.p[1] | 0x20) == 'r'));

	if (!escape || (rules & LX_TRIPLE && raw))
		return NULL;
	if (rules & LX_E_STRING)
		return &escapes_postgres;
	return rules & LX_EXEC_COMMENT ? &escapes_mysql : &escapes_other;
}

char *qf_sql_unquote(struct qf_slice token, enum qf_dialect d, struct qf_arena *a)
{
	unsigned rules = qf_lex_rules(d);
	struct qf_lex_open o = { 0 };
	struct text t = { .p = token.p };
	size_t prefix, open = 1, close = 1;

	if (token.n == 0 || !qf_lex_open(token, rules, false, &o) || o.body < QF_BODY_QUOTE || o.body > QF_BODY_Q ||
		!qf_lex_finish(token, rules, false, &o) || o.at != token.n)
		return NULL;
	prefix = prefix_length(token);
	if (o.body == QF_BODY_TRIPLE)
		open = close = 3;
	else if (o.body == QF_BODY_DOLLAR)
		open = close = o.tag;
	else if (o.body == QF_BODY_Q)
		open = close = 2;
	t.at = prefix + open;
	t.n = token.n - close;
	if (t.n < t.at)
		return NULL;
	t.out = qf_arena_alloc(a, t.n - t.at + 1);
	t.unicode = prefix == 2 && token.p[1] == '&';
	t.set = set_of(token, prefix, o.escape, rules);
	if (!t.out || !copy_body(&t, o.body == QF_BODY_QUOTE ? o.quote : 0))
		return NULL;
	t.out[t.len] = 0;
	return t.out;
}
