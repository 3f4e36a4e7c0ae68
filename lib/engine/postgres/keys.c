/* SCRAM keys, and logging in by them: see keys.h. */
#include "keys.h"

#include <string.h>
#include <sys/mman.h>

#include "qf/log.h"

/* A page each: there are as many as connections are being made. What cannot be locked is kept out of dumps at least. */
struct qf_scram_keys *pge_keys_copy(const struct qf_scram_keys *keys)
{
	struct qf_scram_keys *k = mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (k == MAP_FAILED)
		return NULL;
	if (mlock(k, sizeof(*k)) < 0)
		qf_debug("memory for SCRAM keys is not locked: %s", qf_strerror(-errno));
	if (madvise(k, sizeof(*k), MADV_DONTDUMP) < 0)
		qf_debug("memory for SCRAM keys is not kept out of dumps: %s", qf_strerror(-errno));
	*k = *keys;
	return k;
}

void pge_keys_free(struct qf_scram_keys *keys)
{
	if (!keys)
		return;
	explicit_bzero(keys, sizeof(*keys));
	munmap(keys, sizeof(*keys));
}
