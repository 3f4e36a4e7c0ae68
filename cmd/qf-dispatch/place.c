/* Messages that name a stream: ROUTED, EXECUTE, RESOLVE, CANCEL, CREDIT and the retired ids of a PING. */
#include "dispatch.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SLACK (1u << 20)

static struct listener *find_listener(struct dispatch *d, struct qf_slice instance, uint64_t epoch)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->listeners) {
		struct listener *l = qf_container_of(it, struct listener, link);

		if (l->peer && l->epoch == epoch && qf_slice_eq_str(instance, l->instance))
			return l;
	}
	return NULL;
}

static uint64_t number(struct qf_slice s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	return v;
}

/* Does the message name this epoch among those that its listener knows? */
static bool names_us(struct dispatch *d, const struct qf_msg *m)
{
	struct qf_field_iter it = qf_fields(m);
	struct qf_slice v, name, epoch;
	enum qf_field tag;

	while (qf_field_next(&it, &tag, &v))
		if (tag == QF_F_KNOWN && qf_pair(v, &name, &epoch) && qf_slice_eq_str(name, d->run->instance) &&
		    number(epoch) == qf_bus_epoch(d->run->bus))
			return true;
	return false;
}

static size_t count_settings(const struct qf_msg *m)
{
	struct qf_field_iter it = qf_fields(m);
	enum qf_field tag;
	struct qf_slice v;
	size_t n = 2;

	while (qf_field_next(&it, &tag, &v))
		n += tag == QF_F_SETTING;
	return n;
}

static void add_setting(struct stream *s, const char *name, const char *value)
{
	if (name && value)
		s->settings[s->n_settings++] = (struct qf_engine_setting){ name, value };
}

/* The neutral ones, and what a PostgreSQL session has set besides. */
static void read_settings(struct stream *s, const struct qf_msg *m)
{
	struct qf_field_iter it = qf_fields(m);
	struct qf_slice v, name, value;
	enum qf_field tag;

	s->settings = qf_arena_alloc(s->arena, count_settings(m) * sizeof *s->settings);
	add_setting(s, "timezone", qf_get_str(m, QF_F_TIME_ZONE, s->arena));
	add_setting(s, "schema", qf_get_str(m, QF_F_DB_SCHEMA, s->arena));
	while (qf_field_next(&it, &tag, &v))
		if (tag == QF_F_SETTING && qf_pair(v, &name, &value))
			add_setting(s, qf_arena_strndup(s->arena, name.p, name.n),
				    qf_arena_strndup(s->arena, value.p, value.n));
}

/* A copy: the engine reads it when the message is long gone. NULL: it is malformed, and group_admit() says so. */
static void read_bind(struct stream *s, const struct qf_msg *m)
{
	struct qf_bind *b = qf_arena_alloc(s->arena, sizeof *b);
	struct qf_slice values = qf_get(m, QF_F_PARAMS), begin = qf_get(m, QF_F_BEGIN);
	struct qf_err err;

	if (qf_bind_get(b, m, s->arena, &err) < 0)
		return;
	if (values.n > 0) {
		const uint8_t *copy = (const uint8_t *)qf_arena_strndup(s->arena, values.p, values.n);
		struct qf_value *v = qf_arena_alloc(s->arena, b->n_values * sizeof *v);

		for (size_t i = 0; i < b->n_values; i++) {
			v[i] = b->values[i];
			if (v[i].p && v[i].n > 0)
				v[i].p = copy + (v[i].p - values.p);
		}
		b->values = v;
	}
	b->begin = qf_slice(begin.n ? qf_arena_strndup(s->arena, begin.p, begin.n) : NULL, begin.n);
	b->inner = qf_slice(b->inner.n ? qf_arena_strndup(s->arena, b->inner.p, b->inner.n) : NULL, b->inner.n);
	s->bind = s->native = b;
	if (b->form == QF_FORM_PLAIN)
		return;
	struct qf_bind *native = qf_arena_alloc(s->arena, sizeof *native);

	*native = *b;
	native->form = QF_FORM_PLAIN;
	native->inner = QF_SLICE_NONE;
	native->flags &= ~(unsigned)(QF_RUN_HOLD | QF_RUN_SCROLL);
	if (b->form == QF_FORM_CURSOR)
		native->portal = 0; /* it has a name there */
	s->native = native;
}

static void read_fields(struct stream *s, const struct qf_msg *m)
{
	struct qf_arena *a = s->arena;
	uint64_t deadline = qf_get_u64(m, QF_F_DEADLINE);
	struct qf_slice sql = qf_get(m, QF_F_SQL);

	s->query_id = qf_get_str(m, QF_F_QUERY_ID, a);
	s->user = qf_get_str(m, QF_F_USER, a);
	s->keyed = qf_get_u8(m, QF_F_KEYED) > 0;
	s->database = qf_get_str(m, QF_F_DATABASE, a);
	read_settings(s, m);
	s->sql = qf_slice(qf_arena_strndup(a, sql.p, sql.n), sql.n);
	s->dialect = (enum qf_dialect)qf_get_u8(m, QF_F_DIALECT);
	if (s->dialect >= QF_DIALECT_N)
		s->dialect = QF_DIALECT_NONE;
	s->access = qf_has(m, QF_F_ACCESS) ? (enum qf_access)qf_get_u8(m, QF_F_ACCESS) : QF_ACCESS_UNKNOWN;
	s->fingerprint = qf_get_u64(m, QF_F_FINGERPRINT);
	s->session = qf_get_u64(m, QF_F_SESSION);
	s->frontend = (enum qf_frontend)qf_get_u8(m, QF_F_FRONTEND);
	s->granted = qf_get_u64(m, QF_F_BYTES);
	s->pin_id = qf_get_u64(m, QF_F_PIN);
	s->pin_flags = qf_get_u8(m, QF_F_PIN_FLAGS);
	s->ticket = m->kind == QF_MSG_ROUTED && qf_get_u8(m, QF_F_TICKET) ? qf_get_u64(m, QF_F_CONF_ID) : 0;
	s->deadline_ns = deadline ? qf_loop_now(s->d->run->loop) + deadline : 0;
	read_bind(s, m);
	if (s->bind && s->bind->kind == QF_RUN_DESCRIBE)
		s->access = QF_ACCESS_READ; /* nothing of it runs */
}

bool stream_in_pin(const struct stream *s)
{
	return s->pin_id && !(s->pin_flags & QF_PIN_NEW);
}

/* A record used before (fence, tombstone, journal) becomes the new attempt. */
static void renew(struct stream *s)
{
	s->arena = qf_arena_new(0);
	memset(&s->end, 0, sizeof s->end);
	memset(&s->refusal, 0, sizeof s->refusal);
	s->n_targets = s->n_asked = 0;
	s->n_settings = 0;
	s->targets = NULL;
	s->bind = s->native = NULL;
	s->n_avoid = 0;
	s->described = s->pin_gone = s->in_transaction = false;
	s->stale = 0;
	s->without_columns = false;
	s->waited = s->announced = s->streaming = s->sent_batch = s->ended_by_engine = false;
	s->interrupted = s->row_lost = false;
	s->input_bytes = 0;
	s->phase = PHASE_NONE;
	s->cluster = NULL;
	s->group = NULL;
	s->pin = NULL;
	s->conn = NULL;
	s->started_ns = s->queue_ns = 0;
	s->produced = s->credited = s->full_ns = 0;
}

/* Why this dispatch does not take it now, or NULL. An open transaction goes on whatever changed around it. */
static const char *why_bounce(struct dispatch *d, const struct qf_msg *m, bool in_pin)
{
	if (!names_us(d, m))
		return "it does not name this epoch of qf-dispatch";
	if (in_pin)
		return NULL;
	if (d->draining)
		return "qf-dispatch is stopping";
	if (qf_get_u64(m, QF_F_CONF_ID) != d->run->conf->id)
		return "qf-route and qf-dispatch run on different configurations";
	return group_find(d, qf_get(m, QF_F_GROUP)) ? NULL : "no such group here";
}

/* Told once already, or fenced: nothing of it may run. */
static bool is_stale(const struct listener *l, const struct stream *s, const struct qf_msg *m)
{
	uint16_t fence = s ? s->rd.fence : stream_fence(l, m->stream);

	if (fence && m->attempt <= fence)
		return true;
	return s && s->rd.state != QF_RD_FENCED && s->rd.state != QF_RD_OLD_STARTED;
}

static bool is_in_pin(const struct qf_msg *m)
{
	return qf_get_u64(m, QF_F_PIN) && !(qf_get_u8(m, QF_F_PIN_FLAGS) & QF_PIN_NEW);
}

static void place(struct dispatch *d, struct listener *l, const struct qf_msg *m)
{
	struct stream *s = qf_map_get_u64(l->streams, m->stream);
	bool in_pin = is_in_pin(m);
	struct pin *pin = in_pin ? qf_map_get_u64(l->pins, qf_get_u64(m, QF_F_PIN)) : NULL;
	const char *why = why_bounce(d, m, in_pin);

	if (is_stale(l, s, m))
		return;
	if (why) {
		say_bounced(d->run->bus, l->peer, m->stream, m->attempt, why, d->run->conf->id);
		return;
	}
	if (!s)
		s = stream_new(l, m->stream);
	renew(s);
	read_fields(s, m);
	s->group = pin ? pin->group : group_find(d, qf_get(m, QF_F_GROUP));
	s->seq = d->seq++;
	stream_step(s, QF_RD_EV_PLACE, m->attempt);
}

void on_place(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct dispatch *d = arg;
	struct listener *l = from->user;

	if (m->kind == QF_MSG_EXECUTE && !is_in_pin(m) && !qf_get_u8(m, QF_F_TICKET))
		return; /* everything else needs a verdict */
	if (m->kind == QF_MSG_ROUTED) {
		struct qf_slice name, epoch;

		/* A listener that is not here (any more) cannot be answered; a live one asks by RESOLVE. */
		if (!qf_pair(qf_get(m, QF_F_LISTENER), &name, &epoch))
			return;
		l = find_listener(d, name, number(epoch));
	}
	if (l)
		place(d, l, m);
}

/* The journal is lost: whatever an older listener asks about may have been started. */
static void say_perhaps_started(struct dispatch *d, struct qf_peer *to, const struct qf_msg *m)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_RESOLVED, m->stream, m->attempt, 0);
	qf_put_u8(&msg, QF_F_VERDICT, QF_VERDICT_STARTED);
	qf_put_u8(&msg, QF_F_FROM_JOURNAL, 1);
	qf_msg_end(&msg);
	(void)!qf_bus_send(d->run->bus, to, &msg);
	qf_buf_fini(&msg);
}

static void asked(struct dispatch *d, struct qf_peer *from, const struct qf_msg *m, enum qf_rd_event e)
{
	struct listener *l = from->user;
	struct stream *s = qf_map_get_u64(l->streams, m->stream);

	if (!s && journal_lost(d->journal) && l->epoch < qf_bus_epoch(d->run->bus)) {
		say_perhaps_started(d, from, m);
		return;
	}
	if (!s)
		s = stream_new(l, m->stream);
	stream_step(s, e, m->attempt);
}

void on_resolve(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	asked(arg, from, m, QF_RD_EV_RESOLVE);
}

/* A client's cancel request, from the qf-listen that it came to, to the others: one of them has the session. */
static void pass_cancel_on(struct dispatch *d, const struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_peer *p = NULL;
	struct qf_buf msg;

	while ((p = qf_bus_next_peer(d->run->bus, p))) {
		if (p->program != QF_LISTEN || p == from)
			continue;
		qf_buf_init(&msg);
		qf_msg_begin(&msg, QF_MSG_CANCEL, 0, 0, 0);
		qf_buf_add_slice(&msg, m->body);
		qf_msg_end(&msg);
		qf_buf_add_slice(&msg, m->payload);
		(void)!qf_bus_send(d->run->bus, p, &msg);
		qf_buf_fini(&msg);
	}
}

void on_cancel(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	if (m->stream == 0) {
		pass_cancel_on(arg, from, m);
		return;
	}
	asked(arg, from, m, QF_RD_EV_CANCEL);
}

static void input_missing(struct stream *s)
{
	if (s->interrupted)
		return;
	qf_sql_error_set(&s->refusal, "08006", "data of the statement was lost on its way to the engine; nothing of it took effect");
	snprintf(s->refusal.hint, sizeof s->refusal.hint, "It can be sent again.");
	run_interrupt(s);
}

void on_input(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct listener *l = from->user;
	struct stream *s = qf_map_get_u64(l->streams, m->stream);

	(void)arg;
	if (!s || s->rd.state != QF_RD_RUNNING || s->rd.attempt != m->attempt || !s->conn || !s->cluster->ops->input)
		return;
	if (qf_get_u64(m, QF_F_BYTES) != s->input_bytes) {
		input_missing(s);
		return;
	}
	s->input_bytes += m->payload.n;
	s->cluster->ops->input(s->conn, m->payload);
}

/* They stay in the message, and that is wiped: what the engine needs it copies into locked memory. */
void on_keys(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct listener *l = from->user;
	struct stream *s = qf_map_get_u64(l->streams, m->stream);
	struct qf_scram_keys keys;

	(void)arg;
	if (m->payload.n == sizeof keys)
		memcpy(&keys, m->payload.p, sizeof keys);
	explicit_bzero((void *)(uintptr_t)m->payload.p, m->payload.n);
	if (s && s->rd.state == QF_RD_RUNNING && s->rd.attempt == m->attempt)
		run_keys(s, m->payload.n == sizeof keys ? &keys : NULL);
	explicit_bzero(&keys, sizeof keys);
}

void on_credit(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct listener *l = from->user;
	uint64_t bytes = qf_get_u64(m, QF_F_BYTES);
	struct stream *s;

	(void)arg;
	if (m->stream == 0) {
		l->unread -= bytes < l->unread ? bytes : l->unread;
		rows_pump(l);
		return;
	}
	s = qf_map_get_u64(l->streams, m->stream);
	if (!s || s->rd.state != QF_RD_RUNNING || bytes > s->produced - s->credited)
		return;
	s->credited += bytes;
	group_window_changed(s);
	if (s->conn)
		s->cluster->ops->more(s->conn, bytes);
}

/* What the journal kept and the listener, which is back in touch, did not ask about. */
static void retire_old(struct listener *l)
{
	struct stream *s;
	size_t at = 0;

	while ((s = qf_map_next(l->streams, &at, NULL)))
		if ((s->rd.state == QF_RD_OLD_STARTED || s->rd.state == QF_RD_OLD_ENDED) && !s->rd.fence)
			stream_step(s, QF_RD_EV_RETIRE, 0);
}

void on_retired(void *arg, struct qf_peer *p, const uint64_t *streams, size_t n)
{
	struct listener *l = p->user;

	(void)arg;
	for (size_t i = 0; l && i < n; i++) {
		struct stream *s = qf_map_get_u64(l->streams, streams[i]);

		if (streams[i] == 0)
			retire_old(l);
		else if (s)
			stream_step(s, QF_RD_EV_RETIRE, 0);
	}
}
