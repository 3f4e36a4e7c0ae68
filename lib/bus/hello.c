/* HELLO each way: who is there, which protocol, which epoch. A peer exists only after it. DESIGN §3. */
#include "private.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void bus_log_bad(const struct qf_bus *b, const char *who, const struct qf_err *err)
{
	static struct qf_log_limit lim;

	(void)b;
	qf_log_limited(&lim, 5, QF_LOG_WARN, "bus: message from %s dropped: %s", who, err->text);
}

static void hello_build(struct qf_bus *b, struct qf_buf *msg, uint16_t flags)
{
	qf_msg_begin(msg, QF_MSG_HELLO, 0, 0, flags);
	qf_put_str(msg, QF_F_PROGRAM | QF_F_REQUIRED, qf_program_name(b->o.program));
	qf_put_str(msg, QF_F_INSTANCE | QF_F_REQUIRED, b->instance);
	qf_put_u32(msg, QF_F_PID, (uint32_t)getpid());
	qf_put_u32(msg, QF_F_VERSION, QF_PROTO_MAJOR << 16 | QF_PROTO_MINOR);
	qf_put_u64(msg, QF_F_CONF_ID, b->o.conf_id);
	qf_msg_end(msg);
	stamp_epoch(msg, b->epoch);
}

void hello_send(struct qf_bus *b, struct qf_zsource *z, const char *rid, uint16_t flags)
{
	struct qf_buf msg;

	qf_buf_init(&msg);
	hello_build(b, &msg, flags);
	if (!rid || zmq_send(z->socket, rid, strlen(rid), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
		(void)!zmq_send(z->socket, msg.p, msg.n, ZMQ_DONTWAIT);
	qf_zsource_used(b->o.loop, z);
	qf_buf_fini(&msg);
}

static int read_hello(const struct qf_msg *m, enum qf_program *program, char instance[33])
{
	struct qf_slice name = qf_get(m, QF_F_PROGRAM), inst = qf_get(m, QF_F_INSTANCE);

	if (inst.n == 0 || inst.n > 32 || memchr(inst.p, 0, inst.n))
		return QF_EMALFORMED;
	memcpy(instance, inst.p, inst.n);
	instance[inst.n] = 0;
	if (!instance_ok(instance))
		return QF_EMALFORMED;
	for (int i = 0; i < QF_PROGRAM_N; i++) {
		if (!qf_slice_eq_str(name, qf_program_name((enum qf_program)i)))
			continue;
		*program = (enum qf_program)i;
		return 0;
	}
	return QF_EMALFORMED;
}

/*
 * The kernel's word on who is behind a connection. A user other than the role's own (or ours, or root) is
 * refused; the process id is the kernel's, never the message's, where there is one.
 */
static bool credentials_ok(struct qf_bus *b, int fd, enum qf_program program, int *pid)
{
	static struct qf_log_limit lim;
	struct ucred cred;
	socklen_t n = sizeof cred;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return true; /* the connection is gone already: its HELLO leads nowhere */
	if (cred.uid != 0 && cred.uid != geteuid() && cred.uid != b->role_uid[program]) {
		qf_log_limited(&lim, 5, QF_LOG_WARN, "bus: user %d calls itself qf-%s: refused", (int)cred.uid,
			       qf_program_name(program));
		return false;
	}
	if (cred.pid > 0)
		*pid = cred.pid;
	return true;
}

/* Whoever holds the lock of a name is that instance; anybody else, or an epoch that is over, is nobody. */
static bool holds_lock(const struct qf_bus *b, enum qf_program program, const char *instance, int pid, uint64_t epoch)
{
	static struct qf_log_limit lim;

	if (lock_names(b, program, instance, pid, epoch))
		return true;
	qf_log_limited(&lim, 5, QF_LOG_WARN, "bus: process %d calls itself %s-%s and does not hold its lock: refused",
		       pid, qf_program_name(program), instance);
	return false;
}

static struct peer *find_client(struct qf_bus *b, enum qf_program program, const char *instance)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &b->peers) {
		struct peer *p = qf_container_of(it, struct peer, link);

		if (!p->via && p->pub.program == program && !strcmp(p->pub.instance, instance))
			return p;
	}
	return NULL;
}

void hello_from_client(struct qf_bus *b, const char *rid, const struct qf_msg *m, int src_fd)
{
	bool rows = m->flags & QF_MSG_ROWS;
	enum qf_program program;
	char instance[33];
	int pid = (int)qf_get_u32(m, QF_F_PID);
	struct peer *p;

	if (read_hello(m, &program, instance) < 0 || !credentials_ok(b, src_fd, program, &pid) ||
	    !holds_lock(b, program, instance, pid, m->epoch))
		return;
	p = find_client(b, program, instance);
	if (p && p->pub.epoch > m->epoch)
		return; /* a leftover of an epoch that is over */
	if (p && p->pub.epoch < m->epoch) {
		peer_lost(p, "a later epoch of it said HELLO");
		p = NULL;
	}
	if (!p)
		p = peer_new(b, program, instance, m->epoch, pid);
	if (!p)
		return;
	if (strcmp(p->rid, rid) != 0 && qf_map_get(b->by_rid, qf_slice_str(p->rid)) == p)
		qf_map_del(b->by_rid, qf_slice_str(p->rid)); /* it came back on another connection */
	snprintf(p->rid, sizeof p->rid, "%s", rid);
	qf_map_put(b->by_rid, qf_slice_str(p->rid), p);
	p->pub.conf_id = qf_get_u64(m, QF_F_CONF_ID);
	p->has_rows |= rows;
	hello_send(b, rows ? &b->zrows : &b->zrouter, rid, QF_MSG_REPLY | (rows ? QF_MSG_ROWS : 0));
	/* A listener counts as there only with its rows link: results must have a way. */
	if (!p->pub.up && (p->has_rows || !(b->o.rows && program == QF_LISTEN)))
		peer_up(p);
}

void hello_from_server(struct qf_link *l, const struct qf_msg *m, int src_fd, bool rows)
{
	bool needs_rows = l->rows != NULL;
	enum qf_program program;
	char instance[33];
	int pid = (int)qf_get_u32(m, QF_F_PID);

	if (read_hello(m, &program, instance) < 0 || program != l->program || strcmp(instance, l->instance)) {
		qf_warn("bus: %s-%s answers with another name", qf_program_name(l->program), l->instance);
		return;
	}
	if (!credentials_ok(l->bus, src_fd, program, &pid))
		return;
	if (l->peer && l->peer->pub.epoch != m->epoch) {
		if (l->peer->pub.epoch < m->epoch)
			peer_lost(l->peer, "a later epoch of it answered");
		return;
	}
	if (!l->peer) {
		l->peer = peer_new(l->bus, program, instance, m->epoch, pid);
		if (!l->peer)
			return;
		l->peer->via = l;
	}
	l->peer->pub.conf_id = qf_get_u64(m, QF_F_CONF_ID);
	*(rows ? &l->rows_ok : &l->sock_ok) = true;
	if (l->sock_ok && (l->rows_ok || !needs_rows) && !l->peer->pub.up) {
		qf_timer_stop(l->bus->o.loop, &l->hello);
		peer_up(l->peer);
	}
}
