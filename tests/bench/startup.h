/* How the programs of the bench introduce themselves to a PostgreSQL server, or to what speaks as one. */
#ifndef QF_BENCH_STARTUP_H
#define QF_BENCH_STARTUP_H

#include <string.h>

#include "qf/proto/postgres.h"

#define STARTUP_USER "bench"
#define STARTUP_DATABASE "queryflux"

/* options: as in PostgreSQL's startup parameter, or NULL. */
static void startup_put(struct qf_buf *out, const char *options)
{
	const char *const words[] = { "user", STARTUP_USER, "database", STARTUP_DATABASE, options ? "options" : NULL,
				      options };

	qf_buf_u32(out, 0);
	qf_buf_u32(out, QF_PG_VERSION_3_0);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words) && words[i]; i++)
		qf_buf_add(out, words[i], strlen(words[i]) + 1);
	qf_buf_u8(out, 0);
	qf_buf_put_u32_at(out, 0, (uint32_t)out->n);
}

#endif
