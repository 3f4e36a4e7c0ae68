/*
 * Verdicts that may be used again: an equal statement of an equal session goes straight to the qf-dispatch that owns
 * the group, without the hop over qf-route; every statement of it where no rule of the configuration looks at the text.
 * DESIGN §3, tickets.
 *
 * Only qf-route says that a verdict is one: when its chain read nothing but the session and the text (no script). It is
 * good for one configuration id and one epoch of that qf-dispatch, which takes it only while it has the same id.
 */
#include "hub.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES (4u << 20)
#define TEXT_MAX (16u << 10) /* longer statements hardly come again */

struct ticket { /* as it stands in the cache */
	uint64_t conf_id, epoch;
	char instance[33];
	char group[64];
};

static void add_text(struct qf_buf *key, const char *s)
{
	if (s)
		qf_buf_add_str(key, s);
	qf_buf_u8(key, s ? 0 : 1);
}

static void add_pairs(struct qf_buf *key, const struct qf_conf_kv *kv, size_t n)
{
	qf_buf_u32(key, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		add_text(key, kv[i].key);
		add_text(key, kv[i].value);
	}
}

/* All that a chain without scripts can look at. */
static struct qf_slice make_key(struct qf_query *q)
{
	const struct qf_session_facts *s = q->req.session;
	struct qf_buf *key = &q->hub->key;

	qf_buf_clear(key);
	qf_buf_u8(key, (uint8_t)s->frontend);
	qf_buf_u8(key, (uint8_t)s->dialect);
	add_text(key, s->user);
	add_text(key, s->database);
	add_text(key, s->schema);
	add_text(key, q->pin && q->pin->placed ? q->pin->group : NULL);
	add_pairs(key, s->headers, s->n_headers);
	add_pairs(key, s->tags, s->n_tags);
	if (q->hub->run->conf->reads_text)
		qf_buf_add_slice(key, q->sql);
	return qf_buf_slice(key);
}

static bool is_short(const struct qf_query *q)
{
	return q->sql.n > 0 && (q->sql.n <= TEXT_MAX || !q->hub->run->conf->reads_text);
}

struct qf_peer *ticket_find(struct qf_query *q)
{
	struct qf_hub *h = q->hub;
	struct qf_slice found;
	struct ticket t;

	if (q->rl.attempt > 1 || !is_short(q) || !qf_lru_get(h->tickets, make_key(q), &found) || found.n != sizeof t)
		return NULL;
	memcpy(&t, found.p, sizeof t);
	struct qf_peer *p = qf_bus_find(h->run->bus, QF_DISPATCH, qf_slice_str(t.instance));

	if (!p || p->epoch != t.epoch || p->suspended || t.conf_id != h->run->conf->id)
		return NULL;
	memcpy(q->group, t.group, sizeof q->group);
	return p;
}

void ticket_keep(struct qf_query *q, const struct qf_msg *m, const struct qf_peer *from)
{
	struct ticket t = { .conf_id = qf_get_u64(m, QF_F_CONF_ID), .epoch = from->epoch };

	if (!q->route || !qf_get_u8(m, QF_F_TICKET) || !is_short(q) || q->abandoned)
		return;
	memcpy(t.instance, from->instance, sizeof t.instance);
	qf_get_text(m, QF_F_GROUP, t.group, sizeof t.group);
	qf_lru_put(q->hub->tickets, make_key(q), qf_slice(&t, sizeof t));
}

void tickets_open(struct qf_hub *h)
{
	h->tickets = qf_lru_new(CACHE_BYTES);
}

void tickets_close(struct qf_hub *h)
{
	h->tickets = qf_lru_free(h->tickets);
	qf_buf_fini(&h->key);
}
