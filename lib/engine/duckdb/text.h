/*
 * The parameters in the text of a statement: $1 or ?, and the same text with them cast. Pure.
 */
#ifndef QF_ENGINE_DUCKDB_TEXT_H
#define QF_ENGINE_DUCKDB_TEXT_H

#include "type.h"

struct duck_mark {
	size_t at, n;
	unsigned number; /* from 1; 0: it has a name, and no client can give it a value */
	size_t cast_n;	 /* of what stands there in the text with casts */
};

struct duck_text {
	struct qf_slice sql; /* borrowed */
	struct duck_mark *marks;
	size_t n_marks;
	unsigned max; /* the highest number */
};

#define DUCK_MAX_PARAMS 65535u /* Bind counts them in 16 bits */

void duck_text_read(struct duck_text *ret, struct qf_slice sql);
void duck_text_fini(struct duck_text *t);
/* Whether it is one statement; DuckDB makes several of a PIVOT. */
bool duck_text_is_one(const char *sql);
/* The first number up to `max` that does not stand in the text, or 0. */
unsigned duck_text_missing(const struct duck_text *t);

/*
 * Appends the text with parameter i in CAST($i AS casts[i - 1]), or as it is where that is NULL. `nulls`: in place of
 * each parameter stands NULL, so that nothing is left open. Notes the lengths.
 */
void duck_text_cast(struct qf_buf *sql, struct duck_text *t, const struct duck_type *const *casts, bool nulls);
/* Which parameters are cast, and where. {0}: none. */
struct duck_casts {
	bool *of;
	unsigned n;
	struct duck_mark *marks;
	size_t n_marks;
};

void duck_casts_fini(struct duck_casts *c); /* it is {0} again */
/* The byte of the text itself for one of the text with casts. */
size_t duck_casts_origin(const struct duck_casts *c, size_t at);

/* A column's name that DuckDB made of such a text, as it would be without the casts: changed in place. */
void duck_text_uncast(char *name, const struct duck_casts *casts);

#endif
