/*
 * Translation as qf-dispatch sees it: a cache here, qf-translate behind it. Requests are kept until they
 * are answered and asked again when qf-translate dies. One request a (stream, target).
 */
#include "dispatch.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	uint64_t id;
	struct stream *stream;
	struct target *target;
	struct qf_peer *peer; /* NULL: waits for a qf-translate */
	struct qf_buf key;
	struct qf_timer limit;
};

static void make_key(struct qf_buf *key, const struct stream *s, enum qf_dialect to, bool lenient)
{
	qf_buf_u8(key, (uint8_t)s->dialect);
	qf_buf_u8(key, (uint8_t)to);
	qf_buf_u8(key, lenient);
	qf_buf_add_slice(key, s->sql);
}

static void answered(struct stream *s)
{
	if (--s->n_asked == 0)
		group_ready(s);
}

static void take_text(struct stream *s, struct target *t, struct qf_slice sql)
{
	t->sql = qf_slice(qf_arena_strndup(s->arena, sql.p, sql.n), sql.n);
	t->state = TARGET_READY;
	t->translated = true;
}

static void add_notice(struct stream *s, char *text)
{
	s->notices = qf_xrealloc(s->notices, (s->n_notices + 1) * sizeof *s->notices);
	s->notices[s->n_notices++] = text;
}

static void pass_through(struct stream *s, struct target *t)
{
	take_text(s, t, s->sql);
	t->translated = false;
	add_notice(s, qf_xstrdup("sent as written: it could not be translated (translation.onFailure: passthrough)"));
}

static void request_free(struct dispatch *d, struct request *q)
{
	qf_timer_stop(d->run->loop, &q->limit);
	qf_map_del_u64(d->asked, q->id);
	q->target->asked = NULL;
	qf_buf_fini(&q->key);
	free(q);
}

/* No qf-translate, or one that is silent: the failure policy decides, as for any text without a translation. */
static void on_limit(struct qf_timer *t)
{
	struct request *q = qf_container_of(t, struct request, limit);
	struct stream *s = q->stream;
	struct dispatch *d = s->d;

	if (d->run->conf->on_failure == QF_ON_FAILURE_PASSTHROUGH) {
		pass_through(s, q->target);
	} else {
		q->target->state = TARGET_REFUSED;
		qf_sql_error_set(&s->refusal, "57P03", "qf-translate did not answer in time; the statement was not run");
		snprintf(s->refusal.hint, sizeof s->refusal.hint,
			 "`qf-admin status` shows which program is missing. Statements in the engine's own dialect (queryflux.dialect) run without it.");
	}
	request_free(d, q);
	answered(s);
}

static void send_request(struct dispatch *d, struct request *q)
{
	struct stream *s = q->stream;
	struct qf_peer *p = NULL;
	struct qf_buf msg;

	while ((p = qf_bus_next_peer(d->run->bus, p)))
		if (p->program == QF_TRANSLATE && !p->suspended)
			break;
	q->peer = p;
	if (!p)
		return; /* asked when one comes; the wait in the queue bounds it */
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_TRANSLATE, q->id, 0, 0);
	qf_put_u8(&msg, QF_F_FROM, (uint8_t)s->dialect);
	qf_put_u8(&msg, QF_F_TO, (uint8_t)q->target->dialect);
	qf_put_u8(&msg, QF_F_LENIENT, !d->run->conf->error_on_unsupported);
	qf_put_slice(&msg, QF_F_SQL, s->sql);
	qf_msg_end(&msg);
	(void)!qf_bus_send(d->run->bus, p, &msg);
	qf_buf_fini(&msg);
}

void translate_ask(struct stream *s, struct target *t)
{
	struct dispatch *d = s->d;
	struct request *q;
	struct qf_slice hit;

	if (qf_dialect_same(s->dialect, t->dialect) || s->pin_flags & QF_PIN_ENDS) {
		t->sql = s->sql;
		t->state = TARGET_READY;
		answered(s);
		return;
	}
	q = qf_xcalloc(1, sizeof *q);
	qf_buf_init(&q->key);
	make_key(&q->key, s, t->dialect, !d->run->conf->error_on_unsupported);
	if (qf_lru_get(d->translations, qf_buf_slice(&q->key), &hit)) {
		take_text(s, t, hit);
		qf_buf_fini(&q->key);
		free(q);
		answered(s);
		return;
	}
	q->id = ++d->next_request;
	q->stream = s;
	q->target = t;
	t->asked = q;
	q->limit.fn = on_limit;
	qf_timer_set(d->run->loop, &q->limit, d->run->conf->ring_timeout_ns + d->run->conf->translate_deadline_ns);
	qf_map_put_u64(d->asked, q->id, q);
	send_request(d, q);
}

void translate_forget(struct stream *s)
{
	for (unsigned i = 0; i < s->n_targets; i++)
		if (s->targets[i].asked)
			request_free(s->d, s->targets[i].asked);
	s->n_asked = 0;
}

static void refuse(struct stream *s, struct target *t, const struct qf_msg *m)
{
	t->state = TARGET_REFUSED;
	qf_sql_error_set(&s->refusal, "0A000", " ");
	qf_get_text(m, QF_F_SQLSTATE, s->refusal.sqlstate, sizeof s->refusal.sqlstate);
	qf_get_text(m, QF_F_MESSAGE, s->refusal.message, sizeof s->refusal.message);
	qf_get_text(m, QF_F_DETAIL, s->refusal.detail, sizeof s->refusal.detail);
	qf_get_text(m, QF_F_HINT, s->refusal.hint, sizeof s->refusal.hint);
	s->refusal.position = qf_get_u32(m, QF_F_POSITION);
}

static void keep_notices(struct stream *s, const struct qf_msg *m)
{
	struct qf_field_iter it = qf_fields(m);
	enum qf_field tag;
	struct qf_slice v;

	while (qf_field_next(&it, &tag, &v)) {
		if (tag == QF_F_WARNING || tag == QF_F_DOUBT)
			add_notice(s, qf_slice_dup(v));
	}
}

void on_translated(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct dispatch *d = arg;
	struct request *q = qf_map_get_u64(d->asked, m->stream);
	struct qf_slice sql = qf_get(m, QF_F_SQL);
	struct stream *s;

	if (!q || q->peer != from)
		return;
	s = q->stream;
	if (!sql.p && d->run->conf->on_failure == QF_ON_FAILURE_PASSTHROUGH && !qf_has(m, QF_F_DOUBT)) {
		pass_through(s, q->target);
	} else if (!sql.p) {
		refuse(s, q->target, m);
	} else {
		take_text(s, q->target, sql);
		keep_notices(s, m);
		if (s->n_notices == 0) /* what must be said each time is asked each time */
			qf_lru_put(d->translations, qf_buf_slice(&q->key), sql);
	}
	request_free(d, q);
	answered(s);
}

void translate_peer_lost(struct dispatch *d, struct qf_peer *p)
{
	struct request *q;
	size_t at = 0;

	while ((q = qf_map_next(d->asked, &at, NULL)))
		if (q->peer == p)
			send_request(d, q);
}

void translate_peer_up(struct dispatch *d)
{
	struct request *q;
	size_t at = 0;

	while ((q = qf_map_next(d->asked, &at, NULL)))
		if (!q->peer)
			send_request(d, q);
}

void translate_close(struct dispatch *d)
{
	struct request *q;
	size_t at = 0;

	while (d->asked && (q = qf_map_next(d->asked, &at, NULL)))
		request_free(d, q);
	d->asked = qf_map_free(d->asked);
	d->translations = qf_lru_free(d->translations);
}
