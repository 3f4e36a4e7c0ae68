/* What the filter writes: statements to standard output, what speaks against them to standard error. */
#ifndef PRINT_H
#define PRINT_H

#include "filter.h"
#include "translator.h"

struct statement {
	char *text;
	size_t n;
	size_t comment_n;   /* bytes of comments before its first word */
	unsigned line;	    /* of its first word */
	unsigned text_line; /* of its first byte */
	bool empty;	    /* comments only */
};

struct result { /* a translation, kept until its turn */
	enum translate_status status;
	struct qf_buf bytes; /* what the slices below borrow from */
	struct qf_slice sql, text, hint, sqlstate;
	struct translate_list warnings, doubts;
	unsigned line, column;
};

struct printer {
	const struct filter_opts *o;
	const char *name; /* of the input */
};

void result_take(struct result *r, const struct translation *t); /* copies; r is empty */
void result_fini(struct result *r);
/* False when the statement failed. */
bool print_result(struct printer *p, const struct statement *st, const struct result *r);

#endif
