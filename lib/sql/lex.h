/*
 * Inside of the lexer, for lib/sql only: what a dialect's text looks like (rules), and a lexeme whose end
 * is still searched (struct qf_lex_open in qf/sql.h), which the stream splitter keeps between calls.
 * Pure functions over borrowed bytes; any thread.
 */
#ifndef QF_SQL_LEX_H
#define QF_SQL_LEX_H

#include "qf/sql.h"

enum qf_lex_rules {
	LX_BACKSLASH = 1 << 0,	  /* \ escapes inside strings */
	LX_DQ_STRING = 1 << 1,	  /* "…" is a string */
	LX_BACKTICK = 1 << 2,	  /* `name` */
	LX_BRACKET = 1 << 3,	  /* [name] */
	LX_ESCAPED_NAME = 1 << 4, /* \ escapes inside quoted names */
	LX_E_STRING = 1 << 5,	  /* E'…' has \ escapes although '…' has none */
	LX_RAW_STRING = 1 << 6,	  /* r'…' has none, not even of the quote */
	LX_TRIPLE = 1 << 7,	  /* '''…''' and """…""" */
	LX_Q_STRING = 1 << 8,	  /* q'[…]' */
	LX_DOLLAR_TAG = 1 << 9,	  /* $tag$…$tag$ */
	LX_DOLLAR_PLAIN = 1 << 10, /* $$…$$ only */
	LX_NEST = 1 << 11,	  /* block comments nest */
	LX_HASH = 1 << 12,	  /* # starts a comment */
	LX_HASH_SPACE = 1 << 13,  /* "# " and "#!" start a comment */
	LX_SLASHES = 1 << 14,	  /* // starts a comment */
	LX_DASH_SPACE = 1 << 15,  /* -- needs white space after it */
	LX_EXEC_COMMENT = 1 << 16, /* a block comment that starts with ! is executed */
	LX_CR_ENDS = 1 << 17,	  /* a carriage return ends a line comment */
	LX_LINE_CONT = 1 << 18,	  /* \ at the end of a line continues its comment */
	LX_P_NUMBER = 1 << 19,	  /* $1 */
	LX_P_NAME = 1 << 20,	  /* $name */
	LX_P_QUESTION = 1 << 21,  /* ?, ?1 */
	LX_P_COLON = 1 << 22,	  /* :name, :1 */
	LX_P_AT = 1 << 23,	  /* @name */
	LX_P_BRACE = 1 << 24,	  /* {name:Type} */
	LX_AT_WORD = 1 << 25,	  /* @name is a variable of the session, not a placeholder */
	LX_HASH_WORD = 1 << 26,	  /* # may stand in a name */
	LX_NO_DOLLAR = 1 << 27,	  /* $ may not stand in a name */
	LX_DIGIT_NAME = 1 << 28,  /* 1abc is a name */
	LX_PG_OPS = 1 << 29,	  /* operators are runs of operator characters [PG 4.1.3] */
	LX_WIDE_SPACE = 1 << 30,  /* no-break and other wide spaces are white space outside of quotes */
};

/* How the splitter treats ';' in parentheses and in SQL routine bodies. */
bool qf_lex_psql_rules(enum qf_dialect d);
unsigned qf_lex_rules(enum qf_dialect d);

/* Kinds of bodies whose end must be searched. */
enum qf_lex_body {
	QF_BODY_NONE, /* nothing to search: o->at is the end */
	QF_BODY_LINE,
	QF_BODY_BLOCK,
	QF_BODY_QUOTE,
	QF_BODY_TRIPLE,
	QF_BODY_DOLLAR,
	QF_BODY_Q,
	QF_BODY_WORD,
	QF_BODY_HEX,
};

/* What a byte is; from 0x80 on they are letters: every dialect here takes UTF-8 in names. */
enum { C_SPACE = 1, C_START = 2, C_DIGIT = 4, C_OP = 8 };
extern const uint8_t qf_lex_classes[256];

/* The byte at i, 0 behind the end: no rule takes a 0 for anything. */
static inline uint8_t qf_lex_byte(struct qf_slice t, size_t i)
{
	return i < t.n ? t.p[i] : 0;
}

/* Index of the first byte at or after at that is no white space. */
size_t qf_lex_space(struct qf_slice text, size_t at, unsigned rules);
/*
 * Starts the lexeme at o->start (not white space, not the end). False when the bytes do not suffice to
 * say what it is, which only happens with more (more text will follow).
 */
bool qf_lex_open(struct qf_slice text, unsigned rules, bool more, struct qf_lex_open *o);
/*
 * Goes on to its end from o->at. True: o->at is behind it. False: the text ends first (or, with more, may
 * go on); calling again with the same bytes and further ones continues.
 */
bool qf_lex_finish(struct qf_slice text, unsigned rules, bool more, struct qf_lex_open *o);

/* Index behind the name bytes from at on. */
size_t qf_lex_word(struct qf_slice text, size_t at, unsigned rules);

/* lex_end.c: the index behind what starts at at. */
bool qf_lex_hex_digit(uint8_t c);
size_t qf_lex_hex(struct qf_slice text, size_t at);	/* hexadecimal digits */
size_t qf_lex_index(struct qf_slice text, size_t at);	/* the number of a placeholder: digits alone */
size_t qf_lex_decimal(struct qf_slice text, size_t at); /* a number */
size_t qf_lex_pg_op(struct qf_slice text, size_t start, unsigned rules);
size_t qf_lex_plain_op(struct qf_slice text, size_t start);
/* The number from start to end may go on when more text comes: 1e, 1e+, 0x, 1_. */
bool qf_lex_unsure(struct qf_slice text, size_t start, size_t end);
/* The name bytes from at to end are a number's type: 10L, 1.5BD [Hive, Spark]. */
bool qf_lex_suffix(struct qf_slice text, size_t at, size_t end);

/* ASCII lower case of a word into buf (NUL-terminated); 0 when it is longer than size - 1. */
size_t qf_lex_fold(struct qf_slice word, char *buf, size_t size);

#endif
