/*
 * Translation as qf-dispatch sees it: a cache here, qf-translate behind it. Requests are kept until they
 * are answered and asked again when qf-translate dies. One request a (stream, target).
 */
#include "dispatch.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_NS (2 * QF_SEC) /* then it goes without columns */

struct qf_slice translate_text(const struct stream *s, const struct target *t)
{
	return s->bind->form && t->dialect != QF_DIALECT_POSTGRES ? s->bind->inner : s->sql;
}

/* With columns, the same text means the same for one cluster and one state of its catalog only. */
static void make_key(struct qf_buf *key, const struct stream *s, const struct target *t)
{
	qf_buf_u8(key, (uint8_t)s->dialect);
	qf_buf_u8(key, (uint8_t)t->dialect);
	qf_buf_u8(key, !s->d->run->conf->error_on_unsupported);
	qf_buf_u64(key, t->catalog ? (uintptr_t)t->cluster : 0);
	if (t->catalog)
		catalog_key(key, s, t->catalog);
	qf_buf_u16(key, s->bind->n_types);
	for (size_t i = 0; i < s->bind->n_types; i++)
		qf_buf_u32(key, s->bind->types[i]);
	qf_buf_add_slice(key, translate_text(s, t));
}

static void answered(struct stream *s)
{
	if (--s->n_asked > 0)
		return;
	if (s->phase == PHASE_TRANSLATE)
		run_translated(s);
	else
		group_ready(s);
}

static void take_text(struct stream *s, struct target *t, struct qf_slice sql)
{
	t->sql = qf_slice(qf_arena_strndup(s->arena, sql.p, sql.n), sql.n);
	t->state = TARGET_READY;
	t->translated = true;
}

/* A translation in the cache: the tables that it builds on, then the text. */
static void keep(struct dispatch *d, const struct request *q, struct qf_slice sql)
{
	const struct target *t = q->target;
	struct qf_buf b;

	qf_buf_init(&b);
	qf_buf_u16(&b, (uint16_t)t->n_tables);
	for (size_t i = 0; i < t->n_tables; i++) {
		const char *parts[] = { t->tables[i].catalog, t->tables[i].schema, t->tables[i].name };

		for (size_t k = 0; k < 3; k++) {
			qf_buf_add_str(&b, parts[k] ? parts[k] : "");
			qf_buf_u8(&b, 0);
		}
		qf_buf_u64(&b, t->tables[i].hash);
	}
	qf_buf_add_slice(&b, sql);
	qf_lru_put(d->translations, qf_buf_slice(&q->key), qf_buf_slice(&b));
	qf_buf_fini(&b);
}

static const char *part(struct stream *s, struct qf_reader *r)
{
	struct qf_slice text = qf_read_cstr(r);

	return text.n ? qf_arena_strndup(s->arena, text.p, text.n) : NULL;
}

static void take_kept(struct stream *s, struct target *t, struct qf_slice kept)
{
	struct qf_reader r = qf_reader(kept);

	t->n_tables = qf_read_u16(&r);
	t->tables = qf_arena_alloc(s->arena, (t->n_tables + 1) * sizeof *t->tables);
	for (size_t i = 0; i < t->n_tables; i++) {
		t->tables[i].catalog = part(s, &r);
		t->tables[i].schema = part(s, &r);
		t->tables[i].name = part(s, &r);
		t->tables[i].hash = qf_read_u64(&r);
	}
	take_text(s, t, qf_slice(r.p, r.n));
}

static void add_notice(struct stream *s, char *text)
{
	s->notices = qf_xrealloc(s->notices, (s->n_notices + 1) * sizeof *s->notices);
	s->notices[s->n_notices++] = text;
}

static void pass_through(struct stream *s, struct target *t)
{
	take_text(s, t, translate_text(s, t));
	t->translated = false;
	add_notice(s, qf_xstrdup("sent as written: it could not be translated (translation.onFailure: passthrough)"));
}

static void request_free(struct dispatch *d, struct request *q)
{
	qf_timer_stop(d->run->loop, &q->limit);
	catalog_forget(q);
	qf_map_del_u64(d->asked, q->id);
	q->target->asked = NULL;
	qf_buf_fini(&q->key);
	qf_buf_fini(&q->tables);
	free(q);
}

/* No qf-translate, or one that is silent: the failure policy decides, as for any text without a translation. */
static void on_limit(struct qf_timer *t)
{
	struct request *q = qf_container_of(t, struct request, limit);
	struct stream *s = q->stream;
	struct dispatch *d = s->d;

	if (q->lookup) {
		catalog_forget(q);
		translate_go_on(q);
		return;
	}
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
	/* An operator or a function may mean another thing for another type of a parameter. */
	const struct qf_bind declared = { .types = s->bind->types, .n_types = s->bind->n_types };
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
	qf_put_slice(&msg, QF_F_SQL, translate_text(s, q->target));
	qf_bind_put(&msg, &declared);
	if (q->tables.n)
		qf_put_slice(&msg, QF_F_TABLES, qf_buf_slice(&q->tables));
	qf_msg_end(&msg);
	(void)!qf_bus_send(d->run->bus, p, &msg);
	qf_buf_fini(&msg);
}

void translate_go_on(struct request *q)
{
	struct dispatch *d = q->stream->d;

	qf_timer_set(d->run->loop, &q->limit, d->run->conf->ring_timeout_ns + d->run->conf->translate_deadline_ns);
	send_request(d, q);
}

/* Takes the key over. */
static struct request *request_new(struct stream *s, struct target *t, struct qf_buf key)
{
	struct request *q = qf_xcalloc(1, sizeof *q);

	q->id = ++s->d->next_request;
	q->stream = s;
	q->target = t;
	q->key = key;
	qf_buf_init(&q->tables);
	q->limit.fn = on_limit;
	t->asked = q;
	qf_map_put_u64(s->d->asked, q->id, q);
	return q;
}

void translate_ask(struct stream *s, struct target *t)
{
	struct dispatch *d = s->d;
	struct request *q;
	struct qf_slice hit;
	struct qf_buf key;

	bool as_written = s->pin_flags & QF_PIN_ENDS || s->bind->kind == QF_RUN_FETCH || s->bind->flags & QF_RUN_SAVEPOINT;

	if (as_written || qf_dialect_same(s->dialect, t->dialect)) {
		t->sql = translate_text(s, t);
		t->state = TARGET_READY;
		answered(s);
		return;
	}
	t->catalog = catalog_state(s, t);
	qf_buf_init(&key);
	make_key(&key, s, t);
	if (!s->stale && qf_lru_get(d->translations, qf_buf_slice(&key), &hit)) {
		take_kept(s, t, hit);
		qf_buf_fini(&key);
		answered(s);
		return;
	}
	q = request_new(s, t, key);
	if (t->catalog && !catalog_find(q))
		qf_timer_set(d->run->loop, &q->limit, LOOKUP_NS);
	else
		translate_go_on(q);
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
			keep(d, q, sql);
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
		if (!q->peer && !q->lookup)
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
