/* Accepting connections, cancel keys, drain. See listener.h. */
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener.h"
#include "postgres.h"
#include "qf/clock.h"
#include "qf/log.h"
#include "session.h"

enum {
	DEFAULT_CONNECTIONS = 10000,
	SPARE_CONNECTIONS = 64, /* beyond maxConnections: cancel requests, and clients that are told to go */
};

#define MAX_PENDING_BYTES ((size_t)256 << 20)

/* ---- room ---- */

static size_t max_sessions(const struct qf_listener *l)
{
	size_t n = qf_hub_conf(l->hub)->frontends[QF_FE_POSTGRES].max_connections;

	return n ? n : DEFAULT_CONNECTIONS;
}

bool pg_listener_has_room(const struct qf_listener *l)
{
	return l->n_sessions < max_sessions(l);
}

bool pg_listener_reserve(struct qf_listener *l, size_t n)
{
	if (n > MAX_PENDING_BYTES - l->pending_bytes)
		return false;
	l->pending_bytes += n;
	return true;
}

void pg_listener_release(struct qf_listener *l, size_t n)
{
	l->pending_bytes -= n;
}

/* ---- cancel keys ---- */

bool pg_listener_register(struct qf_listener *l, struct pg_session *s)
{
	if (getrandom(s->secret, sizeof(s->secret), 0) != sizeof(s->secret))
		return false;
	/* Positive for clients that print it as a signed number, and not one that is in use. */
	do
		l->next_pid = (l->next_pid + 1) & 0x7fffffff;
	while (l->next_pid == 0 || qf_map_get_u64(l->by_pid, l->next_pid));
	s->pid = l->next_pid;
	s->facts.id = ++l->next_id;
	qf_map_put_u64(l->by_pid, s->pid, s);
	l->n_sessions++;
	return true;
}

void pg_listener_unregister(struct qf_listener *l, struct pg_session *s)
{
	if (s->pid == 0)
		return;
	qf_map_del_u64(l->by_pid, s->pid);
	l->n_sessions--;
	s->pid = 0;
}

/* Takes the same time for every key. */
static bool key_matches(const struct pg_session *s, struct qf_slice key)
{
	uint8_t diff = 0;

	if (key.n != s->secret_n)
		return false;
	for (size_t i = 0; i < key.n; i++)
		diff |= key.p[i] ^ s->secret[i];
	return diff == 0;
}

static bool cancel_here(struct qf_listener *l, uint32_t pid, struct qf_slice key)
{
	struct pg_session *s = qf_map_get_u64(l->by_pid, pid);

	if (!s || !key_matches(s, key))
		return false;
	pg_session_cancel(s);
	return true;
}

/* Several processes may share the port: what is not ours may be another's. */
void pg_listener_cancel(struct qf_listener *l, uint32_t pid, struct qf_slice key)
{
	struct qf_buf whole = { 0 };

	if (cancel_here(l, pid, key))
		return;
	qf_buf_u32(&whole, pid);
	qf_buf_add_slice(&whole, key);
	qf_hub_cancel_key(l->hub, QF_FE_POSTGRES, qf_buf_slice(&whole));
	qf_buf_fini(&whole);
}

static void listener_cancel_key(struct qf_listener *l, struct qf_slice whole)
{
	struct qf_reader r = qf_reader(whole);
	uint32_t pid = qf_read_u32(&r);

	if (!r.err)
		cancel_here(l, pid, qf_slice(r.p, r.n));
}

/* ---- accept ---- */

static void refuse_at_once(int fd)
{
	struct qf_pg_fields f = {
		.severity = "FATAL",
		.sqlstate = "53300",
		.message = "sorry, too many clients already",
	};
	struct qf_buf out;

	qf_buf_init(&out);
	qf_pg_put_error(&out, &f);
	/* A fresh socket has room for it; if not, the close says it too. */
	if (send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		qf_debug("refused connection: %s", qf_strerror(-errno));
	qf_buf_fini(&out);
	close(fd);
}

static void take_client(struct qf_listener *l, int fd, const char *name)
{
	int r;

	if (l->n_connections >= max_sessions(l) + SPARE_CONNECTIONS) {
		refuse_at_once(fd);
		return;
	}
	r = pg_session_new(l, fd, name);
	if (r < 0)
		qf_debug("client %s: %s", name, qf_strerror(r));
}

static void on_client(struct qf_acceptor *a, int fd, const char *name)
{
	take_client(qf_container_of(a, struct qf_listener, acceptor), fd, name);
}

static void on_local_client(struct qf_acceptor *a, int fd, const char *name)
{
	take_client(qf_container_of(a, struct qf_listener, local), fd, name);
}

/* ---- life ---- */

static void on_drained(struct qf_task *t)
{
	struct qf_listener *l = qf_container_of(t, struct qf_listener, drained);

	if (l->on_drained)
		l->on_drained(l->drained_arg);
}

void pg_listener_left(struct qf_listener *l)
{
	l->n_connections--;
	if (l->draining && l->n_connections == 0)
		qf_task_add(l->loop, &l->drained);
}

static int listener_open(struct qf_listener **ret, struct qf_hub *hub, int listen_fd, struct qf_err *reterr)
{
	struct qf_listener *l = qf_xcalloc(1, sizeof(*l));

	l->hub = hub;
	l->loop = qf_hub_loop(hub);
	l->local.watch.fd = -1;
	l->drained.fn = on_drained;
	l->by_pid = qf_map_new();
	qf_list_init(&l->connections);
	int r = getrandom(&l->next_pid, sizeof(l->next_pid), 0) == sizeof(l->next_pid) ? 0 : -errno;

	if (r == 0)
		r = qf_acceptor_open(&l->acceptor, l->loop, listen_fd, on_client);
	if (r < 0) {
		qf_map_free(l->by_pid);
		free(l);
		return qf_err_set(reterr, r, "PostgreSQL listener: %s", qf_strerror(r));
	}
	fe_proxied_init(&l->proxied, hub, QF_FE_POSTGRES);
	l->acceptor.preface = &l->proxied.preface;
	*ret = l;
	return 0;
}

static int listener_open_also(struct qf_listener *l, int listen_fd, struct qf_err *reterr)
{
	int r = qf_acceptor_open(&l->local, l->loop, listen_fd, on_local_client);

	return r < 0 ? qf_err_set(reterr, r, "PostgreSQL listener: %s", qf_strerror(r)) : 0;
}

static void listener_drain(struct qf_listener *l, void (*on_done)(void *arg), void *arg)
{
	struct qf_list *it, *tmp;

	l->draining = true;
	l->on_drained = on_done;
	l->drained_arg = arg;
	qf_acceptor_close(&l->acceptor);
	qf_acceptor_close(&l->local);
	if (l->n_connections == 0)
		qf_task_add(l->loop, &l->drained);
	qf_list_each(it, tmp, &l->connections)
		pg_session_drain(qf_container_of(it, struct pg_session, link));
}

static void listener_close(struct qf_listener *l)
{
	l->on_drained = NULL;
	qf_acceptor_close(&l->acceptor);
	qf_acceptor_close(&l->local);
	while (!qf_list_empty(&l->connections))
		pg_session_shut(qf_container_of(l->connections.next, struct pg_session, link));
	qf_task_del(l->loop, &l->drained);
	qf_map_free(l->by_pid);
	free(l);
}

static size_t listener_sessions(const struct qf_listener *l)
{
	return l->n_sessions;
}

const struct qf_frontend_ops qf_frontend_postgres = {
	.kind = QF_FE_POSTGRES,
	.open = listener_open,
	.open_also = listener_open_also,
	.drain = listener_drain,
	.close = listener_close,
	.sessions = listener_sessions,
	.cancel_key = listener_cancel_key,
};
