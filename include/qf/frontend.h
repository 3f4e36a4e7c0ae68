/*
 * What a frontend (a client protocol) is, and what qf-listen's hub offers it.
 *
 * A frontend owns client connections: accepts, speaks the protocol over lib/proto, keeps the session. For
 * each statement it starts a qf_query; the hub (cmd/qf-listen/hub.c) owns that query until it is answered:
 * sends it round the ring, resolves and resends when a program dies, and calls back. All on the one loop
 * thread of qf-listen. The frontend frees a query after on_end, or earlier with qf_query_abandon() (the
 * client vanished): then no callback comes any more.
 */
#ifndef QF_FRONTEND_H
#define QF_FRONTEND_H

#include "qf/auth.h"
#include "qf/buf.h"
#include "qf/conf.h"
#include "qf/engine.h"
#include "qf/loop.h"

struct qf_hub;
struct qf_tls_config;
struct qf_query;
struct qf_pin; /* one connection of one dispatch instance, held over statements: a transaction, or what a session keeps there */

/* What the ring is told of a session; lives as long as the session, may change between statements. */
struct qf_session_facts {
	enum qf_frontend frontend;
	uint64_t id;		 /* unique within this qf-listen */
	const char *user;
	bool keyed;		 /* it put SCRAM keys (qf_hub_keys_put): no other session is given those of its user */
	const char *database;	 /* may be NULL */
	const char *schema;	 /* first of search_path, may be NULL */
	const char *client;	 /* "127.0.0.1:40312", for history and logs */
	const char *time_zone;	 /* NULL = UTC */
	enum qf_dialect dialect; /* of its statements: the protocol's, or queryflux.dialect */
	const struct qf_conf_kv *settings; /* PostgreSQL's names: what differs from the default; for engines that have them */
	size_t n_settings;
	const struct qf_conf_kv *headers; /* header name → value; for PostgreSQL the startup options */
	size_t n_headers;
	const struct qf_conf_kv *tags;
	size_t n_tags;
};

enum { QF_QUERY_ID = 48 }; /* bytes of a public id, with its NUL */

struct qf_query_end {
	bool ok;
	uint64_t rows;		     /* returned or affected */
	bool has_rows;		     /* on_columns was called */
	bool transaction_lost;	     /* the pin is dead: the transaction is gone */
	uint64_t queue_ns;	     /* waited for a slot */
	const char *group, *cluster; /* where it ran; may be NULL */
	bool suspended;		     /* rows are left in the portal of the request */
	enum qf_stage stage;	     /* when !ok: what had been done before stands */
	const char *tag;	     /* the engine's own command tag, or NULL; the next ones too live as long as the query */
	struct qf_slice fields;	     /* when !ok: body of the engine's own ErrorResponse, or empty */
	const uint32_t *param_types; /* of QF_RUN_DESCRIBE: oids of all parameters */
	size_t n_params;
	struct qf_sql_error error;   /* when !ok */
};

struct qf_query_request {
	const struct qf_session_facts *session; /* borrowed until the end */
	struct qf_slice sql;			/* one statement; copied */
	const struct qf_facts *facts;		/* of sql, in the session's dialect; copied */
	const struct qf_bind *bind;		/* copied; NULL: run it, rows in Arrow */
	/*
	 * NULL: autocommit. A pin without a transaction (new, or held for the session's sake) begins one with this
	 * statement, when `transaction` is set.
	 */
	struct qf_pin *pin;
	bool transaction;
	bool ends_transaction; /* sql is COMMIT or ROLLBACK: never judged, ends the pin's transaction */
	bool judged; /* this very text was judged for this session before, in this pin */
	uint64_t deadline_ns;  /* statement_timeout, from now; 0 = none */
	const char *id;	       /* from qf_query_name(); copied. NULL: the hub names it */
	void *arg;
	/*
	 * Columns and rows in one of the encodings that bind accepts: a schema message and record batches (qf/types.h), or
	 * whole messages of the client's protocol (qf/engine.h says which). Slices are borrowed for the call.
	 */
	void (*on_columns)(struct qf_query *q, void *arg, enum qf_encoding enc, struct qf_slice schema);
	void (*on_rows)(struct qf_query *q, void *arg, struct qf_slice batch);
	/* fields: body of the engine's own NoticeResponse, or empty. */
	void (*on_notice)(struct qf_query *q, void *arg, const char *severity, const char *sqlstate, const char *text,
			  struct qf_slice fields);
	/* A whole ParameterStatus or NotificationResponse message of the engine; may be NULL. */
	void (*on_async)(struct qf_query *q, void *arg, struct qf_slice message);
	/* Input given with qf_query_input() was taken: as many bytes more may be given; may be NULL. */
	void (*on_input_taken)(struct qf_query *q, void *arg, size_t bytes);
	void (*on_end)(struct qf_query *q, void *arg, const struct qf_query_end *end);
};

/* A public id for a query that is known to its client before it is started. */
void qf_query_name(struct qf_hub *hub, char ret[QF_QUERY_ID]);
/* Never calls back from inside; a refusal comes through on_end in a later turn. */
struct qf_query *qf_query_start(struct qf_hub *hub, const struct qf_query_request *req);
/*
 * The client has taken `bytes` of the row messages given to on_rows (size of the ipc_batch slices): the
 * window opens again. Until then at most one stream window is buffered here.
 */
void qf_query_taken(struct qf_query *q, size_t bytes);
/*
 * Whole CopyData, CopyDone, CopyFail messages, at most QF_INPUT_WINDOW bytes beyond what on_input_taken() gave back.
 * What cannot be sent on is lost: the statement is cancelled then, nothing given later is sent, and its end is an error.
 */
void qf_query_input(struct qf_query *q, struct qf_slice messages);
void qf_query_cancel(struct qf_query *q); /* on_end comes, with 57014 unless it had just ended */
void qf_query_free(struct qf_query *q);	  /* after on_end, or in it; before its pin is freed */
void qf_query_abandon(struct qf_query *q);
const char *qf_query_id(const struct qf_query *q); /* public id, for logs and notices */
bool qf_query_running(const struct qf_query *q);   /* it has a slot, as far as is known; else it waits for one */

struct qf_pin *qf_pin_new(struct qf_hub *hub);
bool qf_pin_placed(const struct qf_pin *pin); /* it has a connection at an engine */
bool qf_pin_in_transaction(const struct qf_pin *pin); /* a statement has begun its transaction there */
unsigned qf_pin_held(const struct qf_pin *pin); /* enum qf_held: kept beyond its transaction, for the session's sake */
bool qf_pin_dead(const struct qf_pin *pin);
/* What the engine says to a held session between its statements, until the pin is freed; on_lost: its connection is gone. */
void qf_pin_watch(struct qf_pin *pin, void (*on_async)(void *arg, struct qf_slice message), void (*on_lost)(void *arg),
		  void *arg);
struct qf_pin *qf_pin_free(struct qf_pin *pin); /* rolls back when still open; returns NULL */

/*
 * A client asks to cancel what a session of another qf-listen runs: all others get its key, as the protocol has it, by
 * their cancel_key(). Nobody answers.
 */
void qf_hub_cancel_key(struct qf_hub *hub, enum qf_frontend fe, struct qf_slice key);

/* Who may log in, by the current configuration; borrowed until the loop turns, else qf_auth_ref(). */
struct qf_auth *qf_hub_auth(const struct qf_hub *hub);
/*
 * SCRAM keys of users who are logged in, for engines where they log in by them (queryAuth: scramKeys); nothing is kept
 * when no cluster asks for that. put: one more session of that user; the keys of the latest login count. drop: one
 * session less; with the last one the keys are wiped. In locked memory, which no core dump has. Only sessions whose facts
 * say `keyed` have any use of them: who was let in under the same name by another rule has proved nothing to the engine.
 */
bool qf_hub_keys_put(struct qf_hub *hub, const char *user, const struct qf_scram_keys *keys); /* false: not kept */
void qf_hub_keys_drop(struct qf_hub *hub, const char *user); /* once for each put that was kept */
/* NULL: there are none. Borrowed until the next put or drop. */
const struct qf_scram_keys *qf_hub_keys(const struct qf_hub *hub, const char *user);

const struct qf_conf *qf_hub_conf(const struct qf_hub *hub); /* current; changes with a reload */
/* The same of the certificate; NULL: there is none. Who keeps it takes a reference. */
struct qf_tls_config *qf_hub_tls(const struct qf_hub *hub);
struct qf_loop *qf_hub_loop(const struct qf_hub *hub);
const char *qf_hub_version(const struct qf_hub *hub); /* of this build */

/* One listening protocol. */
struct qf_listener; /* the frontend's own */

struct qf_frontend_ops {
	enum qf_frontend kind;
	/* Takes over an already listening, non-blocking descriptor. */
	int (*open)(struct qf_listener **ret, struct qf_hub *hub, int listen_fd, struct qf_err *reterr);
	/* One more descriptor of the same kind, to the same sessions; NULL: the protocol has none but its port. */
	int (*open_also)(struct qf_listener *l, int listen_fd, struct qf_err *reterr);
	/* No new connections; sessions end when idle. on_drained is called once none is left. */
	void (*drain)(struct qf_listener *l, void (*on_drained)(void *arg), void *arg);
	void (*close)(struct qf_listener *l); /* drops what is left */
	size_t (*sessions)(const struct qf_listener *l);
	/* Cancels what the session with that key runs, if it is one of ours; NULL: sessions have no keys. */
	void (*cancel_key)(struct qf_listener *l, struct qf_slice key);
};

const struct qf_frontend_ops *qf_frontend_ops(enum qf_frontend kind); /* NULL: not built */

#endif
