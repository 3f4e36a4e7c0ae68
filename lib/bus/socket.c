/* The sockets themselves: paths, lock, bind, send with a queue behind a full pipe, receive. */
#include "private.h"

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECV_BUDGET 64

char *socket_path(const struct qf_bus *b, enum qf_program p, const char *instance, const char *suffix)
{
	return qf_xasprintf("ipc://%s/%s-%s.%s", b->dir, qf_program_name(p), instance, suffix);
}

char *lock_path(const struct qf_bus *b, enum qf_program p, const char *instance)
{
	return qf_xasprintf("%s/%s-%s.lock", b->dir, qf_program_name(p), instance);
}

/* One epoch is later than all before it, even when the clock was set back: the lock file keeps the last. */
static uint64_t next_epoch(int fd)
{
	char text[64] = "";
	unsigned long long last = 0, now = qf_real_us();

	if (pread(fd, text, sizeof text - 1, 0) > 0)
		sscanf(text, "%*d %llu", &last);
	return now > last ? now : last + 1;
}

int lock_take(struct qf_bus *b, struct qf_err *reterr)
{
	char *path = lock_path(b, b->o.program, b->instance);
	char text[64] = "?";
	int rc = 0, n;

	b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (b->lock_fd < 0) {
		rc = qf_err_set(reterr, -errno, "%s: %s", path, qf_strerror(-errno));
		goto out;
	}
	if (flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (pread(b->lock_fd, text, sizeof text - 1, 0) > 0)
			text[strcspn(text, " \n")] = 0;
		rc = qf_err_set(reterr, -EBUSY, "%s is held by process %s: qf-%s instance %s is running already", path, text,
				qf_program_name(b->o.program), b->instance);
		goto out;
	}
	b->epoch = next_epoch(b->lock_fd);
	n = snprintf(text, sizeof text, "%d %llu\n", (int)getpid(), (unsigned long long)b->epoch);
	if (pwrite(b->lock_fd, text, (size_t)n, 0) != n || ftruncate(b->lock_fd, n) < 0)
		rc = qf_err_set(reterr, -errno, "%s: %s", path, qf_strerror(-errno));
out:
	free(path);
	return rc;
}

/* Does that lock file name this process and epoch? One that we may not read is not held against anybody. */
bool lock_names(const struct qf_bus *b, enum qf_program p, const char *instance, int pid, uint64_t epoch)
{
	char *path = lock_path(b, p, instance), text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), holder = 0;
	unsigned long long its = 0;
	bool same = fd < 0 && errno == EACCES;

	free(path);
	if (fd < 0)
		return same;
	if (pread(fd, text, sizeof text - 1, 0) > 0)
		same = sscanf(text, "%d %llu", &holder, &its) == 2 && holder == pid && its == epoch;
	close(fd);
	return same;
}

int socket_open(struct qf_bus *b, int type, void **ret, struct qf_err *reterr)
{
	void *s = zmq_socket(b->ctx, type);
	int linger = 0, hwm = 100000, ivl = 10, ivl_max = 100, one = 1;
	int64_t max = QF_MSG_MAX;

	if (!s)
		return qf_err_set(reterr, -errno, "zmq_socket: %s", zmq_strerror(errno));
	zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
	zmq_setsockopt(s, ZMQ_SNDHWM, &hwm, sizeof hwm);
	zmq_setsockopt(s, ZMQ_RCVHWM, &hwm, sizeof hwm);
	zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max);
	zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &ivl, sizeof ivl);
	zmq_setsockopt(s, ZMQ_RECONNECT_IVL_MAX, &ivl_max, sizeof ivl_max);
	if (type == ZMQ_ROUTER) {
		zmq_setsockopt(s, ZMQ_ROUTER_MANDATORY, &one, sizeof one);
		zmq_setsockopt(s, ZMQ_ROUTER_HANDOVER, &one, sizeof one);
	}
	*ret = s;
	return 0;
}

/* ---- receiving on what we bound -------------------------------------------------------------- */

static void on_request(struct qf_bus *b, const char *rid, zmq_msg_t *part)
{
	struct qf_err err;
	struct qf_msg m;
	struct peer *p;

	if (qf_msg_decode(&m, qf_slice(zmq_msg_data(part), zmq_msg_size(part)), &err) < 0) {
		bus_log_bad(b, rid, &err);
		return;
	}
	if (m.kind == QF_MSG_HELLO) {
		hello_from_client(b, rid, &m, zmq_msg_get(part, ZMQ_SRCFD));
		return;
	}
	p = qf_map_get(b->by_rid, qf_slice_str(rid));
	if (p && p->pub.epoch == m.epoch)
		bus_dispatch(b, p, &m);
}

/* Reads one [routing id][message]; anything of another shape is dropped whole. False when none is left. */
static bool receive_one(struct qf_bus *b, void *sock)
{
	zmq_msg_t id, part;
	char rid[RID_MAX] = "";
	bool shaped;

	zmq_msg_init(&id);
	if (zmq_msg_recv(&id, sock, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&id);
		return false;
	}
	if (zmq_msg_size(&id) < RID_MAX && !memchr(zmq_msg_data(&id), 0, zmq_msg_size(&id)))
		memcpy(rid, zmq_msg_data(&id), zmq_msg_size(&id));
	shaped = rid[0] && zmq_msg_more(&id);
	while (zmq_msg_more(&id)) {
		zmq_msg_init(&part);
		if (zmq_msg_recv(&part, sock, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&part);
			break;
		}
		if (shaped && !zmq_msg_more(&part))
			on_request(b, rid, &part);
		shaped = false;
		zmq_msg_move(&id, &part);
		zmq_msg_close(&part);
	}
	zmq_msg_close(&id);
	return true;
}

static void on_router(struct qf_zsource *z)
{
	struct qf_bus *b = qf_container_of(z, struct qf_bus, zrouter);

	for (int i = 0; i < RECV_BUDGET && receive_one(b, b->router); i++)
		;
}

static void on_rows_router(struct qf_zsource *z)
{
	struct qf_bus *b = qf_container_of(z, struct qf_bus, zrows);

	for (int i = 0; i < RECV_BUDGET && receive_one(b, b->rows); i++)
		;
}

static void give_event(struct qf_bus *b, struct qf_slice bytes)
{
	struct qf_err err;
	struct qf_msg m;

	if (qf_msg_decode(&m, bytes, &err) < 0) {
		bus_log_bad(b, "the event socket", &err);
		return;
	}
	if (m.kind != QF_MSG_EVENT)
		return;
	for (const struct qf_bus_handler *h = b->o.handlers; h && h->kind; h++)
		if (h->kind == QF_MSG_EVENT)
			h->fn(b->o.arg, NULL, &m);
}

static void on_event(struct qf_zsource *z)
{
	struct qf_bus *b = qf_container_of(z, struct qf_bus, zevents);

	for (int i = 0; i < RECV_BUDGET; i++) {
		struct qf_reader r;
		zmq_msg_t part;

		zmq_msg_init(&part);
		if (zmq_msg_recv(&part, b->events, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&part);
			return;
		}
		r = qf_reader(qf_slice(zmq_msg_data(&part), zmq_msg_size(&part)));
		while (r.n > 0 && !r.err)
			give_event(b, qf_read_bytes(&r, qf_read_u32(&r)));
		zmq_msg_close(&part);
	}
}

static int bind_one(struct qf_bus *b, int type, const char *suffix, void **ret, struct qf_zsource *z,
		    void (*fn)(struct qf_zsource *), struct qf_err *reterr)
{
	char *path = socket_path(b, b->o.program, b->instance, suffix);
	int rc = socket_open(b, type, ret, reterr);

	if (rc < 0)
		goto out;
	if (strlen(path) - strlen("ipc://") >= 108) {
		rc = qf_err_set(reterr, -ENAMETOOLONG, "%s: longer than the 107 bytes of a Unix socket path", path + 6);
		goto out;
	}
	if (zmq_bind(*ret, path) < 0) {
		rc = qf_err_set(reterr, -errno, "bind %s: %s", path + strlen("ipc://"), zmq_strerror(errno));
		goto out;
	}
	chmod(path + strlen("ipc://"), 0660);
	z->socket = *ret;
	z->fn = fn;
	rc = qf_zsource_add(b->o.loop, z);
out:
	free(path);
	return rc;
}

static void connect_events(struct qf_bus *b)
{
	char *path = socket_path(b, QF_ADMIN, "0", "events");
	int immediate = 1, hwm = 64; /* of up to EVENTS_MAX bytes each */

	/* IMMEDIATE: nothing is queued for an admin that is away; bounded, lossy and counted by design. */
	if (socket_open(b, ZMQ_PUSH, &b->events, NULL) == 0) {
		zmq_setsockopt(b->events, ZMQ_IMMEDIATE, &immediate, sizeof immediate);
		zmq_setsockopt(b->events, ZMQ_SNDHWM, &hwm, sizeof hwm);
		zmq_connect(b->events, path);
	}
	free(path);
}

int server_bind(struct qf_bus *b, struct qf_err *reterr)
{
	int rc = 0;

	if (b->o.temporary)
		return 0; /* it asks, nobody asks it */
	/* .rows first: whoever finds .sock may count on it. */
	if (b->o.rows && b->o.program == QF_DISPATCH)
		rc = bind_one(b, ZMQ_ROUTER, "rows", &b->rows, &b->zrows, on_rows_router, reterr);
	if (rc == 0 && b->o.program == QF_ADMIN)
		rc = bind_one(b, ZMQ_PULL, "events", &b->events, &b->zevents, on_event, reterr);
	if (rc == 0)
		rc = bind_one(b, ZMQ_ROUTER, "sock", &b->router, &b->zrouter, on_router, reterr);
	if (rc == 0 && b->o.program != QF_ADMIN)
		connect_events(b);
	return rc;
}

/* What is bound, we bound, and nobody else can before the lock is free. */
static void unlink_own(const struct qf_bus *b, const char *suffix)
{
	char *path = socket_path(b, b->o.program, b->instance, suffix);

	unlink(path + strlen("ipc://"));
	free(path);
}

void server_close(struct qf_bus *b)
{
	int linger = 1000; /* let the last answers, rows and BYE leave: a peer that reads takes them at once */
	struct {
		void **sock;
		struct qf_zsource *z;
		const char *suffix;
	} all[] = {
		{ &b->router, &b->zrouter, "sock" },
		{ &b->rows, &b->zrows, "rows" },
		{ &b->events, &b->zevents, "events" },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!*all[i].sock)
			continue;
		if (all[i].z->socket) {
			qf_zsource_del(b->o.loop, all[i].z);
			unlink_own(b, all[i].suffix);
		}
		if (all[i].sock != &b->events)
			zmq_setsockopt(*all[i].sock, ZMQ_LINGER, &linger, sizeof linger);
		zmq_close(*all[i].sock);
		*all[i].sock = NULL;
	}
}

/* ---- sending ------------------------------------------------------------------------------------ */

static struct qf_zsource *way_to(struct peer *p, bool rows)
{
	if (p->via)
		return rows ? &p->via->zrows : &p->via->zsock;
	return rows ? &p->bus->zrows : &p->bus->zrouter;
}

static int try_send(struct peer *p, struct qf_zsource *z, zmq_msg_t *msg)
{
	qf_zsource_used(p->bus->o.loop, z);
	if (!p->via && zmq_send(z->socket, p->rid, strlen(p->rid), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return -errno;
	return zmq_msg_send(msg, z->socket, ZMQ_DONTWAIT) < 0 ? -errno : 0;
}

void flush_peer(struct peer *p)
{
	while (!qf_list_empty(&p->outq)) {
		struct waiting *w = qf_container_of(p->outq.next, struct waiting, link);
		size_t n = zmq_msg_size(&w->msg);

		if (try_send(p, way_to(p, false), &w->msg) == -EAGAIN)
			return;
		p->outq_bytes -= n;
		qf_list_remove(&w->link);
		zmq_msg_close(&w->msg);
		free(w);
	}
}

static int queue_behind(struct peer *p, zmq_msg_t *msg)
{
	struct waiting *w;

	if (p->outq_bytes + zmq_msg_size(msg) > OUTQ_MAX_BYTES)
		return QF_ELIMIT;
	w = qf_xcalloc(1, sizeof *w);
	zmq_msg_init(&w->msg);
	p->outq_bytes += zmq_msg_size(msg);
	zmq_msg_move(&w->msg, msg);
	qf_list_append(&p->outq, &w->link);
	if (!qf_timer_armed(&p->bus->flush))
		qf_timer_set(p->bus->o.loop, &p->bus->flush, 5 * QF_MS);
	return 0;
}

static void free_bytes(void *p, void *hint)
{
	(void)hint;
	free(p);
}

static void wipe_bytes(void *p, void *n)
{
	explicit_bzero(p, (uintptr_t)n);
	free(p);
}

/* ZeroMQ's own copy would stay in freed memory. */
static void init_secret(zmq_msg_t *part, const struct qf_buf *msg)
{
	void *copy = qf_xmalloc(msg->n);

	memcpy(copy, msg->p, msg->n);
	zmq_msg_init_data(part, copy, msg->n, wipe_bytes, (void *)(uintptr_t)msg->n);
}

void stamp_epoch(struct qf_buf *msg, uint64_t epoch)
{
	qf_assert(msg->n >= QF_MSG_HEADER);
	for (int i = 0; i < 8; i++)
		msg->p[QF_MSG_EPOCH_AT + i] = (uint8_t)(epoch >> (56 - 8 * i));
}

int send_to(struct qf_bus *b, struct peer *p, struct qf_buf *msg, bool rows)
{
	struct qf_zsource *z = way_to(p, rows);
	zmq_msg_t part;
	int rc;

	if (!z->socket)
		return QF_ECLOSED;
	stamp_epoch(msg, b->epoch);
	if (rows) {
		zmq_msg_init_data(&part, msg->p, msg->n, free_bytes, NULL);
		qf_buf_init(msg);
	} else if (msg->p[QF_MSG_KIND_AT] == QF_MSG_KEYS) {
		init_secret(&part, msg);
	} else {
		zmq_msg_init_size(&part, msg->n);
		memcpy(zmq_msg_data(&part), msg->p, msg->n);
	}
	if (!rows && !qf_list_empty(&p->outq)) /* order */
		rc = queue_behind(p, &part);
	else
		rc = try_send(p, z, &part);
	if (rc == -EAGAIN && !rows)
		rc = queue_behind(p, &part);
	zmq_msg_close(&part);
	if (rc == -EHOSTUNREACH)
		return QF_ECLOSED;
	return rc;
}
