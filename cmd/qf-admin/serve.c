/*
 * The service: it hears from every program (HELLO, EVENT), counts, keeps the last events in bounded memory, and
 * answers `qf-admin status`, `qf-admin events` and HTTP. Off the data path: when it is away nothing waits for it.
 */
#include "serve.h"

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_KEPT 256 /* of one field, whoever sent it */
#define STATE_MAX (4u << 20)

/* ---- events: kept as they came, and made readable when somebody asks ---- */

/* Values are cut, whoever sent them; what is not listed is not kept. */
static void keep_event(struct serve *s, const struct qf_msg *m)
{
	static const enum qf_field fields[] = {
		QF_F_EVENT, QF_F_QUERY_ID, QF_F_USER, QF_F_GROUP, QF_F_CLUSTER, QF_F_TRACE, QF_F_SQLSTATE, QF_F_FRONTEND,
		QF_F_ROWS, QF_F_QUEUE_NS, QF_F_SLOT_IDLE_NS, QF_F_RUN_NS, QF_F_TOTAL_NS, QF_F_FROM, QF_F_TO,
	};
	struct qf_buf *kept = &s->events[s->n++ % EVENTS_KEPT];

	qf_buf_clear(kept);
	qf_msg_begin(kept, QF_MSG_EVENT, 0, m->attempt, 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct qf_slice v = qf_get(m, fields[i]);

		if (v.n > TEXT_KEPT)
			v.n = qf_utf8_cut(qf_slice(v.p, TEXT_KEPT));
		if (v.p)
			qf_put_slice(kept, fields[i], v);
	}
	qf_msg_end(kept);
}

static void put_text(json_t *o, const char *key, const struct qf_msg *m, enum qf_field f)
{
	struct qf_slice v = qf_get(m, f);

	if (v.p)
		json_object_set_new(o, key, json_stringn((const char *)v.p, v.n)); /* no text: no field */
}

static void put_micros(json_t *o, const char *key, const struct qf_msg *m, enum qf_field f)
{
	if (qf_has(m, f))
		json_object_set_new(o, key, json_real((double)(qf_get_u64(m, f) / 100) / 10));
}

static void put_dialect(json_t *o, const char *key, const struct qf_msg *m, enum qf_field f)
{
	uint8_t d = qf_get_u8(m, f);

	if (d != QF_DIALECT_NONE && d < QF_DIALECT_N)
		json_object_set_new(o, key, json_string(qf_dialect_name((enum qf_dialect)d)));
}

/* One line of JSON. */
static void write_event(struct qf_buf *out, const struct qf_msg *m)
{
	json_t *o = json_object();
	char *text;

	put_text(o, "event", m, QF_F_EVENT);
	put_text(o, "queryId", m, QF_F_QUERY_ID);
	put_text(o, "user", m, QF_F_USER);
	put_text(o, "group", m, QF_F_GROUP);
	put_text(o, "cluster", m, QF_F_CLUSTER);
	put_text(o, "trace", m, QF_F_TRACE);
	put_text(o, "sqlstate", m, QF_F_SQLSTATE);
	if (qf_has(m, QF_F_FRONTEND) && qf_get_u8(m, QF_F_FRONTEND) < QF_FE_N)
		json_object_set_new(o, "protocol",
				    json_string(qf_frontend_short((enum qf_frontend)qf_get_u8(m, QF_F_FRONTEND))));
	if (qf_has(m, QF_F_ROWS))
		json_object_set_new(o, "rows", json_integer((json_int_t)qf_get_u64(m, QF_F_ROWS)));
	json_object_set_new(o, "attempts", json_integer(m->attempt));
	put_micros(o, "queueMicros", m, QF_F_QUEUE_NS);
	put_micros(o, "idleSlotMicros", m, QF_F_SLOT_IDLE_NS);
	put_micros(o, "runMicros", m, QF_F_RUN_NS);
	put_micros(o, "totalMicros", m, QF_F_TOTAL_NS);
	put_dialect(o, "from", m, QF_F_FROM);
	put_dialect(o, "to", m, QF_F_TO);
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	if (text)
		qf_buf_printf(out, "%s\n", text);
	free(text);
	json_decref(o);
}

/* ---- state ---- */

static void keep_state(struct qf_peer *from, struct qf_slice rows)
{
	struct told *t = from->user;

	if (rows.n > STATE_MAX)
		return;
	if (!t)
		from->user = t = qf_xcalloc(1, sizeof *t);
	qf_buf_clear(&t->rows);
	qf_buf_add_slice(&t->rows, rows);
}

static void on_event(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct serve *s = ((struct admin *)arg)->serve;

	if (from) { /* by a peer's link: its state */
		keep_state(from, m->payload);
		return;
	}
	counts_event(s->counts, m);
	keep_event(s, m);
}

static void forget(struct qf_peer *p)
{
	struct told *t = p->user;

	p->user = NULL;
	if (t)
		qf_buf_fini(&t->rows);
	free(t);
}

void serve_on_peer(void *ctx, struct qf_peer *p, enum qf_peer_change change)
{
	(void)ctx;
	if (change == QF_PEER_LOST)
		forget(p);
}

static void status_line(struct qf_buf *out, bool json, const struct qf_peer *p)
{
	const char *name = qf_program_name(p->program), *state = p->suspended ? "silent" : "up";
	unsigned long long id = p->conf_id;

	if (json)
		qf_buf_printf(out,
			      "{\"program\":\"%s\",\"instance\":\"%s\",\"pid\":%d,\"configuration\":\"%016llx\","
			      "\"state\":\"%s\"}\n",
			      name, p->instance, p->pid, id, state);
	else
		qf_buf_printf(out, "%-10s %-10s %7d  %016llx  %s\n", name, p->instance, p->pid, id, state);
}

static void write_status(struct serve *s, bool json, struct qf_buf *out)
{
	struct qf_peer self = { .program = QF_ADMIN, .conf_id = s->run->conf->id, .pid = (int)getpid() }, *p = NULL;

	while ((p = qf_bus_next_peer(s->run->bus, p)))
		if (p->program != QF_ADMIN) /* a tool that asks */
			status_line(out, json, p);
	snprintf(self.instance, sizeof self.instance, "%s", s->run->instance);
	status_line(out, json, &self);
}

static void write_events(struct serve *s, struct qf_buf *out)
{
	uint64_t first = s->n > EVENTS_KEPT ? s->n - EVENTS_KEPT : 0;

	for (uint64_t i = first; i < s->n; i++) {
		struct qf_slice kept = qf_buf_slice(&s->events[i % EVENTS_KEPT]);
		struct qf_msg m;

		if (out->n < QF_MSG_MAX / 2 && qf_msg_decode(&m, kept, NULL) == 0)
			write_event(out, &m);
	}
}

static void on_control(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct serve *s = ((struct admin *)arg)->serve;
	struct qf_slice command = qf_get(m, QF_F_COMMAND);
	struct qf_buf msg;

	if (m->flags & QF_MSG_REPLY)
		return;
	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_CONTROL, m->stream, 0, QF_MSG_REPLY);
	qf_msg_end(&msg);
	if (qf_slice_eq_str(command, "status") || qf_slice_eq_str(command, "status json"))
		write_status(s, !qf_slice_eq_str(command, "status"), &msg);
	else if (qf_slice_eq_str(command, "events"))
		write_events(s, &msg);
	(void)!qf_bus_send(s->run->bus, from, &msg);
	qf_buf_fini(&msg);
}

const struct qf_bus_handler admin_handlers[] = {
	{ QF_MSG_EVENT, QF_ROLE(QF_LISTEN) | QF_ROLE(QF_DISPATCH), on_event },
	{ QF_MSG_CONTROL, QF_ROLE(QF_ADMIN), on_control },
	{ 0 },
};

int serve_setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct admin *a = ctx;

	a->serve = qf_xcalloc(1, sizeof *a->serve);
	a->serve->run = run;
	a->serve->counts = counts_new(run->conf);
	return web_open(&a->serve->web, a->serve, reterr);
}

/* Address and port need a restart; everything else of the model is read where it is used. */
int serve_apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	const struct qf_conf_frontend *a = &run->conf->admin, *b = &conf->admin;

	(void)reterr;
	if (a->enabled != b->enabled || a->port != b->port || strcmp(a->address, b->address) != 0)
		qf_warn("queryflux.adminApi changed: restart qf-admin for that");
	counts_set_conf(((struct admin *)ctx)->serve->counts, conf);
	return 0;
}

void serve_teardown(void *ctx, struct qf_run *run)
{
	struct admin *a = ctx;
	struct qf_peer *p = NULL;

	if (!a->serve)
		return;
	a->serve->web = web_close(a->serve->web);
	while ((p = qf_bus_next_peer(run->bus, p)))
		forget(p); /* the bus says no more of them */
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		qf_buf_fini(&a->serve->events[i]);
	counts_free(a->serve->counts);
	free(a->serve);
	a->serve = NULL;
}
