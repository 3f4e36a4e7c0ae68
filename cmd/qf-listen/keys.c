/* SCRAM keys of users who are logged in, in memory that is locked and in no core dump. See qf/frontend.h. */
#include "hub.h"

#include "qf/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, PER_PAGE = PAGE / sizeof(struct qf_scram_keys) };

union slot {
	struct qf_scram_keys keys;
	union slot *next; /* while nobody has it */
};

struct holder {
	union slot *slot;
	size_t sessions;
};

struct page {
	struct page *next;
	union slot *slots;
};

struct keys {
	struct qf_map *holders; /* user → struct holder */
	struct page *pages;
	union slot *unused;
	bool unlocked; /* it was said that the system locks no memory */
};

/* ---- memory ---- */

static bool add_page(struct keys *k)
{
	union slot *slots = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (slots == MAP_FAILED)
		return false;
	if ((mlock(slots, PAGE) < 0 || madvise(slots, PAGE, MADV_DONTDUMP) < 0) && !k->unlocked) {
		qf_warn("memory for SCRAM keys is not locked: %s; raise LimitMEMLOCK", qf_strerror(-errno));
		k->unlocked = true;
	}
	struct page *p = qf_xcalloc(1, sizeof(*p));

	*p = (struct page){ .next = k->pages, .slots = slots };
	k->pages = p;
	for (size_t i = 0; i < PER_PAGE; i++) {
		slots[i].next = k->unused;
		k->unused = &slots[i];
	}
	return true;
}

static union slot *take_slot(struct keys *k)
{
	if (!k->unused && !add_page(k))
		return NULL;
	union slot *s = k->unused;

	k->unused = s->next;
	return s;
}

static void free_holder(struct keys *k, struct holder *h)
{
	explicit_bzero(h->slot, sizeof(*h->slot));
	h->slot->next = k->unused;
	k->unused = h->slot;
	free(h);
}

/* ---- who has keys ---- */

static struct holder *find(const struct keys *k, const char *user)
{
	return k ? qf_map_get(k->holders, qf_slice_str(user)) : NULL;
}

static struct holder *new_holder(struct keys *k, const char *user)
{
	union slot *slot = take_slot(k);

	if (!slot)
		return NULL;
	struct holder *h = qf_xcalloc(1, sizeof(*h));

	h->slot = slot;
	qf_map_put(k->holders, qf_slice_str(user), h);
	return h;
}

static bool asked_for(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->n_clusters; i++)
		if (conf->clusters[i].query_auth == QF_QUERY_AUTH_SCRAM_KEYS)
			return true;
	return false;
}

bool qf_hub_keys_put(struct qf_hub *h, const char *user, const struct qf_scram_keys *keys)
{
	if (!asked_for(h->run->conf))
		return false;
	if (!h->keys) {
		h->keys = qf_xcalloc(1, sizeof(*h->keys));
		h->keys->holders = qf_map_new();
	}
	struct holder *who = find(h->keys, user);

	if (!who)
		who = new_holder(h->keys, user);
	if (!who)
		return false;
	who->slot->keys = *keys;
	who->sessions++;
	return true;
}

void qf_hub_keys_drop(struct qf_hub *h, const char *user)
{
	struct holder *who = find(h->keys, user);

	if (!who || --who->sessions > 0)
		return;
	qf_map_del(h->keys->holders, qf_slice_str(user));
	free_holder(h->keys, who);
}

const struct qf_scram_keys *qf_hub_keys(const struct qf_hub *h, const char *user)
{
	const struct holder *who = find(h->keys, user);

	return who ? &who->slot->keys : NULL;
}

/* ---- the end ---- */

void keys_close(struct qf_hub *h)
{
	struct keys *k = h->keys;
	struct holder *who;
	size_t at = 0;

	if (!k)
		return;
	while ((who = qf_map_next(k->holders, &at, NULL)))
		free_holder(k, who);
	while (k->pages) {
		struct page *p = k->pages;

		k->pages = p->next;
		munmap(p->slots, PAGE);
		free(p);
	}
	qf_map_free(k->holders);
	free(k);
	h->keys = NULL;
}
