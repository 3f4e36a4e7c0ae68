/* Where a lexeme starts and what it is. Ends that must be searched for are found in lex_body.c, others in
 * lex_end.c. */
#include <string.h>

#include "lex.h"

enum {
	LONG_RUN = 64,	/* no prefix of a literal is as long: the end alone matters */
	TAG_MAX = 1024, /* of $tag$ */
};

/* Length of the wide white space at i, as DuckDB takes it for a blank; 0 when it is none. */
static size_t wide_space(struct qf_slice t, size_t i)
{
	uint8_t a = qf_lex_byte(t, i), b = qf_lex_byte(t, i + 1), c = qf_lex_byte(t, i + 2);

	if (a == 0xc2)
		return b == 0xa0 ? 2 : 0;
	if (a == 0xe2 && b == 0x80)
		return (c >= 0x80 && c <= 0x8d) || c == 0xaf ? 3 : 0;
	if (a == 0xe2 && b == 0x81)
		return c == 0x9f || c == 0xa0 ? 3 : 0;
	if (a == 0xe3)
		return b == 0x80 && c == 0x80 ? 3 : 0;
	return a == 0xef && b == 0xbb && c == 0xbf ? 3 : 0;
}

size_t qf_lex_space(struct qf_slice t, size_t at, unsigned rules)
{
	for (;;) {
		while (at < t.n && qf_lex_classes[t.p[at]] & C_SPACE)
			at++;
		size_t wide = rules & LX_WIDE_SPACE && qf_lex_byte(t, at) >= 0x80 ? wide_space(t, at) : 0;
		if (wide == 0)
			return at;
		at += wide;
	}
}

static bool name_byte(uint8_t c, unsigned rules)
{
	if (qf_lex_classes[c] & (C_START | C_DIGIT))
		return true;
	if (c == '$')
		return !(rules & LX_NO_DOLLAR);
	return rules & LX_HASH_WORD && (c == '#' || (c == '@' && rules & LX_P_AT));
}

size_t qf_lex_word(struct qf_slice t, size_t at, unsigned rules)
{
	while (at < t.n && name_byte(t.p[at], rules)) {
		if (t.p[at] >= 0x80 && rules & LX_WIDE_SPACE && wide_space(t, at))
			break;
		at++;
	}
	return at;
}

static bool set_token(struct qf_lex_open *o, enum qf_tok type, size_t end)
{
	o->type = type;
	o->body = QF_BODY_NONE;
	o->at = end;
	return true;
}

/* A long name that touches the end of what there is: its search goes on instead of starting anew. */
static bool set_run(struct qf_slice t, bool more, enum qf_lex_body body, enum qf_tok type, size_t end,
	struct qf_lex_open *o)
{
	set_token(o, type, end);
	if (!more || end < t.n || end - o->start < LONG_RUN)
		return true;
	o->body = (uint8_t)body;
	/* Two bytes back: a wide blank may be cut in the middle. */
	o->at = end - 2;
	return true;
}

static bool set_body(struct qf_lex_open *o, enum qf_tok type, enum qf_lex_body body, size_t at)
{
	o->type = type;
	o->body = (uint8_t)body;
	o->at = at;
	return true;
}

/* The quote at q opens a string or a quoted name. */
static bool open_quote(struct qf_slice t, unsigned rules, bool more, size_t q, bool escape, struct qf_lex_open *o)
{
	uint8_t c = t.p[q];
	bool string = c == '\'' || (c == '"' && rules & LX_DQ_STRING);

	o->quote = c == '[' ? ']' : c;
	o->escape = string ? escape : (rules & LX_ESCAPED_NAME) != 0;
	if (string && rules & LX_TRIPLE && (q + 1 >= t.n || t.p[q + 1] == c)) {
		if (qf_lex_byte(t, q + 2) == c)
			return set_body(o, QF_TOK_STRING, QF_BODY_TRIPLE, q + 3);
		if (q + 2 >= t.n && more)
			return false;
	}
	return set_body(o, string ? QF_TOK_STRING : QF_TOK_QUOTED, QF_BODY_QUOTE, q + 1);
}

/* q'[…]' closes with the mirror image of its delimiter, or the delimiter itself. */
static bool open_q_string(struct qf_slice t, bool more, size_t quote, struct qf_lex_open *o)
{
	static const char opening[] = "[{(<", closing[] = "]})>";
	uint8_t c = qf_lex_byte(t, quote + 1);
	const char *pair = c ? strchr(opening, c) : NULL;

	if (quote + 1 >= t.n && more)
		return false;
	o->quote = pair ? (uint8_t)closing[pair - opening] : c;
	return set_body(o, QF_TOK_STRING, QF_BODY_Q, quote + 1 < t.n ? quote + 2 : t.n);
}

/* A word of one or two letters with a quote right behind it: false in *ret_is when it is no prefix. */
static bool open_prefixed(struct qf_slice t, unsigned rules, bool more, size_t end, struct qf_lex_open *o, bool *ret_is)
{
	uint8_t a = t.p[o->start] | 0x20, b = end - o->start > 1 ? t.p[o->start + 1] | 0x20 : 0;
	bool dq = t.p[end] == '"', escape = (rules & LX_BACKSLASH) != 0;

	*ret_is = true;
	if (dq && !(rules & LX_DQ_STRING)) {
		*ret_is = false;
		return true;
	}
	if (rules & LX_Q_STRING && !dq && ((a == 'q' && !b) || (a == 'n' && b == 'q')))
		return open_q_string(t, more, end, o);
	if (a == 'e' && !b && rules & LX_E_STRING && !dq)
		return open_quote(t, rules, more, end, true, o);
	if (a == 'r' && !b && rules & LX_RAW_STRING)
		return open_quote(t, rules, more, end, false, o);
	if (!b && (a == 'n' || a == 'b' || a == 'x'))
		return open_quote(t, rules, more, end, escape, o);
	/* A raw string of BigQuery keeps its backslashes, yet \' does not end it. */
	if (rules & LX_TRIPLE && ((a == 'r' && (!b || b == 'b')) || (a == 'b' && b == 'r')))
		return open_quote(t, rules, more, end, true, o);
	*ret_is = false;
	return true;
}

static bool open_word(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	size_t end = qf_lex_word(t, o->start, rules), n = end - o->start;
	uint8_t next = qf_lex_byte(t, end), after = qf_lex_byte(t, end + 1);
	bool is = false;

	if (end == t.n && more)
		return n >= LONG_RUN && set_run(t, more, QF_BODY_WORD, QF_TOK_WORD, end, o);
	if (n <= 2 && (next == '\'' || next == '"')) {
		bool known = open_prefixed(t, rules, more, end, o, &is);
		if (is)
			return known;
	}
	if (n == 1 && next == '&' && (t.p[o->start] | 0x20) == 'u' && !(rules & LX_BACKSLASH)) {
		if (end + 1 == t.n && more)
			return false;
		if (after == '\'' || after == '"')
			return open_quote(t, rules, more, end + 1, false, o);
	}
	return set_token(o, QF_TOK_WORD, end);
}

static bool open_number(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	size_t at = o->start, end, name;
	bool hex = t.p[at] == '0' && (qf_lex_byte(t, at + 1) | 0x20) == 'x' && qf_lex_hex_digit(qf_lex_byte(t, at + 2));

	end = hex ? qf_lex_hex(t, at + 2) : qf_lex_decimal(t, at);
	if (more && qf_lex_unsure(t, at, end))
		return false;
	name = rules & LX_DIGIT_NAME ? qf_lex_word(t, end, rules) : end;
	if (name > end && qf_lex_suffix(t, end, name))
		return set_token(o, QF_TOK_NUMBER, name);
	if (rules & LX_DIGIT_NAME && !memchr(t.p + at, '.', end - at))
		return set_run(t, more, QF_BODY_WORD, name > end ? QF_TOK_WORD : QF_TOK_NUMBER, name, o);
	return hex ? set_run(t, more, QF_BODY_HEX, QF_TOK_NUMBER, end, o) : set_token(o, QF_TOK_NUMBER, end);
}

static bool open_dollar(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	size_t at = o->start + 1, end = at;
	uint8_t next = qf_lex_byte(t, at);

	if (next == '$' && rules & (LX_DOLLAR_TAG | LX_DOLLAR_PLAIN)) {
		o->tag = 2;
		return set_body(o, QF_TOK_STRING, QF_BODY_DOLLAR, at + 1);
	}
	if (rules & LX_DOLLAR_TAG && qf_lex_classes[next] & C_START) {
		while (end < t.n && end - at < TAG_MAX && qf_lex_classes[t.p[end]] & (C_START | C_DIGIT))
			end++;
		if (end == t.n && more)
			return false;
		if (qf_lex_byte(t, end) == '$') {
			o->tag = end + 1 - o->start;
			return set_body(o, QF_TOK_STRING, QF_BODY_DOLLAR, end + 1);
		}
	}
	if (rules & LX_P_NUMBER && qf_lex_classes[next] & C_DIGIT)
		return set_token(o, QF_TOK_PARAM, qf_lex_index(t, at));
	end = qf_lex_word(t, at, rules);
	if (end > at && rules & (LX_P_NAME | LX_AT_WORD))
		return set_run(t, more, QF_BODY_WORD, rules & LX_P_NAME ? QF_TOK_PARAM : QF_TOK_WORD, end, o);
	return set_token(o, QF_TOK_OP, at);
}

/* False when the @ is no more than an operator. */
static bool open_at(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	size_t name = o->start + (qf_lex_byte(t, o->start + 1) == '@' ? 2 : 1);
	size_t end = rules & (LX_P_AT | LX_AT_WORD) ? qf_lex_word(t, name, rules) : name;
	bool param = rules & LX_P_AT && name == o->start + 1;

	return end > name && set_run(t, more, QF_BODY_WORD, param ? QF_TOK_PARAM : QF_TOK_WORD, end, o);
}

static bool open_colon(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	uint8_t next = qf_lex_byte(t, o->start + 1), before = o->start ? t.p[o->start - 1] : 0;
	/* v:path reads a field of v; a placeholder never stands right behind a value. */
	bool value = before && (name_byte(before, rules) || strchr("'\"`)]", before));

	if (next == ':' || next == '=')
		return set_token(o, QF_TOK_OP, o->start + 2);
	if (rules & LX_P_COLON && !value && qf_lex_classes[next] & (C_START | C_DIGIT))
		return set_run(t, more, QF_BODY_WORD, QF_TOK_PARAM, qf_lex_word(t, o->start + 1, rules), o);
	return set_token(o, QF_TOK_OP, o->start + 1);
}

/* {name:Type}; anything else in braces is a map or a pattern, token by token. */
static bool open_brace(struct qf_slice t, unsigned rules, struct qf_lex_open *o)
{
	size_t at = qf_lex_space(t, o->start + 1, rules), end = qf_lex_word(t, at, rules);

	at = qf_lex_space(t, end, rules);
	if (end == o->start + 1 || qf_lex_byte(t, at) != ':' || !(rules & LX_P_BRACE))
		return set_token(o, QF_TOK_OP, o->start + 1);
	while (at < t.n && !strchr("{};'\"`\n", t.p[at]))
		at++;
	if (qf_lex_byte(t, at) == '}')
		return set_token(o, QF_TOK_PARAM, at + 1);
	return set_token(o, QF_TOK_OP, o->start + 1);
}

static bool open_op(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	uint8_t c = t.p[o->start];

	if (c == '@' && open_at(t, rules, more, o))
		return true;
	if (c == '?' && rules & LX_P_QUESTION)
		return set_token(o, QF_TOK_PARAM, qf_lex_index(t, o->start + 1));
	if (c == '#' && rules & LX_HASH_WORD && qf_lex_word(t, o->start, rules) > o->start + 1)
		return set_run(t, more, QF_BODY_WORD, QF_TOK_WORD, qf_lex_word(t, o->start, rules), o);
	if (rules & LX_PG_OPS && qf_lex_classes[c] & C_OP)
		return set_token(o, QF_TOK_OP, qf_lex_pg_op(t, o->start, rules));
	if (qf_lex_classes[c] & C_OP || c == '.')
		return set_token(o, QF_TOK_OP, qf_lex_plain_op(t, o->start));
	return set_token(o, QF_TOK_OP, o->start + 1);
}

/* True when a comment starts here; *ret_known is false when that cannot be said yet. */
static bool open_comment(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o, bool *ret_known)
{
	uint8_t a = t.p[o->start], b = qf_lex_byte(t, o->start + 1), c = qf_lex_byte(t, o->start + 2);
	bool line = false;

	if (a == '-' && b == '-') {
		*ret_known = !(rules & LX_DASH_SPACE) || o->start + 2 < t.n || !more;
		line = *ret_known && (!(rules & LX_DASH_SPACE) || c <= ' ' || c == 0x7f);
	} else if (a == '#') {
		line = rules & LX_HASH || (rules & LX_HASH_SPACE && (b == ' ' || b == '!'));
	} else if (a == '/' && b == '/') {
		line = (rules & LX_SLASHES) != 0;
	} else if (a == '/' && b == '*') {
		bool run = rules & LX_EXEC_COMMENT && (c == '!' || (c == 'M' && qf_lex_byte(t, o->start + 3) == '!'));
		o->nest = 1;
		return set_body(o, run ? QF_TOK_OP : QF_TOK_COMMENT, QF_BODY_BLOCK, o->start + 2);
	}
	return line && set_body(o, QF_TOK_COMMENT, QF_BODY_LINE, o->start + 1);
}

bool qf_lex_open(struct qf_slice t, unsigned rules, bool more, struct qf_lex_open *o)
{
	uint8_t c = t.p[o->start];
	bool known = true;

	if (qf_lex_classes[c] & C_START)
		return open_word(t, rules, more, o);
	if (qf_lex_classes[c] & C_DIGIT || (c == '.' && qf_lex_classes[qf_lex_byte(t, o->start + 1)] & C_DIGIT))
		return open_number(t, rules, more, o);
	if ((c == '-' || c == '/' || c == '#') && open_comment(t, rules, more, o, &known))
		return true;
	if (!known)
		return false;
	if (c == '\'' || c == '"' || (c == '`' && rules & LX_BACKTICK) || (c == '[' && rules & LX_BRACKET))
		return open_quote(t, rules, more, o->start, (rules & LX_BACKSLASH) != 0, o);
	if (c == ';')
		return set_token(o, QF_TOK_SEMICOLON, o->start + 1);
	if (c == '$')
		return open_dollar(t, rules, more, o);
	if (c == ':')
		return open_colon(t, rules, more, o);
	if (c == '{')
		return open_brace(t, rules, o);
	return open_op(t, rules, more, o);
}
