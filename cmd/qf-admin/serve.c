/*
 * The service: it hears from every program (HELLO, EVENT), keeps the last events in bounded memory, and
 * answers `qf-admin status` and `qf-admin events`. Off the data path: when it is away nothing waits for it.
 */
#include "admin.h"

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_KEPT 4096
#define TEXT_KEPT 256 /* of one field, whoever sent it */

struct event { /* one JSON line */
	char *text;
};

struct serve {
	struct qf_run *run;
	struct event events[EVENTS_KEPT];
	uint64_t n; /* so far; the newest is at (n - 1) % EVENTS_KEPT */
};

static void put_text(json_t *o, const char *key, const struct qf_msg *m, enum qf_field f)
{
	struct qf_slice v = qf_get(m, f);

	if (!v.p)
		return;
	if (v.n > TEXT_KEPT)
		v.n = qf_utf8_cut(qf_slice(v.p, TEXT_KEPT));
	json_object_set_new(o, key, json_stringn((const char *)v.p, v.n)); /* no text: no field */
}

static void put_micros(json_t *o, const char *key, const struct qf_msg *m, enum qf_field f)
{
	if (qf_has(m, f))
		json_object_set_new(o, key, json_real((double)(qf_get_u64(m, f) / 100) / 10));
}

static void on_event(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct serve *s = ((struct admin *)arg)->serve;
	struct event *e = &s->events[s->n++ % EVENTS_KEPT];
	json_t *o = json_object();

	(void)from;
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
	free(e->text);
	e->text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(o);
}

static void write_status(struct serve *s, struct qf_buf *out)
{
	struct qf_peer *p = NULL;

	while ((p = qf_bus_next_peer(s->run->bus, p)))
		qf_buf_printf(out, "%-10s %-10s %7d  %016llx  %s\n", qf_program_name(p->program), p->instance, p->pid,
			      (unsigned long long)p->conf_id, p->suspended ? "silent" : "up");
	qf_buf_printf(out, "%-10s %-10s %7d  %016llx  up\n", "admin", s->run->instance, (int)getpid(),
		      (unsigned long long)s->run->conf->id);
}

static void write_events(struct serve *s, struct qf_buf *out)
{
	uint64_t first = s->n > EVENTS_KEPT ? s->n - EVENTS_KEPT : 0;

	for (uint64_t i = first; i < s->n; i++) {
		const char *text = s->events[i % EVENTS_KEPT].text;

		if (text && out->n < QF_MSG_MAX / 2)
			qf_buf_printf(out, "%s\n", text);
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
	if (qf_slice_eq_str(command, "status"))
		write_status(s, &msg);
	else if (qf_slice_eq_str(command, "events"))
		write_events(s, &msg);
	(void)!qf_bus_send(s->run->bus, from, &msg);
	qf_buf_fini(&msg);
}

const struct qf_bus_handler admin_handlers[] = {
	{ QF_MSG_EVENT, 0, on_event },
	{ QF_MSG_CONTROL, QF_ROLE(QF_ADMIN), on_control },
	{ 0 },
};

int serve_setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct admin *a = ctx;

	(void)reterr;
	a->serve = qf_xcalloc(1, sizeof *a->serve);
	a->serve->run = run;
	return 0;
}

void serve_teardown(void *ctx, struct qf_run *run)
{
	struct admin *a = ctx;

	(void)run;
	for (size_t i = 0; a->serve && i < EVENTS_KEPT; i++)
		free(a->serve->events[i].text);
	free(a->serve);
	a->serve = NULL;
}
