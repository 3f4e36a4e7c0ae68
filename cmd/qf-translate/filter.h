/*
 * The filter: statements from a stream, translated, in order, to standard output. One statement is held for
 * each translation at work, so memory does not grow with the input.
 */
#ifndef FILTER_H
#define FILTER_H

#include <stdbool.h>
#include <stdio.h>

#include "qf/sql.h"

struct filter_opts {
	enum qf_dialect from, to;
	bool strict; /* a doubt is a failure */
	bool json;
	bool guard; /* see translator.h */
	const char *file; /* NULL: standard input */
	struct qf_slice types; /* see translator.h */
	const char *schema; /* JSON {"table": {"column": "TYPE"}}: may be NULL */
};

/* The program's exit status. */
int filter_run(const struct filter_opts *o);

#endif
