/* Listeners: one epoch of a qf-listen each, with its streams and transactions. */
#include "dispatch.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the journal still holds for this listener becomes streams that can answer RESOLVE. */
static void load_old(struct listener *l)
{
	struct journal *j = l->d->journal;
	const struct journal_entry *e;
	int at = 0, slot;

	while ((e = journal_old(j, &at, &slot))) {
		struct stream *s;

		if (strncmp(e->listener, l->instance, sizeof e->listener) != 0)
			continue;
		if (e->listener_epoch != l->epoch) {
			if (e->listener_epoch < l->epoch)
				journal_clear(j, slot); /* nobody is left to ask */
			continue;
		}
		if (qf_map_get_u64(l->streams, e->stream))
			continue;
		s = stream_new(l, e->stream);
		s->rd.state = e->state == JOURNAL_STARTED ? QF_RD_OLD_STARTED : QF_RD_OLD_ENDED;
		s->rd.attempt = e->attempt;
		s->access = (enum qf_access)e->access;
		s->fingerprint = e->fingerprint;
		s->slot = slot;
	}
}

void listener_up(struct dispatch *d, struct qf_peer *p)
{
	struct listener *l = qf_xcalloc(1, sizeof *l);

	l->d = d;
	l->peer = p;
	l->epoch = p->epoch;
	snprintf(l->instance, sizeof l->instance, "%s", p->instance);
	l->streams = qf_map_new();
	l->pins = qf_map_new();
	l->fences = qf_map_new();
	qf_list_init(&l->rows);
	qf_list_append(&d->listeners, &l->link);
	p->user = l;
	load_old(l);
}

void listener_maybe_free(struct listener *l)
{
	if (l->peer || qf_map_count(l->streams) || qf_map_count(l->pins))
		return;
	qf_list_remove(&l->link);
	qf_map_free(l->streams);
	qf_map_free(l->pins);
	qf_map_free(l->fences);
	free(l);
}

void listener_lost(struct dispatch *d, struct qf_peer *p)
{
	struct listener *l = p->user;
	struct stream *s;
	struct pin *pin;
	size_t at = 0;

	(void)d;
	if (!l)
		return;
	p->user = NULL;
	l->unread = 0;
	/* l->peer stays set until the end, so that no step below frees l while we walk it. */
	while ((s = qf_map_next(l->streams, &at, NULL)))
		stream_step(s, QF_RD_EV_LISTENER_LOST, 0);
	at = 0;
	while ((pin = qf_map_next(l->pins, &at, NULL)))
		if (!pin->stream)
			pin_release(pin, true);
	l->peer = NULL;
	listener_maybe_free(l);
}
