/* A stream's life on this side: the qf_rd machine decides, this file carries out. */
#include "dispatch.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(struct qf_timer *t)
{
	struct stream *s = qf_container_of(t, struct stream, timer);

	if (s->deadline_ns && qf_loop_now(s->d->run->loop) >= s->deadline_ns) {
		qf_sql_error_set(&s->refusal, "57014", "canceling statement due to statement timeout");
		if (s->rd.state == QF_RD_RUNNING)
			run_interrupt(s);
		else
			stream_step(s, QF_RD_EV_REFUSE, 0);
		return;
	}
	qf_sql_error_set(&s->refusal, "53300", "group \"%s\" had no free slot for %llu s", s->group->name,
			 (unsigned long long)((qf_loop_now(s->d->run->loop) - s->admitted_ns) / QF_SEC));
	snprintf(s->refusal.hint, sizeof s->refusal.hint,
		 "Raise maxRunningQueries or capacityWaitTimeoutSecs of the group, or try again later.");
	stream_step(s, QF_RD_EV_REFUSE, 0);
}

static void on_announce(struct qf_timer *t)
{
	struct stream *s = qf_container_of(t, struct stream, announce);

	say_accepted(s);
}

struct stream *stream_new(struct listener *l, uint64_t id)
{
	struct stream *s = qf_xcalloc(1, sizeof *s);

	s->listener = l;
	s->d = l->d;
	s->id = id;
	s->slot = -1;
	s->timer.fn = on_timer;
	s->rd.fence = (uint16_t)(uintptr_t)qf_map_del_u64(l->fences, id);
	if (s->rd.fence)
		s->rd.state = QF_RD_FENCED;
	s->announce.fn = on_announce;
	qf_list_init(&s->link);
	qf_list_init(&s->out);
	qf_list_init(&s->rows_link);
	qf_list_init(&s->busy);
	qf_map_put_u64(l->streams, id, s);
	return s;
}

uint16_t stream_fence(const struct listener *l, uint64_t id)
{
	return (uint16_t)(uintptr_t)qf_map_get_u64(l->fences, id);
}

/* Everything but the tombstone: what a stream that is over does not need to answer RESOLVE. */
static void strip(struct stream *s)
{
	qf_timer_stop(s->d->run->loop, &s->timer);
	qf_timer_stop(s->d->run->loop, &s->announce);
	qf_task_del(s->d->run->loop, &s->settle);
	translate_forget(s);
	rows_drop(s);
	qf_buf_fini(&s->schema);
	qf_buf_fini(&s->param_types);
	qf_buf_fini(&s->fields);
	qf_buf_fini(&s->held);
	for (size_t i = 0; i < s->n_notices; i++)
		free(s->notices[i]);
	free(s->notices);
	s->notices = NULL;
	s->n_notices = 0;
	s->arena = qf_arena_free(s->arena);
	s->settings = NULL;
	s->n_settings = 0;
	s->bind = s->native = NULL;
	s->n_avoid = 0;
	s->targets = NULL; /* they were in it; a stream is stripped when it ends and when it is forgotten */
	s->n_targets = 0;
}

static void forget(struct stream *s)
{
	struct listener *l = s->listener;

	strip(s);
	if (s->slot >= 0)
		journal_clear(s->d->journal, s->slot);
	qf_map_del_u64(l->streams, s->id);
	free(s);
	listener_maybe_free(l);
}

/* A fence outlives its stream: that it is all that is kept makes it small. */
static void keep_fence(struct stream *s)
{
	if (s->rd.fence)
		qf_map_put_u64(s->listener->fences, s->id, (void *)(uintptr_t)s->rd.fence);
	forget(s);
}

static void journal_write(struct stream *s)
{
	struct journal_entry e = {
		.attempt = s->rd.attempt,
		.access = (uint8_t)s->access,
		.listener_epoch = s->listener->epoch,
		.stream = s->id,
		.fingerprint = s->fingerprint,
		.pinned = stream_in_pin(s) || s->pin_flags & QF_PIN_BEGINS,
		.commits = s->pin_flags & QF_PIN_ENDS ? 1 : 0,
		.is_volatile = s->cluster->ops->is_volatile && s->cluster->ops->is_volatile(s->cluster->engine),
	};

	if (s->slot >= 0) /* a read sent again: the old epoch's slot is its own now */
		journal_clear(s->d->journal, s->slot);
	snprintf(e.listener, sizeof e.listener, "%s", s->listener->instance);
	s->slot = journal_start(s->d->journal, &e);
}

static void act_end(struct stream *s, unsigned acts)
{
	if (acts & QF_RD_DO_JOURNAL_END && s->slot >= 0) {
		journal_end(s->d->journal, s->slot, &s->end);
		if (s->access == QF_ACCESS_READ) {
			journal_clear(s->d->journal, s->slot);
			s->slot = -1;
		}
	}
	if (acts & QF_RD_DO_SEND_END) {
		if (s->started_ns) {
			say_end(s);
		} else {
			s->end.outcome = QF_OUT_NOT_SENT;
			say_failed(s, &s->refusal);
		}
	}
	if (acts & QF_RD_DO_SEND_CANCELLED) {
		struct qf_sql_error e;

		qf_sql_error_set(&e, "57014", "canceling statement due to user request");
		s->end.outcome = QF_OUT_CANCELLED;
		say_failed(s, &e);
	}
}

static void act_answer(struct stream *s, unsigned acts, uint16_t attempt)
{
	struct qf_peer *peer = s->listener->peer;

	if (acts & QF_RD_DO_SAY_NEVER && peer)
		say_never(s->d->run->bus, peer, s->id, attempt);
	if (acts & QF_RD_DO_SAY_ALIVE)
		say_resolved(s, QF_VERDICT_ALIVE, attempt);
	if (acts & (QF_RD_DO_SAY_ENDED | QF_RD_DO_SAY_OLD_ENDED))
		say_resolved(s, QF_VERDICT_ENDED, attempt);
	if (acts & QF_RD_DO_SAY_OLD_STARTED)
		say_resolved(s, QF_VERDICT_STARTED, attempt);
	if (acts & QF_RD_DO_BOUNCE && peer)
		say_bounced(s->d->run->bus, peer, s->id, attempt, "the group or the configuration changed",
			    s->d->run->conf->id);
}

void stream_step(struct stream *s, enum qf_rd_event e, uint16_t attempt)
{
	struct dispatch *d = s->d;
	enum qf_rd_state before = s->rd.state;
	unsigned acts = qf_rd_step(&s->rd, e, attempt);
	bool open_before = before == QF_RD_QUEUED || before == QF_RD_RUNNING;
	bool open_now = s->rd.state == QF_RD_QUEUED || s->rd.state == QF_RD_RUNNING;

	d->open_streams += (unsigned)open_now - (unsigned)open_before;
	if (before != s->rd.state)
		control_changed(d);
	if (acts & QF_RD_DO_DEQUEUE || (before == QF_RD_QUEUED && s->rd.state != QF_RD_QUEUED))
		group_dequeue(s);
	act_answer(s, acts, attempt);
	if (acts & QF_RD_DO_JOURNAL_START)
		journal_write(s);
	act_end(s, acts);
	if (acts & QF_RD_DO_INTERRUPT)
		run_interrupt(s);
	if (acts & QF_RD_DO_JOURNAL_CLEAR && s->slot >= 0) {
		journal_clear(d->journal, s->slot);
		s->slot = -1;
	}
	if (open_before && !open_now)
		strip(s);
	if (acts & QF_RD_DO_FORGET)
		forget(s);
	else if (e == QF_RD_EV_RETIRE && s->rd.state == QF_RD_FENCED)
		keep_fence(s);
	else if (acts & QF_RD_DO_ADMIT)
		group_admit(s);
	else if (acts & QF_RD_DO_SUBMIT)
		run_start(s);
	if (d->draining)
		dispatch_maybe_drained(d);
}

void stream_refuse(struct stream *s, const char *sqlstate, const char *fmt, ...)
{
	char text[sizeof s->refusal.message];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	qf_sql_error_set(&s->refusal, sqlstate, "%s", text);
	stream_step(s, QF_RD_EV_REFUSE, 0);
}
