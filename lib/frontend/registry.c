/* Every frontend that is built. */
#include "postgres/postgres.h"
#include "qf/frontend.h"
#include "trino/trino.h"

static const struct qf_frontend_ops *const frontends[] = { &qf_frontend_trino, &qf_frontend_postgres };

const struct qf_frontend_ops *qf_frontend_ops(enum qf_frontend kind)
{
	for (size_t i = 0; i < sizeof(frontends) / sizeof(frontends[0]); i++)
		if (frontends[i]->kind == kind)
			return frontends[i];
	return NULL;
}
