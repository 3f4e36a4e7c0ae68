/*
 * One client connection from its first byte to its last: startup, settings, transaction, prepared statements and
 * portals, and at most one run: a Query, or one message of the extended protocol. [PG 55.2]
 *
 * Freed at the end of the turn after pg_session_close(); until then its memory stays for callers further up.
 * One loop thread.
 */
#ifndef QF_FRONTEND_PG_SESSION_H
#define QF_FRONTEND_PG_SESSION_H

#include "conn.h"
#include "extended.h"
#include "listener.h"
#include "qf/proto/postgres.h"
#include "qf/types.h"
#include "settings.h"
#include "txn.h"

struct pg_login;
struct pg_run;

enum { PG_SECRET = 32 };

enum pg_phase {
	PG_PHASE_STARTUP,
	PG_PHASE_LOGIN, /* the client has said who it is, and proves it */
	PG_PHASE_READY,
	PG_PHASE_ENDING, /* a FATAL was sent; nothing more is read */
};

struct pg_session {
	struct pg_conn conn; /* conn.tls: NULL when the client talks in clear */
	struct qf_listener *listener;
	struct qf_list link;
	struct qf_task reap;
	struct qf_timer timer; /* startup, then idle limits */
	struct qf_pg_decoder decoder;
	enum pg_phase phase;
	bool skip_to_sync; /* after an error in the extended protocol */
	bool ready_owed;   /* ReadyForQuery behind what runs now */
	bool over_budget;  /* the message that is passing by found no room */
	size_t reserved;   /* of listener->pending_bytes, for the message that is being received */
	uint32_t pid;	/* of its cancel key */
	uint8_t secret[PG_SECRET];
	uint8_t secret_n; /* by the protocol's minor version */
	char client[64];  /* "127.0.0.1:40312", "[::1]:40312" or "local"; behind a proxy the real client's */
	char address[48]; /* the same without brackets and port */
	struct pg_login *login; /* in that phase */
	bool local;	  /* by the Unix socket: never encrypted, and not refused for it */
	char *user, *database, *schema;
	struct pg_settings settings;
	struct qf_buf noted; /* ParameterStatus messages that came while a query was out, which borrows the settings */
	struct pg_txn txn;
	bool foreign; /* the engine with a connection of this session is not PostgreSQL */
	bool lost; /* what an engine kept for the session is gone: it ends */
	struct pg_extended extended;
	struct pg_run *run;
	struct qf_session_facts facts;
	uint64_t generation; /* of the settings: changes with them */
	struct qf_conf_kv *headers, *tags, *engine_settings;
	char *tags_text; /* what tags point into */
	struct qf_tz *tz;
	struct qf_text_style style;
};

/* Takes over fd; on failure closes it. */
int pg_session_new(struct qf_listener *l, int fd, const char *client) qf_must_check;
void pg_session_close(struct pg_session *s);
/* The same because the process ends now: with a last word about what runs, as far as the socket takes it. */
void pg_session_shut(struct pg_session *s);
/* ReadyForQuery, with what changed before it. */
void pg_session_ready(struct pg_session *s);
/* What was said is sent, then the connection closes. */
void pg_session_end(struct pg_session *s);
/* FATAL, then that. */
void pg_session_fatal(struct pg_session *s, const char *sqlstate, const char *fmt, ...) qf_printf(3, 4);
void pg_session_cancel(struct pg_session *s);
/* The session's pin, made when there is none. */
struct qf_pin *pg_session_pin(struct pg_session *s);
/* An engine has a connection of this session, and on it perhaps cursors and the like. */
bool pg_session_has_engine(const struct pg_session *s);
/* Which one it is, by its cluster's name. */
void pg_session_note_engine(struct pg_session *s, const char *cluster);
/* A ParameterStatus or NotificationResponse of the engine. */
void pg_session_async(struct pg_session *s, struct qf_slice message);
/* No query is out any more: what came meanwhile is taken into the settings. */
void pg_session_take_noted(struct pg_session *s);
/* The server is going down: at once when nothing runs and no transaction is open, else when that is so. */
void pg_session_drain(struct pg_session *s);

/* startup.c: everything before the session is ready */
void pg_startup_event(struct pg_session *s, const struct qf_pg_event *ev, bool more_behind);
/* TLS without an SSLRequest before it. */
void pg_startup_direct_tls(struct pg_session *s);
/* What this session may or has to do about TLS, by the configuration of now: OFF on the Unix socket. */
enum qf_tls_mode pg_startup_tls_mode(const struct pg_session *s);

void pg_startup_welcome(struct pg_session *s); /* the login is over: to ReadyForQuery */

/* login.c: who the client is. Ends in pg_startup_welcome() or in a FATAL error. */
void pg_login_begin(struct pg_session *s);
void pg_login_message(struct pg_session *s, struct qf_slice body);
struct pg_login *pg_login_free(struct pg_login *l); /* returns NULL */

/* facts.c: what the settings mean to others; both are brought up to date when a setting changed */
const struct qf_session_facts *pg_session_facts(struct pg_session *s);
const struct qf_text_style *pg_session_style(struct pg_session *s);
void pg_session_facts_fini(struct pg_session *s);

/* reply.c */
void pg_reply_error(struct qf_buf *out, const char *severity, const struct qf_sql_error *e);
/* Left out when client_min_messages asks for more severe ones only. */
void pg_reply_notice(struct pg_session *s, const char *severity, const char *sqlstate, const char *text);
/* RowDescription of text columns. */
void pg_reply_text_columns(struct qf_buf *out, const char *const *names, uint16_t n);

#endif
