#include "private.h"

#include "qf/clock.h"
#include "qf/log.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *qf_program_name(enum qf_program p)
{
	static const char *const names[QF_PROGRAM_N] = { "listen", "route", "dispatch", "translate", "admin" };

	return p < QF_PROGRAM_N ? names[p] : "unknown";
}

void bus_dispatch(struct qf_bus *b, struct peer *p, const struct qf_msg *m)
{
	static struct qf_log_limit lim;

	if (m->kind == QF_MSG_BYE) {
		p->said_bye = true;
		peer_lost(p, "it said goodbye");
		return;
	}
	if (!p->pub.up)
		return; /* its HELLO is incomplete: nobody has been told of it */
	peer_heard(p, m);
	if (m->kind == QF_MSG_PING)
		return;
	for (const struct qf_bus_handler *h = b->o.handlers; h && h->kind; h++) {
		if (h->kind == m->kind && (h->roles & QF_ROLE(p->pub.program))) {
			h->fn(b->o.arg, &p->pub, m);
			return;
		}
	}
	qf_log_limited(&lim, 5, QF_LOG_WARN, "bus: %s from %s-%s is not for this program, dropped", qf_kind_name(m->kind),
		       qf_program_name(p->pub.program), p->pub.instance);
}

static void on_tick(struct qf_timer *t)
{
	struct qf_bus *b = qf_container_of(t, struct qf_bus, tick);

	peer_tick(b);
	qf_timer_set(b->o.loop, &b->tick, PING_NS);
}

static void on_flush(struct qf_timer *t)
{
	struct qf_bus *b = qf_container_of(t, struct qf_bus, flush);
	struct qf_list *it, *tmp;
	bool more = false;

	qf_list_each(it, tmp, &b->peers) {
		struct peer *p = qf_container_of(it, struct peer, link);

		flush_peer(p);
		more |= !qf_list_empty(&p->outq);
	}
	if (more)
		qf_timer_set(b->o.loop, &b->flush, 5 * QF_MS);
}

/* Which user runs which program; a program whose user does not exist runs as we do. */
static void find_role_users(struct qf_bus *b)
{
	for (int i = 0; i < QF_PROGRAM_N; i++) {
		char name[32];
		struct passwd *pw;

		snprintf(name, sizeof name, "qf-%s", qf_program_name((enum qf_program)i));
		pw = getpwnam(name);
		b->role_uid[i] = pw ? pw->pw_uid : geteuid();
	}
}

bool instance_ok(const char *s)
{
	return *s && strlen(s) <= 32 && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

static int check_instance(const char *s, struct qf_err *reterr)
{
	if (!instance_ok(s))
		return qf_err_set(reterr, QF_ECONFIG, "instance name \"%s\": use 1 to 32 of a-z 0-9 _", s);
	return 0;
}

static int setup(struct qf_bus *b, struct qf_err *reterr)
{
	int rc;

	if (mkdir(b->dir, 0770) < 0 && errno != EEXIST)
		return qf_err_set(reterr, -errno, "%s: %s (set QF_RUNTIME_DIR to a directory that can be written)", b->dir,
				  qf_strerror(-errno));
	rc = lock_take(b, reterr);
	if (rc < 0)
		return rc;
	snprintf(b->rid, sizeof b->rid, "%s-%s-%llx", qf_program_name(b->o.program), b->instance,
		 (unsigned long long)b->epoch);
	b->ctx = zmq_ctx_new();
	if (!b->ctx)
		return qf_err_set(reterr, -errno, "zmq_ctx_new: %s", zmq_strerror(errno));
	rc = server_bind(b, reterr);
	if (rc == 0)
		rc = discover_start(b, reterr);
	return rc;
}

int qf_bus_new(struct qf_bus **ret, const struct qf_bus_opts *opts, struct qf_err *reterr)
{
	const char *dir = opts->dir ? opts->dir : getenv("QF_RUNTIME_DIR");
	struct qf_bus *b;
	int rc = check_instance(opts->instance, reterr);

	if (rc < 0)
		return rc;
	b = qf_xcalloc(1, sizeof *b);
	b->o = *opts;
	b->dir = qf_xstrdup(dir && *dir ? dir : "/run/queryflux");
	snprintf(b->instance, sizeof b->instance, "%s", opts->instance);
	b->lock_fd = b->inotify_fd = -1;
	b->by_rid = qf_map_new();
	qf_list_init(&b->peers);
	qf_list_init(&b->links);
	find_role_users(b);
	b->tick.fn = on_tick;
	b->flush.fn = on_flush;
	rc = setup(b, reterr);
	if (rc < 0) {
		qf_bus_free(b);
		return rc;
	}
	qf_timer_set(opts->loop, &b->tick, PING_NS);
	*ret = b;
	return 0;
}

/* Events leave together, ten times a second: a statement must not wake qf-admin. */
static void send_events(struct qf_bus *b)
{
	if (b->event_buf.n && (!b->events || zmq_send(b->events, b->event_buf.p, b->event_buf.n, ZMQ_DONTWAIT) < 0))
		b->events_lost += b->events_waiting;
	qf_buf_clear(&b->event_buf);
	b->events_waiting = 0;
}

static void say_bye(struct qf_bus *b, struct peer *p, bool rows)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_BYE, 0, 0, 0);
	qf_msg_end(&msg);
	(void)!send_to(b, p, &msg, rows);
	qf_buf_fini(&msg);
}

static void say_bye_to_all(struct qf_bus *b)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &b->peers) {
		struct peer *p = qf_container_of(it, struct peer, link);

		say_bye(b, p, false);
		if (p->has_rows)
			say_bye(b, p, true);
	}
}

static void remove_lock(struct qf_bus *b)
{
	char *path = lock_path(b, b->o.program, b->instance);

	unlink(path);
	free(path);
}

struct qf_bus *qf_bus_free(struct qf_bus *b)
{
	struct qf_list *it, *tmp;

	if (!b)
		return NULL;
	b->in_free = true;
	say_bye_to_all(b);
	qf_timer_stop(b->o.loop, &b->tick);
	qf_timer_stop(b->o.loop, &b->flush);
	qf_timer_stop(b->o.loop, &b->event_timer);
	send_events(b);
	qf_buf_fini(&b->event_buf);
	discover_stop(b);
	qf_list_each(it, tmp, &b->peers)
		peer_lost(qf_container_of(it, struct peer, link), NULL);
	qf_list_each(it, tmp, &b->links)
		link_free(qf_container_of(it, struct qf_link, link));
	server_close(b);
	if (b->ctx)
		zmq_ctx_term(b->ctx);
	if (b->lock_fd >= 0 && b->o.temporary)
		remove_lock(b);
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	qf_map_free(b->by_rid);
	free(b->dir);
	free(b);
	return NULL;
}

uint64_t qf_bus_epoch(const struct qf_bus *b)
{
	return b->epoch;
}

const char *qf_bus_dir(const struct qf_bus *b)
{
	return b->dir;
}

void qf_bus_set_conf_id(struct qf_bus *b, uint64_t id)
{
	struct qf_list *it, *tmp;

	b->o.conf_id = id;
	qf_list_each(it, tmp, &b->peers)
		peer_ping(qf_container_of(it, struct peer, link), 0);
}

struct qf_peer *qf_bus_next_peer(const struct qf_bus *b, struct qf_peer *after)
{
	const struct qf_list *it = after ? &((struct peer *)(void *)after)->link : &b->peers;

	for (it = it->next; it != &b->peers; it = it->next) {
		struct peer *p = qf_container_of(it, struct peer, link);

		if (p->pub.up)
			return &p->pub;
	}
	return NULL;
}

struct qf_peer *qf_bus_find(const struct qf_bus *b, enum qf_program program, struct qf_slice instance)
{
	for (struct qf_peer *p = qf_bus_next_peer(b, NULL); p; p = qf_bus_next_peer(b, p))
		if (p->program == program && qf_slice_eq_str(instance, p->instance))
			return p;
	return NULL;
}

int qf_bus_send(struct qf_bus *b, struct qf_peer *to, struct qf_buf *msg)
{
	return send_to(b, (struct peer *)(void *)to, msg, false);
}

int qf_bus_send_rows(struct qf_bus *b, struct qf_peer *to, struct qf_buf *msg)
{
	return send_to(b, (struct peer *)(void *)to, msg, true);
}

void qf_bus_retire(struct qf_bus *b, struct qf_peer *to, uint64_t stream)
{
	struct peer *p = (struct peer *)(void *)to;

	(void)b;
	if (p->n_retired == p->cap_retired) {
		p->cap_retired = p->cap_retired ? 2 * p->cap_retired : 64;
		p->retired = qf_xrealloc(p->retired, p->cap_retired * sizeof *p->retired);
	}
	p->retired[p->n_retired++] = stream;
	if (p->n_retired >= RETIRE_AT_ONCE || stream == 0)
		peer_ping(p, 0);
}

static void on_event_timer(struct qf_timer *t)
{
	send_events(qf_container_of(t, struct qf_bus, event_timer));
}

void qf_bus_event(struct qf_bus *b, struct qf_buf *msg)
{
	if (b->event_buf.n + msg->n > EVENTS_MAX)
		send_events(b);
	stamp_epoch(msg, b->epoch);
	qf_buf_u32(&b->event_buf, (uint32_t)msg->n);
	qf_buf_add_slice(&b->event_buf, qf_buf_slice(msg));
	b->events_waiting++;
	b->event_timer.fn = on_event_timer;
	if (!qf_timer_armed(&b->event_timer))
		qf_timer_set(b->o.loop, &b->event_timer, EVENTS_NS);
}

uint64_t qf_bus_events_lost(const struct qf_bus *b)
{
	return b->events_lost;
}
