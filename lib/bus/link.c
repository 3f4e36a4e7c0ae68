/* Links: one DEALER per instance that we ask, found through inotify, replaced whenever its epoch is over. */
#include "private.h"

#include "qf/log.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define RECV_BUDGET 64

/* A goodbye counts when it was said on each link: on the other one there may be rows, or ends, still to be read. */
static bool waits_for_other(struct qf_link *l, const struct qf_msg *m, bool rows)
{
	if (m->kind != QF_MSG_BYE)
		return false;
	*(rows ? &l->rows_ok : &l->sock_ok) = false;
	return l->sock_ok || l->rows_ok;
}

/* Returns how many were read. */
static int receive(struct qf_link *l, void *sock, bool rows)
{
	struct qf_err err;
	struct qf_msg m;
	zmq_msg_t part;

	for (int i = 0; i < RECV_BUDGET; i++) {
		zmq_msg_init(&part);
		if (zmq_msg_recv(&part, sock, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&part);
			return i;
		}
		if (qf_msg_decode(&m, qf_slice(zmq_msg_data(&part), zmq_msg_size(&part)), &err) < 0)
			bus_log_bad(l->bus, qf_program_name(l->program), &err);
		else if (m.kind == QF_MSG_HELLO)
			hello_from_server(l, &m, zmq_msg_get(&part, ZMQ_SRCFD), rows);
		else if (l->peer && l->peer->pub.epoch == m.epoch && !waits_for_other(l, &m, rows))
			bus_dispatch(l->bus, l->peer, &m);
		zmq_msg_close(&part);
		if ((rows ? l->rows : l->sock) != sock)
			return i + 1; /* the message ended this link's peer */
	}
	return RECV_BUDGET;
}

/* What a peer that died had said is as good as before. True while it is still this link's peer. */
bool link_drain(struct qf_link *l, const struct peer *p)
{
	while (l->peer == p && receive(l, l->sock, false) == RECV_BUDGET)
		;
	while (l->peer == p && l->rows && receive(l, l->rows, true) == RECV_BUDGET)
		;
	return l->peer == p;
}

static void on_sock(struct qf_zsource *z)
{
	struct qf_link *l = qf_container_of(z, struct qf_link, zsock);

	receive(l, l->sock, false);
}

static void on_rows(struct qf_zsource *z)
{
	struct qf_link *l = qf_container_of(z, struct qf_link, zrows);

	receive(l, l->rows, true);
}

static void close_socket(struct qf_link *l, void **sock, struct qf_zsource *z)
{
	int linger = l->bus->in_free ? 100 : 0; /* BYE may leave; a dead peer's backlog never reaches its next epoch */

	if (!*sock)
		return;
	if (z->socket)
		qf_zsource_del(l->bus->o.loop, z);
	z->socket = NULL;
	zmq_setsockopt(*sock, ZMQ_LINGER, &linger, sizeof linger);
	zmq_close(*sock);
	*sock = NULL;
}

static void open_socket(struct qf_link *l, const char *suffix, void **sock, struct qf_zsource *z, uint16_t flags)
{
	struct qf_bus *b = l->bus;
	char *path = socket_path(b, l->program, l->instance, suffix);
	struct qf_err err;

	if (socket_open(b, ZMQ_DEALER, sock, &err) < 0) {
		qf_error("bus: %s", err.text);
		*sock = NULL;
		goto out;
	}
	zmq_setsockopt(*sock, ZMQ_ROUTING_ID, b->rid, strlen(b->rid));
	if (zmq_connect(*sock, path) < 0)
		qf_error("bus: connect %s: %s", path, zmq_strerror(errno));
	z->socket = *sock;
	if (qf_zsource_add(b->o.loop, z) < 0)
		qf_error("bus: cannot watch %s", path);
	hello_send(b, z, NULL, flags);
out:
	free(path);
}

void link_restart(struct qf_link *l)
{
	struct qf_bus *b = l->bus;

	close_socket(l, &l->sock, &l->zsock);
	close_socket(l, &l->rows, &l->zrows);
	l->sock_ok = l->rows_ok = false;
	open_socket(l, "sock", &l->sock, &l->zsock, 0);
	if (b->o.rows && l->program == QF_DISPATCH)
		open_socket(l, "rows", &l->rows, &l->zrows, QF_MSG_ROWS);
	qf_timer_set(b->o.loop, &l->hello, HELLO_NS);
}

static bool socket_exists(const struct qf_link *l)
{
	char *path = socket_path(l->bus, l->program, l->instance, "sock");
	bool there = access(path + strlen("ipc://"), F_OK) == 0;

	free(path);
	return there;
}

static void on_no_hello(struct qf_timer *t)
{
	struct qf_link *l = qf_container_of(t, struct qf_link, hello);

	if (l->peer)
		peer_lost(l->peer, "its HELLO is incomplete"); /* restarts the link */
	else if (!socket_exists(l))
		link_free(l); /* when it is bound again, inotify says so */
	else
		link_restart(l);
}

static struct qf_link *link_find(struct qf_bus *b, enum qf_program program, const char *instance)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &b->links) {
		struct qf_link *l = qf_container_of(it, struct qf_link, link);

		if (l->program == program && !strcmp(l->instance, instance))
			return l;
	}
	return NULL;
}

void link_found(struct qf_bus *b, enum qf_program program, const char *instance)
{
	struct qf_link *l = link_find(b, program, instance);

	if (l) {
		if (!l->peer)
			link_restart(l); /* bound anew: connect now, not at the next retry */
		return;
	}
	l = qf_xcalloc(1, sizeof *l);
	l->bus = b;
	l->program = program;
	snprintf(l->instance, sizeof l->instance, "%s", instance);
	l->zsock.fn = on_sock;
	l->zrows.fn = on_rows;
	l->hello.fn = on_no_hello;
	qf_list_append(&b->links, &l->link);
	link_restart(l);
}

struct qf_link *link_free(struct qf_link *l)
{
	qf_timer_stop(l->bus->o.loop, &l->hello);
	close_socket(l, &l->sock, &l->zsock);
	close_socket(l, &l->rows, &l->zrows);
	qf_list_remove(&l->link);
	free(l);
	return NULL;
}

/* "<program>-<instance>.sock" of a program that we ask. */
static bool parse_name(const struct qf_bus *b, const char *name, enum qf_program *program, char instance[33])
{
	const char *dash = strchr(name, '-'), *dot = strrchr(name, '.');

	if (!dash || !dot || dot < dash || strcmp(dot, ".sock") || dot - dash - 1 < 1 || dot - dash - 1 > 32)
		return false;
	for (int i = 0; i < QF_PROGRAM_N; i++) {
		const char *p = qf_program_name((enum qf_program)i);

		if (!(b->o.asks & QF_ROLE(i)) || strlen(p) != (size_t)(dash - name) || strncmp(p, name, strlen(p)))
			continue;
		*program = (enum qf_program)i;
		snprintf(instance, 33, "%.*s", (int)(dot - dash - 1), dash + 1);
		return instance_ok(instance);
	}
	return false;
}

static void on_inotify(struct qf_watch *w, uint32_t events)
{
	struct qf_bus *b = qf_container_of(w, struct qf_bus, inotify);
	_Alignas(struct inotify_event) char buf[8192];
	ssize_t n;

	(void)events;
	while ((n = read(b->inotify_fd, buf, sizeof buf)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *ev = (const struct inotify_event *)(const void *)(buf + at);
			enum qf_program program;
			char instance[33];

			if (ev->len && parse_name(b, ev->name, &program, instance))
				link_found(b, program, instance);
			at += (ssize_t)(sizeof *ev + ev->len);
		}
	}
}

static void scan(struct qf_bus *b)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		enum qf_program program;
		char instance[33];

		if (parse_name(b, e->d_name, &program, instance))
			link_found(b, program, instance);
	}
	if (d)
		closedir(d);
}

int discover_start(struct qf_bus *b, struct qf_err *reterr)
{
	b->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (b->inotify_fd < 0 || inotify_add_watch(b->inotify_fd, b->dir, IN_CREATE | IN_MOVED_TO) < 0)
		return qf_err_set(reterr, -errno, "watch %s: %s", b->dir, qf_strerror(-errno));
	b->inotify = (struct qf_watch){ .fd = b->inotify_fd, .events = EPOLLIN, .fn = on_inotify };
	scan(b);
	return qf_watch_add(b->o.loop, &b->inotify);
}

void discover_stop(struct qf_bus *b)
{
	if (b->inotify_fd < 0)
		return;
	qf_watch_del(b->o.loop, &b->inotify);
	close(b->inotify_fd);
	b->inotify_fd = -1;
}
