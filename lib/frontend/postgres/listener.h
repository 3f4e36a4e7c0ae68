/*
 * One listening PostgreSQL port: its sessions, the keys by which their queries are cancelled, and what they
 * may use together. One loop thread.
 */
#ifndef QF_FRONTEND_PG_LISTENER_H
#define QF_FRONTEND_PG_LISTENER_H

#include "../proxied.h"
#include "qf/frontend.h"
#include "qf/list.h"
#include "qf/log.h"
#include "qf/map.h"

struct pg_session;

struct qf_listener {
	struct qf_hub *hub;
	struct qf_loop *loop;
	struct qf_acceptor acceptor;
	struct qf_acceptor local; /* of the Unix socket; closed when there is none */
	struct fe_proxied proxied;
	struct qf_list connections; /* pg_session.link: all of them */
	size_t n_connections;
	size_t n_sessions;	  /* those past the startup packet */
	struct qf_map *by_pid;	  /* cancel key → session */
	uint32_t next_pid;
	uint64_t next_id;
	struct qf_log_limit failed_logins;
	size_t pending_bytes;	  /* of statements that are being received or run */
	bool draining;
	struct qf_task drained;
	void (*on_drained)(void *arg);
	void *drained_arg;
};

/* A connection has gone, from the list too. */
void pg_listener_left(struct qf_listener *l);
/* Room for one more session, by maxConnections. */
bool pg_listener_has_room(const struct qf_listener *l);
/* Makes the session's cancel key. False when the system gives no random bytes. */
bool pg_listener_register(struct qf_listener *l, struct pg_session *s) qf_must_check;
void pg_listener_unregister(struct qf_listener *l, struct pg_session *s);
/* [PG 55.2.8] Cancels what that session runs. Whether it was found is nobody's business. */
void pg_listener_cancel(struct qf_listener *l, uint32_t pid, struct qf_slice key);
/* Room for a statement of n bytes among those pending. */
bool pg_listener_reserve(struct qf_listener *l, size_t n);
void pg_listener_release(struct qf_listener *l, size_t n);

#endif
