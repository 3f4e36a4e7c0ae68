/*
 * What an engine adapter is. One adapter a directory in lib/engine, one `const struct qf_engine_ops` each,
 * listed in lib/engine/registry.c. qf-dispatch is the only user.
 *
 * Threads: every function here is called on the loop thread and returns at once. An adapter may run its
 * engine on threads of its own; it calls the job's callbacks on the loop thread only (qf_wake).
 *
 * Life of a job: conn_get → submit → on_schema → on_batch* → on_end → conn_put. on_end comes exactly once
 * for each submit that returned 0, after a cancel too. Rows stop when `window` bytes are unconsumed;
 * more() grants more. A connection carries one job at a time; in a transaction the same connection carries
 * the next ones. Rows come in the encoding that the adapter chose (job->encoding, set before on_schema) from
 * those that the job's bind accepts, best first relay, then Arrow:
 *   QF_ENC_ARROW  on_schema has one encapsulated schema message, on_batch one encapsulated record batch;
 *   QF_ENC_PG3    on_schema has one whole RowDescription, CopyOutResponse or CopyInResponse message, on_batch whole
 *                 DataRow or CopyData messages.
 * A connection may still be on its way to the engine when conn_get returns it; a job submitted then waits for that.
 */
#ifndef QF_ENGINE_H
#define QF_ENGINE_H

#include "qf/bind.h"
#include "qf/buf.h"
#include "qf/conf.h"
#include "qf/loop.h"

struct qf_engine;      /* one cluster, opened */
struct qf_engine_conn; /* one connection to it */
struct qf_scram_keys;  /* qf/auth.h */

/* An error in the client's terms. */
struct qf_sql_error {
	char sqlstate[6];
	char message[1024];
	char detail[256];
	char hint[512];
	uint32_t position; /* 1-based character in the statement as sent to the engine; 0 = none */
};

void qf_sql_error_set(struct qf_sql_error *e, const char *sqlstate, const char *fmt, ...) qf_printf(3, 4);

enum qf_engine_outcome {
	QF_OUT_OK,
	QF_OUT_ERROR,	  /* the engine refused or failed it: no effect beyond what the engine says */
	QF_OUT_CANCELLED, /* ended because of cancel() */
	QF_OUT_UNKNOWN,	  /* the connection died after the statement was sent */
	QF_OUT_NOT_SENT,  /* certainly had no effect: another member may be tried */
};

/* How far a statement had come that failed: what was done before stands, a prepared statement or a portal. */
enum qf_stage { QF_STAGE_PARSE, QF_STAGE_BIND, QF_STAGE_EXECUTE };

/* Why the session must keep this connection beyond its transaction. */
enum qf_held {
	QF_HELD_MODE = 1 << 0,	 /* poolMode: session */
	QF_HELD_TEMP = 1 << 1,	 /* temporary tables */
	QF_HELD_LISTEN = 1 << 2, /* LISTEN */
	QF_HELD_LOCK = 1 << 3,	 /* advisory locks of the session */
	QF_HELD_CURSOR = 1 << 4, /* cursors WITH HOLD */
};

struct qf_engine_end {
	enum qf_engine_outcome outcome;
	uint64_t rows;		   /* returned or affected */
	bool has_rows;		   /* a schema was sent */
	bool in_transaction;	   /* the connection's state now */
	bool transaction_failed;   /* … and it accepts nothing but ROLLBACK */
	bool conn_broken;	   /* the connection must not be used again */
	bool catalog_changed;	   /* with NOT_SENT: a table of the job is not what the look-up found any more */
	bool suspended;		   /* rows are left in the portal of the job */
	bool elsewhere;		   /* with NOT_SENT: the engine could not be reached, another member may run it */
	enum qf_stage stage;	   /* with ERROR: set by adapters that describe statements */
	unsigned held;		   /* enum qf_held, the connection's state now */
	char tag[64];		   /* the engine's own command tag; empty: it has none */
	struct qf_slice fields;	   /* with ERROR: body of its own ErrorResponse; borrowed for the call */
	struct qf_sql_error error; /* with ERROR, CANCELLED, UNKNOWN, NOT_SENT */
};

/*
 * What the session has set: "timezone" (an IANA name), "schema" (the first of its search path, as the engine writes it),
 * and for engines that speak PostgreSQL whatever else such a session may set, by PostgreSQL's names. A name that is not listed has its default, so the list is the whole
 * truth for each statement and connections need no reset for it. What an engine does not have it leaves aside.
 */
struct qf_engine_setting {
	const char *name, *value;
};

/*
 * Columns of tables, for translation: a statement is translated with what a look-up found, and its job says so, that
 * the engine can see whether it is still true when it binds the statement.
 */
struct qf_engine_table {
	const char *catalog, *schema, *name; /* unquoted; catalog and schema NULL where the statement does not say */
	uint64_t hash;			     /* qf_engine_columns_hash() of its columns; 0 = not looked up, not compared */
};

uint64_t qf_engine_columns_hash(struct qf_slice columns); /* 0 for the empty slice only */

struct qf_engine_lookup {
	/* set by the caller; borrowed until on_done returns */
	const struct qf_engine_table *tables;
	size_t n_tables;
	const struct qf_engine_setting *settings; /* as a statement's job would have them */
	size_t n_settings;
	void *arg;
	/*
	 * Called on the loop thread, once. columns[i] is a JSON object {"column": "TYPE", …} in the order of the table,
	 * types as the engine writes them; {} when the name certainly means no table or view, empty when that could not
	 * be found out. Borrowed for the call.
	 */
	void (*on_done)(struct qf_engine_lookup *l, const struct qf_slice *columns);
};

/* For whom a connection is. */
struct qf_engine_who {
	uint64_t session; /* as in the job; an adapter with a pool prefers the connection that this session had last */
	const char *user; /* the client's; NULL: it did not say */
	bool keyed; /* it logged in by SCRAM, and may have the connections that were made by the keys of that user */
	/*
	 * The SCRAM keys of that user's login, where conn_get() asked for them. Copied into locked memory, and wiped when the
	 * connection is there.
	 */
	const struct qf_scram_keys *keys;
};

struct qf_engine_job {
	/* set by the caller; borrowed until on_end returns */
	struct qf_slice sql; /* one statement */
	/* With a bind of a form (qf/bind.h) whose inner is sql: the statement around it, as the client wrote it; else empty. */
	struct qf_slice text;
	/* The statement is right only if these tables are what they were in this state of the catalog; else it is not run. */
	const struct qf_engine_table *tables;
	size_t n_tables;
	uint64_t catalog;
	const struct qf_engine_setting *settings;
	size_t n_settings;
	const struct qf_bind *bind; /* never NULL; kind and encodings are for the adapter to obey */
	uint64_t session;	    /* unique among all listeners' sessions that this dispatch serves; 0: its own */
	const char *user, *query_id; /* who asks, for the engine's own lists; may be NULL */
	const char *database;	     /* as the client calls it; may be NULL */
	size_t window;	    /* bytes of rows that may be outstanding at the start */
	size_t batch_bytes; /* aim for batches of at most this size (256 KiB) */
	void *arg;
	/* Called on the loop thread. The slices are borrowed for the call. */
	void (*on_schema)(struct qf_engine_job *job, struct qf_slice ipc_schema);
	void (*on_batch)(struct qf_engine_job *job, struct qf_slice ipc_batch, uint64_t rows);
	/* QF_RUN_DESCRIBE: in place of on_schema; columns in the encoding chosen, empty: it returns no rows. */
	void (*on_described)(struct qf_engine_job *job, const uint32_t *oids, size_t n_params, struct qf_slice columns);
	/* fields: body of the engine's own NoticeResponse, or empty. */
	void (*on_notice)(struct qf_engine_job *job, const char *severity, const char *text, struct qf_slice fields);
	/* A whole ParameterStatus or NotificationResponse message of the engine. */
	void (*on_async)(struct qf_engine_job *job, struct qf_slice message);
	/* The engine took input() bytes: as many more may come. */
	void (*on_input_taken)(struct qf_engine_job *job, size_t bytes);
	void (*on_end)(struct qf_engine_job *job, const struct qf_engine_end *end);
	/* the adapter's */
	enum qf_encoding encoding; /* set before on_schema and on_described */
	void *priv;
};

#define QF_INPUT_WINDOW (1u << 20) /* bytes of input() that may be outstanding */

enum qf_engine_caps {
	QF_ENGINE_CAP_TRANSACTIONS = 1 << 0,
	QF_ENGINE_CAP_EMBEDDED = 1 << 1, /* dies with its qf-dispatch: no orphan survives a crash */
};

struct qf_engine_ops {
	const char *name; /* the configuration's engine name */
	enum qf_dialect dialect;
	uint32_t caps;
	/* Opens a cluster. cfg is borrowed for the life of the engine. max_running is the most jobs at once. */
	int (*open)(struct qf_engine **ret, const struct qf_conf_cluster *cfg, struct qf_loop *loop,
		    unsigned max_running, struct qf_err *reterr);
	/* What still runs is cancelled and ends without callbacks; connections not put back are gone with it.
	 * Not from a job's callback. */
	void (*close)(struct qf_engine *e);
	/* -ENOKEY: a new connection is needed, and for that the keys of who->user; or it is not keyed, and has to be. */
	int (*conn_get)(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret,
			struct qf_sql_error *reterr);
	/* Gives the connection back; `reset` when it may hold session state (after a transaction, settings). */
	void (*conn_put)(struct qf_engine_conn *c, bool reset);
	/*
	 * Statements that may run at once; a cluster is given no more, and one that is only described beside them. NULL or 0:
	 * no limit.
	 */
	unsigned (*capacity)(const struct qf_engine *e);
	/* Why the engine is not expected to answer now, or NULL: other members are chosen first. NULL: always up. */
	const char *(*why_down)(const struct qf_engine *e);
	/* When it fails nothing was started (outcome NOT_SENT) and no callback comes. */
	int (*submit)(struct qf_engine_conn *c, struct qf_engine_job *job, struct qf_sql_error *reterr);
	void (*more)(struct qf_engine_conn *c, size_t bytes); /* the consumer took bytes */
	void (*cancel)(struct qf_engine_conn *c);	      /* of the running job; harmless when it just ended */
	/*
	 * After on_schema with a CopyInResponse: whole CopyData, CopyDone, CopyFail messages of the client, at most
	 * QF_INPUT_WINDOW bytes more than on_input_taken() gave back. NULL: no such statements.
	 */
	void (*input)(struct qf_engine_conn *c, struct qf_slice messages);
	/* What the engine says while no job runs, until conn_put; on_lost: the connection is gone. NULL: nothing ever. */
	void (*watch)(struct qf_engine_conn *c, void (*on_async)(void *arg, struct qf_slice message),
		      void (*on_lost)(void *arg), void *arg);
	/* In-memory and written since its start: its content is lost with the process. May be NULL. */
	bool (*is_volatile)(const struct qf_engine *e);
	/*
	 * The state of the catalog, by a number that changes (never back) after everything that may have changed it,
	 * before that statement's on_end; never 0. An engine that others change too lets the number change with time as
	 * well (60 s). What a transaction has changed itself does not count until it has ended: a job in it is compared
	 * with what its own connection sees. NULL, with lookup NULL: columns cannot be had.
	 */
	uint64_t (*catalog)(struct qf_engine *e);
	/*
	 * Looks tables up as the engine would for a statement outside of a transaction. When it fails no callback comes;
	 * neither does one after close().
	 */
	int (*lookup)(struct qf_engine *e, struct qf_engine_lookup *l) qf_must_check;
};

/* The adapter for a kind, or NULL when it is not built. */
const struct qf_engine_ops *qf_engine_find(enum qf_engine_kind kind);

#endif
