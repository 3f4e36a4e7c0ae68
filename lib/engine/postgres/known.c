/*
 * What is known of statements that came before: what their text says they leave behind, and whether they were brief.
 * Bounded; what was forgotten is found out again.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/lru.h"

enum {
	EFFECTS_BYTES = 512 << 10,
	EFFECTS_TEXT = 4 << 10, /* longer ones take long themselves */
	BRIEF_SLOTS = 4096,	/* a power of two */
};

#define BRIEF_NS (10 * QF_MS)

struct pge_known {
	struct qf_lru *effects; /* text → struct pge_effects */
	uint64_t brief[BRIEF_SLOTS]; /* fingerprints, each in the place of its lowest bits */
};

struct pge_known *pge_known_new(void)
{
	struct pge_known *k = qf_xcalloc(1, sizeof(*k));

	k->effects = qf_lru_new(EFFECTS_BYTES);
	return k;
}

struct pge_known *pge_known_free(struct pge_known *k)
{
	if (!k)
		return NULL;
	qf_lru_free(k->effects);
	free(k);
	return NULL;
}

void pge_known_effects(struct pge_known *k, struct qf_slice sql, struct pge_effects *ret)
{
	struct qf_slice found;

	if (sql.n <= EFFECTS_TEXT && qf_lru_get(k->effects, sql, &found)) {
		qf_assert(found.n == sizeof(*ret));
		memcpy(ret, found.p, sizeof(*ret));
		return;
	}
	pge_effects_read(ret, sql);
	if (sql.n <= EFFECTS_TEXT)
		qf_lru_put(k->effects, sql, qf_slice(ret, sizeof(*ret)));
}

static uint64_t *slot(struct pge_known *k, uint64_t fingerprint)
{
	return &k->brief[fingerprint & (BRIEF_SLOTS - 1)];
}

bool pge_known_brief(struct pge_known *k, const struct pge_effects *e)
{
	return e->fingerprint && *slot(k, e->fingerprint) == e->fingerprint;
}

/* A statement of this shape took so long. */
void pge_known_took(struct pge_known *k, const struct pge_effects *e, uint64_t ns)
{
	if (!e->fingerprint)
		return;
	if (ns < BRIEF_NS)
		*slot(k, e->fingerprint) = e->fingerprint;
	else if (pge_known_brief(k, e))
		*slot(k, e->fingerprint) = 0;
}
