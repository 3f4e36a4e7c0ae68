/*
 * One pass over a statement: the scanner that qf_sql_facts() runs, for lib/sql only. Lives on the stack of
 * one call. Where a rule needs to know how deep it is beyond SCAN_LEVELS, it takes the safe answer.
 */
#ifndef QF_SQL_FACTS_H
#define QF_SQL_FACTS_H

#include "keywords.h"

enum { SCAN_LEVELS = 64, SCAN_WORD = 64 };

struct qf_lexeme {
	struct qf_token tok;
	enum qf_keyword kw;
	unsigned flags; /* KW_* of it */
};

enum qf_scan_phase {
	SCAN_HEAD,    /* the statement's verb comes next */
	SCAN_WITH,    /* after WITH: common table expressions, then the verb */
	SCAN_EXPLAIN, /* after EXPLAIN: options, then the statement */
	SCAN_BODY,
};

struct qf_fingerprint {
	uint8_t block[512];
	size_t n;
	unsigned list; /* where in an IN list of literals it is */
};

struct qf_scan {
	struct qf_lexer lx;
	enum qf_dialect d;
	struct qf_facts *f;
	struct qf_lexeme prev2, prev, cur;
	struct qf_token next;
	char low[SCAN_WORD]; /* cur in lower case; empty when it is no word or too long to be known */

	enum qf_scan_phase phase;
	enum qf_keyword verb_kw; /* what the verb was read from */
	unsigned index;		 /* tokens since the verb */
	unsigned base;		 /* level of the statement itself: (select 1) has 1 */
	unsigned level;		 /* open ( [ { */
	unsigned cases;		 /* open CASE */
	unsigned chain;		 /* names with a dot behind them before cur */
	uint64_t in_from;	 /* per level: in a FROM clause, where f(…) t(a) names columns */
	uint64_t in_with;	 /* per level: among the names of WITH */
	bool muted;		 /* EXPLAIN and the like: nothing is executed */
	bool copy_to;
	struct qf_fingerprint fp;
};

/* Records why the statement is not a certain read; a certain write beats an unknown. */
void qf_scan_mark(struct qf_scan *s, enum qf_access a, struct qf_slice culprit);
bool qf_scan_is_op(const struct qf_token *t, char c);
bool qf_scan_level_bit(const struct qf_scan *s, uint64_t bits);
void qf_scan_set_bit(const struct qf_scan *s, uint64_t *bits, bool on);

/* verb.c: reads the head of the statement, word by word. */
void qf_scan_head(struct qf_scan *s);
void qf_scan_body(struct qf_scan *s);
/* access.c: looks for what a read must not have at s->cur. */
void qf_scan_word_access(struct qf_scan *s);
void qf_scan_call_access(struct qf_scan *s);
void qf_scan_op_access(struct qf_scan *s);
/* fingerprint.c */
void qf_fingerprint_add(struct qf_scan *s);
uint64_t qf_fingerprint_end(struct qf_fingerprint *fp);

#endif
