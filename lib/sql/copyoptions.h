/* Options of COPY while they are read; for lib/sql only. */
#ifndef QF_SQL_COPYOPTIONS_H
#define QF_SQL_COPYOPTIONS_H

#include "pgwords.h"

enum copy_option {
	COPY_FORMAT, COPY_FREEZE, COPY_DELIMITER, COPY_NULL, COPY_HEADER, COPY_QUOTE, COPY_ESCAPE, COPY_FORCE_QUOTE,
	COPY_FORCE_NOT_NULL, COPY_FORCE_NULL, COPY_ENCODING, COPY_OPTIONS
};

struct copy_options {
	bool seen[COPY_OPTIONS];
	const char *delimiter, *quote, *escape;
};

/* The options behind the place, in brackets or in the old way; `binary`: COPY BINARY was said. -EINVAL. */
int copy_options_parse(struct pg_words *p, struct qf_copy_stmt *c, const char *delimiters, bool binary) qf_must_check;

#endif
