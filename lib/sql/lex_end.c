/* The ends of numbers and operators, and what bytes are. */
#include <string.h>

#include "lex.h"

enum {
	OP_MAX = 63,	   /* longer operators do not exist; keeps runs of + linear [PG 4.1.3] */
	NUMBER_MAX = 4096, /* a longer one is several tokens: its lookahead is never searched twice */
};

/* Bytes from 0x80 on are letters: every dialect here takes UTF-8 in names. */
const uint8_t qf_lex_classes[256] = {
	['\t' ... '\r'] = C_SPACE, [' '] = C_SPACE,
	['0' ... '9'] = C_DIGIT,
	['A' ... 'Z'] = C_START, ['a' ... 'z'] = C_START, ['_'] = C_START, [0x80 ... 0xff] = C_START,
	['~'] = C_OP, ['!'] = C_OP, ['@'] = C_OP, ['#'] = C_OP, ['^'] = C_OP, ['&'] = C_OP, ['|'] = C_OP, ['?'] = C_OP,
	['+'] = C_OP, ['-'] = C_OP, ['*'] = C_OP, ['/'] = C_OP, ['%'] = C_OP, ['<'] = C_OP, ['>'] = C_OP, ['='] = C_OP,
};

/* The number of a placeholder: digits alone. */
size_t qf_lex_index(struct qf_slice t, size_t at)
{
	size_t end = at;

	while (end < t.n && end - at < NUMBER_MAX && qf_lex_classes[t.p[end]] & C_DIGIT)
		end++;
	return end;
}

static size_t digits(struct qf_slice t, size_t at)
{
	while (at < t.n && (qf_lex_classes[t.p[at]] & C_DIGIT ||
				   (t.p[at] == '_' && qf_lex_classes[qf_lex_byte(t, at + 1)] & C_DIGIT)))
		at++;
	return at;
}

bool qf_lex_hex_digit(uint8_t c)
{
	return qf_lex_classes[c] & C_DIGIT || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

size_t qf_lex_hex(struct qf_slice t, size_t at)
{
	while (at < t.n && qf_lex_hex_digit(t.p[at]))
		at++;
	return at;
}

size_t qf_lex_decimal(struct qf_slice t, size_t at)
{
	if (t.n - at > NUMBER_MAX)
		t.n = at + NUMBER_MAX;
	at = digits(t, at);
	if (qf_lex_byte(t, at) == '.' && qf_lex_byte(t, at + 1) != '.')
		at = digits(t, at + 1);
	if ((qf_lex_byte(t, at) | 0x20) == 'e') {
		size_t sign = qf_lex_byte(t, at + 1) == '+' || qf_lex_byte(t, at + 1) == '-';
		if (qf_lex_classes[qf_lex_byte(t, at + 1 + sign)] & C_DIGIT)
			at = digits(t, at + 1 + sign);
	}
	return at;
}

/* 1e, 1e+, 0x, 1_ at the end of what there is: the number may go on. */
bool qf_lex_unsure(struct qf_slice t, size_t start, size_t end)
{
	uint8_t c = qf_lex_byte(t, end), low = c | 0x20, next = qf_lex_byte(t, end + 1);

	if (t.n - end == 1)
		return low == 'e' || c == '_' || (low == 'x' && end - start == 1);
	return t.n - end == 2 && low == 'e' && (next == '+' || next == '-');
}

/* 10L, 1.5BD: the type suffixes of Hive and Spark. */
bool qf_lex_suffix(struct qf_slice t, size_t at, size_t end)
{
	uint8_t a = t.p[at] | 0x20;

	if (end - at == 2)
		return a == 'b' && (t.p[at + 1] | 0x20) == 'd';
	return end - at == 1 && strchr("lsydf", a);
}

/*
 * A run of operator characters. PostgreSQL lets one end in + or - only when it holds a character that
 * standard operators lack; here a + or - goes on only into another character, which looks no further ahead.
 */
size_t qf_lex_pg_op(struct qf_slice t, size_t start, unsigned rules)
{
	bool special = strchr("~!@#^&|?%", t.p[start]) != NULL;
	size_t end = start + 1;

	for (; end < t.n && end - start < OP_MAX && qf_lex_classes[t.p[end]] & C_OP; end++) {
		uint8_t c = t.p[end], next = qf_lex_byte(t, end + 1);
		bool sign = c == '+' || c == '-';
		if ((c == '-' && next == '-') || (c == '/' && next == '*') || (c == '?' && rules & LX_P_QUESTION))
			break;
		if (sign && !special && (!(qf_lex_classes[next] & C_OP) || next == '+' || next == '-'))
			break;
		special = special || strchr("~!@#^&|?%", c);
	}
	return end;
}

/* The bytes that may follow the first one of an operator. */
static const char *op_seconds(uint8_t first)
{
	switch (first) {
	case '<':
		return "<>=";
	case '>':
		return ">=";
	case '|':
		return "|>";
	case '-':
	case '=':
		return ">=";
	case '&':
		return "&";
	case '*':
		return "*=";
	case '.':
		return ".";
	case '#':
		return ">";
	case '!':
	case '+':
	case '/':
		return "=";
	default:
		return "";
	}
}

/* ->, <>, <=, ||, …; of three: ->>, #>>, <=>, <<=, >>= */
size_t qf_lex_plain_op(struct qf_slice t, size_t start)
{
	uint8_t a = t.p[start], b = qf_lex_byte(t, start + 1), c = qf_lex_byte(t, start + 2);

	if (!b || !strchr(op_seconds(a), b))
		return start + 1;
	if (b == '>' && c == '>' && (a == '-' || a == '#'))
		return start + 3;
	if ((a == '<' && b == '=' && c == '>') || ((a == '<' || a == '>') && a == b && c == '='))
		return start + 3;
	return start + 2;
}
