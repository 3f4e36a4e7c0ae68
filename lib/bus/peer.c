/* A peer's life: there (HELLO), silent, heard again, dead (pidfd) or gone (BYE). */
#include "private.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static void on_death(struct qf_watch *w, uint32_t events)
{
	struct peer *p = qf_container_of(w, struct peer, pid_watch);

	(void)events;
	if (!p->via || link_drain(p->via, p))
		peer_lost(p, "its process died");
}

struct peer *peer_new(struct qf_bus *b, enum qf_program program, const char *instance, uint64_t epoch, int pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct peer *p;

	if (fd < 0) {
		qf_debug("bus: %s-%s: process %d is gone already", qf_program_name(program), instance, pid);
		return NULL;
	}
	p = qf_xcalloc(1, sizeof *p);
	p->bus = b;
	p->pub.program = program;
	p->pub.epoch = epoch;
	p->pub.pid = pid;
	snprintf(p->pub.instance, sizeof p->pub.instance, "%s", instance);
	p->pidfd = fd;
	p->heard_ns = qf_loop_now(b->o.loop);
	qf_list_init(&p->outq);
	qf_list_append(&b->peers, &p->link);
	p->pid_watch = (struct qf_watch){ .fd = fd, .events = EPOLLIN, .fn = on_death };
	if (qf_watch_add(b->o.loop, &p->pid_watch) < 0)
		qf_error("bus: cannot watch process %d; its death will be seen late", pid);
	return p;
}

void peer_up(struct peer *p)
{
	p->pub.up = true;
	p->heard_ns = qf_loop_now(p->bus->o.loop);
	qf_debug("bus: %s-%s is there, epoch %llx, process %d", qf_program_name(p->pub.program), p->pub.instance,
		 (unsigned long long)p->pub.epoch, p->pub.pid);
	if (p->bus->o.on_peer)
		p->bus->o.on_peer(p->bus->o.arg, &p->pub, QF_PEER_UP);
}

static void drop_outq(struct peer *p)
{
	while (!qf_list_empty(&p->outq)) {
		struct waiting *w = qf_container_of(p->outq.next, struct waiting, link);

		qf_list_remove(&w->link);
		zmq_msg_close(&w->msg);
		free(w);
	}
}

void peer_lost(struct peer *p, const char *why)
{
	struct qf_bus *b = p->bus;
	struct qf_link *via = p->via;

	qf_list_remove(&p->link);
	qf_watch_del(b->o.loop, &p->pid_watch);
	close(p->pidfd);
	if (!via && qf_map_get(b->by_rid, qf_slice_str(p->rid)) == p)
		qf_map_del(b->by_rid, qf_slice_str(p->rid));
	if (p->pub.up && !b->in_free) {
		qf_log(p->said_bye ? QF_LOG_DEBUG : QF_LOG_INFO, "bus: %s-%s epoch %llx is gone: %s",
		       qf_program_name(p->pub.program), p->pub.instance, (unsigned long long)p->pub.epoch, why);
		p->pub.up = false;
		if (b->o.on_peer)
			b->o.on_peer(b->o.arg, &p->pub, QF_PEER_LOST);
	}
	drop_outq(p);
	free(p->retired);
	free(p);
	if (via) {
		via->peer = NULL;
		if (!b->in_free)
			link_restart(via);
	}
}

static void take_retired(struct peer *p, const struct qf_msg *m)
{
	struct qf_slice s = qf_get(m, QF_F_RETIRED);
	struct qf_reader r = qf_reader(s);
	size_t n = s.n / 8;
	uint64_t *ids;

	if (n == 0 || s.n % 8 || !p->bus->o.on_retired)
		return;
	ids = qf_xmalloc(n * sizeof *ids);
	for (size_t i = 0; i < n; i++)
		ids[i] = qf_read_u64(&r);
	p->bus->o.on_retired(p->bus->o.arg, &p->pub, ids, n);
	free(ids);
}

void peer_heard(struct peer *p, const struct qf_msg *m)
{
	p->heard_ns = qf_loop_now(p->bus->o.loop);
	if (p->pub.suspended) {
		p->pub.suspended = false;
		if (p->bus->o.on_peer)
			p->bus->o.on_peer(p->bus->o.arg, &p->pub, QF_PEER_RESUMED);
	}
	if (m->kind != QF_MSG_PING)
		return;
	if (qf_has(m, QF_F_CONF_ID))
		p->pub.conf_id = qf_get_u64(m, QF_F_CONF_ID);
	if (qf_has(m, QF_F_LOST))
		p->pub.events_lost = qf_get_u64(m, QF_F_LOST);
	take_retired(p, m);
	if (!(m->flags & QF_MSG_REPLY))
		peer_ping(p, QF_MSG_REPLY);
}

void peer_ping(struct peer *p, uint16_t flags)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	qf_msg_begin(&msg, QF_MSG_PING, 0, 0, flags);
	qf_put_u64(&msg, QF_F_CONF_ID, p->bus->o.conf_id);
	if (p->bus->events_lost)
		qf_put_u64(&msg, QF_F_LOST, p->bus->events_lost);
	if (p->n_retired) {
		qf_buf_u16(&msg, QF_F_RETIRED);
		qf_buf_u32(&msg, (uint32_t)(p->n_retired * 8));
		for (size_t i = 0; i < p->n_retired; i++)
			qf_buf_u64(&msg, p->retired[i]);
		p->n_retired = 0;
	}
	qf_msg_end(&msg);
	(void)!send_to(p->bus, p, &msg, false);
	qf_buf_fini(&msg);
}

/* Each second: the side that connected asks, and whoever has been silent for long is suspended. */
void peer_tick(struct qf_bus *b)
{
	uint64_t now = qf_loop_now(b->o.loop);
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &b->peers) {
		struct peer *p = qf_container_of(it, struct peer, link);

		if (p->via && p->pub.up)
			peer_ping(p, 0);
		if (p->pub.up && !p->pub.suspended && now - p->heard_ns > SILENT_NS) {
			p->pub.suspended = true;
			qf_warn("bus: %s-%s (process %d) is silent; new work goes elsewhere", qf_program_name(p->pub.program),
				p->pub.instance, p->pub.pid);
			if (b->o.on_peer)
				b->o.on_peer(b->o.arg, &p->pub, QF_PEER_SUSPENDED);
		}
	}
}
